"""Against a real RTSP server: GStreamer's, from the distribution's packages."""

import logging
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from parkwacht_config.clock import SystemClock
from parkwacht_vision.connection import StreamSettings
from parkwacht_vision.frames import Frame, Gap
from parkwacht_vision.stream import StreamSource

PYTHON = "/usr/bin/python3"
SERVER = """
import sys
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer
Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(sys.argv[1])
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(
    "( videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=10/1 "
    "! x264enc tune=zerolatency key-int-max=5 ! rtph264pay name=pay0 pt=96 )"
)
factory.set_shared(True)
server.get_mount_points().add_factory("/cam", factory)
server.attach(None)
print("ready", flush=True)
GLib.MainLoop().run()
"""
FAST = StreamSettings(open_timeout_s=5, stall_timeout_s=1.5, backoff_s=0.2, max_backoff_s=0.5)

pytestmark = pytest.mark.server("rtsp")


class Server:
    """The RTSP server as a process that can be killed, frozen and started again."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"rtsp://wacht:geheim@127.0.0.1:{self.port}/cam"
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [PYTHON, "-c", SERVER, str(self.port)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline().strip() == "ready"

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None


@pytest.fixture
def server() -> Iterator[Server]:
    check = (
        "import gi; gi.require_version('GstRtspServer', '1.0');"
        "from gi.repository import Gst, GstRtspServer; Gst.init(None);"
        "assert Gst.ElementFactory.find('x264enc')"
    )
    is_here = Path(PYTHON).exists() and (
        subprocess.run([PYTHON, "-c", check], capture_output=True, check=False).returncode == 0
    )
    if not is_here:
        reason = "needs python3-gi, gir1.2-gst-rtsp-server-1.0 and gstreamer1.0-plugins-ugly"
        if os.environ.get("PARKWACHT_REQUIRE_SERVERS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    one = Server()
    one.start()
    yield one
    one.stop()


def watch(
    url: str,
    until: Callable[[list[Frame | Gap]], bool],
    *,
    limit_s: float = 25,
    sub_url: str | None = None,
) -> StreamSource:
    """Watch until the items satisfy; the items stand in `source.items`."""
    stop = threading.Event()
    source = StreamSource(
        url, fps=5, clock=SystemClock(), stop=stop, settings=FAST, sub_url=sub_url
    )
    items: list[Frame | Gap] = []
    end = time.monotonic() + limit_s
    for item in source.frames():
        items.append(item)
        if until(items):
            stop.set()
        assert time.monotonic() < end, f"{len(items)} items, {source.health}"
    return source


def n_frames(items: list[Frame | Gap]) -> int:
    return sum(isinstance(one, Frame) for one in items)


def test_a_stream_gives_frames_at_the_rate_asked_on_the_clock(server: Server) -> None:
    seen: list[Frame] = []

    def enough(items: list[Frame | Gap]) -> bool:
        seen.extend(one for one in items[-1:] if isinstance(one, Frame))
        return len(seen) >= 12

    source = watch(server.url, enough, sub_url=server.url)
    steps = [b.media_time_s - a.media_time_s for a, b in pairwise(seen)]
    assert seen[0].image.shape == (240, 320, 3)
    assert sum(steps) / len(steps) == pytest.approx(0.2, abs=0.05)
    assert all(abs((one.at - one.wall_at).total_seconds()) < 2 for one in seen)
    assert source.kind == "stream"
    assert source.tier == "substream"
    assert source.ring.n_bytes > 0  # evidence is kept of the large one


def test_key_frames_are_enough_until_something_happens(server: Server) -> None:
    # The server sends a key frame every half second.
    seen = watch_tiers(server.url)
    quiet = [one for one in seen if not one[1]]
    steps = [b[0].media_time_s - a[0].media_time_s for a, b in pairwise(quiet[:3])]
    assert all(one[0].is_key for one in quiet[:3])
    assert min(steps) > 0.4
    assert any(one[0].is_replay for one in seen)
    busy = [one[0] for one in seen if one[1] and not one[0].is_replay]
    assert busy[-1].media_time_s - busy[-2].media_time_s == pytest.approx(0.2, abs=0.06)


def watch_tiers(url: str) -> list[tuple[Frame, bool]]:
    """Watch by key frames, ask for all after three of them; return frames and whether asked."""
    stop = threading.Event()
    source = StreamSource(url, fps=5, clock=SystemClock(), stop=stop, settings=FAST)
    seen: list[tuple[Frame, bool]] = []
    end = time.monotonic() + 25
    for item in source.frames():
        if isinstance(item, Frame):
            seen.append((item, len(seen) >= 3))
            if len(seen) == 3:
                source.attend()
            if len(seen) >= 15:
                stop.set()
        assert time.monotonic() < end
    return seen


def test_a_cut_stream_comes_back_and_its_loss_is_counted(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    restarted_after: list[int] = []

    def until(items: list[Frame | Gap]) -> bool:
        if n_frames(items) == 5 and not restarted_after:
            server.stop()
            restarted_after.append(len(items))
            threading.Timer(2.0, server.start).start()
        frames_after = n_frames(items) - 5
        return bool(restarted_after) and isinstance(items[-1], Frame) and frames_after >= 12

    with caplog.at_level(logging.DEBUG):
        source = watch(server.url, until)
    assert source.health.n_reconnects >= 1
    lost_s = sum(source.health.blind_s.values())
    assert 1.5 <= lost_s <= 15
    assert "geheim" not in caplog.text
    assert "geheim" not in source.name


def test_a_stream_that_is_not_there_tells_of_gaps_and_stops_at_once() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"rtsp://u:geheim@127.0.0.1:{free.getsockname()[1]}/cam"
    begun = time.monotonic()
    source = watch(url, lambda items: len(items) >= 3)
    assert time.monotonic() - begun < 10
    assert source.health.blind_s["connection_lost"] > 0


def test_a_frozen_server_is_a_stall(server: Server) -> None:
    import signal  # noqa: PLC0415

    def until(items: list[Frame | Gap]) -> bool:
        if n_frames(items) == 5 and server.process is not None:
            server.process.send_signal(signal.SIGSTOP)
        return any(isinstance(one, Gap) for one in items)

    source = watch(server.url, until)
    assert source.health.blind_s["stalled"] >= 1.0
