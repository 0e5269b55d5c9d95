"""
Figures for the working group: how many alarms, how many false, and how fast they were answered.

Weeks and nights are those of the park's own clock; a night counts where the park's usual calendar
arms any of it, from noon to noon. Three times are kept apart, each from the release of the first
alert to a receiver: its machine took it, a person took it up, an outcome was said. p95 is the
nearest rank. Tests and troubles are no part of it.
"""

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from parkwacht_api.models import Delivery
from parkwacht_api.models_incidents import Incident
from parkwacht_api.release import WANTS_A_PERSON
from parkwacht_api.repository_incidents import cameras_of
from parkwacht_api.repository_statistics import causes_between, first_alerts, intrusions_between
from parkwacht_api.schemas_statistics import (
    CameraFalseOut,
    ReceiverTimesOut,
    StatisticsOut,
    TimesOut,
    WeekOut,
)
from parkwacht_config.schedule import armed_seconds
from parkwacht_config.site import Receiver, Site

P95 = 0.95
ONE_DAY = timedelta(days=1)


def compute_statistics(
    session: Session, site: Site, from_on: date, until_on: date
) -> StatisticsOut:
    """
    Compute the figures of the days from one date up to, not including, another.

    Parameters
    ----------
    session
        An open transaction.
    site
        The park.
    from_on, until_on
        Dates on the park's own clock.
    """
    zone = ZoneInfo(site.timezone)
    start, end = (datetime.combine(on, time(), zone) for on in (from_on, until_on))
    incidents = intrusions_between(session, start, end)
    causes = causes_between(session, start, end)
    nights = count_armed_nights(site, from_on, until_on)
    alerts = first_alerts(session, start, end, WANTS_A_PERSON)
    outcomes = {one.id: one.outcome_at for one in incidents if one.outcome_at}
    return StatisticsOut(
        from_on=from_on,
        until_on=until_on,
        n_nights=nights,
        weeks=_weeks(incidents, causes, zone),
        cameras=_cameras(session, site, incidents, nights),
        receivers=[_receiver(one, alerts, outcomes) for one in site.receivers],
    )


def count_armed_nights(site: Site, from_on: date, until_on: date) -> int:
    """Count the days from noon of which to the next noon the park's usual calendar arms."""
    zone, arming = ZoneInfo(site.timezone), site.armings[site.default_arming_id]
    n_nights, day = 0, from_on
    while day < until_on:
        noon = datetime.combine(day, time(12), zone)
        next_noon = datetime.combine(day + ONE_DAY, time(12), zone)
        n_nights += armed_seconds(arming, noon, next_noon, timezone=site.timezone) > 0
        day += ONE_DAY
    return n_nights


def _weeks(incidents: Sequence[Incident], causes: dict[UUID, str], zone: ZoneInfo) -> list[WeekOut]:
    weeks: dict[date, list[Incident]] = {}
    for one in incidents:
        on = one.opened_at.astimezone(zone).date()
        weeks.setdefault(on - timedelta(days=on.weekday()), []).append(one)
    shown = []
    for monday, gathered in sorted(weeks.items()):
        year, week, _ = monday.isocalendar()
        false = [one for one in gathered if one.review_state == "dismissed"]
        shown.append(
            WeekOut(
                week=f"{year}-W{week:02d}",
                starts_on=monday,
                n_incidents=len(gathered),
                n_events=sum(one.n_events for one in gathered),
                verdicts=dict(Counter(one.review_state for one in gathered)),
                causes=dict(Counter(causes.get(one.id, "other") for one in false)),
            )
        )
    return shown


def _cameras(
    session: Session, site: Site, incidents: Sequence[Incident], n_nights: int
) -> list[CameraFalseOut]:
    false = [one.id for one in incidents if one.review_state == "dismissed"]
    counts = Counter(
        camera_id for cameras in cameras_of(session, false).values() for camera_id in cameras
    )
    return [
        CameraFalseOut(
            camera_id=camera.id,
            name=camera.name,
            n_false=counts[camera.id],
            n_nights=n_nights,
            per_night=counts[camera.id] / n_nights if n_nights else None,
        )
        for camera in site.cameras
    ]


def _receiver(
    receiver: Receiver, alerts: Sequence[Delivery], outcomes: dict[UUID, datetime]
) -> ReceiverTimesOut:
    # One message may take several channels: it began with the first, the best answer counts.
    messages: dict[tuple[UUID | None, str, int], list[Delivery]] = {}
    for one in alerts:
        if one.receiver_id == receiver.id:
            key = (one.incident_id, one.kind, one.sequence)
            messages.setdefault(key, []).append(one)
    delivered, acknowledged, answered = [], [], []
    for (incident_id, _, _), tries in messages.items():
        released_at = min(one.created_at for one in tries)
        delivered += _first(released_at, (one.delivered_at for one in tries))
        acknowledged += _first(released_at, (one.acknowledged_at for one in tries))
        answered += _first(released_at, [outcomes.get(incident_id) if incident_id else None])
    return ReceiverTimesOut(
        receiver_id=receiver.id,
        name=receiver.name,
        n_alarms=len(messages),
        delivered=_times(delivered),
        acknowledged=_times(acknowledged),
        outcome=_times(answered),
    )


def _first(since: datetime, instants: Iterable[datetime | None]) -> list[float]:
    known = [one for one in instants if one is not None]
    return [max(0.0, (min(known) - since).total_seconds())] if known else []


def _times(waits_s: list[float]) -> TimesOut:
    if not waits_s:
        return TimesOut(n=0, median_s=None, p95_s=None)
    ranked = sorted(waits_s)
    nearest = ranked[math.ceil(P95 * len(ranked)) - 1]
    return TimesOut(n=len(ranked), median_s=statistics.median(ranked), p95_s=nearest)
