"""
Packets between the thread that reads a stream and the one that analyses it.

Memory is bounded: when packets are not taken in time, key frames alone are kept, and when those
are too many the oldest go. What could not be seen because of that is counted.
"""

import itertools
import math
import threading
from collections import deque
from datetime import UTC, datetime, timedelta

from parkwacht_vision.frames import Gap, SourceHealth
from parkwacht_vision.packets import EncodedPacket

QUEUE_S = 10.0
QUEUE_BYTES = 24_000_000
MAX_ENTRIES = 64  # two minutes of usual key frames
SEEN_S = 2.1  # key frames nearer to each other than this are enough to see by
BATCH = 5  # the analysis is woken for a key frame, or for so many packets at once


class PacketQueue:
    """
    A bounded queue of packets and gaps.

    Parameters
    ----------
    health
        Where dropped packets and unseen seconds are counted.
    """

    def __init__(self, health: SourceHealth) -> None:
        self._health = health
        self._items: deque[EncodedPacket | Gap] = deque()
        self._n_bytes = 0
        self._whole_from = datetime.min.replace(tzinfo=UTC)  # before it, only entries are left
        self._wanted_s, self._batch = -math.inf, BATCH
        self._changed = threading.Condition()

    def put(self, item: EncodedPacket | Gap) -> None:
        """Add an item; what was not taken for too long makes room."""
        with self._changed:
            if not self._items:
                self._whole_from = item.at
            self._items.append(item)
            self._n_bytes += _n_bytes(item)
            if self._is_full():
                self._thin_out()
            if _is_entry(item) or self._has_batch:
                self._changed.notify()

    @property
    def wanted_s(self) -> float:
        """The media time of the next picture that whoever takes is waiting for."""
        return self._wanted_s

    def take(
        self, timeout_s: float, *, wanted_s: float = -math.inf, batch: int = BATCH
    ) -> list[EncodedPacket | Gap]:
        """
        Return all that waits, after a while at most; nothing where nothing came.

        Parameters
        ----------
        timeout_s
            How long to wait.
        wanted_s
            The media time before which only a key frame or a gap is worth being woken for.
        batch
            How many packets at once are worth it after that.
        """
        with self._changed:
            self._wanted_s, self._batch = wanted_s, batch
            if not self._has_batch and not any(_is_entry(one) for one in self._items):
                self._changed.wait(timeout_s)
            items = list(self._items)
            self._items.clear()
            self._n_bytes = 0
            return items

    @property
    def _has_batch(self) -> bool:
        items = self._items
        return len(items) >= self._batch and items[-1].media_time_s >= self._wanted_s

    def _is_full(self) -> bool:
        passed = self._items[-1].at - self._whole_from
        return self._n_bytes > QUEUE_BYTES or passed > timedelta(seconds=QUEUE_S)

    def _thin_out(self) -> None:
        items = list(self._items)
        newest = max((i for i, one in enumerate(items) if _is_entry(one)), default=len(items))
        kept = [one for one in items[:newest] if _is_entry(one)]
        whole = items[newest:]
        recent = [one.at for one in kept if one.at >= self._whole_from]
        end = whole[0].at if whole else items[-1].at
        self._lose([self._whole_from, *recent, end], is_seen=False)
        n_bytes = sum(_n_bytes(one) for one in [*kept, *whole])
        if len(kept) > MAX_ENTRIES or n_bytes > QUEUE_BYTES:
            half = len(kept) // 2 + 1
            self._lose([one.at for one in kept[: half + 1]], is_seen=True)
            kept = kept[half:]
        self._health.n_dropped += len(items) - len(kept) - len(whole)
        self._items = deque([*kept, *whole])
        self._n_bytes = sum(_n_bytes(one) for one in self._items)
        self._whole_from = end

    def _lose(self, instants: list[datetime], *, is_seen: bool) -> None:
        """Count what lies between entries: what they show by themselves, or what they do not."""
        for earlier, later in itertools.pairwise(instants):
            apart_s = (later - earlier).total_seconds()
            if (apart_s <= SEEN_S) is is_seen:
                self._health.lose("analysis_too_slow", apart_s)


def _is_entry(item: EncodedPacket | Gap) -> bool:
    """Return whether the analysis can go on from an item, whatever was before."""
    return isinstance(item, Gap) or item.is_key


def _n_bytes(item: EncodedPacket | Gap) -> int:
    return len(item.data) if isinstance(item, EncodedPacket) else 0
