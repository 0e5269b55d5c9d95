"""
Day or night in one camera's pictures, and the least confidence that holds there.

Night is a dark picture, or one without colour: infrared light makes everything grey. Judged at the
guaranteed look, when the whole picture is converted anyway, with hysteresis so that dusk does not
flicker.
"""

from typing import TYPE_CHECKING

import cv2
import numpy as np

from parkwacht_config.site import Camera, ObjectClass
from parkwacht_vision.detections import Detections
from parkwacht_vision.pictures import Image

if TYPE_CHECKING:
    from collections.abc import Mapping

SIZE = (64, 36)
DARK, LIGHT = 55.0, 70.0  # mean grey level: night below, day above
GREY, COLOURED = 8.0, 14.0  # mean spread of the colour channels: night below, day above


class LightThresholds:
    """
    What a site asks of one camera's detections, by class and light.

    Parameters
    ----------
    camera
        The camera; None, or one that asks for nothing, keeps everything.
    """

    def __init__(self, camera: Camera | None) -> None:
        asked = None if camera is None else camera.min_confidence
        self._day: Mapping[ObjectClass, float] = {} if asked is None else asked.day
        self._night: Mapping[ObjectClass, float] = {} if asked is None else asked.night
        self.is_night = False

    @property
    def is_asked(self) -> bool:
        """Whether the site asks for anything."""
        return bool(self._day or self._night)

    def judge(self, image: Image) -> None:
        """Judge the light of a whole picture, BGR of shape (height, width, 3)."""
        small = cv2.resize(image, SIZE, interpolation=cv2.INTER_AREA).astype(np.float32)
        mean = float(small.mean())
        spread = float((small.max(axis=2) - small.min(axis=2)).mean())
        if mean < DARK or spread < GREY:
            self.is_night = True
        elif mean > LIGHT and spread > COLOURED:
            self.is_night = False

    def keep(self, found: Detections) -> Detections:
        """Return the detections that are sure enough for the light."""
        least = self._night if self.is_night else self._day
        if not least or not len(found):
            return found
        sure = np.array(
            [
                found.confidence[row] >= least.get(found.object_class(row), 0.0)
                for row in range(len(found))
            ]
        )
        return Detections(
            found.xyxy[sure], found.confidence[sure], found.class_id[sure], found.others
        )
