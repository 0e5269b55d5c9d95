"""
From somebody whom the log-in service vouches for to an account of ours.

An account is linked by the service's own name for a person (its subject), which is never reused;
names and mail addresses are, so they never link. The role follows the groups at every log-in.
"""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from parkwacht_api.accounts import (
    NewAccount,
    add_account,
    end_sessions,
    get_account,
    normal_name,
)
from parkwacht_api.audit import Act, Actor, audit, clean_text
from parkwacht_api.errors import RecordInvalid, TooManyLogins
from parkwacht_api.keys import hash_secret
from parkwacht_api.lockout import ADDRESS_LIMIT
from parkwacht_api.models_access import Account, SignIn
from parkwacht_api.oidc import Vouched
from parkwacht_api.repository_access import (
    account_by_subject,
    count_accounts,
    sign_in_by_hash,
    sign_ins_before,
    sign_ins_from,
)
from parkwacht_api.roles import Role
from parkwacht_config.oidc import Oidc, OidcRole
from parkwacht_config.text import Text

# Long enough to find a telephone, short enough that nobody else sits down at the desk.
BACK_WITHIN = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why somebody whom the service vouches for does not get in."""

    text: Text
    reason: str  # for the log


def begin_sign_in(
    session: Session, *, next_path: str, address: str, at: datetime
) -> tuple[str, SignIn]:
    """
    Note that a browser is sent to the log-in service; return its cookie and what was noted.

    Parameters
    ----------
    session
        A writing transaction.
    next_path
        Where to afterwards.
    address
        From where.
    at
        The present instant.

    Raises
    ------
    TooManyLogins
        This address began too many and finished none.
    """
    for old in sign_ins_before(session, at):
        session.delete(old)
    if len(sign_ins_from(session, address, at)) >= ADDRESS_LIMIT:
        wait_s = int(BACK_WITHIN.total_seconds())
        raise TooManyLogins(
            Text(
                nl="te veel aanmeldingen begonnen; probeer het over tien minuten opnieuw",
                en="too many log-ins begun; try again in ten minutes",
            ),
            headers={"Retry-After": str(wait_s)},
        )
    token = secrets.token_urlsafe(32)
    row = SignIn(
        token_sha256=hash_secret(token),
        state=secrets.token_urlsafe(32),
        nonce=secrets.token_urlsafe(32),
        verifier=secrets.token_urlsafe(48),
        next=next_path,
        address=clean_text(address),
        expires_at=at + BACK_WITHIN,
    )
    session.add(row)
    return token, row


def take_sign_in(session: Session, token: str, state: str, *, at: datetime) -> SignIn | None:
    """
    Return what a browser began, once, None where it is not this browser's or too old.

    Parameters
    ----------
    session
        A writing transaction.
    token
        The cookie.
    state
        As it came back in the address.
    at
        The present instant.
    """
    row = sign_in_by_hash(session, hash_secret(token))
    if row is None:
        return None
    session.delete(row)
    is_own = hmac.compare_digest(row.state.encode(), state.encode(errors="replace"))
    return row if is_own and row.expires_at > at else None


def account_for(
    session: Session, vouched: Vouched, told: Oidc, *, by: Actor, at: datetime
) -> Account | Refusal:
    """
    Return the account of somebody, with the role of this moment, or why there is none.

    Parameters
    ----------
    session
        A writing transaction.
    vouched
        For whom the service vouches.
    told
        What the park's file says of the service.
    by
        Who acts, for the log.
    at
        The present instant.
    """
    account = account_by_subject(session, told.issuer, vouched.subject, lock=True)
    # Of several groups, the first in the file.
    given = next((one for one in told.roles if one.group in vouched.groups), None)
    if told.roles and given is None:
        if account is not None:
            end_sessions(session, account, at=at)
        return Refusal(
            Text(
                nl="geen van uw groepen bij de aanmelddienst geeft hier een rol; vraag de "
                "beheerder",
                en="none of your groups at the log-in service gives a role here; ask the "
                "administrator",
            ),
            "no role",
        )
    if account is None:
        return _make(session, vouched, told, given, by=by, at=at)
    if account.disabled_at is not None:
        return Refusal(Text(nl="dit account is gesloten", en="this account is shut"), "disabled")
    if given is not None:
        if _would_leave_none(session, account, given):
            return _last_of_all(given)
        _give_role(session, account, given, by=by, at=at)
    return account


def _would_leave_none(session: Session, account: Account, given: OidcRole) -> bool:
    role = Role.ADMINISTRATOR.value
    is_less = account.role == role and given.role != role
    return is_less and count_accounts(session, role=role) == 1


def _last_of_all(given: OidcRole) -> Refusal:
    return Refusal(
        Text(
            nl=f"u bent hier de laatste beheerder, en uw groep {given.group} geeft een andere rol; "
            "maak eerst iemand anders beheerder",
            en=f"you are the last administrator here, and your group {given.group} gives another "
            "role; make somebody else administrator first",
        ),
        "last administrator",
    )


def _give_role(
    session: Session, account: Account, given: OidcRole, *, by: Actor, at: datetime
) -> None:
    if (account.role, account.receiver_id) == (given.role, given.receiver_id):
        return
    details = {
        "was": account.role,
        "role": given.role,
        "receiver_id": given.receiver_id,
        "group": given.group,
    }
    account.role, account.receiver_id = given.role, given.receiver_id
    audit(session, by, Act("account.role", "account", account.name, details=details), at=at)


def _make(
    session: Session,
    vouched: Vouched,
    told: Oidc,
    given: OidcRole | None,
    *,
    by: Actor,
    at: datetime,
) -> Account | Refusal:
    if given is None or given.role not in told.makes_accounts:
        number = vouched.subject
        return Refusal(
            Text(
                nl=f"u hebt hier nog geen account; de beheerder koppelt er een aan {number}",
                en=f"you have no account here yet; the administrator links one to {number}",
            ),
            "unknown",
        )
    name = normal_name(vouched.name)
    new = NewAccount(name, vouched.person, Role(given.role), given.receiver_id)
    try:
        # Nobody is told its password: only the service vouches, until an administrator gives one.
        account_id, _ = add_account(session, new, by=by, at=at)
    except RecordInvalid:
        return Refusal(
            Text(
                nl=f"accountnaam {name!r} kan niet of bestaat al; de beheerder koppelt u aan "
                f"{vouched.subject}",
                en=f"account name {name!r} cannot be or exists already; the administrator links "
                f"you to {vouched.subject}",
            ),
            "name taken",
        )
    account = get_account(session, account_id)
    account.must_change = False
    link_account(session, account, told.issuer, vouched.subject, by=by, at=at)
    return account


def link_account(
    session: Session, account: Account, issuer: str, subject: str, *, by: Actor, at: datetime
) -> None:
    """
    Let the log-in service vouch for an account from now on; an empty subject ends that.

    Parameters
    ----------
    session
        A writing transaction.
    account
        Whose.
    issuer
        The service.
    subject
        What it calls the person.
    by
        Who links.
    at
        The present instant.

    Raises
    ------
    RecordInvalid
        The subject is linked to another account.
    """
    other = account_by_subject(session, issuer, subject) if subject else None
    if other is not None and other.id != account.id:
        raise RecordInvalid(
            Text(
                nl=f"{subject} is al gekoppeld aan account {other.name}",
                en=f"{subject} is linked to account {other.name} already",
            )
        )
    account.issuer, account.subject = (issuer, subject) if subject else (None, None)
    end_sessions(session, account, at=at)
    what = "account.link" if subject else "account.unlink"
    details = {"issuer": issuer, "subject": subject}
    audit(session, by, Act(what, "account", account.name, details=details), at=at)
