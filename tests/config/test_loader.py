"""What is wrong with a park is said with file, key, value and what would be right."""

from pathlib import Path

import pytest

from parkwacht_config.errors import ConfigError
from parkwacht_config.loader import load_catalogue, load_site

from .conftest import SiteCopy, message_of

CAMERA = 'id = "p1_parking"'


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(
            "height_m = 6.0",
            "height_cm = 600",
            ["cameras[p1_parking].height_cm", "did you mean height_m (in metres)?"],
            id="unknown key with another unit",
        ),
        pytest.param(
            "azimuth_deg",
            "azimut_deg",
            ["cameras[p1_parking].azimut_deg", "did you mean azimuth_deg (in degrees)?"],
            id="misspelt key",
        ),
        pytest.param(
            'name = "Josink Es (illustratief)"',
            'name = "x"\ncolour = "red"',
            ["colour is an unknown key", "known are: id, name, description"],
            id="unknown key like no other",
        ),
        pytest.param(
            "mon = [",
            "monday = [",
            ["armings[night].weekly.monday", "did you mean mon?"],
            id="unknown weekday",
        ),
        pytest.param(
            "height_m = 6.0",
            "height_m = 6000",
            ["cameras[p1_parking].height_m = 6000", "in metres, 1 to 60"],
            id="millimetres instead of metres",
        ),
        pytest.param(
            "height_m = 6.0",
            'height_m = "6.0"',
            ["cameras[p1_parking].height_m = '6.0'", "a number without quotes, in metres"],
            id="number in quotes",
        ),
        pytest.param(
            "height_m = 6.0",
            "height_m = true",
            ["cameras[p1_parking].height_m = True", "a number"],
            id="true is no number",
        ),
        pytest.param(
            "x_m = 255376.73",
            "x_m = nan",
            ["cameras[p1_parking].x_m", "a finite number"],
            id="not a number",
        ),
        pytest.param(
            "azimuth_deg = 81.7",
            "azimuth_deg = 360",
            ["cameras[p1_parking].azimuth_deg = 360", "in degrees, 0 to 360"],
            id="azimuth of a full turn",
        ),
        pytest.param(
            'type_id = "bullet_4mp_4mm"\n',
            "",
            ["cameras[p1_parking].type_id is missing"],
            id="missing key",
        ),
        pytest.param(
            'type_id = "bullet_4mp_4mm"',
            'type_id = "bullet_4mp_4m"',
            ["cameras[p1_parking].type_id", "did you mean bullet_4mp_4mm?"],
            id="unknown camera type",
        ),
        pytest.param(
            'mount = "mast"',
            'mount = "masts"',
            ["cameras[p1_parking].mount = 'masts'", "one of: facade, lamp_post, mast"],
            id="unknown mount",
        ),
        pytest.param(
            CAMERA,
            'id = "P1 parking"',
            ["cameras[P1 parking].id", "lower-case letters"],
            id="id with capitals and a space",
        ),
        pytest.param(
            CAMERA,
            'id = "g1_gate"',
            ["cameras[g1_gate].id", "this id exists under cameras"],
            id="camera id twice",
        ),
        pytest.param(
            CAMERA,
            'id = "z_gate_1"',
            ["zones[z_gate_1].id", "this id exists under cameras"],
            id="zone with a camera's id",
        ),
        pytest.param(
            "x_m = 255376.73\ny_m = 469497.43",
            "x_m = 469497.43\ny_m = 255376.73",
            ["cameras[p1_parking].x_m, y_m", "x and y look swapped"],
            id="x and y swapped",
        ),
        pytest.param(
            "x_m = 255376.73\ny_m = 469497.43",
            "x_m = 6.8556\ny_m = 52.2044",
            ["cameras[p1_parking].x_m, y_m", "looks like degrees (EPSG:4326)"],
            id="longitude and latitude",
        ),
        pytest.param(
            "x_m = 255376.73",
            "x_m = 763166.0",  # Web Mercator
            ["cameras[p1_parking].x_m, y_m", "outside the Netherlands"],
            id="another coordinate system",
        ),
        pytest.param(
            "x_m = 255376.73",
            "x_m = 155376.73",
            ["cameras[p1_parking].x_m, y_m", "more than 1000 m from the park's outline"],
            id="a digit wrong",
        ),
        pytest.param(
            "focal_length_mm = 32.0",
            "focal_length_mm = 50",
            ["cameras[g2_anpr].focal_length_mm = 50", "in millimetres, 8 to 32"],
            id="focal length its lens does not have",
        ),
        pytest.param(
            'stream_env = "PARKWACHT_STREAM_P1_PARKING"',
            'stream_env = "rtsp://admin:hush@10.0.0.5/1"',
            ["cameras[p1_parking].stream_env = '***'", "the NAME of an environment variable"],
            id="address of a stream instead of its name",
        ),
        pytest.param(
            'secret_env = "PARKWACHT_SECRET_MELDKAMER"',
            'secret_env = "whsec_hush"',
            ["receivers[meldkamer].secret_env = '***'", "never the secret itself"],
            id="secret instead of its name",
        ),
        pytest.param(
            'url = "http://127.0.0.1:8091/"',
            'url = "127.0.0.1:8091"',
            ["receivers[meldkamer].url = '127.0.0.1:8091'", "http:// or https://"],
            id="address without scheme",
        ),
        pytest.param(
            'release = "on_flag"',
            'release = "on_flags"',
            ["receivers[meldkamer].release", "did you mean on_flag?"],
            id="unknown release",
        ),
        pytest.param(
            "[3700, 2100]",
            "[3900, 2100]",
            ["zones[z_crossing].polygon_px = (3900.0, 2100.0)", "0 to 3840 and 0 to 2160 pixels"],
            id="zone outside its camera's image",
        ),
        pytest.param(
            "[[400, 900], [3440, 900], [3700, 2100], [140, 2100]]",
            "[[400, 900], [3700, 2100], [3440, 900], [140, 2100]]",
            ["zones[z_crossing].polygon_px", "crosses or touches itself"],
            id="image zone that crosses itself",
        ),
        pytest.param(
            "[[400, 900], [3440, 900], [3700, 2100], [140, 2100]]",
            "[[400, 900], [3440, 900]]",
            ["zones[z_crossing].polygon_px", "at least three different corners"],
            id="image zone of two corners",
        ),
        pytest.param(
            "polygon_px = [[400, 900], [3440, 900], [3700, 2100], [140, 2100]]\n",
            "",
            ["zones[z_crossing] = []", "exactly one of polygon_px"],
            id="zone without polygon",
        ),
        pytest.param(
            "polygon_px =",
            "polygon_m = [[255400, 469500], [255410, 469500], [255410, 469510]]\npolygon_px =",
            ["zones[z_crossing] = ['polygon_px', 'polygon_m']", "exactly one of"],
            id="zone with both polygons",
        ),
        pytest.param(
            'camera_id = "k1_crossing"',
            'camera_id = "k2_crossing"',
            ["zones[z_crossing].camera_id = 'k2_crossing'", "did you mean k1_crossing?"],
            id="zone of an unknown camera",
        ),
        pytest.param(
            'arming_id = "night"',
            'arming_id = "nite"',
            ["zones[z_crossing].arming_id = 'nite'", "one of: night"],
            id="zone with an unknown calendar",
        ),
        pytest.param(
            'severity = "low"',
            'severity = "low"\nclasses = []',
            ["zones[z_crossing].classes", "at least one class"],
            id="zone for nothing",
        ),
        pytest.param(
            'default_arming = "night"',
            'default_arming = "day"',
            ["default_arming = 'day'", "one of: night"],
            id="unknown default calendar",
        ),
        pytest.param(
            'timezone = "Europe/Amsterdam"',
            'timezone = "Europe/Enschede"',
            ["timezone = 'Europe/Enschede'", "Europe/Amsterdam"],
            id="unknown time zone",
        ),
        pytest.param(
            'crs = "EPSG:28992"',
            'crs = "EPSG:4326"',
            ["crs = 'EPSG:4326'", "EPSG:28992"],
            id="another coordinate system named",
        ),
        pytest.param(
            "images_days = 28",
            "images_days = 42",
            ["retention.images_days = 42", "at most 28; more needs a retention.reason"],
            id="kept long without a reason",
        ),
        pytest.param(
            'tue = ["19:00-06:30"]',
            'tue = ["19.00-06.30"]',
            ["armings[night].weekly.tue = '19.00-06.30'", '"19:00-06:30"'],
            id="times with dots",
        ),
        pytest.param(
            'tue = ["19:00-06:30"]',
            'tue = ["19:00-25:00"]',
            ["armings[night].weekly.tue = '19:00-25:00'", "from-to"],
            id="no such hour",
        ),
        pytest.param(
            'tue = ["19:00-06:30"]',
            'tue = ["19:00-19:00"]',
            ["armings[night].weekly.tue = '19:00-19:00'", "00:00-24:00"],
            id="a span of nothing",
        ),
        pytest.param(
            'tue = ["19:00-06:30"]',
            'tue = "19:00-06:30"',
            ["armings[night].weekly.tue", "a list"],
            id="text instead of a list",
        ),
        pytest.param(
            "on = 2027-03-26",
            "on = 2026-12-24",
            ["armings[night].exceptions[2026-12-24].on", "every date once"],
            id="exception twice",
        ),
        pytest.param(
            "on = 2026-12-24",
            'on = "24-12-2026"',
            ["armings[night].exceptions[#1].on = '24-12-2026'", "a date such as 2026-12-31"],
            id="Dutch date",
        ),
        pytest.param(
            "josink_es/gates.geojson",
            "josink_es/gate.geojson",
            ["gate.geojson: file does not exist"],
            id="missing layer file",
        ),
        pytest.param(
            "josink_es/gates.geojson",
            "josink_es",
            ["is a folder, not a file"],
            id="folder as layer",
        ),
        pytest.param(
            'boundary = "josink_es/boundary.geojson"\n',
            "",
            ["layers.boundary is missing"],
            id="park without outline",
        ),
        pytest.param(
            "is_illustrative = true",
            "is_illustrative = yes",
            ["josink_es.toml:11: TOML syntax error"],
            id="TOML syntax",
        ),
        pytest.param("[layers]", "[[layers]]", ["layers", "a table"], id="list instead of table"),
    ],
)
def test_a_wrong_park(site_copy: SiteCopy, old: str, new: str, expected: list[str]) -> None:
    site_copy.replace(old, new)
    message = message_of(site_copy.path)
    for part in [str(site_copy.path.parent), *expected]:
        assert part in message
    assert "hush" not in message


@pytest.mark.parametrize(
    "name", ["josink_es.toml", "josink_es/gates.geojson", "josink_es/incidents.csv"]
)
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"\xff\xfe\x00a", "not UTF-8 text", id="not text"),
        pytest.param(b"[" * 100_000, "", id="nested without end"),
        pytest.param(b"\x00" * 100, "", id="zeros"),
    ],
)
def test_rubbish_is_refused(site_copy: SiteCopy, name: str, content: bytes, expected: str) -> None:
    path = site_copy.path.parent / name
    path.write_bytes(content)
    message = message_of(site_copy.path)
    assert str(path) in message
    assert expected in message


def test_json_syntax_names_the_line(site_copy: SiteCopy) -> None:
    site_copy.replace('"features": [', '"features": {', layer="gates.geojson")
    # The head of the layer takes twelve lines, so the first feature is on line 13.
    assert "gates.geojson:13: JSON syntax error" in message_of(site_copy.path)


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("nowhere/park.toml", id="missing"),
        pytest.param("", id="a folder"),
        pytest.param("\0", id="no file name"),
        pytest.param("a" * 300, id="name too long"),
    ],
)
def test_a_path_that_cannot_be_read(tmp_path: Path, path: str) -> None:
    with pytest.raises(ConfigError):
        load_site(tmp_path / path)
    with pytest.raises(ConfigError):
        load_catalogue(tmp_path / path)


def test_a_long_retention_with_a_reason_is_accepted(site_copy: SiteCopy) -> None:
    site_copy.replace("images_days = 28", 'images_days = 42\nreason = "Lopend onderzoek"\n#')
    assert load_site(site_copy.path).retention.images_days == 42


def test_layers_may_be_left_out(site_copy: SiteCopy) -> None:
    for name in ("buildings", "lamp_posts", "mounts", "gates", "zones", "power_cabinets"):
        site_copy.replace(f'{name} = "josink_es/{name}.geojson"\n', "")
    site_copy.replace('incidents = "josink_es/incidents.csv"\n', "")
    site = load_site(site_copy.path)
    assert (site.buildings, site.mounts, site.incidents) == ((), (), ())
    assert [zone.id for zone in site.zones] == ["z_crossing"]


def test_the_digest_changes_with_any_input(site_copy: SiteCopy) -> None:
    before = load_site(site_copy.path).digest
    assert load_site(site_copy.path).digest == before
    site_copy.replace("Poort 1 Zuid", "Poort 1 zuid", layer="gates.geojson")
    after = load_site(site_copy.path).digest
    site_copy.replace("# Sample park", "# A sample park")
    assert len({before, after, load_site(site_copy.path).digest}) == 3


def test_a_park_may_bring_its_own_catalogue(site_copy: SiteCopy) -> None:
    site_copy.replace("default_arming =", 'catalogue = "own.toml"\ndefault_arming =')
    own = site_copy.path.parent / "own.toml"
    own.write_text('[[camera_types]]\nid = "mine"\n', encoding="utf-8")
    assert "own.toml: camera_types[mine].name is missing" in message_of(site_copy.path)


TYPE = """
[[camera_types]]
id = "{id}"
name = "Type"
width_px = 1920
height_px = 1080
pitch_um = 2.9
focal_length_mm = 8
focal_length_max_mm = {longest}
price_eur = 100
"""


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("", "camera_types is missing", id="empty"),
        pytest.param("camera_types = []", "at least 1", id="no types"),
        pytest.param(
            TYPE.format(id="a", longest=4), "not less than focal_length_mm (8)", id="zoom"
        ),
        pytest.param(2 * TYPE.format(id="a", longest=9), "every id occurs once", id="twice"),
    ],
)
def test_a_wrong_catalogue(tmp_path: Path, content: str, expected: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_catalogue(path)
    assert f"{path}: " in caught.value.text.en
    assert expected in caught.value.text.en
