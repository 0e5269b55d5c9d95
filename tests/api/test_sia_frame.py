"""Frames of SIA DC-09 against vectors that pysiaalarm's parser and OpenSSL confirmed."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pysiaalarm import SIAAccount, SIAEvent

from parkwacht_api.receivers.sia_frame import (
    Frame,
    FrameError,
    crc16_arc,
    decode_frame,
    encode_frame,
    make_pad,
)

AT = datetime(2026, 11, 23, 22, 14, 5, tzinfo=UTC)
KEY = b"0123456789ABCDEF"
LINK = "Vhttps://pw.example/i/7K2Q"

# design/forwarding.md, section 1.2: confirmed there by pysiaalarm's own parser and by OpenSSL.
VECTORS = [
    (
        Frame("SIA-DCS", 1, "1234", "#1234|Nri1/BV501^cam 7 persoon^", (), AT),
        None,
        None,
        '52F8004B"SIA-DCS"0001R1L0#1234[#1234|Nri1/BV501^cam 7 persoon^]_22:14:05,11-23-2026',
    ),
    (
        Frame("SIA-DCS", 2, "1234", "#1234|Nri1/BV501", ("X006E49.872", "Y52N12.636", LINK), AT),
        None,
        None,
        '65C10071"SIA-DCS"0002R1L0#1234[#1234|Nri1/BV501][X006E49.872][Y52N12.636]'
        "[Vhttps://pw.example/i/7K2Q]_22:14:05,11-23-2026",
    ),
    (
        Frame("ADM-CID", 3, "1234", "#1234|1130 01 501", (), AT),
        None,
        None,
        '560A003D"ADM-CID"0003R1L0#1234[#1234|1130 01 501]_22:14:05,11-23-2026',
    ),
    (Frame("NULL", 0, "1234"), None, None, 'ED620015"NULL"0000R1L0#1234[]'),
    (
        Frame("SIA-DCS", 4, "5678", "#5678|Nri1/BV501", (LINK,), AT),
        KEY,
        "ABCDEFGHIJKLMN",
        '5ADD00B8"*SIA-DCS"0004R1L0#5678[65F348C040F95E42F909B8A06651E8FFD2D20F1A243BF4E699AC306271'
        "D52AFF57168A89A0BCC6429A55A54BAE906D2D755E0DC935F77916EF5872CFD5C8B02FF2449562897647128BE2"
        "B732090D39A5",
    ),
    (
        Frame("NULL", 0, "5678", "", (), AT),
        KEY,
        "ABCDEFGHIJ",
        '3CD60055"*NULL"0000R1L0#5678[7C79416158577298FC7BC1D5006F0778E7C295FD91A4F403F727E70B8C85'
        "058D",
    ),
    (
        Frame("SIA-DCS", 5, "9ABC", "#9ABC|Nri1/BV501", (), AT),
        KEY * 2,
        "ABCDEFGHIJ",
        'AEB90078"*SIA-DCS"0005R1L0#9ABC[CE3E1C121A69CE42D5A19EB4A83FDB8BA241C8B9F63770C5DCC6833FC3'
        "0EB020F4FA26E5AF8BB1F5A4C66BCB707B0A13",
    ),
]


@pytest.mark.parametrize(("frame", "key", "pad", "line"), VECTORS, ids=range(1, 8))
def test_the_vectors_hold_byte_for_byte(
    frame: Frame, key: bytes | None, pad: str | None, line: str
) -> None:
    raw = b"\n" + line.encode() + b"\r"
    assert encode_frame(frame, key, pad=pad) == raw
    read = decode_frame(raw, key)
    assert (read.token, read.sequence, read.account) == (frame.token, frame.sequence, frame.account)
    assert (read.data, read.fields, read.at) == (frame.data, frame.fields, frame.at)


def test_the_crc_is_crc16_arc() -> None:
    assert crc16_arc(b"123456789") == 0xBB3D  # the catalogue's check value


@pytest.mark.parametrize(("n_bytes", "n_pad"), [(0, 16), (1, 15), (15, 1), (16, 16), (47, 1)])
def test_what_is_aligned_gets_a_whole_block_more(n_bytes: int, n_pad: int) -> None:
    pad = make_pad(n_bytes)
    assert len(pad) == n_pad
    assert not set(pad) & set("|[]")


TEXT = st.text(
    st.characters(codec="ascii", exclude_characters='[]|"\r\n\x00', categories=["L", "N"])
)
FRAMES = st.builds(
    Frame,
    token=st.sampled_from(["SIA-DCS", "ADM-CID", "NULL"]),
    sequence=st.integers(0, 9999),
    account=st.text("0123456789ABCDEF", min_size=3, max_size=16),
    data=TEXT,
    fields=st.lists(TEXT.filter(bool), max_size=4).map(tuple),
    at=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(  # noqa: DTZ001
        lambda at: at.replace(microsecond=0, tzinfo=UTC)
    ),
    receiver=st.text("0123456789ABCDEF", min_size=1, max_size=6),
    line=st.text("0123456789ABCDEF", min_size=1, max_size=6),
)


@given(FRAMES, st.sampled_from([None, 16, 24, 32]))
def test_a_frame_is_read_as_it_was_written(frame: Frame, n_key_bytes: int | None) -> None:
    key = bytes(range(n_key_bytes)) if n_key_bytes else None
    read = decode_frame(encode_frame(frame, key), key)
    assert read == Frame(
        frame.token, frame.sequence, frame.account, frame.data, frame.fields, frame.at,
        frame.receiver, frame.line, is_encrypted=key is not None,
    )  # fmt: skip


@given(FRAMES, st.integers(0, 10_000), st.integers(1, 255))
def test_one_changed_byte_is_noticed(frame: Frame, place: int, change: int) -> None:
    raw = bytearray(encode_frame(frame))
    place = 9 + place % (len(raw) - 10)  # between the length and the carriage return
    raw[place] ^= change
    with pytest.raises(FrameError):
        decode_frame(bytes(raw))


@given(FRAMES, st.sampled_from(["0" * 16, "0" * 24, "0" * 32]))
def test_the_independent_parser_reads_what_we_encrypt(frame: Frame, key: str) -> None:
    # A data block that pysiaalarm can parse; its own decryption and its own CRC.
    said = Frame("SIA-DCS", frame.sequence, "5678", "#5678|Nri1/BA7^x^", ("Vabc",), frame.at)
    raw = encode_frame(said, key.encode())
    event = SIAEvent.from_line(raw[1:-1].decode(), {"5678": SIAAccount("5678", key)})
    assert event.valid_message
    assert (event.code, event.ri, event.message, event.x_data) == ("BA", "1", "7^x^", "Vabc")
    assert event.timestamp == frame.at


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "no frame"),
        (b"\n\r", "no frame"),  # pysiaalarm's answer to a wrong CRC
        (b'"ACK"', "no CRC"),  # only a refusal may come without proof
        (b'\n00000015"ACK"0000R1L0#1234[]\r', "wrong CRC"),
        (b'\n"ACK', "no header"),
        (encode_frame(Frame("ACK", 1, "1234", at=AT), KEY), "no key"),
    ],
    ids=["empty", "break", "no proof", "zeros", "half", "padded by chance"],
)
def test_what_is_no_frame_is_refused(raw: bytes, said: str) -> None:
    with pytest.raises(FrameError, match=said):
        decode_frame(raw)


def test_a_wrong_key_is_noticed() -> None:
    raw = encode_frame(Frame("ACK", 1, "1234", at=AT), KEY, pad="ABCDEFGHIJ")
    with pytest.raises(FrameError, match="this key"):
        decode_frame(raw, b"f" * 16)


@pytest.mark.parametrize(
    "raw", [b'"NAK"', b'\n\x00\x01001B"NAK"0000R0L0A0[]_22:14:05,11-23-2026\r']
)
def test_a_refusal_may_come_bare(raw: bytes) -> None:
    assert decode_frame(raw).token == "NAK"


def test_a_refusal_tells_the_time() -> None:
    raw = b'"NAK"0000R0L0A0[]_22:14:05,11-23-2026'
    assert decode_frame(raw).at == AT
    assert decode_frame(raw.replace(b"11-23", b"13-23")).at is None
    amsterdam = AT.astimezone(timezone(timedelta(hours=1)))  # what is sent is GMT
    assert decode_frame(encode_frame(Frame("ACK", 1, "1234", at=amsterdam))).at == AT
