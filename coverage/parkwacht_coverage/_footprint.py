"""
Which part of a horizontal plane an image shows, walls disregarded: `CameraModel.footprint`.

Ground coordinates are metres in EPSG:28992, heights are metres above the ground.
"""

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import MultiPolygon, Point, Polygon

from parkwacht_config.site import Lens

if TYPE_CHECKING:
    from parkwacht_coverage.camera import CameraModel

Floats = npt.NDArray[np.float64]


def build(
    model: "CameraModel", *, at_height_m: float, max_range_m: float, reach_m: float
) -> Polygon | MultiPolygon:
    """
    Build the footprint of a camera.

    Parameters
    ----------
    model
        The camera.
    at_height_m
        Height of the plane above the ground.
    max_range_m
        Horizontal distance at which the polygon ends.
    reach_m
        Depth (rectilinear) or slant distance (f-theta) at which it ends, or infinite.

    Returns
    -------
    footprint
        Convex for a rectilinear lens; empty when nothing of the plane is in the image.
    """
    drop = at_height_m - model.height_m
    if model.lens is Lens.F_THETA:
        level = math.sqrt(max(0.0, reach_m**2 - drop**2))
        return _f_theta(model, at_height_m, min(max_range_m, level))
    foot = np.array([model.x_m, model.y_m])
    disc = Point(model.x_m, model.y_m).buffer(max_range_m, quad_segs=32)
    ring = np.asarray(disc.exterior.coords)[:-1] - foot
    right, down, forward = model.axes()
    half_width = model.width_px / 2 / model.f_px
    half_height = model.height_px / 2 / model.f_px
    for normal in (
        half_width * forward + right,
        half_width * forward - right,
        half_height * forward + down,
        half_height * forward - down,
    ):
        ring = _clip_to_half_plane(ring, normal, normal[2] * drop)
    if math.isfinite(reach_m):
        ring = _clip_to_half_plane(ring, -forward, reach_m - forward[2] * drop)
    enough = 3
    return Polygon(ring + foot) if len(ring) >= enough else Polygon()


def _f_theta(
    model: "CameraModel", at_height_m: float, max_range_m: float
) -> Polygon | MultiPolygon:
    """Join the runs in view along 720 bearings, sampled in 400 steps of distance."""
    bearings = np.linspace(0, 2 * math.pi, 721)[:-1]
    steps = np.linspace(0, max_range_m, 401)
    middles = (steps[1:] + steps[:-1]) / 2
    east = model.x_m + np.sin(bearings)[:, None] * middles
    north = model.y_m + np.cos(bearings)[:, None] * middles
    height = np.full(east.size, at_height_m)
    seen = model.is_in_view(np.column_stack((east.ravel(), north.ravel(), height)))
    edges = np.diff(seen.reshape(east.shape).astype(np.int8), axis=1, prepend=0, append=0)
    half = math.pi / len(bearings)
    first, last = np.argwhere(edges > 0), np.argwhere(edges < 0)
    around = bearings[first[:, 0], None] + np.array([-half, half, half, -half]) * 1.001
    near, far = steps[first[:, 1]], steps[last[:, 1]]
    away = np.stack((near, near, far, far), axis=1) / math.cos(half)
    corners = np.stack((np.sin(around) * away, np.cos(around) * away), axis=2)
    joined = shapely.union_all(shapely.polygons(corners + np.array([model.x_m, model.y_m])))
    return joined if isinstance(joined, Polygon | MultiPolygon) else Polygon()


def _clip_to_half_plane(ring: Floats, normal: Floats, offset: float) -> Floats:
    """Keep of a convex ring, shape (N, 2), the part where normal . (x, y) + offset >= 0."""
    side = ring @ normal[:2] + offset
    kept: list[Floats] = []
    for index in range(len(ring)):
        here, there = side[index - 1], side[index]
        if (here >= 0) != (there >= 0):
            kept.append(ring[index - 1] + (ring[index] - ring[index - 1]) * here / (here - there))
        if there >= 0:
            kept.append(ring[index])
    return np.array(kept).reshape(-1, 2)
