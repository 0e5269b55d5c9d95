"""
Where to dig for power: the cheapest trenches from the power cabinets, shared between sites.

One digs in public ground only, at the price of its kind (`Costs`); buildings and private ground are
barred. The ground is a grid of 1 m cells joined to sixteen neighbours, so that a way is at most
2.8 % longer than the straight line; Dijkstra's algorithm from all cabinets at once gives each site
its cheapest way, and the ways form a forest: sites share what they have in common, so that a set of
sites costs the union of their ways. (Each way is cheapest by itself; a set might be served still
cheaper by a detour that is shared, which is Steiner's problem and not solved here: the price is
never too low.) A mount just off public ground, as on a facade, is linked at the dearest rate over
ground without a building; a cabinet too. A lamp post has power and needs no trench. A site that no
cabinet reaches runs alone, on sun and 4G, at the price `Costs.stand_alone_eur`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree
from shapely.geometry import LineString

from parkwacht_config.site import AreaKind, Mount, MountKind, Site
from parkwacht_coverage.ground_graph import SMALLEST, Cells
from parkwacht_coverage.plan import grid_points, public_ground

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

STEP_M = 1.0
LINK_LIMIT_M = 30.0  # a mount or cabinet farther from public ground is out of reach
WALL_SLACK_M = 0.5  # a link may start this deep inside a facade: drawings are not that exact
N_NEAREST = 48  # cells tried for a link, from the nearest on
NO_EDGE = -1


@dataclass(frozen=True, slots=True)
class TrenchForest:
    """
    Trenches from the power cabinets to every mount that needs one.

    Edge e runs up to edge `edge_parent[e]`, or to a cabinet where that is `NO_EDGE`; arrays of
    edges have shape (E,). `leaf_edge` is the last edge of each mount's way, `NO_EDGE` for a mount
    that needs no trench. `stand_alone` are the mounts that no cabinet reaches.
    """

    edge_cost_eur: Floats
    edge_length_m: Floats
    edge_parent: Ints
    edge_lines: tuple[LineString, ...]
    leaf_edge: Mapping[str, int]
    stand_alone: frozenset[str]

    def edges(self, mount_ids: Iterable[str]) -> Ints:
        """Return the edges that a set of mounts needs together, ascending."""
        needed: set[int] = set()
        for mount_id in mount_ids:
            edge = self.leaf_edge[mount_id]
            while edge != NO_EDGE and edge not in needed:
                needed.add(edge)
                edge = int(self.edge_parent[edge])
        return np.array(sorted(needed), dtype=np.int64)

    def cost_eur(self, mount_ids: Iterable[str]) -> float:
        """Return what the trenches of a set of mounts cost together."""
        return float(self.edge_cost_eur[self.edges(mount_ids)].sum())

    def length_m(self, mount_ids: Iterable[str]) -> float:
        """Return how long the trenches of a set of mounts are together."""
        return float(self.edge_length_m[self.edges(mount_ids)].sum())

    def lines(self, mount_ids: Iterable[str]) -> list[LineString]:
        """Return the trenches of a set of mounts for a map, each drawn once."""
        return [self.edge_lines[edge] for edge in self.edges(mount_ids)]


def plan_trenches(
    site: Site, mounts: Sequence[Mount] | None = None, *, step_m: float = STEP_M
) -> TrenchForest:
    """
    Find the cheapest trench to every mount.

    Parameters
    ----------
    site
        The park: its ground, cabinets, buildings and prices.
    mounts
        The mounts to serve; None takes all of the park.
    step_m
        Size of the cells that the ground is cut into.

    Returns
    -------
    forest
        The same for the same input.
    """
    mounts = site.mounts if mounts is None else mounts
    wired = [one for one in mounts if one.kind is not MountKind.LAMP_POST]
    cells = _diggable(site, step_m)
    linker = _Linker(site, cells)
    cabinet_links = linker.links([(one.point.x, one.point.y) for one in site.power_cabinets])
    mount_links = linker.links([(one.point.x, one.point.y) for one in wired])
    n_cells, n_cabinets = len(cells.xy_m), len(site.power_cabinets)
    graph = cells.graph([*cabinet_links, *mount_links])
    points = np.vstack((cells.xy_m, linker.xy_m))
    if n_cabinets and n_cells:
        cost, before, _ = dijkstra(
            graph,
            directed=False,
            indices=np.arange(n_cells, n_cells + n_cabinets),
            min_only=True,
            return_predecessors=True,
        )
    else:
        cost, before = np.full(len(points), np.inf), np.full(len(points), -1)
    node_of = {one.id: n_cells + n_cabinets + i for i, one in enumerate(wired)}
    reached = {name: node for name, node in node_of.items() if np.isfinite(cost[node])}
    branches = _Branches(points, cost, before, reached)
    return TrenchForest(
        edge_cost_eur=np.array(branches.costs_eur, dtype=np.float64),
        edge_length_m=np.array([line.length for line in branches.lines], dtype=np.float64),
        edge_parent=np.array(branches.parents, dtype=np.int64),
        edge_lines=tuple(branches.lines),
        leaf_edge={one.id: branches.edge_of(reached.get(one.id)) for one in mounts},
        stand_alone=frozenset(node_of) - frozenset(reached),
    )


def _diggable(site: Site, step_m: float) -> Cells:
    """Cut the ground that may be dug into cells, each at the price of its kind."""
    parts, rates = [np.zeros((0, 2))], [np.zeros(0)]
    for kind, polygon in public_ground(site).items():
        parts.append(grid_points(polygon, step_m))
        rates.append(np.full(len(parts[-1]), site.costs.trench_eur_per_m(kind)))
    return Cells.of(np.vstack(parts), np.concatenate(rates), step_m)


class _Linker:
    """Links places beside the ground that may be dug to the nearest cell of it."""

    def __init__(self, site: Site, cells: Cells) -> None:
        self._cells = cells
        self._tree = cKDTree(cells.xy_m) if len(cells.xy_m) else None
        self._dearest = max(site.costs.trench_eur_per_m(kind) for kind in AreaKind)
        cores = [one.polygon.buffer(-WALL_SLACK_M) for one in site.buildings if one.base_m <= 0]
        self._walls = shapely.STRtree(cores)
        self.xy_m = np.zeros((0, 2))

    def links(self, xy_m: Sequence[tuple[float, float]]) -> list[tuple[int, float]]:
        """Return for each place its cell (-1: none in reach) and what the link costs."""
        self.xy_m = np.vstack((self.xy_m, np.array(xy_m, dtype=np.float64).reshape(-1, 2)))
        return [self._link(np.array(one)) for one in xy_m]

    def _link(self, place: Floats) -> tuple[int, float]:
        if self._tree is None:
            return NO_EDGE, 0.0
        n = min(N_NEAREST, len(self._cells.xy_m))
        away, cell = (np.atleast_1d(one) for one in self._tree.query(place, k=n))
        ways = shapely.linestrings([(place, self._cells.xy_m[one]) for one in cell])
        barred = np.unique(self._walls.query(ways, predicate="intersects")[0])
        is_free = (away <= LINK_LIMIT_M) & ~np.isin(np.arange(n), barred)
        if not is_free.any():
            return NO_EDGE, 0.0
        first = int(np.argmax(is_free))
        is_on_ground = away[first] <= self._cells.step_m
        rate = self._cells.rate[cell[first]] if is_on_ground else self._dearest
        return int(cell[first]), max(float(away[first]), SMALLEST) * float(rate)


class _Branches:
    """The forest with every unbranched stretch as one edge."""

    def __init__(
        self, points: Floats, cost: Floats, before: npt.NDArray[np.int32], ends: Mapping[str, int]
    ) -> None:
        n_children: dict[int, int] = {}
        for node in ends.values():
            here = node
            while before[here] >= 0:
                above = int(before[here])
                n_children[above] = n_children.get(above, 0) + 1
                if n_children[above] > 1:
                    break
                here = above
        branching = (node for node, n in n_children.items() if n > 1 and before[node] >= 0)
        # From the cabinets outward, so that an edge comes after its parent.
        joints = sorted({*ends.values(), *branching}, key=lambda node: (cost[node], node))
        self.costs_eur: list[float] = []
        self.parents: list[int] = []
        self.lines: list[LineString] = []
        self._edge_of = {node: edge for edge, node in enumerate(joints)}
        for node in joints:
            way = [node, int(before[node])]
            while way[-1] not in self._edge_of and before[way[-1]] >= 0:
                way.append(int(before[way[-1]]))
            self.costs_eur.append(float(cost[node] - cost[way[-1]]))
            self.parents.append(self._edge_of.get(way[-1], NO_EDGE))
            self.lines.append(LineString(points[way]))

    def edge_of(self, node: int | None) -> int:
        """Return the edge that ends at a node, `NO_EDGE` for None."""
        return NO_EDGE if node is None else self._edge_of[node]
