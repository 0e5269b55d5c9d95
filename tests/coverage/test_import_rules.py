"""The rules of the import: outline, clipping, overruling, gates, mounts, doubles, sameness."""

import json
from pathlib import Path

import numpy as np
import pytest
import shapely
from import_harness import (
    LineString,
    Point,
    X,
    Y,
    account,
    counts,
    geojson,
    reasons,
    rectangle,
    run,
    scene,
)
from typer.testing import CliRunner

from parkwacht_api.cli import app
from parkwacht_config.loader import load_site
from parkwacht_config.site import AreaKind, BuildingUse, MountKind
from parkwacht_coverage.importing.ledger import Outcome
from parkwacht_coverage.importing.mounts import MountRules

HALL = ({"id": "hall", "height_m": 8.0}, rectangle(0, 0, 20, 10))


def test_a_given_outline_cuts_the_ground_and_keeps_what_blocks_sight(tmp_path: Path) -> None:
    sources = scene(
        tmp_path / "s",
        [
            HALL,
            ({"id": "beside", "height_m": 8.0}, rectangle(130, 0, 20, 10)),
            ({"id": "far", "height_m": 8.0}, rectangle(230, 0, 20, 10)),
        ],
    )
    grens = geojson(tmp_path / "grens.geojson", [({"id": "g"}, rectangle(-10, -20, 110, 50))])
    result, _ = run(tmp_path / "out", *sources, boundary=grens)
    site = result.site
    assert site.boundary.equals(rectangle(-10, -20, 110, 50))
    assert [one.id for one in site.buildings] == ["hall", "beside"]  # 100 m margin: 230 is too far
    # the road of 200 m by 6 m lies 100 m inside
    assert sum(one.polygon.area for one in site.public_areas) == pytest.approx(600)
    # private: 110 x 50 less the road and the hall
    assert sum(one.polygon.area for one in site.private_areas) == pytest.approx(5500 - 600 - 200)
    (gate,) = site.gates  # the road leaves in the east only
    assert gate.line.equals(LineString([(X + 100, Y - 10), (X + 100, Y - 4)]))
    assert gate.name == "Gate 1 east"
    purpose = shapely.union_all([one.polygon for one in site.purpose_areas])
    assert purpose.area == pytest.approx(600)


def test_a_road_along_the_outline_is_no_gate(tmp_path: Path) -> None:
    sources = scene(tmp_path / "s", [HALL])
    # the outline runs in the middle of the road, lengthwise, and crosses it nowhere
    grens = geojson(tmp_path / "grens.geojson", [({"id": "g"}, rectangle(20, -7, 100, 40))])
    result, printed = run(tmp_path / "out", *sources, boundary=grens)
    across = [one for one in result.site.gates if one.line.length > 10]
    assert not across
    assert len(result.site.gates) == 2  # it comes in at the west and the east end, 3 m wide
    assert "No road into the park" not in printed


def test_layers_of_the_user_replace_what_would_be_derived(tmp_path: Path) -> None:
    sources = scene(tmp_path / "s", [HALL])
    square = ({"id": "plein", "kind": "parking", "name": "Plein"}, rectangle(30, 0, 30, 30))
    public = geojson(tmp_path / "openbaar.geojson", [square])
    yard = geojson(tmp_path / "prive.geojson", [({"id": "erf"}, rectangle(0, 10, 20, 5))])
    gates = geojson(
        tmp_path / "poort.geojson",
        [({"id": "p1", "name": "Poort"}, LineString([(X + 30, Y), (X + 36, Y)]))],
    )
    overrule = {"public_areas": public, "private_areas": yard, "gates": gates}
    result, _ = run(tmp_path / "out", *sources, overrule=overrule)
    site = result.site
    (area,) = site.public_areas
    assert (area.id, area.kind, area.polygon.area) == ("plein", AreaKind.PARKING, 900.0)
    assert [(one.id, one.polygon.area) for one in site.private_areas] == [("erf", 100.0)]
    assert [(one.id, one.name) for one in site.gates] == [("p1", "Poort")]
    assert reasons(account(result, "roads"), Outcome.FILTERED) == {
        "replaced by --overrule": ["road"]
    }
    assert counts(account(result, "openbaar"))["kept"] == 1


def test_what_an_import_writes_can_be_read_again(tmp_path: Path) -> None:
    sources = scene(tmp_path / "s", [HALL, ({"id": "b", "height_m": 4.0}, rectangle(40, 0, 9, 9))])
    first, _ = run(tmp_path / "een", *sources, site_id="park", name="Park")
    again, _ = run(tmp_path / "twee", tmp_path / "een" / "layers", site_id="park", name="Park")
    assert {one.id for one in again.site.buildings} == {"hall", "b"}
    for name in ("buildings", "public_areas", "private_areas"):
        areas = [
            shapely.union_all([one.polygon for one in getattr(site, name)])
            for site in (first.site, again.site)
        ]
        assert areas[0].symmetric_difference(areas[1]).area < 0.01
    assert {one.id for one in first.site.mounts} <= {one.id for one in again.site.mounts}


def test_the_same_sources_give_the_same_bytes(tmp_path: Path) -> None:
    sources = scene(tmp_path / "s", [HALL])
    for out in ("een", "twee"):
        run(tmp_path / out, *sources, site_id="park", name="Park")
    files = sorted(one for one in (tmp_path / "een").rglob("*") if one.is_file())
    assert len(files) >= 8
    for path in files:
        other = tmp_path / "twee" / path.relative_to(tmp_path / "een")
        assert path.read_bytes() == other.read_bytes()


def test_facades_look_at_public_ground_and_dwellings_have_none(tmp_path: Path) -> None:
    sources = scene(
        tmp_path / "s",
        [
            HALL,
            ({"id": "house", "height_m": 8.0, "use": "dwelling"}, rectangle(40, 0, 20, 10)),
            ({"id": "shed", "height_m": 2.5}, rectangle(80, 0, 20, 10)),
            ({"id": "back", "height_m": 8.0}, rectangle(0, 40, 20, 10)),
        ],
    )
    rules = MountRules(mast_spacing_m=0, facade_spacing_m=10)
    result, _ = run(tmp_path / "out", *sources, rules=rules)
    # the hall's south wall of 20 m looks at the road 4 m away: at 5 and 15 m; its side walls of
    # 10 m look past it, its north wall away from it; the back building is 44 m away
    places = sorted(
        (round(one.point.x - X, 3), round(one.point.y - Y, 3)) for one in result.site.mounts
    )
    assert places == [(5.0, -0.2), (15.0, -0.2)]
    assert {one.facing_deg for one in result.site.mounts} == {180.0}
    assert {one.height_m for one in result.site.mounts} == {6.0}
    (house,) = (one for one in result.site.buildings if one.use is BuildingUse.DWELLING)
    assert house.id == "house"


def test_masts_stand_every_so_many_metres_along_the_edge(tmp_path: Path) -> None:
    sources = scene(tmp_path / "s", [HALL])
    rules = MountRules(mast_spacing_m=20, facade_spacing_m=0)
    result, _ = run(tmp_path / "out", *sources, rules=rules)
    masts = [one.point for one in result.site.mounts if one.kind is MountKind.MAST]
    assert len(masts) == 21  # the edge is 412 m long: 0, 20, ..., 400
    edge = rectangle(0, -10, 200, 6).exterior
    assert np.max(shapely.distance(masts, edge)) < 0.001
    assert {one.height_m for one in result.site.mounts} == {6.0}


def test_a_building_read_twice_counts_once_and_takes_over_what_it_lacked(tmp_path: Path) -> None:
    bgt = {"gml_id": "b1", "bgt_status": "bestaand", "relatievehoogteligging": 0}
    geojson(tmp_path / "bgt_pand.geojson", [(bgt, HALL[1])])
    bag = {
        "identificatie": "0503100000000035", "bouwjaar": 1999, "status": "Pand in gebruik",
        "gebruiksdoel": "woonfunctie",
    }  # fmt: skip
    gone = {**bag, "identificatie": "0503100000000036", "status": "Pand gesloopt"}
    geojson(
        tmp_path / "bag_pand.geojson",
        [(bag, rectangle(1, 0, 19, 10)), (gone, rectangle(40, 0, 9, 9))],
    )
    osm = geojson(tmp_path / "gebouwen.geojson", [({"hoogte": 5.5}, rectangle(0, 0, 21, 11))])
    roads = geojson(tmp_path / "roads.geojson", [({}, rectangle(0, -10, 60, 6))])
    files = [tmp_path / "bgt_pand.geojson", tmp_path / "bag_pand.geojson", osm, roads]
    result, _ = run(tmp_path / "out", *files)
    (building,) = result.site.buildings
    assert (building.id, building.polygon.area) == ("b1", 200.0)
    assert (building.height_m, building.use) == (5.5, BuildingUse.DWELLING)
    assert reasons(account(result, "bag_pand"), Outcome.FILTERED) == {
        "BAG status pand gesloopt": ["0503100000000036"],
        "the same building as in an earlier source; height and use were taken over": [
            "0503100000000035"
        ],
    }


def test_terraced_houses_of_one_source_stay_separate(tmp_path: Path) -> None:
    row = [({"id": f"h{n}", "height_m": 6.0}, rectangle(6 * n, 0, 6, 10)) for n in range(5)]
    result, _ = run(tmp_path / "out", *scene(tmp_path / "s", row))
    assert [one.id for one in result.site.buildings] == ["h0", "h1", "h2", "h3", "h4"]


def test_heights_given_go_before_those_of_the_source(tmp_path: Path) -> None:
    sources = scene(tmp_path / "s", [HALL])
    better = geojson(
        tmp_path / "buildings_2026.geojson", [({"height_m": 9.5}, rectangle(0.5, 0, 20, 10))]
    )
    worse = geojson(
        tmp_path / "buildings_2019.geojson", [({"height_m": 3.5}, rectangle(0, 0, 20, 10))]
    )
    result, printed = run(tmp_path / "out", *sources, heights=(better, worse))
    assert [one.height_m for one in result.site.buildings] == [9.5]  # the first given
    assert "1 from --heights (city model)" in printed


def test_parts_of_a_feature_are_numbered(tmp_path: Path) -> None:
    two = shapely.MultiPolygon([rectangle(0, 0, 10, 10), rectangle(20, 0, 10, 10)])
    result, _ = run(tmp_path / "out", *scene(tmp_path / "s", [({"id": "x", "height_m": 5.0}, two)]))
    assert [one.id for one in result.site.buildings] == ["x", "x#2"]
    assert counts(account(result, "buildings"))["kept"] == 1  # features are counted, not parts


def test_trees_lamps_and_cabinets(tmp_path: Path) -> None:
    sources = scene(tmp_path / "s", [HALL])
    trees = geojson(
        tmp_path / "bomen.geojson",
        [({"id": "t1"}, Point(X + 30, Y)), ({"id": "t2", "hoogte": 1.5}, Point(X + 35, Y))],
    )
    lamps = geojson(tmp_path / "lichtmasten.geojson", [({"id": "l1"}, Point(X + 40, Y - 2))])
    boxes = geojson(tmp_path / "kasten.geojson", [({"id": "k1"}, Point(X + 45, Y - 2))])
    result, _ = run(tmp_path / "out", *sources, trees, lamps, boxes)
    site = result.site
    # unknown: 8 m with a crown from 2 m; a sapling's crown begins at 0.3 of its height
    assert [(t.height_m, t.crown_base_m) for t in site.trees] == [(8.0, 2.0), (1.5, 0.45)]
    assert [(one.height_m, one.intensity_cd) for one in site.lamp_posts] == [(6.0, 2000.0)]
    assert [one.id for one in site.power_cabinets] == ["k1"]
    (mount,) = (one for one in site.mounts if one.kind is MountKind.LAMP_POST)
    assert (mount.point.x, mount.height_m) == (X + 40, 6.0)


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARKWACHT_LANGUAGE", "nl")
    monkeypatch.setenv("PARKWACHT_STATE_DIR", str(tmp_path / "state"))
    sources = scene(tmp_path / "s", [HALL])
    mounts = geojson(tmp_path / "eigen.geojson", [({"id": "m1"}, Point(X + 50, Y + 5))])
    out = tmp_path / "Bedrijvenpark Zuid"
    given = [
        "--id", "zuid", "--name", "Zuid", "--mounts", str(mounts), "--mast-spacing-m", "50",
        "--default-height-m", "7", "--snap-m", "2",
    ]  # fmt: skip
    done = CliRunner().invoke(app, ["import", str(out), *map(str, sources), *given])
    assert done.exit_code == 0, done.output
    site = load_site(out / "zuid.toml")
    assert (site.id, site.name) == ("zuid", "Zuid")
    assert "m1" in [one.id for one in site.mounts]
    report = json.loads((out / "import_report.json").read_bytes())
    assert report["options"]["mast_spacing_m"] == 50
    assert report["result"]["mounts"] == len(site.mounts)
    plain = "".join(done.output.split())
    assert "parkwachtstudy" + "".join(str(out / "zuid.toml").split()) in plain


def test_without_an_outline_a_gate_lies_where_the_road_leaves_the_park(tmp_path: Path) -> None:
    row = [({"id": f"h{n}", "height_m": 6.0}, rectangle(12 * n, 0, 10, 40)) for n in range(5)]
    buildings = geojson(tmp_path / "buildings.geojson", row)
    # along the front, and 100 m beyond it to the east; to the west it ends at the last building
    road = geojson(tmp_path / "roads.geojson", [({"id": "r"}, rectangle(0, -8, 158, 6))])
    result, _ = run(tmp_path / "out", buildings, road)
    west, east = sorted(result.site.gates, key=lambda one: one.line.centroid.x)
    assert west.line.centroid.x - X == pytest.approx(0, abs=2.5)
    # the body ends at x = 58; the corner between the road and the last building is closed
    assert 58 <= east.line.centroid.x - X <= 75
    assert east.line.length == pytest.approx(6.0, abs=1.0)
    # no ground is cut off by an outline that was derived
    assert sum(one.polygon.area for one in result.site.public_areas) == pytest.approx(948)
