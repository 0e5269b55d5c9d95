"""
Pictures to H.264 in an MP4 that every browser plays, for what cannot be copied as it is.

The same pictures give the same bytes: one thread, no dates in the container.
"""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from parkwacht_vision.pictures import Image

MAX_WIDTH_PX = 1920
PIXEL_FORMAT = "yuv420p"
TIME_BASE = Fraction(1, 1000)
# The cheapest preset, with the entropy coding and deblocking of the better ones: of a picture of
# 1920 x 1080 these take 1 ms more; files are 12 to 30 % smaller. "superfast" takes 60 % longer.
# With its macroblock tree x264 gives other bytes for the same pictures, by where memory lies.
_ENCODER = {
    "crf": "26",
    "preset": "ultrafast",
    "threads": "1",
    "g": "50",
    "x264-params": "mbtree=0:cabac=1:no-deblock=0",
}


def fitting_size(width_px: int, height_px: int) -> tuple[int, int]:
    """Return the size at which pictures of a size are written: even, and not too wide."""
    scale = min(1.0, MAX_WIDTH_PX / width_px)
    return max(2, round(width_px * scale / 2) * 2), max(2, round(height_px * scale / 2) * 2)


class PictureEncoder:
    """
    Writes pictures with their times; the first one decides the size.

    Parameters
    ----------
    path
        Where to write.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._container: Any = None
        self._stream: Any = None
        self._last_ms: int | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of what was written, in pixels; zero before the first picture."""
        return (0, 0) if self._stream is None else (self._stream.width, self._stream.height)

    def add(self, image: Image, time_s: float) -> None:
        """Write a BGR picture at seconds from the first; raises what the disk raises."""
        size = fitting_size(image.shape[1], image.shape[0])
        if self._container is not None:
            size = self.size
        if (image.shape[1], image.shape[0]) != size:
            image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        planes = cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420)
        self.add_frame(av.VideoFrame.from_ndarray(planes, format=PIXEL_FORMAT), time_s)

    def add_frame(self, frame: av.VideoFrame, time_s: float) -> None:
        """
        Write a frame at seconds from the first; raises what the disk raises.

        Parameters
        ----------
        frame
            In yuv420p, of a fitting size, the same for all; how its colour is coded is written too.
        time_s
            Seconds from the first.
        """
        if self._container is None:
            self._open(frame)
        at_ms = round(time_s * 1000)
        self._last_ms = at_ms if self._last_ms is None else max(at_ms, self._last_ms + 1)
        frame.pts, frame.time_base = self._last_ms, TIME_BASE
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Write what the encoder holds back and close; raises what the disk raises."""
        if self._container is None:
            return
        try:
            self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()

    def _open(self, frame: av.VideoFrame) -> None:
        options = {"movflags": "+faststart", "fflags": "+bitexact"}
        self._container = av.open(str(self._path), "w", format="mp4", options=options)
        self._stream = self._container.add_stream("libx264", rate=25, options=_ENCODER)
        self._stream.width, self._stream.height = frame.width, frame.height
        self._stream.pix_fmt = PIXEL_FORMAT
        context = self._stream.codec_context
        context.time_base = TIME_BASE
        context.color_range, context.colorspace = frame.color_range, frame.colorspace
        context.color_primaries, context.color_trc = frame.color_primaries, frame.color_trc
