"""
The command `parkwacht`.

Exit codes: 0 done, 1 done but not right (a demo that missed something, a check that found
trouble), 2 bad input or a thing that is not there.
"""

import os
import signal
import sys
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from parkwacht_api.cli_backup import (
    BACKUP_HELP,
    RESTORE_HELP,
    backup_command,
    restore_command,
)
from parkwacht_api.cli_cameras import cameras_app
from parkwacht_api.cli_evaluate import EVALUATE_HELP, evaluate_command
from parkwacht_api.cli_import import IMPORT_HELP, import_command
from parkwacht_api.cli_later import later
from parkwacht_api.cli_preview import preview
from parkwacht_api.cli_study import run_study_command, study
from parkwacht_api.cli_weights import weights_app
from parkwacht_api.terminal import (
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
# Of each group of commands: its module, and what it is for.
_GROUPS = (
    ("event", "cli_events", "Gebeurtenissen bekijken en beoordelen.", "See and judge events."),
    ("key", "cli_events", "Toegangssleutels beheren.", "Manage access keys."),
    (
        "deliveries",
        "cli_deliveries",
        "Leveringen zien en opnieuw proberen.",
        "See deliveries and try them anew.",
    ),
    ("accounts", "cli_accounts", "Accounts van mensen beheren.", "Manage people's accounts."),
    ("audit", "cli_accounts", "Het auditlog lezen en nagaan.", "Read and verify the log."),
    (
        "evidence",
        "cli_evidence",
        "Bewijspakketten maken en nagaan.",
        "Make and verify evidence packages.",
    ),
    ("hold", "cli_evidence", "Bewaarplicht op incidenten.", "Legal holds on incidents."),
)
for _name, _module, _nl, _en in _GROUPS:
    _later = later(f"parkwacht_api.{_module}", f"{_name}_app", help=say(_nl, _en))
    app.add_typer(_later, name=_name)
app.add_typer(weights_app, name="weights")
app.add_typer(cameras_app, name="cameras")
app.command("import", help=IMPORT_HELP)(import_command)
app.command("backup", help=BACKUP_HELP)(backup_command)
app.command("restore", help=RESTORE_HELP)(restore_command)
app.command("evaluate", help=EVALUATE_HELP)(evaluate_command)
app.command(help=say("Plaatsingsstudie van een park.", "Placement study of a park."))(study)
app.command(help=say("Teken wat een camera zou zien.", "Draw what a camera would see."))(preview)

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
    port: Annotated[
        int, typer.Option(min=1, max=65535, help=say("Poort van de dienst.", "Port."))
    ] = 8080,
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
    out = demo_folder(terminal.settings).parent / "demo_study"
    run_study_command(terminal, site.path, out, goals={}, steps_m=(4.0, 8.0), is_quick=True)
    terminal.say("\n[bold]2. Kijken en doorgeven[/]", "\n[bold]2. Watch and forward[/]")
    raise typer.Exit(run_demo(terminal, site, folder, port=port, once=once))


@app.command(help=say("Controleer park, gewichten, opslag en ontvangers.", "Check everything."))
def check(
    site: SiteArgument = None,
    *,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help=say("Verwijder bestanden die nergens bij horen.", "Remove files of nothing."),
        ),
    ] = False,
) -> None:
    """Verify a site, weights, storage and receivers, and print a table."""
    from parkwacht_api.check import run_checks

    terminal = open_terminal()
    site_path = find_site_path(site, terminal.settings)
    raise typer.Exit(run_checks(terminal, site_path, repair=repair))


@app.command(help=say("Kijk na sluitingstijd naar opnames of een stream.", "Watch after hours."))
def watch(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            help=say(
                "Opnames, mappen of rtsp-adressen, `camera=bron`; zonder: het hele park.",
                "Recordings, folders or rtsp addresses, `camera=source`; none: the park.",
            )
        ),
    ] = None,
    site: SiteOption = None,
    camera: Annotated[
        str | None, typer.Option(help=say("Camera van het park.", "Camera of the park."))
    ] = None,
    started_at: Annotated[
        str | None,
        typer.Option(
            help=say(
                "Begin van de opname, zoals 2026-11-23T02:13:00+01:00.",
                "Start of the recording, like 2026-11-23T02:13:00+01:00.",
            )
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(help=say(".pt, .onnx, OpenVINO-map of naam.", ".pt, .onnx, folder or name.")),
    ] = None,
    detector: Annotated[
        DetectorChoice | None, typer.Option(help=say("Welke detector.", "Which detector."))
    ] = None,
    processes: Annotated[
        int,
        typer.Option(
            min=1,
            max=64,
            help=say(
                "Opnames naast elkaar; wat af was wordt niet opnieuw bekeken.",
                "Recordings side by side; what was finished is not watched again.",
            ),
        ),
    ] = 1,
    follow: Annotated[
        bool,
        typer.Option(
            "--follow",
            help=say(
                "Bekijk bestanden die in een map komen, tot Ctrl-C.",
                "Watch files that come into a folder, until Ctrl-C.",
            ),
        ),
    ] = False,
    wait: Annotated[
        bool,
        typer.Option("--wait/--no-wait", help=say("Wacht op ontvangers.", "Wait for receivers.")),
    ] = True,
) -> None:
    """Watch sources on media time and hand every event to the service."""
    from parkwacht_api.watching import watch_and_ship
    from parkwacht_vision.cli import WatchOptions

    terminal = open_terminal()
    # At a terminal the same is said in plain words; a service's log wants the record.
    configure_logging("CRITICAL" if sys.stderr.isatty() else "WARNING")
    options = WatchOptions(
        sources=tuple(sources or ()),
        camera_id=camera,
        started_at=_instant(started_at),
        weights=weights,
        detector=None if detector is None else detector.value,
        processes=processes,
        is_following=follow,
    )
    raise typer.Exit(watch_and_ship(terminal, options, site, wait=wait))


def _instant(written: str | None) -> datetime | None:
    if written is None:
        return None
    try:
        return datetime.fromisoformat(written)
    except ValueError as error:
        right = Text(
            nl="een tijdstip als 2026-11-23T02:13:00+01:00",
            en="an instant like 2026-11-23T02:13:00+01:00",
        )
        where = "parkwacht watch"
        raise ConfigError.at(where, "--started-at", written, right) from error


@app.command(help=say("De dienst: pagina's, api en doorgifte.", "The service: pages, api, outbox."))
def serve(
    site: SiteOption = None,
    host: HostOption = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help=say("Poort.", "Port."))] = 8080,
    deliver: Annotated[
        bool, typer.Option("--deliver/--no-deliver", help=say("Ook doorgeven.", "Deliver too."))
    ] = True,
) -> None:
    """Serve the review pages and the api, and empty the outbox."""
    from parkwacht_api.operate import serve_site

    terminal = open_terminal()
    configure_logging("INFO")
    serve_site(terminal, find_site_path(site, terminal.settings), host, port, deliver=deliver)


@app.command(help=say("Alleen de doorgifte.", "Only the outbox."))
def deliver(site: SiteOption = None) -> None:
    """Empty the outbox until told to stop."""
    from parkwacht_api.operate import deliver_site

    terminal = open_terminal()
    configure_logging("INFO")
    deliver_site(terminal, find_site_path(site, terminal.settings))


@app.command(help=say("Breng wat in de spool wacht naar de dienst.", "Bring what waits."))
def ship() -> None:
    """Bring what waits in the spool to the service, once."""
    from parkwacht_api.watching import ship_waiting

    raise typer.Exit(ship_waiting(open_terminal()))


@app.command(help=say("Speel een ontvanger, om mee te proberen.", "Play a receiver, for a trial."))
def partner(
    receiver: Annotated[str, typer.Argument(help=say("Ontvanger van het park.", "Receiver."))],
    site: SiteOption = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help=say("Poort.", "Port."))] = 8091,
) -> None:
    """Run a real HTTP receiver that verifies signatures and acknowledges."""
    from parkwacht_api.operate import play_partner

    terminal = open_terminal()
    configure_logging("INFO")
    play_partner(terminal, find_site_path(site, terminal.settings), receiver, port)


def main() -> None:
    """Run the command; a known error is one clear message and exit code 2."""
    try:
        app(standalone_mode=True)
    except ParkwachtError as error:
        language = Language.EN if os.environ.get("PARKWACHT_LANGUAGE") == "en" else Language.NL
        console = Console(stderr=True, highlight=False)
        console.print(f"[bold red]parkwacht:[/] {escape(error.text.to(language))}", soft_wrap=True)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


if __name__ == "__main__":
    main()
