"""What goes wrong with a placement: each case against a plain evaluation of that case."""

import math
from dataclasses import replace

import numpy as np
import pytest
from coverage_builders import X, Y, camera, small_site
from shapely.geometry import Point, box

from parkwacht_config.site import Building, PrivacyMask, Site, Tree
from parkwacht_coverage.density import find_edition
from parkwacht_coverage.evaluate import Condition, Evaluator, StudyCamera
from parkwacht_coverage.lorries import hidden_by_lorries, park_lorries
from parkwacht_coverage.plan import lay_grid
from parkwacht_coverage.robustness import RobustnessCase, find_robustness
from parkwacht_coverage.visibility import Scene

TREES = (Tree("t1", Point(X + 8, Y + 20), 8.0, 2.0, crown_base_m=2.5),)
CAMERAS = [
    camera("c1", y_m=Y + 19.0),
    camera("c2", x_m=X + 95.0, y_m=Y + 19.0, azimuth_deg=300.0),
    camera("c3", x_m=X + 50.0, y_m=Y + 29.0, azimuth_deg=90.0, tilt_deg=30.0),
]


def evaluator_of(site: Site, *, in_leaf: bool = False) -> Evaluator:
    ground = lay_grid(site, step_m=2.0, target_height_m=1.5)
    return Evaluator(site, ground, find_edition("2014").find(), light_margin=10.0, in_leaf=in_leaf)


SITE = small_site(trees=TREES)
EVALUATOR = evaluator_of(SITE)
PLAN = [EVALUATOR.existing(one) for one in CAMERAS]
CASES = find_robustness(EVALUATOR, PLAN)


def case_of(id_: str, condition: Condition) -> RobustnessCase:
    (found,) = [one for one in CASES if one.id == id_ and one.condition is condition]
    return found


def share(evaluator: Evaluator, plan: list[StudyCamera], condition: Condition) -> float:
    seen = evaluator.best(plan)[condition] >= evaluator.target_class.threshold_px_per_m
    weight = evaluator.ground.weight
    return float(weight[seen].sum() / weight.sum())


@pytest.mark.parametrize("condition", list(Condition))
def test_the_nominal_share_is_that_of_the_plan(condition: Condition) -> None:
    for one in CASES:
        if one.condition is condition:
            assert one.nominal_share == pytest.approx(share(EVALUATOR, PLAN, condition))
            assert 0 <= one.worst_share <= one.nominal_share


@pytest.mark.parametrize("condition", list(Condition))
@pytest.mark.parametrize(
    ("id_", "changes"),
    [
        pytest.param("pan", [("azimuth_deg", -5.0), ("azimuth_deg", 5.0)], id="pan"),
        pytest.param("tilt", [("tilt_deg", -5.0), ("tilt_deg", 5.0)], id="tilt"),
        pytest.param("height", [("height_m", -0.5), ("height_m", 0.5)], id="height"),
        pytest.param("failed", [], id="failed"),
    ],
)
def test_the_worst_of_one_camera_is_the_worst_of_trying_each(
    condition: Condition, id_: str, changes: list[tuple[str, float]]
) -> None:
    tried = [(share(EVALUATOR, PLAN, condition), "")]
    for index, one in enumerate(CAMERAS):
        others = [*PLAN[:index], *PLAN[index + 1 :]]
        if not changes:
            tried.append((share(EVALUATOR, others, condition), one.id))
        for key, step in changes:
            value = (getattr(one, key) + step) % 360
            changed = EVALUATOR.existing(one.model_copy(update={key: value}))
            tried.append((share(EVALUATOR, [*others, changed], condition), one.id))
    worst, what = min(tried, key=lambda pair: pair[0])
    found = case_of(id_, condition)
    assert found.worst_share == pytest.approx(worst)
    assert found.what == what
    assert worst < found.nominal_share


def test_less_light_counts_by_night_alone() -> None:
    for id_, factor in (("lamps_dimmed", 0.5), ("lamps_out", 0.0)):
        lamps = tuple(
            replace(one, intensity_cd=one.intensity_cd * factor) for one in SITE.lamp_posts
        )
        darker = evaluator_of(replace(SITE, lamp_posts=lamps))
        plan = [darker.existing(one) for one in CAMERAS]
        found = case_of(id_, Condition.NIGHT)
        assert found.worst_share == pytest.approx(share(darker, plan, Condition.NIGHT))
        assert not [one for one in CASES if one.id == id_ and one.condition is Condition.DAY]
    assert case_of("lamps_out", Condition.NIGHT).worst_share < found.nominal_share


@pytest.mark.parametrize("condition", list(Condition))
def test_leaves(condition: Condition) -> None:
    leafy = evaluator_of(SITE, in_leaf=True)
    plan = [leafy.existing(one) for one in CAMERAS]
    assert case_of("leaf", condition).worst_share == pytest.approx(share(leafy, plan, condition))
    assert case_of("leaf", condition).worst_share < case_of("leaf", condition).nominal_share


@pytest.mark.parametrize("condition", list(Condition))
def test_the_worst_bay_is_the_worst_of_building_each_lorry(condition: Condition) -> None:
    eyes = np.array([(one.x_m, one.y_m, one.height_m) for one in CAMERAS])
    lorries = park_lorries(SITE, eyes)
    assert len(lorries) > 10
    points, weight = EVALUATOR.ground.points_m, EVALUATOR.ground.weight
    tried = []
    for lorry in lorries:
        scene = Scene([*SITE.buildings, lorry])
        targets = scene.targets(points)
        seen = np.zeros(len(points), dtype=np.bool_)
        for eye, one in zip(eyes, PLAN, strict=True):
            seen |= (one.density[condition] >= 62.4) & scene.is_visible(tuple(eye), targets)
        tried.append(float(weight[seen].sum() / weight.sum()))
    found = case_of("lorry", condition)
    assert found.worst_share == pytest.approx(min(tried))
    assert found.what == lorries[int(np.argmin(tried))].id
    assert found.worst_share < found.nominal_share


def test_lorries_keep_out_of_buildings_and_of_cameras() -> None:
    lorries = park_lorries(SITE, np.array([[X + 80, Y + 40, 3.0]]))
    for one in lorries:
        assert one.polygon.area == pytest.approx(2.55 * 16.5)
        assert one.height_m == 4.0
        assert not any(one.polygon.intersects(hall.polygon) for hall in SITE.buildings)
        assert not one.polygon.contains(Point(X + 80, Y + 40))


def test_the_shadow_of_a_lorry() -> None:
    # 4 m high at 20 m from an eye of 6 m: 1.5 m is hidden to 20 x 4.5 / 2 = 45 m
    lorry = Building("l", box(19.99, -20, 20.0, 20), 4.0)
    points = np.array([[19.0, 0.0, 1.5], [21.0, 0.0, 1.5], [44.9, 0.0, 1.5], [45.1, 0.0, 1.5]])
    hidden = hidden_by_lorries(np.array([0.0, 0.0, 6.0]), points, [lorry])
    assert hidden.tolist() == [[False, True, True, False]]


def test_masks_are_taken_off_in_every_case() -> None:
    black = PrivacyMask(
        id="m", camera_id="c1", polygon_px=((0, 0), (2688, 0), (2688, 1520), (0, 1520))
    )
    masked = find_robustness(EVALUATOR, PLAN, masks=[black])
    without = share(EVALUATOR, PLAN[1:], Condition.DAY)
    assert masked[0].nominal_share == pytest.approx(without)


def test_no_cameras_no_cases_and_steps_are_told() -> None:
    assert find_robustness(EVALUATOR, []) == ()
    steps: list[tuple[int, int]] = []
    find_robustness(EVALUATOR, PLAN, on_progress=lambda done, total: steps.append((done, total)))
    assert steps == [(n, 6) for n in range(1, 7)]
    assert math.isclose(steps[-1][0], steps[-1][1])
