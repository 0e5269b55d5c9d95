"""
Lazy greedy choice: the column that adds most per cost, again and again (Minoux 1978).

For maximum coverage with a number of columns it reaches 1 - 1/e of the optimum (Nemhauser, Wolsey
and Fisher 1978), for set covering the harmonic number of the longest column (Chvatal 1979).
"""

import heapq

import numpy as np
import numpy.typing as npt
from scipy import sparse

from parkwacht_coverage._compiled import compiled

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def greedy_choice(
    matrix: sparse.csr_array, weight: Floats, cost: Floats, *, budget: float = np.inf
) -> list[int]:
    """
    Choose columns by weight newly covered per cost while the budget lasts.

    Parameters
    ----------
    matrix
        Rows of ones, shape (rows, columns).
    weight
        Per row, shape (rows,), all >= 0; 0 for what is covered already.
    cost
        Per column, shape (columns,), all >= 0; a free column counts as nearly free.
    budget
        What the columns may cost together; without one, until everything is covered.

    Returns
    -------
    chosen
        In the order chosen; of equals the lowest index.
    """
    columns = sparse.csc_array(matrix)
    column_ptr, column_rows = columns.indptr.astype(np.int32), columns.indices.astype(np.int32)
    chosen: Longs = _choose(
        column_ptr, column_rows, weight.astype(np.float64), cost.astype(np.float64), float(budget)
    )
    return [int(one) for one in chosen]


def drop_redundant(matrix: sparse.csr_array, cost: Floats, chosen: list[int]) -> list[int]:
    """Drop columns of a cover, dearest and latest first, whose rows are all covered by others."""
    columns = sparse.csc_array(matrix)
    n_covering = np.zeros(matrix.shape[0], dtype=np.int64)
    members = {j: columns.indices[columns.indptr[j] : columns.indptr[j + 1]] for j in chosen}
    for rows in members.values():
        n_covering[rows] += 1
    order = sorted(range(len(chosen)), key=lambda place: (-cost[chosen[place]], -place))
    dropped = set()
    for place in order:
        rows = members[chosen[place]]
        if len(rows) == 0 or n_covering[rows].min() > 1:
            n_covering[rows] -= 1
            dropped.add(place)
    return [one for place, one in enumerate(chosen) if place not in dropped]


@compiled
def _gain(column_ptr: Ints, column_rows: Ints, open_weight: Floats, column: int) -> float:
    total = 0.0
    for at in range(column_ptr[column], column_ptr[column + 1]):
        total += open_weight[column_rows[at]]
    return total


@compiled
def _choose(
    column_ptr: Ints, column_rows: Ints, weight: Floats, cost: Floats, budget: float
) -> Longs:
    n_columns = len(column_ptr) - 1
    open_weight = weight.copy()
    chosen = np.empty(n_columns, dtype=np.int64)
    n_chosen, spent = 0, 0.0
    price = np.maximum(cost, 1e-12)
    queue = [
        (-_gain(column_ptr, column_rows, open_weight, column) / price[column], column)
        for column in range(n_columns)
    ]
    heapq.heapify(queue)
    while len(queue) > 0:
        _, column = heapq.heappop(queue)
        gain = _gain(column_ptr, column_rows, open_weight, column)
        if gain <= 0.0 or spent + cost[column] > budget + 1e-9:
            continue
        key = (-gain / price[column], column)
        if len(queue) > 0 and key > queue[0]:
            heapq.heappush(queue, key)
            continue
        chosen[n_chosen] = column
        n_chosen += 1
        spent += cost[column]
        for at in range(column_ptr[column], column_ptr[column + 1]):
            open_weight[column_rows[at]] = 0.0
    return chosen[:n_chosen]
