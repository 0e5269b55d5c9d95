"""The questions to the database behind the figures of the working group."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from parkwacht_api.models import Delivery, Verdict
from parkwacht_api.models_incidents import Incident


def intrusions_between(session: Session, start: datetime, end: datetime) -> Sequence[Incident]:
    """Return the intrusions that began between two instants, oldest first."""
    query = select(Incident).where(
        Incident.kind == "intrusion", Incident.opened_at >= start, Incident.opened_at < end
    )
    return session.scalars(query.order_by(Incident.opened_at, Incident.id)).all()


def causes_between(session: Session, start: datetime, end: datetime) -> dict[UUID, str]:
    """Return the cause that was last said of each false alarm that began between two instants."""
    query = (
        select(Verdict.incident_id, Verdict.cause)
        .join(Incident, Incident.id == Verdict.incident_id)
        .where(
            Incident.opened_at >= start, Incident.opened_at < end, Verdict.verdict == "dismissed"
        )
        .order_by(Verdict.id)
    )
    rows = session.execute(query)
    return {row[0]: row[1] for row in rows if row[0] is not None and row[1] is not None}


def first_alerts(
    session: Session, start: datetime, end: datetime, kinds: Collection[str]
) -> Sequence[Delivery]:
    """Return the alerts of some kinds about the intrusions that began between two instants."""
    query = (
        select(Delivery)
        .join(Incident, Incident.id == Delivery.incident_id)
        .where(
            Incident.kind == "intrusion",
            Incident.opened_at >= start,
            Incident.opened_at < end,
            Delivery.kind.in_(kinds),
            Delivery.state != "held",
        )
    )
    return session.scalars(query.order_by(Delivery.created_at)).all()
