import resource
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
from packet_rings import AT, read_packets, ring_of

from parkwacht_vision.clips import ClipCutter, ClipResult
from parkwacht_vision.masks import PrivacyScreen
from parkwacht_vision.packets import EncodedPacket
from parkwacht_vision.sealing import MAGIC, unsealed

KEY = bytes(range(32))
OPEN = PrivacyScreen()
# The left half of the picture.
LEFT_HALF = PrivacyScreen((np.array([(0, 0), (0.5, 0), (0.5, 1), (0, 1)], dtype=np.float64),))
MakeVideo = Callable[..., Path]
# A key frame every ten pictures, also where the scene changes.
FIXED = {"g": "10", "sc_threshold": "0"}


def moving(at_s: float, image: npt.NDArray[np.uint8]) -> None:
    left = round(20 + at_s * 20)
    image[60:140, left : left + 40] = 200


def nal_units(data: bytes, *, is_annex_b: bool) -> list[bytes]:
    """Split by ISO/IEC 14496-10 Annex B start codes, or by the 4-byte lengths of 14496-15."""
    if is_annex_b:
        return [one for one in data.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1") if one]
    found = []
    while data:
        size = int.from_bytes(data[:4], "big")
        found.append(data[4 : 4 + size])
        data = data[4 + size :]
    return found


def cut(
    packets: list[EncodedPacket], path: Path, *, from_s: float, until_s: float, **given: object
) -> ClipResult | None:
    screen = given.pop("screen", OPEN)
    assert isinstance(screen, PrivacyScreen)
    cutter = ClipCutter(ring_of(packets), path, screen, AT + timedelta(seconds=from_s), **given)  # type: ignore[arg-type]
    for tenth in range(round(until_s * 10) + 1):  # a live worker asks again and again
        cutter.extend(AT + timedelta(seconds=tenth / 10))
    return cutter.finish()


def images_of(path: Path) -> list[npt.NDArray[np.uint8]]:
    with av.open(str(path)) as container:
        return [
            np.asarray(one.to_ndarray(format="bgr24"), np.uint8)
            for one in container.decode(video=0)
        ]


CODECS = {
    "h264, mp4": ("libx264", "a.mp4", {"g": "10", "bf": "2", "sc_threshold": "0"}),
    "h264, mpeg-ts": ("libx264", "a.ts", {"g": "10", "bf": "0", "sc_threshold": "0"}),
    "hevc, mp4": ("libx265", "a.mp4", {"x265-params": "keyint=10:open-gop=0:log-level=none"}),
    "hevc, mpeg-ts": ("libx265", "a.ts", {"x265-params": "keyint=10:open-gop=0:log-level=none"}),
    "av1, mp4": ("libsvtav1", "a.mp4", {"g": "10", "preset": "12"}),
}


@pytest.mark.parametrize("case", CODECS)
def test_packets_are_copied_bit_by_bit_from_a_key_frame_on(
    case: str, make_video: MakeVideo, tmp_path: Path
) -> None:
    codec, name, options = CODECS[case]
    source = make_video(name, seconds=4, draw=moving, codec=codec, options=options)
    packets = read_packets(source)
    # 10 pictures/s and a key frame every second: 1.5 s lies in the group that begins at 1 s.
    result = cut(packets, tmp_path / "clip.mp4", from_s=1.5, until_s=2.9)
    assert result is not None
    assert not result.is_reencoded
    assert result.started_at == AT + timedelta(seconds=1)
    # The last picture begins at 2.9 s and is shown for 0.1 s.
    assert result.ended_at == AT + timedelta(seconds=3)
    copied = read_packets(result.clip.path)
    assert copied[0].is_key
    sent = [one for one in packets if 1 <= one.media_time_s < 2.95]
    if codec == "libsvtav1":
        assert [one.data for one in copied] == [one.data for one in sent]
    else:
        is_annex_b = name.endswith(".ts")
        wanted = [nal_units(one.data, is_annex_b=is_annex_b) for one in sent]
        if codec == "libx265":  # ISO/IEC 14496-15, hvc1: parameter sets stand in the header only
            wanted = [[nal for nal in one if nal[0] >> 1 not in {32, 33, 34}] for one in wanted]
        assert [nal_units(one.data, is_annex_b=False) for one in copied] == wanted
    assert len(images_of(result.clip.path)) == 20
    assert [round(one.media_time_s, 3) for one in sorted(copied, key=lambda one: one.pts or 0)] == [
        n / 10 for n in range(20)
    ]
    data = result.clip.path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # plays while it loads


def test_pictures_that_refer_to_what_was_not_kept_are_left_out(
    make_video: MakeVideo, tmp_path: Path
) -> None:
    options = {
        "x265-params": "keyint=10:min-keyint=10:scenecut=0:bframes=3:b-adapt=0:log-level=none"
    }
    packets = read_packets(make_video(seconds=4, draw=moving, codec="libx265", options=options))
    key_s = [one.media_time_s for one in packets if one.is_key]
    after_key = packets[[one.media_time_s for one in packets].index(key_s[1]) + 1]
    assert after_key.media_time_s < key_s[1]  # x265's groups are open: it leads its key frame
    result = cut(packets, tmp_path / "clip.mp4", from_s=key_s[1] + 0.05, until_s=3.9)
    assert result is not None
    assert result.started_at == AT + timedelta(seconds=key_s[1])
    times = [one.media_time_s for one in packets if one.media_time_s >= key_s[1]]
    assert len(read_packets(result.clip.path)) == len(times)
    assert len(images_of(result.clip.path)) == len(times)


def test_the_same_packets_give_the_same_bytes(make_video: MakeVideo, tmp_path: Path) -> None:
    packets = read_packets(make_video(seconds=2, draw=moving))
    made = [cut(packets, tmp_path / f"{n}.mp4", from_s=0, until_s=2) for n in range(2)]
    masked = [
        cut(packets, tmp_path / f"{n}.mp4", from_s=0, until_s=2, screen=LEFT_HALF) for n in (2, 3)
    ]
    for one, other in (made, masked):
        assert one is not None
        assert other is not None
        assert one.clip.path.read_bytes() == other.clip.path.read_bytes()
        assert one.clip.sha256 == other.clip.sha256


@pytest.mark.parametrize("codec", ["mpeg4", "mjpeg", "msmpeg4", "rawvideo"])
def test_what_no_browser_plays_is_encoded_anew(
    codec: str, make_video: MakeVideo, tmp_path: Path
) -> None:
    packets = read_packets(make_video("a.avi", seconds=2, draw=moving, codec=codec))
    result = cut(packets, tmp_path / "clip.mp4", from_s=0, until_s=2)
    assert result is not None
    assert result.is_reencoded
    assert result.clip.codec == "h264"
    images = images_of(result.clip.path)
    assert len(images) == len(packets)
    # At 1 s the block covers columns 40 to 80.
    assert images[10][100, 60].mean() > 170
    assert images[10][100, 120].mean() < 90


def test_a_masked_clip_shows_nothing_of_what_is_masked_and_the_original_is_sealed(
    make_video: MakeVideo, tmp_path: Path
) -> None:
    packets = read_packets(make_video(seconds=2, draw=moving, options=FIXED))
    work_dir = tmp_path / "work"
    work_dir.mkdir()
    result = cut(
        packets, work_dir / "clip.mp4", from_s=0, until_s=2, screen=LEFT_HALF, key=KEY
    )  # fmt: skip
    assert result is not None
    images = images_of(result.clip.path)
    assert len(images) == 20
    # 320 wide, masked up to 160 and a rounding; H.264 may bleed a little, 8 pixels from the edge.
    assert max(int(one[:, :152].max()) for one in images) <= 8
    assert int(images[19][:, 170:].max()) > 40
    assert result.original is not None
    assert sorted(one.name for one in work_dir.iterdir()) == ["clip.mp4", "clip.mp4.enc"]
    sealed = result.original.path.read_bytes()
    assert sealed.startswith(MAGIC)
    assert b"ftyp" not in sealed
    assert not any(one.data[16:80] in sealed for one in packets)
    opened = tmp_path / "opened.mp4"
    with result.original.path.open("rb") as file:
        opened.write_bytes(b"".join(unsealed(file, KEY)))
    assert [one.data for one in read_packets(opened)] == [one.data for one in packets]


def test_nothing_unmasked_is_ever_on_the_disk(make_video: MakeVideo, tmp_path: Path) -> None:
    packets = read_packets(make_video(seconds=2, draw=moving, options=FIXED))
    work_dir = tmp_path / "work"
    work_dir.mkdir()
    cutter = ClipCutter(ring_of(packets), work_dir / "clip.mp4", LEFT_HALF, AT)
    for tenth in range(21):
        cutter.extend(AT + timedelta(seconds=tenth / 10))
        written = b"".join(one.read_bytes() for one in work_dir.iterdir())
        assert not any(one.data[16:80] in written for one in packets)
    assert cutter.finish() is not None
    assert [one.name for one in work_dir.iterdir()] == ["clip.mp4"]


def test_a_full_disk_costs_the_clip_and_leaves_no_half_of_it(
    make_video: MakeVideo, tmp_path: Path
) -> None:
    packets = read_packets(make_video(seconds=3, size=(640, 480), draw=moving))
    assert sum(len(one.data) for one in packets) > 50_000
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    for screen, key in ((OPEN, None), (LEFT_HALF, KEY)):
        # The kernel refuses to let any file of this process grow further, as a full disk does.
        resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, before[1]))
        try:
            result = cut(packets, tmp_path / "w.mp4", from_s=0, until_s=3, screen=screen, key=key)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert result is None
        assert not list(tmp_path.glob("w.mp4*"))


def test_a_clip_that_cannot_be_begun_costs_no_event(make_video: MakeVideo, tmp_path: Path) -> None:
    packets = read_packets(make_video(seconds=1))
    assert cut(packets, tmp_path / "gone" / "a.mp4", from_s=0, until_s=1) is None
    assert cut([], tmp_path / "a.mp4", from_s=0, until_s=1) is None


def test_a_clip_is_never_longer_than_its_limit(make_video: MakeVideo, tmp_path: Path) -> None:
    packets = read_packets(make_video(seconds=2, draw=moving, options=FIXED | {"bf": "0"}))
    spread = [
        EncodedPacket(
            one.data, None if one.pts is None else one.pts * 50,
            None if one.dts is None else one.dts * 50, None, one.is_key, one.media_time_s * 50,
            AT + timedelta(seconds=one.media_time_s * 50), one.format,
        )
        for one in packets
    ]  # fmt: skip
    ring = ring_of([])
    cutter = ClipCutter(ring, tmp_path / "a.mp4", OPEN, AT)
    for packet in spread:
        ring.add(packet)
        cutter.extend(packet.at)
    result = cutter.finish()
    assert result is not None
    # One picture every 5 s: the one at 60 s is the last that is not later than the limit.
    assert result.ended_at == AT + timedelta(seconds=60)
    assert len(images_of(result.clip.path)) == 13


@pytest.mark.parametrize("screen", [OPEN, LEFT_HALF], ids=["copied", "encoded anew"])
def test_a_clip_goes_on_over_a_reconnection(
    screen: PrivacyScreen, make_video: MakeVideo, tmp_path: Path
) -> None:
    path = make_video(seconds=2, draw=moving, options=FIXED)
    # The camera is back after 5 s: its clock begins anew, and its first packets are of a group
    # whose key frame was lost.
    again = read_packets(path, begins_at=AT + timedelta(seconds=5))[3:]
    result = cut(
        [*read_packets(path), *again], tmp_path / "a.mp4", from_s=0, until_s=7, screen=screen
    )
    assert result is not None
    assert result.ended_at == AT + timedelta(seconds=7)
    # 20 pictures, then those from the key frame at 1 s on.
    assert len(images_of(result.clip.path)) == 30
    times = sorted(one.media_time_s for one in read_packets(result.clip.path))
    assert times[19:21] == pytest.approx([1.9, 6.0], abs=0.02)
