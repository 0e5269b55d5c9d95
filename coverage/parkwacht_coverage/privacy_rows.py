"""
Privacy ceilings as rows of the choice: what each candidate view sees that is not its business.

Counted as `privacy` counts, by day and without masks, so that the figures can be compared; private
ground and passers-by on a coarser grid, which the study's own measurement checks afterwards. What
kept cameras see already is taken off each ceiling.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt
from scipy import sparse

from parkwacht_config.errors import CoverageError
from parkwacht_config.site import Lens
from parkwacht_config.text import Text
from parkwacht_coverage.camera import CameraModel
from parkwacht_coverage.choices import Ceiling
from parkwacht_coverage.density import Edition, find_edition
from parkwacht_coverage.evaluate import Evaluator
from parkwacht_coverage.privacy import PrivacyLevel, Watcher, detect, privacy_levels, watch
from parkwacht_coverage.privacy_ground import PrivacyGround, WeightedPoints, lay_privacy_ground
from parkwacht_coverage.views import View
from parkwacht_coverage.visibility import Targets

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

PRIVATE_STEP_M = 8.0
PASSERS_BY_STEP_M = 8.0
PRIVATE = ("camera_private_m2", "private_m2")

NAMES = {
    "private_m2": Text(nl="gezien privégrond", en="private ground seen"),
    "camera_private_m2": Text(
        nl="gezien privégrond per camera", en="private ground seen by one camera"
    ),
    "dwelling_window_m": Text(nl="gezien ramen van woningen", en="windows of dwellings seen"),
    "recognisable_share": Text(nl="herkenbare voorbijgangers", en="recognisable passers-by"),
}


@dataclass(frozen=True, slots=True)
class _Rule:
    """One ceiling: the points it counts, from which density on, and how much is allowed."""

    id: str
    points: WeightedPoints
    outward: Floats | None
    min_px_per_m: float
    limit: float


@dataclass(frozen=True, slots=True)
class PrivacyRows:
    """
    The ceilings for all views together, then all released cameras, and which views may be chosen.

    A released camera that exceeds the ceiling for one camera is the only cell of a ceiling of 0.
    """

    ceilings: tuple[Ceiling, ...]
    is_allowed: Bools


def find_privacy_rows(
    evaluator: Evaluator,
    views: Sequence[View],
    kept: Sequence[Watcher],
    released: Sequence[Watcher] = (),
) -> PrivacyRows:
    """
    Write the privacy ceilings of a park as rows.

    Parameters
    ----------
    evaluator
        Of the park, whose goals have the ceilings.
    views
        The candidates.
    kept
        Cameras that stay whatever is chosen.
    released
        Cameras of today that may stay: chosen like the views, after which their rows come.

    Returns
    -------
    rows
        Without ceilings in the goals nothing is computed.

    Raises
    ------
    CoverageError
        The kept cameras exceed a ceiling already.
    """
    goals = evaluator.site.goals
    is_allowed = np.ones(len(views), dtype=np.bool_)
    if all(getattr(goals.privacy, key) is None for key in NAMES):
        return PrivacyRows((), is_allowed)
    ground = lay_privacy_ground(
        evaluator.site,
        evaluator.scene,
        step_m=PRIVATE_STEP_M,
        passers_by_step_m=PASSERS_BY_STEP_M,
    )
    ceilings = []
    for rule in _rules(evaluator, ground, find_edition(goals.edition)):
        targets = evaluator.scene.targets(rule.points.points_m)
        own = [_watcher_sees(evaluator, one, rule, targets) for one in released]
        sees = _with_rows(_views_see(evaluator, views, rule), own)
        if rule.id == "camera_private_m2":
            is_within = np.asarray(sees @ rule.points.weight).ravel() <= rule.limit
            is_allowed &= is_within[: len(views)]
            ceilings += _barred(rule, is_within, len(views))
            continue
        seen = np.zeros(len(rule.points.weight), dtype=np.bool_)
        for one in kept:
            seen |= _watcher_sees(evaluator, one, rule, targets)
        used = float(rule.points.weight[seen].sum())
        _require_room(rule, used)
        free = np.flatnonzero(~seen & (np.asarray(sees.sum(axis=0)).ravel() > 0))
        columns = sparse.csr_array(sees.tocsc()[:, free])
        ceilings.append(
            Ceiling(
                rule.id,
                NAMES[rule.id],
                columns,
                rule.points.weight[free],
                rule.limit - used,
            )
        )
    return PrivacyRows(tuple(ceilings), is_allowed)


def _rules(evaluator: Evaluator, ground: PrivacyGround, edition: Edition) -> list[_Rule]:
    """Return the ceilings that are set."""
    privacy = evaluator.site.goals.privacy
    levels = privacy_levels(edition)
    lowest = edition.classes[0].threshold_px_per_m
    observe = levels[PrivacyLevel.OBSERVE].threshold_px_per_m
    recognise = levels[PrivacyLevel.RECOGNISE].threshold_px_per_m
    rows = (
        ("camera_private_m2", ground.private, None, lowest, privacy.camera_private_m2),
        ("private_m2", ground.private, None, lowest, privacy.private_m2),
        (
            "dwelling_window_m",
            ground.dwelling_windows,
            ground.outward[ground.is_dwelling],
            observe,
            privacy.dwelling_window_m,
        ),
        ("recognisable_share", ground.passers_by, None, recognise, privacy.recognisable_share),
    )
    return [
        _Rule(name, points, outward, density, limit)
        for name, points, outward, density, limit in rows
        if limit is not None
    ]


def _require_room(rule: _Rule, used: float) -> None:
    if used <= rule.limit * (1 + 1e-9):
        return
    name = NAMES[rule.id]
    raise CoverageError(
        Text(
            nl=f"plafond {rule.id} = {rule.limit:g} is al overschreden door de camera's die "
            f"blijven: {name.nl} {used:.4g}; verhoog het plafond of geef camera's vrij (released)",
            en=f"ceiling {rule.id} = {rule.limit:g} is exceeded already by the cameras that stay: "
            f"{name.en} {used:.4g}; raise the ceiling or release cameras (released)",
        )
    )


def _barred(rule: _Rule, is_within: Bools, n_views: int) -> list[Ceiling]:
    """Bar the released cameras that exceed the ceiling for one camera; views are left out."""
    barred = n_views + np.flatnonzero(~is_within[n_views:])
    if not len(barred):
        return []
    at = np.arange(len(barred))
    sees = sparse.csr_array((np.ones(len(at)), (barred, at)), shape=(len(is_within), len(at)))
    return [Ceiling(rule.id, NAMES[rule.id], sees, np.ones(len(at)), 0.0)]


def _with_rows(sees: sparse.csr_array, rows: Sequence[Bools]) -> sparse.csr_array:
    below = sparse.csr_array(np.array(rows, dtype=np.float64).reshape(len(rows), sees.shape[1]))
    return sparse.csr_array(sparse.vstack([sees, below]))


def _watcher_sees(evaluator: Evaluator, watcher: Watcher, rule: _Rule, targets: Targets) -> Bools:
    """Return which points a camera of today sees; a thermal one only where it detects people."""
    if watcher.camera_type.is_thermal:
        if rule.id not in PRIVATE:
            return np.zeros(len(rule.points.weight), dtype=np.bool_)
        return detect(watcher, evaluator.scene, rule.points, targets)
    density, _ = watch(watcher, evaluator.scene, rule.points, targets)
    return (density >= rule.min_px_per_m) & _is_facing(rule, *watcher.eye_m[:2])


def _is_facing(rule: _Rule, x_m: float, y_m: float) -> Bools:
    if rule.outward is None:
        return np.ones(len(rule.points.weight), dtype=np.bool_)
    away = np.array([x_m, y_m]) - rule.points.points_m[:, :2]
    facing: Bools = (away * rule.outward).sum(axis=1) > 0
    return facing


def _views_see(evaluator: Evaluator, views: Sequence[View], rule: _Rule) -> sparse.csr_array:
    """Return which views see which points, sparse, shape (views, points)."""
    points = rule.points.points_m
    targets = evaluator.scene.targets(points)
    members: list[npt.NDArray[np.int64]] = []
    for eye, group in itertools.groupby(views, key=lambda one: _eye_of(one.model)):
        seen = evaluator.scene.is_visible(eye, targets) & _is_facing(rule, *eye[:2])
        visible = np.flatnonzero(seen)
        members += _shown([one.model for one in group], eye, points, visible, rule.min_px_per_m)
    indptr = np.concatenate(([0], np.cumsum([len(one) for one in members])))
    indices = np.concatenate(members) if members else np.zeros(0, dtype=np.int64)
    shape = (len(views), len(points))
    return sparse.csr_array((np.ones(len(indices)), indices, indptr), shape=shape)


def _eye_of(model: CameraModel) -> tuple[float, float, float]:
    return model.x_m, model.y_m, model.height_m


def _shown(
    models: Sequence[CameraModel],
    eye_m: tuple[float, float, float],
    points_m: Floats,
    visible: npt.NDArray[np.int64],
    min_px_per_m: float,
) -> list[npt.NDArray[np.int64]]:
    """Return which of the visible points each model at an eye shows densely enough."""
    offsets = np.ascontiguousarray(points_m[visible] - np.array(eye_m))
    flat = [one for one in models if one.lens is Lens.RECTILINEAR]
    found: Iterator[npt.NDArray[np.int64]] = iter(())
    if flat:
        axes = np.array([one.axes() for one in flat])
        halves = np.array([(one.width_px, one.height_px) for one in flat]) / 2
        f_px = np.array([one.f_px for one in flat])
        at, counts = _in_images(offsets, axes, halves / f_px[:, None], f_px / min_px_per_m)
        found = iter(np.split(visible[at], np.cumsum(counts)[:-1]))
    shown = []
    for model in models:
        if model.lens is Lens.RECTILINEAR:
            shown.append(next(found))
            continue
        inside = model.is_in_view(points_m[visible])
        inside &= model.pixel_density_px_per_m(points_m[visible]) >= min_px_per_m
        shown.append(visible[inside])
    return shown


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _in_images(
    offsets: Floats, all_axes: Floats, all_halves: Floats, reaches: Floats
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """
    Return which offsets from the eye are in each rectilinear image, not deeper than its reach.

    Those of the first image come first, then of the second; and how many there are in each.
    """
    counts = np.zeros(len(all_axes), dtype=np.int64)
    found = np.empty(len(all_axes) * len(offsets), dtype=np.int64)
    n = 0
    for image in range(len(all_axes)):
        axes, halves, before = all_axes[image], all_halves[image], n
        for i in range(len(offsets)):
            x, y, z = offsets[i, 0], offsets[i, 1], offsets[i, 2]
            depth = axes[2, 0] * x + axes[2, 1] * y + axes[2, 2] * z
            if depth <= 0.0 or depth > reaches[image]:
                continue
            right = axes[0, 0] * x + axes[0, 1] * y + axes[0, 2] * z
            down = axes[1, 0] * x + axes[1, 1] * y + axes[1, 2] * z
            if abs(right) <= halves[0] * depth and abs(down) <= halves[1] * depth:
                found[n] = i
                n += 1
        counts[image] = n - before
    return found[:n], counts
