"""Weights of a user: what they are, and the same network in a form that runs faster here."""

import importlib.util
import shutil
import statistics
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np

from parkwacht_config.errors import ModelError
from parkwacht_config.text import Text
from parkwacht_vision.boxes import DEFAULT_SIZE_PX
from parkwacht_vision.calibration import (
    Progress,
    calibration_views,
    quantise_onnx,
    quantise_openvino,
)
from parkwacht_vision.detector import CLASS_BY_NAME, UltralyticsDetector, prepare_ultralytics
from parkwacht_vision.frames import Frame
from parkwacht_vision.openvino_network import OpenVinoNetwork
from parkwacht_vision.pickle_guard import check_pickle
from parkwacht_vision.regions import whole

Format = Literal["openvino", "onnx"]
NEEDED: Mapping[Format, str] = {"openvino": "openvino", "onnx": "onnx"}  # packages to export with
NEEDED_FOR_INT8: Mapping[Format, str] = {"openvino": "nncf", "onnx": "onnxruntime"}
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


def export_weights(
    path: Path,
    wanted: Format,
    state_dir: Path,
    *,
    pictures: Path | None = None,
    progress: Progress = lambda _what, _share: None,
) -> Path:
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
    pictures
        A folder of stills and recordings to calibrate eight bits on; None keeps floating point.
    progress
        Told what is done, and which share of it all that is.

    Returns
    -------
    exported
        The folder or file; it replaces one that was there.

    Raises
    ------
    ModelError
        It is no usable .pt, a package is missing, there are too few pictures, or the export failed.
    """
    if path.suffix != ".pt" or not path.is_file():
        raise ModelError(
            Text(
                nl=f"{path} is geen .pt-bestand; alleen daaruit is te exporteren",
                en=f"{path} is no .pt file; only one can be exported",
            )
        )
    _require_packages(wanted, is_int8=pictures is not None)
    prepare_ultralytics(state_dir)
    check_pickle(path)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".export-") as work:
        copy = Path(shutil.copy2(path, Path(work) / path.name))
        progress(f"{path.name} → {wanted}", 0.0)
        made = _exported(copy, wanted, path)
        if pictures is not None:
            made = _in_eight_bits(made, wanted, pictures, progress)
        return _put_beside(made, path.parent)


def _require_packages(wanted: Format, *, is_int8: bool) -> None:
    purpose = Text(nl=f"exporteren naar {wanted}", en=f"export to {wanted}")
    _require_package(NEEDED[wanted], purpose)
    if is_int8:
        purpose = Text(nl="omzetten naar acht bits", en="export in eight bits")
        _require_package(NEEDED_FOR_INT8[wanted], purpose)


def _require_package(package: str, purpose: Text) -> None:
    if importlib.util.find_spec(package) is None:
        raise ModelError(
            Text(
                nl=f"{purpose.nl} vraagt het pakket {package}, en dat is hier niet "
                "geïnstalleerd; installeer parkwacht[export]",
                en=f"{purpose.en} needs the package {package}, which is not installed here; "
                "install parkwacht[export]",
            )
        )


def _exported(copy: Path, wanted: Format, shown: Path) -> Path:
    from ultralytics import YOLO  # noqa: PLC0415 - seconds of import, only when needed

    # OpenVINO folders are given other sizes when they are loaded; an ONNX file has to allow them.
    options = {"dynamic": True, "simplify": False} if wanted == "onnx" else {}
    try:
        return Path(YOLO(str(copy), task="detect").export(format=wanted, device="cpu", **options))
    except (OSError, RuntimeError, TypeError, ValueError, KeyError, ImportError) as error:
        reason = f"{type(error).__name__}: {error}"[:200]
        raise ModelError(
            Text(
                nl=f"exporteren van {shown} naar {wanted} mislukte ({reason})",
                en=f"export of {shown} to {wanted} failed ({reason})",
            )
        ) from error


def _in_eight_bits(made: Path, wanted: Format, pictures: Path, progress: Progress) -> Path:
    views = calibration_views(
        pictures, (DEFAULT_SIZE_PX, DEFAULT_SIZE_PX), lambda what, share: progress(what, share / 2)
    )
    progress(f"int8, {len(views)} x {DEFAULT_SIZE_PX} x {DEFAULT_SIZE_PX}", 0.5)
    if wanted == "openvino":
        target = made.with_name(made.name.replace("_openvino_model", "_int8_openvino_model"))
        target.mkdir()
        quantise_openvino(made, target, views)
    else:
        target = made.with_name(f"{made.stem}_int8.onnx")
        quantise_onnx(made, target, views)
    progress("int8", 1.0)
    return target


def _put_beside(made: Path, folder: Path) -> Path:
    target = folder / made.name
    if target.is_dir():
        shutil.rmtree(target)
    return made.replace(target)
