"""GeoJSON, KML, CSV and the camera file: content, places on the globe, and the same bytes."""

import csv
import io
import json
import shutil
import threading
import xml.etree.ElementTree as ET
from datetime import date
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from coverage_builders import X, Y
from report_builders import built_study
from shapely.geometry import shape

from parkwacht_config.clock import SystemClock
from parkwacht_config.errors import CoverageError
from parkwacht_config.loader import load_site
from parkwacht_config.site import MountKind, PrivacyMask
from parkwacht_config.text import Language
from parkwacht_coverage.camera import CameraModel
from parkwacht_coverage.density import find_edition
from parkwacht_coverage.evaluate import Condition, Evaluator
from parkwacht_coverage.exporting.camera_file import as_site_camera
from parkwacht_coverage.exporting.files import N_FILES, write_exports
from parkwacht_coverage.exporting.geojson import class_polygons, to_geojson, to_wgs84_geojson
from parkwacht_coverage.exporting.kml import NAMESPACE, to_kml
from parkwacht_coverage.exporting.tables import coverage_csv, register_csv, schedule_csv
from parkwacht_coverage.masks import to_camera_toml
from parkwacht_coverage.plan import lay_grid
from parkwacht_coverage.reporting.story import Story, to_wgs84
from parkwacht_coverage.reporting.words import Words
from parkwacht_coverage.results import Study
from parkwacht_coverage.views import View
from parkwacht_vision.cli import WatchOptions
from parkwacht_vision.masks import PrivacyScreen
from parkwacht_vision.plan import Plan

ON = date(2026, 11, 25)
SITES = Path(__file__).parents[2] / "config/sites"


@pytest.fixture(scope="module")
def study() -> Study:
    return built_study()


def test_the_tower_of_amersfoort_is_where_it_is() -> None:
    # Onze Lieve Vrouwetoren, origin of the Dutch grid: RD 155,000 463,000 is
    # 52.15517440 N, 5.38720621 E (Kadaster); without grids pyproj is good to about 1 m.
    latitude, longitude = to_wgs84(155_000.0, 463_000.0)
    assert latitude == pytest.approx(52.15517440, abs=1e-5)
    assert longitude == pytest.approx(5.38720621, abs=1.5e-5)


def test_geojson_has_every_layer_of_every_scenario_in_rd(study: Study) -> None:
    collection = json.loads(to_geojson(study))
    assert collection["crs"]["properties"]["name"] == "urn:ogc:def:crs:EPSG::28992"
    rows = [feature["properties"] for feature in collection["features"]]
    n = {id_: len(one.cameras) for id_, one in study.scenarios.items()}
    for layer in ("cameras", "visibility"):
        found = [row["scenario"] for row in rows if row["layer"] == layer]
        assert {one: found.count(one) for one in found} == n
    assert [row["id"] for row in rows if row["layer"] == "gates"] == ["gate_1"]
    trenches = [row for row in rows if row["layer"] == "trenches"]
    assert {row["scenario"] for row in trenches} == {"cheapest", "recommended", "generous"}
    for feature in collection["features"]:
        if feature["geometry"] is not None:
            left, bottom, right, top = shape(feature["geometry"]).bounds
            assert X - 200 < left <= right < X + 300
            assert Y - 200 < bottom <= top < Y + 300


def test_wgs84_geojson_follows_rfc_7946(study: Study) -> None:
    collection = json.loads(to_wgs84_geojson(study))
    assert "crs" not in collection
    assert len(collection["features"]) == len(json.loads(to_geojson(study))["features"])
    rings = []
    for feature in collection["features"]:
        geometry = feature["geometry"]
        if geometry is None:
            continue
        left, bottom, right, top = shape(geometry).bounds
        assert 6.8 < left <= right < 6.9
        assert 52.1 < bottom <= top < 52.3
        if geometry["type"] == "Polygon":
            rings.append(geometry["coordinates"])
    assert rings
    for outer, *inner in rings:  # exterior counter-clockwise, interiors clockwise
        assert signed_area(outer) > 0
        assert all(signed_area(one) < 0 for one in inner)


def signed_area(ring: list[list[float]]) -> float:
    pairs = pairwise(ring)
    return sum(
        (x1 - 6.85) * (y2 - 52.2) - (x2 - 6.85) * (y1 - 52.2) for (x1, y1), (x2, y2) in pairs
    )


def test_class_polygons_have_the_area_that_is_seen(study: Study) -> None:
    for scenario in study.scenarios.values():
        for condition in Condition:
            polygons = class_polygons(study, scenario, condition)
            lowest = study.edition.classes[0]
            seen = study.seen_m2(scenario, condition, density_class=lowest)
            # cells are cut to the ground; the small park lies on the grid, so areas agree
            total = sum(one.area for one in polygons.values())
            assert total == pytest.approx(seen, rel=1e-6)


def test_kml_has_a_folder_per_scenario_with_cameras_at_their_place(study: Study) -> None:
    root = ET.fromstring(to_kml(study, Words(Language.EN)))  # noqa: S314 -- our own text
    space = {"k": NAMESPACE}
    assert root.tag == f"{{{NAMESPACE}}}kml"
    folders = root.findall("k:Document/k:Folder", space)
    names = [one.findtext("k:name", namespaces=space) for one in folders]
    assert names == ["today", "cheapest that meets the goals", "recommended", "generous"]
    shown = [one.findtext("k:visibility", namespaces=space) for one in folders]
    assert shown == ["0", "0", "1", "0"]
    for folder, scenario in zip(folders, study.scenarios.values(), strict=True):
        points = folder.findall(".//k:Point/k:coordinates", space)
        assert len(points) == len(scenario.cameras)
        for element, camera in zip(points, scenario.cameras, strict=True):
            lon, lat, height = map(float, (element.text or "").split(","))
            latitude, longitude = to_wgs84(camera.model.x_m, camera.model.y_m)
            assert (lat, lon) == pytest.approx((latitude, longitude), abs=1e-7)
            assert height == camera.model.height_m
        lines = folder.findall(".//k:LineString", space)
        assert len(lines) == len(scenario.trenches)
    for ring in root.findall(".//k:LinearRing/k:coordinates", space):
        corners = (ring.text or "").split()
        assert len(corners) >= 4
        assert corners[0] == corners[-1]
    styles = {one.get("id") for one in root.findall("k:Document/k:Style", space)}
    used = {(one.text or "").lstrip("#") for one in root.findall(".//k:styleUrl", space)}
    assert used <= styles


def test_coverage_csv_holds_what_is_seen(study: Study) -> None:
    rows = list(csv.DictReader(io.StringIO(coverage_csv(study))))
    # (carriageway, parking, all) x 6 classes x day and night x 4 scenarios
    assert len(rows) == 3 * 6 * 2 * 4
    whole = [row for row in rows if row["area_kind"] == "all" and row["class"] == "observe"]
    found = {(row["condition"], row["scenario"]): float(row["seen_m2"]) for row in whole}
    for id_, scenario in study.scenarios.items():
        for condition in Condition:
            expected = study.seen_m2(scenario, condition)
            assert found[condition.value, id_.value] == pytest.approx(expected, abs=0.1)


def test_schedule_has_place_aim_lens_use_and_price(study: Study) -> None:
    rows = list(csv.DictReader(io.StringIO(schedule_csv(study))))
    recommended = [row for row in rows if row["scenario"] == "recommended"]
    assert [row["id"] for row in recommended] == ["c1", "n1", "n2"]
    row = recommended[1]
    assert (row["x_m"], row["y_m"], row["height_m"]) == (str(X + 50), str(Y + 29), "6.0")
    assert (row["azimuth_deg"], row["tilt_deg"]) == ("90.0", "20.0")
    assert row["focal_length_mm"] == "4.0"
    # 2 atan(2688 / 2 / 2000) = 67.8 degrees; 4.08576 Mbit/s as in test_storage
    assert (row["hfov_deg"], row["bandwidth_mbit_per_s"]) == ("67.8", "4.09")
    # V = 2 atan(1520 / 2 / 2000) = 41.6 degrees: 6 m / tan(20 + 20.8 degrees) = 6.9 m
    assert row["blind_to_m"] == "6.9"
    assert (row["mount"], row["mount_id"], row["price_eur"]) == ("mast", "m1", "260.0")
    assert [one["price_eur"] for one in recommended] == ["0.0", "260.0", "260.0"]


@pytest.mark.parametrize(
    ("language", "columns", "looks"),
    [
        (
            Language.NL,
            ["camera", "breedtegraad", "lengtegraad", "hoogte", "kijkrichting", "ziet",
             "bewaartermijn", "contact"],
            "90° oost",
        ),
        (
            Language.EN,
            ["camera", "latitude", "longitude", "height", "direction", "sees", "retention",
             "contact"],
            "90° east",
        ),
    ],
)  # fmt: skip
def test_the_sheet_for_camera_in_beeld(
    study: Study, language: Language, columns: list[str], looks: str
) -> None:
    reader = csv.DictReader(io.StringIO(register_csv(Story.of(study, Words(language), ON))))
    rows = list(reader)
    assert reader.fieldnames == columns
    assert [row["camera"] for row in rows] == ["A Camera", "N1", "N2"]
    assert rows[1][columns[4]] == looks
    assert {row["contact"] for row in rows} == {""}
    assert float(rows[0][columns[1]]) == pytest.approx(52.2, abs=0.1)


def test_exports_repeat_byte_for_byte(study: Study, tmp_path: Path) -> None:
    contents = []
    for name in ("one", "two"):
        told: list[int] = []
        written = write_exports(
            study, tmp_path / name, language=Language.NL, on=ON, on_written=partial(told.append, 1)
        )
        assert len(told) == len(written) == N_FILES
        contents.append({path.name: path.read_bytes() for path in written})
    assert contents[0] == contents[1]
    assert sorted(contents[0]) == [
        "camera_in_beeld.csv", "cameras.toml", "coverage.csv", "coverage.geojson", "coverage.kml",
        "coverage_wgs84.geojson", "schedule.csv",
    ]  # fmt: skip


def test_a_folder_that_cannot_be_written_is_named(study: Study, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CoverageError, match=r"file cannot be written"):
        write_exports(study, tmp_path / "file", language=Language.NL, on=ON)


def test_a_proposed_camera_becomes_one_of_a_site(study: Study) -> None:
    camera = as_site_camera(study.recommended.proposed[0])
    assert (camera.id, camera.type_id, camera.stream_env) == (
        "n1", "bullet", "PARKWACHT_STREAM_N1",
    )  # fmt: skip
    assert camera.focal_length_mm is None  # as the type has it


def test_the_sample_park_takes_over_the_camera_file_and_the_worker_reads_it(
    tmp_path: Path,
) -> None:
    site = load_site(SITES / "josink_es.toml")
    evaluator = Evaluator(
        site, lay_grid(site, step_m=8.0, target_height_m=1.5), find_edition("2014").find(),
        light_margin=10.0,
    )  # fmt: skip
    kind = site.camera_types["anpr_2mp_8_32mm"]
    mount = next(one for one in site.mounts if one.kind is MountKind.MAST)
    f_px = 16.0 * 1000 / 2.9
    model = CameraModel(
        "v", mount.point.x, mount.point.y, mount.height_m, 40.0, 15.0, f_px, 1920, 1080
    )
    today = evaluator.best([])
    view = View(mount, kind, model, np.zeros(0, dtype=np.int32))
    (proposed,) = evaluator.proposed([view], today)
    masks = [
        PrivacyMask(id="n1_mask_1", camera_id="n1", polygon_px=((0, 0), (960, 0), (0, 540))),
        PrivacyMask(id="g1_gate_mask_1", camera_id="g1_gate", polygon_px=((0, 0), (9, 0), (0, 9))),
    ]
    shutil.copytree(SITES, tmp_path / "sites")
    written = to_camera_toml([as_site_camera(proposed)], masks)
    (tmp_path / "sites/cameras.toml").write_text(written, encoding="utf-8")
    park = tmp_path / "sites/josink_es.toml"
    text = park.read_text(encoding="utf-8")
    line = 'default_arming = "night"'
    assert line in text
    park.write_text(text.replace(line, f'camera_file = "cameras.toml"\n{line}'), encoding="utf-8")

    taken = load_site(park)
    camera = taken.camera("n1")
    assert camera is not None
    assert [one.id for one in taken.cameras] == [*(one.id for one in site.cameras), "n1"]
    assert camera.focal_length_mm == 16.0  # the lens of the type goes from 8 to 32 mm
    read_back = CameraModel.of(camera, kind)
    assert read_back.f_px == pytest.approx(f_px)
    assert (read_back.azimuth_deg, read_back.tilt_deg) == (40.0, 15.0)
    assert {"n1_mask_1", "g1_gate_mask_1"} <= {one.id for one in taken.privacy_masks}

    # what the worker does with it: it knows the stream's camera and blackens its mask
    options = WatchOptions(sources=("n1=rtsp://127.0.0.1/stream",))
    plan = Plan(options, taken, SystemClock(), threading.Event(), {})
    (job,), n_streams = plan.jobs()
    assert (job.camera_id, n_streams) == ("n1", 1)
    frame = np.full((1080, 1920, 3), 200, dtype=np.uint8)
    shown = PrivacyScreen.of(taken, camera).cover_image(frame)
    assert shown[10, 10].tolist() == [0, 0, 0]
    assert shown[1000, 1900].tolist() == [200, 200, 200]
