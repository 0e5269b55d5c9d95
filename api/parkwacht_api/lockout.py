"""
Wrong log-ins, counted per account and per address in the database: a restart forgets none.

An attempt counts as wrong from its beginning and is forgiven once it proves right; so guesses made
at the same time cannot slip past the limit together.
"""

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from parkwacht_api.database import take_turn
from parkwacht_api.errors import TooManyLogins
from parkwacht_api.models_access import LoginFailure
from parkwacht_api.repository_access import login_failures_before, login_failures_of
from parkwacht_config.text import Text

WINDOW = timedelta(minutes=15)
# An address may be a whole office behind one router, so it gets more tries than one account.
ACCOUNT_LIMIT = 10
ADDRESS_LIMIT = 30
LOGIN_LOCK = 0x4C4F4749


@dataclass(frozen=True, slots=True)
class Attempt:
    """Who tries to log in, as typed, and from where."""

    name: str
    address: str

    @property
    def account_subject(self) -> str:
        """The account that is locked by too many of these."""
        return f"account:{self.name}"[:300]

    @property
    def address_subject(self) -> str:
        """The address that is locked by too many of these; one IPv6 house has a whole /64."""
        try:
            address = ipaddress.ip_address(self.address)
        except ValueError:
            return f"address:{self.address}"[:300]
        if isinstance(address, ipaddress.IPv6Address):
            house = ipaddress.ip_network((address, 64), strict=False)
            return f"address:{address.ipv4_mapped or house}"
        return f"address:{address}"


def begin_attempt(session: Session, attempt: Attempt, *, at: datetime) -> None:
    """
    Count an attempt, or refuse it.

    Parameters
    ----------
    session
        A writing transaction, committed before the secret is looked at.
    attempt
        Who tries.
    at
        The present instant.

    Raises
    ------
    TooManyLogins
        The account or the address is locked.
    """
    take_turn(session, LOGIN_LOCK)
    for old in login_failures_before(session, at - WINDOW):
        session.delete(old)
    check_unlocked(session, attempt, at=at)
    for subject in (attempt.account_subject, attempt.address_subject):
        session.add(LoginFailure(subject=subject, at=at))


def check_unlocked(session: Session, attempt: Attempt, *, at: datetime) -> None:
    """
    Refuse an attempt of an account or from an address that is locked; count nothing.

    Raises
    ------
    TooManyLogins
        The account or the address is locked.
    """
    for subject, limit in (
        (attempt.account_subject, ACCOUNT_LIMIT),
        (attempt.address_subject, ADDRESS_LIMIT),
    ):
        failures = login_failures_of(session, subject, at - WINDOW)
        if len(failures) >= limit:
            raise _locked(failures[-limit].at + WINDOW - at)


def _locked(wait: timedelta) -> TooManyLogins:
    wait_s = int(wait.total_seconds()) + 1
    return TooManyLogins(
        Text(
            nl=f"te veel onjuiste pogingen; probeer het over {wait_s} s opnieuw",
            en=f"too many wrong attempts; try again in {wait_s} s",
        ),
        headers={"Retry-After": str(wait_s)},
    )


def take_back_attempt(session: Session, attempt: Attempt, *, at: datetime) -> None:
    """
    Forget one attempt that proved right, and none of the wrong ones before it.

    Whoever knows a password must not be able to guess at the second factor without end.
    """
    for subject in (attempt.account_subject, attempt.address_subject):
        for failure in login_failures_of(session, subject, at - WINDOW)[-1:]:
            session.delete(failure)


def forgive_attempt(session: Session, attempt: Attempt, *, at: datetime) -> None:
    """
    Forget the wrong attempts of an account that has proved right; its address loses just one.

    Whoever has an account of his own must not be able to wipe out his guesses at another's.
    """
    unlock_account(session, attempt.name, at=at)
    for failure in login_failures_of(session, attempt.address_subject, at - WINDOW)[-1:]:
        session.delete(failure)


def unlock_account(session: Session, name: str, *, at: datetime) -> None:
    """Forget the wrong attempts of an account."""
    for failure in login_failures_of(session, Attempt(name, "").account_subject, at - WINDOW):
        session.delete(failure)


def is_locked(session: Session, name: str, *, at: datetime) -> bool:
    """Say whether an account is locked by wrong attempts."""
    subject = Attempt(name, "").account_subject
    return len(login_failures_of(session, subject, at - WINDOW)) >= ACCOUNT_LIMIT
