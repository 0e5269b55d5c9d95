"""Weights of a user: what they are, and the same network in a form that runs faster here."""

import importlib.util
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np

from parkwacht_config.errors import ModelError
from parkwacht_config.text import Text
from parkwacht_vision.detector import CLASS_BY_NAME, UltralyticsDetector, prepare_ultralytics
from parkwacht_vision.frames import Frame
from parkwacht_vision.openvino_network import OpenVinoNetwork
from parkwacht_vision.pickle_guard import check_pickle
from parkwacht_vision.regions import whole

Format = Literal["openvino", "onnx"]
NEEDED: Mapping[Format, str] = {"openvino": "openvino", "onnx": "onnx"}  # packages to export with
SHOWN_SIZES_PX = ((360, 640), (320, 320), (640, 640))  # pictures, height and width
N_MEASURED = 3


@dataclass(frozen=True, slots=True)
class SizeCost:
    """What a call takes for pictures of one size, and the input the network saw them in."""

    picture_px: tuple[int, int]
    input_px: tuple[int, int]
    ms: float


@dataclass(frozen=True, slots=True)
class WeightsReport:
    """What weights are; all is of a detection network that was loaded and run."""

    path: Path
    sha256: str
    runtime: str
    classes: tuple[str, ...]  # of the network, that are used
    costs: tuple[SizeCost, ...]


def inspect_weights(path: Path, state_dir: Path) -> WeightsReport:
    """
    Load weights safely and run them.

    Parameters
    ----------
    path
        The file or folder.
    state_dir
        Where ultralytics may keep its settings.

    Returns
    -------
    report
        What they are.

    Raises
    ------
    ModelError
        They cannot be loaded, would run code, or are no detection network for persons and vehicles.
    """
    detector = UltralyticsDetector(path, state_dir=state_dir)
    network = detector.network
    is_openvino = isinstance(network, OpenVinoNetwork)
    runtime = "OpenVINO" if is_openvino else f"ultralytics ({path.suffix.lstrip('.') or 'map'})"
    used = tuple(name for name in network.names.values() if name.lower() in CLASS_BY_NAME)
    costs = tuple(
        SizeCost(size, network.input_size(*size), _cost_ms(detector, size))
        for size in SHOWN_SIZES_PX
    )
    return WeightsReport(path, detector.info.sha256 or "", runtime, used, costs)


def _cost_ms(detector: UltralyticsDetector, size: tuple[int, int]) -> float:
    never = datetime(1970, 1, 1, tzinfo=UTC)
    frame = Frame.of_image(np.full((*size, 3), 90, np.uint8), 0.0, never, never, 0)
    took_ms = []
    for _ in range(N_MEASURED + 1):
        began_s = time.perf_counter()
        detector.detect(frame, [whole(frame.picture)])
        took_ms.append((time.perf_counter() - began_s) * 1000)
    return statistics.median(took_ms[1:])  # the first one warms up


def export_weights(path: Path, wanted: Format, state_dir: Path) -> Path:
    """
    Write a .pt beside itself in another form.

    Parameters
    ----------
    path
        A .pt of a detection network.
    wanted
        `openvino` for processors, `onnx` for other runtimes.
    state_dir
        Where ultralytics may keep its settings.

    Returns
    -------
    exported
        The folder or file.

    Raises
    ------
    ModelError
        It is no usable .pt, a package is missing, or the export failed.
    """
    if path.suffix != ".pt" or not path.is_file():
        raise ModelError(
            Text(
                nl=f"{path} is geen .pt-bestand; alleen daaruit is te exporteren",
                en=f"{path} is no .pt file; only one can be exported",
            )
        )
    package = NEEDED[wanted]
    if importlib.util.find_spec(package) is None:
        raise ModelError(
            Text(
                nl=f"exporteren naar {wanted} vraagt het pakket {package}, en dat is hier niet "
                "geïnstalleerd",
                en=f"export to {wanted} needs the package {package}, which is not installed here",
            )
        )
    prepare_ultralytics(state_dir)
    check_pickle(path)
    from ultralytics import YOLO  # noqa: PLC0415 - seconds of import, only when needed

    try:
        made = Path(YOLO(str(path), task="detect").export(format=wanted, device="cpu"))
    except (OSError, RuntimeError, TypeError, ValueError, KeyError, ImportError) as error:
        reason = f"{type(error).__name__}: {error}"[:200]
        raise ModelError(
            Text(
                nl=f"exporteren van {path} naar {wanted} mislukte ({reason})",
                en=f"export of {path} to {wanted} failed ({reason})",
            )
        ) from error
    return made
