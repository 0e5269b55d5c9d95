"""What crosses HTTP of figures for the working group: counts and times, no image and no person."""

from datetime import date

from pydantic import BaseModel


class WeekOut(BaseModel):
    """The intrusions of one week, by verdict, and the false ones by cause."""

    week: str  # ISO, such as 2026-W48, on the park's own clock
    starts_on: date
    n_incidents: int
    n_events: int
    verdicts: dict[str, int]
    causes: dict[str, int]


class CameraFalseOut(BaseModel):
    """How often a camera was wrong, per night in which the park was armed."""

    camera_id: str
    name: str
    n_false: int
    n_nights: int
    per_night: float | None


class TimesOut(BaseModel):
    """One of the three times, in seconds from the release to the receiver; None without any."""

    n: int
    median_s: float | None
    p95_s: float | None


class ReceiverTimesOut(BaseModel):
    """How fast a receiver's machine took alarms, a person took them up, and an outcome came."""

    receiver_id: str
    name: str
    n_alarms: int
    delivered: TimesOut
    acknowledged: TimesOut
    outcome: TimesOut


class StatisticsOut(BaseModel):
    """Figures over some weeks; `until_on` is not part of them any more."""

    from_on: date
    until_on: date
    n_nights: int
    weeks: list[WeekOut]
    cameras: list[CameraFalseOut]
    receivers: list[ReceiverTimesOut]
