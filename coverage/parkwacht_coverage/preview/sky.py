"""The daylight sky: from a pale horizon to a blue zenith, with a few clouds."""

import cv2
import numpy as np
import numpy.typing as npt

from parkwacht_coverage.preview.ground import noise

Canvas = npt.NDArray[np.float32]

HORIZON, ZENITH, CLOUD = (0.92, 1.02, 1.14), (0.24, 0.42, 0.86), (1.55, 1.56, 1.58)


def day_sky(rays: Canvas) -> Canvas:
    """
    Compute the sky's radiance.

    Parameters
    ----------
    rays
        Unit vectors (east, north, up), shape (H, W, 3).

    Returns
    -------
    radiance
        Relative, shape (H, W, 3).
    """
    rise = np.clip(rays[..., 2:3], 0, 1)
    share = 1 - (1 - rise) ** 3
    sky = np.array(HORIZON, np.float32) * (1 - share) + np.array(ZENITH, np.float32) * share
    field = noise((768, 768), 11, ((96, 1.0), (40, 0.55), (16, 0.3), (6, 0.14)))
    plane = rays[..., :2] / np.maximum(rays[..., 2:3], 0.04)
    at = (70.0 * plane).astype(np.float32)
    value = cv2.remap(
        np.asarray(field), at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    dense = np.clip((value - 0.25) / 1.1, 0, 1) * np.clip(rays[..., 2] / 0.16, 0, 1)
    dense = dense[..., None] * 0.75
    return np.asarray(sky * (1 - dense) + np.array(CLOUD, np.float32) * dense, dtype=np.float32)
