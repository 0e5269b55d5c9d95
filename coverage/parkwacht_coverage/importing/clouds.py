"""
Heights of buildings from point clouds such as AHN (LAS, LAZ).

The roof of a building is the median of the points on it that are neither ground nor water, half a
metre away from its walls, as 3D BAG takes the median of the roof; the ground is the 25th
percentile of the ground points within `GROUND_RANGE_M` of it, or where nothing is classified the
5th percentile of all points there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import laspy
import numpy as np
import shapely
from laspy.errors import LaspyException
from pyproj.exceptions import CRSError

from parkwacht_config.errors import ConfigError
from parkwacht_config.text import Text
from parkwacht_coverage.importing.frames import CrsChoice, read_crs, settle_crs
from parkwacht_coverage.importing.model import (
    Bools,
    Family,
    Floats,
    Ints,
    Items,
    Layer,
    Report,
    objects,
)
from parkwacht_coverage.importing.sources import SourceFile

CHUNK = 1_000_000
CELL_M = 10.0
GROUND_RANGE_M = 5.0
WALL_M = 0.5
MIN_ROOF_POINTS = 5
MIN_GROUND_POINTS = 3
GROUND_CLASS, WATER_CLASS = 2, 9
NOISE_CLASSES = (7, 18)


@dataclass(slots=True)
class CloudReport:
    """What a point cloud gave: points read, points near buildings, buildings measured."""

    source: str
    n_points: int = 0
    n_near: int = 0


@dataclass(slots=True)
class _Cloud:
    """Points near buildings: x, y, z (m) and class, of all files together."""

    xyz: list[Floats] = field(default_factory=list)
    classes: list[Ints] = field(default_factory=list)


def measure_heights(
    items: Items, files: Sequence[tuple[SourceFile, CrsChoice]], on_progress: Report
) -> tuple[Floats, list[CloudReport]]:
    """
    Measure the height of buildings in point clouds.

    Parameters
    ----------
    items
        Buildings in EPSG:28992.
    files
        The clouds, in the same coordinate system.
    on_progress
        Told how many of how many points are read.

    Returns
    -------
    height_m, reports
        NaN where too few points lie on or around a building, shape (N,); an account per file.

    Raises
    ------
    ConfigError
        A file cannot be read or is in another coordinate system.
    """
    cloud = _Cloud()
    reach = shapely.bounds(items.geometry) + np.array([-1, -1, 1, 1]) * GROUND_RANGE_M
    total = sum(_header(one).point_count for one, _ in files)
    reports, done = [], 0
    for source, choice in files:
        _check_crs(source, choice)
        report = CloudReport(source.shown)
        for xyz, classes in _chunks(source.path):
            near = _near(xyz, reach)
            cloud.xyz.append(xyz[near])
            cloud.classes.append(classes[near])
            report.n_points += len(xyz)
            report.n_near += int(near.sum())
            done += len(xyz)
            on_progress(done, total)
        reports.append(report)
    return _heights(items, cloud), reports


def _header(source: SourceFile) -> laspy.LasHeader:
    try:
        with laspy.open(source.path) as reader:
            return reader.header
    except (LaspyException, OSError, ValueError) as error:
        text = Text(
            nl=f"{source.path}: niet te lezen als LAS of LAZ ({error})",
            en=f"{source.path}: cannot be read as LAS or LAZ ({error})",
        )
        raise ConfigError(text) from error


def _check_crs(source: SourceFile, choice: CrsChoice) -> None:
    """Refuse a cloud that says or shows that it is not in RD New; AHN often says nothing."""
    header = _header(source)
    try:
        said = header.parse_crs()
    except (CRSError, LaspyException):
        said = None
    corners = shapely.points([header.mins[:2], header.maxs[:2]])
    layer = Layer(
        source.shown,
        "LAZ",
        Family.PLAIN,
        None if said is None else said.to_wkt(),
        objects(["low", "high"]),
        np.asarray(corners, dtype=object),
        {},
    )
    settled = settle_crs(layer, choice)
    if settled.crs is not None and read_crs(settled.crs, source.shown).to_epsg() != 28992:  # noqa: PLR2004
        name = read_crs(settled.crs, source.shown).name
        right = Text(
            "RD New (EPSG:28992), zoals AHN; zet de puntenwolk om of geef hoogten als CityJSON",
            "RD New (EPSG:28992), as AHN; convert the cloud or give heights as CityJSON",
        )
        raise ConfigError.at(str(source.path), "crs", name, right)


def _chunks(path: Path) -> Iterator[tuple[Floats, Ints]]:
    """Read the points of a file piece by piece, without noise."""
    try:
        with laspy.open(path) as reader:
            for points in reader.chunk_iterator(CHUNK):
                classes = np.asarray(points.classification, dtype=np.int64)
                keep = ~np.isin(classes, NOISE_CLASSES)
                xyz = np.column_stack((points.x, points.y, points.z))[keep]
                yield xyz.astype(np.float64), classes[keep]
    except (LaspyException, OSError, ValueError) as error:
        text = Text(
            nl=f"{path}: puntenwolk beschadigd ({error})",
            en=f"{path}: point cloud damaged ({error})",
        )
        raise ConfigError(text) from error


def _near(xyz: Floats, reach: Floats) -> Bools:
    """Return which points lie in a cell that a building's surroundings touch, shape (N,)."""
    if not len(reach):
        return np.zeros(len(xyz), dtype=np.bool_)
    left, bottom = np.floor(reach[:, :2].min(axis=0) / CELL_M).astype(np.int64)
    right, top = np.floor(reach[:, 2:].max(axis=0) / CELL_M).astype(np.int64)
    wanted = np.zeros((right - left + 1, top - bottom + 1), dtype=np.bool_)
    cells = np.floor(reach / CELL_M).astype(np.int64) - [left, bottom, left, bottom]
    for x0, y0, x1, y1 in cells.tolist():
        wanted[x0 : x1 + 1, y0 : y1 + 1] = True
    at = np.floor(xyz[:, :2] / CELL_M).astype(np.int64) - [left, bottom]
    inside = ((at >= 0) & (at < wanted.shape)).all(axis=1)
    near = np.zeros(len(xyz), dtype=np.bool_)
    near[inside] = wanted[at[inside, 0], at[inside, 1]]
    return near


def _heights(items: Items, cloud: _Cloud) -> Floats:
    """Measure every building in the collected points."""
    height = np.full(len(items), np.nan)
    if not cloud.xyz or not sum(len(one) for one in cloud.xyz):
        return height
    xyz, classes = np.concatenate(cloud.xyz), np.concatenate(cloud.classes)
    cells = np.floor(xyz[:, :2] / CELL_M).astype(np.int64)
    origin = cells.min(axis=0)
    n_rows = int(cells[:, 1].max() - origin[1]) + 1
    code = (cells[:, 0] - origin[0]) * n_rows + (cells[:, 1] - origin[1])
    order = np.argsort(code, kind="stable")
    index = _Index(xyz[order], classes[order], code[order], origin, n_rows)
    for row, shape in enumerate(items.geometry):
        height[row] = index.height_of(shape)
    return height


@dataclass(frozen=True, slots=True)
class _Index:
    """Points sorted by cell of a grid, column after column."""

    xyz: Floats
    classes: Ints
    code: Ints
    origin: Ints
    n_rows: int

    def within(self, bounds: tuple[float, float, float, float]) -> Ints:
        """Return the points in the cells that a rectangle touches."""
        x0, y0, x1, y1 = (int(np.floor(one / CELL_M)) for one in bounds)
        low = max(y0 - int(self.origin[1]), 0)
        high = min(y1 - int(self.origin[1]), self.n_rows - 1)
        found = []
        for x in range(max(x0 - int(self.origin[0]), 0), x1 - int(self.origin[0]) + 1):
            start = np.searchsorted(self.code, x * self.n_rows + low)
            end = np.searchsorted(self.code, x * self.n_rows + high, side="right")
            found.append(np.arange(start, end))
        return np.concatenate(found) if found else np.zeros(0, dtype=np.int64)

    def height_of(self, shape: shapely.Polygon) -> float:
        """Return the height of a building, or NaN where too few points tell."""
        wide = shape.buffer(GROUND_RANGE_M)
        near = self.within(wide.bounds)
        x, y, z = self.xyz[near].T
        classes = self.classes[near]
        core = shape.buffer(-WALL_M)
        core = shape if core.is_empty else core
        on_roof = shapely.contains_xy(core, x, y) & ~np.isin(classes, (GROUND_CLASS, WATER_CLASS))
        around = shapely.contains_xy(wide, x, y) & ~shapely.contains_xy(shape, x, y)
        is_ground = around & (classes == GROUND_CLASS)
        if on_roof.sum() < MIN_ROOF_POINTS or around.sum() < MIN_GROUND_POINTS:
            return float("nan")
        if is_ground.sum() >= MIN_GROUND_POINTS:
            ground = np.percentile(z[is_ground], 25)
        else:
            ground = np.percentile(z[around], 5)
        return float(np.median(z[on_roof]) - ground)
