"""
Simulated view of one camera: what it would see of the park.

The scene is built from a `Site`: ground by kind with bay markings, buildings with facades, lamp
posts and the fence. Scene coordinates are metres east, north and up from the foot of the camera,
because RD New is too large for single precision. Drawing needs pyvista, the extra `render`.
"""

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import LineString, Point, Polygon

from parkwacht_config.errors import CoverageError
from parkwacht_config.site import AreaKind, Building, LampPost, Lens, Site
from parkwacht_config.text import Text
from parkwacht_coverage.camera import CameraModel

Floats = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]
Canvas = npt.NDArray[np.float32]

CLIP_M = (0.5, 500.0)  # nearest and farthest depth drawn
BAY_WIDTH_M, BAY_LENGTH_M, AISLE_M = 2.5, 5.0, 6.5
LINE_M = 0.12
FACADE_PX_PER_M = 24
SKY = (178, 190, 204)
KIND_RGB = {
    AreaKind.CARRIAGEWAY: (84, 84, 87),
    AreaKind.PARKING: (104, 102, 101),
    AreaKind.FOOTPATH: (150, 146, 140),
    AreaKind.GREEN: (86, 108, 56),
}
PRIVATE_RGB = (118, 113, 107)
WALL_RGB = ((150, 150, 150), (122, 132, 144), (164, 152, 134), (136, 92, 74), (106, 110, 112))


class Pass(StrEnum):
    """What a pixel of a rendering holds."""

    SHADED = "shaded"  # daylight
    COLOUR = "colour"  # the surface's own colour, unlit
    NORMALS = "normals"  # (normal + 1) / 2 x 255


@dataclass(frozen=True, slots=True)
class Part:
    """
    One textured surface of the scene.

    `points_m` has shape (N, 3), `faces` (M, 3) or (M, 4), `uv` (N, 2) with v upward; `rgb` is the
    texture, shape (H, W, 3), its first row at v = 1.
    """

    points_m: Floats
    faces: npt.NDArray[np.int64]
    uv: Floats
    rgb: Image


@dataclass(frozen=True, slots=True)
class Bay:
    """One parking bay: its centre in RD New and the azimuth a parked car points to."""

    x_m: float
    y_m: float
    azimuth_deg: float


@dataclass(frozen=True, slots=True)
class Rendering:
    """`rgb` shape (H, W, 3); `depth_m` along the optical axis, shape (H, W), inf at the sky."""

    rgb: Image
    depth_m: Floats


def load_pyvista() -> Any:  # noqa: ANN401
    """
    Import pyvista.

    Raises
    ------
    CoverageError
        The optional extra `render` is not installed.
    """
    try:
        import pyvista  # noqa: PLC0415
    except ImportError as error:
        text = Text(
            nl="het camerabeeld tekenen vraagt pyvista: installeer parkwacht[render]",
            en="drawing the camera's view needs pyvista: install parkwacht[render]",
        )
        raise CoverageError(text) from error
    return pyvista


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
        _ground(site, origin, (0.0, 0.0), size_m=400.0, px_per_m=6),
        _ground(site, origin, (float(ahead[0]), float(ahead[1])), size_m=72.0, px_per_m=36),
    ]
    for building in site.buildings:
        if building.polygon.distance(here) < 250.0:  # noqa: PLR2004
            parts += _building(building, origin)
    for lamp in site.lamp_posts:
        if lamp.point.distance(here) < 250.0:  # noqa: PLR2004
            parts += _lamp_post(lamp, origin)
    return parts + _fence(site, origin)


def render(parts: Sequence[Part], model: CameraModel, *, what: Pass = Pass.SHADED) -> Rendering:
    """
    Draw a scene through a camera, exactly as `CameraModel.project` maps it.

    Parameters
    ----------
    parts
        The scene, from `build_scene`.
    model
        The camera at the image size wanted.
    what
        Daylight, own colours or normals.

    Raises
    ------
    CoverageError
        pyvista is not installed, or the lens is not rectilinear.
    """
    if model.lens is not Lens.RECTILINEAR:
        text = Text(
            nl=f"{model.id}: alleen een rechttekenende lens kan getekend worden",
            en=f"{model.id}: only a rectilinear lens can be drawn",
        )
        raise CoverageError(text)
    pyvista = load_pyvista()
    size = (model.width_px, model.height_px)
    plotter = pyvista.Plotter(off_screen=True, window_size=size, lighting="none")
    try:
        plotter.set_background([channel / 255 for channel in SKY])
        if what is Pass.SHADED:
            _add_daylight(pyvista, plotter)
        for part in parts:
            _add_part(pyvista, plotter, part, what)
        _aim(plotter, model)
        plotter.show(auto_close=False)
        _aim(plotter, model)
        plotter.render()
        rgb = np.ascontiguousarray(plotter.screenshot(None, return_img=True)[..., :3])
        depth = -plotter.get_image_depth(fill_value=-np.inf, reset_camera_clipping_range=False)
    finally:
        plotter.close()
    return Rendering(rgb.astype(np.uint8), depth.astype(np.float64))


def _aim(plotter: Any, model: CameraModel) -> None:  # noqa: ANN401
    """Set the pinhole: principal point in the middle, angle from the model, z up."""
    forward = model.axes()[2]
    eye = np.array([0.0, 0.0, model.height_m])
    camera = plotter.camera
    camera.position = tuple(eye)
    camera.focal_point = tuple(eye + forward)
    camera.up = (0.0, 0.0, 1.0)
    camera.view_angle = model.vfov_deg
    plotter.camera_set = True
    camera.clipping_range = CLIP_M


def _add_daylight(pyvista: Any, plotter: Any) -> None:  # noqa: ANN401
    """Add a sun in the south-west and the sky's light from three sides."""
    for azimuth_deg, height, intensity in ((225, 0.9, 0.75), (90, 0.8, 0.3), (340, 0.8, 0.35)):
        azimuth = math.radians(azimuth_deg)
        light = pyvista.Light(
            position=(math.sin(azimuth), math.cos(azimuth), height),
            focal_point=(0, 0, 0),
            intensity=intensity,
        )
        light.positional = False
        plotter.add_light(light)


def _add_part(pyvista: Any, plotter: Any, part: Part, what: Pass) -> None:  # noqa: ANN401
    """Add one surface in the colours that a pass wants."""
    per_face = part.faces.shape[1]
    cells = np.column_stack((np.full(len(part.faces), per_face), part.faces)).ravel()
    mesh = pyvista.PolyData(part.points_m.astype(np.float32), faces=cells)
    if what is Pass.NORMALS:
        corners = part.points_m[part.faces[:, :3]]
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        mesh.cell_data["normal"] = np.round((normals + 1) * 127.5).astype(np.uint8)
        plotter.add_mesh(mesh, scalars="normal", rgb=True, lighting=False)
        return
    mesh.active_texture_coordinates = part.uv.astype(np.float32)
    texture = pyvista.Texture(part.rgb)
    texture.interpolate = True
    texture.mipmap = True
    plotter.add_mesh(
        mesh, texture=texture, lighting=what is Pass.SHADED, ambient=0.2, diffuse=0.8, specular=0.0
    )


def _noise(shape: tuple[int, int], seed: int, scales: Iterable[tuple[int, float]]) -> Canvas:
    """Sum smooth noise of several grain sizes (px, amplitude), shape (H, W), mean about 0."""
    generator = np.random.default_rng(seed)
    total = np.zeros(shape, dtype=np.float32)
    for grain, amplitude in scales:
        small = (max(2, shape[0] // grain + 1), max(2, shape[1] // grain + 1))
        coarse = generator.standard_normal(small).astype(np.float32)
        total += amplitude * cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_LINEAR)
    return total


def _ground(
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
    fine = _noise((n, n), 1, ((1, 2.0), (max(1, metre // 8), 3.0), (4 * metre, 4.0)))
    grass = _noise((n, n), 2, ((max(1, metre // 12), 9.0), (metre, 8.0)))
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


def _mark_bays(canvas: Image, marked: list[Bay], to_px: Any, px_per_m: int) -> None:  # noqa: ANN401
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


def _building(building: Building, origin: Floats) -> list[Part]:
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


def _fence(site: Site, origin: Floats) -> list[Part]:
    """Build the fence on the boundary: posts, two rails and open gates."""
    here = Point(*origin).buffer(90.0)
    openings = shapely.union_all([gate.line.buffer(0.6) for gate in site.gates])
    line = site.boundary.exterior.intersection(here).difference(openings)
    grey = np.full((2, 2, 3), 74, dtype=np.uint8)
    parts = []
    for piece in shapely.get_parts(line):
        corners = np.array(piece.segmentize(2.5).coords)[:, :2] - origin
        parts += [_post(xy, 0.05, 1.8, grey) for xy in corners]
        for first, last in itertools.pairwise(corners):
            for low, high in ((0.15, 0.2), (0.95, 1.0), (1.7, 1.76)):
                points = np.array([[*first, low], [*last, low], [*last, high], [*first, high]])
                parts.append(Part(points, np.array([[0, 1, 2, 3]]), np.zeros((4, 2)), grey))
    for gate in site.gates:
        if gate.line.intersects(here):
            ends = np.array(gate.line.coords)[[0, -1], :2] - origin
            parts += [_post(xy, 0.2, 2.0, grey + 60) for xy in ends]
    return parts


def _post(xy: Floats, half_m: float, height_m: float, rgb: Image) -> Part:
    """Build an upright square post on the ground."""
    return _box(np.array([*xy, height_m / 2]), np.array([half_m, half_m, height_m / 2]), rgb)


def _box(centre: Floats, half: Floats, rgb: Image) -> Part:
    """Build a box of one colour."""
    signs = [[a, b, c] for c in (-1, 1) for b in (-1, 1) for a in (-1, 1)]
    sides = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [1, 3, 7, 5], [3, 2, 6, 7], [2, 0, 4, 6]]
    return Part(np.array(signs) * half + centre, np.array(sides), np.zeros((8, 2)), rgb)


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
    grain = _noise((high, wide), seed, ((2, 2.0), (3 * scale, 4.0)))
    painted: Image = np.clip(wall + grain[..., None], 0, 255).astype(np.uint8)
    return painted


def _lamp_post(lamp: LampPost, origin: Floats) -> list[Part]:
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
    head = _box(np.array([x, y, lamp.height_m]), np.array([0.3, 0.15, 0.06]), grey + 60)
    return [post, head]
