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

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from parkwacht_config.site import Building, Tree
from parkwacht_coverage._compiled import map_on_cores, n_cores
from parkwacht_coverage._edges import hidden_scales
from parkwacht_coverage._inside import points_inside
from parkwacht_coverage._isovist import find_visible, make_scratch
from parkwacht_coverage._join import join_quads, polygonal
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
        self._all = shapely.STRtree([one.polygon for one in self.prisms])
        self._tree = shapely.STRtree([one.polygon for one in self.buildings])
        self._heights = np.array([(one.base_m, one.height_m) for one in self.buildings]).reshape(
            -1, 2
        )
        self._standing = [one for one in self.buildings if one.base_m <= 0]
        self._walls = make_walls([one for one in self.prisms if one.base_m <= 0])
        self._raised, _ = make_prisms([one for one in self.prisms if one.base_m > 0])

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
        polygons = [one.polygon for one in self._standing]
        for one, inside in zip(self._standing, points_inside(polygons, points), strict=True):
            is_buried[inside[points[inside, 2] < one.height_m]] = True
        return Targets(points, is_buried, sort_points(points, ~is_buried))

    def building_at(self, x_m: float, y_m: float, height_m: float) -> Building | None:
        """Return the building that this point is inside of; on its wall or roof is not inside."""
        around = self._tree.query(shapely.points(x_m, y_m), predicate="within")
        for index in sorted(int(one) for one in around):
            if self._heights[index, 0] <= height_m < self._heights[index, 1]:
                return self.buildings[index]
        return None

    def buildings_near(self, shape: BaseGeometry) -> list[Building]:
        """Return the buildings whose footprint meets a shape of the plane, in their order."""
        found = self._tree.query(shape, predicate="intersects")
        return [self.buildings[index] for index in sorted(int(one) for one in found)]

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
        n_parts = min(len(eyes_m), 8 * n_cores())
        cuts = np.linspace(0, len(eyes_m), n_parts + 1).astype(np.int64)
        ranges = np.broadcast_to(np.asarray(ranges_m, dtype=np.float64), len(eyes_m))
        answers = map_on_cores(
            lambda part: self.look(eyes_m[part], targets, ranges_m=ranges[part]),
            [slice(int(a), int(b)) for a, b in itertools.pairwise(cuts)],
        )
        if not answers:
            return np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.int32)
        counts = np.concatenate([np.diff(indptr) for indptr, _ in answers])
        return np.concatenate(([0], np.cumsum(counts))), np.concatenate([one for _, one in answers])

    def look(
        self, eyes_m: Floats, targets: Targets, *, ranges_m: Floats | float = math.inf
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        """Do what `sweep` does on the core of the caller, for callers that have threads."""
        eyes = np.empty((len(eyes_m), 4))
        eyes[:, :3] = eyes_m
        eyes[:, 3] = ranges_m
        counts, found = look_around(eyes, self._walls, self._raised, targets.sorted)
        return np.concatenate(([0], np.cumsum(counts))), found

    def visible_quads(
        self, eye_m: tuple[float, float, float], *, at_height_m: float = 0.0, range_m: float
    ) -> Floats:
        """
        Find exactly what an eye sees of a horizontal plane, in pieces for further computing.

        Parameters
        ----------
        eye_m
            (x, y, height above ground) in metres; outside every building.
        at_height_m
            Height of the plane above the ground.
        range_m
            Horizontal distance at which the view ends, on chords of the circle: 128 sides.

        Returns
        -------
        quads
            Corners (x, y) relative to the eye, shape (K, 4, 2), without overlap; the first and
            last corner are the eye itself where nothing hides the plane before.
        """
        return self._quads(eye_m, at_height_m, range_m)[0]

    def _quads(
        self, eye_m: tuple[float, float, float], at_height_m: float, range_m: float
    ) -> tuple[Floats, npt.NDArray[np.int64]]:
        """Return the pieces of `visible_quads` and the two rays between which each lies."""
        eye = np.array(eye_m, dtype=np.float64)
        view = (at_height_m, float(range_m), self._n_under(eye_m, at_height_m))
        n_quads = 4096
        while True:
            scratch = make_scratch(self._walls, self._raised, n_quads)
            quads = find_visible(eye, view, self._walls, self._raised, scratch)
            n_quads = int(scratch.sweep.counts[1])
            if n_quads == len(quads):
                n_rays = int(scratch.sweep.counts[3])
                return quads, scratch.sweep.bounds[:n_quads, 2:] % max(1, n_rays)

    def visibility_polygon(
        self, eye_m: tuple[float, float, float], *, at_height_m: float = 0.0, range_m: float
    ) -> Polygon | MultiPolygon:
        """
        Build the part of a horizontal plane that an eye sees, whatever its camera shows of it.

        Low walls cast shadows that end, so that the polygon can have holes and islands.

        Parameters
        ----------
        eye_m
            (x, y, height above ground) in metres; outside every building.
        at_height_m
            Height of the plane above the ground.
        range_m
            Horizontal distance at which the view ends.

        Returns
        -------
        visibility_polygon
            In EPSG:28992, corners less than a micrometre apart taken for one.
        """
        quads, rays = self._quads(eye_m, at_height_m, range_m)
        foot = np.array(eye_m[:2])
        joined = join_quads(quads, rays)
        return polygonal(shapely.transform(joined, lambda points: points + foot))

    def visible_part(
        self, eye_m: tuple[float, float, float], area: BaseGeometry, *, at_height_m: float = 0.0
    ) -> Polygon | MultiPolygon:
        """
        Cut from an area what an eye does not see of it.

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
        away = shapely.get_coordinates(area) - np.array(eye_m[:2])
        range_m = 1.01 * float(np.hypot(*away.T).max()) + 1.0
        seen = self.visibility_polygon(eye_m, at_height_m=at_height_m, range_m=range_m)
        return polygonal(area.intersection(seen))

    def _n_under(self, eye_m: tuple[float, float, float], at_height_m: float) -> int:
        """Count the prisms over which an eye stands and which hide some of the plane from it."""
        n = 0
        for index in self._all.query(shapely.points(*eye_m[:2]), predicate="within"):
            one = self.prisms[int(index)]
            n += hidden_scales(one.base_m, one.height_m, eye_m[2], at_height_m)[1] > 0
        return n


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
