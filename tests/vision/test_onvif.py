"""ONVIF: a device over real sockets, the specification's own digest, hostile answers."""

import base64
import ssl
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from onvif_device import (
    MAIN,
    MEDIA1,
    MEDIA2,
    PASSWORD,
    SUB,
    USER,
    Beacon,
    Device,
    Stream,
    http_digest,
    listen,
    password_digest,
    serve,
)
from pydantic import SecretStr

from parkwacht_config.clock import FakeClock, SystemClock
from parkwacht_config.errors import SourceError
from parkwacht_config.site import Camera
from parkwacht_vision.onvif import OnvifDevice, OnvifLogin, StreamProfile, read_device
from parkwacht_vision.onvif_address import device_url, without_credentials
from parkwacht_vision.onvif_choice import camera_lines, choose_streams, secret_lines
from parkwacht_vision.onvif_discovery import find_devices

LOGIN = OnvifLogin(USER, SecretStr(PASSWORD))
# Nested entities: written out, ten times ten times ten times a text.
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "aaaaaaaaaa">'
    '<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>'
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>&c;</s:Body></s:Envelope>'
)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def device() -> Device:
    return Device()


@pytest.fixture
def address(device: Device) -> Iterator[str]:
    with serve(device) as one:
        yield one


def ask(address: str, login: OnvifLogin | None = LOGIN, timeout_s: float = 5.0) -> OnvifDevice:
    return read_device(address, login, clock=SystemClock(), timeout_s=timeout_s)


def refusal(address: str, login: OnvifLogin | None = LOGIN, timeout_s: float = 5.0) -> str:
    with pytest.raises(SourceError) as caught:
        ask(address, login, timeout_s)
    for text in (caught.value.text.nl, caught.value.text.en):
        assert PASSWORD not in text
    return caught.value.text.en


def test_the_test_device_computes_the_digest_of_the_programmers_guide() -> None:
    # ONVIF Application Programmer's Guide 1.0, section 6.1.1.3.
    digest = password_digest("LKqI6G/AikKCQrN0zqZFlg==", "2010-09-16T07:50:45Z", "userpassword")
    assert digest == "tuOSpGlFlIXsozq4HFNeeGeFLEI="


def test_a_device_says_what_it_is_and_gives(device: Device, address: str) -> None:
    found = ask(address)
    host = address.partition(":")[0]
    assert (found.manufacturer, found.model, found.firmware) == ("Voorbeeld", "Poort 4K", "1.2")
    assert found.clock_ahead_s == pytest.approx(0, abs=1)
    # The device calls itself 10.99.0.1; the streams are asked where it was reached.
    assert found.profiles == (
        StreamProfile(
            "main", "lens_1", "H264", 1920, 1080, 25.0, 50, 4096, f"rtsp://{host}:554/main"
        ),
        StreamProfile("sub", "lens_1", "H264", 640, 360, 10.0, 20, 512, f"rtsp://{host}:554/sub"),
    )
    assert [one.gop_s for one in found.profiles] == [2.0, 2.0]  # 50 / 25, 20 / 10
    assert not any(PASSWORD in one for one in device.logins)


def test_h265_is_told_by_the_newer_media_service_only(device: Device, address: str) -> None:
    device.streams = [Stream("big", "H265", (3840, 2160)), SUB]
    device.medias = (MEDIA1, MEDIA2)
    assert [one.codec for one in ask(address).profiles] == ["H265", "H264"]
    device.medias = (MEDIA1,)
    assert [one.name for one in ask(address).profiles] == ["sub"]


def test_a_device_of_before_services(device: Device, address: str) -> None:
    device.is_old = True
    assert len(ask(address).profiles) == 2


@pytest.mark.parametrize("ahead_s", [-86_400 * 365.0, -12.0, 3_600.0])
@pytest.mark.parametrize(
    "refusal_text", ["Sender not Authorized", "The action requested requires authorization"]
)
def test_a_clock_far_off_is_told_and_does_not_spoil_the_login(
    device: Device, address: str, ahead_s: float, refusal_text: str
) -> None:
    # The device refuses a login older than 5 s by its own clock.
    device.ahead_s, device.refusal = ahead_s, refusal_text
    found = ask(address)
    assert found.clock_ahead_s == pytest.approx(ahead_s, abs=1)
    assert len(found.profiles) == 2


def test_the_difference_is_to_the_clock_of_this_machine(device: Device, address: str) -> None:
    ours = FakeClock(device.now() - timedelta(seconds=100))
    device.wants_login = False
    found = read_device(address, None, clock=ours)
    assert found.clock_ahead_s == pytest.approx(100, abs=1)


@pytest.mark.parametrize("status", [400, 401])
@pytest.mark.parametrize("text", ["Sender not Authorized", "sender not authorized"])
def test_wrong_credentials_are_called_so(
    device: Device, address: str, status: int, text: str
) -> None:
    device.refusal_status, device.refusal = status, text
    assert "refuses the name or the password" in refusal(
        address, OnvifLogin(USER, SecretStr("fout"))
    )
    assert "--user-env" in refusal(address, None)


def test_the_test_device_computes_the_digest_of_the_rfc() -> None:
    # RFC 2617, section 3.5.
    told = {
        "realm": "testrealm@host.com", "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093",
        "uri": "/dir/index.html", "qop": "auth", "nc": "00000001", "cnonce": "0a4f113b",
    }  # fmt: skip
    digest = http_digest(told, "Mufasa", "Circle Of Life", "GET")
    assert digest == "6629fae49393a05397450978507c4ef1"


def test_a_device_may_want_the_login_of_http(device: Device, address: str) -> None:
    device.challenge = "Digest"
    assert len(ask(address).profiles) == 2


def test_nobody_gets_the_password_by_asking_for_it_in_the_clear(
    device: Device, address: str
) -> None:
    device.challenge = "Basic"
    assert "refuses the name or the password" in refusal(address)
    plain = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    assert device.logins
    assert not any("Basic" in one or plain in one for one in device.logins)


def test_a_device_that_sends_everybody_on(device: Device, address: str) -> None:
    device.redirect = "https://10.99.0.1/onvif/device_service"
    assert "https://" in refusal(address)


def test_a_certificate_of_its_own(
    device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = tmp_path / "camera.pem"
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "camera")])
    now = datetime.now(UTC)
    own = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(own, critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    certificate.write_bytes(made.public_bytes(Encoding.PEM))
    (tmp_path / "key.pem").write_bytes(private)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, tmp_path / "key.pem")
    with serve(device, tls) as address:
        assert "SSL_CERT_FILE" in refusal(f"https://{address}")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert len(ask(f"https://{address}").profiles) == 2


def test_a_host_that_accepts_and_says_nothing(device: Device, address: str) -> None:
    device.silent = True
    assert "does not answer within 0.3 s" in refusal(address, timeout_s=0.3)


def test_nobody_there() -> None:
    with serve(Device()) as address:
        pass
    assert "cannot be reached" in refusal(address)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        pytest.param("<!DOCTYPE html><html><br>Login</html>", "not in ONVIF", id="html"),
        pytest.param("<html><body>Login</body></html>", "not in ONVIF", id="xhtml"),
        pytest.param("", "not in ONVIF", id="nothing"),
        pytest.param(BOMB, "ENTITY", id="entity bomb"),
        pytest.param("x" * 1_100_000, "cannot be reached", id="endless"),
    ],
)
def test_what_is_no_onvif(device: Device, address: str, raw: str, says: str) -> None:
    device.raw = raw
    assert says in refusal(address)


def test_a_challenge_that_nobody_can_meet(device: Device, address: str) -> None:
    device.challenge = 'Digest algorithm="WHAT",'
    assert "cannot be used" in refusal(address)


@pytest.mark.parametrize("gop", ["-1", "0", "x", "nan", "9" * 30])
def test_numbers_that_no_camera_has_are_not_told(device: Device, address: str, gop: str) -> None:
    device.streams = [Stream("main", "H264", (-1920, 0), gop=gop)]
    (found,) = ask(address).profiles
    assert (found.gop_frames, found.gop_s, found.width_px, found.n_pixels) == (None, None, None, 0)


def test_a_number_without_end_is_refused(device: Device, address: str) -> None:
    device.streams = [Stream("main", "H264", (640, 360), gop="1e999")]
    assert "cannot be used" in refusal(address)


def test_no_media_profiles(device: Device, address: str) -> None:
    device.streams = []
    assert "gives no video stream" in refusal(address)
    device.medias = ()
    assert "gives no video stream" in refusal(address)


def test_texts_of_a_device_do_not_command_a_terminal(device: Device, address: str) -> None:
    device.model = "Poort\x85\x9b31m" + "x" * 500
    model = ask(address).model
    assert model.isprintable()
    assert len(model) <= 80


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("rtsp://admin:pw@h:554/a?b=1", "rtsp://h:554/a?b=1"),
        (
            "rtsp://h/user=admin_password=tlJwpbo6_channel=1.sdp",
            "rtsp://h/user=***_password=***_channel=1.sdp",
        ),
        ("rtsp://h/a?user=admin&password=x_y&channel=2", "rtsp://h/a?user=***&password=***&channel=2"),
        ("rtsp://h/g%40heim/1", "rtsp://h/***/1"),
        ("rtsp://[fe80::1]/a b", "rtsp://[fe80::1]/ab"),
        ("file:///etc/passwd", ""),
        ("rtsp://h:99999/", ""),
        ("rtsp://[bad/", ""),
    ],
)  # fmt: skip
def test_an_address_keeps_no_credentials(told: str, kept: str) -> None:
    assert without_credentials(told, "g@heim") == kept


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("192.168.1.64", "http://192.168.1.64/onvif/device_service"),
        ("camera:8080", "http://camera:8080/onvif/device_service"),
        ("https://camera/", "https://camera/onvif/device_service"),
        ("http://camera/onvif/device", "http://camera/onvif/device"),
        ("http://[fd00::7]:81", "http://[fd00::7]:81/onvif/device_service"),
    ],
)
def test_the_address_of_the_device_service(given: str, url: str) -> None:
    assert device_url(given) == url


@pytest.mark.parametrize(
    "given", ["admin:geheim@camera", "http://u:geheim@camera/", "rtsp://c/", "", "c:port", "a b"]
)
def test_what_is_no_address_of_a_device(given: str) -> None:
    with pytest.raises(SourceError) as caught:
        device_url(given)
    assert "geheim" not in caught.value.text.nl + caught.value.text.en


def profile(
    name: str, width: int, height: int, *, source: str = "1", codec: str = "H264"
) -> StreamProfile:
    return StreamProfile(name, source, codec, width, height, 25, 50, 1000, f"rtsp://h/{name}")


@pytest.mark.parametrize(
    ("sizes", "main", "small"),
    [
        # 640 x 360 itself; then by ratio of areas: 704 x 576 is 1.76 times, 352 x 288 is 0.44
        ([(1920, 1080), (1280, 720), (640, 360), (320, 180)], 0, 2),
        ([(2688, 1520), (704, 576), (352, 288)], 0, 1),
        ([(640, 480), (1920, 1080)], 1, 0),
        # nothing of at most 1280 x 720 beside it
        ([(2688, 1520), (1920, 1080)], 0, None),
        ([(640, 360)], 0, None),
    ],
)
def test_which_stream_is_watched(
    sizes: list[tuple[int, int]], main: int, small: int | None
) -> None:
    profiles = tuple(profile(str(i), *size) for i, size in enumerate(sizes))
    (choice,) = choose_streams(profiles)
    assert choice.main is profiles[main]
    assert choice.small is (None if small is None else profiles[small])


def test_jpeg_comes_last_and_every_channel_chooses_for_itself() -> None:
    jpeg, video = profile("j", 640, 360, codec="JPEG"), profile("v", 640, 360)
    big, other = profile("b", 1920, 1080), profile("o", 1280, 720, source="2")
    first, second = choose_streams((jpeg, big, other, video))
    assert (first.main, first.small) == (big, video)
    assert (second.main, second.small) == (other, None)


def test_the_lines_can_be_pasted(device: Device, address: str) -> None:
    (choice,) = choose_streams(ask(address).profiles)
    keys = tomllib.loads("\n".join(camera_lines(choice, "g1_gate")))
    camera = Camera.model_validate(
        {"id": "g1_gate", "name": "Poort", "type_id": "t", "x_m": 0, "y_m": 0, "height_m": 4,
         "azimuth_deg": 0, "tilt_deg": 10} | keys
    )  # fmt: skip
    secrets = tomllib.loads("\n".join(secret_lines(choice, "g1_gate")))
    assert secrets == {
        camera.stream_env: "rtsp://127.0.0.1:554/main",
        camera.substream_env: "rtsp://127.0.0.1:554/sub",
    }
    assert (MAIN.token, SUB.token) == (choice.main.name, choice.small and choice.small.name)


def test_devices_answer_a_multicast_probe() -> None:
    scopes = (
        "onvif://www.onvif.org/name/Poort%20Oost",
        "onvif://www.onvif.org/hardware/X-1",
        "onvif://www.onvif.org/location/city/Enschede",
        "onvif://www.onvif.org/location/poort",
        "onvif://www.onvif.org/Profile/Streaming",
    )
    beacons = [
        Beacon("http://192.0.2.10/onvif/device_service", scopes=scopes, id="urn:uuid:10"),
        # older: no tds:Device; and first an address that only its own cable knows
        Beacon(
            "http://169.254.3.4/onvif http://192.0.2.9:8080/onvif",
            frozenset({"NetworkVideoTransmitter"}),
            id="urn:uuid:9",
        ),
        # a recorder: no transmitter
        Beacon("http://192.0.2.11/onvif", frozenset({"Device"}), id="urn:uuid:11"),
        # hostile: a bomb, no XML, a command to the terminal in its name, no address of HTTP
        Beacon("", raw=BOMB.encode()),
        Beacon("", raw=b"\xff\x00 no xml"),
        Beacon("http://192.0.2.12/\x1b[31m", id="urn:uuid:12"),
        Beacon("file:///etc/passwd", id="urn:uuid:13"),
    ]
    with listen(beacons):
        found = find_devices(timeout_s=0.4, interface_ip="127.0.0.1")
    assert [one.host for one in found] == ["192.0.2.9", "192.0.2.10", "192.0.2.11"]
    assert found[0].url == "http://192.0.2.9:8080/onvif"
    gate = found[1]
    assert (gate.name, gate.hardware) == ("Poort Oost", "X-1")
    assert gate.locations == ("city/Enschede", "poort")


def test_nobody_answers() -> None:
    with listen([]):
        assert find_devices(timeout_s=0.1, interface_ip="127.0.0.1") == []


@pytest.mark.parametrize("interface", ["192.0.2.1", "eth0", "::1"])
def test_an_interface_this_machine_has_not(interface: str) -> None:
    with pytest.raises(SourceError, match=interface):
        find_devices(timeout_s=0.1, interface_ip=interface)
