"""
Sessions of people in a browser: kept here, so that they can be seen and ended.

A session that still lacks the second factor's code or a new password opens nothing but the page
that asks for it; each step forward is a new session under a new cookie.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import uuid4

from sqlalchemy.orm import Session

from parkwacht_api.audit import clean_text
from parkwacht_api.keys import hash_secret
from parkwacht_api.models_access import Account, WebSession
from parkwacht_api.repository_access import session_by_hash

Stage = Literal["code", "password", "full"]
# A shift is long, a desk that nobody sits at is not: both limits hold at once.
ABSOLUTE = timedelta(hours=12)
IDLE = timedelta(hours=2)
PENDING = timedelta(minutes=10)
SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Browser:
    """From where a session is opened."""

    address: str
    agent: str


def open_session(
    session: Session,
    account: Account,
    browser: Browser,
    *,
    stage: Stage = "full",
    at: datetime,
    issuer: str | None = None,
) -> str:
    """
    Log a person in and return the cookie's value.

    Parameters
    ----------
    session
        A writing transaction.
    account
        Whose session.
    browser
        From where.
    stage
        What is still missing.
    at
        The present instant.
    issuer
        The log-in service that vouched, where one did.
    """
    token = secrets.token_urlsafe(32)
    session.add(
        WebSession(
            token_sha256=hash_secret(token),
            id=uuid4(),
            account_id=account.id,
            stage=stage,
            csrf=secrets.token_urlsafe(24),
            address=clean_text(browser.address),
            browser=clean_text(browser.agent),
            created_at=at,
            seen_at=at,
            issuer=issuer,
            expires_at=at + (ABSOLUTE if stage == "full" else PENDING),
        )
    )
    return token


def find_session(
    session: Session, token: str, *, at: datetime
) -> tuple[WebSession, Account] | None:
    """Return the session of a cookie with its account, None where it is over in any way."""
    found = session_by_hash(session, hash_secret(token))
    if found is None:
        return None
    row, account = found
    is_over = row.ended_at is not None or row.expires_at <= at or row.seen_at + IDLE <= at
    return None if is_over or account.disabled_at is not None else (row, account)


def is_to_be_marked(row: WebSession, *, at: datetime) -> bool:
    """Say whether a session's last use is to be written down again."""
    return at - row.seen_at >= SEEN_EVERY


def mark_seen(session: Session, token: str, *, at: datetime) -> None:
    """Write down that a session was used."""
    found = session_by_hash(session, hash_secret(token))
    if found is not None and found[0].seen_at < at:
        found[0].seen_at = at


def end_session(session: Session, token: str, *, at: datetime) -> None:
    """End a session; its cookie is worthless from now on."""
    found = session_by_hash(session, hash_secret(token))
    if found is not None:
        found[0].ended_at = found[0].ended_at or at
