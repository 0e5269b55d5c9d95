"""Real footage, never committed: what the whole worker makes of it."""

import io
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from rich.console import Console

from parkwacht_config.settings import Settings
from parkwacht_config.site import Site
from parkwacht_vision.cli import WatchOptions, WatchSummary, run_watch
from parkwacht_vision.spool import Spool

pytestmark = pytest.mark.shared_data
NIGHT, NOON = "2026-11-23T02:13:00+01:00", "2026-11-23T14:00:00+01:00"


@pytest.fixture
def watch(
    make_site: Callable[..., Site], tmp_path: Path, weights: Path
) -> Callable[..., WatchSummary]:
    def run(clip: str, *, at: str, detector: str = "auto") -> WatchSummary:
        settings = Settings(state_dir=tmp_path / "state")
        options = WatchOptions(
            sources=(str(weights.parents[1] / "clips" / clip),),
            started_at=datetime.fromisoformat(at),
            weights=str(weights),
            detector="embedded" if detector == "embedded" else "auto",
        )
        spool = Spool(settings.spool_dir)
        return run_watch(options, settings, make_site(), Console(file=io.StringIO()), spool)

    return run


@pytest.mark.parametrize(
    ("clip", "at", "expected"),
    [
        ("night_ir_driveway_intruder.mp4", NIGHT, ["person"]),
        ("night_ir_driveway_intruder.mp4", NOON, []),
        ("neg_night_ir_rain_trees.mp4", NIGHT, []),
        ("neg_day_parked_cars_only.mp4", NIGHT, []),
        ("neg_day_brightness_change.avi", NIGHT, []),
        ("neg_day_rain_palms.mp4", NIGHT, []),
        ("night_intersection_cctv_headlights.mp4", NIGHT, ["car"]),
    ],
)
def test_the_network_flags_what_happens_once(
    clip: str, at: str, expected: list[str], watch: Callable[..., WatchSummary]
) -> None:
    summary = watch(clip, at=at)
    found = [one.object_class.value for one in summary.events]
    # Beside a car that was recognised its light may move by itself, at low severity.
    assert [one for one in found if one != "moving"] == expected
    assert not (found and not expected)
    assert not summary.failures
    assert len(summary.endings) == len(found)


def test_the_intruder_is_seen_from_begin_to_end(watch: Callable[..., WatchSummary]) -> None:
    summary = watch("night_ir_driveway_intruder.mp4", at=NIGHT)
    (event,), (ending,) = summary.events, summary.endings
    # truth: in view from 0.0 to 7.0 s, +-0.5 s
    assert event.source.media_time_s == pytest.approx(0.0, abs=0.5)
    assert (ending.ended_at - event.started_at).total_seconds() == pytest.approx(7.0, abs=0.7)
    assert event.detector.sha256 is not None
    assert ending.clip is not None


@pytest.mark.parametrize(
    ("clip", "expected"),
    [
        ("night_ir_driveway_intruder.mp4", ["person"]),
        ("neg_night_ir_rain_trees.mp4", []),
        ("neg_day_parked_cars_only.mp4", []),
        ("neg_day_brightness_change.avi", []),
        ("neg_day_rain_palms.mp4", []),
    ],
)
def test_the_embedded_detector_flags_the_intruder_and_no_weather(
    clip: str, expected: list[str], watch: Callable[..., WatchSummary]
) -> None:
    summary = watch(clip, at=NIGHT, detector="embedded")
    assert [one.object_class.value for one in summary.events] == expected
