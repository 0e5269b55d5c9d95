"""Which files and rows have had their time, and which files are known; no asker, only the clock."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, delete, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from parkwacht_api.models import Attempt, Base, Delivery, Event, ImageAccess, Media, Verdict
from parkwacht_api.models_evidence import EvidenceLink, EvidencePackage, LegalHold
from parkwacht_api.models_incidents import Incident, IncidentEntry
from parkwacht_api.repository_evidence import in_force


@dataclass(frozen=True, slots=True)
class Shorter:
    """Images of this kind of event go when they were stored before an instant."""

    name: str  # an object class, a verdict such as `dismissed`, or a kind of incident
    before: datetime


def _is_held(incident_id: InstrumentedAttribute[Any], at: datetime) -> ColumnElement[bool]:
    of_it = LegalHold.incident_id == incident_id
    return select(LegalHold.id).where(of_it, in_force(at)).exists()


def _is_named(name: str) -> ColumnElement[bool]:
    kind = select(Incident.id).where(Incident.id == Event.incident_id, Incident.kind == name)
    return or_(Event.object_class == name, Event.review_state == name, kind.exists())


def media_to_delete(
    session: Session, before: datetime, shorter: Iterable[Shorter], *, at: datetime, limit: int
) -> Sequence[Media]:
    """
    Return images whose time is over and that nobody ordered to keep.

    Parameters
    ----------
    session
        An open transaction.
    before
        Images that were stored before this go, whatever they are of.
    shorter
        What goes sooner; what a person verified does not.
    at
        The present instant, for the holds.
    limit
        Most files to return.
    """
    sooner = [
        and_(
            Media.stored_at < one.before,
            _is_named(one.name),
            Event.review_state != "verified",
        )
        for one in shorter
    ]
    query = select(Media).join(Event, Event.id == Media.event_id)
    query = query.where(
        or_(Media.stored_at < before, *sooner),
        Media.deleted_at.is_(None),
        Media.kind != "manifest",  # no image: it proves what the files were
        or_(Event.incident_id.is_(None), ~_is_held(Event.incident_id, at)),
    )
    return session.scalars(query.order_by(Media.event_id, Media.id).limit(limit)).all()


def packages_to_delete(
    session: Session, before: datetime, *, at: datetime, limit: int
) -> Sequence[EvidencePackage]:
    """Return packages that were made before an instant and that nobody ordered to keep."""
    row = EvidencePackage
    query = select(row).where(
        row.asked_at < before, row.deleted_at.is_(None), ~_is_held(row.incident_id, at)
    )
    return session.scalars(query.order_by(row.asked_at, row.id).limit(limit)).all()


def incidents_to_forget(
    session: Session, before: datetime, *, at: datetime, limit: int
) -> Sequence[Incident]:
    """Return incidents whose last sign came before an instant and that nobody ordered to keep."""
    row = Incident
    query = select(row).where(row.heard_at < before, ~_is_held(row.id, at))
    return session.scalars(query.order_by(row.heard_at, row.id).limit(limit)).all()


def events_without_incident(session: Session, before: datetime, *, limit: int) -> Sequence[UUID]:
    """Return events that were stored before an instant and belong to no incident."""
    query = select(Event.id).where(Event.incident_id.is_(None), Event.received_at < before)
    return session.scalars(query.order_by(Event.received_at).limit(limit)).all()


def paths_of_events(session: Session, event_ids: Sequence[UUID]) -> Sequence[str]:
    """Return the files of some events that still exist."""
    query = select(Media.path).where(Media.event_id.in_(event_ids), Media.deleted_at.is_(None))
    return session.scalars(query).all()


def event_ids_of(session: Session, incident_id: UUID) -> Sequence[UUID]:
    """Return the events of an incident."""
    return session.scalars(select(Event.id).where(Event.incident_id == incident_id)).all()


def package_ids_of(session: Session, incident_id: UUID) -> Sequence[UUID]:
    """Return the packages of an incident."""
    query = select(EvidencePackage.id).where(EvidencePackage.incident_id == incident_id)
    return session.scalars(query).all()


def forget_events(session: Session, event_ids: Sequence[UUID]) -> None:
    """Remove the rows of some events, and all rows that name them."""
    _forget_deliveries(session, select(Delivery.id).where(Delivery.event_id.in_(event_ids)))
    for table, column in (
        (ImageAccess, ImageAccess.event_id),
        (Media, Media.event_id),
        (Verdict, Verdict.event_id),
        (Event, Event.id),
    ):
        _remove(session, table, column.in_(event_ids))


def forget_incident(session: Session, incident_id: UUID) -> None:
    """Remove the row of an incident without events, and all rows that name it."""
    _forget_deliveries(session, select(Delivery.id).where(Delivery.incident_id == incident_id))
    packages = select(EvidencePackage.id).where(EvidencePackage.incident_id == incident_id)
    _remove(session, EvidenceLink, EvidenceLink.package_id.in_(packages))
    for table, column in (
        (EvidencePackage, EvidencePackage.incident_id),
        (LegalHold, LegalHold.incident_id),
        (Verdict, Verdict.incident_id),
        (IncidentEntry, IncidentEntry.incident_id),
        (Incident, Incident.id),
    ):
        _remove(session, table, column == incident_id)


def _forget_deliveries(session: Session, ids: Select[UUID]) -> None:
    _remove(session, Attempt, Attempt.delivery_id.in_(ids))
    _remove(session, Delivery, Delivery.id.in_(ids))


def _remove(session: Session, table: type[Base], which: ColumnElement[bool]) -> None:
    session.execute(delete(table).where(which), execution_options={"synchronize_session": False})


def known_paths(session: Session) -> set[str]:
    """Return the name of every image that should be there."""
    return set(session.scalars(select(Media.path).where(Media.deleted_at.is_(None))))


def known_packages(session: Session) -> set[UUID]:
    """Return every package whose file should be there."""
    row = EvidencePackage
    query = select(row.id).where(row.deleted_at.is_(None), row.sha256.is_not(None))
    return set(session.scalars(query))
