"""
Which of a camera's two streams is looked at: the small one, and the large one while that fails.

Packets of the large stream wait in the ring for evidence anyway, so that it can be gone on with
from the very instant at which the small one was seen last. The small one is gone back to when it
has been steady for a while.
"""

import logging
from datetime import datetime, timedelta

from parkwacht_config.clock import Clock
from parkwacht_vision.connection import Connection
from parkwacht_vision.frames import Gap
from parkwacht_vision.packet_queue import PacketQueue
from parkwacht_vision.packets import EncodedPacket, PacketRing

logger = logging.getLogger(__name__)

RETRY = timedelta(minutes=5)  # a picture that stood still is tried again
GAP_EVERY = timedelta(seconds=1)
MAX_PENDING = 2000  # packets since the last key frame


class StreamPair:
    """
    A small stream and a large one of the same camera.

    Parameters
    ----------
    small
        Is looked at; its packets are queued.
    large
        Stands in for it.
    ring
        Where the large one's packets are kept.
    queue
        The small one's packets.
    clock
        The machine's clock.
    steady_s
        How long the small one must have come again to be gone back to.
    """

    def __init__(
        self,
        small: Connection,
        large: Connection,
        *,
        ring: PacketRing,
        queue: PacketQueue,
        clock: Clock,
        steady_s: float,
    ) -> None:
        self._small = small
        self._large = large
        self._ring = ring
        self._queue = queue
        self._clock = clock
        self._steady = timedelta(seconds=steady_s)
        self._last: EncodedPacket | None = None  # of the ring, that was given
        self._seen_until = self._not_before = self._gap_at = clock.now()
        self._pending: list[EncodedPacket] = []  # of the small one, from its last key frame on
        self._steady_from: datetime | None = None
        self.is_on_large = False

    @property
    def is_halved(self) -> bool:
        """Whether one of the two gives nothing that can be used."""
        return self.is_on_large or self._small.is_sending != self._large.is_sending

    def items(
        self, timeout_s: float, seen_until: datetime, *, wanted_s: float, batch: int
    ) -> list[EncodedPacket | Gap]:
        """
        Return what comes next; nothing where nothing came in time.

        Parameters
        ----------
        timeout_s
            How long to wait.
        seen_until
            The instant up to which everything was given.
        wanted_s
            The media time before which nothing but key frames of the small one is wanted.
        batch
            How many of its packets are worth being woken for.
        """
        items = self._queue.take(timeout_s, wanted_s=wanted_s, batch=batch)
        if self.is_on_large:
            return self._of_large(items)
        if self._small.is_sending or not self._large.is_sending:
            return items
        packets = [one for one in items if isinstance(one, EncodedPacket)]
        if packets:
            return [*packets]  # what came before it failed is still its own
        self.leave_small(seen_until, timedelta(0))
        return self._new_in_ring()

    def leave_small(self, seen_until: datetime, pause: timedelta) -> None:
        """
        Go on with the large stream.

        Parameters
        ----------
        seen_until
            Where to begin.
        pause
            How long not to come back.
        """
        logger.warning("stream %s fails: %s is watched instead", self._small.name, self._large.name)
        self.is_on_large, self._last, self._seen_until = True, None, seen_until
        self._not_before = self._clock.now() + pause
        self._pending, self._steady_from = [], None

    @property
    def can_leave_small(self) -> bool:
        """Whether there is another stream to go on with."""
        return not self.is_on_large and self._large.is_sending

    def _of_large(self, items: list[EncodedPacket | Gap]) -> list[EncodedPacket | Gap]:
        self._note_small(items)
        if self._is_small_back():
            logger.info("stream %s is watched again", self._small.name)
            self.is_on_large = False
            return [*self._pending]
        if self._large.is_sending:
            return self._new_in_ring()
        now = self._clock.now()
        if self._small.is_sending or now - self._gap_at < GAP_EVERY:
            return []
        self._gap_at = now
        cause = self._large.lost_cause or ("stalled" if self._large.n_packets else "no_answer")
        at_s = self._large.since_start_s(now)
        return [Gap(at_s, now, cause, self._large.problem)]

    def _note_small(self, items: list[EncodedPacket | Gap]) -> None:
        for one in items:
            if isinstance(one, Gap):
                self._pending, self._steady_from = [], None
                continue
            self._steady_from = self._steady_from or one.at
            if one.is_key or len(self._pending) >= MAX_PENDING:
                self._pending = []
            if one.is_key or self._pending:
                self._pending.append(one)

    def _is_small_back(self) -> bool:
        if not self._pending or self._steady_from is None or not self._small.is_sending:
            return False
        if not self._large.is_sending:
            return True
        is_steady = self._pending[-1].at - self._steady_from >= self._steady
        return is_steady and self._clock.now() >= self._not_before

    def _new_in_ring(self) -> list[EncodedPacket | Gap]:
        last = self._last
        found = self._ring.since(self._seen_until) if last is None else self._ring.after(last)
        if found:
            self._last = found[-1]
        return [*found]
