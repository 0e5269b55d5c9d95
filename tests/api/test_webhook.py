"""What a receiver is sent by webhook, and what its answer means, also where it drips."""

import base64
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from api_harness import SECRET, answering, receiver_stub
from channel_builders import DELIVERY_ID, make_context, make_message, scripted_peer
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from webhook_attempts import NOW, attempt

from parkwacht_api.partner import is_genuine
from parkwacht_api.receivers.channel import SendFailed, SendRefused
from parkwacht_api.receivers.http_client import within
from parkwacht_api.receivers.signing import sign
from parkwacht_api.receivers.webhook import (
    Options,
    address,
    retry_after_s,
    send,
    supervise,
)
from parkwacht_config.errors import ConfigError


def headers_of(message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(SecretStr(SECRET), message_id, timestamp, body),
    }


@given(st.dictionaries(st.text(), st.text()))
def test_the_reference_package_accepts_what_we_sign(payload: dict[str, str]) -> None:
    body = json.dumps(payload, ensure_ascii=False).encode("utf-8", "surrogatepass")
    now = datetime.now(UTC)
    headers = headers_of(str(uuid4()), int(now.timestamp()), body)
    assert is_genuine(SECRET, headers, body, now_s=now.timestamp())
    Webhook(SECRET).verify(body.decode("utf-8", "surrogatepass"), headers)


def test_our_receiver_accepts_what_the_reference_package_signs() -> None:
    now = datetime.now(UTC)
    signature = Webhook(SECRET).sign("msg_1", now, '{"a":1}')
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": f"v1a,abcd v1,AAAA {signature}",
    }
    assert is_genuine(SECRET, headers, b'{"a":1}', now_s=now.timestamp())


@pytest.mark.parametrize("case", ["body", "id", "old", "future", "time", "signature", "version"])
def test_what_was_tampered_with_is_refused(case: str) -> None:
    now = datetime.now(UTC)
    at = {"old": now - timedelta(minutes=6), "future": now + timedelta(minutes=6)}.get(case, now)
    body, headers = b'{"a":1}', headers_of("msg_1", int(at.timestamp()), b'{"a":1}')
    if case == "body":
        body = b'{"a":2}'
    headers |= {
        "id": {"webhook-id": "msg_2"},
        "time": {"webhook-timestamp": "soon"},
        "signature": {"webhook-signature": "v1,AAAA"},
        "version": {"webhook-signature": headers["webhook-signature"].replace("v1,", "v2,")},
    }.get(case, {})
    assert not is_genuine(SECRET, headers, body, now_s=now.timestamp())
    with pytest.raises((WebhookVerificationError, TypeError)):
        Webhook(SECRET).verify(body, headers)


def test_a_signature_of_odd_characters_is_refused() -> None:
    headers = headers_of("msg_1", 0, b"{}") | {"webhook-signature": "v1 v1,\u00e9 ,"}
    assert not is_genuine(SECRET, headers, b"{}", now_s=0)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", "x" * 44, "whsec_!!!"])
def test_a_secret_must_be_one(secret: str) -> None:
    with pytest.raises(ConfigError) as caught:
        sign(SecretStr(secret), "msg_1", 0, b"{}")
    assert "!!!" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("Tue, 24 Nov 2026 01:00:30 GMT", 30.0),
        ("Tue, 24 Nov 2026 00:00:00 GMT", 0.0),
        ("", None),
        ("later", None),
        ("-3", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    assert retry_after_s(value, NOW) == seconds


@pytest.mark.parametrize("status", [200, 202, 204])
def test_only_2xx_is_success(status: int) -> None:
    with receiver_stub(answering(status)) as stub:
        assert attempt(stub.url).http_status == status
    assert json.loads(stub.seen[0].body) == {"type": "x", "e": "é"}
    assert stub.seen[0].headers["webhook-timestamp"] == str(int(NOW.timestamp()))


@pytest.mark.parametrize("status", [302, 307, 400, 404, 429, 500, 503])
def test_everything_else_is_a_failure(status: int) -> None:
    stub_answers = receiver_stub(answering(status, retry_after="9"))
    with stub_answers as stub, pytest.raises(SendFailed) as caught:
        attempt(stub.url)
    assert caught.value.answer is not None
    assert caught.value.answer.http_status == status
    assert caught.value.answer.retry_after_s == 9.0
    assert caught.value.answer.response == "said so"


def test_a_redirect_is_not_followed() -> None:
    with (
        receiver_stub() as other,
        receiver_stub(answering(307, location=other.url)) as stub,
        pytest.raises(SendFailed, match="307"),
    ):
        attempt(stub.url)
    assert other.seen == []


def test_gone_is_for_good() -> None:
    with receiver_stub(answering(410)) as stub, pytest.raises(SendRefused):
        attempt(stub.url)


def test_nobody_there_is_a_failure_without_an_answer() -> None:
    with pytest.raises(SendFailed, match="no answer") as caught:
        attempt("http://127.0.0.1:9/")
    assert caught.value.answer is None


def test_a_long_answer_is_cut() -> None:
    def chatty(_n: int) -> tuple[int, dict[str, str], bytes]:
        return 500, {}, b"\x00" + b"y" * 100_000

    with receiver_stub(chatty) as stub, pytest.raises(SendFailed) as caught:
        attempt(stub.url)
    assert caught.value.answer is not None
    assert len(caught.value.answer.response) == 2048
    assert "\x00" not in caught.value.answer.response


def test_an_answer_that_breaks_off_is_still_an_answer() -> None:
    half = b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nthank"
    with scripted_peer(lambda _told, _n: half) as (port, _seen):
        answer = attempt(f"http://127.0.0.1:{port}/")
    assert answer.http_status == 200  # it was taken: sent again, it would come twice


@contextmanager
def dripping(first: bytes, drop: bytes) -> Iterator[str]:
    """A server that answers at once with some bytes and then drips until the other side leaves."""

    def drip() -> None:
        line, _ = server.accept()
        with line, suppress(OSError):  # the other side leaves
            line.recv(65_536)
            line.sendall(first)
            for _ in range(1500):  # 30 s: whoever waits for the end fails by its length
                line.sendall(drop)
                time.sleep(0.02)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        thread.join()


def test_an_answer_that_drips_is_an_answer_and_holds_no_place_for_hours() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n"
    with dripping(head, b"x") as url:
        answer = attempt(url, timeout_s=1.0)
    assert answer.http_status == 200
    # 1 s at 50 bytes a second is about 50; a limit per read would have let 1,500 in.
    assert 0 < len(answer.response) < 500


@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\nx-long: "])
def test_a_head_that_drips_ends_with_the_attempt(first: bytes) -> None:
    with dripping(first, b"H") as url, pytest.raises(SendFailed, match=r"took too long|timed out"):
        attempt(url, timeout_s=0.4)


def test_a_connection_that_is_used_again_has_its_own_time() -> None:
    with (
        receiver_stub(answering(204)) as stub,
        make_context(secrets={"S": SECRET}, timeout_s=0.3) as context,
    ):
        options = Options(url=stub.url, secret_env="S")
        assert send(options, make_message(), context).http_status == 204
        time.sleep(0.4)  # the time of the first call is over
        assert send(options, make_message(), context).http_status == 204


def test_a_call_within_a_call_takes_no_longer_than_the_outer() -> None:
    with receiver_stub(answering(204)) as stub, make_context() as context:
        with within(0), within(60), pytest.raises(httpx.ConnectTimeout, match="took too long"):
            context.client.get(stub.url)
        context.client.post(stub.url)  # and what comes after it is free again
    assert len(stub.seen) == 1


def make_key_pair() -> tuple[Ed25519PrivateKey, bytes]:
    key = Ed25519PrivateKey.generate()
    return key, key.private_bytes_raw()


@pytest.mark.parametrize("has_public_half", [False, True])
def test_a_key_pair_signs_as_v1a(has_public_half: bool) -> None:
    key, seed = make_key_pair()
    raw = seed + (key.public_key().public_bytes_raw() if has_public_half else b"")
    with receiver_stub(answering(204)) as stub:
        attempt(stub.url, secrets={"SECRET": "whsk_" + base64.b64encode(raw).decode()})
    seen = stub.seen[0]
    version, _, signature = seen.headers["webhook-signature"].partition(",")
    # Standard Webhooks 1.0: ed25519 over id.timestamp.body; `verify` raises where it is not.
    signed = f"{DELIVERY_ID}.{int(NOW.timestamp())}.".encode() + seen.body
    key.public_key().verify(base64.b64decode(signature), signed)
    assert version == "v1a"


@pytest.mark.parametrize("raw", [b"", b"x" * 31, b"x" * 64])
def test_a_private_key_must_be_one(raw: bytes) -> None:
    with pytest.raises(ConfigError):
        sign(SecretStr("whsk_" + base64.b64encode(raw).decode()), "m", 0, b"")


def test_two_secrets_sign_while_a_receiver_changes_over() -> None:
    older = "whsec_" + base64.b64encode(b"o" * 32).decode()
    now = datetime.now(UTC)
    with (
        receiver_stub(answering(204)) as stub,
        make_context(secrets={"NEW": SECRET, "OLD": older}) as context,
    ):
        options = Options(url=stub.url, secret_env="NEW", previous_secret_env="OLD")
        send(options, make_message(at=now), context)
    seen = stub.seen[0]
    assert len(seen.headers["webhook-signature"].split()) == 2
    for secret in (SECRET, older):  # the reference package, with either
        assert Webhook(secret).verify(seen.body.decode(), seen.headers)


@pytest.mark.parametrize("body", ["cloudevents", "cloudevents-binary"])
def test_the_cloudevents_package_reads_our_body(body: Any) -> None:
    message = make_message("incident.updated")
    with receiver_stub(answering(202)) as stub, make_context(secrets={"S": SECRET}) as context:
        send(Options(url=stub.url, secret_env="S", body=body, handshake=False), message, context)
    seen = stub.seen[0]
    event = from_http_event(HTTPMessage(seen.headers, seen.body))
    assert event.get_specversion() == "1.0"
    assert event.get_id() == str(DELIVERY_ID)
    assert event.get_type() == "incident.updated"
    assert event.get_source() == "urn:parkwacht:josink_es"
    assert event.get_subject() == message.payload["data"]["incident"]["id"]
    assert event.get_time() == message.at
    assert event.get_data() == message.payload["data"]
    # It is signed all the same.
    assert is_genuine(SECRET, seen.headers, seen.body, now_s=message.at.timestamp())


def test_a_body_stays_below_20_kb() -> None:
    with receiver_stub() as stub, pytest.raises(SendRefused, match="too large"):
        attempt(stub.url, {"type": "x", "data": "y" * 20_000})
    assert stub.seen == []


@pytest.mark.parametrize(
    ("status", "is_alive"), [(204, True), (405, True), (404, True), (503, False)]
)
def test_any_answer_but_trouble_shows_life(status: int, is_alive: bool) -> None:
    def say(_raw: bytes, _n: int) -> bytes:
        return f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n".encode()

    with scripted_peer(say) as (port, seen), make_context(secrets={"S": SECRET}) as context:
        options = Options(url=f"http://127.0.0.1:{port}/", secret_env="S")
        if is_alive:
            assert supervise(options, context).http_status == status
        else:
            with pytest.raises(SendFailed, match="503"):
                supervise(options, context)
    assert seen[0].startswith(b"OPTIONS / HTTP/1.1")


def test_a_heartbeat_is_signed_and_must_be_taken() -> None:
    with (
        receiver_stub(answering(204, 422)) as stub,
        make_context(secrets={"S": SECRET}) as context,
    ):
        options = Options(url=stub.url, secret_env="S", supervision="heartbeat")
        assert supervise(options, context).http_status == 204
        with pytest.raises(SendFailed, match="422"):
            supervise(options, context)
    payload = Webhook(SECRET).verify(stub.seen[0].body.decode(), stub.seen[0].headers)
    assert payload["type"] == "heartbeat"
    assert len(set(stub.ids())) == 2


def test_supervision_may_be_off() -> None:
    with make_context() as context:
        options = Options(url="http://127.0.0.1:9/", secret_env="S", supervision="off")
        assert supervise(options, context).response == "off"
        assert address(options) == "http://127.0.0.1:9/"
