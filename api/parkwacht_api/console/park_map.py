"""
A small map of where an event happened, as numbers for an SVG.

SVG's y axis points down, so northings are negated; units are metres.
"""

import math
from dataclasses import dataclass
from typing import Any

from shapely.geometry import Polygon, box

from parkwacht_api.schemas_incidents import IncidentDetail
from parkwacht_config.site import Site

MIN_HALF_M = 70.0
MARGIN_M = 30.0
HEIGHT = 0.75  # of the map, as part of its width
FIELD_M = 45.0  # drawn length of a camera's direction, no claim about its range
FIELD_HALF_DEG = 25.0


@dataclass(frozen=True, slots=True)
class ParkMap:
    """What the map shows: a view box, paths by CSS class, and points."""

    view_box: str
    shapes: tuple[tuple[str, str], ...]  # CSS class, path data
    camera: tuple[float, float] | None
    field: str
    position: tuple[float, float] | None
    track: str
    radius: float  # of a marker, in metres, so that it looks the same at every scale
    scale_m: int
    scale_at: tuple[float, float]


def _ring(points: list[tuple[float, ...]]) -> str:
    return "M" + "L".join(f"{x:.1f} {-y:.1f}" for x, y, *_ in points) + "Z"


def _path(polygon: Polygon) -> str:
    rings = [polygon.exterior, *polygon.interiors]
    return "".join(_ring(list(ring.coords)) for ring in rings)


def _window(site: Site, points: list[tuple[float, float]]) -> Polygon:
    if not points:
        x0, y0, x1, y1 = site.boundary.bounds
        return box(x0 - MARGIN_M, y0 - MARGIN_M, x1 + MARGIN_M, y1 + MARGIN_M)
    xs, ys = [x for x, _ in points], [y for _, y in points]
    wide, high = max(xs) - min(xs), max(ys) - min(ys)
    half = max(MIN_HALF_M, wide / 2 + MARGIN_M, (high / 2 + MARGIN_M) / HEIGHT)
    x, y = (max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2
    return box(x - half, y - half * HEIGHT, x + half, y + half * HEIGHT)


def _field(x: float, y: float, azimuth_deg: float) -> str:
    corners = [(x, y)]
    for offset_deg in range(-int(FIELD_HALF_DEG), int(FIELD_HALF_DEG) + 1, 5):
        angle = math.radians(azimuth_deg + offset_deg)
        corners.append((x + FIELD_M * math.sin(angle), y + FIELD_M * math.cos(angle)))
    return _ring([tuple(one) for one in corners])


def _shapes(site: Site, window: Polygon) -> tuple[tuple[str, str], ...]:
    layers = [("boundary", site.boundary)]
    layers += [(area.kind.value, area.polygon) for area in site.public_areas]
    layers += [("building", one.polygon) for one in site.buildings]
    return tuple((name, _path(polygon)) for name, polygon in layers if polygon.intersects(window))


def build_incident_map(site: Site, incident: IncidentDetail) -> ParkMap:
    """
    Build the map of an incident: its last place and the camera that saw it last.

    Parameters
    ----------
    site
        The park.
    incident
        The incident; a camera's trouble shows the camera alone.
    """
    has_place = incident.x_m is not None and incident.y_m is not None
    record = {"position": {"x_m": incident.x_m, "y_m": incident.y_m}} if has_place else {}
    camera_id = incident.events[-1].camera_id if incident.events else incident.subject
    return build_map(site, camera_id, record, None)


def build_map(
    site: Site, camera_id: str, record: dict[str, Any], ending: dict[str, Any] | None
) -> ParkMap:
    """
    Build the map of one event.

    Parameters
    ----------
    site
        The park.
    camera_id
        The camera that saw it.
    record
        FlaggedEvent as JSON: gives the position.
    ending
        EventEnding as JSON: gives the path walked.
    """
    camera = site.camera(camera_id)
    position = record.get("position")
    points = [(camera.x_m, camera.y_m)] if camera else []
    if position:
        points.append((position["x_m"], position["y_m"]))
    walked = [(x, y) for _, x, y in (ending or {}).get("path_m", ())]
    window = _window(site, points)
    x0, y0, x1, y1 = window.bounds
    scale_m = 10 if x1 - x0 < 100 else 50  # noqa: PLR2004
    return ParkMap(
        view_box=f"{x0:.1f} {-y1:.1f} {x1 - x0:.1f} {y1 - y0:.1f}",
        shapes=_shapes(site, window),
        camera=(camera.x_m, -camera.y_m) if camera else None,
        field=_field(camera.x_m, camera.y_m, camera.azimuth_deg) if camera else "",
        position=(position["x_m"], -position["y_m"]) if position else None,
        track=" ".join(f"{x:.1f},{-y:.1f}" for x, y in walked),
        radius=(x1 - x0) / 70,
        scale_m=scale_m,
        scale_at=(x0 + (x1 - x0) * 0.04, -y0 - (y1 - y0) * 0.05),
    )
