"""
An incident as a CAP 1.2 message, for a control room that reads the common alerting protocol.

It is an export of how the incident stands, not a channel: an `Alert` where nothing has changed
since it was opened, an `Update` that refers to it afterwards, a `Cancel` where people dismissed it.
Its scope is restricted, because it is about persons at a place. Element order, words and the form
of times are those of the standard's schema (OASIS, CAP-v1.2, 1 July 2010).
"""

import re
import xml.etree.ElementTree as ET
from datetime import datetime
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from parkwacht_api.geodesy import lon_lat_deg
from parkwacht_api.receivers.sia_codes import code_of
from parkwacht_api.receivers.words import CLASSES, KINDS, cause_of
from parkwacht_api.schemas_incidents import IncidentDetail
from parkwacht_config.site import Site
from parkwacht_config.text import Language, Text

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
CONTENT_TYPE = "application/cap+xml"
RESTRICTION = Text(
    nl="Alleen voor de aangewezen meldkamer en de politie",
    en="For the appointed control room and the police only",
)
RADIUS_KM = 0.02  # how well a person far from a camera is placed
SEVERITIES = {"low": "Minor", "medium": "Moderate", "high": "Severe"}
CERTAINTIES = {"verified": "Observed", "dismissed": "Unlikely", "unclear": "Possible"}
LANGUAGES = {Language.NL: "nl-NL", Language.EN: "en-GB"}


def cap_of(incident: IncidentDetail, *, site: Site, api_url: str) -> bytes:
    """
    Write an incident as a CAP 1.2 message.

    Parameters
    ----------
    incident
        As the asker may see it.
    site
        Names the park and its places, and gives the time zone.
    api_url
        Where this service is: it names the sender, and the links lead there.
    """
    zone = ZoneInfo(site.timezone)
    sender = f"{incident.site_id}@{urlsplit(api_url).hostname or 'localhost'}"
    kind, revision = _message_type(incident), _revision(incident)
    root = ET.Element("alert")
    _add(root, "identifier", f"{incident.id}.{revision}")
    _add(root, "sender", sender)
    _add(root, "sent", _time(_changed_at(incident), zone))
    _add(root, "status", _status(incident))
    _add(root, "msgType", kind)
    _add(root, "source", "Parkwacht")
    _add(root, "scope", "Restricted")
    _add(root, "restriction", f"{RESTRICTION.nl} / {RESTRICTION.en}")
    if kind == "Cancel" and incident.verdicts:
        _add(root, "note", incident.verdicts[-1].cause or "dismissed")
    if kind != "Alert":
        first = f"{sender},{incident.id}.0,{_time(incident.received_at, zone)}"
        _add(root, "references", first)
    _add(root, "incidents", str(incident.number))
    for language, name in LANGUAGES.items():
        root.append(_info(incident, site, api_url, language, name))
    ET.indent(root)
    root.set("xmlns", NAMESPACE)
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _add(parent: ET.Element, name: str, text: str) -> None:
    # What XML cannot hold is left out; the rest is escaped by the writer.
    clean = re.sub(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]", "", text)
    ET.SubElement(parent, name).text = clean


def _time(at: datetime, zone: ZoneInfo) -> str:
    """Write a time with a numeric offset: the schema takes no `Z`."""
    return at.astimezone(zone).isoformat(timespec="seconds")


def _revision(incident: IncidentDetail) -> str:
    changes = incident.version + incident.n_updates
    return f"{changes}" if incident.state == "open" else f"{changes}.{incident.state}"


def _changed_at(incident: IncidentDetail) -> datetime:
    if _revision(incident) == "0":
        return incident.received_at
    found = [incident.received_at, incident.closed_at, incident.outcome_at]
    found += [one.received_at for one in incident.events]
    found += [one.given_at for one in incident.verdicts]
    found += [incident.acknowledged_at, None if incident.state == "open" else incident.last_at]
    return max(one for one in found if one is not None)


def _message_type(incident: IncidentDetail) -> str:
    if incident.review_state == "dismissed":
        return "Cancel"
    return "Alert" if _revision(incident) == "0" else "Update"


def _status(incident: IncidentDetail) -> str:
    if incident.kind == "test":
        return "Test"
    return "Actual" if incident.kind == "intrusion" else "System"


def _told_as(incident: IncidentDetail) -> str:
    """Return the kind of delivery that tells how it stands."""
    if incident.kind == "test":
        return "test.alarm"
    if incident.kind != "intrusion":
        return "trouble.opened" if incident.state == "open" else "trouble.over"
    if incident.review_state == "dismissed":
        return "incident.cancelled"
    if incident.review_state == "verified":
        return "event.verified"
    return "event.flagged" if incident.state == "open" else "incident.over"


def _what(incident: IncidentDetail) -> Text:
    if incident.kind != "intrusion":
        return cause_of(incident.kind, incident.cause)
    classes = list(dict.fromkeys(str(one.object_class) for one in incident.events))
    words = [CLASSES.get(one, Text(one, one)) for one in classes]
    return Text(nl=", ".join(one.nl for one in words), en=", ".join(one.en for one in words))


def _place(incident: IncidentDetail, site: Site) -> str:
    camera = site.camera(incident.subject)
    return site.zone_name(incident.subject) or (camera.name if camera else "") or site.name


def _info(
    incident: IncidentDetail, site: Site, api_url: str, language: Language, name: str
) -> ET.Element:
    told_as, is_open = _told_as(incident), incident.state == "open"
    is_over = not is_open or incident.review_state == "dismissed"
    what, place = _what(incident).to(language), _place(incident, site)
    info = ET.Element("info")
    _add(info, "language", name)
    _add(info, "category", "Security" if incident.kind == "intrusion" else "Infra")
    _add(info, "event", KINDS[told_as].to(language))
    _add(info, "responseType", "AllClear" if is_over else "Assess")
    _add(info, "urgency", "Past" if is_over else "Immediate")
    _add(info, "severity", SEVERITIES[str(incident.severity)])
    _add(info, "certainty", CERTAINTIES.get(str(incident.review_state), "Likely"))
    sia, _ = code_of(told_as, incident.cause, incident.kind, is_test=incident.kind == "test")
    _pair(info, "eventCode", "SIA-DC-03", sia)
    if incident.avs_level is not None:
        _pair(info, "eventCode", "ANSI-TMA-AVS-01", str(incident.avs_level))
    _add(info, "onset", _time(incident.opened_at, ZoneInfo(site.timezone)))
    _add(info, "senderName", site.name)
    number = f"[{incident.number}] {KINDS[told_as].to(language)}: "
    _add(info, "headline", number + ", ".join(filter(None, (what, place))))
    _add(info, "web", f"{api_url.rstrip('/')}/api/v1/incidents/{incident.id}")
    _pair(info, "parameter", "n_events", str(incident.n_events))
    for camera_id in dict.fromkeys(one.camera_id for one in incident.events):
        _pair(info, "parameter", "camera", camera_id)
    info.append(_area(incident, place))
    return info


def _pair(parent: ET.Element, name: str, key: str, value: str) -> None:
    pair = ET.SubElement(parent, name)
    _add(pair, "valueName", key)
    _add(pair, "value", value)


def _area(incident: IncidentDetail, place: str) -> ET.Element:
    area = ET.Element("area")
    _add(area, "areaDesc", place)
    if incident.x_m is not None and incident.y_m is not None:
        lon, lat = lon_lat_deg(incident.x_m, incident.y_m)
        _add(area, "circle", f"{lat:.6f},{lon:.6f} {RADIUS_KM}")
    return area
