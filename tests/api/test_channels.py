"""What the site file may say of channels, and that the examples in the sample park are right."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from api_harness import SITE_PATH, make_receiver, make_site
from channel_builders import make_context, make_message

from parkwacht_api.receivers.channel import address_of, check_channels, module_of, options_of
from parkwacht_config.errors import ConfigError
from parkwacht_config.partners import Channel, Receiver
from parkwacht_config.site import ReceiverRole, Release

KINDS = ["apprise", "email", "mqtt", "sia_dc09", "webhook"]
FOLDER = Path(__file__).parents[2] / "api" / "parkwacht_api" / "receivers"


def examples() -> list[dict[str, Any]]:
    """The channels that stand in the sample park behind "# "."""
    lines = SITE_PATH.read_text(encoding="utf-8").splitlines()
    start = lines.index("# [[receivers.channels]]")
    block = []
    for line in lines[start:]:
        if not line.startswith("#"):
            break
        block.append(line.removeprefix("#").removeprefix(" "))
    found: list[dict[str, Any]] = tomllib.loads("\n".join(block))["receivers"]["channels"]
    return found


@pytest.mark.parametrize("example", examples(), ids=lambda one: str(one["id"]))
def test_the_examples_of_the_sample_park_are_right(example: dict[str, Any]) -> None:
    channel = Channel.model_validate(example)
    options_of(channel, "josink_es.toml", "politie")
    assert "://" in address_of(channel, "politie")


def test_there_is_one_example_of_each_kind() -> None:
    assert sorted(one["kind"] for one in examples()) == KINDS


def test_a_file_with_options_is_a_kind() -> None:
    found = []
    for path in FOLDER.glob("[a-z]*.py"):
        try:
            module_of(path.stem)
        except KeyError:
            continue
        found.append(path.stem)
    assert sorted(found) == KINDS


@pytest.mark.parametrize("content", [None, "no certificate"])
@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("email", {"security": "tls", "sender": "a@b", "recipients": ["c@d"]}),
        ("email", {"security": "starttls", "sender": "a@b", "recipients": ["c@d"]}),
        ("mqtt", {"tls": True}),
        ("sia_dc09", {"tls": True, "account": "1234"}),
    ],
)
def test_a_file_of_certificates_must_be_one(
    tmp_path: Path, kind: str, more: dict[str, Any], content: str | None
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    options = {"host": "127.0.0.1", "port": 9, "ca_file": str(file), **more}
    given = options_of(Channel(id="a", kind=kind, options=options), "josink_es.toml", "politie")
    with make_context() as context, pytest.raises(ConfigError, match=r"ca_file = .*ca\.pem"):
        module_of(kind).send(given, make_message(), context)


def make_channels(*channels: dict[str, Any]) -> Receiver:
    return Receiver(
        id="meldkamer",
        name="Meldkamer",
        role=ReceiverRole.SECURITY_COMPANY,
        release=Release.ON_FLAG,
        channels=tuple(Channel.model_validate(one) for one in channels),
    )


WEBHOOK = {"id": "a", "kind": "webhook", "url": "http://127.0.0.1/", "secret_env": "X"}


@pytest.mark.parametrize(
    ("channels", "said"),
    [
        ([{"id": "a", "kind": "pigeon"}], "a kind of channel"),
        ([{"id": "a", "kind": "words"}], "a kind of channel"),  # a file that channels share
        ([WEBHOOK, WEBHOOK], "every id occurs once"),
        ([{**WEBHOOK, "secret": "hush"}], "secret"),
        ([{**WEBHOOK, "duty": "nobody"}], "a calendar of armings"),
        ([{**WEBHOOK, "quiet": "nobody"}], "a calendar of armings"),
    ],
)
def test_what_is_wrong_is_named(channels: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        check_channels(make_site(make_channels(*channels)))
    assert "hush" not in str(caught.value)


def test_what_is_right_passes() -> None:
    check_channels(make_site(make_channels(WEBHOOK), make_receiver("politie", "http://127.0.0.1/")))
