"""Read all sources of an import and bring them, theme by theme, to the park's frame."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import shapely

from parkwacht_config.errors import ConfigError, CoverageError
from parkwacht_config.features import coordinate_problem
from parkwacht_config.text import Text
from parkwacht_coverage.importing.frames import (
    CrsChoice,
    Frame,
    choose_frame,
    outside_rd,
    parse_crs_options,
    settle_crs,
    to_frame,
)
from parkwacht_coverage.importing.ledger import Ledger, Outcome
from parkwacht_coverage.importing.model import (
    AREA_THEMES,
    LINE_THEMES,
    Bools,
    Items,
    Layer,
    Objects,
    Theme,
    concat,
)
from parkwacht_coverage.importing.osm import WIDTHS_M
from parkwacht_coverage.importing.read_cityjson import read_cityjson
from parkwacht_coverage.importing.read_dxf import read_dxf
from parkwacht_coverage.importing.read_gml import read_gml
from parkwacht_coverage.importing.read_ogr import Bounds, read_ogr
from parkwacht_coverage.importing.read_osm import read_osm
from parkwacht_coverage.importing.request import OVERRULABLE, ImportRequest
from parkwacht_coverage.importing.shapes import buffer_lines, to_lines, to_points, to_polygons
from parkwacht_coverage.importing.sorting import Sorting, sort_layer, to_items
from parkwacht_coverage.importing.sources import FileKind, SourceFile, expand, find_kind

Step = Callable[[Text, int, int], None]  # what is being done, done, total
READING = Text(nl="Bronnen lezen", en="Reading sources")
CONVERTING = Text(nl="Omzetten en herstellen", en="Converting and repairing")
OUTSIDE_NL = Text(
    nl="coördinaten buiten Nederland (een ander stelsel, of x en y verwisseld?)",
    en="coordinates outside the Netherlands (another system, or x and y swapped?)",
)
AGAIN = Text(
    nl="zelfde object (id) als in een eerdere bron", en="same object (id) as in an earlier source"
)
READERS = {
    FileKind.GML: read_gml,
    FileKind.CITYJSON: read_cityjson,
    FileKind.DXF: read_dxf,
}
OWN_MOUNTS = "own_mounts"  # of --mounts: beside the derived ones, not instead of them
CARRIAGEWAY_M = WIDTHS_M["residential"]
PATH_M = 2.0


@dataclass(slots=True)
class Gathered:
    """
    What the sources hold, in the park's frame.

    `items` come from the sources, `instead` from the layers that overrule, `donors` are buildings
    that only give heights, per file in the order given.
    """

    frame: Frame
    crs: CrsChoice
    ledger: Ledger = field(default_factory=Ledger)
    source_of: list[int] = field(default_factory=list)  # per layer of the ledger
    items: dict[Theme, Items] = field(default_factory=dict)
    instead: dict[str, dict[Theme, Items]] = field(default_factory=dict)
    donors: list[tuple[SourceFile, Items]] = field(default_factory=list)
    height_clouds: list[SourceFile] = field(default_factory=list)
    source_clouds: list[SourceFile] = field(default_factory=list)
    files: list[SourceFile] = field(default_factory=list)
    systems: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Role:
    """What a file is for: "source", "boundary", "own_mounts", "heights" or an overruling layer."""

    name: str
    file: SourceFile
    layers: Sequence[Layer]
    sortings: Sequence[Sorting]

    def used(self) -> list[Layer]:
        """Return of each layer the shapes that have a theme; a drawing's frame may lie anywhere."""
        return [
            replace(layer, geometry=layer.geometry[[one is not None for one in sorting.themes]])
            for layer, sorting in zip(self.layers, self.sortings, strict=True)
        ]


def gather(request: ImportRequest, on_step: Step) -> Gathered:
    """
    Read, place, sort and repair everything an import names.

    Parameters
    ----------
    request
        The import.
    on_step
        Told what is being done.

    Returns
    -------
    gathered
        Items per theme, and the ledger that says what became of every feature.

    Raises
    ------
    ConfigError
        A file is missing or wrong, or its coordinate system must be named.
    CoverageError
        Data lie outside the Netherlands.
    """
    crs = parse_crs_options(request.crs)
    roles, clouds = _read_all(request, crs, on_step)
    used = [layer for role in roles for layer in role.used()]
    frame = choose_frame(used, relocate=request.relocate)
    found = Gathered(frame, crs)
    found.files = [role.file for role in roles] + [one for _, one in clouds]
    found.height_clouds = [one for role, one in clouds if role == "heights"]
    found.source_clouds = [one for role, one in clouds if role == "source"]
    parts: dict[tuple[str, Theme], list[Items]] = {}
    for number, role in enumerate(roles):
        on_step(CONVERTING, number, len(roles))
        if role.name == "heights":
            found.donors.append((role.file, _donors(role, frame)))
            continue
        for layer, sorting in zip(role.layers, role.sortings, strict=True):
            found.systems[f"{layer.source} [{layer.name}]"] = layer.crs or ""
            found.source_of.append(number)
            for theme, items in _place(layer, sorting, found).items():
                parts.setdefault((role.name, theme), []).append(items)
    on_step(CONVERTING, len(roles), len(roles))
    _share_out(parts, found)
    for role in roles:
        if role.name not in ("source", "heights"):
            found.instead.setdefault(role.name, {})
    return found


def _share_out(parts: Mapping[tuple[str, Theme], list[Items]], found: Gathered) -> None:
    """Put items where they belong, by the role of their file."""
    for (role, theme), several in parts.items():
        items = concat(several)
        if role == "source":
            found.items[theme] = _once(items, found) if theme is not Theme.BUILDING else items
        else:
            found.instead.setdefault(role, {})[theme] = items


def _once(items: Items, found: Gathered) -> Items:
    """Drop what an earlier file holds under the same id; buildings are compared by shape too."""
    seen: dict[str, int] = {}
    again = np.zeros(len(items), dtype=np.bool_)
    for row, keys in enumerate(items.value("keys")):
        source = found.source_of[int(items.layer[row])]
        again[row] = any(seen.get(key, source) < source for key in keys or ())
        for key in keys or ():
            seen.setdefault(key, source)
    return found.ledger.drop(items, again, Outcome.FILTERED, AGAIN)


def _read_all(
    request: ImportRequest, crs: CrsChoice, on_step: Step
) -> tuple[list[_Role], list[tuple[str, SourceFile]]]:
    """Read every file; point clouds are only listed."""
    named: list[tuple[str, SourceFile]] = []
    if request.boundary is not None:
        named.append(("boundary", _single(request.boundary)))
    named += [("source", one) for one in expand(list(request.sources))]
    named += [("heights", one) for one in expand(list(request.heights))]
    named += [(layer, _single(path)) for layer, path in request.overrule.items()]
    if request.mounts is not None:
        named.append((OWN_MOUNTS, _single(request.mounts)))
    clouds = [(role, file) for role, file in named if file.kind is FileKind.CLOUD]
    tables = [(role, file) for role, file in named if file.kind is not FileKind.CLOUD]
    roles, box = [], None
    for number, (role, file) in enumerate(tables):
        on_step(READING, number, len(tables))
        layers = [settle_crs(one, crs) for one in _read(file, box if role == "source" else None)]
        if role == "boundary":
            box = _box_around(layers, request.margin_m)
        sortings = [_sort(one, role, request) for one in layers]
        roles.append(_Role(role, file, layers, sortings))
    on_step(READING, len(tables), len(tables))
    _require_something(roles, clouds)
    return roles, clouds


def _single(path: Path) -> SourceFile:
    return SourceFile(path, path.name, find_kind(path))


def _read(file: SourceFile, box: Bounds | None) -> list[Layer]:
    if file.kind in READERS:
        return READERS[file.kind](file)
    if file.kind is FileKind.OSM:
        return read_osm(file, box)
    return read_ogr(file, box)


def _box_around(layers: Sequence[Layer], margin_m: float) -> Bounds | None:
    """Return the rectangle in RD New in which sources are to be read; None where it is abroad."""
    frame = choose_frame([], relocate=False)
    known = [to_frame(one, frame) for one in layers if one.crs is not None and len(one.ids)]
    if not known:
        return None
    shapes = np.concatenate(known)
    left, bottom, right, top = shapely.total_bounds(shapes)
    if not np.isfinite([left, bottom, right, top]).all() or coordinate_problem(left, bottom):
        return None
    return (left - margin_m, bottom - margin_m, right + margin_m, top + margin_m)


def _require_something(roles: Sequence[_Role], clouds: Sequence[tuple[str, SourceFile]]) -> None:
    """Refuse sources without a single feature."""
    n_features = sum(len(one.ids) for role in roles if role.name == "source" for one in role.layers)
    if n_features:
        return
    names = ", ".join(role.file.shown for role in roles if role.name == "source") or ", ".join(
        one.shown for _, one in clouds
    )
    raise ConfigError(
        Text(
            nl=f"{names}: geen enkel object (lege lagen, niets binnen de grens, of alleen een "
            "puntenwolk)",
            en=f"{names}: not a single feature (empty layers, nothing within the outline, or only "
            "a point cloud)",
        )
    )


def _place(layer: Layer, sorting: Sorting, found: Gathered) -> dict[Theme, Items]:
    """Bring one sorted layer to the park's frame and repair its shapes."""
    number = found.ledger.open(layer.source, layer.name, layer.ids)
    shapes = to_frame(layer, found.frame)
    placed = {}
    for theme, items in to_items(layer, number, shapes, sorting, found.ledger).items():
        there = found.ledger.drop(items, outside_rd(items.geometry), Outcome.LEFT_OUT, OUTSIDE_NL)
        placed[theme] = _shape(theme, there, found.ledger)
    return placed


def _sort(layer: Layer, role: str, request: ImportRequest) -> Sorting:
    """Sort a layer by its words, or by the role of its file."""
    fixed = {"boundary": Theme.BOUNDARY, OWN_MOUNTS: Theme.MOUNT, **OVERRULABLE}.get(role)
    themes = request.themes if fixed is None else {layer.name.lower(): fixed}
    if role == "public_areas":
        themes = {}
        named = Layer(layer.source, role, layer.family, layer.crs, layer.ids, layer.geometry,
                      layer.columns, layer.troubles, layer.mended)  # fmt: skip
        return sort_layer(named, themes)
    return sort_layer(layer, themes)


def _shape(theme: Theme, items: Items, ledger: Ledger) -> Items:
    """Give items the type of shape that their theme needs."""
    if theme in LINE_THEMES:
        return to_lines(items, ledger)
    if theme not in AREA_THEMES:
        return to_points(items, ledger)
    if theme in (Theme.CARRIAGEWAY, Theme.PARKING, Theme.FOOTPATH):
        items = buffer_lines(_with_widths(theme, items), ledger)
    return to_polygons(items, ledger)


def _with_widths(theme: Theme, items: Items) -> Items:
    """Give centre lines without a width the usual one; make areas of what is tagged as area."""
    width = np.asarray(items.value("width_m"), dtype=np.float64).copy()
    width[~(width > 0)] = PATH_M if theme is Theme.FOOTPATH else CARRIAGEWAY_M
    is_area: Bools = items.value("is_area") == True  # noqa: E712 - objects, None where unknown
    geometry: Objects = items.geometry.copy()
    for row in np.flatnonzero(is_area).tolist():
        if shapely.is_closed(geometry[row]) and shapely.get_num_coordinates(geometry[row]) > 3:  # noqa: PLR2004
            geometry[row] = shapely.Polygon(geometry[row].coords)
    return items.with_geometry(geometry).with_value("width_m", width)


def _donors(role: _Role, frame: Frame) -> Items:
    """Read buildings that only give heights."""
    side = Gathered(frame, CrsChoice())
    parts = []
    for layer, sorting in zip(role.layers, role.sortings, strict=True):
        parts += [
            items
            for theme, items in _place(layer, sorting, side).items()
            if theme is Theme.BUILDING
        ]
    found = concat(parts)
    if not len(found):
        raise CoverageError(
            Text(
                nl=f"{role.file.path}: geen gebouw met een hoogte in dit bestand",
                en=f"{role.file.path}: no building with a height in this file",
            )
        )
    return found
