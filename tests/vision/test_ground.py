from collections.abc import Callable

import numpy as np
import pytest

from parkwacht_config.site import Site
from parkwacht_coverage.camera import CameraModel
from parkwacht_vision.ground import anchor_px, ground_position_m, object_extent
from parkwacht_vision.zones import camera_model


@pytest.fixture
def model(make_site: Callable[..., Site]) -> CameraModel:
    site = make_site()
    made = camera_model(site, site.cameras[0])
    assert made is not None
    return made.scaled_to(1280, 720)


def upright_box(
    model: CameraModel, x_m: float, y_m: float, *, width_m: float, height_m: float
) -> tuple[float, float, float, float]:
    """Project the four corners of an upright rectangle that faces the camera, which looks north."""
    corners = [(x_m + side * width_m / 2, y_m, up) for side in (-1, 1) for up in (0.0, height_m)]
    pixels, _ = model.project(np.array(corners))
    (x1, y1), (x2, y2) = pixels.min(axis=0), pixels.max(axis=0)
    return (float(x1), float(y1), float(x2), float(y2))


def test_the_anchor_is_the_middle_of_the_lower_edge() -> None:
    assert anchor_px((10, 20, 30, 900)) == (20, 900)


@pytest.mark.parametrize("y_m", [2010.0, 2030.0, 2080.0])
def test_feet_lead_back_to_the_ground(model: CameraModel, y_m: float) -> None:
    found = ground_position_m(
        model, anchor_px(upright_box(model, 1003, y_m, width_m=0.5, height_m=1.8))
    )
    # perspective widens the outer half of the box by a few millimetres of its 0.5 m
    assert found == pytest.approx((1003, y_m), abs=0.1)


@pytest.mark.parametrize(("width_m", "height_m"), [(0.5, 1.8), (4.5, 1.5), (16, 4)])
@pytest.mark.parametrize("y_m", [2012.0, 2025.0, 2060.0])
def test_a_box_leads_back_to_the_size_of_its_object(
    model: CameraModel, y_m: float, width_m: float, height_m: float
) -> None:
    extent = object_extent(model, upright_box(model, 1000, y_m, width_m=width_m, height_m=height_m))
    assert extent is not None
    # a tilted camera sees the top of a wide object nearer: a few per cent of width
    assert extent.width_m == pytest.approx(width_m, rel=0.12)
    assert extent.height_m == pytest.approx(height_m, rel=0.03)
    assert extent.distance_m == pytest.approx(y_m - 2000, rel=0.01)


def test_there_is_no_place_above_the_horizon_far_away_or_uncalibrated(model: CameraModel) -> None:
    assert ground_position_m(model, (640, 10)) is None
    assert ground_position_m(None, (640, 700)) is None
    far, _ = model.project(np.array([[1000.0, 2400.0, 0.0]]))
    assert ground_position_m(model, (float(far[0, 0]), float(far[0, 1]))) is None
    assert object_extent(model, (600, 0, 700, 20)) is None
