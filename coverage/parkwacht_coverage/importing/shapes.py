"""
Shapes that can be used: valid polygons of some area, single points, single lines.

What is broken is repaired with GEOS' make_valid where an area is left, else left out; both are
written down with id and reason.
"""

import numpy as np
import shapely
from shapely.geometry import LineString, MultiLineString
from shapely.geometry.base import BaseGeometry

from parkwacht_config.text import Text
from parkwacht_coverage.importing.ledger import Ledger, Outcome
from parkwacht_coverage.importing.model import Bools, Floats, Items, Objects

MIN_AREA_M2 = 0.05  # smaller is a sliver of digitising
POLYGONS = (3, 6)  # GEOS type numbers: Polygon, MultiPolygon
LINES = (1, 2, 5)  # LineString, LinearRing, MultiLineString
COLLECTION = 7

NO_GEOMETRY = Text(nl="geen geometrie", en="no geometry")
EMPTY = Text(nl="lege geometrie", en="empty geometry")
NOT_FINITE = Text(nl="coördinaten zijn geen getallen", en="coordinates are not numbers")
NO_AREA = Text(nl="geen oppervlak (minder dan 0,05 m²)", en="no area (less than 0.05 m²)")
NOT_AN_AREA = Text(nl="een punt of lijn waar een vlak hoort", en="a point or line, not an area")
MENDED = Text(
    nl="vorm kruiste of raakte zichzelf; hersteld", en="shape crossed or touched itself; repaired"
)
CLOSED = Text(nl="lijn gesloten tot vlak", en="line closed to an area")


def to_polygons(items: Items, ledger: Ledger) -> Items:
    """
    Make areas of items, one polygon each; a feature in parts becomes several items.

    Parameters
    ----------
    items
        Shapes of any type, in metres, rounded to millimetres.
    ledger
        Where repairs and losses are written down.

    Returns
    -------
    polygons
        Valid, with an area of at least `MIN_AREA_M2`.
    """
    items = _closed_lines(drop_unusable(items, ledger), ledger)
    kinds = shapely.get_type_id(items.geometry)
    flat = ~np.isin(kinds, (*POLYGONS, COLLECTION))
    items = ledger.drop(items, flat, Outcome.LEFT_OUT, NOT_AN_AREA)
    broken = ~shapely.is_valid(items.geometry)
    geometry = items.geometry.copy()
    geometry[broken] = shapely.make_valid(geometry[broken], method="structure")
    ledger.mark_items(items, broken, Outcome.REPAIRED, MENDED)
    return explode(items.with_geometry(geometry), ledger)


def drop_unusable(items: Items, ledger: Ledger) -> Items:
    """Leave out what is missing, empty or has coordinates that are no numbers."""
    items = ledger.drop(items, shapely.is_missing(items.geometry), Outcome.LEFT_OUT, NO_GEOMETRY)
    items = ledger.drop(items, shapely.is_empty(items.geometry), Outcome.LEFT_OUT, EMPTY)
    bounds = shapely.bounds(items.geometry)
    bad: Bools = ~np.asarray(np.isfinite(bounds).all(axis=1), dtype=np.bool_)
    xy, owner = shapely.get_coordinates(items.geometry, return_index=True)
    bad[owner[~np.isfinite(xy).all(axis=1)]] = True
    return ledger.drop(items, bad, Outcome.LEFT_OUT, NOT_FINITE)


def _closed_lines(items: Items, ledger: Ledger) -> Items:
    """Make polygons of lines that end where they begin."""
    is_ring: Bools = np.isin(shapely.get_type_id(items.geometry), (1, 2)) & shapely.is_closed(
        items.geometry
    )
    is_ring &= shapely.get_num_coordinates(items.geometry) > 3  # noqa: PLR2004 - a triangle, closed
    if not is_ring.any():
        return items
    geometry = items.geometry.copy()
    geometry[is_ring] = [shapely.Polygon(one.coords) for one in geometry[is_ring]]
    ledger.note_items(items, is_ring, CLOSED)
    return items.with_geometry(geometry)


def explode(items: Items, ledger: Ledger) -> Items:
    """Take areas apart into single polygons of at least `MIN_AREA_M2`; the rest is left out."""
    parts, owner = shapely.get_parts(items.geometry, return_index=True)
    while (shapely.get_type_id(parts) > POLYGONS[0]).any():  # a collection may hold collections
        parts, inner = shapely.get_parts(parts, return_index=True)
        owner = owner[inner]
    solid = (shapely.get_type_id(parts) == POLYGONS[0]) & (shapely.area(parts) >= MIN_AREA_M2)
    has_area = np.zeros(len(items), dtype=np.bool_)
    has_area[owner[solid]] = True
    ledger.drop(items, ~has_area, Outcome.LEFT_OUT, NO_AREA)
    return items.take(owner[solid]).with_geometry(parts[solid])


def to_points(items: Items, ledger: Ledger) -> Items:
    """Make points of items: a point itself, else the middle of the shape."""
    items = drop_unusable(items, ledger)
    return items.with_geometry(shapely.centroid(items.geometry))


def to_lines(items: Items, ledger: Ledger) -> Items:
    """Make single lines of items; what is no line is left out."""
    items = drop_unusable(items, ledger)
    merged = shapely.line_merge(items.geometry)
    flat = (shapely.get_type_id(merged) != 1) | (shapely.length(merged) <= 0)
    reason = Text(nl="geen enkele lijn met lengte", en="no single line with a length")
    kept = ledger.drop(items, flat, Outcome.LEFT_OUT, reason)
    return kept.with_geometry(merged[~flat])


def buffer_lines(items: Items, ledger: Ledger) -> Items:
    """Give lines their width: `width_m` of each, areas stay what they are."""
    is_line = np.isin(shapely.get_type_id(items.geometry), LINES)
    if not is_line.any():
        return items
    geometry = items.geometry.copy()
    half: Floats = np.asarray(items.value("width_m"), dtype=np.float64)[is_line] / 2
    wide = shapely.buffer(shapely.force_2d(geometry[is_line]), half, quad_segs=4)
    geometry[is_line] = rounded(wide)
    ledger.note_items(
        items,
        is_line,
        Text(nl="hartlijn verbreed tot wegvlak", en="centre line widened to a road surface"),
    )
    return items.with_geometry(geometry)


def rounded(geometry: Objects) -> Objects:
    """Round coordinates to millimetres."""
    found: Objects = shapely.transform(geometry, lambda xy: np.round(xy, 3))
    return found


def clean_polygons(geometry: BaseGeometry) -> list[shapely.Polygon]:
    """Return the valid single polygons of an area, rounded to millimetres, no slivers."""
    found = shapely.get_parts(rounded(np.array([geometry], dtype=object)))
    broken = ~shapely.is_valid(found)
    found[broken] = shapely.make_valid(found[broken], method="structure")
    while (shapely.get_type_id(found) > POLYGONS[0]).any():
        found = shapely.get_parts(found)
    keep: Bools = (shapely.get_type_id(found) == POLYGONS[0]) & (shapely.area(found) >= MIN_AREA_M2)
    return list(found[keep])


def single_lines(geometry: BaseGeometry) -> list[LineString]:
    """Return the lines of a shape, merged where they touch."""
    parts = [
        one
        for one in shapely.get_parts(geometry)
        if one.geom_type == "LineString" and not one.is_empty
    ]
    merged = shapely.line_merge(MultiLineString(parts)) if parts else LineString()
    return [one for one in shapely.get_parts(merged) if one.length > 0]
