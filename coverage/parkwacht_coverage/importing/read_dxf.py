"""
Site plans in DXF: closed polylines, lines, circles and inserts, layer by layer.

A DXF names no coordinate system. The unit of its header makes metres of millimetres; where the
header names none, coordinates are taken to be metres, and the coordinate system that the user
names has to fit.
"""

import ezdxf
import numpy as np
import shapely
from ezdxf import path as dxf_path
from ezdxf.entities import DXFEntity

from parkwacht_config.errors import ConfigError
from parkwacht_config.text import Text
from parkwacht_coverage.importing.model import Family, Floats, Layer, objects
from parkwacht_coverage.importing.sources import SourceFile

METRES_PER_UNIT = {0: 1.0, 1: 0.0254, 2: 0.3048, 4: 0.001, 5: 0.01, 6: 1.0, 7: 1000.0, 14: 0.1}
CURVE_ERROR = 0.01  # in units of the drawing: of metres a centimetre
MIN_CORNERS = 3
NOT_USED = Text(nl="soort tekenelement niet gebruikt", en="kind of drawing element not used")


def read_dxf(source: SourceFile) -> list[Layer]:
    """
    Read the elements of the model space.

    Parameters
    ----------
    source
        The file.

    Returns
    -------
    layers
        One per DXF layer, with a column `thickness` (m) and one `skip`.

    Raises
    ------
    ConfigError
        It is no DXF that can be read, or its unit is none of length.
    """
    try:
        drawing = ezdxf.readfile(source.path)
    except (OSError, ezdxf.DXFError, UnicodeDecodeError) as error:
        text = Text(
            nl=f"{source.path}: niet te lezen als DXF ({error})",
            en=f"{source.path}: cannot be read as DXF ({error})",
        )
        raise ConfigError(text) from error
    unit = int(drawing.header.get("$INSUNITS", 0))
    if unit not in METRES_PER_UNIT:
        right = Text("meters (6) of millimeters (4)", "metres (6) or millimetres (4)")
        raise ConfigError.at(str(source.path), "$INSUNITS", unit, right)
    scale = METRES_PER_UNIT[unit]
    by_layer: dict[str, list[DXFEntity]] = {}
    for entity in drawing.modelspace():
        by_layer.setdefault(entity.dxf.layer, []).append(entity)
    return [_to_layer(source.shown, name, found, scale) for name, found in by_layer.items()]


def _to_layer(shown: str, name: str, entities: list[DXFEntity], scale: float) -> Layer:
    """Make a layer of the elements of one DXF layer."""
    shapes, skips = [], []
    for entity in entities:
        shape = _to_shape(entity, scale)
        shapes.append(shape)
        skips.append(None if shape is not None else NOT_USED)
    thickness = [float(entity.dxf.get("thickness", 0.0)) * scale for entity in entities]
    columns = {
        "skip": objects(skips),
        "thickness": objects([one if one > 0 else None for one in thickness]),
    }
    ids = objects([f"{entity.dxftype()}_{entity.dxf.handle}" for entity in entities])
    return Layer(shown, name, Family.PLAIN, None, ids, objects(shapes), columns)


def _to_shape(entity: DXFEntity, scale: float) -> shapely.Geometry | None:
    """Build the shape of an element; None where it is of a kind that is not used."""
    kind = entity.dxftype()
    if kind in ("POINT", "INSERT"):
        place = entity.dxf.location if kind == "POINT" else entity.dxf.insert
        return shapely.Point(place.x * scale, place.y * scale)
    if kind == "HATCH":
        rings = [_points(one, scale) for one in dxf_path.from_hatch(entity)]
        areas = [shapely.Polygon(one) for one in rings if len(one) >= MIN_CORNERS]
        return shapely.make_valid(shapely.MultiPolygon(areas)) if areas else None
    if kind not in ("LWPOLYLINE", "POLYLINE", "LINE", "CIRCLE", "ELLIPSE", "ARC", "SPLINE"):
        return None
    points = _points(dxf_path.make_path(entity), scale)
    if len(points) < 2:  # noqa: PLR2004 - no line
        return None
    is_closed = bool(getattr(entity, "is_closed", False)) or kind == "CIRCLE"
    if is_closed or (len(points) > MIN_CORNERS and np.array_equal(points[0], points[-1])):
        return shapely.Polygon(points) if len(points) >= MIN_CORNERS else None
    return shapely.LineString(points)


def _points(path: dxf_path.Path, scale: float) -> Floats:
    """Return the corners of a path in metres, curves as chords; shape (N, 2)."""
    chords = path.flattening(CURVE_ERROR / scale if scale < 1 else CURVE_ERROR)
    return np.array([(one.x * scale, one.y * scale) for one in chords])
