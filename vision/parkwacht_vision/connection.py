"""
One connection to a live stream: a thread that reads encoded packets and never gives up.

Nothing is decoded here. The stream's own clock is laid on the machine's (`stream_clock`). While no
packets come it says so, and why.
"""

import logging
import math
import random
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import av

from parkwacht_config.clock import Clock
from parkwacht_config.errors import SourceError
from parkwacht_config.text import Text
from parkwacht_vision.demux import seconds, stream_format
from parkwacht_vision.frames import Gap, SourceHealth
from parkwacht_vision.naming import is_address, redact_url
from parkwacht_vision.pace import EAGER_REST_S, REST_S, paced, quiet_rest_s
from parkwacht_vision.packets import EncodedPacket, StreamFormat
from parkwacht_vision.parameter_sets import (
    changed_format,
    find_parameter_sets,
    whole_key_frames,
)
from parkwacht_vision.stream_clock import StreamClock
from parkwacht_vision.trust import trust_options, trust_problem

if TYPE_CHECKING:
    from parkwacht_vision.packet_queue import PacketQueue

logger = logging.getLogger(__name__)

HOLD_S = 0.5  # FFmpeg gives what it read while it opened in one burst: its first times say nothing
HOLD_PACKETS = 500
RATE_S = 10.0  # over which the bits of a stream are counted
_UNTIMED = {"mpjpeg", "mjpeg"}  # JPEG after JPEG over HTTP
# What a stream of the network may open in turn: never a file of this machine.
_SCHEMES = {"rtsp", "rtsps", "rtmp", "rtmps", "http", "https"}
PROTOCOLS = "rtsp,rtsps,rtp,udp,tcp,tls,http,https,httpproxy,hls,crypto,rtmp,rtmps,rtmpt"


# Kind of FFmpeg's error: cause of the blind seconds, what it is in Dutch and in English.
_PROBLEMS = {
    "HTTPUnauthorizedError": (
        "refused_credentials", "weigert de naam of het wachtwoord", "refuses name or password"
    ),
    "HTTPForbiddenError": ("refused_credentials", "weigert de toegang", "refuses access"),
    "HTTPNotFoundError": ("unknown_path", "kent dit pad niet", "does not know this path"),
    "ConnectionRefusedError": (
        "connection_lost", "weigert de verbinding", "refuses the connection"
    ),
    "InvalidDataError": (
        "connection_lost", "zendt iets dat geen video is", "sends what is no video"
    ),
}  # fmt: skip
_TIMEOUTS = {"ExitError", "TimeoutError"}
_SILENT = ("no_answer", "antwoordt niet", "does not answer")
_STALLED = ("stalled", "zendt niets meer", "sends nothing any more")
_UNKNOWN_HOST = ("unknown_host", "is geen bekend adres", "is no known address")
_NO_VIDEO = ("no_video", "zendt geen beeld", "sends no video")
_UNKNOWN_CODEC = (
    "unknown_codec",
    "zendt beeld in een codec die niet te lezen is; stel in de camera H.264 of H.265 in",
    "sends video in a codec that cannot be read; set the camera to H.264 or H.265",
)


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """How patient a stream is watched."""

    open_timeout_s: float = 10.0
    stall_timeout_s: float = 10.0  # no packet for so long means the connection is dead
    backoff_s: float = 1.0  # doubled at every failed attempt ...
    max_backoff_s: float = 30.0  # ... up to here
    jitter: float = 0.3  # cameras of one switch must not all come back in the same second
    # Of a camera with two streams:
    silent_s: float = 4.0  # no packet for so long: the other one does its work meanwhile
    frozen_s: float = 10.0  # the same picture for so long: the other one may show more
    steady_s: float = 5.0  # for so long it must have come again: what comes and goes is left alone


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
    health
        Where what is found out about its clock is noted.
    keep
        Keeps packets for evidence.

    Raises
    ------
    SourceError
        An address that is none, or of a kind that cannot be watched.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Clock,
        stop: threading.Event,
        settings: StreamSettings,
        health: SourceHealth,
        keep: Callable[[EncodedPacket], None],
    ) -> None:
        self._url = url
        self.name = redact_url(url)[:300]
        _check_address(url, self.name)
        self.health = health
        self.queue: PacketQueue | None = None  # of packets that are also to be analysed
        self.lost_cause: str | None = None  # while no packets come
        self.problem: Text | None = None
        self.n_packets = 0
        self.rate_bps: float | None = None  # over the last whole RATE_S
        self.is_eager = False  # every packet is wanted at once: somebody may just have come
        self._is_urgent = True
        self._wake = threading.Event()  # ends a rest
        self._keep = keep
        self._clock = clock
        self._stop = stop
        self._settings = settings
        self._transport = "tcp"
        self._started_at = clock.now()
        self._is_closed = False
        self._seen_at = self._started_at
        self._placing: StreamClock
        self._held: list[tuple[av.Packet, float]] | None = []  # of the beginning of a connection
        self._told: StreamFormat
        self._is_untimed = False
        self._sets: bytes | None = None
        self._n_bytes = 0
        self._counted_from_s = 0.0
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
    def is_sending(self) -> bool:
        """Whether packets came lately, or may still come for the first time."""
        silent_s = (self._clock.now() - self._seen_at).total_seconds()
        return self.lost_cause is None and silent_s < self._settings.silent_s

    @property
    def is_urgent(self) -> bool:
        """Whether packets are wanted soon: something may be going on."""
        return self._is_urgent

    @is_urgent.setter
    def is_urgent(self, value: bool) -> None:
        was_urgent, self._is_urgent = self._is_urgent, value
        if value and not was_urgent:
            self._wake.set()

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def close(self, limit_s: float) -> None:
        """End it, and wait for that for a while: it may stand in FFmpeg for longer."""
        self._is_closed = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(limit_s)

    @property
    def _must_end(self) -> bool:
        return self._is_closed or self._stop.is_set()

    def since_start_s(self, at: datetime) -> float:
        """Return the media time of an instant."""
        return (at - self._started_at).total_seconds()

    def _read(self) -> None:
        failures = 0
        while not self._must_end:
            before, cause = self.n_packets, "connection_lost"
            begun = self._clock.now()
            try:
                cause = self._read_connection() or cause
            except av.FFmpegError as error:
                waited_s = (self._clock.now() - begun).total_seconds()
                cause = self._explain(error, waited_s, is_open=self.n_packets > before)
            except (OSError, ValueError) as error:
                self._problem(type(error).__name__, type(error).__name__)
            if self._must_end:
                return
            failures = 0 if self.n_packets > before else failures + 1
            if failures and self._url.lower().startswith("rtsp:"):
                # A camera that refuses TCP may speak UDP; the next attempt goes back again.
                self._transport = "udp" if self._transport == "tcp" else "tcp"
            self._mark_lost(cause)
            self.health.n_reconnects += 1
            self._wait(failures)

    def _read_connection(self) -> str | None:
        """Read until it ends; return why nothing could be read of it."""
        timeout = (self._settings.open_timeout_s, self._settings.stall_timeout_s)
        with av.open(
            self._url, options=self._options(), timeout=timeout, metadata_errors="replace"
        ) as container:
            stream = next(iter(container.streams.video), None)
            if stream is None or stream.codec_context is None:
                cause, dutch, english = _NO_VIDEO if stream is None else _UNKNOWN_CODEC
                self._problem(dutch, english)
                return cause
            self._told, self._sets, self._held = stream_format(stream), None, []
            self._n_bytes, self._counted_from_s = 0, self.since_start_s(self._clock.now())
            self._is_untimed = container.format.name in _UNTIMED
            self._placing = StreamClock(self.health, self.since_start_s(self._seen_at))
            try:
                packets = paced(container.demux(stream), self._wake, self._rest_s)
                self._read_packets(whole_key_frames(packets, self._told.codec))
            finally:
                self._release()
        return None

    def _read_packets(self, packets: Iterator[av.Packet]) -> None:
        held_until_s: float | None = None
        for packet in packets:
            if self._must_end:
                return
            if not packet.size:
                continue
            self._seen_at = self._clock.now()
            now_s = self.since_start_s(self._seen_at)
            held_until_s = now_s + HOLD_S if held_until_s is None else held_until_s
            if self._held is None:
                self._take(packet, now_s)
                continue
            self._held.append((packet, now_s))
            if now_s >= held_until_s or len(self._held) >= HOLD_PACKETS:
                self._release()

    def _rest_s(self) -> float:
        if self._held is not None or self._must_end:
            return 0.0
        if self.is_urgent:
            return EAGER_REST_S if self.is_eager else REST_S
        wanted_s = math.inf if self.queue is None else self.queue.wanted_s
        return quiet_rest_s(self.rate_bps, wanted_s - self.since_start_s(self._clock.now()))

    def _options(self) -> dict[str, str]:
        # Half a second to find out what the stream holds: longer means a late, bunched start.
        options = {
            "analyzeduration": "500000", "fflags": "nobuffer", "protocol_whitelist": PROTOCOLS
        }  # fmt: skip
        if self._url.lower().startswith("rtsp"):
            options["rtsp_transport"] = self._transport
        return options | trust_options(self._url)

    def _release(self) -> None:
        """Place the packets of the beginning, now that it is known how late they came."""
        held, self._held = self._held, None
        if held:
            self._placing.begin([(self._stream_s(one, now_s), now_s) for one, now_s in held])
        for packet, now_s in held or ():
            self._take(packet, now_s)

    def _stream_s(self, packet: av.Packet, now_s: float) -> float:
        if self._is_untimed:  # FFmpeg invents times of 25 pictures a second
            packet.pts = packet.dts = round(now_s / packet.time_base)
            return now_s
        ticks = packet.dts if packet.pts is None else packet.pts
        return now_s if ticks is None else seconds(ticks, self._told.time_base)

    def _take(self, packet: av.Packet, now_s: float) -> None:
        self.lost_cause = self.problem = None
        self.n_packets += 1
        data, is_key = bytes(packet), bool(packet.is_keyframe)
        self._count_rate(len(data), now_s)
        if is_key:
            self._note_parameter_sets(data)
        taken_s = self._placing.taken_s(self._stream_s(packet, now_s), now_s)
        placed = EncodedPacket(
            data, packet.pts, packet.dts, packet.duration, is_key, taken_s,
            self._started_at + timedelta(seconds=taken_s), self._told,
        )  # fmt: skip
        self._keep(placed)
        if self.queue is not None:
            self.queue.put(placed)

    def _count_rate(self, n_bytes: int, now_s: float) -> None:
        self._n_bytes += n_bytes
        passed_s = now_s - self._counted_from_s
        if passed_s >= RATE_S:
            self.rate_bps = 8 * self._n_bytes / passed_s
            self._n_bytes, self._counted_from_s = 0, now_s

    def _note_parameter_sets(self, data: bytes) -> None:
        sets = find_parameter_sets(self._told.codec, data)
        if sets is None or sets == self._sets:
            return
        if self._sets is not None or not self._told.width_px:
            self._told = changed_format(self._told, sets, data)
        self._sets = sets

    def _explain(self, error: av.FFmpegError, waited_s: float, *, is_open: bool) -> str:
        """Note what went wrong; never FFmpeg's own message, which may repeat the address."""
        kind = type(error).__name__
        found = _PROBLEMS.get(kind)
        if is_open and kind in _TIMEOUTS:
            found = _STALLED
        elif not is_open and waited_s >= self._settings.open_timeout_s:
            found = _SILENT  # of RTSP, FFmpeg says that what never came is invalid
        elif found is None and not is_open and not self._is_host_known():
            found = _UNKNOWN_HOST
        elif found is None and not is_open:
            found = trust_problem(self._url)
        cause, dutch, english = found or (
            "connection_lost", f"is niet te lezen ({kind})", f"cannot be read ({kind})"
        )  # fmt: skip
        self._problem(dutch, english)
        return cause

    def _is_host_known(self) -> bool:
        """Ask what FFmpeg does not say: whether the host's name leads anywhere."""
        try:
            socket.getaddrinfo(urlsplit(self._url).hostname, None)
        except (OSError, UnicodeError, ValueError):
            return False
        return True

    def _problem(self, dutch: str, english: str) -> None:
        self.problem = Text(nl=f"{self.name}: {dutch}", en=f"{self.name}: {english}")
        logger.warning("stream %s", self.problem.en)

    def _mark_lost(self, cause: str) -> None:
        self.lost_cause, self.rate_bps = cause, None
        if self.queue is not None:
            now = self._clock.now()
            self.queue.put(Gap(self.since_start_s(now), now, cause, self.problem))

    def _wait(self, failures: int) -> None:
        base = self._settings.backoff_s * 2 ** min(max(failures - 1, 0), 10)
        spread = 1 + self._settings.jitter * random.uniform(-1, 1)  # noqa: S311 - not a secret
        self._stop.wait(min(base, self._settings.max_backoff_s) * spread)


def _check_address(url: str, name: str) -> None:
    if not is_address(url):
        raise SourceError(
            Text(
                nl=f"{name}: is geen geldig adres; het gaat als rtsp://naam:wachtwoord@host:554/pad"
                ", met in naam en wachtwoord %23 voor #, %2F voor /, %3F voor ? en %40 voor @",
                en=f"{name}: is no valid address; it goes like rtsp://name:password@host:554/path,"
                " with %23 for #, %2F for /, %3F for ? and %40 for @ in name and password",
            )
        )
    if urlsplit(url).scheme.lower() not in _SCHEMES:
        raise SourceError(
            Text(
                nl=f"{name}: dit soort adres kan niet worden bekeken; geef er een dat begint met "
                "rtsp, rtsps, rtmp, rtmps, http of https",
                en=f"{name}: an address of this kind cannot be watched; give one that begins with "
                "rtsp, rtsps, rtmp, rtmps, http or https",
            )
        )
