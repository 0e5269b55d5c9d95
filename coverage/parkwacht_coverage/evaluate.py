"""
What each camera sees of the ground, by day and by night, and what all of them see together.

By day a target has the pixel density of the camera model where it is in the image and in sight, by
night the same where it is lit for that camera (`light`), else 0.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from shapely.geometry import MultiPolygon, Polygon

from parkwacht_config.site import Camera, CameraType, MountKind, Site
from parkwacht_config.text import Text
from parkwacht_coverage.camera import CameraModel
from parkwacht_coverage.density import DensityClass
from parkwacht_coverage.light import illuminance_lux, is_lit_for
from parkwacht_coverage.plan import Ground, require_outside
from parkwacht_coverage.views import View
from parkwacht_coverage.visibility import Scene

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


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
    what a proposed camera adds to the cameras before it.
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
    """

    def __init__(
        self, site: Site, ground: Ground, target_class: DensityClass, *, light_margin: float
    ) -> None:
        self.light_margin = light_margin
        self.site = site
        self.ground = ground
        self.target_class = target_class
        self.scene = Scene(site.buildings)
        self.targets = self.scene.targets(ground.points_m)
        self.lux = illuminance_lux(ground.points_m, site.lamp_posts, self.scene)

    def existing(self, camera: Camera) -> StudyCamera:
        """
        Evaluate a camera of the park at the aim it has.

        Raises
        ------
        CoverageError
            It is inside a building.
        """
        camera_type = self.site.camera_types[camera.type_id]
        model = CameraModel.of(camera, camera_type)
        eye = (model.x_m, model.y_m, model.height_m)
        what = Text(nl=f"camera {camera.id!r}", en=f"camera {camera.id!r}")
        require_outside(self.scene.building_at(*eye), what, eye)
        return StudyCamera(
            id=camera.id,
            name=camera.name,
            model=model,
            camera_type=camera_type,
            mount_kind=camera.mount,
            mount_id="",
            is_proposed=False,
            density=self._density(model, camera_type),
            polygon=self._polygon(model),
        )

    def proposed(self, views: Sequence[View], today: dict[Condition, Floats]) -> list[StudyCamera]:
        """
        Evaluate chosen views, the most useful first, and what each adds to those before it.

        Parameters
        ----------
        views
            In the order chosen.
        today
            Best density of the existing cameras at each target, shape (N,).
        """
        best = {condition: density.copy() for condition, density in today.items()}
        cameras = []
        for rank, view in enumerate(views, start=1):
            density = self._density(view.model, view.camera_type)
            added = {}
            for condition in Condition:
                before = best[condition] >= self.target_class.threshold_px_per_m
                best[condition] = np.maximum(best[condition], density[condition])
                after = best[condition] >= self.target_class.threshold_px_per_m
                added[condition] = float(self.ground.area_m2[after & ~before].sum())
            cameras.append(
                StudyCamera(
                    id=f"n{rank}",
                    name=f"N{rank}",
                    model=replace(view.model, id=f"n{rank}"),
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

    def _density(self, model: CameraModel, camera_type: CameraType) -> dict[Condition, Floats]:
        points = self.ground.points_m
        eye = (model.x_m, model.y_m, model.height_m)
        seen = self.scene.is_visible(eye, self.targets) & model.is_in_view(points)
        # Pixel-density classes say nothing about thermal images (design/coverage.md, section 3).
        seen &= not camera_type.is_thermal
        by_day = np.where(seen, model.pixel_density_px_per_m(points), 0.0)
        away = np.linalg.norm(points - np.array(eye), axis=1)
        lit = is_lit_for(camera_type, self.lux, away, margin=self.light_margin)
        return {Condition.DAY: by_day, Condition.NIGHT: np.where(lit, by_day, 0.0)}

    def _polygon(self, model: CameraModel) -> Polygon | MultiPolygon:
        height_m = float(self.ground.points_m[0, 2])
        shown = model.footprint(
            at_height_m=height_m,
            max_range_m=500.0,
            min_density_px_per_m=self.target_class.min_px_per_m,
        )
        eye = (model.x_m, model.y_m, model.height_m)
        return self.scene.visible_part(eye, shown, at_height_m=height_m)
