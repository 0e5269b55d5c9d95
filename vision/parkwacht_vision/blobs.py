"""Moving parts followed from frame to frame: rain is gone in the next one, a person is not."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from parkwacht_vision.scene import Blob, XyXy

MAX_FOLLOWED = 60  # more at once is weather; the largest are followed
FORGET_S = 1.0  # a blob not seen for longer (or for two frames) is another one when it returns
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
        free = list(self._followed)
        self._seen, self.n_fresh = [], 0
        for box, fill, z in parts:
            match = self._match(box, free, at_s)
            if match is None:
                match = _Followed(self._next, box, fill, z, at_s, at_s, _centre(box))
                self._next += 1
                self.n_fresh += 1
                self._followed.append(match)
            else:
                free.remove(match)
                match.see(box, fill, z, at_s)
            self._seen.append(match)
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

    def _match(self, box: XyXy, free: list[_Followed], at_s: float) -> _Followed | None:
        best, best_away = None, REACH_SIZES
        centre, size = _centre(box), _size(box)
        for one in free:
            scale = max(size, _size(one.box), 1.0)
            ratio = min(size, _size(one.box)) / scale
            away = math.dist(centre, one.expected(at_s)) / scale
            if ratio > 0.3 and away < best_away:  # noqa: PLR2004 - another size is another thing
                best, best_away = one, away
        return best

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
        )
