"""Accounts of people, for administrators."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path
from sqlalchemy.orm import Session

from parkwacht_api.accounts import (
    NewAccount,
    add_account,
    disable_account,
    get_account,
    normal_name,
    reset_account,
    unlock,
)
from parkwacht_api.auth import Principal, needs
from parkwacht_api.errors import RecordInvalid
from parkwacht_api.keys import Scope
from parkwacht_api.lockout import is_locked
from parkwacht_api.models_access import Account
from parkwacht_api.problems import problems
from parkwacht_api.repository_access import all_accounts
from parkwacht_api.roles import Role
from parkwacht_api.schemas_access import AccountIn, AccountList, AccountOut, OneTimePassword
from parkwacht_api.second_factor import is_in_force
from parkwacht_api.state import ReadSession, State, WriteSession
from parkwacht_config.text import Text

router = APIRouter(prefix="/accounts", tags=["accounts"])

Administrator = Annotated[Principal, Depends(needs(Scope.ADMINISTER))]
AccountId = Annotated[UUID, Path(description="id of the account")]


def _out(session: Session, account: Account, at: datetime) -> AccountOut:
    return AccountOut(
        id=account.id,
        name=account.name,
        person=account.person,
        role=Role(account.role),
        receiver_id=account.receiver_id,
        has_second_factor=is_in_force(account),
        must_change=account.must_change,
        is_locked=is_locked(session, account.name, at=at),
        created_at=account.created_at,
        disabled_at=account.disabled_at,
    )


@router.get("", responses=problems(401, 403))
def get_accounts(_me: Administrator, state: State, session: ReadSession) -> AccountList:
    """List every account."""
    at = state.clock.now()
    return AccountList(items=[_out(session, one, at) for one in all_accounts(session)])


@router.post("", status_code=201, responses=problems(401, 403, 422))
def post_account(
    given: AccountIn, me: Administrator, state: State, session: WriteSession
) -> OneTimePassword:
    """Make an account; the answer holds its password for one log-in."""
    if given.receiver_id is not None and state.site.receiver(given.receiver_id) is None:
        text = Text(
            nl=f"ontvanger {given.receiver_id} bestaat niet",
            en=f"there is no receiver {given.receiver_id}",
        )
        raise RecordInvalid(text, fields=[{"field": "body.receiver_id", "message": text.en}])
    new = NewAccount(normal_name(given.name), given.person, given.role, given.receiver_id)
    account_id, password = add_account(session, new, by=me, at=state.clock.now())
    return OneTimePassword(id=account_id, name=new.name, password=password)


@router.post("/{account_id}/disable", responses=problems(401, 403, 404, 422))
def post_disable(
    account_id: AccountId, me: Administrator, state: State, session: WriteSession
) -> AccountOut:
    """Shut an account; its sessions end."""
    account, at = get_account(session, account_id), state.clock.now()
    disable_account(session, account, by=me, at=at)
    return _out(session, account, at)


@router.post("/{account_id}/reset", responses=problems(401, 403, 404, 422))
def post_reset(
    account_id: AccountId, me: Administrator, state: State, session: WriteSession
) -> OneTimePassword:
    """Give a new password for one log-in; the account opens again, without a second factor."""
    account = get_account(session, account_id)
    password = reset_account(session, account, by=me, at=state.clock.now())
    return OneTimePassword(id=account.id, name=account.name, password=password)


@router.post("/{account_id}/unlock", responses=problems(401, 403, 404, 422))
def post_unlock(
    account_id: AccountId, me: Administrator, state: State, session: WriteSession
) -> AccountOut:
    """Forget an account's wrong log-ins."""
    account, at = get_account(session, account_id), state.clock.now()
    unlock(session, account, by=me, at=at)
    return _out(session, account, at)
