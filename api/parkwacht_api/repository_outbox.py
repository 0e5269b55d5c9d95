"""
What the outbox asks the database: what is due, and how each way to a partner is.

A way is one channel of one receiver. A wait is over at its end, and also where the clock was set
back to before its beginning: nothing waits for a day because a clock was wrong for a second.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from parkwacht_api.models import Attempt, Delivery, Heartbeat
from parkwacht_api.models_incidents import PartnerState

Way = tuple[str, str]
# Two processes read the clock a moment apart; that is no clock that went back.
SLACK = timedelta(seconds=1)


def is_over(since: datetime | None, wait_s: float, at: datetime) -> bool:
    """Say whether a wait is over; so it is where it lies in the future or never began."""
    if since is None:
        return True
    return not -SLACK <= at - since < timedelta(seconds=wait_s)


def _is_due(at: datetime, lease_s: float) -> ColumnElement[bool]:
    waits_since = func.coalesce(Delivery.put_off_at, Delivery.created_at)
    lease = timedelta(seconds=lease_s)
    return and_(
        Delivery.state == "pending",
        or_(Delivery.due_at <= at, waits_since > at + SLACK),
        or_(
            Delivery.lease_until.is_(None),
            Delivery.lease_until < at,
            Delivery.lease_until > at + 2 * lease,
        ),
    )


def due_ways(session: Session, at: datetime, *, lease_s: float) -> Sequence[Way]:
    """Return the ways for which something is to be sent now, without taking a lock."""
    query = select(Delivery.receiver_id, Delivery.channel_id).where(_is_due(at, lease_s))
    return [(row[0], row[1]) for row in session.execute(query.distinct())]


def due_deliveries(
    session: Session,
    way: Way,
    at: datetime,
    *,
    lease_s: float,
    limit: int,
    without: Collection[UUID] = (),
) -> Sequence[Delivery]:
    """
    Return and lock what is to be sent over one way now, the newest alarm first.

    Parameters
    ----------
    session
        A writing transaction.
    way
        The receiver and its channel.
    at
        The present instant.
    lease_s
        How long a lease lasts.
    limit
        Most deliveries to return.
    without
        Deliveries that this process is sending: a clock that jumps does not send them twice.
    """
    query = (
        select(Delivery)
        .where(
            _is_due(at, lease_s),
            Delivery.receiver_id == way[0],
            Delivery.channel_id == way[1],
            Delivery.id.not_in(without),
        )
        .order_by(Delivery.created_at.desc(), Delivery.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return session.scalars(query).all()


def stale_deliveries(
    session: Session, way: Way, at: datetime, *, released_before: datetime, limit: int
) -> Sequence[Delivery]:
    """Return and lock what waits for one way since before an instant and is not being sent."""
    query = (
        select(Delivery)
        .where(
            Delivery.state == "pending",
            Delivery.receiver_id == way[0],
            Delivery.channel_id == way[1],
            Delivery.due_at <= at,  # what waits for the end of quiet hours is not late
            func.coalesce(Delivery.replayed_at, Delivery.created_at) < released_before,
            or_(Delivery.lease_until.is_(None), Delivery.lease_until < at),
        )
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return session.scalars(query).all()


def first_attempts(session: Session, delivery_ids: Collection[UUID]) -> dict[UUID, int]:
    """Return the id of the first attempt of some deliveries."""
    query = select(Attempt.delivery_id, func.min(Attempt.id)).where(
        Attempt.delivery_id.in_(delivery_ids)
    )
    return {row[0]: row[1] for row in session.execute(query.group_by(Attempt.delivery_id))}


def partner_states(session: Session) -> dict[Way, PartnerState]:
    """Return how every way is, as far as anything was heard of it."""
    rows = session.scalars(select(PartnerState)).all()
    return {(row.receiver_id, row.channel_id): row for row in rows}


def partner_state(session: Session, way: Way, at: datetime) -> PartnerState:
    """Return and lock how one way is; a way that was never used begins as unknown."""
    key = {"receiver_id": way[0], "channel_id": way[1]}
    row = session.get(PartnerState, key, with_for_update=True)
    if row is not None:
        return row
    new = PartnerState(**key, state="unknown", since=at, n_failures=0, detail="", data={})
    try:
        with session.begin_nested():
            session.add(new)
    except IntegrityError:  # another process was a moment earlier
        return session.get_one(PartnerState, key, with_for_update=True)
    return new


def count_given_up(session: Session) -> dict[str, int]:
    """Return how many deliveries to each receiver were given up and wait for a person."""
    query = select(Delivery.receiver_id, func.count()).where(
        Delivery.state.in_(("dead", "refused"))
    )
    return {row[0]: row[1] for row in session.execute(query.group_by(Delivery.receiver_id))}


def worker_heartbeats(session: Session, *, lock: bool = True) -> Sequence[Heartbeat]:
    """Return the last sign of life of every worker; `lock` keeps others from them."""
    query = select(Heartbeat).where(Heartbeat.name.startswith("worker:")).order_by(Heartbeat.name)
    return session.scalars(query.with_for_update() if lock else query).all()


def oldest_due(session: Session) -> dict[Way, datetime]:
    """Return since when something is due, for every way for which something waits."""
    query = select(Delivery.receiver_id, Delivery.channel_id, func.min(Delivery.due_at)).where(
        Delivery.state == "pending"
    )
    rows = session.execute(query.group_by(Delivery.receiver_id, Delivery.channel_id))
    return {(row[0], row[1]): row[2] for row in rows}
