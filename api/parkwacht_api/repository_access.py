"""Every question about keys, accounts, sessions, wrong log-ins and the audit log."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from parkwacht_api.models import ApiKey
from parkwacht_api.models_access import (
    Account,
    AuditEntry,
    LoginFailure,
    RecoveryCode,
    SignIn,
    WebSession,
)

AUDIT_BATCH = 1000


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries of the audit log are asked for."""

    who: str | None = None
    what: str | None = None
    object_id: str | None = None
    since: datetime | None = None


def all_keys(session: Session) -> Sequence[ApiKey]:
    """Return every key, oldest first."""
    return session.scalars(select(ApiKey).order_by(ApiKey.created_at, ApiKey.id)).all()


def key_by_id(session: Session, key_id: str) -> ApiKey | None:
    """Return a key, revoked or not, or None."""
    return session.get(ApiKey, key_id)


def key_by_certificate(session: Session, certificate_sha256: str) -> ApiKey | None:
    """Return the key that a client certificate stands for, revoked or not, or None."""
    return session.scalar(select(ApiKey).where(ApiKey.certificate_sha256 == certificate_sha256))


def all_accounts(session: Session) -> Sequence[Account]:
    """Return every account, by name."""
    return session.scalars(select(Account).order_by(Account.name)).all()


def account_by_name(session: Session, name: str, *, lock: bool = False) -> Account | None:
    """Return an account, disabled or not, or None; `lock` keeps others from changing it."""
    query = select(Account).where(Account.name == name)
    return session.scalar(query.with_for_update() if lock else query)


def account_by_id(session: Session, account_id: UUID, *, lock: bool = False) -> Account | None:
    """Return an account, disabled or not, or None; `lock` keeps others from changing it."""
    query = select(Account).where(Account.id == account_id)
    return session.scalar(query.with_for_update() if lock else query)


def account_by_subject(
    session: Session, issuer: str, subject: str, *, lock: bool = False
) -> Account | None:
    """Return the account that a log-in service vouches for, or None."""
    query = select(Account).where(Account.issuer == issuer, Account.subject == subject)
    return session.scalar(query.with_for_update() if lock else query)


def sign_in_by_hash(session: Session, token_sha256: str) -> SignIn | None:
    """Return what a browser began at the log-in service, or None; nobody else takes it."""
    return session.get(SignIn, token_sha256, with_for_update=True)


def sign_ins_before(session: Session, at: datetime) -> Sequence[SignIn]:
    """Return who did not come back from the log-in service in time."""
    return session.scalars(select(SignIn).where(SignIn.expires_at <= at)).all()


def sign_ins_from(session: Session, address: str, at: datetime) -> Sequence[SignIn]:
    """Return who from an address may still come back from the log-in service."""
    query = select(SignIn).where(SignIn.address == address, SignIn.expires_at > at)
    return session.scalars(query).all()


def count_accounts(session: Session, *, role: str | None = None) -> int:
    """Return how many accounts there are, or how many of a role may log in."""
    query = select(func.count()).select_from(Account)
    if role is not None:
        query = query.where(Account.role == role, Account.disabled_at.is_(None))
    return session.scalar(query) or 0


def session_by_hash(session: Session, token_sha256: str) -> tuple[WebSession, Account] | None:
    """Return a browser's session with the account it belongs to, or None."""
    query = (
        select(WebSession, Account)
        .join(Account, Account.id == WebSession.account_id)
        .where(WebSession.token_sha256 == token_sha256)
    )
    row = session.execute(query).one_or_none()
    return None if row is None else (row[0], row[1])


def open_sessions_of(session: Session, account_id: UUID, at: datetime) -> Sequence[WebSession]:
    """Return an account's sessions that were not ended and are not too old, newest first."""
    query = select(WebSession).where(
        WebSession.account_id == account_id,
        WebSession.ended_at.is_(None),
        WebSession.expires_at > at,
    )
    return session.scalars(query.order_by(WebSession.created_at.desc())).all()


def recovery_codes_of(session: Session, account_id: UUID) -> Sequence[RecoveryCode]:
    """Return an account's recovery codes, used or not."""
    return session.scalars(select(RecoveryCode).where(RecoveryCode.account_id == account_id)).all()


def login_failures_of(session: Session, subject: str, since: datetime) -> Sequence[LoginFailure]:
    """Return the wrong log-ins of an account or address after an instant, oldest first."""
    query = select(LoginFailure).where(LoginFailure.subject == subject, LoginFailure.at > since)
    return session.scalars(query.order_by(LoginFailure.at, LoginFailure.id)).all()


def login_failures_before(session: Session, before: datetime) -> Sequence[LoginFailure]:
    """Return the wrong log-ins that no longer count."""
    return session.scalars(select(LoginFailure).where(LoginFailure.at <= before)).all()


def last_audit_entry(session: Session) -> AuditEntry | None:
    """Return the newest entry of the audit log, or None."""
    return session.scalar(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1))


def audit_entries(
    session: Session, *, first_id: int | None = None, last_id: int | None = None
) -> Iterator[AuditEntry]:
    """Give the entries of the audit log, by number, without keeping them all in memory."""
    query = select(AuditEntry).order_by(AuditEntry.id)
    if first_id is not None:
        query = query.where(AuditEntry.id >= first_id)
    if last_id is not None:
        query = query.where(AuditEntry.id <= last_id)
    result = session.scalars(query.execution_options(yield_per=AUDIT_BATCH))
    try:
        for entry in result:
            session.expunge(entry)
            yield entry
    finally:  # whoever stops at the first wrong entry leaves no cursor open
        result.close()


def audit_page(
    session: Session, wanted: AuditFilter, *, before_id: int | None, limit: int
) -> tuple[Sequence[AuditEntry], int | None]:
    """
    Return a page of the audit log, newest first, and before which number the next begins.

    Parameters
    ----------
    session
        An open transaction.
    wanted
        Which entries.
    before_id
        Only entries of a lower number.
    limit
        Most entries on a page.
    """
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit + 1)
    if wanted.who:
        # As shown, or unique: a name of a person may be that of several accounts.
        ids = (wanted.who, f"account:{wanted.who}", f"key:{wanted.who}")
        query = query.where(or_(AuditEntry.who == wanted.who, AuditEntry.who_id.in_(ids)))
    if wanted.what:
        query = query.where(AuditEntry.what == wanted.what)
    if wanted.object_id:
        query = query.where(AuditEntry.object_id == wanted.object_id)
    if wanted.since:
        query = query.where(AuditEntry.at >= wanted.since)
    if before_id is not None:
        query = query.where(AuditEntry.id < before_id)
    rows = session.scalars(query).all()
    return (rows, None) if len(rows) <= limit else (rows[:limit], rows[limit - 1].id)
