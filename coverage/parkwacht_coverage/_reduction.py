"""
Fewer views and items to choose from, with the same best answer.

Equal items are merged and their weights added. A view is dropped where another on the same site
costs no more, sees all of its items and none of the ceilings' cells that it does not see: only
within a site, because another site may cost another trench (design/coverage.md, section 9.4); and
only where none of its items must be seen by several views, because then both may be wanted.
"""

import numba
import numpy as np
import numpy.typing as npt
from scipy import sparse

from parkwacht_coverage.choices import Choices, Goal

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def reduced(choices: Choices, *, keep: Ints | None = None) -> tuple[Choices, Ints]:
    """
    Drop views that cannot be needed and merge items that always go together.

    Parameters
    ----------
    choices
        What there is to choose from.
    keep
        Views to keep in any case, such as those of a choice to begin with.

    Returns
    -------
    choices, views
        What is left, and which of the given views those are, ascending.
    """
    views = undominated(choices)
    if keep is not None:
        views = np.union1d(views, keep)
    kept = choices.of_views(views)
    return kept.of_goals([merged(goal) for goal in kept.goals]), views


def merged(goal: Goal) -> Goal:
    """Return the goal with items that the same views see, as often, as one; unseen ones left."""
    columns = goal.sees.tocsc()
    n_seeing = np.diff(columns.indptr)
    open_items = np.flatnonzero((n_seeing >= goal.need) & (goal.weight > 0))
    if not len(open_items):
        return _with_items(goal, columns, open_items, goal.weight[open_items])
    # Two different sets of views have the same sum of 62-bit numbers with chance below 1e-9.
    numbers = np.random.default_rng(0).integers(1, 2**62, (goal.sees.shape[0], 2), dtype=np.int64)
    running = np.zeros((len(columns.indices) + 1, 2), dtype=np.int64)
    np.cumsum(numbers[columns.indices], axis=0, out=running[1:])
    sums = running[columns.indptr[1:]] - running[columns.indptr[:-1]]
    keys = np.column_stack((sums, goal.need))[open_items]
    _, first, group = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    weight = np.bincount(group.reshape(-1), goal.weight[open_items]).astype(np.float64)
    order = np.argsort(first)
    return _with_items(goal, columns, open_items[first[order]], weight[order])


def _with_items(goal: Goal, columns: sparse.csc_array, items: Ints, weight: Floats) -> Goal:
    sees = sparse.csr_array(columns[:, items])
    sees.sort_indices()
    return Goal(goal.id, goal.name, sees, weight, goal.need[items], goal.met)


def undominated(choices: Choices) -> Ints:
    """Return the views that no other view on their site replaces, ascending."""
    return np.flatnonzero(stand_ins(choices) == np.arange(choices.n_views))


def stand_ins(choices: Choices) -> Ints:
    """
    Find for each view the one that is as good in every choice.

    Returns
    -------
    views
        Shape (views,): the view itself where none replaces it, -1 where it sees nothing.
    """
    if not choices.n_views:
        return np.zeros(0, dtype=np.int64)
    items = sparse.csr_array(sparse.hstack([goal.sees for goal in choices.goals]))
    items.sort_indices()
    need = np.concatenate([goal.need for goal in choices.goals])
    n_several = np.asarray(items @ (need > 1).astype(np.float64)).ravel()
    cells = sparse.csr_array((choices.n_views, 0))
    if choices.ceilings:
        cells = sparse.csr_array(sparse.hstack([one.sees for one in choices.ceilings]))
        cells.sort_indices()
    order = np.argsort(choices.site_of, kind="stable")
    ends = np.flatnonzero(np.diff(choices.site_of[order])) + 1
    by: Ints = _dominated(
        order,
        np.concatenate(([0], ends, [len(order)])),
        choices.view_eur + 0.0,
        choices.is_counted,
        n_several > 0,
        (items.indptr.astype(np.int64), items.indices.astype(np.int64)),
        (cells.indptr.astype(np.int64), cells.indices.astype(np.int64)),
    )
    while not np.array_equal(by[by], by):
        by = by[by]
    by[np.diff(items.indptr) == 0] = -1
    return by


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _is_within(few: Ints, many: Ints) -> bool:
    """Return whether one ascending array is part of another."""
    if len(few) > len(many):
        return False
    at = 0
    for one in few:
        while at < len(many) and many[at] < one:
            at += 1
        if at == len(many) or many[at] != one:
            return False
    return True


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _dominated(  # noqa: PLR0913, PLR0917 (arrays of a compiled loop)
    order: Ints,
    starts: Ints,
    price: Floats,
    is_counted: Bools,
    is_protected: Bools,
    items: tuple[Ints, Ints],
    cells: tuple[Ints, Ints],
) -> Ints:
    """Return which view of its site replaces each, or itself; of equals the first stays."""
    by = np.arange(len(order))
    for group in range(len(starts) - 1):
        members = order[starts[group] : starts[group + 1]]
        for a in members[::-1]:
            mine = items[1][items[0][a] : items[0][a + 1]]
            if is_protected[a]:
                continue
            for b in members:
                if a == b or by[b] != b or price[b] > price[a] or is_counted[b] > is_counted[a]:
                    continue
                if not _is_within(mine, items[1][items[0][b] : items[0][b + 1]]):
                    continue
                of_a = cells[1][cells[0][a] : cells[0][a + 1]]
                if _is_within(cells[1][cells[0][b] : cells[0][b + 1]], of_a):
                    by[a] = b
                    break
    return by
