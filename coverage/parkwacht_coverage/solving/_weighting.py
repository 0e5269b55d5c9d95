"""
Compiled local search for set covering: swaps steered by weights of the rows that stay uncovered.

After Gao, Weise and Li 2015 ("An efficient local search heuristic with row weighting for the
unicost set covering problem", EJOR 246:750): take out the column that is missed least, put in the
best column of a random uncovered row, and make what stays uncovered weigh more; a column that was
taken out returns only after something changed in its rows. Costs enter as gain or loss per cost,
and a column enters only while the whole stays cheaper than the best known cover.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

from parkwacht_coverage._compiled import compiled

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
BLOCK = 32
# where single numbers stand in `State.scalars` and `State.costs`
N_CHOSEN, N_OPEN, STEP, SEED, N_BEST, BEST_STEP, TABU = range(7)
COST, BEST_COST, TARGET = range(3)


class State(NamedTuple):
    """
    Everything the search knows; arrays only, so that the compiled loops may change them.

    `score` is the gain of a column outside, the loss of a column inside; `sole` sums the chosen
    columns of a row, so that it names the column of a row covered once. `chosen` is cut into blocks
    of BLOCK, each with its least missed column.
    """

    row_ptr: Ints
    row_columns: Ints
    column_ptr: Ints
    column_rows: Ints
    inverse_cost: Floats
    cost: Floats
    weight: Longs
    score: Longs
    changed_at: Longs
    n_covering: Ints
    sole: Longs
    row_changed_at: Longs
    chosen: Ints
    position: Ints
    open_rows: Ints
    open_position: Ints
    block_best: Ints
    best: Ints
    scalars: Longs
    costs: Floats


def new_state(matrix: sparse.csr_array, cost: Floats, chosen: npt.ArrayLike, seed: int) -> State:
    """
    Begin from a cover.

    Parameters
    ----------
    matrix
        Rows of ones, shape (rows, columns).
    cost
        Per column, all > 0.
    chosen
        Columns that cover every row.
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
        inverse_cost=1.0 / cost,
        cost=cost.astype(np.float64),
        weight=np.ones(n_rows, dtype=np.int64),
        score=np.diff(columns.indptr).astype(np.int64),
        changed_at=np.zeros(n_columns, dtype=np.int64),
        n_covering=np.zeros(n_rows, dtype=np.int32),
        sole=np.zeros(n_rows, dtype=np.int64),
        row_changed_at=np.ones(n_rows, dtype=np.int64),
        chosen=np.zeros(n_columns, dtype=np.int32),
        position=np.full(n_columns, -1, dtype=np.int32),
        open_rows=np.arange(n_rows, dtype=np.int32),
        open_position=np.arange(n_rows, dtype=np.int32),
        block_best=np.full(n_columns // BLOCK + 1, -1, dtype=np.int32),
        best=np.zeros(n_columns, dtype=np.int32),
        scalars=np.zeros(7, dtype=np.int64),
        costs=np.array([0.0, np.inf, -np.inf]),
    )
    state.scalars[N_OPEN] = n_rows
    state.scalars[SEED] = seed * 2654435761 + 88172645463325252
    state.scalars[TABU] = -1
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
    score, weight, sole = state.score, state.weight, state.sole
    loss = np.int64(0)
    step = state.scalars[STEP]
    for at in range(state.column_ptr[column], state.column_ptr[column + 1]):
        row = state.column_rows[at]
        if state.n_covering[row] == 0:
            loss += weight[row]
            for other_at in range(state.row_ptr[row], state.row_ptr[row + 1]):
                score[state.row_columns[other_at]] -= weight[row]
            _close_row(state, row)
        elif state.n_covering[row] == 1:
            other = sole[row]
            score[other] -= weight[row]
            state.block_best[state.position[other] // BLOCK] = -1
        state.n_covering[row] += 1
        sole[row] += column
        state.row_changed_at[row] = step
    score[column] = loss
    end = state.scalars[N_CHOSEN]
    state.chosen[end] = column
    state.position[column] = end
    state.block_best[end // BLOCK] = -1
    state.scalars[N_CHOSEN] = end + 1
    state.costs[COST] += state.cost[column]
    state.changed_at[column] = step


@compiled
def take_out(state: State, column: int) -> None:
    """Drop a column."""
    score, weight, sole = state.score, state.weight, state.sole
    gain = np.int64(0)
    step = state.scalars[STEP]
    for at in range(state.column_ptr[column], state.column_ptr[column + 1]):
        row = state.column_rows[at]
        state.n_covering[row] -= 1
        sole[row] -= column
        state.row_changed_at[row] = step
        if state.n_covering[row] == 0:
            gain += weight[row]
            for other_at in range(state.row_ptr[row], state.row_ptr[row + 1]):
                score[state.row_columns[other_at]] += weight[row]
            _open_row(state, row)
        elif state.n_covering[row] == 1:
            other = sole[row]
            score[other] += weight[row]
            state.block_best[state.position[other] // BLOCK] = -1
    score[column] = gain
    _leave(state, column)
    state.costs[COST] -= state.cost[column]
    state.changed_at[column] = step


@compiled
def _leave(state: State, column: int) -> None:
    """Take a column from the list of chosen ones; the last takes its place."""
    end = state.scalars[N_CHOSEN] - 1
    place = state.position[column]
    last = state.chosen[end]
    state.chosen[place] = last
    state.position[last] = place
    state.position[column] = -1
    state.block_best[place // BLOCK] = -1
    state.block_best[end // BLOCK] = -1
    state.scalars[N_CHOSEN] = end


@compiled
def _close_row(state: State, row: int) -> None:
    end = state.scalars[N_OPEN] - 1
    place, last = state.open_position[row], state.open_rows[end]
    state.open_rows[place] = last
    state.open_position[last] = place
    state.open_position[row] = -1
    state.scalars[N_OPEN] = end


@compiled
def _open_row(state: State, row: int) -> None:
    end = state.scalars[N_OPEN]
    state.open_rows[end] = row
    state.open_position[row] = end
    state.scalars[N_OPEN] = end + 1


@compiled
def _is_missed_less(
    score: Longs, inverse_cost: Floats, changed_at: Longs, one: int, other: int
) -> bool:
    """Return whether `one` scores less per cost; of equals the one unchanged longer."""
    a, b = score[one] * inverse_cost[one], score[other] * inverse_cost[other]
    return bool(a < b or (a == b and changed_at[one] < changed_at[other]))


@compiled
def least_missed(state: State, barred: int) -> int:
    """Return the chosen column with the least loss per cost, save the barred one; -1 if none."""
    # single arrays, not the state: handing over the state costs more than a comparison
    score, inverse, changed, chosen = (
        state.score, state.inverse_cost, state.changed_at, state.chosen,
    )  # fmt: skip
    block_best, n_chosen = state.block_best, state.scalars[N_CHOSEN]
    barred_block = state.position[barred] // BLOCK if barred >= 0 else -1
    best = -1
    for block in range((n_chosen + BLOCK - 1) // BLOCK):
        column = block_best[block]
        if column < 0 or block == barred_block:
            column = -1
            for place in range(block * BLOCK, min(n_chosen, (block + 1) * BLOCK)):
                one = chosen[place]
                if one != barred and (
                    column < 0 or _is_missed_less(score, inverse, changed, one, column)
                ):
                    column = one
            # a block with the barred column stays to be looked at again
            block_best[block] = column if block != barred_block else -1
        if column >= 0 and (best < 0 or _is_missed_less(score, inverse, changed, column, best)):
            best = column
    return best


@compiled
def _may_return(
    column_ptr: Ints, column_rows: Ints, row_changed_at: Longs, column: int, since: int
) -> bool:
    """Return whether a row of the column changed after a step."""
    for at in range(column_ptr[column], column_ptr[column + 1]):
        if row_changed_at[column_rows[at]] > since:
            return True
    return False


@compiled
def best_of_row(state: State, row: int, room: float) -> int:
    """
    Return the column of a row with the largest gain per cost that costs less than `room`.

    Of equals the one unchanged longer; -1 when none may return or none has room.
    """
    score, inverse, changed, cost = (
        state.score, state.inverse_cost, state.changed_at, state.cost,
    )  # fmt: skip
    column_ptr, column_rows = state.column_ptr, state.column_rows
    row_changed_at, row_columns = state.row_changed_at, state.row_columns
    best, best_gain, best_since = -1, 0.0, np.int64(0)
    for at in range(state.row_ptr[row], state.row_ptr[row + 1]):
        column = row_columns[at]
        gain, since = score[column] * inverse[column], changed[column]
        is_better = gain > best_gain or (gain == best_gain and since < best_since) or best < 0
        if (
            is_better
            and cost[column] < room
            and _may_return(column_ptr, column_rows, row_changed_at, column, since)
        ):
            best, best_gain, best_since = column, gain, since
    return best


@compiled
def _record(state: State) -> None:
    n_chosen = state.scalars[N_CHOSEN]
    state.best[:n_chosen] = state.chosen[:n_chosen]
    state.scalars[N_BEST] = n_chosen
    state.scalars[BEST_STEP] = state.scalars[STEP]
    state.costs[BEST_COST] = state.costs[COST]


@compiled
def search(state: State, n_steps: int) -> bool:
    """
    Go on for a number of steps; ends early when the target is reached.

    Returns whether the best cover became better. The best is in `state.best`.
    """
    has_improved = False
    scalars, costs = state.scalars, state.costs
    for _ in range(n_steps):
        while scalars[N_OPEN] == 0:
            if costs[COST] < costs[BEST_COST] - 1e-9:
                _record(state)
                has_improved = True
                if costs[BEST_COST] <= costs[TARGET]:
                    return has_improved
            scalars[STEP] += 1
            take_out(state, least_missed(state, -1))
        scalars[STEP] += 1
        column = least_missed(state, scalars[TABU])
        if column >= 0:
            take_out(state, column)
        _fill(state)
        for place in range(scalars[N_OPEN]):
            row = state.open_rows[place]
            state.weight[row] += 1
            for at in range(state.row_ptr[row], state.row_ptr[row + 1]):
                state.score[state.row_columns[at]] += 1
    return has_improved


@compiled
def _fill(state: State) -> None:
    """Put in columns of random uncovered rows while the whole stays below the best cost."""
    scalars, costs = state.scalars, state.costs
    while scalars[N_OPEN] > 0:
        row = state.open_rows[draw(scalars, scalars[N_OPEN])]
        column = best_of_row(state, row, costs[BEST_COST] - costs[COST] - 1e-9)
        if column < 0:
            return
        scalars[STEP] += 1
        put_in(state, column)
        scalars[TABU] = column
