"""
Which files a study was made from: name, SHA-256, size, and the date their maker gave them.

A GeoJSON layer says its date in a top-level member `date` (RFC 7946, section 6.1, lets a file have
members of its own). The time a file was written is not asked: a copy has another, and the same
inputs are to give the same report.
"""

import hashlib
import json
import tomllib
from pathlib import Path

from parkwacht_config.reading import read_bytes
from parkwacht_coverage.results import InputFile


def read_inputs(site_path: Path) -> tuple[InputFile, ...]:
    """
    Account for the TOML of a park and every file it names.

    Parameters
    ----------
    site_path
        The TOML, which `load_site` has read already.

    Returns
    -------
    inputs
        The TOML first, then catalogue and camera file, then the layers in their order.

    Raises
    ------
    ConfigError
        A file cannot be read.
    """
    table = tomllib.loads(read_bytes(site_path).decode("utf-8-sig"))
    named = [table[key] for key in ("catalogue", "camera_file") if key in table]
    names = [site_path.name, *named, *table["layers"].values()]
    return tuple(_account(site_path.parent / name, name) for name in names)


def _account(path: Path, name: str) -> InputFile:
    content = read_bytes(path)
    return InputFile(
        name=name,
        sha256=hashlib.sha256(content).hexdigest(),
        n_bytes=len(content),
        dated=_date(content) if path.suffix == ".geojson" else "",
    )


def _date(content: bytes) -> str:
    """Return the date a GeoJSON file gives itself; empty where it gives none."""
    try:
        document = json.loads(content)
    except ValueError:
        return ""
    found = document.get("date") if isinstance(document, dict) else None
    return found if isinstance(found, str) else ""
