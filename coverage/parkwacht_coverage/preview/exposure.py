"""
From light to the camera's 8-bit picture: automatic exposure up to full gain, noise, tone.

At full gain a grey surface (reflectance 0.25) in just usable light comes out mid grey, with a
signal of eleven times the noise; at the datasheet's minimum illuminance, ten times less light, of
three times. These noise figures are our choice, in the manner of such cameras, not measured.
"""

import cv2
import numpy as np
import numpy.typing as npt

Canvas = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]

GREY = 0.25  # reflectance that usable light turns into signal 1
TONE = 0.35
READ_NOISE, SHOT_NOISE = 0.02, 0.0072  # at full gain: deviation in the dark, variance per signal
BRIGHT_SHARE, BRIGHT_SIGNAL = 95.0, 1.5  # the exposure keeps this percentile at most this bright
VIGNETTE = 0.22  # light lost in the corners


def signal_of(light_lux: Canvas, usable_lux: float) -> Canvas:
    """Turn light that comes back from surfaces (illuminance x reflectance) into signal."""
    return np.asarray(light_lux / (GREY * usable_lux), dtype=np.float32)


def gain_of(signal: Canvas, counted: Bools) -> float:
    """
    Choose the gain of the automatic exposure.

    Parameters
    ----------
    signal
        At full gain, shape (H, W, 3).
    counted
        Which pixels count, shape (H, W): not the sky, not the lamps themselves.

    Returns
    -------
    gain
        At most 1.
    """
    grey = signal.mean(axis=-1)[counted]
    bright = float(np.percentile(grey, BRIGHT_SHARE)) if grey.size else 0.0
    return min(1.0, BRIGHT_SIGNAL / max(bright, 1e-9))


def develop(
    signal: Canvas, *, gain: float, seed: int, pixels_per_pixel: float, mono: bool
) -> Image:
    """
    Turn signal into the picture.

    Parameters
    ----------
    signal
        At full gain, linear, shape (H, W, 3).
    gain
        Share of full gain.
    seed
        Of the noise.
    pixels_per_pixel
        Width of the camera's image over that of this picture: a smaller picture shows less noise.
    mono
        Whether the camera is in its monochrome night mode.

    Returns
    -------
    picture
        Shape (H, W, 3).
    """
    height, width = signal.shape[:2]
    v, u = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    falloff = 1 - VIGNETTE * (u**2 + v**2) / 2
    soft = cv2.GaussianBlur(signal * falloff[..., None], (0, 0), 0.5)
    if mono:
        soft = np.asarray(soft.mean(axis=-1, keepdims=True), dtype=np.float32)
    grain = np.random.default_rng(seed).standard_normal(soft.shape, dtype=np.float32)
    grain = cv2.GaussianBlur(grain, (0, 0), 0.6).reshape(soft.shape) * 1.7
    sigma = np.sqrt(READ_NOISE**2 + SHOT_NOISE * np.clip(soft, 0, None)) / pixels_per_pixel
    level = TONE * gain * (soft + grain * sigma)
    picture = 255 * (1 - np.exp(-np.clip(level, 0, None))) ** (1 / 2.2)
    picture = np.broadcast_to(picture, (height, width, 3))
    return np.clip(np.round(picture), 0, 255).astype(np.uint8)
