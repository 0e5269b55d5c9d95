"""
Maximum coverage: most weight covered by k columns, or by columns within a budget.

Every answer has a bound, and in time a proof.
"""

import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import sparse

from parkwacht_config.errors import CoverageError
from parkwacht_config.text import Text
from parkwacht_coverage.solving import _tabu
from parkwacht_coverage.solving._pipeline import Program, run_pipeline
from parkwacht_coverage.solving.answer import CoverAnswer, Ledger, OnProgress, ShouldStop
from parkwacht_coverage.solving.cover import grain_of
from parkwacht_coverage.solving.greedy import greedy_choice
from parkwacht_coverage.solving.milp import INTEGER_GAP, Milp
from parkwacht_coverage.solving.reduce import as_ones, merge_rows, reduce_maximum

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]


def solve_maximum_coverage(  # noqa: PLR0913 (keywords, most with a default)
    matrix: sparse.sparray | sparse.spmatrix | npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    *,
    budget: float,
    cost: npt.ArrayLike | None = None,
    covered: npt.ArrayLike | None = None,
    time_limit_s: float = 60.0,
    seed: int = 0,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> CoverAnswer:
    """
    Choose columns that cover the most weight within a budget.

    Parameters
    ----------
    matrix
        Shape (rows, columns); what is not 0 covers.
    weight
        What covering each row is worth, shape (rows,), all >= 0; 1 each without.
    budget
        What the columns may cost together; without `cost`, how many there may be (k).
    cost
        Per column, shape (columns,), all >= 0; 1 each without.
    covered
        Rows that are covered already and add nothing, shape (rows,), dtype bool.
    time_limit_s
        Seconds on the clock; compiling, on the first call on a machine, is not counted.
    seed
        Of the random choices; `_pipeline` says what may differ between runs nevertheless.
    on_progress
        Called with seconds, the best value and the bound.
    should_stop
        Asked about ten times a second; the best so far is returned, as on Ctrl-C.

    Returns
    -------
    answer
        `value` is the weight added to what is covered already.

    Raises
    ------
    CoverageError
        Weights, costs or the budget are wrong.
    """
    _compile()
    begun_s = time.monotonic()
    ones = as_ones(matrix)
    worth = _numbers(weight, ones.shape[0], "weight")
    prices = _numbers(cost, ones.shape[1], "cost")
    if not budget >= 0:
        raise CoverageError(
            Text(
                nl=f"budget = {budget} klopt niet: 0 of meer",
                en=f"budget = {budget} is wrong: 0 or more",
            )
        )
    if covered is not None:
        worth = np.where(np.asarray(covered, dtype=np.bool_), 0.0, worth)
    affordable = np.flatnonzero(prices <= budget)
    reduced = reduce_maximum(as_ones(ones[:, affordable]), worth, prices[affordable])
    ledger = Ledger(
        is_maximising=True,
        grain=grain_of(reduced.weight),
        begun_s=begun_s,
        time_limit_s=time_limit_s,
        on_progress=on_progress,
        should_stop=should_stop,
    )

    def to_original(chosen: Sequence[int]) -> list[int]:
        kept = reduced.to_original(np.asarray(chosen, dtype=np.int64))
        return [int(affordable[one]) for one in kept]

    if 0 in reduced.matrix.shape:
        ledger.offer(0.0, (), "reduction")
        ledger.raise_bound(0.0, "reduction")
    else:
        problem = _MaximumProblem(reduced.matrix, reduced.weight, reduced.cost, float(budget))
        run_pipeline(problem, ledger, seed)
    return _verified(ledger.answer(to_original, 0.0), ones, worth, prices, budget)


def _compile() -> None:
    """Have everything compiled, or read from numba's cache, before time counts."""
    triangle = as_ones([[1, 1, 0], [0, 1, 1], [1, 0, 1]])
    reduce_maximum(triangle, np.ones(3), np.ones(3))
    greedy_choice(triangle, np.ones(3), np.ones(3), budget=1.0)
    limits = _tabu.Budget(1.0, np.ones(3), np.zeros(3, dtype=np.int64), np.zeros(1))
    _tabu.search(_tabu.new_state(triangle, np.ones(3), limits, [], 0), 1)


def _numbers(given: npt.ArrayLike | None, size: int, name: str) -> Floats:
    numbers = np.ones(size) if given is None else np.asarray(given, dtype=np.float64)
    if numbers.shape != (size,) or not np.all(np.isfinite(numbers)) or np.any(numbers < 0):
        raise CoverageError(
            Text(
                nl=f"{name}: verwacht {size} eindige getallen van 0 of meer",
                en=f"{name}: expected {size} finite numbers of 0 or more",
            )
        )
    return numbers


def _verified(
    answer: CoverAnswer, ones: sparse.csr_array, worth: Floats, prices: Floats, budget: float
) -> CoverAnswer:
    """Check the choice against the matrix that was given, before anyone relies on it."""
    chosen = list(answer.chosen)
    value = float(worth[ones[:, chosen].sum(axis=1) > 0].sum())
    spent = float(prices[chosen].sum())
    slack = 1e-7 * max(1.0, abs(value), abs(budget))
    if abs(value - answer.value) > slack or spent > budget + slack:
        raise CoverageError(
            Text(
                nl=f"de gevonden keus klopt niet: waarde {value}, kosten {spent} van {budget}",
                en=f"the choice found is wrong: value {value}, cost {spent} of {budget}",
            )
        )
    return answer


class _MaximumProblem:
    """A reduced maximum coverage problem, as the pipeline wants it."""

    def __init__(
        self, matrix: sparse.csr_array, weight: Floats, cost: Floats, budget: float
    ) -> None:
        self._matrix = matrix
        self._weight = weight
        self._cost = cost
        self._budget = budget
        self.n_columns = matrix.shape[1]
        per_row, per_column = matrix.nnz / matrix.shape[0], matrix.nnz / matrix.shape[1]
        # measured on Delft: 15 us with 1874 columns, 90 rows a column and 89 columns a row
        self.step_s = 1e-6 * (1.0 + 0.005 * self.n_columns + 0.0006 * per_row * per_column)

    def value_of(self, chosen: Sequence[int]) -> float:
        is_covered = self._matrix[:, list(chosen)].sum(axis=1) > 0
        return float(self._weight[is_covered].sum())

    def greedy(self) -> list[int]:
        by_ratio = greedy_choice(self._matrix, self._weight, self._cost, budget=self._budget)
        # the best single column saves the greedy by ratio from its worst case (Khuller 1999)
        alone = np.where(self._cost <= self._budget, self._matrix.T @ self._weight, -1.0)
        single = [int(np.argmax(alone))]
        return max(by_ratio, single, key=self.value_of)

    def tidy(self, chosen: list[int]) -> list[int]:
        return chosen

    def search(self, columns: Longs, start: Sequence[int], seed: int) -> "_MaximumSearch":
        budget = _tabu.Budget(
            self._budget,
            self._cost[columns],
            np.zeros(len(columns), dtype=np.int64),
            np.zeros(1),
        )
        begin = np.searchsorted(columns, np.asarray(start, dtype=np.int64))
        matrix = as_ones(self._matrix[:, columns])
        return _MaximumSearch(_tabu.new_state(matrix, self._weight, budget, begin, seed), columns)

    def program(self, columns: Longs) -> Program:
        part = as_ones(self._matrix[:, columns])
        part_rows = np.flatnonzero(np.diff(part.indptr) > 0)
        part = as_ones(part[part_rows])
        first, merged = merge_rows(part)
        weight = np.zeros(len(first))
        np.add.at(weight, merged, self._weight[part_rows])
        part = as_ones(part[first])
        milp = maximum_program(part, weight, self._cost[columns], self._budget)

        def start_of(chosen: Sequence[int]) -> Floats:
            x = np.isin(columns, np.asarray(chosen, dtype=np.int64)).astype(np.float64)
            return np.concatenate((x, np.minimum(part @ x, 1.0)))

        return Program(milp, columns, start_of, grain_of(weight) * INTEGER_GAP)


def maximum_program(matrix: sparse.csr_array, weight: Floats, cost: Floats, budget: float) -> Milp:
    """
    Return the program: a 0/1 variable per column, then one in [0, 1] per row.

    A row counts no more than the columns that cover it: y <= sum of x (Church and ReVelle 1974).
    """
    n_rows, n_columns = matrix.shape
    links = sparse.hstack([matrix, -sparse.eye_array(n_rows)])
    spent = sparse.csr_array(np.concatenate((cost, np.zeros(n_rows)))[None, :])
    size = n_columns + n_rows
    return Milp(
        cost=np.concatenate((np.zeros(n_columns), weight)),
        matrix=sparse.csr_array(sparse.vstack([links, spent])),
        row_lower=np.concatenate((np.zeros(n_rows), [-np.inf])),
        row_upper=np.concatenate((np.full(n_rows, np.inf), [budget])),
        col_lower=np.zeros(size),
        col_upper=np.ones(size),
        is_integer=np.arange(size) < n_columns,
        sense="max",
    )


class _MaximumSearch:
    """The tabu search among some columns."""

    def __init__(self, state: _tabu.State, columns: Longs) -> None:
        self._state = state
        self._columns = columns

    def run(self, n_steps: int) -> bool:
        return bool(_tabu.search(self._state, n_steps))

    def best(self) -> list[int]:
        return [int(one) for one in self._columns[self._state.best]]

    def aim(self, value: float, target: float) -> None:
        sums = self._state.sums
        sums[_tabu.BEST_VALUE] = max(sums[_tabu.BEST_VALUE], value)
        sums[_tabu.TARGET] = target
