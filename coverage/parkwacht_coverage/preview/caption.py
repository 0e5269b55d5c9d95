"""
What stands around the picture: labels of figurants, a legend of classes, and what was drawn.

Colours are those of Okabe and Ito, which colour-blind readers can tell apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from PIL import Image as PilImage
from PIL import ImageDraw, ImageFont

from parkwacht_config.text import Language, Text
from parkwacht_coverage.camera import CameraModel
from parkwacht_coverage.density import DensityClass
from parkwacht_coverage.preview.casting import CAR_HEIGHT_M, PERSON_M, Figurant, Role
from parkwacht_coverage.preview.picture import LitBy

Image = npt.NDArray[np.uint8]
Rgb = tuple[int, int, int]

CLASS_RGB: tuple[Rgb, ...] = ((86, 180, 233), (230, 159, 0), (0, 158, 115), (204, 121, 167))
PAPER, INK, FAINT, AMBER = (250, 250, 248), (28, 32, 38), (96, 102, 110), (160, 82, 0)
BADGES = {
    LitBy.DAYLIGHT: Text(nl="overdag", en="by day"),
    LitBy.LAMPS: Text(nl="'s nachts, bij de lampen", en="by night, by the lamps"),
    LitBy.INFRARED: Text(nl="'s nachts, infrarood aan", en="by night, infrared on"),
}


@dataclass(frozen=True, slots=True)
class Caption:
    """Lines of the strip: bold title, plain lines, warnings; and the legend's rows."""

    title: str
    lines: tuple[str, ...]
    warnings: tuple[str, ...]
    legend: tuple[tuple[DensityClass, str], ...]


def number(value: float, digits: int, language: Language) -> str:
    """Write a number with the language's decimal sign, without a last zero."""
    text = f"{value:.{digits}f}"
    text = text.removesuffix(".0")
    return text.replace(".", ",") if language is Language.NL else text


def _font(size_px: float, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """Open the font that comes with matplotlib."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    path = Path(mpl.get_data_path()) / "fonts" / "ttf" / name
    return ImageFont.truetype(str(path), max(8, round(size_px)))


def class_colour(classes: Sequence[DensityClass], wanted: DensityClass) -> Rgb:
    """Return a class's colour; grey for one that is not in the legend."""
    ids = [one.id for one in classes]
    return CLASS_RGB[ids.index(wanted.id) % len(CLASS_RGB)] if wanted.id in ids else (150, 156, 164)


def label_of(figurant: Figurant, language: Language) -> str:
    """Write a figurant's label: class, distance over the ground and density."""
    away = number(figurant.distance_m, 0 if figurant.distance_m >= 10 else 1, language)  # noqa: PLR2004
    density = number(figurant.density_px_per_m, 1, language)
    name = figurant.wanted.name.to(language)
    if figurant.role is Role.CAR:
        name = "auto" if language is Language.NL else "car"
    return f"{name} · {away} m · {density} px/m"


def draw_labels(
    rgb: Image,
    model: CameraModel,
    figurants: Sequence[Figurant],
    classes: Sequence[DensityClass],
    language: Language,
) -> Image:
    """
    Write above each figurant who it is.

    Parameters
    ----------
    rgb
        The picture, shape (H, W, 3).
    model
        The camera at the picture's size, in RD New.
    figurants
        Those that stand in it.
    classes
        Those of the legend, for their colours.
    language
        Of the labels.
    """
    picture = PilImage.fromarray(rgb)
    pen = ImageDraw.Draw(picture, "RGBA")
    font = _font(max(12.0, 0.0125 * model.width_px))
    for one in figurants:
        height = PERSON_M if one.role is Role.PERSON else CAR_HEIGHT_M
        top = model.project(np.array([[*one.xy_m, height]]))[0][0]
        text = label_of(one, language)
        left, up, right, down = font.getbbox(text)
        width, tall = right - left, down - up
        pad = 0.35 * tall
        x = float(np.clip(top[0] - width / 2, pad + 2, model.width_px - width - pad - 2))
        y = float(max(top[1] - 2.4 * tall, pad + 2))
        frame = (x - pad, y - pad, x + width + pad, y + tall + pad)
        colour = class_colour(classes, one.wanted)
        pen.line((top[0], frame[3], top[0], max(top[1] - 2, frame[3])), fill=colour, width=2)
        pen.rounded_rectangle(frame, radius=pad, fill=(16, 20, 26, 205), outline=colour, width=2)
        pen.text((x - left, y - up), text, font=font, fill=(255, 255, 255))
    return np.asarray(picture)


def draw_badge(rgb: Image, text: str) -> Image:
    """Write in the corner of a picture what it is lit by."""
    picture = PilImage.fromarray(rgb)
    pen = ImageDraw.Draw(picture, "RGBA")
    size = max(13.0, 0.0155 * rgb.shape[1])
    font = _font(size, bold=True)
    _, up, right, down = font.getbbox(text)
    frame = (0.8 * size, 0.8 * size, 2.0 * size + right, 1.8 * size + down - up)
    pen.rounded_rectangle(frame, radius=0.4 * size, fill=(16, 20, 26, 190))
    pen.text((1.4 * size, 1.3 * size - up), text, font=font, fill=(255, 255, 255))
    return np.asarray(picture)


def compose(pictures: Sequence[Image], caption: Caption) -> Image:
    """
    Put pictures side by side over a strip with what was drawn and the legend.

    Parameters
    ----------
    pictures
        Of one size, shape (H, W, 3) each.
    caption
        What the strip says.
    """
    height, each = pictures[0].shape[:2]
    gap = max(4, each // 160) if len(pictures) > 1 else 0
    width = each * len(pictures) + gap * (len(pictures) - 1)
    unit = max(11.0, min(0.0125 * width, 0.021 * each))
    n_lines = 1 + max(len(caption.lines) + len(caption.warnings), len(caption.legend))
    strip = round((1.55 * n_lines + 1.7) * unit)
    sheet = PilImage.new("RGB", (width, height + strip), PAPER)
    for place, picture in enumerate(pictures):
        sheet.paste(PilImage.fromarray(picture), (place * (each + gap), 0))
    pen = ImageDraw.Draw(sheet)
    y = height + 0.75 * unit
    pen.text((unit, y), caption.title, font=_font(1.15 * unit, bold=True), fill=INK)
    for line, colour in [(one, INK) for one in caption.lines] + [
        (one, AMBER) for one in caption.warnings
    ]:
        y += 1.55 * unit
        pen.text((unit, y + 0.2 * unit), line, font=_font(unit), fill=colour)
    _draw_legend(pen, caption, (width, height), unit)
    return np.asarray(sheet)


def _draw_legend(
    pen: ImageDraw.ImageDraw, caption: Caption, corner: tuple[int, int], unit: float
) -> None:
    """Write the classes at the right of the strip."""
    classes = [one for one, _ in caption.legend]
    font = _font(unit)
    wide = max((font.getlength(text) for _, text in caption.legend), default=0.0)
    left = corner[0] - wide - 2.6 * unit
    y = corner[1] + 0.75 * unit
    for one, text in caption.legend:
        y += 1.55 * unit
        colour = class_colour(classes, one)
        pen.rectangle((left, y + 0.25 * unit, left + unit, y + 1.25 * unit), fill=colour)
        pen.text((left + 1.6 * unit, y + 0.2 * unit), text, font=font, fill=INK)
