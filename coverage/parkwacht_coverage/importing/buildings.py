"""
Which buildings there are, once each, and how high.

The same building read twice (by a common id, or lying for more than half in an earlier one) counts
once: the outline of the first source stays, what the later one knows of height, use and name fills
what the first does not know. The height of a building is, in this order:

1. a file given with `--heights`, in the order given (a city model before point clouds);
2. its own attributes or geometry (3D BAG, CityJSON, `height`, `building:levels`);
3. the same building in another source;
4. a point cloud among the sources;
5. the default height, or it is left out where that is 0.

A height that is no number, 0, below 0.5 m or above 250 m (9999 and the like) is unknown.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from parkwacht_config.text import Text
from parkwacht_coverage.importing.ledger import Ledger, Outcome
from parkwacht_coverage.importing.model import Bools, Floats, Ints, Items, Objects

MIN_HEIGHT_M = 0.5
MAX_HEIGHT_M = 250.0
SAME_SHARE = 0.5  # of the smaller outline
SAME = Text(
    nl="hetzelfde gebouw als in een eerdere bron; hoogte en gebruik zijn overgenomen",
    en="the same building as in an earlier source; height and use were taken over",
)
IMPLAUSIBLE = Text(
    nl="hoogte onbruikbaar (0, 9999 of geen getal)", en="height unusable (0, 9999 or no number)"
)
NO_HEIGHT = Text(
    nl="hoogte onbekend en geen standaardhoogte", en="height unknown and no default height"
)
NO_BODY = Text(nl="begint niet lager dan het dak (base_m)", en="begins no lower than its roof")
NO_BUILDING = Text(nl="geen gebouw op dit adres", en="no building at this address")
SOURCE_NAMES = {
    "heights": Text(nl="uit --heights (stadsmodel)", en="from --heights (city model)"),
    "cloud": Text(nl="uit puntenwolk (LAZ)", en="from point cloud (LAZ)"),
    "attributes": Text(nl="uit eigenschappen", en="from attributes"),
    "geometry": Text(nl="uit de 3D-vorm", en="from the 3D shape"),
    "default": Text(nl="standaardhoogte", en="default height"),
}


def usable_height(height_m: Floats) -> Bools:
    """Return which heights can be true, shape (N,)."""
    with np.errstate(invalid="ignore"):
        found: Bools = (height_m >= MIN_HEIGHT_M) & (height_m <= MAX_HEIGHT_M)
    return found


def check_heights(items: Items, ledger: Ledger) -> Items:
    """Forget heights that cannot be true, and remark on them."""
    height = np.asarray(items.value("height_m"), dtype=np.float64).copy()
    wrong = ~np.isnan(height) & ~usable_height(height)
    ledger.note_items(items, wrong, IMPLAUSIBLE)
    height[wrong] = np.nan
    origin = items.value("height_from").copy()
    origin[np.isnan(height)] = None
    return items.with_value("height_m", height).with_value("height_from", origin)


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Which later item is the same as which earlier one, shape (N,) each."""

    later: Ints
    earlier: Ints


def merge_same(items: Items, sources: Ints, ledger: Ledger) -> Items:
    """
    Count each building once.

    Parameters
    ----------
    items
        Single polygons, in the order of sources.
    sources
        The number of the file each comes from, shape (N,).
    ledger
        Where the doubles are written down.

    Returns
    -------
    merged
        Without doubles; what only a double knew is filled in.
    """
    pairs = _same_pairs(items, sources)
    if not len(pairs.later):
        return items
    values = {name: column.copy() for name, column in items.values.items()}
    for later, earlier in zip(pairs.later.tolist(), pairs.earlier.tolist(), strict=True):
        _take_over(values, later, earlier)
    merged = Items(items.geometry, items.layer, items.row, values)
    gone = np.zeros(len(items), dtype=np.bool_)
    gone[pairs.later] = True
    return ledger.drop(merged, gone, Outcome.FILTERED, SAME)


def _take_over(values: dict[str, npt.NDArray[np.generic]], later: int, earlier: int) -> None:
    """Fill in what the earlier item does not know from the later one."""
    if np.isnan(values["height_m"][earlier]) and not np.isnan(values["height_m"][later]):
        for name in ("height_m", "height_from"):
            values[name][earlier] = values[name][later]
    for name in ("use", "name"):
        if name in values and values[name][earlier] is None:
            values[name][earlier] = values[name][later]


def _same_pairs(items: Items, sources: Ints) -> _Pairs:
    """Find the items that are the same as one of an earlier file."""
    later, earlier = _overlapping(items.geometry, sources)
    first = np.full(len(items), -1, dtype=np.int64)
    # the earliest that is no double itself; ties by order
    for one, other in sorted(zip(later.tolist(), earlier.tolist(), strict=True)):
        if first[one] < 0 and first[other] < 0:
            first[one] = other
    _same_by_key(items, sources, first)
    found = np.flatnonzero(first >= 0)
    return _Pairs(found, first[found])


def _same_by_key(items: Items, sources: Ints, first: Ints) -> None:
    """Find doubles by a common id that overlap at all; outlines may differ by source."""
    owners: dict[str, list[int]] = {}
    for row, keys in enumerate(items.value("keys")):
        for key in keys or ():
            owners.setdefault(key, []).append(row)
    for rows in owners.values():
        if len(rows) == 1 or (sources[rows] == sources[rows[0]]).all():
            continue
        for row in rows:
            earlier = [one for one in rows if sources[one] < sources[row] and first[one] < 0]
            if first[row] >= 0 or not earlier:
                continue
            touching = [
                one for one in earlier if items.geometry[one].intersects(items.geometry[row])
            ]
            if touching:
                first[row] = touching[0]


def _overlapping(shapes: Objects, sources: Ints) -> tuple[Ints, Ints]:
    """Find pairs (later, earlier) of different files that share half of the smaller outline."""
    if len(np.unique(sources)) == 1:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    one, other = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    earlier = sources[other] < sources[one]
    one, other = one[earlier], other[earlier]
    shared = shapely.area(shapely.intersection(shapes[one], shapes[other]))
    smaller = np.minimum(shapely.area(shapes[one]), shapely.area(shapes[other]))
    same = shared > SAME_SHARE * smaller
    return one[same], other[same]


def heights_from(items: Items, donors: Items, label: str) -> Items:
    """
    Give buildings the heights of a city model, by common id, else by the outline in common.

    Parameters
    ----------
    items
        Buildings.
    donors
        The same or other buildings, with heights.
    label
        What `height_from` will say.

    Returns
    -------
    items
        With the heights that were found.
    """
    donors = donors.take(usable_height(np.asarray(donors.value("height_m"), dtype=np.float64)))
    if not len(donors) or not len(items):
        return items
    by_key: dict[str, list[int]] = {}
    for row, keys in enumerate(donors.value("keys")):
        for key in keys or ():
            by_key.setdefault(key, []).append(row)
    best = np.full(len(items), -1, dtype=np.int64)
    for row, keys in enumerate(items.value("keys")):
        matches = sorted({one for key in keys or () for one in by_key.get(key, ())})
        if matches:
            best[row] = _most_shared(items, row, donors, matches)
    tree = shapely.STRtree(donors.geometry)
    rest = np.flatnonzero(best < 0)
    one, other = tree.query(items.geometry[rest], predicate="intersects")
    shared = shapely.area(shapely.intersection(items.geometry[rest[one]], donors.geometry[other]))
    order = np.lexsort((other, -shared))
    for place in order[::-1].tolist():
        if shared[place] > SAME_SHARE * items.geometry[rest[one[place]]].area:
            best[rest[one[place]]] = other[place]
    found = best >= 0
    height, origin = items.value("height_m").copy(), items.value("height_from").copy()
    height[found] = donors.value("height_m")[best[found]]
    origin[found] = label
    return items.with_value("height_m", height).with_value("height_from", origin)


def _most_shared(items: Items, row: int, donors: Items, matches: Sequence[int]) -> int:
    """Of several parts of the same building return the one that shares most ground."""
    if len(matches) == 1:
        return matches[0]
    shared = shapely.area(shapely.intersection(items.geometry[row], donors.geometry[matches]))
    return matches[int(np.argmax(shared))]


def settle_heights(items: Items, default_height_m: float, ledger: Ledger) -> Items:
    """
    Give what has no height the default, or leave it out; drop what floats above its roof.

    Parameters
    ----------
    items
        Buildings, with every height that could be found.
    default_height_m
        0 leaves buildings without a height out.
    ledger
        Where it is written down.

    Returns
    -------
    items
        All with `height_m` above `base_m`.
    """
    height, origin = items.value("height_m").copy(), items.value("height_from").copy()
    missing = np.isnan(height)
    if default_height_m > 0:
        remark = Text(
            nl=f"hoogte onbekend: standaardhoogte {default_height_m:g} m",
            en=f"height unknown: default height {default_height_m:g} m",
        )
        ledger.note_items(items, missing, remark)
        height[missing], origin[missing] = default_height_m, "default"
    items = items.with_value("height_m", np.round(height, 2)).with_value("height_from", origin)
    if default_height_m <= 0:
        items = ledger.drop(items, missing, Outcome.LEFT_OUT, NO_HEIGHT)
    base = np.asarray(items.value("base_m"), dtype=np.float64)
    base = np.where(base > 0, np.round(base, 2), 0.0)
    items = items.with_value("base_m", base)
    return ledger.drop(items, base >= items.value("height_m"), Outcome.LEFT_OUT, NO_BODY)


def mark_dwellings(items: Items, homes: Items, ledger: Ledger) -> Items:
    """Call a building a dwelling where an address with a dwelling lies in it."""
    if not len(homes):
        return items
    use = items.value("use").copy()
    home, building = shapely.STRtree(items.geometry).query(homes.geometry, predicate="intersects")
    use[building] = "dwelling"
    by_key = {key for keys in homes.value("keys") for key in keys or ()}
    known = np.array([bool((keys or frozenset()) & by_key) for keys in items.value("keys")])
    use[known.astype(np.bool_)] = "dwelling"
    used = np.zeros(len(homes), dtype=np.bool_)
    used[home] = True
    own = {key for keys in items.value("keys") for key in keys or ()}
    used |= np.array([bool((keys or frozenset()) & own) for keys in homes.value("keys")], np.bool_)
    kept = ledger.drop(homes, ~used, Outcome.FILTERED, NO_BUILDING)
    ledger.confirm(kept)
    return items.with_value("use", use)
