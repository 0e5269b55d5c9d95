"""
The study from end to end, for a command line: read a park, compute, write files, say what came out.

The command itself, `parkwacht study`, is in `parkwacht_api.cli`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from parkwacht_config.errors import CoverageError
from parkwacht_config.loader import load_site
from parkwacht_config.study import StudyGoals
from parkwacht_config.text import Language, Text
from parkwacht_config.validation import check_table
from parkwacht_coverage.evaluate import Condition
from parkwacht_coverage.inputs import read_inputs
from parkwacht_coverage.interrupt import catch_interrupt
from parkwacht_coverage.options import Listener, StudyOptions
from parkwacht_coverage.results import SCENARIO_NAMES, Scenario, Study
from parkwacht_coverage.study import compute_study

KEPT_FOLDER = ".kept"  # choices found so far, beside the files
GOAL_NAMES = {
    "gates": Text(nl="poorten", en="gates"),
    "routes": Text(nl="routes", en="routes"),
    "area": Text(nl="oppervlak", en="area"),
}


@dataclass(frozen=True, slots=True)
class StudyRequest:
    """
    What the command is asked: which park, where to write, and the date the report bears.

    `goals` are keys of the park's [study] table that the command line sets anew; `is_fresh` leaves
    earlier choices aside.
    """

    site_path: Path
    out_dir: Path
    on: date
    language: Language = Language.NL
    options: StudyOptions = field(default_factory=StudyOptions)
    goals: dict[str, object] = field(default_factory=dict)
    is_fresh: bool = False


def run_study(request: StudyRequest, console: Console) -> tuple[Study, tuple[Path, ...]]:
    """
    Read a park, compute the study, write its files and print what came out.

    Ctrl-C once ends the search with the best so far and writes the report; twice ends the command,
    and the next study of the same park goes on where this one was.

    Parameters
    ----------
    request
        What is asked.
    console
        Where progress, table and files are shown.

    Returns
    -------
    study, written
        What was computed, and the files: report, maps, exports, camera file.

    Raises
    ------
    ConfigError
        The site file or a layer is wrong.
    CoverageError
        The study cannot be computed, or its files cannot be written.
    """
    say = request.language
    site = load_site(request.site_path)
    _require_folder(request.out_dir)
    options = request.options
    if request.goals:
        table = {**site.goals.model_dump(), **request.goals}
        where = Path(Text(nl="opdrachtregel", en="command line").to(say))
        options = replace(options, goals=check_table(StudyGoals, table, where, prefix="study"))
    with _progress(console) as progress:
        steps = _Steps(progress, say)

        def warn() -> None:
            text = Text(
                nl="Het zoeken stopt; het rapport volgt met het beste tot nu toe. "
                "Nog eens Ctrl-C breekt af.",
                en="The search ends; the report follows with the best so far. Ctrl-C again stops.",
            )
            progress.console.print(f"[yellow]{text.to(say)}[/]")

        with catch_interrupt(warn) as interrupt:
            study = compute_study(
                site,
                options,
                Listener(steps.on_step, steps.on_search, interrupt.is_asked),
                kept_in=None if request.is_fresh else request.out_dir / KEPT_FOLDER,
                language=say,
                inputs=read_inputs(site.path),
            )
            written = write_files(study, request, steps)
    console.print(result_table(study, say))
    for line in _lines(study, say):
        console.print(line)
    pictures = [path for path in written if path.suffix == ".png"]
    for path in written:
        if path not in pictures:
            console.print(f"  {escape(str(path))}", soft_wrap=True)
    text = Text(nl=f"  en {len(pictures)} kaarten en beelden", en=f"  and {len(pictures)} pictures")
    console.print(text.to(say))
    return study, written


class _Steps:
    """Shows the steps of a study as bars, and a running search behind its step."""

    def __init__(self, progress: Progress, language: Language) -> None:
        self._progress = progress
        self._language = language
        self._tasks: dict[str, TaskID] = {}
        self._current = ""

    def on_step(self, step: Text, done: int, total: int) -> None:
        """Move the bar of a step."""
        name = step.to(self._language)
        self._current = name
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=total, note="")
        task = self._tasks[name]
        self._progress.update(task, completed=done, total=total)
        if done == total:
            self._progress.update(task, note="")

    def on_search(self, goal: str, value: float, bound: float) -> None:
        """Show what a search has reached."""
        if self._current in self._tasks:
            name = GOAL_NAMES[goal].to(self._language) if goal in GOAL_NAMES else goal
            note = f"{name} {value:,.0f} / {bound:,.0f}"
            self._progress.update(self._tasks[self._current], note=note)


@contextmanager
def _progress(console: Console) -> Iterator[Progress]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[note]}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield progress


def _require_folder(folder: Path) -> None:
    """Refuse at once, not after minutes, a folder that cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise CoverageError(
            Text(
                nl=f"{folder} kan niet worden geschreven: {error}",
                en=f"{folder} cannot be written: {error}",
            )
        ) from error


def write_files(
    study: Study, request: StudyRequest, steps: _Steps | None = None
) -> tuple[Path, ...]:
    """
    Write report, maps and exports; the same study and date give the same bytes.

    Parameters
    ----------
    study
        What was computed.
    request
        Where to, which language and which date.
    steps
        Whom to tell after each file.

    Returns
    -------
    written
        The paths, the report first.

    Raises
    ------
    CoverageError
        The folder cannot be written.
    """
    from parkwacht_coverage.exporting.files import N_FILES, write_exports
    from parkwacht_coverage.reporting.files import N_STEPS, write_report

    writing = Text(nl="Schrijven", en="Writing")
    done = 0

    def on_written() -> None:
        nonlocal done
        done += 1
        if steps is not None:
            steps.on_step(writing, done, N_STEPS + N_FILES)

    out, say, on = request.out_dir, request.language, request.on
    report = write_report(study, out, language=say, on=on, on_written=on_written)
    exports = write_exports(study, out, language=say, on=on, on_written=on_written)
    return (*report, *exports)


def result_table(study: Study, language: Language) -> Table:
    """Build the table of scenarios side by side."""
    wanted = study.target_class
    title = Text(
        nl=f"{study.site.name}: klasse {wanted.name.nl} of beter ({study.edition.title})",
        en=f"{study.site.name}: class {wanted.name.en} or better ({study.edition.title})",
    )
    table = Table(
        title=escape(title.to(language)),
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("", min_width=11, overflow="fold")
    for heading in (
        Text(nl="camera's\nop plekken", en="cameras\nat sites"),
        Text(nl="eenmalig\n€", en="once\nEUR"),
        Text(nl="per jaar\n€", en="a year\nEUR"),
        Text(nl="dag\n%", en="day\n%"),
        Text(nl="nacht\n%", en="night\n%"),
        Text(nl="toe-\ngangen", en="gates\nwatched"),
        Text(nl="langst\nongezien", en="longest\nunseen"),
    ):
        table.add_column(heading.to(language), justify="right", no_wrap=True)
    for scenario in study.scenarios.values():
        table.add_row(*_row(study, scenario, language))
    return table


def _row(study: Study, scenario: Scenario, language: Language) -> list[str]:
    when = Condition(study.goals.condition)
    asked = study.goals
    served = sum(
        bool(one.plate_ids[when] or not asked.gate_plate)
        and bool(one.overview_ids[when] or not asked.gate_overview)
        for one in scenario.gates
    )
    longest = max((one.longest_unseen_m[when] for one in scenario.routes), default=0.0)
    cost = scenario.cost
    return [
        SCENARIO_NAMES[scenario.id].to(language),
        f"+{cost.n_cameras} / {cost.n_sites}" if cost.n_cameras else "-",
        _number(cost.total_eur, language),
        _number(cost.yearly_eur, language),
        *(_number(100 * study.seen_share(scenario, one), language, 1) for one in Condition),
        f"{served}/{len(scenario.gates)}",
        f"{longest:.0f} m",
    ]


def _number(value: float, language: Language, digits: int = 0) -> str:
    written = f"{value:,.{digits}f}"
    return written.translate(str.maketrans(",.", ".,")) if language is Language.NL else written


def _lines(study: Study, language: Language) -> list[str]:
    """Say how good the recommendation is known to be, and what to know before believing it."""
    lines = []
    for proof in study.recommended.proofs:
        sure = (
            Text(nl="bewezen het beste", en="proven best")
            if proof.is_proven
            else Text(
                nl=f"hoogstens {_number(100 * proof.gap, language, 1)} % onder de bovengrens",
                en=f"at most {100 * proof.gap:.1f} % below the bound",
            )
        )
        value = f"{_number(proof.value, language, 1 if proof.unit else 0)} {proof.unit}".strip()
        lines.append(f"{proof.goal.to(language)}: {value}, {sure.to(language)}")
    error = 100 * study.sampling.error
    lines.append(
        Text(
            nl=f"Steekproeffout van het raster: {_number(error, language, 2)} procentpunt. "
            "Geschreven:",
            en=f"Sampling error of the grid: {error:.2f} percentage points. Written:",
        ).to(language)
    )
    warnings = [f"[yellow]! {escape(one.to(language))}[/]" for one in study.warnings]
    return [*warnings, *lines]
