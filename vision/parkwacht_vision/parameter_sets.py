"""
What a stream says of itself in its key frames: parameter sets, in AV1 the sequence header.

A camera that is given another resolution goes on sending; only these sets change, and a decoder
and a clip must begin anew with them. H.264 and HEVC with start codes (Annex B), AV1 as open
bitstream units (OBU) with their sizes, as FFmpeg gives them of RTSP.
"""

from collections.abc import Iterator
from dataclasses import replace

import av

from parkwacht_vision.decoding import open_decoder
from parkwacht_vision.packets import StreamFormat

_START = b"\x00\x00\x01"
_H264_SETS, _H264_PICTURES = {7, 8}, range(1, 6)  # ITU-T H.264, table 7-1
_HEVC_SETS, _HEVC_PICTURES = {32, 33, 34}, range(32)  # ITU-T H.265, table 7-1
_OBU_SEQUENCE_HEADER, _OBU_PICTURES = 1, {3, 6}  # AV1 specification, 6.2.2
_MAX_SIZE_BYTES = 8  # of an OBU's size in LEB128 (4.10.5)


def find_parameter_sets(codec: str, data: bytes) -> bytes | None:
    """Return the parameter sets before the first picture of a packet, None where there are none."""
    if codec == "av1":
        return _sequence_header(data)
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
    context = open_decoder(replace(told, extradata=sets, width_px=0, height_px=0))
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


def _sequence_header(data: bytes) -> bytes | None:
    """Return the OBU that tells the sequence, where it comes before the first picture."""
    start = 0
    while start < len(data):
        kind, end = data[start] >> 3 & 0xF, _obu_end(data, start)
        if kind in _OBU_PICTURES or end > len(data):
            return None
        if kind == _OBU_SEQUENCE_HEADER:
            return data[start:end]
        start = end
    return None


def _obu_end(data: bytes, start: int) -> int:
    has_extension, has_size = data[start] & 4, data[start] & 2  # 5.3.2
    if not has_size:
        return len(data)
    first, size = start + (2 if has_extension else 1), 0
    for index, byte in enumerate(data[first : first + _MAX_SIZE_BYTES]):
        size |= (byte & 0x7F) << 7 * index
        if not byte & 0x80:
            return first + index + 1 + size
    return len(data) + 1  # cut off, or none
