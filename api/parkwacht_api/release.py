"""
Who gets to know of an event, when, and what is sent: deliveries planned in the event's transaction.

The payload is thin: facts and links, no image; a receiver fetches the image with its own key, so
that every look is logged. It is kept as it was at release, so that a retry says the same.
"""

import ipaddress
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from pyproj import Transformer
from sqlalchemy import select
from sqlalchemy.orm import Session

from parkwacht_api.models import Delivery, Event, Verdict
from parkwacht_api.receivers.channel import address_of
from parkwacht_config.settings import Settings
from parkwacht_config.site import Receiver, Release, Site

FLAGGED = "event.flagged"
VERIFIED = "event.verified"


def is_on_this_machine(url: str) -> bool:
    """Say whether a URL names this machine: `localhost` or a loopback address, never by DNS."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return address.is_loopback or (mapped is not None and mapped.is_loopback)


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


def _position(record: dict[str, Any]) -> dict[str, float] | None:
    position = record.get("position")
    if position is None:
        return None
    x_m, y_m = position["x_m"], position["y_m"]
    to_wgs84 = Transformer.from_crs("EPSG:28992", "EPSG:4326", always_xy=True)
    lon, lat = to_wgs84.transform(x_m, y_m)
    return {"x_m": x_m, "y_m": y_m, "lon": round(lon, 7), "lat": round(lat, 7)}


def _names(site: Site, event: Event) -> dict[str, Any]:
    camera = site.camera(event.camera_id)
    return {
        "site": {"id": event.site_id, "name": site.name if site.id == event.site_id else ""},
        "camera": {"id": event.camera_id, "name": camera.name if camera else ""},
        "zone": {"id": event.zone_id, "name": site.zone_name(event.zone_id) or ""},
    }


def build_payload(
    event: Event, *, delivery_id: UUID, site: Site, api_url: str, verdict: Verdict | None
) -> dict[str, Any]:
    """
    Build what a receiver is sent about an event.

    Parameters
    ----------
    event
        What happened.
    delivery_id
        Same as the header webhook-id.
    site
        Gives the names.
    api_url
        Where the receiver fetches images and acknowledges.
    verdict
        The verdict that releases the event, or None where the flag itself does.
    """
    base = f"{api_url.rstrip('/')}/api/v1"
    data: dict[str, Any] = {
        "event_id": str(event.id),
        "delivery_id": str(delivery_id),
        **_names(site, event),
        "class": event.object_class,
        "confidence": round(event.confidence, 3),
        "severity": event.severity,
        "started_at": event.started_at.isoformat(),
        "position": _position(event.record),
        "links": {
            "event": f"{base}/events/{event.id}",
            "snapshot": f"{base}/events/{event.id}/snapshot",
            "acknowledge": f"{base}/deliveries/{delivery_id}/acknowledge",
        },
    }
    if verdict is not None:
        data["verdict"] = {
            "verdict": verdict.verdict,
            "person": verdict.person,
            "given_at": verdict.given_at.isoformat(),
            "avs_level": verdict.avs_level,
            "legal_basis": verdict.legal_basis,
            "legal_number": verdict.legal_number,
        }
    at = event.received_at if verdict is None else verdict.given_at
    kind = FLAGGED if verdict is None else VERIFIED
    return {"type": kind, "timestamp": at.isoformat(), "data": data}


def plan_deliveries(
    session: Session,
    event: Event,
    *,
    site: Site,
    settings: Settings,
    at: datetime,
    verdict: Verdict | None = None,
) -> Sequence[Delivery]:
    """
    Add the deliveries of an event inside the transaction that stores it or its verdict.

    Parameters
    ----------
    session
        The event's own transaction.
    event
        What happened.
    site
        Its receivers and their release policy.
    settings
        Whether anything may leave this machine, and the api's own address.
    at
        The present instant.
    verdict
        The verdict that releases it; None at the flag.

    Returns
    -------
    sequence of Delivery
        Those that are new; a receiver that already has one of this kind gets no second.
    """
    kind = FLAGGED if verdict is None else VERIFIED
    release = Release.ON_FLAG if verdict is None else Release.ON_VERIFIED
    known = set(
        session.scalars(
            select(Delivery.receiver_id).where(Delivery.event_id == event.id, Delivery.kind == kind)
        )
    )
    planned = []
    for receiver in receivers_at(site, release):
        if receiver.id in known:
            continue
        delivery_id, channel = uuid4(), receiver.ways[0]
        reason = hold_reason(address_of(channel, receiver.id), settings.forwarding)
        planned.append(
            Delivery(
                id=delivery_id,
                event_id=event.id,
                receiver_id=receiver.id,
                channel_id=channel.id,
                step=0,
                kind=kind,
                sequence=0,
                state="held" if reason else "pending",
                reason=reason,
                payload=build_payload(
                    event,
                    delivery_id=delivery_id,
                    site=site,
                    api_url=settings.api_url,
                    verdict=verdict,
                ),
                created_at=at,
                due_at=at,
                n_attempts=0,
                n_refusals=0,
            )
        )
    session.add_all(planned)
    return planned
