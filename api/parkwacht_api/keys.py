"""
API keys `pw_<keyid>_<secret>`: made once, shown once, kept as a hash.

A secret holds 256 random bits, so a plain SHA-256 keeps it safe; a slow password hash would only
help for secrets that people choose.
"""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from parkwacht_api.audit import Act, Somebody, audit
from parkwacht_api.database import Database
from parkwacht_api.models import ApiKey
from parkwacht_api.repository_access import all_keys, key_by_certificate, key_by_id
from parkwacht_config.errors import ConfigError
from parkwacht_config.text import Text


class Scope(StrEnum):
    """What a key may do."""

    INGEST = "events:ingest"
    READ = "events:read"
    IMAGES = "images:read"
    VERIFY = "events:verify"
    ACKNOWLEDGE = "deliveries:acknowledge"
    DELIVERIES = "deliveries:read"
    OPERATE = "deliveries:operate"
    EXPORT = "evidence:export"
    HOLD = "evidence:hold"
    STATISTICS = "statistics:read"
    AUDIT = "audit:read"
    ADMINISTER = "accounts:administer"


# Keys are made and withdrawn on the command line of the machine itself.
COMMAND = Somebody("parkwacht", via="command")


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A key without its secret."""

    id: str
    name: str
    role: str
    scopes: frozenset[Scope]
    receiver_id: str | None
    created_at: datetime
    revoked_at: datetime | None


def hash_secret(secret: str) -> str:
    """Return the SHA-256 of a secret, as hex."""
    return hashlib.sha256(secret.encode()).hexdigest()


def split_key(key: str) -> tuple[str, str] | None:
    """Split a key into its public id and its secret, or None where it is no key at all."""
    match key.split("_", 2):
        case ["pw", key_id, secret] if key_id and secret:
            return key_id, secret
    return None


def create_key(
    database: Database,
    name: str,
    scopes: Iterable[Scope],
    *,
    at: datetime,
    receiver_id: str | None = None,
    role: str = "",
) -> str:
    """
    Make a key and return it; it cannot be shown again.

    Parameters
    ----------
    database
        Where the key is kept.
    name
        Whose key it is; stands in the log of images.
    scopes
        What it may do.
    at
        The present instant.
    receiver_id
        Restricts the key to what was released to this receiver.
    role
        The role whose scopes these are, where they are one's.
    """
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    with database.writing() as session:
        row = ApiKey(
            id=key_id,
            name=name,
            role=role or None,
            secret_sha256=hash_secret(secret),
            scopes=" ".join(sorted(scope.value for scope in scopes)),
            receiver_id=receiver_id,
            created_at=at,
        )
        session.add(row)
        details = {"name": name, "scopes": row.scopes, "receiver_id": receiver_id}
        audit(session, COMMAND, Act("key.add", "key", key_id, details=details), at=at)
    return f"pw_{key_id}_{secret}"


def bind_certificate(
    database: Database, key: str, certificate_sha256: str, *, at: datetime
) -> None:
    """
    Let a client certificate stand for a key's secret, behind a proxy that asks for it.

    Parameters
    ----------
    database
        Where the key is kept.
    key
        The key.
    certificate_sha256
        Fingerprint of the certificate, in hex.
    at
        The present instant.

    Raises
    ------
    ConfigError
        The certificate stands for another key already.
    """
    parts = split_key(key)
    with database.writing() as session:
        row = key_by_id(session, parts[0]) if parts else None
        if row is None or key_by_certificate(session, certificate_sha256) is not None:
            raise ConfigError(
                Text(
                    nl="dit certificaat hoort al bij een andere sleutel",
                    en="this certificate belongs to another key already",
                )
            )
        row.certificate_sha256 = certificate_sha256
        details = {"sha256": certificate_sha256}
        audit(session, COMMAND, Act("key.certificate", "key", row.id, details=details), at=at)


def revoke_key(database: Database, key_id: str, *, at: datetime) -> None:
    """
    Withdraw a key. A second time changes nothing.

    Raises
    ------
    ConfigError
        There is no key of this id.
    """
    with database.writing() as session:
        row = key_by_id(session, key_id)
        if row is None:
            raise ConfigError(
                Text(nl=f"sleutel {key_id} bestaat niet", en=f"there is no key {key_id}")
            )
        if row.revoked_at is None:
            row.revoked_at = at
            audit(session, COMMAND, Act("key.revoke", "key", key_id), at=at)


def list_keys(database: Database) -> list[KeyInfo]:
    """Return every key, oldest first, without secrets."""
    with database.reading() as session:
        return [
            KeyInfo(
                id=row.id,
                name=row.name,
                role=row.role or "",
                scopes=frozenset(Scope(scope) for scope in row.scopes.split()),
                receiver_id=row.receiver_id,
                created_at=row.created_at,
                revoked_at=row.revoked_at,
            )
            for row in all_keys(session)
        ]
