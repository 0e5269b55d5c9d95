"""
Whether a track is somebody who moves: by its own size, by metres where the camera is calibrated.

All times are media time; lengths in pixels are compared with the size of the object itself.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile
from statistics import median

from parkwacht_config.site import ObjectClass
from parkwacht_vision.boxes import FOUR_WHEELED, box_iou
from parkwacht_vision.ground import anchor_px, ground_position_m
from parkwacht_vision.tracker import Sighting, Track, XyXy
from parkwacht_vision.zones import View

MOVING_SIGHTINGS = 3
STILL_IOU = 0.8  # a vehicle that shifts less stands
EDGE_SHARE = 0.03  # of the picture's width or height: this near to the edge is leaving
EDGE_STEPS, EDGE_STEP, EDGE_STEADY = 4, 0.05, 0.8  # how many, of what is needed, of the whole way
GROWTH = 1.6  # of the area of who comes nearer
STRAIGHT_STEP_S = 0.5  # so far apart its places are compared: the jitter of boxes is no way
GROUP_M = 5.0  # who walks this near belongs together
GROUP_SIZES = 1.5  # the same without calibration, in the longest side of the larger box

UNCALIBRATED = View(1, 1)


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """What it takes to confirm an intrusion, and when it is over."""

    window_s: float = 1.5  # sightings of this last while are counted
    min_sightings: int = 3
    min_duration_s: float = 0.3
    min_confidence: float = 0.4  # median over the window
    person_shift: float = 0.25  # of its height
    vehicle_shift: float = 0.4  # of the root of its area
    largest_shift: float = math.inf  # of the picture's height: who is near need not go his own size
    min_straightness: float = 0.0  # net shift over path length
    grows_evenly: bool = False  # who comes nearer must become wider and higher alike
    max_person_speed_m_s: float = 12.0  # a cyclist or a sprinter
    moving_s: float = 1.0  # what moves can be recognised so long, before it is told as it is
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
            min_sightings=5,
            min_duration_s=0.8,  # five sightings at five pictures a second
            person_shift=0.4,
            vehicle_shift=0.4,
            largest_shift=0.15,
            min_straightness=0.5,
            grows_evenly=True,
            max_person_speed_m_s=8.0,
            # It has looked at every part of every picture. With 0.3 a drawn insect was told.
            moving_s=0.5,
            allows_still_persons=False,
            merges_kinds=True,
        )


def median_box(sightings: Sequence[Sighting]) -> XyXy:
    """Return the median of each coordinate of boxes: one bad box does not move it."""
    x1, y1, x2, y2 = (median(one.xyxy[axis] for one in sightings) for axis in range(4))
    return (x1, y1, x2, y2)


def is_small(object_class: ObjectClass) -> bool:
    """Return whether this is somebody on foot or on two wheels."""
    return object_class in {ObjectClass.PERSON, ObjectClass.BICYCLE, ObjectClass.MOTORCYCLE}


def centre(box: XyXy) -> tuple[float, float]:
    """Return the middle of a box."""
    return ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)


def area(box: XyXy) -> float:
    """Return the area of a box, at least 1."""
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
    shift = math.dist(centre(begin), centre(end))
    growth = area(end) / area(begin)
    largest_px = settings.largest_shift * view.height_px
    if track.object_class is ObjectClass.PERSON:
        height = max(begin[3] - begin[1], end[3] - end[1])
        needed_px = min(settings.person_shift * height, largest_px)
        is_moving = shift >= needed_px or _comes_or_goes(begin, end, settings)
    else:
        size = math.sqrt(max(area(begin), area(end)))
        needed_px = min(settings.vehicle_shift * size, largest_px)
        is_moving = shift >= needed_px or growth > 2.5  # noqa: PLR2004
        if not is_moving and _drives_over_edge(sightings, needed_px, view):
            return True
    if not is_moving:
        return False
    return _is_straight(sightings, shift, settings) and _is_possible(
        track, begin, end, settings, view
    )


def _comes_or_goes(begin: XyXy, end: XyXy, settings: RuleSettings) -> bool:
    """Return whether a person came nearer or went away, by how much larger or smaller he is."""
    growth = area(end) / area(begin)
    if 1 / GROWTH < growth < GROWTH:
        return False
    if not settings.grows_evenly:
        return True
    # A bush that the wind lets go of becomes narrower, not lower.
    sides = [
        max(1.0, end[axis + 2] - end[axis]) / max(1.0, begin[axis + 2] - begin[axis])
        for axis in (0, 1)
    ]
    return min(sides) >= math.sqrt(GROWTH) or max(sides) <= 1 / math.sqrt(GROWTH)


def _drives_over_edge(sightings: Sequence[Sighting], needed_px: float, view: View) -> bool:
    """
    Return whether a vehicle drives in or out over an edge of the picture.

    Its box is cut off there, so that its middle moves half as fast; its other end tells the way. It
    has to move step by step: a box that was half and became whole has jumped.
    """
    across, down = EDGE_SHARE * view.width_px, EDGE_SHARE * view.height_px
    boxes = [one.xyxy for one in sightings]
    return any(
        _goes_steadily([box[side] for box in run], needed_px)
        for side, is_cut_off in (
            (2, lambda box: box[0] <= across),
            (0, lambda box: box[2] >= view.width_px - across),
            (3, lambda box: box[1] <= down),
            (1, lambda box: box[3] >= view.height_px - down),
        )
        # In: from the first box on. Out: up to the last one; it came to the edge before.
        for run in (
            list(takewhile(is_cut_off, boxes)),
            list(takewhile(is_cut_off, reversed(boxes))),
        )
    )


def _goes_steadily(ends: Sequence[float], needed_px: float) -> bool:
    if not ends:
        return False
    steps = [b - a for a, b in pairwise(ends)]
    net = ends[-1] - ends[0]
    n_on = sum(step * net > 0 and abs(step) >= EDGE_STEP * needed_px for step in steps)
    is_steady = abs(net) >= EDGE_STEADY * sum(abs(step) for step in steps)
    return abs(net) >= needed_px and is_steady and n_on >= EDGE_STEPS


def _is_straight(sightings: list[Sighting], shift: float, settings: RuleSettings) -> bool:
    if settings.min_straightness <= 0:
        return True
    places = [sightings[0]]
    for one in sightings[3:]:
        if one.media_time_s - places[-1].media_time_s >= STRAIGHT_STEP_S:
            places.append(one)
    way = sum(math.dist(centre(a.xyxy), centre(b.xyxy)) for a, b in pairwise(places))
    return way > 0 and shift / way >= settings.min_straightness


def _is_possible(track: Track, begin: XyXy, end: XyXy, settings: RuleSettings, view: View) -> bool:
    if track.object_class is not ObjectClass.PERSON:
        return True
    start_m = ground_position_m(view.sizing, anchor_px(begin))
    end_m = ground_position_m(view.sizing, anchor_px(end))
    if start_m is None or end_m is None:
        return True
    seconds = track.last.media_time_s - track.sightings[0].media_time_s
    return seconds > 0 and math.dist(start_m, end_m) / seconds <= settings.max_person_speed_m_s


def first_moving(track: Track) -> Sighting:
    """Return when a track's event began: a vehicle that stood for hours begins when it drives."""
    if track.object_class not in FOUR_WHEELED or track.first.media_time_s >= (
        track.sightings[0].media_time_s
    ):
        return track.first
    begin = track.sightings[0]
    for sighting in track.sightings:
        if box_iou(sighting.xyxy, track.sightings[0].xyxy) < STILL_IOU:
            break
        begin = sighting
    return begin


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
    centres = sorted(centre(one.xyxy)[0] for one in sightings)
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
    return overlap(a, b) > 0 or math.dist(centre(a), centre(b)) <= GROUP_SIZES * size


def is_beside(moving: XyXy, known: XyXy, view: View) -> bool:
    """
    Return whether an unrecognised part belongs to somebody known.

    The light that a vehicle throws ahead has no place of its own on the ground: it is many metres
    off, and near for its size.
    """
    return is_near(moving, known, view) or is_near(moving, known, UNCALIBRATED)


def leaves_picture(box: XyXy, view: View) -> bool:
    """Return whether a box is at the edge of the picture, where its object leaves or enters."""
    across, down = EDGE_SHARE * view.width_px, EDGE_SHARE * view.height_px
    return (
        box[0] <= across
        or box[1] <= down
        or box[2] >= view.width_px - across
        or box[3] >= view.height_px - down
    )


def overlap(a: XyXy, b: XyXy) -> float:
    """Return the overlap of two boxes as a share of the smaller."""
    across = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    down = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    return across * down / min(area(a), area(b))


def has_evidence(track: Track, settings: RuleSettings, view: View) -> bool:
    """Return whether a track was seen often and surely enough, and moves or lives."""
    if track.object_class is ObjectClass.MOVING:
        # the rest was asked by `motion`
        lasted_s = track.last.media_time_s - track.first.media_time_s
        return len(track.sightings) >= MOVING_SIGHTINGS and lasted_s >= settings.moving_s
    recent = track.recent(settings.window_s)
    if len(recent) < settings.min_sightings:
        return False
    if recent[-1].media_time_s - track.first.media_time_s < settings.min_duration_s:
        return False
    if median(one.confidence for one in recent) < settings.min_confidence:
        return False
    return has_moved(track, settings, view) or (settings.allows_still_persons and is_living(track))
