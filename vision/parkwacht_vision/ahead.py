"""
Pictures of a live camera's best stream, decoded before an event is confirmed.

To decode the picture of an instant takes all from the key frame before it: up to two seconds of a
large stream, for which an alarm would wait. So, from the first sighting on, a thread of its own
keeps up with what is analysed. Each picture is the one that `picture_at` gives.
"""

import logging
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta

from parkwacht_vision.packets import EncodedPacket, PacketRing
from parkwacht_vision.stills import RECENT_S, REORDER_S, Shown, Unpacker

logger = logging.getLogger(__name__)

AHEAD_BYTES = 48_000_000  # 15 pictures of 1920 x 1080, or 3 of 3840 x 2160
NEAR_S = 0.05  # what comes later than the picture of an instant may not be there yet
_N_SHOWN = 3  # the nearest of an instant is one of the last two


class PicturesAhead:
    """
    The pictures of some instants, decoded in the background.

    Used by one thread; decodes in another one, which ends with it.

    Parameters
    ----------
    ring
        The packets of the stream.
    max_bytes
        How much memory pictures may take; those of the least weight go first.
    """

    def __init__(self, ring: PacketRing, max_bytes: int = AHEAD_BYTES) -> None:
        self._ring = ring
        self._max_bytes = max_bytes
        self._threads: ThreadPoolExecutor | None = None
        self._job: Future[None] | None = None
        self._run = _Run(ring)
        self._weights: dict[datetime, float] = {}

    def want(self, at: datetime, weight: float = 0.0) -> None:
        """
        Have the picture of an instant decoded; an instant before the last one is passed over.

        Parameters
        ----------
        at
            The instant; asked for again it only gets its weight.
        weight
            What it is worth: of too many pictures the least goes.
        """
        is_new = at not in self._weights
        if is_new and self._weights and at < max(self._weights):
            return
        self._weights[at] = weight
        self._forget(at)
        if is_new:
            self._run.ask(at)
            self._start()

    def picture(self, at: datetime) -> Shown | None:
        """Return the picture of an instant; None where it was not asked for, or is gone."""
        if at not in self._weights or self._job is None:
            return None
        if not self._is_done() or self._run.found(at) is not None:
            return self._run.found(at)
        self._start()  # its packet may have come since
        self._is_done()
        return self._run.found(at) or self._run.nearest(at)

    def clear(self) -> None:
        """Forget all pictures."""
        if self._weights:
            self._run.is_over = True
            self._weights, self._run, self._job = {}, _Run(self._ring), None

    def _start(self) -> None:
        self._threads = self._threads or ThreadPoolExecutor(1, "ahead")
        self._job = self._threads.submit(self._run.go_on)

    def _is_done(self) -> bool:
        """Wait for what was asked for; return whether it went well."""
        error = None if self._job is None else self._job.exception()
        if error is not None:
            logger.warning("pictures could not be decoded ahead: %s", error)
        return error is None

    def _forget(self, now: datetime) -> None:
        """Let pictures go that are too old or too much."""
        found = sorted(self._run.instants(), key=lambda one: self._weights[one])
        for one in found:
            is_old = now - one > timedelta(seconds=RECENT_S)
            if is_old or (self._run.n_bytes > self._max_bytes and one != now):
                del self._weights[one]
                self._run.forget(one)


class _Run:
    """One way through the packets; all but `go_on` and what it calls may be called meanwhile."""

    def __init__(self, ring: PacketRing) -> None:
        self._ring = ring
        self._lock = threading.Lock()
        self._asked: deque[datetime] = deque()
        self._found: dict[datetime, Shown] = {}
        self._unpacker: Unpacker | None = None
        self._last: EncodedPacket | None = None
        self._shown: deque[Shown] = deque(maxlen=_N_SHOWN)
        self.is_over = False

    @property
    def n_bytes(self) -> int:
        """Bytes of the pictures kept, at 1.5 per pixel."""
        with self._lock:
            pictures = {id(one[0]): one[0] for one in self._found.values()}
        return sum(one.width * one.height * 3 // 2 for one in pictures.values())

    def instants(self) -> list[datetime]:
        """Return the instants of which the picture is kept."""
        with self._lock:
            return list(self._found)

    def ask(self, at: datetime) -> None:
        """Note one more instant."""
        self._asked.append(at)

    def found(self, at: datetime) -> Shown | None:
        """Return the picture of an instant, as far as it is known."""
        with self._lock:
            return self._found.get(at)

    def nearest(self, at: datetime) -> Shown | None:
        """Return the newest picture where it is near enough; only while nothing is decoded."""
        near = [one for one in self._shown if abs(one[1] - at) <= timedelta(seconds=NEAR_S)]
        return min(near, key=lambda one: abs(one[1] - at), default=None)

    def forget(self, at: datetime) -> None:
        """Let a picture go."""
        with self._lock:
            self._found.pop(at, None)

    def go_on(self) -> None:
        """Decode what is asked for, as far as packets are there."""
        while self._asked and not self.is_over:
            at = self._asked[0]
            is_passed = self._is_passed(at)  # asked first: packets come meanwhile
            is_there = self._go_to(at)
            if not is_there and not is_passed:
                return  # the next call goes on here
            if is_there:
                best = min(self._shown, key=lambda one: abs(one[1] - at))
                with self._lock:
                    self._found[at] = best
            self._asked.popleft()

    def _is_passed(self, at: datetime) -> bool:
        """Whether the packets of an instant are gone or never came: nothing waits for them."""
        last = self._ring.last
        return last is not None and last.at > at + timedelta(seconds=REORDER_S)

    def _go_to(self, at: datetime) -> bool:
        """Decode to the first picture at or after an instant; return whether it is there."""
        packets = self._ring.since(at)
        places = [index for index, one in enumerate(packets) if one is self._last]
        if not places and packets:  # of a later key frame: what is between is not needed
            self._unpacker, self._last = Unpacker(packets[0].format), None
            self._shown.clear()
        if self._is_shown(at):
            return True
        for packet in packets[places[0] + 1 if places else 0 :]:
            is_late = packet.at > at + timedelta(seconds=REORDER_S)
            if self._unpacker is None or is_late or packet.format is not self._unpacker.format:
                break
            self._last = packet
            self._shown.extend(self._unpacker.feed(packet))
            if self._is_shown(at):
                return True
        return False

    def _is_shown(self, at: datetime) -> bool:
        return bool(self._shown) and self._shown[-1][1] >= at
