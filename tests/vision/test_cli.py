import io
import json
import math
import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from rich.console import Console
from signal_stack import usual_signal_stack

from parkwacht_config.errors import ModelError, SourceError
from parkwacht_config.loader import load_site
from parkwacht_config.settings import Settings
from parkwacht_config.site import Site, Zone
from parkwacht_config.text import Language
from parkwacht_vision.cli import WatchOptions, WatchSummary, run_watch
from parkwacht_vision.spool import Spool

Draw = Callable[[float, npt.NDArray[np.uint8]], None]
ROOT = Path(__file__).parents[2]
NIGHT = datetime(2026, 11, 24, 2, 13)  # noqa: DTZ001 - in the site's time zone


@pytest.fixture
def watch(
    make_site: Callable[..., Site], tmp_path: Path
) -> Callable[..., tuple[WatchSummary, str]]:
    """Run a watch with the embedded detector; return its summary and what was printed."""

    def run(
        *sources: str | Path,
        language: Language = Language.EN,
        zones: tuple[Zone, ...] = (),
        camera_id: str | None = None,
        started_at: datetime | None = NIGHT,
        weights: str | None = None,
    ) -> tuple[WatchSummary, str]:
        settings = Settings(state_dir=tmp_path / "state", language=language)
        options = WatchOptions(
            sources=tuple(str(one) for one in sources),
            camera_id=camera_id,
            started_at=started_at,
            weights=weights,
            detector="embedded" if weights is None else "auto",
        )
        screen = io.StringIO()
        console = Console(file=screen, width=160)
        site = make_site(zones=zones)
        summary = run_watch(options, settings, site, console, Spool(settings.spool_dir))
        return summary, screen.getvalue()

    return run


def test_a_watch_shows_its_detector_its_events_and_its_sum(
    watch: Callable[..., tuple[WatchSummary, str]], make_video: Callable[..., Path], walking: Draw
) -> None:
    summary, shown = watch(make_video("walk.mp4", draw=walking))
    assert len(summary.events) == len(summary.endings) == len(summary.reports) == 1
    assert summary.events[0].camera_id == "walk"
    assert "Detector: embedded" in shown
    assert "2026-11-24 02:13:0" in shown
    assert "1 event(s); watched 3." in shown
    assert summary.media_s == pytest.approx(4, abs=0.3)


def test_the_language_of_the_user_is_spoken(
    watch: Callable[..., tuple[WatchSummary, str]], make_video: Callable[..., Path]
) -> None:
    noon = datetime(2026, 11, 24, 12, tzinfo=UTC)
    summary, shown = watch(make_video(), language=Language.NL, started_at=noon)
    assert summary.events == ()
    assert "0 melding(en)" in shown
    assert "Geen enkele zone was bewaakt" in shown


def test_a_recording_of_a_camera_is_placed_on_the_map(tmp_path: Path) -> None:
    path = ROOT / "sample_media" / "p1_parking_20261123T021300+0100.mp4"
    truth = json.loads(path.with_suffix(".json").read_text())
    settings = Settings(state_dir=tmp_path)
    shown = io.StringIO()
    summary = run_watch(
        WatchOptions(sources=(str(path),), detector="embedded"),
        settings,
        load_site(ROOT / "config" / "sites" / "josink_es.toml"),
        Console(file=shown, width=200),
        Spool(settings.spool_dir),
    )
    (event,) = summary.events
    assert (event.camera_id, event.zone_id) == ("p1_parking", "z_parking_1")
    assert event.position is not None
    # the truth of the walker at the instant of the box, 10 frames per second
    (walker,) = (one for one in truth["tracks"] if not one.get("is_parked"))
    seconds = (event.box.at - event.started_at).total_seconds() + event.source.media_time_s
    there = walker["positions_m"][round(seconds * 10) - walker["first_frame"]]
    # Blobs end a few pixels off the feet: at 30 m ahead and 6 m up that is a metre or two.
    assert math.dist(there, (event.position.x_m, event.position.y_m)) < 3.0
    assert f"{event.position.x_m:.1f}" in shown.getvalue()
    assert summary.endings[0].path_m


def test_a_folder_and_a_bad_file_are_watched_as_far_as_they_go(
    watch: Callable[..., tuple[WatchSummary, str]], make_video: Callable[..., Path], walking: Draw
) -> None:
    good = make_video("f/cam_20261124T021300.mp4", draw=walking)
    (good.parent / "zz.mp4").touch()
    summary, shown = watch(good.parent, started_at=None)
    assert len(summary.events) == 1
    assert [name for name, _ in summary.failures] == ["zz.mp4"]
    assert "is empty (0 bytes)" in shown


@pytest.mark.parametrize(
    ("sources", "camera_id", "message"),
    [
        ((), None, "no source given"),
        (("gone.mp4",), None, "does not exist"),
        (("clip.mp4",), "cam_z", "camera cam_z is not in"),
        (("cam_z=clip.mp4",), None, "camera cam_z is not in"),
        (("clip.mp4", "clip.mp4"), None, "--started-at belongs to a single recording"),
    ],
)
def test_a_wrong_command_is_refused_before_anything_runs(
    sources: tuple[str, ...],
    camera_id: str | None,
    message: str,
    watch: Callable[..., tuple[WatchSummary, str]],
    make_video: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(make_video(seconds=0.5).parent)
    with pytest.raises(SourceError, match=message):
        watch(*sources, camera_id=camera_id)


def test_named_weights_that_are_missing_are_an_error(
    watch: Callable[..., tuple[WatchSummary, str]], make_video: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(ModelError):
        watch(make_video(seconds=0.5), weights=str(tmp_path / "gone.onnx"))


def test_a_signal_closes_the_watch_in_order(
    watch: Callable[..., tuple[WatchSummary, str]], make_video: Callable[..., Path], walking: Draw
) -> None:
    path = make_video("long.mp4", seconds=300, fps=2, size=(176, 168), draw=walking)
    # A signal that comes when nobody listens any more must not end the tests.
    usual = signal.signal(signal.SIGTERM, lambda *_: None)
    before = signal.getsignal(signal.SIGTERM)

    def stop_once_it_listens() -> None:
        end = time.monotonic() + 120
        while signal.getsignal(signal.SIGTERM) is before and time.monotonic() < end:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    stopping = threading.Thread(target=stop_once_it_listens)
    stopping.start()
    try:
        with usual_signal_stack():
            summary, _ = watch(path)
            stopping.join()
        assert signal.getsignal(signal.SIGTERM) is before
    finally:
        signal.signal(signal.SIGTERM, usual)
    assert summary.was_stopped
    assert all(one.watched_s < 299 for one in summary.reports)
    assert {one.end_reason for one in summary.endings} <= {"stopped"}
