"""
Where the detector looks: parts of a picture, each with the reason why.

A person of 30 pixels is lost in a full frame scaled to the network's input, and found in a part of
it that is enlarged (design: vision.md, section 11). How much, the plan of the park says: it knows
how tall a person is seen at each place. Pixels have their origin top left.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from parkwacht_coverage.camera import CameraModel
from parkwacht_vision.ground import anchor_px, ground_position_m
from parkwacht_vision.pictures import Picture, PxBox
from parkwacht_vision.scene import XyXy

Reason = Literal["motion", "track", "look"]

CONTEXT = 0.6  # of a box's size, left on each side: a network wants to see what is around
MIN_SIDE_SHARE = 0.22  # of the picture's height: smaller parts are mostly blur
MIN_SIDE_PX = 128
# Of the height of a person at that place: smaller parts than the share above where he is small.
# Measured on 57 persons of the shared stills, shrunk into 1080p (yolo11n int8, confidence >= 0.3):
# of 20 px 32 % found in parts of 128 px and 4 % in parts of 238; of 30 px 61 % (160) and 44 %; of
# 40 px 70 % (160) and 75 %.
PERSONS_PER_SIDE = 5.5
WHOLE_SHARE = 0.55  # parts that cover more of the picture than this are one look at all of it
MAX_REGIONS = 4


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a picture, x1, y1, x2, y2 in whole pixels inside it."""

    box: PxBox
    reason: Reason

    @property
    def area_px(self) -> int:
        """Its area."""
        return (self.box[2] - self.box[0]) * (self.box[3] - self.box[1])


def whole(picture: Picture) -> Region:
    """Return the whole picture as a region: the guaranteed look."""
    return Region((0, 0, picture.width_px, picture.height_px), "look")


def plan_regions(
    picture: Picture,
    moving: Sequence[XyXy],
    tracked: Sequence[XyXy],
    model: CameraModel | None = None,
) -> list[Region]:
    """
    Cover what moves and what is followed by a few square parts.

    Parameters
    ----------
    picture
        The picture they lie in.
    moving, tracked
        Boxes xyxy of blobs and of tracks, in pixels of the picture.
    model
        The camera at the size of the picture; without one nobody is known to be small.

    Returns
    -------
    regions
        The most important first; one of the whole picture where parts would cover most of it.
    """
    parts: list[Region] = []
    for reason, boxes in (("motion", moving), ("track", tracked)):
        for box in boxes:
            part = Region(_around(box, picture, model), "motion" if reason == "motion" else "track")
            _merge_into(parts, part, picture)
    area_px = picture.width_px * picture.height_px
    if len(parts) > MAX_REGIONS or sum(one.area_px for one in parts) > WHOLE_SHARE * area_px:
        # Not a guaranteed look: what asked for it pays for it.
        return [Region(whole(picture).box, parts[0].reason)]
    return parts


def _around(box: XyXy, picture: Picture, model: CameraModel | None) -> PxBox:
    """Return a square part around a box, inside the picture."""
    width, height = box[2] - box[0], box[3] - box[1]
    side = max(width, height) * (1 + 2 * CONTEXT)
    least_px = MIN_SIDE_SHARE * picture.height_px
    person_px = _person_px(box, model)
    if person_px is not None:
        least_px = min(least_px, PERSONS_PER_SIDE * person_px)
    side = max(side, MIN_SIDE_PX, least_px)
    return _inside((box[0] + box[2]) / 2, (box[1] + box[3]) / 2, side, picture)


def _person_px(box: XyXy, model: CameraModel | None) -> float | None:
    """Return how tall a person is seen who stands where a box does; None where that is unknown."""
    foot_m = ground_position_m(model, anchor_px(box))
    if model is None or foot_m is None:
        return None
    return float(model.upright_height_px(np.array([[*foot_m, 0.0]]))[0])


def _inside(x: float, y: float, side: float, picture: Picture) -> PxBox:
    wide, high = min(side, picture.width_px), min(side, picture.height_px)
    left = min(max(0.0, x - wide / 2), picture.width_px - wide)
    top = min(max(0.0, y - high / 2), picture.height_px - high)
    return (int(left), int(top), int(left + wide), int(top + high))


def _merge_into(parts: list[Region], new: Region, picture: Picture) -> None:
    """Add a part; one that overlaps another by a quarter grows it instead."""
    for index, one in enumerate(parts):
        a, b = one.box, new.box
        across = min(a[2], b[2]) - max(a[0], b[0])
        down = min(a[3], b[3]) - max(a[1], b[1])
        if across <= 0 or down <= 0:
            continue
        if across * down < 0.25 * min(one.area_px, new.area_px):
            continue
        left, top = min(a[0], b[0]), min(a[1], b[1])
        right, bottom = max(a[2], b[2]), max(a[3], b[3])
        side = max(right - left, bottom - top)
        box = _inside((left + right) / 2, (top + bottom) / 2, side, picture)
        parts.pop(index)
        _merge_into(parts, Region(box, one.reason), picture)
        return
    parts.append(new)
