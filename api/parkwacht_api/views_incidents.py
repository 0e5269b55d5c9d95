"""From rows to what is shown of incidents: events, verdicts, deliveries and the duty log."""

from uuid import UUID

from sqlalchemy.orm import Session

from parkwacht_api.auth import Principal
from parkwacht_api.errors import not_found
from parkwacht_api.models_incidents import Incident
from parkwacht_api.repository_incidents import (
    INCIDENT,
    deliveries_on,
    entries_of,
    events_of,
    incident_by_id,
    verdicts_on,
)
from parkwacht_api.schemas_incidents import EntryOut, IncidentDetail, IncidentOut
from parkwacht_api.views import deliveries_out, event_out
from parkwacht_api.views_verdicts import verdicts_out


def incident_out(incident: Incident, principal: Principal) -> IncidentOut:
    """Show an incident in a list; why it was closed is written for the house."""
    shown = IncidentOut.model_validate(incident, from_attributes=True)
    is_house = principal.receiver_id is None
    return shown if is_house else shown.model_copy(update={"close_reason": None})


def incident_detail(session: Session, incident_id: UUID, principal: Principal) -> IncidentDetail:
    """
    Show an incident with all that belongs to it and that this asker may see.

    Raises
    ------
    NotFound
        There is no such incident for this asker.
    """
    receiver_id = principal.receiver_id
    incident = incident_by_id(session, incident_id, receiver_id=receiver_id)
    if incident is None:
        raise not_found(INCIDENT, incident_id)
    entries = entries_of(session, incident_id) if receiver_id is None else []
    deliveries = deliveries_on(session, [incident_id], receiver_id=receiver_id)
    return IncidentDetail(
        **incident_out(incident, principal).model_dump(),
        events=[event_out(one) for one in events_of(session, incident)],
        verdicts=verdicts_out(verdicts_on(session, incident_id), principal),
        deliveries=deliveries_out(session, deliveries),
        entries=[EntryOut.model_validate(one, from_attributes=True) for one in entries],
    )
