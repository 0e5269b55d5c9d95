import pytest

from parkwacht_vision.frames import Cadence, MediaClock, SourceHealth


@pytest.mark.parametrize(
    ("pts", "expected", "n_mended", "blind_s"),
    [
        ([5.0, 5.1, 5.2], [0.0, 0.1, 0.2], 0, 0.0),
        ([None, None, None], [0.0, 0.1, 0.2], 2, 0.0),
        ([0.0, 0.1, None, 0.3], [0.0, 0.1, 0.2, 0.3], 1, 0.0),
        # one frame out of order is moved, the rest stays in place
        ([0.0, 0.2, 0.1, 0.4], [0.0, 0.2, 0.3, 0.4], 1, 0.0),
        # a clock set back by an hour goes on from where it was
        ([3600.0, 3600.1, 0.0, 0.1], [0.0, 0.1, 0.2, 0.3], 1, 0.0),
        # ten seconds without frames are blind, less the frame that was due
        ([0.0, 0.1, 10.1], [0.0, 0.1, 10.1], 0, 9.9),
        ([0.0, 0.1, 95443.0], [0.0, 0.1, 0.2], 1, 0.0),
    ],
    ids=[
        "from zero",
        "no times",
        "one missing",
        "out of order",
        "set back",
        "hole",
        "broken clock",
    ],
)
def test_presentation_times_become_media_time(
    pts: list[float | None], expected: list[float], n_mended: int, blind_s: float
) -> None:
    health = SourceHealth()
    clock = MediaClock(0.1, health)
    assert [clock.media_time_s(one) for one in pts] == pytest.approx(expected)
    assert health.n_times_mended == n_mended
    assert sum(health.blind_s.values()) == pytest.approx(blind_s)


@pytest.mark.parametrize(
    ("source_fps", "wanted"), [(25, 8), (30, 8), (15, 8), (8, 8), (5, 8), (12.5, 10)]
)
def test_the_cadence_takes_as_many_frames_as_asked_or_all(source_fps: float, wanted: float) -> None:
    cadence = Cadence(wanted)
    taken = sum(cadence.is_due(index / source_fps) for index in range(round(60 * source_fps)))
    assert taken == pytest.approx(60 * min(source_fps, wanted), abs=1)
