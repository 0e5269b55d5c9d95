"""
How right the events of a watch are, event by event against the truth.

A visit is found by an event that overlaps it (with `TOLERANCE_S`) and is of its group. An event is
false where no visit of any group was within `FALSE_BEYOND_S` of it when its alarm was raised; what
comes into view later makes it no better. What is neither right nor false (the wrong group, or not
recognised where that does not count) is counted for itself. All times are seconds of media time.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.stats import chi2

from parkwacht_config.site import ObjectClass
from parkwacht_config.text import Text
from parkwacht_vision.truth import ClipTruth, Group, Visit, group_of

TOLERANCE_S = 0.5
FALSE_BEYOND_S = 2.0
ARMED_NIGHT_H = 11.5  # 19:00 to 06:30
# i-LIDS: F1 = (a + 1) R P / (R + a P), with a recall bias per role and alarms that count within
# ten seconds of the beginning. From memory of the user guide: the formula is unverified.
ALPHA_ALERT, ALPHA_RECORDING = 0.65, 75.0
ILIDS_WINDOW_S = 10.0
# Lower limits in pixels per metre; 25 and up are the classes of IEC 62676-4:2014.
DENSITIES_PX_PER_M = (0.0, 12.5, 25.0, 62.5, 125.0, 250.0)


@dataclass(frozen=True, slots=True)
class Found:
    """One event as the score needs it."""

    object_class: ObjectClass
    start_s: float
    confirmed_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class VisitScore:
    """
    What became of one visit.

    `delay_s` is from its beginning to the confirmation of the first event of its own; None where it
    was missed, or found only by an event that was raised for an earlier visit.
    `is_moving_only` says that only 'moving, not recognised' found it.
    """

    visit: Visit
    n_events: int
    delay_s: float | None
    is_moving_only: bool = False

    @property
    def is_found(self) -> bool:
        """Whether a right event was raised for it."""
        return self.n_events > 0


@dataclass(frozen=True, slots=True)
class ClipScore:
    """What became of one recording; `seconds` is what was watched of it."""

    truth: ClipTruth
    seconds: float
    events: tuple[Found, ...]
    visits: tuple[VisitScore, ...]
    false: tuple[Found, ...]
    unfit: tuple[Found, ...]  # near a visit, of another group or not recognised
    n_merged: int  # events that are right for several visits at once
    blind_s: dict[str, float] = field(default_factory=dict)
    cpu_s: float = 0.0
    failure: Text | None = None

    @property
    def n_right(self) -> int:
        """Count the events that are neither false nor unfit."""
        return len(self.events) - len(self.false) - len(self.unfit)


def overlaps(found: Found, visit: Visit, tolerance_s: float) -> bool:
    """Return whether an event and a visit have time in common."""
    return found.start_s <= visit.end_s + tolerance_s and visit.start_s - tolerance_s <= found.end_s


def score_clip(truth: ClipTruth, events: Sequence[Found], *, seconds: float) -> ClipScore:
    """
    Match the events of one recording to its visits.

    Parameters
    ----------
    truth
        What happens in it.
    events
        What was flagged.
    seconds
        How long was watched.
    """
    false = [one for one in events if not _had_reason(one, truth)]
    others = [one for one in events if one not in false]
    visits = [_score_visit(visit, others, truth) for visit in truth.visits]
    unfit, n_merged = [], 0
    for one in others:
        n_right = sum(
            overlaps(one, visit, TOLERANCE_S) and fits(one, visit, truth.accepts_moving)
            for visit in truth.visits
        )
        n_merged += n_right > 1
        if not n_right:
            unfit.append(one)
    return ClipScore(
        truth, seconds, tuple(events), tuple(visits), tuple(false), tuple(unfit), n_merged
    )


def _had_reason(found: Found, truth: ClipTruth) -> bool:
    """Return whether a visit was near from the event's first frame to its alarm."""
    until_alarm = replace(found, end_s=found.confirmed_s)
    return any(overlaps(until_alarm, visit, FALSE_BEYOND_S) for visit in truth.visits)


def fits(found: Found, visit: Visit, accepts_moving: bool) -> bool:
    """Return whether an event is of the group of a visit, as far as its recording asks."""
    group = group_of(found.object_class)
    return accepts_moving if group is None else group is visit.group


def _score_visit(visit: Visit, events: Sequence[Found], truth: ClipTruth) -> VisitScore:
    right = [
        one
        for one in events
        if overlaps(one, visit, TOLERANCE_S) and fits(one, visit, truth.accepts_moving)
    ]
    if not right:
        return VisitScore(visit, 0, None)
    # an event that was open before is no alarm for this visit: it is found, but nobody is told
    own_s = [one.confirmed_s for one in right if one.confirmed_s >= visit.start_s - FALSE_BEYOND_S]
    delay_s = max(0.0, min(own_s) - visit.start_s) if own_s else None
    known = any(group_of(one.object_class) is not None for one in right)
    return VisitScore(visit, len(right), delay_s, not known)


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something happens in a time, with the exact Poisson interval of 95 per cent."""

    n: int
    hours: float

    def per(self, hours: float = 1.0) -> tuple[float, float, float]:
        """
        Return the rate in a span of time, and the interval's ends.

        Parameters
        ----------
        hours
            The span, such as an armed night.

        Returns
        -------
        rate, low, high
            Of nothing seen in T hours: 0, 0 and 3 / T (the one-sided limit).
        """
        if self.hours <= 0:
            return math.nan, 0.0, math.inf
        scale = hours / self.hours
        if self.n == 0:
            return 0.0, 0.0, -math.log(0.05) * scale
        # Garwood's interval: quantiles of chi-squared over two (Biometrika 28, 1936).
        low = float(chi2.ppf(0.025, 2 * self.n)) / 2
        high = float(chi2.ppf(0.975, 2 * self.n + 2)) / 2
        return self.n * scale, low * scale, high * scale


@dataclass(frozen=True, slots=True)
class Score:
    """The score of several recordings together; a share of nothing is NaN."""

    n_clips: int
    hours: float
    n_visits: int
    n_found: int
    n_own: int  # found by an event that was not raised for an earlier visit
    n_moving_only: int
    n_events: int
    n_false: int
    n_unfit: int
    n_duplicates: int
    n_merged: int
    delays_s: tuple[float, ...]
    ilids_alert: float
    ilids_recording: float
    blind_s: dict[str, float]
    cpu_s: float

    @property
    def recall(self) -> float:
        """Share of visits with at least one right event."""
        return self.n_found / self.n_visits if self.n_visits else math.nan

    @property
    def precision(self) -> float:
        """Share of events that are not false."""
        return 1 - self.n_false / self.n_events if self.n_events else math.nan

    @property
    def false_alerts(self) -> Rate:
        """How often nothing was flagged as something."""
        return Rate(self.n_false, self.hours)

    @property
    def availability(self) -> float:
        """Share of the time in which something would have been seen."""
        blind_h = sum(self.blind_s.values()) / 3600
        return max(0.0, 1 - blind_h / self.hours) if self.hours else math.nan

    def delay_s(self, share: float) -> float:
        """Return the time to alert that this share of the found visits stayed below."""
        return float(np.quantile(self.delays_s, share)) if self.delays_s else math.nan


def add_up(clips: Iterable[ClipScore]) -> Score:
    """
    Add the scores of recordings up.

    Parameters
    ----------
    clips
        One score per recording.
    """
    every = list(clips)
    visits = [one for clip in every for one in clip.visits]
    blind_s: dict[str, float] = {}
    for clip in every:
        for cause, seconds in clip.blind_s.items():
            blind_s[cause] = blind_s.get(cause, 0.0) + seconds
    n_false = sum(len(clip.false) for clip in every)
    n_timely = sum(v.delay_s is not None and v.delay_s <= ILIDS_WINDOW_S for v in visits)
    return Score(
        n_clips=len(every),
        hours=sum(clip.seconds for clip in every) / 3600,
        n_visits=len(visits),
        n_found=sum(one.is_found for one in visits),
        n_own=sum(v.delay_s is not None for v in visits),
        n_moving_only=sum(one.is_moving_only for one in visits),
        n_events=sum(len(clip.events) for clip in every),
        n_false=n_false,
        n_unfit=sum(len(clip.unfit) for clip in every),
        # Where truth says only that somebody is there, several events may well be right.
        n_duplicates=sum(max(0, v.n_events - 1) for v in visits if not v.visit.is_crowd),
        n_merged=sum(clip.n_merged for clip in every),
        delays_s=tuple(sorted(v.delay_s for v in visits if v.delay_s is not None)),
        ilids_alert=ilids_f1(n_timely, len(visits) - n_timely, n_false, ALPHA_ALERT),
        ilids_recording=ilids_f1(n_timely, len(visits) - n_timely, n_false, ALPHA_RECORDING),
        blind_s=blind_s,
        cpu_s=sum(clip.cpu_s for clip in every),
    )


def ilids_f1(n_right: int, n_missed: int, n_false: int, alpha: float) -> float:
    """
    Compute the F1 of i-LIDS; repeated alarms of one visit are not counted.

    Parameters
    ----------
    n_right
        Visits with an alarm within ten seconds of their beginning.
    n_missed
        The other visits.
    n_false
        False alarms.
    alpha
        The bias to recall of a role.
    """
    if n_right == 0:
        return math.nan if n_missed + n_false == 0 else 0.0
    recall, precision = n_right / (n_right + n_missed), n_right / (n_right + n_false)
    return (alpha + 1) * recall * precision / (recall + alpha * precision)


def by_condition(clips: Sequence[ClipScore]) -> dict[str, Score]:
    """Add scores up per condition, in the order of their names."""
    names = sorted({clip.truth.condition for clip in clips})
    return {name: add_up(c for c in clips if c.truth.condition == name) for name in names}


def recall_by_group(clips: Sequence[ClipScore]) -> dict[Group, tuple[int, int]]:
    """Return per group how many visits were found, of how many."""
    visits = [one for clip in clips for one in clip.visits]
    return {group: _count(v for v in visits if v.visit.group is group) for group in Group}


def recall_by_density(clips: Sequence[ClipScore]) -> dict[float, tuple[int, int]]:
    """Return per lower limit in pixels per metre how many visits were found, of how many."""
    sized = [v for clip in clips for v in clip.visits if v.visit.px_per_m is not None]
    limits = np.array(DENSITIES_PX_PER_M)
    densities = [one.visit.px_per_m or 0.0 for one in sized]
    places = np.searchsorted(limits, densities, side="right") - 1
    return {
        float(limits[k]): _count(v for v, place in zip(sized, places, strict=True) if place == k)
        for k in sorted(set(places.tolist()))
    }


def _count(visits: Iterable[VisitScore]) -> tuple[int, int]:
    every = list(visits)
    return sum(one.is_found for one in every), len(every)
