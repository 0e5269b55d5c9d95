"""The page of the cameras: do they watch, what troubles them, how was last night."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from parkwacht_api.auth import Principal, console_principal
from parkwacht_api.cameras import list_cameras, trouble_out
from parkwacht_api.console.incidents import Names
from parkwacht_api.console.rendering import page_language, render
from parkwacht_api.keys import Scope
from parkwacht_api.repository import troubles_page
from parkwacht_api.schemas import TroubleOut
from parkwacht_api.state import ReadSession, State
from parkwacht_config.text import Language

router = APIRouter()

PAST = 50
BADGES = {"watching": "verified", "trouble": "unreviewed", "silent": "unreviewed", "never": ""}


def _number(value: float, language: Language) -> str:
    shown = f"{value:.1f}"
    return shown.replace(".", ",") if language is Language.NL else shown


@router.get("/cameras")
def get_cameras(
    request: Request,
    me: Annotated[Principal, Depends(console_principal)],
    state: State,
    session: ReadSession,
) -> Response:
    """Show the cameras; a partner sees none."""
    me.require(Scope.READ)
    language = page_language(request)

    def measure(trouble: TroubleOut) -> str:
        value, unit = trouble.record.get("measure"), trouble.record.get("unit")
        return "" if value is None else f" ({_number(value, language)} {unit})"

    def percent(availability: float | None) -> str:
        return "-" if availability is None else f"{_number(availability * 100, language)} %"

    is_partner = me.receiver_id is not None
    past, _ = troubles_page(session, is_open=False, limit=PAST)
    context = {
        "cameras": [] if is_partner else list_cameras(session, state.site, state.clock.now()),
        "past": [] if is_partner else [trouble_out(row) for row in past],
        "badges": BADGES,
        "measure": measure,
        "percent": percent,
        "names": Names(state),
    }
    return render(request, "cameras.html", context, principal=me)
