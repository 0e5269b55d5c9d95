"""
What people do with an incident besides judging it: take it up, note, say what came of it, close.

Each act is a line in the duty log and in the audit log, and a new version of the incident. The
first acknowledgement stays; a reason is forced on closing, and a verdict before it.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from parkwacht_api.audit import Act, audit
from parkwacht_api.auth import Principal
from parkwacht_api.errors import RecordInvalid, not_found
from parkwacht_api.escalation import UNANSWERED
from parkwacht_api.incidents import add_entry, take_turn
from parkwacht_api.models import Delivery
from parkwacht_api.models_incidents import Incident
from parkwacht_api.release import TROUBLE_OVER, VERIFIED, News, tell
from parkwacht_api.repository import delivery_by_id
from parkwacht_api.repository_incidents import (
    events_of,
    hasten_unsent,
    incident_by_id,
    last_event_of,
    last_verdict_of,
    last_words,
    waiting_deliveries,
)
from parkwacht_api.schemas import AcknowledgeIn
from parkwacht_api.schemas_incidents import AckIn, CloseIn, NoteIn, OutcomeIn, ReleaseIn
from parkwacht_api.state import AppState
from parkwacht_api.troubles import SERVICE, end_trouble
from parkwacht_api.verification import DELIVERY, incident_to_act_on
from parkwacht_config.site import Receiver, Release
from parkwacht_config.text import Text


def acknowledge(
    session: Session,
    delivery_id: UUID,
    given: AcknowledgeIn,
    *,
    principal: Principal,
    state: AppState,
) -> Delivery:
    """
    Record that a person at a receiver took a delivery up; the first acknowledgement stays.

    Parameters
    ----------
    session
        A writing transaction.
    delivery_id
        What was taken up.
    given
        By whom, and what they said.
    principal
        The receiver's own key, or an operator's.
    state
        Gives the time and the park.

    Raises
    ------
    NotFound
        There is no such delivery for this asker.
    """
    delivery = delivery_by_id(session, delivery_id, receiver_id=principal.receiver_id, lock=True)
    if delivery is None:
        raise not_found(DELIVERY, delivery_id)
    if delivery.acknowledged_at is not None:
        return delivery
    at = state.clock.now()
    delivery.acknowledged_at, delivery.escalate_at = at, None
    delivery.acknowledged_by = given.by
    delivery.acknowledged_note = given.note
    take_turn(session)
    receiver_id = delivery.receiver_id
    if delivery.incident_id and (
        incident := incident_by_id(session, delivery.incident_id, lock=True)
    ):
        _take_up(incident, given.by, at)
        log = {"person": given.by, "text": given.note}
        add_entry(session, incident, "acknowledged", at=at, **log, receiver_id=receiver_id)
    end_trouble(session, SERVICE, receiver_id, at=at, state=state, cause=UNANSWERED)
    details = {"by": given.by, "receiver_id": receiver_id}
    act = Act("delivery.acknowledge", "delivery", str(delivery_id), given.note, details)
    audit(session, principal, act, at=at)
    return delivery


def _take_up(incident: Incident, person: str, at: datetime) -> None:
    if incident.acknowledged_at is None:
        incident.acknowledged_at, incident.acknowledged_by = at, person


class Desk:
    """
    One person's acts on one incident, each in the request's own transaction.

    Parameters
    ----------
    session
        A writing transaction.
    principal
        Who acts.
    state
        Gives the time and the park.
    if_match
        The ETag that was seen.
    """

    def __init__(
        self, session: Session, principal: Principal, state: AppState, if_match: str
    ) -> None:
        self._session = session
        self._principal = principal
        self._state = state
        self._if_match = if_match
        self._at = state.clock.now()

    def _incident(self, incident_id: UUID) -> Incident:
        return incident_to_act_on(
            self._session, incident_id, principal=self._principal, if_match=self._if_match
        )

    def _record(
        self, incident: Incident, what: str, person: str, text: str, **details: str
    ) -> Incident:
        incident.version += 1
        if what in {"closed", "reopened"}:  # whoever judges one of its events must have seen it
            for event in events_of(self._session, incident):
                event.version += 1
        log = {"person": person, "text": text}
        add_entry(self._session, incident, what, at=self._at, **log, **details)
        about = {"person": person, "incident": incident.number, **details}
        act = Act(f"incident.{what}", "incident", str(incident.id), text, about)
        audit(self._session, self._principal, act, at=self._at)
        return incident

    def acknowledge(self, incident_id: UUID, given: AckIn) -> Incident:
        """Take an incident up: its alarms wait for nobody any more. The first one stays."""
        receiver_id = self._principal.receiver_id
        # Senders lock a delivery before they take the turn, so it goes in that order here too.
        waiting = waiting_deliveries(self._session, incident_id, receiver_id)
        incident = self._incident(incident_id)
        _take_up(incident, given.person, self._at)
        for one in waiting:
            one.escalate_at = None
            if receiver_id is not None:
                one.acknowledged_at, one.acknowledged_by = self._at, given.person
                one.acknowledged_note = given.note
        return self._record(incident, "acknowledged", given.person, given.note)

    def note(self, incident_id: UUID, given: NoteIn) -> Incident:
        """Add a line to the duty log."""
        return self._record(self._incident(incident_id), "note", given.person, given.text)

    def outcome(self, incident_id: UUID, given: OutcomeIn) -> Incident:
        """Say what came of an incident; a later word replaces it, the log keeps both."""
        incident = self._incident(incident_id)
        incident.outcome, incident.outcome_at = given.outcome, self._at
        what = {"outcome": given.outcome}
        return self._record(incident, "outcome", given.person, given.note, **what)

    def close(self, incident_id: UUID, given: CloseIn) -> Incident:
        """
        Close an incident, for a reason.

        Raises
        ------
        RecordInvalid
            It is an intrusion that nobody judged.
        """
        incident = self._incident(incident_id)
        if incident.kind == "intrusion" and incident.review_state == "unreviewed":
            raise RecordInvalid(
                Text(
                    nl="beoordeel het incident voordat u het sluit",
                    en="judge the incident before you close it",
                )
            )
        # Else the end that waits to be steady would follow a new trouble of the same thing, and
        # end that one where it arrives.
        hasten_unsent(self._session, incident, TROUBLE_OVER, self._at)
        incident.state, incident.closed_at = "closed", self._at
        incident.closed_by, incident.close_reason = given.person, given.reason
        return self._record(incident, "closed", given.person, given.reason)

    def reopen(self, incident_id: UUID, given: CloseIn) -> Incident:
        """
        Open a closed incident again, for a reason.

        Raises
        ------
        RecordInvalid
            It is not closed.
        """
        incident = self._incident(incident_id)
        if incident.state != "closed":
            raise RecordInvalid(Text(nl="dit incident is niet gesloten", en="it is not closed"))
        incident.state = "over"
        incident.closed_at = incident.closed_by = incident.close_reason = None
        return self._record(incident, "reopened", given.person, given.reason)

    def release(self, incident_id: UUID, given: ReleaseIn) -> Incident:
        """
        Hand an incident over to a receiver that waits for a request, on a legal basis.

        Raises
        ------
        RecordInvalid
            There is no such receiver, or it has the incident already.
        """
        incident = self._incident(incident_id)
        receiver = self._requester(incident, given.receiver_id)
        release = {
            "person": given.person,
            "legal_basis": given.legal_basis.value,
            "legal_number": given.legal_number or None,
            "given_at": self._at.isoformat(),
        }
        news = News(
            VERIFIED,
            incident,
            last_event_of(self._session, incident),
            last_verdict_of(self._session, incident),
            release=release,
        )
        tell(self._session, news, [receiver], at=self._at, state=self._state)
        details = {
            "receiver_id": receiver.id,
            "legal_basis": given.legal_basis.value,
            "legal_number": given.legal_number,
        }
        return self._record(incident, "released", given.person, given.note, **details)

    def _requester(self, incident: Incident, receiver_id: str) -> Receiver:
        receiver = self._state.site.receiver(receiver_id)
        if receiver is None or receiver.release is not Release.ON_REQUEST:
            raise RecordInvalid(
                Text(
                    nl=f"{receiver_id} is geen ontvanger die op verzoek krijgt",
                    en=f"{receiver_id} is no receiver that gets on request",
                ),
                fields=[{"field": "body.receiver_id", "message": "release must be on_request"}],
            )
        if receiver_id in last_words(self._session, incident):
            raise RecordInvalid(
                Text(
                    nl=f"{receiver_id} heeft dit incident al",
                    en=f"{receiver_id} has this incident already",
                )
            )
        return receiver
