"""
Whose ground it is: the outline of the park, public ground, private ground, purpose.

The rules, unless the user overrules them with a layer of their own:

* outline: what a source calls boundary; else the ground, yards and buildings that were read, with
  gaps closed as far as it takes to get one piece (`CLOSINGS_M`) and holes filled; where even that
  leaves several, their convex hull;
* public: what the sources call public (`bgt.py`, `osm.py`), inside the outline; on request all
  open ground inside it;
* private: inside the outline what is not public, not built on and no water;
* purpose: the public ground inside the outline.

Areas larger than a tile are worked out tile by tile, so that a town takes minutes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import MultiPoint, Polygon
from shapely.geometry.base import BaseGeometry

from parkwacht_config.errors import CoverageError
from parkwacht_config.site import AreaKind
from parkwacht_config.text import Text
from parkwacht_coverage.importing.ledger import Ledger, Outcome
from parkwacht_coverage.importing.model import (
    PUBLIC_THEMES,
    Bools,
    Items,
    Objects,
    Report,
    Theme,
    concat,
)
from parkwacht_coverage.importing.shapes import clean_polygons, explode, rounded

CLOSINGS_M = (20.0, 40.0, 80.0, 160.0)  # the narrowest that leaves one piece
SIMPLIFY_M = 0.5
TILE_M = 250.0
MIN_PRIVATE_M2 = 1.0
OUTSIDE = Text(nl="buiten de terreingrens", en="outside the park's outline")
FAR = Text(
    nl="te ver buiten de terreingrens om zicht te ontnemen",
    en="too far outside the park's outline to take away sight",
)


@dataclass(frozen=True, slots=True)
class Outline:
    """The park's outline, and by which rule it was found."""

    polygon: Polygon
    rule: Text
    is_given: bool


def given_outline(boundary: Items) -> Outline:
    """
    Take the outline that a source gives.

    Raises
    ------
    CoverageError
        It gives none or several.
    """
    if len(boundary) != 1:
        raise CoverageError(
            Text(
                nl=f"de terreingrens hoort precies één vlak te zijn, gevonden: {len(boundary)}",
                en=f"the park's outline belongs to be exactly one polygon, found: {len(boundary)}",
            )
        )
    return Outline(boundary.geometry[0], Text(nl="opgegeven", en="given"), is_given=True)


def derive_outline(parts: Sequence[Items]) -> Outline:
    """
    Find an outline around what was read.

    Parameters
    ----------
    parts
        Areas: ground, yards, buildings.

    Raises
    ------
    CoverageError
        There is nothing to put an outline around.
    """
    shapes = concat(parts).geometry
    if not len(shapes):
        raise CoverageError(
            Text(
                nl="er is geen gebouw, weg of ander vlak gelezen om een terreingrens omheen te "
                "trekken; geef andere bronnen of --boundary",
                en="no building, road or other area was read to put an outline around; "
                "give other sources or --boundary",
            )
        )
    for gap_m in CLOSINGS_M:
        filled = _closed(shapes, gap_m)
        if isinstance(filled, Polygon):
            rule = Text(
                nl=f"omtrek van wat is gelezen; openingen smaller dan {gap_m:g} m gesloten, gaten "
                "gevuld",
                en=f"outline of what was read; gaps narrower than {gap_m:g} m closed, holes filled",
            )
            # first wider by as much as simplifying may cut off
            wide = filled.buffer(1.02 * SIMPLIFY_M, join_style="mitre")
            return Outline(_only(shapely.simplify(wide, SIMPLIFY_M)), rule, is_given=False)
    points = MultiPoint(shapely.get_coordinates(shapes))
    hull = points.convex_hull.buffer(0.05, join_style="mitre")
    rule = Text(
        nl="convexe omhullende van alles wat is gelezen (het ligt in losse stukken)",
        en="convex hull of all that was read (it lies in separate pieces)",
    )
    return Outline(_only(hull), rule, is_given=False)


def _closed(shapes: Objects, gap_m: float) -> BaseGeometry:
    """
    Close gaps between shapes and fill the holes.

    Holes go before the shapes shrink back, so that the work of shrinking is that of the outer
    edge alone. What does not survive the shrinking, a small piece on its own, is put back.
    """
    wide = shapely.union_all(_grown(shapes, gap_m / 2))
    solid: BaseGeometry = shapely.union_all([Polygon(one.exterior) for one in _areas(wide)])
    closed = solid.buffer(-gap_m / 2, join_style="mitre")
    shapely.prepare(closed)
    rest = shapes[~shapely.covers(closed, shapes)]
    return shapely.union_all(
        [Polygon(one.exterior) for one in _areas(shapely.union_all([closed, *rest]))]
    )


def _grown(shapes: Objects, by_m: float) -> Objects:
    """Widen shapes with square corners that stay square; sharper ones are cut off."""
    grown = shapely.buffer(shapes, by_m, join_style="mitre", mitre_limit=1.5)
    return np.asarray(grown, dtype=object)


def _areas(shape: BaseGeometry) -> list[Polygon]:
    """Return the polygons of a shape."""
    return [one for one in shapely.get_parts(shape) if one.geom_type == "Polygon"]


def _only(shape: BaseGeometry) -> Polygon:
    """Return the largest valid polygon of a shape."""
    return max(clean_polygons(shape), key=lambda one: one.area)


def keep_near(items: Items, outline: Polygon, margin_m: float, ledger: Ledger) -> Items:
    """Filter what lies farther from the outline than a margin."""
    if not len(items):
        return items
    shapely.prepare(outline)
    far = ~shapely.dwithin(items.geometry, outline, margin_m)
    return ledger.drop(items, far, Outcome.FILTERED, FAR if margin_m > 0 else OUTSIDE)


def clip_to(items: Items, outline: Polygon, ledger: Ledger) -> Items:
    """Cut areas off at the outline; what lies wholly outside is filtered."""
    items = keep_near(items, outline, 0.0, ledger)
    if not len(items):
        return items
    across = ~shapely.covers(outline, items.geometry)
    if not across.any():
        return items
    cut = items.take(across)
    inside = rounded(shapely.intersection(cut.geometry, outline))
    broken = ~shapely.is_valid(inside)
    inside[broken] = shapely.make_valid(inside[broken], method="structure")
    tiny = shapely.area(inside) <= MIN_PRIVATE_M2 / 10
    cut = cut.with_geometry(inside)
    remark = Text(nl="afgesneden op de terreingrens", en="cut off at the outline")
    ledger.note_items(cut, ~tiny, remark)
    # what only touches the outline is not inside it
    cut = ledger.drop(cut, tiny, Outcome.FILTERED, OUTSIDE)
    return concat([items.take(~across), explode(cut, ledger)])


def open_ground(outline: Polygon, taken: Sequence[Objects], on_progress: Report) -> list[Polygon]:
    """
    Find what an outline holds beside what takes ground.

    Parameters
    ----------
    outline
        The park.
    taken
        Areas that take ground.
    on_progress
        Told how many of how many tiles are done.

    Returns
    -------
    polygons
        Valid, at least `MIN_PRIVATE_M2` each, none larger than a tile.
    """
    shapes = np.concatenate([np.asarray(one, dtype=object) for one in taken])
    tree = shapely.STRtree(shapes)
    shapely.prepare(outline)
    left, bottom, right, top = outline.bounds
    xs = np.arange(np.floor(left / TILE_M), np.ceil(right / TILE_M)) * TILE_M
    ys = np.arange(np.floor(bottom / TILE_M), np.ceil(top / TILE_M)) * TILE_M
    tiles = [shapely.box(x, y, x + TILE_M, y + TILE_M) for x in xs for y in ys]
    if len(tiles) <= 4:  # noqa: PLR2004 - a small park stays whole
        tiles = [outline]
    found = []
    for done, tile in enumerate(tiles, 1):
        if shapely.intersects(outline, tile):
            free = shapely.intersection(outline, tile) if tile is not outline else outline
            near = shapes[tree.query(tile, predicate="intersects")]
            free = free.difference(shapely.union_all(near)) if len(near) else free
            found += [one for one in clean_polygons(free) if one.area >= MIN_PRIVATE_M2]
        on_progress(done, len(tiles))
    return found


def public_items(by_theme: Mapping[Theme, Items]) -> list[tuple[AreaKind, Items]]:
    """Return the public ground by kind."""
    return [(kind, by_theme[theme]) for theme, kind in PUBLIC_THEMES.items() if theme in by_theme]


def outside_buildings(points: Objects, buildings: Objects, gap_m: float) -> Bools:
    """Return which points lie at least a gap away from every building, shape (N,)."""
    free = np.ones(len(points), dtype=np.bool_)
    if len(buildings) and len(points):
        near, _ = shapely.STRtree(buildings).query(points, predicate="dwithin", distance=gap_m)
        free[near] = False
    return free
