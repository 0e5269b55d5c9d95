"""
When tracks become an intrusion: seen often, moved, in an armed zone; one event per intrusion.

An event is confirmed while it goes on, and stays open while its objects are seen. A track that
appears in the same zone within the merge gap, when nothing of the event is in view, is the same
object again; one that appears beside an object in view belongs to its group; one that appears
elsewhere meanwhile is another intrusion. Parked vehicles never raise
one and end the event of their arrival, because a vehicle counts only while it moves. All times are
media time; lengths in pixels are compared with the size of the object itself.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from statistics import median
from uuid import UUID, uuid5

from parkwacht_config.site import ObjectClass, Severity
from parkwacht_vision.ground import anchor_px, ground_position_m
from parkwacht_vision.tracker import Sighting, Track, XyXy
from parkwacht_vision.zones import Calendar, View, WatchedZone

NAMESPACE = UUID("6d8f3a52-9f0e-5c1e-9f0b-5a7f2b1c4e90")
_ON_TWO_WHEELS = frozenset({ObjectClass.PERSON, ObjectClass.BICYCLE, ObjectClass.MOTORCYCLE})
# These count while they are seen; a vehicle only while it moves.
_ACTIVE = frozenset({ObjectClass.PERSON, ObjectClass.MOVING})
MOVING_SIGHTINGS = 3
LEFT_GAP_S = 2.0  # who left through the edge of the picture is another one when somebody comes
EDGE_SHARE = 0.03  # of the picture's width or height: this near to the edge is leaving
IN_VIEW_S = 0.5
GROUP_M = 5.0  # who walks this near belongs together
GROUP_SIZES = 1.5  # the same without calibration, in the longest side of the larger box
_PATH_STEP_S = 0.5
_MAX_PATH_POINTS = 2000


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """What it takes to confirm an intrusion, and when it is over."""

    window_s: float = 1.5  # sightings of this last while are counted
    min_sightings: int = 3
    min_duration_s: float = 0.3
    min_confidence: float = 0.4  # median over the window
    person_shift: float = 0.25  # of its height
    vehicle_shift: float = 0.4  # of the root of its area
    min_straightness: float = 0.0  # net shift over path length
    max_person_speed_m_s: float = 12.0  # a cyclist or a sprinter
    allows_still_persons: bool = True
    merge_gap_s: float = 20.0
    merges_kinds: bool = False  # where person and vehicle cannot be told apart reliably

    @classmethod
    def for_detector(cls, name: str) -> "RuleSettings":
        """Return the settings for a detector: the embedded one has to give more evidence."""
        if name != "embedded":
            return cls()
        return cls(
            window_s=2.0,
            min_sightings=7,
            min_duration_s=0.9,
            person_shift=0.6,
            vehicle_shift=0.6,
            min_straightness=0.5,
            max_person_speed_m_s=8.0,
            allows_still_persons=False,
            merges_kinds=True,
        )


def median_box(sightings: Sequence[Sighting]) -> XyXy:
    """Return the median of each coordinate of boxes: one bad box does not move it."""
    x1, y1, x2, y2 = (median(one.xyxy[axis] for one in sightings) for axis in range(4))
    return (x1, y1, x2, y2)


def _centre(box: XyXy) -> tuple[float, float]:
    return ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)


def _area(box: XyXy) -> float:
    return max(1.0, (box[2] - box[0]) * (box[3] - box[1]))


def has_moved(track: Track, settings: RuleSettings, view: View) -> bool:
    """
    Return whether a track moved within its history, by displacement and not by jitter.

    The first and last three boxes are compared by their medians. A person coming straight at the
    camera grows instead of shifting. A vehicle may not count by growth alone unless it is large:
    something passing in front of a parked car shrinks its box.
    """
    sightings = list(track.sightings)
    if len(sightings) < max(settings.min_sightings, 4):
        return False
    begin, end = median_box(sightings[:3]), median_box(sightings[-3:])
    shift = math.dist(_centre(begin), _centre(end))
    growth = _area(end) / _area(begin)
    if track.object_class is ObjectClass.PERSON:
        height = max(begin[3] - begin[1], end[3] - end[1])
        is_moving = shift >= settings.person_shift * height or not 1 / 1.6 < growth < 1.6  # noqa: PLR2004
    else:
        size = math.sqrt(max(_area(begin), _area(end)))
        is_moving = shift >= settings.vehicle_shift * size or growth > 2.5  # noqa: PLR2004
    if not is_moving:
        return False
    return _is_straight(sightings, shift, settings) and _is_possible(
        track, begin, end, settings, view
    )


def _is_straight(sightings: list[Sighting], shift: float, settings: RuleSettings) -> bool:
    if settings.min_straightness <= 0:
        return True
    # Every third box, so that the jitter of single boxes does not count as way.
    steps = [_centre(one.xyxy) for one in sightings[::3]]
    way = sum(math.dist(a, b) for a, b in pairwise(steps))
    return way > 0 and shift / way >= settings.min_straightness


def _is_possible(track: Track, begin: XyXy, end: XyXy, settings: RuleSettings, view: View) -> bool:
    if track.object_class is not ObjectClass.PERSON:
        return True
    start_m = ground_position_m(view.model, anchor_px(begin))
    end_m = ground_position_m(view.model, anchor_px(end))
    if start_m is None or end_m is None:
        return True
    seconds = track.last.media_time_s - track.sightings[0].media_time_s
    return seconds > 0 and math.dist(start_m, end_m) / seconds <= settings.max_person_speed_m_s


def is_living(track: Track) -> bool:
    """
    Return whether a person who stays in place is alive: long, surely seen, and never quite still.

    A statue or a picture on a wall gives boxes that differ by less than 6 % of its height.
    """
    sightings = list(track.sightings)
    if track.object_class is not ObjectClass.PERSON or len(sightings) < 20:  # noqa: PLR2004
        return False
    if sightings[-1].media_time_s - sightings[0].media_time_s < 4.0:  # noqa: PLR2004
        return False
    if median(one.confidence for one in sightings) < 0.5:  # noqa: PLR2004
        return False
    heights = sorted(one.xyxy[3] - one.xyxy[1] for one in sightings)
    widths = sorted(one.xyxy[2] - one.xyxy[0] for one in sightings)
    centres = sorted(_centre(one.xyxy)[0] for one in sightings)
    low, high = len(sightings) // 10, len(sightings) - 1 - len(sightings) // 10
    spread = max(row[high] - row[low] for row in (heights, widths, centres))
    return spread >= 0.06 * heights[len(heights) // 2]


def is_near(a: XyXy, b: XyXy, view: View) -> bool:
    """Return whether two objects of one moment are a group: 5 m, or one and a half times a size."""
    a_m = ground_position_m(view.model, anchor_px(a))
    b_m = ground_position_m(view.model, anchor_px(b))
    if a_m is not None and b_m is not None:
        return math.dist(a_m, b_m) <= GROUP_M
    size = max(a[2] - a[0], a[3] - a[1], b[2] - b[0], b[3] - b[1])
    return _overlap(a, b) > 0 or math.dist(_centre(a), _centre(b)) <= GROUP_SIZES * size


def leaves_picture(box: XyXy, view: View) -> bool:
    """Return whether a box is at the edge of the picture, where its object leaves or enters."""
    across, down = EDGE_SHARE * view.width_px, EDGE_SHARE * view.height_px
    return (
        box[0] <= across
        or box[1] <= down
        or box[2] >= view.width_px - across
        or box[3] >= view.height_px - down
    )


def _overlap(a: XyXy, b: XyXy) -> float:
    """Return the overlap of two boxes as a share of the smaller."""
    across = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    down = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    return across * down / min(_area(a), _area(b))


@dataclass(slots=True)
class Intrusion:
    """One event while it is open."""

    id: UUID
    zone: WatchedZone
    first: Sighting
    confirmed: Sighting
    best: Sighting
    last_active: Sighting
    seen: dict[int, Sighting]  # the latest sighting of each of its tracks
    votes: Counter[ObjectClass]
    confidence: float
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


class IntrusionRule:
    """
    The rule of one camera.

    Parameters
    ----------
    zones
        What it watches, the most severe first.
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
        zones: Sequence[WatchedZone],
        view: View,
        *,
        calendar: Calendar,
        settings: RuleSettings,
        event_id: Callable[[str, datetime, int], UUID],
    ) -> None:
        self._zones = zones
        self._view = view
        self._calendar = calendar
        self._settings = settings
        self._event_id = event_id
        self.open: list[Intrusion] = []

    def is_armed(self, at: datetime) -> bool:
        """Return whether any zone of the camera is armed."""
        return any(self._calendar.is_armed(zone, at) for zone in self._zones)

    def update(self, tracks: Sequence[Track], at: datetime) -> list[Intrusion]:
        """Take in the tracks seen in one frame; return the intrusions this frame confirmed."""
        confirmed = []
        for track in tracks:
            is_active = track.object_class in _ACTIVE or has_moved(
                track, self._settings, self._view
            )
            for intrusion in self.open:
                if is_active and track.number in intrusion.seen:
                    intrusion.see(track.number, track.last, self._view)
            zone = self._zone_entered(track, at)
            if zone is not None and self._has_evidence(track) and not self._join(track, zone):
                confirmed.append(self._begin(track, zone))
        return confirmed

    def expire(self, media_time_s: float) -> list[Intrusion]:
        """Close and return the intrusions that were not seen for longer than the merge gap."""
        over = [
            one
            for one in self.open
            if media_time_s - one.last_active.media_time_s > self._gap_s(one)
        ]
        self.open = [one for one in self.open if one not in over]
        return over

    def _gap_s(self, intrusion: Intrusion) -> float:
        """Return how long an intrusion waits for its objects to be seen again."""
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
            inside = [zone.contains(one.xyxy, self._view) for one in last]
            if inside[-1] and sum(inside) >= 2:  # noqa: PLR2004 - a single jump is no entry
                return zone
        return None

    def _has_evidence(self, track: Track) -> bool:
        if track.object_class is ObjectClass.MOVING:
            return len(track.sightings) >= MOVING_SIGHTINGS  # the rest was asked by `motion`
        recent, needed = track.recent(self._settings.window_s), self._settings
        if len(recent) < needed.min_sightings:
            return False
        if recent[-1].media_time_s - track.first.media_time_s < needed.min_duration_s:
            return False
        if median(one.confidence for one in recent) < needed.min_confidence:
            return False
        return has_moved(track, needed, self._view) or (
            needed.allows_still_persons and is_living(track)
        )

    def _join(self, track: Track, zone: WatchedZone) -> bool:
        """Return whether the track belongs to an open intrusion, and let it."""
        for intrusion in self.open:
            if track.number in intrusion.seen and intrusion.zone.severity == zone.severity:
                return True
        of_zone = [one for one in self.open if one.zone.id == zone.id]
        # Whoever was lost last is the likeliest to come back.
        for intrusion in sorted(of_zone, key=lambda one: -one.last_active.media_time_s):
            if self._belongs(track, intrusion):
                intrusion.see(track.number, track.last, self._view)
                return True
        return False

    def _belongs(self, track: Track, intrusion: Intrusion) -> bool:
        """Persons and two-wheelers are one kind, four-wheelers another; parts join their whole."""
        if ObjectClass.MOVING in {track.object_class, intrusion.object_class}:
            in_view = intrusion.in_view(track.last.media_time_s)
            return not in_view or any(
                is_near(track.last.xyxy, one.xyxy, self._view) for one in in_view
            )
        is_small = track.object_class in _ON_TWO_WHEELS
        is_kind = is_small == (intrusion.object_class in _ON_TWO_WHEELS)
        if self._settings.merges_kinds and self._view.model is None:
            return True  # blobs without a size in metres: one object is easily two of them
        in_view = intrusion.in_view(track.last.media_time_s)
        if not in_view:
            return is_kind or self._settings.merges_kinds
        if is_kind or self._settings.merges_kinds:
            return any(is_near(track.last.xyxy, one.xyxy, self._view) for one in in_view)
        return any(_overlap(track.last.xyxy, one.xyxy) >= 0.5 for one in in_view)  # noqa: PLR2004

    def _begin(self, track: Track, zone: WatchedZone) -> Intrusion:
        recent = track.recent(self._settings.window_s)
        intrusion = Intrusion(
            id=self._event_id(zone.id, track.first.at, track.number),
            zone=zone,
            first=track.first,
            confirmed=track.last,
            best=max(recent, key=lambda one: one.confidence),
            last_active=track.last,
            seen={},
            votes=Counter(track.votes),
            confidence=round(median(one.confidence for one in recent), 4),
        )
        for sighting in track.sightings:
            intrusion.see(track.number, sighting, self._view)
        intrusion.votes = Counter(track.votes)
        self.open.append(intrusion)
        return intrusion


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
