"""
Whether a car that drives through a gate is seen: its plate, and what happens around it.

A gate is the line on which a road crosses the outline of the park; vehicles drive across it, so the
travel direction is that of its normal, one way or the other. Two things are asked of each gate:

* a plate view: the plate is readable (`anpr`) in the middle of every lane and 0.6 m to both sides
  of it, 0.5 m above the ground, somewhere from the line to 12 m into the park. Lanes are 3.5 m
  wide, as many as the line has room for, at least one. Several cameras may share the lanes;
* an overview: one camera sees the whole line at the class that the study aims at.

By night both also need light or infrared (`light`). The aim is the camera's home aim; what is
behind a privacy mask is not seen. Coordinates are metres in EPSG:28992.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from shapely.geometry import Point

from parkwacht_config.site import CameraType, Gate, Mount, PrivacyMask, Site
from parkwacht_coverage.anpr import can_read_plates, is_plate_readable
from parkwacht_coverage.camera import CameraModel, focal_length_px
from parkwacht_coverage.evaluate import Condition, Evaluator
from parkwacht_coverage.light import illuminance_lux, is_lit_for
from parkwacht_coverage.masks import area_behind_masks
from parkwacht_coverage.privacy import Watcher
from parkwacht_coverage.results import GateResult
from parkwacht_coverage.views import FACADE_LIMIT_DEG, View
from parkwacht_coverage.visibility import Targets

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

PLATE_M = 0.5
LANE_M = 3.5
BESIDE_M = 0.6  # how far from the middle of its lane a plate may be
READ_AT_M = (0.0, 4.0, 8.0, 12.0)  # distances from the line, into the park
OVERVIEW_STEP_M = 2.0
PLATE_REACH_M = 50.0  # mounts farther from the gate are not tried
FILL = 0.85  # of the width of the image: what the lanes take up
PLATE_M_WIDE = 0.52


@dataclass(frozen=True, slots=True)
class GateSamples:
    """
    One gate as points to be seen.

    `overview_m` lie along the line, shape (K, 3). `plates_m` has the places for a plate of each
    lane at each distance, shape (lanes, distances, 3, 3); `travel_deg` is the azimuth of driving
    in. `lux` at both, shapes (K,) and (lanes, distances, 3).
    """

    gate: Gate
    overview_m: Floats
    overview_lux: Floats
    overview_targets: Targets
    plates_m: Floats
    plates_lux: Floats
    plates_targets: Targets
    travel_deg: float

    @property
    def n_lanes(self) -> int:
        """How many lanes the gate has."""
        return len(self.plates_m)


def sample_gates(evaluator: Evaluator) -> tuple[GateSamples, ...]:
    """
    Make the points at which the gates of a park are judged.

    Parameters
    ----------
    evaluator
        Of the park; the height of overviews is that of its targets.

    Returns
    -------
    samples
        One per gate, in their order.
    """
    height_m = float(evaluator.ground.points_m[0, 2])
    return tuple(_sample(one, evaluator, height_m) for one in evaluator.site.gates)


def _sample(gate: Gate, evaluator: Evaluator, height_m: float) -> GateSamples:
    site, scene = evaluator.site, evaluator.scene
    start, end = np.array(gate.line.coords[0][:2]), np.array(gate.line.coords[-1][:2])
    width = float(np.hypot(*(end - start)))
    along = (end - start) / width
    inward = np.array([along[1], -along[0]])
    middle = (start + end) / 2
    ahead, behind = (Point(middle + sign * inward) for sign in (1.0, -1.0))
    if site.boundary.distance(ahead) > site.boundary.distance(behind):
        inward = -inward
    n_over = max(3, math.ceil(width / OVERVIEW_STEP_M) + 1)
    over = start + np.linspace(0.02, 0.98, n_over)[:, None] * (end - start)
    overview = np.column_stack((over, np.full(n_over, height_m)))
    n_lanes = max(1, round(width / LANE_M))
    centres = start + (np.arange(n_lanes)[:, None] + 0.5) / n_lanes * (end - start)
    beside = min(BESIDE_M, width / n_lanes / 2)
    spread = np.array([-beside, 0.0, beside])[:, None] * along
    inside = np.array(READ_AT_M)[:, None] * inward
    xy = centres[:, None, None] + inside[None, :, None] + spread[None, None]
    plates = np.concatenate((xy, np.full((*xy.shape[:-1], 1), PLATE_M)), axis=-1)
    flat = plates.reshape(-1, 3)
    return GateSamples(
        gate=gate,
        overview_m=overview,
        overview_lux=illuminance_lux(overview, site.lamp_posts, scene),
        overview_targets=scene.targets(overview),
        plates_m=plates,
        plates_lux=illuminance_lux(flat, site.lamp_posts, scene).reshape(plates.shape[:-1]),
        plates_targets=scene.targets(flat),
        travel_deg=math.degrees(math.atan2(inward[0], inward[1])) % 360,
    )


def lanes_read(
    model: CameraModel,
    camera_type: CameraType,
    gate: GateSamples,
    evaluator: Evaluator,
    masks: Sequence[PrivacyMask] = (),
) -> dict[Condition, Bools]:
    """
    Find of which lanes of a gate a camera reads the plates.

    Parameters
    ----------
    model, camera_type
        The camera.
    gate
        The gate.
    evaluator
        Of the park: what stands in the way, and the light margin.
    masks
        What is black in its image.

    Returns
    -------
    is_read
        By day and by night, each shape (lanes,).
    """
    nothing = np.zeros(gate.n_lanes, dtype=np.bool_)
    points = gate.plates_m.reshape(-1, 3)
    eye = (model.x_m, model.y_m, model.height_m)
    away = np.linalg.norm(points - np.array(eye), axis=1)
    # Below 130 pixels over 0.52 m nothing is readable, however the plate is turned.
    if not can_read_plates(camera_type) or away.min() > _reach_m(model):
        return dict.fromkeys(Condition, nothing)
    read = is_plate_readable(model, points, np.full(len(points), gate.travel_deg))
    if not read.any():
        return dict.fromkeys(Condition, nothing)
    read &= evaluator.scene.is_visible(eye, gate.plates_targets)
    read &= ~area_behind_masks(model, masks, points)
    lux = gate.plates_lux.reshape(-1)
    lit = is_lit_for(camera_type, lux, away, margin=evaluator.light_margin)
    shape = gate.plates_m.shape[:-1]
    return {
        Condition.DAY: _lanes(read.reshape(shape)),
        Condition.NIGHT: _lanes((read & lit).reshape(shape)),
    }


def _lanes(read: Bools) -> Bools:
    """Return the lanes of which all places at some distance are read."""
    lanes: Bools = np.any(np.all(read, axis=2), axis=1)
    return lanes


def _reach_m(model: CameraModel) -> float:
    corner = math.hypot(model.width_px, model.height_px) / 2 / model.f_px
    return model.f_px * PLATE_M_WIDE / 130.0 * math.hypot(1.0, corner)


def sees_overview(
    model: CameraModel,
    camera_type: CameraType,
    gate: GateSamples,
    evaluator: Evaluator,
    masks: Sequence[PrivacyMask] = (),
) -> dict[Condition, bool]:
    """
    Find whether a camera sees the whole line of a gate, by day and by night.

    Parameters
    ----------
    model, camera_type, gate, evaluator, masks
        As `lanes_read` has them.
    """
    points = gate.overview_m
    eye = (model.x_m, model.y_m, model.height_m)
    if camera_type.is_thermal:
        return dict.fromkeys(Condition, False)
    enough = evaluator.target_class.threshold_px_per_m
    seen = model.is_in_view(points) & (model.pixel_density_px_per_m(points) >= enough)
    if not seen.all():
        return dict.fromkeys(Condition, False)
    seen &= evaluator.scene.is_visible(eye, gate.overview_targets)
    seen &= ~area_behind_masks(model, masks, points)
    away = np.linalg.norm(points - np.array(eye), axis=1)
    lit = is_lit_for(camera_type, gate.overview_lux, away, margin=evaluator.light_margin)
    return {Condition.DAY: bool(seen.all()), Condition.NIGHT: bool((seen & lit).all())}


def measure_gates(
    site: Site, evaluator: Evaluator, watchers: Iterable[Watcher]
) -> list[GateResult]:
    """
    Find what cameras do at each gate.

    Parameters
    ----------
    site
        The park.
    evaluator
        Of the park.
    watchers
        The cameras, with their privacy masks.

    Returns
    -------
    results
        One per gate; cameras that read some lanes are named only where together they read all.
    """
    watchers = list(watchers)
    samples = sample_gates(evaluator) if site.gates else ()
    return [_measure(one, evaluator, watchers) for one in samples]


def _measure(gate: GateSamples, evaluator: Evaluator, watchers: list[Watcher]) -> GateResult:
    plates: dict[Condition, tuple[str, ...]] = {}
    overviews: dict[Condition, tuple[str, ...]] = {}
    read, seen = {}, {}
    for one in watchers:
        read[one.id] = lanes_read(one.models[0], one.camera_type, gate, evaluator, one.masks)
        seen[one.id] = sees_overview(one.models[0], one.camera_type, gate, evaluator, one.masks)
    for condition in Condition:
        some = [name for name, lanes in read.items() if lanes[condition].any()]
        together = np.zeros(gate.n_lanes, dtype=np.bool_)
        for name in some:
            together |= read[name][condition]
        plates[condition] = tuple(some) if together.all() else ()
        overviews[condition] = tuple(name for name, is_seen in seen.items() if is_seen[condition])
    return GateResult(gate.gate.id, gate.gate.name, plates, overviews)


def plate_views(
    gates: Sequence[GateSamples], evaluator: Evaluator, mounts: Sequence[Mount]
) -> list[View]:
    """
    Aim plate cameras at the gates from the mounts around them.

    For each mount within 50 m, type of plate camera and distance into the park: one camera for all
    lanes and one for each, its focal length chosen so that they fill 85 % of the image's width.

    Parameters
    ----------
    gates
        The gates.
    evaluator
        Of the park.
    mounts
        Where a camera could be fixed.

    Returns
    -------
    views
        Those that read at least one lane by day; their hits are left empty.
    """
    types = [one for one in evaluator.site.camera_types.values() if one.is_anpr]
    views: list[View] = []
    for gate in gates:
        middle = Point(gate.plates_m[:, 0, 1, :2].mean(axis=0))
        near = [one for one in mounts if one.point.distance(middle) <= PLATE_REACH_M]
        for mount in near:
            for camera_type in types:
                views += _plate_views(gate, evaluator, mount, camera_type)
    return views


def _plate_views(
    gate: GateSamples, evaluator: Evaluator, mount: Mount, camera_type: CameraType
) -> list[View]:
    found: dict[bytes, View] = {}
    for at in range(len(READ_AT_M)):
        for lanes in (slice(None), *(slice(i, i + 1) for i in range(gate.n_lanes))):
            model = _aimed(mount, camera_type, gate.plates_m[lanes, at].reshape(-1, 3))
            if model is None or not _is_open(mount, model.azimuth_deg):
                continue
            read = lanes_read(model, camera_type, gate, evaluator)
            if read[Condition.DAY].any():
                # Of aims that read the same lanes the first, nearest to the line, is enough.
                key = read[Condition.DAY].tobytes() + read[Condition.NIGHT].tobytes()
                found.setdefault(key, View(mount, camera_type, model, _NO_HITS))
    return list(found.values())


_NO_HITS = np.zeros(0, dtype=np.int32)


def _is_open(mount: Mount, azimuth_deg: float) -> bool:
    if mount.facing_deg is None:
        return True
    turned = (azimuth_deg - mount.facing_deg + 180) % 360 - 180
    return abs(turned) <= FACADE_LIMIT_DEG


def _aimed(mount: Mount, camera_type: CameraType, points: Floats) -> CameraModel | None:
    """Aim at the middle of points, so that they and half a plate fill the image's width."""
    eye = np.array([mount.point.x, mount.point.y, mount.height_m])
    east, north, up = points.mean(axis=0) - eye
    level = math.hypot(east, north)
    if level < 1.0:
        return None
    model = CameraModel(
        id=f"{mount.id}_{camera_type.id}",
        x_m=mount.point.x,
        y_m=mount.point.y,
        height_m=mount.height_m,
        azimuth_deg=round(math.degrees(math.atan2(east, north)) % 360, 1) % 360,
        tilt_deg=round(min(90.0, max(0.0, math.degrees(math.atan2(-up, level)))), 1),
        f_px=focal_length_px(camera_type),
        width_px=camera_type.width_px,
        height_px=camera_type.height_px,
        lens=camera_type.lens,
    )
    right, _, forward = model.axes()
    offsets = points - eye
    aside = np.abs(offsets @ right) + PLATE_M_WIDE / 2
    wanted_px = FILL * camera_type.width_px / 2 / float((aside / (offsets @ forward)).max())
    longest = camera_type.focal_length_max_mm or camera_type.focal_length_mm
    f_mm = wanted_px * camera_type.pitch_um / 1000
    f_mm = round(min(max(f_mm, camera_type.focal_length_mm), longest), 1)
    return replace(model, f_px=focal_length_px(camera_type, f_mm))
