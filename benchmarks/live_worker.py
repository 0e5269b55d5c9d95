"""One camera of the sample park watched live by the real worker; prints what it cost and found."""

import argparse
import json
import sys
import tempfile
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2

from parkwacht_config.clock import SystemClock
from parkwacht_config.loader import load_site
from parkwacht_config.text import Text
from parkwacht_vision.choice import choose_detector
from parkwacht_vision.evaluate import always_armed
from parkwacht_vision.event import CameraTrouble, EventEnding, FlaggedEvent, WatchReport
from parkwacht_vision.ports import WatchContext
from parkwacht_vision.spool import Spool
from parkwacht_vision.stream import StreamSource
from parkwacht_vision.worker import CameraWatch

SITE = Path(__file__).parents[1] / "config" / "sites" / "josink_es.toml"


class TimedSpool:
    """The real spool, with the instant at which each event lay safely in it."""

    def __init__(self, root: Path) -> None:
        self._spool = Spool(root)
        self.stored: dict[str, tuple[FlaggedEvent, datetime]] = {}
        self.ended: dict[str, datetime] = {}

    def put_flagged(self, event: FlaggedEvent, snapshot: bytes, still: bytes | None = None) -> None:
        """Store an event and note when that was done."""
        self._spool.put_flagged(event, snapshot, still)
        self.stored[str(event.id)] = (event, datetime.now(UTC))

    def put_ended(
        self,
        ending: EventEnding,
        clip: Path | None,
        original: Path | None = None,
        manifest: bytes | None = None,
    ) -> None:
        """Store an ending."""
        self._spool.put_ended(ending, clip, original, manifest)
        self.ended[str(ending.event_id)] = ending.ended_at

    def put_report(self, report: WatchReport) -> None:
        """Store a report."""
        self._spool.put_report(report)

    def put_trouble(self, trouble: CameraTrouble) -> None:
        """Store a trouble."""
        self._spool.put_trouble(trouble)


class Meter:
    """Notes the CPU used between two times of the stream, and when the stream began."""

    def __init__(self, window_s: list[float], length_s: float, stop: threading.Event) -> None:
        self._window_s = window_s
        self._length_s = length_s
        self._stop = stop
        self.source: StreamSource | None = None
        self.begun_at: datetime | None = None  # when the stream's time was zero
        self.marks: list[tuple[float, float]] = []
        self.tier = ""

    def on_progress(self, source_name: str, media_time_s: float) -> None:
        """Note how far the stream is: a watcher may miss its first pictures."""
        last = None if self.source is None else self.source.ring.last
        if self.begun_at is None and last is not None and last.pts is not None:
            self.begun_at = last.at - timedelta(seconds=float(last.pts * last.format.time_base))
        if self.begun_at is None or self.source is None:
            return
        passed_s = (datetime.now(UTC) - self.begun_at).total_seconds()
        n = len(self.marks)
        if n < len(self._window_s) and passed_s >= self._window_s[n]:
            self.marks.append((time.monotonic(), time.process_time()))
            self.tier = self.source.tier
        if passed_s >= self._length_s - 0.5:
            self._stop.set()

    def on_flagged(self, event: FlaggedEvent) -> None:
        """Nothing: the spool notes it."""

    def on_ended(self, ending: EventEnding) -> None:
        """Nothing: the spool notes it."""

    def on_report(self, report: WatchReport) -> None:
        """Nothing: it is not needed."""

    def on_trouble(self, trouble: CameraTrouble, text: Text) -> None:
        """Nothing: the spool notes it."""

    def on_tier(self, source_name: str, text: Text) -> None:
        """Nothing: it is measured."""

    def on_warning(self, source_name: str, text: Text) -> None:
        """Say what is wrong."""
        print(source_name, text.en, file=sys.stderr)

    def on_failure(self, source_name: str, text: Text) -> None:
        """Say what went wrong."""
        print(source_name, text.en, file=sys.stderr)


def watch(asked: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Watch to the end and return what it cost and found."""
    stop = threading.Event()
    spool = TimedSpool(folder / "spool")
    meter = Meter(asked.window, asked.length, stop)
    # Where the rendered stream is smaller than the camera's type, boxes are scaled as always.
    site = always_armed(load_site(SITE))
    context = WatchContext(
        site=replace(site, privacy_masks=()),
        detector=choose_detector("ultralytics", asked.weights, state_dir=folder),
        sink=spool, observer=meter, state_dir=folder, work_dir=folder, fps=5.0, stop=stop,
    )  # fmt: skip
    source = StreamSource(
        asked.main, fps=context.fps, clock=SystemClock(), stop=stop, sub_url=asked.sub
    )
    meter.source = source
    context.detector.warm_up()
    watching = CameraWatch(context, source, asked.camera)
    threading.Timer(asked.length + 20, stop.set).start()
    began_s = time.monotonic()
    watching.run()
    (from_s, from_cpu_s), (to_s, to_cpu_s) = meter.marks
    begun_at = meter.begun_at or datetime.now(UTC)
    events = [
        {
            "stored_s": (stored_at - begun_at).total_seconds(),
            "first_s": (event.started_at - begun_at).total_seconds(),
            "last_s": (spool.ended.get(key, stored_at) - begun_at).total_seconds(),
            "class": event.object_class.value,
        }
        for key, (event, stored_at) in spool.stored.items()
    ]
    return {
        "cpu_ms_per_s": 1000 * (to_cpu_s - from_cpu_s) / (to_s - from_s),
        "calls_per_s": watching.n_calls / (time.monotonic() - began_s),
        "tier": meter.tier,
        "events": events,
    }


def main() -> None:
    """Watch one camera and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--camera", required=True)
    parser.add_argument("--main", required=True)
    parser.add_argument("--sub")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--length", type=float, required=True)
    parser.add_argument("--window", type=float, nargs=2, default=[5.0, 18.0])
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory(prefix="parkwacht-live-") as folder:
        print(json.dumps(watch(parser.parse_args(), Path(folder))))


if __name__ == "__main__":
    main()
