"""
How much cameras see of what is not their business, measured.

Per camera and for all of them together (a point that two cameras see counts once), by day and by
night: private ground, facades and windows seen at observe and recognise or better, and the share of
passers-by outside the purpose area whose face would be recognisable. Observe and recognise are
those of the 2014 edition, and of another edition the classes of the nearest pixel density.

A passer-by is recognisable where the face is seen at recognise or better, whichever way it looks:
people turn while they walk by, so this is an upper limit. A privacy mask hides what is behind it. A
thermal camera recognises nobody and looks through no window; it sees private ground where it would
detect a person (Johnson). A pan-tilt-zoom camera sees what any of its presets sees.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from parkwacht_config.site import Camera, CameraType, Lens, PrivacyMask
from parkwacht_config.study import PrivacyCeilings
from parkwacht_config.text import Text
from parkwacht_coverage.camera import CameraModel, models_of
from parkwacht_coverage.density import DensityClass, Edition, find_edition
from parkwacht_coverage.evaluate import Condition
from parkwacht_coverage.light import LIGHT_MARGIN, is_lit_for
from parkwacht_coverage.masks import area_behind_masks
from parkwacht_coverage.privacy_ground import PrivacyGround, WeightedPoints
from parkwacht_coverage.thermal import find_target, thermal_ranks
from parkwacht_coverage.visibility import Scene, Targets

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


CEILING_NAMES = {
    "private_m2": Text(nl="privéterrein in beeld", en="private ground in view"),
    "camera_private_m2": Text(nl="privéterrein in beeld", en="private ground in view"),
    "dwelling_window_m": Text(nl="ramen van woningen in beeld", en="windows of dwellings in view"),
    "recognisable_share": Text(nl="voorbijgangers herkenbaar", en="passers-by recognisable"),
}

LOWEST_PX_PER_M = 12.0  # below the lowest class of both editions, 12.5 and 20


class PrivacyLevel(StrEnum):
    """The two densities at which privacy is measured."""

    OBSERVE = "observe"
    RECOGNISE = "recognise"


@dataclass(frozen=True, slots=True)
class Watcher:
    """A camera whose view is measured: its aims, type and privacy masks."""

    id: str
    models: tuple[CameraModel, ...]
    camera_type: CameraType
    masks: tuple[PrivacyMask, ...] = ()

    @property
    def eye_m(self) -> tuple[float, float, float]:
        """Where the camera hangs: (x, y, height)."""
        home = self.models[0]
        return home.x_m, home.y_m, home.height_m

    @classmethod
    def of(
        cls, camera: Camera, camera_type: CameraType, masks: Iterable[PrivacyMask] = ()
    ) -> "Watcher":
        """Make the watcher of a camera of the site, with its presets and those masks it has."""
        own = tuple(one for one in masks if one.camera_id == camera.id)
        return cls(camera.id, tuple(models_of(camera, camera_type)), camera_type, own)


@dataclass(frozen=True, slots=True)
class PrivacyFigures:
    """
    What is seen, by one camera or by all together, by day or by night.

    `private_m2` is private ground seen at the lowest class or better (or by a thermal camera, which
    reaches no class),
    `private_m2_by_class` at each class or better; lengths are metres of facade or window, of all
    buildings and of dwellings; `recognisable_share` is of the passers-by outside the purpose area.
    """

    private_m2: float
    private_m2_by_class: Mapping[str, float]
    facade_m: Mapping[PrivacyLevel, float]
    window_m: Mapping[PrivacyLevel, float]
    dwelling_facade_m: Mapping[PrivacyLevel, float]
    dwelling_window_m: Mapping[PrivacyLevel, float]
    recognisable_share: float


@dataclass(frozen=True, slots=True)
class PrivacyMeasure:
    """
    The privacy of a set of cameras.

    `levels` says which classes of the edition were taken for observe and recognise; `totals` is
    what there is to be seen: what a camera that sees all at every class would measure.
    """

    edition: Edition
    levels: Mapping[PrivacyLevel, DensityClass]
    together: Mapping[Condition, PrivacyFigures]
    cameras: Mapping[str, Mapping[Condition, PrivacyFigures]]
    totals: PrivacyFigures


def privacy_levels(edition: Edition) -> dict[PrivacyLevel, DensityClass]:
    """Return the classes of an edition nearest to observe and recognise of the 2014 edition."""
    first = find_edition("2014")
    found = {}
    for level in PrivacyLevel:
        wanted = first.find(level.value).min_px_per_m
        found[level] = min(edition.classes, key=lambda one: abs(one.min_px_per_m - wanted))
    return found


def measure_privacy(
    watchers: Sequence[Watcher],
    scene: Scene,
    ground: PrivacyGround,
    edition: Edition,
    *,
    light_margin: float = LIGHT_MARGIN,
) -> PrivacyMeasure:
    """
    Measure what cameras see of private ground, facades and passers-by.

    Parameters
    ----------
    watchers
        The cameras, their ids all different.
    scene
        What stands in the way of sight.
    ground
        Where privacy is at stake.
    edition
        Whose classes are reported.
    light_margin
        How many times its minimum illuminance a camera needs by night.

    Returns
    -------
    measure
        Per camera and together, by day and by night.
    """
    levels = privacy_levels(edition)
    sets = (ground.private, ground.facade, ground.passers_by)
    targets = [scene.targets(one.points_m) for one in sets]
    best = {condition: _nothing(ground) for condition in Condition}
    cameras: dict[str, Mapping[Condition, PrivacyFigures]] = {}
    for watcher in watchers:
        own = {condition: _nothing(ground) for condition in Condition}
        for index, (points, prepared) in enumerate(zip(sets, targets, strict=True)):
            if watcher.camera_type.is_thermal:
                continue
            by_day, lit = watch(watcher, scene, points, prepared, light_margin=light_margin)
            if points is ground.facade:
                by_day[~ground.is_facing(*watcher.eye_m[:2])] = 0.0
            own[Condition.DAY].density[index][:] = by_day
            own[Condition.NIGHT].density[index][:] = np.where(lit, by_day, 0.0)
        for condition in Condition:
            if watcher.camera_type.is_thermal:
                own[condition].is_warm[:] = detect(watcher, scene, ground.private, targets[0])
            best[condition].add(own[condition])
        cameras[watcher.id] = {
            condition: _figures(own[condition], ground, edition, levels) for condition in Condition
        }
    return PrivacyMeasure(
        edition=edition,
        levels=levels,
        together={one: _figures(best[one], ground, edition, levels) for one in Condition},
        cameras=cameras,
        totals=_figures(_everything(ground), ground, edition, levels),
    )


def watch(
    watcher: Watcher,
    scene: Scene,
    points: WeightedPoints,
    targets: Targets,
    *,
    light_margin: float = LIGHT_MARGIN,
) -> tuple[Floats, Bools]:
    """
    Find how densely a camera for visible light sees points, masks taken out.

    Parameters
    ----------
    watcher
        The camera.
    scene
        What stands in the way of sight.
    points
        Where to look.
    targets
        The same points as `scene.targets` prepares them.
    light_margin
        How many times its minimum illuminance a camera needs by night.

    Returns
    -------
    density, is_lit
        Pixels per metre by day at the best of its aims, 0 where it sees nothing and may be 0 where
        it reaches no class, and where it sees by night what it sees by day; both shape (N,).
    """
    density = np.zeros(len(points.weight))
    is_lit = np.zeros(len(points.weight), dtype=np.bool_)
    eye = watcher.eye_m
    # Only what is in sight and near enough for the lowest class is worth projecting.
    near = np.flatnonzero(scene.is_visible(eye, targets, range_m=_reach_m(watcher)))
    there = points.points_m[near]
    for model in watcher.models:
        shown = model.is_in_view(there)
        shown[shown] &= ~area_behind_masks(model, watcher.masks, there[shown])
        here = np.where(shown, model.pixel_density_px_per_m(there), 0.0)
        density[near] = np.maximum(density[near], here)
    away = np.linalg.norm(there - np.array(eye), axis=1)
    is_lit[near] = is_lit_for(watcher.camera_type, points.lux[near], away, margin=light_margin)
    return density, is_lit


def _reach_m(watcher: Watcher) -> float:
    """Return beyond which distance no class is reached, the corners of the image included."""
    reach = 0.0
    for model in watcher.models:
        corner = math.hypot(model.width_px, model.height_px) / 2 / model.f_px
        wide = 1.0 if model.lens is Lens.F_THETA else math.hypot(1.0, corner)
        reach = max(reach, model.f_px / LOWEST_PX_PER_M * wide)
    return reach


def detect(watcher: Watcher, scene: Scene, points: WeightedPoints, targets: Targets) -> Bools:
    """Return where a thermal camera would detect a person, shape (N,)."""
    person = find_target("person")
    found = np.zeros(len(points.weight), dtype=np.bool_)
    for model in watcher.models:
        here = thermal_ranks(model, watcher.camera_type, points.points_m, person) > 0
        found |= here & ~area_behind_masks(model, watcher.masks, points.points_m)
    found &= scene.is_visible(watcher.eye_m, targets)
    return found


@dataclass(frozen=True, slots=True)
class _Seen:
    """Density at private ground, facades and faces, and what private ground is seen in warmth."""

    density: tuple[Floats, Floats, Floats]
    is_warm: Bools

    def add(self, other: "_Seen") -> None:
        """Take in what another camera sees: a point seen twice counts once."""
        for mine, theirs in zip(self.density, other.density, strict=True):
            np.maximum(mine, theirs, out=mine)
        np.logical_or(self.is_warm, other.is_warm, out=self.is_warm)


def _nothing(ground: PrivacyGround) -> _Seen:
    sizes = [len(one.weight) for one in (ground.private, ground.facade, ground.passers_by)]
    private, facade, faces = (np.zeros(size) for size in sizes)
    return _Seen((private, facade, faces), np.zeros(sizes[0], dtype=np.bool_))


def _everything(ground: PrivacyGround) -> _Seen:
    seen = _nothing(ground)
    for one in seen.density:
        one[:] = np.inf
    return seen


def find_exceeded(
    measure: PrivacyMeasure, ceilings: PrivacyCeilings, condition: Condition = Condition.DAY
) -> list[Text]:
    """
    Say which ceilings a set of cameras exceeds.

    Parameters
    ----------
    measure
        What was measured.
    ceilings
        What may be seen at most.
    condition
        By day, when most is seen, or by night.

    Returns
    -------
    exceeded
        One sentence for each ceiling exceeded, with what was measured.
    """
    seen = measure.together[condition]
    windows_m = seen.dwelling_window_m[PrivacyLevel.OBSERVE]
    rows = [
        ("private_m2", seen.private_m2, ceilings.private_m2, "m²", ""),
        ("dwelling_window_m", windows_m, ceilings.dwelling_window_m, "m", ""),
        ("recognisable_share", seen.recognisable_share, ceilings.recognisable_share, "", ""),
    ]
    rows += [
        ("camera_private_m2", by[condition].private_m2, ceilings.camera_private_m2, "m²", name)
        for name, by in measure.cameras.items()
    ]
    return [
        _exceeded_text(key, value, ceiling, unit, name)
        for key, value, ceiling, unit, name in rows
        if ceiling is not None and value > ceiling * (1 + 1e-9)
    ]


def _exceeded_text(key: str, value: float, ceiling: float, unit: str, camera_id: str) -> Text:
    """Name the ceiling in plain words and by its key, with what was measured."""
    of = f"camera {camera_id!r}: " if camera_id else ""
    name = CEILING_NAMES[key]
    if unit:
        measured, most = (f"{one:.1f} {unit}" for one in (value, ceiling))
    else:
        measured, most = (f"{100 * one:.2f} %" for one in (value, ceiling))
    return Text(
        nl=f"{of}{name.nl} ({key}): {measured}, gevraagd hoogstens {most}",
        en=f"{of}{name.en} ({key}): {measured}, asked at most {most}",
    )


def _figures(
    seen: _Seen,
    ground: PrivacyGround,
    edition: Edition,
    levels: Mapping[PrivacyLevel, DensityClass],
) -> PrivacyFigures:
    """Sum what densities at the points of the three sets come to."""
    private, facade, faces = seen.density
    by_class = {
        one.id: float(ground.private.weight[private >= one.threshold_px_per_m].sum())
        for one in edition.classes
    }
    is_seen = (private >= edition.classes[0].threshold_px_per_m) | seen.is_warm
    at = {level: facade >= one.threshold_px_per_m for level, one in levels.items()}
    home = ground.is_dwelling
    recognisable = faces >= levels[PrivacyLevel.RECOGNISE].threshold_px_per_m
    length_m, window_m = ground.facade.weight, ground.window_m
    return PrivacyFigures(
        private_m2=float(ground.private.weight[is_seen].sum()),
        private_m2_by_class=by_class,
        facade_m={one: float(length_m[hit].sum()) for one, hit in at.items()},
        window_m={one: float(window_m[hit].sum()) for one, hit in at.items()},
        dwelling_facade_m={one: float(length_m[hit & home].sum()) for one, hit in at.items()},
        dwelling_window_m={one: float(window_m[hit & home].sum()) for one, hit in at.items()},
        recognisable_share=float(ground.passers_by.weight[recognisable].sum()),
    )
