"""
What the sample park is drawn with: its streets, cameras and zones, and the way to RD New.

The park is drawn in local metres (u to the east, v to the north, origin in the south-west corner),
then turned and moved to RD New. Everything is invented; see make_josink_es.py.
"""

# ruff: noqa: PLR2004 - sizes of an invented park are what this file is made of

import math
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import shapely
from shapely import affinity
from shapely.geometry import Point, Polygon, box
from shapely.geometry.base import BaseGeometry

SEED = 28992
WIDTH_M, DEPTH_M = 820.0, 620.0
CENTRE_RD_M = (255500.0, 469500.0)
TURN_DEG = 11.0  # anticlockwise
CARRIAGEWAY_M = 7.0

# name, start, end, side of the footpath (+1 left, -1 right, 0 none), in local metres
STREETS: tuple[tuple[str, tuple[float, float], tuple[float, float], int], ...] = (
    ("Ringweg Zuid", (120, 110), (700, 110), 1),
    ("Ringweg Oost", (700, 110), (700, 510), 1),
    ("Ringweg Noord", (120, 510), (700, 510), -1),
    ("Ringweg West", (120, 110), (120, 510), -1),
    ("Middenweg", (120, 310), (700, 310), -1),
    ("Dwarsweg", (410, 110), (410, 510), 1),
    ("Smidstraat", (265, 310), (265, 510), 0),
    ("Weverstraat", (555, 110), (555, 310), 0),
    ("Spinnerstraat", (120, 410), (265, 410), 0),
    ("Bleekstraat", (555, 210), (700, 210), 0),
    ("Ververstraat", (555, 410), (700, 410), 0),
    ("Toegang Zuid", (410, -30), (410, 110), 1),
    ("Toegang Oost", (850, 310), (700, 310), 1),
    ("Toegang Noord", (265, 650), (265, 510), 0),
    ("Toegang West", (-30, 210), (120, 210), 0),
)
GATES = ("Poort 1 Zuid", "Poort 2 Oost", "Poort 3 Noord", "Poort 4 West")
PARKINGS = (
    ("Parkeerplaats Middenweg", box(290, 313.5, 352, 348)),
    ("Parkeerplaats Dwarsweg", box(413.5, 150, 450, 215)),
    ("Parkeerplaats Ringweg Noord", box(580, 476, 640, 506.5)),
    ("Vrachtwagenstrook Ringweg West", box(123.5, 225, 139, 290)),
)
# fmt: off
# Cameras: id, name, type, local position, local aim point, height in metres, mount
CAMERAS: tuple[tuple[str, str, str, tuple[float, float], tuple[float, float], float, str], ...] = (
    ("p1_parking", "Parkeerplaats Middenweg", "bullet_4mp_4mm",
     (288.5, 331), (310, 330), 6.0, "mast"),
    ("g1_gate", "Poort 1 Zuid", "bullet_4mp_4mm", (417.5, 33), (409.5, 9), 6.0, "mast"),
    ("r1_road", "Ringweg Noord", "bullet_4mp_4mm", (488, 514.2), (510, 510), 5.5, "lamp_post"),
    ("p2_parking", "Parkeerplaats Dwarsweg", "bullet_4mp_4mm",
     (432, 149), (432, 171), 6.0, "mast"),
    ("k1_crossing", "Kruising Middenweg-Dwarsweg", "bullet_8mp_2_8mm",
     (418.5, 318.5), (408, 308), 6.5, "mast"),
    ("g2_anpr", "Poort 2 Oost, kentekens", "anpr_2mp_8_32mm",
     (779, 315.5), (814, 310), 4.0, "mast"),
    ("g3_gate", "Poort 3 Noord", "bullet_4mp_4mm", (271.5, 592), (266, 616), 6.0, "mast"),
)
# Map zones: id, name, area, severity, classes (None for all)
VEHICLES = ("bicycle", "motorcycle", "car", "truck", "bus", "vehicle")
ZONES: tuple[tuple[str, str, Polygon, str, tuple[str, ...] | None], ...] = (
    ("z_parking_1", "Parkeerplaats Middenweg", box(291, 314, 351, 347.5), "high", None),
    ("z_gate_1", "Poort 1 Zuid", box(403, 2, 417, 24), "high", None),
    ("z_road_1", "Ringweg Noord", box(500, 504, 556, 516), "medium", None),
    ("z_parking_2", "Parkeerplaats Dwarsweg", box(414, 150.5, 449.5, 214.5), "high", None),
    ("z_gate_3", "Poort 3 Noord, voertuigen", box(258, 602, 272, 626), "high", VEHICLES),
)
# fmt: on
GeometryT = TypeVar("GeometryT", bound=BaseGeometry)
Feature = tuple[BaseGeometry, dict[str, Any]]


@dataclass
class Park:
    """The park as it grows, in local metres."""

    rng: np.random.Generator
    boundary: Polygon
    streets: list[tuple[str, BaseGeometry]] = field(default_factory=list)
    public: list[Feature] = field(default_factory=list)
    buildings: list[tuple[Polygon, dict[str, Any]]] = field(default_factory=list)
    homes: list[tuple[Polygon, dict[str, Any]]] = field(default_factory=list)
    gardens: list[tuple[Polygon, str]] = field(default_factory=list)
    lamps: list[tuple[Point, dict[str, Any]]] = field(default_factory=list)
    layers: dict[str, list[Feature]] = field(default_factory=dict)


def to_rd(geometry: GeometryT) -> GeometryT:
    """Turn and move local metres to RD New, rounded to centimetres."""
    centred = affinity.translate(geometry, -WIDTH_M / 2, -DEPTH_M / 2)
    turned = affinity.rotate(centred, TURN_DEG, origin=(0, 0))
    return shapely.transform(affinity.translate(turned, *CENTRE_RD_M), lambda xy: np.round(xy, 2))


def azimuth_deg(origin: tuple[float, float], target: tuple[float, float]) -> float:
    """Compute the azimuth in RD of a direction in local metres, clockwise from north."""
    angle = math.degrees(math.atan2(target[0] - origin[0], target[1] - origin[1]))
    return round((angle - TURN_DEG) % 360, 1) % 360


def polygons(geometry: BaseGeometry) -> list[Polygon]:
    """Return the polygons of a geometry that are more than slivers."""
    parts = shapely.get_parts(geometry)
    return [part for part in parts if isinstance(part, Polygon) and part.area > 4]
