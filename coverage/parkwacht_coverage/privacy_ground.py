"""
Where privacy is at stake in a park: private ground, facades with their windows, passers-by.

Each is a set of points with weights, so that a measurement and an optimisation count the same:
what a camera sees of a set is the sum of the weights of the points it sees. Coordinates are metres
in EPSG:28992, heights metres above the ground. The rules are ours, and stated:

* Private ground is the layer of private areas, or without one all ground inside the outline of the
  park that is neither public nor built on; the purpose area is taken out of it. It is seen where
  the ground itself is.
* A facade is an outer wall (a courtyard's too), sampled at every metre, 0.05 m before the wall, at
  1.5 m and, on buildings of at least 5.5 m, at 4.5 m; each sample stands for its share of the
  length. Only a wall that faces the camera is seen (sight alone would let through a sample or two
  just round a corner). Walls inside another building are none.
* The length of windows is the length of the facade times the building's `window_share`, or by its
  use: dwelling 0.35, business 0.25, other 0.1.
* Passers-by are spread evenly over public and private ground outside the purpose area, within 50 m
  of it; their face is at 1.6 m.
* What lies farther than 300 m from the purpose area is left out.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

from parkwacht_config.site import Building, BuildingUse, Site
from parkwacht_coverage.camera import FEET_HEIGHT_M
from parkwacht_coverage.light import illuminance_lux
from parkwacht_coverage.plan import built_on, grid_points, public_ground
from parkwacht_coverage.visibility import Scene

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

FACADE_HEIGHTS_M = (1.5, 4.5)
UPPER_FLOOR_FROM_M = 5.5  # buildings of at least this height have windows at the upper height
BEFORE_WALL_M = 0.05
FACADE_STEP_M = 1.0
FACE_HEIGHT_M = 1.6
PASSERS_BY_RANGE_M = 50.0
PRIVACY_RANGE_M = 300.0
WINDOW_SHARES = {
    BuildingUse.DWELLING: 0.35,
    BuildingUse.BUSINESS: 0.25,
    BuildingUse.OTHER: 0.1,
}


@dataclass(frozen=True, slots=True)
class WeightedPoints:
    """
    Points that are each worth something.

    `points_m` are (x, y, height), shape (N, 3); `weight` is what each stands for (square metres,
    metres or a share), `lux` the light there at night, both shape (N,).
    """

    points_m: Floats
    weight: Floats
    lux: Floats

    @property
    def total(self) -> float:
        """What all points stand for."""
        return float(self.weight.sum())


@dataclass(frozen=True, slots=True)
class PrivacyAreas:
    """
    Ground of a park as privacy sees it, none of it built on.

    `is_derived` says that the park has no layer of private areas, so that `private` is what is
    left inside its outline.
    """

    purpose: BaseGeometry
    private: BaseGeometry
    public: BaseGeometry
    is_derived: bool


@dataclass(frozen=True, slots=True)
class PrivacyGround:
    """
    Where privacy is at stake.

    `private` weighs square metres of ground, `facade` metres of wall; to its points belong
    `outward`, unit vectors (east, north) away from the wall, shape (N, 2), and `window_m` and
    `is_dwelling`, shape (N,); `passers_by` weighs shares of the passers-by, together 1 (or
    0 without any).
    """

    areas: PrivacyAreas
    private: WeightedPoints
    facade: WeightedPoints
    outward: Floats
    window_m: Floats
    is_dwelling: Bools
    passers_by: WeightedPoints

    def is_facing(self, x_m: float, y_m: float) -> Bools:
        """Return which facade points face a camera at this place, shape (N,)."""
        away = np.array([x_m, y_m]) - self.facade.points_m[:, :2]
        facing: Bools = (away * self.outward).sum(axis=1) > 0
        return facing

    @property
    def dwelling_windows(self) -> WeightedPoints:
        """Facade points of dwellings, each worth its length of windows."""
        of = self.is_dwelling
        return WeightedPoints(self.facade.points_m[of], self.window_m[of], self.facade.lux[of])


def find_areas(site: Site) -> PrivacyAreas:
    """
    Find purpose area, private and public ground of a park.

    Parameters
    ----------
    site
        The park.

    Returns
    -------
    areas
        Without purpose areas in the park, the purpose is its public ground inside the outline.
    """
    public = shapely.union_all(list(public_ground(site).values()))
    given = shapely.union_all([one.polygon for one in site.purpose_areas])
    purpose = public & site.boundary
    if site.purpose_areas:
        purpose = given.difference(built_on(site, [given]))
    if site.private_areas:
        whole = shapely.union_all([one.polygon for one in site.private_areas])
    else:
        whole = site.boundary
    near = purpose.buffer(PRIVACY_RANGE_M)
    built = built_on(site, [near])
    private = whole.difference(shapely.union_all([public, built, purpose])) & near
    return PrivacyAreas(purpose, private, public, not site.private_areas)


def lay_privacy_ground(
    site: Site, scene: Scene, *, step_m: float = 2.0, passers_by_step_m: float = 4.0
) -> PrivacyGround:
    """
    Lay out where privacy is at stake in a park.

    Parameters
    ----------
    site
        The park.
    scene
        What stands in the way of light.
    step_m
        Distance between neighbouring points of private ground.
    passers_by_step_m
        Distance between neighbouring passers-by.

    Returns
    -------
    ground
        Points and weights; sets may be empty.
    """
    areas = find_areas(site)
    near = areas.purpose.buffer(PRIVACY_RANGE_M)
    walls = _sample_facades([one for one in site.buildings if near.intersects(one.polygon)])
    free = ~scene.targets(walls.points_m).is_buried
    points, length_m, use = walls.points_m[free], walls.length_m[free], walls.building[free]
    shares = np.array([_window_share(one) for one in walls.buildings])
    dwelling = np.array([one.use is BuildingUse.DWELLING for one in walls.buildings], dtype=bool)
    beside = areas.purpose.buffer(PASSERS_BY_RANGE_M)
    strolled = shapely.union(areas.public, areas.private).difference(areas.purpose) & beside
    xy = _spread(strolled, passers_by_step_m)
    return PrivacyGround(
        areas=areas,
        private=_area_points(site, scene, areas.private, step_m),
        facade=WeightedPoints(points, length_m, illuminance_lux(points, site.lamp_posts, scene)),
        outward=walls.outward[free],
        window_m=length_m * shares[use] if len(use) else np.zeros(0),
        is_dwelling=dwelling[use] if len(use) else np.zeros(0, dtype=np.bool_),
        passers_by=WeightedPoints(
            np.column_stack((xy, np.full(len(xy), FACE_HEIGHT_M))),
            np.full(len(xy), 1 / max(1, len(xy))),
            illuminance_lux(xy, site.lamp_posts, scene),
        ),
    )


def _spread(area: BaseGeometry, step_m: float) -> Floats:
    """Return grid points (x, y) on an area, none where it has no surface."""
    return grid_points(area, step_m) if area.area > 0 else np.zeros((0, 2))


def _area_points(site: Site, scene: Scene, area: BaseGeometry, step_m: float) -> WeightedPoints:
    xy = _spread(area, step_m)
    return WeightedPoints(
        np.column_stack((xy, np.full(len(xy), FEET_HEIGHT_M))),
        np.full(len(xy), area.area / max(1, len(xy))),
        illuminance_lux(xy, site.lamp_posts, scene),
    )


def _window_share(building: Building) -> float:
    """Return which part of its facade is windows."""
    if building.window_share is not None:
        return building.window_share
    return WINDOW_SHARES[building.use]


@dataclass(frozen=True, slots=True)
class _Walls:
    """Samples of facades: point, way out, length it stands for, and index of its building."""

    buildings: Sequence[Building]
    points_m: Floats
    outward: Floats
    length_m: Floats
    building: npt.NDArray[np.int64]


def _sample_facades(buildings: Sequence[Building]) -> _Walls:
    points, ways, lengths, owners = [], [], [], []
    for index, one in enumerate(buildings):
        xy, outward, length_m = sample_walls(one.polygon)
        rows = facade_heights_m(one)
        ways += [outward] * len(rows)
        points += [np.column_stack((xy, np.full(len(xy), height_m))) for height_m in rows]
        lengths += [length_m / len(rows)] * len(rows)
        owners.append(np.full(len(xy) * len(rows), index, dtype=np.int64))
    if not points:
        none = np.zeros(0, dtype=np.int64)
        return _Walls(buildings, np.zeros((0, 3)), np.zeros((0, 2)), np.zeros(0), none)
    return _Walls(
        buildings,
        np.vstack(points),
        np.vstack(ways),
        np.concatenate(lengths),
        np.concatenate(owners),
    )


def facade_heights_m(building: Building) -> list[float]:
    """Return the heights at which the facade of a building is sampled, at least one."""
    rows = [one for one in FACADE_HEIGHTS_M[:1] if building.base_m < one < building.height_m]
    if building.height_m >= UPPER_FLOOR_FROM_M:
        rows += [one for one in FACADE_HEIGHTS_M[1:] if building.base_m < one]
    return rows or [(building.base_m + building.height_m) / 2]


def sample_walls(polygon: Polygon) -> tuple[Floats, Floats, Floats]:
    """
    Sample the walls of a footprint at about every metre, just outside.

    Parameters
    ----------
    polygon
        The footprint; walls of courtyards count.

    Returns
    -------
    points_m, outward, length_m
        (x, y) and unit vectors away from the wall, shape (N, 2), and the length of wall that each
        stands for, shape (N,).
    """
    turned = orient(polygon)  # the inside is left of every wall, so the outside is right
    points, ways, lengths = [], [], []
    for ring in (turned.exterior, *turned.interiors):
        corners = np.asarray(ring.coords)[:, :2]
        for start, end in pairwise(corners):
            length_m = float(np.hypot(*(end - start)))
            if length_m == 0:
                continue
            n = math.ceil(length_m / FACADE_STEP_M)
            along = (np.arange(n) + 0.5) / n
            outward = np.array([end[1] - start[1], start[0] - end[0]]) / length_m
            points.append(start + (end - start) * along[:, None] + outward * BEFORE_WALL_M)
            ways.append(np.tile(outward, (n, 1)))
            lengths.append(np.full(n, length_m / n))
    return np.vstack(points), np.vstack(ways), np.concatenate(lengths)
