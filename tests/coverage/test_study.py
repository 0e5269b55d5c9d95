"""The study: candidate views, evaluation, laws of coverage and what is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from coverage_builders import X, Y, block, bullet, camera, small_site
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import Point

from parkwacht_config.errors import CoverageError
from parkwacht_config.site import AreaKind, Camera, Lens, Mount, MountKind, Site
from parkwacht_config.study import PrivacyCeilings, StudyGoals
from parkwacht_config.text import Text
from parkwacht_coverage.choosing import Effort
from parkwacht_coverage.density import find_edition
from parkwacht_coverage.evaluate import Condition, Evaluator
from parkwacht_coverage.options import Listener, StudyOptions
from parkwacht_coverage.plan import lay_grid
from parkwacht_coverage.results import ScenarioId, Study
from parkwacht_coverage.study import compute_study
from parkwacht_coverage.views import Search, find_views, pans
from parkwacht_coverage.visibility import Scene

EFFORT = Effort(rounds=30, bound_rounds=60, node_limit=50)
OPTIONS = StudyOptions(pan_step_deg=30.0, n_budgets=3, effort=EFFORT)
GOALS = StudyGoals(budget_eur=20_000.0, camera_types=("bullet",), privacy=PrivacyCeilings())
TODAY, RECOMMENDED = ScenarioId.TODAY, ScenarioId.RECOMMENDED


def study_of(site: Site, **goals: object) -> Study:
    wanted = GOALS.model_copy(update=goals)
    return compute_study(site, replace(OPTIONS, goals=wanted))


@pytest.fixture(scope="module")
def study() -> Study:
    return study_of(small_site())


def evaluator_of(site: Site) -> Evaluator:
    ground = lay_grid(site, step_m=2.0, target_height_m=1.5)
    return Evaluator(site, ground, find_edition("2014").find(), light_margin=10.0)


def test_scenarios_stand_side_by_side_and_more_money_never_serves_less(study: Study) -> None:
    assert list(study.scenarios) == list(ScenarioId)
    recommended, generous = study.recommended, study.scenarios[ScenarioId.GENEROUS]
    assert 0 < recommended.cost.total_eur <= 20_000
    assert generous.cost.total_eur <= 40_000
    for condition in Condition:
        # Today's cameras get masks too, so that they see a little less than today.
        (kept,) = (one for one in recommended.cameras if not one.is_proposed)
        before = float(study.ground.area_m2[kept.density[condition] >= 62.5].sum())
        assert before <= study.seen_m2(study.today, condition)
        added = sum(one.added_m2[condition] for one in recommended.proposed)
        assert study.seen_m2(recommended, condition) == pytest.approx(before + added)
    for proof in recommended.proofs:
        assert proof.value <= proof.bound + 1e-9
    served = [proof.value for proof in recommended.proofs]
    assert served <= [proof.value for proof in generous.proofs]


def test_kinds_add_up_and_higher_classes_see_less(study: Study) -> None:
    for scenario in study.scenarios.values():
        kinds = [study.seen_m2(scenario, Condition.DAY, kind=kind) for kind in AreaKind]
        assert sum(kinds) == pytest.approx(study.seen_m2(scenario, Condition.DAY))
        by_class = [
            study.seen_m2(scenario, Condition.DAY, density_class=one)
            for one in study.edition.classes
        ]
        assert by_class == sorted(by_class, reverse=True)
        night, day = (study.is_seen(scenario, one) for one in (Condition.NIGHT, Condition.DAY))
        assert not (night & ~day).any()
        seen_by_any = scenario.fold[Condition.DAY] > 0
        assert (seen_by_any == day).all()


def test_the_incident_at_night_is_judged_by_night(study: Study) -> None:
    (before,) = study.today.incidents
    assert before.condition is Condition.NIGHT
    assert before.camera_ids == ()
    (after,) = study.recommended.incidents
    nearest = np.argmin(np.hypot(*(study.ground.points_m[:, :2] - (X + 80, Y + 40)).T))
    expected = {
        one.id for one in study.recommended.cameras
        if one.density[Condition.NIGHT][nearest] >= 62.5
    }  # fmt: skip
    assert set(after.camera_ids) == expected


def test_masks_leave_nothing_private_seen_at_observe(study: Study) -> None:
    bare, masked = study.recommended.privacy_unmasked, study.recommended.privacy
    assert bare is not None
    observed = [
        one.together[Condition.DAY].private_m2_by_class["observe"] for one in (bare, masked)
    ]
    assert observed[0] > 50
    assert observed[1] < 0.02 * observed[0]
    assert study.today.masks == ()


def test_the_grids_agree_after_adding_witnesses(study: Study) -> None:
    seen = study.is_seen(study.recommended, Condition.NIGHT)
    share = study.ground.weight[seen].sum() / study.ground.weight.sum()
    assert study.sampling.share_on_check_grid == pytest.approx(share)
    assert study.sampling.error <= 0.002 or study.sampling.n_rounds == 3


def test_the_curve_rises_and_holds_its_bound(study: Study) -> None:
    assert [one.budget_eur for one in study.curve] == pytest.approx([40_000 / 3, 80_000 / 3, 4e4])
    for one in study.curve:
        assert one.cost_eur <= one.budget_eur
        assert one.share <= one.bound + 1e-9


def test_without_a_budget_the_knee_of_the_curve_is_taken() -> None:
    found = study_of(small_site(), budget_eur=None)
    assert found.recommended.budget_eur in [one.budget_eur for one in found.curve]


def test_a_park_in_which_no_goal_can_be_served_better_is_told_to_leave_it_as_it_is() -> None:
    found = study_of(small_site(gates=()), budget_eur=None, priorities=("gates",))
    assert found.recommended.cost.total_eur == 0
    assert len(found.recommended.cameras) == 1


def test_a_study_goes_on_where_it_stopped_and_gives_the_same(tmp_path: Path) -> None:
    options = replace(OPTIONS, goals=GOALS)
    whole = compute_study(small_site(), options)
    stopped: list[Text] = []

    class Stopped(Exception):  # noqa: N818
        pass

    def stop_at_the_curve(step: Text, done: int, _total: int) -> None:
        stopped.append(step)
        if "curve" in step.en and done == 2:
            raise Stopped

    with pytest.raises(Stopped):
        compute_study(small_site(), options, Listener(stop_at_the_curve), kept_in=tmp_path)
    n_kept = len(list(tmp_path.iterdir()))
    assert n_kept >= 3
    searched: list[str] = []
    listener = Listener(on_search=lambda goal, _value, _bound: searched.append(goal))
    again = compute_study(small_site(), options, listener, kept_in=tmp_path)
    models = [[one.model for one in found.recommended.cameras] for found in (whole, again)]
    assert models[0] == models[1]
    assert again.curve == whole.curve
    assert again.recommended.proofs == whole.recommended.proofs
    searched.clear()
    compute_study(small_site(), options, listener, kept_in=tmp_path)
    assert searched == []  # everything was found before


def test_stopping_gives_the_best_so_far_and_keeps_nothing_unfinished(tmp_path: Path) -> None:
    found = compute_study(
        small_site(),
        replace(OPTIONS, goals=GOALS),
        Listener(should_stop=lambda: True),
        kept_in=tmp_path,
    )
    assert found.recommended.cost.total_eur <= 20_000
    assert list(tmp_path.iterdir()) == []


def test_candidate_views_see_what_the_camera_model_sees() -> None:
    site = small_site()
    evaluator = evaluator_of(site)
    search = Search(
        evaluator.scene, evaluator.ground, evaluator.targets, [bullet()], evaluator.target_class,
        30.0, None, 10.0,
    )  # fmt: skip
    views = find_views(site.mounts, search, lambda _done, _total: None)
    assert len(views) > 10
    for view in views:
        eye = (view.model.x_m, view.model.y_m, view.model.height_m)
        points = evaluator.ground.points_m
        seen = evaluator.scene.is_visible(eye, evaluator.targets) & view.model.is_in_view(points)
        seen &= view.model.pixel_density_px_per_m(points) >= 62.5
        assert view.hits.tolist() == np.flatnonzero(seen).tolist()


cameras = st.builds(
    camera,
    camera_id=st.just("c"),
    x_m=st.floats(X + 40, X + 100),
    y_m=st.floats(Y, Y + 28),
    azimuth_deg=st.floats(0, 359),
    tilt_deg=st.floats(0, 60),
)


@given(cameras, cameras)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_together_they_see_at_least_each_and_at_most_the_sum(one: Camera, two: Camera) -> None:
    evaluator = evaluator_of(small_site())
    a, b = evaluator.existing(one), evaluator.existing(two)
    for condition in Condition:
        areas = []
        for some in ([a], [b], [a, b]):
            seen = evaluator.best(some)[condition] >= 62.5
            areas.append(float(evaluator.ground.area_m2[seen].sum()))
        assert areas[2] <= areas[0] + areas[1] + 1e-6
        assert areas[2] >= max(areas[:2])


def test_the_polygon_holds_the_targets_the_camera_sees() -> None:
    evaluator = evaluator_of(small_site())
    seen_by = evaluator.existing(camera(y_m=Y + 19.0))
    seen = seen_by.density[Condition.DAY] >= 62.5
    assert seen.sum() > 20
    inside = [seen_by.polygon.buffer(1e-6).contains(Point(p)) for p in evaluator.ground.points_m]
    assert inside == seen.tolist()


def test_without_light_night_ends_where_the_infrared_ends() -> None:
    evaluator = evaluator_of(small_site(lamp_posts=()))
    seen_by = evaluator.existing(camera(y_m=Y + 19.0))
    night = seen_by.density[Condition.NIGHT] > 0
    eye = np.array([X, Y + 19.0, 6.0])
    away = np.linalg.norm(evaluator.ground.points_m - eye, axis=1)
    assert away[night].max() <= 28.0  # 0.7 x 40 m
    day = seen_by.density[Condition.DAY] > 0
    assert (night == (day & (away <= 28.0))).all()


@pytest.mark.parametrize(
    ("kind", "facing", "expected"),
    [
        pytest.param(MountKind.MAST, None, list(range(0, 360, 30)), id="mast: all around"),
        pytest.param(MountKind.FACADE, 20.0, [320, 350, 20, 50, 80], id="facade: within 80"),
        pytest.param(MountKind.FACADE, None, list(range(0, 360, 30)), id="facade of no facing"),
    ],
)
def test_pans(kind: MountKind, facing: float | None, expected: list[int]) -> None:
    assert pans(Mount("m", kind, Point(0, 0), 5.0, facing), 30.0) == expected


def test_thermal_cameras_reach_no_pixel_density_class() -> None:
    thermal = bullet("thermal").model_copy(update={"is_thermal": True})
    types = {"bullet": bullet(), "thermal": thermal}
    site = small_site(camera_types=types, cameras=(camera(y_m=Y + 19.0, type_id="thermal"),))
    assert evaluator_of(site).existing(site.cameras[0]).density[Condition.DAY].max() == 0


@pytest.mark.parametrize(
    ("changes", "goals", "message"),
    [
        pytest.param({}, {"max_cameras": 0}, "max_cameras = 0", id="no cameras to add"),
        pytest.param({}, {"budget_eur": 900.0}, "budget EUR 900 is too low", id="below any site"),
        pytest.param({}, {"target_class": "discern"}, "'discern'", id="class of other edition"),
        pytest.param({"public_areas": ()}, {}, "no public ground", id="no public ground"),
        pytest.param({"mounts": ()}, {}, "no mount is left", id="no mounts"),
        pytest.param(
            {"cameras": (camera("in", x_m=X + 20, y_m=Y + 40),)},
            {},
            "camera 'in' .* inside building 'hal'",
            id="camera in a building",
        ),
        pytest.param(
            {"mounts": (Mount("m9", MountKind.MAST, Point(X + 20, Y + 40), 6.0),)},
            {},
            "mount 'm9' .* inside building 'hal'",
            id="mount in a building",
        ),
        pytest.param(
            {"camera_types": {"bullet": bullet().model_copy(update={"lens": Lens.F_THETA})}},
            {},
            "no fixed camera",
            id="nothing to propose",
        ),
    ],
)
def test_what_cannot_be_computed_is_refused(
    changes: dict[str, object], goals: dict[str, object], message: str
) -> None:
    with pytest.raises(CoverageError, match=message):
        study_of(small_site(**changes), **goals)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"grid_step_m": 0.0}, "grid_step_m = 0.0"),
        ({"solve_step_m": 1.0}, "solve_step_m = 1.0"),
        ({"pan_step_deg": 0.0}, "pan_step_deg = 0.0"),
        ({"n_budgets": 0}, "n_budgets = 0"),
    ],
    ids=["no grid", "solved finer than checked", "no pans", "no curve"],
)
def test_options_that_cannot_be_meant_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(CoverageError, match=message):
        compute_study(small_site(), replace(OPTIONS, **options))  # type: ignore[arg-type]


def test_a_camera_on_the_roof_is_not_inside() -> None:
    site = small_site(cameras=(camera("roof", x_m=X + 20, y_m=Y + 40, height_m=8.5),))
    assert evaluator_of(site).existing(site.cameras[0]).id == "roof"


def test_a_building_in_the_way_never_adds_coverage() -> None:
    site = small_site()
    wall = block(X + 8, Y + 10, 2.0, 7.0, name="wall")
    blocked = small_site(buildings=(*site.buildings, wall))
    seen = [evaluator_of(one).existing(site.cameras[0]) for one in (site, blocked)]
    free, less = (one.density[Condition.DAY] >= 62.5 for one in seen)
    assert not (less & ~free).any()


def test_scene_without_buildings() -> None:
    assert Scene([]).building_at(X, Y, 5.0) is None


def test_the_cheapest_meets_its_goals_on_the_fine_grid_behind_its_masks() -> None:
    found = study_of(small_site(), min_area_share=0.6, max_unseen_m=40.0)
    cheapest = found.scenarios[ScenarioId.CHEAPEST]
    seen = found.is_seen(cheapest, Condition.NIGHT)
    assert found.ground.weight[seen].sum() >= 0.6 * found.ground.weight.sum()
    assert not [one for one in cheapest.unmet if "weighted ground" in one.en]
    (proof,) = cheapest.proofs
    assert proof.bound <= proof.value == pytest.approx(cheapest.cost.total_eur)
