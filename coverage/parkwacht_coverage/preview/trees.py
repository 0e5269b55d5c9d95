"""Trees and the land around the park, as surfaces: what stands in between and what lies behind."""

import math

import numpy as np
import numpy.typing as npt

from parkwacht_config.site import Tree
from parkwacht_coverage.preview.ground import noise
from parkwacht_coverage.preview.render import Part

Floats = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

LEAF_RGB, NEEDLE_RGB, BARK_RGB = (70, 92, 44), (44, 66, 44), (84, 72, 58)
FIELD_RGB, HEDGE_RGB = (98, 112, 66), (70, 88, 56)
LAND_M, LAND_DEPTH_M = 3000.0, 0.4  # half the side of the land, and how far below the park it lies
HEDGES_M = (90.0, 320.0, 900.0)  # how far beyond the park the lines of trees stand


def build_tree(tree: Tree, origin: Floats) -> list[Part]:
    """Build a trunk and a crown of leaves between the crown's base and the top."""
    seed = sum(ord(letter) * (place + 3) for place, letter in enumerate(tree.id))
    generator = np.random.default_rng(seed)
    x, y = np.array([tree.point.x, tree.point.y]) - origin
    half = (tree.height_m - tree.crown_base_m) / 2
    shape = np.array([tree.crown_radius_m, tree.crown_radius_m, half])
    around, rise = 26, 13
    azimuth = np.linspace(0, 2 * math.pi, around, endpoint=False)
    polar = np.linspace(0.02, math.pi - 0.02, rise)
    phi, theta = np.meshgrid(azimuth, polar)
    bumps = 0.80 + 0.20 * generator.random(phi.shape)
    width = np.sin(theta) * (np.linspace(0.35, 1.25, rise)[:, None] if tree.is_evergreen else 1.0)
    unit = np.stack((np.cos(phi) * width, np.sin(phi) * width, np.cos(theta)), axis=-1)
    unit *= bumps[..., None]
    points = unit.reshape(-1, 3) * shape + [x, y, tree.crown_base_m + half]
    i, j = np.meshgrid(np.arange(rise - 1), np.arange(around), indexing="ij")
    right = (j + 1) % around
    quads = np.stack(
        (i * around + j, (i + 1) * around + j, (i + 1) * around + right, i * around + right),
        axis=-1,
    ).reshape(-1, 4)
    triangles = np.vstack((quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]))
    colour = NEEDLE_RGB if tree.is_evergreen else LEAF_RGB
    uv = np.column_stack((phi.ravel() / (2 * math.pi), 1 - theta.ravel() / math.pi))
    crown = Part(points, triangles, uv, _leaves(colour, seed))
    return [crown, _trunk(x, y, tree)]


def _leaves(colour: tuple[int, int, int], seed: int) -> Image:
    """Paint foliage: light and dark clumps, shape (256, 512, 3)."""
    grain = noise((256, 512), seed, ((2, 15.0), (6, 13.0), (24, 8.0)))
    leaves: Image = np.clip(np.array(colour) + grain[..., None], 8, 255).astype(np.uint8)
    return leaves


def _trunk(x: float, y: float, tree: Tree) -> Part:
    """Build a trunk of seven sides, up into the crown."""
    n = 7
    angles = np.arange(n) * 2 * math.pi / n
    radius = 0.03 * tree.height_m
    rim = np.column_stack((np.cos(angles), np.sin(angles))) * radius
    top = tree.crown_base_m + 0.4 * (tree.height_m - tree.crown_base_m)
    low = np.column_stack((rim + np.array([x, y]), np.zeros(n)))
    high = np.column_stack((0.7 * rim + np.array([x, y]), np.full(n, top)))
    i = np.arange(n)
    j = (i + 1) % n
    bark = np.full((2, 2, 3), BARK_RGB, dtype=np.uint8)
    sides = np.column_stack((i, j, j + n, i + n))
    return Part(np.vstack((low, high)), sides, np.zeros((2 * n, 2)), bark)


def build_land(park_m: float) -> list[Part]:
    """
    Build the fields around a park, up to the horizon, and lines of trees on them.

    Parameters
    ----------
    park_m
        How far the park reaches from the scene's origin.
    """
    corners = LAND_M * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1.0]])
    grain = noise((1024, 1024), 5, ((2, 4.0), (24, 9.0), (90, 9.0)))
    fields = np.clip(np.array(FIELD_RGB) + grain[..., None], 0, 255).astype(np.uint8)
    uv = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    points = np.column_stack((corners, np.full(4, -LAND_DEPTH_M)))
    land = Part(points, np.array([[0, 1, 2, 3]]), uv, fields)
    return [land, *(_hedge(park_m + away, seed) for seed, away in enumerate(HEDGES_M))]


def _hedge(away_m: float, seed: int) -> Part:
    """Build a ring of treetops of uneven height around the scene's origin."""
    n = 1440
    angles = np.arange(n) * 2 * math.pi / n
    generator = np.random.default_rng(seed)
    rough = np.convolve(generator.random(n + 40), np.ones(41) / 41, mode="valid")
    tops = 26.0 * np.clip(rough - 0.40, 0, None) / 0.15 + 4.0 * generator.random(n)
    ring = np.column_stack((np.sin(angles), np.cos(angles))) * away_m
    low = np.column_stack((ring, np.full(n, -LAND_DEPTH_M)))
    high = np.column_stack((ring, np.minimum(tops, 16.0)))
    i = np.arange(n)
    j = (i + 1) % n
    quads = np.column_stack((j, i, i + n, j + n))
    uv = np.column_stack((np.tile(angles * 6, 2), np.repeat([0.0, 1.0], n)))
    return Part(np.vstack((low, high)), quads, uv, _leaves(HEDGE_RGB, seed))
