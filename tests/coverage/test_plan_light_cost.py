"""Targets over public ground, light at night and what a proposal costs."""

from dataclasses import replace

import numpy as np
import pytest
from coverage_builders import X, Y, block, bullet, small_site
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Point, box

from parkwacht_config.errors import CoverageError
from parkwacht_config.site import (
    AreaKind,
    LampPost,
    Mount,
    MountKind,
    PowerCabinet,
    PublicArea,
)
from parkwacht_coverage.cost import compute_cost
from parkwacht_coverage.light import illuminance_lux, is_lit_for
from parkwacht_coverage.plan import Weights, grid_points, lay_grid, public_ground
from parkwacht_coverage.privacy_ground import find_areas
from parkwacht_coverage.trench import plan_trenches
from parkwacht_coverage.visibility import Scene

FOREST = plan_trenches(small_site())


@pytest.mark.parametrize(
    ("area", "step_m", "expected"),
    [
        pytest.param(box(0, 0, 10, 4), 2.0, 10, id="5 x 2 cells of 2 m"),
        pytest.param(box(0, 0, 10, 4), 1.0, 40, id="10 x 4 cells of 1 m"),
        pytest.param(box(1.1, 0.1, 1.9, 0.3), 2.0, 1, id="smaller than a cell: one point"),
        pytest.param(box(0, 0, 10, 10).difference(box(2, 2, 8, 8)), 2.0, 16, id="with a hole"),
        pytest.param(Point(0, 0).buffer(0), 2.0, 0, id="empty"),
    ],
)
def test_grid_points(area: object, step_m: float, expected: int) -> None:
    points = grid_points(area, step_m)  # type: ignore[arg-type]
    assert len(points) == expected


def test_targets_of_a_kind_share_its_exact_area() -> None:
    ground = lay_grid(small_site(), step_m=2.0, target_height_m=1.5)
    # road 100 x 8 m, car park 40 x 22 m
    assert ground.area_m2[ground.of_kind(AreaKind.CARRIAGEWAY)].sum() == pytest.approx(800)
    assert ground.area_m2[ground.of_kind(AreaKind.PARKING)].sum() == pytest.approx(880)
    assert ground.total_m2 == pytest.approx(1680)
    assert (ground.points_m[:, 2] == 1.5).all()


def test_overlaps_count_once_and_ground_under_buildings_not() -> None:
    areas = (
        PublicArea("a", AreaKind.GREEN, box(X, Y, X + 20, Y + 10)),
        PublicArea("b", AreaKind.CARRIAGEWAY, box(X, Y, X + 10, Y + 10)),
    )
    standing, raised = block(X, Y, 2, 5.0), block(X + 4, Y, 2, 8.0, base_m=4.0)
    site = small_site(public_areas=areas, buildings=(standing, raised))
    ground = lay_grid(site, step_m=1.0, target_height_m=1.5)
    # carriageway 100 - 4 under the standing building; green 200 - 100 on the carriageway
    assert ground.area_m2[ground.of_kind(AreaKind.CARRIAGEWAY)].sum() == pytest.approx(96)
    assert ground.area_m2[ground.of_kind(AreaKind.GREEN)].sum() == pytest.approx(100)


def test_weight_is_kind_times_area_times_incidents_nearby() -> None:
    ground = lay_grid(
        small_site(), step_m=2.0, target_height_m=1.5, weights=Weights(incident_range_m=5.0)
    )
    away = np.hypot(ground.points_m[:, 0] - X - 80, ground.points_m[:, 1] - Y - 40)
    parking = ground.of_kind(AreaKind.PARKING)
    # 4 m2 x 1.5, half as much again near the one incident
    assert ground.weight[parking & (away > 5)] == pytest.approx(6.0)
    assert ground.weight[parking & (away <= 5)] == pytest.approx(9.0)


def test_a_park_without_public_ground_is_refused() -> None:
    with pytest.raises(CoverageError, match="no public ground"):
        lay_grid(small_site(public_areas=()), step_m=2.0, target_height_m=1.5)


LAMP = LampPost("l", Point(0, 0), 6.0, 3600.0)


@pytest.mark.parametrize(
    ("x_m", "expected_lux"),
    [
        pytest.param(0.0, 100.0, id="straight below: 3600 / 36"),
        pytest.param(8.0, 21.6, id="cos = 0.6: 100 x 0.216"),
        pytest.param(81.0, 0.0, id="out of its range"),
    ],
)
def test_light_of_one_lamp(x_m: float, expected_lux: float) -> None:
    lux = illuminance_lux(np.array([[x_m, 0.0, 1.5]]), [LAMP], Scene([]))
    assert lux[0] == pytest.approx(expected_lux)


def test_lamps_add_up_and_walls_stop_their_light() -> None:
    points = np.array([[8.0, 0.0, 1.5]])
    two = [LAMP, replace(LAMP, point=Point(16, 0))]
    assert illuminance_lux(points, two, Scene([]))[0] == pytest.approx(43.2)
    between = Scene([block(3, -1, 2, 10.0)])
    assert illuminance_lux(points, two, between)[0] == pytest.approx(21.6)


@pytest.mark.parametrize(
    ("lux", "distance_m", "expected"),
    [
        pytest.param(1.0, 100.0, True, id="10 x 0.1 lux"),
        pytest.param(0.99, 100.0, False, id="just too dark"),
        pytest.param(0.0, 28.0, True, id="0.7 x 40 m of infrared"),
        pytest.param(0.0, 28.1, False, id="beyond its infrared"),
    ],
)
def test_is_lit(lux: float, distance_m: float, expected: bool) -> None:
    lit = is_lit_for(bullet(), np.array([lux]), np.array([distance_m]))
    assert lit.tolist() == [expected]


LONG_ROAD = (PublicArea("road", AreaKind.CARRIAGEWAY, box(X, Y + 20, X + 100, Y + 28)),)


def test_a_proposal_is_priced_part_by_part() -> None:
    # two cameras on a mast 40 m along the road from its cabinet, one on a lamp post
    site = small_site(
        public_areas=LONG_ROAD,
        buildings=(),
        power_cabinets=(PowerCabinet("c", Point(X + 10.5, Y + 24.5)),),
        mounts=(
            Mount("m1", MountKind.MAST, Point(X + 50.5, Y + 24.5), 6.0),
            Mount("m3", MountKind.LAMP_POST, Point(X + 95, Y + 24), 5.5),
        ),
    )
    chosen = [("m1", bullet()), ("m3", bullet()), ("m1", bullet())]
    cost = compute_cost(site, chosen, plan_trenches(site))
    assert (cost.n_cameras, cost.n_sites) == (3, 2)
    assert cost.sites_by_kind_eur == {MountKind.MAST: 4500, MountKind.LAMP_POST: 1200}
    assert (cost.power_eur, cost.network_eur) == (3600, 2400)
    assert cost.trench_m == pytest.approx(40.0, abs=0.01)
    assert cost.trench_eur == pytest.approx(40 * 95, abs=1)
    assert (cost.cameras_eur, cost.hanging_eur, cost.licences_eur) == (780, 1350, 540)
    assert cost.total_eur == pytest.approx(4500 + 1200 + 6000 + 3800 + 2670, abs=1)
    assert cost.yearly_eur == 3 * (60 + 900) + 2 * 650


def test_a_site_without_a_cabinet_stands_alone() -> None:
    site = small_site(public_areas=LONG_ROAD, power_cabinets=())
    cost = compute_cost(site, [("m1", bullet())], plan_trenches(site))
    assert cost.stand_alone_eur == 6000
    assert (cost.power_eur, cost.network_eur, cost.trench_eur) == (0, 0, 0)
    assert cost.total_eur == 4500 + 6000 + 260 + 450 + 180


@given(st.lists(st.sampled_from(["m1", "m2", "m3"]), max_size=8))
def test_cameras_on_one_mount_share_a_site(mounts: list[str]) -> None:
    site = small_site()
    cost = compute_cost(site, [(one, bullet()) for one in mounts], FOREST)
    # without a cabinet: a mast 4,500 and a bracket 900 stand alone at 6,000, a lamp post does not
    expected = {"m1": 10_500, "m2": 6_900, "m3": 4_200}
    assert cost.sites_eur == sum(expected[one] for one in set(mounts))
    assert cost.views_eur == 890 * len(mounts)
    assert cost.total_eur == cost.views_eur + cost.sites_eur


def test_a_town_around_a_park_does_not_change_its_ground() -> None:
    # 2,500 footprints of which none touches the park
    park = small_site()
    corners = [(X + 200 + 25 * i, Y + 25 * j) for i in range(50) for j in range(50)]
    town = tuple(block(x, y, 12.0, 8.0, name=f"{x}_{y}") for x, y in corners)
    around = replace(park, buildings=(*park.buildings, *town))
    expected = find_areas(park)
    ground, areas = public_ground(around), find_areas(around)
    for kind, polygon in public_ground(park).items():
        assert ground[kind].symmetric_difference(polygon).area == 0
    assert areas.private.symmetric_difference(expected.private).area == 0
