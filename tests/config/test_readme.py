"""Every key a user may write is in the README of this floor."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from parkwacht_config import incidents, layers, loader
from parkwacht_config.site import Camera, Line, Preset, PrivacyMask, Receiver, Retention, Zone
from parkwacht_config.study import Costs, PrivacyCeilings, Redundancy, StudyGoals

README = Path(__file__).parents[2] / "config" / "README.md"


@pytest.mark.parametrize(
    "model",
    [
        loader.SiteTable,
        loader.LayerPaths,
        loader.ArmingTable,
        loader.CameraFileTable,
        Camera,
        Preset,
        PrivacyMask,
        Line,
        Zone,
        Receiver,
        Retention,
        Costs,
        StudyGoals,
        PrivacyCeilings,
        Redundancy,
        layers.PublicAreaProperties,
        layers.BuildingProperties,
        layers.TreeProperties,
        layers.LampPostProperties,
        layers.GateProperties,
        layers.MountProperties,
    ],
)
def test_every_key_is_documented(model: type[BaseModel]) -> None:
    text = README.read_text(encoding="utf-8")
    missing = [
        key
        for key in model.model_fields
        if f"`{key}`" not in text and not re.search(rf"\[(\w+\.)?{key}\]", text)
    ]
    assert missing == []


def test_every_column_is_documented() -> None:
    assert ",".join(incidents.INCIDENT_COLUMNS) in README.read_text(encoding="utf-8")


@pytest.mark.parametrize("costs", [Costs()])
def test_the_usual_costs_are_documented(costs: Costs) -> None:
    # Each row lists keys and then their values, in the same order.
    text = README.read_text(encoding="utf-8")
    documented: dict[str, str] = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        keys = re.findall(r"`(\w+_eur\w*)`", cells[1]) if len(cells) > 3 else []
        documented |= dict(zip(keys, cells[2].split(", "), strict=False) if keys else ())
    usual = {key: f"{value:g}" for key, value in costs.model_dump().items()}
    assert {key: documented.get(key) for key in usual} == usual
