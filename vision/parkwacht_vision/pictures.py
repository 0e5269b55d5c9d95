"""
A picture as the decoder made it: luma, colour and parts of it are worked out only when asked for.

The gate needs a small luma picture of every frame, the detector the colour of a few regions, and
nobody the full-size colour picture on a quiet night; converting full frames costs more than
decoding them (design: vision.md, section 11.1). Pixels have their origin top left. The planes of
the decoder are never written to: the next frames are predicted from them.
"""

from typing import Any, Protocol

import av
import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]

# Wider pictures are seen at this width: a 16K picture in BGR would take 400 MB.
MAX_WIDTH_PX = 3840

_BYTE = 8
# Bits of the luma plane, which is the first, where a picture is not mixed per pixel.
_LUMA_BITS = {
    **dict.fromkeys(("gray", "yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "nv12"), _BYTE),
    **dict.fromkeys(("yuv444p", "yuvj444p", "yuv440p", "yuvj440p", "nv21"), _BYTE),
    **dict.fromkeys(("gray10le", "yuv420p10le", "yuv422p10le", "yuv444p10le"), 10),
    **dict.fromkeys(("gray12le", "yuv420p12le", "yuv422p12le", "yuv444p12le"), 12),
}

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
        self._lumas: dict[int, Image] = {}
        self._scale = min(1.0, MAX_WIDTH_PX / frame.width)
        self.width_px = max(1, round(frame.width * self._scale))
        self.height_px = max(1, round(frame.height * self._scale))

    def luma(self, rows: int) -> Image:
        """Return its luma averaged by area to at most `rows` rows; not to be written to."""
        found = self._lumas.get(rows)
        if found is None:
            size = small_size(self.width_px, self.height_px, rows)
            twice = self._lumas.get(2 * rows)
            if twice is not None and twice.shape == (2 * size[1], 2 * size[0]):
                found = _averaged(twice, size)  # gate and health look at the same picture
            else:
                found = self._small_luma(size)
            self._lumas[rows] = found
        return found

    def _small_luma(self, size: tuple[int, int]) -> Image:
        depth = _LUMA_BITS.get(self._frame.format.name)
        if depth is None:
            return _averaged(self._frame.to_ndarray(format="gray"), size)
        plane = plane_view(self._frame.planes[0], np.uint8 if depth == _BYTE else np.uint16)
        small = _averaged(plane, size)
        return np.asarray(small if depth == _BYTE else small >> (depth - _BYTE), dtype=np.uint8)

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
        y, u, v = (plane_view(plane, np.uint8) for plane in self._frame.planes[:3])
        return (y, u, v)


def _averaged(plane: npt.NDArray[Any], size: tuple[int, int]) -> npt.NDArray[Any]:
    """Scale a plane down to (columns, rows) by area, in the steps that OpenCV is quick at."""
    columns, rows = size
    while plane.shape[0] >= 4 * rows and plane.shape[0] % 2 == plane.shape[1] % 2 == 0:
        half = (plane.shape[1] // 2, plane.shape[0] // 2)
        plane = cv2.resize(plane, half, interpolation=cv2.INTER_AREA)
    if plane.shape == (3 * rows, 3 * columns):
        return np.ascontiguousarray(cv2.blur(plane, (3, 3))[1::3, 1::3])
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA))


def plane_view(plane: Any, kind: type[np.unsignedinteger[Any]]) -> npt.NDArray[Any]:  # noqa: ANN401
    """Return a plane of a decoded frame as an array that shares its memory."""
    rows = np.frombuffer(plane, dtype=np.uint8).reshape(-1, plane.line_size).view(kind)
    return rows[: plane.height, : plane.width]


class TurnedPicture:
    """
    A picture of a camera that hangs on its side or upside down, upright.

    Parameters
    ----------
    picture
        As it was decoded.
    quarters
        By how many quarters of a turn it is turned, counter-clockwise; 1 to 3.
    """

    def __init__(self, picture: Picture, quarters: int) -> None:
        self._picture = picture
        self._quarters = quarters
        self._is_sideways = quarters % 2 == 1
        sides = (picture.width_px, picture.height_px)
        self.width_px, self.height_px = sides[::-1] if self._is_sideways else sides

    def luma(self, rows: int) -> Image:
        """Return its luma averaged by area to at most `rows` rows."""
        columns, rows = small_size(self.width_px, self.height_px, rows)
        small = self._turned(self._picture.luma(columns if self._is_sideways else rows))
        return small[:rows]  # the other side is rounded: it may be a row too many

    def bgr(self) -> Image:
        """Return the whole picture in BGR."""
        return self._turned(self._picture.bgr())

    def crop(self, box: PxBox) -> Image:
        """Return a part in BGR."""
        x1, y1, x2, y2 = box
        width, height = self.width_px, self.height_px
        if self._quarters == 1:
            box = (height - y2, x1, height - y1, x2)
        elif self._quarters == 2:  # noqa: PLR2004 - upside down
            box = (width - x2, height - y2, width - x1, height - y1)
        else:
            box = (y1, width - x2, y2, width - x1)
        return self._turned(self._picture.crop(box))

    def _turned(self, image: Image) -> Image:
        return np.ascontiguousarray(np.rot90(image, self._quarters))


def upright(picture: Picture, rotation_deg: int) -> Picture:
    """Return a picture turned counter-clockwise by whole quarters."""
    quarters = round(rotation_deg / 90) % 4
    return TurnedPicture(picture, quarters) if quarters else picture


class ScaledPicture:
    """
    A picture given at the size of another stream of the same camera, so that boxes stay valid.

    Parameters
    ----------
    picture
        As it was decoded.
    width_px, height_px
        The size at which it is given.
    """

    def __init__(self, picture: Picture, width_px: int, height_px: int) -> None:
        self._picture = picture
        self.width_px, self.height_px = width_px, height_px

    def luma(self, rows: int) -> Image:
        """Return its luma averaged by area to at most `rows` rows."""
        size = small_size(self.width_px, self.height_px, rows)
        return _resized(self._picture.luma(size[1]), size)

    def bgr(self) -> Image:
        """Return the whole picture in BGR."""
        return _resized(self._picture.bgr(), (self.width_px, self.height_px))

    def crop(self, box: PxBox) -> Image:
        """Return a part in BGR."""
        x1, y1, x2, y2 = box
        x_scale = self._picture.width_px / self.width_px
        y_scale = self._picture.height_px / self.height_px
        left, top = int(x1 * x_scale), int(y1 * y_scale)
        right = min(self._picture.width_px, max(left + 1, round(x2 * x_scale)))
        bottom = min(self._picture.height_px, max(top + 1, round(y2 * y_scale)))
        return _resized(self._picture.crop((left, top, right, bottom)), (x2 - x1, y2 - y1))


def _resized(image: Image, size: tuple[int, int]) -> Image:
    if image.shape[1::-1] == size:
        return image
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
