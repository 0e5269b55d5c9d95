"""
Privacy masks: which polygons of each camera's image are made black before anything is stored.

A mask covers everything the camera would show at observe or better of private ground outside the
purpose area, and of the walls of dwellings, as far as nothing stands in front (trees do not count:
they lose their leaves). It is grown a little, for the aim, and to have few corners; as little as
it takes to black out at most 1 % of the purpose ground that the camera shows at 12.5 px/m or better
(monitor of the 2014 edition) and within 200 m. Pieces under 1 pixel in area are left out. Masks
hold for the home aim of a camera. What stands on private ground and rises above its far edge in the
image is not covered. People on purpose ground just before masked ground lose their
heads in the image: `heads_lost_m2` is how much ground that is.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import Polygon, box
from shapely.geometry.base import BaseGeometry

from parkwacht_config.site import Building, BuildingUse, Camera, PrivacyMask, Site
from parkwacht_config.text import Language, Text
from parkwacht_coverage.camera import HEAD_HEIGHT_M, CameraModel
from parkwacht_coverage.density import DensityClass
from parkwacht_coverage.image_areas import (
    Area,
    ground_in_image,
    ground_of_image,
    polygonal,
    shown_ground,
    walls_in_image,
)
from parkwacht_coverage.privacy_ground import find_areas
from parkwacht_coverage.visibility import Scene

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

MAX_PURPOSE_LOSS = 0.01  # share of the purpose ground in the image that masks may cover
GROWTHS = (0.004, 0.002, 0.001, 0.0005, 0.00025)  # of the image's width, the widest first
SIMPLIFIED = 0.9  # of the growth: corners move by less than the mask was grown
MIN_AREA_PX2 = 1.0
MAX_ID_LENGTH = 63  # parkwacht_config.kinds.ID_PATTERN
PURPOSE_RANGE_M = 200.0
LOWEST_DENSITY_PX_PER_M = 12.5  # purpose ground shown less densely than this does not count

GROUND_REASON = Text(nl="privéterrein", en="private ground")
WALL_REASON = Text(nl="gevel van een woning", en="facade of a dwelling")


@dataclass(frozen=True, slots=True)
class MaskGround:
    """What is to be masked and what is not: polygons in EPSG:28992, and what stands there."""

    private: BaseGeometry
    purpose: BaseGeometry
    dwellings: tuple[Building, ...]
    scene: Scene

    @classmethod
    def of(cls, site: Site) -> "MaskGround":
        """Find what the masks of a park are about."""
        areas = find_areas(site)
        homes = tuple(one for one in site.buildings if one.use is BuildingUse.DWELLING)
        return cls(areas.private, areas.purpose, homes, Scene(site.buildings))


@dataclass(frozen=True, slots=True)
class CameraMasks:
    """
    The masks of one camera, and what they cost.

    `hidden` is what had to be covered, in pixels; `purpose_shown_m2` is the purpose ground in the
    image, `purpose_lost_m2` how much of it the masks cover, `heads_lost_m2` on how much of it they
    cover a face at 1.5 m.
    """

    masks: tuple[PrivacyMask, ...]
    hidden: Area
    purpose_shown_m2: float
    purpose_lost_m2: float
    heads_lost_m2: float


def make_masks(
    model: CameraModel,
    ground: MaskGround,
    density_class: DensityClass,
    *,
    language: Language = Language.NL,
) -> CameraMasks:
    """
    Make the privacy masks of a camera for visible light.

    Parameters
    ----------
    model
        The camera at its home aim; its id names the masks.
    ground
        What is to be masked.
    density_class
        Observe, or what the edition has nearest to it.
    language
        Of the reasons that the masks carry.

    Returns
    -------
    masks
        The largest first; none where nothing private shows.
    """
    density = density_class.threshold_px_per_m
    yards = _shown(model, ground, ground.private, density)
    walls = [
        walls_in_image(model, one, ground.scene, min_density_px_per_m=density)
        for one in _near(model, ground.dwellings, model.f_px / density)
    ]
    facades = shapely.union_all([_large(one) for one in walls]) if walls else Polygon()
    hidden = polygonal(shapely.union(_large(yards), facades))
    purpose = _shown(model, ground, ground.purpose, LOWEST_DENSITY_PX_PER_M)
    shown_m2 = ground_of_image(model, purpose).area
    pieces = _pieces(model, hidden, purpose, MAX_PURPOSE_LOSS * shown_m2)
    reasons = ((yards, GROUND_REASON), (facades, WALL_REASON))
    masks = tuple(
        PrivacyMask(
            id=mask_id(model.id, number),
            camera_id=model.id,
            polygon_px=_corners(piece),
            reason=", ".join(why.to(language) for area, why in reasons if area.intersects(piece)),
        )
        for number, piece in enumerate(pieces, start=1)
    )
    covered = shapely.union_all([Polygon(one.polygon_px) for one in masks])
    heads = _shown(model, ground, ground.purpose, LOWEST_DENSITY_PX_PER_M, HEAD_HEIGHT_M)
    return CameraMasks(
        masks=masks,
        hidden=hidden,
        purpose_shown_m2=shown_m2,
        purpose_lost_m2=ground_of_image(model, purpose & covered).area,
        heads_lost_m2=ground_of_image(model, heads & covered, at_height_m=HEAD_HEIGHT_M).area,
    )


def mask_id(camera_id: str, number: int) -> str:
    """Return the id of a camera's mask: a long camera id is cut, and told apart by its digest."""
    tail = f"_mask_{number}"
    if len(camera_id) + len(tail) > MAX_ID_LENGTH:
        digest = hashlib.sha256(camera_id.encode()).hexdigest()[:8]
        camera_id = f"{camera_id[: MAX_ID_LENGTH - len(tail) - len(digest) - 1]}_{digest}"
    return camera_id + tail


def area_behind_masks(model: CameraModel, masks: Iterable[PrivacyMask], points_m: Floats) -> Bools:
    """
    Find which points of the world a camera's masks make black.

    Parameters
    ----------
    model
        The camera.
    masks
        Its masks, in pixels of this model's image.
    points_m
        Points (x, y, height above ground), shape (N, 3), in metres.

    Returns
    -------
    is_behind
        Shape (N,), dtype bool; on the edge of a mask is behind it.
    """
    behind = np.zeros(len(points_m), dtype=np.bool_)
    regions = [Polygon(one.polygon_px) for one in masks]
    if not regions:
        return behind
    pixels, _ = model.project(points_m)
    inside = np.flatnonzero(model.is_in_image(pixels))
    for region in regions:
        shapely.prepare(region)
        behind[inside] |= shapely.intersects_xy(region, pixels[inside, 0], pixels[inside, 1])
    return behind


def to_camera_toml(cameras: Sequence[Camera], masks: Sequence[PrivacyMask]) -> str:
    """
    Write cameras and masks as the file that a park names in `camera_file`.

    Parameters
    ----------
    cameras
        With their presets.
    masks
        Of these cameras or of cameras in the park's own file.

    Returns
    -------
    text
        TOML that `parkwacht_config.loader.CameraFileTable` reads.
    """
    lines = [
        "# Cameras and privacy masks, written by Parkwacht; a park names it in camera_file.",
        "",
    ]
    for camera in cameras:
        lines += [
            "[[cameras]]",
            *_rows(camera.model_dump(exclude={"presets", "min_confidence"}, mode="json")),
            "",
        ]
        for preset in camera.presets:
            lines += ["[[cameras.presets]]", *_rows(preset.model_dump(mode="json")), ""]
    for mask in masks:
        lines += ["[[privacy_masks]]", *_rows(mask.model_dump(mode="json")), ""]
    return "\n".join(lines)


def _rows(values: dict[str, object]) -> list[str]:
    """Write keys and values as TOML; None is left out, strings and lists are written as in JSON."""
    return [
        f"{key} = {json.dumps(value, ensure_ascii=False)}".replace("\x7f", "\\u007f")
        for key, value in values.items()
        if value is not None
    ]


def _shown(
    model: CameraModel,
    ground: MaskGround,
    area: BaseGeometry,
    min_density_px_per_m: float,
    at_height_m: float = 0.0,
) -> Area:
    """Return where an area shows in the image, buildings in front taken out."""
    limit = shown_ground(
        model,
        at_height_m=at_height_m,
        max_range_m=PURPOSE_RANGE_M,
        min_density_px_per_m=min_density_px_per_m,
    )
    eye = (model.x_m, model.y_m, model.height_m)
    wanted = polygonal(area & limit)
    seen = ground.scene.visible_part(eye, wanted, at_height_m=at_height_m)
    return ground_in_image(model, seen, at_height_m=at_height_m)


def _near(model: CameraModel, dwellings: Sequence[Building], reach_m: float) -> list[Building]:
    """Return the dwellings of which a wall may be within reach, the corners of the image too."""
    corner = np.hypot(model.width_px, model.height_px) / 2 / model.f_px
    around = shapely.Point(model.x_m, model.y_m)
    range_m = reach_m * np.hypot(1.0, corner)
    return [one for one in dwellings if one.polygon.distance(around) <= range_m]


def _large(area: Area) -> Area:
    """Leave out the pieces that are less than a pixel."""
    parts = [one for one in shapely.get_parts(area) if one.area >= MIN_AREA_PX2]
    return polygonal(shapely.union_all(parts)) if parts else Polygon()


def _pieces(model: CameraModel, hidden: Area, purpose: Area, max_loss_m2: float) -> list[Polygon]:
    """Grow and simplify what is hidden, as widely as the loss allows, into rings without holes."""
    if hidden.is_empty:
        return []
    frame = box(0, 0, model.width_px, model.height_px)
    for growth in GROWTHS:
        grow_px = growth * model.width_px
        grown = hidden.buffer(grow_px, join_style="mitre", mitre_limit=2.0)
        area = polygonal(grown.simplify(grow_px * SIMPLIFIED).buffer(0) & frame)
        if ground_of_image(model, area & purpose).area <= max_loss_m2:
            break
    pieces = [ring for part in shapely.get_parts(area) for ring in _without_holes(part)]
    return sorted(pieces, key=lambda one: (-one.area, *one.bounds))


def _without_holes(polygon: Polygon) -> list[Polygon]:
    """Cut a polygon through its holes until none has one."""
    if not polygon.interiors:
        return [polygon] if polygon.area >= MIN_AREA_PX2 else []
    left, top, right, bottom = polygon.bounds
    x = Polygon(polygon.interiors[0]).representative_point().x
    halves = (box(left, top, x, bottom), box(x, top, right, bottom))
    parts = [one for half in halves for one in shapely.get_parts(polygonal(polygon & half))]
    return [ring for part in parts for ring in _without_holes(part)]


def _corners(piece: Polygon) -> tuple[tuple[float, float], ...]:
    """Return the corners of a ring in tenths of a pixel, the last not repeated."""
    return tuple((round(u, 1), round(v, 1)) for u, v in piece.exterior.coords[:-1])
