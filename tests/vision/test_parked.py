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
    cast: Cast, *, seconds: float, model: CameraModel | None = None
) -> tuple[list[str], ParkedVehicles, set[int]]:
    """Return the moves, the places and who lingered."""
    view = View.of(model, 640, 360)
    parked, lingering = ParkedVehicles(RuleSettings(), view), LingerWatch(view)
    tracks: dict[int, Track] = {}
    moves: list[str] = []
    lingered: set[int] = set()
    for index in range(round(seconds * FPS)):
        s, seen = index / FPS, []
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


def test_a_picture_that_moves_moves_no_vehicle() -> None:
    # the camera is turned at 6 s and back at 12 s: the box jumps by more than its width, and
    # whoever follows the track knows that the picture moved
    view = View.of(None, 640, 360)
    parked = ParkedVehicles(RuleSettings(), view)
    track: Track | None = None
    moves: list[str] = []
    for index in range(20 * FPS):
        s = index / FPS
        at = NIGHT + timedelta(seconds=s)
        box = shifted(150.0, 40.0) if 6 <= s < 12 else CAR
        sighting = Sighting(s, at, at, index, box, 0.6, C)
        track = track or Track(1, sighting)
        track.add(sighting)
        if s in {6.0, 12.0}:
            track.forget_way()
        moves += [one.kind for one in parked.update([track])]
        assert not has_moved(track, RuleSettings(), view)
    assert moves == []
    assert parked.is_standing(1)


def test_a_number_that_drives_off_with_another_vehicle_is_not_parked() -> None:
    def cast(s: float) -> list[tuple[int, ObjectClass, XyXy]]:
        if s < 6:
            return [(1, C, CAR)]
        return [(1, C, shifted(80 * (s - 6), 10)), (3, C, CAR)]

    _, parked, _ = play(cast, seconds=8)
    assert not parked.is_standing(1)
