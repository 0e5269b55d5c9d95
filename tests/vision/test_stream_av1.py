"""
AV1 over RTSP: packed by FFmpeg, passed on by GStreamer's server, whose distribution has no packer.

Every picture carries its number as a grey level, so a wrong picture for a time is seen.
"""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
from rtp_sender import RtpSender
from rtsp_server import Server, require_rtsp_server
from watched import Watched, has_frames

from parkwacht_vision.muxing import PacketMuxer

pytestmark = pytest.mark.server("rtsp")

FPS, STEP, N = 10, 4, 50  # pictures a second, grey levels per picture, so many numbers


def numbered(at_s: float, image: npt.NDArray[np.uint8]) -> None:
    image[:] = 20 + STEP * (round(at_s * FPS) % N)


@contextlib.contextmanager
def camera(*paths: Path, first: int = 0) -> Iterator[str]:
    """Give the address of a camera that sends videos one after another."""
    require_rtsp_server()
    with RtpSender(*paths, first=first) as sender:
        server = Server(av1_port=sender.port)
        try:
            server.start()
            yield server.url("av1")
        finally:
            server.close()


@pytest.fixture
def make_av1(make_video: Callable[..., Path]) -> Callable[..., Path]:
    """Write AV1 in the order of its pictures, as cameras send it."""

    def make(name: str, *, seconds: float, gop: int, size: tuple[int, int] = (320, 240)) -> Path:
        params = "pred-struct=1:lp=1"
        options = {"preset": "12", "crf": "10", "g": str(gop), "svtav1-params": params}
        return make_video(
            name, seconds=seconds, fps=FPS, size=size, draw=numbered, codec="libsvtav1",
            options=options,
        )  # fmt: skip

    return make


def numbers(watched: Watched) -> list[int]:
    levels = [float(one.picture.luma(96).mean()) for one in watched.frames]
    # Luma of video goes from 16 to 235 (ITU-R BT.601).
    return [round(((one - 16) * 255 / 219 - 20) / STEP) for one in levels]


def test_av1_is_seen_on_the_clock_and_its_clip_can_be_played(
    make_av1: Callable[..., Path], tmp_path: Path
) -> None:
    with camera(make_av1("live.mkv", seconds=11, gop=10)) as url:
        watched = Watched(url, has_frames(4))
    assert watched.source.tier == "key_frames"
    assert watched.frames[0].image.shape == (240, 320, 3)
    assert all(abs((one.at - one.wall_at).total_seconds()) < 1 for one in watched.frames)
    (first, *_) = shown = numbers(watched)
    assert shown == [(first + 10 * k) % N for k in range(4)]  # a key frame every 10 pictures
    packets = watched.source.ring.since(watched.frames[0].at)
    assert packets[0].format.codec == "av1"
    assert {(one.format.width_px, one.format.height_px) for one in packets} == {(320, 240)}
    muxer = PacketMuxer(tmp_path / "clip.mp4", packets[0].format)
    for one in packets:
        muxer.add(one)
    muxer.close()
    with av.open(str(tmp_path / "clip.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == len(packets)


def test_av1_that_is_joined_halfway_is_seen_from_its_next_key_frame_on(
    make_av1: Callable[..., Path],
) -> None:
    with camera(make_av1("live.mkv", seconds=11, gop=25), first=5) as url:
        watched = Watched(url, has_frames(8), attends=True)
    (first, second, *_) = shown = numbers(watched)
    assert first % 25 == 0
    assert (second - first) % N in {1, 2}
    assert shown[1:] == [(second + 2 * k) % N for k in range(7)]  # 5 of 10 pictures a second


def test_av1_that_changes_its_size_is_seen_on(make_av1: Callable[..., Path]) -> None:
    small = make_av1("small.mkv", seconds=6, gop=10)
    large = make_av1("large.mkv", seconds=6, gop=10, size=(640, 480))

    def until(watched: Watched) -> bool:
        return sum(one.picture.width_px == 640 for one in watched.frames) >= 2

    with camera(small, large) as url:
        watched = Watched(url, until)
    assert watched.frames[0].image.shape == (240, 320, 3)
    assert watched.frames[-1].image.shape == (480, 640, 3)
    assert watched.source.health.n_reconnects == 0
    formats = {one.format.width_px for one in watched.source.ring.since(watched.items[0].at)}
    assert formats == {320, 640}
