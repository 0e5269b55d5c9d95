"""`parkwacht watch`: the worker, the spool it fills, and the shipper that empties it."""

import hashlib
import re
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from parkwacht_api.client import ServiceClient
from parkwacht_api.local import (
    INGEST_KEY,
    RunningService,
    ingest_key,
    operator_key,
    with_receiver_urls,
)
from parkwacht_api.receivers.words import delivery_word
from parkwacht_api.schemas import DeliveryOut, EventDetail
from parkwacht_api.shipper import Watching, run_shipper, ship_once
from parkwacht_api.terminal import Terminal, find_site_path, open_service
from parkwacht_config.errors import ForwardingError
from parkwacht_config.loader import load_site
from parkwacht_config.secrets import read_secret
from parkwacht_config.settings import Settings
from parkwacht_config.site import Site
from parkwacht_config.text import Language, Text
from parkwacht_vision.cli import WatchOptions, WatchSummary, run_watch
from parkwacht_vision.event import FlaggedEvent
from parkwacht_vision.spool import Spool

SHIP_WITHIN_S = 30.0
ACKNOWLEDGED_WITHIN_S = 20.0
FINISHED = {"delivered", "held", "refused", "dead"}
_DELIVERY_COLUMNS = (
    Text(nl="ontvanger en gebeurtenis", en="receiver and event"),
    Text(nl="toestand", en="state"),
    Text(nl="gezien door", en="acknowledged by"),
    Text(nl="ms van eerste beeld tot gezien", en="ms first frame to acknowledged"),
)
_ID_WIDTH = 36


@dataclass(frozen=True, slots=True)
class Destination:
    """Where this watch brings its events: a service, or only the spool for now."""

    settings: Settings
    site: Site
    url: str
    key: str | None


def find_destination(
    terminal: Terminal, site_path: Path | None, service: RunningService | None
) -> Destination:
    """Choose spool, park and service; a running demo is used where nothing else is."""
    settings = terminal.settings
    if service is not None and service.is_demo:
        settings = settings.model_copy(update={"state_dir": service.state_dir})
    chosen = site_path or settings.site or (service.site_path if service is not None else None)
    site = with_receiver_urls(load_site(find_site_path(chosen, settings)), settings)
    key = ingest_key(settings, settings.state_dir)
    return Destination(
        settings=settings,
        site=site,
        url=settings.api_url if service is None else service.url,
        key=None if key is None else key.get_secret_value(),
    )


def watch_and_ship(
    terminal: Terminal, options: WatchOptions, site_path: Path | None, *, wait: bool
) -> int:
    """
    Watch sources, hand every event to the service while watching, and tell what came of it.

    Parameters
    ----------
    terminal
        Where it prints.
    options
        What to watch.
    site_path
        The park; None for the service's own, or the sample park.
    wait
        Wait at the end until receivers have acknowledged, and print that.

    Returns
    -------
    code
        Exit code: 2 when a source could not be watched.
    """
    to = find_destination(terminal, site_path, open_service(terminal))
    spool = Spool(to.settings.spool_dir)
    n_refused_before = spool.counts()["refused"]
    stop = threading.Event()
    shipper: threading.Thread | None = None
    if to.key is not None:
        shipper = threading.Thread(
            target=run_shipper,
            args=(spool, to.url, to.key),
            kwargs={"stop": stop, "watching": _watching(options, to.site)},
            name="shipper",
            daemon=True,
        )
        shipper.start()
    try:
        summary = run_watch(options, to.settings, to.site, terminal.console, spool)
        is_shipped = shipper is not None and _wait_for_empty(spool)
    finally:
        stop.set()
        if shipper is not None:
            shipper.join(timeout=10)
    n_refused = _tell_spool(terminal, spool, to, is_shipped=is_shipped)
    reading = operator_key(to.settings, to.settings.state_dir)
    if wait and is_shipped and summary.events and reading is not None:
        _tell_deliveries(terminal, to.url, reading.get_secret_value(), summary)
    if summary.failures:
        return 2
    return 1 if n_refused > n_refused_before else 0


def _watching(options: WatchOptions, site: Site) -> Watching:
    cameras = tuple(one for one in (options.camera_id,) if one is not None)
    if not options.sources:  # the whole park
        cameras = tuple(camera.id for camera in site.cameras)
    # One worker per machine and task: the same again after a restart, another beside it.
    task = hashlib.sha256("\n".join((*options.sources, *cameras)).encode()).hexdigest()[:8]
    host = re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname()).strip("-.") or "host"
    return Watching(f"{host[:60]}:{task}", cameras)


def _wait_for_empty(spool: Spool) -> bool:
    deadline = time.monotonic() + SHIP_WITHIN_S
    while spool.entries():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _tell_spool(terminal: Terminal, spool: Spool, to: Destination, *, is_shipped: bool) -> int:
    counts = spool.counts()
    n_waiting = sum(counts.values()) - counts["refused"]
    if not is_shipped and n_waiting:
        why = _why_waiting(to)
        terminal.warn(
            f"{n_waiting} berichten wachten veilig in {spool.root}: {why.nl}",
            f"{n_waiting} records wait safely in {spool.root}: {why.en}",
        )
    if counts["refused"]:
        terminal.warn(
            f"{counts['refused']} berichten zijn door de dienst geweigerd: {spool.root}/refused",
            f"{counts['refused']} records were refused by the service: {spool.root}/refused",
        )
    return counts["refused"]


def _why_waiting(to: Destination) -> Text:
    """Ask the service once why it does not take what waits."""
    if to.key is None:
        return Text(
            nl="er is hier geen sleutel voor een dienst. Start `parkwacht serve`, dan "
            "`parkwacht ship`, of zet PARKWACHT_INGEST_KEY.",
            en="there is no key for a service here. Start `parkwacht serve`, then "
            "`parkwacht ship`, or set PARKWACHT_INGEST_KEY.",
        )
    try:
        with ServiceClient(to.url, to.key, language=to.settings.language) as client:
            client.events(limit=1)
    except ForwardingError as error:
        return Text(
            nl=f"{error.text.nl}. Daarna: `parkwacht ship`.",
            en=f"{error.text.en}. Then: `parkwacht ship`.",
        )
    return Text(
        nl="de dienst is traag; `parkwacht ship`", en="the service is slow; `parkwacht ship`"
    )


def _is_settled(delivery: DeliveryOut) -> bool:
    if delivery.state == "delivered":
        return delivery.acknowledged_at is not None
    return delivery.state in FINISHED


def wait_for_acknowledgements(
    client: ServiceClient, event_ids: list[UUID], *, within_s: float
) -> list[EventDetail]:
    """Wait until every delivery of some events is acknowledged or has failed for good."""
    deadline = time.monotonic() + within_s
    while True:
        events = [client.event(event_id) for event_id in event_ids]
        settled = all(_is_settled(one) for event in events for one in event.deliveries)
        if settled or time.monotonic() > deadline:
            return events
        time.sleep(0.2)


def _tell_deliveries(terminal: Terminal, url: str, key: str, summary: WatchSummary) -> None:
    by_id: dict[UUID, FlaggedEvent] = {event.id: event for event in summary.events}
    with ServiceClient(url, key, language=terminal.settings.language) as client:
        try:
            events = wait_for_acknowledgements(client, list(by_id), within_s=ACKNOWLEDGED_WITHIN_S)
        except ForwardingError as error:
            terminal.warn(error.text.nl, error.text.en)
            return
    deliveries = [(by_id[event.id], one) for event in events for one in event.deliveries]
    terminal.console.print(delivery_table(deliveries, terminal.settings.language))


def delivery_table(
    deliveries: Sequence[tuple[FlaggedEvent, DeliveryOut]], language: Language
) -> Table:
    """Tell what became of each delivery: the event below its receiver, whole at 80 characters."""
    title = Text(nl="Doorgifte", en="Forwarding").to(language)
    table = Table(
        title=title, title_justify="left", box=SIMPLE_HEAD, padding=0, pad_edge=False,
        show_edge=False,
    )  # fmt: skip
    first, *others, last = (one.to(language) for one in _DELIVERY_COLUMNS)
    table.add_column(first, width=_ID_WIDTH, overflow="fold")
    for heading in others:
        table.add_column(heading, overflow="fold")
    table.add_column(last, overflow="fold", justify="right")
    for event, one in deliveries:
        word = delivery_word(one.state).to(language)
        table.add_row(
            f"{escape(one.receiver_id)}\n[dim]{event.id}[/]",
            escape(f"{word} {one.reason}".strip()),
            escape(one.acknowledged_by or "-"),
            _elapsed_ms(event.wall_first_frame_at, one.acknowledged_at),
        )
    return table


def _elapsed_ms(start: datetime, end: datetime | None) -> str:
    return "-" if end is None else f"{(end - start) / timedelta(milliseconds=1):.0f}"


def ship_waiting(terminal: Terminal) -> int:
    """
    Bring what waits in the spool to the service, once.

    Returns
    -------
    code
        0 when nothing waits any more, 1 when something still does or was refused.

    Raises
    ------
    ConfigError
        There is no key for the service.
    """
    service = open_service(terminal)
    settings = terminal.settings
    if service is not None and service.is_demo:
        settings = settings.model_copy(update={"state_dir": service.state_dir})
    key = settings.ingest_key or read_secret(INGEST_KEY, settings.state_dir)
    url = settings.api_url if service is None else service.url
    counts = ship_once(Spool(settings.spool_dir), url, key.get_secret_value())
    terminal.say(
        f"{counts.n_sent} gebracht, {counts.n_refused} geweigerd, {counts.n_kept} wachten nog",
        f"{counts.n_sent} brought, {counts.n_refused} refused, {counts.n_kept} still wait",
    )
    return 0 if counts.n_refused == 0 and counts.n_kept == 0 else 1
