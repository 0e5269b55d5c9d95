"""
Measure how well COCO-trained weights find the actors of the sample recordings.

Run `python sample_media/check.py [--weights DIR] [--every N]`. Found means IoU >= 0.3 at confidence
>= 0.25 in a frame where the actor is taller than 60 px and at least 60 % visible.
"""

import argparse
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
HERE = Path(__file__).parent
WEIGHTS = HERE.parent.parent / "shared" / "data" / "vision" / "weights"
MODELS = ("yolo11n_int8_openvino_model", "yolov8n_int8_openvino_model")
ACCEPTED = {"person": {0}, "truck": {2, 5, 7}, "car": {2, 5, 7}}  # COCO classes
MOVING = {0, 1, 2, 3, 5, 7}
MIN_IOU, MIN_CONFIDENCE, MIN_HEIGHT_PX, MIN_VISIBLE = 0.3, 0.25, 60.0, 0.6
FALSE_CONFIDENCE = 0.4


@dataclass(slots=True)
class Score:
    """What one model made of one recording."""

    frames: int = 0  # frames looked at, per actor, where it is tall and visible enough
    found: int = 0
    false: int = 0  # detections of moving classes at confidence .4 that lie on nothing true
    looked_at: int = 0
    by_track: dict[int, tuple[int, int]] = field(default_factory=dict)


class Net:
    """One detector, fed without the parts of ultralytics that import torchvision."""

    def __init__(self, weights: Path) -> None:
        os.environ.update(
            YOLO_AUTOINSTALL="false", YOLO_OFFLINE="true", ULTRALYTICS_SAFE_LOAD="true"
        )
        import torch  # noqa: PLC0415
        from ultralytics.data.augment import LetterBox  # noqa: PLC0415
        from ultralytics.nn.autobackend import AutoBackend  # noqa: PLC0415

        self._torch = torch
        self._net = AutoBackend(str(weights), device=torch.device("cpu"), verbose=False)
        self._letterbox = LetterBox((640, 640), auto=False)

    def detect(self, rgb: npt.NDArray[np.uint8]) -> Floats:
        """Return detections, shape (N, 6): xyxy, confidence, COCO class."""
        from ultralytics.utils.nms import non_max_suppression  # noqa: PLC0415
        from ultralytics.utils.ops import scale_boxes  # noqa: PLC0415

        boxed = self._letterbox(image=rgb).transpose(2, 0, 1)[None]
        tensor = self._torch.from_numpy(np.ascontiguousarray(boxed)).float() / 255
        with self._torch.no_grad():
            found = non_max_suppression(self._net(tensor), MIN_CONFIDENCE, 0.6)[0]
        found[:, :4] = scale_boxes((640, 640), found[:, :4], rgb.shape)
        return np.asarray(found.cpu().numpy(), dtype=np.float64)


def frames_of(path: Path, every: int) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
    """Decode every n-th frame of a recording."""
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % every == 0:
                yield number, frame.to_ndarray(format="rgb24")


def iou(one: Floats, others: Floats) -> Floats:
    """Compute the overlap of a box with boxes, shape (N,)."""
    low = np.maximum(one[:2], others[:, :2])
    high = np.minimum(one[2:4], others[:, 2:4])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = np.prod(others[:, 2:4] - others[:, :2], axis=1)
    return np.asarray(shared / (np.prod(one[2:4] - one[:2]) + areas - shared))


def boxes_at(truth: dict[str, Any], number: int) -> list[tuple[dict[str, Any], Floats, float]]:
    """Return the true boxes of a frame, clipped to the image, with their visible share."""
    size = np.array([truth["width_px"], truth["height_px"]] * 2, dtype=np.float64)
    boxes = []
    for track in truth["tracks"]:
        k = 0 if track["is_parked"] else number - track["first_frame"]
        if 0 <= k < len(track["boxes_px"]):
            box = np.clip(np.array(track["boxes_px"][k]), 0, size)
            boxes.append((track, box, float(track["visible"][k])))
    return boxes


def score(path: Path, net: Net, *, every: int) -> Score:
    """
    Compare a model's detections with the truth of one recording.

    Parameters
    ----------
    path
        The recording; its truth lies beside it.
    net
        The model.
    every
        Look at every n-th frame only.
    """
    truth = json.loads(path.with_suffix(".json").read_text())
    result = Score()
    for number, rgb in frames_of(path, every):
        found = net.detect(rgb)
        true = boxes_at(truth, number)
        result.looked_at += 1
        for track, box, visible in true:
            tall = box[3] - box[1] >= MIN_HEIGHT_PX and visible >= MIN_VISIBLE
            if track["is_parked"] or not tall:
                continue
            right = found[np.isin(found[:, 5], list(ACCEPTED[track["class"]]))]
            hit = bool((iou(box, right[:, :4]) >= MIN_IOU).any())
            result.frames += 1
            result.found += hit
            seen, hits = result.by_track.get(track["id"], (0, 0))
            result.by_track[track["id"]] = (seen + 1, hits + hit)
        sure = found[(found[:, 4] >= FALSE_CONFIDENCE) & np.isin(found[:, 5], list(MOVING))]
        for one in sure:
            lies_on = any(iou(one, box[None])[0] > 0.1 for _, box, _ in true)  # noqa: PLR2004
            result.false += not lies_on
    return result


def main() -> None:
    """Print a table: recordings by models."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--clips", type=Path, default=HERE)
    parser.add_argument("--every", type=int, default=1)
    chosen = parser.parse_args()
    for name in MODELS:
        if not (chosen.weights / name).exists():
            print(f"{name}: skipped, not in {chosen.weights}")
            continue
        net = Net(chosen.weights / name)
        for path in sorted(chosen.clips.glob("*.mp4")):
            got = score(path, net, every=chosen.every)
            share = f"{100 * got.found / got.frames:3.0f} %" if got.frames else "  -  "
            size = path.stat().st_size / 1e6
            print(
                f"{name:30} {path.stem:34} {size:5.2f} MB  tall {got.frames:4}  found {share}"
                f"  per track {got.by_track}  false {got.false} in {got.looked_at}"
            )


if __name__ == "__main__":
    main()
