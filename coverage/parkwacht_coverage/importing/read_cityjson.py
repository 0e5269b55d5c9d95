"""
City models: CityJSON 1.x and 2.x, CityJSON text sequences, 3D BAG.

Of every object the outline on the ground and the height above it are found. A building's height:
the roof of its attributes (3D BAG: the median of the roof, with or without the prefix `b3_`) above
its ground level, else the vertical extent of its geometry. Its outline: LoD 0, else its ground
surfaces, else its downward faces, else all faces from above. Where a building consists of parts,
each part stands for itself with its own height.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from parkwacht_config.errors import ConfigError
from parkwacht_config.reading import decode
from parkwacht_config.text import Text
from parkwacht_coverage.importing.model import Family, Floats, Layer, number, objects, plain_name
from parkwacht_coverage.importing.sources import SourceFile

ROOFS = ("h_dak_50p", "h_dak_70p", "h_dak_max", "h_dak_min")
GROUNDS = ("h_maaiveld", "terrainheight")
MAX_HEIGHT_M = 250.0
MIN_HEIGHT_M = 0.5
DOWNWARD = -0.5  # cosine of a face's normal with straight up
MIN_RING = 3
PARTS_USED = Text(
    nl="geen eigen vorm; de delen ervan zijn gebruikt",
    en="no shape of its own; its parts are used",
)
WHOLE_USED = Text(
    nl="deel van een gebouw dat als geheel is gebruikt",
    en="part of a building that is used as a whole",
)
UNREADABLE = Text(
    nl="geometrie verwijst naar ontbrekende punten", en="geometry refers to missing vertices"
)


@dataclass(frozen=True, slots=True)
class _Model:
    """One document, or one feature of a sequence, with what holds for all of it."""

    objects: Mapping[str, Mapping[str, Any]]
    vertices_m: Floats
    templates: Floats


def read_cityjson(source: SourceFile) -> list[Layer]:
    """
    Read the objects of a city model.

    Parameters
    ----------
    source
        The file.

    Returns
    -------
    layers
        One per type of object, named after it, with columns for all attributes and `height_m`,
        `z_m` (ground level), `height_from` and `skip` (a reason not to use it).

    Raises
    ------
    ConfigError
        It is no CityJSON, or of another version than 1.x and 2.x.
    """
    crs, models = _read_models(source)
    rows: dict[str, list[dict[str, Any]]] = {}
    for model in models:
        for key, thing in model.objects.items():
            kind = str(thing.get("type", "unknown"))
            rows.setdefault(kind, []).append(_read_object(key, thing, model))
    return [_to_layer(source.shown, kind, crs, found) for kind, found in sorted(rows.items())]


def _read_models(source: SourceFile) -> tuple[str | None, list[_Model]]:
    """Read the document, or the header and features of a sequence."""
    try:
        text = decode(source.path.read_bytes(), source.path)
    except OSError as error:
        said = Text(
            nl=f"{source.path}: niet te lezen ({error})",
            en=f"{source.path}: cannot be read ({error})",
        )
        raise ConfigError(said) from error
    try:
        documents = [json.loads(text)]
    except ValueError:
        documents = list(_read_lines(text, source))
    header = documents[0]
    _check_version(header, source)
    models = [_to_model(one, header, source) for one in documents if "CityObjects" in one]
    metadata = header.get("metadata") or {}
    crs = metadata.get("referenceSystem") if isinstance(metadata, dict) else None
    return (str(crs) if crs else None), models


def _read_lines(text: str, source: SourceFile) -> Iterator[dict[str, Any]]:
    for line_number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            yield json.loads(line)
        except ValueError as error:
            raise ConfigError(
                Text(
                    nl=f"{source.path}:{line_number}: fout in de JSON-schrijfwijze: {error}",
                    en=f"{source.path}:{line_number}: JSON syntax error: {error}",
                )
            ) from error


def _check_version(header: object, source: SourceFile) -> None:
    version = header.get("version") if isinstance(header, dict) else None
    if not str(version).startswith(("1.", "2.")):
        right = Text("CityJSON 1.0, 1.1 of 2.0", "CityJSON 1.0, 1.1 or 2.0")
        raise ConfigError.at(str(source.path), "version", version, right)


def _to_model(document: Mapping[str, Any], header: Mapping[str, Any], source: SourceFile) -> _Model:
    """Take the vertices of a document in real coordinates."""
    try:
        vertices = np.array(document.get("vertices") or np.zeros((0, 3)), dtype=np.float64)
        transform = document.get("transform") or header.get("transform")
        if transform:
            vertices = vertices * transform["scale"] + np.array(transform["translate"])
        vertices = vertices.reshape(-1, 3)
        held = header.get("geometry-templates") or {}
        templates = np.array(held.get("vertices-templates") or np.zeros((0, 3)), dtype=np.float64)
        return _Model(dict(document["CityObjects"]), vertices, templates)
    except (KeyError, TypeError, ValueError) as error:
        text = Text(
            nl=f"{source.path}: vertices, transform of CityObjects kloppen niet ({error})",
            en=f"{source.path}: vertices, transform or CityObjects are wrong ({error})",
        )
        raise ConfigError(text) from error


def _read_object(key: str, thing: Mapping[str, Any], model: _Model) -> dict[str, Any]:
    """Find outline and height of one object."""
    attributes = dict(thing.get("attributes") or {})
    parents = [model.objects.get(one, {}) for one in thing.get("parents") or ()]
    for parent in parents:
        inherited = parent.get("attributes") or {}
        attributes = {**{k: v for k, v in inherited.items() if k == "identificatie"}, **attributes}
    row: dict[str, Any] = {plain_name(name): value for name, value in attributes.items()}
    row["cityjson_id"] = key
    row["parent_id"] = (thing.get("parents") or [None])[0]
    row["skip"] = _reason_to_skip(thing, parents, model)
    if row["skip"] is not None:
        return row
    try:
        faces = _faces_by_lod(thing, model)
        row["_geometry"] = _outline(faces)
        row.update(_heights(faces, row))
    except (IndexError, TypeError, ValueError, KeyError, shapely.errors.GEOSException):
        row["_trouble"] = UNREADABLE
    return row


def _reason_to_skip(
    thing: Mapping[str, Any], parents: list[Mapping[str, Any]], model: _Model
) -> Text | None:
    """Say whether a building is used as a whole or in parts."""
    children = [model.objects.get(one, {}) for one in thing.get("children") or ()]
    if not thing.get("geometry") and any(one.get("geometry") for one in children):
        return PARTS_USED
    if any(_is_whole(one) for one in parents):
        return WHOLE_USED
    return None


def _is_whole(building: Mapping[str, Any]) -> bool:
    """Whether a building has an outline and a height of its own, as those of 3D BAG have."""
    named = {plain_name(one).removeprefix("b3_") for one in building.get("attributes") or {}}
    return bool(building.get("geometry")) and bool(named & set(ROOFS))


@dataclass(frozen=True, slots=True)
class _Face:
    """One face: its outer ring and holes in space, and what its semantics call it."""

    rings: list[Floats]
    surface: str


def _faces_by_lod(thing: Mapping[str, Any], model: _Model) -> dict[str, list[_Face]]:
    """Collect the faces of an object per level of detail, the lowest first."""
    found: dict[str, list[_Face]] = {}
    for geometry in thing.get("geometry") or ():
        kind = geometry["type"]
        if kind == "GeometryInstance":
            anchor = model.vertices_m[geometry["boundaries"][0]]
            found.setdefault("0", []).append(_Face([anchor[None, :]], "Anchor"))
            continue
        surfaces = (geometry.get("semantics") or {}).get("surfaces") or []
        values = (geometry.get("semantics") or {}).get("values")
        depth = {"MultiPoint": 0, "MultiLineString": 1, "MultiSurface": 2, "CompositeSurface": 2,
                 "Solid": 3, "MultiSolid": 4, "CompositeSolid": 4}[kind]  # fmt: skip
        lod = str(geometry.get("lod", "0"))
        for boundary, value in _walk(geometry["boundaries"], values, depth - 2):
            name = surfaces[value]["type"] if isinstance(value, int) and surfaces else ""
            rings = [model.vertices_m[ring] for ring in boundary]
            found.setdefault(lod, []).append(_Face(rings, str(name)))
    return dict(sorted(found.items(), key=lambda one: float(one[0])))


def _walk(boundaries: Any, values: Any, depth: int) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401
    """Yield every face (a list of rings) with its semantic value."""
    if depth < 0:  # points and lines have no faces
        rings = boundaries if depth == -1 else [boundaries]
        yield rings, None
        return
    for number_, boundary in enumerate(boundaries):
        value = values[number_] if isinstance(values, list) else None
        if depth == 0:
            yield boundary, value
        else:
            yield from _walk(boundary, value, depth - 1)


def _outline(lods: Mapping[str, list[_Face]]) -> BaseGeometry | None:
    """Find the outline of an object on the ground."""
    if not lods:
        return None
    lowest, finest = next(iter(lods)), list(lods.values())[-1]
    if float(lowest) < 1:
        return _union(lods[lowest])
    ground = [one for one in finest if one.surface == "GroundSurface"]
    if ground:
        outline = _union(ground)
        if outline is not None and outline.area > 0:
            return outline
    down = [one for one in finest if _upness(one) < DOWNWARD]
    outline = _union(down) if down else None
    return outline if outline is not None and outline.area > 0 else _union(finest)


def _union(faces: list[_Face]) -> BaseGeometry | None:
    """Unite faces as seen from above; a lone point or line stays what it is."""
    shapes = []
    for face in faces:
        rings = [ring[:, :2] for ring in face.rings if len(ring) >= MIN_RING]
        if rings:
            shapes.append(shapely.Polygon(rings[0], rings[1:]))
    if shapes:
        flat = np.array(shapes, dtype=object)
        flat = flat[shapely.area(flat) > 0]
        if len(flat) == 1:
            only: BaseGeometry = flat[0]
            return only
        broken = ~shapely.is_valid(flat)
        flat[broken] = shapely.make_valid(flat[broken], method="structure")
        return shapely.union_all(flat)
    points = [ring[:, :2] for face in faces for ring in face.rings]
    if not points:
        return None
    xy = np.concatenate(points)
    return shapely.Point(xy[0]) if len(xy) == 1 else shapely.LineString(xy)


def _upness(face: _Face) -> float:
    """Return the cosine of a face's normal with straight up (Newell's method)."""
    x, y, z = (face.rings[0] - face.rings[0][0]).T
    x2, y2, z2 = np.roll(x, -1), np.roll(y, -1), np.roll(z, -1)
    normal = (y @ z2 - z @ y2, z @ x2 - x @ z2, x @ y2 - y @ x2)
    length = math.hypot(*normal)
    return float(normal[2]) / length if length > 0 else 0.0


def _heights(lods: Mapping[str, list[_Face]], row: Mapping[str, Any]) -> dict[str, Any]:
    """Find the height of an object above its ground, and where the figure came from."""
    z = [ring[:, 2] for faces in lods.values() for face in faces for ring in face.rings]
    low = float(np.concatenate(z).min()) if z else float("nan")
    high = float(np.concatenate(z).max()) if z else float("nan")
    roof = _first(row, ROOFS)
    ground = _first(row, GROUNDS)
    level = low if np.isnan(ground) else ground
    by_attribute = roof - level
    if MIN_HEIGHT_M <= by_attribute <= MAX_HEIGHT_M:
        return {"height_m": by_attribute, "z_m": level, "height_from": "attributes"}
    level = ground if low <= ground < high else low  # models that stand on z = 0
    if high - level >= MIN_HEIGHT_M:
        return {"height_m": high - level, "z_m": level, "height_from": "geometry"}
    return {"height_m": float("nan"), "z_m": low, "height_from": None}


def _first(row: Mapping[str, Any], names: tuple[str, ...]) -> float:
    """Return the first of some attributes that is a number, with or without the prefix `b3_`."""
    for name in names:
        for key in (f"b3_{name}", name):
            value = number(row.get(key))
            if not np.isnan(value):
                return value
    return float("nan")


def _to_layer(shown: str, kind: str, crs: str | None, rows: list[dict[str, Any]]) -> Layer:
    """Make a layer of objects."""
    troubles = {n: row["_trouble"] for n, row in enumerate(rows) if "_trouble" in row}
    names = sorted({key for row in rows for key in row if not key.startswith("_")})
    columns = {key: objects([row.get(key) for row in rows]) for key in names}
    geometry = objects([row.get("_geometry") for row in rows])
    ids = objects([row["cityjson_id"] for row in rows])
    return Layer(shown, kind, Family.CITYJSON, crs, ids, geometry, columns, troubles)
