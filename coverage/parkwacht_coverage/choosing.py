"""
The best choice of views, goal after goal, each answer with a bound.

Goals are served in their order: first the most of the first goal, then the most of the second among
choices that keep the first at that value, and so on. Each stage reduces what there is to choose
from, searches (greedy, destroy and repair), bounds (Lagrangian), drops every view that no better
choice can have, and hands what is left to HiGHS with the best so far to begin with. Rounds, nodes
and gaps decide when to stop, so that the answer does not depend on the machine; the time limit is a
safety net, and an answer says when it was needed.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from parkwacht_coverage._bound import Bound, compute_bound
from parkwacht_coverage._model import Task, build_model
from parkwacht_coverage._reduction import reduced
from parkwacht_coverage._search import Search, Wish, in_order
from parkwacht_coverage.choices import Choices, Limits
from parkwacht_coverage.solving.milp import MilpAnswer, Status, run_milp

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
EXACT = 1e-6  # a gap below this is rounding
MOST_ENTRIES = 40_000  # of a program that HiGHS is to prove
KERNEL_ENTRIES = 8_000  # of one with only the most promising views, to find something better
KERNEL_NODES = 20


@dataclass(frozen=True, slots=True)
class Effort:
    """
    How hard to try, in counts that do not depend on the machine.

    `relative_gap` is how near to the bound is near enough; `rounds` of destroy and repair,
    `bound_rounds` of subgradients, `node_limit` of HiGHS; `time_limit_s` ends HiGHS in any case.
    """

    relative_gap: float = 0.01
    rounds: int = 150
    bound_rounds: int = 400
    node_limit: int = 200
    time_limit_s: float = 30.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Stage:
    """
    What one stage reached and what nothing can beat.

    `goal` is the index of the goal, None where least cost was asked; `value` and `bound` are added
    weight (without `met`) or euro.
    """

    goal: int | None
    value: float
    bound: float
    is_time_limited: bool = False

    @property
    def gap(self) -> float:
        """How far value and bound are apart, relative to the larger."""
        largest = max(abs(self.value), abs(self.bound))
        return abs(self.bound - self.value) / largest if largest > 0 else 0.0

    @property
    def is_proven(self) -> bool:
        """Whether nothing is better."""
        return self.gap <= EXACT


@dataclass(frozen=True, slots=True)
class Chosen:
    """The views chosen, the most useful first, what each stage reached, and whether stopped."""

    views: Ints
    stages: tuple[Stage, ...]
    is_stopped: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """How hard to try, and whom to tell and ask."""

    effort: Effort = Effort()
    on_progress: Callable[[str, float, float], None] = lambda _stage, _value, _bound: None
    should_stop: Callable[[], bool] = lambda: False


def choose_most(
    choices: Choices, limits: Limits, run: Run | None = None, *, start: Ints | None = None
) -> Chosen:
    """
    Choose what serves the goals most, in their order, within the limits.

    Parameters
    ----------
    choices
        What there is to choose from.
    limits
        What a choice may cost.
    run
        How hard to try; None takes the defaults.
    start
        A choice within the limits to begin with.

    Returns
    -------
    chosen
        One stage for each goal that has anything to reach. Nothing chosen when nothing fits.
    """
    run = run or Run()
    chosen = first = np.zeros(0, dtype=np.int64) if start is None else np.unique(start)
    floors = np.zeros(len(choices.goals))
    stages: list[Stage] = []
    for index, goal in enumerate(choices.goals):
        if goal.reachable <= 0:
            continue
        # What to begin with counts at every stage: later goals were pruned out of `chosen`.
        begins = (chosen, first)
        keep = np.union1d(*begins)
        small, views = reduced(choices.of_goals(choices.goals[: index + 1]), keep=keep)
        solver = _Solver(small, limits, Task(index, floors[: index + 1]), run)
        local, stage = solver.most([np.searchsorted(views, one) for one in begins])
        chosen = views[local]
        floors[index] = stage.value
        stages.append(stage)
    if len(chosen):
        chosen = Search(choices, limits, in_order(choices)).pruned(chosen)
    return Chosen(in_order_of_use(choices, chosen), tuple(stages), run.should_stop())


def choose_cheapest(
    choices: Choices,
    limits: Limits,
    floors: Floats,
    run: Run | None = None,
    *,
    start: Ints | None = None,
) -> Chosen | None:
    """
    Choose what reaches a floor under every goal for the least money.

    Parameters
    ----------
    choices
        What there is to choose from.
    limits
        What a choice may cost.
    floors
        What each goal must at least be worth, shape (goals,); 0 asks nothing.
    run
        How hard to try; None takes the defaults.
    start
        A choice to begin with.

    Returns
    -------
    chosen
        With one stage, in euro; None when nothing was found that reaches the floors.
    """
    run = run or Run()
    if not (floors > 0).any():
        return Chosen(np.zeros(0, dtype=np.int64), (Stage(None, 0.0, 0.0),))
    asked = np.flatnonzero(floors > 0)
    chosen = np.zeros(0, dtype=np.int64) if start is None else np.unique(start)
    goals = [choices.goals[i] for i in asked]
    small, views = reduced(choices.of_goals(goals), keep=chosen)
    solver = _Solver(small, limits, Task(None, floors[asked]), run)
    found = solver.cheapest([np.searchsorted(views, chosen)])
    if found is None:
        return None
    local, stage = found
    return Chosen(in_order_of_use(choices, views[local]), (stage,), run.should_stop())


def in_order_of_use(choices: Choices, chosen: Ints) -> Ints:
    """Sort a choice so that each view adds most to those before it, goals in their order."""
    if not len(chosen):
        return chosen
    few = choices.of_views(np.sort(chosen))
    order = Search(few, Limits(), in_order(few)).fill(np.zeros(0, dtype=np.int64))
    rest = np.setdiff1d(np.arange(len(chosen)), order)
    return np.sort(chosen)[np.concatenate((order, rest))]


class _Solver:
    """One stage over reduced choices."""

    def __init__(self, choices: Choices, limits: Limits, task: Task, run: Run) -> None:
        self._choices = choices
        self._limits = limits
        self._task = task
        self._run = run

    def most(self, starts: list[Ints]) -> tuple[Ints, Stage]:
        """Reach the most of the stage's goal, floors under those before it kept."""
        index = self._task.stage
        if index is None:
            raise TypeError
        goal = self._choices.goals[index]
        search = Search(self._choices, self._limits, in_order(self._choices))
        chosen = self._searched(search, starts)
        value = goal.value(chosen)
        self._run.on_progress(goal.id, value, goal.reachable)
        bound, chosen, is_late = self._proven(chosen, value)
        chosen = search.pruned(chosen)
        return chosen, Stage(index, goal.value(chosen), bound, is_late)

    def cheapest(self, starts: list[Ints]) -> tuple[Ints, Stage] | None:
        """Reach all floors for the least money."""
        floors = self._task.floors
        # A little more than the floors, lest rounding leaves a choice just below.
        wish = Wish(1.0 / floors, floors * (1 + EXACT / 10))
        search = Search(self._choices, self._limits, wish, floor=floors)
        chosen = self._searched(search, starts)
        value = self._choices.cost_eur(chosen) if self._keeps_floors(chosen) else math.inf
        self._run.on_progress("cost", value, 0.0)
        bound, chosen, is_late = self._proven(chosen, value)
        if not self._keeps_floors(chosen):
            return None
        chosen = search.pruned(chosen)
        value = self._choices.cost_eur(chosen)
        return chosen, Stage(None, value, min(bound, value), is_late)

    def _searched(self, search: Search, starts: list[Ints]) -> Ints:
        """Fill choices to begin with and the empty one, and improve the best."""
        effort = self._run.effort
        nothing = np.zeros(0, dtype=np.int64)
        filled = [search.fill(one) for one in (*starts, nothing)]
        best = max(filled, key=lambda one: (self._keeps_floors(one), search.worth(one)))
        found = search.improved(
            best, rounds=effort.rounds, seed=effort.seed, should_stop=self._run.should_stop
        )
        # Sums of weights may lie nearer together than the wish tells apart.
        return best if self._keeps_floors(best) and not self._keeps_floors(found) else found

    def _proven(self, chosen: Ints, value: float) -> tuple[float, Ints, bool]:
        """Bound a choice and better it; return the bound, the choice and whether time ended it."""
        is_most = self._task.stage is not None
        bound = self._bound(value)
        limit = self._rounded(bound.value)
        if self._run.should_stop() or self._is_near(value, limit):
            return self._safe(limit, value), chosen, False
        views = np.arange(self._choices.n_views)
        if math.isfinite(value):
            views = bound.needed(value, is_most=is_most)
        views, is_whole = self._promising(views, bound)
        views = np.union1d(views, chosen)
        nodes = self._run.effort.node_limit if is_whole else KERNEL_NODES
        answer, better = self._milp(views, chosen if math.isfinite(value) else None, nodes)
        if better is not None:
            chosen, value = better, self._value(better)
        if is_whole and answer.status is not Status.INFEASIBLE:
            # The views left out cannot be part of anything better than what was known.
            outer = max(answer.bound, value) if is_most else min(answer.bound, value)
            limit = min(limit, outer) if is_most else max(limit, outer)
        limit = self._rounded(limit)
        is_late = answer.seconds >= self._run.effort.time_limit_s
        return self._safe(limit, value), chosen, is_late

    def _bound(self, value: float) -> Bound:
        effort = self._run.effort
        known = value if math.isfinite(value) else float(self._choices.cheapest_eur().sum())
        return compute_bound(
            self._choices,
            self._limits,
            self._task,
            known,
            rounds=effort.bound_rounds,
            relative_gap=effort.relative_gap,
            should_stop=self._run.should_stop,
        )

    def _promising(self, views: Ints, bound: Bound) -> tuple[Ints, bool]:
        """Return as many views, those that cost the bound least, as a program can hold."""
        entries = sum(np.diff(goal.sees.indptr) for goal in self._choices.goals)
        if int(entries[views].sum()) <= MOST_ENTRIES:
            return views, True
        order = views[np.argsort(bound.loss[views], kind="stable")]
        n = int(np.searchsorted(np.cumsum(entries[order]), KERNEL_ENTRIES))
        return np.sort(order[:n]), False

    def _milp(
        self, views: Ints, chosen: Ints | None, node_limit: int
    ) -> tuple[MilpAnswer, Ints | None]:
        """Ask HiGHS; return its answer, and its choice where that holds and is better."""
        model = build_model(self._choices.of_views(views), self._limits, self._task)
        effort = self._run.effort
        answer = run_milp(
            model.milp,
            time_limit_s=effort.time_limit_s,
            start=None if chosen is None else model.vector(np.searchsorted(views, chosen)),
            relative_gap=effort.relative_gap,
            should_stop=self._run.should_stop,
            node_limit=node_limit,
            seed=effort.seed,
        )
        if answer.values is None:
            return answer, None
        found = views[model.chosen(answer.values)]
        if not self._limits.allow(self._choices, found) or not self._keeps_floors(found):
            return answer, None
        if chosen is not None and not self._is_better(self._value(found), self._value(chosen)):
            return answer, None
        return answer, found

    def _keeps_floors(self, chosen: Ints) -> bool:
        values = np.array(self._choices.values(chosen))
        asked = np.where(np.arange(len(values)) == self._task.stage, 0.0, self._task.floors)
        return bool(np.all(values >= asked * (1 - EXACT)))

    def _value(self, chosen: Ints) -> float:
        if self._task.stage is None:
            return self._choices.cost_eur(chosen)
        return self._choices.goals[self._task.stage].value(chosen)

    def _is_better(self, value: float, than: float) -> bool:
        return value > than if self._task.stage is not None else value < than

    def _is_near(self, value: float, bound: float) -> bool:
        if not math.isfinite(value):
            return False  # nothing found yet
        largest = max(abs(value), abs(bound))
        return bool(abs(bound - value) <= self._run.effort.relative_gap * largest)

    def _rounded(self, bound: float) -> float:
        """Round a bound on a goal of whole weights down."""
        if self._task.stage is None:
            return bound
        weight = self._choices.goals[self._task.stage].weight
        is_whole = bool(np.all(weight == np.round(weight)))
        bound = min(bound, self._choices.goals[self._task.stage].reachable)
        return math.floor(bound + EXACT) if is_whole else bound

    def _safe(self, bound: float, value: float) -> float:
        """Return the bound, never on the wrong side of what was reached."""
        return max(bound, value) if self._task.stage is not None else min(bound, value)
