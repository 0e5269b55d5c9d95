"""The whole chain as a user runs it: real processes, real HTTP, and kill -9 at random moments."""

import json
import os
import random
import signal
import threading
import time
from datetime import datetime
from pathlib import Path

import pytest
from demo_run import SAMPLES, SITE, make_demo

from parkwacht_api.demo import Demo
from parkwacht_api.demo_outcome import load_recordings, match_events
from parkwacht_config.loader import load_site


@pytest.fixture
def embedded_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARKWACHT_DETECTOR", "embedded")
    monkeypatch.delenv("PARKWACHT_WEIGHTS", raising=False)


def received_by(demo: Demo, receiver_id: str) -> list[dict[str, object]]:
    """What a partner wrote down before it answered: its own file, not our database."""
    lines: list[dict[str, object]] = []
    path = demo.state_dir / "partners" / f"{receiver_id}.jsonl"
    lines += [json.loads(line) for line in path.read_text().splitlines()]
    return [line for line in lines if line["what"] == "received"]


class Killer(threading.Thread):
    """Sends SIGKILL to one process after another, at seeded random moments."""

    def __init__(self, demo: Demo, *, seed: int, n_kills: dict[str, int]) -> None:
        super().__init__(daemon=True)
        self.demo, self.random = demo, random.Random(seed)  # noqa: S311
        self.left = dict(n_kills)
        self.done: list[str] = []
        self.stop = threading.Event()

    def run(self) -> None:
        while any(self.left.values()) and not self.stop.is_set():
            self.stop.wait(self.random.uniform(0.3, 1.5))
            name = self.random.choice([name for name, left in self.left.items() if left])
            process = self.demo.worker if name == "worker" else self.demo.children[name].process
            if process is None or process.poll() is not None:
                continue
            os.kill(process.pid, signal.SIGKILL)
            self.left[name] -= 1
            self.done.append(name)


@pytest.mark.slow
@pytest.mark.usefixtures("embedded_detector")
@pytest.mark.parametrize("seed", [20261124])
def test_kill_9_of_worker_api_and_outbox_loses_nothing(tmp_path: Path, seed: int) -> None:
    demo = make_demo(tmp_path)
    demo.prepare(18080)
    killer = Killer(demo, seed=seed, n_kills={"worker": 2, "api": 3, "outbox": 3, "meldkamer": 1})
    with demo.running():
        killer.start()
        demo.watch()
        with demo.client() as client:
            demo.wait_for_acknowledgements(client)
            killer.join(timeout=60)
            killer.stop.set()
            demo.revive()
            deadline = time.monotonic() + 60
            outcomes = demo.wait_for_acknowledgements(client)
            while not outcomes and time.monotonic() < deadline:
                outcomes = demo.wait_for_acknowledgements(client)
    assert len(killer.done) >= 5, killer.done
    events = [event for outcome in outcomes for event in outcome.events]
    # Every expected event is there once, nothing else is.
    assert [(o.recording.path.name, o.n_missing, o.n_false) for o in outcomes] == [
        (o.recording.path.name, 0, 0) for o in outcomes
    ]
    assert len({event.id for event in events}) == len(events)
    # The spool is empty and nothing was refused.
    assert list((demo.state_dir / "spool" / "new").iterdir()) == []
    assert list((demo.state_dir / "spool" / "refused").iterdir()) == []
    # Every event reached the security company at least once, under the id of its delivery.
    told = received_by(demo, "meldkamer")
    ids = {str(line["webhook_id"]) for line in told}
    deliveries = {str(one.id) for event in events for one in event.deliveries}
    assert deliveries <= ids
    assert all(one.acknowledged_at for event in events for one in event.deliveries)


def test_samples_and_truth_fit_the_site() -> None:
    site = load_site(SITE)
    recordings = load_recordings(SAMPLES)
    assert len(recordings) >= 4
    assert sum(not recording.expected for recording in recordings) >= 2
    for recording in recordings:
        assert site.camera(recording.camera_id) is not None
        stamp = recording.path.stem.removeprefix(recording.camera_id + "_")
        assert datetime.strptime(stamp, "%Y%m%dT%H%M%S%z") == recording.started_at


def test_an_unexpected_event_counts_as_false_and_an_absent_one_as_missing() -> None:
    expecting = next(one for one in load_recordings(SAMPLES) if one.expected)
    outcome = match_events(expecting, [])
    assert (outcome.n_missing, outcome.n_false) == (len(expecting.expected), 0)
    assert not outcome.is_right
