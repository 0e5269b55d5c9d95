"""Our detect() beside the bare compiled network and ultralytics' predict, on the same pictures."""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from parkwacht_vision.detector import UltralyticsDetector, prepare_ultralytics
from parkwacht_vision.frames import Frame
from parkwacht_vision.openvino_network import N_STREAMS, OpenVinoNetwork
from parkwacht_vision.pictures import DecodedPicture, PxBox
from parkwacht_vision.regions import Region

SHARED = Path(__file__).parents[2] / "shared" / "data" / "vision"
WEIGHTS = SHARED / "weights" / "yolo11n_int8_openvino_model"
CLIP = SHARED / "clips" / "day_towncentre_1080p.mp4"
AT = datetime(2026, 11, 23, 1, tzinfo=UTC)

OVERHEAD_BAR = 0.25  # of the bare call
TWO_BAR = 1.05  # two parts side by side take no longer than one after the other (5 % for noise)
N_PICTURES = 6
# Parts of a picture of 1920 x 1080 that give these inputs.
PARTS: dict[tuple[int, int], PxBox] = {
    (384, 640): (0, 0, 1920, 1080),
    (640, 640): (600, 200, 1240, 840),
    (320, 320): (800, 300, 1040, 540),
}
PAIR: tuple[PxBox, PxBox] = ((800, 300, 1040, 540), (1200, 500, 1440, 740))


@dataclass(frozen=True, slots=True)
class Bench:
    """What is measured on, and how often."""

    detector: UltralyticsDetector
    network: OpenVinoNetwork
    pictures: Sequence[av.VideoFrame]
    n_rounds: int

    def frames(self) -> list[Frame]:
        """Return the pictures as they come from a decoder, nothing converted yet."""
        return [
            Frame(DecodedPicture(one), 0.0, AT, AT, number)
            for number, one in enumerate(self.pictures)
        ]

    def medians_ms(self, calls: Sequence[Callable[[int, Frame], object]]) -> list[float]:
        """
        Measure calls in turn on each picture, so that a busy machine troubles all alike.

        Returns
        -------
        medians_ms
            Per call the median over the rounds of the median over the pictures.
        """
        rounds_ms: list[list[float]] = [[] for _ in calls]
        for round_number in range(self.n_rounds + 1):
            took_ms: list[list[float]] = [[] for _ in calls]
            frames = zip(*(self.frames() for _ in calls), strict=True)
            for number, same in enumerate(frames):
                for call, frame, kept in zip(calls, same, took_ms, strict=True):
                    began_s = time.perf_counter()
                    call(number, frame)
                    kept.append((time.perf_counter() - began_s) * 1000)
            if round_number:  # the first one warms up
                for one, kept in zip(rounds_ms, took_ms, strict=True):
                    one.append(statistics.median(kept))
        return [statistics.median(one) for one in rounds_ms]


def read_pictures(path: Path) -> list[av.VideoFrame]:
    """Return pictures of a recording, half a second apart."""
    taken = []
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % 12 == 0:
                taken.append(frame)
            if len(taken) == N_PICTURES:
                break
    return taken


def network_input(bench: Bench, frame: Frame, box: PxBox) -> Any:  # noqa: ANN401 - a tensor
    """Return what the network is shown of a part, made as detect() makes it, by other means."""
    x1, y1, x2, y2 = box
    part = frame.picture.bgr()[y1:y2, x1:x2]
    height, width = bench.network.input_size(y2 - y1, x2 - x1)
    scale = min(width / part.shape[1], height / part.shape[0])
    scaled = cv2.resize(part, (round(part.shape[1] * scale), round(part.shape[0] * scale)))
    boxed = np.full((1, height, width, 3), 114, np.uint8)
    top, left = (height - scaled.shape[0]) // 2, (width - scaled.shape[1]) // 2
    boxed[0, top : top + scaled.shape[0], left : left + scaled.shape[1]] = scaled
    return boxed


def measure_part(bench: Bench, size: tuple[int, int]) -> tuple[float, float]:
    """Return ms of the bare call and of detect() at one input size."""
    box = PARTS[size]
    shown = [network_input(bench, one, box) for one in bench.frames()]
    request = bench.network.raw(*size).create_infer_request()

    def bare(number: int, _: Frame) -> None:
        request.infer({0: shown[number]})

    def ours(_: int, frame: Frame) -> None:
        bench.detector.detect(frame, [Region(box, "motion")])

    bare_ms, ours_ms = bench.medians_ms([bare, ours])
    return bare_ms, ours_ms


def measure_pair(bench: Bench) -> tuple[float, float]:
    """Return ms of two parts in one call, and in two."""
    first, second = (Region(one, "motion") for one in PAIR)

    def together(_: int, frame: Frame) -> None:
        bench.detector.detect(frame, [first, second])

    def in_turn(_: int, frame: Frame) -> None:
        bench.detector.detect(frame, [first])
        bench.detector.detect(frame, [second])

    together_ms, in_turn_ms = bench.medians_ms([together, in_turn])
    return together_ms, in_turn_ms


def measure_predict(bench: Bench, weights: Path) -> tuple[float, float] | None:
    """Return ms of ultralytics' predict and of detect(), both of whole pictures."""
    try:
        import torchvision  # type: ignore[import-untyped]  # noqa: F401, PLC0415 - predict's non-maximum suppression
        from ultralytics import YOLO  # noqa: PLC0415 - seconds of import

        model = YOLO(str(weights), task="detect")
        image = bench.frames()[0].picture.bgr()
        model.predict(image, imgsz=640, verbose=False, device="cpu")
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        print(f"ultralytics' predict does not run here: {type(error).__name__}: {error}")
        return None

    def predict(_: int, frame: Frame) -> None:
        model.predict(frame.picture.bgr(), imgsz=640, conf=0.1, verbose=False, device="cpu")

    def ours(_: int, frame: Frame) -> None:
        bench.detector.detect(frame, [Region(PARTS[384, 640], "motion")])

    predict_ms, ours_ms = bench.medians_ms([predict, ours])
    return predict_ms, ours_ms


def run(bench: Bench, weights: Path) -> bool:
    """Measure, show, and return whether the bars are met."""
    table = Table("what", "ms", "beside", "ms", "ratio", "bar", "met", title="detector")
    is_met = True
    for size in PARTS:
        bare_ms, ours_ms = measure_part(bench, size)
        ratio, bar = ours_ms / bare_ms, 1 + OVERHEAD_BAR
        is_met &= ratio <= bar
        table.add_row(
            f"detect() at {size[1]} x {size[0]}", f"{ours_ms:.1f}", "bare network",
            f"{bare_ms:.1f}", f"{ratio:.2f}", f"<= {bar:.2f}", "yes" if ratio <= bar else "NO",
        )  # fmt: skip
    together_ms, in_turn_ms = measure_pair(bench)
    ratio = together_ms / in_turn_ms
    is_met &= ratio <= TWO_BAR
    table.add_row(
        "two parts side by side", f"{together_ms:.1f}", "one after the other",
        f"{in_turn_ms:.1f}", f"{ratio:.2f}", f"<= {TWO_BAR:.2f}",
        "yes" if ratio <= TWO_BAR else "NO",
    )  # fmt: skip
    theirs = measure_predict(bench, weights)
    if theirs is not None:
        predict_ms, ours_ms = theirs
        table.add_row(
            "detect(), whole picture", f"{ours_ms:.1f}", "ultralytics' predict",
            f"{predict_ms:.1f}", f"{ours_ms / predict_ms:.2f}", "<= 1.00",
            "yes" if ours_ms <= predict_ms else "NO",
        )  # fmt: skip
        is_met &= ours_ms <= predict_ms
    Console(width=120).print(table)
    return is_met


def main() -> None:
    """Run on the shared pictures and weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="an OpenVINO folder")
    parser.add_argument("--clip", type=Path, default=CLIP, help="a recording of 1920 x 1080")
    parser.add_argument("--rounds", type=int, default=7, help="at least 5")
    asked = parser.parse_args()
    for path in (asked.weights, asked.clip):
        if not path.exists():
            print(f"bench detector: {path} is not here; give --weights and --clip", file=sys.stderr)
            sys.exit(2)
    with tempfile.TemporaryDirectory() as folder:
        prepare_ultralytics(Path(folder))
        detector = UltralyticsDetector(asked.weights, state_dir=Path(folder))
        if not isinstance(detector.network, OpenVinoNetwork):
            print("bench detector: the weights are no OpenVINO folder", file=sys.stderr)
            sys.exit(2)
        bench = Bench(detector, detector.network, read_pictures(asked.clip), max(5, asked.rounds))
        print(
            f"{len(bench.pictures)} pictures, median of {bench.n_rounds} rounds, "
            f"{os.cpu_count()} cores, {N_STREAMS} streams"
        )
        is_met = run(bench, asked.weights)
    sys.exit(0 if is_met else 1)


if __name__ == "__main__":
    main()
