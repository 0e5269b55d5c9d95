"""Weights are checked, exported and fetched, or the reason why not is said."""

import shutil
from pathlib import Path

import pytest
from tiny_network import write_tiny_network
from typer.testing import CliRunner

from parkwacht_api.cli import app
from parkwacht_config.errors import ModelError
from parkwacht_vision.choice import fetch_weights
from parkwacht_vision.weights import export_weights, inspect_weights


# ultralytics exports by a way that torch means to leave
@pytest.mark.filterwarnings("ignore")
def test_a_network_is_exported_and_the_export_is_what_it_was(tmp_path: Path) -> None:
    network = write_tiny_network(tmp_path)
    made = export_weights(network, "openvino", tmp_path)
    assert made.is_dir()
    report = inspect_weights(made, tmp_path)
    assert report.runtime == "OpenVINO"
    assert report.classes == ("person", "car", "truck")  # the names it was given
    # Whole strides of 32 that hold the picture: 360 rows need 384.
    assert [one.input_px for one in report.costs] == [(384, 640), (320, 320), (640, 640)]
    assert all(one.ms > 0 for one in report.costs)


def test_what_cannot_be_exported_says_so(tmp_path: Path) -> None:
    (tmp_path / "x.onnx").write_bytes(b"x")
    with pytest.raises(ModelError, match=r"is no \.pt file"):
        export_weights(tmp_path / "x.onnx", "openvino", tmp_path)
    (tmp_path / "x.pt").write_bytes(b"x")
    with pytest.raises(ModelError, match="cannot be loaded"):
        export_weights(tmp_path / "x.pt", "openvino", tmp_path)


def test_without_a_network_connection_nothing_is_fetched(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no connection") as caught:
        fetch_weights("yolo11n.pt", tmp_path, is_online=lambda: False)
    assert "zijn niet op te halen" in caught.value.text.nl
    with pytest.raises(ModelError, match="no name of weights"):
        fetch_weights("folder/x.pt", tmp_path, is_online=lambda: False)


def test_weights_that_are_there_are_not_fetched_again(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "mine.pt").write_bytes(b"x")
    found = fetch_weights("mine.pt", tmp_path, is_online=lambda: False)
    assert found == tmp_path / "weights" / "mine.pt"


@pytest.mark.shared_data
def test_the_command_says_what_weights_are(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARKWACHT_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    copy = Path(shutil.copytree(weights, tmp_path / "own_openvino_model"))
    done = CliRunner().invoke(app, ["weights", "check", str(copy)])
    assert done.exit_code == 0, done.output
    for said in ("gebruikte klassen", "person, bicycle, car", "OpenVINO", "invoer 320 x 320"):
        assert said in done.output
