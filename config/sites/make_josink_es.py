"""
Make the sample park: an illustrative business park in the manner of Twente.

NOT a survey of the real Josink Es. Streets, buildings, cameras and incidents are invented by this
seeded script; only the place (EPSG:28992, near Enschede) is real, so that maps and coordinates
behave as they will in practice. Running it again writes the same bytes.

`josink_sketch` holds the plan and the way to RD New, `josink_ground` lays and builds,
`josink_living` plants and settles, `josink_incidents` draws the incidents.
"""

import csv
import json
import math
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from josink_ground import (
    lay_public_ground,
    make_boundary,
    mark_gates,
    mark_zones,
    place_lamps_and_cabinets,
    place_mounts,
    raise_buildings,
)
from josink_incidents import draw_incidents
from josink_living import build_homes, mark_private_ground, mark_purpose, mark_routes, plant_trees
from josink_sketch import CAMERAS, SEED, Feature, Park, azimuth_deg, to_rd
from shapely.geometry import Point, mapping

from parkwacht_config.study import Costs

MADE_ON = "2026-11-25"  # a study names it beside the hash of each layer


def geojson(name: str, features: Iterable[Feature], prefix: str) -> str:
    """Write one layer, a feature per line, in RD New."""
    lines = []
    for i, (shape, about) in enumerate(features):
        properties = about if "id" in about else {"id": f"{prefix}{i + 1:03}", **about}
        # A route keeps its direction: it is named after the gate it begins at.
        turned = to_rd(shape) if name == "routes" else shapely.normalize(to_rd(shape))
        geometry = mapping(turned)
        feature = {"type": "Feature", "properties": properties, "geometry": geometry}
        lines.append(json.dumps(feature, ensure_ascii=False))
    head = {
        "type": "FeatureCollection",
        "name": name,
        "date": MADE_ON,
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


def usual_costs() -> str:
    """Write the usual costs, commented out."""
    return "\n".join(f"# {key} = {value:g}" for key, value in Costs().model_dump().items())


def write_incidents(path: Path, incidents: Sequence[dict[str, Any]]) -> None:
    """Write the incidents as CSV."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(incidents[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(incidents)


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
    incidents = draw_incidents(park)
    build_homes(park)
    mark_private_ground(park)
    mark_purpose(park)
    mark_routes(park)
    plant_trees(park)
    layers: dict[str, tuple[str, Sequence[Feature]]] = {
        "boundary": ("park", [(park.boundary, {"id": "park", "name": "Josink Es (illustratief)"})]),
        "public_areas": ("pa", park.public),
        "buildings": ("b", [*park.buildings, *park.homes]),
        "lamp_posts": ("lp", park.lamps),
        "power_cabinets": ("pc", park.layers["power_cabinets"]),
        "gates": ("gate", park.layers["gates"]),
        "mounts": ("m", park.layers["mounts"]),
        "zones": ("z", park.layers["zones"]),
        "trees": ("t", park.layers["trees"]),
        "private_areas": ("pr", park.layers["private_areas"]),
        "purpose_areas": ("pu", park.layers["purpose_areas"]),
        "routes": ("route", park.layers["routes"]),
    }
    target = folder / "josink_es"
    target.mkdir(parents=True, exist_ok=True)
    for name, (prefix, features) in layers.items():
        text = geojson(name, features, prefix)
        (target / f"{name}.geojson").write_text(text, encoding="utf-8", newline="\n")
    write_incidents(target / "incidents.csv", incidents)
    text = (Path(__file__).parent / "josink_es.toml.in").read_text(encoding="utf-8")
    text = text.replace("@CAMERAS@", camera_tables()).replace("@COSTS@", usual_costs())
    (folder / "josink_es.toml").write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
