from collections.abc import Callable

import numpy as np
import pytest

from parkwacht_config.site import ObjectClass, Site
from parkwacht_coverage.camera import CameraModel
from parkwacht_vision.detections import Detections
from parkwacht_vision.sizes import split_by_size
from parkwacht_vision.zones import camera_model

P, C, T, B = ObjectClass.PERSON, ObjectClass.CAR, ObjectClass.TRUCK, ObjectClass.BICYCLE


@pytest.fixture
def model(make_site: Callable[..., Site]) -> CameraModel:
    """A camera at 6 m that looks north, 15 degrees down."""
    site = make_site()
    made = camera_model(site, site.cameras[0])
    assert made is not None
    return made.scaled_to(1280, 720)


def standing(
    model: CameraModel, y_m: float, width_m: float, height_m: float
) -> tuple[float, float, float, float]:
    """Project an upright rectangle before the camera by the camera model itself."""
    corners = [(1000 + side * width_m / 2, y_m, up) for side in (-1, 1) for up in (0.0, height_m)]
    pixels, _ = model.project(np.array(corners))
    (x1, y1), (x2, y2) = pixels.min(axis=0), pixels.max(axis=0)
    return (float(x1), float(y1), float(x2), float(y2))


@pytest.mark.parametrize(
    ("size_m", "named", "stays"),
    [
        pytest.param((0.6, 1.75), P, True, id="a man"),
        pytest.param((0.9, 2.4), P, True, id="with his arms up"),
        pytest.param((0.5, 0.4), P, True, id="crawling"),
        pytest.param((0.3, 0.3), P, False, id="a cat called a man"),
        pytest.param((4.0, 4.0), P, False, id="a spider at the lens, as if it stood there"),
        pytest.param((1.8, 1.8), B, True, id="a cyclist"),
        pytest.param((5.0, 4.0), B, False, id="no bicycle is so large"),
        pytest.param((18.75, 4.0), T, True, id="the longest lorry of the EU, 96/53/EC"),
        pytest.param((25.25, 4.0), T, True, id="a Dutch long one (LZV)"),
        pytest.param((32.0, 4.0), T, True, id="two trailers, on trial"),
        pytest.param((24.8, 3.4), ObjectClass.BUS, True, id="a bus of three parts"),
        pytest.param((45.0, 4.0), T, False, id="no lorry is so long"),
        pytest.param((4.2, 1.5), C, True, id="a car"),
        pytest.param((9.0, 9.0), C, False, id="no car is so high"),
        pytest.param((0.2, 0.2), C, False, id="a drop called a car"),
    ],
)
@pytest.mark.parametrize("y_m", [2012.0, 2045.0])
def test_metres_decide_what_a_thing_can_be(
    model: CameraModel, y_m: float, size_m: tuple[float, float], named: ObjectClass, stays: bool
) -> None:
    found = Detections.of([(standing(model, y_m, *size_m), 0.6, named)])
    sized = split_by_size(found, model)
    assert (len(sized.kept), len(sized.misfits)) == ((1, 0) if stays else (0, 1))
    assert len(split_by_size(found, None).kept) == 1  # without calibration nothing can be measured


def test_what_hangs_above_the_horizon_is_no_person(model: CameraModel) -> None:
    # f = 4 mm / 4 um = 1000 px, 15 degrees down: the horizon is 1000 tan 15 = 268 px above row 360
    hanging = ((600.0, 0.0, 700.0, 60.0), 0.7, P)
    man = (standing(model, 2020.0, 0.6, 1.75), 0.5, P)
    sized = split_by_size(Detections.of([hanging, man]), model)
    kept = sized.kept
    assert kept.confidence.tolist() == [0.5]
    # what is so near the lens moves without being news
    assert kept.others.tolist() == [list(hanging[0])]
    assert sized.misfits.confidence.tolist() == [0.7]


def test_what_is_too_small_is_dropped_and_its_movement_stays_news(model: CameraModel) -> None:
    small = (standing(model, 2020.0, 0.25, 0.25), 0.5, P)
    sized = split_by_size(Detections.of([small]), model)
    assert len(sized.kept) == len(sized.kept.others) == 0
    assert len(sized.misfits) == 1


def test_who_is_only_too_far_off_is_no_misfit(model: CameraModel) -> None:
    """A man of his right size at 400 m, where 250 m is the farthest that is judged."""
    far = (standing(model, 2400.0, 0.6, 1.75), 0.5, P)
    sized = split_by_size(Detections.of([far]), model)
    assert len(sized.kept) == len(sized.misfits) == 0
