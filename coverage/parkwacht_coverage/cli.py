"""
The study from end to end, for a command line: read a park, compute, write files, say what came out.

The command itself, `parkwacht study`, is in `parkwacht_api.cli`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from parkwacht_config.errors import CoverageError
from parkwacht_config.loader import load_site
from parkwacht_config.text import Language, Text
from parkwacht_coverage.evaluate import Condition
from parkwacht_coverage.export import cameras_csv, coverage_csv, to_geojson
from parkwacht_coverage.plan import KIND_NAMES
from parkwacht_coverage.report import write_report
from parkwacht_coverage.study import Plan, Study, StudyOptions, compute_study


@dataclass(frozen=True, slots=True)
class StudyRequest:
    """What the command is asked: which park, where to write, and the date the report bears."""

    site_path: Path
    out_dir: Path
    on: date
    language: Language = Language.NL
    options: StudyOptions = field(default_factory=StudyOptions)


def run_study(request: StudyRequest, console: Console) -> tuple[Study, tuple[Path, ...]]:
    """
    Read a park, compute the study, write its files and print what came out.

    Parameters
    ----------
    request
        What is asked.
    console
        Where progress, table and files are shown.

    Returns
    -------
    study, written
        What was computed, and the files: report, map, GeoJSON and two CSV.

    Raises
    ------
    ConfigError
        The site file or a layer is wrong.
    CoverageError
        The study cannot be computed, or its files cannot be written.
    """
    say = request.language
    site = load_site(request.site_path)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        looking = Text(nl="Montagepunten bekijken", en="Looking from mounts").to(say)
        task = progress.add_task(looking, total=len(site.mounts))
        study = compute_study(
            site, request.options, lambda done, total: progress.update(task, completed=done)
        )
        writing = progress.add_task(Text(nl="Schrijven", en="Writing").to(say), total=5)
        written = write_files(study, request, lambda: progress.advance(writing))
    console.print(result_table(study, say))
    console.print(_proposal_line(study, say))
    for path in written:
        console.print(f"  {escape(str(path))}", soft_wrap=True)
    return study, written


def write_files(
    study: Study, request: StudyRequest, on_written: Callable[[], None] = lambda: None
) -> tuple[Path, ...]:
    """
    Write report, map, GeoJSON and CSV; the same study and date give the same bytes.

    Parameters
    ----------
    study
        What was computed.
    request
        Where to, which language and which date.
    on_written
        Told after each file.

    Returns
    -------
    written
        The paths, the report first.

    Raises
    ------
    CoverageError
        The folder cannot be written.
    """
    from parkwacht_coverage.figures import draw_map

    folder = request.out_dir
    report, picture = folder / "coverage_report.pdf", folder / "coverage_map.png"
    texts = {
        folder / "coverage.geojson": to_geojson,
        folder / "coverage.csv": coverage_csv,
        folder / "cameras.csv": cameras_csv,
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draw_map(study, picture, request.language)
        on_written()
        write_report(study, picture, report, language=request.language, on=request.on)
        on_written()
        for path, to_text in texts.items():
            path.write_bytes(to_text(study).encode())
            on_written()
    except OSError as error:
        raise CoverageError(
            Text(
                nl=f"{folder} kan niet worden geschreven: {error}",
                en=f"{folder} cannot be written: {error}",
            )
        ) from error
    return (report, picture, *texts)


def result_table(study: Study, language: Language) -> Table:
    """Build the table of what is seen, per kind of ground."""
    wanted = study.target_class
    title = Text(
        nl=f"{study.site.name}: gezien met klasse {wanted.name.nl} of beter",
        en=f"{study.site.name}: seen at class {wanted.name.en} or better",
    )
    table = Table(title=escape(title.to(language)))
    table.add_column(Text(nl="soort", en="kind").to(language))
    table.add_column("m²", justify="right")
    for name in (Text(nl="dag", en="day"), Text(nl="nacht", en="night")):  # as in Condition
        now = Text(nl="nu", en="today").to(language)
        then = Text(nl="voorstel", en="proposal").to(language)
        table.add_column(f"{name.to(language)}: {now}", justify="right")
        table.add_column(f"{name.to(language)}: {then}", justify="right")
    for kind in (*study.ground.polygons, None):
        name = KIND_NAMES[kind] if kind else Text(nl="alles", en="all")
        shares = [study.seen_share(p, c, kind=kind) for c in Condition for p in Plan]
        area = float(study.ground.area_m2[study.ground.of_kind(kind)].sum())
        cells = [f"{100 * share:.1f} %" for share in shares]
        table.add_row(name.to(language), f"{area:.0f}", *cells)
    return table


def _proposal_line(study: Study, language: Language) -> str:
    cost, bound = study.cost, 100 * study.choice.share_of_bound
    return Text(
        nl=f"{cost.n_cameras} camera's erbij op {cost.n_sites} plekken: € {cost.total_eur:.0f} en "
        f"€ {cost.yearly_eur:.0f} per jaar; ten minste {bound:.0f} % van het haalbare. Geschreven:",
        en=f"{cost.n_cameras} cameras added at {cost.n_sites} places: EUR {cost.total_eur:.0f} and "
        f"EUR {cost.yearly_eur:.0f} a year; at least {bound:.0f} % of what is possible. Written:",
    ).to(language)
