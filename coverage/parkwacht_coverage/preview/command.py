"""
The preview from end to end, for a command line: find the camera, draw, write one PNG.

The command itself, `parkwacht preview`, is in `parkwacht_api.cli_preview`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image as PilImage
from rich.console import Console
from rich.markup import escape

from parkwacht_config.errors import CoverageError
from parkwacht_config.site import Camera, CameraType, Lens, PrivacyMask, Site
from parkwacht_config.text import Language, Text
from parkwacht_coverage.camera import CameraModel
from parkwacht_coverage.density import Edition, find_edition
from parkwacht_coverage.preview.caption import (
    BADGES,
    Caption,
    compose,
    draw_badge,
    draw_labels,
    number,
)
from parkwacht_coverage.preview.casting import Cast, cast, shown_classes
from parkwacht_coverage.preview.picture import Exposed, LightMode, expose, take, wall_ahead_m
from parkwacht_coverage.visibility import Scene

Image = npt.NDArray[np.uint8]

NEAR_WALL_M = 2.0  # a wall so near on the axis is worth a warning
DEFAULT_WIDTH_PX = 1280
CARDINAL_NL = ("N", "NO", "O", "ZO", "Z", "ZW", "W", "NW")
CARDINAL_EN = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")


@dataclass(frozen=True, slots=True)
class PreviewRequest:
    """
    What the command is asked.

    `edition_id` None takes that of the park's goals; `width_px` is that of each picture, at most
    the camera's own.
    """

    site: Site
    camera: Camera
    out: Path
    on: date
    modes: tuple[LightMode, ...] = tuple(LightMode)
    masks: tuple[PrivacyMask, ...] = ()
    with_labels: bool = True
    edition_id: str | None = None
    width_px: int = DEFAULT_WIDTH_PX
    language: Language = Language.NL


@dataclass(frozen=True, slots=True)
class Preview:
    """What came out: the sheet, shape (H, W, 3), who stands in it and what to warn of."""

    sheet: Image
    cast: Cast
    warnings: tuple[Text, ...]


def run_preview(request: PreviewRequest, console: Console) -> Preview:
    """
    Draw a camera's view, write it and print what is in it.

    Parameters
    ----------
    request
        What is asked.
    console
        Where progress, warnings and the file are shown.

    Raises
    ------
    CoverageError
        The camera stands inside a building, its type sees no light, or the file cannot be written.
    """
    say = request.language
    with console.status(Text(nl="Tekenen", en="Drawing").to(say)) as status:
        preview = make_preview(request, lambda text: status.update(text.to(say)))
    for warning in preview.warnings:
        console.print(f"[bold yellow]! {escape(warning.to(say))}[/]")
    write_png(preview.sheet, request.out)
    done = Text(nl="Geschreven:", en="Written:").to(say)
    console.print(f"{done} {escape(str(request.out))}", soft_wrap=True)
    return preview


def make_preview(
    request: PreviewRequest, on_step: Callable[[Text], None] = lambda _: None
) -> Preview:
    """
    Draw a camera's view: pictures, labels, caption and legend.

    Parameters
    ----------
    request
        What is asked.
    on_step
        Told what is being done.

    Raises
    ------
    CoverageError
        The camera stands inside a building or its type sees no light.
    """
    site, camera = request.site, request.camera
    camera_type = site.camera_types[camera.type_id]
    whole = CameraModel.of(camera, camera_type)
    width = min(request.width_px, whole.width_px)
    model = whole.scaled_to(width, round(width * whole.height_px / whole.width_px))
    scene = Scene(site.buildings)
    _check_place(scene, camera, camera_type)
    edition = find_edition(request.edition_id or site.goals.edition)
    on_step(Text(nl="Mensen en een auto neerzetten", en="Placing people and a car"))
    players = cast(site, scene, whole, edition)
    on_step(Text(nl="Gebouwen, wegen en bomen tekenen", en="Drawing buildings, roads and trees"))
    meshes = [one.mesh for one in players.figurants]
    shot = take(site, scene, (whole, model), camera_type, meshes)
    masks = [mask for mask in request.masks if mask.camera_id == camera.id]
    pictures = []
    for mode in request.modes:
        on_step(Text(nl=f"Belichten: {_MODES[mode].nl}", en=f"Exposing: {_MODES[mode].en}"))
        pictures.append(_finish(request, model, players, expose(shot, mode, masks)))
    warnings = _warnings(scene, whole, players)
    caption = _caption(request, (whole, model), edition, warnings)
    return Preview(compose(pictures, caption), players, warnings)


_MODES = {
    LightMode.DAY: Text(nl="overdag", en="by day"),
    LightMode.NIGHT: Text(nl="'s nachts", en="by night"),
}


def _finish(request: PreviewRequest, model: CameraModel, players: Cast, exposed: Exposed) -> Image:
    """Add labels and the badge to one picture."""
    rgb = exposed.rgb
    if request.with_labels:
        classes = shown_classes(find_edition(request.edition_id or request.site.goals.edition))
        rgb = draw_labels(rgb, model, players.figurants, classes, request.language)
    return draw_badge(rgb, BADGES[exposed.lit_by].to(request.language))


def _check_place(scene: Scene, camera: Camera, camera_type: CameraType) -> None:
    """Refuse what cannot give a picture."""
    inside = scene.building_at(camera.x_m, camera.y_m, camera.height_m)
    if inside is not None:
        label = inside.name or inside.id
        text = Text(
            nl=f"{camera.id}: de camera staat in gebouw {label} (hoogte {inside.height_m:g} m), "
            f"op {camera.height_m:g} m: zet haar buiten de gevel",
            en=f"{camera.id}: the camera stands inside building {label} (height "
            f"{inside.height_m:g} m), at {camera.height_m:g} m: put it outside the facade",
        )
        raise CoverageError(text)
    if camera_type.is_thermal:
        text = Text(
            nl=f"{camera.id}: {camera_type.id} is een warmtebeeldcamera; een voorbeeld in licht "
            "zou niet kloppen. Kies met --type een ander type",
            en=f"{camera.id}: {camera_type.id} is a thermal camera; a preview in light would be "
            "wrong. Choose another type with --type",
        )
        raise CoverageError(text)


def _warnings(scene: Scene, model: CameraModel, players: Cast) -> tuple[Text, ...]:
    """Gather what the user should know about this aim."""
    found = []
    wall = wall_ahead_m(scene, model, within_m=NEAR_WALL_M)
    if wall is not None:
        found.append(
            Text(
                nl=f"kijkt tegen een muur op {number(wall, 1, Language.NL)} m",
                en=f"looks at a wall at {number(wall, 1, Language.EN)} m",
            )
        )
    found += [_why_missing(model, one.name, one.reach_m(model.f_px)) for one in players.missing]
    return tuple(found)


def _why_missing(model: CameraModel, name: Text, reach_m: float) -> Text:
    """Say why nobody stands at the distance of a class."""
    nl, en = f"{name.nl} (op {reach_m:.0f} m)", f"{name.en} (at {reach_m:.0f} m)"
    if model.lens is Lens.RECTILINEAR and reach_m < model.nearest_visible_m(1.5):
        return Text(
            nl=f"{nl}: ligt in de dode hoek onder de camera, nergens in beeld",
            en=f"{en}: lies in the blind zone under the camera, nowhere in the image",
        )
    return Text(nl=f"{nl}: geen plek in zicht om te staan", en=f"{en}: no place in sight to stand")


def _caption(
    request: PreviewRequest,
    models: tuple[CameraModel, CameraModel],
    edition: Edition,
    warnings: Sequence[Text],
) -> Caption:
    """Write the strip."""
    say, camera = request.language, request.camera
    whole, model = models
    kind = request.site.camera_types[camera.type_id]
    mm = camera.focal_length_mm or kind.focal_length_mm
    nl = say is Language.NL
    compass = (CARDINAL_NL if nl else CARDINAL_EN)[round(camera.azimuth_deg / 45) % 8]
    lens = f"{number(mm, 1, say)} mm, {whole.hfov_deg:.0f}° x {whole.vfov_deg:.0f}°"
    height, azimuth, tilt = (
        number(value, 1, say) for value in (camera.height_m, camera.azimuth_deg, camera.tilt_deg)
    )
    aim = Text(
        nl=f"hoogte {height} m, richting {azimuth}° ({compass}), neiging {tilt}°",
        en=f"height {height} m, azimuth {azimuth}° ({compass}), tilt {tilt}°",
    )
    drawn = Text(
        nl=f"Getekend uit het model van {request.site.name}, geen opname; "
        f"{request.on:%d-%m-%Y}; {model.width_px} van {whole.width_px} beeldpunten breed",
        en=f"Drawn from the model of {request.site.name}, no recording; "
        f"{request.on:%Y-%m-%d}; {model.width_px} of {whole.width_px} pixels wide",
    )
    lines = (f"{kind.name}; {lens}; {aim.to(say)}", drawn.to(say), edition.title)
    legend = tuple(
        (
            one,
            f"{one.name.to(say)}: {number(one.min_px_per_m, 1, say)} px/m, "
            f"{'tot' if nl else 'to'} {number(one.reach_m(whole.f_px), 0, say)} m",
        )
        for one in shown_classes(edition)
    )
    shown = tuple(warning.to(say) for warning in warnings)
    return Caption(f"{camera.name} ({camera.id})", lines, shown, legend)


def write_png(sheet: Image, path: Path) -> None:
    """
    Write a sheet; the same sheet gives the same bytes.

    Raises
    ------
    CoverageError
        The file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        PilImage.fromarray(sheet).save(path, format="PNG", optimize=True)
    except OSError as error:
        raise CoverageError(
            Text(
                nl=f"{path} kan niet worden geschreven: {error}",
                en=f"{path} cannot be written: {error}",
            )
        ) from error
