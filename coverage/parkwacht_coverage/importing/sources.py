"""Which files an import reads, and what each of them is: told by its content first."""

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from parkwacht_config.errors import ConfigError
from parkwacht_config.text import Text

HEAD_BYTES = 65_536
SUFFIXES = (
    ".sqlite .gpkg .gml .xml .json .geojson .jsonl .osm .pbf .dxf .laz .las .shp .fgb".split()  # noqa: SIM905
)
WAYS_OUT = {
    ".dwg": Text(nl="sla het op als DXF", en="save it as DXF"),
    ".zip": Text(nl="pak het eerst uit", en="unpack it first"),
    ".gz": Text(nl="pak het eerst uit", en="unpack it first"),
    ".tif": Text(
        nl="geef hoogten als puntenwolk (.laz) of 3D BAG", en="give heights as .laz or 3D BAG"
    ),
}


class FileKind(StrEnum):
    """What a file is."""

    OGR = "ogr"  # SQLite, GeoPackage, GeoJSON, shapefile, FlatGeobuf
    GML = "gml"
    OSM = "osm"
    CITYJSON = "cityjson"
    DXF = "dxf"
    CLOUD = "cloud"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file to read; `shown` is its name for messages and reports."""

    path: Path
    shown: str
    kind: FileKind


def expand(given: list[Path]) -> list[SourceFile]:
    """
    Find the files of an import.

    Parameters
    ----------
    given
        Files, and folders of which every file of a known kind is taken, in the order of names.

    Returns
    -------
    files
        In the order given.

    Raises
    ------
    ConfigError
        A file does not exist, is of no known kind, or a folder holds none.
    """
    files: list[SourceFile] = []
    for path in given:
        if path.is_dir():
            inside = [one for one in sorted(path.rglob("*")) if one.suffix.lower() in SUFFIXES]
            if not inside:
                known = ", ".join(SUFFIXES)
                raise ConfigError(
                    Text(
                        nl=f"{path}: in deze map staat geen bekend soort bestand ({known})",
                        en=f"{path}: this folder holds no file of a known kind ({known})",
                    )
                )
            files += [SourceFile(one, str(one.relative_to(path)), find_kind(one)) for one in inside]
        else:
            files.append(SourceFile(path, path.name, find_kind(path)))
    return files


def find_kind(path: Path) -> FileKind:
    """
    Tell what a file is by its first bytes.

    Raises
    ------
    ConfigError
        It does not exist, cannot be read, is empty or is of no known kind.
    """
    head = _head(path)
    suffix = path.suffix.lower()
    if head.startswith((b"SQLite format 3\0", b"fgb\x03")) or suffix == ".shp":
        return FileKind.OGR
    if head.startswith(b"LASF"):
        return FileKind.CLOUD
    if suffix == ".pbf" or b"OSMHeader" in head[:64]:
        return FileKind.OSM
    text = head.decode("utf-8", errors="replace").lstrip("\ufeff \t\r\n")
    kind = _text_kind(text, suffix)
    if kind is not None:
        return kind
    hint = WAYS_OUT.get(suffix)
    known = "BGT (SQLite, GeoPackage, GML), CityJSON, OSM (.osm, .pbf), GeoJSON, DXF, LAZ"
    raise ConfigError(
        Text(
            nl=f"{path}: geen bekende soort bestand{f'; {hint.nl}' if hint else ''}. "
            f"Bekend zijn: {known}",
            en=f"{path}: no known kind of file{f'; {hint.en}' if hint else ''}. Known are: {known}",
        )
    )


def _head(path: Path) -> bytes:
    """Read the first bytes of a file that holds something."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except FileNotFoundError:
        text = Text(nl=f"{path}: bestand bestaat niet", en=f"{path}: file does not exist")
        raise ConfigError(text) from None
    except OSError as error:
        text = Text(nl=f"{path}: niet te lezen ({error})", en=f"{path}: cannot be read ({error})")
        raise ConfigError(text) from error
    if not head:
        raise ConfigError(Text(nl=f"{path}: leeg bestand", en=f"{path}: empty file"))
    return head


def _text_kind(text: str, suffix: str) -> FileKind | None:
    """Tell what a text is by its beginning."""
    if text.startswith("<"):
        if "<osm" in text[:2000]:
            return FileKind.OSM
        return FileKind.GML if "gml" in text or "citygml" in text.lower() else None
    if text.startswith("{"):
        first_line = text.split("\n", 1)[0]
        if '"CityJSON"' in text or '"CityObjects"' in text or _is_city_sequence(first_line):
            return FileKind.CITYJSON
        return FileKind.CITYJSON if "city" in suffix else FileKind.OGR
    if suffix == ".dxf" or text.split("\n", 2)[:2] == ["0", "SECTION"]:
        return FileKind.DXF
    return None


def _is_city_sequence(first_line: str) -> bool:
    """Whether a line is the first of a CityJSON text sequence."""
    try:
        document = json.loads(first_line)
    except ValueError:
        return False
    return isinstance(document, dict) and str(document.get("type", "")).startswith("CityJSON")
