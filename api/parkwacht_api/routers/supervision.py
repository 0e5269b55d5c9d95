"""Signs of life: of the workers, and of the ways to the partners."""

from typing import Annotated

from fastapi import APIRouter, Depends

from parkwacht_api.auth import Principal, needs
from parkwacht_api.keys import Scope
from parkwacht_api.problems import problems
from parkwacht_api.repository_outbox import partner_states
from parkwacht_api.schemas_supervision import HeartbeatIn, WayOut, WaysOut
from parkwacht_api.state import ReadSession, State, WriteSession
from parkwacht_api.supervision import note_worker

router = APIRouter(tags=["supervision"])


@router.post("/heartbeats", status_code=204, responses=problems(401, 403, 422))
def post_heartbeat(
    given: HeartbeatIn,
    _worker: Annotated[Principal, Depends(needs(Scope.INGEST))],
    state: State,
    session: WriteSession,
) -> None:
    """Say that a worker lives; where it falls silent while the park is armed, that is told."""
    note_worker(
        session, given.name, list(given.cameras), state.clock.now(), is_ending=given.is_ending
    )


@router.get("/ways", responses=problems(401, 403))
def get_ways(
    reader: Annotated[Principal, Depends(needs(Scope.DELIVERIES))],
    session: ReadSession,
    state: State,
) -> WaysOut:
    """List how every channel of every receiver is; a receiver sees only its own."""
    states = partner_states(session)
    fields = set(WayOut.model_fields)
    return WaysOut(
        items=[
            WayOut(**{name: getattr(row, name) for name in fields})
            for receiver in state.site.receivers
            for channel in receiver.ways
            if reader.receiver_id in {None, receiver.id}
            and (row := states.get((receiver.id, channel.id))) is not None
        ]
    )
