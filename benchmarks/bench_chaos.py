"""Kill -9 at random points of spool, ingest, claim, send and record: nothing may be lost."""

import argparse
import base64
import ctypes
import os
import random
import selectors
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from chaos_children import (
    POLICY,
    Fuse,
    Place,
    run_sender,
    run_service,
    run_worker,
)
from chaos_receivers import BAD, NEVER, serve_receivers
from private_postgres import PrivatePostgres, free_port, private_postgres
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from parkwacht_api.database import Database
from parkwacht_api.keys import create_key
from parkwacht_api.migrations.upgrade import upgrade_database
from parkwacht_api.models import Delivery, Event, Media
from parkwacht_api.models_incidents import Incident
from parkwacht_api.roles import SCOPES_OF, Role
from parkwacht_config.loader import load_site
from parkwacht_config.secrets import write_secret
from parkwacht_config.settings import Settings
from parkwacht_config.site import Receiver, ReceiverRole, Release
from parkwacht_vision.spool import Spool

SITE = Path(__file__).parents[1] / "config" / "sites" / "josink_es.toml"
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
STEPS_S = (0, 3600, -3600, 20, -20, 0)
CALM_WITHIN_S = 150.0


@dataclass
class Count:
    """What happened on one engine."""

    kills: Counter[str] = field(default_factory=Counter)
    n_clock_steps: int = 0
    n_crashes: int = 0
    n_disk_full: int = 0
    n_spooled: int = 0
    n_events: int = 0
    states: Counter[str] = field(default_factory=Counter)
    n_duplicates: int = 0
    lost: list[str] = field(default_factory=list)


class Campaign:
    """One engine: children that are killed and forked again, until there were enough kills."""

    def __init__(self, place: Place, postgres: PrivatePostgres | None, seed: int) -> None:
        self._postgres = postgres
        self._random = random.Random(seed)  # noqa: S311  # no secret
        self._pids: dict[str, int] = {}
        self._first = 0
        self._answer, ask = os.pipe()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._answer, selectors.EVENT_READ)
        self.place = replace(place, ask=ask)
        self.count = Count()

    def _fork(self, name: str, work: Callable[[], None]) -> None:
        self._pids[name] = fork(work)

    def _fuse(self, name: str) -> Fuse:
        return Fuse(self._random.randint(2, 70), self.place.ask, name)

    def _start(self, name: str, *, is_calm: bool = False) -> None:
        place = self.place
        if name == "worker":
            self._first += 10_000
            first = self._first
            self._fork(name, lambda: run_worker(place, first, is_calm=is_calm))
        elif name == "service":
            is_full = not is_calm and self._random.random() < 0.1  # noqa: PLR2004
            self.count.n_disk_full += is_full
            fuse = None if is_calm or is_full else self._fuse(name)
            self._fork(name, lambda: run_service(place, fuse, is_disk_full=is_full))
        else:
            fuse = None if is_calm else self._fuse("sender")
            self._fork(name, lambda: run_sender(place, fuse))

    def _kill(self, name: str, point: str) -> None:
        pid = self._pids.pop(name)
        if os.waitpid(pid, os.WNOHANG)[0]:
            return  # its fuse was faster
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        self.count.kills[point] += 1

    def _asked(self, wait_s: float) -> list[str]:
        if not self._selector.select(wait_s):
            return []
        return os.read(self._answer, 65536).decode().splitlines()

    def run(self, n_kills: int) -> None:
        """Kill until there were enough."""
        names = ("worker", "service", "sender 1", "sender 2")
        for name in names:
            self._start(name)
        turn_at = time.monotonic()
        while self.count.kills.total() < n_kills:
            for said in self._asked(0.05):
                word, _, point = said.partition(" ")
                if word == "died":
                    self.count.kills[point] += 1
                elif {"sender 1", "sender 2"} <= set(self._pids):
                    self._kill("sender 1", "send")
                    self._kill("sender 2", "send")
            self._bury()
            if time.monotonic() - turn_at > 1.5:  # noqa: PLR2004
                turn_at = time.monotonic()
                print(f"\r{self.count.kills.total()} kills", end="", file=sys.stderr)
                self._turn()
            for name in names:
                if name not in self._pids:
                    self._start(name)
        for name in list(self._pids):
            self._kill(name, "end")

    def _bury(self) -> None:
        for name, pid in list(self._pids.items()):
            if os.waitpid(pid, os.WNOHANG)[0]:
                del self._pids[name]

    def _turn(self) -> None:
        what = self._random.choice(("spool", "ingest", "clock", "crash"))
        if what == "clock":
            step_s = self._random.choice(STEPS_S)
            (self.place.home / "clock").write_text(str(step_s))
            self.count.n_clock_steps += 1
        elif what == "crash":
            if self._postgres is not None:
                self._postgres.crash()
                self.count.n_crashes += 1
        else:
            name = "worker" if what == "spool" else "service"
            if name in self._pids:
                self._kill(name, what)

    def calm_down(self) -> None:
        """Let everything run undisturbed until nothing waits any more."""
        # Later than any instant of the campaign, so that what is old is known to be.
        (self.place.home / "clock").write_text(str(2 * max(STEPS_S)))
        for name in ("worker", "service", "sender 1"):
            self._start(name, is_calm=True)
        deadline = time.monotonic() + CALM_WITHIN_S
        spool, database = Spool(self.place.settings.spool_dir), self._database()
        while time.monotonic() < deadline:
            time.sleep(0.5)
            n_waiting, n_pending = len(spool.entries()), self._n_pending(database)
            print(f"\r{n_waiting} in spool, {n_pending} pending ", end="", file=sys.stderr)
            if n_waiting == n_pending == 0:
                break
        database.dispose()
        for pid in self._pids.values():
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

    def _database(self) -> Database:
        return Database(self.place.settings.sqlalchemy_url)

    @staticmethod
    def _n_pending(database: Database) -> int:
        try:
            with database.reading() as session:
                query = select(func.count()).where(Delivery.state == "pending")
                return session.scalar(query) or 0
        except OperationalError:
            return -1

    def examine(self) -> Count:
        """Compare what lay in the spool, what is stored, and what the receivers wrote down."""
        home, count = self.place.home, self.count
        # A line cut off by a kill was never written down, so it is not asked for.
        lines = (home / "spooled").read_text().splitlines(keepends=True)
        spooled = {line.strip() for line in lines if line.endswith("\n")}
        took = {
            kind: Counter((home / "journals" / kind).read_text().split())
            for kind in (*BAD, "redirecting")
        }
        database = self._database()
        with database.reading() as session:
            events = {str(one) for one in session.scalars(select(Event.id))}
            media = {str(one.event_id): one.path for one in session.scalars(select(Media))}
            deliveries = session.scalars(select(Delivery)).all()
            kind_of = {str(one.id): one.kind for one in session.scalars(select(Incident))}
            incident_of = {
                str(row[0]): str(row[1])
                for row in session.execute(select(Event.id, Event.incident_id))
            }
        database.dispose()
        told = {(str(one.incident_id), one.receiver_id) for one in deliveries}
        count.n_spooled, count.n_events = len(spooled), len(events)
        count.states = Counter(one.state for one in deliveries)
        count.n_duplicates = sum(n - 1 for taken in took.values() for n in taken.values())
        lost = count.lost
        if not spooled or not count.states["delivered"]:
            lost.append("everything: nothing came through at all")
        lost += [f"event {one} lay in the spool and is not stored" for one in spooled - events]
        media_dir = self.place.settings.media_dir
        lost += [
            f"event {one} has no picture"
            for one in events
            if one not in media or not (media_dir / media[one]).is_file()
        ]
        lost += [
            f"{receiver.id} was never to be told of {one}"
            for one in events
            for receiver in self.place.site.receivers
            if kind_of[incident_of[one]] == "intrusion"
            and (incident_of[one], receiver.id) not in told
        ]
        lost += [
            f"delivery {one.id} waits for ever" for one in deliveries if one.state == "pending"
        ]
        lost += [
            f"delivery {one.id} counts as delivered, but {one.receiver_id} never had it"
            for one in deliveries
            if one.state == "delivered" and str(one.id) not in took.get(one.receiver_id, {})
        ]
        return count


def fork(work: Callable[[], None]) -> int:
    """Do some work in a child that ends with this process; return the child's pid."""
    pid = os.fork()
    if pid == 0:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        try:
            work()
        finally:
            os._exit(1)
    return pid


def make_receivers(ports: dict[str, int]) -> tuple[Receiver, ...]:
    """Return receivers that are told at the flag, each at a port of this machine."""
    return tuple(
        Receiver(
            id=kind,
            name=kind,
            role=ReceiverRole.SECURITY_COMPANY,
            release=Release.ON_FLAG,
            url=f"http://127.0.0.1:{port}/",
            secret_env=f"CHAOS_{kind.upper()}",
        )
        for kind, port in ports.items()
    )


def _make_place(home: Path, url: str, ports: dict[str, int]) -> Place:
    settings = Settings(state_dir=home / "state", database_url=SecretStr(url))
    site = replace(load_site(SITE), receivers=make_receivers(ports))
    (home / "state").mkdir()
    (home / "journals").mkdir()
    (home / "clock").write_text("0")
    for receiver in site.receivers:
        write_secret(receiver.secret_env, SECRET, settings.state_dir)
    upgrade_database(settings.sqlalchemy_url)
    database = Database(settings.sqlalchemy_url)
    key = create_key(database, "worker", SCOPES_OF[Role.CAMERA_WORKER], at=datetime.now(UTC))
    database.dispose()
    return Place(settings, site, free_port(), key, home, 0)


def _campaign(url: str, postgres: PrivatePostgres | None, n_kills: int, seed: int) -> Count:
    with tempfile.TemporaryDirectory(prefix="parkwacht-chaos-") as folder:
        home = Path(folder)
        ports = {kind: free_port() for kind in (*BAD, *NEVER)}
        place = _make_place(home, url or f"sqlite:///{home / 'chaos.db'}", ports)
        campaign = Campaign(place, postgres, seed)
        journals, ask = home / "journals", campaign.place.ask
        receivers = fork(lambda: serve_receivers(ports, journals, ask))
        try:
            campaign.run(n_kills)
            campaign.calm_down()
        finally:
            os.kill(receivers, signal.SIGKILL)
            os.waitpid(receivers, 0)
        return campaign.examine()


def _show(console: Console, counts: dict[str, Count]) -> None:
    table = Table(title="chaos", show_header=True)
    table.add_column("")
    for engine in counts:
        table.add_column(engine)
    rows: dict[str, Callable[[Count], object]] = {
        "kills": lambda one: one.kills.total(),
        "  at": lambda one: ", ".join(f"{n} {what}" for what, n in sorted(one.kills.items())),
        "clock steps, database crashes, disk full": lambda one: (
            f"{one.n_clock_steps}, {one.n_crashes}, {one.n_disk_full}"
        ),
        "spooled / stored events": lambda one: f"{one.n_spooled} / {one.n_events}",
        "deliveries": lambda one: ", ".join(f"{n} {s}" for s, n in sorted(one.states.items())),
        "duplicates (same id)": lambda one: one.n_duplicates,
        "LOST": lambda one: len(one.lost),
    }
    for name, value in rows.items():
        table.add_row(name, *(str(value(one)) for one in counts.values()))
    console.print(table)


def main() -> int:
    """Run the campaign on both engines; 1 where anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="in all, half on each engine")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), help="only on this one")
    options = parser.parse_args()
    console, counts = Console(width=150), {}
    engines = [options.engine] if options.engine else ["sqlite", "postgresql"]
    n_kills = -(-options.kills // len(engines))
    started = time.monotonic()
    for engine in engines:
        if engine == "sqlite":
            counts[engine] = _campaign("", None, n_kills, options.seed)
        else:
            with private_postgres() as postgres:
                counts[engine] = _campaign(
                    postgres.create_database(), postgres, n_kills, options.seed
                )
    _show(console, counts)
    lost = [one for count in counts.values() for one in count.lost]
    for one in lost[:20]:
        console.print(f"  {one}")
    n_kills = sum(count.kills.total() for count in counts.values())
    n_duplicates = sum(count.n_duplicates for count in counts.values())
    console.print(
        f"kills {n_kills}, lost {len(lost)}, duplicates {n_duplicates}, "
        f"{time.monotonic() - started:.0f} s, leases of {POLICY.lease_s:g} s"
    )
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
