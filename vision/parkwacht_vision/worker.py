"""
One camera's loop: frames to detections, tracks, intrusions and what they leave behind.

Live streams and recordings run the same code on media time. A frame outside armed hours is counted
but not analysed, unless an event is still open. An event is handed to the sink the moment it is
confirmed; its clip and ending follow. Nothing found is dropped: what the sink cannot take now is
offered again.
"""

import logging
import threading
from typing import TYPE_CHECKING, Literal

from parkwacht_config.errors import VisionError
from parkwacht_config.text import Text
from parkwacht_vision.analysis import CameraAnalysis
from parkwacht_vision.budget import Budget
from parkwacht_vision.calibration_doubt import CalibrationDoubt
from parkwacht_vision.event import (
    Box,
    EventEnding,
    FlaggedEvent,
    Position,
    SourceInfo,
    WatchReport,
)
from parkwacht_vision.evidence import Ended, EvidenceRoom, evidence_key
from parkwacht_vision.frames import Frame, FrameSource, Gap, Tier
from parkwacht_vision.ground import anchor_px, ground_position_m
from parkwacht_vision.health import HealthMonitor
from parkwacht_vision.manifest import data_file
from parkwacht_vision.masks import PrivacyScreen
from parkwacht_vision.memory import HeapTrimmer
from parkwacht_vision.ports import Backlog, WatchContext, WatchJob
from parkwacht_vision.refusals import check_aspect, why_unforeseen
from parkwacht_vision.rules import Intrusion, IntrusionRule, RuleSettings, event_id
from parkwacht_vision.stills import BestView, Stills
from parkwacht_vision.tally import Tally, decoding_of
from parkwacht_vision.tiers import LOOK_S, MAX_GOP_S
from parkwacht_vision.troubles import TroubleChange, trouble_record
from parkwacht_vision.zones import Calendar, View, camera_model, watched

if TYPE_CHECKING:
    from datetime import datetime

logger = logging.getLogger(__name__)

EndReason = Literal["left", "recording_ended", "stream_lost", "stopped"]
ENDED_WITH_RECORDING_S = 3.0  # seen this shortly before the end: it ended with the recording
RESTART_S = 5.0


class CameraWatch:
    """
    The watch of one source by one camera.

    Parameters
    ----------
    context
        What all cameras share.
    source
        What is watched.
    camera_id
        The camera; one the site does not know watches its whole picture.
    """

    def __init__(self, context: WatchContext, source: FrameSource, camera_id: str) -> None:
        self._context = context
        self._source = source
        self._camera_id = camera_id
        self._camera = context.site.camera(camera_id)
        self._model = camera_model(context.site, self._camera)
        self._screen = PrivacyScreen.of(context.site, self._camera)
        self._calendar = Calendar(context.site.timezone)
        self._settings = context.rule_settings or RuleSettings.for_detector(
            context.detector.info.name
        )
        self._analysis: CameraAnalysis | None = None
        self._doubt: CalibrationDoubt | None = None
        self._is_attending = False
        self._n_calls = 0
        self._rule: IntrusionRule | None = None
        self._view: View | None = None
        self._room = EvidenceRoom.of(
            context.site, camera_id, source.ring, context.work_dir,
            evidence_key(context.site, context.state_dir), is_live=source.kind == "stream",
        )  # fmt: skip
        self._flagged: dict[str, FlaggedEvent] = {}
        self._own_budget = Budget()
        kept = context.state_dir / "health" / f"{camera_id}.npz"
        # A recording is judged by itself: another one was made in another year.
        self._health = HealthMonitor(self._model, kept if source.kind == "stream" else None)
        self._troubles: dict[str, datetime] = {}
        self._lost_since: datetime | None = None
        self._tally = Tally()
        self._backlog = Backlog()
        self._is_lost = False
        self._told_tier: Tier | None = None
        self._reported_blind_s: dict[str, float] = {}

    @property
    def n_calls(self) -> int:
        """How often the detector was asked."""
        return self._n_calls + (0 if self._analysis is None else self._analysis.n_calls)

    def run(self) -> None:
        """
        Watch to the end of the source or until stopped.

        Raises
        ------
        VisionError
            The source cannot be read, or the sink did not take everything.
        """
        reason: EndReason = "stream_lost"
        try:
            for item in self._source.frames():
                if self._context.stop.is_set():
                    break
                self._step(item if isinstance(item, Gap) else self._screen.cover(item))
            reason = "recording_ended" if self._source.kind == "recording" else "stream_lost"
            if self._context.stop.is_set():
                reason = "stopped"
        finally:
            self._finish(reason)

    def _step(self, item: Frame | Gap) -> None:
        if isinstance(item, Gap):
            self._lose(item)
            return
        self._is_lost, self._lost_since = False, None
        self._tell_troubles(self._health.see(item))
        if self._source.kind == "stream" and not item.is_replay:
            self._tell_troubles(self._health.measure_stream(item.at, self._source.health))
        if self._is_report_due(item):
            self._put_report()
        self._tell_tier()
        rule = self._rule_for(item)
        is_armed = rule.is_armed(item.at)
        if not item.is_replay:
            self._tally.count(item, is_armed=is_armed, longest_step_s=self._longest_step_s())
        if is_armed or rule.open:
            self._analyse(item, rule)
        elif self._analysis is not None:
            self._n_calls = self.n_calls
            self._analysis = None
            self._room.rest()
            self._relax()
        self._context.observer.on_progress(self._source.name, item.media_time_s)

    def _lose(self, gap: Gap) -> None:
        self._is_lost = True
        self._lost_since = self._lost_since or gap.at
        for intrusion in self._rule.open if self._rule else []:
            self._room.follow(intrusion.id, gap.at, intrusion.last_active.at)
        lost_s = (gap.at - self._lost_since).total_seconds()
        self._tell_troubles(self._health.lost(gap.at, lost_s, gap.problem))
        self._expire(gap.media_time_s)

    def _tell_troubles(self, changes: list[TroubleChange]) -> None:
        """Hand over what began to trouble the camera, and what is over."""
        for change in changes:
            started_at = self._troubles.pop(change.cause, change.at)
            if change.is_begin:
                self._troubles[change.cause] = started_at
            is_open = self._rule is not None and self._rule.open
            record = trouble_record(
                change,
                started_at,
                place=(self._context.site.id, self._camera_id),
                source=self._source_info(self._tally.last_s),
                event_id=self._rule.open[0].id if is_open and self._rule else None,
            )
            self._backlog.put(lambda one=record: self._context.sink.put_trouble(one))  # type: ignore[misc]
            self._context.observer.on_trouble(record, change.text)
            logger.warning("camera %s: %s", self._camera_id, change.text.en)

    def _tell_tier(self) -> None:
        """Tell how much of the source is decoded, when that was chosen anew."""
        tier, why = self._source.tier, self._source.tier_reason
        if tier != self._told_tier and why is not None:
            self._told_tier = tier
            self._context.observer.on_tier(self._source.name, why)

    def _longest_step_s(self) -> float:
        """Return for how long one frame can stand: between key frames nothing is missed."""
        steps_s = {"key_frames": MAX_GOP_S + 0.5, "substream": LOOK_S + 0.5}
        return steps_s.get(self._source.tier, 2 / self._context.fps)

    def _is_report_due(self, frame: Frame) -> bool:
        """Whether a stream, which has no end, was watched long enough to say so."""
        begun_at = self._tally.started_at
        if self._source.kind != "stream" or begun_at is None:
            return False
        return frame.at - begun_at >= self._context.report_every

    def _analyse(self, frame: Frame, rule: IntrusionRule) -> None:
        analysis = self._analysis_for()
        self._room.note(frame)
        if frame.is_look and not self._is_attending:
            if analysis.triage(frame)[1]:
                self._is_attending = True
                analysis.attend(frame.media_time_s)
                self._source.attend(is_eager=analysis.is_eager)
            self._expire(frame.media_time_s)
            return
        tracks = analysis.see(frame).tracks
        for intrusion in rule.update(tracks, frame.at):
            self._flag(intrusion)
        self._room.expect(frame.at, rule.restless(tracks))
        for intrusion in rule.open:
            self._room.follow(intrusion.id, frame.at, intrusion.last_active.at)
        self._expire(frame.media_time_s)
        is_awaited = rule.is_waiting(frame.media_time_s)
        if self._is_attending and not is_awaited and analysis.is_quiet(frame.media_time_s):
            self._relax()

    def _analysis_for(self) -> CameraAnalysis:
        if self._analysis is None:
            view = self._view or View(1, 1)
            self._analysis = CameraAnalysis(
                self._camera_id,
                view,
                self._context.detector.for_camera(view.model),
                self._context.budget or self._own_budget,
                camera=self._camera,
                doubt=self._doubt,
            )
        return self._analysis

    def _relax(self) -> None:
        self._is_attending = False
        self._source.relax()

    def _rule_for(self, frame: Frame) -> IntrusionRule:
        height, width = frame.picture.height_px, frame.picture.width_px
        if self._view is not None and (self._view.width_px, self._view.height_px) != (
            width,
            height,
        ):
            self._end(self._rule.close() if self._rule else [], "left")
            self._rule = self._analysis = None  # the stream changed its size: all pixels moved
        if self._rule is None:
            fits = self._has_right_shape(width, height)
            self._view = View.of(self._model if fits else None, width, height)
            self._doubt = CalibrationDoubt(self._view, self._warn)
            self._rule = IntrusionRule(
                watched(self._context.site, self._camera, self._view),
                self._view,
                calendar=self._calendar,
                settings=self._settings,
                event_id=lambda zone, at, track: event_id(
                    (self._context.site.id, self._camera_id, zone, self._source.name), at, track
                ),
            )
        return self._rule

    def _has_right_shape(self, width_px: int, height_px: int) -> bool:
        """Whether the site's calibration can be of these pictures; else it may judge nobody."""
        if self._camera is None:
            return True
        camera_type = self._context.site.camera_types[self._camera.type_id]
        text = check_aspect(camera_type, width_px, height_px)
        if text is not None:
            self._warn(text)
        return text is None

    def _warn(self, text: Text) -> None:
        logger.warning("camera %s: %s", self._camera_id, text.en)
        self._context.observer.on_warning(self._source.name, text)

    def _flag(self, intrusion: Intrusion) -> None:
        view = self._view or View(1, 1)
        best = BestView(intrusion.best.at, intrusion.best.xyxy, view.width_px, view.height_px)
        stills = self._room.open(intrusion.id, intrusion.first.at, best)
        event = self._to_event(intrusion, stills)
        self._flagged[str(event.id)] = event
        self._tally.n_events += 1
        self._backlog.put(
            lambda: self._context.sink.put_flagged(event, stills.snapshot, stills.still)
        )
        self._context.observer.on_flagged(event)
        logger.info(
            "event %s: %s in zone %s of camera %s at %s",
            event.id, event.object_class, event.zone_id, event.camera_id, event.started_at,
        )  # fmt: skip

    def _to_event(self, intrusion: Intrusion, stills: Stills) -> FlaggedEvent:
        view = self._view or View(1, 1)
        place = ground_position_m(view.model, anchor_px(intrusion.best.xyxy))
        x1, y1, x2, y2 = (round(one, 1) for one in intrusion.best.xyxy)
        return FlaggedEvent(
            id=intrusion.id,
            site_id=self._context.site.id,
            camera_id=self._camera_id,
            zone_id=intrusion.zone.id,
            kind=intrusion.kind,
            severity=intrusion.severity,
            object_class=intrusion.object_class,
            confidence=intrusion.confidence,
            started_at=intrusion.first.at,
            confirmed_at=intrusion.confirmed.at,
            wall_first_frame_at=intrusion.first.wall_at,
            box=Box(
                xyxy_px=(x1, y1, x2, y2),
                image_width_px=view.width_px,
                image_height_px=view.height_px,
                at=intrusion.best.at,
            ),
            position=None
            if place is None
            else Position(x_m=round(place[0], 2), y_m=round(place[1], 2)),
            detector=self._context.detector.info,
            source=self._source_info(intrusion.first.media_time_s),
            snapshot=data_file("snapshot", stills.snapshot),
            still=data_file("still", stills.still),
        )

    def _source_info(self, media_time_s: float) -> SourceInfo:
        return SourceInfo(
            kind=self._source.kind, name=self._source.name, media_time_s=round(media_time_s, 3)
        )

    def _expire(self, media_time_s: float) -> None:
        if self._rule is not None:
            self._end(self._rule.expire(media_time_s), "stream_lost" if self._is_lost else "left")

    def _end(self, intrusions: list[Intrusion], reason: EndReason) -> None:
        for intrusion in intrusions:
            ended = self._room.close(self._flagged.pop(str(intrusion.id)))
            clip = ended.clip
            ending = EventEnding(
                event_id=intrusion.id,
                ended_at=intrusion.last_active.at,
                end_reason=reason,
                object_class=intrusion.object_class,
                confidence=round(max(intrusion.best.confidence, intrusion.confidence), 4),
                path_m=tuple(intrusion.path_m),
                is_at_vehicle=intrusion.is_at_vehicle,
                clip=ended.clip_file,
                clip_started_at=None if clip is None else clip.started_at,
                clip_ended_at=None if clip is None else clip.ended_at,
                original=ended.original_file,
                manifest=ended.manifest_file,
            )
            self._backlog.put(lambda e=ending, p=ended: self._hand_over_ending(e, p))  # type: ignore[misc]
            self._context.observer.on_ended(ending)

    def _hand_over_ending(self, ending: EventEnding, ended: Ended) -> None:
        self._context.sink.put_ended(
            ending, ended.clip_path, ended.original_path, ended.manifest_bytes
        )
        ended.remove_files()

    def _finish(self, reason: EndReason) -> None:
        for intrusion in self._rule.close() if self._rule else []:
            unseen_s = self._tally.last_s - intrusion.last_active.media_time_s
            has_left = reason == "recording_ended" and unseen_s > ENDED_WITH_RECORDING_S
            self._end([intrusion], "left" if has_left else reason)
        self._health.save()
        self._put_report()
        self._backlog.flush()

    def _put_report(self) -> None:
        """Hand over what was watched since the last report, and begin the next."""
        report = self._report()
        if report is None:
            return
        self._backlog.put(lambda: self._context.sink.put_report(report))
        self._context.observer.on_report(report)
        self._reported_blind_s = dict(self._source.health.blind_s)
        self._tally = Tally(last_s=self._tally.last_s)

    def _report(self) -> WatchReport | None:
        ran = self._context.detector.info
        what = f"report {ran.model} {ran.sha256 or ''}"  # another detector is another watch
        return self._tally.report(
            (self._context.site.id, self._camera_id, what, self._source.name),
            source=self._source_info(0.0),
            blind_s={
                cause: seconds - self._reported_blind_s.get(cause, 0.0)
                for cause, seconds in self._source.health.blind_s.items()
            },
            detector=ran,
            decoding=decoding_of(self._source),
        )


def watch_camera(context: WatchContext, job: WatchJob) -> bool:
    """
    Watch one source; the one door of the vision floor behind which nothing may fall over.

    A stream that fails in an unforeseen way is watched again; a recording is given up, and the
    next one goes on.

    Returns
    -------
    done
        Whether it was watched to its end.
    """
    while True:
        kind = "recording"
        try:
            source = job.open()
            kind = source.kind
            CameraWatch(context, source, job.camera_id).run()
        except VisionError as error:
            logger.error("source %s: %s", job.name, error)  # noqa: TRY400 - foreseen, says it all
            context.observer.on_failure(job.name, error.text)
            return False
        except Exception as error:
            logger.exception("source %s: unforeseen failure", job.name)
            context.observer.on_failure(job.name, why_unforeseen(job.name, error))
            if kind == "recording" or context.stop.wait(RESTART_S):
                return False
        else:
            return True


def watch_all(context: WatchContext, jobs: list[WatchJob], *, n_streams: int = 0) -> int:
    """
    Watch all sources: the first `n_streams` side by side, the others one after the other.

    Returns
    -------
    n_done
        How many were watched to their end.
    """
    done: list[bool] = []
    if n_streams:
        context.detector.warm_up()
    threads = [
        threading.Thread(
            target=lambda job=job: done.append(watch_camera(context, job)), name=job.name
        )
        for job in jobs[:n_streams]
    ]
    for thread in threads:
        thread.start()
    for job in jobs[n_streams:]:
        if context.stop.is_set():
            break
        done.append(watch_camera(context, job))
    heap = HeapTrimmer()
    for thread in threads:
        while thread.is_alive():
            thread.join(0.2)  # short, so that signals are handled
            heap.trim_if_due()
    return sum(done)
