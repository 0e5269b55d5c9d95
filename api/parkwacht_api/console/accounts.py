"""The administrator's page: who has an account, and what each may do."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from parkwacht_api.accounts import (
    NewAccount,
    account_state,
    add_account,
    disable_account,
    get_account,
    normal_name,
    reset_account,
    unlock,
)
from parkwacht_api.auth import Principal, check_csrf, console_principal
from parkwacht_api.console.rendering import page_language, render
from parkwacht_api.errors import RecordInvalid
from parkwacht_api.keys import Scope
from parkwacht_api.repository_access import all_accounts
from parkwacht_api.roles import PEOPLE, ROLE_NAMES, Role
from parkwacht_api.state import AppState, ReadSession, State

router = APIRouter(prefix="/accounts")

Person = Annotated[Principal, Depends(console_principal)]
Act = Literal["disable", "reset", "unlock"]


def _show(
    request: Request,
    me: Principal,
    state: AppState,
    session: Session,
    **more: Any,  # noqa: ANN401
) -> Response:
    at, language = state.clock.now(), page_language(request)

    def role_name(role: str) -> str:
        return ROLE_NAMES[Role(role)].to(language)

    context = {
        "accounts": all_accounts(session),
        "roles": PEOPLE,
        "role_name": role_name,
        "state_of": lambda account: account_state(session, account, at=at).to(language),
        "receivers": state.site.receivers,
        "alert": "",
        "password": "",
        "for_name": "",
        # The one that is made most; an administrator is never made by leaving things as they are.
        "given": {"name": "", "person": "", "role": Role.SECURITY_OPERATOR.value, "receiver": ""},
        **more,
    }
    status = 422 if context["alert"] else 200
    return render(request, "accounts.html", context, principal=me, status=status)


@router.get("")
def get_accounts(request: Request, me: Person, state: State, session: ReadSession) -> Response:
    """List the accounts."""
    me.require(Scope.ADMINISTER)
    return _show(request, me, state, session)


def _form(
    name: Annotated[str, Form()] = "",
    person: Annotated[str, Form()] = "",
    role: Annotated[str, Form()] = "",
    receiver: Annotated[str, Form()] = "",
) -> dict[str, str]:
    return {"name": normal_name(name), "person": person, "role": role, "receiver": receiver}


@router.post("")
def post_account(
    request: Request,
    me: Person,
    state: State,
    given: Annotated[dict[str, str], Depends(_form)],
    csrf: Annotated[str, Form()] = "",
) -> Response:
    """Make an account and show its password for one log-in, once."""
    check_csrf(me, csrf)
    me.require(Scope.ADMINISTER)
    more: dict[str, Any] = {"given": given}
    try:
        role = Role(given["role"]) if given["role"] in set(Role) else Role.CAMERA_WORKER
        receiver = state.site.receiver(given["receiver"])
        new = NewAccount(given["name"], given["person"], role, receiver.id if receiver else None)
        with state.database.writing() as session:
            _, password = add_account(session, new, by=me, at=state.clock.now())
        more = {"password": password, "for_name": new.name}
    except RecordInvalid as error:
        more["alert"] = error.text.to(page_language(request))
    with state.database.reading() as session:
        return _show(request, me, state, session, **more)


@router.post("/{account_id}/{act}")
def post_act(  # FastAPI: one parameter per input
    request: Request,
    account_id: UUID,
    act: Act,
    me: Person,
    state: State,
    csrf: Annotated[str, Form()] = "",
) -> Response:
    """Shut, reset or unlock an account."""
    check_csrf(me, csrf)
    me.require(Scope.ADMINISTER)
    at, more = state.clock.now(), {}
    try:
        with state.database.writing() as session:
            account = get_account(session, account_id)
            if act == "disable":
                disable_account(session, account, by=me, at=at)
            elif act == "unlock":
                unlock(session, account, by=me, at=at)
            else:
                password = reset_account(session, account, by=me, at=at)
                more = {"password": password, "for_name": account.name}
    except RecordInvalid as error:
        more = {"alert": error.text.to(page_language(request))}
    with state.database.reading() as session:
        return _show(request, me, state, session, **more)
