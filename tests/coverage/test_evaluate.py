"""What cameras see together, a moved camera, presets, trees in leaf and odd aims."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from coverage_builders import X, Y, bullet, camera, small_site
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Point

from parkwacht_config.errors import CoverageError
from parkwacht_config.site import AreaKind, Camera, Mount, MountKind, Preset, Site, Tree
from parkwacht_coverage.aims import find_aim_problems, wall_ahead_m
from parkwacht_coverage.density import find_edition
from parkwacht_coverage.evaluate import Condition, Evaluator
from parkwacht_coverage.plan import lay_grid
from parkwacht_coverage.views import View

EDITION = find_edition("2014")


def evaluator_of(site: Site, *, in_leaf: bool = False) -> Evaluator:
    ground = lay_grid(site, step_m=2.0, target_height_m=1.5)
    return Evaluator(site, ground, EDITION.find(), light_margin=10.0, in_leaf=in_leaf)


EVALUATOR = evaluator_of(small_site())
CAMERAS = [
    camera("c1", y_m=Y + 19.0),
    camera("c2", x_m=X + 95.0, y_m=Y + 19.0, azimuth_deg=300.0),
    camera("c3", x_m=X + 50.0, y_m=Y + 29.0, azimuth_deg=180.0, tilt_deg=40.0),
]


def test_counts_and_areas_are_sums_over_the_cameras() -> None:
    seen = [EVALUATOR.existing(one) for one in CAMERAS]
    overall = EVALUATOR.overall(seen, EDITION)
    for condition in Condition:
        enough = [one.density[condition] >= 62.5 for one in seen]
        assert overall.fold[condition].tolist() == np.sum(enough, axis=0).tolist()
        assert overall.density[condition].tolist() == EVALUATOR.best(seen)[condition].tolist()
        for kind in AreaKind:
            of_kind = EVALUATOR.ground.of_kind(kind)
            for index, one in enumerate(EDITION.classes):
                reached = of_kind & (overall.density[condition] >= one.threshold_px_per_m)
                area = float(EVALUATOR.ground.area_m2[reached].sum())
                assert overall.area_m2[condition][kind][index] == pytest.approx(area)


def test_a_moved_camera_gives_what_evaluating_all_anew_gives() -> None:
    before = EVALUATOR.overall([EVALUATOR.existing(one) for one in CAMERAS], EDITION)
    elsewhere = CAMERAS[1].model_copy(
        update={"x_m": X + 80.0, "azimuth_deg": 10.0, "tilt_deg": 15.0, "height_m": 5.0}
    )
    wanted = EVALUATOR.existing(elsewhere)
    after = EVALUATOR.moved(before, wanted.model)
    anew = EVALUATOR.overall(
        [EVALUATOR.existing(one) for one in (CAMERAS[0], elsewhere, CAMERAS[2])], EDITION
    )
    for condition in Condition:
        assert after.density[condition].tolist() == anew.density[condition].tolist()
        assert after.fold[condition].tolist() == anew.fold[condition].tolist()
    assert after.cameras[1].polygon.equals(wanted.polygon)
    assert after.cameras[0] is before.cameras[0]
    assert after.fold[Condition.DAY].tolist() != before.fold[Condition.DAY].tolist()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"id": "c9"}, "no camera 'c9' to move; there are: c1, c2, c3", id="unknown"),
        pytest.param({"x_m": X + 15, "y_m": Y + 35}, "is inside building 'hal'", id="inside"),
        pytest.param({"height_m": 0.0}, "must be above the ground", id="on the ground"),
        pytest.param({"height_m": -2.0}, "hangs at a height of -2 m", id="under ground"),
    ],
)
def test_where_a_camera_cannot_be_moved(changes: dict[str, Any], expected: str) -> None:
    before = EVALUATOR.overall([EVALUATOR.existing(one) for one in CAMERAS], EDITION)
    with pytest.raises(CoverageError, match=expected):
        EVALUATOR.moved(before, replace(before.cameras[0].model, **changes))


def test_presets_are_seen_some_of_the_time_and_figures_keep_to_the_home_aim() -> None:
    plain = EVALUATOR.existing(CAMERAS[0])
    back = Preset(name="terug", azimuth_deg=20.0, tilt_deg=25.0)
    turning = EVALUATOR.existing(CAMERAS[0].model_copy(update={"presets": (back,)}))
    alone = EVALUATOR.existing(
        CAMERAS[0].model_copy(update={"azimuth_deg": 20.0, "tilt_deg": 25.0})
    )
    for condition in Condition:
        assert turning.density[condition].tolist() == plain.density[condition].tolist()
        expected = np.maximum(plain.density[condition], alone.density[condition])
        assert turning.sometimes[condition].tolist() == expected.tolist()
    assert (turning.sometimes[Condition.DAY] > turning.density[Condition.DAY]).any()
    assert plain.sometimes == {}


@given(st.integers(0, 359), st.floats(0, 60), st.floats(3, 12))
@settings(max_examples=20, deadline=None)
def test_one_more_camera_never_lowers_what_is_seen(
    azimuth_deg: int, tilt_deg: float, height_m: float
) -> None:
    seen = [EVALUATOR.existing(one) for one in CAMERAS]
    changes = {"azimuth_deg": float(azimuth_deg), "tilt_deg": tilt_deg, "height_m": height_m}
    extra = EVALUATOR.existing(camera("c4", x_m=X + 60.0, y_m=Y + 19.0, **changes))
    fewer = EVALUATOR.overall(seen, EDITION)
    more = EVALUATOR.overall([*seen, extra], EDITION)
    for condition in Condition:
        assert (more.density[condition] >= fewer.density[condition]).all()
        assert (more.fold[condition] >= fewer.fold[condition]).all()
        for kind in AreaKind:
            assert (more.area_m2[condition][kind] >= fewer.area_m2[condition][kind] - 1e-9).all()


def test_leaves_hide_ground_and_take_light_away() -> None:
    # a crown of 3 to 8 m high, 8 m along the axis of the camera, and one beside the lamp
    trees = (
        Tree("t1", Point(X + 8, Y + 19), 8.0, 3.0, crown_base_m=3.0),
        Tree("t2", Point(X + 50, Y + 26), 8.0, 3.0, crown_base_m=3.0),
    )
    site = small_site(trees=trees)
    bare, leafy = evaluator_of(site), evaluator_of(site, in_leaf=True)
    assert bare.lux.tolist() == EVALUATOR.lux.tolist()
    assert (leafy.lux <= bare.lux).all()
    assert leafy.lux.sum() < 0.95 * bare.lux.sum()
    seen = [one.existing(CAMERAS[0]).density[Condition.DAY] > 0 for one in (bare, leafy)]
    assert not (seen[1] & ~seen[0]).any()
    assert seen[1].sum() < seen[0].sum()


HAL = "looks at a wall 0.2 m away"


@pytest.mark.parametrize(
    ("changes", "id_", "expected"),
    [
        # the hall is [10, 34] x [30, 54], 8 m high
        pytest.param({"x_m": X + 9.8, "y_m": Y + 40, "tilt_deg": 0.0}, "wall", HAL, id="wall"),
        pytest.param(
            # 0.2 m level along an axis 60 degrees down is 0.4 m along the axis
            {"x_m": X + 9.8, "y_m": Y + 40, "tilt_deg": 60.0}, "wall", "wall 0.4 m", id="slanting",
        ),
        # 6 mm: 3000 px, V = 2 atan(760 / 3000) = 28.4 degrees, so -10 still shows the ground
        pytest.param({"tilt_deg": -10.0, "type_id": "tele"}, "sky", "above the horizon", id="sky"),
        pytest.param({"azimuth_deg": 180.0, "y_m": Y}, "nothing", "no public ground", id="away"),
        pytest.param(
            {"x_m": X - 80.0, "azimuth_deg": 90.0, "tilt_deg": 5.0}, "class",
            "reaches .* nowhere: at most", id="too far",
        ),
    ],
)  # fmt: skip
def test_aims_that_cannot_be_meant(changes: dict[str, Any], id_: str, expected: str) -> None:
    types = {"bullet": bullet(), "tele": bullet("tele", focal_length_mm=12.0)}
    evaluator = evaluator_of(small_site(camera_types=types))
    values: dict[str, Any] = {"y_m": Y + 19.0} | changes
    odd = evaluator.existing(camera("odd", **values))
    fine = evaluator.existing(camera("fine", y_m=Y + 19.0))
    (problem,) = find_aim_problems(evaluator, [fine, odd])
    assert (problem.camera_id, problem.id) == ("odd", id_)
    assert expected.split(".*", maxsplit=1)[0] in problem.text.en
    assert "camera 'odd'" in problem.text.nl


def test_without_light_a_camera_without_infrared_is_blind_by_night() -> None:
    blind = bullet().model_copy(update={"ir_range_m": 0.0})
    evaluator = evaluator_of(small_site(lamp_posts=(), camera_types={"bullet": blind}))
    (problem,) = find_aim_problems(evaluator, [evaluator.existing(CAMERAS[0])])
    assert problem.id == "dark"


def test_a_camera_on_its_own_wall_looks_away_from_it() -> None:
    on_wall: Camera = camera("w", x_m=X + 34.0, y_m=Y + 40.0, azimuth_deg=90.0, tilt_deg=20.0)
    model = EVALUATOR.existing(on_wall).model
    assert wall_ahead_m(EVALUATOR.scene, model, within_m=1.0) is None
    turned = replace(model, azimuth_deg=270.0, tilt_deg=0.0)
    assert wall_ahead_m(EVALUATOR.scene, turned, within_m=1.0) == pytest.approx(0.0)
    assert wall_ahead_m(EVALUATOR.scene, replace(turned, tilt_deg=90.0), within_m=1.0) is None
    over = replace(turned, height_m=8.5)
    assert wall_ahead_m(EVALUATOR.scene, over, within_m=1.0) is None
    # from 8.5 m, 60 degrees down: the roof (8 m) is 0.5 / sin 60 = 0.577 m away
    down = replace(over, tilt_deg=60.0)
    assert wall_ahead_m(EVALUATOR.scene, down, within_m=1.0) == pytest.approx(0.57735, abs=1e-4)


def test_a_proposed_camera_is_never_called_like_one_of_the_park() -> None:
    # a park that took over the camera file of an earlier study is studied again
    here = replace(small_site(), cameras=(camera("n1"), camera("n3", y_m=Y + 19.0)))
    evaluator = evaluator_of(here)
    seen = evaluator.existing(camera("v", x_m=X + 50.0))
    mount = Mount("m", MountKind.MAST, Point(seen.model.x_m, seen.model.y_m), 6.0)
    view = View(mount, seen.camera_type, seen.model, np.zeros(0, dtype=np.int32))
    proposed = evaluator.proposed([view] * 3, evaluator.best([]))
    assert [(one.id, one.name, one.model.id) for one in proposed] == [
        ("n2", "N2", "n2"), ("n4", "N4", "n4"), ("n5", "N5", "n5"),
    ]  # fmt: skip
