"""The import as a new user would try it on every other map of ../shared/data."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from import_harness import GEO, account, counts, reasons, run
from pyogrio import raw
from pyproj import Geod, Transformer

from parkwacht_config.errors import ConfigError, CoverageError
from parkwacht_coverage.importing.ledger import Outcome

pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not GEO.is_dir(), reason="needs ../shared/data"),
]


def city(path: Path) -> dict[str, Any]:
    return json.loads(path.read_bytes())  # type: ignore[no-any-return]


def vertices(model: dict[str, Any]) -> Any:
    """Return the vertices in real coordinates, shape (N, 3)."""
    scale, origin = model["transform"]["scale"], model["transform"]["translate"]
    return np.array(model["vertices"]) * scale + np.array(origin)


def test_delft_as_city_model(tmp_path: Path) -> None:
    model = city(GEO / "delft_cjio/delft_lod1.city.json")
    z = vertices(model)[:, 2]
    expected = {}
    for key, thing in model["CityObjects"].items():
        if thing["type"] == "Building":
            shells = thing["geometry"][0]["boundaries"]
            used = z[[n for shell in shells for face in shell for ring in face for n in ring]]
            expected[key] = used.max() - used.min()
    result, _ = run(tmp_path / "out", GEO / "delft_cjio")
    found = {one.id: one.height_m for one in result.site.buildings}
    assert len(found) == 160
    assert all(found[key] == pytest.approx(expected[key], abs=0.0051) for key in expected)
    assert {one.name: len(one.ids) for one in result.layers} == {
        "Bridge": 3, "Building": 160, "GenericCityObject": 54, "LandUse": 81, "PlantCover": 126,
        "Road": 143, "WaterBody": 3,
    }  # fmt: skip


def test_rotterdam_names_no_system(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"names no coordinate system.*--crs EPSG:28992"):
        run(tmp_path / "out", GEO / "rotterdam_cjio")
    with pytest.raises(CoverageError, match="which ground is public"):
        run(tmp_path / "out", GEO / "rotterdam_cjio", crs=("EPSG:28992",))
    result, _ = run(tmp_path / "out", GEO / "rotterdam_cjio", crs=("EPSG:28992",), open_ground=True)
    model = city(GEO / "rotterdam_cjio/rotterdam_subset.city.json")
    corners = vertices(model)
    for one in result.site.buildings:
        thing = model["CityObjects"][one.id]
        # its lowest vertices lie at z = 0, its ground at TerrainHeight
        top = max(
            corners[n][2]
            for face in thing["geometry"][0]["boundaries"]
            for ring in face
            for n in ring
        )
        assert one.height_m == pytest.approx(top - thing["attributes"]["TerrainHeight"], abs=0.0051)
    assert len(result.site.buildings) == 16


def test_the_hague_stands_in_parts(tmp_path: Path) -> None:
    result, _ = run(tmp_path / "out", GEO / "denhaag_cjio", crs=("EPSG:28992",), open_ground=True)
    # one of four buildings has a shape of its own; the others consist of eight parts
    assert counts(account(result, "Building")) == {
        "kept": 1, "repaired": 0, "filtered": 3, "left_out": 0,
    }  # fmt: skip
    assert counts(account(result, "BuildingPart"))["kept"] == 8
    model = city(GEO / "denhaag_cjio/DH_01_subs.city.json")
    told = {
        key: thing["attributes"]["RelativeRidgeHeight"]
        for key, thing in model["CityObjects"].items()
        if "RelativeRidgeHeight" in thing.get("attributes", {})
    }
    high = {one.id: one.height_m for one in result.site.buildings}
    assert len(told.keys() & high.keys()) >= 5
    assert all(high[key] == pytest.approx(told[key], abs=0.06) for key in told.keys() & high.keys())


def test_zurich_is_refused_or_relocated_with_true_distances(tmp_path: Path) -> None:
    with pytest.raises(CoverageError, match=r"47\.3.* N, 8\.5.* E"):
        run(tmp_path / "out", GEO / "zurich_cjio", open_ground=True)
    # a street of it: the whole spreads over 60 square kilometres
    model = city(GEO / "zurich_cjio/zurich_subset_lod2.city.json")
    middle = np.median(vertices(model)[:, :2], axis=0)
    grens = tmp_path / "grens.geojson"
    square = shapely.box(*(middle - 1500), *(middle + 1500))
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::2056"}}
    feature = {"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(square)}
    document = {"type": "FeatureCollection", "crs": crs, "features": [feature]}
    grens.write_text(json.dumps(document))
    result, printed = run(
        tmp_path / "out", GEO / "zurich_cjio", open_ground=True, relocate=True, boundary=grens
    )
    assert result.site.is_illustrative
    assert "positions in RD New are not real" in printed
    assert sum(map(len, (one.ids for one in result.layers))) == 1 + 49 + 161
    # the outline is 3 km square in LV95, whose scale here is 1 within 1e-4
    assert result.site.boundary.area == pytest.approx(9e6, rel=2e-4)


def test_bubenec_comes_out_of_web_mercator_in_true_metres(tmp_path: Path) -> None:
    path = GEO / "bubenec_momepy/bubenec.gpkg"
    with pytest.raises(CoverageError, match=r"50\.10.* N, 14\.40.* E, read as WGS 84 / Pseudo"):
        run(tmp_path / "out", path)
    result, _ = run(tmp_path / "out", path, relocate=True)
    _, fids, blobs, _ = raw.read(path, layer="buildings", return_fids=True)
    to_degrees = Transformer.from_crs(3857, 4326, always_xy=True)
    geod, expected = Geod(ellps="WGS84"), 0.0
    for shape in shapely.orient_polygons(shapely.from_wkb(blobs)):
        degrees = shapely.transform(
            shape, lambda xy: np.column_stack(to_degrees.transform(xy[:, 0], xy[:, 1]))
        )
        expected += abs(geod.geometry_area_perimeter(degrees)[0])
    found = sum(one.polygon.area for one in result.site.buildings)
    assert len(result.site.buildings) == len(fids) == 144
    assert found == pytest.approx(expected, rel=2e-4)
    assert found == pytest.approx(shapely.area(shapely.from_wkb(blobs)).sum() * 0.64**2, rel=0.02)
    assert counts(account(result, "plots"))["filtered"] == 407
    assert counts(account(result, "streets"))["kept"] == 35


def test_openstreetmap_extract(tmp_path: Path) -> None:
    path = GEO / "osmnx_small/planet_small.osm"
    with pytest.raises(CoverageError, match=r"48\.13.* N, 10\.07.* E"):
        run(tmp_path / "out", path)
    result, _ = run(tmp_path / "out", path, relocate=True)
    root = ET.parse(path).getroot()  # noqa: S314 - a file of ours
    tagged = [{tag.get("k"): tag.get("v") for tag in way.iter("tag")} for way in root.iter("way")]
    levels = [int(str(one["building:levels"])) for one in tagged if one.get("building:levels")]
    heights = [one.height_m for one in result.site.buildings]
    by_levels = sorted(3.0 * one for one in levels)
    assert [one for one in by_levels if one != 6.0] == sorted(h for h in heights if h != 6.0)
    drives = [tags for tags in tagged if tags.get("access") == "private" and "highway" in tags]
    private = [reasons(account(result, name), Outcome.FILTERED) for name in ("lines", "ways")]
    n_private = sum(len(ids) for one in private for why, ids in one.items() if "not public" in why)
    assert n_private == len(drives) == 11
    # two roads, a building and a field of which the extract holds one node
    assert reasons(account(result, "ways"), Outcome.LEFT_OUT) == {
        "fewer than two nodes in the extract": ["25129578", "25216934", "275490779", "277703284"]
    }
    for one in result.layers:
        assert len(one.ids) == sum(counts(one).values())
