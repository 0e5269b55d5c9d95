"""
One event while it is open, of whichever rule, and how it gets its id.

Times are media time.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid5

from parkwacht_config.site import ObjectClass, Severity
from parkwacht_vision.event import EventKind
from parkwacht_vision.ground import anchor_px, ground_position_m
from parkwacht_vision.tracker import Sighting
from parkwacht_vision.zones import View, Watched

NAMESPACE = UUID("6d8f3a52-9f0e-5c1e-9f0b-5a7f2b1c4e90")
IN_VIEW_S = 0.5
_PATH_STEP_S = 0.5
_MAX_PATH_POINTS = 2000


@dataclass(slots=True)
class Intrusion:
    """One event while it is open."""

    id: UUID
    zone: Watched
    first: Sighting
    confirmed: Sighting
    best: Sighting
    last_active: Sighting
    seen: dict[int, Sighting]  # the latest sighting of each of its tracks
    votes: Counter[ObjectClass]
    confidence: float
    kind: EventKind = "intrusion"
    is_at_vehicle: bool = False  # a person of it lingered at a parked vehicle
    path_m: list[tuple[float, float, float]] = field(default_factory=list)

    @property
    def object_class(self) -> ObjectClass:
        """The class with most of the weight over all its tracks; a known one before `moving`."""
        known = [one for one in self.votes if one is not ObjectClass.MOVING]
        return max(known or self.votes, key=lambda one: (self.votes[one], one))

    @property
    def severity(self) -> Severity:
        """Its zone's; what was not recognised is of low severity."""
        is_known = self.object_class is not ObjectClass.MOVING
        return self.zone.severity if is_known else Severity.LOW

    def in_view(self, now_s: float) -> list[Sighting]:
        """Return the sightings of its tracks that are in view at a media time."""
        return [one for one in self.seen.values() if now_s - one.media_time_s <= IN_VIEW_S]

    def see(self, number: int, sighting: Sighting, view: View) -> None:
        """Take in that one of its tracks was seen again."""
        self.seen[number] = self.last_active = sighting
        self.votes[sighting.object_class] += sighting.confidence  # type: ignore[assignment]
        if sighting.confidence > self.best.confidence:
            self.best = sighting
        since_s = (sighting.at - self.first.at).total_seconds()
        if self.path_m and since_s - self.path_m[-1][0] < _PATH_STEP_S:
            return
        position_m = ground_position_m(view.model, anchor_px(sighting.xyxy))
        if position_m is not None and len(self.path_m) < _MAX_PATH_POINTS:
            x_m, y_m = (round(one, 2) for one in position_m)
            self.path_m.append((round(since_s, 2), x_m, y_m))


def event_id(key: Sequence[str], first_seen_at: datetime, track_number: int) -> UUID:
    """
    Return the id of an event: the same recording watched again gives the same.

    Parameters
    ----------
    key
        Site, camera, zone and source name.
    first_seen_at
        First frame in which the object was seen.
    track_number
        Number of its track in this source.
    """
    first_ms = round(first_seen_at.timestamp() * 1000)
    return uuid5(NAMESPACE, "\x1f".join([*key, str(first_ms), str(track_number)]))
