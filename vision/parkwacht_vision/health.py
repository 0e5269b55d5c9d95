"""
Whether a camera still sees what it should: covered, moved, out of focus, black, frozen and so on.

Every two seconds a picture is compared with what the camera usually shows. Edges stay where they
are when a lamp or infrared switches, so likeness is judged on edges with brightness and contrast
taken off; only what is like a reference teaches it, slowly, one by bright and one by dark. A
trouble begins after several checks in a row and clears by itself after several good ones. A view
that stays changed for half an hour is taken for the new one.
"""

import math
import zipfile
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from parkwacht_config.text import Text
from parkwacht_coverage.camera import CameraModel
from parkwacht_vision.event import TroubleCause
from parkwacht_vision.frames import Frame, SourceHealth
from parkwacht_vision.pictures import Image
from parkwacht_vision.troubles import TroubleChange

Floats = npt.NDArray[np.float32]
Light = Literal["bright", "dark"]

CHECK_S = 2.0
EARLY_S = 0.1  # key frames of a live camera are not exactly 2 s apart: each is a check all the same
ROWS = 360
N_BEGIN, N_END = 3, 3  # checks in a row
N_BEGIN_FROZEN = 6  # equal pictures over 12 s: a recording may begin with a few repeated ones
N_BEGIN_UNLIKE = 8  # a view that is unlike, without a shift that explains it: maybe a lorry
ADOPT_S = 1800.0
LEARN_CHECKS = 3
LEARN_RATE = 0.02  # per check: about two minutes
FINE_EVERY = 5  # checks: how fine detail is hardly changes, and takes half of a check to measure
LIKE, UNLIKE = 0.8, 0.25  # correlation of edges with the reference
MIN_GAIN = 0.2  # of that correlation, by the shift that explains a view
SAVE_EVERY = 300  # checks
DARK_LUMA = 60.0
BLACK_LUMA, BLACK_SPREAD = 22.0, 3.0
BRIGHT_LUMA, BRIGHT_SHARE = 248, 0.6
FLAT_SHARE = 0.35  # of the reference's edges: a hand or a bag has none
BLURRED_SHARE = 0.6  # of the reference's edges per contrast
BLURRED_FINE = 0.85  # of fine detail per coarse: other light leaves 0.95 to 1.05, a blur 0.4 to 0.7
BLURRED_PARTS = 0.7  # of the parts that have edges
MIN_EDGES = 1.2  # grey levels per pixel: a view with less cannot be judged
MIN_SHIFT_PX = 2.0  # of 180 rows
MIN_DRIFT_S, DRIFT_OVER_S = 10.0, 3.0
COLLAPSED, RECOVERED = 0.08, 0.2  # of the usual bitrate


@dataclass(slots=True)
class _Alarm:
    """One cause: begins after several bad checks, is over after several good ones."""

    n_begin: int
    is_on: bool = False
    since: datetime | None = None  # the first bad check of this row
    n_bad: int = 0
    n_good: int = 0

    def judge(self, is_bad: bool, at: datetime) -> bool:
        """Take one verdict; return whether the alarm turned on or off."""
        if not is_bad:
            self.n_bad, self.n_good = 0, self.n_good + 1
            if self.is_on and self.n_good >= N_END:
                self.is_on, self.since = False, None
                return True
            return False
        if self.n_bad == 0 and not self.is_on:
            self.since = at
        self.n_bad, self.n_good = self.n_bad + 1, 0
        if not self.is_on and self.n_bad >= self.n_begin:
            self.is_on = True
            return True
        return False


@dataclass(slots=True)
class _Reference:
    """What a camera usually shows in one light."""

    edges: Floats
    level: float  # mean edge strength, grey levels per pixel
    sharpness: float  # edges per contrast: not of the light
    fineness: float  # fine detail per coarse detail
    n: int = 1

    def learn(self, view: "_View") -> None:
        rate = max(LEARN_RATE, 1 / (self.n + 1))
        self.n += 1
        cv2.accumulateWeighted(view.edges, self.edges, rate)
        self.level += rate * (view.level - self.level)
        self.sharpness += rate * (view.sharpness - self.sharpness)
        if self.n % FINE_EVERY == 0:
            self.fineness += max(FINE_EVERY * LEARN_RATE, rate) * (view.fineness - self.fineness)


@dataclass(frozen=True, slots=True)
class _View:
    """What is measured on one picture."""

    luma: Image  # 360 rows
    small: Image  # 180 rows
    edges: Floats  # of 180 rows
    level: float
    sharpness: float
    mean: float
    spread: float

    @property
    def fineness(self) -> float:
        """How much detail of a pixel or two there is per detail of four; not of the light."""
        exact = self.small.astype(np.float32)
        soft = [cv2.GaussianBlur(exact, (0, 0), sigma) for sigma in (1.0, 2.0, 4.0)]
        fine, coarse = (float(cv2.absdiff(a, b).mean()) for a, b in pairwise(soft))
        return fine / max(coarse, 0.1)

    @property
    def light(self) -> Light:
        return "dark" if self.mean < DARK_LUMA else "bright"


@dataclass(slots=True)
class HealthMonitor:
    """
    Watches over one camera.

    Parameters
    ----------
    model
        The camera's calibration, to give a turn in degrees; None without.
    store
        Where the references are kept (`.npz`), so that a camera turned while the worker was down
        is noticed; None to keep them in memory.
    """

    model: CameraModel | None = None
    store: Path | None = None
    _references: dict[Light, _Reference] = field(default_factory=dict, init=False)
    _alarms: dict[TroubleCause, _Alarm] = field(default_factory=dict, init=False)
    _checked_s: float | None = field(default=None, init=False)
    _last: Image | None = field(default=None, init=False)
    _has_noise: bool = field(default=False, init=False)
    _n_unlike: int = field(default=0, init=False)
    _n_moved: int = field(default=0, init=False)
    _n_checks: int = field(default=0, init=False)
    _usual_rate: float | None = field(default=None, init=False)
    _measured_at: datetime | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Read the references of the last run, where there are any that can be read."""
        if self.store is None or not self.store.exists():
            return
        try:
            with self.store.open("rb") as file, np.load(file, allow_pickle=False) as kept:
                lights: tuple[Light, ...] = ("bright", "dark")
                for light in lights:
                    if light in kept:
                        level, sharpness, fineness = kept[f"{light}_numbers"].tolist()
                        edges = kept[light].astype(np.float32)
                        self._references[light] = _Reference(
                            edges, level, sharpness, fineness, LEARN_CHECKS
                        )
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            self._references.clear()  # a torn file: learn anew

    @property
    def troubles(self) -> tuple[TroubleCause, ...]:
        """What troubles the camera now."""
        return tuple(cause for cause, one in self._alarms.items() if one.is_on)

    def see(self, frame: Frame) -> list[TroubleChange]:
        """Judge a frame; most are passed over, one in two seconds is looked at."""
        changes = self._judge("lost", is_bad=False, at=frame.at)
        since_s = None if self._checked_s is None else frame.media_time_s - self._checked_s
        if frame.is_replay or (since_s is not None and 0 <= since_s < CHECK_S - EARLY_S):
            return changes
        self._checked_s = frame.media_time_s
        luma = frame.picture.luma(ROWS)
        return changes + self._check(luma, frame)

    def lost(self, at: datetime, seconds: float, why: Text | None = None) -> list[TroubleChange]:
        """Note that a stream gives nothing since some seconds."""
        self._last = None
        changes = self._judge("lost", is_bad=True, at=at, measure=(seconds, "s"))
        return [replace(one, why=why) for one in changes]

    def measure_stream(self, at: datetime, health: SourceHealth) -> list[TroubleChange]:
        """
        Judge a live camera by its packets; one call in two seconds is looked at.

        Parameters
        ----------
        at
            Now.
        health
            What was measured of them.
        """
        if self._measured_at is not None and at - self._measured_at < timedelta(seconds=CHECK_S):
            return []
        self._measured_at = at
        changes = self._judge("half_lost", is_bad=health.is_halved, at=at)
        if health.rate_bps is not None:
            changes += self._judge_rate(health.rate_bps, at)
        drift_s = health.clock_drift_s
        limit_s = DRIFT_OVER_S if self._alarm("clock_drift").is_on else MIN_DRIFT_S
        return changes + self._judge(
            "clock_drift", is_bad=abs(drift_s) > limit_s, at=at, measure=(drift_s, "s")
        )

    def _judge_rate(self, rate_bps: float, at: datetime) -> list[TroubleChange]:
        usual = self._usual_rate
        is_on = self._alarm("bitrate_collapse").is_on
        share = 1.0 if not usual else rate_bps / usual
        is_bad = share < (RECOVERED if is_on else COLLAPSED)
        if usual is None:
            self._usual_rate = rate_bps
        elif not is_bad:
            self._usual_rate = usual + LEARN_RATE * (rate_bps - usual)
        return self._judge("bitrate_collapse", is_bad=is_bad, at=at, measure=(100 * share, "%"))

    def save(self) -> None:
        """Keep the references for the next run."""
        ready = {light: one for light, one in self._references.items() if one.n >= LEARN_CHECKS}
        if self.store is None or not ready:
            return
        self.store.parent.mkdir(parents=True, exist_ok=True)
        arrays: dict[str, npt.NDArray[np.generic]] = {}
        for light, one in ready.items():
            arrays[light] = one.edges.astype(np.float16)
            arrays[f"{light}_numbers"] = np.array([one.level, one.sharpness, one.fineness])
        part = self.store.with_suffix(".part.npz")
        np.savez_compressed(part, allow_pickle=False, **arrays)
        part.replace(self.store)

    def _check(self, luma: Image, frame: Frame) -> list[TroubleChange]:
        self._n_checks += 1
        if self._n_checks % SAVE_EVERY == 0:
            self.save()
        last, self._last = self._last, luma
        is_same = last is not None and last.shape == luma.shape and np.array_equal(last, luma)
        self._has_noise |= last is not None and not is_same
        view = _measure(luma)
        verdicts = self._verdicts(view, frame)
        # A picture that never moved is drawn, or a dead camera: then it has been so from the start.
        # Black and white pictures have no noise.
        is_clipped = verdicts["black"][0] or verdicts["over_exposed"][0]
        verdicts["frozen"] = (is_same and self._has_noise and not is_clipped, None, "")
        changes = []
        for cause, (is_bad, measure, unit) in verdicts.items():
            changes += self._judge(cause, is_bad=is_bad, at=frame.at, measure=(measure, unit))
        return changes

    def _verdicts(
        self, view: _View, frame: Frame
    ) -> dict[TroubleCause, tuple[bool, float | None, str]]:
        """Return of each cause that pictures show whether it is so, and how much."""
        found: dict[TroubleCause, tuple[bool, float | None, str]] = {
            "black": (view.mean < BLACK_LUMA and view.spread < BLACK_SPREAD, view.mean, "luma"),
            "covered": (False, None, ""),
            "moved": (False, None, ""),
            "defocused": (False, None, ""),
        }
        share = float((view.luma[::2, ::2] >= BRIGHT_LUMA).mean())
        found["over_exposed"] = (share > BRIGHT_SHARE, 100 * share, "%")
        if found["black"][0] or found["over_exposed"][0]:
            return found
        likeness, reference = self._compare(view)
        if reference is None or likeness >= LIKE:
            self._n_unlike = 0
            found["defocused"] = self._learn(view)
            return found
        self._n_unlike = self._n_unlike + 1 if likeness < UNLIKE else 0
        cause, measure, unit = self._explain(view, reference, likeness, frame)
        if cause is not None:
            found[cause] = (True, measure, unit)
        self._n_moved = self._n_moved + 1 if cause == "moved" else 0
        if self._n_moved * CHECK_S >= ADOPT_S:
            self._references.clear()
            self._n_moved = 0
        return found

    def _compare(self, view: _View) -> tuple[float, _Reference | None]:
        """Return how like the view is to what was learned, in whichever light."""
        best: tuple[float, _Reference | None] = (0.0, None)
        for one in self._references.values():
            if one.edges.shape == view.edges.shape and one.n >= LEARN_CHECKS:
                likeness = _correlation(one.edges, view.edges)
                if best[1] is None or likeness > best[0]:
                    best = (likeness, one)
        return best

    def _learn(self, view: _View) -> tuple[bool, float | None, str]:
        """Learn a view that is as it should be; return whether it is out of focus."""
        one = self._references.get(view.light)
        if one is None or one.edges.shape != view.edges.shape:
            if view.level >= MIN_EDGES:
                self._references[view.light] = _Reference(
                    view.edges.copy(), view.level, view.sharpness, view.fineness
                )
            return (False, None, "")
        share = view.sharpness / one.sharpness if one.sharpness > 0 else 1.0
        is_blurred = (
            one.n >= LEARN_CHECKS
            and share < BLURRED_SHARE
            and view.fineness < BLURRED_FINE * one.fineness
        )
        if not is_blurred:
            one.learn(view)
        return (is_blurred, 100 * share, "%")

    def _explain(
        self, view: _View, reference: _Reference, likeness: float, frame: Frame
    ) -> tuple[TroubleCause | None, float | None, str]:
        """Say why a view is unlike its reference, and by how much."""
        window = cv2.createHanningWindow(view.edges.shape[::-1], cv2.CV_32F)
        # Copies: OpenCV writes the window into what it is given.
        (x, y), _ = cv2.phaseCorrelate(reference.edges.copy(), view.edges.copy(), window)
        size = (view.edges.shape[1], view.edges.shape[0])
        shift_back = np.array([[1, 0, -x], [0, 1, -y]], dtype=np.float32)
        back = np.asarray(cv2.warpAffine(view.edges, shift_back, size), dtype=np.float32)
        shift = float(np.hypot(x, y))
        overlap = _overlap(reference.edges, back, x, y)
        if shift >= MIN_SHIFT_PX and overlap >= likeness + MIN_GAIN:
            shift_px = shift * frame.picture.height_px / view.edges.shape[0]
            turn_deg = self._turn_deg(shift_px, frame)
            if turn_deg is None:
                return "moved", round(shift_px, 1), "px"
            return "moved", round(turn_deg, 1), "°"
        share = view.sharpness / reference.sharpness
        if likeness >= UNLIKE and _is_blurred_all_over(view, reference):
            return "defocused", round(100 * share), "%"
        if likeness < UNLIKE and view.level < FLAT_SHARE * reference.level:
            return "covered", None, ""
        return ("moved" if self._n_unlike >= N_BEGIN_UNLIKE else None), None, ""

    def _turn_deg(self, shift_px: float, frame: Frame) -> float | None:
        """Turn a shift across the middle of the picture into degrees, for a calibrated camera."""
        if self.model is None:
            return None
        width, height = frame.picture.width_px, frame.picture.height_px
        model = self.model.scaled_to(width, height)
        centre = (width / 2, height / 2)
        rays = model.rays(np.array([centre, (centre[0] + shift_px, centre[1])]))
        cosine = float(rays[0] @ rays[1] / np.linalg.norm(rays[0]) / np.linalg.norm(rays[1]))
        return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))

    def _alarm(self, cause: TroubleCause) -> _Alarm:
        n_begin = {"frozen": N_BEGIN_FROZEN, "lost": 1}.get(cause, N_BEGIN)
        return self._alarms.setdefault(cause, _Alarm(n_begin))

    def _judge(
        self,
        cause: TroubleCause,
        *,
        is_bad: bool,
        at: datetime,
        measure: tuple[float | None, str] = (None, ""),
    ) -> list[TroubleChange]:
        alarm = self._alarm(cause)
        if cause == "lost" and alarm.is_on and not is_bad:
            alarm.n_good = N_END  # one picture is proof
        began = alarm.since
        if not alarm.judge(is_bad, at):
            return []
        when = (began or at) if alarm.is_on else at
        return [TroubleChange(cause, alarm.is_on, when, *measure)]


def _measure(luma: Image) -> _View:
    rows, columns = luma.shape
    size = (max(8, columns // 2), max(8, rows // 2))
    small = cv2.resize(luma, size, interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small, (5, 5), 1.2).astype(np.float32)
    edges = cv2.magnitude(
        cv2.Sobel(soft, cv2.CV_32F, 1, 0, scale=0.25), cv2.Sobel(soft, cv2.CV_32F, 0, 1, scale=0.25)
    )
    mean, spread = cv2.meanStdDev(small)
    level = float(edges.mean())
    contrast = float(spread[0, 0])
    sharpness = level / max(contrast, 1.0)
    return _View(luma, small, edges, level, sharpness, float(mean[0, 0]), contrast)


def _is_blurred_all_over(view: _View, reference: _Reference) -> bool:
    """Return whether edges are weak in most parts: a person before the lens hides only some."""
    usual = cv2.resize(reference.edges, (16, 9), interpolation=cv2.INTER_AREA)
    usual = usual / (reference.level / reference.sharpness)
    now = cv2.resize(view.edges, (16, 9), interpolation=cv2.INTER_AREA) / max(view.spread, 1.0)
    has_edges = usual >= np.median(usual)
    return float((now < BLURRED_SHARE * usual)[has_edges].mean()) >= BLURRED_PARTS


def _correlation(a: Floats, b: Floats) -> float:
    # OpenCV's matchTemplate and NumPy's corrcoef say the same in thirty times the time.
    a, b = (one - np.float32(cv2.mean(one)[0]) for one in (a, b))
    spread = float(np.vdot(a, a)) * float(np.vdot(b, b))
    return float(np.vdot(a, b)) / math.sqrt(spread) if spread > 0 else 0.0


def _overlap(reference: Floats, back: Floats, x: float, y: float) -> float:
    """Return the likeness where both pictures show something."""
    rows, columns = reference.shape
    left, top = int(max(0, -x)) + 1, int(max(0, -y)) + 1
    right, bottom = columns - int(max(0, x)) - 1, rows - int(max(0, y)) - 1
    if right - left < columns // 3 or bottom - top < rows // 3:
        return 0.0
    part = (slice(top, bottom), slice(left, right))
    return _correlation(np.ascontiguousarray(reference[part]), np.ascontiguousarray(back[part]))
