"""
How much line and disk the pictures of a camera ask for.

Mbit/s = pixels x frames per second x bits per pixel. The frame rate (12.5) and the bits per pixel
(0.08, H.265 at a variable rate, some movement) are our assumptions, stated in the report; makers'
calculators give about 4 Mbit/s for 4 MP with such settings. GB a day = 10.8 x Mbit/s
(design/coverage.md, section 5): 86,400 seconds over 8 bits and 1,000 Mbit to the GB.
"""

from parkwacht_config.site import CameraType

FRAMES_PER_S = 12.5
BITS_PER_PIXEL = 0.08
SECONDS_PER_DAY = 86_400
GB_PER_DAY_PER_MBIT = SECONDS_PER_DAY / 8 / 1000


def bandwidth_mbit_per_s(
    camera_type: CameraType,
    *,
    frames_per_s: float = FRAMES_PER_S,
    bits_per_pixel: float = BITS_PER_PIXEL,
) -> float:
    """
    Compute the stream of one camera.

    Parameters
    ----------
    camera_type
        Its pixels count.
    frames_per_s
        Pictures per second.
    bits_per_pixel
        Of the coded stream, on average.

    Returns
    -------
    bandwidth_mbit_per_s
        In millions of bits per second.
    """
    pixels = camera_type.width_px * camera_type.height_px
    return pixels * frames_per_s * bits_per_pixel / 1e6


def storage_gb(mbit_per_s: float, days: float = 1.0) -> float:
    """
    Compute the disk that a stream fills when everything is kept.

    Parameters
    ----------
    mbit_per_s
        The stream.
    days
        How long it is kept.

    Returns
    -------
    storage_gb
        In billions of bytes.
    """
    return GB_PER_DAY_PER_MBIT * mbit_per_s * days
