"""One attempt by webhook at a receiver of a test."""

from datetime import UTC, datetime
from typing import Any

from api_harness import SECRET
from channel_builders import DELIVERY_ID, make_context

from parkwacht_api.receivers.channel import Answer, Message
from parkwacht_api.receivers.webhook import Options, send

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)


def attempt(
    url: str,
    payload: Any = None,
    secrets: dict[str, str] | None = None,
    *,
    timeout_s: float = 2.0,
    **options: Any,
) -> Answer:
    message = Message(DELIVERY_ID, "x", payload or {"type": "x", "e": "é"}, NOW)
    given = Options(url=url, secret_env="SECRET", **options)
    known = {"SECRET": SECRET} | (secrets or {})
    with make_context(secrets=known, timeout_s=timeout_s) as context:
        return send(given, message, context)
