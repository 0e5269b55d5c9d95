"""
What every channel has: one file of this package per kind, with three names.

`Options` (pydantic) says which keys the site file may hold for it, `address` names the machine that
would be spoken to as a URL (so that "local" forwarding can hold it back), and `send` makes one
attempt and returns the `Answer`, or raises `SendFailed` (try again) or `SendRefused` (never again).
A channel whose partner can be asked whether it lives has `supervise(options, context)` as well,
which answers and raises as `send` does; one that must be introduced first has `introduce(options,
context)`, which `parkwacht check` calls. A new channel is one such file and an entry in the site
file.
"""

import importlib
import importlib.util
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol, cast
from uuid import UUID

import httpx
from pydantic import BaseModel, ConfigDict, SecretStr

from parkwacht_config.clock import Clock, SystemClock
from parkwacht_config.errors import ConfigError, DeliveryError, DeliveryRefused
from parkwacht_config.site import Channel, Receiver, Site
from parkwacht_config.text import Text
from parkwacht_config.validation import check_table

PACKAGE = "parkwacht_api.receivers"


class ChannelOptions(BaseModel):
    """Base of the options of a kind of channel: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver's machine said; `http_status` is None where it does not speak HTTP."""

    http_status: int | None
    response: str
    retry_after_s: float | None = None
    # The receiver's clock minus ours, where its answer told it: kept for the next attempt.
    clock_offset: timedelta | None = None
    # False where the channel has no word for this message: nobody was spoken to.
    is_sent: bool = True
    # Of an answer over HTTP, by names in any case: for the channel itself, kept nowhere.
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)


class SendFailed(DeliveryError):  # noqa: N818
    """Not taken now; `answer` is None where the receiver said nothing at all."""

    def __init__(self, text: Text, answer: Answer | None = None) -> None:
        super().__init__(text)
        self.answer = answer


class SendRefused(DeliveryRefused):
    """The receiver wants this never again."""

    def __init__(self, text: Text, answer: Answer) -> None:
        super().__init__(text)
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Message:
    """
    One delivery at one attempt.

    `payload` is what was released, the same at every attempt. `serial` is a number that this
    delivery keeps over its attempts and that rises from one delivery to the next.
    """

    delivery_id: UUID
    kind: str
    payload: Mapping[str, Any]
    at: datetime
    serial: int = 0
    # The snapshot's JPEG, read (and the reading logged) only where a channel sends it; None: gone.
    snapshot: Callable[[], bytes | None] = field(default=lambda: None, repr=False)


@dataclass(frozen=True, slots=True)
class SendContext:
    """
    What a channel may use: the pooled HTTP client, secrets by name, its time limit and a clock.

    `clock_offset` is the receiver's clock minus ours, as an earlier `Answer` told it.
    """

    client: httpx.Client
    secret: Callable[[str], SecretStr]
    timeout_s: float = 15.0
    forwarding: str = "local"
    clock_offset: timedelta = timedelta(0)
    clock: Clock = field(default_factory=SystemClock)


def machine_url(scheme: str, host: str, port: int) -> str:
    """Write a machine as a URL; an IPv6 address stands in brackets there."""
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def trusting(ca_file: str) -> ssl.SSLContext:
    """
    Return whom a channel trusts: who a file vouches for, or the usual authorities without one.

    Raises
    ------
    ConfigError
        The file cannot be read, or holds no certificates in PEM.
    """
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:  # ssl's are among them
        raise ConfigError(
            Text(
                nl=f"ca_file = {ca_file!r}: geen leesbaar bestand met certificaten in PEM "
                f"({error})",
                en=f"ca_file = {ca_file!r}: no readable file of certificates in PEM ({error})",
            )
        ) from error


class ChannelModule(Protocol):
    """The names that a file of a kind of channel has."""

    Options: type[ChannelOptions]

    def address(self, options: Any) -> str:  # noqa: ANN401  # of the kind's own Options
        """Return the machine it would speak to, as a URL."""

    def send(
        self,
        options: Any,  # noqa: ANN401  # of the kind's own Options
        message: Message,
        context: SendContext,
    ) -> Answer:
        """Make one attempt."""


def module_of(kind: str) -> ChannelModule:
    """
    Return the file that sends over a kind of channel.

    Raises
    ------
    KeyError
        There is none.
    """
    name = f"{PACKAGE}.{kind}"
    if importlib.util.find_spec(name) is None:
        raise KeyError(kind)
    module = importlib.import_module(name)
    if not hasattr(module, "Options"):  # a file that channels share
        raise KeyError(kind)
    return cast("ChannelModule", module)


def options_of(channel: Channel, where: str, receiver_id: str) -> ChannelOptions:
    """
    Read the options of a channel.

    Parameters
    ----------
    channel
        The channel as the site file has it.
    where
        The file, for the message.
    receiver_id
        Whose channel it is, for the message.

    Raises
    ------
    ConfigError
        There is no such kind, or a key is wrong.
    """
    prefix = f"receivers[{receiver_id}].channels[{channel.id}]"
    try:
        module = module_of(channel.kind)
    except KeyError as error:
        right = Text(
            nl="een soort kanaal: webhook, sia_dc09, email, mqtt of apprise",
            en="a kind of channel: webhook, sia_dc09, email, mqtt or apprise",
        )
        raise ConfigError.at(where, f"{prefix}.kind", channel.kind, right) from error
    return check_table(module.Options, channel.options, where, prefix=prefix)


def address_of(channel: Channel, receiver_id: str) -> str:
    """Return the machine that a channel would speak to, as a URL."""
    options = options_of(channel, "", receiver_id)
    return module_of(channel.kind).address(options)


def check_channels(site: Site) -> None:
    """
    Insist that every channel of every receiver is one that can be sent over.

    Raises
    ------
    ConfigError
        The first thing that is wrong.
    """
    for receiver in site.receivers:
        _check_receiver(site, receiver)


def _check_receiver(site: Site, receiver: Receiver) -> None:
    seen: set[str] = set()
    for channel in receiver.ways:
        key = f"receivers[{receiver.id}].channels[{channel.id}]"
        if channel.id in seen:
            right = Text("elke id komt één keer voor", "every id occurs once")
            raise ConfigError.at(str(site.path), f"{key}.id", channel.id, right)
        seen.add(channel.id)
        for name in ("duty", "quiet"):
            calendar = getattr(channel, name)
            if calendar is not None and calendar not in site.armings:
                known = ", ".join(site.armings)
                right = Text(f"een agenda uit armings: {known}", f"a calendar of armings: {known}")
                raise ConfigError.at(str(site.path), f"{key}.{name}", calendar, right)
        options_of(channel, str(site.path), receiver.id)
