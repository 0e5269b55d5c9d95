"""Logging in with a name and an access key, and logging out."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from parkwacht_api.auth import (
    COOKIE,
    SESSION_LENGTH,
    LoginThrottle,
    Principal,
    address_of,
    check_csrf,
    console_principal,
    end_session,
    find_key,
    open_session,
)
from parkwacht_api.console.rendering import page_language, render
from parkwacht_api.errors import FormForged, NotAuthenticated
from parkwacht_api.keys import Scope
from parkwacht_api.state import State, WriteSession
from parkwacht_config.text import Text

router = APIRouter()

MIN_NAME = 2
MAX_NAME = 120


def _safe_next(path: str) -> str:
    is_inside = path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if is_inside and path.isprintable() else "/"


def _throttle(request: Request) -> LoginThrottle:
    throttle: LoginThrottle = request.app.state.login_throttle
    return throttle


def _check_origin(request: Request) -> None:
    # There is no session yet whose token a form could carry; browsers say where a form came from.
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise FormForged(
            Text(nl="meld u aan op deze pagina zelf", en="log in on this very page"),
        )


@router.get("/login")
def get_login(request: Request, next: str = "/") -> Response:
    """Show the login page."""
    context = {"next": _safe_next(next), "person": "", "alert": ""}
    return render(request, "login.html", context)


@router.post("/login")
def post_login(
    request: Request,
    state: State,
    session: WriteSession,
    person: Annotated[str, Form()] = "",
    key: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",
) -> Response:
    """Open a session for a person with a right key."""
    _check_origin(request)
    at, address, person = state.clock.now(), address_of(request), person.strip()
    throttle = _throttle(request)
    throttle.check(address, at)
    alert = None
    if not MIN_NAME <= len(person) <= MAX_NAME:
        alert = Text(nl="Vul uw naam in (2 tot 120 tekens).", en="Enter your name.")
    else:
        try:
            row = find_key(session, key.strip())
            if Scope.READ.value not in row.scopes.split():
                alert = Text(
                    nl="Deze sleutel geeft geen toegang tot gebeurtenissen.",
                    en="This key gives no access to events.",
                )
        except NotAuthenticated:
            throttle.failed(address, at)
            alert = Text(nl="Deze sleutel is niet geldig.", en="This key is not valid.")
    if alert is not None:
        shown = alert.to(page_language(request))
        context = {"next": _safe_next(next), "person": person, "alert": shown}
        return render(request, "login.html", context, status=401)
    throttle.succeeded(address)
    token = open_session(session, row, person, at=at)
    response = RedirectResponse(_safe_next(next), status_code=303)
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(SESSION_LENGTH.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=state.settings.api_url.startswith("https://"),
    )
    return response


@router.post("/logout")
def post_logout(
    request: Request,
    principal: Annotated[Principal, Depends(console_principal)],
    state: State,
    session: WriteSession,
    csrf: Annotated[str, Form()] = "",
) -> Response:
    """End the session; its cookie is worthless from now on."""
    check_csrf(principal, csrf)
    end_session(session, request.cookies.get(COOKIE, ""), at=state.clock.now())
    response = RedirectResponse("/login", status_code=303)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return response
