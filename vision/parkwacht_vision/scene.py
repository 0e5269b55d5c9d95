"""
What the gate says of one frame: the state of the scene, and the blobs that move in it.

Boxes are xyxy in pixels of the full picture, origin top left.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

XyXy = tuple[float, float, float, float]

MIN_SEEN = 3  # frames
SHORT_STEP_SIZES = 0.4  # a person at walking pace makes 0.25 of it at 5 frames per second
# Drops that are taken for one another jump: measured on drawn rain and snow, their way is 0.2 to
# 1.9 of their size off the straight line, a walker's 0.03 to 0.12; flakes fall faster than 1.8.
COURSE_S = 2.0  # of its way, by which a blob keeps a course
COURSE_SEEN, COURSE_LEAST_S = 6, 1.2  # frames, and from the first of them to the last
OFF_COURSE_SIZES = 0.15  # root mean square distance from the straight line
MAX_COURSE_SIZES_PER_S = 1.5  # a person walks 0.8 of his height in a second
ON_COURSE = 0.85  # straightness of a fast vehicle; of three steps at random one in ten reaches it


class SceneState(StrEnum):
    """What the scene is doing as a whole."""

    LEARNING = "learning"  # the background is not known yet: the detector looks instead
    STABLE = "stable"
    SWITCH = "switch"  # infrared, a lamp or exposure changed the whole picture
    WEATHER = "weather"  # rain, snow or insects: many short-lived blobs
    DARK = "dark"  # nothing can be told from the noise
    COVERED = "covered"
    MOVED = "moved"
    FROZEN = "frozen"  # the same picture again and again


@dataclass(frozen=True, slots=True)
class Blob:
    """One connected moving part, followed over frames by the gate itself."""

    number: int  # stays the same while it is followed
    xyxy: XyXy
    fill: float  # share of its box that moves
    z: float  # mean deviation in standard deviations of the noise
    age_s: float  # since it was first seen
    n_seen: int  # frames in which it was seen
    shift_px: float  # net displacement since it was first seen, in pixels of the full picture
    straightness: float  # net displacement over length of its way, 0 to 1
    course: tuple[tuple[float, float, float], ...] = ()  # (s, x, y) of its centre, lately

    @property
    def is_lasting(self) -> bool:
        """
        Whether it goes on as an object does: no drops of rain that were taken for one another.

        Drops are matched by chance, so their steps are as long as they are apart and in all
        directions; an object's are short for its size, or in one direction.
        """
        if self.n_seen < MIN_SEEN:
            return False
        way_px = self.shift_px / self.straightness if self.straightness > 0 else 0.0
        x1, y1, x2, y2 = self.xyxy
        step_sizes = way_px / (self.n_seen - 1) / math.sqrt((x2 - x1) * (y2 - y1))
        is_on_course = self.n_seen > MIN_SEEN and self.straightness >= ON_COURSE
        return step_sizes <= SHORT_STEP_SIZES or is_on_course

    @property
    def course_sizes_per_s(self) -> float | None:
        """Its speed in its own sizes, where its way of late is straight and even; else None."""
        if (
            len(self.course) < COURSE_SEEN
            or self.course[-1][0] - self.course[0][0] < COURSE_LEAST_S
        ):
            return None
        x1, y1, x2, y2 = self.xyxy
        size = max(x2 - x1, y2 - y1)
        way = np.array(self.course)
        way -= way.mean(axis=0)
        times, places = way[:, 0], way[:, 1:] / size
        speed = times @ places / (times @ times)
        off = math.sqrt(float(((places - np.outer(times, speed)) ** 2).sum(axis=1).mean()))
        return float(np.hypot(*speed)) if off <= OFF_COURSE_SIZES else None

    @property
    def keeps_course(self) -> bool:
        """Whether it goes its way as a person does, among drops and flakes."""
        speed = self.course_sizes_per_s
        return speed is not None and speed <= MAX_COURSE_SIZES_PER_S


@dataclass(frozen=True, slots=True)
class SceneReading:
    """The gate's word on one frame."""

    state: SceneState
    blobs: tuple[Blob, ...]
    changed_share: float  # of the picture
    noise_sigma: float  # grey levels
    mean_luma: float  # grey levels

    @property
    def lasting(self) -> tuple[Blob, ...]:
        """The blobs that are worth a detector's call: no drops, no flicker."""
        if self.state is SceneState.WEATHER:
            return tuple(one for one in self.blobs if one.keeps_course)
        return tuple(one for one in self.blobs if one.is_lasting)

    @property
    def is_blind(self) -> bool:
        """Whether the gate cannot see: the detector must look without being told where."""
        return self.state in {SceneState.LEARNING, SceneState.SWITCH, SceneState.DARK}
