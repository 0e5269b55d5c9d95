"""Which of many points lie inside each of many polygons, without making the points geometries."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import MultiPolygon, Polygon

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def points_inside(polygons: Sequence[Polygon | MultiPolygon], points_m: Floats) -> Iterator[Ints]:
    """
    Find the points inside each polygon; on its edge is not inside.

    Only the points in the box around a polygon are asked, found by their order from west to east:
    most points of a park are in no building's box.

    Parameters
    ----------
    polygons
        In the coordinates of the points.
    points_m
        Points (x, y, ...), shape (N, 2) or more columns, in metres.

    Yields
    ------
    inside
        Which points are inside, shape (number inside,); once per polygon, in their order.
    """
    order = np.argsort(points_m[:, 0], kind="stable")
    east, north = points_m[order, 0], points_m[order, 1]
    boxes = shapely.bounds(np.array(polygons, dtype=object)).reshape(-1, 4)
    begin = np.searchsorted(east, boxes[:, 0], side="left")
    end = np.searchsorted(east, boxes[:, 2], side="right")
    for polygon, box, first, last in zip(polygons, boxes, begin, end, strict=True):
        here = north[first:last]
        near = first + np.flatnonzero((here >= box[1]) & (here <= box[3]))
        if len(near):
            near = near[shapely.contains_xy(polygon, east[near], north[near])]
        yield order[near]
