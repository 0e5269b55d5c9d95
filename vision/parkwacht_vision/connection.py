"""
One connection to a live stream: a thread that reads encoded packets and never gives up.

Nothing is decoded here. The media clock of a connection is anchored at the machine's clock by its
earliest packet, because no packet was taken after it arrived; the drift of the camera's clock
against the machine's is measured. Every second without a packet is counted as blind, with its
cause. Memory is bounded: when the packets are not taken in time, the oldest are dropped up to the
next key frame and counted.
"""

import logging
import random
import threading
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

import av

from parkwacht_config.clock import Clock
from parkwacht_config.text import Text
from parkwacht_vision.demux import read_packets
from parkwacht_vision.frames import Gap, SourceHealth
from parkwacht_vision.naming import redact_url
from parkwacht_vision.packets import EncodedPacket, PacketRing

logger = logging.getLogger(__name__)

QUEUE_S = 10.0
QUEUE_BYTES = 24_000_000
DRIFT_S = 2.0  # behind the anchor by more than this for a while: the camera's clock runs off
# What a stream of the network may open in turn: never a file of this machine.
PROTOCOLS = "rtsp,rtsps,rtp,udp,tcp,tls,http,https,httpproxy,hls,crypto,rtmp,rtmps,rtmpt"


# Kind of FFmpeg's error: cause of the blind seconds, what it is in Dutch and in English.
_PROBLEMS = {
    "HTTPUnauthorizedError": (
        "refused_credentials", "weigert de naam of het wachtwoord", "refuses name or password"
    ),
    "HTTPForbiddenError": ("refused_credentials", "weigert de toegang", "refuses access"),
    "HTTPNotFoundError": ("connection_lost", "kent dit pad niet", "does not know this path"),
    "ExitError": ("stalled", "antwoordt niet meer", "does not answer any more"),
    "ConnectionRefusedError": (
        "connection_lost", "weigert de verbinding", "refuses the connection"
    ),
    "InvalidDataError": (
        "connection_lost", "zendt iets dat geen video is", "sends what is no video"
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """How patient a stream is watched."""

    open_timeout_s: float = 10.0
    stall_timeout_s: float = 10.0  # no packet for so long means the connection is dead
    backoff_s: float = 1.0  # doubled at every failed attempt ...
    max_backoff_s: float = 30.0  # ... up to here
    jitter: float = 0.3  # cameras of one switch must not all come back in the same second


class PacketQueue:
    """Packets and gaps between the thread that reads and the one that analyses."""

    def __init__(self, health: SourceHealth) -> None:
        self._health = health
        self._items: deque[EncodedPacket | Gap] = deque()
        self._n_bytes = 0
        self._changed = threading.Condition()

    def put(self, item: EncodedPacket | Gap) -> None:
        """Add an item; what was not taken for too long makes room, a GOP at a time."""
        with self._changed:
            self._items.append(item)
            self._n_bytes += _n_bytes(item)
            if self._is_full():
                self._drop()
            self._changed.notify()

    def get(self, timeout_s: float) -> EncodedPacket | Gap | None:
        """Return the next item, or None where there is none in time."""
        with self._changed:
            if not self._items:
                self._changed.wait(timeout_s)
            if not self._items:
                return None
            item = self._items.popleft()
            self._n_bytes -= _n_bytes(item)
            return item

    def _is_full(self) -> bool:
        passed = self._items[-1].at - self._items[0].at
        return self._n_bytes > QUEUE_BYTES or passed > timedelta(seconds=QUEUE_S)

    def _drop(self) -> None:
        before = self._items[0].at
        while len(self._items) > 1:
            self._n_bytes -= _n_bytes(self._items.popleft())
            self._health.n_dropped += 1
            head = self._items[0]
            if isinstance(head, EncodedPacket) and head.is_key:
                break
        lost_s = (self._items[0].at - before).total_seconds()
        self._health.lose("analysis_too_slow", lost_s)


def _n_bytes(item: EncodedPacket | Gap) -> int:
    return len(item.data) if isinstance(item, EncodedPacket) else 0


class Connection:
    """
    The supervised reader of one address.

    Parameters
    ----------
    url
        The address; credentials in it are used and never shown.
    clock
        The machine's clock.
    stop
        Set from outside to end the watch.
    settings
        How patient it is watched.
    ring
        Where packets are kept for evidence.
    is_queued
        Whether packets are also to be analysed.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Clock,
        stop: threading.Event,
        settings: StreamSettings,
        ring: PacketRing,
        is_queued: bool,
    ) -> None:
        self._url = url
        self.name = redact_url(url)[:300]
        self.health = SourceHealth()
        self.ring = ring
        self.queue = PacketQueue(self.health) if is_queued else None
        self.last_problem: Text | None = None
        self.n_packets = 0
        self._clock = clock
        self._stop = stop
        self._settings = settings
        self._transport = "tcp"
        self._started_at = clock.now()
        self._lost_at: datetime | None = self._started_at
        self._seen_at: datetime | None = None
        self._anchor: datetime | None = None
        self._last_at: datetime | None = None
        self._thread = threading.Thread(target=self._read, name=f"reader {self.name}", daemon=True)

    @property
    def started_at(self) -> datetime:
        """When the watch began: zero of the media clock."""
        return self._started_at

    @property
    def is_alive(self) -> bool:
        """Whether the reader runs."""
        return self._thread.is_alive()

    @property
    def is_connected(self) -> bool:
        """Whether packets came lately."""
        return self._lost_at is None

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def close(self) -> None:
        """Count what was lost until now."""
        self._count_lost("connection_lost")

    def since_start_s(self, at: datetime) -> float:
        """Return the media time of an instant."""
        return (at - self._started_at).total_seconds()

    def _read(self) -> None:
        failures = 0
        while not self._stop.is_set():
            before, cause = self.n_packets, "connection_lost"
            try:
                self._read_connection()
            except av.FFmpegError as error:
                cause = self._explain(error)
            except (OSError, ValueError) as error:
                self._problem(type(error).__name__, type(error).__name__)
            failures = 0 if self.n_packets > before else failures + 1
            if failures and self._url.lower().startswith("rtsp:"):
                # A camera that refuses TCP may speak UDP; the next attempt goes back again.
                self._transport = "udp" if self._transport == "tcp" else "tcp"
            self._mark_lost(cause)
            self.health.n_reconnects += 1
            self._wait(failures)

    def _read_connection(self) -> None:
        timeout = (self._settings.open_timeout_s, self._settings.stall_timeout_s)
        with av.open(
            self._url, options=self._options(), timeout=timeout, metadata_errors="replace"
        ) as container:
            if not container.streams.video:
                self._problem("zendt geen beeld", "sends no video")
                return
            self._anchor = None
            for packet in read_packets(container, self.health, self._placed):
                if self._stop.is_set():
                    return
                self._take(packet)

    def _options(self) -> dict[str, str]:
        # Half a second to find out what the stream holds: longer means a late, bunched start.
        options = {
            "analyzeduration": "500000", "fflags": "nobuffer", "protocol_whitelist": PROTOCOLS
        }  # fmt: skip
        if self._url.lower().startswith("rtsp"):
            options["rtsp_transport"] = self._transport
        return options

    def _placed(self, media_time_s: float) -> datetime:
        """Return the instant of a time of this connection, by its earliest packet."""
        now = self._clock.now()
        came = now - timedelta(seconds=media_time_s)
        if self._anchor is None or came < self._anchor:
            self._anchor = came
        behind_s = (came - self._anchor).total_seconds()
        self.health.clock_drift_s = behind_s
        if behind_s > DRIFT_S + self._settings.stall_timeout_s:
            self._anchor = came  # its clock stood still or runs slow: what comes now is now
            self.health.n_times_mended += 1
        at = self._anchor + timedelta(seconds=media_time_s)
        return at if self._last_at is None else max(at, self._last_at)

    def _take(self, packet: EncodedPacket) -> None:
        self._count_lost("connection_lost")
        self._seen_at = self._clock.now()
        self._last_at = packet.at
        self.n_packets += 1
        self.last_problem = None
        placed = EncodedPacket(
            packet.data, packet.pts, packet.dts, packet.duration, packet.is_key,
            self.since_start_s(packet.at), packet.at, packet.format,
        )  # fmt: skip
        self.ring.add(placed)
        if self.queue is not None:
            self.queue.put(placed)

    def _explain(self, error: av.FFmpegError) -> str:
        """Note what went wrong; never FFmpeg's own message, which may repeat the address."""
        kind = type(error).__name__
        cause, dutch, english = _PROBLEMS.get(
            kind, ("connection_lost", f"is niet te lezen ({kind})", f"cannot be read ({kind})")
        )
        self._problem(dutch, english)
        return cause

    def _problem(self, dutch: str, english: str) -> None:
        self.last_problem = Text(nl=f"{self.name}: {dutch}", en=f"{self.name}: {english}")
        logger.warning("stream %s", self.last_problem.en)

    def _mark_lost(self, cause: str) -> None:
        now = self._clock.now()
        if self._lost_at is None:
            self._lost_at = self._seen_at  # a stall is blind from the last packet on
        self._count_lost(cause)
        self._lost_at = now
        if self.queue is not None:
            self.queue.put(Gap(self.since_start_s(now), now, cause))

    def _count_lost(self, cause: str) -> None:
        if self._lost_at is not None:
            self.health.lose(cause, (self._clock.now() - self._lost_at).total_seconds())
            self._lost_at = None

    def _wait(self, failures: int) -> None:
        base = self._settings.backoff_s * 2 ** min(max(failures - 1, 0), 10)
        spread = 1 + self._settings.jitter * random.uniform(-1, 1)  # noqa: S311 - not a secret
        self._stop.wait(min(base, self._settings.max_backoff_s) * spread)
