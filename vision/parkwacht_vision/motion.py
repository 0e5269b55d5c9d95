"""
What moves like a person or a vehicle and was not recognised: a track of its own class.

A detector misses people in the dark and cars from above; a gate alone cries at every branch. A
moving part becomes a track only when it was followed for a while, went somewhere, and has a
plausible size: in metres where the camera is calibrated (a spider at the lens is a person of four
metres), else as a share of the picture.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np

from parkwacht_config.site import ObjectClass
from parkwacht_vision.detections import Floats
from parkwacht_vision.frames import Frame
from parkwacht_vision.ground import object_extent
from parkwacht_vision.movement import RuleSettings, has_evidence
from parkwacht_vision.scene import (
    MAX_COURSE_SIZES_PER_S,
    Blob,
    SceneReading,
    SceneState,
    XyXy,
)
from parkwacht_vision.tracker import Sighting, Track
from parkwacht_vision.zones import View

FIRST_NUMBER = 1_000_000  # numbers of tracks of the detector stay below
CONFIDENCE = 0.5
KNOWN_S = 4.0  # what was recognised here so recently needs no second name
# Who is recognised, but did not do enough yet to be told, gets so long from where he was first.
UNTOLD_S = 3.0
OTHER_SHARE = 0.5  # of a part that lies in something else to be it
MIN_AGE_S = 1.0
MIN_SEEN = 5
MIN_STRAIGHTNESS = 0.75
MIN_SHIFT_SIZES = 1.2
MAX_SHIFT_SHARE = 0.13  # of the picture's height: a large object need not go its own size
# In weather whatever is followed was a drop before; its way of late says more.
WEATHER_AGE_S = 2.0
WEATHER_SIZES_PER_S = 0.4
MIN_HEIGHT_SHARE, MIN_WIDTH_SHARE = 0.03, 0.008
AFTER_SWITCH_S = 4.0  # light that changes moves along walls before it settles
STEADY_S = 1.1  # over this long ...
MIN_STEPS = 3  # ... so many steps ...
STEP_S = 0.15  # ... not shorter than this, at any rate of pictures ...
STEADY_STEP = 0.02  # ... of this share of its size each
MAX_AREA_SHARE = 0.5  # of the picture: more is the light
# A track of less confidence or fewer sightings may never be confirmed: it silences nothing.
SURE, SURE_SEEN = 0.4, 4
PERSON_TO_TRUCK_M = (0.7, 30.0)  # a Dutch long lorry has 25.25, nearer at its top
MAX_HEIGHT_M = 4.5  # of lorries 4.0; what is higher hangs before the lens


@dataclass(frozen=True, slots=True)
class _Known:
    box: XyXy
    at_s: float


class BlobTracks:
    """
    Tracks of moving parts that nothing recognised.

    Parameters
    ----------
    view
        The camera at the size of its pictures.
    settings
        What it takes to be told, of a detector that names moving parts one by one: who does not
        reach that silences nothing. None for one that knows what stands as well.
    """

    def __init__(self, view: View, settings: RuleSettings | None = None) -> None:
        self._view = view
        self._settings = settings
        self._tracks: dict[int, Track] = {}
        self._known: list[_Known] = []
        self._switched_s = -AFTER_SWITCH_S
        self._ways: dict[int, list[tuple[float, float, float]]] = {}  # (s, x, y) of each blob
        self._looks: dict[int, list[tuple[float, bool]]] = {}  # (s, was surely something else)

    def update(
        self, reading: SceneReading, recognised: Sequence[Track], others: Floats, frame: Frame
    ) -> list[Track]:
        """
        Judge the moving parts of a frame.

        Parameters
        ----------
        reading
            The gate's word.
        recognised
            Tracks of the detector that are alive.
        others
            Boxes of what the detector knows to be something else, shape (N, 4): animals.
        frame
            The frame.

        Returns
        -------
        tracks
            Those of class MOVING seen in this frame.
        """
        now_s = frame.media_time_s
        self._known += [_Known(one.last.xyxy, now_s) for one in recognised if self._is_told(one)]
        self._known = [one for one in self._known if 0 <= now_s - one.at_s <= KNOWN_S]
        if reading.state is SceneState.SWITCH:
            self._switched_s = now_s
        self._follow(reading.blobs, now_s)
        self._note_others(reading.blobs, [_tuple(box) for box in others], now_s)
        numbers = {FIRST_NUMBER + one.number for one in reading.blobs}
        self._tracks = {key: one for key, one in self._tracks.items() if key in numbers}
        return [
            self._seen(blob, frame)
            for blob in reading.blobs
            if now_s - self._switched_s >= AFTER_SWITCH_S
            and self._is_object(blob, reading.state)
            and self._is_steady(blob)
            and not self._is_known(blob)
            and not self._is_other(blob)
        ]

    def _seen(self, blob: Blob, frame: Frame) -> Track:
        sighting = Sighting(
            frame.media_time_s, frame.at, frame.wall_at, frame.index, blob.xyxy, CONFIDENCE,
            ObjectClass.MOVING,
        )  # fmt: skip
        track = self._tracks.setdefault(
            FIRST_NUMBER + blob.number, Track(FIRST_NUMBER + blob.number, sighting)
        )
        track.add(sighting)
        return track

    def _follow(self, blobs: Sequence[Blob], now_s: float) -> None:
        ways = {}
        for blob in blobs:
            x, y = (blob.xyxy[0] + blob.xyxy[2]) / 2, (blob.xyxy[1] + blob.xyxy[3]) / 2
            way = [one for one in self._ways.get(blob.number, []) if 0 < now_s - one[0] <= STEADY_S]
            is_step = not way or now_s - way[-1][0] >= STEP_S
            ways[blob.number] = [*way, (now_s, x, y)] if is_step else way
        self._ways = ways

    def _note_others(self, blobs: Sequence[Blob], others: Sequence[XyXy], now_s: float) -> None:
        """Note which parts lie in something else; a leaf within a car is not most of the car."""
        looks = {}
        for blob in blobs:
            before = [
                one for one in self._looks.get(blob.number, []) if 0 < now_s - one[0] <= KNOWN_S
            ]
            is_other = any(_share(blob.xyxy, one) >= OTHER_SHARE for one in others)
            looks[blob.number] = [*before, (now_s, is_other)]
        self._looks = looks

    def _is_other(self, blob: Blob) -> bool:
        """Whether it is an animal by most looks: a person who bends is one in a single look."""
        looks = self._looks[blob.number]
        return 2 * sum(is_other for _, is_other in looks) >= len(looks)

    def _is_told(self, track: Track) -> bool:
        """Return whether who is recognised speaks for himself, or may soon."""
        if not is_sure(track):
            return False
        if self._settings is None or has_evidence(track, self._settings, self._view):
            return True
        recent = track.recent(KNOWN_S)
        return recent[-1].media_time_s - recent[0].media_time_s < UNTOLD_S

    def _is_steady(self, blob: Blob) -> bool:
        """Whether it keeps going: what jumped once and stays is a shadow of what was there."""
        way = self._ways[blob.number]
        least_px = STEADY_STEP * max(blob.xyxy[2] - blob.xyxy[0], blob.xyxy[3] - blob.xyxy[1])
        steps = [math.dist(a[1:], b[1:]) >= least_px for a, b in pairwise(way)]
        return sum(steps) >= MIN_STEPS and any(steps[-2:])

    def _is_known(self, blob: Blob) -> bool:
        return any(_inside(blob.xyxy, one.box) > 0.2 for one in self._known)  # noqa: PLR2004

    def _is_object(self, blob: Blob, state: SceneState) -> bool:
        if blob.age_s < MIN_AGE_S or blob.n_seen < MIN_SEEN:
            return False
        if state is SceneState.WEATHER:
            speed = blob.course_sizes_per_s
            is_going = speed is not None and WEATHER_SIZES_PER_S <= speed <= MAX_COURSE_SIZES_PER_S
            return blob.age_s >= WEATHER_AGE_S and is_going and self._has_size(blob.xyxy)
        width, height = blob.xyxy[2] - blob.xyxy[0], blob.xyxy[3] - blob.xyxy[1]
        needed_px = min(max(width, height), MAX_SHIFT_SHARE * self._view.height_px)
        if blob.straightness < MIN_STRAIGHTNESS or blob.shift_px < MIN_SHIFT_SIZES * needed_px:
            return False
        return self._has_size(blob.xyxy)

    def _has_size(self, box: XyXy) -> bool:
        model = self._view.sizing
        if model is not None:
            extent = object_extent(model, box)
            if extent is None:
                return False
            largest_m = max(extent.width_m, extent.height_m)
            is_low = extent.height_m <= MAX_HEIGHT_M
            return is_low and PERSON_TO_TRUCK_M[0] <= largest_m <= PERSON_TO_TRUCK_M[1]
        across = (box[2] - box[0]) / self._view.width_px
        down = (box[3] - box[1]) / self._view.height_px
        return (
            down >= MIN_HEIGHT_SHARE
            and across >= MIN_WIDTH_SHARE
            and across * down <= MAX_AREA_SHARE
        )


def is_sure(track: Track) -> bool:
    """Return whether a track is seen often and surely enough to speak for itself."""
    recent = track.recent(KNOWN_S)
    return len(recent) >= SURE_SEEN and median(one.confidence for one in recent) >= SURE


def _tuple(box: Floats) -> XyXy:
    x1, y1, x2, y2 = np.asarray(box, dtype=np.float64).tolist()
    return (x1, y1, x2, y2)


def _share(a: XyXy, b: XyXy) -> float:
    """Return which share of the first box lies in the second."""
    across = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    down = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    return across * down / max(1.0, (a[2] - a[0]) * (a[3] - a[1]))


def _inside(a: XyXy, b: XyXy) -> float:
    """Return which share of the smaller box lies in the other."""
    across = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    down = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    small = min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]))
    return across * down / max(1.0, small)
