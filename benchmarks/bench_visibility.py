"""What a camera sees: lines of sight, visibility polygons, candidate views, one camera moved."""

import argparse
import itertools
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import delft
import numpy as np
import numpy.typing as npt
import shapely
from rich.console import Console
from rich.table import Table

from parkwacht_config.loader import load_site
from parkwacht_coverage._isovist import find_visible, make_scratch
from parkwacht_coverage.density import find_edition
from parkwacht_coverage.evaluate import Evaluator
from parkwacht_coverage.light import LIGHT_MARGIN
from parkwacht_coverage.plan import lay_grid
from parkwacht_coverage.problem import CANDIDATE_TYPES
from parkwacht_coverage.views import Search, find_views
from parkwacht_coverage.visibility import Scene

SITE = Path(__file__).parents[1] / "config" / "sites" / "josink_es.toml"
BAR_LINES_PER_S = 3e7
BAR_POLYGON_US = 50.0
BAR_VIEWS_S = 2.0
BAR_MOVED_MS = 50.0
RANGE_M = 120.0
PEER_MOUNTS = 3
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Row:
    """A figure, its peer of the same run, and the bar; a figure without a bar is told only."""

    what: str
    figure: float
    unit: str
    peer: float | None = None
    peer_name: str = ""
    bar: float | None = None
    more_is_better: bool = True

    @property
    def is_met(self) -> bool:
        """Whether the bar is met."""
        if self.bar is None:
            return True
        return self.figure >= self.bar if self.more_is_better else self.figure <= self.bar


def brute_force(eye: Floats, targets: Floats, walls: Floats, tops: Floats) -> Bools:
    """Test every sight line against every wall, in numpy: the peer, and the check of answers."""
    seen = np.ones(len(targets), dtype=np.bool_)
    along = walls[:, 2:] - walls[:, :2]
    away = walls[:, :2] - eye[:2]
    for number, target in enumerate(targets):
        sight = target[:2] - eye[:2]
        cross = sight[0] * along[:, 1] - sight[1] * along[:, 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            u = (away[:, 0] * along[:, 1] - away[:, 1] * along[:, 0]) / cross
            v = (away[:, 0] * sight[1] - away[:, 1] * sight[0]) / cross
        height = eye[2] + (target[2] - eye[2]) * u
        blocks = (u > 0) & (u < 1) & (v >= 0) & (v <= 1) & (height < tops)
        seen[number] = not blocks.any()
    return seen


def best_of(
    times: int, work: Callable[[], Any], *, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Return the shortest time of several runs, in seconds of a clock."""
    found = []
    for _ in range(times):
        begun = clock()
        work()
        found.append(clock() - begun)
    return min(found)


def embree_rays_per_s(site: delft.Delft, console: Console) -> float | None:
    """Return how many rays Embree tests per second through trimesh on one thread."""
    try:
        import embreex  # noqa: F401, PLC0415
        import trimesh  # noqa: PLC0415
    except ImportError:
        console.print(
            "embreex and trimesh are not installed (dev group): no peer for lines of sight"
        )
        return None
    origin = site.targets[0] * [1, 1, 0]
    mesh = trimesh.Trimesh(**prism_mesh(site, origin[:2]), process=False)
    mounts = site.mounts[:PEER_MOUNTS] - origin
    targets = site.targets - origin
    starts = np.repeat(mounts, len(targets), axis=0)
    ends = np.tile(targets, (len(mounts), 1))
    mesh.ray.intersects_any(starts[:10], (ends - starts)[:10])
    taken = best_of(3, lambda: mesh.ray.intersects_first(starts, ends - starts))
    return len(starts) / taken


def prism_mesh(site: delft.Delft, origin: Floats) -> dict[str, npt.NDArray[Any]]:
    """Return the triangles of walls and roofs around an origin, for single precision."""
    corners = []
    for one in site.buildings:
        top = one.height_m
        for ring in (one.polygon.exterior, *one.polygon.interiors):
            points = shapely.get_coordinates(ring) - origin
            for (x1, y1), (x2, y2) in itertools.pairwise(points):
                corners += [(x1, y1, 0.0), (x2, y2, 0.0), (x2, y2, top)]
                corners += [(x1, y1, 0.0), (x2, y2, top), (x1, y1, top)]
        for triangle in shapely.constrained_delaunay_triangles(one.polygon).geoms:
            flat = shapely.get_coordinates(triangle)[:3] - origin
            corners += [(x, y, top) for x, y in flat]
    vertices = np.array(corners)
    return {"vertices": vertices, "faces": np.arange(len(vertices)).reshape(-1, 3)}


def measure_delft(console: Console, times: int) -> list[Row]:
    """Measure lines of sight and polygons at the mounts of the Delft site."""
    if not delft.is_there():
        console.print(
            "../shared/data is not there: no Delft site, so no lines of sight or polygons"
        )
        return []
    site = delft.load()
    scene = Scene(site.buildings)
    targets = scene.targets(site.targets)
    scene.sweep(site.mounts[:4], targets)  # compiles
    n = len(site.mounts) * len(site.targets)
    ours = n / best_of(4 * times, lambda: scene.sweep(site.mounts, targets))
    per_core = n / best_of(times, lambda: scene.look(site.mounts, targets), clock=time.thread_time)
    walls, tops = walls_of(site)
    begun = time.perf_counter()
    expected = [brute_force(one, site.targets, walls, tops) for one in site.mounts[:PEER_MOUNTS]]
    brute = PEER_MOUNTS * len(site.targets) / (time.perf_counter() - begun)
    same = sum(
        int((scene.is_visible(tuple(eye), targets) == answer).sum())
        for eye, answer in zip(site.mounts, expected, strict=False)
    )
    console.print(
        f"Delft: {len(site.targets)} targets, {len(tops)} walls, {len(site.mounts)} mounts; same "
        f"answer as brute force on {same} of {PEER_MOUNTS * len(site.targets)} lines of sight"
    )
    rays = embree_rays_per_s(site, console)
    return [
        Row("lines of sight, 2 cores", ours, "/s", rays, "Embree, 1 thread", BAR_LINES_PER_S),
        Row("lines of sight, 2 cores", ours, "/s", brute, "brute force, numpy"),
        Row("lines of sight, per second of one core", per_core, "/s"),
        measure_polygons(site, scene, times),
    ]


def walls_of(site: delft.Delft) -> tuple[Floats, Floats]:
    """Return the walls (x1, y1, x2, y2) and their tops, written down without the library."""
    walls, tops = [], []
    for building in site.buildings:
        for ring in (building.polygon.exterior, *building.polygon.interiors):
            points = np.asarray(ring.coords)[:, :2]
            walls.append(np.hstack((points[:-1], points[1:])))
            tops += [building.height_m] * (len(points) - 1)
    return np.vstack(walls), np.array(tops)


def measure_polygons(site: delft.Delft, scene: Scene, times: int) -> Row:
    """Measure the raw visibility polygon at each mount, against GEOS cutting shadows away."""
    scratch = make_scratch(scene._walls, scene._raised, 4096)
    view = (delft.TARGET_M, RANGE_M, 0)

    def draw(eye: Floats) -> None:
        find_visible(eye, view, scene._walls, scene._raised, scratch)

    draw(site.mounts[0])  # compiles
    each_us = [1e6 * best_of(times, lambda eye=eye: draw(eye)) for eye in site.mounts]  # type: ignore[misc]
    peer_us = [1e6 * best_of(1, lambda eye=eye: cut_away(site, eye)) for eye in site.mounts[:8]]  # type: ignore[misc]
    return Row(
        "visibility polygon, median",
        statistics.median(each_us),
        "us",
        statistics.median(peer_us),
        "shadows cut by GEOS",
        BAR_POLYGON_US,
        more_is_better=False,
    )


def cut_away(site: delft.Delft, eye: Floats) -> Any:  # noqa: ANN401
    """Cut the shadow of every wall from the disc in view: how amateur code does it."""
    disc = shapely.Point(*eye[:2]).buffer(RANGE_M, quad_segs=32)
    quads = []
    for one in site.buildings:
        if one.polygon.distance(shapely.Point(*eye[:2])) > RANGE_M:
            continue
        points = shapely.get_coordinates(one.polygon.exterior) - eye[:2]
        factor = 1e3
        if one.height_m < eye[2]:
            factor = (eye[2] - delft.TARGET_M) / (eye[2] - one.height_m)
        for first, last in itertools.pairwise(points):
            ring = np.array([first, last, last * factor, first * factor]) + eye[:2]
            quads.append(shapely.convex_hull(shapely.MultiPoint(ring)))
    return disc.difference(shapely.union_all(quads))


def measure_park(times: int) -> list[Row]:
    """Measure all candidate views of the sample park, and one camera moved."""
    site = load_site(SITE)
    wanted = find_edition("2014")
    ground = lay_grid(site, step_m=2.0, target_height_m=1.5)
    evaluator = Evaluator(site, ground, wanted.find(), light_margin=LIGHT_MARGIN)
    types = [site.camera_types[one] for one in CANDIDATE_TYPES]
    search = Search(
        evaluator.scene, ground, evaluator.targets, types, wanted.find(), 15.0, evaluator.lux,
        LIGHT_MARGIN,
    )  # fmt: skip
    n_views = len(find_views(site.mounts, search, lambda _done, _total: None))
    views_s = best_of(times, lambda: find_views(site.mounts, search, lambda _done, _total: None))
    overall = evaluator.overall([evaluator.existing(one) for one in site.cameras], wanted)
    first = overall.cameras[0].model
    turned = [replace(first, azimuth_deg=(first.azimuth_deg + k) % 360) for k in range(0, 360, 30)]
    moved_ms = statistics.median(
        1e3 * best_of(times, lambda one=one: evaluator.moved(overall, one))  # type: ignore[misc]
        for one in turned
    )
    every_ms = 1e3 * best_of(
        1, lambda: Evaluator(site, ground, wanted.find(), light_margin=LIGHT_MARGIN).overall(
            [evaluator.existing(one) for one in site.cameras], wanted
        )
    )  # fmt: skip
    return [
        Row(
            f"{n_views} candidate views of {len(site.mounts)} mounts",
            views_s, "s", bar=BAR_VIEWS_S, more_is_better=False,
        ),
        Row(
            "one camera moved, all updated",
            moved_ms, "ms", every_ms, "all evaluated anew", BAR_MOVED_MS, more_is_better=False,
        ),
    ]  # fmt: skip


def show(rows: list[Row], console: Console) -> None:
    """Print figure, peer, ratio and bar."""
    table = Table()
    for heading in ("what", "figure", "peer", "ratio", "bar", ""):
        table.add_column(heading)
    for row in rows:
        bar, ratio, peer = "", "", ""
        if row.bar is not None:
            sign = ">=" if row.more_is_better else "<="
            bar = f"{sign} {row.bar:.3g} {row.unit}"
        if row.peer is not None:
            peer = f"{row.peer:.3g} {row.unit} ({row.peer_name})"
            better = row.figure / row.peer if row.more_is_better else row.peer / row.figure
            ratio = f"{better:.1f} x"
        verdict = "" if row.bar is None else ("met" if row.is_met else "MISSED")
        table.add_row(row.what, f"{row.figure:.3g} {row.unit}", peer, ratio, bar, verdict)
    console.print(table)


def main() -> int:
    """Measure, print, and return 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5, help="how often, of which the best counts")
    times = parser.parse_args().times
    console = Console()
    rows = [*measure_delft(console, times), *measure_park(times)]
    show(rows, console)
    return 0 if all(row.is_met for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
