"""
Encoded packets to MP4 as they are: nothing is decoded, nothing is lost.

The container holds no dates and no version: the same packets give the same bytes. Times begin at
zero with the first packet and follow media time, whatever the stream's own did.
"""

import io
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
MICROSECONDS = Fraction(1, 1_000_000)
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


def media_ticks(packet: EncodedPacket) -> int:
    """Return the media time of a packet in microseconds, as a picture of it carries it."""
    return round(packet.media_time_s * 1_000_000)


def to_decode(packet: EncodedPacket) -> av.Packet:
    """Return a packet for a decoder; its pictures carry media time, whatever the stream's was."""
    made = av.Packet(packet.data)
    made.pts, made.time_base = media_ticks(packet), MICROSECONDS
    made.is_keyframe = packet.is_key
    return made


class Timeline:
    """
    Times of packets from zero, in units of one time base, from their media time.

    Parameters
    ----------
    time_base
        The unit in seconds.
    """

    def __init__(self, time_base: Fraction) -> None:
        self.time_base = time_base
        self._first_s: float | None = None
        self._shift = 0  # decoding begins at zero, so that presentation begins a little later
        self._last_dts: int | None = None

    def place(self, packet: EncodedPacket) -> tuple[int, int]:
        """Return the presentation and the decoding time of the next packet."""
        ahead = 0  # by how much it is decoded before it is shown
        if packet.pts is not None and packet.dts is not None:
            ahead = round((packet.pts - packet.dts) * packet.format.time_base / self.time_base)
        if self._first_s is None:
            self._first_s, self._shift = packet.media_time_s, ahead
        pts = round((packet.media_time_s - self._first_s) / self.time_base) + self._shift
        dts = pts - ahead
        if self._last_dts is not None:
            dts = max(dts, self._last_dts + 1)
        self._last_dts = dts
        return max(pts, dts), dts


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
        made = av.Packet(packet.data)
        made.is_keyframe = packet.is_key
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
