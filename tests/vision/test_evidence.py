from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import numpy as np
import pytest

from parkwacht_vision.evidence import (
    ClipRecorder,
    FrameRing,
    clip_file,
    snapshot_file,
    snapshot_jpeg,
)
from parkwacht_vision.frames import Frame
from parkwacht_vision.stills import decode_jpeg, encode_jpeg

AT = datetime(2026, 11, 24, 1, 13, tzinfo=UTC)


def frames(n: int, *, size: tuple[int, int] = (360, 640)) -> Iterator[Frame]:
    for index in range(n):
        image = np.full((*size, 3), 60, np.uint8)
        image[100:150, index : index + 30] = 200
        at = AT + timedelta(seconds=index / 8)
        yield Frame.of_image(image, index / 8, at, at, index)


def test_the_ring_forgets_what_is_too_old() -> None:
    ring = FrameRing(seconds=2)
    with pytest.raises(LookupError):
        ring.nearest(0)
    for frame in frames(80):
        ring.add(frame)
    assert len(ring.since(0)) == 17  # 2 s at 8 fps, both ends
    assert [one.index for one in ring.since(9.5)] == [76, 77, 78, 79]
    assert ring.nearest(3).index == 63
    ring.clear()
    assert ring.since(0) == []


@pytest.mark.parametrize(
    "xyxy", [(20.0, 20.0, 60.0, 90.0), (-30.0, -5.0, 700.0, 400.0)], ids=["inside", "larger"]
)
def test_the_snapshot_shows_the_box_around_the_object(
    xyxy: tuple[float, float, float, float],
) -> None:
    plain = encode_jpeg(np.full((360, 640, 3), 60, np.uint8))
    drawn = decode_jpeg(snapshot_jpeg(plain, xyxy))
    red = (drawn[:, :, 2].astype(int) - drawn[:, :, 0]) > 80
    assert drawn.shape == (360, 640, 3)
    assert red.any()
    assert not red[30:80, 30:50].any()  # what is inside stays as it was
    described = snapshot_file(plain)
    assert (described.name, described.size) == ("snapshot.jpg", len(plain))


def record(
    path: Path, *, n: int, active: range, size: tuple[int, int] = (360, 640)
) -> ClipRecorder:
    ring, clip = FrameRing(), ClipRecorder(path, fps=8)
    for frame in frames(n, size=size):
        clip.add(ring.add(frame), is_active=frame.index in active)
    return clip


def test_the_clip_plays_in_a_browser_and_ends_after_the_post_roll(tmp_path: Path) -> None:
    clip = record(tmp_path / "a.mp4", n=120, active=range(40))
    path = clip.finish()
    assert path is not None
    assert clip.started_at == AT
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # faststart
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        n = sum(1 for _ in container.decode(stream))
    assert n == 40 + 24  # the event and 3 s after it, at 8 fps
    assert clip_file(path).size == len(data)


def test_the_same_pictures_give_the_same_bytes(tmp_path: Path) -> None:
    first = record(tmp_path / "a.mp4", n=30, active=range(30)).finish()
    second = record(tmp_path / "b.mp4", n=30, active=range(30)).finish()
    assert first is not None
    assert second is not None
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    ("size", "expected"),
    [((1080, 1920), (720, 1280)), ((241, 321), (240, 320)), ((1, 1), (2, 2))],
    ids=["large", "odd", "tiny"],
)
def test_a_clip_has_even_sides_and_at_most_1280_columns(
    size: tuple[int, int], expected: tuple[int, int], tmp_path: Path
) -> None:
    path = record(tmp_path / "a.mp4", n=3, active=range(3), size=size).finish()
    assert path is not None
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.height, stream.width) == expected


def test_a_clip_is_never_longer_than_its_limit(tmp_path: Path) -> None:
    path = record(tmp_path / "a.mp4", n=400, active=range(400)).finish()
    assert path is not None
    with av.open(str(path)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 240  # 30 s at 8 fps


def test_a_clip_that_cannot_be_written_costs_no_event(tmp_path: Path) -> None:
    clip = record(tmp_path / "gone" / "a.mp4", n=20, active=range(20))
    assert clip.finish() is None
    assert ClipRecorder(tmp_path / "none.mp4", fps=8).finish() is None
