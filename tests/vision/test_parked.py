"""Vehicles that stand: what must not wake anybody, and who lingers at them."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from parkwacht_config.site import ObjectClass, Site
from parkwacht_coverage.camera import CameraModel
from parkwacht_vision.lingering import LingerWatch
from parkwacht_vision.movement import RuleSettings, has_moved
from parkwacht_vision.parked import ParkedVehicles
from parkwacht_vision.tracker import Sighting, Track, XyXy
from parkwacht_vision.zones import View, camera_model

NIGHT = datetime(2026, 11, 24, 1, 13, tzinfo=UTC)
FPS = 5
P, C = ObjectClass.PERSON, ObjectClass.CAR
CAR = (200.0, 150.0, 340.0, 220.0)  # its size is the root of 9800: 99 px
Cast = Callable[[float], Sequence[tuple[int, ObjectClass, XyXy]]]  # seconds -> number, class, box


def play(
    cast: Cast, *, seconds: float, fps: float = FPS, model: CameraModel | None = None
) -> tuple[list[str], ParkedVehicles, set[int]]:
    """Return the moves, the places and who lingered."""
    view = View.of(model, 640, 360)
    parked, lingering = ParkedVehicles(RuleSettings(), view), LingerWatch(view)
    tracks: dict[int, Track] = {}
    moves: list[str] = []
    lingered: set[int] = set()
    for index in range(round(seconds * fps)):
        s, seen = index / fps, []
        at = NIGHT + timedelta(seconds=s)
        for number, object_class, box in cast(s):
            sighting = Sighting(s, at, at, index, box, 0.6, object_class)
            track = tracks.setdefault(number, Track(number, sighting))
            track.add(sighting)
            seen.append(track)
        moves += [one.kind for one in parked.update(seen)]
        lingered |= lingering.update(seen, parked.standing)
    return moves, parked, lingered


def shifted(x: float, y: float = 0.0) -> XyXy:
    return (CAR[0] + x, CAR[1] + y, CAR[2] + x, CAR[3] + y)


@pytest.mark.parametrize(
    "cast",
    [
        lambda s: [(1, C, CAR)] if not 6 <= s < 9 else [],
        lambda s: [(1 if s < 7 else 2, C, CAR)],
        # the headlights of another one make its box half as wide, then whole again
        lambda s: [(1, C, CAR if not 6 <= s < 8 else (200.0, 150.0, 262.0, 220.0))],
        # somebody passes in front: what is seen of it jumps to its other end
        lambda s: [(1, C, CAR if not 6 <= s < 7 else (290.0, 150.0, 340.0, 220.0))],
        # the exposure jumps and it is seen together with its neighbour, for good
        lambda s: [(1, C, CAR if s < 6 else (200.0, 150.0, 480.0, 220.0))],
        # its number goes over to a car that passes, and it is found again under another
        lambda s: [(1, C, CAR)] if s < 6 else [(1, C, shifted(80 * (s - 6), 10)), (3, C, CAR)],
    ],
    ids=["lost", "renumbered", "headlights", "occluded", "exposure", "number taken along"],
)
def test_what_happens_to_a_parked_vehicle_is_no_move(cast: Cast) -> None:
    moves, parked, _ = play(cast, seconds=11)
    assert moves == []
    assert len(parked.standing) == 1


def driving(s: float, *, begins_s: float = 6, px_s: float = 80, until_px: float = 9999) -> XyXy:
    """Return the box of a car that stands and drives to the right from an instant on."""
    return shifted(min(until_px, px_s * max(0.0, s - begins_s)))


def arriving(s: float, *, stops_s: float = 3) -> XyXy:
    """Return the box of a car that comes from the left and stands from an instant on."""
    return shifted(50 * min(0.0, s - stops_s))


def grown(factor: float) -> XyXy:
    """Return the box of a car with both sides longer by a factor, around its middle."""
    half = (70 * factor, 35 * factor)
    return (270 - half[0], 185 - half[1], 270 + half[0], 185 + half[1])


OTHER = (420.0, 250.0, 600.0, 340.0)  # another car, parked near the camera

# Two boxes of one size that differ by x pixels across have an IoU of (140 - x) / (140 + x): 0.6 at
# 35 px, 0.5 at 47 px. A car has shifted when its middle is 0.4 x 99 = 39.6 px off or its area is
# 2.5 times as large, and has gone farther when it is another 9.9 px off.
LEAVES: dict[str, tuple[Cast, list[str], int]] = {
    # lost, found again under another number in its own place
    "renumbered": (
        lambda s: (
            [(1, C, CAR), (2, C, OTHER)] if s < 6
            else [(3, C, driving(s, begins_s=8)), (4, C, OTHER)]
        ),
        ["departure"], 1,
    ),
    "renumbered as it begins": (
        lambda s: [(1, C, CAR)] if s < 6 else [(2, C, driving(s + 0.45))],
        ["departure"], 0,
    ),
    # hidden for 24 s, while somebody else is seen
    "unseen for long": (
        lambda s: (
            [(1, C, CAR)] if s < 6
            else [(5, P, (20.0, 20.0, 50.0, 100.0))] if s < 30
            else [(2, C, driving(s, begins_s=29.55))]
        ),
        ["departure"], 0,
    ),
    "light where it stood": (
        lambda s: [(1, C, driving(s)), *([(9, ObjectClass.MOVING, CAR)] if s >= 6 else [])],
        ["departure"], 0,
    ),
    "lost from sight after 60 px": (
        lambda s: [(1, C, driving(s, until_px=60))] if s < 8 else [],
        ["departure"], 0,
    ),
    "towards the camera": (
        lambda s: [(1, C, grown(1 + max(0.0, min(1.0, s - 6))))],
        ["departure", "arrival"], 1,
    ),
    "slowly, to the next place": (
        lambda s: [(1, C, driving(s, px_s=20, until_px=50))],
        ["departure", "arrival"], 1,
    ),
}  # fmt: skip
STAYS: dict[str, tuple[Cast, list[str], int]] = {
    "box jumps and creeps": (
        lambda s: [(1, C, shifted(45 if 6 <= s < 6.5 else 52 if 6.5 <= s < 9 else 0))],
        [], 1,
    ),
    "first box is off": (lambda s: [(1, C, shifted(36 if s < 1 else 0))], [], 1),
    "passers-by": (
        lambda s: [(1, C, shifted(45 if 6 <= s < 6.3 else 62 if 7 <= s < 7.3 else 0))],
        [], 1,
    ),
    "box with its shadow": (
        lambda s: [(1, C, grown(1.3 if 6 <= s < 7 else 1.5 if 7 <= s < 9 else 1))],
        [], 1,
    ),
    # while it is hidden another one comes out in front of it, at an IoU of 0.4
    "another in front": (
        lambda s: [(2, C, shifted(80 * (s - 6), 30))] if 6 <= s < 9 else [(1, C, CAR)],
        [], 1,
    ),
}  # fmt: skip
COMES: dict[str, tuple[Cast, list[str], int]] = {
    "off and back before it stood": (
        lambda s: [(1, C, shifted(75 * max(0.0, min(s - 2, 6 - s))))],
        ["arrival"], 1,
    ),
    # unseen for 9.6 s, while nothing else is seen either
    "lost on its way": (
        lambda s: [(1, C, arriving(s, stops_s=23))] if 20 <= s < 23.4
        else [(2, C, CAR)] if s >= 33 else [],
        ["arrival"], 1,
    ),
    # the one before it was not seen to leave
    "into another's place": (
        lambda s: [(1, C, CAR)] if s < 6 else [(2, C, arriving(s, stops_s=11))] if s >= 8 else [],
        ["arrival"], 1,
    ),
    # it drove on, unseen; 19.6 s later one that stood there is found
    "drove on": (
        lambda s: [(1, C, arriving(s))] if s < 3.4 else [(2, C, CAR)] if s >= 23 else [],
        [], 1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("fps", [5, 25])
@pytest.mark.parametrize("case", LEAVES | STAYS | COMES)
def test_who_leaves_stays_and_comes(case: str, fps: int) -> None:
    cast, expected, n_standing = (LEAVES | STAYS | COMES)[case]
    moves, parked, _ = play(cast, seconds=40, fps=fps)
    assert (moves, len(parked.standing)) == (expected, n_standing)


def test_who_comes_is_known_at_one_picture_a_second() -> None:
    # three sightings before it stands: too few to say that it drives
    assert play(lambda s: [(1, C, arriving(s, stops_s=2))], seconds=9, fps=1)[0] == ["arrival"]


@pytest.mark.parametrize(
    ("fps", "n_away", "expected"),
    [
        (5, 3, ["departure"]), (25, 12, ["departure"]),  # 0.4 s and 0.44 s
        (2, 2, []), (5, 2, []), (25, 3, []), (25, 10, []),  # two sightings, or at most 0.36 s
    ],
)  # fmt: skip
def test_it_takes_three_sightings_and_a_while_to_have_left(
    fps: int, n_away: int, expected: list[str]
) -> None:
    def cast(s: float) -> list[tuple[int, ObjectClass, XyXy]]:
        index = round((s - 6) * fps)
        return [(1, C, CAR if index < 0 else shifted(45 + 15 * index))] if index < n_away else []

    assert play(cast, seconds=8, fps=fps)[0] == expected


@pytest.mark.parametrize("fps", [5, 25])
@pytest.mark.parametrize(("changed_s", "is_new"), [(9, False), (11, True)])
def test_a_box_that_stays_changed_is_how_the_vehicle_looks(
    changed_s: float, is_new: bool, fps: int
) -> None:
    wide = (200.0, 150.0, 480.0, 220.0)
    _, parked, _ = play(lambda s: [(1, C, CAR if s < 6 else wide)], seconds=6 + changed_s, fps=fps)
    assert [one.box for one in parked.standing] == [wide if is_new else CAR]


@pytest.mark.parametrize(
    ("cast", "s", "expected"),
    [
        (COMES["lost on its way"][0], 30, True),
        (LEAVES["lost from sight after 60 px"][0], 12, True),
        (lambda _: [(1, C, CAR)], 3, False),
    ],
    ids=["lost on its way", "left and lost", "found standing"],
)
def test_who_drives_is_waited_for_also_while_it_is_lost(
    cast: Cast, s: int, *, expected: bool
) -> None:
    assert play(cast, seconds=s)[1].is_waiting(s) is expected


def test_while_one_is_seen_away_now_and_then_it_stays() -> None:
    # two sightings each at two pictures a second, at 6 s and at 9 s
    def cast(s: float) -> list[tuple[int, ObjectClass, XyXy]]:
        return [(1, C, shifted({6: 45, 6.5: 62, 9: 45, 9.5: 62}.get(s, 0)))]

    assert play(cast, seconds=12, fps=2)[0] == []


def test_two_stand_side_by_side() -> None:
    _, parked, _ = play(lambda _: [(1, C, CAR), (2, C, OTHER)], seconds=5)
    assert [one.box for one in parked.standing] == [CAR, OTHER]


def test_it_arrives_stands_and_leaves() -> None:
    def cast(s: float) -> list[tuple[int, ObjectClass, XyXy]]:
        x = 50 * min(0.0, s - 3) + 60 * max(0.0, s - 12)
        return [(1, C, shifted(x))]

    moves, parked, _ = play(cast, seconds=11)
    assert moves == ["arrival"]
    assert parked.is_standing(1)
    moves, parked, _ = play(cast, seconds=16)
    assert moves == ["arrival", "departure"]
    assert not parked.is_standing(1)


def test_who_drives_in_is_waited_for_until_it_stands() -> None:
    _, parked, _ = play(lambda s: [(1, C, shifted(50 * min(0.0, s - 3)))], seconds=5)
    assert parked.is_waiting(5.0)
    assert not parked.is_waiting(60.0)  # it drove on unseen
    _, parked, _ = play(lambda s: [(1, C, shifted(50 * min(0.0, s - 3)))], seconds=9)
    assert not parked.is_waiting(9.0)


def person_at(x: float, y: float = 225.0) -> XyXy:
    return (x - 15, y - 80, x + 15, y)


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (lambda s: min(270.0, 60 + 60 * (s - 6)), {2}),  # walks up to it and stays
        (lambda s: 60 + 60 * (s - 6), set()),  # walks past: 180 px in 3 s, over 1.2 x 80
        (lambda _: 60.0, set()),  # stands elsewhere
    ],
    ids=["lingers", "passes", "elsewhere"],
)
def test_who_lingers_at_a_parked_vehicle(x: Callable[[float], float], expected: set[int]) -> None:
    def cast(s: float) -> list[tuple[int, ObjectClass, XyXy]]:
        person = [(2, P, person_at(x(s)))] if s >= 6 else []
        return [(1, C, CAR), *person]

    assert play(cast, seconds=16)[2] == expected


@pytest.mark.parametrize(("y_m", "expected"), [(2018.5, {2}), (2016.5, set())])
def test_two_metres_are_measured_on_the_map(
    y_m: float, expected: set[int], make_site: Callable[..., Site]
) -> None:
    site = make_site()
    model = camera_model(site, site.cameras[0])
    assert model is not None
    scaled = model.scaled_to(640, 360)

    def foot_px(x_m: float, at_y_m: float) -> tuple[float, float]:
        (u, v), *_ = scaled.project([[x_m, at_y_m, 0.0]])[0]  # type: ignore[arg-type]
        return float(u), float(v)

    # The near side of the car is a line from (998, 2020) to (1002, 2020), north of the camera.
    (left, bottom), (right, _) = foot_px(998, 2020), foot_px(1002, 2020)
    u, v = foot_px(1000, y_m)  # 1.5 m and 3.5 m before it

    def cast(_: float) -> list[tuple[int, ObjectClass, XyXy]]:
        return [
            (1, C, (left, bottom - 40, right, bottom)),
            (2, P, (u - 10, v - 50, u + 10, v)),
        ]

    assert play(cast, seconds=12, model=model)[2] == expected


@pytest.mark.parametrize("turned_s", [(6.0, 12.0), (2.0, 99.0)], ids=["and back", "early"])
def test_a_picture_that_moves_moves_no_vehicle(turned_s: tuple[float, float]) -> None:
    # the camera is turned, and back: the box jumps by more than its width, and whoever follows the
    # track knows that the picture moved
    view = View.of(None, 640, 360)
    parked = ParkedVehicles(RuleSettings(), view)
    track: Track | None = None
    moves: list[str] = []
    for index in range(20 * FPS):
        s = index / FPS
        at = NIGHT + timedelta(seconds=s)
        box = shifted(150.0, 40.0) if turned_s[0] <= s < turned_s[1] else CAR
        sighting = Sighting(s, at, at, index, box, 0.6, C)
        track = track or Track(1, sighting)
        track.add(sighting)
        if s in turned_s:
            track.forget_way()
        moves += [one.kind for one in parked.update([track])]
        assert not has_moved(track, RuleSettings(), view)
        assert all(one.box == box for one in parked.standing)
    assert moves == []
    assert parked.is_standing(1)


def test_a_number_that_drives_off_with_another_vehicle_is_not_parked() -> None:
    def cast(s: float) -> list[tuple[int, ObjectClass, XyXy]]:
        if s < 6:
            return [(1, C, CAR)]
        return [(1, C, shifted(80 * (s - 6), 10)), (3, C, CAR)]

    _, parked, _ = play(cast, seconds=8)
    assert not parked.is_standing(1)
