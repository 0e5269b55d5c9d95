"""Drawn nights: the truth is where the pixels are, and the same seed draws the same."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from nights.rendering import Drawing
from nights.scenarios import FULL, QUICK, Actor, Night
from nights.sensor import tampered


@pytest.fixture(scope="module")
def drawn() -> Drawing:
    """A man at 12 m who starts in view and walks to the right, without noise."""
    man = Actor(((-2.0, 12.0), (4.0, 12.0)), 0.0, 2.5)
    night = Night("test", 1, (man,), seconds=0.5, size=(320, 180), noise=0.01)
    drawing = Drawing(night)
    pictures = list(drawing.frames())
    empty = Drawing(replace(night, actors=(), seconds=0.1))
    (ground,) = empty.frames()
    trace = drawing.traces[0]
    for number, image, box in zip(trace.frames, pictures, trace.boxes_px, strict=True):
        changed = np.abs(image.astype(int) - ground.astype(int)) > 12
        ys, xs = np.nonzero(changed)
        # what differs from the empty scene is the man (his shadow is fainter than that)
        assert xs.min() == pytest.approx(box[0], abs=3), number
        assert xs.max() == pytest.approx(box[2], abs=3), number
        assert ys.min() == pytest.approx(box[1], abs=3), number
    return drawing


@pytest.mark.slow
def test_the_box_of_a_walker_is_where_his_pixels_are(drawn: Drawing) -> None:
    assert len(drawn.traces[0].frames) == 5


@pytest.mark.slow
def test_a_visit_tells_when_and_how_large(drawn: Drawing) -> None:
    visit = drawn.traces[0].visit(drawn.n_frames)
    assert visit is not None
    assert visit["start_s"] == pytest.approx(0.1)  # from the first frame that he has moved in
    assert visit["end_s"] is None  # still there at the end
    # 4 mm lens, 2 um pixels, 2688 of them: f = 2000 px, at 320 px 238.1 px. He walks 12 m from the
    # foot of a mast of 6 m: 12 m * cos 13.1 deg + 5.1 m * sin 13.1 deg = 12.8 m along the axis
    assert visit["px_per_m"] == pytest.approx(238.1 / 12.8, rel=0.05)


@pytest.mark.slow
def test_the_same_seed_draws_the_same_night() -> None:
    night = replace(QUICK[-1], seconds=0.3, size=(320, 180))
    first, second = (list(Drawing(night).frames()) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_tampering_hides_shifts_or_blurs() -> None:
    radiance = np.zeros((90, 160, 3), dtype=np.float32)
    radiance[40:44, 20:24] = 1.0
    assert tampered("covered", radiance, 1.0).max() < 0.02
    assert tampered("moved", radiance, 1.0)[40:44, 20:24].mean() < 0.5
    assert tampered("defocused", radiance, 1.0).max() < 0.9


def test_every_night_has_a_name_and_a_seed_of_its_own() -> None:
    assert len({one.name for one in FULL}) == len({one.seed for one in FULL}) == len(FULL)
