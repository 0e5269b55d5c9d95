"""
How much of a night one camera really watched, and what kept it from the rest.

Armed time is the calendar's. Blind is what the worker says it could not analyse (a stream lost, a
hole, a machine too slow), what it did analyse while a trouble made the picture worthless (covered,
moved, out of focus, black, over-exposed, frozen), and what no worker told of: silence is not
availability. No second counts twice.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from parkwacht_config.schedule import armed_seconds
from parkwacht_config.site import Arming
from parkwacht_vision.event import CameraTrouble, TroubleCause, WatchReport

NOT_WATCHED = "not_watched"
LEAST_UNTOLD_S = 1.0  # reports do not meet to the millisecond
# Lost streams are in the reports; a clock that drifts and a thin stream still show who is there.
BLINDING: frozenset[TroubleCause] = frozenset(
    {"covered", "moved", "defocused", "black", "over_exposed", "frozen"}
)


@dataclass(frozen=True, slots=True)
class NightSpan:
    """From when to when is asked."""

    started_at: datetime
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class Availability:
    """What became of the armed time of one camera; `blind_s` is by cause, in their order."""

    armed_s: float
    blind_s: dict[str, float]

    @property
    def analysed_s(self) -> float:
        """Armed time in which somebody would have been seen."""
        return max(0.0, self.armed_s - sum(self.blind_s.values()))

    @property
    def share(self) -> float | None:
        """Analysed of armed time, 0 to 1; None where nothing was armed."""
        return self.analysed_s / self.armed_s if self.armed_s > 0 else None


def measure_availability(
    reports: Sequence[WatchReport],
    troubles: Sequence[CameraTrouble],
    night: NightSpan,
    arming: Arming,
    *,
    timezone: str,
) -> Availability:
    """
    Compute how much of its armed time one camera watched.

    Parameters
    ----------
    reports
        What the worker said of the camera; a report that lies partly outside counts for its part.
    troubles
        What troubled it; one without an end goes on.
    night
        From when to when.
    arming
        The calendar.
    timezone
        IANA name of the site's time zone.
    """

    def armed_between(start: datetime, end: datetime) -> float:
        return armed_seconds(arming, start, end, timezone=timezone) if start < end else 0.0

    armed_s = armed_between(night.started_at, night.ended_at)
    told_s = 0.0
    blind_s: dict[str, float] = defaultdict(float)
    for report in reports:
        start = max(report.started_at, night.started_at)
        end = min(report.ended_at, night.ended_at)
        span_s = (report.ended_at - report.started_at).total_seconds()
        part = (end - start).total_seconds() / span_s if span_s > 0 else 1.0
        lost_s = sum(one.seconds for one in report.blind)
        # A report that saw nothing at all cannot say what was armed: the calendar does.
        armed_share = (
            min(1.0, report.armed_s / report.watched_s)
            if report.watched_s > 0
            else armed_between(start, end) / max(1.0, (end - start).total_seconds())
        )
        told_s += part * (report.armed_s + armed_share * lost_s)
        for spell in report.blind:
            blind_s[spell.cause] += part * armed_share * spell.seconds
        # Of a troubled minute only what was watched can be taken: the rest is blind already.
        total_s = report.watched_s + lost_s
        seen_share = report.watched_s / total_s if total_s > 0 else 0.0
        for cause, since, until in _troubled(troubles, start, end):
            blind_s[cause] += seen_share * armed_between(since, until)
    if armed_s - told_s > LEAST_UNTOLD_S:
        blind_s[NOT_WATCHED] = armed_s - told_s
    return Availability(armed_s, dict(sorted(blind_s.items())))


def _troubled(
    troubles: Sequence[CameraTrouble], start: datetime, end: datetime
) -> list[tuple[str, datetime, datetime]]:
    """Return the troubled pieces of a stretch, apart: of two at once the first to begin counts."""
    pieces: list[tuple[str, datetime, datetime]] = []
    done_at = start
    for one in sorted(troubles, key=lambda trouble: (trouble.started_at, trouble.cause)):
        until = end if one.ended_at is None else min(one.ended_at, end)
        since = max(one.started_at, done_at)
        if one.cause in BLINDING and since < until:
            pieces.append((one.cause, since, until))
            done_at = until
    return pieces
