"""
Boxes of a picture and of its parts: scaled into a network's input, and each object kept once.

Boxes are xyxy in pixels of the picture, origin top left.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from parkwacht_config.site import ObjectClass
from parkwacht_vision.detections import Detections, Floats
from parkwacht_vision.pictures import Image, PxBox

NMS_IOU = 0.6
DEFAULT_SIZE_PX = 640
SIDES_PX = (320, 448, DEFAULT_SIZE_PX)
# Two parts show one object: their boxes differ more than those of one look.
REGION_IOU = 0.5
# Detections of these classes that cover each other are one object.
FOUR_WHEELED = frozenset({ObjectClass.CAR, ObjectClass.TRUCK, ObjectClass.BUS, ObjectClass.VEHICLE})


@dataclass(frozen=True, slots=True)
class PartFindings:
    """What one part showed; `is_cut` where a box ends at an edge of the part inside the picture."""

    found: Detections
    is_cut: npt.NDArray[np.bool_]


def is_cut_off(xyxy: Floats, box: PxBox, size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Return which boxes end at an edge of a part that is not an edge of the picture."""
    near = 3.0
    cut: npt.NDArray[np.bool_] = np.zeros(len(xyxy), dtype=np.bool_)
    if box[0] > 0:
        cut |= xyxy[:, 0] < box[0] + near
    if box[1] > 0:
        cut |= xyxy[:, 1] < box[1] + near
    if box[2] < size[0]:
        cut |= xyxy[:, 2] > box[2] - near
    if box[3] < size[1]:
        cut |= xyxy[:, 3] > box[3] - near
    return cut


def merge_regions(parts: Sequence[PartFindings]) -> Detections:
    """
    Put the findings of several parts together, each object once.

    A box that the edge of its part cut off is dropped: it would make a parked vehicle shrink and
    jump. A part is laid around what it is meant to show, with room on all sides.
    """
    if not parts:
        return Detections.empty()
    whole = [_uncut(one) for one in parts]
    if len(whole) == 1:
        return whole[0]
    xyxy = np.concatenate([one.xyxy for one in whole])
    confidence = np.concatenate([one.confidence for one in whole])
    class_id = np.concatenate([one.class_id for one in whole])
    others = np.concatenate([one.others for one in whole])
    kept: list[int] = []
    for row in np.argsort(-confidence, kind="stable").tolist():
        if not any(
            class_id[row] == class_id[one] and box_iou(xyxy[row], xyxy[one]) > REGION_IOU
            for one in kept
        ):
            kept.append(row)
    return Detections(xyxy[kept], confidence[kept], class_id[kept], others)


def _uncut(part: PartFindings) -> Detections:
    found, keep = part.found, ~part.is_cut
    return Detections(found.xyxy[keep], found.confidence[keep], found.class_id[keep], found.others)


def fitting_size(height: int, width: int, stride: int = 32) -> tuple[int, int]:
    """
    Return the input in which a picture is seen well: its shape, its longer side 320, 448 or 640.

    A part smaller than 320 pixels is enlarged, because far persons are only found that way. Few
    sizes, because a network is compiled for each: a second or two in which nobody is looked for.
    """
    fitting = [side for side in SIDES_PX if side >= max(height, width)]
    longest = fitting[0] if fitting else DEFAULT_SIZE_PX
    scale = longest / max(height, width)
    sides = [
        max(stride, math.ceil(round(side * scale, 6) / stride) * stride) for side in (height, width)
    ]
    return (sides[0], sides[1])


def letterbox(image: Image, *, width_px: int, height_px: int) -> tuple[Image, float, float, float]:
    """
    Scale a picture into a rectangle, keeping its shape, on grey.

    Returns
    -------
    boxed, scale, left, top
        The filled rectangle; a pixel x of the picture lies at x * scale + left.
    """
    scale = min(width_px / image.shape[1], height_px / image.shape[0])
    width = max(1, round(image.shape[1] * scale))
    height = max(1, round(image.shape[0] * scale))
    left, top = (width_px - width) // 2, (height_px - height) // 2
    boxed = np.full((height_px, width_px, 3), 114, dtype=np.uint8)
    scaled = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    boxed[top : top + height, left : left + width] = scaled
    return boxed, scale, float(left), float(top)


def merge_double_vehicles(found: Detections, *, iou: float = NMS_IOU) -> Detections:
    """Keep the best of four-wheeled boxes that cover each other: a van is car and truck at once."""
    keep = np.ones(len(found), dtype=bool)
    vehicles = [i for i in range(len(found)) if found.object_class(i) in FOUR_WHEELED]
    vehicles.sort(key=lambda i: -found.confidence[i])
    for position, better in enumerate(vehicles):
        for worse in vehicles[position + 1 :]:
            if keep[better] and box_iou(found.xyxy[better], found.xyxy[worse]) > iou:
                keep[worse] = False
    return Detections(found.xyxy[keep], found.confidence[keep], found.class_id[keep], found.others)


def box_iou(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """Return intersection over union of two boxes xyxy."""
    (ax1, ay1, ax2, ay2), (bx1, by1, bx2, by2) = np.asarray(a), np.asarray(b)
    overlap = max(0.0, min(ax2, bx2) - max(ax1, bx1)) * max(0.0, min(ay2, by2) - max(ay1, by1))
    union = (ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - overlap
    return float(overlap / union) if union > 0 else 0.0
