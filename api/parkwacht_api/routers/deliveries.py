"""Deliveries: what was sent to whom, and who took it up."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query

from parkwacht_api.acts import acknowledge
from parkwacht_api.auth import Principal, needs
from parkwacht_api.keys import Scope
from parkwacht_api.models import DeliveryState
from parkwacht_api.problems import problems
from parkwacht_api.replay import replay
from parkwacht_api.repository import deliveries_page
from parkwacht_api.schemas import AcknowledgeIn, DeliveryOut, DeliveryPage, ReplayIn
from parkwacht_api.state import ReadSession, State, WriteSession
from parkwacht_api.views import deliveries_out

router = APIRouter(prefix="/deliveries", tags=["deliveries"])


@router.get("", responses=problems(401, 403, 422))
def get_deliveries(
    reader: Annotated[Principal, Depends(needs(Scope.DELIVERIES))],
    session: ReadSession,
    state: Annotated[DeliveryState | None, Query(description="only in this state")] = None,
    cursor: Annotated[str | None, Query(description="next_cursor of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> DeliveryPage:
    """List deliveries with their attempts, newest first."""
    rows, next_cursor = deliveries_page(
        session,
        receiver_id=reader.receiver_id,
        state=state and state.value,
        cursor=cursor,
        limit=limit,
    )
    return DeliveryPage(items=deliveries_out(session, rows), next_cursor=next_cursor)


@router.post("/{delivery_id}/acknowledge", responses=problems(401, 403, 404, 422))
def post_acknowledge(
    delivery_id: Annotated[UUID, Path(description="id of the delivery")],
    given: AcknowledgeIn,
    principal: Annotated[Principal, Depends(needs(Scope.ACKNOWLEDGE))],
    state: State,
    session: WriteSession,
) -> DeliveryOut:
    """Say that a person took the alarm up; the first acknowledgement stays."""
    delivery = acknowledge(session, delivery_id, given, principal=principal, state=state)
    return deliveries_out(session, [delivery])[0]


@router.post("/{delivery_id}/replay", responses=problems(401, 403, 404, 422))
def post_replay(
    delivery_id: Annotated[UUID, Path(description="id of the delivery")],
    given: ReplayIn,
    principal: Annotated[Principal, Depends(needs(Scope.OPERATE))],
    state: State,
    session: WriteSession,
) -> DeliveryOut:
    """Try a delivery anew, under the same id; one that still waits just goes on waiting."""
    delivery = replay(session, delivery_id, given.reason, principal=principal, at=state.clock.now())
    return deliveries_out(session, [delivery])[0]
