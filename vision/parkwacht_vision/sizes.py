"""
Whether what the network names has its size in metres: a spider at the lens is a person of four.

An object is taken as an upright rectangle that stands on the lower edge of its box, in metres
through the camera's calibration. Boxes are xyxy in pixels of the picture, origin top left.
"""

from dataclasses import replace

import numpy as np

from parkwacht_config.site import ObjectClass
from parkwacht_coverage.camera import CameraModel
from parkwacht_vision.boxes import FOUR_WHEELED
from parkwacht_vision.detections import Detections
from parkwacht_vision.ground import Extent, object_extent

# Upper limits, metres. Room is left for raised arms, a load, a leaning box and a calibration that
# is some degrees off. Whoever is partly hidden looks smaller, so that only the upper limits mean
# something for persons; the longest lorry of the Dutch roads is 18.75 m, four metres high.
PERSON_M = (2.6, 3.0)  # width, height
TWO_WHEELED_M = (4.0, 3.0)
FOUR_WHEELED_M = (25.0, 6.0)
LEAST_M = 0.35  # the longer side: a head above a wall


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
        [has_size(one, found.object_class(row)) for row, one in enumerate(extents)], dtype=np.bool_
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


def has_size(extent: Extent | None, named: ObjectClass) -> bool:
    """Return whether metres fit what something was called; None stands nowhere."""
    if extent is None:
        return False
    width_m, height_m = _limits_m(named)
    longer_m = max(extent.width_m, extent.height_m)
    return extent.width_m <= width_m and extent.height_m <= height_m and longer_m >= LEAST_M


def _is_too_large(extent: Extent | None) -> bool:
    return extent is None or extent.height_m > PERSON_M[1] or extent.width_m > PERSON_M[0]


def _limits_m(named: ObjectClass) -> tuple[float, float]:
    if named is ObjectClass.PERSON:
        return PERSON_M
    return FOUR_WHEELED_M if named in FOUR_WHEELED else TWO_WHEELED_M
