"""
Buildings, crowns of trees and targets as the arrays that the compiled loops walk over.

Coordinates are metres in EPSG:28992, heights metres above the ground.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import Polygon

from parkwacht_config.site import Building, Tree
from parkwacht_coverage._grid import make_grid
from parkwacht_coverage._sight import Points, Prisms, Walls

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

CROWN_SIDES = 16  # corners on the circle: at most 1.9 % of the radius inside it
TARGETS_PER_CELL = 32.0


def crown_of(tree: Tree) -> Building:
    """Build the prism of a tree's crown: a regular polygon of `CROWN_SIDES` corners."""
    turn = np.arange(CROWN_SIDES) * (2 * np.pi / CROWN_SIDES)
    rim = np.column_stack((np.cos(turn), np.sin(turn))) * tree.crown_radius_m
    polygon = Polygon(rim + np.array([tree.point.x, tree.point.y]))
    return Building(tree.id, polygon, tree.height_m, tree.crown_base_m)


def walls_of(prisms: Sequence[Building]) -> tuple[Floats, npt.NDArray[np.int64]]:
    """
    Return the walls of prisms, each with the inside to its left.

    Returns
    -------
    ends, owner
        (x1, y1, x2, y2), shape (M, 4), and the index of each wall's prism, shape (M,).
    """
    if not prisms:
        return np.zeros((0, 4)), np.zeros(0, dtype=np.int64)
    polygons = shapely.orient_polygons(np.array([one.polygon for one in prisms], dtype=object))
    rings, polygon_of = shapely.get_rings(shapely.force_2d(polygons), return_index=True)
    points, ring_of = shapely.get_coordinates(rings, return_index=True)
    is_wall = ring_of[1:] == ring_of[:-1]
    is_wall &= (points[1:] != points[:-1]).any(axis=1)
    ends = np.hstack((points[:-1], points[1:]))[is_wall]
    return ends, polygon_of[ring_of[:-1][is_wall]].astype(np.int64)


def make_walls(prisms: Sequence[Building]) -> Walls:
    """Sort the walls of prisms that stand on the ground by place."""
    ends, owner = walls_of(prisms)
    boxes = np.hstack((np.minimum(ends[:, :2], ends[:, 2:]), np.maximum(ends[:, :2], ends[:, 2:])))
    grid, order = make_grid(boxes)
    tops = np.array([one.height_m for one in prisms], dtype=np.float64)
    return Walls(grid, np.ascontiguousarray(ends[order]), tops[owner[order]])


def make_prisms(prisms: Sequence[Building]) -> tuple[Prisms, npt.NDArray[np.int64]]:
    """Sort prisms that are asked as a whole by place; also return their order, shape (P,)."""
    polygons = np.array([one.polygon for one in prisms], dtype=object)
    grid, order = make_grid(shapely.bounds(polygons).reshape(-1, 4))
    placed = [prisms[int(index)] for index in order]
    ends, owner = walls_of(placed)
    heights = np.array([(one.base_m, one.height_m) for one in placed], dtype=np.float64)
    placed_prisms = Prisms(
        grid,
        heights.reshape(-1, 2),
        np.ascontiguousarray(shapely.bounds(polygons).reshape(-1, 4)[order]),
        np.searchsorted(owner, np.arange(len(placed) + 1)).astype(np.int64),
        np.ascontiguousarray(ends),
    )
    return placed_prisms, order


def sort_points(points_m: Floats, is_kept: Bools) -> Points:
    """Sort targets (x, y, height), shape (N, 3), by place; only those kept, shape (N,)."""
    kept = np.flatnonzero(is_kept)
    xy = points_m[kept, :2]
    grid, order = make_grid(np.hstack((xy, xy)), per_cell=TARGETS_PER_CELL)
    heights = points_m[kept, 2]
    limits = np.array([heights.min(), heights.max()]) if len(kept) else np.zeros(2)
    xyz = np.ascontiguousarray(points_m[kept[order]])
    return Points(grid, xyz, kept[order].astype(np.int64), limits, len(points_m))
