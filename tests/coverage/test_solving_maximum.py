"""Maximum coverage: against enumeration, by count or budget, and the Delft optima."""

import itertools
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from parkwacht_config.errors import CoverageError
from parkwacht_coverage.solving import _tabu
from parkwacht_coverage.solving.instances import read_instance
from parkwacht_coverage.solving.maximum import solve_maximum_coverage
from parkwacht_coverage.solving.reduce import as_ones

Floats = npt.NDArray[np.float64]
INSTANCES = Path(__file__).parents[3] / "shared/data/coverage/instances"


def random_coverage(seed: int, n_rows: int = 20, n_columns: int = 12) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    dense = (rng.random((n_rows, n_columns)) < 0.25).astype(np.float64)
    return dense, np.floor(rng.uniform(0, 6, n_rows)) / (4.0 if seed % 2 else 1.0)


def most_weight(dense: Floats, weight: Floats, cost: Floats, budget: float) -> float:
    choices = np.array(list(itertools.product((0.0, 1.0), repeat=dense.shape[1])))
    affordable = choices[choices @ cost <= budget]
    return float(((affordable @ dense.T > 0) @ weight).max())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("k", [1, 3])
def test_k_columns_agree_with_enumeration(seed: int, k: int) -> None:
    dense, weight = random_coverage(seed)
    answer = solve_maximum_coverage(dense, weight, budget=k, time_limit_s=30, seed=seed)
    assert answer.is_proven
    assert len(answer.chosen) <= k
    expected = most_weight(dense, weight, np.ones(dense.shape[1]), k)
    assert answer.value == answer.bound == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(5))
def test_a_budget_agrees_with_enumeration(seed: int) -> None:
    dense, weight = random_coverage(seed)
    rng = np.random.default_rng(seed)
    cost: Floats = rng.integers(0, 20, (dense.shape[1],)).astype(np.float64)
    covered = rng.random(dense.shape[0]) < 0.3
    answer = solve_maximum_coverage(
        dense, weight, budget=25.0, cost=cost, covered=covered, time_limit_s=30
    )
    assert answer.is_proven
    assert cost[list(answer.chosen)].sum() <= 25
    open_weight = np.where(covered, 0.0, weight)
    assert answer.value == pytest.approx(most_weight(dense, open_weight, cost, 25.0))


def test_greedy_is_not_enough_here() -> None:
    # greedy takes the column of 4 first and ends at 6 of 6 only with three; the two of 3 are best
    dense = np.zeros((6, 3))
    dense[[0, 1, 2], 0] = 1
    dense[[3, 4, 5], 1] = 1
    dense[[1, 2, 3, 4], 2] = 1
    answer = solve_maximum_coverage(dense, budget=2)
    assert (answer.value, answer.chosen, answer.is_proven) == (6, (0, 1), True)


@pytest.mark.parametrize(
    ("budget", "covered"), [(0.0, None), (3.0, [True] * 20)], ids=["no money", "all covered"]
)
def test_nothing_to_gain_is_an_answer(budget: float, covered: list[bool] | None) -> None:
    dense, weight = random_coverage(1)
    answer = solve_maximum_coverage(dense, weight, budget=budget, covered=covered)
    assert (answer.value, answer.bound, answer.chosen, answer.is_proven) == (0, 0, (), True)


def test_wrong_input_is_refused_by_name() -> None:
    dense, weight = random_coverage(1)
    with pytest.raises(CoverageError, match=r"budget = -1 is wrong"):
        solve_maximum_coverage(dense, weight, budget=-1)
    with pytest.raises(CoverageError, match="weight: expected 20 finite numbers"):
        solve_maximum_coverage(dense, weight[:3], budget=1)


@pytest.mark.parametrize("seed", range(5))
def test_the_search_keeps_its_books_and_its_budget(seed: int) -> None:
    dense, weight = random_coverage(seed, 40, 30)
    weight += 1.0
    rng = np.random.default_rng(seed)
    cost, site = rng.uniform(1, 4, 30), rng.integers(0, 6, 30)
    site_cost = rng.uniform(2, 6, 6)
    budget = _tabu.Budget(20.0, cost, site, site_cost)
    state = _tabu.new_state(as_ones(dense), weight, budget, [], seed)
    assert _tabu.search(state, 400)
    chosen = np.flatnonzero(state.is_chosen)
    n_covering = dense[:, chosen].sum(axis=1)
    assert state.n_covering.tolist() == n_covering.tolist()
    needed = np.where(state.is_chosen, n_covering[:, None] == 1, n_covering[:, None] == 0)
    assert np.allclose(state.score, (dense * needed * weight[:, None]).sum(axis=0))
    spent = cost[chosen].sum() + site_cost[np.unique(site[chosen])].sum()
    assert state.sums[_tabu.SPENT] == pytest.approx(spent)
    best = np.flatnonzero(state.best)
    assert cost[best].sum() + site_cost[np.unique(site[best])].sum() <= 20
    covered = dense[:, best].any(axis=1)
    assert state.sums[_tabu.BEST_VALUE] == pytest.approx(weight[covered].sum())


def test_the_same_seed_gives_the_same_choice() -> None:
    dense, weight = random_coverage(2, 60, 40)
    answers = [solve_maximum_coverage(dense, weight, budget=5, seed=3) for _ in range(2)]
    assert answers[0].chosen == answers[1].chosen


@pytest.mark.shared_data
@pytest.mark.skipif(not INSTANCES.is_dir(), reason="needs ../shared/data")
@pytest.mark.parametrize(
    ("k", "value"), [(5, 1039), pytest.param(10, 1647, marks=pytest.mark.slow)]
)
def test_delft_is_proven(k: int, value: int) -> None:
    # design/coverage.md 9.3: proven by HiGHS on the reduced matrix
    instance = read_instance(INSTANCES / "delft" / "A_full_1940x12009.npz")
    answer = solve_maximum_coverage(instance.matrix, budget=k, time_limit_s=200)
    assert (answer.value, answer.bound, answer.is_proven) == (value, value, True)
