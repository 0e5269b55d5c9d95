"""
Boxes to tracks: one object seen over time.

Detections are matched in two stages as ByteTrack does (Zhang et al., ECCV 2022): the sure ones
first, then the weak ones with what is left, because scores at night are low. All is by seconds of
media time: the detector does not look at every frame, nor at every part of one, and a track that
nobody looked at is not lost. Where an object is expected follows from the straight line that fits
its last second and a half best, because single boxes jump. A track keeps its last seconds only, so
that a car parked for a night costs no memory; the class is a vote weighted by confidence.
"""

import math
from collections import Counter, deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import fmean

import numpy as np
from scipy.optimize import linear_sum_assignment

from parkwacht_config.site import ObjectClass
from parkwacht_vision.boxes import FOUR_WHEELED, box_iou
from parkwacht_vision.detections import Detections
from parkwacht_vision.frames import Frame
from parkwacht_vision.regions import Region
from parkwacht_vision.scene import XyXy as XyXy  # noqa: PLC0414 - the word of all who track

HISTORY_S = 10.0
LOST_S = 3.0
SURE = 0.25  # matched first
NEW = 0.3  # begins a track
WEAK_IOU = 0.3  # a weak detection must lie where the track is expected
REACH_SIZES = 0.8  # how far from there a sure one may lie, in sizes of the object
OTHER_KIND_COST = 0.3
OTHER_KIND_IOU = 0.4  # a person who passes a parked car does not become it
MAX_SPEED_SIZES_PER_S = 6.0
AHEAD_S = 2.0
SPEED_S = 1.5  # of its way, from which the speed of a track follows
# A detector shows one person as two boxes that cover each other this much; who walks before
# somebody else begins a track of his own when they part.
DOUBLE_IOU = 0.4


@dataclass(frozen=True, slots=True)
class Sighting:
    """An object in one frame."""

    media_time_s: float
    at: datetime
    wall_at: datetime
    frame_index: int
    xyxy: XyXy
    confidence: float
    object_class: ObjectClass


@dataclass(slots=True)
class Track:
    """One object over time; `sightings` are those of the last ten seconds, oldest first."""

    number: int
    first: Sighting
    sightings: deque[Sighting] = field(default_factory=deque)
    votes: Counter[ObjectClass] = field(default_factory=Counter)
    n_seen: int = 0

    @property
    def last(self) -> Sighting:
        """The latest sighting."""
        return self.sightings[-1] if self.sightings else self.first

    @property
    def object_class(self) -> ObjectClass:
        """The class with most of the weight."""
        return max(
            self.votes, key=lambda one: (self.votes[one], one), default=self.first.object_class
        )

    def add(self, sighting: Sighting) -> None:
        """Add a sighting and forget those older than the history."""
        self.votes[sighting.object_class] += sighting.confidence  # type: ignore[assignment]
        self.sightings.append(sighting)
        self.n_seen += 1
        while sighting.media_time_s - self.sightings[0].media_time_s > HISTORY_S:
            self.sightings.popleft()

    def forget_way(self) -> None:
        """Let its way begin with its last sighting: those before cannot be compared with it."""
        self.first = self.last
        self.sightings = deque([self.last])

    def recent(self, seconds: float) -> list[Sighting]:
        """Return the sightings of the last seconds before its latest one."""
        since = self.last.media_time_s - seconds
        return [one for one in self.sightings if one.media_time_s >= since]

    def expected(self, at_s: float) -> XyXy:
        """Return where its box is expected, by its speed and at most two seconds ahead."""
        x1, y1, x2, y2 = self.last.xyxy
        step_s = min(AHEAD_S, max(0.0, at_s - self.last.media_time_s))
        across, down = self._speed_px_per_s()
        return (
            x1 + across * step_s, y1 + down * step_s, x2 + across * step_s, y2 + down * step_s
        )  # fmt: skip

    def _speed_px_per_s(self) -> tuple[float, float]:
        """Return the slope of the straight line through its last centres, by least squares."""
        recent = self.recent(SPEED_S)
        times = [one.media_time_s for one in recent]
        if len(times) < 2 or times[-1] == times[0]:  # noqa: PLR2004
            return (0.0, 0.0)
        middle_s = fmean(times)
        spread = sum((one - middle_s) ** 2 for one in times)
        limit = MAX_SPEED_SIZES_PER_S * _size(self.last.xyxy)
        centres = [_centre(one.xyxy) for one in recent]
        across, down = (
            sum((at_s - middle_s) * one[axis] for at_s, one in zip(times, centres, strict=True))
            / spread
            for axis in (0, 1)
        )
        return (min(limit, max(-limit, across)), min(limit, max(-limit, down)))


def _centre(box: XyXy) -> tuple[float, float]:
    return ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)


def _size(box: XyXy) -> float:
    return max(box[2] - box[0], box[3] - box[1], 1.0)


class Tracker:
    """Tracks of one camera."""

    def __init__(self) -> None:
        self._tracks: list[Track] = []
        self._missed_s: dict[int, float] = {}
        self._last_s: float | None = None
        self._next = 1

    @property
    def tracks(self) -> list[Track]:
        """All that are not lost, seen in the last frame or not."""
        return list(self._tracks)

    def update(
        self, found: Detections, frame: Frame, looked: Sequence[Region] | None = None
    ) -> list[Track]:
        """
        Match the detections of the next frame.

        Parameters
        ----------
        found
            What the detector found.
        frame
            In which frame.
        looked
            Where the detector looked; None for everywhere.

        Returns
        -------
        tracks
            Those seen in this frame.
        """
        now_s = frame.media_time_s
        if self._last_s is not None and now_s < self._last_s:
            self._tracks, self._missed_s = [], {}  # time went back: all will be seen again
        sure = [row for row in range(len(found)) if found.confidence[row] >= SURE]
        weak = [row for row in range(len(found)) if found.confidence[row] < SURE]
        seen = self._match(found, sure, self._tracks, frame, is_weak=False)
        left = [one for one in self._tracks if one not in seen]
        seen += self._match(found, weak, left, frame, is_weak=True)
        self._forget([one for one in self._tracks if one not in seen], now_s, looked)
        self._last_s = now_s
        return seen

    def forget_unseen(self, since_s: float) -> None:
        """Forget the tracks that were last seen before a media time, looked at or not."""
        self._tracks = [one for one in self._tracks if one.last.media_time_s >= since_s]
        kept = {one.number for one in self._tracks}
        self._missed_s = {key: one for key, one in self._missed_s.items() if key in kept}

    def forget_ways(self, kinds: Collection[ObjectClass]) -> None:
        """
        Let the ways of tracks begin anew: the camera was turned, or light shows other outlines.

        Parameters
        ----------
        kinds
            The classes of the tracks.
        """
        for track in self._tracks:
            if track.object_class in kinds:
                track.forget_way()

    def _match(
        self,
        found: Detections,
        rows: list[int],
        tracks: list[Track],
        frame: Frame,
        *,
        is_weak: bool,
    ) -> list[Track]:
        seen: list[Track] = []
        free = set(rows)
        if rows and tracks:
            costs = np.array(
                [
                    [_cost(one, found, row, frame.media_time_s, is_weak) for row in rows]
                    for one in tracks
                ]
            )
            for index, column in zip(*linear_sum_assignment(costs), strict=True):
                if costs[index, column] < 1:
                    row, track = rows[column], tracks[index]
                    track.add(_sighting(found, row, frame))
                    self._missed_s.pop(track.number, None)
                    free.discard(row)
                    seen.append(track)
        for row in [] if is_weak else sorted(free):
            sighting = _sighting(found, row, frame)
            if sighting.confidence >= NEW and not any(_is_double(sighting, one) for one in seen):
                seen.append(self._begin(sighting))
        return seen

    def _begin(self, sighting: Sighting) -> Track:
        track = Track(self._next, sighting)
        track.add(sighting)
        self._next += 1
        self._tracks.append(track)
        return track

    def _forget(self, unseen: list[Track], now_s: float, looked: Sequence[Region] | None) -> None:
        step_s = 0.0 if self._last_s is None else max(0.0, now_s - self._last_s)
        for track in unseen:
            if looked is not None and not _is_looked_at(track.expected(now_s), looked):
                continue
            missed_s = self._missed_s.get(track.number, 0.0) + step_s
            self._missed_s[track.number] = missed_s
            if missed_s > LOST_S:
                self._tracks.remove(track)
                del self._missed_s[track.number]


def _cost(track: Track, found: Detections, row: int, at_s: float, is_weak: bool) -> float:
    """Return how badly a detection fits a track: below 1 it may."""
    x1, y1, x2, y2 = (float(one) for one in found.xyxy[row])
    box, expected = (x1, y1, x2, y2), track.expected(at_s)
    iou = box_iou(box, expected)
    kind = found.object_class(row) in FOUR_WHEELED
    is_other = kind != (track.object_class in FOUR_WHEELED)
    if is_other and iou < OTHER_KIND_IOU:
        return 10.0
    other = OTHER_KIND_COST if is_other else 0.0
    if is_weak:
        return 1 - iou + other if iou >= WEAK_IOU else 10.0
    if iou > 0.1:  # noqa: PLR2004
        return min(0.99, (1 - iou) * 0.7 + other)
    size = max(_size(box), _size(expected))
    ratio = min(_size(box), _size(expected)) / size
    away = math.dist(_centre(box), _centre(expected)) / size
    if away > REACH_SIZES or ratio < 0.5:  # noqa: PLR2004 - another size is another object
        return 10.0
    return 0.7 + 0.29 * away / REACH_SIZES + other


def _is_double(sighting: Sighting, track: Track) -> bool:
    """Return whether a detection shows what a track of this frame shows already."""
    is_kind = (sighting.object_class in FOUR_WHEELED) == (track.object_class in FOUR_WHEELED)
    return is_kind and box_iou(sighting.xyxy, track.last.xyxy) > DOUBLE_IOU


def _sighting(found: Detections, row: int, frame: Frame) -> Sighting:
    x1, y1, x2, y2 = (float(one) for one in found.xyxy[row])
    return Sighting(
        frame.media_time_s,
        frame.at,
        frame.wall_at,
        frame.index,
        (x1, y1, x2, y2),
        float(found.confidence[row]),
        found.object_class(row),
    )


def _is_looked_at(box: XyXy, looked: Sequence[Region]) -> bool:
    x, y = _centre(box)
    return any(one.box[0] <= x <= one.box[2] and one.box[1] <= y <= one.box[3] for one in looked)
