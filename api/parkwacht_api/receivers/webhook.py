"""
One attempt by webhook: sign, send, read the answer.

Standard Webhooks 1.0: webhook-id is the delivery's id and stays the same over retries; only a 2xx
answer is success; no redirect is followed; 410 means never again; Retry-After is heard. The body is
our own JSON or a CloudEvent 1.0, structured or binary; it stays under 20 kB. Who takes CloudEvents
is asked for permission first.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
from pydantic import Field

from parkwacht_api.models import RESPONSE_LIMIT
from parkwacht_api.receivers.channel import (
    Answer,
    ChannelOptions,
    Message,
    SendContext,
    SendFailed,
    SendRefused,
)
from parkwacht_api.receivers.guard import HostRefused, checked_hosts, is_named_local
from parkwacht_api.receivers.handshake import ORIGIN, Permissions, ask
from parkwacht_api.receivers.http_client import within
from parkwacht_api.receivers.signing import sign
from parkwacht_config.text import Text

USER_AGENT = "parkwacht-webhook/1"
MAX_BODY_BYTES = 20_000  # Standard Webhooks: below 20 kB
SERVER_ERROR = 500
BODY_WITHIN_S = 3.0


class Options(ChannelOptions):
    """Where a webhook is sent to, the names of the secrets that sign it, and its form."""

    url: Annotated[str, Field(pattern=r"^https?://")]
    secret_env: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
    previous_secret_env: Annotated[str, Field(pattern=r"^([A-Z][A-Z0-9_]*)?$")] = ""
    body: Literal["json", "cloudevents", "cloudevents-binary"] = "json"
    handshake: bool = True  # of a CloudEvent; nothing is sent without the receiver's permission
    origin: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$")] = "parkwacht"
    allow_private: bool = False
    supervision: Literal["options", "heartbeat", "off"] = "options"

    @property
    def needs_permission(self) -> bool:
        """Whether the receiver is asked first."""
        return self.handshake and self.body != "json"


# In this process: asked again after a restart, and by supervision before the first alarm.
PERMISSIONS = Permissions()


def address(options: Options) -> str:
    """Return where it is sent to."""
    return options.url


def send(options: Options, message: Message, context: SendContext) -> Answer:
    """
    Make one attempt.

    Raises
    ------
    SendFailed
        Not taken now: no answer, or one that is not 2xx.
    SendRefused
        The receiver answers 410, or the body is too large to send.
    ConfigError
        A secret is missing or none.
    """
    kind, body, extra = _form(options, message)
    if len(body) >= MAX_BODY_BYTES:
        size = f"{len(body)} bytes"
        words = Text(nl=f"te groot om te sturen ({size})", en=f"too large to send ({size})")
        raise SendRefused(words, Answer(None, ""))
    headers = _signed(options, context, message.delivery_id, body, message.at)
    headers |= {"content-type": kind, **extra}
    with within(context.timeout_s):  # both calls together
        if options.needs_permission and not PERMISSIONS.has(options.url, options.origin):
            introduce(options, context)
        return _judge(_call(options, context, "POST", headers, body))


def introduce(options: Options, context: SendContext) -> Answer:
    """
    Ask the receiver's permission, where it takes CloudEvents; else nothing is said.

    Raises
    ------
    SendFailed
        It does not answer, or does not give it.
    SendRefused
        The receiver answers 410.
    """
    if not options.needs_permission:
        return Answer(None, "", is_sent=False)

    def call(method: str, headers: Mapping[str, str]) -> Answer:
        return _call(options, context, method, {"user-agent": USER_AGENT, **headers}, b"")

    return ask(PERMISSIONS, options.url, options.origin, call)


def supervise(options: Options, context: SendContext) -> Answer:
    """
    Ask whether the receiver lives: by OPTIONS, or by a signed heartbeat that it must take.

    Raises
    ------
    SendFailed
        No answer, or one that tells of trouble.
    SendRefused
        The receiver answers the heartbeat with 410.
    ConfigError
        A secret is missing or none.
    """
    at = context.clock.now()
    if options.supervision == "off":
        return Answer(None, "off")
    if options.supervision == "options" and options.needs_permission:
        return introduce(options, context)
    if options.supervision == "options":
        answer = _call(options, context, "OPTIONS", {"user-agent": USER_AGENT}, b"")
        # Any answer shows that somebody lives there; what it thinks of OPTIONS does not matter.
        status = answer.http_status or 0
        is_alive = status < SERVER_ERROR or status == httpx.codes.NOT_IMPLEMENTED
        return answer if is_alive else _judge(answer)
    delivery_id = uuid4()
    payload = {"type": "heartbeat", "timestamp": at.isoformat(), "data": {}}
    kind, body, extra = _form(options, Message(delivery_id, "heartbeat", payload, at))
    headers = _signed(options, context, delivery_id, body, at)
    return _judge(_call(options, context, "POST", headers | {"content-type": kind, **extra}, body))


def _json(value: Any) -> bytes:  # noqa: ANN401  # whatever JSON can hold
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _form(options: Options, message: Message) -> tuple[str, bytes, dict[str, str]]:
    """Return the content type, the body and the headers that the form asks for."""
    if options.body == "json":
        return "application/json", _json(message.payload), {}
    data: Mapping[str, Any] = message.payload.get("data") or {}
    site, incident = data.get("site") or {}, data.get("incident") or {}
    attributes = {
        "specversion": "1.0",
        "id": str(message.delivery_id),
        "source": f"urn:parkwacht:{quote(str(site.get('id') or 'site'))}",
        "type": str(message.payload.get("type") or message.kind),
        "time": str(message.payload.get("timestamp") or message.at.isoformat()),
    }
    if subject := incident.get("id") or data.get("event_id"):
        attributes["subject"] = str(subject)
    origin = {ORIGIN: options.origin} if options.needs_permission else {}
    if options.body == "cloudevents":
        event = {**attributes, "datacontenttype": "application/json", "data": data}
        return "application/cloudevents+json; charset=utf-8", _json(event), origin
    binary = {f"ce-{name}": quote(value, safe=":/+.-_~") for name, value in attributes.items()}
    return "application/json", _json(data), binary | origin


def _signed(
    options: Options, context: SendContext, delivery_id: UUID, body: bytes, at: datetime
) -> dict[str, str]:
    timestamp = int(at.timestamp())
    names = filter(None, (options.secret_env, options.previous_secret_env))
    signatures = [sign(context.secret(one), str(delivery_id), timestamp, body) for one in names]
    return {
        "user-agent": USER_AGENT,
        "webhook-id": str(delivery_id),
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }


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
    # The status is the answer: a body that drips or breaks off changes nothing about it.
    with suppress(httpx.HTTPError), within(BODY_WITHIN_S):
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) >= RESPONSE_LIMIT:
                break
    # NUL is valid in an answer, but not in a text column of PostgreSQL.
    text = body[:RESPONSE_LIMIT].decode("utf-8", "replace").replace("\x00", "\ufffd")
    wait_s = retry_after_s(response.headers.get("retry-after", ""), at)
    return Answer(response.status_code, text[:RESPONSE_LIMIT], wait_s, headers=response.headers)


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


def _call(
    options: Options, context: SendContext, method: str, headers: dict[str, str], body: bytes
) -> Answer:
    try:
        url = httpx.URL(options.url)
        port = url.port or (443 if url.scheme == "https" else 80)
        hosts = checked_hosts(url.host, port, allow_private=options.allow_private)
        request = context.client.build_request(method, url, headers=headers, content=body)
        with within(context.timeout_s):
            return call_first(context.client, request, hosts, context.clock.now())
    except HostRefused as error:
        raise SendFailed(error.text) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = f"{type(error).__name__}: {error}".rstrip(": ")
        raise SendFailed(
            Text(nl=f"geen antwoord ({reason})", en=f"no answer ({reason})")
        ) from error


def call_first(
    client: httpx.Client, request: httpx.Request, hosts: list[str], at: datetime
) -> Answer:
    """
    Call the first of the addresses that takes the connection, in the name of the request's host.

    Parameters
    ----------
    client
        Carries the timeout.
    request
        With the name in its address and in its header Host.
    hosts
        Where the name leads, at least one.
    at
        The present instant.
    """
    *others, last = hosts
    for host in others:
        try:
            return _call_once(client, _towards(request, host), at)
        except httpx.ConnectError:
            continue
    return _call_once(client, _towards(request, last), at)


def _towards(request: httpx.Request, host: str) -> httpx.Request:
    if is_named_local(request.url.host):
        return request
    # The certificate must be the name's; and no connection is left open, because another name at
    # the same address would be spoken to over it.
    headers = request.headers.copy()
    headers["connection"] = "close"
    extensions = {**request.extensions, "sni_hostname": request.url.host}
    url = request.url.copy_with(host=host)
    return httpx.Request(
        request.method, url, headers=headers, content=request.content, extensions=extensions
    )


def _call_once(client: httpx.Client, request: httpx.Request, at: datetime) -> Answer:
    response = client.send(request, stream=True, follow_redirects=False)
    try:
        return _read_answer(response, at)
    finally:
        response.close()
