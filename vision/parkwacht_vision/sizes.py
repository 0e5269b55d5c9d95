"""
Whether what the network names has its size in metres: a spider at the lens is a person of four.

An object is taken as an upright rectangle that stands on the lower edge of its box, in metres
through the camera's calibration. Boxes are xyxy in pixels of the picture, origin top left.
"""

import math
from dataclasses import dataclass

import numpy as np

from parkwacht_config.site import ObjectClass
from parkwacht_coverage.camera import CameraModel
from parkwacht_vision.boxes import FOUR_WHEELED
from parkwacht_vision.detections import Detections
from parkwacht_vision.ground import Extent, object_extent


@dataclass(frozen=True, slots=True)
class Limits:
    """From which to which width and height in metres, and the least of the longer one."""

    width_m: tuple[float, float]
    height_m: tuple[float, float]
    longer_m: float = 0.0

    def hold(self, extent: Extent | None) -> bool:
        """Return whether metres are within them; None stands nowhere."""
        if extent is None:
            return False
        width_m, height_m = extent.width_m, extent.height_m
        return (
            self.width_m[0] <= width_m <= self.width_m[1]
            and self.height_m[0] <= height_m <= self.height_m[1]
            and max(width_m, height_m) >= self.longer_m
        )


# Of boxes that a network drew. Room is left for raised arms, a load, a leaning box and a
# calibration that is some degrees off. Whoever is partly hidden looks smaller, so that only the
# upper limits mean something for persons. Vehicles are at most 4 m high in the EU (96/53/EC); a
# lorry with its trailer is 18.75 m long, a Dutch long one (LZV) 25.25 m, those on trial 32 m, and
# the top is nearer to a high camera than the wheels: 8 % longer at 12 m before one at 6 m. The
# longer side: a head above a wall.
PERSON = Limits((0.0, 2.6), (0.0, 3.0), 0.35)
TWO_WHEELED = Limits((0.0, 4.0), (0.0, 3.0), 0.35)
VEHICLE = Limits((0.0, 36.0), (0.0, 6.0), 0.35)

# Of parts that move. Their edges are some pixels off, legs may be hidden, and a shadow or a light
# clings to the foot: hence the room around 1.5-2.0 m for persons and 1.2-4 m by 1.6-25.25 m for
# vehicles.
MOVING_PERSON = Limits((0.15, 1.9), (0.7, 2.6))
MOVING_VEHICLE = Limits((1.2, 30.0), (0.8, 5.0))


@dataclass(frozen=True, slots=True)
class Sized:
    """Detections by their sizes: what can be what it is called, and what cannot."""

    kept: Detections
    misfits: Detections

    @property
    def all(self) -> Detections:
        """Both of them, without `others`."""
        return Detections(
            np.concatenate((self.kept.xyxy, self.misfits.xyxy)),
            np.concatenate((self.kept.confidence, self.misfits.confidence)),
            np.concatenate((self.kept.class_id, self.misfits.class_id)),
        )


def split_by_size(found: Detections, model: CameraModel | None) -> Sized:
    """
    Set apart what is too large or too small for its class, or stands nowhere on the ground.

    What was too large for a person becomes one of `others`: it is near the lens, so that its
    movement is no news by itself. What is only too far off is in neither part.

    Parameters
    ----------
    found
        What the detector found.
    model
        The camera at the size of the picture; without one nothing can be measured.
    """
    if model is None or not len(found):
        return Sized(found, Detections.empty())
    extents = [object_extent(model, box) for box in found.xyxy.tolist()]
    keeps = np.array(
        [_limits(found.object_class(row)).hold(one) for row, one in enumerate(extents)],
        dtype=np.bool_,
    )
    if keeps.all():
        return Sized(found, Detections.empty())
    dropped = np.flatnonzero(~keeps).tolist()
    near = [
        row
        for row in dropped
        if found.object_class(row) is ObjectClass.PERSON and _is_too_large(extents[row])
    ]
    misfits = [row for row in dropped if not _is_far(found, row, model)]
    others = np.concatenate((found.others, found.xyxy[near]))
    return Sized(
        Detections(found.xyxy[keeps], found.confidence[keeps], found.class_id[keeps], others),
        Detections(found.xyxy[misfits], found.confidence[misfits], found.class_id[misfits]),
    )


def _is_far(found: Detections, row: int, model: CameraModel) -> bool:
    """Return whether it has the right size for a place too far off to be judged."""
    extent = object_extent(model, found.xyxy[row].tolist(), max_range_m=math.inf)
    return _limits(found.object_class(row)).hold(extent)


def _is_too_large(extent: Extent | None) -> bool:
    return (
        extent is None or extent.height_m > PERSON.height_m[1] or extent.width_m > PERSON.width_m[1]
    )


def _limits(named: ObjectClass) -> Limits:
    if named is ObjectClass.PERSON:
        return PERSON
    return VEHICLE if named in FOUR_WHEELED else TWO_WHEELED
