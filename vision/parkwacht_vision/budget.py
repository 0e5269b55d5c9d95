"""
What the detector may be asked per second, shared by all cameras: the worst night is bounded.

A call that is refused is counted, not forgotten: what still moves asks again at the next frame,
and a camera that waits longest goes first because its own bucket is the fullest. The guaranteed
look always passes. Times are seconds of the clock of the source: media time of a recording, so that
the same recording gives the same events on every machine.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from parkwacht_vision.regions import Region
from parkwacht_vision.scene import SceneState

CAMERA_CALLS_PER_S = 8.0
WEATHER_CALLS_PER_S = 1.0  # measured: an open gate in rain asked for 15 to 19 calls per second
BURST_S = 2.0  # of unspent calls that may be saved up


@dataclass(slots=True)
class _Bucket:
    calls: float
    at_s: float


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
        self._buckets: dict[str, _Bucket] = {}
        self._lock = threading.Lock()
        self.n_refused = 0

    def grant(
        self, camera_id: str, wanted: Sequence[Region], *, at_s: float, state: SceneState
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
        """
        with self._lock:
            own = self._filled(camera_id, self._own_rate(state), at_s)
            granted = []
            for region in wanted:
                if region.reason == "look" or own.calls >= 1:
                    own.calls -= 1
                    granted.append(region)
            self.n_refused += len(wanted) - len(granted)
            return granted

    def _own_rate(self, state: SceneState) -> float:
        rate = WEATHER_CALLS_PER_S if state is SceneState.WEATHER else CAMERA_CALLS_PER_S
        if self._calls_per_s is None:
            return rate
        return min(rate, self._calls_per_s / max(1, len(self._buckets)))

    def _filled(self, camera_id: str, rate: float, at_s: float) -> _Bucket:
        bucket = self._buckets.setdefault(camera_id, _Bucket(BURST_S * rate, at_s))
        passed_s = max(0.0, at_s - bucket.at_s)
        bucket.calls = min(bucket.calls + rate * passed_s, max(1.0, BURST_S * rate))
        bucket.at_s = at_s
        return bucket
