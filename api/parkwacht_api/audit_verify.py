"""
Whether the audit log is whole: every hash right, no number missing, nothing cut off at the end.

What was cut off at the end leaves no trace in what remains. An anchor, the number and hash of the
newest entry written down somewhere else, shows it; signed, nobody can make one up afterwards.
"""

import base64
import binascii
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from parkwacht_api.audit import FIRST_HASH, hash_of
from parkwacht_api.models_access import AuditEntry
from parkwacht_config.errors import ConfigError
from parkwacht_config.text import Text

AUDIT_KEY = "PARKWACHT_AUDIT_KEY"


@dataclass(frozen=True, slots=True)
class Anchor:
    """The newest entry at an instant; id 0 and a hash of zeros where there was none yet."""

    id: int
    hash: str
    at: str
    signature: str = ""
    public_key: str = ""

    def signed_bytes(self) -> bytes:
        """Return what a signature covers."""
        return f"parkwacht-audit-anchor\n{self.id}\n{self.hash}\n{self.at}\n".encode()


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check of the log found; `broken_id` is the first entry that is not right."""

    n_entries: int
    last_hash: str
    broken_id: int | None = None
    trouble: Text | None = None


def check_chain(entries: Iterable[AuditEntry], anchor: Anchor | None = None) -> Finding:
    """
    Read the log from its beginning to the first entry that is not right.

    Parameters
    ----------
    entries
        Every entry, by number.
    anchor
        What is known of the log from elsewhere.
    """
    n_entries, last_hash = 0, FIRST_HASH
    for entry in entries:
        number = n_entries + 1
        trouble = _trouble_of(entry, number, last_hash, anchor)
        if trouble is not None:
            return Finding(n_entries, last_hash, number, trouble)
        n_entries, last_hash = number, entry.hash
    if anchor is not None and anchor.id > n_entries:
        trouble = Text(
            nl=f"ontbreekt: het log eindigt bij {n_entries}, het anker noemt {anchor.id}",
            en=f"is missing: the log ends at {n_entries}, the anchor names {anchor.id}",
        )
        return Finding(n_entries, last_hash, n_entries + 1, trouble)
    return Finding(n_entries, last_hash)


def _trouble_of(
    entry: AuditEntry, number: int, last_hash: str, anchor: Anchor | None
) -> Text | None:
    if entry.id != number:
        return Text(
            nl=f"ontbreekt: op {number - 1} volgt {entry.id}",
            en=f"is missing: {number - 1} is followed by {entry.id}",
        )
    if entry.previous_hash != last_hash:
        return Text(
            nl="hoort niet achter de regel ervoor", en="does not follow from the entry before"
        )
    if entry.hash != hash_of(entry):
        return Text(nl="is gewijzigd", en="was changed")
    if anchor is not None and anchor.id == number and anchor.hash != entry.hash:
        return Text(
            nl="is een andere dan het anker noemt: het log is herschreven",
            en="is another than the anchor names: the log was written anew",
        )
    return None


def make_anchor(last: AuditEntry | None, private_key: str | None, *, at: datetime) -> Anchor:
    """
    Write down the newest entry, signed where there is a key.

    Parameters
    ----------
    last
        The newest entry.
    private_key
        32 bytes in base64, the seed of an ed25519 key.
    at
        The present instant.

    Raises
    ------
    ConfigError
        The key is none.
    """
    made = Anchor(
        id=0 if last is None else last.id,
        hash=FIRST_HASH if last is None else last.hash,
        at=at.isoformat(timespec="seconds"),
    )
    if private_key is None:
        return made
    key = Ed25519PrivateKey.from_private_bytes(_decode(private_key, AUDIT_KEY))
    signature = base64.b64encode(key.sign(made.signed_bytes())).decode()
    public_key = base64.b64encode(key.public_key().public_bytes_raw()).decode()
    return Anchor(made.id, made.hash, made.at, signature, public_key)


def write_anchor(anchor: Anchor) -> str:
    """Return an anchor as it is kept elsewhere: one line of JSON."""
    return json.dumps({name: value for name, value in asdict(anchor).items() if value != ""})


def read_anchor(path: Path) -> Anchor:
    """
    Read an anchor that was kept elsewhere.

    Raises
    ------
    ConfigError
        The file cannot be read, or is no anchor.
    """
    try:
        told = json.loads(path.read_text())
        return Anchor(**{**told, "id": int(told["id"])})
    except (OSError, ValueError, TypeError, KeyError) as error:
        text = Text(
            nl=f"{path}: geen anker van het auditlog: {error}",
            en=f"{path}: no anchor of the audit log: {error}",
        )
        raise ConfigError(text) from error


def check_signature(anchor: Anchor, public_key: str) -> bool:
    """
    Say whether an anchor was signed with the key of this public key.

    Parameters
    ----------
    anchor
        What was signed.
    public_key
        32 bytes in base64, known from elsewhere: the one in the anchor proves nothing.

    Raises
    ------
    ConfigError
        The public key is none.
    """
    key = Ed25519PublicKey.from_public_bytes(_decode(public_key, "--public-key"))
    try:
        key.verify(base64.b64decode(anchor.signature), anchor.signed_bytes())
    except (InvalidSignature, binascii.Error):
        return False
    return True


def _decode(text: str, name: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != 32:  # noqa: PLR2004  # of ed25519
        where, right = "parkwacht audit", Text(nl="32 bytes in base64", en="32 bytes in base64")
        raise ConfigError.at(where, name, "***", right)
    return key
