"""
Every question to the database, filtered by who asks.

`receiver_id` restricts an answer to what was released to one receiver; None sees everything. A
delivery that is held was never sent, so its receiver does not see it either.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, defer

from parkwacht_api.errors import RecordInvalid
from parkwacht_api.models import (
    Attempt,
    CameraTroubleRow,
    Delivery,
    Event,
    Heartbeat,
    ImageAccess,
    Media,
    Verdict,
    WatchReportRow,
)
from parkwacht_config.text import Text

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are asked for."""

    camera_id: str | None = None
    review_state: str | None = None
    object_class: str | None = None
    since: datetime | None = None


def encode_cursor(at: datetime, key: UUID) -> str:
    """Make an opaque cursor from the place where a page ended."""
    raw = json.dumps([at.isoformat(), str(key)]).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decode_cursor(cursor: str) -> tuple[datetime, UUID]:
    """
    Read a cursor back.

    Raises
    ------
    RecordInvalid
        It was not made here.
    """
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        at, key = json.loads(raw)
        instant, uuid = datetime.fromisoformat(at), UUID(key)
        instant = instant.astimezone(UTC)
    except (ValueError, TypeError, AttributeError, binascii.Error) as error:
        raise RecordInvalid(
            Text(nl="deze cursor is hier niet gemaakt", en="this cursor was not made here"),
            fields=[{"field": "query.cursor", "message": "not a cursor of this service"}],
        ) from error
    return instant, uuid


def read_page(
    session: Session,
    query: Select[Row],
    order: tuple[InstrumentedAttribute[datetime], InstrumentedAttribute[UUID]],
    *,
    cursor: str | None,
    limit: int,
) -> tuple[Sequence[Row], str | None]:
    """
    Return a page of what a query finds, newest first, and the cursor of the next.

    Parameters
    ----------
    session
        An open transaction.
    query
        What is asked for, in no order.
    order
        The columns with the instant and the id of a row.
    cursor
        Where the page before ended.
    limit
        Most rows on a page.

    Raises
    ------
    RecordInvalid
        The cursor was not made here.
    """
    at, key = order
    if cursor:
        last_at, last_key = decode_cursor(cursor)
        # The first part says nothing new, but it is the range of an index; an "or" is none.
        query = query.where(at <= last_at, or_(at < last_at, key < last_key))
    rows = session.scalars(query.order_by(at.desc(), key.desc()).limit(limit + 1)).all()
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    return rows[:limit], encode_cursor(getattr(last, at.key), getattr(last, key.key))


def released_to(
    receiver_id: str, incident_id: InstrumentedAttribute[UUID] | InstrumentedAttribute[UUID | None]
) -> ColumnElement[bool]:
    """Say, of the incident that a column names, whether a receiver was told anything of it."""
    return (
        select(Delivery.id)
        .where(
            Delivery.incident_id == incident_id,
            Delivery.receiver_id == receiver_id,
            Delivery.state != "held",
        )
        .exists()
    )


def events_page(
    session: Session,
    wanted: EventFilter,
    *,
    receiver_id: str | None,
    cursor: str | None,
    limit: int,
) -> tuple[Sequence[Event], str | None]:
    """
    Return a page of events, newest first, and the cursor of the next.

    Parameters
    ----------
    session
        An open transaction.
    wanted
        Which events.
    receiver_id
        Who asks, where that is a receiver.
    cursor
        Where the page before ended.
    limit
        Most events on a page.
    """
    # A list shows no records: they are the bulk of a row.
    query = select(Event).options(defer(Event.record), defer(Event.ending))
    for name in ("camera_id", "review_state", "object_class"):
        if value := getattr(wanted, name):
            query = query.where(getattr(Event, name) == value)
    if wanted.since:
        query = query.where(Event.started_at >= wanted.since)
    if receiver_id is not None:
        query = query.where(released_to(receiver_id, Event.incident_id))
    order = (Event.started_at, Event.id)
    return read_page(session, query, order, cursor=cursor, limit=limit)


def event_by_id(
    session: Session, event_id: UUID, *, receiver_id: str | None = None, lock: bool = False
) -> Event | None:
    """Return an event that this asker may see, or None; `lock` keeps others from changing it."""
    query = select(Event).where(Event.id == event_id)
    if receiver_id is not None:
        query = query.where(released_to(receiver_id, Event.incident_id))
    if lock:
        query = query.with_for_update()
    return session.scalar(query)


def media_of(session: Session, event_id: UUID) -> Sequence[Media]:
    """Return the files of an event, the snapshot first."""
    query = select(Media).where(Media.event_id == event_id).order_by(Media.id)
    return session.scalars(query).all()


def media_by_kind(session: Session, event_id: UUID, kind: str) -> Media | None:
    """Return one file of an event, or None."""
    return session.scalar(select(Media).where(Media.event_id == event_id, Media.kind == kind))


def verdicts_of(session: Session, event: Event) -> Sequence[Verdict]:
    """Return the verdicts on an event, also as part of its incident, oldest first."""
    as_part = and_(Verdict.event_id.is_(None), Verdict.incident_id == event.incident_id)
    query = select(Verdict).where(or_(Verdict.event_id == event.id, as_part)).order_by(Verdict.id)
    return session.scalars(query).all()


def deliveries_for(receiver_id: str | None) -> Select[Delivery]:
    """Ask for the deliveries that this asker may see."""
    query = select(Delivery)
    if receiver_id is not None:
        query = query.where(Delivery.receiver_id == receiver_id, Delivery.state != "held")
    return query


def deliveries_of(
    session: Session, event_ids: Sequence[UUID], *, receiver_id: str | None = None
) -> Sequence[Delivery]:
    """Return the deliveries of some events that this asker may see, oldest first."""
    query = deliveries_for(receiver_id).where(Delivery.event_id.in_(event_ids))
    return session.scalars(query.order_by(Delivery.created_at, Delivery.receiver_id)).all()


def delivery_by_id(
    session: Session, delivery_id: UUID, *, receiver_id: str | None = None, lock: bool = False
) -> Delivery | None:
    """Return a delivery that this asker may see, or None."""
    query = deliveries_for(receiver_id).where(Delivery.id == delivery_id)
    if lock:
        query = query.with_for_update()
    return session.scalar(query)


def deliveries_page(
    session: Session,
    *,
    receiver_id: str | None,
    state: str | None,
    cursor: str | None,
    limit: int,
) -> tuple[Sequence[Delivery], str | None]:
    """
    Return a page of deliveries, newest first, and the cursor of the next.

    Parameters
    ----------
    session
        An open transaction.
    receiver_id
        Who asks, where that is a receiver.
    state
        Only deliveries in this state.
    cursor
        Where the page before ended.
    limit
        Most deliveries on a page.
    """
    query = deliveries_for(receiver_id)
    if state:
        query = query.where(Delivery.state == state)
    order = (Delivery.created_at, Delivery.id)
    return read_page(session, query, order, cursor=cursor, limit=limit)


def count_deliveries(session: Session, states: Sequence[str]) -> dict[str, int]:
    """Return how many deliveries stand in each of some states; not in those that fill up."""
    query = select(Delivery.state, func.count()).where(Delivery.state.in_(states))
    return {row[0]: row[1] for row in session.execute(query.group_by(Delivery.state))}


def attempts_of(session: Session, delivery_ids: Sequence[UUID]) -> Sequence[Attempt]:
    """Return the attempts of some deliveries, oldest first."""
    query = select(Attempt).where(Attempt.delivery_id.in_(delivery_ids))
    return session.scalars(query.order_by(Attempt.number)).all()


def attempt_by_number(session: Session, delivery_id: UUID, number: int) -> Attempt | None:
    """Return one attempt of a delivery, or None."""
    query = select(Attempt).where(Attempt.delivery_id == delivery_id, Attempt.number == number)
    return session.scalar(query)


def watch_report_by_id(session: Session, report_id: UUID) -> WatchReportRow | None:
    """Return a watch report, or None."""
    return session.get(WatchReportRow, report_id)


def latest_watch_reports(session: Session, limit: int) -> Sequence[WatchReportRow]:
    """Return the latest watch reports, newest first."""
    query = select(WatchReportRow).order_by(WatchReportRow.started_at.desc(), WatchReportRow.id)
    return session.scalars(query.limit(limit)).all()


def watch_reports_between(
    session: Session, start: datetime, end: datetime
) -> Sequence[WatchReportRow]:
    """Return the watch reports of which a part lies between two instants, oldest first."""
    query = select(WatchReportRow).where(
        WatchReportRow.started_at < end, WatchReportRow.ended_at > start
    )
    return session.scalars(query.order_by(WatchReportRow.started_at, WatchReportRow.id)).all()


def troubles_between(
    session: Session, start: datetime, end: datetime
) -> Sequence[CameraTroubleRow]:
    """Return the troubles that cameras had at any time between two instants, oldest first."""
    row = CameraTroubleRow
    query = select(row).where(
        row.started_at < end, or_(row.ended_at.is_(None), row.ended_at > start)
    )
    return session.scalars(query.order_by(row.started_at, row.id)).all()


def last_watched(session: Session) -> dict[str, datetime]:
    """Return until when each camera was watched, as far as was reported."""
    query = select(WatchReportRow.camera_id, func.max(WatchReportRow.ended_at))
    return {row[0]: row[1] for row in session.execute(query.group_by(WatchReportRow.camera_id))}


def trouble_by_id(session: Session, trouble_id: UUID) -> CameraTroubleRow | None:
    """Return a camera's trouble and keep others from changing it, or None."""
    query = select(CameraTroubleRow).where(CameraTroubleRow.id == trouble_id)
    return session.scalar(query.with_for_update())


def troubles_page(
    session: Session,
    *,
    is_open: bool | None = None,
    camera_id: str | None = None,
    cursor: str | None = None,
    limit: int,
) -> tuple[Sequence[CameraTroubleRow], str | None]:
    """
    Return a page of the cameras' troubles, newest first, and the cursor of the next.

    Parameters
    ----------
    session
        An open transaction.
    is_open
        Only those that are, or are not, over.
    camera_id
        Only of this camera.
    cursor
        Where the page before ended.
    limit
        Most troubles on a page.
    """
    row = CameraTroubleRow
    query = select(row)
    if is_open is not None:
        query = query.where(row.ended_at.is_(None) if is_open else row.ended_at.is_not(None))
    if camera_id:
        query = query.where(row.camera_id == camera_id)
    order = (row.started_at, row.id)
    return read_page(session, query, order, cursor=cursor, limit=limit)


def image_accesses(session: Session, event_id: UUID | None = None) -> Sequence[ImageAccess]:
    """Return who read images, oldest first, of one event or of all."""
    query = select(ImageAccess).order_by(ImageAccess.id)
    if event_id is not None:
        query = query.where(ImageAccess.event_id == event_id)
    return session.scalars(query).all()


def heartbeat_of(session: Session, name: str) -> Heartbeat | None:
    """Return the last sign of life of a process, or None."""
    return session.get(Heartbeat, name)
