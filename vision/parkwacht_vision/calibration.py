"""
Weights in eight bits: pictures to calibrate on, and the two ways to quantise (nncf, ONNX Runtime).

Both keep what computes boxes and scores in floating point: one scale for pixels of boxes (0 to
640) and scores (0 to 1) would round every score to zero. Pictures are the site's own snapshots and
recordings, seen as the watch sees them: whole, and a part of them enlarged.
"""

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import av
import cv2
import numpy as np
import numpy.typing as npt

from parkwacht_config.errors import ModelError, SourceError
from parkwacht_config.text import Text
from parkwacht_vision.boxes import letterbox
from parkwacht_vision.pictures import Image
from parkwacht_vision.source import VIDEO_SUFFIXES, open_recording, recording_duration_s

logger = logging.getLogger(__name__)

Item = TypeVar("Item")

PICTURE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".webp"})
MOST_VIEWS = 300  # what nncf takes by itself; more changes nothing and takes longer
PER_CLIP = 8  # pictures of one recording at most, evenly spread
FEWEST_VIEWS = 8
_PART = 0.5  # of the picture's sides: the part that is enlarged

Planes = npt.NDArray[np.uint8]
Progress = Callable[[str, float], None]  # what is done now, and which share of all that


def calibration_views(folder: Path, size: tuple[int, int], progress: Progress) -> list[Planes]:
    """
    Return views of the pictures and recordings in a folder as a network is shown them.

    Parameters
    ----------
    folder
        Searched to its bottom, in the order of names.
    size
        Height and width of the network's input in pixels.
    progress
        Told of every file.

    Returns
    -------
    views
        RGB, shape (1, 3, height, width), at most `MOST_VIEWS`.

    Raises
    ------
    ModelError
        There are too few.
    """
    paths = sorted(one for one in folder.rglob("*") if one.is_file())
    paths = [one for one in paths if one.suffix.lower() in PICTURE_SUFFIXES | VIDEO_SUFFIXES]
    paths = _spread(paths, MOST_VIEWS // 2)  # of each picture two views
    # No more are made than are kept: one of 640 x 640 pixels takes 1.2 MB.
    per_clip = max(1, min(PER_CLIP, MOST_VIEWS // 2 // max(1, len(paths))))
    views: list[Planes] = []
    for index, path in enumerate(paths):
        progress(path.name, index / len(paths))
        for image in _images(path, per_clip):
            views += [_planes(one, size) for one in (image, _middle(image))]
    if len(views) < FEWEST_VIEWS:
        raise ModelError(
            Text(
                nl=f"{folder}: {len(views) // 2} beelden om op te ijken, minstens "
                f"{FEWEST_VIEWS // 2} nodig; geef een map met opnames of foto's van uw camera's",
                en=f"{folder}: {len(views) // 2} pictures to calibrate on, at least "
                f"{FEWEST_VIEWS // 2} needed; give a folder of recordings or stills of your "
                "cameras",
            )
        )
    return views


def _spread(items: Sequence[Item], n_most: int) -> list[Item]:
    """Return at most so many, evenly spread, the first among them."""
    step = max(1.0, len(items) / n_most)
    return [items[int(k * step)] for k in range(min(len(items), n_most))]


def _images(path: Path, per_clip: int) -> Iterator[Image]:
    if path.suffix.lower() in PICTURE_SUFFIXES:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            logger.warning("%s: no picture, left out", path)
        else:
            yield np.asarray(image, dtype=np.uint8)
        return
    try:
        with open_recording(path) as container:
            length_s = recording_duration_s(container) or 0.0
            for k in range(per_clip if length_s else 1):
                if length_s:
                    at_s = (k + 0.5) / per_clip * length_s
                    start = container.start_time or 0
                    container.seek(start + int(at_s * av.time_base))
                frame = next(container.decode(video=0), None)
                if frame is not None:
                    yield np.asarray(frame.to_ndarray(format="bgr24"), dtype=np.uint8)
    except (SourceError, av.FFmpegError) as error:
        logger.warning("%s: left out: %s", path, error)


def _middle(image: Image) -> Image:
    height, width = image.shape[:2]
    top, left = int(height * (1 - _PART) / 2), int(width * (1 - _PART) / 2)
    return image[top : height - top, left : width - left]


def _planes(image: Image, size: tuple[int, int]) -> Planes:
    shown = letterbox(image, width_px=size[1], height_px=size[0])[0]
    return np.ascontiguousarray(shown[:, :, ::-1].transpose(2, 0, 1)[None])


def _as_input(planes: Planes) -> npt.NDArray[np.float32]:
    """Return what a network is given: between 0 and 1, made for one view at a time."""
    return planes.astype(np.float32) / np.float32(255)


def quantise_openvino(folder: Path, target: Path, views: Sequence[Planes]) -> None:
    """
    Write an OpenVINO export in eight bits.

    Parameters
    ----------
    folder
        The export of ultralytics: an .xml, its .bin and metadata.yaml.
    target
        The folder to write; it exists.
    views
        What to calibrate on.
    """
    # Both send an event on import; without this package they take silent stubs.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import nncf  # noqa: PLC0415 - seconds of import, only when needed
    import openvino  # noqa: PLC0415

    nncf.set_log_level(logging.ERROR)
    model = openvino.Core().read_model(next(folder.glob("*.xml")))
    made = nncf.quantize(
        model,
        nncf.Dataset(list(views), _as_input),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(views),
        ignored_scope=nncf.IgnoredScope(names=_head_names(model)),
    )
    openvino.save_model(made, target / "model.xml", compress_to_fp16=False)
    (target / "metadata.yaml").write_bytes((folder / "metadata.yaml").read_bytes())


def _head_names(model: Any) -> list[str]:  # noqa: ANN401 - untyped
    """Return the operations of the detection head, as ultralytics leaves them out."""
    operations = model.get_ordered_ops()
    sigmoids = [one for one in operations if one.get_type_name() == "Sigmoid"]
    head = sigmoids[-1].get_friendly_name().split("/", 1)[0]
    return [
        one.get_friendly_name()
        for one in operations
        if one.get_type_name() == "Sigmoid"
        or one.get_friendly_name().startswith((f"{head}/", f"{head}.dfl"))
    ]


def quantise_onnx(path: Path, target: Path, views: Sequence[Planes]) -> None:
    """
    Write an ONNX file in eight bits.

    Parameters
    ----------
    path
        The export of ultralytics.
    target
        The file to write.
    views
        What to calibrate on.
    """
    import onnx  # noqa: PLC0415
    from onnxruntime.quantization import CalibrationDataReader, quantize_static  # noqa: PLC0415

    network = onnx.load(path)
    name = network.graph.input[0].name

    class _Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left = iter(views)

        def get_next(self) -> dict[str, npt.NDArray[np.float32]] | None:
            view = next(self.left, None)
            return None if view is None else {name: _as_input(view)}

    # By node, so that all values are calibrated: some kinds of operation cannot be left out.
    nodes = network.graph.node
    head = [one.name for one in nodes if one.op_type == "Sigmoid"][-1].rpartition("/")[0]
    kept = [
        one.name
        for one in nodes
        if one.op_type not in {"Conv", "Gemm", "MatMul"} or one.name.startswith(f"{head}/")
    ]
    quantize_static(path, target, _Reader(), nodes_to_exclude=kept)
    made = onnx.load(target)
    if not made.metadata_props:  # the names of the classes
        made.metadata_props.extend(network.metadata_props)
        onnx.save(made, target)
