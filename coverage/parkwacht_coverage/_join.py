"""
The pieces of a visibility polygon joined: a planar sweep's quads side by side on common rays.

Neighbours meet along rays from the eye, but one may end half way along the other's side. Every
corner on a ray is made a corner of all sides that it lies on, so that neighbours share whole edges
and GEOS can join them without computing an intersection.
"""

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SAME_M = 1e-6  # corners on a ray nearer to each other than this are one


def join_quads(quads: Floats, rays: Ints) -> Polygon | MultiPolygon:
    """
    Join quads that lie side by side around an eye.

    Parameters
    ----------
    quads
        Corners near and far on the first ray, far and near on the last, shape (K, 4, 2), in
        metres from the eye, where all rays begin; without overlap.
    rays
        The number of the first and last ray of each, shape (K, 2).

    Returns
    -------
    joined
        Their union.
    """
    if not len(quads):
        return Polygon()
    corners = quads.reshape(-1, 2)
    away = np.hypot(*corners.T)
    ray = rays[:, [0, 0, 1, 1]].ravel()
    ray = np.where(away < SAME_M, -1, ray)
    order = np.lexsort((away, ray))
    is_new = np.ones(len(order), dtype=np.bool_)
    is_new[1:] = (np.diff(ray[order]) != 0) | (np.diff(away[order]) >= SAME_M)
    node_of = np.empty(len(order), dtype=np.int64)
    node_of[order] = np.cumsum(is_new) - 1
    nodes = corners[order[is_new]]
    first = node_of[ray == -1][0] if (ray == -1).any() else -1
    starts = _first_nodes(ray[order][is_new])
    rings = [
        _ring(one, pair, first, starts)
        for one, pair in zip(node_of.reshape(-1, 4), rays, strict=True)
    ]
    least = 3
    polygons = [Polygon(nodes[ring]) for ring in rings if len(set(ring)) >= least]
    return polygonal(shapely.coverage_union_all(polygons))


def _first_nodes(rays: Ints) -> dict[int, int]:
    """Return the first node of each ray; nodes of a ray follow one another outward."""
    found, where = np.unique(rays, return_index=True)
    return {int(ray): int(node) for ray, node in zip(found, where, strict=True)}


def _ring(nodes: Ints, pair: Ints, foot: int, starts: dict[int, int]) -> list[int]:
    """Return the nodes around a quad, with those that lie on its sides."""
    near1, far1, far2, near2 = (int(one) for one in nodes)
    begin1 = [foot, starts[int(pair[0])]] if near1 == foot else [near1, near1 + 1]
    begin2 = [foot, starts[int(pair[1])]] if near2 == foot else [near2, near2 + 1]
    out = [begin1[0], *range(begin1[1], far1 + 1)]
    back = [*range(far2, begin2[1] - 1, -1), begin2[0]]
    return out + back if near1 != near2 else out + back[:-1]


def polygonal(geometry: BaseGeometry) -> Polygon | MultiPolygon:
    """Keep the polygons of a geometry."""
    if isinstance(geometry, Polygon | MultiPolygon):
        return geometry
    parts = [one for one in shapely.get_parts(geometry) if isinstance(one, Polygon)]
    return MultiPolygon(parts)
