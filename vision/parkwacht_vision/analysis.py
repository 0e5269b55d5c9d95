"""
One camera's analysis: a frame in, tracks out, with as little work as the scene allows.

The gate sees every frame given. The detector looks where something moves, at what was found
before, and in any case once in a while at everything (the guaranteed look), because a gate alone
may be wrong; a budget bounds the worst night. Where a source gives key frames only, a frame with
something on it makes the source go back and give every frame from the key frame before. Times are
media time.
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from parkwacht_config.site import Camera, ObjectClass
from parkwacht_vision.boxes import FOUR_WHEELED, box_iou
from parkwacht_vision.budget import Budget
from parkwacht_vision.calibration_doubt import CalibrationDoubt
from parkwacht_vision.detections import Detections, Detector
from parkwacht_vision.frames import Frame
from parkwacht_vision.gate import SceneGate
from parkwacht_vision.light import LightThresholds
from parkwacht_vision.misfits import Misfits, is_news
from parkwacht_vision.motion import BlobTracks
from parkwacht_vision.movement import RuleSettings
from parkwacht_vision.parked import SAME_IOU
from parkwacht_vision.pictures import Picture
from parkwacht_vision.regions import Region, plan_regions, whole
from parkwacht_vision.scene import SceneReading, SceneState, XyXy
from parkwacht_vision.sizes import Sized, split_by_size
from parkwacht_vision.tracker import HISTORY_S, NEW, Track, Tracker
from parkwacht_vision.zones import View

LOOK_EVERY_S = 10.0  # the guaranteed look at everything ...
QUIET_LOOK_EVERY_S = 60.0  # ... and rarer, up to this, the longer nothing moves ...
BLIND_LOOK_EVERY_S = 1.0  # ... while the gate cannot see ...
WEATHER_LOOK_EVERY_S = 2.0  # ... and while drops hide what moves
FRESH_S = 8.0  # who was found this recently is looked at in every frame, to be confirmed
STANDING_LOOK_S = 1.0  # who stands still is looked at this often
SEEN_ENOUGH = 6  # sightings of a person; with fewer he is looked for in weather as on a clear night
QUIET_S = 4.0  # nothing moved and nobody is followed for so long: key frames are enough again
STILL_IOU = 0.7  # a vehicle found where one stood at one of ...
STILL_LOOKS = 10  # ... so many looks before is no news: the unsure are not found every time
MAX_MOVING = 12  # parts looked at in one frame, the largest first


@dataclass(frozen=True, slots=True)
class Insight:
    """What was made of one frame: the gate's word, and the tracks seen in it."""

    reading: SceneReading
    tracks: list[Track] = field(default_factory=list)


class CameraAnalysis:
    """
    The cascade of one camera.

    Parameters
    ----------
    camera_id
        The camera, as the budget knows it.
    view
        The camera at the size of its pictures.
    detector
        Finds persons and vehicles.
    budget
        What cameras may ask of the detector.
    camera
        The camera as the site knows it, for the confidence it asks for; None for another.
    doubt
        Whether the view's calibration is right; None begins to ask.
    """

    def __init__(
        self,
        camera_id: str,
        view: View,
        detector: Detector,
        budget: Budget,
        *,
        camera: Camera | None = None,
        doubt: CalibrationDoubt | None = None,
    ) -> None:
        self._camera_id = camera_id
        self._detector = detector
        self._names_blobs = detector.info.name == "embedded"  # it judges moving parts, one by one
        self._budget = budget
        self._view = view
        self._doubt = doubt or CalibrationDoubt(view)
        self._thresholds = LightThresholds(camera)
        self._gate = SceneGate()
        self._tracker = Tracker()
        self._movers = BlobTracks(
            view, RuleSettings.for_detector(detector.info.name) if self._names_blobs else None
        )
        self._misfits = Misfits(view)
        self._standing: deque[list[XyXy]] = deque(maxlen=STILL_LOOKS)
        self._looked_s: float | None = None
        self._busy_s = -QUIET_S
        self._is_blind = True
        self.n_calls = 0

    def triage(self, frame: Frame) -> tuple[SceneReading, bool]:
        """
        Judge a single key frame.

        Returns
        -------
        reading, is_of_interest
            The gate's word, and whether every frame from the key frame before should be seen.
        """
        reading = self._gate.update(frame)
        self._is_blind = reading.is_blind
        # In weather a look at everything says more than blobs, to those who can look.
        is_said_by_blobs = self._names_blobs or reading.state is not SceneState.WEATHER
        if reading.is_blind or (reading.blobs and is_said_by_blobs):
            return reading, True
        wanted = self._wanted(frame, reading)
        granted = self._grant(frame, reading, wanted)
        if not granted:
            return reading, False
        sized = self._detect(frame, granted)
        return reading, self._note_news(sized.kept) or is_news(sized.misfits)

    def see(self, frame: Frame) -> Insight:
        """Judge a frame of a source that gives all that are due."""
        reading = self._gate.update(frame)
        self._is_blind = reading.is_blind
        granted = self._grant(frame, reading, self._wanted(frame, reading))
        found, tracks, misfits = Detections.empty(), [], []
        if self._names_blobs:
            # It looks at nobody who stands still: he is not known to be there for ever.
            self._tracker.forget_unseen(frame.media_time_s - HISTORY_S)
        if granted:
            sized = self._detect(frame, granted)
            found = sized.kept
            tracks = self._tracker.update(found, frame, granted)
            if granted[0].reason == "look":
                self._note_news(found)
            misfits = self._take_misfits(sized, frame, granted)
        if reading.state is SceneState.SWITCH:
            # A camera that is turned makes all that is parked move; so does light that sweeps.
            self._tracker.forget_ways(FOUR_WHEELED)
        movers = self._movers.update(reading, tracks, found.others, frame) + misfits
        if movers or reading.lasting or any(_is_person(one) for one in tracks):
            self._busy_s = frame.media_time_s
        return Insight(reading, [*tracks, *movers])

    @property
    def is_eager(self) -> bool:
        """Whether more pictures a second confirm sooner; the embedded network asks for time."""
        return not self._names_blobs

    def is_quiet(self, media_time_s: float) -> bool:
        """Return whether nothing moved and nobody was followed for a while."""
        return not self._is_blind and media_time_s - self._busy_s >= QUIET_S

    def attend(self, media_time_s: float) -> None:
        """Note that every frame will be given from here on, because of the last one."""
        if not self._is_blind:  # else only until it can see
            self._busy_s = media_time_s

    def _wanted(self, frame: Frame, reading: SceneReading) -> list[Region]:
        if self._names_blobs:
            return [_part(one.xyxy, frame.picture) for one in reading.lasting[:MAX_MOVING]]
        if self._is_look_due(frame, reading):
            return [whole(frame.picture)]
        moving = [one.xyxy for one in reading.lasting[:MAX_MOVING]]
        tracked = self._tracked(frame.media_time_s, moving)
        return plan_regions(frame.picture, moving, tracked, self._view.sizing)

    def _is_look_due(self, frame: Frame, reading: SceneReading) -> bool:
        if self._looked_s is None:
            return True
        quiet_s = frame.media_time_s - self._busy_s
        every_s = min(max(LOOK_EVERY_S, quiet_s / 2), QUIET_LOOK_EVERY_S)
        if reading.is_blind:
            every_s = BLIND_LOOK_EVERY_S
        elif reading.state is SceneState.WEATHER:
            every_s = WEATHER_LOOK_EVERY_S
        return not 0 <= frame.media_time_s - self._looked_s < every_s

    def _tracked(self, now_s: float, moving: Sequence[XyXy]) -> list[XyXy]:
        """Return where those are expected who must be looked at now."""
        boxes = []
        for track in self._followed:
            box = track.expected(now_s)
            is_fresh = self._is_fresh(track, now_s)
            waits_s = now_s - track.last.media_time_s
            is_moving = any(box_iou(box, one) > 0 for one in moving)
            if (
                _is_person(track) and (is_fresh or is_moving or waits_s >= STANDING_LOOK_S)
            ) or is_moving:
                boxes.append(box)
        return boxes

    @property
    def _followed(self) -> list[Track]:
        return [*self._tracker.tracks, *self._misfits.slim]

    def _is_fresh(self, track: Track, now_s: float) -> bool:
        return 0 <= now_s - track.first.media_time_s < FRESH_S

    def _grant(self, frame: Frame, reading: SceneReading, wanted: Sequence[Region]) -> list[Region]:
        if self._names_blobs:
            return list(wanted)  # a thousandth of a second each
        is_to_confirm = any(
            _is_person(one) and self._is_fresh(one, frame.media_time_s) and one.n_seen < SEEN_ENOUGH
            for one in self._followed
        )
        return self._budget.grant(
            self._camera_id,
            wanted,
            at_s=frame.media_time_s,
            state=SceneState.STABLE if is_to_confirm else reading.state,
            wall_s=frame.wall_at.timestamp(),
        )

    def _take_misfits(self, sized: Sized, frame: Frame, looked: Sequence[Region]) -> list[Track]:
        """Follow what was dropped for its size, and ask whether the calibration can be right."""
        if self._names_blobs or self._view.model is None:
            return []  # the one measures by itself, the other cannot
        self._misfits.update(sized, frame, looked)
        self._doubt.note(self._misfits.seen)
        return self._misfits.tell(self._tracker.tracks)

    def _detect(self, frame: Frame, regions: Sequence[Region]) -> Sized:
        self.n_calls += len(regions)
        if whole(frame.picture).box in {one.box for one in regions}:
            self._looked_s = frame.media_time_s
            if self._thresholds.is_asked:
                self._thresholds.judge(frame.picture.bgr())
        found = self._thresholds.keep(self._detector.detect(frame, regions))
        return split_by_size(found, self._view.sizing)

    def _note_news(self, found: Detections) -> bool:
        """Return whether a look shows more than the vehicles that stood there, and note them."""
        sure = found.confidence.tolist()
        boxes: dict[int, XyXy] = {
            row: (x1, y1, x2, y2)
            for row, (x1, y1, x2, y2) in enumerate(found.xyxy.tolist())
            if sure[row] >= NEW
        }
        stood = [
            row
            for row, box in boxes.items()
            if any(box_iou(box, one) >= STILL_IOU for look in self._standing for one in look)
        ]
        self._standing.append(list(boxes.values()))
        # Rain makes a network draw a vehicle twice: the weaker box is the vehicle that stood there.
        return any(
            found.object_class(row) is ObjectClass.PERSON
            or not any(
                sure[row] <= sure[one] and box_iou(box, boxes[one]) >= SAME_IOU for one in stood
            )
            for row, box in boxes.items()
        )


def _is_person(track: Track) -> bool:
    return track.object_class in {
        ObjectClass.PERSON, ObjectClass.BICYCLE, ObjectClass.MOTORCYCLE
    }  # fmt: skip


def _part(box: XyXy, picture: Picture) -> Region:
    """Return a moving part as a region of whole pixels inside the picture."""
    left, top = max(0, int(box[0])), max(0, int(box[1]))
    right = min(picture.width_px, max(left + 1, math.ceil(box[2])))
    bottom = min(picture.height_px, max(top + 1, math.ceil(box[3])))
    return Region((min(left, right - 1), min(top, bottom - 1), right, bottom), "motion")
