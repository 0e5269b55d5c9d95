"""Pixel-density classes of both editions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkwacht_config.errors import CoverageError
from parkwacht_coverage.density import find_edition, load_editions


@pytest.mark.parametrize(
    ("edition", "density", "expected"),
    [
        pytest.param("2014", 0.0, None, id="nothing"),
        pytest.param("2014", 12.4, None, id="below monitor"),
        pytest.param("2014", 12.5, "monitor", id="80 mm per pixel"),
        pytest.param("2014", 25.0, "detect", id="40 mm per pixel"),
        pytest.param("2014", 62.49, "detect", id="just below observe"),
        pytest.param("2014", 62.5, "observe", id="16 mm per pixel"),
        pytest.param("2014", 125.0, "recognise", id="8 mm per pixel"),
        pytest.param("2014", 250.0, "identify", id="4 mm per pixel"),
        pytest.param("2014", 5000.0, "inspect", id="above the highest"),
        pytest.param("2025", 20.0, "overview", id="2025 overview"),
        pytest.param("2025", 40.0, "outline", id="2025 outline"),
        pytest.param("2025", 80.0, "discern", id="2025 discern"),
        pytest.param("2025", 125.0, "perceive", id="2025 perceive"),
        pytest.param("2025", 250.0, "characterise", id="2025 characterise"),
        pytest.param("2025", 500.0, "validate", id="2025 validate"),
        pytest.param("2025", 1500.0, "scrutinise", id="2025 scrutinise"),
    ],
)
def test_class_at_a_density(edition: str, density: float, expected: str | None) -> None:
    found = find_edition(edition).class_at(density)
    assert (found.id if found else None) == expected


@pytest.mark.parametrize(
    ("f_px", "class_id", "expected_m"),
    [  # design/coverage.md section 5: 4 MP 4 mm is 2000 px and reaches 80 32 16 8 m
        pytest.param(2000.0, "detect", 80.0, id="4 mm detect"),
        pytest.param(2000.0, "observe", 32.0, id="4 mm observe"),
        pytest.param(2000.0, "recognise", 16.0, id="4 mm recognise"),
        pytest.param(6000.0, "observe", 96.0, id="12 mm observe"),
    ],
)
def test_class_reach(f_px: float, class_id: str, expected_m: float) -> None:
    assert find_edition("2014").find(class_id).reach_m(f_px) == expected_m


@given(st.floats(100, 20_000), st.sampled_from(["2014", "2025"]))
def test_the_class_still_holds_at_its_reach(f_px: float, edition_id: str) -> None:
    edition = find_edition(edition_id)
    for one in edition.classes:
        found = edition.class_at(f_px / one.reach_m(f_px))
        assert found is not None
        assert found.id == one.id


@pytest.mark.parametrize("edition_id", load_editions())
def test_every_class_has_a_source_and_the_classes_ascend(edition_id: str) -> None:
    classes = find_edition(edition_id).classes
    assert all(one.source and one.name.nl and one.name.en for one in classes)
    densities = [one.min_px_per_m for one in classes]
    assert densities == sorted(set(densities))
    assert find_edition(edition_id).find().id in {one.id for one in classes}


def test_unknown_edition_and_class_are_named() -> None:
    with pytest.raises(CoverageError, match="'1999'"):
        find_edition("1999")
    with pytest.raises(CoverageError, match="'discern'"):
        find_edition("2014").find("discern")
