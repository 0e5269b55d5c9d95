"""
One goal's turn: search, bound, search again among what the bound leaves, and prove.

The bound knows no ceilings, and without them many more views are replaced by others; so it is
computed for those that are left, and what it says of a view holds for all that view replaces. A
first search leaves the ceilings out too: where its choice keeps them, there is no need for another.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from parkwacht_coverage._bound import Bound, compute_bound
from parkwacht_coverage._model import Task, build_model
from parkwacht_coverage._reduction import reduced, stand_ins
from parkwacht_coverage._search import Search, Wish, in_order
from parkwacht_coverage.choices import Choices, Limits
from parkwacht_coverage.solving.milp import MilpAnswer, Status, run_milp

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
EXACT = 1e-6  # a gap below this is rounding
MOST_ENTRIES = 25_000  # of a program that HiGHS is to prove
KERNEL_ENTRIES = 20_000  # of one with only the most promising views, to find something better
NODE_ENTRIES = 400_000  # nodes x entries: a large program gets few nodes
NOTHING = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Effort:
    """
    How hard to try, in counts that do not depend on the machine.

    `relative_gap` is how near to the bound is near enough; `rounds` of destroy and repair,
    `bound_rounds` of subgradients, `node_limit` of HiGHS (0 asks it only where nothing was found);
    `time_limit_s` ends HiGHS in any case.
    """

    relative_gap: float = 0.01
    rounds: int = 150
    bound_rounds: int = 400
    node_limit: int = 200
    time_limit_s: float = 120.0
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
class Run:
    """How hard to try, and whom to tell and ask."""

    effort: Effort = Effort()
    on_progress: Callable[[str, float, float], None] = lambda _stage, _value, _bound: None
    should_stop: Callable[[], bool] = lambda: False


@dataclass(frozen=True, slots=True)
class Leads:
    """A bound, and what it says of each view to choose from: its loss, shape (views,)."""

    bound: Bound
    loss: Floats

    def views(self, reached: float, *, is_most: bool) -> Ints:
        """Return the views that a choice at least as good as `reached` may have, ascending."""
        return np.flatnonzero(self.loss < self.bound.room(reached, is_most=is_most))


class StageSolver:
    """
    One stage.

    Parameters
    ----------
    choices
        What there is to choose from, with the goals up to the stage's (or all that are asked).
    limits
        What a choice may cost.
    task
        What is asked.
    run
        How hard to try.
    """

    def __init__(self, choices: Choices, limits: Limits, task: Task, run: Run) -> None:
        self._choices = choices
        self._limits = limits
        self._task = task
        self._run = run
        self._is_most = task.stage is not None

    def most(self, starts: list[Ints]) -> tuple[Ints, Stage, Ints]:
        """
        Reach the most of the stage's goal, floors under those before it kept.

        Returns
        -------
        chosen, stage, views
            And the views that a choice as good at this stage may have, ascending.
        """
        index = self._task.stage
        if index is None:
            raise TypeError
        goal = self._choices.goals[index]
        chosen = self._searched(starts)
        self._run.on_progress(goal.id, goal.value(chosen), goal.reachable)
        limit, chosen, is_late, views = self._proven(chosen)
        chosen = Search(self._choices, self._limits, in_order(self._choices)).pruned(chosen)
        return chosen, Stage(index, goal.value(chosen), limit, is_late), views

    def cheapest(self, starts: list[Ints]) -> tuple[Ints, Stage] | None:
        """Reach all floors for the least money; None where nothing was found that does."""
        chosen = self._searched(starts)
        self._run.on_progress("cost", self._value(chosen), 0.0)
        limit, chosen, is_late, _ = self._proven(chosen)
        if not self._keeps_floors(chosen):
            return None
        search = Search(self._choices, self._limits, self._wish(), floor=self._task.floors)
        chosen = search.pruned(chosen)
        value = self._choices.cost_eur(chosen)
        return chosen, Stage(None, value, min(limit, value), is_late)

    def _wish(self) -> Wish:
        if self._task.stage is not None:
            wish = in_order(self._choices)
            # More of an earlier goal than its floor is worth nothing: that goal had its turn.
            enough = np.where(
                np.arange(len(wish.enough)) < self._task.stage, self._task.floors, np.inf
            )
            return Wish(wish.factor, enough)
        # A little more than the floors, lest rounding leaves a choice just below.
        return Wish(1.0 / self._task.floors, self._task.floors * (1 + EXACT / 10))

    def _searched(self, starts: list[Ints]) -> Ints:
        """Search without ceilings first; with them where that breaks one."""
        every = np.arange(self._choices.n_views)
        if not self._choices.ceilings:
            return self.among(every, starts, self._run.effort.rounds)
        free = StageSolver(replace(self._choices, ceilings=()), self._limits, self._task, self._run)
        found = free.among(every, starts, self._run.effort.rounds)
        if self._limits.allow(self._choices, found) and self._keeps_floors(found):
            return found
        return self.among(every, [*starts, self._within(found)], self._run.effort.rounds)

    def _within(self, chosen: Ints) -> Ints:
        """Return what of a choice keeps to the limits, taken one by one."""
        kept = NOTHING
        for view in chosen:
            more = np.append(kept, view)
            if self._limits.allow(self._choices, more):
                kept = more
        return kept

    def among(self, views: Ints, starts: list[Ints], rounds: int) -> Ints:
        """
        Search among some of the views.

        Parameters
        ----------
        views
            Those that may be chosen, ascending, and those of `starts`.
        starts
            Choices to begin with; the empty one is tried too.
        rounds
            Of destroy and repair.

        Returns
        -------
        chosen
            Ascending; never worse than any of `starts`.
        """
        keep = np.unique(np.concatenate([NOTHING, *starts]))
        views = np.union1d(views, keep)
        few, of_few = reduced(self._choices.of_views(views), keep=np.searchsorted(views, keep))
        views = views[of_few]
        wish = self._wish()
        floor = None if self._is_most else self._task.floors
        search = Search(few, self._limits, wish, floor=floor)
        begun = [np.searchsorted(views, one) for one in (*starts, NOTHING)]
        filled = [search.fill(one) for one in begun]
        best = max(filled, key=lambda one: (self._keeps_floors(views[one]), search.worth(one)))
        found = search.improved(
            best, rounds=rounds, seed=self._run.effort.seed, should_stop=self._run.should_stop
        )
        best, found = np.sort(views[best]), views[found]
        # Sums of weights may lie nearer together than the wish tells apart.
        return best if self._keeps_floors(best) and not self._keeps_floors(found) else found

    def _proven(self, chosen: Ints) -> tuple[float, Ints, bool, Ints]:
        """Bound a choice and better it; return bound, choice, whether time ended it, and views."""
        leads = self._leads(self._value(chosen))
        limit = self._rounded(leads.bound.value)
        is_late = False
        if self._may_better(chosen, limit) and self._keeps_floors(chosen):
            views = leads.views(self._better_than(chosen), is_most=self._is_most)
            chosen = self.among(views, [chosen], self._run.effort.rounds)
        is_asked = self._run.effort.node_limit > 0 or not self._keeps_floors(chosen)
        if is_asked and self._may_better(chosen, limit):
            limit, chosen, is_late = self._with_program(limit, chosen, leads)
        return self._safe(limit, chosen), chosen, is_late, self._needed(leads, chosen)

    def _may_better(self, chosen: Ints, limit: float) -> bool:
        return not self._run.should_stop() and not self._is_near(chosen, limit)

    def _needed(self, leads: Leads, chosen: Ints) -> Ints:
        """Return the views that a choice as good may have, and those of the choice at hand."""
        value = self._value(chosen)
        slack = EXACT * abs(value) if math.isfinite(value) else 0.0
        needed = leads.views(
            value - slack if self._is_most else value + slack, is_most=self._is_most
        )
        return np.union1d(needed, chosen)

    def _leads(self, value: float) -> Leads:
        """Bound what can be chosen without ceilings, and find what each view loses."""
        free = replace(self._choices, ceilings=())
        few, views = reduced(free)
        effort = self._run.effort
        known = value if math.isfinite(value) else float(free.cheapest_eur().sum())
        bound = compute_bound(
            few,
            self._limits,
            self._task,
            known,
            rounds=effort.bound_rounds,
            relative_gap=effort.relative_gap,
            should_stop=self._run.should_stop,
        )
        money, counted = bound.rates
        loss = bound.idle_loss[free.site_of] + money * free.view_eur + counted * free.is_counted
        by = stand_ins(free)
        seeing = by >= 0
        loss[seeing] = bound.loss[np.searchsorted(views, by[seeing])]
        return Leads(bound, loss)

    def _with_program(self, limit: float, chosen: Ints, leads: Leads) -> tuple[float, Ints, bool]:
        """Let HiGHS prove what is small, and better what is large."""
        is_known = self._keeps_floors(chosen)
        views = np.arange(self._choices.n_views)
        if is_known:
            views = leads.views(self._better_than(chosen), is_most=self._is_most)
        keep = chosen if is_known else NOTHING
        views, is_whole = self._promising(np.union1d(views, keep), leads)
        views = np.union1d(views, keep)
        answer, better = self._milp(views, chosen if is_known else None)
        if better is not None:
            chosen = better
        if is_whole and answer.status is not Status.INFEASIBLE:
            # The views left out cannot be part of anything better than what was known.
            value = self._value(chosen)
            if self._is_most:
                limit = min(limit, max(answer.bound, value))
            else:
                limit = max(limit, min(answer.bound, value))
        is_late = answer.seconds >= self._run.effort.time_limit_s
        return self._rounded(limit), chosen, is_late

    def _promising(self, views: Ints, leads: Leads) -> tuple[Ints, bool]:
        """Return as many views, those that cost the bound least, as a program can hold."""
        _, of_few = reduced(self._choices.of_views(views))
        views = views[of_few]
        entries = self._entries(views)
        if int(entries.sum()) <= MOST_ENTRIES:
            return views, True
        order = np.argsort(leads.loss[views], kind="stable")
        n = int(np.searchsorted(np.cumsum(entries[order]), KERNEL_ENTRIES))
        return np.sort(views[order[:n]]), False

    def _entries(self, views: Ints) -> Ints:
        n_seen = sum(np.diff(goal.sees.indptr) for goal in self._choices.goals)
        return np.asarray(n_seen, dtype=np.int64)[views]

    def _milp(self, views: Ints, chosen: Ints | None) -> tuple[MilpAnswer, Ints | None]:
        """Ask HiGHS; return its answer, and its choice where that holds and is better."""
        keep = None if chosen is None else np.searchsorted(views, chosen)
        few, of_few = reduced(self._choices.of_views(views), keep=keep)
        views = views[of_few]
        model = build_model(few, self._limits, self._task)
        effort = self._run.effort
        n_nodes = max(1, NODE_ENTRIES // max(1, int(self._entries(views).sum())))
        answer = run_milp(
            model.milp,
            time_limit_s=effort.time_limit_s,
            start=None if chosen is None else model.vector(np.searchsorted(views, chosen)),
            relative_gap=effort.relative_gap,
            should_stop=self._run.should_stop,
            node_limit=min(effort.node_limit, n_nodes),
            seed=effort.seed,
        )
        if answer.values is None:
            return answer, None
        found = views[model.chosen(answer.values)]
        if not self._limits.allow(self._choices, found) or not self._keeps_floors(found):
            return answer, None
        if chosen is not None and self._best(chosen, found) is chosen:
            return answer, None
        return answer, found

    def _keeps_floors(self, chosen: Ints) -> bool:
        values = np.array(self._choices.values(chosen))
        asked = np.where(np.arange(len(values)) == self._task.stage, 0.0, self._task.floors)
        return bool(np.all(values >= asked * (1 - EXACT)))

    def _value(self, chosen: Ints) -> float:
        """Return what a choice reaches of the stage; no cost where it misses a floor."""
        if self._task.stage is not None:
            return self._choices.goals[self._task.stage].value(chosen)
        return self._choices.cost_eur(chosen) if self._keeps_floors(chosen) else math.inf

    def _best(self, one: Ints, other: Ints) -> Ints:
        """Return the better choice, the first where neither is."""
        if not self._keeps_floors(other):
            return one
        sign = 1.0 if self._is_most else -1.0
        return other if sign * self._value(other) > sign * self._value(one) else one

    def _better_than(self, chosen: Ints) -> float:
        """Return the least that a better choice reaches."""
        value = self._value(chosen)
        return value + 1.0 - EXACT if self._is_whole() else value

    def _is_whole(self) -> bool:
        if self._task.stage is None:
            return False
        weight = self._choices.goals[self._task.stage].weight
        return bool(np.all(weight == np.round(weight)))

    def _is_near(self, chosen: Ints, bound: float) -> bool:
        value = self._value(chosen)
        if not math.isfinite(value):
            return False  # nothing found yet
        largest = max(abs(value), abs(bound))
        return bool(abs(bound - value) <= self._run.effort.relative_gap * largest)

    def _rounded(self, bound: float) -> float:
        """Round a bound on a goal of whole weights down."""
        if self._task.stage is None:
            return bound
        bound = min(bound, self._choices.goals[self._task.stage].reachable)
        return math.floor(bound + EXACT) if self._is_whole() else bound

    def _safe(self, bound: float, chosen: Ints) -> float:
        """Return the bound, never on the wrong side of what was reached."""
        value = self._value(chosen)
        return max(bound, value) if self._is_most else min(bound, value)
