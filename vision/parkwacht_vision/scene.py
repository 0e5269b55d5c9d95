"""
What the gate says of one frame: the state of the scene, and the blobs that move in it.

Boxes are xyxy in pixels of the full picture, origin top left.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

XyXy = tuple[float, float, float, float]

MIN_SEEN = 3  # frames
SHORT_STEP_SIZES = 0.4  # a person at walking pace makes 0.25 of it at 5 frames per second
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
        return tuple(one for one in self.blobs if one.is_lasting)

    @property
    def is_blind(self) -> bool:
        """Whether the gate cannot see: the detector must look without being told where."""
        return self.state in {SceneState.LEARNING, SceneState.SWITCH, SceneState.DARK}
