"""How often the detector is asked about a place where nothing moves, and where something does."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from parkwacht_config.site import ObjectClass, Site
from parkwacht_vision.analysis import CameraAnalysis
from parkwacht_vision.budget import Budget
from parkwacht_vision.detections import CLASSES, Detections
from parkwacht_vision.event import DetectorInfo
from parkwacht_vision.frames import Frame
from parkwacht_vision.regions import Region
from parkwacht_vision.scene import XyXy
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


def test_nothing_is_quiet_for_who_cannot_see_yet() -> None:
    analysis = CameraAnalysis("yard", View(WIDTH, HEIGHT), _Notes(), Budget())
    assert not analysis.is_quiet(1000.0)
    for number in range(15):
        analysis.see(_empty(number / FPS))
    assert analysis.is_quiet(1000.0)


class _Names(_Notes):
    """An embedded detector that calls every moving part a person."""

    info = DetectorInfo(name="embedded", model="names")

    def detect(self, frame: Frame, regions: Sequence[Region]) -> Detections:
        """Name the parts."""
        return Detections.of([(one.box, 0.9, ObjectClass.PERSON) for one in regions])


@pytest.mark.parametrize(("again_s", "n_tracks"), [(10.0, 1), (30.0, 2)])
def test_who_comes_where_somebody_was_seen_long_ago_is_another(
    again_s: float, n_tracks: int
) -> None:
    # The first is seen last at 5.8 s, the second first at 10.4 s or, more than 10 s later, 30.4 s.
    analysis = CameraAnalysis("yard", View(WIDTH, HEIGHT), _Names(), Budget())
    numbers: set[int] = set()
    for number in range(round((again_s + 3) * FPS)):
        at_s = number / FPS
        image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
        begun_s = again_s if at_s >= again_s else 3.0
        if begun_s <= at_s < begun_s + 3.0:
            x = 20 + round(4 * (at_s - begun_s))
            image[80:120, x : x + 16] = 200
        at = BEGIN + timedelta(seconds=at_s)
        seen = analysis.see(Frame.of_image(image, at_s, at, at, number)).tracks
        numbers |= {one.number for one in seen if one.object_class is ObjectClass.PERSON}
    assert len(numbers) == n_tracks


class _Unsure(_Notes):
    """A detector that finds a standing car in some of its looks only."""

    def __init__(self, found_in: set[int]) -> None:
        super().__init__()
        self._found_in = found_in

    def detect(self, frame: Frame, regions: Sequence[Region]) -> Detections:
        """Find it or not, by the number of the look."""
        super().detect(frame, regions)
        if len(self.looks_s) - 1 not in self._found_in:
            return Detections.empty()
        car = CLASSES.index(ObjectClass.CAR)
        box = np.array([[100.0, 60.0, 180.0, 120.0]])
        return Detections(box, np.array([0.6]), np.array([car]), np.zeros((0, 4)))


@pytest.mark.parametrize(("again", "is_news"), [(10, False), (11, True)])
def test_a_standing_car_is_known_from_the_ten_looks_before(again: int, is_news: bool) -> None:
    """Found in look 0, missed in between: of the ten before it look 10 knows it, 11 does not."""
    detector = _Unsure({0, again})
    analysis = CameraAnalysis("yard", View(WIDTH, HEIGHT), detector, Budget())
    news: list[bool] = []
    for number in range(40):
        n_looks = len(detector.looks_s)
        # the first key frames come each second, to learn; then each minute, with a look at each
        at_s = number if number < 15 else 15 + 61.0 * (number - 15)
        reading, is_of_interest = analysis.triage(_empty(float(at_s)))
        if len(detector.looks_s) > n_looks:
            assert not reading.is_blind
            news.append(is_of_interest)
    assert news[: again + 1] == [True, *[False] * (again - 1), is_news]


class _Twice(_Notes):
    """A detector that finds a standing car, and in its last look a second box."""

    def __init__(self, second: tuple[XyXy, float], last: int) -> None:
        super().__init__()
        self._second, self._last = second, last

    def detect(self, frame: Frame, regions: Sequence[Region]) -> Detections:
        """Find the car, and in the end another."""
        super().detect(frame, regions)
        found = [((100.0, 60.0, 180.0, 120.0), 0.6)]
        if len(self.looks_s) - 1 == self._last:
            found.append(self._second)
        boxes, sure = (np.array(one) for one in zip(*found, strict=True))
        car = CLASSES.index(ObjectClass.CAR)
        return Detections(boxes, sure, np.full(len(found), car), np.zeros((0, 4)))


@pytest.mark.parametrize(
    ("second", "is_news"),
    [
        # of 80 x 60 and 80 x 90 pixels two thirds are common to both
        (((100.0, 30.0, 180.0, 120.0), 0.4), False),
        (((100.0, 30.0, 180.0, 120.0), 0.7), True),
        # of 80 x 60 and 100 x 120 pixels two fifths
        (((100.0, 0.0, 200.0, 120.0), 0.4), True),
    ],
    ids=["drawn twice", "one before it", "another beside it"],
)
def test_a_standing_car_that_is_drawn_twice_is_no_news(
    second: tuple[XyXy, float], *, is_news: bool
) -> None:
    detector = _Twice(second, last=3)
    analysis = CameraAnalysis("yard", View(WIDTH, HEIGHT), detector, Budget())
    news: list[bool] = []
    for number in range(20):
        n_looks = len(detector.looks_s)
        at_s = number if number < 15 else 15 + 61.0 * (number - 15)  # as above
        _, is_of_interest = analysis.triage(_empty(float(at_s)))
        if len(detector.looks_s) > n_looks:
            news.append(is_of_interest)
    assert news[1:4] == [False, False, is_news]


def _empty(at_s: float) -> Frame:
    at = BEGIN + timedelta(seconds=at_s)
    return Frame.of_image(np.full((HEIGHT, WIDTH, 3), 90, np.uint8), at_s, at, at, round(at_s))
