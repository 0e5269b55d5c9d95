"""
One attempt by SIA DC-09, to the receiver of a control room: a frame out, a reply back.

One frame per connection and per write, because receivers in use lose the second; inside TLS where
`tls` says so. A reply is matched on token, sequence and account, never on the whole header. A NAK
that tells the receiver's time is answered at once with that time, once; any other NAK fails. DUH is
never tried again. A receiver does not know a repeated frame again, so the incident's number stands
first in the text.
"""

import binascii
import contextlib
import re
import socket
import time
import unicodedata
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Literal, Self

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
from parkwacht_api.receivers.sia_codes import code_of
from parkwacht_api.receivers.sia_frame import (
    ACK,
    DUH,
    NAK,
    TIME_FORMAT,
    Frame,
    FrameError,
    decode_frame,
    encode_frame,
)
from parkwacht_api.receivers.words import Facts, facts_of, what_of
from parkwacht_config.errors import ConfigError
from parkwacht_config.text import Text

SIA_DCS, ADM_CID, NULL = "SIA-DCS", "ADM-CID", "NULL"
KEY_BYTES = (16, 24, 32)
MAX_OFFSET = timedelta(hours=3)  # a clock or a time zone that is wrong; more is no clock
MIN_OFFSET = timedelta(seconds=2)  # less cannot be why a frame was refused
LATE_S = 20.0  # after that the time of the occurrence is told as well
MAX_REPLY_BYTES = 4096
HANG_UP_S = 0.2  # receivers in use end the line within milliseconds of us, or keep it open
MAX_TEXT, MAX_FIELD = 64, 256
VERIFIED_LEVEL = 2  # AVS-01: what a person saw, and no machine says
XField = Literal["V", "X", "Y", "I"]


class Options(ChannelOptions):
    """Where frames are sent to, as whom, in which form and with which key."""

    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9.:_-]+$")]
    port: Annotated[int, Field(ge=1, le=65_535)]
    transport: Literal["tcp", "udp"] = "tcp"
    tls: bool = False
    ca_file: str = ""  # who vouches for the receiver; empty: the usual authorities
    account: Annotated[str, Field(pattern=r"^[0-9A-F]{3,16}$")]
    form: Literal["SIA-DCS", "ADM-CID"] = "SIA-DCS"
    receiver: Annotated[str, Field(pattern=r"^[0-9A-F]{1,6}$")] = "1"
    line: Annotated[str, Field(pattern=r"^[0-9A-F]{1,6}$")] = "0"
    key_env: Annotated[str, Field(pattern=r"^([A-Z][A-Z0-9_]*)?$")] = ""
    key_format: Literal["ascii", "hex"] = "ascii"
    area: Annotated[int, Field(ge=0, le=99)] = 1
    numbers: dict[str, Annotated[int, Field(ge=0, le=999)]] = Field(default_factory=dict)
    # In order of value: some receivers read the first only. Contact ID has no text of its own, and
    # a receiver in use takes one field there, so that is what it gets unless told otherwise.
    fields: tuple[XField, ...] | None = None
    supervision: Literal["null", "rp", "off"] = "null"

    @model_validator(mode="after")
    def _has_a_stream_for_tls(self) -> Self:
        if self.tls and self.transport == "udp":
            message = 'tls needs transport = "tcp"'
            raise ValueError(message)
        if self.ca_file and not self.tls:
            message = "ca_file is for tls = true only"
            raise ValueError(message)
        return self


def address(options: Options) -> str:
    """Return the receiver's machine."""
    scheme = "tls" if options.tls else options.transport
    return machine_url(scheme, options.host, options.port)


def send(options: Options, message: Message, context: SendContext) -> Answer:
    """
    Make one attempt.

    Raises
    ------
    SendFailed
        No reply, one that cannot be read, or a NAK.
    SendRefused
        The receiver answers DUH, or the kind has no code.
    ConfigError
        The key is missing or none.
    """
    facts = facts_of(message.payload)
    kind = _signal_of(facts)
    if not kind:
        return Answer(None, "nothing to signal", is_sent=False)
    code, event = code_of(kind, facts.cause, facts.trouble, is_test=facts.is_test)
    if not code:
        words = Text(nl="hiervoor is geen SIA-code", en="there is no SIA code for this")
        raise SendRefused(words, Answer(None, ""))
    frame = Frame(
        token=options.form,
        sequence=message.serial % 9999 + 1,
        account=options.account,
        data=_data(options, facts, code, event),
        fields=_fields(options, facts, message.at),
        at=message.at,
        receiver=options.receiver,
        line=options.line,
    )
    return _exchange(options, frame, context)


def supervise(options: Options, context: SendContext) -> Answer:
    """
    Ask the receiver whether it lives, in the form it takes; no frame is sent where that is off.

    Raises
    ------
    SendFailed
        No reply, one that cannot be read, or a NAK.
    SendRefused
        The receiver answers DUH.
    ConfigError
        The key is missing or none.
    """
    if options.supervision == "off":
        return Answer(None, "off")
    at = context.clock.now()
    is_null = options.supervision == "null"
    rp = f"Nri{options.area}/RP0" if options.form == SIA_DCS else f"1602 {options.area:02d} 000"
    frame = Frame(
        token=NULL if is_null else options.form,
        sequence=0 if is_null else int(at.timestamp()) % 9999 + 1,
        account=options.account,
        data="" if is_null else f"#{options.account}|{rp}",
        at=at,
        receiver=options.receiver,
        line=options.line,
    )
    return _exchange(options, frame, context)


def _signal_of(facts: Facts) -> str:
    """Return the kind that is signalled, empty where an update is no alarm of its own."""
    if facts.kind != "incident.updated" or facts.news not in {"clip", "verdict"}:
        return facts.kind
    # A second BA because a clip is ready would look like a second detector.
    is_verified = facts.news == "verdict" and (facts.avs_level or 0) >= VERIFIED_LEVEL
    return "event.verified" if is_verified else ""


def ascii_text(text: str, limit: int) -> str:
    """
    Write a text in what every receiver reads: ASCII, without the characters that frames use.

    Parameters
    ----------
    text
        In any characters.
    limit
        Most characters.
    """
    for odd, plain in {"ß": "ss", "ø": "o", "æ": "ae", "ł": "l", "€": "EUR"}.items():
        text = text.replace(odd, plain)
    text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return " ".join(re.sub(r"[^A-Za-z0-9 .,:()+-]", " ", text).split())[:limit].rstrip()


def _text(facts: Facts) -> str:
    number = "" if facts.number is None else f"{facts.number} "
    test = "PROEF " if facts.is_test else ""
    return number + test + ", ".join(filter(None, (what_of(facts).nl, facts.place)))


def _data(options: Options, facts: Facts, code: str, event: str) -> str:
    number = options.numbers.get(facts.camera_id, options.numbers.get(facts.zone_id, 0))
    if options.form == ADM_CID:
        return f"#{options.account}|{event} {options.area:02d} {number:03d}"
    if code == "BV":  # its address is an area by DC-03, so the area's own where no number is given
        number = number or options.area
    text = ascii_text(_text(facts), MAX_TEXT)
    return f"#{options.account}|Nri{options.area}/{code}{number}" + (f"^{text}^" if text else "")


def _angle(value_deg: float, letters: str, n_digits: int) -> str:
    # In thousandths of a minute, so that no 59.9996 is written as 60.000.
    thousandths = round(abs(value_deg) * 60_000)
    degrees, rest = divmod(thousandths, 60_000)
    letter = letters[0] if value_deg >= 0 else letters[1]
    return f"{degrees:0{n_digits}d}{letter}{rest // 1000:02d}.{rest % 1000:03d}"


def _fields(options: Options, facts: Facts, at: datetime) -> tuple[str, ...]:
    found = {"I": ascii_text(_text(facts), MAX_FIELD), "V": facts.link}
    if facts.lon_lat:
        lon, lat = facts.lon_lat
        found |= {"X": _angle(lon, "EW", 3), "Y": _angle(lat, "NS", 2)}
    wanted: tuple[str, ...] = options.fields or ()
    if options.fields is None:
        wanted = ("V", "X", "Y", "H") if options.form == SIA_DCS else ("V",)
    found["H"] = _late_at(facts, at)
    return tuple(
        name + value
        for name in wanted
        if (value := found.get(name, "")) and len(value) <= MAX_FIELD and _is_plain(value)
    )


def _late_at(facts: Facts, at: datetime) -> str:
    try:
        began = datetime.fromisoformat(facts.started_at)
    except ValueError:
        return ""
    is_late = (at - began).total_seconds() > LATE_S
    return began.astimezone(at.tzinfo).strftime(TIME_FORMAT) if is_late else ""


def _is_plain(value: str) -> bool:
    return value.isascii() and value.isprintable() and not set(value) & set('[]|"')


def key_bytes(options: Options, context: SendContext) -> bytes | None:
    """
    Read the key; None where frames go in clear.

    Raises
    ------
    ConfigError
        It is missing, or not of 16, 24 or 32 bytes.
    """
    if not options.key_env:
        return None
    value = context.secret(options.key_env).get_secret_value()
    try:
        key = value.encode("ascii") if options.key_format == "ascii" else binascii.unhexlify(value)
    except ValueError:
        key = b""
    if len(key) not in KEY_BYTES:
        raise ConfigError(
            Text(
                nl=f"{options.key_env}: een DC-09-sleutel is 16, 24 of 32 bytes "
                f"(key_format = {options.key_format})",
                en=f"{options.key_env}: a DC-09 key is 16, 24 or 32 bytes "
                f"(key_format = {options.key_format})",
            )
        )
    return key


def _exchange(options: Options, frame: Frame, context: SendContext) -> Answer:
    """Send a frame by the receiver's clock, and once more where it tells another time."""
    key = key_bytes(options, context)
    offset = context.clock_offset
    reply = _send_frame(options, _at_offset(frame, offset, key), key, context)
    told = None
    if reply.token == NAK and reply.at is not None:
        told = reply.at - context.clock.now()
        if abs(told - offset) >= MIN_OFFSET and abs(told) <= MAX_OFFSET:
            reply = _send_frame(options, _at_offset(frame, told, key), key, context)
        else:
            told = None
    return _judge(reply, frame, told, is_encrypted=key is not None)


def _at_offset(frame: Frame, offset: timedelta, key: bytes | None) -> Frame:
    # In clear a NULL goes without a time: some receivers take it in no other form.
    has_time = frame.at is not None and (frame.token != NULL or key is not None)
    return replace(frame, at=frame.at + offset if frame.at and has_time else None)


def _judge(reply: Frame, sent: Frame, told: timedelta | None, *, is_encrypted: bool) -> Answer:
    # Only the head is kept: a receiver in use sends the key back in its decrypted reply.
    sequence = "" if reply.sequence is None else f"{reply.sequence:04d}"
    head = f"{'*' if reply.is_encrypted else ''}{reply.token} {sequence}".strip()
    answer = Answer(None, head, clock_offset=told)
    if reply.token == NAK:
        raise SendFailed(
            Text(nl="de ontvanger weigert dit nu (NAK)", en="the receiver refuses it now (NAK)"),
            answer,
        )
    is_ours = (reply.sequence, (reply.account or "").upper()) == (sent.sequence, sent.account)
    if reply.token == DUH and is_ours:
        raise SendRefused(
            Text(
                nl="de ontvanger kan dit niet verwerken (DUH)",
                en="the receiver cannot process this (DUH)",
            ),
            answer,
        )
    # In clear anybody could acknowledge what was sent encrypted.
    is_proof = not is_encrypted or (reply.is_encrypted and reply.at is not None)
    if reply.token == ACK and is_ours and is_proof:
        return answer
    raise SendFailed(
        Text(nl=f"een antwoord op iets anders: {head}", en=f"a reply to something else: {head}"),
        answer,
    )


def _send_frame(options: Options, frame: Frame, key: bytes | None, context: SendContext) -> Frame:
    raw = encode_frame(frame, key)
    try:
        reply = _speak(options, raw, context.timeout_s)
    except (OSError, UnicodeError) as error:  # a host's name may be none
        reason = f"{type(error).__name__}: {error}".rstrip(": ")
        raise SendFailed(
            Text(nl=f"geen antwoord ({reason})", en=f"no answer ({reason})")
        ) from error
    try:
        return decode_frame(reply, key)
    except FrameError as error:
        shown = Answer(None, reply[:80].decode("ascii", "backslashreplace"))
        raise SendFailed(
            Text(nl=f"onleesbaar antwoord ({error})", en=f"a reply that cannot be read ({error})"),
            shown,
        ) from error


def _connected(options: Options, timeout_s: float) -> socket.socket:
    end_s = time.monotonic() + timeout_s
    trusted = trusting(options.ca_file) if options.tls else None
    line = socket.create_connection((options.host, options.port), timeout=timeout_s)
    if trusted is None:
        return line
    try:
        line.settimeout(max(0.01, end_s - time.monotonic()))
        return trusted.wrap_socket(line, server_hostname=options.host)
    except OSError:
        line.close()
        raise


def _speak(options: Options, raw: bytes, timeout_s: float) -> bytes:
    if options.transport == "udp":
        family = socket.getaddrinfo(options.host, options.port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family[0], socket.SOCK_DGRAM) as line:
            line.settimeout(timeout_s)
            line.connect(family[4])  # so that nobody else's datagram is taken for the reply
            line.send(raw)
            return line.recv(MAX_REPLY_BYTES)
    end_s = time.monotonic() + timeout_s
    with _connected(options, timeout_s) as line:
        line.settimeout(max(0.01, end_s - time.monotonic()))
        line.sendall(raw)
        reply = b""
        # A bare "NAK" comes without a carriage return, on a connection that stays open.
        while b"\r" not in reply and reply != b'"NAK"' and len(reply) < MAX_REPLY_BYTES:
            line.settimeout(max(0.01, end_s - time.monotonic()))
            part = line.recv(1024)
            if not part:
                break
            reply += part
        _hang_up(line, min(end_s, time.monotonic() + HANG_UP_S))
        return reply


def _hang_up(line: socket.socket, end_s: float) -> None:
    """
    Say that nothing more comes, and wait a moment for the receiver to say so too.

    What it sends behind its reply and nobody reads would turn our closing into a reset: ioBroker
    sends a NAK twice, and its whole process falls over the reset.
    """
    with contextlib.suppress(OSError):
        line.shutdown(socket.SHUT_WR)
        while (left_s := end_s - time.monotonic()) > 0:
            line.settimeout(left_s)
            if not line.recv(1024):
                break
