"""
Boxes to tracks: one object seen over time.

A track keeps its last seconds only, so that a car parked for a night costs no memory; the class is
a vote weighted by confidence, because a single frame at night is often wrong.
"""

from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from parkwacht_config.site import ObjectClass
from parkwacht_vision.detections import Detections
from parkwacht_vision.detector import ByteTrack
from parkwacht_vision.frames import Frame

HISTORY_S = 10.0
LOST_S = 3.0

XyXy = tuple[float, float, float, float]


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
        while sighting.media_time_s - self.sightings[0].media_time_s > HISTORY_S:
            self.sightings.popleft()

    def recent(self, seconds: float) -> list[Sighting]:
        """Return the sightings of the last seconds before its latest one."""
        since = self.last.media_time_s - seconds
        return [one for one in self.sightings if one.media_time_s >= since]


class Tracker:
    """
    Tracks of one camera.

    Parameters
    ----------
    fps
        Analysed frames per second.
    state_dir
        Where ultralytics may keep its settings.
    """

    def __init__(self, *, fps: float, state_dir: Path) -> None:
        self._byte_track = ByteTrack(state_dir=state_dir, buffer_frames=max(1, round(LOST_S * fps)))
        self._tracks: dict[int, Track] = {}

    def update(self, found: Detections, frame: Frame) -> list[Track]:
        """Match the detections of the next frame; return the tracks seen in it."""
        seen = []
        for number, row in self._byte_track.update(found):
            x1, y1, x2, y2 = (float(one) for one in found.xyxy[row])
            sighting = Sighting(
                frame.media_time_s,
                frame.at,
                frame.wall_at,
                frame.index,
                (x1, y1, x2, y2),
                float(found.confidence[row]),
                found.object_class(row),
            )
            track = self._tracks.setdefault(number, Track(number, sighting))
            track.add(sighting)
            seen.append(track)
        self._forget(frame.media_time_s)
        return seen

    def _forget(self, now_s: float) -> None:
        for number, track in list(self._tracks.items()):
            if now_s - track.last.media_time_s > 2 * LOST_S:
                del self._tracks[number]
