"""
The picture itself: scene, figurants, light and exposure put together, by day and by night.

What stands still is drawn once, with the number of the figurant that every pixel shows; day and
night light the same surfaces. The camera's privacy masks are drawn black at the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import cv2
import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import Point

from parkwacht_config.site import CameraType, Lens, PrivacyMask, Site
from parkwacht_coverage.camera import CameraModel
from parkwacht_coverage.preview.exposure import develop, gain_of, signal_of
from parkwacht_coverage.preview.light import (
    NIGHT_SKY_LUX,
    SKY_RGB,
    SUN_RGB,
    Surroundings,
    infrared_lux,
    lamp_lux,
    sun_direction,
    sunshine,
    usable_lux,
)
from parkwacht_coverage.preview.raster import Mesh, draw
from parkwacht_coverage.preview.render import Part
from parkwacht_coverage.preview.scenery import build_scene
from parkwacht_coverage.preview.sky import HORIZON, day_sky
from parkwacht_coverage.preview.surfaces import (
    SUPERSAMPLING,
    Surfaces,
    look_at,
    near_infrared,
    paste,
    shadow,
    shrink,
    window,
)
from parkwacht_coverage.preview.trees import build_land
from parkwacht_coverage.visibility import Scene

Floats = npt.NDArray[np.float64]
Canvas = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int16]

NEAR_M, NEAR_WALL_M, FAR_M = 0.5, 0.05, 4000.0
HAZE_M = 1400.0
LAMP_TINT = (1.06, 1.0, 0.86)
DAY_COLOUR, NIGHT_COLOUR = 0.8, 0.55  # how much colour a camera keeps, by day and at full gain
DAY_NOISE = 0.02
NOBODY = -1


class LightMode(StrEnum):
    """When a picture is taken."""

    DAY = "day"
    NIGHT = "night"


class LitBy(StrEnum):
    """What lit a picture."""

    DAYLIGHT = "daylight"
    LAMPS = "lamps"
    INFRARED = "infrared"


@dataclass(frozen=True, slots=True)
class Shot:
    """
    A camera's surfaces, ready to be lit.

    `model` has its foot at the scene's origin and the size of the picture; `who` holds, per
    supersampled pixel, the number of the figurant it shows, or -1.
    """

    model: CameraModel
    camera_type: CameraType
    pixels_per_pixel: float
    seen: Surfaces
    who: Ints
    people: tuple[Mesh, ...]
    around: Surroundings

    def mask_of(self, number: int) -> npt.NDArray[np.bool_]:
        """Return where the picture shows a figurant, at least half a pixel, shape (H, W)."""
        share = shrink((self.who == number).astype(np.float32))
        return np.asarray(share >= 0.5)  # noqa: PLR2004


@dataclass(frozen=True, slots=True)
class Exposed:
    """One picture, shape (H, W, 3), and what it was lit by."""

    rgb: Image
    lit_by: LitBy


def take(
    site: Site,
    scene: Scene,
    models: tuple[CameraModel, CameraModel],
    camera_type: CameraType,
    people: Sequence[Mesh],
) -> Shot:
    """
    Draw what a camera has before it.

    Parameters
    ----------
    site
        The park.
    scene
        Its buildings, for light and shadow.
    models
        The camera at its own size and at that of the picture, both in RD New.
    camera_type
        Its type.
    people
        Figurants in scene coordinates.
    """
    whole, model = models
    here = Point(model.x_m, model.y_m)
    at_wall = any(one.polygon.distance(here) < 2 * NEAR_M for one in site.buildings)
    lamps = tuple(lamp for lamp in site.lamp_posts if lamp.point.distance(here) > 2 * NEAR_M)
    parts = build_scene(replace(site, lamp_posts=lamps), model)
    parts += build_land(float(shapely.hausdorff_distance(site.boundary, here)))
    origin = (model.x_m, model.y_m)
    around = Surroundings(scene, origin, site.lamp_posts, site.trees)
    clip = (NEAR_WALL_M if at_wall else NEAR_M, FAR_M)
    share = whole.width_px / model.width_px
    return shoot(
        parts, replace(model, x_m=0.0, y_m=0.0), camera_type, people, (around, clip, share)
    )


def shoot(
    parts: list[Part],
    model: CameraModel,
    camera_type: CameraType,
    people: Sequence[Mesh],
    setting: tuple[Surroundings, tuple[float, float], float],
) -> Shot:
    """Draw parts and people; `setting` is surroundings, depths drawn and pixels per pixel."""
    around, clip, share = setting
    seen = look_at(parts, [], model, clip_m=clip)
    who = np.full(seen.depth_m.shape, NOBODY, dtype=np.int16)
    for number, mesh in enumerate(people):
        crop = draw(mesh, model, supersampling=SUPERSAMPLING)
        if crop is not None:
            there, here = window(crop, who.shape)
            who[there][crop.depth_m[here] < seen.depth_m[there]] = number
            paste(seen, crop)
    return Shot(model, camera_type, share, seen, who, tuple(people), around)


def expose(shot: Shot, mode: LightMode, masks: Sequence[PrivacyMask] = ()) -> Exposed:
    """
    Light a shot and turn it into the camera's picture.

    Parameters
    ----------
    shot
        What the camera has before it.
    mode
        Day or night.
    masks
        Parts of the camera's own image that it makes black.
    """
    if mode is LightMode.DAY:
        signal = day_signal(shot)
        rgb = develop(
            signal / 0.35,
            gain=1.0,
            seed=1,
            pixels_per_pixel=shot.pixels_per_pixel / DAY_NOISE,
            mono=False,
        )
        lit_by = LitBy.DAYLIGHT
    else:
        signal, is_infrared = night_signal(shot)
        counted = shrink(np.isfinite(shot.seen.depth_m).astype(np.float32)) > 0.9  # noqa: PLR2004
        rgb = develop(
            signal + _lamp_glow(shot),
            gain=gain_of(signal, counted),
            seed=2,
            pixels_per_pixel=shot.pixels_per_pixel,
            mono=is_infrared,
        )
        lit_by = LitBy.INFRARED if is_infrared else LitBy.LAMPS
    _blacken(rgb, shot, masks)
    return Exposed(rgb, lit_by)


def day_signal(shot: Shot) -> Canvas:
    """Compute the radiance of every pixel by day, relative, shape (H, W, 3)."""
    seen, model = shot.seen, shot.model
    sky = ~np.isfinite(seen.depth_m)
    sunlit = sunshine(seen, shot.around)[..., None] * np.array(SUN_RGB, np.float32)
    dome = np.array(SKY_RGB, np.float32) * (0.62 + 0.38 * np.clip(seen.normals[..., 2:], -1, 1))
    away = seen.position_m - np.array([0.0, 0.0, model.height_m], np.float32)
    reach = np.sqrt(np.einsum("...k,...k->...", away, away))
    clear = np.exp(-np.minimum(reach, FAR_M) / HAZE_M)[..., None].astype(np.float32)
    own = DAY_COLOUR * seen.rgb + (1 - DAY_COLOUR) * seen.rgb.mean(axis=-1, keepdims=True)
    base = own * dome * clear + np.array(HORIZON, np.float32) * 0.8 * (1 - clear)
    sun = own * sunlit * clear
    base[sky] = day_sky((away / reach[..., None]).astype(np.float32))[sky]
    sun[sky] = 0
    picture, bright = shrink(base), shrink(sun)
    _add_shadows(shot, picture, bright)
    return _cut_circle(picture + bright, model)


def _add_shadows(shot: Shot, picture: Canvas, bright: Canvas) -> None:
    """Take the sun away behind figurants, and some of the sky under them."""
    far_sun = 1e5 * sun_direction()
    sun = (float(far_sun[0]), float(far_sun[1]), float(far_sun[2]))
    on_ground = (shot.seen.position_m[..., 2] < 0.04) & (shot.who == NOBODY)  # noqa: PLR2004
    on_ground &= np.isfinite(shot.seen.depth_m)
    stage = (shot.model, shrink(on_ground.astype(np.float32)))
    for mesh in shot.people:
        x, y = mesh.points_m[:, :2].mean(axis=0)
        for light, softness, layer, share in (
            (sun, 1.2, bright, 0.92),
            ((float(x), float(y), 40.0), 4.0, picture, 0.5),
        ):
            found = shadow(mesh, light, stage, softness)
            if found is not None:
                there, depth = found
                layer[there] *= 1 - share * depth[..., None]


def night_signal(shot: Shot) -> tuple[Canvas, bool]:
    """
    Compute the sensor's signal of every pixel by night, and whether infrared is on.

    The camera turns its infrared on where lamps and sky leave half of the ground it sees, within
    its infrared range, below usable light.

    Returns
    -------
    signal, is_infrared
        Shape (H, W, 3), 1 = a grey surface in just usable light.
    """
    seen = shot.seen
    sky = ~np.isfinite(seen.depth_m)
    usable = usable_lux(shot.camera_type)
    lux = lamp_lux(seen, shot.around) + np.float32(NIGHT_SKY_LUX)
    is_infrared = shot.camera_type.ir_range_m > 0 and _is_dark(shot, lux, usable)
    if is_infrared:
        light = (lux + infrared_lux(seen, shot.model, shot.camera_type))[..., None]
        back = near_infrared(seen.rgb) * light
    else:
        grey = seen.rgb.mean(axis=-1, keepdims=True)
        muted = grey + NIGHT_COLOUR * (seen.rgb - grey)
        back = muted * lux[..., None] * np.array(LAMP_TINT, dtype=np.float32)
    back[sky] = 0.15 * NIGHT_SKY_LUX
    return _cut_circle(shrink(signal_of(back, usable)), shot.model), is_infrared


def _is_dark(shot: Shot, lux: Canvas, usable: float) -> bool:
    """Return whether half of the near ground in the picture has less than usable light."""
    position = shot.seen.position_m
    away = np.hypot(position[..., 0], position[..., 1])
    near = np.isfinite(shot.seen.depth_m) & (position[..., 2] < 0.04)  # noqa: PLR2004
    near &= away <= shot.camera_type.ir_range_m
    return not near.any() or float(np.median(lux[near])) < usable


def _lamp_glow(shot: Shot) -> Canvas:
    """Draw the lamps themselves: a bright spot and its glow, where the camera sees them."""
    model, around = shot.model, shot.around
    glow = np.zeros((model.height_px, model.width_px), dtype=np.float32)
    home = np.array([*around.origin_m, 0.0])
    eye = (home[0], home[1], model.height_m)
    for lamp in around.lamps:
        at = np.array([[lamp.point.x, lamp.point.y, lamp.height_m - 0.08]])
        local = at - home
        away = float(np.linalg.norm(local[0] - [0.0, 0.0, model.height_m]))
        if away < 2 * NEAR_M or not model.is_in_view(local)[0]:
            continue
        if not around.scene.is_visible(eye, around.scene.targets(at))[0]:
            continue
        pixel = model.project(local)[0][0]
        size = max(0.16 * model.f_px / away, 0.8)
        strength = min(lamp.intensity_cd / 60.0 / max(away / 20.0, 0.5), 60.0)
        _add_spot(glow, pixel, size, strength)
    return glow[..., None] * np.array(LAMP_TINT, dtype=np.float32)


def _add_spot(glow: Canvas, pixel: Floats, size_px: float, strength: float) -> None:
    """Add one bright spot with the halo a lens makes of it."""
    reach = int(14 * size_px) + 12
    height, width = glow.shape
    x, y = int(pixel[0]), int(pixel[1])
    top, bottom = max(0, y - reach), min(height, y + reach)
    left, right = max(0, x - reach), min(width, x + reach)
    v, u = np.mgrid[top:bottom, left:right].astype(np.float32) + 0.5
    square = ((u - pixel[0]) ** 2 + (v - pixel[1]) ** 2) / size_px**2
    edge = np.clip(1 - square * size_px**2 / reach**2, 0, 1)
    glow[top:bottom, left:right] += strength * (
        np.exp(-square / 2) + 0.05 * edge / (1 + square / 4) ** 1.5
    )


def _cut_circle(picture: Canvas, model: CameraModel) -> Canvas:
    """Leave black what lies outside the circle an f-theta lens draws."""
    if model.lens is Lens.F_THETA:
        v, u = np.mgrid[0 : model.height_px, 0 : model.width_px] + 0.5
        away = np.hypot(u - model.width_px / 2, v - model.height_px / 2)
        picture[away > max(model.width_px, model.height_px) / 2 - 1] = 0
    return picture


def _blacken(rgb: Image, shot: Shot, masks: Sequence[PrivacyMask]) -> None:
    """Draw the camera's privacy masks."""
    for mask in masks:
        polygon = np.array(mask.polygon_px) / shot.pixels_per_pixel
        cv2.fillPoly(rgb, [np.round(polygon * 16).astype(np.int32)], (0, 0, 0), shift=4)


def wall_ahead_m(scene: Scene, model: CameraModel, *, within_m: float) -> float | None:
    """
    Find how near a wall stands on the optical axis.

    Parameters
    ----------
    scene
        The buildings.
    model
        The camera in RD New.
    within_m
        How far to look.

    Returns
    -------
    distance_m
        Along the axis; None where no wall stands so near.
    """
    eye = np.array([model.x_m, model.y_m, model.height_m])
    ahead = model.axes()[2]
    steps = np.arange(0.0, within_m + 0.005, 0.01)
    for step in steps:
        x, y, height = eye + step * ahead
        if scene.building_at(float(x), float(y), float(height)) is not None:
            return float(step)
    return None
