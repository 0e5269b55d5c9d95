"""
The processes that the chaos proof kills: the worker with its spool, the service, the senders.

Each is the real thing, forked. A fuse burns by the statements that the process gives its database;
where it ends the process kills itself with SIGKILL, in the middle of whatever it was doing.
"""

import hashlib
import itertools
import logging
import os
import resource
import signal
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine, event

from parkwacht_api.app import create_app
from parkwacht_api.database import Database
from parkwacht_api.forwarder import run_outbox
from parkwacht_api.outbox import OutboxPolicy
from parkwacht_api.serve import running_server
from parkwacht_api.shipper import run_shipper
from parkwacht_config.settings import Settings
from parkwacht_config.site import Site
from parkwacht_vision.event import FlaggedEvent
from parkwacht_vision.spool import Spool

JPEG = b"\xff\xd8\xff\xe0" + b"not much of a picture" * 20 + b"\xff\xd9"
POLICY = OutboxPolicy(
    delays_s=(0.1, 0.2, 0.4),
    rests_s=(0.2, 0.4),
    max_age=timedelta(seconds=20),
    max_refusals=1000,
    lease_s=3.0,
    timeout_s=1.0,
    poll_s=0.05,
)
PACE_S = 0.1
BACKLOG = 10  # a slow machine makes fewer events, not a longer queue
FULL_BYTES = 300


@dataclass(frozen=True, slots=True)
class Place:
    """Where the campaign happens."""

    settings: Settings
    site: Site
    port: int
    key: str
    home: Path
    ask: int


class SteppedClock:
    """The machine's clock plus a step that the campaign changes."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def now(self) -> datetime:
        """Return the present instant as this park's machine shows it."""
        return datetime.now(UTC) + timedelta(seconds=float(self._path.read_text() or 0))


class Fuse:
    """Kills this process at the n-th statement."""

    def __init__(self, length: int, ask: int, name: str) -> None:
        self._left = itertools.count(length, -1)
        self._ask, self._name = ask, name

    def burn(self, *given: Any) -> None:  # noqa: ANN401  # of several kinds of listener
        """Be told of a statement or of a commit that is about to be."""
        is_loop = threading.current_thread() is threading.main_thread()
        statement = given[2] if len(given) > 2 else "COMMIT"  # noqa: PLR2004
        if self._name == "sender" and is_loop and statement.startswith("SELECT"):
            return  # just looking whether there is anything
        if next(self._left) == 0:
            point = {"sender": "claim" if is_loop else "record"}.get(self._name, "ingest")
            os.write(self._ask, f"died {point}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)


def _light(fuse: Fuse | None) -> None:
    logging.disable(logging.CRITICAL)
    if fuse is not None:
        event.listen(Engine, "before_cursor_execute", fuse.burn)
        event.listen(Engine, "commit", fuse.burn)


def run_service(place: Place, fuse: Fuse | None, *, is_disk_full: bool = False) -> None:
    """Serve until killed."""
    _light(fuse)
    if is_disk_full:
        resource.setrlimit(resource.RLIMIT_FSIZE, (FULL_BYTES, FULL_BYTES))
    app = create_app(place.settings, place.site, SteppedClock(place.home / "clock"))
    with running_server(app, port=place.port):
        threading.Event().wait()


def run_sender(place: Place, fuse: Fuse | None) -> None:
    """Empty the outbox until killed."""
    _light(fuse)
    database = Database(place.settings.sqlalchemy_url)
    clock = SteppedClock(place.home / "clock")
    run_outbox(
        database, place.site, place.settings, stop=threading.Event(), clock=clock, policy=POLICY
    )


def make_event(site: Site, number: int) -> FlaggedEvent:
    """Make an event that is like the others but for its id and its hour."""
    # An hour apart by the clock of the world: each is an incident of its own.
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number)
    fields = {
        "id": uuid4(),
        "site_id": site.id,
        "camera_id": site.cameras[0].id,
        "zone_id": site.zones[0].id,
        "severity": "high",
        "object_class": "person",
        "confidence": 0.8,
        "started_at": at,
        "confirmed_at": at + timedelta(seconds=1),
        "wall_first_frame_at": datetime.now(UTC),
        "box": {
            "xyxy_px": (100.0, 80.0, 160.0, 240.0),
            "image_width_px": 1280,
            "image_height_px": 720,
            "at": at,
        },
        "position": None,
        "detector": {"name": "embedded", "model": "1"},
        "source": {"kind": "recording", "name": "chaos.mp4", "media_time_s": 4.0},
        "snapshot": {
            "name": "snapshot.jpg",
            "sha256": hashlib.sha256(JPEG).hexdigest(),
            "size": len(JPEG),
            "content_type": "image/jpeg",
        },
    }
    return FlaggedEvent.model_validate(fields)


def run_worker(place: Place, first: int, *, is_calm: bool) -> None:
    """Spool events, write down which lie there safely, and hand them over, until killed."""
    _light(None)
    spool = Spool(place.settings.spool_dir)
    url = f"http://127.0.0.1:{place.port}"
    shipper = threading.Thread(
        target=run_shipper,
        args=(spool, url, place.key),
        kwargs={"stop": threading.Event()},
        daemon=True,
    )
    shipper.start()
    with (place.home / "spooled").open("ab") as journal:
        for number in itertools.count(first):
            if is_calm:
                break
            flagged = make_event(place.site, number)
            spool.put_flagged(flagged, JPEG)
            journal.write(f"{flagged.id}\n".encode())
            journal.flush()
            os.fsync(journal.fileno())
            time.sleep(PACE_S)
            while len(spool.entries()) > BACKLOG:
                time.sleep(PACE_S)
    shipper.join()
