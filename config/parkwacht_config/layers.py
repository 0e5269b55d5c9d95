"""
Layers of a park: what each kind of feature must say, and the layer as typed objects.

`parkwacht_config.features` reads the file and its geometries.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field
from shapely.geometry import LineString, Point, Polygon

from parkwacht_config.errors import ConfigError
from parkwacht_config.features import Feature, read_features, to_geometry

# The importers know it from here.
from parkwacht_config.features import coordinate_problem as coordinate_problem  # noqa: PLC0414
from parkwacht_config.site import (
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
