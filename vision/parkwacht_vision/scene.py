"""
What the gate says of one frame: the state of the scene, and the blobs that move in it.

Boxes are xyxy in pixels of the full picture, origin top left.
"""

from dataclasses import dataclass
from enum import StrEnum

XyXy = tuple[float, float, float, float]


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
        """Whether it was seen often enough not to be a drop of rain."""
        return self.n_seen >= 3  # noqa: PLR2004


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
