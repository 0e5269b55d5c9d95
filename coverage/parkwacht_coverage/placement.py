"""
Which cameras to place where: the most for a budget, or the least money that meets the goals.

`problem` gathers what there is to choose from, `choosing` chooses; here the answer gets its words:
which cameras, in which order of use, what they cost, and for each goal what was reached and what
nothing can beat. An impossible wish is refused with the constraint that bars it.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from parkwacht_config.site import Camera
from parkwacht_config.text import Text
from parkwacht_coverage.choices import Choices, Limits
from parkwacht_coverage.choosing import (
    Chosen,
    Effort,
    Run,
    Stage,
    choose_cheapest,
    choose_most,
)
from parkwacht_coverage.cost import Cost, compute_cost
from parkwacht_coverage.impossible import require_possible, why_impossible
from parkwacht_coverage.problem import PlacementProblem
from parkwacht_coverage.results import Proof
from parkwacht_coverage.views import View

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

COST = Text(nl="kosten", en="cost")


class Aim(StrEnum):
    """What is asked of a placement."""

    MOST = "most"  # the most of the goals, in their order, within the limits
    CHEAPEST = "cheapest"  # the least money that meets the goals


@dataclass(frozen=True, slots=True)
class Placement:
    """
    What was chosen.

    `chosen` are indices of the problem's choices, the most useful first; `views` the cameras to add
    in that order; `cameras` those of today that stay. `is_time_limited` means that another machine
    might find another answer, `is_stopped` that the search was interrupted.
    """

    aim: Aim
    chosen: tuple[int, ...]
    views: tuple[View, ...]
    cameras: tuple[Camera, ...]
    cost: Cost
    proofs: tuple[Proof, ...]
    values: tuple[float, ...]  # weight met of each goal of the choices, with what is met anyway
    seconds: float
    is_stopped: bool = False

    @property
    def is_time_limited(self) -> bool:
        """Whether time ended any of the searches."""
        return any(one.is_time_limited for one in self.proofs)


def place(  # noqa: PLR0913 (keywords, each with a default)
    problem: PlacementProblem,
    *,
    aim: Aim = Aim.MOST,
    budget_eur: float | None = None,
    max_cameras: int | None = None,
    effort: Effort | None = None,
    start: Sequence[int] | None = None,
    on_progress: Callable[[str, float, float], None] = lambda _stage, _value, _bound: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Placement:
    """
    Choose cameras.

    Parameters
    ----------
    problem
        What there is to choose from.
    aim
        The most within the limits, or the least money that meets the goals.
    budget_eur, max_cameras
        The limits; None sets none.
    effort
        How hard to try; None takes the defaults.
    start
        Indices of a choice to begin with, such as that for a smaller budget.
    on_progress
        Told the id of the goal, the value reached and the bound.
    should_stop
        Asked often; once it answers True the best so far is returned.

    Returns
    -------
    placement
        Within the limits. The same for the same input unless time limited or stopped.

    Raises
    ------
    PlacementImpossible
        No choice keeps to the limits (or, for the cheapest, meets the goals): says which bars it.
    """
    begun = time.monotonic()
    limits = Limits(budget_eur, max_cameras)
    run = Run(effort or Effort(), on_progress, should_stop)
    require_possible(problem, limits)
    first = None if start is None else np.array(sorted(start), dtype=np.int64)
    if aim is Aim.MOST:
        chosen = choose_most(problem.choices, limits, run, start=_fitting(problem, limits, first))
    else:
        floors = goal_floors(problem)
        found = choose_cheapest(problem.choices, limits, floors, run, start=first)
        if found is None:
            raise why_impossible(problem, limits, floors)
        chosen = found
    return _placement(problem, aim, chosen, time.monotonic() - begun)


def goal_floors(problem: PlacementProblem) -> Floats:
    """
    Return what "meets the goals" asks to be added to each goal, shape (goals,).

    All gates and windows of routes that any view can serve, and `min_area_share` of the weighted
    ground, as far as views can see that much.
    """
    floors = []
    for goal in problem.choices.goals:
        wanted = goal.reachable
        if goal.id == "area":
            share = problem.site.goals.min_area_share
            wanted = min(wanted, share * float(problem.ground.weight.sum()) - goal.met)
        floors.append(max(0.0, wanted))
    return np.array(floors)


def _fitting(problem: PlacementProblem, limits: Limits, start: Ints | None) -> Ints | None:
    """Return a choice to begin with only where it keeps to the limits."""
    if start is None or not limits.allow(problem.choices, start):
        return None
    return start


def _placement(problem: PlacementProblem, aim: Aim, chosen: Chosen, seconds: float) -> Placement:
    picked = [int(one) for one in chosen.views]
    views = tuple(problem.views[one] for one in picked if one < problem.n_views)
    stay = {one - problem.n_views for one in picked if one >= problem.n_views}
    released = tuple(one for i, one in enumerate(problem.released) if i in stay)
    bought = [(one.mount.id, one.camera_type) for one in views]
    indices = np.array(picked, dtype=np.int64)
    return Placement(
        aim=aim,
        chosen=tuple(picked),
        views=views,
        cameras=(*problem.kept, *released),
        cost=compute_cost(problem.site, bought, problem.forest),
        proofs=tuple(_proof(problem.choices, one) for one in chosen.stages),
        values=tuple(goal.met + goal.value(indices) for goal in problem.choices.goals),
        seconds=seconds,
        is_stopped=chosen.is_stopped,
    )


def goal_total(choices: Choices, index: int) -> float:
    """Return what a goal would be worth if all of it were met, whether any view sees it or not."""
    goal = choices.goals[index]
    return goal.met + float(goal.weight.sum())


def _proof(choices: Choices, stage: Stage) -> Proof:
    """Put what a stage reached into the unit that a reader expects."""
    if stage.goal is None:
        name, unit, met, scale = COST, "EUR", 0.0, 1.0
    else:
        goal = choices.goals[stage.goal]
        name, met = goal.name, goal.met
        is_count = goal.id == "gates"
        total = goal_total(choices, stage.goal)
        unit, scale = ("", 1.0) if is_count else ("%", 100.0 / total if total else 0.0)
    value, bound = (met + stage.value) * scale, (met + stage.bound) * scale
    largest = max(abs(value), abs(bound))
    return Proof(
        goal=name,
        unit=unit,
        value=value,
        bound=bound,
        gap=0.0 if stage.is_proven or largest == 0 else abs(bound - value) / largest,
        is_proven=stage.is_proven,
        is_time_limited=stage.is_time_limited,
    )
