"""
One attempt by MQTT 5: what happened, and the state of each camera, on a broker.

`<prefix>/events` gets every delivery as `new`, `update` or `end`; `<prefix>/cameras/<id>/...` keeps
the state (retained), with Home Assistant's discovery beside it, so that the sensors appear by
themselves. A message counts as taken when the broker has acknowledged it (QoS 1).

Each attempt has a connection of its own. `<prefix>/available` is kept by supervision: it says
`online` and leaves a last will that the broker publishes `offline_after_s` later, unless
supervision comes again before that. So it turns `offline` when this service dies.
"""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal, NoReturn, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from pydantic import Field, model_validator

from parkwacht_api.receivers.channel import (
    Answer,
    ChannelOptions,
    Message,
    SendContext,
    SendFailed,
    machine_url,
    trusting,
)
from parkwacht_api.receivers.words import Facts, facts_of, headline
from parkwacht_config.text import Text

Topic = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$")]
WITH_WILL = 4  # reason code of a disconnect that leaves the will in force
KEEPALIVE_S = 30
ECHO_S = 2.0  # how long our own event may take to come back
ON, OFF = "ON", "OFF"
TYPES: dict[str, Literal["new", "update", "end"]] = {
    "incident.updated": "update",
    "event.verified": "update",
    "incident.over": "end",
    "incident.cancelled": "end",
    "trouble.over": "end",
}


class Options(ChannelOptions):
    """The broker, how to enter it, and where on it we speak."""

    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9.:_-]+$")]
    port: Annotated[int, Field(ge=1, le=65_535)] = 8883
    tls: bool = True
    ca_file: str = ""
    username: str = ""
    password_env: Annotated[str, Field(pattern=r"^([A-Z][A-Z0-9_]*)?$")] = ""
    prefix: Topic = "parkwacht"
    discovery_prefix: Topic | None = "homeassistant"
    offline_after_s: Annotated[int, Field(ge=1, le=3600)] = 90
    # After this an alarm goes off by itself, should its end never come.
    alarm_for_s: Annotated[int, Field(ge=10, le=86_400)] = 900

    @model_validator(mode="after")
    def _keeps_the_password(self) -> Self:
        if self.password_env and not self.tls and self.host not in {"localhost", "127.0.0.1"}:
            message = "a password goes over tls only"
            raise ValueError(message)
        return self


def address(options: Options) -> str:
    """Return the broker."""
    return machine_url("mqtts" if options.tls else "mqtt", options.host, options.port)


def send(options: Options, message: Message, context: SendContext) -> Answer:
    """
    Make one attempt.

    Raises
    ------
    SendFailed
        No broker, one that does not let us in, or one that did not acknowledge everything.
    ConfigError
        The password is missing.
    """
    facts = facts_of(message.payload)
    event = _event(message, facts)
    text = json.dumps(event, ensure_ascii=False)
    events, kept = f"{options.prefix}/events", f"{options.prefix}/cameras/+/alarm/event"
    is_reading = event["type"] == "end" and not facts.kind.startswith("trouble.")
    line = _Line(options, context, f"parkwacht-{message.delivery_id.hex[:16]}")
    with line.opened():
        if is_reading:
            line.listen(kept, events)
        line.publish(events, text, retain=False)
        # What was kept comes before our own event comes back.
        heard = line.heard_before(events, str(event["id"])) if is_reading else []
        for topic, value in _states(options, facts, text, _ended(options, facts, heard)):
            expiry_s = options.alarm_for_s if value == ON and topic.endswith("/alarm") else None
            line.publish(topic, value, retain=True, expiry_s=expiry_s)
    return Answer(None, "acknowledged by the broker")


def supervise(options: Options, context: SendContext) -> Answer:
    """
    Say that this service lives, and leave the will that says otherwise.

    Raises
    ------
    SendFailed
        No broker, or one that does not let us in or did not acknowledge.
    ConfigError
        The password is missing.
    """
    topic = f"{options.prefix}/available"
    line = _Line(options, context, f"parkwacht-{options.prefix.replace('/', '-')}", will=topic)
    with line.opened():
        line.publish(topic, "online", retain=True)
    return Answer(None, "acknowledged by the broker")


def _event(message: Message, facts: Facts) -> dict[str, Any]:
    text = headline(facts)
    return {
        **message.payload,
        "type": TYPES.get(facts.kind, "new"),
        "kind": facts.kind,
        "id": str(message.delivery_id),
        "text": {"nl": text.nl, "en": text.en},
    }


def _sensor(options: Options, facts: Facts) -> str:
    """Return the topic of the state that a delivery changes; empty where it changes none."""
    if not facts.camera_id or facts.is_test:
        return ""
    is_trouble = facts.kind.startswith("trouble.")
    sensor = f"trouble_{_level(facts.cause)}" if is_trouble else "alarm"
    return f"{options.prefix}/cameras/{_level(facts.camera_id)}/{sensor}"


def _ended(options: Options, facts: Facts, heard: list[tuple[str, str]]) -> list[str]:
    """
    Return the topics of the states that end with a delivery.

    An incident may have been seen by more cameras than the one it names, and that one may by now
    have a later alarm: what the broker keeps of each camera says whose alarm it is.
    """
    own = _sensor(options, facts)
    if TYPES.get(facts.kind) != "end" or not own:
        return []
    whose = {topic.removesuffix("/event"): _incident_of(text) for topic, text in heard}
    ended = [topic for topic, incident_id in whose.items() if incident_id == facts.incident_id]
    return ended if own in whose else [*ended, own]


def _incident_of(text: str) -> str:
    try:
        return facts_of(json.loads(text)).incident_id
    except (ValueError, AttributeError, TypeError):
        return ""  # somebody else writes there


def _states(
    options: Options, facts: Facts, text: str, ended: list[str]
) -> Iterator[tuple[str, str]]:
    """Yield topics and what is kept there; the state last, so that it is the newest."""
    own = _sensor(options, facts)
    if own and options.discovery_prefix:
        *_, camera, sensor = own.split("/")
        node = _level(options.prefix)
        topic = f"{options.discovery_prefix}/binary_sensor/{node}/{camera}_{sensor}/config"
        yield topic, json.dumps(_discovery(options, facts, own))
    is_end = TYPES.get(facts.kind) == "end"
    for topic in ended if is_end else filter(None, [own]):
        yield f"{topic}/event", text
        yield topic, OFF if is_end else ON


def _level(name: str) -> str:
    """Return a name as one level of a topic: no slash, no wildcard."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name) or "_"


def _discovery(options: Options, facts: Facts, topic: str) -> dict[str, Any]:
    node = f"{_level(options.prefix)}_{_level(facts.camera_id)}"
    sensor = topic.rpartition("/")[2]
    is_alarm = sensor == "alarm"
    found: dict[str, Any] = {
        "name": "Alarm" if is_alarm else f"Storing {facts.cause}",
        "unique_id": f"{node}_{sensor}",
        "device_class": "motion" if is_alarm else "problem",
        "state_topic": topic,
        "payload_on": ON,
        "payload_off": OFF,
        "json_attributes_topic": f"{topic}/event",
        "availability_topic": f"{options.prefix}/available",
        "device": {"identifiers": [node], "name": facts.camera, "manufacturer": "Parkwacht"},
    }
    return found | ({"off_delay": options.alarm_for_s} if is_alarm else {})


class _Line:
    """One connection to the broker; every wait ends at the attempt's time limit."""

    def __init__(
        self, options: Options, context: SendContext, client_id: str, *, will: str = ""
    ) -> None:
        self._options = options
        self._end_s = time.monotonic() + context.timeout_s
        self._will = will
        self._is_up = threading.Event()
        self._refusal = ""
        self._acknowledged: dict[int, ReasonCode] = {}
        self._heard: list[tuple[str, str]] = []
        self._came = threading.Condition()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id, protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.connect_timeout = context.timeout_s
        self._client.on_connect = self._on_connect
        self._client.on_publish = self._on_publish
        self._client.on_message = self._on_message
        if options.username:
            name = options.password_env
            password = context.secret(name).get_secret_value() if name else None
            self._client.username_pw_set(options.username, password)

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _more: Any) -> None:  # noqa: ANN401  # paho's
        self._refusal = str(reason) if reason.is_failure else ""
        self._is_up.set()

    def _on_publish(self, _client: Any, _data: Any, mid: int, reason: Any, _more: Any) -> None:  # noqa: ANN401  # paho's
        with self._came:
            self._acknowledged[mid] = reason
            self._came.notify_all()

    def _on_message(self, _client: Any, _data: Any, message: Any) -> None:  # noqa: ANN401  # paho's
        with self._came:
            self._heard.append((message.topic, message.payload.decode("utf-8", "replace")))
            self._came.notify_all()

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Connect, and leave again."""
        lives = None
        if self._will:
            wait_s = self._options.offline_after_s
            wait = _properties(PacketTypes.WILLMESSAGE, WillDelayInterval=wait_s)
            lives = _properties(PacketTypes.CONNECT, SessionExpiryInterval=wait_s + KEEPALIVE_S)
            self._client.will_set(self._will, "offline", 1, retain=True, properties=wait)
        is_new = not self._will  # a will that waits belongs to its session
        try:
            if self._options.tls:
                self._client.tls_set_context(trusting(self._options.ca_file))
            self._client.connect(
                self._options.host,
                self._options.port,
                KEEPALIVE_S,
                clean_start=is_new,
                properties=lives,
            )
        except (OSError, ValueError) as error:
            _fail(f"{type(error).__name__}: {error}", error)
        self._client.loop_start()
        try:
            if not self._is_up.wait(self._left_s()):
                _fail("no CONNACK")
            if self._refusal:
                _fail(self._refusal)
            yield
        finally:
            reason = ReasonCode(PacketTypes.DISCONNECT, identifier=WITH_WILL if self._will else 0)
            self._client.disconnect(reason)
            self._client.loop_stop()

    def _left_s(self) -> float:
        return max(0.01, self._end_s - time.monotonic())

    def listen(self, *topics: str) -> None:
        """Ask for what is on these topics; where that is refused, nothing is heard."""
        self._client.subscribe([(topic, 1) for topic in topics])

    def heard_before(self, topic: str, mark: str) -> list[tuple[str, str]]:
        """Return what was heard on other topics until a message with the mark came on this one."""

        def is_back() -> bool:
            return any(name == topic and mark in text for name, text in self._heard)

        with self._came:
            self._came.wait_for(is_back, min(ECHO_S, self._left_s()))
            return [(name, text) for name, text in self._heard if name != topic]

    def publish(self, topic: str, value: str, *, retain: bool, expiry_s: int | None = None) -> None:
        """Publish, and wait until the broker has acknowledged it."""
        expiry = {} if expiry_s is None else {"MessageExpiryInterval": expiry_s}
        more = _properties(PacketTypes.PUBLISH, **expiry)
        told = self._client.publish(topic, value, 1, retain=retain, properties=more)
        with self._came:
            self._came.wait_for(lambda: told.mid in self._acknowledged, self._left_s())
            reason = self._acknowledged.get(told.mid)
        if reason is None:
            _fail(f"no PUBACK for {topic}")
        if reason.is_failure:
            _fail(f"{topic}: {reason}")


def _fail(reason: str, cause: BaseException | None = None) -> NoReturn:
    raise SendFailed(
        Text(
            nl=f"de broker neemt het niet aan ({reason})",
            en=f"the broker does not take it ({reason})",
        )
    ) from cause


def _properties(packet: int, **values: int) -> Properties:
    properties = Properties(packet)  # type: ignore[no-untyped-call]
    for name, value in values.items():
        setattr(properties, name, value)
    return properties
