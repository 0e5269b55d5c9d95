"""From committed to acknowledged while events come in; a dead receiver; a list of a million."""

import argparse
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import numpy as np
from bench_chaos import SECRET, SITE, make_receivers
from chaos_children import JPEG, make_event
from full_house import answer_ms, bare_page_ms, fill, log_in, median_ms
from private_postgres import free_port, private_postgres
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table
from sqlalchemy import func, select

from parkwacht_api.app import create_app
from parkwacht_api.database import Database
from parkwacht_api.forwarder import run_outbox
from parkwacht_api.keys import create_key
from parkwacht_api.migrations.upgrade import upgrade_database
from parkwacht_api.models import Delivery
from parkwacht_api.roles import SCOPES_OF, Role
from parkwacht_api.serve import running_server
from parkwacht_config.loader import load_site
from parkwacht_config.secrets import write_secret
from parkwacht_config.settings import Settings
from parkwacht_config.site import Site

PER_S = 20
MEDIAN_BAR_MS, P99_BAR_MS, PAGE_BAR_MS, NIGHT_BAR_MS = 50.0, 150.0, 50.0, 100.0
EACH_BAR_MS = 1000 / PER_S  # one worker's events one after another: no slower than they arrive
DEAD_BAR = 1.5  # the other's drain beside a dead receiver, of its drain alone
N_LIST = 1_000_000
DRAIN_WITHIN_S = 240.0
LISTS = ("", "?verdict=unreviewed", "?camera={}", "?class=car")


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured thing beside its bar."""

    name: str
    value: float
    unit: str
    bar: float

    @property
    def is_met(self) -> bool:
        """Whether it is within the bar."""
        return self.value <= self.bar


@dataclass(frozen=True, slots=True)
class Running:
    """A service with its outbox in one process, as `parkwacht serve` runs it."""

    url: str
    site: Site
    database: Database
    worker_key: str
    operator_key: str
    start_outbox: threading.Event


class _Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take whatever comes."""
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def receiver() -> Iterator[int]:
    """Run a receiver that takes everything; give its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Receiver)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def running(url: str, home: Path, ports: dict[str, int], *, delivers: bool) -> Iterator[Running]:
    """Serve on a database; the outbox starts at once or when it is told."""
    settings = Settings(state_dir=home, database_url=SecretStr(url))
    site = replace(load_site(SITE), receivers=make_receivers(ports))
    home.mkdir(parents=True)
    for one in site.receivers:
        write_secret(one.secret_env, SECRET, home)
    upgrade_database(settings.sqlalchemy_url)
    database = Database(settings.sqlalchemy_url)
    at = datetime.now(UTC)
    keys = [
        create_key(database, role.value, SCOPES_OF[role], at=at)
        for role in (Role.CAMERA_WORKER, Role.SECURITY_OPERATOR)
    ]
    stop, start = threading.Event(), threading.Event()
    if delivers:
        start.set()

    def deliver() -> None:
        start.wait()
        run_outbox(database, site, settings, stop=stop)

    outbox = threading.Thread(target=deliver)
    outbox.start()
    try:
        with running_server(create_app(settings, site, written=database.written)) as served:
            yield Running(served, site, database, keys[0], keys[1], start)
    finally:
        stop.set()
        start.set()
        outbox.join()
        database.dispose()


def post_event(client: httpx.Client, site: Site, number: int) -> None:
    """Hand one event to the service."""
    record = make_event(site, number).model_dump_json().encode()
    parts = [
        ("event", (None, record, "application/json")),
        ("snapshot", ("snapshot.jpg", JPEG, "image/jpeg")),
    ]
    client.post("/events", files=parts).raise_for_status()


def client_of(service: Running, key: str) -> httpx.Client:
    """Return a client of the service."""
    headers = {"Authorization": f"Bearer {key}"}
    base_url = f"{service.url}/api/v1"
    return httpx.Client(base_url=base_url, headers=headers, trust_env=False, timeout=30)


def wait_for_drain(database: Database, receiver_id: str, n_events: int) -> None:
    """Wait until so many events were delivered and nothing waits; else there is no figure."""
    query = (
        select(Delivery.state, func.count())
        .where(Delivery.receiver_id == receiver_id)
        .group_by(Delivery.state)
    )
    deadline = time.monotonic() + DRAIN_WITHIN_S
    while time.monotonic() < deadline:
        with database.reading() as session:
            states = dict(session.execute(query).all())
        if states.get("delivered", 0) >= n_events and not states.get("pending"):
            return
        time.sleep(0.1)
    message = f"{receiver_id} after {DRAIN_WITHIN_S:g} s: {states}, of {n_events} events"
    raise RuntimeError(message)


def measure_latency(url: str, home: Path, engine: str, seconds: float) -> list[Figure]:
    """Hand in 20 events a second; from the event stored to the receiver's answer recorded."""
    with receiver() as port, running(url, home, {"alive": port}, delivers=True) as service:
        with client_of(service, service.worker_key) as client:
            post_event(client, service.site, 0)  # everything is loaded once
            time.sleep(1)
            bare_ms = _bare_post_ms(port)
            begun = time.monotonic()
            n_events = int(seconds * PER_S)
            for number in range(1, n_events + 1):
                time.sleep(max(0.0, begun + number / PER_S - time.monotonic()))
                post_event(client, service.site, number)
            rate = seconds * PER_S / (time.monotonic() - begun)
        wait_for_drain(service.database, "alive", n_events + 1)
        with service.database.reading() as session:
            rows = session.scalars(
                select(Delivery).where(Delivery.kind == "event.flagged").order_by(Delivery.id)
            ).all()
        waits_ms = [
            (one.delivered_at - one.created_at).total_seconds() * 1000
            for one in sorted(rows, key=lambda row: row.created_at)[1:]
            if one.delivered_at is not None
        ]
    p99_ms = float(np.quantile(waits_ms, 0.99, method="inverted_cdf"))
    name = f"{engine}: stored to acknowledged, {len(waits_ms)} events at {rate:.1f}/s"
    mid_ms = statistics.median(waits_ms)
    of = f"of a bare POST to it ({bare_ms:.1f} ms) {mid_ms / bare_ms:.0f}"
    return [
        Figure(f"{name}, median, {of}", mid_ms, "ms", MEDIAN_BAR_MS),
        Figure(f"{name}, p99", p99_ms, "ms", P99_BAR_MS),
    ]


def _bare_post_ms(port: int) -> float:
    """Measure how long the receiver itself takes to answer a message of a few kB."""
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        return median_ms(lambda: client.post("/", content=b"x" * 2000).raise_for_status(), 101)


def measure_pace(url: str, home: Path, engine: str, n_events: int) -> list[Figure]:
    """Hand in events one after another, as fast as they are taken, until all are delivered."""
    with receiver() as port, running(url, home, {"alive": port}, delivers=True) as service:
        with client_of(service, service.worker_key) as client:
            post_event(client, service.site, 0)
            begun = time.monotonic()
            for number in range(1, n_events + 1):
                post_event(client, service.site, number)
        wait_for_drain(service.database, "alive", n_events + 1)
        each_ms = (time.monotonic() - begun) * 1000 / n_events
    name = f"{engine}: {n_events} events one after another, all delivered, {1000 / each_ms:.0f}/s"
    return [Figure(f"{name}, each", each_ms, "ms", EACH_BAR_MS)]


def _drain_s(url: str, home: Path, ports: dict[str, int], n_events: int) -> float:
    with running(url, home, ports, delivers=False) as service:
        with client_of(service, service.worker_key) as client:
            for number in range(n_events):
                post_event(client, service.site, number)
        begun = time.monotonic()
        service.start_outbox.set()
        wait_for_drain(service.database, "alive", n_events)
        return time.monotonic() - begun


def measure_drain(urls: Sequence[str], home: Path, engine: str, n_queued: int) -> list[Figure]:
    """Drain what was queued, with half of it for a dead receiver, and the same half alone."""
    with receiver() as port:
        alone_s = _drain_s(urls[0], home / "alone", {"alive": port}, n_queued // 2)
        both = {"alive": port, "dead": free_port()}
        beside_s = _drain_s(urls[1], home / "both", both, n_queued // 2)
    name = f"{engine}: {n_queued} queued, half for a dead receiver; the other's drain, of alone"
    per_s = n_queued / 2 / beside_s
    return [Figure(f"{name} ({beside_s:.1f} s, {per_s:.0f}/s)", beside_s / alone_s, "", DEAD_BAR)]


def measure_list(url: str, home: Path, engine: str, n_rows: int) -> list[Figure]:
    """Ask for the first pages of the events and for what an operator opens at night."""
    with running(url, home, {"alive": free_port()}, delivers=False) as service:
        with client_of(service, service.worker_key) as client:
            post_event(client, service.site, 0)
        fill(service.database, service.site, n_rows)
        of = f"{engine}, {n_rows:,} events"
        bare_ms = bare_page_ms(service.database)
        figures = []
        with client_of(service, service.operator_key) as client:
            for path in LISTS:
                value = answer_ms(client, f"/events{path.format(service.site.cameras[0].id)}")
                name = f"{of}: GET /api/v1/events{path}, of a bare SELECT {value / bare_ms:.0f}"
                figures.append(Figure(name, value, "ms", PAGE_BAR_MS))
            newest = client.get("/events").json()["items"][1]
        paths = dict.fromkeys(("/events", "/events?verdict=unreviewed"), PAGE_BAR_MS)
        at_night = ("/", f"/incidents/{newest['incident_id']}", f"/events/{newest['id']}")
        paths |= dict.fromkeys(at_night, NIGHT_BAR_MS)
        cookies = log_in(service.database)
        with httpx.Client(base_url=service.url, cookies=cookies, trust_env=False) as client:
            for path, bar in paths.items():
                shown = "/".join(path.split("/")[:2]) + ("/ID" if path.count("/") > 1 else "")
                value = answer_ms(client, path, "J. de Vries")
                figures.append(Figure(f"{of}: page {shown}", value, "ms", bar))
    return figures


def main() -> int:
    """Measure on both engines; 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="of events, 20 a second")
    parser.add_argument("--queued", type=int, default=1000, help="deliveries to drain")
    parser.add_argument("--rows", type=int, default=N_LIST, help="events in the list")
    parts = ("latency", "drain", "list")
    parser.add_argument("--part", choices=parts, nargs="+", default=parts, help="only these")
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), help="only on this one")
    options = parser.parse_args()
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="parkwacht-forwarding-") as folder:
        home = Path(folder)

        def measure(engine: str, urls: Sequence[str]) -> None:
            place, seconds, is_asked = home / engine, options.seconds, options.part.__contains__
            if is_asked("latency"):
                figures.extend(measure_latency(urls[0], place / "1", engine, seconds))
                figures.extend(measure_pace(urls[4], place / "4", engine, int(seconds * PER_S)))
            if is_asked("drain"):
                figures.extend(measure_drain(urls[1:3], place / "2", engine, options.queued))
            if is_asked("list"):
                figures.extend(measure_list(urls[3], place / "3", engine, options.rows))

        if options.engine != "postgresql":
            measure("sqlite", [f"sqlite:///{home / f'{n}.db'}" for n in range(5)])
        if options.engine != "sqlite":
            with private_postgres() as postgres:
                measure("postgresql", [postgres.create_database() for _ in range(5)])
    table = Table(title="forwarding")
    for heading in ("figure", "measured", "bar", ""):
        table.add_column(heading)
    for one in figures:
        value, bar = f"{one.value:.3g} {one.unit}".strip(), f"<= {one.bar:g} {one.unit}".strip()
        table.add_row(one.name, value, bar, "met" if one.is_met else "MISSED")
    Console(width=150).print(table)
    return 0 if all(one.is_met for one in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
