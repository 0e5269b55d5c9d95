"""
The clip of one event, cut from the encoded packets of the camera's best stream.

It begins at the key frame at or before the wanted instant, and says so. H.264, HEVC and AV1 are
copied without re-encoding; what no browser plays (MPEG-4, MJPEG) is encoded anew, and so is
everything of a camera with privacy masks: its packets are decoded, masked and encoded in memory,
so that nothing unmasked reaches the disk but, where the site says so, a sealed original.
"""

import contextlib
import hashlib
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import av

from parkwacht_vision.masks import PrivacyScreen
from parkwacht_vision.muxing import (
    PacketMuxer,
    codec_of,
    is_kept,
    is_played,
    is_same_video,
)
from parkwacht_vision.packets import EncodedPacket, PacketRing, StreamFormat
from parkwacht_vision.recoding import Recoder
from parkwacht_vision.sealing import SealingWriter

logger = logging.getLogger(__name__)

MAX_CLIP_S = 60.0
MAX_CLIP_BYTES = 64_000_000


@dataclass(frozen=True, slots=True)
class CutFile:
    """One file of a clip."""

    path: Path
    sha256: str
    size: int
    codec: str
    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True)
class ClipResult:
    """A clip as it became: the true instants of its first and last picture."""

    clip: CutFile
    original: CutFile | None  # unmasked and sealed
    started_at: datetime
    ended_at: datetime
    is_reencoded: bool


class _Copy:
    """Packets as they are."""

    is_reencoded = False

    def __init__(self, path: Path, stream_format: StreamFormat) -> None:
        self._format = stream_format
        self._muxer = PacketMuxer(path, stream_format)
        self.codec = codec_of(stream_format)

    @property
    def size_px(self) -> tuple[int, int]:
        return self._format.width_px, self._format.height_px

    def takes(self, stream_format: StreamFormat) -> bool:
        return is_same_video(self._format, stream_format)

    def add(self, packet: EncodedPacket) -> None:
        self._muxer.add(packet)

    def close(self) -> None:
        self._muxer.close()


class _Sealed:
    """The packets as they are, sealed."""

    def __init__(self, path: Path, key: bytes, stream_format: StreamFormat) -> None:
        self.path = path
        self._format = stream_format
        self._file = SealingWriter(path.open("wb"), key)
        self._muxer = PacketMuxer(self._file, stream_format)

    def add(self, packet: EncodedPacket) -> None:
        if is_same_video(self._format, packet.format):
            self._muxer.add(packet)

    def close(self) -> None:
        try:
            self._muxer.close()
        finally:
            self._file.close()

    def describe(self) -> CutFile:
        size_px = (self._format.width_px, self._format.height_px)
        return described(self.path, codec_of(self._format), size_px)


class ClipCutter:
    """
    Cuts the clip of one event while it goes on.

    Parameters
    ----------
    ring
        Where the packets are.
    path
        Where to write the clip.
    screen
        What must not be seen.
    starts_at
        The clip begins at the last key frame at or before this instant that is still kept.
    key
        Where given and there is something masked: the original is sealed with it, beside the clip.
    """

    def __init__(
        self,
        ring: PacketRing,
        path: Path,
        screen: PrivacyScreen,
        starts_at: datetime,
        *,
        key: bytes | None = None,
    ) -> None:
        self._ring = ring
        self._path = path
        self._screen = screen
        self._starts_at = starts_at
        self._key = key if screen.polygons else None
        self._writer: _Copy | Recoder | None = None
        self._sealed: _Sealed | None = None
        self._first: EncodedPacket | None = None
        self._last: EncodedPacket | None = None
        self._ended_at: datetime | None = None
        self._n_bytes = 0
        self._is_mixed = False  # the large stream, and the small one that stood in for it
        self._is_over = False

    def extend(self, until: datetime) -> None:
        """
        Take the packets up to an instant; call it before the ring forgets them.

        Parameters
        ----------
        until
            The instant; nothing happens where the clip is that long already.
        """
        if self._is_over:
            return
        try:
            packets = _up_to(self._new_packets(), until)
            if self._writer is None:
                self._is_mixed = any(
                    not is_same_video(one.format, packets[0].format) for one in packets
                )
            for packet in packets:
                if self._is_over:
                    break
                self._take(packet)
        except (av.FFmpegError, OSError) as error:
            self._give_up(error)

    def finish(self) -> ClipResult | None:
        """
        Close the clip; None where there is no playable one.

        Returns
        -------
        result
            The files and what they hold.
        """
        writer, first = self._writer, self._first
        if writer is None or first is None or self._ended_at is None:
            return None
        try:
            self._writer = None
            writer.close()
            if self._sealed is not None:
                self._sealed.close()
            clip = described(self._path, writer.codec, writer.size_px)
        except (av.FFmpegError, OSError) as error:
            self._give_up(error)
            return None
        original = None if self._sealed is None else self._sealed.describe()
        return ClipResult(clip, original, first.at, self._ended_at, writer.is_reencoded)

    def _new_packets(self) -> list[EncodedPacket]:
        if self._last is None:
            return self._ring.since(self._starts_at)
        return self._ring.after(self._last)

    def _take(self, packet: EncodedPacket) -> None:
        first = self._first = self._first or packet
        is_late = (packet.at - first.at).total_seconds() > MAX_CLIP_S
        if is_late or self._n_bytes + len(packet.data) > MAX_CLIP_BYTES:
            self._is_over = True
            return
        is_new_stream = self._last is None or packet.format is not self._last.format
        if is_new_stream and not packet.is_key:
            return  # after a reconnection: nothing is decodable before the first key frame
        if _precedes(packet, first):
            return
        if self._writer is None:
            self._open(packet.format)
        if self._writer is None or not self._writer.takes(packet.format):
            return  # another stream stands in for a while: only what is encoded anew holds both
        self._writer.add(packet)
        if self._sealed is not None:
            self._sealed.add(packet)
        self._last = packet
        self._n_bytes += len(packet.data)
        shown_until = packet.at + _duration(packet)
        self._ended_at = max(self._ended_at or shown_until, shown_until)

    def _open(self, stream_format: StreamFormat) -> None:
        if is_played(stream_format) and not (self._screen.polygons or self._is_mixed):
            self._writer = _Copy(self._path, stream_format)
        else:
            self._writer = Recoder(self._path, self._screen)
        if self._key is not None:
            if is_kept(stream_format):
                path = self._path.with_name(f"{self._path.name}.enc")
                self._sealed = _Sealed(path, self._key, stream_format)
            else:
                logger.warning("no original is kept of a stream in %s", stream_format.codec)

    def _give_up(self, error: Exception) -> None:
        # An event without a clip is better than no event, and half a clip is none.
        logger.error("clip %s cannot be written: %s", self._path.name, error)
        self._is_over = True
        for one in (self._writer, self._sealed):
            if one is not None:
                with contextlib.suppress(av.FFmpegError, OSError, ValueError):
                    one.close()
        self._writer = None
        self._path.unlink(missing_ok=True)
        if self._sealed is not None:
            self._sealed.path.unlink(missing_ok=True)
            self._sealed = None


def _up_to(packets: list[EncodedPacket], until: datetime) -> list[EncodedPacket]:
    """Return the packets up to the last one of an instant; a later picture may stand before it."""
    n = len(packets)
    while n and packets[n - 1].at > until:
        n -= 1
    return packets[:n]


def _precedes(packet: EncodedPacket, first: EncodedPacket) -> bool:
    """Whether it is a leading picture of an open GOP, which refers to what was not kept."""
    if packet.format is not first.format or packet.pts is None or first.pts is None:
        return False
    return packet.pts < first.pts


def _duration(packet: EncodedPacket) -> timedelta:
    return timedelta(seconds=float((packet.duration or 0) * packet.format.time_base))


def described(path: Path, codec: str, size_px: tuple[int, int]) -> CutFile:
    """Return what there is to say of a file that was written."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return CutFile(path, sha256, path.stat().st_size, codec, *size_px)
