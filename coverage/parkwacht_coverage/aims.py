"""
Whether a camera is aimed at something worth watching: what is computed right but cannot be meant.

A camera in front of a wall or turned to the sky gives no error, it sees nothing; this says why.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import LineString

from parkwacht_config.text import Text
from parkwacht_coverage.camera import CameraModel
from parkwacht_coverage.evaluate import Condition, Evaluator, StudyCamera
from parkwacht_coverage.visibility import Scene

WALL_M = 1.0  # a wall nearer than this on the axis fills the image
STEEP_M = 1e-6  # an axis that goes less far sideways points straight down


@dataclass(frozen=True, slots=True)
class AimProblem:
    """What is odd about the aim of one camera; `id` is wall, sky, nothing, class or dark."""

    camera_id: str
    id: str
    text: Text


def find_aim_problems(evaluator: Evaluator, cameras: Sequence[StudyCamera]) -> list[AimProblem]:
    """
    Find cameras whose aim cannot be meant; of each the first that explains it.

    Parameters
    ----------
    evaluator
        Of the park.
    cameras
        As it evaluated them; thermal cameras are judged by wall and sky alone.

    Returns
    -------
    problems
        In the order of the cameras, at most one each.
    """
    found = []
    for camera in cameras:
        problem = _problem(evaluator, camera)
        if problem is not None:
            id_, text = problem
            name = f"camera {camera.id!r}"
            message = Text(nl=f"{name}: {text.nl}", en=f"{name}: {text.en}")
            found.append(AimProblem(camera.id, id_, message))
    return found


def _problem(evaluator: Evaluator, camera: StudyCamera) -> tuple[str, Text] | None:
    """Return what is odd about one camera."""
    model = camera.model
    wall = wall_ahead_m(evaluator.scene, model, within_m=WALL_M)
    if wall is not None:
        return "wall", Text(
            nl=f"kijkt op {wall:.1f} m tegen een muur",
            en=f"looks at a wall {wall:.1f} m away",
        )
    if model.tilt_deg + model.vfov_deg / 2 <= 0:
        return "sky", Text(
            nl=f"ziet alleen wat boven de horizon is (neiging {model.tilt_deg:g}°)",
            en=f"sees only what is above the horizon (tilt {model.tilt_deg:g}°)",
        )
    return None if camera.camera_type.is_thermal else _poor_view(evaluator, camera)


def _poor_view(evaluator: Evaluator, camera: StudyCamera) -> tuple[str, Text] | None:
    """Return what a camera for visible light does not see."""
    day = camera.density[Condition.DAY]
    if not day.any():
        return "nothing", Text(
            nl="heeft geen openbare ruimte in beeld", en="has no public ground in view"
        )
    wanted = evaluator.target_class
    if not (day >= wanted.threshold_px_per_m).any():
        return "class", Text(
            nl=f"haalt nergens {wanted.name.nl}: ten hoogste {day.max():.0f} van de "
            f"{wanted.min_px_per_m:g} beeldpunten per meter",
            en=f"reaches {wanted.name.en} nowhere: at most {day.max():.0f} of "
            f"{wanted.min_px_per_m:g} pixels per metre",
        )
    if not (camera.density[Condition.NIGHT] >= wanted.threshold_px_per_m).any():
        return "dark", Text(
            nl=f"haalt {wanted.name.nl} bij nacht nergens: geen licht genoeg in beeld",
            en=f"reaches {wanted.name.en} nowhere by night: not enough light in view",
        )
    return None


def wall_ahead_m(scene: Scene, model: CameraModel, *, within_m: float) -> float | None:
    """
    Measure how far along the optical axis a building stands.

    Parameters
    ----------
    scene
        The buildings; crowns of trees do not count.
    model
        The camera.
    within_m
        How far to look, along the axis.

    Returns
    -------
    distance_m
        Along the axis; None where nothing stands within reach.
    """
    eye = np.array([model.x_m, model.y_m, model.height_m])
    step = model.axes()[2] * within_m
    line = LineString([eye[:2], eye[:2] + step[:2]])
    if line.length < STEEP_M:
        return None
    nearest = math.inf
    for one in scene.buildings_near(line):
        low, high = _between(one.base_m, one.height_m, eye[2], step[2])
        for piece in shapely.get_parts(line.intersection(one.polygon)):
            away = np.hypot(*(shapely.get_coordinates(piece) - eye[:2]).T) / line.length
            # a camera on its own wall touches it in a point: that is no wall in front of it
            if piece.length > 0 and max(away.min(), low) < min(away.max(), high):
                nearest = min(nearest, max(float(away.min()), low) * within_m)
    return nearest if nearest <= within_m else None


def _between(base_m: float, top_m: float, eye_m: float, rise_m: float) -> tuple[float, float]:
    """Return the part (0 to 1) of a line that lies between two heights; (1, 0) where none does."""
    if rise_m == 0:
        return (0.0, 1.0) if base_m <= eye_m < top_m else (1.0, 0.0)
    ends = sorted(((base_m - eye_m) / rise_m, (top_m - eye_m) / rise_m))
    return max(0.0, ends[0]), min(1.0, ends[1])
