import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest
from api_harness import SECRET, answering, receiver_stub
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from parkwacht_api.partner import is_genuine
from parkwacht_api.receivers.channel import SendFailed, SendRefused
from parkwacht_api.receivers.webhook import (
    retry_after_s,
    secret_bytes,
    send_webhook,
    sign,
)
from parkwacht_config.errors import ConfigError

KEY = secret_bytes(SecretStr(SECRET))
NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)


def headers_of(message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(KEY, message_id, timestamp, body),
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
        secret_bytes(SecretStr(secret))
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


def attempt(url: str) -> int | None:
    with httpx.Client(timeout=1.0, trust_env=False) as client:
        return send_webhook(
            client, url, KEY, delivery_id=uuid4(), payload={"type": "x", "e": "é"}, at=NOW
        ).http_status


@pytest.mark.parametrize("status", [200, 202, 204])
def test_only_2xx_is_success(status: int) -> None:
    with receiver_stub(answering(status)) as stub:
        assert attempt(stub.url) == status
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
