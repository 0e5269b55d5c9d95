"""
What the detector may be asked per second: the worst night is bounded.

Every camera has a limit of its own, in seconds of its source's clock: media time of a recording,
so that the same recording gives the same events on every machine. Live cameras also share what
the machine can do, by the wall clock: first come, first served while there is plenty; once half of
it is spent, each gets an equal share. A call that is refused is counted, not forgotten: what still
moves asks again at the next frame. A look at everything goes before other calls and may be owed,
one at most.
"""

import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from parkwacht_vision.detections import Detector
from parkwacht_vision.frames import Frame
from parkwacht_vision.regions import Region, whole
from parkwacht_vision.scene import SceneState

CAMERA_CALLS_PER_S = 8.0
WEATHER_CALLS_PER_S = 1.0  # measured: an open gate in rain asked for 15 to 19 calls per second
BURST_S = 2.0  # of unspent calls that may be saved up
ASKED_LATELY_S = 10.0  # who asked in these seconds has a share of what is scarce
N_MEASURED = 5


@dataclass(slots=True)
class _Bucket:
    rate: float
    calls: float
    at_s: float

    @classmethod
    def full(cls, rate: float, at_s: float) -> "_Bucket":
        return cls(rate, max(1.0, BURST_S * rate), at_s)

    def fill(self, rate: float, at_s: float) -> None:
        self.rate = rate
        passed_s = max(0.0, at_s - self.at_s)
        self.calls = min(self.calls + rate * passed_s, max(1.0, BURST_S * rate))
        self.at_s = at_s

    @property
    def is_scarce(self) -> bool:
        return self.calls < max(1.0, BURST_S * self.rate) / 2


class Budget:
    """
    The calls of all cameras of one process.

    Parameters
    ----------
    calls_per_s
        What the machine can do for all cameras together; None for a recording, which may take the
        time it needs.
    """

    def __init__(self, calls_per_s: float | None = None) -> None:
        self._calls_per_s = calls_per_s
        self._shared: _Bucket | None = None
        self._own: dict[str, _Bucket] = {}
        self._shares: dict[str, _Bucket] = {}
        self._lock = threading.Lock()
        self.n_refused = 0

    @classmethod
    def measured(cls, detector: Detector) -> "Budget":
        """
        Make the budget of live cameras by what a call takes on this machine.

        Parameters
        ----------
        detector
            Whose calls they are.
        """
        return cls(1.0 / call_s(detector))

    def grant(
        self,
        camera_id: str,
        wanted: Sequence[Region],
        *,
        at_s: float,
        state: SceneState,
        wall_s: float = 0.0,
    ) -> list[Region]:
        """
        Return which of the wanted calls may be made now, in the order they were wanted.

        Parameters
        ----------
        camera_id
            Who asks.
        wanted
            The most important first.
        at_s
            The source's clock.
        state
            The camera's scene; in weather a camera gets about one call a second.
        wall_s
            The clock that all cameras share; a recording needs none.
        """
        with self._lock:
            rate = WEATHER_CALLS_PER_S if state is SceneState.WEATHER else CAMERA_CALLS_PER_S
            limits = [_filled(self._own, camera_id, rate, at_s)]
            share = None
            if self._calls_per_s is not None and wanted:
                share = self._share(camera_id, self._calls_per_s, wall_s)
                limits.append(self._filled_shared(self._calls_per_s, wall_s))
            granted = [one for one in wanted if _pays(one, limits, share)]
            self.n_refused += len(wanted) - len(granted)
            return granted

    def _filled_shared(self, rate: float, wall_s: float) -> _Bucket:
        if self._shared is None:
            self._shared = _Bucket.full(rate, wall_s)
        self._shared.fill(rate, wall_s)
        return self._shared

    def _share(self, camera_id: str, rate: float, wall_s: float) -> _Bucket:
        asking = {one for one, its in self._shares.items() if wall_s - its.at_s <= ASKED_LATELY_S}
        return _filled(self._shares, camera_id, rate / len(asking | {camera_id}), wall_s)


def _filled(buckets: dict[str, _Bucket], name: str, rate: float, at_s: float) -> _Bucket:
    bucket = buckets.setdefault(name, _Bucket.full(rate, at_s))
    bucket.fill(rate, at_s)
    return bucket


def _pays(region: Region, limits: Sequence[_Bucket], share: _Bucket | None) -> bool:
    """Take a call from all buckets, or from none."""
    is_look = region.reason == "look"
    if any(one.calls < (0 if is_look else 1) for one in limits):
        return False
    if share is not None and not is_look and limits[-1].is_scarce and share.calls < 1:
        return False
    for one in limits:
        one.calls -= 1
    if share is not None:
        share.calls = max(-1.0, share.calls - 1)
    return True


def call_s(detector: Detector) -> float:
    """
    Measure a look at a whole wide picture: the median of a few, after one to warm up.

    Parameters
    ----------
    detector
        Whose calls they are.
    """
    never = datetime(1970, 1, 1, tzinfo=UTC)
    frame = Frame.of_image(np.full((360, 640, 3), 90, np.uint8), 0.0, never, never, 0)
    took_s = []
    for _ in range(N_MEASURED + 1):
        began_s = time.perf_counter()
        detector.detect(frame, [whole(frame.picture)])
        took_s.append(time.perf_counter() - began_s)
    return statistics.median(took_s[1:])
