"""
One attempt by Apprise: the alarm in words to one of the many services that it knows.

The whole URL is a secret, because with most services the token stands in it; so the site file says
beside it which machine is spoken to. Apprise swallows what goes wrong and returns False: that is
checked here, as is whether the URL is one at all. No picture is sent unless that is said, because
these services belong to others.
"""

from typing import Annotated
from zoneinfo import ZoneInfo

import apprise
from apprise.attachment.memory import AttachMemory
from pydantic import Field

from parkwacht_api.receivers.channel import (
    Answer,
    ChannelOptions,
    Message,
    SendContext,
    SendFailed,
)
from parkwacht_api.receivers.guard import is_named_local
from parkwacht_api.receivers.words import facts_of, headline, lines_of
from parkwacht_config.errors import ConfigError
from parkwacht_config.text import Language, Text

NOTES = {"over": "success", "cancelled": "success", "alarm": "info"}  # by the kind's last word


class Options(ChannelOptions):
    """The name of the secret that is Apprise's URL, and the machine that it leads to."""

    url_env: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
    machine: Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9.:\[\]_-]+/?$")]
    language: Language = Language.NL
    timezone: ZoneInfo = ZoneInfo("Europe/Amsterdam")
    snapshot: bool = False


def address(options: Options) -> str:
    """Return the machine that the service is at."""
    return options.machine


def send(options: Options, message: Message, context: SendContext) -> Answer:
    """
    Make one attempt.

    Raises
    ------
    SendFailed
        Apprise says that it was not delivered, or it would leave this machine and may not.
    ConfigError
        The URL is missing or none that Apprise knows.
    """
    service = _service(options, context)
    name = str(service.service_name)
    # The site file's word for the machine is not enough here: it could be another.
    if context.forwarding != "live" and not is_named_local(str(service.host or "")):
        raise SendFailed(
            Text(
                nl=f"{name} is op een andere machine, en er mag niets naar buiten",
                en=f"{name} is on another machine, and nothing may leave this one",
            )
        )
    facts = facts_of(message.payload)
    lines = [line.to(options.language) for line in lines_of(facts, options.timezone)]
    picture = message.snapshot() if options.snapshot and facts.kind.startswith("event.") else None
    told = apprise.Apprise(asset=service.asset)
    told.add(service)
    is_told = told.notify(
        title=headline(facts).to(options.language),
        body="\n".join(lines),
        notify_type=NOTES.get(facts.kind.rpartition(".")[2], "warning"),
        attach=None
        if picture is None
        else AttachMemory(picture, name="snapshot.jpg", mimetype="image/jpeg"),
    )
    if not is_told:
        raise SendFailed(
            Text(nl=f"{name} heeft het niet aangenomen", en=f"{name} did not take it"),
            Answer(None, "False"),
        )
    return Answer(None, f"{name}: True")


def _service(options: Options, context: SendContext) -> apprise.NotifyBase:
    url = context.secret(options.url_env).get_secret_value()
    # In this thread and nothing kept on disk; the attempts are counted by the outbox.
    asset = apprise.AppriseAsset(async_mode=False)
    service = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    if service is None:
        raise ConfigError(
            Text(
                nl=f"{options.url_env} is geen URL die Apprise kent",
                en=f"{options.url_env} is no URL that Apprise knows",
            )
        )
    service.socket_connect_timeout = service.socket_read_timeout = context.timeout_s / 2
    return service
