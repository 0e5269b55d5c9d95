"""Against a real RTSP server: GStreamer's, from the distribution's packages."""

import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rtsp_server import Relay, Server, free_port, require_rtsp_server, set_clock_on, spoil
from watched import FAST, Watched, has_frames, has_gaps, steps_s

from parkwacht_config.clock import SystemClock
from parkwacht_vision.stream import StreamSource

LOGIN = "wacht:geheim@"

pytestmark = pytest.mark.server("rtsp")


@pytest.fixture(scope="module")
def shared_server() -> Iterator[Server]:
    require_rtsp_server()
    one = Server()
    try:
        one.start()
        yield one
    finally:
        one.close()


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of one's own, to be killed or frozen."""
    require_rtsp_server()
    one = Server()
    try:
        one.start()
        yield one
    finally:
        one.close()


def test_a_quiet_stream_is_seen_by_its_key_frames_on_the_clock(shared_server: Server) -> None:
    watched = Watched(shared_server.url(), has_frames(4))
    assert watched.source.tier == "key_frames"
    assert all(one.is_look and one.image.shape == (240, 320, 3) for one in watched.frames)
    # A key frame every 5 of 10 pictures a second, of which every other is looked at: 1 s.
    assert steps_s(watched.frames) == pytest.approx([1.0] * 3, abs=0.05)
    assert all(abs((one.at - one.wall_at).total_seconds()) < 1 for one in watched.frames)


def test_attending_gives_every_due_frame(shared_server: Server) -> None:
    watched = Watched(shared_server.url(), has_frames(12), attends=True)
    new = [one for one in watched.frames if not one.is_replay][1:]
    assert steps_s(new) == pytest.approx([0.2] * (len(new) - 1), abs=0.02)
    assert watched.source.kind == "stream"


def test_of_two_streams_the_small_one_is_seen_and_the_large_one_kept(
    shared_server: Server,
) -> None:
    both = (shared_server.url("cam"), shared_server.url("sub"))
    watched = Watched(both[0], has_frames(8), sub_url=both[1])
    assert watched.source.tier == "substream"
    assert watched.source.tier_reason is not None
    assert "160 x 120 pixels: minstens elke seconde een beeld" in watched.source.tier_reason.nl
    assert watched.frames[0].image.shape == (120, 160, 3)
    assert all(one.is_look for one in watched.frames)
    # Key frames a second apart, and one picture between: every 0.7 s would leave 0.3 s over.
    assert steps_s(watched.frames)[-3:] == pytest.approx([0.5] * 3, abs=0.05)
    last = watched.frames[-1].at
    packets = watched.source.ring.since(last)
    assert packets
    assert packets[0].is_key
    assert (packets[0].format.width_px, packets[0].format.height_px) == (320, 240)
    # 10 pictures a second: the large stream's packet of that instant is at most 0.1 s away, and
    # the two clocks are laid on each other to a tenth or two.
    assert min(abs((one.at - last).total_seconds()) for one in packets) < 0.3


def test_every_due_frame_of_the_small_one_is_seen_while_something_happens(
    shared_server: Server,
) -> None:
    both = (shared_server.url("cam"), shared_server.url("sub"))
    watched = Watched(both[0], has_frames(12), attends=True, sub_url=both[1])
    new = [one for one in watched.frames if not one.is_replay][1:]
    assert watched.source.tier == "substream"
    assert steps_s(new) == pytest.approx([0.2] * (len(new) - 1), abs=0.02)


def test_a_cut_stream_comes_back_and_its_loss_is_counted(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    cut: list[int] = []

    def until(watched: Watched) -> bool:
        if len(watched.frames) == 2 and not cut:
            server.stop()
            cut.append(len(watched.items))
            server.start_in(1.0)
        return len(watched.frames) >= 4

    with caplog.at_level(logging.DEBUG):
        watched = Watched(server.url(login=LOGIN), until)
    assert watched.source.health.n_reconnects >= 1
    assert watched.gaps
    # Away for at least the second until it was started; then come a few attempts.
    assert 1.0 <= watched.blind_s["connection_lost"] <= 12
    assert all(step > 0 for step in steps_s(watched.frames))
    assert "geheim" not in caplog.text
    assert "geheim" not in watched.source.name


def test_a_watch_that_is_given_up_leaves_no_reader(shared_server: Server) -> None:
    source = StreamSource(
        shared_server.url("cam"), fps=5, clock=SystemClock(), stop=threading.Event(),
        sub_url=shared_server.url("sub"),
    )  # fmt: skip
    for _ in source.frames():
        break  # as a watch does that fails: it begins anew with another source
    assert not [one for one in threading.enumerate() if one.name.startswith("reader ")]


def test_a_stream_that_is_not_there_tells_of_gaps_and_stops_at_once() -> None:
    begun_s = time.monotonic()
    watched = Watched(f"rtsp://u:geheim@127.0.0.1:{free_port()}/cam", has_gaps(3))
    assert time.monotonic() - begun_s < 10
    assert watched.blind_s["connection_lost"] > 0
    problem = watched.gaps[-1].problem
    assert problem is not None
    assert "refuses the connection" in problem.en
    assert "geheim" not in problem.en + problem.nl


def test_a_frozen_server_is_a_stall(server: Server) -> None:
    def until(watched: Watched) -> bool:
        if len(watched.frames) == 2 and server.process is not None:
            server.process.send_signal(signal.SIGSTOP)
        return bool(watched.gaps)

    watched = Watched(server.url(), until)
    assert watched.gaps[0].cause == "stalled"
    assert watched.blind_s["stalled"] >= 1.0  # it is patient for 2.5 s


@pytest.mark.parametrize(
    ("login", "path", "cause"),
    [
        ("wacht:fout@", "locked", "refused_credentials"),
        ("", "locked", "refused_credentials"),
        ("", "no_such_path", "unknown_path"),
    ],
)
def test_why_a_server_refuses_is_told_apart(
    shared_server: Server, login: str, path: str, cause: str
) -> None:
    watched = Watched(
        shared_server.url(
            path, login=login, port=shared_server.locked_port if path == "locked" else None
        ),
        has_gaps(1),
    )
    assert watched.gaps[0].cause == cause
    assert watched.blind_s[cause] > 0
    assert watched.gaps[0].problem is not None


def test_the_right_password_opens(shared_server: Server) -> None:
    assert Watched(
        shared_server.url("locked", login=LOGIN, port=shared_server.locked_port), has_frames(1)
    ).frames


def test_a_stream_over_tls_is_seen(shared_server: Server) -> None:
    url = shared_server.url("locked", login=LOGIN, port=shared_server.tls_port)
    watched = Watched(url.replace("rtsp:", "rtsps:"), has_frames(2))
    assert watched.frames[0].image.shape == (240, 320, 3)


@pytest.mark.parametrize("path", ["hevc", "mjpeg"])
def test_a_stream_in_another_codec_is_seen_on_the_clock(shared_server: Server, path: str) -> None:
    watched = Watched(shared_server.url(path), has_frames(4))
    assert watched.source.tier == "key_frames"
    assert watched.frames[0].image.shape == (120, 160, 3)
    assert steps_s(watched.frames) == pytest.approx([1.0] * 3, abs=0.15)


def test_mpeg4_is_seen(make_video: Callable[..., Path]) -> None:
    require_rtsp_server()
    path = make_video("mpeg4.mp4", seconds=20.0, codec="mpeg4", options={"g": "5"})
    server = Server(path)
    try:
        server.start()
        watched = Watched(server.url("file"), has_frames(3))
    finally:
        server.close()
    assert watched.source.tier == "key_frames"
    assert watched.frames[0].image.shape == (240, 320, 3)
    assert watched.source.ring.since(watched.frames[0].at)[0].format.codec == "mpeg4"


def test_a_stream_without_pictures_says_so(shared_server: Server) -> None:
    watched = Watched(shared_server.url("sound"), has_gaps(1))
    problem = watched.gaps[0].problem
    assert problem is not None
    assert "zendt geen beeld" in problem.nl
    assert watched.gaps[0].cause == "no_video"


def test_a_codec_that_is_not_known_is_said_and_tried_again(shared_server: Server) -> None:
    """RFC 9328 calls H.266 so; FFmpeg takes no RTP of it."""
    watched = Watched(shared_server.url("h266"), has_gaps(2))
    assert {one.cause for one in watched.gaps} == {"unknown_codec"}
    assert watched.blind_s["unknown_codec"] > 0
    problem = watched.gaps[0].problem
    assert problem is not None
    assert problem.nl.startswith(shared_server.url("h266") + ": zendt beeld in een codec")


def test_a_small_stream_in_hevc_is_seen_of_a_camera_whose_large_one_is_h264(
    shared_server: Server,
) -> None:
    both = (shared_server.url("cam"), shared_server.url("hevc"))
    watched = Watched(both[0], has_frames(8), sub_url=both[1])
    assert watched.source.tier == "substream"
    assert watched.frames[0].image.shape == (120, 160, 3)
    assert steps_s(watched.frames)[-3:] == pytest.approx([0.5] * 3, abs=0.15)
    kept = watched.source.ring.since(watched.frames[-1].at)
    assert kept[0].format.codec == "h264"


def test_a_host_that_says_nothing_is_told_apart() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"rtsp://127.0.0.1:{silent.getsockname()[1]}/cam"
        watched = Watched(url, has_gaps(1), settings=replace(FAST, open_timeout_s=1.5))
    assert watched.gaps[0].cause == "no_answer"


def test_a_host_that_is_not_known_is_told_apart() -> None:
    watched = Watched("rtsp://camera.invalid/cam", has_gaps(1))  # RFC 2606: never exists
    assert watched.gaps[0].cause == "unknown_host"


def test_a_camera_that_speaks_only_udp_is_seen(shared_server: Server) -> None:
    assert Watched(shared_server.url("udp"), has_frames(2)).frames[0].image.shape == (240, 320, 3)


def test_a_stream_that_changes_its_size_is_seen_on(shared_server: Server) -> None:
    def until(watched: Watched) -> bool:
        return sum(one.picture.width_px == 640 for one in watched.frames) >= 2

    watched = Watched(shared_server.url("resized"), until)
    assert watched.frames[0].image.shape == (240, 320, 3)
    assert watched.frames[-1].image.shape == (480, 640, 3)
    assert watched.source.health.n_reconnects == 0
    formats = {one.format.width_px for one in watched.source.ring.since(watched.items[0].at)}
    assert formats == {320, 640}


def test_a_clock_that_is_set_does_not_move_the_pictures(shared_server: Server) -> None:
    relay = Relay(shared_server.port, set_clock_on(1000, from_packet=80))
    watched = Watched(shared_server.url(port=relay.port), has_frames(5))
    relay.close()
    assert watched.source.health.n_times_mended == 1
    assert all(abs((one.at - one.wall_at).total_seconds()) < 1.5 for one in watched.frames)
    assert all(0 < step < 2.5 for step in steps_s(watched.frames))


def test_spoiled_packets_are_counted_and_the_rest_is_seen(shared_server: Server) -> None:
    relay = Relay(shared_server.port, spoil(every=7))
    watched = Watched(shared_server.url(port=relay.port), has_frames(10), attends=True)
    relay.close()
    assert watched.source.health.n_corrupt > 0
    assert watched.source.health.n_reconnects == 0
