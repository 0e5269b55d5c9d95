"""Databases of both kinds, and a service on each."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from api_harness import Service, make_receiver, make_site, migrated_file, running_service

from parkwacht_api.migrations.upgrade import upgrade_database
from parkwacht_config.site import ReceiverRole, Release

POSTGRES = Path("/usr/lib/postgresql/15/bin")
# Nothing listens there: what is released stays pending until a test runs an outbox.
NOWHERE = "http://127.0.0.1:9/webhook"
ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.server("postgresql"))]


def _as_postgres(*command: str) -> list[str]:
    if os.geteuid() != 0:
        return list(command)
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a cluster of our own and give its address, without a database's name."""
    if not (POSTGRES / "initdb").exists():
        message = f"PostgreSQL 15 is not installed under {POSTGRES}"
        if os.environ.get("PARKWACHT_REQUIRE_SERVERS") == "1":
            pytest.fail(message)
        pytest.skip(message)
    # Not below pytest's own folder: that is closed to the user postgres.
    home = Path("/tmp") / f"parkwacht-postgres-{uuid4().hex[:8]}"
    home.mkdir(mode=0o700)
    if os.geteuid() == 0:
        shutil.chown(home, "postgres", "postgres")
    data, port = home / "data", _free_port()
    initdb = [str(POSTGRES / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-N"]
    subprocess.run(_as_postgres(*initdb), check=True, capture_output=True, cwd="/tmp")
    options = ["-c", "fsync=off", "-c", "unix_socket_directories=", "-h", "127.0.0.1"]
    server = subprocess.Popen(
        _as_postgres(str(POSTGRES / "postgres"), "-D", str(data), "-p", str(port), *options),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/tmp",
    )
    url = f"postgresql://postgres@127.0.0.1:{port}"
    try:
        for _ in range(200):
            try:
                psycopg.connect(f"{url}/postgres").close()
                break
            except psycopg.OperationalError:
                time.sleep(0.1)
        yield url
    finally:
        server.send_signal(signal.SIGINT)  # a fast shutdown: connections are ended
        server.wait(timeout=30)
        shutil.rmtree(home, ignore_errors=True)


def _make_database(server: str, like: str = "template1") -> str:
    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{like}"'.encode())
    return name


@pytest.fixture(scope="session")
def migrated_name(postgres_server: str) -> str:
    """Name of a database with all tables and no rows: copying it takes less than making them."""
    name = _make_database(postgres_server)
    upgrade_database(f"{postgres_server}/{name}")
    return name


@pytest.fixture(params=ENGINES)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of a database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'test.db'}"
    server: str = request.getfixturevalue("postgres_server")
    return f"{server}/{_make_database(server)}"


@pytest.fixture(params=ENGINES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of a database with all tables and no rows."""
    if request.param == "sqlite":
        return f"sqlite:///{shutil.copy(migrated_file(), tmp_path / 'test.db')}"
    server: str = request.getfixturevalue("postgres_server")
    like: str = request.getfixturevalue("migrated_name")
    return f"{server}/{_make_database(server, like)}"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service on SQLite with a security company (at the flag) and the police (at a verdict)."""
    site = make_site(
        make_receiver("meldkamer", NOWHERE),
        make_receiver("politie", NOWHERE, release=Release.ON_VERIFIED, role=ReceiverRole.POLICE),
    )
    with running_service(tmp_path / "state", site) as running:
        yield running


@pytest.fixture
def any_service(tmp_path: Path, database_url: str) -> Iterator[Service]:
    """The same service, on each of the two engines."""
    site = make_site(
        make_receiver("meldkamer", NOWHERE),
        make_receiver("politie", NOWHERE, release=Release.ON_VERIFIED, role=ReceiverRole.POLICE),
    )
    with running_service(tmp_path / "state", site, database_url=database_url) as running:
        yield running
