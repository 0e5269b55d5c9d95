"""Trenches against distances by hand, a plain Bellman-Ford and the laws of shared ways."""

import math
from itertools import combinations

import numpy as np
import pytest
from coverage_builders import X, Y, block, small_site
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Point, box

from parkwacht_config.site import (
    AreaKind,
    Building,
    Mount,
    MountKind,
    PowerCabinet,
    PublicArea,
    Site,
)
from parkwacht_config.study import Costs
from parkwacht_coverage.trench import plan_trenches

DEAREST = 95.0  # carriageway
GREEN = 30.0


def mast(name: str, x_m: float, y_m: float, kind: MountKind = MountKind.MAST) -> Mount:
    return Mount(name, kind, Point(X + x_m, Y + y_m), 6.0)


def park(*mounts: Mount, **changes: object) -> Site:
    """Return a lawn of 60 x 20 m with a cabinet in its south-western corner."""
    values: dict[str, object] = {
        "public_areas": (PublicArea("lawn", AreaKind.GREEN, box(X, Y, X + 60, Y + 20)),),
        "buildings": (),
        "power_cabinets": (PowerCabinet("c", Point(X + 0.5, Y + 0.5)),),
        "mounts": mounts,
    }
    return small_site(**(values | changes))


@pytest.mark.parametrize(
    ("x_m", "y_m", "expected_m"),
    [
        pytest.param(30.5, 0.5, 30.0, id="straight"),
        pytest.param(10.5, 10.5, 10 * math.sqrt(2), id="diagonal"),
        pytest.param(20.5, 10.5, 10 * math.sqrt(5), id="two by one"),
        pytest.param(30.5, 10.5, 10 * math.sqrt(5) + 10, id="two by one, then straight"),
    ],
)
def test_a_trench_over_open_ground(x_m: float, y_m: float, expected_m: float) -> None:
    forest = plan_trenches(park(mast("m", x_m, y_m)))
    assert forest.length_m(["m"]) == pytest.approx(expected_m, abs=1e-3)
    assert forest.cost_eur(["m"]) == pytest.approx(expected_m * GREEN, abs=0.1)
    assert forest.length_m(["m"]) <= 1.028 * math.hypot(x_m - 0.5, y_m - 0.5)


def test_it_goes_round_a_building_and_through_the_cheaper_ground() -> None:
    wall = Building("b", box(X + 10, Y, X + 11, Y + 19), 5.0)
    around = plan_trenches(park(mast("m", 20.5, 0.5), buildings=(wall,)))
    # up to the gap at 19.5 and down again, each at least the straight line
    assert around.length_m(["m"]) >= 2 * math.hypot(10, 19) - 1
    road = PublicArea("road", AreaKind.CARRIAGEWAY, box(X + 10, Y, X + 11, Y + 19))
    lawn = PublicArea("lawn", AreaKind.GREEN, box(X, Y, X + 60, Y + 20))
    across = plan_trenches(park(mast("m", 20.5, 0.5), public_areas=(road, lawn)))
    # one metre of carriageway: half of each step into and out of it, or a shorter mean
    assert 20 * GREEN < across.cost_eur(["m"]) <= 19 * GREEN + DEAREST + 1


def test_a_mount_beside_the_ground_is_linked_at_the_dearest_rate() -> None:
    forest = plan_trenches(park(mast("m", 20.5, -5.0, MountKind.FACADE)))
    # 20 m of lawn and 5.5 m to the cell nearest to it
    assert forest.cost_eur(["m"]) == pytest.approx(20 * GREEN + 5.5 * DEAREST, abs=0.1)


def test_a_link_does_not_pass_through_a_building() -> None:
    hall = block(X + 15, Y - 12, 11, 8.0)  # from -12 to -1, the mount on its far side
    forest = plan_trenches(park(mast("m", 20.5, -12.0, MountKind.FACADE), buildings=(hall,)))
    assert forest.stand_alone == {"m"}
    assert forest.cost_eur(["m"]) == 0


def test_a_lamp_post_has_power_and_a_far_mount_stands_alone() -> None:
    site = park(mast("lamp", 30, 10, MountKind.LAMP_POST), mast("far", 120, 10))
    forest = plan_trenches(site)
    assert forest.cost_eur(["lamp"]) == 0
    assert forest.stand_alone == {"far"}
    none = plan_trenches(park(mast("m", 30, 10), power_cabinets=()))
    assert none.stand_alone == {"m"}


def test_two_mounts_share_what_their_ways_have_in_common() -> None:
    # a corridor of one cell's width to x = 40, then a fork
    ways = (
        PublicArea("stem", AreaKind.GREEN, box(X, Y, X + 40, Y + 1)),
        PublicArea("fork", AreaKind.GREEN, box(X + 39, Y - 10, X + 40, Y + 11)),
    )
    forest = plan_trenches(park(mast("a", 39.5, 10.5), mast("b", 39.5, -9.5), public_areas=ways))
    assert forest.length_m(["a"]) == pytest.approx(49, abs=0.01)
    assert forest.length_m(["b"]) == pytest.approx(49, abs=0.01)
    assert forest.length_m(["a", "b"]) == pytest.approx(39 + 20, abs=0.01)
    assert sum(line.length for line in forest.lines(["a", "b"])) == pytest.approx(59, abs=0.01)


@st.composite
def parks(draw: st.DrawFn) -> Site:
    cells = st.tuples(st.integers(0, 59), st.integers(0, 19))
    corners = draw(st.lists(cells, max_size=6))
    places = draw(st.lists(cells, min_size=1, max_size=5, unique=True))
    cabinets = draw(st.lists(cells, min_size=1, max_size=2, unique=True))
    holes = [
        (x, y)
        for x, y in corners
        if not any(x <= i < x + 9 and y <= j < y + 5 for i, j in places + cabinets)
    ]
    return park(
        *(mast(f"m{i}", x + 0.5, y + 0.5) for i, (x, y) in enumerate(places)),
        buildings=tuple(
            Building(f"b{i}", box(X + x, Y + y, X + x + 9, Y + y + 5), 5.0)
            for i, (x, y) in enumerate(holes)
        ),
        power_cabinets=tuple(
            PowerCabinet(f"c{i}", Point(X + x + 0.5, Y + y + 0.5))
            for i, (x, y) in enumerate(cabinets)
        ),
        costs=Costs(green_trench_eur_per_m=GREEN),
    )


@given(parks())
@settings(max_examples=25, deadline=None)
def test_sharing_never_costs_more_and_one_more_site_never_less(site: Site) -> None:
    forest = plan_trenches(site)
    names = [one.id for one in site.mounts]
    for n in range(1, len(names) + 1):
        for some in combinations(names, n):
            together = forest.cost_eur(some)
            assert together <= sum(forest.cost_eur([one]) for one in some) + 1e-6
            assert together >= forest.cost_eur(some[1:]) - 1e-6
            assert together == pytest.approx(sum(forest.edge_cost_eur[forest.edges(some)]))


@given(parks())
@settings(max_examples=12, deadline=None)
def test_each_way_is_the_cheapest_of_an_exhaustive_relaxation(site: Site) -> None:
    expected = bellman_ford(site)
    forest = plan_trenches(site)
    for one in site.mounts:
        if one.id in forest.stand_alone:
            assert math.isinf(expected[one.id])
        else:
            assert forest.cost_eur([one.id]) == pytest.approx(expected[one.id], abs=0.01)


def cell_of(point: Point) -> tuple[int, int]:
    return int(point.x - X), int(point.y - Y)


def bellman_ford(site: Site) -> dict[str, float]:
    """Relax all sixteen steps over a lawn of 60 x 20 cells until nothing changes."""
    free = np.zeros((64, 24), dtype=bool)  # with a margin of two cells that may not be dug
    free[2:62, 2:22] = True
    for wall in site.buildings:
        x, y = cell_of(Point(wall.polygon.bounds[:2]))
        free[x + 2 : x + 11, y + 2 : y + 7] = False
    cost = np.full(free.shape, np.inf)
    for one in site.power_cabinets:
        x, y = cell_of(one.point)
        cost[x + 2, y + 2] = 0.0
    steps = [(i, j) for i in range(-2, 3) for j in range(-2, 3) if math.gcd(i, j) == 1]
    before = np.zeros_like(cost)
    while not np.array_equal(before, cost):
        before = cost.copy()
        for i, j in steps:
            is_open = free.copy()
            for a, b in passed(i, j):
                is_open &= np.roll(free, (a, b), axis=(0, 1))
            there = np.roll(cost, (i, j), axis=(0, 1)) + math.hypot(i, j) * GREEN
            cost = np.where(is_open, np.minimum(cost, there), cost)
    return {
        m.id: float(cost[cell_of(m.point)[0] + 2, cell_of(m.point)[1] + 2]) for m in site.mounts
    }


def passed(i: int, j: int) -> list[tuple[int, int]]:
    """Return the cells that a step (i, j) starts in or touches, as offsets back from its end."""
    long = max(abs(i), abs(j))
    start = (i, j)
    if long == 2:  # a knight's move: the two cells along its long side
        half = (i // 2, j) if abs(i) == 2 else (i, j // 2)
        flat = (i // 2, 0) if abs(i) == 2 else (0, j // 2)
        return [start, half, flat]
    return [start, (i, 0), (0, j)] if i and j else [start]
