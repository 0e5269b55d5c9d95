"""
Who crosses a line, and who goes a way that is not allowed.

A track is on one side of a line when its foot is farther from it than a margin, twice in a row:
who stands on the line, or whose box jumps over it once, has not crossed it. Metres where the
camera is calibrated and the line is on the map, else pixels, compared with the size of the object.
"""

import math
from dataclasses import dataclass
from statistics import median

from shapely.geometry import LineString

from parkwacht_vision.ground import anchor_px, ground_position_m
from parkwacht_vision.movement import RuleSettings, has_evidence, is_near, is_small
from parkwacht_vision.rules_dwell import Finding, Sight
from parkwacht_vision.tracker import Sighting, Track, XyXy
from parkwacht_vision.zones import View, WatchedLine, WatchedZone

MARGIN_M = 0.3
MARGIN_SIZES = 0.12
SURE_SIGHTINGS = 2  # beyond the margin, in a row
LOST_S = 3.0  # a new track this soon after, near where one was lost, goes on from its side
PENDING_S = 3.0  # a crossing waits so long for the rest of the evidence
HEADING_S = 2.0
HEADING_SIGHTINGS = 4
HEADING_M = 1.0
HEADING_SIZES = 0.5

Point2 = tuple[float, float]


@dataclass(slots=True)
class _Passage:
    """Where a track is, seen from a line."""

    last: Sighting
    side: int = 0  # 1 on the left, -1 on the right, 0 not known yet
    at: Point2 = (0.0, 0.0)  # where it was last surely on that side
    n_other: int = 0  # sightings in a row surely on the other side
    crossed_s: float | None = None  # it crossed then, and has yet to show what it is


class LineFinder:
    """Who crosses a line the way that is watched."""

    def __init__(self, line: WatchedLine, settings: RuleSettings, view: View) -> None:
        self.zone = line
        self._settings = settings
        self._view = view
        self._passages: dict[int, _Passage] = {}

    def find(self, sight: Sight) -> list[Finding]:
        """Return who crossed it by now."""
        now_s = sight.now_s
        self._passages = {
            number: one
            for number, one in self._passages.items()
            if abs(now_s - one.last.media_time_s) <= LOST_S
        }
        numbers = {one.number for one in sight.tracks}
        found = []
        for track in sight.of(self.zone):
            passage = self._passage_of(track, numbers)
            passage.last = track.last
            if not sight.parked.is_standing(track.number) and self._has_crossed(passage, track):
                passage.crossed_s = now_s
            if passage.crossed_s is None:
                continue
            if abs(now_s - passage.crossed_s) > PENDING_S:
                passage.crossed_s = None
            elif has_evidence(track, self._settings, self._view):
                passage.crossed_s = None
                found.append(Finding("line_crossing", track, track.first))
        return found

    def _passage_of(self, track: Track, numbers: set[int]) -> _Passage:
        if track.number not in self._passages:
            lost = [
                (one.last.media_time_s, number)
                for number, one in self._passages.items()
                if number not in numbers
                and is_small(one.last.object_class) == is_small(track.last.object_class)
                and is_near(one.last.xyxy, track.last.xyxy, self._view)
            ]
            passage = self._passages.pop(max(lost)[1]) if lost else _Passage(track.last)
            self._passages[track.number] = passage
        return self._passages[track.number]

    def _has_crossed(self, passage: _Passage, track: Track) -> bool:
        """Take in where a track is; return whether it came over the line the watched way."""
        place = self.zone.foot(track.last.xyxy, self._view)
        if place is None:
            return False
        left = self.zone.distance_left(place)
        side = 0 if abs(left) < self._margin(track.last.xyxy) else (1 if left > 0 else -1)
        if side == 0:
            return False
        if side == passage.side:
            passage.at, passage.n_other = place, 0
            return False
        passage.n_other += 1
        if passage.side != 0 and passage.n_other < SURE_SIGHTINGS:
            return False
        was_side, was_at = passage.side, passage.at
        passage.side, passage.at, passage.n_other = side, place, 0
        if was_side == 0 or not LineString([was_at, place]).intersects(self.zone.shape):
            return False  # it came around the end of the line
        way = "left_to_right" if was_side > 0 else "right_to_left"
        return self.zone.crossing in {"both", way}

    def _margin(self, box: XyXy) -> float:
        if self.zone.is_on_map:
            return MARGIN_M
        return MARGIN_SIZES * max(box[2] - box[0], box[3] - box[1])


class DirectionFinder:
    """Who moves through a zone along its heading."""

    def __init__(self, zone: WatchedZone, settings: RuleSettings, view: View) -> None:
        self.zone = zone
        self._settings = settings
        self._view = view

    def find(self, sight: Sight) -> list[Finding]:
        """Return who goes that way now."""
        return [
            Finding("direction", one, one.first)
            for one in sight.of(self.zone)
            if not sight.parked.is_standing(one.number)
            and self.zone.contains(one.last.xyxy, self._view)
            and self._goes_along(one)
            and has_evidence(one, self._settings, self._view)
        ]

    def _goes_along(self, track: Track) -> bool:
        heading_deg = heading_of(track, self._view)
        if heading_deg is None:
            return False
        off_deg = abs((heading_deg - self.zone.heading_deg + 180) % 360 - 180)
        return off_deg <= self.zone.tolerance_deg


def heading_of(track: Track, view: View) -> float | None:
    """
    Return where a track goes, over its last two seconds.

    Returns
    -------
    heading_deg
        0 to 360, clockwise from grid north where the camera is calibrated, else from the top of
        the picture; None where it went too little to say.
    """
    recent = track.recent(HEADING_S)
    if len(recent) < HEADING_SIGHTINGS:
        return None
    feet_px = [anchor_px(one.xyxy) for one in recent]
    feet_m = [ground_position_m(view.model, one) for one in feet_px]
    on_map = [one for one in feet_m if one is not None]
    if view.model is not None and len(on_map) == len(feet_m):
        east, north = _shift(on_map)
        needed = HEADING_M
    else:
        east, down = _shift(feet_px)
        north = -down
        x1, y1, x2, y2 = track.last.xyxy
        needed = HEADING_SIZES * max(x2 - x1, y2 - y1)
    if math.hypot(east, north) < needed:
        return None
    return math.degrees(math.atan2(east, north)) % 360


def _shift(points: list[Point2]) -> Point2:
    """Return the way from the median of the first three points to that of the last three."""
    (x1, y1), (x2, y2) = (
        (median(one[0] for one in three), median(one[1] for one in three))
        for three in (points[:3], points[-3:])
    )
    return (x2 - x1, y2 - y1)
