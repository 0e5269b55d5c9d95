"""Mails as a real SMTP server gets them."""

import email
import email.policy
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope
from api_harness import JPEG
from channel_builders import (
    DELIVERY_ID,
    INCIDENT_ID,
    make_context,
    make_message,
    scripted_peer,
)
from rtsp_server import free_port
from tls_builders import make_certificate

from parkwacht_api.receivers.channel import Answer, Message, SendFailed, SendRefused
from parkwacht_api.receivers.email import Options, address, send, supervise
from parkwacht_config.errors import ConfigError
from parkwacht_config.validation import check_table


@dataclass
class Desk:
    """What the server took, and what it says to a recipient or to the whole."""

    port: int = 0
    envelopes: list[Envelope] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    verdict: str = "250 OK"

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Envelope, to: str, _options: Any
    ) -> str:
        if to in self.refused:
            return self.refused[to]
        envelope.rcpt_tos.append(to)
        return "250 OK"

    async def handle_DATA(  # noqa: N802  # aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Envelope
    ) -> str:
        if self.verdict.startswith("250"):
            self.envelopes.append(envelope)
        return self.verdict

    @property
    def mails(self) -> list[EmailMessage]:
        read = [
            email.message_from_bytes(one.content or b"", policy=email.policy.default)
            for one in self.envelopes
            if isinstance(one.content, bytes)
        ]
        return [one for one in read if isinstance(one, EmailMessage)]


@contextmanager
def desk(tls: ssl.SSLContext | None = None, *, is_login: bool = False) -> Iterator[Desk]:
    taking = Desk(free_port())

    def check(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> Any:
        is_right = (data.login, data.password) == (b"park", b"correct horse")
        return AuthResult(success=is_right, handled=is_right)

    more: dict[str, Any] = {}
    if tls:
        more = {"tls_context": tls, "require_starttls": True}
    if is_login:
        more |= {"authenticator": check, "auth_required": True}
    controller = Controller(taking, hostname="127.0.0.1", port=taking.port, **more)
    controller.start()
    try:
        yield taking
    finally:
        controller.stop()


def make_options(port: int, **changes: Any) -> Options:
    given = {
        "host": "localhost", "port": port, "security": "none",
        "sender": "{camera}@park.example", "recipients": ("desk@guard.example",),
    } | changes  # fmt: skip
    return Options.model_validate(given)


def attempt(port: int, message: Message | None = None, **changes: Any) -> Answer:
    with make_context(secrets={"MAIL": "correct horse"}) as context:
        return send(make_options(port, **changes), message or make_message(), context)


def test_an_alarm_is_a_mail_with_its_picture() -> None:
    message = make_message(snapshot=JPEG)
    with desk() as taking:
        attempt(taking.port, message)
    (mail,) = taking.mails
    assert mail["Subject"] == (
        "[12] Alarm: persoon, Kruising café / [12] Alarm: person, Kruising café"
    )
    assert mail["From"] == "k1_crossing@park.example"
    assert mail["To"] == "desk@guard.example"
    assert mail["Message-ID"] == f"<{DELIVERY_ID}@park.example>"
    assert mail["Date"].datetime == message.at.replace(microsecond=0)
    assert mail["Auto-Submitted"] == "auto-generated"
    (picture,) = mail.iter_attachments()
    assert (picture.get_content_type(), picture.get_filename()) == ("image/jpeg", "snapshot.jpg")
    assert picture.get_content() == JPEG
    body = mail.get_body()
    assert body is not None
    text = body.get_content()
    assert text.index("Plaats: Kruising café") < text.index("Place: Kruising café")
    assert f"Bekijk: https://pw.example/api/v1/incidents/{INCIDENT_ID}" in text
    assert taking.envelopes[0].mail_from == "k1_crossing@park.example"


def test_the_time_is_the_readers() -> None:
    # 22:14:05 UTC is 23:14:05 in Amsterdam in winter.
    with desk() as taking:
        attempt(taking.port, make_message(started_at="2026-11-23T22:14:05+00:00"))
    assert "Tijd: 2026-11-23 23:14:05 CET" in taking.mails[0].as_string()


@pytest.mark.parametrize(
    ("language", "has", "lacks"), [("nl", "Plaats:", "Place:"), ("en", "Place:", "Plaats:")]
)
def test_one_language_is_enough(language: str, has: str, lacks: str) -> None:
    with desk() as taking:
        attempt(taking.port, language=language)
    body = taking.mails[0].get_body()
    assert body is not None
    assert has in body.get_content()
    assert lacks not in body.get_content()


def test_each_camera_has_its_own_address() -> None:
    with desk() as taking:
        attempt(
            taking.port,
            recipients=("s77-{camera}@immix.example",),
            per_camera={"k1_crossing": "S1234@immix.example", "other": "S9@immix.example"},
        )
    assert taking.envelopes[0].rcpt_tos == [
        "s77-k1_crossing@immix.example",
        "S1234@immix.example",
    ]


def test_mails_of_an_incident_refer_to_one_id() -> None:
    with desk() as taking:
        attempt(taking.port, make_message("event.flagged"))
        attempt(taking.port, make_message("incident.updated", delivery_id=uuid4(), snapshot=JPEG))
        attempt(taking.port, make_message("incident.over", delivery_id=uuid4(), snapshot=JPEG))
    first, *later = taking.mails
    thread = f"<incident.{INCIDENT_ID}@park.example>"
    assert (first["References"], first["In-Reply-To"]) == (thread, None)
    assert all((one["References"], one["In-Reply-To"]) == (thread, thread) for one in later)
    assert len({one["Message-ID"] for one in taking.mails}) == 3
    assert [len(list(one.iter_attachments())) for one in taking.mails] == [0, 0, 0]


def test_a_repeated_mail_has_the_same_id() -> None:
    message = make_message()
    with desk() as taking:
        attempt(taking.port, message)
        attempt(taking.port, message)
    assert len({one["Message-ID"] for one in taking.mails}) == 1


EVIL = "x\r\nBcc: thief@evil.example\r\n\r\nhello\x00\u2028"


def test_nothing_that_is_told_becomes_a_header() -> None:
    told: dict[str, Any] = {
        "zone": {"id": EVIL, "name": EVIL}, "camera": {"id": EVIL, "name": EVIL},
        "incident": {"id": EVIL, "number": 12}, "links": {"event": EVIL},
        "site": {"name": EVIL}, "class": EVIL,
    }  # fmt: skip
    message = make_message(**told)
    with desk() as taking:
        attempt(taking.port, message, per_camera={EVIL: "ok@guard.example"})
    (mail,) = taking.mails
    assert set(mail.keys()) == {
        "Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted", "References",
        "Content-Type", "Content-Transfer-Encoding", "MIME-Version",
    }  # fmt: skip
    assert taking.envelopes[0].rcpt_tos == ["desk@guard.example", "ok@guard.example"]
    assert mail["From"] == "xBccthiefevil.examplehello@park.example"


@pytest.mark.parametrize(
    "change",
    [
        {"sender": "a@b\r\nBcc: x@y"},
        {"sender": "@park.example"},
        {"recipients": []},
        {"recipients": ["a@b, c@d"]},
        {"recipients": ["{zone}@b"]},
        {"username": "park"},  # a password in clear
        {"per_camera": {"k": "a b@c"}},
    ],
)
def test_options_are_checked(change: dict[str, Any]) -> None:
    given = {
        "host": "h", "security": "none", "sender": "a@b", "recipients": ["a@b"],
    } | change  # fmt: skip
    with pytest.raises(ConfigError):
        check_table(Options, given, "site.toml", prefix="channels")


@pytest.mark.parametrize("is_right", [True, False])
def test_login_goes_over_tls_only_to_whom_the_certificate_names(
    tmp_path: Path, is_right: bool
) -> None:
    serving, trusted = make_certificate(tmp_path, "localhost" if is_right else "other.example")
    with desk(serving, is_login=True) as taking:
        options: dict[str, Any] = {
            "security": "starttls", "ca_file": str(trusted), "username": "park",
            "password_env": "MAIL",
        }  # fmt: skip
        if is_right:
            attempt(taking.port, **options)
            with pytest.raises(SendFailed, match="535"):
                attempt(taking.port, **options | {"username": "someone"})
        else:
            with pytest.raises(SendFailed, match="CERTIFICATE_VERIFY_FAILED"):
                attempt(taking.port, **options)
    assert len(taking.envelopes) == int(is_right)


@pytest.mark.parametrize("name", ["localhost", "other.example"])
def test_a_mail_goes_inside_tls_from_the_first_byte(tmp_path: Path, name: str) -> None:
    serving, trusted = make_certificate(tmp_path, name)
    taking = Desk(free_port())
    options: dict[str, Any] = {"security": "tls", "ca_file": str(trusted)}
    controller = Controller(taking, "localhost", taking.port, ssl_context=serving)
    controller.start()
    try:
        if name == "localhost":
            attempt(taking.port, **options)
        else:
            with pytest.raises(SendFailed, match="CERTIFICATE_VERIFY_FAILED"):
                attempt(taking.port, **options)
    finally:
        controller.stop()
    assert len(taking.envelopes) == (name == "localhost")


def test_a_server_without_tls_is_not_spoken_to_in_clear() -> None:
    with desk() as taking, pytest.raises(SendFailed, match="STARTTLS"):
        attempt(taking.port, security="starttls")
    assert taking.envelopes == []


@pytest.mark.parametrize(
    ("answer", "kind"), [("451 later", SendFailed), ("554 never", SendRefused)]
)
def test_what_the_server_says_is_heard(answer: str, kind: type[Exception]) -> None:
    with desk() as taking:
        taking.verdict = answer
        with pytest.raises(kind, match=answer[:3]):
            attempt(taking.port)
        taking.verdict = "250 OK"
        taking.refused = {"desk@guard.example": answer}
        with pytest.raises(kind, match=answer[:3]):
            attempt(taking.port)
    assert taking.envelopes == []


def test_one_bad_address_does_not_keep_it_from_the_others() -> None:
    with desk() as taking:
        taking.refused = {"gone@guard.example": "550 unknown"}
        recipients = ("gone@guard.example", "desk@guard.example")
        answer = attempt(taking.port, recipients=recipients)
    assert taking.envelopes[0].rcpt_tos == ["desk@guard.example"]
    assert "gone@guard.example" in answer.response


def test_a_server_that_breaks_off_after_taking_it_has_taken_it() -> None:
    # Scripted: a server that is not there any more for the QUIT.
    said = b"220 x\r\n250 x\r\n250 x\r\n250 x\r\n354 x\r\n250 x\r\n"
    with scripted_peer(lambda *_: said, greets=True) as (port, _):
        assert attempt(port).response == "taken"


@pytest.mark.parametrize("greeting", [b"554 no\r\n", b"garbage\r\n", b""])
def test_a_server_that_is_none_is_a_failure(greeting: bytes) -> None:
    with (
        scripted_peer(lambda *_: greeting, greets=True) as (port, _),
        pytest.raises(SendFailed),
    ):
        attempt(port)


@pytest.mark.parametrize("first", [b"", b"220 mail.example ESMTP\r\n250-mail.example\r\n250-"])
def test_a_server_that_drips_holds_no_place(first: bytes) -> None:
    ends: list[str] = []

    def drip() -> None:
        line, _ = server.accept()
        with line, suppress(OSError):  # the other side leaves
            line.sendall(first)
            for _ in range(1500):  # 30 s
                line.sendall(b"2")
                time.sleep(0.02)
            ends.append("nobody hung up")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip)
        thread.start()
        with make_context(timeout_s=0.2) as context, pytest.raises(SendFailed):
            send(make_options(server.getsockname()[1]), make_message(), context)
        thread.join()
    assert ends == []


def test_supervision_asks_the_server() -> None:
    with desk() as taking, make_context() as context:
        assert supervise(make_options(taking.port), context).response.startswith("250")
    for host in ("127.0.0.1", "x" * 70):
        with make_context() as context, pytest.raises(SendFailed, match="no mail server"):
            supervise(make_options(taking.port, host=host), context)
    assert address(make_options(25)) == "smtp://localhost:25"
    assert address(make_options(465, security="tls", host="::1")) == "smtps://[::1]:465"
