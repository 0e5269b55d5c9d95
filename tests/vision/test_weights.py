"""Weights are checked, exported and fetched, or the reason why not is said."""

import shutil
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from tiny_network import write_real_network, write_tiny_network
from typer.testing import CliRunner

from parkwacht_api.cli import app
from parkwacht_config.errors import ModelError
from parkwacht_vision.boxes import box_iou
from parkwacht_vision.calibration import calibration_views
from parkwacht_vision.choice import fetch_weights
from parkwacht_vision.detections import Detections
from parkwacht_vision.detector import UltralyticsDetector, weights_sha256
from parkwacht_vision.frames import Frame
from parkwacht_vision.regions import whole
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


def _seen(weights: Path, pictures: list[Path], state_dir: Path) -> list[Detections]:
    detector = UltralyticsDetector(weights, state_dir=state_dir)
    at, found = datetime(2026, 11, 23, tzinfo=UTC), []
    for path in pictures:
        image = cv2.imread(str(path))
        assert image is not None
        frame = Frame.of_image(image.astype(np.uint8), 0.0, at, at, 0)
        found.append(detector.detect(frame, [whole(frame.picture)]))
    return found


def _n_same(found: Detections, others: Detections) -> int:
    """Count what another network found too: same class, half covered by its box."""
    return sum(
        any(
            others.class_id[one] == found.class_id[row]
            and box_iou(found.xyxy[row], others.xyxy[one]) > 0.5
            for one in range(len(others))
        )
        for row in np.flatnonzero(found.confidence >= 0.4)
    )


@pytest.fixture(scope="module")
def real_network(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path]]:
    """A real yolo11n as .pt, and stills with persons."""
    shared = Path(__file__).parents[3] / "shared" / "data" / "vision"
    stills = sorted((shared / "stills").rglob("*.jpg"))[:10]
    exported = shared / "weights" / "yolo11n_int8_320.onnx"
    if not exported.is_file() or not stills:
        pytest.skip("the shared weights and stills are not here")
    return write_real_network(exported, tmp_path_factory.mktemp("real")), stills


@pytest.mark.shared_data
@pytest.mark.filterwarnings("ignore")
def test_an_onnx_export_finds_the_boxes_of_the_pt(
    real_network: tuple[Path, list[Path]], tmp_path: Path
) -> None:
    network, stills = real_network
    made = export_weights(network, "onnx", tmp_path)
    assert made == network.with_suffix(".onnx")
    before, after = _seen(network, stills[:4], tmp_path), _seen(made, stills[:4], tmp_path)
    assert sum(len(one) for one in before) > 10
    for one, other in zip(before, after, strict=True):
        assert one.class_id.tolist() == other.class_id.tolist()
        assert one.xyxy == pytest.approx(other.xyxy, abs=0.1)  # pixels
        assert one.confidence == pytest.approx(other.confidence, abs=0.002)


@pytest.mark.shared_data
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("wanted", "name"), [("onnx", "real_int8.onnx"), ("openvino", "real_int8_openvino_model")]
)
def test_eight_bits_find_nearly_what_the_pt_finds(
    wanted: str,
    name: str,
    real_network: tuple[Path, list[Path]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of what the .pt is sure of at least nine in ten, the rounding of eight bits being small."""
    network, stills = real_network
    monkeypatch.setenv("PARKWACHT_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    folder = tmp_path / "mine"
    folder.mkdir()
    for still in stills[:4]:
        shutil.copy(still, folder)
    words = ["weights", "export", str(network), "--format", wanted, "--int8"]
    done = CliRunner().invoke(app, [*words, "--pictures", str(folder)])
    assert done.exit_code == 0, done.output
    made = network.parent / name
    assert weights_sha256(made) in done.output
    assert "100% int8" in done.output
    size = made.stat().st_size if made.is_file() else (made / "model.bin").stat().st_size
    assert size < 0.85 * network.stat().st_size  # which is in half precision; the head stays whole
    before, after = _seen(network, stills, tmp_path), _seen(made, stills, tmp_path)
    n_sure = sum(int((one.confidence >= 0.4).sum()) for one in before)
    assert n_sure > 30
    n_same = sum(_n_same(one, other) for one, other in zip(before, after, strict=True))
    assert n_same >= 0.9 * n_sure


def test_too_few_pictures_are_told(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("no picture")
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    with pytest.raises(ModelError, match="0 pictures to calibrate on, at least 4"):
        calibration_views(tmp_path, (320, 320), lambda _what, _share: None)


def test_recordings_are_calibrated_on_evenly_spread_pictures(
    make_video: Callable[..., Path], tmp_path: Path
) -> None:
    def draw(at_s: float, image: npt.NDArray[np.uint8]) -> None:
        image[:] = round(at_s * 20)

    make_video("clip.mp4", seconds=10.0, draw=draw, options={"g": "5", "sc_threshold": "0"})
    told: list[str] = []
    views = calibration_views(tmp_path, (320, 320), lambda what, _share: told.append(what))
    assert told == ["clip.mp4"]
    # Eight pictures, each whole and its middle. A seek goes back to a key frame (each 0.5 s), so
    # k + 0.5 eighths of 10 s are seen at 0.5, 1.5, 3.0, 4.0, 5.5, 6.5, 8.0, 9.0 s.
    assert [one.shape for one in views] == [(1, 3, 320, 320)] * 16
    shown = [float(one[0, :, 160, 160].mean()) / 20 for one in views[::2]]
    assert shown == pytest.approx([0.5, 1.5, 3.0, 4.0, 5.5, 6.5, 8.0, 9.0], abs=0.15)


def test_of_many_recordings_no_more_views_are_held_than_are_used(
    make_video: Callable[..., Path], tmp_path: Path
) -> None:
    first = make_video("clip.mp4", seconds=4.0)
    for number in range(79):
        shutil.copy(first, tmp_path / f"clip{number}.mp4")
    tracemalloc.start()
    try:
        views = calibration_views(tmp_path, (160, 160), lambda _what, _share: None)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # 150 pictures / 80 recordings: one of each, seen whole and in its middle. Eight of each would
    # be 1280 views of 0.08 MB.
    assert len(views) == 160
    assert peak < 300 * views[0].nbytes
