"""
What a camera or lamp can see past prisms: exact 2.5D lines of sight, and the polygon for a map.

A building is a solid prism over its footprint from `base_m` up to `height_m`. The sight line from
an eye at height H to a target at height h has height H + (h - H) u at the fraction u of its way,
so a prism can only block it for u between the two fractions at which the line passes the prism's
top and base; it does so exactly when that part of the line meets the inside of the footprint
(design/coverage.md, section 4). A line that only touches a roof is free; one exactly along a wall
or through a corner is judged as one a hair beside it. Ground coordinates are metres in EPSG:28992,
heights are metres above the ground.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry

from parkwacht_config.site import Building
from parkwacht_coverage import _sight

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Targets:
    """
    Points to be seen, with what does not depend on who looks.

    `points_m` holds (x, y, height above ground), shape (N, 3); `is_buried` says which lie inside
    a prism that stands on the ground, shape (N,): nobody outside it sees those.
    """

    points_m: Floats
    is_buried: Bools


class Scene:
    """
    The prisms of a park, prepared for many lines of sight.

    Parameters
    ----------
    buildings
        The prisms; those with a base above the ground leave sight underneath.
    """

    def __init__(self, buildings: Sequence[Building]) -> None:
        self.buildings = tuple(buildings)
        self._standing = [one for one in self.buildings if one.base_m <= 0]
        self._raised = [one for one in self.buildings if one.base_m > 0]
        self._tree = shapely.STRtree([one.polygon for one in self._standing])
        self._ground_walls, self._ground_tops, _ = _walls(self._standing)
        self._raised_walls, _, self._raised_starts = _walls(self._raised)
        heights = [(one.base_m, one.height_m) for one in self._raised]
        self._raised_heights = np.array(heights, dtype=np.float64).reshape(-1, 2)

    def targets(self, points_m: Floats) -> Targets:
        """
        Prepare points to be seen.

        Parameters
        ----------
        points_m
            Points (x, y, height above ground), shape (N, 3), in metres.

        Returns
        -------
        targets
            To be handed to `is_visible`, for as many eyes as wanted.
        """
        points = np.ascontiguousarray(points_m, dtype=np.float64)
        is_buried = np.zeros(len(points), dtype=np.bool_)
        if self._standing and len(points):
            which, prism = self._tree.query(shapely.points(points[:, :2]), predicate="within")
            tops = np.array([one.height_m for one in self._standing])
            is_buried[which[points[which, 2] < tops[prism]]] = True
        return Targets(points, is_buried)

    def building_at(self, x_m: float, y_m: float, height_m: float) -> Building | None:
        """Return the building that this point is inside of; on its wall or roof is not inside."""
        for one in self.buildings:
            is_between = one.base_m <= height_m < one.height_m
            if is_between and one.polygon.contains(Point(x_m, y_m)):
                return one
        return None

    def is_visible(
        self, eye_m: tuple[float, float, float], targets: Targets, *, range_m: float = math.inf
    ) -> Bools:
        """
        Find which targets an eye sees.

        Parameters
        ----------
        eye_m
            (x, y, height above ground) in metres; outside every building.
        targets
            What `targets` prepared.
        range_m
            Horizontal distance beyond which nothing is seen.

        Returns
        -------
        is_visible
            Shape (N,), dtype bool.
        """
        eye = np.array(eye_m, dtype=np.float64)
        away = np.hypot(*(targets.points_m[:, :2] - eye[:2]).T)
        seen: Bools = (away <= range_m) & ~targets.is_buried
        if len(self._ground_walls) and seen.any():
            _sight.drop_behind_ground_walls(
                eye, targets.points_m, seen, self._ground_walls, self._ground_tops
            )
        if len(self._raised_walls) and seen.any():
            _sight.drop_behind_raised_prisms(
                eye,
                targets.points_m,
                seen,
                self._raised_walls,
                self._raised_starts,
                self._raised_heights,
            )
        return seen

    def visible_part(
        self, eye_m: tuple[float, float, float], area: BaseGeometry, *, at_height_m: float = 0.0
    ) -> Polygon | MultiPolygon:
        """
        Cut from an area what an eye does not see of it: the visibility polygon.

        Parameters
        ----------
        eye_m
            (x, y, height above ground) in metres.
        area
            What the image shows of the plane, e.g. `CameraModel.footprint`.
        at_height_m
            Height of the plane above the ground.

        Returns
        -------
        visible_part
            In EPSG:28992.
        """
        if area.is_empty:
            return Polygon()
        shadows = [
            shadow
            for one in self.buildings
            if (shadow := _shadow(one, eye_m, area, at_height_m)) is not None
        ]
        cut = area.difference(shapely.union_all(shadows)) if shadows else area
        return _polygonal(cut)


def shadow_length_m(distance_m: float, wall_m: float, eye_m: float, target_m: float) -> float:
    """
    Compute up to which distance from the eye a wall hides a target lower than the eye.

    D (H - h) / (H - b), design/coverage.md section 4.

    Parameters
    ----------
    distance_m
        Horizontal distance D from eye to wall.
    wall_m
        Height b of the wall.
    eye_m
        Height H of the eye.
    target_m
        Height h of the target.

    Returns
    -------
    hidden_to_m
        Distance from the eye; D where nothing is hidden, infinite where all is.
    """
    if target_m >= wall_m:
        return distance_m
    if wall_m >= eye_m:
        return math.inf
    return distance_m * (eye_m - target_m) / (eye_m - wall_m)


def _walls(buildings: Sequence[Building]) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    """Return walls (x1, y1, x2, y2), the top of each, and where each building's walls start."""
    walls: list[Floats] = []
    tops: list[float] = []
    starts = [0]
    for one in buildings:
        for ring in (one.polygon.exterior, *one.polygon.interiors):
            points = np.asarray(ring.coords)[:, :2]
            walls.append(np.hstack((points[:-1], points[1:])))
            tops += [one.height_m] * (len(points) - 1)
        starts.append(len(tops))
    stacked = np.vstack(walls) if walls else np.zeros((0, 4))
    return np.ascontiguousarray(stacked), np.array(tops), np.array(starts, dtype=np.int64)


def _hidden_scales(building: Building, eye_m: float, target_m: float) -> tuple[float, float] | None:
    """
    Return how many times farther than a point of the prism a target is, to be hidden by it.

    The sight line passes the prism at the fraction u of its way; a target is 1 / u times farther.
    """
    drop = eye_m - target_m
    if drop == 0:
        is_hit = building.base_m < eye_m < building.height_m
        return (1.0, math.inf) if is_hit else None
    passes = sorted(((eye_m - building.height_m) / drop, (eye_m - building.base_m) / drop))
    first, last = max(passes[0], 0.0), min(passes[1], 1.0)
    if first >= last:
        return None
    return 1 / last, 1 / first if first > 0 else math.inf


def _shadow(
    building: Building,
    eye_m: tuple[float, float, float],
    area: BaseGeometry,
    at_height_m: float,
) -> BaseGeometry | None:
    """Return what a building hides of a plane: its footprint swept away from the eye."""
    scales = _hidden_scales(building, eye_m[2], at_height_m)
    foot = np.array(eye_m[:2])
    if scales is None or not shapely.envelope(shapely.union(area, Point(foot))).intersects(
        building.polygon
    ):
        return None
    rings = [building.polygon.exterior, *building.polygon.interiors]
    walls = np.vstack([_edges(np.asarray(ring.coords)[:, :2] - foot) for ring in rings])
    nearest = shapely.distance(shapely.linestrings(walls.reshape(-1, 2, 2)), Point(0, 0))
    reach = float(shapely.hausdorff_distance(area, Point(foot))) + 1.0
    far = np.minimum(scales[1], np.maximum(reach / np.maximum(nearest, 1e-3), 1.0))
    far = np.maximum(far, scales[0])
    start, end = walls[:, :2], walls[:, 2:]
    corners = np.stack(
        (start * scales[0], end * scales[0], end * far[:, None], start * far[:, None]), axis=1
    )
    quads = shapely.polygons(corners + foot)
    quads = quads[(shapely.area(quads) > 0) & shapely.is_valid(quads)]
    solid = _scaled(building.polygon, foot, scales[0])
    return shapely.union_all([*quads, solid])


def _edges(points: Floats) -> Floats:
    return np.hstack((points[:-1], points[1:]))


def _scaled(polygon: Polygon, foot: Floats, scale: float) -> BaseGeometry:
    return shapely.transform(polygon, lambda points: (points - foot) * scale + foot)


def _polygonal(geometry: BaseGeometry) -> Polygon | MultiPolygon:
    """Keep the polygons of a geometry."""
    if isinstance(geometry, Polygon | MultiPolygon):
        return geometry
    parts = [one for one in shapely.get_parts(geometry) if isinstance(one, Polygon)]
    return MultiPolygon(parts)
