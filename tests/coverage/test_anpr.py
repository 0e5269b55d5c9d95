"""Number plates: size in the image and angle, computed by hand."""

import math

import numpy as np
import pytest
from coverage_builders import bullet
from hypothesis import given
from hypothesis import strategies as st

from parkwacht_config.loader import load_catalogue
from parkwacht_coverage.anpr import (
    can_read_plates,
    is_plate_readable,
    is_plate_readable_by_night,
)
from parkwacht_coverage.camera import PLATE_HEIGHT_M, CameraModel, focal_length_px

ANPR = load_catalogue()["anpr_2mp_8_32mm"]
F_PX = focal_length_px(ANPR, 32.0)  # 32 mm / 2.9 um = 11034.5 px


def camera(*, height_m: float = PLATE_HEIGHT_M, tilt_deg: float = 0.0) -> CameraModel:
    """Return a camera in the origin that looks east."""
    return CameraModel("a", 0.0, 0.0, height_m, 90.0, tilt_deg, F_PX, 1920, 1080)


def is_readable(model: CameraModel, x_m: float, y_m: float, travel_deg: float) -> bool:
    point = np.array([[x_m, y_m, PLATE_HEIGHT_M]])
    return bool(is_plate_readable(model, point, np.array([travel_deg]))[0])


@pytest.mark.parametrize(
    ("x_m", "y_m", "travel_deg", "expected"),
    [
        pytest.param(40.4, 0.0, 270.0, True, id="30 px high up to 0.11 f / 30 = 40.46 m"),
        pytest.param(40.5, 0.0, 270.0, False, id="30 px high no farther than 40.46 m"),
        pytest.param(40.4, 0.0, 90.0, True, id="the plate behind counts as well"),
        pytest.param(
            38.9, 0.0, 298.0, True, id="28 deg: 130 px wide to 0.52 f cos 28 / 130 = 38.97"
        ),
        pytest.param(39.1, 0.0, 298.0, False, id="28 deg: not 130 px wide beyond 38.97 m"),
        pytest.param(20.0, 0.0, 299.9, True, id="turned 29.9 degrees"),
        pytest.param(20.0, 0.0, 300.1, False, id="turned 30.1 degrees"),
        pytest.param(20.0, 0.0, 239.9, False, id="turned 30.1 degrees the other way"),
        pytest.param(20.0, 0.0, 0.0, False, id="drives past, across the image"),
        pytest.param(20.0, 1.4, 270.0, True, id="whole plate in view: 1.4 + 0.26 < 20 x 960 / f"),
        pytest.param(20.0, 1.6, 270.0, False, id="cut by the edge: 1.6 + 0.26 > 1.74 m"),
        pytest.param(-20.0, 0.0, 270.0, False, id="behind the camera"),
    ],
)
def test_a_plate_before_a_level_camera(
    x_m: float, y_m: float, travel_deg: float, expected: bool
) -> None:
    assert is_readable(camera(), x_m, y_m, travel_deg) is expected


@pytest.mark.parametrize(
    ("height_m", "expected"),
    [  # 10 m before the mast: tan 30 x 10 = 5.774 m above the plate
        pytest.param(PLATE_HEIGHT_M + 5.7, True, id="29.7 degrees down"),
        pytest.param(PLATE_HEIGHT_M + 5.8, False, id="30.1 degrees down"),
    ],
)
def test_a_plate_seen_from_above(height_m: float, expected: bool) -> None:
    model = camera(height_m=height_m, tilt_deg=30.0)
    assert is_readable(model, 10.0, 0.0, 270.0) is expected


def test_a_plate_seen_from_above_is_lower_in_the_image() -> None:
    # aimed at the plate 25 degrees down: slant L, height 0.11 cos 25 f / L >= 30 up to 36.67 m
    for slant_m, expected in ((36.6, True), (36.8, False)):
        away, up = slant_m * math.cos(math.radians(25)), slant_m * math.sin(math.radians(25))
        model = camera(height_m=PLATE_HEIGHT_M + up, tilt_deg=25.0)
        assert is_readable(model, away, 0.0, 270.0) is expected


@given(st.floats(3, 60), st.floats(-2, 2), st.floats(0, 359.9), st.floats(1, 8))
def test_who_turns_round_shows_the_other_plate(
    x_m: float, y_m: float, travel_deg: float, height_m: float
) -> None:
    model = camera(height_m=height_m, tilt_deg=8.0)
    assert is_readable(model, x_m, y_m, travel_deg) == is_readable(
        model, x_m, y_m, (travel_deg + 180.0) % 360
    )


def test_a_readable_plate_covers_130_by_30_pixels_of_the_image() -> None:
    """Cast the ray of every pixel at the plane of the plate and count what hits the plate."""
    model = camera(height_m=4.0, tilt_deg=6.0)
    for x_m, turn_deg in ((34.0, 10.0), (30.0, 27.0)):
        middle = np.array([x_m, 0.4, PLATE_HEIGHT_M])
        turn = math.radians(turn_deg)
        normal = np.array([-math.cos(turn), math.sin(turn), 0.0])
        across = np.array([math.sin(turn), math.cos(turn), 0.0])
        u, v = np.meshgrid(np.arange(1920) + 0.5, np.arange(1080) + 0.5)
        rays = model.rays(np.column_stack((u.ravel(), v.ravel())))
        eye = np.array([0.0, 0.0, 4.0])
        hits = eye + rays * (((middle - eye) @ normal) / (rays @ normal))[:, None] - middle
        on_plate = (np.abs(hits @ across) <= 0.26) & (np.abs(hits[:, 2]) <= 0.055)
        n_columns = int(on_plate.reshape(1080, 1920).any(axis=0).sum())
        n_rows = int(on_plate.reshape(1080, 1920).sum(axis=0).max())
        assert n_columns >= 130
        assert n_rows >= 30
        assert is_readable(model, x_m, 0.4, 270.0 + turn_deg)


@pytest.mark.parametrize(
    ("x_m", "lux", "expected"),
    [
        pytest.param(34.9, 0.0, True, id="infrared of 50 m carries 0.7 x 50 = 35 m"),
        pytest.param(35.1, 0.0, False, id="dark, beyond the infrared"),
        pytest.param(35.1, 0.5, True, id="ten times 0.05 lux from the lamps"),
        pytest.param(35.1, 0.49, False, id="less than ten times 0.05 lux"),
    ],
)
def test_by_night_the_plate_must_be_lit(x_m: float, lux: float, expected: bool) -> None:
    point, travel = np.array([[x_m, 0.0, PLATE_HEIGHT_M]]), np.array([270.0])
    found = is_plate_readable_by_night(camera(), ANPR, point, travel, np.array([lux]))
    assert found.tolist() == [expected]


def test_thermal_cameras_read_no_plates() -> None:
    thermal = load_catalogue()["thermal_640_25mm"]
    point, travel = np.array([[10.0, 0.0, PLATE_HEIGHT_M]]), np.array([270.0])
    light = np.array([1000.0])
    assert not is_plate_readable_by_night(camera(), thermal, point, travel, light).any()
    assert can_read_plates(bullet())
    assert not can_read_plates(thermal)
