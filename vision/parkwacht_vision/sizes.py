"""
Whether what the network names has its size in metres: a spider at the lens is a person of four.

An object is taken as an upright rectangle that stands on the lower edge of its box, in metres
through the camera's calibration. Boxes are xyxy in pixels of the picture, origin top left.
"""

from dataclasses import dataclass, replace

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
# upper limits mean something for persons; a usual lorry with its trailer is 18.75 m at most, four
# metres high (a long one, of 25.25 m, is too much where all of it is seen from the side). The
# longer side: a head above a wall.
PERSON = Limits((0.0, 2.6), (0.0, 3.0), 0.35)
TWO_WHEELED = Limits((0.0, 4.0), (0.0, 3.0), 0.35)
VEHICLE = Limits((0.0, 25.0), (0.0, 6.0), 0.35)

# Of parts that move. Their edges are some pixels off, legs may be hidden, and a shadow or a light
# clings to the foot: hence the room around 1.5-2.0 m for persons and 1.2-4 m by 1.6-19 m for
# vehicles.
MOVING_PERSON = Limits((0.15, 1.9), (0.7, 2.6))
MOVING_VEHICLE = Limits((1.2, 20.0), (0.8, 5.0))


def keep_plausible(found: Detections, model: CameraModel | None) -> Detections:
    """
    Drop what is too large or too small for its class, or stands nowhere on the ground.

    What was too large for a person becomes one of `others`: it is near the lens, so that its
    movement is no news either.

    Parameters
    ----------
    found
        What the detector found.
    model
        The camera at the size of the picture; without one nothing can be measured.
    """
    if model is None or not len(found):
        return found
    extents = [object_extent(model, box) for box in found.xyxy.tolist()]
    keeps = np.array(
        [_limits(found.object_class(row)).hold(one) for row, one in enumerate(extents)],
        dtype=np.bool_,
    )
    if keeps.all():
        return found
    near = [
        row
        for row in np.flatnonzero(~keeps).tolist()
        if found.object_class(row) is ObjectClass.PERSON and _is_too_large(extents[row])
    ]
    return replace(
        found,
        xyxy=found.xyxy[keeps],
        confidence=found.confidence[keeps],
        class_id=found.class_id[keeps],
        others=np.concatenate((found.others, found.xyxy[near])),
    )


def _is_too_large(extent: Extent | None) -> bool:
    return (
        extent is None or extent.height_m > PERSON.height_m[1] or extent.width_m > PERSON.width_m[1]
    )


def _limits(named: ObjectClass) -> Limits:
    if named is ObjectClass.PERSON:
        return PERSON
    return VEHICLE if named in FOUR_WHEELED else TWO_WHEELED
