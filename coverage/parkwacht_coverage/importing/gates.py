"""
Where a road enters the park: the lines on which a carriageway crosses the outline.

Only what a road does across counts: at the middle of the crossing the carriageway goes on for
`REACH_M` inward, and outward too where the sources reach beyond the outline. Stretches longer than
`MAX_GATE_M` run along the outline, not across it. A derived outline follows every road to its end:
there a gate lies where the road leaves the park's body, what is wider than `2 * SPUR_M`.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from parkwacht_config.text import Language, Text
from parkwacht_coverage.importing.model import Floats, Objects
from parkwacht_coverage.importing.shapes import single_lines

MIN_GATE_M = 2.0
MAX_GATE_M = 30.0
REACH_M = 3.0
CORNER = np.pi / 4
SPUR_M = 12.0
APART_M = 10.0
INSET_M = 1.5  # a derived outline ends where roads end: look just inside; outside of the body
WINDS = (
    Text(nl="noord", en="north"),
    Text(nl="noordoost", en="north-east"),
    Text(nl="oost", en="east"),
    Text(nl="zuidoost", en="south-east"),
    Text(nl="zuid", en="south"),
    Text(nl="zuidwest", en="south-west"),
    Text(nl="west", en="west"),
    Text(nl="noordwest", en="north-west"),
)


@dataclass(frozen=True, slots=True)
class GateLine:
    """A gate to be written."""

    id: str
    name: str
    line: LineString


def derive_gates(
    carriageways: Objects, outline: Polygon, language: Language, *, is_given: bool
) -> list[GateLine]:
    """
    Find where carriageways cross the outline.

    Parameters
    ----------
    carriageways
        Carriageway polygons, not cut off at a given outline.
    outline
        The park's outline.
    language
        Of the names.
    is_given
        Whether the outline was given; a derived one ends where the roads end.

    Returns
    -------
    gates
        Clockwise from the north as seen from the middle of the park.
    """
    if not len(carriageways):
        return []
    roads = shapely.union_all(carriageways)
    if is_given:
        crossing = _crossings(outline, roads, both_ways=True)
    else:
        body = outline.buffer(-SPUR_M, join_style="mitre").buffer(SPUR_M, join_style="mitre")
        leaving = _crossings(body.buffer(INSET_M, join_style="mitre"), roads, both_ways=True)
        ending = _crossings(outline.buffer(-INSET_M), roads, both_ways=False)
        # a road that leaves the body is not found again at its end
        ends = [one for one in ending if body.is_empty or one.distance(body) < MIN_GATE_M]
        crossing = leaving + [
            one for one in ends if all(one.distance(x) > APART_M for x in leaving)
        ]
    middle = outline.centroid

    def bearing(line: LineString) -> float:
        at = line.centroid
        return float(np.degrees(np.arctan2(at.x - middle.x, at.y - middle.y)) % 360)

    gates = []
    for number, line in enumerate(sorted(crossing, key=bearing), 1):
        wind = WINDS[round(bearing(line) / 45) % 8].to(language)
        name = Text(nl=f"Toegang {number} {wind}", en=f"Gate {number} {wind}").to(language)
        gates.append(GateLine(f"gate_{number:02d}", name, shapely.transform(line, _to_mm)))
    return gates


def _crossings(area: BaseGeometry, roads: BaseGeometry, *, both_ways: bool) -> list[LineString]:
    """Return the straight lines on which roads cross the edge of an area."""
    pieces = [
        LineString([piece.coords[0], piece.coords[-1]])
        for part in shapely.get_parts(area)
        if isinstance(part, Polygon) and not part.is_empty
        for piece in _pieces(part, roads)
        if MIN_GATE_M <= piece.length <= MAX_GATE_M
        and _is_across(piece, roads, part, both_ways=both_ways)
    ]
    return [one for one in pieces if one.length >= MIN_GATE_M]


def _to_mm(xy: Floats) -> Floats:
    return np.round(xy, 3)


def _pieces(ring: Polygon, roads: BaseGeometry) -> list[LineString]:
    """Return the stretches of a ring that lie on a road, broken where the ring turns a corner."""
    found = []
    for line in single_lines(ring.exterior.intersection(roads)):
        xy = shapely.get_coordinates(line)
        way = np.arctan2(*np.diff(xy, axis=0).T)
        turn = np.abs((np.diff(way) + np.pi) % (2 * np.pi) - np.pi)
        corners = [0, *(np.flatnonzero(turn > CORNER) + 1).tolist(), len(xy) - 1]
        found += [LineString(xy[one : other + 1]) for one, other in pairwise(corners)]
    return found


def _is_across(piece: LineString, roads: BaseGeometry, inner: Polygon, *, both_ways: bool) -> bool:
    """Whether the road goes on inward (and outward too, where asked) of a stretch."""
    start, end = np.array(piece.coords[0]), np.array(piece.coords[-1])
    along = end - start
    length = float(np.hypot(*along))
    if length < MIN_GATE_M:
        return False
    normal = np.array([along[1], -along[0]]) / length
    middle = np.array(piece.interpolate(0.5, normalized=True).coords[0])
    sides = [shapely.Point(middle + sign * REACH_M * normal) for sign in (1, -1)]
    inside = [one for one in sides if inner.contains(one)]
    outside = [one for one in sides if not inner.contains(one)]
    goes_in = any(roads.intersects(one) for one in inside)
    goes_out = any(roads.intersects(one) for one in outside)
    return goes_in and (goes_out or not both_ways)
