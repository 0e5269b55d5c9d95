"""
Keeps the secrets of second factors unreadable to whoever has only the database or a backup of it.

A secret is sealed with AES-256-GCM under a key that stands with the other secrets of the machine
(`secrets.toml`, mode 0600), bound to its account, so that it is worth nothing in another's row. It
says which key it was sealed with: with a wrong key it is unreadable, never silently wrong.
"""

import base64
import hashlib
import logging
import os
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from parkwacht_api.database import Database
from parkwacht_api.local import ensure_secret
from parkwacht_api.models_access import Account
from parkwacht_api.repository_access import account_by_id, all_accounts
from parkwacht_config.errors import ConfigError
from parkwacht_config.secrets import read_secret
from parkwacht_vision.sealing import KEY_BYTES, parse_key

logger = logging.getLogger(__name__)

FACTOR_KEY = "PARKWACHT_FACTOR_KEY"
SEALED = "sealed"
NONCE_BYTES = 12


def ensure_factor_key(state_dir: Path) -> bytes:
    """Return the key that seals second factors; make it where there is none yet."""
    fresh = base64.b64encode(os.urandom(KEY_BYTES)).decode()
    ensure_secret(FACTOR_KEY, fresh, state_dir)
    return _read(state_dir)


def factor_key(state_dir: Path) -> bytes | None:
    """Return the key that seals second factors, None where it is gone or is none."""
    try:
        return _read(state_dir)
    except ConfigError:
        return None


def _read(state_dir: Path) -> bytes:
    return parse_key(FACTOR_KEY, read_secret(FACTOR_KEY, state_dir).get_secret_value())


def key_id(key: bytes) -> str:
    """Return what tells a key from others; it says nothing of the key itself."""
    return hashlib.sha256(b"parkwacht-factor-key\n" + key).hexdigest()[:8]


def seal(secret: str, account_id: UUID, key: bytes) -> str:
    """
    Seal a secret for one account.

    Parameters
    ----------
    secret
        In the clear.
    account_id
        Whose.
    key
        32 bytes.
    """
    nonce = os.urandom(NONCE_BYTES)
    content = nonce + AESGCM(key).encrypt(nonce, secret.encode(), account_id.bytes)
    return f"{SEALED}:{key_id(key)}:{base64.b64encode(content).decode()}"


def unseal(sealed: str, account_id: UUID, key: bytes | None) -> str | None:
    """
    Return a sealed secret in the clear, None where this key does not open it.

    Parameters
    ----------
    sealed
        As `seal` gave it.
    account_id
        Whose.
    key
        32 bytes, or none at hand.
    """
    match sealed.split(":"):
        case ["sealed", used, content] if key is not None and used == key_id(key):
            try:
                raw = base64.b64decode(content)
                clear = AESGCM(key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], account_id.bytes)
                return clear.decode()
            except (InvalidTag, ValueError):  # also of a row that somebody cut short
                return None
    return None


def is_readable(account: Account, key: bytes | None) -> bool:
    """Say whether an account's second factor, if it has one, can be checked with this key."""
    secret = account.totp_secret
    return secret is None or unseal(secret, account.id, key) is not None


def prepare_factors(database: Database, state_dir: Path) -> None:
    """
    Make the key at a first start, seal what an older version left in the clear, tell of the rest.

    Parameters
    ----------
    database
        Where the accounts are.
    state_dir
        Folder of the secrets.

    Raises
    ------
    ConfigError
        The key is none.
    """
    key = ensure_factor_key(state_dir)
    with database.reading() as session:
        known = all_accounts(session)
    clear = [one.id for one in known if one.totp_secret and not one.totp_secret.startswith(SEALED)]
    if clear:
        with database.writing() as session:
            for account_id in clear:
                account = account_by_id(session, account_id, lock=True)
                secret = account.totp_secret if account else None
                if account and secret and not secret.startswith(SEALED):
                    account.totp_secret = seal(secret, account.id, key)
        logger.info("second factors sealed: %d", len(clear))
    lost = [one.name for one in known if one.id not in clear and not is_readable(one, key)]
    if lost:
        logger.warning(
            "%s in secrets.toml is not the key that these second factors were sealed with: %s; "
            "put the old key back, or let each log in with a recovery code and set it up anew, or "
            "run parkwacht accounts reset",
            FACTOR_KEY,
            ", ".join(lost),
        )
