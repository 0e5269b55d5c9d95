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
QUIET_REST_S = 0.25  # while nothing happens, or nobody looks at them
# So much may gather in the socket: a camera whose buffers are full drops pictures.
GATHERED_BITS = 500_000
CAUGHT_UP_S = 0.002  # a packet that takes longer had not come yet


def paced(
    packets: Iterator[av.Packet], stop: threading.Event, rest_s: Callable[[], float]
) -> Iterator[av.Packet]:
    """
    Yield packets as they come, resting where none is waiting.

    Parameters
    ----------
    packets
        As they are demuxed.
    stop
        Set from outside to end the watch; no rest outlasts it.
    rest_s
        How long to rest: not at all while the stream begins.
    """
    while True:
        asked_s = time.monotonic()
        packet = next(packets, None)
        if packet is None:
            return
        waited_s = time.monotonic() - asked_s
        yield packet
        if waited_s > CAUGHT_UP_S and (rest := rest_s()) > 0:
            stop.wait(rest)


def quiet_rest_s(rate_bps: float | None) -> float:
    """
    Return how long the reader of a stream may rest while nothing happens.

    Parameters
    ----------
    rate_bps
        What it sends; None where that is not known yet.
    """
    if rate_bps is None:
        return REST_S
    return max(REST_S, min(QUIET_REST_S, GATHERED_BITS / rate_bps))
