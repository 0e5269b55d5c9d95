"""Bandwidth and storage, by hand."""

import pytest
from coverage_builders import bullet

from parkwacht_coverage.storage import bandwidth_mbit_per_s, storage_gb


def test_a_stream_of_4_mbit_fills_43_gb_a_day_and_1210_gb_in_28_days() -> None:
    # 4 Mbit/s x 86,400 s = 345,600 Mbit = 43.2 GB; x 28 = 1,209.6 GB
    assert storage_gb(4.0) == pytest.approx(43.2)
    assert storage_gb(4.0, 28) == pytest.approx(1209.6)


def test_a_stream_is_pixels_times_frames_times_bits() -> None:
    # 2688 x 1520 = 4,085,760 pixels; x 12.5 x 0.08 = 4,085,760 bit/s
    assert bandwidth_mbit_per_s(bullet()) == pytest.approx(4.08576)
    # a quarter of the frames asks for a quarter of the line
    slow = bandwidth_mbit_per_s(bullet(), frames_per_s=3.125)
    assert slow == pytest.approx(1.02144)
    assert bandwidth_mbit_per_s(bullet(), bits_per_pixel=0.16) == pytest.approx(8.17152)
