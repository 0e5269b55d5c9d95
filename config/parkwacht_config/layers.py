"""
Layers of a park: GeoJSON to typed features.

Every layer is in EPSG:28992 (RD New) and says so in its `crs` member; nothing is converted
silently, because a layer in degrees or with x and y swapped is a mistake of its maker.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import shapely
from pydantic import Field
from shapely.geometry import LineString, Point, Polygon
from shapely.validation import explain_validity

from parkwacht_config.errors import ConfigError
from parkwacht_config.reading import parse_json, read_bytes
from parkwacht_config.site import (
    RD_X_RANGE_M,
    RD_Y_RANGE_M,
    AreaKind,
    Building,
    BuildingUse,
    Frozen,
    Gate,
    LampPost,
    Mount,
    MountKind,
    PowerCabinet,
    PrivateArea,
    PublicArea,
    PurposeArea,
    Route,
    Tree,
    Zone,
)
from parkwacht_config.text import Text
from parkwacht_config.validation import check_table

CRS_NAMES = ("urn:ogc:def:crs:EPSG::28992", "EPSG:28992", "urn:ogc:def:crs:EPSG:9.0:28992")
GeometryT = TypeVar("GeometryT", Polygon, LineString, Point)
FeatureId = Annotated[str, Field(min_length=1, max_length=200)]
HeightM = Annotated[float, Field(gt=0, le=250)]


class NamedProperties(Frozen):
    """Properties of a feature that has a name at most: outline, power cabinet."""

    id: FeatureId
    name: str = ""


class PublicAreaProperties(NamedProperties):
    """Properties of a piece of public ground."""

    kind: AreaKind


class BuildingProperties(NamedProperties):
    """Properties of a building."""

    height_m: HeightM
    base_m: Annotated[float, Field(ge=0, le=250)] = 0.0
    use: BuildingUse = BuildingUse.BUSINESS
    window_share: Annotated[float, Field(ge=0, le=1)] | None = None


class LampPostProperties(NamedProperties):
    """Properties of a lamp post."""

    height_m: Annotated[float, Field(ge=1, le=60)]
    intensity_cd: Annotated[float, Field(ge=0, le=1_000_000)]


class TreeProperties(NamedProperties):
    """Properties of a tree."""

    height_m: Annotated[float, Field(gt=0, le=60)]
    crown_radius_m: Annotated[float, Field(gt=0, le=30)]
    crown_base_m: Annotated[float, Field(ge=0, le=60)] = 2.0
    is_evergreen: bool = False


class GateProperties(Frozen):
    """Properties of a gate or a route."""

    id: FeatureId
    name: str


class MountProperties(NamedProperties):
    """Properties of a candidate mount."""

    kind: MountKind
    height_m: Annotated[float, Field(ge=1, le=60)]
    facing_deg: Annotated[float, Field(ge=0, lt=360)] | None = None


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


def _properties(feature: Feature, model: type[Any]) -> Any:  # noqa: ANN401
    """Check the properties of a feature."""
    return check_table(model, feature.properties, feature.path, prefix=f"{feature.key}.properties")


def read_boundary(path: Path) -> Polygon:
    """Read the park's outline: a layer of exactly one polygon."""
    features = read_features(path)
    if len(features) != 1:
        right = Text("precies één vlak, de terreingrens", "exactly one polygon, the outline")
        raise ConfigError.at(str(path), "features", f"{len(features)} features", right)
    _properties(features[0], NamedProperties)
    return to_geometry(features[0], Polygon)


def read_public_areas(path: Path) -> Iterator[PublicArea]:
    """Read public ground."""
    for feature in read_features(path):
        about = _properties(feature, PublicAreaProperties)
        yield PublicArea(about.id, about.kind, to_geometry(feature, Polygon), about.name)


def read_buildings(path: Path) -> Iterator[Building]:
    """Read buildings; the top of each lies above its base."""
    for feature in read_features(path):
        about = _properties(feature, BuildingProperties)
        if about.height_m <= about.base_m:
            right = Text("hoger dan base_m, in meters", "higher than base_m, in metres")
            key = f"{feature.key}.properties.height_m"
            raise ConfigError.at(str(path), key, about.height_m, right)
        polygon = to_geometry(feature, Polygon)
        yield Building(
            about.id,
            polygon,
            about.height_m,
            about.base_m,
            about.name,
            about.use,
            about.window_share,
        )


def read_trees(path: Path) -> Iterator[Tree]:
    """Read trees; the crown of each ends above its base."""
    for feature in read_features(path):
        about = _properties(feature, TreeProperties)
        if about.height_m <= about.crown_base_m:
            right = Text("hoger dan crown_base_m, in meters", "higher than crown_base_m, in metres")
            key = f"{feature.key}.properties.height_m"
            raise ConfigError.at(str(path), key, about.height_m, right)
        yield Tree(
            about.id,
            to_geometry(feature, Point),
            about.height_m,
            about.crown_radius_m,
            about.crown_base_m,
            about.is_evergreen,
        )


def read_private_areas(path: Path) -> Iterator[PrivateArea]:
    """Read private ground."""
    for feature in read_features(path):
        about = _properties(feature, NamedProperties)
        yield PrivateArea(about.id, to_geometry(feature, Polygon), about.name)


def read_purpose_areas(path: Path) -> Iterator[PurposeArea]:
    """Read the ground that surveillance is meant for."""
    for feature in read_features(path):
        about = _properties(feature, NamedProperties)
        yield PurposeArea(about.id, to_geometry(feature, Polygon), about.name)


def read_routes(path: Path) -> Iterator[Route]:
    """Read the ways along which someone should be followed."""
    for feature in read_features(path):
        about = _properties(feature, GateProperties)
        yield Route(about.id, about.name, to_geometry(feature, LineString))


def read_lamp_posts(path: Path) -> Iterator[LampPost]:
    """Read lamp posts."""
    for feature in read_features(path):
        about = _properties(feature, LampPostProperties)
        point = to_geometry(feature, Point)
        yield LampPost(about.id, point, about.height_m, about.intensity_cd)


def read_power_cabinets(path: Path) -> Iterator[PowerCabinet]:
    """Read power cabinets."""
    for feature in read_features(path):
        about = _properties(feature, NamedProperties)
        yield PowerCabinet(about.id, to_geometry(feature, Point), about.name)


def read_gates(path: Path) -> Iterator[Gate]:
    """Read gates."""
    for feature in read_features(path):
        about = _properties(feature, GateProperties)
        yield Gate(about.id, about.name, to_geometry(feature, LineString))


def read_mounts(path: Path) -> Iterator[Mount]:
    """Read candidate mounts."""
    for feature in read_features(path):
        about = _properties(feature, MountProperties)
        point = to_geometry(feature, Point)
        yield Mount(about.id, about.kind, point, about.height_m, about.facing_deg)


def read_zones(path: Path) -> Iterator[Zone]:
    """Read map zones; a zone has no holes."""
    for feature in read_features(path):
        polygon = to_geometry(feature, Polygon)
        if polygon.interiors:
            right = Text("een vlak zonder gaten; splits het", "a polygon without holes; split it")
            raise ConfigError.at(
                str(path), f"{feature.key}.geometry", f"{len(polygon.interiors)} holes", right
            )
        corners = [list(xy) for xy in list(polygon.exterior.coords)[:-1]]
        table = {**feature.properties, "polygon_m": corners}
        yield check_table(Zone, table, path, prefix=f"{feature.key}.properties")
