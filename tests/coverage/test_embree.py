"""Lines of sight against Intel's Embree: prisms as triangles, rays as a renderer traces them."""

import numpy as np
import numpy.typing as npt
import pytest
from coverage_builders import random_buildings
from delft_site import FOLDER, panden_of_delft, road_points
from sight_oracles import mesh_of, seen_by_embree

from parkwacht_config.site import Building
from parkwacht_coverage.visibility import Scene

pytest.importorskip("embreex")

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
GRAZING_M = 0.02  # a ray this near to an edge is judged by rounding in single precision


def is_clear_cut(scene: Scene, eye: Floats, targets: Floats) -> Bools:
    """Return for which targets moving it a little any way changes nothing."""
    steps = GRAZING_M * np.array(
        [[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], dtype=np.float64
    )
    answers = [scene.is_visible(tuple(eye), scene.targets(targets + step)) for step in steps]
    alike: Bools = np.all(answers, axis=0) | ~np.any(answers, axis=0)
    return alike


def check(buildings: list[Building], eye: Floats, targets: Floats, origin: Floats) -> int:
    """Compare on all rays that do not graze; return how many there are."""
    scene = Scene(buildings)
    seen = scene.is_visible(tuple(eye), scene.targets(targets))
    clear = is_clear_cut(scene, eye, targets)
    traced = seen_by_embree(mesh_of(buildings, origin), eye, targets, origin)
    assert seen[clear].tolist() == traced[clear].tolist()
    assert 0 < seen[clear].sum() < clear.sum()
    return int(clear.sum())


@pytest.mark.parametrize("seed", range(8))
def test_random_scenes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    buildings = random_buildings(seed)
    targets = rng.uniform([0, 0, 0.1], [200, 200, 4], (2000, 3))
    scene = Scene(buildings)
    eye = next(
        one
        for one in rng.uniform([0, 0, 3], [200, 200, 14], (50, 3))
        if scene.building_at(*one) is None
    )
    assert check(buildings, eye, targets, np.zeros(2)) > 1800


@pytest.mark.shared_data
@pytest.mark.skipif(not FOLDER.is_dir(), reason="needs ../shared/data")
def test_delft() -> None:
    panden = panden_of_delft()
    xy = road_points(panden, 3000)
    targets = np.column_stack((xy, np.full(len(xy), 1.5)))
    origin = xy.mean(axis=0)
    n = sum(check(panden, np.array([*eye, 6.0]), targets, origin) for eye in xy[:6])
    assert n > 0.95 * 6 * len(xy)
