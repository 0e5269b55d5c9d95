"""The import on the real BGT of Delft, against plain readings of the same files."""

import json
import sqlite3
from pathlib import Path

import numpy as np
import pytest
import shapely
from import_harness import GEO, account, counts, run

from parkwacht_config.site import AreaKind, MountKind, Site
from parkwacht_coverage.importing.cli import ImportResult
from parkwacht_coverage.importing.ledger import Outcome
from parkwacht_coverage.plan import lay_grid

FOLDER = GEO / "delft_bgt_3dfier"
pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="needs ../shared/data"),
]


@pytest.fixture(scope="module")
def delft(tmp_path_factory: pytest.TempPathFactory) -> ImportResult:
    sources = [*sorted(FOLDER.glob("*.sqlite")), FOLDER / "testarea_3dfier.city.json"]
    return run(tmp_path_factory.mktemp("import") / "delft", *sources)[0]


def rows(layer: str, column: str) -> list[tuple[str, bytes]]:
    """Read a column and the geometry of what exists at ground level, with sqlite alone."""
    path = FOLDER / f"bgt_{layer}.sqlite"
    with sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True) as database:
        (table,) = database.execute("SELECT f_table_name FROM geometry_columns").fetchone()
        query = (
            f"SELECT {column}, GEOMETRY FROM '{table}' WHERE relatievehoogteligging = 0 "  # noqa: S608
            "AND bgt_status = 'bestaand' AND eindregistratie IS NULL"
        )
        return database.execute(query).fetchall()


def heights_of_model() -> dict[str, float]:
    """Read the vertical extent of each building of 3dfier's model, with json and numpy alone."""
    model = json.loads((FOLDER / "testarea_3dfier.city.json").read_bytes())
    z = np.array(model["vertices"])[:, 2]
    found = {}
    for key, thing in model["CityObjects"].items():
        if thing["type"] == "Building":
            faces = [face for shell in thing["geometry"][0]["boundaries"] for face in shell]
            used = z[np.concatenate([ring for face in faces for ring in face])]
            found[key] = float(used.max() - used.min())
    return found


def test_every_pand_is_there_with_the_height_of_its_model(delft: ImportResult) -> None:
    expected = heights_of_model()
    assert len(expected) == 160  # design/coverage.md, section 8: joined 160/160
    found = {one.id: one.height_m for one in delft.site.buildings}
    assert found.keys() == expected.keys()
    assert all(abs(found[key] - expected[key]) <= 0.0051 for key in expected)  # centimetres


def test_wegdeel_gives_the_ground_its_function_says(delft: ImportResult) -> None:
    roads = rows("wegdeel", "function")
    assert len(roads) == 143  # of 151; 8 lie on another level
    flat = [word for word, blob in roads if shapely.from_wkb(blob).area < 0.05]
    assert len(flat) == 2
    assert counts(account(delft, "trafficarea")) == {
        "kept": 141, "repaired": 0, "filtered": 8, "left_out": 2,
    }  # fmt: skip
    for kind, words in {
        AreaKind.CARRIAGEWAY: ("rijbaan lokale weg",),
        AreaKind.PARKING: ("parkeervlak",),
        AreaKind.FOOTPATH: ("voetpad", "voetgangersgebied", "voetpad op trap"),
    }.items():
        expected = sum(shapely.from_wkb(blob).area for word, blob in roads if word in words)
        pieces = [one.polygon for one in delft.site.public_areas if one.kind is kind]
        assert sum(one.area for one in pieces) == pytest.approx(expected, rel=1e-4)


def test_the_folder_holds_nothing_twice(delft: ImportResult) -> None:
    # the model of 3dfier holds the same objects as the BGT, under the same ids
    for name, n_read in {"Building": 160, "PlantCover": 126, "LandUse": 81}.items():
        one = account(delft, name)
        assert (len(one.ids), one.count(Outcome.FILTERED)) == (n_read, n_read)


def test_read_is_the_sum_of_outcomes(delft: ImportResult) -> None:
    report = json.loads((delft.site_path.parent / "import_report.json").read_bytes())
    for layer in report["layers"]:
        path = FOLDER / layer["source"]
        if path.suffix == ".sqlite":
            with sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True) as database:
                (table,) = database.execute("SELECT f_table_name FROM geometry_columns").fetchone()
                (n_rows,) = database.execute(f"SELECT count(*) FROM '{table}'").fetchone()  # noqa: S608
            assert layer["read"] == n_rows
        told = [layer[name] for name in ("kept", "repaired", "filtered", "left_out")]
        assert layer["read"] == sum(told)
        listed = [ids for by_reason in layer["ids"].values() for ids in by_reason.values()]
        assert sum(map(len, listed)) == layer["read"] - layer["kept"]


def test_public_private_buildings_and_water_share_out_the_park(delft: ImportResult) -> None:
    site = delft.site
    public = shapely.union_all([one.polygon for one in site.public_areas])
    private = shapely.union_all([one.polygon for one in site.private_areas])
    built = shapely.union_all([one.polygon for one in site.buildings])
    assert private.intersection(shapely.union(public, built)).area < 0.5
    water = shapely.union_all([shapely.from_wkb(blob) for _, blob in rows("waterdeel", "gml_id")])
    rest = site.boundary.difference(shapely.union_all([public, private, built, water]))
    assert rest.area < 0.001 * site.boundary.area  # slivers below 1 m2 are no yard
    yards = [shapely.from_wkb(blob) for _, blob in rows("onbegroeidterreindeel", "gml_id")]
    inside = shapely.union_all(yards).intersection(site.boundary).difference(built)
    assert inside.difference(private).area < 0.01 * inside.area


def test_mounts_hang_outside_every_building(delft: ImportResult) -> None:
    site = delft.site
    facade = [one for one in site.mounts if one.kind is MountKind.FACADE]
    tree = shapely.STRtree([one.polygon for one in site.buildings])
    straight = 0
    for mount in facade:
        nearest = site.buildings[int(tree.nearest(mount.point))]
        assert nearest.polygon.distance(mount.point) == pytest.approx(0.2, abs=0.002)
        assert mount.height_m == pytest.approx(min(6.0, nearest.height_m - 0.5), abs=0.011)
        assert mount.facing_deg is not None
        ahead = np.radians(mount.facing_deg)
        step = shapely.Point(mount.point.x + np.sin(ahead), mount.point.y + np.cos(ahead))
        away = nearest.polygon.distance(step)
        assert away > 0.5  # in an inner corner another wall of the same building comes nearer
        straight += abs(away - 1.2) < 0.02
    assert straight > 0.9 * len(facade)
    assert len(facade) > 100
    masts = [one for one in site.mounts if one.kind is MountKind.MAST]
    gaps = shapely.distance(
        [one.point for one in masts], shapely.union_all([b.polygon for b in site.buildings])
    )
    assert np.min(gaps) >= 0.199


def test_masts_follow_the_recipe_of_the_design(tmp_path: Path) -> None:
    # design/coverage.md, section 9.2: 273 mounts every 10 m along the public boundary, outside
    # pand + 0.2 m, of wegdeel alone; the start of each edge is free, so some differ
    sources = [FOLDER / "bgt_wegdeel.sqlite", FOLDER / "bgt_pand.sqlite"]
    result, _ = run(tmp_path / "delft", *sources)
    masts = [one for one in result.site.mounts if one.kind is MountKind.MAST]
    assert len(masts) == pytest.approx(273, rel=0.1)


def test_heights_of_the_point_cloud_agree_with_the_model(tmp_path: Path) -> None:
    clouds = tuple(sorted(FOLDER.glob("*.laz")))
    sources = [FOLDER / "bgt_wegdeel.sqlite", FOLDER / "bgt_pand.sqlite"]
    result, printed = run(tmp_path / "delft", *sources, heights=clouds, crs=("EPSG:28992",))
    report = json.loads((result.site_path.parent / "import_report.json").read_bytes())
    assert [one["points"] for one in report["point_clouds"]] == [640510, 208432]  # laspy's header
    assert report["heights"]["cloud"] >= 150
    assert "from point cloud (LAZ)" in printed
    # 3dfier measured other percentiles of the same points
    model = heights_of_model()
    off = [abs(one.height_m - model[one.id]) for one in result.site.buildings]
    assert float(np.median(off)) < 1.0


def test_a_study_runs_on_it(delft: ImportResult) -> None:
    site: Site = delft.site
    ground = lay_grid(site, step_m=4.0, target_height_m=1.5)
    assert ground.total_m2 > 10_000
