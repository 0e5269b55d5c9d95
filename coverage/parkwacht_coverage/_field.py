"""
What stands around an eye, sorted by direction: buckets with a near and a far limit.

A direction is measured by its diamond angle: how far along the square |x| + |y| = 1 it points, 0
to 4 from east over north. It needs no trigonometry and grows with the true angle. A distance is
measured by its closeness q = 1 / (|x| + |y|), in 1/m from the eye: along a straight wall it is
linear in the diamond angle within a quadrant, so that in a bucket the greatest and least lie at
the borders, found without a division. Limits are taken a hair too wide: what they decide, the exact
test would decide alike.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from parkwacht_coverage._compiled import compiled, inlined

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

N_BUCKETS = 1024
LAST_BUCKET = N_BUCKETS - 1  # the number is a power of two: `k & LAST_BUCKET` is k modulo it
PER_UNIT = N_BUCKETS / 4.0
HAIR = 1e-9  # of a bucket, and of a distance
GRAZING = 1e-6  # sine between a wall and the sight line below which distances are not trusted
SMALLEST_M = 1e-9

_TURN = np.arange(N_BUCKETS) / PER_UNIT
# the points of the square |x| + |y| = 1 at the lower borders of the buckets
BORDER_X = np.abs(_TURN - 2.0) - 1.0
BORDER_Y = np.where(_TURN < 3.0, 1.0 - np.abs(_TURN - 1.0), _TURN - 4.0)  # noqa: PLR2004


class Field(NamedTuple):
    """
    The scratch of one thread, for one eye at a time.

    `near` and `far` hold per bucket the closeness above which nothing stands and below which
    nothing is seen, shape (N_BUCKETS,); `head` and `tail` the first and last entry of each
    bucket's list. Entry e is thing `item[e]` between the closenesses `lo[e]` and `hi[e]`, then
    comes `after[e]`.
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
        field.near[k] = 0.0
        field.far[k] = 0.0
        field.head[k] = -1


@inlined
def diamond(x: float, y: float) -> float:
    """Return the diamond angle of a direction, in [0, 4]."""
    size = abs(x) + abs(y)
    if size == 0.0:
        return 0.0
    turn = y / size
    if x < 0.0:
        return 2.0 - turn
    return turn + 4.0 if turn < 0.0 else turn


@inlined
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


@inlined
def box_corners(left: float, bottom: float, right: float, top: float) -> tuple[float, ...]:
    """Return the corners of a box, not around the eye, between which it lies."""
    if left > 0.0:
        x1, x2 = (right if bottom > 0.0 else left), (right if top < 0.0 else left)
        return x1, bottom, x2, top
    if right < 0.0:
        x1, x2 = (left if top < 0.0 else right), (left if bottom > 0.0 else right)
        return x1, top, x2, bottom
    if bottom > 0.0:
        return right, bottom, left, bottom
    return left, top, right, top


@inlined
def is_hidden_box(field: Field, left: float, bottom: float, right: float, top: float) -> bool:
    """Return whether everything of a box (relative to the eye) lies beyond the far limits."""
    away = max(left, 0.0, -right) + max(bottom, 0.0, -top)
    if away <= 0.0:
        return False
    x1, y1, x2, y2 = box_corners(left, bottom, right, top)
    first, last, _, _ = buckets_between(x1, y1, x2, y2)
    closest = 1.0 / away
    for k in range(first, last + 1):  # noqa: SIM110 -- numba compiles no generators
        if field.far[k & LAST_BUCKET] <= closest:
            return False
    return True


@inlined
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
    field.near[k] = max(field.near[k], limits[1])


@inlined
def close_buckets(field: Field, x1: float, y1: float, x2: float, y2: float) -> None:
    """Set the far limits for a wall that hides all beyond it, counterclockwise around the eye."""
    dx, dy = x2 - x1, y2 - y1
    cross = x1 * y2 - y1 * x2
    if cross <= GRAZING * (abs(x1) + abs(y1)) * (abs(x2) + abs(y2)):
        return
    _, _, first, last = buckets_between(x1, y1, x2, y2)
    scale = (1.0 - HAIR) / cross
    k = first & LAST_BUCKET
    here = (BORDER_X[k] * dy - BORDER_Y[k] * dx) * scale
    for step in range(first, last + 1):
        k, beyond = step & LAST_BUCKET, (step + 1) & LAST_BUCKET
        there = (BORDER_X[beyond] * dy - BORDER_Y[beyond] * dx) * scale
        field.far[k] = max(field.far[k], min(here, there))
        here = there


@inlined
def put_wall(
    field: Field, n: int, item: int, ends: tuple[float, float, float, float], grows: float
) -> int:
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
    ends
        (x1, y1, x2, y2) relative to the eye, counterclockwise around it.
    grows
        How many times farther than the wall it can hide something.

    Returns
    -------
    n
        Number of entries now; -1 when there is no room for them.
    """
    x1, y1, x2, y2 = ends
    dx, dy = x2 - x1, y2 - y1
    cross = x1 * y2 - y1 * x2
    close1, close2 = (
        1.0 / max(abs(x1) + abs(y1), SMALLEST_M),
        1.0 / max(abs(x2) + abs(y2), SMALLEST_M),
    )
    is_grazing = cross * close1 * close2 <= GRAZING
    least = min(close1, close2)
    first, last, whole, end = buckets_between(x1, y1, x2, y2)
    if n + last - first + 1 > len(field.item):
        return -1
    scale = 1.0 / cross if cross > 0.0 else 0.0
    here = close1
    for step in range(first, last + 1):
        there = close1 if step + 1 < whole else close2
        if whole <= step + 1 <= end + 1:
            k = (step + 1) & LAST_BUCKET
            there = (BORDER_X[k] * dy - BORDER_Y[k] * dx) * scale
        low, high = max(min(here, there), least), max(here, there)
        if is_grazing:
            low, high = least, np.inf
        here, k = there, step & LAST_BUCKET
        if high * (1.0 + HAIR) >= field.far[k]:
            _append(field, n, k, item, (low * (1.0 - HAIR) / grows, high * (1.0 + HAIR)))
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
    closest = np.inf
    if low > 0.0:
        x1, y1, x2, y2 = box_corners(box[0], box[1], box[2], box[3])
        first, last, _, _ = buckets_between(x1, y1, x2, y2)
        closest = (1.0 + HAIR) / low
    if n + last - first + 1 > len(field.item):
        return -1
    limits = ((1.0 - HAIR) / (max(high, SMALLEST_M) * grows), closest)
    for step in range(first, last + 1):
        k = step & LAST_BUCKET
        if closest >= field.far[k]:
            _append(field, n, k, item, limits)
            n += 1
    return n
