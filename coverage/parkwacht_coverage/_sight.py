"""
The compiled loops of `visibility`: which targets are behind which walls.

Both functions clear entries of `seen` in place. Walls that stand on the ground are sorted into
angular buckets around the eye, nearest first, so that a target is tested only against the walls
in its direction that are not farther than itself (design/coverage.md, section 10).
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
F = TypeVar("F", bound=Callable[..., Any])

N_BUCKETS = 720
EPS = 1e-9


def compiled(function: F) -> F:
    """Compile a function with numba, cached on disk, and keep its type."""
    decorated: F = numba.njit(cache=True, nogil=True)(function)
    return decorated


@compiled
def _distance_to_origin(x1: float, y1: float, x2: float, y2: float) -> float:
    """Return the distance of a segment to the origin."""
    dx, dy = x2 - x1, y2 - y1
    length2 = dx * dx + dy * dy
    along = 0.0
    if length2 > 0.0:
        along = min(1.0, max(0.0, -(x1 * dx + y1 * dy) / length2))
    return float(np.hypot(x1 + along * dx, y1 + along * dy))


@compiled
def _crossing(tx: float, ty: float, wall: Floats) -> float:
    """
    Return at which fraction of the way from the origin to (tx, ty) a wall is crossed.

    -1 where it is not; the first end of a wall belongs to it, the second to the next wall. A wall
    through the origin is touched, not crossed.
    """
    side1 = tx * wall[1] - ty * wall[0]
    side2 = tx * wall[3] - ty * wall[2]
    if (side1 >= 0.0) == (side2 >= 0.0):
        return -1.0
    dx, dy = wall[2] - wall[0], wall[3] - wall[1]
    det = tx * dy - ty * dx
    fraction = (wall[0] * dy - wall[1] * dx) / det
    return float(fraction) if fraction > EPS else -1.0


@compiled
def _bucket_span(x1: float, y1: float, x2: float, y2: float) -> tuple[int, int]:
    """Return the first bucket and the number of buckets that a segment's bearing runs through."""
    width = 2.0 * np.pi / N_BUCKETS
    first = np.arctan2(y1, x1)
    turn = np.arctan2(x1 * y2 - y1 * x2, x1 * x2 + y1 * y2)
    if turn < 0.0:
        first, turn = first + turn, -turn
    low = int(np.floor((first + np.pi) / width)) - 1
    high = int(np.floor((first + turn + np.pi) / width)) + 1
    if turn > np.pi - 1e-6 or high - low + 1 >= N_BUCKETS:
        return 0, N_BUCKETS
    return low % N_BUCKETS, high - low + 1


@compiled
def _fill_buckets(near_walls: Floats) -> tuple[Ints, Ints]:
    """Return where each bucket starts and the walls of all buckets, in the order given."""
    n_walls = near_walls.shape[0]
    spans = np.empty((n_walls, 2), dtype=np.int64)
    starts = np.zeros(N_BUCKETS + 1, dtype=np.int64)
    for i in range(n_walls):
        wall = near_walls[i]
        spans[i, 0], spans[i, 1] = _bucket_span(wall[0], wall[1], wall[2], wall[3])
        for j in range(spans[i, 1]):
            starts[(spans[i, 0] + j) % N_BUCKETS + 1] += 1
    starts = np.cumsum(starts)
    cursor = starts[:-1].copy()
    members = np.empty(starts[-1], dtype=np.int64)
    for i in range(n_walls):
        for j in range(spans[i, 1]):
            bucket = (spans[i, 0] + j) % N_BUCKETS
            members[cursor[bucket]] = i
            cursor[bucket] += 1
    return starts, members


@compiled
def _walls_around(eye: Floats, walls: Floats, tops: Floats, reach: float) -> tuple[Floats, Floats]:
    """Return walls within reach, seen from the eye, nearest first, and (top, distance) of each."""
    n_walls = walls.shape[0]
    local = np.empty((n_walls, 4))
    near = np.empty(n_walls)
    for i in range(n_walls):
        for j in range(4):
            local[i, j] = walls[i, j] - eye[j % 2]
        near[i] = _distance_to_origin(local[i, 0], local[i, 1], local[i, 2], local[i, 3])
    order = np.argsort(near, kind="mergesort")
    n_near = np.searchsorted(near[order], reach, side="right")
    heights = np.empty((n_near, 2))
    sorted_walls = np.empty((n_near, 4))
    for i in range(n_near):
        sorted_walls[i] = local[order[i]]
        heights[i, 0] = tops[order[i]]
        heights[i, 1] = near[order[i]]
    return sorted_walls, heights


@compiled
def _reach(eye: Floats, targets: Floats, seen: Bools) -> float:
    """Return the distance of the farthest target that is still seen."""
    reach = 0.0
    for i in range(targets.shape[0]):
        if seen[i]:
            reach = max(reach, np.hypot(targets[i, 0] - eye[0], targets[i, 1] - eye[1]))
    return reach


@compiled
def drop_behind_ground_walls(
    eye: Floats, targets: Floats, seen: Bools, walls: Floats, tops: Floats
) -> None:
    """
    Clear the targets whose sight line crosses a wall below its top.

    Parameters
    ----------
    eye
        (x, y, height), shape (3,), in metres.
    targets
        (x, y, height), shape (N, 3), in metres; not inside a prism.
    seen
        Which targets to test, shape (N,); cleared where hidden.
    walls
        (x1, y1, x2, y2), shape (M, 4), in metres.
    tops
        Height of each wall, shape (M,), in metres.
    """
    near_walls, heights = _walls_around(eye, walls, tops, _reach(eye, targets, seen))
    starts, members = _fill_buckets(near_walls)
    for i in range(targets.shape[0]):
        if not seen[i]:
            continue
        tx, ty = targets[i, 0] - eye[0], targets[i, 1] - eye[1]
        distance = np.hypot(tx, ty)
        drop = targets[i, 2] - eye[2]
        bucket = int((np.arctan2(ty, tx) + np.pi) / (2.0 * np.pi) * N_BUCKETS) % N_BUCKETS
        for j in range(starts[bucket], starts[bucket + 1]):
            wall = members[j]
            if heights[wall, 1] > distance:
                break
            at = _crossing(tx, ty, near_walls[wall])
            if EPS < at < 1.0 - EPS and eye[2] + drop * at < heights[wall, 0] - EPS:
                seen[i] = False
                break


@compiled
def _is_blocked(line: Floats, eye: Floats, walls: Floats, between: tuple[float, float]) -> bool:
    """Return whether the sight line, between two fractions of it, meets the inside of a prism."""
    first, last = between
    is_inside = False
    for i in range(walls.shape[0]):
        wall = np.array(
            [walls[i, 0] - eye[0], walls[i, 1] - eye[1], walls[i, 2] - eye[0], walls[i, 3] - eye[1]]
        )
        at = _crossing(line[0], line[1], wall)
        if at > first + EPS and at < last - EPS:
            return True
        if at > last:
            is_inside = not is_inside
    return is_inside


@compiled
def drop_behind_raised_prisms(
    eye: Floats, targets: Floats, seen: Bools, walls: Floats, starts: Ints, heights: Floats
) -> None:
    """
    Clear the targets whose sight line meets a prism that floats above the ground.

    Parameters
    ----------
    eye
        (x, y, height), shape (3,), in metres.
    targets
        (x, y, height), shape (N, 3), in metres.
    seen
        Which targets to test, shape (N,); cleared where hidden.
    walls
        (x1, y1, x2, y2), shape (M, 4), in metres, prism after prism.
    starts
        Index of the first wall of each prism and the end, shape (P + 1,).
    heights
        (base, top) of each prism, shape (P, 2), in metres.
    """
    for i in range(targets.shape[0]):
        if not seen[i]:
            continue
        line = targets[i] - eye
        for p in range(heights.shape[0]):
            first, last = 0.0, 1.0
            if line[2] == 0.0:
                if not heights[p, 0] < eye[2] < heights[p, 1]:
                    continue
            else:
                at_base = (heights[p, 0] - eye[2]) / line[2]
                at_top = (heights[p, 1] - eye[2]) / line[2]
                first = max(0.0, min(at_base, at_top))
                last = min(1.0, max(at_base, at_top))
            if first >= last:
                continue
            if _is_blocked(line, eye, walls[starts[p] : starts[p + 1]], (first, last)):
                seen[i] = False
                break
