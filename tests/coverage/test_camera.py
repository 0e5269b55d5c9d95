"""The one camera model: golden figures, and laws between ground and pixel."""

import math

import numpy as np
import numpy.typing as npt
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry.base import BaseGeometry

from parkwacht_config.site import Camera, CameraType, Lens, Preset
from parkwacht_coverage.camera import CameraModel, focal_length_px, models_of

Floats = npt.NDArray[np.float64]


def camera(*, tilt_deg: float = 20.0, vfov_deg: float = 57.0, height_m: float = 6.0) -> CameraModel:
    f_px = 1520 / 2 / math.tan(math.radians(vfov_deg / 2))
    return CameraModel("c", 255_000.0, 469_000.0, height_m, 0.0, tilt_deg, f_px, 2688, 1520)


def fisheye(tilt_deg: float) -> CameraModel:
    f_px = 3000 / math.pi  # 180 degrees over 3000 px
    return CameraModel("f", 0.0, 0.0, 4.0, 0.0, tilt_deg, f_px, 3000, 3000, Lens.F_THETA)


@pytest.mark.parametrize(
    ("height_m", "tilt_deg", "target_m", "expected_m"),
    [
        pytest.param(6.0, 20.0, 0.0, 5.308, id="feet: 6 / tan 48.5"),
        pytest.param(6.0, 20.0, 1.8, 3.716, id="head: 4.2 / tan 48.5"),
        pytest.param(6.0, 61.5, 0.0, 0.0, id="the foot of the mast is in view: 61.5 + 28.5 = 90"),
        pytest.param(6.0, 20.0, 6.0, 0.0, id="target as high as the camera"),
        pytest.param(6.0, 20.0, 7.0, 6.691, id="target above: 1 / tan(28.5 - 20)"),
        pytest.param(6.0, 30.0, 7.0, math.inf, id="target above, never in view"),
        pytest.param(6.0, -30.0, 0.0, math.inf, id="camera aimed at the sky"),
    ],
)
def test_the_blind_zone_ends_where_the_lower_edge_meets_the_target(
    height_m: float, tilt_deg: float, target_m: float, expected_m: float
) -> None:
    model = camera(tilt_deg=tilt_deg, height_m=height_m)
    assert model.nearest_visible_m(target_m) == pytest.approx(expected_m, abs=5e-4)


@pytest.mark.parametrize(
    ("tilt_deg", "target_m", "expected_m"),
    [
        pytest.param(20.0, 0.0, math.inf, id="horizon in view"),
        pytest.param(38.5, 0.0, 34.028, id="6 / tan(38.5 - 28.5)"),
        pytest.param(20.0, 7.0, math.inf, id="target above"),
        pytest.param(-30.0, 7.0, 38.188, id="aimed at the sky: 1 / tan(30 - 28.5)"),
    ],
)
def test_the_far_edge(tilt_deg: float, target_m: float, expected_m: float) -> None:
    assert camera(tilt_deg=tilt_deg).farthest_visible_m(target_m) == pytest.approx(
        expected_m, abs=5e-3
    )


def test_the_blind_zone_agrees_with_projection() -> None:
    model = camera()
    near = model.nearest_visible_m(1.8)
    points = np.array([[model.x_m, model.y_m + near + d, 1.8] for d in (-0.01, 0.01)])
    assert model.is_in_view(points).tolist() == [False, True]


aims = st.builds(
    CameraModel,
    id=st.just("c"),
    x_m=st.floats(-1e5, 1e5),
    y_m=st.floats(-1e5, 1e5),
    height_m=st.floats(2, 20),
    azimuth_deg=st.floats(0, 359.9),
    tilt_deg=st.floats(5, 85),
    f_px=st.floats(500, 8000),
    width_px=st.just(2688),
    height_px=st.just(1520),
    lens=st.sampled_from(Lens),
)


@given(aims, st.floats(0.05, 0.95), st.floats(0.55, 0.95))
@settings(max_examples=60, deadline=None)
def test_pixel_to_ground_to_pixel_is_a_round_trip(model: CameraModel, u: float, v: float) -> None:
    pixel = np.array([[u * model.width_px, v * model.height_px]])
    ground = model.ground_at(pixel)
    if np.isnan(ground).any() or np.hypot(*(ground[0] - [model.x_m, model.y_m])) > 500:
        return  # at or near the horizon
    back, depth = model.project(np.column_stack((ground, [0.0])))
    assert back == pytest.approx(pixel, abs=1e-3)
    if model.lens is Lens.RECTILINEAR:
        assert depth[0] > 0


@given(st.floats(0.1, 80), st.floats(1.01, 10))
def test_density_falls_with_depth(depth_m: float, factor: float) -> None:
    model = camera(tilt_deg=0.0)
    points = np.array([[model.x_m, model.y_m + d, 6.0] for d in (depth_m, depth_m * factor)])
    near, far = model.pixel_density_px_per_m(points)
    assert near == pytest.approx(far * factor)  # twice as far is half as dense


def assert_footprint(
    footprint: BaseGeometry, xy: Floats, expected: npt.NDArray[np.bool_], slack_m: float
) -> None:
    """Check that a footprint holds these points and no others, its edge aside."""
    away = np.asarray(shapely.distance(footprint.boundary, shapely.points(xy)))
    clear = ~(away <= slack_m)  # an empty footprint has no edge: its distances are NaN
    inside = shapely.contains_xy(footprint, xy[:, 0], xy[:, 1])
    assert inside[clear].tolist() == expected[clear].tolist()


def test_footprint_of_a_level_camera_is_its_wedge() -> None:
    # hfov: tan = 2688/1520 * tan(28.5) -> half 43.83 deg; sector area = R^2 * half
    model = camera(tilt_deg=0.0)
    half = math.radians(model.hfov_deg / 2)
    area = model.footprint(at_height_m=6.0, max_range_m=100.0).area
    assert area == pytest.approx(100.0**2 * half, rel=1e-3)


@given(aims, st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_footprint_holds_exactly_what_is_in_view(model: CameraModel, seed: int) -> None:
    footprint = model.footprint(at_height_m=1.5, max_range_m=60.0)
    offsets = np.random.default_rng(seed).uniform(-60, 60, (200, 2))
    xy = offsets + np.array([model.x_m, model.y_m])
    inside = np.hypot(*offsets.T) < 59.0
    slack_m = 0.01 if model.lens is Lens.RECTILINEAR else 0.8  # bearings of half a degree
    seen = model.is_in_view(np.column_stack((xy, np.full(200, 1.5))))
    assert_footprint(footprint, xy[inside], seen[inside], slack_m)


def test_fisheye_looking_down_sees_all_around() -> None:
    footprint = fisheye(90.0).footprint(max_range_m=30.0)
    assert footprint.area == pytest.approx(math.pi * 900, rel=5e-3)


def test_fisheye_shows_nothing_in_the_corners_of_its_image() -> None:
    corner = fisheye(90.0).rays(np.array([[10.0, 10.0]]))
    point = np.array([[0.0, 0.0, 4.0]]) + corner * 5.0
    assert fisheye(90.0).is_in_image(fisheye(90.0).project(point)[0]).all()
    assert not fisheye(90.0).is_in_view(point).any()


def test_a_camera_aimed_at_the_sky_has_no_footprint() -> None:
    assert camera(tilt_deg=-60.0).footprint().is_empty


@given(aims, st.floats(30, 300), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_footprint_ends_where_the_class_ends(model: CameraModel, density: float, seed: int) -> None:
    footprint = model.footprint(at_height_m=1.5, max_range_m=100.0, min_density_px_per_m=density)
    offsets = np.random.default_rng(seed).uniform(-60, 60, (200, 2))
    points = np.column_stack((offsets + np.array([model.x_m, model.y_m]), np.full(200, 1.5)))
    good = model.is_in_view(points) & (model.pixel_density_px_per_m(points) >= density)
    slack_m = 0.01 if model.lens is Lens.RECTILINEAR else 1.0
    assert_footprint(footprint, points[:, :2], good, slack_m)


@pytest.mark.parametrize(
    ("depth_m", "expected_px"),
    [
        # level camera at 1.0 m, f = 1000: foot 1.0 / d below the axis, head 0.8 / d above it
        pytest.param(10.0, 180.0, id="1000 (1.0 + 0.8) / 10"),
        pytest.param(40.0, 45.0, id="1000 (1.0 + 0.8) / 40"),
    ],
)
def test_a_person_before_a_level_camera_is_f_h_over_d_high(
    depth_m: float, expected_px: float
) -> None:
    model = CameraModel("c", 0.0, 0.0, 1.0, 90.0, 0.0, 1000.0, 1920, 1080)
    assert model.upright_height_px(np.array([[depth_m, 3.0]]))[0] == pytest.approx(expected_px)


def test_a_person_before_a_tilted_camera_is_measured_from_foot_to_head() -> None:
    # H = 6, tilt 20, f = 1000, person of 1.8 m at 12 m straight ahead, each end by hand:
    # foot: z = 12 cos 20 + 6 sin 20 = 13.3284, y = 6 cos 20 - 12 sin 20 = 1.5339 -> 115.08 px
    # head: z = 12 cos 20 + 4.2 sin 20 = 12.7128, y = 4.2 cos 20 - 12 sin 20 = -0.1575 -> -12.39 px
    model = CameraModel("c", 0.0, 0.0, 6.0, 0.0, 20.0, 1000.0, 1920, 1080)
    height = model.upright_height_px(np.array([[0.0, 12.0]]), 1.8)[0]
    assert height == pytest.approx(115.08 + 12.39, abs=0.01)


def test_a_person_before_a_fisheye_is_f_times_the_angle() -> None:
    # level f-theta at 1.8 m, f = 955 px/rad: the head on the axis, the foot atan(1.8 / 6) below
    model = CameraModel("f", 0.0, 0.0, 1.8, 0.0, 0.0, 955.0, 3000, 3000, Lens.F_THETA)
    height = model.upright_height_px(np.array([[0.0, 6.0]]), 1.8)[0]
    assert height == pytest.approx(955 * math.atan(1.8 / 6))


@pytest.mark.parametrize("tilt_deg", [0.0, 20.0, 40.0])
def test_density_along_a_person_is_rho_times_the_cosine_of_the_depression(tilt_deg: float) -> None:
    model = CameraModel("c", 0.0, 0.0, 6.0, 0.0, tilt_deg, 1000.0, 1920, 1080)
    down = math.radians(tilt_deg)
    point = np.array([[0.0, 20 * math.cos(down), 6.0 - 20 * math.sin(down)]])  # 20 m on the axis
    assert model.upright_density_px_per_m(point)[0] == pytest.approx(1000 / 20 * math.cos(down))
    # and it is the slope of the projected height there, found by projecting two ends 2 mm apart
    ends, _ = model.project(point + np.array([[0, 0, -0.001], [0, 0, 0.001]]))
    assert model.upright_density_px_per_m(point)[0] == pytest.approx(
        (ends[0, 1] - ends[1, 1]) / 0.002, rel=1e-6
    )


def test_nothing_has_a_height_behind_the_camera_or_straight_below_it() -> None:
    model = camera()
    behind = np.array([[model.x_m, model.y_m - 30.0, 0.0]])
    assert np.isnan(model.upright_height_px(behind)).all()
    assert model.upright_density_px_per_m(behind).tolist() == [0.0]
    below = np.array([[0.0, 0.0, 0.0]])
    assert fisheye(90.0).upright_density_px_per_m(below)[0] == pytest.approx(0.0)


def test_a_fisheye_does_not_image_what_is_exactly_opposite_to_its_aim() -> None:
    pixels, _ = fisheye(0.0).project(np.array([[0.0, -5.0, 4.0]]))
    assert np.isnan(pixels).all()
    assert not fisheye(0.0).is_in_view(np.array([[0.0, -5.0, 4.0]])).any()


@pytest.mark.parametrize("lens", list(Lens))
def test_both_lenses_agree_with_projection_where_the_blind_zone_ends(lens: Lens) -> None:
    model = CameraModel("c", 0.0, 0.0, 6.0, 0.0, 20.0, 1400.0, 2688, 1520, lens)
    near = model.nearest_visible_m()
    half = 760 / 1400 if lens is Lens.F_THETA else math.atan(760 / 1400)
    assert near == pytest.approx(6 / math.tan(math.radians(20) + half))
    points = np.array([[0.0, near + d, 0.0] for d in (-0.01, 0.01)])
    assert model.is_in_view(points).tolist() == [False, True]


def a_type(**changes: object) -> CameraType:
    values: dict[str, object] = {
        "id": "t",
        "name": "t",
        "width_px": 1920,
        "height_px": 1080,
        "pitch_um": 2.9,
        "focal_length_mm": 4.8,
        "price_eur": 1,
    }
    return CameraType.model_validate(values | changes)


@pytest.mark.parametrize(
    ("changes", "focal_length_mm", "expected_px"),
    [
        pytest.param({}, None, 1655.17, id="pinhole: 4.8 mm / 2.9 um"),
        pytest.param({"focal_length_max_mm": 120}, 120.0, 41379.31, id="zoomed in: 120 / 2.9 um"),
        pytest.param({"hfov_deg": 90}, None, 960.0, id="datasheet: 960 / tan 45"),
        pytest.param({"hfov_deg": 90}, 4.8, 960.0, id="datasheet, its focal length named"),
        pytest.param(
            {"hfov_deg": 90, "focal_length_max_mm": 120}, 12.0, 4137.93, id="not the datasheet's"
        ),
        pytest.param({"lens": "f_theta", "hfov_deg": 180}, None, 611.15, id="1920 px over pi"),
        pytest.param({"lens": "f_theta"}, None, 1655.17, id="f-theta: px per radian"),
    ],
)
def test_focal_length_in_pixels(
    changes: dict[str, object], focal_length_mm: float | None, expected_px: float
) -> None:
    found = focal_length_px(a_type(**changes), focal_length_mm)
    assert found == pytest.approx(expected_px, abs=0.005)


def test_a_ptz_camera_has_a_model_for_each_aim_home_first() -> None:
    ptz = a_type(focal_length_max_mm=120, is_ptz=True)
    camera_ = Camera(
        id="c1",
        name="c",
        type_id="t",
        x_m=1.0,
        y_m=2.0,
        height_m=6.0,
        azimuth_deg=10.0,
        tilt_deg=5.0,
        focal_length_mm=9.6,
        presets=(
            Preset(name="poort", azimuth_deg=200.0, tilt_deg=12.0, focal_length_mm=48.0),
            Preset(name="hoek", azimuth_deg=300.0, tilt_deg=8.0),
        ),
    )
    found = models_of(camera_, ptz)
    assert {one.id for one in found} == {"c1"}
    aims = [(one.azimuth_deg, one.tilt_deg) for one in found]
    assert aims == [(10.0, 5.0), (200.0, 12.0), (300.0, 8.0)]
    # 9.6 mm, 48 mm and again 9.6 mm on 2.9 um
    assert [one.f_px for one in found] == pytest.approx([3310.34, 16551.72, 3310.34], abs=0.01)
