"""Other ways to watch recordings: several at once and resumable, and a folder that is filled."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from parkwacht_config.errors import SourceError
from parkwacht_config.loader import load_site
from parkwacht_config.settings import Settings
from parkwacht_vision.cli import WatchOptions, WatchSummary, run_watch
from parkwacht_vision.spool import Spool

ROOT = Path(__file__).parents[2]
WALKER = ROOT / "sample_media" / "p1_parking_20261123T021300+0100.mp4"
GATE = ROOT / "sample_media" / "g1_gate_20261123T034000+0100.mp4"


def watch(options: WatchOptions, state_dir: Path) -> tuple[WatchSummary, Spool]:
    settings = Settings(state_dir=state_dir)
    spool = Spool(settings.spool_dir)
    site = load_site(ROOT / "config" / "sites" / "josink_es.toml")
    return run_watch(options, settings, site, Console(file=io.StringIO()), spool), spool


def test_two_processes_give_what_one_gives_and_nothing_twice(tmp_path: Path) -> None:
    sources = (str(WALKER), str(GATE))
    alone, _ = watch(WatchOptions(sources, detector="embedded"), tmp_path / "one")
    both = WatchOptions(sources, detector="embedded", processes=2)
    found, spool = watch(both, tmp_path / "two")
    assert {one.id for one in found.events} == {one.id for one in alone.events}
    assert len(found.events) == 2
    before = len(spool.entries())
    watch(both, tmp_path / "two")
    assert len(spool.entries()) == before


def test_a_file_that_comes_into_a_folder_is_watched_once(tmp_path: Path) -> None:
    """As a service runs it: a process of its own, fed as by FTP, ended by a signal."""
    folder, state = tmp_path / "drop", tmp_path / "state"
    folder.mkdir()
    command = [sys.executable, "-m", "parkwacht_api", "watch", str(folder), "--follow"]
    with subprocess.Popen(
        [*command, "--detector", "embedded"],
        env={**os.environ, "PARKWACHT_STATE_DIR": str(state)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        part = folder / "half.part"
        shutil.copy(WALKER, part)
        part.rename(folder / WALKER.name)
        end = time.monotonic() + 150
        while time.monotonic() < end and not list((state / "spool" / "new").glob("*-report-*")):
            assert process.poll() is None
            time.sleep(0.2)
        time.sleep(1.0)  # a second look at the folder finds nothing new
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    records = [json.loads(one.record_path.read_text()) for one in Spool(state / "spool").entries()]
    flagged = [one for one in records if "zone_id" in one]
    assert [one["object_class"] for one in flagged] == ["person"]


def test_only_a_folder_can_be_followed(tmp_path: Path) -> None:
    options = WatchOptions((str(WALKER),), detector="embedded", is_following=True)
    with pytest.raises(SourceError, match="--follow belongs to a single folder"):
        watch(options, tmp_path)
