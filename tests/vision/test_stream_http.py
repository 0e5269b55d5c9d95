"""Streams over HTTP and RTMP from small real servers: MJPEG, HLS, FLV; a playlist that lies."""

import contextlib
import re
import shutil
import socket
import subprocess
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest
from rtsp_server import free_port
from tls_builders import make_certificate
from watched import FAST, Watched, has_frames, has_gaps

from parkwacht_config.errors import SourceError

PATIENT = replace(FAST, stall_timeout_s=6)  # segments come a second at a time
LOGIN = b"wacht:geheim"
PICTURE = ["-re", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=10", "-c:v", "libx264"]
ENCODED = ["-preset", "ultrafast", "-tune", "zerolatency", "-g", "5", "-pix_fmt", "yuv420p"]


class MotionJpeg(BaseHTTPRequestHandler):
    """A camera's `video.mjpg` (multipart/x-mixed-replace), for those who know the password."""

    def do_GET(self) -> None:
        if self.path != "/video.mjpg":
            self.send_error(404)
            return
        if self.headers.get("Authorization") != f"Basic {b64encode(LOGIN).decode()}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=part")
        self.end_headers()
        try:
            for index in range(200):
                image = np.full((240, 320, 3), index % 250, dtype=np.uint8)
                data = cv2.imencode(".jpg", image)[1].tobytes()
                head = f"--part\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                self.wfile.write(head.encode() + data + b"\r\n")
                time.sleep(0.1)
        except OSError:
            return

    def log_message(self, format: str, *args: object) -> None:
        pass


class Files(SimpleHTTPRequestHandler):
    """A folder."""

    def log_message(self, format: str, *args: object) -> None:
        pass


def serve(handler: type[BaseHTTPRequestHandler] | partial[Files]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.block_on_close = False
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def with_login(url: str, login: bytes) -> str:
    return url.replace("http://", f"http://{login.decode()}@")


@pytest.fixture
def folder_url(tmp_path: Path) -> Iterator[str]:
    yield from serve(partial(Files, directory=str(tmp_path)))


@pytest.fixture
def mjpeg_url() -> Iterator[str]:
    yield from serve(MotionJpeg)


@contextlib.contextmanager
def ffmpeg(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Encode and send until the block is left."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("needs ffmpeg")
    command = ["ffmpeg", "-nostdin", "-v", "quiet", *PICTURE, *ENCODED, *arguments]
    process = subprocess.Popen(command)
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


def test_mjpeg_over_http_is_seen(mjpeg_url: str) -> None:
    frames = Watched(
        with_login(mjpeg_url, LOGIN) + "/video.mjpg", has_frames(3), settings=PATIENT
    ).frames
    assert frames[0].image.shape == (240, 320, 3)
    assert all(abs((one.at - one.wall_at).total_seconds()) < 2 for one in frames)


@pytest.mark.parametrize(
    ("login", "path", "cause"),
    [
        (b"wacht:fout", "/video.mjpg", "refused_credentials"),
        (LOGIN, "/other", "unknown_path"),
    ],
)
def test_why_a_server_refuses_is_told_apart(
    mjpeg_url: str, login: bytes, path: str, cause: str
) -> None:
    gap = Watched(with_login(mjpeg_url, login) + path, has_gaps(1)).gaps[0]
    assert gap.cause == cause
    assert gap.problem is not None
    assert "fout" not in gap.problem.nl


@pytest.mark.server("ffmpeg")
def test_hls_is_seen(tmp_path: Path, folder_url: str) -> None:
    playlist = tmp_path / "live.m3u8"
    hls = ["-f", "hls", "-hls_time", "1", "-hls_list_size", "4", str(playlist)]
    with ffmpeg(*hls):
        for _ in range(100):
            if playlist.exists():
                break
            time.sleep(0.1)
        frames = Watched(folder_url + "/live.m3u8", has_frames(3), settings=PATIENT).frames
    # Up to four segments of a second are there at the start, and each comes when it is complete:
    # nothing is taken later than it arrived, or long before.
    assert all(-5 < (one.at - one.wall_at).total_seconds() < 0.1 for one in frames)


@pytest.mark.server("ffmpeg")
@pytest.mark.parametrize("url", ["http://127.0.0.1:{}/live.flv", "rtmp://127.0.0.1:{}/live/cam"])
def test_flv_over_http_and_rtmp_is_seen(url: str) -> None:
    url = url.format(free_port())
    with ffmpeg("-f", "flv", "-listen", "1", url):
        assert Watched(url, has_frames(3), settings=PATIENT).frames


class TlsRelay:
    """Listens with a certificate for a name, and passes everything on to a plain port."""

    def __init__(self, folder: Path, name: str, port: int) -> None:
        self._serving, self.trusted = make_certificate(folder, name)
        self._to_port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._sockets = [self._listener]
        self._threads: list[threading.Thread] = []
        self._begin(self._accept)

    def __enter__(self) -> "TlsRelay":
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(10)
        for one in self._sockets:
            one.close()

    def _begin(self, work: Callable[..., None], *ends: socket.socket) -> None:
        self._threads.append(threading.Thread(target=work, args=ends, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), plain:
                client = self._serving.wrap_socket(plain, server_side=True)
                self._sockets.append(client)
                server = socket.create_connection(("127.0.0.1", self._to_port))
                self._sockets.append(server)
                self._begin(self._pass_on, client, server)
                self._begin(self._pass_on, server, client)

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            while data := source.recv(65536):
                target.sendall(data)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def test_a_stream_over_https_is_seen_of_the_one_that_is_trusted_only(
    mjpeg_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    with TlsRelay(tmp_path, "localhost", port_of(mjpeg_url)) as relay:
        url = with_login(f"http://localhost:{relay.port}", LOGIN).replace("http:", "https:")
        url += "/video.mjpg"
        assert Watched(url, has_frames(1), settings=PATIENT).frames  # nobody asked who it is
        monkeypatch.setenv("PARKWACHT_CAMERA_CERTIFICATES", str(relay.trusted))
        assert Watched(url, has_frames(1), settings=PATIENT).frames
        _, other = make_certificate(tmp_path / "other", "localhost")
        monkeypatch.setenv("PARKWACHT_CAMERA_CERTIFICATES", str(other))
        check_distrusted(url)
        monkeypatch.setenv("PARKWACHT_CAMERA_CERTIFICATES", str(tmp_path / "none.pem"))
        check_distrusted(url, f"{tmp_path / 'none.pem'}, en dat is geen leesbaar PEM-bestand")
    with TlsRelay(tmp_path, "camera.example", port_of(mjpeg_url)) as relay:
        monkeypatch.setenv("PARKWACHT_CAMERA_CERTIFICATES", str(relay.trusted))
        check_distrusted(
            f"https://localhost:{relay.port}/video.mjpg",
            "een certificaat dat niet op localhost staat",
        )


def check_distrusted(
    url: str, why: str = "certificaat dat niet in PARKWACHT_CAMERA_CERTIFICATES staat"
) -> None:
    watched = Watched(url, has_gaps(1))
    assert watched.frames == []
    (gap, *_) = watched.gaps
    assert gap.cause == "refused_certificate"
    assert gap.problem is not None
    assert why in gap.problem.nl
    assert "geheim" not in gap.problem.nl


@pytest.mark.server("ffmpeg")
def test_rtmps_is_seen_of_the_one_that_is_trusted_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = free_port()
    sending = ("-f", "flv", "-listen", "1", f"rtmp://127.0.0.1:{plain}/live/cam")
    (tmp_path / "other").mkdir()
    _, other = make_certificate(tmp_path / "other", "localhost")
    with TlsRelay(tmp_path, "localhost", plain) as relay:
        url = f"rtmps://localhost:{relay.port}/live/cam"
        monkeypatch.setenv("PARKWACHT_CAMERA_CERTIFICATES", str(other))
        check_distrusted(url)
        monkeypatch.setenv("PARKWACHT_CAMERA_CERTIFICATES", str(relay.trusted))
        with ffmpeg(*sending):
            assert Watched(url, has_frames(3), settings=PATIENT).frames


def test_av1_is_seen_over_https(
    make_video: Callable[..., Path],
    folder_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_video("live.mkv", seconds=4.0, codec="libsvtav1", options={"preset": "12", "g": "10"})
    with TlsRelay(tmp_path, "localhost", port_of(folder_url)) as relay:
        monkeypatch.setenv("PARKWACHT_CAMERA_CERTIFICATES", str(relay.trusted))
        watched = Watched(
            f"https://localhost:{relay.port}/live.mkv", has_frames(3), settings=PATIENT
        )
    assert watched.frames[0].image.shape == (240, 320, 3)
    assert watched.source.ring.since(watched.frames[0].at)[0].format.codec in {"av1", "libdav1d"}


@pytest.mark.parametrize(
    "url",
    [
        "srt://wacht:geheim@host:9000", "dahua://host/1", "udp://:1234", "rtsp://",
        "rtsp://wacht:ge#heim@host/1", "rtsp://wacht:ge/heim@host/1", "rtsp://[host/1",
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_watched_is_refused_at_once(url: str) -> None:
    with pytest.raises(SourceError) as caught:
        Watched(url, has_gaps(1))
    assert "rtsp" in caught.value.text.nl
    assert not {"geheim", "ge", "heim"} & set(re.findall(r"\w+", caught.value.text.nl))
    assert not {"geheim", "ge", "heim"} & set(re.findall(r"\w+", caught.value.text.en))


def test_a_playlist_cannot_open_a_file_of_this_machine(tmp_path: Path, folder_url: str) -> None:
    hidden = tmp_path / "hidden.ts"
    with ffmpeg("-t", "3", "-f", "mpegts", str(hidden)) as process:
        assert process.wait(20) == 0
    playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3.0,\n{}\n#EXT-X-ENDLIST\n"
    (tmp_path / "honest.m3u8").write_text(playlist.format(f"{folder_url}/hidden.ts"))
    assert Watched(folder_url + "/honest.m3u8", has_frames(1)).frames
    (tmp_path / "live.m3u8").write_text(playlist.format(f"file://{hidden}"))
    brief = replace(FAST, open_timeout_s=2)
    watched = Watched(folder_url + "/live.m3u8", has_gaps(1), settings=brief)
    assert watched.frames == []
    assert watched.gaps[0].problem is not None
