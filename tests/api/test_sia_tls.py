"""DC-09 inside TLS: pysiaalarm, which speaks none, behind a relay that does."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from channel_builders import make_context, scripted_peer
from sia_attempts import KEYS, attempt, make_options
from sia_peers import Peer, sync_peer
from tls_builders import make_certificate

from parkwacht_api.receivers.channel import SendFailed
from parkwacht_api.receivers.sia_dc09 import Options, address, supervise
from parkwacht_config.errors import ConfigError
from parkwacht_config.validation import check_table


def _relay(line: ssl.SSLSocket, port: int) -> None:
    """Carry one frame to the receiver and its reply back."""
    with suppress(OSError), line, socket.create_connection(("127.0.0.1", port)) as inner:
        inner.sendall(line.recv(4096))
        line.sendall(inner.recv(4096))
        line.recv(1)  # until the other side leaves


def _serve(listening: socket.socket, serving: ssl.SSLContext, port: int) -> None:
    while True:
        try:
            line, _ = listening.accept()
        except OSError:
            return
        line.settimeout(5)
        with suppress(OSError):  # who does not trust us hangs up
            _relay(serving.wrap_socket(line, server_side=True), port)
        line.close()


@contextmanager
def tls_receiver(
    folder: Path, key: str | None = None, name: str = "localhost"
) -> Iterator[tuple[Peer, int, Path]]:
    """A receiver, the port where TLS is spoken, and the file of who vouches for it."""
    serving, trusted = make_certificate(folder, name)
    with sync_peer({"1234": key}) as peer, socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_serve, args=(listening, serving, peer.port))
        thread.start()
        try:
            yield peer, listening.getsockname()[1], trusted
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize("n_key_bytes", [0, 32])
def test_pysiaalarm_understands_an_alarm_inside_tls(tmp_path: Path, n_key_bytes: int) -> None:
    key = KEYS[n_key_bytes]
    with tls_receiver(tmp_path, key) as (peer, port, trusted):
        answer = attempt(port, key, host="localhost", tls=True, ca_file=str(trusted))
    assert [one.code for one in peer.seen] == ["BA"]
    assert answer.response == ("*ACK 0041" if key else "ACK 0041")


def test_supervision_goes_inside_tls_too(tmp_path: Path) -> None:
    with tls_receiver(tmp_path) as (peer, port, trusted), make_context() as context:
        options = make_options(port, host="localhost", tls=True, ca_file=str(trusted))
        supervise(options, context)
    assert peer.counts.events == 1


@pytest.mark.parametrize("case", ["unknown", "of another name"])
def test_a_certificate_must_be_vouched_for_and_the_receivers_own(tmp_path: Path, case: str) -> None:
    name = "meldkamer.example" if case == "of another name" else "localhost"
    with tls_receiver(tmp_path, name=name) as (peer, port, trusted):
        ca_file = "" if case == "unknown" else str(trusted)
        with pytest.raises(SendFailed, match="certificate verify failed"):
            attempt(port, host="localhost", tls=True, ca_file=ca_file)
    assert peer.seen == []  # nothing was said to whom we do not know


def test_a_receiver_without_tls_gets_no_alarm_in_clear(tmp_path: Path) -> None:
    _, trusted = make_certificate(tmp_path, "localhost")
    with scripted_peer(lambda _told, _n: b"NAK") as (port, seen), pytest.raises(SendFailed):
        attempt(port, host="localhost", tls=True, ca_file=str(trusted))
    assert all(b"1234" not in one for one in seen)


def test_a_silent_receiver_holds_no_place(tmp_path: Path) -> None:
    _, trusted = make_certificate(tmp_path, "localhost")
    options = {"host": "localhost", "tls": True, "ca_file": str(trusted)}
    with socket.create_server(("127.0.0.1", 0)) as server, make_context(timeout_s=0.2) as context:
        port = server.getsockname()[1]
        with pytest.raises(SendFailed, match="timed out"):
            supervise(make_options(port, **options), context)


@pytest.mark.parametrize("change", [{"tls": True, "transport": "udp"}, {"ca_file": "ca.pem"}])
def test_options_of_tls_fit_each_other(change: dict[str, Any]) -> None:
    given = {"host": "h", "port": 1, "account": "1234"} | change
    with pytest.raises(ConfigError, match="tls"):
        check_table(Options, given, "site.toml", prefix="channels")


def test_the_machine_is_named_with_its_scheme() -> None:
    assert address(make_options(700, tls=True)) == "tls://127.0.0.1:700"
