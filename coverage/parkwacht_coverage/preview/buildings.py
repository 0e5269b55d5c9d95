"""The buildings of a park: prisms with painted facades and a flat roof."""

import cv2
import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import Polygon

from parkwacht_config.site import Building
from parkwacht_coverage.preview.ground import noise
from parkwacht_coverage.preview.render import Part

Floats = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

FACADE_PX_PER_M = 24
WALL_RGB = ((150, 150, 150), (122, 132, 144), (164, 152, 134), (136, 92, 74), (106, 110, 112))


def build_building(building: Building, origin: Floats) -> list[Part]:
    """Build the walls and the roof of a prism."""
    outline = shapely.orient_polygons(building.polygon).exterior
    ring = np.array(outline.coords)[:-1, :2] - origin
    seed = sum(ord(letter) * (place + 7) for place, letter in enumerate(building.id))
    colour = WALL_RGB[seed % len(WALL_RGB)]
    height = building.height_m
    parts = []
    for i, (first, last) in enumerate(zip(ring, np.roll(ring, -1, axis=0), strict=True)):
        length = float(np.linalg.norm(last - first))
        points = np.array([[*first, 0.0], [*last, 0.0], [*last, height], [*first, height]])
        points[:2, 2] = building.base_m
        uv = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
        facade = _facade(length, height - building.base_m, colour, seed + i)
        parts.append(Part(points, np.array([[0, 1, 2, 3]]), uv, facade))
    parts.append(_roof(building.polygon, origin, height))
    return parts


def _roof(polygon: Polygon, origin: Floats, height_m: float) -> Part:
    """Close a prism with a flat grey roof."""
    triangles = shapely.constrained_delaunay_triangles(polygon).geoms
    rings = [shapely.get_coordinates(shapely.orient_polygons(one))[:3] for one in triangles]
    corners = np.vstack(rings) - origin
    points = np.column_stack((corners, np.full(len(corners), height_m)))
    faces = np.arange(len(points)).reshape(-1, 3)
    return Part(points, faces, np.zeros((len(points), 2)), np.full((2, 2, 3), 92, np.uint8))


def _facade(length_m: float, height_m: float, colour: tuple[int, int, int], seed: int) -> Image:
    """Paint a wall: panels, a plinth, a row of windows, doors and roller doors."""
    scale = FACADE_PX_PER_M if length_m < 60 else FACADE_PX_PER_M // 2  # noqa: PLR2004
    wide, high = max(8, round(length_m * scale)), max(8, round(height_m * scale))
    wall = np.empty((high, wide, 3), dtype=np.uint8)
    wall[:] = colour
    dark = tuple(int(0.82 * channel) for channel in colour)
    for x in range(0, wide, round(1.0 * scale)):
        cv2.line(wall, (x, 0), (x, high), dark, 1)
    cv2.rectangle(wall, (0, 0), (wide, round(0.35 * scale)), dark, -1)
    cv2.rectangle(wall, (0, high - round(0.4 * scale)), (wide, high), (84, 84, 84), -1)

    def box(left: float, bottom: float, size: tuple[float, float], rgb: tuple[int, ...]) -> None:
        first = (round(left * scale), high - round((bottom + size[1]) * scale))
        last = (round((left + size[0]) * scale), high - round(bottom * scale))
        cv2.rectangle(wall, first, last, rgb, -1)
        cv2.rectangle(wall, first, last, (70, 72, 74), max(1, scale // 12))

    generator = np.random.default_rng(seed)
    step, start = 5.0, 1.5
    for k in range(int((length_m - 2.0) // step)):
        left = start + k * step
        match int(generator.integers(0, 4)):
            case 0:
                box(left, 0.05, (3.4, min(3.6, height_m - 1.0)), (128, 134, 138))
            case 1:
                box(left, 0.05, (1.0, 2.2), (66, 84, 96))
                box(left + 1.5, 1.0, (1.8, 1.2), (52, 62, 72))
            case _:
                box(left, 1.0, (3.0, 1.3), (52, 62, 72))
        if height_m > 6.5:  # noqa: PLR2004
            box(left, 4.4, (3.0, 1.3), (52, 62, 72))
    grain = noise((high, wide), seed, ((2, 2.0), (3 * scale, 4.0)))
    painted: Image = np.clip(wall + grain[..., None], 0, 255).astype(np.uint8)
    return painted
