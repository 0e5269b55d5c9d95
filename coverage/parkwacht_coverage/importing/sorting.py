"""
What each feature of a layer is to a park: by the words of BGT, BAG, OSM, CityJSON or plain names.

Every feature gets a theme, or a reason why it is not used.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

import numpy as np
import numpy.typing as npt

from parkwacht_config.text import Text
from parkwacht_coverage.importing.bgt import bgt_theme, hidden_reasons, layer_of_bgt
from parkwacht_coverage.importing.ledger import Ledger, Outcome
from parkwacht_coverage.importing.model import (
    PUBLIC_THEMES,
    Family,
    Floats,
    Items,
    Layer,
    Objects,
    Theme,
    number,
    objects,
    plain_name,
)
from parkwacht_coverage.importing.osm import osm_feature

WORDS = {
    Theme.BUILDING: "building buildings gebouw gebouwen pand panden bebouwing bouwwerk",
    Theme.CARRIAGEWAY: "road roads street streets weg wegen straat straten rijbaan carriageway",
    Theme.PARKING: "parking parkeren parkeervlak parkeerplaats parkeerplaatsen",
    Theme.FOOTPATH: "footpath footpaths sidewalk voetpad voetpaden trottoir stoep fietspad",
    Theme.GREEN: "green groen gras grass groenvoorziening",
    Theme.WATER: "water waterdeel sloot",
    Theme.TREE: "tree trees boom bomen",
    Theme.LAMP: "lamp lamps lantaarn lantaarns lichtmast lichtmasten lamp_posts streetlight",
    Theme.MAST: "mast masts masten",
    Theme.CABINET: "power_cabinets kast kasten elektrakast",
    Theme.BOUNDARY: "boundary grens terreingrens plangrens",
    Theme.PRIVATE: "private_areas prive erf",
    Theme.PURPOSE: "purpose_areas",
    Theme.GATE: "gates poort poorten toegang",
    Theme.MOUNT: "mounts montagepunten",
    Theme.ROUTE: "routes route",
}
BY_WORD = {word: theme for theme, words in WORDS.items() for word in words.split()}
# "Pand in gebruik" and the like; built, not yet gone
BAG_STANDING = ("pand in gebruik", "verbouwing pand", "sloopvergunning verleend", "bouw gestart")
DWELLING_WORDS = ("woonfunctie",)
NO_PUBLIC_KIND = Text(
    nl="public_areas zonder bekende kind (carriageway, parking, footpath, green)",
    en="public_areas without a known kind (carriageway, parking, footpath, green)",
)


@dataclass(frozen=True, slots=True)
class Sorting:
    """
    What the rows of a layer are, shape (N,) each.

    `themes` holds a Theme or None, `reasons` why not, `values` what items will carry.
    """

    themes: Objects
    reasons: Objects
    values: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)


def sort_layer(layer: Layer, by_user: Mapping[str, Theme]) -> Sorting:
    """
    Say what each row of a layer is.

    Parameters
    ----------
    layer
        The layer.
    by_user
        What the user said that layers are, by their name in lower case.

    Returns
    -------
    sorting
        Themes, reasons and values.
    """
    said = by_user.get(layer.name.lower())
    if said is None and layer.family is Family.OSM:
        return _sort_osm(layer)
    themes = objects([said] * len(layer.ids))
    reasons = hidden_reasons(layer)
    if said is None:
        themes = _themes(layer, reasons)
    for row, skip in enumerate(layer.column("skip")):
        if skip is not None:
            themes[row], reasons[row] = None, skip
    themes[[one is not None for one in reasons]] = None
    return Sorting(themes, reasons, _values(layer))


def _themes(layer: Layer, reasons: Objects) -> Objects:
    """Find the theme of each row by the words of its family; fill in why there is none."""
    themes = objects([None] * len(layer.ids))
    bgt = layer_of_bgt(layer)
    for row in range(len(themes)):
        if reasons[row] is not None:
            continue
        if bgt is not None:
            themes[row], reasons[row] = bgt_theme(bgt, layer, row)
        elif layer.family is Family.BAG:
            themes[row], reasons[row] = _bag_theme(layer, row)
    if bgt is None and layer.family is not Family.BAG:
        _plain_themes(layer, themes, reasons)
    return themes


def _bag_theme(layer: Layer, row: int) -> tuple[Theme | None, Text | None]:
    """Say what a row of the BAG is: a building, or an address where people live."""
    status = str(layer.value(row, "status") or "").lower()
    is_building = "oorspronkelijkbouwjaar" in layer.columns or "bouwjaar" in layer.columns
    if is_building and "verblijfsobject" not in layer.name.lower():
        if status and not status.startswith(BAG_STANDING):
            return None, Text(nl=f"BAG-status {status}", en=f"BAG status {status}")
        return Theme.BUILDING, None
    if _is_dwelling(layer, row):
        return Theme.DWELLING, None
    return None, Text(nl="adres zonder woonfunctie", en="address without a dwelling")


def _is_dwelling(layer: Layer, row: int) -> bool:
    purpose = str(layer.value(row, "gebruiksdoel", "gebruiksdoelen", "gebruiksdoelverblijfsobject"))
    return any(word in purpose.lower() for word in DWELLING_WORDS)


def _plain_themes(layer: Layer, themes: Objects, reasons: Objects) -> None:
    """Find the theme by the layer's name, else by the name of its file."""
    name = plain_name(layer.name)
    found = _by_name(name) or _by_name(plain_name(PurePath(layer.source).stem))
    is_public = "public_areas" in (name, plain_name(PurePath(layer.source).stem))
    reason = Text(
        nl=f"laag {layer.name} niet herkend; wijs hem toe met --layer thema={layer.name}",
        en=f"layer {layer.name} not recognised; assign it with --layer theme={layer.name}",
    )
    kinds = {kind.value: theme for theme, kind in PUBLIC_THEMES.items()}
    for row in range(len(themes)):
        if reasons[row] is None:
            themes[row] = kinds.get(str(layer.value(row, "kind"))) if is_public else found
            if themes[row] is None:
                reasons[row] = NO_PUBLIC_KIND if is_public else reason


def _by_name(name: str) -> Theme | None:
    """Return the theme of a name, or of one of the words in it."""
    if name in BY_WORD:
        return BY_WORD[name]
    found = [BY_WORD[word] for word in re.split(r"_+", name) if word in BY_WORD]
    return found[0] if found else None


def _values(layer: Layer) -> dict[str, npt.NDArray[Any]]:
    """Take along what a theme may need: heights, use, name, widths and keys."""
    columns = {
        "height_m": ("height_m", "height", "hoogte", "hoogte_m", "thickness"),
        "base_m": ("base_m", "min_height"),
        "intensity_cd": ("intensity_cd",),
        "crown_radius_m": ("crown_radius_m",),
        "crown_base_m": ("crown_base_m",),
        "width_m": ("width_m", "width", "breedte"),
        "facing_deg": ("facing_deg",),
        "window_share": ("window_share",),
    }
    values: dict[str, npt.NDArray[Any]] = {
        name: _first_numbers(layer, names) for name, names in columns.items()
    }
    for name in ("name", "naam", "use", "kind", "is_evergreen", "height_from"):
        if name in layer.columns:
            values["name" if name == "naam" else name] = layer.columns[name]
    attribute_heights = ~np.isnan(values["height_m"])
    if "height_from" not in values:
        source = np.full(len(layer.ids), None, dtype=object)
        source[attribute_heights] = "attributes"
        values["height_from"] = source
    if layer.family in (Family.BAG, Family.CITYJSON, Family.BGT):
        use = layer.columns.get("use", np.full(len(layer.ids), None, dtype=object)).copy()
        homes = [_is_dwelling(layer, row) for row in range(len(use))]
        use[np.array(homes, dtype=np.bool_)] = "dwelling"
        values["use"] = use
    _add_roof_heights(layer, values)
    values["keys"] = _keys(layer)
    return values


def _first_numbers(layer: Layer, names: tuple[str, ...]) -> Floats:
    """Return of each row the first of some columns that holds a number, shape (N,)."""
    found = np.full(len(layer.ids), np.nan)
    for name in names:
        if name in layer.columns:
            missing = np.isnan(found)
            found[missing] = [number(one) for one in layer.columns[name][missing]]
    return found


def _add_roof_heights(layer: Layer, values: dict[str, npt.NDArray[Any]]) -> None:
    """Fill in heights from the roof and ground levels of 3D BAG tables."""
    roofs = layer.column("b3_h_dak_50p", "h_dak_50p", "b3_h_50p", "b3_h_dak_70p", "h_dak_70p")
    grounds = layer.column("b3_h_maaiveld", "h_maaiveld")
    if layer.family is Family.CITYJSON or all(one is None for one in roofs):
        return
    found = np.array([number(one) for one in roofs]) - np.array([number(one) for one in grounds])
    there = ~np.isnan(found)
    values["height_m"][there] = found[there]
    values["height_from"][there] = "attributes"


def _keys(layer: Layer) -> Objects:
    """Collect by which names a row is known in other files: its ids and that of the BAG."""
    names = ("identificatiebagpnd", "identificatie", "lokaalid", "identificatie_lokaalid",
             "cityjson_id", "parent_id", "gml_id", "pand_identificatie")  # fmt: skip
    columns = [layer.columns[name] for name in names if name in layer.columns]
    keys = []
    for row, own in enumerate(layer.ids):
        known = {join_key(own)} if layer.family is not Family.PLAIN else set()
        known |= {join_key(column[row]) for column in columns}
        keys.append(frozenset(known - {""}))
    return objects(keys)


def join_key(value: object) -> str:
    """Write an id as all sources would: of a BAG id the sixteen digits."""
    text = str(value).strip() if value not in (None, "") else ""
    digits = re.fullmatch(r"(?:NL\.IMBAG\.Pand\.)?(\d{14,16})(?:-\d+)?", text)
    return digits[1].zfill(16) if digits else text


def _sort_osm(layer: Layer) -> Sorting:
    """Sort by OSM tags, row by row."""
    themes, reasons, rows = [], [], []
    for tags in layer.column("tags"):
        theme, reason, values = osm_feature(layer.name, tags or {})
        themes.append(theme)
        reasons.append(reason)
        rows.append(values)
    names = sorted({name for one in rows for name in one})
    values = {
        name: np.array([one.get(name, np.nan) for one in rows], dtype=np.float64)
        if name.endswith("_m")
        else objects([one.get(name) for one in rows])
        for name in names
    }
    return Sorting(objects(themes), objects(reasons), values)


def to_items(
    layer: Layer, number_: int, shapes: Objects, sorting: Sorting, ledger: Ledger
) -> dict[Theme, Items]:
    """
    Split a sorted layer into items per theme, and write down what is filtered.

    Parameters
    ----------
    layer
        The layer.
    number_
        Its number in the ledger.
    shapes
        Its geometry in the park's frame, shape (N,).
    sorting
        What its rows are.
    ledger
        Where it is written down.

    Returns
    -------
    items
        Per theme that occurs.
    """
    for reason in {one for one in sorting.reasons if one is not None}:
        rows = [row for row, one in enumerate(sorting.reasons) if one == reason]
        ledger.mark(number_, rows, Outcome.FILTERED, reason)
    for row, trouble in layer.troubles.items():
        if sorting.themes[row] is not None:
            ledger.mark(number_, [row], Outcome.LEFT_OUT, trouble)
    for row, remark in layer.mended.items():
        if sorting.themes[row] is not None:
            ledger.mark(number_, [row], Outcome.REPAIRED, remark)
    found: dict[Theme, Items] = {}
    usable = np.array([row not in layer.troubles for row in range(len(layer.ids))], dtype=np.bool_)
    for theme in Theme:
        rows_of = np.flatnonzero(usable & (sorting.themes == theme))
        if len(rows_of):
            values = {name: column[rows_of] for name, column in sorting.values.items()}
            number_of = np.full(len(rows_of), number_, dtype=np.int64)
            found[theme] = Items(shapes[rows_of], number_of, rows_of, values)
    return found
