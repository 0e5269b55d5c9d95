"""
The embedded detector: a small network that names what the gate saw move.

It needs nothing that is not in the package: its weights lie beside it and run in ONNX Runtime on
the CPU. It looks at grey, with brightness and contrast taken off, so that infrared, lamps and
daylight are alike, and it only judges parts in which something moves: a region given for motion is
the box of one moving part. Where the camera is calibrated its size in metres must fit as well.
The weights were trained by vision/training/train_embedded.py; see weights_embedded/MODEL_CARD.md.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from parkwacht_config.site import ObjectClass
from parkwacht_coverage.camera import CameraModel
from parkwacht_vision.detections import Detections
from parkwacht_vision.event import DetectorInfo
from parkwacht_vision.frames import Frame
from parkwacht_vision.ground import Extent, object_extent
from parkwacht_vision.pictures import Image, Picture, PxBox
from parkwacht_vision.regions import Region
from parkwacht_vision.sizes import MOVING_PERSON, MOVING_VEHICLE

if TYPE_CHECKING:
    import onnxruntime

Probabilities = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]

VERSION = "embedded-1"
WEIGHTS = Path(__file__).parent / "weights_embedded" / "embedded.onnx"
SIDE = 48
CLASSES = (ObjectClass.PERSON, ObjectClass.VEHICLE)  # and the third: something else
CONTEXTS = (0.05, 0.2)  # of a box's size, on each side: the two scales that are averaged
MIN_CONFIDENCE = 0.5
SURELY_OTHER = 0.9  # so surely neither person nor vehicle that its movement is no news
MIN_HEIGHT_PX = 12
MIN_WIDTH_PX = 5
CONTRAST = 4.0  # grey levels added to the spread, so that an empty crop is not blown up


def embedded_info(*, is_fallback: bool = False, reason: str = "") -> DetectorInfo:
    """Describe the embedded detector."""
    return DetectorInfo(
        name="embedded", model=VERSION, sha256=_digest(), is_fallback=is_fallback, reason=reason
    )


@cache
def _digest() -> str:
    return hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()


def normalised(grey: Image) -> Floats:
    """Take brightness and contrast off a grey crop."""
    values = grey.astype(np.float32)
    return np.asarray((values - values.mean()) / (values.std() + CONTRAST), dtype=np.float32)


class EmbeddedClassifier:
    """The network by itself: a second opinion on crops of any size."""

    def __init__(self) -> None:
        self._session: onnxruntime.InferenceSession | None = None

    def classify(self, crops: Sequence[Image]) -> Probabilities:
        """
        Say what crops show.

        Parameters
        ----------
        crops
            BGR pictures, each one object with a little around it.

        Returns
        -------
        probabilities
            Of person, vehicle and something else; shape (N, 3).
        """
        if not crops:
            return np.zeros((0, 3))
        given = np.stack([_input(one) for one in crops])[:, None]
        return np.asarray(self._load().run(None, {"crops": given})[0], dtype=np.float64)

    def _load(self) -> "onnxruntime.InferenceSession":
        if self._session is None:
            import onnxruntime  # noqa: PLC0415 - heavy

            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1  # cameras share the cores, not one crop
            options.log_severity_level = 3
            self._session = onnxruntime.InferenceSession(
                str(WEIGHTS), options, providers=["CPUExecutionProvider"]
            )
        return self._session


class EmbeddedDetector:
    """
    Persons and vehicles among the parts that move.

    Parameters
    ----------
    model
        The camera's calibration; without it the size of what moves cannot be judged in metres.
    info
        How it is named in events.
    """

    def __init__(self, model: CameraModel | None, *, info: DetectorInfo | None = None) -> None:
        self.info = info or embedded_info()
        self._model = model
        self._classifier = EmbeddedClassifier()

    def detect(self, frame: Frame, regions: Sequence[Region]) -> Detections:
        """Name what moves; a look at a region that no movement asked for finds nothing."""
        picture = frame.picture
        moving = [one.box for one in regions if one.reason == "motion" and _is_large(one.box)]
        crops = [picture.crop(_padded(box, share, picture)) for box in moving for share in CONTEXTS]
        views = self._classifier.classify(crops).reshape(len(moving), len(CONTEXTS), 3)
        model = (
            None
            if self._model is None
            else self._model.scaled_to(picture.width_px, picture.height_px)
        )
        rows, others = [], []
        for box, seen in zip(moving, views.mean(axis=1), strict=True):
            best = int(seen.argmax())
            if best >= len(CLASSES):
                if seen[best] >= SURELY_OTHER:
                    others.append(box)
            elif seen[best] >= MIN_CONFIDENCE and _has_size(box, CLASSES[best], picture, model):
                rows.append((box, *_by_size(box, CLASSES[best], float(seen[best]), model)))
        found = Detections.of(rows)
        return replace(found, others=np.array(others, dtype=np.float64).reshape(-1, 4))


def _input(crop: Image) -> Floats:
    # Averaging before the colours are mixed is cheaper; a crop smaller than the input is enlarged.
    is_larger = min(crop.shape[:2]) >= SIDE
    how = cv2.INTER_AREA if is_larger else cv2.INTER_LINEAR
    small = cv2.resize(crop, (SIDE, SIDE), interpolation=how)
    return normalised(np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), dtype=np.uint8))


def _is_large(box: PxBox) -> bool:
    return box[2] - box[0] >= MIN_WIDTH_PX and box[3] - box[1] >= MIN_HEIGHT_PX


def _padded(box: PxBox, share: float, picture: Picture) -> PxBox:
    wide, high = round(share * (box[2] - box[0])), round(share * (box[3] - box[1]))
    return (
        max(0, box[0] - wide),
        max(0, box[1] - high),
        min(picture.width_px, box[2] + wide),
        min(picture.height_px, box[3] + high),
    )


def _has_size(box: PxBox, named: ObjectClass, picture: Picture, model: CameraModel | None) -> bool:
    width, height = box[2] - box[0], box[3] - box[1]
    if model is not None:
        limits = MOVING_PERSON if named is ObjectClass.PERSON else MOVING_VEHICLE
        return limits.hold(object_extent(model, box))
    return fits_shape(width / picture.width_px, height / picture.height_px, width / height, named)


def _by_size(
    box: PxBox, named: ObjectClass, confidence: float, model: CameraModel | None
) -> tuple[float, ObjectClass]:
    """Let metres go before the network where it calls something of a person's size a vehicle."""
    extent = None if model is None else object_extent(model, box)
    if named is ObjectClass.VEHICLE and extent is not None and is_upright(extent):
        return MIN_CONFIDENCE, ObjectClass.PERSON
    return confidence, named


def is_upright(extent: Extent) -> bool:
    """Return whether metres are a person's, with the blur of the way behind: high, and not long."""
    return 1.75 < extent.height_m <= 2.4 and extent.width_m < 3.0  # noqa: PLR2004


def fits_shape(width: float, height: float, slimness: float, named: ObjectClass) -> bool:
    """
    Return whether a shape in the picture fits a class, for a camera without calibration.

    Parameters
    ----------
    width, height
        Shares of the picture's width and height.
    slimness
        Width over height in pixels.
    named
        The class.
    """
    if named is ObjectClass.PERSON:
        return 0.04 <= height <= 1.0 and 0.15 <= slimness <= 1.3  # noqa: PLR2004
    return height >= 0.03 and 0.03 <= width <= 0.9 and 0.5 <= slimness <= 5.0  # noqa: PLR2004
