from collections.abc import Callable
from datetime import datetime

import pytest

from parkwacht_config.site import ObjectClass, Site, Zone
from parkwacht_vision.zones import Calendar, View, WatchedZone, camera_model, watched_zones


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
