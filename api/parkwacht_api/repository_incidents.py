"""
Every question to the database about incidents, filtered by who asks.

A receiver sees the incidents of which something was released to it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, false, or_, select
from sqlalchemy.orm import Session

from parkwacht_api.models import CameraTroubleRow, Delivery, Event, Verdict
from parkwacht_api.models_incidents import Handover, Incident, IncidentEntry, PartnerState
from parkwacht_api.repository import deliveries_for, read_page, released_to
from parkwacht_config.text import Text

INCIDENT = Text(nl="incident", en="incident")
# What died longer ago is no alarm any more.
ALARM_AGE = timedelta(hours=6)
MOST_UNFINISHED = 200


def incident_to_join(
    session: Session, event: Event, place: tuple[float, float] | None, within: tuple[float, float]
) -> Incident | None:
    """
    Return and lock the incident that an event belongs to, or None.

    Parameters
    ----------
    session
        A writing transaction that has the turn.
    event
        The event.
    place
        Where it was, EPSG:28992 in metres; None where that is unknown.
    within
        Seconds from the incident's last sign, and metres from its last place.
    """
    row, gap = Incident, timedelta(seconds=within[0])
    in_zone = (
        select(Event.id).where(Event.incident_id == row.id, Event.zone_id == event.zone_id).exists()
    )
    is_near: ColumnElement[bool] = in_zone
    if place is not None:
        dx_m, dy_m = row.x_m - place[0], row.y_m - place[1]
        is_near = or_(in_zone, dx_m * dx_m + dy_m * dy_m <= within[1] ** 2)
    query = select(row).where(
        row.kind == "intrusion",
        row.site_id == event.site_id,
        row.state.in_(("open", "over")),
        # What was judged to be a cat must not swallow the burglar after it.
        row.review_state != "dismissed",
        row.last_at > event.started_at - gap,
        row.opened_at < event.started_at + gap,
        is_near,
    )
    # The zone says more than the metres, which are the last event's.
    query = query.order_by(case((in_zone, 0), else_=1), row.last_at.desc())
    return session.scalar(query.limit(1).with_for_update())


def incident_by_id(
    session: Session, incident_id: UUID, *, receiver_id: str | None = None, lock: bool = False
) -> Incident | None:
    """Return an incident that this asker may see, or None; `lock` keeps others from it."""
    query = select(Incident).where(Incident.id == incident_id)
    if receiver_id is not None:
        query = query.where(released_to(receiver_id, Incident.id))
    if lock:
        query = query.with_for_update()
    return session.scalar(query)


def seen_in(session: Session, incident: Incident) -> tuple[set[str], set[str]]:
    """Return the cameras and the classes of an incident's events."""
    query = select(Event.camera_id, Event.object_class).where(Event.incident_id == incident.id)
    rows = session.execute(query).all()
    return {row[0] for row in rows}, {row[1] for row in rows}


def classes_beside(session: Session, event: Event) -> set[str]:
    """Return the classes of the other events of an event's incident."""
    query = select(Event.object_class).where(
        Event.incident_id == event.incident_id, Event.id != event.id
    )
    return set(session.scalars(query))


def last_words(session: Session, incident: Incident) -> dict[str, Delivery]:
    """Return the last message that was planned for each receiver of an incident."""
    query = select(Delivery).where(Delivery.incident_id == incident.id)
    # By number, not by time: a clock may have been set back in between.
    rows = session.scalars(query.order_by(Delivery.sequence, Delivery.step))
    return {row.receiver_id: row for row in rows}


def withdraw_unsent(session: Session, incident: Incident, kind: str) -> list[str]:
    """Take back what no sender has touched of a kind about an incident; return to whom it was."""
    rows = _unsent(session, incident, kind)
    for row in rows:
        session.delete(row)
    return [row.receiver_id for row in rows]


def hasten_unsent(session: Session, incident: Incident, kind: str, at: datetime) -> None:
    """Let what was planned for later go now, but not what quiet hours hold longer than that."""
    for row in _unsent(session, incident, kind):
        planned_at = datetime.fromisoformat(row.payload["timestamp"])
        if at < row.due_at <= planned_at:
            row.due_at, row.payload = at, {**row.payload, "timestamp": at.isoformat()}


def _unsent(session: Session, incident: Incident, kind: str) -> Sequence[Delivery]:
    query = select(Delivery).where(
        Delivery.incident_id == incident.id,
        Delivery.kind == kind,
        Delivery.state.in_(("pending", "held")),
        Delivery.sent_at.is_(None),
    )
    return session.scalars(query.with_for_update()).all()


def is_told_of(session: Session, event: Event) -> bool:
    """Say whether any message was about this very event."""
    return (
        session.scalar(select(Delivery.id).where(Delivery.event_id == event.id).limit(1))
        is not None
    )


def incidents_without_sign(
    session: Session, before: datetime, *, unended_before: datetime
) -> Sequence[Incident]:
    """
    Return and lock the open intrusions that may be over, oldest first.

    Parameters
    ----------
    session
        A writing transaction that has the turn.
    before
        Their last sign, by the world's clock and by ours, is older.
    unended_before
        An event without an end is a sign too, unless it began before this.
    """
    query = select(Incident).where(_is_without_sign(before, unended_before))
    return session.scalars(query.order_by(Incident.last_at).with_for_update()).all()


def has_incidents_without_sign(
    session: Session, before: datetime, *, unended_before: datetime
) -> bool:
    """Say whether `incidents_without_sign` would return any, without taking a lock."""
    query = select(Incident.id).where(_is_without_sign(before, unended_before))
    return session.scalar(query.limit(1)) is not None


def _is_without_sign(before: datetime, unended_before: datetime) -> ColumnElement[bool]:
    goes_on = (
        select(Event.id)
        .where(
            Event.incident_id == Incident.id,
            Event.ended_at.is_(None),
            Event.received_at >= unended_before,
        )
        .exists()
    )
    return and_(
        Incident.state == "open",
        Incident.kind.in_(("intrusion", "test")),
        Incident.last_at < before,
        Incident.heard_at < before,
        ~goes_on,
    )


def last_event_of(session: Session, incident: Incident) -> Event | None:
    """Return the event of an incident that began last, or None."""
    query = select(Event).where(Event.incident_id == incident.id)
    return session.scalar(query.order_by(Event.started_at.desc(), Event.id.desc()).limit(1))


def open_troubles_of(session: Session, kind: str, subject: str) -> Sequence[Incident]:
    """Return and lock the troubles of a thing that are not closed, the latest first."""
    query = select(Incident).where(
        Incident.subject == subject, Incident.kind == kind, Incident.state != "closed"
    )
    return session.scalars(query.order_by(Incident.last_at.desc()).with_for_update()).all()


def events_of(session: Session, incident: Incident) -> Sequence[Event]:
    """Return the events of an incident, the first to begin first."""
    query = select(Event).where(Event.incident_id == incident.id)
    return session.scalars(query.order_by(Event.started_at, Event.id)).all()


def receivers_told(session: Session, incident: Incident, kinds: Sequence[str]) -> set[str]:
    """Return the receivers for which a message of one of some kinds was planned."""
    query = select(Delivery.receiver_id).where(
        Delivery.incident_id == incident.id, Delivery.kind.in_(kinds)
    )
    return set(session.scalars(query))


def waiting_deliveries(
    session: Session, incident_id: UUID, receiver_id: str | None
) -> Sequence[Delivery]:
    """
    Return and lock what nobody took up: the first alerts, or all that one receiver was sent.

    Parameters
    ----------
    session
        A writing transaction.
    incident_id
        Of which incident.
    receiver_id
        Of this receiver; None: the first alerts to all.
    """
    query = select(Delivery).where(
        Delivery.incident_id == incident_id,
        Delivery.acknowledged_at.is_(None),
        Delivery.kind == "event.flagged"
        if receiver_id is None
        else Delivery.receiver_id == receiver_id,
    )
    return session.scalars(query.order_by(Delivery.id).with_for_update()).all()


def has_open_trouble(session: Session, camera_id: str, cause: str) -> bool:
    """Say whether a camera has a trouble of a cause that is not over."""
    row = CameraTroubleRow
    query = select(row.id).where(
        row.camera_id == camera_id, row.cause == cause, row.ended_at.is_(None)
    )
    return session.scalar(query.limit(1)) is not None


def _way_fails() -> ColumnElement[bool]:
    return (
        select(PartnerState.receiver_id)
        .where(
            PartnerState.receiver_id == Delivery.receiver_id,
            PartnerState.channel_id == Delivery.channel_id,
            PartnerState.n_failures > 0,
        )
        .exists()
    )


def _to_escalate(
    at: datetime, failing_since: datetime, last_steps: Mapping[str, int]
) -> ColumnElement[bool]:
    has_another_way = or_(
        false(),
        *(
            and_(Delivery.receiver_id == receiver_id, Delivery.step < last_step)
            for receiver_id, last_step in last_steps.items()
        ),
    )
    # Ranges, each of an index: this is asked every second.
    is_silent = Delivery.escalate_at <= at
    # While a way rests only the newest is tried; the others must not wait behind it.
    is_waiting = and_(
        Delivery.state == "pending",
        Delivery.sent_at.is_(None),
        Delivery.due_at <= failing_since,
        _way_fails(),
    )
    is_failing = and_(Delivery.state == "pending", Delivery.sent_at <= failing_since)
    has_died = and_(Delivery.state.in_(("dead", "refused")), Delivery.due_at >= at - ALARM_AGE)
    return and_(
        Delivery.escalated_at.is_(None),
        or_(
            is_silent,
            *(and_(one, has_another_way) for one in (is_failing, is_waiting, has_died)),
        ),
    )


def has_deliveries_to_escalate(
    session: Session, at: datetime, failing_since: datetime, last_steps: Mapping[str, int]
) -> bool:
    """Say whether `deliveries_to_escalate` would return any, without taking a lock."""
    query = select(Delivery.id).where(_to_escalate(at, failing_since, last_steps))
    return session.scalar(query.limit(1)) is not None


def deliveries_to_escalate(
    session: Session, at: datetime, failing_since: datetime, last_steps: Mapping[str, int]
) -> Sequence[Delivery]:
    """
    Return and lock the messages that must take another channel, oldest first.

    One that a sender is recording at this very moment is left for the next look.

    Parameters
    ----------
    session
        A writing transaction that has the turn.
    at
        The present instant.
    failing_since
        A channel that has not taken a message since then is failing.
    last_steps
        Step of the last channel of each receiver.
    """
    query = select(Delivery).where(_to_escalate(at, failing_since, last_steps))
    query = query.order_by(Delivery.created_at).limit(100)
    return session.scalars(query.with_for_update(skip_locked=True)).all()


def same_message(session: Session, delivery: Delivery) -> Sequence[Delivery]:
    """Return the deliveries of one message to one receiver, over all channels that were tried."""
    query = select(Delivery).where(
        Delivery.incident_id == delivery.incident_id,
        Delivery.receiver_id == delivery.receiver_id,
        Delivery.kind == delivery.kind,
        Delivery.sequence == delivery.sequence,
    )
    return session.scalars(query.order_by(Delivery.step)).all()


def is_answered(session: Session, delivery: Delivery) -> bool:
    """Say whether a person at the receiver took the incident up, over whatever channel."""
    query = select(Delivery.id).where(
        Delivery.incident_id == delivery.incident_id,
        Delivery.receiver_id == delivery.receiver_id,
        Delivery.acknowledged_at.is_not(None),
    )
    return session.scalar(query.limit(1)) is not None


def last_verdict_of(session: Session, incident: Incident) -> Verdict | None:
    """Return the last verdict on an incident or on one of its events, or None."""
    query = select(Verdict).where(Verdict.incident_id == incident.id)
    return session.scalar(query.order_by(Verdict.id.desc()).limit(1))


@dataclass(frozen=True, slots=True)
class IncidentFilter:
    """Which incidents are asked for."""

    kind: str | None = None
    state: str | None = None
    review_state: str | None = None
    since: datetime | None = None


def incidents_page(
    session: Session,
    wanted: IncidentFilter,
    *,
    receiver_id: str | None,
    cursor: str | None,
    limit: int,
) -> tuple[Sequence[Incident], str | None]:
    """
    Return a page of incidents, newest first, and the cursor of the next.

    Parameters
    ----------
    session
        An open transaction.
    wanted
        Which incidents.
    receiver_id
        Who asks, where that is a receiver.
    cursor
        Where the page before ended.
    limit
        Most incidents on a page.
    """
    row = Incident
    query = select(row)
    for name in ("kind", "state", "review_state"):
        if value := getattr(wanted, name):
            query = query.where(getattr(row, name) == value)
    if wanted.kind is None:  # tests are seen by who asks for them: a failed one is a trouble
        query = query.where(row.kind != "test")
    if wanted.since:
        query = query.where(row.opened_at >= wanted.since)
    if receiver_id is not None:
        query = query.where(released_to(receiver_id, Incident.id))
    order = (row.opened_at, row.id)
    return read_page(session, query, order, cursor=cursor, limit=limit)


def verdicts_on(session: Session, incident_id: UUID) -> Sequence[Verdict]:
    """Return the verdicts on an incident and on its events, oldest first."""
    query = select(Verdict).where(Verdict.incident_id == incident_id).order_by(Verdict.id)
    return session.scalars(query).all()


def entries_of(session: Session, incident_id: UUID) -> Sequence[IncidentEntry]:
    """Return the duty log of an incident, oldest first."""
    query = select(IncidentEntry).where(IncidentEntry.incident_id == incident_id)
    return session.scalars(query.order_by(IncidentEntry.id)).all()


def deliveries_on(
    session: Session, incident_ids: Sequence[UUID], *, receiver_id: str | None = None
) -> Sequence[Delivery]:
    """Return the deliveries of some incidents that this asker may see, oldest first."""
    query = deliveries_for(receiver_id).where(Delivery.incident_id.in_(incident_ids))
    order = (Delivery.created_at, Delivery.sequence, Delivery.receiver_id, Delivery.step)
    return session.scalars(query.order_by(*order)).all()


def cameras_of(session: Session, incident_ids: Sequence[UUID]) -> dict[UUID, list[str]]:
    """Return the cameras of the events of some incidents."""
    query = select(Event.incident_id, Event.camera_id).where(Event.incident_id.in_(incident_ids))
    cameras: dict[UUID, list[str]] = {}
    for incident_id, camera_id in session.execute(query.distinct().order_by(Event.camera_id)):
        if incident_id is not None:
            cameras.setdefault(incident_id, []).append(camera_id)
    return cameras


def unfinished(session: Session) -> Sequence[Incident]:
    """Return what the next shift finds on its desk, newest first: open, or never judged."""
    never_judged = and_(Incident.kind == "intrusion", Incident.review_state == "unreviewed")
    query = select(Incident).where(
        Incident.state != "closed",
        Incident.kind != "test",
        or_(Incident.state == "open", never_judged),
    )
    return session.scalars(query.order_by(Incident.opened_at.desc()).limit(MOST_UNFINISHED)).all()


def latest_handovers(session: Session, limit: int) -> Sequence[Handover]:
    """Return the latest handovers of shifts, newest first."""
    return session.scalars(select(Handover).order_by(Handover.id.desc()).limit(limit)).all()
