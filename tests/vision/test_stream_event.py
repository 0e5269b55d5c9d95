"""The whole watch of a camera with two streams, from real RTSP servers to the spool."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from rtsp_server import Server, require_rtsp_server
from watched import FAST

from parkwacht_config.clock import SystemClock
from parkwacht_config.site import Site
from parkwacht_config.text import Text
from parkwacht_vision.choice import choose_detector
from parkwacht_vision.event import CameraTrouble, EventEnding, FlaggedEvent, WatchReport
from parkwacht_vision.ports import WatchContext, WatchJob
from parkwacht_vision.spool import Spool
from parkwacht_vision.stream import StreamSource
from parkwacht_vision.worker import watch_camera

pytestmark = pytest.mark.server("rtsp")


@dataclass
class StopsTheSmallStream:
    """An observer that ends the small stream at the first event, and the watch 5 s later."""

    small: Server
    stop: threading.Event
    events: list[FlaggedEvent] = field(default_factory=list)
    endings: list[EventEnding] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    tiers: list[str] = field(default_factory=list)

    def on_progress(self, source_name: str, media_time_s: float) -> None:
        if self.events and media_time_s - self.events[0].source.media_time_s > 6:
            self.stop.set()

    def on_flagged(self, event: FlaggedEvent) -> None:
        self.events.append(event)
        self.small.stop()

    def on_ended(self, ending: EventEnding) -> None:
        self.endings.append(ending)

    def on_report(self, report: WatchReport) -> None: ...

    def on_trouble(self, trouble: CameraTrouble, text: Text) -> None:
        self.told.append(trouble.cause)

    def on_tier(self, source_name: str, text: Text) -> None:
        self.tiers.append(text.en)

    def on_warning(self, source_name: str, text: Text) -> None:
        self.told.append(text.en)

    def on_failure(self, source_name: str, text: Text) -> None:
        self.told.append(text.en)


def test_an_event_goes_on_when_its_small_stream_fails(
    make_site: Callable[..., Site], make_video: Callable[..., Path], tmp_path: Path
) -> None:
    require_rtsp_server()

    def walks(scale: int) -> Callable[[float, npt.NDArray[np.uint8]], None]:
        def draw(at_s: float, image: npt.NDArray[np.uint8]) -> None:
            left = round((20 + max(0.0, at_s - 1) * 25) * scale)
            if at_s >= 1:
                image[120 * scale : 164 * scale, left : left + 16 * scale] = 180

        return draw

    options = {"g": "10", "preset": "ultrafast", "tune": "zerolatency"}
    servers = []
    for name, scale in (("large.mp4", 2), ("small.mp4", 1)):
        size = (320 * scale, 240 * scale)
        path = make_video(name, seconds=11, size=size, draw=walks(scale), options=options)
        servers.append(Server(path))
    large, small = servers
    stop = threading.Event()
    seen = StopsTheSmallStream(small, stop)
    (tmp_path / "work").mkdir()
    context = WatchContext(
        site=make_site(is_always_armed=True),
        detector=choose_detector("embedded", None, state_dir=tmp_path),
        sink=Spool(tmp_path / "spool"), observer=seen, state_dir=tmp_path,
        work_dir=tmp_path / "work", fps=5.0, stop=stop,
    )  # fmt: skip

    def source() -> StreamSource:
        return StreamSource(
            large.url("file"), fps=5, clock=SystemClock(), stop=stop, settings=FAST,
            sub_url=small.url("file"),
        )  # fmt: skip

    limit = threading.Timer(40, stop.set)
    limit.start()
    try:
        for one in servers:
            one.start()
        watch_camera(context, WatchJob("s", "ad_hoc", source))
    finally:
        limit.cancel()
        for one in servers:
            one.close()
    # The block is one event, and is followed in the large stream to the end: 6 s from its first
    # picture. That stream is seen by its key frames first, of which every other is looked at.
    (event,), (ending,) = seen.events, seen.endings
    assert ending.end_reason == "stopped"
    assert (ending.ended_at - event.started_at).total_seconds() >= 4
    assert event.box.image_width_px == 320
    assert seen.tiers[0].startswith("the small stream, 320 x 240 pixels: a picture at least")
    assert "key frames until something moves: one every 1.0 s" in seen.tiers
    assert not {"lost", "moved", "frozen"} & set(seen.told)
