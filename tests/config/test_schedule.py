"""Armed or not, in wall time of the park, through clock changes, holidays and exceptions."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkwacht_config.schedule import (
    armed_seconds,
    is_armed,
    is_public_holiday,
    next_change,
    spans_on,
)
from parkwacht_config.site import Arming, ArmingException, Span

AMSTERDAM = "Europe/Amsterdam"


def span(text: str) -> Span:
    start, end = text.replace("24:00", "00:00").split("-")
    return Span(start=time.fromisoformat(start), end=time.fromisoformat(end))


def arming(
    weekday: str | None = "19:00-06:30",
    weekend: str | None = "00:00-24:00",
    holidays: Literal["all_day", "as_weekday", "as_sunday"] = "all_day",
    exceptions: dict[str, list[str]] | None = None,
) -> Arming:
    week = [weekday] * 5 + [weekend] * 2
    return Arming(
        id="night",
        name="Nacht",
        weekly=tuple((span(text),) if text else () for text in week),
        holidays=holidays,
        exceptions=tuple(
            ArmingException(on=date.fromisoformat(on), armed=tuple(map(span, armed)))
            for on, armed in (exceptions or {}).items()
        ),
    )


def local(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(AMSTERDAM), fold=fold)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        # Week of Monday 9 November 2026: no holiday in it.
        pytest.param("2026-11-10T18:59:59", False, id="tuesday, a second before"),
        pytest.param("2026-11-10T19:00:00", True, id="tuesday, at the start"),
        pytest.param("2026-11-11T00:00:00", True, id="midnight belongs to tuesday's span"),
        pytest.param("2026-11-11T06:29:59", True, id="wednesday morning, last second"),
        pytest.param("2026-11-11T06:30:00", False, id="the end is not in the span"),
        pytest.param("2026-11-09T03:00:00", False, id="monday night: sunday ends at 24:00"),
        pytest.param("2026-11-14T03:00:00", True, id="saturday: friday's span and saturday's"),
        pytest.param("2026-11-14T12:00:00", True, id="saturday noon"),
        pytest.param("2026-11-15T23:59:59", True, id="sunday, last second"),
        # Holidays 2026: King's Day Monday 27 April, Good Friday 3 April, Christmas Friday 25 Dec.
        pytest.param("2026-04-27T12:00:00", True, id="king's day noon"),
        pytest.param("2026-04-28T03:00:00", True, id="the night after king's day"),
        pytest.param("2026-04-28T12:00:00", False, id="the day after king's day"),
        pytest.param("2025-04-26T12:00:00", True, id="king's day on a saturday (27 was sunday)"),
        pytest.param("2026-04-03T12:00:00", True, id="good friday is a holiday"),
        pytest.param("2026-01-01T12:00:00", True, id="new year's day"),
        pytest.param("2025-12-31T12:00:00", False, id="new year's eve is a wednesday"),
        pytest.param("2025-12-31T23:30:00", True, id="new year's eve, night"),
        pytest.param("2026-05-05T12:00:00", False, id="liberation day 2026: no lustrum"),
        pytest.param("2025-05-05T12:00:00", True, id="liberation day 2025: lustrum"),
        pytest.param("2026-12-25T12:00:00", True, id="christmas day"),
    ],
)
def test_the_night_calendar(at: str, expected: bool) -> None:
    assert is_armed(arming(), local(at), timezone=AMSTERDAM) is expected


@pytest.mark.parametrize(
    ("holidays", "at", "expected"),
    [
        # Ascension Day, Thursday 14 May 2026; the calendar arms 19:00-06:30, Sundays 08:00-10:00.
        pytest.param("all_day", "2026-05-14T09:00", True, id="all day"),
        pytest.param("all_day", "2026-05-15T03:00", True, id="the night after a holiday"),
        pytest.param("as_weekday", "2026-05-14T09:00", False, id="as weekday, morning"),
        pytest.param("as_weekday", "2026-05-14T20:00", True, id="as weekday, evening"),
        pytest.param("as_sunday", "2026-05-14T09:00", True, id="as sunday, in its span"),
        pytest.param("as_sunday", "2026-05-14T20:00", False, id="as sunday, outside it"),
        # Wednesday's span runs to its end on the holiday itself, whatever the rule.
        pytest.param("as_sunday", "2026-05-14T06:00", True, id="the night into a holiday"),
    ],
)
def test_holiday_rules(
    holidays: Literal["all_day", "as_weekday", "as_sunday"],
    at: str,
    expected: bool,
) -> None:
    calendar = arming(weekend="08:00-10:00", holidays=holidays)
    assert is_armed(calendar, local(at), timezone=AMSTERDAM) is expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        # Exceptions: Wed 11 Nov 2026 not armed at all; Good Friday 3 April 2026 as a working day.
        pytest.param("2026-11-11T06:00", True, id="tuesday's span runs into the exception"),
        pytest.param("2026-11-11T20:00", False, id="the exception's evening"),
        pytest.param("2026-11-12T03:00", False, id="the exception's night"),
        pytest.param("2026-11-12T19:00", True, id="the next evening"),
        pytest.param("2026-04-03T12:00", False, id="an exception goes before a holiday"),
        pytest.param("2026-04-03T19:00", True, id="good friday's evening"),
    ],
)
def test_exceptions(at: str, expected: bool) -> None:
    calendar = arming(exceptions={"2026-11-11": [], "2026-04-03": ["19:00-06:30"]})
    assert is_armed(calendar, local(at), timezone=AMSTERDAM) is expected


@pytest.mark.parametrize(
    ("weekday", "start", "end", "hours"),
    [
        # Saturday 28 to Sunday 29 March 2026: 02:00 jumps to 03:00, so eight hours less one.
        pytest.param("22:00-06:00", "2026-03-28T12:00", "2026-03-29T12:00", 7, id="spring"),
        # Saturday 24 to Sunday 25 October 2026: 03:00 falls back to 02:00, so eight plus one.
        pytest.param("22:00-06:00", "2026-10-24T12:00", "2026-10-25T12:00", 9, id="autumn"),
        pytest.param("22:00-06:00", "2026-11-10T12:00", "2026-11-11T12:00", 8, id="plain"),
        # A day on which the clock changes has 23 or 25 hours.
        pytest.param("00:00-24:00", "2026-03-29T00:00", "2026-03-30T00:00", 23, id="spring day"),
        pytest.param("00:00-24:00", "2026-10-25T00:00", "2026-10-26T00:00", 25, id="autumn day"),
        # 02:30 does not exist on 29 March: the span ends at the jump, 00:00-02:00 = 2 h;
        pytest.param("00:00-02:30", "2026-03-29T00:00", "2026-03-29T12:00", 2, id="skipped end"),
        # and starts at the jump: 03:00-04:00 summer time = 1 h.
        pytest.param("02:30-04:00", "2026-03-29T00:00", "2026-03-29T12:00", 1, id="skipped start"),
        # 02:30 comes twice on 25 October: from the first to the second 02:45 = 1 h 15.
        pytest.param("02:30-02:45", "2026-10-25T00:00", "2026-10-25T12:00", 1.25, id="twice"),
        pytest.param(None, "2026-11-09T00:00", "2026-11-16T00:00", 0, id="never"),
        pytest.param("22:00-06:00", "2026-11-11T12:00", "2026-11-10T12:00", 0, id="reversed"),
    ],
)
def test_how_long_it_is_armed(weekday: str | None, start: str, end: str, hours: float) -> None:
    calendar = arming(weekday=weekday, weekend=weekday, holidays="as_weekday")
    armed_s = armed_seconds(calendar, local(start), local(end), timezone=AMSTERDAM)
    assert armed_s == hours * 3600


def test_a_week_of_nights_and_a_weekend() -> None:
    # Five nights of 11.5 h, of which Friday's 6.5 h after midnight lie in Saturday's 24 h:
    # 4 x 11.5 + 5 + 24 + 24 = 99 h from Monday 00:00 to Monday 00:00; no Sunday night before it.
    armed_s = armed_seconds(
        arming(), local("2026-11-09T00:00"), local("2026-11-16T00:00"), timezone=AMSTERDAM
    )
    assert armed_s == 99 * 3600


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param("2026-11-10T12:00", "2026-11-10T18:00", id="arms at 19:00 CET"),
        pytest.param("2026-11-10T19:00", "2026-11-11T05:30", id="disarms at 06:30 CET"),
        pytest.param("2026-11-13T20:00", "2026-11-15T23:00", id="friday runs on to sunday 24:00"),
        pytest.param("2026-03-29T01:00", "2026-03-29T22:00", id="across the spring change"),
    ],
)
def test_next_change(at: str, expected: str) -> None:
    changed_at = next_change(arming(), local(at), timezone=AMSTERDAM)
    assert changed_at == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize("whole_week", ["00:00-24:00", None], ids=["always", "never"])
def test_a_calendar_without_changes(whole_week: str | None) -> None:
    calendar = arming(weekday=whole_week, weekend=whole_week, holidays="as_weekday")
    assert next_change(calendar, local("2026-11-10T12:00"), timezone=AMSTERDAM) is None


def test_an_exception_months_away_is_the_next_change() -> None:
    calendar = arming(
        weekday=None,
        weekend=None,
        holidays="as_weekday",
        exceptions={"2027-06-12": ["10:00-11:00"]},
    )
    changed_at = next_change(calendar, local("2026-11-10T12:00"), timezone=AMSTERDAM)
    assert changed_at == local("2027-06-12T10:00")


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        # Algemene termijnenwet and the library's "public" category; Easter 2026 is 5 April.
        pytest.param("2026-01-01", True, id="new year's day"),
        pytest.param("2026-04-03", True, id="good friday"),
        pytest.param("2026-04-06", True, id="easter monday"),
        pytest.param("2026-04-27", True, id="king's day"),
        pytest.param("2025-04-26", True, id="king's day moved"),
        pytest.param("2025-04-27", False, id="27 april on a sunday"),
        pytest.param("2026-05-14", True, id="ascension day"),
        pytest.param("2026-05-25", True, id="whit monday"),
        pytest.param("2026-12-26", True, id="second christmas day"),
        pytest.param("2026-12-31", False, id="new year's eve"),
    ],
)
def test_public_holidays(day: str, expected: bool) -> None:
    assert is_public_holiday(date.fromisoformat(day)) is expected


def test_what_starts_on_a_day() -> None:
    calendar = arming(exceptions={"2026-12-24": ["15:00-06:30"]})
    assert spans_on(calendar, date(2026, 12, 24)) == (span("15:00-06:30"),)
    assert spans_on(calendar, date(2026, 12, 25)) == (
        span("00:00-24:00"),
        span("19:00-06:30"),
    )
    assert spans_on(calendar, date(2026, 12, 23)) == (span("19:00-06:30"),)


@pytest.mark.parametrize("question", [is_armed, next_change])
def test_a_naive_instant_is_refused(question: object) -> None:
    naive = datetime(2026, 11, 10, 12)  # noqa: DTZ001
    with pytest.raises(ValueError, match="naive"):
        question(arming(), naive, timezone=AMSTERDAM)  # type: ignore[operator]


def test_the_zone_of_the_question_does_not_matter() -> None:
    # 23:30 in New York is 05:30 in Amsterdam in November: still the night of Tuesday.
    at = datetime(2026, 11, 10, 23, 30, tzinfo=ZoneInfo("America/New_York"))
    assert is_armed(arming(), at, timezone=AMSTERDAM)
    assert not is_armed(arming(), at + timedelta(hours=1), timezone=AMSTERDAM)


INSTANTS = st.datetimes(
    min_value=datetime.fromisoformat("2025-01-01"),
    max_value=datetime.fromisoformat("2028-01-01"),
    timezones=st.just(UTC),
)


@given(at=INSTANTS)
def test_the_next_change_is_a_change(at: datetime) -> None:
    calendar = arming(exceptions={"2026-12-24": ["15:00-06:30"], "2027-03-26": []})
    changed_at = next_change(calendar, at, timezone=AMSTERDAM)
    assert changed_at is not None
    now = is_armed(calendar, at, timezone=AMSTERDAM)
    just_before = changed_at - timedelta(microseconds=1)
    assert is_armed(calendar, max(at, just_before), timezone=AMSTERDAM) is now
    assert is_armed(calendar, changed_at, timezone=AMSTERDAM) is not now


@given(at=INSTANTS, first_s=st.integers(0, 10**6), second_s=st.integers(0, 10**6))
def test_armed_time_adds_up(at: datetime, first_s: int, second_s: int) -> None:
    calendar = arming()
    middle = at + timedelta(seconds=first_s)
    end = middle + timedelta(seconds=second_s)
    whole = armed_seconds(calendar, at, end, timezone=AMSTERDAM)
    parts = armed_seconds(calendar, at, middle, timezone=AMSTERDAM)
    parts += armed_seconds(calendar, middle, end, timezone=AMSTERDAM)
    assert whole == pytest.approx(parts, abs=1e-6)
    assert 0 <= whole <= first_s + second_s
