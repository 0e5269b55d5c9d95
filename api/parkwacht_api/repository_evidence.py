"""
Every question to the database about evidence, links and holds, filtered by who asks.

A receiver sees the packages that it asked for itself, of incidents that it was told of.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from parkwacht_api.models import ImageAccess
from parkwacht_api.models_access import AuditEntry
from parkwacht_api.models_evidence import EvidenceLink, EvidencePackage, LegalHold
from parkwacht_api.models_incidents import Incident


def accesses_of_events(session: Session, event_ids: Sequence[UUID]) -> Sequence[ImageAccess]:
    """Return who read the images of some events, oldest first."""
    query = select(ImageAccess).where(ImageAccess.event_id.in_(event_ids))
    return session.scalars(query.order_by(ImageAccess.id)).all()


def first_audit_id(session: Session, object_ids: Sequence[str]) -> int | None:
    """Return the number of the first entry of the audit log about some things, or None."""
    query = select(AuditEntry.id).where(AuditEntry.object_id.in_(object_ids))
    return session.scalar(query.order_by(AuditEntry.id).limit(1))


def package_by_id(
    session: Session, package_id: UUID, *, receiver_id: str | None = None
) -> EvidencePackage | None:
    """Return a package that this asker may see, or None."""
    query = select(EvidencePackage).where(EvidencePackage.id == package_id)
    if receiver_id is not None:
        query = query.where(EvidencePackage.receiver_id == receiver_id)
    return session.scalar(query)


def packages_of_incident(
    session: Session, incident_id: UUID, *, receiver_id: str | None = None
) -> Sequence[EvidencePackage]:
    """Return the packages of an incident that this asker may see, oldest first."""
    query = select(EvidencePackage).where(EvidencePackage.incident_id == incident_id)
    if receiver_id is not None:
        query = query.where(EvidencePackage.receiver_id == receiver_id)
    return session.scalars(query.order_by(EvidencePackage.asked_at, EvidencePackage.id)).all()


def links_of_package(session: Session, package_id: UUID) -> Sequence[EvidenceLink]:
    """Return the links to a package, revoked and expired ones too, oldest first."""
    query = select(EvidenceLink).where(EvidenceLink.package_id == package_id)
    return session.scalars(query.order_by(EvidenceLink.created_at, EvidenceLink.id)).all()


def link_by_id(
    session: Session, link_id: UUID, *, receiver_id: str | None = None
) -> EvidenceLink | None:
    """Return a link that this asker may see, or None."""
    query = select(EvidenceLink).where(EvidenceLink.id == link_id)
    if receiver_id is not None:
        query = query.join(EvidencePackage).where(EvidencePackage.receiver_id == receiver_id)
    return session.scalar(query)


def link_by_hash(session: Session, token_sha256: str) -> EvidenceLink | None:
    """Return the link of a token, revoked and expired or not, or None."""
    return session.scalar(select(EvidenceLink).where(EvidenceLink.token_sha256 == token_sha256))


def in_force(at: datetime) -> ColumnElement[bool]:
    """Say which holds keep what they hold at an instant."""
    return and_(LegalHold.placed_at <= at, LegalHold.ends_at > at, LegalHold.released_at.is_(None))


def all_holds(session: Session, *, at: datetime | None = None) -> Sequence[LegalHold]:
    """Return the holds, those in force at an instant or all, the one that ends first first."""
    query = select(LegalHold).order_by(LegalHold.ends_at, LegalHold.id)
    return session.scalars(query if at is None else query.where(in_force(at))).all()


def holds_of_incident(session: Session, incident_id: UUID) -> Sequence[LegalHold]:
    """Return the holds on an incident, those that are over too, the one that ends first first."""
    query = select(LegalHold).where(LegalHold.incident_id == incident_id)
    return session.scalars(query.order_by(LegalHold.ends_at, LegalHold.id)).all()


def hold_by_id(session: Session, hold_id: UUID) -> LegalHold | None:
    """Return a hold and keep others from changing it, or None."""
    return session.scalar(select(LegalHold).where(LegalHold.id == hold_id).with_for_update())


def incident_by_number(session: Session, number: int) -> Incident | None:
    """Return the incident of a number, or None."""
    return session.scalar(select(Incident).where(Incident.number == number))
