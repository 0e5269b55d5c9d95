"""
The Delft site of design/coverage.md, section 9.2: the BGT with heights of 3dfier.

Read with sqlite3 and json alone, so that a benchmark does not depend on what it measures. Not part
of the repository: the data lie in ../shared/data, next to the clone.
"""

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from parkwacht_config.site import Building

Floats = npt.NDArray[np.float64]
FOLDER = Path(__file__).parents[2] / "shared/data/coverage/geo/delft_bgt_3dfier"
TARGET_M, MOUNT_M, SPACING_M = 1.5, 6.0, 10.0


@dataclass(frozen=True)
class Delft:
    """Prisms, targets (x, y, height), shape (N, 3), and mounts (x, y, height), shape (E, 3)."""

    buildings: list[Building]
    targets: Floats
    mounts: Floats


def is_there() -> bool:
    """Return whether the data lie next to the clone."""
    return FOLDER.is_dir()


def load(*, step_m: float = 1.0) -> Delft:
    """Build the site: targets on a grid on the roads, mounts along the border of public ground."""
    heights = _heights()
    panden = [
        Building(f"{gml_id}_{index}", polygon, heights[gml_id])
        for gml_id, geometry in _layer("pand")
        for index, polygon in enumerate(_polygons(geometry))
    ]
    built = shapely.union_all([one.polygon for one in panden])
    roads = shapely.union_all([geometry for _, geometry in _layer("wegdeel")]).difference(built)
    left, bottom, right, top = roads.bounds
    xs = np.arange(left, right, step_m) + step_m / 2
    ys = np.arange(bottom, top, step_m) + step_m / 2
    east, north = (axis.ravel() for axis in np.meshgrid(xs, ys))
    inside = shapely.contains_xy(roads, east, north)
    xy = np.column_stack((east[inside], north[inside]))
    targets = np.column_stack((xy, np.full(len(xy), TARGET_M)))
    return Delft(panden, targets, _mounts(roads, built))


def _mounts(roads: BaseGeometry, built: BaseGeometry) -> Floats:
    border = roads.boundary
    lines = [one for one in shapely.get_parts(border) if one.length >= SPACING_M]
    places = []
    for line in lines:
        steps = np.arange(0, line.length, SPACING_M)
        places += [
            shapely.get_coordinates(one)[0] for one in shapely.line_interpolate_point(line, steps)
        ]
    xy = np.array(places)
    free = ~shapely.contains_xy(built.buffer(0.2), xy[:, 0], xy[:, 1])
    return np.column_stack((xy[free], np.full(int(free.sum()), MOUNT_M)))


def _layer(name: str) -> list[tuple[str, BaseGeometry]]:
    """Read a layer's objects on the ground that still stand."""
    path = FOLDER / f"bgt_{name}.sqlite"
    with sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True) as database:
        (table,) = database.execute("SELECT f_table_name FROM geometry_columns").fetchone()
        rows = database.execute(
            f"SELECT gml_id, GEOMETRY FROM '{table}' WHERE relatievehoogteligging = 0"  # noqa: S608
            " AND eindregistratie IS NULL AND bgt_status = 'bestaand'"
        ).fetchall()
    return [
        (gml_id, shapely.force_2d(shapely.make_valid(shapely.from_wkb(blob))))
        for gml_id, blob in rows
    ]


def _heights() -> dict[str, float]:
    """Return the range of heights of each building in the city model."""
    city = json.loads((FOLDER / "testarea_3dfier.city.json").read_text())
    z = np.array(city["vertices"], dtype=np.float64)[:, 2]
    found = {}
    for name, thing in city["CityObjects"].items():
        if thing["type"] == "Building":
            used = np.array(list(_numbers([one["boundaries"] for one in thing["geometry"]])))
            found[name] = float(np.ptp(z[used]))
    return found


def _numbers(nested: list[object]) -> list[int]:
    """Flatten nested lists of numbers."""
    flat: list[int] = []
    for one in nested:
        flat += _numbers(one) if isinstance(one, list) else [int(str(one))]
    return flat


def _polygons(geometry: BaseGeometry) -> list[Polygon]:
    return [one for one in shapely.get_parts(geometry) if isinstance(one, Polygon)]
