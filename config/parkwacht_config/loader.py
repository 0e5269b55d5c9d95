"""
One park from one TOML and its layers, one catalogue from one TOML.

Whatever is wrong is a ConfigError that names file, key and value and says what would be right.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date, time
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from parkwacht_config import layers
from parkwacht_config.checks import Origins, check_catalogue, check_site
from parkwacht_config.errors import ConfigError
from parkwacht_config.incidents import read_incidents
from parkwacht_config.oidc import Oidc
from parkwacht_config.reading import parse_toml, read_bytes
from parkwacht_config.site import (
    Alarms,
    Arming,
    ArmingException,
    Camera,
    CameraType,
    Evidence,
    Frozen,
    Id,
    Line,
    PrivacyMask,
    Receiver,
    Retention,
    Site,
    Span,
    Zone,
)
from parkwacht_config.study import Costs, StudyGoals
from parkwacht_config.text import Text
from parkwacht_config.validation import check_table

CATALOGUE_PATH = Path(__file__).parent / "catalogue.toml"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SPAN_PATTERN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|(24):(00))")


class LayerPaths(Frozen):
    """Where the layers are, relative to the TOML; what a park does not have is left out."""

    boundary: str
    public_areas: str
    buildings: str | None = None
    lamp_posts: str | None = None
    power_cabinets: str | None = None
    gates: str | None = None
    mounts: str | None = None
    zones: str | None = None
    incidents: str | None = None
    trees: str | None = None
    private_areas: str | None = None
    purpose_areas: str | None = None
    routes: str | None = None


class WeekTable(Frozen):
    """Armed spans per weekday, as written: "19:00-06:30"."""

    mon: tuple[str, ...] = ()
    tue: tuple[str, ...] = ()
    wed: tuple[str, ...] = ()
    thu: tuple[str, ...] = ()
    fri: tuple[str, ...] = ()
    sat: tuple[str, ...] = ()
    sun: tuple[str, ...] = ()


class ExceptionTable(Frozen):
    """One [[armings.exceptions]] table."""

    on: date
    armed: tuple[str, ...]
    reason: str = ""


class ArmingTable(Frozen):
    """One [[armings]] table."""

    id: Id
    name: str
    weekly: WeekTable
    holidays: Literal["all_day", "as_weekday", "as_sunday"] = "all_day"
    exceptions: tuple[ExceptionTable, ...] = ()


class SiteTable(Frozen):
    """The whole TOML of a park."""

    id: Id
    name: str
    description: str = ""
    is_illustrative: bool = False
    timezone: str = "Europe/Amsterdam"
    crs: Literal["EPSG:28992"] = "EPSG:28992"
    catalogue: str | None = None  # another catalogue, relative to the TOML
    camera_file: str | None = None  # more cameras and masks, as a study writes them
    default_arming: Id
    layers: LayerPaths
    retention: Retention = Retention()
    evidence: Evidence = Evidence()
    alarms: Alarms = Alarms()
    oidc: Oidc | None = None
    armings: Annotated[tuple[ArmingTable, ...], Field(min_length=1)]
    cameras: tuple[Camera, ...] = ()
    zones: tuple[Zone, ...] = ()
    lines: tuple[Line, ...] = ()
    receivers: tuple[Receiver, ...] = ()
    privacy_masks: tuple[PrivacyMask, ...] = ()
    costs: Costs = Costs()
    study: StudyGoals = StudyGoals()


class CameraFileTable(Frozen):
    """The whole TOML of a camera file, as `parkwacht study` writes it."""

    cameras: tuple[Camera, ...] = ()
    privacy_masks: tuple[PrivacyMask, ...] = ()


class CatalogueTable(Frozen):
    """The whole TOML of a catalogue."""

    camera_types: Annotated[tuple[CameraType, ...], Field(min_length=1)]


def load_catalogue(path: Path | None = None) -> dict[str, CameraType]:
    """
    Read a catalogue of camera types.

    Parameters
    ----------
    path
        The TOML; None reads the catalogue of this package.

    Returns
    -------
    camera_types
        By id.

    Raises
    ------
    ConfigError
        It cannot be read or something in it is wrong.
    """
    chosen = CATALOGUE_PATH if path is None else Path(path)
    table = check_table(CatalogueTable, parse_toml(read_bytes(chosen), chosen), chosen)
    check_catalogue(table.camera_types, chosen)
    return {one.id: one for one in table.camera_types}


def load_site(path: Path) -> Site:
    """
    Read a park.

    Parameters
    ----------
    path
        Its TOML; the layers it names lie relative to it.

    Returns
    -------
    site
        The park, checked.

    Raises
    ------
    ConfigError
        Something cannot be read or is wrong.
    """
    path = Path(path)
    content = read_bytes(path)
    table = check_table(SiteTable, parse_toml(content, path), path)
    folder = path.parent
    read = _read_layers(folder, table.layers)
    map_zones: tuple[Zone, ...] = read.pop("zones")
    more = _camera_file(folder, table.camera_file)
    site = Site(
        id=table.id,
        name=table.name,
        description=table.description.strip(),
        is_illustrative=table.is_illustrative,
        path=path,
        digest=_digest(content, folder, table),
        timezone=table.timezone,
        camera_types=load_catalogue(folder / table.catalogue if table.catalogue else None),
        cameras=(*table.cameras, *more.cameras),
        zones=(*table.zones, *map_zones),
        lines=table.lines,
        armings=_armings(table.armings, path),
        receivers=table.receivers,
        retention=table.retention,
        evidence=table.evidence,
        alarms=table.alarms,
        oidc=table.oidc,
        default_arming_id=table.default_arming,
        privacy_masks=(*table.privacy_masks, *more.privacy_masks),
        costs=table.costs,
        goals=table.study,
        **read,
    )
    check_site(site, _origins(path, table, {zone.id for zone in map_zones}))
    return site


def _read_layers(folder: Path, named: LayerPaths) -> dict[str, Any]:
    """Read all layers, by their key; one the park does not have is empty."""
    readers: dict[str, Callable[[Path], Iterable[object]]] = {
        "public_areas": layers.read_public_areas,
        "buildings": layers.read_buildings,
        "lamp_posts": layers.read_lamp_posts,
        "power_cabinets": layers.read_power_cabinets,
        "gates": layers.read_gates,
        "mounts": layers.read_mounts,
        "zones": layers.read_zones,
        "incidents": read_incidents,
        "trees": layers.read_trees,
        "private_areas": layers.read_private_areas,
        "purpose_areas": layers.read_purpose_areas,
        "routes": layers.read_routes,
    }
    read: dict[str, Any] = {"boundary": layers.read_boundary(folder / named.boundary)}
    for key, reader in readers.items():
        name = getattr(named, key)
        read[key] = () if name is None else tuple(reader(folder / name))
    return read


def _origins(path: Path, table: SiteTable, map_zone_ids: set[str]) -> Origins:
    """Note which file each part of a park stands in."""
    folder, named = path.parent, table.layers.model_dump()
    return Origins(
        toml=path,
        layers={key: folder / name for key, name in named.items() if name is not None},
        camera_file=folder / (table.camera_file or path.name),
        n_cameras=len(table.cameras),
        n_masks=len(table.privacy_masks),
        map_zone_ids=map_zone_ids,
    )


def _camera_file(folder: Path, name: str | None) -> CameraFileTable:
    """Read the camera file a park names, or nothing where it names none."""
    if name is None:
        return CameraFileTable()
    path = folder / name
    return check_table(CameraFileTable, parse_toml(read_bytes(path), path), path)


def _digest(content: bytes, folder: Path, table: SiteTable) -> str:
    """Compute the SHA-256 over the TOML and what it names, each with its name and length."""
    digest = hashlib.sha256()
    names = {key: name for key, name in table.layers.model_dump().items() if name is not None}
    parts = [("site", content)]
    parts += [(key, read_bytes(folder / name)) for key, name in sorted(names.items())]
    for key in ("catalogue", "camera_file"):
        name = getattr(table, key)
        if name is not None:
            parts.append((key, read_bytes(folder / name)))
    for key, part in parts:
        digest.update(f"{key} {len(part)}\n".encode())
        digest.update(part)
    return digest.hexdigest()


def _armings(tables: Sequence[ArmingTable], path: Path) -> dict[str, Arming]:
    """Read the calendars, by id."""
    armings: dict[str, Arming] = {}
    for table in tables:
        key = f"armings[{table.id}]"
        if table.id in armings:
            right = Text("elke id komt één keer voor", "every id occurs once")
            raise ConfigError.at(str(path), f"{key}.id", table.id, right)
        weekly = tuple(
            _spans(getattr(table.weekly, day), path, f"{key}.weekly.{day}") for day in DAYS
        )
        exceptions: dict[date, ArmingException] = {}
        for one in table.exceptions:
            place = f"{key}.exceptions[{one.on}]"
            if one.on in exceptions:
                right = Text("elke datum één keer", "every date once")
                raise ConfigError.at(str(path), f"{place}.on", str(one.on), right)
            armed = _spans(one.armed, path, f"{place}.armed")
            exceptions[one.on] = ArmingException(on=one.on, armed=armed, reason=one.reason)
        armings[table.id] = Arming(
            id=table.id,
            name=table.name,
            weekly=weekly,
            holidays=table.holidays,
            exceptions=tuple(exceptions.values()),
        )
    return armings


def _spans(texts: Sequence[str], path: Path, key: str) -> tuple[Span, ...]:
    """Read spans such as "19:00-06:30"; "00:00-24:00" is the whole day."""
    spans = []
    for text in texts:
        found = SPAN_PATTERN.fullmatch(text)
        times = text.split("-")
        if found is None or times[0] == times[1]:
            right = Text(
                'van-tot als "19:00-06:30" (loopt over middernacht) of "00:00-24:00" (hele dag)',
                'from-to such as "19:00-06:30" (runs over midnight) or "00:00-24:00" (whole day)',
            )
            raise ConfigError.at(str(path), key, text, right)
        start, end = (time.fromisoformat("00:00" if one == "24:00" else one) for one in times)
        spans.append(Span(start=start, end=end))
    return tuple(spans)
