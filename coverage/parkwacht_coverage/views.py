"""
Which views could be added: every mount with every candidate type and direction.

Pans lie at equal steps; on a facade they stay within 80 degrees of the outward normal. The tilt
puts the far end of the target class just under the upper edge of the image: atan((H - h) / D) +
0.9 V / 2 with D the reach of the class (design/coverage.md, section 9.2).
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from parkwacht_config.site import CameraType, Lens, Mount, MountKind
from parkwacht_config.text import Text
from parkwacht_coverage.camera import CameraModel, focal_length_px
from parkwacht_coverage.density import DensityClass
from parkwacht_coverage.light import is_lit_for
from parkwacht_coverage.plan import Ground, require_outside
from parkwacht_coverage.visibility import Scene, Targets

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]

FACADE_LIMIT_DEG = 80.0
MIN_TARGETS = 5  # views that see fewer targets are not worth a camera
EPS = 1e-9


@dataclass(frozen=True, slots=True)
class View:
    """A camera that could be added, and the targets it would see at the target class."""

    mount: Mount
    camera_type: CameraType
    model: CameraModel
    hits: Ints


@dataclass(frozen=True, slots=True)
class Search:
    """
    What candidate views are made of.

    `lux` is the light at each target by night, shape (N,), or None when only the day counts.
    """

    scene: Scene
    ground: Ground
    targets: Targets
    camera_types: Sequence[CameraType]
    density_class: DensityClass
    pan_step_deg: float
    lux: Floats | None
    light_margin: float


def find_views(
    mounts: Sequence[Mount], search: Search, on_progress: Callable[[int, int], None]
) -> list[View]:
    """
    Make all candidate views that see at least `MIN_TARGETS` targets.

    Parameters
    ----------
    mounts
        Where a camera could be fixed.
    search
        What the views are made of.
    on_progress
        Told after each mount how many of how many are done.

    Returns
    -------
    views
        In the order of mounts, types and pans.

    Raises
    ------
    CoverageError
        A mount is inside a building.
    """
    views: list[View] = []
    for done, mount in enumerate(mounts, start=1):
        views += views_of(mount, search)
        on_progress(done, len(mounts))
    return views


def views_of(mount: Mount, search: Search) -> Iterator[View]:
    """
    Make the candidate views of one mount.

    Raises
    ------
    CoverageError
        The mount is inside a building.
    """
    eye = (mount.point.x, mount.point.y, mount.height_m)
    what = Text(nl=f"montagepunt {mount.id!r}", en=f"mount {mount.id!r}")
    require_outside(search.scene.building_at(*eye), what, eye)
    models = {one.id: aim(mount, one, search) for one in search.camera_types}
    if not models:
        return
    longest = max(_range_m(model, search.density_class) for model in models.values())
    seen = np.flatnonzero(search.scene.is_visible(eye, search.targets, range_m=longest))
    offsets = search.ground.points_m[seen] - np.array(eye)
    away = np.linalg.norm(offsets, axis=1)
    for camera_type in search.camera_types:
        usable = np.ones(len(seen), dtype=np.bool_)
        if search.lux is not None:
            usable = is_lit_for(camera_type, search.lux[seen], away, margin=search.light_margin)
        which, local = seen[usable], np.ascontiguousarray(offsets[usable])
        for pan_deg in pans(mount, search.pan_step_deg):
            model = turned(models[camera_type.id], pan_deg)
            hits = which[_rectilinear_hits(local, model, search.density_class)]
            if len(hits) >= MIN_TARGETS:
                yield View(mount, camera_type, model, hits.astype(np.int32))


def pans(mount: Mount, step_deg: float) -> list[float]:
    """Return the azimuths to try at a mount, in degrees from grid north."""
    if mount.kind is not MountKind.FACADE or mount.facing_deg is None:
        return [step_deg * i for i in range(round(360 / step_deg))]
    n_each_side = math.floor(FACADE_LIMIT_DEG / step_deg)
    return [(mount.facing_deg + step_deg * i) % 360 for i in range(-n_each_side, n_each_side + 1)]


def aim(mount: Mount, camera_type: CameraType, search: Search) -> CameraModel:
    """Build the camera of a type at a mount, tilted for the target class, looking north."""
    f_px = focal_length_px(camera_type)
    model = CameraModel(
        id=f"{mount.id}_{camera_type.id}",
        x_m=mount.point.x,
        y_m=mount.point.y,
        height_m=mount.height_m,
        azimuth_deg=0.0,
        tilt_deg=0.0,
        f_px=f_px,
        width_px=camera_type.width_px,
        height_px=camera_type.height_px,
        lens=camera_type.lens,
    )
    drop = mount.height_m - float(search.ground.points_m[0, 2])
    down_deg = math.degrees(math.atan2(drop, search.density_class.reach_m(f_px)))
    tilt_deg = min(90.0, max(0.0, down_deg + 0.9 * model.vfov_deg / 2))
    return turned(model, 0.0, tilt_deg=round(tilt_deg, 1))


def turned(model: CameraModel, azimuth_deg: float, *, tilt_deg: float | None = None) -> CameraModel:
    """Return the same camera with another aim."""
    return CameraModel(
        id=model.id,
        x_m=model.x_m,
        y_m=model.y_m,
        height_m=model.height_m,
        azimuth_deg=azimuth_deg,
        tilt_deg=model.tilt_deg if tilt_deg is None else tilt_deg,
        f_px=model.f_px,
        width_px=model.width_px,
        height_px=model.height_px,
        lens=model.lens,
    )


def is_candidate(camera_type: CameraType) -> bool:
    """Return whether a type can be proposed: fixed, rectilinear, judged by pixel density."""
    is_special = camera_type.is_thermal or camera_type.is_ptz or camera_type.is_anpr
    return camera_type.lens is Lens.RECTILINEAR and not is_special


def _range_m(model: CameraModel, density_class: DensityClass) -> float:
    """Return the largest distance at which a target can reach the class: in a corner."""
    corner = math.hypot(model.width_px, model.height_px) / 2 / model.f_px
    return density_class.reach_m(model.f_px) * math.hypot(1.0, corner)


def _rectilinear_hits(
    offsets: Floats, model: CameraModel, density_class: DensityClass
) -> npt.NDArray[np.bool_]:
    halves = np.array([model.width_px / 2 / model.f_px, model.height_px / 2 / model.f_px])
    reach = model.f_px / density_class.threshold_px_per_m
    hits: npt.NDArray[np.bool_] = _hits(offsets, model.axes(), halves, reach)
    return hits


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _hits(offsets: Floats, axes: Floats, halves: Floats, reach: float) -> npt.NDArray[np.bool_]:
    """Return which offsets from the eye are in the image, not deeper than the reach."""
    hits = np.zeros(offsets.shape[0], dtype=np.bool_)
    for i in range(offsets.shape[0]):
        x, y, z = offsets[i, 0], offsets[i, 1], offsets[i, 2]
        depth = axes[2, 0] * x + axes[2, 1] * y + axes[2, 2] * z
        if depth <= 0.0 or depth > reach:
            continue
        right = axes[0, 0] * x + axes[0, 1] * y + axes[0, 2] * z
        down = axes[1, 0] * x + axes[1, 1] * y + axes[1, 2] * z
        hits[i] = abs(right) <= halves[0] * depth and abs(down) <= halves[1] * depth
    return hits
