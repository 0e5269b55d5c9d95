"""Covers and maximum coverage against the best known values, with plain HiGHS beside them."""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from scipy import optimize, sparse

from parkwacht_coverage.solving.answer import CoverAnswer
from parkwacht_coverage.solving.cover import solve_set_cover
from parkwacht_coverage.solving.instances import BestKnown, read_best_known, read_instance
from parkwacht_coverage.solving.maximum import maximum_program, solve_maximum_coverage
from parkwacht_coverage.solving.reduce import as_ones

FOLDER = Path(__file__).parents[2] / "shared" / "data" / "coverage" / "instances"
DELFT = {5: 1039, 10: 1647, 20: 1922}
# what must be proven (True) or reached (False) on two cores; issue 3
BARS: dict[str, tuple[float, bool]] = {
    "delft k=5": (1039, True),
    "delft k=10": (1647, True),
    "delft k=20": (1922, True),
    "AC_01": (7, True),
    "scp41": (429, True),
    "scpa1": (253, True),
    "scpd1": (60, True),
    "data.45": (30, True),
    "AC_10": (20, False),
    "scpclr10": (25, False),
    "scpclr13": (23, False),
    "scpcyc08": (342, False),
    "data.135": (103, False),
    "data.243": (198, False),
    "rail507 unicost": (97, False),
}
PEERS = ("scp41", "scpd1", "AC_01", "delft k=5")
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the table: k is None for a set cover."""

    name: str
    path: Path
    is_unicost: bool = False
    k: int | None = None

    def load(self) -> tuple[sparse.csr_array, Floats]:
        """Return the matrix and the costs."""
        instance = read_instance(self.path)
        cost = np.ones(len(instance.cost)) if self.is_unicost else instance.cost
        return instance.matrix, cost


def all_cases() -> Iterator[Case]:
    """List every instance, those with costs also without."""
    for k in DELFT:
        yield Case(f"delft k={k}", FOLDER / "delft" / "A_full_1940x12009.npz", k=k)
    for path in sorted((FOLDER / "ocp").glob("*_cover.txt")):
        yield Case(path.name.removesuffix("_cover.txt"), path)
    for path in sorted((FOLDER / "sts").glob("data.*"), key=lambda one: int(one.suffix[1:])):
        yield Case(path.name, path)
    for path in sorted((FOLDER / "or-library").glob("*.txt")):
        if "README" in path.name:
            continue
        yield Case(path.stem, path)
        if not path.stem.startswith(("scpclr", "scpcyc")):
            yield Case(f"{path.stem} unicost", path, is_unicost=True)


class Watch:
    """
    Follow one case on its line, and end it once there is nothing more to show.

    That is when a value that must only be reached is reached and a bound is known.
    """

    def __init__(self, case: Case, show: Callable[[str], None], *, is_quick: bool) -> None:
        value, is_proof = BARS.get(case.name, (0.0, True))
        self._goal = value if is_quick and not is_proof else None
        self._case, self._show = case, show
        self.has_reached = False

    def tell(self, _seconds: float, value: float | None, bound: float) -> None:
        """Show value and bound."""
        shown = "-" if value is None else f"{value:g}"
        self._show(f"{self._case.name}: {shown}, bound {bound:g}")
        if self._goal is not None and value is not None and np.isfinite(bound):
            self.has_reached = value <= self._goal

    def should_stop(self) -> bool:
        """Return whether the bar is reached."""
        return self.has_reached


def solve(case: Case, seconds: float, watch: Watch) -> tuple[CoverAnswer, str]:
    """Solve one case; also return its size."""
    matrix, cost = case.load()
    size = f"{matrix.shape[0]}x{matrix.shape[1]}"
    if case.k is None:
        answer = solve_set_cover(
            matrix,
            cost,
            time_limit_s=seconds,
            on_progress=watch.tell,
            should_stop=watch.should_stop,
        )
    else:
        answer = solve_maximum_coverage(
            matrix, budget=case.k, time_limit_s=seconds, on_progress=watch.tell
        )
    return answer, size


def solve_plainly(case: Case, seconds: float) -> tuple[float | None, bool, float]:
    """Solve with scipy.optimize.milp: HiGHS with neither reduction nor start; the peer."""
    matrix, cost = case.load()
    sign, whole = 1.0, np.ones(len(cost))
    if case.k is not None:
        milp = maximum_program(as_ones(matrix), np.ones(matrix.shape[0]), cost, case.k)
        rows = optimize.LinearConstraint(milp.matrix, milp.row_lower, milp.row_upper)
        sign, cost, whole = -1.0, -milp.cost, milp.is_integer.astype(np.float64)
    else:
        rows = optimize.LinearConstraint(matrix, 1.0, np.inf)
    begun = time.perf_counter()
    found = optimize.milp(
        cost,
        integrality=whole,
        bounds=optimize.Bounds(0, 1),
        constraints=rows,
        options={"time_limit": seconds, "mip_rel_gap": 0.0},
    )
    value = None if found.x is None else sign * float(found.fun)
    return value, found.status == 0, time.perf_counter() - begun


def bar_of(case: Case, answer: CoverAnswer) -> tuple[str, bool]:
    """Return the bar in words and whether it is met."""
    if case.name not in BARS:
        return "", True
    value, is_proof = BARS[case.name]
    is_met = answer.value >= value if case.k is not None else answer.value <= value
    words = f"{'proven' if is_proof else 'reach'} {value:g}"
    return words, is_met and (answer.is_proven or not is_proof)


def known_of(case: Case, known: dict[str, BestKnown]) -> str:
    """Return the best known value, with * where it is proven."""
    if case.k is not None:
        return f"{DELFT[case.k]}*"
    if case.name not in known:
        return "?"
    best = known[case.name]
    return f"{best.value:g}{'*' if best.bound == best.value else ''}"


def run(cases: list[Case], seconds: float, console: Console, *, is_quick: bool) -> int:
    """Solve all cases, print the table, and return how many bars were missed."""
    known = read_best_known(FOLDER)
    table = Table(title=f"at most {seconds:g} s each; * proven by others, = proven here")
    for heading in ("instance", "size", "best known", "ours", "bound", "gap %", "s", "bar"):
        table.add_column(heading, justify="left" if heading == "instance" else "right")
    n_missed = 0
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        for number, case in enumerate(cases, start=1):
            task = progress.add_task(f"{number}/{len(cases)} {case.name}")
            show = partial(_describe, progress, task)
            watch = Watch(case, show, is_quick=is_quick)
            answer, size = solve(case, seconds, watch)
            progress.remove_task(task)
            if answer.is_stopped and not watch.has_reached:
                # Ctrl-C: show what there is
                n_missed += 1
                break
            bar, is_met = bar_of(case, answer)
            n_missed += not is_met
            mark = "" if not bar else (" ok" if is_met else " MISSED")
            table.add_row(
                case.name,
                size,
                known_of(case, known),
                f"{answer.value:g}{'=' if answer.is_proven else ''}",
                f"{answer.bound:g}",
                f"{100 * answer.gap:.2f}",
                f"{answer.seconds:.1f}",
                bar + mark,
            )
    console.print(table)
    return n_missed


def _describe(progress: Progress, task: TaskID, description: str) -> None:
    progress.update(task, description=description)


def run_peers(cases: list[Case], seconds: float, console: Console) -> None:
    """Print plain HiGHS beside ours, in the same run."""
    table = Table(title="beside plain HiGHS (scipy.optimize.milp), same matrix, same time")
    for heading in ("instance", "ours", "s", "plain HiGHS", "s", "ratio of time"):
        table.add_column(heading, justify="right")
    for case in cases:
        if case.name not in PEERS:
            continue
        answer, _ = solve(case, seconds, Watch(case, lambda _: None, is_quick=False))
        if answer.is_stopped:
            break
        value, is_proven, peer_s = solve_plainly(case, seconds)
        shown = "none" if value is None else f"{value:g}{'=' if is_proven else ''}"
        ours = f"{answer.value:g}{'=' if answer.is_proven else ''}"
        ratio = f"{peer_s / answer.seconds:.1f}"
        table.add_row(case.name, ours, f"{answer.seconds:.1f}", shown, f"{peer_s:.1f}", ratio)
    console.print(table)


def main() -> int:
    """Measure, print, and return 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="every instance, each to the end")
    parser.add_argument("--seconds", type=float, default=60.0, help="time limit of each instance")
    chosen = parser.parse_args()
    console = Console()
    if not FOLDER.is_dir():
        console.print("needs ../shared/data/coverage/instances")
        return 2
    cases = [one for one in all_cases() if chosen.all or one.name in BARS]
    n_missed = run(cases, chosen.seconds, console, is_quick=not chosen.all)
    run_peers(cases, chosen.seconds, console)
    console.print(f"{n_missed} bars missed" if n_missed else "all bars met")
    return 1 if n_missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
