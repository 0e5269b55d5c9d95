"""
Who gets to know of an incident, when, and what is sent.

Deliveries are planned in the transaction of what they tell of. The payload is thin: facts and
links, no image; a receiver fetches the image with its own key, so that every look is logged. It is
kept as it was at release, so that a retry says the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from parkwacht_api.geodesy import lon_lat_deg
from parkwacht_api.hand_over import Ground, add_evidence_links
from parkwacht_api.models import Delivery, Event, Verdict
from parkwacht_api.models_incidents import Incident
from parkwacht_api.receivers.channel import address_of
from parkwacht_api.receivers.guard import is_named_local
from parkwacht_api.state import AppState
from parkwacht_config.schedule import is_armed, next_change
from parkwacht_config.site import Channel, Receiver, ReceiverRole, Release, Severity, Site

FLAGGED = "event.flagged"  # the first alert of an incident
VERIFIED = "event.verified"  # released by a person's verdict
UPDATED = "incident.updated"
OVER = "incident.over"
CANCELLED = "incident.cancelled"  # dismissed after it was told
TROUBLE_OPENED = "trouble.opened"
TROUBLE_OVER = "trouble.over"
TEST = "test.alarm"
TROUBLES = frozenset({TROUBLE_OPENED, TROUBLE_OVER})
# Someone must take these up; where nobody does, the next channel is tried.
WANTS_A_PERSON = frozenset({FLAGGED, VERIFIED})
# These are late where they come long after what they tell of.
MAY_BE_LATE = frozenset({FLAGGED, VERIFIED, TROUBLE_OPENED})
OWN_INITIATIVE = "own_initiative"  # where nobody asked (schemas.LegalBasis)
LATE_AFTER = timedelta(seconds=60)
RANK = {severity.value: rank for rank, severity in enumerate(Severity)}
NOBODY = {"id": "", "name": ""}


@dataclass(frozen=True, slots=True)
class News:
    """What is told of an incident: the event it is about, the verdict or request behind it."""

    kind: str
    incident: Incident
    event: Event | None = None
    verdict: Verdict | None = None
    sequence: int = 0
    release: Mapping[str, Any] | None = None  # who handed it over, and on which legal basis
    reason: str = ""  # of an update: severity, camera, class, return, goes_on, clip or verdict
    not_before: datetime | None = None  # told then, unless it is withdrawn by that time


def is_on_this_machine(url: str) -> bool:
    """Say whether a URL names this machine: `localhost` or a loopback address, never by DNS."""
    return is_named_local((urlsplit(url).hostname or "").rstrip("."))


def hold_reason(url: str, forwarding: str) -> str:
    """Return why nothing may be sent to a URL under this setting; empty where it may."""
    if forwarding == "off":
        return "forwarding is off (PARKWACHT_FORWARDING)"
    if forwarding == "local" and not is_on_this_machine(url):
        return "forwarding is local (PARKWACHT_FORWARDING): this receiver is on another machine"
    return ""


def receivers_at(site: Site, release: Release) -> tuple[Receiver, ...]:
    """Return the receivers that are told at this moment."""
    return tuple(one for one in site.receivers if one.release is release)


def wants(receiver: Receiver, severity: str) -> bool:
    """Say whether something of a severity is grave enough for a receiver."""
    return RANK[severity] >= RANK[receiver.min_severity.value]


def next_way(
    receiver: Receiver, site: Site, at: datetime, *, tried: Iterable[str] = ()
) -> Channel | None:
    """
    Return the first channel that was not tried and whose contact is on duty.

    Where none of those left is on duty it is the first of them all the same; None where all were
    tried.
    """
    left = [one for one in receiver.ways if one.id not in set(tried)]
    on_duty = [one for one in left if one.duty is None or _is_in(site, one.duty, at)]
    return next(iter(on_duty or left), None)


def _is_in(site: Site, calendar: str, at: datetime) -> bool:
    return is_armed(site.armings[calendar], at, timezone=site.timezone)


def _position(record: dict[str, Any]) -> dict[str, float] | None:
    position = record.get("position")
    if position is None:
        return None
    x_m, y_m = position["x_m"], position["y_m"]
    lon, lat = lon_lat_deg(x_m, y_m)
    return {"x_m": x_m, "y_m": y_m, "lon": round(lon, 7), "lat": round(lat, 7)}


def _names(site: Site, news: News) -> dict[str, Any]:
    incident, event = news.incident, news.event
    camera_id = event.camera_id if event else incident.subject
    camera = site.camera(camera_id) if event or incident.kind == "camera_trouble" else None
    known = {"id": camera_id, "name": camera.name if camera else ""}
    zone_id = event.zone_id if event else ""
    return {
        "site": {
            "id": incident.site_id,
            "name": site.name if site.id == incident.site_id else "",
        },
        "camera": known if event or camera else NOBODY,
        "zone": {"id": zone_id, "name": site.zone_name(zone_id) or ""},
    }


def _about_event(event: Event | None) -> dict[str, Any]:
    # Every message has the same keys: a receiver that reads one kind can read all.
    return {
        "event_id": str(event.id) if event else None,
        "class": event.object_class if event else None,
        "confidence": round(event.confidence, 3) if event else None,
        "position": _position(event.record) if event else None,
    }


def _about_incident(incident: Incident) -> dict[str, Any]:
    is_trouble = incident.kind.endswith("_trouble")
    return {
        "id": str(incident.id),
        "number": incident.number,
        "kind": incident.kind,
        "subject": incident.subject,
        "cause": incident.cause,
        "severity": incident.severity,
        "avs_level": incident.avs_level,
        "state": incident.state,
        "review_state": incident.review_state,
        "n_events": incident.n_events,
        "n_times": incident.n_merged + 1 if is_trouble else 1,
        "span_s": round((incident.last_at - incident.opened_at).total_seconds()),
    }


def _about_verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "verdict": verdict.verdict,
        "cause": verdict.cause,
        "person": verdict.person,
        "given_at": verdict.given_at.isoformat(),
        "avs_level": verdict.avs_level,
        "legal_basis": verdict.legal_basis,
        "legal_number": verdict.legal_number,
    }


def build_payload(
    news: News, *, delivery_id: UUID, site: Site, api_url: str, at: datetime
) -> dict[str, Any]:
    """
    Build what a receiver is sent.

    Where there is no event (a trouble, a test), `event_id`, `class`, `confidence` and `position`
    are null and the zone is empty, as is the camera, unless the trouble is a camera's.

    Parameters
    ----------
    news
        What is told.
    delivery_id
        Same as the header webhook-id.
    site
        Gives the names.
    api_url
        Where the receiver fetches images and acknowledges.
    at
        The instant of the release.
    """
    base, event, incident = f"{api_url.rstrip('/')}/api/v1", news.event, news.incident
    started_at = event.started_at if event else incident.opened_at
    links = {
        "incident": f"{base}/incidents/{incident.id}",
        "page": f"{api_url.rstrip('/')}/incidents/{incident.id}",  # for people: log-in first
        "acknowledge": f"{base}/deliveries/{delivery_id}/acknowledge",
    }
    if event is not None:
        links["event"] = f"{base}/events/{event.id}"
        links["snapshot"] = f"{base}/events/{event.id}/snapshot"
    data: dict[str, Any] = {
        "delivery_id": str(delivery_id),
        "incident": _about_incident(incident),
        "is_test": incident.kind == "test",
        **_names(site, news),
        **_about_event(event),
        "severity": event.severity if event else incident.severity,
        "started_at": started_at.isoformat(),
        "sequence": news.sequence,
        "news": news.reason,
        "links": links,
    }
    if news.kind in MAY_BE_LATE and at - started_at > LATE_AFTER:
        data["late"] = round((at - started_at).total_seconds())
    if news.verdict is not None:
        data["verdict"] = _about_verdict(news.verdict)
    if news.release is not None:
        data["release"] = dict(news.release)
    return {"type": news.kind, "timestamp": at.isoformat(), "data": data}


def _for_receiver(payload: dict[str, Any], receiver: Receiver) -> dict[str, Any]:
    """Leave out what is between the park and the police: the legal basis of a verdict."""
    verdict = payload["data"].get("verdict")
    if verdict is None or receiver.role is ReceiverRole.POLICE:
        return payload
    kept = {name: told for name, told in verdict.items() if not name.startswith("legal_")}
    return {**payload, "data": {**payload["data"], "verdict": kept}}


def _due_at(news: News, channel: Channel, site: Site, at: datetime) -> datetime:
    is_slight = news.kind in TROUBLES and news.incident.severity == Severity.LOW.value
    if not is_slight or channel.quiet is None or not _is_in(site, channel.quiet, at):
        return at
    return next_change(site.armings[channel.quiet], at, timezone=site.timezone) or at


def plan_delivery(
    news: News,
    receiver: Receiver,
    channel: Channel,
    *,
    at: datetime,
    state: AppState,
    step: int = 0,
) -> Delivery:
    """
    Make the row of one message over one channel; nothing is added to a session yet.

    Parameters
    ----------
    news
        What is told.
    receiver
        Who is told.
    channel
        Over which of its channels.
    at
        The present instant.
    state
        Gives the names, the api's own address and whether anything may leave this machine.
    step
        How many channels were tried before.
    """
    delivery_id, settings = uuid4(), state.settings
    told_at = max(at, news.not_before or at)
    payload = build_payload(
        news,
        delivery_id=delivery_id,
        site=state.site,
        api_url=settings.api_url,
        at=told_at,
    )
    reason = hold_reason(address_of(channel, receiver.id), settings.forwarding)
    patience_s = receiver.acknowledge_within_s if news.kind in WANTS_A_PERSON else None
    return Delivery(
        id=delivery_id,
        event_id=news.event.id if news.event else None,
        incident_id=news.incident.id,
        receiver_id=receiver.id,
        channel_id=channel.id,
        step=step,
        kind=news.kind,
        sequence=news.sequence,
        escalate_at=at + timedelta(seconds=patience_s) if patience_s and not reason else None,
        state="held" if reason else "pending",
        reason=reason,
        payload=_for_receiver(payload, receiver),
        created_at=at,
        due_at=_due_at(news, channel, state.site, told_at),
        n_attempts=0,
        n_refusals=0,
    )


def tell(
    session: Session,
    news: News,
    receivers: Sequence[Receiver],
    *,
    at: datetime,
    state: AppState,
) -> list[Delivery]:
    """
    Add one message for each of some receivers, inside the transaction of what it tells of.

    Parameters
    ----------
    session
        That transaction.
    news
        What is told.
    receivers
        Who is told.
    at
        The present instant.
    state
        Gives the park and the settings.
    """
    planned = [
        plan_delivery(news, receiver, way, at=at, state=state)
        for receiver in receivers
        if (way := next_way(receiver, state.site, at)) is not None
    ]
    session.add_all(planned)
    if news.kind == VERIFIED:
        add_evidence_links(session, planned, _ground_of(news), at=at, state=state)
    return planned


def _ground_of(news: News) -> Ground:
    """Say on which ground the police get it: the request's own, else the verdict's."""
    verdict, release = news.verdict, news.release or {}
    person = release.get("person") or (verdict.person if verdict else "")
    basis = release.get("legal_basis") or (verdict.legal_basis if verdict else None)
    number = release.get("legal_number") or (verdict.legal_number if verdict else None)
    reason = verdict.reason if verdict else ""
    return Ground(person, reason, basis or OWN_INITIATIVE, number or "")
