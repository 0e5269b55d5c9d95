"""What the tests of the import share: small files in RD New, and a run without a terminal."""

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from shapely.geometry import LineString, Point, Polygon, box, mapping
from shapely.geometry.base import BaseGeometry

from parkwacht_config.text import Language
from parkwacht_coverage.importing.cli import ImportResult, run_import
from parkwacht_coverage.importing.ledger import LayerLedger, Outcome
from parkwacht_coverage.importing.request import ImportRequest

GEO = Path(__file__).parents[2] / "shared/data/coverage/geo"
X, Y = 100_000.0, 450_000.0  # near Delft; every synthetic scene is measured from here


def geojson(
    path: Path,
    features: Sequence[tuple[Mapping[str, Any], BaseGeometry]],
    crs: str | None = "EPSG:28992",
) -> Path:
    """Write a layer; without a crs as its standard means it, in degrees."""
    collection: dict[str, Any] = {"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": about, "geometry": mapping(shape)}
        for about, shape in features
    ]}  # fmt: skip
    if crs is not None:
        name = f"urn:ogc:def:crs:{crs.replace(':', '::')}"
        collection["crs"] = {"type": "name", "properties": {"name": name}}
    path.write_text(json.dumps(collection))
    return path


def rectangle(x: float, y: float, width: float, depth: float) -> Polygon:
    """Return a rectangle measured from the scene's corner."""
    return box(X + x, Y + y, X + x + width, Y + y + depth)


def scene(
    folder: Path, buildings: Sequence[tuple[Mapping[str, Any], BaseGeometry]]
) -> tuple[Path, Path]:
    """Write the buildings given and a road of 200 m by 6 m south of them."""
    folder.mkdir(exist_ok=True)
    return (
        geojson(folder / "buildings.geojson", buildings),
        geojson(folder / "roads.geojson", [({"id": "road"}, rectangle(0, -10, 200, 6))]),
    )


def run(
    out: Path, *sources: Path, language: Language = Language.EN, **options: Any
) -> tuple[ImportResult, str]:
    """Import without a terminal; returns the result and what was printed."""
    printed = io.StringIO()
    console = Console(file=printed, width=100, highlight=False)
    request = ImportRequest(out_dir=out, sources=sources, language=language, **options)
    return run_import(request, console), printed.getvalue()


def account(result: ImportResult, name: str) -> LayerLedger:
    """Return the account of a layer by its name or its file."""
    return next(one for one in result.layers if name in (one.name, one.source))


def counts(one: LayerLedger) -> dict[str, int]:
    """Return how many rows came out how."""
    return {
        outcome.name.lower(): one.count(outcome)
        for outcome in Outcome
        if outcome is not Outcome.UNDECIDED
    }


def reasons(one: LayerLedger, outcome: Outcome) -> dict[str, list[str]]:
    """Return the ids per reason for an outcome."""
    return {reason.en: [str(one.ids[row]) for row in rows] for reason, rows in one.reasons(outcome)}


__all__ = [
    "GEO", "LineString", "Point", "Polygon", "X", "Y", "account", "box", "counts", "geojson",
    "reasons", "rectangle", "run", "scene",
]  # fmt: skip
