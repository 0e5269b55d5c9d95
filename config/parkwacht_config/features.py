"""
GeoJSON in RD New to single features: the file, its coordinate system, its geometries.

Every layer is in EPSG:28992 (RD New) and says so in its `crs` member; nothing is converted
silently, because a layer in degrees or with x and y swapped is a mistake of its maker.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import shapely
from shapely.geometry import LineString, Point, Polygon
from shapely.validation import explain_validity

from parkwacht_config.errors import ConfigError
from parkwacht_config.reading import parse_json, read_bytes
from parkwacht_config.site import RD_X_RANGE_M, RD_Y_RANGE_M
from parkwacht_config.text import Text

CRS_NAMES = ("urn:ogc:def:crs:EPSG::28992", "EPSG:28992", "urn:ogc:def:crs:EPSG:9.0:28992")
GeometryT = TypeVar("GeometryT", Polygon, LineString, Point)


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature of a layer, with the place to name when it is wrong."""

    path: Path
    key: str
    properties: Mapping[str, Any]
    geometry: Mapping[str, Any]


def coordinate_problem(x_m: float, y_m: float) -> Text | None:
    """
    Say what is wrong with a point in RD New.

    Parameters
    ----------
    x_m, y_m
        The point, in metres.

    Returns
    -------
    problem
        None where the point lies in the area of use of EPSG:28992.
    """
    if _is_rd(x_m, y_m):
        return None
    if _is_rd(y_m, x_m):
        return Text(
            "x en y lijken verwisseld: in EPSG:28992 komt x (oost, 0 tot 284 km) eerst",
            "x and y look swapped: in EPSG:28992 x (east, 0 to 284 km) comes first",
        )
    if abs(x_m) <= 180 and abs(y_m) <= 180:  # noqa: PLR2004 - degrees of a circle
        return Text(
            "lijkt op graden (EPSG:4326); zet het om naar EPSG:28992 (RD New), in meters",
            "looks like degrees (EPSG:4326); convert it to EPSG:28992 (RD New), in metres",
        )
    return Text(
        "ligt buiten Nederland: x hoort in 482 tot 284183 en y in 306602 tot 637050 m (EPSG:28992)",
        "lies outside the Netherlands: x belongs in 482 to 284183 and y in 306602 to 637050 m "
        "(EPSG:28992)",
    )


def _is_rd(x_m: float, y_m: float) -> bool:
    """Whether a point lies in the area of use of EPSG:28992."""
    return RD_X_RANGE_M[0] <= x_m <= RD_X_RANGE_M[1] and RD_Y_RANGE_M[0] <= y_m <= RD_Y_RANGE_M[1]


def read_features(path: Path) -> list[Feature]:
    """
    Read a GeoJSON layer in EPSG:28992.

    Parameters
    ----------
    path
        The layer.

    Returns
    -------
    features
        In the order of the file; ids are unique.

    Raises
    ------
    ConfigError
        It cannot be read, is no FeatureCollection, or is in another coordinate system.
    """
    document = parse_json(read_bytes(path), path)
    kind = document.get("type") if isinstance(document, dict) else document
    entries = document.get("features") if isinstance(document, dict) else None
    if kind != "FeatureCollection" or not isinstance(entries, list):
        right = Text(
            "een GeoJSON FeatureCollection met features", "a GeoJSON FeatureCollection of features"
        )
        raise ConfigError.at(str(path), "type", kind, right)
    _check_crs(document.get("crs"), path)
    features = [_to_feature(path, number, entry) for number, entry in enumerate(entries, 1)]
    seen: set[object] = set()
    for feature in features:
        feature_id = str(feature.properties.get("id"))
        if feature_id in seen:
            right = Text("elke id komt één keer voor", "every id occurs once")
            raise ConfigError.at(str(path), f"{feature.key}.id", feature_id, right)
        seen.add(feature_id)
    return features


def _check_crs(crs: object, path: Path) -> None:
    """Refuse a layer that is not, or does not say it is, in EPSG:28992."""
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else crs
    if name in CRS_NAMES:
        return
    right = Text(
        f"de laag hoort in RD New te staan, crs {CRS_NAMES[0]}; "
        "zonder crs betekent GeoJSON graden (EPSG:4326)",
        f"the layer belongs in RD New, crs {CRS_NAMES[0]}; "
        "without crs GeoJSON means degrees (EPSG:4326)",
    )
    raise ConfigError.at(str(path), "crs", name, right)


def _to_feature(path: Path, number: int, entry: object) -> Feature:
    """Take one feature apart; `number` counts from 1."""
    key = f"features[#{number}]"
    properties = entry.get("properties") if isinstance(entry, dict) else None
    geometry = entry.get("geometry") if isinstance(entry, dict) else None
    if isinstance(properties, dict) and isinstance(properties.get("id"), str):
        key = f"features[{properties['id']}]"
    if not isinstance(properties, dict):
        right = Text("een tabel met minstens een id", "a table with at least an id")
        raise ConfigError.at(str(path), f"{key}.properties", properties, right)
    if not isinstance(geometry, dict):
        right = Text("een GeoJSON-geometrie", "a GeoJSON geometry")
        raise ConfigError.at(str(path), f"{key}.geometry", geometry, right)
    return Feature(path, key, properties, geometry)


def to_geometry(feature: Feature, wanted: type[GeometryT]) -> GeometryT:
    """
    Build the geometry of a feature.

    Parameters
    ----------
    feature
        The feature.
    wanted
        What it should be.

    Returns
    -------
    geometry
        Valid, not empty, two-dimensional, in EPSG:28992.

    Raises
    ------
    ConfigError
        It is of another type, outside the Netherlands, empty or crosses itself.
    """
    kind, where = feature.geometry.get("type"), str(feature.path)
    if kind != wanted.__name__:
        multi = str(kind).startswith("Multi")
        right = Text(
            f"een {wanted.__name__}{'; splits het in losse objecten' if multi else ''}",
            f"a {wanted.__name__}{'; split it into single features' if multi else ''}",
        )
        raise ConfigError.at(where, f"{feature.key}.geometry.type", kind, right)
    coordinates = feature.geometry.get("coordinates")
    built: Polygon | LineString | Point
    if wanted is Point:
        built = Point(_position(feature, coordinates))
    elif wanted is LineString:
        built = LineString(_positions(feature, coordinates, at_least=2))
    else:
        rings = [_positions(feature, ring, at_least=3) for ring in _as_list(feature, coordinates)]
        built = Polygon(rings[0], rings[1:])
    _check_valid(feature, built)
    return built  # type: ignore[return-value]


def _check_valid(feature: Feature, geometry: Polygon | LineString | Point) -> None:
    """Refuse a geometry that crosses itself or has no extent."""
    where, key = str(feature.path), f"{feature.key}.geometry"
    if not shapely.is_valid(geometry):
        reason = explain_validity(geometry)
        right = Text(
            f"de vorm kruist of raakt zichzelf, of heeft geen oppervlak ({reason})",
            f"the shape crosses or touches itself, or has no area ({reason})",
        )
        raise ConfigError.at(where, key, geometry.wkt, right)
    is_flat = isinstance(geometry, Polygon) and geometry.area <= 0
    if is_flat or (isinstance(geometry, LineString) and geometry.length <= 0):
        right = Text("een vorm met oppervlak of lengte", "a shape with an area or a length")
        raise ConfigError.at(where, key, geometry.wkt, right)


def _as_list(feature: Feature, value: object) -> list[Any]:
    """Return coordinates as a list that is not empty."""
    if isinstance(value, list) and value:
        return value
    right = Text("een niet-lege lijst coördinaten", "a list of coordinates that is not empty")
    raise ConfigError.at(str(feature.path), f"{feature.key}.geometry.coordinates", value, right)


def _positions(feature: Feature, value: object, *, at_least: int) -> list[tuple[float, float]]:
    """Return the points of a line or ring."""
    points = [_position(feature, one) for one in _as_list(feature, value)]
    if len(set(points)) >= at_least:
        return points
    right = Text(
        f"minstens {at_least} verschillende punten", f"at least {at_least} different points"
    )
    raise ConfigError.at(str(feature.path), f"{feature.key}.geometry.coordinates", value, right)


def _position(feature: Feature, value: object) -> tuple[float, float]:
    """Return one point; a third coordinate is dropped."""
    where, key = str(feature.path), f"{feature.key}.geometry.coordinates"
    right: Text | None
    if isinstance(value, list) and len(value) in (2, 3) and all(map(_is_number, value)):
        right = coordinate_problem(value[0], value[1])
        if right is None:
            return float(value[0]), float(value[1])
    else:
        right = Text("twee getallen: x en y in meters", "two numbers: x and y in metres")
    raise ConfigError.at(where, key, value, right)


def _is_number(value: object) -> bool:
    """Whether this is a finite number, and not true or false."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, int) or math.isfinite(value)
