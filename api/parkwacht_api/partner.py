"""
A small real receiver that plays a security company or the police.

It checks the signature by its own code, writes what it took to a journal and syncs it BEFORE it
answers, knows a delivery that comes twice by its webhook-id, and then, as a person at a desk
would, acknowledges it at the service with its own key, until the service has it. The journal is
all it needs to go on after a crash.
"""

import base64
import hashlib
import hmac
import html
import json
import logging
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI, Request
from pydantic import SecretStr
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, JSONResponse, Response

from parkwacht_api.release import is_on_this_machine
from parkwacht_api.security import BodyLimit, SecurityHeaders
from parkwacht_api.serve import run_server
from parkwacht_config.clock import Clock, SystemClock

logger = logging.getLogger(__name__)

TOLERANCE_S = 300
RETRY_S = 1.0


@dataclass(frozen=True, slots=True)
class PartnerConfig:
    """One receiver that is played on this machine."""

    name: str
    secret: SecretStr  # whsec_...
    journal: Path  # what was received and acknowledged, one JSON object per line
    api_url: str
    api_key: SecretStr
    person: str = "Meldkamer"
    host: str = "127.0.0.1"
    port: int = 8091
    acknowledge_after_s: float = 0.5
    clock: Clock = field(default_factory=SystemClock)


def is_genuine(secret: str, headers: dict[str, str], body: bytes, *, now_s: float) -> bool:
    """
    Check a Standard Webhooks signature and its age.

    Parameters
    ----------
    secret
        The shared `whsec_` secret.
    headers
        The request's headers, names in lower case.
    body
        The bytes as they came.
    now_s
        The present instant, in unix seconds.
    """
    stamp = headers.get("webhook-timestamp", "")
    if not stamp.isascii() or not stamp.isdigit() or abs(now_s - int(stamp)) > TOLERANCE_S:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    message = f"{headers.get('webhook-id', '')}.{stamp}.".encode() + body
    wanted = base64.b64encode(hmac.digest(key, message, hashlib.sha256)).decode()
    given = [one.partition(",") for one in headers.get("webhook-signature", "").split()]
    return any(
        version == "v1" and hmac.compare_digest(wanted.encode(), value.encode())
        for version, _, value in given
    )


class Journal:
    """What was received and acknowledged, on disk before anybody is told."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self.received: dict[str, dict[str, Any]] = {}
        self.acknowledged: dict[str, str] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            self._load()

    def _load(self) -> None:
        for line in self._path.read_bytes().splitlines(keepends=True):
            # A crash may leave half a last line: it was never answered, so it comes again.
            if line.endswith(b"\n"):
                self._take(json.loads(line))
            else:
                os.truncate(self._path, self._path.stat().st_size - len(line))

    def _take(self, entry: dict[str, Any]) -> None:
        if entry["what"] == "received":
            self.received[entry["webhook_id"]] = entry
        else:
            self.acknowledged[entry["webhook_id"]] = entry["at"]

    def _append(self, entry: dict[str, Any]) -> None:
        with self._path.open("ab") as file:
            file.write(json.dumps(entry, ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._take(entry)

    def receive(self, webhook_id: str, payload: dict[str, Any], at: str) -> bool:
        """Write a delivery down, once; False where it was known."""
        with self._lock:
            if webhook_id in self.received:
                self.received[webhook_id]["n_repeats"] += 1
                return False
            entry = {"what": "received", "webhook_id": webhook_id, "at": at, "n_repeats": 0}
            self._append({**entry, "payload": payload})
            return True

    def acknowledge(self, webhook_id: str, at: str) -> None:
        """Write down that the service has the acknowledgement."""
        with self._lock:
            self._append({"what": "acknowledged", "webhook_id": webhook_id, "at": at})

    def open_ids(self) -> list[str]:
        """Return what was received but not yet acknowledged, oldest first."""
        with self._lock:
            return [one for one in self.received if one not in self.acknowledged]

    def as_json(self) -> list[dict[str, Any]]:
        """Return everything received, oldest first."""
        with self._lock:
            return [
                {**entry, "acknowledged_at": self.acknowledged.get(webhook_id)}
                for webhook_id, entry in self.received.items()
            ]


class Acknowledger(threading.Thread):
    """The person at the desk: takes up what came in, until the service knows."""

    def __init__(self, config: PartnerConfig, journal: Journal) -> None:
        super().__init__(name=f"desk-{config.name}", daemon=True)
        self._config = config
        self._journal = journal
        self._stop_event = threading.Event()
        self.came_in = threading.Event()

    def end(self) -> None:
        """End the desk's work."""
        self._stop_event.set()
        self.came_in.set()
        self.join()

    def run(self) -> None:
        """Acknowledge what is open, again and again."""
        headers = {"Authorization": f"Bearer {self._config.api_key.get_secret_value()}"}
        url = f"{self._config.api_url.rstrip('/')}/api/v1/deliveries"
        trust_env = not is_on_this_machine(url)
        with httpx.Client(headers=headers, timeout=10.0, trust_env=trust_env) as client:
            while not self._stop_event.is_set():
                self.came_in.clear()
                is_done = all(
                    self._acknowledge(client, url, one) for one in self._journal.open_ids()
                )
                self.came_in.wait(None if is_done else RETRY_S)

    def _acknowledge(self, client: httpx.Client, url: str, webhook_id: str) -> bool:
        if self._stop_event.wait(self._config.acknowledge_after_s):
            return False
        body = {"by": self._config.person, "note": self._config.name}
        try:
            answer = client.post(f"{url}/{webhook_id}/acknowledge", json=body)
        except httpx.HTTPError as error:
            logger.warning("%s cannot acknowledge: %s", self._config.name, error)
            return False
        if not answer.is_success:
            logger.warning("%s cannot acknowledge: %d", self._config.name, answer.status_code)
            return False
        self._journal.acknowledge(webhook_id, self._config.clock.now().isoformat())
        return True


def _page(config: PartnerConfig, journal: Journal) -> str:
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td>{html.escape(str(cell))}</td>"
            for cell in (
                one["at"][:19].replace("T", " "),
                one["payload"]["type"],
                one["payload"]["data"]["class"] or "-",
                one["payload"]["data"]["camera"]["name"] or one["payload"]["data"]["camera"]["id"],
                (one["acknowledged_at"] or "-")[:19].replace("T", " "),
            )
        )
        + "</tr>"
        for one in reversed(journal.as_json())
    )
    name = html.escape(config.name)
    return (
        '<!doctype html><html lang="nl"><head><meta charset="utf-8">'
        f"<title>{name}</title></head><body><h1>{name}</h1>"
        "<table><thead><tr><th>Ontvangen (UTC)</th><th>Soort</th><th>Klasse</th>"
        f"<th>Camera</th><th>Opgepakt (UTC)</th></tr></thead><tbody>{rows}</tbody></table>"
        "</body></html>"
    )


def _is_heartbeat(payload: object) -> bool:
    """Whether it only asks whether this receiver lives: nothing to write down or to take up."""
    return isinstance(payload, dict) and payload.get("type") == "heartbeat"


def _is_payload(payload: object) -> bool:
    if not isinstance(payload, dict) or not isinstance(payload.get("type"), str):
        return False
    data = payload.get("data")
    return isinstance(data, dict) and isinstance(data.get("camera"), dict) and "class" in data


def create_partner_app(config: PartnerConfig) -> FastAPI:
    """
    Make the receiver; POST / and /webhook take webhooks, GET / shows them, GET /received as JSON.

    Parameters
    ----------
    config
        Who is played, and where it acknowledges.
    """
    journal = Journal(config.journal)
    desk = Acknowledger(config, journal)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        desk.start()
        yield
        await run_in_threadpool(desk.end)

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(BodyLimit)
    app.add_middleware(SecurityHeaders)

    def take(headers: dict[str, str], body: bytes) -> int:
        secret = config.secret.get_secret_value()
        if not is_genuine(secret, headers, body, now_s=config.clock.now().timestamp()):
            return 401
        payload = json.loads(body)
        if _is_heartbeat(payload):
            return 204
        if not _is_payload(payload):
            return 422
        journal.receive(headers["webhook-id"], payload, config.clock.now().isoformat())
        desk.came_in.set()
        return 204

    @app.post("/")
    @app.post("/webhook")
    async def post_webhook(request: Request) -> Response:
        body = await request.body()
        return Response(status_code=await run_in_threadpool(take, dict(request.headers), body))

    @app.get("/")
    def get_page() -> HTMLResponse:
        return HTMLResponse(_page(config, journal))

    @app.get("/received")
    def get_received() -> JSONResponse:
        return JSONResponse(journal.as_json())

    return app


def serve_partner(config: PartnerConfig, *, stop: threading.Event | None = None) -> None:
    """
    Play a receiver until a signal ends the process, or until told to stop.

    Parameters
    ----------
    config
        Who is played, and where it listens.
    stop
        Ends it too.

    Raises
    ------
    ForwardingError
        The port is taken.
    """
    logger.info("%s listens at %s:%d", config.name, config.host, config.port)
    run_server(create_partner_app(config), config.host, config.port, stop=stop)
