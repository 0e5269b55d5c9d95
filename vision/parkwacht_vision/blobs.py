"""Moving parts followed from frame to frame: rain is gone in the next one, a person is not."""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from parkwacht_vision.scene import COURSE_S, Blob, XyXy

MAX_FOLLOWED = 60  # more at once is weather; the largest are followed
FORGET_S = 1.0  # a blob not seen for longer (or for two frames) is another one when it returns
LEAST_RATIO = 0.3
REACH_SIZES = 1.2  # how far a blob may jump from where it was expected, in its own sizes


def _centre(box: XyXy) -> tuple[float, float]:
    return ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)


def _size(box: XyXy) -> float:
    return max(box[2] - box[0], box[3] - box[1])


@dataclass(slots=True)
class _Followed:
    number: int
    box: XyXy
    fill: float
    z: float
    first_s: float
    last_s: float
    start: tuple[float, float]
    way_px: float = 0.0
    n_seen: int = 1
    n_missed: int = 0
    speed: tuple[float, float] = (0.0, 0.0)
    course: deque[tuple[float, float, float]] = field(default_factory=deque)

    def expected(self, at_s: float) -> tuple[float, float]:
        x, y = _centre(self.box)
        step_s = max(0.0, at_s - self.last_s)
        return (x + self.speed[0] * step_s, y + self.speed[1] * step_s)

    def see(self, box: XyXy, fill: float, z: float, at_s: float) -> None:
        before, now = _centre(self.box), _centre(box)
        step_s = at_s - self.last_s
        if step_s > 0:
            new = ((now[0] - before[0]) / step_s, (now[1] - before[1]) / step_s)
            self.speed = (
                0.5 * self.speed[0] + 0.5 * new[0],
                0.5 * self.speed[1] + 0.5 * new[1],
            )
        self.way_px += math.dist(before, now)
        self.box, self.fill, self.z, self.last_s = box, fill, z, at_s
        self.n_seen += 1
        self.n_missed = 0
        self.course.append((at_s, *now))
        while at_s - self.course[0][0] > COURSE_S:
            self.course.popleft()


class BlobFollower:
    """Gives the moving parts of each frame the number they had in the last one."""

    def __init__(self) -> None:
        self._followed: list[_Followed] = []
        self._seen: list[_Followed] = []
        self._next = 1
        self.n_fresh = 0

    def reset(self) -> None:
        """Forget all blobs."""
        self._followed, self._seen, self.n_fresh = [], [], 0

    def update(self, found: Sequence[tuple[XyXy, float, float]], at_s: float) -> None:
        """
        Match the parts of the next frame.

        Parameters
        ----------
        found
            Box, share of it that moves, and deviation in standard deviations.
        at_s
            Media time; where it goes back, everything is new.
        """
        if any(one.last_s > at_s for one in self._followed):
            self.reset()
        parts = sorted(found, key=lambda one: -_size(one[0]))[:MAX_FOLLOWED]
        away = self._away([box for box, _, _ in parts], at_s)
        followed, is_free = list(self._followed), [True] * len(self._followed)
        self._seen, self.n_fresh = [], 0
        for row, (box, fill, z) in enumerate(parts):
            column = int(away[row].argmin()) if followed else -1
            if column < 0 or away[row, column] >= REACH_SIZES:
                match = _Followed(self._next, box, fill, z, at_s, at_s, _centre(box))
                self._next += 1
                self.n_fresh += 1
                self._followed.append(match)
            else:
                match = followed[column]
                is_free[column] = False
                away[:, column] = np.inf
                match.see(box, fill, z, at_s)
            self._seen.append(match)
        free = [one for one, is_one in zip(followed, is_free, strict=True) if is_one]
        for one in free:
            one.n_missed += 1
        self._followed = [
            one
            for one in self._followed
            if at_s - one.last_s <= FORGET_S or one.n_missed < 2  # noqa: PLR2004
        ]

    def blobs(self) -> tuple[Blob, ...]:
        """Return the blobs of the last frame, the largest first."""
        return tuple(self._to_blob(one) for one in self._seen)

    def _away(self, boxes: Sequence[XyXy], at_s: float) -> npt.NDArray[np.float64]:
        """Return how far each part is from where each blob is expected, in the larger's sizes."""
        if not boxes or not self._followed:
            return np.empty((len(boxes), 0))
        now = np.array(boxes)
        before = np.array([one.box for one in self._followed])
        expected = np.array([one.expected(at_s) for one in self._followed])
        centres = (now[:, :2] + now[:, 2:]) / 2
        sizes, old_sizes = (
            np.maximum(1.0, (one[:, 2:] - one[:, :2]).max(1)) for one in (now, before)
        )
        larger = np.maximum(sizes[:, None], old_sizes[None])
        steps = centres[:, None] - expected[None]
        away: npt.NDArray[np.float64] = np.hypot(steps[..., 0], steps[..., 1]) / larger
        # Another size is another thing.
        away[np.minimum(sizes[:, None], old_sizes[None]) <= LEAST_RATIO * larger] = np.inf
        return away

    def _to_blob(self, one: _Followed) -> Blob:
        shift = math.dist(one.start, _centre(one.box))
        return Blob(
            number=one.number,
            xyxy=one.box,
            fill=one.fill,
            z=one.z,
            age_s=one.last_s - one.first_s,
            n_seen=one.n_seen,
            shift_px=shift,
            straightness=shift / one.way_px if one.way_px > 0 else 0.0,
            course=tuple(one.course),
        )
