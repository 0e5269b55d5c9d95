"""
The seams of the worker: who takes its records, who shows what it does, what all cameras share.

Nothing found is dropped: what the sink cannot take now waits in the backlog and is offered again.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from parkwacht_config.errors import SpoolError
from parkwacht_config.site import Site
from parkwacht_config.text import Text
from parkwacht_vision.budget import Budget
from parkwacht_vision.choice import ChosenDetector
from parkwacht_vision.event import CameraTrouble, EventEnding, FlaggedEvent, WatchReport
from parkwacht_vision.frames import FrameSource
from parkwacht_vision.rules import RuleSettings

logger = logging.getLogger(__name__)

MAX_BACKLOG = 1000


class EventSink(Protocol):
    """Whoever takes the worker's records; `parkwacht_vision.spool.Spool` does."""

    def put_flagged(self, event: FlaggedEvent, snapshot: bytes, still: bytes | None = None) -> None:
        """Take an event that was just confirmed."""
        ...

    def put_ended(
        self,
        ending: EventEnding,
        clip: Path | None,
        original: Path | None = None,
        manifest: bytes | None = None,
    ) -> None:
        """Take the ending of an event; the files may be gone after this call."""
        ...

    def put_trouble(self, trouble: CameraTrouble) -> None:
        """Take the beginning or the end of a camera's trouble."""
        ...

    def put_report(self, report: WatchReport) -> None:
        """Take the report of one source."""
        ...


class WatchObserver(Protocol):
    """Whoever shows what the worker does."""

    def on_progress(self, source_name: str, media_time_s: float) -> None:
        """Note how far a source is."""
        ...

    def on_flagged(self, event: FlaggedEvent) -> None:
        """Note an event."""
        ...

    def on_ended(self, ending: EventEnding) -> None:
        """Note the ending of an event."""
        ...

    def on_report(self, report: WatchReport) -> None:
        """Note that a source was watched to its end."""
        ...

    def on_trouble(self, trouble: CameraTrouble, text: Text) -> None:
        """Note that something troubles a camera, or no longer does."""
        ...

    def on_tier(self, source_name: str, text: Text) -> None:
        """Note how much of a source is decoded, and why; told again when that is chosen anew."""
        ...

    def on_warning(self, source_name: str, text: Text) -> None:
        """Note what is wrong with a source that is watched all the same."""
        ...

    def on_failure(self, source_name: str, text: Text) -> None:
        """Note that a source could not be watched (further)."""
        ...


@dataclass(frozen=True, slots=True)
class WatchContext:
    """What all cameras of a run share."""

    site: Site
    detector: ChosenDetector
    sink: EventSink
    observer: WatchObserver
    state_dir: Path
    work_dir: Path  # for clips being written
    fps: float
    stop: threading.Event
    rule_settings: RuleSettings | None = None
    budget: Budget | None = None  # of all live cameras; None gives each source one of its own
    report_every: timedelta = timedelta(minutes=15)  # of a stream: blind minutes are on record


@dataclass(frozen=True, slots=True)
class WatchJob:
    """One source to watch; `open` makes it anew, after a crash again."""

    name: str
    camera_id: str
    open: Callable[[], FrameSource]


@dataclass(slots=True)
class Backlog:
    """Calls a sink could not take yet, in order."""

    calls: list[Callable[[], None]] = field(default_factory=list)

    def put(self, call: Callable[[], None]) -> None:
        """Call now, after everything that still waits; keep the call where the sink cannot."""
        self.calls.append(call)
        try:
            self.flush()
        except SpoolError as error:
            logger.error("%s (%d waiting)", error, len(self.calls))  # noqa: TRY400 - says it all
            if len(self.calls) > MAX_BACKLOG:
                raise

    def flush(self) -> None:
        """Make all calls that wait; raises what the sink raises and keeps the rest."""
        while self.calls:
            self.calls[0]()
            self.calls.pop(0)
