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


def paced(
    packets: Iterator[av.Packet], stop: threading.Event, may_rest: Callable[[], bool]
) -> Iterator[av.Packet]:
    """
    Yield packets as they come, resting where none is waiting.

    Parameters
    ----------
    packets
        As they are demuxed.
    stop
        Set from outside to end the watch; no rest outlasts it.
    may_rest
        Whether the stream is steady: no rest while it begins.
    """
    while True:
        asked_s = time.monotonic()
        packet = next(packets, None)
        if packet is None:
            return
        waited_s = time.monotonic() - asked_s
        yield packet
        if waited_s > CAUGHT_UP_S and may_rest():
            stop.wait(REST_S)
