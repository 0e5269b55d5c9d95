"""
What a camera could see of a site: ground, buildings, lamp posts, trees and the fence.

Scene coordinates are metres east, north and up from the foot of the camera.
"""

import itertools
import math

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import Point

from parkwacht_config.site import LampPost, Site
from parkwacht_coverage.camera import CameraModel
from parkwacht_coverage.preview.buildings import build_building
from parkwacht_coverage.preview.ground import paint_ground
from parkwacht_coverage.preview.render import Part
from parkwacht_coverage.preview.trees import build_tree

Floats = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]


def build_scene(site: Site, model: CameraModel) -> list[Part]:
    """
    Build what a camera of a site could see, around the camera's foot.

    Parameters
    ----------
    site
        The park.
    model
        The camera; everything within 250 m of it is built.
    """
    origin = np.array([model.x_m, model.y_m])
    here = Point(model.x_m, model.y_m)
    aim = math.radians(model.azimuth_deg)
    ahead = 31.0 * np.array([math.sin(aim), math.cos(aim)])
    parts = [
        paint_ground(site, origin, (0.0, 0.0), size_m=400.0, px_per_m=6),
        paint_ground(site, origin, (float(ahead[0]), float(ahead[1])), size_m=72.0, px_per_m=36),
    ]
    for building in site.buildings:
        if building.polygon.distance(here) < 250.0:  # noqa: PLR2004
            parts += build_building(building, origin)
    for lamp in site.lamp_posts:
        if lamp.point.distance(here) < 250.0:  # noqa: PLR2004
            parts += build_lamp_post(lamp, origin)
    for tree in site.trees:
        if tree.point.distance(here) < 250.0:  # noqa: PLR2004
            parts += build_tree(tree, origin)
    return parts + build_fence(site, origin)


def build_fence(site: Site, origin: Floats) -> list[Part]:
    """Build the fence on the boundary: posts, two rails and open gates."""
    here = Point(*origin).buffer(90.0)
    openings = shapely.union_all([gate.line.buffer(0.6) for gate in site.gates])
    line = site.boundary.exterior.intersection(here).difference(openings)
    grey = np.full((2, 2, 3), 74, dtype=np.uint8)
    parts = []
    for piece in shapely.get_parts(line):
        corners = np.array(piece.segmentize(2.5).coords)[:, :2] - origin
        parts += [upright_post(xy, 0.05, 1.8, grey) for xy in corners]
        for first, last in itertools.pairwise(corners):
            for low, high in ((0.15, 0.2), (0.95, 1.0), (1.7, 1.76)):
                points = np.array([[*first, low], [*last, low], [*last, high], [*first, high]])
                parts.append(Part(points, np.array([[0, 1, 2, 3]]), np.zeros((4, 2)), grey))
    for gate in site.gates:
        if gate.line.intersects(here):
            ends = np.array(gate.line.coords)[[0, -1], :2] - origin
            parts += [upright_post(xy, 0.2, 2.0, grey + 60) for xy in ends]
    return parts


def build_lamp_post(lamp: LampPost, origin: Floats) -> list[Part]:
    """Build a post of eight sides and its lamp head."""
    x, y = np.array([lamp.point.x, lamp.point.y]) - origin
    angles = np.arange(8) * math.pi / 4
    rim = np.column_stack((np.cos(angles), np.sin(angles)))
    low = np.column_stack((rim * 0.09 + [x, y], np.zeros(8)))
    high = np.column_stack((rim * 0.05 + [x, y], np.full(8, lamp.height_m)))
    i = np.arange(8)
    j = (i + 1) % 8
    grey = np.full((2, 2, 3), 150, dtype=np.uint8)
    post = Part(
        np.vstack((low, high)),
        np.column_stack((i, j, j + 8, i + 8)),
        np.zeros((16, 2)),
        grey,
    )
    head = box_of(np.array([x, y, lamp.height_m]), np.array([0.3, 0.15, 0.06]), grey + 60)
    return [post, head]


def upright_post(xy: Floats, half_m: float, height_m: float, rgb: Image) -> Part:
    """Build an upright square post on the ground."""
    return box_of(np.array([*xy, height_m / 2]), np.array([half_m, half_m, height_m / 2]), rgb)


def box_of(centre: Floats, half: Floats, rgb: Image) -> Part:
    """Build a box of one colour."""
    signs = [[a, b, c] for c in (-1, 1) for b in (-1, 1) for a in (-1, 1)]
    sides = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [1, 3, 7, 5], [3, 2, 6, 7], [2, 0, 4, 6]]
    return Part(np.array(signs) * half + centre, np.array(sides), np.zeros((8, 2)), rgb)
