"""
The embedded detector: what moves against a learned, noise-normalised background, by its size.

It needs no weights and no network. Luma is averaged by area to 270 rows, so that sensor noise
averages out and small people do not fall between pixels; a pixel is foreground where it deviates
more than six of its own standard deviations from its own mean, after the median shift of the whole
picture (exposure) is taken off. A change of more than 30 % of the picture is a switch of light or
infrared: the scene is learned anew (design: vision.md, section 5). Blobs are classified in metres
where the camera is calibrated. Pixels have their origin top left.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from parkwacht_config.site import ObjectClass
from parkwacht_coverage.camera import CameraModel
from parkwacht_vision.detections import Detections
from parkwacht_vision.event import DetectorInfo
from parkwacht_vision.frames import Frame
from parkwacht_vision.ground import Extent, object_extent
from parkwacht_vision.pictures import Picture
from parkwacht_vision.regions import Region

Luma = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

VERSION = "background-1"
ROWS = 270
Z_LIMIT = 6.0
MIN_CHANGE = 5.0  # grey levels: below this a change cannot be told from codec noise
MIN_SIGMA = 1.0  # grey levels: codecs flatten noise to nothing, and then everything deviates
RESET_SHARE = 0.3
LEARN_FRAMES = 6
ALPHA = 0.03  # background: forgets in about 4 s at 8 frames per second
ALPHA_STILL = 0.01  # foreground that stands still becomes background in about 15 s
ALPHA_MOVING = 0.003
MIN_BLOB_PX = 14  # of the 270-row picture
MIN_LASTING = 0.4  # share of a blob that was foreground in the last frame too
MAX_BLOBS = 25  # more than this at once is weather, not people


def embedded_info(*, is_fallback: bool = False, reason: str = "") -> DetectorInfo:
    """Describe the embedded detector."""
    return DetectorInfo(name="embedded", model=VERSION, is_fallback=is_fallback, reason=reason)


class BackgroundModel:
    """Running mean and variance of every pixel of one camera's small luma picture."""

    def __init__(self) -> None:
        self._mean: Luma | None = None
        self._variance: Luma | None = None
        self._previous: Luma | None = None
        self._n_learned = 0

    @property
    def is_learning(self) -> bool:
        """Whether the scene is still being learned: nothing can be called foreground."""
        return self._n_learned < LEARN_FRAMES

    def forget(self) -> None:
        """Learn the scene anew."""
        self._mean = self._variance = self._previous = None
        self._n_learned = 0

    def foreground(self, luma: Luma) -> Mask:
        """Return which pixels deviate from the background, and learn the picture."""
        if self._mean is None or self._variance is None or self._previous is None:
            return self._begin(luma)
        # Exposure moves all pixels together; the sum keeps the median cheap.
        difference = luma - self._mean
        difference -= np.float32(np.median(difference[::2, ::2]))
        sigma = np.sqrt(np.maximum(self._variance, MIN_SIGMA**2))
        size = np.abs(difference)
        mask: Mask = (size > Z_LIMIT * sigma) & (size > MIN_CHANGE)
        if self.is_learning:
            self._learn(luma, difference, np.zeros_like(mask))
            return np.zeros_like(mask)
        if float(mask.mean()) > RESET_SHARE:
            self.forget()
            return self._begin(luma)
        self._learn(luma, difference, mask)
        return mask

    def _begin(self, luma: Luma) -> Mask:
        self._mean = luma.copy()
        self._variance = np.full_like(luma, 4.0)
        self._previous = luma.copy()
        self._n_learned = 1
        return np.zeros(luma.shape, dtype=np.bool_)

    def _learn(self, luma: Luma, difference: Luma, mask: Mask) -> None:
        if self._mean is None or self._variance is None or self._previous is None:
            return
        self._n_learned += 1
        alpha = max(ALPHA, 1 / self._n_learned)
        is_still = np.abs(luma - self._previous) < MIN_CHANGE
        rate = np.where(mask, np.where(is_still, ALPHA_STILL, ALPHA_MOVING), alpha)
        self._mean += (rate * (luma - self._mean)).astype(np.float32)
        spread = np.minimum(np.square(difference), 400.0)  # one flash must not blind a pixel
        self._variance += (rate * (spread - self._variance)).astype(np.float32)
        self._previous = luma.copy()


@dataclass(frozen=True, slots=True)
class _Blob:
    xyxy: tuple[float, float, float, float]  # in pixels of the full picture
    fill: float  # share of its box that is foreground


class BackgroundDetector:
    """
    Moving blobs of the size of a person or a vehicle.

    Parameters
    ----------
    model
        The camera's calibration; without it only shape and relative size can be judged.
    info
        How it is named in events.
    """

    def __init__(self, model: CameraModel | None, *, info: DetectorInfo | None = None) -> None:
        self.info = info or embedded_info()
        self._model = model
        self._background = BackgroundModel()
        self._last_mask: Mask | None = None

    def reset(self) -> None:
        """Forget the scene."""
        self._background.forget()
        self._last_mask = None

    def detect(self, frame: Frame, regions: Sequence[Region]) -> Detections:
        """Find what moves in one frame and has the size of a person or a vehicle."""
        luma, scale = small_luma(frame.picture)
        mask = self._background.foreground(luma)
        last, self._last_mask = self._last_mask, mask
        if last is None or last.shape != mask.shape:
            return Detections.empty()
        blobs = find_blobs(mask, last, scale)
        if len(blobs) > MAX_BLOBS:
            return Detections.empty()
        height, width = frame.picture.height_px, frame.picture.width_px
        model = None if self._model is None else self._model.scaled_to(width, height)
        rows = []
        for blob in blobs:
            judged = _judge(blob, model, width_px=width, height_px=height)
            if judged is not None:
                rows.append((blob.xyxy, judged[1], judged[0]))
        return Detections.of(rows)


def small_luma(picture: Picture) -> tuple[Luma, float]:
    """Average a picture to 270 rows of smoothed luma; return it and the scale back."""
    small = picture.luma(ROWS)
    return cv2.blur(small.astype(np.float32), (3, 5)), picture.height_px / small.shape[0]


def find_blobs(mask: Mask, last: Mask, scale: float) -> list[_Blob]:
    """
    Find connected foreground that was there or beside it in the last frame: rain was not.

    Small gaps are closed, so that a person in two tones is one blob.

    Parameters
    ----------
    mask, last
        Foreground of this and of the last small picture.
    scale
        Pixels of the full picture per pixel of the small one.
    """
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    closed = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, np.ones((9, 5), np.uint8))
    near = cv2.dilate(last.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.bool_)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    lasting = np.bincount(labels[near], minlength=count)
    blobs = []
    for label in range(1, count):
        x, y, width, height, area = stats[label].tolist()
        if area >= MIN_BLOB_PX and lasting[label] >= MIN_LASTING * area:
            box = (x * scale, y * scale, (x + width) * scale, (y + height) * scale)
            blobs.append(_Blob(box, area / (width * height)))
    return blobs


def _judge(
    blob: _Blob, model: CameraModel | None, *, width_px: int, height_px: int
) -> tuple[ObjectClass, float] | None:
    """Return class and confidence of a blob, or None where it is neither person nor vehicle."""
    if blob.fill < 0.3:  # noqa: PLR2004 - a branch, a streak, the outline of a moved shadow
        return None
    if model is not None:
        extent = object_extent(model, blob.xyxy)
        return None if extent is None else classify_extent(extent)
    x1, y1, x2, y2 = blob.xyxy
    return classify_shape((x2 - x1) / width_px, (y2 - y1) / height_px, width_px / height_px)


def classify_extent(extent: Extent) -> tuple[ObjectClass, float] | None:
    """
    Classify by metres: upright and narrow is a person, wide is a vehicle.

    Blob edges are a pixel or two off and a shadow or a light clings to the foot, hence the
    tolerance around 1.5-2.0 m for persons and 1.2-4 m by 1.6-19 m for vehicles.
    """
    width_m, height_m = extent.width_m, extent.height_m
    if 0.9 <= height_m <= 2.5 and 0.2 <= width_m <= 1.5 and height_m >= 1.1 * width_m:  # noqa: PLR2004
        fit = 1 - min(1.0, abs(height_m - 1.75) / 1.0)
        return ObjectClass.PERSON, 0.5 + 0.35 * fit
    if 1.0 <= height_m <= 5.0 and 1.8 <= width_m <= 20.0:  # noqa: PLR2004
        return ObjectClass.VEHICLE, 0.5 + (0.3 if 1.2 <= height_m <= 4.2 else 0.0)  # noqa: PLR2004
    return None


def classify_shape(width: float, height: float, aspect: float) -> tuple[ObjectClass, float] | None:
    """
    Classify without calibration, by shares of the picture: conservative, hence low confidence.

    Parameters
    ----------
    width, height
        Shares of the picture's width and height.
    aspect
        The picture's width over its height.
    """
    if not (0.06 <= height <= 0.95 and width <= 0.7):  # noqa: PLR2004
        return None
    slender = height / (width * aspect)
    if 1.2 <= slender <= 6.0:  # noqa: PLR2004
        return ObjectClass.PERSON, 0.5
    if slender <= 1.0 and width >= 0.08:  # noqa: PLR2004
        return ObjectClass.VEHICLE, 0.45
    return None
