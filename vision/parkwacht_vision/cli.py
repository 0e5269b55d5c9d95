"""
`parkwacht watch`: sources to events, with what a person at a terminal wants to see.

Importing this file is cheap: networks, OpenCV and PyAV are loaded when a watch begins.
"""

import logging
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from parkwacht_config.clock import SystemClock
from parkwacht_config.errors import SourceError
from parkwacht_config.settings import Settings
from parkwacht_config.site import ObjectClass, Site
from parkwacht_config.text import Language, Text
from parkwacht_vision.event import (
    CameraTrouble,
    DetectorInfo,
    EventEnding,
    FlaggedEvent,
    WatchReport,
)
from parkwacht_vision.naming import kind_name

if TYPE_CHECKING:
    from parkwacht_vision.choice import ChosenDetector
    from parkwacht_vision.plan import Plan
    from parkwacht_vision.ports import EventSink, WatchContext

logger = logging.getLogger(__name__)

DEFAULT_FPS = 5.0
_EVENT_COLUMNS = (  # below each other
    (Text(nl="Begin", en="Start"), Text(nl="Plaats (RD)", en="Position (RD)")),
    (Text(nl="Camera", en="Camera"), Text(nl="Zone", en="Zone")),
    (Text(nl="Wat", en="What"), Text(nl="Soort, zekerheid", en="Class, confidence")),
)
_NAME_WIDTH, _LEAST_WIDTH = 35, 8
_OTHERS_WIDTH = 54  # a start of 25, "moving, not recognised 0.92" of 27, and blanks between
_FOLDED_WIDTH = 45  # the same with "recognised 0.92" below


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """
    What `parkwacht watch` was told.

    A source is a recording, a folder of recordings or a stream's URL; `camera=source` names the
    camera of one source, `camera_id` that of all.
    """

    sources: tuple[str, ...]
    camera_id: str | None = None
    started_at: datetime | None = None  # without an offset: in the site's time zone
    weights: str | None = None
    detector: Literal["auto", "ultralytics", "embedded"] | None = None
    fps: float = DEFAULT_FPS
    processes: int = 1  # recordings watched side by side; more than one can be resumed
    is_following: bool = False  # a folder is watched for files that come
    tier: Literal["auto", "full"] = "auto"  # `full` decodes every picture of a recording


@dataclass(frozen=True, slots=True)
class WatchSummary:
    """What a watch gave."""

    detector: DetectorInfo
    events: tuple[FlaggedEvent, ...]
    endings: tuple[EventEnding, ...]
    reports: tuple[WatchReport, ...]
    failures: tuple[tuple[str, Text], ...]
    wall_s: float
    was_stopped: bool

    @property
    def media_s(self) -> float:
        """Seconds of media that were watched."""
        return sum(one.watched_s for one in self.reports)


@dataclass(slots=True)
class _Screen:
    """Shows progress, and gathers what happened; called from several threads."""

    progress: Progress
    language: Language
    tasks: dict[str, TaskID] = field(default_factory=dict)
    durations_s: dict[str, float] = field(default_factory=dict)
    begun_s: dict[str, float] = field(default_factory=dict)
    events: list[FlaggedEvent] = field(default_factory=list)
    endings: list[EventEnding] = field(default_factory=list)
    reports: list[WatchReport] = field(default_factory=list)
    failures: list[tuple[str, Text]] = field(default_factory=list)
    troubles: list[CameraTrouble] = field(default_factory=list)

    def on_progress(self, source_name: str, media_time_s: float) -> None:
        if source_name not in self.tasks:
            self.begun_s[source_name] = time.monotonic()
            self.tasks[source_name] = self.progress.add_task(
                source_name, total=self.durations_s.get(source_name), speed=""
            )
        passed_s = max(1e-3, time.monotonic() - self.begun_s[source_name])
        speed = f"{media_time_s:.0f} s, {media_time_s / passed_s:.1f}x"
        self.progress.update(self.tasks[source_name], completed=media_time_s, speed=speed)

    def on_flagged(self, event: FlaggedEvent) -> None:
        self.events.append(event)

    def on_ended(self, ending: EventEnding) -> None:
        self.endings.append(ending)

    def on_report(self, report: WatchReport) -> None:
        self.reports.append(report)

    def on_trouble(self, trouble: CameraTrouble, text: Text) -> None:
        self.troubles.append(trouble)
        is_over = trouble.ended_at is not None
        over = Text(nl=" (voorbij)", en=" (over)").to(self.language) if is_over else ""
        line = f"{trouble.camera_id}: {text.to(self.language)}{over}"
        self.progress.console.print(line, style="yellow", markup=False)

    def on_tier(self, source_name: str, text: Text) -> None:
        line = f"{source_name}: {text.to(self.language)}"
        self.progress.console.print(line, style="dim", markup=False)

    def on_warning(self, source_name: str, text: Text) -> None:
        line = f"{source_name}: {text.to(self.language)}"
        self.progress.console.print(line, style="yellow", markup=False)

    def on_failure(self, source_name: str, text: Text) -> None:
        self.failures.append((source_name, text))
        self.progress.console.print(text.to(self.language), style="red", markup=False)


def run_watch(
    options: WatchOptions, settings: Settings, site: Site, console: Console, sink: "EventSink"
) -> WatchSummary:
    """
    Watch sources, show progress and hand every event to the sink.

    Parameters
    ----------
    options
        What to watch.
    settings
        The process settings; options go before them.
    site
        The park.
    console
        Where progress and events are shown.
    sink
        Who takes the events, usually a `Spool`.

    Returns
    -------
    summary
        What was found; a source that could not be watched is among its failures.

    Raises
    ------
    SourceError
        No source, an unknown camera, or `started_at` with several recordings.
    ModelError
        Weights that were named cannot be used.
    """
    from parkwacht_vision.budget import Budget
    from parkwacht_vision.choice import choose_detector
    from parkwacht_vision.plan import Plan
    from parkwacht_vision.ports import WatchContext
    from parkwacht_vision.worker import watch_all

    stop = threading.Event()
    with _progress(console) as progress, tempfile.TemporaryDirectory(prefix="parkwacht-") as work:
        screen = _Screen(progress, settings.language)
        plan = Plan(options, site, SystemClock(), stop, screen.durations_s, settings.state_dir)
        jobs, n_streams = ([], 0) if options.is_following else plan.jobs()
        detector = choose_detector(
            options.detector or settings.detector,
            options.weights or settings.weights,
            state_dir=settings.state_dir,
        )
        _show_detector(console, detector, settings.language)
        is_shared = n_streams > 0 and detector.info.name != "embedded"
        context = WatchContext(
            site=site, detector=detector, sink=sink, observer=screen,
            state_dir=settings.state_dir, work_dir=Path(work), fps=options.fps, stop=stop,
            budget=Budget.measured(detector.for_camera(None)) if is_shared else None,
        )  # fmt: skip
        begun_s = time.monotonic()
        with _stopping(stop):
            if options.is_following:
                _follow(context, plan, options)
            elif options.processes > 1 and n_streams == 0:
                _watch_side_by_side(context, plan, options, settings)
            else:
                watch_all(context, jobs, n_streams=n_streams)
        wall_s = time.monotonic() - begun_s
    summary = WatchSummary(
        detector=detector.info,
        events=tuple(screen.events),
        endings=tuple(screen.endings),
        reports=tuple(screen.reports),
        failures=tuple(screen.failures),
        wall_s=wall_s,
        was_stopped=stop.is_set(),
    )
    show_summary(console, summary, site, settings.language)
    return summary


def _follow(context: "WatchContext", plan: "Plan", options: WatchOptions) -> None:
    """Watch the files that come into a folder, the newest first, until stopped."""
    from parkwacht_vision.following import FolderFollower, follow
    from parkwacht_vision.naming import split_camera
    from parkwacht_vision.worker import watch_camera

    (source, *others) = options.sources or ("",)
    located = split_camera(source)
    folder = Path(located.location)
    if others or not folder.is_dir():
        raise SourceError(
            Text(
                nl=f"--follow hoort bij een enkele map, niet bij {' '.join(options.sources)!r}",
                en=f"--follow belongs to a single folder, not to {' '.join(options.sources)!r}",
            )
        )
    given = located.camera_id or options.camera_id

    def watch(path: Path) -> None:
        watch_camera(context, plan.watch_job(plan.recording(path, given)))

    journal = context.state_dir / "followed" / f"{folder.resolve().name}.jsonl"
    follower = FolderFollower(folder, journal, clock=SystemClock())
    follow(follower, watch, stop=context.stop)


def _watch_side_by_side(
    context: "WatchContext", plan: "Plan", options: WatchOptions, settings: Settings
) -> None:
    """Watch recordings in several processes; what was finished before is not watched again."""
    from parkwacht_vision.batch import BatchPorts, run_batch
    from parkwacht_vision.batch_process import BatchSetup

    setup = BatchSetup(
        site=context.site,
        detector=options.detector or settings.detector,
        weights=options.weights or settings.weights,
        state_dir=context.state_dir,
        fps=context.fps,
        tier=options.tier,
    )
    ports = BatchPorts(context.sink, context.observer, context.stop)
    run_batch(plan.recordings(), setup, context.detector.info, ports, n_processes=options.processes)


def _show_detector(console: Console, detector: "ChosenDetector", language: Language) -> None:
    info = detector.info
    digest = "" if info.sha256 is None else f", sha256 {info.sha256[:12]}"
    text = Text(nl="Herkenning", en="Detector")
    console.print(f"{text.to(language)}: {info.name}, {info.model}{digest}", markup=False)
    if detector.warning is not None:
        console.print(detector.warning.to(language), style="bold yellow", markup=False)


@contextmanager
def _progress(console: Console) -> Iterator[Progress]:
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield progress


@contextmanager
def _stopping(stop: threading.Event) -> Iterator[None]:
    """Let SIGTERM and SIGINT end the watch in order: events are closed and handed over."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(number: int, _: object) -> None:
        logger.info("signal %d: stopping", number)
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def show_summary(console: Console, summary: WatchSummary, site: Site, language: Language) -> None:
    """Print the events of a watch in the site's time, and what was watched."""
    if summary.events:
        console.print(event_table(summary.events, site, language, console.width))
    speed = summary.media_s / summary.wall_s if summary.wall_s > 0 else 0.0
    armed_s = sum(one.armed_s for one in summary.reports)
    blind_s = sum(spell.seconds for one in summary.reports for spell in one.blind)
    n_events = len(summary.events)
    text = Text(
        nl=f"{n_events} melding(en); bekeken {summary.media_s:.1f} s, daarvan bewaakt "
        f"{armed_s:.1f} s, blind {blind_s:.1f} s; {speed:.1f} keer zo snel als de opname",
        en=f"{n_events} event(s); watched {summary.media_s:.1f} s, of which armed {armed_s:.1f} s, "
        f"blind {blind_s:.1f} s; {speed:.1f} times as fast as the recording",
    )
    console.print(text.to(language), markup=False)
    if summary.reports and armed_s == 0:
        unarmed = Text(
            nl="Geen enkele zone was bewaakt tijdens deze beelden: er kon geen melding komen.",
            en="No zone was armed during these pictures: there could be no event.",
        )
        console.print(unarmed.to(language), style="yellow", markup=False)


def event_table(
    events: tuple[FlaggedEvent, ...], site: Site, language: Language, width: int
) -> Table:
    """
    Tell of each event when, where and what it was, on two lines.

    Parameters
    ----------
    events
        What was found.
    site
        In whose time.
    language
        Of the headings.
    width
        How many characters there are; from 80 on, names of 35 stand on one line.
    """
    table = Table(box=SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
    columns = [[one.to(language) for one in column] for column in _EVENT_COLUMNS]
    names = [*columns[1], *(name for one in events for name in (one.camera_id, one.zone_id))]
    room = max(_LEAST_WIDTH, width - _OTHERS_WIDTH, min(_NAME_WIDTH, width - _FOLDED_WIDTH))
    name_width = min(max(map(len, names)), room)
    table.add_column(_two_lines(*columns[0]), no_wrap=True)
    table.add_column(_two_lines(*columns[1]), width=name_width, overflow="fold")
    table.add_column(_two_lines(*columns[2]), overflow="fold")
    zone_time = ZoneInfo(site.timezone)
    for event in sorted(events, key=lambda one: one.started_at):
        place = event.position
        started = event.started_at.astimezone(zone_time).strftime("%Y-%m-%d %H:%M:%S %z")
        what = class_name(event.object_class).to(language)
        table.add_row(
            _two_lines(started, "-" if place is None else f"{place.x_m:.1f}, {place.y_m:.1f}"),
            _two_lines(event.camera_id, event.zone_id),
            _two_lines(kind_name(event.kind).to(language), f"{what} {event.confidence:.2f}"),
        )
    return table


def _two_lines(first: str, second: str) -> str:
    return f"{escape(first)}\n[dim]{escape(second)}[/]"


def class_name(object_class: ObjectClass) -> Text:
    """Return what a class is called."""
    dutch = {
        ObjectClass.PERSON: "persoon",
        ObjectClass.BICYCLE: "fiets",
        ObjectClass.MOTORCYCLE: "motor",
        ObjectClass.CAR: "auto",
        ObjectClass.TRUCK: "vrachtwagen",
        ObjectClass.BUS: "bus",
        ObjectClass.VEHICLE: "voertuig",
        ObjectClass.MOVING: "beweging, niet herkend",
    }
    english = {ObjectClass.MOVING: "moving, not recognised"}
    return Text(nl=dutch[object_class], en=english.get(object_class, object_class.value))
