"""
Privacy masks: the parts of a camera's picture that nobody may see are made black.

This happens to the decoded picture, before anything is detected on, stored or sent: snapshot and
clip are written from masked pictures only. Masks are in pixels of the camera's type and scaled to
the picture; a mask covers every pixel its polygon touches.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from parkwacht_config.site import Camera, Site
from parkwacht_vision.frames import Frame, Image
from parkwacht_vision.pictures import Picture, PxBox

# Rounding moves an edge by less than a pixel: a line of three pixels along it makes up for that.
_EDGE_PX = 3
_GREY = 128  # of U and V: no colour


@dataclass(frozen=True, slots=True)
class PrivacyScreen:
    """
    What is masked in the pictures of one camera.

    `polygons` are corners (u, v) as shares of the picture's width and height, shape (N, 2) each.
    """

    polygons: tuple[npt.NDArray[np.float64], ...] = ()

    @classmethod
    def of(cls, site: Site, camera: Camera | None) -> "PrivacyScreen":
        """Return the masks of a camera; none for a camera the site does not know."""
        if camera is None:
            return cls()
        kind = site.camera_types[camera.type_id]
        size = np.array([kind.width_px, kind.height_px], dtype=np.float64)
        return cls(
            tuple(
                np.array(mask.polygon_px, dtype=np.float64) / size
                for mask in site.privacy_masks
                if mask.camera_id == camera.id
            )
        )

    def cover(self, frame: Frame) -> Frame:
        """Return a frame with its masked parts black; without masks the frame itself."""
        if not self.polygons:
            return frame
        return replace(frame, picture=MaskedPicture(frame.picture, self))

    def cover_image(self, image: Image) -> Image:
        """
        Return a copy with its masked parts black.

        Parameters
        ----------
        image
            The whole picture, BGR of shape (height, width, 3) or luma of shape (height, width).
        """
        covered = np.array(image, dtype=np.uint8, order="C")
        height, width = covered.shape[:2]
        for polygon in self.polygons:
            # Pixel i holds the coordinates from i to i + 1.
            corners = np.floor(polygon * (width, height)).astype(np.int32)
            cv2.fillPoly(covered, [corners], (0, 0, 0))
            cv2.polylines(covered, [corners], True, (0, 0, 0), thickness=_EDGE_PX)
        return covered


class PlaneMask:
    """
    What is masked in pictures of one size whose colour has half the resolution, worked out once.

    Parameters
    ----------
    screen
        What is masked.
    width_px, height_px
        Size of the pictures.
    """

    def __init__(self, screen: PrivacyScreen, width_px: int, height_px: int) -> None:
        luma = screen.cover_image(np.ones((height_px, width_px), np.uint8)) == 0
        # A sample of colour belongs to a block of 2 x 2 pixels: one masked pixel masks it.
        whole = np.pad(luma, ((0, height_px % 2), (0, width_px % 2)))
        chroma = whole.reshape(whole.shape[0] // 2, 2, whole.shape[1] // 2, 2).any(axis=(1, 3))
        self.size_px = (width_px, height_px)
        self._hidden = (luma, chroma, chroma)

    def cover(self, planes: Sequence[Image], *, black: int) -> None:
        """
        Make the masked parts black, in place.

        Parameters
        ----------
        planes
            Y of shape (height, width), then U and V of half of both, rounded up.
        black
            Luma of black: 16, or 0 in full range.
        """
        levels = (black, _GREY, _GREY)
        for plane, level, hidden in zip(planes, levels, self._hidden, strict=True):
            np.copyto(plane, np.uint8(level), where=hidden)


class MaskedPicture:
    """
    A picture whose masked parts are black, whatever is asked of it.

    Parameters
    ----------
    picture
        The picture under it.
    screen
        What is masked.
    """

    def __init__(self, picture: Picture, screen: PrivacyScreen) -> None:
        self._picture = picture
        self._screen = screen
        self._bgr: Image | None = None
        self.width_px, self.height_px = picture.width_px, picture.height_px

    def luma(self, rows: int) -> Image:
        """Return its luma averaged by area to at most `rows` rows, masked parts 0."""
        return self._screen.cover_image(self._picture.luma(rows))

    def bgr(self) -> Image:
        """Return the whole picture in BGR, masked parts black."""
        if self._bgr is None:
            self._bgr = self._screen.cover_image(self._picture.bgr())
        return self._bgr

    def crop(self, box: PxBox) -> Image:
        """Return a part in BGR, masked parts black."""
        x1, y1, x2, y2 = box
        return self.bgr()[y1:y2, x1:x2]
