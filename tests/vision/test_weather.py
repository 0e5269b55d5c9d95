"""
A camera in snow: few looks, and yet a walker is confirmed; flakes and walker are drawn.

The detector of these tests knows where the walker is and tells it where it is asked to look: what
is tested is when it is asked.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from parkwacht_config.site import ObjectClass
from parkwacht_vision.analysis import CameraAnalysis, Insight
from parkwacht_vision.budget import Budget
from parkwacht_vision.detections import Detections
from parkwacht_vision.embedded import EmbeddedDetector
from parkwacht_vision.event import DetectorInfo
from parkwacht_vision.frames import Frame
from parkwacht_vision.movement import RuleSettings, has_evidence
from parkwacht_vision.regions import Region
from parkwacht_vision.tracker import XyXy
from parkwacht_vision.zones import View

NIGHT = datetime(2026, 11, 23, 1, tzinfo=UTC)
VIEW = View(640, 360)
FPS = 5
SNOW_S, COMES_S = 3.0, 12.0


def his_box(s: float) -> XyXy | None:
    """Walk from the left, 40 px/s at a height of 48 px, from `COMES_S` on."""
    left = 60 + 40 * (s - COMES_S)
    return (left, 200.0, left + 16, 248.0) if s >= COMES_S else None


class Knowing:
    """Sees the walker in every part that holds his middle."""

    def __init__(self) -> None:
        self.info = DetectorInfo(name="ultralytics", model="knowing")
        self.asked: list[float] = []

    def detect(self, frame: Frame, regions: Sequence[Region]) -> Detections:
        """Tell where he is, if asked there."""
        self.asked += [frame.media_time_s] * len(regions)
        box = his_box(frame.media_time_s)
        if box is None:
            return Detections.empty()
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        parts = [one.box for one in regions]
        if any(x1 <= x <= x2 and y1 <= y <= y2 for x1, y1, x2, y2 in parts):
            return Detections.of([(box, 0.6, ObjectClass.PERSON)])
        return Detections.empty()


def picture(s: float, *, is_walked: bool) -> npt.NDArray[np.uint8]:
    rng = np.random.default_rng(round(s * FPS))
    image = rng.normal(50, 3, (360, 640))
    box = his_box(s) if is_walked else None
    if box is not None:
        image[round(box[1]) : round(box[3]), round(box[0]) : round(box[2])] += 45
    if s >= SNOW_S:
        for y, x in zip(rng.integers(0, 354, 40), rng.integers(0, 634, 40), strict=True):
            image[y : y + 6, x : x + 6] = 120
    return np.repeat(np.clip(image, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def frame_at(s: float, *, is_walked: bool = True) -> Frame:
    at = NIGHT + timedelta(seconds=s)
    return Frame.of_image(picture(s, is_walked=is_walked), s, at, at, round(s * FPS))


def is_confirmed(insight: Insight) -> bool:
    return any(
        one.object_class is ObjectClass.PERSON and has_evidence(one, RuleSettings(), VIEW)
        for one in insight.tracks
    )


def test_flakes_ask_for_no_more_than_the_guaranteed_looks_and_a_walker_is_confirmed() -> None:
    detector = Knowing()
    analysis = CameraAnalysis("a", VIEW, detector, Budget())
    confirmed_s: float | None = None
    for index in range(round(17 * FPS)):
        s = index / FPS
        if is_confirmed(analysis.see(frame_at(s))) and confirmed_s is None:
            confirmed_s = s
    # a look each 2 s, and now and then a flake that kept a course
    snowing = [s for s in detector.asked if SNOW_S + 3 <= s < COMES_S]
    assert len(snowing) <= 6  # of 6 s
    # found by a look 2 s later at the latest, moved for a quarter of his height within 0.5 s
    assert confirmed_s is not None
    assert confirmed_s - COMES_S <= 3.5


def test_who_cannot_look_sees_every_frame_in_weather() -> None:
    analysis = CameraAnalysis("a", VIEW, EmbeddedDetector(None), Budget())
    for index in range(round(8 * FPS)):
        analysis.see(frame_at(index / FPS, is_walked=False))
    # key frames, two seconds apart: the embedded network judges only what moves
    assert all(analysis.triage(frame_at(s, is_walked=False))[1] for s in (10.0, 12.0, 14.0))
