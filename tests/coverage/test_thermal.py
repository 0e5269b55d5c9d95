"""Thermal cameras by Johnson's criteria: ranges by hand, never for visible cameras."""

import numpy as np
import pytest
from coverage_builders import bullet

from parkwacht_config.errors import CoverageError
from parkwacht_config.loader import load_catalogue
from parkwacht_coverage.camera import CameraModel, focal_length_px
from parkwacht_coverage.light import is_lit_for
from parkwacht_coverage.thermal import (
    find_criterion,
    find_target,
    load_criteria,
    load_targets,
    thermal_ranks,
)


@pytest.mark.parametrize(
    ("type_id", "target_id", "expected_m"),
    [  # 9 mm / 12 um = 750 px, 25 mm / 12 um = 2083.33 px; over 2, 2.8, 8 and 12.8 px
        pytest.param(
            "thermal_384_9mm", "person", [281.25, 200.89, 70.31, 43.95], id="562.5 px m / pixels"
        ),
        pytest.param(
            "thermal_384_9mm", "vehicle", [862.5, 616.07, 215.625, 134.766], id="1725 px m / pixels"
        ),
        pytest.param(
            "thermal_640_25mm", "person", [781.25, 558.04, 195.31, 122.07], id="1562.5 px m / px"
        ),
        pytest.param(
            "thermal_640_25mm", "vehicle", [2395.83, 1711.31, 598.96, 374.35], id="4791.67 / px"
        ),
    ],
)
def test_ranges_of_the_catalogue_by_johnson(
    type_id: str, target_id: str, expected_m: list[float]
) -> None:
    f_px = focal_length_px(load_catalogue()[type_id])
    target = find_target(target_id)
    ranges = [one.range_m(f_px, target) for one in find_criterion().levels]
    assert ranges == pytest.approx(expected_m, abs=0.005)


def test_the_makers_alternative_reaches_farther() -> None:
    # 25 mm on 17 um pixels is 1470.6 px: 0.75 x 1470.6 / 1.5 and 2.3 x 1470.6 / 1.5
    level = find_criterion("vendor").find("thermal_detection")
    f_px = 25_000 / 17
    assert level.range_m(f_px, find_target("person")) == pytest.approx(735, abs=0.5)
    assert level.range_m(f_px, find_target("vehicle")) == pytest.approx(2255, abs=0.5)
    assert [one.min_px for one in find_criterion("vendor").levels] == [1.5, 6.0, 12.0]


def test_the_rank_steps_at_the_range_of_each_level() -> None:
    thermal = load_catalogue()["thermal_384_9mm"]
    model = CameraModel("t", 0.0, 0.0, 1.0, 90.0, 0.0, focal_length_px(thermal), 384, 288)
    depths = [281.26, 281.25, 200.8, 70.4, 70.3, 43.9, -10.0]
    points = np.array([[depth, 0.0, 1.0] for depth in depths])
    ranks = thermal_ranks(model, thermal, points, find_target("person"))
    assert ranks.tolist() == [0, 1, 2, 2, 3, 4, 0]


def test_what_is_outside_the_image_has_no_rank() -> None:
    # 384 px at 750 px: 14.36 degrees to each side, 2.56 m at 10 m
    thermal = load_catalogue()["thermal_384_9mm"]
    model = CameraModel("t", 0.0, 0.0, 1.0, 90.0, 0.0, focal_length_px(thermal), 384, 288)
    points = np.array([[10.0, side, 1.0] for side in (2.5, 2.6, -2.5, -2.6)])
    ranks = thermal_ranks(model, thermal, points, find_target("person"))
    assert ranks.tolist() == [4, 0, 4, 0]


def test_a_visible_camera_is_refused_by_name() -> None:
    model = CameraModel("c", 0.0, 0.0, 6.0, 0.0, 20.0, 2000.0, 2688, 1520)
    with pytest.raises(CoverageError, match="'bullet' is not thermal"):
        thermal_ranks(model, bullet(), np.zeros((1, 3)), find_target("person"))


@pytest.mark.parametrize("type_id", ["thermal_384_9mm", "thermal_640_25mm"])
def test_a_thermal_camera_of_the_catalogue_needs_no_light(type_id: str) -> None:
    dark, far = np.zeros(1), np.array([500.0])
    assert is_lit_for(load_catalogue()[type_id], dark, far).all()


def test_every_level_and_target_has_a_source_and_levels_ascend() -> None:
    for criterion in load_criteria().values():
        pixels = [one.min_px for one in criterion.levels]
        assert pixels == sorted(set(pixels))
        assert all(one.source and one.name.nl and one.name.en for one in criterion.levels)
    assert all(one.source for one in load_targets().values())


def test_unknown_names_are_named() -> None:
    with pytest.raises(CoverageError, match="'nato'"):
        find_criterion("nato")
    with pytest.raises(CoverageError, match="'cow'"):
        find_target("cow")
    with pytest.raises(CoverageError, match="'observe'"):
        find_criterion().find("observe")
