"""
How much light falls on the ground at night, and whether a camera can use it.

A lamp is a point source: E = I cos^3(a) / h^2 on the ground, with a the angle from straight down
(design/coverage.md, section 6), one intensity I for all directions, as far as its light is not
behind a building. By night a class holds where the light reaches the camera's minimum times a
margin, or where the target is within the camera's own infrared range, derated. The margin of 10 is
our choice, not measured: datasheets state the minimum for a slow shutter and full gain, which blurs
whoever walks. The derating of 0.7: a range of 35 m on the datasheet was measured to be about 25 m
(PSI magazine, February 2017).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from parkwacht_config.site import CameraType, LampPost
from parkwacht_coverage.visibility import Scene

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

IR_DERATING = 0.7
LIGHT_MARGIN = 10.0
LAMP_RANGE_M = 80.0  # a lamp of 3000 cd at 6 m gives 0.035 lux there: below what cameras need


def illuminance_lux(points_m: Floats, lamps: Sequence[LampPost], scene: Scene) -> Floats:
    """
    Compute the light that lamps throw on the ground at night.

    Parameters
    ----------
    points_m
        Points (x, y, ...), shape (N, 2) or more columns, in metres; heights are not used.
    lamps
        The lamps.
    scene
        What stands in the way of light.

    Returns
    -------
    illuminance_lux
        On the horizontal ground, shape (N,).
    """
    total = np.zeros(len(points_m))
    if not lamps or not len(points_m):
        return total
    on_ground = np.column_stack((points_m[:, :2], np.zeros(len(points_m))))
    eyes = np.array([(one.point.x, one.point.y, one.height_m) for one in lamps])
    indptr, lit = scene.sweep(eyes, scene.targets(on_ground), ranges_m=LAMP_RANGE_M)
    lamp = np.repeat(np.arange(len(lamps)), np.diff(indptr))
    away = np.hypot(*(on_ground[lit, :2] - eyes[lamp, :2]).T)
    cos = eyes[lamp, 2] / np.hypot(away, eyes[lamp, 2])
    straight_down = np.array([one.intensity_cd / one.height_m**2 for one in lamps])
    np.add.at(total, lit, straight_down[lamp] * cos**3)
    return total


def is_lit_for(
    camera_type: CameraType, lux: Floats, distance_m: Floats, *, margin: float = LIGHT_MARGIN
) -> Bools:
    """
    Return where a camera of this type sees by night what it sees by day.

    Parameters
    ----------
    camera_type
        Its minimum illuminance and infrared range.
    lux
        Light at each target, shape (N,).
    distance_m
        From camera to target along the sight line, shape (N,).
    margin
        How many times the minimum illuminance is needed.

    Returns
    -------
    is_lit
        Shape (N,), dtype bool.
    """
    lit: Bools = (lux >= margin * camera_type.min_illuminance_lux) | (
        distance_m <= IR_DERATING * camera_type.ir_range_m
    )
    return lit
