"""
The receivers of the chaos proof: each bad in its own way, each honest in its journal.

What a receiver takes it writes down and syncs before it answers. `dead` and `redirecting` never
take anything; the others are bad at the first attempts of a delivery, or by chance.
"""

import os
import random
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

BAD = ("healthy", "slow", "half_closing", "garbage", "failing", "throttling")
NEVER = ("redirecting", "dead")
SLOW_S = 1.4  # longer than a sender waits: it was taken, but nobody heard so
KILL_CHANCE = 0.04


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, kind: str, journal: Path, ask: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.kind, self.ask = kind, ask
        self.journal = journal.open("ab")
        self.lock = threading.Lock()
        self.n_seen: dict[str, int] = {}
        self.random = random.Random(kind)  # noqa: S311  # no secret

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: senders die here all the time."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        """Take a delivery, or be bad."""
        self.rfile.read(int(self.headers["content-length"]))
        delivery_id, kind = self.headers["webhook-id"], self.server.kind
        with self.server.lock:
            n = self.server.n_seen.get(delivery_id, 0)
            self.server.n_seen[delivery_id] = n + 1
            chance = self.server.random.random()
        if chance < KILL_CHANCE / 2:
            self._ask_to_kill()  # before anything is written
        is_bad = n == 0 and chance < 0.7  # noqa: PLR2004
        if kind == "redirecting":
            self._answer(302, Location="http://127.0.0.1:9/")
        elif not is_bad or kind in {"healthy", "slow"}:
            self._take(delivery_id)
            if KILL_CHANCE / 2 < chance < KILL_CHANCE:
                self._ask_to_kill()  # written, but not answered
            if is_bad and kind == "slow":
                time.sleep(SLOW_S)
            self._answer(204)
        elif kind == "half_closing":
            self.connection.shutdown(socket.SHUT_WR)
            time.sleep(0.05)
        elif kind == "garbage":
            self.wfile.write(b"\xff\x00SSH-2.0-nonsense\r\n\r\n" * 3)
            self.close_connection = True
        else:
            self._answer(429 if kind == "throttling" else 500, **{"Retry-After": "1"})

    def _take(self, delivery_id: str) -> None:
        with self.server.lock:
            self.server.journal.write(delivery_id.encode() + b"\n")
            self.server.journal.flush()
            os.fsync(self.server.journal.fileno())

    def _ask_to_kill(self) -> None:
        os.write(self.server.ask, b"send\n")
        time.sleep(0.1)

    def _answer(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def serve_receivers(ports: dict[str, int], journals: Path, ask: int) -> None:
    """
    Play every receiver but the dead one, for ever.

    Parameters
    ----------
    ports
        Where each listens.
    journals
        Folder of what each took, one id a line.
    ask
        Pipe to ask that the senders be killed, while a request is under way.
    """
    servers = [_Server(ports[kind], kind, journals / kind, ask) for kind in (*BAD, "redirecting")]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    threading.Event().wait()
