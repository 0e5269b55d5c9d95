"""
Whether a camera's calibration can be right: what size do those have who are surely seen to move.

A camera that was turned, or a site file copied from another one, makes persons four metres high, or
lets them stand above the horizon. Sizes then say nothing, and are not asked until they fit again.
"""

import logging
import math
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Literal

from parkwacht_config.site import ObjectClass
from parkwacht_config.text import Text
from parkwacht_coverage.camera import CameraModel
from parkwacht_vision.boxes import FOUR_WHEELED
from parkwacht_vision.ground import object_extent
from parkwacht_vision.movement import RuleSettings, has_moved, leaves_picture
from parkwacht_vision.sizes import VEHICLE
from parkwacht_vision.tracker import Sighting, Track, XyXy
from parkwacht_vision.zones import View

logger = logging.getLogger(__name__)

Verdict = Literal["tall", "small", "fits"]

# A person or vehicle by the picture alone. The drawn spider at the lens is a person of confidence
# 0.4 to 0.6 who goes down for a second; but it is wider than high, and nobody who walks is.
SURE, SURE_S, SURE_SEEN, SURE_LEAST_S = 0.45, 2.0, 4, 0.8
UPRIGHT = 1.4  # height over width of a person's box
STEADY = RuleSettings(min_straightness=0.5)

# Metres of persons as the network draws them, by the right calibration: 1.4 to 2.0 on six clips.
TALL_M, SMALL_M = 2.6, 1.0
PERSON_M = (1.2, 2.3)
CAR_M = (1.2, 2.2)  # of a vehicle that is no lorry; from above its roof adds to it
MISFIT_S = 6.0  # all together were seen to move for so long ...
FITS_SHARE = 0.25  # ... and to one of them a quarter fits at most ...
LAST = 12  # ... of so many that were seen last
MAX_HEIGHTS = 50


def latest(track: Track) -> list[Sighting]:
    """Return its sightings of two seconds, or the last four: who stands is seen once a second."""
    recent = track.recent(SURE_S)
    return recent if len(recent) >= SURE_SEEN else list(track.sightings)[-SURE_SEEN:]


def is_upright(track: Track) -> bool:
    """Return whether the boxes of a track are as high and slim as a person's."""
    boxes = [one.xyxy for one in latest(track)]
    return median((one[3] - one[1]) / (one[2] - one[0]) for one in boxes) >= UPRIGHT


def is_surely_moving(track: Track, view: View) -> bool:
    """Return whether the picture alone says that a person or vehicle moves; sizes are not asked."""
    if track.object_class is not ObjectClass.PERSON and track.object_class not in FOUR_WHEELED:
        return False
    recent = latest(track)
    if len(recent) < SURE_SEEN or (recent[-1].media_time_s - recent[0].media_time_s < SURE_LEAST_S):
        return False
    if median(one.confidence for one in recent) < SURE:
        return False
    if track.object_class is ObjectClass.PERSON and not is_upright(track):
        return False
    return has_moved(track, STEADY, replace(view, model=None))


def height_m(model: CameraModel, box: XyXy) -> float:
    """Return how high the object in a box is in metres; infinite above the horizon."""
    extent = object_extent(model, box, max_range_m=math.inf)
    return math.inf if extent is None else extent.height_m


@dataclass(slots=True)
class _Measured:
    """One track that surely moves, from when to when: its heights in metres and its verdict."""

    since_s: float
    last_s: float = 0.0
    heights_m: deque[float] = field(default_factory=lambda: deque(maxlen=MAX_HEIGHTS))
    verdict: Verdict | None = None


class CalibrationDoubt:
    """
    What the tracks of one camera say of its calibration; sets `view.trust`.

    Parameters
    ----------
    view
        The camera at the size of its pictures.
    tell
        Takes the warning, once.
    """

    def __init__(self, view: View, tell: Callable[[Text], None] | None = None) -> None:
        self._view = view
        self._tell = tell
        self._is_told = False
        self._measured: OrderedDict[tuple[int, float], _Measured] = OrderedDict()

    def note(self, tracks: Iterable[Track]) -> None:
        """Take in the tracks of the network seen in one frame, also of what has no right size."""
        if self._view.model is None:
            return
        moving = [one for one in tracks if is_surely_moving(one, self._view)]
        for track in moving:
            self._measure(track, self._view.model)
        if moving:
            while len(self._measured) > LAST:
                self._measured.popitem(last=False)
            self._judge()

    def _measure(self, track: Track, model: CameraModel) -> None:
        key = (track.number, track.first.media_time_s)
        known = self._measured.get(key)
        one = known or _Measured(track.last.media_time_s)
        for sighting in track.sightings if known is None else [track.last]:
            # Who is cut off by the edge of the picture has no height.
            if not leaves_picture(sighting.xyxy, self._view):
                one.heights_m.append(height_m(model, sighting.xyxy))
        if not one.heights_m:
            return
        one.verdict = _verdict(track, median(one.heights_m))
        one.last_s = track.last.media_time_s
        self._measured[key] = one
        self._measured.move_to_end(key)

    def _judge(self) -> None:
        trust = self._view.trust
        by = {
            verdict: [one for one in self._measured.values() if one.verdict == verdict]
            for verdict in ("tall", "small", "fits")
        }
        if trust.is_doubted:
            if len(by["fits"]) > len(by["tall"]) + len(by["small"]):
                trust.is_doubted = False
                logger.info("sizes in metres fit again: they are judged by")
            return
        for misfits, others in ((by["tall"], by["small"]), (by["small"], by["tall"])):
            n_others = len(others) + len(by["fits"])
            lasted_s = sum(one.last_s - one.since_s for one in misfits)
            if lasted_s >= MISFIT_S and n_others <= FITS_SHARE * len(misfits):
                trust.is_doubted = True
                self._warn(median(h for one in misfits for h in one.heights_m))

    def _warn(self, measured_m: float) -> None:
        text = doubt_text(measured_m)
        if self._tell is not None and not self._is_told:
            self._is_told = True
            self._tell(text)


def _verdict(track: Track, metres: float) -> Verdict | None:
    """Return what a height says of the calibration; None where it may be either."""
    if track.object_class is ObjectClass.PERSON:
        low_m, high_m, fitting_m = SMALL_M, TALL_M, PERSON_M
    else:
        low_m, high_m, fitting_m = VEHICLE.longer_m, VEHICLE.height_m[1], CAR_M
    if metres >= high_m:
        return "tall"
    if metres <= low_m:
        return "small"
    return "fits" if fitting_m[0] <= metres <= fitting_m[1] else None


def doubt_text(measured_m: float) -> Text:
    """
    Say that a calibration is wrong, and what gave it away.

    Parameters
    ----------
    measured_m
        How high those are who were measured, in metres; infinite above the horizon.
    """
    if math.isinf(measured_m):
        nl, en = "boven de horizon te staan", "stand above the horizon"
    else:
        nl = f"ongeveer {measured_m:.1f} m hoog te zijn".replace(".", ",")
        en = f"measure about {measured_m:.1f} m"
    return Text(
        nl=f"wie hier loopt of rijdt, blijkt volgens de opgegeven stand van de camera {nl}: die "
        "stand klopt niet. Daarom wordt niemand meer op zijn grootte beoordeeld; plaatsen op de "
        "kaart kloppen ook niet. Controleer hoogte, kanteling (tilt), richting en "
        "brandpuntsafstand, en of de camera is gedraaid",
        en=f"by the stated position of the camera, those who walk or drive here {en}: that "
        "position is wrong. Therefore nobody is judged by size any more; places on the map are "
        "wrong too. Check height, tilt, azimuth and focal length, and whether the camera was "
        "turned",
    )
