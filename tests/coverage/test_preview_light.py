"""Light and exposure of the preview, against the inverse square computed by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest
from coverage_builders import block, bullet
from preview_builders import PINHOLE, at, board, empty_land, floor, need_screen, shot_of
from shapely.geometry import Point

from parkwacht_config.site import LampPost, PrivacyMask, Tree
from parkwacht_coverage.camera import CameraModel
from parkwacht_coverage.light import IR_DERATING, LIGHT_MARGIN, illuminance_lux
from parkwacht_coverage.preview.exposure import develop, gain_of, signal_of
from parkwacht_coverage.preview.light import (
    infrared_lux,
    lamp_lux,
    sun_direction,
    sunshine,
    usable_lux,
)
from parkwacht_coverage.preview.picture import LightMode, LitBy, Shot, expose, night_signal
from parkwacht_coverage.preview.render import Part
from parkwacht_coverage.visibility import Scene

LEVEL = CameraModel("level", 0.0, 0.0, 6.0, 0.0, 0.0, 500.0, 640, 360)
WHITE = (200, 200, 200)


@pytest.fixture(scope="module", autouse=True)
def screen() -> None:
    need_screen()


def target(ahead_m: float, aside_m: float) -> Part:
    """Build a board of 2 x 2 m at camera height that faces a level camera looking north."""
    middle = np.array([aside_m, ahead_m, 6.0])
    return board(middle, np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0]), WHITE)


def value_at(shot: Shot, values: np.ndarray, point: tuple[float, float, float]) -> float:
    """Read a supersampled field at a point of the scene."""
    pixel = shot.model.project(np.array([point]))[0][0] * values.shape[0] / shot.model.height_px
    return float(values[int(pixel[1]), int(pixel[0])])


@pytest.mark.parametrize("ahead_m", [7.0, 14.0, 28.0, 56.0])
def test_infrared_falls_with_the_square_of_the_distance(ahead_m: float) -> None:
    """On the axis E = 10 x 0.1 lux x (0.7 x 40 m / r)^2: 16, 4, 1 and 0.25 lux."""
    shot = shot_of([target(ahead_m, 0.0)], LEVEL)
    lux = infrared_lux(shot.seen, LEVEL, bullet())
    golden = {7.0: 16.0, 14.0: 4.0, 28.0: 1.0, 56.0: 0.25}[ahead_m]
    assert value_at(shot, lux, (0.0, ahead_m, 6.0)) == pytest.approx(golden, rel=0.01)


def test_infrared_reaches_usable_light_just_at_the_derated_range() -> None:
    kind = bullet()
    reach = IR_DERATING * kind.ir_range_m
    shot = shot_of([target(reach, 0.0)], LEVEL)
    lux = value_at(shot, infrared_lux(shot.seen, LEVEL, kind), (0.0, reach, 6.0))
    assert lux == pytest.approx(LIGHT_MARGIN * kind.min_illuminance_lux, rel=0.01)


def test_infrared_is_half_at_the_edge_of_the_image() -> None:
    """At 15 m ahead and 9.6 m aside, atan(320 / 500) off the axis, a board sees half."""
    aside = 15.0 * 320 / 500 * 0.999
    wall = board(
        np.array([0.0, 15.0, 6.0]), np.array([20.0, 0.0, 0.0]), np.array([0, 0, 1.0]), WHITE
    )
    shot = shot_of([wall], LEVEL)
    lux = infrared_lux(shot.seen, LEVEL, bullet())
    square = 15.0**2 + aside**2
    by_hand = (28.0**2 / square) * 0.5 * (15.0 / math.sqrt(square))
    assert value_at(shot, lux, (aside, 15.0, 6.0)) == pytest.approx(by_hand, rel=0.02)


def test_a_type_without_infrared_gets_none() -> None:
    shot = shot_of([target(10.0, 0.0)], LEVEL)
    assert (
        infrared_lux(shot.seen, LEVEL, bullet().model_copy(update={"ir_range_m": 0.0})).max() == 0
    )


def test_a_lamp_lights_the_ground_as_in_the_study() -> None:
    """E = I cos^3 / h^2, and the same as `light.illuminance_lux`."""
    lamp = LampPost("l1", Point(*at(PINHOLE, 2.0, 16.0)), 5.0, 2000.0)
    shot = shot_of([floor()], PINHOLE, around=empty_land(lamps=(lamp,)))
    lux = lamp_lux(shot.seen, shot.around)
    for right, ahead in [(0.0, 12.0), (3.0, 18.0), (-6.0, 30.0)]:
        x, y = at(PINHOLE, right, ahead)
        away = math.hypot(x - lamp.point.x, y - lamp.point.y)
        by_hand = 2000.0 * (5.0 / math.hypot(away, 5.0)) ** 3 / 25.0
        in_study = illuminance_lux(np.array([[x, y]]), [lamp], Scene([]))
        assert in_study[0] == pytest.approx(by_hand)
        assert value_at(shot, lux, (x, y, 0.0)) == pytest.approx(by_hand, rel=0.03)


def test_a_building_keeps_a_lamp_s_light_from_the_ground_behind_it() -> None:
    lamp = LampPost("l1", Point(*at(PINHOLE, -8.0, 20.0)), 5.0, 2000.0)
    wall = block(*at(PINHOLE, -1.0, 20.0), 2.0, 6.0)
    around = empty_land(lamps=(lamp,), scene=Scene([wall]))
    shot = shot_of([floor()], PINHOLE, around=around)
    lux = lamp_lux(shot.seen, around)
    middle = wall.polygon.centroid
    beyond = np.array([middle.x, middle.y]) * 2.2 - 1.2 * np.array([lamp.point.x, lamp.point.y])
    seen = around.scene.is_visible(
        (lamp.point.x, lamp.point.y, 5.0), around.scene.targets(np.array([[*beyond, 0.0]]))
    )
    assert not seen[0]
    assert value_at(shot, lux, (*beyond, 0.0)) == 0.0
    assert value_at(shot, lux, (lamp.point.x + 1.0, lamp.point.y, 0.0)) > 50


def test_by_night_the_picture_darkens_with_distance() -> None:
    """Boards at 10 and 20 m, both 2 m off the axis: four times the light, and a darker picture."""
    kind = bullet().model_copy(update={"ir_range_m": 20.0})
    boards = [target(10.0, -2.0), target(20.0, 2.0)]
    shot = shot_of(boards, LEVEL, camera_type=kind)
    signal, is_infrared = night_signal(shot)
    assert is_infrared
    near, far = (shot.model.project(np.array([p]))[0][0] for p in ((-2, 10, 6), (2, 20, 6)))
    bright = float(signal[int(near[1]), int(near[0])].mean())
    dim = float(signal[int(far[1]), int(far[0])].mean())
    # (14 / r)^2 x 0.5 ** ((a / edge)^2) x cos a lux, with a the angle off the axis, and 0.02 of sky
    edge = math.atan(320 / 500)
    by_hand = []
    for ahead in (10.0, 20.0):
        off = math.atan2(2.0, ahead)
        lux = 14.0**2 / (ahead**2 + 4.0) * 0.5 ** ((off / edge) ** 2) * math.cos(off)
        by_hand.append(lux + 0.02)
    assert bright / dim == pytest.approx(by_hand[0] / by_hand[1], rel=0.02)
    grey = expose(shot, LightMode.NIGHT).rgb.astype(float)
    assert grey[int(near[1]), int(near[0])].mean() > 1.5 * grey[int(far[1]), int(far[0])].mean()


def test_infrared_makes_the_picture_grey_and_lamps_keep_it_coloured() -> None:
    lamp = LampPost("l1", Point(*at(PINHOLE, 0.0, 14.0)), 6.0, 9000.0)
    east, north, _ = 3.0 * np.eye(3)
    red = board(np.array([*at(PINHOLE, 0.0, 12.0), 0.02]), east, north, (190, 60, 40))
    dark = expose(shot_of([floor(), red], PINHOLE), LightMode.NIGHT)
    lit = expose(
        shot_of([floor(), red], PINHOLE, around=empty_land(lamps=(lamp,))), LightMode.NIGHT
    )
    assert dark.lit_by is LitBy.INFRARED
    assert (dark.rgb[..., 0] == dark.rgb[..., 2]).all()
    assert lit.lit_by is LitBy.LAMPS
    u, v = PINHOLE.project(np.array([[*at(PINHOLE, 0.0, 12.0), 0.02]]))[0][0]
    patch = lit.rgb[int(v) - 8 : int(v) + 8, int(u) - 8 : int(u) + 8].astype(float)
    assert patch[..., 0].mean() > 1.15 * patch[..., 2].mean()


def test_a_tree_and_a_building_throw_a_shadow_by_day() -> None:
    """Behind a building of 6 m the shadow is 6 / tan(36) = 8.26 m long, away from the sun."""
    wall = block(*at(PINHOLE, -1.0, 25.0), 3.0, 6.0)
    tree = Tree("t1", Point(*at(PINHOLE, -9.0, 22.0)), 8.0, 2.5, 3.0)
    around = empty_land(scene=Scene([wall]), trees=(tree,))
    shot = shot_of([floor()], PINHOLE, around=around)
    share = sunshine(shot.seen, around)
    sun = sun_direction()
    away = -sun[:2] / math.hypot(*sun[:2])
    middle = np.array([wall.polygon.centroid.x, wall.polygon.centroid.y])
    flat = math.sin(math.radians(36.0))
    assert value_at(shot, share, (*(middle + 7.0 * away), 0.0)) == 0.0
    assert value_at(shot, share, (*(middle + 13.0 * away), 0.0)) == pytest.approx(flat, abs=0.02)
    foot = np.array([tree.point.x, tree.point.y]) + away * 5.5 / math.tan(math.radians(36.0))
    assert value_at(shot, share, (*foot, 0.0)) == pytest.approx(0.15 * flat, abs=0.02)


def test_full_gain_is_never_exceeded_and_bright_scenes_are_turned_down() -> None:
    counted = np.ones((4, 4), dtype=np.bool_)
    dim, bright = np.full((4, 4, 3), 0.2, np.float32), np.full((4, 4, 3), 15.0, np.float32)
    assert gain_of(dim, counted) == 1.0
    assert gain_of(bright, counted) == pytest.approx(0.1)


def test_grey_in_usable_light_is_signal_one_and_noise_grows_in_the_dark() -> None:
    """Signal to noise 11.5 at signal 1 and 3 at a tenth: 1 / sqrt(0.02^2 + 0.0072), and so on."""
    one = signal_of(np.full((200, 200, 3), 0.25 * usable_lux(bullet()), np.float32), 1.0)
    assert one == pytest.approx(1.0)
    ratios = []
    for level in (1.0, 0.1):
        flat = np.full((200, 200, 3), level, np.float32)
        rgb = develop(flat, gain=1.0, seed=3, pixels_per_pixel=1.0, mono=True)
        middle = rgb[80:120, 80:120, 0].astype(float) / 255
        linear = -np.log(1 - middle**2.2)
        ratios.append(linear.mean() / linear.std())
    assert ratios[0] == pytest.approx(1 / math.sqrt(0.02**2 + 0.0072), rel=0.2)
    assert ratios[1] == pytest.approx(0.1 / math.sqrt(0.02**2 + 0.00072), rel=0.25)


@pytest.mark.parametrize("mode", LightMode)
def test_privacy_masks_are_black(mode: LightMode) -> None:
    polygon = ((100.0, 80.0), (300.0, 80.0), (300.0, 200.0), (100.0, 200.0))
    mask = PrivacyMask(id="m1", camera_id="level", polygon_px=polygon)
    big = replace(LEVEL, f_px=1000.0, width_px=1280, height_px=720)
    shot = replace(shot_of([floor()], LEVEL), pixels_per_pixel=2.0)
    rgb = expose(shot, mode, [mask]).rgb
    assert big.width_px == 2 * LEVEL.width_px
    assert (rgb[42:98, 52:148] == 0).all()  # the polygon in a picture half the camera's size
    assert rgb[110:140, 50:150].max() > 0
