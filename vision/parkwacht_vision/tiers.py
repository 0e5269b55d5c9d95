"""
How much of a stream is decoded: everything, or key frames until something happens.

A key frame costs a sixth to a seventeenth of decoding all (design: vision.md, section 11.1), and is
enough where key frames follow each other within two seconds. Whether they do is measured on the
stream all the time: a longer gap makes everything from the last key frame on be decoded at once, so
that nothing is skipped for longer. `attend` goes back to the key frame before the last one given;
the packets for that are kept. Times are media time.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import av

from parkwacht_vision.frames import Cadence, SourceHealth, Tier
from parkwacht_vision.packets import EncodedPacket, StreamFormat
from parkwacht_vision.pictures import DecodedPicture, Picture

logger = logging.getLogger(__name__)

MAX_GOP_S = 2.0  # a longer gap between key frames is decoded in full
MIN_GOP_S = 0.4  # key frames nearer to each other than this save nothing
GOOD_GOPS = 3  # after a stretched one: so many in a row are trusted again
TIME_BASE = Fraction(1, 1_000_000)

TierChoice = Literal["auto", "full"]


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """One picture as it comes from the decoder."""

    picture: Picture
    media_time_s: float
    is_key: bool
    is_replay: bool


class TieredDecoder:
    """
    Packets to the pictures that are to be analysed.

    Parameters
    ----------
    fps
        Pictures wanted per second of media time.
    health
        Where corrupt packets are counted.
    choice
        `full` decodes everything whatever was measured.
    threads
        Of the full decoder; 0 lets FFmpeg choose.
    """

    def __init__(
        self, fps: float, health: SourceHealth, *, choice: TierChoice = "auto", threads: int = 1
    ) -> None:
        self._fps = fps
        self._health = health
        self._choice = choice
        self._threads = threads
        self._format: StreamFormat | None = None
        self._kept: list[EncodedPacket] = []  # from the key frame before the last one on
        self._full: Any = None
        self._keys: Any = None
        self._cadence = Cadence(fps)
        self._last_key_s: float | None = None
        self._given_s = -1.0
        self._n_good = 0
        self._is_stretched = choice == "full"
        self._is_attending = False

    @property
    def tier(self) -> Tier:
        """What is decoded while nothing happens."""
        return "full" if self._is_stretched else "key_frames"

    def attend(self) -> None:
        """Ask for every due picture, from the key frame before the last one given on."""
        self._is_attending = True

    def relax(self) -> None:
        """Take `attend` back; it holds until the next key frame."""
        self._is_attending = False

    def feed(self, packet: EncodedPacket) -> Iterator[DecodedFrame]:
        """Yield the pictures that are due after one more packet."""
        if packet.format is not self._format:
            yield from self._drain()
            self._begin(packet.format)
        if packet.is_key:
            self._note_key(packet.media_time_s)
        self._keep(packet)
        needs_all = self._is_stretched or self._is_attending or self._is_overdue(packet)
        if self._full is not None:
            if packet.is_key and not needs_all:
                yield from self._drain()
            else:
                yield from self._decode_full([packet])
                return
        if needs_all:
            yield from self._catch_up()
        elif packet.is_key:
            yield from self._decode_key(packet)
            if self._is_attending:  # whoever got the key frame wants more
                yield from self._catch_up()

    def finish(self) -> Iterator[DecodedFrame]:
        """Yield what the decoder still holds back."""
        yield from self._drain()

    def _begin(self, stream_format: StreamFormat) -> None:
        self._format = stream_format
        self._kept.clear()
        self._keys = None
        self._last_key_s = None

    def _note_key(self, at_s: float) -> None:
        if self._last_key_s is not None and self._choice == "auto":
            gop_s = at_s - self._last_key_s
            is_good = MIN_GOP_S <= gop_s <= MAX_GOP_S + 0.1
            self._n_good = self._n_good + 1 if is_good else 0
            if not is_good:
                self._is_stretched = True
            elif self._n_good >= GOOD_GOPS:
                self._is_stretched = False
        self._last_key_s = at_s

    def _is_overdue(self, packet: EncodedPacket) -> bool:
        if self._last_key_s is None:
            return False
        if packet.media_time_s - self._last_key_s > MAX_GOP_S + 0.1:
            self._is_stretched, self._n_good = True, 0
            return True
        return False

    def _keep(self, packet: EncodedPacket) -> None:
        if packet.is_key:
            keys = [index for index, one in enumerate(self._kept) if one.is_key]
            if keys:
                del self._kept[: keys[-1]]
        if packet.is_key or self._kept:
            self._kept.append(packet)

    def _catch_up(self) -> Iterator[DecodedFrame]:
        """Decode what is kept from the beginning; what was given before is a replay."""
        self._full = self._open(keys_only=False)
        self._cadence = Cadence(self._fps)
        yield from self._decode_full(list(self._kept))

    def _decode_full(self, packets: list[EncodedPacket]) -> Iterator[DecodedFrame]:
        for packet in packets:
            yield from self._frames(self._full, packet)

    def _decode_key(self, packet: EncodedPacket) -> Iterator[DecodedFrame]:
        if self._keys is None:
            self._keys = self._open(keys_only=True)
        # Drained, because a stream with B-frames holds its key frames back.
        frames = [*self._decoded(self._keys, packet), *self._decoded(self._keys, None)]
        self._keys.flush_buffers()
        for frame in frames[:1]:
            yield self._given(frame, packet.media_time_s)

    def _drain(self) -> Iterator[DecodedFrame]:
        if self._full is not None:
            full, self._full = self._full, None
            yield from self._frames(full, None)

    def _frames(self, context: Any, packet: EncodedPacket | None) -> Iterator[DecodedFrame]:  # noqa: ANN401
        for frame in self._decoded(context, packet):
            if frame.pts is not None:
                at_s = float(frame.pts * TIME_BASE)
            elif packet is not None:
                at_s = packet.media_time_s
            else:
                continue
            if self._cadence.is_due(at_s):
                yield self._given(frame, at_s)

    def _given(self, frame: av.VideoFrame, at_s: float) -> DecodedFrame:
        is_replay = at_s <= self._given_s
        self._given_s = max(self._given_s, at_s)
        return DecodedFrame(DecodedPicture(frame), at_s, bool(frame.key_frame), is_replay)

    def _decoded(self, context: Any, packet: EncodedPacket | None) -> Iterator[av.VideoFrame]:  # noqa: ANN401
        try:
            frames = context.decode(None if packet is None else _timed(packet))
        except av.error.EOFError:
            return
        except av.FFmpegError:
            self._count_corrupt()
            return
        for frame in frames:
            self._health.n_decoded += 1
            if frame.is_corrupt:
                self._count_corrupt()
            else:
                yield frame

    def _count_corrupt(self) -> None:
        self._health.n_corrupt += 1
        self._health.lose("corrupt_data", 1 / self._fps)

    def _open(self, *, keys_only: bool) -> Any:  # noqa: ANN401 - PyAV's context
        told = self._format
        if told is None:
            message = "no packet was fed yet"
            raise ValueError(message)
        context: Any = av.CodecContext.create(told.codec, "r")
        context.extradata = told.extradata
        if keys_only:
            context.thread_count = 1
            context.options = {"flags": "low_delay"}  # a key frame needs no later one
        else:
            context.thread_count = self._threads
            if self._threads != 1:
                context.thread_type = "AUTO"
        # Deblocking is for the eye: without it decoding costs two thirds, and the gate averages.
        context.options = {**context.options, "skip_loop_filter": "all"}
        return context


def _timed(packet: EncodedPacket) -> av.Packet:
    made = av.Packet(packet.data)
    made.time_base = TIME_BASE
    made.pts = round(packet.media_time_s / TIME_BASE)
    made.dts = made.pts if packet.dts is None else None
    made.is_keyframe = packet.is_key
    return made
