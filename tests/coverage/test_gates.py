"""Gates: lanes and overviews by hand, aims of plate cameras."""

import math
from dataclasses import replace

import numpy as np
import pytest
from coverage_builders import X, Y, block, bullet, small_site
from shapely.geometry import LineString, Point

from parkwacht_config.site import CameraType, Gate, Mount, MountKind, Site
from parkwacht_coverage.camera import CameraModel
from parkwacht_coverage.density import find_edition
from parkwacht_coverage.evaluate import Condition, Evaluator
from parkwacht_coverage.gates import (
    lanes_read,
    measure_gates,
    plate_views,
    sample_gates,
    sees_overview,
)
from parkwacht_coverage.plan import lay_grid
from parkwacht_coverage.privacy import Watcher

ANPR = CameraType(
    id="anpr",
    name="2 MP 8-32 mm",
    width_px=1920,
    height_px=1080,
    pitch_um=2.9,
    focal_length_mm=8.0,
    focal_length_max_mm=32.0,
    ir_range_m=50.0,
    min_illuminance_lux=0.05,
    is_anpr=True,
    price_eur=1150.0,
)


def evaluator(**changes: object) -> Evaluator:
    types = {"bullet": bullet(), "anpr": ANPR}
    site = small_site(**({"camera_types": types, "lamp_posts": (), "cameras": ()} | changes))
    ground = lay_grid(site, step_m=4.0, target_height_m=1.5)
    return Evaluator(site, ground, find_edition("2014").find(), light_margin=10.0)


def aimed(x_m: float, y_m: float, *, f_px: float, height_m: float = 4.0) -> CameraModel:
    """Look at the middle of the gate, 24 m up the west side of the small park."""
    east, north = X - x_m, Y + 24 - y_m
    level = math.hypot(east, north)
    return CameraModel(
        id="c",
        x_m=x_m,
        y_m=y_m,
        height_m=height_m,
        azimuth_deg=math.degrees(math.atan2(east, north)) % 360,
        tilt_deg=math.degrees(math.atan2(height_m - 0.5, level)),
        f_px=f_px,
        width_px=1920,
        height_px=1080,
    )


def test_a_gate_of_8_m_has_two_lanes_and_is_driven_through_eastward() -> None:
    (gate,) = sample_gates(evaluator())
    assert gate.n_lanes == 2
    assert gate.travel_deg == pytest.approx(90.0)  # the park lies east of the line
    # lanes of 4 m from y = 20: middles at 22 and 26, places 0.6 m to both sides
    assert np.allclose(gate.plates_m[:, 0, :, 1] - Y, [[21.4, 22, 22.6], [25.4, 26, 26.6]])
    assert (gate.plates_m[..., 2] == 0.5).all()
    assert gate.plates_m[0, :, 1, 0] - X == pytest.approx([0, 4, 8, 12])


@pytest.mark.parametrize(
    ("x_m", "f_px", "expected"),
    [
        # at the distance z the plate is 0.52 f / z wide and 0.11 f / z high (times the cosine):
        # from 16 m and f = 5000 px it is 162 px and 34 px, and the image spans 6.1 m
        pytest.param(X + 16, 5000.0, True, id="in reach"),
        # f = 3000 px: 98 px
        pytest.param(X + 16, 3000.0, False, id="too coarse"),
        # f = 11034 px at 16 m: the image spans 2.8 m and holds no lane
        pytest.param(X + 16, 11034.0, False, id="too narrow"),
        # 4 m high at 3 m: 49 degrees down to the plate, and the inner places lie behind it
        pytest.param(X + 3, 1000.0, False, id="too steep"),
    ],
)
def test_a_plate_is_read_where_it_is_large_and_square_enough(
    x_m: float, f_px: float, expected: bool
) -> None:
    park = evaluator()
    (gate,) = sample_gates(park)
    read = lanes_read(aimed(x_m, Y + 24, f_px=f_px), ANPR, gate, park)
    assert read[Condition.DAY].tolist() == [expected, expected]


def test_by_night_a_plate_needs_light_or_infrared() -> None:
    park = evaluator()
    (gate,) = sample_gates(park)
    model = aimed(X + 16, Y + 24, f_px=5000.0)
    assert lanes_read(model, ANPR, gate, park)[Condition.NIGHT].all()
    dark = ANPR.model_copy(update={"ir_range_m": 0.0})
    assert not lanes_read(model, dark, gate, park)[Condition.NIGHT].any()
    assert lanes_read(model, dark, gate, park)[Condition.DAY].all()


def test_a_wall_hides_the_lane_behind_it() -> None:
    # up to 25 m north; the line to the nearer lane's last place is at 24.9 m where the wall ends
    park = evaluator(buildings=(block(X + 12, Y + 21, 4.0, 6.0),))
    (gate,) = sample_gates(park)
    read = lanes_read(aimed(X + 17, Y + 25.8, f_px=5000.0), ANPR, gate, park)
    assert read[Condition.DAY].tolist() == [False, True]


@pytest.mark.parametrize(
    ("f_px", "expected"),
    [
        # 62.5 px/m at 20 m needs f = 1250 px; 8 m of line needs f < 1920 * 20 / 8 = 4800
        pytest.param(1400.0, True, id="all of the line"),
        pytest.param(1100.0, False, id="too coarse"),
        pytest.param(6000.0, False, id="too narrow"),
    ],
)
def test_an_overview_shows_the_whole_line(f_px: float, expected: bool) -> None:
    park = evaluator()
    (gate,) = sample_gates(park)
    model = aimed(X + 20, Y + 24, f_px=f_px)
    assert sees_overview(model, bullet(), gate, park)[Condition.DAY] is expected


def test_two_cameras_share_the_lanes() -> None:
    park = evaluator()
    one = replace(aimed(X + 16, Y + 22, f_px=10_000.0), azimuth_deg=270.0)
    other = replace(one, id="d", y_m=Y + 26)
    both = [Watcher(m.id, (m,), ANPR) for m in (one, other)]
    (result,) = measure_gates(park.site, park, both)
    assert result.plate_ids[Condition.DAY] == ("c", "d")
    (half,) = measure_gates(park.site, park, both[:1])
    assert half.plate_ids[Condition.DAY] == ()


def anpr_site() -> Site:
    mounts = (
        Mount("near", MountKind.MAST, Point(X + 20, Y + 19), 4.0),
        Mount("far", MountKind.MAST, Point(X + 90, Y + 19), 4.0),
        Mount("wall", MountKind.FACADE, Point(X + 20, Y + 29), 4.0, 90.0),  # looks away
    )
    return evaluator(mounts=mounts, buildings=()).site


def test_plate_cameras_are_aimed_from_mounts_nearby_that_are_open_to_the_gate() -> None:
    park = evaluator(mounts=anpr_site().mounts, buildings=())
    gates = sample_gates(park)
    views = plate_views(gates, park, park.site.mounts)
    assert {view.mount.id for view in views} == {"near"}
    read = [lanes_read(one.model, ANPR, gates[0], park)[Condition.DAY] for one in views]
    assert np.any(read, axis=0).all()
    longest = 32.0 * 1000 / 2.9
    assert all(8.0 * 1000 / 2.9 - 1e-6 <= one.model.f_px <= longest + 1e-6 for one in views)


def test_a_park_without_gates_has_no_results() -> None:
    park = evaluator(gates=())
    assert measure_gates(park.site, park, []) == []


def test_a_gate_drawn_the_other_way_is_the_same_gate() -> None:
    line = LineString([(X, Y + 28), (X, Y + 20)])
    (gate,) = sample_gates(evaluator(gates=(Gate("g", "Poort", line),)))
    assert gate.travel_deg == pytest.approx(90.0)
