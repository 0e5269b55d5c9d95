"""
Accounts of people: made, shut, reset; passwords, second factors and recovery codes.

There is no default password: a new or reset account gets a random one for one log-in, after which
its owner chooses another. Every change is written to the audit log in the same transaction.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from uuid import UUID, uuid4

from pwdlib import PasswordHash
from pwdlib.exceptions import PwdlibError
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy.orm import Session

from parkwacht_api.audit import Act, Actor, Somebody, audit, clean_text
from parkwacht_api.errors import RecordInvalid, not_found
from parkwacht_api.lockout import is_locked, unlock_account
from parkwacht_api.models_access import Account
from parkwacht_api.repository_access import (
    account_by_id,
    account_by_name,
    count_accounts,
    open_sessions_of,
    recovery_codes_of,
)
from parkwacht_api.roles import BOUND_TO_RECEIVER, PEOPLE, Role
from parkwacht_config.text import Text

ACCOUNT = Text(nl="account", en="account")
NAME_PATTERN = re.compile(r"[a-z0-9][a-z0-9._@-]{1,59}")
MIN_PASSWORD = 12
MAX_PASSWORD = 200
MIN_DIFFERENT = 5
# No signs that look alike; 16 of these 31 are 79 random bits.
SIGNS = "abcdefghjkmnpqrstuvwxyz23456789"
FIRST_NAME = "beheerder"


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What an account is made of."""

    name: str
    person: str
    role: Role
    receiver_id: str | None = None


@cache
def password_hasher() -> PasswordHash:
    """Return the hasher of passwords: argon2id, 19 MiB, 2 passes (OWASP Password Storage)."""
    return PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19 * 1024, parallelism=1),))


@cache
def _nobodys_hash() -> str:
    return password_hasher().hash(secrets.token_hex())


def check_password(account: Account | None, password: str) -> tuple[bool, str | None]:
    """Say whether a password is right, and its better hash where the old one became weak."""
    # Who does not exist costs the same time as who does.
    known = _nobodys_hash() if account is None else account.password_hash
    try:
        is_right, better = password_hasher().verify_and_update(password[:MAX_PASSWORD], known)
    except PwdlibError:
        return False, None
    return is_right and account is not None, better


def new_one_time_password() -> str:
    """Make a password that is told once and used once."""
    signs = "".join(secrets.choice(SIGNS) for _ in range(16))
    return "-".join(signs[n : n + 4] for n in range(0, 16, 4))


def normal_name(typed: str) -> str:
    """Return a name to log in with as it is kept."""
    return clean_text(typed).strip().lower()


def _invalid(text: Text, *, field: str) -> RecordInvalid:
    return RecordInvalid(text, fields=[{"field": f"body.{field}", "message": text.en}])


def _check_new(session: Session, new: NewAccount) -> None:
    if not NAME_PATTERN.fullmatch(new.name):
        raise _invalid(
            Text(
                nl=f"naam {new.name!r}: 2 tot 60 kleine letters, cijfers of . _ @ -",
                en=f"name {new.name!r}: 2 to 60 small letters, digits or . _ @ -",
            ),
            field="name",
        )
    if account_by_name(session, new.name) is not None:
        raise _invalid(
            Text(nl=f"account {new.name} bestaat al", en=f"account {new.name} exists already"),
            field="name",
        )
    if new.role not in PEOPLE:
        raise _invalid(
            Text(
                nl=f"rol {new.role.value} is voor een sleutel, niet voor een mens",
                en=f"role {new.role.value} is for a key, not for a person",
            ),
            field="role",
        )
    if (new.receiver_id is not None) != (new.role in BOUND_TO_RECEIVER):
        raise _invalid(
            Text(
                nl="een ontvanger hoort bij de rol police_reader, en alleen daarbij",
                en="a receiver belongs to the role police_reader, and to nothing else",
            ),
            field="receiver_id",
        )


def add_account(session: Session, new: NewAccount, *, by: Actor, at: datetime) -> tuple[UUID, str]:
    """
    Make an account; return its id and its password for one log-in.

    Parameters
    ----------
    session
        A writing transaction.
    new
        What it is made of.
    by
        Who makes it.
    at
        The present instant.

    Raises
    ------
    RecordInvalid
        The name is taken or cannot be one, or role and receiver do not go together.
    """
    _check_new(session, new)
    password = new_one_time_password()
    account = Account(
        id=uuid4(),
        name=new.name,
        person=clean_text(new.person, 120).strip() or new.name,
        role=new.role.value,
        receiver_id=new.receiver_id,
        password_hash=password_hasher().hash(password),
        must_change=True,
        totp_last_step=0,
        created_at=at,
    )
    session.add(account)
    told = {"role": account.role, "receiver_id": account.receiver_id}
    audit(session, by, Act("account.add", "account", account.name, details=told), at=at)
    return account.id, password


def add_first_administrator(session: Session, *, at: datetime) -> tuple[str, str] | None:
    """Make the one administrator of a first start; return name and password, None if not first."""
    if count_accounts(session):
        return None
    new = NewAccount(FIRST_NAME, "Beheerder", Role.ADMINISTRATOR)
    _, password = add_account(session, new, by=Somebody("parkwacht"), at=at)
    return new.name, password


def get_account(session: Session, account_id: UUID) -> Account:
    """
    Return an account, and keep others from changing it.

    Raises
    ------
    NotFound
        There is none of this id.
    """
    account = account_by_id(session, account_id, lock=True)
    if account is None:
        raise not_found(ACCOUNT, account_id)
    return account


def account_state(session: Session, account: Account, *, at: datetime) -> Text:
    """Say whether an account can be used, and why not."""
    if account.disabled_at is not None:
        return Text(nl="gesloten", en="disabled")
    if is_locked(session, account.name, at=at):
        return Text(nl="geblokkeerd", en="locked")
    if account.must_change:
        return Text(nl="nog niet gebruikt", en="not used yet")
    return Text(nl="open", en="open")


def end_sessions(
    session: Session, account: Account, *, at: datetime, spare: UUID | None = None
) -> None:
    """End every session of an account but one."""
    for one in open_sessions_of(session, account.id, at):
        if one.id != spare:
            one.ended_at = at


def disable_account(session: Session, account: Account, *, by: Actor, at: datetime) -> None:
    """
    Shut an account; its sessions end with it.

    Parameters
    ----------
    session
        A writing transaction.
    account
        Whose.
    by
        Who shuts it.
    at
        The present instant.

    Raises
    ------
    RecordInvalid
        It is the last administrator who may log in.
    """
    if account.disabled_at is not None:
        return
    role = Role.ADMINISTRATOR.value
    if account.role == role and count_accounts(session, role=role) == 1:
        raise _invalid(
            Text(nl="dit is de laatste beheerder", en="this is the last administrator"),
            field="name",
        )
    account.disabled_at = at
    end_sessions(session, account, at=at)
    audit(session, by, Act("account.disable", "account", account.name), at=at)


def reset_account(session: Session, account: Account, *, by: Actor, at: datetime) -> str:
    """
    Give an account a new password for one log-in; it opens again, without a second factor.

    Parameters
    ----------
    session
        A writing transaction.
    account
        Whose.
    by
        Who resets it.
    at
        The present instant.
    """
    password = new_one_time_password()
    account.password_hash = password_hasher().hash(password)
    account.must_change = True
    account.disabled_at = None
    account.totp_secret = account.totp_confirmed_at = None
    for code in recovery_codes_of(session, account.id):
        session.delete(code)
    end_sessions(session, account, at=at)
    unlock_account(session, account.name, at=at)
    audit(session, by, Act("account.reset", "account", account.name), at=at)
    return password


def unlock(session: Session, account: Account, *, by: Actor, at: datetime) -> None:
    """Forget an account's wrong log-ins, on an administrator's word."""
    unlock_account(session, account.name, at=at)
    audit(session, by, Act("account.unlock", "account", account.name), at=at)


def change_password(
    session: Session, account: Account, password: str, *, by: Actor, at: datetime
) -> None:
    """
    Give an account the password its owner chose.

    Parameters
    ----------
    session
        A writing transaction.
    account
        Whose.
    password
        The new one.
    by
        Its owner.
    at
        The present instant.

    Raises
    ------
    RecordInvalid
        It is too short, too plain, or the old one.
    """
    is_plain = account.name in password.lower() or len(set(password)) < MIN_DIFFERENT
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD or is_plain:
        raise _invalid(
            Text(
                nl=f"kies een wachtwoord van {MIN_PASSWORD} tekens of meer, zonder uw "
                "accountnaam, van ten minste vijf verschillende tekens",
                en=f"choose a password of {MIN_PASSWORD} characters or more, without your "
                "account's name, of at least five different characters",
            ),
            field="password",
        )
    if check_password(account, password)[0]:
        raise _invalid(
            Text(nl="dit is het oude wachtwoord", en="this is the old password"), field="password"
        )
    account.password_hash = password_hasher().hash(password)
    account.must_change = False
    audit(session, by, Act("account.password", "account", account.name), at=at)
