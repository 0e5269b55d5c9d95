"""A real service, real receivers and sample records, for the tests of the api."""

import atexit
import base64
import hashlib
import shutil
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
from pydantic import SecretStr

from parkwacht_api.app import create_app
from parkwacht_api.database import Database, create_database_engine
from parkwacht_api.keys import create_key
from parkwacht_api.migrations.upgrade import is_current, upgrade_database
from parkwacht_api.models_access import Account
from parkwacht_api.roles import SCOPES_OF, Role
from parkwacht_api.serve import running_server
from parkwacht_api.web_sessions import Browser, open_session
from parkwacht_config.clock import Clock, SystemClock
from parkwacht_config.loader import load_site
from parkwacht_config.secrets import write_secret
from parkwacht_config.settings import Settings
from parkwacht_config.site import Alarms, Receiver, ReceiverRole, Release, Site
from parkwacht_vision.event import CameraTrouble, EventEnding, FlaggedEvent, WatchReport

SITE_PATH = Path(__file__).parents[1] / "config" / "sites" / "josink_es.toml"
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
STARTED_AT = datetime(2026, 11, 20, 22, 14, 3, tzinfo=UTC)
JPEG = b"\xff\xd8\xff\xe0" + b"not much of a picture" * 20 + b"\xff\xd9"
# Nothing here speaks TLS; to read whom this machine trusts takes 30 ms for every client.
TRUSTS_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
MP4 = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 40


@cache
def sample_site() -> Site:
    return load_site(SITE_PATH)


def make_receiver(
    receiver_id: str,
    url: str,
    *,
    release: Release = Release.ON_FLAG,
    role: ReceiverRole = ReceiverRole.SECURITY_COMPANY,
) -> Receiver:
    return Receiver(
        id=receiver_id,
        name=f"Ontvanger {receiver_id}",
        role=role,
        url=url,
        secret_env=f"PARKWACHT_SECRET_{receiver_id.upper()}",
        release=release,
    )


# Every event is an incident of its own: for tests that count deliveries.
APART = Alarms(merge_within_s=0)


def make_site(*receivers: Receiver, alarms: Alarms = APART) -> Site:
    return replace(sample_site(), receivers=receivers, alarms=alarms)


def make_flagged(jpeg: bytes = JPEG, **changes: Any) -> FlaggedEvent:
    started_at = changes.get("started_at", STARTED_AT)
    site = sample_site()
    fields: dict[str, Any] = {
        "id": uuid4(),
        "site_id": site.id,
        "camera_id": site.cameras[0].id,
        "zone_id": site.zones[0].id,
        "severity": "high",
        "object_class": "person",
        "confidence": 0.83,
        "started_at": started_at,
        "confirmed_at": started_at + timedelta(seconds=1),
        "wall_first_frame_at": datetime.now(UTC),
        "box": {
            "xyxy_px": (100.0, 80.0, 160.0, 240.0),
            "image_width_px": 1280,
            "image_height_px": 720,
            "at": started_at + timedelta(seconds=1),
        },
        "position": {"x_m": site.cameras[0].x_m + 12, "y_m": site.cameras[0].y_m + 9},
        "detector": {"name": "embedded", "model": "1"},
        "source": {"kind": "recording", "name": "<night>.mp4", "media_time_s": 4.0},
        "snapshot": {
            "name": "snapshot.jpg",
            "sha256": hashlib.sha256(jpeg).hexdigest(),
            "size": len(jpeg),
            "content_type": "image/jpeg",
        },
    }
    return FlaggedEvent.model_validate(fields | changes)


def make_ending(event: FlaggedEvent, mp4: bytes | None = MP4, **changes: Any) -> EventEnding:
    clip = None
    if mp4 is not None:
        clip = {
            "name": "clip.mp4",
            "sha256": hashlib.sha256(mp4).hexdigest(),
            "size": len(mp4),
            "content_type": "video/mp4",
        }
    fields: dict[str, Any] = {
        "event_id": event.id,
        "ended_at": event.started_at + timedelta(seconds=9),
        "end_reason": "left",
        "object_class": "person",
        "confidence": 0.91,
        "path_m": ((0.0, 255380.0, 472100.0), (4.0, 255386.0, 472104.0)),
        "clip": clip,
    }
    return EventEnding.model_validate(fields | changes)


def media_record(name: str, data: bytes, content_type: str) -> dict[str, Any]:
    return {
        "name": name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "size": len(data),
        "content_type": content_type,
    }


def make_trouble(**changes: Any) -> CameraTrouble:
    site = sample_site()
    fields: dict[str, Any] = {
        "id": uuid4(),
        "site_id": site.id,
        "camera_id": site.cameras[0].id,
        "cause": "moved",
        "severity": "high",
        "started_at": STARTED_AT,
        "measure": 42.0,
        "unit": "px",
        "source": {"kind": "stream", "name": "rtsp://camera/1", "media_time_s": 60.0},
    }
    return CameraTrouble.model_validate(fields | changes)


def make_report(**changes: Any) -> WatchReport:
    site = sample_site()
    fields: dict[str, Any] = {
        "id": uuid4(),
        "site_id": site.id,
        "camera_id": site.cameras[0].id,
        "source": {"kind": "recording", "name": "night.mp4", "media_time_s": 0.0},
        "started_at": STARTED_AT,
        "ended_at": STARTED_AT + timedelta(minutes=30),
        "watched_s": 1500.0,
        "armed_s": 1800.0,
        "n_frames": 22500,
        "n_events": 1,
        "blind": ({"cause": "dark", "seconds": 300.0},),
        "detector": {"name": "embedded", "model": "1", "is_fallback": True, "reason": "no model"},
    }
    return WatchReport.model_validate(fields | changes)


@dataclass
class Seen:
    """One request that a receiver saw."""

    headers: dict[str, str]
    body: bytes
    at: float


@dataclass
class ReceiverStub:
    """A real HTTP receiver that answers as it is told."""

    url: str = ""
    answer: Callable[[int], tuple[int, dict[str, str], bytes]] = lambda _n: (204, {}, b"")
    seen: list[Seen] = field(default_factory=list)

    def ids(self) -> list[str]:
        return [one.headers["webhook-id"] for one in self.seen]


def answering(*statuses: int, **headers: str) -> Callable[[int], tuple[int, dict[str, str], bytes]]:
    """Answer with these statuses in turn, the last one for ever."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda n: (statuses[min(n, len(statuses) - 1)], named, b"said so")


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[None]:
    """Let a server answer in a thread of its own."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def receiver_stub(
    answer: Callable[[int], tuple[int, dict[str, str], bytes]] | None = None,
) -> Iterator[ReceiverStub]:
    stub = ReceiverStub()
    if answer is not None:
        stub.answer = answer

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            stub.seen.append(Seen(headers, body, time.monotonic()))
            status, extra, content = stub.answer(len(stub.seen) - 1)
            self.send_response(status)
            for name, value in extra.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("content-length", str(len(content)))
            self.end_headers()
            if status != 204:
                self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: object, client_address: object) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    stub.url = f"http://127.0.0.1:{server.server_port}/webhook"
    with serving(server):
        yield stub


def until(condition: Callable[[], bool], *, within_s: float = 15.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


@dataclass
class Service:
    """A running service with its keys."""

    url: str
    settings: Settings
    site: Site
    database: Database
    worker_key: str
    operator_key: str
    partner_keys: dict[str, str]
    clock: Clock

    def log_in(
        self, role: Role, *, receiver_id: str | None = None, person: str = "J. de Vries"
    ) -> str:
        """Give the cookie of a session of a new account; the login page has its own tests."""
        at = self.clock.now()
        account = Account(
            id=uuid4(),
            name=f"{role.value}.{uuid4().hex[:8]}",
            person=person,
            role=role.value,
            receiver_id=receiver_id,
            password_hash="none",
            must_change=False,
            totp_last_step=0,
            created_at=at,
        )
        with self.database.writing() as session:
            session.add(account)
            session.flush()
            return open_session(session, account, Browser("127.0.0.1", "test"), at=at)

    def browser(self, role: Role | None = None, *, receiver_id: str | None = None) -> httpx.Client:
        """Return a browser of a person of a role, or of nobody."""
        cookies = {}
        if role is not None:
            cookies["parkwacht_session"] = self.log_in(role, receiver_id=receiver_id)
        return httpx.Client(
            base_url=self.url,
            headers={"Accept": "text/html,*/*;q=0.8"},
            cookies=cookies,
            trust_env=False,
            verify=TRUSTS_NOBODY,
            timeout=20,
        )

    def client(self, key: str | None, **headers: str) -> httpx.Client:
        named = {"Accept-Language": "en", **headers}
        if key is not None:
            named["Authorization"] = f"Bearer {key}"
        return httpx.Client(
            base_url=self.url + "/api/v1",
            headers=named,
            trust_env=False,
            verify=TRUSTS_NOBODY,
            timeout=20,
        )

    def post_event(self, event: FlaggedEvent, jpeg: bytes = JPEG) -> httpx.Response:
        with self.client(self.worker_key) as client:
            return client.post("/events", files=event_parts(event, jpeg))

    def put_ending(
        self, ending: EventEnding, mp4: bytes | None = MP4, **more: bytes
    ) -> httpx.Response:
        files = [("ending", (None, ending.model_dump_json().encode(), "application/json"))]
        parts: list[Any] = [*files]
        if mp4 is not None:
            parts.append(("clip", ("clip.mp4", mp4, "video/mp4")))
        parts += [(kind, (kind, data, "")) for kind, data in more.items()]
        with self.client(self.worker_key) as client:
            return client.put(f"/events/{ending.event_id}/ending", files=parts)

    def stored(self, **changes: Any) -> FlaggedEvent:
        event = make_flagged(**changes)
        answer = self.post_event(event)
        assert answer.status_code == 201, answer.text
        return event

    def deliveries(self, event_id: UUID) -> list[dict[str, Any]]:
        with self.client(self.operator_key) as client:
            answer = client.get(f"/events/{event_id}")
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["deliveries"]
        return found


def event_parts(event: FlaggedEvent, jpeg: bytes = JPEG, still: bytes | None = None) -> list[Any]:
    parts: list[Any] = [
        ("event", (None, event.model_dump_json().encode(), "application/json")),
        ("snapshot", ("snapshot.jpg", jpeg, "image/jpeg")),
    ]
    if still is not None:
        parts.append(("still", ("still.jpg", still, "image/jpeg")))
    return parts


@cache
def migrated_file() -> Path:
    """Return a database without rows, to be copied: making its tables takes longer."""
    folder = Path(tempfile.mkdtemp(prefix="parkwacht-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    upgrade_database(f"sqlite:///{folder / 'parkwacht.db'}")
    return folder / "parkwacht.db"


def bring_up(url: str) -> None:
    """Make the tables, unless they were copied."""
    engine = create_database_engine(url)
    try:
        is_made = is_current(engine)
    finally:
        engine.dispose()
    if not is_made:
        upgrade_database(url)


@contextmanager
def running_service(
    state_dir: Path,
    site: Site,
    *,
    database_url: str | None = None,
    clock: Clock | None = None,
    port: int = 0,
    **settings: Any,
) -> Iterator[Service]:
    told = Settings(state_dir=state_dir, **settings)
    if database_url is not None:
        told = told.model_copy(update={"database_url": SecretStr(database_url)})
    state_dir.mkdir(parents=True, exist_ok=True)
    if database_url is None and not (state_dir / "parkwacht.db").exists():
        shutil.copy(migrated_file(), state_dir / "parkwacht.db")
    bring_up(told.sqlalchemy_url)
    for receiver in site.receivers:
        write_secret(receiver.secret_env, SECRET, state_dir)
    database = Database(told.sqlalchemy_url)
    at = (clock or SystemClock()).now()
    try:
        with running_server(create_app(told, site, clock), port=port) as url:
            yield Service(
                url=url,
                settings=told.model_copy(update={"api_url": url}),
                site=site,
                database=database,
                worker_key=create_key(database, "worker", SCOPES_OF[Role.CAMERA_WORKER], at=at),
                operator_key=create_key(database, "Desk", SCOPES_OF[Role.SECURITY_OPERATOR], at=at),
                partner_keys={
                    one.id: create_key(
                        database, one.name, SCOPES_OF[Role.PARTNER], at=at, receiver_id=one.id
                    )
                    for one in site.receivers
                },
                clock=clock or SystemClock(),
            )
    finally:
        database.dispose()
