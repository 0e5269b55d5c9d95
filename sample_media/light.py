"""
Light and camera look of the sample recordings: from surfaces to the pixels of a night camera.

Radiance is linear and relative: 1 is about white after exposure. Positions are scene coordinates,
metres from the foot of the camera.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Canvas = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]
SUN_M = 1e5  # a light this far away has parallel rays


@dataclass(frozen=True, slots=True)
class Light:
    """
    One source of light.

    `beam` is None for light in all directions, else the unit vector it points along with its
    half widths (horizontal, vertical) in radians.
    """

    position_m: tuple[float, float, float]
    rgb: tuple[float, float, float]
    beam: tuple[tuple[float, float, float], float, float] | None = None
    casts_shadow: bool = True
    flickers: bool = False


def irradiance(light: Light, position_m: Canvas, normals: Canvas) -> Canvas:
    """Compute what a light sends onto surfaces, shape (..., 3)."""
    to_light = np.array(light.position_m, dtype=np.float32) - position_m
    reach = np.sqrt(np.einsum("...k,...k->...", to_light, to_light))
    length = np.maximum(np.sqrt(np.einsum("...k,...k->...", normals, normals)), 1e-6)
    facing = np.einsum("...k,...k->...", to_light, normals) / np.maximum(reach * length, 1e-6)
    strength = np.clip((facing + 0.1) / 1.1, 0, None)
    if light.position_m[2] > SUN_M / 100:
        strength /= SUN_M**2
    else:
        strength /= reach**2 + 1.0
        at_lamp = np.hypot(to_light[..., 0], to_light[..., 1]) < 0.4  # noqa: PLR2004
        strength[at_lamp & (np.abs(normals[..., 2]) < 0.5)] = 0  # its own post # noqa: PLR2004
    if light.beam is not None:
        axis, wide, high = light.beam
        away = -to_light / np.maximum(reach, 1e-6)[..., None]
        strength *= _beam(away, np.array(axis), wide, high)
    return np.asarray(strength[..., None] * np.array(light.rgb), dtype=np.float32)


def _beam(away: Canvas, axis: Floats, wide: float, high: float) -> Canvas:
    """Compute the share of a beam's intensity in each direction."""
    side = np.cross(axis, [0.0, 0.0, 1.0])
    side /= np.linalg.norm(side)
    up = np.cross(side, axis)
    ahead = away @ axis.astype(np.float32)
    across = np.arctan2(away @ side.astype(np.float32), np.maximum(ahead, 1e-3)) / wide
    rise = np.arctan2(away @ up.astype(np.float32), np.maximum(ahead, 1e-3)) / high
    share = np.exp(-(across**2) - rise**2) * (ahead > 0)
    return np.asarray(share, dtype=np.float32)


def add_glare(frame: Canvas, pixel: Floats, size_px: float, strength: float) -> None:
    """Add the glow around a shining lamp and its reflection on the road below."""
    height, width = frame.shape[:2]
    v, u = np.mgrid[0:height, 0:width].astype(np.float32)
    u -= pixel[0]
    v -= pixel[1]
    near = np.exp(-(u**2 + v**2) / (2 * size_px**2))
    halo = 0.10 / (1 + (u**2 + v**2) / (3 * size_px) ** 2) ** 1.5
    streak = 0.12 * np.exp(-(v**2) / (2 * (0.3 * size_px) ** 2) - np.abs(u) / (6 * size_px))
    below = np.clip(v, 0, None)
    road = 0.16 * np.exp(-(u**2) / (2 * (1.2 * size_px) ** 2) - below / (7 * size_px)) * (v > 0)
    glow = strength * (near + halo + streak + road)
    frame += glow[..., None] * np.array([1.0, 0.97, 0.88], dtype=np.float32)


def add_rain(frame: Canvas, generator: np.random.Generator, n: int) -> None:
    """Add streaks of rain lit by the camera's own infrared."""
    height, width = frame.shape[:2]
    layer = np.zeros((height, width), dtype=np.float32)
    slant = 0.07
    for _ in range(n):
        near = float(generator.uniform(0.15, 1.0)) ** 2
        length = 12 + 90 * near
        x, y = generator.uniform(-20, width + 20), generator.uniform(-60, height)
        ends = np.round(np.array([[x, y], [x + slant * length, y + length]]) * 16).astype(int)
        one = np.zeros((), dtype=np.float32) + 0.03 + 0.10 * float(generator.uniform()) * near
        thick = 1 if near < 0.5 else 2  # noqa: PLR2004
        cv2.line(layer, ends[0], ends[1], float(one), thick, cv2.LINE_AA, 4)
    frame += cv2.GaussianBlur(layer, (0, 0), 0.9)[..., None]


def develop(radiance: Canvas, generator: np.random.Generator, *, noise: float, mono: bool) -> Image:
    """
    Turn radiance into the camera's 8-bit picture.

    Parameters
    ----------
    radiance
        Linear, shape (H, W, 3).
    generator
        Source of the sensor's noise.
    noise
        Standard deviation of the noise in dark pixels, grey levels.
    mono
        Whether the camera is in its monochrome night mode.
    """
    height, width = radiance.shape[:2]
    v, u = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    lens = 1 - 0.28 * (u**2 + 0.5 * v**2) / 1.5
    soft = cv2.GaussianBlur(radiance * lens[..., None], (0, 0), 0.55)
    level = 255 * (1 - np.exp(-np.clip(soft, 0, None))) ** (1 / 2.2)
    shape = (height, width, 1) if mono else radiance.shape
    grain = generator.standard_normal(shape, dtype=np.float32)
    grain = cv2.GaussianBlur(grain, (0, 0), 0.6).reshape(shape) * 1.7
    picture = level + grain * noise * (1.0 + 0.6 * np.sqrt(level / 255))
    return np.asarray(np.clip(np.round(picture), 0, 255), dtype=np.uint8)
