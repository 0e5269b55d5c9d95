"""
The compiled sweep behind `Scene.visibility_polygon`: what of a horizontal plane an eye sees.

The sweep goes once around the eye over the edges of all shadows (`_edges`) and cuts the round into
slabs at the ends of these edges and, where edges cross, at the crossing; in a slab they have a
fixed order, and what lies in no shadow is seen.

Directions and closenesses are those of `_field`: closeness is linear along the chord of a slab, so
that orders and crossings need no more than straight lines.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from parkwacht_coverage._compiled import compiled, inlined
from parkwacht_coverage._edges import OPAQUE, Edges, gather_edges, may_matter
from parkwacht_coverage._field import (
    LAST_BUCKET,
    N_BUCKETS,
    PER_UNIT,
    Field,
    clear,
    diamond,
    make_field,
)
from parkwacht_coverage._sight import Prisms, Walls

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

N_SIDES = 128  # of the polygon that stands for the circle of the range, corners on the circle
NARROWEST = 1e-9  # slabs narrower than this (0.1 micrometre at 100 m) go with the next
MOST_SPLITS = 64  # slabs waiting at once
NO_EDGE = 1 << 62  # and more: an event at a corner of the range's polygon
TIE = 1e-12  # of a closeness or of a slab: what differs less is the same
FARTHEST = 1e-12  # closeness that is taken for parallel
LOOK_BACK = 6  # quads that may go on


class Sweep(NamedTuple):
    """
    The edges that the sweep is in, nearest first, and the quads found.

    `active` holds edges, `here` and `there` their closeness at the two sides of the slab; `quads`
    has shape (K, 8): the corners near and far at the first side, far and near at the last;
    `bounds` the two edges and the two rays (sides of slabs) of each, shape (K, 4); `counts` is
    (active, quads, name of the range as an edge, slabs done, side of the range), `slabs` the
    (x1, y1, x2, y2) of slabs still to be done.
    """

    active: Ints
    here: Floats
    there: Floats
    quads: Floats
    bounds: Ints
    counts: Ints
    slabs: Floats


@compiled
def make_sweep(n_edges: int, n_quads: int) -> Sweep:
    """Make the scratch of a sweep."""
    return Sweep(
        np.empty(n_edges + 1, dtype=np.int64),
        np.empty(n_edges + 1),
        np.empty(n_edges + 1),
        np.empty((n_quads, 8)),
        np.empty((n_quads, 4), dtype=np.int64),
        np.zeros(5, dtype=np.int64),
        np.empty((MOST_SPLITS, 4)),
    )


class Scratch(NamedTuple):
    """What one thread writes in; `events` is (diamond angle, x, y) of where the round is cut."""

    field: Field
    edges: Edges
    cells: Ints
    events: Floats
    what: Ints
    order: Ints
    sweep: Sweep


@compiled
def make_scratch(walls: Walls, prisms: Prisms, n_quads: int) -> Scratch:
    """Make scratch for a scene, with room for this many quads."""
    n = len(walls.ends) + len(prisms.ends)
    m = 2 * n + N_SIDES + 1
    edges = Edges(np.empty((n, 4)), np.empty((n + 1, 2)), np.empty(n + 1, dtype=np.int64))
    n_cells = max(len(walls.grid.boxes), len(prisms.grid.boxes))
    return Scratch(
        make_field(1),
        edges,
        np.empty(n_cells, dtype=np.int64),
        np.empty((m, 3)),
        np.empty(m, dtype=np.int64),
        np.empty(m, dtype=np.int64),
        make_sweep(n, n_quads),
    )


@inlined
def _cut_round(scratch: Scratch, n_edges: int) -> int:
    """List the directions at which an edge begins (what = e) or ends (what = -1 - e), sorted."""
    events, edges, n = scratch.events, scratch.edges, 0
    for e in range(n_edges):
        if not may_matter(edges, e, scratch.field):
            continue
        for side in range(2):
            x, y = edges.ends[e, 2 * side], edges.ends[e, 2 * side + 1]
            size = abs(x) + abs(y)
            events[n, 0], events[n, 1], events[n, 2] = diamond(x, y), x / size, y / size
            scratch.what[n] = e if side == 0 else -1 - e
            n += 1
    for k in range(N_SIDES + 1):
        events[n, 0] = k * (4.0 / N_SIDES)
        events[n, 1], events[n, 2] = _side(k)
        scratch.what[n] = NO_EDGE + k
        n += 1
    _sort_events(scratch, n)
    return n


@inlined
def _side(k: int) -> tuple[float, float]:
    """Return the direction of a corner of the range's polygon, on the square |x| + |y| = 1."""
    turn = k * (4.0 / N_SIDES)
    return abs(turn - 2.0) - 1.0, 1.0 - abs(turn - 1.0) if turn < 3.0 else turn - 4.0  # noqa: PLR2004


@inlined
def _turn_range(edges: Edges, place: int, k: int, range_m: float) -> None:
    """Let the last edge be side k of the range's polygon."""
    (x1, y1), (x2, y2) = _side(k), _side(k + 1)
    scale1, scale2 = range_m / np.hypot(x1, y1), range_m / np.hypot(x2, y2)
    x1, y1, x2, y2 = x1 * scale1, y1 * scale1, x2 * scale2, y2 * scale2
    cross = x1 * y2 - y1 * x2
    edges.line[place, 0], edges.line[place, 1] = (y2 - y1) / cross, (x1 - x2) / cross
    edges.depth[place] = OPAQUE


@inlined
def _sort_events(scratch: Scratch, n: int) -> None:
    """Fill `order` with the events by diamond angle: first by bucket, then by insertion."""
    events, order, starts = scratch.events, scratch.order, scratch.field.tail
    for k in range(N_BUCKETS):
        starts[k] = 0
    for i in range(n):
        starts[min(int(events[i, 0] * PER_UNIT), LAST_BUCKET)] += 1
    total = 0
    for k in range(N_BUCKETS):
        total += starts[k]
        starts[k] = total
    for i in range(n - 1, -1, -1):
        k = min(int(events[i, 0] * PER_UNIT), LAST_BUCKET)
        starts[k] -= 1
        order[starts[k]] = i
    for i in range(1, n):
        one, j = order[i], i
        while j > 0 and events[order[j - 1], 0] > events[one, 0]:
            order[j] = order[j - 1]
            j -= 1
        order[j] = one


@inlined
def _emit(sweep: Sweep, near: int, far: int, slab: tuple[float, float, float, float]) -> None:
    """
    Add what lies between two active edges, or from the eye (near = -1), in a slab.

    A quad that ended at this slab's first side between the same edges goes on instead.
    """
    x1, y1, x2, y2 = slab
    far_edge, near_edge = sweep.active[far], -1
    if far_edge == sweep.counts[2]:
        far_edge += sweep.counts[4]
    if far_edge == sweep.counts[2]:
        far_edge += sweep.counts[4]
    here, there = sweep.here[far], sweep.there[far]
    far1x, far1y, far2x, far2y = x1 / here, y1 / here, x2 / there, y2 / there
    near1x = near1y = near2x = near2y = 0.0
    if near >= 0:
        near_edge = sweep.active[near]
        here, there = sweep.here[near], sweep.there[near]
        near1x, near1y, near2x, near2y = x1 / here, y1 / here, x2 / there, y2 / there
    n, ray, quads, bounds = sweep.counts[1], sweep.counts[3], sweep.quads, sweep.bounds
    for q in range(min(n, len(quads)) - 1, max(0, n - LOOK_BACK) - 1, -1):
        if bounds[q, 3] == ray and bounds[q, 0] == near_edge and bounds[q, 1] == far_edge:
            quads[q, 4], quads[q, 5], quads[q, 6], quads[q, 7] = far2x, far2y, near2x, near2y
            bounds[q, 3] = ray + 1
            return
    if n < len(quads):
        quads[n, 0], quads[n, 1], quads[n, 2], quads[n, 3] = near1x, near1y, far1x, far1y
        quads[n, 4], quads[n, 5], quads[n, 6], quads[n, 7] = far2x, far2y, near2x, near2y
        bounds[n, 0], bounds[n, 1], bounds[n, 2], bounds[n, 3] = near_edge, far_edge, ray, ray + 1
    sweep.counts[1] = n + 1


@inlined
def _order(sweep: Sweep, edges: Edges, slab: tuple[float, float, float, float]) -> None:
    """Measure the active edges at both sides of a slab and sort them, nearest first."""
    x1, y1, x2, y2 = slab
    active, here, there = sweep.active, sweep.here, sweep.there
    for i in range(sweep.counts[0]):
        e = active[i]
        a, b = edges.line[e, 0], edges.line[e, 1]
        one, two = max(a * x1 + b * y1, FARTHEST), max(a * x2 + b * y2, FARTHEST)
        j = i
        while j > 0 and here[j - 1] + there[j - 1] < one + two:
            active[j], here[j], there[j] = active[j - 1], here[j - 1], there[j - 1]
            j -= 1
        active[j], here[j], there[j] = e, one, two


@inlined
def _crossing_of(sweep: Sweep, i: int, j: int) -> float:
    """Return where in the slab (0 to 1) two active edges cross; -1 where they do not."""
    before, after = sweep.here[i] - sweep.here[j], sweep.there[i] - sweep.there[j]
    if before == after:
        return -1.0
    at = before / (before - after)
    return at if TIE < at < 1.0 - TIE else -1.0


@inlined
def _first_crossing(sweep: Sweep, edges: Edges) -> float:
    """Return where in the slab (0 to 1) two edges cross that matter; -1 where none do."""
    here, there = sweep.here, sweep.there
    least1, least2 = 0, 0
    is_open = edges.depth[sweep.active[0]] < OPAQUE
    for i in range(1, sweep.counts[0]):
        at = -1.0
        if here[i] > here[least1] * (1.0 + TIE):
            at = _crossing_of(sweep, least1, i)
        elif there[i] > there[least2] * (1.0 + TIE):
            at = _crossing_of(sweep, least2, i)
        if at > 0.0:
            return at
        if is_open:
            least1 = i if here[i] < here[least1] else least1
            least2 = i if there[i] < there[least2] else least2
            is_open = edges.depth[sweep.active[i]] < OPAQUE
    return -1.0


@inlined
def _walk(sweep: Sweep, edges: Edges, slab: tuple[float, float, float, float], depth: int) -> None:
    """Add what is seen in a slab in which no edges cross."""
    near = -1
    for i in range(sweep.counts[0]):
        change = edges.depth[sweep.active[i]]
        if depth == 0 and change > 0:
            is_thin = near >= 0 and (
                sweep.here[near] <= sweep.here[i] * (1.0 + TIE)
                and sweep.there[near] <= sweep.there[i] * (1.0 + TIE)
            )
            if not is_thin:
                _emit(sweep, near, i, slab)
        depth += change
        if depth == 0:
            near = i
        if change == OPAQUE:
            break
    sweep.counts[3] += 1


@inlined
def _do_slab(
    sweep: Sweep, edges: Edges, slab: tuple[float, float, float, float], depth: int
) -> None:
    """Find what is seen in a slab, cutting it where edges cross."""
    slabs, n = sweep.slabs, 1
    slabs[0, 0], slabs[0, 1], slabs[0, 2], slabs[0, 3] = slab
    while n > 0:
        n -= 1
        x1, y1, x2, y2 = slabs[n, 0], slabs[n, 1], slabs[n, 2], slabs[n, 3]
        _order(sweep, edges, (x1, y1, x2, y2))
        at = -1.0
        if n + 2 < MOST_SPLITS:
            at = _first_crossing(sweep, edges)
        if at < 0.0:
            _walk(sweep, edges, (x1, y1, x2, y2), depth)
            continue
        x, y = x1 + at * (x2 - x1), y1 + at * (y2 - y1)
        slabs[n, 0], slabs[n, 1], slabs[n, 2], slabs[n, 3] = x, y, x2, y2
        slabs[n + 1, 0], slabs[n + 1, 1], slabs[n + 1, 2], slabs[n + 1, 3] = x1, y1, x, y
        n += 2


@inlined
def _start_or_end(sweep: Sweep, what: int) -> None:
    """Let an edge begin (what = e) or end (what = -1 - e)."""
    n, active = sweep.counts[0], sweep.active
    if what >= 0:
        active[n] = what
        sweep.counts[0] = n + 1
        return
    for i in range(n):
        if active[i] == -1 - what:
            for j in range(i, n - 1):
                active[j] = active[j + 1]
            sweep.counts[0] = n - 1
            return


@compiled
def find_visible(
    eye: Floats, view: tuple[float, float, int], walls: Walls, prisms: Prisms, scratch: Scratch
) -> Floats:
    """
    Find what an eye sees of a horizontal plane.

    Parameters
    ----------
    eye
        (x, y, height), shape (3,), in metres; outside every prism.
    view
        Height of the plane, range (both in metres), and over how many prisms that hide some of the
        plane the eye stands.
    walls, prisms
        What stands in between.
    scratch
        From `make_scratch`.

    Returns
    -------
    quads
        Corners (x, y) relative to the eye, shape (K, 4, 2), counterclockwise from the near corner
        at the right; without overlap. As many as there is room for: how many there are says
        `scratch.sweep.counts[1]`.
    """
    range_m = view[1]
    clear(scratch.field)
    n_edges = gather_edges(
        eye, (view[0], range_m), walls, prisms, (scratch.field, scratch.edges, scratch.cells)
    )
    n_events = _cut_round(scratch, n_edges)
    events, what, order, edges = scratch.events, scratch.what, scratch.order, scratch.edges
    sweep = scratch.sweep
    sweep.counts[0], sweep.counts[1], sweep.counts[2], sweep.counts[3] = 1, 0, n_edges, 0
    sweep.active[0] = n_edges
    for i in range(n_events):
        e = what[i]
        if e >= 0 and e < NO_EDGE and _goes_round(edges, e):
            _start_or_end(sweep, e)
    last = order[0]
    for i in range(n_events):
        event = order[i]
        if events[event, 0] - events[last, 0] > NARROWEST:
            slab = (events[last, 1], events[last, 2], events[event, 1], events[event, 2])
            _do_slab(sweep, edges, slab, view[2])
            last = event
        if what[event] < NO_EDGE:
            _start_or_end(sweep, what[event])
        else:
            sweep.counts[4] = what[event] - NO_EDGE
            sweep.counts[4] = what[event] - NO_EDGE
            _turn_range(edges, n_edges, what[event] - NO_EDGE, range_m)
    n = min(sweep.counts[1], len(sweep.quads))
    return sweep.quads[:n].copy().reshape((-1, 4, 2))


@inlined
def _goes_round(edges: Edges, e: int) -> bool:
    """Return whether an edge runs over the direction where the round begins."""
    start = diamond(edges.ends[e, 0], edges.ends[e, 1])
    return start > diamond(edges.ends[e, 2], edges.ends[e, 3])
