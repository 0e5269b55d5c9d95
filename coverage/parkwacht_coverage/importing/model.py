"""
What is read and what becomes of it: layers as the files have them, items as the park needs them.

A layer is one table of one file, in the file's own coordinates. Items are things of one theme,
each remembering its layer and row, so that the ledger can say of every feature what became of it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from parkwacht_config.site import AreaKind
from parkwacht_config.text import Text

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Objects = npt.NDArray[np.object_]
Report = Callable[[int, int], None]  # done, total


class Theme(StrEnum):
    """What a feature is to a park."""

    BUILDING = "buildings"
    CARRIAGEWAY = "carriageway"
    PARKING = "parking"
    FOOTPATH = "footpath"
    GREEN = "green"
    PRIVATE = "private_areas"
    PURPOSE = "purpose_areas"
    WATER = "water"
    TREE = "trees"
    LAMP = "lamp_posts"
    MAST = "masts"
    CABINET = "power_cabinets"
    BOUNDARY = "boundary"
    MOUNT = "mounts"
    GATE = "gates"
    ROUTE = "routes"
    DWELLING = "dwellings"  # addresses where people live: they say what a building is used for


PUBLIC_THEMES = {
    Theme.CARRIAGEWAY: AreaKind.CARRIAGEWAY,
    Theme.PARKING: AreaKind.PARKING,
    Theme.FOOTPATH: AreaKind.FOOTPATH,
    Theme.GREEN: AreaKind.GREEN,
}
AREA_THEMES = frozenset(
    {*PUBLIC_THEMES, Theme.BUILDING, Theme.PRIVATE, Theme.PURPOSE, Theme.WATER, Theme.BOUNDARY}
)
LINE_THEMES = frozenset({Theme.GATE, Theme.ROUTE})


class Family(StrEnum):
    """Whose words a layer speaks."""

    BGT = "bgt"
    BAG = "bag"
    OSM = "osm"
    CITYJSON = "cityjson"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Layer:
    """
    One table of one file, in the file's coordinates.

    `geometry` holds shapely geometries or None, shape (N,); `columns` hold the attributes, each
    shape (N,), under lower-case names; `troubles` says per row why a geometry could not be built,
    or what was mended to build it (`mended`).
    """

    source: str
    name: str
    family: Family
    crs: str | None
    ids: Objects
    geometry: Objects
    columns: Mapping[str, Objects]
    troubles: Mapping[int, Text] = field(default_factory=dict)
    mended: Mapping[int, Text] = field(default_factory=dict)

    def column(self, *names: str) -> Objects:
        """Return the first column of these names, or one of None."""
        for name in names:
            if name in self.columns:
                return self.columns[name]
        return np.full(len(self.ids), None, dtype=object)

    def value(self, row: int, *names: str) -> Any:  # noqa: ANN401 - whatever the file holds
        """Return what the first column of these names holds in a row, or None."""
        for name in names:
            if name in self.columns:
                return self.columns[name][row]
        return None


@dataclass(frozen=True, slots=True)
class Items:
    """
    Things of one theme in the park's frame, each from one row of one layer.

    `geometry`, `layer` and `row` have shape (N,), and so has each of `values`: names ending in
    `_m` or `_deg` are numbers (NaN where unknown), others objects (None where unknown).
    """

    geometry: Objects
    layer: Ints
    row: Ints
    values: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.geometry)

    def take(self, which: Ints | Bools) -> "Items":
        """Return some of them, by index or mask."""
        values = {name: column[which] for name, column in self.values.items()}
        return Items(self.geometry[which], self.layer[which], self.row[which], values)

    def value(self, name: str) -> npt.NDArray[Any]:
        """Return a column of values, unknown where there is none."""
        return self.values[name] if name in self.values else unknown(name, len(self))

    def with_value(self, name: str, column: npt.NDArray[Any]) -> "Items":
        """Return the same things with one column of values replaced."""
        return replace(self, values={**self.values, name: column})

    def with_geometry(self, geometry: Objects) -> "Items":
        """Return the same things with other shapes."""
        return replace(self, geometry=geometry)


def unknown(name: str, count: int) -> npt.NDArray[Any]:
    """Return a column of a name in which nothing is known."""
    if name.endswith(("_m", "_deg", "_cd")):
        return np.full(count, np.nan)
    return np.full(count, None, dtype=object)


def no_items() -> Items:
    """Return no things at all."""
    empty = np.zeros(0, dtype=np.int64)
    return Items(np.zeros(0, dtype=object), empty, empty)


def concat(parts: Sequence[Items]) -> Items:
    """Put things together, in order; a value that one part lacks is unknown there."""
    filled = [one for one in parts if len(one)]
    if not filled:
        return no_items()
    names = sorted({name for one in filled for name in one.values})
    return Items(
        np.concatenate([one.geometry for one in filled]),
        np.concatenate([one.layer for one in filled]),
        np.concatenate([one.row for one in filled]),
        {name: np.concatenate([one.value(name) for one in filled]) for name in names},
    )


def objects(values: Sequence[Any]) -> Objects:
    """Return a sequence as a one-dimensional array of objects, whatever they are."""
    column = np.empty(len(values), dtype=object)
    column[:] = list(values)
    return column


def to_points_array(xy: Floats) -> Objects:
    """Return points (x, y), shape (N, 2), as shapes, shape (N,)."""
    return np.asarray(shapely.points(xy), dtype=object)


def to_lines_array(start: Floats, end: Floats) -> Objects:
    """Return segments from start to end, shape (N, 2) each, as shapes, shape (N,)."""
    return np.asarray(shapely.linestrings(np.stack((start, end), axis=1)), dtype=object)


def plain_name(name: str) -> str:
    """Return a layer's or column's name in lower case with underscores only."""
    lowered = name.rsplit("|", 1)[-1].lower()
    return "".join(one if one.isalnum() else "_" for one in lowered).strip("_")


def number(value: object) -> float:
    """Read a number as files write it ("7.5", "7,5 m", 7.5); NaN where there is none."""
    if value is None or isinstance(value, bool):
        return float("nan")
    text = str(value).strip().lower().removesuffix("m").strip().replace(",", ".")
    try:
        found = float(text)
    except ValueError:
        return float("nan")
    return found if np.isfinite(found) else float("nan")
