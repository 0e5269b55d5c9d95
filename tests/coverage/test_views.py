"""Many cameras at once see what each sees alone; candidate views and their focal lengths."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from coverage_builders import X, Y, block, bullet, random_buildings, small_site
from shapely.geometry import Point

from parkwacht_config.errors import CoverageError
from parkwacht_config.site import CameraType, Lens, Mount, MountKind
from parkwacht_coverage.camera import CameraModel, focal_length_px
from parkwacht_coverage.density import find_edition
from parkwacht_coverage.evaluate import Evaluator
from parkwacht_coverage.light import is_lit_for
from parkwacht_coverage.plan import lay_grid
from parkwacht_coverage.views import (
    Hits,
    PointSet,
    Search,
    find_hits,
    find_views,
    focal_lengths_mm,
)
from parkwacht_coverage.visibility import Scene

Floats = npt.NDArray[np.float64]

FISHEYE = CameraType(
    id="fisheye", name="12 MP 360", lens=Lens.F_THETA, width_px=3000, height_px=3000,
    pitch_um=1.85, focal_length_mm=1.77, hfov_deg=180.0, ir_range_m=15.0, price_eur=500.0,
)  # fmt: skip
THERMAL = bullet("thermal").model_copy(update={"is_thermal": True})


def fleet(seed: int, scene: Scene) -> tuple[list[CameraModel], list[CameraType]]:
    """Hang cameras of both lenses, three to a place, in any order."""
    rng = np.random.default_rng(seed)
    models: list[CameraModel] = []
    types: list[CameraType] = []
    while len(models) < 45:
        x, y, height = rng.uniform([0, 0, 3], [200, 200, 12])
        if scene.building_at(x, y, height) is not None:
            continue
        for camera_type in (bullet(focal_length_mm=float(rng.uniform(3, 8))), FISHEYE, THERMAL):
            types.append(camera_type)
            models.append(
                CameraModel(
                    "c", x, y, height, float(rng.uniform(0, 360)), float(rng.uniform(-5, 90)),
                    focal_length_px(camera_type), camera_type.width_px, camera_type.height_px,
                    camera_type.lens,
                )
            )  # fmt: skip
    order = rng.permutation(len(models))
    return [models[i] for i in order], [types[i] for i in order]


def hits_one_by_one(
    models: list[CameraModel], types: list[CameraType], points: PointSet, scene: Scene
) -> list[list[int]]:
    """Ask the camera model, the scene and the light for one camera at a time."""
    targets = scene.targets(points.points_m)
    found = []
    for model, camera_type in zip(models, types, strict=True):
        eye = (model.x_m, model.y_m, model.height_m)
        seen = scene.is_visible(eye, targets) & model.is_in_view(points.points_m)
        seen &= model.pixel_density_px_per_m(points.points_m) >= points.min_density_px_per_m
        if points.lux is not None:
            away = np.linalg.norm(points.points_m - eye, axis=1)
            seen &= is_lit_for(camera_type, points.lux, away, margin=10.0)
        found.append([] if camera_type.is_thermal else np.flatnonzero(seen).tolist())
    return found


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("by_night", [False, True])
@pytest.mark.parametrize("density", ["one", "each", "any"])
def test_many_cameras_see_what_each_sees_alone(seed: int, by_night: bool, density: str) -> None:
    rng = np.random.default_rng(seed)
    scene = Scene(random_buildings(seed))
    models, types = fleet(seed, scene)
    xyz = rng.uniform([0, 0, 0], [200, 200, 3], (1500, 3))
    each = rng.uniform(10, 100, 1500)
    wanted = each if density == "each" else {"one": 40.0, "any": 0.0}[density]
    points = PointSet(xyz, wanted, rng.uniform(0, 2, 1500) if by_night else None)
    done = []
    hits = find_hits(
        models, types, points, scene, on_progress=lambda some, total: done.append((some, total))
    )
    expected = hits_one_by_one(models, types, points, scene)
    assert [hits.of(i).tolist() for i in range(len(hits))] == expected
    assert sum(len(one) > 0 for one in expected) > 15
    assert done[-1] == (45, 45)


def test_no_cameras_and_no_points() -> None:
    scene = Scene([])
    nothing = find_hits([], [], PointSet(np.ones((3, 3)), 10.0), scene)
    assert isinstance(nothing, Hits)
    assert len(nothing) == 0
    model = CameraModel("c", 0.0, 0.0, 6.0, 0.0, 20.0, 2000.0, 2688, 1520)
    assert find_hits([model], [bullet()], PointSet(np.zeros((0, 3)), 10.0), scene).of(0).size == 0


@pytest.mark.parametrize(
    ("wide", "tele", "expected"),
    [
        pytest.param(4.0, None, (None,), id="fixed"),
        pytest.param(2.8, 12.0, (None, 5.8, 12.0), id="wide, sqrt(2.8 x 12) = 5.797, tele"),
        pytest.param(8.0, 32.0, (None, 16.0, 32.0), id="each step twice"),
    ],
)
def test_focal_lengths_to_try(
    wide: float, tele: float | None, expected: tuple[float | None, ...]
) -> None:
    zoom = bullet(focal_length_mm=wide).model_copy(update={"focal_length_max_mm": tele})
    assert focal_lengths_mm(zoom) == expected


def search_of(types: list[CameraType]) -> tuple[Search, list[Mount]]:
    site = small_site()
    ground = lay_grid(site, step_m=2.0, target_height_m=1.5)
    wanted = find_edition("2014").find()
    evaluator = Evaluator(site, ground, wanted, light_margin=10.0)
    search = Search(
        evaluator.scene, ground, evaluator.targets, types, wanted, 30.0, None, 10.0
    )  # fmt: skip
    return search, list(site.mounts)


def test_a_zoom_lens_is_tried_at_three_focal_lengths() -> None:
    zoom = bullet(focal_length_mm=2.8).model_copy(update={"focal_length_max_mm": 12.0})
    search, mounts = search_of([zoom])
    views = find_views(mounts, search, lambda _done, _total: None)
    # 2 um pitch: 2.8, 5.8 and 12 mm are 1400, 2900 and 6000 px
    assert {round(one.model.f_px) for one in views} == {1400, 2900, 6000}
    assert all(len(one.hits) >= 5 for one in views)


@pytest.mark.parametrize(
    ("point", "height_m", "expected"),
    [
        pytest.param(Point(X + 15, Y + 35), 5.0, "mount 'm' at .* inside building", id="in"),
        pytest.param(Point(X + 50, Y + 29), 0.0, "mount 'm' .* above the ground", id="on it"),
        pytest.param(Point(X + 50, Y + 29), -1.0, "hangs at a height of -1 m", id="under it"),
    ],
)  # fmt: skip
def test_mounts_where_no_camera_can_hang(point: Point, height_m: float, expected: str) -> None:
    search, _ = search_of([bullet()])
    with pytest.raises(CoverageError, match=expected):
        find_views([Mount("m", MountKind.MAST, point, height_m)], search, lambda *_: None)


def test_a_building_stands_in_between() -> None:
    scene = Scene([block(0, 0, 10, 8.0)])
    model = CameraModel("c", -5.0, 5.0, 6.0, 270.0, 20.0, 2000.0, 2688, 1520)
    points = PointSet(np.array([[-20.0, 5.0, 1.5], [30.0, 5.0, 1.5]]), 10.0)
    assert find_hits([model], [bullet()], points, scene).of(0).tolist() == [0]
    behind = replace(model, azimuth_deg=90.0)
    assert find_hits([behind], [bullet()], points, scene).of(0).tolist() == []
