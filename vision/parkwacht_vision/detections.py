"""
What is in one picture: the contract every detector meets.

Boxes are xyxy in pixels of the picture that was given, origin top left, not clipped to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from parkwacht_config.site import ObjectClass
from parkwacht_vision.event import DetectorInfo
from parkwacht_vision.frames import Frame
from parkwacht_vision.regions import Region

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CLASSES: tuple[ObjectClass, ...] = tuple(ObjectClass)


@dataclass(frozen=True, slots=True)
class Detections:
    """
    Parallel arrays, one row per object.

    `xyxy` has shape (N, 4), `confidence` shape (N,) in [0, 1], `class_id` shape (N,): the index
    into `CLASSES`. `others` has shape (M, 4): boxes of what was recognised as something that is
    nobody's business, an animal; it keeps movement there from being called unrecognised.
    """

    xyxy: Floats
    confidence: Floats
    class_id: Ints
    others: Floats = field(default_factory=lambda: np.zeros((0, 4)))

    def __post_init__(self) -> None:
        """
        Check the shapes and ranges.

        Raises
        ------
        ValueError
            The arrays do not belong together or hold impossible values.
        """
        n = len(self.confidence)
        if (
            self.xyxy.shape != (n, 4)
            or self.confidence.shape != (n,)
            or self.class_id.shape != (n,)
        ):
            message = (
                f"shapes {self.xyxy.shape}, {self.confidence.shape}, {self.class_id.shape} "
                "are not (N, 4), (N,), (N,)"
            )
            raise ValueError(message)
        if n and not (np.isfinite(self.xyxy).all() and (self.xyxy[:, 2:] > self.xyxy[:, :2]).all()):
            message = (
                "a box is not finite or its right bottom is not right of and below its left top"
            )
            raise ValueError(message)
        if n and not ((self.confidence >= 0) & (self.confidence <= 1)).all():
            message = "a confidence lies outside [0, 1]"
            raise ValueError(message)
        if n and not ((self.class_id >= 0) & (self.class_id < len(CLASSES))).all():
            message = "a class id is unknown"
            raise ValueError(message)

    @classmethod
    def empty(cls) -> "Detections":
        """Return no detections."""
        return cls(np.zeros((0, 4)), np.zeros(0), np.zeros(0, dtype=np.int64))

    @classmethod
    def of(cls, rows: Sequence[tuple[Sequence[float], float, ObjectClass]]) -> "Detections":
        """Build from rows of (xyxy, confidence, class)."""
        if not rows:
            return cls.empty()
        return cls(
            np.array([row[0] for row in rows], dtype=np.float64),
            np.array([row[1] for row in rows], dtype=np.float64),
            np.array([CLASSES.index(row[2]) for row in rows], dtype=np.int64),
        )

    def __len__(self) -> int:
        """Return the number of objects."""
        return len(self.confidence)

    def object_class(self, row: int) -> ObjectClass:
        """Return the class of one row."""
        return CLASSES[int(self.class_id[row])]


class Detector(Protocol):
    """Anything that finds persons and vehicles in the frames of one camera."""

    @property
    def info(self) -> DetectorInfo:
        """Which detector this is."""
        ...

    def detect(self, frame: Frame, regions: Sequence[Region]) -> Detections:
        """
        Find persons and vehicles in parts of one frame.

        Boxes are in pixels of the whole picture; what two regions both show is given once.
        """
        ...
