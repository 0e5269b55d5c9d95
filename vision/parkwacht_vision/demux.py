"""
A container as encoded packets on media time.

Presentation times are made usable before anything is decoded: from zero, never backwards, with
holes counted (`MediaClock` on decoding times, which no B-frame reorders). Packets carry their
media time to the decoder, so that a picture knows it whatever was skipped before.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from fractions import Fraction
from itertools import chain

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from parkwacht_vision.frames import MediaClock, SourceHealth
from parkwacht_vision.packets import EncodedPacket, StreamFormat

logger = logging.getLogger(__name__)

DEFAULT_FPS = 25.0  # where a container states no frame rate
_MAX_REORDER = 16  # pictures that H.264 and HEVC may hold back


def stream_format(stream: VideoStream, *, rotation_deg: int = 0) -> StreamFormat:
    """Return what a decoder and a muxer must know of a stream."""
    context = stream.codec_context
    return StreamFormat(
        codec=context.codec.canonical_name,
        width_px=context.width,
        height_px=context.height,
        time_base=Fraction(stream.time_base or Fraction(1, 90_000)),
        extradata=context.extradata,
        pixel_format=context.pix_fmt,
        rotation_deg=rotation_deg,
    )


def frame_seconds(stream: VideoStream) -> float:
    """Return the seconds per frame that a stream states, else of the default rate."""
    rate = float(stream.average_rate or stream.guessed_rate or DEFAULT_FPS)
    return 1 / rate if 0 < rate < 1000 else 1 / DEFAULT_FPS  # noqa: PLR2004 - beyond is nonsense


def seconds(ticks: int, base: Fraction) -> float:
    """Return a time of a stream in seconds; a product of fractions takes ten times as long."""
    return ticks * base.numerator / base.denominator


def read_packets(
    container: InputContainer,
    health: SourceHealth,
    at: Callable[[float], datetime],
    *,
    rotation_deg: int = 0,
    first: Sequence[av.Packet] = (),
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
    rotation_deg
        By which its pictures are turned upright, counter-clockwise.
    first
        What was read of it before.
    """
    stream = container.streams.video[0]
    told = stream_format(stream, rotation_deg=rotation_deg)
    frame_s = frame_seconds(stream)
    clock = MediaClock(frame_s, health)
    origin: float | None = None
    demuxed = _demuxed(chain(first, container.demux(stream)), health)
    for packet, decoding_s in _with_decoding_s(demuxed, told.time_base, frame_s):
        if packet.is_keyframe and stream.codec_context.width:
            now_told = stream_format(stream, rotation_deg=rotation_deg)
            told = told if now_told == told else now_told
        placed_s = clock.media_time_s(decoding_s)
        ahead_s, pts = 0.0, packet.pts
        if pts is not None and decoding_s is not None:
            ahead_s = seconds(pts, told.time_base) - decoding_s
        origin = ahead_s if origin is None else origin
        media_time_s = max(0.0, placed_s + ahead_s - origin)
        yield EncodedPacket(
            data=bytes(packet),
            pts=pts,
            dts=packet.dts,
            duration=packet.duration,
            is_key=bool(packet.is_keyframe),
            media_time_s=media_time_s,
            at=at(media_time_s),
            format=told,
        )


def _demuxed(packets: Iterator[av.Packet], health: SourceHealth) -> Iterator[av.Packet]:
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except av.error.ExitError:
            raise  # a stream that fell silent
        except av.FFmpegError:
            health.n_corrupt += 1
            return  # the rest cannot be read; a recording counts it by its duration
        if packet.size:
            yield packet


def _with_decoding_s(
    packets: Iterator[av.Packet], base: Fraction, frame_s: float
) -> Iterator[tuple[av.Packet, float | None]]:
    """
    Give every packet its decoding time, in seconds.

    Matroska has none; FFmpeg works them out, but not for the first packets, where pictures are
    reordered. Where it knows none at all, presentation times are taken for them.
    """
    held: list[av.Packet] = []
    for packet in packets:
        if packet.dts is None and packet.pts is not None:
            held.append(packet)
            if len(held) <= _MAX_REORDER:
                continue
            yield from _backwards(held, None, base, frame_s)
            yield from ((one, _seconds(one.pts, base)) for one in packets)
            return
        decoding_s = _seconds(packet.dts, base)
        if held:
            yield from _backwards(held, decoding_s, base, frame_s)
            held.clear()
        yield packet, decoding_s
    yield from _backwards(held, None, base, frame_s)


def _backwards(
    held: list[av.Packet], next_s: float | None, base: Fraction, frame_s: float
) -> Iterator[tuple[av.Packet, float | None]]:
    for index, packet in enumerate(held):
        if next_s is None:
            yield packet, _seconds(packet.pts, base)
        else:
            yield packet, next_s - (len(held) - index) * frame_s


def _seconds(ticks: int | None, base: Fraction) -> float | None:
    return None if ticks is None else seconds(ticks, base)
