"""The pages of the working group's figures and of the shifts."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from parkwacht_api.auth import Principal, check_csrf, console_principal
from parkwacht_api.console.forms import read_as
from parkwacht_api.console.incidents import Names
from parkwacht_api.console.rendering import page_language, render
from parkwacht_api.errors import RecordInvalid
from parkwacht_api.keys import Scope
from parkwacht_api.repository_incidents import latest_handovers, unfinished
from parkwacht_api.routers.statistics import days_of
from parkwacht_api.schemas_incidents import HandoverIn
from parkwacht_api.shifts import accept, hand_over
from parkwacht_api.state import ReadSession, State, WriteSession
from parkwacht_api.statistics import compute_statistics
from parkwacht_config.text import Language, Text

router = APIRouter()

Person = Annotated[Principal, Depends(console_principal)]
PARTS = ("verified", "dismissed", "unclear", "unreviewed")
LATEST = 20
MINUTE_S, HOUR_S = 60, 3600


def show_wait(wait_s: float | None, language: Language) -> str:
    """Show a wait in the unit that fits it."""
    if wait_s is None:
        return "-"
    if wait_s < MINUTE_S:
        shown = f"{wait_s:.1f} s"
    elif wait_s < HOUR_S:
        shown = f"{wait_s / MINUTE_S:.1f} min"
    else:
        shown = f"{wait_s / HOUR_S:.1f} {Text('uur', 'h').to(language)}"
    return shown.replace(".", ",") if language is Language.NL else shown


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


@router.get("/statistics")
def get_statistics(
    request: Request,
    me: Person,
    state: State,
    session: ReadSession,
    since: str = "",
    until: str = "",
) -> Response:
    """Show the figures."""
    me.require(Scope.STATISTICS)
    language = page_language(request)
    figures = compute_statistics(session, state.site, *days_of(state, _date(since), _date(until)))
    context = {
        "figures": figures,
        "parts": PARTS,
        "most": max((week.n_incidents for week in figures.weeks), default=1),
        "wait": lambda wait_s: show_wait(wait_s, language),
        "decimal": lambda value: f"{value:.2f}".replace(
            ".", "," if language is Language.NL else "."
        ),
    }
    return render(request, "statistics.html", context, principal=me)


@router.get("/handovers")
def get_handovers(request: Request, me: Person, state: State, session: ReadSession) -> Response:
    """Show the shifts and the form that hands one over."""
    me.require(Scope.VERIFY)
    context = {
        "handovers": latest_handovers(session, LATEST),
        "unfinished": unfinished(session),
        "names": Names(state),
    }
    return render(request, "handovers.html", context, principal=me)


@router.post("/handovers")
def post_handover(
    me: Person,
    state: State,
    session: WriteSession,
    to_person: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
    csrf: Annotated[str, Form()] = "",
) -> Response:
    """Hand the shift over."""
    check_csrf(me, csrf)
    me.require(Scope.VERIFY)
    wrong = Text(nl="Vul in wie het overneemt.", en="Say who takes over.")
    given = {"from_person": me.name, "to_person": to_person, "note": note}
    hand_over(session, read_as(HandoverIn, given, wrong), principal=me, state=state)
    return RedirectResponse("/handovers", status_code=303)


@router.post("/handovers/{handover_id}/accept")
def post_accept(
    handover_id: int,
    me: Person,
    state: State,
    session: WriteSession,
    csrf: Annotated[str, Form()] = "",
) -> Response:
    """Take the shift over."""
    check_csrf(me, csrf)
    me.require(Scope.VERIFY)
    if not 0 < handover_id < 2**31:
        raise RecordInvalid(Text(nl="geen overdracht", en="no handover"))
    accept(session, handover_id, me.name, principal=me, state=state)
    return RedirectResponse("/handovers", status_code=303)
