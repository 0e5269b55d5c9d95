"""
Recordings that are damaged, odd or hostile: each has its own words, in Dutch and English.

What is refused as no recording at all stands in `test_source.py`.
"""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from parkwacht_config.clock import FakeClock
from parkwacht_config.errors import SourceError
from parkwacht_config.site import CameraType
from parkwacht_vision.frames import Frame
from parkwacht_vision.refusals import check_aspect
from parkwacht_vision.source import RecordingSource
from parkwacht_vision.tiers import TierChoice

AT = datetime(2026, 11, 23, 1, 13, tzinfo=UTC)
MakeVideo = Callable[..., Path]


def watched(path: Path, *, tier: TierChoice = "full") -> tuple[RecordingSource, list[Frame]]:
    source = RecordingSource(
        path, started_at=AT, timezone="UTC", fps=10, clock=FakeClock(AT), tier=tier
    )
    return source, list(source.frames())


def refusal(path: Path) -> SourceError:
    with pytest.raises(SourceError) as caught:
        watched(path)
    assert str(path) in caught.value.text.nl
    assert str(path) in caught.value.text.en
    return caught.value


def still(path: Path, codec: str, size: tuple[int, int], pixel_format: str = "yuvj420p") -> Path:
    """Write a video of one black picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height = size
        stream.pix_fmt = pixel_format
        container.mux(stream.encode(av.VideoFrame(*size, pixel_format)))
        container.mux(stream.encode(None))
    return path


def test_a_locked_recording_is_called_encrypted(make_video: MakeVideo, tmp_path: Path) -> None:
    key, locked = "00112233445566778899aabbccddeeff", tmp_path / "locked.mp4"
    options = {
        "encryption_scheme": "cenc-aes-ctr", "encryption_key": key, "encryption_kid": key,
    }  # fmt: skip
    with (
        av.open(str(make_video(seconds=1))) as plain,
        av.open(str(locked), "w", options=options) as out,
    ):
        stream = out.add_stream_from_template(plain.streams.video[0])
        for packet in plain.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    error = refusal(locked)
    assert "is versleuteld" in error.text.nl
    assert "is encrypted" in error.text.en


@pytest.mark.parametrize(
    ("codec", "size", "pixel_format"),
    [("mjpeg", (1, 1), "yuvj444p"), ("mjpeg", (640, 8), "yuvj420p")],
    ids=["1x1", "a line"],
)
def test_pictures_on_which_nobody_can_be_seen_are_refused(
    codec: str, size: tuple[int, int], pixel_format: str, tmp_path: Path
) -> None:
    error = refusal(still(tmp_path / "tiny.mkv", codec, size, pixel_format))
    assert f"{size[0]} x {size[1]} pixels" in error.text.nl
    assert "nobody can be seen" in error.text.en


def test_sixteen_k_is_refused_before_it_takes_the_memory(tmp_path: Path) -> None:
    path = still(tmp_path / "huge.mkv", "mjpeg", (15360, 8640))
    # in a process of its own, whose largest size can be asked for
    code = (
        "import resource, sys, datetime; from pathlib import Path\n"
        "import av, cv2, parkwacht_vision.source as s\n"
        "from parkwacht_config.clock import SystemClock\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: s.RecordingSource(Path(sys.argv[1]), started_at=datetime.datetime.now("
        "datetime.timezone.utc), timezone='UTC', fps=5, clock=SystemClock())\n"
        "except Exception as e: print(e)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    message, grown_kb = done.stdout.strip().splitlines()
    assert "15360 x 8640 pixels, too large for memory" in message
    # one such picture is 199 MB in the decoder
    assert int(grown_kb) < 250_000


def test_a_picture_on_its_side_is_turned_upright(make_video: MakeVideo, tmp_path: Path) -> None:
    def top_left(_: float, image: np.ndarray) -> None:
        image[:60, :80] = 220

    turned = tmp_path / "turned.mp4"
    with (
        av.open(str(make_video(seconds=1, draw=top_left))) as flat,
        av.open(str(turned), "w") as out,
    ):
        stream = out.add_stream_from_template(flat.streams.video[0])
        stream.set_display_rotation(90)
        for packet in flat.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    _, frames = watched(turned)
    picture = frames[0].picture
    assert (picture.width_px, picture.height_px) == (240, 320)
    # a quarter counter-clockwise: the upper left corner comes to the lower left
    luma = picture.luma(320)
    assert float(luma[250:310, 5:50].mean()) > 180
    assert float(luma[5:200, 5:200].mean()) < 90


def test_a_frame_rate_that_varies_keeps_its_times(tmp_path: Path) -> None:
    path, times_ms = tmp_path / "vfr.mkv", [0, 100, 150, 400, 410, 900, 1900, 2000, 2700]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for at_ms in times_ms:
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8), format="bgr24")
            frame.pts, frame.time_base = at_ms, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    source = RecordingSource(
        path, started_at=AT, timezone="UTC", fps=1000, clock=FakeClock(AT), tier="full"
    )
    given = [one.media_time_s for one in source.frames()]
    assert given == pytest.approx([one / 1000 for one in times_ms], abs=0.002)


def test_a_clock_that_goes_back_goes_on(make_video: MakeVideo, tmp_path: Path) -> None:
    joined = tmp_path / "joined.ts"
    one = make_video("one.ts", seconds=3).read_bytes()
    joined.write_bytes(one + one)  # the second part begins at the time of the first
    source, frames = watched(joined)
    times = [frame.media_time_s for frame in frames]
    assert times == sorted(times)
    assert len(frames) >= 55  # of 60
    # the two parts last 6 s together, whatever their clocks say
    assert times[-1] == pytest.approx(5.9, abs=0.5)
    assert source.health.n_times_mended >= 1


def test_a_recording_whose_end_is_missing_says_how_much(make_video: MakeVideo) -> None:
    path = make_video("cut.mkv", seconds=12, size=(160, 128))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 4])
    source, frames = watched(path)
    assert 10 <= len(frames) < 60
    missing_s = 12 - frames[-1].media_time_s
    assert source.health.blind_s["recording_cut_off"] == pytest.approx(missing_s, abs=0.2)


def test_a_size_that_changes_within_a_file_changes_the_picture(
    make_video: MakeVideo, tmp_path: Path
) -> None:
    joined = tmp_path / "joined.ts"
    small, large = make_video("a.ts", seconds=2), make_video("b.ts", seconds=2, size=(400, 304))
    joined.write_bytes(small.read_bytes() + large.read_bytes())
    _, frames = watched(joined)
    sizes = [(one.picture.width_px, one.picture.height_px) for one in frames]
    assert sizes[0] == (320, 240)
    assert sizes[-1] == (400, 304)
    assert len(frames) >= 34  # of 40


@pytest.mark.parametrize(
    ("size", "is_right"),
    [((2560, 1440), True), ((640, 360), True), ((640, 368), True), ((640, 480), False),
     ((1440, 2560), False), ((704, 576), False)],
)  # fmt: skip
def test_a_calibration_for_another_shape_is_told(size: tuple[int, int], *, is_right: bool) -> None:
    camera_type = CameraType(
        id="bullet", name="", width_px=2560, height_px=1440, pitch_um=2.0, focal_length_mm=4.0,
        price_eur=1,
    )  # fmt: skip
    text = check_aspect(camera_type, *size)
    # 640 x 368, padded to whole macroblocks, is 2.2 per cent off
    assert (text is None) is is_right
    if text is not None:
        assert "cameratype bullet geeft 2560 x 1440" in text.nl
        assert f"the pictures are {size[0]} x {size[1]}" in text.en
