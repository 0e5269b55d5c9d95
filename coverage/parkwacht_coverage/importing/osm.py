"""
The words of OpenStreetMap: what a feature's tags make it to a park.

Roads are centre lines there; each gets the width of its tag, else that of its lanes, else that of
its class (our estimates, stated in the report). What says `access=private`, driveways and what
lies in a tunnel is no public ground.
"""

from collections.abc import Mapping
from typing import Any

from parkwacht_config.text import Text
from parkwacht_coverage.importing.model import Theme, number

LEVEL_M = 3.0  # a storey (design of issue 3: building:levels * 3 m)
LANE_M = 3.0
WIDTHS_M = {
    "motorway": 11.0, "trunk": 10.0, "primary": 8.0, "secondary": 7.5, "tertiary": 7.0,
    "unclassified": 6.0, "residential": 5.5, "living_street": 5.5, "service": 4.0, "road": 5.5,
    "busway": 4.0, "track": 3.0,
}  # fmt: skip
FOOT_WIDTHS_M = {
    "pedestrian": 5.0, "footway": 1.8, "path": 1.5, "steps": 1.8, "cycleway": 2.5,
    "bridleway": 2.0,
}  # fmt: skip
DWELLINGS = frozenset(
    {
        "house",
        "residential",
        "apartments",
        "detached",
        "terrace",
        "semidetached_house",
        "bungalow",
        "dormitory",
        "farm",
        "houseboat",
        "cabin",
        "static_caravan",
    }
)
BUSINESS = frozenset(
    {
        "yes",
        "industrial",
        "warehouse",
        "commercial",
        "retail",
        "office",
        "supermarket",
        "kiosk",
        "hangar",
        "manufacture",
        "factory",
        "service",
        "storage_tank",
        "silo",
        "hotel",
    }
)
GREEN_TAGS = {
    "landuse": frozenset({"grass", "recreation_ground", "village_green", "forest", "meadow"}),
    "leisure": frozenset({"park", "common", "playground", "dog_park"}),
    "natural": frozenset({"wood", "grassland", "scrub", "heath"}),
}
CLOSED_TO_PUBLIC = frozenset({"private", "no", "customers", "delivery"})
POWER = frozenset({"transformer", "substation"})
Found = tuple[Theme | None, Text | None, dict[str, Any]]


def osm_feature(table: str, tags: Mapping[str, str]) -> Found:
    """
    Say what a feature is.

    Parameters
    ----------
    table
        GDAL's table: points, lines, multilinestrings, multipolygons, other_relations; or ways.
    tags
        Its tags.

    Returns
    -------
    theme, reason, values
        A theme or a reason why not; for items `height_m`, `base_m`, `width_m`, `use`, `name` and
        what else the tags tell.
    """
    if table == "points":
        return _point(tags)
    if table == "lines":
        return _line(tags)
    if table == "multipolygons":
        return _area(tags)
    if table == "ways":  # cut off by the extract
        return _line(tags) if "highway" in tags else _area(tags)
    return None, _not_used(table), {}


def _not_used(word: str) -> Text:
    return Text(nl=f"niet gebruikt in een park: {word}", en=f"not used in a park: {word}")


def _first_tag(tags: Mapping[str, str]) -> str:
    """Name a feature by the first tag that says what it is."""
    for key in ("highway", "landuse", "natural", "amenity", "leisure", "barrier", "man_made",
                "place", "boundary", "waterway", "railway", "power", "tourism"):  # fmt: skip
        if key in tags:
            return f"{key}={tags[key]}"
    return "zonder bekend kenmerk / without a known tag"


def _height(tags: Mapping[str, str]) -> dict[str, Any]:
    """Read the height of a building: `height`, else levels; and where it begins."""
    height, levels = number(tags.get("height")), number(tags.get("building:levels"))
    roof = number(tags.get("roof:levels"))
    if not height > 0 and levels > 0:
        height = LEVEL_M * (levels + (roof if roof > 0 else 0))
    base, first = number(tags.get("min_height")), number(tags.get("building:min_level"))
    if not base > 0 and first > 0:
        base = LEVEL_M * first
    return {"height_m": height, "base_m": base, "height_from": "attributes" if height > 0 else None}


def _point(tags: Mapping[str, str]) -> Found:
    name = tags.get("name")
    if tags.get("natural") == "tree":
        crown = number(tags.get("diameter_crown"))
        green = tags.get("leaf_cycle") == "evergreen"
        values = {"height_m": number(tags.get("height")), "crown_radius_m": crown / 2}
        return Theme.TREE, None, {**values, "is_evergreen": green}
    if tags.get("highway") == "street_lamp":
        return Theme.LAMP, None, {"height_m": number(tags.get("height")), "name": name}
    if tags.get("man_made") == "mast":
        return Theme.MAST, None, {"height_m": number(tags.get("height")), "name": name}
    is_cabinet = tags.get("man_made") == "street_cabinet" and tags.get("street_cabinet") == "power"
    if is_cabinet or tags.get("power") in POWER:
        return Theme.CABINET, None, {"name": name}
    return None, _not_used(_first_tag(tags)), {}


def _line(tags: Mapping[str, str]) -> Found:
    kind = tags.get("highway", "")
    base = kind.removesuffix("_link")
    if base not in WIDTHS_M and base not in FOOT_WIDTHS_M:
        return None, _not_used(_first_tag(tags)), {}
    reason = _closed(tags)
    if reason is not None:
        return None, reason, {}
    default = WIDTHS_M.get(base) or FOOT_WIDTHS_M[base]
    width, lanes = number(tags.get("width")), number(tags.get("lanes"))
    if not width > 0:
        width = LANE_M * lanes if lanes > 0 else default
    theme = Theme.CARRIAGEWAY if base in WIDTHS_M else Theme.FOOTPATH
    if tags.get("service") == "parking_aisle":
        theme = Theme.PARKING
    is_area = tags.get("area") == "yes"
    return theme, None, {"width_m": width, "name": tags.get("name"), "is_area": is_area}


def _closed(tags: Mapping[str, str]) -> Text | None:
    """Say why a way is no public ground at street level, or None."""
    access = tags.get("access", "")
    if access in CLOSED_TO_PUBLIC:
        return Text(nl=f"niet openbaar: access={access}", en=f"not public: access={access}")
    if tags.get("service") == "driveway":
        return Text(nl="niet openbaar: oprit", en="not public: driveway")
    layer = number(tags.get("layer"))
    if tags.get("tunnel", "no") not in ("no", "building_passage") or layer < 0:
        return Text(nl="ligt in een tunnel", en="lies in a tunnel")
    return None


def _area(tags: Mapping[str, str]) -> Found:
    building = tags.get("building", "no")
    named = {"name": tags.get("name")}
    if building not in ("no", "roof", "construction"):
        use = "dwelling" if building in DWELLINGS else "business"
        if building not in DWELLINGS | BUSINESS:
            use = "other"
        return Theme.BUILDING, None, {**_height(tags), "use": use, **named}
    theme = _ground_theme(tags)
    if theme is None:
        return None, _not_used(_first_tag(tags)), {}
    reason = _closed(tags) if theme in (Theme.PARKING, Theme.GREEN, Theme.FOOTPATH) else None
    return (None, reason, {}) if reason else (theme, None, named)


def _ground_theme(tags: Mapping[str, str]) -> Theme | None:
    """Say what an area without a building is."""
    if tags.get("amenity") == "parking":
        return Theme.PARKING
    if tags.get("natural") == "water" or tags.get("waterway") == "riverbank":
        return Theme.WATER
    if any(tags.get(key) in words for key, words in GREEN_TAGS.items()):
        return Theme.GREEN
    if tags.get("highway") in ("pedestrian", "footway"):
        return Theme.FOOTPATH
    return Theme.CABINET if tags.get("power") in POWER else None
