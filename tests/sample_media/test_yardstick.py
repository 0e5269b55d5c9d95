"""COCO-trained weights find the actors of the sample recordings, and nothing else."""

import importlib.util
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
MEDIA = ROOT / "sample_media"
WEIGHTS = ROOT.parent / "shared" / "data" / "vision" / "weights" / "yolo11n_int8_openvino_model"


@pytest.fixture(scope="module")
def check() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sample_media_check", MEDIA / "check.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def net(check: ModuleType) -> Any:
    if not WEIGHTS.exists():
        pytest.skip(f"no weights at {WEIGHTS}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of ultralytics and torch, while they load
        return check.Net(WEIGHTS)


@pytest.mark.shared_data
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("p1_parking_20261123T021300+0100", 0.6),
        ("g1_gate_20261123T034000+0100", 0.6),
        ("p1_parking_20261124T023000+0100", 0.0),
        ("p2_parking_20261123T154000+0100", 0.7),
        ("r1_road_20261122T231500+0100", 0.7),
    ],
)
def test_the_actors_are_found(
    check: ModuleType,
    net: Any,
    name: str,
    least: float,
) -> None:
    got = check.score(MEDIA / f"{name}.mp4", net, every=10)
    assert got.looked_at > 0
    assert got.false == 0
    if least:
        assert got.found / got.frames >= least
