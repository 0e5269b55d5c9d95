"""
The product's main job on the sample park, with real processes talking over real HTTP.

The service, the outbox, the two partners and the worker are separate processes of this same
command; the demo starts them, starts again what dies, asks the service what became of every
recording and compares that with the recordings' own ground truth.
"""

import base64
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from parkwacht_api.accounts import FIRST_NAME
from parkwacht_api.client import ServiceClient
from parkwacht_api.database import Database
from parkwacht_api.demo_outcome import (
    Outcome,
    Recording,
    load_recordings,
    match_events,
    print_outcomes,
)
from parkwacht_api.local import (
    DEMO_FOLDER,
    FIRST_PASSWORD,
    INGEST_KEY,
    OPERATOR_KEY,
    ensure_administrator,
    ensure_operator_key,
    ensure_partner_key,
    ensure_worker_key,
    partner_key_name,
    running_in,
)
from parkwacht_api.migrations.upgrade import upgrade_database
from parkwacht_api.release import VERIFIED
from parkwacht_api.schemas import EventDetail, LegalBasis, VerdictIn
from parkwacht_api.shipper import ship_once
from parkwacht_api.supervise import Child, free_port, wait_until_ready
from parkwacht_api.terminal import Terminal
from parkwacht_config.errors import ForwardingError
from parkwacht_config.secrets import read_secret, write_secret
from parkwacht_config.settings import Settings
from parkwacht_config.site import ReceiverRole, Release, Site
from parkwacht_config.text import Text
from parkwacht_vision.spool import Spool

ACKNOWLEDGE_WITHIN_S = 60.0


@dataclass
class Demo:
    """
    One run of the demo.

    `state_dir` is the demo's own; it is emptied at the start, because the demo shows one night.
    """

    terminal: Terminal
    site: Site
    recordings: list[Recording]
    state_dir: Path
    children: dict[str, Child] = field(default_factory=dict)
    url: str = ""
    worker: subprocess.Popen[bytes] | None = None

    def prepare(self, port: int) -> None:
        """Empty the demo's folder, make its database, keys and secrets, and plan its processes."""
        self._forget_keys()
        running = running_in(self.state_dir)
        if running is not None:
            text = Text(
                nl=f"er draait al een demo op {running.url}; sluit die eerst (Ctrl-C)",
                en=f"a demo already runs at {running.url}; end it first (Ctrl-C)",
            )
            raise ForwardingError(text)
        shutil.rmtree(self.state_dir, ignore_errors=True)
        self.state_dir.mkdir(parents=True)
        settings = self.demo_settings()
        upgrade_database(settings.sqlalchemy_url)
        database = Database(settings.sqlalchemy_url)
        at = datetime.now(UTC)
        ensure_worker_key(database, self.state_dir, at=at)
        ensure_operator_key(database, self.state_dir, at=at)
        ensure_administrator(database, self.state_dir, at=at)
        urls = {}
        self.url = f"http://127.0.0.1:{free_port(port)}"
        for number, receiver in enumerate(self.site.receivers):
            ensure_partner_key(database, receiver, self.state_dir, at=at)
            secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
            write_secret(receiver.secret_env, secret, self.state_dir)
            # 8091 and 8092 by default, as in the park file; a demo at another port has its own.
            partner_port = free_port(port + 11 + number)
            urls[receiver.id] = f"http://127.0.0.1:{partner_port}/"
            self.children[receiver.id] = self._child(
                receiver.id, ["partner", receiver.id, "--port", str(partner_port)]
            )
        self.site = replace(
            self.site,
            receivers=tuple(r.model_copy(update={"url": urls[r.id]}) for r in self.site.receivers),
        )
        port_now = self.url.rsplit(":", 1)[1]
        self.children["api"] = self._child("api", ["serve", "--no-deliver", "--port", port_now])
        self.children["outbox"] = self._child("outbox", ["deliver"])

    def _forget_keys(self) -> None:
        """Keep keys and secrets of a real service out of the demo: it makes its own."""
        names = {INGEST_KEY, OPERATOR_KEY, FIRST_PASSWORD}
        for receiver in self.site.receivers:
            names |= {receiver.secret_env, partner_key_name(receiver.id)}
        for name in names:
            os.environ.pop(name, None)

    def demo_settings(self) -> Settings:
        """Return the settings of the demo's own processes."""
        return self.terminal.settings.model_copy(
            update={
                "state_dir": self.state_dir,
                "database_url": None,
                "forwarding": "local",
                "ingest_key": None,
                "operator_key": None,
            }
        )

    def _child(self, name: str, arguments: list[str]) -> Child:
        return Child(name, arguments, {}, self.state_dir / "log" / f"{name}.log")

    def environment(self) -> dict[str, str]:
        """Return what the demo's processes are told."""
        urls = {receiver.id: receiver.url for receiver in self.site.receivers}
        return {
            "PARKWACHT_STATE_DIR": str(self.state_dir),
            "PARKWACHT_SITE": str(self.site.path.resolve()),
            "PARKWACHT_API_URL": self.url,
            "PARKWACHT_FORWARDING": "local",
            "PARKWACHT_RECEIVER_URLS": json.dumps(urls),
            "PARKWACHT_LANGUAGE": self.terminal.settings.language.value,
            "PARKWACHT_DATABASE_URL": self.demo_settings().sqlalchemy_url,
            "PARKWACHT_DETECTOR": self.detector(),
        }

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the demo's processes for the length of a block."""
        environment = self.environment()
        try:
            for child in self.children.values():
                child.environment = environment
                child.start()
            wait_until_ready(f"{self.url}/health/live", self.children["api"])
            for receiver in self.site.receivers:
                root = receiver.url.rsplit("/", 1)[0]
                wait_until_ready(f"{root}/received", self.children[receiver.id])
            yield
        finally:
            for child in self.children.values():
                child.stop()

    def detector(self) -> str:
        """Return which detector the demo takes; it downloads no weights by itself."""
        settings = self.terminal.settings
        if settings.detector == "auto" and settings.weights is None:
            return "embedded"
        return settings.detector

    def watch(self) -> None:
        """
        Watch the recordings in a process of its own; one that is killed is started again.

        Raises
        ------
        ForwardingError
            The worker ends with an error.
        """
        arguments = [str(recording.path) for recording in self.recordings]
        environment = {**os.environ, **self.environment()}
        for _ in range(20):
            self.worker = subprocess.Popen(  # noqa: S603 -- our own command and arguments
                [sys.executable, "-m", "parkwacht_api", "watch", "--no-wait", *arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
            )
            while self.worker.poll() is None:
                self.revive()
                time.sleep(0.1)
            if self.worker.returncode >= 0:
                break
            self.terminal.warn(
                "De kijker werd gedood en begint opnieuw.", "The worker was killed; starting again."
            )
        if self.worker is None or self.worker.returncode != 0:
            code = None if self.worker is None else self.worker.returncode
            text = Text(
                nl=f"de kijker eindigde met code {code}",
                en=f"the worker ended with code {code}",
            )
            raise ForwardingError(text)

    def revive(self) -> None:
        """Start again whatever process died."""
        for child in self.children.values():
            if child.revive():
                self.terminal.warn(
                    f"{child.name} was gestopt en is opnieuw gestart.",
                    f"{child.name} had stopped and was started again.",
                )

    def client(self) -> ServiceClient:
        """Return a client with the operator's key."""
        key = read_secret(OPERATOR_KEY, self.state_dir)
        return ServiceClient(
            self.url, key.get_secret_value(), language=self.terminal.settings.language
        )

    def outcomes(self, client: ServiceClient) -> list[Outcome]:
        """Ask the service what became of every recording."""
        details = [client.event(event.id) for event in client.events(limit=200)]
        return [
            match_events(
                recording,
                [one for one in details if one.record["source"]["name"] == recording.path.name],
            )
            for recording in self.recordings
        ]

    def wait_for_acknowledgements(self, client: ServiceClient) -> list[Outcome]:
        """Wait until every delivery was acknowledged by a person, or the time ran out."""
        deadline = time.monotonic() + ACKNOWLEDGE_WITHIN_S
        while True:
            self.revive()
            try:
                self._ship_rest()
                outcomes = self.outcomes(client)
            except ForwardingError:
                if time.monotonic() > deadline:
                    raise
                outcomes = []
            waiting = [
                one for out in outcomes for one in out.deliveries if one.acknowledged_at is None
            ]
            if outcomes and not waiting:
                return outcomes
            if time.monotonic() > deadline:
                return outcomes
            time.sleep(0.25)

    def _ship_rest(self) -> None:
        """Bring what a killed worker or a dead service left in the spool."""
        spool = Spool(self.state_dir / "spool")
        if spool.entries():
            key = read_secret(INGEST_KEY, self.state_dir).get_secret_value()
            if ship_once(spool, self.url, key).n_kept:
                text = Text(nl="de spool is nog niet leeg", en="the spool is not empty yet")
                raise ForwardingError(text)

    def verify_one(self, client: ServiceClient, outcomes: list[Outcome]) -> EventDetail | None:
        """Verify the first event as an operator would, which releases it to the police."""
        events = [event for outcome in outcomes for event in outcome.events]
        if not events:
            return None
        verdict = VerdictIn(
            verdict="verified",
            person="J. Jansen (demo)",
            reason=Text(
                nl="Persoon in de afgesloten zone, geen bekende van het park.",
                en="Person in the closed zone, nobody known to the park.",
            ).to(self.terminal.settings.language),
            avs_level=2,
            legal_basis=LegalBasis.OWN_INITIATIVE,
        )
        deadline = time.monotonic() + ACKNOWLEDGE_WITHIN_S
        while True:
            try:
                event = client.event(events[0].id)
                if event.review_state == "verified":  # the answer of the last try was lost
                    return event
                return client.judge(event.id, verdict, version=event.version)
            except ForwardingError:
                if time.monotonic() > deadline:
                    raise
                self.revive()
                time.sleep(0.25)

    def police_got_it(self, outcomes: list[Outcome], verified: EventDetail | None) -> bool:
        """Say whether the verified event, and no other, was acknowledged by the police."""
        police = {r.id for r in self.site.receivers if r.role is ReceiverRole.POLICE}
        if not any(r.release is Release.ON_VERIFIED for r in self.site.receivers if r.id in police):
            return True
        got = {
            one.event_id
            for outcome in outcomes
            for one in outcome.deliveries
            if one.receiver_id in police
            and one.kind == VERIFIED
            and one.acknowledged_at is not None
        }
        return verified is not None and got == {verified.id}


def demo_folder(settings: Settings) -> Path:
    """Return the demo's own state folder."""
    return settings.state_dir / DEMO_FOLDER


def run_demo(terminal: Terminal, site: Site, folder: Path, *, port: int, once: bool) -> int:
    """
    Run the demo and return the exit code: 0 when all was found, forwarded and acknowledged.

    Parameters
    ----------
    terminal
        Where it prints.
    site
        The sample park.
    folder
        The sample recordings.
    port
        Preferred port of the service.
    once
        End after the table instead of serving on.
    """
    demo = Demo(terminal, site, load_recordings(folder), demo_folder(terminal.settings))
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)  # so that the processes below end with this one
    demo.prepare(port)
    terminal.say(
        f"Dienst op {demo.url}; logboeken in {demo.state_dir / 'log'}",
        f"Service at {demo.url}; logs in {demo.state_dir / 'log'}",
    )
    with demo.running():
        demo.watch()
        with demo.client() as client:
            outcomes = demo.wait_for_acknowledgements(client)
            verified = demo.verify_one(client, outcomes)
            outcomes = demo.wait_for_acknowledgements(client)
        print_outcomes(terminal, outcomes, ZoneInfo(site.timezone))
        police = demo.police_got_it(outcomes, verified)
        is_right = police and all(outcome.is_right for outcome in outcomes)
        _say_result(terminal, demo, verified, police=police, is_right=is_right)
        if not once:
            _serve_on(terminal, demo)
    return 0 if is_right else 1


def _end(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def _say_result(
    terminal: Terminal, demo: Demo, verified: EventDetail | None, *, police: bool, is_right: bool
) -> None:
    if verified is not None:
        told = ("ja", "yes") if police else ("NEE", "NO")
        terminal.say(
            f"Gebeurtenis {verified.id}: bevestigd door een operator; bij de politie: {told[0]}",
            f"Event {verified.id}: verified by an operator; with the police: {told[1]}",
        )
    if is_right:
        terminal.say("[green]Alles gevonden en gezien.[/]", "[green]All found and seen.[/]")
    else:
        terminal.warn(
            f"Niet alles klopt; zie de tabel en {demo.state_dir / 'log'}",
            f"Not all is right; see the table and {demo.state_dir / 'log'}",
        )


def _serve_on(terminal: Terminal, demo: Demo) -> None:
    password = read_secret(FIRST_PASSWORD, demo.state_dir).get_secret_value()
    terminal.say(
        f"\nBekijk het in de browser: [bold]{demo.url}[/]\n"
        f"Account: [bold]{FIRST_NAME}[/]  wachtwoord voor één keer: [bold]{password}[/]",
        f"\nSee it in the browser: [bold]{demo.url}[/]\n"
        f"Account: [bold]{FIRST_NAME}[/]  password for one log-in: [bold]{password}[/]",
    )
    for receiver in demo.site.receivers:
        terminal.console.print(f"{receiver.name}: {receiver.url.rsplit('/', 1)[0]}")
    terminal.say("Ctrl-C stopt.", "Ctrl-C ends it.")
    try:
        while True:
            demo.revive()
            time.sleep(1.0)
    except KeyboardInterrupt:
        terminal.say("Gestopt.", "Ended.")
