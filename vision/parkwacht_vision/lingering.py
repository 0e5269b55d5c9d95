"""
Who lingers at a parked vehicle: within two metres of it, or before it in the picture, for seconds.

Who walks past does not linger. Times are media time.
"""

import math
from collections.abc import Sequence

from shapely.geometry import LineString, Point

from parkwacht_config.site import ObjectClass
from parkwacht_vision.ground import anchor_px, ground_position_m
from parkwacht_vision.movement import overlap
from parkwacht_vision.parked import Place
from parkwacht_vision.tracker import Sighting, Track, XyXy
from parkwacht_vision.zones import View

NEAR_M = 2.0
LINGER_S = 3.0
WINDOW_S = 5.0  # of which sightings are kept
LOST_S = 2.0  # unseen for longer, a visit begins again
# Who went farther in those seconds walked past: a walker goes 4 m in 3 s.
STROLL_M = 2.5
STROLL_HEIGHTS = 1.2


class LingerWatch:
    """Persons beside parked vehicles, as one camera sees them."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._visits: dict[int, list[Sighting]] = {}

    def update(self, tracks: Sequence[Track], standing: Sequence[Place]) -> set[int]:
        """Take in the tracks of one frame; return the numbers of the persons who linger."""
        now_s = max((one.last.media_time_s for one in tracks), default=0.0)
        self._visits = {
            number: visit
            for number, visit in self._visits.items()
            if 0 <= now_s - visit[-1].media_time_s <= LOST_S
        }
        lingering = set()
        for track in tracks:
            if track.object_class is not ObjectClass.PERSON:
                continue
            if not any(self._is_at(track.last.xyxy, one.box) for one in standing):
                self._visits.pop(track.number, None)
                continue
            visit = [*self._visits.get(track.number, []), track.last]
            visit = [one for one in visit if now_s - one.media_time_s <= WINDOW_S]
            self._visits[track.number] = visit
            if self._lingers(visit):
                lingering.add(track.number)
        return lingering

    def _lingers(self, visit: Sequence[Sighting]) -> bool:
        now = visit[-1]
        before = [one for one in visit if now.media_time_s - one.media_time_s >= LINGER_S]
        if not before:
            return False
        then, foot = before[-1], anchor_px(now.xyxy)
        then_m = ground_position_m(self._view.model, anchor_px(then.xyxy))
        now_m = ground_position_m(self._view.model, foot)
        if then_m is not None and now_m is not None:
            return math.dist(then_m, now_m) <= STROLL_M
        height_px = max(now.xyxy[3] - now.xyxy[1], then.xyxy[3] - then.xyxy[1])
        return math.dist(anchor_px(then.xyxy), foot) <= STROLL_HEIGHTS * height_px

    def _is_at(self, person: XyXy, vehicle: XyXy) -> bool:
        """Return whether a person is beside a vehicle: its near side is its box's lower edge."""
        if self._view.model is None:
            return overlap(person, vehicle) > 0
        foot_m = ground_position_m(self._view.model, anchor_px(person))
        ends_m = [
            ground_position_m(self._view.model, (x, vehicle[3])) for x in (vehicle[0], vehicle[2])
        ]
        corners = [one for one in ends_m if one is not None]
        if foot_m is None or len(corners) != 2:  # noqa: PLR2004 - both ends of the edge
            return False
        return float(LineString(corners).distance(Point(foot_m))) <= NEAR_M
