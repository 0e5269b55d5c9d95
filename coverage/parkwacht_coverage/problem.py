"""
The placement problem of a park: every candidate view, what it serves, what it costs, what bars it.

Goals, in the order of `StudyGoals.priorities`:

* gates: one point for the overview of each gate and one for its plates, shared by its lanes;
* routes: every window of a route just longer than `max_unseen_m` is to have a sample that is seen;
  all windows seen means that no unseen stretch is longer;
* area: weighted ground that reaches the target class by `condition`; ground of a kind that
  `redundancy` names counts once as many cameras as asked see it.

Cameras that stay count for all of them, and against the privacy ceilings; a released camera is a
view that costs nothing and may be left out. Sites, trenches and views are priced by `cost`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from parkwacht_config.errors import CoverageError
from parkwacht_config.site import Camera, CameraType, Mount, Site
from parkwacht_config.text import Text
from parkwacht_coverage.choices import NO_EDGE, Choices
from parkwacht_coverage.cost import site_opening_eur, view_eur
from parkwacht_coverage.evaluate import Evaluator
from parkwacht_coverage.gates import (
    plate_views,
    sample_gates,
)
from parkwacht_coverage.masks import area_behind_masks
from parkwacht_coverage.plan import Ground
from parkwacht_coverage.privacy import Watcher
from parkwacht_coverage.privacy_rows import find_privacy_rows
from parkwacht_coverage.routes import RouteSamples, sample_routes
from parkwacht_coverage.served import Look, Points, Served
from parkwacht_coverage.trench import TrenchForest, plan_trenches
from parkwacht_coverage.unmasked import FutureMasks
from parkwacht_coverage.views import Search, View, find_views, is_candidate

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

CANDIDATE_TYPES = (
    "bullet_4mp_4mm",
    "bullet_4mp_6mm",
    "varifocal_4mp_12mm",
    "varifocal_8mp_10mm",
)

PAN_STEP_DEG = 15.0


@dataclass(frozen=True)
class PlacementProblem:
    """
    Everything a placement is chosen from.

    The views of `choices` are `views`, then one for each of the `released` cameras. `gate_of` is
    the gate of each item of the goal "gates". `notes` say what cannot be served whatever is chosen.
    """

    site: Site
    ground: Ground
    views: tuple[View, ...]
    kept: tuple[Camera, ...]
    released: tuple[Camera, ...]
    forest: TrenchForest
    routes: tuple[RouteSamples, ...]
    choices: Choices
    gate_of: Ints
    notes: tuple[Text, ...]

    @property
    def n_views(self) -> int:
        """How many candidate views there are."""
        return len(self.views)

    def n_gates_served(self, chosen: Sequence[int]) -> int:
        """Return of how many gates all is served that is asked, by chosen and kept cameras."""
        views = np.array(chosen, dtype=np.int64)
        unserved: set[int] = set()
        for goal in self.choices.goals:
            if goal.id == "gates":
                count = np.asarray(goal.sees[views].sum(axis=0)).ravel()
                unserved = set(self.gate_of[count < goal.need].tolist())
        return len(self.site.gates) - len(unserved)


def build_problem(
    evaluator: Evaluator,
    *,
    pan_step_deg: float = PAN_STEP_DEG,
    forest: TrenchForest | None = None,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> PlacementProblem:
    """
    Gather all candidate views of a park with what they serve and cost.

    Parameters
    ----------
    evaluator
        Of the park and the targets to choose on; the park's `goals` say what is asked.
    pan_step_deg
        Angle between neighbouring directions at a mount.
    forest
        The trenches to the park's mounts; None plans them.
    on_progress
        Told how many mounts of how many have been looked at.

    Returns
    -------
    problem
        The same for the same input.

    Raises
    ------
    CoverageError
        No mount or camera type is left to choose from, an id of the goals is unknown, or a
        privacy ceiling is exceeded already by the cameras that stay.
    """
    site = evaluator.site
    mounts = _mounts(site)
    gates, routes = sample_gates(evaluator), sample_routes(evaluator)
    forest = forest or plan_trenches(site)
    kept, released = _cameras(site)
    points = Points.of(evaluator, gates, routes)
    search = Search(
        scene=evaluator.scene,
        ground=points.ground,
        targets=evaluator.scene.targets(points.ground.points_m),
        camera_types=_types(site),
        density_class=evaluator.target_class,
        pan_step_deg=pan_step_deg,
        light_margin=evaluator.light_margin,
        lux=points.lux if points.is_night else None,
    )
    views = find_views(mounts, search, on_progress)
    views += [
        replace(one, hits=points.hits(one.model, one.camera_type, search).astype(np.int32))
        for one in plate_views(gates, evaluator, mounts)
    ]
    watchers = [Watcher.of(one, site.camera_types[one.type_id]) for one in kept]
    own = [Watcher.of(one, site.camera_types[one.type_id]) for one in released]
    rows = find_privacy_rows(evaluator, views, watchers, own)
    allowed = np.concatenate((np.flatnonzero(rows.is_allowed), len(views) + np.arange(len(own))))
    views = [view for view, is_allowed in zip(views, rows.is_allowed, strict=True) if is_allowed]
    looks: list[Look] = [(view.model, view.camera_type, ()) for view in views]
    for one in (*released, *kept):
        today = Watcher.of(one, site.camera_types[one.type_id], site.privacy_masks)
        looks.append((today.models[0], today.camera_type, today.masks))
    hits = [np.asarray(view.hits, dtype=np.int64) for view in views]
    hits += [points.hits(model, its, search) for model, its, _ in looks[len(views) :]]
    xyz = points.ground.points_m
    free = FutureMasks.of(evaluator).unmasked([model for model, _, _ in looks], hits, xyz)
    hits = [
        # A camera of today that the park gives masks of its own keeps those and gets no others.
        hit[~area_behind_masks(model, masks, xyz[hit])] if masks else rest
        for (model, _, masks), hit, rest in zip(looks, hits, free, strict=True)
    ]
    served = Served(evaluator, points, gates, routes, looks, hits)
    goals, gate_of, notes = served.goals(len(kept))
    choices = replace(
        _prices(site, mounts, views, forest, len(released)),
        goals=goals,
        ceilings=tuple(one.of_views(allowed) for one in rows.ceilings),
    )
    return PlacementProblem(
        site=site,
        ground=evaluator.ground,
        views=tuple(views),
        kept=kept,
        released=released,
        forest=forest,
        routes=routes,
        choices=choices,
        gate_of=gate_of,
        notes=notes,
    )


def _mounts(site: Site) -> list[Mount]:
    """Return the mounts that may be used."""
    known = {one.id for one in site.mounts}
    excluded = set(site.goals.excluded_mounts)
    _require_known(excluded - known, "excluded_mounts")
    mounts = [one for one in site.mounts if one.id not in excluded]
    if not mounts:
        raise CoverageError(
            Text(
                nl=f"geen montagepunt over: {len(known)} in het park, {len(excluded)} uitgesloten "
                "(excluded_mounts)",
                en=f"no mount is left: {len(known)} in the park, {len(excluded)} excluded "
                "(excluded_mounts)",
            )
        )
    return mounts


def _cameras(site: Site) -> tuple[tuple[Camera, ...], tuple[Camera, ...]]:
    """Return the cameras that stay and those that may be left out."""
    released = set(site.goals.released)
    _require_known(released - {one.id for one in site.cameras}, "released")
    return (
        tuple(one for one in site.cameras if one.id not in released),
        tuple(one for one in site.cameras if one.id in released),
    )


def _types(site: Site) -> list[CameraType]:
    """Return the types to choose from: the goals', the usual ones, or every fixed one."""
    catalogue = site.camera_types
    asked = site.goals.camera_types
    _require_known(set(asked) - set(catalogue), "camera_types")
    named = [catalogue[one] for one in asked or CANDIDATE_TYPES if one in catalogue]
    found = [one for one in named or catalogue.values() if is_candidate(one)]
    if not found:
        raise CoverageError(
            Text(
                nl="de catalogus heeft geen vaste camera die voorgesteld kan worden",
                en="the catalogue has no fixed camera that can be proposed",
            )
        )
    return found


def _require_known(unknown: set[str], key: str) -> None:
    if unknown:
        names = ", ".join(sorted(unknown))
        raise CoverageError(
            Text(
                nl=f"study.{key} noemt {names}: dat is er niet in dit park",
                en=f"study.{key} names {names}: there is no such thing in this park",
            )
        )


def _prices(
    site: Site, mounts: Sequence[Mount], views: Sequence[View], forest: TrenchForest, n_own: int
) -> Choices:
    """Price views, sites and trenches; each released camera has a site of its own, for nothing."""
    index = {one.id: i for i, one in enumerate(mounts)}
    own = len(mounts) + np.arange(n_own)
    return Choices(
        site_of=np.concatenate(([index[one.mount.id] for one in views], own)).astype(np.int64),
        view_eur=np.array([*(view_eur(site, one.camera_type) for one in views), *[0.0] * n_own]),
        is_counted=np.arange(len(views) + n_own) < len(views),
        site_eur=np.array(
            [
                *(site_opening_eur(site, one.id, one.kind, forest) for one in mounts),
                *[0.0] * n_own,
            ]
        ),
        leaf_edge=np.array(
            [*(forest.leaf_edge[one.id] for one in mounts), *[NO_EDGE] * n_own], dtype=np.int64
        ),
        edge_eur=forest.edge_cost_eur,
        edge_parent=forest.edge_parent,
        goals=(),
    )
