"""A copy of the sample park that a test may spoil."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from parkwacht_config.errors import ConfigError
from parkwacht_config.loader import load_site

SITES = Path(__file__).parents[2] / "config" / "sites"


@dataclass(frozen=True)
class SiteCopy:
    """The sample park in a folder of its own."""

    path: Path

    def layer(self, name: str) -> Path:
        return self.path.parent / "josink_es" / name

    def replace(self, old: str, new: str, *, layer: str | None = None) -> Path:
        """Replace the first occurrence of a text, which must be there."""
        path = self.layer(layer) if layer else self.path
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{old!r} not in {path.name}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return path

    def edit(self, layer: str, change: Callable[[dict[str, Any]], None]) -> Path:
        """Change a GeoJSON layer as a document."""
        path = self.layer(layer)
        document = json.loads(path.read_text(encoding="utf-8"))
        change(document)
        path.write_text(json.dumps(document), encoding="utf-8")
        return path

    def put_layer(self, layer: str, document: dict[str, Any]) -> Path:
        """Write a whole layer, and name it in the TOML where it is not yet."""
        path = self.layer(f"{layer}.geojson")
        path.write_text(json.dumps(document), encoding="utf-8")
        line = f'{layer} = "josink_es/{layer}.geojson"'
        if line not in self.path.read_text(encoding="utf-8"):
            self.replace("[layers]", f"[layers]\n{line}\n#")
        return path


@pytest.fixture
def site_copy(tmp_path: Path) -> SiteCopy:
    shutil.copy(SITES / "josink_es.toml", tmp_path)
    shutil.copytree(SITES / "josink_es", tmp_path / "josink_es")
    return SiteCopy(tmp_path / "josink_es.toml")


def message_of(path: Path) -> str:
    """Return the English message with which a park is refused; the Dutch one differs."""
    with pytest.raises(ConfigError) as caught:
        load_site(path)
    assert caught.value.text.nl != caught.value.text.en
    assert str(caught.value) == caught.value.text.en
    return caught.value.text.en
