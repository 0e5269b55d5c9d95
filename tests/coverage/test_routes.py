"""Routes: ways along the middle of the road, runs of unseen samples by hand."""

import numpy as np
import pytest
import shapely
from coverage_builders import X, Y, bullet, small_site
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString, box

from parkwacht_config.site import AreaKind, Gate, PublicArea, Route, Site
from parkwacht_coverage.camera import CameraModel
from parkwacht_coverage.density import find_edition
from parkwacht_coverage.evaluate import Condition, Evaluator
from parkwacht_coverage.plan import lay_grid
from parkwacht_coverage.privacy import Watcher
from parkwacht_coverage.routes import (
    derive_routes,
    longest_unseen,
    measure_routes,
    sample_routes,
)

ALONG = Route("r", "Hoofdweg", LineString([(X, Y + 24), (X + 100, Y + 24)]))


def evaluator(**changes: object) -> Evaluator:
    site = small_site(**({"buildings": (), "cameras": (), "lamp_posts": ()} | changes))
    ground = lay_grid(site, step_m=4.0, target_height_m=1.5)
    return Evaluator(site, ground, find_edition("2014").find(), light_margin=10.0)


def crossing() -> Site:
    """Return two roads of 8 m that cross, a gate at the end of each arm but the northern."""
    roads = (
        PublicArea("ew", AreaKind.CARRIAGEWAY, box(X, Y + 20, X + 100, Y + 28)),
        PublicArea("ns", AreaKind.CARRIAGEWAY, box(X + 46, Y, X + 54, Y + 60)),
    )
    ends = ((0, 20, 0, 28), (100, 20, 100, 28), (46, 0, 54, 0))
    gates = tuple(
        Gate(f"g{i}", f"Poort {i}", LineString([(X + a, Y + b), (X + c, Y + d)]))
        for i, (a, b, c, d) in enumerate(ends)
    )
    return small_site(public_areas=roads, gates=gates, buildings=(), cameras=())


def test_derived_routes_join_the_gates_along_the_middle() -> None:
    routes = derive_routes(crossing())
    assert [one.id for one in routes] == ["g0_g1", "g0_g2", "g1_g2"]
    lengths = [one.line.length for one in routes]
    # straight on 100 m; round the corner 50 + 24 m, cut a little
    assert lengths[0] == pytest.approx(100, abs=1.5)
    assert 68 < lengths[1] <= 75
    assert lengths[1] == pytest.approx(lengths[2], abs=1.5)
    straight = shapely.get_coordinates(routes[0].line)
    assert np.abs(straight[:, 1] - Y - 24).max() <= 1.5
    road = shapely.union_all([one.polygon for one in crossing().public_areas])
    assert all(road.buffer(0.1).contains(one.line) for one in routes)


def test_gates_that_no_road_joins_have_no_route() -> None:
    site = crossing()
    roads = (PublicArea("w", AreaKind.CARRIAGEWAY, box(X, Y + 20, X + 30, Y + 28)),)
    assert derive_routes(small_site(public_areas=roads, gates=site.gates)) == ()
    assert derive_routes(small_site()) == ()  # one gate only


def test_routes_of_the_file_go_before_derived_ones() -> None:
    (samples,) = sample_routes(evaluator(routes=(ALONG,)))
    assert samples.route is ALONG
    assert samples.step_m == pytest.approx(2.5)
    assert samples.points_m[:, 0] - X == pytest.approx(np.arange(40) * 2.5 + 1.25)
    assert (samples.points_m[:, 1:] == [Y + 24, 1.5]).all()


@pytest.mark.parametrize(
    ("max_unseen_m", "expected"),
    [
        pytest.param(60.0, 25, id="24 samples are 60 m, 25 are more"),
        pytest.param(59.9, 24, id="23 samples are 57.5 m, 24 are 60 m"),
        pytest.param(1.0, 1, id="less than a sample"),
    ],
)
def test_a_window_is_just_longer_than_the_longest_stretch(
    max_unseen_m: float, expected: int
) -> None:
    (samples,) = sample_routes(evaluator(routes=(ALONG,)))
    assert samples.n_window(max_unseen_m) == expected


@given(st.lists(st.booleans(), max_size=30), st.integers(1, 12))
def test_every_window_seen_means_no_longer_run(seen: list[bool], n_window: int) -> None:
    first, end = longest_unseen(np.array(seen, dtype=bool))
    assert not any(seen[first:end])
    windows = [seen[i : i + n_window] for i in range(len(seen) - n_window + 1)]
    assert all(any(window) for window in windows) == (end - first < n_window)


def test_the_unseen_stretch_is_what_the_camera_leaves() -> None:
    # 6 m high at the west end, looking east and level at the far plane: f = 2000 px reaches
    # 62.5 px/m at a depth of 32 m; the target at 1.5 m comes into the image from
    # 4.5 m / tan(tilt + V / 2) on, tilt 10 degrees and V = 2 atan(760 / 2000) = 41.6 degrees
    model = CameraModel("c", X, Y + 24, 6.0, 90.0, 10.0, 2000.0, 2688, 1520)
    near_m = 4.5 / np.tan(np.radians(10.0) + np.arctan(760 / 2000))
    far_m = (32.0 - 4.5 * np.sin(np.radians(10.0))) / np.cos(np.radians(10.0))
    park = evaluator(routes=(ALONG,))
    routes = sample_routes(park)
    (result,) = measure_routes(routes, park, [Watcher("c", (model,), bullet())])
    middles = np.arange(40) * 2.5 + 1.25
    expected = (middles >= near_m) & (middles <= far_m)
    assert result.seen_share[Condition.DAY] == pytest.approx(expected.mean())
    last = int(np.flatnonzero(expected)[-1])
    assert result.longest_unseen_m[Condition.DAY] == pytest.approx((39 - last) * 2.5)
    stretch = result.longest_unseen[Condition.DAY]
    assert stretch is not None
    assert stretch.coords[0][0] - X == pytest.approx((last + 1) * 2.5)
    # infrared of 40 m carries 28 m at night
    lit = expected & (np.hypot(middles, 4.5) <= 28.0)
    assert result.seen_share[Condition.NIGHT] == pytest.approx(lit.mean())


def test_without_cameras_all_of_a_route_is_unseen() -> None:
    park = evaluator(routes=(ALONG,))
    (result,) = measure_routes(sample_routes(park), park, [])
    assert result.longest_unseen_m[Condition.DAY] == pytest.approx(100.0)
