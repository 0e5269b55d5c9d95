"""Placements of a tiny park against every possible one; what bars an impossible wish."""

from dataclasses import replace
from functools import cache
from itertools import chain, combinations

import numpy as np
import pytest
from coverage_builders import X, Y, bullet, camera, small_site
from shapely.geometry import LineString, Point, box

from parkwacht_config.errors import CoverageError
from parkwacht_config.site import (
    Mount,
    MountKind,
    PowerCabinet,
    PrivacyMask,
    PrivateArea,
    Route,
    Site,
)
from parkwacht_config.study import PrivacyCeilings, Redundancy, StudyGoals
from parkwacht_coverage.choosing import Effort
from parkwacht_coverage.cost import compute_cost
from parkwacht_coverage.curve import cost_curve
from parkwacht_coverage.density import find_edition
from parkwacht_coverage.evaluate import Condition, Evaluator
from parkwacht_coverage.gates import measure_gates
from parkwacht_coverage.impossible import PlacementImpossible
from parkwacht_coverage.placement import Aim, Placement, place
from parkwacht_coverage.plan import lay_grid
from parkwacht_coverage.privacy import Watcher
from parkwacht_coverage.problem import PlacementProblem, build_problem
from parkwacht_coverage.routes import sample_routes, samples_seen

PROOF = Effort(relative_gap=0.0, rounds=10, bound_rounds=40)
ROUTE = Route("r", "Hoofdweg", LineString([(X, Y + 24), (X + 100, Y + 24)]))
MOUNTS = (
    Mount("m1", MountKind.MAST, Point(X + 18, Y + 19.5), 4.0),
    Mount("m2", MountKind.MAST, Point(X + 50, Y + 29), 6.0),
    Mount("m3", MountKind.LAMP_POST, Point(X + 95, Y + 19), 5.5),
)


def tiny_site(**goals: object) -> Site:
    """Return the small park without its camera, a route, a yard behind the road, a cabinet."""
    return small_site(
        mounts=MOUNTS,
        cameras=(camera(y_m=Y + 19.0),),
        routes=(ROUTE,),
        private_areas=(PrivateArea("yard", box(X, Y, X + 100, Y + 18)),),
        power_cabinets=(PowerCabinet("c", Point(X + 30, Y + 24)),),
        camera_types={"bullet": bullet()},
        goals=StudyGoals.model_validate(
            {"condition": "day", "released": ("c1",), "max_unseen_m": 20.0, "gate_plate": False}
            | goals
        ),
    )


def park(site: Site) -> Evaluator:
    ground = lay_grid(site, step_m=4.0, target_height_m=1.5)
    return Evaluator(site, ground, find_edition("2014").find(), light_margin=10.0)


@cache
def tiny_problem() -> tuple[Evaluator, PlacementProblem]:
    evaluator = park(tiny_site())
    return evaluator, build_problem(evaluator, pan_step_deg=60.0)


def every(problem: PlacementProblem) -> list[tuple[int, ...]]:
    n = problem.choices.n_views
    assert 6 <= n <= 13
    return list(chain.from_iterable(combinations(range(n), k) for k in range(n + 1)))


class Judge:
    """Measures a choice as the study's report does, not as the problem's matrices do."""

    def __init__(self, evaluator: Evaluator, problem: PlacementProblem) -> None:
        self.evaluator, self.problem = evaluator, problem
        types = evaluator.site.camera_types
        proposed = evaluator.proposed(problem.views, evaluator.best([]))
        self.cameras = [*proposed, *(evaluator.existing(one) for one in problem.released)]
        self.watchers = [
            Watcher(f"v{i}", (v.model,), v.camera_type) for i, v in enumerate(problem.views)
        ]
        self.watchers += [Watcher.of(one, types[one.type_id]) for one in problem.released]
        (route,) = sample_routes(evaluator)
        self.samples = [samples_seen(one, route, evaluator)[0] for one in self.watchers]
        self.n_window = route.n_window(evaluator.site.goals.max_unseen_m)
        gates = [measure_gates(evaluator.site, evaluator, [one])[0] for one in self.watchers]
        self.overview = [bool(one.overview_ids[Condition.DAY]) for one in gates]
        enough = evaluator.target_class.threshold_px_per_m
        self.sees = [one.density[Condition.DAY] >= enough for one in self.cameras]

    def values(self, chosen: tuple[int, ...]) -> tuple[float, float, float]:
        seen = np.any([self.samples[i] for i in chosen], axis=0) if chosen else np.zeros(40)
        windows = [seen[i : i + self.n_window].any() for i in range(40 - self.n_window + 1)]
        hit = np.any([self.sees[i] for i in chosen], axis=0) if chosen else np.zeros(0, bool)
        weight = self.evaluator.ground.weight
        area = float(weight[hit].sum()) if chosen else 0.0
        return float(any(self.overview[i] for i in chosen)), float(sum(windows)), area

    def cost(self, chosen: tuple[int, ...]) -> float:
        new = [self.problem.views[i] for i in chosen if i < self.problem.n_views]
        bought = [(one.mount.id, one.camera_type) for one in new]
        return compute_cost(self.evaluator.site, bought, self.problem.forest).total_eur


@cache
def judged() -> tuple[Judge, list[tuple[tuple[int, ...], tuple[float, ...], float]]]:
    judge = Judge(*tiny_problem())
    _, problem = tiny_problem()
    return judge, [(one, judge.values(one), judge.cost(one)) for one in every(problem)]


@pytest.mark.parametrize("budget_eur", [6000.0, 10_000.0, 16_000.0, 40_000.0])
def test_the_most_for_a_budget_is_the_most_of_every_placement(budget_eur: float) -> None:
    judge, table = judged()
    expected = max(values for _, values, cost in table if cost <= budget_eur)
    found = place(tiny_problem()[1], budget_eur=budget_eur, effort=PROOF)
    assert judge.values(found.chosen) == pytest.approx(expected)
    assert found.values == pytest.approx(expected)
    assert found.cost.total_eur <= budget_eur
    assert found.cost.total_eur == pytest.approx(judge.cost(found.chosen))
    assert all(one.is_proven for one in found.proofs)
    assert not found.is_time_limited


@pytest.mark.parametrize("max_cameras", [1, 2])
def test_the_most_with_few_cameras_is_the_most_of_every_placement(max_cameras: int) -> None:
    judge, table = judged()
    n_views = tiny_problem()[1].n_views
    expected = max(v for one, v, _ in table if sum(i < n_views for i in one) <= max_cameras)
    found = place(tiny_problem()[1], max_cameras=max_cameras, effort=PROOF)
    assert judge.values(found.chosen) == pytest.approx(expected)
    assert found.cost.n_cameras <= max_cameras


def test_the_cheapest_that_meets_the_goals_is_the_cheapest_of_every_placement() -> None:
    judge, table = judged()
    best = max(values for _, values, _ in table)
    total = judge.evaluator.ground.weight.sum()
    wanted = (best[0], best[1], min(best[2], 0.5 * total))
    fine = [c for _, v, c in table if all(a >= b - 1e-9 for a, b in zip(v, wanted, strict=True))]
    found = place(tiny_problem()[1], aim=Aim.CHEAPEST, effort=PROOF)
    assert found.cost.total_eur == pytest.approx(min(fine))
    (proof,) = found.proofs
    assert proof.unit == "EUR"
    assert proof.is_proven


def test_a_released_camera_costs_nothing_and_stays_where_it_helps() -> None:
    _, problem = tiny_problem()
    found = place(problem, max_cameras=1, effort=PROOF)
    assert [one.id for one in found.cameras] == ["c1"]
    alone = place(problem, budget_eur=0.0, effort=PROOF)
    assert alone.views == ()
    assert alone.cost.total_eur == 0


def test_a_gate_goes_before_any_area() -> None:
    site = tiny_site(priorities=("gates", "area"), released=(), excluded_mounts=())
    evaluator = park(site)
    problem = build_problem(evaluator, pan_step_deg=60.0)
    budget = float(problem.choices.cheapest_eur().max())
    found = place(problem, budget_eur=budget, effort=PROOF)
    area = replace(site, goals=site.goals.model_copy(update={"priorities": ("area",)}))
    other = place(build_problem(park(area), pan_step_deg=60.0), budget_eur=budget, effort=PROOF)
    assert problem.n_gates_served(found.chosen) == 1
    assert other.values[0] >= found.values[1]


def test_more_budget_never_serves_less() -> None:
    _, problem = tiny_problem()
    points = cost_curve(problem, [30_000, 0, 6_000, 10_000, 16_000], effort=PROOF)
    assert [one.budget_eur for one in points] == [0, 6_000, 10_000, 16_000, 30_000]
    judge, table = judged()
    for one in points:
        best = max(values for _, values, cost in table if cost <= one.budget_eur)
        total = judge.evaluator.ground.weight.sum()
        assert one.share == pytest.approx(best[2] / total)
        assert one.gates_served == best[0]
        assert one.bound >= one.share - 1e-12
    added = sum(
        one.marginal_m2_per_1000_eur * (one.budget_eur - before) / 1000
        for one, before in zip(points[1:], [0, 6_000, 10_000, 16_000], strict=True)
    )
    total = judge.evaluator.ground.weight.sum()
    assert added == pytest.approx((points[-1].share - points[0].share) * total)


def fold_worth(evaluator: Evaluator, cameras: list[np.ndarray], fold: int) -> float:
    count = np.sum(cameras, axis=0) if cameras else np.zeros(len(evaluator.ground.kinds))
    return float(evaluator.ground.weight[count >= fold].sum())


def test_ground_that_is_to_be_seen_twice_counts_once_two_cameras_see_it() -> None:
    twice = (
        Redundancy.model_validate({"kind": "carriageway"}),
        Redundancy.model_validate({"kind": "parking"}),
    )
    site = tiny_site(priorities=("area",), redundancy=twice)
    evaluator = park(site)
    problem = build_problem(evaluator, pan_step_deg=60.0)
    judge = Judge(evaluator, problem)
    expected = max(
        fold_worth(evaluator, [judge.sees[i] for i in one], 2)
        for one in every(problem)
        if judge.cost(one) <= 16_000
    )
    found = place(problem, budget_eur=16_000, effort=PROOF)
    assert fold_worth(evaluator, [judge.sees[i] for i in found.chosen], 2) == pytest.approx(
        expected
    )


def test_a_privacy_ceiling_is_kept_and_costs_coverage() -> None:
    free = place(tiny_problem()[1], budget_eur=40_000, effort=PROOF)
    site = tiny_site(privacy=PrivacyCeilings(private_m2=200.0))
    evaluator = park(site)
    problem = build_problem(evaluator, pan_step_deg=60.0)
    (ceiling,) = problem.choices.ceilings
    found = place(problem, budget_eur=40_000, effort=PROOF)
    judge = Judge(evaluator, problem)
    seen = ceiling.sees.toarray() > 0
    allowed = [
        one
        for one in every(problem)
        if judge.cost(one) <= 40_000 and ceiling.weight[seen[list(one)].any(axis=0)].sum() <= 200
    ]
    assert judge.values(found.chosen) == pytest.approx(max(judge.values(one) for one in allowed))
    assert found.values < free.values


@pytest.mark.parametrize("key", ["private_m2", "camera_private_m2"])
def test_a_released_camera_that_a_privacy_ceiling_bars_does_not_stay(key: str) -> None:
    # c1 sees hundreds of square metres of the yard: kept, the ceiling is exceeded already.
    site = tiny_site(privacy=PrivacyCeilings.model_validate({key: 1.0}))
    problem = build_problem(park(site), pan_step_deg=60.0)
    found = place(problem, budget_eur=0.0, effort=PROOF)
    assert found.cameras == ()


def test_what_a_mask_of_a_camera_of_today_hides_is_still_to_be_seen() -> None:
    whole = ((0.0, 0.0), (2688.0, 0.0), (2688.0, 1520.0), (0.0, 1520.0))
    mask = PrivacyMask(id="all", camera_id="c1", polygon_px=whole, reason="alles")
    bare = tiny_site(released=())
    masked = replace(bare, privacy_masks=(mask,))
    area, hidden = (
        build_problem(park(one), pan_step_deg=60.0).choices.goals[-1] for one in (bare, masked)
    )
    assert area.met > 0
    assert hidden.met == 0


def test_a_thermal_camera_that_stays_recognises_nobody() -> None:
    ceilings = PrivacyCeilings(recognisable_share=0.0, dwelling_window_m=0.0)
    bare = replace(tiny_site(released=(), privacy=ceilings), purpose_areas=())
    near = bullet().model_copy(update={"is_thermal": True})
    site = replace(bare, camera_types={"bullet": near, "usual": bullet()})
    problem = build_problem(park(site), pan_step_deg=60.0)
    assert all(one.limit == 0.0 for one in problem.choices.ceilings)


def message(**wish: object) -> str:
    problem = wish.pop("problem", None) or build_problem(
        park(tiny_site(released=())), pan_step_deg=60.0
    )
    with pytest.raises(PlacementImpossible) as caught:
        place(problem, effort=PROOF, **wish)  # type: ignore[arg-type]
    assert caught.value.text.nl != caught.value.text.en
    return caught.value.text.en


def test_a_budget_below_the_cheapest_site_is_refused_with_its_price() -> None:
    # the lamp post: 1,200 + 1,800 + 1,200, camera 260 + 450 + 180
    text = message(budget_eur=1000.0)
    assert "m3" in text
    assert "5,090" in text


def test_no_camera_allowed_is_refused() -> None:
    assert "max_cameras = 0" in message(max_cameras=0)


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        pytest.param({"budget_eur": 6000.0}, "budget EUR 6,000", id="budget"),
        pytest.param({"max_cameras": 1}, "max_cameras = 1", id="cameras"),
    ],
)
def test_what_bars_the_goals_is_named(wish: dict[str, float], expected: str) -> None:
    assert expected in message(aim=Aim.CHEAPEST, **wish)


def test_a_ceiling_that_bars_the_goals_is_named() -> None:
    site = tiny_site(privacy=PrivacyCeilings(private_m2=1.0))
    site = replace(site, private_areas=(PrivateArea("all", site.boundary.buffer(60)),))
    problem = build_problem(park(site), pan_step_deg=60.0)
    assert "private_m2" in message(aim=Aim.CHEAPEST, problem=problem)


@pytest.mark.parametrize(
    ("goals", "expected"),
    [
        pytest.param({"excluded_mounts": ("m1", "m2", "m3")}, "excluded_mounts", id="no mount"),
        pytest.param({"excluded_mounts": ("m9",)}, "m9", id="unknown mount"),
        pytest.param({"released": ("c9",)}, "c9", id="unknown camera"),
        pytest.param({"camera_types": ("nikon",)}, "nikon", id="unknown type"),
        pytest.param(
            {"released": (), "privacy": PrivacyCeilings(private_m2=1.0)},
            "exceeded already",
            id="ceiling met by the cameras that stay",
        ),
    ],
)
def test_goals_that_cannot_be_read_are_refused(goals: dict[str, object], expected: str) -> None:
    with pytest.raises(CoverageError, match=expected):
        build_problem(park(tiny_site(**goals)), pan_step_deg=60.0)


def test_no_view_left_by_the_ceiling_of_one_camera_is_refused() -> None:
    ceilings = PrivacyCeilings(camera_private_m2=0.0)
    site = tiny_site(released=(), excluded_mounts=("m1", "m3"), privacy=ceilings)
    around = PrivateArea("all", site.boundary.buffer(60))
    site = replace(site, private_areas=(around,))
    problem = build_problem(park(replace(site, cameras=())), pan_step_deg=60.0)
    assert "camera_private_m2" in message(problem=problem)


def test_a_search_that_is_stopped_returns_the_best_so_far() -> None:
    _, problem = tiny_problem()
    found: Placement = place(problem, budget_eur=40_000, should_stop=lambda: True)
    assert found.is_stopped
    assert found.views
    assert all(one.bound >= one.value for one in found.proofs)


def test_the_same_wish_gives_the_same_placement() -> None:
    _, problem = tiny_problem()
    one, other = (place(problem, budget_eur=16_000) for _ in range(2))
    assert one.chosen == other.chosen
    assert one.proofs == other.proofs
