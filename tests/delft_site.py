"""The Delft site of the shared data: buildings and roads of the BGT (design/coverage.md)."""

import sqlite3
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import Polygon

from parkwacht_config.site import Building

Floats = npt.NDArray[np.float64]
FOLDER = Path(__file__).parents[2] / "shared/data/coverage/geo/delft_bgt_3dfier"


def polygons(layer: str) -> list[Polygon]:
    """Read the polygons of a layer."""
    path = FOLDER / f"bgt_{layer}.sqlite"
    with sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True) as database:
        (table,) = database.execute("SELECT f_table_name FROM geometry_columns").fetchone()
        rows = database.execute(f"SELECT GEOMETRY FROM '{table}'").fetchall()  # noqa: S608
    found = []
    for (blob,) in rows:
        geometry = shapely.force_2d(shapely.make_valid(shapely.from_wkb(blob)))
        found += [one for one in shapely.get_parts(geometry) if isinstance(one, Polygon)]
    return found


def panden_of_delft(seed: int = 1) -> list[Building]:
    """Return the buildings; heights are drawn here: 3 to 12 m, as the prisms of the city model."""
    rng = np.random.default_rng(seed)
    return [
        Building(f"b{i}", one, float(rng.uniform(3, 12))) for i, one in enumerate(polygons("pand"))
    ]


def road_points(panden: list[Building], n: int, seed: int = 2) -> Floats:
    """Draw points (x, y) in the bounds of the roads and keep those on a road, outside buildings."""
    roads = shapely.union_all(polygons("wegdeel"))
    left, bottom, right, top = roads.bounds
    xy = np.random.default_rng(seed).uniform([left, bottom], [right, top], (n, 2))
    free = roads.difference(shapely.union_all([one.polygon for one in panden]))
    kept: Floats = xy[shapely.contains_xy(free, xy[:, 0], xy[:, 1])]
    return kept
