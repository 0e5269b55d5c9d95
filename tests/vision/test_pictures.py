"""Pictures as decoders make them, against FFmpeg's own conversion of the whole frame."""

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest

from parkwacht_vision.pictures import (
    ArrayPicture,
    DecodedPicture,
    ScaledPicture,
    TurnedPicture,
    upright,
)

FORMATS = [
    "yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "nv12", "gray", "yuv420p10le",
    "yuv422p10le", "yuv420p12le", "rgb24", "yuyv422",
]  # fmt: skip


def scene(width: int = 128, height: int = 96) -> npt.NDArray[np.uint8]:
    """A smooth grey scene with a bright block, shape (height, width, 3)."""
    across = np.linspace(40, 160, width)[None, :, None]
    image = np.repeat(np.repeat(across, height, axis=0), 3, axis=2)
    image[20:60, 30:50] = 220
    return image.astype(np.uint8)


def decoded(image: npt.NDArray[np.uint8], pixel_format: str) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(image, format="bgr24").reformat(format=pixel_format)


@pytest.mark.parametrize("pixel_format", FORMATS)
def test_every_pixel_format_gives_its_luma_and_colour(pixel_format: str) -> None:
    frame = decoded(scene(), pixel_format)
    picture = DecodedPicture(frame)
    small = picture.luma(24)
    assert small.shape == (24, 32)
    # FFmpeg's eight-bit copy of the same frame; luma of video goes from 16 to 235, of RGB not
    is_mixed = pixel_format in {"rgb24", "yuyv422", "gray"}
    eight_bits = "gray" if is_mixed else "yuvj420p" if "j" in pixel_format else "yuv420p"
    plane = frame.reformat(format=eight_bits).to_ndarray()[:96, :128]
    expected = cv2.resize(plane, (32, 24), interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - expected.astype(int)).max() <= 2
    # converting there and back costs a few levels at the block's edges in halved colour only
    inside = (slice(24, 56), slice(34, 46))
    assert np.abs(picture.bgr()[inside].astype(int) - 220).max() <= 6
    assert np.abs(picture.crop((30, 20, 50, 60)).astype(int) - 220).mean() <= 4


@pytest.mark.parametrize(
    ("size", "asked"),
    [((1920, 1080), (180,)), ((1920, 1080), (360, 180)), ((1280, 720), (360, 180))],
)
def test_luma_is_the_mean_of_the_pixels_it_stands_for(
    size: tuple[int, int], asked: tuple[int, ...]
) -> None:
    plane = np.random.default_rng(4).integers(0, 255, size[::-1], dtype=np.uint8)
    picture = DecodedPicture(av.VideoFrame.from_ndarray(plane, format="gray"))
    for rows in asked:
        side = size[1] // rows
        blocks = plane.reshape(rows, side, size[0] // side, side)
        # Rounded up to three times, by half a level each, and averaged in between.
        assert np.abs(picture.luma(rows) - blocks.mean(axis=(1, 3))).max() <= 1.5


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turned_picture_is_what_numpy_turns(quarters: int) -> None:
    image = np.random.default_rng(3).integers(0, 255, (60, 80, 3)).astype(np.uint8)
    turned = upright(ArrayPicture(image), 90 * quarters)
    expected = np.rot90(image, quarters)
    assert (turned.height_px, turned.width_px) == expected.shape[:2]
    assert np.array_equal(turned.bgr(), expected)
    assert np.array_equal(turned.crop((5, 10, 25, 40)), expected[10:40, 5:25])
    luma = turned.luma(20)
    assert luma.shape == ((20, 15) if quarters != 2 else (20, 27))
    assert abs(float(luma.mean()) - float(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).mean())) < 1


def test_a_scaled_picture_shows_the_same_at_another_size() -> None:
    # The block of (30, 20) to (50, 60) in 128 x 96 is at (15, 5) to (25, 15) in 64 x 24.
    picture = ScaledPicture(DecodedPicture(decoded(scene(), "yuv420p")), 64, 24)
    assert picture.bgr().shape == (24, 64, 3)
    assert np.abs(picture.bgr()[6:14, 16:24].astype(int) - 220).max() <= 6
    part = picture.crop((15, 5, 25, 15))
    assert part.shape == (10, 10, 3)
    assert np.abs(part[1:-1, 1:-1].astype(int) - 220).max() <= 8
    assert picture.luma(12).shape == (12, 32)
    assert int(picture.luma(12)[4, 9]) > 180
    assert int(picture.luma(12)[9, 2]) < 100
    assert picture.crop((60, 20, 64, 24)).shape == (4, 4, 3)


def test_a_picture_that_is_upright_stays_itself() -> None:
    picture = ArrayPicture(scene())
    assert upright(picture, 0) is picture
    assert upright(picture, 360) is picture
    assert isinstance(upright(picture, -90), TurnedPicture)
