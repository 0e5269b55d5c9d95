"""Shifts: handed over with what is open, and taken over."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from parkwacht_api.auth import Principal, needs
from parkwacht_api.keys import Scope
from parkwacht_api.models_incidents import Handover
from parkwacht_api.problems import problems
from parkwacht_api.repository_incidents import latest_handovers
from parkwacht_api.schemas_incidents import AcceptIn, HandoverIn, HandoverList, HandoverOut
from parkwacht_api.shifts import accept, hand_over
from parkwacht_api.state import ReadSession, State, WriteSession

router = APIRouter(prefix="/handovers", tags=["handovers"])

Verifier = Annotated[Principal, Depends(needs(Scope.VERIFY))]


def handover_out(row: Handover) -> HandoverOut:
    """Show a handover."""
    return HandoverOut(
        id=row.id,
        at=row.at,
        from_person=row.from_person,
        to_person=row.to_person,
        note=row.note,
        accepted_at=row.accepted_at,
        open_incidents=row.open_incidents["items"],
    )


@router.post("", status_code=201, responses=problems(401, 403, 422))
def post_handover(
    given: HandoverIn, me: Verifier, state: State, session: WriteSession
) -> HandoverOut:
    """Hand a shift over, with the open incidents as they stand."""
    return handover_out(hand_over(session, given, principal=me, state=state))


@router.get("", responses=problems(401, 403, 422))
def get_handovers(
    _me: Verifier, session: ReadSession, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> HandoverList:
    """List handovers, newest first."""
    return HandoverList(items=[handover_out(row) for row in latest_handovers(session, limit)])


@router.post("/{handover_id}/accept", responses=problems(401, 403, 404, 422))
def post_accept(
    handover_id: Annotated[int, Path(ge=1, le=2**31 - 1, description="number of the handover")],
    given: AcceptIn,
    me: Verifier,
    state: State,
    session: WriteSession,
) -> HandoverOut:
    """Take a shift over; the first time stays."""
    row = accept(session, handover_id, given.person, principal=me, state=state)
    return handover_out(row)
