"""The rendered view of a camera lies exactly where the camera model says."""

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shapely.geometry import Polygon, box

from parkwacht_config.errors import CoverageError
from parkwacht_config.loader import load_site
from parkwacht_coverage.camera import CameraModel
from parkwacht_coverage.preview.ground import bays
from parkwacht_coverage.preview.render import Part, Pass, load_pyvista, render
from parkwacht_coverage.preview.scenery import build_scene

ROOT = Path(__file__).parents[2]
MODEL = CameraModel("test", 0.0, 0.0, 6.0, 81.7, 13.1, 952.0, 1280, 720)
BRIGHT = np.full((2, 2, 3), 255, dtype=np.uint8)


@pytest.fixture(scope="module", autouse=True)
def screen() -> None:
    """Skip where pyvista or an off-screen context is missing."""
    pyvista = pytest.importorskip("pyvista", reason="pyvista is not installed")
    try:
        plotter = pyvista.Plotter(off_screen=True, window_size=(32, 32))
        plotter.show(auto_close=False)
        plotter.close()
    except (RuntimeError, OSError) as error:
        pytest.skip(f"no off-screen context: {error}")


def cuboid(centre: tuple[float, float, float], half: tuple[float, float, float]) -> Part:
    """Build a bright box."""
    signs = np.array([[a, b, c] for c in (-1, 1) for b in (-1, 1) for a in (-1, 1)])
    sides = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [1, 3, 7, 5], [3, 2, 6, 7], [2, 0, 4, 6]]
    points = signs * np.array(half) + np.array(centre)
    return Part(points.astype(np.float64), np.array(sides), np.zeros((8, 2)), BRIGHT)


def ahead(right: float, forward: float) -> tuple[float, float]:
    """Turn metres right of and ahead of the camera into scene coordinates."""
    azimuth = np.radians(MODEL.azimuth_deg)
    sin, cos = np.sin(azimuth), np.cos(azimuth)
    return float(right * cos + forward * sin), float(-right * sin + forward * cos)


@pytest.mark.parametrize(
    ("right", "forward", "height"),
    [(0, 20, 0), (-6, 12, 0), (7, 14, 1.5), (-20, 40, 3), (25, 50, 0), (0, 10, 0.5), (9, 30, 5)],
)
def test_a_marker_is_drawn_where_it_is_projected(
    right: float, forward: float, height: float
) -> None:
    x, y = ahead(right, forward)
    half = 0.004 * forward  # about 4 px to either side
    seen = render([cuboid((x, y, height), (half, half, half))], MODEL, what=Pass.COLOUR)
    drawn = np.isfinite(seen.depth_m)
    v, u = np.nonzero(drawn)
    centre = np.array([(u.min() + u.max() + 1) / 2, (v.min() + v.max() + 1) / 2])
    pixels, depth = MODEL.project(np.array([[x, y, height]]))
    assert np.abs(centre - pixels[0]).max() < 1.0
    assert seen.depth_m[drawn].mean() == pytest.approx(depth[0], abs=2 * half)


def test_a_person_is_as_tall_as_predicted() -> None:
    x, y = ahead(2.0, 20.0)
    part = cuboid((x, y, 0.9), (0.2, 0.2, 0.9))
    seen = render([part], MODEL, what=Pass.COLOUR)
    rows = np.flatnonzero(np.isfinite(seen.depth_m).any(axis=1))
    pixels, _ = MODEL.project(part.points_m)
    predicted = pixels[:, 1].max() - pixels[:, 1].min()
    assert rows[-1] + 1 - rows[0] == pytest.approx(predicted, abs=1.0)


def test_the_ground_has_the_depth_of_the_camera_model() -> None:
    site = load_site(ROOT / "config" / "sites" / "josink_es.toml")
    camera = site.cameras[0]
    at_home = CameraModel.of(camera, site.camera_types[camera.type_id]).scaled_to(640, 360)
    seen = render(build_scene(site, at_home), at_home)
    assert seen.rgb.shape == (360, 640, 3)
    ground = at_home.ground_at(np.array([[320.5, 340.5]]))
    _, depth = at_home.project(np.column_stack((ground, [0.0])))
    assert seen.depth_m[340, 320] == pytest.approx(depth[0], rel=0.002)


def test_normals_point_at_the_sky_on_the_ground() -> None:
    half = 300.0
    corners = np.array([[-half, -half, 0], [half, -half, 0], [half, half, 0], [-half, half, 0.0]])
    part = Part(corners, np.array([[0, 1, 2, 3]]), np.zeros((4, 2)), BRIGHT)
    seen = render([part], MODEL, what=Pass.NORMALS)
    assert seen.rgb[700, 640].tolist() == pytest.approx([128, 128, 255], abs=1)


@pytest.mark.parametrize(
    ("polygon", "n"),
    [
        # 40 m x 17 m: two rows of 16 bays; the ends of a row may lie too close to the edge
        (box(0, 0, 40, 17), 28),
        # 40 m x 33 m: four rows
        (box(0, 0, 40, 33), 60),
        # too narrow for two rows and an aisle
        (box(0, 0, 40, 8), 0),
    ],
    ids=["two rows", "four rows", "too narrow"],
)
def test_bays_lie_inside_the_parking(polygon: Polygon, n: int) -> None:
    found = bays(polygon)
    assert abs(len(found) - n) <= 4
    for bay in found:
        assert polygon.contains(box(bay.x_m - 0.1, bay.y_m - 0.1, bay.x_m + 0.1, bay.y_m + 0.1))


def test_a_missing_pyvista_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if name == "pyvista":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(CoverageError, match="install parkwacht again"):
        load_pyvista()
