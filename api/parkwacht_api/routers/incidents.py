"""Incidents: listed, shown, judged, taken up, and closed; every act names the version it saw."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Path, Query, Response
from pydantic import AwareDatetime
from sqlalchemy.orm import Session

from parkwacht_api.acts import Desk
from parkwacht_api.audit import Act, audit
from parkwacht_api.auth import Principal, needs
from parkwacht_api.cap import CONTENT_TYPE, cap_of
from parkwacht_api.keys import Scope
from parkwacht_api.models_incidents import Incident
from parkwacht_api.problems import problems
from parkwacht_api.repository_incidents import IncidentFilter, incidents_page
from parkwacht_api.schemas import ReviewState, VerdictIn
from parkwacht_api.schemas_incidents import (
    AckIn,
    CloseIn,
    IncidentDetail,
    IncidentKind,
    IncidentPage,
    IncidentState,
    NoteIn,
    OutcomeIn,
    ReleaseIn,
)
from parkwacht_api.state import ReadSession, State, WriteSession
from parkwacht_api.verification import etag_of, judge_incident
from parkwacht_api.views_incidents import incident_detail, incident_out

router = APIRouter(prefix="/incidents", tags=["incidents"])

Reader = Annotated[Principal, Depends(needs(Scope.READ))]
Verifier = Annotated[Principal, Depends(needs(Scope.VERIFY))]
Handler = Annotated[Principal, Depends(needs(Scope.ACKNOWLEDGE))]
IncidentId = Annotated[UUID, Path(description="id of the incident")]
IfMatch = Annotated[str, Header(alias="If-Match", description="ETag that was seen; needed")]
ACT_PROBLEMS = problems(401, 403, 404, 412, 422, 428)


def _filter(
    kind: Annotated[IncidentKind | None, Query(description="only of this kind")] = None,
    state: Annotated[IncidentState | None, Query(description="only in this state")] = None,
    verdict: Annotated[ReviewState | None, Query(description="only judged like this")] = None,
    since: Annotated[AwareDatetime | None, Query(description="opened at or after")] = None,
) -> IncidentFilter:
    return IncidentFilter(kind=kind, state=state, review_state=verdict, since=since)


@router.get("", responses=problems(401, 403, 422))
def get_incidents(
    reader: Reader,
    session: ReadSession,
    wanted: Annotated[IncidentFilter, Depends(_filter)],
    cursor: Annotated[str | None, Query(description="next_cursor of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> IncidentPage:
    """List incidents, newest first."""
    rows, next_cursor = incidents_page(
        session, wanted, receiver_id=reader.receiver_id, cursor=cursor, limit=limit
    )
    return IncidentPage(items=[incident_out(row, reader) for row in rows], next_cursor=next_cursor)


@router.get("/{incident_id}", responses=problems(401, 403, 404, 422))
def get_incident(
    incident_id: IncidentId, reader: Reader, session: ReadSession, response: Response
) -> IncidentDetail:
    """Show an incident with its events, verdicts, deliveries and duty log."""
    detail = incident_detail(session, incident_id, reader)
    response.headers["ETag"] = f'"v{detail.version}"'
    return detail


@router.get(
    "/{incident_id}/cap",
    response_class=Response,
    responses={200: {"content": {CONTENT_TYPE: {}}}, **problems(401, 403, 404, 422)},
)
def get_cap(
    incident_id: IncidentId, reader: Reader, state: State, session: WriteSession
) -> Response:
    """Export an incident as a CAP 1.2 message; the export is logged."""
    detail = incident_detail(session, incident_id, reader)
    content = cap_of(detail, site=state.site, api_url=state.settings.api_url)
    act = Act("incident.exported", "incident", str(incident_id), details={"form": "CAP 1.2"})
    audit(session, reader, act, at=state.clock.now())
    return Response(content, media_type=CONTENT_TYPE)


def _shown(
    session: Session, incident: Incident, principal: Principal, response: Response
) -> IncidentDetail:
    session.flush()
    response.headers["ETag"] = etag_of(incident)
    return incident_detail(session, incident.id, principal)


@router.post("/{incident_id}/verdict", responses=ACT_PROBLEMS)
def post_verdict(  # noqa: PLR0913, PLR0917  # FastAPI: one parameter per input
    incident_id: IncidentId,
    given: VerdictIn,
    me: Verifier,
    state: State,
    session: WriteSession,
    response: Response,
    if_match: IfMatch = "",
) -> IncidentDetail:
    """Judge an incident and all its events; a verified one goes to those who wait for it."""
    incident = judge_incident(
        session, incident_id, given, principal=me, state=state, if_match=if_match
    )
    return _shown(session, incident, me, response)


@router.post("/{incident_id}/acknowledge", responses=ACT_PROBLEMS)
def post_acknowledge(  # noqa: PLR0913, PLR0917  # FastAPI: one parameter per input
    incident_id: IncidentId,
    given: AckIn,
    me: Handler,
    state: State,
    session: WriteSession,
    response: Response,
    if_match: IfMatch = "",
) -> IncidentDetail:
    """Take an incident up; the first acknowledgement stays, and nothing is escalated any more."""
    incident = Desk(session, me, state, if_match).acknowledge(incident_id, given)
    return _shown(session, incident, me, response)


@router.post("/{incident_id}/notes", responses=ACT_PROBLEMS)
def post_note(  # noqa: PLR0913, PLR0917  # FastAPI: one parameter per input
    incident_id: IncidentId,
    given: NoteIn,
    me: Handler,
    state: State,
    session: WriteSession,
    response: Response,
    if_match: IfMatch = "",
) -> IncidentDetail:
    """Add a line to the duty log."""
    incident = Desk(session, me, state, if_match).note(incident_id, given)
    return _shown(session, incident, me, response)


@router.post("/{incident_id}/outcome", responses=ACT_PROBLEMS)
def post_outcome(  # noqa: PLR0913, PLR0917  # FastAPI: one parameter per input
    incident_id: IncidentId,
    given: OutcomeIn,
    me: Handler,
    state: State,
    session: WriteSession,
    response: Response,
    if_match: IfMatch = "",
) -> IncidentDetail:
    """Say what came of it; a partner may, for what it was told of."""
    incident = Desk(session, me, state, if_match).outcome(incident_id, given)
    return _shown(session, incident, me, response)


@router.post("/{incident_id}/close", responses=ACT_PROBLEMS)
def post_close(  # noqa: PLR0913, PLR0917  # FastAPI: one parameter per input
    incident_id: IncidentId,
    given: CloseIn,
    me: Verifier,
    state: State,
    session: WriteSession,
    response: Response,
    if_match: IfMatch = "",
) -> IncidentDetail:
    """Close an incident, for a reason; an intrusion must have been judged."""
    incident = Desk(session, me, state, if_match).close(incident_id, given)
    return _shown(session, incident, me, response)


@router.post("/{incident_id}/reopen", responses=ACT_PROBLEMS)
def post_reopen(  # noqa: PLR0913, PLR0917  # FastAPI: one parameter per input
    incident_id: IncidentId,
    given: CloseIn,
    me: Verifier,
    state: State,
    session: WriteSession,
    response: Response,
    if_match: IfMatch = "",
) -> IncidentDetail:
    """Open a closed incident again, for a reason."""
    incident = Desk(session, me, state, if_match).reopen(incident_id, given)
    return _shown(session, incident, me, response)


@router.post("/{incident_id}/release", responses=ACT_PROBLEMS)
def post_release(  # noqa: PLR0913, PLR0917  # FastAPI: one parameter per input
    incident_id: IncidentId,
    given: ReleaseIn,
    me: Verifier,
    state: State,
    session: WriteSession,
    response: Response,
    if_match: IfMatch = "",
) -> IncidentDetail:
    """Hand an incident over to a receiver that gets it on request, on a legal basis."""
    incident = Desk(session, me, state, if_match).release(incident_id, given)
    return _shown(session, incident, me, response)
