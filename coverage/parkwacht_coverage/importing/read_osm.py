"""
OpenStreetMap: what GDAL reads of an extract, and the ways it cannot show.

An extract cuts ways off at its edge; of a way with fewer than two of its nodes left GDAL says
nothing. In a .osm file they are found again here, so that they are counted; of a .pbf they cannot
be, which the guide says.
"""

from xml.etree import ElementTree as ET

import numpy as np

from parkwacht_config.errors import ConfigError
from parkwacht_config.text import Text
from parkwacht_coverage.importing.model import Family, Layer, objects
from parkwacht_coverage.importing.read_ogr import Bounds, read_ogr
from parkwacht_coverage.importing.sources import SourceFile

CUT_OFF = Text(
    nl="minder dan twee knopen in het uittreksel", en="fewer than two nodes in the extract"
)
TABLE = "ways"
ENOUGH = 2


def read_osm(source: SourceFile, within_m: Bounds | None = None) -> list[Layer]:
    """
    Read an extract.

    Parameters
    ----------
    source
        The file.
    within_m
        As of `read_ogr`; features wholly outside are not read, nor looked for.

    Returns
    -------
    layers
        GDAL's tables, and `ways` with those that GDAL drops.

    Raises
    ------
    ConfigError
        The file cannot be read.
    """
    layers = read_ogr(source, within_m)
    if source.path.suffix.lower() == ".pbf" or within_m is not None:
        return layers
    return [*layers, _cut_off(source)]


def _cut_off(source: SourceFile) -> Layer:
    """Find the tagged ways of which fewer than two nodes are in the file."""
    nodes: set[str] = set()
    ids: list[str] = []
    tags: list[dict[str, str]] = []
    try:
        for _, element in ET.iterparse(source.path, events=("end",)):  # noqa: S314 - expat bounds entities
            if element.tag == "node":
                nodes.add(str(element.get("id")))
            elif element.tag == "way":
                there = {one.get("ref") for one in element.iter("nd")} & nodes
                told = {str(one.get("k")): str(one.get("v")) for one in element.iter("tag")}
                if told and len(there) < ENOUGH:
                    ids.append(str(element.get("id")))
                    tags.append(told)
            if element.tag in ("node", "way", "relation"):
                element.clear()
    except ET.ParseError as error:
        line = error.position[0]
        text = Text(
            nl=f"{source.path}:{line}: geen welgevormde OSM-XML: {error}",
            en=f"{source.path}:{line}: no well-formed OSM XML: {error}",
        )
        raise ConfigError(text) from error
    nothing = np.full(len(ids), None, dtype=object)
    troubles = dict.fromkeys(range(len(ids)), CUT_OFF)
    columns = {"tags": objects(tags)}
    return Layer(source.shown, TABLE, Family.OSM, None, objects(ids), nothing, columns, troubles)
