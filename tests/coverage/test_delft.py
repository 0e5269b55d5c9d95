"""Sight in real geometry: Delft, buildings and roads of the BGT (design/coverage.md)."""

import numpy as np
import numpy.typing as npt
import pytest
import shapely
from delft_site import FOLDER, panden_of_delft, road_points
from sight_oracles import visible_by_geos

from parkwacht_config.site import Building
from parkwacht_coverage.visibility import Scene

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="needs ../shared/data"),
]


def test_every_line_of_sight_agrees_with_brute_force() -> None:
    panden = panden_of_delft()
    xy = road_points(panden, 6000)
    targets = np.column_stack((xy, np.full(len(xy), 1.5)))
    scene = Scene(panden)
    prepared = scene.targets(targets)
    for eye_xy in xy[:10]:
        eye = np.array([*eye_xy, 6.0])
        seen = scene.is_visible(tuple(eye), prepared)
        expected = brute_force(panden, eye, targets)
        assert seen.tolist() == expected.tolist()
        assert 0 < seen.sum() < len(seen)


def test_visibility_polygons_are_those_that_geos_cuts() -> None:
    panden = panden_of_delft()
    scene = Scene(panden)
    for eye_xy in road_points(panden, 200)[:4]:
        eye = np.array([*eye_xy, 6.0])
        area = shapely.Point(eye_xy).buffer(100)
        ours = scene.visible_part(tuple(eye), area, at_height_m=1.5)
        theirs = visible_by_geos(panden, eye, area, 1.5)
        assert ours.is_valid
        # shared walls of a row drawn apart by rounding leave slits of micrometres
        assert shapely.symmetric_difference(ours, theirs).area < 1e-3


def brute_force(panden: list[Building], eye: Floats, targets: Floats) -> Bools:
    """Cut each line where it is below the top of a prism on the ground, and ask GEOS."""
    seen = np.ones(len(targets), dtype=np.bool_)
    for one in panden:
        first = max(0.0, (eye[2] - one.height_m) / (eye[2] - 1.5))
        if first >= 1:
            continue
        starts = eye[:2] + (targets[:, :2] - eye[:2]) * first
        lines = np.asarray(shapely.linestrings(np.stack((starts, targets[:, :2]), axis=1)))
        shapely.prepare(one.polygon)
        near = np.flatnonzero(shapely.intersects(one.polygon, lines))
        inside = shapely.relate_pattern(lines[near], one.polygon, "T********")
        seen[near[inside]] = False
    return seen
