"""
The best choice of views, goal after goal, each answer with a bound.

Goals are served in their order: first the most of the first goal, then the most of the second among
choices that keep the first at that value, and so on. Each stage reduces what there is to choose
from, searches (greedy, destroy and repair), bounds (Lagrangian), drops every view that no better
choice can have, searches again among the others, and hands what is left to HiGHS with the best so
far to begin with (`_stage`). What no choice as good at a goal can have, the goals after it do
without. Rounds, nodes and gaps decide when to stop, so that the answer does not depend on the
machine; the time limit is a safety net, and an answer says when it was needed.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from parkwacht_coverage._model import Task
from parkwacht_coverage._search import Search, in_order
from parkwacht_coverage._stage import Effort, Run, Stage, StageSolver
from parkwacht_coverage.choices import Choices, Limits

__all__ = [
    "Chosen",
    "Effort",
    "Run",
    "Stage",
    "choose_cheapest",
    "choose_most",
    "in_order_of_use",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The views chosen, the most useful first, what each stage reached, and whether stopped."""

    views: Ints
    stages: tuple[Stage, ...]
    is_stopped: bool = False


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
    views = np.arange(choices.n_views)
    floors = np.zeros(len(choices.goals))
    stages: list[Stage] = []
    for index, goal in enumerate(choices.goals):
        if goal.reachable <= 0:
            continue
        # What to begin with counts at every stage: later goals were pruned out of `chosen`.
        begins = (chosen, first)
        views = np.union1d(views, first)
        few = choices.of_goals(choices.goals[: index + 1]).of_views(views)
        solver = StageSolver(few, limits, Task(index, floors[: index + 1]), run)
        local, stage, needed = solver.most([np.searchsorted(views, one) for one in begins])
        # What cannot be in a choice as good as this one is of no use to the goals that follow.
        chosen, views = views[local], views[needed]
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
    solver = StageSolver(choices.of_goals(goals), limits, Task(None, floors[asked]), run)
    found = solver.cheapest([chosen])
    if found is None:
        return None
    return Chosen(in_order_of_use(choices, found[0]), (found[1],), run.should_stop())


def in_order_of_use(choices: Choices, chosen: Ints) -> Ints:
    """Sort a choice so that each view adds most to those before it, goals in their order."""
    if not len(chosen):
        return chosen
    few = choices.of_views(np.sort(chosen))
    order = Search(few, Limits(), in_order(few)).fill(np.zeros(0, dtype=np.int64))
    rest = np.setdiff1d(np.arange(len(chosen)), order)
    return np.sort(chosen)[np.concatenate((order, rest))]
