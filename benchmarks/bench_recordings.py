"""Recordings: a quiet night in times real time per core, and decoding all beside PyAV."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from unittest.mock import MagicMock

import av
import cv2
import numpy as np
import numpy.typing as npt
from live_media import FPS, MAIN, N_NOISE, recording_frames
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
WEIGHTS = HERE.parents[1] / "shared/data/vision/weights/yolo11n_int8_openvino_model"
SCENE = "p1_parking_20261123T021300+0100"
RENDERED_S, NIGHT_S = 10, 600  # the rendered seconds follow each other again and again
DECODED_S = 30  # of it, where every frame is decoded
ANALYSED_FPS = 5.0
WARM_UP_PICTURES = 30
QUIET_BAR, FULL_BAR = 150.0, 1.2
BEGINS_AT = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Coding:
    """How a camera sees and codes its night."""

    name: str
    noise: float  # standard deviation per picture, grey levels, after the camera's own filter
    gop_s: float
    b_frames: int
    has_bars: bool


CODINGS = (
    Coding("GOP 2 s, low noise", 0.7, 2.0, 0, has_bars=True),
    Coding("GOP 2 s, high noise", 2.0, 2.0, 0, has_bars=True),
    Coding("GOP 2 s, 2 B-frames, low noise", 0.7, 2.0, 2, has_bars=True),
    # Every picture is one that others need, and deblocking may not be left out for so long.
    Coding("GOP 10 s, low noise", 0.7, 10.0, 0, has_bars=True),
)


def empty_night(noise: float) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield pictures of a place where nothing moves, with the noise of a sensor, as I420."""
    base, _ = recording_frames(SCENE)
    planes = av.VideoFrame.from_ndarray(base[0], format="bgr24").reformat(format="yuv420p")
    still = planes.to_ndarray()
    rng = np.random.default_rng(5)
    bank = [np.rint(rng.normal(0, noise, still.shape)).astype(np.int8) for _ in range(N_NOISE)]
    for number in range(RENDERED_S * FPS):
        grain = np.roll(bank[number % N_NOISE], int(rng.integers(0, MAIN[0])), axis=1)
        yield np.asarray(cv2.add(still, grain, dtype=cv2.CV_8U), dtype=np.uint8)


def render(folder: Path, coding: Coding) -> Path:
    """Encode some seconds, and let them follow each other for a night."""
    once, night = folder / "once.mkv", folder / f"night{CODINGS.index(coding)}.mkv"
    if night.with_suffix(".done").exists():
        return night  # kept from another run
    options = {
        "preset": "veryfast", "bf": str(coding.b_frames), "g": str(int(coding.gop_s * FPS)),
        # Variable bit rate with a cap, as cameras are set: a quiet night does not fill it.
        "crf": "23", "maxrate": "2M", "bufsize": "4M", "x264-params": "scenecut=0:open-gop=0",
    }  # fmt: skip
    with av.open(str(once), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(FPS), options=options)
        stream.width, stream.height = MAIN
        stream.pix_fmt = "yuv420p"
        stream.thread_type = "FRAME"  # else x264 cuts pictures into slices, which cameras do not
        for image in empty_night(coding.noise):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="yuv420p")))
        container.mux(stream.encode(None))
    repeat(once, night, NIGHT_S // RENDERED_S)
    night.with_suffix(".done").touch()
    return night


def repeat(source: Path, target: Path, times: int) -> None:
    """Copy a recording's packets several times, one after the other."""
    with av.open(str(source)) as read, av.open(str(target), "w") as written:
        stream = read.streams.video[0]
        packets = [
            (bytes(one), one.pts, one.is_keyframe, one.time_base)
            for one in read.demux(stream)
            if one.size
        ]
        out = written.add_stream_from_template(stream)
        for number in range(times):
            for data, pts, is_key, time_base in packets:
                packet = av.Packet(data)
                packet.time_base = time_base
                packet.pts = pts + round(number * RENDERED_S / time_base)
                # Matroska keeps no decoding times; they must grow, that is all.
                packet.dts = None
                packet.is_keyframe, packet.stream = is_key, out
                written.mux(packet)


class _StopSoon(threading.Event):
    """Stops a watch after some pictures."""

    n_asked = 0

    def is_set(self) -> bool:
        """Return whether enough was seen."""
        self.n_asked += 1
        return self.n_asked > WARM_UP_PICTURES


def watch(path: Path) -> dict[str, float]:
    """Watch a whole recording as `parkwacht watch` does, from packets to events."""
    from parkwacht_config.clock import SystemClock  # noqa: PLC0415 - in the measured process
    from parkwacht_config.loader import load_site  # noqa: PLC0415
    from parkwacht_vision.choice import DetectorKind, choose_detector  # noqa: PLC0415
    from parkwacht_vision.ports import WatchContext, WatchJob  # noqa: PLC0415
    from parkwacht_vision.source import RecordingSource  # noqa: PLC0415
    from parkwacht_vision.worker import watch_camera  # noqa: PLC0415

    site = load_site(HERE.parent / "config/sites/josink_es.toml")
    with tempfile.TemporaryDirectory() as work:
        kind: DetectorKind = "ultralytics" if WEIGHTS.exists() else "embedded"
        sink = MagicMock()
        context = WatchContext(
            site=site,
            detector=choose_detector(kind, str(WEIGHTS), state_dir=Path(work)),
            sink=sink, observer=MagicMock(), state_dir=Path(work), work_dir=Path(work),
            fps=ANALYSED_FPS, stop=threading.Event(),
        )  # fmt: skip

        def opened() -> RecordingSource:
            return RecordingSource(
                path, started_at=BEGINS_AT, timezone=site.timezone, fps=ANALYSED_FPS,
                clock=SystemClock(),
            )  # fmt: skip

        first = replace(context, stop=_StopSoon())
        watch_camera(first, WatchJob(path.name, "p1_parking", opened))  # loads the network
        begun_s = time.process_time()
        watch_camera(context, WatchJob(path.name, "p1_parking", opened))
        cpu_s = time.process_time() - begun_s
    return {"cpu_s": cpu_s, "n_events": sink.put_flagged.call_count}


def decode_plainly(path: Path) -> dict[str, float]:
    """Decode with PyAV as its manual does; nothing is converted."""
    begun_s, begun_wall_s = time.process_time(), time.monotonic()
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            if frame.time > DECODED_S:
                break
    wall_s = time.monotonic() - begun_wall_s
    return {"cpu_s": time.process_time() - begun_s, "wall_s": wall_s}


def decode_fully(path: Path) -> dict[str, float]:
    """Decode in the full tier, giving pictures at the pace of analysis."""
    from parkwacht_config.clock import SystemClock  # noqa: PLC0415 - in the measured process
    from parkwacht_vision.source import RecordingSource  # noqa: PLC0415

    begun_s, begun_wall_s = time.process_time(), time.monotonic()
    source = RecordingSource(
        path, started_at=BEGINS_AT, timezone="UTC", fps=ANALYSED_FPS, clock=SystemClock(),
        tier="full",
    )  # fmt: skip
    for frame in source.frames():
        if frame.media_time_s > DECODED_S:
            break
    wall_s = time.monotonic() - begun_wall_s
    return {"cpu_s": time.process_time() - begun_s, "wall_s": wall_s}


MEASURES = {"watch": watch, "plain": decode_plainly, "full": decode_fully}


def measured(what: str, path: Path) -> dict[str, float]:
    """Measure in a process of its own, on one thread per library."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, __file__, "--measure", what, str(path)]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True,
        env=environment,
    )  # fmt: skip
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def rate(path: Path) -> str:
    """Return the bit rate of a night."""
    return f"{path.stat().st_size * 8 / NIGHT_S / 1000:.0f}"


def compare(paths: dict[str, Path], rounds: int, console: Console) -> bool:
    """Measure side by side, print the table; returns whether all bars were met."""
    table = Table(title="recordings, empty night, 1080p25 H.264")
    for heading in ("coding", "kbit/s", "what", "CPU ms/s", "beside", "ratio", "of CPU", "bar"):
        table.add_column(heading)
    is_met = True
    for coding in CODINGS[:2]:
        nights = [measured("watch", paths[coding.name]) for _ in range(rounds)]
        speed = statistics.median(NIGHT_S / one["cpu_s"] for one in nights)
        is_met &= speed >= QUIET_BAR or not coding.has_bars
        table.add_row(
            coding.name, rate(paths[coding.name]), "key frames, gate, detector, rules",
            f"{1000 / speed:.2f}", "real time", f"{speed:.0f}", f"{speed:.0f}",
            f">= {QUIET_BAR:.0f}" if coding.has_bars else "-",
        )  # fmt: skip
    for coding in CODINGS:
        pairs = [
            (measured("plain", paths[coding.name]), measured("full", paths[coding.name]))
            for _ in range(rounds)
        ]
        ratio, of_cpu = (
            statistics.median(plain[what] / ours[what] for plain, ours in pairs)
            for what in ("wall_s", "cpu_s")
        )
        ours_ms, plain_ms = (
            statistics.median(1000 * pair[which]["cpu_s"] / DECODED_S for pair in pairs)
            for which in (1, 0)
        )
        is_met &= ratio >= FULL_BAR or not coding.has_bars
        table.add_row(
            coding.name, rate(paths[coding.name]), "every frame, 5 per second given",
            f"{ours_ms:.1f}", f"PyAV {plain_ms:.1f}", f"{ratio:.2f}", f"{of_cpu:.2f}",
            f">= {FULL_BAR}" if coding.has_bars else "-",
        )  # fmt: skip
    console.print(table)
    console.print("bars met" if is_met else "a bar was missed")
    return is_met


def main() -> int:
    """Render, measure and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--media", type=Path, help="folder to keep the rendered nights in")
    parser.add_argument("--measure", nargs=2, metavar=("WHAT", "FILE"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        what, path = asked.measure
        print(json.dumps(MEASURES[what](Path(path))))
        return 0
    console = Console(width=130)
    with tempfile.TemporaryDirectory(prefix="parkwacht-bench-") as temporary:
        folder = asked.media or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        begun_s = time.monotonic()
        paths = {one.name: render(folder, one) for one in CODINGS}
        console.print(f"rendered in {time.monotonic() - begun_s:.0f} s")
        return 0 if compare(paths, asked.rounds, console) else 1


if __name__ == "__main__":
    sys.exit(main())
