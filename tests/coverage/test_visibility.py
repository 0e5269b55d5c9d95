"""Exact lines of sight, against independent brute force, and the polygon for the map."""

import math

import numpy as np
import numpy.typing as npt
import pytest
import shapely
from coverage_builders import block, random_buildings
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, Point, Polygon, box

from parkwacht_config.site import Building
from parkwacht_coverage.visibility import Scene, shadow_length_m

Floats = npt.NDArray[np.float64]


def is_seen_by_shapely(buildings: list[Building], eye: Floats, target: Floats) -> bool:
    """Cut the sight line at the heights of each prism and ask GEOS whether it meets the inside."""
    for one in buildings:
        low, high = one.base_m, one.height_m
        first, last = 0.0, 1.0
        rise = target[2] - eye[2]
        if rise == 0:
            if not low < eye[2] < high:
                continue
        else:
            ends = sorted([(low - eye[2]) / rise, (high - eye[2]) / rise])
            first, last = max(first, ends[0]), min(last, ends[1])
        if first >= last:
            continue
        piece = LineString([eye[:2] + (target[:2] - eye[:2]) * u for u in (first, last)])
        if piece.relate_pattern(one.polygon, "T********"):
            return False
    return True


def random_scene(seed: int) -> tuple[list[Building], Floats, Floats]:
    rng = np.random.default_rng(seed)
    buildings = random_buildings(seed)
    targets = rng.uniform([0, 0, 0], [200, 200, 4], (400, 3))
    scene = Scene(buildings)
    while True:
        eye = rng.uniform([0, 0, 3], [200, 200, 14])
        if scene.building_at(*eye) is None:
            return buildings, eye, targets


@pytest.mark.parametrize("seed", range(40))
def test_lines_of_sight_are_those_of_shapely_on_every_target(seed: int) -> None:
    buildings, eye, targets = random_scene(seed)
    scene = Scene(buildings)
    seen = scene.is_visible(tuple(eye), scene.targets(targets))
    expected = [is_seen_by_shapely(buildings, eye, target) for target in targets]
    assert seen.tolist() == expected
    assert 0 < sum(expected) < len(expected)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("height_m", [0.0, 1.5, 3.0])
def test_the_visibility_polygon_agrees_with_the_lines_of_sight(seed: int, height_m: float) -> None:
    buildings, eye, targets = random_scene(seed)
    targets[:, 2] = height_m
    scene = Scene(buildings)
    polygon = scene.visible_part(tuple(eye), box(0, 0, 200, 200), at_height_m=height_m)
    seen = scene.is_visible(tuple(eye), scene.targets(targets))
    points = shapely.points(targets[:, :2])
    clear = np.asarray(shapely.distance(polygon.boundary, points)) > 1e-6
    inside = np.asarray(shapely.contains(polygon, points))
    assert inside[clear].tolist() == seen[clear].tolist()


@pytest.mark.parametrize(
    ("distance_m", "wall_m", "eye_m", "target_m", "expected_m"),
    [
        pytest.param(10.0, 3.0, 6.0, 0.0, 20.0, id="10 x 6 / 3"),
        pytest.param(10.0, 3.0, 6.0, 1.5, 15.0, id="10 x 4.5 / 3"),
        pytest.param(10.0, 3.0, 6.0, 3.0, 10.0, id="as high as the wall"),
        pytest.param(10.0, 6.0, 6.0, 0.0, math.inf, id="wall as high as the eye"),
    ],
)
def test_shadow_length(
    distance_m: float, wall_m: float, eye_m: float, target_m: float, expected_m: float
) -> None:
    assert shadow_length_m(distance_m, wall_m, eye_m, target_m) == expected_m


@given(st.floats(2, 30), st.floats(1.0, 5.5), st.floats(0, 0.9))
@settings(max_examples=40, deadline=None)
def test_the_engine_hides_exactly_the_length_of_the_shadow(
    distance_m: float, wall_m: float, share: float
) -> None:
    target_m = share * wall_m
    thin = Building("w", box(distance_m - 0.01, -50, distance_m, 50), wall_m)
    hidden_to = shadow_length_m(distance_m, wall_m, 6.0, target_m)
    scene = Scene([thin])
    points = np.array([[hidden_to * f, 0.0, target_m] for f in (0.9999, 1.0001)])
    inside = (points[:, 0] > distance_m) | (np.arange(2) == 1)
    assert (
        scene.is_visible((0.0, 0.0, 6.0), scene.targets(points[inside])).tolist()
        == [
            False,
            True,
        ][2 - inside.sum() :]
    )


@pytest.mark.parametrize(
    ("eye", "target", "expected"),
    [
        pytest.param((0, 5, 2.0), (40, 5, 1.5), True, id="under the passage"),
        pytest.param((0, 5, 6.0), (40, 5, 5.0), False, id="through the body"),
        pytest.param((0, 5, 20.0), (40, 5, 15.0), True, id="over the roof"),
        # 20 m at x = 0 to 0 m at x = 30: 13.3 m at x = 10 (above), 6.7 m at x = 20 (in the body)
        pytest.param((0, 5, 20.0), (30, 5, 0.0), False, id="in by the roof"),
        # 30 m at x = 14 to 1 m at x = 16: through roof and floor, no wall crossed in between
        pytest.param((14, 5, 30.0), (16, 5, 1.0), False, id="in by the roof, out by the floor"),
        pytest.param((14, 5, 3.0), (16, 5, 0.0), True, id="both in the passage"),
        pytest.param((15, 5, 8.0), (40, 5, 0.0), False, id="from its roof through its roof"),
        pytest.param((15, 5, 8.0), (40, 5, 8.0), True, id="level over its roof"),
        pytest.param((0, 5, 6.0), (40, 5, 6.0), False, id="level through the body"),
    ],
)
def test_a_building_above_a_passage(
    eye: tuple[float, float, float], target: tuple[float, float, float], expected: bool
) -> None:
    passage = Building("b", box(10, 0, 20, 10), 8.0, 4.0)
    scene = Scene([passage])
    seen = scene.is_visible(eye, scene.targets(np.array([target], dtype=np.float64)))
    assert seen.tolist() == [expected]


def test_a_camera_on_a_facade_looks_away_from_it() -> None:
    scene = Scene([block(0, 0, 10, 8.0)])
    targets = scene.targets(np.array([[20.0, 5.0, 1.5], [-10.0, 5.0, 1.5], [10.0, 50.0, 1.5]]))
    assert scene.is_visible((10.0, 5.0, 5.0), targets).tolist() == [True, False, True]


def test_a_target_inside_a_building_is_not_seen_but_one_in_its_courtyard_may_be() -> None:
    ring = Polygon(
        box(10, 0, 30, 20).exterior.coords, holes=[list(box(15, 5, 25, 15).exterior.coords)]
    )
    scene = Scene([Building("b", ring, 4.0)])
    targets = scene.targets(np.array([[12.0, 10.0, 1.0], [24.0, 10.0, 1.0], [16.0, 10.0, 1.0]]))
    # from 20 m high at x = 0: the near wall (x = 15) hides 1 m high up to 15 x 19 / 16 = 17.8
    assert scene.is_visible((0.0, 10.0, 20.0), targets).tolist() == [False, True, False]


def test_range_and_an_empty_scene() -> None:
    scene = Scene([])
    targets = scene.targets(np.array([[3.0, 4.0, 0.0], [30.0, 40.0, 0.0]]))
    assert scene.is_visible((0.0, 0.0, 5.0), targets, range_m=5.0).tolist() == [True, False]
    assert scene.visible_part((0.0, 0.0, 5.0), Point(0, 0).buffer(5)).equals(Point(0, 0).buffer(5))
    assert scene.visible_part((0.0, 0.0, 5.0), Polygon()).is_empty


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_sight_is_mutual_and_one_more_building_never_opens_it(seed: int) -> None:
    buildings, eye, targets = random_scene(seed)
    fewer, scene = Scene(buildings[:-1]), Scene(buildings)
    prepared = scene.targets(targets)
    seen = scene.is_visible(tuple(eye), prepared)
    assert not (seen & ~fewer.is_visible(tuple(eye), fewer.targets(targets))).any()
    there = scene.targets(eye[None])
    for target, is_seen in zip(targets[:50], seen[:50], strict=True):
        if scene.building_at(*target) is None:
            assert scene.is_visible(tuple(target), there).tolist() == [is_seen]
