"""
The running account of a choice: what it sees, costs and lacks, kept up to date view by view.

Compiled loops over plain arrays. Adding or taking out a view touches only the items it sees and the
views that see those, so that a search can try thousands of changes a second.
"""

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from parkwacht_coverage._compiled import inlined

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

EPS = 1e-9
FREE_EUR = 1.0  # what a view without further cost is divided by
# Not plain 1 and -1: numba compiles anew for every such literal that a call passes.
ADD, DROP = np.int64(1), np.int64(-1)
NOISE = 0.3  # how far the rate of a view is turned down at random while repairing


class Data(NamedTuple):
    """
    What does not change: views and items both ways, prices, cells of ceilings, limits, the wish.

    `worth` is weight / need of each item; `factor`, `enough` and `tiny` are per goal; `limits` are
    euro and number of cameras, infinite where there is none.
    """

    indptr: Ints
    indices: Ints
    item_indptr: Ints
    item_views: Ints
    weight: Floats
    worth: Floats
    need: Ints
    goal_of: Ints
    site_of: Ints
    view_eur: Floats
    counted: Floats
    site_eur: Floats
    leaf_edge: Ints
    edge_eur: Floats
    edge_parent: Ints
    cell_indptr: Ints
    cell_indices: Ints
    cell_weight: Floats
    ceiling_of: Ints
    ceiling: Floats
    factor: Floats
    enough: Floats
    tiny: Floats
    limits: Floats


class State(NamedTuple):
    """
    The account of one choice.

    `seen_by` is how many chosen views see each item, `gains` what each view would still add to each
    goal, `values` what is reached of each goal, `totals` euro and cameras; the rest counts views on
    sites, sites on edges, views on cells, and what is used of each ceiling.
    """

    seen_by: Ints
    gains: Floats
    values: Floats
    is_chosen: Bools
    on_site: Ints
    on_edge: Ints
    opening: Floats
    on_cell: Ints
    used: Floats
    totals: Floats


def empty_state(data: Data) -> State:
    """Return the account of nothing chosen."""
    n_views, n_goals = len(data.view_eur), len(data.factor)
    state = State(
        seen_by=np.zeros(len(data.weight), dtype=np.int64),
        gains=np.zeros((n_views, n_goals)),
        values=np.zeros(n_goals),
        is_chosen=np.zeros(n_views, dtype=np.bool_),
        on_site=np.zeros(len(data.site_eur), dtype=np.int64),
        on_edge=np.zeros(len(data.edge_eur), dtype=np.int64),
        opening=np.zeros(len(data.site_eur)),
        on_cell=np.zeros(len(data.cell_weight), dtype=np.int64),
        used=np.zeros(len(data.ceiling)),
        totals=np.zeros(2),
    )
    _set_gains(data, state)
    _set_opening(data, state)
    return state


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _set_gains(data: Data, state: State) -> None:
    """Compute afresh what each view would add; running sums drift."""
    for view in range(len(data.view_eur)):
        for goal in range(len(data.factor)):
            state.gains[view, goal] = 0.0
        for at in range(data.indptr[view], data.indptr[view + 1]):
            item = data.indices[at]
            if state.seen_by[item] < data.need[item]:
                state.gains[view, data.goal_of[item]] += data.worth[item]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _set_opening(data: Data, state: State) -> None:
    """Compute what opening each site would cost now."""
    way = np.zeros(len(data.edge_eur))
    for edge in range(len(data.edge_eur)):
        if state.on_edge[edge] == 0:
            parent = data.edge_parent[edge]
            way[edge] = data.edge_eur[edge] + (way[parent] if parent >= 0 else 0.0)
    for site in range(len(data.site_eur)):
        state.opening[site] = 0.0
        if state.on_site[site] == 0:
            leaf = data.leaf_edge[site]
            state.opening[site] = data.site_eur[site] + (way[leaf] if leaf >= 0 else 0.0)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _change_site(data: Data, state: State, site: int, step: int | np.int64) -> None:
    """Open (1) or close (-1) a site with its trench."""
    state.totals[0] += step * data.site_eur[site]
    edge = data.leaf_edge[site]
    while edge >= 0:
        before = state.on_edge[edge]
        state.on_edge[edge] += step
        if before == 0 or state.on_edge[edge] == 0:
            state.totals[0] += step * data.edge_eur[edge]
        edge = data.edge_parent[edge]
    _set_opening(data, state)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def change(data: Data, state: State, view: int | np.int64, step: int | np.int64) -> None:
    """Choose a view (1) or take it out (-1)."""
    state.is_chosen[view] = step > 0
    state.totals[0] += step * data.view_eur[view]
    state.totals[1] += step * data.counted[view]
    site = data.site_of[view]
    state.on_site[site] += step
    if (step > 0 and state.on_site[site] == 1) or state.on_site[site] == 0:
        _change_site(data, state, site, step)
    for at in range(data.indptr[view], data.indptr[view + 1]):
        item = data.indices[at]
        was_met = state.seen_by[item] >= data.need[item]
        state.seen_by[item] += step
        is_met = state.seen_by[item] >= data.need[item]
        if was_met != is_met:
            goal = data.goal_of[item]
            state.values[goal] += step * data.weight[item]
            for other in range(data.item_indptr[item], data.item_indptr[item + 1]):
                state.gains[data.item_views[other], goal] -= step * data.worth[item]
    for at in range(data.cell_indptr[view], data.cell_indptr[view + 1]):
        cell = data.cell_indices[at]
        before = state.on_cell[cell]
        state.on_cell[cell] += step
        if before == 0 or state.on_cell[cell] == 0:
            state.used[data.ceiling_of[cell]] += step * data.cell_weight[cell]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def worth_of(data: Data, state: State) -> float:
    """Return what the choice is worth by the wish."""
    total = 0.0
    for goal in range(len(data.factor)):
        total += data.factor[goal] * min(state.values[goal], data.enough[goal])
    return total


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _has_room(data: Data, state: State, view: int) -> bool:
    """Return whether a view keeps all ceilings."""
    added = np.zeros(len(data.ceiling))
    for at in range(data.cell_indptr[view], data.cell_indptr[view + 1]):
        cell = data.cell_indices[at]
        if state.on_cell[cell] == 0:
            added[data.ceiling_of[cell]] += data.cell_weight[cell]
    for one in range(len(added)):
        slack = EPS * max(1.0, data.ceiling[one])
        if added[one] > 0 and state.used[one] + added[one] > data.ceiling[one] + slack:
            return False
    return True


@inlined
def _rate(data: Data, state: State, view: int, room: Floats) -> float:
    """Return the gain per euro of a view, 0 where the limits bar it."""
    extra = data.view_eur[view] + state.opening[data.site_of[view]]
    slack = EPS * max(1.0, state.totals[0])
    if state.totals[0] + extra > data.limits[0] + slack:
        return 0.0
    if state.totals[1] + data.counted[view] > data.limits[1]:
        return 0.0
    gain = 0.0
    for goal in range(len(data.factor)):
        if state.gains[view, goal] > data.tiny[goal]:
            gain += data.factor[goal] * min(state.gains[view, goal], room[goal])
    rate: float = gain / max(extra, FREE_EUR)
    return rate


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def fill(data: Data, state: State, barred: Bools, noise: Floats) -> Ints:
    """
    Add views greedily while there is anything to gain; return them in that order.

    `barred` views are not taken and grow by those without room; `noise` multiplies the rates.
    """
    added = np.zeros(len(barred), dtype=np.int64)
    n = 0
    room = np.zeros(len(data.factor))
    while True:
        for goal in range(len(room)):
            room[goal] = max(0.0, data.enough[goal] - state.values[goal])
        best, best_rate = -1, 0.0
        for view in range(len(barred)):
            if barred[view] or state.is_chosen[view]:
                continue
            rate = noise[view] * _rate(data, state, view, room)
            if rate > best_rate:
                if _has_room(data, state, view):
                    best, best_rate = view, rate
                else:
                    barred[view] = True  # what is used only grows here
        if best < 0:
            return added[:n]
        change(data, state, np.int64(best), ADD)
        added[n] = best
        n += 1


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _saving(data: Data, state: State, view: int) -> float:
    """Return what taking a view out saves, its site and trench where it is the last."""
    saving = float(data.view_eur[view])
    site = data.site_of[view]
    if state.on_site[site] == 1:
        saving += data.site_eur[site]
        edge = data.leaf_edge[site]
        while edge >= 0 and state.on_edge[edge] == 1:
            saving += data.edge_eur[edge]
            edge = data.edge_parent[edge]
    return saving


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def prune(data: Data, state: State, floor: Floats) -> None:
    """Take out what no goal needs to stay at its value, or at its floor, the dearest first."""
    n_goals = len(data.factor)
    wanted = np.zeros(n_goals)
    for goal in range(n_goals):
        slack = EPS * max(1.0, state.values[goal])
        wanted[goal] = min(state.values[goal], floor[goal]) - slack
    lost = np.zeros(n_goals)
    while True:
        best, best_saving = -1, -1.0
        for view in range(len(state.is_chosen)):
            if not state.is_chosen[view]:
                continue
            lost[:] = 0.0
            for at in range(data.indptr[view], data.indptr[view + 1]):
                item = data.indices[at]
                if state.seen_by[item] == data.need[item]:
                    lost[data.goal_of[item]] += data.weight[item]
            is_needed = False
            for goal in range(n_goals):
                is_needed = is_needed or state.values[goal] - lost[goal] < wanted[goal]
            saving = 0.0 if is_needed else _saving(data, state, view)
            if not is_needed and saving >= best_saving:
                best, best_saving = view, saving
        if best < 0:
            return
        change(data, state, np.int64(best), DROP)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _destroy(data: Data, state: State, barred: Bools) -> None:
    """Take out a few views or sites; half of the time they are barred from coming back."""
    chosen = np.flatnonzero(state.is_chosen)
    if not len(chosen):
        return
    is_barring = np.random.random() < 0.5  # noqa: NPY002, PLR2004 (numba has no Generator here)
    by_site = np.random.random() < 0.5  # noqa: NPY002, PLR2004
    for _ in range(np.random.randint(1, 4)):  # noqa: NPY002
        pick = chosen[np.random.randint(0, len(chosen))]  # noqa: NPY002
        for view in chosen:
            is_hit = data.site_of[view] == data.site_of[pick] if by_site else view == pick
            if is_hit and state.is_chosen[view]:
                change(data, state, view, DROP)
                barred[view] = barred[view] or is_barring


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _set_choice(data: Data, state: State, chosen: Bools) -> None:
    """Make a choice what it was."""
    for view in range(len(chosen)):
        if state.is_chosen[view] and not chosen[view]:
            change(data, state, view, DROP)
    for view in range(len(chosen)):
        if chosen[view] and not state.is_chosen[view]:
            change(data, state, view, ADD)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def improve(data: Data, state: State, floor: Floats, rounds: int, seed: int, slack: float) -> None:
    """
    Destroy and repair, and end with the best found.

    A change is kept where it is worth at least the best so far less `slack` of it (and, at full
    worth, costs at most that share more); record-to-record travel (Dueck 1993).
    """
    np.random.seed(seed)  # noqa: NPY002 (numba has no Generator here)
    n_views = len(data.view_eur)
    best, best_worth, best_eur = state.is_chosen.copy(), worth_of(data, state), state.totals[0]
    here = best.copy()
    last = len(data.factor) - 1
    margin = slack * data.factor[last] * min(state.values[last], data.enough[last])
    for _ in range(rounds):
        barred = np.zeros(n_views, dtype=np.bool_)
        _destroy(data, state, barred)
        noise = np.ones(n_views)
        if np.random.random() < 0.5:  # noqa: NPY002, PLR2004
            noise = 1.0 - NOISE * np.random.random(n_views)  # noqa: NPY002
        fill(data, state, barred, noise)
        barred[:] = False
        fill(data, state, barred, np.ones(n_views))
        prune(data, state, floor)
        worth, eur = worth_of(data, state), state.totals[0]
        level = EPS * max(1.0, abs(best_worth))
        if worth > best_worth + level or (worth >= best_worth - level and eur < best_eur - EPS):
            best[:] = state.is_chosen
            best_worth, best_eur = worth, eur
        # Where the wish can be had in full, money decides; else its last goal does.
        is_full = np.isfinite(data.enough[last])
        near = worth >= best_worth - level if is_full else worth >= best_worth - margin
        if near and (not is_full or eur <= best_eur * (1.0 + slack)):
            here[:] = state.is_chosen
        else:
            _set_choice(data, state, here)
    _set_choice(data, state, best)
    _set_gains(data, state)
