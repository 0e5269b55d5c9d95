"""Privacy, measured: a wall at 10 m by hand, brute force with shapely, and laws."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
import shapely
from coverage_builders import X, Y, block, bullet, camera, random_buildings, small_site
from shapely.geometry import LineString, Point, Polygon, box

from parkwacht_config.loader import load_catalogue
from parkwacht_config.site import (
    AreaKind,
    Building,
    BuildingUse,
    LampPost,
    Preset,
    PrivacyMask,
    PrivateArea,
    PublicArea,
    PurposeArea,
    Site,
)
from parkwacht_config.study import PrivacyCeilings
from parkwacht_coverage.camera import CameraModel
from parkwacht_coverage.density import find_edition
from parkwacht_coverage.evaluate import Condition
from parkwacht_coverage.privacy import (
    PrivacyFigures,
    PrivacyLevel,
    PrivacyMeasure,
    Watcher,
    find_exceeded,
    measure_privacy,
    privacy_levels,
)
from parkwacht_coverage.privacy_ground import (
    facade_heights_m,
    find_areas,
    lay_privacy_ground,
    sample_walls,
)
from parkwacht_coverage.visibility import Scene

Floats = npt.NDArray[np.float64]
OBSERVE, RECOGNISE = PrivacyLevel.OBSERVE, PrivacyLevel.RECOGNISE


def park(**changes: object) -> Site:
    """Return a road of 60 x 8 m (purpose), a garden north of it, a dwelling of 10 x 8 m in it."""
    home = Building(
        "home", box(X + 20, Y + 18, X + 30, Y + 26), 6.0, use=BuildingUse.DWELLING, window_share=0.4
    )
    values: dict[str, object] = {
        "boundary": box(X, Y, X + 60, Y + 40),
        "public_areas": (PublicArea("road", AreaKind.CARRIAGEWAY, box(X, Y, X + 60, Y + 8)),),
        "buildings": (home,),
        "lamp_posts": (),
        "private_areas": (PrivateArea("garden", box(X, Y + 8, X + 60, Y + 40)),),
    }
    return small_site(**(values | changes))


def looking_north(f_px: float, *, width_px: int = 2688, y_m: float = 8.0) -> CameraModel:
    """Return a level camera at 3 m, straight south of the middle of the dwelling."""
    return CameraModel("c", X + 25, Y + y_m, 3.0, 0.0, 0.0, f_px, width_px, 1520)


def measured(site: Site, *models: CameraModel, **changes: object) -> PrivacyMeasure:
    camera_type = bullet().model_copy(update={"min_illuminance_lux": 1.0} | changes)
    scene = Scene(site.buildings)
    watchers = [Watcher(f"c{n}", (model,), camera_type) for n, model in enumerate(models)]
    ground = lay_privacy_ground(site, scene)
    return measure_privacy(watchers, scene, ground, find_edition("2014"))


def by_day(site: Site, *models: CameraModel, **changes: object) -> PrivacyFigures:
    return measured(site, *models, **changes).together[Condition.DAY]


@pytest.mark.parametrize(
    ("f_px", "observed_m", "recognised_m"),
    [
        # the south wall is 10 m long and 10 m deep: f / 10 px per m over the whole wall
        pytest.param(620.0, 0.0, 0.0, id="62.0 px/m: no class"),
        pytest.param(630.0, 10.0, 0.0, id="63 px/m: observe, the whole wall"),
        pytest.param(1240.0, 10.0, 0.0, id="124 px/m: observe only"),
        pytest.param(1260.0, 10.0, 10.0, id="126 px/m: recognise as well"),
    ],
)
def test_a_dwelling_wall_at_10_m(f_px: float, observed_m: float, recognised_m: float) -> None:
    seen = by_day(park(), looking_north(f_px))
    assert seen.dwelling_facade_m == pytest.approx({OBSERVE: observed_m, RECOGNISE: recognised_m})
    assert seen.facade_m == seen.dwelling_facade_m  # there is no other building
    assert seen.dwelling_window_m == pytest.approx(  # 0.4 of the wall is windows
        {OBSERVE: 0.4 * observed_m, RECOGNISE: 0.4 * recognised_m}
    )


def test_a_narrow_image_cuts_the_wall() -> None:
    # 400 px wide at 1000 px: 0.2 to each side, 4 m of the wall at 10 m; samples stand for 1 m each,
    # their middles at 0.5, 1.5, ... m from the axis: 4 of them within 2 m
    assert by_day(park(), looking_north(1000.0, width_px=400)).facade_m[OBSERVE] == pytest.approx(4)


def test_a_wall_in_front_hides_the_dwelling() -> None:
    # a wall of 2.6 m, 5 m before the dwelling, eye at 3 m: it hides up to 3 - 0.4 x 10 / 5 = 2.2 m
    # there, so the lower row of windows (1.5 m) and not the upper (4.5 m): half of the length
    front = Building("front", box(X, Y + 12.5, X + 60, Y + 13), 2.6)
    site = park()
    hidden = by_day(replace(site, buildings=(*site.buildings, front)), looking_north(1000.0))
    assert hidden.dwelling_facade_m[OBSERVE] == pytest.approx(5.0)


def test_two_cameras_together_count_the_wall_once() -> None:
    model = looking_north(1000.0)
    found = measured(park(), model, replace(model, x_m=model.x_m + 1.0))
    assert found.together[Condition.DAY].facade_m[OBSERVE] == pytest.approx(10.0)
    assert [one[Condition.DAY].facade_m[OBSERVE] for one in found.cameras.values()] == (
        pytest.approx([10.0, 10.0])
    )


@pytest.mark.parametrize("tilt_deg", [0.0, 15.0])
def test_a_camera_turned_away_sees_no_facade_and_no_garden(tilt_deg: float) -> None:
    away = replace(looking_north(1000.0), azimuth_deg=180.0, tilt_deg=tilt_deg)
    seen = by_day(park(), away)
    assert seen.private_m2 == 0.0
    assert seen.facade_m == {OBSERVE: 0.0, RECOGNISE: 0.0}
    assert seen.recognisable_share == 0.0


def test_private_ground_is_the_trapezium_in_the_image() -> None:
    # H = 3, straight down 45 degrees, f = 1000, 1000 x 1000 px: along the axis from 3 tan(45 -
    # 26.565) = 1.0 m to 3 tan(45 + 26.565) = 9.0 m, the image 1 x depth wide (depth = (3 + y) cos
    # 45): from 2.828 to 8.485 m, on average 5.657 m over 8 m = 45.25 m2, all of it at 117 px/m or
    # better; the garden begins where the camera stands
    site = park(buildings=())
    model = CameraModel("c", X + 25.0, Y + 8.0, 3.0, 0.0, 45.0, 1000.0, 1000, 1000)
    scene = Scene(())
    ground = lay_privacy_ground(site, scene, step_m=0.1)
    watcher = Watcher("c", (model,), bullet())
    seen = measure_privacy([watcher], scene, ground, find_edition("2014")).together[Condition.DAY]
    assert seen.private_m2 == pytest.approx(45.25, rel=0.01)
    assert seen.private_m2_by_class["observe"] == pytest.approx(45.25, rel=0.01)
    # identify: depth <= 4 m, so y <= 2.657 m: widths 2.828 to 4.0 over 1.657 m = 5.657 m2
    assert seen.private_m2_by_class["identify"] == pytest.approx(5.657, rel=0.04)  # rows of 0.1 m


def test_what_the_purpose_area_takes_in_is_not_private() -> None:
    joined = park(purpose_areas=(PurposeArea("p", box(X, Y, X + 60, Y + 12)),))
    assert find_areas(park()).private.area == pytest.approx(60 * 32 - 80)
    assert find_areas(joined).private.area == pytest.approx(60 * 28 - 80)


def test_without_a_layer_private_ground_is_what_is_left_inside_the_outline() -> None:
    found = find_areas(park(private_areas=()))
    assert found.is_derived
    assert found.private.area == pytest.approx(60 * 40 - 60 * 8 - 80)  # less road, less building


def test_passers_by_are_those_outside_the_purpose_area() -> None:
    # purpose = the first 20 m of the road; passers-by on its other 40 x 8 m and in the garden
    site = park(purpose_areas=(PurposeArea("p", box(X, Y, X + 20, Y + 8)),))
    ground = lay_privacy_ground(site, Scene(site.buildings), passers_by_step_m=1.0)
    points = shapely.points(ground.passers_by.points_m[:, :2])
    assert ground.passers_by.total == pytest.approx(1.0)
    assert not shapely.intersects(points, box(X, Y, X + 20, Y + 8)).any()
    on_road = shapely.intersects(points, box(X, Y, X + 60, Y + 8))
    strolled = 40 * 8 + 60 * 32 - 80  # less what lies more than 50 m from the purpose area: none
    assert ground.passers_by.weight[on_road].sum() == pytest.approx(320 / strolled, rel=0.01)
    assert (ground.passers_by.points_m[:, 2] == 1.6).all()


def test_the_share_of_recognisable_passers_by() -> None:
    # level at 1.6 m on the road, looking east along it: faces at 125 px/m to 1000 / 125 = 8 m deep
    # and no wider than the image, +- 0.25 x depth, so 0.25 x 64 = 16 m2 of 320 + 1840 m2
    site = park(purpose_areas=(PurposeArea("p", box(X, Y, X + 20, Y + 8)),))
    scene = Scene(site.buildings)
    ground = lay_privacy_ground(site, scene, passers_by_step_m=0.25)
    model = CameraModel("c", X + 20.0, Y + 4.0, 1.6, 90.0, 0.0, 1000.0, 500, 1000)
    watcher = Watcher("c", (model,), bullet())
    found = measure_privacy([watcher], scene, ground, find_edition("2014"))
    share = found.together[Condition.DAY].recognisable_share
    assert share == pytest.approx(16 / (320 + 1840), rel=0.02)


def test_by_night_only_what_is_lit_counts() -> None:
    # no lamps, infrared of 10 m derated to 7 m: the wall at 10 m is dark; with 16 m (11.2 m) the
    # samples within sqrt(11.2^2 - 10^2 - rise^2) are lit: 4.81 m aside at 1.5 m, 4.81 m at 4.5 m
    site, model = park(), looking_north(1000.0)
    short = measured(site, model, ir_range_m=10.0).together
    assert short[Condition.DAY].facade_m[OBSERVE] == pytest.approx(10.0)
    assert short[Condition.NIGHT].facade_m[OBSERVE] == 0.0
    long = measured(site, model, ir_range_m=16.0).together
    assert long[Condition.NIGHT].facade_m[OBSERVE] == pytest.approx(10.0)  # middles to 4.5 m aside
    lamp = LampPost(
        "l", Point(X + 25, Y + 14), 6.0, 5000.0
    )  # 5000/36 lux below, 44 lux at the wall
    lit = measured(park(lamp_posts=(lamp,)), model, ir_range_m=0.0).together
    assert lit[Condition.NIGHT].facade_m[OBSERVE] == pytest.approx(10.0)


def test_a_mask_takes_away_what_is_behind_it() -> None:
    site, model = park(), looking_north(1000.0)
    scene = Scene(site.buildings)
    ground = lay_privacy_ground(site, scene)
    left_half = ((0.0, 0.0), (1344.0, 0.0), (1344.0, 1520.0), (0.0, 1520.0))
    masks = (PrivacyMask(id="m", camera_id="c", polygon_px=left_half),)
    watcher = Watcher("c", (model,), bullet(), masks)
    seen = measure_privacy([watcher], scene, ground, find_edition("2014"))
    assert seen.together[Condition.DAY].facade_m[OBSERVE] == pytest.approx(5.0)


def test_a_ptz_camera_is_measured_at_all_its_presets() -> None:
    ptz = bullet().model_copy(update={"is_ptz": True})
    aimed = camera(
        x_m=X + 25,
        y_m=Y + 8,
        height_m=3.0,
        azimuth_deg=180.0,
        tilt_deg=0.0,
        presets=(Preset(name="huis", azimuth_deg=0.0, tilt_deg=0.0),),
    )
    site = park()
    scene = Scene(site.buildings)
    ground = lay_privacy_ground(site, scene)
    watcher = Watcher.of(aimed, ptz)
    seen = measure_privacy([watcher], scene, ground, find_edition("2014"))
    assert seen.cameras["c1"][Condition.DAY].facade_m[OBSERVE] == pytest.approx(10.0)


def test_a_thermal_camera_sees_ground_and_recognises_nobody() -> None:
    # level at 3 m: pixels over 0.75 m at depth d: 1000 x 0.75 / d >= 2 up to 375 m, by night too
    site = park(buildings=())
    thermal = load_catalogue()["thermal_384_9mm"]
    scene = Scene(())
    ground = lay_privacy_ground(site, scene)
    model = replace(looking_north(1000.0), width_px=384, height_px=512, tilt_deg=5.0)
    seen = measure_privacy([Watcher("t", (model,), thermal)], scene, ground, find_edition("2014"))
    for condition in Condition:
        found = seen.together[condition]
        assert found.private_m2 > 0
        assert found.recognisable_share == 0.0
        assert set(found.private_m2_by_class.values()) == {0.0}
    assert seen.together[Condition.DAY] == seen.together[Condition.NIGHT]


@pytest.mark.parametrize("seed", range(5))
def test_facades_seen_agree_with_brute_force_and_face_the_camera(seed: int) -> None:
    """Walk along every wall with shapely alone: before it, in front, in sight, dense enough."""
    rng = np.random.default_rng(seed)
    buildings = [
        replace(one, polygon=shapely.affinity.translate(one.polygon, X, Y))
        for one in random_buildings(seed, n=12, share_raised=0.0)
    ]
    site = park(
        boundary=box(X, Y, X + 200, Y + 200),
        buildings=tuple(buildings),
        public_areas=(PublicArea("all", AreaKind.GREEN, box(X, Y, X + 200, Y + 200)),),
        private_areas=(),
    )
    scene = Scene(buildings)
    while True:
        x, y, z = rng.uniform([X + 60, Y + 60, 4], [X + 140, Y + 140, 9])
        if scene.building_at(x, y, z) is None:
            break
    model = CameraModel("c", x, y, z, float(rng.uniform(0, 360)), 8.0, 3000.0, 9000, 3000)
    ground = lay_privacy_ground(site, scene)
    watcher = Watcher("c", (model,), bullet())
    seen = measure_privacy([watcher], scene, ground, find_edition("2014"))
    expected_m = sum(brute_force_m(one, buildings, model) for one in buildings)
    assert expected_m > 0
    assert seen.together[Condition.DAY].facade_m[OBSERVE] == pytest.approx(expected_m, abs=1e-6)


def brute_force_m(one: Building, buildings: list[Building], model: CameraModel) -> float:
    rows = [height for height in (1.5, 4.5) if height == 1.5 or one.height_m >= 5.5]
    total = 0.0
    for ring in (one.polygon.exterior, *one.polygon.interiors):
        corners = list(ring.coords)
        for (x1, y1), (x2, y2) in pairwise(corners):
            length = math.hypot(x2 - x1, y2 - y1)
            n = math.ceil(length)
            for k in range(n):
                x, y = x1 + (x2 - x1) * (k + 0.5) / n, y1 + (y2 - y1) * (k + 0.5) / n
                nx, ny = (y2 - y1) / length, (x1 - x2) / length
                if one.polygon.contains(Point(x + nx * 1e-3, y + ny * 1e-3)):
                    nx, ny = -nx, -ny
                for z in rows:
                    point = np.array([[x + nx * 0.05, y + ny * 0.05, z]])
                    faces = (model.x_m - x) * nx + (model.y_m - y) * ny > 0
                    dense = model.pixel_density_px_per_m(point)[0] >= 62.5
                    if faces and dense and model.is_in_view(point)[0]:
                        total += length / n / len(rows) * is_free(point[0], buildings, model)
    return total


def is_free(point: Floats, buildings: list[Building], model: CameraModel) -> bool:
    eye = np.array([model.x_m, model.y_m, model.height_m])
    for one in buildings:
        if point[2] < one.height_m and one.polygon.contains(Point(point[:2])):
            return False
        first = max(0.0, (eye[2] - one.height_m) / (eye[2] - point[2]))
        if first < 1:
            start = eye[:2] + (point[:2] - eye[:2]) * first
            if LineString([start, point[:2]]).relate_pattern(one.polygon, "T********"):
                return False
    return True


def test_more_cameras_never_see_less_and_together_never_more_than_the_sum() -> None:
    site = park()
    rng = np.random.default_rng(3)
    models = [
        replace(looking_north(900.0), x_m=X + rng.uniform(0, 60), azimuth_deg=rng.uniform(-60, 60))
        for _ in range(4)
    ]
    seen = [by_day(site, *models[:n]).private_m2 for n in range(5)]
    assert seen == sorted(seen)
    assert seen[0] == 0.0
    assert seen[4] <= sum(by_day(site, one).private_m2 for one in models) + 1e-9


def test_classes_are_nested_and_the_totals_are_an_upper_limit() -> None:
    found = measured(park(), replace(looking_north(1000.0), tilt_deg=10.0))
    seen = found.together[Condition.DAY]
    steps = list(seen.private_m2_by_class.values())
    assert steps == sorted(steps, reverse=True)
    assert 0 < seen.private_m2 < found.totals.private_m2 == pytest.approx(60 * 32 - 80)
    assert found.totals.facade_m[RECOGNISE] == pytest.approx(36.0)  # 2 x (10 + 8) m
    assert found.totals.recognisable_share == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("edition", "observe", "recognise"),
    [
        pytest.param("2014", "observe", "recognise", id="2014"),
        pytest.param("2025", "discern", "perceive", id="2025: 80 is nearer 62.5 than 40; 125"),
    ],
)
def test_levels_of_both_editions(edition: str, observe: str, recognise: str) -> None:
    found = privacy_levels(find_edition(edition))
    assert (found[OBSERVE].id, found[RECOGNISE].id) == (observe, recognise)


def test_ceilings_exceeded_are_said_with_what_was_measured() -> None:
    found = measured(park(), looking_north(1000.0))
    assert find_exceeded(found, PrivacyCeilings()) == []
    assert find_exceeded(found, PrivacyCeilings(dwelling_window_m=4.0)) == []  # 0.4 x 10 m, just
    (text,) = find_exceeded(found, PrivacyCeilings(dwelling_window_m=3.9))
    assert text.nl == (
        "ramen van woningen in beeld (dwelling_window_m): 4.0 m, gevraagd hoogstens 3.9 m"
    )
    (text,) = find_exceeded(found, PrivacyCeilings(camera_private_m2=0.5))
    assert text.en.startswith("camera 'c0': private ground in view (camera_private_m2): ")


def test_a_tighter_ceiling_never_lets_more_through() -> None:
    found = measured(park(), replace(looking_north(1000.0), tilt_deg=10.0))
    counts = [
        len(find_exceeded(found, PrivacyCeilings(private_m2=one, camera_private_m2=one)))
        for one in (0.0, 10.0, 100.0, 1e6)
    ]
    assert counts[0] == 2
    assert counts[-1] == 0
    assert counts == sorted(counts, reverse=True)


@pytest.mark.parametrize(
    ("height_m", "base_m", "expected_m"),
    [
        pytest.param(3.0, 0.0, [1.5], id="one floor"),
        pytest.param(5.4, 0.0, [1.5], id="just not two floors"),
        pytest.param(5.5, 0.0, [1.5, 4.5], id="two floors"),
        pytest.param(8.0, 3.0, [4.5], id="above a passage"),
        pytest.param(1.2, 0.0, [0.6], id="a low shed"),
    ],
)
def test_rows_of_windows(height_m: float, base_m: float, expected_m: list[float]) -> None:
    assert facade_heights_m(block(0, 0, 10, height_m, base_m=base_m)) == expected_m


def test_walls_are_sampled_just_outside_courtyards_too() -> None:
    court = Polygon(box(0, 0, 10, 10).exterior.coords, [box(4, 4, 6, 6).exterior.coords])
    points, outward, length_m = sample_walls(court)
    assert length_m.sum() == pytest.approx(40 + 8)
    assert not shapely.contains_xy(court, points[:, 0], points[:, 1]).any()
    away = shapely.distance(court, shapely.points(points))
    assert away == pytest.approx(np.full(len(points), 0.05))
    on_wall = shapely.distance(court.boundary, shapely.points(points - 0.05 * outward))
    assert on_wall == pytest.approx(np.zeros(len(points)), abs=1e-12)


def test_party_walls_are_no_facade() -> None:
    # two blocks of 10 x 10 m against one another: 80 m of wall less twice the 10 m between them
    site = park(
        buildings=(block(X + 10, Y + 20, 10, 6.0), block(X + 20, Y + 20, 10, 6.0, name="c"))
    )
    ground = lay_privacy_ground(site, Scene(site.buildings))
    assert ground.facade.total == pytest.approx(60.0)


def test_a_park_without_private_ground_or_buildings_measures_nothing() -> None:
    road = box(X, Y, X + 60, Y + 8)
    site = park(boundary=road, buildings=(), private_areas=())
    seen = by_day(site, looking_north(1000.0, y_m=0.0))
    assert (seen.private_m2, seen.recognisable_share) == (0.0, 0.0)
    assert seen.facade_m[OBSERVE] == 0.0
