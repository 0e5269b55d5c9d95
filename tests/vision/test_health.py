"""
What troubles a camera, on a frame of a sample recording with sensor noise added and a known change.

The truth of every case is the change that the test itself makes: a shift by so many pixels, a blur,
a sheet before the lens. A check is made every two seconds, so frames come two seconds apart.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest

from parkwacht_coverage.camera import CameraModel
from parkwacht_vision.event import SourceInfo
from parkwacht_vision.frames import Frame, SourceHealth
from parkwacht_vision.health import HealthMonitor
from parkwacht_vision.troubles import TroubleChange, trouble_record

Image = npt.NDArray[np.uint8]
Change = Callable[[Image], Image]
START = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
SAMPLES = Path(__file__).parents[2] / "sample_media"
SIZE = (960, 540)  # what a shift in the full picture is measured in


@pytest.fixture(scope="module")
def scene() -> Image:
    with av.open(str(SAMPLES / "p2_parking_20261123T154000+0100.mp4")) as container:
        image = next(container.decode(video=0)).to_ndarray(format="bgr24")
    return np.asarray(cv2.resize(image, SIZE, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def frames(images: list[Image], *, first: int = 0, is_noisy: bool = True) -> Iterator[Frame]:
    # One field of noise, rolled along: no two pictures are alike, and it is drawn only once.
    noise = np.random.default_rng(1).integers(0, 10, (*SIZE[::-1], 3)).astype(np.uint8)
    for index, image in enumerate(images, start=first):
        noisy = cv2.add(image, np.roll(noise, 37 * index)) if is_noisy else image
        at = START + timedelta(seconds=2 * index)
        yield Frame.of_image(noisy, 2.0 * index, at, at, index)


def watch(monitor: HealthMonitor, given: Iterator[Frame]) -> list[TroubleChange]:
    return [change for frame in given for change in monitor.see(frame)]


def shifted(image: Image) -> Image:
    moved = cv2.warpAffine(
        image, np.array([[1, 0, 36], [0, 1, 12]], np.float32), SIZE, borderMode=cv2.BORDER_REFLECT
    )
    return np.asarray(moved, dtype=np.uint8)


def covered(image: Image) -> Image:
    return np.full_like(image, 70)


def blurred(image: Image) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 9), dtype=np.uint8)


def black(image: Image) -> Image:
    return np.full_like(image, 4)


def white(image: Image) -> Image:
    return np.full_like(image, 255)


def darker(image: Image) -> Image:
    """Lamps out: a fifth of the light."""
    return np.asarray(image * 0.2, dtype=np.uint8)


def colourless(image: Image) -> Image:
    """Infrared: no colour, another contrast."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    bright = np.asarray(255 * (grey / 255.0) ** 0.7, dtype=np.uint8)
    return np.asarray(cv2.cvtColor(bright, cv2.COLOR_GRAY2BGR), dtype=np.uint8)


def lit_by_itself(image: Image) -> Image:
    """The camera's own infrared: the middle is bright, so that contrast grows and edges do not."""
    rows, columns = image.shape[:2]
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    hot = 150 * np.exp(-3 * (x**2 + y**2))
    return np.asarray(np.clip(image * 0.4 + hot[..., None], 0, 255), dtype=np.uint8)


def large_person(image: Image) -> Image:
    """A person two metres before the camera: a third of the picture."""
    painted = image.copy()
    cv2.ellipse(painted, (480, 300), (160, 290), 0, 0, 360, (40, 45, 60), -1)
    return painted


def raining(image: Image) -> Image:
    painted = image.copy()
    random = np.random.default_rng(int(image.sum()) % 1000)
    for x, y in random.integers(0, 900, (250, 2)).tolist():
        cv2.line(painted, (x, y), (x + 3, y + 30), (190, 190, 190), 1, cv2.LINE_AA)
    return painted


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (covered, "covered"),
        (shifted, "moved"),
        (blurred, "defocused"),
        (black, "black"),
        (white, "over_exposed"),
    ],
)
def test_a_trouble_begins_and_is_over(scene: Image, change: Change, cause: str) -> None:
    monitor = HealthMonitor()
    assert watch(monitor, frames([scene] * 10)) == []
    begun = watch(monitor, frames([change(scene)] * 8, first=10))
    assert [(one.cause, one.is_begin) for one in begun] == [(cause, True)]
    assert begun[0].at == START + timedelta(seconds=20)  # the first frame that shows it
    over = watch(monitor, frames([scene] * 6, first=18))
    assert [(one.cause, one.is_begin) for one in over] == [(cause, False)]
    assert monitor.troubles == ()


@pytest.mark.parametrize("change", [darker, colourless, lit_by_itself, large_person, raining])
def test_what_is_no_trouble(scene: Image, change: Change) -> None:
    monitor = HealthMonitor()
    given = [scene] * 10 + [change(scene)] * 10 + [scene] * 5
    assert watch(monitor, frames(given)) == []


def test_a_shift_is_measured(scene: Image) -> None:
    monitor = HealthMonitor()
    changes = watch(monitor, frames([scene] * 10 + [shifted(scene)] * 5))
    # 36 px across and 12 px down make 37.9 px; a pixel of the 180 rows compared is 3 px here.
    assert changes[0].measure == pytest.approx(37.9, abs=3)
    assert changes[0].unit == "px"


def test_a_shift_of_a_calibrated_camera_is_measured_in_degrees(scene: Image) -> None:
    # 960 px wide with a focal length of 800 px: 37.9 px off the axis are atan(37.9 / 800) = 2.7
    # degrees, and 3 px are 0.2.
    model = CameraModel(
        id="cam_a", x_m=0, y_m=0, height_m=5, azimuth_deg=30, tilt_deg=20, f_px=800,
        width_px=960, height_px=540,
    )  # fmt: skip
    monitor = HealthMonitor(model)
    changes = watch(monitor, frames([scene] * 10 + [shifted(scene)] * 5))
    assert changes[0].measure == pytest.approx(2.7, abs=0.25)
    assert changes[0].unit == "°"


def test_a_frozen_picture(scene: Image) -> None:
    monitor = HealthMonitor()
    assert watch(monitor, frames([scene] * 5)) == []
    begun = watch(monitor, frames([scene] * 10, first=5, is_noisy=False))
    assert [(one.cause, one.is_begin) for one in begun] == [("frozen", True)]
    over = watch(monitor, frames([scene] * 4, first=15))
    assert [(one.cause, one.is_begin) for one in over] == [("frozen", False)]


def test_a_drawn_picture_is_not_frozen(scene: Image) -> None:
    assert watch(HealthMonitor(), frames([scene] * 20, is_noisy=False)) == []


def test_a_camera_turned_while_nobody_watched(scene: Image, tmp_path: Path) -> None:
    before = HealthMonitor(store=tmp_path / "cam_a.npz")
    watch(before, frames([scene] * 10))
    before.save()
    after = HealthMonitor(store=tmp_path / "cam_a.npz")
    changes = watch(after, frames([shifted(scene)] * 5, first=100))
    assert [(one.cause, one.is_begin) for one in changes] == [("moved", True)]


def test_a_torn_store_is_learned_anew(scene: Image, tmp_path: Path) -> None:
    (tmp_path / "cam_a.npz").write_bytes(b"PK\x03\x04 torn")
    assert watch(HealthMonitor(store=tmp_path / "cam_a.npz"), frames([scene] * 5)) == []


def test_a_lost_stream_is_over_with_its_first_picture(scene: Image) -> None:
    monitor = HealthMonitor()
    assert [one.is_begin for one in monitor.lost(START, 5.0)] == [True]
    assert monitor.lost(START + timedelta(seconds=5), 10.0) == []
    changes = watch(monitor, frames([scene], first=10))
    assert [(one.cause, one.is_begin) for one in changes] == [("lost", False)]


def test_bitrate_and_clock() -> None:
    monitor = HealthMonitor()
    changes = []
    # 2 Mbit/s, then 5 % of it, then 50 %; the clock 20 s off from the tenth measurement on.
    for index, (rate, drift) in enumerate([(2e6, 0.0)] * 10 + [(1e5, 20.0)] * 5 + [(1e6, 0.0)] * 5):
        at = START + timedelta(seconds=2 * index)
        health = SourceHealth(rate_bps=rate, clock_drift_s=drift)
        changes += monitor.measure_stream(at, health)
    assert [(one.cause, one.is_begin) for one in changes] == [
        ("bitrate_collapse", True), ("clock_drift", True),
        ("bitrate_collapse", False), ("clock_drift", False),
    ]  # fmt: skip
    assert changes[1].measure == pytest.approx(20.0)


def test_both_records_of_a_trouble_have_one_id() -> None:
    monitor = HealthMonitor()
    (begun,) = monitor.lost(START, 5.0)
    source = SourceInfo(kind="stream", name="rtsp://cam", media_time_s=0)
    first = trouble_record(begun, begun.at, place=("park", "cam_a"), source=source)
    over = TroubleChange(begun.cause, False, START + timedelta(seconds=9), None, "")
    second = trouble_record(over, begun.at, place=("park", "cam_a"), source=source)
    assert (first.id, first.ended_at) == (second.id, None)
    assert second.ended_at == START + timedelta(seconds=9)


def test_key_frames_that_come_a_little_early_are_all_checked(scene: Image) -> None:
    # Two seconds less what a camera's clock may run off; else every other one would be passed over.
    pictures = frames([scene] * 5 + [covered(scene)] * 3)
    early = [replace(one, media_time_s=0.98 * one.media_time_s) for one in pictures]
    assert [one.cause for one in watch(HealthMonitor(), iter(early))] == ["covered"]
