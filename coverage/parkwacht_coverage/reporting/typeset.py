"""Puts the chapters together and has typst set them: data as JSON, pictures as PNG."""

import json
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime, time
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
import typst

from parkwacht_coverage.reporting.access import access_chapter, incident_chapter
from parkwacht_coverage.reporting.certainty import method_chapter, robustness_chapter
from parkwacht_coverage.reporting.comparison import class_chapter, scenario_chapter
from parkwacht_coverage.reporting.dpia import dpia_annex
from parkwacht_coverage.reporting.first_page import first_page, subtitle
from parkwacht_coverage.reporting.guide import reading_guide
from parkwacht_coverage.reporting.kvo import kvo_chapter
from parkwacht_coverage.reporting.money import money_chapter
from parkwacht_coverage.reporting.privacy_annex import privacy_annex
from parkwacht_coverage.reporting.register import register_annex
from parkwacht_coverage.reporting.schedule import schedule_chapter, storage_chapter
from parkwacht_coverage.reporting.story import Story

if TYPE_CHECKING:
    from parkwacht_coverage.reporting.blocks import Block

CHAPTERS = (
    reading_guide,
    scenario_chapter,
    class_chapter,
    money_chapter,
    access_chapter,
    incident_chapter,
    schedule_chapter,
    storage_chapter,
    robustness_chapter,
    kvo_chapter,
    method_chapter,
    privacy_annex,
    dpia_annex,
    register_annex,
)


def tell(story: Story) -> dict[str, Any]:
    """Return everything the template shows."""
    say, site = story.words.say, story.study.site
    rest: list[Block] = [block for chapter in CHAPTERS for block in chapter(story)]
    return {
        "lang": story.words.language.value,
        "title": say(f"Cameratoezicht {site.name}", f"Camera surveillance at {site.name}"),
        "kicker": say(
            "HAALBAARHEIDSSTUDIE · DE BLADZIJDE OM OVER TE BESLISSEN",
            "FEASIBILITY STUDY · THE PAGE TO DECIDE ON",
        ),
        "subtitle": subtitle(story),
        "running": say(
            f"Haalbaarheidsstudie cameratoezicht {site.name}",
            f"Feasibility study of camera surveillance at {site.name}",
        ),
        "date": story.words.day(story.on),
        "footer": f"Parkwacht · {say('invoer', 'input')} {story.study.site.digest[:12]}",
        "of": say("van", "of"),
        "to_fill": say("In te vullen:", "To fill in:"),
        "first": first_page(story),
        "rest": rest,
    }


def typeset(story: Story, pictures: Iterable[Path]) -> bytes:
    """
    Set the report as PDF.

    Parameters
    ----------
    story
        What it tells.
    pictures
        The pictures that the chapters name.

    Returns
    -------
    pdf
        The same bytes for the same story and pictures.
    """
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        template = files("parkwacht_coverage.reporting").joinpath("report.typ").read_bytes()
        (folder / "report.typ").write_bytes(template)
        data = json.dumps(tell(story), ensure_ascii=False)
        (folder / "data.json").write_text(data, encoding="utf-8")
        for picture in pictures:
            (folder / picture.name).write_bytes(picture.read_bytes())
        pdf: bytes = typst.compile(
            str(folder / "report.typ"),
            root=str(folder),
            font_paths=[str(fonts)],
            ignore_system_fonts=True,
            timestamp=datetime.combine(story.on, time(), UTC),
        )
    return pdf
