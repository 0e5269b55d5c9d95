"""
Which views could be added: every mount with every candidate type and direction.

Pans lie at equal steps; on a facade they stay within 80 degrees of the outward normal. The tilt
puts the far end of the target class just under the upper edge of the image: atan((H - h) / D) +
0.9 V / 2 with D the reach of the class (design/coverage.md, section 9.2).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from parkwacht_config.site import CameraType, Lens, Mount, MountKind
from parkwacht_config.text import Text
from parkwacht_coverage.camera import CameraModel, focal_length_px
from parkwacht_coverage.density import DensityClass
from parkwacht_coverage.hits import Hits as Hits  # noqa: PLC0414
from parkwacht_coverage.hits import PointSet as PointSet  # noqa: PLC0414
from parkwacht_coverage.hits import find_hits as find_hits  # noqa: PLC0414
from parkwacht_coverage.place import require_eye
from parkwacht_coverage.plan import Ground
from parkwacht_coverage.visibility import Scene, Targets

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]

FACADE_LIMIT_DEG = 80.0
MIN_TARGETS = 5  # views that see fewer targets are not worth a camera
MOUNTS_AT_ONCE = 64


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
        Told now and then how many of how many mounts are done.

    Returns
    -------
    views
        In the order of mounts, types, focal lengths and pans.

    Raises
    ------
    CoverageError
        A mount is inside a building, or not above the ground.
    """
    for mount in mounts:
        require_place(search.scene, mount)
    views: list[View] = []
    for first in range(0, len(mounts), MOUNTS_AT_ONCE):
        some = mounts[first : first + MOUNTS_AT_ONCE]
        views += views_of(some, search)
        on_progress(first + len(some), len(mounts))
    return views


def views_of(mounts: Sequence[Mount], search: Search) -> list[View]:
    """Make the candidate views of some mounts, which stand outside every building."""
    aimed = [
        (mount, camera_type, turned(model, pan_deg))
        for mount in mounts
        for camera_type in search.camera_types
        for model in aims(mount, camera_type, search)
        for pan_deg in pans(mount, search.pan_step_deg)
    ]
    hits = find_hits(
        [model for _, _, model in aimed],
        [camera_type for _, camera_type, _ in aimed],
        PointSet(
            search.ground.points_m,
            search.density_class.threshold_px_per_m,
            search.lux,
            search.targets,
        ),
        search.scene,
        light_margin=search.light_margin,
    )
    return [
        View(mount, camera_type, model, seen)
        for index, (mount, camera_type, model) in enumerate(aimed)
        if len(seen := hits.of(index)) >= MIN_TARGETS
    ]


def require_place(scene: Scene, mount: Mount) -> None:
    """
    Refuse a mount at which no camera can hang.

    Raises
    ------
    CoverageError
        It is inside a building, or not above the ground.
    """
    eye = (mount.point.x, mount.point.y, mount.height_m)
    what = Text(nl=f"montagepunt {mount.id!r}", en=f"mount {mount.id!r}")
    require_eye(scene, eye, what)


def pans(mount: Mount, step_deg: float) -> list[float]:
    """Return the azimuths to try at a mount, in degrees from grid north."""
    if mount.kind is not MountKind.FACADE or mount.facing_deg is None:
        return [step_deg * i for i in range(round(360 / step_deg))]
    n_each_side = math.floor(FACADE_LIMIT_DEG / step_deg)
    return [(mount.facing_deg + step_deg * i) % 360 for i in range(-n_each_side, n_each_side + 1)]


def focal_lengths_mm(camera_type: CameraType) -> tuple[float | None, ...]:
    """
    Return the focal lengths to try: of a zoom lens wide, middle and tele, else the one it has.

    The middle is the geometric mean, so that each step enlarges as much. None is the wide end as
    the datasheet gives it.
    """
    wide, tele = camera_type.focal_length_mm, camera_type.focal_length_max_mm
    if tele is None or tele <= wide:
        return (None,)
    return None, round(math.sqrt(wide * tele), 1), tele


def aims(mount: Mount, camera_type: CameraType, search: Search) -> list[CameraModel]:
    """Build the cameras of a type at a mount, one per focal length, looking north."""
    return [
        aim(mount, camera_type, search, focal_length_mm=one)
        for one in focal_lengths_mm(camera_type)
    ]


def aim(
    mount: Mount, camera_type: CameraType, search: Search, *, focal_length_mm: float | None = None
) -> CameraModel:
    """Build the camera of a type at a mount, tilted for the target class, looking north."""
    f_px = focal_length_px(camera_type, focal_length_mm)
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
