"""
Whether it is dark at a moment and place: the sun's elevation.

The low-accuracy formulas of the Astronomical Almanac (as in NOAA's solar calculator), good to about
0.01 degree of declination and half a minute of time: enough to sort incidents into day and night.
"""

import math
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

# Civil dusk: without lamps a scene is dark from here on.
CIVIL_TWILIGHT_DEG = -6.0


def sun_elevation_deg(at: datetime, *, latitude_deg: float, longitude_deg: float) -> float:
    """
    Compute how high the sun stands above the horizon, without refraction.

    Parameters
    ----------
    at
        The moment, aware of its time zone.
    latitude_deg, longitude_deg
        The place, north and east positive.

    Returns
    -------
    elevation_deg
        Below 0 when the sun is under the horizon.
    """
    epoch = datetime(2000, 1, 1, 12, tzinfo=UTC)
    days = (at.astimezone(UTC) - epoch).total_seconds() / 86_400
    anomaly = math.radians(357.528 + 0.9856003 * days)
    mean_longitude = 280.460 + 0.9856474 * days
    ecliptic = math.radians(
        mean_longitude + 1.915 * math.sin(anomaly) + 0.020 * math.sin(2 * anomaly)
    )
    obliquity = math.radians(23.439 - 4e-7 * days)
    declination = math.asin(math.sin(obliquity) * math.sin(ecliptic))
    ascension_deg = math.degrees(
        math.atan2(math.cos(obliquity) * math.sin(ecliptic), math.cos(ecliptic))
    )
    sidereal_deg = 280.46061837 + 360.98564736629 * days
    hour = math.radians((sidereal_deg + longitude_deg - ascension_deg) % 360)
    latitude = math.radians(latitude_deg)
    sine = math.sin(latitude) * math.sin(declination)
    sine += math.cos(latitude) * math.cos(declination) * math.cos(hour)
    return math.degrees(math.asin(max(-1.0, min(1.0, sine))))


def is_dark(
    on: date, at: time | None, *, timezone: str, latitude_deg: float, longitude_deg: float
) -> bool:
    """
    Return whether it is night: the sun lower than civil twilight; so is an unknown hour.

    Parameters
    ----------
    on, at
        Date and time of day at the place; None when the hour is unknown.
    timezone
        IANA name of the place's time zone.
    latitude_deg, longitude_deg
        The place.

    Returns
    -------
    is_dark
        True for an unknown hour: most of what happens unseen happens at night.
    """
    if at is None:
        return True
    moment = datetime.combine(on, at, ZoneInfo(timezone))
    height = sun_elevation_deg(moment, latitude_deg=latitude_deg, longitude_deg=longitude_deg)
    return height < CIVIL_TWILIGHT_DEG
