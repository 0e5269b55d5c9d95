"""
A picture as the decoder made it: luma, colour and parts of it are worked out only when asked for.

The gate needs a small luma picture of every frame, the detector the colour of a few regions, and
nobody the full-size colour picture on a quiet night; converting full frames costs more than
decoding them (design: vision.md, section 11.1). Pixels have their origin top left. The planes of
the decoder are never written to: the next frames are predicted from them.
"""

from typing import Protocol

import av
import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]

# Wider pictures are seen at this width: a 16K picture in BGR would take 400 MB.
MAX_WIDTH_PX = 3840

PxBox = tuple[int, int, int, int]


class Picture(Protocol):
    """One picture of a camera, at the size in which boxes are given."""

    @property
    def width_px(self) -> int:
        """Width in pixels."""
        ...

    @property
    def height_px(self) -> int:
        """Height in pixels."""
        ...

    def luma(self, rows: int) -> Image:
        """Return its luma averaged by area to at most `rows` rows, shape (rows, columns)."""
        ...

    def bgr(self) -> Image:
        """Return the whole picture in BGR, shape (height, width, 3); not to be written to."""
        ...

    def crop(self, box: PxBox) -> Image:
        """Return a part in BGR: x1, y1, x2, y2 in whole pixels inside the picture."""
        ...


def small_size(width_px: int, height_px: int, rows: int) -> tuple[int, int]:
    """Return the size (columns, rows) of a picture scaled down to at most some rows."""
    rows = min(rows, height_px)
    return (max(1, round(width_px * rows / height_px)), rows)


class ArrayPicture:
    """
    A picture that is in memory as BGR.

    Parameters
    ----------
    image
        Shape (height, width, 3).
    """

    def __init__(self, image: Image) -> None:
        self._image = image
        self.height_px, self.width_px = int(image.shape[0]), int(image.shape[1])

    def luma(self, rows: int) -> Image:
        """Return its luma averaged by area to at most `rows` rows."""
        size = small_size(self.width_px, self.height_px, rows)
        # Averaging the channels first is cheaper, because the small picture is converted.
        small = cv2.resize(self._image, size, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), dtype=np.uint8)

    def bgr(self) -> Image:
        """Return the picture."""
        return self._image

    def crop(self, box: PxBox) -> Image:
        """Return a part of it."""
        x1, y1, x2, y2 = box
        return self._image[y1:y2, x1:x2]


class DecodedPicture:
    """
    A picture as a view of a decoded frame.

    Parameters
    ----------
    frame
        What PyAV decoded.
    """

    def __init__(self, frame: av.VideoFrame) -> None:
        self._frame = frame
        self._bgr: Image | None = None
        self._scale = min(1.0, MAX_WIDTH_PX / frame.width)
        self.width_px = max(1, round(frame.width * self._scale))
        self.height_px = max(1, round(frame.height * self._scale))

    def luma(self, rows: int) -> Image:
        """Return its luma averaged by area to at most `rows` rows."""
        size = small_size(self.width_px, self.height_px, rows)
        planes = self._planes()
        plane = planes[0] if planes else self._frame.to_ndarray(format="gray")
        return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)

    def bgr(self) -> Image:
        """Return the whole picture in BGR."""
        if self._bgr is None:
            self._bgr = np.ascontiguousarray(
                self._frame.to_ndarray(format="bgr24", width=self.width_px, height=self.height_px)
            )
        return self._bgr

    def crop(self, box: PxBox) -> Image:
        """Return a part in BGR; only that part is converted."""
        x1, y1, x2, y2 = box
        planes = self._planes()
        if self._bgr is not None or planes is None or self._scale < 1:
            return self.bgr()[y1:y2, x1:x2]
        # Chroma has half the resolution: take whole pairs of pixels, then cut to size.
        left, top = x1 // 2 * 2, y1 // 2 * 2
        right = min(-(-x2 // 2) * 2, self.width_px // 2 * 2)
        bottom = min(-(-y2 // 2) * 2, self.height_px // 2 * 2)
        if right < x2 or bottom < y2:
            return self.bgr()[y1:y2, x1:x2]
        y, u, v = planes
        halves = (slice(top // 2, bottom // 2), slice(left // 2, right // 2))
        stacked = np.concatenate(
            [y[top:bottom, left:right].ravel(), u[halves].ravel(), v[halves].ravel()]
        ).reshape((bottom - top) * 3 // 2, right - left)
        part = cv2.cvtColor(stacked, cv2.COLOR_YUV2BGR_I420)
        return np.asarray(part[y1 - top : y2 - top, x1 - left : x2 - left], dtype=np.uint8)

    def _planes(self) -> tuple[Image, Image, Image] | None:
        """Return views of the Y, U and V plane; None for another pixel format than 4:2:0."""
        if self._frame.format.name not in {"yuv420p", "yuvj420p"}:
            return None
        views = []
        for plane in self._frame.planes[:3]:
            rows = np.frombuffer(plane, dtype=np.uint8).reshape(-1, plane.line_size)
            views.append(rows[: plane.height, : plane.width])
        return (views[0], views[1], views[2])
