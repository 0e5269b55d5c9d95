"""HiGHS in its own process: answers, bounds that hold, interruption and a crash."""

import _thread
import itertools
import os
import signal
import threading

import numpy as np
import numpy.typing as npt
import pytest
from scipy import optimize, sparse

from parkwacht_config.errors import CoverageError
from parkwacht_coverage.solving import _highs_process
from parkwacht_coverage.solving._highs_messages import Request
from parkwacht_coverage.solving.milp import (
    Milp,
    Status,
    dual_bound,
    is_feasible,
    run_milp,
    solve_lp,
)

Floats = npt.NDArray[np.float64]


def knapsack(*, sense_is_max: bool = True) -> Milp:
    # weights 3 4 5, values 4 5 6, room for 7: the best is the first two, value 9
    return Milp(
        cost=np.array([4.0, 5.0, 6.0]) * (1 if sense_is_max else -1),
        matrix=sparse.csr_array(np.array([[3.0, 4.0, 5.0]])),
        row_lower=np.array([-np.inf]),
        row_upper=np.array([7.0]),
        col_lower=np.zeros(3),
        col_upper=np.ones(3),
        is_integer=np.ones(3, dtype=np.bool_),
        sense="max" if sense_is_max else "min",
    )


def hard_cover(n_rows: int = 300, n_columns: int = 300) -> Milp:
    """A random set cover that takes HiGHS far longer than any test waits."""
    rng = np.random.default_rng(5)
    matrix = (rng.random((n_rows, n_columns)) < 0.05).astype(np.float64)
    matrix[np.arange(n_rows), rng.integers(0, n_columns, n_rows)] = 1.0
    return Milp(
        cost=np.ones(n_columns),
        matrix=sparse.csr_array(matrix),
        row_lower=np.ones(n_rows),
        row_upper=np.full(n_rows, np.inf),
        col_lower=np.zeros(n_columns),
        col_upper=np.ones(n_columns),
        is_integer=np.ones(n_columns, dtype=np.bool_),
        sense="min",
    )


@pytest.mark.parametrize("is_max", [True, False], ids=["max", "min"])
def test_knapsack_by_hand(*, is_max: bool) -> None:
    answer = run_milp(knapsack(sense_is_max=is_max), time_limit_s=20)
    assert answer.status is Status.PROVEN
    assert answer.value == answer.bound == (9 if is_max else -9)
    assert answer.gap == 0
    assert answer.values is not None
    assert answer.values.tolist() == [1, 1, 0]


def test_relaxation_of_the_knapsack_by_hand() -> None:
    # by value per weight: the first whole (3), the second whole (4), nothing of the third: 9
    assert solve_lp(knapsack(), time_limit_s=20).bound == pytest.approx(9.0, abs=1e-6)


def test_an_impossible_program_is_infeasible() -> None:
    milp = knapsack()
    bad = Milp(
        milp.cost, milp.matrix, np.array([13.0]), np.array([20.0]), milp.col_lower,
        milp.col_upper, milp.is_integer, "max",
    )  # fmt: skip
    answer = run_milp(bad, time_limit_s=20)
    assert (answer.status, answer.value, answer.values) == (Status.INFEASIBLE, None, None)
    assert np.isinf(answer.gap)
    assert solve_lp(bad, time_limit_s=20).values is None


def test_a_program_without_bound_is_an_error() -> None:
    milp = Milp(
        np.array([1.0]), sparse.csr_array(np.array([[1.0]])), np.array([0.0]), np.array([np.inf]),
        np.array([0.0]), np.array([np.inf]), np.array([True]), "max",
    )  # fmt: skip
    with pytest.raises(CoverageError, match="unbounded"):
        run_milp(milp, time_limit_s=20)


def test_malformed_programs_are_refused_with_the_name() -> None:
    milp = knapsack()
    with pytest.raises(CoverageError, match=r"cost has shape \(2,\), expected \(3,\)"):
        run_milp(
            Milp(milp.cost[:2], milp.matrix, milp.row_lower, milp.row_upper, milp.col_lower,
                 milp.col_upper, milp.is_integer, "max"),
            time_limit_s=1,
        )  # fmt: skip
    with pytest.raises(CoverageError, match="lower bound lies above"):
        run_milp(
            Milp(milp.cost, milp.matrix, np.array([9.0]), milp.row_upper, milp.col_lower,
                 milp.col_upper, milp.is_integer, "max"),
            time_limit_s=1,
        )  # fmt: skip


def random_mixed(seed: int) -> Milp:
    rng = np.random.default_rng(seed)
    matrix = rng.integers(-3, 6, (4, 6)).astype(np.float64)
    return Milp(
        cost=rng.integers(-9, 10, 6).astype(np.float64),
        matrix=sparse.csr_array(matrix),
        row_lower=np.full(4, -np.inf),
        row_upper=rng.integers(4, 12, 4).astype(np.float64),
        col_lower=np.zeros(6),
        col_upper=np.full(6, 2.0),
        is_integer=np.ones(6, dtype=np.bool_),
        sense="max",
    )


@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_enumeration_and_bounds_hold(seed: int) -> None:
    milp = random_mixed(seed)
    points = np.array(list(itertools.product(range(3), repeat=6)), dtype=np.float64)
    feasible = points[(points @ milp.matrix.toarray().T <= milp.row_upper).all(axis=1)]
    best = float((feasible @ milp.cost).max())
    answer = run_milp(milp, time_limit_s=20, start=np.zeros(6))
    assert answer.value == answer.bound == best
    assert answer.values is not None
    assert is_feasible(milp, answer.values)
    # scipy's simplex-exact relaxation is the independent figure
    relaxed = optimize.linprog(
        -milp.cost,
        A_ub=milp.matrix.toarray(),
        b_ub=milp.row_upper,
        bounds=(0, 2),
        method="highs-ds",
    )
    assert solve_lp(milp, time_limit_s=20).bound == pytest.approx(-relaxed.fun, rel=1e-6)


@pytest.mark.parametrize("seed", range(20))
def test_any_multipliers_give_a_valid_bound(seed: int) -> None:
    milp = random_mixed(seed % 4)
    points = np.array(list(itertools.product(range(3), repeat=6)), dtype=np.float64)
    feasible = points[(points @ milp.matrix.toarray().T <= milp.row_upper).all(axis=1)]
    duals = np.random.default_rng(seed).normal(0, 2, 4)
    bound, reduced = dual_bound(milp, duals)
    assert bound >= float((feasible @ milp.cost).max())
    assert reduced.shape == (6,)


def test_stopping_returns_the_best_so_far() -> None:
    seen: list[float] = []

    def heard(_seconds: float, value: float | None, _bound: float) -> None:
        if value is not None:
            seen.append(value)

    answer = run_milp(
        hard_cover(), time_limit_s=60, on_progress=heard, should_stop=lambda: bool(seen)
    )
    assert answer.status is Status.FEASIBLE
    assert answer.is_stopped
    assert answer.value is not None
    assert answer.value <= seen[0]
    assert answer.bound < answer.value
    assert answer.seconds < 30


def test_a_start_survives_a_run_that_has_no_time() -> None:
    answer = run_milp(hard_cover(), time_limit_s=0.01, start=np.ones(300))
    assert answer.value is not None
    assert answer.value <= 300
    assert answer.status is Status.FEASIBLE


@pytest.mark.usefixtures("listening_to_ctrl_c")
def test_ctrl_c_returns_the_best_so_far() -> None:
    interrupted = threading.Event()

    def heard(_seconds: float, value: float | None, _bound: float) -> None:
        if value is not None and not interrupted.is_set():
            interrupted.set()
            _thread.interrupt_main()

    answer = run_milp(hard_cover(), time_limit_s=60, on_progress=heard)
    assert answer.is_stopped
    assert answer.value is not None
    assert answer.seconds < 30


def request_of(milp: Milp) -> Request:
    columns = sparse.csc_array(milp.matrix)
    return Request(
        False, milp.cost, milp.col_lower, milp.col_upper, milp.row_lower, milp.row_upper,
        columns.indptr.astype(np.int32), columns.indices.astype(np.int32), columns.data,
        milp.is_integer, None, {"time_limit": 60.0},
    )  # fmt: skip


def test_a_killed_solver_is_an_error_that_says_so() -> None:
    with _highs_process.HighsProcess(request_of(hard_cover())) as process:
        messages = process.messages()
        while next(messages) is None:
            pass
        os.kill(process.pid, signal.SIGKILL)
        with pytest.raises(CoverageError, match="ended without an answer, exit code -9"):
            list(messages)


def test_a_refused_option_reaches_the_error() -> None:
    request = request_of(knapsack())
    request.options["no_such_option"] = 1
    with (
        _highs_process.HighsProcess(request) as process,
        pytest.raises(CoverageError, match="no_such_option"),
    ):
        list(process.messages())


def test_the_solver_ends_when_its_parent_lets_go() -> None:
    process = _highs_process.HighsProcess(request_of(hard_cover()))
    messages = process.messages()
    while next(messages) is None:
        pass
    # what the kernel does when the parent is killed: its end of the connection closes
    process._connection.close()
    assert process._process.wait(timeout=10) == 1
    process._errors.close()
