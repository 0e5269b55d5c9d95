"""
The compiled loop of `hits`: which points in sight of an eye each of its cameras shows well enough.

The formulas are those of `CameraModel.project`, `is_in_view`, `pixel_density_px_per_m` and
`light.is_lit_for`, for one point at a time.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from parkwacht_coverage._compiled import compiled, inlined

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Found = npt.NDArray[np.int32]


class Cameras(NamedTuple):
    """
    Cameras as rows.

    `axes` has rows right, down, forward, shape (M, 9); `optics` is (focal length in px, width px,
    height px, radius of the image circle in px or 0 for a rectilinear lens), shape (M, 4); `light`
    is (lux needed, infrared reach in m), shape (M, 2); `is_blind` says which reach no pixel-density
    class; `eye` the number of the eye of each, shape (M,).
    """

    axes: Floats
    optics: Floats
    light: Floats
    is_blind: npt.NDArray[np.bool_]
    eye: Ints


class Scenery(NamedTuple):
    """Points (x, y, height), shape (N, 3), the density each needs and its light in lux, (N,)."""

    xyz: Floats
    density: Floats
    lux: Floats


@inlined
def _is_shown(optics: Floats, m: int, seen: tuple[float, float, float], needed: float) -> bool:
    """Return whether a point (right, down, forward of the eye) is in the image, dense enough."""
    right, down, forward = seen
    f_px, width, height, circle = optics[m, 0], optics[m, 1], optics[m, 2], optics[m, 3]
    if circle == 0.0:
        if forward <= 0.0 or f_px / forward < needed:
            return False
        u, v = f_px * right / forward, f_px * down / forward
        return bool(abs(u) <= width / 2 and abs(v) <= height / 2)
    radial = np.sqrt(right * right + down * down)
    slant = np.sqrt(radial * radial + forward * forward)
    if slant <= 0.0 or f_px / slant < needed:
        return False
    radius = np.arctan2(radial, forward) * f_px
    scale = radius / radial if radial > 0.0 else 0.0
    is_inside = abs(right * scale) <= width / 2 and abs(down * scale) <= height / 2
    return bool(is_inside and radius <= circle)


class View(NamedTuple):
    """One camera m at the eye e, which has the points `seen[first:last]` in sight."""

    m: int
    e: int
    first: int
    last: int


@inlined
def _hits_of(
    cameras: Cameras,
    view: View,
    eyes: Floats,
    scenery: Scenery,
    seen: Found,
    into: tuple[Found, int],
) -> int:
    """Write the points that a camera shows; return how many are written now."""
    m, e = view.m, view.e
    found, n = into
    x0, y0, z0 = eyes[e, 0], eyes[e, 1], eyes[e, 2]
    axes, xyz = cameras.axes, scenery.xyz
    rx, ry, rz = axes[m, 0], axes[m, 1], axes[m, 2]
    dx, dy, dz = axes[m, 3], axes[m, 4], axes[m, 5]
    fx, fy, fz = axes[m, 6], axes[m, 7], axes[m, 8]
    lux, infrared_m = cameras.light[m, 0], cameras.light[m, 1]
    is_flat = cameras.optics[m, 3] == 0.0
    for s in range(view.first, view.last):
        i = seen[s]
        x, y, z = xyz[i, 0] - x0, xyz[i, 1] - y0, xyz[i, 2] - z0
        forward = fx * x + fy * y + fz * z
        if is_flat and forward <= 0.0:
            continue
        right, down = rx * x + ry * y + rz * z, dx * x + dy * y + dz * z
        if not _is_shown(cameras.optics, m, (right, down, forward), scenery.density[i]):
            continue
        if scenery.lux[i] < lux and np.sqrt(x * x + y * y + z * z) > infrared_m:
            continue
        found[n] = i
        n += 1
    return n


@compiled
def find_shown(
    cameras: Cameras, eyes: Floats, indptr: Ints, seen: Found, scenery: Scenery
) -> tuple[Ints, Found]:
    """
    Find which points each camera shows well enough.

    Parameters
    ----------
    cameras
        The cameras, of the eyes given.
    eyes
        (x, y, height), shape (E, 3), in metres.
    indptr, seen
        What is in sight: eye e sees the points `seen[indptr[e] : indptr[e + 1]]`.
    scenery
        The points.

    Returns
    -------
    counts, found
        How many points each camera shows, shape (M,), and which, camera after camera.
    """
    counts = np.zeros(len(cameras.eye), dtype=np.int64)
    found = np.empty(65536 + len(scenery.xyz), dtype=np.int32)
    total = 0
    for m in range(len(cameras.eye)):
        if cameras.is_blind[m]:
            continue
        e = cameras.eye[m]
        view = View(m, e, indptr[e], indptr[e + 1])
        if total + view.last - view.first > len(found):
            larger = np.empty(2 * len(found) + view.last - view.first, dtype=np.int32)
            larger[:total] = found[:total]
            found = larger
        n = _hits_of(cameras, view, eyes, scenery, seen, (found, total))
        counts[m] = n - total
        total = n
    return counts, found[:total].copy()
