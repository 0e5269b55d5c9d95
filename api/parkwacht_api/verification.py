"""
What a person judges of an event, and what that releases.

The police are told by a verdict, never by the machine, and on a recorded legal basis
(design/forwarding.md, section 3).
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from parkwacht_api.auth import Principal
from parkwacht_api.errors import RecordInvalid, VersionConflict, not_found
from parkwacht_api.incidents import release_verified, take_turn
from parkwacht_api.ingest import EVENT
from parkwacht_api.models import Delivery, Event, Verdict
from parkwacht_api.release import receivers_at
from parkwacht_api.repository import delivery_by_id, event_by_id
from parkwacht_api.schemas import AcknowledgeIn, VerdictIn
from parkwacht_api.state import AppState
from parkwacht_config.site import ReceiverRole, Release, Site
from parkwacht_config.text import Text

DELIVERY = Text(nl="levering", en="delivery")


def etag_of(event: Event) -> str:
    """Return the ETag of an event's review: it changes with every verdict."""
    return f'"v{event.version}"'


def _needs_basis(site: Site) -> bool:
    return any(one.role is ReceiverRole.POLICE for one in receivers_at(site, Release.ON_VERIFIED))


def _check_version(event: Event, if_match: str) -> None:
    if if_match in {"", "*"} or etag_of(event) in [one.strip() for one in if_match.split(",")]:
        return
    raise VersionConflict(
        Text(
            nl="iemand anders heeft intussen geoordeeld; laad de gebeurtenis opnieuw",
            en="somebody else judged in between; load the event again",
        )
    )


def give_verdict(
    session: Session,
    event_id: UUID,
    given: VerdictIn,
    *,
    principal: Principal,
    state: AppState,
    if_match: str = "",
) -> Event:
    """
    Add a verdict and, where it verifies, the deliveries it releases; in one transaction.

    Parameters
    ----------
    session
        A writing transaction.
    event_id
        What is judged.
    given
        The verdict.
    principal
        Who judges.
    state
        Gives the receivers and the time.
    if_match
        The ETag that was seen; empty to judge whatever was said in between.

    Raises
    ------
    NotFound
        There is no such event for this asker.
    VersionConflict
        Somebody else judged in between.
    RecordInvalid
        It would release to the police without a legal basis.
    """
    take_turn(session)
    event = event_by_id(session, event_id, receiver_id=principal.receiver_id, lock=True)
    if event is None:
        raise not_found(EVENT, event_id)
    _check_version(event, if_match)
    if given.verdict == "verified" and given.legal_basis is None and _needs_basis(state.site):
        raise RecordInvalid(
            Text(
                nl="doorgeven aan de politie vraagt een grondslag",
                en="a release to the police needs a legal basis",
            ),
            fields=[{"field": "body.legal_basis", "message": "required"}],
        )
    verdict = Verdict(
        event_id=event.id,
        incident_id=event.incident_id,
        verdict=given.verdict,
        person=given.person,
        key_id=principal.key_id,
        account_id=principal.account_id,
        reason=given.reason,
        avs_level=given.avs_level,
        legal_basis=given.legal_basis.value if given.legal_basis else None,
        legal_number=given.legal_number or None,
        given_at=state.clock.now(),
    )
    session.add(verdict)
    event.review_state = given.verdict
    event.version += 1
    if given.verdict == "verified":
        release_verified(session, event, verdict, state=state)
    session.flush()
    return event


def acknowledge(
    session: Session,
    delivery_id: UUID,
    given: AcknowledgeIn,
    *,
    principal: Principal,
    at: datetime,
) -> Delivery:
    """
    Record that a person took a delivery up; the first acknowledgement stays.

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
    at
        The present instant.

    Raises
    ------
    NotFound
        There is no such delivery for this asker.
    """
    delivery = delivery_by_id(session, delivery_id, receiver_id=principal.receiver_id, lock=True)
    if delivery is None:
        raise not_found(DELIVERY, delivery_id)
    if delivery.acknowledged_at is None:
        delivery.acknowledged_at = at
        delivery.acknowledged_by = given.by
        delivery.acknowledged_note = given.note
    return delivery
