"""
A small ONVIF device for the tests: it answers over real sockets as the specification says.

WS-Discovery 1.0 (5.3: a probe matches a device that is of all kinds asked for), ONVIF Core (fault
ter:NotAuthorized, a login by WS-UsernameToken with a digest), Device, Media and Media2. It checks
the digest on its own, by the formula of the UsernameToken Profile 1.0, against its own clock.
"""

import base64
import contextlib
import fcntl
import hashlib
import re
import socket
import ssl
import struct
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from xml.sax.saxutils import escape

USER, PASSWORD = "wacht", "geheim&<1>"
FRESH_S = 5.0  # how old a login may be, as in the ONVIF Core specification's security chapter
NAMESPACES = (
    'xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:tds="http://www.onvif.org/ver10/device/wsdl" '
    'xmlns:trt="http://www.onvif.org/ver10/media/wsdl" '
    'xmlns:tr2="http://www.onvif.org/ver20/media/wsdl" '
    'xmlns:tt="http://www.onvif.org/ver10/schema" '
    'xmlns:ter="http://www.onvif.org/ver10/error"'
)
NONCE = "c0ffee"
_PARAMETER = r'(\w+)=(?:"([^"]*)"|([^", ]+))'
MEDIA1, MEDIA2 = "http://www.onvif.org/ver10/media/wsdl", "http://www.onvif.org/ver20/media/wsdl"


def password_digest(nonce: str, created: str, password: str) -> str:
    """Base64(SHA-1(nonce + created + password)), UsernameToken Profile 1.0, section 3.1."""
    plain = base64.b64decode(nonce) + created.encode() + password.encode()
    return base64.b64encode(hashlib.sha1(plain, usedforsecurity=False).digest()).decode()


def http_digest(told: dict[str, str], user: str, password: str, method: str) -> str:
    """The response of RFC 2617, section 3.2.2, for MD5 and qop=auth."""

    def md5(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    who = md5(f"{user}:{told['realm']}:{password}")
    what = md5(f"{method}:{told['uri']}")
    middle = f"{told['nonce']}:{told['nc']}:{told['cnonce']}:{told['qop']}"
    return md5(f"{who}:{middle}:{what}")


@dataclass(frozen=True)
class Stream:
    """One profile as the device tells it."""

    token: str
    codec: str
    size: tuple[int, int]
    fps: int = 25
    gop: int | str = 50
    kbps: int = 4096
    source: str = "lens_1"
    address: str = "rtsp://10.99.0.1:554/{token}"

    def as_media1(self) -> str:
        return (
            f'<trt:Profiles token="{self.token}" fixed="true"><tt:Name>{self.token}</tt:Name>'
            f'<tt:VideoSourceConfiguration token="v"><tt:Name>v</tt:Name>'
            f"<tt:UseCount>1</tt:UseCount><tt:SourceToken>{self.source}</tt:SourceToken></tt:VideoSourceConfiguration>"
            f'<tt:VideoEncoderConfiguration token="e"><tt:Name>e</tt:Name>'
            f"<tt:UseCount>1</tt:UseCount><tt:Encoding>{self.codec}</tt:Encoding>"
            f"{self._resolution()}<tt:Quality>5</tt:Quality><tt:RateControl>"
            f"<tt:FrameRateLimit>{self.fps}</tt:FrameRateLimit>"
            f"<tt:EncodingInterval>1</tt:EncodingInterval>"
            f"<tt:BitrateLimit>{self.kbps}</tt:BitrateLimit></tt:RateControl>"
            f"<tt:H264><tt:GovLength>{self.gop}</tt:GovLength><tt:H264Profile>Main</tt:H264Profile>"
            f"</tt:H264></tt:VideoEncoderConfiguration></trt:Profiles>"
        )

    def as_media2(self) -> str:
        return (
            f'<tr2:Profiles token="{self.token}" fixed="true"><tr2:Name>{self.token}</tr2:Name>'
            f'<tr2:Configurations><tr2:VideoSource token="v"><tt:Name>v</tt:Name>'
            f"<tt:UseCount>1</tt:UseCount><tt:SourceToken>{self.source}</tt:SourceToken>"
            f'</tr2:VideoSource><tr2:VideoEncoder token="e" GovLength="{self.gop}" Profile="Main">'
            f"<tt:Name>e</tt:Name><tt:UseCount>1</tt:UseCount><tt:Encoding>{self.codec}</tt:Encoding>"
            f'{self._resolution()}<tt:RateControl ConstantBitRate="false">'
            f"<tt:FrameRateLimit>{self.fps}.0</tt:FrameRateLimit>"
            f"<tt:BitrateLimit>{self.kbps}</tt:BitrateLimit></tt:RateControl><tt:Quality>5</tt:Quality>"
            f"</tr2:VideoEncoder></tr2:Configurations></tr2:Profiles>"
        )

    def _resolution(self) -> str:
        width, height = self.size
        return (
            f"<tt:Resolution><tt:Width>{width}</tt:Width><tt:Height>{height}</tt:Height>"
            f"</tt:Resolution>"
        )


MAIN = Stream("main", "H264", (1920, 1080))
SUB = Stream("sub", "H264", (640, 360), fps=10, gop=20, kbps=512)


@dataclass
class Device:
    """What a device is; change it while it runs."""

    streams: list[Stream] = field(default_factory=lambda: [MAIN, SUB])
    medias: tuple[str, ...] = (MEDIA1,)
    ahead_s: float = 0.0  # its clock minus the right time
    model: str = "Poort 4K"
    refusal: str = "Sender not Authorized"
    refusal_status: int = 400
    wants_login: bool = True
    is_old: bool = False  # of before GetServices, ONVIF 2.1
    challenge: str = ""  # asks for a login of HTTP instead: Digest or Basic
    redirect: str = ""  # sends everybody on to there
    raw: str | None = None  # answers everything with this
    silent: bool = False
    logins: list[str] = field(default_factory=list)  # every header that came
    nonces: set[str] = field(default_factory=set)
    path: str = ""  # what was asked last

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.ahead_s)

    def answer(self, asked: str) -> tuple[int, str]:
        operation = re.search(r"<(?:\w+:)?Body[^>]*>\s*<(?:(\w+):)?(\w+)", asked)
        assert operation is not None
        name = operation[2]
        # Only this one is open to everybody (ONVIF Core, access class PRE_AUTH).
        if name == "GetSystemDateAndTime":
            # A login that is wrong is refused even there, as cameras do.
            is_open = "UsernameToken" not in asked or self.challenge or self._is_right(asked)
            return self._body(self._time()) if is_open else self._refuse()
        if self.wants_login and not self.challenge and not self._is_right(asked):
            return self._refuse()
        is_media2 = MEDIA2 in asked and "/media2" in self.path
        operations: dict[str, Callable[[], str]] = {
            "GetDeviceInformation": self._information,
            "GetCapabilities": self._capabilities,
            **({} if self.is_old else {"GetServices": self._services}),
            "GetProfiles": lambda: self._profiles(is_media2=is_media2),
            "GetStreamUri": lambda: self._uri(asked, is_media2=is_media2),
        }
        made = operations.get(name)
        if made is None:
            return self._fault("ter:ActionNotSupported", "Optional Action Not Implemented")
        return self._body(made())

    def admits(self, authorization: str) -> bool:
        """Whether a login of HTTP is right, where the device asks for one."""
        self.logins.append(authorization)
        if not self.challenge:
            return True
        kind, _, rest = authorization.partition(" ")
        found: list[tuple[str, str, str]] = re.findall(_PARAMETER, rest)
        told = {key: quoted or bare for key, quoted, bare in found}
        if kind != "Digest" or told.get("username") != USER or told["nonce"] != NONCE:
            return False
        return told["response"] == http_digest(told, USER, PASSWORD, "POST")

    def _is_right(self, asked: str) -> bool:
        told = {
            key: found[1]
            for key in ("Username", "Password", "Nonce", "Created")
            if (found := re.search(rf"<ws(?:se|u):{key}(?: [^>]*)?>([^<]*)<", asked))
        }
        self.logins.append(str(told))
        if set(told) != {"Username", "Password", "Nonce", "Created"} or told["Username"] != USER:
            return False
        age_s = (self.now() - datetime.fromisoformat(told["Created"])).total_seconds()
        if abs(age_s) > FRESH_S or told["Nonce"] in self.nonces:
            return False
        self.nonces.add(told["Nonce"])
        return told["Password"] == password_digest(told["Nonce"], told["Created"], PASSWORD)

    def _time(self) -> str:
        now = self.now()
        return (
            "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime>"
            "<tt:DateTimeType>Manual</tt:DateTimeType><tt:DaylightSavings>false</tt:DaylightSavings>"
            "<tt:TimeZone><tt:TZ>CET-1CEST</tt:TZ></tt:TimeZone><tt:UTCDateTime><tt:Time>"
            f"<tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute>"
            f"<tt:Second>{now.second}</tt:Second></tt:Time><tt:Date><tt:Year>{now.year}</tt:Year>"
            f"<tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day></tt:Date></tt:UTCDateTime>"
            "</tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
        )

    def _information(self) -> str:
        return (
            "<tds:GetDeviceInformationResponse><tds:Manufacturer>Voorbeeld</tds:Manufacturer>"
            f"<tds:Model>{escape(self.model)}</tds:Model><tds:FirmwareVersion>1.2</tds:FirmwareVersion>"
            "<tds:SerialNumber>0001</tds:SerialNumber><tds:HardwareId>1</tds:HardwareId>"
            "</tds:GetDeviceInformationResponse>"
        )

    def _services(self) -> str:
        # A device knows its own address, not the one behind which it is reached.
        services = "".join(
            f"<tds:Service><tds:Namespace>{one}</tds:Namespace>"
            f"<tds:XAddr>http://10.99.0.1/onvif/media{2 if one == MEDIA2 else 1}</tds:XAddr>"
            "<tds:Version><tt:Major>2</tt:Major><tt:Minor>5</tt:Minor></tds:Version></tds:Service>"
            for one in self.medias
        )
        return f"<tds:GetServicesResponse>{services}</tds:GetServicesResponse>"

    def _capabilities(self) -> str:
        media = "<tt:Media><tt:XAddr>http://10.99.0.1/onvif/media1</tt:XAddr></tt:Media>"
        told = media if MEDIA1 in self.medias else ""
        return (
            f"<tds:GetCapabilitiesResponse><tds:Capabilities>{told}</tds:Capabilities>"
            "</tds:GetCapabilitiesResponse>"
        )

    def _profiles(self, *, is_media2: bool) -> str:
        if is_media2:
            told = "".join(one.as_media2() for one in self.streams)
            return f"<tr2:GetProfilesResponse>{told}</tr2:GetProfilesResponse>"
        # The older service does not know H.265 (Media service specification, VideoEncoding).
        told = "".join(one.as_media1() for one in self.streams if one.codec != "H265")
        return f"<trt:GetProfilesResponse>{told}</trt:GetProfilesResponse>"

    def _uri(self, asked: str, *, is_media2: bool) -> str:
        found = re.search(r"ProfileToken>([^<]*)<", asked)
        (stream,) = [one for one in self.streams if found is not None and one.token == found[1]]
        uri = escape(stream.address.format(token=stream.token))
        if is_media2:
            return f"<tr2:GetStreamUriResponse><tr2:Uri>{uri}</tr2:Uri></tr2:GetStreamUriResponse>"
        return (
            f"<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>{uri}</tt:Uri>"
            "<tt:InvalidAfterConnect>false</tt:InvalidAfterConnect>"
            "</trt:MediaUri></trt:GetStreamUriResponse>"
        )

    def _refuse(self) -> tuple[int, str]:
        status, body = self._fault("ter:NotAuthorized", self.refusal)
        return self.refusal_status or status, body

    def _fault(self, code: str, reason: str) -> tuple[int, str]:
        return 400, self._body(
            f"<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>{code}</s:Value>"
            f'</s:Subcode></s:Code><s:Reason><s:Text xml:lang="en">{reason}</s:Text></s:Reason>'
            "</s:Fault>"
        )[1]

    @staticmethod
    def _body(inner: str) -> tuple[int, str]:
        return 200, (
            '<?xml version="1.0" encoding="UTF-8"?>'
            f"<s:Envelope {NAMESPACES}><s:Body>{inner}</s:Body></s:Envelope>"
        )


@contextlib.contextmanager
def serve(device: Device, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Let a device answer on this machine; gives its host and port."""
    released = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
            if device.silent:
                released.wait(30)
                return
            device.path = self.path
            status, text = 401, ""
            if device.redirect:
                status = 301
            elif device.raw is not None:
                status, text = 200, device.raw
            elif device.admits(self.headers.get("Authorization", "")):
                status, text = device.answer(asked)
            body = text.encode()
            self.send_response(status)
            if device.redirect:
                self.send_header("Location", device.redirect)
            if status == 401 and device.challenge:
                told = f'{device.challenge} realm="cam", qop="auth", nonce="{NONCE}"'
                self.send_header("WWW-Authenticate", told)
            self.send_header("Content-Type", "application/soap+xml; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        released.set()
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass(frozen=True)
class Beacon:
    """What a device says to a probe."""

    address: str
    kinds: frozenset[str] = frozenset({"NetworkVideoTransmitter", "Device"})
    scopes: tuple[str, ...] = ()
    id: str = "urn:uuid:0001"
    raw: bytes | None = None

    def answer(self, asked: str) -> bytes | None:
        kinds = re.search(r"<d:Types>([^<]*)</d:Types>", asked)
        message = re.search(r"<a:MessageID>([^<]*)</a:MessageID>", asked)
        assert kinds is not None
        assert message is not None
        wanted = {one.partition(":")[2] for one in kinds[1].split()}
        if not wanted <= self.kinds:
            return None
        if self.raw is not None:
            return self.raw
        types = " ".join(f"dn:{one}" for one in sorted(self.kinds))
        # The answer of WS-Discovery 1.0, section 5.3, with the scopes of ONVIF Core 7.3.
        return (
            '<?xml version="1.0" encoding="UTF-8"?>'
            '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
            'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
            'xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" '
            'xmlns:dn="http://www.onvif.org/ver10/network/wsdl"><s:Header>'
            "<a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/ProbeMatches</a:Action>"
            f"<a:RelatesTo>{message[1]}</a:RelatesTo></s:Header><s:Body><d:ProbeMatches>"
            f"<d:ProbeMatch><a:EndpointReference><a:Address>{self.id}</a:Address>"
            f"</a:EndpointReference><d:Types>{types}</d:Types>"
            f"<d:Scopes>{' '.join(self.scopes)}</d:Scopes><d:XAddrs>{self.address}</d:XAddrs>"
            "<d:MetadataVersion>1</d:MetadataVersion></d:ProbeMatch></d:ProbeMatches></s:Body>"
            "</s:Envelope>"
        ).encode()


@contextlib.contextmanager
def listen(beacons: list[Beacon]) -> Iterator[None]:
    """
    Let devices hear the multicast of this machine's loopback and answer it.

    One test at a time, of all processes: the loopback is everybody's.
    """
    group = struct.pack("4s4s", socket.inet_aton("239.255.255.250"), socket.inet_aton("127.0.0.1"))
    stop = threading.Event()
    lock = Path(tempfile.gettempdir()) / "parkwacht_test_multicast.lock"
    with lock.open("a") as turn, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as heard:
        fcntl.flock(turn, fcntl.LOCK_EX)
        heard.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        heard.bind(("239.255.255.250", 3702))
        heard.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
        heard.settimeout(0.05)

        def run() -> None:
            while not stop.is_set():
                try:
                    asked, sender = heard.recvfrom(65535)
                except TimeoutError:
                    continue
                for one in beacons:
                    answer = one.answer(asked.decode())
                    if answer is not None:
                        heard.sendto(answer, sender)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
