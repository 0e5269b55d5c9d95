"""Deliveries as the channels get them, and a peer that answers what a test tells it to."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from pydantic import SecretStr

from parkwacht_api.receivers.channel import Message, SendContext
from parkwacht_api.receivers.http_client import make_client
from parkwacht_config.clock import Clock, SystemClock

DELIVERY_ID = UUID("0190a3c5-7a52-7c31-8a4f-2d5b6c7e8f90")
INCIDENT_ID = "0190a3c5-0000-7c31-8a4f-2d5b6c7e8f90"


class RunningClock:
    """A clock that runs, but wrong by a constant."""

    def __init__(self, offset: timedelta) -> None:
        self._offset = offset

    def now(self) -> datetime:
        """Return the wrong present instant."""
        return datetime.now(UTC) + self._offset


def make_payload(kind: str = "event.flagged", at: datetime | None = None, **data: Any) -> Any:
    """What is released: an incident numbered 12, a person at a crossing, at 52.21, 6.83."""
    at = at or datetime.now(UTC)
    base = "https://pw.example/api/v1"
    trouble = kind.startswith("trouble.")
    incident_kind = "camera_trouble" if trouble else "intrusion"
    return {
        "type": kind,
        "timestamp": at.isoformat(),
        "data": {
            "event_id": "0190a3c5-1111-7c31-8a4f-2d5b6c7e8f90",
            "incident": {
                "id": INCIDENT_ID, "number": 12, "n_events": 2, "severity": "high",
                "avs_level": 1, "state": "open", "kind": incident_kind,
            },
            "site": {"id": "josink_es", "name": "Josink Es"},
            "camera": {"id": "k1_crossing", "name": "Kruising Middenweg"},
            "zone": {"id": "z_crossing", "name": "Kruising café"},
            "class": "" if trouble else "person",
            "cause": "lost" if trouble else "",
            "confidence": 0.831,
            "severity": "high",
            "started_at": at.isoformat(),
            "position": {"x_m": 1.0, "y_m": 2.0, "lon": 6.8312, "lat": 52.2106},
            "links": {"event": f"{base}/events/1", "incident": f"{base}/incidents/{INCIDENT_ID}"},
            **data,
        },
    }  # fmt: skip


def make_message(
    kind: str = "event.flagged",
    *,
    at: datetime | None = None,
    serial: int = 40,
    snapshot: bytes | None = None,
    delivery_id: UUID = DELIVERY_ID,
    **data: Any,
) -> Message:
    at = at or datetime.now(UTC)
    payload = make_payload(kind, at, **data)
    return Message(delivery_id, kind, payload, at, serial, lambda: snapshot)


@contextmanager
def make_context(
    *,
    secrets: dict[str, str] | None = None,
    clock: Clock | None = None,
    timeout_s: float = 2.0,
    offset: timedelta = timedelta(0),
    forwarding: str = "live",
) -> Iterator[SendContext]:
    known = secrets or {}
    # Not verified, because loading the certificates takes longer than most of the tests.
    with make_client(timeout_s, httpx.create_ssl_context(verify=False)) as client:
        yield SendContext(
            client,
            lambda name: SecretStr(known[name]),
            timeout_s,
            forwarding,
            offset,
            clock or SystemClock(),
        )


def _rest(line: socket.socket) -> Iterator[bytes]:
    try:
        while part := line.recv(4096):
            yield part
    except OSError:
        return


@contextmanager
def scripted_peer(
    answer: Callable[[bytes, int], bytes | None], *, greets: bool = False
) -> Iterator[tuple[int, list[bytes]]]:
    """
    Listen on TCP; the first read of each connection is answered, None: closed without a word.

    One that `greets` speaks first. What comes after the answer is seen too.
    """
    seen: list[bytes] = []
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                line, _ = server.accept()
            except OSError:
                return
            with line:
                line.settimeout(5)
                if not greets:
                    seen.append(line.recv(4096))
                said = answer(seen[-1] if seen else b"", len(seen))
                if said is not None:
                    line.sendall(said)
                    line.settimeout(0.2)
                    seen.extend(_rest(line))

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server.getsockname()[1], seen
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()
