"""Where the detector looks: parts of a picture, each with the reason why."""

from dataclasses import dataclass
from typing import Literal

from parkwacht_vision.pictures import Picture, PxBox

Reason = Literal["motion", "track", "look"]


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a picture, x1, y1, x2, y2 in whole pixels inside it."""

    box: PxBox
    reason: Reason


def whole(picture: Picture) -> Region:
    """Return the whole picture as a region: the guaranteed look."""
    return Region((0, 0, picture.width_px, picture.height_px), "look")
