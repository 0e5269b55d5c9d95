"""
Logging in by the park's own log-in service: out to it, and back.

The way out is a link and not a form, and the way back ends on a page of ours: the session's cookie
is SameSite=Strict, so a browser that comes from elsewhere sends it only from there on.
"""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from parkwacht_api.audit import Act, Somebody, audit
from parkwacht_api.auth import address_of
from parkwacht_api.console.login import (
    log_in,
    login_page,
    next_page,
    safe_next,
    set_session_cookie,
    stage_of,
)
from parkwacht_api.console.rendering import page_language, render
from parkwacht_api.errors import FormForged, NotFound, NotVouched, ProviderSilent
from parkwacht_api.lockout import (
    Attempt,
    begin_attempt,
    check_unlocked,
    forgive_attempt,
    unlock_account,
)
from parkwacht_api.models_access import SignIn
from parkwacht_api.oidc import Provider, Vouched
from parkwacht_api.sign_in import BACK_WITHIN, Refusal, account_for, begin_sign_in, take_sign_in
from parkwacht_api.state import AppState, State
from parkwacht_config.text import Text

router = APIRouter(prefix="/login/oidc")

COOKIE = "parkwacht_sign_in"
PATH = "/login/oidc"
NOT_BEGUN = Text(
    nl="deze aanmelding is hier niet begonnen, of te lang geleden; begin opnieuw",
    en="this log-in was not begun here, or too long ago; start again",
)


def provider_of(request: Request) -> Provider:
    """
    Return the park's log-in service.

    Raises
    ------
    NotFound
        It has none.
    """
    provider = request.app.state.oidc
    if not isinstance(provider, Provider):
        raise NotFound(Text(nl="geen aanmelddienst", en="no log-in service"))
    return provider


def _check_page(request: Request) -> None:
    # As a picture on somebody else's page, it would lock out the address of whoever looks at that.
    if request.headers.get("sec-fetch-dest", "document") != "document":
        raise FormForged(
            Text(nl="meld u aan op een eigen pagina", en="log in on a page of its own")
        )


@router.get("")
def get_begin(request: Request, state: State, next: str = "/") -> Response:
    """Send the browser to the log-in service."""
    _check_page(request)
    provider, at = provider_of(request), state.clock.now()
    with state.database.writing() as session:
        token, row = begin_sign_in(
            session, next_path=safe_next(next), address=address_of(request), at=at
        )
    try:
        url = provider.authorization_url(row)
    except ProviderSilent as error:
        return _again(request, error.text, status=503)
    response = RedirectResponse(url, status_code=303)
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(BACK_WITHIN.total_seconds()),
        path=PATH,
        httponly=True,
        samesite="lax",  # it must come along when the service sends the browser back
        secure=state.settings.api_url.startswith("https://"),
    )
    return response


@router.get("/callback")
def get_callback(
    request: Request,
    state: State,
    code: Annotated[str, Query(max_length=4000)] = "",
    given_state: Annotated[str, Query(alias="state", max_length=400)] = "",
    error: Annotated[str, Query(max_length=400)] = "",
    iss: Annotated[str, Query(max_length=400)] = "",
) -> Response:
    """Take back whoever the log-in service sends, and open a session for an account of ours."""
    _check_page(request)
    provider, at = provider_of(request), state.clock.now()
    # Counted per address like wrong passwords: each costs us a question to the service.
    attempt = Attempt(f"@{address_of(request)}", address_of(request))
    with state.database.writing() as session:
        begin_attempt(session, attempt, at=at)
        row = take_sign_in(session, request.cookies.get(COOKIE, ""), given_state, at=at)
    try:
        begun = _check_return(provider, row, iss=iss, error=error, code=code)
        vouched = provider.vouch(begun, code)
    except (NotVouched, ProviderSilent) as failure:
        is_silent = isinstance(failure, ProviderSilent)
        _log_failure(request, state, provider, failure.text.en)
        return _again(request, failure.text, status=503 if is_silent else 401)
    with state.database.writing() as session:
        forgive_attempt(session, attempt, at=at)
    return _let_in(request, state, provider, begun, vouched)


def _check_return(
    provider: Provider, row: SignIn | None, *, iss: str, error: str, code: str
) -> SignIn:
    if row is None or iss not in {"", provider.told.issuer}:  # RFC 9207
        raise NotVouched(NOT_BEGUN)
    if error or not code:
        raise NotVouched(_said_no(error))
    return row


def _said_no(error: str) -> Text:
    told = error[:60] if error.isascii() and error.isprintable() else ""
    return Text(
        nl=f"de aanmelddienst heeft u niet aangemeld ({told})",
        en=f"the log-in service did not log you in ({told})",
    )


def _let_in(
    request: Request, state: AppState, provider: Provider, row: SignIn, vouched: Vouched
) -> Response:
    at, address = state.clock.now(), address_of(request)
    stranger = Somebody(vouched.person or vouched.subject, via="console", address=address)
    with state.database.writing() as session:
        found = account_for(session, vouched, provider.told, by=stranger, at=at)
        if isinstance(found, Refusal):
            details = {"reason": found.reason, "issuer": provider.told.issuer}
            act = Act("login.failed", "account", vouched.subject, details=details)
            audit(session, stranger, act, at=at)
            return _again(request, found.text, status=403)
        # An account that is locked stays so for this way, on which nobody guesses.
        check_unlocked(session, Attempt(found.name, address), at=at)
        stage = stage_of(found, is_code_given=vouched.has_second_factor, is_vouched=True)
        if stage != "code":
            unlock_account(session, found.name, at=at)
        token = log_in(session, request, found, stage=stage, at=at, issuer=provider.told.issuer)
    response = render(request, "login_done.html", {"target": next_page(stage, row.next)})
    set_session_cookie(response, token, state)
    response.delete_cookie(COOKIE, path=PATH, httponly=True, samesite="lax")
    return response


def _log_failure(request: Request, state: AppState, provider: Provider, why: str) -> None:
    nobody = Somebody("", via="console", address=address_of(request))
    details = {"reason": why, "issuer": provider.told.issuer}
    with state.database.writing() as session:
        act = Act("login.failed", "account", "", details=details)
        audit(session, nobody, act, at=state.clock.now())


def _again(request: Request, why: Text, *, status: int) -> Response:
    """Show the log-in page with what went wrong; a password still does."""
    alert = why.to(page_language(request))
    response = login_page(request, alert=alert[:1].upper() + alert[1:] + ".", status=status)
    response.delete_cookie(COOKIE, path=PATH, httponly=True, samesite="lax")
    return response


@router.get("/out")
def get_out(request: Request, state: State) -> Response:
    """Lead on to the page on which one logs out of the log-in service too."""
    try:
        url = provider_of(request).log_out_url(f"{state.settings.api_url.rstrip('/')}/login")
    except ProviderSilent as error:
        return _again(request, error.text, status=503)
    return RedirectResponse(url or "/login", status_code=303)
