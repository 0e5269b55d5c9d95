"""
Make a covering problem smaller without losing its optimum.

Rows are what is to be covered, columns the choices. Equal rows are one row with their weights
added; a column inside another of no more cost is never needed (Beasley 1987); in set covering a
row that contains another row is covered with it, and a row with one column makes that column
essential. With fixed costs per site, k-fold coverage or ceilings, only columns of one group may be
compared: the caller says which.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import sparse

from parkwacht_coverage.solving._dominance import find_dominators, find_supersets, signatures

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Reduced:
    """
    A smaller problem, and the way back.

    `matrix` (rows, columns) with ones, `cost` per column, `weight` per row; `rows` and `columns`
    are their indices in the original (of merged rows the first); `chosen` are original columns that
    every optimum of the original may contain; `dominator` gives per original column the kept column
    that covers as much for no more cost (itself when kept, -1 when it has no single one).
    """

    matrix: sparse.csr_array
    cost: Floats
    weight: Floats
    rows: Longs
    columns: Longs
    chosen: tuple[int, ...]
    dominator: Longs

    def to_original(self, columns: npt.ArrayLike) -> list[int]:
        """Return original columns, sorted: `chosen` and those of a solution of the smaller one."""
        kept = self.columns[np.asarray(columns, dtype=np.int64)]
        return sorted({*self.chosen, *(int(one) for one in kept)})


def as_ones(matrix: sparse.sparray | sparse.spmatrix | npt.ArrayLike) -> sparse.csr_array:
    """Return a matrix as sparse rows of ones, members sorted, 32-bit indices."""
    rows = sparse.csr_array(matrix, copy=True)
    rows.sum_duplicates()
    rows.eliminate_zeros()
    rows.sort_indices()
    ones = np.ones(len(rows.data))
    indices, indptr = rows.indices.astype(np.int32), rows.indptr.astype(np.int32)
    return sparse.csr_array((ones, indices, indptr), shape=rows.shape)


def whole(matrix: sparse.csr_array, cost: Floats, weight: Floats) -> Reduced:
    """Return a problem as it is, ready to be reduced."""
    columns = np.arange(matrix.shape[1], dtype=np.int64)
    rows = np.arange(matrix.shape[0], dtype=np.int64)
    return Reduced(matrix, cost, weight, rows, columns, (), columns.copy())


def merge_rows(matrix: sparse.csr_array) -> tuple[Longs, Longs]:
    """
    Find equal rows.

    Returns
    -------
    first, merged_into
        `first`: the index of the first of each kind, in order; `merged_into`, shape (rows,): the
        position in `first` of each row's kind.
    """
    kinds: dict[bytes, int] = {}
    first: list[int] = []
    merged = np.empty(matrix.shape[0], dtype=np.int64)
    members, ptr = matrix.indices, matrix.indptr.tolist()
    for row in range(matrix.shape[0]):
        key = members[ptr[row] : ptr[row + 1]].tobytes()
        kind = kinds.setdefault(key, len(first))
        if kind == len(first):
            first.append(row)
        merged[row] = kind
    return np.array(first, dtype=np.int64), merged


def find_dominated(
    matrix: sparse.csr_array, cost: Floats, group: npt.ArrayLike | None = None
) -> Longs:
    """
    Find for every column one that covers all it covers, for no more cost, in the same group.

    Parameters
    ----------
    matrix
        Rows of ones, from `as_ones`.
    cost
        Per column, shape (columns,).
    group
        Label per column, shape (columns,); only columns with one label are compared.

    Returns
    -------
    dominator
        Shape (columns,): -1 where the column is undominated, else an undominated column. Of equal
        columns the first stays. An empty column stays, too: it has nothing to compare.
    """
    labels = np.zeros(matrix.shape[1], dtype=np.int64)
    if group is not None:
        labels = np.unique(np.asarray(group), return_inverse=True)[1].astype(np.int64)
    columns = sparse.csc_array(matrix)
    columns.sort_indices()
    sets, owners = _lists(columns), _lists(matrix)
    dominator: Longs = find_dominators(
        sets, owners, signatures(*sets), np.asarray(cost, dtype=np.float64), labels
    )
    while True:
        # a dominator may have been dominated later: follow to the end
        further = np.where(dominator >= 0, dominator[dominator], -1)
        if not np.any(further >= 0):
            return dominator
        dominator = np.where(further >= 0, further, dominator)


def reduce_cover(
    matrix: sparse.csr_array, cost: Floats, group: npt.ArrayLike | None = None
) -> Reduced:
    """
    Reduce a set cover: every row at least once, at least cost.

    Parameters
    ----------
    matrix
        Rows of ones, from `as_ones`; every row has a column.
    cost
        Per column, shape (columns,), all >= 0.
    group
        Label per column; only columns with one label are compared, and none is left out because
        several others together are cheaper.
    """
    problem = whole(matrix, cost, np.ones(matrix.shape[0]))
    labels = None if group is None else np.asarray(group)
    while True:
        before = problem.matrix.shape
        problem = _drop_supersets(problem)
        problem = _drop_dominated(problem, labels)
        if labels is None:
            problem = _drop_overpriced(problem)
        problem = _take_essential(problem)
        if problem.matrix.shape == before or 0 in problem.matrix.shape:
            return problem


def reduce_maximum(
    matrix: sparse.csr_array,
    weight: Floats,
    cost: Floats,
    group: npt.ArrayLike | None = None,
) -> Reduced:
    """
    Reduce a maximum coverage problem: rows are worth their weight once covered.

    Parameters
    ----------
    matrix
        Rows of ones, from `as_ones`.
    weight
        Per row, shape (rows,), all >= 0; rows of weight 0 and rows without a column are left out.
    cost
        Per column, shape (columns,).
    group
        Label per column; only columns with one label are compared.
    """
    problem = whole(matrix, cost, weight)
    has_use = (weight > 0) & (np.diff(matrix.indptr) > 0)
    problem = _keep(problem, np.flatnonzero(has_use), problem.columns)
    labels = None if group is None else np.asarray(group)
    while True:
        before = problem.matrix.shape
        first, merged = merge_rows(problem.matrix)
        summed = np.zeros(len(first))
        np.add.at(summed, merged, problem.weight)
        everything = np.arange(problem.matrix.shape[1])
        problem = replace(_keep(problem, first, everything), weight=summed)
        problem = _drop_dominated(problem, labels)
        if problem.matrix.shape == before or 0 in problem.matrix.shape:
            return problem


def _lists(matrix: sparse.csr_array | sparse.csc_array) -> tuple[Ints, Ints]:
    return matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32)


def _keep(problem: Reduced, rows: Longs, columns: Longs) -> Reduced:
    """Return the problem with only some of its rows and columns."""
    matrix = as_ones(problem.matrix[rows][:, columns])
    return replace(
        problem,
        matrix=matrix,
        cost=problem.cost[columns],
        weight=problem.weight[rows],
        rows=problem.rows[rows],
        columns=problem.columns[columns],
    )


def _drop_supersets(problem: Reduced) -> Reduced:
    columns = sparse.csc_array(problem.matrix)
    columns.sort_indices()
    sets = _lists(problem.matrix)
    marked = find_supersets(sets, _lists(columns), signatures(*sets))
    return _keep(problem, np.flatnonzero(~marked), np.arange(problem.matrix.shape[1]))


def _drop_dominated(problem: Reduced, labels: npt.NDArray[np.generic] | None) -> Reduced:
    group = None if labels is None else labels[problem.columns]
    dominator = find_dominated(problem.matrix, problem.cost, group)
    is_empty = np.bincount(problem.matrix.indices, minlength=len(dominator)) == 0
    # original -> kept, through what dominated it now or before
    now = np.where(dominator >= 0, problem.columns[dominator], problem.columns)
    now = np.where(is_empty, -1, now)
    table = np.full(len(problem.dominator) + 1, -1, dtype=np.int64)
    table[problem.columns] = now
    kept = np.flatnonzero((dominator < 0) & ~is_empty)
    rows = np.arange(problem.matrix.shape[0])
    return replace(_keep(problem, rows, kept), dominator=table[problem.dominator])


def _drop_overpriced(problem: Reduced) -> Reduced:
    """Drop columns that cost more than the cheapest column of each of their rows together."""
    matrix, cost = problem.matrix, problem.cost
    if matrix.shape[0] == 0:
        return problem
    cheapest = np.minimum.reduceat(cost[matrix.indices], matrix.indptr[:-1])
    together = matrix.T @ cheapest
    is_overpriced = cost > together * (1 + 1e-12)
    if not is_overpriced.any():
        return problem
    table = np.append(np.arange(len(problem.dominator)), -1)
    table[problem.columns[is_overpriced]] = -1
    rows, kept = np.arange(matrix.shape[0]), np.flatnonzero(~is_overpriced)
    return replace(_keep(problem, rows, kept), dominator=table[problem.dominator])


def _take_essential(problem: Reduced) -> Reduced:
    """Take every column that alone covers some row, and drop what it covers."""
    matrix = problem.matrix
    alone = np.diff(matrix.indptr) == 1
    if not alone.any():
        return problem
    taken = np.unique(matrix.indices[matrix.indptr[:-1][alone]])
    is_covered = matrix[:, taken].sum(axis=1) > 0
    kept = np.setdiff1d(np.arange(matrix.shape[1]), taken)
    chosen = problem.chosen + tuple(int(one) for one in problem.columns[taken])
    return replace(_keep(problem, np.flatnonzero(~is_covered), kept), chosen=chosen)
