"""
When the reader of a stream rests: packets are read a few at a time.

A thread that is woken for every packet spends more on waking than on reading. After a packet that
had to be waited for nothing more waits in the socket, and the next ones may gather for a moment
there: the pictures that are analysed are further apart than that.
"""

import threading
import time
from collections.abc import Callable, Iterator

import av

REST_S = 0.12  # three pictures of 25 a second; five a second are analysed
CAUGHT_UP_S = 0.002  # a packet that takes longer had not come yet


class Pace:
    """
    Reads the packets of one connection in small batches.

    Parameters
    ----------
    stop
        Set from outside to end the watch; no rest outlasts it.
    may_rest
        Whether the stream is steady: no rest while it begins.
    """

    def __init__(self, stop: threading.Event, may_rest: Callable[[], bool]) -> None:
        self._stop = stop
        self._may_rest = may_rest

    def read(self, packets: Iterator[av.Packet]) -> Iterator[av.Packet]:
        """Yield packets as they come, resting where none is waiting."""
        while True:
            asked_s = time.monotonic()
            packet = next(packets, None)
            if packet is None:
                return
            waited_s = time.monotonic() - asked_s
            yield packet
            if waited_s > CAUGHT_UP_S and self._may_rest():
                self._stop.wait(REST_S)
