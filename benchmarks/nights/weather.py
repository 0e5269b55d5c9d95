"""
What must wake nobody, drawn into the radiance of one frame: rain, snow, insects, a tree, lights.

Radiance is linear and relative, shape (H, W, 3); every figure is for a picture 640 pixels wide and
grows with it. Each adversity draws from its own generator, so that one does not shift another.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt
from light import Canvas, Light, irradiance
from stage import Stage, reflectance

from nights.scenarios import FPS, Adversity
from parkwacht_coverage.preview.surfaces import SUPERSAMPLING

Rng = np.random.Generator
Draw = Callable[[Canvas, int], None]
BASE_PX = 640


def scale_of(frame: Canvas) -> float:
    """Return how much larger a picture is than the one figures are given for."""
    return float(frame.shape[1] / BASE_PX)


def _add(frame: Canvas, layer: Canvas) -> None:
    frame += layer[..., None]


@dataclass(slots=True)
class Rain:
    """Streaks lit by the camera's own infrared, new in every frame."""

    rng: Rng
    amount: float

    def draw(self, frame: Canvas, number: int) -> None:
        """Draw one frame's streaks; showers come and go over half a minute."""
        height, width = frame.shape[:2]
        scale = scale_of(frame)
        layer = np.zeros((height, width), dtype=np.float32)
        gust = 0.6 + 0.4 * math.sin(2 * math.pi * number / FPS / 31)
        for _ in range(self.rng.poisson(110 * self.amount * gust)):
            near = float(self.rng.uniform(0.15, 1.0)) ** 2
            length = (6 + 45 * near) * scale
            x, y = self.rng.uniform(-20, width + 20), self.rng.uniform(-60, height)
            ends = np.round(np.array([[x, y], [x + 0.07 * length, y + length]]) * 16).astype(int)
            light = 0.03 + 0.10 * float(self.rng.uniform()) * near
            thick = max(1, round(scale * (1 + near) * 0.7))
            cv2.line(layer, ends[0], ends[1], light, thick, cv2.LINE_AA, 4)
        _add(frame, cv2.GaussianBlur(layer, (0, 0), 0.6 * scale))


@dataclass(slots=True)
class Snow:
    """Flakes that fall and drift; near ones are large, blurred and fast."""

    rng: Rng
    amount: float
    flakes: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 3)))

    def draw(self, frame: Canvas, number: int) -> None:
        """Move the flakes by one frame and draw them; x, y are shares of the picture."""
        if not len(self.flakes):
            n = round(220 * self.amount)
            self.flakes = np.column_stack([self.rng.uniform(size=(n, 2)),
                                           self.rng.uniform(0.1, 1, n) ** 2])  # fmt: skip
        near = self.flakes[:, 2]
        wind = 0.02 * math.sin(2 * math.pi * number / FPS / 11)
        self.flakes[:, 0] += (wind + self.rng.normal(0, 0.004, len(near))) * (0.3 + near)
        self.flakes[:, 1] += 0.015 + 0.06 * near
        self.flakes[:, :2] %= 1.0
        height, width = frame.shape[:2]
        layer = np.zeros((height, width), dtype=np.float32)
        for x, y, one in self.flakes:
            at = (round(x * width * 16), round(y * height * 16))
            radius = round((0.5 + 3.2 * one) * scale_of(frame) * 16)
            cv2.circle(layer, at, radius, 0.05 + 0.22 * one, -1, cv2.LINE_AA, 4)
        _add(frame, cv2.GaussianBlur(layer, (0, 0), 0.8 * scale_of(frame)))


@dataclass(slots=True)
class Insects:
    """Moths that dart about near the lens, blurred and bright in its infrared."""

    rng: Rng
    amount: float
    moths: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 6)))

    def draw(self, frame: Canvas, number: int) -> None:
        """Move the moths (x, y, velocity, size, frames left) and draw them."""
        if self.rng.uniform() < 0.06 * self.amount:
            moth = [*self.rng.uniform(size=2), *self.rng.normal(0, 0.03, 2),
                    self.rng.uniform(3, 13), self.rng.integers(6, 50)]  # fmt: skip
            self.moths = np.vstack((self.moths, moth))
        self.moths = self.moths[self.moths[:, 5] > 0]
        self.moths[:, 5] -= 1
        n = len(self.moths)
        self.moths[:, 2:4] = 0.85 * self.moths[:, 2:4] + self.rng.normal(0, 0.022, (n, 2))
        before = self.moths[:, :2].copy()
        self.moths[:, :2] += self.moths[:, 2:4]
        height, width = frame.shape[:2]
        layer = np.zeros((height, width), dtype=np.float32)
        for (x0, y0), (x, y, _, _, size, _) in zip(before, self.moths, strict=True):
            ends = np.round(np.array([[x0 * width, y0 * height], [x * width, y * height]]) * 16)
            thick = max(1, round(size * scale_of(frame)))
            line = ends.astype(int)
            cv2.line(layer, line[0], line[1], 0.25 + 0.02 * size, thick, cv2.LINE_AA, 4)
        _add(frame, cv2.GaussianBlur(layer, (0, 0), 2.2 * scale_of(frame)))


@dataclass(slots=True)
class Spider:
    """A spider that lets itself down before the lens, sways, and climbs again."""

    rng: Rng
    start: int

    def draw(self, frame: Canvas, number: int) -> None:
        """Draw body and legs, far out of focus."""
        height, width = frame.shape[:2]
        scale, at_s = scale_of(frame), (number - self.start) / FPS
        share = 0.55 * min(1.0, at_s / 5.0, max(0.0, (25.0 - at_s) / 5.0)) - 0.1
        x = width * (0.58 + 0.02 * math.sin(1.7 * at_s)) + self.rng.normal(0, 1)
        y = height * share
        layer = np.zeros((height, width), dtype=np.float32)
        body = (round(x), round(y))
        cv2.line(layer, (round(0.58 * width), 0), body, 0.06, max(1, round(scale)), cv2.LINE_AA)
        cv2.ellipse(layer, body, (round(17 * scale), round(24 * scale)), 0, 0, 360, 0.55, -1)
        for side in (-1, 1):
            for leg in range(4):
                bend = 8 * math.sin(3.1 * at_s + leg)
                knee = (round(x + side * 38 * scale), round(y + (18 * leg - 40 + bend) * scale))
                foot = (round(x + side * 58 * scale), round(y + (26 * leg - 30 + bend) * scale))
                cv2.polylines(layer, [np.array([body, knee, foot])], isClosed=False, color=0.35,
                              thickness=max(1, round(4 * scale)))  # fmt: skip
        _add(frame, cv2.GaussianBlur(layer, (0, 0), 4 * scale))


class Tree:
    """A crown at the left edge that sways in gusts, and its shadow on the ground."""

    def __init__(self, rng: Rng, stage: Stage) -> None:
        height, width = stage.base.shape[:2]
        scale = width / BASE_PX
        leaves = np.zeros((height, width), dtype=np.float32)
        for _ in range(900):
            x, y = rng.normal(0.09 * width, 0.06 * width), rng.normal(0.36 * height, 0.13 * height)
            size = (round(rng.uniform(2, 6) * scale), round(rng.uniform(1, 4) * scale))
            turn = float(rng.uniform(0, 180))
            cv2.ellipse(leaves, (round(x), round(y)), size, turn, 0, 360, 1.0, -1, cv2.LINE_AA)
        self._leaves = leaves
        self._light = 0.02 + 0.05 * cv2.GaussianBlur(
            rng.uniform(0, 1, leaves.shape).astype(np.float32), (0, 0), 2 * scale
        )
        shade = np.roll(leaves, (round(0.42 * height), round(0.10 * width)), (0, 1))
        self._shade = 0.7 * cv2.GaussianBlur(shade, (0, 0), 4 * scale) * stage.is_ground
        v, u = np.mgrid[0:height, 0:width].astype(np.float32)
        self._u, self._v, self._scale = u, v, scale
        self._phase = cv2.GaussianBlur(
            rng.normal(0, 1, leaves.shape).astype(np.float32), (0, 0), 25 * scale
        )
        self._phase *= 2.0 / max(1e-6, float(self._phase.std()))

    def draw(self, frame: Canvas, number: int) -> None:
        """Draw the crown and its shadow, displaced by the wind of the moment."""
        at_s = number / FPS
        gust = 0.4 + 0.6 * max(0.0, math.sin(2 * math.pi * at_s / 13)) ** 2
        sway = (
            gust * self._scale * (5 * np.sin(2.2 * at_s + self._phase) + 4 * math.sin(0.9 * at_s))
        )
        u, v = self._u + sway, self._v + 0.3 * sway
        shade = cv2.remap(self._shade, u, v, cv2.INTER_LINEAR)
        leaves = cv2.remap(self._leaves, u, v, cv2.INTER_LINEAR)
        frame *= (1 - shade)[..., None]
        frame *= (1 - leaves)[..., None]
        _add(frame, leaves * self._light)


class Headlights:
    """A car outside the picture whose beams sweep over the scene."""

    def __init__(self, stage: Stage, adversity: Adversity) -> None:
        every = slice(None, None, SUPERSAMPLING)
        self._position = stage.seen.position_m[every, every]
        self._normals = stage.seen.normals[every, every]
        self._rgb = reflectance(stage.clip, stage.seen.rgb[every, every])
        self._azimuth_deg = stage.model.azimuth_deg
        self._first, self._last = adversity.start_s * FPS, adversity.end_s * FPS

    def draw(self, frame: Canvas, number: int) -> None:
        """Light the scene from behind the camera's left, the beam turning to the right."""
        share = (number - self._first) / max(1.0, self._last - self._first)
        azimuth = math.radians(self._azimuth_deg - 70 + 120 * share)
        axis = (0.998 * math.sin(azimuth), 0.998 * math.cos(azimuth), -0.04)
        behind = math.radians(self._azimuth_deg - 160)
        at = (9 * math.sin(behind), 9 * math.cos(behind), 0.8)
        light = Light(at, (700.0, 680.0, 610.0), (axis, 0.30, 0.09))
        frame += self._rgb * irradiance(light, self._position, self._normals)


def drawing_of(adversity: Adversity, stage: Stage, rng: Rng) -> Draw | None:
    """Return how an adversity is drawn into a frame; None for what is done elsewhere."""
    makers: dict[str, Callable[[], Rain | Snow | Insects | Spider | Tree | Headlights]] = {
        "rain": lambda: Rain(rng, adversity.amount),
        "snow": lambda: Snow(rng, adversity.amount),
        "insects": lambda: Insects(rng, adversity.amount),
        "spider": lambda: Spider(rng, round(adversity.start_s * FPS)),
        "tree": lambda: Tree(rng, stage),
        "headlights": lambda: Headlights(stage, adversity),
    }
    make = makers.get(adversity.kind)
    return None if make is None else make().draw
