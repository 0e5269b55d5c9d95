"""
The key that signs evidence: made at the first start, kept with the secrets, never handed out.

Its fingerprint is the SHA-256 of the public key's DER, so that `openssl` gives the same; whoever
wrote it down beforehand knows a package of this service from one that somebody else made.
"""

import base64
import hashlib
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from parkwacht_api.local import ensure_secret
from parkwacht_config.errors import ConfigError
from parkwacht_config.secrets import read_secret
from parkwacht_config.text import Text

SIGNING_KEY = "PARKWACHT_EVIDENCE_SIGNING_KEY"


def ensure_signing_key(state_dir: Path) -> Ed25519PrivateKey:
    """Return the key that signs evidence; make it where there is none yet."""
    fresh = base64.b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode()
    ensure_secret(SIGNING_KEY, fresh, state_dir)
    return signing_key(state_dir)


def signing_key(state_dir: Path) -> Ed25519PrivateKey:
    """
    Read the key that signs evidence.

    Raises
    ------
    ConfigError
        It is missing or is none.
    """
    told = read_secret(SIGNING_KEY, state_dir).get_secret_value()
    try:
        return Ed25519PrivateKey.from_private_bytes(base64.b64decode(told, validate=True))
    except ValueError as error:
        right = Text(nl="32 bytes in base64", en="32 bytes in base64")
        where = "secrets.toml"
        raise ConfigError.at(where, SIGNING_KEY, "***", right) from error


def public_pem(key: Ed25519PrivateKey) -> bytes:
    """Write the public key as PEM."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def fingerprint_of(pem: bytes) -> str:
    """
    Return the fingerprint of a public key.

    Raises
    ------
    ValueError
        It is no ed25519 key in PEM.
    """
    der = _read_public(pem).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def is_signed(pem: bytes, signature: bytes, content: bytes) -> bool:
    """
    Say whether a signature over some content is of this public key.

    Raises
    ------
    ValueError
        It is no ed25519 key in PEM.
    """
    try:
        _read_public(pem).verify(signature, content)
    except InvalidSignature:
        return False
    return True


def _read_public(pem: bytes) -> Ed25519PublicKey:
    key = load_pem_public_key(pem)
    if not isinstance(key, Ed25519PublicKey):
        message = "not an ed25519 key"
        raise ValueError(message)  # noqa: TRY004  # of the file, not of a type here
    return key
