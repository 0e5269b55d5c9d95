"""What is wrong with the sources is said clearly: which file, which feature, and what is right."""

import json
from pathlib import Path
from typing import Any

import pytest
from import_harness import (
    LineString,
    Point,
    Polygon,
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

from parkwacht_config.errors import ConfigError, CoverageError, ParkwachtError
from parkwacht_config.text import Language
from parkwacht_coverage.importing.ledger import Outcome
from parkwacht_coverage.importing.mounts import MountRules
from parkwacht_coverage.importing.request import parse_overrule, parse_themes

HALL = ({"id": "hall", "height_m": 8.0}, rectangle(0, 0, 20, 10))
BOW_TIE = Polygon([(X + 40, Y), (X + 50, Y + 10), (X + 50, Y), (X + 40, Y + 10)])


def test_broken_shapes_are_repaired_or_left_out_and_listed(tmp_path: Path) -> None:
    flat = Polygon([(X, Y), (X + 5, Y), (X + 10, Y)])
    sources = scene(
        tmp_path / "s",
        [
            HALL,
            ({"id": "bow_tie"}, BOW_TIE),
            ({"id": "flat"}, flat),
            ({"id": "point"}, Point(X + 1, Y + 1)),
            ({"id": "empty"}, Polygon()),
        ],
    )
    document = json.loads(sources[0].read_text())
    document["features"].append({"type": "Feature", "properties": {"id": "none"}, "geometry": None})
    sources[0].write_text(json.dumps(document))
    result, printed = run(tmp_path / "out", *sources)
    one = account(result, "buildings")
    assert counts(one) == {"kept": 1, "repaired": 1, "filtered": 0, "left_out": 4}
    assert reasons(one, Outcome.REPAIRED) == {
        "shape crossed or touched itself; repaired": ["bow_tie"]
    }
    assert reasons(one, Outcome.LEFT_OUT) == {
        "no area (less than 0.05 m²)": ["flat"],
        "a point or line, not an area": ["point"],
        "empty geometry": ["empty"],
        "no geometry": ["none"],
    }
    # two triangles of 5 x 10 / 2 each
    ties = [b.polygon.area for b in result.site.buildings if b.id.startswith("bow_tie")]
    assert ties == [25.0, 25.0]
    assert "4 left out" not in printed  # each reason has its own line
    assert "1 left out, empty geometry: empty" in printed


@pytest.mark.parametrize(
    ("height", "expected"),
    [(None, 6.0), (0, 6.0), (9999, 6.0), (-3, 6.0), ("onbekend", 6.0), ("7,5", 7.5), (250, 250.0)],
)
def test_heights_that_cannot_be_true(tmp_path: Path, height: Any, expected: float) -> None:
    about = {"id": "hall", "height_m": height}
    sources = scene(tmp_path / "s", [(about, HALL[1])])
    result, _ = run(tmp_path / "out", *sources)
    assert [one.height_m for one in result.site.buildings] == [expected]
    notes = {remark.en for remark in account(result, "buildings").notes}
    assert ("height unknown: default height 6 m" in notes) == (expected == 6.0)


def test_without_a_default_height_buildings_are_left_out(tmp_path: Path) -> None:
    sources = scene(tmp_path / "s", [HALL, ({"id": "low", "height_m": 0}, rectangle(40, 0, 9, 9))])
    result, _ = run(tmp_path / "out", *sources, default_height_m=0.0)
    assert [one.id for one in result.site.buildings] == ["hall"]
    assert reasons(account(result, "buildings"), Outcome.LEFT_OUT) == {
        "height unknown and no default height": ["low"]
    }


def test_a_missing_system_must_be_named(tmp_path: Path) -> None:
    path = tmp_path / "gebouwen.geojson"
    geojson(path, [HALL], crs=None)  # metres, but GeoJSON without crs means degrees
    roads = geojson(tmp_path / "roads.geojson", [({}, rectangle(0, -10, 60, 6))])
    with pytest.raises(ConfigError, match=r"gebouwen.*--crs EPSG:number.*x 100000.*RD New"):
        run(tmp_path / "out", path, roads)
    result, _ = run(tmp_path / "out", path, roads, crs=("gebouwen.geojson=EPSG:28992",))
    assert result.site.buildings[0].polygon.equals(HALL[1])


def test_swapped_coordinates_are_refused(tmp_path: Path) -> None:
    swapped = Polygon([(y, x) for x, y in HALL[1].exterior.coords])
    sources = scene(tmp_path / "s", [({"id": "hall"}, swapped)])
    with pytest.raises(CoverageError, match=r"buildings.*x and y look swapped"):
        run(tmp_path / "out", *sources)


def test_one_feature_in_another_system_is_left_out(tmp_path: Path) -> None:
    degrees = Polygon([(4.3, 52.0), (4.31, 52.0), (4.31, 52.01)])
    sources = scene(
        tmp_path / "s",
        [HALL, ({"id": "b"}, rectangle(30, 0, 9, 9)), ({"id": "degrees"}, degrees)],
    )
    result, _ = run(tmp_path / "out", *sources)
    left = reasons(account(result, "buildings"), Outcome.LEFT_OUT)
    assert list(left.values()) == [["degrees"]]
    assert "outside the Netherlands" in next(iter(left))


def test_abroad_is_refused_unless_relocated(tmp_path: Path) -> None:
    prague = Polygon([(14.4, 50.1), (14.401, 50.1), (14.401, 50.1005), (14.4, 50.1005)])
    street = LineString([(14.3995, 50.0995), (14.4015, 50.0995)])
    buildings = geojson(tmp_path / "buildings.geojson", [({"id": "a"}, prague)], None)
    streets = geojson(tmp_path / "streets.geojson", [({"id": "s"}, street)], None)
    with pytest.raises(CoverageError, match=r"50\.10.* N, 14\.40.* E.*--relocate"):
        run(tmp_path / "out", buildings, streets)
    result, printed = run(tmp_path / "out", buildings, streets, relocate=True)
    assert result.site.is_illustrative
    assert "RELOCATED FOR A TRIAL" in result.site.description
    assert "RELOCATED FOR A TRIAL" in printed


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("weg.gpkg", None, "does not exist"),
        ("leeg.geojson", b"", "empty file"),
        ("plan.dwg", b"AC1032", "save it as DXF"),
        ("bgt.zip", b"PK\x03\x04", "unpack it first"),
        ("brief.txt", b"Geachte heer", "no known kind of file"),
        ("kapot.geojson", b'{"type": "FeatureCollection", "features": [', "cannot be read"),
        ("kapot.gml", b'<a xmlns:gml="http://www.opengis.net/gml"><b></a>', "no well-formed GML"),
        ("oud.city.json", b'{"type": "CityJSON", "version": "0.9"}', "CityJSON 1.0, 1.1 or 2.0"),
        ("kapot.laz", b"LASF" + b"\0" * 300, "cannot be read as LAS or LAZ"),
        ("kapot.sqlite", b"SQLite format 3\0" + b"\0" * 100, "cannot be read as a map"),
        ("kapot.dxf", b"0\nSECTION\n2\nENTITIES\n", "DXF"),
    ],
)
def test_files_that_are_no_source(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    sources = scene(tmp_path / "s", [HALL])
    with pytest.raises(ParkwachtError, match=message) as caught:
        run(tmp_path / "out", *sources, path, crs=("EPSG:28992",))
    assert name in caught.value.text.nl
    assert not (tmp_path / "out").exists()


def test_an_empty_layer_is_named_and_alone_refused(tmp_path: Path) -> None:
    empty = geojson(tmp_path / "bomen.geojson", [])
    with pytest.raises(ConfigError, match=r"bomen\.geojson: not a single feature"):
        run(tmp_path / "out", empty)
    _, printed = run(tmp_path / "out", *scene(tmp_path / "s", [HALL]), empty)
    assert "empty: bomen" in printed


def test_a_folder_without_maps(tmp_path: Path) -> None:
    folder = tmp_path / "leeg"
    folder.mkdir()
    with pytest.raises(ConfigError, match="holds no file of a known kind"):
        run(tmp_path / "out", folder)


def test_no_public_ground_says_what_to_do(tmp_path: Path) -> None:
    buildings = geojson(tmp_path / "buildings.geojson", [HALL])
    with pytest.raises(CoverageError, match="--open-ground"):
        run(tmp_path / "out", buildings)
    more = geojson(tmp_path / "buildings.geojson", [HALL, ({"id": "b"}, rectangle(30, 0, 9, 10))])
    result, printed = run(tmp_path / "out", more, open_ground=True)
    # between the two: 10 m by 10 m, and a seam of half a metre around
    public = sum(one.polygon.area for one in result.site.public_areas)
    assert 100 <= public <= 100 + 0.52 * 2 * (39 + 10) + 2
    assert "no source says so" in printed


def test_mount_inside_a_building_is_snapped_or_refused(tmp_path: Path) -> None:
    sources = scene(tmp_path / "s", [HALL])
    about = {"kind": "facade", "height_m": 5.0}
    near = ({"id": "near", **about}, Point(X + 5, Y + 0.6))
    mounts = geojson(tmp_path / "eigen.geojson", [near])
    rules = MountRules(mast_spacing_m=0, facade_spacing_m=0)
    result, _ = run(tmp_path / "out", *sources, mounts=mounts, rules=rules)
    (mount,) = result.site.mounts
    # 0.2 m in front of the south wall, facing south
    assert (mount.point.x, mount.point.y) == (X + 5, Y - 0.2)
    assert (mount.id, mount.height_m, mount.facing_deg) == ("near", 5.0, 180.0)
    deep = ({"id": "deep", **about}, Point(X + 10, Y + 5))
    mounts = geojson(tmp_path / "eigen.geojson", [near, deep])
    with pytest.raises(CoverageError, match=r"deeper than 1 m inside a building.*deep \(5\.0 m\)"):
        run(tmp_path / "out", *sources, mounts=mounts, rules=rules)


@pytest.mark.parametrize(
    ("about", "message"),
    [({"kind": "boom"}, "kind = 'boom' is wrong"), ({"height_m": 0.2}, "in metres, 1 to 60")],
)
def test_mounts_with_wrong_properties(tmp_path: Path, about: dict[str, Any], message: str) -> None:
    mounts = geojson(tmp_path / "m.geojson", [({"id": "m1", **about}, Point(X + 50, Y + 5))])
    with pytest.raises(CoverageError, match=f"m1: .*{message}"):
        run(tmp_path / "out", *scene(tmp_path / "s", [HALL]), mounts=mounts)


def test_a_folder_that_is_not_ours_is_not_overwritten(tmp_path: Path) -> None:
    sources, out = scene(tmp_path / "s", [HALL]), tmp_path / "out"
    run(out, *sources)
    run(out, *sources)  # unchanged since: replaced
    toml = next(out.glob("*.toml"))
    toml.write_text(toml.read_text() + "\n# mijn eigen camera's\n")
    with pytest.raises(ConfigError, match="--force"):
        run(out, *sources)
    result, printed = run(out, *sources, force=True)
    assert result.aside == tmp_path / "out.old1"
    assert "mijn eigen" in (tmp_path / "out.old1" / toml.name).read_text()
    assert "out.old1" in printed


def test_nothing_half_written_stays_behind(tmp_path: Path) -> None:
    sources = scene(tmp_path / "s", [HALL])
    with pytest.raises(ConfigError, match="--id = 'Mét spaties' is wrong"):
        run(tmp_path / "out", *sources, site_id="Mét spaties")
    own = geojson(tmp_path / "s" / "far.geojson", [({"id": "far"}, Point(X + 5000, Y))])
    with pytest.raises(ConfigError, match="far"):  # refused only when the whole is checked
        run(tmp_path / "out", *sources, mounts=own)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["s"]


def test_the_outline_is_one_polygon(tmp_path: Path) -> None:
    two = [({"id": "a"}, rectangle(0, 0, 50, 50)), ({"id": "b"}, rectangle(60, 0, 50, 50))]
    boundary = geojson(tmp_path / "grens.geojson", two)
    with pytest.raises(CoverageError, match="exactly one polygon, found: 2"):
        run(tmp_path / "out", *scene(tmp_path / "s", [HALL]), boundary=boundary)
    boundary = geojson(tmp_path / "grens.geojson", [])
    with pytest.raises(CoverageError, match="boundary"):
        run(tmp_path / "out", *scene(tmp_path / "s", [HALL]), boundary=boundary)


@pytest.mark.parametrize("written", ["public_area=x.geojson", "public_areas", "x=y"])
def test_overrule_names_the_layers_there_are(written: str) -> None:
    with pytest.raises(ConfigError, match="public_areas=FILE"):
        parse_overrule([written])


def test_layer_names_the_themes_there_are() -> None:
    with pytest.raises(ConfigError, match="buildings=NAME"):
        parse_themes(["gebouw=A-HAL"])


def test_messages_are_dutch_too(tmp_path: Path) -> None:
    sources = scene(tmp_path / "s", [HALL, ({"id": "plat"}, Point(X, Y))])
    result, printed = run(tmp_path / "out", *sources, language=Language.NL)
    assert "1 weggelaten, een punt of lijn waar een vlak hoort: plat" in printed
    assert "Nu verder met" in printed
    report = (result.site_path.parent / "import_report.md").read_text()
    assert "| bron | laag | gelezen | gebruikt | hersteld | gefilterd | weggelaten |" in report
