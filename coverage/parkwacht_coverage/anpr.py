"""
Where a camera can read number plates: size of the plate in its image, and the angle to it.

A plate is read where it is at least 130 pixels wide and 30 high and the camera is at most 30
degrees off its normal, horizontally and vertically (ABUS IPCS62120 manual, page 12; read in
design/coverage.md, section 3). A Dutch plate measures 520 x 110 mm: 130 pixels over 520 mm are
250 px/m, and 30 over 110 mm are 273 px/m, so the height decides when a plate is met straight on,
and the width once it is met more than about 24 degrees from the side. Plates hang upright, 0.5 m
above the ground, one in front and one behind. Speed, shutter and dirt are not modelled.
Coordinates are metres in EPSG:28992, azimuths degrees clockwise from grid north.
"""

import numpy as np
import numpy.typing as npt

from parkwacht_config.site import CameraType
from parkwacht_coverage.camera import CameraModel
from parkwacht_coverage.density import RELATIVE_SLACK
from parkwacht_coverage.light import LIGHT_MARGIN, is_lit_for

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

PLATE_WIDTH_M = 0.520
PLATE_UPRIGHT_M = 0.110
MIN_PLATE_WIDTH_PX = 130.0
MIN_PLATE_HEIGHT_PX = 30.0
MAX_PLATE_ANGLE_DEG = 30.0


def is_plate_readable(model: CameraModel, points_m: Floats, travel_deg: Floats) -> Bools:
    """
    Find at which points a camera can read a plate of a vehicle, walls and light disregarded.

    Parameters
    ----------
    model
        The camera.
    points_m
        Middles of plates (x, y, height above ground), shape (N, 3), in metres; see
        `camera.PLATE_HEIGHT_M`.
    travel_deg
        Azimuth in which the vehicle drives there, shape (N,). The plate in front faces that way,
        the one behind the other way; either will do.

    Returns
    -------
    is_readable
        Shape (N,), dtype bool.
    """
    points = np.asarray(points_m, dtype=np.float64)
    facing = np.radians(np.asarray(travel_deg, dtype=np.float64))
    readable: Bools = _is_face_readable(model, points, facing)
    readable |= _is_face_readable(model, points, facing + np.pi)
    return readable


def is_plate_readable_by_night(
    model: CameraModel,
    camera_type: CameraType,
    points_m: Floats,
    travel_deg: Floats,
    lux: Floats,
    *,
    light_margin: float = LIGHT_MARGIN,
) -> Bools:
    """
    Find at which points a camera can read a plate at night: as by day where it is lit for it.

    Parameters
    ----------
    model, points_m, travel_deg
        As `is_plate_readable` has them.
    camera_type
        Type of the camera: its minimum illuminance and infrared range.
    lux
        Light at each point, shape (N,).
    light_margin
        How many times the minimum illuminance is needed.

    Returns
    -------
    is_readable
        Shape (N,), dtype bool; nowhere for a thermal camera.
    """
    points = np.asarray(points_m, dtype=np.float64)
    away = np.linalg.norm(points - [model.x_m, model.y_m, model.height_m], axis=1)
    lit = is_lit_for(camera_type, lux, away, margin=light_margin)
    return can_read_plates(camera_type) & lit & is_plate_readable(model, points, travel_deg)


def can_read_plates(camera_type: CameraType) -> bool:
    """Return whether a type can show a plate at all: in warmth its letters do not stand out."""
    return not camera_type.is_thermal


def _is_face_readable(model: CameraModel, points: Floats, facing: Floats) -> Bools:
    """Return which plates that face these azimuths, in radians, the camera can read."""
    east, north = np.sin(facing), np.cos(facing)
    to_eye = np.array([model.x_m, model.y_m, model.height_m]) - points
    ahead = to_eye[:, 0] * east + to_eye[:, 1] * north
    aside = to_eye[:, 0] * north - to_eye[:, 1] * east
    level = np.hypot(to_eye[:, 0], to_eye[:, 1])
    limit = np.tan(np.radians(MAX_PLATE_ANGLE_DEG)) * (1 + RELATIVE_SLACK)
    readable: Bools = (ahead > 0) & (np.abs(aside) <= limit * ahead)
    readable &= np.abs(to_eye[:, 2]) <= limit * level
    across = np.column_stack((north, -east, np.zeros_like(east))) * (PLATE_WIDTH_M / 2)
    upward = np.array([0.0, 0.0, PLATE_UPRIGHT_M / 2])
    for corner in (across + upward, across - upward, upward - across, -across - upward):
        readable &= model.is_in_view(points + corner)
    width_px = _length_px(model, points - across, points + across)
    height_px = _length_px(model, points - upward, points + upward)
    with np.errstate(invalid="ignore"):
        readable &= width_px >= MIN_PLATE_WIDTH_PX * (1 - RELATIVE_SLACK)
        readable &= height_px >= MIN_PLATE_HEIGHT_PX * (1 - RELATIVE_SLACK)
    return readable


def _length_px(model: CameraModel, start_m: Floats, end_m: Floats) -> Floats:
    """Return the length in the image of lines between points, each shape (N, 3)."""
    start, _ = model.project(start_m)
    end, _ = model.project(end_m)
    length: Floats = np.hypot(*(end - start).T)
    return length
