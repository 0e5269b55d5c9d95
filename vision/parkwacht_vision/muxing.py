"""
Encoded packets to MP4 as they are: nothing is decoded, nothing is lost.

The container holds no dates and no version: the same packets give the same bytes. Times begin at
zero with the first packet and never run backwards, whatever the stream's own did.
"""

import io
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from parkwacht_vision.packets import EncodedPacket, StreamFormat

_PLAYED = frozenset({"h264", "hevc", "av1"})
# An encoder of each codec: only its description of a stream is used, see PacketMuxer._add_stream.
_DESCRIBED_BY = {
    "h264": "libx264",
    "hevc": "libx265",
    "av1": "libsvtav1",
    "mpeg4": "mpeg4",
    "mjpeg": "mjpeg",
}
_ALIASES = {"libdav1d": "av1", "libaom-av1": "av1"}
# Decoders that FFmpeg does not choose by the name of the codec.
_DECODERS = {"av1": "libdav1d"}
_WHOLE = {"movflags": "+faststart", "fflags": "+bitexact"}
# Written from begin to end, without going back: for a target that cannot seek.
_FRAGMENTED = {
    "movflags": "+frag_keyframe+empty_moov+default_base_moof",
    "fflags": "+bitexact",
}


def codec_of(stream_format: StreamFormat) -> str:
    """Return the codec of a stream, whichever decoder FFmpeg named it after."""
    return _ALIASES.get(stream_format.codec, stream_format.codec)


def is_played(stream_format: StreamFormat) -> bool:
    """Whether browsers play this codec in MP4, so that its packets can be copied."""
    return codec_of(stream_format) in _PLAYED


def is_kept(stream_format: StreamFormat) -> bool:
    """Whether this codec can be put in an MP4 as it is."""
    return codec_of(stream_format) in _DESCRIBED_BY


def is_same_video(one: StreamFormat, other: StreamFormat) -> bool:
    """Whether packets of two connections can follow each other in one file."""
    return (codec_of(one), one.width_px, one.height_px, one.extradata) == (
        codec_of(other),
        other.width_px,
        other.height_px,
        other.extradata,
    )


def open_decoder(stream_format: StreamFormat) -> Any:  # noqa: ANN401 - PyAV's context
    """Return a decoder for the packets of a stream."""
    codec = codec_of(stream_format)
    decoder = av.CodecContext.create(_DECODERS.get(codec, codec), "r")
    decoder.extradata = stream_format.extradata
    return decoder


def to_av_packet(packet: EncodedPacket) -> av.Packet:
    """Return a packet as FFmpeg takes it, with its own times."""
    made = av.Packet(packet.data)
    made.pts, made.dts = packet.pts, packet.dts
    made.time_base = packet.format.time_base
    made.is_keyframe = packet.is_key
    return made


@dataclass(slots=True)
class Timeline:
    """Times of packets from zero, over reconnections, in units of one time base."""

    time_base: Fraction
    _format: StreamFormat | None = None
    _first: EncodedPacket | None = None
    _origin: int = 0  # of the connection, in its own units
    _base: int = 0  # where the connection begins, in ours
    _last_dts: int | None = field(default=None)

    def place(self, packet: EncodedPacket) -> tuple[int, int]:
        """Return the presentation and the decoding time of the next packet."""
        first = self._first = self._first or packet
        stamp = packet.dts if packet.dts is not None else packet.pts
        if packet.format is not self._format:
            self._format = packet.format
            self._origin = stamp or 0
            self._base = round((packet.at - first.at).total_seconds() / self.time_base)
        dts = self._next_dts() if stamp is None else self._rebased(stamp)
        if self._last_dts is not None:
            dts = max(dts, self._last_dts + 1)
        pts = dts if packet.pts is None else self._rebased(packet.pts)
        self._last_dts = dts
        return max(pts, dts), dts

    def _next_dts(self) -> int:
        step = round(Fraction(1, 25) / self.time_base)
        return 0 if self._last_dts is None else self._last_dts + step

    def _rebased(self, stamp: int) -> int:
        if self._format is None or self._format.time_base == self.time_base:
            return self._base + stamp - self._origin
        return self._base + round((stamp - self._origin) * self._format.time_base / self.time_base)


class PacketMuxer:
    """
    Writes packets of one codec and size to an MP4.

    Parameters
    ----------
    target
        A path, or a file that need not be able to seek.
    stream_format
        What the packets are.
    """

    def __init__(self, target: Path | io.RawIOBase, stream_format: StreamFormat) -> None:
        is_path = isinstance(target, Path)
        self._container: Any = av.open(
            str(target) if isinstance(target, Path) else target,
            "w",
            format="mp4",
            options=_WHOLE if is_path else _FRAGMENTED,
        )
        self._stream = self._add_stream(stream_format)
        self._timeline = Timeline(stream_format.time_base)

    def add(self, packet: EncodedPacket) -> None:
        """Write the next packet; raises what FFmpeg or the disk raises."""
        made = to_av_packet(packet)
        made.pts, made.dts = self._timeline.place(packet)
        made.time_base = self._timeline.time_base
        made.duration = packet.duration or 0
        made.stream = self._stream
        self._container.mux_one(made)

    def close(self) -> None:
        """Write the index and close; raises what FFmpeg or the disk raises."""
        self._container.close()

    def _add_stream(self, stream_format: StreamFormat) -> Any:  # noqa: ANN401
        # A muxer takes the codec's private data only from the description of another stream; one
        # of an encoder that never runs stands in for the camera's, whose container may be gone.
        encoder = _DESCRIBED_BY[codec_of(stream_format)]
        shell = av.open(io.BytesIO(), "w", format="mp4")
        template = shell.add_stream(
            encoder, width=stream_format.width_px, height=stream_format.height_px
        )
        stream = self._container.add_stream_from_template(template, opaque=True)
        stream.codec_context.extradata = stream_format.extradata
        stream.codec_context.time_base = stream_format.time_base
        stream.time_base = stream_format.time_base
        if codec_of(stream_format) == "hevc":
            stream.codec_context.codec_tag = "hvc1"  # the only tag that Safari plays
        return stream
