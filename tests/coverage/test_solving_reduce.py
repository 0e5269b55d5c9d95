"""Reductions keep the optimum: by hand, against enumeration, and on the Delft instance."""

import itertools
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from parkwacht_coverage.solving.instances import read_instance
from parkwacht_coverage.solving.reduce import (
    as_ones,
    find_dominated,
    merge_rows,
    reduce_cover,
    reduce_maximum,
)

Floats = npt.NDArray[np.float64]
INSTANCES = Path(__file__).parents[3] / "shared/data/coverage/instances"


def random_problem(seed: int, n_rows: int = 8, n_columns: int = 9) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    dense = (rng.random((n_rows, n_columns)) < rng.uniform(0.2, 0.5)).astype(np.float64)
    dense[np.arange(n_rows), rng.integers(0, n_columns, n_rows)] = 1.0
    return dense, rng.integers(1, 6, n_columns).astype(np.float64)


def cheapest_cover(dense: Floats, cost: Floats) -> float:
    best = np.inf
    for bits in itertools.product((0, 1), repeat=dense.shape[1]):
        chosen = np.array(bits, dtype=np.bool_)
        if (dense[:, chosen].sum(axis=1) > 0).all():
            best = min(best, float(cost[chosen].sum()))
    return best


def test_equal_rows_by_hand() -> None:
    matrix = as_ones(np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1], [0, 1, 0], [1, 1, 0]]))
    first, merged = merge_rows(matrix)
    assert first.tolist() == [0, 1, 4]
    assert merged.tolist() == [0, 1, 0, 1, 2]


def test_dominated_columns_by_hand() -> None:
    # columns: 0 = {0, 1}, 1 = {0}, 2 = {0, 1} again, 3 = {2}, 4 = {0, 1, 2} but dear
    matrix = as_ones(np.array([[1, 1, 1, 0, 1], [1, 0, 1, 0, 1], [0, 0, 0, 1, 1]]))
    cost = np.array([1.0, 1.0, 1.0, 1.0, 3.0])
    assert find_dominated(matrix, cost).tolist() == [-1, 0, 0, -1, -1]
    # in one group each, nothing may be compared
    assert find_dominated(matrix, cost, ["a", "b", "c", "d", "e"]).tolist() == [-1] * 5
    # for the price of the others, the widest column dominates them all
    assert find_dominated(matrix, np.ones(5)).tolist() == [4, 4, 4, 4, -1]


@pytest.mark.parametrize("seed", range(40))
def test_a_cover_keeps_its_optimum(seed: int) -> None:
    dense, cost = random_problem(seed)
    reduced = reduce_cover(as_ones(dense), cost)
    inner = reduced.matrix.toarray()
    rest = cheapest_cover(inner, reduced.cost) if inner.shape[0] else 0.0
    assert rest + cost[list(reduced.chosen)].sum() == cheapest_cover(dense, cost)
    for column, kept in enumerate(reduced.dominator):
        if kept >= 0:
            assert cost[kept] <= cost[column]


@pytest.mark.parametrize("seed", range(40))
def test_maximum_coverage_keeps_its_optimum(seed: int) -> None:
    dense, _ = random_problem(seed)
    weight = np.floor(np.random.default_rng(seed).uniform(0, 5, dense.shape[0]))
    reduced = reduce_maximum(as_ones(dense), weight, np.ones(dense.shape[1]))

    def best(matrix: Floats, worth: Floats) -> float:
        triples = itertools.combinations(range(matrix.shape[1]), min(3, matrix.shape[1]))
        return max(float(worth[matrix[:, list(one)].any(axis=1)].sum()) for one in triples)

    assert best(reduced.matrix.toarray(), reduced.weight) == best(dense, weight)
    assert reduced.weight.sum() <= weight.sum()


@pytest.mark.parametrize("seed", range(10))
def test_columns_of_other_groups_stay(seed: int) -> None:
    dense, cost = random_problem(seed)
    group = np.arange(dense.shape[1]) % 2
    dominator = find_dominated(as_ones(dense), cost, group)
    for column, kept in enumerate(dominator):
        inside = [
            other
            for other in range(dense.shape[1])
            if other != column
            and group[other] == group[column]
            and cost[other] <= cost[column]
            and (dense[:, other] >= dense[:, column]).all()
            and dense[:, column].any()
        ]
        # brute force: dominated only by what contains it, costs no more and is of its group
        assert kept == -1 or kept in inside


@pytest.mark.shared_data
@pytest.mark.skipif(not INSTANCES.is_dir(), reason="needs ../shared/data")
def test_delft_is_reduced_as_published() -> None:
    # design/coverage.md 9.3: 12,009 columns -> 1,874 undominated (numpy: 2.0 s)
    instance = read_instance(INSTANCES / "delft" / "A_full_1940x12009.npz")
    matrix = as_ones(instance.matrix)
    reduced = reduce_maximum(matrix, np.ones(matrix.shape[0]), instance.cost)
    assert reduced.matrix.shape[1] == 1874
    assert reduced.weight.sum() == 1939  # one target cannot be seen: 99.95 % coverable
