"""What all chapters of a report need: the study, the words, the labels and a few figures of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Transformer

from parkwacht_config.site import Lens
from parkwacht_config.text import Text
from parkwacht_coverage.camera import focal_length_px
from parkwacht_coverage.density import DensityClass
from parkwacht_coverage.evaluate import Condition, StudyCamera
from parkwacht_coverage.reporting.maps import label_cameras
from parkwacht_coverage.reporting.words import MOUNT_NAMES, Words
from parkwacht_coverage.results import GateResult, Proof, Scenario, ScenarioId, Study

Bools = npt.NDArray[np.bool_]

PERSON_M = 1.8
YEARS = 10
NO_PROOF_GAP = 0.995  # a bound this far off says nothing

CAMERA = (Text(nl="camera", en="camera"), Text(nl="camera's", en="cameras"))
PLACE = (Text(nl="plek", en="place"), Text(nl="plekken", en="places"))

# What a class is good for; our own words, both editions.
PURPOSES = {
    "monitor": Text(nl="te zien dat er iets gebeurt", en="see that something is going on"),
    "detect": Text(nl="te zien dat er iemand is", en="see that someone is there"),
    "observe": Text(nl="te zien wat iemand doet", en="see what someone is doing"),
    "recognise": Text(nl="een bekende te herkennen", en="recognise someone known"),
    "identify": Text(nl="een onbekende aan te wijzen", en="tell who a stranger is"),
    "inspect": Text(nl="kleine details te onderzoeken", en="inspect small details"),
    "overview": Text(
        nl="te zien dat er ver weg iets beweegt", en="see that something moves far off"
    ),
    "outline": Text(
        nl="te zien dat er iets beweegt, en waarheen", en="see that something moves, and where to"
    ),
    "discern": Text(
        nl="te zien wat mensen, voertuigen en dieren doen",
        en="see what people, vehicles and animals are doing",
    ),
    "perceive": Text(nl="iemands uiterlijk te zien", en="see what someone looks like"),
    "characterise": Text(nl="iemands kenmerken te zien", en="see someone's features"),
    "validate": Text(nl="vast te stellen wie iemand is", en="confirm who someone is"),
    "scrutinise": Text(nl="de kleinste kenmerken te zien", en="see the smallest features"),
}


@dataclass(frozen=True, slots=True)
class Story:
    """A study about to be told, in one language, on one date."""

    study: Study
    words: Words
    on: date
    labels: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, study: Study, words: Words, on: date) -> "Story":
        """Prepare a study for telling."""
        return cls(study, words, on, label_cameras(study))

    @property
    def main(self) -> Condition:
        """The light that the goals ask for: by night unless they say by day."""
        return Condition(self.study.goals.condition)

    @property
    def main_words(self) -> str:
        """By day or by night, as the goals ask."""
        return self.words.condition(self.main)

    @property
    def scenarios(self) -> Sequence[Scenario]:
        """The scenarios in the order they are shown."""
        order = list(ScenarioId)
        return sorted(self.study.scenarios.values(), key=lambda one: order.index(one.id))

    def purpose(self, one: DensityClass) -> str:
        """Say what a class is good for."""
        return self.words.text(PURPOSES[one.id]) if one.id in PURPOSES else one.id

    def share(self, scenario: Scenario, condition: Condition) -> str:
        """Write the share of public ground that reaches the target class."""
        return self.words.percent(self.study.seen_share(scenario, condition))

    def named(self, camera_ids: Iterable[str]) -> str:
        """Write the labels of cameras, or a dash for none."""
        found = [self.labels.get(one, one) for one in camera_ids]
        return ", ".join(found) if found else "\u2013"

    def is_served(self, gate: GateResult, condition: Condition) -> bool:
        """Return whether a gate has what the goals ask: plate, overview or both."""
        goals = self.study.goals
        plate = bool(gate.plate_ids[condition]) or not goals.gate_plate
        overview = bool(gate.overview_ids[condition]) or not goals.gate_overview
        return plate and overview

    def gates_served(self, scenario: Scenario) -> int:
        """Count the gates that have what the goals ask, in the light they ask for."""
        return sum(self.is_served(one, self.main) for one in scenario.gates)

    def longest_unseen_m(self, scenario: Scenario) -> float:
        """Return the longest unseen stretch of any route, 0 without routes."""
        return max((one.longest_unseen_m[self.main] for one in scenario.routes), default=0.0)

    def incidents_seen(self, scenario: Scenario) -> int:
        """Count the incidents that would have been seen."""
        return sum(bool(one.camera_ids) for one in scenario.incidents)

    def place_of(self, camera: StudyCamera) -> str:
        """Name what a camera hangs on."""
        kind = self.words.text(MOUNT_NAMES[camera.mount_kind])
        return f"{kind} {camera.mount_id}".strip()

    def proof(self, proof: Proof) -> str:
        """Say how good an answer is known to be."""
        say = self.words.say
        if proof.is_proven:
            return say("bewezen de beste", "proven the best")
        if proof.gap >= NO_PROOF_GAP:
            return say("hoe goed is niet bekend", "how good is not known")
        gap = self.words.percent(proof.gap)
        return say(f"hoogstens {gap} van het beste af", f"at most {gap} off the best")

    def target(self) -> str:
        """Name the target class with its density."""
        one = self.study.target_class
        return f"{self.words.text(one.name)} ({self.words.short(one.min_px_per_m)} px/m)"


def focal_length_mm(camera: StudyCamera) -> float:
    """Return the focal length a camera is set to."""
    kind, f_px = camera.camera_type, camera.model.f_px
    if np.isclose(f_px, focal_length_px(kind)) or kind.lens is Lens.F_THETA:
        return kind.focal_length_mm
    return f_px * kind.pitch_um / 1000


def to_wgs84(x_m: float, y_m: float) -> tuple[float, float]:
    """
    Return latitude and longitude of a point in EPSG:28992.

    Without correction grids, as pyproj comes, this is good to about a metre.
    """
    longitude, latitude = from_rd().transform(x_m, y_m)
    return float(latitude), float(longitude)


@cache
def from_rd() -> Transformer:
    """Return the conversion of EPSG:28992 to longitude and latitude, in this order."""
    return Transformer.from_crs(28992, 4326, always_xy=True)


def worst_areas(study: Study, scenario: Scenario, condition: Condition) -> list[tuple[str, float]]:
    """
    Find the named public areas with most ground that a scenario does not see.

    Returns
    -------
    worst
        Name and square metres, the largest first.
    """
    unseen = ~study.is_seen(scenario, condition)
    return [(name, m2) for name, m2 in _by_name(study, unseen) if round(m2) > 0]


def areas_seen_by(study: Study, camera: StudyCamera) -> list[tuple[str, float]]:
    """Return the named public areas a camera sees by day at the lowest class, largest first."""
    lowest = study.edition.classes[0].threshold_px_per_m
    seen = camera.density[Condition.DAY] >= lowest
    return [(name, m2) for name, m2 in _by_name(study, seen) if round(m2) > 0]


def _by_name(study: Study, wanted: Bools) -> list[tuple[str, float]]:
    """Sum the ground of some targets by the name of the public area they lie in."""
    points = study.ground.points_m[wanted]
    area = study.ground.area_m2[wanted]
    sums: dict[str, float] = {}
    for one in study.site.public_areas:
        if one.name:
            inside = shapely.contains_xy(one.polygon, points[:, 0], points[:, 1])
            sums[one.name] = sums.get(one.name, 0.0) + float(area[inside].sum())
    return sorted(sums.items(), key=lambda row: (-row[1], row[0]))
