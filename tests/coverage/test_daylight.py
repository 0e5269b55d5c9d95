from datetime import UTC, date, datetime, time

import pytest

from parkwacht_coverage.daylight import is_dark, sun_elevation_deg

ENSCHEDE = {"latitude_deg": 52.22, "longitude_deg": 6.89}


@pytest.mark.parametrize(
    ("at", "place", "expected_deg"),
    [
        # At solar noon on the equator at the equinox the sun is overhead: 2026-03-20, equation of
        # time -7.4 min, so 12:07:26 UT at longitude 0; declination 0 within 0.1 (equinox 14:46).
        (datetime(2026, 3, 20, 12, 7, 26, tzinfo=UTC), (0.0, 0.0), 90.0),
        # Summer solstice 2026 (21 June 08:24 UT), declination 23.44: noon at 52.22 N, 6.89 E is
        # 12:00 - 27.56 min + 1.9 min UT; elevation 90 - 52.22 + 23.44 = 61.22.
        (datetime(2026, 6, 21, 11, 34, 20, tzinfo=UTC), (52.22, 6.89), 61.22),
        # Winter solstice (21 December 20:50 UT): 90 - 52.22 - 23.44 = 14.34.
        (datetime(2026, 12, 21, 11, 30, 30, tzinfo=UTC), (52.22, 6.89), 14.34),
    ],
    ids=["equinox", "midsummer", "midwinter"],
)
def test_the_sun_stands_where_the_almanac_says(
    at: datetime, place: tuple[float, float], expected_deg: float
) -> None:
    height = sun_elevation_deg(at, latitude_deg=place[0], longitude_deg=place[1])
    assert height == pytest.approx(expected_deg, abs=0.15)


@pytest.mark.parametrize(
    ("on", "at", "dark"),
    [
        (date(2026, 11, 23), time(2, 13), True),
        (date(2026, 11, 23), time(14, 0), False),
        # KNMI: sunset in Twente on 23 November about 16:31, civil dusk about 17:08.
        (date(2026, 11, 23), time(16, 50), False),
        (date(2026, 11, 23), time(17, 30), True),
        (date(2026, 6, 21), time(22, 15), False),  # sunset 21:57, civil dusk 22:43
        (date(2026, 6, 21), None, True),
    ],
)
def test_night_begins_at_civil_dusk(on: date, at: time | None, dark: bool) -> None:
    assert is_dark(on, at, timezone="Europe/Amsterdam", **ENSCHEDE) is dark
