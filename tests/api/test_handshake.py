"""
The handshake of CloudEvents' web hooks, with receivers on real sockets.

What they answer is worked out by hand from the web hook specification of CloudEvents 1.0.2, section
4: permission is WebHook-Allowed-Origin with our name or `*`, whatever the status; no permission, no
event; and each event then carries WebHook-Request-Origin.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from api_harness import SECRET, make_receiver, make_site
from channel_builders import make_context, make_message, scripted_peer
from cloudevents_peer import azure_peer, require_azure

from parkwacht_api.check import Level, _check_channel
from parkwacht_api.receivers import handshake
from parkwacht_api.receivers.channel import SendContext, SendFailed, SendRefused
from parkwacht_api.receivers.webhook import Options, send, supervise
from parkwacht_config.settings import Settings
from parkwacht_config.site import Channel

ORIGIN = "alarms.park.example"


class Target:
    """A receiver that gives permission as it is told, and what it was sent."""

    def __init__(self, allowed: str | None, status: int = 200) -> None:
        self.allowed, self.status = allowed, status
        self.port, self.told, self.waits_s = 0, list[bytes](), 0.0

    def answer(self, told: bytes, _n: int) -> bytes:
        """Answer one request."""
        self.told.append(told)
        time.sleep(self.waits_s)
        if not told.startswith(b"OPTIONS "):
            return b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n"
        more = "" if self.allowed is None else f"WebHook-Allowed-Origin: {self.allowed}\r\n"
        rate = "" if self.allowed is None else "WebHook-Allowed-Rate: *\r\n"
        head = f"HTTP/1.1 {self.status} X\r\nallow: POST\r\nconnection: close\r\n{more}{rate}"
        return f"{head}content-length: 0\r\n\r\n".encode()

    @property
    def methods(self) -> list[str]:
        """What was asked of it, in order."""
        return [one.split(b" ")[0].decode() for one in self.told]

    def options(self, **changes: Any) -> Options:
        """Options of a channel that leads here."""
        given = {"secret_env": "S", "body": "cloudevents", "origin": ORIGIN} | changes
        # A path of its own: a port may come back in another test, with its permission.
        return Options(url=f"http://127.0.0.1:{self.port}/{uuid4().hex}", **given)


@contextmanager
def target(allowed: str | None, status: int = 200) -> Iterator[tuple[Target, SendContext]]:
    receiver = Target(allowed, status)
    with (
        scripted_peer(receiver.answer) as (port, _),
        make_context(secrets={"S": SECRET}) as context,
    ):
        receiver.port = port
        yield receiver, context


@pytest.mark.parametrize("body", ["cloudevents", "cloudevents-binary"])
@pytest.mark.parametrize("allowed", [ORIGIN, "*", ORIGIN.upper()])
def test_permission_is_asked_once_and_then_events_carry_the_name(allowed: str, body: Any) -> None:
    with target(allowed) as (receiver, context):
        options = receiver.options(body=body)
        for _ in range(2):
            assert send(options, make_message(), context).http_status == 204
    assert receiver.methods == ["OPTIONS", "POST", "POST"]
    name = f"webhook-request-origin: {ORIGIN}\r\n".encode()
    assert all(name in one.lower() for one in receiver.told)


def test_a_permission_is_asked_for_again_when_its_hour_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(handshake, "GRANTED_FOR_S", 0.0)
    with target("*") as (receiver, context):
        options = receiver.options()
        for _ in range(2):
            send(options, make_message(), context)
    assert receiver.methods == ["OPTIONS", "POST"] * 2


@pytest.mark.parametrize("allowed", [None, "other.example"])
@pytest.mark.parametrize("status", [200, 204, 405, 500])
def test_nothing_is_sent_without_permission(allowed: str | None, status: int) -> None:
    with target(allowed, status) as (receiver, context):
        options = receiver.options()
        for _ in range(2):
            with pytest.raises(SendFailed, match=rf"does not permit alarms\.park.*{status}"):
                send(options, make_message(), context)
        receiver.allowed = "*"  # the administrator has seen it
        assert send(options, make_message(), context).http_status == 204
    assert receiver.methods == ["OPTIONS", "OPTIONS", "OPTIONS", "POST"]


def test_a_permission_counts_whatever_the_status() -> None:
    with target(ORIGIN, 405) as (receiver, context):
        assert send(receiver.options(), make_message(), context).http_status == 204


def test_gone_is_for_good() -> None:
    with target(None, 410) as (receiver, context), pytest.raises(SendRefused):
        send(receiver.options(), make_message(), context)


def test_the_handshake_and_the_event_have_the_time_of_one_attempt() -> None:
    with target("*") as (receiver, context):
        receiver.waits_s = 0.3  # each is in time, both are not
        with pytest.raises(SendFailed, match=r"took too long|timed out"):
            send(receiver.options(), make_message(), replace(context, timeout_s=0.5))


@pytest.mark.parametrize("changes", [{"handshake": False}, {"body": "json"}])
def test_who_needs_no_permission_is_not_asked(changes: dict[str, Any]) -> None:
    with target(None) as (receiver, context):
        send(receiver.options(**changes), make_message(), context)
    assert receiver.methods == ["POST"]
    assert b"webhook-request-origin" not in receiver.told[0].lower()


def test_supervision_asks_before_the_first_alarm() -> None:
    with target(ORIGIN) as (receiver, context):
        options = receiver.options()
        assert supervise(options, context).http_status == 200
        send(options, make_message(), context)
    assert receiver.methods == ["OPTIONS", "POST"]
    with target(None) as (receiver, context), pytest.raises(SendFailed):
        supervise(receiver.options(), context)


@pytest.fixture(scope="session")
def node_home(request: pytest.FixtureRequest) -> Path:
    return require_azure(request)


@pytest.mark.server("npm")
@pytest.mark.parametrize("allowed", [(ORIGIN,), ("other.example", ORIGIN)])
def test_azures_middleware_permits_us(node_home: Path, allowed: tuple[str, ...]) -> None:
    with (
        azure_peer(node_home, *allowed) as (url, seen),
        make_context(secrets={"S": SECRET}, timeout_s=10) as context,
    ):
        options = Options(url=url, secret_env="S", body="cloudevents-binary", origin=ORIGIN)
        assert send(options, make_message(), context).http_status == 204
    assert [one["webhook-request-origin"] for one in seen] == [ORIGIN]


@pytest.mark.server("npm")
def test_azures_middleware_permits_no_other(node_home: Path) -> None:
    with azure_peer(node_home, "other.example") as (url, seen), make_context() as context:
        options = Options(url=url, secret_env="S", body="cloudevents", origin=ORIGIN)
        with pytest.raises(SendFailed, match="does not permit"):
            supervise(options, context)
    assert seen == []


@pytest.mark.parametrize(("allowed", "level"), [(ORIGIN, Level.OK), (None, Level.WARNING)])
def test_check_asks_for_permission(
    tmp_path: Path, allowed: str | None, level: Level, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARKWACHT_SECRET_MELDKAMER", SECRET)
    with target(allowed) as (receiver, _):
        url = f"http://127.0.0.1:{receiver.port}/{uuid4().hex}"
        table = {"secret_env": "PARKWACHT_SECRET_MELDKAMER", "body": "cloudevents"}
        channel = Channel(id="a", kind="webhook", options={"url": url, "origin": ORIGIN, **table})
        partner = make_receiver("meldkamer", url).model_copy(update={"channels": (channel,)})
        site = make_site(partner)
        found = _check_channel(site.receivers[0], channel, Settings(state_dir=tmp_path))
    assert found.level is level
    assert (allowed is None) == ("does not permit" in found.found.en)
    assert [one for one in receiver.methods if one] == ["OPTIONS"]
