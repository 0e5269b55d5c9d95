"""Lazy greedy against plain greedy and against every possible choice."""

from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parkwacht_config.errors import CoverageError
from parkwacht_coverage.placement import choose_views

Views = list[npt.NDArray[np.int32]]


def views_of(*members: list[int]) -> Views:
    return [np.array(one, dtype=np.int32) for one in members]


def worth(views: Views, weight: npt.NDArray[np.float64], covered: npt.NDArray[np.bool_]) -> float:
    seen = covered.copy()
    for view in views:
        seen[view] = True
    return float(weight[seen & ~covered].sum())


@st.composite
def instances(draw: st.DrawFn) -> tuple[Views, npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    n = draw(st.integers(1, 14))
    members = st.lists(st.integers(0, n - 1), unique=True, min_size=1)
    views = draw(st.lists(members, min_size=1, max_size=8))
    weight = draw(st.lists(st.integers(0, 9), min_size=n, max_size=n))
    covered = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    return views_of(*views), np.array(weight, dtype=np.float64), np.array(covered)


@given(instances(), st.integers(1, 4))
@settings(max_examples=200, deadline=None)
def test_greedy_is_at_least_63_percent_of_the_best_and_at_most_the_bound(
    instance: tuple[Views, npt.NDArray[np.float64], npt.NDArray[np.bool_]], k: int
) -> None:
    views, weight, covered = instance
    choice = choose_views(views, weight, k=k, covered=covered)
    every = combinations(views, min(k, len(views)))
    best = max(worth(list(some), weight, covered) for some in every)
    chosen = [views[index] for index in choice.chosen]
    assert choice.value == pytest.approx(worth(chosen, weight, covered))
    assert choice.value >= (1 - 1 / np.e) * best - 1e-9
    assert choice.value <= best + 1e-9 <= choice.bound + 2e-9
    assert list(choice.gains) == sorted(choice.gains, reverse=True)


@given(instances())
@settings(max_examples=200, deadline=None)
def test_lazy_greedy_chooses_what_plain_greedy_chooses(
    instance: tuple[Views, npt.NDArray[np.float64], npt.NDArray[np.bool_]],
) -> None:
    views, weight, covered = instance
    expected, seen = [], covered.copy()
    for _ in range(3):
        gains = [float(weight[view][~seen[view]].sum()) for view in views]
        best = int(np.argmax(gains))  # the lowest index of equals
        if gains[best] <= 0:
            break
        expected.append(best)
        seen[views[best]] = True
    assert list(choose_views(views, weight, k=3, covered=covered).chosen) == expected


def test_the_known_case_in_which_greedy_is_not_the_best() -> None:
    # greedy takes the 4 in the middle, then 2; the best two views are the rows of 3 + 3
    views = views_of([1, 2, 4, 5], [0, 1, 2], [3, 4, 5])
    choice = choose_views(views, np.ones(6), k=2, covered=np.zeros(6, dtype=np.bool_))
    assert choice.chosen == (0, 1)
    assert choice.value == 5
    assert choice.bound >= 6
    assert choice.share_of_bound < 1


def test_it_stops_when_nothing_is_left_to_gain() -> None:
    covered = np.array([False, True])
    choice = choose_views(views_of([0], [0, 1], [1]), np.ones(2), k=3, covered=covered)
    assert choice.chosen == (0,)
    assert choice.share_of_bound == pytest.approx(1.0)


def test_without_views_there_is_no_choice() -> None:
    choice = choose_views([], np.ones(2), k=1, covered=np.zeros(2, dtype=np.bool_))
    assert choice.chosen == ()
    assert choice.share_of_bound == 1.0


@pytest.mark.parametrize("k", [0, -1])
def test_k_must_be_at_least_one(k: int) -> None:
    with pytest.raises(CoverageError, match=f"k = {k}"):
        choose_views([], np.ones(2), k=k, covered=np.zeros(2, dtype=np.bool_))
