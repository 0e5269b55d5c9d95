"""Clocks laid on each other; all expected values are worked out by hand."""

import pytest

from parkwacht_vision.frames import SourceHealth
from parkwacht_vision.stream_clock import StreamClock


def begun(health: SourceHealth, first_s: float = 100.0, at_s: float = 10.0) -> StreamClock:
    clock = StreamClock(health, 0.0)
    clock.begin([(first_s, at_s)])
    return clock


def test_a_burst_at_the_start_is_placed_by_its_last_packet() -> None:
    # Five pictures of 0.2 s were read at once when the last one came, at 10 s.
    clock = StreamClock(SourceHealth(), 0.0)
    clock.begin([(100 + 0.2 * i, 10.0) for i in range(5)])
    taken = [clock.taken_s(100 + 0.2 * i, 10.0) for i in range(5)]
    assert taken == pytest.approx([9.2, 9.4, 9.6, 9.8, 10.0])


def test_jitter_of_the_network_does_not_stretch_a_gop() -> None:
    # Late by 0.0 to 0.4 s in turn: two seconds of the stream stay two seconds, to the hundredth.
    clock = begun(SourceHealth())
    taken = [clock.taken_s(100 + i, 10 + i + 0.1 * (i % 5)) for i in range(60)]
    assert [b - a for a, b in zip(taken, taken[2:], strict=False)] == pytest.approx(
        [2.0] * 58, abs=0.01
    )


def test_a_clock_that_drifts_is_followed_and_measured() -> None:
    # A thousandth slow (3.6 s an hour): after 600 s of its own it is 0.6 s behind.
    health = SourceHealth()
    clock = begun(health)
    taken = [clock.taken_s(100 + i, 10 + 1.001 * i) for i in range(601)]
    # Both measured at ends of windows of 30 s: the first minimum stands at 0, the last at ~570.
    assert health.clock_drift_s == pytest.approx(0.57, abs=0.035)
    assert taken[-1] == pytest.approx(10 + 600.6, abs=0.07)


@pytest.mark.parametrize("by_s", [1000.0, -1000.0])
def test_a_clock_that_is_set_is_laid_on_anew(by_s: float) -> None:
    health = SourceHealth()
    clock = begun(health)
    clock.taken_s(100, 10)
    assert clock.taken_s(100.2 + by_s, 10.2) == pytest.approx(10.2)
    assert health.n_times_mended == 1
    assert health.blind_s == {}


def test_a_hole_is_counted_and_what_comes_after_keeps_its_time() -> None:
    health = SourceHealth()
    clock = begun(health)
    clock.taken_s(100, 10)
    assert clock.taken_s(107, 17) == pytest.approx(17)
    assert health.blind_s == {"gap_in_source": 7}


def test_what_was_held_up_on_its_way_keeps_its_time() -> None:
    clock = begun(SourceHealth())
    clock.taken_s(100, 10)
    assert clock.taken_s(101, 16) == pytest.approx(11)


def test_a_clock_that_stood_still_is_laid_on_anew_after_a_window() -> None:
    # It stood still for 5 s: everything arrives 5 s late from then on.
    health = SourceHealth()
    clock = begun(health)
    taken = [clock.taken_s(100 + i, 15 + i) for i in range(70)]
    assert health.n_times_mended == 1
    assert taken[-1] == pytest.approx(15 + 69)
