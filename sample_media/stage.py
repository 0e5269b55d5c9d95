"""
What stands still in a sample recording: the scene, its lights and what they light.

Scene coordinates are metres east, north and up from the foot of the camera.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from light import SUN_M, Canvas, Light, irradiance
from scenarios import Clip, LightMode

from parkwacht_config.site import Site
from parkwacht_coverage.camera import CameraModel
from parkwacht_coverage.preview.ground import bays
from parkwacht_coverage.preview.raster import Mesh, place
from parkwacht_coverage.preview.scenery import build_scene
from parkwacht_coverage.preview.surfaces import Surfaces, look_at, near_infrared, shadow, shrink
from parkwacht_coverage.preview.vehicles import vehicle

SIZE = (1280, 720)
SKY = {
    LightMode.INFRARED: (0.004, 0.004, 0.004),
    LightMode.LAMPS: (0.012, 0.011, 0.012),
    LightMode.DAY: (0.62, 0.72, 0.9),
}
AMBIENT = {
    LightMode.INFRARED: (0.015, 0.015, 0.015),
    LightMode.LAMPS: (0.10, 0.093, 0.095),
    LightMode.DAY: (0.75, 0.85, 1.05),
}
SUN_AZIMUTH_DEG, SUN_ELEVATION_DEG = 226.0, 13.0
LAMP_REACH_M = 75.0


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that stands still in a recording."""

    clip: Clip
    model: CameraModel  # its foot at the scene's origin
    origin_m: tuple[float, float]
    seen: Surfaces
    lights: tuple[Light, ...]
    base: Canvas  # ambient light, sky and lights without shadow
    lit: tuple[Canvas, ...]  # one picture per light that casts shadows or flickers
    is_ground: Canvas
    parked: tuple[Mesh, ...]


def to_scene(model: CameraModel, right: float, ahead: float) -> tuple[float, float]:
    """Turn metres right of and ahead of a camera into scene coordinates."""
    azimuth = math.radians(model.azimuth_deg)
    sin, cos = math.sin(azimuth), math.cos(azimuth)
    return right * cos + ahead * sin, -right * sin + ahead * cos


def model_of(site: Site, camera_id: str, size: tuple[int, int] = SIZE) -> CameraModel:
    """Return the model of a camera at the size of a recording."""
    camera = site.camera(camera_id)
    if camera is None:
        message = f"{camera_id}: no such camera in {site.path}"
        raise SystemExit(message)
    return CameraModel.of(camera, site.camera_types[camera.type_id]).scaled_to(*size)


def lights_of(site: Site, clip: Clip, model: CameraModel) -> tuple[Light, ...]:
    """Return the standing lights of a recording."""
    if clip.mode is LightMode.DAY:
        azimuth, rise = math.radians(SUN_AZIMUTH_DEG), math.radians(SUN_ELEVATION_DEG)
        flat = SUN_M * math.cos(rise)
        sun = (flat * math.sin(azimuth), flat * math.cos(azimuth), SUN_M * math.sin(rise))
        bright = SUN_M**2
        return (Light(sun, (3.2 * bright, 2.8 * bright, 2.2 * bright)),)
    infrared = clip.mode is LightMode.INFRARED
    power, tint = (0.006, (1.0, 1.0, 1.0)) if infrared else (0.075, (1.0, 0.88, 0.68))
    lights = []
    for lamp in site.lamp_posts:
        x, y = lamp.point.x - model.x_m, lamp.point.y - model.y_m
        if math.hypot(x, y) < LAMP_REACH_M:
            r, g, b = (power * lamp.intensity_cd * share for share in tint)
            flickers = lamp.id == clip.flickering_lamp_id
            lights.append(Light((x, y, lamp.height_m), (r, g, b), flickers=flickers))
    if infrared:
        ahead = model.axes()[2]
        beam = ((float(ahead[0]), float(ahead[1]), float(ahead[2])), 0.75, 0.5)
        eye = (0.0, 0.0, model.height_m - 0.08)
        lights.append(Light(eye, (520.0,) * 3, beam, casts_shadow=False))
    return tuple(lights)


def park_cars(site: Site, clip: Clip, model: CameraModel) -> list[tuple[Mesh, tuple[float, float]]]:
    """Put the parked cars of a recording into the scene, with their ground points."""
    every = [
        bay for area in site.public_areas for bay in bays(area.polygon) if "parking" in area.kind
    ]
    taken = []
    for car in clip.parked:
        x, y = to_scene(model, *car.at)
        heading = model.azimuth_deg + (car.heading_deg or 0.0)
        if car.heading_deg is None:
            bay = min(
                every, key=lambda bay: math.hypot(bay.x_m - model.x_m - x, bay.y_m - model.y_m - y)
            )
            x, y, heading = bay.x_m - model.x_m, bay.y_m - model.y_m, bay.azimuth_deg
        taken.append((place(vehicle(car.body, car.paint), (x, y), heading), (x, y)))
    return taken


def reflectance(clip: Clip, rgb: Canvas) -> Canvas:
    """Return reflectance as the camera's mode sees it."""
    return near_infrared(rgb) if clip.mode is LightMode.INFRARED else rgb


def set_stage(
    site: Site, clip: Clip, size: tuple[int, int] = SIZE
) -> tuple[Stage, list[tuple[float, float]]]:
    """Draw and light everything that stands still; also return where the parked cars stand."""
    at_home = model_of(site, clip.camera_id, size)
    cars = park_cars(site, clip, at_home)
    lights = lights_of(site, clip, at_home)
    # the recordings in this folder were drawn before the park's trees were on its map
    parts = build_scene(replace(site, trees=()), at_home)
    model = replace(at_home, x_m=0.0, y_m=0.0)
    seen = look_at(parts, [mesh for mesh, _ in cars], model)
    rgb = reflectance(clip, seen.rgb)
    sky = ~np.isfinite(seen.depth_m)
    rgb[sky] = 0
    ground = ((seen.position_m[..., 2] < 0.04) & ~sky).astype(np.float32)  # noqa: PLR2004
    is_ground = shrink(ground)
    base = rgb * np.array(AMBIENT[clip.mode], dtype=np.float32)
    base[sky] = SKY[clip.mode]
    lit = []
    for light in lights:
        one = rgb * irradiance(light, seen.position_m, seen.normals)
        if light.casts_shadow:
            picture = shrink(one)
            for mesh, _ in cars:
                darken(picture, picture.copy(), mesh, light, (model, is_ground))
            lit.append(picture)
        else:
            base += one
    picture = shrink(base)
    for mesh, _ in cars:
        contact(picture, mesh, (model, is_ground))
    stage = Stage(
        clip,
        model,
        (at_home.x_m, at_home.y_m),
        seen,
        lights,
        picture,
        tuple(lit),
        is_ground,
        tuple(mesh for mesh, _ in cars),
    )
    return stage, [xy for _, xy in cars]


def darken(
    picture: Canvas, one: Canvas, mesh: Mesh, light: Light, stage: tuple[CameraModel, Canvas]
) -> None:
    """Take a light away where an actor stands in it."""
    found = shadow(mesh, light.position_m, stage, 1.5)
    if found is not None:
        there, depth = found
        picture[there] -= 0.92 * depth[..., None] * one[there]


def contact(picture: Canvas, mesh: Mesh, stage: tuple[CameraModel, Canvas]) -> None:
    """Darken the ground under an actor: the sky does not reach it."""
    x, y = mesh.points_m[:, :2].mean(axis=0)
    found = shadow(mesh, (float(x), float(y), 40.0), stage, 4.0)
    if found is not None:
        there, depth = found
        picture[there] *= 1 - 0.6 * depth[..., None]
