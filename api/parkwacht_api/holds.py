"""
Legal holds: what belongs to an incident is kept until a day, or until the hold is lifted.

A hold needs a reason and an end; it ends by itself. Retention passes over what is held.
"""

from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from parkwacht_api.audit import Act, audit
from parkwacht_api.auth import Principal
from parkwacht_api.errors import RecordInvalid, not_found
from parkwacht_api.models_evidence import LegalHold
from parkwacht_api.repository_evidence import hold_by_id
from parkwacht_api.repository_incidents import INCIDENT, incident_by_id
from parkwacht_api.schemas_evidence import HoldIn, HoldReleaseIn
from parkwacht_api.state import AppState
from parkwacht_config.text import Text

HOLD = Text(nl="bewaarplicht", en="legal hold")


def place_hold(
    session: Session, incident_id: UUID, asked: HoldIn, *, principal: Principal, state: AppState
) -> LegalHold:
    """
    Keep all of an incident until a day.

    Parameters
    ----------
    session
        A writing transaction.
    incident_id
        Which incident.
    asked
        Why, and until when.
    principal
        Who places it.
    state
        Gives the time.

    Raises
    ------
    NotFound
        There is no such incident for this asker.
    RecordInvalid
        Its end is past.
    """
    at = state.clock.now()
    incident = incident_by_id(session, incident_id, receiver_id=principal.receiver_id)
    if incident is None:
        raise not_found(INCIDENT, incident_id)
    if asked.ends_at <= at:
        raise RecordInvalid(
            Text(nl="het einde ligt in het verleden", en="the end is past"),
            fields=[{"field": "body.ends_at", "message": "must be in the future"}],
        )
    hold = LegalHold(
        id=uuid4(),
        incident_id=incident.id,
        reason=asked.reason,
        placed_at=at,
        placed_by=principal.name,
        ends_at=asked.ends_at,
    )
    session.add(hold)
    session.flush()
    details = {"hold_id": str(hold.id), "ends_at": hold.ends_at.isoformat()}
    act = Act("hold.place", "incident", str(incident.id), why=asked.reason, details=details)
    audit(session, principal, act, at=at)
    return hold


def lift_hold(
    session: Session, hold_id: UUID, asked: HoldReleaseIn, *, principal: Principal, state: AppState
) -> LegalHold:
    """
    Lift a hold before its end. A second time changes nothing.

    Parameters
    ----------
    session
        A writing transaction.
    hold_id
        Which hold.
    asked
        Why.
    principal
        Who lifts it.
    state
        Gives the time.

    Raises
    ------
    NotFound
        There is no such hold.
    """
    hold, at = hold_by_id(session, hold_id), state.clock.now()
    if hold is None:
        raise not_found(HOLD, hold_id)
    if hold.released_at is None:
        hold.released_at, hold.released_by = at, principal.name
        hold.release_reason = asked.reason
        details = {"hold_id": str(hold.id)}
        act = Act("hold.lift", "incident", str(hold.incident_id), why=asked.reason, details=details)
        audit(session, principal, act, at=at)
    return hold
