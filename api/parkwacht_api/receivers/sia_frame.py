"""
How a frame of SIA DC-09 is written and read: the bytes between line feed and carriage return.

`LF crc length "[*]token" seq R L #account [data][x]..._HH:MM:SS,MM-DD-YYYY CR`; the CRC is
CRC-16/ARC over the bytes from the first quote to the carriage return, the length counts the same
bytes. An encrypted frame (AES-CBC, zero vector, hex in upper case) starts behind the bracket with
padding and a bar and has no closing bracket of its own. Frames are written by the book and read
leniently, as the receivers in use are sloppy in their replies, each in its own way.
"""

import binascii
import re
import secrets
import string
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

ACK, NAK, DUH = "ACK", "NAK", "DUH"
BLOCK_BYTES = 16
TIME_FORMAT = "%H:%M:%S,%m-%d-%Y"
PAD_CHARACTERS = string.ascii_letters + string.digits
HEADER = re.compile(
    r'"(?P<star>\*?)(?P<token>[A-Z-]{3,10})"(?P<sequence>\d{4})?'
    r"(?:R(?P<receiver>[0-9A-Fa-f]{1,6}))?L?(?P<line>[0-9A-Fa-f]{1,6})?"
    r"(?P<odd>[^#\[]*)(?:#(?P<account>[0-9A-Fa-f]{3,16}))?(?:\[(?P<rest>.*))?$",
    re.DOTALL,
)
BODY = re.compile(
    r"(?P<data>[^\]]*)\](?P<fields>(?:\[[^\]]*\])*)"
    r"(?:_(?P<at>\d{2}:\d{2}:\d{2},\d{2}-\d{2}-\d{4}))?",
    re.DOTALL,
)
CHECKED = re.compile(r"(?P<crc>[0-9A-Fa-f]{4})(?P<length>[0-9A-Fa-f]{4})$")


class FrameError(ValueError):
    """These bytes are no frame that can be trusted."""


@dataclass(frozen=True, slots=True)
class Frame:
    """
    One frame; `data` stands between the first brackets, `fields` are the x-data behind it.

    `sequence` and `account` are None where a reply leaves them out.
    """

    token: str
    sequence: int | None
    account: str | None
    data: str = ""
    fields: tuple[str, ...] = ()
    at: datetime | None = None
    receiver: str = "1"
    line: str = "0"
    is_encrypted: bool = False


def crc16_arc(data: bytes) -> int:
    """Compute CRC-16/ARC: polynomial 0x8005 reflected, start 0; "123456789" gives BB3D."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def _crypt(key: bytes, data: bytes, *, is_encryption: bool) -> bytes:
    cipher = Cipher(AES(key), CBC(bytes(BLOCK_BYTES)))
    worker = cipher.encryptor() if is_encryption else cipher.decryptor()
    return worker.update(data) + worker.finalize()


def make_pad(n_bytes: int) -> str:
    """Return the random padding for a plain region of so many bytes: 1 to 16 characters."""
    n_pad = BLOCK_BYTES - n_bytes % BLOCK_BYTES
    return "".join(secrets.choice(PAD_CHARACTERS) for _ in range(n_pad))


def encode_frame(frame: Frame, key: bytes | None = None, *, pad: str | None = None) -> bytes:
    """
    Write a frame, line feed to carriage return.

    Parameters
    ----------
    frame
        What is said; its text is ASCII.
    key
        Encrypts it: 16, 24 or 32 bytes.
    pad
        The padding where it must be a certain one (test vectors); random otherwise.
    """
    star = "*" if key else ""
    sequence = f"{frame.sequence or 0:04d}"
    body = frame.data + "]" + "".join(f"[{field}]" for field in frame.fields)
    body += f"_{frame.at.astimezone(UTC).strftime(TIME_FORMAT)}" if frame.at else ""
    if key:
        plain = "|" + body
        plain = (make_pad(len(plain)) if pad is None else pad) + plain
        body = _crypt(key, plain.encode("ascii"), is_encryption=True).hex().upper()
    head = f'"{star}{frame.token}"{sequence}R{frame.receiver}L{frame.line}#{frame.account}['
    region = (head + body).encode("ascii")
    return f"\n{crc16_arc(region):04X}{len(region):04X}".encode() + region + b"\r"


def _decrypt(rest: str, key: bytes) -> str:
    digits = re.match(r"[0-9A-Fa-f]*", rest)
    try:
        encrypted = binascii.unhexlify(digits.group() if digits else "")
        plain = _crypt(key, encrypted, is_encryption=False).decode("cp1252", "replace")
    except (ValueError, binascii.Error) as error:
        raise FrameError(str(error)) from error
    # One peer leaves the bar out of its replies and pads with zeros that then stand before "]".
    pad, bar, body = plain.partition("|")
    return body if bar and "]" not in pad else plain


def _check(before: bytes, region: bytes) -> bool:
    found = CHECKED.search(before.decode("ascii", "replace"))
    if found is None:
        return False
    is_right = int(found["crc"], 16) == crc16_arc(region) and int(found["length"], 16) == len(
        region
    )
    if not is_right:
        message = "wrong CRC or length"
        raise FrameError(message)
    return True


def decode_frame(raw: bytes, key: bytes | None = None) -> Frame:
    """
    Read a frame; a reply `"NAK"` may come bare, anything else needs its CRC and length.

    Parameters
    ----------
    raw
        What came.
    key
        Decrypts it, where it is encrypted.

    Raises
    ------
    FrameError
        It is no frame, its CRC or length is wrong, or it cannot be decrypted.
    """
    start = raw.find(b'"')
    if start < 0:
        message = "no frame"
        raise FrameError(message)
    region = raw[start:].split(b"\r", 1)[0].rstrip(b"\n\x00")
    found = HEADER.match(region.decode("cp1252", "replace"))
    if found is None:
        message = "no header"
        raise FrameError(message)
    if not _check(raw[:start], region) and found["token"] != NAK:
        message = "no CRC and length"
        raise FrameError(message)
    return _frame(found, key)


def _frame(found: re.Match[str], key: bytes | None) -> Frame:
    rest, is_encrypted = found["rest"] or "", bool(found["star"])
    if is_encrypted:
        if key is None:
            message = "encrypted, and there is no key"
            raise FrameError(message)
        rest = _decrypt(rest, key)
    body = BODY.match(rest)
    if is_encrypted and body is None:
        message = "not encrypted with this key"
        raise FrameError(message)
    fields = (body["fields"] if body else "")[1:-1]
    return Frame(
        token=found["token"],
        sequence=int(found["sequence"]) if found["sequence"] else None,
        account=found["account"],
        data=body["data"] if body else "",
        fields=tuple(fields.split("][")) if fields else (),
        at=_instant(body["at"] if body else None),
        receiver=found["receiver"] or "",
        line=found["line"] or "",
        is_encrypted=is_encrypted,
    )


def _instant(value: str | None) -> datetime | None:
    try:
        return datetime.strptime(value or "", TIME_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None
