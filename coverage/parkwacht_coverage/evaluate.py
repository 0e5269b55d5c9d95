"""
What each camera sees of the ground, by day and by night, and what all of them see together.

By day a target has the pixel density of the camera model where it is in the image and in sight, by
night the same where it is lit for that camera (`light`), else 0. A camera with presets counts at
its home aim in every figure of a plan, because nobody can rely on where else it looks; what any of
its aims sees is kept beside it as seen some of the time.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import count

import numpy as np
import numpy.typing as npt
from shapely.geometry import MultiPolygon, Polygon

from parkwacht_config.errors import CoverageError
from parkwacht_config.site import AreaKind, Camera, CameraType, MountKind, Site
from parkwacht_config.text import Text
from parkwacht_coverage.camera import CameraModel, models_of
from parkwacht_coverage.density import DensityClass, Edition
from parkwacht_coverage.light import illuminance_lux, is_lit_for
from parkwacht_coverage.place import require_eye
from parkwacht_coverage.plan import Ground
from parkwacht_coverage.views import View
from parkwacht_coverage.visibility import Scene

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


class Condition(StrEnum):
    """Whether there is daylight."""

    DAY = "day"
    NIGHT = "night"


@dataclass(frozen=True, slots=True)
class StudyCamera:
    """
    One camera of a study and what it sees.

    `density` is its pixel density at each target, 0 where it does not see it, shape (N,); `polygon`
    is the part of the plane at target height that it sees at the target class by day; `added_m2` is
    what a proposed camera adds to the cameras before it. `sometimes` is the best density of all
    its aims, for a camera with presets, else empty.
    """

    id: str
    name: str
    model: CameraModel
    camera_type: CameraType
    mount_kind: MountKind
    mount_id: str
    is_proposed: bool
    density: dict[Condition, Floats]
    polygon: Polygon | MultiPolygon
    added_m2: dict[Condition, float] = field(default_factory=dict)
    sometimes: dict[Condition, Floats] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Overall:
    """
    What several cameras see together.

    `density` is the best of all at each target, `fold` how many cameras see it at the target class,
    both shape (N,); `area_m2` is the ground of each kind that reaches at least each class of the
    edition, shape (number of classes,).
    """

    cameras: tuple[StudyCamera, ...]
    edition: Edition
    density: dict[Condition, Floats]
    fold: dict[Condition, Ints]
    area_m2: dict[Condition, Mapping[AreaKind, Floats]]


class Evaluator:
    """
    Evaluates cameras over one park's ground.

    Parameters
    ----------
    site
        The park.
    ground
        Its targets.
    target_class
        The class a study aims at.
    light_margin
        How many times its minimum illuminance a camera needs by night.
    in_leaf
        Whether deciduous trees bear leaves: then their crowns hide, and take light away.
    """

    def __init__(
        self,
        site: Site,
        ground: Ground,
        target_class: DensityClass,
        *,
        light_margin: float,
        in_leaf: bool = False,
    ) -> None:
        self.light_margin = light_margin
        self.in_leaf = in_leaf
        self.site = site
        self.ground = ground
        self.target_class = target_class
        self.scene = Scene(site.buildings, site.trees, in_leaf=in_leaf)
        self.targets = self.scene.targets(ground.points_m)
        self.lux = illuminance_lux(ground.points_m, site.lamp_posts, self.scene)

    def existing(self, camera: Camera) -> StudyCamera:
        """
        Evaluate a camera of the park at the aim it has.

        Raises
        ------
        CoverageError
            It is inside a building, or not above the ground.
        """
        camera_type = self.site.camera_types[camera.type_id]
        model, *presets = models_of(camera, camera_type)
        self._require_eye(model)
        sight = self._sight(model)
        density = self._density(model, camera_type, sight)
        sometimes = {}
        if presets:
            aims = [density, *(self._density(one, camera_type, sight) for one in presets)]
            sometimes = {
                condition: np.maximum.reduce([one[condition] for one in aims])
                for condition in Condition
            }
        return StudyCamera(
            id=camera.id,
            name=camera.name,
            model=model,
            camera_type=camera_type,
            mount_kind=camera.mount,
            mount_id="",
            is_proposed=False,
            density=density,
            polygon=self._polygon(model),
            sometimes=sometimes,
        )

    def proposed(self, views: Sequence[View], today: dict[Condition, Floats]) -> list[StudyCamera]:
        """
        Evaluate chosen views, the most useful first, and what each adds to those before it.

        They are named n1, n2 and so on, leaving out what cameras of the park are called: a park
        may hold the cameras of an earlier study.

        Parameters
        ----------
        views
            In the order chosen.
        today
            Best density of the existing cameras at each target, shape (N,).
        """
        best = {condition: density.copy() for condition, density in today.items()}
        cameras = []
        taken = {one.id for one in self.site.cameras}
        free = (f"n{number}" for number in count(1) if f"n{number}" not in taken)
        for view, camera_id in zip(views, free, strict=False):
            density = self._density(view.model, view.camera_type, self._sight(view.model))
            added = {}
            for condition in Condition:
                before = best[condition] >= self.target_class.threshold_px_per_m
                best[condition] = np.maximum(best[condition], density[condition])
                after = best[condition] >= self.target_class.threshold_px_per_m
                added[condition] = float(self.ground.area_m2[after & ~before].sum())
            cameras.append(
                StudyCamera(
                    id=camera_id,
                    name=camera_id.upper(),
                    model=replace(view.model, id=camera_id),
                    camera_type=view.camera_type,
                    mount_kind=view.mount.kind,
                    mount_id=view.mount.id,
                    is_proposed=True,
                    density=density,
                    polygon=self._polygon(view.model),
                    added_m2=added,
                )
            )
        return cameras

    def best(self, cameras: Iterable[StudyCamera]) -> dict[Condition, Floats]:
        """Return the best density of several cameras at each target, each shape (N,)."""
        best = {condition: np.zeros(len(self.lux)) for condition in Condition}
        for camera in cameras:
            for condition in Condition:
                np.maximum(best[condition], camera.density[condition], out=best[condition])
        return best

    def fold(self, cameras: Iterable[StudyCamera]) -> dict[Condition, Ints]:
        """Count how many cameras see each target at the target class, each shape (N,)."""
        count = {condition: np.zeros(len(self.lux), dtype=np.int64) for condition in Condition}
        for camera in cameras:
            for condition in Condition:
                count[condition] += (
                    camera.density[condition] >= self.target_class.threshold_px_per_m
                )
        return count

    def overall(self, cameras: Sequence[StudyCamera], edition: Edition) -> Overall:
        """
        Put together what several cameras see.

        Parameters
        ----------
        cameras
            As `existing`, `proposed` or `moved` evaluated them.
        edition
            Whose classes the areas are of.
        """
        density = self.best(cameras)
        return Overall(
            cameras=tuple(cameras),
            edition=edition,
            density=density,
            fold=self.fold(cameras),
            area_m2={
                condition: self._area_m2(density[condition], edition) for condition in Condition
            },
        )

    def moved(self, overall: Overall, model: CameraModel) -> Overall:
        """
        Evaluate anew after one camera was moved or aimed elsewhere; the others keep their results.

        Parameters
        ----------
        overall
            What was seen before.
        model
            The camera as it is now, with the id that it has in `overall`.

        Returns
        -------
        overall
            The moved camera has no presets and adds nothing to others any more.

        Raises
        ------
        CoverageError
            There is no such camera, or it is inside a building or not above the ground.
        """
        self._require_eye(model)
        cameras = list(overall.cameras)
        places = [index for index, one in enumerate(cameras) if one.id == model.id]
        if not places:
            known = ", ".join(one.id for one in cameras) or "-"
            raise CoverageError(
                Text(
                    nl=f"er is geen camera {model.id!r} om te verplaatsen; wel: {known}",
                    en=f"there is no camera {model.id!r} to move; there are: {known}",
                )
            )
        before = cameras[places[0]]
        cameras[places[0]] = replace(
            before,
            model=model,
            density=self._density(model, before.camera_type, self._sight(model)),
            polygon=self._polygon(model),
            added_m2={},
            sometimes={},
        )
        return self.overall(cameras, overall.edition)

    def _area_m2(self, density: Floats, edition: Edition) -> dict[AreaKind, Floats]:
        """Return the ground of each kind that reaches at least each class."""
        kinds, n_ranks = list(AreaKind), len(edition.classes) + 1
        cell = self.ground.kinds * n_ranks + edition.ranks(density)
        areas = np.bincount(cell, weights=self.ground.area_m2, minlength=len(kinds) * n_ranks)
        at_least = np.cumsum(areas.reshape(len(kinds), n_ranks)[:, ::-1], axis=1)[:, ::-1]
        return dict(zip(kinds, at_least[:, 1:], strict=True))

    def _require_eye(self, model: CameraModel) -> None:
        what = Text(nl=f"camera {model.id!r}", en=f"camera {model.id!r}")
        require_eye(self.scene, (model.x_m, model.y_m, model.height_m), what)

    def _sight(self, model: CameraModel) -> Bools:
        return self.scene.is_visible((model.x_m, model.y_m, model.height_m), self.targets)

    def _density(
        self, model: CameraModel, camera_type: CameraType, sight: Bools
    ) -> dict[Condition, Floats]:
        by_day, by_night = np.zeros(len(self.lux)), np.zeros(len(self.lux))
        # Pixel-density classes say nothing about thermal images (design/coverage.md, section 3).
        if not camera_type.is_thermal:
            seen = np.flatnonzero(sight)
            points = self.ground.points_m[seen]
            shown = model.is_in_view(points)
            seen, points = seen[shown], points[shown]
            by_day[seen] = model.pixel_density_px_per_m(points)
            away = np.linalg.norm(points - (model.x_m, model.y_m, model.height_m), axis=1)
            lit = is_lit_for(camera_type, self.lux[seen], away, margin=self.light_margin)
            by_night[seen[lit]] = by_day[seen[lit]]
        return {Condition.DAY: by_day, Condition.NIGHT: by_night}

    def _polygon(self, model: CameraModel) -> Polygon | MultiPolygon:
        height_m = float(self.ground.points_m[0, 2])
        shown = model.footprint(
            at_height_m=height_m,
            max_range_m=500.0,
            min_density_px_per_m=self.target_class.min_px_per_m,
        )
        eye = (model.x_m, model.y_m, model.height_m)
        return self.scene.visible_part(eye, shown, at_height_m=height_m)
