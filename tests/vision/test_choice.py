import time
from pathlib import Path

import pytest

from parkwacht_config.errors import ModelError
from parkwacht_vision import choice
from parkwacht_vision.choice import choose_detector
from parkwacht_vision.embedded import EmbeddedDetector


def test_the_embedded_detector_by_choice_is_no_fallback(tmp_path: Path) -> None:
    chosen = choose_detector("embedded", None, state_dir=tmp_path)
    assert chosen.info.name == "embedded"
    assert not chosen.info.is_fallback
    assert chosen.warning is None
    first, second = chosen.for_camera(None), chosen.for_camera(None)
    assert isinstance(first, EmbeddedDetector)
    assert first is not second  # each camera has its own calibration


def test_without_network_the_embedded_detector_runs_and_says_so(tmp_path: Path) -> None:
    chosen = choose_detector("auto", None, state_dir=tmp_path, is_online=lambda: False)
    assert chosen.info.is_fallback
    assert chosen.info.reason.startswith("yolo11n.pt: no connection")
    assert chosen.warning is not None
    assert "noodherkenning" in chosen.warning.nl
    assert chosen.for_camera(None).info.is_fallback


def test_who_insists_on_a_network_gets_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"yolo11n\.pt are not here: no connection"):
        choose_detector("ultralytics", None, state_dir=tmp_path, is_online=lambda: False)


@pytest.mark.parametrize("kind", ["auto", "ultralytics"])
def test_a_path_that_is_wrong_is_never_replaced_in_silence(
    kind: choice.DetectorKind, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="do not exist"):
        choose_detector(kind, str(tmp_path / "mine.onnx"), state_dir=tmp_path)
    broken = tmp_path / "weights" / "yolo11n.pt"
    broken.parent.mkdir()
    broken.write_bytes(b"half a download")
    with pytest.raises(ModelError, match="cannot be loaded"):
        choose_detector(kind, None, state_dir=tmp_path)


def test_looking_for_the_network_takes_seconds_at_most() -> None:
    begun = time.monotonic()
    choice.can_reach_releases()
    assert time.monotonic() - begun < choice.ONLINE_TIMEOUT_S + 3


@pytest.mark.shared_data
def test_weights_named_are_used_and_shared_by_all_cameras(weights: Path, tmp_path: Path) -> None:
    chosen = choose_detector("auto", str(weights), state_dir=tmp_path)
    assert chosen.info.model == "yolo11n_int8_openvino_model"
    assert chosen.for_camera(None) is chosen.for_camera(None)
