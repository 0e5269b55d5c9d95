"""Set covering: against enumeration and proven published optima; errors, interruption."""

import _thread
import itertools
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from parkwacht_config.errors import CoverageError
from parkwacht_coverage.solving import _weighting
from parkwacht_coverage.solving.answer import Ledger
from parkwacht_coverage.solving.cover import grain_of, solve_set_cover
from parkwacht_coverage.solving.greedy import drop_redundant, greedy_choice
from parkwacht_coverage.solving.instances import read_instance
from parkwacht_coverage.solving.reduce import as_ones

Floats = npt.NDArray[np.float64]
INSTANCES = Path(__file__).parents[3] / "shared/data/coverage/instances"


def random_cover(seed: int, n_rows: int = 14, n_columns: int = 12) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    dense = (rng.random((n_rows, n_columns)) < 0.25).astype(np.float64)
    dense[np.arange(n_rows), rng.integers(0, n_columns, n_rows)] = 1.0
    return dense, rng.integers(0, 9, n_columns) / (2.0 if seed % 2 else 1.0)


def cheapest_cover(dense: Floats, cost: Floats) -> float:
    choices = np.array(list(itertools.product((0.0, 1.0), repeat=dense.shape[1])))
    is_cover = (choices @ dense.T > 0).all(axis=1)
    return float((choices[is_cover] @ cost).min())


def circle(n: int, reach: int) -> Floats:
    """Points and arcs on a circle; every arc covers `reach` points: ceil(n / reach) are needed."""
    dense = np.zeros((n, n))
    for arc in range(n):
        dense[(arc + np.arange(reach)) % n, arc] = 1.0
    return dense


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("is_unicost", [True, False], ids=["unicost", "weighted"])
def test_agrees_with_enumeration(seed: int, *, is_unicost: bool) -> None:
    dense, cost = random_cover(seed)
    cost = np.ones(len(cost)) if is_unicost else cost
    answer = solve_set_cover(dense, cost, time_limit_s=30, seed=seed)
    assert answer.is_proven
    assert answer.value == answer.bound == pytest.approx(cheapest_cover(dense, cost))
    assert answer.gap == 0
    assert (dense[:, list(answer.chosen)].sum(axis=1) > 0).all()


def test_a_circle_needs_as_many_arcs_as_counted() -> None:
    # 31 points, arcs of 4: 8 arcs, and the relaxation says 7.75
    answer = solve_set_cover(circle(31, 4), time_limit_s=30)
    assert (answer.value, answer.bound, answer.is_proven) == (8, 8, True)
    assert answer.steps[0].what == "greedy"
    assert answer.seconds >= answer.steps[-1].seconds


def test_the_same_seed_gives_the_same_choice() -> None:
    dense, cost = random_cover(3, 40, 30)
    answers = [solve_set_cover(dense, cost, time_limit_s=30, seed=4) for _ in range(2)]
    assert answers[0].chosen == answers[1].chosen


def test_free_columns_are_taken_where_they_help() -> None:
    # columns 0 and 1 are free and cover rows 0 and 1; row 2 needs column 2 (5) or 3 (4)
    dense = np.array([[1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 1, 1]])
    answer = solve_set_cover(dense, [0.0, 0.0, 5.0, 4.0])
    assert (answer.value, answer.bound, answer.chosen) == (4, 4, (0, 1, 3))


def test_an_uncoverable_row_is_named() -> None:
    dense = circle(10, 3)
    dense[[4, 7]] = 0.0
    with pytest.raises(CoverageError, match="2 rows cannot be covered by any column: 4, 7"):
        solve_set_cover(dense)


@pytest.mark.parametrize(
    "cost", [[1.0], [-1.0] * 10, [np.nan] * 10], ids=["size", "below 0", "nan"]
)
def test_wrong_costs_are_refused(cost: list[float]) -> None:
    with pytest.raises(CoverageError, match="expected 10 finite numbers"):
        solve_set_cover(circle(10, 3), cost)


def test_costs_have_a_grain() -> None:
    assert grain_of(np.array([6.0, 9.0, 300.0])) == 3
    assert grain_of(np.array([0.5, 1.0])) == 0


def test_greedy_takes_by_hand() -> None:
    # per cost: column 1 covers 3 for 1, then column 2 the last for 5 (column 0 is dearer per row)
    dense = np.array([[1, 1, 0], [1, 1, 0], [1, 1, 0], [1, 0, 1]])
    cost = np.array([8.0, 1.0, 5.0])
    assert greedy_choice(as_ones(dense), np.ones(4), cost) == [1, 2]
    assert drop_redundant(as_ones(dense), cost, [1, 0, 2]) == [1, 2]


@pytest.mark.parametrize("seed", range(5))
def test_the_search_keeps_its_books(seed: int) -> None:
    dense, cost = random_cover(seed, 30, 25)
    cost += 1.0
    matrix = as_ones(dense)
    state = _weighting.new_state(matrix, cost, greedy_choice(matrix, np.ones(30), cost), seed)
    _weighting.search(state, 500)
    chosen = state.chosen[: state.scalars[_weighting.N_CHOSEN]]
    n_covering = dense[:, chosen].sum(axis=1)
    assert state.n_covering.tolist() == n_covering.tolist()
    assert state.costs[_weighting.COST] == pytest.approx(cost[chosen].sum())
    # gains and losses from their definition
    is_in = np.isin(np.arange(25), chosen)
    needed = np.where(is_in, n_covering[:, None] == 1, n_covering[:, None] == 0)
    assert state.score.tolist() == (dense * needed * state.weight[:, None]).sum(axis=0).tolist()
    best = state.best[: state.scalars[_weighting.N_BEST]]
    assert (dense[:, best].sum(axis=1) > 0).all()


@pytest.mark.parametrize(
    ("bound", "kept"), [(9.2, 10.0), (10.4, 10.0), (8.0, 8.0), (12.0, -np.inf)],
    ids=["rounds up", "caps", "tells less", "disproved"],
)  # fmt: skip
def test_bounds_round_to_the_grain_and_never_pass_the_value(bound: float, kept: float) -> None:
    ledger = Ledger(
        is_maximising=False, grain=1.0, begun_s=0.0, time_limit_s=1.0, on_progress=None,
        should_stop=None,
    )  # fmt: skip
    ledger.offer(10.0, [1, 0], "test")
    ledger.raise_bound(bound, "test")
    assert ledger.bound == kept
    assert ledger.is_proven == (kept == 10)
    assert not ledger.offer(10.0, [2], "test")
    assert ledger.chosen == (0, 1)


def hard() -> Floats:
    rng = np.random.default_rng(5)
    dense = (rng.random((400, 400)) < 0.05).astype(np.float64)
    dense[np.arange(400), rng.integers(0, 400, 400)] = 1.0
    return dense


@pytest.mark.usefixtures("listening_to_ctrl_c")
@pytest.mark.parametrize("how", ["asked", "ctrl-c", "time"])
def test_interrupting_returns_the_best_so_far(how: str) -> None:
    heard: list[float | None] = []

    def on_progress(_seconds: float, value: float | None, _bound: float) -> None:
        heard.append(value)
        if how == "ctrl-c" and len(heard) == 4:
            _thread.interrupt_main()

    dense = hard()
    answer = solve_set_cover(
        dense,
        time_limit_s=2.0 if how == "time" else 60.0,
        on_progress=on_progress,
        should_stop=(lambda: len(heard) > 3) if how == "asked" else None,
    )
    assert answer.is_stopped == (how != "time")
    assert not answer.is_proven
    assert answer.bound < answer.value < 400
    assert (dense[:, list(answer.chosen)].sum(axis=1) > 0).all()
    assert answer.seconds < 40


@pytest.mark.shared_data
@pytest.mark.skipif(not INSTANCES.is_dir(), reason="needs ../shared/data")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("or-library/scp41.txt", 429),  # Balas and Ho 1980, proven
        ("or-library/scp51.txt", 253),
        pytest.param("ocp/AC_01_cover.txt", 7, marks=pytest.mark.slow),  # GECCO 2020
        pytest.param("or-library/scpd1.txt", 60, marks=pytest.mark.slow),
    ],
)
def test_published_optima_are_proven(name: str, value: int) -> None:
    instance = read_instance(INSTANCES / name)
    answer = solve_set_cover(instance.matrix, instance.cost, time_limit_s=200)
    assert (answer.value, answer.bound, answer.is_proven) == (value, value, True)


@pytest.mark.shared_data
@pytest.mark.skipif(not INSTANCES.is_dir(), reason="needs ../shared/data")
@pytest.mark.parametrize(
    ("name", "value", "n_steps"),
    [
        ("or-library/scpclr10.txt", 25, 200_000),  # Grossman and Wool 1997
        ("or-library/scpcyc08.txt", 342, 1_000_000),
        ("sts/data.243", 198, 200_000),  # Ostrowski et al. 2009, optimal
        ("ocp/AC_10_cover.txt", 20, 100_000),  # best solution of GECCO 2020
    ],
)
def test_the_search_reaches_the_best_known(name: str, value: int, n_steps: int) -> None:
    instance = read_instance(INSTANCES / name)
    matrix = as_ones(instance.matrix)
    first = greedy_choice(matrix, np.ones(matrix.shape[0]), instance.cost)
    state = _weighting.new_state(matrix, instance.cost, first, 1)
    state.costs[_weighting.TARGET] = value
    _weighting.search(state, n_steps)
    assert state.costs[_weighting.BEST_COST] <= value


def test_progress_counts_the_columns_that_the_reduction_chose() -> None:
    # Row 0 only has column 0, at cost 5; the triangle on rows 1 to 3 needs two of the others.
    matrix = [[1, 0, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1], [0, 1, 0, 1]]
    told: list[float] = []
    answer = solve_set_cover(
        np.array(matrix),
        [5.0, 1.0, 1.0, 1.0],
        on_progress=lambda _seconds, value, _bound: told.append(-1.0 if value is None else value),
    )
    assert answer.value == 7.0
    assert told
    assert min(told) >= 7.0
