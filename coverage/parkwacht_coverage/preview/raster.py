"""
A small software rasteriser: triangles through the camera model, the same on every machine.

It draws people and vehicles. Vertices come as pixels (origin top left, centre of the first pixel
0.5, 0.5) with their depth in metres: along the optical axis, for an f-theta lens along the ray.
"""

# ruff: noqa: PLR2004  (tolerances of the drawing loop)

import math
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from parkwacht_config.site import Lens
from parkwacht_coverage.camera import CameraModel

Floats = npt.NDArray[np.float64]
Canvas = npt.NDArray[np.float32]
NEAR_M = 0.3
MARGIN_PX = 400  # how far outside the image an actor is still drawn, to know what is hidden


@dataclass(frozen=True, slots=True)
class Mesh:
    """
    A surface in the world.

    `points_m` shape (N, 3) in scene coordinates, `normals` (N, 3), `rgb` (N, 3) linear in 0..1,
    `triangles` (M, 3).
    """

    points_m: Floats
    normals: Floats
    rgb: Floats
    triangles: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Crop:
    """
    A drawn actor: its part of the supersampled image.

    `left`, `top` in supersampled pixels (may be negative), `depth_m` (H, W) with inf where nothing
    was drawn, `values` (H, W, 9): position, normal, colour.
    """

    left: int
    top: int
    depth_m: Canvas
    values: Canvas


def place(mesh: Mesh, xy_m: tuple[float, float], azimuth_deg: float) -> Mesh:
    """Put an actor on the ground of the scene, facing an azimuth."""
    azimuth = math.radians(azimuth_deg)
    ahead = np.array([math.sin(azimuth), math.cos(azimuth), 0.0])
    left = np.array([-math.cos(azimuth), math.sin(azimuth), 0.0])
    turn = np.vstack((ahead, left, [0.0, 0.0, 1.0]))
    points = mesh.points_m @ turn + [*xy_m, 0.0]
    return Mesh(points, mesh.normals @ turn, mesh.rgb, mesh.triangles)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _fill(uvz, values, triangles, depth, out) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """Draw triangles with a depth test and perspective-correct values."""
    height, width = depth.shape
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, x1, y1, x2, y2 = uvz[a, 0], uvz[a, 1], uvz[b, 0], uvz[b, 1], uvz[c, 0], uvz[c, 1]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if abs(area) < 1e-12 or min(uvz[a, 2], uvz[b, 2], uvz[c, 2]) < 0.3:
            continue
        for y in range(
            max(0, int(np.ceil(min(y0, y1, y2) - 0.5))),
            min(height, int(np.floor(max(y0, y1, y2) - 0.5)) + 1),
        ):
            for x in range(
                max(0, int(np.ceil(min(x0, x1, x2) - 0.5))),
                min(width, int(np.floor(max(x0, x1, x2) - 0.5)) + 1),
            ):
                px, py = x + 0.5, y + 0.5
                w0 = ((x1 - px) * (y2 - py) - (x2 - px) * (y1 - py)) / area
                w1 = ((x2 - px) * (y0 - py) - (x0 - px) * (y2 - py)) / area
                w2 = 1.0 - w0 - w1
                if w0 < 0 or w1 < 0 or w2 < 0:
                    continue
                p0, p1, p2 = w0 / uvz[a, 2], w1 / uvz[b, 2], w2 / uvz[c, 2]
                z = 1.0 / (p0 + p1 + p2)
                if z < depth[y, x]:
                    depth[y, x] = z
                    for k in range(values.shape[1]):
                        out[y, x, k] = z * (
                            p0 * values[a, k] + p1 * values[b, k] + p2 * values[c, k]
                        )


def draw(mesh: Mesh, model: CameraModel, *, supersampling: int) -> Crop | None:
    """
    Draw one actor alone, also where it leaves the image.

    Parameters
    ----------
    mesh
        The actor in scene coordinates.
    model
        The camera with its foot at the scene's origin, at the size of the picture.
    supersampling
        Drawn pixels per pixel of the picture and direction.

    Returns
    -------
    crop
        None where the actor is behind the camera or far outside the image.
    """
    pixels, depth = model.project(mesh.points_m)
    if model.lens is Lens.F_THETA:
        depth = np.linalg.norm(mesh.points_m - [model.x_m, model.y_m, model.height_m], axis=1)
    if not (depth > NEAR_M).all() or not np.isfinite(pixels).all():
        return None
    low = np.maximum(np.floor(pixels.min(axis=0)) - 1, -MARGIN_PX)
    high = np.ceil(pixels.max(axis=0)) + 1
    high = np.minimum(high, [model.width_px + MARGIN_PX, model.height_px + MARGIN_PX])
    if (high <= low).any():
        return None
    width, height = ((high - low) * supersampling).astype(int)
    uvz = np.column_stack(((pixels - low) * supersampling, depth))
    values = np.column_stack((mesh.points_m, mesh.normals, mesh.rgb))
    crop = Crop(
        int(low[0]) * supersampling,
        int(low[1]) * supersampling,
        np.full((height, width), np.inf, dtype=np.float32),
        np.zeros((height, width, 9), dtype=np.float32),
    )
    _fill(uvz, values, mesh.triangles, crop.depth_m, crop.values)
    return crop
