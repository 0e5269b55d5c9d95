"""
When zones are armed: a weekly calendar with holidays and exceptions, as instants.

Wall times belong to the site's time zone and become instants through zoneinfo, so that a night of
22:00-06:00 lasts seven hours when summer time begins and nine when it ends. Decisions:

* What holds on a day is decided by the day a span STARTS on: an exception for that date, else the
  holiday rule, else the weekday. A span over midnight runs to its end, also when the next day is a
  holiday or has an exception of its own: whoever goes home on Thursday has armed the night.
* `all_day` arms a holiday from midnight to midnight and keeps the weekday's own spans: the night
  that begins on the evening of a holiday is a night like any other.
* Holidays are the Dutch public ones of the library `holidays` (category "public"). Good Friday is
  among them, Liberation Day only in lustrum years (2025, 2030); a park that works on Good Friday
  writes an exception for it.
* A wall time that the clock skips (02:30 when summer time begins) is the instant of the jump; one
  that it shows twice begins a span the first time and ends one the second time.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

from parkwacht_config.site import Arming, Span

WHOLE_DAY = Span(start=time(0), end=time(0))
SUNDAY = 6
HORIZON_DAYS = 400  # an exception may be a year away; what never changes is "always" or "never"
ONE_DAY = timedelta(days=1)


def is_armed(arming: Arming, at: datetime, *, timezone: str) -> bool:
    """
    Whether a calendar arms at an instant.

    Parameters
    ----------
    arming
        The calendar.
    at
        An aware instant; a span holds from its start up to, not including, its end.
    timezone
        IANA name of the site's time zone.

    Returns
    -------
    armed
        True inside a span.

    Raises
    ------
    ValueError
        `at` is naive.
    """
    instant, zone = _to_utc(at), ZoneInfo(timezone)
    today = instant.astimezone(zone).date()
    return any(
        start <= instant < end
        for day in (today - ONE_DAY, today)
        for start, end in _intervals_on(arming, day, zone)
    )


def armed_seconds(arming: Arming, start: datetime, end: datetime, *, timezone: str) -> float:
    """
    Compute how long a calendar arms between two instants.

    Parameters
    ----------
    arming
        The calendar.
    start, end
        Aware instants; where `end` lies before `start` the answer is 0.
    timezone
        IANA name of the site's time zone.

    Returns
    -------
    armed_s
        Real seconds, overlapping spans counted once.

    Raises
    ------
    ValueError
        An instant is naive.
    """
    first, last = _to_utc(start), _to_utc(end)
    armed = timedelta(0)
    for begin, finish in _merged(arming, first, last, ZoneInfo(timezone)):
        if begin >= last:
            break
        armed += max(timedelta(0), min(finish, last) - max(begin, first))
    return armed.total_seconds()


def next_change(arming: Arming, at: datetime, *, timezone: str) -> datetime | None:
    """
    Find when a calendar next arms or disarms.

    Parameters
    ----------
    arming
        The calendar.
    at
        An aware instant.
    timezone
        IANA name of the site's time zone.

    Returns
    -------
    change_at
        The first instant after `at` at which `is_armed` is different, in UTC; None where that does
        not happen within 400 days.

    Raises
    ------
    ValueError
        `at` is naive.
    """
    instant = _to_utc(at)
    horizon = instant + timedelta(days=HORIZON_DAYS)
    for start, end in _merged(arming, instant, horizon, ZoneInfo(timezone)):
        if start > instant:
            return start if start <= horizon else None
        if end > instant:
            return end if end <= horizon else None
    return None


def spans_on(arming: Arming, day: date) -> tuple[Span, ...]:
    """
    Return the spans that start on a day.

    Parameters
    ----------
    arming
        The calendar.
    day
        A date in the site's time zone.

    Returns
    -------
    spans
        Of the exception for this date, else of the holiday rule, else of the weekday.
    """
    for exception in arming.exceptions:
        if exception.on == day:
            return exception.armed
    if arming.holidays != "as_weekday" and is_public_holiday(day):
        if arming.holidays == "as_sunday":
            return arming.weekly[SUNDAY]
        return (WHOLE_DAY, *arming.weekly[day.weekday()])
    return arming.weekly[day.weekday()]


def is_public_holiday(day: date) -> bool:
    """
    Whether a day is a Dutch public holiday.

    Parameters
    ----------
    day
        The date.

    Returns
    -------
    holiday
        As the library `holidays` says for the Netherlands, category "public".
    """
    return day in _public_holidays(day.year)


@lru_cache(maxsize=64)
def _public_holidays(year: int) -> frozenset[date]:
    """Return the public holidays of a year; the library takes milliseconds per year."""
    return frozenset(holidays.country_holidays("NL", years=year, expand=False))


def _to_utc(at: datetime) -> datetime:
    """Return an aware instant in UTC: comparing within one zone would ignore the clock change."""
    if at.tzinfo is None:
        message = f"{at} is naive; an instant needs its time zone"
        raise ValueError(message)
    return at.astimezone(UTC)


def _merged(
    arming: Arming, since: datetime, until: datetime, zone: ZoneInfo
) -> Iterator[tuple[datetime, datetime]]:
    """Yield the armed intervals between two instants in UTC, in order, touching ones joined."""
    day, last_day = since.astimezone(zone).date() - ONE_DAY, until.astimezone(zone).date() + ONE_DAY
    current: tuple[datetime, datetime] | None = None
    while day <= last_day:
        for start, end in _intervals_on(arming, day, zone):
            if current is None or start > current[1]:
                if current is not None:
                    yield current
                current = (start, end)
            else:
                current = (current[0], max(current[1], end))
        day += ONE_DAY
    if current is not None:
        yield current


def _intervals_on(arming: Arming, day: date, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    """Return the intervals that start on a day, in UTC, in order."""
    intervals = []
    for span in spans_on(arming, day):
        end_day = day + ONE_DAY if span.end <= span.start else day
        start = _instant(datetime.combine(day, span.start), zone, fold=0)
        end = _instant(datetime.combine(end_day, span.end), zone, fold=1)
        if start < end:
            intervals.append((start, end))
    return sorted(intervals)


def _instant(wall: datetime, zone: ZoneInfo, *, fold: int) -> datetime:
    """
    Return the instant at which a clock on the wall shows a time, in UTC.

    `fold` picks the first (0) or second (1) time where the clock shows it twice. A time that the
    clock skips is the instant of the jump.
    """
    local = wall.replace(tzinfo=zone, fold=fold)
    instant = local.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == wall:
        return instant
    # Skipped: read with the offset after the jump it lies before it, and the other way round.
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    after = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)
