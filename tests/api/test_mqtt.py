"""What a real broker is told, keeps, and says of us when we are gone."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from api_harness import until
from channel_builders import DELIVERY_ID, make_context, make_message, scripted_peer
from mqtt_broker import listening, require_broker, running_broker
from rtsp_server import free_port
from tls_builders import make_certificate

from parkwacht_api.receivers.channel import Answer, Message, SendFailed
from parkwacht_api.receivers.mqtt import Options, address, send, supervise
from parkwacht_config.errors import ConfigError
from parkwacht_config.validation import check_table

pytestmark = pytest.mark.server("mosquitto")
CAMERA = "parkwacht/cameras/k1_crossing"
CONFIG = "homeassistant/binary_sensor/parkwacht/k1_crossing_alarm/config"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[int]:
    require_broker()
    with running_broker(tmp_path, "allow_anonymous true") as port:
        yield port


def make_options(port: int, **changes: Any) -> Options:
    return Options.model_validate({"host": "127.0.0.1", "port": port, "tls": False} | changes)


def attempt(port: int, message: Message | None = None, **changes: Any) -> Answer:
    with make_context(secrets={"MQTT": "correct horse"}) as context:
        return send(make_options(port, **changes), message or make_message(), context)


def test_an_alarm_is_an_event_and_a_state_that_stays(broker: int) -> None:
    with listening(broker) as live:
        attempt(broker)
        until(lambda: len(live.heard) == 4)
    event = json.loads(live.last("parkwacht/events") or "")
    assert (event["type"], event["kind"]) == ("new", "event.flagged")
    assert event["id"] == str(DELIVERY_ID)
    assert event["data"]["incident"]["number"] == 12
    assert event["text"]["nl"] == "[12] Alarm: persoon, Kruising café"
    assert live.last(f"{CAMERA}/alarm") == "ON"
    # Who comes later hears the state, not the event.
    with listening(broker) as later:
        until(lambda: len(later.heard) == 3)
    assert all(is_retained for _, _, is_retained in later.heard)
    assert later.last("parkwacht/events") is None
    assert later.last(f"{CAMERA}/alarm") == "ON"
    assert json.loads(later.last(f"{CAMERA}/alarm/event") or "")["id"] == str(DELIVERY_ID)


def test_home_assistant_finds_the_sensor(broker: int) -> None:
    # The keys that Home Assistant's MQTT binary sensor asks for (its documentation).
    with listening(broker) as live:
        attempt(broker)
        until(lambda: live.last(CONFIG) is not None)
    assert json.loads(live.last(CONFIG) or "") == {
        "name": "Alarm",
        "unique_id": "parkwacht_k1_crossing_alarm",
        "device_class": "motion",
        "state_topic": f"{CAMERA}/alarm",
        "payload_on": "ON",
        "payload_off": "OFF",
        "json_attributes_topic": f"{CAMERA}/alarm/event",
        "availability_topic": "parkwacht/available",
        "off_delay": 900,
        "device": {
            "identifiers": ["parkwacht_k1_crossing"],
            "name": "Kruising Middenweg",
            "manufacturer": "Parkwacht",
        },
    }


@pytest.mark.parametrize(
    ("kind", "kept_type", "sensor", "state"),
    [
        ("event.flagged", "new", "alarm", "ON"),
        ("incident.updated", "update", "alarm", "ON"),
        ("event.verified", "update", "alarm", "ON"),
        ("incident.over", "end", "alarm", "OFF"),
        ("incident.cancelled", "end", "alarm", "OFF"),
        ("trouble.opened", "new", "trouble_lost", "ON"),
        ("trouble.over", "end", "trouble_lost", "OFF"),
    ],
)
def test_kinds_become_types_and_states(
    broker: int, kind: str, kept_type: str, sensor: str, state: str
) -> None:
    with listening(broker) as live:
        attempt(broker, make_message(kind))
        until(lambda: live.last(f"{CAMERA}/{sensor}") is not None)
    assert json.loads(live.last("parkwacht/events") or "")["type"] == kept_type
    assert live.last(f"{CAMERA}/{sensor}") == state


@pytest.mark.parametrize("data", [{"is_test": True}, {"camera": {"id": "", "name": ""}}])
def test_a_test_and_what_is_of_no_camera_change_no_state(broker: int, data: dict[str, Any]) -> None:
    with listening(broker) as live:
        attempt(
            broker, make_message("test.alarm" if "is_test" in data else "event.flagged", **data)
        )
        attempt(broker, make_message("incident.over"), discovery_prefix=None)
        until(lambda: live.last(f"{CAMERA}/alarm") == "OFF")
    assert [topic for topic, _, _ in live.heard] == [
        "parkwacht/events",
        "parkwacht/events",
        f"{CAMERA}/alarm/event",
        f"{CAMERA}/alarm",
    ]


def test_the_end_of_an_incident_ends_the_alarm_of_all_its_cameras(broker: int) -> None:
    other: dict[str, Any] = {"camera": {"id": "k2", "name": "Poort"}}
    later: dict[str, Any] = {"incident": {"id": "another", "number": 13}}
    with listening(broker) as live:
        attempt(broker, make_message())
        attempt(broker, make_message("incident.updated", **other))
        attempt(broker, make_message(camera={"id": "k3", "name": "Hek"}, **later))
        attempt(broker, make_message("incident.over", **other))
        until(lambda: live.last(f"{CAMERA}/alarm") == "OFF")
        until(lambda: live.last("parkwacht/cameras/k2/alarm") == "OFF")
    assert live.last("parkwacht/cameras/k3/alarm") == "ON"  # an incident of its own
    assert json.loads(live.last(f"{CAMERA}/alarm/event") or "")["type"] == "end"


def test_a_later_alarm_of_a_camera_outlives_the_end_of_an_earlier_one(broker: int) -> None:
    later: dict[str, Any] = {"incident": {"id": "another", "number": 13}}
    with listening(broker) as live:
        attempt(broker, make_message())
        attempt(broker, make_message(**later))
        attempt(broker, make_message("incident.over"))
        until(lambda: len([one for one in live.heard if one[0] == "parkwacht/events"]) == 3)
        attempt(broker, make_message("incident.over", **later))
        until(lambda: live.last(f"{CAMERA}/alarm") == "OFF")
    states = [text for topic, text, _ in live.heard if topic == f"{CAMERA}/alarm"]
    assert states == ["ON", "ON", "OFF"]


def test_an_end_comes_through_where_nothing_may_be_read(tmp_path: Path) -> None:
    require_broker()
    rights = tmp_path / "rights"
    rights.write_text("topic write parkwacht/#\ntopic write homeassistant/#\n")
    with running_broker(tmp_path, "allow_anonymous true", f"acl_file {rights}") as port:
        assert attempt(port, make_message("incident.over")).response != ""


def test_a_name_is_one_level_of_a_topic(broker: int) -> None:
    with listening(broker) as live:
        attempt(broker, make_message(camera={"id": "a/#/+/b", "name": "x"}), prefix="park/es")
        until(lambda: live.last("park/es/cameras/a_____b/alarm") == "ON")


def test_the_broker_says_offline_when_we_no_longer_come(broker: int) -> None:
    options = make_options(broker, offline_after_s=1)
    with listening(broker) as live, make_context() as context:
        supervise(options, context)
        until(lambda: live.last("parkwacht/available") == "online")
        until(lambda: live.last("parkwacht/available") == "offline", within_s=10)
    assert [text for _, text, _ in live.heard] == ["online", "offline"]
    with listening(broker) as later:
        until(lambda: later.heard == [("parkwacht/available", "offline", True)])


def test_who_comes_again_in_time_stays_online(broker: int) -> None:
    with listening(broker) as live, make_context() as context:
        for _ in range(3):
            supervise(make_options(broker, offline_after_s=60), context)
            attempt(broker)
        until(lambda: live.last(f"{CAMERA}/alarm") is not None)
    said = [text for topic, text, _ in live.heard if topic == "parkwacht/available"]
    assert set(said) == {"online"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "ConnectionRefusedError"),
        ({"host": "x" * 70}, "UnicodeError|gaierror"),
    ],
)
def test_a_broker_that_is_not_there_is_a_failure(change: dict[str, Any], said: str) -> None:
    with pytest.raises(SendFailed, match=said):
        attempt(free_port(), **change)


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad\r\n\r\n", b"", None])
def test_what_is_no_broker_is_a_failure(answer: bytes | None) -> None:
    with (
        scripted_peer(lambda *_: answer) as (port, _),
        make_context(timeout_s=0.5) as context,
        pytest.raises(SendFailed, match="CONNACK"),
    ):
        send(make_options(port), make_message(), context)


# paho leaves the socket of a refused TLS connection to the collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("is_right", [True, False])
def test_login_goes_over_tls_to_whom_the_certificate_names(tmp_path: Path, is_right: bool) -> None:
    require_broker()
    make_certificate(tmp_path, "localhost" if is_right else "other.example")
    server = tmp_path / "server.pem"
    passwords = tmp_path / "passwords"
    subprocess.run(
        ["mosquitto_passwd", "-b", "-c", passwords, "park", "correct horse"],
        check=True,
        capture_output=True,
    )
    lines = (f"certfile {server}", f"keyfile {server}", f"password_file {passwords}")
    options: dict[str, Any] = {
        "host": "localhost", "tls": True, "ca_file": str(tmp_path / "trusted.pem"),
        "username": "park", "password_env": "MQTT",
    }  # fmt: skip
    with running_broker(tmp_path, *lines) as port:
        if is_right:
            assert attempt(port, **options).response == "acknowledged by the broker"
            with pytest.raises(SendFailed, match=r"(?i)not authori[sz]ed|bad user"):
                attempt(port, **options | {"username": "someone"})
        else:
            with pytest.raises(SendFailed, match="CERTIFICATE_VERIFY_FAILED"):
                attempt(port, **options)


def test_a_topic_that_we_may_not_write_is_a_failure(tmp_path: Path) -> None:
    require_broker()
    rights = tmp_path / "rights"
    rights.write_text("topic write parkwacht/events\n")
    with (
        running_broker(tmp_path, "allow_anonymous true", f"acl_file {rights}") as port,
        pytest.raises(SendFailed, match=r"homeassistant.*Not authorized"),
    ):
        attempt(port)


@pytest.mark.parametrize(
    "change",
    [{"prefix": "a/#"}, {"prefix": "/a"}, {"tls": False, "password_env": "X"}, {"qos": 0}],
)
def test_options_are_checked(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        check_table(Options, {"host": "broker.example"} | change, "site.toml", prefix="channels")


def test_the_broker_may_be_told_apart() -> None:
    assert address(make_options(1883)) == "mqtt://127.0.0.1:1883"
    assert address(make_options(8883, tls=True, host="::1")) == "mqtts://[::1]:8883"
