"""The incidents of the sample park: three years of them, in clusters and most of them at night."""

# ruff: noqa: PLR2004 - sizes of an invented park are what this file is made of

from datetime import date, timedelta
from typing import Any

import numpy as np
import shapely
from josink_sketch import Park, to_rd
from shapely.geometry import Point
from shapely.geometry.base import BaseGeometry
from shapely.ops import nearest_points

# fmt: off
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
