"""
Who stands in the picture: a person at the distance of each class, and a car.

A person stands where the density at the face, 1.5 m up, is just that of the class: near the axis,
in sight, by preference on public ground and with the feet in the image.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import Point, Polygon, box
from shapely.geometry.base import BaseGeometry

from parkwacht_config.site import AreaKind, Lens, Site
from parkwacht_coverage.camera import CameraModel
from parkwacht_coverage.density import DensityClass, Edition
from parkwacht_coverage.preview.ground import bays
from parkwacht_coverage.preview.people import Clothes, stander
from parkwacht_coverage.preview.raster import Mesh, place
from parkwacht_coverage.preview.vehicles import HATCHBACK, vehicle
from parkwacht_coverage.visibility import Scene

Floats = npt.NDArray[np.float64]

PERSON_M, FACE_M = 1.8, 1.5
CLASS_RANGE_PX_PER_M = (60.0, 250.0)  # observe to identify (2014), discern to characterise (2025)
SHARES = sorted(np.linspace(-0.44, 0.44, 45).tolist(), key=lambda share: (abs(share), share))
BEARINGS_DEG = sorted(range(-176, 180, 8), key=lambda bearing: (abs(bearing), bearing))
MAX_REACH_M = 200.0
CLEAR_M = 0.7  # between a person and anything else
CAR_SHARES = (1.0, 0.8, 1.25)  # of the class's reach, where a car may stand just as well
CAR_LENGTH_M, CAR_WIDTH_M, CAR_HEIGHT_M = 4.1, 1.76, 1.48
LABEL_SHARE = (0.21, 0.045)  # of the picture's width: width and height of a label
CAR_PAINT = (0.30, 0.31, 0.33)
WARDROBE = (
    Clothes((0.30, 0.05, 0.05), (0.06, 0.07, 0.12)),
    Clothes((0.07, 0.16, 0.34), (0.12, 0.11, 0.10), hair=(0.10, 0.07, 0.04)),
    Clothes((0.52, 0.36, 0.06), (0.05, 0.055, 0.07)),
    Clothes((0.10, 0.24, 0.14), (0.20, 0.18, 0.15), hair=(0.20, 0.14, 0.07)),
)


class Role(StrEnum):
    """What stands there."""

    PERSON = "person"
    CAR = "car"


@dataclass(frozen=True, slots=True)
class Figurant:
    """One who stands in the scene; `density_px_per_m` is that of the camera itself."""

    role: Role
    wanted: DensityClass
    xy_m: tuple[float, float]  # in RD New
    distance_m: float  # over the ground
    density_px_per_m: float
    is_public: bool
    is_whole: bool  # feet in the image too
    mesh: Mesh  # in scene coordinates


@dataclass(frozen=True, slots=True)
class Cast:
    """All who stand in the scene, and the classes that found no place in sight."""

    figurants: tuple[Figurant, ...]
    missing: tuple[DensityClass, ...]


def shown_classes(edition: Edition) -> tuple[DensityClass, ...]:
    """Return the classes people stand for: of 2014 observe, recognise and identify."""
    low, high = CLASS_RANGE_PX_PER_M
    return tuple(one for one in edition.classes if low <= one.min_px_per_m <= high)


def places_at(model: CameraModel, reach_m: float) -> Floats:
    """
    Find where a face is exactly so deep in the picture (an f-theta lens: so far away).

    Parameters
    ----------
    model
        The camera.
    reach_m
        Depth along the optical axis, or distance along the ray of an f-theta lens.

    Returns
    -------
    xy_m
        In the model's ground coordinates, those nearest to the axis first, shape (N, 2).
    """
    drop = model.height_m - FACE_M
    azimuth, tilt = math.radians(model.azimuth_deg), math.radians(model.tilt_deg)
    ahead = np.array([math.sin(azimuth), math.cos(azimuth)])
    right = np.array([ahead[1], -ahead[0]])
    foot = np.array([model.x_m, model.y_m])
    if model.lens is Lens.F_THETA:
        if reach_m <= abs(drop):
            return np.empty((0, 2))
        level = math.sqrt(reach_m**2 - drop**2)
        turns = np.radians(BEARINGS_DEG)[:, None]
        return np.asarray(foot + level * (np.cos(turns) * ahead + np.sin(turns) * right))
    if math.cos(tilt) < 0.05:  # noqa: PLR2004 -- straight down: no ground lies ahead
        return np.empty((0, 2))
    level = (reach_m - drop * math.sin(tilt)) / math.cos(tilt)
    aside = np.array(SHARES)[:, None] * reach_m * model.width_px / model.f_px
    places: Floats = foot + level * ahead + aside * right
    return places if level > 0 else np.empty((0, 2))


class _Stage:
    """The site as a place to stand: what is free, in sight and public."""

    def __init__(self, site: Site, scene: Scene, model: CameraModel) -> None:
        self.site, self.scene, self.model = site, scene, model
        self.public = shapely.union_all([area.polygon for area in site.public_areas])
        here = Point(model.x_m, model.y_m).buffer(MAX_REACH_M + 50)
        solid: list[BaseGeometry] = [one.polygon for one in site.buildings]
        solid += [lamp.point.buffer(0.3) for lamp in site.lamp_posts]
        solid += [tree.point.buffer(0.4) for tree in site.trees]
        self.solid = shapely.union_all([one for one in solid if one.intersects(here)])
        self.boxes: list[BaseGeometry] = []  # taken parts of the picture
        shapely.prepare((self.public, self.solid))

    def pixels(self, xy: Floats, heights: Sequence[float]) -> Floats:
        """Project one place at several heights, shape (K, 2)."""
        points = np.array([[*xy, height] for height in heights])
        return self.model.project(points)[0]

    def in_view(self, xy: Floats, heights: Sequence[float]) -> bool:
        """Whether all these heights fall well inside the image and nothing hides them."""
        points = np.array([[*xy, height] for height in heights])
        pixels, _ = self.model.project(points)
        size = np.array([self.model.width_px, self.model.height_px])
        well = (pixels > 0.015 * size).all() and (pixels < 0.985 * size).all()
        if not well or not self.model.is_in_view(points).all():
            return False
        eye = (self.model.x_m, self.model.y_m, self.model.height_m)
        return bool(self.scene.is_visible(eye, self.scene.targets(points)).all())

    def is_free(self, footprint: BaseGeometry, picture: BaseGeometry) -> bool:
        """Whether nothing stands there and nobody is hidden or hides in the picture."""
        if self.solid.intersects(footprint):
            return False
        return not any(picture.intersects(taken) for taken in self.boxes)


def cast(site: Site, scene: Scene, model: CameraModel, edition: Edition) -> Cast:
    """
    Put people and a car before a camera.

    Parameters
    ----------
    site
        The park.
    scene
        Its buildings.
    model
        The camera at its own image size, in RD New.
    edition
        Whose classes count.
    """
    stage = _Stage(site, scene, model)
    classes = shown_classes(edition)
    found, missing = [], []
    for number, wanted in reversed(list(enumerate(classes))):  # the nearest takes most room
        one = _person(stage, wanted, WARDROBE[number % len(WARDROBE)])
        if one is None:
            missing.append(wanted)
        else:
            found.append(one)
    lower = [one for one in edition.classes if one.min_px_per_m < classes[0].min_px_per_m]
    for wanted in (*classes, *reversed(lower)):
        car = _car(stage, wanted, edition)
        if car is not None:
            found.append(car)
            break
    return Cast(tuple(found), tuple(reversed(missing)))


def _person(stage: _Stage, wanted: DensityClass, clothes: Clothes) -> Figurant | None:
    """Find the best place of one class and put a person there, facing the camera."""
    model = stage.model
    reach = wanted.reach_m(model.f_px)
    if reach > MAX_REACH_M:
        return None
    ranked = []
    for order, xy in enumerate(places_at(model, reach)):
        is_whole = stage.in_view(xy, (0.05, 0.9, FACE_M, PERSON_M))
        if not is_whole and not stage.in_view(xy, (1.3, FACE_M, PERSON_M)):
            continue
        footprint, picture = Point(xy).buffer(CLEAR_M), _picture_box(stage, xy, PERSON_M, 0.9)
        if stage.is_free(footprint, picture):
            is_public = bool(stage.public.contains(Point(xy)))
            ranked.append((not is_whole, not is_public, order, xy, picture))
    if not ranked:
        return None
    not_whole, not_public, _, xy, picture = min(ranked, key=lambda one: one[:3])
    stage.boxes.append(picture)
    stage.solid = stage.solid.union(Point(xy).buffer(CLEAR_M))
    toward = math.degrees(math.atan2(model.x_m - xy[0], model.y_m - xy[1])) + 25.0
    mesh = place(stander(clothes, height_m=PERSON_M), _local(stage, xy), toward)
    whole = (not not_public, not not_whole)
    return _figurant(stage, Role.PERSON, wanted, xy, (mesh, *whole))


def _car(stage: _Stage, wanted: DensityClass, edition: Edition) -> Figurant | None:
    """Put a car about as far as a class reaches: in a bay, or on the road along it."""
    reach = wanted.reach_m(stage.model.f_px)
    if reach > MAX_REACH_M:
        return None
    for xy in np.vstack([places_at(stage.model, share * reach) for share in CAR_SHARES]):
        at, heading = _parked(stage, xy)
        if at is None:
            continue
        azimuth = math.radians(heading)
        ahead = np.array([math.sin(azimuth), math.cos(azimuth)])
        side = np.array([ahead[1], -ahead[0]])
        half = (CAR_LENGTH_M / 2 * ahead, CAR_WIDTH_M / 2 * side)
        corners = [at + a * half[0] + b * half[1] for a, b in ((1, 1), (1, -1), (-1, -1), (-1, 1))]
        footprint = Polygon(corners).buffer(0.3)
        picture = _picture_box(stage, at, CAR_HEIGHT_M, 4.4)
        seen = all(stage.in_view(one, (0.1, 0.9)) for one in (at, *corners))
        if seen and stage.is_free(footprint, picture):
            mesh = place(vehicle(HATCHBACK, CAR_PAINT), _local(stage, at), heading)
            stage.boxes.append(picture)
            one = _figurant(stage, Role.CAR, wanted, at, (mesh, True, True))
            return replace(one, wanted=edition.class_at(one.density_px_per_m) or edition.classes[0])
    return None


def _parked(stage: _Stage, xy: Floats) -> tuple[Floats | None, float]:
    """Return where a car would stand near a place, and its azimuth; None off road and parking."""
    for area in stage.site.public_areas:
        if not area.polygon.contains(Point(xy)):
            continue
        if area.kind is AreaKind.PARKING and (marked := bays(area.polygon)):
            bay = min(marked, key=lambda one: math.hypot(one.x_m - xy[0], one.y_m - xy[1]))
            return np.array([bay.x_m, bay.y_m]), bay.azimuth_deg
        if area.kind in {AreaKind.CARRIAGEWAY, AreaKind.PARKING}:
            ring = shapely.get_coordinates(area.polygon.exterior)
            edges = np.diff(ring, axis=0)
            near = shapely.distance(
                shapely.linestrings(np.stack((ring[:-1], ring[1:]), axis=1)), Point(xy)
            )
            long = np.linalg.norm(edges, axis=1) > CAR_LENGTH_M
            if long.any():
                along = edges[int(np.argmin(np.where(long, near, np.inf)))]
                return xy, math.degrees(math.atan2(along[0], along[1])) % 360
    return None, 0.0


def _picture_box(stage: _Stage, xy: Floats, height_m: float, width_m: float) -> BaseGeometry:
    """Return the part of the picture that one takes, with the label above."""
    pixels = stage.pixels(xy, (0.0, height_m))
    density = float(stage.model.pixel_density_px_per_m(np.array([[*xy, 1.0]]))[0])
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    body, wide, tall = width_m * density / 2, *(np.array(LABEL_SHARE) * stage.model.width_px)
    middle = pixels[1, 0]
    label = box(middle - wide / 2, pixels[1, 1] - tall, middle + wide / 2, pixels[1, 1])
    return box(low[0] - body, low[1], high[0] + body, high[1]).union(label)


def _local(stage: _Stage, xy: Floats) -> tuple[float, float]:
    """Turn RD New into scene coordinates."""
    return float(xy[0] - stage.model.x_m), float(xy[1] - stage.model.y_m)


def _figurant(
    stage: _Stage, role: Role, wanted: DensityClass, xy: Floats, built: tuple[Mesh, bool, bool]
) -> Figurant:
    """Write down who stands there."""
    height = FACE_M if role is Role.PERSON else CAR_HEIGHT_M / 2
    density = stage.model.pixel_density_px_per_m(np.array([[*xy, height]]))
    away = math.hypot(*_local(stage, xy))
    where = (float(xy[0]), float(xy[1]))
    mesh, is_public, is_whole = built
    return Figurant(role, wanted, where, away, float(density[0]), is_public, is_whole, mesh)
