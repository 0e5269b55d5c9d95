"""
Who stays in a zone, what stands in it, and how many are in it.

Each finder looks at one zone in every frame in which it is armed and names the tracks that meet
its rule now. Times are media time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from parkwacht_vision.event import EventKind
from parkwacht_vision.movement import RuleSettings, has_evidence, is_near, is_small
from parkwacht_vision.parked import ParkedVehicles, Place, VehicleMove
from parkwacht_vision.tracker import Sighting, Track
from parkwacht_vision.zones import View, Watched, WatchedZone

OUT_OF_SIGHT_S = 10.0  # who is lost this long, or is outside, begins a new stay
PRESENT_S = 1.5  # the detector does not look at everybody in every frame
COUNT_S = 0.5  # so many for so long


@dataclass(frozen=True, slots=True)
class Finding:
    """A track that meets a rule now, and the sighting its event begins with."""

    kind: EventKind
    track: Track
    first: Sighting
    is_new: bool = True  # False: it belongs to an event that was raised before


@dataclass(frozen=True, slots=True)
class Sight:
    """What there is to see in one frame."""

    tracks: Sequence[Track]
    parked: ParkedVehicles
    moves: Sequence[VehicleMove]

    @property
    def now_s(self) -> float:
        """Media time of the frame."""
        return max(one.last.media_time_s for one in self.tracks)

    def of(self, zone: Watched) -> list[Track]:
        """Return the tracks of the classes of a zone or line."""
        return [one for one in self.tracks if one.object_class in zone.classes]


@dataclass(slots=True)
class _Stay:
    first: Sighting
    last: Sighting
    is_real: bool = False
    is_raised: bool = False


class LoiteringFinder:
    """Who stays in a zone for longer than its dwell time, seen as one track or as several."""

    def __init__(self, zone: WatchedZone, settings: RuleSettings, view: View) -> None:
        self.zone = zone
        self._settings = settings
        self._view = view
        self._stays: dict[int, _Stay] = {}

    def find(self, sight: Sight) -> list[Finding]:
        """Return who stayed long enough."""
        now_s = sight.now_s
        self._stays = {
            number: one
            for number, one in self._stays.items()
            if abs(now_s - one.last.media_time_s) <= OUT_OF_SIGHT_S
        }
        numbers = {one.number for one in sight.tracks}
        found = []
        for track in sight.of(self.zone):
            if sight.parked.is_standing(track.number):
                continue
            if not self.zone.contains(track.last.xyxy, self._view):
                continue
            stay = self._stay_of(track, numbers)
            stay.last = track.last
            stay.is_real = stay.is_real or has_evidence(track, self._settings, self._view)
            stayed_s = track.last.media_time_s - stay.first.media_time_s
            if stay.is_real and stayed_s >= self.zone.dwell_s:
                found.append(Finding("loitering", track, stay.first, not stay.is_raised))
                stay.is_raised = True
        return found

    def _stay_of(self, track: Track, numbers: set[int]) -> _Stay:
        """Return the stay of a track: its own, that of one lost near here, or a new one."""
        if track.number not in self._stays:
            lost = [
                (one.last.media_time_s, number)
                for number, one in self._stays.items()
                if number not in numbers
                and is_small(one.last.object_class) == is_small(track.last.object_class)
                and is_near(one.last.xyxy, track.last.xyxy, self._view)
            ]
            stay = self._stays.pop(max(lost)[1]) if lost else _Stay(track.last, track.last)
            self._stays[track.number] = stay
        return self._stays[track.number]


class StoppedFinder:
    """Vehicles that stand in a zone for longer than its dwell time."""

    def __init__(self, zone: WatchedZone, view: View) -> None:
        self.zone = zone
        self._view = view
        self._raised: list[Place] = []

    def find(self, sight: Sight) -> list[Finding]:
        """Return the vehicles that stood long enough and were seen now."""
        standing = sight.parked.standing
        self._raised = [one for one in self._raised if any(one is other for other in standing)]
        seen = {one.number: one for one in sight.of(self.zone)}
        found = []
        for place in standing:
            track = seen.get(place.number)
            if track is None or place.stood_s < self.zone.dwell_s:
                continue
            if not self.zone.contains(place.box, self._view):
                continue
            is_raised = any(one is place for one in self._raised)
            found.append(Finding("stopped_vehicle", track, place.since, not is_raised))
            if not is_raised:
                self._raised.append(place)
        return found


class ArrivalFinder:
    """Vehicles that come to rest in a zone, and those that drive off."""

    def __init__(self, zone: WatchedZone, view: View) -> None:
        self.zone = zone
        self._view = view

    def find(self, sight: Sight) -> list[Finding]:
        """Return those that did so by now."""
        return [
            Finding(one.kind, one.track, one.first)
            for one in sight.moves
            if one.track.object_class in self.zone.classes
            and self.zone.contains(one.box, self._view)
        ]


class CountFinder:
    """So many at once in a zone; parked vehicles count as long as they stand."""

    def __init__(self, zone: WatchedZone, settings: RuleSettings, view: View) -> None:
        self.zone = zone
        self._settings = settings
        self._view = view
        self._present: dict[int, Sighting] = {}
        self._since_s: float | None = None

    def find(self, sight: Sight) -> list[Finding]:
        """Return those seen now, where they are enough."""
        now_s = sight.now_s
        inside = [
            one
            for one in sight.of(self.zone)
            if not sight.parked.is_standing(one.number)
            and self.zone.contains(one.last.xyxy, self._view)
            and (one.number in self._present or has_evidence(one, self._settings, self._view))
        ]
        self._present |= {one.number: one.last for one in inside}
        self._present = {
            number: one
            for number, one in self._present.items()
            if abs(now_s - one.media_time_s) <= PRESENT_S
            and self.zone.contains(one.xyxy, self._view)
        }
        n_present = len(self._present) + sum(
            one.last.object_class in self.zone.classes and self.zone.contains(one.box, self._view)
            for one in sight.parked.standing
        )
        if n_present < self.zone.min_count:
            self._since_s = None
            return []
        self._since_s = now_s if self._since_s is None else min(self._since_s, now_s)
        if now_s - self._since_s < COUNT_S:
            return []
        return [Finding("count", one, one.last) for one in inside]
