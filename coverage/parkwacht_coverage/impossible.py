"""
Why no placement is possible: which constraint bars it, found by taking constraints away.

What can be said at once is said before a search: a budget below the cheapest view, no camera
allowed, no view left. Where the goals cannot all be met, each constraint is left out in turn and
the search repeated; the first without which the goals can be met is the one that bars them, and
where none alone does, all of them together (deletion of constraints, as for an irreducible
infeasible subsystem).
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from parkwacht_config.errors import CoverageError
from parkwacht_config.text import Text
from parkwacht_coverage.choices import Choices, Limits
from parkwacht_coverage.choosing import Effort, Run, choose_cheapest
from parkwacht_coverage.problem import PlacementProblem

Floats = npt.NDArray[np.float64]

# Enough to find any choice at all; nothing is proven.
QUICK = Effort(relative_gap=0.5, rounds=0, bound_rounds=20, node_limit=50, time_limit_s=10.0)


class PlacementImpossible(CoverageError):  # noqa: N818
    """No placement keeps to the constraints; the message says which one bars it."""


def require_possible(problem: PlacementProblem, limits: Limits) -> None:
    """
    Refuse limits under which nothing can be chosen.

    Raises
    ------
    PlacementImpossible
        There is no view, no camera may be added, or the budget is below the cheapest view.
    """
    if problem.released:
        return
    if not problem.n_views:
        raise PlacementImpossible(_no_view(problem))
    if limits.max_cameras is not None and limits.max_cameras < 1:
        raise PlacementImpossible(
            Text(
                nl=f"max_cameras = {limits.max_cameras} laat geen enkele camera toe: ten minste 1",
                en=f"max_cameras = {limits.max_cameras} lets no camera be added: at least 1",
            )
        )
    alone = problem.choices.cheapest_eur()
    best = int(np.argmin(alone))
    if limits.budget_eur is not None and limits.budget_eur < alone[best]:
        view = problem.views[best]
        raise PlacementImpossible(
            Text(
                nl=f"budget € {_dutch(limits.budget_eur)} is te laag: de goedkoopste plek is "
                f"{view.mount.id} met {view.camera_type.name}, € {_dutch(alone[best])}",
                en=f"budget EUR {limits.budget_eur:,.0f} is too low: the cheapest site is "
                f"{view.mount.id} with {view.camera_type.name}, EUR {alone[best]:,.0f}",
            )
        )


def _dutch(eur: float) -> str:
    """Write an amount with points between the thousands."""
    return f"{eur:,.0f}".replace(",", ".")


def _no_view(problem: PlacementProblem) -> Text:
    limit = problem.site.goals.privacy.camera_private_m2
    if limit is not None:
        return Text(
            nl=f"plafond camera_private_m2 = {limit:g} laat geen enkel camerabeeld over: elk ziet "
            "meer privégrond",
            en=f"ceiling camera_private_m2 = {limit:g} leaves no view: each sees more private "
            "ground",
        )
    return Text(
        nl="vanaf geen enkel montagepunt is openbare ruimte te zien op de gevraagde klasse",
        en="no mount sees public ground at the class asked for",
    )


@dataclass(frozen=True, slots=True)
class _Constraint:
    """One constraint: what to call it, and the problem without it."""

    text: Text
    choices: Choices
    limits: Limits


def why_impossible(
    problem: PlacementProblem, limits: Limits, floors: Floats
) -> PlacementImpossible:
    """
    Find which constraint bars the goals.

    Parameters
    ----------
    problem, limits
        What there is to choose from and what it may cost.
    floors
        What the goals ask, shape (goals,).

    Returns
    -------
    error
        To be raised.
    """
    constraints = _constraints(problem.choices, limits)
    for one in constraints:
        if choose_cheapest(one.choices, one.limits, floors, Run(QUICK)) is not None:
            return PlacementImpossible(
                Text(
                    nl=f"de doelen zijn niet te halen door {one.text.nl}; zonder deze grens wel",
                    en=f"the goals cannot be met because of {one.text.en}; without it they can",
                )
            )
    names = [one.text for one in constraints]
    if names:
        return PlacementImpossible(
            Text(
                nl="de doelen zijn niet te halen binnen " + " en ".join(one.nl for one in names),
                en="the goals cannot be met within " + " and ".join(one.en for one in names),
            )
        )
    return PlacementImpossible(
        Text(
            nl="geen keuze van camera's haalt de doelen samen",
            en="no choice of cameras meets the goals together",
        )
    )


def _constraints(choices: Choices, limits: Limits) -> list[_Constraint]:
    found = []
    if limits.budget_eur is not None:
        amount = limits.budget_eur
        text = Text(nl=f"budget € {_dutch(amount)}", en=f"budget EUR {amount:,.0f}")
        found.append(_Constraint(text, choices, replace(limits, budget_eur=None)))
    if limits.max_cameras is not None:
        text = Text(
            nl=f"max_cameras = {limits.max_cameras}", en=f"max_cameras = {limits.max_cameras}"
        )
        found.append(_Constraint(text, choices, replace(limits, max_cameras=None)))
    for index, ceiling in enumerate(choices.ceilings):
        rest = tuple(one for i, one in enumerate(choices.ceilings) if i != index)
        text = Text(
            nl=f"plafond {ceiling.id} ({ceiling.name.nl}, nog {ceiling.limit:.4g} over)",
            en=f"ceiling {ceiling.id} ({ceiling.name.en}, {ceiling.limit:.4g} left)",
        )
        found.append(_Constraint(text, replace(choices, ceilings=rest), limits))
    return found
