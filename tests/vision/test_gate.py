"""
The gate on drawn scenes: where the block is, is known exactly from the drawing.

Frames are luma-like BGR of 640 x 360: the gate sees them at 180 rows.
"""

from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pytest

from parkwacht_vision.frames import Frame
from parkwacht_vision.gate import SceneGate
from parkwacht_vision.scene import Blob, SceneReading, SceneState

NIGHT = datetime(2026, 11, 23, 1, tzinfo=UTC)
Image = npt.NDArray[np.uint8]


def picture(number: int, *, luma: float = 50, left: float | None = None, step: float = 30) -> Image:
    """Draw noise of sigma 3, and a block of 14 x 40 pixels at `left`."""
    rng = np.random.default_rng(number)
    image = rng.normal(luma, 3, (360, 640))
    if left is not None:
        image[200:240, round(left) : round(left) + 14] += step
    return np.repeat(np.clip(image, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def show(gate: SceneGate, image: Image, at_s: float) -> SceneReading:
    at = NIGHT + timedelta(seconds=at_s)
    return gate.update(Frame.of_image(image, at_s, at, at, round(at_s * 10)))


def is_at(reading: SceneReading, left: float) -> bool:
    """Whether a blob covers the block's middle and is not much larger than it."""
    return any(
        one.xyxy[0] < left + 7 < one.xyxy[2]
        and one.xyxy[1] < 220 < one.xyxy[3]
        and one.xyxy[3] - one.xyxy[1] < 80
        for one in reading.blobs
    )


def learnt(fps: float = 5, *, seconds: float = 3, luma: float = 50) -> tuple[SceneGate, int]:
    gate, n = SceneGate(), round(seconds * fps)
    for number in range(n):
        show(gate, picture(number, luma=luma), number / fps)
    return gate, n


@pytest.mark.parametrize("fps", [0.5, 5, 8])
def test_a_block_is_found_in_the_first_frame_that_shows_it(fps: float) -> None:
    gate, n = learnt(fps, seconds=max(3, 6 / fps))
    assert is_at(show(gate, picture(n, left=100), n / fps), 100)


@pytest.mark.parametrize("luma", [12, 50])
def test_a_faint_walker_is_one_lasting_blob(luma: float) -> None:
    gate, n = learnt(luma=luma)
    readings = [
        show(gate, picture(n + i, luma=luma, left=100 + 6 * i, step=10), (n + i) / 5)
        for i in range(12)
    ]
    assert all(is_at(one, 100 + 6 * i) for i, one in enumerate(readings))
    last = readings[-1].lasting
    # 11 steps of 6 px, seen by a blob whose edges are up to two small pixels (4 px) off.
    assert len(last) == 1
    assert last[0].shift_px == pytest.approx(66, abs=8)


def test_an_empty_noisy_scene_is_quiet() -> None:
    gate, n = learnt()
    assert not any(show(gate, picture(n + i), (n + i) / 5).blobs for i in range(100))


def test_who_is_in_view_from_the_start_is_found_by_the_third_frame() -> None:
    gate = SceneGate()
    readings = [show(gate, picture(i, left=100 + 20 * i), i / 5) for i in range(3)]
    assert readings[-1].blobs


def test_a_switch_of_light_blinds_for_a_second_at_most() -> None:
    gate, n = learnt()
    rng = np.random.default_rng(5)
    ground = np.repeat(rng.integers(0, 60, (36, 64, 1)), 3, axis=2).repeat(10, 0).repeat(10, 1)

    def lit(number: int, left: float | None = None) -> Image:
        return (picture(number, luma=80, left=left) + ground).astype(np.uint8)

    assert show(gate, lit(n), n / 5).state is SceneState.SWITCH
    for i in range(1, 6):
        show(gate, lit(n + i), (n + i) / 5)
    found = show(gate, lit(n + 6, left=100), (n + 6) / 5)
    assert not found.is_blind
    assert is_at(found, 100)


def test_what_left_its_place_leaves_no_lasting_ghost() -> None:
    gate = SceneGate()
    for i in range(30):
        show(gate, picture(i, left=300, step=60), i / 5)
    # Gone at 6 s; 3 s to be taken as standing, and 60 levels fade to 3 in three time constants.
    late = [show(gate, picture(i), i / 5) for i in range(30, 80)]
    assert late[0].blobs
    assert not any(one.blobs for one in late[35:])


def test_time_that_goes_back_is_judged_and_not_learnt() -> None:
    gate, n = learnt()
    for i in range(40):
        show(gate, picture(n + i, left=100), 1.0)  # 40 looks at the same instant
    assert is_at(show(gate, picture(99, left=100), 1.2), 100)


@pytest.mark.parametrize(
    ("n_seen", "shift_px", "straightness", "is_lasting"),
    [
        (2, 10, 1.0, False),  # two frames: chance
        (3, 10, 1.0, True),  # 5 px a step, the block is 24 px large: 0.2
        (4, 20, 0.2, False),  # 33 px a step, to and fro
        (4, 90, 1.0, True),  # 30 px a step, straight on: a fast vehicle
        (3, 0, 0.0, True),  # it stays where it is
    ],
)
def test_lasting(n_seen: int, shift_px: float, straightness: float, *, is_lasting: bool) -> None:
    blob = Blob(1, (0, 0, 16, 36), 0.5, 9.0, 1.0, n_seen, shift_px, straightness)
    assert blob.is_lasting is is_lasting


def snowed(image: Image, number: int) -> Image:
    """Draw 40 flakes of 6 x 6 pixels, elsewhere in every frame."""
    rng, out = np.random.default_rng(1000 + number), image.copy()
    for y, x in zip(rng.integers(0, 354, 40), rng.integers(0, 634, 40), strict=True):
        out[y : y + 6, x : x + 6] = 120
    return out


def test_a_walker_among_flakes_is_the_only_one_worth_a_look() -> None:
    gate, n = learnt()
    for i in range(n, n + 15):  # three seconds of snow: weather by its two seconds' time constant
        snowing = show(gate, snowed(picture(i), i), i / 5)
    assert snowing.state is SceneState.WEATHER
    hits, others = 0, 0
    for i in range(25):
        left = 100 + 8 * i  # 40 px/s at a height of 40 px
        at = n + 15 + i
        reading = show(gate, snowed(picture(at, left=left, step=40), at), at / 5)
        on_him = [one for one in reading.lasting if one.xyxy[0] < left + 7 < one.xyxy[2]]
        hits, others = hits + bool(on_him), others + len(reading.lasting) - len(on_him)
    # six frames make a course, and a flake beside him puts him off it for a while
    assert hits >= 8
    assert others <= 2
