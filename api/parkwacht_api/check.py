"""`parkwacht check`: whether this installation can watch, store and forward."""

import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import inspect
from sqlalchemy.exc import SQLAlchemyError

from parkwacht_api.database import Database
from parkwacht_api.local import find_service, with_receiver_urls
from parkwacht_api.migrations.upgrade import is_current
from parkwacht_api.receivers.channel import (
    ChannelOptions,
    SendContext,
    module_of,
    options_of,
)
from parkwacht_api.receivers.http_client import make_client
from parkwacht_api.release import hold_reason
from parkwacht_api.strays import Strays, find_strays, remove_orphans
from parkwacht_api.terminal import Terminal, command_actor
from parkwacht_config.clock import SystemClock
from parkwacht_config.errors import ParkwachtError
from parkwacht_config.loader import load_site
from parkwacht_config.secrets import read_secret
from parkwacht_config.settings import Settings
from parkwacht_config.site import Channel, Receiver, Site
from parkwacht_config.text import Text

MIN_FREE_GB = 2.0
CONNECT_TIMEOUT_S = 3.0
SHOWN = 3


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


MARKS = {Level.OK: "[green]✓[/]", Level.WARNING: "[yellow]![/]", Level.FAILURE: "[bold red]✗[/]"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    level: Level
    what: Text
    found: Text


def run_checks(terminal: Terminal, site_path: Path, *, repair: bool = False) -> int:
    """
    Check everything, print a table and return the exit code: 0, or 1 where something fails.

    Parameters
    ----------
    terminal
        Where it prints.
    site_path
        The park's site file.
    repair
        Remove files that nobody knows any more.

    Raises
    ------
    ConfigError
        The site itself is wrong; the message says where.
    """
    site = with_receiver_urls(load_site(site_path), terminal.settings)
    findings = [_check_site(site)]
    steps = (_check_weights, _check_storage, _check_database, _check_service)
    findings += [_guarded(step, terminal.settings) for step in steps]
    findings += _check_files(terminal.settings, repair=repair)
    findings += [
        _check_channel(one, channel, terminal.settings)
        for one in site.receivers
        for channel in one.ways
    ]
    findings += list(_check_streams(site))
    table = terminal.table(
        Text(nl=f"Controle van {site.name}", en=f"Check of {site.name}"),
        [Text(nl="", en=""), Text(nl="wat", en="what"), Text(nl="bevinding", en="finding")],
    )
    language = terminal.settings.language
    for finding in findings:
        table.add_row(MARKS[finding.level], finding.what.to(language), finding.found.to(language))
    terminal.console.print(table)
    return 1 if any(finding.level is Level.FAILURE for finding in findings) else 0


def _guarded(step: Callable[[Settings], Finding], settings: Settings) -> Finding:
    try:
        return step(settings)
    except ParkwachtError as error:
        name = step.__name__.removeprefix("_check_")
        return Finding(Level.FAILURE, Text(nl=name, en=name), error.text)


def _check_site(site: Site) -> Finding:
    n_ha = site.boundary.area / 10_000
    return Finding(
        Level.OK,
        Text(nl="park", en="site"),
        Text(
            nl=f"{n_ha:.0f} ha, {len(site.buildings)} gebouwen, {len(site.cameras)} camera's, "
            f"{len(site.zones)} zones",
            en=f"{n_ha:.0f} ha, {len(site.buildings)} buildings, {len(site.cameras)} cameras, "
            f"{len(site.zones)} zones",
        ),
    )


def _check_weights(settings: Settings) -> Finding:
    from parkwacht_vision.choice import choose_detector  # noqa: PLC0415 -- brings torch

    what = Text(nl="detector", en="detector")
    chosen = choose_detector(settings.detector, settings.weights, state_dir=settings.state_dir)
    if chosen.warning is not None:
        return Finding(Level.WARNING, what, chosen.warning)
    found = f"{chosen.info.name}: {chosen.info.model} {(chosen.info.sha256 or '')[:12]}"
    return Finding(Level.OK, what, Text(nl=found, en=found))


def _check_storage(settings: Settings) -> Finding:
    what = Text(nl="opslag", en="storage")
    try:
        settings.state_dir.mkdir(parents=True, exist_ok=True)
        probe = settings.state_dir / ".probe"
        probe.write_bytes(b"parkwacht")
        probe.unlink()
        free_gb = shutil.disk_usage(settings.state_dir).free / 1e9
    except OSError as error:
        found = Text(
            nl=f"{settings.state_dir} is niet te beschrijven: {error}",
            en=f"{settings.state_dir} cannot be written: {error}",
        )
        return Finding(Level.FAILURE, what, found)
    level = Level.OK if free_gb >= MIN_FREE_GB else Level.FAILURE
    waiting = _count(settings.spool_dir / "new")
    refused = _count(settings.spool_dir / "refused")
    if refused and level is Level.OK:
        level = Level.WARNING
    return Finding(
        level,
        what,
        Text(
            nl=f"{settings.state_dir}: {free_gb:.0f} GB vrij; spool: {waiting} wachten, "
            f"{refused} geweigerd",
            en=f"{settings.state_dir}: {free_gb:.0f} GB free; spool: {waiting} wait, "
            f"{refused} refused",
        ),
    )


def _count(folder: Path) -> int:
    return sum(1 for _ in folder.iterdir()) if folder.is_dir() else 0


def _check_database(settings: Settings) -> Finding:
    what = Text(nl="databank", en="database")
    try:
        database = Database(settings.sqlalchemy_url)
        is_new = not inspect(database.engine).has_table("event")
        current = is_new or is_current(database.engine)
        kind = database.engine.dialect.name
    except SQLAlchemyError as error:
        kind = type(error).__name__
        found = Text(nl=f"niet te openen: {kind}", en=f"cannot be opened: {kind}")
        return Finding(Level.FAILURE, what, found)
    if is_new:
        found = Text(nl=f"{kind}, nog leeg", en=f"{kind}, still empty")
        return Finding(Level.OK, what, found)
    if not current:
        found = Text(
            nl=f"{kind}, tabellen van een andere versie; parkwacht serve werkt ze bij",
            en=f"{kind}, tables of another version; parkwacht serve brings them up to date",
        )
        return Finding(Level.FAILURE, what, found)
    return Finding(Level.OK, what, Text(nl=f"{kind}, tabellen bij", en=f"{kind}, tables current"))


def _check_files(settings: Settings, *, repair: bool) -> Iterator[Finding]:
    """Tell nothing where the database cannot be asked: that is a finding of its own."""
    what = Text(nl="beelden", en="images")
    database, at = Database(settings.sqlalchemy_url), SystemClock().now()
    try:
        if not is_current(database.engine):
            return
        media_dir = settings.media_dir
        if repair:
            removed = remove_orphans(database, media_dir, actor=command_actor(), at=at)
            said = Text(nl=f"{len(removed)} weesbestanden verwijderd", en=f"{len(removed)} removed")
            yield Finding(Level.OK, what, said)
        strays = find_strays(database, media_dir, at=at)
    except SQLAlchemyError:
        return
    finally:
        database.dispose()
    yield from _tell_strays(what, strays)


def _tell_strays(what: Text, strays: Strays) -> Iterator[Finding]:
    if strays.missing:
        first = ", ".join(strays.missing[:SHOWN])
        found = Text(
            nl=f"{len(strays.missing)} beelden ontbreken: {first}",
            en=f"{len(strays.missing)} images are missing: {first}",
        )
        yield Finding(Level.FAILURE, what, found)
    if strays.orphans:
        found = Text(
            nl=f"{len(strays.orphans)} bestanden horen nergens bij; weg met: "
            "parkwacht check --repair",
            en=f"{len(strays.orphans)} files belong to nothing; remove them with: "
            "parkwacht check --repair",
        )
        yield Finding(Level.WARNING, what, found)
    if not strays.missing and not strays.orphans:
        found = Text(nl=f"{strays.n_files} bestanden, alle bekend", en=f"{strays.n_files} files")
        yield Finding(Level.OK, what, found)


def _check_service(settings: Settings) -> Finding:
    what = Text(nl="dienst", en="service")
    service = find_service(settings)
    if service is None:
        return Finding(
            Level.WARNING,
            what,
            Text(
                nl="draait niet op deze machine; start hem met: parkwacht serve",
                en="does not run on this machine; start it with: parkwacht serve",
            ),
        )
    return Finding(Level.OK, what, Text(nl=service.url, en=service.url))


def _check_channel(receiver: Receiver, channel: Channel, settings: Settings) -> Finding:
    name = f"{receiver.id}, {channel.id}"
    what = Text(nl=f"ontvanger {name}", en=f"receiver {name}")
    options = options_of(channel, "", receiver.id)
    address = module_of(channel.kind).address(options)
    # A partner that nothing would be sent to is not called on either.
    if hold_reason(address, settings.forwarding):
        found = Text(
            nl=f"leveringen worden tegengehouden (PARKWACHT_FORWARDING={settings.forwarding})",
            en=f"deliveries are held (PARKWACHT_FORWARDING={settings.forwarding})",
        )
        return Finding(Level.WARNING, what, found)
    trouble = Level.FAILURE if settings.forwarding == "live" else Level.WARNING
    try:
        for key, value in channel.options.items():
            if key.endswith("_env") and value:
                read_secret(value, settings.state_dir)
    except ParkwachtError as error:
        return Finding(trouble, what, error.text)
    parts = urlsplit(address)
    port = parts.port or (80 if parts.scheme == "http" else 443)
    told = Text(nl=(said := f"{address} ({receiver.release.value})"), en=said)
    if parts.scheme == "udp":  # nobody takes a call there
        return Finding(Level.OK, what, told)
    try:
        with socket.create_connection((parts.hostname or "", port), timeout=CONNECT_TIMEOUT_S):
            pass
    except OSError as error:
        found = Text(
            nl=f"{address} neemt niet op: {error}",
            en=f"{address} does not answer: {error}",
        )
        return Finding(trouble, what, found)
    try:
        _introduce(channel, options, settings)
    except ParkwachtError as error:
        return Finding(trouble, what, error.text)
    return Finding(Level.OK, what, told)


def _introduce(channel: Channel, options: ChannelOptions, settings: Settings) -> None:
    """Ask for the permission that some receivers want to give before anything is sent."""
    introduce = getattr(module_of(channel.kind), "introduce", None)
    if introduce is None:
        return
    with make_client(CONNECT_TIMEOUT_S) as client:
        secret = partial(read_secret, state_dir=settings.state_dir)
        introduce(options, SendContext(client, secret, CONNECT_TIMEOUT_S, settings.forwarding))


def _check_streams(site: Site) -> Iterator[Finding]:
    silent = [one.id for one in site.cameras if one.stream_env is None]
    if silent:
        names = ", ".join(silent)
        yield Finding(
            Level.WARNING,
            Text(nl="streams", en="streams"),
            Text(
                nl=f"geen stream ingesteld (stream_env) voor: {names}",
                en=f"no stream set (stream_env) for: {names}",
            ),
        )
