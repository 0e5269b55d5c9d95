"""What a study is asked beyond the goals of the park, and whom it tells how far it is."""

from collections.abc import Callable
from dataclasses import dataclass, field

from parkwacht_config.errors import CoverageError
from parkwacht_config.study import StudyGoals
from parkwacht_config.text import Text
from parkwacht_coverage.choosing import Effort
from parkwacht_coverage.light import LIGHT_MARGIN
from parkwacht_coverage.plan import Weights
from parkwacht_coverage.problem import PAN_STEP_DEG

MIN_STEP_M = 0.25
QUICK_SOLVE_STEP_M = 6.0
LIGHT = Effort(rounds=60, bound_rounds=200, node_limit=0)


@dataclass(frozen=True, slots=True)
class StudyOptions:
    """
    What a study is asked beyond the goals of the park.

    `goals` None asks those of the park. The placement is chosen on `solve_step_m` and all figures
    are of `grid_step_m`, with at most `n_rounds` of adding witnesses; the cheapest is tried
    `n_tries` times at most, each for goals stricter by what the one before missed. `n_budgets` is
    the number of points of the cost curve. `light_effort` is for that curve and for the rounds
    before the last, `effort` for the scenarios.
    """

    goals: StudyGoals | None = None
    grid_step_m: float = 2.0
    solve_step_m: float = 4.0
    pan_step_deg: float = PAN_STEP_DEG
    light_margin: float = LIGHT_MARGIN
    n_budgets: int = 8
    n_rounds: int = 3
    n_tries: int = 3
    effort: Effort = field(default_factory=Effort)
    light_effort: Effort = LIGHT
    weights: Weights = field(default_factory=Weights)


def quick_options(*, grid_step_m: float, solve_step_m: float) -> StudyOptions:
    """Return options for a first look: a shorter search, a looser proof, a coarser curve."""
    effort = Effort(relative_gap=0.05, rounds=6, bound_rounds=60, node_limit=0, time_limit_s=10.0)
    return StudyOptions(
        grid_step_m=grid_step_m,
        solve_step_m=max(solve_step_m, QUICK_SOLVE_STEP_M),
        n_budgets=3,
        n_rounds=1,
        n_tries=1,
        effort=effort,
        light_effort=effort,
    )


@dataclass(frozen=True, slots=True)
class Listener:
    """
    Whom a study tells how far it is, and whom it asks whether to stop searching.

    `on_step` is told the step, and how much of how much of it is done; `on_search` the goal, the
    value and the bound of a search that runs.
    """

    on_step: Callable[[Text, int, int], None] = field(default=lambda _step, _done, _total: None)
    on_search: Callable[[str, float, float], None] = field(
        default=lambda _goal, _value, _bound: None
    )
    should_stop: Callable[[], bool] = field(default=lambda: False)


def check_options(options: StudyOptions) -> None:
    """
    Refuse what cannot be computed.

    Raises
    ------
    CoverageError
        Names the option, its value and the least that would be right.
    """
    rules = (
        ("grid_step_m", options.grid_step_m, options.grid_step_m >= MIN_STEP_M, f"{MIN_STEP_M} m"),
        (
            "solve_step_m",
            options.solve_step_m,
            options.solve_step_m >= options.grid_step_m,
            f"grid_step_m ({options.grid_step_m} m)",
        ),
        ("pan_step_deg", options.pan_step_deg, options.pan_step_deg >= 1, "1 graad/degree"),
        ("n_budgets", options.n_budgets, options.n_budgets >= 1, "1"),
    )
    for key, value, is_right, least in rules:
        if not is_right:
            raise CoverageError(
                Text(
                    nl=f"{key} = {value} klopt niet: ten minste {least}",
                    en=f"{key} = {value} is wrong: at least {least}",
                )
            )
