"""The forms of evidence on the page of an incident: packages, links that expire, legal holds."""

from datetime import UTC, date, datetime, time
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from parkwacht_api.auth import Principal, check_csrf
from parkwacht_api.console.forms import read_as
from parkwacht_api.console.incidents import Person, show_incident
from parkwacht_api.console.rendering import page_language
from parkwacht_api.errors import RecordInvalid
from parkwacht_api.evidence import make_package, send_package
from parkwacht_api.holds import lift_hold, place_hold
from parkwacht_api.keys import Scope
from parkwacht_api.links import make_link, revoke_link
from parkwacht_api.schemas_evidence import EvidenceIn, HoldIn, HoldReleaseIn, LinkIn
from parkwacht_api.state import State, WriteSession, state_of
from parkwacht_config.text import Text

router = APIRouter(prefix="/incidents/{incident_id}")

WRONG_PACKAGE = Text(
    nl="Zeg voor wie het pakket is, geef een reden van ten minste drie tekens, en bij een "
    "vordering of aangifte het nummer.",
    en="Say for whom the package is, give a reason of at least three characters, and with a "
    "vordering or aangifte its number.",
)
WRONG_LINK = Text(
    nl="Zeg voor wie de koppeling is en hoeveel uur zij geldt: meer dan 0, hoogstens 2160.",
    en="Say for whom the link is and for how many hours: more than 0, at most 2160.",
)
WRONG_HOLD = Text(
    nl="Geef een reden van ten minste drie tekens en een einddatum.",
    en="Give a reason of at least three characters and an end date.",
)
WRONG_LIFT = Text(
    nl="Geef een reden van ten minste drie tekens om de bewaarplicht op te heffen.",
    en="Give a reason of at least three characters to lift the hold.",
)


def _back(incident_id: UUID) -> Response:
    return RedirectResponse(f"/incidents/{incident_id}#evidence", status_code=303)


def _again(
    request: Request,
    incident_id: UUID,
    me: Principal,
    error: RecordInvalid,
    **given: Any,  # noqa: ANN401
) -> Response:
    alert = error.text.to(page_language(request))
    with state_of(request).database.reading() as session:
        return show_incident(request, incident_id, me, session, status=422, alert=alert, **given)


def _package_form(
    for_whom: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
    legal_basis: Annotated[str, Form()] = "",
    legal_number: Annotated[str, Form()] = "",
) -> dict[str, str]:
    given = {"for_whom": for_whom, "reason": reason}
    return given | {"legal_basis": legal_basis, "legal_number": legal_number}


@router.post("/evidence")
def post_package(
    request: Request,
    incident_id: UUID,
    me: Person,
    state: State,
    form: Annotated[dict[str, str], Depends(_package_form)],
    csrf: Annotated[str, Form()] = "",
) -> Response:
    """Make an evidence package; where something is missing the form comes back as it was."""
    check_csrf(me, csrf)
    me.require(Scope.EXPORT)
    try:
        asked = read_as(EvidenceIn, form, WRONG_PACKAGE)
    except RecordInvalid as error:
        return _again(request, incident_id, me, error, asked=form)
    make_package(state, incident_id, asked, principal=me)
    return _back(incident_id)


@router.get("/evidence/{package_id}")
def get_package(package_id: UUID, me: Person, state: State, session: WriteSession) -> Response:
    """Send a package; the download is logged."""
    me.require(Scope.EXPORT)
    return send_package(session, package_id, principal=me, state=state)


def _link_form(
    for_whom: Annotated[str, Form()] = "", hours: Annotated[str, Form()] = ""
) -> dict[str, str]:
    return {"for_whom": for_whom, "hours": hours}


@router.post("/evidence/{package_id}/links")
def post_link(  # noqa: PLR0913, PLR0917  # FastAPI: one parameter per input
    request: Request,
    incident_id: UUID,
    package_id: UUID,
    me: Person,
    state: State,
    form: Annotated[dict[str, str], Depends(_link_form)],
    csrf: Annotated[str, Form()] = "",
) -> Response:
    """Make a link to a package and show it, this once: only its hash is kept."""
    check_csrf(me, csrf)
    me.require(Scope.EXPORT)
    try:
        asked = read_as(LinkIn, form, WRONG_LINK)
    except RecordInvalid as error:
        return _again(request, incident_id, me, error)
    with state.database.writing() as session:
        link, url = make_link(session, package_id, asked, principal=me, state=state)
        told = {"url": url, "for_whom": link.for_whom, "expires_at": link.expires_at}
    with state.database.reading() as session:
        return show_incident(request, incident_id, me, session, new_link=told)


@router.post("/evidence/links/{link_id}/withdraw")
def post_withdrawal(  # FastAPI: one parameter per input
    incident_id: UUID,
    link_id: UUID,
    me: Person,
    state: State,
    session: WriteSession,
    csrf: Annotated[str, Form()] = "",
) -> Response:
    """Withdraw a link at once."""
    check_csrf(me, csrf)
    me.require(Scope.EXPORT)
    revoke_link(session, link_id, principal=me, state=state)
    return _back(incident_id)


def _hold_form(
    reason: Annotated[str, Form()] = "", ends_on: Annotated[str, Form()] = ""
) -> dict[str, str]:
    return {"reason": reason, "ends_on": ends_on}


def _end_of(day: str, timezone: str) -> datetime | None:
    """Return the last second of a day at the park, or None where it is no day."""
    try:
        end = datetime.combine(date.fromisoformat(day), time(23, 59, 59), ZoneInfo(timezone))
        return end.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


@router.post("/holds")
def post_hold(
    request: Request,
    incident_id: UUID,
    me: Person,
    state: State,
    form: Annotated[dict[str, str], Depends(_hold_form)],
    csrf: Annotated[str, Form()] = "",
) -> Response:
    """Keep all of an incident until the end of a day."""
    check_csrf(me, csrf)
    me.require(Scope.HOLD)
    ends_at = _end_of(form["ends_on"], state.site.timezone)
    try:
        asked = read_as(HoldIn, {"reason": form["reason"], "ends_at": ends_at}, WRONG_HOLD)
        with state.database.writing() as session:
            place_hold(session, incident_id, asked, principal=me, state=state)
    except RecordInvalid as error:
        return _again(request, incident_id, me, error, asked_hold=form)
    return _back(incident_id)


@router.post("/holds/{hold_id}/lift")
def post_lift(  # noqa: PLR0913, PLR0917  # FastAPI: one parameter per input
    request: Request,
    incident_id: UUID,
    hold_id: UUID,
    me: Person,
    state: State,
    reason: Annotated[str, Form()] = "",
    csrf: Annotated[str, Form()] = "",
) -> Response:
    """Lift a hold before its end."""
    check_csrf(me, csrf)
    me.require(Scope.HOLD)
    try:
        asked = read_as(HoldReleaseIn, {"reason": reason}, WRONG_LIFT)
    except RecordInvalid as error:
        return _again(request, incident_id, me, error)
    with state.database.writing() as session:
        lift_hold(session, hold_id, asked, principal=me, state=state)
    return _back(incident_id)
