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
from scipy import sparse

from parkwacht_config.errors import CoverageError
from parkwacht_config.site import AreaKind, Camera, CameraType, Mount, PrivacyMask, Site
from parkwacht_config.text import Text
from parkwacht_coverage.camera import CameraModel
from parkwacht_coverage.choices import NO_EDGE, Choices, Goal
from parkwacht_coverage.cost import site_opening_eur, view_eur
from parkwacht_coverage.evaluate import Condition, Evaluator
from parkwacht_coverage.gates import (
    GateSamples,
    lanes_read,
    plate_views,
    sample_gates,
    sees_overview,
)
from parkwacht_coverage.light import is_lit_for
from parkwacht_coverage.masks import area_behind_masks
from parkwacht_coverage.plan import Ground
from parkwacht_coverage.privacy import Watcher
from parkwacht_coverage.privacy_rows import find_privacy_rows
from parkwacht_coverage.routes import RouteSamples, sample_routes
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
_Look = tuple[CameraModel, CameraType, tuple[PrivacyMask, ...]]  # and what is black in its image

PAN_STEP_DEG = 15.0
PLATE_PX_PER_M = 250.0  # below that no plate is readable
NEAR_FACTOR = 1.5  # the corner of an image reaches farther than its middle
NEAR_MARGIN_M = 15.0  # plates are read up to 12 m inside the gate
GATES = Text(nl="poorten bediend", en="gates served")
ROUTES = Text(nl="routes te volgen", en="routes that can be followed")
AREA = Text(nl="gewogen oppervlak gezien", en="weighted ground seen")


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
    points = _Points.of(evaluator, gates, routes)
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
    looks: list[_Look] = [(view.model, view.camera_type, ()) for view in views]
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
    served = _Served(evaluator, points, gates, routes, looks, hits)
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


@dataclass(frozen=True)
class _Points:
    """The targets with the samples of routes after them, so that sight is found once for both."""

    ground: Ground
    lux: Floats
    n_targets: int
    is_night: bool

    @classmethod
    def of(
        cls, evaluator: Evaluator, gates: Sequence[GateSamples], routes: Sequence[RouteSamples]
    ) -> "_Points":
        ground = evaluator.ground
        more = [one.overview_m for one in gates] + [one.points_m for one in routes]
        more_lux = [one.overview_lux for one in gates] + [one.lux for one in routes]
        n_more = sum(len(one) for one in more)
        zeros = np.zeros(n_more)
        extended = replace(
            ground,
            points_m=np.vstack((ground.points_m, *more)),
            kinds=np.concatenate((ground.kinds, zeros.astype(np.int64))),
            area_m2=np.concatenate((ground.area_m2, zeros)),
            weight=np.concatenate((ground.weight, zeros)),
        )
        return cls(
            extended,
            np.concatenate((evaluator.lux, *more_lux)),
            len(ground.kinds),
            Condition(evaluator.site.goals.condition) is Condition.NIGHT,
        )

    def hits(self, model: CameraModel, camera_type: CameraType, search: Search) -> Ints:
        """Return the points that any camera sees at the target class."""
        points = self.ground.points_m
        enough = search.density_class.threshold_px_per_m
        seen = model.is_in_view(points) & (model.pixel_density_px_per_m(points) >= enough)
        eye = (model.x_m, model.y_m, model.height_m)
        seen &= not camera_type.is_thermal
        seen &= search.scene.is_visible(eye, search.targets)
        if self.is_night:
            away = np.linalg.norm(points - np.array(eye), axis=1)
            seen &= is_lit_for(camera_type, self.lux, away, margin=search.light_margin)
        return np.flatnonzero(seen)


class _Served:
    """What every view serves of each goal; the last views are the cameras that stay."""

    def __init__(
        self,
        evaluator: Evaluator,
        points: _Points,
        gates: Sequence[GateSamples],
        routes: Sequence[RouteSamples],
        looks: Sequence[_Look],
        hits: Sequence[Ints],
    ) -> None:
        self._evaluator = evaluator
        self._points = points
        self._gates = gates
        self._routes = routes
        self._looks = looks
        self._condition = Condition(evaluator.site.goals.condition)
        indptr = np.concatenate(([0], np.cumsum([len(one) for one in hits])))
        indices = np.concatenate(hits) if hits else np.zeros(0, dtype=np.int64)
        shape = (len(hits), len(points.ground.kinds))
        self._sees = sparse.csr_array((np.ones(len(indices)), indices, indptr), shape=shape)

    def goals(self, n_kept: int) -> tuple[tuple[Goal, ...], Ints, tuple[Text, ...]]:
        """Return the goals in their order, the gate of each gate item, what no view serves."""
        build = {"gates": self._gate_items, "routes": self._windows, "area": self._area}
        names = {"gates": GATES, "routes": ROUTES, "area": AREA}
        made, notes = [], []
        gate_of = np.zeros(0, dtype=np.int64)
        for name in self._evaluator.site.goals.priorities:
            sees, weight, need, labels = build[name]()
            n_free = sees.shape[0] - n_kept
            already = np.asarray(sees[n_free:].sum(axis=0)).ravel().astype(np.int64)
            left = np.maximum(0, need - already)
            open_items = np.flatnonzero(left > 0)
            free = sparse.csr_array(sees[:n_free].tocsc()[:, open_items])
            met = float(weight[left == 0].sum())
            made.append(Goal(name, names[name], free, weight[open_items], left[open_items], met))
            unseen = np.asarray(free.sum(axis=0)).ravel() < left[open_items]
            notes += [labels[item] for item in open_items[unseen] if item in labels]
            if name == "gates":
                gate_of = self._gate_of()[open_items]
        return tuple(made), gate_of, tuple(notes)

    def _gate_of(self) -> Ints:
        """Return the gate of each item that `_gate_items` makes."""
        goals = self._evaluator.site.goals
        n_items = [
            int(goals.gate_overview) + int(goals.gate_plate) * one.n_lanes for one in self._gates
        ]
        return np.repeat(np.arange(len(self._gates)), n_items)

    def _area(self) -> tuple[sparse.csr_array, Floats, Ints, dict[int, Text]]:
        ground = self._evaluator.ground
        need = np.ones(len(ground.kinds), dtype=np.int64)
        for one in self._evaluator.site.goals.redundancy:
            need[ground.kinds == list(AreaKind).index(one.kind)] = one.fold
        sees = sparse.csr_array(self._sees[:, : self._points.n_targets])
        return sees, ground.weight, need, {}

    def _windows(self) -> tuple[sparse.csr_array, Floats, Ints, dict[int, Text]]:
        """Return which views see a sample of each window of each route."""
        max_unseen_m = self._evaluator.site.goals.max_unseen_m
        first = self._points.n_targets + sum(len(one.overview_m) for one in self._gates)
        parts = []
        for route in self._routes:
            n, n_window = len(route.points_m), route.n_window(max_unseen_m)
            columns = sparse.csr_array(self._sees[:, first : first + n])
            n_windows = max(0, n - n_window + 1)
            at = np.arange(n_windows).repeat(n_window)
            inside = at + np.tile(np.arange(n_window), n_windows)
            member = sparse.csr_array((np.ones(len(at)), (inside, at)), shape=(n, n_windows))
            product = sparse.csr_array(columns @ member)
            product.data[:] = 1.0
            parts.append(product)
            first += n
        empty = sparse.csr_array((self._sees.shape[0], 0))
        sees = sparse.csr_array(sparse.hstack(parts)) if parts else empty
        n_items = sees.shape[1]
        return sees, np.ones(n_items), np.ones(n_items, dtype=np.int64), {}

    def _gate_items(self) -> tuple[sparse.csr_array, Floats, Ints, dict[int, Text]]:
        """Return which views see the overview of each gate, and read each of its lanes."""
        goals = self._evaluator.site.goals
        columns: list[Bools] = []
        weight: list[float] = []
        labels: dict[int, Text] = {}
        for gate in self._gates:
            name = gate.gate.name
            if goals.gate_overview:
                labels[len(columns)] = Text(
                    nl=f"{name}: geen montagepunt geeft overzicht", en=f"{name}: no overview mount"
                )
                columns.append(self._overview(gate))
                weight.append(1.0)
            if goals.gate_plate:
                for number, lane in enumerate(self._lanes(gate).T, start=1):
                    labels[len(columns)] = Text(
                        nl=f"{name}, rijstrook {number}: geen montagepunt binnen 50 m waar een "
                        "kenteken leesbaar is",
                        en=f"{name}, lane {number}: no mount within 50 m where a plate is readable",
                    )
                    columns.append(lane)
                    weight.append(1.0 / gate.n_lanes)
        dense = np.array(columns, dtype=np.float64).reshape(len(columns), len(self._looks)).T
        need = np.ones(len(columns), dtype=np.int64)
        return sparse.csr_array(dense), np.array(weight, dtype=np.float64), need, labels

    def _overview(self, gate: GateSamples) -> Bools:
        enough = self._evaluator.target_class.min_px_per_m
        seen = [
            sees_overview(model, camera_type, gate, self._evaluator, masks)[self._condition]
            if self._is_near(model, gate, enough)
            else False
            for model, camera_type, masks in self._looks
        ]
        return np.array(seen, dtype=np.bool_)

    def _lanes(self, gate: GateSamples) -> Bools:
        read = np.zeros((len(self._looks), gate.n_lanes), dtype=np.bool_)
        for index, (model, camera_type, masks) in enumerate(self._looks):
            if self._is_near(model, gate, PLATE_PX_PER_M):
                lanes = lanes_read(model, camera_type, gate, self._evaluator, masks)
                read[index] = lanes[self._condition]
        return read

    @staticmethod
    def _is_near(model: CameraModel, gate: GateSamples, px_per_m: float) -> bool:
        """Return whether a gate is near enough for this density, corners of the image included."""
        middle = gate.overview_m[len(gate.overview_m) // 2]
        away = np.hypot(middle[0] - model.x_m, middle[1] - model.y_m)
        return bool(away <= NEAR_FACTOR * model.f_px / px_per_m + NEAR_MARGIN_M)
