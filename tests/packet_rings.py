"""Encoded packets of small real videos, read with FFmpeg as a camera's source reads them."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import av

from parkwacht_vision.packets import EncodedPacket, PacketRing, StreamFormat

AT = datetime(2026, 11, 24, 1, 13, tzinfo=UTC)


def read_packets(path: Path, *, begins_at: datetime = AT) -> list[EncodedPacket]:
    """Return all packets of a file; each is taken at its presentation time."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        base = stream.time_base or Fraction(1, 1000)
        context = stream.codec_context
        stream_format = StreamFormat(
            codec=context.name,
            width_px=context.width,
            height_px=context.height,
            time_base=base,
            extradata=context.extradata,
            pixel_format=context.pix_fmt,
        )
        made, first = [], None
        for packet in container.demux(stream):
            if packet.size == 0 or packet.pts is None:
                continue
            first = packet.pts if first is None else first
            time_s = float((packet.pts - first) * base)
            made.append(
                EncodedPacket(
                    data=bytes(packet),
                    pts=packet.pts,
                    dts=packet.dts,
                    duration=packet.duration,
                    is_key=packet.is_keyframe,
                    media_time_s=time_s + (begins_at - AT).total_seconds(),
                    at=begins_at + timedelta(seconds=time_s),
                    format=stream_format,
                )
            )
    return made


def ring_of(packets: list[EncodedPacket]) -> PacketRing:
    """Return a ring that holds packets."""
    ring = PacketRing()
    for packet in packets:
        ring.add(packet)
    return ring
