"""
A real RTSP server for the tests, GStreamer's, and a relay that spoils what it sends.

The server is a process that can be killed, frozen and started again.
"""

import contextlib
import os
import select
import socket
import struct
import subprocess
import tempfile
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

START_LIMIT_S = 30.0
PYTHON = "/usr/bin/python3"  # the distribution's, which has GStreamer's bindings
SERVER = """
import sys
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer
Gst.init(None)
LARGE = "video/x-raw,width=640,height=480,framerate=10/1"
VIDEO = (
    "( videotestsrc is-live=true pattern=%s ! videoscale "
    "! capsfilter name=size caps=video/x-raw,width=%d,height=%d,framerate=10/1 "
    "! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=%d "
    "! rtph264pay config-interval=-1 name=pay0 pt=96 )"
)
PICTURES = (
    "( videotestsrc is-live=true pattern=ball "
    "! video/x-raw,format=I420,width=160,height=120,framerate=10/1 ! "
)
OTHERS = {
    "/mjpeg": PICTURES + "jpegenc ! rtpjpegpay name=pay0 pt=26 )",
    "/hevc": PICTURES + "x265enc tune=zerolatency speed-preset=ultrafast key-int-max=5 "
    "! h265parse ! rtph265pay config-interval=-1 name=pay0 pt=96 )",
    "/sound": "( audiotestsrc is-live=true ! alawenc ! rtppcmapay name=pay0 pt=8 )",
    "/h266": PICTURES + "x264enc tune=zerolatency ! rtph264pay ! capssetter replace=true name=pay0 "
    "caps=application/x-rtp,media=video,encoding-name=H266,clock-rate=90000,payload=96 )",
}
def listen(port):
    made = GstRtspServer.RTSPServer()
    made.set_address("127.0.0.1")
    made.set_service(port)
    return made
server = listen(sys.argv[1])
def factory(path, width, height, key_frames_every, pattern="ball"):
    made = GstRtspServer.RTSPMediaFactory()
    made.set_launch(VIDEO % (pattern, width, height, key_frames_every))
    made.set_shared(True)
    server.get_mount_points().add_factory(path, made)
    return made
factory("/cam", 320, 240, 5)
factory("/sub", 160, 120, 5)
factory("/still", 160, 120, 5, "black")
factory("/udp", 320, 240, 5).set_protocols(GstRtsp.RTSPLowerTrans.UDP)
def resize(media):
    size = media.get_element().get_by_name("size")
    def change():
        size.set_property("caps", Gst.Caps.from_string(LARGE))
    GLib.timeout_add(2500, change)
factory("/resized", 320, 240, 5).connect("media-configure", lambda _, media: resize(media))
if sys.argv[5]:
    codec = "mpeg4videoparse ! rtpmp4vpay config-interval=1"
    if "mpeg4" not in sys.argv[5]:
        codec = "h264parse ! rtph264pay"
    OTHERS["/file"] = "( filesrc location=%s ! qtdemux ! " + codec + " name=pay0 pt=96 )"
    OTHERS["/file"] %= sys.argv[5]
if sys.argv[6]:
    OTHERS["/av1"] = "( tcpclientsrc host=127.0.0.1 port=%s ! application/x-rtp-stream,"
    OTHERS["/av1"] += "media=video,encoding-name=AV1,clock-rate=90000,payload=96 "
    OTHERS["/av1"] += "! rtpstreamdepay name=pay0 )"
    OTHERS["/av1"] %= sys.argv[6]
for path, launch in OTHERS.items():
    made = GstRtspServer.RTSPMediaFactory()
    made.set_launch(launch)
    server.get_mount_points().add_factory(path, made)
behind = GstRtspServer.RTSPMediaFactory()
behind.set_launch(VIDEO % ("ball", 320, 240, 5))
permissions = GstRtspServer.RTSPPermissions()
for allowed in ("media.factory.access", "media.factory.construct"):
    permissions.add_permission_for_role("guard", allowed, True)
behind.set_permissions(permissions)
auth = GstRtspServer.RTSPAuth()
token = GstRtspServer.RTSPToken()
token.set_string("media.factory.role", "guard")
auth.add_basic(GstRtspServer.RTSPAuth.make_basic("wacht", "geheim"), token)
closed = GstRtspServer.RTSPAuth()
closed.add_basic(GstRtspServer.RTSPAuth.make_basic("wacht", "geheim"), token)
closed.set_tls_certificate(Gio.TlsCertificate.new_from_file(sys.argv[4]))
for port, asks in ((sys.argv[2], auth), (sys.argv[3], closed)):
    locked = listen(port)
    locked.get_mount_points().add_factory("/locked", behind)
    locked.set_auth(asks)
    locked.attach(None)
server.attach(None)
print("ready", flush=True)
GLib.MainLoop().run()
"""
CHECK = (
    "import gi; gi.require_version('GstRtspServer', '1.0');"
    "from gi.repository import Gst, GstRtspServer; Gst.init(None);"
    "assert Gst.ElementFactory.find('x264enc')"
)


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def require_rtsp_server() -> None:
    """Skip where the distribution's packages are absent; fail where they are required."""
    is_here = Path(PYTHON).exists() and (
        subprocess.run([PYTHON, "-c", CHECK], capture_output=True, check=False).returncode == 0
    )
    if is_here:
        return
    reason = "needs python3-gi, gir1.2-gst-rtsp-server-1.0 and gstreamer1.0-plugins-ugly"
    if os.environ.get("PARKWACHT_REQUIRE_SERVERS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def own_certificate(folder: Path) -> Path:
    """Write a key and a certificate signed by itself, as one file."""
    path = folder / "server.pem"
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "camera")])
    now = datetime.now(tz=UTC)
    signed = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name)
        .public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + signed.public_bytes(serialization.Encoding.PEM))
    return path


class Server:
    """
    The server as a process.

    At its port /cam, /sub, /still, /udp, /resized, /mjpeg, /hevc and /sound, and /h266, which it
    only calls so; at two others /locked, with a password: plain, and over TLS.

    Parameters
    ----------
    file
        An MP4 (of MPEG-4 Part 2 where its name has "mpeg4" in it) to be sent as /file,
        in real time from its beginning for everyone who asks.
    certificate
        Its key and certificate (PEM); else one nobody vouches for, as cameras have.
    av1_port
        Where RTP of AV1 is got from (RFC 4571), to be passed on as /av1: it has no packer itself.
    """

    def __init__(
        self,
        file: Path | None = None,
        *,
        certificate: Path | None = None,
        av1_port: int | None = None,
    ) -> None:
        self._file = file
        self._av1_port = av1_port
        self.port = free_port()
        self.locked_port = free_port()
        self.tls_port = free_port()
        self._folder = tempfile.TemporaryDirectory()
        self._certificate = certificate or own_certificate(Path(self._folder.name))
        self.process: subprocess.Popen[str] | None = None
        self._again: threading.Timer | None = None

    def url(self, path: str = "cam", *, port: int | None = None, login: str = "") -> str:
        return f"rtsp://{login}127.0.0.1:{port or self.port}/{path}"

    def start(self) -> None:
        ports = [str(one) for one in (self.port, self.locked_port, self.tls_port)]
        command = [PYTHON, "-c", SERVER, *ports, str(self._certificate)]
        command += [str(self._file or ""), str(self._av1_port or "")]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self.process.stdout is not None
        is_ready, _, _ = select.select([self.process.stdout], [], [], START_LIMIT_S)
        assert is_ready, "the server does not start"
        assert self.process.stdout.readline().strip() == "ready"

    def start_in(self, seconds: float) -> None:
        self._again = threading.Timer(seconds, self.start)
        self._again.start()

    def close(self) -> None:
        """End it for good: nothing of it may outlive its test."""
        if self._again is not None:
            self._again.cancel()
            self._again.join(START_LIMIT_S + 1)
        self.stop()
        self._folder.cleanup()

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None


class Relay:
    """
    Stands between a client and the server, and changes RTP packets on their way (RFC 2326, 10.12).

    Parameters
    ----------
    to_port
        The server's.
    change
        Gets the bytes of each RTP packet of the video, and its number; returns other ones.
    """

    def __init__(self, to_port: int, change: Callable[[bytearray, int], bytearray]) -> None:
        self._change = change
        self._to_port = to_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._sockets = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._to_port))
            self._sockets += [client, server]
            for work in (self._up, self._down):
                threading.Thread(target=work, args=(client, server), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        try:
            while data := client.recv(65536):
                server.sendall(data)
        except OSError:
            pass

    def _down(self, client: socket.socket, server: socket.socket) -> None:
        n_packets = 0
        try:
            with server.makefile("rb") as stream:
                while first := stream.read(1):
                    if first != b"$":
                        client.sendall(first)  # an answer of the server, as it is
                        continue
                    channel, length = struct.unpack(">BH", stream.read(3))
                    data = bytearray(stream.read(length))
                    if channel == 0:
                        data = self._change(data, n_packets)
                        n_packets += 1
                    client.sendall(first + struct.pack(">BH", channel, len(data)) + data)
        except (OSError, struct.error, ValueError):
            pass


def set_clock_on(by_s: int, from_packet: int) -> Callable[[bytearray, int], bytearray]:
    """Return a change that sets the camera's clock on (or back), in RTP's 90 kHz (RFC 6184)."""

    def change(data: bytearray, number: int) -> bytearray:
        if number >= from_packet:
            ticks = (struct.unpack_from(">I", data, 4)[0] + by_s * 90_000) % 2**32
            struct.pack_into(">I", data, 4, ticks)
        return data

    return change


def spoil(every: int) -> Callable[[bytearray, int], bytearray]:
    """Return a change that flips the bits of some packets behind their headers."""

    def change(data: bytearray, number: int) -> bytearray:
        if number % every == every - 1:
            for index in range(20, len(data)):
                data[index] ^= 0xFF
        return data

    return change
