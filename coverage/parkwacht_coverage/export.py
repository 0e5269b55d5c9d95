"""
A study as open formats: GeoJSON for a GIS, CSV for a spreadsheet.

Coordinates are metres in EPSG:28992 (RD New), which the GeoJSON names in a `crs` member as GDAL and
QGIS read it (RFC 7946 itself knows only longitude and latitude). The same study gives the same
bytes.
"""

import csv
import io
import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import shapely
from shapely.geometry import Point, mapping
from shapely.geometry.base import BaseGeometry

from parkwacht_coverage.evaluate import Condition, StudyCamera
from parkwacht_coverage.study import Plan, Study

CRS = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::28992"}}
GRID_M = 0.01  # coordinates are written in centimetres


def class_polygons(study: Study, plan: Plan, condition: Condition) -> dict[str, BaseGeometry]:
    """
    Join the ground whose highest class is the same, by class id, the lowest class first.

    Every target stands for its grid cell, cut to the ground it lies on.
    """
    ranks = study.edition.ranks(study.density[plan][condition])
    half = study.ground.step_m / 2
    east, north = study.ground.points_m[:, 0], study.ground.points_m[:, 1]
    cells = shapely.box(east - half, north - half, east + half, north + half)
    whole = shapely.union_all(list(study.ground.polygons.values()))
    found: dict[str, BaseGeometry] = {}
    for rank, one in enumerate(study.edition.classes, start=1):
        joined = shapely.union_all(cells[ranks == rank]).intersection(whole)
        if joined.area > 0:
            found[one.id] = joined
    return found


def to_geojson(study: Study) -> str:
    """Return cameras, visibility polygons and classes as one GeoJSON feature collection."""
    features = [_feature(_camera_properties(one), _foot(one)) for one in study.cameras]
    for camera in study.cameras:
        properties = {
            "layer": "visibility",
            "camera_id": camera.id,
            "is_proposed": camera.is_proposed,
            "class": study.target_class.id,
        }
        features.append(_feature(properties, camera.polygon))
    for plan in Plan:
        for condition in Condition:
            for class_id, area in class_polygons(study, plan, condition).items():
                properties = {
                    "layer": "classes",
                    "plan": plan.value,
                    "condition": condition.value,
                    "edition": study.edition.id,
                    "class": class_id,
                }
                features.append(_feature(properties, area))
    collection = {
        "type": "FeatureCollection",
        "name": f"parkwacht_{study.site.id}",
        "crs": CRS,
        "features": features,
    }
    return json.dumps(collection, ensure_ascii=False, separators=(",", ":")) + "\n"


def coverage_csv(study: Study) -> str:
    """Return ground per kind, class, condition and plan, in m2 and per cent; at least the class."""
    rows = []
    for kind in (*study.ground.polygons, None):
        whole = float(study.ground.area_m2[study.ground.of_kind(kind)].sum())
        for one in study.edition.classes:
            for condition in Condition:
                for plan in Plan:
                    m2 = study.seen_m2(plan, condition, kind=kind, density_class=one)
                    rows.append(
                        {
                            "area_kind": kind.value if kind else "all",
                            "edition": study.edition.id,
                            "class": one.id,
                            "min_px_per_m": f"{one.min_px_per_m:g}",
                            "condition": condition.value,
                            "plan": plan.value,
                            "seen_m2": f"{m2:.1f}",
                            "area_m2": f"{whole:.1f}",
                            "seen_percent": f"{100 * m2 / whole if whole else 0:.2f}",
                        }
                    )
    return _to_csv(rows)


def cameras_csv(study: Study) -> str:
    """Return one row per camera, existing ones first, then the proposal in its order."""
    rows = []
    for one in study.cameras:
        properties = _camera_properties(one)
        del properties["layer"]
        rows.append({key: _cell(value) for key, value in properties.items()})
    return _to_csv(rows)


def _camera_properties(camera: StudyCamera) -> dict[str, Any]:
    model = camera.model
    return {
        "layer": "cameras",
        "id": camera.id,
        "name": camera.name,
        "is_proposed": camera.is_proposed,
        "mount": camera.mount_kind.value,
        "mount_id": camera.mount_id,
        "type_id": camera.camera_type.id,
        "x_m": round(model.x_m, 2),
        "y_m": round(model.y_m, 2),
        "height_m": round(model.height_m, 2),
        "azimuth_deg": round(model.azimuth_deg, 1),
        "tilt_deg": round(model.tilt_deg, 1),
        "hfov_deg": round(model.hfov_deg, 1),
        "blind_to_m": _finite(model.nearest_visible_m()),
        "added_day_m2": round(camera.added_m2.get(Condition.DAY, 0.0), 1),
        "added_night_m2": round(camera.added_m2.get(Condition.NIGHT, 0.0), 1),
        "price_eur": camera.camera_type.price_eur if camera.is_proposed else 0.0,
    }


def _finite(value: float) -> float | None:
    return round(value, 1) if np.isfinite(value) else None


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else value


def _foot(camera: StudyCamera) -> Point:
    return Point(camera.model.x_m, camera.model.y_m)


def _feature(properties: dict[str, Any], geometry: BaseGeometry) -> dict[str, Any]:
    on_grid = shapely.normalize(shapely.set_precision(geometry, GRID_M))
    rounded = shapely.transform(on_grid, lambda points: np.round(points, 2))
    return {
        "type": "Feature",
        "properties": properties,
        "geometry": None if rounded.is_empty else mapping(rounded),
    }


def _to_csv(rows: Iterable[dict[str, Any]]) -> str:
    text = io.StringIO()
    listed = list(rows)
    writer = csv.DictWriter(text, fieldnames=list(listed[0]) if listed else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(listed)
    return text.getvalue()
