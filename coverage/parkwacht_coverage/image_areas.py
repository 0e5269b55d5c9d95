"""
What of ground and walls shows where in an image, as polygons in pixels.

A straight line of the world is straight in the image of a rectilinear lens; for an f-theta lens
edges are cut into short pieces first. Everything is clipped in the world before it is projected,
so that nothing behind the camera or above the horizon comes into the image. Ground coordinates are
metres in EPSG:28992, pixels have their origin top left.
"""

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import MultiPolygon, Point, Polygon, box
from shapely.geometry.base import BaseGeometry

from parkwacht_config.site import Building, Lens
from parkwacht_coverage.camera import CameraModel
from parkwacht_coverage.visibility import Scene

Floats = npt.NDArray[np.float64]
Area = Polygon | MultiPolygon

F_THETA_STEP_M = 0.1  # 4 m away, a chord of it is off by less than 0.1 px at 955 px per radian
TILE_M = 1.0  # an f-theta lens takes walls in tiles
NEAR_M = 1e-3  # nothing is nearer to a lens than this
FRONT_M = 1e-3  # what hides a wall stands at least this far before it


def image_frame(model: CameraModel) -> Polygon:
    """Return the part of the image that shows something: of an f-theta lens, its circle."""
    frame = box(0, 0, model.width_px, model.height_px)
    if model.lens is Lens.RECTILINEAR:
        return frame
    radius = max(model.width_px, model.height_px) / 2
    # corners of the ring lie outside the circle, so that its edge is not lost
    outside = radius / math.cos(math.pi / 512)
    middle = Point(model.width_px / 2, model.height_px / 2)
    return polygonal(frame & middle.buffer(outside, quad_segs=128))  # type: ignore[return-value]


def shown_ground(
    model: CameraModel, *, at_height_m: float, max_range_m: float, min_density_px_per_m: float
) -> Area:
    """
    Return where an image shows a horizontal plane at this density or better, walls disregarded.

    For an f-theta lens that does not look up this is the whole disc of that density: what lies
    outside the image is cut off in pixels, where it is exact.
    """
    if model.lens is Lens.F_THETA and model.tilt_deg >= 0:
        drop = model.height_m - at_height_m
        reach = math.sqrt(max(0.0, (model.f_px / min_density_px_per_m) ** 2 - drop**2))
        return Point(model.x_m, model.y_m).buffer(min(reach, max_range_m), quad_segs=64)
    return model.footprint(
        at_height_m=at_height_m,
        max_range_m=max_range_m,
        min_density_px_per_m=min_density_px_per_m,
    )


def ground_in_image(model: CameraModel, area: BaseGeometry, *, at_height_m: float = 0.0) -> Area:
    """
    Project ground into the image.

    Parameters
    ----------
    model
        The camera.
    area
        Polygons in EPSG:28992 inside `shown_ground`.
    at_height_m
        Height of the plane above the ground.

    Returns
    -------
    shown
        In pixels, clipped to the image.
    """
    if model.lens is Lens.F_THETA:
        area = shapely.segmentize(area, F_THETA_STEP_M)

    def project(points: Floats) -> Floats:
        heights = np.full(len(points), at_height_m)
        return model.project(np.column_stack((points, heights)))[0]

    return polygonal(_mapped(area, project) & image_frame(model))


def ground_of_image(model: CameraModel, region: BaseGeometry, *, at_height_m: float = 0.0) -> Area:
    """Bring pixels of the ground, shape as `ground_in_image` gives it, back to EPSG:28992."""
    if model.lens is Lens.F_THETA:
        region = shapely.segmentize(region, 4.0)
    return _mapped(region, lambda pixels: model.ground_at(pixels, at_height_m=at_height_m))


def walls_in_image(
    model: CameraModel, building: Building, scene: Scene, *, min_density_px_per_m: float
) -> Area:
    """
    Project what a camera sees of the walls of a building, other buildings in front taken out.

    Parameters
    ----------
    model
        The camera.
    building
        Its walls are wanted.
    scene
        What may stand in front; the building itself too.
    min_density_px_per_m
        What is seen less densely is left out.

    Returns
    -------
    shown
        In pixels, clipped to the image.
    """
    eye = np.array([model.x_m, model.y_m])
    reach = model.f_px / min_density_px_per_m
    shown = []
    for start, end in _walls(building.polygon):
        if not _is_facing(start, end, eye):
            continue
        quad = _upright(start, end, building.base_m, building.height_m)
        seen = _quad_in_image(model, quad, reach)
        if not seen.is_empty:
            shown.append(seen - _hidden(model, start, end, scene))
    return polygonal(shapely.union_all(shown)) if shown else Polygon()


def polygonal(geometry: BaseGeometry) -> Area:
    """Keep the polygons of a geometry."""
    if isinstance(geometry, Polygon | MultiPolygon):
        return geometry
    parts = [one for one in shapely.get_parts(geometry) if isinstance(one, Polygon)]
    parts += [
        one
        for many in shapely.get_parts(geometry)
        if isinstance(many, MultiPolygon)
        for one in many.geoms
    ]
    return polygonal(shapely.union_all(parts)) if parts else Polygon()


def _mapped(area: BaseGeometry, change: Callable[[Floats], Floats]) -> Area:
    """Map the corners of polygons, shape (N, 2) to (N, 2); a ring ends where it began, exactly."""
    made = []
    for one in _parts(area):
        rings = [change(np.asarray(ring.coords)[:-1]) for ring in (one.exterior, *one.interiors)]
        made.append(shapely.make_valid(Polygon(rings[0], rings[1:])))
    return polygonal(shapely.union_all(made)) if made else Polygon()


def _walls(polygon: Polygon) -> list[tuple[Floats, Floats]]:
    """Return the walls of a footprint, its inside left of each."""
    turned = shapely.geometry.polygon.orient(polygon)
    walls = []
    for ring in (turned.exterior, *turned.interiors):
        corners = np.asarray(ring.coords)[:, :2]
        walls += list(pairwise(corners))
    return walls


def _is_facing(start: Floats, end: Floats, eye: Floats) -> bool:
    """Return whether an eye is on the outside, right of the wall."""
    along, away = end - start, eye - start
    return bool(along[0] * away[1] - along[1] * away[0] < 0)


def _upright(start: Floats, end: Floats, low_m: float, high_m: float) -> Floats:
    """Return the corners of a wall, shape (4, 3)."""
    return np.array([[*start, low_m], [*end, low_m], [*end, high_m], [*start, high_m]])


def _hidden(model: CameraModel, start: Floats, end: Floats, scene: Scene) -> BaseGeometry:
    """Return what stands before a wall, as seen in the image: the outline of each prism there."""
    eye = np.array([model.x_m, model.y_m])
    inward = np.array([start[1] - end[1], end[0] - start[0]]) / np.hypot(*(end - start))
    before = Polygon([eye, start - inward * FRONT_M, end - inward * FRONT_M])
    outlines = [
        _outline(model, polygon, one.base_m, one.height_m)
        for one in scene.buildings
        if one.polygon.intersects(before)
        for polygon in _parts(one.polygon & before)
    ]
    return shapely.union_all(outlines) if outlines else Polygon()


def _parts(geometry: BaseGeometry) -> list[Polygon]:
    return [one for one in shapely.get_parts(polygonal(geometry)) if one.area > 0]


def _outline(model: CameraModel, polygon: Polygon, base_m: float, top_m: float) -> BaseGeometry:
    """Return where a prism shows in the image: its walls, and roof or underside."""
    faces = [
        _quad_in_image(model, _upright(start, end, base_m, top_m), math.inf)
        for start, end in _walls(polygon)
    ]
    for plane_m, is_shown in ((top_m, top_m < model.height_m), (base_m, base_m > model.height_m)):
        if is_shown:
            limit = model.footprint(at_height_m=plane_m, max_range_m=1000.0)
            faces.append(ground_in_image(model, polygon & limit, at_height_m=plane_m))
    return shapely.union_all(faces)


def _quad_in_image(model: CameraModel, quad: Floats, reach_m: float) -> BaseGeometry:
    """Project an upright rectangle, shape (4, 3), as far as the reach, into the image."""
    if model.lens is Lens.F_THETA:
        return _tiles_in_image(model, quad, reach_m)
    local = (quad - [model.x_m, model.y_m, model.height_m]) @ model.axes().T
    wide, high = model.width_px / 2 / model.f_px, model.height_px / 2 / model.f_px
    planes = [([0, 0, 1], -NEAR_M), ([1, 0, wide], 0), ([-1, 0, wide], 0)]
    planes += [([0, 1, high], 0), ([0, -1, high], 0)]
    if math.isfinite(reach_m):
        planes.append(([0, 0, -1], reach_m))
    for normal, offset in planes:
        local = _clip(local, np.array(normal, dtype=np.float64), float(offset))
    if len(local) <= 2:  # noqa: PLR2004
        return Polygon()
    pixels = model.f_px * local[:, :2] / local[:, 2:]
    middle = np.array([model.width_px / 2, model.height_px / 2])
    return Polygon(pixels + middle).buffer(0)


def _clip(ring: Floats, normal: Floats, offset: float) -> Floats:
    """Keep of a convex ring in space, shape (N, 3), where normal . point + offset >= 0."""
    side = ring @ normal + offset
    kept: list[Floats] = []
    for index in range(len(ring)):
        here, there = side[index - 1], side[index]
        if (here >= 0) != (there >= 0):
            kept.append(ring[index - 1] + (ring[index] - ring[index - 1]) * here / (here - there))
        if there >= 0:
            kept.append(ring[index])
    return np.array(kept).reshape(-1, 3)


def _tiles_in_image(model: CameraModel, quad: Floats, reach_m: float) -> BaseGeometry:
    """
    Project an upright rectangle tile by tile: straight edges are bent by an f-theta lens.

    Tiles lie in the plane of the wall (metres along it, height); those that the lens does not show
    are left out, so that none lies around the point opposite to its aim.
    """
    length = float(np.linalg.norm(quad[1] - quad[0]))
    along = (quad[1] - quad[0]) / length
    eye = np.array([model.x_m, model.y_m, model.height_m])
    ahead = float((eye - quad[0]) @ along)
    aside = float(np.linalg.norm((eye - quad[0])[:2] - ahead * along[:2]))
    wall: BaseGeometry = box(0, quad[0, 2], length, quad[3, 2])
    if math.isfinite(reach_m):
        radius = math.sqrt(max(0.0, reach_m**2 - aside**2))
        wall = wall & Point(ahead, model.height_m).buffer(radius, quad_segs=64)
    limit = max(model.width_px, model.height_px) / 2 / model.f_px

    def to_space(flat: Floats) -> Floats:
        level: Floats = quad[0] + flat[:, :1] * along
        return np.column_stack((level[:, :2], flat[:, 1]))

    tiles = []
    for tile in _tiles(polygonal(wall)):
        rays = to_space(shapely.get_coordinates(tile)) - eye
        slant = np.maximum(np.linalg.norm(rays, axis=1), NEAR_M)
        angle = np.arccos(np.clip(rays @ model.axes()[2] / slant, -1, 1))
        if angle.min() <= limit:
            tiles.append(_mapped(tile, lambda flat: model.project(to_space(flat))[0]))
    return shapely.union_all(tiles) & image_frame(model)


def _tiles(wall: Area) -> list[Polygon]:
    """Cut a wall into tiles with short edges."""
    if wall.is_empty:
        return []
    left, low, right, high = wall.bounds
    cuts = [
        wall & box(x, z, x + TILE_M, z + TILE_M)
        for x in np.arange(left, right, TILE_M)
        for z in np.arange(low, high, TILE_M)
    ]
    return [shapely.segmentize(part, F_THETA_STEP_M) for cut in cuts for part in _parts(cut)]
