"""
The compiled sweep behind `Scene.visibility_polygon`: what of a horizontal plane an eye sees.

Along one direction a prism hides the plane from t0 e to t1 x for every stretch (e, x) of the ray
inside its footprint, t0 and t1 being how much farther than the prism the plane is met by the lines
that graze its base and its top (`hidden_scales`). So walls that face the eye, scaled by t0, open a
shadow and walls that face away, scaled by t1, close it; of a prism higher than the eye nothing
closes. The sweep cuts the round into slabs at the ends of these edges and, where edges cross, at
the crossing; in a slab they have a fixed order, and what lies in no shadow is seen.

Directions and closenesses are those of `_field`: closeness is linear along the chord of a slab, so
that orders and crossings need no more than straight lines.
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
    N_BUCKETS,
    PER_UNIT,
    SMALLEST_M,
    Field,
    buckets_between,
    clear,
    close_buckets,
    diamond,
    is_hidden_box,
    make_field,
)
from parkwacht_coverage._grid import cells_around
from parkwacht_coverage._sight import Prisms, Walls

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

N_BASE = 16  # directions at which the round is always cut
WIDEST_CHORD = 4.0 / 128  # of the diamond's round, where the range is what ends the view
NARROWEST = 1e-9  # slabs narrower than this (0.1 micrometre at 100 m) go with the next
OPAQUE = 1_000
MOST_SPLITS = 64  # slabs waiting at once
ON_WALL_M = 1e-6  # an eye this near to a wall of its own building is taken to be in front of it
NO_EDGE = 1 << 62  # of an event that only cuts the round
TIE = 1e-12  # of a closeness or of a slab: what differs less is the same
FARTHEST = 1e-12  # closeness that is taken for parallel
LOOK_BACK = 6  # quads that may go on


class Edges(NamedTuple):
    """
    Edges of shadows, counterclockwise around the eye.

    `ends` is (x1, y1, x2, y2) relative to the eye and `line` (a, b) with closeness a x + b y in
    the direction (x, y); `depth` is +1 where a shadow opens, -1 where it closes, `OPAQUE` where it
    opens for good.
    """

    ends: Floats
    line: Floats
    depth: Ints


class Sweep(NamedTuple):
    """
    The edges that the sweep is in, nearest first, and the quads found.

    `active` holds edges, `here` and `there` their closeness at the two sides of the slab; `quads`
    has shape (K, 8): the corners near and far at the first side, far and near at the last;
    `bounds` the two edges and the two rays (sides of slabs) of each, shape (K, 4); `counts` is
    (active, quads, name of the range as an edge, slabs done), `slabs` the (x1, y1, x2, y2) of
    slabs still to be done.
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
        np.zeros(4, dtype=np.int64),
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
    m = 2 * n + N_BASE + 1
    edges = Edges(np.empty((n, 4)), np.empty((n, 2)), np.empty(n, dtype=np.int64))
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
    edges: Edges, n: int, field: Field, wall: tuple[float, float, float, float], t: tuple[float, float]
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
def _gather(
    eye: Floats, view: tuple[float, float], walls: Walls, prisms: Prisms, scratch: Scratch
) -> int:
    """Collect the edges of all shadows within range; return their number."""
    n = 0
    field, edges = scratch.field, scratch.edges
    plane_m, range_m = view
    for c in range(cells_around(walls.grid, eye[0], eye[1], range_m, scratch.cells)):
        cell = scratch.cells[c]
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
    for c in range(cells_around(prisms.grid, eye[0], eye[1], range_m, scratch.cells)):
        cell = scratch.cells[c]
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
def _matters(edges: Edges, e: int, field: Field) -> bool:
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


@inlined
def _cut_round(scratch: Scratch, n_edges: int) -> int:
    """List the directions at which an edge begins (what = e) or ends (what = -1 - e), sorted."""
    events, edges, n = scratch.events, scratch.edges, 0
    for e in range(n_edges):
        if not _matters(edges, e, scratch.field):
            continue
        for side in range(2):
            x, y = edges.ends[e, 2 * side], edges.ends[e, 2 * side + 1]
            size = abs(x) + abs(y)
            events[n, 0], events[n, 1], events[n, 2] = diamond(x, y), x / size, y / size
            scratch.what[n] = e if side == 0 else -1 - e
            n += 1
    for k in range(N_BASE + 1):
        turn = k * (4.0 / N_BASE)
        events[n, 0] = turn
        events[n, 1] = abs(turn - 2.0) - 1.0
        events[n, 2] = 1.0 - abs(turn - 1.0) if turn < 3.0 else turn - 4.0  # noqa: PLR2004
        scratch.what[n] = NO_EDGE
        n += 1
    _sort_events(scratch, n)
    return n


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
    here, there = sweep.here[far], sweep.there[far]
    far1x, far1y, far2x, far2y = x1 / here, y1 / here, x2 / there, y2 / there
    near1x = near1y = near2x = near2y = 0.0
    if near >= 0:
        near_edge = sweep.active[near]
        here, there = sweep.here[near], sweep.there[near]
        near1x, near1y, near2x, near2y = x1 / here, y1 / here, x2 / there, y2 / there
    n, ray, quads, bounds = sweep.counts[1], sweep.counts[3], sweep.quads, sweep.bounds
    for q in range(min(n, len(quads)) - 1, max(0, n - LOOK_BACK) - 1, -1):
        is_next = bounds[q, 3] == ray and far_edge != sweep.counts[2]
        if is_next and bounds[q, 0] == near_edge and bounds[q, 1] == far_edge:
            quads[q, 4], quads[q, 5], quads[q, 6], quads[q, 7] = far2x, far2y, near2x, near2y
            bounds[q, 3] = ray + 1
            return
    if n < len(quads):
        quads[n, 0], quads[n, 1], quads[n, 2], quads[n, 3] = near1x, near1y, far1x, far1y
        quads[n, 4], quads[n, 5], quads[n, 6], quads[n, 7] = far2x, far2y, near2x, near2y
        bounds[n, 0], bounds[n, 1], bounds[n, 2], bounds[n, 3] = near_edge, far_edge, ray, ray + 1
    sweep.counts[1] = n + 1


@inlined
def _order(
    sweep: Sweep, edges: Edges, slab: tuple[float, float, float, float], range_m: float
) -> None:
    """Measure the active edges at both sides of a slab and sort them, nearest first."""
    x1, y1, x2, y2 = slab
    active, here, there = sweep.active, sweep.here, sweep.there
    for i in range(sweep.counts[0]):
        e = active[i]
        if e == sweep.counts[2]:
            one = np.sqrt(x1 * x1 + y1 * y1) / range_m
            two = np.sqrt(x2 * x2 + y2 * y2) / range_m
        else:
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
    is_open = sweep.active[0] != sweep.counts[2] and edges.depth[sweep.active[0]] < OPAQUE
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
            is_open = sweep.active[i] != sweep.counts[2] and edges.depth[sweep.active[i]] < OPAQUE
    return -1.0


@inlined
def _ends_at_range(sweep: Sweep, edges: Edges, depth: int) -> bool:
    """Return whether something is seen up to the range in a slab."""
    for i in range(sweep.counts[0]):
        e = sweep.active[i]
        if e == sweep.counts[2]:
            return depth == 0
        if edges.depth[e] == OPAQUE:
            return False
        depth += edges.depth[e]
    return False


@inlined
def _walk(sweep: Sweep, edges: Edges, slab: tuple[float, float, float, float], depth: int) -> None:
    """Add what is seen in a slab in which no edges cross."""
    near = -1
    for i in range(sweep.counts[0]):
        e = sweep.active[i]
        change = OPAQUE if e == sweep.counts[2] else edges.depth[e]
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
    sweep: Sweep, edges: Edges, slab: tuple[float, float, float, float], range_m: float, depth: int
) -> None:
    """Find what is seen in a slab, cutting it where edges cross or the range bends."""
    slabs, n = sweep.slabs, 1
    slabs[0, 0], slabs[0, 1], slabs[0, 2], slabs[0, 3] = slab
    while n > 0:
        n -= 1
        x1, y1, x2, y2 = slabs[n, 0], slabs[n, 1], slabs[n, 2], slabs[n, 3]
        _order(sweep, edges, (x1, y1, x2, y2), range_m)
        at = -1.0
        if n + 2 < MOST_SPLITS:
            at = _first_crossing(sweep, edges)
        if at < 0.0 and abs(x2 - x1) > WIDEST_CHORD and _ends_at_range(sweep, edges, depth):
            at = 0.5
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
        at the right; without overlap. The range's circle is cut to chords of at most 1/128 of the
        round. As many as there is room for: `scratch.sweep.counts[1]` says how many there are.
    """
    range_m = view[1]
    clear(scratch.field)
    n_edges = _gather(eye, (view[0], range_m), walls, prisms, scratch)
    n_events = _cut_round(scratch, n_edges)
    events, what, order, edges = scratch.events, scratch.what, scratch.order, scratch.edges
    sweep = scratch.sweep
    sweep.counts[0], sweep.counts[1], sweep.counts[2], sweep.counts[3] = 1, 0, n_edges, 0
    sweep.active[0] = n_edges
    for i in range(n_events):
        e = what[i]
        if e >= 0 and e != NO_EDGE and _goes_round(edges, e):
            _start_or_end(sweep, e)
    last = order[0]
    for i in range(n_events):
        event = order[i]
        if events[event, 0] - events[last, 0] > NARROWEST:
            slab = (events[last, 1], events[last, 2], events[event, 1], events[event, 2])
            _do_slab(sweep, edges, slab, range_m, view[2])
            last = event
        if what[event] != NO_EDGE:
            _start_or_end(sweep, what[event])
    n = min(sweep.counts[1], len(sweep.quads))
    return sweep.quads[:n].copy().reshape((-1, 4, 2))


@inlined
def _goes_round(edges: Edges, e: int) -> bool:
    """Return whether an edge runs over the direction where the round begins."""
    start = diamond(edges.ends[e, 0], edges.ends[e, 1])
    return start > diamond(edges.ends[e, 2], edges.ends[e, 3])
