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
from sight_oracles import visible_by_geos

from parkwacht_config.site import Building, Tree
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


@pytest.mark.parametrize("seed", range(10))
def test_rows_of_touching_buildings_agree_with_shapely(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cells = [(x, y) for x in range(0, 60, 10) for y in range(0, 60, 10) if rng.random() < 0.5]
    buildings = [
        Building(f"b{i}", box(x, y, x + 10, y + 10), float(rng.integers(2, 10)))
        for i, (x, y) in enumerate(cells)
    ]
    scene = Scene(buildings)
    eyes = rng.uniform([-10, -10, 3], [70, 70, 12], (8, 3))
    targets = rng.uniform([-10, -10, 0], [70, 70, 4], (200, 3))
    prepared = scene.targets(targets)
    for eye in eyes:
        if scene.building_at(*eye) is None:
            seen = scene.is_visible(tuple(eye), prepared)
            expected = [is_seen_by_shapely(buildings, eye, target) for target in targets]
            assert seen.tolist() == expected


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        # a block of 10 x 10 m and 8 m high at (10, 0), the eye at (0, 5), 6 m high
        pytest.param((10, 5, 1.5), True, id="on the wall that faces the eye"),
        pytest.param((20, 5, 1.5), False, id="on the wall behind"),
        pytest.param((15, 0, 1.5), False, id="on the side, seen along the inside"),
        pytest.param((10, 0, 1.5), True, id="on the near corner"),
        pytest.param((15, 5, 1.5), False, id="inside"),
        pytest.param((15, 5, 8.0), False, id="on the roof, above the eye: through the wall"),
        pytest.param((0, 5, 0.0), True, id="straight under the eye"),
    ],
)
def test_targets_on_walls_and_corners(target: tuple[float, float, float], expected: bool) -> None:
    scene = Scene([block(10, 0, 10, 8.0)])
    seen = scene.is_visible((0.0, 5.0, 6.0), scene.targets(np.array([target], dtype=np.float64)))
    assert seen.tolist() == [expected]


def test_a_camera_in_front_of_a_wall_sees_nothing_beyond_it() -> None:
    scene = Scene([block(0, 0, 20, 8.0)])
    targets = scene.targets(np.array([[10.0, 40.0, 1.5], [-0.1, 10.0, 1.5], [-30.0, 10.0, 1.5]]))
    eye = (-0.2, 10.0, 5.0)
    assert scene.is_visible(eye, targets).tolist() == [False, True, True]
    # the half plane west of the wall is seen, and the 0.2 m up to the wall
    seen = scene.visibility_polygon(eye, at_height_m=1.5, range_m=50)
    # past its corner at (0, 20) one sees a slit: 0.2 m aside per 10 m, so to x = 0.8 at y = 60
    assert seen.intersection(box(0.001, 0.001, 19.999, 19.999)).is_empty
    assert seen.intersection(box(0.81, -40, 60, 60)).area < 1e-9
    assert seen.contains(box(-20, 5, -0.001, 15))


def test_sweep_gives_for_every_eye_what_is_visible_gives() -> None:
    scene = Scene(random_buildings(3))
    rng = np.random.default_rng(3)
    targets = scene.targets(rng.uniform([0, 0, 0], [200, 200, 3], (3000, 3)))
    eyes = rng.uniform([0, 0, 3], [200, 200, 12], (120, 3))
    eyes = eyes[[scene.building_at(*eye) is None for eye in eyes]]
    ranges = rng.uniform(20, 150, len(eyes))
    indptr, indices = scene.sweep(eyes, targets, ranges_m=ranges)
    for i, (eye, range_m) in enumerate(zip(eyes, ranges, strict=True)):
        seen = scene.is_visible(tuple(eye), targets, range_m=float(range_m))
        assert indices[indptr[i] : indptr[i + 1]].tolist() == np.flatnonzero(seen).tolist()
    assert indptr.dtype == np.int64
    assert indices.dtype == np.int32


def test_sweep_of_nothing() -> None:
    scene = Scene(random_buildings(3))
    indptr, indices = scene.sweep(np.zeros((0, 3)), scene.targets(np.ones((5, 3))))
    assert (indptr.tolist(), indices.tolist()) == ([0], [])
    indptr, indices = scene.sweep(np.array([[0.0, 0.0, 5.0]]), scene.targets(np.zeros((0, 3))))
    assert (indptr.tolist(), indices.tolist()) == ([0, 0], [])


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("plane_m", [0.0, 1.5, 20.0])
def test_the_visibility_polygon_is_the_one_that_geos_cuts(seed: int, plane_m: float) -> None:
    buildings, eye, _ = random_scene(seed)
    area = Point(eye[:2]).buffer(150)
    ours = Scene(buildings).visible_part(tuple(eye), area, at_height_m=plane_m)
    theirs = visible_by_geos(buildings, eye, area, plane_m)
    assert ours.is_valid
    assert shapely.symmetric_difference(ours, theirs).area < 1e-4


def test_a_low_wall_leaves_a_hole_in_the_polygon() -> None:
    # 3 m high under an eye of 6 m: the shadow reaches twice as far as the block, so from x = 10
    # along the rays through (10, +-1) to (20, +-2), then level to x = 24: 30 + 16 square metres
    scene = Scene([Building("b", box(10, -1, 12, 1), 3.0)])
    seen = scene.visibility_polygon((0.0, 0.0, 6.0), range_m=100.0)
    assert isinstance(seen, Polygon)
    (hole,) = seen.interiors
    assert Polygon(hole).area == pytest.approx(46.0)
    # the rest is the circle as a polygon of 128 sides
    whole = seen.area + 46.0
    assert math.pi * 1e4 * 0.999 < whole < math.pi * 1e4


def test_the_polygon_in_the_open_is_the_circle() -> None:
    seen = Scene([]).visibility_polygon((3.0, 4.0, 6.0), range_m=10.0)
    # 128 sides, equal along the square |x| + |y| = 1, so at most 2 x 4 / 128 radians each
    inner = Point(3, 4).buffer(10 * math.cos(1 / 32) - 1e-9, quad_segs=256)
    assert seen.contains(inner)
    assert Point(3, 4).buffer(10.001, quad_segs=512).contains(seen)


def tree(*, is_evergreen: bool) -> Tree:
    return Tree("t", Point(10, 0), 8.0, 2.0, crown_base_m=3.0, is_evergreen=is_evergreen)


@pytest.mark.parametrize(
    ("is_evergreen", "in_leaf", "expected"),
    [
        # from 6 m high at x = 0 to 1.5 m at x = 30: 4.8 to 4.2 m high in the crown (3 to 8 m);
        # to 0 m at x = 14: 2.6 m at x = 8, under the crown
        pytest.param(True, False, [False, True], id="evergreen: always"),
        pytest.param(False, False, [True, True], id="bare: hides nothing, its trunk neither"),
        pytest.param(False, True, [False, True], id="in leaf"),
    ],
)
def test_trees(is_evergreen: bool, in_leaf: bool, expected: list[bool]) -> None:
    scene = Scene([], [tree(is_evergreen=is_evergreen)], in_leaf=in_leaf)
    targets = scene.targets(np.array([[30.0, 0.0, 1.5], [14.0, 0.0, 0.0]]))
    assert scene.is_visible((0.0, 0.0, 6.0), targets).tolist() == expected


def test_a_crown_is_a_polygon_inside_its_circle() -> None:
    scene = Scene([], [tree(is_evergreen=True)])
    (crown,) = scene.prisms
    assert crown.polygon.area == pytest.approx(8 * 4 * math.sin(math.pi / 8))  # n/2 r2 sin(2 pi/n)
    # level at 5 m, 1.999 and 1.9 m beside the middle at x = 10: the topmost corner is at 2 m
    targets = scene.targets(np.array([[20.0, 2.001, 5.0], [20.0, 1.9, 5.0]]))
    assert scene.is_visible((0.0, 2.001, 5.0), targets).tolist() == [True, False]
    assert scene.building_at(10.0, 0.0, 5.0) is None  # a camera in a crown is not in a building


def test_two_hundred_thousand_buildings_see_as_their_neighbourhood_does() -> None:
    n = 448
    x, y = (axis.ravel() * 20.0 for axis in np.meshgrid(np.arange(n), np.arange(n)))
    heights = 3.0 + (np.arange(n * n) * 7919 % 10)
    polygons = shapely.box(x, y, x + 9, y + 11)
    everything = [
        Building("b", one, float(height)) for one, height in zip(polygons, heights, strict=True)
    ]
    assert len(everything) > 200_000
    eye = (4015.0, 4015.0, 6.0)
    near = [everything[i] for i in np.flatnonzero(np.hypot(x - 4015, y - 4015) < 200)]
    grid = np.arange(3900.5, 4130, 3.0)
    xy = np.column_stack([axis.ravel() for axis in np.meshgrid(grid, grid)])
    points = np.column_stack((xy, np.full(len(xy), 1.5)))
    answers = []
    for scene in (Scene(everything), Scene(near)):
        seen = scene.is_visible(eye, scene.targets(points), range_m=100.0)
        part = scene.visibility_polygon(eye, at_height_m=1.5, range_m=100.0)
        answers.append((seen.tolist(), part))
    assert answers[0][0] == answers[1][0]
    assert 0 < sum(answers[0][0]) < len(points)
    assert shapely.symmetric_difference(answers[0][1], answers[1][1]).area < 1e-6


@given(st.integers(0, 1000), st.floats(0, 3))
@settings(max_examples=15, deadline=None)
def test_two_eyes_see_together_at_least_each_and_at_most_the_sum(seed: int, plane_m: float) -> None:
    buildings, eye, _ = random_scene(seed)
    scene = Scene(buildings)
    other = (float(eye[0]) + 0.5, float(eye[1]), float(eye[2]) + 20.0)
    one = scene.visibility_polygon(tuple(eye), at_height_m=plane_m, range_m=80.0)
    two = scene.visibility_polygon(other, at_height_m=plane_m, range_m=80.0)
    together = shapely.union(one, two).area
    assert max(one.area, two.area) - 1e-6 <= together <= one.area + two.area + 1e-6
