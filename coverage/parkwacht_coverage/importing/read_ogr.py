"""Tables as GDAL reads them: SQLite, GeoPackage, GeoJSON, shapefiles and OpenStreetMap."""

import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import shapely
from pyogrio import list_layers, raw, read_info
from pyogrio.errors import DataLayerError, DataSourceError, FieldError, GeometryError
from pyproj import Transformer

from parkwacht_config.errors import ConfigError
from parkwacht_config.text import Text
from parkwacht_coverage.importing.frames import RD, read_crs
from parkwacht_coverage.importing.model import Family, Layer, Objects, objects, plain_name
from parkwacht_coverage.importing.sources import FileKind, SourceFile

ID_COLUMNS = (
    "gml_id", "id", "identificatie", "lokaalid", "identificatie_lokaalid", "osm_way_id", "osm_id",
    "uid", "objectid",
)  # fmt: skip
TAG_PATTERN = re.compile(r'"((?:[^"\\]|\\.)*)"=>"((?:[^"\\]|\\.)*)"')
RING = Text(nl="ring niet gesloten; gesloten", en="ring not closed; closed")
UNREADABLE = Text(
    nl="geometrie onleesbaar (ring van te weinig punten)",
    en="geometry cannot be read (a ring of too few points)",
)
Bounds = tuple[float, float, float, float]


def read_ogr(source: SourceFile, within_m: Bounds | None = None) -> list[Layer]:
    """
    Read every table of a file.

    Parameters
    ----------
    source
        The file.
    within_m
        (left, bottom, right, top) in EPSG:28992: features wholly outside are not read; None reads
        all. Only for tables that name their coordinate system.

    Returns
    -------
    layers
        Also tables without features; not those without geometry, except addresses.

    Raises
    ------
    ConfigError
        The file cannot be read.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what GDAL warns of is found again in the geometries
        try:
            names = [str(name) for name, _ in list_layers(source.path)]
            return [_read_table(source, name, within_m) for name in names]
        except (DataSourceError, DataLayerError, GeometryError, FieldError, RuntimeError) as error:
            text = Text(
                nl=f"{source.path}: niet te lezen als kaart ({error})",
                en=f"{source.path}: cannot be read as a map ({error})",
            )
            raise ConfigError(text) from error


def _read_table(source: SourceFile, name: str, within_m: Bounds | None) -> Layer:
    """Read one table."""
    box = None if within_m is None else _box_in(source.path, name, within_m)
    meta, fids, blobs, data = raw.read(
        source.path, layer=name, return_fids=True, bbox=box, datetime_as_string=True, force_2d=True
    )
    columns = {
        plain_name(str(field)): _tidy(column)
        for field, column in zip(meta["fields"], data, strict=True)
    }
    if blobs is None:
        blobs = np.full(len(fids), None, dtype=object)
    geometry, troubles, mended = _geometries(blobs)
    is_osm = source.kind is FileKind.OSM
    if is_osm:
        columns = _osm_columns(columns, len(fids))
    family = Family.OSM if is_osm else _family(columns)
    ids = _ids(columns, fids.tolist())
    crs = meta["crs"]
    return Layer(source.shown, name, family, crs, ids, geometry, columns, troubles, mended)


def _box_in(path: Path, name: str, within_m: Bounds) -> Bounds | None:
    """Bring a rectangle in RD New to the system of a table."""
    crs = read_info(path, layer=name)["crs"]
    if crs is None:
        return None
    there = Transformer.from_crs(RD, read_crs(crs, str(path)), always_xy=True)
    left, bottom, right, top = there.transform_bounds(*within_m)
    return (left, bottom, right, top)


def _tidy(column: Objects) -> Objects:
    """Return a column as objects, with None for what is not there."""
    found = np.asarray(column)
    if found.dtype.kind == "f":
        return objects([None if np.isnan(one) else float(one) for one in found])
    return objects(found.tolist())


def _geometries(blobs: Objects) -> tuple[Objects, dict[int, Text], dict[int, Text]]:
    """Build shapes from WKB; say which could not be built and which were closed to be built."""
    there = np.array([one is not None for one in blobs], dtype=np.bool_)
    geometry = np.full(len(blobs), None, dtype=object)
    geometry[there] = shapely.from_wkb(blobs[there], on_invalid="ignore")
    failed = np.flatnonzero(there & shapely.is_missing(geometry))
    troubles, mended = {}, {}
    for row in failed.tolist():
        fixed = shapely.from_wkb(blobs[row], on_invalid="fix")
        if fixed is None or fixed.is_empty or not fixed.area:
            troubles[row] = UNREADABLE
        else:
            geometry[row], mended[row] = fixed, RING
    return geometry, troubles, mended


def _ids(columns: dict[str, Objects], fids: Sequence[int]) -> Objects:
    """Return the id of each row: the first column of ids that has one, else the row's number."""
    ids = objects([str(one) for one in fids])
    for name in reversed(ID_COLUMNS):
        if name in columns:
            given = columns[name]
            there = np.array([one not in (None, "") for one in given], dtype=np.bool_)
            ids[there] = [_written(one) for one in given[there]]
    return ids


def _written(value: object) -> str:
    """Write an id; a whole number that a table holds as 7.0 is 7."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _family(columns: dict[str, Objects]) -> Family:
    """Tell whose words a table speaks by its columns."""
    if "bgt_status" in columns or "relatievehoogteligging" in columns:
        return Family.BGT
    bag = {"bouwjaar", "gebruiksdoel", "oorspronkelijkbouwjaar", "pand_identificatie"}
    if "identificatie" in columns and bag & columns.keys():
        return Family.BAG
    return Family.PLAIN


def _osm_columns(columns: dict[str, Objects], count: int) -> dict[str, Objects]:
    """Put GDAL's columns and its `other_tags` together again as one column of tags."""
    tags: list[dict[str, str]] = [{} for _ in range(count)]
    for name, column in columns.items():
        if name == "other_tags":
            continue
        for row, value in enumerate(column):
            if value not in (None, "", 0):
                tags[row][name] = str(value)
    for row, written in enumerate(columns.get("other_tags", ())):
        if written:
            tags[row].update(TAG_PATTERN.findall(written))
    ids: dict[str, Objects] = {
        name: columns[name] for name in ("osm_id", "osm_way_id") if name in columns
    }
    ids["tags"] = objects(tags)
    return ids
