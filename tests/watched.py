"""A live source that is watched by a test, and all that it gave."""

import threading
from collections.abc import Callable
from itertools import pairwise

from parkwacht_config.clock import SystemClock
from parkwacht_vision.connection import StreamSettings
from parkwacht_vision.frames import Frame, Gap, Tier
from parkwacht_vision.stream import StreamSource

FAST = StreamSettings(
    open_timeout_s=8, stall_timeout_s=2.5, backoff_s=0.2, max_backoff_s=0.5,
    silent_s=2.0, frozen_s=2.0, steady_s=1.0,
)  # fmt: skip


class Watched:
    """A source and all it gave until `until` was satisfied."""

    def __init__(
        self, url: str, until: Callable[["Watched"], bool], *, sub_url: str | None = None,
        attends: bool = False, limit_s: float = 45, settings: StreamSettings = FAST,
    ) -> None:  # fmt: skip
        stop = threading.Event()
        self.items: list[Frame | Gap] = []
        self.tiers: list[Tier] = []  # at each of them
        self.source = StreamSource(
            url, fps=5, clock=SystemClock(), stop=stop, settings=settings, sub_url=sub_url
        )
        if attends:
            self.source.attend()
        is_done = False
        limit = threading.Timer(limit_s, stop.set)
        limit.start()
        for item in self.source.frames():
            self.items.append(item)
            self.tiers.append(self.source.tier)
            if not stop.is_set() and until(self):
                is_done = True
                stop.set()
        limit.cancel()
        assert is_done, f"{len(self.items)} items, {self.source.health}"

    @property
    def frames(self) -> list[Frame]:
        return [one for one in self.items if isinstance(one, Frame)]

    @property
    def gaps(self) -> list[Gap]:
        return [one for one in self.items if isinstance(one, Gap)]

    @property
    def blind_s(self) -> dict[str, float]:
        return self.source.health.blind_s


def has_frames(number: int) -> Callable[[Watched], bool]:
    return lambda watched: len(watched.frames) >= number


def has_gaps(number: int) -> Callable[[Watched], bool]:
    return lambda watched: len(watched.gaps) >= number


def steps_s(frames: list[Frame]) -> list[float]:
    return [b.media_time_s - a.media_time_s for a, b in pairwise(frames)]
