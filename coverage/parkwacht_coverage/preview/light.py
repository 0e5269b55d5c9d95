"""
What falls on every surface: sun and sky by day; lamps, night sky and infrared by night.

By night light is counted in lux, infrared in lux that give the sensor the same signal. A lamp is a
point source, E = I cos(a) / r^2 (design/coverage.md, section 6), as far as no building stands in
between. The infrared of the camera falls with the square of the distance and towards the edge of
the image; at the derated range, on the axis, it is exactly what `parkwacht_coverage.light` asks of
a class by night, so that picture and map tell the same story.
"""

import math
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from parkwacht_config.site import CameraType, LampPost, Lens, Tree
from parkwacht_coverage.camera import CameraModel
from parkwacht_coverage.light import IR_DERATING, LAMP_RANGE_M, LIGHT_MARGIN
from parkwacht_coverage.preview.surfaces import Surfaces
from parkwacht_coverage.visibility import Scene

Floats = npt.NDArray[np.float64]
Canvas = npt.NDArray[np.float32]

SUN_AZIMUTH_DEG, SUN_ELEVATION_DEG = 218.0, 36.0
SUN_RGB, SKY_RGB = (2.75, 2.52, 2.14), (0.52, 0.60, 0.78)
NIGHT_SKY_LUX = 0.02  # an overcast night near a town; our choice
LAMP_STEP, SUN_STEP = 4, 2  # pixels between the points whose sight of a light is computed
EDGE_SHARE = 0.5  # of the infrared on the axis, at the left and right edge of the image
OWN_POST_M = 0.4
LEVEL_FADE = 0.08  # a lamp throws nothing above itself; sine of the angle over which that sets in


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands between lights and surfaces, and where the scene's origin lies in RD New."""

    scene: Scene
    origin_m: tuple[float, float]
    lamps: tuple[LampPost, ...] = ()
    trees: tuple[Tree, ...] = ()


def usable_lux(camera_type: CameraType) -> float:
    """Return the light from which a class holds by night for this type."""
    return LIGHT_MARGIN * camera_type.min_illuminance_lux


def _points(seen: Surfaces, around: Surroundings, step: int) -> Floats:
    """Return every step-th surface point in RD New, a hair off its surface, shape (N, 3)."""
    off = seen.position_m[::step, ::step] + 0.06 * seen.normals[::step, ::step]
    points: Floats = off.reshape(-1, 3).astype(np.float64) + np.array([*around.origin_m, 0.0])
    points[:, 2] = np.maximum(points[:, 2], 0.02)
    return points


def lamp_lux(seen: Surfaces, around: Surroundings) -> Canvas:
    """
    Compute what the lamps throw on every surface.

    Parameters
    ----------
    seen
        The surfaces, shape (H, W).
    around
        Lamps and what stands in their light.

    Returns
    -------
    illuminance_lux
        Shape (H, W).
    """
    targets = around.scene.targets(_points(seen, around, LAMP_STEP))
    shape = seen.position_m[::LAMP_STEP, ::LAMP_STEP].shape[:2]
    total = np.zeros(seen.depth_m.shape, dtype=np.float32)
    for lamp in around.lamps:
        eye = (lamp.point.x, lamp.point.y, lamp.height_m)
        lit = around.scene.is_visible(eye, targets, range_m=LAMP_RANGE_M)
        if lit.any():
            local = np.array([eye[0] - around.origin_m[0], eye[1] - around.origin_m[1], eye[2]])
            seen_by = lit.reshape(shape).astype(np.float32)
            _add_lamp(seen.position_m, seen.normals, (local, lamp.intensity_cd), seen_by, total)
    return total


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _add_lamp(position, normals, lamp, lit, out) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """Add one lamp where it is in sight; `lit` is known every LAMP_STEP pixels."""
    eye, candela = lamp
    height, width = out.shape
    for y in range(height):
        for x in range(width):
            share = _between(lit, y / LAMP_STEP, x / LAMP_STEP)
            if share <= 0:
                continue
            dx = eye[0] - position[y, x, 0]
            dy = eye[1] - position[y, x, 1]
            dz = eye[2] - position[y, x, 2]
            nx, ny, nz = normals[y, x, 0], normals[y, x, 1], normals[y, x, 2]
            length = math.sqrt(nx * nx + ny * ny + nz * nz)
            if length < 0.1 or (dx * dx + dy * dy < OWN_POST_M**2 and position[y, x, 2] > 0.1):  # noqa: PLR2004
                continue
            reach2 = dx * dx + dy * dy + dz * dz
            facing = (nx * dx + ny * dy + nz * dz) / length
            rise = min(dz / math.sqrt(max(reach2, 0.04)) / LEVEL_FADE, 1.0)
            if facing > 0 and rise > 0:
                out[y, x] += share * rise * candela * facing / max(reach2, 0.04) ** 1.5


@numba.njit(cache=True)
def _between(grid, row, column):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Interpolate in a grid, the last row and column going on."""
    i, j = min(int(row), grid.shape[0] - 1), min(int(column), grid.shape[1] - 1)
    k, m = min(i + 1, grid.shape[0] - 1), min(j + 1, grid.shape[1] - 1)
    u, v = row - i, column - j
    above = grid[i, j] * (1 - v) + grid[i, m] * v
    below = grid[k, j] * (1 - v) + grid[k, m] * v
    return above * (1 - u) + below * u


def infrared_lux(seen: Surfaces, model: CameraModel, camera_type: CameraType) -> Canvas:
    """
    Compute what the camera's own infrared is worth on every surface.

    Parameters
    ----------
    seen
        The surfaces, shape (H, W).
    model
        The camera with its foot at the scene's origin.
    camera_type
        Its infrared range and minimum illuminance.

    Returns
    -------
    equivalent_lux
        Shape (H, W); all 0 for a type without infrared.
    """
    reach_m = IR_DERATING * camera_type.ir_range_m
    to_eye = np.array([0.0, 0.0, model.height_m], dtype=np.float32) - seen.position_m
    square = np.maximum(np.einsum("...k,...k->...", to_eye, to_eye), 0.01)
    length = np.sqrt(square)
    size = np.maximum(np.sqrt(np.einsum("...k,...k->...", seen.normals, seen.normals)), 1e-6)
    facing = np.clip(np.einsum("...k,...k->...", to_eye, seen.normals) / (length * size), 0, 1)
    along = np.clip(-(to_eye @ model.axes()[2].astype(np.float32)) / length, -1, 1)
    edge = min(math.radians(model.hfov_deg) / 2, math.radians(60.0))
    if model.lens is Lens.F_THETA:
        edge = math.radians(90.0)  # a ring of diodes around the dome
    share = EDGE_SHARE ** ((np.arccos(along) / edge) ** 2)
    return np.asarray(
        usable_lux(camera_type) * reach_m**2 / square * share * facing, dtype=np.float32
    )


def sun_direction() -> Floats:
    """Return the unit vector towards the sun of the daylight pictures."""
    azimuth, rise = math.radians(SUN_AZIMUTH_DEG), math.radians(SUN_ELEVATION_DEG)
    flat = math.cos(rise)
    return np.array([flat * math.sin(azimuth), flat * math.cos(azimuth), math.sin(rise)])


def sunshine(seen: Surfaces, around: Surroundings) -> Canvas:
    """
    Compute which share of the sun reaches every surface, past buildings and trees.

    Parameters
    ----------
    seen
        The surfaces, shape (H, W).
    around
        Buildings and trees.

    Returns
    -------
    share
        Cosine of the angle of incidence where the sun is in sight, shape (H, W).
    """
    sun = sun_direction()
    points = _points(seen, around, SUN_STEP)
    shape = seen.position_m[::SUN_STEP, ::SUN_STEP].shape[:2]
    middle = np.array([*around.origin_m, 0.0])
    eye = middle + 4000.0 * sun
    targets = around.scene.targets(points)
    lit = around.scene.is_visible((eye[0], eye[1], eye[2]), targets).astype(np.float32)
    crowns = np.array([_crown(tree) for tree in around.trees]).reshape(-1, 5)
    _shade_by_trees(points, crowns, sun, lit)
    facing = np.clip(seen.normals @ sun.astype(np.float32), 0, 1)
    _dim(facing, lit.reshape(shape))
    return np.asarray(facing, dtype=np.float32)


def _crown(tree: Tree) -> list[float]:
    """Return a crown as an ellipsoid: middle (x, y, z), radius, half its height."""
    half = (tree.height_m - tree.crown_base_m) / 2
    return [tree.point.x, tree.point.y, tree.crown_base_m + half, tree.crown_radius_m, half]


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _dim(facing, lit) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """Take the sun away where it is not in sight."""
    for y in range(facing.shape[0]):
        for x in range(facing.shape[1]):
            facing[y, x] *= _between(lit, y / SUN_STEP, x / SUN_STEP)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _shade_by_trees(points, crowns, sun, lit) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """Let little of the sun through the crowns, ellipsoids."""
    for p in range(points.shape[0]):
        for c in range(crowns.shape[0]):
            radius, half = crowns[c, 3], crowns[c, 4]
            dx = (points[p, 0] - crowns[c, 0]) / radius
            dy = (points[p, 1] - crowns[c, 1]) / radius
            dz = (points[p, 2] - crowns[c, 2]) / half
            if dx * dx + dy * dy + dz * dz < 1.05:  # noqa: PLR2004 -- the crown itself
                continue
            ux, uy, uz = sun[0] / radius, sun[1] / radius, sun[2] / half
            b = dx * ux + dy * uy + dz * uz
            a = ux * ux + uy * uy + uz * uz
            if b < 0 and dx * dx + dy * dy + dz * dz - b * b / a < 0.8:  # noqa: PLR2004
                lit[p] *= 0.15
                break
