"""
Compiled local search for maximum coverage within a budget, with fixed costs per site.

Tabu search (Glover 1989) by adding and dropping: put in the column that adds most per euro, drop
those that are missed least until the budget holds, fill what is left; what moved may not move back
for a while. A column pays its own cost, and the cost of its site when it is the first there. After
a long stretch without improvement a random third is dropped.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

from parkwacht_coverage._compiled import compiled

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
STEP, SEED, N_BEST, BEST_STEP, PATIENCE, N_CHOSEN = range(6)
VALUE, SPENT, BUDGET, BEST_VALUE, TARGET = range(5)
SLACK = 1e-9


class State(NamedTuple):
    """
    Everything the search knows.

    `score` is the weight a column would add, or would lose when chosen; `site` numbers the sites
    from 0, `n_at_site` counts their chosen columns.
    """

    row_ptr: Ints
    row_columns: Ints
    column_ptr: Ints
    column_rows: Ints
    weight: Floats
    cost: Floats
    site: Ints
    site_cost: Floats
    n_at_site: Ints
    score: Floats
    n_covering: Ints
    sole: Longs
    free_at: Longs
    is_chosen: npt.NDArray[np.bool_]
    best: npt.NDArray[np.bool_]
    scalars: Longs
    sums: Floats


class Budget(NamedTuple):
    """What may be spent, what columns and sites cost, and which site each column belongs to."""

    budget: float
    cost: Floats
    site: npt.NDArray[np.integer]
    site_cost: Floats


def new_state(
    matrix: sparse.csr_array, weight: Floats, budget: Budget, chosen: npt.ArrayLike, seed: int
) -> State:
    """
    Begin from a choice within the budget.

    Parameters
    ----------
    matrix
        Rows of ones, shape (rows, columns).
    weight
        Per row, all >= 0.
    budget
        Costs >= 0 and the budget.
    chosen
        Columns to begin with.
    seed
        Of the random choices.
    """
    columns = sparse.csc_array(matrix)
    n_rows, n_columns = matrix.shape
    state = State(
        row_ptr=matrix.indptr.astype(np.int32),
        row_columns=matrix.indices.astype(np.int32),
        column_ptr=columns.indptr.astype(np.int32),
        column_rows=columns.indices.astype(np.int32),
        weight=weight.astype(np.float64),
        cost=budget.cost.astype(np.float64),
        site=budget.site.astype(np.int32),
        site_cost=budget.site_cost.astype(np.float64),
        n_at_site=np.zeros(len(budget.site_cost), dtype=np.int32),
        score=np.asarray(matrix.T @ weight, dtype=np.float64),
        n_covering=np.zeros(n_rows, dtype=np.int32),
        sole=np.zeros(n_rows, dtype=np.int64),
        free_at=np.zeros(n_columns, dtype=np.int64),
        is_chosen=np.zeros(n_columns, dtype=np.bool_),
        best=np.zeros(n_columns, dtype=np.bool_),
        scalars=np.array([0, seed * 2654435761 + 88172645463325252, 0, 0, 5000, 0]),
        sums=np.array([0.0, 0.0, budget.budget, -1.0, np.inf]),
    )
    for column in np.asarray(chosen, dtype=np.int64):
        put_in(state, int(column))
    return state


@compiled
def draw(scalars: Longs, below: int) -> int:
    """Draw a number from 0 to below - 1 (xorshift64*, Vigna 2016)."""
    x = np.uint64(scalars[SEED])
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    scalars[SEED] = np.int64(x)
    mixed = (x * np.uint64(2685821657736338717)) >> np.uint64(33)
    return int(mixed % np.uint64(below))


@compiled
def put_in(state: State, column: int) -> None:
    """Choose a column."""
    score, weight = state.score, state.weight
    loss = 0.0
    for at in range(state.column_ptr[column], state.column_ptr[column + 1]):
        row = state.column_rows[at]
        if state.n_covering[row] == 0:
            loss += weight[row]
            for other_at in range(state.row_ptr[row], state.row_ptr[row + 1]):
                score[state.row_columns[other_at]] -= weight[row]
        elif state.n_covering[row] == 1:
            score[state.sole[row]] -= weight[row]
        state.n_covering[row] += 1
        state.sole[row] += column
    score[column] = loss
    state.is_chosen[column] = True
    site = state.site[column]
    if state.n_at_site[site] == 0:
        state.sums[SPENT] += state.site_cost[site]
    state.n_at_site[site] += 1
    state.sums[SPENT] += state.cost[column]
    state.sums[VALUE] += loss
    state.scalars[N_CHOSEN] += 1


@compiled
def take_out(state: State, column: int) -> None:
    """Drop a column."""
    score, weight = state.score, state.weight
    gain = 0.0
    for at in range(state.column_ptr[column], state.column_ptr[column + 1]):
        row = state.column_rows[at]
        state.n_covering[row] -= 1
        state.sole[row] -= column
        if state.n_covering[row] == 0:
            gain += weight[row]
            for other_at in range(state.row_ptr[row], state.row_ptr[row + 1]):
                score[state.row_columns[other_at]] += weight[row]
        elif state.n_covering[row] == 1:
            score[state.sole[row]] += weight[row]
    score[column] = gain
    state.is_chosen[column] = False
    site = state.site[column]
    state.n_at_site[site] -= 1
    if state.n_at_site[site] == 0:
        state.sums[SPENT] -= state.site_cost[site]
    state.sums[SPENT] -= state.cost[column]
    state.sums[VALUE] -= gain
    state.scalars[N_CHOSEN] -= 1


@compiled
def best_outside(state: State, room: float, step: int) -> int:
    """Return the column outside that adds most per cost among those that cost at most `room`."""
    score, cost, site, free_at = state.score, state.cost, state.site, state.free_at
    n_at_site, site_cost, is_chosen = state.n_at_site, state.site_cost, state.is_chosen
    best, best_ratio, n_equal = -1, 0.0, 0
    for column in range(len(score)):
        if is_chosen[column] or free_at[column] > step or score[column] <= SLACK:
            continue
        price = cost[column]
        if n_at_site[site[column]] == 0:
            price += site_cost[site[column]]
        if price > room + SLACK:
            continue
        ratio = score[column] / max(price, SLACK)
        if ratio > best_ratio:
            best, best_ratio, n_equal = column, ratio, 1
        elif ratio == best_ratio:
            n_equal += 1
            if draw(state.scalars, n_equal) == 0:
                best = column
    return best


@compiled
def least_missed(state: State, step: int) -> int:
    """Return the chosen column that is missed least per cost freed, among those free to move."""
    score, cost, site, free_at = state.score, state.cost, state.site, state.free_at
    n_at_site, site_cost, is_chosen = state.n_at_site, state.site_cost, state.is_chosen
    best, best_ratio, n_equal = -1, np.inf, 0
    for column in range(len(score)):
        if not is_chosen[column] or free_at[column] > step:
            continue
        freed = cost[column]
        if n_at_site[site[column]] == 1:
            freed += site_cost[site[column]]
        ratio = score[column] / max(freed, SLACK)
        if ratio < best_ratio:
            best, best_ratio, n_equal = column, ratio, 1
        elif ratio == best_ratio:
            n_equal += 1
            if draw(state.scalars, n_equal) == 0:
                best = column
    return best


@compiled
def _drop(state: State, step: int) -> bool:
    """Drop the least missed column; return whether there was one."""
    column = least_missed(state, step)
    if column < 0:
        # everything chosen is barred: let go of the bars
        column = least_missed(state, 2**62)
    if column < 0:
        return False
    take_out(state, column)
    n_chosen = state.scalars[N_CHOSEN]
    state.free_at[column] = step + 2 + draw(state.scalars, 5 + n_chosen // 2)
    return True


@compiled
def _add(state: State, room: float, step: int) -> bool:
    """Put in the best column within `room`; return whether there was one."""
    column = best_outside(state, room, step)
    if column < 0:
        return False
    put_in(state, column)
    n_chosen = state.scalars[N_CHOSEN]
    state.free_at[column] = step + 1 + draw(state.scalars, 2 + n_chosen // 3)
    return True


@compiled
def _fill(state: State, step: int) -> None:
    """Put in columns as long as the budget has room for one that adds anything."""
    sums = state.sums
    while _add(state, sums[BUDGET] - sums[SPENT], step):
        pass


@compiled
def _shake(state: State) -> None:
    """Drop a random third of the chosen columns."""
    for column in range(len(state.score)):
        if state.is_chosen[column] and draw(state.scalars, 3) == 0:
            take_out(state, column)


@compiled
def _record(state: State) -> None:
    state.best[:] = state.is_chosen
    state.sums[BEST_VALUE] = state.sums[VALUE]
    state.scalars[N_BEST] = state.scalars[N_CHOSEN]
    state.scalars[BEST_STEP] = state.scalars[STEP]


@compiled
def search(state: State, n_steps: int) -> bool:
    """
    Go on for a number of steps; ends early when the target is reached.

    Returns whether the best became better. The best is in `state.best`.
    """
    scalars, sums = state.scalars, state.sums
    has_improved = False
    shaken_at = scalars[BEST_STEP]
    for _ in range(n_steps):
        scalars[STEP] += 1
        step = scalars[STEP]
        if draw(scalars, 2) == 0:
            _add(state, sums[BUDGET], step)
        elif scalars[N_CHOSEN] > 0:
            _drop(state, step)
        while sums[SPENT] > sums[BUDGET] + SLACK:
            if not _drop(state, step):
                break
        _fill(state, step)
        if sums[VALUE] > sums[BEST_VALUE] + SLACK:
            _record(state)
            has_improved = True
            if sums[BEST_VALUE] >= sums[TARGET] - SLACK:
                return has_improved
        last = max(shaken_at, scalars[BEST_STEP])
        if step - last > scalars[PATIENCE]:
            _shake(state)
            shaken_at = step
    return has_improved
