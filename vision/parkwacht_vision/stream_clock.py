"""
When the packets of one connection were taken: its own clock, laid on the machine's.

No packet is taken after it arrived, so the earliest arrival of a window tells where the two clocks
lie; what comes later was only under way longer. The mapping is pulled along slowly, so that times
between packets stay those of the stream: a GOP of 2.0 s is 2.0 s, whatever the network does. All
times are seconds; those of the machine count from the beginning of the watch.
"""

from parkwacht_vision.frames import HOLE_S, SourceHealth

WINDOW_S = 30.0
# How fast the mapping may be pulled along: a GOP of 2 s is at most 0.04 s longer or shorter.
SLEW = 0.02
AHEAD_S = 1.0  # a packet from further in the future: the stream's clock was set on
BACK_S = 1.0  # a step back of more than this: it was set back; less is the order of decoding
LATE_S = 2.0  # nothing arrived in time by so much for a whole window: it stood still


class StreamClock:
    """
    The clock of one connection.

    Parameters
    ----------
    health
        Where drift, holes and clocks that were set are counted.
    last_s
        When the last packet of the connection before was taken: time does not go back.
    """

    def __init__(self, health: SourceHealth, last_s: float) -> None:
        self._health = health
        self._last_s = last_s  # on the machine's clock
        self._stream_s: float | None = None
        self._offset_s = self._target_s = 0.0
        self._window_end_s = self._window_min_s = 0.0
        self._base_s: float | None = None

    def begin(self, arrivals: list[tuple[float, float]]) -> None:
        """
        Lay the clocks on each other by the first packets.

        Parameters
        ----------
        arrivals
            Of each packet its time in the stream and when it arrived.
        """
        came_s = min(now_s - stream_s for stream_s, now_s in arrivals)
        self._set(came_s, arrivals[0][1])

    def taken_s(self, stream_s: float, now_s: float) -> float:
        """
        Return when a packet was taken, on the machine's clock.

        Parameters
        ----------
        stream_s
            Its time in the stream.
        now_s
            When it arrived.
        """
        step_s = 0.0 if self._stream_s is None else stream_s - self._stream_s
        self._stream_s = stream_s
        if step_s < -BACK_S or stream_s + self._offset_s > now_s + AHEAD_S:
            self._health.n_times_mended += 1
            self._set(max(now_s, self._last_s) - stream_s, now_s)
        elif step_s > HOLE_S:
            self._health.lose("gap_in_source", step_s)
        self._pull(now_s - stream_s, step_s, now_s)
        taken_s = stream_s + self._offset_s
        self._last_s = max(self._last_s, taken_s)
        return taken_s

    def _set(self, offset_s: float, now_s: float) -> None:
        self._offset_s = self._target_s = offset_s
        self._base_s = None
        self._open_window(now_s)

    def _open_window(self, now_s: float) -> None:
        self._window_end_s, self._window_min_s = now_s + WINDOW_S, float("inf")

    def _pull(self, came_s: float, step_s: float, now_s: float) -> None:
        self._window_min_s = min(self._window_min_s, came_s)
        self._target_s = min(self._target_s, came_s)
        if now_s >= self._window_end_s:
            self._close_window(now_s)
        most_s = SLEW * max(0.0, step_s)
        self._offset_s += min(max(self._target_s - self._offset_s, -most_s), most_s)

    def _close_window(self, now_s: float) -> None:
        found_s = self._window_min_s
        if found_s - self._offset_s > LATE_S:
            self._health.n_times_mended += 1
            self._set(found_s, now_s)
            return
        self._target_s = found_s
        self._base_s = found_s if self._base_s is None else self._base_s
        self._health.clock_drift_s = found_s - self._base_s
        self._open_window(now_s)
