"""
One placement, evaluated: all that the report says of a scenario.

Today's cameras have the masks that the park's file gives them. In a proposal every camera for
visible light gets masks over what is not its business (`masks`), unless the file gives it its own;
what is behind a mask is not seen and not counted, and privacy is measured with and without them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from pyproj import Transformer
from scipy.spatial import cKDTree

from parkwacht_config.site import Camera, PrivacyMask, Site
from parkwacht_config.text import Language, Text
from parkwacht_coverage.cost import Cost
from parkwacht_coverage.daylight import is_dark
from parkwacht_coverage.density import DensityClass, Edition
from parkwacht_coverage.evaluate import Condition, Evaluator, StudyCamera
from parkwacht_coverage.gates import measure_gates
from parkwacht_coverage.masks import MaskGround, area_behind_masks, make_masks
from parkwacht_coverage.plan import Ground
from parkwacht_coverage.privacy import (
    PrivacyLevel,
    Watcher,
    find_exceeded,
    measure_privacy,
    privacy_levels,
)
from parkwacht_coverage.privacy_ground import lay_privacy_ground
from parkwacht_coverage.results import (
    GateResult,
    IncidentResult,
    Proof,
    RouteResult,
    Scenario,
    ScenarioId,
)
from parkwacht_coverage.routes import RouteSamples, measure_routes
from parkwacht_coverage.trench import TrenchForest
from parkwacht_coverage.views import View

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NEAREST_M = 15.0  # an incident is seen when the public ground this near to it is


@dataclass(frozen=True, slots=True)
class Answer:
    """What a search chose: cameras kept, views added, their cost and how good that is."""

    kept: tuple[Camera, ...]
    views: tuple[View, ...]
    cost: Cost
    proofs: tuple[Proof, ...] = ()
    budget_eur: float | None = None


class Assessor:
    """
    Evaluates placements of one park on one ground.

    Parameters
    ----------
    site
        The park.
    ground
        Its fine grid of targets.
    edition, target_class
        Of the standard, and the class aimed at.
    light_margin
        How many times its minimum illuminance a camera needs by night.
    language
        Of the reasons that generated masks carry.
    """

    def __init__(
        self,
        site: Site,
        ground: Ground,
        edition: Edition,
        target_class: DensityClass,
        *,
        light_margin: float,
        language: Language = Language.NL,
    ) -> None:
        self.site = site
        self.ground = ground
        self.edition = edition
        self.target_class = target_class
        self.light_margin = light_margin
        self.evaluator = Evaluator(site, ground, target_class, light_margin=light_margin)
        self._language = language
        self._privacy_ground = lay_privacy_ground(site, self.evaluator.scene)
        self._mask_ground = MaskGround.of(site)
        self._existing: dict[str, StudyCamera] = {}

    def existing(self, cameras: Iterable[Camera]) -> list[StudyCamera]:
        """Evaluate cameras of the park, each once."""
        found = []
        for camera in cameras:
            if camera.id not in self._existing:
                self._existing[camera.id] = self.evaluator.existing(camera)
            found.append(self._existing[camera.id])
        return found

    def assess(
        self,
        scenario_id: ScenarioId,
        answer: Answer,
        routes: Sequence[RouteSamples],
        forest: TrenchForest,
    ) -> Scenario:
        """
        Evaluate a placement.

        Parameters
        ----------
        scenario_id
            Which scenario it is; only today's cameras go without generated masks.
        answer
            The cameras.
        routes
            The ways along which someone is to be followed.
        forest
            The trenches to the park's mounts.

        Returns
        -------
        scenario
            Without its robustness, which takes longer.
        """
        kept = self.existing(answer.kept)
        proposed = self.evaluator.proposed(answer.views, self.evaluator.best(kept))
        masks = self._masks(scenario_id, kept, proposed)
        cameras = self._with_added([_masked(one, masks, self.ground) for one in (*kept, *proposed)])
        bare = self._watchers(answer.kept, proposed, ())
        watchers = self._watchers(answer.kept, proposed, masks)
        measure = {
            name: measure_privacy(
                who,
                self.evaluator.scene,
                self._privacy_ground,
                self.edition,
                light_margin=self.light_margin,
            )
            for name, who in (("bare", bare), ("masked", watchers))
        }
        scenario = Scenario(
            id=scenario_id,
            cameras=cameras,
            density=self.evaluator.best(cameras),
            fold={condition: self._fold(cameras, condition) for condition in Condition},
            cost=answer.cost,
            proofs=answer.proofs,
            gates=tuple(measure_gates(self.site, self.evaluator, watchers)),
            routes=tuple(measure_routes(routes, self.evaluator, watchers)),
            incidents=self._incidents(cameras),
            privacy=measure["masked"],
            privacy_unmasked=measure["bare"],
            masks=masks,
            robustness=(),
            budget_eur=answer.budget_eur,
            trenches=tuple(forest.lines([one.mount.id for one in answer.views])),
        )
        return replace(scenario, unmet=tuple(self.unmet(scenario)))

    def unmet(self, scenario: Scenario) -> list[Text]:
        """Say which goals of the park a placement does not meet."""
        goals = self.site.goals
        condition = Condition(goals.condition)
        found = [
            *_unmet_gates(scenario.gates, condition, goals.gate_plate, goals.gate_overview),
            *_unmet_routes(scenario.routes, condition, goals.max_unseen_m),
        ]
        share = self.weighted_share(scenario.density[condition])
        if share < goals.min_area_share:
            found.append(
                Text(
                    nl=f"gezien gewogen oppervlak {100 * share:.0f} %, gevraagd "
                    f"{100 * goals.min_area_share:.0f} %",
                    en=f"weighted ground seen {100 * share:.0f} %, asked "
                    f"{100 * goals.min_area_share:.0f} %",
                )
            )
        if scenario.privacy_unmasked is not None:
            found += find_exceeded(scenario.privacy_unmasked, goals.privacy)
        return found

    def weighted_share(self, density: Floats) -> float:
        """Return which share of the weighted ground reaches the target class, shape (N,) given."""
        seen = density >= self.target_class.threshold_px_per_m
        total = float(self.ground.weight.sum())
        return float(self.ground.weight[seen].sum()) / total if total else 0.0

    def _masks(
        self,
        scenario_id: ScenarioId,
        kept: Sequence[StudyCamera],
        proposed: Sequence[StudyCamera],
    ) -> tuple[PrivacyMask, ...]:
        given = self.site.privacy_masks
        own = {one.camera_id for one in given}
        here = {one.id for one in kept}
        masks = [one for one in given if one.camera_id in here]
        if scenario_id is ScenarioId.TODAY:
            return tuple(masks)
        observe = privacy_levels(self.edition)[PrivacyLevel.OBSERVE]
        for camera in (*kept, *proposed):
            if camera.id not in own and not camera.camera_type.is_thermal:
                made = make_masks(camera.model, self._mask_ground, observe, language=self._language)
                masks += made.masks
        return tuple(masks)

    def _watchers(
        self,
        kept: Sequence[Camera],
        proposed: Sequence[StudyCamera],
        masks: Sequence[PrivacyMask],
    ) -> list[Watcher]:
        """Make what privacy, gates and routes are measured with."""
        types = self.site.camera_types
        watchers = [Watcher.of(one, types[one.type_id], masks) for one in kept]
        for one in proposed:
            own = tuple(mask for mask in masks if mask.camera_id == one.id)
            watchers.append(Watcher(one.id, (one.model,), one.camera_type, own))
        return watchers

    def _with_added(self, cameras: Sequence[StudyCamera]) -> tuple[StudyCamera, ...]:
        """Say of each proposed camera what it adds to those before it, masks taken out."""
        enough = self.target_class.threshold_px_per_m
        seen = {one: np.zeros(len(self.ground.kinds), dtype=np.bool_) for one in Condition}
        found = []
        for camera in cameras:
            added = {}
            for condition in Condition:
                new = (camera.density[condition] >= enough) & ~seen[condition]
                added[condition] = float(self.ground.area_m2[new].sum())
                seen[condition] |= new
            found.append(replace(camera, added_m2=added) if camera.is_proposed else camera)
        return tuple(found)

    def _fold(self, cameras: Sequence[StudyCamera], condition: Condition) -> Ints:
        """Count the cameras that reach the target class at each target, shape (N,)."""
        count = np.zeros(len(self.ground.kinds), dtype=np.int64)
        for one in cameras:
            count += one.density[condition] >= self.target_class.threshold_px_per_m
        return count

    def _incidents(self, cameras: Sequence[StudyCamera]) -> tuple[IncidentResult, ...]:
        """Judge each incident by the target nearest to it, in the light of its hour."""
        if not self.site.incidents:
            return ()
        places = np.array([(one.point.x, one.point.y) for one in self.site.incidents])
        away, nearest = cKDTree(self.ground.points_m[:, :2]).query(places)
        centre = self.site.boundary.centroid
        to_degrees = Transformer.from_crs(28992, 4326, always_xy=True)
        longitude_deg, latitude_deg = to_degrees.transform(centre.x, centre.y)
        found = []
        for number, incident in enumerate(self.site.incidents):
            dark = is_dark(
                incident.on,
                incident.at,
                timezone=self.site.timezone,
                latitude_deg=latitude_deg,
                longitude_deg=longitude_deg,
            )
            condition = Condition.NIGHT if dark else Condition.DAY
            here = {
                one.id: float(one.density[condition][nearest[number]])
                for one in cameras
                if away[number] <= NEAREST_M
            }
            enough = self.target_class.threshold_px_per_m
            best = self.edition.class_at(max(here.values(), default=0.0))
            found.append(
                IncidentResult(
                    incident=incident,
                    condition=condition,
                    camera_ids=tuple(name for name, value in here.items() if value >= enough),
                    class_id=best.id if best else None,
                )
            )
        return tuple(found)


def _masked(camera: StudyCamera, masks: Sequence[PrivacyMask], ground: Ground) -> StudyCamera:
    """Take out of a camera's sight what its masks make black."""
    own = [one for one in masks if one.camera_id == camera.id]
    if not own:
        return camera
    hidden = area_behind_masks(camera.model, own, ground.points_m)
    density = {which: np.where(hidden, 0.0, values) for which, values in camera.density.items()}
    return replace(camera, density=density)


def _unmet_gates(
    gates: Sequence[GateResult], condition: Condition, needs_plate: bool, needs_overview: bool
) -> list[Text]:
    found = []
    for gate in gates:
        if needs_plate and not gate.plate_ids[condition]:
            found.append(
                Text(
                    nl=f"{gate.name}: kenteken niet leesbaar", en=f"{gate.name}: no readable plate"
                )
            )
        if needs_overview and not gate.overview_ids[condition]:
            found.append(Text(nl=f"{gate.name}: geen overzicht", en=f"{gate.name}: no overview"))
    return found


def _unmet_routes(
    routes: Sequence[RouteResult], condition: Condition, max_unseen_m: float
) -> list[Text]:
    return [
        Text(
            nl=f"{route.name}: {route.longest_unseen_m[condition]:.0f} m achtereen ongezien, "
            f"gevraagd hoogstens {max_unseen_m:.0f} m",
            en=f"{route.name}: {route.longest_unseen_m[condition]:.0f} m unseen in one stretch, "
            f"asked at most {max_unseen_m:.0f} m",
        )
        for route in routes
        if route.longest_unseen_m[condition] > max_unseen_m
    ]
