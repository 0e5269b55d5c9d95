"""
What a .pt file would run is known before it is loaded.

A .pt holds a pickle, and a pickle can call anything. Before torch sees the file its pickle is read
here with every name replaced by an inert stand-in that imports and does nothing; names and calls
that a detection network does not need are refused. ultralytics' own safe loading, which is turned
on too, is the second lock.
"""

import importlib
import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

from parkwacht_config.errors import ModelError
from parkwacht_config.text import Text

MAX_PICKLE_BYTES = 64 * 1024 * 1024
MAX_NAMES = 10_000
END_OF_ZIP_BYTES = 22  # its last record, without a comment

# Modules whose classes may be made, without their __init__, and given their attributes.
CLASS_MODULES = (
    "torch.nn.modules.", "ultralytics.nn.modules.", "ultralytics.nn.tasks",
    "ultralytics.utils.loss", "ultralytics.utils.tal",
)  # fmt: skip

# What may be called, or is named only: exact names.
CALLABLE = frozenset(
    {
        "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2",
        "torch._utils._rebuild_parameter", "torch.Size", "torch.device", "torch.dtype",
        "collections.OrderedDict", "builtins.set", "__builtin__.set", "builtins.frozenset",
        "builtins.slice", "_codecs.encode", "pathlib.PosixPath", "pathlib.WindowsPath",
        "numpy.dtype", "numpy.ndarray", "numpy.core.multiarray.scalar",
        "numpy._core.multiarray.scalar", "numpy.core.multiarray._reconstruct",
        "numpy._core.multiarray._reconstruct", "ultralytics.utils.IterableSimpleNamespace",
    }
)  # fmt: skip
TORCH_VALUES = frozenset(
    {
        "float16", "float32", "float64", "bfloat16", "int8", "int16", "int32", "int64", "uint8",
        "bool", "FloatStorage", "HalfStorage", "DoubleStorage", "BFloat16Storage", "CharStorage",
        "ShortStorage", "IntStorage", "LongStorage", "ByteStorage", "BoolStorage",
    }
)  # fmt: skip
# Segmentation and pose networks name a method this way; they are refused later, by their task.
GETATTR = frozenset({"builtins.getattr", "__builtin__.getattr"})


class _RefusedError(Exception):
    """A name or call that a network does not need."""


class _StandInType(type):
    """Makes stand-ins; called as a function it makes one only for what may be called."""

    name = ""
    is_callable = False

    def __call__(cls, *args: object, **_: object) -> Any:  # noqa: ANN401
        is_method = cls.name in GETATTR and isinstance(args[0], _StandInType)
        if cls.is_callable or (is_method and args[1:] == ("forward",)):
            return _Inert()
        raise _RefusedError(cls.name)


class _Inert:
    """Does nothing, whatever a pickle asks of it."""

    def __new__(cls, *_: object) -> Any:  # noqa: ANN401
        return super().__new__(cls)

    def __setstate__(self, state: object) -> None:
        """Keep nothing."""

    def __setitem__(self, key: object, value: object) -> None:
        """Keep nothing."""

    def append(self, value: object) -> None:
        """Keep nothing."""

    def extend(self, values: object) -> None:
        """Keep nothing."""

    def add(self, value: object) -> None:
        """Keep nothing."""

    def __hash__(self) -> int:
        """Let it be a key."""
        return 0


class _Reader(pickle.Unpickler):
    """Reads a pickle without importing or calling anything it names."""

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content))
        self.classes: set[tuple[str, str]] = set()

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401
        """Return a stand-in for an allowed name."""
        full = f"{module}.{name}"
        is_class = _is_under(module, CLASS_MODULES)
        is_value = module == "torch" and name in TORCH_VALUES
        if "." in name or not (is_class or is_value or full in CALLABLE | GETATTR):
            raise _RefusedError(full)
        if is_class:
            self.classes.add((module, name))
            if len(self.classes) > MAX_NAMES:
                raise _RefusedError(full)
        made = _StandInType(name, (_Inert,), {})
        made.name, made.is_callable = full, full in CALLABLE
        return made

    def persistent_load(self, pid: object) -> Any:  # noqa: ANN401
        """Return a stand-in for the numbers kept beside the pickle."""
        return _Inert()


def _is_under(module: str, allowed: tuple[str, ...]) -> bool:
    return any(module.startswith(one) if one[-1] == "." else module == one for one in allowed)


def check_pickle(weights: Path) -> None:
    """
    Refuse a .pt file whose pickle would do more than build a network.

    Parameters
    ----------
    weights
        The file.

    Raises
    ------
    ModelError
        It is no archive of torch, is broken, or names what a network does not need.
    """
    try:
        reader = _Reader(_only_pickle(weights))
        reader.load()
        for module, name in reader.classes:
            _check_class(module, name)
    except _RefusedError as error:
        reason = str(error)[:120]
        raise ModelError(
            Text(
                nl=f"gewichten {weights} zijn niet te laden: zij zouden {reason} uitvoeren, en dat "
                "heeft een detectienetwerk niet nodig; gebruik ze niet en haal ze opnieuw bij de "
                "bron",
                en=f"weights {weights} cannot be loaded: they would run {reason}, which no "
                "detection network needs; do not use them and get them from their source again",
            )
        ) from error
    except _READING_ERRORS as error:
        reason = f"{type(error).__name__}: {error}"[:120]
        raise ModelError(
            Text(
                nl=f"gewichten {weights} zijn niet te laden: geen geldig .pt-bestand ({reason})",
                en=f"weights {weights} cannot be loaded: no valid .pt file ({reason})",
            )
        ) from error


# Broken bytes make the standard unpickler raise any of these.
_READING_ERRORS: tuple[type[Exception], ...] = (
    OSError, zipfile.BadZipFile, pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError,
    IndexError, AttributeError, ImportError, MemoryError, RecursionError, NotImplementedError,
    OverflowError, RuntimeError,
)  # fmt: skip


def _only_pickle(weights: Path) -> bytes:
    """Return the pickle of an archive that every reader of zip files reads alike."""
    if not zipfile.is_zipfile(weights):
        message = "no zip"
        raise zipfile.BadZipFile(message)
    with zipfile.ZipFile(weights) as archive:
        names = archive.namelist()
        found = [one for one in names if one.rsplit("/", 1)[-1] == "data.pkl"]
        is_odd = (
            len(set(names)) != len(names)
            or len({one.split("/", 1)[0] for one in names}) != 1
            or any(one.endswith("constants.pkl") for one in names)  # a TorchScript program
            or bool(archive.comment)
            or min(one.header_offset for one in archive.infolist()) != 0
            or not _ends_with_its_record(weights)
        )
        if len(found) != 1 or is_odd:
            message = "archive of torch expected"
            raise zipfile.BadZipFile(message)
        if archive.getinfo(found[0]).file_size > MAX_PICKLE_BYTES:
            message = "data.pkl too large"
            raise zipfile.BadZipFile(message)
        return archive.read(found[0])


def _ends_with_its_record(weights: Path) -> bool:
    with weights.open("rb") as file:
        file.seek(-END_OF_ZIP_BYTES, io.SEEK_END)
        return file.read(4) == b"PK\x05\x06"


def _check_class(module: str, name: str) -> None:
    """Refuse what stands in an allowed module and is no class of that module: functions, os."""
    try:
        found: object = getattr(importlib.import_module(module), name, None)
    except ImportError:
        found = None
    full = f"{module}.{name}"
    if found is None:
        message = f"{full} is unknown here"
        raise pickle.UnpicklingError(message)
    if not isinstance(found, type) or found.__module__ != module:
        raise _RefusedError(full)
