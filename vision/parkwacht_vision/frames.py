"""
A frame and its media time: what every source hands on, and the counts of what it could not.

Media time is seconds since the first frame of the source; `at` is the aware UTC instant at which
the picture was taken, never the moment it was analysed.
"""

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from parkwacht_config.text import Text
from parkwacht_vision.packets import PacketRing
from parkwacht_vision.pictures import ArrayPicture, Picture
from parkwacht_vision.pictures import Image as Image  # noqa: PLC0414 - the word of all who see

# A step back of more than this is a clock that was set anew, not a frame out of order.
REANCHOR_S = 1.0
# A step forward of more than this is a hole in the recording, counted as blind.
HOLE_S = 2.0
# A step forward of more than this is a broken clock (MPEG-TS wraps after 26.5 hours).
BROKEN_CLOCK_S = 6 * 3600.0


Tier = Literal["full", "key_frames", "substream"]


@dataclass(frozen=True, slots=True)
class Frame:
    """
    One picture to analyse.

    A source that decodes key frames only goes back in time when it is asked to attend: such
    frames are a `is_replay`, their media time is not later than that of a frame given before.
    """

    picture: Picture
    media_time_s: float
    at: datetime
    wall_at: datetime  # the machine's clock when it was decoded
    index: int  # number among the analysed frames of this source
    is_look: bool = False  # given alone, while nothing more was asked for
    is_replay: bool = False

    @classmethod
    def of_image(
        cls, image: Image, media_time_s: float, at: datetime, wall_at: datetime, index: int
    ) -> "Frame":
        """Make a frame of a BGR picture, shape (height, width, 3)."""
        return cls(ArrayPicture(image), media_time_s, at, wall_at, index)

    @property
    def image(self) -> Image:
        """The whole picture in BGR, shape (height, width, 3); converted when first asked for."""
        return self.picture.bgr()


@dataclass(frozen=True, slots=True)
class Gap:
    """A stream that gives no frames now; sent again while it lasts."""

    media_time_s: float
    at: datetime
    cause: str
    problem: Text | None = None  # the same in words, with the stream's name


@dataclass(slots=True)
class SourceHealth:
    """What a source could not show: seconds by cause, and counts of what was mended."""

    blind_s: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    n_decoded: int = 0
    n_corrupt: int = 0
    n_times_mended: int = 0
    n_reconnects: int = 0
    n_dropped: int = 0
    clock_drift_s: float = 0.0  # of the camera's clock behind the machine's, now
    rate_bps: float | None = None  # bits per second of a stream, where it was measured
    is_halved: bool = False  # one of the camera's two streams gives nothing

    def lose(self, cause: str, seconds: float) -> None:
        """Count time in which nothing could be seen."""
        if seconds > 0:
            self.blind_s[cause] += seconds


class FrameSource(Protocol):
    """Anything that can be watched."""

    @property
    def kind(self) -> Literal["recording", "stream"]:
        """Whether it ends by itself."""
        ...

    @property
    def name(self) -> str:
        """Its name, without credentials."""
        ...

    @property
    def health(self) -> SourceHealth:
        """What it could not show so far."""
        ...

    @property
    def ring(self) -> PacketRing:
        """The encoded packets of the last seconds of the best stream, for evidence."""
        ...

    @property
    def tier(self) -> Tier:
        """How much is decoded now, chosen from what was measured on the stream."""
        ...

    @property
    def tier_reason(self) -> Text | None:
        """Why this tier, in words; None while too little was measured."""
        ...

    def frames(self) -> Iterator[Frame | Gap]:
        """Yield the frames to analyse, in order of media time but for replays."""
        ...

    def attend(self, *, is_eager: bool = True) -> None:
        """
        Ask for every due frame, from the key frame before the last one given on.

        Without effect where everything is decoded anyway.

        Parameters
        ----------
        is_eager
            Whether more of them than usual are wanted at first.
        """
        ...

    def relax(self) -> None:
        """Take back `attend`: key frames are enough again."""
        ...


class MediaClock:
    """
    Presentation times made usable: from zero, never backwards, with holes counted.

    Parameters
    ----------
    frame_s
        Seconds per frame to fall back on.
    health
        Where mended times and holes are counted.
    """

    def __init__(self, frame_s: float, health: SourceHealth) -> None:
        self._frame_s = frame_s
        self._health = health
        self._offset_s: float | None = None
        self._last_s: float | None = None

    def media_time_s(self, pts_s: float | None) -> float:
        """Return the media time of the next frame, whose presentation time may be missing."""
        if self._last_s is None:
            self._offset_s = pts_s
            self._last_s = 0.0
            return 0.0
        expected_s = self._last_s + self._frame_s
        if pts_s is None or not math.isfinite(pts_s):
            self._health.n_times_mended += 1
            self._last_s = expected_s
            return expected_s
        if self._offset_s is None:
            self._offset_s = pts_s - expected_s
        self._last_s = self._placed(pts_s - self._offset_s, self._last_s)
        return self._last_s

    def _placed(self, time_s: float, last_s: float) -> float:
        step_s = time_s - last_s
        expected_s = last_s + self._frame_s
        if step_s <= 0 or step_s > BROKEN_CLOCK_S:
            self._health.n_times_mended += 1
            if step_s < -REANCHOR_S or step_s > BROKEN_CLOCK_S:
                self._offset_s = (self._offset_s or 0.0) + time_s - expected_s
            return expected_s
        if step_s > HOLE_S:
            self._health.lose("gap_in_source", step_s - self._frame_s)
        return time_s


class Cadence:
    """Which frames are analysed: at most `fps` per second of media time, evenly."""

    def __init__(self, fps: float) -> None:
        self._fps = fps
        self._last_s: float | None = None

    def is_due(self, media_time_s: float, times: int = 1) -> bool:
        """Return whether the frame at this media time is, at so many times the rate."""
        fps = times * self._fps
        if self._last_s is not None and (
            self.slot(media_time_s, fps) <= self.slot(self._last_s, fps)
        ):
            return False
        self._last_s = media_time_s
        return True

    @staticmethod
    def slot(media_time_s: float, fps: float) -> int:
        """Return the number of the interval of 1 / fps seconds in which a time lies."""
        # A hundredth of a slot of tolerance: times of 1/8 s steps are not exact in every time base.
        return math.floor(media_time_s * fps + 0.01)
