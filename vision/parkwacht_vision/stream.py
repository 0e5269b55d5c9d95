"""
A live stream as frames: RTSP over TCP, watched by a reader thread that never gives up.

The media clock of a connection is anchored at the machine's clock when its first frame arrives;
every second without a picture is counted as blind, with its cause.
"""

import logging
import queue
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import av
from av.container import InputContainer

from parkwacht_config.clock import Clock
from parkwacht_vision.frames import Frame, Gap, SourceHealth, Tier
from parkwacht_vision.naming import redact_url
from parkwacht_vision.packets import PacketRing
from parkwacht_vision.source import decode

logger = logging.getLogger(__name__)

QUEUE_FRAMES = 12  # at 1920 x 1080 about 75 MB


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """How patient a stream is watched."""

    open_timeout_s: float = 10.0
    stall_timeout_s: float = 10.0  # no packet for so long means the connection is dead
    backoff_s: float = 1.0  # doubled at every failed attempt ...
    max_backoff_s: float = 30.0  # ... up to here
    jitter: float = 0.3  # cameras of one switch must not all come back in the same second


class StreamSource:
    """
    One stream.

    Parameters
    ----------
    url
        Its address; credentials in it are used and never shown.
    fps
        Frames analysed per second.
    clock
        The machine's clock.
    stop
        Set from outside to end the watch.
    settings
        How patient it is watched.
    """

    kind: Literal["stream"] = "stream"

    def __init__(
        self,
        url: str,
        *,
        fps: float,
        clock: Clock,
        stop: threading.Event,
        settings: StreamSettings | None = None,
    ) -> None:
        self._url = url
        self.name = redact_url(url)[:300]
        self.health = SourceHealth()
        self.ring = PacketRing()
        self.tier: Tier = "full"
        self._fps = fps
        self._clock = clock
        self._stop = stop
        self._settings = settings or StreamSettings()
        self._queue: queue.Queue[Frame | Gap] = queue.Queue(maxsize=QUEUE_FRAMES)
        self._started_at: datetime | None = None
        self._lost_at: datetime | None = None
        self._seen_at: datetime | None = None
        self._index = 0

    def attend(self) -> None:
        """Do nothing: every frame is decoded."""

    def relax(self) -> None:
        """Do nothing: every frame is decoded."""

    def frames(self) -> Iterator[Frame | Gap]:
        """Yield frames as they come, and gaps while there are none, until stopped."""
        self._started_at = self._lost_at = self._clock.now()
        reader = threading.Thread(target=self._read, name=f"reader {self.name}", daemon=True)
        reader.start()
        while not self._stop.is_set():
            try:
                yield self._queue.get(timeout=0.2)
            except queue.Empty:
                if not reader.is_alive():
                    break
        self._count_lost("connection_lost")

    def _read(self) -> None:
        failures = 0
        while not self._stop.is_set():
            before, cause = self._index, "connection_lost"
            try:
                self._read_connection()
            except av.FFmpegError as error:
                # Only the kind of error: FFmpeg's own message may repeat the address.
                cause = "stalled" if isinstance(error, av.error.ExitError) else cause
                logger.warning("stream %s: %s (%s)", self.name, cause, type(error).__name__)
            failures = 0 if self._index > before else failures + 1
            self._mark_lost(cause)
            self.health.n_reconnects += 1
            self._wait(failures)

    def _read_connection(self) -> None:
        # Half a second to find out what the stream holds: longer means a late, bunched start.
        options = {"analyzeduration": "500000", "fflags": "nobuffer"}
        if self._url.lower().startswith("rtsp"):
            options["rtsp_transport"] = "tcp"
        timeout = (self._settings.open_timeout_s, self._settings.stall_timeout_s)
        with av.open(
            self._url, options=options, timeout=timeout, metadata_errors="replace"
        ) as container:
            if not container.streams.video:
                logger.warning("stream %s: holds no video", self.name)
                return
            self._read_frames(container)

    def _read_frames(self, container: InputContainer) -> None:
        anchor: datetime | None = None
        first_s = at = None
        for media_time_s, picture, _ in decode(container, fps=self._fps, health=self.health):
            now = self._clock.now()
            first_s = self._since_start_s(now) if first_s is None else first_s
            # The first frames come bunched and late; no frame was taken after it arrived.
            came = now - timedelta(seconds=media_time_s)
            anchor = came if anchor is None else min(anchor, came)
            placed = anchor + timedelta(seconds=media_time_s)
            at = placed if at is None else max(at, placed)
            self._count_lost("connection_lost")
            self._seen_at = now
            frame = Frame(picture, first_s + media_time_s, at, now, self._index)
            self._index += 1
            self._put(frame)
            if self._stop.is_set():
                return

    def _put(self, item: Frame | Gap) -> None:
        try:
            self._queue.put_nowait(item)
        except queue.Full:
            self.health.n_dropped += 1
            self.health.lose("analysis_too_slow", 1 / self._fps)

    def _mark_lost(self, cause: str) -> None:
        now = self._clock.now()
        if self._lost_at is None:
            self._lost_at = self._seen_at  # a stall is blind from the last frame on
        self._count_lost(cause)
        self._lost_at = now
        self._put(Gap(self._since_start_s(now), now, cause))

    def _count_lost(self, cause: str) -> None:
        if self._lost_at is not None:
            self.health.lose(cause, (self._clock.now() - self._lost_at).total_seconds())
            self._lost_at = None

    def _since_start_s(self, at: datetime) -> float:
        return 0.0 if self._started_at is None else (at - self._started_at).total_seconds()

    def _wait(self, failures: int) -> None:
        base = self._settings.backoff_s * 2 ** min(max(failures - 1, 0), 10)
        spread = 1 + self._settings.jitter * random.uniform(-1, 1)  # noqa: S311 - not a secret
        self._stop.wait(min(base, self._settings.max_backoff_s) * spread)
