from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from parkwacht_config.site import ObjectClass, Site
from parkwacht_vision.background import (
    BackgroundDetector,
    BackgroundModel,
    classify_extent,
    classify_shape,
    small_luma,
)
from parkwacht_vision.detections import Detections
from parkwacht_vision.frames import Frame, Image
from parkwacht_vision.ground import Extent
from parkwacht_vision.pictures import ArrayPicture
from parkwacht_vision.zones import camera_model

AT = datetime(2026, 11, 23, 1, 13, tzinfo=UTC)
Draw = Callable[[int, Image], None]


def scene(draw: Draw, *, n: int = 40, sigma: float = 4.0, level: float = 50) -> list[Frame]:
    rng = np.random.default_rng(3)
    frames = []
    for index in range(n):
        image = rng.normal(level, sigma, (360, 640, 3))
        shown = np.clip(image, 0, 255).astype(np.uint8)
        draw(index, shown)
        at = AT + timedelta(seconds=index / 8)
        frames.append(Frame.of_image(shown, index / 8, at, at, index))
    return frames


def run(frames: list[Frame], detector: BackgroundDetector | None = None) -> list[Detections]:
    detector = detector or BackgroundDetector(None)
    return [detector.detect(frame, []) for frame in frames]


def person(index: int, image: Image) -> None:
    if index >= 10:
        left = 40 + 8 * (index - 10)
        image[200:290, left : left + 34] = np.clip(image[200:290, left : left + 34] + 35.0, 0, 255)


def rain(index: int, image: Image) -> None:
    rng = np.random.default_rng(index)
    for x, y in zip(rng.integers(0, 630, 60), rng.integers(0, 330, 60), strict=True):
        image[y : y + 30, x : x + 2] = 160


def brighter(index: int, image: Image) -> None:
    if index >= 20:
        image[:] = np.clip(image.astype(np.int16) + 40, 0, 255)


def switched(index: int, image: Image) -> None:
    if index >= 20:
        image[:, :400] = np.clip(image[:, :400].astype(np.int16) + 90, 0, 255)


def test_a_faint_walker_is_found_where_he_is() -> None:
    found = run(scene(person))
    hits = 0
    for index, one in enumerate(found[14:], start=14):
        centre = 40 + 8 * (index - 10) + 17
        hits += any(
            one.object_class(row) is ObjectClass.PERSON
            and abs(one.xyxy[row, [0, 2]].mean() - centre) < 20
            for row in range(len(one))
        )
    assert hits >= 20  # of 26 frames
    assert sum(len(one) for one in found[:10]) == 0


@pytest.mark.parametrize(
    ("draw", "at_most"),
    # Of 60 streaks a frame some overlap by chance; no track survives on one a frame.
    [(lambda *_: None, 0), (rain, 60), (brighter, 0), (switched, 0)],
    ids=["noise", "rain", "exposure", "infrared"],
)
@pytest.mark.parametrize("sigma", [2.0, 8.0])
def test_weather_and_light_are_neither_persons_nor_vehicles(
    draw: Draw, at_most: int, sigma: float
) -> None:
    assert sum(len(one) for one in run(scene(draw, sigma=sigma))) <= at_most


def test_after_a_switch_of_light_a_walker_is_found_again() -> None:
    def both(index: int, image: Image) -> None:
        switched(index, image)
        person(index - 25, image)

    found = run(scene(both, n=70))
    assert sum(len(one) > 0 for one in found[40:]) >= 20


def test_the_scene_is_learned_before_anything_is_called_foreground() -> None:
    model = BackgroundModel()
    luma, scale = small_luma(ArrayPicture(np.full((1080, 1920, 3), 60, np.uint8)))
    assert luma.shape == (270, 480)
    assert scale == 4
    assert not model.foreground(luma).any()
    assert model.is_learning


@pytest.mark.parametrize(
    ("width_m", "height_m", "expected"),
    [
        (0.6, 1.75, ObjectClass.PERSON),
        (0.9, 1.5, ObjectClass.PERSON),
        (2.0, 2.0, ObjectClass.VEHICLE),
        (4.6, 1.5, ObjectClass.VEHICLE),
        (16.0, 4.0, ObjectClass.VEHICLE),
        (0.4, 0.4, None),  # a cat
        (0.05, 1.8, None),  # a streak of rain
        (3.0, 0.4, None),  # a light on the ground
        (30.0, 6.0, None),  # the headlights on a facade
    ],
)
def test_size_in_metres_decides(
    width_m: float, height_m: float, expected: ObjectClass | None
) -> None:
    judged = classify_extent(Extent(width_m, height_m, 20.0))
    assert (judged and judged[0]) == expected


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (0.05, 0.3, ObjectClass.PERSON),
        (0.3, 0.2, ObjectClass.VEHICLE),
        (0.01, 0.02, None),
        (1, 1, None),
    ],
)
def test_shape_decides_without_calibration(
    width: float, height: float, expected: ObjectClass | None
) -> None:
    judged = classify_shape(width, height, 16 / 9)
    assert (judged and judged[0]) == expected


def test_calibration_tells_a_person_from_a_far_lorry_of_the_same_pixels(
    make_site: Callable[..., Site],
) -> None:
    site = make_site()
    detector = BackgroundDetector(camera_model(site, site.cameras[0]))
    found = run(scene(person), detector)
    # 90 rows of 360 at row 290 and a camera 6 m up: about 1.9 m tall
    classes = {one.object_class(row) for one in found for row in range(len(one))}
    assert classes <= {ObjectClass.PERSON}
    detector.reset()
    assert len(detector.detect(scene(person, n=1)[0], [])) == 0
