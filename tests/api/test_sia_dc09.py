"""What two independent receivers understand of our frames, and what we make of sloppy replies."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from channel_builders import RunningClock, make_context, make_message, scripted_peer
from rtsp_server import free_port
from sia_attempts import KEYS, LINK, attempt, make_options
from sia_peers import Peer, async_peer, sync_peer

from parkwacht_api.receivers.channel import SendFailed, SendRefused
from parkwacht_api.receivers.sia_dc09 import Options, address, ascii_text, send, supervise
from parkwacht_api.receivers.sia_frame import Frame, crc16_arc, decode_frame, encode_frame
from parkwacht_config.errors import ConfigError
from parkwacht_config.validation import check_table

# Not its asyncio over UDP: that asserts a base class that Python's own transport does not have, and
# never answers.
PEERS: dict[str, tuple[Callable[..., Any], str]] = {
    "threads-tcp": (sync_peer, "tcp"),
    "threads-udp": (sync_peer, "udp"),
    "asyncio-tcp": (async_peer, "tcp"),
}


@contextmanager
def pysiaalarm(name: str, key: str | None) -> Iterator[tuple[Peer, str]]:
    peer, transport = PEERS[name]
    more = {"is_udp": True} if transport == "udp" else {}
    with peer({"1234": key}, **more) as listening:
        yield listening, transport


@pytest.mark.parametrize("n_key_bytes", KEYS)
@pytest.mark.parametrize("form", ["SIA-DCS", "ADM-CID"])
@pytest.mark.parametrize("peer_name", PEERS)
def test_pysiaalarm_understands_an_alarm(peer_name: str, form: str, n_key_bytes: int) -> None:
    key = KEYS[n_key_bytes]
    with pysiaalarm(peer_name, key) as (peer, transport):
        answer = attempt(peer.port, key, transport=transport, form=form)
    (event,) = peer.seen
    assert event.code == "BA"  # Contact ID 1130 is BA in pysiaalarm's own table
    assert event.ri == ("1" if form == "SIA-DCS" else "501")
    assert (event.account, event.sequence) == ("1234", "0041")  # serial 40: 40 % 9999 + 1
    values = {one.identifier: one.value for one in event.extended_data}
    assert values["V"] == LINK
    if form == "SIA-DCS":
        assert event.message == "501^12 persoon, Kruising cafe^"
        # 6.8312 = 6 degrees 49.872 minutes, 52.2106 = 52 degrees 12.636 minutes
        assert (values["X"], values["Y"]) == ("006E49.872", "52N12.636")
    assert answer.response == ("*ACK 0041" if key else "ACK 0041")
    assert peer.counts.valid_events == 1


# SIA DC-03 codes; the right column is what pysiaalarm's Contact ID table makes of our event.
KINDS: list[tuple[str, dict[str, Any], str, str]] = [
    ("event.flagged", {}, "BA", "BA"),
    ("incident.updated", {}, "BA", "BA"),
    ("event.verified", {}, "BV", "BA"),
    ("incident.over", {}, "BR", "BH"),
    ("incident.cancelled", {}, "BC", "OC"),
    ("test.alarm", {}, "RP", "RP"),
    ("event.flagged", {"is_test": True}, "RX", "RX"),
    ("trouble.opened", {"cause": "covered"}, "TA", "TA"),
    ("trouble.over", {"cause": "covered"}, "TR", "TR"),
    ("trouble.opened", {"cause": "lost"}, "IA", "YX"),
    ("trouble.over", {"cause": "lost"}, "IR", "YZ"),
    ("trouble.opened", {"cause": "clock_drift"}, "BT", "YX"),
    ("trouble.over", {"cause": "clock_drift"}, "BJ", "YZ"),
    ("trouble.opened", {"cause": "lost", "incident": {"kind": "partner_trouble"}}, "YC", "YC"),
    ("trouble.over", {"cause": "lost", "incident": {"kind": "partner_trouble"}}, "YK", "YK"),
    (
        "trouble.opened",
        {"cause": "dead_letter", "incident": {"kind": "service_trouble"}},
        "YX",
        "YX",
    ),
    ("trouble.over", {"cause": "dead_letter", "incident": {"kind": "service_trouble"}}, "YZ", "YZ"),
]


def test_pysiaalarm_knows_every_code() -> None:
    with sync_peer({"1234": None}) as peer:
        for number, (kind, data, _, _) in enumerate(KINDS):
            for place, form in enumerate(("SIA-DCS", "ADM-CID")):
                message = make_message(kind, serial=2 * number + place, **data)
                attempt(peer.port, form=form, message=message)
    events = sorted(peer.seen, key=lambda event: str(event.sequence))
    assert [event.code for event in events] == [code for one in KINDS for code in one[2:]]
    assert peer.counts.valid_events == 2 * len(KINDS)


def test_an_update_is_an_alarm_only_where_it_is_news_to_a_control_room() -> None:
    # A clip that is ready is no second detector, and an unclear verdict no alarm.
    news: list[tuple[str, int, str]] = [
        ("camera", 1, "BA"),
        ("severity", 1, "BA"),
        ("clip", 1, ""),
        ("verdict", 1, ""),
        ("verdict", 4, "BV"),
    ]
    with sync_peer({"1234": None}) as peer:
        for number, (what, level, _) in enumerate(news):
            told: dict[str, Any] = {"news": what, "verdict": {"avs_level": level}}
            attempt(peer.port, message=make_message("incident.updated", serial=number, **told))
    assert [event.code for event in peer.seen] == [code for *_, code in news if code]


def test_a_verified_burglary_is_of_an_area() -> None:
    with sync_peer({"1234": None}) as peer:
        attempt(peer.port, message=make_message("event.verified"), numbers={}, area=7)
    assert peer.seen[0].message.startswith("7^12 ")


def test_what_has_no_code_is_refused_and_not_sent() -> None:
    with pytest.raises(SendRefused):
        attempt(free_port(), message=make_message("evidence.released"))


@pytest.mark.parametrize("peer_name", PEERS)
@pytest.mark.parametrize("n_key_bytes", [0, 16])
@pytest.mark.parametrize("supervision", ["null", "rp"])
def test_pysiaalarm_answers_to_supervision(
    peer_name: str, n_key_bytes: int, supervision: str
) -> None:
    key = KEYS[n_key_bytes]
    with pysiaalarm(peer_name, key) as (peer, transport):
        options = make_options(
            peer.port, transport=transport, key_env="KEY" if key else "", supervision=supervision
        )
        with make_context(secrets={"KEY": key or ""}) as context:
            answer = supervise(options, context)
    assert "ACK" in answer.response
    assert [event.code for event in peer.seen] == ["RP"]


def test_supervision_may_be_off() -> None:
    with make_context() as context:
        assert supervise(make_options(free_port(), supervision="off"), context).response == "off"


@pytest.mark.parametrize("host", ["127.0.0.1", "x" * 70])
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_nobody_there_is_a_failure(host: str, transport: str) -> None:
    options = make_options(free_port(), host=host, transport=transport)
    with make_context() as context, pytest.raises(SendFailed, match="no answer") as caught:
        supervise(options, context)
    assert caught.value.answer is None


@pytest.mark.parametrize("peer_name", PEERS)
@pytest.mark.parametrize("n_key_bytes", [0, 16])
def test_a_refused_time_is_answered_with_the_receivers(peer_name: str, n_key_bytes: int) -> None:
    key = KEYS[n_key_bytes]
    slow = RunningClock(timedelta(seconds=-120))
    with pysiaalarm(peer_name, key) as (peer, transport):
        options = make_options(peer.port, transport=transport, key_env="KEY" if key else "")
        with make_context(secrets={"KEY": key or ""}, clock=slow) as context:
            answer = send(options, make_message(at=slow.now()), context)
        assert peer.counts.error_timestamp == 1
        assert answer.clock_offset is not None
        assert abs(answer.clock_offset.total_seconds() - 120) <= 2
        # Kept for the next attempt: no NAK any more.
        with make_context(
            secrets={"KEY": key or ""}, clock=slow, offset=answer.clock_offset
        ) as context:
            assert send(options, make_message(at=slow.now()), context).clock_offset is None
    assert peer.counts.error_timestamp == 1
    assert len(peer.seen) == 2


def test_an_unknown_account_and_a_wrong_key_are_failures() -> None:
    cases: list[tuple[dict[str, str | None], str | None]] = [
        ({"9999": None}, None),
        ({"9999": None}, KEYS[16]),
        ({"1234": KEYS[16]}, KEYS[32]),
    ]
    for accounts, key in cases:
        with sync_peer(accounts) as peer:
            with pytest.raises(SendFailed):
                attempt(peer.port, key)
            assert peer.seen == []


def test_contact_id_with_two_fields_is_refused_by_pysiaalarm() -> None:
    # Which is why one field goes there unless told otherwise.
    with sync_peer({"1234": None}) as peer:
        with pytest.raises(SendFailed, match="NAK"):
            attempt(peer.port, form="ADM-CID", fields=("V", "X"))
        assert peer.counts.error_format == 1


def test_pysiaalarm_answers_duh_to_a_code_it_does_not_know() -> None:
    frame = encode_frame(Frame("SIA-DCS", 7, "1234", "#1234|Nri1/QQ1", at=datetime.now(UTC)))
    with (
        sync_peer({"1234": None}) as peer,
        socket.create_connection(("127.0.0.1", peer.port), timeout=5) as line,
    ):
        line.sendall(frame)
        said = decode_frame(line.recv(1024))
    assert (said.token, said.sequence, said.account) == ("DUH", 7, "1234")


def test_a_receiver_does_not_know_a_repeated_frame() -> None:
    # So the number of the incident stands in the text, for the person who sees two.
    with sync_peer({"1234": None}) as peer:
        message = make_message()
        attempt(peer.port, message=message)
        attempt(peer.port, message=message)
    assert [event.sequence for event in peer.seen] == ["0041", "0041"]
    assert all("^12 " in event.message for event in peer.seen)


def test_a_reply_with_the_key_in_it_is_not_kept() -> None:
    # pysiaalarm 3.2.2 sends [K<key>] in answer to x-data.
    with sync_peer({"1234": KEYS[16]}) as peer:
        answer = attempt(peer.port, KEYS[16])
    assert answer.response == "*ACK 0041"


def reply(frame: bytes, name: str, **changes: Any) -> bytes:
    sent = decode_frame(frame)
    fields = {"sequence": sent.sequence, "account": sent.account} | changes
    return encode_frame(Frame(name, **fields))


SLOPPY: dict[str, Callable[[bytes], bytes]] = {
    "no R, as pysiaalarm": lambda _: _framed(b'"ACK"0041NoneL0#1234[]'),
    "with x-data": lambda _: _framed(b'"ACK"0041R1L0#1234[][Kabc]'),
    "other receiver number": lambda _: _framed(b'"ACK"0041R77L9#1234[]'),
    "rubbish before": lambda raw: b"\x00\n" + raw,
}


def _framed(region: bytes) -> bytes:
    return f"\n{crc16_arc(region):04X}{len(region):04X}".lower().encode() + region + b"\r"


@pytest.mark.parametrize("case", SLOPPY)
def test_a_sloppy_acknowledgement_counts(case: str) -> None:
    with scripted_peer(lambda raw, _: SLOPPY[case](reply(raw, "ACK"))) as (port, _):
        assert attempt(port).response == "ACK 0041"


WRONG: dict[str, tuple[Callable[[bytes], bytes | None], str]] = {
    "another sequence": (lambda raw: reply(raw, "ACK", sequence=40), "something else"),
    "another account": (lambda raw: reply(raw, "ACK", account="4321"), "something else"),
    "another word": (lambda raw: reply(raw, "RSP"), "something else"),
    "bare ACK": (lambda _: b'"ACK"\r', "cannot be read"),
    "bare NAK": (lambda _: b'"NAK"', "NAK"),
    "wrong CRC": (lambda _: b'\n00000015"ACK"0041R1L0#1234[]\r', "cannot be read"),
    "garbage": (lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n", "cannot be read"),
    "nothing": (lambda _: None, "cannot be read"),
    "half": (lambda raw: reply(raw, "ACK")[:-6], "cannot be read"),
}


@pytest.mark.parametrize("case", WRONG)
def test_any_other_reply_is_a_failure(case: str) -> None:
    answer, said = WRONG[case]
    with (
        scripted_peer(lambda raw, _: answer(raw)) as (port, seen),
        pytest.raises(SendFailed, match=said),
    ):
        attempt(port)
    assert len(seen) == 1


def test_a_receiver_that_says_more_than_its_reply_sees_an_end_and_no_reset() -> None:
    # As ioBroker, whose process ends at a reset. More than we read at once, so that some is left.
    ends: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            line, _ = server.accept()
            with line:
                line.settimeout(5)
                said = reply(line.recv(4096), "ACK")
                line.sendall(said + said * 40)
                ends.append(line.recv(4096))

        thread = threading.Thread(target=serve)
        thread.start()
        answer = attempt(server.getsockname()[1])
        thread.join()
    assert answer.response == "ACK 0041"
    assert ends == [b""]


def test_a_clear_acknowledgement_of_an_encrypted_frame_proves_nothing() -> None:
    forged = encode_frame(Frame("ACK", 41, "1234"))
    with scripted_peer(lambda *_: forged) as (port, _), pytest.raises(SendFailed):
        attempt(port, KEYS[16])


def test_duh_is_for_good() -> None:
    with scripted_peer(lambda raw, _: reply(raw, "DUH")) as (port, _):
        with pytest.raises(SendRefused) as caught:
            attempt(port)
        assert caught.value.answer.response == "DUH 0041"


@pytest.mark.parametrize(("hours", "n_frames"), [(1, 2), (5, 1), (0, 1)])
def test_a_refusal_is_answered_once_and_within_reason(hours: int, n_frames: int) -> None:
    # An hour is a wrong time zone; five are no clock; with the right time it is another refusal.
    def refuse(_raw: bytes, _n: int) -> bytes:
        at = datetime.now(UTC) + timedelta(hours=hours)
        return b"\n" + f'"NAK"0000R0L0A0[]_{at:%H:%M:%S,%m-%d-%Y}'.encode() + b"\r"

    with scripted_peer(refuse) as (port, seen), pytest.raises(SendFailed, match="NAK"):
        attempt(port)
    assert len(seen) == n_frames


def test_a_silent_receiver_takes_no_longer_than_it_may() -> None:
    def drip(_raw: bytes, _n: int) -> None:
        time.sleep(0.6)

    with (
        scripted_peer(drip) as (port, seen),
        make_context(timeout_s=0.2) as context,
        pytest.raises(SendFailed, match="no answer"),
    ):
        send(make_options(port), make_message(), context)
    assert len(seen) == 1


def test_a_late_alarm_tells_when_it_began() -> None:
    now = datetime.now(UTC)
    began = datetime(2026, 11, 23, 22, 14, 5, tzinfo=UTC)
    with sync_peer({"1234": None}) as peer:
        attempt(peer.port, message=make_message(at=now, started_at=began.isoformat()))
    values = {one.identifier: one.value for one in peer.seen[0].extended_data}
    assert values["H"] == "22:14:05,11-23-2026"


@pytest.mark.parametrize(
    ("fields", "link", "kept"),
    [
        (("V",), "https://pw.example/1", ["V"]),
        (("I", "V"), "https://pw.example/1", ["I", "V"]),
        (("V", "Y"), "https://[::1]/1", ["Y"]),  # brackets end a field
        (("V", "Y"), "https://pw.example/" + "x" * 240, ["Y"]),  # more than 256 characters
    ],
)
def test_fields_go_in_their_order_where_they_fit(
    fields: tuple[str, ...], link: str, kept: list[str]
) -> None:
    with sync_peer({"1234": None}) as peer:
        attempt(peer.port, fields=fields, message=make_message(links={"event": link}))
    assert [one.identifier for one in peer.seen[0].extended_data] == kept


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("café Zuid-Oost", "cafe Zuid-Oost"),
        ('a|b[c]d^e"f\r\n/g_h', "a b c d e f g h"),
        ("Straße 5 €", "Strasse 5 EUR"),
        ("xxxx yyyy", "xxxx"),
    ],
)
def test_texts_are_ascii_without_what_frames_use(text: str, written: str) -> None:
    assert ascii_text(text, 5 if text.startswith("x") else 99) == written


@pytest.mark.parametrize(
    ("lon", "lat", "x", "y"),
    [
        (-0.99999999, -51.5, "001W00.000", "51S30.000"),  # never 000W60.000
        (6.0, 52.0, "006E00.000", "52N00.000"),
    ],
)
def test_positions_are_degrees_and_decimal_minutes(lon: float, lat: float, x: str, y: str) -> None:
    with sync_peer({"1234": None}) as peer:
        attempt(peer.port, message=make_message(position={"lon": lon, "lat": lat}))
    values = {one.identifier: one.value for one in peer.seen[0].extended_data}
    assert (values["X"], values["Y"]) == (x, y)


@pytest.mark.parametrize("key", ["short", "é" * 16, "0123456789ABCDEF0"])
@pytest.mark.parametrize("key_format", ["ascii", "hex"])
def test_a_key_must_be_one(key: str, key_format: str) -> None:
    with pytest.raises(ConfigError) as caught:
        attempt(free_port(), key, key_format=key_format)
    assert key not in str(caught.value)


def test_a_frame_may_be_told_to_be_held_back() -> None:
    assert address(make_options(700)) == "tcp://127.0.0.1:700"
    assert address(make_options(700, host="::1", transport="udp")) == "udp://[::1]:700"


@pytest.mark.parametrize("change", [{"account": "xyz"}, {"port": 0}, {"secure": True}])
def test_options_are_checked(change: dict[str, Any]) -> None:
    given = {"host": "h", "port": 1, "account": "1234"} | change
    with pytest.raises(ConfigError):
        check_table(Options, given, "site.toml", prefix="channels")
