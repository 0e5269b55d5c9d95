"""
Encoded packets of the last seconds: what evidence is cut from, without decoding.

The ring is bounded in seconds and in bytes, whatever a stream does. Packets carry the instant they
were taken (aware UTC) beside the stream's own clock, so that a clip of the main stream can be cut
by what was seen in the substream.
"""

import threading
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

RING_S = 40.0
RING_BYTES = 64_000_000  # 12 Mbit/s for 40 s
STAND_IN_S = 10.0  # usual for the longest distance between key frames of a small stream


@dataclass(frozen=True, slots=True)
class StreamFormat:
    """What a muxer must know of a stream to hold its packets without re-encoding."""

    codec: str  # FFmpeg's name: h264, hevc, mpeg4, mjpeg, av1
    width_px: int
    height_px: int
    time_base: Fraction
    extradata: bytes | None
    pixel_format: str | None
    rotation_deg: int = 0  # counter-clockwise, by which its pictures are turned upright


@dataclass(frozen=True, slots=True)
class EncodedPacket:
    """One packet of a video stream; times in units of its format's time base."""

    data: bytes
    pts: int | None
    dts: int | None
    duration: int | None
    is_key: bool
    media_time_s: float
    at: datetime
    format: StreamFormat  # the same object for all packets of one connection


class PacketRing:
    """
    The packets of the last seconds of one stream; the oldest go first, whole GOPs at a time.

    Written by the thread that reads the stream, read by the one that cuts clips.

    Parameters
    ----------
    seconds
        How much is kept.
    max_bytes
        How much memory it may take; less time is kept where that is not enough.
    """

    def __init__(self, seconds: float = RING_S, max_bytes: int = RING_BYTES) -> None:
        self._span = timedelta(seconds=seconds)
        self._max_bytes = max_bytes
        self._packets: deque[EncodedPacket] = deque()
        self._n_bytes = 0
        self._lock = threading.Lock()

    @property
    def n_bytes(self) -> int:
        """Bytes held now."""
        return self._n_bytes

    @property
    def last(self) -> EncodedPacket | None:
        """The newest packet."""
        with self._lock:
            return self._packets[-1] if self._packets else None

    def add(self, packet: EncodedPacket) -> None:
        """Keep a packet, and forget those that are too old or too much."""
        with self._lock:
            self._packets.append(packet)
            self._n_bytes += len(packet.data)
            while self._packets and (
                packet.at - self._packets[0].at > self._span or self._n_bytes > self._max_bytes
            ):
                self._n_bytes -= len(self._packets.popleft().data)

    def since(self, at: datetime) -> list[EncodedPacket]:
        """Return the packets from the last key frame at or before an instant on, oldest first."""
        with self._lock:
            packets = list(self._packets)
        start = 0
        for index, packet in enumerate(packets):
            if packet.is_key and packet.at <= at:
                start = index
        while start < len(packets) and not packets[start].is_key:
            start += 1  # what precedes the first key frame cannot be decoded
        return packets[start:]

    def after(self, last: EncodedPacket) -> list[EncodedPacket]:
        """Return the packets that came after one of its packets."""
        with self._lock:
            packets = list(self._packets)
        for index in range(len(packets) - 1, -1, -1):
            if packets[index] is last:
                return packets[index + 1 :]
        return packets


class StandIn:
    """
    Fills a ring with the packets of the camera's small stream while the large one gives none.

    Parameters
    ----------
    ring
        The large stream's.
    silent_s
        After how long without a packet of the large stream.
    """

    def __init__(self, ring: PacketRing, silent_s: float) -> None:
        self._ring = ring
        self._silent = timedelta(seconds=silent_s)
        self._kept = PacketRing(seconds=2 * silent_s + STAND_IN_S)
        self._added: EncodedPacket | None = None

    def add(self, packet: EncodedPacket) -> None:
        """Take a packet of the small stream."""
        self._kept.add(packet)
        last = self._ring.last
        if last is not None and last is self._added:
            found = [packet]
        elif last is None or packet.at - last.at > self._silent:
            found = self._kept.since(packet.at if last is None else last.at)
        else:
            return
        for one in found:
            self._ring.add(one)
            self._added = one
