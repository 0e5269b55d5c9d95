"""
Privacy masks: the parts of a camera's picture that nobody may see are made black.

This happens to the decoded picture, before anything is detected on, stored or sent: snapshot and
clip are written from masked pictures only. Masks are in pixels of the camera's type and scaled to
the picture; a mask covers every pixel its polygon touches.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from parkwacht_config.site import Camera, Site
from parkwacht_vision.frames import Frame, Image

# Rounding moves an edge by less than a pixel: a line of three pixels along it makes up for that.
_EDGE_PX = 3


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
        return replace(frame, image=self.cover_image(frame.image)) if self.polygons else frame

    def cover_image(self, image: Image) -> Image:
        """Return a copy of a BGR picture, shape (height, width, 3), with its masked parts black."""
        covered = np.array(image, dtype=np.uint8, order="C")
        height, width = covered.shape[:2]
        for polygon in self.polygons:
            # Pixel i holds the coordinates from i to i + 1.
            corners = np.floor(polygon * (width, height)).astype(np.int32)
            cv2.fillPoly(covered, [corners], (0, 0, 0))
            cv2.polylines(covered, [corners], True, (0, 0, 0), thickness=_EDGE_PX)
        return covered
