"""Weights that would run code do not run it; a real network of ultralytics is let in."""

import pickle
import pickletools
import shutil
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_network import write_tiny_network

from parkwacht_config.errors import ModelError
from parkwacht_vision.detector import UltralyticsDetector, prepare_ultralytics
from parkwacht_vision.frames import Frame
from parkwacht_vision.pickle_guard import check_pickle
from parkwacht_vision.regions import whole

AT = datetime(2026, 11, 23, 1, 13, tzinfo=UTC)


@pytest.fixture(scope="module")
def tiny_network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_network(tmp_path_factory.mktemp("network"))


def archive_of(path: Path, content: bytes, extra: dict[str, bytes] | None = None) -> Path:
    """Write what torch writes around a pickle."""
    parts = {"archive/data.pkl": content, "archive/version": b"3\n", **(extra or {})}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, one in parts.items():
            archive.writestr(name, one)
    return path


class Touch:
    """Its pickle makes a file when it is loaded."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return (Path.touch, (self.marker,))


class Evaluate(Touch):
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return (eval, (f"__import__('pathlib').Path({str(self.marker)!r}).touch()",))


@pytest.mark.parametrize("protocol", [2, 5])
@pytest.mark.parametrize("kind", [Touch, Evaluate])
def test_a_pickle_that_makes_a_file_does_not(
    kind: type[Touch], protocol: int, tmp_path: Path
) -> None:
    marker = tmp_path / "made"
    content = pickle.dumps({"model": kind(marker)}, protocol=protocol)
    pickle.loads(content)  # noqa: S301 - it is a real one: loaded, it does
    assert marker.exists()
    marker.unlink()
    evil = archive_of(tmp_path / "evil.pt", content)
    with pytest.raises(ModelError, match="would run") as caught:
        UltralyticsDetector(evil, state_dir=tmp_path)
    assert "uitvoeren" in caught.value.text.nl
    assert not marker.exists()


# Written by hand: c names a global, ) and t make tuples, R calls, \x81 makes an object.
@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"cos\nsystem\n(S'true'\ntR.", "os.system"),
        (b"c__builtin__\ngetattr\n(cos\nS'system'\ntR.", "os"),
        # a function of an allowed module, called, and as a class whose state is set
        (b"cultralytics.nn.tasks\ntorch_safe_load\n(S'x'\ntR.", "torch_safe_load"),
        (b"cultralytics.nn.tasks\ntorch_safe_load\n.", "torch_safe_load"),
        # a module that an allowed module imported
        (b"cultralytics.nn.tasks\nPath\n.", "Path"),
        (b"cultralytics.nn.autobackend\nAutoBackend\n.", "autobackend"),
        # a class that may be made without its __init__, but not called
        (b"cultralytics.nn.tasks\nDetectionModel\n(S'x.yaml'\ntR.", "DetectionModel"),
        # a rebuild that calls its first argument
        (b"ctorch._utils\n_rebuild_from_type_v2\n(cos\nsystem\ntR.", "_rebuild_from_type_v2"),
        # a method of an allowed class other than the one that networks name
        (b"c__builtin__\ngetattr\n(ctorch.nn.modules.conv\nConv2d\nS'__init__'\ntR.", "getattr"),
        # protocol 4 reaches through dots
        (b"\x80\x04\x8c\x15ultralytics.nn.tasks.\x8c\x09os.system\x93.", "os.system"),
        (b"(S'true'\nios\nsystem\n.", "os.system"),
    ],
)
def test_names_that_no_network_needs_are_refused(
    content: bytes, named: str, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="would run") as caught:
        check_pickle(archive_of(tmp_path / "evil.pt", content))
    assert named in str(caught.value)


def test_an_archive_that_two_readers_may_read_differently_is_refused(tmp_path: Path) -> None:
    good = pickle.dumps({"epoch": -1}, protocol=2)
    path = archive_of(tmp_path / "plain.pt", good)
    check_pickle(path)
    odd = {
        "two.pt": {"other/data.pkl": good},
        "nested.pt": {"archive/x/data.pkl": good},
        "script.pt": {"archive/constants.pkl": good},
    }
    for name, extra in odd.items():
        with pytest.raises(ModelError, match="no valid"):
            check_pickle(archive_of(tmp_path / name, good, extra))
    for name, content in {
        "before.pt": b"MZ" + path.read_bytes(),
        "after.pt": path.read_bytes() + b"x",
        "cut.pt": path.read_bytes()[:-30],
        "pickle.pt": good,
        "empty.pt": b"",
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ModelError, match="no valid"):
            check_pickle(tmp_path / name)


def test_a_network_with_one_call_added_is_refused(tiny_network: Path, tmp_path: Path) -> None:
    marker = tmp_path / "made"
    evil = tmp_path / "evil.pt"
    with zipfile.ZipFile(tiny_network) as old, zipfile.ZipFile(evil, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith("/data.pkl"):
                call = b"cposix\nsystem\n(S'touch " + str(marker).encode() + b"'\ntR0"
                content = content[:2] + call + content[2:]  # after the protocol's two bytes
                assert any(arg == "posix system" for _, arg, _ in pickletools.genops(content))
            new.writestr(name, content)
    with pytest.raises(ModelError, match=r"posix\.system"):
        UltralyticsDetector(evil, state_dir=tmp_path)
    assert not marker.exists()


def test_a_real_network_is_let_in_and_detects(tiny_network: Path, tmp_path: Path) -> None:
    prepare_ultralytics(tmp_path)
    from ultralytics.utils import SAFE_LOAD  # noqa: PLC0415

    assert SAFE_LOAD  # the second lock
    detector = UltralyticsDetector(tiny_network, state_dir=tmp_path)
    frame = Frame.of_image(np.full((360, 640, 3), 90, np.uint8), 0.0, AT, AT, 0)
    found = detector.detect(frame, [whole(frame.picture)])
    assert len(found.confidence) == len(found.xyxy)  # random weights: any number, but well formed
    assert detector.network.names[0] == "person"


def test_a_name_that_ultralytics_takes_for_a_checkpoint_is_checked(tmp_path: Path) -> None:
    marker = tmp_path / "made"
    evil = archive_of(tmp_path / "plain.pt", pickle.dumps(Touch(marker), protocol=2))
    for name in ("evil.PT", "evil.pt.bin", "evil.pth"):
        with pytest.raises(ModelError):
            UltralyticsDetector(Path(shutil.copy(evil, tmp_path / name)), state_dir=tmp_path)
    assert not marker.exists()
