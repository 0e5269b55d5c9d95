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

from parkwacht_config.site import Building, Tree
from parkwacht_coverage._compiled import map_on_cores, n_cores
from parkwacht_coverage._prisms import crown_of, make_prisms, make_walls, sort_points
from parkwacht_coverage._sight import Points, look_around

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Targets:
    """
    Points to be seen, with what does not depend on who looks.

    `points_m` holds (x, y, height above ground), shape (N, 3); `is_buried` says which lie inside
    a prism that stands on the ground, shape (N,): nobody outside it sees those. `sorted` are the
    others by place.
    """

    points_m: Floats
    is_buried: Bools
    sorted: Points


class Scene:
    """
    The prisms of a park, prepared for many lines of sight.

    Parameters
    ----------
    buildings
        The prisms; those with a base above the ground leave sight underneath.
    trees
        Their crowns are prisms too, as `crown_of` builds them; trunks hide nothing.
    in_leaf
        Whether deciduous trees hide: bare ones hide nothing, evergreen ones always.
    """

    def __init__(
        self, buildings: Sequence[Building], trees: Sequence[Tree] = (), *, in_leaf: bool = False
    ) -> None:
        self.buildings = tuple(buildings)
        self.trees = tuple(trees)
        self.in_leaf = in_leaf
        crowns = [crown_of(one) for one in self.trees if one.is_evergreen or in_leaf]
        self.prisms = (*self.buildings, *crowns)
        self._tree = shapely.STRtree([one.polygon for one in self.buildings])
        self._heights = np.array([(one.base_m, one.height_m) for one in self.buildings]).reshape(
            -1, 2
        )
        self._walls = make_walls([one for one in self.prisms if one.base_m <= 0])
        self._raised = make_prisms([one for one in self.prisms if one.base_m > 0])

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
            To be handed to `is_visible` and `sweep`, for as many eyes as wanted.
        """
        points = np.ascontiguousarray(points_m, dtype=np.float64)
        is_buried = np.zeros(len(points), dtype=np.bool_)
        if self.buildings and len(points):
            which, prism = self._tree.query(shapely.points(points[:, :2]), predicate="within")
            is_inside = (self._heights[prism, 0] <= 0) & (
                points[which, 2] < self._heights[prism, 1]
            )
            is_buried[which[is_inside]] = True
        return Targets(points, is_buried, sort_points(points, ~is_buried))

    def building_at(self, x_m: float, y_m: float, height_m: float) -> Building | None:
        """Return the building that this point is inside of; on its wall or roof is not inside."""
        around = self._tree.query(shapely.points(x_m, y_m), predicate="within")
        for index in sorted(int(one) for one in around):
            if self._heights[index, 0] <= height_m < self._heights[index, 1]:
                return self.buildings[index]
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
        eyes = np.array([[*eye_m, range_m]], dtype=np.float64)
        _, found = look_around(eyes, self._walls, self._raised, targets.sorted)
        seen = np.zeros(len(targets.points_m), dtype=np.bool_)
        seen[found] = True
        return seen

    def sweep(
        self, eyes_m: Floats, targets: Targets, *, ranges_m: Floats | float = math.inf
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        """
        Find which targets each of many eyes sees, on all cores.

        Parameters
        ----------
        eyes_m
            (x, y, height above ground), shape (E, 3), in metres; outside every building.
        targets
            What `targets` prepared.
        ranges_m
            Horizontal distance beyond which an eye sees nothing, shape (E,), or one for all.

        Returns
        -------
        indptr, indices
            Eye e sees the targets `indices[indptr[e] : indptr[e + 1]]`, ascending; shape (E + 1,)
            and dtype int64, shape (number seen,) and dtype int32.
        """
        eyes = np.empty((len(eyes_m), 4))
        eyes[:, :3] = eyes_m
        eyes[:, 3] = ranges_m
        n_parts = min(len(eyes), 8 * n_cores())
        parts = np.array_split(eyes, n_parts) if n_parts else []
        answers = map_on_cores(
            lambda part: look_around(part, self._walls, self._raised, targets.sorted), parts
        )
        indptr = np.zeros(len(eyes) + 1, dtype=np.int64)
        if not answers:
            return indptr, np.zeros(0, dtype=np.int32)
        np.cumsum(np.concatenate([counts for counts, _ in answers]), out=indptr[1:])
        return indptr, np.concatenate([found for _, found in answers])

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
            for one in self.prisms
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
