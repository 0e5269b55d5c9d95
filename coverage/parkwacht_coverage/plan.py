"""
What is to be seen: public ground as a grid of targets, each standing for some square metres.

The grid is aligned to whole multiples of its step in EPSG:28992, so that the same ground gives the
same targets. The points of one kind of ground share its exact area, so that narrow paths count for
what they are although the grid hits them now and then.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from parkwacht_config.errors import CoverageError
from parkwacht_config.site import AreaKind, Building, Incident, Site
from parkwacht_config.text import Text

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

KIND_NAMES = {
    AreaKind.CARRIAGEWAY: Text(nl="rijbaan", en="carriageway"),
    AreaKind.PARKING: Text(nl="parkeren", en="parking"),
    AreaKind.FOOTPATH: Text(nl="voetpad", en="footpath"),
    AreaKind.GREEN: Text(nl="groen", en="green"),
}


@dataclass(frozen=True, slots=True)
class Weights:
    """
    What a square metre of ground is worth to the search for a placement (our choice, stated).

    Each past incident within `incident_range_m` adds `incident_bonus` times the kind's weight, up
    to `max_incidents` of them.
    """

    by_kind: Mapping[AreaKind, float] = field(
        default_factory=lambda: {
            AreaKind.CARRIAGEWAY: 1.0,
            AreaKind.PARKING: 1.5,
            AreaKind.FOOTPATH: 1.0,
            AreaKind.GREEN: 0.25,
        }
    )
    incident_range_m: float = 25.0
    incident_bonus: float = 0.5
    max_incidents: int = 4


@dataclass(frozen=True, slots=True)
class Ground:
    """
    The targets of a study.

    `points_m` are (x, y, target height), shape (N, 3); `kinds` index `list(AreaKind)`; `area_m2`
    is the ground each stands for; `weight` is what seeing it is worth, all shape (N,); `polygons`
    is the ground itself.
    """

    points_m: Floats
    kinds: npt.NDArray[np.int64]
    area_m2: Floats
    weight: Floats
    polygons: Mapping[AreaKind, BaseGeometry]
    step_m: float

    def of_kind(self, kind: AreaKind | None) -> Bools:
        """Return which targets are of a kind, shape (N,); None means all."""
        if kind is None:
            return np.ones(len(self.kinds), dtype=np.bool_)
        found: Bools = self.kinds == list(AreaKind).index(kind)
        return found

    @property
    def total_m2(self) -> float:
        """All public ground."""
        return float(self.area_m2.sum())


def grid_points(area: BaseGeometry, step_m: float) -> Floats:
    """
    Find the points of a grid that lie on an area.

    Parameters
    ----------
    area
        Polygons in EPSG:28992.
    step_m
        Distance between neighbouring points; points lie at (i + 1/2) steps from the origin.

    Returns
    -------
    points_m
        (x, y), shape (N, 2), rows from south to north; at least one point per non-empty area.
    """
    if area.is_empty:
        return np.zeros((0, 2))
    left, bottom, right, top = area.bounds
    xs = (np.arange(np.floor(left / step_m), np.ceil(right / step_m) + 1) + 0.5) * step_m
    ys = (np.arange(np.floor(bottom / step_m), np.ceil(top / step_m) + 1) + 0.5) * step_m
    east, north = (axis.ravel() for axis in np.meshgrid(xs, ys))
    shapely.prepare(area)
    inside = shapely.contains_xy(area, east, north)
    points = np.column_stack((east[inside], north[inside]))
    if len(points):
        return points
    return np.array([shapely.get_coordinates(area.representative_point())[0]])


def public_ground(site: Site) -> dict[AreaKind, BaseGeometry]:
    """
    Return the public ground by kind, without what stands on it.

    Where kinds overlap, the first of `AreaKind` counts; under a building that leaves a passage the
    ground stays public.
    """
    taken = built_on(site, [one.polygon for one in site.public_areas])
    found: dict[AreaKind, BaseGeometry] = {}
    for kind in AreaKind:
        area = shapely.union_all([one.polygon for one in site.public_areas if one.kind is kind])
        free = area.difference(taken)
        if free.area > 0:
            found[kind] = free
            taken = taken.union(free)
    return found


def built_on(site: Site, areas: Sequence[BaseGeometry]) -> BaseGeometry:
    """
    Return the footprints that stand on any of some areas, joined.

    Of a whole town only these matter, and joining 200,000 footprints takes most of a minute.
    """
    standing = np.array([one.polygon for one in site.buildings if one.base_m <= 0], dtype=object)
    grounds = np.array(areas, dtype=object)
    near = np.unique(shapely.STRtree(standing).query(grounds, predicate="intersects")[1])
    return shapely.union_all(standing[near])


def lay_grid(
    site: Site, *, step_m: float, target_height_m: float, weights: Weights | None = None
) -> Ground:
    """
    Lay the targets of a study over the public ground of a park.

    Parameters
    ----------
    site
        The park.
    step_m
        Distance between neighbouring targets.
    target_height_m
        Height above the ground at which a target is to be seen.
    weights
        What a square metre is worth; None takes the defaults of `Weights`.

    Returns
    -------
    ground
        The targets, kind after kind.

    Raises
    ------
    CoverageError
        The park has no public ground.
    """
    polygons = public_ground(site)
    if not polygons:
        raise CoverageError(
            Text(
                nl=f"{site.name} heeft geen openbare ruimte om te bewaken (laag public_areas)",
                en=f"{site.name} has no public ground to watch (layer public_areas)",
            )
        )
    weights = weights or Weights()
    parts, kinds, areas = [], [], []
    for kind, polygon in polygons.items():
        xy = grid_points(polygon, step_m)
        parts.append(np.column_stack((xy, np.full(len(xy), target_height_m))))
        kinds.append(np.full(len(xy), list(AreaKind).index(kind), dtype=np.int64))
        areas.append(np.full(len(xy), polygon.area / len(xy)))
    points, kind_of, area = np.vstack(parts), np.concatenate(kinds), np.concatenate(areas)
    of_kind = np.array([weights.by_kind.get(kind, 1.0) for kind in AreaKind])
    factor = 1 + weights.incident_bonus * incidents_near(points, site.incidents, weights)
    return Ground(points, kind_of, area, area * of_kind[kind_of] * factor, polygons, step_m)


def incidents_near(points_m: Floats, incidents: Iterable[Incident], weights: Weights) -> Floats:
    """Count the incidents near each point (x, y, ...), at most `max_incidents`, shape (N,)."""
    count = np.zeros(len(points_m))
    for one in incidents:
        away = np.hypot(points_m[:, 0] - one.point.x, points_m[:, 1] - one.point.y)
        count += away <= weights.incident_range_m
    capped: Floats = np.minimum(count, weights.max_incidents)
    return capped


def require_outside(
    building: Building | None, what: Text, eye_m: tuple[float, float, float]
) -> None:
    """
    Refuse an eye inside a building.

    Raises
    ------
    CoverageError
        There is a building around it.
    """
    if building is not None:
        where = f"({eye_m[0]:.2f}, {eye_m[1]:.2f}), {eye_m[2]:.1f} m"
        raise CoverageError(
            Text(
                nl=f"{what.nl} op {where} staat in gebouw {building.id!r}",
                en=f"{what.en} at {where} is inside building {building.id!r}",
            )
        )
