"""
The edges of shadows on a horizontal plane, as an eye casts them: what `_isovist` sweeps over.

Along one direction a prism hides the plane from t0 e to t1 x for every stretch (e, x) of the ray
inside its footprint, t0 and t1 being how much farther than the prism the plane is met by the lines
that graze its base and its top (`hidden_scales`). So walls that face the eye, scaled by t0, open a
shadow and walls that face away, scaled by t1, close it; of a prism higher than the eye nothing
closes.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from parkwacht_coverage._compiled import compiled, inlined
from parkwacht_coverage._field import (
    BORDER_X,
    BORDER_Y,
    GRAZING,
    HAIR,
    LAST_BUCKET,
    SMALLEST_M,
    Field,
    buckets_between,
    close_buckets,
    is_hidden_box,
)
from parkwacht_coverage._grid import cells_around
from parkwacht_coverage._sight import Prisms, Walls

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

OPAQUE = 1_000
ON_WALL_M = 1e-6  # an eye this near to a wall of its own building is taken to be in front of it


class Edges(NamedTuple):
    """
    Edges of shadows, counterclockwise around the eye.

    `ends` is (x1, y1, x2, y2) relative to the eye and `line` (a, b) with closeness a x + b y in
    the direction (x, y); `depth` is +1 where a shadow opens, -1 where it closes, `OPAQUE` where it
    opens for good. The last is the side of the range's polygon that the sweep is at.
    """

    ends: Floats
    line: Floats
    depth: Ints


@compiled
def hidden_scales(base_m: float, top_m: float, eye_m: float, plane_m: float) -> tuple[float, float]:
    """
    Return how many times farther than a prism the plane is hidden by it, from and to.

    The sight line passes the heights of the prism at fractions u of its way; a point of the plane
    is 1 / u times farther. (0, 0) where the prism hides nothing.
    """
    drop = eye_m - plane_m
    if drop == 0.0:
        return (1.0, np.inf) if base_m < eye_m < top_m else (0.0, 0.0)
    at_top, at_base = (eye_m - top_m) / drop, (eye_m - base_m) / drop
    first, last = max(min(at_top, at_base), 0.0), min(max(at_top, at_base), 1.0)
    if first >= last:
        return 0.0, 0.0
    return 1.0 / last, 1.0 / first if first > 0.0 else np.inf


@inlined
def _add_edge(
    edges: Edges, n: int, ends: tuple[float, float, float, float], scale: float, depth: int
) -> int:
    """Add an edge scaled away from the eye, unless it runs straight away from it."""
    x1, y1, x2, y2 = ends[0] * scale, ends[1] * scale, ends[2] * scale, ends[3] * scale
    cross = x1 * y2 - y1 * x2
    if cross <= 0.0:
        return n
    edges.ends[n, 0], edges.ends[n, 1], edges.ends[n, 2], edges.ends[n, 3] = x1, y1, x2, y2
    edges.line[n, 0], edges.line[n, 1] = (y2 - y1) / cross, (x1 - x2) / cross
    edges.depth[n] = depth
    return n + 1


@inlined
def _add_wall(
    edges: Edges,
    n: int,
    field: Field,
    wall: tuple[float, float, float, float],
    t: tuple[float, float],
) -> int:
    """Add what a wall (relative to the eye, inside to its left) contributes."""
    x1, y1, x2, y2 = wall
    cross = x1 * y2 - y1 * x2
    is_away = cross > 0.0
    if t[1] == np.inf:
        if is_away and cross > ON_WALL_M * (abs(x2 - x1) + abs(y2 - y1)):
            return n
        ends = wall if is_away else (x2, y2, x1, y1)
        if t[0] == 1.0:
            close_buckets(field, ends[0], ends[1], ends[2], ends[3])
        return _add_edge(edges, n, ends, t[0], OPAQUE)
    if is_away:
        return _add_edge(edges, n, wall, t[1], -1)
    return _add_edge(edges, n, (x2, y2, x1, y1), t[0], 1)


@inlined
def gather_edges(
    eye: Floats,
    view: tuple[float, float],
    walls: Walls,
    prisms: Prisms,
    into: tuple[Field, Edges, Ints],
) -> int:
    """Collect the edges of all shadows within range; return their number."""
    n = 0
    field, edges, cells = into
    plane_m, range_m = view
    for c in range(cells_around(walls.grid, eye[0], eye[1], range_m, cells)):
        cell = cells[c]
        left, bottom = walls.grid.boxes[cell, 0] - eye[0], walls.grid.boxes[cell, 1] - eye[1]
        right, top = walls.grid.boxes[cell, 2] - eye[0], walls.grid.boxes[cell, 3] - eye[1]
        if is_hidden_box(field, left, bottom, right, top):
            continue
        for w in range(walls.grid.starts[cell], walls.grid.starts[cell + 1]):
            t = hidden_scales(-1.0, walls.tops[w], eye[2], plane_m)
            if t[1] > 0.0:
                x1, y1 = walls.ends[w, 0] - eye[0], walls.ends[w, 1] - eye[1]
                x2, y2 = walls.ends[w, 2] - eye[0], walls.ends[w, 3] - eye[1]
                n = _add_wall(edges, n, field, (x1, y1, x2, y2), t)
    for c in range(cells_around(prisms.grid, eye[0], eye[1], range_m, cells)):
        cell = cells[c]
        for p in range(prisms.grid.starts[cell], prisms.grid.starts[cell + 1]):
            t = hidden_scales(prisms.heights[p, 0], prisms.heights[p, 1], eye[2], plane_m)
            if t[1] == 0.0:
                continue
            for w in range(prisms.starts[p], prisms.starts[p + 1]):
                x1, y1 = prisms.ends[w, 0] - eye[0], prisms.ends[w, 1] - eye[1]
                x2, y2 = prisms.ends[w, 2] - eye[0], prisms.ends[w, 3] - eye[1]
                n = _add_wall(edges, n, field, (x1, y1, x2, y2), t)
    return n


@inlined
def may_matter(edges: Edges, e: int, field: Field) -> bool:
    """Return whether some of an edge may lie before the far limits."""
    x1, y1, x2, y2 = edges.ends[e, 0], edges.ends[e, 1], edges.ends[e, 2], edges.ends[e, 3]
    close1 = 1.0 / max(abs(x1) + abs(y1), SMALLEST_M)
    close2 = 1.0 / max(abs(x2) + abs(y2), SMALLEST_M)
    if (x1 * y2 - y1 * x2) * close1 * close2 <= GRAZING:
        return True
    first, last, whole, end = buckets_between(x1, y1, x2, y2)
    here = close1
    for step in range(first, last + 1):
        there = close1 if step + 1 < whole else close2
        if whole <= step + 1 <= end + 1:
            k = (step + 1) & LAST_BUCKET
            there = edges.line[e, 0] * BORDER_X[k] + edges.line[e, 1] * BORDER_Y[k]
        if max(here, there) * (1.0 + HAIR) >= field.far[step & LAST_BUCKET]:
            return True
        here = there
    return False
