"""The pages of incidents: what is open, what came of the others, and one with all its acts."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated, Any, get_args
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from parkwacht_api.acts import Desk
from parkwacht_api.auth import Principal, check_csrf, console_principal
from parkwacht_api.console.evidence_section import evidence_section
from parkwacht_api.console.forms import read_as, read_verdict, verdict_form
from parkwacht_api.console.park_map import build_incident_map
from parkwacht_api.console.rendering import page_language, render
from parkwacht_api.errors import ApiError, RecordInvalid, VersionConflict, not_found
from parkwacht_api.keys import Scope
from parkwacht_api.models_incidents import Incident
from parkwacht_api.repository import count_deliveries
from parkwacht_api.repository_incidents import (
    INCIDENT,
    IncidentFilter,
    cameras_of,
    deliveries_on,
    incidents_page,
)
from parkwacht_api.schemas import FalseCause, LegalBasis, ReviewState
from parkwacht_api.schemas_incidents import (
    AckIn,
    CloseIn,
    IncidentKind,
    NoteIn,
    OutcomeIn,
    OutcomeWord,
    ReleaseIn,
)
from parkwacht_api.state import AppState, ReadSession, State, WriteSession
from parkwacht_api.verification import judge_incident
from parkwacht_api.views_incidents import incident_detail
from parkwacht_config.site import Release
from parkwacht_config.text import Text

router = APIRouter()

Person = Annotated[Principal, Depends(console_principal)]
PAGE_SIZE = 30
STATES = get_args(ReviewState)
KINDS = get_args(IncidentKind)
# What each form gives, who may send it, and which record it is.
ACTS: dict[str, tuple[Scope, type[Any]]] = {
    "acknowledge": (Scope.ACKNOWLEDGE, AckIn),
    "note": (Scope.ACKNOWLEDGE, NoteIn),
    "outcome": (Scope.ACKNOWLEDGE, OutcomeIn),
    "close": (Scope.VERIFY, CloseIn),
    "reopen": (Scope.VERIFY, CloseIn),
    "release": (Scope.VERIFY, ReleaseIn),
}


class Names:
    """What things of the park are called on a page; the id where there is no name."""

    def __init__(self, state: AppState) -> None:
        self._site = state.site

    def camera(self, camera_id: str) -> str:
        """Return the name of a camera."""
        camera = self._site.camera(camera_id)
        return camera.name if camera else camera_id

    def zone(self, zone_id: str) -> str:
        """Return the name of a zone."""
        return self._site.zone_name(zone_id) or zone_id

    def receiver(self, receiver_id: str) -> str:
        """Return the name of a receiver."""
        receiver = self._site.receiver(receiver_id)
        return receiver.name if receiver else receiver_id

    def subject(self, kind: str, subject: str) -> str:
        """Return the name of what an incident is about."""
        if kind == "intrusion":
            return self.zone(subject)
        return self.camera(subject) if kind == "camera_trouble" else self.receiver(subject)


def not_forwarded(session: Session, me: Principal) -> dict[str, int]:
    """Return how many deliveries were not forwarded, by state; a receiver is not told."""
    if me.receiver_id is not None:
        return {}
    states = ("dead", "refused", "held")
    counts = count_deliveries(session, states)
    return {one: counts[one] for one in states if one in counts}


def _list_filter(kind: str = "", verdict: str = "") -> IncidentFilter:
    return IncidentFilter(
        kind=kind if kind in KINDS else None, review_state=verdict if verdict in STATES else None
    )


def _more_link(cursor: str | None, wanted: IncidentFilter) -> str:
    asked = {"kind": wanted.kind, "verdict": wanted.review_state, "cursor": cursor}
    return "/?" + urlencode({name: value for name, value in asked.items() if value})


def _told(
    session: Session, rows: Sequence[Incident], me: Principal, names: Names
) -> dict[UUID, dict[str, str]]:
    """Return of each incident how it stands with each receiver: the best of its messages."""
    rank = ("held", "refused", "dead", "pending", "delivered", "acknowledged")
    told: dict[UUID, dict[str, str]] = defaultdict(dict)
    for one in deliveries_on(session, [row.id for row in rows], receiver_id=me.receiver_id):
        if one.incident_id is None:
            continue
        name = names.receiver(one.receiver_id)
        shown = "acknowledged" if one.acknowledged_at else one.state
        before = told[one.incident_id].get(name, shown)
        told[one.incident_id][name] = max(before, shown, key=rank.index)
    return told


@router.get("/")
def get_list(
    request: Request,
    me: Person,
    state: State,
    session: ReadSession,
    wanted: Annotated[IncidentFilter, Depends(_list_filter)],
    cursor: str = "",
) -> Response:
    """List incidents, the open ones first, each part newest first."""
    if me.scopes == {Scope.STATISTICS}:
        return RedirectResponse("/statistics", status_code=303)
    me.require(Scope.READ)
    rows, next_cursor = incidents_page(
        session, wanted, receiver_id=me.receiver_id, cursor=cursor or None, limit=PAGE_SIZE
    )
    open_ones: Sequence[Incident] = []
    if not cursor:
        only_open = IncidentFilter(wanted.kind, "open", wanted.review_state)
        open_ones, _ = incidents_page(
            session, only_open, receiver_id=me.receiver_id, cursor=None, limit=PAGE_SIZE
        )
    others = [row for row in rows if row.state != "open" or cursor]
    names = Names(state)
    shown = [*open_ones, *others]
    context = {
        "groups": [one for one in (list(open_ones), others) if one],
        "told": _told(session, shown, me, names),
        "cameras": cameras_of(session, [row.id for row in shown]),
        "names": names,
        "wanted": wanted,
        "states": STATES,
        "kinds": KINDS,
        "next_link": _more_link(next_cursor, wanted) if next_cursor else "",
        "first_link": _more_link(None, wanted),
        "is_first": not cursor,
        "may_see": me.may(Scope.IMAGES),
        "troubles": not_forwarded(session, me),
    }
    return render(request, "incidents.html", context, principal=me)


def _context(state: AppState, session: Session, incident_id: UUID, me: Principal) -> Any:  # noqa: ANN401
    incident = incident_detail(session, incident_id, me)
    names = Names(state)
    had = {one.receiver_id for one in incident.deliveries}
    return {
        "incident": incident,
        "map": build_incident_map(state.site, incident),
        "names": names,
        "bases": tuple(LegalBasis),
        "causes": get_args(FalseCause),
        "outcomes": get_args(OutcomeWord),
        "on_request": [
            one
            for one in state.site.receivers
            if one.release is Release.ON_REQUEST and one.id not in had
        ],
        "may_see": me.may(Scope.IMAGES),
        "may_judge": me.may(Scope.VERIFY),
        "may_handle": me.may(Scope.ACKNOWLEDGE),
        "alert": "",
        "given": verdict_form(),
        **evidence_section(state, session, incident_id, me),
    }


def show_incident(
    request: Request,
    incident_id: UUID,
    me: Principal,
    session: Session,
    *,
    status: int = 200,
    **more: Any,  # noqa: ANN401
) -> Response:
    """
    Show one incident.

    Parameters
    ----------
    request
        Decides the language.
    incident_id
        Which incident.
    me
        Who looks.
    session
        A transaction.
    status
        HTTP status.
    **more
        What the page shows beside, or instead of, what is stored.
    """
    me.require(Scope.READ)
    context = _context(request.app.state.parkwacht, session, incident_id, me) | more
    return render(request, "incident.html", context, principal=me, status=status)


@router.get("/incidents/{incident_id}")
def get_incident(request: Request, incident_id: UUID, me: Person, session: ReadSession) -> Response:
    """Show one incident."""
    return show_incident(request, incident_id, me, session)


@router.post("/incidents/{incident_id}/verdict")
def post_verdict(  # noqa: PLR0913, PLR0917  # FastAPI: one parameter per input
    request: Request,
    incident_id: UUID,
    me: Person,
    state: State,
    session: WriteSession,
    form: Annotated[dict[str, str], Depends(verdict_form)],
    csrf: Annotated[str, Form()] = "",
) -> Response:
    """Judge an incident; where something is missing the form comes back as it was filled in."""
    check_csrf(me, csrf)
    me.require(Scope.VERIFY)
    seen = f'"v{form["version"]}"'
    try:
        given = read_verdict(form, me)
        judge_incident(session, incident_id, given, principal=me, state=state, if_match=seen)
    except (RecordInvalid, VersionConflict) as error:
        return _again(request, incident_id, me, session, (form, error))
    return RedirectResponse(f"/incidents/{incident_id}", status_code=303)


def _act_form(  # noqa: PLR0913, PLR0917  # FastAPI: one parameter per input
    version: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
    text: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
    outcome: Annotated[str, Form()] = "",
    receiver_id: Annotated[str, Form()] = "",
    legal_basis: Annotated[str, Form()] = "",
    legal_number: Annotated[str, Form()] = "",
) -> dict[str, str]:
    given = {"version": version, "note": note, "text": text, "reason": reason}
    given |= {"outcome": outcome, "receiver_id": receiver_id}
    return given | {"legal_basis": legal_basis, "legal_number": legal_number}


@router.post("/incidents/{incident_id}/{act}")
def post_act(  # noqa: PLR0913, PLR0917  # FastAPI: one parameter per input
    request: Request,
    incident_id: UUID,
    act: str,
    me: Person,
    state: State,
    session: WriteSession,
    form: Annotated[dict[str, str], Depends(_act_form)],
    csrf: Annotated[str, Form()] = "",
) -> Response:
    """Take an incident up, note, say what came of it, close it, open it again or hand it over."""
    check_csrf(me, csrf)
    if act not in ACTS:
        raise not_found(INCIDENT, f"{incident_id}/{act}")
    scope, model = ACTS[act]
    me.require(scope)
    given = {name: form[name] for name in model.model_fields if form.get(name)}
    wrong = Text(
        nl="Vul de reden of tekst in (ten minste drie tekens).",
        en="Fill in the reason or text (at least three characters).",
    )
    try:
        record = read_as(model, given | {"person": me.name}, wrong)
        desk = Desk(session, me, state, f'"v{form["version"]}"')
        getattr(desk, act)(incident_id, record)
    except (RecordInvalid, VersionConflict) as error:
        return _again(request, incident_id, me, session, (verdict_form(), error))
    return RedirectResponse(f"/incidents/{incident_id}", status_code=303)


def _again(
    request: Request,
    incident_id: UUID,
    me: Principal,
    session: Session,
    failed: tuple[dict[str, str], ApiError],
) -> Response:
    form, error = failed
    alert = error.text.to(page_language(request))
    status = 412 if isinstance(error, VersionConflict) else 422
    return show_incident(request, incident_id, me, session, status=status, alert=alert, given=form)
