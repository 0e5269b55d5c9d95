"""A real network of ultralytics, small to make: its own description with random weights."""

from pathlib import Path

from parkwacht_vision.detector import prepare_ultralytics

NAMES = {0: "person", 2: "car", 7: "truck"}  # as COCO numbers them


def write_tiny_network(folder: Path, name: str = "tiny.pt") -> Path:
    """Save a yolo11n as ultralytics saves it."""
    prepare_ultralytics(folder)
    from ultralytics import YOLO  # noqa: PLC0415

    network = YOLO("yolo11n.yaml")
    network.model.names = {number: NAMES.get(number, f"other {number}") for number in range(80)}
    network.save(folder / name)
    return folder / name
