"""Rules beside intrusion, played with boxes whose place is known: 640 x 360 pixels, 8 a second."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from parkwacht_config.site import Line, ObjectClass, Site, Zone, ZoneRule
from parkwacht_vision.rules import Intrusion, IntrusionRule, RuleSettings, event_id
from parkwacht_vision.tracker import Sighting, Track, XyXy
from parkwacht_vision.zones import Calendar, View, watched

NIGHT = datetime(2026, 11, 24, 1, 13, tzinfo=UTC)
FPS = 8
P, C = ObjectClass.PERSON, ObjectClass.CAR
Path_ = Callable[[float], XyXy | None]
# The whole picture of the camera type, 2560 x 1440: four times the 640 x 360 that is watched.
ALL_PX = ((0.0, 0.0), (2560.0, 0.0), (2560.0, 1440.0), (0.0, 1440.0))
CAR = (200.0, 150.0, 340.0, 220.0)


def zone(rule: ZoneRule, **keys: Any) -> Zone:
    return Zone(
        id="z", name="Z", arming_id="night", camera_id="cam_a", polygon_px=ALL_PX, rule=rule,
        **keys,
    )  # fmt: skip


def line(crossing: str = "both") -> Line:
    """A line down the picture at x = 320 of 640, its first point on top."""
    return Line.model_validate(
        {
            "id": "l", "name": "L", "arming_id": "night", "camera_id": "cam_a",
            "line_px": ((1280.0, 0.0), (1280.0, 1440.0)), "crossing": crossing,
        }
    )  # fmt: skip


def walker(x: Callable[[float], float]) -> Path_:
    """A person of 30 x 80 whose foot is at x, y = 180."""
    return lambda s: (x(s) - 15, 100, x(s) + 15, 180)


@pytest.fixture
def play(make_site: Callable[..., Site]) -> Callable[..., list[Intrusion]]:
    def run(
        what: Zone | Line,
        actors: Sequence[tuple[ObjectClass, Path_]],
        *,
        seconds: float,
        changes_s: Sequence[float] = (),
    ) -> list[Intrusion]:
        """Return the events confirmed; at each instant of `changes_s` all get new numbers."""
        view = View.of(None, 640, 360)
        zones = (what,) if isinstance(what, Zone) else ()
        lines = (what,) if isinstance(what, Line) else ()
        site = replace(make_site(zones=zones), lines=lines)
        rule = IntrusionRule(
            watched(site, site.camera("cam_a"), view), view, calendar=Calendar(site.timezone),
            settings=RuleSettings(),
            event_id=lambda zone_id, at, number: event_id(("p", zone_id), at, number),
        )  # fmt: skip
        tracks: dict[int, Track] = {}
        found: list[Intrusion] = []
        for index in range(round(seconds * FPS)):
            s, seen = index / FPS, []
            at = NIGHT + timedelta(seconds=s)
            for actor, (object_class, path) in enumerate(actors):
                box = path(s)
                if box is None:
                    continue
                number = actor + 1 + 100 * sum(s >= one for one in changes_s)
                sighting = Sighting(s, at, at, index, box, 0.6, object_class)
                track = tracks.setdefault(number, Track(number, sighting))
                track.add(sighting)
                seen.append(track)
            found += rule.update(seen, at)
            rule.expire(s)
        return found

    return run


@pytest.mark.parametrize(
    ("crossing", "path", "changes_s", "expected"),
    [
        # Someone who walks down the screen has the screen's right on his left.
        ("both", lambda s: 100 + 60 * s, (), 1),
        ("right_to_left", lambda s: 100 + 60 * s, (), 1),
        ("left_to_right", lambda s: 100 + 60 * s, (), 0),
        ("left_to_right", lambda s: 540 - 60 * s, (), 1),
        ("both", lambda s: 100 + 20 * s, (), 0),  # at 8 s he is at 260
        # A, A, A, B, A, A, A: the box jumps over the line for one frame, at 3 s
        ("both", lambda s: 420 if s == 3 else 250 + 4 * s, (), 0),
        # he comes to within 8 px of the line, over it by 8, and back: less than 0.12 of 80 px
        ("both", lambda s: 270 + 58 * min(s, 8 - s, 1), (), 0),
        # another number from 3.5 s on, where he is at x = 310, before the line
        ("both", lambda s: 100 + 60 * s, (3.5,), 1),
    ],
    ids=[
        "both ways", "as watched", "the other way", "back", "does not get there", "one jump",
        "stands on it", "the track changed before it",
    ],
)  # fmt: skip
def test_a_line_is_crossed_by_who_is_surely_beyond_it(
    crossing: str,
    path: Callable[[float], float],
    changes_s: tuple[float, ...],
    expected: int,
    play: Callable[..., list[Intrusion]],
) -> None:
    found = play(line(crossing), [(P, walker(path))], seconds=8, changes_s=changes_s)
    assert [(one.kind, one.zone.id) for one in found] == [("line_crossing", "l")] * expected


def sway(at_px: float) -> Path_:
    """A person who stands and shifts weight: 8 px to either side within 4 s."""
    return walker(lambda s: at_px + 8 * (abs(s % 4 - 2) - 1))


@pytest.mark.parametrize(
    ("path", "changes_s", "expected"),
    [
        (sway(200), (), 1),
        (sway(200), (7.0,), 1),  # lost and found in the same place: one stay
        (walker(lambda s: 100 + 60 * s), (), 0),  # gone after 9 s
        (lambda _: (200.0, 100.0, 230.0, 180.0), (), 0),  # a statue
    ],
    ids=["stays", "stays, two tracks", "passes", "statue"],
)
def test_who_stays_longer_than_the_dwell_time_loiters(
    path: Path_,
    changes_s: tuple[float, ...],
    expected: int,
    play: Callable[..., list[Intrusion]],
) -> None:
    what = zone(ZoneRule.LOITERING, dwell_s=12)
    gone = lambda s: path(s) if s < 9 or expected else None  # noqa: E731
    found = play(what, [(P, gone)], seconds=20, changes_s=changes_s)
    assert [one.kind for one in found] == ["loitering"] * expected
    for one in found:
        assert one.first.at == NIGHT
        assert (one.confirmed.at - one.first.at).total_seconds() == 12


def drive_in(s: float) -> XyXy:
    """A car that comes to rest at x = 200 after 4 s."""
    x = 40 * min(s, 4) + 40
    return (x, 150, x + 140, 220)


def drive_off(s: float) -> XyXy:
    """A car that stands for 8 s and drives off."""
    x = 200 + 60 * max(0.0, s - 8)
    return (x, 150, x + 140, 220)


def test_a_vehicle_that_stands_for_the_dwell_time_is_flagged_once(
    play: Callable[..., list[Intrusion]],
) -> None:
    what = zone(ZoneRule.STOPPED_VEHICLE, dwell_s=15)
    (one,) = play(what, [(C, drive_in)], seconds=40, changes_s=(30.0,))
    assert one.kind == "stopped_vehicle"
    # it stands from 4 s on, give or take the 0.6 of overlap that still is the same place
    assert 18 <= one.confirmed.media_time_s <= 19.5
    assert play(what, [(C, drive_off)], seconds=12) == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [(drive_in, ["arrival"]), (drive_off, ["departure"]), (lambda _: CAR, [])],
    ids=["arrives", "leaves", "stands"],
)
def test_vehicles_that_come_to_rest_and_drive_off(
    path: Path_, expected: list[str], play: Callable[..., list[Intrusion]]
) -> None:
    found = play(zone(ZoneRule.ARRIVAL_DEPARTURE), [(C, path)], seconds=14)
    assert [one.kind for one in found] == expected


@pytest.mark.parametrize(
    ("heading_deg", "expected"),
    [(90, 1), (130, 1), (140, 0), (270, 0), (0, 0)],  # he goes right: 90, give or take 45
)
def test_who_goes_the_wrong_way(
    heading_deg: float, expected: int, play: Callable[..., list[Intrusion]]
) -> None:
    what = zone(ZoneRule.DIRECTION, heading_deg=heading_deg)
    found = play(what, [(P, walker(lambda s: 100 + 60 * s))], seconds=6)
    assert [one.kind for one in found] == ["direction"] * expected


@pytest.mark.parametrize(("min_count", "expected"), [(2, 1), (3, 1), (4, 0)])
def test_so_many_at_once(
    min_count: int, expected: int, play: Callable[..., list[Intrusion]]
) -> None:
    three = [(P, walker(lambda s, x=x: x + 40 * s)) for x in (50.0, 180.0, 310.0)]  # type: ignore[misc]
    found = play(zone(ZoneRule.COUNT, min_count=min_count), three, seconds=6)
    assert [one.kind for one in found] == ["count"] * expected


def test_one_after_the_other_is_not_at_once(play: Callable[..., list[Intrusion]]) -> None:
    first: Path_ = lambda s: walker(lambda t: 50 + 60 * t)(s) if s < 4 else None  # noqa: E731
    second: Path_ = lambda s: walker(lambda t: 50 + 60 * (t - 7))(s) if s >= 7 else None  # noqa: E731
    assert play(zone(ZoneRule.COUNT, min_count=2), [(P, first), (P, second)], seconds=12) == []
