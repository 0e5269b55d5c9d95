"""Clips that are encoded anew: nothing under a mask is in them, and beside it nothing changes."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
from av.video.reformatter import ColorRange
from packet_rings import AT, read_packets, ring_of

from parkwacht_vision.clips import ClipCutter, ClipResult
from parkwacht_vision.encoding import fitting_size
from parkwacht_vision.masks import PlaneMask, PrivacyScreen
from parkwacht_vision.packets import EncodedPacket
from parkwacht_vision.pictures import plane_view
from parkwacht_vision.recoding import BEHIND_S, NICER_BY, Recoder, ScreenedFrames
from parkwacht_vision.stills import BestView, RecentFrames, decode_jpeg, make_stills

Plane = npt.NDArray[np.uint8]
# The left 40 % of the upright picture.
LEFT = PrivacyScreen((np.array([(0, 0), (0.4, 0), (0.4, 1), (0, 1)], dtype=np.float64),))
N_PICTURES = 30


def scene(index: int, size: tuple[int, int], secret: int | None) -> list[Plane]:
    """Return Y, U and V of 4:4:4: a bar that moves, and under the mask one of many seeds."""
    width, height = size
    v, u = np.mgrid[:height, :width]
    y = 60 + 60 * ((u + v) // 24 % 2)
    bar = (u > 0.55 * width + 2 * index) & (u < 0.65 * width + 2 * index)
    planes = [np.where(bar, 200, y), np.where(bar, 90, 120), np.where(bar, 170, 140)]
    if secret is not None:
        rng = np.random.default_rng((secret, index // 7))  # its scene changes every 7 pictures
        for plane in planes:
            hidden = rng.integers(20, 230, (height // 8 + 1, width // 8 + 1))
            blocks = np.kron(hidden, np.ones((8, 8)))[:height, :width]
            inner = slice(0, int(0.4 * width) - 2)
            plane[:, inner] = blocks[:, inner]
    return [one.astype(np.uint8) for one in planes]


def lossless(
    path: Path, secret: int | None, *, size: tuple[int, int] = (320, 192),
    pixel_format: str = "yuv420p", rotation_deg: int = 0,
) -> list[EncodedPacket]:  # fmt: skip
    """Return packets that decode to the very pictures of the scene, lying on their side or not."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264", rate=10, options={"qp": "0", "preset": "ultrafast", "g": "10"}
        )
        turns = rotation_deg // 90
        stream.width, stream.height = size[::-1] if turns % 2 else size
        stream.pix_fmt = pixel_format
        for index in range(N_PICTURES):
            planes = [np.rot90(one, -turns) for one in scene(index, size, secret)]
            frame = av.VideoFrame.from_ndarray(np.stack(planes), format="yuv444p")
            if pixel_format == "yuvj420p":  # the same numbers, said to be of full range
                frame = frame.reformat(format="yuv420p").reformat(
                    format="yuvj420p", src_color_range="JPEG", dst_color_range="JPEG"
                )
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    packets = read_packets(path)
    told = replace(packets[0].format, rotation_deg=rotation_deg)
    return [replace(one, format=told) for one in packets]


def cut(packets: list[EncodedPacket], path: Path, screen: PrivacyScreen = LEFT) -> ClipResult:
    cutter = ClipCutter(ring_of(packets), path, screen, AT)
    for tenth in range(2 * N_PICTURES):  # a live worker asks again and again
        cutter.extend(AT + timedelta(seconds=tenth / 10))
    result = cutter.finish()
    assert result is not None
    return result


def planes_of(path: Path) -> list[list[Plane]]:
    """Return Y, U and V of all pictures of a clip."""
    pictures = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            height, width = frame.height, frame.width
            assert height % 2 == width % 2 == 0
            whole = frame.to_ndarray(format=frame.format.name)
            y, rest = whole[:height], whole[height:].reshape(2, height // 2, width // 2)
            pictures.append([y, rest[0], rest[1]])
    return pictures


CASES: dict[str, dict[str, object]] = {
    "4:2:0": {},
    "full range": {"pixel_format": "yuvj420p"},
    "4:2:2": {"pixel_format": "yuv422p"},
    "4:4:4": {"pixel_format": "yuv444p"},
    "ten bits": {"pixel_format": "yuv420p10le"},
    "a quarter turned": {"rotation_deg": 90},
    "upside down": {"rotation_deg": 180},
    "three quarters turned": {"rotation_deg": 270},
    "scaled down": {"size": (2560, 192)},
    "odd": {"size": (321, 193), "pixel_format": "yuv444p"},
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_under_a_mask_changes_no_byte_of_the_clip(case: str, tmp_path: Path) -> None:
    # Two scenes that differ only under the mask: a clip of one tells nothing that one of the
    # other does not, whatever the encoder predicts from what.
    made, decoded = [], []
    for secret in (1, 2):
        packets = lossless(tmp_path / f"{secret}.mp4", secret, **CASES[case])  # type: ignore[arg-type]
        made.append(cut(packets, tmp_path / f"clip_{secret}.mp4").clip)
        decoded.append(b"".join(one.data for one in packets))
    assert decoded[0] != decoded[1]
    assert made[0].sha256 == made[1].sha256


@pytest.mark.parametrize("case", CASES)
def test_every_picture_is_black_under_the_mask_and_as_it_was_beside_it(
    case: str, tmp_path: Path
) -> None:
    given = CASES[case]
    packets = lossless(tmp_path / "a.mp4", 1, **given)  # type: ignore[arg-type]
    clip = cut(packets, tmp_path / "clip.mp4").clip
    size = given.get("size", (320, 192))
    assert isinstance(size, tuple)
    assert (clip.width_px, clip.height_px) == fitting_size(*size)
    pictures = planes_of(clip.path)
    assert len(pictures) == N_PICTURES
    black = 0 if case == "full range" else 16
    hidden, shown = round(0.4 * clip.width_px), round(0.4 * clip.width_px) + 10
    for index, (y, u, v) in enumerate(pictures):
        # Coding may bleed a little over the edge, within a block of 8 pixels.
        assert np.abs(y[:, : hidden - 8].astype(int) - black).max() <= 3, index
        for chroma in (u, v):
            assert np.abs(chroma[:, : hidden // 2 - 8].astype(int) - 128).max() <= 3, index
        if case in {"scaled down", "odd"}:
            continue
        drawn = scene(index, size, None)
        halved = [one.reshape(96, 2, 160, 2).mean(axis=(1, 3)) for one in drawn[1:]]
        assert np.abs(y[:, shown:].astype(int) - drawn[0][:, shown:]).mean() < 3, index
        for chroma, wanted in zip((u, v), halved, strict=True):
            assert np.abs(chroma[:, shown // 2 :] - wanted[:, shown // 2 :]).mean() < 3, index


def test_a_clip_says_how_its_colour_is_coded(tmp_path: Path) -> None:
    for name, expected in (("yuv420p", "yuv420p"), ("yuvj420p", "yuvj420p")):
        packets = lossless(tmp_path / f"{name}.mp4", 1, pixel_format=name)
        with av.open(str(cut(packets, tmp_path / f"clip_{name}.mp4").clip.path)) as container:
            # FFmpeg calls 4:2:0 of full range yuvj420p.
            assert container.streams.video[0].codec_context.pix_fmt == expected


def test_a_stream_of_another_size_and_range_that_stands_in_is_masked_too(tmp_path: Path) -> None:
    large = lossless(tmp_path / "a.mp4", 1)
    small = lossless(tmp_path / "b.mp4", 2, size=(160, 96), pixel_format="yuvj420p")
    moved = timedelta(seconds=3)
    later = [replace(one, at=one.at + moved, media_time_s=one.media_time_s + 3) for one in small]
    clip = cut([*large, *later], tmp_path / "clip.mp4").clip
    pictures = planes_of(clip.path)
    assert (clip.width_px, clip.height_px) == (320, 192)
    assert len(pictures) == 2 * N_PICTURES
    assert max(int(np.abs(y[:, :116].astype(int) - 16).max()) for y, _, _ in pictures) <= 3
    # Luma 60 and 120 of full range is 16 + 219 / 255 of that: 67.5 and 119.1.
    levels = [np.percentile(pictures[40][0][:, 136:160], share) for share in (10, 90)]
    assert levels == pytest.approx([67.5, 119.1], abs=4)


@pytest.mark.parametrize(
    ("first", "second", "levels"),
    [
        # ITU-R BT.601: white is 235 in limited range, 255 in full range; black is 16 or 0.
        (("yuv420p", 1, 235), ("yuv420p", 2, 255), (False, 16, 235)),
        (("yuv420p", 0, 235), ("yuvj420p", 0, 255), (False, 16, 235)),
        (("yuvj420p", 0, 255), ("yuv420p", 1, 235), (True, 0, 255)),
        (("yuvj422p", 2, 255), ("yuv422p", 0, 235), (True, 0, 255)),
    ],
    ids=["limited", "not said", "full", "full, 4:2:2"],
)
def test_all_pictures_are_in_the_range_of_the_first(
    first: tuple[str, int, int], second: tuple[str, int, int], levels: tuple[bool, int, int]
) -> None:
    frames = ScreenedFrames(LEFT)
    for name, color_range, white in (first, second):
        frame = av.VideoFrame(64, 32, name)
        frame.color_range = color_range
        for plane, level in zip(frame.planes, (white, 128, 128), strict=True):
            plane_view(plane, np.uint8)[:] = level
        made = frames.screened(frame)
        luma = plane_view(made.planes[0], np.uint8)
        assert (made.color_range == ColorRange.JPEG, luma[8, 8], luma[8, 48]) == levels
        assert plane_view(frame.planes[0], np.uint8)[8, 8] == white  # others are predicted from it


@pytest.mark.parametrize("size", [(16, 8), (15, 9), (64, 36)])
def test_colour_is_masked_wherever_one_of_its_pixels_is(size: tuple[int, int]) -> None:
    width, height = size
    rng = np.random.default_rng(width)
    screen = PrivacyScreen((rng.uniform(0.2, 0.8, (3, 2)),))
    luma = np.full((height, width), 200, np.uint8)
    chroma = [np.full((-(-height // 2), -(-width // 2)), 90, np.uint8) for _ in range(2)]
    PlaneMask(screen, width, height).cover([luma, *chroma], black=16)
    # The picture's own mask, pixel by pixel.
    masked = screen.cover_image(np.full((height, width), 200, np.uint8)) == 0
    assert 0 < masked.sum() < masked.size
    assert np.array_equal(luma == 16, masked)
    for v, u in np.ndindex(chroma[0].shape):
        is_masked = masked[2 * v : 2 * v + 2, 2 * u : 2 * u + 2].any()
        assert [int(one[v, u]) for one in chroma] == [128 if is_masked else 90] * 2


class WatchedScreen(PrivacyScreen):
    """Notes by which threads masks are worked out, and how nice these are; fails at first."""

    def __init__(self, n_failures: int = 0) -> None:
        super().__init__(LEFT.polygons)
        self.seen: list[tuple[int, int]]
        object.__setattr__(self, "seen", [])
        self.failures: list[OSError]
        object.__setattr__(self, "failures", [OSError("full")] * n_failures)

    def cover_image(self, image: Plane) -> Plane:
        if self.failures:
            raise self.failures.pop()
        thread_id = threading.get_native_id()
        self.seen.append((thread_id, os.getpriority(os.PRIO_PROCESS, thread_id)))
        return super().cover_image(image)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux knows the niceness of a thread")
def test_pictures_are_encoded_by_a_thread_of_lower_priority(tmp_path: Path) -> None:
    own = os.getpriority(os.PRIO_PROCESS, 0)
    screen, packets = WatchedScreen(), lossless(tmp_path / "a.mp4", 1)
    recoder = Recoder(tmp_path / "clip.mp4", screen)
    for packet in packets:
        recoder.add(packet)
    recoder._threads.submit(lambda: None).result()
    ((thread_id, nice),) = screen.seen  # worked out once
    assert thread_id != threading.get_native_id()
    assert nice == min(19, own + NICER_BY)
    recoder.close()
    assert os.getpriority(os.PRIO_PROCESS, 0) == own  # whoever analyses keeps his


@contextmanager
def busy(recoder: Recoder) -> Iterator[threading.Event]:
    """Keep a recoder's thread busy until the event is set, at the latest to the end."""
    is_free = threading.Event()
    recoder._threads.submit(is_free.wait)
    try:
        yield is_free
    finally:
        is_free.set()


def test_who_closes_writes_what_waits(tmp_path: Path) -> None:
    packets = lossless(tmp_path / "a.mp4", 1)
    screen = WatchedScreen()
    recoder = Recoder(tmp_path / "clip.mp4", screen)
    with busy(recoder) as is_free:
        for packet in packets:
            recoder.add(packet)
        assert not (tmp_path / "clip.mp4").exists()
        threading.Timer(0.2, is_free.set).start()
        recoder.close()
    assert len(planes_of(tmp_path / "clip.mp4")) == N_PICTURES
    assert [one[0] for one in screen.seen] == [threading.get_native_id()]


def test_a_thread_that_cannot_keep_up_is_helped(tmp_path: Path) -> None:
    packets = [
        replace(one, media_time_s=10 * one.media_time_s) for one in lossless(tmp_path / "a.mp4", 1)
    ]
    recoder = Recoder(tmp_path / "clip.mp4", LEFT)
    with busy(recoder):
        for packet in packets:
            recoder.add(packet)
            # one more than fits was written, so that what waits lasts no longer than the limit
            assert packet.media_time_s - recoder._waiting[0].media_time_s <= BEHIND_S
        assert len(recoder._waiting) == 11  # pictures from 19 to 29 s
    recoder.close()
    assert len(planes_of(tmp_path / "clip.mp4")) == N_PICTURES


def test_what_goes_wrong_in_the_thread_is_told_by_the_next_call(tmp_path: Path) -> None:
    packets = lossless(tmp_path / "a.mp4", 1)
    for n_added in (1, 2):
        recoder = Recoder(tmp_path / "clip.mp4", WatchedScreen(n_failures=1))
        recoder.add(packets[0])
        recoder._threads.submit(lambda: None).result()
        with pytest.raises(OSError, match="full"):
            recoder.add(packets[1]) if n_added == 2 else recoder.close()
    cutter = ClipCutter(ring_of(packets), tmp_path / "gone" / "clip.mp4", LEFT, AT)
    cutter.extend(packets[-1].at)
    assert cutter.finish() is None


def test_times_begin_with_the_first_picture(tmp_path: Path) -> None:
    packets = lossless(tmp_path / "a.mp4", 1)
    cutter = ClipCutter(ring_of(packets), tmp_path / "clip.mp4", LEFT, AT + timedelta(seconds=1.5))
    cutter.extend(packets[-1].at)
    result = cutter.finish()
    assert result is not None
    assert result.started_at == AT + timedelta(seconds=1)  # the key frame before it
    with av.open(str(result.clip.path)) as container:
        times = [one.time for one in container.decode(video=0)]
    assert times == pytest.approx([n / 10 for n in range(20)], abs=0.001)


@pytest.mark.parametrize("rotation_deg", [90, 180, 270])
def test_the_pictures_of_a_turned_recording_are_upright_and_masked(
    rotation_deg: int, tmp_path: Path
) -> None:
    view = BestView(AT, (200.0, 50.0, 250.0, 120.0), 320, 192)
    made = []
    for secret in (1, 2):
        ring = ring_of(lossless(tmp_path / "a.mp4", secret, rotation_deg=rotation_deg))
        stills = make_stills(ring, RecentFrames(), LEFT, view)
        assert stills is not None
        assert (stills.width_px, stills.height_px) == (320, 192)
        image = decode_jpeg(stills.still)
        assert int(image[:, :112].max()) <= 4  # 128 less a block of 16
        assert int(image[:, 178:206, 1].min()) > 150  # the bar of picture 0, columns 176 to 208
        made.append((stills.snapshot, stills.still))
    assert made[0] == made[1]
