"""Folders: a recorder's consecutive files as one recording, and files that arrive one by one."""

import os
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from parkwacht_config.clock import FakeClock
from parkwacht_config.text import Text
from parkwacht_vision.following import FolderFollower, follow
from parkwacht_vision.frames import Frame
from parkwacht_vision.segments import SegmentedSource, find_segments

AT = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
MakeVideo = Callable[..., Path]


def name(seconds: float, camera: str = "cam_a") -> str:
    return f"nvr/{camera}_{AT + timedelta(seconds=seconds):%Y%m%dT%H%M%S}Z.mp4"


@pytest.fixture
def record(make_video: MakeVideo) -> Callable[..., Path]:
    """Write files of 4 s at 10 pictures per second, named by when they begin."""

    def write(*begins_s: float, camera: str = "cam_a") -> Path:
        paths = [make_video(name(one, camera), seconds=4, size=(64, 48)) for one in begins_s]
        return paths[0].parent

    return write


def watched(
    folder: Path, problems: list[Text] | None = None
) -> tuple[SegmentedSource, list[Frame]]:
    (segments,) = find_segments(sorted(folder.iterdir()), "UTC")
    source = SegmentedSource(
        segments, fps=10, clock=FakeClock(AT), tier="full",
        on_problem=None if problems is None else problems.append,
    )  # fmt: skip
    return source, list(source.frames())


def times(frames: list[Frame]) -> list[float]:
    return [round(one.media_time_s, 2) for one in frames]


def test_files_that_follow_each_other_are_one_timeline(record: Callable[..., Path]) -> None:
    source, frames = watched(record(0, 4, 8))
    assert times(frames) == [k / 10 for k in range(120)]
    assert frames[-1].at == AT + timedelta(seconds=11.9)
    assert [one.index for one in frames] == list(range(120))
    assert source.health.blind_s == {}
    assert source.duration_s == pytest.approx(12)


def test_a_seam_that_names_round_loses_nothing(record: Callable[..., Path]) -> None:
    # named a second too early and a second too late: the pictures follow each other all the same
    source, frames = watched(record(0, 3, 9))
    assert times(frames) == [k / 10 for k in range(120)]
    assert source.health.blind_s == {}


def test_a_gap_is_counted_and_times_go_on_behind_it(record: Callable[..., Path]) -> None:
    source, frames = watched(record(0, 64))
    assert source.health.blind_s == {"gap_in_recordings": 60.0}
    assert times(frames) == [k / 10 for k in range(40)] + [64 + k / 10 for k in range(40)]
    assert frames[40].at == AT + timedelta(seconds=64)


def test_what_two_files_both_show_is_given_once(record: Callable[..., Path]) -> None:
    folder = record(0, 1)  # 1 to 4 s twice: too far apart to be a rounded name
    source, frames = watched(folder)
    assert times(frames) == [k / 10 for k in range(50)]
    assert source.health.blind_s == {}
    packet_times = [round(one.media_time_s, 2) for one in source.ring.since(AT)]
    assert len(packet_times) == len(set(packet_times)) == 50


def test_a_file_that_cannot_be_read_is_a_gap_and_is_told(record: Callable[..., Path]) -> None:
    folder = record(0, 4, 8)
    (segments,) = find_segments(sorted(folder.iterdir()), "UTC")
    segments[1].path.write_bytes(b"broken since it was measured")
    problems: list[Text] = []
    source = SegmentedSource(
        segments, fps=10, clock=FakeClock(AT), tier="full", on_problem=problems.append
    )
    assert times(list(source.frames()))[40] == 8.0
    assert len(problems) == 1
    assert "is not a video file" in problems[0].en
    # and where it is broken from the beginning, it is left out and its time is a gap
    _, frames = watched(folder)
    assert times(frames)[40] == 8.0


def test_files_apart_in_name_or_time_are_no_parts_of_one_recording(
    record: Callable[..., Path],
) -> None:
    record(0, 4)
    record(0, 5000, camera="cam_b")  # more than an hour apart
    folder = record(2, camera="cam_c")
    (run,) = find_segments(sorted(folder.iterdir()), "UTC")
    assert [one.path.name[:5] for one in run] == ["cam_a", "cam_a"]


def files(folder: Path, *names: str) -> None:
    for number, one in enumerate(names):
        path = folder / one
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
        os.utime(path, (1_000 + number, 1_000 + number))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(AT)


def test_a_file_is_taken_once_when_it_is_complete(tmp_path: Path, clock: FakeClock) -> None:
    folder, journal = tmp_path / "drop", tmp_path / "state" / "journal"
    files(folder, "a.mp4", "sub/b.mkv", "note.txt", ".hidden.mp4", "c.mp4.part")
    follower = FolderFollower(folder, journal, clock=clock, settle_s=5)
    assert follower.ready() == []
    clock.advance(timedelta(seconds=4))
    (folder / "a.mp4").write_bytes(b"xx")  # still being sent
    assert follower.ready() == []
    clock.advance(timedelta(seconds=2))
    assert [one.name for one in follower.ready()] == ["b.mkv"]
    clock.advance(timedelta(seconds=5))
    # the newest first: a.mp4 was written to last
    assert [one.name for one in follower.ready()] == ["a.mp4", "b.mkv"]
    follower.mark(folder / "a.mp4")
    assert [one.name for one in follower.ready()] == ["b.mkv"]


def test_a_restart_goes_on_where_it_stopped(tmp_path: Path, clock: FakeClock) -> None:
    folder, journal = tmp_path / "drop", tmp_path / "journal"
    files(folder, "a.mp4", "b.mp4")
    first = FolderFollower(folder, journal, clock=clock, settle_s=0)
    assert len(first.ready()) == 2
    first.mark(folder / "b.mp4")
    with journal.open("a") as file:
        file.write('["a.mp4", 1, 10000')  # the machine went down
    again = FolderFollower(folder, journal, clock=clock, settle_s=0)
    assert [one.name for one in again.ready()] == ["a.mp4"]
    (folder / "b.mp4").write_bytes(b"another recording under the same name")
    assert [one.name for one in again.ready()] == ["b.mp4", "a.mp4"]


def test_what_comes_in_goes_before_the_backlog(tmp_path: Path, clock: FakeClock) -> None:
    folder = tmp_path / "drop"
    files(folder, "old.mp4", "older.mp4")
    follower = FolderFollower(folder, tmp_path / "journal", clock=clock, settle_s=0)
    stop, seen = threading.Event(), []

    def arrivals() -> Iterator[None]:
        (folder / "alarm.mp4").write_bytes(b"now")
        yield
        while True:
            yield

    coming = arrivals()

    def watch(path: Path) -> None:
        seen.append(path.name)
        next(coming)
        if len(seen) == 3:
            stop.set()

    assert follow(follower, watch, stop=stop, look_every_s=0.01) == 2
    assert seen == ["older.mp4", "alarm.mp4", "old.mp4"]
    # the third was stopped in the middle: it is watched anew next time
    again = FolderFollower(folder, tmp_path / "journal", clock=clock, settle_s=0)
    assert [one.name for one in again.ready()] == ["old.mp4"]
