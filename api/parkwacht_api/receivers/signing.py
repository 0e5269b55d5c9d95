"""
How a webhook is signed: Standard Webhooks 1.0, with a shared secret (v1) or a key pair (v1a).

What is signed is `id.timestamp.body`. Two secrets at once, the new one and the one before it, give
two signatures, so that a receiver can change over without a moment in between.
"""

import base64
import binascii
import hashlib
import hmac

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from parkwacht_config.errors import ConfigError
from parkwacht_config.text import Text

SHARED, PRIVATE = "whsec_", "whsk_"
MIN_SECRET_BYTES, MAX_SECRET_BYTES = 24, 64
SEED_BYTES = 32


def _decode(value: str, prefix: str) -> bytes:
    try:
        return base64.b64decode(value.removeprefix(prefix), validate=True)
    except binascii.Error:
        return b""


def secret_bytes(secret: SecretStr) -> bytes:
    """
    Decode a `whsec_` secret.

    Raises
    ------
    ConfigError
        It is no such secret.
    """
    value = secret.get_secret_value()
    raw = _decode(value, SHARED)
    if not value.startswith(SHARED) or not MIN_SECRET_BYTES <= len(raw) <= MAX_SECRET_BYTES:
        raise ConfigError(
            Text(
                nl="een webhookgeheim is whsec_ en base64 van 24 tot 64 bytes, of whsk_ en base64 "
                "van een ed25519-sleutel",
                en="a webhook secret is whsec_ and base64 of 24 to 64 bytes, or whsk_ and base64 "
                "of an ed25519 key",
            )
        )
    return raw


def _private_key(value: str) -> Ed25519PrivateKey:
    raw = _decode(value, PRIVATE)
    # Some libraries write the public key behind the seed.
    if len(raw) not in {SEED_BYTES, 2 * SEED_BYTES}:
        raise ConfigError(
            Text(
                nl="een ed25519-sleutel is whsk_ en base64 van 32 of 64 bytes",
                en="an ed25519 key is whsk_ and base64 of 32 or 64 bytes",
            )
        )
    key = Ed25519PrivateKey.from_private_bytes(raw[:SEED_BYTES])
    if raw[SEED_BYTES:] not in {b"", key.public_key().public_bytes_raw()}:
        raise ConfigError(
            Text(
                nl="de twee helften van deze ed25519-sleutel horen niet bij elkaar",
                en="the two halves of this ed25519 key do not belong together",
            )
        )
    return key


def sign(secret: SecretStr, message_id: str, timestamp: int, body: bytes) -> str:
    """
    Sign a message as Standard Webhooks 1.0 says.

    Parameters
    ----------
    secret
        A shared `whsec_` secret or a private `whsk_` key.
    message_id
        The header webhook-id.
    timestamp
        The header webhook-timestamp, unix seconds of this attempt.
    body
        The bytes that are sent.

    Raises
    ------
    ConfigError
        The secret is none.
    """
    signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
    value = secret.get_secret_value()
    if value.startswith(PRIVATE):
        return "v1a," + base64.b64encode(_private_key(value).sign(signed)).decode()
    digest = hmac.new(secret_bytes(secret), signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()
