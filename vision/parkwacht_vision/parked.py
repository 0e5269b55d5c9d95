"""
Vehicles that stand: background until they leave.

A place is known by where a vehicle stands, not by the number of its track, so that it is the same
one after headlights, a jump of the exposure or somebody who walked in front made the detector lose
it. Times are media time; lengths in pixels are compared with the size of the vehicle itself.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from parkwacht_vision.boxes import FOUR_WHEELED, box_iou
from parkwacht_vision.movement import RuleSettings, area, centre, has_moved
from parkwacht_vision.tracker import Sighting, Track, XyXy
from parkwacht_vision.zones import View

REST_S = 4.0  # who stands this long is parked
STILL_IOU = 0.6
SAME_IOU = 0.5  # a new track here is the vehicle that stood here
AWAY_SIGHTINGS, AWAY_S = 3, 0.4
FARTHER_SIZES = 0.1  # who leaves is farther away at the end; a box that jumped is not
MOVED_ON_S = 10.0  # a box that stays changed so long is how the vehicle looks now
PASSED_S = 15.0  # who did not stand and is unseen for so long has driven on
MAX_PLACES = 200


@dataclass(slots=True)
class Place:
    """Where a vehicle is, and since when it stands there."""

    number: int  # of the track that was seen here last
    origin: XyXy
    box: XyXy
    since: Sighting
    last: Sighting
    is_parked: bool = False
    drove: bool = False  # it was seen driving before it stood
    away: Sighting | None = None  # the first one since it is elsewhere than it stood
    n_away: int = 0

    @property
    def stood_s(self) -> float:
        """For how long it was seen to stand here."""
        return self.last.media_time_s - self.since.media_time_s


@dataclass(frozen=True, slots=True)
class VehicleMove:
    """A vehicle that came to rest or drove off: when that began, and where it stands or stood."""

    kind: Literal["arrival", "departure"]
    track: Track
    first: Sighting
    box: XyXy


class ParkedVehicles:
    """
    The vehicles that stand before one camera.

    Parameters
    ----------
    settings
        What moving is.
    view
        The camera at the size of its pictures.
    """

    def __init__(self, settings: RuleSettings, view: View) -> None:
        self._settings = settings
        self._view = view
        self._places: list[Place] = []

    @property
    def standing(self) -> list[Place]:
        """Where vehicles are parked."""
        return [one for one in self._places if one.is_parked]

    def is_waiting(self, media_time_s: float) -> bool:
        """Return whether a vehicle that drove in and is still seen does not stand yet."""
        return any(
            one.drove
            and not one.is_parked
            and abs(media_time_s - one.last.media_time_s) <= PASSED_S
            for one in self._places
        )

    def is_standing(self, number: int) -> bool:
        """Return whether a track is a parked vehicle."""
        return any(one.number == number for one in self.standing)

    def update(self, tracks: Sequence[Track]) -> list[VehicleMove]:
        """
        Take in the tracks seen in one frame.

        Returns
        -------
        moves
            The arrivals and departures that this frame made sure.
        """
        if not tracks:
            return []
        numbers = {one.number for one in tracks}
        now_s = tracks[0].last.media_time_s
        self._places = [
            one
            for one in self._places
            if one.is_parked or abs(now_s - one.last.media_time_s) <= PASSED_S
        ]
        moves = []
        for track in tracks:
            if track.object_class not in FOUR_WHEELED:
                continue
            place = self._place_of(track, numbers)
            move = self._see(place, track, tracks)
            if move is not None:
                moves.append(move)
        return moves

    def _place_of(self, track: Track, numbers: set[int]) -> Place:
        for place in self._places:
            if place.number == track.number:
                if track.first.media_time_s > place.last.media_time_s:
                    # Its way began anew: the picture moved, not the vehicle.
                    place.origin = place.box = track.last.xyxy
                return place
        box = track.last.xyxy
        free = [one for one in self._places if one.number not in numbers]
        best = max(free, key=lambda one: box_iou(box, one.box), default=None)
        if best is not None and box_iou(box, best.box) >= SAME_IOU:
            best.number, best.last = track.number, track.last
            return best
        place = Place(track.number, track.first.xyxy, box, track.last, track.last)
        self._places = [*self._places[-MAX_PLACES + 1 :], place]
        return place

    def _see(self, place: Place, track: Track, tracks: Sequence[Track]) -> VehicleMove | None:
        box = track.last.xyxy
        if box_iou(box, place.box) >= STILL_IOU:
            place.last, place.away = track.last, None
            if not place.is_parked and place.stood_s >= REST_S:
                return self._park(place, track)
            return None
        if not place.is_parked:
            place.box, place.since, place.last = box, track.last, track.last
            place.drove = place.drove or has_moved(track, self._settings, self._view)
            return None
        return self._is_away(place, track, tracks)

    def _park(self, place: Place, track: Track) -> VehicleMove | None:
        """Let a vehicle be parked; whatever stood here before has gone unseen."""
        self._places = [
            one
            for one in self._places
            if not one.is_parked or box_iou(one.box, place.box) < SAME_IOU
        ]
        place.is_parked = True
        has_come = place.drove or _has_shifted(place.origin, place.box, self._settings)
        return VehicleMove("arrival", track, track.first, place.box) if has_come else None

    def _is_away(self, place: Place, track: Track, tracks: Sequence[Track]) -> VehicleMove | None:
        if place.away is None:
            place.away, place.n_away = track.last, 0
        first, place.n_away = place.away, place.n_away + 1
        if any(
            one.number != track.number
            and one.object_class in FOUR_WHEELED
            and box_iou(one.last.xyxy, place.box) >= SAME_IOU
            for one in tracks
        ):
            # The track went over to another vehicle: this one still stands.
            place.number, place.away = -1, None
            return None
        away_s = track.last.media_time_s - first.media_time_s
        if away_s >= AWAY_S and self._leaves(place, first.xyxy, track.last.xyxy):
            stood, place.box = place.box, track.last.xyxy
            place.since = place.last = track.last
            place.is_parked, place.drove = False, True
            return VehicleMove("departure", track, first, stood)
        if away_s >= MOVED_ON_S:
            place.box, place.away = track.last.xyxy, None
        return None

    def _leaves(self, place: Place, begin: XyXy, end: XyXy) -> bool:
        if place.n_away < AWAY_SIGHTINGS or not _has_shifted(place.box, end, self._settings):
            return False
        size = math.sqrt(area(place.box))
        begun, now = (math.dist(centre(one), centre(place.box)) for one in (begin, end))
        grows = area(end) > (1 + FARTHER_SIZES) * area(begin)
        return now >= begun + FARTHER_SIZES * size or grows


def _has_shifted(begin: XyXy, end: XyXy, settings: RuleSettings) -> bool:
    size = math.sqrt(max(area(begin), area(end)))
    shift = math.dist(centre(begin), centre(end))
    return shift >= settings.vehicle_shift * size or area(end) > 2.5 * area(begin)
