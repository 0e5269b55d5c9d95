"""`parkwacht study`: the placement study of a park, and how the command line asks for it."""

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from parkwacht_api.terminal import Terminal, find_site_path, open_terminal, say
from parkwacht_config.text import Language


class EditionChoice(StrEnum):
    """Editions of IEC 62676-4."""

    FIRST = "2014"
    SECOND = "2025"


class ConditionChoice(StrEnum):
    """When the added cameras should see most."""

    DAY = "day"
    NIGHT = "night"


def study(
    site: Annotated[
        Path | None, typer.Argument(help=say("Sitebestand (TOML).", "Site file (TOML)."))
    ] = None,
    out: Annotated[
        Path, typer.Option(help=say("Map voor de uitkomst.", "Folder for the result."))
    ] = Path("studie"),
    budget: Annotated[
        float | None,
        typer.Option(min=0, help=say("Budget in euro, eenmalig.", "Budget in euro, once.")),
    ] = None,
    k: Annotated[
        int | None,
        typer.Option(
            "-k",
            "--max-cameras",
            min=0,
            max=500,
            help=say("Hoogstens zoveel camera's erbij.", "Add at most this many cameras."),
        ),
    ] = None,
    edition: Annotated[
        EditionChoice | None,
        typer.Option(help=say("Uitgave van IEC 62676-4.", "Edition of IEC 62676-4.")),
    ] = None,
    target_class: Annotated[
        str | None,
        typer.Option("--class", help=say("Klasse om op te richten.", "Class to aim at.")),
    ] = None,
    condition: Annotated[
        ConditionChoice | None,
        typer.Option(help=say("Wanneer het zicht telt.", "When sight counts.")),
    ] = None,
    grid: Annotated[
        float,
        typer.Option(min=0.5, max=20, help=say("Raster van de cijfers, m.", "Grid of figures, m.")),
    ] = 2.0,
    solve_grid: Annotated[
        float,
        typer.Option(min=0.5, max=40, help=say("Raster van het kiezen, m.", "Grid to choose on.")),
    ] = 4.0,
    quick: Annotated[
        bool,
        typer.Option("--quick", help=say("Korter zoeken, ruwer bewijs.", "Search less.")),
    ] = False,
    fresh: Annotated[
        bool,
        typer.Option("--fresh", help=say("Begin opnieuw, hervat niet.", "Do not resume.")),
    ] = False,
    language: Annotated[
        Language | None, typer.Option(help=say("Taal van het rapport.", "Language of the report."))
    ] = None,
    on: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help=say("Datum op het rapport.", "Date it bears.")),
    ] = None,
) -> None:
    """Compare today with what could be, write the report, the maps and the exports."""
    terminal = open_terminal()
    goals: dict[str, object] = {
        "budget_eur": budget,
        "max_cameras": k,
        "edition": edition.value if edition else None,
        "target_class": target_class,
        "condition": condition.value if condition else None,
    }
    given = {key: value for key, value in goals.items() if value is not None}
    if edition is not None:
        given.setdefault("target_class", None)  # the classes of the other edition have other names
    run_study_command(
        terminal,
        find_site_path(site, terminal.settings),
        out,
        goals=given,
        steps_m=(grid, max(grid, solve_grid)),
        is_quick=quick,
        is_fresh=fresh,
        language=language,
        on=on,
    )


def run_study_command(
    terminal: Terminal,
    site_path: Path,
    out: Path,
    *,
    goals: dict[str, object],
    steps_m: tuple[float, float] = (2.0, 4.0),
    is_quick: bool = False,
    is_fresh: bool = False,
    language: Language | None = None,
    on: datetime | None = None,
) -> None:
    """Run a study as the command line or the demo asks for it."""
    from parkwacht_coverage.cli import StudyRequest, run_study
    from parkwacht_coverage.options import StudyOptions, quick_options

    make = quick_options if is_quick else StudyOptions
    grid_m, solve_m = steps_m
    options = make(grid_step_m=grid_m, solve_step_m=solve_m)
    request = StudyRequest(
        site_path=site_path,
        out_dir=out,
        language=language or terminal.settings.language,
        on=(on or datetime.now(UTC)).date(),
        options=options,
        goals=goals,
        is_fresh=is_fresh,
    )
    run_study(request, terminal.console)
