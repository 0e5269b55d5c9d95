"""Whether a reader rests when nothing waits for it, and only then."""

import threading
import time
from collections.abc import Iterator

import av
import pytest

from parkwacht_vision.pace import CAUGHT_UP_S, REST_S, paced


class _Rests(threading.Event):
    """A signal to stop that notes how often somebody rested on it."""

    def __init__(self) -> None:
        super().__init__()
        self.rests_s: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        """Note the rest, and take none."""
        self.rests_s.append(timeout)
        return self.is_set()


def _arriving(*waits: bool) -> Iterator[av.Packet]:
    """Yield packets that wait in the socket already, or that come a moment later."""
    for must_wait in waits:
        if must_wait:
            time.sleep(5 * CAUGHT_UP_S)
        yield av.Packet(8)


def test_it_rests_after_a_packet_it_had_to_wait_for() -> None:
    stop = _Rests()
    packets = list(paced(_arriving(True, True), stop, lambda: True))
    assert len(packets) == 2
    assert stop.rests_s == [REST_S, REST_S]


def test_it_reads_at_once_what_gathered_meanwhile() -> None:
    stop = _Rests()
    packets = list(paced(_arriving(*[False] * 50), stop, lambda: True))
    assert len(packets) == 50
    # A busy machine may take its time over one of them; never over most.
    assert len(stop.rests_s) < 10


def test_it_does_not_rest_before_the_clock_of_the_stream_is_known() -> None:
    stop = _Rests()
    assert len(list(paced(_arriving(True, True), stop, lambda: False))) == 2
    assert stop.rests_s == []


def test_errors_of_the_stream_go_through() -> None:
    def broken() -> Iterator[av.Packet]:
        yield av.Packet(8)
        message = "cut"
        raise OSError(message)

    with pytest.raises(OSError, match="cut"):
        list(paced(broken(), threading.Event(), lambda: True))
