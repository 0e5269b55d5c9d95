"""
The report of a study on disk: the PDF for the working group, and its pictures beside it.

The date is given, never taken from the clock, so that the same study gives the same bytes.
"""

from collections.abc import Callable
from datetime import date
from pathlib import Path

from parkwacht_config.errors import CoverageError
from parkwacht_config.text import Language, Text
from parkwacht_coverage.reporting.charts import draw_class_bars, draw_cost_curve
from parkwacht_coverage.reporting.frames import draw_frames
from parkwacht_coverage.reporting.maps import draw_all
from parkwacht_coverage.reporting.story import Story
from parkwacht_coverage.reporting.typeset import typeset
from parkwacht_coverage.reporting.words import Words
from parkwacht_coverage.results import Study

REPORT_NAME = "coverage_report.pdf"
N_STEPS = 13  # nine maps, two charts (one without a cost curve), the masks, the report


def write_report(
    study: Study,
    folder: Path,
    *,
    language: Language,
    on: date,
    on_written: Callable[[], None] = lambda: None,
) -> tuple[Path, ...]:
    """
    Draw the pictures of a study and set its report.

    Parameters
    ----------
    study
        What was computed.
    folder
        Where the files are written; made where it is missing.
    language
        Of the report and the pictures.
    on
        Date the report bears.
    on_written
        Told after each part, `N_STEPS` times at most.

    Returns
    -------
    written
        The PDF, then the pictures.

    Raises
    ------
    CoverageError
        The folder cannot be written.
    """
    words = Words(language)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        pictures = list(draw_all(study, words, folder, on_written).values())
        charts = {"class_bars.png": draw_class_bars}
        if study.curve:
            charts["cost_curve.png"] = draw_cost_curve
        for name, draw in charts.items():
            draw(study, words, folder / name)
            pictures.append(folder / name)
            on_written()
        pictures += draw_frames(study.site, study.recommended, folder)
        for stale in set(folder.glob("mask_*.png")) - set(pictures):
            stale.unlink()  # of a camera that an earlier study proposed
        on_written()
        report = folder / REPORT_NAME
        report.write_bytes(typeset(Story.of(study, words, on), pictures))
        on_written()
    except OSError as error:
        raise unwritable(folder, error) from error
    return (report, *pictures)


def unwritable(folder: Path, error: OSError) -> CoverageError:
    """Return the error that says that a folder cannot be written."""
    return CoverageError(
        Text(
            nl=f"{folder} kan niet worden geschreven: {error}",
            en=f"{folder} cannot be written: {error}",
        )
    )
