"""Cameras: what troubles them, whether they watch, and how much of last night they saw."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from parkwacht_api.auth import Principal, needs
from parkwacht_api.cameras import list_cameras, trouble_out
from parkwacht_api.ingest import check_site, store_trouble
from parkwacht_api.keys import Scope
from parkwacht_api.problems import problems
from parkwacht_api.repository import troubles_page
from parkwacht_api.schemas import CameraList, Stored, TroublePage
from parkwacht_api.state import ReadSession, State, WriteSession
from parkwacht_vision.event import CameraTrouble

router = APIRouter(tags=["cameras"])

Reader = Annotated[Principal, Depends(needs(Scope.READ))]


@router.post(
    "/camera-troubles",
    status_code=201,
    responses={200: {"model": Stored}, **problems(401, 403, 409, 413, 422, 429)},
)
def post_camera_trouble(
    trouble: CameraTrouble,
    _ingester: Annotated[Principal, Depends(needs(Scope.INGEST))],
    state: State,
    session: WriteSession,
    response: Response,
) -> Stored:
    """Store that a camera's trouble began, or that it is over; both have the same id."""
    check_site(state, trouble.site_id)
    is_new = store_trouble(session, trouble, state=state)
    response.status_code = 201 if is_new else 200
    return Stored(id=trouble.id, is_new=is_new)


@router.get("/camera-troubles", responses=problems(401, 403, 422))
def get_camera_troubles(
    reader: Reader,
    session: ReadSession,
    is_open: Annotated[bool | None, Query(alias="open", description="only open or over")] = None,
    camera: Annotated[str | None, Query(description="only of this camera")] = None,
    cursor: Annotated[str | None, Query(description="next_cursor of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> TroublePage:
    """List the troubles of cameras, newest first; a partner sees none."""
    if reader.receiver_id is not None:
        return TroublePage(items=[], next_cursor=None)
    rows, next_cursor = troubles_page(
        session, is_open=is_open, camera_id=camera, cursor=cursor, limit=limit
    )
    return TroublePage(items=[trouble_out(row) for row in rows], next_cursor=next_cursor)


@router.get("/cameras", responses=problems(401, 403))
def get_cameras(reader: Reader, state: State, session: ReadSession) -> CameraList:
    """Say of every camera whether it watches, and how its last night went; a partner sees none."""
    if reader.receiver_id is not None:
        return CameraList(items=[])
    return CameraList(items=list_cameras(session, state.site, state.clock.now()))
