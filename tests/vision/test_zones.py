from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest
from shapely.geometry import Point, box

from parkwacht_config.site import Line, ObjectClass, Site, Zone
from parkwacht_vision.zones import (
    Calendar,
    View,
    WatchedZone,
    camera_model,
    projected_px,
    watched_lines,
    watched_zones,
)


def zone_of(site: Site, view: View) -> WatchedZone:
    return watched_zones(site, site.camera("cam_a"), view)[0]


@pytest.mark.parametrize(
    ("xyxy", "expected"),
    [
        # left half of a 640 x 360 substream of a 2560 x 1440 camera: x <= 320
        ((100, 100, 140, 200), True),
        ((300, 100, 340, 200), True),  # the anchor, x = 320, lies on the border
        ((300, 100, 342, 200), False),
        ((0, 0, 700, 350), False),  # larger than the zone: its anchor, x = 350, is outside
        ((-400, -50, 800, 365), True),  # x = 200, its foot cut off by the lower edge
    ],
    ids=["inside", "border", "outside", "larger than the zone", "cut off"],
)
def test_a_zone_in_pixels_is_scaled_to_the_picture(
    xyxy: tuple[float, float, float, float],
    expected: bool,
    make_site: Callable[..., Site],
    zone_px: Zone,
) -> None:
    site = make_site(zones=(zone_px,))
    view = View.of(None, 640, 360)
    zone = zone_of(site, view)
    assert zone.contains(xyxy, view) is expected
    assert zone.classes == {ObjectClass.PERSON}


def test_a_zone_in_metres_is_met_by_its_ground(
    make_site: Callable[..., Site], zone_m: Zone
) -> None:
    site = make_site(zones=(zone_m,))
    view = View.of(camera_model(site, site.cameras[0]), 1280, 720)
    zone = zone_of(site, view)
    # tilt 15 deg, f = 1000 px at this size: the middle column at row 500 sees tan(15 + 8.0) deg
    assert zone.contains((600, 400, 680, 500), view)  # 6 / tan(23.0) = 14 m ahead
    assert not zone.contains((600, 40, 680, 110), view)  # near the horizon, 300 m away
    assert not zone.contains((600, 0, 680, 40), view)  # above it


def test_the_most_severe_zone_comes_first_and_an_unknown_camera_watches_all(
    make_site: Callable[..., Site], zone_m: Zone, zone_px: Zone
) -> None:
    site = make_site(zones=(zone_px, zone_m))
    view = View.of(None, 640, 360)
    assert [one.id for one in watched_zones(site, site.cameras[0], view)] == ["yard", "left"]
    (whole,) = watched_zones(site, None, view)
    assert whole.id == "hele_beeld"
    assert whole.contains((-5, -5, 9000, 9000), view)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-11-24T02:13:00+01:00", True),
        ("2026-11-23T14:00:00+01:00", False),
        ("2026-11-23T18:59:59+01:00", False),
        ("2026-11-23T19:00:00+01:00", True),
    ],
)
def test_the_calendar_is_asked_for_the_instant(
    at: str,
    expected: bool,
    make_site: Callable[..., Site],
) -> None:
    site = make_site()
    zone = zone_of_unknown(site)
    calendar = Calendar(site.timezone)
    assert calendar.is_armed(zone, datetime.fromisoformat("2026-11-22T12:00:00+01:00"))
    assert calendar.is_armed(zone, datetime.fromisoformat(at)) is expected


def zone_of_unknown(site: Site) -> WatchedZone:
    return watched_zones(site, None, View.of(None, 640, 360))[0]


@pytest.mark.parametrize(
    ("line_px", "point", "expected"),
    [
        # Up the picture: left is where x is smaller. At 640 x 360 the line lies at x = 320.
        (((1280, 1440), (1280, 0)), (310, 100), 10),
        (((1280, 1440), (1280, 0)), (330, 100), -10),
        (((1280, 0), (1280, 1440)), (330, 100), 10),
        # A corner at (320, 180), to the right and then down the picture: outside it is left
        (((640, 720), (1280, 720), (1280, 1440)), (323, 176), 5),  # 3 and 4 away
        (((640, 720), (1280, 720), (1280, 1440)), (310, 200), -10),
    ],
)
def test_left_of_a_line_is_as_the_picture_shows_it(
    line_px: tuple[tuple[float, float], ...],
    point: tuple[float, float],
    expected: float,
    make_site: Callable[..., Site],
) -> None:
    line = Line(id="l", name="L", arming_id="night", camera_id="cam_a", line_px=line_px)
    site = replace(make_site(), lines=(line,))
    (seen,) = watched_lines(site, site.camera("cam_a"), View.of(None, 640, 360))
    assert seen.distance_left(point) == pytest.approx(expected)
    assert watched_lines(site, None, View.of(None, 640, 360)) == ()


def test_left_of_a_line_on_the_map_is_west_of_one_that_runs_north(
    make_site: Callable[..., Site],
) -> None:
    line = Line(id="l", name="L", arming_id="night", line_m=((1000, 2010), (1000, 2060)))
    site = replace(make_site(), lines=(line,))
    view = View.of(camera_model(site, site.cameras[0]), 1280, 720)
    (seen,) = watched_lines(site, site.cameras[0], view)
    assert seen.distance_left((997.0, 2020.0)) == pytest.approx(3)
    assert seen.distance_left((1004.0, 2020.0)) == pytest.approx(-4)
    # the camera stands on the line and looks along it: its middle column is the line
    assert seen.foot((600, 400, 680, 500), view) == pytest.approx((1000.0, 2014.1), abs=0.1)
    assert seen.foot((600, 0, 680, 40), view) is None


def test_a_zone_on_the_map_is_outlined_in_the_picture(
    make_site: Callable[..., Site], zone_m: Zone
) -> None:
    site = make_site(zones=(zone_m,))
    view = View.of(camera_model(site, site.cameras[0]), 1280, 720)
    outline = projected_px(zone_of(site, view), view)
    assert outline is not None
    # f = 1000 px, tilt 15: 60 m ahead is at 360 + 1000 tan(atan(6 / 60) - 15 deg) = 196.4; 5 m
    # ahead lies below the picture, and 60 m wide fills it from left to right.
    assert outline.bounds == pytest.approx((0, 196.4, 1280, 720), abs=0.5)
    # By independent means: who stands in the outline stands in the zone, and the other way round.
    for x in range(20, 1280, 155):
        for y in range(20, 720, 50):
            inside = zone_of(site, view).contains((x - 5, y - 10, x + 5, y), view)
            assert outline.covers(Point(x, y)) is inside, (x, y)


def test_what_has_no_place_in_the_picture_has_no_outline(
    make_site: Callable[..., Site], zone_m: Zone, zone_px: Zone
) -> None:
    behind = zone_m.model_copy(
        update={"polygon_m": ((990.0, 1900.0), (1010.0, 1900.0), (1010.0, 1950.0))}
    )
    site = make_site(zones=(behind,))
    view = View.of(camera_model(site, site.cameras[0]), 1280, 720)
    assert projected_px(zone_of(site, view), view) is None
    # where no calibration holds, anywhere may be in the zone
    uncalibrated = View.of(None, 1280, 720)
    assert projected_px(zone_of(site, view), uncalibrated) == box(0, 0, 1280, 720)
    assert zone_of(site, view).contains((600, 0, 680, 40), uncalibrated)
    (left,) = watched_zones(make_site(zones=(zone_px,)), site.cameras[0], view)
    half = projected_px(left, view)
    assert half is not None
    assert half.bounds == (0, 0, 640, 720)
