"""`parkwacht backup` and `parkwacht restore`: everything in one file, and back."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn

from parkwacht_api.terminal import Terminal, open_terminal, say
from parkwacht_config.errors import ConfigError
from parkwacht_config.text import Text

BACKUP_HELP = say(
    "Schrijf alles (gebeurtenissen, logboeken, beelden) naar één bestand; de dienst draait door.",
    "Write everything (events, logs, images) to one file; the service runs on.",
)
RESTORE_HELP = say(
    "Zet een reservekopie terug in een lege dienst, van SQLite of naar PostgreSQL.",
    "Restore a backup into an empty service, from SQLite or to PostgreSQL.",
)


class _Shown:
    """Shows which part is under way."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=None)

    def __call__(self, what: str, n_done: int) -> None:
        self._progress.update(self._task, description=f"{what}: {n_done}")


def _bar(terminal: Terminal) -> Progress:
    columns = (SpinnerColumn(), TextColumn("{task.description}"))
    return Progress(*columns, console=terminal.console, transient=True)


def backup_command(
    target: Annotated[Path, typer.Argument(help=say("Het bestand.", "The file."))],
    *,
    media: Annotated[
        bool, typer.Option("--media/--no-media", help=say("Met de beelden.", "With the images."))
    ] = True,
    force: Annotated[bool, typer.Option("--force", help=say("Overschrijf.", "Overwrite."))] = False,
) -> None:
    """Write a backup."""
    from parkwacht_api.backup import make_backup
    from parkwacht_api.database import Database

    terminal = open_terminal()
    settings = terminal.settings
    if target.exists() and not force:
        raise ConfigError(
            Text(
                nl=f"{target} bestaat al; --force overschrijft",
                en=f"{target} exists already; --force overwrites",
            )
        )
    database = Database(settings.sqlalchemy_url)
    try:
        with _bar(terminal) as progress:
            summary = make_backup(
                database,
                settings.media_dir,
                target,
                at=datetime.now(UTC),
                has_media=media,
                progress=_Shown(progress),
            )
    finally:
        database.dispose()
    mib = summary.size / 1024 / 1024
    terminal.say(
        f"{target}: {summary.n_rows} rijen, {summary.n_files} beelden, {mib:.1f} MiB. "
        "Geheimen (secrets.toml) staan er niet in: bewaar die apart.",
        f"{target}: {summary.n_rows} rows, {summary.n_files} images, {mib:.1f} MiB. "
        "Secrets (secrets.toml) are not in it: keep those apart.",
    )
    for name in summary.missing:
        terminal.say(f"[yellow]beeld ontbreekt: {name}[/]", f"[yellow]image missing: {name}[/]")
    raise typer.Exit(1 if summary.missing else 0)


def restore_command(
    source: Annotated[Path, typer.Argument(help=say("De reservekopie.", "The backup."))],
) -> None:
    """Restore a backup into an empty service."""
    from parkwacht_api.backup import restore_backup

    terminal = open_terminal()
    settings = terminal.settings
    with _bar(terminal) as progress:
        summary = restore_backup(
            settings.sqlalchemy_url, settings.media_dir, source, progress=_Shown(progress)
        )
    terminal.say(
        f"Teruggezet: {summary.n_rows} rijen en {summary.n_files} beelden. "
        "Zet ook secrets.toml terug, en controleer met: parkwacht check",
        f"Restored: {summary.n_rows} rows and {summary.n_files} images. "
        "Put secrets.toml back as well, and verify with: parkwacht check",
    )
