"""The names of the four rooms must not shadow anybody: `coverage` is coverage.py's own name."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = ["config", "coverage", "vision", "api"]


def test_import_coverage_is_coverage_py() -> None:
    spec = importlib.util.find_spec("coverage")
    assert spec is not None
    assert spec.origin is not None
    assert "site-packages" in spec.origin


@pytest.mark.parametrize("floor", FLOORS)
def test_a_source_root_is_no_package(floor: str) -> None:
    assert not (ROOT / floor / "__init__.py").exists()
    assert (ROOT / floor / f"parkwacht_{floor}" / "py.typed").exists()


def test_no_package_under_tests() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []
