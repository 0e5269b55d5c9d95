from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from parkwacht_config.site import ObjectClass
from parkwacht_vision.detections import Detections
from parkwacht_vision.frames import Frame
from parkwacht_vision.tracker import HISTORY_S, Track, Tracker

AT = datetime(2026, 11, 23, 1, 13, tzinfo=UTC)
Row = tuple[tuple[float, float, float, float], float, ObjectClass]


def follow(rows_at: list[list[Row]], tmp_path: Path) -> list[list[Track]]:
    tracker = Tracker(fps=8, state_dir=tmp_path)
    seen = []
    for index, rows in enumerate(rows_at):
        at = AT + timedelta(seconds=index / 8)
        frame = Frame.of_image(np.zeros((360, 640, 3), np.uint8), index / 8, at, at, index)
        seen.append(tracker.update(Detections.of(rows), frame))
    return seen


def walker(index: int, *, object_class: ObjectClass = ObjectClass.PERSON, y: float = 100) -> Row:
    x = 100 + 6.0 * index
    return ((x, y, x + 30, y + 80), 0.6, object_class)


def test_a_walker_keeps_his_number_through_a_second_behind_a_pole(tmp_path: Path) -> None:
    rows = [[] if 20 <= index < 28 else [walker(index)] for index in range(50)]
    seen = follow(rows, tmp_path)
    assert {track.number for tracks in seen for track in tracks} == {1}
    track = seen[-1][0]
    assert track.first.media_time_s == pytest.approx(0.0)
    assert track.last.xyxy == pytest.approx((394, 100, 424, 180))  # the detection, not smoothed


def test_two_walkers_are_two_tracks(tmp_path: Path) -> None:
    seen = follow([[walker(index), walker(index, y=220)] for index in range(10)], tmp_path)
    assert sorted(track.number for track in seen[-1]) == [1, 2]


def test_the_class_is_a_vote(tmp_path: Path) -> None:
    odd = ObjectClass.BICYCLE
    rows = [[walker(i, object_class=odd if i % 4 == 0 else ObjectClass.PERSON)] for i in range(20)]
    assert follow(rows, tmp_path)[-1][0].object_class is ObjectClass.PERSON


def test_a_night_of_a_parked_car_costs_seconds_of_memory(tmp_path: Path) -> None:
    car = ((100.0, 100.0, 300.0, 200.0), 0.8, ObjectClass.CAR)
    track = follow([[car]] * 400, tmp_path)[-1][0]
    assert len(track.sightings) <= HISTORY_S * 8 + 1
    assert track.first.media_time_s < 0.5
