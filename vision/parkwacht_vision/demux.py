"""
A container as encoded packets on media time.

Presentation times are made usable before anything is decoded: from zero, never backwards, with
holes counted (`MediaClock` on decoding times, which no B-frame reorders). Packets carry their
media time to the decoder, so that a picture knows it whatever was skipped before.
"""

import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from fractions import Fraction

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from parkwacht_vision.frames import MediaClock, SourceHealth
from parkwacht_vision.packets import EncodedPacket, StreamFormat

logger = logging.getLogger(__name__)

DEFAULT_FPS = 25.0  # where a container states no frame rate


def stream_format(stream: VideoStream) -> StreamFormat:
    """Return what a decoder and a muxer must know of a stream."""
    context = stream.codec_context
    return StreamFormat(
        codec=context.name,
        width_px=context.width,
        height_px=context.height,
        time_base=Fraction(stream.time_base or Fraction(1, 90_000)),
        extradata=context.extradata,
        pixel_format=context.pix_fmt,
    )


def frame_seconds(stream: VideoStream) -> float:
    """Return the seconds per frame that a stream states, else of the default rate."""
    rate = float(stream.average_rate or stream.guessed_rate or DEFAULT_FPS)
    return 1 / rate if 0 < rate < 1000 else 1 / DEFAULT_FPS  # noqa: PLR2004 - beyond is nonsense


def read_packets(
    container: InputContainer, health: SourceHealth, at: Callable[[float], datetime]
) -> Iterator[EncodedPacket]:
    """
    Yield the packets of the first video stream, in the order of decoding.

    Parameters
    ----------
    container
        An open container.
    health
        Where corrupt packets, mended times and holes are counted.
    at
        Gives the instant of a media time.
    """
    stream = container.streams.video[0]
    told = stream_format(stream)
    frame_s = frame_seconds(stream)
    clock = MediaClock(frame_s, health)
    origin: float | None = None
    for packet in _demuxed(container, stream, health):
        if stream.codec_context.width and (
            stream.codec_context.width != told.width_px
            or stream.codec_context.extradata != told.extradata
        ):
            told = stream_format(stream)
        base = float(packet.time_base or told.time_base)
        decoding = packet.dts if packet.dts is not None else packet.pts
        decoding_s = None if decoding is None else decoding * base
        placed_s = clock.media_time_s(decoding_s)
        ahead_s = 0.0
        if packet.pts is not None and decoding is not None:
            ahead_s = (packet.pts - decoding) * base
        origin = ahead_s if origin is None else origin
        media_time_s = max(0.0, placed_s + ahead_s - origin)
        yield EncodedPacket(
            data=bytes(packet),
            pts=packet.pts,
            dts=packet.dts,
            duration=packet.duration,
            is_key=bool(packet.is_keyframe),
            media_time_s=media_time_s,
            at=at(media_time_s),
            format=told,
        )


def _demuxed(
    container: InputContainer, stream: VideoStream, health: SourceHealth
) -> Iterator[av.Packet]:
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except av.error.InvalidDataError:
            health.n_corrupt += 1
            return  # the rest cannot be read; a recording counts it by its duration
        if packet.size:
            yield packet
