"""What is wrong with a layer is said with file, feature or line, value and what would be right."""

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import SiteCopy, message_of


def set_property(name: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        document["features"][0]["properties"][name] = value

    return change


def set_geometry(kind: str, coordinates: object) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        document["features"][0]["geometry"] = {"type": kind, "coordinates": coordinates}

    return change


def set_top(name: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        document[name] = value

    return change


def repeat_first(document: dict[str, Any]) -> None:
    document["features"].append(document["features"][0])


X, Y = 255400.0, 469500.0
SQUARE = [[X, Y], [X + 10, Y], [X + 10, Y + 10], [X, Y + 10], [X, Y]]
BOW_TIE = [[X, Y], [X + 10, Y + 10], [X + 10, Y], [X, Y + 10], [X, Y]]
HOLE = [[X + 2, Y + 2], [X + 4, Y + 2], [X + 4, Y + 4], [X + 2, Y + 2]]
CRS84 = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}


@pytest.mark.parametrize(
    ("layer", "change", "expected"),
    [
        pytest.param(
            "buildings",
            set_geometry("Polygon", [BOW_TIE]),
            ["features[b001].geometry", "crosses or touches itself"],
            id="building that crosses itself",
        ),
        pytest.param(
            "buildings",
            set_geometry("Polygon", [[[X, Y], [X + 1, Y], [X + 2, Y], [X, Y]]]),
            ["features[b001].geometry", "no area"],
            id="building without area",
        ),
        pytest.param(
            "buildings",
            set_geometry("Polygon", []),
            ["features[b001].geometry.coordinates = []", "not empty"],
            id="empty building",
        ),
        pytest.param(
            "buildings",
            set_geometry("Polygon", [[[X, Y], [X + 1, Y], [X, Y]]]),
            ["features[b001].geometry.coordinates", "at least 3 different points"],
            id="building of two corners",
        ),
        pytest.param(
            "buildings",
            set_geometry("MultiPolygon", [[SQUARE]]),
            ["features[b001].geometry.type = 'MultiPolygon'", "a Polygon; split it"],
            id="several polygons in one",
        ),
        pytest.param(
            "buildings",
            set_geometry("Polygon", [[[6.85, 52.2], [6.86, 52.2], [6.86, 52.21], [6.85, 52.2]]]),
            ["features[b001].geometry.coordinates", "looks like degrees (EPSG:4326)"],
            id="degrees in a layer",
        ),
        pytest.param(
            "lamp_posts",
            set_geometry("Point", [Y, X]),
            ["features[lp001].geometry.coordinates", "x and y look swapped"],
            id="x and y swapped in a layer",
        ),
        pytest.param(
            "lamp_posts",
            set_geometry("Point", [X, "469500"]),
            ["features[lp001].geometry.coordinates", "two numbers"],
            id="text as coordinate",
        ),
        pytest.param(
            "lamp_posts",
            set_geometry("Point", [X, float("nan")]),
            ["features[lp001].geometry.coordinates", "two numbers"],
            id="no number as coordinate",
        ),
        pytest.param(
            "gates",
            set_geometry("LineString", [[X, Y], [X, Y]]),
            ["features[gate_1].geometry.coordinates", "at least 2 different points"],
            id="gate without length",
        ),
        pytest.param(
            "buildings",
            set_property("height_m", 12000),
            ["features[b001].properties.height_m = 12000", "in metres, 0 to 250"],
            id="building in millimetres",
        ),
        pytest.param(
            "buildings",
            set_property("height", 12),
            ["features[b001].properties.height is an unknown key", "did you mean height_m"],
            id="key without unit",
        ),
        pytest.param(
            "buildings",
            set_property("base_m", 200),
            ["features[b001].properties.height_m", "higher than base_m"],
            id="building upside down",
        ),
        pytest.param(
            "buildings", set_property("id", "b002"), ["b002", "every id occurs once"], id="id twice"
        ),
        pytest.param(
            "buildings",
            set_property("id", 7),
            ["features[#1].properties.id = 7", "text in quotes"],
            id="number as id",
        ),
        pytest.param(
            "public_areas",
            set_property("kind", "road"),
            ["features[pa001].properties.kind = 'road'", "carriageway, parking, footpath, green"],
            id="unknown kind of ground",
        ),
        pytest.param(
            "mounts",
            set_property("facing_deg", -90),
            ["features[m001].properties.facing_deg = -90", "in degrees, 0 to 360"],
            id="facing below zero",
        ),
        pytest.param(
            "mounts",
            set_geometry("Point", [X - 5000, Y]),
            ["features[m001]", "more than 1000 m from the park's outline"],
            id="mount far from the park",
        ),
        pytest.param(
            "zones",
            set_property("arming_id", "day"),
            ["zones.geojson", "features[z_parking_1].properties.arming_id = 'day'"],
            id="map zone with an unknown calendar",
        ),
        pytest.param(
            "zones",
            set_property("camera_id", "p1_parking"),
            ["features[z_parking_1].properties.camera_id", "only with polygon_px"],
            id="map zone with a camera",
        ),
        pytest.param(
            "zones",
            set_property("classes", ["person", "dog"]),
            ["features[z_parking_1].properties.classes[#2] = 'dog'", "one of: person, bicycle"],
            id="unknown class",
        ),
        pytest.param(
            "zones",
            set_geometry("Polygon", [SQUARE, HOLE]),
            ["features[z_parking_1].geometry = '1 holes'", "without holes"],
            id="zone with a hole",
        ),
        pytest.param(
            "boundary",
            repeat_first,
            ["features[park].id", "every id occurs once"],
            id="two outlines",
        ),
        pytest.param(
            "boundary", set_top("features", []), ["exactly one polygon"], id="no outline at all"
        ),
        pytest.param(
            "buildings",
            set_top("crs", CRS84),
            ["crs = 'urn:ogc:def:crs:OGC:1.3:CRS84'", "EPSG::28992"],
            id="layer in another coordinate system",
        ),
        pytest.param(
            "buildings", set_top("crs", None), ["crs = None", "EPSG::28992"], id="layer without crs"
        ),
        pytest.param(
            "buildings", set_top("type", "Topology"), ["type = 'Topology'"], id="not GeoJSON"
        ),
        pytest.param(
            "buildings", set_top("features", [7]), ["features[#1].properties"], id="not a feature"
        ),
        pytest.param(
            "buildings",
            set_top("features", [{"properties": {"id": "b"}, "geometry": None}]),
            ["features[b].geometry = None", "a GeoJSON geometry"],
            id="feature without geometry",
        ),
    ],
)
def test_a_wrong_layer(
    site_copy: SiteCopy, layer: str, change: Callable[[dict[str, Any]], None], expected: list[str]
) -> None:
    site_copy.edit(f"{layer}.geojson", change)
    message = message_of(site_copy.path)
    for part in [f"{layer}", *expected]:
        assert part in message


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        # The first row of the file is line 2.
        pytest.param("a,2025-01-01,,theft,255400,469500,x,", ["loss_eur = 'x'", "decimal point"]),
        pytest.param("a,2025-01-01,,theft,255400,469500,-1,", ["loss_eur", "0 or more"]),
        pytest.param("a,2025-01-01,,theft,255400,469500,nan,", ["loss_eur", "a number"]),
        pytest.param("a,01-02-2025,,theft,255400,469500,1,", ["on = '01-02-2025'", "a date"]),
        pytest.param("a,2025-01-01,25:10,theft,255400,469500,1,", ["at = '25:10'", "a time"]),
        pytest.param("a,2025-01-01,,theft,469500,255400,1,", ["x_m, y_m", "look swapped"]),
        pytest.param("a,2025-01-01,,theft,6.85,52.2,1,", ["x_m, y_m", "looks like degrees"]),
        pytest.param("a,2025-01-01,,theft,255400", ["row", "as many values as columns"]),
        pytest.param("a,2025-01-01,,theft,255400,469500,1,b,c", ["row", "as many values"]),
        pytest.param(",2025-01-01,,theft,255400,469500,1,", ["id = ''", "not empty"]),
        pytest.param('a,2025-01-01,,theft,255400,469500,1,"b" c', ["CSV syntax error"]),
    ],
)
def test_a_wrong_incident(site_copy: SiteCopy, row: str, expected: list[str]) -> None:
    path = site_copy.layer("incidents.csv")
    path.write_text(f"id,on,at,kind,x_m,y_m,loss_eur,description\n{row}\n", encoding="utf-8")
    message = message_of(site_copy.path)
    for part in ["incidents.csv:2", *expected]:
        assert part in message


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("", ["incidents.csv:1", "column id is missing"], id="empty"),
        pytest.param("id;on;at\n", ["header", "one of: id, on, at"], id="semicolons"),
        pytest.param("id,on,at,kind,x,y_m,loss_eur\n", ["header = 'x'", "x_m"], id="no unit"),
        pytest.param("id,on,at,kind,x_m,loss_eur\n", ["column y_m is missing"], id="no y"),
    ],
)
def test_a_wrong_header(site_copy: SiteCopy, content: str, expected: list[str]) -> None:
    site_copy.layer("incidents.csv").write_text(content, encoding="utf-8")
    message = message_of(site_copy.path)
    for part in expected:
        assert part in message


def test_an_incident_twice(site_copy: SiteCopy) -> None:
    site_copy.replace("\ni002,", "\ni001,", layer="incidents.csv")
    message = message_of(site_copy.path)
    assert "incidents.csv:3: id = 'i001'" in message
