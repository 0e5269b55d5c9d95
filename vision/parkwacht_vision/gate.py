"""
The gate: what moves in a scene, measured against its own noise, and what the scene is doing.

Luma is averaged by area and over a small box, so that sensor noise averages out and small people
do not fall between pixels. A pixel moves where it deviates more than six of its own standard
deviations from its own mean, after the shift of the whole picture (exposure) is taken off (design:
vision.md, section 5). Learning is by seconds, not by frames: the gate works at key-frame pace and
at eight frames per second, and judges without learning when time goes back. Pixels have their
origin top left.
"""

import math

import cv2
import numpy as np
import numpy.typing as npt

from parkwacht_vision.blobs import BlobFollower
from parkwacht_vision.frames import Frame
from parkwacht_vision.scene import SceneReading, SceneState, XyXy

Luma = npt.NDArray[np.float32]
Mask = npt.NDArray[np.uint8]

ROWS = 180  # a whole part of 360, 720, 1080, 1440 and 2160: averaging is twice as fast then
BOX_PX = (3, 5)  # averaged over, columns by rows of the small picture: a person is upright
Z_LIMIT = 6.0
MIN_CHANGE = 2.5  # grey levels: below this a change cannot be told from codec noise
MIN_SIGMA = 0.45  # grey levels: codecs flatten noise to nothing, and then everything deviates
RELATIVE_CHANGE = 0.045  # of the mean luma: exposure and shadows change in proportion to the light
RESET_SHARE = 0.3  # of the picture: not an object but the light
LEARN_S = 1.0
LEARN_FRAMES = 4
BACKGROUND_S = 8.0  # the background forgets by this time constant ...
MOVING_S = 240.0  # ... and learns what passes by this one: a walker must not blur his own way
STANDING_AFTER_S = 3.0  # what covers a pixel for so long stands, or was uncovered by what left:
STANDING_S = 0.3  # it becomes background by this time constant
RESTLESS_S, RESTLESS_TIMES = 20.0, 1.6  # moved again and again in so long: leaves, a flag, flicker
RESTLESS_RATE_S = 4.0  # there the noise is learned by this time constant
SPREAD_LIMIT = 4.0  # variances: the blurred edge of a walker is not noise
MAX_SPREAD = 400.0  # one flash blinds no pixel
MAX_STEP_S = 2.0
MIN_BLOB_PX = 6  # of the small picture
DARK_LUMA = 6.0
WEATHER_BEGINS, WEATHER_ENDS = 5.0, 2.5  # fresh blobs per frame that were not there before
WEATHER_TAU_S = 2.0
_OPENING = np.ones((2, 2), np.uint8)
_CLOSING = np.ones((9, 5), np.uint8)


def _rate(step_s: float, tau_s: float) -> float:
    return 1 - math.exp(-step_s / tau_s)


def _middle(values: Luma) -> np.float32:
    """Return the median of a thirty-sixth of the pixels: that many tell as much."""
    sample = values[::6, ::6].ravel()
    middle = len(sample) // 2
    sample.partition(middle)
    return np.float32(sample[middle])


class SceneGate:
    """The gate of one camera."""

    def __init__(self) -> None:
        self._follower = BlobFollower()
        self.reset()

    def reset(self) -> None:
        """Forget the scene: the next frame does not follow on the last one."""
        self._mean: Luma | None = None
        self._variance: Luma | None = None
        self._previous: Luma | None = None
        self._covered_s: Luma | None = None
        self._restless: Luma | None = None
        self._moved: Mask | None = None
        self._begun_s = self._last_s = 0.0
        self._n_learned = 0
        self._n_fresh = 0.0
        self._is_weather = False
        self._was_switched = False
        self._follower.reset()

    def update(self, frame: Frame) -> SceneReading:
        """Judge a frame and learn from it."""
        small = frame.picture.luma(ROWS)
        luma = np.asarray(cv2.boxFilter(small, cv2.CV_32F, BOX_PX), dtype=np.float32)
        mean_luma = float(small[::4, ::4].mean())
        if self._mean is None or self._mean.shape != luma.shape:
            return self._begin(luma, frame.media_time_s, mean_luma)
        step_s = frame.media_time_s - self._last_s
        difference = cv2.subtract(luma, self._mean)
        # Exposure moves all pixels together; a part of them tells by how much.
        difference -= _middle(difference)
        square = np.multiply(difference, difference, out=difference)
        mask = self._mask(luma, square, mean_luma)
        share = cv2.countNonZero(mask) / mask.size
        if share > RESET_SHARE:
            self._was_switched = True
            return self._begin(luma, frame.media_time_s, mean_luma, share)
        if step_s > 0:
            self._learn(luma, square, mask, step_s)
            self._last_s = frame.media_time_s
        scale = frame.picture.height_px / small.shape[0]
        self._find(mask, square, scale, frame.media_time_s)
        if step_s > 0:
            self._judge_weather(step_s)
        return SceneReading(
            state=self._state(mean_luma, frame.media_time_s),
            blobs=self._follower.blobs(),
            changed_share=share,
            noise_sigma=self._noise_sigma(),
            mean_luma=mean_luma,
        )

    def _begin(self, luma: Luma, at_s: float, mean_luma: float, share: float = 0.0) -> SceneReading:
        noise = 2.0 if self._variance is None else max(1.0, self._noise_sigma())
        self._mean = luma.copy()
        self._variance = np.full_like(luma, noise**2)
        self._previous = luma
        self._covered_s = np.zeros_like(luma)
        self._restless = np.zeros_like(luma)
        self._moved = np.zeros(luma.shape, np.uint8)
        self._begun_s = self._last_s = at_s
        self._n_learned = 1
        self._follower.reset()
        state = SceneState.SWITCH if self._was_switched else SceneState.LEARNING
        return SceneReading(state, (), share, noise, mean_luma)

    def _is_learning(self, at_s: float) -> bool:
        return self._n_learned < LEARN_FRAMES or 0 <= at_s - self._begun_s < LEARN_S

    def _mask(self, luma: Luma, square: Luma, mean_luma: float) -> Mask:
        if self._variance is None or self._previous is None:
            return np.zeros(luma.shape, np.uint8)
        least = max(MIN_CHANGE, Z_LIMIT * MIN_SIGMA, RELATIVE_CHANGE * mean_luma)
        if square.max() <= least**2:
            return np.zeros(luma.shape, np.uint8)  # a quiet night
        limit = cv2.max(self._variance * np.float32(Z_LIMIT**2), least**2)
        mask = cv2.compare(square, limit, cv2.CMP_GT)
        if self._n_learned < LEARN_FRAMES:
            # What is in view at the start is not background: look at what changed since last time.
            step = luma - self._previous
            step -= _middle(step)
            mask = cv2.bitwise_and(mask, cv2.compare(np.abs(step), MIN_CHANGE, cv2.CMP_GT))
        return np.asarray(mask, dtype=np.uint8)

    def _learn(self, luma: Luma, square: Luma, mask: Mask, step_s: float) -> None:
        if self._mean is None or self._variance is None or self._covered_s is None:
            return
        self._n_learned += 1
        self._previous = luma
        step_s = min(step_s, MAX_STEP_S)
        limit = cv2.max(self._variance, MIN_SIGMA**2)
        spread = cv2.min(square, np.multiply(limit, np.float32(SPREAD_LIMIT), out=limit))
        alpha = max(_rate(step_s, BACKGROUND_S), 1 / self._n_learned)
        ground = cv2.bitwise_not(mask) if cv2.countNonZero(mask) else None
        cv2.accumulateWeighted(luma, self._mean, alpha, ground)
        cv2.accumulateWeighted(spread, self._variance, alpha, ground)
        self._learn_moving(luma, square, mask, step_s)

    def _learn_moving(self, luma: Luma, square: Luma, mask: Mask, step_s: float) -> None:
        """Learn from what is not background: what stands, what moves again and again."""
        if self._mean is None or self._variance is None or self._restless is None:
            return
        if self._covered_s is None or self._moved is None:
            return
        before, self._moved = self._moved, mask
        self._restless *= np.float32(math.exp(-step_s / RESTLESS_S))
        if not cv2.countNonZero(mask):
            if cv2.countNonZero(before):
                self._covered_s = np.zeros_like(self._covered_s)
            return
        covered_s = cv2.add(self._covered_s, step_s, mask=mask)  # 0 where nothing moves
        self._covered_s = np.asarray(covered_s, dtype=np.float32)
        begun = cv2.bitwise_and(mask, cv2.bitwise_not(before))
        cv2.add(self._restless, 1.0, dst=self._restless, mask=begun)
        square = cv2.min(square, MAX_SPREAD)
        standing = cv2.compare(self._covered_s, STANDING_AFTER_S, cv2.CMP_GT)
        restless = cv2.compare(self._restless, RESTLESS_TIMES, cv2.CMP_GT)
        restless = cv2.bitwise_and(mask, restless)
        cv2.accumulateWeighted(square, self._variance, _rate(step_s, RESTLESS_RATE_S), restless)
        cv2.accumulateWeighted(luma, self._mean, _rate(step_s, STANDING_S), standing)
        cv2.accumulateWeighted(luma, self._mean, _rate(step_s, MOVING_S), mask)

    def _find(self, mask: Mask, square: Luma, scale: float, at_s: float) -> None:
        if not cv2.countNonZero(mask):
            self._follower.update([], at_s)
            return
        opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, _OPENING)
        closed = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, _CLOSING)
        count, _, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
        noise = max(MIN_SIGMA, self._noise_sigma())
        found: list[tuple[XyXy, float, float]] = []
        for x, y, width, height, area in stats[1:count].tolist():
            if area < MIN_BLOB_PX:
                continue
            box = (x * scale, y * scale, (x + width) * scale, (y + height) * scale)
            power = float(square[y : y + height, x : x + width].mean())
            found.append((box, area / (width * height), math.sqrt(power) / noise))
        self._follower.update(found, at_s)

    def _judge_weather(self, step_s: float) -> None:
        weight = 1 - math.exp(-step_s / WEATHER_TAU_S)
        self._n_fresh += weight * (self._follower.n_fresh - self._n_fresh)
        limit = WEATHER_ENDS if self._is_weather else WEATHER_BEGINS
        self._is_weather = self._n_fresh > limit

    def _state(self, mean_luma: float, at_s: float) -> SceneState:
        if self._is_learning(at_s):
            return SceneState.SWITCH if self._was_switched else SceneState.LEARNING
        self._was_switched = False
        if self._is_weather:
            return SceneState.WEATHER
        return SceneState.DARK if mean_luma < DARK_LUMA else SceneState.STABLE

    def _noise_sigma(self) -> float:
        if self._variance is None:
            return 2.0
        return math.sqrt(float(_middle(self._variance)))
