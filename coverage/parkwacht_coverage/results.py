"""
What a finished study holds: scenarios side by side, the cost curve, what is certain and what not.

`study` computes it; `report`, `figures` and `export` write it. Shares are of the weighted or the
plain public ground, as each field says; amounts are euro without VAT; lengths are metres.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from shapely.geometry import LineString

from parkwacht_config.site import AreaKind, Incident, PrivacyMask, Site
from parkwacht_config.study import StudyGoals
from parkwacht_config.text import Text
from parkwacht_coverage.cost import Cost
from parkwacht_coverage.density import DensityClass, Edition
from parkwacht_coverage.evaluate import Condition, StudyCamera
from parkwacht_coverage.plan import Ground
from parkwacht_coverage.privacy import PrivacyMeasure
from parkwacht_coverage.robustness import RobustnessCase

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


class ScenarioId(StrEnum):
    """The scenarios of a study, in the order they are shown."""

    TODAY = "today"
    CHEAPEST = "cheapest"  # meets the goals for the least money
    RECOMMENDED = "recommended"  # the most for the budget
    GENEROUS = "generous"  # the most for twice the budget


SCENARIO_NAMES = {
    ScenarioId.TODAY: Text(nl="vandaag", en="today"),
    ScenarioId.CHEAPEST: Text(nl="goedkoopst dat voldoet", en="cheapest that meets the goals"),
    ScenarioId.RECOMMENDED: Text(nl="aanbevolen", en="recommended"),
    ScenarioId.GENEROUS: Text(nl="ruim", en="generous"),
}


@dataclass(frozen=True, slots=True)
class Proof:
    """
    How good an answer is known to be.

    `value` is what was reached, `bound` what nothing can beat (above the value when most was
    asked, below it when least was), both in `unit`; `is_proven` means they meet within the
    tolerance. `is_time_limited` means that another machine might stop at another answer.
    """

    goal: Text  # such as "gates served", "weighted ground seen", "cost"
    unit: str  # "", "%", "m", "EUR"
    value: float
    bound: float
    gap: float  # |bound - value| / max(|bound|, |value|), 0 when proven
    is_proven: bool
    is_time_limited: bool = False


@dataclass(frozen=True, slots=True)
class GateResult:
    """What is seen at one gate; the ids are of the cameras that do it."""

    gate_id: str
    name: str
    plate_ids: Mapping[Condition, tuple[str, ...]]
    overview_ids: Mapping[Condition, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class RouteResult:
    """How far someone can be followed along one route."""

    route_id: str
    name: str
    line: LineString
    seen_share: Mapping[Condition, float]
    longest_unseen_m: Mapping[Condition, float]
    longest_unseen: Mapping[Condition, LineString | None]


@dataclass(frozen=True, slots=True)
class IncidentResult:
    """Whether an incident of past years would have been seen, in the light of its hour."""

    incident: Incident
    condition: Condition  # night when its hour is unknown
    camera_ids: tuple[str, ...]
    class_id: str | None  # the best class reached there, None below the lowest


@dataclass(frozen=True, slots=True)
class Scenario:
    """
    One placement, evaluated.

    `density` is the best of all cameras at each target and `fold` how many cameras reach the target
    class there, both shape (N,), by the target grid of the study, privacy masks taken out.
    `proofs` is empty for today.
    """

    id: ScenarioId
    cameras: tuple[StudyCamera, ...]
    density: Mapping[Condition, Floats]
    fold: Mapping[Condition, Ints]
    cost: Cost
    proofs: tuple[Proof, ...]
    gates: tuple[GateResult, ...]
    routes: tuple[RouteResult, ...]
    incidents: tuple[IncidentResult, ...]
    privacy: PrivacyMeasure  # of what is stored and shown: behind masks nothing is seen
    masks: tuple[PrivacyMask, ...]
    robustness: tuple[RobustnessCase, ...]
    budget_eur: float | None = None
    unmet: tuple[Text, ...] = ()  # goals that this scenario does not meet
    privacy_unmasked: PrivacyMeasure | None = None  # of what the lens shows, as ceilings count it
    trenches: tuple[LineString, ...] = ()  # to be dug for its new sites, shared ones once

    @property
    def proposed(self) -> tuple[StudyCamera, ...]:
        """The cameras to add, the most useful first."""
        return tuple(one for one in self.cameras if one.is_proposed)


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """The best placement for one budget; `share` and `bound` are of the weighted ground."""

    budget_eur: float
    cost_eur: float
    n_cameras: int
    n_sites: int
    share: float
    bound: float
    marginal_m2_per_1000_eur: float  # weighted ground that the last step of budget brought
    gates_served: int  # of how many gates all is served that is asked
    is_proven: bool


@dataclass(frozen=True, slots=True)
class Sampling:
    """
    How well the grid that was solved on stands for the ground.

    The placement was chosen on `solve_step_m`, checked on `check_step_m`; `added_witnesses` points
    were added in `n_rounds`; the shares of the recommended placement on both grids are compared.
    """

    solve_step_m: float
    check_step_m: float
    n_rounds: int
    added_witnesses: int
    share_on_solve_grid: float
    share_on_check_grid: float

    @property
    def error(self) -> float:
        """The sampling error of the share."""
        return abs(self.share_on_solve_grid - self.share_on_check_grid)


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file the study was made from; `dated` is the date it gives itself, or empty."""

    name: str
    sha256: str
    n_bytes: int
    dated: str = ""


@dataclass(frozen=True, slots=True)
class Study:
    """A finished study."""

    site: Site
    goals: StudyGoals
    edition: Edition
    target_class: DensityClass
    ground: Ground
    scenarios: Mapping[ScenarioId, Scenario]
    curve: tuple[CurvePoint, ...]
    sampling: Sampling
    inputs: tuple[InputFile, ...]
    n_views: int
    warnings: tuple[Text, ...] = field(default=())

    @property
    def today(self) -> Scenario:
        """The cameras of today."""
        return self.scenarios[ScenarioId.TODAY]

    @property
    def recommended(self) -> Scenario:
        """The placement that the report recommends."""
        return self.scenarios[ScenarioId.RECOMMENDED]

    def is_seen(
        self, scenario: Scenario, condition: Condition, density_class: DensityClass | None = None
    ) -> Bools:
        """Return which targets reach a class (None: the target class), shape (N,)."""
        wanted = density_class or self.target_class
        seen: Bools = scenario.density[condition] >= wanted.threshold_px_per_m
        return seen

    def seen_m2(
        self,
        scenario: Scenario,
        condition: Condition,
        *,
        kind: AreaKind | None = None,
        density_class: DensityClass | None = None,
    ) -> float:
        """Return how much ground of a kind (None: all) reaches a class, in square metres."""
        seen = self.is_seen(scenario, condition, density_class) & self.ground.of_kind(kind)
        return float(self.ground.area_m2[seen].sum())

    def seen_share(
        self, scenario: Scenario, condition: Condition, *, kind: AreaKind | None = None
    ) -> float:
        """Return which share of the ground of a kind (None: all) reaches the target class."""
        whole = float(self.ground.area_m2[self.ground.of_kind(kind)].sum())
        return self.seen_m2(scenario, condition, kind=kind) / whole if whole else 0.0
