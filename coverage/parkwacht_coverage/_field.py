"""
What stands around an eye, sorted by direction: buckets with a near and a far limit.

A direction is measured by its diamond angle: how far along the square |x| + |y| = 1 it points, 0
to 4 from east over north. It needs no trigonometry and grows with the true angle, and along it a
straight wall's distance |x| + |y| is monotone within a bucket, so that its least and greatest lie
at the bucket's borders. All distances here are such sums, in metres from the eye. Limits are
taken a hair too wide: what they decide, the exact test would decide alike.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from parkwacht_coverage._compiled import compiled

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

N_BUCKETS = 1024
PER_UNIT = N_BUCKETS / 4.0
HAIR = 1e-9  # of a bucket, and of a distance
GRAZING = 1e-6  # sine between a wall and the sight line below which distances are not trusted


class Field(NamedTuple):
    """
    The scratch of one thread, for one eye at a time.

    `near` and `far` hold per bucket the distance before which nothing stands and beyond which
    nothing is seen, shape (N_BUCKETS,); `head` and `tail` the first and last entry of each
    bucket's list. Entry e is thing `item[e]` between `lo[e]` and `hi[e]`, then comes `after[e]`.
    """

    near: Floats
    far: Floats
    head: Ints
    tail: Ints
    item: Ints
    after: Ints
    lo: Floats
    hi: Floats


@compiled
def make_field(capacity: int) -> Field:
    """Make scratch for this many entries."""
    return Field(
        np.empty(N_BUCKETS),
        np.empty(N_BUCKETS),
        np.empty(N_BUCKETS, dtype=np.int64),
        np.empty(N_BUCKETS, dtype=np.int64),
        np.empty(capacity, dtype=np.int64),
        np.empty(capacity, dtype=np.int64),
        np.empty(capacity),
        np.empty(capacity),
    )


@compiled
def clear(field: Field) -> None:
    """Forget all entries."""
    for k in range(N_BUCKETS):
        field.near[k] = np.inf
        field.far[k] = np.inf
        field.head[k] = -1


@compiled
def diamond(x: float, y: float) -> float:
    """Return the diamond angle of a direction, in [0, 4]."""
    size = abs(x) + abs(y)
    if size == 0.0:
        return 0.0
    turn = y / size
    if x < 0.0:
        return 2.0 - turn
    return turn + 4.0 if turn < 0.0 else turn


@compiled
def border(k: int) -> tuple[float, float]:
    """Return the point of the square |x| + |y| = 1 at the lower border of a bucket."""
    angle = k / PER_UNIT
    if angle < 1.0:
        return 1.0 - angle, angle
    if angle < 2.0:  # noqa: PLR2004
        return 1.0 - angle, 2.0 - angle
    if angle < 3.0:  # noqa: PLR2004
        return angle - 3.0, 2.0 - angle
    return angle - 3.0, angle - 4.0


@compiled
def buckets_between(x1: float, y1: float, x2: float, y2: float) -> tuple[int, int, int, int]:
    """
    Return the buckets from one direction counterclockwise to another, less than half a turn on.

    The first and last that could be touched, and the first and last that are surely spanned whole;
    numbers may exceed `N_BUCKETS`, modulo which they count.
    """
    start = diamond(x1, y1) * PER_UNIT
    stop = diamond(x2, y2) * PER_UNIT
    if stop < start:
        if start - stop < HAIR:
            stop = start
        else:
            stop += N_BUCKETS
    touched, last = int(np.floor(start - HAIR)), int(np.floor(stop + HAIR))
    return touched, last, int(np.ceil(start + HAIR)), int(np.floor(stop - HAIR)) - 1


@compiled
def box_corners(left: float, bottom: float, right: float, top: float) -> tuple[float, ...]:
    """Return the two corners of a box not around the eye between which it lies, counterclockwise."""
    if left > 0.0:
        x1, x2 = (right if bottom > 0.0 else left), (right if top < 0.0 else left)
        return x1, bottom, x2, top
    if right < 0.0:
        x1, x2 = (left if top < 0.0 else right), (left if bottom > 0.0 else right)
        return x1, top, x2, bottom
    if bottom > 0.0:
        return right, bottom, left, bottom
    return left, top, right, top


@compiled
def is_hidden_box(field: Field, left: float, bottom: float, right: float, top: float) -> bool:
    """Return whether everything of a box (relative to the eye) lies beyond the far limits."""
    away = max(left, 0.0, -right) + max(bottom, 0.0, -top)
    if away <= 0.0:
        return False
    x1, y1, x2, y2 = box_corners(left, bottom, right, top)
    first, last, _, _ = buckets_between(x1, y1, x2, y2)
    for k in range(first, last + 1):
        if field.far[k % N_BUCKETS] >= away:
            return False
    return True


@compiled
def _append(field: Field, n: int, k: int, item: int, limits: tuple[float, float]) -> None:
    """Put an entry at the end of a bucket's list."""
    field.item[n] = item
    field.lo[n] = limits[0]
    field.hi[n] = limits[1]
    field.after[n] = -1
    if field.head[k] < 0:
        field.head[k] = n
    else:
        field.after[field.tail[k]] = n
    field.tail[k] = n
    field.near[k] = min(field.near[k], limits[0])


@compiled
def distance_at(k: int, wall: Floats, cross: float) -> float:
    """Return the distance of a wall's line along the lower border of a bucket."""
    x, y = border(k % N_BUCKETS)
    turn = x * (wall[3] - wall[1]) - y * (wall[2] - wall[0])
    return cross / turn if turn * cross > 0.0 else np.inf


@compiled
def put_wall(field: Field, n: int, item: int, wall: Floats, grows: float) -> int:
    """
    Put a wall into the buckets that it touches and in which it is not beyond the far limit.

    Parameters
    ----------
    field
        The buckets.
    n
        Number of entries so far.
    item
        What the entries shall name.
    wall
        (x1, y1, x2, y2) relative to the eye, counterclockwise around it.
    grows
        How many times farther than the wall it can hide something; 0 puts no entries; negative:
        puts none and closes the buckets that it spans.

    Returns
    -------
    n
        Number of entries now; -1 when there is no room for them.
    """
    cross = wall[0] * wall[3] - wall[1] * wall[2]
    size1, size2 = abs(wall[0]) + abs(wall[1]), abs(wall[2]) + abs(wall[3])
    is_grazing = abs(cross) <= GRAZING * size1 * size2
    first, last, whole, end = buckets_between(wall[0], wall[1], wall[2], wall[3])
    if grows > 0.0 and n + last - first + 1 > len(field.item):
        return -1
    at = size1
    for k in range(first, last + 1):
        beyond = size1 if k + 1 < whole else size2
        if whole <= k + 1 <= end + 1:
            beyond = distance_at(k + 1, wall, cross)
        low, high = min(at, beyond), max(at, beyond)
        at, bucket = beyond, k % N_BUCKETS
        if is_grazing:
            low, high = 0.0, max(size1, size2)
        low, high = low * (1.0 - HAIR), min(high, max(size1, size2)) * (1.0 + HAIR)
        if grows < 0.0:
            if whole <= k <= end and not is_grazing:
                field.far[bucket] = min(field.far[bucket], high)
        elif grows > 0.0 and low <= field.far[bucket]:
            _append(field, n, bucket, item, (low, high * grows))
            n += 1
    return n


@compiled
def put_box(field: Field, n: int, item: int, box: Floats, grows: float) -> int:
    """
    Put a box (left, bottom, right, top relative to the eye) into the buckets that it touches.

    Returns the number of entries now, -1 when there is no room for them; `grows` as in `put_wall`.
    """
    low = max(box[0], 0.0, -box[2]) + max(box[1], 0.0, -box[3])
    high = max(abs(box[0]), abs(box[2])) + max(abs(box[1]), abs(box[3]))
    first, last = 0, N_BUCKETS - 1
    if low > 0.0:
        x1, y1, x2, y2 = box_corners(box[0], box[1], box[2], box[3])
        first, last, _, _ = buckets_between(x1, y1, x2, y2)
    if n + last - first + 1 > len(field.item):
        return -1
    limits = (low * (1.0 - HAIR), high * (1.0 + HAIR) * grows)
    for k in range(first, last + 1):
        if limits[0] <= field.far[k % N_BUCKETS]:
            _append(field, n, k % N_BUCKETS, item, limits)
            n += 1
    return n
