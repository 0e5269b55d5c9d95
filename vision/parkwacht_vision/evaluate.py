"""
`parkwacht evaluate`: the worker as it runs every night, over recordings whose truth is known.

Every recording is watched by itself on an always armed copy of the park; a recording of a camera
the park does not know is watched whole. Importing this file is cheap.
"""

import io
import resource
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, time
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.progress import Progress

from parkwacht_config.errors import SourceError
from parkwacht_config.settings import Settings
from parkwacht_config.site import Arming, Site, Span, Zone
from parkwacht_config.text import Text
from parkwacht_vision.cli import WatchOptions, WatchSummary, run_watch
from parkwacht_vision.event import (
    CameraTrouble,
    DetectorInfo,
    EventEnding,
    FlaggedEvent,
    WatchReport,
)
from parkwacht_vision.scoring import ClipScore, Found, score_clip
from parkwacht_vision.truth import ClipTruth

# Any night and day of one week: thresholds may differ by light, and results must not by the date.
NIGHT_AT, DAY_AT = datetime(2026, 11, 23, 2, 13), datetime(2026, 11, 23, 13, 0)  # noqa: DTZ001


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What an evaluation gave."""

    detector: DetectorInfo
    clips: tuple[ClipScore, ...]
    tier: Literal["auto", "full"] = "auto"


@dataclass(frozen=True, slots=True)
class EvaluateOptions:
    """With what to watch: `WatchOptions` without the sources."""

    weights: str | None = None
    detector: Literal["auto", "ultralytics", "embedded"] | None = None
    tier: Literal["auto", "full"] = "auto"


class _NoSink:
    """Takes records and keeps nothing: the watch's summary holds what is scored."""

    def put_flagged(self, event: FlaggedEvent, snapshot: bytes, still: bytes | None = None) -> None:
        """Take an event."""

    def put_ended(
        self,
        ending: EventEnding,
        clip: Path | None,
        original: Path | None = None,
        manifest: bytes | None = None,
    ) -> None:
        """Take an ending."""

    def put_report(self, report: WatchReport) -> None:
        """Take a report."""

    def put_trouble(self, trouble: CameraTrouble) -> None:
        """Take a trouble."""


def always_armed(site: Site) -> Site:
    """Return a park whose every calendar is always armed."""
    whole_day = ((Span(start=time(0), end=time(0)),),) * 7
    armings = {
        key: Arming(id=one.id, name=one.name, weekly=whole_day) for key, one in site.armings.items()
    }
    return replace(site, armings=armings)


def whole_pictures(site: Site) -> Site:
    """Return a park in which every camera watches its whole picture; its zones are not asked."""
    zones = []
    for camera in site.cameras:
        kind = site.camera_types[camera.type_id]
        width, height = float(kind.width_px), float(kind.height_px)
        corners = ((0.0, 0.0), (width, 0.0), (width, height), (0.0, height))
        zones.append(
            Zone(
                id=f"beeld_{camera.id}",
                name=camera.name,
                arming_id=site.default_arming_id,
                camera_id=camera.id,
                polygon_px=corners,
            )
        )
    return replace(site, zones=tuple(zones))


def evaluate(
    truths: tuple[ClipTruth, ...],
    options: EvaluateOptions,
    settings: Settings,
    site: Site,
    console: Console,
) -> Evaluation:
    """
    Watch labelled recordings and score what came of it.

    Parameters
    ----------
    truths
        The recordings and what happens in them.
    options
        With what to watch.
    settings
        The process settings.
    site
        The park; its calendars are not asked.
    console
        Where progress is shown.

    Raises
    ------
    SourceError
        There is no recording to evaluate on.
    ModelError
        Weights that were named cannot be used.
    """
    if not truths:
        raise SourceError(
            Text(nl="geen opnames om aan te meten", en="no recordings to evaluate on")
        )
    armed = always_armed(site)
    scores, detector = [], None
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("", total=len(truths))
        for truth in truths:
            progress.update(task, description=truth.name)
            before_s = _cpu_s()
            try:
                summary = run_watch(
                    _watch_options(truth, options), settings, armed, _quiet(), _NoSink()
                )
            except SourceError as error:
                scores.append(replace(score_clip(truth, (), seconds=0.0), failure=error.text))
            else:
                detector = detector or summary.detector
                cpu_s = _cpu_s() - before_s
                scores.append(replace(score_summary(truth, summary), cpu_s=cpu_s))
            progress.advance(task)
    if detector is None:
        text = Text(nl="geen enkele opname was te bekijken", en="no recording could be watched")
        raise SourceError(text)
    return Evaluation(detector, tuple(scores), options.tier)


def _quiet() -> Console:
    return Console(file=io.StringIO())


def _cpu_s() -> float:
    """Return the processor time of this process and of those it ran."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _watch_options(truth: ClipTruth, options: EvaluateOptions) -> WatchOptions:
    return WatchOptions(
        sources=(str(truth.path),),
        camera_id=truth.camera_id,
        started_at=DAY_AT if truth.light == "day" else NIGHT_AT,
        weights=options.weights,
        detector=options.detector,
        tier=options.tier,
    )


def score_summary(truth: ClipTruth, summary: WatchSummary) -> ClipScore:
    """Score what one watch of one recording gave."""
    failure = summary.failures[0][1] if summary.failures else None
    blind_s: dict[str, float] = {}
    for report in summary.reports:
        for spell in report.blind:
            blind_s[spell.cause] = blind_s.get(spell.cause, 0.0) + spell.seconds
    score = score_clip(truth, tuple(_found(summary)), seconds=summary.media_s)
    return replace(score, failure=failure, blind_s=blind_s)


def _found(summary: WatchSummary) -> Iterator[Found]:
    endings = {one.event_id: one for one in summary.endings}
    for event in sorted(summary.events, key=lambda one: (one.started_at, str(one.id))):
        ending = endings.get(event.id)
        start_s = event.source.media_time_s
        confirmed_s = start_s + (event.confirmed_at - event.started_at).total_seconds()
        end_s = confirmed_s
        if ending is not None:
            end_s = start_s + (ending.ended_at - event.started_at).total_seconds()
        # the class a guard reads first is the event's; its ending may know better
        object_class = event.object_class if ending is None else ending.object_class
        yield Found(object_class, start_s, confirmed_s, end_s)
