"""Lines of sight per second on the sample park, against brute force in numpy."""

import argparse
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from parkwacht_config.loader import load_site
from parkwacht_config.site import Site
from parkwacht_coverage.plan import lay_grid
from parkwacht_coverage.visibility import Scene

SITE = Path(__file__).parents[1] / "config" / "sites" / "josink_es.toml"
BAR_RATIO = 10.0
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def walls_of(site: Site) -> tuple[Floats, Floats]:
    """Return the walls (x1, y1, x2, y2) and their tops, written down without the library."""
    walls, tops = [], []
    for building in site.buildings:
        ring = np.asarray(building.polygon.exterior.coords)[:, :2]
        walls.append(np.hstack((ring[:-1], ring[1:])))
        tops += [building.height_m] * (len(ring) - 1)
    return np.vstack(walls), np.array(tops)


def brute_force(eye: Floats, targets: Floats, walls: Floats, tops: Floats) -> Bools:
    """Test every sight line against every wall: the peer, and the check of the answers."""
    seen = np.ones(len(targets), dtype=np.bool_)
    along = walls[:, 2:] - walls[:, :2]
    for number, target in enumerate(targets):
        sight = target[:2] - eye[:2]
        cross = sight[0] * along[:, 1] - sight[1] * along[:, 0]
        away = walls[:, :2] - eye[:2]
        with np.errstate(divide="ignore", invalid="ignore"):
            u = (away[:, 0] * along[:, 1] - away[:, 1] * along[:, 0]) / cross
            v = (away[:, 0] * sight[1] - away[:, 1] * sight[0]) / cross
        height = eye[2] + (target[2] - eye[2]) * u
        blocks = (u > 0) & (u < 1) & (v >= 0) & (v <= 1) & (height < tops)
        seen[number] = not blocks.any()
    return seen


def main() -> int:
    """Measure, print, and return 1 when the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mounts", type=int, default=60, help="how many mounts look")
    parser.add_argument("--peer-mounts", type=int, default=2, help="how many of them brute force")
    chosen = parser.parse_args()
    site = load_site(SITE)
    scene = Scene(site.buildings)
    targets = lay_grid(site, step_m=2.0, target_height_m=1.5).points_m
    walls, tops = walls_of(site)
    mounts = [(one.point.x, one.point.y, one.height_m) for one in site.mounts]
    eyes = [eye for eye in mounts if scene.building_at(*eye) is None]
    eyes = eyes[:: max(1, len(eyes) // chosen.mounts)]
    prepared = scene.targets(targets)
    scene.is_visible(eyes[0], prepared)  # compiles
    ours_s, n_ours = 0.0, 0
    for eye in eyes:
        begun = time.perf_counter()
        scene.is_visible(eye, prepared)
        ours_s += time.perf_counter() - begun
        n_ours += len(targets)
    peer_s, n_peer, n_same, n_compared = 0.0, 0, 0, 0
    for eye in eyes[: chosen.peer_mounts]:
        begun = time.perf_counter()
        expected = brute_force(np.array(eye), targets, walls, tops)
        peer_s += time.perf_counter() - begun
        n_peer += len(targets)
        answer = scene.is_visible(eye, prepared)
        n_same += int((answer == expected).sum())
        n_compared += len(targets)
    ours, peer = n_ours / ours_s, n_peer / peer_s
    table = Table(title=f"{len(targets)} targets, {len(tops)} walls, {len(eyes)} mounts")
    for heading in ("what", "lines of sight / s", "ratio", "bar"):
        table.add_column(heading)
    table.add_row("parkwacht", f"{ours:.3g}", f"{ours / peer:.1f}", f">= {BAR_RATIO:.0f}")
    table.add_row("numpy brute force", f"{peer:.3g}", "1", "")
    Console().print(table)
    Console().print(f"same answer on {n_same} of {n_compared} lines of sight")
    return 0 if ours / peer >= BAR_RATIO else 1


if __name__ == "__main__":
    raise SystemExit(main())
