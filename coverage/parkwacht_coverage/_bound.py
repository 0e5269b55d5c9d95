"""
What no choice can beat, within seconds: a Lagrangian bound, and the views that a better one needs.

An item counts only as often as sites show it, and a site shows an item only where it is open and
as often as its chosen views see it; said per site, because views of one site overlap and a tenth of
a mast with ten cameras must not count for a whole one. These rows are priced by multipliers, and so
are the floors under goals; what is left falls apart: each item for itself, and sites and trenches
as a forest that is solved exactly from the leaves. The multiplier of the budget (or of the number
of cameras) and those of floors are then best found directly, the others by subgradients with
Polyak's step (Held, Wolfe and Crowder 1974) along an averaged direction. Any multipliers give a
bound that holds; the best ones give that of the linear relaxation. Ceilings are left out, which
only weakens the bound.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt
from scipy import sparse

from parkwacht_coverage._forest import Forest, Opened, open_best, open_within, site_losses
from parkwacht_coverage._model import Task
from parkwacht_coverage.choices import Choices, Limits

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

START = 0.3  # of an item's weight: where its multiplier begins
PER_SITE = 0.3  # how fast the multipliers per site move beside those of items
MEMORY = 0.95  # how much of a direction is that of the steps before
PATIENCE = 30  # steps without a better bound before they get shorter
SHORTEST = 1e-3
SAFETY = 1e-9  # of the sums, for rounding
SMALLEST = 1e-15  # a direction that has faded to less than this leads nowhere


@dataclass(frozen=True, slots=True)
class Bound:
    """
    What no choice can beat, and what choosing each view would cost that bound.

    `value` is above the most of the stage's goal, or below the least cost; `loss`, shape (views,),
    is how much tighter the bound is for choices with that view; `idle_loss`, shape (sites,), that
    of a camera on a site that sees nothing asked for and costs nothing; `rates` what such a camera
    loses by each euro that it costs and by being one.
    """

    value: float
    loss: Floats
    idle_loss: Floats
    rates: tuple[float, float]

    def needed(self, reached: float, *, is_most: bool) -> Ints:
        """Return the views that a choice at least as good as `reached` may have, ascending."""
        return np.flatnonzero(self.loss < self.room(reached, is_most=is_most))

    def room(self, reached: float, *, is_most: bool) -> float:
        """Return the loss at which a view cannot be in a choice as good as `reached`."""
        distance = self.value - reached if is_most else reached - self.value
        return distance + SAFETY * max(1.0, abs(reached))


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
    problem = _Lagrangian(choices, limits, task, reached)
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
        direction = MEMORY * direction + slope
        problem.descend(direction, step * max(value - aim, 1e-3 * abs(aim), 1e-9))
    problem.prices[:] = best_prices
    return problem.bound(sign)


class _Lagrangian:
    """The relaxed problem at its present multipliers; always as one of the most."""

    def __init__(self, choices: Choices, limits: Limits, task: Task, reached: float) -> None:
        asked = [i for i in range(len(choices.goals)) if i == task.stage or task.floors[i] > 0]
        goals = [choices.goals[i] for i in asked]
        self._floors = [None if i == task.stage else float(task.floors[i]) for i in asked]
        self._ends = np.cumsum([0, *(len(one.weight) for one in goals)])
        self._weight = np.concatenate([one.weight for one in goals])
        self._need = np.concatenate([one.need for one in goals]).astype(np.float64)
        sees = sparse.csr_array(sparse.hstack([one.sees for one in goals]))
        self._n_items = n_items = len(self._weight)
        view = np.repeat(np.arange(choices.n_views), np.diff(sees.indptr))
        key = choices.site_of[view].astype(np.int64) * n_items + sees.indices
        pairs, of_entry = np.unique(key, return_inverse=True)
        self._starts = sees.indptr.astype(np.int64)
        self._pair_of = of_entry.reshape(-1).astype(np.int64)
        self._pairs = (pairs // max(1, n_items), pairs % max(1, n_items))
        # A floor's multipliers begin where together they weigh as much as what is reached.
        n_paying = len(goals) if task.stage is None else 1
        known = max(reached, 1.0)
        scales = [1.0 if one is None else known / (n_paying * one) for one in self._floors]
        scale = np.repeat(np.array(scales), np.diff(self._ends))
        items = START * self._weight * scale / self._need
        metric = self._weight * scale
        of_pair = self._pairs[1]
        self.prices: Floats = np.concatenate((items, items[of_pair]))
        self._metric = np.concatenate((metric, PER_SITE * metric[of_pair]))
        self._limits = limits
        self._is_most = task.stage is not None
        self._counted_eur = 0.0  # multiplier of the number of cameras, where money has one too
        self._forest = Forest.of(choices)
        self._rates = (1.0, 1.0)

    def evaluate(self) -> tuple[float, Floats]:
        """Return the bound and its slope in the multipliers, those of items first."""
        items, pairs = self.prices[: self._n_items], self.prices[self._n_items :]
        profit = self._profit()
        value, opened = self._best_forest(profit)
        seen = (self._starts, self._pair_of, opened.views)
        shown, slope = _scatter(seen, opened.sites, self._pairs, (items, pairs), self._need)
        for floor, start, end in zip(self._floors, self._ends[:-1], self._ends[1:], strict=True):
            part = slice(start, end)
            added, counted = _items(items[part], self._weight[part], self._need[part], floor)
            value += added
            shown[part] -= self._need[part] * counted
        value += SAFETY * (abs(value) + float(items.sum()))
        return value, np.concatenate((shown, slope))

    def descend(self, direction: Floats, length: float) -> None:
        """Move the multipliers against a slope, so that it would fall by `length`."""
        scaled = self._metric * direction
        norm = float(direction @ scaled)
        if norm > SMALLEST * float(self._metric.sum()):
            self.prices -= scaled * (length / norm)
            np.maximum(self.prices, 0.0, out=self.prices)
            # beyond the price of its item a multiplier has no slope
            pairs = self.prices[self._n_items :]
            np.minimum(pairs, self.prices[: self._n_items][self._pairs[1]], out=pairs)

    def bound(self, sign: float) -> Bound:
        """Return the bound at the present multipliers, and how it falls with views and sites."""
        value, _ = self.evaluate()
        profit, forest = self._profit(), self._forest
        idle: Floats = site_losses(forest, *profit, *self._rates)
        money, counted = self._rates
        net = profit[0] - money * forest.view_eur - counted * forest.counted
        loss = idle[forest.site_of] + np.maximum(0.0, -net)
        return Bound(sign * value, loss, idle, self._rates)

    def _profit(self) -> tuple[Floats, Floats]:
        """Return what each view, and each site beside its views, brings at the multipliers."""
        items, pairs = self.prices[: self._n_items], self.prices[self._n_items :]
        site, item = self._pairs
        beside = self._need[item] * np.maximum(0.0, items[item] - pairs)
        bonus = np.bincount(site, beside, minlength=len(self._forest.site_eur))
        return _gather(self._starts, self._pair_of, pairs), bonus.astype(np.float64)

    def _best_forest(self, profit: tuple[Floats, Floats]) -> tuple[float, Opened]:
        """Choose views at the best price of the scarcest resource; fractions where it binds."""
        budget, most = self._limits.budget_eur, self._limits.max_cameras
        forest = self._forest
        money = 0.0 if self._is_most else 1.0
        if self._is_most and budget is not None:
            rates = (self._rates[0], self._counted_eur if most is not None else 0.0)
            value, opened, rate = open_within(forest, profit, rates, (0, float(budget)))
            self._rates = (rate, rates[1])
            if most is not None:
                value += rates[1] * most
                self._charge_cameras(opened, float(most), value)
            return value, opened
        if most is not None:
            rates = (money, self._rates[1])
            value, opened, rate = open_within(forest, profit, rates, (1, float(most)))
            self._rates = (money, rate)
            return value, opened
        self._rates = (money, 0.0)
        opened = open_best(forest, *profit, money, 0.0)
        return opened.worth, opened

    def _charge_cameras(self, opened: Opened, most: float, value: float) -> None:
        over = opened.number / max(most, 1.0) - 1.0
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


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _gather(starts: Ints, pair_of: Ints, prices: Floats) -> Floats:
    """Add up the prices of what each view sees."""
    profit = np.zeros(len(starts) - 1)
    for view in range(len(profit)):
        total = 0.0
        for at in range(starts[view], starts[view + 1]):
            total += prices[pair_of[at]]
        profit[view] = total
    return profit


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _scatter(
    seen: tuple[Ints, Ints, Floats],
    sites: Floats,
    pairs: tuple[Ints, Ints],
    prices: tuple[Floats, Floats],
    need: Floats,
) -> tuple[Floats, Floats]:
    """Return how often sites show each item, and by how much views see each pair more often."""
    starts, pair_of, views = seen
    shown = np.zeros(len(need))
    slope = np.zeros(len(pairs[0]))
    for view in range(len(views)):
        if views[view] > 0:
            for at in range(starts[view], starts[view + 1]):
                slope[pair_of[at]] += views[view]
    for pair in range(len(slope)):
        item = pairs[1][pair]
        if sites[pairs[0][pair]] > 0 and prices[0][item] > prices[1][pair]:
            times = need[item] * sites[pairs[0][pair]]
            shown[item] += times
            slope[pair] -= times
    return shown, slope
