"""
When the reader of a stream rests: packets are read a few at a time.

A thread that is woken for every packet spends more on waking than on reading. After a packet that
had to be waited for nothing more waits in the socket, and the next ones may gather for a moment
there: the pictures that are analysed are further apart than that.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator

import av

REST_S = 0.12  # three pictures of 25 a second; five a second are analysed
EAGER_REST_S = 0.03  # while somebody who may have come is to be confirmed
QUIET_REST_S = 0.7  # while nothing happens, or nobody looks at them
# So much may gather in the socket: a camera whose buffers are full drops pictures. A key frame,
# which comes at once, is as large; Linux grants a stream that is read like this a megabyte.
GATHERED_BITS = 1_500_000
CAUGHT_UP_S = 0.002  # a packet that takes longer had not come yet


def paced(
    packets: Iterator[av.Packet], wake: threading.Event, rest_s: Callable[[], float]
) -> Iterator[av.Packet]:
    """
    Yield packets as they come, resting where none is waiting.

    Parameters
    ----------
    packets
        As they are demuxed.
    wake
        Set from outside to end a rest, once what `rest_s` goes by has changed.
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
        if waited_s <= CAUGHT_UP_S:
            continue
        wake.clear()
        if (rest := rest_s()) > 0:
            wake.wait(rest)


def quiet_rest_s(rate_bps: float | None, until_wanted_s: float = math.inf) -> float:
    """
    Return how long the reader of a stream may rest while nothing happens.

    Parameters
    ----------
    rate_bps
        What it sends; None where that is not known yet.
    until_wanted_s
        In how many seconds the next picture to be looked at is taken: the last rest ends there.
    """
    if rate_bps is None:
        return REST_S
    longest_s = max(REST_S, min(QUIET_REST_S, GATHERED_BITS / rate_bps))
    if until_wanted_s <= 0:
        return REST_S
    if until_wanted_s == math.inf:
        return longest_s
    return until_wanted_s / math.ceil(until_wanted_s / longest_s)
