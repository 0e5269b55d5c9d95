"""
ultralytics without its `predict`: networks and what they find in parts of a picture (ADR 0005).

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
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from parkwacht_config.errors import ModelError
from parkwacht_config.site import ObjectClass
from parkwacht_config.text import Text
from parkwacht_vision.boxes import (
    DEFAULT_SIZE_PX,
    FOUR_WHEELED,
    NMS_IOU,
    PartFindings,
    fitting_size,
    is_cut_off,
    letterbox,
    merge_double_vehicles,
    merge_regions,
)
from parkwacht_vision.detections import CLASSES, Detections, Floats
from parkwacht_vision.event import DetectorInfo
from parkwacht_vision.frames import Frame, Image
from parkwacht_vision.openvino_network import OpenVinoNetwork
from parkwacht_vision.pickle_guard import check_pickle
from parkwacht_vision.pictures import PxBox
from parkwacht_vision.regions import Region, whole

logger = logging.getLogger(__name__)

# Weak boxes serve the second stage of tracking; the rules ask for more.
MIN_CONFIDENCE = 0.1

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


# Animals of COCO: recognised, and nobody's business.
ANIMALS = frozenset(
    {"bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe"}
)
ANIMAL_CONFIDENCE = 0.25


def prepare_ultralytics(state_dir: Path) -> None:
    """Turn off every way of ultralytics and openvino to reach the network, before their import."""
    config_dir = state_dir / "ultralytics"
    config_dir.mkdir(parents=True, exist_ok=True)
    os.environ.update(
        YOLO_AUTOINSTALL="false",
        YOLO_OFFLINE="true",
        YOLO_VERBOSE="false",
        ULTRALYTICS_SAFE_LOAD="true",
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


class Network(Protocol):
    """A network that finds boxes in pictures of any size of whole strides, or of its own size."""

    @property
    def names(self) -> Mapping[int, str]:
        """Its classes."""
        ...

    def input_size(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width of the input in which a picture of this size is best seen."""
        ...

    def infer(
        self, pictures: Sequence[Image], class_ids: Sequence[int], min_confidence: float, iou: float
    ) -> list[Floats]:
        """Return rows of xyxy, confidence and class, shape (N, 6), per picture."""
        ...


class UltralyticsDetector:
    """
    A network ultralytics can load: .pt, .onnx, an OpenVINO folder and what else it reads.

    One instance serves all cameras of a process. An OpenVINO folder runs without torch.

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
        self.network = load_network(weights, state_dir)
        self._class_ids = _class_ids(self.network.names, weights)
        self._animal_ids = [
            number for number, name in self.network.names.items() if name.lower() in ANIMALS
        ]
        self.info = DetectorInfo(
            name="ultralytics", model=weights.name[:300], sha256=weights_sha256(weights)
        )

    def warm_up(self) -> None:
        """Get ready for a live camera: its first event must not wait for a compiler."""
        if isinstance(self.network, OpenVinoNetwork):
            self.network.warm_up()

    def detect(self, frame: Frame, regions: Sequence[Region]) -> Detections:
        """Find persons and vehicles in parts of one frame."""
        views = [self._view(frame, region) for region in regions]
        answers = self.network.infer(
            [view.image for view in views],
            [*self._class_ids, *self._animal_ids],
            MIN_CONFIDENCE,
            NMS_IOU,
        )
        size = (frame.picture.width_px, frame.picture.height_px)
        found = [self._placed(view, rows, size) for view, rows in zip(views, answers, strict=True)]
        return merge_double_vehicles(merge_regions(found))

    def _view(self, frame: Frame, region: Region) -> "_View":
        x1, y1, x2, y2 = region.box
        is_whole = region.box == whole(frame.picture).box
        part = frame.picture.bgr() if is_whole else frame.picture.crop(region.box)
        height, width = self.network.input_size(y2 - y1, x2 - x1)
        boxed, scale, left, top = letterbox(part, width_px=width, height_px=height)
        return _View(region.box, boxed, scale, left, top)

    def _placed(self, view: "_View", rows: Floats, size: tuple[int, int]) -> "PartFindings":
        xyxy = (rows[:, :4] - [view.left, view.top, view.left, view.top]) / view.scale
        xyxy += [view.box[0], view.box[1], view.box[0], view.box[1]]
        is_animal = np.isin(rows[:, 5], self._animal_ids)
        kept = (xyxy[:, 2] - xyxy[:, 0] > 1) & (xyxy[:, 3] - xyxy[:, 1] > 1) & ~is_animal
        classes = np.array([self._class_ids[int(one)] for one in rows[kept, 5]], dtype=np.int64)
        others = xyxy[is_animal & (rows[:, 4] >= ANIMAL_CONFIDENCE)]
        found = Detections(xyxy[kept], np.clip(rows[kept, 4], 0, 1), classes, others)
        return PartFindings(found, is_cut_off(found.xyxy, view.box, size))


@dataclass(frozen=True, slots=True)
class _View:
    """A part of a picture as the network is shown it."""

    box: PxBox
    image: Image
    scale: float
    left: float
    top: float


def load_network(weights: Path, state_dir: Path) -> Network:
    """
    Load weights safely by the runtime that serves them best.

    Raises
    ------
    ModelError
        They cannot be loaded or are of another task.
    """
    if weights.is_dir() and any(weights.glob("*.xml")):
        network = OpenVinoNetwork(weights)
        _check_task(network.task, weights)
        return network
    prepare_ultralytics(state_dir)
    if ".pt" in weights.name.lower():  # ultralytics takes any name with it for one
        check_pickle(weights)
    return AutoNetwork(weights)


def _check_task(task: str, weights: Path) -> None:
    if task != "detect":
        raise ModelError(
            Text(
                nl=f"gewichten {weights} zijn voor de taak {task}; nodig is detect",
                en=f"weights {weights} are for the task {task}; detect is needed",
            )
        )


class AutoNetwork:
    """
    A network behind ultralytics' AutoBackend: .pt, ONNX, TensorRT and what else it reads.

    Parameters
    ----------
    weights
        The file or folder.
    """

    def __init__(self, weights: Path) -> None:
        self._backend = _load_backend(weights)
        self._lock = threading.Lock()
        self.names: Mapping[int, str] = self._backend.names

    def input_size(self, height: int, width: int) -> tuple[int, int]:
        """Return the export's own size; where it is free, a rectangle that holds the picture."""
        size = getattr(self._backend, "imgsz", None) or [DEFAULT_SIZE_PX, DEFAULT_SIZE_PX]
        size = [size, size] if isinstance(size, int) else list(size)
        if self._backend.format != "pt" and not getattr(self._backend, "dynamic", False):
            return int(size[0]), int(size[1])
        return fitting_size(height, width, int(self._backend.stride))

    def infer(
        self, pictures: Sequence[Image], class_ids: Sequence[int], min_confidence: float, iou: float
    ) -> list[Floats]:
        """Detect in pictures; on a GPU those of one size in one batch."""
        if self._backend.device.type != "cpu" and len({one.shape for one in pictures}) == 1:
            return self._infer(pictures, class_ids, min_confidence, iou)
        return [self._infer([one], class_ids, min_confidence, iou)[0] for one in pictures]

    def _infer(
        self, pictures: Sequence[Image], class_ids: Sequence[int], min_confidence: float, iou: float
    ) -> list[Floats]:
        import torch  # noqa: PLC0415
        from ultralytics.utils.nms import non_max_suppression  # noqa: PLC0415

        planes = np.stack([one[:, :, ::-1].transpose(2, 0, 1) for one in pictures])
        with self._lock, torch.inference_mode():
            tensor = torch.from_numpy(planes).to(self._backend.device).float() / 255
            found = non_max_suppression(
                self._backend(tensor),
                min_confidence,
                iou,
                classes=list(class_ids),
                end2end=bool(getattr(self._backend, "end2end", False)),
            )
        return [np.asarray(one.cpu().numpy(), dtype=np.float64) for one in found]


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
    _check_task(task, weights)
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
