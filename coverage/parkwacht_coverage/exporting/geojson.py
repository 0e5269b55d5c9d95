"""
A study as GeoJSON: in RD for a GIS, in longitude and latitude as RFC 7946 asks.

In RD the file names its system (EPSG:28992) in a `crs` member, as GDAL and QGIS read it; RFC 7946
itself knows only WGS84. The same study gives the same bytes.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import Point, mapping
from shapely.geometry.base import BaseGeometry

from parkwacht_coverage.evaluate import Condition, StudyCamera
from parkwacht_coverage.exporting.tables import camera_values
from parkwacht_coverage.reporting.story import from_rd
from parkwacht_coverage.results import Scenario, ScenarioId, Study

RD_CRS = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::28992"}}
GRID_M = 0.01  # coordinates in RD are written in centimetres
DEGREE_DIGITS = 7  # a centimetre

Points = npt.NDArray[np.float64]


def class_polygons(
    study: Study, scenario: Scenario, condition: Condition
) -> dict[str, BaseGeometry]:
    """
    Join the ground whose highest class is the same, by class id, the lowest class first.

    Every target stands for its grid cell, cut to the ground it lies on.
    """
    ranks = study.edition.ranks(scenario.density[condition])
    whole = shapely.union_all(list(study.ground.polygons.values()))
    found: dict[str, BaseGeometry] = {}
    for rank, one in enumerate(study.edition.classes, start=1):
        chosen = study.ground.points_m[ranks == rank, :2]
        joined = _cells(chosen, study.ground.step_m).intersection(whole)
        if joined.area > 0:
            found[one.id] = joined
    return found


def _cells(points: Points, step_m: float) -> BaseGeometry:
    """Join the grid cells of points: runs along a row first, which leaves few boxes to join."""
    if not len(points):
        return shapely.union_all([])
    cells = np.unique(np.floor(points / step_m + 1e-6).astype(np.int64)[:, ::-1], axis=0)
    row, column = cells[:, 0], cells[:, 1]
    starts = np.flatnonzero(
        (np.diff(row, prepend=row[0] - 1) != 0) | (np.diff(column, prepend=0) != 1)
    )
    ends = np.append(starts[1:], len(cells)) - 1
    boxes = shapely.box(
        column[starts] * step_m,
        row[starts] * step_m,
        (column[ends] + 1) * step_m,
        (row[starts] + 1) * step_m,
    )
    return shapely.union_all(boxes)


def to_geojson(study: Study) -> str:
    """Return cameras, views, classes, trenches, gates and routes in EPSG:28992."""
    return _collection(study, _rounded_rd, {"crs": RD_CRS})


def to_wgs84_geojson(study: Study) -> str:
    """Return the same in longitude and latitude, good to about a metre, as RFC 7946 asks."""
    transformer = from_rd()

    def convert(geometry: BaseGeometry) -> BaseGeometry:
        def to_degrees(points: Points) -> Points:
            lon, lat = transformer.transform(points[:, 0], points[:, 1])
            return np.round(np.column_stack((lon, lat)), DEGREE_DIGITS)

        return shapely.transform(_rounded_rd(geometry), to_degrees)

    return _collection(study, convert, {})


def _collection(
    study: Study, convert: Callable[[BaseGeometry], BaseGeometry], extra: Mapping[str, Any]
) -> str:
    features = [
        {"type": "Feature", "properties": properties, "geometry": _member(convert(geometry))}
        for properties, geometry in _features(study)
    ]
    collection = {
        "type": "FeatureCollection",
        "name": f"parkwacht_{study.site.id}",
        **extra,
        "features": features,
    }
    return json.dumps(collection, ensure_ascii=False, separators=(",", ":")) + "\n"


def _rounded_rd(geometry: BaseGeometry) -> BaseGeometry:
    """Put a geometry on the grid of centimetres, rings counter-clockwise outside."""
    on_grid = shapely.normalize(shapely.set_precision(geometry, GRID_M))
    rounded: BaseGeometry = shapely.transform(
        shapely.orient_polygons(on_grid), lambda points: np.round(points, 2)
    )
    return rounded


def _member(geometry: BaseGeometry) -> dict[str, Any] | None:
    return None if geometry.is_empty else mapping(geometry)


def _features(study: Study) -> Iterator[tuple[dict[str, Any], BaseGeometry]]:
    """Yield what the file holds: its properties, and its geometry in EPSG:28992."""
    for scenario in study.scenarios.values():
        yield from _scenario_features(study, scenario)
    for gate in study.site.gates:
        yield {"layer": "gates", "id": gate.id, "name": gate.name}, gate.line
    for id_ in (ScenarioId.TODAY, ScenarioId.RECOMMENDED):
        for condition in Condition:
            for class_id, area in class_polygons(study, study.scenarios[id_], condition).items():
                properties = {
                    "layer": "classes",
                    "scenario": id_.value,
                    "condition": condition.value,
                    "edition": study.edition.id,
                    "class": class_id,
                }
                yield properties, area


def _scenario_features(
    study: Study, scenario: Scenario
) -> Iterator[tuple[dict[str, Any], BaseGeometry]]:
    name = scenario.id.value
    for one in scenario.cameras:
        yield {"layer": "cameras", "scenario": name, **camera_values(one)}, _foot(one)
    for one in scenario.cameras:
        properties = {
            "layer": "visibility",
            "scenario": name,
            "camera_id": one.id,
            "is_proposed": one.is_proposed,
            "class": study.target_class.id,
        }
        yield properties, one.polygon
    for trench in scenario.trenches:
        yield {"layer": "trenches", "scenario": name, "length_m": round(trench.length, 1)}, trench
    for route in scenario.routes:
        for condition, gap in route.longest_unseen.items():
            if gap is not None:
                properties = {
                    "layer": "unseen_stretches",
                    "scenario": name,
                    "condition": condition.value,
                    "route_id": route.route_id,
                    "length_m": round(route.longest_unseen_m[condition], 1),
                }
                yield properties, gap


def _foot(camera: StudyCamera) -> Point:
    return Point(camera.model.x_m, camera.model.y_m)
