from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from packet_rings import AT, read_packets, ring_of

from parkwacht_vision.frames import Frame
from parkwacht_vision.masks import PrivacyScreen
from parkwacht_vision.packets import PacketRing
from parkwacht_vision.stills import (
    BestView,
    RecentFrames,
    decode_jpeg,
    draw_box,
    encode_jpeg,
    make_stills,
    picture_at,
)

MakeVideo = Callable[..., Path]
OPEN = PrivacyScreen()
LEFT_HALF = PrivacyScreen((np.array([(0, 0), (0.5, 0), (0.5, 1), (0, 1)], dtype=np.float64),))


def marked(at_s: float, image: npt.NDArray[np.uint8]) -> None:
    """Show the tenth of a second as the column of a bright bar, 8 pixels each."""
    left = round(at_s * 10) * 8
    image[:, left : left + 8] = 220


def shown_tenth(image: npt.NDArray[np.uint8]) -> int:
    return int(image[:, :, 1].mean(axis=0).argmax()) // 8


def is_red(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    return np.asarray((image[:, :, 2].astype(int) - image[:, :, 0]) > 80)


@pytest.mark.parametrize("codec", ["libx264", "libx265", "mpeg4", "mjpeg"])
def test_the_picture_of_an_instant_is_decoded_from_the_packets(
    codec: str, make_video: MakeVideo
) -> None:
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {"bf": "2"}
    options = {} if codec in {"mpeg4", "mjpeg"} else options
    name = "a.avi" if codec == "mpeg4" else "a.mkv"
    ring = ring_of(
        read_packets(make_video(name, seconds=3, draw=marked, codec=codec, options=options))
    )
    for tenth in (0, 7, 13, 29):
        found = picture_at(ring, AT + timedelta(seconds=tenth / 10))
        assert found is not None
        assert shown_tenth(found[0]) == tenth
        assert abs((found[1] - AT).total_seconds() - tenth / 10) < 0.002  # Matroska counts ms
    # Between two pictures the nearer one; after the last one the last.
    between = picture_at(ring, AT + timedelta(seconds=1.53))
    late = picture_at(ring, AT + timedelta(seconds=9))
    assert between is not None
    assert late is not None
    assert (shown_tenth(between[0]), shown_tenth(late[0])) == (15, 29)


def test_the_box_of_the_substream_is_drawn_in_the_main_stream_at_its_full_size(
    make_video: MakeVideo,
) -> None:
    ring = ring_of(read_packets(make_video(seconds=1, size=(1280, 720), draw=marked)))
    # Analysed at 320 x 240: one pixel there is 4 wide and 3 high here.
    view = BestView(AT + timedelta(seconds=0.5), (100.0, 50.0, 150.0, 120.0), 320, 240)
    stills = make_stills(ring, RecentFrames(), OPEN, view)
    assert stills is not None
    assert (stills.width_px, stills.height_px) == (1280, 720)
    assert stills.at == AT + timedelta(seconds=0.5)
    drawn, plain = decode_jpeg(stills.snapshot), decode_jpeg(stills.still)
    rows, columns = np.nonzero(is_red(drawn))
    # Corners (400, 150) to (600, 360), the line of 2 pixels lies 4 outside; JPEG blurs by 2.
    assert abs(int(columns.min()) - 396) <= 2
    assert abs(int(columns.max()) - 604) <= 2
    assert abs(int(rows.min()) - 146) <= 2
    assert abs(int(rows.max()) - 364) <= 2
    assert not is_red(drawn)[155:355, 405:595].any()  # what is inside stays as it was
    assert not is_red(plain).any()
    assert shown_tenth(plain) == 5


def test_nothing_of_what_is_masked_is_in_either_picture(make_video: MakeVideo) -> None:
    ring = ring_of(read_packets(make_video(seconds=1, draw=marked)))
    view = BestView(AT, (200.0, 50.0, 250.0, 120.0), 320, 240)
    stills = make_stills(ring, RecentFrames(), LEFT_HALF, view)
    assert stills is not None
    for jpeg in (stills.snapshot, stills.still):
        assert int(decode_jpeg(jpeg)[:, :152].max()) <= 4  # JPEG may ring in its blocks of 8


def frame(index: int) -> Frame:
    image = np.full((240, 320, 3), 60, np.uint8)
    marked(index / 10, image)
    at = AT + timedelta(seconds=index / 10)
    return Frame.of_image(image, index / 10, at, at, index)


def test_without_packets_the_analysed_picture_serves() -> None:
    recent, ring = RecentFrames(seconds=2), PacketRing()
    view = BestView(AT + timedelta(seconds=3), (200.0, 50.0, 250.0, 120.0), 320, 240)
    assert make_stills(ring, recent, OPEN, view) is None
    for index in range(39):
        recent.add(frame(index))
    stills = make_stills(ring, recent, OPEN, view)
    assert stills is not None
    assert shown_tenth(decode_jpeg(stills.still)) == 30
    recent.clear()
    assert recent.nearest(AT) is None


def test_what_is_kept_of_analysed_pictures_is_bounded() -> None:
    recent = RecentFrames(seconds=2)
    small = RecentFrames(seconds=2, max_bytes=5 * 320 * 240 * 3)
    for index in range(39):
        recent.add(frame(index))
        small.add(frame(index))
    until = AT + timedelta(minutes=1)
    assert len(recent.between(None, until)) == 21  # 2 s at 10 per second, both ends
    assert [one.index for one in small.between(None, until)] == [34, 35, 36, 37, 38]
    between = recent.between(AT + timedelta(seconds=3.5), AT + timedelta(seconds=3.7))
    assert [one.index for one in between] == [36, 37]


@pytest.mark.parametrize(
    "xyxy", [(20.0, 20.0, 60.0, 90.0), (-30.0, -5.0, 700.0, 400.0)], ids=["inside", "larger"]
)
def test_the_box_is_drawn_around_the_object(xyxy: tuple[float, float, float, float]) -> None:
    plain = np.full((360, 640, 3), 60, np.uint8)
    drawn = decode_jpeg(encode_jpeg(draw_box(plain, xyxy)))
    assert is_red(drawn).any()
    assert not is_red(drawn)[30:80, 30:50].any()
    assert (plain == 60).all()  # a copy was drawn on
