"""How often the detector is asked about a place where nothing moves, and where something does."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from parkwacht_config.site import Site
from parkwacht_vision.analysis import CameraAnalysis
from parkwacht_vision.budget import Budget
from parkwacht_vision.detections import Detections
from parkwacht_vision.event import DetectorInfo
from parkwacht_vision.frames import Frame
from parkwacht_vision.regions import Region
from parkwacht_vision.zones import View, camera_model

BEGIN = datetime(2026, 11, 23, 1, tzinfo=UTC)
WIDTH, HEIGHT = 320, 180
FPS = 5


class _Notes:
    """A detector that finds nothing, and notes when it was asked to look at everything."""

    info = DetectorInfo(name="ultralytics", model="notes")

    def __init__(self) -> None:
        self.looks_s: list[float] = []
        self.moving_sides_px: list[int] = []

    def detect(self, frame: Frame, regions: Sequence[Region]) -> Detections:
        """Note a look."""
        if any(one.reason == "look" for one in regions):
            self.looks_s.append(frame.media_time_s)
        self.moving_sides_px += [
            one.box[2] - one.box[0] for one in regions if one.reason == "motion"
        ]
        return Detections.empty()

    def reset(self) -> None:
        """Do nothing."""


def looks_s(walks_s: tuple[float, float], length_s: float) -> list[float]:
    """Watch an empty place in which a bright block walks for a while; return the looks."""
    detector = _Notes()
    analysis = CameraAnalysis("yard", View(WIDTH, HEIGHT), detector, Budget())
    for number in range(round(length_s * FPS)):
        at_s = number / FPS
        image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
        if walks_s[0] <= at_s < walks_s[1]:
            x = 20 + round(8 * (at_s - walks_s[0]))
            image[80:120, x : x + 16] = 200
        at = BEGIN + timedelta(seconds=at_s)
        analysis.see(Frame.of_image(image, at_s, at, at, number))
    return detector.looks_s


def test_looks_are_rarer_the_longer_nothing_moves() -> None:
    # As far apart as half of the time that it has been quiet, counted from 4 s before the start:
    # 10 s at least; 24 - 10 = 28 / 2; 52 - 24 = 56 / 2;
    # 108 - 52 = 112 / 2; then 60 s at most.
    assert looks_s((0.0, 0.0), 240.0) == [0.0, 10.0, 24.0, 52.0, 108.0, 168.0, 228.0]


def test_who_walks_makes_looks_frequent_again() -> None:
    found = looks_s((55.0, 75.0), 90.0)
    # The walker is worth a look from 55.4 s on (three frames): 52 + 10 = 62, and every 10 s then.
    assert found == [0.0, 10.0, 24.0, 52.0, 62.0, 72.0, 82.0]


def test_who_moves_far_away_is_looked_at_in_a_part_as_small_as_the_plan_says(
    make_site: Callable[..., Site],
) -> None:
    site = make_site()
    model = camera_model(site, site.cameras[0])
    assert model is not None
    view = View.of(model, 1280, 720)
    assert view.model is not None
    # at 110 m 1.8 m are 16 of 1280 pixels' width: 5.5 of them are less than the least of 128
    (_, v), *_ = view.model.project(np.array([[1000.0, 2110.0, 0.0]]))[0]
    detector = _Notes()
    analysis = CameraAnalysis("yard", view, detector, Budget())
    for number in range(40):
        image = np.random.default_rng(number).normal(60, 2, (720, 1280, 3)).astype(np.uint8)
        if number >= 15:
            x = 500 + 6 * number
            image[round(v) - 20 : round(v), x : x + 10] = 200
        at = BEGIN + timedelta(seconds=number / FPS)
        analysis.see(Frame.of_image(image, number / FPS, at, at, number))
    assert 128 in detector.moving_sides_px
    assert max(detector.moving_sides_px) < 0.22 * 720  # its least without a plan
