"""
From a first choice to a proof: the course that set covering and maximum coverage share.

Greedy, then local search for a fixed number of steps while HiGHS bounds the linear relaxation; the
bound and reduced costs leave out columns that no better choice can hold; on what is left, HiGHS
proves while the local search goes on, each on its own core.

The first part depends on the seed alone. Where it finds an optimum, the choice is the same on every
run; HiGHS and the later search replace it by something better only. Where the later search or HiGHS
finds the best, or time ends the work, the choice depends on the speed of the machine: its value is
still the optimum when it is proven.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy import sparse

from parkwacht_coverage.solving._background import Background
from parkwacht_coverage.solving.answer import Ledger
from parkwacht_coverage.solving.milp import (
    LpAnswer,
    Milp,
    MilpAnswer,
    Status,
    relative_gap_of,
    run_milp,
    solve_lp,
)

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]
# a later round is worth its restart when it leaves out this share of the columns
SHRINK = 0.75
# among many columns, the search first keeps to those that the relaxation likes (rail507 without
# costs: 97 in 0.2 s instead of 1.6 s or never)
NARROW = 0.7
# a run of HiGHS this young begins again as soon as something better is known
YOUNG_S = 5.0
SLICE_S = 0.1
# slices without anything better, and the gap, at which the search rests
IDLE = 50
SMALL_GAP = 0.005


class Search(Protocol):
    """A local search that can be continued."""

    def run(self, n_steps: int) -> bool:
        """Go on; return whether the best became better."""

    def best(self) -> list[int]:
        """Return the best choice so far."""

    def aim(self, value: float, target: float) -> None:
        """Look for better than `value`; stop at `target`."""


@dataclass(frozen=True, slots=True)
class Program:
    """
    A program whose first columns stand for `columns` of the problem.

    `start_of` makes a full solution from a choice among those columns; `absolute_gap` proves.
    """

    milp: Milp
    columns: Longs
    start_of: Callable[[Sequence[int]], Floats]
    absolute_gap: float

    def chosen(self, values: Floats) -> list[int]:
        """Return the columns of the problem that a solution takes."""
        taken = values[: len(self.columns)] > 0.5  # noqa: PLR2004 (0 or 1, up to rounding)
        return [int(one) for one in self.columns[taken]]


class Problem(Protocol):
    """A covering problem, reduced."""

    @property
    def n_columns(self) -> int:
        """How many columns there are."""

    @property
    def step_s(self) -> float:
        """About how long a step of the search takes, from sizes alone."""

    def value_of(self, chosen: Sequence[int]) -> float:
        """Return the value of a choice, from scratch."""

    def greedy(self) -> list[int]:
        """Return a first choice."""

    def tidy(self, chosen: list[int]) -> list[int]:
        """Return a choice without what it does not need."""

    def search(self, columns: Longs, start: Sequence[int], seed: int) -> Search:
        """Return a local search among some columns."""

    def program(self, columns: Longs) -> Program:
        """Return the program on some columns."""


def run_pipeline(problem: Problem, ledger: Ledger, seed: int) -> None:
    """
    Work on a problem until proven, out of time or stopped; the ledger holds the outcome.

    Raises
    ------
    CoverageError
        The process of HiGHS crashed.
    """
    work: list[Background[LpAnswer] | Background[MilpAnswer]] = []
    try:
        _run(problem, ledger, seed, work)
    except KeyboardInterrupt:
        if ledger.value is None:
            raise
        ledger.is_stopped = True
    finally:
        for one in work:
            one.stop()


def _run(
    problem: Problem,
    ledger: Ledger,
    seed: int,
    work: list[Background[LpAnswer] | Background[MilpAnswer]],
) -> None:
    everything = np.arange(problem.n_columns)
    first = problem.greedy()
    ledger.offer(problem.value_of(first), first, "greedy")
    program = problem.program(everything)
    lp_s = max(1.0, 0.5 * ledger.left_s)
    relaxing = Background(lambda stop: solve_lp(program.milp, time_limit_s=lp_s, should_stop=stop))
    work.append(relaxing)
    search = problem.search(everything, ledger.chosen, seed)
    _search_first(problem, ledger, search, relaxing)
    while not relaxing.is_done and not ledger.is_over():
        _search_on(problem, ledger, search)
    if ledger.is_over() and not relaxing.is_done:
        return
    relaxed = relaxing.join()
    ledger.raise_bound(relaxed.bound, "relaxation")
    narrow = _narrow(ledger, relaxed, program, ledger.chosen)
    if len(narrow) < NARROW * len(everything) and not ledger.is_over():
        _search_first(problem, ledger, problem.search(narrow, ledger.chosen, seed), relaxing)
    start, kept, n_round = ledger.chosen, everything, 0
    while not ledger.is_over():
        smaller = _worth_keeping(ledger, relaxed, kept, start)
        if n_round == 0 or len(smaller) < SHRINK * len(kept):
            search = problem.search(smaller, start, seed + n_round + 1)
            kept = smaller
        # HiGHS takes the smaller part in any case; the search keeps what it learned
        proving = _prove(problem.program(smaller), ledger, start, seed)
        work.append(proving.running)
        if not _follow(problem, ledger, search, proving, (relaxed, kept)):
            return
        start, n_round = ledger.chosen, n_round + 1


def _search_first(
    problem: Problem, ledger: Ledger, search: Search, relaxing: Background[LpAnswer]
) -> None:
    """
    Search for a number of steps that depends on the sizes alone.

    A bound that comes meanwhile can end it, which changes nothing: what reaches it stays the best.
    """
    # about a second without improvement, four in all, on the machine this was measured on; less
    # for problems so small that as many steps have seen everything
    patience = max(1000, min(int(1.0 / problem.step_s), 1000 * problem.n_columns))
    piece = max(100, patience // 20)
    done, improved_at = 0, 0
    while done < min(4 * patience, improved_at + patience) and not ledger.is_over():
        search.aim(_value(ledger), ledger.bound)
        if search.run(piece):
            chosen = search.best()
            ledger.offer(problem.value_of(chosen), chosen, "local search")
            improved_at = done
        done += piece
        if relaxing.is_done:
            ledger.raise_bound(relaxing.join().bound, "relaxation")


def _search_on(problem: Problem, ledger: Ledger, search: Search) -> bool:
    """Search for a moment; return whether the best became better."""
    search.aim(_value(ledger), ledger.bound)
    has_improved = search.run(max(50, int(SLICE_S / problem.step_s)))
    if has_improved:
        chosen = search.best()
        return ledger.offer(problem.value_of(chosen), chosen, "local search")
    ledger.tell()
    return False


def _value(ledger: Ledger) -> float:
    return ledger.value if ledger.value is not None else ledger.sign * math.inf


@dataclass(frozen=True, slots=True)
class _Proof:
    """A run of HiGHS on part of the columns, looking for better than `value` only."""

    program: Program
    running: Background[MilpAnswer]
    value: float
    begun_s: float


def _prove(program: Program, ledger: Ledger, start: Sequence[int], seed: int) -> _Proof:
    """
    Let HiGHS look for something better than the start, or prove that there is none.

    Values on a grain are cut off by a row, which proves sooner than a start does (measured: a third
    of the time on scpd1, two thirds on Steiner 45); others begin from the start.
    """
    milp, begin = program.milp, program.start_of(start)
    value, time_limit_s = float(milp.cost @ begin), ledger.left_s
    has_cut = ledger.grain > 0
    if has_cut:
        milp = _cut_off(milp, value - ledger.sign * 0.5 * ledger.grain)

    def prove(should_stop: Callable[[], bool]) -> MilpAnswer:
        return run_milp(
            milp,
            time_limit_s=time_limit_s,
            start=None if has_cut else begin,
            absolute_gap=program.absolute_gap,
            has_heuristics=False,
            should_stop=should_stop,
            seed=seed,
        )

    return _Proof(program, Background(prove), value, ledger.seconds)


def _cut_off(milp: Milp, value: float) -> Milp:
    """Return the program with a row that asks for better than a value."""
    is_min = milp.sense == "min"
    return replace(
        milp,
        matrix=sparse.csr_array(sparse.vstack([milp.matrix, sparse.csr_array(milp.cost[None, :])])),
        row_lower=np.append(milp.row_lower, -np.inf if is_min else value),
        row_upper=np.append(milp.row_upper, value if is_min else np.inf),
    )


def _narrow(ledger: Ledger, relaxed: LpAnswer, program: Program, start: Sequence[int]) -> Longs:
    """Return the columns that the relaxation likes best, four per row, and those of the start."""
    n_columns = len(program.columns)
    n_wanted = 4 * len(program.milp.row_lower)
    if relaxed.reduced_costs is None or n_wanted >= n_columns:
        return program.columns
    adverse = ledger.sign * relaxed.reduced_costs[:n_columns]
    liked = np.argsort(adverse, kind="stable")[:n_wanted]
    return np.union1d(program.columns[liked], np.asarray(start, dtype=np.int64))


def _worth_keeping(ledger: Ledger, relaxed: LpAnswer, kept: Longs, start: Sequence[int]) -> Longs:
    """
    Leave out columns that no better choice can hold (reduced-cost fixing).

    With a column in, the bound moves by its reduced cost; where that passes the next better value,
    the column is only needed for the choice known already.
    """
    if relaxed.reduced_costs is None or not math.isfinite(relaxed.bound):
        return kept
    with_column = ledger.sign * (relaxed.bound + relaxed.reduced_costs[kept])
    slack = 1e-7 * max(1.0, abs(ledger.next_better))
    is_useful = with_column <= ledger.sign * ledger.next_better + slack
    return kept[is_useful | np.isin(kept, np.asarray(start, dtype=np.int64))]


def _follow(
    problem: Problem,
    ledger: Ledger,
    search: Search,
    proof: _Proof,
    basis: tuple[LpAnswer, Longs],
) -> bool:
    """Search while HiGHS proves; return whether HiGHS should begin again, from a better start."""
    again, n_idle = False, 0
    while not proof.running.is_done and not ledger.is_over():
        n_idle += 1
        if n_idle > IDLE and relative_gap_of(ledger.value, ledger.bound) < SMALL_GAP:
            # little is left to find: HiGHS may have the processor
            time.sleep(SLICE_S)
            ledger.tell()
        elif _search_on(problem, ledger, search):
            n_idle = 0
            is_young = ledger.seconds - proof.begun_s < YOUNG_S
            smaller = _worth_keeping(ledger, *basis, ledger.chosen)
            if is_young or len(smaller) < SHRINK * len(proof.program.columns):
                again = True
                break
    proof.running.stop()
    _take(problem, ledger, proof, proof.running.join())
    return again


def _take(problem: Problem, ledger: Ledger, proof: _Proof, answer: MilpAnswer) -> None:
    if answer.values is not None:
        chosen = problem.tidy(proof.program.chosen(answer.values))
        ledger.offer(problem.value_of(chosen), chosen, "HiGHS")
    if answer.status is Status.INFEASIBLE:
        # nothing is better than what the run began from
        ledger.raise_bound(proof.value, "HiGHS")
    ledger.raise_bound(answer.bound, "HiGHS")
