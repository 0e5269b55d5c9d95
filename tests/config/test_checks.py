"""Presets, privacy masks, goals of a study, new layers: what is refused, and in which file."""

from typing import Any

import pytest

from parkwacht_config.loader import load_site
from parkwacht_config.site import AreaKind, BuildingUse
from parkwacht_config.study import Costs, PrivacyCeilings, StudyGoals

from .conftest import SiteCopy, message_of

X, Y = 255400.0, 469500.0
SQUARE = [[X, Y], [X + 10, Y], [X + 10, Y + 10], [X, Y + 10], [X, Y]]
FAR_SQUARE = [[x - 9000, y] for x, y in SQUARE]
MASK = """
[[privacy_masks]]
id = "{id}"
camera_id = "{camera_id}"
polygon_px = {polygon_px}
"""
PTZ = """
[[cameras]]
id = "{id}"
name = "Draaibaar"
type_id = "{type_id}"
x_m = {x_m}
y_m = 469500
height_m = 8.0
azimuth_deg = 10
tilt_deg = 12
"""
PRESET = """
[[cameras.presets]]
name = "{name}"
azimuth_deg = {azimuth_deg}
tilt_deg = 20
focal_length_mm = {focal_length_mm}
"""


def mask(
    polygon_px: str = "[[0, 0], [900, 0], [900, 500], [0, 500]]",
    *,
    id: str = "mask_1",
    camera_id: str = "p1_parking",
) -> str:
    return MASK.format(id=id, camera_id=camera_id, polygon_px=polygon_px)


def ptz(
    *presets: str, type_id: str = "ptz_2mp_25x", camera_id: str = "ptz_1", x_m: float = X
) -> str:
    return PTZ.format(id=camera_id, type_id=type_id, x_m=x_m) + "".join(presets)


def preset(name: str = "Poort", *, azimuth_deg: float = 90, focal_length_mm: float = 50) -> str:
    return PRESET.format(name=name, azimuth_deg=azimuth_deg, focal_length_mm=focal_length_mm)


def write_tables(site_copy: SiteCopy, tables: str) -> None:
    """Put tables in the place of the costs and goals, which stand last in the TOML."""
    text = site_copy.path.read_text(encoding="utf-8").split("\n[costs]")[0]
    site_copy.path.write_text(f"{text}\n{tables}", encoding="utf-8")


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        pytest.param(
            mask(camera_id="p3_parking"),
            ["privacy_masks[mask_1].camera_id = 'p3_parking'", "did you mean p"],
            id="mask of an unknown camera",
        ),
        pytest.param(
            mask("[[0, 0], [2689, 0], [2689, 500]]"),
            ["privacy_masks[mask_1].polygon_px = (2689.0, 0.0)", "0 to 2688 and 0 to 1520 pixels"],
            id="mask outside its image",
        ),
        pytest.param(
            mask("[[0, 0], [900, -1], [900, 500]]"),
            ["privacy_masks[mask_1].polygon_px = (900.0, -1.0)", "inside the image of p1_parking"],
            id="mask above its image",
        ),
        pytest.param(
            mask("[[0, 0], [900, 500], [900, 0], [0, 500]]"),
            ["privacy_masks[mask_1].polygon_px", "crosses or touches itself"],
            id="mask that crosses itself",
        ),
        pytest.param(
            mask("[[0, 0], [900, 0]]"),
            ["privacy_masks[mask_1].polygon_px", "at least 3 of them"],
            id="mask of two corners",
        ),
        pytest.param(
            mask("[[0, 0], [900, 0], [0, 0]]"),
            ["privacy_masks[mask_1].polygon_px", "at least three different corners"],
            id="mask of two different corners",
        ),
        pytest.param(
            mask("[[0, 0], [450, 250], [900, 500]]"),
            ["privacy_masks[mask_1].polygon_px", "has no area"],
            id="mask without area",
        ),
        pytest.param(
            mask() + mask(),
            ["privacy_masks[mask_1].id", "this id exists under privacy_masks"],
            id="mask id twice",
        ),
        pytest.param(
            mask(id="p1_parking"),
            ["privacy_masks[p1_parking].id", "this id exists under cameras"],
            id="mask with a camera's id",
        ),
        pytest.param(
            mask().replace("polygon_px", "polygon_m"),
            ["privacy_masks[mask_1].polygon_m", "did you mean polygon_px (in pixels)?"],
            id="mask on the map",
        ),
        pytest.param(
            ptz(preset(), type_id="bullet_4mp_4mm"),
            ["cameras[ptz_1].presets = ['Poort']", "bullet_4mp_4mm is fixed"],
            id="presets of a fixed camera",
        ),
        pytest.param(
            ptz(preset(focal_length_mm=240)),
            ["cameras[ptz_1].presets[#1].focal_length_mm = 240.0", "in millimetres, 4.8 to 120"],
            id="preset with a lens it does not have",
        ),
        pytest.param(
            ptz(preset(), preset("Straat", azimuth_deg=360)),
            ["cameras[ptz_1].presets[#2].azimuth_deg = 360", "in degrees, 0 to 360"],
            id="preset of a full turn",
        ),
        pytest.param(
            ptz(preset(), preset()),
            ["cameras[ptz_1].presets[#2].name = 'Poort'", "occurs once at this camera"],
            id="preset name twice",
        ),
        pytest.param(
            '[study]\nreleased = ["p1_parking", "p9_parking"]',
            ["study.released = 'p9_parking'", "one of: p1_parking, g1_gate"],
            id="release of an unknown camera",
        ),
        pytest.param(
            '[study]\nexcluded_mounts = ["m99"]',
            ["study.excluded_mounts = 'm99'", "ids of this layer (m001 ... m"],
            id="exclusion of an unknown mount",
        ),
        pytest.param(
            '[study]\ncamera_types = ["bullet_4mp_4m"]',
            ["study.camera_types = 'bullet_4mp_4m'", "did you mean bullet_4mp_4mm?"],
            id="candidate of an unknown type",
        ),
        pytest.param(
            '[study]\npriorities = ["gates", "area", "gates"]',
            ["study.priorities = 'gates'", "at most once in this list"],
            id="priority twice",
        ),
        pytest.param(
            '[study]\npriorities = ["gates", "ground"]',
            ["study.priorities[#2] = 'ground'", "one of: gates, routes, area"],
            id="unknown priority",
        ),
        pytest.param(
            '[study]\npriorities = ["gates", "routes", "area", "gates"]',
            ["study.priorities", "at most 3"],
            id="four priorities",
        ),
        pytest.param(
            "[study]\npriorities = []",
            ["study.priorities", "at least 1 of them"],
            id="no priority at all",
        ),
        pytest.param(
            '[[study.redundancy]]\nkind = "parking"\n[[study.redundancy]]\nkind = "parking"',
            ["study.redundancy.kind = 'parking'", "at most once in this list"],
            id="redundancy of one kind twice",
        ),
        pytest.param(
            '[[study.redundancy]]\nkind = "parking"\nfold = 1',
            ["study.redundancy[#1].fold = 1", "2 to 5"],
            id="redundancy of one",
        ),
        pytest.param(
            "[study.privacy]\nrecognisable_share = 20",
            ["study.privacy.recognisable_share = 20", "0 to 1"],
            id="share in percent",
        ),
        pytest.param(
            "[study.privacy]\nprivate_m2 = -1",
            ["study.privacy.private_m2 = -1", "in square metres, > 0"],
            id="ceiling below zero",
        ),
        pytest.param(
            "[study]\nbudget = 90000",
            ["study.budget is an unknown key", "did you mean budget_eur (in euros)?"],
            id="budget without unit",
        ),
        pytest.param(
            '[study]\nedition = "2020"',
            ["study.edition = '2020'", "one of: 2014, 2025"],
            id="unknown edition",
        ),
        pytest.param(
            "[costs]\ncarriageway_trench_eur_per_m = -5",
            ["costs.carriageway_trench_eur_per_m = -5", "in euros per metre"],
            id="trench that pays",
        ),
        pytest.param(
            "[costs]\nmast_eur = true",
            ["costs.mast_eur = True", "a number"],
            id="cost that is true",
        ),
    ],
)
def test_a_wrong_table(site_copy: SiteCopy, tables: str, expected: list[str]) -> None:
    write_tables(site_copy, tables)
    message = message_of(site_copy.path)
    for part in [str(site_copy.path), *expected]:
        assert part in message


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(
            ptz(camera_id="g1_gate"),
            ["cameras[g1_gate].id", "this id exists under cameras", "josink_es.toml)"],
            id="camera that stands in the park already",
        ),
        pytest.param(
            ptz(type_id="ptz_2mp"),
            ["cameras[ptz_1].type_id = 'ptz_2mp'", "did you mean ptz_2mp_25x?"],
            id="unknown type",
        ),
        pytest.param(
            ptz(x_m=155400), ["cameras[ptz_1].x_m, y_m", "more than 1000 m"], id="camera far away"
        ),
        pytest.param(
            mask(camera_id="ptz_2"), ["privacy_masks[mask_1].camera_id = 'ptz_2'"], id="mask"
        ),
        pytest.param("[study]\n", ["study is an unknown key", "cameras"], id="goals"),
        pytest.param("[[cameras]", ["TOML syntax error"], id="syntax"),
    ],
)
def test_a_wrong_camera_file(site_copy: SiteCopy, content: str, expected: list[str]) -> None:
    site_copy.replace("[layers]", 'camera_file = "proposal.toml"\n\n[layers]')
    proposal = site_copy.path.parent / "proposal.toml"
    proposal.write_text(content, encoding="utf-8")
    message = message_of(site_copy.path)
    for part in [f"{proposal}:", *expected]:
        assert part in message


def test_a_missing_camera_file(site_copy: SiteCopy) -> None:
    site_copy.replace("[layers]", 'camera_file = "proposal.toml"\n\n[layers]')
    assert "proposal.toml: file does not exist" in message_of(site_copy.path)


def test_a_camera_file_adds_cameras_and_masks(site_copy: SiteCopy) -> None:
    before = load_site(site_copy.path)
    site_copy.replace("[layers]", 'camera_file = "proposal.toml"\n\n[layers]')
    proposal = site_copy.path.parent / "proposal.toml"
    content = ptz(preset(), preset("Straat")) + mask() + mask(id="mask_2", camera_id="ptz_1")
    proposal.write_text(content, encoding="utf-8")
    site = load_site(site_copy.path)
    assert [one.id for one in site.cameras] == [*(one.id for one in before.cameras), "ptz_1"]
    assert [one.name for one in site.cameras[-1].presets] == ["Poort", "Straat"]
    named = [(one.id, one.camera_id) for one in site.privacy_masks]
    assert named == [("mask_1", "p1_parking"), ("mask_2", "ptz_1")]
    assert site.privacy_masks[0].polygon_px[2] == (900, 500)
    proposal.write_text(f"{content}\n", encoding="utf-8")
    assert len({before.digest, site.digest, load_site(site_copy.path).digest}) == 3


def test_goals_and_costs_are_read(site_copy: SiteCopy) -> None:
    tables = """
[costs]
mast_eur = 5200
[study]
edition = "2025"
priorities = ["area", "gates"]
budget_eur = 40000
released = ["k1_crossing"]
excluded_mounts = ["m001", "m007"]
camera_types = ["bullet_4mp_4mm"]
[study.privacy]
dwelling_window_m = 0
[[study.redundancy]]
kind = "parking"
"""
    write_tables(site_copy, tables)
    site = load_site(site_copy.path)
    assert site.costs == Costs(mast_eur=5200)
    assert site.goals.priorities == ("area", "gates")
    assert (site.goals.budget_eur, site.goals.edition) == (40_000, "2025")
    assert site.goals.excluded_mounts == ("m001", "m007")
    assert site.goals.privacy == PrivacyCeilings(dwelling_window_m=0)
    assert [(one.kind, one.fold) for one in site.goals.redundancy] == [(AreaKind.PARKING, 2)]


def test_a_park_without_goals_and_costs_has_the_usual_ones(site_copy: SiteCopy) -> None:
    write_tables(site_copy, "")
    site = load_site(site_copy.path)
    assert (site.goals, site.costs, site.privacy_masks) == (StudyGoals(), Costs(), ())


def layer_of(kind: str, coordinates: object, /, **properties: object) -> dict[str, Any]:
    return {
        "type": "FeatureCollection",
        "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::28992"}},
        "features": [
            {
                "type": "Feature",
                "properties": {"id": "one", **properties},
                "geometry": {"type": kind, "coordinates": coordinates},
            }
        ],
    }


TREE = {"height_m": 9.0, "crown_radius_m": 3.0}


@pytest.mark.parametrize(
    ("layer", "document", "expected"),
    [
        pytest.param(
            "trees",
            layer_of("Point", [X, Y], **TREE | {"crown_base_m": 9}),
            ["features[one].properties.height_m = 9.0", "higher than crown_base_m"],
            id="tree without crown",
        ),
        pytest.param(
            "trees",
            layer_of("Point", [X, Y], height_m=9.0),
            ["features[one].properties.crown_radius_m is missing (in metres)"],
            id="tree without radius",
        ),
        pytest.param(
            "trees",
            layer_of("Point", [X, Y], **TREE | {"crown_radius_m": 300}),
            ["features[one].properties.crown_radius_m = 300", "in metres, 0 to 30"],
            id="tree in centimetres",
        ),
        pytest.param(
            "trees",
            layer_of("Point", [X, Y], **TREE | {"is_evergreen": "ja"}),
            ["features[one].properties.is_evergreen = 'ja'", "true or false"],
            id="evergreen in words",
        ),
        pytest.param(
            "trees",
            layer_of("Point", [Y, X], **TREE),
            ["features[one].geometry.coordinates", "x and y look swapped"],
            id="tree with x and y swapped",
        ),
        pytest.param(
            "trees",
            layer_of("Point", [X - 9000, Y], **TREE),
            ["features[one] = (246400.0, 469500.0)", "more than 1000 m from the park's outline"],
            id="tree far from the park",
        ),
        pytest.param(
            "private_areas",
            layer_of("Polygon", [FAR_SQUARE]),
            ["features[one] = (246405.0, 469505.0)", "more than 1000 m"],
            id="private ground far from the park",
        ),
        pytest.param(
            "private_areas",
            layer_of("Polygon", [SQUARE], owner="green"),
            ["features[one].properties.owner is an unknown key", "known are: id, name"],
            id="private ground with a kind",
        ),
        pytest.param(
            "purpose_areas",
            layer_of("Polygon", [FAR_SQUARE]),
            ["features[one] = (246405.0, 469505.0)", "more than 1000 m"],
            id="purpose area far from the park",
        ),
        pytest.param(
            "public_areas",
            layer_of("Polygon", [FAR_SQUARE], kind="green"),
            ["features[one] = (246405.0, 469505.0)", "more than 1000 m"],
            id="public ground far from the park",
        ),
        pytest.param(
            "routes",
            layer_of("LineString", [[X, Y], [X + 10, Y]]),
            ["features[one].properties.name is missing"],
            id="route without a name",
        ),
        pytest.param(
            "routes",
            layer_of("LineString", [[X - 9000, Y], [X - 8990, Y]], name="Weg"),
            ["features[one] = (246", "more than 1000 m"],
            id="route far from the park",
        ),
        pytest.param(
            "buildings",
            layer_of("Polygon", [SQUARE], height_m=6, use="house"),
            ["features[one].properties.use = 'house'", "one of: business, dwelling, other"],
            id="unknown use",
        ),
        pytest.param(
            "buildings",
            layer_of("Polygon", [SQUARE], height_m=6, window_share=30),
            ["features[one].properties.window_share = 30", "0 to 1"],
            id="windows in percent",
        ),
    ],
)
def test_a_wrong_new_layer(
    site_copy: SiteCopy, layer: str, document: dict[str, Any], expected: list[str]
) -> None:
    path = site_copy.put_layer(layer, document)
    message = message_of(site_copy.path)
    for part in [f"{path}:", *expected]:
        assert part in message


@pytest.mark.parametrize("layer", ["buildings", "lamp_posts"])
def test_a_whole_towns_layer_is_accepted(site_copy: SiteCopy, layer: str) -> None:
    far = {
        "buildings": layer_of("Polygon", [FAR_SQUARE], height_m=6, use="dwelling"),
        "lamp_posts": layer_of("Point", [X - 9000, Y], height_m=6, intensity_cd=900),
    }
    site_copy.put_layer(layer, far[layer])
    site = load_site(site_copy.path)
    assert [one.id for one in getattr(site, layer)] == ["one"]
    if layer == "buildings":
        assert site.buildings[0].use is BuildingUse.DWELLING
