"""
How far someone can be followed: the longest stretch of a route that no camera sees.

The routes are those of the park's file or, without any, the ways from each gate to each other gate,
along the middle of the carriageway: the cheapest way over a grid on which driving along the kerb
costs more than driving in the middle. A route is cut into samples of at most 2.5 m at the height of
the study's targets; a sample is seen where a camera sees it at the study's class, by night only
where it is lit. The aim is the camera's home aim. Coordinates are metres in EPSG:28992.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import shapely
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree
from shapely.geometry import LineString
from shapely.ops import substring

from parkwacht_config.site import AreaKind, Route, Site
from parkwacht_coverage.evaluate import Condition, Evaluator
from parkwacht_coverage.ground_graph import Cells
from parkwacht_coverage.light import illuminance_lux, is_lit_for
from parkwacht_coverage.masks import area_behind_masks
from parkwacht_coverage.plan import grid_points, public_ground
from parkwacht_coverage.privacy import Watcher
from parkwacht_coverage.results import RouteResult
from parkwacht_coverage.visibility import Targets

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

SAMPLE_M = 2.5
STEP_M = 2.0  # of the grid that ways are found on
MIDDLE_M = 4.0  # this far from the kerb nothing is gained by keeping farther from it
KERB_RATE = 5.0  # how many times dearer than the middle the kerb is
SIMPLIFY_M = 1.0
NEAR_GATE_M = 15.0  # carriageway farther from a gate does not lead to it


@dataclass(frozen=True, slots=True)
class RouteSamples:
    """
    One route as points to be seen.

    `points_m` lie `step_m` apart along the line, shape (N, 3), each in the middle of its stretch;
    `lux` is the light there at night, shape (N,).
    """

    route: Route
    points_m: Floats
    step_m: float
    lux: Floats
    targets: Targets

    def n_window(self, max_unseen_m: float) -> int:
        """Return how many samples in a row are longer than this stretch."""
        return math.floor(max_unseen_m / self.step_m + 1e-9) + 1


def sample_routes(evaluator: Evaluator) -> tuple[RouteSamples, ...]:
    """
    Make the points at which the routes of a park are judged.

    Parameters
    ----------
    evaluator
        Of the park; the height of the points is that of its targets.

    Returns
    -------
    samples
        One per route, of the file or derived.
    """
    site = evaluator.site
    height_m = float(evaluator.ground.points_m[0, 2])
    return tuple(_sample(one, evaluator, height_m) for one in (site.routes or derive_routes(site)))


def _sample(route: Route, evaluator: Evaluator, height_m: float) -> RouteSamples:
    n = max(1, math.ceil(route.line.length / SAMPLE_M))
    middles = (np.arange(n) + 0.5) / n
    xy = shapely.get_coordinates(
        shapely.line_interpolate_point(route.line, middles, normalized=True)
    )
    points = np.column_stack((xy, np.full(n, height_m)))
    lux = illuminance_lux(points, evaluator.site.lamp_posts, evaluator.scene)
    targets = evaluator.scene.targets(points)
    return RouteSamples(route, points, route.line.length / n, lux, targets)


def derive_routes(site: Site) -> tuple[Route, ...]:
    """
    Find the ways between the gates along the middle of the carriageway.

    Parameters
    ----------
    site
        The park.

    Returns
    -------
    routes
        One per pair of gates that the carriageway joins, in the order of the gates.
    """
    road = public_ground(site).get(AreaKind.CARRIAGEWAY)
    if road is None or len(site.gates) < 2:  # noqa: PLR2004
        return ()
    xy = grid_points(road, STEP_M)
    from_kerb = shapely.distance(road.boundary, shapely.points(xy))
    rate = 1 + (KERB_RATE - 1) * (1 - np.minimum(from_kerb, MIDDLE_M) / MIDDLE_M)
    cells = Cells.of(xy, rate, STEP_M)
    middles = [one.line.interpolate(0.5, normalized=True) for one in site.gates]
    away, node = cKDTree(cells.xy_m).query([(one.x, one.y) for one in middles])
    cost, before = dijkstra(cells.graph(), directed=False, indices=node, return_predecessors=True)
    routes = []
    for i, j in combinations(range(len(site.gates)), 2):
        if max(away[i], away[j]) > NEAR_GATE_M or not np.isfinite(cost[i, node[j]]):
            continue
        way = [int(node[j])]
        while before[i, way[-1]] >= 0:
            way.append(int(before[i, way[-1]]))
        inner = cells.xy_m[way[::-1]][1:-1]
        ends = [shapely.get_coordinates(middles[one]) for one in (i, j)]
        drawn = LineString(np.vstack((ends[0], inner, ends[1])))
        line = LineString(shapely.get_coordinates(drawn.simplify(SIMPLIFY_M)))
        start, end = site.gates[i], site.gates[j]
        routes.append(Route(f"{start.id}_{end.id}", f"{start.name} - {end.name}", line))
    return tuple(routes)


def measure_routes(
    routes: Sequence[RouteSamples], evaluator: Evaluator, watchers: Iterable[Watcher]
) -> list[RouteResult]:
    """
    Find how far someone can be followed along each route.

    Parameters
    ----------
    routes
        What `sample_routes` made.
    evaluator
        Of the park: the class, what stands in the way, the light margin.
    watchers
        The cameras, with their privacy masks.

    Returns
    -------
    results
        One per route.
    """
    watchers = list(watchers)
    return [_measure(one, evaluator, watchers) for one in routes]


def _measure(route: RouteSamples, evaluator: Evaluator, watchers: list[Watcher]) -> RouteResult:
    seen = {one: np.zeros(len(route.points_m), dtype=np.bool_) for one in Condition}
    for watcher in watchers:
        by_day, by_night = samples_seen(watcher, route, evaluator)
        seen[Condition.DAY] |= by_day
        seen[Condition.NIGHT] |= by_night
    stretches = {one: longest_unseen(seen[one]) for one in Condition}
    return RouteResult(
        route_id=route.route.id,
        name=route.route.name,
        line=route.route.line,
        seen_share={one: float(seen[one].mean()) for one in Condition},
        longest_unseen_m={one: (b - a) * route.step_m for one, (a, b) in stretches.items()},
        longest_unseen={
            one: _stretch(route, *stretch) if stretch[1] > stretch[0] else None
            for one, stretch in stretches.items()
        },
    )


def _stretch(route: RouteSamples, first: int, end: int) -> LineString | None:
    line = substring(route.route.line, first * route.step_m, end * route.step_m)
    return line if isinstance(line, LineString) else None


def longest_unseen(seen: Bools) -> tuple[int, int]:
    """Return the first and the end of the longest run of samples not seen, the first of equals."""
    edges = np.flatnonzero(np.diff(np.concatenate(([True], seen, [True])).astype(np.int8)))
    if not len(edges):
        return 0, 0
    starts, ends = edges[::2], edges[1::2]
    longest = int(np.argmax(ends - starts))
    return int(starts[longest]), int(ends[longest])


def samples_seen(
    watcher: Watcher, route: RouteSamples, evaluator: Evaluator
) -> tuple[Bools, Bools]:
    """
    Find which samples of a route a camera sees at the study's class.

    Parameters
    ----------
    watcher
        The camera, at its home aim.
    route
        The route.
    evaluator
        Of the park.

    Returns
    -------
    by_day, by_night
        Each shape (N,), dtype bool.
    """
    model, points = watcher.models[0], route.points_m
    enough = evaluator.target_class.threshold_px_per_m
    seen = model.is_in_view(points) & (model.pixel_density_px_per_m(points) >= enough)
    seen &= not watcher.camera_type.is_thermal
    if seen.any():
        seen &= evaluator.scene.is_visible(watcher.eye_m, route.targets)
        seen &= ~area_behind_masks(model, watcher.masks, points)
    away = np.linalg.norm(points - np.array(watcher.eye_m), axis=1)
    lit = is_lit_for(watcher.camera_type, route.lux, away, margin=evaluator.light_margin)
    return seen, seen & lit
