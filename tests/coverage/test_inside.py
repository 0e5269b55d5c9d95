"""Points inside polygons, as the GEOS predicate on point geometries finds them."""

import numpy as np
import shapely
from shapely.geometry import Polygon, box

from parkwacht_coverage._inside import points_inside


def test_points_inside_are_those_of_the_predicate_within() -> None:
    polygons = [
        box(0, 0, 10, 10),
        Polygon([(5, -4), (18, 3), (9, 15), (2, 9)], [[(8, 4), (11, 4), (11, 7)]]),
        box(40, 40, 50, 50),  # nothing near
    ]
    lattice = np.stack(np.meshgrid(np.arange(-6, 21), np.arange(-6, 21)), axis=-1).reshape(-1, 2)
    xyz = np.column_stack((lattice, np.zeros(len(lattice))))[::-1].astype(float)  # many on edges
    found = list(points_inside(polygons, xyz))
    points = shapely.points(xyz[:, :2])
    for polygon, inside in zip(polygons, found, strict=True):
        assert sorted(inside) == np.flatnonzero(shapely.within(points, polygon)).tolist()
    assert [len(one) for one in found][::2] == [81, 0]  # 9 x 9 strictly within the first


def test_no_points_and_no_polygons() -> None:
    assert [len(one) for one in points_inside([box(0, 0, 1, 1)], np.zeros((0, 3)))] == [0]
    assert list(points_inside([], np.zeros((2, 3)))) == []
