"""
Which points many cameras see at once: in the image, in sight, dense enough, and lit by night.

The same answer as `CameraModel.is_in_view`, `pixel_density_px_per_m`, `Scene.is_visible` and
`light.is_lit_for` give for one camera, for tens of thousands of them on all cores: sight is
computed once per place, however many cameras hang there.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from parkwacht_config.site import CameraType, Lens
from parkwacht_coverage._compiled import map_on_cores, n_cores
from parkwacht_coverage._imaging import Cameras, Scenery, find_shown
from parkwacht_coverage.camera import CameraModel
from parkwacht_coverage.light import IR_DERATING, LIGHT_MARGIN
from parkwacht_coverage.visibility import Scene, Targets

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Progress = Callable[[int, int], None]

EYES_PER_PART = 16


@dataclass(frozen=True, slots=True)
class PointSet:
    """
    Points to be seen at a density.

    `points_m` is (x, y, height above ground), shape (N, 3); `min_density_px_per_m` one for all or
    one each, shape (N,); `lux` the light at each by night, shape (N,), None when it is day;
    `targets` what `Scene.targets` made of the points, where the caller has it already.
    """

    points_m: Floats
    min_density_px_per_m: float | Floats
    lux: Floats | None = None
    targets: Targets | None = None


@dataclass(frozen=True, slots=True)
class Hits:
    """
    What each of M cameras sees.

    Camera m sees the points `indices[indptr[m] : indptr[m + 1]]`, ascending; dtypes int64, int32.
    """

    indptr: Ints
    indices: npt.NDArray[np.int32]

    def __len__(self) -> int:
        """Return the number of cameras."""
        return len(self.indptr) - 1

    def of(self, camera: int) -> npt.NDArray[np.int32]:
        """Return the points that one camera sees."""
        return self.indices[self.indptr[camera] : self.indptr[camera + 1]]


def find_hits(
    models: Sequence[CameraModel],
    camera_types: Sequence[CameraType],
    points: PointSet,
    scene: Scene,
    *,
    light_margin: float = LIGHT_MARGIN,
    on_progress: Progress | None = None,
) -> Hits:
    """
    Find which points each of many cameras sees.

    Parameters
    ----------
    models
        The cameras, outside every building; those of one place are best given one after another.
    camera_types
        The type of each; thermal cameras reach no pixel-density class and see nothing here.
    points
        What is to be seen.
    scene
        What stands in between.
    light_margin
        How many times its minimum illuminance a camera needs by night.
    on_progress
        Told after each part how many of the cameras are done.

    Returns
    -------
    hits
        In the order of the cameras.
    """
    if not models:
        return Hits(np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.int32))
    cameras, eyes, ranges = _rows(models, camera_types, points, light_margin)
    targets = points.targets or scene.targets(points.points_m)
    n = len(points.points_m)
    density = np.broadcast_to(np.asarray(points.min_density_px_per_m, dtype=np.float64), n)
    lux = np.full(n, np.inf) if points.lux is None else points.lux
    scenery = Scenery(targets.points_m, np.ascontiguousarray(density), np.ascontiguousarray(lux))
    order = np.argsort(cameras.eye, kind="stable")
    starts = np.searchsorted(cameras.eye[order], np.arange(len(eyes) + 1))
    found: list[tuple[Ints, npt.NDArray[np.int32]]] = []
    step = EYES_PER_PART * n_cores()
    for first in range(0, len(eyes), step):
        last = min(first + step, len(eyes))
        bounds = np.linspace(first, last, n_cores() + 1).astype(np.int64)
        parts = [(int(a), int(b)) for a, b in itertools.pairwise(bounds) if b > a]

        def look(part: tuple[int, int]) -> tuple[Ints, npt.NDArray[np.int32]]:
            a, b = part
            sight = scene.look(eyes[a:b], targets, ranges_m=ranges[a:b])
            own = order[starts[a] : starts[b]]
            return find_shown(_subset(cameras, own, a), eyes[a:b], *sight, scenery)

        found += map_on_cores(look, parts)
        if on_progress is not None:
            on_progress(int(starts[last]), len(models))
    return _in_order(found, order)


def _rows(
    models: Sequence[CameraModel],
    camera_types: Sequence[CameraType],
    points: PointSet,
    light_margin: float,
) -> tuple[Cameras, Floats, Floats]:
    """Return the cameras as rows, their places, and how far any camera of a place can see."""
    places: dict[tuple[float, float, float], int] = {}
    eye = [places.setdefault((one.x_m, one.y_m, one.height_m), len(places)) for one in models]
    optics = np.array(
        [
            (
                one.f_px,
                one.width_px,
                one.height_px,
                max(one.width_px, one.height_px) / 2 if one.lens is Lens.F_THETA else 0.0,
            )
            for one in models
        ]
    )
    light = np.array(
        [
            (light_margin * one.min_illuminance_lux, IR_DERATING * one.ir_range_m)
            for one in camera_types
        ]
    )
    least = float(np.min(points.min_density_px_per_m)) if len(points.points_m) else math.inf
    with np.errstate(divide="ignore"):
        reach = np.divide(optics[:, 0], max(least, 0.0))
    corner = np.hypot(optics[:, 1], optics[:, 2]) / 2 / optics[:, 0]
    reach = np.where(optics[:, 3] == 0.0, reach * np.hypot(1.0, corner), reach) * (1 + 1e-9)
    ranges = np.zeros(len(places))
    np.maximum.at(ranges, eye, reach)
    is_blind = np.array([one.is_thermal for one in camera_types])
    cameras = Cameras(_axes(models), optics, light, is_blind, np.array(eye, dtype=np.int64))
    return cameras, np.array(list(places)), ranges


def _axes(models: Sequence[CameraModel]) -> Floats:
    """Return `CameraModel.axes` of many cameras, shape (M, 9)."""
    aims = np.radians([(one.azimuth_deg, one.tilt_deg) for one in models])
    (sin_a, sin_t), (cos_a, cos_t) = np.sin(aims).T, np.cos(aims).T
    zero = np.zeros(len(models))
    rows = (
        (cos_a, -sin_a, zero),
        (-sin_t * sin_a, -sin_t * cos_a, -cos_t),
        (cos_t * sin_a, cos_t * cos_a, -sin_t),
    )
    return np.stack([one for row in rows for one in row], axis=1)


def _subset(cameras: Cameras, which: Ints, first_eye: int) -> Cameras:
    """Return some cameras, their eyes numbered from `first_eye`."""
    return Cameras(
        cameras.axes[which],
        cameras.optics[which],
        cameras.light[which],
        cameras.is_blind[which],
        cameras.eye[which] - first_eye,
    )


def _in_order(found: list[tuple[Ints, npt.NDArray[np.int32]]], order: Ints) -> Hits:
    """Join the answers of the parts and put them in the order of the cameras."""
    counts = np.concatenate([one for one, _ in found])
    indices = np.concatenate([one for _, one in found])
    if (order[1:] > order[:-1]).all():
        return Hits(np.concatenate(([0], np.cumsum(counts))), indices)
    starts = np.concatenate(([0], np.cumsum(counts)))
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    lengths = counts[place]
    indptr = np.concatenate(([0], np.cumsum(lengths)))
    source = np.repeat(starts[place] - indptr[:-1], lengths) + np.arange(indptr[-1])
    return Hits(indptr, indices[source])
