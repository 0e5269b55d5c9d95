"""The study: candidate views, evaluation, laws of coverage and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
from coverage_builders import X, Y, block, bullet, camera, small_site
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import Point

from parkwacht_config.errors import CoverageError
from parkwacht_config.site import AreaKind, Camera, Lens, Mount, MountKind, Site
from parkwacht_coverage.density import find_edition
from parkwacht_coverage.evaluate import Condition, Evaluator
from parkwacht_coverage.plan import lay_grid
from parkwacht_coverage.study import Plan, Study, StudyOptions, compute_study
from parkwacht_coverage.views import Search, find_views, pans
from parkwacht_coverage.visibility import Scene

OPTIONS = StudyOptions(k=2, camera_type_ids=("bullet",), pan_step_deg=30.0)


@pytest.fixture(scope="module")
def study() -> Study:
    return compute_study(small_site(), OPTIONS)


def evaluator_of(site: Site) -> Evaluator:
    ground = lay_grid(site, step_m=2.0, target_height_m=1.5)
    return Evaluator(site, ground, find_edition("2014").find(), light_margin=10.0)


def test_more_cameras_see_more_and_the_gains_add_up(study: Study) -> None:
    assert len(study.proposed) == 2
    for condition in Condition:
        today = study.seen_m2(Plan.TODAY, condition)
        added = sum(one.added_m2[condition] for one in study.proposed)
        assert study.seen_m2(Plan.PROPOSAL, condition) == pytest.approx(today + added)
    assert study.choice.value <= study.choice.bound
    assert study.cost.n_cameras == 2


def test_kinds_add_up_and_higher_classes_see_less(study: Study) -> None:
    for plan in Plan:
        kinds = [study.seen_m2(plan, Condition.DAY, kind=kind) for kind in AreaKind]
        assert sum(kinds) == pytest.approx(study.seen_m2(plan, Condition.DAY))
        by_class = [
            study.seen_m2(plan, Condition.DAY, density_class=one) for one in study.edition.classes
        ]
        assert by_class == sorted(by_class, reverse=True)
        night, day = (study.is_seen(plan, one) for one in (Condition.NIGHT, Condition.DAY))
        assert not (night & ~day).any()


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


def test_near_places_are_seen_when_their_ground_is(study: Study) -> None:
    seen = study.is_seen(Plan.PROPOSAL, Condition.DAY)
    places = study.ground.points_m[[int(np.argmax(seen)), int(np.argmin(seen))], :2] + 0.4
    far = np.array([[X + 50.0, Y + 500.0]])
    result = study.sees_near(Plan.PROPOSAL, Condition.DAY, np.vstack((places, far)))
    assert result.tolist() == [True, False, False]
    assert study.sees_near(Plan.TODAY, Condition.DAY, np.zeros((0, 2))).tolist() == []


def test_thermal_cameras_reach_no_pixel_density_class() -> None:
    thermal = bullet("thermal").model_copy(update={"is_thermal": True})
    types = {"bullet": bullet(), "thermal": thermal}
    site = small_site(camera_types=types, cameras=(camera(y_m=Y + 19.0, type_id="thermal"),))
    assert evaluator_of(site).existing(site.cameras[0]).density[Condition.DAY].max() == 0


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        pytest.param({}, {"k": 0}, "k = 0", id="no cameras to add"),
        pytest.param({}, {"grid_step_m": 0.0}, "grid_step_m = 0.0", id="no grid"),
        pytest.param({}, {"pan_step_deg": 0.0}, "pan_step_deg = 0.0", id="no pans"),
        pytest.param({}, {"edition_id": "1999"}, "'1999'", id="unknown edition"),
        pytest.param({}, {"class_id": "discern"}, "'discern'", id="class of the other edition"),
        pytest.param({"public_areas": ()}, {}, "no public ground", id="no public ground"),
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
    changes: dict[str, object], options: dict[str, object], message: str
) -> None:
    with pytest.raises(CoverageError, match=message):
        compute_study(small_site(**changes), replace(OPTIONS, **options))  # type: ignore[arg-type]


def test_a_camera_on_the_roof_is_not_inside() -> None:
    site = small_site(cameras=(camera("roof", x_m=X + 20, y_m=Y + 40, height_m=8.5),))
    assert compute_study(site, OPTIONS).cameras[0].id == "roof"


def test_a_park_without_mounts_is_evaluated_without_a_proposal() -> None:
    study = compute_study(small_site(mounts=()), OPTIONS)
    assert study.proposed == ()
    assert study.seen_m2(Plan.TODAY, Condition.DAY) == study.seen_m2(Plan.PROPOSAL, Condition.DAY)


def test_a_building_in_the_way_never_adds_coverage() -> None:
    site = small_site()
    wall = block(X + 8, Y + 10, 2.0, 7.0, name="wall")
    blocked = small_site(buildings=(*site.buildings, wall))
    free_m2, less_m2 = (
        compute_study(one, OPTIONS).seen_m2(Plan.TODAY, Condition.DAY) for one in (site, blocked)
    )
    assert less_m2 <= free_m2


def test_scene_without_buildings() -> None:
    assert Scene([]).building_at(X, Y, 5.0) is None
