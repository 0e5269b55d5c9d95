"""
What lives in the sample park: homes with gardens, yards, trees, and the ways people take.

Drawn with a generator of its own, after everything else, so that what the sample recordings show
stays as it was: nothing here stands in what their cameras see.
"""

# ruff: noqa: PLR2004 - sizes of an invented park are what this file is made of

import math

import numpy as np
import shapely
from josink_sketch import CAMERAS, SEED, STREETS, Feature, Park, polygons
from shapely import affinity
from shapely.geometry import LineString, Point, Polygon, box
from shapely.geometry.base import BaseGeometry

# Rows of homes: name, foot of the first plot on the street's axis, direction of the street,
# side of it (+1 left, -1 right), number; two rows face gates, one lies across the ring road.
ROWS: tuple[tuple[str, tuple[float, float], tuple[float, float], int, int], ...] = (
    ("Bedrijfswoning Ringweg West", (120, 164), (0, 1), 1, 3),
    ("Woning Oostpoort", (836, 310), (1, 0), 1, 5),
    ("Woning Westpoort", (-14, 210), (-1, 0), 1, 3),
)
PLOT_M, EDGE_M, GARDEN_M = 13.0, 7.0, 36.0
# The main ways between the gates, along the middle of the roads, in local metres.
ROUTES: tuple[tuple[str, str, tuple[tuple[float, float], ...]], ...] = (
    ("route_1", "Poort 1 Zuid - Dwarsweg - Poort 3 Noord",
     ((410, -30), (410, 510), (265, 510), (265, 650))),
    ("route_2", "Poort 4 West - Middenweg - Poort 2 Oost",
     ((-30, 210), (120, 210), (120, 310), (850, 310))),
    ("route_3", "Poort 1 Zuid - Ringweg Zuid - Poort 2 Oost",
     ((410, -30), (410, 110), (700, 110), (700, 310), (850, 310))),
    ("route_4", "Poort 4 West - Ringweg West - Poort 3 Noord",
     ((-30, 210), (120, 210), (120, 510), (265, 510), (265, 650))),
    ("route_5", "Poort 2 Oost - Ringweg Noord - Poort 3 Noord",
     ((850, 310), (700, 310), (700, 510), (265, 510), (265, 650))),
)  # fmt: skip
# Cameras whose recordings are part of the repository; the others only need a free foreground.
RECORDED = ("p1_parking", "g1_gate", "r1_road", "p2_parking")


def build_homes(park: Park) -> None:
    """Build rows of detached homes, each with a garden around it."""
    rng = np.random.default_rng([SEED, 1])
    taken = shapely.union_all(
        [shape for shape, _ in park.buildings] + [area for area, _ in park.public]
    )
    for name, foot, along, side, count in ROWS:
        for number in range(count):
            front = EDGE_M + rng.uniform(4.5, 6.5)
            width, depth = rng.uniform(8.0, 9.5), rng.uniform(8.5, 10.5)
            left = PLOT_M * number + (PLOT_M - width) / 2
            drawn = (
                box(left, front, left + width, front + depth),
                box(PLOT_M * number, EDGE_M, PLOT_M * (number + 1), EDGE_M + GARDEN_M),
            )
            house, plot = (
                polygons(_beside(shape, foot, along, side).difference(taken))[0] for shape in drawn
            )
            label = f"{name} {number + 1}"
            about = {
                "name": label,
                "height_m": round(float(rng.uniform(7.0, 9.5)), 1),
                "base_m": 0.0,
                "use": "dwelling",
            }
            park.homes.append((house, about))
            park.gardens.append((plot, f"Tuin {label.lower()}"))


def _beside(
    shape: Polygon, foot: tuple[float, float], along: tuple[float, float], side: int
) -> Polygon:
    """Put a shape drawn along the u-axis beside a street."""
    turned = affinity.scale(shape, 1, side, origin=(0, 0))
    angle = math.atan2(along[1], along[0])
    return affinity.translate(
        affinity.rotate(turned, angle, origin=(0, 0), use_radians=True), *foot
    )


def _opened(area: BaseGeometry, by_m: float) -> BaseGeometry:
    """Drop slivers and spikes that are narrower than twice a distance; corners stay sharp."""
    return area.buffer(-by_m, join_style="mitre").buffer(by_m, join_style="mitre")


def mark_private_ground(park: Park) -> None:
    """Mark yards, what is left inside the outline, and gardens, all without the buildings."""
    public = shapely.union_all([area for area, _ in park.public])
    walls = shapely.union_all([shape for shape, _ in [*park.buildings, *park.homes]])
    gardens = shapely.union_all([plot for plot, _ in park.gardens])
    yards = _opened(park.boundary.difference(shapely.union_all([public, walls, gardens])), 0.4)
    ground: list[Feature] = [
        (part, {"name": f"Bedrijfserven {number}"})
        for number, part in enumerate(polygons(yards), 1)
    ]
    ground += [
        (part, {"name": name})
        for plot, name in park.gardens
        for part in polygons(plot.difference(walls))
    ]
    park.layers["private_areas"] = ground


def mark_purpose(park: Park) -> None:
    """Mark what surveillance is for: the public ground inside the outline, without its seams."""
    public = shapely.union_all([area for area, _ in park.public])
    joined = public.buffer(0.5, join_style="mitre").buffer(-0.5, join_style="mitre")
    inside = joined.simplify(0.1).intersection(park.boundary)
    park.layers["purpose_areas"] = [
        (part, {"name": "Openbare wegen en parkeerplaatsen"}) for part in polygons(inside)
    ]


def mark_routes(park: Park) -> None:
    """Mark the main ways between the gates."""
    park.layers["routes"] = [
        (LineString(corners).intersection(park.boundary), {"id": route_id, "name": name})
        for route_id, name, corners in ROUTES
    ]


def find_free_views() -> BaseGeometry:
    """Find where no tree may stand: in front of the cameras, widely where recordings exist."""
    wedges = []
    for camera_id, _, type_id, foot, aim, _, _ in CAMERAS:
        half_deg = 10.0 if type_id.startswith("anpr") else 60.0 if "8mp" in type_id else 36.0
        reach_m = 100.0 if camera_id in RECORDED else 45.0
        middle_deg = math.degrees(math.atan2(aim[1] - foot[1], aim[0] - foot[0]))
        angles = np.radians(np.linspace(middle_deg - half_deg, middle_deg + half_deg, 25))
        arc = np.column_stack(
            (foot[0] + reach_m * np.cos(angles), foot[1] + reach_m * np.sin(angles))
        )
        wedges.append(Polygon([foot, *arc]).union(Point(foot).buffer(6)))
    return shapely.union_all(wedges)


def plant_trees(park: Park) -> None:
    """Plant trees in the green strips along the streets and along the inside of the outline."""
    rng = np.random.default_rng([SEED, 2])
    planted = [*_draw_street_trees(park, rng), *_draw_edge_trees(park, rng)]
    views = find_free_views()
    walls = shapely.union_all([shape for shape, _ in [*park.buildings, *park.homes]])
    # Neither a lamp nor a camera that could be fixed somewhere hangs in a crown.
    posts = shapely.union_all(
        [point for point, _ in park.lamps]
        + [point for point, _ in park.layers["power_cabinets"]]
        + [point for point, _ in park.layers["mounts"]]
    )
    kept: list[Feature] = []
    for point, about in planted:
        radius_m = about["crown_radius_m"]
        is_free = views.distance(point) > radius_m + 0.5 and posts.distance(point) > radius_m + 0.3
        if is_free and walls.distance(point) > 0.7 * radius_m:
            kept.append((point, about))
    park.layers["trees"] = kept


def _draw_street_trees(park: Park, rng: np.random.Generator) -> list[Feature]:
    """Draw a row of street trees on the side without a footpath, clear of crossings."""
    green = shapely.union_all([a for a, about in park.public if about["kind"] == "green"])
    axes = [line for _, line in park.streets]
    trees: list[Feature] = []
    for (_, line), (_, _, _, path_side) in zip(park.streets, STREETS, strict=True):
        others = shapely.union_all([axis for axis in axes if axis is not line])
        (u0, v0), (u1, v1) = line.coords[0], line.coords[-1]
        du, dv = (u1 - u0) / line.length, (v1 - v0) / line.length
        for side in (1, -1):
            if side == path_side:
                continue
            for step in range(int(line.length // 14)):
                at = 7 + 14 * step + rng.uniform(-1.5, 1.5)
                about = _tree(rng, top_m=(7, 11), crown_m=(1.8, 2.8), base_m=(2.5, 3.5))
                is_planted = rng.random() < 0.8
                point = Point(u0 + du * at - dv * 5.4 * side, v0 + dv * at + du * 5.4 * side)
                if is_planted and green.contains(point) and others.distance(point) > 14:
                    trees.append((point, about))
    return trees


def _draw_edge_trees(park: Park, rng: np.random.Generator) -> list[Feature]:
    """Draw the belt of oaks and pines inside the outline, open where a road passes."""
    roads = shapely.union_all([line for _, line in park.streets])
    edge = park.boundary.buffer(-7).exterior
    trees: list[Feature] = []
    for step in range(int(edge.length // 17)):
        spot = edge.interpolate(17 * step + rng.uniform(-4, 4))
        shift = rng.uniform(-3, 3, 2)
        is_evergreen = rng.random() < 0.2
        if is_evergreen:
            about = _tree(rng, top_m=(9, 15), crown_m=(1.8, 3.0), base_m=(0.5, 1.5))
            about["is_evergreen"] = True
        else:
            about = _tree(rng, top_m=(11, 17), crown_m=(3.2, 5.0), base_m=(2.5, 4.5))
        point = Point(spot.x + shift[0], spot.y + shift[1])
        if roads.distance(point) > 14:
            trees.append((point, about))
    return trees


def _tree(
    rng: np.random.Generator,
    *,
    top_m: tuple[float, float],
    crown_m: tuple[float, float],
    base_m: tuple[float, float],
) -> dict[str, float | bool]:
    """Draw the sizes of one tree."""
    return {
        "height_m": round(float(rng.uniform(*top_m)), 1),
        "crown_radius_m": round(float(rng.uniform(*crown_m)), 1),
        "crown_base_m": round(float(rng.uniform(*base_m)), 1),
        "is_evergreen": False,
    }
