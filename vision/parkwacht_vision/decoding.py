"""
One decoder of one stream: packets in, pictures with their media time out.

Packets carry their media time as presentation time, so that a picture knows it whatever was
skipped before. Deblocking is left out where the next key frame is near: it costs a third of
decoding, and leaving it out drifts until then (measured on the shared clips: below 0.3 grey levels
of the small luma at 51 to 57 dB with B-frames, but 1.3 to 2.6 levels at 32 to 38 dB after 5 to 20 s
without a key frame).
"""

import heapq
from fractions import Fraction
from typing import Any, NamedTuple

import av

from parkwacht_vision.frames import SourceHealth
from parkwacht_vision.packets import EncodedPacket, StreamFormat

TICKS_PER_S = 1_000_000
TIME_BASE = Fraction(1, TICKS_PER_S)
# A decoder keeps up to sixteen pictures of 1.5 bytes per pixel; 8K has 33 million.
MAX_PIXELS = 50_000_000
# FFmpeg's own AV1 decoder needs a graphics card; this one is in the wheels of PyAV.
_DECODERS = {"av1": "libdav1d"}


class Decoded(NamedTuple):
    """A picture and its media time."""

    frame: av.VideoFrame
    media_time_s: float


def is_intra_only(codec: str) -> bool:
    """Return whether every packet of a codec can be decoded alone, as in MJPEG."""
    # FFmpeg calls PNG and other still codecs lossless, not intra-only; no camera sends them.
    return bool(av.Codec(_DECODERS.get(codec, codec), "r").intra_only)


def open_decoder(told: StreamFormat, *, skip_loop_filter: str = "default") -> Any:  # noqa: ANN401
    """
    Return PyAV's context of a decoder for the packets of a stream.

    Parameters
    ----------
    told
        What is known of the stream.
    skip_loop_filter
        Which pictures are not deblocked, in FFmpeg's words.
    """
    context: Any = av.CodecContext.create(_DECODERS.get(told.codec, told.codec), "r")
    # One thread: with more, pictures come later, and FFmpeg's threads let go of packets, which
    # belong to Python, while Python waits for them to end (seen to hang with PyAV 18.1).
    context.thread_count = 1
    context.extradata = told.extradata
    # Some codecs, as old MPEG-4 in AVI and plain pictures, say these in the container alone.
    if told.width_px > 0 and told.height_px > 0:
        context.width, context.height = told.width_px, told.height_px
    if told.pixel_format is not None:
        context.pix_fmt = told.pixel_format
    context.options = {"skip_loop_filter": skip_loop_filter, "max_pixels": str(MAX_PIXELS)}
    return context


class StreamDecoder:
    """
    An open decoder.

    Parameters
    ----------
    told
        What is known of the stream.
    health
        Where decoded and corrupt pictures are counted.
    deblocks
        Whether pictures are deblocked that others are predicted from.
    """

    def __init__(self, told: StreamFormat, health: SourceHealth, *, deblocks: bool) -> None:
        self.deblocks = deblocks
        self._health = health
        self._context = open_decoder(told, skip_loop_filter="noref" if deblocks else "all")
        self._skipped = "DEFAULT"
        self._untimed: list[float] = []
        self._last_s = 0.0

    def decode(self, packet: EncodedPacket, *, is_wanted: bool = True) -> list[Decoded]:
        """
        Decode one packet.

        Parameters
        ----------
        packet
            The next one.
        is_wanted
            Whether its own picture is wanted; else it is only decoded where others need it.
        """
        made = av.Packet(packet.data)
        made.time_base = TIME_BASE
        made.is_keyframe = packet.is_key
        if packet.pts is None:
            heapq.heappush(self._untimed, packet.media_time_s)
        else:
            made.pts = round(packet.media_time_s * TICKS_PER_S)
        self._skip("DEFAULT" if is_wanted or packet.pts is None else "NONREF")
        step_s = min(max(0.0, packet.media_time_s - self._last_s), 1.0)
        self._last_s = packet.media_time_s
        return self._run(made, step_s)

    def _skip(self, what: str) -> None:
        if what != self._skipped:  # setting it costs more than asking
            self._context.skip_frame = self._skipped = what

    def drain(self) -> list[Decoded]:
        """Return what is held back, and be ready for a new beginning."""
        held = self._run(None, 0.0)
        self._context.flush_buffers()
        self._untimed.clear()
        return held

    def _run(self, packet: av.Packet | None, step_s: float) -> list[Decoded]:
        try:
            frames = self._context.decode(packet)
        except av.error.EOFError:
            return []
        except av.FFmpegError:
            self._count_corrupt(step_s)
            return []
        decoded = []
        for frame in frames:
            self._health.n_decoded += 1
            if frame.is_corrupt:
                self._count_corrupt(step_s)
                continue
            if frame.pts is not None:
                decoded.append(Decoded(frame, frame.pts / TICKS_PER_S))
            elif self._untimed:
                # Pictures come in the order of presentation: the earliest time is theirs.
                decoded.append(Decoded(frame, heapq.heappop(self._untimed)))
        return decoded

    def _count_corrupt(self, step_s: float) -> None:
        self._health.n_corrupt += 1
        self._health.lose("corrupt_data", step_s)
