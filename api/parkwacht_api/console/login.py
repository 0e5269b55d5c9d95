"""Logging in: name and password, then the second factor or a new password where one is due."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from parkwacht_api.accounts import (
    change_password,
    check_password,
    end_sessions,
    get_account,
    normal_name,
)
from parkwacht_api.audit import Act, Somebody, account_who, audit
from parkwacht_api.auth import (
    COOKIE,
    Principal,
    address_of,
    check_csrf,
    console_principal,
    matches_csrf,
    pending_session,
)
from parkwacht_api.console.rendering import page_language, render
from parkwacht_api.errors import FormForged, RecordInvalid
from parkwacht_api.factor_seal import factor_key, is_readable
from parkwacht_api.lockout import Attempt, begin_attempt, forgive_attempt, take_back_attempt
from parkwacht_api.models_access import Account, WebSession
from parkwacht_api.repository_access import account_by_name
from parkwacht_api.second_factor import is_in_force, take_code
from parkwacht_api.state import AppState, State, WriteSession, state_of
from parkwacht_api.web_sessions import ABSOLUTE, Browser, Stage, end_session, open_session
from parkwacht_config.text import Text

router = APIRouter()

WRONG = Text(nl="Naam of wachtwoord klopt niet.", en="Name or password is not right.")
WRONG_CODE = Text(nl="Deze code klopt niet.", en="This code is not right.")
NO_KEY = Text(
    nl="De dienst kan codes van uw app nu niet nagaan: de sleutel PARKWACHT_FACTOR_KEY in "
    "secrets.toml is niet die waarmee uw tweede factor is verzegeld. Gebruik een herstelcode, of "
    "laat de beheerder de sleutel terugzetten of parkwacht accounts reset geven.",
    en="The service cannot check codes of your app now: the key PARKWACHT_FACTOR_KEY in "
    "secrets.toml is not the one your second factor was sealed with. Use a recovery code, or have "
    "the administrator put the key back or give parkwacht accounts reset.",
)
NOT_THE_SAME = Text(
    nl="De twee nieuwe wachtwoorden zijn niet gelijk.", en="The two new passwords differ."
)
PAGES: dict[Stage, str] = {"code": "/login/code", "password": "/login/password"}


def safe_next(path: str) -> str:
    """Return where a log-in may lead: a path of this service, or the first page."""
    is_inside = path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if is_inside and path.isprintable() else "/"


def _check_origin(request: Request) -> None:
    # There is no session yet whose token a form could carry; browsers say where a form came from.
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise FormForged(
            Text(nl="meld u aan op deze pagina zelf", en="log in on this very page"),
        )


def owner_of(account: Account, request: Request) -> Somebody:
    """Say for the log who logs in to an account."""
    name, address = account_who(account.name), address_of(request)
    return Somebody(account.person, account.role, "console", address, name)


def log_in(
    session: Session,
    request: Request,
    account: Account,
    *,
    stage: Stage,
    at: datetime,
    issuer: str | None,
) -> str:
    """
    Open a session, and log it where nothing is missing; return the cookie's value.

    Parameters
    ----------
    session
        A writing transaction.
    request
        From where.
    account
        Whose.
    stage
        What is still missing.
    at
        The present instant.
    issuer
        The log-in service that vouched, where one did.
    """
    if stage == "full":
        details = {"issuer": issuer} if issuer else {}
        act = Act("login", "account", account.name, details=details)
        audit(session, owner_of(account, request), act, at=at)
    browser = Browser(address_of(request), request.headers.get("user-agent", ""))
    return open_session(session, account, browser, stage=stage, at=at, issuer=issuer)


def set_session_cookie(response: Response, token: str, state: AppState) -> None:
    """Hand a session's token to the browser: out of reach of scripts and of other sites."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(ABSOLUTE.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=state.settings.api_url.startswith("https://"),
    )


def stage_of(account: Account, *, is_code_given: bool, is_vouched: bool = False) -> Stage:
    """Say what a log-in still lacks; whom a log-in service vouches for used no password of ours."""
    if is_in_force(account) and not is_code_given:
        return "code"
    return "password" if account.must_change and not is_vouched else "full"


def next_page(stage: Stage, next_path: str) -> str:
    """Return where a log-in goes on: to what it still lacks, or inside."""
    if stage not in PAGES:
        return next_path
    return _with_next(PAGES[stage], next_path)


def _with_next(page: str, next_path: str) -> str:
    return page if next_path == "/" else f"{page}?{urlencode({'next': next_path})}"


def login_page(
    request: Request, *, next_path: str = "/", name: str = "", alert: str = "", status: int = 200
) -> Response:
    """
    Show the login page.

    Parameters
    ----------
    request
        Decides the language.
    next_path
        Where to afterwards.
    name
        What was typed.
    alert
        What went wrong.
    status
        Of the answer.
    """
    site = state_of(request).site
    context = {
        "next": next_path,
        "name": name,
        "alert": alert,
        "oidc": None if site.oidc is None else site.oidc.name,
        "oidc_link": _with_next("/login/oidc", next_path),
        "is_out": site.oidc is not None and request.query_params.get("out") == "1",
    }
    return render(request, "login.html", context, status=status)


@dataclass(frozen=True, slots=True)
class _Step:
    """One step of logging in: who, from where, when, and where to afterwards."""

    request: Request
    state: AppState
    at: datetime
    next: str

    def go_on(
        self, session: Session, account: Account, stage: Stage, issuer: str | None = None
    ) -> Response:
        """Open a session of a stage and lead to its page."""
        token = log_in(session, self.request, account, stage=stage, at=self.at, issuer=issuer)
        response = RedirectResponse(next_page(stage, self.next), status_code=303)
        set_session_cookie(response, token, self.state)
        return response

    def fail(self, session: Session, account: Account | None, typed: str, why: str) -> None:
        """Write a failed attempt to the log."""
        act = Act("login.failed", "account", typed, details={"reason": why})
        nobody = Somebody(typed, via="console", address=address_of(self.request))
        who = nobody if account is None else owner_of(account, self.request)
        audit(session, who, act, at=self.at)


def _step(request: Request, state: State, next: Annotated[str, Form()] = "/") -> _Step:
    _check_origin(request)
    return _Step(request, state, state.clock.now(), safe_next(next))


Step = Annotated[_Step, Depends(_step)]


@router.get("/login")
def get_login(request: Request, next: str = "/") -> Response:
    """Show the login page."""
    return login_page(request, next_path=safe_next(next))


@router.post("/login")
def post_login(
    step: Step,
    name: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
) -> Response:
    """Take a name and a password; what is still due decides which page comes next."""
    name, state = normal_name(name)[:120], step.state
    attempt = Attempt(name, address_of(step.request))
    with state.database.writing() as session:
        begin_attempt(session, attempt, at=step.at)
        known = account_by_name(session, name)
    # Hashing takes long, so it is done outside of any transaction.
    is_right, better_hash = check_password(known, password)
    with state.database.writing() as session:
        account = account_by_name(session, name, lock=True)
        if account is not None and account.disabled_at is None and is_right:
            stage = stage_of(account, is_code_given=False)
            settle = take_back_attempt if stage == "code" else forgive_attempt
            settle(session, attempt, at=step.at)
            if better_hash is not None:
                account.password_hash = better_hash
            return step.go_on(session, account, stage)
        shut = account is not None and is_right
        step.fail(session, account, name, "disabled" if shut else "password")
    alert = WRONG.to(page_language(step.request))
    return login_page(step.request, next_path=step.next, name=name, alert=alert, status=401)


def check_same(password: str, again: str) -> None:
    """
    Insist that a new password was typed twice alike.

    Raises
    ------
    RecordInvalid
        It was not.
    """
    if password != again:
        raise RecordInvalid(NOT_THE_SAME)


def _pending(request: Request, stage: Stage) -> tuple[WebSession, Account]:
    row, account = pending_session(request)
    if row.stage != stage:
        raise FormForged(
            Text(nl="deze stap is niet aan de orde", en="this step is not due"),
        )
    return row, account


@router.get("/login/code")
def get_code(request: Request, next: str = "/") -> Response:
    """Ask for the second factor."""
    row, _ = _pending(request, "code")
    context = {"next": safe_next(next), "csrf": row.csrf, "alert": ""}
    return render(request, "login_code.html", context)


@router.post("/login/code")
def post_code(
    step: Step,
    code: Annotated[str, Form()] = "",
    csrf: Annotated[str, Form()] = "",
) -> Response:
    """Take a code of the app or a recovery code."""
    row, known = _pending(step.request, "code")
    matches_csrf(row.csrf, csrf)
    attempt = Attempt(known.name, address_of(step.request))
    with step.state.database.writing() as session:
        begin_attempt(session, attempt, at=step.at)
    with step.state.database.writing() as session:
        account = get_account(session, known.id)
        key = factor_key(step.state.settings.state_dir)
        if take_code(session, account, code, key=key, at=step.at):
            forgive_attempt(session, attempt, at=step.at)
            end_session(session, step.request.cookies.get(COOKIE, ""), at=step.at)
            stage = stage_of(account, is_code_given=True, is_vouched=row.issuer is not None)
            return step.go_on(session, account, stage, row.issuer)
        can_check = is_readable(account, key)
        step.fail(session, account, account.name, "code" if can_check else "factor key")
    alert = (WRONG_CODE if can_check else NO_KEY).to(page_language(step.request))
    context = {"next": step.next, "csrf": row.csrf, "alert": alert}
    return render(step.request, "login_code.html", context, status=401)


@router.get("/login/password")
def get_password(request: Request, next: str = "/") -> Response:
    """Ask for a password of one's own."""
    row, account = _pending(request, "password")
    context = {"next": safe_next(next), "csrf": row.csrf, "name": account.name, "alert": ""}
    return render(request, "login_password.html", context)


@router.post("/login/password")
def post_password(
    step: Step,
    password: Annotated[str, Form()] = "",
    again: Annotated[str, Form()] = "",
    csrf: Annotated[str, Form()] = "",
) -> Response:
    """Take a password of one's own in the place of the one-time password."""
    row, known = _pending(step.request, "password")
    matches_csrf(row.csrf, csrf)
    try:
        check_same(password, again)
        with step.state.database.writing() as session:
            account = get_account(session, known.id)
            by = owner_of(account, step.request)
            change_password(session, account, password, by=by, at=step.at)
            # Whoever else logged in with the same one-time password must not choose another.
            end_sessions(session, account, at=step.at)
            return step.go_on(session, account, "full")
    except RecordInvalid as error:
        alert = error.text.to(page_language(step.request))
    context = {"next": step.next, "csrf": row.csrf, "name": known.name, "alert": alert}
    return render(step.request, "login_password.html", context, status=422)


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
    at = state.clock.now()
    row, account = pending_session(request)
    end_session(session, request.cookies.get(COOKIE, ""), at=at)
    audit(session, principal, Act("logout", "account", account.name), at=at)
    response = RedirectResponse("/login?out=1" if row.issuer else "/login", status_code=303)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return response
