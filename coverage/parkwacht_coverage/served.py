"""
What every camera serves of each goal of a placement: the items of `problem`.

The targets, the overviews of gates and the samples of routes are one set of points, so that sight
is found once for all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import sparse

from parkwacht_config.site import AreaKind, CameraType, PrivacyMask
from parkwacht_config.text import Text
from parkwacht_coverage.camera import CameraModel
from parkwacht_coverage.choices import Goal
from parkwacht_coverage.evaluate import Condition, Evaluator
from parkwacht_coverage.gates import GateSamples, lanes_read
from parkwacht_coverage.light import is_lit_for
from parkwacht_coverage.plan import Ground
from parkwacht_coverage.routes import RouteSamples
from parkwacht_coverage.views import Search

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

Look = tuple[CameraModel, CameraType, tuple[PrivacyMask, ...]]  # and what is black in its image
PLATE_PX_PER_M = 250.0  # below that no plate is readable
NEAR_FACTOR = 1.5  # the corner of an image reaches farther than its middle
NEAR_MARGIN_M = 15.0  # plates are read up to 12 m inside the gate
GATES = Text(nl="poorten bediend", en="gates served")
ROUTES = Text(nl="routes te volgen", en="routes that can be followed")
AREA = Text(nl="gewogen oppervlak gezien", en="weighted ground seen")


@dataclass(frozen=True)
class Points:
    """The targets with the samples of routes after them, so that sight is found once for both."""

    ground: Ground
    lux: Floats
    n_targets: int
    is_night: bool

    @classmethod
    def of(
        cls, evaluator: Evaluator, gates: Sequence[GateSamples], routes: Sequence[RouteSamples]
    ) -> "Points":
        """Put overviews and routes behind the targets of a park, with the light on them."""
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
        """Return the points that a camera sees at the target class, lit where night is asked."""
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


class Served:
    """What every view serves of each goal; the last views are the cameras that stay."""

    def __init__(
        self,
        evaluator: Evaluator,
        points: Points,
        gates: Sequence[GateSamples],
        routes: Sequence[RouteSamples],
        looks: Sequence[Look],
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
        for number, gate in enumerate(self._gates):
            name = gate.gate.name
            if goals.gate_overview:
                labels[len(columns)] = Text(
                    nl=f"{name}: geen montagepunt geeft overzicht", en=f"{name}: no overview mount"
                )
                columns.append(self._overview(number))
                weight.append(1.0)
            if goals.gate_plate:
                for at, lane in enumerate(self._lanes(gate).T, start=1):
                    labels[len(columns)] = Text(
                        nl=f"{name}, rijstrook {at}: geen montagepunt binnen 50 m waar een "
                        "kenteken leesbaar is",
                        en=f"{name}, lane {at}: no mount within 50 m where a plate is readable",
                    )
                    columns.append(lane)
                    weight.append(1.0 / gate.n_lanes)
        dense = np.array(columns, dtype=np.float64).reshape(len(columns), len(self._looks)).T
        need = np.ones(len(columns), dtype=np.int64)
        return sparse.csr_array(dense), np.array(weight, dtype=np.float64), need, labels

    def _overview(self, number: int) -> Bools:
        """Return which views see the whole line of a gate, masks to be made taken out."""
        sizes = [len(one.overview_m) for one in self._gates]
        first = self._points.n_targets + sum(sizes[:number])
        count = self._sees[:, first : first + sizes[number]].sum(axis=1)
        seen: Bools = np.asarray(count).ravel() == sizes[number]
        return seen

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
