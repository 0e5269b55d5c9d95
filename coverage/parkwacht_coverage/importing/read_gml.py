"""
GML as PDOK writes the BGT: CityGML with IMGeo, one file per kind of object, with arcs.

Read as a stream, so that a municipality fits in memory. Of a feature's geometries the one of the
ground is taken (`geometrie2d...`), never the places of its labels. An arc becomes chords that stay
within a centimetre of it.
"""

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from parkwacht_config.errors import ConfigError
from parkwacht_config.text import Text
from parkwacht_coverage.importing.model import Family, Floats, Layer, objects, plain_name
from parkwacht_coverage.importing.sources import SourceFile

MEMBERS = frozenset({"cityObjectMember", "featureMember", "member", "featureMembers"})
SURFACES = frozenset({"Polygon", "PolygonPatch", "Rectangle", "Triangle"})
CURVES = frozenset({"LineString", "Curve", "LinearRing", "Ring", "CompositeCurve"})
SHAPES = SURFACES | CURVES | {
    "MultiSurface", "Surface", "CompositeSurface", "MultiPolygon", "MultiCurve",
    "MultiLineString", "Point", "MultiPoint", "MultiGeometry", "PolyhedralSurface",
}  # fmt: skip
ARCS = frozenset({"Arc", "ArcString"})
CHORD_ERROR_M = 0.01
MIN_RING = 4
UNREADABLE = Text(nl="geometrie onleesbaar", en="geometry cannot be read")


def read_gml(source: SourceFile) -> list[Layer]:
    """
    Read every kind of feature of a GML file.

    Parameters
    ----------
    source
        The file.

    Returns
    -------
    layers
        One per kind of feature, named after its element in lower case.

    Raises
    ------
    ConfigError
        It is no well-formed XML.
    """
    tables: dict[str, list[dict[str, object]]] = {}
    crs: dict[str, str] = {}
    try:
        for feature in _features(source.path, crs):
            name = _local(feature.tag).lower()
            tables.setdefault(name, []).append(_read_feature(feature))
            if name not in crs:
                _note_crs(crs, name, feature)
    except ET.ParseError as error:
        line, column = error.position
        text = Text(
            nl=f"{source.path}:{line}: geen welgevormde GML (kolom {column}): {error}",
            en=f"{source.path}:{line}: no well-formed GML (column {column}): {error}",
        )
        raise ConfigError(text) from error
    if not tables:  # an empty download: PDOK writes a file without members
        return [_to_layer(source.shown, source.path.stem.lower(), None, [])]
    known = next(iter(crs.values()), None)
    return [
        _to_layer(source.shown, name, crs.get(name, known), rows) for name, rows in tables.items()
    ]


def _features(path: Path, crs: dict[str, str]) -> Iterator[ET.Element]:
    """Yield the features of a file, and forget each after use; note the file's own system."""
    stack: list[ET.Element] = []
    try:
        for event, element in ET.iterparse(path, events=("start", "end")):  # noqa: S314 - expat bounds entities
            if event == "start":
                stack.append(element)
                continue
            stack.pop()
            if _local(element.tag) == "Envelope" and element.get("srsName"):
                crs.setdefault("", str(element.get("srsName")))
            if stack and _local(stack[-1].tag) in MEMBERS:
                yield element
                stack[-1].clear()
                if len(stack) > 1:
                    stack[-2].clear()
    except OSError as error:
        text = Text(nl=f"{path}: niet te lezen ({error})", en=f"{path}: cannot be read ({error})")
        raise ConfigError(text) from error


def _note_crs(crs: dict[str, str], name: str, feature: ET.Element) -> None:
    """Note the coordinate system of a kind of feature, once it is named."""
    said = _srs_name(feature)
    if said:
        crs[name] = said


def _local(tag: str) -> str:
    """Return a name without its namespace."""
    return tag.rsplit("}", 1)[-1]


def _srs_name(feature: ET.Element) -> str | None:
    """Return the coordinate system the feature's geometry names."""
    for element in feature.iter():
        name = element.get("srsName")
        if name:
            return name
    return None


def _read_feature(feature: ET.Element) -> dict[str, object]:
    """Take a feature apart: its id, its attributes and its ground geometry."""
    row: dict[str, object] = {}
    for key, value in feature.attrib.items():
        if _local(key) in ("id", "fid"):
            row["gml_id"] = value
    shapes: list[tuple[bool, ET.Element]] = []
    for child in feature:
        name = plain_name(_local(child.tag))
        shape = next((one for one in child if _local(one.tag) in SHAPES), None)
        if shape is not None:
            shapes.append(("geometrie2d" in name or "geom" in name, shape))
        else:
            _read_attribute(name, child, row)
    # the ground before crown lines and labels
    shapes.sort(key=lambda one: not one[0])
    if shapes:
        row["_geometry"] = shapes[0][1]
    return row


def _read_attribute(name: str, element: ET.Element, row: dict[str, object]) -> None:
    """Read a simple attribute, or the simple ones inside it, under its last name."""
    inner = list(element)
    if not inner:
        value = (element.text or "").strip()
        nil = any(_local(key) == "nil" and one == "true" for key, one in element.attrib.items())
        row.setdefault(name, None if nil or not value else value)
        return
    if any(_local(one.tag) in SHAPES for one in element.iter()):
        return  # labels: places of house numbers and street names
    for child in inner:
        _read_attribute(plain_name(_local(child.tag)), child, row)


def _to_layer(shown: str, name: str, crs: str | None, rows: list[dict[str, object]]) -> Layer:
    """Make a layer of features."""
    geometry, troubles = [], {}
    for number, row in enumerate(rows):
        element = row.pop("_geometry", None)
        shape = None
        if isinstance(element, ET.Element):
            try:
                shape = _to_shape(element)
            except (ValueError, shapely.errors.GEOSException):
                troubles[number] = UNREADABLE
        geometry.append(shape)
    names = sorted({key for row in rows for key in row})
    columns = {key: objects([row.get(key) for row in rows]) for key in names}
    ids = objects(
        [str(row.get("gml_id") or row.get("lokaalid") or n) for n, row in enumerate(rows)]
    )
    is_bgt = "bgt_status" in columns or "relatievehoogteligging" in columns
    family = Family.BGT if is_bgt else Family.PLAIN
    return Layer(shown, name, family, crs, ids, objects(geometry), columns, troubles)


def _to_shape(element: ET.Element) -> BaseGeometry:
    """Build a shape from its GML element."""
    kind = _local(element.tag)
    if kind == "Point":
        return shapely.Point(_numbers(element)[0])
    if kind in SURFACES:
        return _polygon(element)
    if kind in CURVES:
        return shapely.LineString(_curve(element))
    parts = [_to_shape(one) for one in _inner_shapes(element)]
    if not parts:
        raise ValueError(kind)
    if len(parts) == 1:
        return parts[0]
    kinds = {one.geom_type for one in parts}
    if kinds <= {"Polygon"}:
        return shapely.MultiPolygon([one for one in parts if isinstance(one, shapely.Polygon)])
    return shapely.GeometryCollection(parts)


def _inner_shapes(element: ET.Element) -> Iterator[ET.Element]:
    """Yield the shapes directly below an element, through its member properties."""
    for child in element:
        if _local(child.tag) in SHAPES:
            yield child
        else:
            yield from _inner_shapes(child)


def _polygon(element: ET.Element) -> shapely.Polygon:
    """Build a polygon from exterior and interior rings."""
    shell, holes = None, []
    for child in element:
        side = _local(child.tag)
        ring = next(iter(child), None)
        if ring is None:
            continue
        points = _curve(ring)
        if side in ("exterior", "outerBoundaryIs"):
            shell = points
        elif side in ("interior", "innerBoundaryIs") and len(points) >= MIN_RING:
            holes.append(points)
    if shell is None:
        raise ValueError(element.tag)
    return shapely.Polygon(shell, holes)


def _curve(element: ET.Element) -> Floats:
    """Return the points of a curve or ring, arcs as chords; shape (N, 2)."""
    pieces: list[Floats] = []
    for part in _segments(element):
        points = _numbers(part)
        if _local(part.tag) in ARCS:
            points = _chords(points)
        elif _local(part.tag) == "Circle":
            points = _circle(points)
        if pieces and np.array_equal(pieces[-1][-1], points[0]):
            points = points[1:]
        pieces.append(points)
    if not pieces:
        raise ValueError(element.tag)
    return np.concatenate(pieces)


def _segments(element: ET.Element) -> Iterator[ET.Element]:
    """Yield the elements below that hold coordinates."""
    if any(_local(one.tag) in ("posList", "pos", "coordinates") for one in element):
        yield element
        return
    for child in element:
        yield from _segments(child)


def _numbers(element: ET.Element) -> Floats:
    """Read the coordinates of an element; heights are dropped; shape (N, 2)."""
    texts, dimension = [], 2
    for child in element.iter():
        name = _local(child.tag)
        if name in ("posList", "pos"):
            texts.append(child.text or "")
            given = child.get("srsDimension") or element.get("srsDimension")
            dimension = int(given) if given else dimension
            if name == "pos" and not given:
                dimension = len((child.text or "").split())
        elif name == "coordinates":
            pairs = (child.text or "").split()
            dimension = pairs[0].count(",") + 1 if pairs else 2
            texts.append(" ".join(pairs).replace(",", " "))
    values = np.array(" ".join(texts).split(), dtype=np.float64)
    if dimension < 2 or len(values) == 0 or len(values) % dimension:  # noqa: PLR2004
        raise ValueError(element.tag)
    points: Floats = values.reshape(-1, dimension)[:, :2]
    return points


def _chords(points: Floats) -> Floats:
    """Turn arcs, each through three points and joined at their ends, into chords."""
    arcs = [_arc(*points[n : n + 3])[1:] for n in range(0, len(points) - 2, 2)]
    return np.concatenate([points[:1], *arcs])


def _circle(points: Floats) -> Floats:
    """Turn a circle through three points into chords, closed."""
    first, second, third = points[:3]
    middle, radius = _centre(first, second, third)
    if not np.isfinite(radius):
        raise ValueError(radius)
    turn = np.arctan2(*(first - middle)[::-1])
    steps = np.linspace(turn, turn + 2 * np.pi, _n_chords(radius, 2 * np.pi) + 1)
    ring = middle + radius * np.column_stack((np.cos(steps), np.sin(steps)))
    ring[0] = ring[-1] = first
    return ring


def _centre(first: Floats, second: Floats, third: Floats) -> tuple[Floats, float]:
    """Return centre and radius of the circle through three points; radius inf on a line."""
    a, b = second - first, third - first
    cross = 2 * (a[0] * b[1] - a[1] * b[0])
    if abs(cross) < 1e-9:  # noqa: PLR2004 - square metres
        return first, float("inf")
    x = (b[1] * (a @ a) - a[1] * (b @ b)) / cross
    y = (a[0] * (b @ b) - b[0] * (a @ a)) / cross
    return first + np.array([x, y]), float(np.hypot(x, y))


def _n_chords(radius: float, angle: float) -> int:
    """How many chords stay within `CHORD_ERROR_M` of an arc; sagitta r (1 - cos(angle / 2n))."""
    step = 2 * np.arccos(max(0.0, 1 - CHORD_ERROR_M / max(radius, CHORD_ERROR_M)))
    return max(2, int(np.ceil(abs(angle) / step)))


def _arc(first: Floats, second: Floats, third: Floats) -> Floats:
    """Turn the arc from first through second to third into chords."""
    middle, radius = _centre(first, second, third)
    if not np.isfinite(radius):
        return np.array([first, third])
    begin, via, end = (np.arctan2(one[1], one[0]) for one in (first, second, third) - middle)
    turn = (end - begin) % (2 * np.pi)
    if (via - begin) % (2 * np.pi) > turn:  # the second point lies the other way round
        turn -= 2 * np.pi
    steps = begin + np.linspace(0, turn, _n_chords(radius, turn) + 1)
    points = middle + radius * np.column_stack((np.cos(steps), np.sin(steps)))
    points[0], points[-1] = first, third
    return points
