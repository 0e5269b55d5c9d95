"""
The audit log: who did what, when, from where and why; append-only, chained by hashes.

Every entry holds the hash of the one before, and its own hash covers all of its columns. An entry
that is changed, removed, put in or moved breaks the chain at its place; only the removal of the
newest entries leaves a chain that is whole, which is why an anchor is kept elsewhere
(`audit_verify`). Numbers run without gaps.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy.orm import Session

from parkwacht_api.database import take_turn
from parkwacht_api.models_access import AuditEntry
from parkwacht_api.repository_access import last_audit_entry

FIRST_HASH = "0" * 64
# A zero byte as JSON writes it; not a backslash and those signs, as somebody may type them.
ZERO = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
COLUMN_LENGTH = 300
WHY_LENGTH = 4000
# Any number will do, as long as nothing else of ours locks the same one.
CHAIN_LOCK = 0x5041524B
# What an entry says: its hash covers these, and `who_id` in every entry that has one. Entries from
# before there was a `who_id` keep the hash they were written with; giving them one breaks it.
COLUMNS = (
    "id",
    "at",
    "who",
    "role",
    "via",
    "address",
    "what",
    "object_kind",
    "object_id",
    "why",
    "details",
)


WHO_ID = "who_id"


class Actor(Protocol):
    """Who acts, as far as the log wants to know; a Principal is one."""

    @property
    def name(self) -> str:
        """Name of the person or machine."""
        ...

    @property
    def who_id(self) -> str:
        """What tells it from others of its name: `account:anna`, `key:1f2e...`, or empty."""
        ...

    @property
    def role(self) -> str:
        """Role, `key` for a key without one, or empty."""
        ...

    @property
    def via(self) -> str:
        """Way it came: api, console, command or service."""
        ...

    @property
    def address(self) -> str:
        """Network address it came from."""
        ...


@dataclass(frozen=True, slots=True)
class Somebody:
    """An actor without a session: a failed log-in, a command, the service itself."""

    name: str
    role: str = ""
    via: str = "service"
    address: str = ""
    who_id: str = ""


def account_who(name: str) -> str:
    """Return how the log tells an account from others of its person's name."""
    return f"account:{name}"


@dataclass(frozen=True, slots=True)
class Act:
    """What was done to which thing, and why."""

    what: str
    object_kind: str
    object_id: str
    why: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


def audit(session: Session, actor: Actor, act: Act, *, at: datetime) -> AuditEntry:
    """
    Add an entry to the log, in the transaction of the act itself.

    Call it last in the transaction: from here to its end other writers of the log wait.

    Parameters
    ----------
    session
        The writing transaction of the act.
    actor
        Who acts, such as a Principal.
    act
        What is done.
    at
        The present instant.
    """
    take_turn(session, CHAIN_LOCK)
    last = last_audit_entry(session)
    entry = AuditEntry(
        id=1 if last is None else last.id + 1,
        at=at.astimezone(UTC),
        who=clean_text(actor.name),
        who_id=clean_text(actor.who_id),
        role=clean_text(actor.role),
        via=clean_text(actor.via),
        address=clean_text(actor.address),
        what=clean_text(act.what),
        object_kind=clean_text(act.object_kind),
        object_id=clean_text(act.object_id),
        why=clean_text(act.why, WHY_LENGTH),
        details=json.loads(ZERO.sub(r"\1", _canonical(dict(act.details)))),
        previous_hash=FIRST_HASH if last is None else last.hash,
    )
    entry.hash = hash_of(entry)
    session.add(entry)
    session.flush()
    return entry


def clean_text(text: str, length: int = COLUMN_LENGTH) -> str:
    """Return a text as a column takes it."""
    # A stranger may have typed it; PostgreSQL takes neither zero bytes nor half characters.
    return text.replace("\0", "").encode(errors="replace").decode()[:length]


def _canonical(content: Mapping[str, Any]) -> str:
    return json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )


def content_of(entry: AuditEntry) -> dict[str, Any]:
    """Return what an entry says, apart from its place in the chain."""
    at = entry.at.astimezone(UTC).isoformat(timespec="microseconds")
    names = COLUMNS if entry.who_id is None else (*COLUMNS, WHO_ID)
    return {name: getattr(entry, name) for name in names} | {"at": at}


def content_hash_of(entry: AuditEntry) -> str:
    """Compute the SHA-256 of what an entry says, apart from its place in the chain."""
    return hashlib.sha256(_canonical(content_of(entry)).encode()).hexdigest()


def chain_hash(previous_hash: str, content_hash: str) -> str:
    """Compute the hash of an entry; whoever may not read what it says can follow the chain."""
    return hashlib.sha256((previous_hash + content_hash).encode()).hexdigest()


def hash_of(entry: AuditEntry) -> str:
    """Compute the hash that an entry must have, from its columns and the hash of the one before."""
    return chain_hash(entry.previous_hash, content_hash_of(entry))
