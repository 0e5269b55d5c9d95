"""What is laid and built in the sample park: outline, streets, buildings, lamps, mounts, gates."""

# ruff: noqa: PLR2004 - sizes of an invented park are what this file is made of

import itertools
import math

import numpy as np
import shapely
from josink_sketch import (
    CARRIAGEWAY_M,
    DEPTH_M,
    GATES,
    PARKINGS,
    STREETS,
    WIDTH_M,
    ZONES,
    Feature,
    Park,
    azimuth_deg,
    polygons,
)
from shapely import affinity
from shapely.geometry import LineString, MultiLineString, MultiPoint, Point, Polygon, box
from shapely.geometry.base import BaseGeometry
from shapely.ops import linemerge


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
