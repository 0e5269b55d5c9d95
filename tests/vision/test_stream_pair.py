"""A camera with two streams of which one fails; each stream has a real RTSP server of its own."""

import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import av
import pytest
from rtsp_server import Server, require_rtsp_server
from watched import Watched, steps_s

from parkwacht_vision.clips import ClipCutter
from parkwacht_vision.masks import PrivacyScreen

pytestmark = pytest.mark.server("rtsp")

SMALL = (160, 120)


@pytest.fixture
def servers() -> Iterator[tuple[Server, Server]]:
    """Of the large stream, and of the small one."""
    require_rtsp_server()
    both = (Server(), Server())
    try:
        for one in both:
            one.start()
        yield both
    finally:
        for one in both:
            one.close()


def sizes(watched: Watched) -> set[tuple[int, int]]:
    return {(one.picture.width_px, one.picture.height_px) for one in watched.frames}


PICTURE_S = 0.1  # the servers send ten a second


def assert_seen_from_the_first_picture(watched: Watched, *, n_stalls: int = 0) -> None:
    """Nothing may be blind but the time to connect, and the picture during which a server died."""
    causes = {cause for cause, blind_s in watched.blind_s.items() if blind_s > 0} - {"stalled"}
    assert causes <= {"connection_lost", "corrupt_data"}
    first_s = watched.frames[0].media_time_s
    # A packet's time is rounded to the 90 kHz of RTP.
    assert watched.blind_s["connection_lost"] == pytest.approx(first_s, abs=0.001 + 0.2 * n_stalls)
    cut_s = watched.blind_s.get("corrupt_data", 0.0)
    assert cut_s <= PICTURE_S + 0.2 * n_stalls + 1e-6


def test_while_the_small_stream_is_away_the_large_one_is_seen(
    servers: tuple[Server, Server],
) -> None:
    large, small = servers
    on_large: list[int] = []

    def until(watched: Watched) -> bool:
        if len(watched.frames) == 5 and small.process is not None:
            small.stop()
        if watched.tiers[-1] != "substream":
            on_large.append(len(watched.frames))
            if len(on_large) == 3:
                small.start_in(0)
            assert len(on_large) < 30
        return len(on_large) >= 3 and watched.tiers[-5:] == ["substream"] * 5

    watched = Watched(large.url("cam"), until, sub_url=small.url("sub"))
    # A busy machine may starve both for a moment: that is a stall, and it is counted.
    assert {one.cause for one in watched.gaps} <= {"stalled"}
    n_stalls = len(watched.gaps)
    assert (watched.blind_s.get("stalled", 0.0) > 0) is (n_stalls > 0)
    assert_seen_from_the_first_picture(watched, n_stalls=n_stalls)
    assert sizes(watched) == {SMALL}  # boxes stay valid, whichever stream is looked at
    assert watched.frames[on_large[0]].image.shape == (SMALL[1], SMALL[0], 3)
    new = [one for one in watched.frames if not one.is_replay]
    # By key frames, of which every other is looked at: a step of 1 s, and what lies about it.
    assert n_stalls or all(0 < step <= 1.7 for step in steps_s(new))


def test_a_small_stream_that_falls_silent_is_replaced_from_where_it_was_seen_last(
    servers: tuple[Server, Server],
) -> None:
    large, small = servers

    def until(watched: Watched) -> bool:
        if len(watched.frames) == 5 and small.process is not None:
            small.process.send_signal(signal.SIGSTOP)
        return watched.tiers[-3:] == ["key_frames"] * 3

    watched = Watched(large.url("cam"), until, sub_url=small.url("sub"))
    assert watched.gaps == []
    assert_seen_from_the_first_picture(watched)
    assert max(steps_s(watched.frames)) <= 1.7
    assert watched.source.health.is_halved


def test_a_small_stream_that_stands_still_is_replaced(servers: tuple[Server, Server]) -> None:
    large, small = servers

    def until(watched: Watched) -> bool:
        return watched.tiers[-4:] == ["key_frames"] * 4

    watched = Watched(large.url("cam"), until, sub_url=small.url("still"))
    first = watched.tiers.index("key_frames")
    still_s = watched.items[first - 1].media_time_s
    # Still for two seconds: what the large stream showed meanwhile is looked at again.
    assert watched.items[first].media_time_s < still_s
    assert any(one.is_replay for one in watched.frames)


def test_evidence_is_of_the_small_stream_while_the_large_one_is_away(
    servers: tuple[Server, Server], tmp_path: Path
) -> None:
    large, small = servers
    lost_s: list[float] = []

    def until(watched: Watched) -> bool:
        if len(watched.frames) == 5 and large.process is not None:
            large.stop()
            lost_s.append(time.monotonic())
        return bool(lost_s) and time.monotonic() - lost_s[0] > 3

    watched = Watched(large.url("cam"), until, sub_url=small.url("sub"))
    assert set(watched.tiers) == {"substream"}
    assert watched.gaps == []
    last_at = watched.frames[-1].at
    packets = watched.source.ring.since(last_at)
    assert (packets[0].format.width_px, packets[0].format.height_px) == SMALL
    # An event that began before and went on after: one clip of both.
    screen = PrivacyScreen()
    starts_at = watched.frames[1].at
    cutter = ClipCutter(watched.source.ring, tmp_path / "clip.mp4", screen, starts_at)
    cutter.extend(last_at)
    result = cutter.finish()
    assert result is not None
    assert result.started_at <= starts_at
    assert last_at - result.ended_at < timedelta(seconds=0.3)
    with av.open(str(result.clip.path)) as clip:
        n_pictures = sum(1 for _ in clip.decode(video=0))
    # 10 pictures a second of either, up to half a second of both at the seam.
    length_s = (result.ended_at - result.started_at).total_seconds()
    assert n_pictures == pytest.approx(10 * length_s, abs=12)
