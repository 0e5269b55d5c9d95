"""Lines of sight in real geometry: Delft, buildings and roads of the BGT (design/coverage.md)."""

import sqlite3
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import shapely
from shapely.geometry import Polygon

from parkwacht_config.site import Building
from parkwacht_coverage.visibility import Scene

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
FOLDER = Path(__file__).parents[3] / "shared/data/coverage/geo/delft_bgt_3dfier"

pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="needs ../shared/data"),
]


def polygons(layer: str) -> list[Polygon]:
    path = FOLDER / f"bgt_{layer}.sqlite"
    with sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True) as database:
        (table,) = database.execute("SELECT f_table_name FROM geometry_columns").fetchone()
        rows = database.execute(f"SELECT GEOMETRY FROM '{table}'").fetchall()  # noqa: S608
    found = []
    for (blob,) in rows:
        geometry = shapely.make_valid(shapely.from_wkb(blob))
        found += [one for one in shapely.get_parts(geometry) if isinstance(one, Polygon)]
    return found


def test_every_line_of_sight_agrees_with_brute_force() -> None:
    rng = np.random.default_rng(1)
    # heights are drawn here: 3 to 12 m, as the prisms of the city model
    panden = [
        Building(f"b{i}", shapely.force_2d(one), float(rng.uniform(3, 12)))
        for i, one in enumerate(polygons("pand"))
    ]
    roads = shapely.union_all([shapely.force_2d(one) for one in polygons("wegdeel")])
    left, bottom, right, top = roads.bounds
    xy = rng.uniform([left, bottom], [right, top], (6000, 2))
    free = roads.difference(shapely.union_all([one.polygon for one in panden]))
    xy = xy[shapely.contains_xy(free, xy[:, 0], xy[:, 1])]
    targets = np.column_stack((xy, np.full(len(xy), 1.5)))
    scene = Scene(panden)
    prepared = scene.targets(targets)
    for eye_xy in xy[:10]:
        eye = np.array([*eye_xy, 6.0])
        seen = scene.is_visible(tuple(eye), prepared)
        expected = brute_force(panden, eye, targets)
        assert seen.tolist() == expected.tolist()
        assert 0 < seen.sum() < len(seen)


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
