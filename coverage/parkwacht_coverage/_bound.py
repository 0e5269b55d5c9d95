"""
What no choice can beat, within seconds: a Lagrangian bound, and the views that a better one needs.

The rows "an item counts only where chosen views see it" are priced by multipliers, and so are the
floors under goals; what is left falls apart: each item for itself, and sites and trenches as a
forest that is solved exactly from the leaves. The multiplier of the budget (or of the number of
cameras) and those of floors are then best found directly, those of items by subgradients with
Polyak's step (Held, Wolfe and Crowder 1974). Any multipliers give a bound that holds; the best ones
give that of the linear relaxation. Ceilings are left out, which only weakens the bound.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt
from scipy import sparse

from parkwacht_coverage._model import Task
from parkwacht_coverage.choices import Choices, Limits

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

START = 0.3  # of an item's weight: where its multiplier begins
PATIENCE = 15  # steps without a better bound before they get shorter
SHORTEST = 1e-3
N_BISECTIONS = 30
SAFETY = 1e-9  # of the sums, for rounding
SMALLEST = 1e-15  # a direction that has faded to less than this leads nowhere


@dataclass(frozen=True, slots=True)
class Bound:
    """
    What no choice can beat, and what choosing each view would cost that bound.

    `value` is above the most of the stage's goal, or below the least cost; `loss`, shape (views,),
    is how much tighter the bound is for choices with that view.
    """

    value: float
    loss: Floats

    def needed(self, reached: float, *, is_most: bool) -> Ints:
        """Return the views that a choice better than `reached` may have, ascending."""
        distance = self.value - reached if is_most else reached - self.value
        return np.flatnonzero(self.loss < distance + SAFETY * max(1.0, abs(reached)))


def compute_bound(  # noqa: PLR0913 (keywords, as a search has them)
    choices: Choices,
    limits: Limits,
    task: Task,
    reached: float,
    *,
    rounds: int,
    relative_gap: float,
    should_stop: Callable[[], bool],
) -> Bound:
    """
    Bound what a task can reach.

    Parameters
    ----------
    choices, limits, task
        What there is to choose from, what it may cost and what is asked.
    reached
        What a choice is known to reach: value of the stage's goal, or euro.
    rounds
        How many steps to make at most.
    relative_gap
        How near to `reached` the bound need come.
    should_stop
        Asked before each step.
    """
    problem = _Lagrangian(choices, limits, task)
    sign = 1.0 if task.stage is not None else -1.0
    aim = sign * reached
    goal = aim + relative_gap * abs(aim) * 0.5
    best, best_prices = np.inf, problem.prices.copy()
    step, idle = 1.0, 0
    direction = np.zeros_like(problem.prices)
    for _ in range(rounds):
        value, slope = problem.evaluate()
        if value < best - 1e-6 * abs(best) or not np.isfinite(best):
            idle = 0
        else:
            idle += 1
        if value < best:
            best, best_prices = value, problem.prices.copy()
        if idle >= PATIENCE:
            step, idle = step / 2, 0
            problem.prices[:] = best_prices
        if best <= goal or step < SHORTEST or should_stop():
            break
        direction = 0.6 * direction + slope
        problem.descend(direction, step * max(value - aim, 1e-3 * abs(aim), 1e-9))
    problem.prices[:] = best_prices
    value, _ = problem.evaluate()
    return Bound(sign * value, problem.losses())


class _Lagrangian:
    """The relaxed problem at its present multipliers; always as one of the most."""

    def __init__(self, choices: Choices, limits: Limits, task: Task) -> None:
        self._choices = choices
        self._asked = [
            i for i in range(len(choices.goals)) if i == task.stage or task.floors[i] > 0
        ]
        goals = [choices.goals[i] for i in self._asked]
        self._is_stage = [i == task.stage for i in self._asked]
        self._floors = [float(task.floors[i]) for i in self._asked]
        self._ends = np.cumsum([0, *(len(one.weight) for one in goals)])
        sees = sparse.csr_array(sparse.hstack([one.sees for one in goals]))
        self._sees = (sees.indptr.astype(np.int64), sees.indices.astype(np.int64))
        self._weight = np.concatenate([one.weight for one in goals])
        self._need = np.concatenate([one.need for one in goals]).astype(np.float64)
        # Of goals that are only floors the scale is not known yet: that of money.
        scale = np.ones(len(goals))
        if task.stage is None:
            typical = float(np.median(choices.cheapest_eur()))
            per_item = [max(1.0, np.diff(one.sees.indptr).mean()) for one in goals]
            means = [float(one.weight.mean()) for one in goals]
            scale = np.array([typical / n / w for n, w in zip(per_item, means, strict=True)])
        of_item = np.repeat(np.arange(len(goals)), np.diff(self._ends))
        self.prices: Floats = START * self._weight * scale[of_item] / self._need
        self._metric = self._weight * scale[of_item] ** 2
        self._limits = limits
        self._is_most = task.stage is not None
        self._counted_eur = 0.0  # multiplier of the number of cameras, where money has one too
        self._forest = (
            choices.site_of,
            choices.view_eur,
            choices.is_counted.astype(np.float64),
            choices.site_eur,
            choices.leaf_edge,
            choices.edge_eur,
            choices.edge_parent,
        )
        self._rates = (0.0, 0.0)

    def evaluate(self) -> tuple[float, Floats]:
        """Return the bound and its slope in the multipliers, shape (items,)."""
        profit = _gather(*self._sees, self.prices)
        value, chosen = self._best_forest(profit)
        slope = _scatter(*self._sees, chosen, len(self.prices))
        for is_stage, floor, start, end in zip(
            self._is_stage, self._floors, self._ends[:-1], self._ends[1:], strict=True
        ):
            part = slice(start, end)
            added, counted = _items(
                self.prices[part], self._weight[part], self._need[part], None if is_stage else floor
            )
            value += added
            slope[part] -= self._need[part] * counted
        return value + SAFETY * (abs(value) + float(self.prices.sum())), slope

    def descend(self, direction: Floats, length: float) -> None:
        """Move the multipliers against a slope, so that it would fall by `length`."""
        scaled = self._metric * direction
        norm = float(direction @ scaled)
        if norm > SMALLEST * float(self._metric.sum()):
            self.prices -= scaled * (length / norm)
            np.maximum(self.prices, 0.0, out=self.prices)

    def losses(self) -> Floats:
        """Return how much the bound falls where each view is chosen, shape (views,)."""
        profit = _gather(*self._sees, self.prices)
        losses: Floats = _losses(profit, *self._rates, *self._forest)
        return losses

    def _best_forest(self, profit: Floats) -> tuple[float, Floats]:
        """Choose views at the best price of the scarcest resource; fractions where it binds."""
        budget, most = self._limits.budget_eur, self._limits.max_cameras
        money = 0.0 if self._is_most else 1.0
        if self._is_most and budget is not None:
            fixed = (0.0, self._counted_eur if most is not None else 0.0)
            value, chosen, rate = _bisect(profit, fixed, (1.0, 0.0), float(budget), self._forest)
            self._rates = (rate, fixed[1])
            if most is not None:
                value += self._counted_eur * most
                self._charge_cameras(chosen, float(most), value)
            return value, chosen
        if most is not None:
            value, chosen, rate = _bisect(
                profit, (money, 0.0), (0.0, 1.0), float(most), self._forest
            )
            self._rates = (money, rate)
            return value, chosen
        self._rates = (money, 0.0)
        value, _, _, chosen = _open(profit, money, 0.0, *self._forest)
        return value, chosen

    def _charge_cameras(self, chosen: Floats, most: float, value: float) -> None:
        over = float(chosen @ self._forest[2]) / max(most, 1.0) - 1.0
        step = 0.02 * abs(value) / max(most, 1.0)
        self._counted_eur = max(0.0, self._counted_eur + step * min(1.0, over))


def _items(
    prices: Floats, weight: Floats, need: Floats, floor: float | None
) -> tuple[float, Floats]:
    """
    Count the items worth more than they cost; under a floor at the best price of falling short.

    Returns
    -------
    value, counted
        What they add to the bound, and which count, shape (items,), one in part under a floor.
    """
    asked = need * prices
    if floor is None:
        worth = weight - asked
        return float(np.maximum(worth, 0.0).sum()), (worth > 0).astype(np.float64)
    order = np.argsort(asked / weight, kind="stable")
    running = np.cumsum(weight[order])
    last = int(np.searchsorted(running, floor * (1 - SAFETY)))
    counted = np.zeros(len(weight))
    counted[order[:last]] = 1.0
    if last < len(order):
        before = running[last - 1] if last else 0.0
        counted[order[last]] = min(1.0, max(0.0, (floor - before) / weight[order[last]]))
    return -float((asked * counted).sum()), counted


def _bisect(
    profit: Floats,
    fixed: tuple[float, float],
    along: tuple[float, float],
    limit: float,
    forest: tuple[npt.NDArray[np.generic], ...],
) -> tuple[float, Floats, float]:
    """Find the rate of a resource at which the choice just keeps to its limit."""

    def at(rate: float) -> tuple[float, float, Floats]:
        money, counted = fixed[0] + rate * along[0], fixed[1] + rate * along[1]
        value, cost, number, chosen = _open(profit, money, counted, *forest)
        return value + rate * limit, cost if along[0] else number, chosen

    low, high = 0.0, 1.0
    least = at(low)
    if least[1] <= limit:
        return least[0], least[2], low
    most = at(high)
    while most[1] > limit:
        low, least = high, most
        high *= 4
        most = at(high)
    for _ in range(N_BISECTIONS):
        middle = (low + high) / 2
        found = at(middle)
        if found[1] > limit:
            low, least = middle, found
        else:
            high, most = middle, found
    share = (limit - most[1]) / (least[1] - most[1]) if least[1] > most[1] else 0.0
    mixed = share * least[2] + (1 - share) * most[2]
    value, rate = min((most[0], high), (least[0], low))
    return value, mixed, rate


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _gather(indptr: Ints, indices: Ints, prices: Floats) -> Floats:
    """Add up the prices of what each view sees."""
    profit = np.zeros(len(indptr) - 1)
    for view in range(len(profit)):
        total = 0.0
        for at in range(indptr[view], indptr[view + 1]):
            total += prices[indices[at]]
        profit[view] = total
    return profit


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _scatter(indptr: Ints, indices: Ints, chosen: Floats, n_items: int) -> Floats:
    """Count how often each item is seen by (parts of) chosen views."""
    count = np.zeros(n_items)
    for view in range(len(chosen)):
        if chosen[view] > 0:
            for at in range(indptr[view], indptr[view + 1]):
                count[indices[at]] += chosen[view]
    return count


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _grow(  # noqa: PLR0913, PLR0917 (arrays of a compiled loop)
    profit: Floats,
    money: float,
    counted: float,
    site_of: Ints,
    view_eur: Floats,
    is_counted: Floats,
    site_eur: Floats,
    leaf_edge: Ints,
    edge_eur: Floats,
    edge_parent: Ints,
) -> tuple[Floats, Floats, float]:
    """Return what each site and each edge is worth when opened, and all together."""
    of_site = -money * site_eur
    for view in range(len(profit)):
        net = profit[view] - money * view_eur[view] - counted * is_counted[view]
        if net > 0:
            of_site[site_of[view]] += net
    of_edge = -money * edge_eur
    total = 0.0
    for site in range(len(of_site)):
        if of_site[site] > 0:
            if leaf_edge[site] >= 0:
                of_edge[leaf_edge[site]] += of_site[site]
            else:
                total += of_site[site]
    for edge in range(len(of_edge) - 1, -1, -1):
        if of_edge[edge] > 0:
            if edge_parent[edge] >= 0:
                of_edge[edge_parent[edge]] += of_edge[edge]
            else:
                total += of_edge[edge]
    return of_site, of_edge, total


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _open(  # noqa: PLR0913, PLR0917 (arrays of a compiled loop)
    profit: Floats,
    money: float,
    counted: float,
    site_of: Ints,
    view_eur: Floats,
    is_counted: Floats,
    site_eur: Floats,
    leaf_edge: Ints,
    edge_eur: Floats,
    edge_parent: Ints,
) -> tuple[float, float, float, Floats]:
    """Return the best worth of the forest, its cost, number of cameras and chosen views."""
    of_site, of_edge, total = _grow(
        profit,
        money,
        counted,
        site_of,
        view_eur,
        is_counted,
        site_eur,
        leaf_edge,
        edge_eur,
        edge_parent,
    )
    cost = 0.0
    is_dug = np.zeros(len(of_edge), dtype=np.bool_)
    for edge in range(len(of_edge)):
        parent = edge_parent[edge]
        if of_edge[edge] > 0 and (parent < 0 or is_dug[parent]):
            is_dug[edge] = True
            cost += edge_eur[edge]
    is_open = np.zeros(len(of_site), dtype=np.bool_)
    for site in range(len(of_site)):
        leaf = leaf_edge[site]
        if of_site[site] > 0 and (leaf < 0 or is_dug[leaf]):
            is_open[site] = True
            cost += site_eur[site]
    chosen = np.zeros(len(profit))
    number = 0.0
    for view in range(len(profit)):
        net = profit[view] - money * view_eur[view] - counted * is_counted[view]
        if net > 0 and is_open[site_of[view]]:
            chosen[view] = 1.0
            cost += view_eur[view]
            number += is_counted[view]
    return total, cost, number, chosen


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _losses(  # noqa: PLR0913, PLR0917 (arrays of a compiled loop)
    profit: Floats,
    money: float,
    counted: float,
    site_of: Ints,
    view_eur: Floats,
    is_counted: Floats,
    site_eur: Floats,
    leaf_edge: Ints,
    edge_eur: Floats,
    edge_parent: Ints,
) -> Floats:
    """Return what forcing each view, with its site and trench, takes off the worth."""
    of_site, of_edge, _ = _grow(
        profit,
        money,
        counted,
        site_of,
        view_eur,
        is_counted,
        site_eur,
        leaf_edge,
        edge_eur,
        edge_parent,
    )
    for edge in range(len(of_edge)):
        parent = edge_parent[edge]
        above = of_edge[parent] if parent >= 0 else 0.0
        of_edge[edge] = above + max(0.0, -of_edge[edge])
    losses = np.zeros(len(profit))
    for view in range(len(profit)):
        site = site_of[view]
        net = profit[view] - money * view_eur[view] - counted * is_counted[view]
        way = of_edge[leaf_edge[site]] if leaf_edge[site] >= 0 else 0.0
        losses[view] = way + max(0.0, -of_site[site]) + max(0.0, -net)
    return losses
