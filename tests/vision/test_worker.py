import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest

from parkwacht_config.clock import FakeClock
from parkwacht_config.errors import SourceError, SpoolError
from parkwacht_config.site import ObjectClass, Site, Zone
from parkwacht_config.text import Text
from parkwacht_coverage.camera import CameraModel
from parkwacht_vision.choice import ChosenDetector, choose_detector
from parkwacht_vision.detections import Detections, Detector
from parkwacht_vision.event import (
    CameraTrouble,
    Decoding,
    DetectorInfo,
    EventEnding,
    FlaggedEvent,
    WatchReport,
)
from parkwacht_vision.evidence import EvidenceRoom
from parkwacht_vision.frames import Frame, Gap, SourceHealth, Tier
from parkwacht_vision.packets import PacketRing
from parkwacht_vision.ports import WatchContext, WatchJob
from parkwacht_vision.regions import Region
from parkwacht_vision.rules import IntrusionRule
from parkwacht_vision.source import RecordingSource
from parkwacht_vision.spool import Spool
from parkwacht_vision.tiers import TieredDecoder
from parkwacht_vision.worker import watch_all, watch_camera

NIGHT = datetime(2026, 11, 24, 1, 13, tzinfo=UTC)
DAY = datetime(2026, 11, 24, 13, 0, tzinfo=UTC)
Draw = Callable[[float, npt.NDArray[np.uint8]], None]


@dataclass
class Notes:
    """An observer that writes down what it is told."""

    failures: list[tuple[str, Text]] = field(default_factory=list)
    warnings: list[tuple[str, Text]] = field(default_factory=list)
    tiers: list[Text] = field(default_factory=list)
    troubles: list[CameraTrouble] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)  # of the troubles
    n_progress: int = 0

    def on_progress(self, source_name: str, media_time_s: float) -> None:
        self.n_progress += 1

    def on_flagged(self, event: FlaggedEvent) -> None: ...

    def on_ended(self, ending: EventEnding) -> None: ...

    def on_report(self, report: WatchReport) -> None: ...

    def on_trouble(self, trouble: CameraTrouble, text: Text) -> None:
        self.troubles.append(trouble)
        self.texts.append(text)

    def on_tier(self, source_name: str, text: Text) -> None:
        self.tiers.append(text)

    def on_warning(self, source_name: str, text: Text) -> None:
        self.warnings.append((source_name, text))

    def on_failure(self, source_name: str, text: Text) -> None:
        self.failures.append((source_name, text))


class FullAtFirst(Spool):
    """A spool on a disk that is full the first times."""

    n_full = 2

    def put_flagged(self, event: FlaggedEvent, snapshot: bytes, still: bytes | None = None) -> None:
        if self.n_full:
            self.n_full -= 1
            raise SpoolError(Text(nl="vol", en="full"))
        super().put_flagged(event, snapshot, still)


@dataclass
class LiveSource:
    """A stream that shows a walker, falls silent, and is stopped or ends."""

    stop: threading.Event
    gap_s: float
    stops: bool = False
    fails: bool = False
    kind: Literal["recording", "stream"] = "stream"
    name: str = "rtsp://h/s"
    health: SourceHealth = field(default_factory=SourceHealth)
    ring: PacketRing = field(default_factory=PacketRing)
    tier: Tier = "full"
    tier_reason: Text | None = None

    def attend(self, *, is_eager: bool = True) -> None:
        """Everything is given anyway."""

    def relax(self) -> None:
        """Everything is given anyway."""

    def frames(self) -> Iterator[Frame | Gap]:
        rng = np.random.default_rng(1)
        for index in range(40):
            image = rng.normal(60, 2, (240, 320, 3)).astype(np.uint8)
            if index >= 8:
                image[120:164, 4 * index : 4 * index + 16] = 180
            at = NIGHT + timedelta(seconds=index / 8)
            yield Frame.of_image(image, index / 8, at, at, index)
        if self.fails:
            raise ZeroDivisionError
        if self.stops:
            self.stop.set()
        for step in range(round(self.gap_s)):
            at = NIGHT + timedelta(seconds=5 + step)
            yield Gap(5.0 + step, at, "stalled", Text(nl="zwijgt", en="is silent"))


@pytest.fixture
def context(make_site: Callable[..., Site], tmp_path: Path) -> WatchContext:
    (tmp_path / "work").mkdir()
    return WatchContext(
        site=make_site(),
        detector=choose_detector("embedded", None, state_dir=tmp_path),
        sink=Spool(tmp_path / "spool"),
        observer=Notes(),
        state_dir=tmp_path,
        work_dir=tmp_path / "work",
        fps=8.0,
        stop=threading.Event(),
    )


def job(path: Path, *, at: datetime = NIGHT, camera_id: str = "ad_hoc") -> WatchJob:
    def make() -> RecordingSource:
        return RecordingSource(path, started_at=at, timezone="UTC", fps=8, clock=FakeClock(at))

    return WatchJob(path.name, camera_id, make)


def records(
    context: WatchContext,
) -> tuple[list[FlaggedEvent], list[EventEnding], list[WatchReport]]:
    spool = Spool(context.state_dir / "spool")
    texts = [(entry.stage, entry.record_path.read_bytes()) for entry in spool.entries()]
    return (
        [FlaggedEvent.model_validate_json(text) for stage, text in texts if stage == "flagged"],
        [EventEnding.model_validate_json(text) for stage, text in texts if stage == "ended"],
        [WatchReport.model_validate_json(text) for stage, text in texts if stage == "report"],
    )


def test_a_walker_at_night_is_one_event_with_its_evidence(
    context: WatchContext, make_video: Callable[..., Path], walking: Draw
) -> None:
    path = make_video(seconds=6, draw=walking)
    assert watch_camera(context, job(path))
    (event,), (ending,), (report,) = records(context)
    assert (event.camera_id, event.zone_id) == ("ad_hoc", "hele_beeld")
    # he enters at 1.0 s; a plain block may be a person to the small network, or just move
    assert event.object_class in {ObjectClass.PERSON, ObjectClass.MOVING}
    assert 0.9 <= event.source.media_time_s <= 3.0
    assert (event.confirmed_at - event.started_at).total_seconds() < 1.6
    assert event.source.name == path.name
    assert ending.event_id == event.id
    assert ending.end_reason == "recording_ended"
    assert ending.clip is not None
    assert ending.clip_started_at == NIGHT  # three seconds before him is before the beginning
    assert report.n_events == 1
    assert report.watched_s == pytest.approx(6, abs=0.3)
    assert report.armed_s == report.watched_s
    entries = Spool(context.state_dir / "spool").entries()
    assert [entry.stage for entry in entries] == ["flagged", "ended", "report"]
    assert list(context.work_dir.iterdir()) == []


def test_the_same_recording_gives_the_same_ids_and_bytes(
    context: WatchContext, make_video: Callable[..., Path], walking: Draw
) -> None:
    path = make_video(seconds=5, draw=walking)
    watch_all(context, [job(path), job(path)])
    events, endings, reports = records(context)
    assert len(events) == 2
    assert events[0] == events[1]
    assert endings[0] == endings[1]
    assert reports[0].id == reports[1].id


@pytest.mark.parametrize(
    ("who", "at"),
    [("walking", DAY), ("standing", NIGHT), (None, NIGHT)],
    ids=["day", "still", "empty"],
)
def test_no_event_without_a_moving_object_in_armed_hours(
    who: str | None,
    at: datetime,
    context: WatchContext,
    make_video: Callable[..., Path],
    request: pytest.FixtureRequest,
) -> None:
    draw = request.getfixturevalue(who) if who else None
    assert watch_camera(context, job(make_video(seconds=5, draw=draw), at=at))
    events, endings, (report,) = records(context)
    assert (events, endings) == ([], [])
    assert report.armed_s == (0 if at is DAY else report.watched_s)


@pytest.mark.parametrize(
    ("gap_s", "stops", "reason"),
    [(0, False, "stream_lost"), (30, False, "stream_lost"), (30, True, "stopped")],
    ids=["ended", "silent", "stopped"],
)
def test_an_open_event_of_a_stream_is_always_closed(
    gap_s: float,
    stops: bool,
    reason: str,
    context: WatchContext,
) -> None:
    source = LiveSource(context.stop, gap_s, stops=stops)
    watch_camera(context, WatchJob("s", "ad_hoc", lambda: source))
    (event,), (ending,), _ = records(context)
    assert event.source.kind == "stream"
    assert ending.end_reason == reason


def test_what_is_measured_of_a_stream_is_told_and_why_it_is_lost(context: WatchContext) -> None:
    health = SourceHealth(is_halved=True, clock_drift_s=11.0)
    source = LiveSource(context.stop, gap_s=2, health=health)
    watch_camera(context, WatchJob("s", "ad_hoc", lambda: source))
    notes = context.observer
    assert isinstance(notes, Notes)
    # Measured at 0, 2 and 4 s: three times in a row is a trouble, said to begin at the first.
    begun = [(one.cause, (one.started_at - NIGHT).total_seconds()) for one in notes.troubles]
    assert begun == [("half_lost", 0), ("clock_drift", 0), ("lost", 5)]
    assert notes.texts[-1].nl == "De camera geeft geen beeld: zwijgt"
    assert notes.texts[-1].en == "The camera gives no picture: is silent"


def test_pictures_that_contradict_the_calibration_are_told_once(
    context: WatchContext, make_video: Callable[..., Path]
) -> None:
    notes = context.observer
    assert isinstance(notes, Notes)
    right = make_video("right.mp4", seconds=1, size=(320, 180))  # as 2560 x 1440
    assert watch_camera(context, job(right, camera_id="cam_a"))
    assert notes.warnings == []
    assert watch_camera(context, job(make_video("wrong.mp4", seconds=1), camera_id="cam_a"))
    ((name, text),) = notes.warnings
    assert name == "wrong.mp4"
    assert "320 x 240" in text.nl
    assert "2560 x 1440" in text.en


def test_a_calibration_for_another_shape_hides_nobody(
    context: WatchContext, make_site: Callable[..., Site], make_video: Callable[..., Path],
    walking: Draw, zone_m: Zone,
) -> None:  # fmt: skip
    # By the calibration nobody in this picture can stand in a zone a kilometre behind the camera.
    polygon = tuple((x, y - 1000) for x, y in zone_m.polygon_m or ())
    away = zone_m.model_copy(update={"polygon_m": polygon})
    models: list[CameraModel | None] = []  # that the detector judged by

    def for_camera(model: CameraModel | None) -> Detector:
        models.append(model)
        return context.detector.for_camera(model)

    detector = replace(context.detector, for_camera=for_camera)
    night = replace(context, site=make_site(zones=(away,)), detector=detector)
    right = make_video("right.mp4", seconds=6, size=(320, 180), draw=walking)
    assert watch_camera(night, job(right, camera_id="cam_a"))
    wrong = make_video("wrong.mp4", seconds=6, draw=walking)
    assert watch_camera(night, job(wrong, camera_id="cam_a"))
    assert watch_camera(night, job(wrong))  # by a camera without calibration
    (event, _), _, _ = records(context)
    assert [one is None for one in models] == [False, True, True]
    assert event.source.name == "wrong.mp4"
    assert event.zone_id == "yard"
    assert event.position is None


def test_a_full_disk_delays_an_event_and_loses_none(
    context: WatchContext, make_video: Callable[..., Path], walking: Draw, tmp_path: Path
) -> None:
    full = WatchContext(
        site=context.site, detector=context.detector, sink=FullAtFirst(tmp_path / "spool"),
        observer=context.observer, state_dir=tmp_path, work_dir=context.work_dir, fps=8.0,
        stop=context.stop,
    )  # fmt: skip
    assert watch_camera(full, job(make_video(seconds=5, draw=walking)))
    entries = Spool(tmp_path / "spool").entries()
    assert [entry.stage for entry in entries] == ["flagged", "ended", "report"]


def test_a_source_that_fails_is_told_and_the_next_goes_on(
    context: WatchContext, make_video: Callable[..., Path], walking: Draw, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"x" * 1000)
    failing = LiveSource(context.stop, 0, fails=True, kind="recording", name="odd")
    jobs = [job(broken), WatchJob("odd", "ad_hoc", lambda: failing), job(make_video(draw=walking))]
    assert watch_all(context, jobs) == 1
    assert isinstance(context.observer, Notes)
    assert [name for name, _ in context.observer.failures] == ["broken.mp4", "odd"]
    assert "ZeroDivisionError" in context.observer.failures[1][1].en
    events, endings, _ = records(context)
    # what the failing source had found before it failed is not lost
    assert len(events) == len(endings) == 2


def test_a_source_error_is_the_same_text_the_user_reads(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        job(tmp_path / "gone.mp4").open()
    assert "bestaat niet" in caught.value.text.nl


def test_a_stream_reports_while_it_runs_and_counts_every_second_once(
    context: WatchContext,
) -> None:
    source = LiveSource(context.stop, gap_s=0, stops=True)
    source.health.blind_s["connection_lost"] = 3.0
    often = replace(context, report_every=timedelta(seconds=2))
    watch_camera(often, WatchJob(source.name, "ad_hoc", lambda: source))
    _, _, reports = records(context)
    # 40 frames at 8 per second: reports at 2.0 s and 4.0 s, and one at the end.
    assert [report.n_frames for report in reports] == [16, 16, 8]
    assert len({report.id for report in reports}) == 3
    assert sum(spell.seconds for report in reports for spell in report.blind) == 3.0
    assert sum(report.watched_s for report in reports) == pytest.approx(39 / 8)


def test_what_is_kept_for_an_event_goes_when_the_night_is_over(
    context: WatchContext, make_video: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    rests: list[EvidenceRoom] = []
    monkeypatch.setattr(EvidenceRoom, "rest", lambda room: rests.extend([room]))
    at = datetime(2026, 11, 24, 5, 29, 58, tzinfo=UTC)  # armed until 6:30 of Amsterdam's clock
    assert watch_camera(context, job(make_video(seconds=4), at=at))
    assert len(rests) == 1


@pytest.mark.parametrize("stands", [False, True])
def test_who_may_become_an_event_is_expected_before_he_is_one(
    context: WatchContext, monkeypatch: pytest.MonkeyPatch, *, stands: bool
) -> None:
    expected: list[datetime] = []
    monkeypatch.setattr(
        EvidenceRoom, "expect", lambda _room, at, tracks: expected.extend(at for _ in tracks)
    )
    if stands:
        monkeypatch.setattr(IntrusionRule, "restless", lambda _rule, _tracks: [])
    source = LiveSource(context.stop, gap_s=0, stops=True)
    watch_camera(context, WatchJob(source.name, "ad_hoc", lambda: source))
    (event,), _, _ = records(context)
    assert [one < event.confirmed_at for one in expected[:1]] == [True] * (not stands)


def test_a_report_says_how_much_was_decoded_and_why(context: WatchContext) -> None:
    why = Text(nl="sleutelbeelden", en="key frames")
    source = LiveSource(context.stop, gap_s=0, stops=True, tier="key_frames", tier_reason=why)
    watch_camera(context, WatchJob(source.name, "ad_hoc", lambda: source))
    _, _, (report,) = records(context)
    assert report.decoding == Decoding(tier="key_frames", nl="sleutelbeelden", en="key frames")


class _Nobody:
    """A detector of the given name that finds nothing."""

    def __init__(self, name: Literal["embedded", "ultralytics"]) -> None:
        self.info = DetectorInfo(name=name, model="nobody")

    def detect(self, _frame: Frame, _regions: Sequence[Region]) -> Detections:
        return Detections.empty()


@pytest.mark.parametrize(("name", "is_eager"), [("ultralytics", True), ("embedded", False)])
def test_only_a_network_that_gains_by_it_is_given_more_pictures_a_second(
    context: WatchContext,
    make_video: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    name: Literal["embedded", "ultralytics"],
    *,
    is_eager: bool,
) -> None:
    asked: list[bool] = []
    attend = TieredDecoder.attend

    def noting(decoder: TieredDecoder, *, is_eager: bool = True) -> None:
        asked.append(is_eager)
        attend(decoder, is_eager=is_eager)

    monkeypatch.setattr(TieredDecoder, "attend", noting)
    detector = _Nobody(name)
    chosen = ChosenDetector(detector.info, lambda _model: detector)
    watch_camera(replace(context, detector=chosen), job(make_video(seconds=4)))
    assert set(asked) == {is_eager}
