"""
One attempt by e-mail: the alarm in words, with its picture, to people or to a monitoring platform.

Platforms that take alarms by mail tell cameras apart by the address: `{camera}` in the sender and
in the recipients is the camera's id, and `per_camera` gives a camera an address of its own. The
Message-ID is the delivery's id at every attempt, so that a mail that comes twice can be known
again; all mails of an incident refer to one id, so that they stand together.
"""

import re
import smtplib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from parkwacht_api.receivers.channel import (
    Answer,
    ChannelOptions,
    Message,
    SendContext,
    SendFailed,
    SendRefused,
    machine_url,
    trusting,
)
from parkwacht_api.receivers.words import Facts, facts_of, headline, lines_of
from parkwacht_config.text import Text

LOCAL = r"[A-Za-z0-9._%+-]"
Address = Annotated[
    str, Field(pattern=rf"^({LOCAL}+|{LOCAL}*\{{camera\}}{LOCAL}*)@[A-Za-z0-9.-]+$")
]
PERMANENT = 500
KEPT = 400  # characters of what the server said
TIMEOUTS = 3  # of one read, that the whole may take: less than a lease


class Options(ChannelOptions):
    """The mail server, who writes to whom, and in what language."""

    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9.:_-]+$")]
    port: Annotated[int, Field(ge=1, le=65_535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    ca_file: str = ""
    username: str = ""
    password_env: Annotated[str, Field(pattern=r"^([A-Z][A-Z0-9_]*)?$")] = ""
    sender: Address
    recipients: Annotated[tuple[Address, ...], Field(min_length=1)]
    per_camera: dict[str, Address] = Field(default_factory=dict)
    language: Literal["nl", "en", "both"] = "both"
    timezone: ZoneInfo = ZoneInfo("Europe/Amsterdam")
    snapshot: bool = True

    @model_validator(mode="after")
    def _keeps_the_password(self) -> Self:
        if self.username and self.security == "none":
            message = "a password goes over starttls or tls only"
            raise ValueError(message)
        return self


def address(options: Options) -> str:
    """Return the mail server."""
    scheme = "smtps" if options.security == "tls" else "smtp"
    return machine_url(scheme, options.host, options.port)


def send(options: Options, message: Message, context: SendContext) -> Answer:
    """
    Make one attempt.

    Raises
    ------
    SendFailed
        The server does not answer, does not let us in, or wants it later.
    SendRefused
        The server wants it never, for all recipients.
    ConfigError
        The password is missing, or the file of certificates is none.
    """
    facts = facts_of(message.payload)
    mail = compose(options, message, facts)
    with _server(options, context) as server:
        refused = server.send_message(mail)
    said = "; ".join(f"{one}: {code} {text!r}" for one, (code, text) in refused.items())
    return Answer(None, f"taken, but not for {said}"[:KEPT] if refused else "taken")


def supervise(options: Options, context: SendContext) -> Answer:
    """
    Ask whether the mail server takes us in.

    Raises
    ------
    SendFailed
        It does not.
    ConfigError
        The password is missing, or the file of certificates is none.
    """
    with _server(options, context) as server:
        code, said = server.noop()
    return Answer(None, f"{code} {said.decode('ascii', 'replace')}"[:KEPT])


def _mailbox(template: str, facts: Facts) -> str:
    camera = re.sub(r"[^A-Za-z0-9._-]", "", facts.camera_id) or "park"
    return template.replace("{camera}", camera)


def compose(options: Options, message: Message, facts: Facts) -> EmailMessage:
    """
    Write the mail.

    Parameters
    ----------
    options
        Who writes to whom.
    message
        The delivery.
    facts
        What it tells.
    """
    sender = _mailbox(options.sender, facts)
    recipients = [_mailbox(one, facts) for one in options.recipients]
    recipients += [
        options.per_camera[one] for one in [facts.camera_id] if one in options.per_camera
    ]
    domain = sender.partition("@")[2]
    mail = EmailMessage()
    mail["Subject"] = _one_line(_in(options, headline(facts), " / "))
    mail["From"], mail["To"] = sender, ", ".join(dict.fromkeys(recipients))
    mail["Date"] = format_datetime(message.at)
    mail["Message-ID"] = f"<{message.delivery_id}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    if thread := re.sub(r"[^A-Za-z0-9-]", "", facts.incident_id):
        mail["References"] = f"<incident.{thread}@{domain}>"
        if message.kind != "event.flagged":
            mail["In-Reply-To"] = f"<incident.{thread}@{domain}>"
    mail.set_content(_body(options, facts))
    picture = message.snapshot() if options.snapshot and facts.kind.startswith("event.") else None
    if picture is not None:
        mail.add_attachment(picture, maintype="image", subtype="jpeg", filename="snapshot.jpg")
    return mail


def _one_line(text: str) -> str:
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def _in(options: Options, text: Text, between: str) -> str:
    if options.language == "both":
        return text.nl if text.nl == text.en else f"{text.nl}{between}{text.en}"
    return text.nl if options.language == "nl" else text.en


def _body(options: Options, facts: Facts) -> str:
    lines = [headline(facts), *lines_of(facts, options.timezone)]
    languages = ["nl", "en"] if options.language == "both" else [options.language]
    parts = ["\n".join(_one_line(getattr(one, name)) for one in lines) for name in languages]
    return "\n\n".join(parts) + "\n"


@contextmanager
def _server(options: Options, context: SendContext) -> Iterator[smtplib.SMTP]:
    """Open the server, safely and logged in as the options say; say how it failed in our words."""
    password = ""
    if options.password_env:
        password = context.secret(options.password_env).get_secret_value()
    server = None
    try:
        server = _connected(options, context.timeout_s)
        if options.username:
            server.login(options.username, password)
        yield server
        with suppress(OSError, smtplib.SMTPException):  # what was taken stays taken
            server.quit()
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        raise _failure(min(codes), str(error.recipients)) from error
    except (smtplib.SMTPAuthenticationError, smtplib.SMTPConnectError) as error:
        said = f"{error.smtp_code}"
        raise SendFailed(
            Text(
                nl=f"de mailserver laat ons niet binnen ({said})",
                en=f"the mail server does not let us in ({said})",
            ),
            Answer(None, said),
        ) from error
    except smtplib.SMTPResponseException as error:
        raise _failure(error.smtp_code, str(error.smtp_error)) from error
    except (OSError, UnicodeError, smtplib.SMTPException) as error:  # ssl's are among them
        reason = f"{type(error).__name__}: {error}".rstrip(": ")
        raise SendFailed(
            Text(nl=f"geen mailserver ({reason})", en=f"no mail server ({reason})")
        ) from error
    finally:
        if server is not None:
            server.close()


class _Watched(smtplib.SMTP):
    """
    A server that is hung up on where the whole takes too long.

    smtplib limits each read; a server that drips would hold a sender past its lease, and the mail
    would go out twice.
    """

    def __init__(
        self,
        host: str,
        port: int,
        name: str,
        timeout_s: float,
        **more: Any,  # noqa: ANN401  # of smtplib's own kind with TLS
    ) -> None:
        self._watch = threading.Timer(TIMEOUTS * timeout_s, self._hang_up)
        self._watch.daemon = True
        self._watch.start()
        try:
            super().__init__(host, port, name, timeout=timeout_s, **more)
        except (OSError, UnicodeError, smtplib.SMTPException):
            self._watch.cancel()
            raise

    def _hang_up(self) -> None:
        line = self.sock
        with suppress(OSError):
            if line is not None:
                # Not TLS's own: that would take its state away under who reads.
                socket.socket.shutdown(line, socket.SHUT_RDWR)

    def close(self) -> None:
        self._watch.cancel()
        super().close()


class _WatchedInTls(_Watched, smtplib.SMTP_SSL):
    """The same, inside TLS from the first byte."""


def _connected(options: Options, timeout_s: float) -> smtplib.SMTP:
    # Its own name is told to the server: the machine's would be asked of a name server.
    name = options.sender.partition("@")[2]
    if options.security == "none":
        return _Watched(options.host, options.port, name, timeout_s)
    trusted = trusting(options.ca_file)
    if options.security == "tls":
        return _WatchedInTls(options.host, options.port, name, timeout_s, context=trusted)
    server = _Watched(options.host, options.port, name, timeout_s)
    try:
        server.starttls(context=trusted)
    except (OSError, smtplib.SMTPException):
        server.close()
        raise
    return server


def _failure(code: int, said: str) -> SendFailed | SendRefused:
    answer = Answer(None, f"{code} {said}"[:KEPT])
    text = Text(nl=f"de mailserver antwoordt {code}", en=f"the mail server answers {code}")
    return SendRefused(text, answer) if code >= PERMANENT else SendFailed(text, answer)
