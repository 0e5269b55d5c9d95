"""The tables of who may see what: accounts, their sessions, wrong log-ins, the audit log."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from parkwacht_api.models import Base, Serial


class Account(Base):
    """A person who may log in; disabled rather than removed, because the log names it."""

    __tablename__ = "account"
    __table_args__ = (Index(None, "issuer", "subject", unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="stable")
    name: Mapped[str] = mapped_column(String(120), unique=True, comment="to log in with")
    person: Mapped[str] = mapped_column(String(120), comment="who it is, as the log shows")
    role: Mapped[str] = mapped_column(comment="such as security_operator")
    receiver_id: Mapped[str | None] = mapped_column(
        comment="where set: sees only what was released to this receiver"
    )
    password_hash: Mapped[str] = mapped_column(comment="argon2id, with its parameters")
    must_change: Mapped[bool] = mapped_column(comment="the password is for one log-in only")
    totp_secret: Mapped[str | None] = mapped_column(
        comment="of the second factor, sealed with a key that is kept outside the database"
    )
    totp_confirmed_at: Mapped[datetime | None] = mapped_column(comment="second factor in force")
    totp_last_step: Mapped[int] = mapped_column(
        BigInteger, comment="30 s step of the last code taken; no code is taken twice"
    )
    created_at: Mapped[datetime] = mapped_column(comment="when made")
    disabled_at: Mapped[datetime | None] = mapped_column(comment="when shut")
    issuer: Mapped[str | None] = mapped_column(comment="log-in service that may vouch for it")
    subject: Mapped[str | None] = mapped_column(comment="what that service calls it, never reused")


class WebSession(Base):
    """A person logged in on the pages; only the hash of the cookie is kept."""

    __tablename__ = "web_session"

    token_sha256: Mapped[str] = mapped_column(String(64), primary_key=True, comment="of cookie")
    id: Mapped[UUID] = mapped_column(unique=True, comment="to name it by; opens nothing")
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True, comment="whose")
    stage: Mapped[str] = mapped_column(comment="full, or what is still missing: code or password")
    csrf: Mapped[str] = mapped_column(comment="must come back with every form")
    address: Mapped[str] = mapped_column(comment="network address it was opened from")
    browser: Mapped[str] = mapped_column(comment="User-Agent it was opened with")
    created_at: Mapped[datetime] = mapped_column(comment="logged in")
    seen_at: Mapped[datetime] = mapped_column(comment="last used, to the minute")
    expires_at: Mapped[datetime] = mapped_column(comment="valid until, used or not")
    ended_at: Mapped[datetime | None] = mapped_column(comment="logged out or revoked")
    issuer: Mapped[str | None] = mapped_column(comment="log-in service that vouched; empty: us")


class SignIn(Base):
    """Somebody who was sent to the log-in service and is not back yet; removed at the return."""

    __tablename__ = "sign_in"

    token_sha256: Mapped[str] = mapped_column(String(64), primary_key=True, comment="of cookie")
    state: Mapped[str] = mapped_column(comment="must come back in the address")
    nonce: Mapped[str] = mapped_column(comment="must come back in the ID token")
    verifier: Mapped[str] = mapped_column(comment="proves who asked for the code (RFC 7636)")
    next: Mapped[str] = mapped_column(Text, comment="path of ours to go on to")
    address: Mapped[str] = mapped_column(index=True, comment="network address it began at")
    expires_at: Mapped[datetime] = mapped_column(index=True, comment="worthless since")


class RecoveryCode(Base):
    """A code that replaces the second factor once."""

    __tablename__ = "recovery_code"

    code_sha256: Mapped[str] = mapped_column(String(64), primary_key=True, comment="of the code")
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True, comment="whose")
    used_at: Mapped[datetime | None] = mapped_column(comment="worthless since")


class LoginFailure(Base):
    """A wrong log-in; enough of them in a short time lock an account or an address."""

    __tablename__ = "login_failure"
    __table_args__ = (Index(None, "subject", "at"),)

    id: Mapped[int] = mapped_column(Serial, primary_key=True, comment="serial")
    subject: Mapped[str] = mapped_column(comment="account:name or address:network address")
    at: Mapped[datetime] = mapped_column(comment="when")


class AuditEntry(Base):
    """One act: who, what, when, from where, why; chained by hashes and never changed."""

    __tablename__ = "audit_entry"

    id: Mapped[int] = mapped_column(
        Serial, primary_key=True, autoincrement=False, comment="1 for the first, without gaps"
    )
    at: Mapped[datetime] = mapped_column(index=True, comment="when")
    who: Mapped[str] = mapped_column(index=True, comment="name of the person or machine")
    role: Mapped[str] = mapped_column(comment="role, or key, or none")
    via: Mapped[str] = mapped_column(comment="api, console, command or service")
    address: Mapped[str] = mapped_column(comment="network address it came from")
    what: Mapped[str] = mapped_column(index=True, comment="the act, such as image.view")
    object_kind: Mapped[str] = mapped_column(comment="kind of thing, such as event")
    object_id: Mapped[str] = mapped_column(comment="which one")
    why: Mapped[str] = mapped_column(Text, comment="reason that was given")
    details: Mapped[dict[str, Any]] = mapped_column(comment="what else belongs to it")
    previous_hash: Mapped[str] = mapped_column(String(64), comment="hash of the entry before")
    hash: Mapped[str] = mapped_column(
        String(64), comment="SHA-256 of the hash before and of that of the other columns"
    )
    who_id: Mapped[str | None] = mapped_column(
        index=True,
        comment="account:log-in name or key:id, unique; empty for others; none in old entries",
    )
