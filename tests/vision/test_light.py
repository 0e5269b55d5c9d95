"""Day or night in a picture, and what a site asks of detections there."""

import numpy as np
import pytest

from parkwacht_config.site import Camera, ObjectClass
from parkwacht_config.site import LightThresholds as Asked
from parkwacht_vision.detections import Detections
from parkwacht_vision.light import LightThresholds


def camera(asked: Asked) -> Camera:
    return Camera(
        id="a", name="A", type_id="t", x_m=1, y_m=1, height_m=5, azimuth_deg=0, tilt_deg=10,
        min_confidence=asked,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("bgr", "is_night"),
    [
        ((20, 20, 20), True),  # dark
        ((120, 120, 120), True),  # bright and grey: infrared
        ((90, 120, 160), False),  # bright, channels 70 apart: day
        ((40, 45, 60), True),  # coloured lamp light, but dark
    ],
)
def test_night_is_dark_or_without_colour(bgr: tuple[int, int, int], is_night: bool) -> None:
    one = LightThresholds(None)
    one.judge(np.full((72, 128, 3), bgr, np.uint8))
    assert one.is_night is is_night


def test_dusk_does_not_flicker() -> None:
    one = LightThresholds(None)
    one.judge(np.full((72, 128, 3), (20, 20, 20), np.uint8))
    # mean 62, between 55 and 70: what it was it stays
    one.judge(np.full((72, 128, 3), (42, 62, 82), np.uint8))
    assert one.is_night


def test_a_class_needs_what_the_site_asks_by_night() -> None:
    person, car = ObjectClass.PERSON, ObjectClass.CAR
    one = LightThresholds(camera(Asked(night={person: 0.5})))
    found = Detections.of([((0, 0, 9, 9), 0.45, person), ((0, 0, 9, 9), 0.2, car)])
    assert len(one.keep(found)) == 2  # by day nothing is asked
    one.judge(np.full((72, 128, 3), 10, np.uint8))
    kept = one.keep(found)
    assert [kept.object_class(row) for row in range(len(kept))] == [car]
