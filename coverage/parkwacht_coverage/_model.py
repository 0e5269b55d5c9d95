"""
The choice of views as a mixed-integer program, exact.

Columns: view x_j, site y_i, trench edge e, item z_t of a goal, cell p_c of a ceiling, u_it where
several views of site i see t. Rows: x_j <= y_i of its site, y_i <= its last trench edge, each edge
<= its parent, need_t z_t <= sum of the x_j that see t, budget, number of cameras, floors under
goals, p_c >= x_j that see c and the weight of seen cells <= the ceiling. An item that one view is
enough for counts a site once: u_it <= y_i and u_it <= sum of its x_j stand for those x_j, without
which a fraction of a mast with overlapping views would count for a whole one. Only x, y, and z that
need several views have to be whole: the others are whole by themselves in a best answer.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from parkwacht_coverage.choices import NO_EDGE, Ceiling, Choices, Goal, Limits
from parkwacht_coverage.solving.milp import Milp

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
MOST_CEILING_ROWS = 200_000  # beyond that one row per cell: weaker, but it fits
FLOOR_SLACK = 1e-7


@dataclass(frozen=True, slots=True)
class Task:
    """
    What is asked of a choice.

    `stage` is the goal to serve most, None to spend least; `floors`, shape (goals,), is what each
    goal must at least be worth (0: nothing asked).
    """

    stage: int | None
    floors: Floats


@dataclass(frozen=True)
class Model:
    """A program, and where the columns of each sort begin."""

    milp: Milp
    choices: Choices
    sites: Ints
    edges: Ints
    goals: tuple[int, ...]  # the goals that are in the program
    starts: tuple[int, ...]  # of x, y, e, z of each goal, p of each ceiling, u of each, the end
    overlaps: tuple["_Overlaps", ...]  # of each goal in the program

    def vector(self, chosen: Ints) -> Floats:
        """Return the columns of a choice."""
        columns = np.zeros(self.starts[-1])
        columns[chosen] = 1.0
        sites, edges = self.choices.opened(chosen)
        columns[self.starts[1] + np.searchsorted(self.sites, sites)] = 1.0
        columns[self.starts[2] + np.searchsorted(self.edges, edges)] = 1.0
        blocks = [
            *((self.choices.goals[one].sees, self.choices.goals[one].need) for one in self.goals),
            *((one.sees, np.int64(1)) for one in self.choices.ceilings),
            *((one.sees, np.int64(1)) for one in self.overlaps),
        ]
        for start, (sees, need) in zip(self.starts[3:], blocks, strict=False):
            if sees.shape[1] and len(chosen):
                count = np.asarray(sees[chosen].sum(axis=0)).ravel()
                columns[start : start + sees.shape[1]] = count >= need
        return columns

    def chosen(self, columns: Floats) -> Ints:
        """Return the views that columns choose."""
        return np.flatnonzero(columns[: self.choices.n_views] > 0.5)  # noqa: PLR2004


def build_model(choices: Choices, limits: Limits, task: Task) -> Model:
    """
    Write a choice as a program.

    Parameters
    ----------
    choices
        What there is to choose from.
    limits
        What it may cost.
    task
        What is asked; goals that it does not ask for are left out.
    """
    sites, edges = choices.opened(np.arange(choices.n_views))
    asked = [i for i in range(len(choices.goals)) if i == task.stage or task.floors[i] > 0]
    sizes = [choices.n_views, len(sites), len(edges)]
    sizes += [len(choices.goals[i].weight) for i in asked]
    sizes += [len(one.weight) for one in choices.ceilings]
    overlaps = tuple(_Overlaps.of(choices.goals[i], choices.site_of) for i in asked)
    sizes += [len(one.site) for one in overlaps]
    starts = tuple(int(one) for one in np.concatenate(([0], np.cumsum(sizes))))
    rows = _Rows(starts[-1])
    _add_sites(rows, choices, sites, edges, starts)
    cost = _cost(choices, sites, edges, starts)
    if limits.budget_eur is not None:
        rows.add(cost / 1000.0, upper=limits.budget_eur / 1000.0)
    if limits.max_cameras is not None:
        counted = np.zeros(starts[-1])
        counted[: choices.n_views] = choices.is_counted
        rows.add(counted, upper=float(limits.max_cameras))
    is_integer = np.zeros(starts[-1], dtype=np.bool_)
    is_integer[: starts[2]] = True
    objective = np.zeros(starts[-1]) if task.stage is not None else cost
    of_sites = starts[3 + len(asked) + len(choices.ceilings) :]
    for start, index, shown, overlap in zip(starts[3:], asked, of_sites, overlaps, strict=False):
        goal = choices.goals[index]
        end = start + len(goal.weight)
        is_integer[start:end] = goal.need > 1
        rows.add_items(goal.need, overlap, (start, shown))
        rows.add_pairs(
            shown + np.arange(len(overlap.site)), starts[1] + np.searchsorted(sites, overlap.site)
        )
        worth = np.zeros(starts[-1])
        worth[start:end] = goal.weight
        if task.floors[index] > 0:
            rows.add(worth, lower=task.floors[index] * (1 - FLOOR_SLACK))
        if index == task.stage:
            objective = worth
    for start, ceiling in zip(starts[3 + len(asked) :], choices.ceilings, strict=False):
        rows.add_ceiling(ceiling, start)
    matrix, lower, upper = rows.matrix()
    milp = Milp(
        cost=objective,
        matrix=matrix,
        row_lower=lower,
        row_upper=upper,
        col_lower=np.zeros(starts[-1]),
        col_upper=np.ones(starts[-1]),
        is_integer=is_integer,
        sense="min" if task.stage is None else "max",
    )
    return Model(milp, choices, sites, edges, tuple(asked), starts, overlaps)


def _cost(choices: Choices, sites: Ints, edges: Ints, starts: tuple[int, ...]) -> Floats:
    cost = np.zeros(starts[-1])
    cost[: starts[1]] = choices.view_eur
    cost[starts[1] : starts[2]] = choices.site_eur[sites]
    cost[starts[2] : starts[3]] = choices.edge_eur[edges]
    return cost


def _add_sites(
    rows: "_Rows", choices: Choices, sites: Ints, edges: Ints, starts: tuple[int, ...]
) -> None:
    """Let views open their site, sites their trench, a trench the one before it."""
    of_view = starts[1] + np.searchsorted(sites, choices.site_of)
    rows.add_pairs(np.arange(choices.n_views), of_view)
    leaf = choices.leaf_edge[sites]
    wired = np.flatnonzero(leaf != NO_EDGE)
    rows.add_pairs(starts[1] + wired, starts[2] + np.searchsorted(edges, leaf[wired]))
    parent = choices.edge_parent[edges]
    inner = np.flatnonzero(parent != NO_EDGE)
    rows.add_pairs(starts[2] + inner, starts[2] + np.searchsorted(edges, parent[inner]))


@dataclass(frozen=True)
class _Overlaps:
    """
    Where several views of a site see an item that one view is enough for.

    `site` and `item` have shape (pairs,), `sees` is sparse, shape (views, pairs); `rest`, shape
    (views, items), is who sees what without these pairs.
    """

    site: Ints
    item: Ints
    sees: sparse.csr_array
    rest: sparse.csr_array

    @classmethod
    def of(cls, goal: Goal, site_of: Ints) -> "_Overlaps":
        """Find the pairs of a goal."""
        view, item = (one.astype(np.int64) for one in goal.sees.tocoo().coords)
        n_views, n_items = goal.sees.shape
        key = site_of[view] * max(1, n_items) + item
        pairs, of_entry, n_times = np.unique(key, return_inverse=True, return_counts=True)
        of_entry = of_entry.reshape(-1)
        site, of_pair = pairs // max(1, n_items), pairs % max(1, n_items)
        is_shared = (n_times > 1) & (goal.need[of_pair] == 1)
        number = np.cumsum(is_shared) - 1
        inside = is_shared[of_entry]
        where = (view[inside], number[of_entry[inside]])
        sees = sparse.csr_array(
            (np.ones(int(inside.sum())), where), shape=(n_views, int(is_shared.sum()))
        )
        where = (view[~inside], item[~inside])
        rest = sparse.csr_array((np.ones(int((~inside).sum())), where), shape=(n_views, n_items))
        return cls(site[is_shared], of_pair[is_shared], sees, rest)


class _Rows:
    """Rows of a sparse matrix, gathered."""

    def __init__(self, n_columns: int) -> None:
        self._n_columns = n_columns
        self._parts: list[sparse.csr_array] = []
        self._lower: list[Floats] = []
        self._upper: list[Floats] = []

    def _append(self, part: sparse.csr_array, lower: float, upper: float) -> None:
        self._parts.append(part)
        self._lower.append(np.full(part.shape[0], lower))
        self._upper.append(np.full(part.shape[0], upper))

    def add(self, row: Floats, *, lower: float = -np.inf, upper: float = np.inf) -> None:
        """Add one row."""
        self._append(sparse.csr_array(row[None, :]), lower, upper)

    def add_pairs(self, first: Ints, second: Ints) -> None:
        """Add column `first` <= column `second`, pair by pair."""
        n = len(first)
        at = np.arange(n)
        entries = np.concatenate((np.ones(n), -np.ones(n)))
        index = (np.concatenate((at, at)), np.concatenate((first, second)))
        self._append(sparse.csr_array((entries, index), shape=(n, self._n_columns)), -np.inf, 0.0)

    def add_items(self, need: Ints, overlaps: "_Overlaps", starts: tuple[int, int]) -> None:
        """Add need_t z_t - sum of x and u that show t <= 0, and u - sum of its x <= 0."""
        counted, shown = starts
        n_pairs, n_items = len(overlaps.item), len(need)
        at = np.arange(n_pairs)
        part = self._beside(-overlaps.rest.T, need.astype(np.float64), counted)
        where = (overlaps.item, shown + at)
        sites = sparse.csr_array((-np.ones(n_pairs), where), shape=(n_items, self._n_columns))
        self._append(sparse.csr_array(part + sites), -np.inf, 0.0)
        self._append(self._beside(-overlaps.sees.T, np.ones(n_pairs), shown), -np.inf, 0.0)

    def add_ceiling(self, ceiling: Ceiling, start: int) -> None:
        """Add x_j <= p_c for all that see c, and the limit."""
        n_cells = len(ceiling.weight)
        if ceiling.sees.nnz <= MOST_CEILING_ROWS:
            view, cell = ceiling.sees.nonzero()
            self.add_pairs(view.astype(np.int64), start + cell.astype(np.int64))
        else:
            n_seeing = np.asarray(ceiling.sees.sum(axis=0)).ravel()
            part = self._beside(ceiling.sees.T, -n_seeing.astype(np.float64), start)
            self._append(part, -np.inf, 0.0)
        weight = np.zeros(self._n_columns)
        weight[start : start + n_cells] = ceiling.weight
        self.add(weight, upper=ceiling.limit)

    def _beside(self, left: sparse.sparray, diagonal: Floats, start: int) -> sparse.csr_array:
        """Put a block at the views and a diagonal from a column on."""
        n_rows, n_views = left.shape
        gap = sparse.csr_array((n_rows, start - n_views))
        rest = sparse.csr_array((n_rows, self._n_columns - start - n_rows))
        return sparse.csr_array(sparse.hstack([left, gap, sparse.diags_array(diagonal), rest]))

    def matrix(self) -> tuple[sparse.csr_array, Floats, Floats]:
        """Return the matrix and the bounds of its rows."""
        stacked = sparse.csr_array(sparse.vstack(self._parts))
        return stacked, np.concatenate(self._lower), np.concatenate(self._upper)
