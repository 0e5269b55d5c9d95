"""
One process of a batch: it gets recordings one by one, and says how far it is and how each ended.

What a recording gives goes into a spool of its own; the pipe carries progress and outcomes only.
"""

import contextlib
import signal
import tempfile
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from parkwacht_config.clock import Clock, SystemClock
from parkwacht_config.site import Site
from parkwacht_config.text import Text
from parkwacht_vision.choice import DetectorKind, choose_detector
from parkwacht_vision.event import CameraTrouble, EventEnding, FlaggedEvent, WatchReport
from parkwacht_vision.ports import WatchContext, WatchJob
from parkwacht_vision.segments import Segment, SegmentedSource
from parkwacht_vision.source import RecordingSource
from parkwacht_vision.spool import Spool
from parkwacht_vision.tiers import TierChoice
from parkwacht_vision.worker import watch_camera

PROGRESS_EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class BatchSetup:
    """What all recordings of a batch share; `state_dir` is where a batch keeps how far it is."""

    site: Site
    detector: DetectorKind
    weights: str | None
    state_dir: Path
    fps: float
    tier: TierChoice = "auto"


@dataclass(frozen=True, slots=True)
class RecordingJob:
    """One recording to watch: a file, or consecutive files of a recorder."""

    camera_id: str
    path: Path
    started_at: datetime | None = None
    segments: tuple[Segment, ...] = ()
    duration_s: float = 0.0  # as it says itself; 0 where it does not

    @property
    def name(self) -> str:
        """What the recording is called in events and reports."""
        return self.path.name[:300]

    @property
    def files(self) -> tuple[Path, ...]:
        """All files of the recording."""
        return tuple(one.path for one in self.segments) or (self.path,)

    def open(
        self, timezone: str, *, fps: float, clock: Clock, tier: TierChoice = "auto"
    ) -> RecordingSource | SegmentedSource:
        """
        Open it.

        Parameters
        ----------
        timezone
            The site's.
        fps
            Frames analysed per second of media time.
        clock
            The machine's clock.
        tier
            How much is decoded.

        Raises
        ------
        SourceError
            It cannot be watched.
        """
        if self.segments:
            return SegmentedSource(self.segments, fps=fps, clock=clock, tier=tier)
        return RecordingSource(
            self.path, started_at=self.started_at, timezone=timezone, fps=fps, clock=clock,
            tier=tier,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the watch of one recording ended."""

    failures: tuple[Text, ...]
    trouble_texts: tuple[Text, ...]  # of its troubles, in order
    was_stopped: bool
    warnings: tuple[Text, ...] = ()


@dataclass(slots=True)
class _Notes:
    """Notes what happens to one recording, and asks now and then whether to stop."""

    connection: Connection
    stop: threading.Event
    failures: list[Text] = field(default_factory=list)
    trouble_texts: list[Text] = field(default_factory=list)
    warnings: list[Text] = field(default_factory=list)
    told_s: float = 0.0

    def on_progress(self, source_name: str, media_time_s: float) -> None:
        now_s = time.monotonic()
        if now_s - self.told_s < PROGRESS_EVERY_S:
            return
        self.told_s = now_s
        self.connection.send(media_time_s)
        if self.connection.poll():  # nothing is sent to a busy process but the wish to stop
            self.stop.set()

    def on_flagged(self, event: FlaggedEvent) -> None:
        """Do nothing: it is in the spool."""

    def on_ended(self, ending: EventEnding) -> None:
        """Do nothing: it is in the spool."""

    def on_report(self, report: WatchReport) -> None:
        """Do nothing: it is in the spool."""

    def on_trouble(self, trouble: CameraTrouble, text: Text) -> None:
        self.trouble_texts.append(text)

    def on_tier(self, source_name: str, text: Text) -> None:
        """Do nothing: nobody waits for a recording to see how it is decoded."""

    def on_warning(self, source_name: str, text: Text) -> None:
        self.warnings.append(text)

    def on_failure(self, source_name: str, text: Text) -> None:
        self.failures.append(text)


def serve(connection: Connection, setup: BatchSetup) -> None:
    """
    Watch what the pipe brings, until it is closed; the main function of a process.

    Parameters
    ----------
    connection
        Brings pairs of a job and the folder of its spool; takes progress (seconds) and outcomes.
    setup
        What all recordings share.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that shows progress
    # An interrupted pipe means that nobody waits any more.
    with contextlib.suppress(EOFError, OSError), tempfile.TemporaryDirectory() as work:
        detector = choose_detector(setup.detector, setup.weights, state_dir=setup.state_dir)
        while True:
            message = connection.recv()
            if message is None:
                return
            job, folder = message
            stop = threading.Event()
            notes = _Notes(connection, stop)
            context = WatchContext(
                site=setup.site, detector=detector, sink=Spool(folder), observer=notes,
                state_dir=setup.state_dir, work_dir=Path(work), fps=setup.fps, stop=stop,
            )  # fmt: skip
            opened = partial(
                job.open, setup.site.timezone, fps=setup.fps, clock=SystemClock(), tier=setup.tier
            )
            watch_camera(context, WatchJob(job.name, job.camera_id, opened))
            connection.send(
                Outcome(
                    tuple(notes.failures), tuple(notes.trouble_texts), stop.is_set(),
                    tuple(notes.warnings),
                )
            )  # fmt: skip
            if stop.is_set():
                return
