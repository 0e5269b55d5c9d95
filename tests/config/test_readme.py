"""Every key a user may write is in the README of this floor."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from parkwacht_config import incidents, layers, loader
from parkwacht_config.site import Camera, Receiver, Retention, Zone

README = Path(__file__).parents[2] / "config" / "README.md"


@pytest.mark.parametrize(
    "model",
    [
        loader.SiteTable,
        loader.LayerPaths,
        loader.ArmingTable,
        Camera,
        Zone,
        Receiver,
        Retention,
        layers.PublicAreaProperties,
        layers.BuildingProperties,
        layers.LampPostProperties,
        layers.GateProperties,
        layers.MountProperties,
    ],
)
def test_every_key_is_documented(model: type[BaseModel]) -> None:
    text = README.read_text(encoding="utf-8")
    missing = [
        key for key in model.model_fields if f"`{key}`" not in text and f"[{key}]" not in text
    ]
    assert missing == []


def test_every_column_is_documented() -> None:
    assert ",".join(incidents.INCIDENT_COLUMNS) in README.read_text(encoding="utf-8")
