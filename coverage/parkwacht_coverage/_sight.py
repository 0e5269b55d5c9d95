"""
The compiled loops of `visibility`: which targets an eye sees past walls and prisms.

A wall that stands on the ground hides what is behind it where the sight line crosses it below its
top. Between an eye and a target that is not higher, the line leaves a prism lower than it enters,
so that the walls facing away decide alone, and a wall higher than both hides all beyond it. What
floats above the ground (passages, crowns of trees) is asked as a whole: does the part of the line
between its base and top meet the inside of its footprint? Ties are judged by fixed rules: a line
through a corner as one a hair counterclockwise of it; a target on a wall is outside the building in
front of it and behind the building that it is seen across; an eye on a wall is outside it.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from parkwacht_coverage._compiled import compiled, inlined
from parkwacht_coverage._field import (
    LAST_BUCKET,
    PER_UNIT,
    SMALLEST_M,
    Field,
    clear,
    close_buckets,
    is_hidden_box,
    make_field,
    put_box,
    put_wall,
)
from parkwacht_coverage._grid import Grid, cells_around, farthest_m

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Found = npt.NDArray[np.int32]
Bytes = npt.NDArray[np.uint8]

EPS = 1e-9  # of the way from eye to target


class Walls(NamedTuple):
    """
    Walls of the prisms on the ground.

    `ends` is (x1, y1, x2, y2) with the inside to the left, shape (M, 4); `tops` their heights.
    """

    grid: Grid
    ends: Floats
    tops: Floats


class Prisms(NamedTuple):
    """
    What floats above the ground.

    `heights` is (base, top), `boxes` the bounds of the footprint, shapes (P, 2) and (P, 4); the
    walls of prism p are `ends[starts[p] : starts[p + 1]]`.
    """

    grid: Grid
    heights: Floats
    boxes: Floats
    starts: Ints
    ends: Floats


class Points(NamedTuple):
    """
    Targets sorted by cell, without those inside a prism on the ground.

    `order` is the place of each in the caller's array, `heights` (lowest, highest), `n` the number
    of the caller's targets.
    """

    grid: Grid
    xyz: Floats
    order: Ints
    heights: Floats
    n: int


class Scratch(NamedTuple):
    """What one thread writes in: buckets, local walls (x1, y1, x2, y2, top), lists of cells."""

    field: Field
    local: Floats
    cells: Ints
    seen: Bytes


@compiled
def _make_scratch(walls: Walls, prisms: Prisms, points: Points, capacity: int) -> Scratch:
    n_cells = max(len(walls.grid.boxes), len(prisms.grid.boxes), len(points.grid.boxes))
    return Scratch(
        make_field(capacity),
        np.empty((len(walls.ends), 5)),
        np.empty(n_cells, dtype=np.int64),
        np.zeros((points.n + 7) // 8 * 8, dtype=np.uint8),
    )


@compiled
def _gather_walls(
    eye: Floats, reach_m: float, walls: Walls, heights: Floats, scratch: Scratch
) -> int:
    """Fill the buckets with the walls around; return the number of entries, -1 if too many."""
    n, n_local = 0, 0
    highest, lowest = max(eye[2], heights[1]), min(eye[2], heights[0])
    is_falling = heights[1] <= eye[2]
    n_cells = cells_around(walls.grid, eye[0], eye[1], reach_m, scratch.cells)
    for c in range(n_cells):
        cell = scratch.cells[c]
        box = walls.grid.boxes[cell]
        if is_hidden_box(
            scratch.field, box[0] - eye[0], box[1] - eye[1], box[2] - eye[0], box[3] - eye[1]
        ):
            continue
        for w in range(walls.grid.starts[cell], walls.grid.starts[cell + 1]):
            top = walls.tops[w]
            if top <= lowest:
                continue
            x1, y1 = walls.ends[w, 0] - eye[0], walls.ends[w, 1] - eye[1]
            x2, y2 = walls.ends[w, 2] - eye[0], walls.ends[w, 3] - eye[1]
            is_away = x1 * y2 - y1 * x2 > 0.0
            ends = (x1, y1, x2, y2) if is_away else (x2, y2, x1, y1)
            if top > highest:
                close_buckets(scratch.field, ends[0], ends[1], ends[2], ends[3])
            if is_falling and not is_away:
                continue
            grows = np.inf
            if is_falling and top < eye[2]:
                grows = (eye[2] - heights[0]) / (eye[2] - top)
            n = put_wall(scratch.field, n, n_local, ends, grows)
            if n < 0:
                return -1
            local = scratch.local
            local[n_local, 0], local[n_local, 1] = x1, y1
            local[n_local, 2], local[n_local, 3] = x2, y2
            local[n_local, 4] = top
            n_local += 1
    return n


@compiled
def _gather_prisms(
    eye: Floats, reach_m: float, prisms: Prisms, heights: Floats, scratch: Scratch, n: int
) -> int:
    """Add what floats above the ground to the buckets, as items -1, -2, ...; -1 if no room."""
    n_cells = cells_around(prisms.grid, eye[0], eye[1], reach_m, scratch.cells)
    for c in range(n_cells):
        cell = scratch.cells[c]
        for p in range(prisms.grid.starts[cell], prisms.grid.starts[cell + 1]):
            base, top = prisms.heights[p]
            if base >= max(eye[2], heights[1]) or top <= min(eye[2], heights[0]):
                continue
            grows = np.inf
            if heights[1] <= eye[2] and top < eye[2]:
                grows = (eye[2] - heights[0]) / (eye[2] - top)
            box = prisms.boxes[p] - np.array([eye[0], eye[1], eye[0], eye[1]])
            n = put_box(scratch.field, n, -1 - p, box, grows)
            if n < 0:
                return -1
    return n


@inlined
def _is_behind_wall(x: float, y: float, rise: float, wall: Floats, eye_m: float) -> bool:
    """Return whether the line to (x, y) crosses a wall (x1, y1, x2, y2, top) below its top."""
    side1 = x * wall[1] - y * wall[0]
    side2 = x * wall[3] - y * wall[2]
    if (side1 >= 0.0) == (side2 >= 0.0):
        return False
    dx, dy = wall[2] - wall[0], wall[3] - wall[1]
    u = (wall[0] * dy - wall[1] * dx) / (x * dy - y * dx)
    # leaving a prism (the wall runs from right to left) counts up to the target itself
    last = 1.0 + EPS if side1 < 0.0 else 1.0 - EPS
    return bool(EPS < u <= last and eye_m + rise * u < wall[4])


@inlined
def _is_behind_prism(eye: Floats, x: float, y: float, rise: float, p: int, prisms: Prisms) -> bool:
    """Return whether the line to (x, y) meets the inside of a prism between its base and top."""
    base, top = prisms.heights[p]
    first, last = 0.0, 1.0
    if rise == 0.0:
        if not base < eye[2] < top:
            return False
    else:
        at_base, at_top = (base - eye[2]) / rise, (top - eye[2]) / rise
        first, last = max(0.0, min(at_base, at_top)), min(1.0, max(at_base, at_top))
    if first >= last:
        return False
    is_inside = False
    for w in range(prisms.starts[p], prisms.starts[p + 1]):
        x1, y1 = prisms.ends[w, 0] - eye[0], prisms.ends[w, 1] - eye[1]
        x2, y2 = prisms.ends[w, 2] - eye[0], prisms.ends[w, 3] - eye[1]
        if (x * y1 - y * x1 >= 0.0) == (x * y2 - y * x2 >= 0.0):
            continue
        dx, dy = x2 - x1, y2 - y1
        u = (x1 * dy - y1 * dx) / (x * dy - y * dx)
        if first + EPS < u < last - EPS:
            return True
        if u >= last - EPS:
            is_inside = not is_inside
    return is_inside


@inlined
def _is_seen(
    eye: Floats, target: Floats, bucket: int, close: float, prisms: Prisms, scratch: Scratch
) -> bool:
    """Test a target against the list of its bucket."""
    field = scratch.field
    x, y, rise = target[0] - eye[0], target[1] - eye[1], target[2] - eye[2]
    entry = field.head[bucket]
    while entry >= 0:
        if field.lo[entry] <= close <= field.hi[entry]:
            item = field.item[entry]
            if item >= 0:
                if _is_behind_wall(x, y, rise, scratch.local[item], eye[2]):
                    return False
            elif _is_behind_prism(eye, x, y, rise, -1 - item, prisms):
                return False
        entry = field.after[entry]
    return True


@inlined
def _mark_cell(
    eye: Floats, range_m: float, cell: int, prisms: Prisms, points: Points, scratch: Scratch
) -> int:
    """Mark the targets of one cell that are seen; return how many."""
    n = 0
    field = scratch.field
    limit = range_m * range_m
    for i in range(points.grid.starts[cell], points.grid.starts[cell + 1]):
        x, y = points.xyz[i, 0] - eye[0], points.xyz[i, 1] - eye[1]
        close = 1.0 / max(abs(x) + abs(y), SMALLEST_M)
        turn = y * close
        if x < 0.0:
            turn = 2.0 - turn
        elif turn < 0.0:
            turn += 4.0
        bucket = min(int(turn * PER_UNIT), LAST_BUCKET)
        if close < field.far[bucket] or x * x + y * y > limit:
            continue
        if close > field.near[bucket] or _is_seen(
            eye, points.xyz[i], bucket, close, prisms, scratch
        ):
            scratch.seen[points.order[i]] = 1
            n += 1
    return n


@compiled
def _look(
    eye: Floats, range_m: float, walls: Walls, prisms: Prisms, points: Points, scratch: Scratch
) -> int:
    """Mark what an eye sees in `scratch.seen`; return how many, -1 if there is no room."""
    field = scratch.field
    clear(field)
    reach_m = min(range_m, farthest_m(points.grid, eye[0], eye[1]))
    n = _gather_walls(eye, reach_m, walls, points.heights, scratch)
    if n >= 0:
        n = _gather_prisms(eye, reach_m, prisms, points.heights, scratch, n)
    if n < 0:
        return -1
    n_seen = 0
    n_cells = cells_around(points.grid, eye[0], eye[1], range_m, scratch.cells)
    for c in range(n_cells):
        cell = scratch.cells[c]
        box = points.grid.boxes[cell]
        if not is_hidden_box(
            field, box[0] - eye[0], box[1] - eye[1], box[2] - eye[0], box[3] - eye[1]
        ):
            n_seen += _mark_cell(eye, range_m, cell, prisms, points, scratch)
    return n_seen


@compiled
def _take(seen: Bytes, found: Found, start: int) -> None:
    """Write the marked places in ascending order and wipe the marks."""
    words = seen.view(np.uint64)
    n = start
    for word in range(len(words)):
        if words[word] == 0:
            continue
        for place in range(8 * word, 8 * word + 8):
            if seen[place]:
                found[n] = place
                n += 1
        words[word] = 0


@compiled
def look_around(eyes: Floats, walls: Walls, prisms: Prisms, points: Points) -> tuple[Ints, Found]:
    """
    Find which targets each of several eyes sees.

    Parameters
    ----------
    eyes
        (x, y, height, range), shape (E, 4), in metres; outside every prism.
    walls, prisms
        What stands in between.
    points
        The targets.

    Returns
    -------
    counts, found
        How many targets each eye sees, shape (E,), and which, ascending per eye, one after another.
    """
    capacity = 65536
    scratch = _make_scratch(walls, prisms, points, capacity)
    counts = np.zeros(len(eyes), dtype=np.int64)
    found = np.empty(max(1024, points.n), dtype=np.int32)
    total = 0
    for e in range(len(eyes)):
        n = _look(eyes[e, :3], eyes[e, 3], walls, prisms, points, scratch)
        while n < 0:
            capacity *= 4
            scratch = _make_scratch(walls, prisms, points, capacity)
            n = _look(eyes[e, :3], eyes[e, 3], walls, prisms, points, scratch)
        if total + n > len(found):
            larger = np.empty(2 * (total + n), dtype=np.int32)
            larger[:total] = found[:total]
            found = larger
        _take(scratch.seen, found, total)
        counts[e] = n
        total += n
    return counts, found[:total].copy()


@compiled
def find_hidden(eye: Floats, xyz: Floats, prisms: Prisms) -> npt.NDArray[np.bool_]:
    """
    Find what each prism alone hides.

    Parameters
    ----------
    eye
        (x, y, height), shape (3,), in metres.
    xyz
        Targets (x, y, height), shape (N, 3), in metres.
    prisms
        P of them, on the ground or above it.

    Returns
    -------
    is_hidden
        Shape (P, N).
    """
    hidden = np.zeros((len(prisms.heights), len(xyz)), dtype=np.bool_)
    for p in range(len(prisms.heights)):
        for i in range(len(xyz)):
            x, y, rise = xyz[i, 0] - eye[0], xyz[i, 1] - eye[1], xyz[i, 2] - eye[2]
            hidden[p, i] = _is_behind_prism(eye, x, y, rise, p, prisms)
    return hidden
