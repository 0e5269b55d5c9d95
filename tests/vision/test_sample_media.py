"""The drawn sample recordings against their truth, with the detector that is always there."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from parkwacht_config.loader import load_site
from parkwacht_config.settings import Settings
from parkwacht_vision.cli import WatchOptions, run_watch
from parkwacht_vision.spool import Spool

ROOT = Path(__file__).parents[2]
SAMPLES = sorted((ROOT / "sample_media").glob("*.mp4"))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_each_expected_event_is_flagged_once_and_nothing_else(path: Path, tmp_path: Path) -> None:
    truth = json.loads(path.with_suffix(".json").read_text())
    settings = Settings(state_dir=tmp_path)
    site = load_site(ROOT / "config" / "sites" / "josink_es.toml")
    options = WatchOptions(sources=(str(path),), detector="embedded")
    console = Console(file=io.StringIO())
    summary = run_watch(options, settings, site, console, Spool(settings.spool_dir))
    found = [
        ("vehicle" if one.object_class.is_vehicle else one.object_class.value, one.zone_id)
        for one in summary.events
    ]
    expected = [(one["class"], one["zone_id"]) for one in truth["expected_events"]]
    assert sorted(found) == sorted(expected)
    assert {one.camera_id for one in summary.reports} == {truth["camera_id"]}
