"""
Two gates others use, for a duel on the same frames.

`RunningAverage` follows the steps and the constants of Frigate's improved motion detector, written
anew from its description (design: vision.md, section 4.2); it is not Frigate's code. `Mixture` is
OpenCV's MOG2 at its defaults, shadows off, on half the picture's size, as it is mostly used. Both
take the luma plane of a full picture and return boxes xyxy in its pixels.
"""

from typing import Any

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter

Box = tuple[float, float, float, float]


def boxes_of(mask: Any, scale: float, min_area_px: float) -> tuple[list[Box], float]:  # noqa: ANN401
    """Return the boxes of a mask's outer contours, and the share of it that they cover."""
    contours = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
    boxes, total = [], 0.0
    for one in contours:
        area = cv2.contourArea(one)
        total += area
        if area > min_area_px:
            x, y, width, height = cv2.boundingRect(one)
            boxes.append((x * scale, y * scale, (x + width) * scale, (y + height) * scale))
    return boxes, total / mask.size


class RunningAverage:
    """A blurred difference to a running average of nearest-sampled, stretched luma."""

    ROWS, THRESHOLD, MIN_AREA_PX, ALPHA, ALPHA_CALIBRATING = 100, 30, 10, 0.01, 0.2
    LIGHTNING, CALIBRATED, FROZEN_FRAMES, HISTORY = 0.8, 0.05, 10, 50

    def __init__(self) -> None:
        self._average: Any = None
        self._contrast = np.zeros((self.HISTORY, 2), np.uint8)
        self._contrast[:, 1] = 255
        self._index = 0
        self._n_moving = 0
        self.is_blind = True  # "calibrating": it adds no region for what moves

    def see(self, luma: Any, at_s: float) -> list[Box]:  # noqa: ANN401
        """Return what moves."""
        height, width = luma.shape
        size = (self.ROWS * width // height, self.ROWS)
        small = self._stretched(cv2.resize(luma, size, interpolation=cv2.INTER_NEAREST))
        small = gaussian_filter(small, sigma=1, radius=1)
        if self._average is None:
            self._average = np.zeros(small.shape, np.float32)
        delta = cv2.absdiff(small, cv2.convertScaleAbs(self._average))
        mask = cv2.threshold(delta, self.THRESHOLD, 255, cv2.THRESH_BINARY)[1]
        mask = cv2.dilate(mask, None, iterations=1)
        boxes, share = boxes_of(mask, height / self.ROWS, self.MIN_AREA_PX)
        if share < self.CALIBRATED and len(boxes) <= 4:  # noqa: PLR2004 - its constant
            self.is_blind = False
        if share > self.LIGHTNING:
            self.is_blind = True
        self._n_moving = self._n_moving + 1 if boxes else 0
        if not boxes or self._n_moving >= self.FROZEN_FRAMES:
            alpha = self.ALPHA_CALIBRATING if self.is_blind else self.ALPHA
            cv2.accumulateWeighted(small, self._average, alpha)
        return boxes

    def _stretched(self, small: Any) -> Any:  # noqa: ANN401
        low, high = np.percentile(small, (4, 96)).astype(np.uint8)
        if low >= high:
            return small
        self._contrast[self._index] = (low, high)
        self._index = (self._index + 1) % self.HISTORY
        least, most = self._contrast.mean(axis=0)
        clipped = np.clip(small, least, most)
        return ((clipped - least) / (most - least) * 255).astype(np.uint8)


class Mixture:
    """OpenCV's MOG2."""

    MIN_AREA_PX = 10

    def __init__(self) -> None:
        self._model = cv2.createBackgroundSubtractorMOG2(detectShadows=False)
        self.is_blind = False

    def see(self, luma: Any, at_s: float) -> list[Box]:  # noqa: ANN401
        """Return what moves."""
        height, width = luma.shape
        small = cv2.resize(luma, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        mask = cv2.morphologyEx(self._model.apply(small), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        return boxes_of(mask, 2.0, self.MIN_AREA_PX)[0]
