"""Watch reports: what a worker watched, and where it was blind."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from parkwacht_api.auth import Principal, needs
from parkwacht_api.ingest import check_site, store_watch_report
from parkwacht_api.keys import Scope
from parkwacht_api.problems import problems
from parkwacht_api.schemas import Stored
from parkwacht_api.state import State, WriteSession
from parkwacht_vision.event import WatchReport

router = APIRouter(prefix="/watch-reports", tags=["watch reports"])


@router.post(
    "",
    status_code=201,
    responses={200: {"model": Stored}, **problems(401, 403, 409, 413, 422, 429)},
)
def post_watch_report(
    report: WatchReport,
    _ingester: Annotated[Principal, Depends(needs(Scope.INGEST))],
    state: State,
    session: WriteSession,
    response: Response,
) -> Stored:
    """Store a watch report once."""
    check_site(state, report.site_id)
    is_new = store_watch_report(session, report, at=state.clock.now())
    response.status_code = 201 if is_new else 200
    return Stored(id=report.id, is_new=is_new)
