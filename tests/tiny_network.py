"""A real network of ultralytics, small to make: its own description with random weights."""

from pathlib import Path

from parkwacht_vision.detector import prepare_ultralytics

NAMES = {0: "person", 2: "car", 7: "truck"}  # as COCO numbers them
_LAST_LAYERS = frozenset(f"model.23.cv{k}.{n}.2.weight" for k in (2, 3) for n in range(3))


def write_tiny_network(folder: Path, name: str = "tiny.pt") -> Path:
    """Save a yolo11n as ultralytics saves it."""
    prepare_ultralytics(folder)
    from ultralytics import YOLO  # noqa: PLC0415

    network = YOLO("yolo11n.yaml")
    network.model.names = {number: NAMES.get(number, f"other {number}") for number in range(80)}
    network.save(folder / name)
    return folder / name


def write_real_network(exported: Path, folder: Path) -> Path:
    """
    Save as a .pt what an ONNX file in eight bits holds of a real yolo11n.

    Its weights become floating point again; the normalisation that the export folded into them
    becomes one that changes nothing.
    """
    import onnx  # noqa: PLC0415
    import torch  # noqa: PLC0415
    from onnx import numpy_helper  # noqa: PLC0415

    prepare_ultralytics(folder)
    from ultralytics import YOLO  # noqa: PLC0415

    told = {one.name: numpy_helper.to_array(one) for one in onnx.load(exported).graph.initializer}
    network = YOLO("yolo11n.yaml")
    values = network.model.state_dict()
    for key in [one for one in values if one.endswith("conv.weight") or one in _LAST_LAYERS]:
        whole = told[f"{key}_quantized"].astype("float32") - float(told[f"{key}_zero_point"])
        values[key] = torch.from_numpy(whole * told[f"{key}_scale"])
        bias = told.get(key.replace(".weight", ".bias"))
        if bias is None:
            continue
        bias = torch.from_numpy(bias.copy())
        if key.replace("weight", "bias") in values:
            values[key.replace("weight", "bias")] = bias
            continue
        norm = key.replace("conv.weight", "bn")
        values[f"{norm}.bias"] = bias
        values[f"{norm}.running_mean"] = torch.zeros_like(bias)
        values[f"{norm}.running_var"] = torch.ones_like(bias)
        values[f"{norm}.weight"] = torch.full_like(bias, (1 + 1e-3) ** 0.5)
    network.model.load_state_dict(values)
    network.model.names = {number: NAMES.get(number, f"other {number}") for number in range(80)}
    network.save(folder / "real.pt")
    return folder / "real.pt"
