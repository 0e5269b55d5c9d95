"""A database of a million events with their incidents and deliveries, and who looks at it."""

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

import httpx
from sqlalchemy import func, select, text

from parkwacht_api.database import Database
from parkwacht_api.models import Event
from parkwacht_api.models_access import Account
from parkwacht_api.roles import Role
from parkwacht_api.web_sessions import Browser, open_session
from parkwacht_config.site import Site

N_ASKED = 21
PER_INCIDENT = 4
N_OPEN = 20  # incidents that are open at night
# Of every so many: one that nobody judged, one delivery that died.
UNREVIEWED_OF, DEAD_OF = 50, 10_000
CLASSES = ("person", "car", "bicycle", "moving")


def _numbers(*, is_sqlite: bool) -> str:
    if not is_sqlite:
        return "WITH n(i) AS (SELECT generate_series(1, :n)) "
    return "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :n) "


def _copy(table: str, numbers: str, changed: dict[str, str], columns: list[str]) -> str:
    """Write the statement that adds :n rows like the first of a table, but for some columns."""
    values = [changed.get(one, f"e.{one}") for one in columns]
    return (  # all of it is written here
        f"INSERT INTO {table} ({', '.join(columns)}) {numbers}"  # noqa: S608
        f"SELECT {', '.join(values)} FROM n, (SELECT * FROM {table} LIMIT 1) e"
    )


def _changes(site: Site, *, is_sqlite: bool) -> dict[str, dict[str, str]]:
    """Say how the rows of each table differ: by their number, `n.i`."""
    made = "printf('%032x', {})" if is_sqlite else "lpad(to_hex({}), 32, '0')::uuid"
    # The newest first, ten seconds apart: a million of them are 116 days.
    ago = (
        "strftime('%Y-%m-%d %H:%M:%f', e.{0}, '-' || ({1} * 10) || ' seconds') || '000'"
        if is_sqlite
        else "e.{0} - {1} * interval '10 seconds'"
    )
    incident = f"((n.i - 1) / {PER_INCIDENT} + 1)"
    place, kind = f"n.i % {len(site.cameras)}", f"n.i % {len(CLASSES)}"
    camera = " ".join(f"WHEN {i} THEN '{one.id}'" for i, one in enumerate(site.cameras))
    named = " ".join(f"WHEN {i} THEN '{one}'" for i, one in enumerate(CLASSES))
    judged = "CASE WHEN {} % " + str(UNREVIEWED_OF) + " = 0 THEN 'unreviewed' ELSE 'dismissed' END"
    first = f"n.i * {PER_INCIDENT}"
    opened = ("opened_at", "last_at", "received_at", "heard_at")
    return {
        "incident": {
            "id": made.format("n.i"),
            "number": "n.i + 1",
            "state": f"CASE WHEN n.i <= {N_OPEN} THEN 'open' ELSE 'closed' END",
            "review_state": judged.format("n.i"),
            **{one: ago.format(one, first) for one in opened},
            "n_events": str(PER_INCIDENT),
        },
        "event": {
            "id": "lower(hex(randomblob(16)))" if is_sqlite else "gen_random_uuid()",
            "incident_id": made.format(incident),
            "started_at": ago.format("started_at", "n.i"),
            "confirmed_at": ago.format("confirmed_at", "n.i"),
            "received_at": ago.format("received_at", "n.i"),
            "camera_id": f"CASE {place} {camera} END",
            "object_class": f"CASE {kind} {named} END",
            "review_state": judged.format("n.i"),
        },
        "delivery": {
            "id": made.format("n.i"),
            "incident_id": made.format("n.i"),
            "event_id": "NULL",
            "state": f"CASE WHEN n.i % {DEAD_OF} = 0 THEN 'dead' ELSE 'delivered' END",
            "created_at": ago.format("created_at", first),
            "due_at": ago.format("due_at", first),
            "escalate_at": "NULL",
        },
    }


def fill(database: Database, site: Site, n_events: int) -> None:
    """Multiply the first event, its picture's row, its incident and its delivery."""
    is_sqlite = database.engine.dialect.name == "sqlite"
    tables = Event.metadata.tables
    for table, changed in _changes(site, is_sqlite=is_sqlite).items():
        n_rows = n_events if table == "event" else n_events // PER_INCIDENT
        columns = [one.name for one in tables[table].columns]
        with database.writing() as session:
            statement = _copy(table, _numbers(is_sqlite=is_sqlite), changed, columns)
            session.execute(text(statement), {"n": n_rows})
    columns = [one.name for one in tables["media"].columns if one.name not in {"id", "event_id"}]
    files = (  # all of it is written here
        f"INSERT INTO media (event_id, {', '.join(columns)}) "  # noqa: S608
        f"SELECT e.id, {', '.join(f'm.{one}' for one in columns)} "
        "FROM event e, (SELECT * FROM media LIMIT 1) m WHERE e.id <> m.event_id"
    )
    with database.writing() as session:
        session.execute(text(files))
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    with database.reading() as session:
        n_there = session.scalar(select(func.count()).select_from(Event))
    if n_there != n_events + 1:
        message = f"{n_there} events instead of {n_events + 1}"
        raise RuntimeError(message)


def log_in(database: Database) -> dict[str, str]:
    """Make an operator's account and return the cookie of its session."""
    at = datetime.now(UTC)
    account = Account(
        id=uuid4(),
        name="bench",
        person="J. de Vries",
        role=Role.SECURITY_OPERATOR.value,
        password_hash="none",  # noqa: S106  # nobody logs in with it
        must_change=False,
        totp_last_step=0,
        created_at=at,
    )
    with database.writing() as session:
        session.add(account)
        session.flush()
        token = open_session(session, account, Browser("127.0.0.1", "bench"), at=at)
    return {"parkwacht_session": token}


def median_ms(ask: Callable[[], object], n_asked: int = N_ASKED) -> float:
    """Ask for something many times; how long one time takes."""
    times_ms = []
    for _ in range(n_asked):
        begun = time.perf_counter()
        ask()
        times_ms.append((time.perf_counter() - begun) * 1000)
    return statistics.median(times_ms)


def answer_ms(client: httpx.Client, path: str, holds: str = "") -> float:
    """Ask for a path many times; how long a whole answer takes, which must hold some text."""

    def ask() -> None:
        answer = client.get(path).raise_for_status()
        if holds not in answer.text:
            message = f"GET {path} does not hold {holds}"
            raise RuntimeError(message)

    return median_ms(ask)


def bare_page_ms(database: Database) -> float:
    """Read the same first page by one bare statement over an open connection; how long it takes."""
    events = Event.__table__
    shown = [one for one in events.columns if one.name not in {"record", "ending"}]
    newest = select(*shown).order_by(events.c.started_at.desc(), events.c.id.desc()).limit(50)
    with database.engine.connect() as connection:
        return median_ms(lambda: connection.execute(newest).all())
