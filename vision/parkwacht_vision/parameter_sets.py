"""
What a stream says of itself inside its key frames: the parameter sets of H.264 and HEVC.

A camera that is given another resolution goes on sending; only these sets change, and a decoder
and a clip must begin anew with them. Byte streams with start codes (Annex B), as RTSP gives them.
"""

from collections.abc import Iterator
from dataclasses import replace

import av

from parkwacht_vision.packets import StreamFormat

_START = b"\x00\x00\x01"
_H264_SETS, _H264_PICTURES = {7, 8}, range(1, 6)  # ITU-T H.264, table 7-1
_HEVC_SETS, _HEVC_PICTURES = {32, 33, 34}, range(32)  # ITU-T H.265, table 7-1


def find_parameter_sets(codec: str, data: bytes) -> bytes | None:
    """Return the parameter sets before the first picture of a packet, None where there are none."""
    if codec not in {"h264", "hevc"}:
        return None
    is_h264 = codec == "h264"
    found = []
    for start, end in _units(data):
        kind = data[start] & 0x1F if is_h264 else data[start] >> 1 & 0x3F
        if kind in (_H264_PICTURES if is_h264 else _HEVC_PICTURES):
            break
        if kind in (_H264_SETS if is_h264 else _HEVC_SETS):
            found.append(b"\x00" + _START + data[start:end].rstrip(b"\x00"))
    return b"".join(found) or None


def changed_format(told: StreamFormat, sets: bytes, data: bytes) -> StreamFormat:
    """
    Return the format of a stream that goes on with other parameter sets.

    Parameters
    ----------
    told
        The format so far.
    sets
        The new parameter sets.
    data
        The key frame that brought them; its size is found by decoding it.
    """
    context = av.CodecContext.create(told.codec, "r")
    try:
        frames = [*context.decode(av.Packet(data)), *context.decode(None)]
    except av.FFmpegError:
        frames = []
    for frame in frames:
        if isinstance(frame, av.VideoFrame):
            return replace(
                told, width_px=frame.width, height_px=frame.height, extradata=sets,
                pixel_format=frame.format.name,
            )  # fmt: skip
    return replace(told, extradata=sets)


def whole_key_frames(packets: Iterator[av.Packet], codec: str) -> Iterator[av.Packet]:
    """
    Yield packets, with the parts of a key frame in one.

    Where a sender repeats the parameter sets before every slice, FFmpeg takes each slice for a
    picture; decoded alone, the first shows a part and leaves the rest grey.

    Parameters
    ----------
    packets
        As they are demuxed.
    codec
        FFmpeg's name of what they hold.
    """
    held: av.Packet | None = None
    for packet in packets:
        if held is not None:
            if packet.is_keyframe and packet.size and held.pts in {None, packet.pts}:
                held = _joined(held, packet)
                continue
            yield held
            held = None
        if packet.is_keyframe and codec in {"h264", "hevc"}:
            held = packet
        else:
            yield packet
    if held is not None:
        yield held


def _joined(first: av.Packet, then: av.Packet) -> av.Packet:
    whole = av.Packet(bytes(first) + bytes(then))
    whole.pts, whole.dts, whole.duration = then.pts, then.dts, then.duration
    whole.time_base = then.time_base
    whole.is_keyframe = True
    return whole


def _units(data: bytes) -> Iterator[tuple[int, int]]:
    start = data.find(_START)
    while start >= 0 and start + 3 < len(data):
        end = data.find(_START, start + 3)
        yield start + 3, len(data) if end < 0 else end
        start = end
