"""
When tracks become an event: the rules of one camera, and what is open.

An event is confirmed while it goes on, and stays open while its objects are seen. A track that
appears in the same zone within the merge gap, when nothing of the event is in view, is the same
object again; one that appears beside an object in view belongs to its group; one that appears
elsewhere meanwhile is another event. Who left over the edge of the picture is not waited for.
Parked vehicles are background: they raise no intrusion and end the event of their arrival. All
times are media time; lengths in pixels are compared with the size of the object itself.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from statistics import median
from uuid import UUID

from parkwacht_config.site import ObjectClass, ZoneRule
from parkwacht_vision.boxes import FOUR_WHEELED, box_iou
from parkwacht_vision.lingering import LingerWatch
from parkwacht_vision.movement import RuleSettings as RuleSettings  # noqa: PLC0414
from parkwacht_vision.movement import (
    first_moving,
    has_evidence,
    has_moved,
    is_beside,
    is_near,
    is_small,
    leaves_picture,
    overlap,
)
from parkwacht_vision.parked import STILL_IOU, ParkedVehicles
from parkwacht_vision.rules_dwell import (
    ArrivalFinder,
    CountFinder,
    Finding,
    LoiteringFinder,
    Sight,
    StoppedFinder,
)
from parkwacht_vision.rules_event import Intrusion as Intrusion  # noqa: PLC0414
from parkwacht_vision.rules_event import event_id as event_id  # noqa: PLC0414
from parkwacht_vision.rules_lines import DirectionFinder, LineFinder
from parkwacht_vision.tracker import Sighting, Track
from parkwacht_vision.zones import Calendar, View, Watched, WatchedLine, WatchedZone

# These count while they are seen; a vehicle only while it moves.
_ACTIVE = frozenset({ObjectClass.PERSON, ObjectClass.MOVING})
SURE_KIND, SURE_CONFIDENCE = 0.75, 0.75  # share of its votes, and median: surely of its kind
LEFT_GAP_S = 2.0  # who left through the edge of the picture is another one when somebody comes
# An event of these kinds is one vehicle's own.
_OF_ONE = frozenset({"arrival", "departure", "stopped_vehicle"})

Finder = (
    LineFinder | DirectionFinder | LoiteringFinder | StoppedFinder | ArrivalFinder | CountFinder
)


class IntrusionRule:
    """
    The rules of one camera.

    Parameters
    ----------
    zones
        What it watches, the most severe zone first.
    view
        The camera at the size of its pictures.
    calendar
        Which zones are armed.
    settings
        What it takes.
    event_id
        Makes the id of an event from its zone, first instant and track number.
    """

    def __init__(
        self,
        zones: Sequence[Watched],
        view: View,
        *,
        calendar: Calendar,
        settings: RuleSettings,
        event_id: Callable[[str, datetime, int], UUID],
    ) -> None:
        self._zones = [
            one for one in zones if isinstance(one, WatchedZone) and one.rule is ZoneRule.INTRUSION
        ]
        self._finders = [
            _finder_of(one, settings, view)
            for one in zones
            if isinstance(one, WatchedLine) or one.rule is not ZoneRule.INTRUSION
        ]
        self._view = view
        self._calendar = calendar
        self._settings = settings
        self._event_id = event_id
        self._parked = ParkedVehicles(settings, view)
        self._lingering = LingerWatch(view)
        self.open: list[Intrusion] = []

    def is_armed(self, at: datetime) -> bool:
        """Return whether any zone or line of the camera is armed."""
        watched = [*self._zones, *(one.zone for one in self._finders)]
        return any(self._calendar.is_armed(one, at) for one in watched)

    def is_waiting(self, media_time_s: float) -> bool:
        """Return whether a rule needs to see more: a vehicle that drove in does not stand yet."""
        return bool(self._finders) and self._parked.is_waiting(media_time_s)

    def update(self, tracks: Sequence[Track], at: datetime) -> list[Intrusion]:
        """Take in the tracks seen in one frame; return the events this frame confirmed."""
        if not tracks:
            return []
        sight = Sight(tracks, self._parked, self._parked.update(tracks))
        self._see_again(tracks)
        confirmed = []
        for track in tracks:
            zone = self._zone_entered(track, at)
            if zone is None or not self._has_evidence(track):
                continue
            if not self._join(track, zone):
                confirmed.append(
                    self._begin(Finding("intrusion", track, first_moving(track)), zone)
                )
        for finder in self._finders:
            if self._calendar.is_armed(finder.zone, at):
                confirmed += self._take(finder.find(sight), finder.zone)
        self._note_lingering(tracks)
        return confirmed

    def restless(self, tracks: Sequence[Track]) -> list[Track]:
        """Return the tracks that an event may come of: no vehicle where it was seen first."""
        return [
            one
            for one in tracks
            if one.object_class not in FOUR_WHEELED
            or box_iou(one.first.xyxy, one.last.xyxy) < STILL_IOU
        ]

    def _see_again(self, tracks: Sequence[Track]) -> None:
        for track in tracks:
            is_active = self._is_active(track)
            for one in self.open:
                stands = one.kind == "stopped_vehicle" and self._parked.is_standing(track.number)
                if (is_active or stands) and track.number in one.seen:
                    one.see(track.number, track.last, self._view)

    def _is_active(self, track: Track) -> bool:
        return track.object_class in _ACTIVE or (
            has_moved(track, self._settings, self._view)
            and not self._parked.is_standing(track.number)
        )

    def _has_evidence(self, track: Track) -> bool:
        return has_evidence(track, self._settings, self._view) and not self._parked.is_standing(
            track.number
        )

    def _take(self, found: Sequence[Finding], zone: Watched) -> list[Intrusion]:
        """Let findings join what is open; begin events for the others."""
        return [
            self._begin(one, zone)
            for one in found
            if not self._join(one.track, zone, one.kind) and one.is_new
        ]

    def _note_lingering(self, tracks: Sequence[Track]) -> None:
        lingering = self._lingering.update(tracks, self._parked.standing)
        for one in self.open:
            one.is_at_vehicle = one.is_at_vehicle or bool(lingering & one.seen.keys())

    def expire(self, media_time_s: float) -> list[Intrusion]:
        """Close and return the events that were not seen for longer than the merge gap."""
        over = [
            one
            for one in self.open
            if media_time_s - one.last_active.media_time_s > self._gap_s(one)
        ]
        self.open = [one for one in self.open if one not in over]
        return over

    def _gap_s(self, intrusion: Intrusion) -> float:
        """Return how long an event waits for its objects to be seen again."""
        has_left = all(leaves_picture(one.xyxy, self._view) for one in self._last_of(intrusion))
        return LEFT_GAP_S if has_left else self._settings.merge_gap_s

    def _last_of(self, intrusion: Intrusion) -> list[Sighting]:
        """Return the last sightings of the tracks that were seen until its end."""
        end_s = intrusion.last_active.media_time_s
        return [one for one in intrusion.seen.values() if end_s - one.media_time_s <= LEFT_GAP_S]

    def close(self) -> list[Intrusion]:
        """Close and return all that are open."""
        over, self.open = self.open, []
        return over

    def _zone_entered(self, track: Track, at: datetime) -> WatchedZone | None:
        last = list(track.sightings)[-3:]
        for zone in self._zones:
            if track.object_class not in zone.classes or not self._calendar.is_armed(zone, at):
                continue
            # A misfit may stand above a wrong horizon; other movement always has a place.
            is_misfit = track.object_class is ObjectClass.MOVING
            inside = [zone.contains(one.xyxy, self._view, if_nowhere=is_misfit) for one in last]
            if inside[-1] and sum(inside) >= 2:  # noqa: PLR2004 - a single jump is no entry
                return zone
        return None

    def _join(self, track: Track, zone: Watched, kind: str = "intrusion") -> bool:
        """Return whether the track belongs to an open event of this kind, and let it."""
        alike = [one for one in self.open if one.kind == kind]
        for intrusion in alike:
            is_place = intrusion.zone.id == zone.id or (
                kind == "intrusion" and intrusion.zone.severity == zone.severity
            )
            if track.number in intrusion.seen and is_place:
                return True
        if kind in _OF_ONE:
            return False
        of_zone = [one for one in alike if one.zone.id == zone.id]
        # Whoever was lost last is the likeliest to come back.
        for intrusion in sorted(of_zone, key=lambda one: -one.last_active.media_time_s):
            if kind == "count" or self._belongs(track, intrusion):
                intrusion.see(track.number, track.last, self._view)
                return True
        return False

    def _belongs(self, track: Track, intrusion: Intrusion) -> bool:
        """Persons and two-wheelers are one kind, four-wheelers another; parts join their whole."""
        is_known = track.object_class is not ObjectClass.MOVING
        if is_known and intrusion.object_class is ObjectClass.MOVING:
            return False  # who is recognised deserves the alarm of his zone, not a low one
        in_view = intrusion.in_view(track.last.media_time_s)
        if self._settings.merges_kinds and self._view.model is None:
            # Blobs without a size in metres: one object is easily two of them.
            return not self._is_another(track, intrusion, in_view)
        if not is_known:
            return not in_view or any(
                is_beside(track.last.xyxy, one.xyxy, self._view) for one in in_view
            )
        is_kind = is_small(track.object_class) == is_small(intrusion.object_class)
        if not in_view:
            return is_kind or self._settings.merges_kinds
        if is_kind or self._settings.merges_kinds:
            return any(is_near(track.last.xyxy, one.xyxy, self._view) for one in in_view)
        return any(overlap(track.last.xyxy, one.xyxy) >= 0.5 for one in in_view)  # noqa: PLR2004

    def _is_another(self, track: Track, intrusion: Intrusion, in_view: Sequence[Sighting]) -> bool:
        """Return whether a track is surely of the other kind, and apart from who is in view."""
        if track.object_class is ObjectClass.MOVING or (
            is_small(track.object_class) == is_small(intrusion.object_class)
        ):
            return False
        recent = track.recent(self._settings.window_s)
        return (
            track.votes[track.object_class] >= SURE_KIND * track.votes.total()
            and median(one.confidence for one in recent) >= SURE_CONFIDENCE
            and not any(is_near(track.last.xyxy, one.xyxy, self._view) for one in in_view)
        )

    def _begin(self, finding: Finding, zone: Watched) -> Intrusion:
        track, first = finding.track, finding.first
        recent = track.recent(self._settings.window_s)
        intrusion = Intrusion(
            id=self._event_id(zone.id, first.at, track.number),
            zone=zone,
            first=first,
            confirmed=track.last,
            best=max(recent, key=lambda one: one.confidence),
            last_active=track.last,
            seen={},
            votes=Counter(track.votes),
            confidence=round(median(one.confidence for one in recent), 4),
            kind=finding.kind,
        )
        for sighting in track.sightings:
            if sighting.media_time_s >= first.media_time_s:
                intrusion.see(track.number, sighting, self._view)
        intrusion.votes = Counter(track.votes)
        self.open.append(intrusion)
        return intrusion


def _finder_of(watched: Watched, settings: RuleSettings, view: View) -> Finder:
    """Return what looks for the rule of a zone or line."""
    if isinstance(watched, WatchedLine):
        return LineFinder(watched, settings, view)
    if watched.rule is ZoneRule.LOITERING:
        return LoiteringFinder(watched, settings, view)
    if watched.rule is ZoneRule.STOPPED_VEHICLE:
        return StoppedFinder(watched, view)
    if watched.rule is ZoneRule.DIRECTION:
        return DirectionFinder(watched, settings, view)
    if watched.rule is ZoneRule.COUNT:
        return CountFinder(watched, settings, view)
    return ArrivalFinder(watched, view)
