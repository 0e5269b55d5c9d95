"""
What an event leaves to look at: a still with the box drawn, and a short clip.

Recent pictures are kept as JPEG in a ring of a few seconds, so memory is bounded whatever happens.
The clip is written while the event goes on. The same pictures give the same bytes: one thread, no
dates in the container.
"""

import hashlib
import logging
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt

from parkwacht_vision.event import MediaFile
from parkwacht_vision.frames import Frame, Image
from parkwacht_vision.tracker import XyXy

logger = logging.getLogger(__name__)

PRE_ROLL_S = 3.0
POST_ROLL_S = 3.0
MAX_CLIP_S = 30.0
RING_S = 10.0
CLIP_WIDTH_PX = 1280
JPEG_QUALITY = 88
# With its macroblock tree x264 gives other bytes for the same pictures, by where memory lies.
_ENCODER = {"crf": "27", "preset": "veryfast", "threads": "1", "x264-params": "mbtree=0"}
_BOX_BGR = (40, 40, 235)


@dataclass(frozen=True, slots=True)
class StoredFrame:
    """One recent picture as JPEG."""

    index: int
    media_time_s: float
    at: datetime
    jpeg: bytes


class FrameRing:
    """The pictures of the last seconds."""

    def __init__(self, seconds: float = RING_S) -> None:
        self._seconds = seconds
        self._frames: deque[StoredFrame] = deque()

    def add(self, frame: Frame) -> StoredFrame:
        """Keep a picture and forget those that are too old."""
        stored = StoredFrame(frame.index, frame.media_time_s, frame.at, encode_jpeg(frame.image))
        self._frames.append(stored)
        while frame.media_time_s - self._frames[0].media_time_s > self._seconds:
            self._frames.popleft()
        return stored

    def since(self, media_time_s: float) -> list[StoredFrame]:
        """Return the pictures from a media time on, oldest first."""
        return [one for one in self._frames if one.media_time_s >= media_time_s]

    def nearest(self, index: int) -> StoredFrame:
        """
        Return the picture of a frame, or the nearest one that is still kept.

        Raises
        ------
        LookupError
            The ring is empty.
        """
        if not self._frames:
            message = "no picture is kept"
            raise LookupError(message)
        return min(self._frames, key=lambda one: abs(one.index - index))

    def clear(self) -> None:
        """Forget all pictures."""
        self._frames.clear()


def encode_jpeg(image: Image) -> bytes:
    """Return a BGR picture as JPEG."""
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        message = f"a picture of shape {image.shape} cannot be written as JPEG"
        raise ValueError(message)
    return bytes(data.tobytes())


def decode_jpeg(jpeg: bytes) -> Image:
    """Return a JPEG as a BGR picture."""
    raw: npt.NDArray[np.uint8] = np.frombuffer(jpeg, dtype=np.uint8)
    return np.asarray(cv2.imdecode(raw, cv2.IMREAD_COLOR), dtype=np.uint8)


def snapshot_jpeg(jpeg: bytes, xyxy: XyXy) -> bytes:
    """Draw a box on a picture; its line lies outside the box, so that the object stays visible."""
    image = decode_jpeg(jpeg)
    line = max(2, round(image.shape[0] / 360))
    height, width = image.shape[:2]
    left = max(0, round(xyxy[0]) - 2 * line)
    top = max(0, round(xyxy[1]) - 2 * line)
    right = min(width - 1, round(xyxy[2]) + 2 * line)
    bottom = min(height - 1, round(xyxy[3]) + 2 * line)
    cv2.rectangle(image, (left, top), (right, bottom), _BOX_BGR, line)
    return encode_jpeg(image)


def snapshot_file(data: bytes) -> MediaFile:
    """Describe a snapshot."""
    return MediaFile(
        name="snapshot.jpg",
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        content_type="image/jpeg",
    )


def clip_file(path: Path) -> MediaFile:
    """Describe a clip."""
    data = path.read_bytes()
    return MediaFile(
        name="clip.mp4",
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        content_type="video/mp4",
    )


class ClipRecorder:
    """
    Writes the clip of one event as H.264 in MP4 that any browser plays.

    Pictures after the last one in which the object was seen are held back until it is seen again,
    at most the post-roll of them; the clip stops at its longest length.

    Parameters
    ----------
    path
        Where to write.
    fps
        Analysed frames per second.
    """

    def __init__(self, path: Path, *, fps: float) -> None:
        self.path = path
        self.started_at: datetime | None = None
        self._fps = fps
        self._container: Any = None
        self._stream: Any = None
        self._n_written = 0
        self._held: list[StoredFrame] = []
        self._is_broken = False

    def add(self, stored: StoredFrame, *, is_active: bool) -> None:
        """Add the next picture; `is_active` where the object of the event is seen in it."""
        if self._n_written >= MAX_CLIP_S * self._fps or self._is_broken:
            self._held.clear()
            return
        if len(self._held) < POST_ROLL_S * self._fps:
            self._held.append(stored)
        if is_active:
            self._flush()

    def finish(self) -> Path | None:
        """Write what is held back and close the file; None where there is no playable clip."""
        self._flush()
        if self._container is None or self._is_broken:
            return None
        try:
            for packet in self._stream.encode(None):
                self._container.mux(packet)
            self._container.close()
        except (av.FFmpegError, OSError) as error:
            self._fail(error)
            return None
        return self.path

    def _flush(self) -> None:
        held, self._held = self._held, []
        for stored in held:
            if self._is_broken or self._n_written >= MAX_CLIP_S * self._fps:
                return
            try:
                self._write(stored)
            except (av.FFmpegError, OSError) as error:
                self._fail(error)

    def _fail(self, error: Exception) -> None:
        # An event without a clip is better than no event.
        logger.error("clip %s cannot be written: %s", self.path.name, error)
        self._is_broken = True

    def _write(self, stored: StoredFrame) -> None:
        image = decode_jpeg(stored.jpeg)
        if self._container is None:
            self.started_at = stored.at
            self._open(image)
        size = (self._stream.width, self._stream.height)
        if (image.shape[1], image.shape[0]) != size:
            image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        planes = cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420)
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts = self._n_written
        frame.time_base = self._stream.codec_context.time_base
        for packet in self._stream.encode(frame):
            self._container.mux(packet)
        self._n_written += 1

    def _open(self, image: Image) -> None:
        scale = min(1.0, CLIP_WIDTH_PX / image.shape[1])
        rate = Fraction(self._fps).limit_denominator(1000)
        options = {"movflags": "+faststart", "fflags": "+bitexact"}
        self._container = av.open(str(self.path), "w", format="mp4", options=options)
        self._stream = self._container.add_stream(
            "libx264",
            rate=rate,
            options=_ENCODER | {"g": str(round(2 * rate))},
        )
        self._stream.width = max(2, round(image.shape[1] * scale / 2) * 2)
        self._stream.height = max(2, round(image.shape[0] * scale / 2) * 2)
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = 1 / rate
