"""
What is left of a placement when something goes wrong: the worst case next to the nominal one.

A camera hangs 5 degrees or half a metre off, one fails, lamps are dimmed or out, trees bear
leaves, a lorry of 4 m stands in a parking bay (design/coverage.md, section 12.9). Of what can
happen to one camera or bay, each is tried alone and the worst counts. Cameras count at their home
aim; privacy masks stay where they are in the image.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from parkwacht_config.site import CameraType, PrivacyMask
from parkwacht_config.text import Text
from parkwacht_coverage.camera import CameraModel
from parkwacht_coverage.evaluate import Condition, Evaluator, StudyCamera
from parkwacht_coverage.hits import PointSet, find_hits
from parkwacht_coverage.light import illuminance_lux
from parkwacht_coverage.lorries import hidden_by_lorries, park_lorries
from parkwacht_coverage.masks import area_behind_masks
from parkwacht_coverage.visibility import Scene, Targets

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Progress = Callable[[int, int], None]

AIM_DEG = 5.0
HEIGHT_M = 0.5
DIMMED = 0.5
TILT_LIMITS_DEG = (-10.0, 90.0)
LORRIES_AT_ONCE = 128

NAMES = {
    "pan": Text(nl="een camera 5° naast zijn richting", en="one camera 5° off its direction"),
    "tilt": Text(nl="een camera 5° naast zijn neiging", en="one camera 5° off its tilt"),
    "height": Text(nl="een camera 0,5 m hoger of lager", en="one camera 0.5 m higher or lower"),
    "failed": Text(nl="een camera valt uit", en="one camera fails"),
    "lamps_dimmed": Text(nl="lampen gedimd tot de helft", en="lamps dimmed to half"),
    "lamps_out": Text(nl="alle lampen uit", en="all lamps out"),
    "leaf": Text(nl="bomen in blad", en="trees in leaf"),
    "lorry": Text(nl="vrachtauto van 4 m op een parkeervak", en="lorry of 4 m in a parking bay"),
}


@dataclass(frozen=True, slots=True)
class RobustnessCase:
    """
    One thing that can go wrong, at its worst.

    Shares are of the weighted public ground that reaches the target class; `what` is the camera or
    parking bay at which the worst happens, empty where it happens to all at once or costs nothing.
    """

    id: str
    name: Text
    condition: Condition
    nominal_share: float
    worst_share: float
    what: str


@dataclass(frozen=True, slots=True)
class _World:
    """What stands in the way and what light there is: `lux` has shape (N,)."""

    scene: Scene
    targets: Targets
    lux: Floats


@dataclass(frozen=True, slots=True)
class _Variant:
    """One camera, changed: its place in the plan, and how it hangs then."""

    case: str
    camera: int
    model: CameraModel


@dataclass
class _Worst:
    """The worst share so far of each case."""

    nominal: float
    found: dict[str, tuple[float, str]] = field(default_factory=dict)

    def take(self, case: str, share: float, what: str) -> None:
        """Note what a variant comes to."""
        before = self.found.get(case, (self.nominal, ""))
        self.found[case] = min(before, (share, what), key=lambda one: one[0])


class _Trial:
    """The cameras of a plan, tried in other worlds and with other aims."""

    def __init__(
        self,
        evaluator: Evaluator,
        cameras: Sequence[StudyCamera],
        masks: Sequence[PrivacyMask],
    ) -> None:
        self.evaluator = evaluator
        self.cameras = list(cameras)
        self.types = [one.camera_type for one in cameras]
        self.masks = [[mask for mask in masks if mask.camera_id == one.id] for one in cameras]
        self.weight = evaluator.ground.weight

    def share(self, fold: Ints) -> float:
        """Return the share of the weight that some camera sees."""
        total = float(self.weight.sum())
        return float(self.weight[fold > 0].sum()) / total if total else 0.0

    def seen(
        self, models: Sequence[CameraModel], owners: Sequence[int], world: _World, when: Condition
    ) -> list[npt.NDArray[np.int32]]:
        """Return the targets that each of some cameras sees at the target class."""
        points = PointSet(
            self.evaluator.ground.points_m,
            self.evaluator.target_class.threshold_px_per_m,
            world.lux if when is Condition.NIGHT else None,
            world.targets,
        )
        types: list[CameraType] = [self.types[one] for one in owners]
        margin = self.evaluator.light_margin
        hits = find_hits(models, types, points, world.scene, light_margin=margin)
        found = []
        for index, (model, owner) in enumerate(zip(models, owners, strict=True)):
            mine = hits.of(index)
            behind = area_behind_masks(model, self.masks[owner], points.points_m[mine])
            found.append(mine[~behind])
        return found

    def count(self, seen: Sequence[npt.NDArray[np.int32]]) -> Ints:
        """Count the cameras that see each target, shape (N,)."""
        fold = np.zeros(len(self.weight), dtype=np.int64)
        for one in seen:
            fold[one] += 1
        return fold


def find_robustness(
    evaluator: Evaluator,
    cameras: Sequence[StudyCamera],
    *,
    masks: Sequence[PrivacyMask] = (),
    on_progress: Progress | None = None,
) -> tuple[RobustnessCase, ...]:
    """
    Find the worst that each thing that can go wrong does to a placement.

    Parameters
    ----------
    evaluator
        Of the park, its trees bare.
    cameras
        The placement.
    masks
        Privacy masks of its cameras.
    on_progress
        Told how many of how many steps are done.

    Returns
    -------
    cases
        By day and by night; lamps only by night, trees and lorries only where there are some.
    """
    if not cameras:
        return ()
    trial = _Trial(evaluator, cameras, masks)
    nominal = _World(evaluator.scene, evaluator.targets, evaluator.lux)
    cases: list[RobustnessCase] = []
    for step, when in enumerate(Condition):
        models, owners = [one.model for one in cameras], list(range(len(cameras)))
        seen = trial.seen(models, owners, nominal, when)
        worst = _Worst(trial.share(trial.count(seen)))
        _try_cameras(trial, nominal, when, seen, worst)
        if on_progress is not None:
            on_progress(3 * step + 1, 6)
        for case, world in _worlds(evaluator, when):
            fold = trial.count(trial.seen(models, owners, world, when))
            worst.take(case, trial.share(fold), "")
        if on_progress is not None:
            on_progress(3 * step + 2, 6)
        _try_lorries(trial, seen, worst)
        if on_progress is not None:
            on_progress(3 * step + 3, 6)
        cases += [
            RobustnessCase(case, name, when, worst.nominal, *worst.found[case])
            for case, name in NAMES.items()
            if case in worst.found
        ]
    return tuple(cases)


def _try_cameras(
    trial: _Trial,
    world: _World,
    when: Condition,
    seen: Sequence[npt.NDArray[np.int32]],
    worst: _Worst,
) -> None:
    """Try every camera off its aim and height, and without it."""
    fold = trial.count(seen)
    variants = [
        one for index in range(len(seen)) for one in _variants(trial.cameras[index].model, index)
    ]
    variants = [one for one in variants if _is_free(trial.evaluator.scene, one.model)]
    changed = trial.seen(
        [one.model for one in variants], [one.camera for one in variants], world, when
    )
    for variant, mine in zip(variants, changed, strict=True):
        without = fold.copy()
        without[seen[variant.camera]] -= 1
        without[mine] += 1
        worst.take(variant.case, trial.share(without), trial.cameras[variant.camera].id)
    for index, mine in enumerate(seen):
        without = fold.copy()
        without[mine] -= 1
        worst.take("failed", trial.share(without), trial.cameras[index].id)


def _variants(model: CameraModel, camera: int) -> list[_Variant]:
    """Return a camera as it may hang: other pan, other tilt, other height."""
    low, high = TILT_LIMITS_DEG
    found = []
    for sign in (-1.0, 1.0):
        pan = (model.azimuth_deg + sign * AIM_DEG) % 360.0
        tilt = min(high, max(low, model.tilt_deg + sign * AIM_DEG))
        found += [
            _Variant("pan", camera, replace(model, azimuth_deg=pan)),
            _Variant("tilt", camera, replace(model, tilt_deg=tilt)),
            _Variant("height", camera, replace(model, height_m=model.height_m + sign * HEIGHT_M)),
        ]
    return found


def _is_free(scene: Scene, model: CameraModel) -> bool:
    """Return whether a camera can hang there."""
    building = scene.building_at(model.x_m, model.y_m, model.height_m)
    return model.height_m > 0 and building is None


def _worlds(evaluator: Evaluator, when: Condition) -> list[tuple[str, _World]]:
    """Return the park with less light and with more leaves."""
    found = []
    scene, targets, lux = evaluator.scene, evaluator.targets, evaluator.lux
    if when is Condition.NIGHT:
        found.append(("lamps_dimmed", _World(scene, targets, lux * DIMMED)))
        found.append(("lamps_out", _World(scene, targets, np.zeros_like(lux))))
    site = evaluator.site
    if not evaluator.in_leaf and any(not one.is_evergreen for one in site.trees):
        leafy = Scene(site.buildings, site.trees, in_leaf=True)
        points = evaluator.ground.points_m
        light = illuminance_lux(points, site.lamp_posts, leafy)
        found.append(("leaf", _World(leafy, leafy.targets(points), light)))
    return found


def _try_lorries(trial: _Trial, seen: Sequence[npt.NDArray[np.int32]], worst: _Worst) -> None:
    """Try a lorry in every bay."""
    eyes = np.array([(one.model.x_m, one.model.y_m, one.model.height_m) for one in trial.cameras])
    lorries = park_lorries(trial.evaluator.site, eyes)
    fold = trial.count(seen)
    points = trial.evaluator.ground.points_m
    for first in range(0, len(lorries), LORRIES_AT_ONCE):
        some = lorries[first : first + LORRIES_AT_ONCE]
        left = np.repeat(fold[None], len(some), axis=0)
        for eye, mine in zip(eyes, seen, strict=True):
            left[:, mine] -= hidden_by_lorries(eye, points[mine], some)
        for lorry, count in zip(some, left, strict=True):
            worst.take("lorry", trial.share(count), lorry.id)
