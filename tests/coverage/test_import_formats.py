"""One small file of every format, made here as its usual program writes it."""

import json
import math
from pathlib import Path
from typing import Any

import ezdxf
import laspy
import numpy as np
import pytest
import shapely
from import_harness import (
    X,
    Y,
    account,
    box,
    counts,
    geojson,
    reasons,
    rectangle,
    run,
    scene,
)
from pyogrio import raw
from pyproj import Geod, Transformer

from parkwacht_config.site import AreaKind, BuildingUse
from parkwacht_coverage.importing.ledger import Outcome
from parkwacht_coverage.importing.model import Theme

GML_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<CityModel xmlns="http://www.opengis.net/citygml/2.0" xmlns:gml="http://www.opengis.net/gml"
 xmlns:bui="http://www.opengis.net/citygml/building/2.0"
 xmlns:tra="http://www.opengis.net/citygml/transportation/2.0"
 xmlns:veg="http://www.opengis.net/citygml/vegetation/2.0"
 xmlns:imgeo="http://www.geostandaarden.nl/imgeo/2.1">"""


def positions(*corners: tuple[float, float]) -> str:
    return " ".join(f"{X + x:.3f} {Y + y:.3f}" for x, y in corners)


def gml_object(element: str, key: str, own: str, geometry: str, *, level: int = 0) -> str:
    """Write one object as PDOK's BGT download does, labels and all."""
    return f"""
<cityObjectMember><{element} gml:id="b{key}">
 <creationDate>2014-07-09</creationDate>
 <imgeo:LV-publicatiedatum>2016-04-12T11:54:23.000</imgeo:LV-publicatiedatum>
 <imgeo:relatieveHoogteligging>{level}</imgeo:relatieveHoogteligging>
 <imgeo:inOnderzoek>false</imgeo:inOnderzoek>
 <imgeo:tijdstipRegistratie>2016-03-15T12:02:49.000</imgeo:tijdstipRegistratie>
 <imgeo:identificatie><imgeo:NEN3610ID><imgeo:namespace>NL.IMGeo</imgeo:namespace>
  <imgeo:lokaalID>G0503.{key}</imgeo:lokaalID></imgeo:NEN3610ID></imgeo:identificatie>
 <imgeo:bronhouder>G0503</imgeo:bronhouder>
 <imgeo:bgt-status
  codeSpace="http://www.geostandaarden.nl/imgeo/def/2.1#Status">bestaand</imgeo:bgt-status>
 <imgeo:plus-status>geenWaarde</imgeo:plus-status>{own}{geometry}
</{element}></cityObjectMember>"""


def gml_polygon(ring: str, *, tag: str) -> str:
    return f"""<imgeo:{tag}><gml:Polygon srsName="urn:ogc:def:crs:EPSG::28992"><gml:exterior>
<gml:LinearRing><gml:posList srsDimension="2" count="5">{ring}</gml:posList></gml:LinearRing>
</gml:exterior></gml:Polygon></imgeo:{tag}>"""


def test_gml_as_pdok_writes_the_bgt(tmp_path: Path) -> None:
    pand_ring = positions((10, 0), (30, 0), (30, 10), (10, 10), (10, 0))
    label = f"""
 <imgeo:nummeraanduidingreeks><imgeo:Nummeraanduidingreeks><imgeo:nummeraanduidingreeks><imgeo:Label>
  <imgeo:tekst>6</imgeo:tekst><imgeo:positie><imgeo:Labelpositie><imgeo:plaatsingspunt>
  <gml:Point srsName="urn:ogc:def:crs:EPSG::28992"><gml:pos>{positions((20, 5))}</gml:pos>
  </gml:Point>
  </imgeo:plaatsingspunt><imgeo:hoek>-52.4</imgeo:hoek></imgeo:Labelpositie></imgeo:positie>
 </imgeo:Label></imgeo:nummeraanduidingreeks></imgeo:Nummeraanduidingreeks>
 </imgeo:nummeraanduidingreeks>"""
    pand = gml_object(
        "bui:BuildingPart",
        "p1",
        "<imgeo:identificatieBAGPND>503100000000035</imgeo:identificatieBAGPND>" + label,
        f"""<imgeo:geometrie2dGrondvlak><gml:MultiSurface srsName="urn:ogc:def:crs:EPSG::28992">
<gml:surfaceMember><gml:Polygon><gml:exterior><gml:LinearRing><gml:posList>{pand_ring}</gml:posList>
</gml:LinearRing></gml:exterior></gml:Polygon></gml:surfaceMember></gml:MultiSurface>
</imgeo:geometrie2dGrondvlak>""",
    )
    expired = gml_object(
        "bui:BuildingPart",
        "p2",
        "<imgeo:eindRegistratie>2020-01-01T00:00:00</imgeo:eindRegistratie>",
        gml_polygon(pand_ring, tag="geometrie2dGrondvlak"),
    )
    (tmp_path / "bgt_pand.gml").write_text(GML_HEAD + pand + expired + "</CityModel>")
    # a half disc of radius 10 m on a straight edge: area 50 pi
    arc = f"""<imgeo:geometrie2dWegdeel>
<gml:Polygon srsName="urn:ogc:def:crs:EPSG::28992">
<gml:exterior><gml:Ring><gml:curveMember><gml:Curve><gml:segments>
<gml:Arc><gml:posList>{positions((50, -20), (60, -10), (70, -20))}</gml:posList></gml:Arc>
<gml:LineStringSegment><gml:posList>{positions((70, -20), (50, -20))}</gml:posList>
</gml:LineStringSegment>
</gml:segments></gml:Curve></gml:curveMember></gml:Ring></gml:exterior></gml:Polygon>
</imgeo:geometrie2dWegdeel>"""
    crown = f"""<imgeo:kruinlijnWegdeel><gml:LineString srsName="urn:ogc:def:crs:EPSG::28992">
<gml:posList>{positions((50, -20), (70, -20))}</gml:posList></gml:LineString>
</imgeo:kruinlijnWegdeel>"""
    function = "<tra:function>parkeervlak</tra:function>"
    road_ring = positions((0, -10), (100, -10), (100, -4), (0, -4), (0, -10))
    roads = [
        gml_object("tra:TrafficArea", "w1", function + crown, arc),
        gml_object(
            "tra:TrafficArea",
            "w2",
            "<tra:function>rijbaan lokale weg</tra:function>",
            gml_polygon(road_ring, tag="geometrie2dWegdeel"),
        ),
        gml_object(
            "tra:TrafficArea",
            "w3",
            "<tra:function>fietspad</tra:function>",
            gml_polygon(road_ring, tag="geometrie2dWegdeel"),
            level=1,
        ),
    ]
    (tmp_path / "bgt_wegdeel.gml").write_text(GML_HEAD + "".join(roads) + "</CityModel>")
    point = f"""<imgeo:geometrie2dPaal><gml:Point srsName="urn:ogc:def:crs:EPSG::28992">
<gml:pos>{positions((40, -12))}</gml:pos></gml:Point></imgeo:geometrie2dPaal>"""
    pole = gml_object("imgeo:Paal", "l1", "<imgeo:plus-type>lichtmast</imgeo:plus-type>", point)
    flag = gml_object("imgeo:Paal", "l2", "<imgeo:plus-type>vlaggenmast</imgeo:plus-type>", point)
    (tmp_path / "bgt_paal.gml").write_text(GML_HEAD + pole + flag + "</CityModel>")
    result, _ = run(tmp_path / "out", tmp_path)
    site = result.site
    assert [(one.id, one.polygon.area) for one in site.buildings] == [("bp1", 200.0)]
    by_kind = {one.kind: one.polygon.area for one in site.public_areas}
    # chords within a centimetre of the arc: at most 0.01 m * 31.4 m too little
    assert 50 * math.pi - 0.32 < by_kind[AreaKind.PARKING] <= 50 * math.pi
    assert by_kind[AreaKind.CARRIAGEWAY] == pytest.approx(600)
    assert AreaKind.FOOTPATH not in by_kind
    assert [(one.id, one.point.x - X, one.point.y - Y) for one in site.lamp_posts] == [
        ("bl1", 40.0, -12.0)
    ]
    assert reasons(account(result, "buildingpart"), Outcome.FILTERED) == {
        "eindregistratie filled (expired)": ["bp2"]
    }
    assert counts(account(result, "trafficarea"))["filtered"] == 1
    assert not list(tmp_path.glob("*.gfs"))  # nothing is written beside the sources


def test_gml_of_gdal_reads_as_gdal_reads_it(tmp_path: Path) -> None:
    shapes = [rectangle(0, 0, 20, 10), rectangle(40, 0, 8, 8).difference(rectangle(42, 2, 2, 2))]
    path = tmp_path / "gebouwen.gml"
    raw.write(
        path, shapely.to_wkb(shapes), [np.array(["a", "b"], dtype=object)], ["naam"],
        layer="gebouwen", driver="GML", geometry_type="Polygon", crs="EPSG:28992",
    )  # fmt: skip
    roads = geojson(tmp_path / "roads.geojson", [({}, rectangle(0, -10, 60, 6))])
    result, _ = run(tmp_path / "out", path, roads)
    assert [one.polygon.area for one in result.site.buildings] == [200.0, 60.0]


def block(x: float, y: float, width: float, depth: float, low: float, high: float) -> Any:
    """Return vertices and the six faces of a block, outward, the ground face first."""
    xs, ys = (X + x, X + x + width), (Y + y, Y + y + depth)
    corners = [(xs[0], ys[0]), (xs[1], ys[0]), (xs[1], ys[1]), (xs[0], ys[1])]
    vertices = [[*one, low] for one in corners] + [[*one, high] for one in corners]
    walls = [[[n, (n + 1) % 4, (n + 1) % 4 + 4, n + 4]] for n in range(4)]
    return vertices, [[[3, 2, 1, 0]], [[4, 5, 6, 7]], *walls]


def city(version: str, things: dict[str, Any], vertices: list[list[float]]) -> dict[str, Any]:
    """Write a CityJSON 1.1 or 2.0 document with millimetre vertices."""
    origin = [X, Y, 0.0]
    whole = [[round((a - b) * 1000) for a, b in zip(v, origin, strict=True)] for v in vertices]
    return {
        "type": "CityJSON",
        "version": version,
        "transform": {"scale": [0.001] * 3, "translate": origin},
        "metadata": {"referenceSystem": "https://www.opengis.net/def/crs/EPSG/0/7415"},
        "CityObjects": things,
        "vertices": whole,
    }


def bag_3d(roof: float, ground: float) -> tuple[dict[str, Any], list[list[float]]]:
    """Return a building as 3D BAG writes it: LoD 0 and attributes above, solids in its part."""
    vertices, faces = block(10, 0, 20, 10, ground, roof + 3)
    key = "NL.IMBAG.Pand.0503100000000035"
    building = {
        "type": "Building",
        "attributes": {"identificatie": key, "b3_h_dak_50p": roof, "b3_h_maaiveld": ground},
        "children": [f"{key}-0"],
        "geometry": [{"type": "MultiSurface", "lod": "0", "boundaries": [[[0, 1, 2, 3]]]}],
    }
    part = {
        "type": "BuildingPart",
        "parents": [key],
        "geometry": [{"type": "Solid", "lod": "2.2", "boundaries": [faces]}],
    }
    return {key: building, f"{key}-0": part}, vertices


@pytest.mark.parametrize("version", ["1.1", "2.0"])
def test_city_models_of_3d_bag(tmp_path: Path, version: str) -> None:
    things, vertices = bag_3d(roof=9.4, ground=1.2)
    (tmp_path / "tile.city.json").write_text(json.dumps(city(version, things, vertices)))
    roads = geojson(tmp_path / "roads.geojson", [({}, rectangle(0, -10, 60, 6))])
    result, _ = run(tmp_path / "out", tmp_path / "tile.city.json", roads)
    (building,) = result.site.buildings
    assert (building.height_m, building.polygon.area) == (8.2, 200.0)  # 9.4 - 1.2
    assert reasons(account(result, "BuildingPart"), Outcome.FILTERED) == {
        "part of a building that is used as a whole": ["NL.IMBAG.Pand.0503100000000035-0"]
    }


def test_city_model_sequence_gives_heights_to_the_bgt_by_bag_id(tmp_path: Path) -> None:
    things, vertices = bag_3d(roof=9.4, ground=1.2)
    header = city("2.0", {}, [])
    feature = {**city("2.0", things, vertices), "type": "CityJSONFeature", "id": "x"}
    del feature["version"], feature["metadata"], feature["transform"]
    lines = [json.dumps(one) for one in (header, feature)]
    (tmp_path / "tile.city.jsonl").write_text("\n".join(lines) + "\n")
    # the outline of the BGT differs: a metre narrower
    pand = {
        "gml_id": "b1", "bgt_status": "bestaand", "relatievehoogteligging": 0,
        "identificatiebagpnd": "503100000000035",
    }  # fmt: skip
    geojson(tmp_path / "bgt_pand.geojson", [(pand, rectangle(10, 0, 19, 10))])
    roads = geojson(tmp_path / "roads.geojson", [({}, rectangle(0, -10, 60, 6))])
    result, _ = run(
        tmp_path / "out", tmp_path / "bgt_pand.geojson", roads,
        heights=(tmp_path / "tile.city.jsonl",),
    )  # fmt: skip
    (building,) = result.site.buildings
    assert (building.id, building.height_m, building.polygon.area) == ("b1", 8.2, 190.0)


def test_solid_without_semantics_and_parts_without_a_whole(tmp_path: Path) -> None:
    vertices, faces = block(10, 0, 20, 10, 2.0, 9.0)
    more, _ = block(30, 0, 5, 10, 2.0, 5.5)
    shifted = [[[n + 8 for n in ring] for ring in face] for face in faces]
    solid = {"type": "Solid", "lod": "1", "boundaries": [faces]}
    things = {
        "whole": {"type": "Building", "children": ["a", "b"]},
        "a": {"type": "BuildingPart", "parents": ["whole"], "geometry": [solid]},
        "b": {
            "type": "BuildingPart",
            "parents": ["whole"],
            "geometry": [{**solid, "boundaries": [shifted]}],
        },
    }
    (tmp_path / "m.city.json").write_text(json.dumps(city("2.0", things, vertices + more)))
    roads = geojson(tmp_path / "roads.geojson", [({}, rectangle(0, -10, 60, 6))])
    result, _ = run(tmp_path / "out", tmp_path / "m.city.json", roads)
    found = {one.id: (one.height_m, one.polygon.area) for one in result.site.buildings}
    assert found == {"a": (7.0, 200.0), "b": (3.5, 50.0)}
    assert counts(account(result, "Building"))["filtered"] == 1


def osm_file(path: Path) -> Path:
    """Write an extract in Enschede: a hall, a house, a road, a driveway, a lamp, a broken ring."""
    to_degrees = Transformer.from_crs(28992, 4326, always_xy=True)
    nodes: list[str] = []
    ways: list[str] = []

    def node(x: float, y: float, *tags: tuple[str, str]) -> int:
        longitude, latitude = to_degrees.transform(255_500 + x, 469_500 + y)
        inner = "".join(f'<tag k="{k}" v="{v}"/>' for k, v in tags)
        number = len(nodes) + 1
        nodes.append(
            f'<node id="{number}" lat="{latitude:.9f}" lon="{longitude:.9f}">{inner}</node>'
        )
        return number

    def way(corners: list[tuple[float, float]], *tags: tuple[str, str], closed: bool) -> None:
        refs = [node(*one) for one in corners]
        refs += refs[:1] if closed else []
        inner = "".join(f'<nd ref="{ref}"/>' for ref in refs)
        inner += "".join(f'<tag k="{k}" v="{v}"/>' for k, v in tags)
        ways.append(f'<way id="{len(ways) + 101}">{inner}</way>')

    hall = [(0.0, 0.0), (40.0, 0.0), (40.0, 20.0), (0.0, 20.0)]
    house = [(60.0, 0.0), (70.0, 0.0), (70.0, 8.0), (60.0, 8.0)]
    way(hall, ("building", "industrial"), ("building:levels", "2"), closed=True)
    way(house, ("building", "house"), ("height", "7.5 m"), closed=True)
    way([(0, -10), (100, -10)], ("highway", "residential"), ("lanes", "2"), closed=False)
    way([(65, -10), (65, 0)], ("highway", "service"), ("service", "driveway"), closed=False)
    way([(0, -40), (30, -40), (30, -20), (0, -20)], ("amenity", "parking"), closed=True)
    way([(80, 0), (85, 0)], ("building", "yes"), closed=True)  # a ring of two points
    node(50, -14, ("highway", "street_lamp"), ("height", "8"))
    node(50, -20, ("natural", "tree"), ("height", "11"), ("diameter_crown", "7"))
    text = "\n".join([*nodes, *ways])
    path.write_text(f'<?xml version="1.0"?>\n<osm version="0.6">\n{text}\n</osm>\n')
    return path


def test_openstreetmap(tmp_path: Path) -> None:
    result, _ = run(tmp_path / "out", osm_file(tmp_path / "extract.osm"))
    site = result.site
    hall, house = site.buildings
    assert (hall.height_m, hall.use) == (6.0, BuildingUse.BUSINESS)  # two levels of 3 m
    assert hall.polygon.area == pytest.approx(800, abs=0.1)
    assert (house.height_m, house.use) == (7.5, BuildingUse.DWELLING)
    area = {one.kind: one.polygon.area for one in site.public_areas}
    # two lanes of 3 m over 100 m, and two half discs of 3 m at the ends (chords: 1 % less)
    assert area[AreaKind.CARRIAGEWAY] == pytest.approx(600 + 9 * math.pi, rel=0.005)
    assert area[AreaKind.PARKING] == pytest.approx(600, abs=0.1)
    assert [(one.height_m, one.crown_radius_m) for one in site.trees] == [(11.0, 3.5)]
    assert [one.height_m for one in site.lamp_posts] == [8.0]
    assert reasons(account(result, "lines"), Outcome.FILTERED) == {"not public: driveway": ["104"]}
    assert list(reasons(account(result, "multipolygons"), Outcome.LEFT_OUT).values()) == [["106"]]


def test_dxf_in_millimetres_with_layers_named_by_the_user(tmp_path: Path) -> None:
    drawing = ezdxf.new("R2010", units=4)
    space = drawing.modelspace()

    def polyline(x: float, y: float, width: float, depth: float, layer: str) -> Any:
        corners = list(rectangle(x, y, width, depth).exterior.coords)[:-1]
        scaled = [(a * 1000, b * 1000) for a, b in corners]
        return space.add_lwpolyline(scaled, close=True, dxfattribs={"layer": layer})

    polyline(0, 0, 20, 10, "A-HAL-1").dxf.thickness = 7500
    polyline(0, -10, 60, 6, "NLCS-WEG")
    space.add_circle(((X + 30) * 1000, (Y + 5) * 1000), 3000, dxfattribs={"layer": "A-HAL-1"})
    space.add_text("hal", dxfattribs={"layer": "A-HAL-1"})
    space.add_line((0, 0), (1, 1), dxfattribs={"layer": "KADER"})
    path = tmp_path / "plan.dxf"
    drawing.saveas(path)
    themes = {"a-hal-1": Theme.BUILDING}
    result, _ = run(tmp_path / "out", path, crs=("EPSG:28992",), themes=themes)
    hall, silo = result.site.buildings
    assert (hall.polygon.area, hall.height_m) == (200.0, 7.5)
    assert silo.polygon.area == pytest.approx(9 * math.pi, rel=0.02)
    assert [one.polygon.area for one in result.site.public_areas] == [360.0]
    assert counts(account(result, "A-HAL-1"))["filtered"] == 1  # the text
    assert counts(account(result, "KADER"))["filtered"] == 1


def test_point_cloud_gives_roof_over_ground(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    header = laspy.LasHeader(version="1.4", point_format=6)
    header.scales, header.offsets = np.full(3, 0.001), np.array([X, Y, 0.0])
    cloud = laspy.LasData(header)
    xy = rng.uniform([-8, -8], [28, 18], (6000, 2))
    on_roof = (xy[:, 0] > 0) & (xy[:, 0] < 20) & (xy[:, 1] > 0) & (xy[:, 1] < 10)
    cloud.x, cloud.y = X + xy[:, 0], Y + xy[:, 1]
    z = np.where(on_roof, 9.0, 1.5) + rng.normal(0, 0.02, len(xy))
    z[on_roof] += np.where(rng.random(on_roof.sum()) < 0.1, 3.0, 0.0)  # chimneys
    cloud.z = z
    cloud.classification = np.where(on_roof, 6, 2)
    cloud.write(tmp_path / "ahn.laz")
    sources = scene(tmp_path / "s", [({"id": "hall"}, rectangle(0, 0, 20, 10)),
                                     ({"id": "far"}, rectangle(100, 0, 20, 10))])  # fmt: skip
    heights = (tmp_path / "ahn.laz",)
    result, _ = run(tmp_path / "out", *sources, heights=heights, crs=("EPSG:28992",))
    found = {one.id: one.height_m for one in result.site.buildings}
    assert found["hall"] == pytest.approx(7.5, abs=0.03)  # 9.0 - 1.5, the median of the roof
    assert found["far"] == 6.0  # no points there: the default
    notes = {remark.en: len(rows) for remark, rows in account(result, "buildings").notes.items()}
    assert notes == {"height unknown: default height 6 m": 1}


def test_geopackage_with_several_layers(tmp_path: Path) -> None:
    path = tmp_path / "park.gpkg"
    layers: dict[str, tuple[list[Any], str]] = {
        "gebouwen": ([rectangle(0, 0, 20, 10)], "Polygon"),
        "wegen": ([shapely.LineString([(X, Y - 10), (X + 60, Y - 10)])], "LineString"),
        "onbekend": ([rectangle(0, 0, 1, 1)], "Polygon"),
    }
    for name, (shapes, kind) in layers.items():
        raw.write(
            path, shapely.to_wkb(shapes), [np.array([6.5])], ["hoogte"], layer=name, driver="GPKG",
            geometry_type=kind, crs="EPSG:28992", append=path.exists(),
        )  # fmt: skip
    result, printed = run(tmp_path / "out", path)
    assert [(one.height_m, one.polygon.area) for one in result.site.buildings] == [(6.5, 200.0)]
    assert "layer onbekend not recognised" in str(
        reasons(account(result, "onbekend"), Outcome.FILTERED)
    )
    assert "parkwacht study" in printed


@pytest.mark.parametrize("code", [4326, 3857, 25831])
def test_any_system_comes_out_in_true_metres(tmp_path: Path, code: int) -> None:
    there = Transformer.from_crs(28992, code, always_xy=True)

    def carried(shape: shapely.Polygon) -> shapely.Polygon:
        return shapely.transform(
            shape, lambda xy: np.column_stack(there.transform(xy[:, 0], xy[:, 1]))
        )

    hall = carried(rectangle(0, 0, 200, 100))
    crs = None if code == 4326 else f"EPSG:{code}"
    buildings = geojson(tmp_path / "buildings.geojson", [({"id": "h"}, hall)], crs)
    road = carried(rectangle(0, -10, 200, 6))
    roads = geojson(tmp_path / "roads.geojson", [({"id": "r"}, road)], crs)
    result, printed = run(tmp_path / "out", buildings, roads)
    (building,) = result.site.buildings
    # the geodesic area on the ellipsoid; the scale of RD New here is 1 - 6e-5
    back = Transformer.from_crs(code, 4326, always_xy=True)
    degrees = shapely.transform(
        hall, lambda xy: np.column_stack(back.transform(xy[:, 0], xy[:, 1]))
    )
    true_m2 = abs(Geod(ellps="GRS80").geometry_area_perimeter(degrees)[0])
    assert building.polygon.area == pytest.approx(true_m2, rel=3e-4)
    assert building.polygon.symmetric_difference(rectangle(0, 0, 200, 100)).area < 1.0
    assert "good to 1 m" in printed


def test_folder_is_read_as_its_files(tmp_path: Path) -> None:
    scene(tmp_path / "s", [({"id": "a", "height_m": 5.0}, rectangle(0, 0, 20, 10))])
    (tmp_path / "s" / "leesmij.txt").write_text("niets")
    result, _ = run(tmp_path / "out", tmp_path / "s")
    assert result.counts["buildings"] == 1
    assert result.site.boundary.covers(box(X, Y, X + 20, Y + 10))


def test_trees_of_a_city_model_stand_where_their_template_is_put(tmp_path: Path) -> None:
    things, vertices = bag_3d(roof=9.4, ground=1.2)
    vertices.append([X + 40, Y - 2, 1.0])
    things["oak"] = {
        "type": "SolitaryVegetationObject",
        "attributes": {"height": 9.0},
        "geometry": [
            {
                "type": "GeometryInstance",
                "template": 0,
                "boundaries": [len(vertices) - 1],
                "transformationMatrix": [1.0, 0, 0, 0, 0, 1.0, 0, 0, 0, 0, 1.0, 0, 0, 0, 0, 1.0],
            }
        ],
    }
    model = city("2.0", things, vertices)
    shell = {"type": "MultiSurface", "lod": "2", "boundaries": [[[0, 1, 2]]]}
    corners = [[0, 0, 0], [1, 0, 0], [0, 0, 9]]
    model["geometry-templates"] = {"templates": [shell], "vertices-templates": corners}
    (tmp_path / "m.city.json").write_text(json.dumps(model))
    roads = geojson(tmp_path / "roads.geojson", [({}, rectangle(0, -10, 60, 6))])
    result, _ = run(tmp_path / "out", tmp_path / "m.city.json", roads)
    (tree,) = result.site.trees
    assert (tree.id, tree.point.x - X, tree.point.y - Y) == ("oak", 40.0, -2.0)
    assert tree.height_m == 9.0


def varint(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def field_of(number: int, content: bytes | int) -> bytes:
    """Write one field of a protocol buffer: a number, or bytes with their length."""
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def packed(values: list[int], *, zigzag: bool) -> bytes:
    """Write integers as OSM packs them, as differences."""
    steps = np.diff([0, *values]).tolist() if zigzag else values
    return b"".join(varint((v << 1) ^ (v >> 63) if zigzag else v) for v in steps)


def blob(kind: bytes, content: bytes) -> bytes:
    data = field_of(1, content) + field_of(2, len(content))
    header = field_of(1, kind) + field_of(3, len(data))
    return len(header).to_bytes(4, "big") + header + data


def test_openstreetmap_as_pbf(tmp_path: Path) -> None:
    # written by hand after osmformat.proto: granularity 100 nanodegrees, dense nodes, ways
    to_degrees = Transformer.from_crs(28992, 4326, always_xy=True)
    hall = [(0, 0), (40, 0), (40, 20), (0, 20)]
    road = [(0, -10), (100, -10)]
    longitude, latitude = to_degrees.transform(
        [255_500 + x for x, _ in hall + road], [469_500 + y for _, y in hall + road]
    )
    dense = field_of(1, packed(list(range(1, 7)), zigzag=True))
    dense += field_of(8, packed([round(one * 1e7) for one in latitude], zigzag=True))
    dense += field_of(9, packed([round(one * 1e7) for one in longitude], zigzag=True))
    words = [b"", b"building", b"industrial", b"height", b"8", b"highway", b"residential"]
    table = b"".join(field_of(1, word) for word in words)

    def way(number: int, keys: list[int], values: list[int], refs: list[int]) -> bytes:
        inner = field_of(1, number) + field_of(2, packed(keys, zigzag=False))
        inner += field_of(3, packed(values, zigzag=False))
        return field_of(3, inner + field_of(8, packed(refs, zigzag=True)))

    ways = way(101, [1, 3], [2, 4], [1, 2, 3, 4, 1]) + way(102, [5], [6], [5, 6])
    block_ = field_of(1, table) + field_of(2, field_of(2, dense)) + field_of(2, ways)
    features = field_of(4, b"OsmSchema-V0.6") + field_of(4, b"DenseNodes")
    path = tmp_path / "extract.osm.pbf"
    path.write_bytes(blob(b"OSMHeader", features) + blob(b"OSMData", block_))
    result, _ = run(tmp_path / "out", path)
    (building,) = result.site.buildings
    assert (building.id, building.height_m) == ("101", 8.0)
    assert building.polygon.area == pytest.approx(800, abs=0.2)
    assert [one.kind for one in result.site.public_areas] == [AreaKind.CARRIAGEWAY]
