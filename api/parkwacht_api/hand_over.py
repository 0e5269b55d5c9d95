"""
The hand-over to the police: with the message goes a link to the incident's evidence package.

Both are written down in the transaction that releases the incident; the package itself is made when
the link is opened for the first time, so that no verdict waits for it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from sqlalchemy.orm import Session

from parkwacht_api.audit import Somebody
from parkwacht_api.evidence import log_evidence
from parkwacht_api.links import add_link
from parkwacht_api.models import Delivery
from parkwacht_api.models_evidence import EvidencePackage
from parkwacht_api.schemas_evidence import DEFAULT_HOURS, LinkIn
from parkwacht_api.state import AppState
from parkwacht_config.site import ReceiverRole


@dataclass(frozen=True, slots=True)
class Ground:
    """Who hands over, why and on which legal basis."""

    person: str
    reason: str
    legal_basis: str
    legal_number: str


def add_evidence_links(
    session: Session,
    deliveries: Iterable[Delivery],
    ground: Ground,
    *,
    at: datetime,
    state: AppState,
) -> None:
    """
    Put a link to an evidence package into each message to the police that will be sent.

    Parameters
    ----------
    session
        The transaction of the release; the messages are in it.
    deliveries
        What was planned.
    ground
        On which ground.
    at
        The present instant.
    state
        Gives the park, the service's address and the time.
    """
    actor = Somebody(ground.person, via="service")
    for delivery in deliveries:
        receiver = state.site.receiver(delivery.receiver_id)
        is_police = receiver is not None and receiver.role is ReceiverRole.POLICE
        if receiver is None or not is_police or delivery.state == "held":
            continue
        package = EvidencePackage(
            id=uuid4(),
            incident_id=delivery.incident_id,
            receiver_id=receiver.id,
            asked_at=at,
            asked_by=ground.person,
            for_whom=receiver.name[:120],
            reason=ground.reason,
            legal_basis=ground.legal_basis,
            legal_number=ground.legal_number,
            originals_reason="",
        )
        session.add(package)
        session.flush()
        told = {"for_whom": package.for_whom, "legal_basis": package.legal_basis}
        log_evidence(session, actor, "evidence.ask", package, state, why=ground.reason, **told)
        asked = LinkIn(for_whom=package.for_whom, hours=DEFAULT_HOURS)
        _link, url = add_link(session, package, asked, actor=actor, state=state)
        _set_link(delivery, url)


def pass_link_on(before: Delivery, after: Delivery) -> None:
    """Let the message over the next channel lead to the same package."""
    url = before.payload["data"].get("links", {}).get("evidence")
    if url is not None:
        _set_link(after, url)


def _set_link(delivery: Delivery, url: str) -> None:
    data = delivery.payload["data"]
    links = {**data["links"], "evidence": url}
    delivery.payload = {**delivery.payload, "data": {**data, "links": links}}
