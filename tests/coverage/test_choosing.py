"""Choices against every possible choice: goals in their order, least cost, limits, ceilings."""

from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest
from scipy import sparse

from parkwacht_config.text import Text
from parkwacht_coverage._bound import compute_bound
from parkwacht_coverage._model import Task
from parkwacht_coverage._reduction import reduced
from parkwacht_coverage.choices import Ceiling, Choices, Goal, Limits
from parkwacht_coverage.choosing import Effort, Run, choose_cheapest, choose_most
from parkwacht_coverage.impossible import QUICK

Ints = npt.NDArray[np.int64]
NAME = Text(nl="doel", en="goal")
PROOF = Run(Effort(relative_gap=0.0, rounds=15, bound_rounds=60))


def matrix(rng: np.random.Generator, n_views: int, n_items: int) -> sparse.csr_array:
    return sparse.csr_array((rng.random((n_views, n_items)) < 0.35).astype(np.float64))


def random_choices(
    seed: int, *, n_views: int = 9, several: bool = False, ceiling: bool = False
) -> Choices:
    """Make views on four sites whose trenches share a stem, one site without a trench."""
    rng = np.random.default_rng(seed)
    goals = tuple(
        Goal(
            name,
            NAME,
            matrix(rng, n_views, n_items),
            rng.integers(1, 9, n_items).astype(np.float64),
            rng.integers(1, 3 if several else 2, n_items),
        )
        for name, n_items in (("gates", 2), ("area", 12))
    )
    cells = matrix(rng, n_views, 6)
    ceilings = (Ceiling("private", NAME, cells, rng.integers(1, 9, 6).astype(np.float64), 12.0),)
    return Choices(
        site_of=np.sort(rng.integers(0, 4, n_views)),
        view_eur=100.0 * rng.integers(1, 6, n_views).astype(np.float64),
        is_counted=np.arange(n_views) > 0,
        site_eur=100.0 * rng.integers(2, 9, 4).astype(np.float64),
        leaf_edge=np.array([1, 2, 0, -1]),
        edge_eur=100.0 * rng.integers(1, 9, 3).astype(np.float64),
        edge_parent=np.array([-1, 0, 0]),
        goals=goals,
        ceilings=ceilings if ceiling else (),
    )


def price(choices: Choices, chosen: tuple[int, ...]) -> float:
    """Add up a choice by walking every trench to its cabinet."""
    edges: set[int] = set()
    sites = {int(choices.site_of[view]) for view in chosen}
    for site in sites:
        edge = int(choices.leaf_edge[site])
        while edge >= 0:
            edges.add(edge)
            edge = int(choices.edge_parent[edge])
    total = sum(choices.view_eur[view] for view in chosen)
    total += sum(choices.site_eur[site] for site in sites)
    return float(total + sum(choices.edge_eur[edge] for edge in edges))


def worth(goal: Goal, chosen: tuple[int, ...]) -> float:
    dense = goal.sees.toarray()
    met = [
        sum(dense[view, item] for view in chosen) >= goal.need[item]
        for item in range(len(goal.weight))
    ]
    return float(sum(w for w, is_met in zip(goal.weight, met, strict=True) if is_met))


def every_choice(choices: Choices, limits: Limits) -> list[tuple[int, ...]]:
    found = []
    for n in range(choices.n_views + 1):
        for chosen in combinations(range(choices.n_views), n):
            is_cheap = limits.budget_eur is None or price(choices, chosen) <= limits.budget_eur
            counted = sum(bool(choices.is_counted[view]) for view in chosen)
            is_few = limits.max_cameras is None or counted <= limits.max_cameras
            is_private = all(
                sum(
                    one.weight[cell]
                    for cell in range(len(one.weight))
                    if any(one.sees.toarray()[view, cell] for view in chosen)
                )
                <= one.limit
                for one in choices.ceilings
            )
            if is_cheap and is_few and is_private:
                found.append(chosen)
    return found


LIMITS = [
    pytest.param(Limits(budget_eur=1500.0), id="budget"),
    pytest.param(Limits(max_cameras=2), id="cameras"),
    pytest.param(Limits(budget_eur=2200.0, max_cameras=2), id="both"),
]


@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize(
    ("several", "ceiling"),
    [(False, False), (True, False), (False, True), (True, True)],
    ids=["plain", "several", "ceiling", "both"],
)
@pytest.mark.parametrize("seed", range(3))
def test_the_most_is_the_most_of_every_choice_goal_by_goal(
    seed: int, several: bool, ceiling: bool, limits: Limits
) -> None:
    choices = random_choices(seed, several=several, ceiling=ceiling)
    expected = max(
        tuple(worth(goal, chosen) for goal in choices.goals)
        for chosen in every_choice(choices, limits)
    )
    answer = choose_most(choices, limits, PROOF)
    views = tuple(int(one) for one in answer.views)
    assert tuple(worth(goal, views) for goal in choices.goals) == pytest.approx(expected)
    assert limits.allow(choices, answer.views)
    assert all(stage.is_proven for stage in answer.stages)


@pytest.mark.parametrize(
    ("several", "ceiling"),
    [(False, False), (True, False), (False, True)],
    ids=["plain", "several", "ceiling"],
)
@pytest.mark.parametrize("seed", range(4))
def test_the_cheapest_is_the_cheapest_of_every_choice(
    seed: int, several: bool, ceiling: bool
) -> None:
    choices = random_choices(seed, several=several, ceiling=ceiling)
    floors = np.array([choices.goals[0].reachable, 0.6 * choices.goals[1].reachable])
    costs = [
        price(choices, chosen)
        for chosen in every_choice(choices, Limits())
        if all(
            worth(goal, chosen) >= floor for goal, floor in zip(choices.goals, floors, strict=True)
        )
    ]
    answer = choose_cheapest(choices, Limits(), floors, PROOF)
    if not costs:
        assert answer is None
        return
    assert answer is not None
    assert price(choices, tuple(answer.views)) == pytest.approx(min(costs))
    assert answer.stages[0].value == pytest.approx(min(costs))
    assert answer.stages[0].is_proven


@pytest.mark.parametrize("seed", range(3))
def test_what_a_search_begins_with_is_never_lost(seed: int) -> None:
    # without search or proof, on as many views as a choice may well get wrong
    choices = random_choices(seed, n_views=40)
    lazy = Run(Effort(relative_gap=1.0, rounds=0, bound_rounds=1))
    good = choose_most(choices, Limits(budget_eur=1500.0), PROOF)
    again = choose_most(choices, Limits(budget_eur=1500.0), lazy, start=good.views)
    assert choices.values(again.views) >= choices.values(good.views)
    more = choose_most(choices, Limits(budget_eur=1600.0), lazy, start=good.views)
    assert choices.values(more.views) >= choices.values(good.views)


def test_a_bound_holds_whatever_the_number_of_steps() -> None:
    choices = random_choices(5)
    limits = Limits(budget_eur=1500.0)
    best = max(worth(choices.goals[1], one) for one in every_choice(choices, limits))
    task = Task(1, np.zeros(2))
    bounds = [
        compute_bound(
            choices,
            limits,
            task,
            best,
            rounds=rounds,
            relative_gap=0.0,
            should_stop=lambda: False,
        ).value
        for rounds in (1, 10, 100)
    ]
    assert min(bounds) >= best
    assert bounds == sorted(bounds, reverse=True)


def test_views_and_items_that_cannot_matter_are_left_out() -> None:
    # view 1 sees less than view 0 of its site for more money; view 2 is on another site;
    # items 0 and 1 always go together, item 3 is seen by nobody
    sees = sparse.csr_array(np.array([[1, 1, 1, 0], [1, 1, 0, 0], [1, 1, 0, 0]], dtype=np.float64))
    goal = Goal("area", NAME, sees, np.array([1.0, 2.0, 4.0, 8.0]), np.ones(4, dtype=np.int64))
    choices = Choices(
        site_of=np.array([0, 0, 1]),
        view_eur=np.array([1.0, 2.0, 1.0]),
        is_counted=np.ones(3, dtype=np.bool_),
        site_eur=np.ones(2),
        leaf_edge=np.array([-1, -1]),
        edge_eur=np.zeros(0),
        edge_parent=np.zeros(0, dtype=np.int64),
        goals=(goal,),
    )
    small, views = reduced(choices)
    assert views.tolist() == [0, 2]
    assert sorted(small.goals[0].weight) == [3.0, 4.0]
    assert small.goals[0].reachable == goal.reachable == 7.0


def plain_choices(seen: list[list[list[float]]], weights: list[list[float]]) -> Choices:
    """Make views that cost EUR 1 each on sites of their own for nothing."""
    n_views = len(seen[0])
    goals = tuple(
        Goal(
            str(i),
            NAME,
            sparse.csr_array(np.array(sees)),
            np.array(weight),
            np.ones(len(weight), dtype=np.int64),
        )
        for i, (sees, weight) in enumerate(zip(seen, weights, strict=True))
    )
    return Choices(
        site_of=np.arange(n_views),
        view_eur=np.ones(n_views),
        is_counted=np.ones(n_views, dtype=np.bool_),
        site_eur=np.zeros(n_views),
        leaf_edge=np.full(n_views, -1),
        edge_eur=np.zeros(0),
        edge_parent=np.zeros(0, dtype=np.int64),
        goals=goals,
    )


@pytest.mark.parametrize("least", [0.2, 1 / 3, 1e-3])
def test_a_light_item_of_the_first_goal_goes_before_all_of_the_second(least: float) -> None:
    choices = plain_choices([[[1.0], [0.0]], [[0.0, 0.0], [1.0, 1.0]]], [[least], [2.0, 40.0]])
    answer = choose_most(choices, Limits(max_cameras=1), PROOF)
    assert answer.views.tolist() == [0]


def test_where_greedy_finds_nothing_that_meets_the_goals_the_program_does() -> None:
    # Views 1 and 2 see three of the six items each; greedy begins with the four of view 0.
    sees = [[0.0, 1, 1, 1, 1, 0], [1.0, 1, 1, 0, 0, 0], [0.0, 0, 0, 1, 1, 1]]
    choices = plain_choices([sees], [[1.0] * 6])
    for effort in (QUICK, Effort(rounds=0)):
        answer = choose_cheapest(choices, Limits(max_cameras=2), np.array([6.0]), Run(effort))
        assert answer is not None
        assert sorted(answer.views.tolist()) == [1, 2]
