"""What Apprise really sends to a real HTTP server, and that its silence about failures is heard."""

import base64
import json
from typing import Any

import pytest
from api_harness import JPEG, answering, receiver_stub
from channel_builders import make_context, make_message

from parkwacht_api.receivers.apprise import Options, address, send
from parkwacht_api.receivers.channel import Answer, Message, SendFailed
from parkwacht_config.errors import ConfigError
from parkwacht_config.validation import check_table

# Apprise loads all its plugins; one asks for a module that is going.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
MACHINE = "http://127.0.0.1/"


def attempt(
    url: str, message: Message | None = None, *, forwarding: str = "local", **options: Any
) -> Answer:
    # Apprise's own `json` service: a plain POST to the machine in the URL.
    given = Options.model_validate({"url_env": "SERVICE", "machine": MACHINE} | options)
    secrets = {"SERVICE": url.replace("http://", "json://")}
    with make_context(secrets=secrets, forwarding=forwarding) as context:
        return send(given, message or make_message(snapshot=JPEG), context)


def test_an_alarm_is_told_in_words() -> None:
    message = make_message(started_at="2026-11-23T22:14:05+00:00", snapshot=JPEG)
    with receiver_stub(answering(200)) as stub:
        assert attempt(stub.url, message).response == "JSON: True"
    told = json.loads(stub.seen[0].body)
    assert told["title"] == "[12] Alarm: persoon, Kruising café"
    assert "Tijd: 2026-11-23 23:14:05 CET" in told["message"]  # 22:14:05 UTC in winter
    assert told["type"] == "warning"
    assert told["attachments"] == []


def test_a_picture_goes_along_where_that_is_said() -> None:
    with receiver_stub(answering(200)) as stub:
        attempt(stub.url, snapshot=True, language="en")
    told = json.loads(stub.seen[0].body)
    assert told["title"] == "[12] Alarm: person, Kruising café"
    (picture,) = told["attachments"]
    assert (picture["filename"], picture["mimetype"]) == ("snapshot.jpg", "image/jpeg")
    assert base64.b64decode(picture["base64"]) == JPEG


@pytest.mark.parametrize(
    ("kind", "note"),
    [
        ("incident.over", "success"), ("incident.cancelled", "success"),
        ("test.alarm", "info"), ("trouble.opened", "warning"),
    ],
)  # fmt: skip
def test_the_kind_is_told_as_a_note(kind: str, note: str) -> None:
    with receiver_stub(answering(200)) as stub:
        attempt(stub.url, make_message(kind))
    assert json.loads(stub.seen[0].body)["type"] == note


@pytest.mark.parametrize("status", [400, 404, 500])
def test_a_failure_is_heard(status: int) -> None:
    with receiver_stub(answering(status)) as stub, pytest.raises(SendFailed, match="did not take"):
        attempt(stub.url)
    assert len(stub.seen) == 1


def test_nobody_there_is_a_failure() -> None:
    with pytest.raises(SendFailed):
        attempt("http://127.0.0.1:9/")


@pytest.mark.parametrize("url", ["nonsense", "nosuch://token@place", "tgram://s3cret"])
def test_a_url_must_be_one_and_is_not_shown(url: str) -> None:
    with pytest.raises(ConfigError, match="SERVICE") as caught:
        attempt(url)
    assert url not in str(caught.value)


# Telegram's URL has a token where others have a host; example.org is elsewhere by any reading.
@pytest.mark.parametrize("url", ["tgram://123456789:" + "A" * 35 + "/12345", "json://example.org/"])
def test_nothing_leaves_the_machine_by_a_wrong_word_for_it(url: str) -> None:
    with pytest.raises(SendFailed, match="another machine"):
        attempt(url)


@pytest.mark.parametrize(
    "change",
    [{"machine": "127.0.0.1"}, {"timezone": "Mars"}, {"language": "de"}, {"url": "json://x"}],
)
def test_options_are_checked(change: dict[str, Any]) -> None:
    given = {"url_env": "X", "machine": MACHINE} | change
    with pytest.raises(ConfigError):
        check_table(Options, given, "site.toml", prefix="channels")
    assert address(Options(url_env="X", machine=MACHINE)) == MACHINE
