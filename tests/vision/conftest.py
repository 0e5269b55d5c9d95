"""Real parts for the tests of the vision floor: a small site, small videos, the shared footage."""

import os
import threading
from collections.abc import Callable, Iterator
from datetime import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
from shapely.geometry import box

from parkwacht_config.site import (
    Arming,
    Camera,
    CameraType,
    ObjectClass,
    Retention,
    Severity,
    Site,
    Span,
    Zone,
)

SHARED = Path(__file__).parents[3] / "shared" / "data" / "vision"
ALWAYS = (Span(start=time(0), end=time(0)),)
NIGHT = (Span(start=time(19), end=time(6, 30)),)

Draw = Callable[[float, npt.NDArray[np.uint8]], None]


@pytest.fixture(autouse=True)
def _readers_end() -> Iterator[None]:
    """Wait for the threads that read streams: one inside FFmpeg at exit may take all down."""
    yield
    for thread in threading.enumerate():
        if thread.name.startswith("reader "):
            thread.join(20)
            assert not thread.is_alive(), thread.name


@pytest.fixture
def shared_vision() -> Path:
    """The shared footage and weights, or a skip that says what is missing."""
    if not SHARED.is_dir():
        pytest.skip(f"the shared footage is not here ({SHARED})")
    return SHARED


@pytest.fixture
def weights(shared_vision: Path) -> Path:
    return shared_vision / "weights" / "yolo11n_int8_openvino_model"


CAMERA_TYPE = CameraType(
    id="bullet",
    name="4 MP, 4 mm",
    width_px=2560,
    height_px=1440,
    pitch_um=2.0,
    focal_length_mm=4.0,
    price_eur=1,
)


@pytest.fixture
def make_site(tmp_path: Path) -> Callable[..., Site]:
    """Build a site with one calibrated camera `cam_a` at (1000, 2000), looking north."""

    def build(*, zones: tuple[Zone, ...] = (), is_always_armed: bool = False) -> Site:
        spans = ALWAYS if is_always_armed else NIGHT
        # The weekend is armed all day, and Sunday's night runs into Monday morning.
        weekly = tuple(spans if day < 5 else (*ALWAYS, *spans) for day in range(7))
        arming = Arming(id="night", name="Nacht", weekly=weekly)
        camera = Camera(
            id="cam_a", name="A", type_id="bullet", x_m=1000, y_m=2000,
            height_m=6, azimuth_deg=0, tilt_deg=15,
        )  # fmt: skip
        return Site(
            id="test_park", name="Test", description="", is_illustrative=True,
            path=tmp_path / "test_park.toml", digest="0" * 64, timezone="Europe/Amsterdam",
            boundary=box(0, 0, 5000, 5000), public_areas=(), buildings=(), lamp_posts=(),
            power_cabinets=(), gates=(), mounts=(), incidents=(),
            camera_types={"bullet": CAMERA_TYPE}, cameras=(camera,), zones=zones,
            armings={"night": arming}, receivers=(), retention=Retention(),
            default_arming_id="night",
        )  # fmt: skip

    return build


@pytest.fixture
def zone_m() -> Zone:
    """The ground in front of `cam_a`, 5 to 60 m away."""
    polygon = ((970.0, 2005.0), (1030.0, 2005.0), (1030.0, 2060.0), (970.0, 2060.0))
    return Zone(id="yard", name="Erf", arming_id="night", polygon_m=polygon)


@pytest.fixture
def zone_px() -> Zone:
    """The left half of the picture of `cam_a`, persons only, low severity."""
    polygon = ((0.0, 0.0), (1280.0, 0.0), (1280.0, 1440.0), (0.0, 1440.0))
    return Zone(
        id="left", name="Links", arming_id="night", camera_id="cam_a", polygon_px=polygon,
        severity=Severity.LOW, classes=(ObjectClass.PERSON,),
    )  # fmt: skip


@pytest.fixture
def make_video(tmp_path: Path) -> Callable[..., Path]:
    """Write a small video of noise on grey, drawn on by a function of time."""

    def write(
        name: str = "clip.mp4",
        *,
        seconds: float = 4.0,
        fps: int = 10,
        size: tuple[int, int] = (320, 240),
        draw: Draw | None = None,
        metadata: dict[str, str] | None = None,
        codec: str = "libx264",
        options: dict[str, str] | None = None,
    ) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(7)
        with av.open(str(path), "w") as container:
            container.metadata.update(metadata or {})
            stream = container.add_stream(codec, rate=Fraction(fps), options=options)
            stream.width, stream.height = size
            stream.pix_fmt = {"mjpeg": "yuvj420p", "png": "rgb24"}.get(codec, "yuv420p")
            for index in range(round(seconds * fps)):
                image = np.clip(rng.normal(60, 2, (size[1], size[0], 3)), 0, 255).astype(np.uint8)
                if draw is not None:
                    draw(index / fps, image)
                frame = av.VideoFrame.from_ndarray(image, format="bgr24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        # SVT-AV1, run by root, puts its caller before every other process of the machine.
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        return path

    return write


def walker(*, speed_px_s: float, size: tuple[int, int] = (16, 44), start_px: float = 20) -> Draw:
    """Return a drawing of a bright upright block that walks to the right from second 1 on."""

    def draw(at_s: float, image: npt.NDArray[np.uint8]) -> None:
        if at_s >= 1:
            left = round(start_px + (at_s - 1) * speed_px_s)
            image[120 : 120 + size[1], left : left + size[0]] = 180

    return draw


@pytest.fixture
def walking() -> Draw:
    """A block of 16 x 44 pixels that walks at 45 px/s: about one height per second."""
    return walker(speed_px_s=45)


@pytest.fixture
def standing() -> Draw:
    """The same block, standing."""
    return walker(speed_px_s=0)


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PARKWACHT_WEIGHTS", "PARKWACHT_DETECTOR", "PARKWACHT_SITE"):
        monkeypatch.delenv(name, raising=False)
