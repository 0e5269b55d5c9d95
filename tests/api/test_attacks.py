"""
What an attacker would try, tried: paths, bodies, headers, media, floods. Raw sockets where a client
library would tidy the request up. Each time the service answers with a 4xx and goes on.
"""

import asyncio
import gzip
import json
import socket
import struct
import zipfile
from collections.abc import Iterator
from io import BytesIO
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from api_harness import (
    JPEG,
    MP4,
    Service,
    event_parts,
    make_ending,
    make_flagged,
    make_receiver,
    make_report,
    make_site,
    running_service,
)
from evidence_builders import incident_of, made
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send

from parkwacht_api.evidence_mp4 import start_told_by, track_ids
from parkwacht_api.rate_limit import BURST, PER_S, IngestLimit
from parkwacht_config.secrets import SECRETS_FILE
from parkwacht_config.settings import Settings

SECRET_MARK = b"PARKWACHT_"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    site = make_site(make_receiver("meldkamer", "http://127.0.0.1:9/webhook"))
    with running_service(tmp_path_factory.mktemp("attacks") / "state", site) as running:
        assert SECRET_MARK in (running.settings.state_dir / SECRETS_FILE).read_bytes()
        yield running


def raw(service: Service, request: bytes) -> bytes:
    """Send bytes as they are and return the whole answer."""
    parts = urlsplit(service.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


def get(service: Service, path: str, *headers: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: x", "Connection: close", *headers, "", ""]
    return raw(service, "\r\n".join(lines).encode("latin-1"))


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def is_alive(service: Service) -> bool:
    return status_of(get(service, "/health/live")) == 200


@pytest.mark.parametrize("up", ["../", "..%2f", "%2e%2e/", "%2e%2e%2f", "..%5c", "....//", "/"])
@pytest.mark.parametrize(
    "root",
    ["/static/", "/api/v1/events/", "/api/v1/evidence/", "/evidence/", "/events/", "/"],
)
def test_no_path_leads_out_of_its_folder(service: Service, root: str, up: str) -> None:
    key = f"Authorization: Bearer {service.operator_key}"
    for target in (up + f"{SECRETS_FILE}/snapshot", up * 3 + SECRETS_FILE, up * 9 + "etc/passwd"):
        answer = get(service, root + target, key)
        assert 300 <= status_of(answer) < 500, (root, target)
        assert SECRET_MARK not in answer
        assert b"root:" not in answer


@pytest.mark.parametrize(
    "name", ["../clip.mp4", "/etc/x.mp4", "a/b.mp4", "..\\x.mp4", "clip.mp4\0.jpg", ".mp4", "x.php"]
)
def test_a_file_keeps_the_name_that_it_is_given_here(service: Service, name: str) -> None:
    event = make_flagged().model_dump(mode="json")
    event["snapshot"]["name"] = name
    parts: list[Any] = [
        ("event", (None, json.dumps(event))),
        ("snapshot", ("x.jpg", JPEG, "image/jpeg")),
    ]
    with service.client(service.worker_key) as client:
        assert client.post("/events", files=parts).status_code == 422
        # The part's own file name is nobody's business.
        good = make_flagged()
        parts = event_parts(good)
        parts[1] = ("snapshot", ("../../../../tmp/evil.sh", JPEG, "image/jpeg"))
        assert client.post("/events", files=parts).status_code == 201
    names = [p.name for p in service.settings.media_dir.rglob(f"{good.id}*")]
    assert len(names) == 1
    assert names[0].endswith(".jpg")
    assert not Path("/tmp/evil.sh").exists()


def zip_bomb() -> bytes:
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0", bytes(8 * 1024 * 1024))
    return target.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(zip_bomb(), id="zip bomb"),
        pytest.param(gzip.compress(bytes(8 * 1024 * 1024)), id="gzip bomb"),
        pytest.param(b"<svg onload=alert(1)>", id="svg"),
        pytest.param(b"<html><script>alert(1)</script>", id="html"),
        pytest.param(b"GIF89a" + JPEG, id="gif"),
        pytest.param(b"\0", id="one byte"),
    ],
)
def test_what_is_no_image_is_no_image(service: Service, data: bytes) -> None:
    before = list(service.settings.media_dir.rglob("*"))
    answer = service.post_event(make_flagged(data), data)
    assert answer.status_code == 422, answer.text
    event = service.stored()
    ending = make_ending(event, data)
    assert service.put_ending(ending, data).status_code == 422
    left = [p for p in service.settings.media_dir.rglob("*") if p.is_file() and p not in before]
    assert [p.name[:36] for p in left] == [str(event.id)]


def test_a_body_that_would_unpack_is_not_unpacked(service: Service) -> None:
    body = gzip.compress(json.dumps(make_report().model_dump(mode="json")).encode())
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    with service.client(service.worker_key, **headers) as client:
        assert client.post("/watch-reports", content=body).status_code in {400, 422}


def deep(n: int) -> bytes:
    return b"[" * n + b"]" * n


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(deep(400_000), id="deep"),
        pytest.param(b'{"a":' * 150_000 + b"1" + b"}" * 150_000, id="deep objects"),
        pytest.param(b"9" * 900_000, id="a number of many digits"),
        pytest.param(b'{"x": 1e400, "y": NaN}', id="no numbers"),
        pytest.param(b'"\\ud800"', id="half a character"),
        pytest.param(b"\xff\xfe\x00", id="no text"),
        pytest.param(b'{"a":1,' + b'"a":1,' * 100_000 + b'"a":1}', id="many keys"),
        pytest.param(b"", id="nothing"),
    ],
)
@pytest.mark.parametrize("path", ["/watch-reports", "/camera-troubles", "/incidents/x/evidence"])
def test_strange_json(service: Service, path: str, body: bytes) -> None:
    key = service.operator_key if "evidence" in path else service.worker_key
    with service.client(key, **{"Content-Type": "application/json"}) as client:
        answer = client.post(path, content=body)
    assert answer.status_code in {400, 422}, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_strange_json_in_a_form(service: Service) -> None:
    for body in (deep(200_000), b"9" * 500_000, b"\xff"):
        parts: list[Any] = [("event", (None, body)), ("snapshot", ("x.jpg", JPEG, "image/jpeg"))]
        with service.client(service.worker_key) as client:
            assert client.post("/events", files=parts).status_code in {400, 422}


def test_more_json_than_is_taken(service: Service) -> None:
    with service.client(service.worker_key) as client:
        answer = client.post("/watch-reports", json={"x": "y" * 1_100_000})
    assert answer.status_code == 413


def test_a_length_that_is_a_lie(service: Service) -> None:
    """Chunks say no length beforehand: what comes in is counted."""
    chunk = b"%x\r\n" % 65536 + b"x" * 65536 + b"\r\n"
    head = (
        b"POST /api/v1/watch-reports HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
        + f"Authorization: Bearer {service.worker_key}\r\n\r\n".encode()
    )
    try:
        answer = raw(service, head + chunk * 40 + b"0\r\n\r\n")
    except ConnectionError:  # it did not even wait for the rest
        answer = b""
    assert answer == b"" or status_of(answer) == 413
    assert is_alive(service)


@pytest.mark.parametrize(
    "request_bytes",
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 5000 + b"\r\n", id="headers"),
        pytest.param(b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", id="a long path"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", id="TLS"),
        pytest.param(
            b"POST /api/v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
            b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\nGET /x",
            id="smuggling",
        ),
        pytest.param(
            b"GET /health/live HTTP/1.1\r\nHost: x\r\nX: a\rSet-Cookie: b\r\n\r\n", id="a bare CR"
        ),
    ],
)
def test_strange_requests(service: Service, request_bytes: bytes) -> None:
    try:
        answer = raw(service, request_bytes + b"\r\n")
    except (ConnectionError, TimeoutError):
        answer = b""
    assert answer == b"" or status_of(answer) < 500
    assert b"set-cookie" not in answer.lower()
    assert is_alive(service)


@pytest.mark.parametrize(
    "path",
    [
        "/login?next=%0d%0aSet-Cookie:%20a=b",
        "/login?lang=nl%0d%0aSet-Cookie:%20a=b",
        "/?lang=%0d%0aX-Evil:%201",
        "/api/v1/events?cursor=%0d%0aX-Evil:%201",
        "/evidence/%0d%0aX-Evil:%201",
    ],
)
def test_no_line_break_gets_into_a_header(service: Service, path: str) -> None:
    head = get(service, path, "Accept: text/html", "Range: bytes=0-\tx", "Accept-Language: nl\tx")
    names = {line.split(b":")[0].lower() for line in head.split(b"\r\n\r\n")[0].split(b"\r\n")[1:]}
    assert b"x-evil" not in names
    assert b"set-cookie" not in names


def test_no_line_break_gets_into_the_name_of_a_file(service: Service) -> None:
    event = service.stored(camera_id="cam\r\nX-Evil: 1", object_class="person")
    package = made(service, incident_of(service, event))
    with service.client(service.operator_key) as client:
        for path in (f"/events/{event.id}/snapshot", f"/evidence/{package['id']}"):
            answer = client.get(path)
            assert answer.status_code == 200
            assert "x-evil" not in answer.headers


def test_text_from_outside_is_text_on_a_page(service: Service) -> None:
    evil = "<script>alert(1)</script>\"'>"
    event = service.stored(camera_id=evil, zone_id=evil)
    package = made(service, incident_of(service, event), reason=evil, for_whom=evil)
    with service.client(service.operator_key) as client:
        link = client.post(f"/evidence/{package['id']}/links", json={"for_whom": evil}).json()
    with service.browser() as browser:
        page = browser.get("/evidence/" + link["url"].rsplit("/", 1)[1])
    assert page.status_code == 200
    assert "&lt;script&gt;alert(1)" in page.text
    assert "<script>alert" not in page.text
    assert "script-src" not in page.headers["content-security-policy"]  # default-src 'self' holds


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300) | st.just(MP4))
def test_no_box_of_an_mp4_makes_the_reader_fail(data: bytes) -> None:
    nested = struct.pack(">I4s", len(data) + 8, b"trak") + data
    for one in (data, nested, nested * 3, struct.pack(">I4s", 0xFFFFFFFF, b"trak") + data):
        assert all(track >= 0 for track in track_ids(one))
    far = struct.pack(">I4sIIQ", 24, b"cstb", 1, 1, 2**64 - 1)  # a time that no calendar has
    for one in (data, far, far[:20]):
        assert start_told_by(struct.pack(">I4s4x", len(one) + 12, b"meta") + one) is None


def test_a_flood_is_refused_before_it_is_read_and_a_park_is_not() -> None:
    """2,000 at once, then 100 a second: counted here by hand, on a clock that the test turns."""
    at_s, passed = 0.0, 0

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        nonlocal passed
        passed += 1

    proxied = Settings(trusted_proxies=(ip_network("10.0.0.0/8"),))
    guarded = IngestLimit(app, proxied, now_s=lambda: at_s)
    sent: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("the body was read")  # noqa: EM101

    async def send(message: Message) -> None:
        sent.append(message)

    def ask(
        address: str = "192.0.2.1",
        path: str = "/api/v1/events",
        method: str = "POST",
        told: bytes = b"",
    ) -> None:
        scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "path": path,
            "headers": [(b"x-forwarded-for", told)] if told else [],
            "query_string": b"",
            "server": ("x", 80),
            "scheme": "http",
            "client": (address, 1),
        }
        runner.run(guarded(scope, receive, send))

    with asyncio.Runner() as runner:
        for _ in range(int(BURST) + 5):
            ask()
        assert passed == BURST
        starts = [one for one in sent if one["type"] == "http.response.start"]
        assert [one["status"] for one in starts] == [429] * 5
        assert dict(starts[0]["headers"])[b"retry-after"] == b"1"
        # Others, and what is no ingest, are not touched by it.
        ask("192.0.2.2")
        ask(method="GET")
        ask(path="/api/v1/incidents/x/verdict")
        assert passed == BURST + 3
        at_s += 2.0
        for _ in range(int(2 * PER_S) + 5):
            ask()
        assert passed == BURST + 3 + 2 * PER_S
        # Through a proxy of ours it is the address behind it that counts, whatever it claims.
        for _ in range(int(BURST) + 5):
            ask("10.0.0.1", told=b"192.0.2.9, 192.0.2.7")
        ask("10.0.0.1", told=b"192.0.2.8")
        assert passed == 2 * BURST + 3 + 2 * PER_S + 1


def test_the_limit_stands_in_the_service(service: Service) -> None:
    with service.client(None) as client:
        for _ in range(30):
            assert client.post("/events").status_code == 401
        told = client.get("/openapi.json").json()
    for path in ("/api/v1/events", "/api/v1/watch-reports", "/api/v1/camera-troubles"):
        assert "429" in told["paths"][path]["post"]["responses"]
