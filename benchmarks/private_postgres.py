"""A PostgreSQL of our own, for as long as a benchmark takes; it can be made to crash."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg

BIN = Path("/usr/lib/postgresql/15/bin")
# The user postgres must be able to go there; a folder of the caller may be closed to it.
PLACE = Path("/tmp")  # noqa: S108


def free_port() -> int:
    """Return a TCP port where nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _as_postgres(*command: str) -> list[str]:
    if os.geteuid() != 0:
        return list(command)
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]


class PrivatePostgres:
    """One server; durable as it is in use: fsync is on."""

    def __init__(self, home: Path) -> None:
        self._data, self._port = home / "data", free_port()
        initdb = [str(BIN / "initdb"), "-D", str(self._data), "-U", "postgres", "-A", "trust"]
        subprocess.run(_as_postgres(*initdb), check=True, capture_output=True, cwd=PLACE)
        self._server = self._start()

    @property
    def url(self) -> str:
        """Its address, without a database's name."""
        return f"postgresql://postgres@127.0.0.1:{self._port}"

    def _start(self) -> "subprocess.Popen[bytes]":
        options = ["-c", "unix_socket_directories=", "-h", "127.0.0.1", "-p", str(self._port)]
        server = subprocess.Popen(
            _as_postgres(str(BIN / "postgres"), "-D", str(self._data), *options),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=PLACE,
        )
        for _ in range(300):
            try:
                psycopg.connect(f"{self.url}/postgres").close()
            except psycopg.OperationalError:
                time.sleep(0.1)
            else:
                return server
        message = "PostgreSQL does not come up"
        raise RuntimeError(message)

    def create_database(self) -> str:
        """Make an empty database and return its address."""
        name = f"bench_{uuid4().hex[:12]}"
        with psycopg.connect(f"{self.url}/postgres", autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return f"{self.url}/{name}"

    def crash(self) -> None:
        """End it as a power cut would (an immediate shutdown), and start it again."""
        self._server.send_signal(signal.SIGQUIT)
        self._server.wait(timeout=60)
        self._server = self._start()

    def stop(self) -> None:
        """End it."""
        self._server.send_signal(signal.SIGINT)
        self._server.wait(timeout=60)


@contextmanager
def private_postgres() -> Iterator[PrivatePostgres]:
    """Start a server in a folder of its own; both are gone at the end."""
    home = PLACE / f"parkwacht-postgres-{uuid4().hex[:8]}"
    home.mkdir(mode=0o700)
    if os.geteuid() == 0:
        shutil.chown(home, "postgres", "postgres")
    try:
        server = PrivatePostgres(home)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)
