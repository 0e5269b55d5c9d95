import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from parkwacht_config.clock import FakeClock
from parkwacht_config.errors import ModelError
from parkwacht_config.site import ObjectClass
from parkwacht_vision.boxes import box_iou, letterbox, merge_double_vehicles
from parkwacht_vision.detections import Detections
from parkwacht_vision.detector import (
    UltralyticsDetector,
    _class_ids,
    weights_sha256,
)
from parkwacht_vision.frames import Frame, Image
from parkwacht_vision.regions import whole
from parkwacht_vision.source import RecordingSource

AT = datetime(2026, 11, 23, 1, 13, tzinfo=UTC)


def frame_of(image: Image) -> Frame:
    return Frame.of_image(image, 0.0, AT, AT, 0)


def look(detector: UltralyticsDetector, frame: Frame) -> Detections:
    return detector.detect(frame, [whole(frame.picture)])


@pytest.mark.parametrize(
    ("shape", "scale", "left", "top"),
    [
        ((360, 640, 3), 1.0, 0, 140),  # (640 - 360) / 2
        ((1080, 1920, 3), 1 / 3, 0, 140),
        ((640, 320, 3), 1.0, 160, 0),
        ((100, 100, 3), 6.4, 0, 0),
    ],
)
def test_a_picture_is_letterboxed(
    shape: tuple[int, int, int], scale: float, left: int, top: int
) -> None:
    boxed, *placed = letterbox(np.zeros(shape, np.uint8), width_px=640, height_px=640)
    assert boxed.shape == (640, 640, 3)
    assert placed == pytest.approx([scale, left, top])


def test_a_van_called_car_and_truck_is_one_vehicle_but_a_rider_stays() -> None:
    found = Detections.of(
        [
            ((0, 0, 100, 50), 0.6, ObjectClass.CAR),
            ((2, 0, 100, 50), 0.7, ObjectClass.TRUCK),
            ((0, 0, 20, 50), 0.5, ObjectClass.BICYCLE),
            ((0, 0, 20, 50), 0.5, ObjectClass.PERSON),
        ]
    )
    kept = merge_double_vehicles(found)
    assert [kept.object_class(row) for row in range(len(kept))] == [
        ObjectClass.TRUCK,
        ObjectClass.BICYCLE,
        ObjectClass.PERSON,
    ]
    assert box_iou((0, 0, 2, 2), (1, 0, 3, 2)) == pytest.approx(1 / 3)
    assert box_iou((0, 0, 0, 0), (0, 0, 0, 0)) == 0


@pytest.mark.parametrize(
    "names", [{0: "cat", 1: "car"}, {0: "person"}, {0: "hardhat", 1: "vest"}], ids=str
)
def test_weights_without_persons_and_vehicles_are_refused(names: dict[int, str]) -> None:
    with pytest.raises(ModelError, match="know no persons and vehicles"):
        _class_ids(names, Path("x.pt"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.pt", None, "do not exist"),
        ("text.pt", b"not a network", "cannot be loaded"),
        ("text.onnx", b"not a network", "cannot be loaded"),
        ("folder_openvino_model", b"", "cannot be loaded"),
        ("odd.xyz", b"x", "cannot be loaded"),
    ],
)
def test_weights_that_cannot_be_used_say_why(
    name: str, content: bytes | None, message: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    if name.startswith("folder"):
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=message) as caught:
        UltralyticsDetector(path, state_dir=tmp_path)
    assert str(path) in caught.value.text.nl


def test_the_digest_of_a_folder_covers_names_and_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    first = weights_sha256(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    assert weights_sha256(tmp_path) != first


@pytest.mark.shared_data
def test_a_network_finds_the_person_on_real_footage(weights: Path, tmp_path: Path) -> None:
    clip = weights.parents[1] / "clips" / "night_ir_driveway_intruder.mp4"
    source = RecordingSource(clip, started_at=AT, timezone="UTC", fps=1, clock=FakeClock(AT))
    detector = UltralyticsDetector(weights, state_dir=tmp_path)
    found = look(detector, next(source.frames()))
    best = int(np.argmax(found.confidence))
    assert found.object_class(best) is ObjectClass.PERSON
    assert found.confidence[best] > 0.6
    # read off the picture: about (325, 210) to (366, 312)
    assert box_iou(found.xyxy[best], (325, 210, 366, 312)) > 0.8
    assert detector.info.sha256 == weights_sha256(weights)
    assert not detector.info.is_fallback


@pytest.mark.shared_data
def test_a_uniform_picture_of_any_shape_gives_nothing(shared_vision: Path, tmp_path: Path) -> None:
    onnx = shared_vision / "weights" / "yolo11n_int8_320.onnx"
    detector = UltralyticsDetector(onnx, state_dir=tmp_path)
    for shape in ((48, 64, 3), (1200, 300, 3)):
        found = look(detector, frame_of(np.full(shape, 90, np.uint8)))
        assert not (found.confidence > 0.4).any()


_NO_NETWORK = """
import sys
def refuse(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        print("NETWORK", event, args[1:], flush=True)
sys.addaudithook(refuse)
from datetime import UTC, datetime
from pathlib import Path
import numpy as np
from parkwacht_vision.detector import UltralyticsDetector
from parkwacht_vision.frames import Frame
from parkwacht_vision.regions import whole
for weights in sys.argv[2:]:
    detector = UltralyticsDetector(Path(weights), state_dir=Path(sys.argv[1]))
    at = datetime(2026, 1, 1, tzinfo=UTC)
    frame = Frame.of_image(np.zeros((480, 640, 3), np.uint8), 0.0, at, at, 0)
    found = detector.detect(frame, [whole(frame.picture)])
print("torchvision" in sys.modules, "done")
"""


@pytest.mark.shared_data
def test_no_socket_is_opened_while_weights_load_and_detect(
    shared_vision: Path, tmp_path: Path
) -> None:
    paths = [
        str(shared_vision / "weights" / name)
        for name in ("yolo11n_int8_openvino_model", "yolo11n_int8_320.onnx")
    ]
    code = [sys.executable, "-c", _NO_NETWORK, str(tmp_path), *paths]
    done = subprocess.run(code, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "False done"


def test_the_command_line_loads_no_network(make_site: Callable[..., object]) -> None:
    code = (
        "import sys, parkwacht_vision.cli;"
        "print([n for n in ('torch', 'ultralytics', 'cv2', 'av', 'openvino') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
