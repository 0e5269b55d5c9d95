"""How much of a night a camera watched, against sums made by hand."""

from datetime import UTC, datetime, time, timedelta
from uuid import uuid4

import pytest

from parkwacht_config.site import Arming, Severity, Span
from parkwacht_vision.availability import Availability, NightSpan, measure_availability
from parkwacht_vision.event import (
    BlindSpell,
    CameraTrouble,
    DetectorInfo,
    SourceInfo,
    TroubleCause,
    WatchReport,
)

# Armed from 22:00 to 06:00 every day, in UTC: 8 hours of the night from noon to noon.
EVENING = ((Span(start=time(22), end=time(6)),),) * 7
ARMING = Arming(id="night", name="night", weekly=EVENING)
TEN = datetime(2026, 11, 24, 22, tzinfo=UTC)
NIGHT = NightSpan(TEN - timedelta(hours=10), TEN + timedelta(hours=14))
SOURCE = SourceInfo(kind="stream", name="rtsp://cam", media_time_s=0)
HOUR_S = 3600.0


def report(
    start_h: float, hours: float, *, armed_h: float | None = None, **lost_h: float
) -> WatchReport:
    """Make a report that begins so many hours after ten in the evening."""
    seen_h = hours - sum(lost_h.values())
    return WatchReport(
        id=uuid4(), site_id="park", camera_id="cam_a", source=SOURCE,
        started_at=TEN + timedelta(hours=start_h), ended_at=TEN + timedelta(hours=start_h + hours),
        watched_s=seen_h * HOUR_S, armed_s=(seen_h if armed_h is None else armed_h) * HOUR_S,
        n_frames=1, n_events=0,
        blind=tuple(BlindSpell(cause=key, seconds=h * HOUR_S) for key, h in lost_h.items()),
        detector=DetectorInfo(name="embedded", model="1"),
    )  # fmt: skip


def trouble(cause: TroubleCause, start_h: float, end_h: float | None) -> CameraTrouble:
    return CameraTrouble(
        id=uuid4(), site_id="park", camera_id="cam_a", cause=cause, severity=Severity.HIGH,
        started_at=TEN + timedelta(hours=start_h),
        ended_at=None if end_h is None else TEN + timedelta(hours=end_h), source=SOURCE,
    )  # fmt: skip


def measure(reports: list[WatchReport], *troubles: CameraTrouble) -> Availability:
    return measure_availability(reports, troubles, NIGHT, ARMING, timezone="UTC")


@pytest.mark.parametrize(
    ("reports", "troubles", "blind_h"),
    [
        pytest.param([report(0, 8)], [], {}, id="all watched"),
        pytest.param([], [], {"not_watched": 8}, id="nobody watched"),
        pytest.param([report(0, 5)], [], {"not_watched": 3}, id="stopped after five hours"),
        # The clock of the reports runs on from four in the afternoon: six hours were not armed.
        pytest.param([report(-6, 14, armed_h=8)], [], {}, id="begun before it was armed"),
        # Ten hours, half of them lost; of the five that were seen 4 h were armed: 4/5 of 5 h.
        pytest.param(
            [report(-2, 10, armed_h=4, stalled=5)], [], {"stalled": 4}, id="lost, partly unarmed"
        ),
        # Nothing seen at all from 20:00 to 24:00: the calendar says that two hours were armed.
        pytest.param(
            [report(-2, 4, stalled=4), report(2, 6)], [], {"stalled": 2}, id="nothing seen"
        ),
        # 04:00 to 16:00 ends after noon: two thirds (8 of 12 h) are of this night, and of its
        # 2 armed hours so much is told: 4/3 h.
        pytest.param(
            [report(0, 6), report(6, 12, armed_h=2)], [], {"not_watched": 2 - 4 / 3},
            id="a part of a report",
        ),
        pytest.param([report(0, 8)], [trouble("covered", 1, 3)], {"covered": 2}, id="covered"),
        # Covered since nine in the evening, an hour before it was armed, and never uncovered.
        pytest.param([report(0, 8)], [trouble("covered", -1, None)], {"covered": 8}, id="for good"),
        # Two at once from 2 to 3: the first one has that hour.
        pytest.param(
            [report(0, 8)], [trouble("black", 2, 4), trouble("moved", 1, 3)],
            {"black": 1, "moved": 2}, id="two at once",
        ),
        # A quarter of the stretch was lost already: three quarters of the four hours are covered's.
        pytest.param(
            [report(0, 8, stalled=2)], [trouble("covered", 0, 4)], {"covered": 3, "stalled": 2},
            id="covered and lost",
        ),
        # Nobody watched from two to eight: what is not told of is not covered as well.
        pytest.param(
            [report(0, 2)], [trouble("covered", 1, None)], {"covered": 1, "not_watched": 6},
            id="covered and not watched",
        ),
        pytest.param(
            [report(0, 8)], [trouble("clock_drift", 0, 8), trouble("lost", 0, 8)], {},
            id="troubles that hide nobody",
        ),
    ],
)  # fmt: skip
def test_the_blind_hours_of_a_night(
    reports: list[WatchReport], troubles: list[CameraTrouble], blind_h: dict[str, float]
) -> None:
    found = measure(reports, *troubles)
    assert found.armed_s == 8 * HOUR_S
    assert {cause: seconds / HOUR_S for cause, seconds in found.blind_s.items()} == pytest.approx(
        blind_h
    )
    assert found.share == pytest.approx(1 - sum(blind_h.values()) / 8)


def test_a_night_that_was_not_armed_has_no_share() -> None:
    never = Arming(id="never", name="never", weekly=((),) * 7)
    found = measure_availability([report(0, 8, armed_h=0)], [], NIGHT, never, timezone="UTC")
    assert (found.armed_s, found.analysed_s, found.share) == (0, 0, None)
