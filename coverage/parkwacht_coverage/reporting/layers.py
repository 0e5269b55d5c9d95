"""
What stands on a map of a study: ground and what is seen of it, buildings, cameras, gates, routes.

Every function draws one layer on a map; `maps` puts them together.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import shapely
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.patches import PathPatch, Wedge
from scipy.ndimage import distance_transform_edt
from shapely.geometry import LineString, MultiPoint, Point, Polygon

from parkwacht_config.site import AreaKind, BuildingUse, Site
from parkwacht_coverage.evaluate import StudyCamera
from parkwacht_coverage.plan import Ground
from parkwacht_coverage.reporting import palette
from parkwacht_coverage.reporting.canvas import (
    MIN_SIZE_PT,
    Extent,
    compound_path,
    fill,
    metres_per_mm,
    write,
)

HATCH = "//////"
BESIDE = 1.5  # cells: a neighbour, also across a corner
MIN_LABEL_GAP_MM = 4.2
TURNS_DEG = (0, 40, -40, 80, -80, 120, -120, 180)


def extent_of(site: Site, cameras: Sequence[StudyCamera] = ()) -> Extent:
    """Return what a map of the park shows: the whole park and all cameras, with a margin."""
    left, bottom, right, top = site.boundary.bounds
    xs = [left, right, *(one.model.x_m for one in cameras)]
    ys = [bottom, top, *(one.model.y_m for one in cameras)]
    margin = 0.02 * max(max(xs) - min(xs), max(ys) - min(ys))
    return Extent(min(xs) - margin, min(ys) - margin, max(xs) + margin, max(ys) + margin)


def draw_base(axes: Axes, site: Site) -> None:
    """Draw private ground, buildings, dwellings and the boundary of the park."""
    for area in site.private_areas:
        fill(axes, area.polygon, facecolor=palette.PRIVATE, edgecolor="none", zorder=0.5)
    for building in site.buildings:
        is_dwelling = building.use is BuildingUse.DWELLING
        fill(
            axes,
            building.polygon,
            facecolor=palette.DWELLING if is_dwelling else palette.BUILDING,
            edgecolor=palette.BUILDING_EDGE,
            linewidth=0.35,
            alpha=1.0 if building.base_m <= 0 else 0.6,
            zorder=3,
        )
    ring = np.asarray(site.boundary.exterior.coords)
    axes.plot(ring[:, 0], ring[:, 1], color=palette.MUTED, linewidth=0.8, dashes=(5, 3), zorder=2.5)


def draw_unseen(axes: Axes, ground: Ground) -> None:
    """Hatch all public ground; what is seen is drawn over it."""
    for polygon in ground.polygons.values():
        fill(
            axes,
            polygon,
            facecolor=palette.UNSEEN,
            edgecolor=palette.UNSEEN_HATCH,
            linewidth=0.0,
            hatch=HATCH,
            zorder=1,
        )


def draw_ranks(
    axes: Axes, ground: Ground, ranks: npt.NDArray[np.int64], colours: Sequence[str]
) -> None:
    """
    Colour the public ground by what was found at its targets.

    Parameters
    ----------
    axes
        The map.
    ground
        The targets; each stands for the ground around it, cut to the public ground.
    ranks
        0 for nothing, else 1 + the index in `colours`, shape (N,).
    colours
        A colour per rank.
    """
    step = ground.step_m
    cells = np.floor(ground.points_m[:, :2] / step + 1e-6).astype(np.int64)
    low = cells.min(axis=0) - 1
    shape = cells.max(axis=0) - low + 2
    field = np.full((shape[1], shape[0]), -1, dtype=np.int64)
    np.maximum.at(field, (cells[:, 1] - low[1], cells[:, 0] - low[0]), ranks)
    away, nearest = distance_transform_edt(field < 0, return_indices=True)
    spread = np.where(away < BESIDE, field[tuple(nearest)], 0)  # edges cut through cells
    table = np.array([(0.0, 0.0, 0.0, 0.0), *(to_rgba(one) for one in colours)])
    left, bottom = low * step
    picture = axes.imshow(
        table[np.maximum(spread, 0)],
        extent=(left, left + shape[0] * step, bottom, bottom + shape[1] * step),
        origin="lower",
        interpolation="nearest",
        zorder=2,
        aspect="auto",
    )
    whole = compound_path(shapely.union_all(list(ground.polygons.values())))
    picture.set_clip_path(PathPatch(whole, transform=axes.transData))


def draw_names(axes: Axes, site: Site) -> None:
    """Write the names of roads along their longest piece."""
    longest: dict[str, Polygon] = {}
    for area in site.public_areas:
        if area.kind is AreaKind.CARRIAGEWAY and area.name:
            known = longest.get(area.name)
            if known is None or area.polygon.area > known.area:
                longest[area.name] = area.polygon
    gates = [one.line.interpolate(0.5, normalized=True) for one in site.gates]
    busy = MultiPoint([(one.x, one.y) for one in gates] or [(0.0, 0.0)])
    for name, polygon in longest.items():
        center, turn = _along(polygon, busy)
        write(axes, name, center, rotation=turn, fontstyle="italic", color="#444444", zorder=6)


def _along(polygon: Polygon, busy: MultiPoint) -> tuple[tuple[float, float], float]:
    """
    Return where a name is written along a road, and its turn in degrees, -90 to 90.

    Of five places along the road's longest axis the one farthest from the gates.
    """
    frame = shapely.get_coordinates(shapely.minimum_rotated_rectangle(polygon))
    sides = np.hypot(*np.diff(frame, axis=0)[:2].T)
    first = frame[0] if sides[0] >= sides[1] else frame[1]
    along = frame[1] - frame[0] if sides[0] >= sides[1] else frame[2] - frame[1]
    across = frame[2] - frame[1] if sides[0] >= sides[1] else frame[0] - frame[1]
    places = [Point(first + across / 2 + along * part) for part in (0.5, 0.35, 0.65, 0.2, 0.8)]
    inside = [one for one in places if polygon.contains(one)] or [polygon.representative_point()]
    best = max(inside, key=lambda one: min(one.distance(busy), 60.0))
    turn = math.degrees(math.atan2(along[1], along[0]))
    return (best.x, best.y), (turn + 90) % 180 - 90


def draw_gates(axes: Axes, site: Site) -> None:
    """Draw each gate as a thick line across its road, with its name outside the park."""
    per_mm = metres_per_mm(axes)
    middle = site.boundary.centroid
    left, right = axes.get_xlim()
    for gate in site.gates:
        xy = np.asarray(gate.line.coords)[:, :2]
        axes.plot(xy[:, 0], xy[:, 1], color=palette.INK, linewidth=2.6, zorder=7,
                  solid_capstyle="butt")  # fmt: skip
        point = gate.line.interpolate(0.5, normalized=True)
        up = -2.4 * per_mm if point.y < middle.y else 2.4 * per_mm
        half = 0.6 * MIN_SIZE_PT / 2.835 * len(gate.name) / 2 * per_mm
        x = min(max(point.x, left + half), right - half)
        write(axes, gate.name, (x, point.y + up), fontweight="bold", zorder=12)


def draw_views(axes: Axes, cameras: Sequence[StudyCamera]) -> None:
    """Outline what each camera has in view by day at the target class."""
    for camera in cameras:
        colour = palette.PROPOSED if camera.is_proposed else palette.EXISTING
        fill(
            axes, camera.polygon, facecolor=(*to_rgba(colour)[:3], 0.06), edgecolor=colour,
            linewidth=0.7, zorder=5,
        )  # fmt: skip


def draw_cameras(
    axes: Axes, cameras: Sequence[StudyCamera], labels: Mapping[str, str], *, wedge_mm: float = 2.6
) -> None:
    """
    Draw each camera with the way it looks, and its label where it hides no other.

    Parameters
    ----------
    axes
        The map.
    cameras
        In the order they are numbered.
    labels
        By camera id; a camera without one gets none.
    wedge_mm
        How long the mark of the direction is in print.
    """
    per_mm = metres_per_mm(axes)
    for one in cameras:
        colour = palette.PROPOSED if one.is_proposed else palette.EXISTING
        model = one.model
        half = min(one.model.hfov_deg / 2, 60.0)
        turn = 90 - model.azimuth_deg
        foot = (model.x_m, model.y_m)
        axes.add_patch(
            Wedge(foot, wedge_mm * per_mm, turn - half, turn + half, facecolor=colour,
                  edgecolor="white", linewidth=0.4, alpha=0.85, zorder=8)
        )  # fmt: skip
        axes.plot(*foot, "o", color=colour, markersize=2.6, markeredgecolor="white",
                  markeredgewidth=0.4, zorder=9)  # fmt: skip
    taken = [Point(one.model.x_m, one.model.y_m) for one in cameras]
    for one in cameras:
        if one.id in labels:
            place = _free_place(one, taken, per_mm)
            taken.append(place)
            colour = palette.PROPOSED if one.is_proposed else palette.EXISTING
            write(axes, labels[one.id], (place.x, place.y), size=6.2, zorder=13,
                  fontweight="bold", color=colour)  # fmt: skip


def _free_place(camera: StudyCamera, taken: Sequence[Point], per_mm: float) -> Point:
    """Return where a label stands: ahead of the camera, or turned or farther where it is full."""
    model, others = camera.model, MultiPoint([(one.x, one.y) for one in taken])
    best, best_gap = Point(model.x_m, model.y_m), -1.0
    for away_mm in (4.6, 7.0):
        for turn in TURNS_DEG:
            angle = math.radians(model.azimuth_deg + turn)
            x = model.x_m + away_mm * per_mm * math.sin(angle)
            y = model.y_m + away_mm * per_mm * math.cos(angle)
            gap = Point(x, y).distance(others)
            if gap >= MIN_LABEL_GAP_MM * per_mm:
                return Point(x, y)
            if gap > best_gap:
                best, best_gap = Point(x, y), gap
    return best


def draw_line(axes: Axes, way: LineString, *, colour: str, width_pt: float, zorder: float) -> None:
    """Draw a way along the ground."""
    xy = np.asarray(way.coords)[:, :2]
    axes.plot(xy[:, 0], xy[:, 1], color=colour, linewidth=width_pt, zorder=zorder,
              solid_capstyle="round")  # fmt: skip
