"""Whether a reader rests when nothing waits for it, and only then."""

import math
import threading
import time
from collections.abc import Iterator

import av
import pytest

from parkwacht_vision.pace import CAUGHT_UP_S, REST_S, paced, quiet_rest_s


class _Rests(threading.Event):
    """A signal to wake that notes how often somebody rested on it."""

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
    wake = _Rests()
    packets = list(paced(_arriving(True, True), wake, lambda: REST_S))
    assert len(packets) == 2
    assert wake.rests_s == [REST_S, REST_S]


def test_it_reads_at_once_what_gathered_meanwhile() -> None:
    wake = _Rests()
    packets = list(paced(_arriving(*[False] * 50), wake, lambda: REST_S))
    assert len(packets) == 50
    # A busy machine may take its time over one of them; never over most.
    assert len(wake.rests_s) < 10


def test_it_does_not_rest_before_the_clock_of_the_stream_is_known() -> None:
    wake = _Rests()
    assert len(list(paced(_arriving(True, True), wake, lambda: 0.0))) == 2
    assert wake.rests_s == []


def test_errors_of_the_stream_go_through() -> None:
    def broken() -> Iterator[av.Packet]:
        yield av.Packet(8)
        message = "cut"
        raise OSError(message)

    with pytest.raises(OSError, match="cut"):
        list(paced(broken(), threading.Event(), lambda: REST_S))


@pytest.mark.parametrize(
    ("rate_bps", "rest_s"),
    [
        pytest.param(None, 0.12, id="not known yet"),
        pytest.param(400_000.0, 0.7, id="small stream: as long as it may"),
        pytest.param(3_000_000.0, 0.5, id="1,500,000 bits gather in 0.5 s"),
        pytest.param(16_000_000.0, 0.12, id="large stream: as while something happens"),
    ],
)
def test_a_quiet_rest_lets_no_more_gather_than_a_socket_holds(
    rate_bps: float | None, rest_s: float
) -> None:
    assert quiet_rest_s(rate_bps) == pytest.approx(rest_s)


@pytest.mark.parametrize(
    ("until_wanted_s", "rest_s"),
    [
        pytest.param(0.4, 0.4, id="until the picture is taken"),
        pytest.param(2.0, 2 / 3, id="a GOP of 2 s in three equal rests, none over 0.7 s"),
        pytest.param(-0.2, 0.12, id="late: as while something happens"),
        pytest.param(-math.inf, 0.12, id="everything is wanted"),
        pytest.param(math.inf, 0.7, id="nobody looks at it"),
    ],
)
def test_the_last_quiet_rest_ends_where_a_picture_is_wanted(
    until_wanted_s: float, rest_s: float
) -> None:
    assert quiet_rest_s(400_000.0, until_wanted_s) == pytest.approx(rest_s)


def test_a_rest_ends_when_it_is_woken() -> None:
    wake = threading.Event()
    asked: list[float] = []

    def rest_s() -> float:
        asked.append(time.monotonic())
        threading.Timer(0.05, wake.set).start()
        return 60.0

    assert len(list(paced(_arriving(True), wake, rest_s))) == 1
    assert len(asked) == 1
