from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from parkwacht_config.site import ObjectClass
from parkwacht_vision.detections import Detections
from parkwacht_vision.frames import Frame
from parkwacht_vision.regions import Region
from parkwacht_vision.tracker import HISTORY_S, LOST_S, Track, Tracker, XyXy

AT = datetime(2026, 11, 23, 1, 13, tzinfo=UTC)
BLANK = np.zeros((360, 640, 3), np.uint8)
Row = tuple[XyXy, float, ObjectClass]
P, C = ObjectClass.PERSON, ObjectClass.CAR
LEFT, RIGHT = Region((0, 0, 320, 360), "track"), Region((320, 0, 640, 360), "track")


def see(
    tracker: Tracker, at_s: float, rows: list[Row], looked: Sequence[Region] | None = None
) -> list[Track]:
    at = AT + timedelta(seconds=at_s)
    frame = Frame.of_image(BLANK, at_s, at, at, round(at_s * 100))
    return tracker.update(Detections.of(rows), frame, looked)


def follow(rows_at: Sequence[list[Row]], *, fps: float = 8) -> list[list[Track]]:
    tracker = Tracker()
    return [see(tracker, index / fps, rows) for index, rows in enumerate(rows_at)]


def numbers(seen: list[list[Track]]) -> set[int]:
    return {track.number for tracks in seen for track in tracks}


def walker(
    seconds: float,
    *,
    x: float = 100,
    y: float = 100,
    speed_px_s: float = 48,
    confidence: float = 0.6,
    object_class: ObjectClass = P,
) -> Row:
    left = x + speed_px_s * seconds
    return ((left, y, left + 30, y + 80), confidence, object_class)


@pytest.mark.parametrize("fps", [8, 5, 2, 1])
def test_a_walker_keeps_his_number_at_any_pace(fps: float) -> None:
    # 48 px/s at a height of 80 px is a person of 1.75 m at about 1 m/s; 30 px wide, so at one
    # frame per second the boxes of two frames do not touch
    seen = follow([[walker(index / fps)] for index in range(round(6 * fps))], fps=fps)
    assert numbers(seen) == {1}
    assert len(seen[-1]) == 1


def test_a_walker_keeps_his_number_through_a_second_behind_a_pole() -> None:
    rows = [[] if 20 <= index < 28 else [walker(index / 8)] for index in range(50)]
    seen = follow(rows)
    assert numbers(seen) == {1}
    track = seen[-1][0]
    assert track.first.media_time_s == pytest.approx(0.0)
    # 100 + 48 * 49 / 8 = 394: the detection, not smoothed
    assert track.last.xyxy == pytest.approx((394, 100, 424, 180))


def test_two_walkers_are_two_tracks() -> None:
    seen = follow([[walker(index / 8), walker(index / 8, y=220)] for index in range(10)])
    assert sorted(track.number for track in seen[-1]) == [1, 2]


@pytest.mark.parametrize("fps", [8, 5, 2.5])
def test_who_walk_past_each_other_keep_their_numbers(fps: float) -> None:
    def rows(s: float) -> list[Row]:
        return [walker(s, x=100), walker(s, x=400, y=110, speed_px_s=-48)]

    seen = follow([rows(index / fps) for index in range(round(6 * fps))], fps=fps)
    # after 6 s the one that began on the left is near 388, the other near 112
    by_number = {track.number: track.last.xyxy[0] for track in seen[-1]}
    first = {track.number: track.first.xyxy[0] for track in seen[-1]}
    assert len(by_number) == 2
    for number, begin in first.items():
        assert by_number[number] == pytest.approx(388 if begin == 100 else 112, abs=25)


def test_two_boxes_of_one_person_are_one_track() -> None:
    def rows(s: float) -> list[Row]:
        (x1, y1, x2, y2), confidence, kind = walker(s)
        # the upper three quarters of the person: 60 of 80 px high, an IoU of 0.75
        return [((x1, y1, x2, y2), confidence, kind), ((x1, y1, x2, y1 + 60), 0.5, kind)]

    assert numbers(follow([rows(index / 8) for index in range(30)])) == {1}


def test_a_person_before_a_car_is_a_track_beside_the_car_s() -> None:
    def rows(s: float) -> list[Row]:
        return [((100, 100, 300, 200), 0.8, C), ((180 + 10 * s, 110, 220 + 10 * s, 200), 0.6, P)]

    seen = follow([rows(index / 8) for index in range(30)])
    assert {track.object_class for track in seen[-1]} == {P, C}
    assert numbers(seen) == {1, 2}


def test_a_weak_detection_continues_a_track_and_begins_none() -> None:
    rows = [[walker(i / 8, confidence=0.6 if i < 5 else 0.15)] for i in range(20)]
    assert [len(tracks) for tracks in follow(rows)] == [1] * 20
    assert numbers(follow([[walker(i / 8, confidence=0.15)] for i in range(20)])) == set()


@pytest.mark.parametrize(
    ("looked", "is_kept"),
    [([RIGHT], True), ([LEFT], False), ([LEFT, RIGHT], False), (None, False), ([], True)],
    ids=["elsewhere", "there", "there too", "everywhere", "nowhere"],
)
def test_only_who_is_looked_for_can_be_lost(
    looked: Sequence[Region] | None, *, is_kept: bool
) -> None:
    tracker = Tracker()
    for index in range(8):
        see(tracker, index / 8, [walker(0)])
    for index in range(8, 8 + round((LOST_S + 2) * 8)):
        see(tracker, index / 8, [], looked)
    assert bool(tracker.tracks) is is_kept


def test_who_is_unseen_is_kept_by_seconds_and_not_by_frames() -> None:
    # at one frame per second two misses are 2 s, less than the 3 s a track is kept
    seen = follow([[walker(0)], [walker(1)], [], [], [walker(4)]], fps=1)
    assert [len(one) for one in seen] == [1, 1, 0, 0, 1]
    assert numbers(seen) == {1}


def test_when_time_goes_back_all_is_seen_anew() -> None:
    tracker = Tracker()
    for index in range(8):
        see(tracker, 4 + index / 8, [walker(index / 8)])
    again = [see(tracker, 2 + index / 8, [walker(index / 8)]) for index in range(8)]
    assert numbers(again) == {2}
    track = again[-1][0]
    assert track.first.media_time_s == pytest.approx(2.0)
    assert [one.media_time_s for one in track.sightings] == sorted(
        one.media_time_s for one in track.sightings
    )


def test_the_class_is_a_vote() -> None:
    odd = ObjectClass.BICYCLE
    rows = [[walker(i / 8, object_class=odd if i % 4 == 0 else P)] for i in range(20)]
    assert follow(rows)[-1][0].object_class is P


def test_a_night_of_a_parked_car_costs_seconds_of_memory() -> None:
    car = ((100.0, 100.0, 300.0, 200.0), 0.8, C)
    track = follow([[car]] * 400)[-1][0]
    assert len(track.sightings) <= HISTORY_S * 8 + 1
    assert track.first.media_time_s < 0.5


def pets_truth(folder: Path) -> list[dict[int, XyXy]]:
    """Boxes by person of the 400 frames, ten a second, in pixels of 768 x 576."""
    root = ElementTree.parse(folder / "gt/pets09_s2l1/PETS2009-S2L1.xml").getroot()  # noqa: S314
    frames = []
    for frame in root.findall("frame")[:400]:
        boxes: dict[int, XyXy] = {}
        for one in frame.iter("object"):
            box = one.find("box")
            assert box is not None
            h, w, x, y = (float(box.attrib[key]) for key in ("h", "w", "xc", "yc"))
            boxes[int(one.attrib["id"])] = (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
        frames.append(boxes)
    return frames


@pytest.mark.shared_data
@pytest.mark.parametrize(("step", "most"), [(1, 6), (2, 6), (5, 12)])
def test_people_of_a_real_square_keep_their_numbers(
    step: int, most: int, shared_vision: Path
) -> None:
    """
    Follow the persons of PETS09 S2.L1 by their true boxes.

    They cross, meet and hide behind each other; a perfect detector leaves the tracker no excuse.
    """
    n_switches, number_of = 0, dict[int, int]()
    tracker = Tracker()
    for index, truth in enumerate(pets_truth(shared_vision)[::step]):
        seen = see(tracker, index * step / 10, [(box, 0.6, P) for box in truth.values()])
        person_at = {box: person for person, box in truth.items()}
        for track in seen:
            person = person_at[track.last.xyxy]
            n_switches += number_of.get(person, track.number) != track.number
            number_of[person] = track.number
    assert n_switches <= most


def test_who_passes_a_parked_car_does_not_become_it() -> None:
    # 12 x 28 px of him lie before the car: 336 of 2835 + 546 - 336 px, an IoU of 0.11
    man, car = (457, 125, 471, 164), (459, 118, 540, 153)
    tracker = Tracker()
    for index in range(5):
        see(tracker, index / 5, [(man, 0.6, P)])
    (of_car, of_him) = sorted(
        see(tracker, 1.0, [(car, 0.6, C), (man, 0.16, P)]), key=lambda one: one.last.confidence
    )[::-1]
    assert (of_car.last.object_class, of_car.n_seen) == (C, 1)
    assert (of_him.last.object_class, of_him.n_seen) == (P, 6)
