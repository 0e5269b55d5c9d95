"""
What every pixel shows: the surface it falls on, and who stands in front of it.

Positions are scene coordinates, metres from the foot of the camera; pictures are drawn
supersampled and averaged by `shrink`.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from parkwacht_config.site import Lens
from parkwacht_coverage.camera import CameraModel
from parkwacht_coverage.preview.raster import Crop, Mesh, draw
from parkwacht_coverage.preview.render import CLIP_M, Part, Pass, render

Canvas = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]
SUPERSAMPLING = 2


@dataclass(frozen=True, slots=True)
class Surfaces:
    """What is seen per pixel: position, normal (H, W, 3), reflectance, depth (H, W), inf = sky."""

    position_m: Canvas
    normals: Canvas
    rgb: Canvas
    depth_m: Canvas


def linear(rgb: Image) -> Canvas:
    """Turn displayed colours into linear reflectance."""
    table = ((np.arange(256) / 255) ** 2.2).astype(np.float32)
    return np.asarray(table[rgb], dtype=np.float32)


def near_infrared(rgb: Canvas) -> Canvas:
    """Estimate near-infrared reflectance: foliage is bright, dyed cloth is seldom black."""
    grey = rgb @ np.array([0.35, 0.5, 0.15], dtype=np.float32)
    green = np.clip(rgb[..., 1] - np.maximum(rgb[..., 0], rgb[..., 2]), 0, None)
    value = np.where(grey > 1, grey, 0.85 * grey + 0.03 + 2.5 * green)
    return np.repeat(value[..., None], 3, axis=-1).astype(np.float32)


def look_at(
    parts: list[Part],
    parked: list[Mesh],
    model: CameraModel,
    *,
    clip_m: tuple[float, float] = CLIP_M,
) -> Surfaces:
    """
    Draw everything that stands still, supersampled.

    Parameters
    ----------
    parts
        The scene.
    parked
        Vehicles and people that stand in it.
    model
        The camera with its foot at the scene's origin, at the size of the picture.
    clip_m
        Nearest and farthest depth drawn.
    """
    big = model.scaled_to(SUPERSAMPLING * model.width_px, SUPERSAMPLING * model.height_px)
    colour = render(parts, big, what=Pass.COLOUR, clip_m=clip_m)
    normals = render(parts, big, what=Pass.NORMALS, clip_m=clip_m)
    v, u = np.mgrid[0 : big.height_px, 0 : big.width_px] + 0.5
    rays = big.rays(np.column_stack((u.ravel(), v.ravel())))
    if model.lens is Lens.RECTILINEAR:
        rays /= (rays @ big.axes()[2])[:, None]
    depth = colour.depth_m.astype(np.float32)
    reach = np.where(np.isfinite(depth), depth, clip_m[1]).reshape(-1, 1)
    position = (rays * reach + [0.0, 0.0, model.height_m]).reshape(*depth.shape, 3)
    seen = Surfaces(
        position.astype(np.float32),
        normals.rgb.astype(np.float32) / 127.5 - 1,
        linear(colour.rgb),
        depth,
    )
    for mesh in parked:
        crop = draw(mesh, model, supersampling=SUPERSAMPLING)
        if crop is not None:
            paste(seen, crop)
    return seen


def window(crop: Crop, shape: tuple[int, ...]) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return where a crop lies in an image of this shape, and which part of the crop that is."""
    height, width = crop.depth_m.shape
    top, left = max(0, crop.top), max(0, crop.left)
    bottom, right = min(shape[0], crop.top + height), min(shape[1], crop.left + width)
    bottom, right = max(top, bottom), max(left, right)
    there = (slice(top, bottom), slice(left, right))
    here = (slice(top - crop.top, bottom - crop.top), slice(left - crop.left, right - crop.left))
    return there, here


def paste(seen: Surfaces, crop: Crop) -> None:
    """Add a standing actor to the surfaces."""
    there, here = window(crop, seen.depth_m.shape)
    nearer = crop.depth_m[here] < seen.depth_m[there]
    seen.depth_m[there][nearer] = crop.depth_m[here][nearer]
    for k, layer in enumerate((seen.position_m, seen.normals, seen.rgb)):
        layer[there][nearer] = crop.values[here][nearer][:, 3 * k : 3 * k + 3]


def shrink(image: Canvas) -> Canvas:
    """Average supersampled pixels."""
    height, width = image.shape[:2]
    size = (width // SUPERSAMPLING, height // SUPERSAMPLING)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.float32)


def shadow(
    mesh: Mesh,
    light_m: tuple[float, float, float],
    stage: tuple[CameraModel, Canvas],
    soft_px: float,
) -> tuple[tuple[slice, slice], Canvas] | None:
    """
    Compute an actor's shadow on flat ground.

    Parameters
    ----------
    mesh
        The actor.
    light_m
        The light; it must stand higher than the actor.
    stage
        The camera at the size of the recording, and where it sees ground, shape (H, W), 0..1.
    soft_px
        Softness of the shadow's edge.

    Returns
    -------
    where, depth
        The part of the image and the depth of the shadow in it, 1 = dark; None outside the image.
    """
    model, is_ground = stage
    light = np.array(light_m)
    drop = light[2] / (light[2] - mesh.points_m[:, 2:3])
    crop = draw(
        replace(mesh, points_m=light + (mesh.points_m - light) * drop), model, supersampling=1
    )
    if crop is None:
        return None
    edge = int(4 * soft_px)
    mask = np.pad(np.isfinite(crop.depth_m).astype(np.float32), edge)
    crop = Crop(crop.left - edge, crop.top - edge, mask, crop.values)
    there, here = window(crop, is_ground.shape)
    soft = cv2.GaussianBlur(mask, (0, 0), soft_px)
    return there, np.asarray(soft[here] * is_ground[there], dtype=np.float32)
