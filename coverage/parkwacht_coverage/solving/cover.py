"""Set covering: every row at least once, at least cost, with a bound and, in time, a proof."""

import math
import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import sparse

from parkwacht_config.errors import CoverageError
from parkwacht_config.text import Text
from parkwacht_coverage.solving import _weighting
from parkwacht_coverage.solving._pipeline import Program, run_pipeline
from parkwacht_coverage.solving.answer import CoverAnswer, Ledger, OnProgress, ShouldStop
from parkwacht_coverage.solving.greedy import drop_redundant, greedy_choice
from parkwacht_coverage.solving.milp import INTEGER_GAP, Milp
from parkwacht_coverage.solving.reduce import as_ones, reduce_cover

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]


def solve_set_cover(
    matrix: sparse.sparray | sparse.spmatrix | npt.ArrayLike,
    cost: npt.ArrayLike | None = None,
    *,
    time_limit_s: float = 60.0,
    seed: int = 0,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> CoverAnswer:
    """
    Choose columns that cover every row, at least cost.

    Parameters
    ----------
    matrix
        Shape (rows, columns); what is not 0 covers.
    cost
        Per column, shape (columns,), all >= 0; 1 each without.
    time_limit_s
        Seconds on the clock; compiling, on the first call on a machine, is not counted.
    seed
        Of the random choices; `_pipeline` says what may differ between runs nevertheless.
    on_progress
        Called with seconds, the best cost and the bound.
    should_stop
        Asked about ten times a second; the best so far is returned, as on Ctrl-C.

    Raises
    ------
    CoverageError
        A row has no column (its index is named), or costs are wrong.
    """
    _compile()
    begun_s = time.monotonic()
    ones = as_ones(matrix)
    prices = _prices(cost, ones.shape[1])
    _check_rows(ones)
    free = np.flatnonzero(prices == 0)
    left = np.flatnonzero(ones[:, free].sum(axis=1) == 0)
    reduced = reduce_cover(as_ones(ones[left]), prices)
    base = float(prices[list(reduced.chosen)].sum())

    def tell(seconds: float, value: float | None, bound: float) -> None:
        """Count the columns that the reduction chose already."""
        if on_progress is not None:
            on_progress(seconds, None if value is None else value + base, bound + base)

    ledger = Ledger(
        is_maximising=False,
        grain=grain_of(reduced.cost),
        begun_s=begun_s,
        time_limit_s=time_limit_s,
        on_progress=tell,
        should_stop=should_stop,
    )

    def to_original(chosen: Sequence[int]) -> list[int]:
        paid = reduced.to_original(np.asarray(chosen, dtype=np.int64))
        return sorted([*paid, *_needed(ones, free, paid)])

    if reduced.matrix.shape[0] == 0:
        ledger.offer(0.0, (), "reduction")
        ledger.raise_bound(0.0, "reduction")
    else:
        run_pipeline(_CoverProblem(reduced.matrix, reduced.cost), ledger, seed)
    return _verified(ledger.answer(to_original, base), ones, prices)


def _needed(ones: sparse.csr_array, free: Longs, paid: list[int]) -> list[int]:
    """Return the free columns that cover what the paid ones leave open."""
    is_open = (ones[:, paid].sum(axis=1) == 0).astype(np.float64)
    taken = greedy_choice(as_ones(ones[:, free]), is_open, np.ones(len(free)))
    return [int(free[one]) for one in taken]


def _compile() -> None:
    """Have everything compiled, or read from numba's cache, before time counts."""
    triangle = as_ones([[1, 1, 0], [0, 1, 1], [1, 0, 1]])
    reduce_cover(triangle, np.ones(3))
    chosen = greedy_choice(triangle, np.ones(3), np.ones(3))
    _weighting.search(_weighting.new_state(triangle, np.ones(3), chosen, 0), 1)


def grain_of(cost: Floats) -> float:
    """Return the greatest common divisor of whole costs, 0 when one is not whole."""
    if len(cost) == 0 or not np.all(cost == np.round(cost)) or np.abs(cost).max() > 2**53:
        return 0.0
    return float(math.gcd(*(int(one) for one in np.unique(cost))))


def _prices(cost: npt.ArrayLike | None, n_columns: int) -> Floats:
    prices = np.ones(n_columns) if cost is None else np.asarray(cost, dtype=np.float64)
    if prices.shape != (n_columns,) or not np.all(np.isfinite(prices)) or np.any(prices < 0):
        raise CoverageError(
            Text(
                nl=f"kosten: verwacht {n_columns} eindige getallen van 0 of meer",
                en=f"costs: expected {n_columns} finite numbers of 0 or more",
            )
        )
    return prices


def _check_rows(ones: sparse.csr_array) -> None:
    lost = np.flatnonzero(np.diff(ones.indptr) == 0)
    if len(lost):
        named = ", ".join(str(one) for one in lost[:5]) + (", ..." if len(lost) > 5 else "")  # noqa: PLR2004
        raise CoverageError(
            Text(
                nl=f"{len(lost)} rijen kan geen enkele kolom dekken: {named}",
                en=f"{len(lost)} rows cannot be covered by any column: {named}",
            )
        )


def _verified(answer: CoverAnswer, ones: sparse.csr_array, prices: Floats) -> CoverAnswer:
    """Check the cover against the matrix that was given, before anyone relies on it."""
    chosen = list(answer.chosen)
    n_missed = int((ones[:, chosen].sum(axis=1) == 0).sum())
    total = float(prices[chosen].sum())
    if n_missed or not math.isclose(total, answer.value, rel_tol=1e-9, abs_tol=1e-9):
        raise CoverageError(
            Text(
                nl=f"de gevonden dekking klopt niet: {n_missed} rijen open, kosten {total}",
                en=f"the cover found is wrong: {n_missed} rows open, cost {total}",
            )
        )
    return answer


class _CoverProblem:
    """A reduced set cover, as the pipeline wants it."""

    def __init__(self, matrix: sparse.csr_array, cost: Floats) -> None:
        self._matrix = matrix
        self._cost = cost
        self.n_columns = matrix.shape[1]
        per_row, per_column = matrix.nnz / matrix.shape[0], matrix.nnz / matrix.shape[1]
        # measured: 1 us with 7 rows a column and 4 columns a row, 18 us with 77 and 165
        self.step_s = 1e-6 * (1.0 + 0.02 * per_column + 0.0013 * per_row * per_column)

    def value_of(self, chosen: Sequence[int]) -> float:
        return float(self._cost[list(chosen)].sum())

    def greedy(self) -> list[int]:
        weight = np.ones(self._matrix.shape[0])
        chosen = greedy_choice(self._matrix, weight, self._cost)
        return drop_redundant(self._matrix, self._cost, chosen)

    def tidy(self, chosen: list[int]) -> list[int]:
        return drop_redundant(self._matrix, self._cost, chosen)

    def search(self, columns: Longs, start: Sequence[int], seed: int) -> "_CoverSearch":
        matrix = as_ones(self._matrix[:, columns])
        begin = np.searchsorted(columns, np.asarray(start, dtype=np.int64))
        return _CoverSearch(matrix, self._cost[columns], columns, begin, seed)

    def program(self, columns: Longs) -> Program:
        n_rows, n_columns = self._matrix.shape[0], len(columns)
        cost = self._cost[columns]
        milp = Milp(
            cost=cost,
            matrix=sparse.csr_array(self._matrix[:, columns]),
            row_lower=np.ones(n_rows),
            row_upper=np.full(n_rows, np.inf),
            col_lower=np.zeros(n_columns),
            col_upper=np.ones(n_columns),
            is_integer=np.ones(n_columns, dtype=np.bool_),
            sense="min",
        )

        def start_of(chosen: Sequence[int]) -> Floats:
            return np.isin(columns, np.asarray(chosen, dtype=np.int64)).astype(np.float64)

        return Program(milp, columns, start_of, grain_of(cost) * INTEGER_GAP)


class _CoverSearch:
    """The weighting search among some columns."""

    def __init__(
        self, matrix: sparse.csr_array, cost: Floats, columns: Longs, start: Longs, seed: int
    ) -> None:
        self._state = _weighting.new_state(matrix, cost, start, seed)
        self._columns = columns

    def run(self, n_steps: int) -> bool:
        return bool(_weighting.search(self._state, n_steps))

    def best(self) -> list[int]:
        n_best = self._state.scalars[_weighting.N_BEST]
        return [int(one) for one in self._columns[self._state.best[:n_best]]]

    def aim(self, value: float, target: float) -> None:
        costs = self._state.costs
        costs[_weighting.BEST_COST] = min(costs[_weighting.BEST_COST], value)
        costs[_weighting.TARGET] = target
