from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import pytest

from parkwacht_config.site import ObjectClass, Severity, Site
from parkwacht_vision.rules import Intrusion, IntrusionRule, RuleSettings, event_id
from parkwacht_vision.tracker import Sighting, Track, XyXy
from parkwacht_vision.zones import Calendar, View, watched_zones

NIGHT = datetime(2026, 11, 24, 1, 13, tzinfo=UTC)
DAY = datetime(2026, 11, 24, 13, 0, tzinfo=UTC)
FPS = 8
Path_ = Callable[[float], XyXy | None]  # seconds -> box, None where it is not seen


def walk(
    *, speed_px_s: float = 60.0, x: float = 50.0, size: tuple[float, float] = (30, 80)
) -> Path_:
    return lambda s: (x + speed_px_s * s, 100, x + speed_px_s * s + size[0], 100 + size[1])


def between(path: Path_, begin_s: float, end_s: float) -> Path_:
    return lambda s: path(s) if begin_s <= s < end_s else None


def jitter(box: XyXy) -> Path_:
    def path(s: float) -> XyXy:
        d = 2.0 * ((round(s * FPS) * 7) % 3 - 1)
        return (box[0] + d, box[1] - d, box[2] + d, box[3])

    return path


@pytest.fixture
def rule(make_site: Callable[..., Site]) -> Callable[..., IntrusionRule]:
    def build(settings: RuleSettings | None = None) -> IntrusionRule:
        site, view = make_site(), View.of(None, 640, 360)
        return IntrusionRule(
            watched_zones(site, None, view),
            view,
            calendar=Calendar(site.timezone),
            settings=settings or RuleSettings(),
            event_id=lambda zone, at, number: event_id(("p", "c", zone, "s"), at, number),
        )

    return build


def play(
    rule: IntrusionRule,
    actors: Iterable[tuple[ObjectClass, Path_]],
    *,
    seconds: float,
    begin: datetime = NIGHT,
    confidence: float = 0.6,
) -> tuple[list[Intrusion], list[Intrusion]]:
    """Return what was confirmed and what was closed; every spell of being seen is one track."""
    tracks: dict[int, Track] = {}
    numbers = {index: index + 1 for index, _ in enumerate(actors)}
    confirmed: list[Intrusion] = []
    closed: list[Intrusion] = []
    for index in range(round(seconds * FPS)):
        s = index / FPS
        at, seen = begin + timedelta(seconds=s), []
        for actor, (object_class, path) in enumerate(actors):
            box = path(s)
            if box is None:
                if numbers[actor] in tracks:
                    numbers[actor] += 100
                continue
            sighting = Sighting(s, at, at, index, box, confidence, object_class)
            track = tracks.setdefault(numbers[actor], Track(numbers[actor], sighting))
            track.add(sighting)
            seen.append(track)
        confirmed += rule.update(seen, at)
        closed += rule.expire(s)
    return confirmed, closed


P, C = ObjectClass.PERSON, ObjectClass.CAR
PARKED = (200.0, 150.0, 340.0, 220.0)


@pytest.mark.parametrize(
    ("actors", "expected"),
    [
        ([(P, walk())], [P]),
        ([(C, walk(size=(140, 70)))], [C]),
        ([(C, lambda _: PARKED)], []),
        ([(C, jitter(PARKED))], []),
        ([(P, lambda _: (200.0, 100.0, 230.0, 180.0))], []),
        ([(P, between(walk(), 0, 0.25))], []),
        ([(P, walk()), (C, lambda _: PARKED)], [P]),
        ([(P, walk()), (P, walk(x=110))], [P]),
        ([(P, walk()), (P, walk(x=300))], [P, P]),
        ([(P, walk()), (C, walk(x=300, size=(140, 70)))], [P, C]),
        # coming straight at the camera: it grows
        ([(P, lambda s: (200 - 8 * s, 100 - 8 * s, 230 + 8 * s, 180 + 24 * s))], [P]),
    ],
    ids=[
        "walker", "driving car", "parked car", "parked car with jitter", "statue", "two frames",
        "walker and parked car", "two together", "two apart", "walker and car", "growing",
    ],
)  # fmt: skip
def test_what_moves_is_flagged_once_and_what_stands_is_not(
    actors: list[tuple[ObjectClass, Path_]],
    expected: list[ObjectClass],
    rule: Callable[..., IntrusionRule],
) -> None:
    confirmed, _ = play(rule(), actors, seconds=6)
    assert sorted(one.object_class for one in confirmed) == sorted(expected)


def test_by_day_there_is_no_intrusion(rule: Callable[..., IntrusionRule]) -> None:
    assert play(rule(), [(P, walk())], seconds=6, begin=DAY) == ([], [])


def test_low_confidence_is_no_intrusion(rule: Callable[..., IntrusionRule]) -> None:
    assert play(rule(), [(P, walk())], seconds=6, confidence=0.3) == ([], [])


def test_a_walker_is_confirmed_within_a_second(rule: Callable[..., IntrusionRule]) -> None:
    (one,), _ = play(rule(), [(P, walk())], seconds=3)
    assert (one.confirmed.at - one.first.at).total_seconds() <= 1.0
    assert one.first.at == NIGHT


@pytest.mark.parametrize(("gap_s", "n_events"), [(5, 1), (19, 1), (25, 2)])
def test_who_comes_back_within_the_gap_is_the_same_intrusion(
    gap_s: float, n_events: int, rule: Callable[..., IntrusionRule]
) -> None:
    def path(s: float) -> XyXy | None:
        if s < 4:
            return walk()(s)
        return walk()(s - 4 - gap_s) if s >= 4 + gap_s else None

    confirmed, closed = play(rule(), [(P, path)], seconds=60 + gap_s)
    assert len(confirmed) == n_events
    assert len(closed) == n_events - 1  # the last walk goes on


def test_a_person_who_stands_but_lives_is_flagged_later(rule: Callable[..., IntrusionRule]) -> None:
    def sway(s: float) -> XyXy:
        d = 4 * ((round(s * FPS) % 8) - 4) / 4
        return (200 + d, 100, 230 + d + 3, 180)

    (one,), _ = play(rule(), [(P, sway)], seconds=8)
    assert (one.confirmed.at - one.first.at).total_seconds() >= 4


def test_a_car_that_arrives_and_parks_ends_its_event_and_one_that_leaves_is_another(
    rule: Callable[..., IntrusionRule],
) -> None:
    drive = walk(size=(140, 70))

    def path(s: float) -> XyXy | None:
        if s < 4:
            return drive(s)
        return drive(4) if s < 60 else drive(4 + s - 60)

    confirmed, closed = play(rule(), [(C, path)], seconds=64)
    assert len(confirmed) == 2
    assert len(closed) == 1
    ended_s = (closed[0].last_active.at - NIGHT).total_seconds()
    assert 4 <= ended_s <= 15  # it counts as moving as long as its arrival is in the history


def test_a_vehicle_that_stands_is_not_restless(rule: Callable[..., IntrusionRule]) -> None:
    # Its pictures would be decoded ahead at every look. Of 140 px the third one has driven 30 px on
    # in half a second: 110 of 170 px are in both boxes; in 0.75 s 45, 95 of 185.
    one = rule()
    tracks: dict[int, Track] = {}
    restless: list[list[int]] = []
    for index in range(7):
        s = index / FPS
        at, x = NIGHT + timedelta(seconds=s), 60 * s
        walker, car = (50 + x, 100.0, 80 + x, 180.0), (400 + x, 150.0, 540 + x, 220.0)
        for number, object_class, box in ((1, C, PARKED), (2, P, walker), (3, C, car)):
            sighting = Sighting(s, at, at, index, box, 0.6, object_class)
            tracks.setdefault(number, Track(number, sighting)).add(sighting)
        restless.append([track.number for track in one.restless(list(tracks.values()))])
    assert [restless[0], restless[4], restless[6]] == [[2], [2], [2, 3]]


def test_the_embedded_detector_must_show_a_straight_way(rule: Callable[..., IntrusionRule]) -> None:
    def insect(s: float) -> XyXy:
        k = round(s * FPS)
        x, y = 200 + 90 * ((k * 5) % 7 - 3), 150 + 30 * ((k * 3) % 5 - 2)
        return (x, y, x + 30, y + 80)

    settings = RuleSettings.for_detector("embedded")
    assert play(rule(settings), [(P, insect)], seconds=8)[0] == []
    assert len(play(rule(settings), [(P, walk())], seconds=4)[0]) == 1


@pytest.mark.parametrize(
    ("after", "is_flagged"),
    [
        # from 36 x 51 px: 0.5 times as wide, 0.94 times as high, its middle 5 px off
        ((109, 190, 127, 238), False),
        ((96, 177, 144, 245), True),  # 1.33 times both: 1.78 of the area
        ((110, 197, 137, 236), True),  # 0.75 times both
    ],
    ids=["a bush that comes to rest", "comes nearer", "goes away"],
)
def test_for_the_embedded_detector_who_comes_nearer_grows_both_ways(
    after: XyXy, is_flagged: bool, rule: Callable[..., IntrusionRule]
) -> None:
    before = (105, 192, 141, 243)

    def change(s: float) -> XyXy:
        share = min(1.0, s / 1.5)
        x1, y1, x2, y2 = (a + share * (b - a) for a, b in zip(before, after, strict=True))
        return (x1 - share, y1 - share, x2 - share, y2 - share)  # a little way of its middle

    settings = RuleSettings.for_detector("embedded")
    assert bool(play(rule(settings), [(P, change)], seconds=2.5)[0]) is is_flagged


@pytest.mark.parametrize(
    ("kind", "size", "speed_px_s", "is_flagged"),
    [
        # 0.4 times 300 px is 120, 0.4 times the root of 300 x 280 px 116: more than 1.5 s of way.
        # 0.15 of the picture's 360 px is 54.
        (P, (100, 300), 50.0, True),
        (C, (300, 280), 50.0, True),
        (P, (100, 300), 25.0, False),  # 34 px between the medians of three
        (P, (30, 80), 20.0, False),  # 0.4 times 80 px is 32: 28
    ],
    ids=["person", "vehicle", "slow", "far"],
)
def test_who_is_near_the_camera_need_not_go_his_own_size(
    kind: ObjectClass,
    size: tuple[float, float],
    speed_px_s: float,
    is_flagged: bool,
    rule: Callable[..., IntrusionRule],
) -> None:
    path = walk(speed_px_s=speed_px_s, size=size)
    embedded = rule(RuleSettings.for_detector("embedded"))
    assert bool(play(embedded, [(kind, path)], seconds=1.75)[0]) is is_flagged


@pytest.mark.parametrize(("seen_s", "is_flagged"), [(0.875, False), (1.0, True)])
def test_the_embedded_detector_needs_as_long_at_any_rate(
    seen_s: float, is_flagged: bool, rule: Callable[..., IntrusionRule]
) -> None:
    # At five pictures a second five sightings take 0.8 s; at eight, seven take 0.75 s.
    settings = RuleSettings.for_detector("embedded")
    runner = walk(speed_px_s=120)
    confirmed, _ = play(rule(settings), [(P, between(runner, 0, seen_s))], seconds=2)
    assert bool(confirmed) is is_flagged


def test_a_box_that_jumps_is_as_straight_at_any_rate(rule: Callable[..., IntrusionRule]) -> None:
    # Every second box is 50 px too high or too low in turn. Every third one, 0.375 s apart, makes a
    # way of 55 px for 22 px of shift. Half a second apart they make 30, as the walker does.
    def path(s: float) -> XyXy:
        x = 50 + 60 * s
        off = 50 * (0, 1, 0, -1)[round(s * FPS) % 4]
        return (x, 100 + off, x + 30, 180 + off)

    settings = RuleSettings.for_detector("embedded")
    assert len(play(rule(settings), [(P, path)], seconds=3)[0]) == 1


def test_ids_depend_on_what_was_seen_and_on_nothing_else() -> None:
    key = ("park", "cam", "zone", "a.mp4")
    assert event_id(key, NIGHT, 1) == event_id(key, NIGHT, 1)
    others = {
        event_id(key, NIGHT, 2),
        event_id(key, NIGHT + timedelta(milliseconds=1), 1),
        event_id(("park", "cam", "zone", "b.mp4"), NIGHT, 1),
    }
    assert event_id(key, NIGHT, 1) not in others
    assert len(others) == 3


M = ObjectClass.MOVING


def test_a_car_that_stood_for_a_minute_begins_its_event_when_it_drives(
    rule: Callable[..., IntrusionRule],
) -> None:
    drive = walk(x=200, size=(140, 70))
    (one,), _ = play(rule(), [(C, lambda s: drive(max(0.0, s - 60)))], seconds=64)
    # at 60 px/s and IoU 0.8 of 140 px it has shifted 15.6 px, a quarter of a second, at the most
    assert one.first.media_time_s == pytest.approx(60, abs=0.3)


@pytest.mark.parametrize("detector", ["ultralytics", "embedded"])
@pytest.mark.parametrize(
    ("recognised_s", "expected"),
    [(0.25, [P]), (3.0, [M, P])],
    ids=["at once", "after it was told as moving"],
)
def test_who_is_recognised_after_all_gets_the_alarm_of_his_zone(
    recognised_s: float,
    expected: list[ObjectClass],
    detector: str,
    rule: Callable[..., IntrusionRule],
) -> None:
    end_s = recognised_s + 0.125  # the movers fall silent when somebody is surely recognised
    actors = [(M, between(walk(), 0, end_s)), (P, between(walk(), recognised_s, 9))]
    confirmed, _ = play(rule(RuleSettings.for_detector(detector)), actors, seconds=9)
    assert [one.object_class for one in confirmed] == expected
    # what is not recognised is of low severity, whatever the zone
    assert confirmed[-1].severity is not Severity.LOW


@pytest.mark.parametrize(
    ("detector", "told_s"),
    # It moved for a second before it is a track at all. The embedded one looked at it all along.
    [("ultralytics", 1.0), ("embedded", 0.5)],
)
def test_what_is_not_recognised_is_told_in_time(
    detector: str, told_s: float, rule: Callable[..., IntrusionRule]
) -> None:
    (one,), _ = play(rule(RuleSettings.for_detector(detector)), [(M, walk())], seconds=2)
    assert (one.confirmed.at - NIGHT).total_seconds() == told_s


@pytest.mark.parametrize(
    ("x_px", "confidence", "wrong_every", "is_told"),
    [
        # 415 px from his middle to its middle; 1.5 times its 140 px, 210, is near
        (400, 0.8, 99, True),
        (400, 0.8, 3, False),  # two thirds of its votes are a vehicle's, less than three quarters
        (400, 0.6, 99, False),
        (150, 0.8, 99, False),  # 165 px
    ],
    ids=["surely", "now this, now that", "hardly", "beside him"],
)
def test_the_embedded_detector_tells_of_a_van_that_comes_while_somebody_walks(
    x_px: float, confidence: float, wrong_every: int, is_told: bool,
    rule: Callable[..., IntrusionRule],
) -> None:  # fmt: skip
    one, confirmed = rule(RuleSettings.for_detector("embedded")), []
    tracks: dict[int, Track] = {}
    for index in range(3 * FPS):
        s = index / FPS
        at = NIGHT + timedelta(seconds=s)
        van = P if index % wrong_every == wrong_every - 1 else ObjectClass.VEHICLE
        x = 60 * s
        boxes = [
            (1, P, (50 + x, 100.0, 80 + x, 180.0)),
            (2, van, (x_px + x, 100.0, x_px + 140 + x, 170.0)),
        ]
        for number, kind, box in boxes[: 1 if index < FPS else 2]:
            sure = confidence if number > 1 else 0.8
            sighting = Sighting(s, at, at, index, box, sure, kind)
            tracks.setdefault(number, Track(number, sighting)).add(sighting)
        confirmed += one.update(list(tracks.values()), at)
    told = [P, ObjectClass.VEHICLE] if is_told else [P]
    assert [event.object_class for event in confirmed] == told


def test_the_light_ahead_of_a_car_is_of_its_event(rule: Callable[..., IntrusionRule]) -> None:
    # 60 px before its bonnet: no overlap, near for the 260 px of the light
    actors = [(C, walk(x=20, size=(100, 40))), (M, walk(x=180, size=(260, 50)))]
    confirmed, _ = play(rule(), actors, seconds=4)
    assert [one.object_class for one in confirmed] == [C]


@pytest.mark.parametrize(
    ("right_end", "is_flagged"),
    [
        (lambda s: 170 - 75 * s, True),  # 1.6 s of driving out to the left
        (lambda s: 170 if s < 0.8 else 85, False),  # half of what stands there is hidden
        (lambda s: 170 - 8 * ((round(s * FPS) * 5) % 7), False),  # its box is unsure
        # two steps on and one back: far enough and often enough, yet not four fifths of its way
        (lambda s: 170 - 17 * (n := round(s * FPS)) / 2 - 23.5 * (n % 2), False),
    ],
    ids=["drives out", "hidden", "unsure", "to and fro"],
)
def test_a_car_cut_off_by_the_edge_drives_by_its_other_end(
    right_end: Callable[[float], float], is_flagged: bool, rule: Callable[..., IntrusionRule]
) -> None:
    # 139 px high and at first 170 wide: 0.4 of their root, 154 px, is 62 px; its middle moves 60
    at_left, _ = play(rule(), [(C, lambda s: (0.0, 106.0, right_end(s), 245.0))], seconds=1.6)
    mirrored = [(C, lambda s: (640 - right_end(s), 106.0, 640.0, 245.0))]
    at_right, _ = play(rule(), mirrored, seconds=1.6)
    assert [bool(at_left), bool(at_right)] == [is_flagged] * 2
    # the same seen from above: over the upper edge, and over the lower one at row 360
    at_top, _ = play(rule(), [(C, lambda s: (106.0, 0.0, 245.0, right_end(s)))], seconds=1.6)
    turned = [(C, lambda s: (106.0, 360 - right_end(s), 245.0, 360.0))]
    at_bottom, _ = play(rule(), turned, seconds=1.6)
    assert [bool(at_top), bool(at_bottom)] == [is_flagged] * 2


@pytest.mark.parametrize(
    ("right_end", "is_flagged"),
    [(lambda s: 190 - 75 * s, True), (lambda s: 190 if s < 0.4 else 95, False)],
    ids=["drives out", "hidden"],
)
def test_a_car_that_comes_to_the_edge_drives_out_by_its_other_end(
    right_end: Callable[[float], float], is_flagged: bool, rule: Callable[..., IntrusionRule]
) -> None:
    # Its first box lies 30 px inside the edge, of which 3 % (19 px) count as cut off; then it is.
    # 0.4 of the root of 139 x 160 px is 60 px; its middle moves 52.
    def out(s: float) -> XyXy:
        return (max(0.0, 30 - 300 * s), 106.0, right_end(s), 245.0)

    at_left, _ = play(rule(), [(C, out)], seconds=1.4)
    mirrored = [(C, lambda s: (640 - out(s)[2], 106.0, 640 - out(s)[0], 245.0))]
    at_right, _ = play(rule(), mirrored, seconds=1.4)
    assert [bool(at_left), bool(at_right)] == [is_flagged] * 2
