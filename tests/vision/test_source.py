import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from parkwacht_config.clock import FakeClock
from parkwacht_config.errors import SourceError
from parkwacht_vision.source import RecordingSource, find_recordings

AT = datetime(2026, 11, 23, 1, 13, tzinfo=UTC)


def source(path: Path, *, started_at: datetime | None = AT, fps: float = 8) -> RecordingSource:
    return RecordingSource(
        path, started_at=started_at, timezone="Europe/Amsterdam", fps=fps, clock=FakeClock(AT),
        tier="full",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mp4", "libx264"),
        ("a.mkv", "libx264"),
        ("a.avi", "mpeg4"),
        ("a.ts", "libx264"),
        ("a.mov", "mjpeg"),
        ("b.mp4", "libx265"),
        ("b.mkv", "libsvtav1"),
        ("c.avi", "msmpeg4"),  # these four say their size or kind of pixels in the container alone
        ("c.wmv", "wmv2"),
        ("d.avi", "rawvideo"),
        ("e.avi", "ffvhuff"),
    ],
)
def test_any_container_gives_frames_on_media_time(
    name: str, codec: str, make_video: Callable[..., Path]
) -> None:
    path = make_video(name, seconds=2, fps=10, codec=codec)
    frames = list(source(path, fps=5).frames())
    assert len(frames) == 10  # 2 s at 5 fps
    assert frames[0].image.shape == (240, 320, 3)
    assert frames[0].image.dtype == np.uint8
    assert [one.media_time_s for one in frames] == pytest.approx(
        [k / 5 for k in range(10)], abs=0.11
    )
    assert (frames[-1].at - AT).total_seconds() == pytest.approx(frames[-1].media_time_s)
    assert [one.index for one in frames] == list(range(10))


def test_a_raw_stream_without_times_falls_back_on_the_frame_rate(
    make_video: Callable[..., Path],
) -> None:
    path = make_video("raw.h264", seconds=2, fps=25)
    watched = source(path, fps=25)
    frames = list(watched.frames())
    assert len(frames) == 50
    assert frames[-1].media_time_s == pytest.approx(49 / 25, abs=0.05)


def test_large_pictures_are_scaled_down(make_video: Callable[..., Path]) -> None:
    path = make_video("large.mp4", seconds=0.2, size=(4096, 2304))
    frame = next(source(path).frames())
    assert frame.image.shape == (2160, 3840, 3)


def test_the_beginning_is_said_by_user_then_container_then_name(
    make_video: Callable[..., Path],
) -> None:
    stated = {"creation_time": "2025-01-18T08:50:55.000000Z"}
    both = make_video("cam_20261123T021300+0100.mp4", seconds=0.5, metadata=stated)
    assert source(both).started_at == AT
    assert source(both, started_at=None).started_at == datetime(2025, 1, 18, 8, 50, 55, tzinfo=UTC)
    name_only = make_video("b/cam_20261123T021300+0100.mp4", seconds=0.5)
    assert source(name_only, started_at=None).started_at == AT
    neither = make_video("cam.mp4", seconds=0.5)
    with pytest.raises(
        SourceError, match=r"unknown when this recording began.*--started-at"
    ) as caught:
        source(neither, started_at=None)
    assert "onbekend wanneer" in caught.value.text.nl


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", "b" * 100)


def _sound(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        samples = np.zeros((1, 8000), dtype=np.float32)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _photo(path: Path) -> None:
    done, data = cv2.imencode(".jpg", np.zeros((48, 64, 3), np.uint8))
    assert done
    path.write_bytes(data.tobytes())


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        ("gone.mp4", lambda _: None, "does not exist"),
        ("empty.mp4", lambda path: path.touch(), r"is empty \(0 bytes\)"),
        ("zip.mp4", _zip, "is not a video file .*zip"),
        ("notes.txt", lambda path: path.write_text("hallo\n" * 50), "is not a video file"),
        ("noise.mp4", lambda path: path.write_bytes(bytes(range(256)) * 40), "is not a video file"),
        ("sound.mp4", _sound, "holds no pictures"),
        ("photo.mp4", _photo, "is not a video file but a photo"),
    ],
    ids=["missing", "empty", "zip", "text", "noise", "sound", "photo"],
)
def test_what_is_no_recording_is_refused_by_name(
    name: str, write: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    write(path)
    with pytest.raises(SourceError, match=message) as caught:
        source(path)
    assert str(path) in caught.value.text.nl


def test_a_recording_without_its_index_is_called_cut_off(make_video: Callable[..., Path]) -> None:
    path = make_video(seconds=2)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(SourceError, match="is cut off"):
        source(path)


def test_a_transport_stream_that_breaks_off_is_watched_as_far_as_it_goes(
    make_video: Callable[..., Path],
) -> None:
    path = make_video("cut.ts", seconds=4)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    frames = list(source(path).frames())
    assert 8 <= len(frames) <= 24


def test_corrupt_packets_are_counted_and_not_fatal(make_video: Callable[..., Path]) -> None:
    path = make_video("bad.avi", seconds=4, codec="png")
    data = bytearray(path.read_bytes())
    for at in range(len(data) // 3, len(data) // 3 + 200):
        data[at] = 0x00
    path.write_bytes(bytes(data))
    watched = source(path)
    assert len(list(watched.frames())) > 10
    assert watched.health.n_corrupt > 0
    assert watched.health.blind_s["corrupt_data"] > 0


def test_a_folder_stands_for_its_recordings(
    make_video: Callable[..., Path], tmp_path: Path
) -> None:
    second, first = make_video("f/b.mp4", seconds=0.2), make_video("f/a.mkv", seconds=0.2)
    (tmp_path / "f" / "notes.txt").write_text("x")
    assert find_recordings(tmp_path / "f") == [first, second]
    (tmp_path / "none").mkdir()
    with pytest.raises(SourceError, match="no recordings in this folder"):
        find_recordings(tmp_path / "none")
