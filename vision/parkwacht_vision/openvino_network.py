"""
An OpenVINO export of an ultralytics detection network, run at the size that a region needs.

Exports are made for one input size (640 x 640); a region of 320 x 320 costs a quarter of that and
shows a small person larger. The sizes that the export wrote into its graph as constants (the
anchors, their strides, and the shapes of a few reshapes) are replaced, which gives the same
network at any size of whole strides (checked against the export at its own size). Neither torch
nor ultralytics is imported. Pictures are BGR, uint8; conversion to the network's input happens
inside the compiled graph.
"""

import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import yaml

from parkwacht_config.errors import ModelError
from parkwacht_config.text import Text
from parkwacht_vision.boxes import SIDES_PX, fitting_size
from parkwacht_vision.pictures import Image

STRIDES = (8, 16, 32)
N_STREAMS = min(2, os.cpu_count() or 1)  # two asynchronous streams use two cores fully (measured)

Rows = npt.NDArray[np.float64]


class OpenVinoNetwork:
    """
    One network, compiled once per input size it is asked for.

    Parameters
    ----------
    folder
        The export: one .xml, its .bin and metadata.yaml.

    Raises
    ------
    ModelError
        Something is missing, broken or of another task.
    """

    def __init__(self, folder: Path) -> None:
        # It sends an event on import; without this package it takes its own silent stub.
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
        import openvino  # noqa: PLC0415 - half a second, only when needed

        self._openvino = openvino
        self._folder = folder
        self.names, self.task = _read_metadata(folder)
        self._core = openvino.Core()
        self._path = next(folder.glob("*.xml"))
        self._compiled: dict[tuple[int, int], Any] = {}
        self._idle: dict[tuple[int, int], list[Any]] = {}
        self._lock = threading.Lock()
        self._size_locks: dict[tuple[int, int], threading.Lock] = {}
        self._own_size = self._size_of(self._read())

    def input_size(self, height: int, width: int) -> tuple[int, int]:
        """Return the input in which a picture of this size is seen well."""
        return fitting_size(height, width)

    def infer(
        self, pictures: Sequence[Image], class_ids: Sequence[int], min_confidence: float, iou: float
    ) -> list[Rows]:
        """
        Detect in pictures whose sides are multiples of 32.

        Parameters
        ----------
        pictures
            BGR, shape (height, width, 3); those of one size run side by side.
        class_ids
            Classes of the network that are wanted.
        min_confidence, iou
            What is kept, and the overlap at which non-maximum suppression drops the weaker.

        Returns
        -------
        rows
            Per picture an array of shape (N, 6): xyxy in pixels, confidence, class of the network.
        """
        running = []
        for picture in pictures:
            request = self._take_request(picture.shape[0], picture.shape[1])
            shown = np.ascontiguousarray(picture[None])  # kept until the request is done
            request.start_async({0: shown}, share_inputs=True)
            running.append((request, shown))
        found = []
        for request, shown in running:
            request.wait()
            output = np.asarray(request.get_output_tensor(0).data[0])
            found.append(_decode(output, class_ids, min_confidence, iou))
            with self._lock:
                self._idle.setdefault((shown.shape[1], shown.shape[2]), []).append(request)
        return found

    def _take_request(self, height: int, width: int) -> Any:  # noqa: ANN401
        """Return a request of one size that nobody uses: its memory is used again."""
        with self._lock:
            idle = self._idle.get((height, width))
            if idle:
                return idle.pop()
        return self._compile(height, width).create_infer_request()

    def warm_up(self) -> None:
        """Compile the usual sizes before anybody has to wait for them."""
        for size in ((384, 640), *((side, side) for side in SIDES_PX)):
            self._compile(*size)

    def raw(self, height: int, width: int) -> Any:  # noqa: ANN401 - untyped, for the benchmark
        """Return the compiled graph of one size."""
        return self._compile(height, width)

    def _read(self) -> Any:  # noqa: ANN401
        try:
            return self._core.read_model(self._path)
        except (RuntimeError, OSError) as error:
            reason = str(error).strip().splitlines()[-1][:200]
            raise ModelError(
                Text(
                    nl=f"gewichten {self._folder} zijn niet te laden ({reason}); maak de "
                    "OpenVINO-map opnieuw",
                    en=f"weights {self._folder} cannot be loaded ({reason}); export the OpenVINO "
                    "folder again",
                )
            ) from error

    def _size_of(self, model: Any) -> tuple[int, int]:  # noqa: ANN401
        shape = model.input(0).get_partial_shape()
        if shape[2].is_dynamic or shape[3].is_dynamic:
            return (640, 640)
        return (shape[2].get_length(), shape[3].get_length())

    def _compile(self, height: int, width: int) -> Any:  # noqa: ANN401
        with self._lock:  # held while compiling one size only: others go on
            lock = self._size_locks.setdefault((height, width), threading.Lock())
        with lock:
            compiled = self._compiled.get((height, width))
            if compiled is None:
                model = self._resized(height, width)
                settings = {
                    "PERFORMANCE_HINT": "THROUGHPUT",
                    "NUM_STREAMS": str(N_STREAMS),
                    "INFERENCE_NUM_THREADS": str(N_STREAMS),
                }
                compiled = self._core.compile_model(model, "CPU", settings)
                self._compiled[height, width] = compiled
            return compiled

    def _resized(self, height: int, width: int) -> Any:  # noqa: ANN401
        model = self._read()
        if (height, width) != self._own_size:
            _replace_sizes(model, self._own_size, (height, width))
            shape = self._openvino.PartialShape([1, 3, height, width])
            model.get_parameters()[0].set_partial_shape(shape)
            model.validate_nodes_and_infer_types()
        return self._with_preparation(model)

    def _with_preparation(self, model: Any) -> Any:  # noqa: ANN401
        steps = self._openvino.preprocess.PrePostProcessor(model)
        formats = self._openvino.preprocess.ColorFormat
        tensor = steps.input().tensor()
        tensor.set_element_type(self._openvino.Type.u8)
        tensor.set_layout(self._openvino.Layout("NHWC")).set_color_format(formats.BGR)
        steps.input().model().set_layout(self._openvino.Layout("NCHW"))
        done = steps.input().preprocess().convert_element_type(self._openvino.Type.f32)
        done.convert_color(formats.RGB).scale(255.0)
        return steps.build()


def _read_metadata(folder: Path) -> tuple[dict[int, str], str]:
    path = folder / "metadata.yaml"
    try:
        stated = yaml.safe_load(path.read_text(encoding="utf-8"))
        names = {int(number): str(name) for number, name in stated["names"].items()}
        task = str(stated["task"])
        next(folder.glob("*.xml"))
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError) as error:
        reason = type(error).__name__
    except StopIteration:
        reason = "geen .xml / no .xml"
    else:
        return names, task
    raise ModelError(
        Text(
            nl=f"gewichten {folder}: geen volledige OpenVINO-map van ultralytics ({reason}); nodig "
            "zijn een .xml, een .bin en metadata.yaml",
            en=f"weights {folder}: no complete OpenVINO folder of ultralytics ({reason}); needed "
            "are an .xml, a .bin and metadata.yaml",
        )
    )


def _replace_sizes(model: Any, old: tuple[int, int], new: tuple[int, int]) -> None:  # noqa: ANN401
    """Replace what depends on the input's size among the constants of the graph."""
    from openvino import opset13  # noqa: PLC0415

    cells = [(old[0] // stride) * (old[1] // stride) for stride in STRIDES]
    for op in list(model.get_ops()):
        if op.get_type_name() != "Constant":
            continue
        users = list(op.output(0).get_target_inputs())
        is_shape = any(
            one.get_node().get_type_name() == "Reshape" and one.get_index() == 1 for one in users
        )
        value = op.data
        if is_shape and value.dtype == np.int64 and value.ndim == 1:
            changed: npt.NDArray[Any] | None = _new_shape(
                value.tolist(), old, new, {*cells, sum(cells)}
            )
        elif value.ndim and value.shape[-1] == sum(cells) and value.dtype.kind == "f":
            changed = _new_grid(value.shape, new)
        else:
            continue
        if changed is not None:
            constant = opset13.constant(changed.astype(value.dtype))
            for user in users:
                user.replace_source_output(constant.output(0))


def _new_shape(
    shape: list[int], old: tuple[int, int], new: tuple[int, int], n_cells: set[int]
) -> npt.NDArray[np.int64] | None:
    if len(shape) == 4 and shape[2:] == [old[0] // 32, old[1] // 32]:  # noqa: PLR2004
        return np.array([*shape[:2], new[0] // 32, new[1] // 32])
    if shape and shape[-1] in n_cells:
        return np.array([*shape[:-1], -1])
    return None


def _new_grid(shape: tuple[int, ...], new: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Return the anchors, shape (.., 2, N), as centres of cells; else the stride of each cell."""
    grids = [(new[0] // stride, new[1] // stride, stride) for stride in STRIDES]
    if len(shape) >= 2 and shape[-2] == 2:  # noqa: PLR2004
        centres = [
            np.stack(np.meshgrid(np.arange(columns) + 0.5, np.arange(rows) + 0.5)).reshape(2, -1)
            for rows, columns, _ in grids
        ]
        return np.concatenate(centres, axis=1).reshape(*shape[:-1], -1)
    strides = [np.full(rows * columns, stride) for rows, columns, stride in grids]
    return np.concatenate(strides).astype(np.float64).reshape(*shape[:-1], -1)


def _decode(
    output: npt.NDArray[Any], class_ids: Sequence[int], min_confidence: float, iou: float
) -> Rows:
    """Turn (4 + classes, N) into rows, with non-maximum suppression per class."""
    scores = output[[4 + one for one in class_ids]]
    best = scores.max(axis=0)
    kept = np.flatnonzero(best > min_confidence)
    if not len(kept):
        return np.zeros((0, 6))
    xywh = output[:4, kept].T.astype(np.float64)
    classes = np.asarray(class_ids)[scores[:, kept].argmax(axis=0)]
    corner = np.hstack([xywh[:, :2] - xywh[:, 2:] / 2, xywh[:, 2:]])
    rows = cv2.dnn.NMSBoxesBatched(
        corner.tolist(), best[kept].tolist(), classes.tolist(), min_confidence, iou
    )
    chosen = np.asarray(rows, dtype=np.int64).reshape(-1)
    boxes = np.hstack([corner[chosen, :2], corner[chosen, :2] + corner[chosen, 2:]])
    return np.hstack([boxes, best[kept][chosen, None].astype(np.float64), classes[chosen, None]])
