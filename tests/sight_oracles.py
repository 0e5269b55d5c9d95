"""Sight computed by others: GEOS sweeping shadows, Embree tracing rays through triangles."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from parkwacht_config.site import Building

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def shadow_by_geos(building: Building, eye: Floats, plane_m: float) -> BaseGeometry | None:
    """Return what a prism hides of a plane: its footprint swept away from the eye, up to 1 km."""
    drop = eye[2] - plane_m
    if drop == 0:
        if not building.base_m < eye[2] < building.height_m:
            return None
        near, far = 1.0, math.inf
    else:
        passes = sorted((eye[2] - level) / drop for level in (building.height_m, building.base_m))
        first, last = max(passes[0], 0.0), min(passes[1], 1.0)
        if first >= last:
            return None
        near, far = 1 / last, 1 / first if first > 0 else math.inf
    pieces = []
    for ring in (building.polygon.exterior, *building.polygon.interiors):
        points = shapely.get_coordinates(ring)[:, :2] - eye[:2]
        for start, end in itertools.pairwise(points):
            nearest = shapely.distance(shapely.linestrings([start, end]), shapely.Point(0, 0))
            reach = max(near, min(far, 1000.0 / max(float(nearest), 1e-3)))
            corners = np.array([start * near, end * near, end * reach, start * reach])
            quad = shapely.Polygon(corners + eye[:2])
            if quad.is_valid and quad.area > 0:
                pieces.append(quad)
    solid = shapely.transform(building.polygon, lambda points: (points - eye[:2]) * near + eye[:2])
    return shapely.union_all([*pieces, solid])


def visible_by_geos(
    buildings: Sequence[Building], eye: Floats, area: BaseGeometry, plane_m: float
) -> BaseGeometry:
    """Cut the shadows of all prisms from an area."""
    shadows = [shadow_by_geos(one, eye, plane_m) for one in buildings]
    return area.difference(shapely.union_all([one for one in shadows if one is not None]))


def mesh_of(buildings: Sequence[Building], origin: Floats) -> Any:
    """Return the prisms as a mesh around an origin: Embree counts in single precision."""
    import trimesh  # noqa: PLC0415

    corners: list[tuple[float, float, float]] = []
    for one in buildings:
        low, high = one.base_m, one.height_m
        for ring in (one.polygon.exterior, *one.polygon.interiors):
            points = shapely.get_coordinates(ring)[:, :2] - origin
            for (x1, y1), (x2, y2) in itertools.pairwise(points):
                corners += [(x1, y1, low), (x2, y2, low), (x2, y2, high)]
                corners += [(x1, y1, low), (x2, y2, high), (x1, y1, high)]
        for triangle in shapely.constrained_delaunay_triangles(one.polygon).geoms:
            flat = shapely.get_coordinates(triangle)[:3, :2] - origin
            corners += [(x, y, level) for level in (low, high) for x, y in flat]
    vertices = np.array(corners)
    faces = np.arange(len(vertices)).reshape(-1, 3)
    return trimesh.Trimesh(vertices=vertices, faces=faces, process=False)


def seen_by_embree(mesh: Any, eye: Floats, targets: Floats, origin: Floats) -> Bools:
    """Trace a ray to each target; seen where nothing is met before it."""
    start = eye - [*origin, 0.0]
    rays = targets - [*origin, 0.0] - start
    met = np.zeros(len(rays), dtype=np.bool_)
    where, which, _ = mesh.ray.intersects_location(
        np.repeat(start[None], len(rays), axis=0), rays, multiple_hits=False
    )
    length = np.linalg.norm(rays, axis=1)
    met[which] = np.linalg.norm(where - start, axis=1) < length[which]
    return ~met
