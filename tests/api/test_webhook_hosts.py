"""Which machine a webhook goes to: never a private one by accident, and the one it is named for."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_harness import answering, receiver_stub
from tls_builders import make_certificate
from webhook_attempts import NOW, attempt

from parkwacht_api.receivers.channel import SendFailed
from parkwacht_api.receivers.guard import HostRefused, checked_hosts, is_named_local
from parkwacht_api.receivers.http_client import make_client
from parkwacht_api.receivers.webhook import call_first

# Ways to write an address of this machine or of a private network that are no literal loopback.
HIDDEN = ["127.1", "2130706433", "0x7f000001", "[::ffff:10.0.0.1]", "0.0.0.0", "10.0.0.1",  # noqa: S104
          "192.168.1.10", "169.254.169.254", "[fe80::1]", "[fd00::1]", "100.64.0.1",
          "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "224.0.0.1"]  # fmt: skip


@pytest.mark.parametrize("host", HIDDEN)
def test_a_private_network_is_not_reached_by_accident(host: str) -> None:
    with receiver_stub() as stub:
        port = httpx.URL(stub.url).port
        with pytest.raises(SendFailed, match="private network"):
            attempt(f"http://{host}:{port}/webhook")
    assert stub.seen == []


def test_a_private_network_is_reached_where_that_is_said() -> None:
    with receiver_stub(answering(204)) as stub:
        port = httpx.URL(stub.url).port
        assert attempt(f"http://127.1:{port}/webhook", allow_private=True).http_status == 204
    # The connection went to the address that was looked at, in the name of the host.
    assert stub.seen[0].headers["host"] == f"127.1:{port}"


@pytest.mark.parametrize(
    ("host", "is_local"),
    [
        ("localhost", True), ("localhost.", True), ("127.0.0.9", True), ("::1", True),
        ("::ffff:127.0.0.1", True), ("localhost.example", False), ("127.1", False),
    ],
)  # fmt: skip
def test_this_machine_is_what_is_literally_named_so(host: str, is_local: bool) -> None:
    assert is_named_local(host) is is_local


def answers(*addresses: str) -> Any:
    turns = iter(addresses)

    def resolve(_host: str, port: int, **_: Any) -> list[Any]:
        return [(0, 0, 0, "", (one, port)) for one in next(turns).split()]

    return resolve


def test_a_name_is_resolved_once_and_all_its_addresses_count() -> None:
    # A name server that turns: the first answer is what is connected to.
    turning = answers("93.184.216.34", "127.0.0.1")
    assert checked_hosts("a.example", 443, allow_private=False, resolve=turning) == [
        "93.184.216.34"
    ]
    mixed = answers("93.184.216.34 192.168.1.1")
    with pytest.raises(HostRefused, match=r"192\.168\.1\.1"):
        checked_hosts("a.example", 443, allow_private=False, resolve=mixed)
    both = answers("2606:2800:220:1::1 93.184.216.34 93.184.216.34")
    found = checked_hosts("a.example", 443, allow_private=False, resolve=both)
    assert found == ["2606:2800:220:1::1", "93.184.216.34"]


def test_a_name_that_leads_nowhere_is_a_failure() -> None:
    with pytest.raises(SendFailed, match="has no address"):
        attempt("http://nobody.invalid/")


def test_the_next_address_is_tried_where_one_does_not_answer() -> None:
    with receiver_stub(answering(204)) as stub, httpx.Client(trust_env=False) as client:
        url = httpx.URL(stub.url).copy_with(host="park.example")
        request = client.build_request("POST", url, content=b"{}")
        answer = call_first(client, request, ["127.0.0.9", "127.0.0.1"], NOW)
        assert answer.http_status == 204
    assert stub.seen[0].headers["host"] == f"park.example:{url.port}"


@contextmanager
def tls_receiver(folder: Path, name: str) -> Iterator[tuple[int, ssl.SSLContext, list[str]]]:
    """An HTTPS server with a certificate for a name, and what trusts it."""
    serving, trusted = make_certificate(folder, name)
    trusting = ssl.create_default_context(cafile=trusted)
    asked: list[str] = []
    serving.sni_callback = lambda _line, server_name, _context: asked.append(server_name)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_take_calls, args=(listening, serving))
        thread.start()
        try:
            yield listening.getsockname()[1], trusting, asked
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def _take_calls(listening: socket.socket, serving: ssl.SSLContext) -> None:
    while True:
        try:
            line, _ = listening.accept()
        except OSError:
            return
        with line:
            try:
                with serving.wrap_socket(line, server_side=True) as safe:
                    safe.recv(65_536)
                    safe.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            except OSError:
                continue


@pytest.mark.parametrize("name", ["park.example", "other.example"])
def test_the_certificate_must_be_the_names_own(tmp_path: Path, name: str) -> None:
    with tls_receiver(tmp_path, "park.example") as (port, trusting, asked):
        with make_client(5, trusting) as client:
            request = client.build_request("GET", f"https://{name}:{port}/")
            if name == "park.example":
                assert call_first(client, request, ["127.0.0.1"], NOW).http_status == 204
            else:
                with pytest.raises(httpx.ConnectError, match=r"other\.example"):
                    call_first(client, request, ["127.0.0.1"], NOW)
        assert asked == [name]
