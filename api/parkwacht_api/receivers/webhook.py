"""
One attempt by webhook: sign, send, read the answer.

Standard Webhooks 1.0: the signature is HMAC-SHA256 over `id.timestamp.body`; webhook-id is the
delivery's id and stays the same over retries; only a 2xx answer is success; no redirect is
followed; 410 means never again; Retry-After is heard.
"""

import base64
import binascii
import hashlib
import hmac
import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Annotated, Any
from uuid import UUID

import httpx
from pydantic import Field, SecretStr

from parkwacht_api.models import RESPONSE_LIMIT
from parkwacht_api.receivers.channel import (
    Answer,
    ChannelOptions,
    Message,
    SendContext,
    SendFailed,
    SendRefused,
)
from parkwacht_config.errors import ConfigError
from parkwacht_config.text import Text

SECRET_PREFIX = "whsec_"  # noqa: S105  # the public prefix, not a secret
MIN_SECRET_BYTES, MAX_SECRET_BYTES = 24, 64
USER_AGENT = "parkwacht-webhook/1"


class Options(ChannelOptions):
    """Where a webhook is sent to, and the name of the secret that signs it."""

    url: Annotated[str, Field(pattern=r"^https?://")]
    secret_env: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]


def address(options: Options) -> str:
    """Return where it is sent to."""
    return options.url


def send(options: Options, message: Message, context: SendContext) -> Answer:
    """
    Make one attempt.

    Raises
    ------
    SendFailed
        Not taken now.
    SendRefused
        The receiver wants it never again.
    ConfigError
        The secret is missing or none.
    """
    return send_webhook(
        context.client,
        options.url,
        secret_bytes(context.secret(options.secret_env)),
        delivery_id=message.delivery_id,
        payload=dict(message.payload),
        at=message.at,
    )


def secret_bytes(secret: SecretStr) -> bytes:
    """
    Decode a `whsec_` secret.

    Raises
    ------
    ConfigError
        It is no such secret.
    """
    value = secret.get_secret_value()
    try:
        raw = base64.b64decode(value.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        raw = b""
    if not value.startswith(SECRET_PREFIX) or not MIN_SECRET_BYTES <= len(raw) <= MAX_SECRET_BYTES:
        raise ConfigError(
            Text(
                nl="een webhookgeheim is whsec_ en base64 van 24 tot 64 bytes",
                en="a webhook secret is whsec_ and base64 of 24 to 64 bytes",
            )
        )
    return raw


def sign(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """
    Sign a message as Standard Webhooks 1.0 says.

    Parameters
    ----------
    key
        The decoded secret.
    message_id
        The header webhook-id.
    timestamp
        The header webhook-timestamp, unix seconds of this attempt.
    body
        The bytes that are sent.
    """
    signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def retry_after_s(value: str, at: datetime) -> float | None:
    """Read a Retry-After header, seconds or a date; None where there is none to be read."""
    if value.strip().isdigit():
        return float(value)
    try:
        when = parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return None
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when
    return max(0.0, (when - at).total_seconds())


def _read_answer(response: httpx.Response, at: datetime) -> Answer:
    body = b""
    for chunk in response.iter_bytes(RESPONSE_LIMIT):
        body += chunk
        if len(body) >= RESPONSE_LIMIT:
            break
    # NUL is valid in an answer, but not in a text column of PostgreSQL.
    text = body[:RESPONSE_LIMIT].decode("utf-8", "replace").replace("\x00", "\ufffd")
    wait_s = retry_after_s(response.headers.get("retry-after", ""), at)
    return Answer(response.status_code, text[:RESPONSE_LIMIT], wait_s)


def _judge(answer: Answer) -> Answer:
    status = answer.http_status or 0
    if httpx.codes.is_success(status):
        return answer
    if status == httpx.codes.GONE:
        raise SendRefused(
            Text(nl="de ontvanger wil dit niet meer (410)", en="the receiver is gone (410)"), answer
        )
    raise SendFailed(
        Text(nl=f"de ontvanger antwoordt {status}", en=f"the receiver answers {status}"), answer
    )


def send_webhook(
    client: httpx.Client,
    url: str,
    key: bytes,
    *,
    delivery_id: UUID,
    payload: dict[str, Any],
    at: datetime,
) -> Answer:
    """
    Make one attempt.

    Parameters
    ----------
    client
        Carries the timeout; follows no redirects.
    url
        The receiver's address.
    key
        The decoded secret.
    delivery_id
        Becomes webhook-id.
    payload
        What is sent, as JSON.
    at
        The present instant, becomes webhook-timestamp.

    Raises
    ------
    SendFailed
        Not taken now: no answer, or one that is not 2xx.
    SendRefused
        The receiver answers 410.
    """
    body = json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()
    timestamp = int(at.timestamp())
    headers = {
        "content-type": "application/json",
        "user-agent": USER_AGENT,
        "webhook-id": str(delivery_id),
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(key, str(delivery_id), timestamp, body),
    }
    try:
        with client.stream(
            "POST", url, content=body, headers=headers, follow_redirects=False
        ) as response:
            answer = _read_answer(response, at)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = f"{type(error).__name__}: {error}".rstrip(": ")
        raise SendFailed(
            Text(nl=f"geen antwoord ({reason})", en=f"no answer ({reason})")
        ) from error
    return _judge(answer)
