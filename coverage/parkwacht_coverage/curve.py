"""
What each next euro brings: the best placement for a series of budgets.

The budgets are walked upwards, each search beginning with the answer of the one before, so that
more money never serves a goal less. The bound of a budget holds for every smaller one too.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from parkwacht_coverage.choosing import Effort
from parkwacht_coverage.impossible import PlacementImpossible
from parkwacht_coverage.placement import Aim, Placement, place
from parkwacht_coverage.problem import PlacementProblem
from parkwacht_coverage.results import CurvePoint
from parkwacht_coverage.served import AREA

Find = Callable[[float, Sequence[int] | None], Placement]


def cost_curve(  # noqa: PLR0913 (keywords, each with a default)
    problem: PlacementProblem,
    budgets_eur: Sequence[float],
    *,
    max_cameras: int | None = None,
    effort: Effort | None = None,
    find: Find | None = None,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> tuple[CurvePoint, ...]:
    """
    Find the best placement for each of a series of budgets.

    Parameters
    ----------
    problem
        What there is to choose from.
    budgets_eur
        In any order.
    max_cameras
        How many cameras may be added; None sets no limit.
    effort
        How hard to try for each budget.
    find
        Searches for one budget, with the indices to begin with; None asks `place`.
    on_progress
        Told how many budgets of how many are done.
    should_stop
        Asked often; once it answers True the points so far are returned.

    Returns
    -------
    points
        By rising budget; budgets below the cheapest site are the cameras of today.
    """

    def place_for(budget_eur: float, start: Sequence[int] | None) -> Placement:
        return place(
            problem,
            aim=Aim.MOST,
            budget_eur=budget_eur,
            max_cameras=max_cameras,
            effort=effort,
            start=start,
            should_stop=should_stop,
        )

    points: list[CurvePoint] = []
    before: Placement | None = None
    budgets = sorted(set(budgets_eur))
    for done, budget in enumerate(budgets, start=1):
        if should_stop():
            break
        try:
            before = (find or place_for)(budget, before.chosen if before else None)
            points.append(_point(problem, budget, before))
        except PlacementImpossible:
            points.append(_today(problem, budget))
        on_progress(done, len(budgets))
    return _with_margins(problem, points)


def _point(problem: PlacementProblem, budget_eur: float, found: Placement) -> CurvePoint:
    share = _share(problem, found.chosen)
    proofs = [one for one in found.proofs if one.goal == AREA]
    return CurvePoint(
        budget_eur=budget_eur,
        cost_eur=found.cost.total_eur,
        n_cameras=found.cost.n_cameras,
        n_sites=found.cost.n_sites,
        share=share,
        bound=max([share, *(one.bound / 100.0 for one in proofs)]),
        marginal_m2_per_1000_eur=0.0,
        gates_served=problem.n_gates_served(found.chosen),
        is_proven=all(one.is_proven for one in found.proofs),
    )


def _today(problem: PlacementProblem, budget_eur: float) -> CurvePoint:
    """Return the point of a budget that buys nothing: all cameras of today stay."""
    own = range(problem.n_views, problem.choices.n_views)
    share = _share(problem, own)
    return CurvePoint(
        budget_eur=budget_eur,
        cost_eur=0.0,
        n_cameras=0,
        n_sites=0,
        share=share,
        bound=share,
        marginal_m2_per_1000_eur=0.0,
        gates_served=problem.n_gates_served(own),
        is_proven=True,
    )


def _share(problem: PlacementProblem, chosen: Sequence[int]) -> float:
    """Return which share of the weighted ground is seen."""
    total = float(problem.ground.weight.sum())
    for goal in problem.choices.goals:
        if goal.id == "area" and total:
            return (goal.met + goal.value(np.array(chosen, dtype=np.int64))) / total
    return 0.0


def _with_margins(
    problem: PlacementProblem, points: Sequence[CurvePoint]
) -> tuple[CurvePoint, ...]:
    """Add to each point what its last step of budget brought, per EUR 1,000."""
    total = float(problem.ground.weight.sum())
    found = []
    before_eur = 0.0
    before_share = _share(problem, range(problem.n_views, problem.choices.n_views))
    for one in points:
        step = (one.budget_eur - before_eur) / 1000.0
        added = (one.share - before_share) * total
        found.append(replace(one, marginal_m2_per_1000_eur=added / step if step else 0.0))
        before_eur, before_share = one.budget_eur, one.share
    return tuple(found)


def find_knee(points: Sequence[CurvePoint], today_share: float) -> float:
    """
    Return the budget at which the curve bends most: more money brings visibly less from there on.

    The point farthest above the chord from today to the last point, both axes scaled to 1 (the
    Kneedle rule, Satopaa et al. 2011).

    Parameters
    ----------
    points
        The curve, at least one point.
    today_share
        Of the weighted ground, seen without spending anything.
    """
    eur = np.array([0.0, *(one.cost_eur for one in points)])
    share = np.array([today_share, *(one.share for one in points)])
    if eur[-1] <= 0 or share[-1] <= share[0]:
        return points[-1].budget_eur
    above = (share - share[0]) / (share[-1] - share[0]) - eur / eur[-1]
    return points[int(np.argmax(above[1:]))].budget_eur
