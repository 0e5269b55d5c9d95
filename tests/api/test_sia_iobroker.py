"""What ioBroker.sia, a receiver in node, understands of our frames."""

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from channel_builders import RunningClock, make_context, make_message
from rtsp_server import free_port
from sia_attempts import KEYS, LINK, attempt, make_options
from sia_peers import Peer, iobroker_peer, require_iobroker

from parkwacht_api.receivers.channel import SendFailed
from parkwacht_api.receivers.sia_dc09 import send, supervise


@pytest.fixture(scope="session")
def node_home(request: pytest.FixtureRequest) -> Path:
    return require_iobroker(request)


PLAIN = {"accountnumber": "1234", "aes": False}


def iobroker_account(key: str, *, is_hex: bool = False) -> dict[str, Any]:
    return {"accountnumber": "1234", "aes": True, "hex": is_hex, "password": key}


@pytest.mark.server("npm")
@pytest.mark.parametrize("n_key_bytes", KEYS)
def test_iobroker_understands_an_alarm(node_home: Path, n_key_bytes: int) -> None:
    key = KEYS[n_key_bytes]
    account = iobroker_account(key) if key else PLAIN
    with iobroker_peer(node_home, free_port(), [account]) as peer:
        for transport in ("tcp", "udp"):
            for form in ("SIA-DCS", "ADM-CID"):
                answer = attempt(peer.port, key, transport=transport, form=form)
                assert answer.response == ("*ACK 0041" if key else "ACK 0041")
        wait_for(peer, 4)
    assert [one["data"]["id"].strip("*") for one in peer.seen] == ["SIA-DCS", "ADM-CID"] * 2
    sia, cid = (one["data"] for one in peer.seen[:2])
    # Only the first field is kept there, so the link goes first.
    assert (sia["data_extended"], cid["data_extended"]) == (f"V{LINK}", f"V{LINK}")
    assert sia["data_message"] == "#1234|Nri1/BA501^12 persoon, Kruising cafe^"
    assert cid["data_message"] == "#1234|1130 01 501"


def wait_for(peer: Peer, n_seen: int) -> None:
    end = time.monotonic() + 5
    while len(peer.seen) < n_seen and time.monotonic() < end:
        time.sleep(0.01)


@pytest.mark.server("npm")
def test_iobroker_takes_a_key_in_hex(node_home: Path) -> None:
    key = "00112233445566778899AABBCCDDEEFF"
    with iobroker_peer(node_home, free_port(), [iobroker_account(key, is_hex=True)]) as peer:
        assert attempt(peer.port, key, key_format="hex").response == "*ACK 0041"


@pytest.mark.server("npm")
@pytest.mark.parametrize("n_key_bytes", [0, 16])
def test_iobroker_refuses_null_but_takes_a_test_report(node_home: Path, n_key_bytes: int) -> None:
    key = KEYS[n_key_bytes]
    account = iobroker_account(key) if key else PLAIN
    with (
        iobroker_peer(node_home, free_port(), [account]) as peer,
        make_context(secrets={"KEY": key or ""}) as context,
    ):
        key_env = "KEY" if key else ""
        with pytest.raises(SendFailed, match="NAK"):
            supervise(make_options(peer.port, key_env=key_env), context)
        rp = make_options(peer.port, key_env=key_env, supervision="rp")
        assert "ACK" in supervise(rp, context).response


@pytest.mark.server("npm")
def test_iobroker_refuses_an_old_time_and_takes_its_own(node_home: Path) -> None:
    slow = RunningClock(timedelta(seconds=-120))
    with (
        iobroker_peer(node_home, free_port(), [PLAIN]) as peer,
        make_context(clock=slow) as context,
    ):
        # With one field, because with more this receiver loses the timestamp.
        options = make_options(peer.port, fields=("V",))
        answer = send(options, make_message(at=slow.now()), context)
        wait_for(peer, 2)
    assert answer.clock_offset is not None
    assert ["data" in one for one in peer.seen] == [False, True]


@pytest.mark.server("npm")
def test_iobroker_that_closes_each_connection_loses_nothing(node_home: Path) -> None:
    # There a second frame on one connection gets no reply: we open one for each.
    with iobroker_peer(node_home, free_port(), [PLAIN], sockend=True) as peer:
        for _ in range(3):
            assert attempt(peer.port).response == "ACK 0041"
        wait_for(peer, 3)
    assert len(peer.seen) == 3


@pytest.mark.server("npm")
def test_iobroker_refuses_an_unknown_account(node_home: Path) -> None:
    with (
        iobroker_peer(node_home, free_port(), [PLAIN | {"accountnumber": "9999"}]) as peer,
        pytest.raises(SendFailed, match="NAK"),
    ):
        attempt(peer.port)
