"""One attempt by DC-09 at a receiver of a test."""

from typing import Any

from channel_builders import INCIDENT_ID, make_context, make_message

from parkwacht_api.receivers.channel import Answer
from parkwacht_api.receivers.sia_dc09 import Options, send

KEYS = {0: None, 16: "0123456789ABCDEF", 24: "0123456789ABCDEF01234567", 32: "0123456789ABCDEF" * 2}
LINK = f"https://pw.example/api/v1/incidents/{INCIDENT_ID}"


def make_options(port: int, **changes: Any) -> Options:
    given = {"host": "127.0.0.1", "port": port, "account": "1234", "numbers": {"k1_crossing": 501}}
    return Options.model_validate(given | changes)


def attempt(port: int, key: str | None = None, **changes: Any) -> Answer:
    message = changes.pop("message", None) or make_message()
    options = make_options(port, key_env="KEY" if key else "", **changes)
    with make_context(secrets={"KEY": key or ""}) as context:
        return send(options, message, context)
