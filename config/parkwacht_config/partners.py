"""
Who is told of an alarm, and over which channels: one receiver is a partner with one or more.

What a channel of a kind needs is known by the file that sends over it
(`parkwacht_api.receivers.<kind>`); here stands only what all have.
"""

from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from parkwacht_config.kinds import Frozen, Id, Severity

SecretName = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]


class ReceiverRole(StrEnum):
    """Who a receiver is."""

    SECURITY_COMPANY = "security_company"
    POLICE = "police"
    OTHER = "other"


class Release(StrEnum):
    """When an event is released to a receiver (design/forwarding.md, section 3)."""

    ON_FLAG = "on_flag"
    ON_VERIFIED = "on_verified"
    ON_REQUEST = "on_request"


class Channel(Frozen):
    """
    One way to a partner: a machine's address or a person's.

    `kind` names the file that sends over it; the keys that only this kind knows are its `options`.
    `duty` is the calendar (`armings`) of the contact behind it: outside it the channel is passed
    over, unless none is on duty. `quiet` is a calendar in which troubles of low severity wait;
    alarms never do.
    """

    id: Id
    kind: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")]
    contact: str = ""
    duty: Id | None = None
    quiet: Id | None = None
    options: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _gather_options(cls, table: Any) -> Any:  # noqa: ANN401  # whatever the file holds
        if not isinstance(table, dict):
            return table
        own = {name: value for name, value in table.items() if name in cls.model_fields}
        rest = {name: value for name, value in table.items() if name not in cls.model_fields}
        return {**own, "options": {**own.get("options", {}), **rest}} if rest else own


class Receiver(Frozen):
    """
    A partner that alarms are forwarded to.

    `url` and `secret_env` are short for one webhook; `channels` are tried in their order, the next
    where one fails or where nobody acknowledges within `acknowledge_within_s`.
    """

    id: Id
    name: str
    role: ReceiverRole
    release: Release
    channel: Annotated[str, Field(pattern=r"^webhook$")] = "webhook"
    url: Annotated[str, Field(pattern=r"^https?://")] = ""
    secret_env: SecretName = ""
    channels: tuple[Channel, ...] = ()
    acknowledge_within_s: Annotated[float, Field(ge=10, le=86_400)] | None = None
    min_severity: Severity = Severity.LOW
    takes_troubles: bool = False

    @model_validator(mode="after")
    def _has_a_channel(self) -> Self:
        if not self.channels and not (self.url and self.secret_env):
            message = "give url and secret_env, or channels"
            raise ValueError(message)
        return self

    @property
    def ways(self) -> tuple[Channel, ...]:
        """Every channel to this partner, the first to be tried first."""
        if not self.url:
            return self.channels
        options = {"url": self.url, "secret_env": self.secret_env}
        return (Channel(id="webhook", kind="webhook", options=options), *self.channels)

    def way(self, channel_id: str) -> Channel | None:
        """Return the channel of this id, or None."""
        return next((one for one in self.ways if one.id == channel_id), None)


class Alarms(Frozen):
    """
    When events are one incident: near each other in time, and in place or in their zone.

    An incident is over where nothing was seen for `over_after_s`; events within it are merged and
    counted, never dropped.
    """

    merge_within_s: Annotated[float, Field(ge=0, le=3600)] = 120.0
    merge_within_m: Annotated[float, Field(ge=0, le=500)] = 60.0
    over_after_s: Annotated[float, Field(ge=10, le=3600)] = 180.0
    test_at: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] | None = None
