"""Report, map, GeoJSON and CSV: their content, one page, and the same bytes twice."""

import csv
import io
import json
import re
from datetime import date
from pathlib import Path

import pytest
from coverage_builders import X, Y, small_site
from rich.console import Console
from shapely.geometry import shape

from parkwacht_config.errors import CoverageError
from parkwacht_config.text import Language
from parkwacht_coverage.cli import StudyRequest, run_study, write_files
from parkwacht_coverage.evaluate import Condition
from parkwacht_coverage.export import cameras_csv, class_polygons, coverage_csv, to_geojson
from parkwacht_coverage.study import Plan, Study, StudyOptions, compute_study

SAMPLE = Path(__file__).parents[2] / "config/sites/josink_es.toml"
ON = date(2026, 11, 24)


@pytest.fixture(scope="module")
def study() -> Study:
    return compute_study(small_site(), StudyOptions(k=2, camera_type_ids=("bullet",)))


def n_pages(pdf: bytes) -> int:
    """Count page objects; typst may pack them, then the page tree still says how many."""
    counts = re.findall(rb"/Type\s*/Pages\b.*?/Count\s+(\d+)", pdf, re.DOTALL)
    return int(counts[0]) if counts else len(re.findall(rb"/Type\s*/Page\b", pdf))


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("edition_id", ["2014", "2025"])
def test_the_sample_study_writes_one_page(
    tmp_path: Path, language: Language, edition_id: str
) -> None:
    options = StudyOptions(k=12, grid_step_m=6.0, pan_step_deg=60.0, edition_id=edition_id)
    console = Console(file=io.StringIO(), width=100)
    request = StudyRequest(SAMPLE, tmp_path / "out", ON, language, options)
    study, written = run_study(request, console)
    assert [path.name for path in written] == [
        "coverage_report.pdf", "coverage_map.png", "coverage.geojson", "coverage.csv",
        "cameras.csv",
    ]  # fmt: skip
    pdf = written[0].read_bytes()
    assert pdf.startswith(b"%PDF-")
    assert n_pages(pdf) == 1
    assert written[1].read_bytes().startswith(b"\x89PNG")
    assert len(study.proposed) == 12
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert ("Geschreven" if language is Language.NL else "Written") in shown
    assert "coverage_report.pdf" in shown


def test_the_same_study_gives_the_same_bytes(tmp_path: Path) -> None:
    options = StudyOptions(k=2, camera_type_ids=("bullet",))
    contents = []
    for name in ("one", "two"):
        request = StudyRequest(Path("small.toml"), tmp_path / name, ON, Language.NL, options)
        written = write_files(compute_study(small_site(), options), request)
        contents.append({path.name: path.read_bytes() for path in written})
    assert contents[0] == contents[1]


def test_another_date_gives_another_report(study: Study, tmp_path: Path) -> None:
    reports = []
    for on in (ON, date(2026, 11, 25)):
        request = StudyRequest(Path("small.toml"), tmp_path / on.isoformat(), on)
        reports.append(write_files(study, request)[0].read_bytes())
    assert reports[0] != reports[1]


def test_a_folder_that_cannot_be_written_is_named(study: Study, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    request = StudyRequest(Path("small.toml"), tmp_path / "file", ON)
    with pytest.raises(CoverageError, match="cannot be written"):
        write_files(study, request)


def test_geojson_has_cameras_views_and_classes_in_rd(study: Study) -> None:
    collection = json.loads(to_geojson(study))
    assert collection["crs"]["properties"]["name"] == "urn:ogc:def:crs:EPSG::28992"
    layers = [feature["properties"]["layer"] for feature in collection["features"]]
    assert layers.count("cameras") == layers.count("visibility") == 3
    for feature in collection["features"]:
        if feature["geometry"] is not None:
            left, bottom, right, top = shape(feature["geometry"]).bounds
            assert X - 100 < left <= right < X + 200
            assert Y - 100 < bottom <= top < Y + 200


def test_class_polygons_have_the_area_that_is_seen(study: Study) -> None:
    for plan in Plan:
        polygons = class_polygons(study, plan, Condition.DAY)
        lowest = study.edition.classes[0]
        seen = study.seen_m2(plan, Condition.DAY, density_class=lowest)
        # cells are cut to the ground; the small park lies on the grid, so areas agree
        assert sum(one.area for one in polygons.values()) == pytest.approx(seen, rel=1e-6)


def test_csv_tables(study: Study) -> None:
    rows = list(csv.DictReader(io.StringIO(coverage_csv(study))))
    # (carriageway, parking, all) x 6 classes x day and night x today and proposal
    assert len(rows) == 3 * 6 * 2 * 2
    whole = [row for row in rows if row["area_kind"] == "all" and row["class"] == "observe"]
    assert {row["area_m2"] for row in whole} == {"1680.0"}
    found = {(row["condition"], row["plan"]): float(row["seen_m2"]) for row in whole}
    for plan in Plan:
        for condition in Condition:
            assert found[condition, plan] == pytest.approx(study.seen_m2(plan, condition), abs=0.1)
    cameras = list(csv.DictReader(io.StringIO(cameras_csv(study))))
    assert [row["id"] for row in cameras] == ["c1", "n1", "n2"]
    assert [row["is_proposed"] for row in cameras] == ["false", "true", "true"]
