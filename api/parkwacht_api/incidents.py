"""
From event to incident: what belongs together, who is told of what is new, and when it is over.

The first event is told at once. A later one is told where it is news: another camera, a new class,
a higher severity, a return after it was over, or ten minutes of silence; else it is merged and
counted. Whatever changes an incident takes its turn first (`take_turn`), then locks rows, so that
two workers never open two incidents for one thing.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy.orm import Session

from parkwacht_api import database
from parkwacht_api.counters import next_number
from parkwacht_api.models import Event
from parkwacht_api.models_incidents import Incident, IncidentEntry
from parkwacht_api.release import (
    CANCELLED,
    FLAGGED,
    OVER,
    RANK,
    UPDATED,
    News,
    receivers_at,
    tell,
    wants,
)
from parkwacht_api.repository_incidents import (
    classes_beside,
    has_incidents_without_sign,
    incident_to_join,
    incidents_without_sign,
    is_told_of,
    last_event_of,
    last_words,
    seen_in,
)
from parkwacht_api.state import AppState
from parkwacht_config.site import Receiver, Release

# Any number will do, as long as nothing else of ours locks the same one.
TURN = 0x50574943
REMIND_AFTER = timedelta(minutes=10)
LONGEST_EVENT = timedelta(hours=1)  # whose end never came: its worker is gone
MACHINE_LEVEL = 1  # AVS-01: no machine says more (design/forwarding.md, section 9)


def take_turn(session: Session) -> None:
    """Wait until nobody else changes incidents, up to the end of the transaction."""
    database.take_turn(session, TURN)


def add_entry(
    session: Session,
    incident: Incident,
    what: str,
    *,
    at: datetime,
    person: str = "",
    text: str = "",
    **details: Any,  # noqa: ANN401  # what else is known of it, as JSON
) -> None:
    """Write a line in the duty log of an incident; without a person it is the service's own."""
    session.add(
        IncidentEntry(
            incident_id=incident.id, at=at, what=what, person=person, text=text, details=details
        )
    )


def open_incident(
    session: Session, incident: Incident, *, at: datetime, place: tuple[float, float] | None = None
) -> Incident:
    """
    Give a new incident its number and its first line, and add it.

    Parameters
    ----------
    session
        A writing transaction that has the turn.
    incident
        With site, kind, subject, cause, severity and `opened_at`; the rest is filled in.
    at
        The present instant.
    place
        Where it is, EPSG:28992 in metres.
    """
    incident.id, incident.number = uuid4(), next_number(session)
    incident.state, incident.review_state = "open", "unreviewed"
    incident.received_at, incident.last_at, incident.heard_at = at, incident.opened_at, at
    incident.x_m, incident.y_m = place or (None, None)
    incident.n_events = incident.n_merged = incident.n_updates = incident.version = 0
    session.add(incident)
    session.flush()  # before the rows that name it
    add_entry(session, incident, "opened", at=at, cause=incident.cause, severity=incident.severity)
    return incident


def spread(
    session: Session,
    news: News,
    receivers: Sequence[Receiver],
    *,
    at: datetime,
    state: AppState,
) -> bool:
    """
    Tell some receivers of a change, as the next of the incident's updates; False: nobody to tell.

    Parameters
    ----------
    session
        A writing transaction that has the turn.
    news
        What is told; its sequence is set here.
    receivers
        Who is told.
    at
        The present instant.
    state
        Gives the park and the settings.
    """
    if not receivers:
        return False
    incident = news.incident
    incident.n_updates += 1
    numbered = replace(news, sequence=incident.n_updates)
    tell(session, numbered, receivers, at=at, state=state)
    return True


def told_receivers(session: Session, incident: Incident, state: AppState) -> list[Receiver]:
    """Return who was told of an incident and not told since that it was nothing."""
    words = last_words(session, incident)
    return [
        one for one in state.site.receivers if one.id in words and words[one.id].kind != CANCELLED
    ]


def _place(event: Event) -> tuple[float, float] | None:
    position = event.record.get("position")
    return (position["x_m"], position["y_m"]) if position else None


def gather(session: Session, event: Event, *, at: datetime, state: AppState) -> Incident:
    """
    Put a new event into its incident, the one that is or a new one, and tell who must know.

    Parameters
    ----------
    session
        The event's own transaction; the event is in it.
    event
        What happened.
    at
        The present instant.
    state
        Gives the park, its receivers and the settings.
    """
    take_turn(session)
    alarms, place = state.site.alarms, _place(event)
    within = (alarms.merge_within_s, alarms.merge_within_m)
    incident = incident_to_join(session, event, place, within)
    news = "" if incident is None else _news_of(session, incident, event, at)
    if incident is None:
        incident = Incident(
            site_id=event.site_id,
            kind="intrusion",
            subject=event.zone_id,
            cause=event.record.get("kind", "intrusion"),
            severity=event.severity,
            avs_level=MACHINE_LEVEL,
            opened_at=event.started_at,
        )
        open_incident(session, incident, at=at, place=place)
    _join(session, incident, event, at=at, place=place)
    _tell_of(session, incident, event, news, at=at, state=state)
    return incident


def _news_of(session: Session, incident: Incident, event: Event, at: datetime) -> str:
    cameras, classes = seen_in(session, incident)
    words = last_words(session, incident).values()
    last_told = max((word.created_at for word in words), default=at)
    reasons = {
        "severity": RANK[event.severity] > RANK[incident.severity],
        "camera": event.camera_id not in cameras,
        "class": event.object_class not in classes,
        "return": incident.state == "over",
        "goes_on": at - last_told >= REMIND_AFTER,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _join(
    session: Session,
    incident: Incident,
    event: Event,
    *,
    at: datetime,
    place: tuple[float, float] | None,
) -> None:
    event.incident_id = incident.id
    incident.n_events += 1
    incident.state = "open"
    incident.severity = max(incident.severity, event.severity, key=RANK.__getitem__)
    incident.opened_at = min(incident.opened_at, event.started_at)
    incident.last_at = max(incident.last_at, event.confirmed_at)
    incident.heard_at = at
    if place is not None:
        incident.x_m, incident.y_m = place
    session.flush()


def _tell_of(
    session: Session, incident: Incident, event: Event, news: str, *, at: datetime, state: AppState
) -> None:
    told = told_receivers(session, incident, state)
    first = [
        one
        for one in receivers_at(state.site, Release.ON_FLAG)
        if one not in told and wants(one, incident.severity)
    ]
    tell(session, News(FLAGGED, incident, event), first, at=at, state=state)
    if incident.n_events == 1:
        return
    is_told = bool(news) and spread(
        session, News(UPDATED, incident, event, reason=news), told, at=at, state=state
    )
    incident.version += bool(news)  # whoever judges must have seen it
    is_merged = not is_told and not first
    incident.n_merged += is_merged
    what = "merged" if is_merged else "updated"
    add_entry(session, incident, what, at=at, event_id=str(event.id), news=news)


def follow_ending(
    session: Session, event: Event, *, old_class: str, at: datetime, state: AppState
) -> None:
    """
    Tell that an event has ended and its clip can be seen, where that is news.

    It is not where nobody was told of this very event (it was merged), unless it turned out to be
    of a class that none of the others is.

    Parameters
    ----------
    session
        The ending's own transaction, which has the turn; the ending is stored.
    event
        What ended.
    old_class
        What it was taken for before.
    at
        The present instant.
    state
        Gives the park and the settings.
    """
    incident = session.get(Incident, event.incident_id, with_for_update=True)
    if incident is None or event.ended_at is None:
        return
    incident.last_at, incident.heard_at = max(incident.last_at, event.ended_at), at
    news = "class" if event.object_class != old_class else "clip"
    has_clip = bool(event.ending and event.ending.get("clip"))
    is_new = news == "class" and event.object_class not in classes_beside(session, event)
    if not is_new and not ((has_clip or news == "class") and is_told_of(session, event)):
        return
    told = told_receivers(session, incident, state)
    told_of = News(UPDATED, incident, event, reason=news)
    if spread(session, told_of, told, at=at, state=state):
        add_entry(session, incident, "updated", at=at, event_id=str(event.id), news=news)


def has_incidents_to_sweep(session: Session, at: datetime, *, state: AppState) -> bool:
    """Say whether `sweep_incidents` would end any, without taking a lock."""
    before = at - timedelta(seconds=state.site.alarms.over_after_s)
    return has_incidents_without_sign(session, before, unended_before=at - LONGEST_EVENT)


def sweep_incidents(session: Session, at: datetime, *, state: AppState) -> int:
    """
    End the intrusions of which nothing was seen for `over_after_s`; return how many.

    Parameters
    ----------
    session
        A writing transaction.
    at
        The present instant.
    state
        Gives the park and the settings.
    """
    take_turn(session)
    before = at - timedelta(seconds=state.site.alarms.over_after_s)
    swept = incidents_without_sign(session, before, unended_before=at - LONGEST_EVENT)
    for incident in swept:
        incident.state = "over"
        session.flush()
        news = News(OVER, incident, last_event_of(session, incident))
        told = [one for one in told_receivers(session, incident, state) if incident.kind != "test"]
        spread(session, news, told, at=at, state=state)
        add_entry(session, incident, "over", at=at, last_at=incident.last_at.isoformat())
    return len(swept)
