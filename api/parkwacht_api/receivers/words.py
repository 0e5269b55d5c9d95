"""
What a person reads of a delivery, whatever channel it comes over: one headline and a few lines.

It is made from the payload alone, so that it says the same at every attempt. The incident's number
comes first: it is what people quote, and what shows that two messages are about one thing.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from parkwacht_config.text import Text

KINDS: Mapping[str, Text] = {
    "event.flagged": Text(nl="Alarm", en="Alarm"),
    "event.verified": Text(nl="Geverifieerd alarm", en="Verified alarm"),
    "incident.updated": Text(nl="Alarm, meer bekend", en="Alarm, more known"),
    "incident.over": Text(nl="Alarm voorbij", en="Alarm over"),
    "incident.cancelled": Text(nl="Alarm ingetrokken", en="Alarm withdrawn"),
    "trouble.opened": Text(nl="Storing", en="Trouble"),
    "trouble.over": Text(nl="Storing voorbij", en="Trouble over"),
    "test.alarm": Text(nl="Proefalarm", en="Test alarm"),
}
CLASSES: Mapping[str, Text] = {
    "person": Text(nl="persoon", en="person"),
    "bicycle": Text(nl="fiets", en="bicycle"),
    "motorcycle": Text(nl="motor", en="motorcycle"),
    "car": Text(nl="auto", en="car"),
    "truck": Text(nl="vrachtwagen", en="truck"),
    "bus": Text(nl="bus", en="bus"),
    "vehicle": Text(nl="voertuig", en="vehicle"),
    "moving": Text(nl="beweging, niet herkend", en="moving, not recognised"),
}
SEVERITIES: Mapping[str, Text] = {
    "low": Text(nl="laag", en="low"),
    "medium": Text(nl="midden", en="medium"),
    "high": Text(nl="hoog", en="high"),
}
DELIVERY_STATES: Mapping[str, Text] = {
    "pending": Text(nl="wordt verstuurd", en="being sent"),
    "delivered": Text(nl="aangekomen", en="delivered"),
    "held": Text(nl="tegengehouden", en="held"),
    "refused": Text(nl="geweigerd", en="refused"),
    "dead": Text(nl="opgegeven", en="given up"),
}
CAUSES: Mapping[str, Text] = {
    "covered": Text(nl="camera afgedekt", en="camera covered"),
    "moved": Text(nl="camera verdraaid", en="camera moved"),
    "defocused": Text(nl="camera onscherp", en="camera out of focus"),
    "black": Text(nl="camerabeeld zwart", en="camera picture black"),
    "over_exposed": Text(nl="camera overbelicht", en="camera over-exposed"),
    "frozen": Text(nl="camerabeeld staat stil", en="camera picture frozen"),
    "clock_drift": Text(nl="cameraklok loopt weg", en="camera clock drifts"),
    "bitrate_collapse": Text(nl="camera stuurt bijna niets", en="camera sends hardly anything"),
    "half_lost": Text(nl="een stroom van de camera weg", en="one stream of the camera lost"),
    "lost": Text(nl="camera weg", en="camera lost"),
}
# What is wrong with a partner or with the service itself, by kind of incident and cause.
OTHER_CAUSES: Mapping[tuple[str, str], Text] = {
    ("partner_trouble", "lost"): Text(nl="partner onbereikbaar", en="partner cannot be reached"),
    ("service_trouble", "dead_letter"): Text(nl="meldingen opgegeven", en="messages given up"),
    ("service_trouble", "silent"): Text(nl="cameraprogramma zwijgt", en="camera program is silent"),
    ("service_trouble", "test_failed"): Text(nl="proefalarm mislukt", en="test alarm failed"),
    ("service_trouble", "unanswered"): Text(nl="niemand antwoordt", en="nobody answers"),
}


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of a payload that every channel needs; empty or None where it has none."""

    kind: str
    number: int | None
    incident_id: str
    object_class: str
    camera_id: str
    camera: str
    zone_id: str
    zone: str
    site: str
    severity: str
    cause: str
    trouble: str  # camera_trouble, partner_trouble or service_trouble
    subject: str
    started_at: str
    avs_level: int | None
    is_test: bool
    late_s: float | None
    news: str  # what an update brings; see release.News
    links: Mapping[str, str]
    lon_lat: tuple[float, float] | None
    n_times: int = 1  # a trouble that came back
    span_s: float = 0.0  # from its first sign to its last

    @property
    def place(self) -> str:
        """Where it is, in words."""
        return self.zone or self.camera or self.subject or self.site

    @property
    def link(self) -> str:
        """The page or resource about it, behind a login; empty where none was sent."""
        names = ("review", "page", "incident", "event")
        return next((self.links[name] for name in names if self.links.get(name)), "")


def _name(table: Any) -> tuple[str, str]:  # noqa: ANN401  # as JSON has it
    if not isinstance(table, Mapping):
        return str(table or ""), str(table or "")
    return str(table.get("id") or ""), str(table.get("name") or table.get("id") or "")


def facts_of(payload: Mapping[str, Any]) -> Facts:
    """Read the facts of a payload, whatever of them is there."""
    data = payload.get("data") or {}
    incident = data.get("incident") or {}
    camera_id, camera = _name(data.get("camera"))
    zone_id, zone = _name(data.get("zone"))
    position = data.get("position") or {}
    has_place = "lon" in position and "lat" in position
    verdict = data.get("verdict") or {}
    return Facts(
        kind=str(payload.get("type", "")),
        number=incident.get("number"),
        incident_id=str(incident.get("id") or data.get("event_id") or ""),
        object_class=str(data.get("class") or ""),
        camera_id=camera_id,
        camera=camera,
        zone_id=zone_id,
        zone=zone,
        site=_name(data.get("site"))[1],
        severity=str(incident.get("severity") or data.get("severity") or ""),
        cause=str(data.get("cause") or incident.get("cause") or ""),
        trouble=str(incident.get("kind") or data.get("kind") or ""),
        subject=_name(data.get("subject") or incident.get("subject"))[1],
        started_at=str(data.get("started_at") or payload.get("timestamp") or ""),
        avs_level=verdict.get("avs_level", incident.get("avs_level")),
        is_test=bool(data.get("is_test")) or payload.get("type") == "test.alarm",
        late_s=data.get("late"),
        news=str(data.get("news") or ""),
        links=data.get("links") or {},
        lon_lat=(position["lon"], position["lat"]) if has_place else None,
        n_times=int(incident.get("n_times") or 1),
        span_s=float(incident.get("span_s") or 0.0),
    )


def what_of(facts: Facts) -> Text:
    """Say in a word or two what was seen or what is wrong."""
    if facts.kind.startswith("trouble."):
        return cause_of(facts.trouble, facts.cause)
    return CLASSES.get(facts.object_class, Text(facts.object_class, facts.object_class))


def cause_of(trouble: str, cause: str) -> Text:
    """Say what is wrong, by the kind of incident and the cause."""
    known = OTHER_CAUSES.get((trouble, cause))
    if known is None and trouble in {"", "camera_trouble"}:
        known = CAUSES.get(cause)
    return known or Text(cause, cause)


def delivery_word(state: str) -> Text:
    """Say how a delivery stands."""
    return DELIVERY_STATES.get(state, Text(state, state))


def headline(facts: Facts) -> Text:
    """Say it in one line: number, kind, what, where."""
    kind = KINDS.get(facts.kind, Text(facts.kind, facts.kind))
    what = what_of(facts)
    number = f"[{facts.number}] " if facts.number is not None else ""
    is_marked = facts.is_test and facts.kind != "test.alarm"
    test = Text(nl="PROEF ", en="TEST ") if is_marked else Text("", "")
    often = _often(facts)
    return Text(
        nl=f"{number}{test.nl}{kind.nl}: "
        + ", ".join(filter(None, (what.nl, facts.place, often.nl))),
        en=f"{number}{test.en}{kind.en}: "
        + ", ".join(filter(None, (what.en, facts.place, often.en))),
    )


def _often(facts: Facts) -> Text:
    """Say how often a trouble was there, in how many minutes (rounded up)."""
    if facts.n_times <= 1:
        return Text("", "")
    minutes = max(1, math.ceil(facts.span_s / 60))
    return Text(
        nl=f"{facts.n_times} keer in {minutes} min", en=f"{facts.n_times} times in {minutes} min"
    )


def _moment(value: str, zone: ZoneInfo) -> str:
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return value
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %Z")


def lines_of(facts: Facts, zone: ZoneInfo) -> list[Text]:
    """
    Say the rest, one fact a line.

    Parameters
    ----------
    facts
        What is known.
    zone
        The readers' time zone.
    """
    severity = SEVERITIES.get(facts.severity, Text(facts.severity, facts.severity))
    found = [
        (Text(nl="Terrein", en="Site"), Text(facts.site, facts.site)),
        (Text(nl="Plaats", en="Place"), Text(facts.place, facts.place)),
        (Text(nl="Camera", en="Camera"), Text(facts.camera, facts.camera)),
        (Text(nl="Tijd", en="Time"), Text(*[_moment(facts.started_at, zone)] * 2)),
        (Text(nl="Ernst", en="Severity"), severity),
    ]
    if facts.avs_level is not None:
        level = f"AVS-01 {facts.avs_level}"
        found.append((Text(nl="Niveau", en="Level"), Text(level, level)))
    if facts.late_s:
        late = Text(
            nl=f"{facts.late_s:.0f} s te laat verzonden", en=f"sent {facts.late_s:.0f} s late"
        )
        found.append((Text(nl="Let op", en="Note"), late))
    if facts.lon_lat:
        lon, lat = facts.lon_lat
        place = f"https://www.openstreetmap.org/?mlat={lat}&mlon={lon}#map=19/{lat}/{lon}"
        found.append((Text(nl="Kaart", en="Map"), Text(place, place)))
    if facts.link:
        found.append((Text(nl="Bekijk", en="View"), Text(facts.link, facts.link)))
    return [
        Text(nl=f"{name.nl}: {value.nl}", en=f"{name.en}: {value.en}")
        for name, value in found
        if value.nl
    ]
