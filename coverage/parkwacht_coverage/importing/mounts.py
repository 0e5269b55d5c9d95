"""
Where a camera could hang: facades, lamp posts, masts, new masts along public ground, given mounts.

* Facades: of buildings inside the outline of at least `min_height_m` that are no dwelling, every
  `spacing_m` along their walls, `GAP_M` in front of the wall, facing outward, at 6 m or half a
  metre below the roof; only where the wall looks onto public ground within `LOOK_M` and no other
  building stands against it.
* Lamp posts and masts of the sources, at their own height and at most 6 m.
* New masts: every `spacing_m` along the edge of paved public ground, outside buildings (the Delft
  recipe, design/coverage.md, section 9.2), 6 m high.
* Given mounts: one inside a building is moved to the nearest wall within a tolerance, or refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import Polygon

from parkwacht_config.errors import CoverageError
from parkwacht_config.site import MountKind
from parkwacht_config.text import Text
from parkwacht_coverage.importing.ground import outside_buildings
from parkwacht_coverage.importing.ledger import Ledger
from parkwacht_coverage.importing.model import (
    Bools,
    Floats,
    Ints,
    Items,
    Objects,
    to_lines_array,
    to_points_array,
)
from parkwacht_coverage.importing.shapes import rounded

HEIGHT_M = 6.0
BELOW_ROOF_M = 0.5
GAP_M = 0.2
FREE_M = 1.5  # in front of a facade: room for a bracket and a view
LOOK_M = 20.0
MIN_WALL_M = 2.0
MIN_HEIGHT_M, MAX_HEIGHT_M = 1.0, 60.0


@dataclass(frozen=True, slots=True)
class MountRules:
    """How mounts are derived; a spacing of 0 derives none of that kind."""

    mast_spacing_m: float = 10.0
    facade_spacing_m: float = 10.0
    min_facade_height_m: float = 3.0
    snap_m: float = 1.0


@dataclass(frozen=True, slots=True)
class MountPoint:
    """A mount to be written."""

    id: str
    kind: MountKind
    x_m: float
    y_m: float
    height_m: float
    facing_deg: float | None = None


def facade_mounts(buildings: Items, public: Objects, rules: MountRules) -> list[MountPoint]:
    """
    Find mounts on facades.

    Parameters
    ----------
    buildings
        All buildings, single polygons with `height_m`, `base_m` and `use`.
    public
        Public ground, polygons; without any there are no facade mounts.
    rules
        Spacing and minimum height.

    Returns
    -------
    mounts
        In the order of buildings and walls.
    """
    if rules.facade_spacing_m <= 0 or not len(buildings) or not len(public):
        return []
    fit = (buildings.value("height_m") >= rules.min_facade_height_m) & (
        buildings.value("use") != "dwelling"
    )
    fit &= buildings.value("base_m") <= 0
    fit &= _near_any(buildings.geometry, public, LOOK_M)
    chosen = np.flatnonzero(fit)
    walls = _walls(buildings.geometry[chosen])
    place, outward, wall = _along(walls, rules.facade_spacing_m)
    owner = chosen[walls.owner[wall]]
    at = to_points_array(np.round(place + outward * GAP_M, 3))
    ahead = to_points_array(place + outward * FREE_M)
    free = outside_buildings(at, buildings.geometry, GAP_M / 2)
    free &= outside_buildings(ahead, buildings.geometry, 0.0)
    look = to_lines_array(place + outward * GAP_M, place + outward * LOOK_M)
    free &= _near_any(look, public, 0.0)
    height = np.minimum(HEIGHT_M, buildings.value("height_m") - BELOW_ROOF_M)
    mounts = []
    for number, row in enumerate(np.flatnonzero(free).tolist(), 1):
        x, y = np.round(place[row] + outward[row] * GAP_M, 3)
        facing = float(np.round(np.degrees(np.arctan2(*outward[row])) % 360, 1)) % 360
        high = float(np.round(height[owner[row]], 2))
        mounts.append(
            MountPoint(f"gevel_{number:04d}", MountKind.FACADE, float(x), float(y), high, facing)
        )
    return mounts


def _near_any(shapes: Objects, others: Objects, distance_m: float) -> Bools:
    """Return which shapes lie within a distance of any of others, shape (N,)."""
    found = np.zeros(len(shapes), dtype=np.bool_)
    near, _ = shapely.STRtree(others).query(shapes, predicate="dwithin", distance=distance_m)
    found[near] = True
    return found


@dataclass(frozen=True, slots=True)
class _Walls:
    """Outer walls, shape (N, 2) each and (N,) for whose; outside lies right of start to end."""

    start: Floats
    end: Floats
    owner: Ints


def _walls(shapes: Objects) -> _Walls:
    """Take outlines apart into walls, counter-clockwise around each building."""
    rings = shapely.get_exterior_ring(shapely.orient_polygons(shapes))
    xy, owner = shapely.get_coordinates(rings, return_index=True)
    same = owner[:-1] == owner[1:]
    return _Walls(xy[:-1][same], xy[1:][same], owner[:-1][same])


def _along(walls: _Walls, spacing_m: float) -> tuple[Floats, Floats, Ints]:
    """
    Spread points over walls of at least `MIN_WALL_M`, at equal distances, the first half a step in.

    Returns
    -------
    place, outward, wall
        Points on the wall and unit normals, shape (N, 2); which wall, shape (N,).
    """
    along = walls.end - walls.start
    length = np.hypot(*along.T)
    count = np.where(length >= MIN_WALL_M, np.ceil(length / spacing_m), 0).astype(np.int64)
    wall = np.repeat(np.arange(len(length)), count)
    first = np.repeat(np.cumsum(count) - count, count)
    share = (np.arange(len(wall)) - first + 0.5) / count[wall]
    place = walls.start[wall] + along[wall] * share[:, None]
    unit = along[wall] / length[wall][:, None]
    return place, np.column_stack((unit[:, 1], -unit[:, 0])), wall


def pole_mounts(items: Items, kind: MountKind, buildings: Objects, prefix: str) -> list[MountPoint]:
    """Make mounts of lamp posts or masts that stand in the open."""
    if not len(items):
        return []
    free = outside_buildings(items.geometry, buildings, 0.0)
    xy = shapely.get_coordinates(items.geometry)
    height = np.asarray(items.value("height_m"), dtype=np.float64)
    high = np.clip(np.where(np.isnan(height), HEIGHT_M, height), MIN_HEIGHT_M, HEIGHT_M)
    return [
        MountPoint(
            f"{prefix}_{number:04d}", kind, float(xy[row, 0]), float(xy[row, 1]), float(high[row])
        )
        for number, row in enumerate(np.flatnonzero(free).tolist(), 1)
    ]


def mast_mounts(
    paved: Objects, buildings: Objects, outline: Polygon, spacing_m: float
) -> list[MountPoint]:
    """
    Find places for new masts along the edge of paved public ground.

    Parameters
    ----------
    paved
        Carriageways, parking and footpaths.
    buildings
        Outlines in which and against which no mast stands.
    outline
        The park; masts stand in it.
    spacing_m
        Distance along the edge; 0 gives none.

    Returns
    -------
    mounts
        In the order of the edge.
    """
    if spacing_m <= 0 or not len(paved):
        return []
    edge = shapely.union_all(paved).boundary
    points: list[shapely.Point] = []
    for line in shapely.get_parts(shapely.line_merge(edge)):
        steps = np.arange(0.0, max(line.length, 1e-9), spacing_m)
        points += shapely.line_interpolate_point(line, steps).tolist()
    places = rounded(np.array(points, dtype=object))
    shapely.prepare(outline)
    keep = outside_buildings(places, buildings, GAP_M)
    keep &= shapely.dwithin(places, outline, GAP_M)
    xy = shapely.get_coordinates(places[keep])
    return [
        MountPoint(f"mast_{number:04d}", MountKind.MAST, float(x), float(y), HEIGHT_M)
        for number, (x, y) in enumerate(xy.tolist(), 1)
    ]


def given_mounts(
    items: Items, buildings: Items, rules: MountRules, ledger: Ledger
) -> list[MountPoint]:
    """
    Take the mounts that the user gives.

    Parameters
    ----------
    items
        Points with `kind` (mast where unknown), `height_m` (6 where unknown) and `facing_deg`.
    buildings
        All buildings.
    rules
        How far a mount may be moved to the nearest wall.
    ledger
        Where a move is written down.

    Returns
    -------
    mounts
        In the order given.

    Raises
    ------
    CoverageError
        Mounts stand deeper in a building than the tolerance, or their kind or height is wrong.
    """
    ids = ledger.id_of(items)
    refused: list[str] = []
    mounts: list[MountPoint] = []
    moved = np.zeros(len(items), dtype=np.bool_)
    tree = shapely.STRtree(buildings.geometry)
    for row, point in enumerate(items.geometry):
        kind, high = _kind_and_height(items, row, ids[row])
        facing = float(items.value("facing_deg")[row])
        x, y = point.x, point.y
        inside = tree.query(point, predicate="within")
        if len(inside):
            snapped = _to_wall(point, buildings.geometry[inside[0]], rules.snap_m)
            if snapped is None:
                refused.append(f"{ids[row]} ({_depth(point, buildings.geometry[inside[0]]):.1f} m)")
                continue
            x, y, outward = snapped
            moved[row] = True
            facing = outward if np.isnan(facing) else facing
        known = None if np.isnan(facing) else facing % 360
        mounts.append(MountPoint(_mount_id(ids[row], mounts), kind, x, y, high, known))
    if refused:
        raise _inside_error(refused, rules.snap_m)
    remark = Text(
        nl="montagepunt lag in een gebouw; naar de gevel verplaatst",
        en="mount was inside a building; moved to the facade",
    )
    ledger.note_items(items, moved, remark)
    ledger.confirm(items)
    return mounts


def _mount_id(own: str, mounts: Sequence[MountPoint]) -> str:
    """Return an id that no earlier mount has."""
    taken = {one.id for one in mounts}
    return own if own not in taken else f"{own}~{len(mounts) + 1}"


def _kind_and_height(items: Items, row: int, own_id: str) -> tuple[MountKind, float]:
    """Read kind and height of a given mount."""
    written = str(items.value("kind")[row] or MountKind.MAST.value)
    if written not in [one.value for one in MountKind]:
        known = ", ".join(MountKind)
        raise CoverageError(
            Text(
                nl=f"montagepunt {own_id}: kind = {written!r} klopt niet; bekend zijn {known}",
                en=f"mount {own_id}: kind = {written!r} is wrong; known are {known}",
            )
        )
    high = float(items.value("height_m")[row])
    high = HEIGHT_M if np.isnan(high) else high
    if not MIN_HEIGHT_M <= high <= MAX_HEIGHT_M:
        raise CoverageError(
            Text(
                nl=f"montagepunt {own_id}: height_m = {high:g} klopt niet: in meters, "
                f"{MIN_HEIGHT_M:g} tot {MAX_HEIGHT_M:g}",
                en=f"mount {own_id}: height_m = {high:g} is wrong: in metres, "
                f"{MIN_HEIGHT_M:g} to {MAX_HEIGHT_M:g}",
            )
        )
    return MountKind(written), high


def _depth(point: shapely.Point, building: Polygon) -> float:
    return float(building.boundary.distance(point))


def _to_wall(
    point: shapely.Point, building: Polygon, snap_m: float
) -> tuple[float, float, float] | None:
    """Return the place in front of the nearest wall and the way it faces, or None if too deep."""
    if _depth(point, building) > snap_m:
        return None
    walls = _walls(np.array([building], dtype=object))
    lines = to_lines_array(walls.start, walls.end)
    nearest = int(np.argmin(shapely.distance(lines, point)))
    along = walls.end[nearest] - walls.start[nearest]
    unit = along / np.hypot(*along)
    outward = np.array([unit[1], -unit[0]])
    foot = lines[nearest].interpolate(lines[nearest].project(point))
    x, y = np.round(np.array([foot.x, foot.y]) + outward * GAP_M, 3)
    facing = float(np.round(np.degrees(np.arctan2(*outward)) % 360, 1)) % 360
    return float(x), float(y), facing


def _inside_error(refused: Sequence[str], snap_m: float) -> CoverageError:
    listed = ", ".join(refused[:20]) + (" ..." if len(refused) > 20 else "")  # noqa: PLR2004
    return CoverageError(
        Text(
            nl=f"montagepunten dieper dan {snap_m:g} m in een gebouw (diepte): {listed}; verplaats "
            "ze naar de gevel of geef een grotere --snap-m",
            en=f"mounts deeper than {snap_m:g} m inside a building (depth): {listed}; move them to "
            "the facade or give a larger --snap-m",
        )
    )
