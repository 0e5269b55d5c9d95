"""The exports of a study on disk: maps for a GIS and Google Earth, tables, the camera file."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

from parkwacht_config.text import Language
from parkwacht_coverage.exporting.camera_file import camera_toml
from parkwacht_coverage.exporting.geojson import to_geojson, to_wgs84_geojson
from parkwacht_coverage.exporting.kml import to_kml
from parkwacht_coverage.exporting.tables import coverage_csv, register_csv, schedule_csv
from parkwacht_coverage.reporting.files import unwritable
from parkwacht_coverage.reporting.story import Story
from parkwacht_coverage.reporting.words import Words
from parkwacht_coverage.results import Study

N_FILES = 7


def write_exports(
    study: Study,
    folder: Path,
    *,
    language: Language,
    on: date,
    on_written: Callable[[], None] = lambda: None,
) -> tuple[Path, ...]:
    """
    Write a study as open formats; the same study gives the same bytes.

    Parameters
    ----------
    study
        What was computed.
    folder
        Where the files are written; made where it is missing.
    language
        Of names in the KML and of the sheet for Camera in Beeld.
    on
        Date of the study.
    on_written
        Told `N_FILES` times, after each file.

    Returns
    -------
    written
        The paths.

    Raises
    ------
    CoverageError
        The folder cannot be written.
    """
    words = Words(language)
    story = Story.of(study, words, on)
    writers: dict[str, Callable[[], str]] = {
        "coverage.geojson": lambda: to_geojson(study),
        "coverage_wgs84.geojson": lambda: to_wgs84_geojson(study),
        "coverage.kml": lambda: to_kml(study, words),
        "coverage.csv": lambda: coverage_csv(study),
        "schedule.csv": lambda: schedule_csv(study),
        "camera_in_beeld.csv": lambda: register_csv(story),
        "cameras.toml": lambda: camera_toml(study),
    }
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, write in writers.items():
            (folder / name).write_bytes(write().encode())
            written.append(folder / name)
            on_written()
    except OSError as error:
        raise unwritable(folder, error) from error
    return tuple(written)
