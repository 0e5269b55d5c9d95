from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest

from parkwacht_config.site import ObjectClass, Site
from parkwacht_vision.frames import Frame
from parkwacht_vision.motion import BlobTracks
from parkwacht_vision.movement import RuleSettings
from parkwacht_vision.scene import Blob, SceneReading, SceneState, XyXy
from parkwacht_vision.tracker import Sighting, Track
from parkwacht_vision.zones import View, camera_model

AT = datetime(2026, 11, 23, 1, 13, tzinfo=UTC)
FPS = 5
PLAIN = View.of(None, 640, 360)
Path_ = Callable[[float], XyXy]
BLANK = np.zeros((360, 640, 3), np.uint8)


def walk(*, speed_px_s: float = 40, size: tuple[float, float] = (16, 40)) -> Path_:
    """Go to the right; 40 px/s at a height of 40 px is a person at 1.75 m/s."""
    return lambda s: (
        100 + speed_px_s * s, 150, 100 + speed_px_s * s + size[0], 150 + size[1]
    )  # fmt: skip


def centre(box: XyXy) -> tuple[float, float]:
    return ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)


def blobs_of(path: Path_, fps: int = FPS) -> Callable[[int], Blob]:
    """Return the blob of a frame as the gate would give it, its way measured from its boxes."""

    def blob(index: int) -> Blob:
        points = [np.array(centre(path(i / fps))) for i in range(index + 1)]
        way = sum(float(np.linalg.norm(b - a)) for a, b in pairwise(points))
        shift = float(np.linalg.norm(points[-1] - points[0]))
        course = [
            (i / fps, float(points[i][0]), float(points[i][1]))
            for i in range(max(0, index - 2 * fps), index + 1)
        ]
        return Blob(
            1, path(index / fps), 0.6, 12.0, index / fps, index + 1, shift,
            shift / way if way else 0, tuple(course),
        )  # fmt: skip

    return blob


def play(
    path: Path_,
    *,
    view: View = PLAIN,
    seconds: float = 4,
    state: Callable[[float], SceneState] = lambda _: SceneState.STABLE,
    recognised: Callable[[float], Sequence[Track]] = lambda _: [],
    others: Callable[[float], Sequence[XyXy]] = lambda _: [],
    settings: RuleSettings | None = None,
    fps: int = FPS,
) -> list[float]:
    """Return when it was a track."""
    movers, blob, seen = BlobTracks(view, settings), blobs_of(path, fps), []
    for index in range(round(seconds * fps)):
        s = index / fps
        at = AT + timedelta(seconds=s)
        frame = Frame.of_image(BLANK, s, at, at, index)
        reading = SceneReading(state(s), (blob(index),), 0.01, 2.0, 60.0)
        boxes = np.array(others(s), dtype=np.float64).reshape(-1, 4)
        tracks = movers.update(reading, recognised(s), boxes, frame)
        assert all(one.object_class is ObjectClass.MOVING for one in tracks)
        seen += [s] * len(tracks)
    return seen


def circle(s: float) -> XyXy:
    x, y = 300 + 60 * np.cos(6 * s), 150 + 60 * np.sin(6 * s)
    return (x, y, x + 16, y + 40)


def jump(s: float) -> XyXy:
    return walk()(0 if s < 1 else 3)


@pytest.mark.parametrize(
    ("path", "is_track"),
    [
        (walk(), True),
        (walk(speed_px_s=-20), True),
        (walk(speed_px_s=120, size=(120, 60)), True),  # a car's 4.5 m in 120 px: 16 km/h
        (walk(speed_px_s=0), False),
        (circle, False),  # an insect: a long way and nowhere
        (jump, False),  # a shadow that appeared beside itself
        (walk(size=(3, 6)), False),  # 6 px is less than 3 % of 360
        (walk(size=(400, 330)), False),  # 57 % of the picture
    ],
    ids=["walker", "other way", "vehicle", "stands", "insect", "jump", "speck", "light"],
)
def test_what_keeps_going_is_a_track(path: Path_, *, is_track: bool) -> None:
    assert bool(play(path)) is is_track


@pytest.mark.parametrize("fps", [5, 8, 10])
def test_a_van_that_starts_is_a_track_at_any_rate(fps: int) -> None:
    # 45 px/s: 9 px at five pictures a second, 4.5 px at ten. A step is 2 % of its 264 px, 5.3 px.
    van = walk(speed_px_s=45, size=(264, 82))
    assert play(van, fps=fps)[0] == pytest.approx(1.25, abs=0.25)  # 56 px: 1.2 x 13 % of 360


def test_a_walker_is_a_track_within_two_seconds_and_not_in_the_first() -> None:
    # 1.2 times 40 px are needed: 1.2 s at 40 px/s
    assert 1.0 <= play(walk())[0] <= 2.0


def drops(s: float) -> XyXy:
    """Return a drop of each frame that falls where a walker would be: up to 1.2 sizes off."""
    x1, y1, x2, y2 = walk()(s)
    off = np.random.default_rng(round(s * FPS)).uniform(-40, 40, 2)
    return (x1 + off[0], y1 + off[1], x2 + off[0], y2 + off[1])


@pytest.mark.parametrize(
    ("path", "is_track"),
    [
        (walk(), True),
        (drops, False),
        (walk(speed_px_s=90), False),  # 2.25 of its sizes a second: a flake falls so
        (walk(speed_px_s=8), False),  # 0.2 of them: a branch bends so
    ],
    ids=["walker", "drops", "flake", "branch"],
)
def test_in_weather_its_way_of_late_decides(path: Path_, *, is_track: bool) -> None:
    seen = play(path, seconds=6, state=lambda _: SceneState.WEATHER)
    assert bool(seen) is is_track


def test_in_weather_it_must_go_for_longer() -> None:
    in_weather = play(walk(), state=lambda _: SceneState.WEATHER)
    assert in_weather[0] >= 2.0
    assert play(walk())[0] < in_weather[0]


def test_after_the_light_changed_it_has_to_keep_going() -> None:
    def state(s: float) -> SceneState:
        return SceneState.SWITCH if s < 0.5 else SceneState.STABLE

    seen = play(walk(), state=state, seconds=7)
    assert 4.0 <= seen[0] <= 5.0


def person(box: XyXy, s: float, *, confidence: float = 0.7, n_seen: int = 6) -> Track:
    def sighting(at_s: float) -> Sighting:
        at = AT + timedelta(seconds=at_s)
        return Sighting(at_s, at, at, round(at_s * FPS), box, confidence, ObjectClass.PERSON)

    track = Track(1, sighting(s))
    for index in range(n_seen):
        track.add(sighting(s - (n_seen - 1 - index) / FPS))
    return track


@pytest.mark.parametrize(
    ("confidence", "n_seen", "dx", "is_silent"),
    [(0.7, 6, 0, True), (0.2, 6, 0, False), (0.7, 2, 0, False), (0.7, 6, 200, False)],
    ids=["surely recognised", "weakly", "hardly seen", "elsewhere"],
)
def test_who_is_recognised_needs_no_second_name(
    confidence: float, n_seen: int, dx: float, *, is_silent: bool
) -> None:
    def recognised(s: float) -> list[Track]:
        x1, y1, x2, y2 = walk()(s)
        return [person((x1 + dx, y1, x2 + dx, y2), s, confidence=confidence, n_seen=n_seen)]

    assert (not play(walk(), recognised=recognised)) is is_silent


@pytest.mark.parametrize(
    ("seen_s", "moves", "is_silent"),
    [(3.4, False, False), (3.4, True, True), (1.0, False, True)],
    ids=["did too little for long", "did enough", "may still be told"],
)
def test_who_will_not_be_told_by_the_detector_is_told_as_moving(
    seen_s: float, *, moves: bool, is_silent: bool
) -> None:
    """A car from above is called a person of 290 px for a while, who has hardly moved by then."""

    def recognised(s: float) -> list[Track]:
        track = person(walk()(s), s, n_seen=1 + round(seen_s * FPS))
        if moves:  # 60 px over the last 1.5 s: more than 0.4 of 40
            x1, y1, x2, y2 = walk()(s)
            track = person((x1 - 60, y1, x2 - 60, y2), s - 1.0, n_seen=3)
            for after in person(walk()(s), s, n_seen=4).sightings:
                track.add(after)
        return [track]

    embedded = RuleSettings.for_detector("embedded")
    assert (not play(walk(), recognised=recognised, settings=embedded)) is is_silent
    assert not play(walk(), recognised=recognised)  # a network knows parked cars under shadows


slow = walk(speed_px_s=20)


@pytest.mark.parametrize(
    ("others", "is_silent"),
    [
        (lambda _: [(80, 130, 320, 210)], True),  # all along
        (lambda s: [slow(s)] if round(s * FPS) % 3 else [], True),  # two looks of three
        (lambda s: [slow(s)] if round(s * FPS) % 3 == 0 else [], False),  # one of three
        (lambda s: [(*slow(s)[:2], slow(s)[0] + 8, 160)], False),  # a leaf: 80 of its 640 px
    ],
    ids=["animal", "mostly", "bends", "leaf"],
)
def test_an_animal_is_not_called_unrecognised(
    others: Callable[[float], Sequence[XyXy]], *, is_silent: bool
) -> None:
    assert (not play(slow, others=others, seconds=6)) is is_silent


@pytest.mark.parametrize(
    ("foot_px", "size", "is_track"),
    [
        # `cam_a` looks 15 degrees down from 6 m with 500 px of focal length at 640 x 360: row 230
        # is 15 + 5.7 degrees down, 15.9 m ahead and 17 m along the ray: 29 px per metre
        (230.0, (16.0, 48.0), True),  # 0.55 x 1.65 m
        (230.0, (4.0, 11.0), False),  # 0.4 m: a cat
        (230.0, (120.0, 110.0), True),  # 4.1 x 3.8 m: a lorry from before
        (230.0, (60.0, 150.0), False),  # 5.2 m high: a spider before the lens
        # row 123.3 is 40 m ahead and 40.2 m deep (40 cos 15 + 6 sin 15): 12.4 px per metre
        (123.3, (314.0, 51.0), True),  # 25.25 x 4.0 m: the longest lorry of the Netherlands
    ],
    ids=["person", "cat", "lorry", "spider", "long lorry"],
)
def test_metres_decide_where_the_camera_is_calibrated(
    foot_px: float, size: tuple[float, float], make_site: Callable[..., Site], *, is_track: bool
) -> None:
    site = make_site()
    view = View.of(camera_model(site, site.cameras[0]), 640, 360)

    def path(s: float) -> XyXy:
        return (200 + 60 * s, foot_px - size[1], 200 + 60 * s + size[0], foot_px)

    assert bool(play(path, view=view)) is is_track


def test_when_time_goes_back_it_is_judged_anew() -> None:
    movers, blob = BlobTracks(PLAIN), blobs_of(walk())
    seen: list[float] = []
    for index in [*range(12), *range(4, 20)]:
        s = index / FPS
        at = AT + timedelta(seconds=s)
        frame = Frame.of_image(BLANK, s, at, at, index)
        reading = SceneReading(SceneState.STABLE, (blob(index),), 0.01, 2.0, 60.0)
        seen += [s for _ in movers.update(reading, [], np.zeros((0, 4)), frame)]
    assert seen
    assert seen[-1] == pytest.approx(19 / FPS)
