"""Parameter sets as three encoders write them."""

import io
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.bitstream import BitStreamFilterContext

from parkwacht_vision.packets import StreamFormat
from parkwacht_vision.parameter_sets import (
    changed_format,
    find_parameter_sets,
    whole_key_frames,
)


def encoded(codec: str, size: tuple[int, int], options: dict[str, str]) -> list[av.Packet]:
    out = io.BytesIO()
    with av.open(out, "w", format="mpegts") as container:
        stream = container.add_stream(codec, rate=10, options=options)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        rng = np.random.default_rng(3)
        for _ in range(3):
            image = rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode(None))
    out.seek(0)
    with av.open(out) as container:
        return [one for one in container.demux(video=0) if one.size]


@pytest.mark.parametrize(
    ("codec", "name", "n_sets"), [("libx264", "h264", 2), ("libx265", "hevc", 3)]
)
def test_sets_are_found_and_a_new_size_is_read(codec: str, name: str, n_sets: int) -> None:
    quiet = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    small = bytes(encoded(codec, (320, 240), quiet)[0])
    large = bytes(encoded(codec, (640, 480), quiet)[0])
    sets = [find_parameter_sets(name, one) for one in (small, large)]
    # H.264 has a sequence and a picture set; HEVC a video set too (H.265, 7.3.2).
    assert all(one is not None and one.count(bytes([0, 0, 1])) == n_sets for one in sets)
    assert sets[0] != sets[1]
    assert sets[1] is not None
    told = StreamFormat(name, 320, 240, Fraction(1, 90_000), sets[0], "yuv420p")
    found = changed_format(told, sets[1], large)
    assert (found.width_px, found.height_px, found.extradata) == (640, 480, sets[1])


def av1_packet(path: Path) -> tuple[bytes, bytes]:
    """Return the first packet, and what FFmpeg's filter leaves of it: its sequence header."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        packet = next(container.demux(stream))
        data = bytes(packet)
        (left,) = BitStreamFilterContext("filter_units=pass_types=1", stream).filter(packet)
        return data, bytes(left)


def test_the_sequence_header_of_av1_is_found_and_a_new_size_is_read(
    make_video: Callable[..., Path],
) -> None:
    quick = {"codec": "libsvtav1", "seconds": 0.3, "options": {"preset": "12"}}
    small, small_header = av1_packet(make_video("small.mkv", **quick))
    large, large_header = av1_packet(make_video("large.mkv", size=(640, 480), **quick))
    assert small_header != large_header
    assert find_parameter_sets("av1", small) == small_header
    # Over RTP a temporal delimiter comes before it.
    assert find_parameter_sets("av1", b"\x12\x00" + large) == large_header
    told = StreamFormat("av1", 320, 240, Fraction(1, 90_000), small_header, "yuv420p")
    found = changed_format(told, large_header, large)
    assert (found.width_px, found.height_px, found.extradata) == (640, 480, large_header)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes([0x12, 0x00]),  # a temporal delimiter alone
        bytes([0x32, 0x01, 0x00, 0x0A, 0x01, 0x00]),  # a frame before the sequence header
        bytes([0x0A, 0x05, 0x00]),  # cut off
        bytes([0x12, *[0xFF] * 20]),  # a size without end
    ],
    ids=["nothing", "delimiter", "frame first", "cut off", "endless size"],
)
def test_where_no_sequence_header_is_none_is_found(data: bytes) -> None:
    assert find_parameter_sets("av1", data) is None


def test_a_codec_without_them_has_none() -> None:
    assert find_parameter_sets("mjpeg", b"\xff\xd8\xff\xe0") is None


def test_the_slices_of_a_key_frame_are_put_together() -> None:
    (first, *_) = encoded("libx264", (320, 240), {"x264-params": "slices=2"})
    data = bytes(first)
    # The second slice of type 5 begins with its own start code.
    cut = data.rindex(b"\x00\x00\x01\x65")
    parts = []
    for one in (data[:cut], data[cut:]):
        part = av.Packet(one)
        part.pts, part.time_base, part.is_keyframe = 7, Fraction(1, 90_000), True
        parts.append(part)
    joined = list(whole_key_frames(iter(parts), "h264"))
    assert [bytes(one) for one in joined] == [data]
    assert (joined[0].pts, joined[0].is_keyframe) == (7, True)
