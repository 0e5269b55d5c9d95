"""
One engine for SQLite and PostgreSQL: where a transaction begins and ends.

SQLite runs in WAL mode with synchronous=FULL, so that a committed alarm survives a loss of power.
A writing transaction there begins IMMEDIATE: a deferred one that wants to write later fails at
once with SQLITE_BUSY instead of waiting its turn.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import DateTime, Dialect, Engine, create_engine, event, func, make_url, select
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator

BUSY_TIMEOUT_MS = 10_000
WRITES = "parkwacht_writes"


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant, stored in UTC on both engines; a naive one is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(
        self,
        value: datetime | None,
        dialect: Dialect,
    ) -> datetime | None:
        """Turn an aware instant into UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            message = f"a naive datetime cannot be stored: {value!r}"
            raise ValueError(message)
        return value.astimezone(UTC)

    def process_result_value(
        self,
        value: datetime | None,
        dialect: Dialect,
    ) -> datetime | None:
        """Give back an aware instant in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _set_pragmas(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # The driver must not begin transactions by itself: `_begin` does, with the right kind.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin(connection: Any) -> None:  # noqa: ANN401  # SQLAlchemy's event gives no type here
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def create_database_engine(url: str) -> Engine:
    """
    Make the engine for a database URL; nothing is connected yet.

    Parameters
    ----------
    url
        `sqlite:///path` or `postgresql+psycopg://...`; `postgresql://` means psycopg 3.
    """
    parsed = make_url(url)
    if parsed.drivername in {"postgresql", "postgres"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, pool_pre_ping=True, pool_size=10, max_overflow=20)
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        parsed, connect_args={"check_same_thread": False}, pool_size=10, max_overflow=20
    )
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin)
    return engine


def take_turn(session: Session, number: int) -> None:
    """
    Let one transaction at a time past this point, until each ends.

    Parameters
    ----------
    session
        A writing transaction; on SQLite it is the only one already.
    number
        What the turn is for: one number per matter.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(number)))


class Database:
    """
    Where sessions come from: `reading` never takes the write lock, `writing` waits for it.

    Parameters
    ----------
    url
        As for `create_database_engine`.
    written
        Set after a commit that changed rows, for whoever waits for news in this process; several
        databases may share one.
    """

    def __init__(self, url: str, written: threading.Event | None = None) -> None:
        self.written = written or threading.Event()
        self.engine = create_database_engine(url)
        self._writer = self.engine.execution_options(**{WRITES: True})

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open one transaction that only reads; it begins at its first statement."""
        with Session(self.engine, expire_on_commit=False, autoflush=False) as session:
            yield session

    @contextmanager
    def writing(self, *, is_told: bool = True) -> Iterator[Session]:
        """
        Open one transaction that is committed at the end, or rolled back by an exception.

        Parameters
        ----------
        is_told
            Whether `written` is set; not where the waiting one itself writes.
        """
        is_news = threading.Event()
        with Session(self._writer, expire_on_commit=False) as session, session.begin():
            event.listen(session, "after_flush", lambda *_: is_news.set())
            yield session
        # Nobody is woken for a transaction that changed nothing.
        if is_told and is_news.is_set():
            self.written.set()

    def dispose(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()
