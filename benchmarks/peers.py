"""
DVR-Scan, the whole program, as a peer: its events scored by our scorer.

It needs another build of OpenCV than ours, so it runs from an environment of its own, made once in
a cache folder.
"""

import subprocess
import sys
from pathlib import Path

from platformdirs import user_cache_path

from parkwacht_config.site import ObjectClass
from parkwacht_vision.scoring import Found
from parkwacht_vision.truth import ClipTruth, Group

DVR_SCAN = "dvr-scan==1.8.2.1"
LONGEST_S = 600


def dvr_scan_program() -> Path | None:
    """Return the program, installed where it is not yet; None where it cannot be had."""
    folder = user_cache_path("parkwacht") / "dvr_scan"
    program = folder / "bin" / "dvr-scan"
    if program.exists():
        return program
    steps = (
        [sys.executable, "-m", "venv", str(folder)],
        [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", DVR_SCAN],
    )
    for words in steps:
        if subprocess.run(words, check=False, capture_output=True).returncode:
            return None
    return program


def dvr_scan(program: Path, truth: ClipTruth) -> list[Found]:
    """
    Let DVR-Scan find the motion of one recording, at its defaults.

    It knows no classes, so that its events get that of the truth: every visit it sees counts. It
    tells an event when it is over; the beginning stands for the alarm, which favours it.
    """
    words = [str(program), "-i", str(truth.path), "--scan-only", "-q"]
    done = subprocess.run(words, check=True, capture_output=True, text=True, timeout=LONGEST_S)
    written = done.stdout.strip()
    times = written.split(",") if written else []  # it saw no motion
    spans = [(seconds_of(a), seconds_of(b)) for a, b in zip(times[::2], times[1::2], strict=True)]
    return [Found(_nearest_class(truth, *span), span[0], *span) for span in spans]


def _nearest_class(truth: ClipTruth, begin_s: float, end_s: float) -> ObjectClass:
    """Return the class of the visit an event has most time in common with."""
    if not truth.visits:
        return ObjectClass.PERSON
    best = max(truth.visits, key=lambda one: min(end_s, one.end_s) - max(begin_s, one.start_s))
    return ObjectClass.PERSON if best.group is Group.PERSON else ObjectClass.VEHICLE


def seconds_of(written: str) -> float:
    """Turn `hh:mm:ss.nnn` into seconds."""
    hours, minutes, seconds = written.strip().split(":")
    return 3600 * int(hours) + 60 * int(minutes) + float(seconds)
