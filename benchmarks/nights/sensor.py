"""
From radiance to encoded frames: exposure, noise, colour, tampering, and the encoder.

Noise has a part that changes and a part that stays (columns and pixels); it is cut at random from
a few large sheets. A monochrome night has no chroma at all.
"""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
from light import Canvas

from nights.scenarios import FPS, Coding, Night

Image = npt.NDArray[np.uint8]
N_SHEETS = 12
MARGIN_PX = 64
TABLE_SIZE = 4096
BRIGHTEST = 4.0  # of radiance; beyond it the sensor is blown out anyway


class Sensor:
    """The camera's sensor: the same seed gives the same noise."""

    def __init__(self, night: Night) -> None:
        width, height = night.size
        rng = np.random.default_rng(night.seed)
        shape = (height + MARGIN_PX, width + MARGIN_PX)
        self._sheets = []
        for _ in range(N_SHEETS):
            sheet = cv2.GaussianBlur(rng.standard_normal(shape, dtype=np.float32), (0, 0), 0.6)
            self._sheets.append(sheet * (night.noise / float(sheet.std())))
        fixed = 0.25 * night.noise * rng.standard_normal((height, width), dtype=np.float32)
        columns = 0.2 * night.noise * rng.standard_normal((1, width), dtype=np.float32)
        self._fixed = fixed + columns
        self._rng = rng
        roots = np.linspace(0, BRIGHTEST**0.5, TABLE_SIZE, dtype=np.float32) ** 2
        self._levels = (255 * (1 - np.exp(-roots)) ** (1 / 2.2)).astype(np.float32)
        v, u = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
        self._lens = 1 - 0.28 * (u**2 + 0.5 * v**2) / 1.5

    def expose(self, radiance: Canvas, gain: float) -> Image:
        """Turn radiance into grey levels, shape (H, W) of a monochrome night, else (H, W, 3)."""
        height, width = radiance.shape[:2]
        lens = self._lens if radiance.ndim == 2 else self._lens[..., None]  # noqa: PLR2004
        light = cv2.sqrt(np.clip(radiance * lens * gain, 0, BRIGHTEST))
        level = self._levels[(light * ((TABLE_SIZE - 1) / BRIGHTEST**0.5)).astype(np.uint16)]
        level = cv2.GaussianBlur(level, (0, 0), 0.55 * max(1.0, width / 1280))
        sheet = self._sheets[self._rng.integers(N_SHEETS)]
        top, left = self._rng.integers(MARGIN_PX, size=2)
        grain = sheet[top : top + height, left : left + width] + self._fixed
        if level.ndim == 3:  # noqa: PLR2004
            grain = grain[..., None]
        level += grain * (1 + 0.6 * cv2.sqrt(level / 255))
        return np.asarray(np.clip(level + 0.5, 0, 255), dtype=np.uint8)


def tampered(kind: str, radiance: Canvas, share: float) -> Canvas:
    """
    Return the radiance a tampered camera gets.

    Parameters
    ----------
    kind
        "covered", "moved" or "defocused".
    radiance
        What an untouched one gets.
    share
        How far it is done, 0 to 1.
    """
    height, width = radiance.shape[:2]
    if kind == "covered":
        cover = np.full_like(radiance, 0.012)
        edge = round(share * width)
        return np.concatenate((cover[:, :edge], radiance[:, edge:]), axis=1)
    if kind == "moved":
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), 4.0 * share, 1.0)
        turn[:, 2] += (0.22 * width * share, 0.12 * height * share)
        return np.asarray(
            cv2.warpAffine(radiance, turn, (width, height), borderMode=cv2.BORDER_REFLECT)
        )
    return np.asarray(cv2.GaussianBlur(radiance, (0, 0), 0.1 + 9 * share * width / 640))


class Encoder:
    """Writes frames as a stream of a camera: codec, rate control and distance of key frames."""

    def __init__(self, path: Path, night: Night) -> None:
        self._container = av.open(str(path), "w", options={"movflags": "+faststart"})
        stream = self._container.add_stream(night.coding.codec, rate=FPS)
        stream.width, stream.height = night.size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, FPS)
        stream.codec_context.gop_size = round(night.coding.gop_s * FPS)
        stream.codec_context.thread_count = 1
        stream.options = _options(night.coding)
        self._stream = stream
        self._number = 0

    def write(self, image: Image) -> None:
        """Encode one picture, grey or RGB."""
        if image.ndim == 2:  # noqa: PLR2004
            height, width = image.shape
            planes = np.full((height * 3 // 2, width), 128, dtype=np.uint8)
            planes[:height] = (16 + image.astype(np.uint16) * 219 // 255).astype(np.uint8)
        else:
            planes = cv2.cvtColor(image, cv2.COLOR_RGB2YUV_I420)
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts, frame.time_base = self._number, Fraction(1, FPS)
        self._number += 1
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Write what the encoder still holds."""
        self._container.mux(self._stream.encode(None))
        self._container.close()


def _options(coding: Coding) -> dict[str, str]:
    gop = round(coding.gop_s * FPS)
    if coding.codec == "libx265":
        said = f"keyint={gop}:min-keyint={gop}:scenecut=0:pools=1:frame-threads=1:log-level=error"
        options = {"preset": "ultrafast", "x265-params": said}
        if coding.mode == "cqp":
            return {**options, "x265-params": f"{said}:qp={coding.rate}"}
        return {**options, "b": str(coding.rate)}
    options = {"preset": "superfast", "bf": "0", "sc_threshold": "0"}
    if coding.mode == "cqp":
        return {**options, "qp": str(coding.rate)}
    options |= {"b": str(coding.rate)}
    if coding.mode == "cbr":
        rate = str(coding.rate)
        options |= {"maxrate": rate, "minrate": rate, "bufsize": rate, "nal-hrd": "cbr"}
    return options
