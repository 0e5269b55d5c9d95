"""Nights for the live benchmark: sample recordings at 1080p25 with noise, rain and a substream."""

import json
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).parents[1]
FPS = 25
MAIN, SUB = (1920, 1080), (640, 360)
QUIET_S = 20.0
LOOP_S = (4.0, 18.0)  # of the quiet seconds: whole GOPs, after the coder has settled
N_NOISE = 16
Image = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Night:
    """One camera's two streams, and the second at which somebody stands in the zone."""

    camera_id: str
    main: Path
    sub: Path
    visible_from_s: float
    length_s: float


def recording_frames(name: str) -> tuple[list[Image], dict[str, Any]]:
    """Return the frames of a sample recording, luma and chroma as I420, and its truth."""
    path = ROOT / "sample_media" / f"{name}.mp4"
    with av.open(str(path)) as container:
        frames = [
            np.asarray(one.reformat(*MAIN, format="bgr24").to_ndarray(), dtype=np.uint8)
            for one in container.decode(video=0)
        ]
    return frames, json.loads(path.with_suffix(".json").read_text())


def rain(rng: np.random.Generator, image: Image, streaks: int) -> None:
    """Draw fresh streaks of rain, bright as under an infrared lamp."""
    height, width = image.shape[:2]
    for _ in range(streaks):
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        length = int(rng.integers(20, 90))
        cv2.line(image, (x, y), (x + length // 8, y + length), (150, 150, 150), 2)


class Writer:
    """H.264 of a camera: no B frames, a key frame every 2 s, about 2 Mbit/s for the main stream."""

    def __init__(self, path: Path, size: tuple[int, int], bit_rate: int) -> None:
        self._container = av.open(str(path), "w")
        options = {"preset": "veryfast", "bf": "0", "g": str(2 * FPS), "x264-params": "scenecut=0"}
        self._stream = self._container.add_stream("libx264", rate=Fraction(FPS), options=options)
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = "yuv420p"
        self._stream.bit_rate = bit_rate
        self._size = size

    def add(self, image: Image) -> None:
        """Write a BGR picture, scaled to the stream's size."""
        if (image.shape[1], image.shape[0]) != self._size:
            image = np.asarray(cv2.resize(image, self._size, interpolation=cv2.INTER_AREA))
        frame = av.VideoFrame.from_ndarray(image, format="bgr24")
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Write what is held back and close the file."""
        self._container.mux(self._stream.encode(None))
        self._container.close()


def make_night(name: str, folder: Path, *, is_rain: bool, noise: float = 2.0) -> Night:
    """
    Write one night: twenty quiet seconds, then the recording.

    Parameters
    ----------
    name
        A sample recording with one intruder.
    folder
        Where the two files are written.
    is_rain
        Whether it rains all the time.
    noise
        Standard deviation of the sensor's noise, grey levels.
    """
    frames, truth = recording_frames(name)
    (event,) = truth["expected_events"][:1]
    start_s = QUIET_S + float(event["start_s"])
    length_s = QUIET_S + len(frames) / 10
    rng = np.random.default_rng(5)
    # A bank of noise, shifted at random per frame: fresh enough for a codec, and cheap.
    bank = [rng.normal(0, noise, (MAIN[1], MAIN[0], 1)).astype(np.int8) for _ in range(N_NOISE)]
    stem = f"{name.partition('_2026')[0]}_{'rain' if is_rain else 'quiet'}"
    main, sub = folder / f"{stem}_main.mp4", folder / f"{stem}_sub.mp4"
    night = Night(str(truth["camera_id"]), main, sub, start_s, length_s)
    if main.with_suffix(".done").exists():
        return night  # kept from another run
    writers = (Writer(main, MAIN, 2_000_000), Writer(sub, SUB, 400_000))
    for index in range(round(length_s * FPS)):
        at_s = max(0.0, index / FPS - QUIET_S)
        base = frames[min(len(frames) - 1, int(at_s * 10))]
        grain = np.roll(bank[index % N_NOISE], int(rng.integers(0, MAIN[0])), axis=1)
        image = cv2.add(base, np.repeat(grain, 3, axis=2), dtype=cv2.CV_8U)
        if is_rain:
            rain(rng, image, 60)
        for writer in writers:
            writer.add(np.asarray(image, dtype=np.uint8))
    for writer in writers:
        writer.close()
    main.with_suffix(".done").touch()
    return night


def with_lead_in(night: Night, folder: Path, times: int) -> Night:
    """Return a night whose quiet seconds come several times more, packet by packet."""
    longer = {}
    for path in (night.main, night.sub):
        longer[path] = folder / f"{path.stem}_lead{times}.mp4"
        repeat_quiet(path, longer[path], times, has_rest=True)
    added_s = times * (LOOP_S[1] - LOOP_S[0]) - LOOP_S[0]
    return replace(
        night, main=longer[night.main], sub=longer[night.sub],
        visible_from_s=night.visible_from_s + added_s, length_s=night.length_s + added_s,
    )  # fmt: skip


def repeat_quiet(source: Path, target: Path, times: int, *, has_rest: bool) -> None:
    """
    Copy the packets of a stream's quiet seconds several times, one after the other.

    Parameters
    ----------
    source
        A stream that `make_night` wrote.
    target
        Where to write.
    times
        How often the quiet seconds come.
    has_rest
        Whether the stream follows then, from the beginning of those seconds to its end.
    """
    with av.open(str(source)) as read, av.open(str(target), "w") as written:
        stream = read.streams.video[0]
        base = stream.time_base or Fraction(1, 90_000)
        packets = [
            (bytes(one), one.pts or 0, one.is_keyframe) for one in read.demux(stream) if one.size
        ]
        begin, end = (round(one / base) for one in LOOP_S)
        out = written.add_stream_from_template(stream)
        for number in range(times + has_rest):
            for data, pts, is_key in packets:
                if pts < begin or (number < times and pts >= end):
                    continue
                packet = av.Packet(data)
                packet.time_base = base
                packet.pts = packet.dts = pts - begin + number * (end - begin)
                packet.is_keyframe, packet.stream = is_key, out
                written.mux(packet)


SERVER = """
import sys
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer
Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(sys.argv[1])
for number, path in enumerate(sys.argv[2:]):
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(
        f'( filesrc location="{path}" ! qtdemux ! h264parse config-interval=-1 '
        '! rtph264pay name=pay0 pt=96 )'
    )
    server.get_mount_points().add_factory(f"/{number}", factory)
server.attach(None)
print("ready", flush=True)
GLib.MainLoop().run()
"""
