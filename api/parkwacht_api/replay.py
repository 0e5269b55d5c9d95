"""Dead letters: what was given up stays visible, and a person may let it be tried anew."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from parkwacht_api.audit import Act, audit
from parkwacht_api.auth import Principal
from parkwacht_api.errors import not_found
from parkwacht_api.models import Delivery
from parkwacht_api.repository import delivery_by_id
from parkwacht_api.verification import DELIVERY


def replay(
    session: Session, delivery_id: UUID, reason: str, *, principal: Principal, at: datetime
) -> Delivery:
    """
    Let a delivery be tried anew, at once and under the same id.

    The receiver that had it already knows it by its id. One that still waits stays as it is.

    Parameters
    ----------
    session
        A writing transaction.
    delivery_id
        Which delivery.
    reason
        Why; for the audit log.
    principal
        Who wants it.
    at
        The present instant; its age counts anew from here.

    Raises
    ------
    NotFound
        There is no such delivery for this asker.
    """
    delivery = delivery_by_id(session, delivery_id, receiver_id=principal.receiver_id, lock=True)
    if delivery is None:
        raise not_found(DELIVERY, delivery_id)
    if delivery.state == "pending":
        return delivery
    before = delivery.state
    delivery.state, delivery.reason, delivery.n_refusals = "pending", "", 0
    delivery.due_at, delivery.replayed_at, delivery.put_off_at = at, at, None
    act = Act("delivery.replay", "delivery", str(delivery_id), reason, {"was": before})
    audit(session, principal, act, at=at)
    return delivery
