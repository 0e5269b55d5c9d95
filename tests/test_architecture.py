"""Who may import whom: config <- coverage <- vision <- api, and never the other way."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = ["config", "coverage", "vision", "api"]
# coverage and vision know no HTTP and no SQL; config knows nobody (house style, section 6).
BANNED = {
    "config": {"fastapi", "sqlalchemy", "httpx", "uvicorn", "torch", "ultralytics", "cv2", "av"},
    "coverage": {"fastapi", "sqlalchemy", "httpx", "uvicorn", "torch", "ultralytics"},
    "vision": {"fastapi", "sqlalchemy", "httpx", "uvicorn"},
    "api": set(),
}


def imported_names(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
        elif isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
    return names


@pytest.mark.parametrize("floor", FLOORS)
def test_a_floor_imports_only_the_floors_below(floor: str) -> None:
    allowed = set(FLOORS[: FLOORS.index(floor) + 1])
    for path in (ROOT / floor / f"parkwacht_{floor}").rglob("*.py"):
        names = imported_names(path)
        floors = {n.removeprefix("parkwacht_") for n in names if n.startswith("parkwacht_")}
        assert floors <= allowed, path
        assert not names & BANNED[floor], path


def test_blind_excepts_stand_at_the_two_doors_only() -> None:
    doors = set()
    for floor in FLOORS:
        for path in (ROOT / floor / f"parkwacht_{floor}").rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ExceptHandler):
                    kinds = {n.id for n in ast.walk(node.type or node) if isinstance(n, ast.Name)}
                    if node.type is None or (
                        isinstance(node.type, ast.Name) and kinds & {"Exception", "BaseException"}
                    ):
                        doors.add(path.name)
    assert doors <= {"worker.py", "forwarder.py"}


@pytest.mark.parametrize(
    ("entry", "heavy"),
    [
        ("app", ["torch", "ultralytics", "cv2", "matplotlib", "numba"]),
        # Help and bad input are answered at once: a database or a web server takes a second.
        ("cli", ["sqlalchemy", "alembic", "fastapi", "httpx", "numpy", "shapely", "av", "scipy"]),
    ],
)
def test_an_entry_starts_without_the_heavy_packages(entry: str, heavy: list[str]) -> None:
    code = (
        f"import sys, parkwacht_api.{entry};"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
