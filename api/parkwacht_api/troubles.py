"""
Troubles of cameras, partners and the service itself: incidents too, with a beginning and an end.

The same cause of the same thing is one incident as long as it lasts, told again where it gets
graver. One that comes and goes stays one incident too, told once: its end is told when it has been
quiet for the park's `merge_within_s`, longer each time it came back, up to six times that. A return
before then withdraws the end that nobody has heard yet, and is counted; whoever was told of the end
is told of the return, and everybody where it came back graver. A partner is never told of its own
trouble.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from parkwacht_api.incidents import add_entry, open_incident, spread, take_turn, told_receivers
from parkwacht_api.models import CameraTroubleRow
from parkwacht_api.models_incidents import Incident
from parkwacht_api.release import RANK, TROUBLE_OPENED, TROUBLE_OVER, News, tell, wants
from parkwacht_api.repository_incidents import (
    has_open_trouble,
    last_words,
    open_troubles_of,
    withdraw_unsent,
)
from parkwacht_api.state import AppState
from parkwacht_config.site import Receiver

# Quiet times in a row that a flapping trouble must show, and within which it is the same one again:
# twelve minutes by default. Each return asks for one more.
MOST_QUIET = 6
CAMERA, PARTNER, SERVICE = "camera_trouble", "partner_trouble", "service_trouble"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong: the kind of incident, the thing it is about, the cause, low to high."""

    kind: str
    subject: str
    cause: str
    severity: str = "medium"


def _listeners(trouble: Trouble, state: AppState) -> list[Receiver]:
    return [
        one
        for one in state.site.receivers
        if one.takes_troubles and wants(one, trouble.severity) and one.id != trouble.subject
    ]


def open_trouble(
    session: Session,
    trouble: Trouble,
    *,
    at: datetime,
    state: AppState,
    started_at: datetime | None = None,
) -> Incident:
    """
    Open the incident of a trouble and tell of it; where it is open already, nothing happens.

    Parameters
    ----------
    session
        A writing transaction.
    trouble
        What is wrong.
    at
        The present instant.
    state
        Gives the park, its receivers and the settings.
    started_at
        When it began; at the present instant where that is not known.
    """
    take_turn(session)
    started_at = started_at or at
    same = [
        one
        for one in open_troubles_of(session, trouble.kind, trouble.subject)
        if one.cause == trouble.cause
    ]
    for incident in same:
        if incident.state == "open":
            return _go_on(session, incident, trouble, at, state)
    if same and started_at - same[0].last_at < _quiet(state, MOST_QUIET):
        return _come_back(session, same[0], trouble, at, state)
    incident = Incident(
        site_id=state.site.id,
        kind=trouble.kind,
        subject=trouble.subject,
        cause=trouble.cause,
        severity=trouble.severity,
        opened_at=started_at,
    )
    open_incident(session, incident, at=at)
    tell(session, News(TROUBLE_OPENED, incident), _listeners(trouble, state), at=at, state=state)
    return incident


def _go_on(
    session: Session, incident: Incident, trouble: Trouble, at: datetime, state: AppState
) -> Incident:
    incident.last_at = max(incident.last_at, at)
    if RANK[trouble.severity] > RANK[incident.severity]:
        incident.severity = trouble.severity
        # The last channel of a partner is lost, say: for some this is the first they hear.
        news = News(TROUBLE_OPENED, incident)
        spread(session, news, _listeners(trouble, state), at=at, state=state)
        add_entry(session, incident, "updated", at=at, news="severity", severity=trouble.severity)
    return incident


def _quiet(state: AppState, n_times: int) -> timedelta:
    return timedelta(seconds=state.site.alarms.merge_within_s * min(n_times, MOST_QUIET))


def _come_back(
    session: Session, incident: Incident, trouble: Trouble, at: datetime, state: AppState
) -> Incident:
    incident.state, incident.last_at, incident.heard_at = "open", at, at
    incident.n_merged += 1
    is_graver = RANK[trouble.severity] > RANK[incident.severity]
    incident.severity = trouble.severity  # as it is now: it may get graver again
    withdrawn = withdraw_unsent(session, incident, TROUBLE_OVER)
    session.flush()
    words = last_words(session, incident)
    not_aware = [
        one
        for one in _listeners(trouble, state)
        if is_graver or one.id not in words or words[one.id].kind == TROUBLE_OVER
    ]
    news = News(TROUBLE_OPENED, incident)
    spread(session, news, not_aware, at=at, state=state)
    n_times = incident.n_merged + 1
    add_entry(
        session, incident, "merged", at=at, news="return", n_times=n_times, withdrawn=withdrawn
    )
    return incident


def end_trouble(
    session: Session, kind: str, subject: str, *, at: datetime, state: AppState, cause: str = ""
) -> int:
    """
    End the troubles of a thing, to be told to who was told; return how many there were.

    Parameters
    ----------
    session
        A writing transaction.
    kind
        Kind of incident, such as partner_trouble.
    subject
        What it is about.
    at
        The present instant.
    state
        Gives the park, its receivers and the settings.
    cause
        Only of this cause.
    """
    take_turn(session)
    ended = [
        one
        for one in open_troubles_of(session, kind, subject)
        if one.state == "open" and cause in {"", one.cause}
    ]
    for incident in ended:
        incident.state, incident.last_at, incident.heard_at = "over", at, at
        session.flush()
        told = told_receivers(session, incident, state)
        news = News(TROUBLE_OVER, incident, not_before=at + _quiet(state, incident.n_merged + 1))
        spread(session, news, told, at=at, state=state)
        add_entry(session, incident, "over", at=at)
    return len(ended)


def follow_camera(
    session: Session, row: CameraTroubleRow, *, at: datetime, state: AppState
) -> None:
    """
    Open or end the incident of a camera's trouble, as its row now says.

    One that was over before it was heard of is told to nobody.

    Parameters
    ----------
    session
        The transaction that stores the row.
    row
        The trouble as it stands.
    at
        The present instant.
    state
        Gives the park, its receivers and the settings.
    """
    if row.ended_at is None:
        trouble = Trouble(CAMERA, row.camera_id, row.cause, row.severity)
        open_trouble(session, trouble, at=at, state=state, started_at=row.started_at)
        return
    session.flush()
    take_turn(session)  # whoever is storing another one of the same cause comes before or after
    if not has_open_trouble(session, row.camera_id, row.cause):
        end_trouble(session, CAMERA, row.camera_id, at=at, state=state, cause=row.cause)
