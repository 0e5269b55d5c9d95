"""
Placements found before are taken from the checkpoint, others are searched for and kept.

Only a search that ran to its end is kept: one that the clock cut or the user stopped would make the
next study differ from an undisturbed one.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from parkwacht_config.text import Text
from parkwacht_coverage.checkpoint import Checkpoint
from parkwacht_coverage.choosing import Effort
from parkwacht_coverage.cost import compute_cost
from parkwacht_coverage.placement import Aim, Placement, place
from parkwacht_coverage.problem import PlacementProblem
from parkwacht_coverage.results import Proof

EXACT = 1e-6
OnSearch = Callable[[str, float, float], None]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is searched for: the most or the cheapest, within which limits."""

    aim: Aim
    budget_eur: float | None = None
    max_cameras: int | None = None


@dataclass(frozen=True, slots=True)
class Searcher:
    """
    Finds placements, each once.

    `on_search` is told the goal, the value reached and its bound while a search runs; `should_stop`
    is asked often, and the best so far is taken once it answers True.
    """

    effort: Effort
    checkpoint: Checkpoint
    on_search: OnSearch = field(default=lambda _goal, _value, _bound: None)
    should_stop: Callable[[], bool] = field(default=lambda: False)

    def find(
        self,
        problem: PlacementProblem,
        wish: Wish,
        start: Sequence[int] | None = None,
        *,
        effort: Effort | None = None,
    ) -> Placement:
        """
        Find a placement.

        Parameters
        ----------
        problem
            What there is to choose from.
        wish
            What is asked.
        start
            Indices of a choice to begin with.
        effort
            How hard to try; None tries as hard as the searcher does.

        Returns
        -------
        placement
            What `placement.place` answers.

        Raises
        ------
        PlacementImpossible
            No choice keeps to the limits, or meets the goals: says which bars it.
        CoverageError
            The checkpoint cannot be written.
        """
        effort = effort or self.effort
        step = f"{wish} {problem_key(problem)} {sorted(start or ())} {effort}"
        kept = self.checkpoint.take(step)
        if kept is not None:
            found = _restored(problem, wish.aim, kept)
            if found is not None:
                return found
        found = place(
            problem,
            aim=wish.aim,
            budget_eur=wish.budget_eur,
            max_cameras=wish.max_cameras,
            effort=effort,
            start=start,
            on_progress=self.on_search,
            should_stop=self.should_stop,
        )
        if not found.is_time_limited and not found.is_stopped:
            self.checkpoint.keep(step, _to_json(found))
        return found


def problem_key(problem: PlacementProblem) -> str:
    """Return a digest of the targets and views that a placement is chosen from."""
    digest = hashlib.sha256(problem.ground.points_m.tobytes())
    digest.update(problem.ground.weight.tobytes())
    digest.update(repr([view.model for view in problem.views]).encode())
    return digest.hexdigest()


def _to_json(found: Placement) -> dict[str, Any]:
    proofs = [
        {
            "goal": [one.goal.nl, one.goal.en],
            "unit": one.unit,
            "numbers": [one.value, one.bound, one.gap],
            "is_proven": one.is_proven,
        }
        for one in found.proofs
    ]
    return {"chosen": list(found.chosen), "proofs": proofs, "values": list(found.values)}


def _restored(problem: PlacementProblem, aim: Aim, kept: Mapping[str, Any]) -> Placement | None:
    """Rebuild a placement; None where what was kept does not fit the problem."""
    try:
        chosen = tuple(int(one) for one in kept["chosen"])
        proofs = tuple(_to_proof(one) for one in kept["proofs"])
        values = tuple(float(one) for one in kept["values"])
    except (KeyError, TypeError, ValueError):
        return None
    n_views = problem.n_views
    if any(not 0 <= one < n_views + len(problem.released) for one in chosen):
        return None
    views = tuple(problem.views[one] for one in chosen if one < n_views)
    stay = tuple(c for i, c in enumerate(problem.released) if n_views + i in chosen)
    return Placement(
        aim=aim,
        chosen=chosen,
        views=views,
        cameras=(*problem.kept, *stay),
        cost=compute_cost(
            problem.site, [(one.mount.id, one.camera_type) for one in views], problem.forest
        ),
        proofs=proofs,
        values=values,
        seconds=0.0,
    )


def _to_proof(kept: Mapping[str, Any]) -> Proof:
    value, bound, gap = (float(one) for one in kept["numbers"])
    nl, en = kept["goal"]
    return Proof(Text(nl=nl, en=en), str(kept["unit"]), value, bound, gap, bool(kept["is_proven"]))


def judged_by(proofs: Sequence[Proof], first: Sequence[Proof]) -> tuple[Proof, ...]:
    """
    Judge what a stricter search reached by the bounds of the first, least strict one.

    Parameters
    ----------
    proofs, first
        Of both searches, goal by goal.

    Returns
    -------
    proofs
        What was reached, with the bound and the gap to it.
    """
    found = []
    for proof, other in zip(proofs, first, strict=True):
        largest = max(abs(proof.value), abs(other.bound))
        gap = abs(proof.value - other.bound) / largest if largest else 0.0
        is_proven = proof.is_proven and gap <= EXACT
        found.append(replace(proof, bound=other.bound, gap=gap, is_proven=is_proven))
    return tuple(found)


def claimed_share(problem: PlacementProblem, found: Placement) -> float:
    """
    Return which share of the weighted ground a search took its answer to see.

    Parameters
    ----------
    problem, found
        What was chosen from, and what was chosen.
    """
    total = float(problem.ground.weight.sum())
    for goal, value in zip(problem.choices.goals, found.values, strict=True):
        if goal.id == "area" and total:
            return value / total
    return 0.0


def same_choice(before: PlacementProblem, found: Placement, after: PlacementProblem) -> list[int]:
    """
    Find the views of a placement among those of another problem of the same park.

    Parameters
    ----------
    before, found
        A problem and a placement chosen from it.
    after
        The problem to choose from now; views that it lacks are left out.

    Returns
    -------
    chosen
        Indices of its choices.
    """
    of_view = {view.model: index for index, view in enumerate(after.views)}
    views = [before.views[one].model for one in found.chosen if one < before.n_views]
    own = [one - before.n_views for one in found.chosen if one >= before.n_views]
    chosen = [of_view[model] for model in views if model in of_view]
    return [*chosen, *(after.n_views + one for one in own)]
