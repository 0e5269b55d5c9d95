"""
Vehicles, made by us, without plates that could be read.

Each stands in a frame of its own: x ahead, y left, z up, metres, the ground at z = 0. `place` of
`raster` puts it into the scene. Colours are linear reflectances in 0..1.
"""

# ruff: noqa: PLR2004  (the measures of what is drawn)

import functools
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from parkwacht_coverage.preview.raster import Mesh
from parkwacht_coverage.preview.solids import contour, outline_distance

Floats = npt.NDArray[np.float64]
Colour = tuple[float, float, float]

GLASS, TYRE, RIM, BLACK = (
    (0.018, 0.022, 0.026),
    (0.022, 0.022, 0.023),
    (0.38, 0.39, 0.40),
    (0.03,) * 3,
)


@dataclass(frozen=True, slots=True)
class Body:
    """
    The shape of a vehicle.

    `outline` is its side view (x ahead, z up), `glass` the side windows in the same view, `front`
    and `rear` the x and z ranges of windscreen and rear window, `wheels` (x of front, x of rear,
    radius), `lean` how much the sides lean inward above the belt line.
    """

    length_m: float
    width_m: float
    height_m: float
    outline: tuple[tuple[float, float], ...]
    glass: tuple[tuple[tuple[float, float], ...], ...]
    screen_z: tuple[float, float]
    rear_z: tuple[float, float]
    wheels: tuple[float, float, float]
    belt_m: float
    lean: float


VAN = Body(
    5.4,
    1.98,
    2.38,
    (
        (-2.7, 0.42),
        (-2.7, 1.2),
        (-2.62, 2.2),
        (-2.45, 2.36),
        (0.6, 2.38),
        (1.05, 2.28),
        (1.82, 1.42),
        (2.45, 1.16),
        (2.66, 0.98),
        (2.7, 0.45),
        (2.55, 0.3),
        (-2.6, 0.3),
    ),
    (((0.42, 1.36), (0.42, 2.02), (0.98, 2.02), (1.58, 1.36)),),
    (1.46, 2.16),
    (1.35, 1.95),
    (1.72, -1.55, 0.35),
    1.3,
    0.09,
)
HATCHBACK = Body(
    4.1,
    1.76,
    1.48,
    (
        (-2.02, 0.45),
        (-2.05, 0.8),
        (-1.9, 1.02),
        (-1.5, 1.4),
        (-1.1, 1.47),
        (-0.1, 1.48),
        (0.25, 1.4),
        (1.05, 0.98),
        (1.75, 0.84),
        (1.98, 0.7),
        (2.05, 0.42),
        (1.9, 0.22),
        (-1.9, 0.22),
    ),
    (
        ((-1.5, 0.96), (-1.3, 1.3), (-0.42, 1.38), (-0.42, 0.94)),
        ((-0.36, 0.94), (-0.36, 1.38), (0.16, 1.34), (0.86, 0.94)),
    ),
    (1.0, 1.4),
    (1.04, 1.38),
    (1.28, -1.28, 0.31),
    0.9,
    0.30,
)
SEDAN = Body(
    4.6,
    1.80,
    1.46,
    (
        (-2.28, 0.5),
        (-2.3, 0.85),
        (-2.2, 0.99),
        (-1.7, 1.03),
        (-1.0, 1.4),
        (-0.6, 1.45),
        (0.05, 1.46),
        (0.4, 1.38),
        (1.2, 0.98),
        (2.0, 0.83),
        (2.22, 0.68),
        (2.3, 0.42),
        (2.15, 0.22),
        (-2.15, 0.22),
    ),
    (
        ((-1.5, 0.98), (-0.95, 1.3), (-0.4, 1.36), (-0.4, 0.95)),
        ((-0.34, 0.95), (-0.34, 1.36), (0.28, 1.32), (1.0, 0.95)),
    ),
    (1.0, 1.38),
    (1.06, 1.37),
    (1.4, -1.36, 0.32),
    0.92,
    0.32,
)


@functools.cache
def vehicle(body: Body, paint: Colour, *, lights_on: bool = False) -> Mesh:
    """
    Model a vehicle, its windows, lamps, plates and wheels painted on.

    Parameters
    ----------
    body
        Shape.
    paint
        Colour of the coachwork.
    lights_on
        Whether head and rear lamps shine (reflectance above 1).
    """
    step = 0.03
    first = np.array([-body.length_m / 2 - 0.15, -body.width_m / 2 - 0.36, -0.15])
    size = -2 * first[:2]
    shape = np.ceil(np.array([*size, body.height_m + 0.3]) / step) + 1
    n_x, n_y, n_z = shape.astype(int)
    x = first[0] + step * np.arange(n_x)[:, None, None]
    y = first[1] + step * np.arange(n_y)[None, :, None]
    z = first[2] + step * np.arange(n_z)[None, None, :]
    side = outline_distance(np.array(body.outline), first[[0, 2]], (n_x, n_z), step, soft_m=0.04)[
        :, None, :
    ]
    nose = 0.16 * np.maximum(np.abs(x) / (body.length_m / 2) - 0.72, 0) ** 2 / 0.28**2
    lean = body.lean * np.maximum(z - body.belt_m, 0)
    tuck = 0.10 * np.maximum(0.45 - z, 0) / 0.45
    flank = np.abs(y) - (body.width_m / 2 - nose - lean - tuck)
    field = _round_max(side, flank, 0.09)
    for axle in body.wheels[:2]:
        arch = np.hypot(x - axle, z - body.wheels[2]) - body.wheels[2] * 1.16
        pocket = np.maximum(arch, body.width_m / 2 - 0.28 - np.abs(y))
        field = np.maximum(field, -pocket)
        wheel = np.hypot(x - axle, z - body.wheels[2]) - body.wheels[2]
        hub = np.abs(np.abs(y) - (body.width_m / 2 - 0.15)) - 0.11
        field = np.minimum(field, np.maximum(wheel, hub))
    field = np.minimum(field, _mirrors(body, x, y, z))
    points, normals, triangles = contour(np.asarray(field), first, step)
    rgb = _paint(body, paint, points, normals, lights_on=lights_on)
    return Mesh(points, normals, rgb, triangles)


def _mirrors(body: Body, x: Floats, y: Floats, z: Floats) -> Floats:
    """Distance to the two outside mirrors."""
    at = body.glass[-1][-1]
    high = 0.17 if body.height_m > 2 else 0.09
    sides = np.abs(np.abs(y) - body.width_m / 2 - 0.06) - 0.13
    box = np.maximum(np.abs(x - at[0] + 0.12) - 0.07, np.abs(z - at[1] - high) - high)
    both: Floats = np.maximum(box, sides)
    return both


def _round_max(one: Floats, other: Floats, radius: float) -> Floats:
    """Intersect two distances with a rounded edge."""
    outer = np.hypot(np.maximum(one + radius, 0), np.maximum(other + radius, 0))
    both: Floats = np.minimum(np.maximum(one, other), -radius) + outer
    return both


def _paint(
    body: Body, paint: Colour, points: Floats, normals: Floats, *, lights_on: bool
) -> Floats:
    """Colour the points of a vehicle, shape (N, 3)."""
    x, y, z = points.T
    rgb = np.tile(np.array(paint), (len(points), 1))
    half = body.length_m / 2
    rgb[z < 0.36] = BLACK
    rgb[(np.abs(x) > half - 0.16) & (z < 0.56)] = (0.05, 0.05, 0.055)
    flank = np.abs(normals[:, 1]) > 0.6
    for window in body.glass:
        rgb[flank & _is_inside(np.array(window), x, z)] = GLASS
    ahead = (normals[:, 0] > 0.3) & (x > 0) & (np.abs(y) < body.width_m / 2 - 0.17)
    screen = ahead & (z > body.screen_z[0]) & (z < body.screen_z[1])
    rise = (z[screen] - body.screen_z[0]) / (body.screen_z[1] - body.screen_z[0])
    rgb[screen] = np.array(GLASS) * (1.0 + 3.0 * rise[:, None])
    rgb[np.abs(y) > body.width_m / 2 + 0.02] = BLACK
    behind = (normals[:, 0] < -0.3) & (np.abs(y) < body.width_m / 2 - 0.22)
    rgb[behind & (z > body.rear_z[0]) & (z < body.rear_z[1])] = GLASS
    nose = (normals[:, 0] > 0.25) & (x > half - 0.45)
    tail = (normals[:, 0] < -0.25) & (x < -half + 0.4)
    edge = np.abs(y) > body.width_m / 2 - 0.42
    level = 0.44 * min(body.height_m, 1.75)
    lamp = np.abs(z - level) < 0.1
    grille = nose & (np.abs(y) < 0.52) & (np.abs(z - level + 0.02) < 0.10)
    rgb[grille] = BLACK
    rgb[grille & (np.abs(z - level + 0.02) < 0.02)] = RIM
    rgb[flank & (np.abs(z - 0.62) < 0.035)] = (0.09, 0.09, 0.09)
    if body.height_m > 2:
        rgb[flank & (np.abs(z - 1.3) < 0.02) & (x < 0.3)] = 0.5 * np.array(paint)
        rgb[flank & (np.abs(x + 1.0) < 0.016) & (z > 0.4) & (z < 2.2)] = 0.3 * np.array(paint)
    rgb[nose & edge & lamp] = (14.0, 13.5, 12.0) if lights_on else (0.62, 0.64, 0.66)
    rgb[tail & edge & (np.abs(z - level - 0.12) < 0.13)] = (
        (2.0, 0.05, 0.04) if lights_on else (0.3, 0.02, 0.02)
    )
    plate = (np.abs(y) < 0.26) & (np.abs(z - 0.5) < 0.06) & (nose | tail)
    rgb[plate] = (0.62, 0.46, 0.03)
    for seam in (body.glass[-1][0][0] - 0.03, body.glass[-1][-1][0] * 0.98):
        rgb[flank & (np.abs(x - seam) < 0.016) & (z > 0.4) & (z < body.belt_m)] = BLACK
    _paint_wheels(body, points, flank, rgb)
    return rgb


def _paint_wheels(body: Body, points: Floats, flank: npt.NDArray[np.bool_], rgb: Floats) -> None:
    """Colour tyres, rims and the wheel arches."""
    x, y, z = points.T
    radius = body.wheels[2]
    for axle in body.wheels[:2]:
        away = np.hypot(x - axle, z - radius)
        rgb[away < 1.17 * radius] = BLACK
        outer = np.abs(y) > body.width_m / 2 - 0.3
        rgb[(away < 1.02 * radius) & outer] = TYRE
        spokes = np.cos(5 * np.arctan2(z - radius, x - axle)) > -0.55
        rgb[flank & (away < 0.66 * radius) & outer & spokes] = RIM


def _is_inside(corners: Floats, x: Floats, z: Floats) -> npt.NDArray[np.bool_]:
    """Return which points lie inside a polygon of the side view."""
    scale = 200
    low = corners.min(axis=0)
    size = np.ceil((corners.max(axis=0) - low) * scale).astype(int) + 1
    mask = np.zeros((size[1], size[0]), dtype=np.uint8)
    cv2.fillPoly(mask, [np.round((corners - low) * scale).astype(np.int32)], 1)
    u, v = ((x - low[0]) * scale).astype(int), ((z - low[1]) * scale).astype(int)
    inside = (u >= 0) & (v >= 0) & (u < size[0]) & (v < size[1])
    inside[inside] = mask[v[inside], u[inside]] > 0
    return np.asarray(inside, dtype=np.bool_)
