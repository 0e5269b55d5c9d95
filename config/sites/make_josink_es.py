"""
Make the sample park: an illustrative business park in the manner of Twente.

NOT a survey of the real Josink Es. Streets, buildings, cameras and incidents are invented by this
seeded script; only the place (EPSG:28992, near Enschede) is real, so that maps and coordinates
behave as they will in practice. Running it again writes the same bytes.

The park is drawn in local metres (u to the east, v to the north, origin in the south-west corner),
then turned and moved to RD New.
"""

# ruff: noqa: PLR2004 - sizes of an invented park are what this file is made of

import csv
import itertools
import json
import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import shapely
from shapely import affinity
from shapely.geometry import LineString, MultiLineString, MultiPoint, Point, Polygon, box, mapping
from shapely.geometry.base import BaseGeometry
from shapely.ops import linemerge, nearest_points

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
# Incidents: centre, spread in metres and share of each cluster; loss, share, words of each kind
CLUSTERS = (((320, 330), 14, 0.2), ((432, 185), 16, 0.15), ((268, 560), 14, 0.12),
            ((620, 470), 22, 0.14), ((150, 260), 18, 0.12), ((600, 240), 25, 0.12),
            ((410, 310), 160, 0.15))
KINDS = {
    "burglary": (4200, 0.3, "Inbraak in bedrijfspand"),
    "theft": (1300, 0.25, "Diefstal van terrein of lading"),
    "vandalism": (700, 0.2, "Vernieling"),
    "dumping": (450, 0.1, "Illegale stort"),
    "vehicle_theft": (14500, 0.15, "Diefstal van of uit voertuig"),
}
HOURS = (21, 22, 23, 0, 1, 2, 3, 4, 5, 14)
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


def make_boundary(rng: np.random.Generator) -> Polygon:
    """Draw a slightly irregular outline."""
    edge = box(0, 0, WIDTH_M, DEPTH_M).exterior
    spacing = edge.length / 24
    points = [edge.interpolate(i * spacing) for i in range(24)]
    corners = [Point(u, v) for u in (0, WIDTH_M) for v in (0, DEPTH_M)]
    ordered = sorted([*points[1:], *corners], key=edge.project)
    shift = rng.uniform(-9, 9, size=(len(ordered), 2))
    return Polygon([(p.x + du, p.y + dv) for p, (du, dv) in zip(ordered, shift, strict=True)])


def lay_public_ground(park: Park) -> None:
    """Lay carriageways, parking areas, footpaths and green strips, none over another."""
    taken: BaseGeometry = Polygon()
    pieces: list[tuple[str, str, BaseGeometry]] = []
    for name, start, end, _ in STREETS:
        line = LineString([start, end]).intersection(park.boundary)
        park.streets.append((name, line))
        band = LineString([start, end]).buffer(CARRIAGEWAY_M / 2, cap_style="square")
        pieces.append(("carriageway", name, band))
    pieces += [("parking", name, area) for name, area in PARKINGS]
    for (name, line), (_, _, _, side) in zip(park.streets, STREETS, strict=True):
        for which in (1, -1):
            if which == side:
                strip = line.buffer(6.5 * which, single_sided=True)
                pieces.append(("footpath", name, strip.difference(line.buffer(4.5))))
            strip = line.buffer((4.5 if which == side else 7.0) * which, single_sided=True)
            pieces.append(("green", name, strip))
    for kind, name, area in pieces:
        left = area.difference(taken).intersection(park.boundary).buffer(0)
        for part in polygons(left):
            park.public.append((part, {"kind": kind, "name": name}))
        taken = taken.union(area)


def draw_building(rng: np.random.Generator, line: BaseGeometry, side: int, at: float) -> Polygon:
    """Draw one rectangle or L beside a street, its front 11 to 20 m from the street's axis."""
    width, depth, front = rng.uniform(22, 46), rng.uniform(18, 40), rng.uniform(11, 20)
    shape: BaseGeometry = box(0, 0, width, depth)
    if rng.random() < 0.4:
        cut = box(width * rng.uniform(0.45, 0.7), depth * rng.uniform(0.4, 0.65), width, depth)
        shape = shape.difference(cut)
    if rng.random() < 0.35:
        shape = affinity.rotate(shape, rng.uniform(-9, 9), origin="centroid")
    (u0, v0), (u1, v1) = line.coords[0], line.coords[-1]
    angle = math.atan2(v1 - v0, u1 - u0)
    shape = affinity.translate(shape, at, front)
    shape = affinity.scale(shape, 1, side, origin=(0, 0))
    shape = affinity.rotate(shape, angle, origin=(0, 0), use_radians=True)
    moved = affinity.translate(shape, u0, v0)
    return polygons(moved)[0]


def raise_buildings(park: Park) -> None:
    """Put buildings on the plots along every street, clear of public ground and each other."""
    rng = park.rng
    kept_free: BaseGeometry = shapely.union_all([area for area, _ in park.public]).buffer(1.5)
    plots = park.boundary.buffer(-6)
    for _, line in park.streets:
        for side in (1, -1):
            at = 8.0
            while at < line.length - 20:
                shape = draw_building(rng, line, side, at)
                if plots.contains(shape) and not kept_free.intersects(shape):
                    is_office = shape.area < 600
                    height = rng.uniform(7, 14) if is_office else rng.uniform(4, 10)
                    name = "Kantoor" if is_office else "Bedrijfshal"
                    about = {
                        "name": f"{name} {len(park.buildings) + 1}",
                        "height_m": round(float(height), 1),
                        "base_m": 0.0,
                    }
                    park.buildings.append((shape, about))
                    kept_free = kept_free.union(shape.buffer(7))
                    at += 20 + rng.uniform(8, 16)
                else:
                    at += 7


def place_lamps_and_cabinets(park: Park) -> None:
    """Place a lamp post every 24 m, sides in turn, and a power cabinet at six corners."""
    rng = park.rng
    roads = shapely.union_all([a for a, about in park.public if about["kind"] == "carriageway"])
    for _, line in park.streets:
        (u0, v0), (u1, v1) = line.coords[0], line.coords[-1]
        du, dv = (u1 - u0) / line.length, (v1 - v0) / line.length
        for i in range(int((line.length - 8) // 24) + 1):
            side, at = (1 if i % 2 else -1), 8 + 24 * i
            lamp = Point(u0 + du * at - dv * 4.2 * side, v0 + dv * at + du * 4.2 * side)
            others = MultiPoint([p for p, _ in park.lamps]) if park.lamps else None
            if roads.distance(lamp) < 0.5 or (others and others.distance(lamp) < 9):
                continue
            height, intensity = rng.choice([6.0, 7.0, 8.0]), rng.uniform(1500, 3000)
            about = {"height_m": float(height), "intensity_cd": float(round(intensity, -1))}
            park.lamps.append((lamp, about))
    spots = [(126, 116), (694, 116), (694, 504), (126, 504), (416, 304), (271, 516)]
    park.layers["power_cabinets"] = [
        (Point(spot), {"name": f"Verdeelkast {i + 1}"}) for i, spot in enumerate(spots)
    ]


def find_facade_mounts(park: Park) -> list[Feature]:
    """Find places near corners and in the middle of walls that look onto public ground."""
    public = shapely.union_all([area for area, _ in park.public])
    walls = shapely.union_all([shape for shape, _ in park.buildings])
    found: list[Feature] = []
    for shape, about in park.buildings:
        ring = list(shapely.orient_polygons(shape).exterior.coords)
        for (u0, v0), (u1, v1) in itertools.pairwise(ring):
            length = math.hypot(u1 - u0, v1 - v0)
            normal = ((v1 - v0) / length, (u0 - u1) / length)
            if length < 12:
                continue
            for share in (1.0 / length, 0.5, 1 - 1.0 / length):
                u = u0 + (u1 - u0) * share + normal[0] * 0.3
                v = v0 + (v1 - v0) * share + normal[1] * 0.3
                ahead = LineString([(u, v), (u + 26 * normal[0], v + 26 * normal[1])])
                if not ahead.intersects(public) or ahead.intersects(walls):
                    continue
                height = round(min(6.0, max(4.0, about["height_m"] - 0.5)), 1)
                facing = azimuth_deg((0, 0), normal)
                found.append(
                    (Point(u, v), {"kind": "facade", "height_m": height, "facing_deg": facing})
                )
    return found


def place_mounts(park: Park) -> None:
    """Collect the candidate mounts: facades, every other lamp post, masts every 60 m."""
    mounts = find_facade_mounts(park)[::3]
    mounts += [(p, {"kind": "lamp_post", "height_m": 5.5}) for p, _ in park.lamps[::2]]
    walls = shapely.union_all([shape for shape, _ in park.buildings]).buffer(0.5)
    public = shapely.union_all([area for area, _ in park.public])
    inside = park.boundary.buffer(-2)
    for part in polygons(public):
        for ring in [part.exterior, *part.interiors]:
            for i in range(int(ring.length // 60)):
                spot = ring.interpolate(i * 60 + 30)
                if inside.contains(spot) and not walls.contains(spot):
                    mounts.append((spot, {"kind": "mast", "height_m": 6.0}))
    park.layers["mounts"] = mounts


def mark_gates(park: Park) -> None:
    """Mark where the four access roads cross the boundary."""
    access = [street for street in STREETS if street[0].startswith("Toegang")]
    gates: list[Feature] = []
    for gate_name, (_, start, end, _) in zip(GATES, access, strict=True):
        band = LineString([start, end]).buffer(CARRIAGEWAY_M / 2, cap_style="flat")
        line = park.boundary.exterior.intersection(band)
        merged = linemerge(line) if isinstance(line, MultiLineString) else line
        gates.append((merged, {"id": f"gate_{len(gates) + 1}", "name": gate_name}))
    park.layers["gates"] = gates


def mark_zones(park: Park) -> None:
    """Mark the map zones that the cameras watch after hours."""
    inside = park.boundary.buffer(-0.5)
    zones: list[Feature] = []
    for zone_id, name, area, severity, classes in ZONES:
        about = {"id": zone_id, "name": name, "arming_id": "night", "severity": severity}
        zones.append((area.intersection(inside), about | ({"classes": classes} if classes else {})))
    park.layers["zones"] = zones


def draw_incident(park: Park, walls: BaseGeometry) -> dict[str, Any] | None:
    """Draw one incident, most of them in clusters and at night; None where it lies outside."""
    rng = park.rng
    centre, spread, _ = CLUSTERS[int(rng.choice(len(CLUSTERS), p=[c[2] for c in CLUSTERS]))]
    point = Point(*(np.array(centre) + rng.normal(0, spread, 2)))
    kind = str(rng.choice(list(KINDS), p=[share for _, share, _ in KINDS.values()]))
    day = date(2023, 11, 1) + timedelta(days=int(rng.integers(0, 1095)))
    hour, minute = int(rng.choice(HOURS)), int(rng.integers(0, 60))
    loss_eur = KINDS[kind][0] * rng.lognormal(0, 0.5)
    is_time_known = rng.random() < 0.85
    if not park.boundary.contains(point):
        return None
    if walls.contains(point):
        point = nearest_points(walls.boundary, point)[0]
    spot = to_rd(point)
    return {
        "on": day.isoformat(),
        "at": f"{hour:02}:{minute:02}" if is_time_known else "",
        "kind": kind,
        "x_m": f"{spot.x:.2f}",
        "y_m": f"{spot.y:.2f}",
        "loss_eur": f"{round(loss_eur, -1):.0f}",
        "description": KINDS[kind][2],
    }


def draw_incidents(park: Park) -> list[dict[str, Any]]:
    """Draw the incidents of three years, oldest first."""
    walls = shapely.union_all([shape for shape, _ in park.buildings])
    rows: list[dict[str, Any]] = []
    while len(rows) < 84:
        row = draw_incident(park, walls)
        if row is not None:
            rows.append(row)
    rows.sort(key=lambda row: (row["on"], row["at"], row["x_m"]))
    return [{"id": f"i{i + 1:03}", **row} for i, row in enumerate(rows)]


def geojson(name: str, features: Iterable[Feature], prefix: str) -> str:
    """Write one layer, a feature per line, in RD New."""
    lines = []
    for i, (shape, about) in enumerate(features):
        properties = about if "id" in about else {"id": f"{prefix}{i + 1:03}", **about}
        geometry = mapping(shapely.normalize(to_rd(shape)))
        feature = {"type": "Feature", "properties": properties, "geometry": geometry}
        lines.append(json.dumps(feature, ensure_ascii=False))
    head = {
        "type": "FeatureCollection",
        "name": name,
        "description": "Illustrative: invented by make_josink_es.py, not a survey of Josink Es.",
        "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::28992"}},
    }
    body = ",\n".join(lines)
    return json.dumps(head, indent=1)[:-2] + f',\n "features": [\n{body}\n]}}\n'


def camera_tables() -> str:
    """Write the [[cameras]] tables."""
    tables = []
    for camera_id, name, type_id, at, aim, height, mount in CAMERAS:
        spot = to_rd(Point(at))
        tilt = math.degrees(math.atan2(height - 1.0, math.dist(at, aim)))
        lines = [
            "[[cameras]]",
            f'id = "{camera_id}"',
            f'name = "{name}"',
            f'type_id = "{type_id}"',
            f"x_m = {spot.x:.2f}",
            f"y_m = {spot.y:.2f}",
            f"height_m = {height}",
            f"azimuth_deg = {azimuth_deg(at, aim)}",
            f"tilt_deg = {tilt:.1f}",
        ]
        if type_id.startswith("anpr"):
            lines.append("focal_length_mm = 32.0")
        lines.append(f'mount = "{mount}"')
        lines.append(f'stream_env = "PARKWACHT_STREAM_{camera_id.upper()}"')
        tables.append("\n".join(lines))
    return "\n\n".join(tables)


def write(folder: Path) -> None:
    """Write the TOML and its layers into a folder."""
    rng = np.random.default_rng(SEED)
    park = Park(rng=rng, boundary=make_boundary(rng))
    lay_public_ground(park)
    raise_buildings(park)
    place_lamps_and_cabinets(park)
    place_mounts(park)
    mark_gates(park)
    mark_zones(park)
    layers: dict[str, tuple[str, Sequence[Feature]]] = {
        "boundary": ("park", [(park.boundary, {"id": "park", "name": "Josink Es (illustratief)"})]),
        "public_areas": ("pa", park.public),
        "buildings": ("b", park.buildings),
        "lamp_posts": ("lp", park.lamps),
        "power_cabinets": ("pc", park.layers["power_cabinets"]),
        "gates": ("gate", park.layers["gates"]),
        "mounts": ("m", park.layers["mounts"]),
        "zones": ("z", park.layers["zones"]),
    }
    target = folder / "josink_es"
    target.mkdir(parents=True, exist_ok=True)
    for name, (prefix, features) in layers.items():
        text = geojson(name, features, prefix)
        (target / f"{name}.geojson").write_text(text, encoding="utf-8", newline="\n")
    incidents = draw_incidents(park)
    with (target / "incidents.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(incidents[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(incidents)
    text = (Path(__file__).parent / "josink_es.toml.in").read_text(encoding="utf-8")
    text = text.replace("@CAMERAS@", camera_tables())
    (folder / "josink_es.toml").write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
