"""The page of one's own account: password, second factor, and where one is logged in."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from markupsafe import Markup
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from parkwacht_api.accounts import change_password, check_password, end_sessions, get_account
from parkwacht_api.audit import Act, audit
from parkwacht_api.auth import Principal, check_csrf, console_principal, pending_session
from parkwacht_api.console.login import check_same
from parkwacht_api.console.rendering import page_language, render
from parkwacht_api.errors import NotFound, RecordInvalid
from parkwacht_api.factor_seal import ensure_factor_key, factor_key
from parkwacht_api.lockout import Attempt, begin_attempt, forgive_attempt
from parkwacht_api.models_access import Account
from parkwacht_api.repository_access import account_by_id, open_sessions_of
from parkwacht_api.roles import ROLE_NAMES, Role
from parkwacht_api.second_factor import (
    begin_enrolment,
    confirm_enrolment,
    enrolment_secret,
    enrolment_svg,
    is_in_force,
    remove_factor,
)
from parkwacht_api.state import AppState, State, WriteSession
from parkwacht_config.text import Text

router = APIRouter(prefix="/account")

Person = Annotated[Principal, Depends(console_principal)]
Csrf = Annotated[str, Form()]
WRONG = Text(nl="Uw wachtwoord klopt niet.", en="Your password is not right.")


def _own_id(me: Principal) -> UUID:
    if me.account_id is None:
        raise NotFound(Text(nl="geen account", en="no account"))
    return me.account_id


def _own_account(state: AppState, me: Principal) -> Account:
    with state.database.reading() as session:
        account = account_by_id(session, _own_id(me))
    if account is None:
        raise NotFound(Text(nl="geen account", en="no account"))
    return account


def _show(request: Request, me: Principal, state: AppState, **more: Any) -> Response:  # noqa: ANN401
    at, account = state.clock.now(), _own_account(state, me)
    with state.database.reading() as session:
        sessions = open_sessions_of(session, account.id, at)
    secret = enrolment_secret(account, factor_key(state.settings.state_dir))
    context = {
        "account": account,
        "role": ROLE_NAMES[Role(account.role)].to(page_language(request)),
        "has_factor": is_in_force(account),
        # Drawn here from a secret of ours: nothing that anybody typed stands in it unescaped.
        "qr": Markup(enrolment_svg(account.name, secret)) if secret else None,  # noqa: S704
        "secret": secret,
        "sessions": sessions,
        "this_session": pending_session(request)[0].id,
        "alert": "",
        "codes": [],
        **more,
    }
    return render(
        request, "account.html", context, principal=me, status=422 if context["alert"] else 200
    )


def _check_own_password(state: AppState, me: Principal, typed: str) -> None:
    """
    Insist on the password of whoever sits at this desk now.

    Raises
    ------
    RecordInvalid
        It is not right.
    TooManyLogins
        It was wrong too often.
    """
    account, at = _own_account(state, me), state.clock.now()
    attempt = Attempt(account.name, me.address)
    with state.database.writing() as session:
        begin_attempt(session, attempt, at=at)
    if not check_password(account, typed)[0]:
        with state.database.writing() as session:
            audit(session, me, Act("account.wrong_password", "account", account.name), at=at)
        raise RecordInvalid(WRONG)
    with state.database.writing() as session:
        forgive_attempt(session, attempt, at=at)


def _locked_account(session: Session, me: Principal) -> Account:
    return get_account(session, _own_id(me))


@router.get("")
def get_own(request: Request, me: Person, state: State) -> Response:
    """Show one's own account."""
    return _show(request, me, state)


@router.post("/password")
def post_password(  # noqa: PLR0913, PLR0917  # FastAPI: one parameter per input
    request: Request,
    me: Person,
    state: State,
    csrf: Csrf = "",
    current: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    again: Annotated[str, Form()] = "",
) -> Response:
    """Change one's password; every other session ends."""
    check_csrf(me, csrf)
    try:
        check_same(password, again)
        _check_own_password(state, me, current)
        with state.database.writing() as session:
            account, at = _locked_account(session, me), state.clock.now()
            change_password(session, account, password, by=me, at=at)
            end_sessions(session, account, at=at, spare=pending_session(request)[0].id)
    except RecordInvalid as error:
        return _show(request, me, state, alert=error.text.to(page_language(request)))
    return RedirectResponse("/account", status_code=303)


@router.post("/factor/begin")
def post_begin(me: Person, state: State, session: WriteSession, csrf: Csrf = "") -> Response:
    """Make a secret and show its QR code; nothing is in force yet."""
    check_csrf(me, csrf)
    account = _locked_account(session, me)
    if not is_in_force(account):
        begin_enrolment(account, ensure_factor_key(state.settings.state_dir))
    return RedirectResponse("/account#factor", status_code=303)


@router.post("/factor/confirm")
def post_confirm(
    request: Request,
    me: Person,
    state: State,
    csrf: Csrf = "",
    code: Annotated[str, Form()] = "",
) -> Response:
    """Put the second factor in force; show the recovery codes this once."""
    check_csrf(me, csrf)
    try:
        with state.database.writing() as session:
            account = _locked_account(session, me)
            key, at = factor_key(state.settings.state_dir), state.clock.now()
            codes = confirm_enrolment(session, account, code, key=key, by=me, at=at)
    except RecordInvalid as error:
        return _show(request, me, state, alert=error.text.to(page_language(request)))
    return _show(request, me, state, codes=codes)


@router.post("/factor/remove")
def post_remove(
    request: Request,
    me: Person,
    state: State,
    csrf: Csrf = "",
    current: Annotated[str, Form()] = "",
) -> Response:
    """Take the second factor away, on one's password."""
    check_csrf(me, csrf)
    try:
        _check_own_password(state, me, current)
    except RecordInvalid as error:
        return _show(request, me, state, alert=error.text.to(page_language(request)))
    with state.database.writing() as session:
        remove_factor(session, _locked_account(session, me), by=me, at=state.clock.now())
    return RedirectResponse("/account", status_code=303)


@router.post("/sessions/end")
def post_end_session(
    me: Person,
    state: State,
    session: WriteSession,
    csrf: Csrf = "",
    session_id: Annotated[UUID | None, Form()] = None,
) -> Response:
    """End one of one's own sessions."""
    check_csrf(me, csrf)
    at, account = state.clock.now(), _locked_account(session, me)
    for one in open_sessions_of(session, account.id, at):
        if one.id == session_id:
            one.ended_at = at
            audit(session, me, Act("session.end", "session", str(one.id)), at=at)
    return RedirectResponse("/account", status_code=303)
