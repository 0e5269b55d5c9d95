"""
Smooth solids from signed distances: what people and vehicles are made of.

Distances are metres, negative inside. A primitive is a row: start (3), end (3), radius at start and
at end, then three stretches (x, y, z) that flatten the round cone about its middle.
"""

# ruff: noqa: PLR2004  (tolerances of the distance loop)

import cv2
import numba
import numpy as np
import numpy.typing as npt
from scipy.ndimage import map_coordinates

from parkwacht_coverage.preview.render import load_pyvista

Floats = npt.NDArray[np.float64]
Canvas = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@numba.njit(cache=True)
def _cone(point, row):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Distance from a point to a stretched round cone (first order in the stretch)."""
    length2 = 0.0
    along = 0.0
    middle = 0.5 * (row[:3] + row[3:6])
    scaled = np.empty(3)
    start = np.empty(3)
    axis = np.empty(3)
    for k in range(3):
        scaled[k] = (point[k] - middle[k]) / row[8 + k]
        start[k] = (row[k] - middle[k]) / row[8 + k]
        axis[k] = (row[3 + k] - row[k]) / row[8 + k]
        length2 += axis[k] * axis[k]
        along += (scaled[k] - start[k]) * axis[k]
    along = 0.0 if length2 < 1e-12 else min(1.0, max(0.0, along / length2))
    reach2 = 0.0
    for k in range(3):
        reach2 += (scaled[k] - start[k] - along * axis[k]) ** 2
    radius = row[6] + along * (row[7] - row[6])
    return (np.sqrt(reach2) - radius) * min(row[8], row[9], row[10])


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _union(points, rows, blend, distance, nearest) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """Smooth union of primitives at points; `nearest` tells whose surface is closest."""
    for i in range(points.shape[0]):
        total, best = 0.0, 1e9
        for j in range(rows.shape[0]):
            one = _cone(points[i], rows[j])
            total += np.exp(-max(one, -1.0) / blend)
            if one < best:
                best = one
                nearest[i] = j
        distance[i] = -blend * np.log(total + 1e-300)


def surface_of(rows: Floats, *, step_m: float, blend_m: float) -> tuple[Floats, Floats, Ints, Ints]:
    """
    Turn primitives into one smooth surface.

    Parameters
    ----------
    rows
        Primitives, shape (K, 11).
    step_m
        Grid step.
    blend_m
        How softly neighbours melt together.

    Returns
    -------
    points, normals, triangles, part
        Shapes (N, 3), (N, 3), (M, 3) and (N,): the primitive each point belongs to.
    """
    reach = np.maximum(rows[:, 6], rows[:, 7])[:, None] * rows[:, 8:11] + 3 * step_m
    low = np.minimum(rows[:, :3], rows[:, 3:6]) - reach
    high = np.maximum(rows[:, :3], rows[:, 3:6]) + reach
    first, last = low.min(axis=0), high.max(axis=0)
    shape = np.ceil((last - first) / step_m).astype(int) + 1
    field = np.full(shape, 0.3)
    axes = [first[k] + step_m * np.arange(shape[k]) for k in range(3)]
    for one_low, one_high in zip(low, high, strict=True):  # mark what has to be computed
        i0 = np.maximum(((one_low - first) / step_m).astype(int), 0)
        i1 = np.ceil((one_high - first) / step_m).astype(int) + 1
        field[i0[0] : i1[0], i0[1] : i1[1], i0[2] : i1[2]] = np.nan
    todo = np.isnan(field)
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)[todo]
    distance, nearest = np.empty(len(grid)), np.empty(len(grid), dtype=np.int64)
    _union(grid, rows, blend_m, distance, nearest)
    field[todo] = distance
    points, normals, triangles = contour(field, first, step_m)
    part = np.empty(len(points), dtype=np.int64)
    _union(points, rows, blend_m, np.empty(len(points)), part)
    return points, normals, triangles, part


def contour(field: Floats, first_m: Floats, step_m: float) -> tuple[Floats, Floats, Ints]:
    """Find the surface where a field on a grid, shape (X, Y, Z), is zero."""
    pyvista = load_pyvista()
    grid = pyvista.ImageData(
        dimensions=field.shape, spacing=(step_m,) * 3, origin=tuple(first_m.tolist())
    )
    grid.point_data["distance"] = field.ravel(order="F")
    found = grid.contour([0.0], scalars="distance", compute_normals=False, method="flying_edges")
    points = np.asarray(found.points, dtype=np.float64)
    triangles = np.asarray(found.faces, dtype=np.int64).reshape(-1, 4)[:, 1:]
    where = ((points - first_m) / step_m).T
    slopes = np.gradient(field)
    normals = np.column_stack([map_coordinates(one, where, order=1) for one in slopes])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    return points, normals, triangles


def outline_distance(
    outline_m: Floats, first_m: Floats, shape: tuple[int, int], step_m: float, *, soft_m: float
) -> Floats:
    """
    Compute the signed distance to a closed outline on a grid.

    Parameters
    ----------
    outline_m
        Corners, shape (N, 2), metres.
    first_m
        The grid's first corner, shape (2,).
    shape
        Points of the grid along both axes.
    step_m
        Grid step.
    soft_m
        Corners are rounded about this much.
    """
    pixels = np.round((outline_m - first_m)[:, ::-1] / step_m * 16).astype(np.int32)
    inside = np.zeros(shape, dtype=np.uint8)
    cv2.fillPoly(inside, [pixels], 1, shift=4)
    distance = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)
    distance -= cv2.distanceTransform(inside, cv2.DIST_L2, 5)
    smooth = cv2.GaussianBlur(distance, (0, 0), soft_m / step_m)
    return np.asarray(smooth, dtype=np.float64) * step_m
