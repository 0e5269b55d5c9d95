"""
What the network is sure of and the calibration calls impossible: told, at low severity.

A spider at the lens is a person of four metres, and so is a burglar before a camera whose stated
height is wrong. Who is slim and upright and walks, or surely drives, is told as unrecognised
movement rather than not at all.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from parkwacht_config.site import ObjectClass
from parkwacht_vision.calibration_doubt import is_surely_moving, is_upright
from parkwacht_vision.detections import Detections
from parkwacht_vision.frames import Frame
from parkwacht_vision.motion import is_sure
from parkwacht_vision.movement import is_living, is_small, overlap
from parkwacht_vision.regions import Region
from parkwacht_vision.sizes import Sized
from parkwacht_vision.tracker import NEW, Sighting, Track, Tracker
from parkwacht_vision.zones import View

FIRST_NUMBER = 2_000_000  # above those of the detector and of moving parts
LATEST = 20  # sightings, of which half are misfits
SAME_SHARE = 0.2  # of the smaller box, in the other ...
SAME_S = 1.0  # ... which was seen this recently


class Misfits:
    """
    Tracks of all that the network finds, whatever its size: who is half the time too large is one.

    Parameters
    ----------
    view
        The camera at the size of its pictures.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        self._tracker = Tracker()
        self._told: dict[int, Track] = {}
        self._lately: dict[int, deque[bool]] = {}  # of each track: was it a misfit
        self.seen: list[Track] = []  # in the last frame, by their own classes

    @property
    def slim(self) -> list[Track]:
        """Misfits that may be persons by their shape: worth looking at again."""
        return [
            one
            for one in self._tracker.tracks
            if self._lately[one.number][-1]
            and one.object_class is ObjectClass.PERSON
            and is_upright(one)
        ]

    def update(self, sized: Sized, frame: Frame, looked: Sequence[Region]) -> None:
        """Match what was found in one frame; `looked` is where the detector looked."""
        self.seen = self._tracker.update(sized.all, frame, looked)
        misfits = {tuple(box) for box in sized.misfits.xyxy.tolist()}
        lately = {one.number: self._lately.get(one.number) for one in self._tracker.tracks}
        self._lately = {key: one or deque(maxlen=LATEST) for key, one in lately.items()}
        for track in self.seen:
            self._lately[track.number].append(track.last.xyxy in misfits)

    def tell(self, recognised: Sequence[Track]) -> list[Track]:
        """
        Return those of the last frame that are surely there, as tracks of class MOVING.

        Parameters
        ----------
        recognised
            Tracks of the detector that are alive: who is one of them needs no second name.
        """
        numbers = {one.number for one in self._tracker.tracks}
        self._told = {key: one for key, one in self._told.items() if key in numbers}
        return [self._retold(one) for one in self.seen if self._is_there(one, recognised)]

    def _is_there(self, track: Track, recognised: Sequence[Track]) -> bool:
        lately = self._lately[track.number]
        if 2 * sum(lately) < len(lately) or any(_is_same(track, one) for one in recognised):
            return False
        return is_surely_moving(track, self._view) or (is_living(track) and is_upright(track))

    def _retold(self, track: Track) -> Track:
        told = self._told.get(track.number)
        if told is None:
            told = Track(FIRST_NUMBER + track.number, _as_moving(track.sightings[0]))
            for sighting in track.sightings:
                told.add(_as_moving(sighting))
            self._told[track.number] = told
        else:
            told.add(_as_moving(track.last))
        return told


def _is_same(track: Track, known: Track) -> bool:
    if track.last.media_time_s - known.last.media_time_s > SAME_S:
        return False
    is_kind = is_small(track.object_class) == is_small(known.object_class)
    return is_kind and is_sure(known) and overlap(track.last.xyxy, known.last.xyxy) > SAME_SHARE


def _as_moving(sighting: Sighting) -> Sighting:
    return replace(sighting, object_class=ObjectClass.MOVING)


def is_news(found: Detections) -> bool:
    """Return whether what a single look dropped may be somebody: sure, and slim as who stands."""
    return any(
        found.object_class(row) is ObjectClass.PERSON
        and found.confidence[row] >= NEW
        and (y2 - y1) >= (x2 - x1)
        for row, (x1, y1, x2, y2) in enumerate(found.xyxy.tolist())
    )
