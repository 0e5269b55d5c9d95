"""
Mixed-integer programs and their linear relaxations, solved by HiGHS in a process of its own.

Every answer says what was reached, what is proven about the best possible, and how it ended. A run
may be stopped at any moment, by Ctrl-C too: the best so far is returned.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import sparse

from parkwacht_config.errors import CoverageError
from parkwacht_config.text import Text
from parkwacht_coverage.solving._highs_messages import Final, Progress, Request
from parkwacht_coverage.solving._highs_process import GRACE_S, HighsProcess

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
OnProgress = Callable[[float, float | None, float], None]
ShouldStop = Callable[[], bool]
FEASIBILITY = 1e-6
# Presolve by enumeration in HiGHS 1.16 calls programs infeasible that are not, and then optimal
# whatever they began with; without it none of those that showed it goes wrong.
NO_ENUMERATION = 1 << 16
POLISHED = 1e-5  # what rounding integers may break a row by
# an integer objective is proven as soon as no better INTEGER is possible
INTEGER_GAP = 1.0 - 1e-6
NO_HEURISTICS = {
    "mip_heuristic_effort": 0.0,
    "mip_heuristic_run_feasibility_jump": False,
    "mip_heuristic_run_rins": False,
    "mip_heuristic_run_rens": False,
    "mip_heuristic_run_root_reduced_cost": False,
}


class Status(StrEnum):
    """How a run ended."""

    PROVEN = "proven"
    FEASIBLE = "feasible"
    INFEASIBLE = "infeasible"
    NO_ANSWER = "no_answer"


@dataclass(frozen=True, slots=True)
class Milp:
    """
    Optimise cost @ x with row_lower <= matrix @ x <= row_upper and col_lower <= x <= col_upper.

    `cost`, `col_lower`, `col_upper` and `is_integer` have shape (n,), `row_lower` and `row_upper`
    shape (m,), `matrix` is sparse of shape (m, n); missing bounds are infinite.
    """

    cost: Floats
    matrix: sparse.sparray | sparse.spmatrix
    row_lower: Floats
    row_upper: Floats
    col_lower: Floats
    col_upper: Floats
    is_integer: Bools
    sense: Literal["min", "max"]

    @property
    def has_integer_objective(self) -> bool:
        """Whether every feasible x has a whole value."""
        priced = self.cost != 0
        whole = bool(np.all(self.cost == np.round(self.cost)))
        return whole and bool(np.all(self.is_integer[priced]))


@dataclass(frozen=True, slots=True)
class MilpAnswer:
    """
    The best x found, its value, and the bound that no x can pass.

    `values` has shape (n,), None when no x is known; `gap` is |value - bound| / |value|, infinite
    without a value; `is_stopped` when the caller or Ctrl-C ended the run.
    """

    values: Floats | None
    value: float | None
    bound: float
    gap: float
    status: Status
    seconds: float
    is_stopped: bool


@dataclass(frozen=True, slots=True)
class LpAnswer:
    """
    A bound on the linear relaxation that holds whatever the precision of the solver.

    `values` shape (n,) is the fractional solution, `row_duals` shape (m,) the multipliers from
    which `bound` and `reduced_costs`, shape (n,), were computed; None when there is none.
    """

    values: Floats | None
    row_duals: Floats | None
    reduced_costs: Floats | None
    bound: float
    status: Status
    seconds: float


def relative_gap_of(value: float | None, bound: float) -> float:
    """Return |value - bound| / |value|: 0 when proven, infinite when there is no value."""
    if value is None or not math.isfinite(bound):
        return math.inf
    return abs(value - bound) / max(abs(value), 1e-12) if value != bound else 0.0


def run_milp(  # noqa: PLR0913 (keywords, each with a default)
    milp: Milp,
    *,
    time_limit_s: float,
    start: Floats | None = None,
    relative_gap: float = 0.0,
    absolute_gap: float | None = None,
    has_heuristics: bool = True,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
    seed: int = 0,
    threads: int = 1,
    node_limit: int | None = None,
) -> MilpAnswer:
    """
    Solve a mixed-integer program until proven, out of time or stopped.

    Parameters
    ----------
    milp
        The program.
    time_limit_s
        Seconds on the clock, the start of the process included.
    start
        A solution to begin from, shape (n,); one that is not feasible is left to HiGHS to repair.
    relative_gap
        The gap at which to end; 0 proves the optimum.
    absolute_gap
        The same in units of the objective; just under 1 by default where the objective is whole.
    has_heuristics
        Whether HiGHS looks for solutions by itself; without, it only proves, which is quicker when
        the start is likely to be the best.
    on_progress
        Called with seconds, the best value (None before the first) and the bound.
    should_stop
        Asked about twenty times a second.
    seed
        The same seed gives the same answer unless time ends the run.
    threads
        How many threads HiGHS may use.
    node_limit
        How many nodes of the tree to search at most: an end that does not depend on the machine.

    Returns
    -------
    answer
        Status PROVEN when the gaps asked for are reached with relative_gap 0.

    Raises
    ------
    CoverageError
        The program is malformed or unbounded, or the process of HiGHS crashed.
    """
    _check(milp)
    begun = time.monotonic()
    if absolute_gap is None:
        absolute_gap = INTEGER_GAP if milp.has_integer_objective else 0.0
    options = {
        "time_limit": max(0.01, time_limit_s),
        "mip_rel_gap": relative_gap,
        "mip_abs_gap": absolute_gap,
        "random_seed": seed,
        "threads": threads,
        "presolve_rule_off": NO_ENUMERATION,
        **({} if has_heuristics else NO_HEURISTICS),
    }
    if node_limit is not None:
        options["mip_max_nodes"] = node_limit
    request = _request(milp, options, start=start, is_mip=True)
    follower = _Follower(milp, begun, start, on_progress)
    ends_at = begun + time_limit_s
    final = _follow(request, follower, ends_at, should_stop)
    if follower.is_misled(final, max(absolute_gap, relative_gap * abs(follower.value or 0.0))):
        request = _request(milp, options, start=None, is_mip=True)
        final = _follow(request, follower, ends_at, should_stop)
    return follower.answer(final, relative_gap)


def solve_lp(milp: Milp, *, time_limit_s: float, should_stop: ShouldStop | None = None) -> LpAnswer:
    """
    Bound a program by its linear relaxation: interior point, no crossover.

    Any multipliers y give a bound: that of the Lagrangian of the rows, with each column at its
    better bound (weak duality). It holds although interior point ends short of the optimum; it is
    infinite when a column without bound has a reduced cost that HiGHS left on the wrong side.

    Parameters
    ----------
    milp
        The program; that columns are integer is not used.
    time_limit_s
        Seconds on the clock.
    should_stop
        Asked about twenty times a second.

    Raises
    ------
    CoverageError
        The program is malformed, or the process of HiGHS crashed.
    """
    _check(milp)
    begun = time.monotonic()
    options = {"time_limit": max(0.01, time_limit_s), "solver": "ipm", "run_crossover": "off"}
    request = _request(milp, options, start=None, is_mip=False)
    final = _follow(request, None, begun + time_limit_s, should_stop)
    seconds = time.monotonic() - begun
    unknown = -math.inf if milp.sense == "min" else math.inf
    if final is None or final.row_duals is None:
        infeasible = final is not None and final.status == "kInfeasible"
        status = Status.INFEASIBLE if infeasible else Status.NO_ANSWER
        return LpAnswer(None, None, None, unknown, status, seconds)
    bound, reduced = dual_bound(milp, final.row_duals)
    status = Status.PROVEN if final.status == "kOptimal" else Status.FEASIBLE
    return LpAnswer(final.values, final.row_duals, reduced, bound, status, seconds)


def dual_bound(milp: Milp, row_duals: Floats) -> tuple[float, Floats]:
    """
    Compute the bound that any row multipliers prove, and the reduced costs they leave.

    Parameters
    ----------
    milp
        The program.
    row_duals
        Shape (m,); what points at a missing side of a row is taken as 0.

    Returns
    -------
    bound, reduced_costs
        The bound is on the safe side of rounding; reduced costs, shape (n,), in the sense of the
        program.
    """
    sign = 1.0 if milp.sense == "min" else -1.0
    duals = sign * row_duals
    duals = np.where((duals > 0) & np.isinf(milp.row_lower), 0.0, duals)
    duals = np.where((duals < 0) & np.isinf(milp.row_upper), 0.0, duals)
    reduced = sign * milp.cost - sparse.csr_array(milp.matrix).T @ duals
    sides = np.where(duals > 0, milp.row_lower, milp.row_upper)
    rows = np.where(duals == 0, 0.0, duals * np.where(duals == 0, 0.0, sides))
    ends = np.where(reduced > 0, milp.col_lower, milp.col_upper)
    columns = np.where(reduced == 0, 0.0, reduced * np.where(reduced == 0, 0.0, ends))
    total = float(rows.sum() + columns.sum())
    slack = 1e-12 * float(np.abs(rows).sum() + np.abs(columns).sum())
    return sign * (total - slack if math.isfinite(total) else -math.inf), sign * reduced


def is_feasible(milp: Milp, values: Floats, *, tolerance: float = FEASIBILITY) -> bool:
    """Return whether x satisfies rows, bounds and integrality, each within a relative tolerance."""
    activity = milp.matrix @ values
    row_slack = tolerance * (1.0 + np.abs(activity))
    in_rows = np.all(activity >= milp.row_lower - row_slack) and np.all(
        activity <= milp.row_upper + row_slack
    )
    in_columns = np.all(values >= milp.col_lower - tolerance) and np.all(
        values <= milp.col_upper + tolerance
    )
    whole = values[milp.is_integer]
    return bool(in_rows and in_columns and np.all(np.abs(whole - np.round(whole)) <= tolerance))


class _Follower:
    """What is known of a run so far."""

    def __init__(
        self, milp: Milp, begun: float, start: Floats | None, on_progress: OnProgress | None
    ) -> None:
        self._milp = milp
        self._begun = begun
        self._on_progress = on_progress
        self._sign = 1.0 if milp.sense == "min" else -1.0
        self.values: Floats | None = None
        self.value: float | None = None
        self.bound = -math.inf * self._sign
        self.is_stopped = False
        if start is not None and is_feasible(milp, start):
            self._take(start)

    def hear(self, progress: Progress) -> None:
        """Take in a better solution or bound, and pass it on."""
        if progress.values is not None:
            self._take(progress.values)
        if math.isfinite(progress.bound):
            self._raise_bound(progress.bound)
        if self._on_progress is not None:
            self._on_progress(time.monotonic() - self._begun, self.value, self.bound)

    def is_misled(self, final: Final | None, gap: float) -> bool:
        """Return whether HiGHS took its start for better than it is: the bound holds, no more."""
        if final is None or final.status != "kOptimal" or final.values is None:
            return False
        self._take(final.values)
        if self.value is None:
            return True
        distance = self._sign * (self.value - final.bound)
        return distance > gap + FEASIBILITY * max(1.0, abs(self.value))

    def answer(self, final: Final | None, relative_gap: float) -> MilpAnswer:
        """Return the answer at the end of a run; `final` is None when the process was ended."""
        name = final.status if final is not None else "kInterrupt"
        if name in ("kUnbounded", "kUnboundedOrInfeasible"):
            raise CoverageError(
                Text(
                    nl="het model heeft geen grens: de doelwaarde kan oneindig worden",
                    en="the program is unbounded: its value can become infinite",
                )
            )
        if final is not None and final.values is not None and name != "kInfeasible":
            self._take(final.values)
        if final is not None and math.isfinite(final.bound) and name != "kInfeasible":
            self._raise_bound(final.bound)
        status = self._status(name, relative_gap)
        if status is Status.PROVEN and self.value is not None:
            self.bound = self.value
        seconds = time.monotonic() - self._begun
        gap = relative_gap_of(self.value, self.bound)
        return MilpAnswer(
            self.values, self.value, self.bound, gap, status, seconds, self.is_stopped
        )

    def _status(self, name: str, relative_gap: float) -> Status:
        if self.value is None:
            return Status.INFEASIBLE if name == "kInfeasible" else Status.NO_ANSWER
        distance = self._sign * (self.value - self.bound)
        closed = distance <= 1e-9 * max(1.0, abs(self.value))
        if closed or (name == "kOptimal" and relative_gap == 0):
            return Status.PROVEN
        return Status.FEASIBLE

    def _take(self, values: Floats) -> None:
        values = _polished(self._milp, values)
        if not is_feasible(self._milp, values, tolerance=POLISHED):
            return
        value = float(self._milp.cost @ values)
        if self._milp.has_integer_objective:
            value = float(round(value))
        if self.value is None or self._sign * (value - self.value) < 0:
            self.values, self.value = values, value

    def _raise_bound(self, bound: float) -> None:
        if self._milp.has_integer_objective:
            bound = self._sign * math.ceil(self._sign * bound - FEASIBILITY)
        self.bound = self._sign * max(self._sign * self.bound, self._sign * bound)


def _follow(
    request: Request,
    follower: _Follower | None,
    ends_at: float,
    should_stop: ShouldStop | None,
) -> Final | None:
    """Run a request to its end; None when the process had to be ended without a last word."""
    stopped_at: float | None = None
    with HighsProcess(request) as process:
        messages = process.messages()
        while True:
            try:
                message = next(messages)
                if isinstance(message, Final):
                    return message
                if message is not None and follower is not None:
                    follower.hear(message)
                is_asked = should_stop is not None and should_stop()
            except KeyboardInterrupt:
                if stopped_at is not None or follower is None:
                    raise
                # the generator ended with the interrupt; a fresh one goes on reading
                messages, is_asked = process.messages(), True
            now = time.monotonic()
            if stopped_at is None and (is_asked or now > ends_at + 0.5):
                stopped_at = now
                if follower is not None:
                    follower.is_stopped = is_asked
                process.stop()
            if stopped_at is not None and now > stopped_at + GRACE_S:
                return None


def _polished(milp: Milp, values: Floats) -> Floats:
    """Return x with whole integers, where that leaves it feasible."""
    whole = np.where(milp.is_integer, np.round(values), values)
    whole = np.clip(whole, milp.col_lower, milp.col_upper)
    return whole if is_feasible(milp, whole, tolerance=POLISHED) else values


def _request(milp: Milp, options: dict[str, Any], *, start: Floats | None, is_mip: bool) -> Request:
    columns = sparse.csc_array(milp.matrix)
    columns.sum_duplicates()
    return Request(
        is_maximising=milp.sense == "max",
        cost=milp.cost.astype(np.float64),
        col_lower=milp.col_lower.astype(np.float64),
        col_upper=milp.col_upper.astype(np.float64),
        row_lower=milp.row_lower.astype(np.float64),
        row_upper=milp.row_upper.astype(np.float64),
        starts=columns.indptr.astype(np.int32),
        rows=columns.indices.astype(np.int32),
        entries=columns.data.astype(np.float64),
        is_integer=milp.is_integer if is_mip else None,
        start=None if start is None else start.astype(np.float64),
        options=options,
    )


def _check(milp: Milp) -> None:
    """Raise CoverageError where sizes do not fit, a number is missing or bounds cross."""
    n_rows, n_columns = milp.matrix.shape
    sizes = {
        "cost": (milp.cost, n_columns),
        "col_lower": (milp.col_lower, n_columns),
        "col_upper": (milp.col_upper, n_columns),
        "is_integer": (milp.is_integer, n_columns),
        "row_lower": (milp.row_lower, n_rows),
        "row_upper": (milp.row_upper, n_rows),
    }
    for name, (array, size) in sizes.items():
        if array.shape != (size,) or np.isnan(array).any():
            raise CoverageError(
                Text(
                    nl=f"model: {name} heeft vorm {array.shape}, verwacht ({size},) zonder NaN",
                    en=f"program: {name} has shape {array.shape}, expected ({size},) without NaN",
                )
            )
    if np.any(milp.col_lower > milp.col_upper) or np.any(milp.row_lower > milp.row_upper):
        raise CoverageError(
            Text(
                nl="model: een ondergrens ligt boven zijn bovengrens",
                en="program: a lower bound lies above its upper bound",
            )
        )
