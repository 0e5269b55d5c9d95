"""
The command `parkwacht`.

Exit codes: 0 done, 1 done but not right (a demo that missed something, a check that found
trouble), 2 bad input or a thing that is not there.
"""

import os
import signal
import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from parkwacht_api.cli_events import event_app, key_app
from parkwacht_api.terminal import (
    Terminal,
    find_site_path,
    open_site,
    open_terminal,
    say,
)
from parkwacht_config.errors import ConfigError, ParkwachtError
from parkwacht_config.log import configure_logging
from parkwacht_config.text import Language, Text

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help=say(
        "Cameratoezicht voor bedrijventerreinen: bestuderen, bekijken, doorgeven.",
        "Camera surveillance for business parks: study it, watch it, pass it on.",
    ),
)
app.add_typer(event_app, name="event")
app.add_typer(key_app, name="key")

SiteArgument = Annotated[
    Path | None, typer.Argument(help=say("Sitebestand (TOML).", "Site file (TOML)."))
]
SiteOption = Annotated[
    Path | None, typer.Option("--site", help=say("Sitebestand (TOML).", "Site file (TOML)."))
]
HostOption = Annotated[str, typer.Option(help=say("Adres om op te luisteren.", "Address."))]


class DetectorChoice(StrEnum):
    """Which detector `watch` takes."""

    AUTO = "auto"
    ULTRALYTICS = "ultralytics"
    EMBEDDED = "embedded"


@app.command(help=say("Laat het hele werk zien op het voorbeeldpark.", "Show the whole job."))
def demo(
    once: Annotated[
        bool, typer.Option("--once", help=say("Stop na de tabel.", "End after the table."))
    ] = False,
    port: Annotated[int, typer.Option(help=say("Poort van de dienst.", "Port."))] = 8080,
    samples: Annotated[
        Path | None, typer.Option(help=say("Map met opnames.", "Folder of recordings."))
    ] = None,
) -> None:
    """Study the sample park, watch its recordings, forward, verify; print what came of it."""
    from parkwacht_api.demo import demo_folder, run_demo

    terminal = open_terminal()
    site = open_site(None, terminal)
    folder = samples or site.path.resolve().parents[2] / "sample_media"
    terminal.say("[bold]1. Plaatsingsstudie[/]", "[bold]1. Placement study[/]")
    _study(terminal, site.path, demo_folder(terminal.settings).parent / "demo_study", k=3)
    terminal.say("\n[bold]2. Kijken en doorgeven[/]", "\n[bold]2. Watch and forward[/]")
    raise typer.Exit(run_demo(terminal, site, folder, port=port, once=once))


@app.command(help=say("Controleer park, gewichten, opslag en ontvangers.", "Check everything."))
def check(site: SiteArgument = None) -> None:
    """Verify a site, weights, storage and receivers, and print a table."""
    from parkwacht_api.check import run_checks

    terminal = open_terminal()
    raise typer.Exit(run_checks(terminal, find_site_path(site, terminal.settings)))


@app.command(help=say("Plaatsingsstudie van een park.", "Placement study of a park."))
def study(
    site: SiteArgument = None,
    out: Annotated[
        Path, typer.Option(help=say("Map voor de uitkomst.", "Folder for the result."))
    ] = Path("studie"),
    k: Annotated[
        int, typer.Option(min=1, max=100, help=say("Extra camera's.", "Cameras to add."))
    ] = 5,
    edition: Annotated[
        str, typer.Option(help=say("Uitgave van IEC 62676-4.", "Edition of IEC 62676-4."))
    ] = "2014",
    target_class: Annotated[
        str | None,
        typer.Option("--class", help=say("Klasse om op te richten.", "Class to aim at.")),
    ] = None,
    grid: Annotated[
        float, typer.Option(min=0.5, max=20, help=say("Rasterstap in m.", "Grid step in m."))
    ] = 2.0,
) -> None:
    """Evaluate the existing cameras, propose the best extra views, write the report."""
    terminal = open_terminal()
    path = find_site_path(site, terminal.settings)
    _study(terminal, path, out, k=k, edition=edition, target_class=target_class, grid_m=grid)
