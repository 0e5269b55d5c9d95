"""Rules of zones, and lines: what is read and what is refused."""

from typing import Any

import pytest

from parkwacht_config.loader import load_site
from parkwacht_config.site import ZoneRule

from .conftest import SiteCopy, message_of

ZONE = """
[[zones]]
id = "strip"
name = "Brandweerstrook"
arming_id = "office_hours_closed"
camera_id = "p1_parking"
polygon_px = [[0, 0], [900, 0], [900, 500], [0, 500]]
{keys}
"""
LINE = """
[[lines]]
id = "fence"
name = "Hek"
arming_id = "office_hours_closed"
{keys}
"""
IN_IMAGE = 'camera_id = "p1_parking"\nline_px = [[0, 0], [900, 500]]'


def write(site_copy: SiteCopy, table: str) -> None:
    """Put a table before the costs, which stand last in the TOML."""
    text = site_copy.path.read_text(encoding="utf-8").split("\n[costs]")[0]
    arming = load_site(site_copy.path).default_arming_id
    table = table.replace("office_hours_closed", arming)
    site_copy.path.write_text(f"{text}\n{table}", encoding="utf-8")


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("", {"rule": ZoneRule.INTRUSION, "dwell_s": None}),
        ('rule = "stopped_vehicle"\ndwell_s = 120', {"dwell_s": 120}),
        ('rule = "loitering"\ndwell_s = 60.5', {"dwell_s": 60.5}),
        ('rule = "direction"\nheading_deg = 350', {"heading_deg": 350, "tolerance_deg": None}),
        ('rule = "direction"\nheading_deg = 0\ntolerance_deg = 30', {"tolerance_deg": 30}),
        ('rule = "count"\nmin_count = 3', {"min_count": 3}),
        ('rule = "arrival_departure"', {"rule": ZoneRule.ARRIVAL_DEPARTURE}),
    ],
)
def test_a_zone_says_its_rule(keys: str, expected: dict[str, Any], site_copy: SiteCopy) -> None:
    write(site_copy, ZONE.format(keys=keys))
    (zone,) = [one for one in load_site(site_copy.path).zones if one.id == "strip"]
    assert {key: getattr(zone, key) for key in expected} == expected


def test_a_zone_of_the_map_says_its_rule_too(site_copy: SiteCopy) -> None:
    def change(document: dict[str, Any]) -> None:
        document["features"][0]["properties"] |= {"rule": "loitering", "dwell_s": 90}

    site_copy.edit("zones.geojson", change)
    site = load_site(site_copy.path)
    assert [(one.rule, one.dwell_s) for one in site.zones if one.dwell_s] == [("loitering", 90)]


def test_lines_are_read(site_copy: SiteCopy) -> None:
    write(site_copy, LINE.format(keys=f'{IN_IMAGE}\ncrossing = "left_to_right"'))
    site = load_site(site_copy.path)
    (line,) = site.lines
    assert (line.line_px, line.line_m) == (((0, 0), (900, 500)), None)
    assert line.crossing == "left_to_right"
    assert site.zone_name("fence") == "Hek"
    assert site.zone_name("unknown") is None


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        pytest.param(
            ZONE.format(keys='rule = "loiterin"'),
            ["zones[strip].rule = 'loiterin'", "did you mean loitering?"],
            id="misspelt rule",
        ),
        pytest.param(
            ZONE.format(keys='rule = "loitering"'),
            ["zones[strip].dwell_s", 'is needed with rule = "loitering"'],
            id="loitering without a time",
        ),
        pytest.param(
            ZONE.format(keys='rule = "loitering"\ndwell_s = 0.5'),
            ["zones[strip].dwell_s = 0.5", "in seconds, 1 to 86400"],
            id="too short",
        ),
        pytest.param(
            ZONE.format(keys="dwell_s = 60"),
            ["zones[strip].dwell_s = 60", "only with rule = loitering, stopped_vehicle"],
            id="a time that no rule asks for",
        ),
        pytest.param(
            ZONE.format(keys='rule = "direction"'),
            ["zones[strip].heading_deg", "is needed"],
            id="direction without a heading",
        ),
        pytest.param(
            ZONE.format(keys='rule = "count"\nmin_count = 0'),
            ["zones[strip].min_count = 0", "1 to 1000"],
            id="count of none",
        ),
        pytest.param(
            ZONE.format(keys='rule = "arrival_departure"\nclasses = ["person"]'),
            ["zones[strip].classes = ['person']", "at least one vehicle"],
            id="arrival of persons",
        ),
        pytest.param(
            LINE.format(keys=""),
            ["lines[fence]", "exactly one of line_px (with camera_id) and line_m"],
            id="line without points",
        ),
        pytest.param(
            LINE.format(keys="line_px = [[0, 0], [900, 500]]"),
            ["lines[fence].camera_id", "one of: "],
            id="image line without a camera",
        ),
        pytest.param(
            LINE.format(keys='camera_id = "p1_parking"\nline_px = [[0, 0], [9000, 500]]'),
            ["lines[fence].line_px = (9000.0, 500.0)", "inside the image of p1_parking"],
            id="line outside its image",
        ),
        pytest.param(
            LINE.format(keys='camera_id = "p1_parking"\nline_px = [[5, 5], [5, 5]]'),
            ["lines[fence].line_px", "at least two different points"],
            id="line of one point",
        ),
        pytest.param(
            LINE.format(
                keys='camera_id = "p1_parking"\nline_px = [[0, 0], [90, 90], [90, 0], [0, 90]]'
            ),
            ["lines[fence].line_px", "does not cross itself"],
            id="line that crosses itself",
        ),
        pytest.param(
            LINE.format(keys="line_m = [[6.8, 52.2], [6.9, 52.2]]"),
            ["lines[fence].line_m = (6.8, 52.2)"],
            id="line in degrees",
        ),
        pytest.param(
            LINE.format(
                keys='camera_id = "p1_parking"\nline_m = [[255400, 469500], [255410, 469500]]'
            ),
            ["lines[fence].camera_id = 'p1_parking'", "only with line_px"],
            id="map line with a camera",
        ),
        pytest.param(
            LINE.format(keys=f'{IN_IMAGE}\ncrossing = "left"'),
            ["lines[fence].crossing = 'left'", "left_to_right"],
            id="unknown crossing",
        ),
        pytest.param(
            LINE.format(keys=f"{IN_IMAGE}\nclasses = []"),
            ["lines[fence].classes", "at least one class"],
            id="line of no class",
        ),
        pytest.param(
            LINE.format(keys=IN_IMAGE).replace("fence", "p1_parking"),
            ["lines[p1_parking].id", "this id exists under cameras"],
            id="id of a camera",
        ),
    ],
)
def test_what_is_wrong_is_said(table: str, expected: list[str], site_copy: SiteCopy) -> None:
    write(site_copy, table)
    message = message_of(site_copy.path)
    for part in expected:
        assert part in message
