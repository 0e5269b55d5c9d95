"""
What there is to choose from, as plain arrays: views on sites, what they see and what they cost.

A view costs its own price; the first view on a site also opens the site, and a site needs every
edge of its trench up to the cabinet, each paid once. Goals stand in the order in which they are
served; each is a set of items (a gate's plate view, a stretch of a route, a square of ground) that
count once enough chosen views see them. Ceilings limit what the chosen views may see together of
what is not their business. Nothing here knows cameras or maps.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import sparse

from parkwacht_config.text import Text

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
NO_EDGE = -1
ROUNDING = 1e-9


@dataclass(frozen=True)
class Goal:
    """
    One goal: items, each worth its weight once `need` chosen views see it.

    `sees` is sparse, shape (views, items), with ones; `weight` and `need` have shape (items,), all
    above zero: what is met without choosing anything is not an item. `met` is the weight of that.
    """

    id: str
    name: Text
    sees: sparse.csr_array
    weight: Floats
    need: Ints
    met: float = 0.0

    @cached_property
    def reachable(self) -> float:
        """What would be met if every view were chosen, `met` not included."""
        n_seeing = np.asarray(self.sees.sum(axis=0)).ravel()
        return float(self.weight[n_seeing >= self.need].sum())

    def value(self, chosen: Ints) -> float:
        """Return what chosen views add to `met`."""
        if not len(self.weight) or not len(chosen):
            return 0.0
        count = np.asarray(self.sees[chosen].sum(axis=0)).ravel()
        return float(self.weight[count >= self.need].sum())

    def of_views(self, views: Ints) -> "Goal":
        """Return the goal with only some of the views to choose from."""
        return replace(self, sees=self.sees[views])


@dataclass(frozen=True)
class Ceiling:
    """
    One limit on what the chosen views see together: the weight of all cells seen by any of them.

    `sees` is sparse, shape (views, cells), `weight` shape (cells,); cells that kept cameras see
    already are not in it; `limit` is what is left for the chosen views.
    """

    id: str
    name: Text
    sees: sparse.csr_array
    weight: Floats
    limit: float

    def value(self, chosen: Ints) -> float:
        """Return how much the chosen views see, each cell once."""
        if not len(self.weight) or not len(chosen):
            return 0.0
        count = np.asarray(self.sees[chosen].sum(axis=0)).ravel()
        return float(self.weight[count > 0].sum())

    def of_views(self, views: Ints) -> "Ceiling":
        """Return the ceiling with only some of the views to choose from."""
        return replace(self, sees=self.sees[views])


@dataclass(frozen=True)
class Choices:
    """
    Views, sites and trenches to choose from, goals to serve and ceilings to keep.

    `site_of`, `view_eur` and `is_counted` (does it count as a camera to add) have shape (views,);
    `site_eur` and `leaf_edge` (`NO_EDGE` where no trench is needed) shape (sites,); `edge_eur` and
    `edge_parent` (`NO_EDGE` at a cabinet; a parent has the lower index) shape (edges,).
    """

    site_of: Ints
    view_eur: Floats
    is_counted: Bools
    site_eur: Floats
    leaf_edge: Ints
    edge_eur: Floats
    edge_parent: Ints
    goals: tuple[Goal, ...]
    ceilings: tuple[Ceiling, ...] = ()

    @property
    def n_views(self) -> int:
        """How many views there are to choose from."""
        return len(self.site_of)

    def opened(self, chosen: Ints) -> tuple[Ints, Ints]:
        """Return the sites and the trench edges that chosen views need, ascending."""
        sites = np.unique(self.site_of[chosen])
        edges: set[int] = set()
        for site in sites:
            edge = int(self.leaf_edge[site])
            while edge != NO_EDGE and edge not in edges:
                edges.add(edge)
                edge = int(self.edge_parent[edge])
        return sites, np.array(sorted(edges), dtype=np.int64)

    def cost_eur(self, chosen: Ints) -> float:
        """Return what chosen views cost with their sites and trenches, shared ones paid once."""
        sites, edges = self.opened(chosen)
        parts = (self.view_eur[chosen], self.site_eur[sites], self.edge_eur[edges])
        return float(sum(part.sum() for part in parts))

    def cheapest_eur(self) -> Floats:
        """Return what each view would cost alone, shape (views,)."""
        way = np.zeros(len(self.edge_eur))
        for edge, parent in enumerate(self.edge_parent):
            way[edge] = self.edge_eur[edge] + (way[parent] if parent != NO_EDGE else 0.0)
        leaf = self.leaf_edge[self.site_of]
        trench = np.where(leaf != NO_EDGE, way[leaf] if len(way) else 0.0, 0.0)
        alone: Floats = self.view_eur + self.site_eur[self.site_of] + trench
        return alone

    def n_counted(self, chosen: Ints) -> int:
        """Return how many of the chosen views are cameras to add."""
        return int(self.is_counted[chosen].sum())

    def values(self, chosen: Ints) -> tuple[float, ...]:
        """Return what chosen views add to each goal."""
        return tuple(goal.value(chosen) for goal in self.goals)

    def of_views(self, views: Ints) -> "Choices":
        """Return the same with only some of the views, in the order given."""
        return replace(
            self,
            site_of=self.site_of[views],
            view_eur=self.view_eur[views],
            is_counted=self.is_counted[views],
            goals=tuple(goal.of_views(views) for goal in self.goals),
            ceilings=tuple(ceiling.of_views(views) for ceiling in self.ceilings),
        )

    def of_goals(self, goals: Sequence[Goal]) -> "Choices":
        """Return the same with other goals."""
        return replace(self, goals=tuple(goals))


@dataclass(frozen=True, slots=True)
class Limits:
    """What a choice may cost and how many cameras it may add; None sets no limit."""

    budget_eur: float | None = None
    max_cameras: int | None = None

    def allow(self, choices: Choices, chosen: Ints) -> bool:
        """Return whether a choice keeps to these limits and to all ceilings."""
        if self.max_cameras is not None and choices.n_counted(chosen) > self.max_cameras:
            return False
        if self.budget_eur is not None:
            slack = ROUNDING * max(1.0, self.budget_eur)
            if choices.cost_eur(chosen) > self.budget_eur + slack:
                return False
        return all(
            one.value(chosen) <= one.limit + ROUNDING * max(1.0, one.limit)
            for one in choices.ceilings
        )
