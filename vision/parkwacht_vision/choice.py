"""
Which detector runs, and whether it is the one that was wanted.

In order: weights that were named; ultralytics' own yolo11n.pt, from the state folder or fetched
once; else the embedded detector, with a reason that is shown, logged and stored with every event.
"""

import logging
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from parkwacht_config.errors import ModelError
from parkwacht_config.text import Text
from parkwacht_coverage.camera import CameraModel
from parkwacht_vision.detections import Detector
from parkwacht_vision.detector import UltralyticsDetector
from parkwacht_vision.embedded import EmbeddedDetector, embedded_info
from parkwacht_vision.event import DetectorInfo

logger = logging.getLogger(__name__)

DetectorKind = Literal["auto", "ultralytics", "embedded"]
DEFAULT_WEIGHTS = "yolo11n.pt"
RELEASES_URL = "https://github.com/ultralytics/assets/releases"
ONLINE_TIMEOUT_S = 3.0
FETCH_TIMEOUT_S = 180.0

_FETCH = (
    "import sys; from ultralytics.utils.downloads import attempt_download_asset as fetch; "
    "fetch(sys.argv[1])"
)


@dataclass(frozen=True, slots=True)
class ChosenDetector:
    """The detector of this run; `for_camera` makes the one for one camera."""

    info: DetectorInfo
    for_camera: Callable[[CameraModel | None], Detector]
    warning: Text | None = None
    warm_up: Callable[[], None] = lambda: None


def choose_detector(
    kind: DetectorKind,
    weights: str | None,
    *,
    state_dir: Path,
    is_online: Callable[[], bool] | None = None,
) -> ChosenDetector:
    """
    Choose and load the detector.

    Parameters
    ----------
    kind
        `auto` falls back on the embedded detector where no weights can be had; `ultralytics`
        does not; `embedded` takes the embedded one at once, which is then no fallback.
    weights
        A file, a folder, or a name ultralytics knows; None for the default.
    state_dir
        Where fetched weights are kept.
    is_online
        Whether weights can be fetched at all; by default a short look at the network.

    Raises
    ------
    ModelError
        Weights that were named as a path cannot be used, or `ultralytics` was asked for and no
        weights can be had.
    """
    if kind == "embedded":
        return _embedded(embedded_info())
    named = weights or DEFAULT_WEIGHTS
    path = _find_weights(named, state_dir)
    if path is not None:
        return _ultralytics(path, state_dir)
    if _is_path(named):
        return _ultralytics(Path(named), state_dir)  # raises: what was named does not exist
    reason = _fetch(named, state_dir, is_online or can_reach_releases)
    path = _find_weights(named, state_dir)
    if reason is None and path is not None:
        return _ultralytics(path, state_dir)
    reason = reason or Text(nl="niet gevonden na het ophalen", en="not found after fetching")
    if kind == "ultralytics":
        raise ModelError(
            Text(
                nl=f"gewichten {named} zijn er niet: {reason.nl}; geef --weights met een bestand",
                en=f"weights {named} are not here: {reason.en}; give --weights with a file",
            )
        )
    return _fallback(named, reason)


def fetch_weights(named: str, state_dir: Path, is_online: Callable[[], bool] | None = None) -> Path:
    """
    Fetch weights by name into the state folder; those that are there already are kept.

    Parameters
    ----------
    named
        A name ultralytics knows, such as yolo11n.pt.
    state_dir
        Where fetched weights are kept.
    is_online
        Whether weights can be fetched at all; by default a short look at the network.

    Returns
    -------
    path
        The file.

    Raises
    ------
    ModelError
        It is no name, or cannot be had.
    """
    if _is_path(named):
        raise ModelError(
            Text(
                nl=f"{named} is geen naam van gewichten; een naam is als {DEFAULT_WEIGHTS}",
                en=f"{named} is no name of weights; a name is like {DEFAULT_WEIGHTS}",
            )
        )
    path = state_dir / "weights" / named
    reason = None if path.exists() else _fetch(named, state_dir, is_online or can_reach_releases)
    if reason is not None:
        raise ModelError(
            Text(
                nl=f"gewichten {named} zijn niet op te halen: {reason.nl}; leg ze in {path.parent}",
                en=f"weights {named} cannot be fetched: {reason.en}; put them in {path.parent}",
            )
        )
    return path


def _ultralytics(path: Path, state_dir: Path) -> ChosenDetector:
    detector = UltralyticsDetector(path, state_dir=state_dir)
    return ChosenDetector(detector.info, lambda _: detector, warm_up=detector.warm_up)


def _embedded(info: DetectorInfo, warning: Text | None = None) -> ChosenDetector:
    return ChosenDetector(info, lambda model: EmbeddedDetector(model, info=info), warning)


def _fallback(named: str, reason: Text) -> ChosenDetector:
    warning = Text(
        nl=f"LET OP: de ingebouwde noodherkenning draait, niet {named}: {reason.nl}. Zij ziet "
        "alleen wat beweegt en vergist zich vaker; geef --weights met een bestand of map",
        en=f"WARNING: the embedded fallback detector runs, not {named}: {reason.en}. It sees "
        "only what moves and errs more often; give --weights with a file or folder",
    )
    logger.warning("%s", warning.en)
    info = embedded_info(is_fallback=True, reason=f"{named}: {reason.en}"[:300])
    return _embedded(info, warning)


def _is_path(named: str) -> bool:
    return "/" in named or os.sep in named or Path(named).suffix != ".pt"


def _find_weights(named: str, state_dir: Path) -> Path | None:
    for path in (Path(named).expanduser(), state_dir / "weights" / Path(named).name):
        if path.exists():
            return path
        if _is_path(named):
            return None
    return None


def _fetch(named: str, state_dir: Path, is_online: Callable[[], bool]) -> Text | None:
    """Let ultralytics fetch weights by name; return why not."""
    if not is_online():
        return Text(nl=f"geen verbinding met {RELEASES_URL}", en=f"no connection to {RELEASES_URL}")
    target = state_dir / "weights" / named
    target.parent.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "YOLO_AUTOINSTALL": "false",
        "YOLO_OFFLINE": "false",
        "YOLO_CONFIG_DIR": str(state_dir / "ultralytics"),
    }
    logger.info("fetching %s from %s", named, RELEASES_URL)
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter, a fixed program
            [sys.executable, "-c", _FETCH, str(target)],
            env=environment, cwd=target.parent, timeout=FETCH_TIMEOUT_S,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Text(nl="ophalen duurde te lang", en="fetching took too long")
    if done.returncode or not target.exists():
        logger.warning("fetching %s failed: %s", named, done.stderr.strip()[-500:])
        return Text(nl="ophalen mislukte", en="fetching failed")
    return None


def can_reach_releases() -> bool:
    """Return whether ultralytics' releases answer, within a few seconds whatever the network."""
    answered = threading.Event()

    def ask() -> None:
        request = urllib.request.Request(RELEASES_URL, method="HEAD")
        try:
            with urllib.request.urlopen(request, timeout=ONLINE_TIMEOUT_S):  # noqa: S310
                answered.set()
        except (OSError, urllib.error.URLError, ValueError):
            return

    # A thread, because looking up a name knows no time limit.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(ONLINE_TIMEOUT_S + 1)
    return answered.is_set()
