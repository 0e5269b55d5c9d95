"""Cameras, boards and an empty park to look at, for the tests of the preview."""

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from coverage_builders import bullet

from parkwacht_config.site import CameraType, Lens
from parkwacht_coverage.camera import CameraModel
from parkwacht_coverage.preview.light import Surroundings
from parkwacht_coverage.preview.picture import Shot, shoot
from parkwacht_coverage.preview.raster import Mesh
from parkwacht_coverage.preview.render import Part
from parkwacht_coverage.visibility import Scene

Floats = npt.NDArray[np.float64]
PINHOLE = CameraModel("pinhole", 0.0, 0.0, 6.0, 30.0, 14.0, 714.0, 960, 540)
NARROW = CameraModel("narrow", 0.0, 0.0, 5.0, 200.0, 5.0, 1200.0, 640, 360)
STEEP = CameraModel("steep", 0.0, 0.0, 8.0, 305.0, 38.0, 410.0, 680, 512)
FISHEYE = CameraModel("fisheye", 0.0, 0.0, 5.0, 120.0, 70.0, 150.0, 470, 470, Lens.F_THETA)
TILTED_FISHEYE = replace(FISHEYE, id="tilted", tilt_deg=25.0, azimuth_deg=10.0)


def need_screen() -> None:
    """Skip where pyvista or an off-screen context is missing."""
    pyvista = pytest.importorskip("pyvista", reason="pyvista is not installed")
    try:
        plotter = pyvista.Plotter(off_screen=True, window_size=(32, 32))
        plotter.show(auto_close=False)
        plotter.close()
    except (RuntimeError, OSError) as error:
        pytest.skip(f"no off-screen context: {error}")


def at(model: CameraModel, right_m: float, ahead_m: float) -> tuple[float, float]:
    """Turn metres right of and ahead of a camera into scene coordinates."""
    azimuth = math.radians(model.azimuth_deg)
    sin, cos = math.sin(azimuth), math.cos(azimuth)
    return right_m * cos + ahead_m * sin, -right_m * sin + ahead_m * cos


def board(centre: Floats, right: Floats, up: Floats, rgb: tuple[int, int, int]) -> Part:
    """Build a flat board; `right` and `up` reach from its middle to its edges."""
    corners = np.array([centre - right - up, centre + right - up, centre + right + up])
    corners = np.vstack((corners, centre - right + up))
    colour = np.full((2, 2, 3), rgb, dtype=np.uint8)
    return Part(corners, np.array([[0, 1, 2, 3]]), np.zeros((4, 2)), colour)


def floor(size_m: float = 400.0) -> Part:
    """Build a grey floor."""
    east, north, _ = size_m * np.eye(3)
    return board(np.zeros(3), east, north, (130, 130, 130))


def empty_land(**changes: object) -> Surroundings:
    return replace(Surroundings(Scene([]), (0.0, 0.0)), **changes)  # type: ignore[arg-type]


def shot_of(
    parts: list[Part],
    model: CameraModel,
    people: list[Mesh] | None = None,
    *,
    camera_type: CameraType | None = None,
    around: Surroundings | None = None,
) -> Shot:
    """Take a shot of boards and people on empty land, at the camera's own size."""
    setting = (around or empty_land(), (0.3, 500.0), 1.0)
    return shoot(parts, model, camera_type or bullet(), people or [], setting)


def hand_pixel(model: CameraModel, point: Floats) -> tuple[float, float]:
    """
    Compute a pixel by hand, from design/coverage.md section 4.

    X = d sin a, Zg = d cos a, z = Zg cos t + (H - h) sin t, y = (H - h) cos t - Zg sin t; a
    pinhole draws f X / z and f y / z, an f-theta lens f times the angle to the axis.
    """
    bearing = math.atan2(point[0], point[1]) - math.radians(model.azimuth_deg)
    away = math.hypot(point[0], point[1])
    drop, tilt = model.height_m - point[2], math.radians(model.tilt_deg)
    x, flat = away * math.sin(bearing), away * math.cos(bearing)
    z = flat * math.cos(tilt) + drop * math.sin(tilt)
    y = drop * math.cos(tilt) - flat * math.sin(tilt)
    if model.lens is Lens.F_THETA:
        off = math.hypot(x, y)
        stretch = model.f_px * math.atan2(off, z) / off
    else:
        stretch = model.f_px / z
    return x * stretch + model.width_px / 2, y * stretch + model.height_px / 2
