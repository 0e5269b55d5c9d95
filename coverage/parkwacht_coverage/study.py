"""
What the park's cameras see today, and which cameras to add: the feasibility study itself.

Every target has, per scenario, the best pixel density of all cameras by day and by night; a class
holds where that density reaches it. No files and no console here: `export`, `figures`, `report`
and `cli` write what this computes.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from parkwacht_config.errors import CoverageError
from parkwacht_config.site import AreaKind, Site
from parkwacht_config.text import Text
from parkwacht_coverage.cost import Cost, compute_cost
from parkwacht_coverage.density import DensityClass, Edition, find_edition
from parkwacht_coverage.evaluate import Condition, Evaluator, StudyCamera
from parkwacht_coverage.light import LIGHT_MARGIN
from parkwacht_coverage.placement import Choice, choose_views
from parkwacht_coverage.plan import Ground, Weights, lay_grid
from parkwacht_coverage.trench import plan_trenches
from parkwacht_coverage.views import Search, View, find_views, is_candidate

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

CANDIDATE_TYPES = (
    "bullet_4mp_4mm",
    "bullet_4mp_6mm",
    "varifocal_4mp_12mm",
    "varifocal_8mp_10mm",
)
MIN_STEP_M = 0.25
NEAREST_M = 15.0  # a gate or incident is seen when the public ground this near to it is


class Plan(StrEnum):
    """Which cameras there are: those of today, or those with the proposal added."""

    TODAY = "today"
    PROPOSAL = "proposal"


@dataclass(frozen=True, slots=True)
class StudyOptions:
    """
    What a study is asked.

    `k` is the number of cameras to add; `class_id` None takes the edition's default; `optimise_for`
    says when the added cameras should see most. What an unknown id of a camera type names is left
    out; when none is known, every fixed type of the catalogue is a candidate.
    """

    k: int = 6
    edition_id: str = "2014"
    class_id: str | None = None
    grid_step_m: float = 2.0
    target_height_m: float = 1.5
    pan_step_deg: float = 15.0
    optimise_for: Condition = Condition.NIGHT
    light_margin: float = LIGHT_MARGIN
    camera_type_ids: tuple[str, ...] = CANDIDATE_TYPES
    site_eur: float = 11_000.0
    camera_yearly_eur: float = 1_500.0
    weights: Weights = field(default_factory=Weights)


@dataclass(frozen=True, slots=True)
class Study:
    """A finished study; densities are the best of all cameras of a plan, shape (N,)."""

    site: Site
    options: StudyOptions
    edition: Edition
    target_class: DensityClass
    ground: Ground
    cameras: tuple[StudyCamera, ...]
    density: dict[Plan, dict[Condition, Floats]]
    choice: Choice
    n_views: int
    cost: Cost

    @property
    def proposed(self) -> tuple[StudyCamera, ...]:
        """The cameras to add, the most useful first."""
        return tuple(one for one in self.cameras if one.is_proposed)

    def is_seen(
        self, plan: Plan, condition: Condition, density_class: DensityClass | None = None
    ) -> Bools:
        """Return which targets reach a class (None: the target class), shape (N,)."""
        wanted = density_class or self.target_class
        seen: Bools = self.density[plan][condition] >= wanted.threshold_px_per_m
        return seen

    def seen_m2(
        self,
        plan: Plan,
        condition: Condition,
        *,
        kind: AreaKind | None = None,
        density_class: DensityClass | None = None,
    ) -> float:
        """Return how much ground of a kind (None: all) reaches a class, in square metres."""
        seen = self.is_seen(plan, condition, density_class) & self.ground.of_kind(kind)
        return float(self.ground.area_m2[seen].sum())

    def seen_share(
        self, plan: Plan, condition: Condition, *, kind: AreaKind | None = None
    ) -> float:
        """Return which share of the ground of a kind (None: all) reaches the target class."""
        whole = float(self.ground.area_m2[self.ground.of_kind(kind)].sum())
        return self.seen_m2(plan, condition, kind=kind) / whole if whole else 0.0

    def sees_near(self, plan: Plan, condition: Condition, xy_m: Floats) -> Bools:
        """
        Return near which places the ground reaches the target class.

        Parameters
        ----------
        plan
            Which cameras there are.
        condition
            Day or night.
        xy_m
            Places (x, y), shape (M, 2), e.g. of incidents; judged by the nearest target.

        Returns
        -------
        sees_near
            Shape (M,); False where no target is within `NEAREST_M`.
        """
        if not len(xy_m):
            return np.zeros(0, dtype=np.bool_)
        away, nearest = cKDTree(self.ground.points_m[:, :2]).query(xy_m)
        seen: Bools = self.is_seen(plan, condition)[nearest] & (away <= NEAREST_M)
        return seen


def compute_study(
    site: Site,
    options: StudyOptions | None = None,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Study:
    """
    Evaluate the cameras of a park and choose cameras to add.

    Parameters
    ----------
    site
        The park.
    options
        What is asked; None asks the defaults.
    on_progress
        Told after each mount how many of how many have been looked at.

    Returns
    -------
    study
        The same for the same inputs.

    Raises
    ------
    CoverageError
        There is no public ground, no candidate type, k < 1, or a camera or mount is inside a
        building.
    """
    options = options or StudyOptions()
    _check(options)
    edition = find_edition(options.edition_id)
    wanted = edition.find(options.class_id)
    ground = lay_grid(
        site,
        step_m=options.grid_step_m,
        target_height_m=options.target_height_m,
        weights=options.weights,
    )
    evaluator = Evaluator(site, ground, wanted, light_margin=options.light_margin)
    existing = [evaluator.existing(camera) for camera in site.cameras]
    today = evaluator.best(existing)
    views = find_views(site.mounts, _search(evaluator, options), on_progress)
    choice = choose_views(
        [view.hits for view in views],
        ground.weight,
        k=options.k,
        covered=today[options.optimise_for] >= wanted.threshold_px_per_m,
    )
    chosen = [views[index] for index in choice.chosen]
    cameras = (*existing, *evaluator.proposed(chosen, today))
    return Study(
        site=site,
        options=options,
        edition=edition,
        target_class=wanted,
        ground=ground,
        cameras=cameras,
        density={Plan.TODAY: today, Plan.PROPOSAL: evaluator.best(cameras)},
        choice=choice,
        n_views=len(views),
        cost=_cost(site, chosen),
    )


def _cost(site: Site, chosen: list[View]) -> Cost:
    picked = [(view.mount.id, view.camera_type) for view in chosen]
    return compute_cost(site, picked, plan_trenches(site))


def _check(options: StudyOptions) -> None:
    """Refuse what cannot be computed, naming the value."""
    rules = (
        ("k", options.k, options.k >= 1, "1"),
        ("grid_step_m", options.grid_step_m, options.grid_step_m >= MIN_STEP_M, f"{MIN_STEP_M} m"),
        ("pan_step_deg", options.pan_step_deg, options.pan_step_deg >= 1, "1 graad/degree"),
    )
    for key, value, is_right, least in rules:
        if not is_right:
            raise CoverageError(
                Text(
                    nl=f"{key} = {value} klopt niet: ten minste {least}",
                    en=f"{key} = {value} is wrong: at least {least}",
                )
            )


def _search(evaluator: Evaluator, options: StudyOptions) -> Search:
    """Gather what candidate views are made of."""
    catalogue = evaluator.site.camera_types
    wanted = [catalogue[one] for one in options.camera_type_ids if one in catalogue]
    fixed = [one for one in (wanted or catalogue.values()) if is_candidate(one)]
    if not fixed:
        raise CoverageError(
            Text(
                nl="de catalogus heeft geen vaste camera die voorgesteld kan worden",
                en="the catalogue has no fixed camera that can be proposed",
            )
        )
    return Search(
        scene=evaluator.scene,
        ground=evaluator.ground,
        targets=evaluator.targets,
        camera_types=fixed,
        density_class=evaluator.target_class,
        pan_step_deg=options.pan_step_deg,
        light_margin=options.light_margin,
        lux=evaluator.lux if options.optimise_for is Condition.NIGHT else None,
    )
