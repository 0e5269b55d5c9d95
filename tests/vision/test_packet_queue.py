"""A queue nobody empties stays small, and says what was lost."""

import threading
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from parkwacht_vision.frames import SourceHealth
from parkwacht_vision.packet_queue import PacketQueue
from parkwacht_vision.packets import EncodedPacket, StreamFormat

BEGUN = datetime(2026, 11, 23, 2, tzinfo=UTC)
TOLD = StreamFormat("h264", 320, 240, Fraction(1, 90_000), None, None)


def packet(at_s: float, *, is_key: bool) -> EncodedPacket:
    at = BEGUN + timedelta(seconds=at_s)
    return EncodedPacket(b"12345678", 0, 0, None, is_key, at_s, at, TOLD)


def filled(seconds: int, gop_s: int, health: SourceHealth) -> list[float]:
    queue = PacketQueue(health)
    for index in range(seconds * 10):
        queue.put(packet(index / 10, is_key=index % (10 * gop_s) == 0))
    return [one.media_time_s for one in queue.take(0) if isinstance(one, EncodedPacket)]


def test_key_frames_and_the_newest_gop_stay() -> None:
    # The first packet beyond 10 s is that of 10.1 s: of what is before the key frame of 10 s, key
    # frames stay. They are 2 s apart, near enough to see by: nothing counts as lost.
    health = SourceHealth()
    times = filled(11, 2, health)
    assert times[:5] == [0, 2, 4, 6, 8]
    assert times[5] == 10
    assert health.n_dropped == 100 - 5
    assert health.blind_s == {}


def test_what_lies_between_key_frames_far_apart_is_lost() -> None:
    health = SourceHealth()
    times = filled(11, 5, health)
    assert times[:2] == [0, 5]
    assert health.blind_s == {"analysis_too_slow": 10}


def test_it_never_grows_however_long_nobody_takes() -> None:
    health = SourceHealth()
    assert len(filled(600, 2, health)) <= 64 + 102
    # 600 s came; of all but the last 10, and 32 to 64 key frames of 2 s, nothing is left.
    assert 600 - 10 - 128 - 4 <= health.blind_s["analysis_too_slow"] <= 600 - 64


@pytest.mark.parametrize(
    ("last", "is_woken"),
    [
        pytest.param(packet(0.9, is_key=False), False, id="before the time that is wanted"),
        pytest.param(packet(1.0, is_key=False), True, id="at that time"),
        pytest.param(packet(0.9, is_key=True), True, id="a key frame"),
    ],
)
def test_who_waits_for_a_time_is_woken_for_it_and_for_key_frames(
    last: EncodedPacket, *, is_woken: bool
) -> None:
    queue = PacketQueue(SourceHealth())
    taken: list[int] = []
    waiting = threading.Thread(target=lambda: taken.append(len(queue.take(30, wanted_s=1.0))))
    waiting.start()
    for index in range(9):
        queue.put(packet(index / 10, is_key=False))
    queue.put(last)
    waiting.join(20 if is_woken else 0.2)
    assert waiting.is_alive() is not is_woken
    if not is_woken:
        queue.put(packet(1.1, is_key=False))
        waiting.join(20)
    assert not waiting.is_alive()
    assert sum(taken) == (10 if is_woken else 11)
