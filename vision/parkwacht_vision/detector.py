"""
ultralytics without its `predict`: networks, NMS and ByteTrack (ADR 0005).

The only file that imports ultralytics, torch or openvino, and only inside functions; their untyped
values stay here. Nothing is sent anywhere: telemetry, hub and auto-install are off before the
first import, and fetching weights by name happens in a process of its own (`choice.py`).
"""

import hashlib
import logging
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from parkwacht_config.errors import ModelError
from parkwacht_config.site import ObjectClass
from parkwacht_config.text import Text
from parkwacht_vision.detections import CLASSES, Detections, Floats
from parkwacht_vision.event import DetectorInfo
from parkwacht_vision.frames import Frame, Image
from parkwacht_vision.regions import Region

logger = logging.getLogger(__name__)

# Low boxes serve ByteTrack's second association; the rules ask for more.
MIN_CONFIDENCE = 0.1
NMS_IOU = 0.6
DEFAULT_SIZE_PX = 640

# Names of COCO. A moving "boat" or "train" on a business park is a vehicle of unknown kind: cars
# lit by infrared were called boats on real footage.
CLASS_BY_NAME: Mapping[str, ObjectClass] = {
    "person": ObjectClass.PERSON,
    "bicycle": ObjectClass.BICYCLE,
    "motorcycle": ObjectClass.MOTORCYCLE,
    "motorbike": ObjectClass.MOTORCYCLE,
    "car": ObjectClass.CAR,
    "van": ObjectClass.CAR,
    "truck": ObjectClass.TRUCK,
    "bus": ObjectClass.BUS,
    "train": ObjectClass.VEHICLE,
    "boat": ObjectClass.VEHICLE,
    "vehicle": ObjectClass.VEHICLE,
}
# Detections of these classes that cover each other are one object.
FOUR_WHEELED = frozenset({ObjectClass.CAR, ObjectClass.TRUCK, ObjectClass.BUS, ObjectClass.VEHICLE})


def prepare_ultralytics(state_dir: Path) -> None:
    """Turn off every way of ultralytics and openvino to reach the network, before their import."""
    config_dir = state_dir / "ultralytics"
    config_dir.mkdir(parents=True, exist_ok=True)
    os.environ.update(
        YOLO_AUTOINSTALL="false",
        YOLO_OFFLINE="true",
        YOLO_VERBOSE="false",
        YOLO_CONFIG_DIR=str(config_dir),
    )
    # openvino.tools sends an event on import; without this package it takes its own silent stub.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    from ultralytics.utils import SETTINGS  # noqa: PLC0415 - seconds of import, only when needed

    if SETTINGS["sync"]:
        SETTINGS.update(sync=False)


def weights_sha256(path: Path) -> str:
    """Return the SHA-256 of weights; of a folder, over the names and bytes of its sorted files."""
    digest = hashlib.sha256()
    if path.is_file():
        digest.update(path.read_bytes())
        return digest.hexdigest()
    for file in sorted(one for one in path.rglob("*") if one.is_file()):
        digest.update(file.relative_to(path).as_posix().encode() + b"\0")
        digest.update(file.read_bytes())
    return digest.hexdigest()


class UltralyticsDetector:
    """
    A network ultralytics can load: .pt, .onnx, an OpenVINO folder and what else it reads.

    One instance serves all cameras of a process, one picture at a time.

    Parameters
    ----------
    weights
        The file or folder.
    state_dir
        Where ultralytics may keep its settings.

    Raises
    ------
    ModelError
        The weights cannot be loaded, are of another task, or know no persons or no vehicles.
    """

    def __init__(self, weights: Path, *, state_dir: Path) -> None:
        if not weights.exists():
            raise ModelError(
                Text(
                    nl=f"gewichten {weights} bestaan niet; geef een .pt, .onnx of OpenVINO-map",
                    en=f"weights {weights} do not exist; give a .pt, .onnx or OpenVINO folder",
                )
            )
        prepare_ultralytics(state_dir)
        self._backend = _load_backend(weights)
        self._class_ids = _class_ids(self._backend.names, weights)
        self._lock = threading.Lock()
        self.info = DetectorInfo(
            name="ultralytics", model=weights.name[:300], sha256=weights_sha256(weights)
        )

    def reset(self) -> None:
        """Do nothing: every picture stands alone."""

    def detect(self, frame: Frame, regions: Sequence[Region]) -> Detections:
        """Find persons and vehicles in one frame."""
        height, width = self._input_size(frame.image)
        boxed, scale, left, top = letterbox(frame.image, width_px=width, height_px=height)
        with self._lock:
            rows = self._infer(boxed)
        if not len(rows):
            return Detections.empty()
        xyxy = (rows[:, :4] - [left, top, left, top]) / scale
        kept = (xyxy[:, 2] - xyxy[:, 0] > 1) & (xyxy[:, 3] - xyxy[:, 1] > 1)
        classes = np.array([self._class_ids[int(one)] for one in rows[:, 5]], dtype=np.int64)
        found = Detections(xyxy[kept], np.clip(rows[kept, 4], 0, 1), classes[kept])
        return merge_double_vehicles(found)

    def _input_size(self, image: Image) -> tuple[int, int]:
        size = getattr(self._backend, "imgsz", None) or [DEFAULT_SIZE_PX, DEFAULT_SIZE_PX]
        size = [size, size] if isinstance(size, int) else list(size)
        fixed = self._backend.format != "pt" and not getattr(self._backend, "dynamic", False)
        if fixed:
            return int(size[0]), int(size[1])
        # The smallest rectangle of whole strides that holds the picture.
        stride = int(self._backend.stride)
        scale = min(size[0] / image.shape[0], size[1] / image.shape[1])
        height, width = (round(side * scale) for side in image.shape[:2])
        return -(-height // stride) * stride, -(-width // stride) * stride

    def _infer(self, boxed: Image) -> Floats:
        import torch  # noqa: PLC0415
        from ultralytics.utils.nms import non_max_suppression  # noqa: PLC0415

        planes = np.ascontiguousarray(boxed[:, :, ::-1].transpose(2, 0, 1))
        with torch.inference_mode():
            tensor = torch.from_numpy(planes).to(self._backend.device).float()[None] / 255
            found = non_max_suppression(
                self._backend(tensor),
                MIN_CONFIDENCE,
                NMS_IOU,
                classes=list(self._class_ids),
                end2end=bool(getattr(self._backend, "end2end", False)),
            )[0]
        return np.asarray(found.cpu().numpy(), dtype=np.float64)


def _load_backend(weights: Path) -> Any:  # noqa: ANN401 - untyped, and kept in this file
    import torch  # noqa: PLC0415
    from ultralytics.nn.autobackend import AutoBackend  # noqa: PLC0415

    device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    try:
        backend = AutoBackend(str(weights), device=device, fp16=False, verbose=False)
        backend.eval()
    except (
        OSError, RuntimeError, TypeError, ValueError, KeyError, AttributeError, ImportError,
        EOFError, StopIteration, IndexError, SystemExit,
    ) as error:  # fmt: skip
        reason = f"{type(error).__name__}: {error}"[:200]
        raise ModelError(
            Text(
                nl=f"gewichten {weights} zijn niet te laden ({reason}); geef een .pt, .onnx of "
                "OpenVINO-map van een detectienetwerk",
                en=f"weights {weights} cannot be loaded ({reason}); give a .pt, .onnx or OpenVINO "
                "folder of a detection network",
            )
        ) from error
    task = getattr(backend, "task", None) or "detect"
    if backend.format == "pt":
        task = getattr(backend.backend.model, "task", None) or task
    if task != "detect":
        raise ModelError(
            Text(
                nl=f"gewichten {weights} zijn voor de taak {task}; nodig is detect",
                en=f"weights {weights} are for the task {task}; detect is needed",
            )
        )
    return backend


def _class_ids(names: Mapping[int, str], weights: Path) -> dict[int, int]:
    """Return, per class number of the network that we use, the index into `CLASSES`."""
    used = {
        number: CLASS_BY_NAME[name.lower()]
        for number, name in names.items()
        if name.lower() in CLASS_BY_NAME
    }
    classes = set(used.values())
    if ObjectClass.PERSON not in classes or not classes & FOUR_WHEELED:
        shown = ", ".join(list(names.values())[:8])
        raise ModelError(
            Text(
                nl=f"gewichten {weights} kennen geen personen en voertuigen (wel: {shown}); nodig "
                "zijn minstens de klassen person en car",
                en=f"weights {weights} know no persons and vehicles (but: {shown}); at least the "
                "classes person and car are needed",
            )
        )
    return {number: CLASSES.index(one) for number, one in used.items()}


def letterbox(image: Image, *, width_px: int, height_px: int) -> tuple[Image, float, float, float]:
    """
    Scale a picture into a rectangle, keeping its shape, on grey.

    Returns
    -------
    boxed, scale, left, top
        The filled rectangle; a pixel x of the picture lies at x * scale + left.
    """
    scale = min(width_px / image.shape[1], height_px / image.shape[0])
    width = max(1, round(image.shape[1] * scale))
    height = max(1, round(image.shape[0] * scale))
    left, top = (width_px - width) // 2, (height_px - height) // 2
    boxed = np.full((height_px, width_px, 3), 114, dtype=np.uint8)
    scaled = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    boxed[top : top + height, left : left + width] = scaled
    return boxed, scale, float(left), float(top)


def merge_double_vehicles(found: Detections, *, iou: float = NMS_IOU) -> Detections:
    """Keep the best of four-wheeled boxes that cover each other: a van is car and truck at once."""
    keep = np.ones(len(found), dtype=bool)
    vehicles = [i for i in range(len(found)) if found.object_class(i) in FOUR_WHEELED]
    vehicles.sort(key=lambda i: -found.confidence[i])
    for position, better in enumerate(vehicles):
        for worse in vehicles[position + 1 :]:
            if keep[better] and box_iou(found.xyxy[better], found.xyxy[worse]) > iou:
                keep[worse] = False
    return Detections(found.xyxy[keep], found.confidence[keep], found.class_id[keep])


def box_iou(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """Return intersection over union of two boxes xyxy."""
    (ax1, ay1, ax2, ay2), (bx1, by1, bx2, by2) = np.asarray(a), np.asarray(b)
    overlap = max(0.0, min(ax2, bx2) - max(ax1, bx1)) * max(0.0, min(ay2, by2) - max(ay1, by1))
    union = (ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - overlap
    return float(overlap / union) if union > 0 else 0.0


class _Boxes:
    """Detections in the form ByteTrack reads them."""

    def __init__(self, xyxy: Floats, conf: Floats, cls: npt.NDArray[Any]) -> None:
        self.xyxy, self.conf, self.cls = xyxy, conf, cls

    @property
    def xywh(self) -> Floats:
        size = self.xyxy[:, 2:] - self.xyxy[:, :2]
        return np.hstack((self.xyxy[:, :2] + size / 2, size))

    def __getitem__(self, rows: npt.NDArray[np.bool_]) -> "_Boxes":
        return _Boxes(self.xyxy[rows], self.conf[rows], self.cls[rows])

    def __len__(self) -> int:
        return len(self.conf)


class ByteTrack:
    """
    ultralytics' ByteTrack as a plain function of detections.

    Parameters
    ----------
    state_dir
        Where ultralytics may keep its settings.
    buffer_frames
        For how many frames a lost track can be found again.
    """

    def __init__(self, *, state_dir: Path, buffer_frames: int) -> None:
        prepare_ultralytics(state_dir)
        from ultralytics.trackers.byte_tracker import BYTETracker  # noqa: PLC0415

        self._tracker = BYTETracker(
            SimpleNamespace(
                track_high_thresh=0.25,
                track_low_thresh=MIN_CONFIDENCE,
                new_track_thresh=0.3,
                track_buffer=buffer_frames,
                match_thresh=0.85,
                # Scores at night are low; fused into the distance they would break every track.
                fuse_score=False,
            )
        )

    def update(self, found: Detections) -> list[tuple[int, int]]:
        """
        Match the detections of the next frame.

        Returns
        -------
        matches
            Pairs (track number, row of the detection).
        """
        boxes = _Boxes(found.xyxy, found.confidence, found.class_id.astype(np.float64))
        rows = self._tracker.update(boxes)
        return [(int(row[4]), int(row[7])) for row in rows]
