"""Recordings side by side in real processes: the same records on any number of cores, resumable."""

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from parkwacht_config.site import Site
from parkwacht_config.text import Text
from parkwacht_vision.batch import BatchPorts, Total, job_key, run_batch
from parkwacht_vision.batch_process import BatchSetup, RecordingJob
from parkwacht_vision.embedded import embedded_info
from parkwacht_vision.event import CameraTrouble, EventEnding, FlaggedEvent, WatchReport
from parkwacht_vision.spool import Spool

NIGHT = datetime(2026, 11, 24, 1, 13, tzinfo=UTC)
INFO = embedded_info()


@dataclass
class Notes:
    """An observer that remembers."""

    happened: list[str] = field(default_factory=list)
    failures: list[Text] = field(default_factory=list)
    progress: list[str] = field(default_factory=list)

    def on_progress(self, source_name: str, media_time_s: float) -> None:
        self.progress.append(f"{source_name} {media_time_s}")

    def on_flagged(self, event: FlaggedEvent) -> None:
        self.happened.append(f"flagged {event.source.name}")

    def on_ended(self, ending: EventEnding) -> None:
        self.happened.append(f"ended {ending.event_id}")

    def on_report(self, report: WatchReport) -> None:
        self.happened.append(f"report {report.source.name}")

    def on_trouble(self, trouble: CameraTrouble, text: Text) -> None:
        self.happened.append(f"trouble {trouble.id} {text.en}")

    def on_tier(self, source_name: str, text: Text) -> None: ...

    def on_warning(self, source_name: str, text: Text) -> None:
        self.happened.append(f"warning {source_name} {text.en}")

    def on_failure(self, source_name: str, text: Text) -> None:
        self.failures.append(text)


@pytest.fixture
def jobs(make_video: Callable[..., Path], walking: Callable[..., None]) -> list[RecordingJob]:
    """Three recordings, the first the longest: it is ready last."""
    lengths_s = {"a.mp4": 5, "b.mp4": 2, "c.mp4": 3}
    return [
        RecordingJob(
            "ad_hoc", make_video(name, seconds=seconds, draw=walking), NIGHT,
            duration_s=float(seconds),
        )
        for name, seconds in lengths_s.items()
    ]  # fmt: skip


@pytest.fixture
def setup(make_site: Callable[..., Site], tmp_path: Path) -> BatchSetup:
    return BatchSetup(make_site(is_always_armed=True), "embedded", None, tmp_path / "state", 8.0)


def run(
    jobs: list[RecordingJob], setup: BatchSetup, spool: Path, n_processes: int = 1
) -> tuple[int, Notes, list[Total]]:
    notes, totals = Notes(), list[Total]()
    ports = BatchPorts(Spool(spool), notes, threading.Event(), totals.append)
    return run_batch(jobs, setup, INFO, ports, n_processes=n_processes), notes, totals


def contents(spool: Path) -> list[tuple[str, bytes]]:
    """Return every file of a spool in the order of its entries, without the machine's clock."""
    found = []
    for entry in Spool(spool).entries():
        for path in sorted(entry.path.iterdir()):
            data = path.read_bytes()
            if entry.stage == "flagged" and path.name == "record.json":
                event = FlaggedEvent.model_validate_json(data)
                data = (
                    event.model_copy(update={"wall_first_frame_at": NIGHT})
                    .model_dump_json()
                    .encode()
                )
            found.append((f"{entry.stage} {entry.id} {path.name}", data))
    return found


def test_any_number_of_processes_gives_the_same_bytes_in_the_same_order(
    jobs: list[RecordingJob], setup: BatchSetup, tmp_path: Path
) -> None:
    n_done, notes, totals = run(jobs, setup, tmp_path / "one", n_processes=1)
    other = replace(setup, state_dir=tmp_path / "other")
    n_also, also, _ = run(jobs, other, tmp_path / "two", n_processes=2)
    assert n_done == n_also == 3
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert notes.happened == also.happened
    reports = [one for one in notes.happened if one.startswith("report")]
    assert reports == ["report a.mp4", "report b.mp4", "report c.mp4"]
    assert any(one.startswith("flagged") for one in notes.happened)
    assert totals[-1] == Total(10.0, 10.0, 0.0)

    # a second run watches nothing, hands over nothing, and tells the same
    again, told, _ = run(jobs, setup, tmp_path / "again")
    assert again == 3
    assert told.happened == notes.happened
    assert told.progress == []
    assert contents(tmp_path / "again") == []
    assert list((tmp_path / "state" / "batch").rglob("*.jpg")) == []


def test_a_recording_that_fails_is_told_and_the_others_go_on(
    jobs: list[RecordingJob], setup: BatchSetup, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"x" * 1000)
    n_done, notes, _ = run(
        [RecordingJob("ad_hoc", broken, NIGHT), jobs[1]], setup, tmp_path / "spool"
    )
    assert n_done == 1
    assert [one.nl for one in notes.failures] == [
        f"{broken}: is geen videobestand (FFmpeg herkent er geen video in); geef een opname zoals "
        ".mp4, .mkv of .avi"
    ]
    assert "report b.mp4" in notes.happened
    # mended, it is watched in the next run
    broken.write_bytes(jobs[2].path.read_bytes())
    assert run([RecordingJob("ad_hoc", broken, NIGHT), jobs[1]], setup, tmp_path / "spool")[0] == 2


LEADER = """
import pickle, sys, threading
from pathlib import Path
from unittest.mock import MagicMock
from parkwacht_vision.batch import BatchPorts, run_batch
from parkwacht_vision.embedded import embedded_info
from parkwacht_vision.spool import Spool
if __name__ == "__main__":
    jobs, setup = pickle.loads(Path(sys.argv[1]).read_bytes())
    ports = BatchPorts(Spool(Path(sys.argv[2])), MagicMock(), threading.Event())
    run_batch(jobs, setup, embedded_info(), ports, n_processes=1)
"""


def test_a_run_that_was_killed_goes_on_where_it_stopped(
    jobs: list[RecordingJob], setup: BatchSetup, tmp_path: Path
) -> None:
    program, task, spool = tmp_path / "lead.py", tmp_path / "task", tmp_path / "spool"
    program.write_text(LEADER)
    task.write_bytes(pickle.dumps((jobs[1:], setup)))
    leader = subprocess.Popen([sys.executable, str(program), str(task), str(spool)])
    first = setup.state_dir / "batch" / job_key(jobs[1], setup, INFO)
    second = setup.state_dir / "batch" / job_key(jobs[2], setup, INFO)
    try:
        deadline = time.monotonic() + 60
        while not second.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
    finally:
        leader.send_signal(signal.SIGKILL)
        leader.wait()
    assert (first / "done.json").exists()
    assert not (second / "done.json").exists()
    n_done, notes, _ = run(jobs[1:], setup, spool)
    assert n_done == 2
    # only the one that was not finished was watched again, and nothing is handed over twice
    assert {one.split()[0] for one in notes.progress} <= {"c.mp4"}
    given = [name for name, _ in contents(spool) if name.endswith("record.json")]
    assert len(given) == len(set(given))
    assert sum(name.startswith("report") for name in given) == 2


class Killer(Notes):
    """Kills the process that watches the first recording, once."""

    has_killed = False

    def on_progress(self, source_name: str, media_time_s: float) -> None:
        super().on_progress(source_name, media_time_s)
        for child in multiprocessing.active_children():
            if not self.has_killed and child.pid is not None:
                os.kill(child.pid, signal.SIGKILL)
                self.has_killed = True


def test_a_process_that_dies_costs_its_own_recording_only(
    jobs: list[RecordingJob], setup: BatchSetup, tmp_path: Path
) -> None:
    notes = Killer()
    ports = BatchPorts(Spool(tmp_path / "spool"), notes, threading.Event())
    assert run_batch(jobs[:2], setup, INFO, ports, n_processes=1) == 1
    assert [one.en.split(":")[0] for one in notes.failures] == ["a.mp4"]
    assert "was killed" in notes.failures[0].en
    assert [one for one in notes.happened if one.startswith("report")] == ["report b.mp4"]


class Stopper(Notes):
    """Stops the batch at its first progress."""

    stop: threading.Event

    def on_progress(self, source_name: str, media_time_s: float) -> None:
        super().on_progress(source_name, media_time_s)
        self.stop.set()


def test_a_run_that_is_stopped_ends_soon_and_leaves_the_rest_for_the_next(
    jobs: list[RecordingJob], setup: BatchSetup, tmp_path: Path
) -> None:
    notes = Stopper()
    notes.stop = threading.Event()
    ports = BatchPorts(Spool(tmp_path / "spool"), notes, notes.stop)
    # The recording that was being watched may just end before it hears of it.
    n_done = run_batch(jobs, setup, INFO, ports, n_processes=1)
    assert n_done <= 1 < len(jobs)
    assert bool(contents(tmp_path / "spool")) == bool(n_done)


def test_the_key_changes_with_content_and_settings(
    jobs: list[RecordingJob], setup: BatchSetup
) -> None:
    keys = {
        job_key(jobs[0], setup, INFO),
        job_key(jobs[1], setup, INFO),
        job_key(replace(jobs[0], camera_id="cam_a"), setup, INFO),
        job_key(jobs[0], replace(setup, fps=5.0), INFO),
        job_key(jobs[0], replace(setup, site=replace(setup.site, digest="1" * 64)), INFO),
        job_key(jobs[0], setup, INFO.model_copy(update={"sha256": "2" * 64})),
    }
    assert len(keys) == 6
    with jobs[0].path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"!")
    assert job_key(jobs[0], setup, INFO) not in keys
