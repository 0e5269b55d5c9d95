"""The ground of a park as a painted square: kinds of ground, bay markings, grass and asphalt."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import LineString, Point, Polygon

from parkwacht_config.site import AreaKind, Site
from parkwacht_coverage.preview.render import Part

Floats = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]
Canvas = npt.NDArray[np.float32]

BAY_WIDTH_M, BAY_LENGTH_M, AISLE_M = 2.5, 5.0, 6.5
LINE_M = 0.12
KIND_RGB = {
    AreaKind.CARRIAGEWAY: (84, 84, 87),
    AreaKind.PARKING: (104, 102, 101),
    AreaKind.FOOTPATH: (150, 146, 140),
    AreaKind.GREEN: (86, 108, 56),
}
PRIVATE_RGB = (118, 113, 107)
ToPixels = Callable[[Floats], npt.NDArray[np.int32]]


@dataclass(frozen=True, slots=True)
class Bay:
    """One parking bay: its centre in RD New and the azimuth a parked car points to."""

    x_m: float
    y_m: float
    azimuth_deg: float


def bays(polygon: Polygon) -> list[Bay]:
    """
    Find the bays of a parking: two rows along the long sides and a double row in the middle.

    Parameters
    ----------
    polygon
        The parking in RD New.

    Returns
    -------
    bays
        Those that lie wholly inside the polygon; none where it is narrower than two rows and an
        aisle.
    """
    corners = shapely.get_coordinates(polygon.minimum_rotated_rectangle)[:4]
    edges = np.roll(corners, -1, axis=0) - corners
    longest = int(np.argmax(np.linalg.norm(edges, axis=1)))
    origin, along = corners[longest], edges[longest] / np.linalg.norm(edges[longest])
    across = edges[(longest + 1) % 4] / np.linalg.norm(edges[(longest + 1) % 4])
    length = float(np.linalg.norm(edges[longest]))
    width = float(np.linalg.norm(edges[(longest + 1) % 4]))
    half = BAY_LENGTH_M / 2
    rows = [(half, -1.0), (width - half, 1.0)]
    if width >= 4 * BAY_LENGTH_M + 2 * AISLE_M - 1:
        rows += [(width / 2 - half, 1.0), (width / 2 + half, -1.0)]
    elif width < 2 * BAY_LENGTH_M + AISLE_M - 1:
        return []
    found = []
    n = int(length // BAY_WIDTH_M)
    for offset, sign in rows:
        azimuth = math.degrees(math.atan2(*(sign * across))) % 360
        for step in range(n):
            x, y = origin + along * (step + 0.5) * BAY_WIDTH_M + across * offset
            if polygon.buffer(-0.8 * BAY_WIDTH_M).contains(Point(x, y)):
                found.append(Bay(float(x), float(y), azimuth))
    return found


def noise(shape: tuple[int, int], seed: int, scales: Iterable[tuple[int, float]]) -> Canvas:
    """Sum smooth noise of several grain sizes (px, amplitude), shape (H, W), mean about 0."""
    generator = np.random.default_rng(seed)
    total = np.zeros(shape, dtype=np.float32)
    for grain, amplitude in scales:
        small = (max(2, shape[0] // grain + 1), max(2, shape[1] // grain + 1))
        coarse = generator.standard_normal(small).astype(np.float32)
        total += amplitude * cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_LINEAR)
    return total


def paint_ground(
    site: Site, origin: Floats, centre: tuple[float, float], *, size_m: float, px_per_m: int
) -> Part:
    """Paint the ground of a square around `centre` (metres from the origin), north up."""
    n = round(size_m * px_per_m)
    west, north = centre[0] - size_m / 2, centre[1] + size_m / 2

    def to_px(points: Floats) -> npt.NDArray[np.int32]:
        local = np.asarray(points)[:, :2] - origin
        pixels = np.column_stack((local[:, 0] - west, north - local[:, 1])) * px_per_m
        return np.asarray(np.round(pixels * 16), dtype=np.int32)

    canvas = np.empty((n, n, 3), dtype=np.uint8)
    canvas[:] = PRIVATE_RGB
    green = np.zeros((n, n), dtype=np.uint8)
    for area in sorted(site.public_areas, key=lambda area: area.kind is not AreaKind.GREEN):
        ring = to_px(np.array(area.polygon.exterior.coords))
        cv2.fillPoly(canvas, [ring], KIND_RGB[area.kind], shift=4)
        cv2.fillPoly(green, [ring], 1 if area.kind is AreaKind.GREEN else 0, shift=4)
        if area.kind is AreaKind.PARKING:
            _mark_bays(canvas, bays(area.polygon), to_px, px_per_m)
        elif area.kind is AreaKind.CARRIAGEWAY and px_per_m > 10:  # noqa: PLR2004
            cv2.polylines(canvas, [ring], True, (150, 148, 144), 3, cv2.LINE_AA, 4)
    for gate in site.gates:
        ring = to_px(_road_outside(gate.line, site.boundary))
        cv2.fillPoly(canvas, [ring], KIND_RGB[AreaKind.CARRIAGEWAY], shift=4)
    metre = px_per_m
    fine = noise((n, n), 1, ((1, 2.0), (max(1, metre // 8), 3.0), (4 * metre, 4.0)))
    grass = noise((n, n), 2, ((max(1, metre // 12), 9.0), (metre, 8.0)))
    lit = canvas.astype(np.float32) + np.where(green > 0, grass, fine)[..., None]
    half = size_m / 2
    height = 0.0 if px_per_m > 10 else -0.03  # noqa: PLR2004
    corners = np.array([[-half, -half], [half, -half], [half, half], [-half, half]]) + centre
    return Part(
        np.column_stack((corners, np.full(4, height))),
        np.array([[0, 1, 2, 3]]),
        np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]),
        np.clip(lit, 0, 255).astype(np.uint8),
    )


def _road_outside(line: LineString, boundary: Polygon) -> Floats:
    """Continue the road through a gate, 60 m beyond the boundary, shape (4, 2)."""
    first, last = np.array(line.coords)[[0, -1], :2]
    along = (last - first) / np.linalg.norm(last - first)
    away = np.array([-along[1], along[0]])
    if boundary.contains(Point((first + last) / 2 + away)):
        away = -away
    return np.array([first, last, last + 60 * away, first + 60 * away])


def _mark_bays(canvas: Image, marked: list[Bay], to_px: ToPixels, px_per_m: int) -> None:
    """Paint the two side lines of each bay."""
    width = max(1, round(LINE_M * px_per_m))
    for bay in marked:
        azimuth = math.radians(bay.azimuth_deg)
        ahead = np.array([math.sin(azimuth), math.cos(azimuth)]) * BAY_LENGTH_M / 2
        side = np.array([math.cos(azimuth), -math.sin(azimuth)]) * BAY_WIDTH_M / 2
        for sign in (-1, 1):
            middle = np.array([bay.x_m, bay.y_m]) + sign * side
            first, last = to_px(np.array([middle - ahead, middle + ahead]))
            cv2.line(canvas, first, last, (206, 206, 202), width, cv2.LINE_AA, 4)
