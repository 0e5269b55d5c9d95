"""The files of a park: one TOML and its GeoJSON layers, as `parkwacht_config.loader` reads them."""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from parkwacht_config.errors import ConfigError
from parkwacht_config.site import ID_PATTERN, AreaKind, BuildingUse
from parkwacht_config.text import Text
from parkwacht_config.validation import ID_TEXT
from parkwacht_coverage.importing.build import Park
from parkwacht_coverage.importing.gather import Gathered
from parkwacht_coverage.importing.ledger import Ledger
from parkwacht_coverage.importing.model import Items, objects
from parkwacht_coverage.importing.request import COMMAND, ImportRequest

CRS_NAME = "urn:ogc:def:crs:EPSG::28992"
LAMP_HEIGHT_M = 6.0
LAMP_CD = 2000.0  # a LED street lamp of 6 m, our estimate
TREE_HEIGHT_M, CROWN_RADIUS_M, CROWN_BASE_M = 8.0, 3.0, 2.0  # a street tree, our estimate
MAX_ID = 190
Features = tuple[Sequence[Any], list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class SiteName:
    """How the park is called."""

    id: str
    name: str


def site_name(request: ImportRequest) -> SiteName:
    """
    Return id and name of the park: those given, else after the folder.

    Raises
    ------
    ConfigError
        The id that is given is none.
    """
    if request.site_id is not None and not re.fullmatch(ID_PATTERN, request.site_id):
        raise ConfigError.at(COMMAND, "--id", request.site_id, ID_TEXT)
    name = request.name or request.out_dir.resolve().name
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    found = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:63] or "park"
    return SiteName(request.site_id or found, name)


def write_layer(name: str, features: Features) -> bytes:
    """
    Write one layer as GeoJSON in EPSG:28992, a feature per line.

    Parameters
    ----------
    name
        Of the layer.
    features
        Shapes and properties; properties that are None are left out, ids made unique.
    """
    shapes, properties = features
    written: Sequence[str] = list(shapely.to_geojson(objects(shapes))) if len(shapes) else []
    head = {"type": "FeatureCollection", "name": name, "crs": {
        "type": "name", "properties": {"name": CRS_NAME}}}  # fmt: skip
    lines = []
    for about, geometry in zip(_unique_ids(properties), written, strict=True):
        known = {key: value for key, value in about.items() if value is not None}
        told = json.dumps(known, ensure_ascii=False)
        lines.append(f'{{"type": "Feature", "properties": {told}, "geometry": {geometry}}}')
    opening = json.dumps(head)[:-1]
    body = ",\n".join(lines)
    return f'{opening}, "features": [\n{body}\n]}}\n'.encode()


def _unique_ids(properties: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Make ids unique by numbering the parts of a feature: x, x#2, x#3."""
    counted: dict[str, int] = {}
    taken: set[str] = set()
    found = []
    for about in properties:
        own = str(about["id"])[:MAX_ID] or "?"
        unique = own
        while unique in taken:
            counted[own] = counted.get(own, 1) + 1
            unique = f"{own}#{counted[own]}"
        taken.add(unique)
        found.append({**about, "id": unique})
    return found


def park_layers(park: Park, ledger: Ledger, name: SiteName) -> dict[str, bytes]:
    """
    Write all layers of a park.

    Parameters
    ----------
    park
        The layers as found.
    ledger
        Knows the ids of features.
    name
        Of the park.

    Returns
    -------
    layers
        Content by layer, without those that have no feature, except public_areas.
    """
    features: dict[str, Features] = {
        "boundary": ([park.outline.polygon], [{"id": "park", "name": name.name}]),
        "public_areas": _public(park, ledger),
        "buildings": _buildings(park.buildings, ledger),
        "private_areas": _private(park, ledger),
        "purpose_areas": _purpose(park, ledger),
        "trees": _trees(park.trees, ledger),
        "lamp_posts": _lamps(park.lamps, ledger),
        "power_cabinets": _named(park.cabinets, ledger),
        "gates": _gates(park, ledger),
        "routes": _named(park.routes, ledger, always=True),
        "mounts": _mounts(park),
    }
    return {
        layer: write_layer(layer, found)
        for layer, found in features.items()
        if len(found[0]) or layer == "public_areas"
    }


def _public(park: Park, ledger: Ledger) -> Features:
    shapes: list[Any] = []
    about: list[dict[str, Any]] = []
    for kind, items in park.public:
        shapes += list(items.geometry)
        names = items.value("name")
        about += [
            {"id": own, "kind": kind.value, "name": names[row] or None}
            for row, own in enumerate(ledger.id_of(items))
        ]
    for number, shape in enumerate(park.open_public, 1):
        shapes.append(shape)
        about.append({"id": f"open_{number:04d}", "kind": AreaKind.FOOTPATH.value})
    return shapes, about


def _buildings(items: Items, ledger: Ledger) -> Features:
    uses = {one.value for one in BuildingUse}
    height, base = items.value("height_m").tolist(), items.value("base_m").tolist()
    names, use = items.value("name"), items.value("use")
    window = items.value("window_share").tolist()
    about = [
        {
            "id": own,
            "height_m": height[row],
            "base_m": base[row] if base[row] > 0 else None,
            "name": names[row] or None,
            "use": use[row] if use[row] in uses else BuildingUse.BUSINESS.value,
            "window_share": _share(window[row]),
        }
        for row, own in enumerate(ledger.id_of(items))
    ]
    return list(items.geometry), about


def _share(value: Any) -> float | None:  # noqa: ANN401 - a float, or None in a column of objects
    return float(value) if value is not None and 0 <= float(value) <= 1 else None


def _private(park: Park, ledger: Ledger) -> Features:
    if park.private_given is not None:
        return _named(park.private_given, ledger)
    about = [{"id": f"private_{number:05d}"} for number in range(1, len(park.private) + 1)]
    return park.private, about


def _purpose(park: Park, ledger: Ledger) -> Features:
    if park.purpose is not None:
        return _named(park.purpose, ledger)
    shapes, about = _public(park, ledger)
    return shapes, [{"id": one["id"], "name": one.get("name")} for one in about]


def _trees(items: Items, ledger: Ledger) -> Features:
    height = _clipped(items, "height_m", TREE_HEIGHT_M, 1.0, 60.0)
    crown = _clipped(items, "crown_radius_m", CROWN_RADIUS_M, 0.3, 30.0)
    base = _clipped(items, "crown_base_m", CROWN_BASE_M, 0.0, 60.0)
    low = np.minimum(base, 0.3 * height)  # the crown of a sapling begins lower
    green = items.value("is_evergreen")
    about = [
        {
            "id": own,
            "height_m": round(float(height[row]), 2),
            "crown_radius_m": round(float(crown[row]), 2),
            "crown_base_m": round(float(low[row]), 2),
            "is_evergreen": True if green[row] is True else None,
        }
        for row, own in enumerate(ledger.id_of(items))
    ]
    return list(items.geometry), about


def _clipped(items: Items, name: str, default: float, low: float, high: float) -> Any:  # noqa: ANN401
    """Return numbers within a range, the default where unknown or out of it; shape (N,)."""
    found = np.asarray(items.value(name), dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return np.where((found >= low) & (found <= high), found, default)


def _lamps(items: Items, ledger: Ledger) -> Features:
    height = _clipped(items, "height_m", LAMP_HEIGHT_M, 1.0, 60.0)
    light = _clipped(items, "intensity_cd", LAMP_CD, 0.0, 1e6)
    about = [
        {"id": own, "height_m": float(height[row]), "intensity_cd": float(light[row])}
        for row, own in enumerate(ledger.id_of(items))
    ]
    return list(items.geometry), about


def _named(items: Items | None, ledger: Ledger, *, always: bool = False) -> Features:
    """Write items of which only id and name count; with `always` the id stands in for a name."""
    if items is None:
        return [], []
    names = items.value("name")
    about = [
        {"id": own, "name": names[row] or (own if always else None)}
        for row, own in enumerate(ledger.id_of(items))
    ]
    return list(items.geometry), about


def _gates(park: Park, ledger: Ledger) -> Features:
    if park.gates_given is not None:
        return _named(park.gates_given, ledger, always=True)
    return [one.line for one in park.gates], [{"id": g.id, "name": g.name} for g in park.gates]


def _mounts(park: Park) -> Features:
    shapes = (
        list(shapely.points([[one.x_m, one.y_m] for one in park.mounts])) if park.mounts else []
    )
    about = [
        {
            "id": one.id,
            "kind": one.kind.value,
            "height_m": one.height_m,
            "facing_deg": one.facing_deg,
        }
        for one in park.mounts
    ]
    return shapes, about


def site_toml(
    name: SiteName, layers: Mapping[str, bytes], description: str, *, is_illustrative: bool
) -> bytes:
    """Write the TOML of a park, with a calendar for nights and weekends to begin with."""
    paths = "\n".join(f'{layer} = "layers/{layer}.geojson"' for layer in layers)
    text = f"""# {name.name}: written by `parkwacht import`; edit freely, import_report.json
# keeps the account of the sources.
# Coordinates are metres in EPSG:28992 (RD New), heights metres above the ground, azimuths degrees
# clockwise from grid north, tilts degrees downward from the horizontal.

id = {_quoted(name.id)}
name = {_quoted(name.name)}
description = {_quoted(description)}
is_illustrative = {str(is_illustrative).lower()}
timezone = "Europe/Amsterdam"
crs = "EPSG:28992"
default_arming = "night"

[layers] # paths relative to this file
{paths}

[retention]
images_days = 28 # more needs a reason = "..."

# When zones are armed. A span belongs to the day it starts on.
[[armings]]
id = "night"
name = "Nacht en weekend"
holidays = "all_day"

[armings.weekly]
mon = ["00:00-06:30", "19:00-06:30"]
tue = ["19:00-06:30"]
wed = ["19:00-06:30"]
thu = ["19:00-06:30"]
fri = ["19:00-06:30"]
sat = ["00:00-24:00"]
sun = ["00:00-24:00"]
"""
    return text.encode()


def _quoted(text: str) -> str:
    """Write a TOML string; JSON escapes are TOML's, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def describe(park: Park, found: Gathered, request: ImportRequest) -> str:
    """Say in one text what the park was made from and what is not real about it."""
    sources = ", ".join(dict.fromkeys(one.shown for one in found.files))
    made = Text(
        nl=f"Gemaakt door parkwacht import uit {sources}. Grens: {park.outline.rule.nl}.",
        en=f"Made by parkwacht import from {sources}. Outline: {park.outline.rule.en}.",
    )
    return " ".join(one.to(request.language) for one in (made, *caveats(found, request)))


def caveats(found: Gathered, request: ImportRequest) -> list[Text]:
    """Say what about the park is not real, or not known."""
    said = []
    if request.open_ground:
        said.append(
            Text(
                nl="Alle open grond binnen de grens telt als openbaar (--open-ground); geen bron "
                "zegt dat.",
                en="All open ground inside the outline counts as public (--open-ground); no source "
                "says so.",
            )
        )
    if found.frame.middle_deg is not None:
        longitude, latitude = found.frame.middle_deg
        said.append(
            Text(
                nl=f"OM TE PROBEREN VERPLAATST: de gegevens liggen rond {latitude:.4f}° N, "
                f"{longitude:.4f}° E; afstanden zijn waar, de posities in RD New zijn niet echt.",
                en=f"RELOCATED FOR A TRIAL: the data lie around {latitude:.4f}° N, "
                f"{longitude:.4f}° E; distances are true, the positions in RD New are not real.",
            )
        )
    return said


def count_features(layers: Mapping[str, bytes]) -> dict[str, int]:
    """Count the features of each written layer."""
    return {name: content.count(b'{"type": "Feature", ') for name, content in layers.items()}
