"""
Where an object stands: from its box in the picture to metres on the park map.

The anchor is the middle of the lower edge of the UNCLIPPED box: where feet and wheels meet the
ground. Ground coordinates are metres in EPSG:28992, pixels have their origin top left.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from parkwacht_coverage.camera import CameraModel

# Beyond this one pixel of error is tens of metres for every camera of the catalogue.
MAX_RANGE_M = 250.0


def anchor_px(xyxy: Sequence[float]) -> tuple[float, float]:
    """Return the middle of the lower edge of a box xyxy, in pixels."""
    return ((xyxy[0] + xyxy[2]) / 2, xyxy[3])


def ground_position_m(
    model: CameraModel | None,
    point_px: tuple[float, float],
    *,
    max_range_m: float = MAX_RANGE_M,
) -> tuple[float, float] | None:
    """
    Place a pixel on the ground.

    Parameters
    ----------
    model
        The camera at the size of the picture; None for a camera without calibration.
    point_px
        Pixel (u, v).
    max_range_m
        From how far off a place is implausible.

    Returns
    -------
    position
        (x, y) in metres; None without calibration, at or above the horizon, or implausibly far.
    """
    if model is None:
        return None
    x_m, y_m = model.ground_at(np.array([point_px], dtype=np.float64))[0]
    if not (math.isfinite(x_m) and math.isfinite(y_m)):
        return None
    if math.hypot(x_m - model.x_m, y_m - model.y_m) > max_range_m:
        return None
    return (float(x_m), float(y_m))


@dataclass(frozen=True, slots=True)
class Extent:
    """Size of a box's object, if it stands upright on the ground."""

    width_m: float
    height_m: float
    distance_m: float


def object_extent(
    model: CameraModel, xyxy: Sequence[float], *, max_range_m: float = MAX_RANGE_M
) -> Extent | None:
    """
    Measure the object in a box, taken as an upright rectangle that stands on its lower edge.

    Its width is the width at the depth of its foot. Its height is where the ray through the upper
    edge passes the vertical line over its foot: exact for any tilt.

    Returns
    -------
    extent
        Metres; None where the foot has no place on the ground.
    """
    foot_px = anchor_px(xyxy)
    foot_m = ground_position_m(model, foot_px, max_range_m=max_range_m)
    if foot_m is None:
        return None
    foot = np.array([[foot_m[0], foot_m[1], 0.0]])
    density = float(model.pixel_density_px_per_m(foot)[0])
    distance_m = math.hypot(foot_m[0] - model.x_m, foot_m[1] - model.y_m)
    ray = model.rays(np.array([[foot_px[0], xyxy[1]]]))[0]
    reach = math.hypot(ray[0], ray[1])
    if density <= 0 or reach <= 0:
        return None
    height_m = model.height_m + float(ray[2]) / reach * distance_m
    return Extent((xyxy[2] - xyxy[0]) / density, height_m, distance_m)
