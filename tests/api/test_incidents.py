import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alarm_desk import AlarmDesk, alarm_desk
from api_harness import STARTED_AT, make_flagged, make_receiver, make_site
from sqlalchemy import delete, select, update

from parkwacht_api.counters import next_number
from parkwacht_api.incidents import spread, sweep_incidents
from parkwacht_api.ingest import store_flagged
from parkwacht_api.models_incidents import Counter, Incident
from parkwacht_api.release import CANCELLED, FLAGGED, UPDATED, News
from parkwacht_config.site import Alarms, Receiver, Severity, Site

NOWHERE = "http://127.0.0.1:9/webhook"
# Two cameras, and zones of theirs; merged within 120 s and 60 m, over after 180 s.
ALARMS = Alarms(merge_within_s=120, merge_within_m=60, over_after_s=180)


def park(*receivers: Receiver) -> Site:
    return make_site(*(receivers or (make_receiver("meldkamer", NOWHERE),)), alarms=ALARMS)


@pytest.fixture
def desk(tmp_path: Path, database_url: str) -> Iterator[AlarmDesk]:
    with alarm_desk(tmp_path, park(), database_url) as opened:
        yield opened


def place(x_m: float, y_m: float) -> dict[str, Any]:
    return {"position": {"x_m": x_m, "y_m": y_m}}


def test_the_first_is_told_at_once_and_its_like_is_merged(desk: AlarmDesk) -> None:
    first = desk.sees(0)
    desk.sees(60)
    desk.sees(179.9)  # 118.9 s after the last sign, which was the confirmation at 61 s
    (incident,) = desk.incidents()
    assert (incident.number, incident.n_events, incident.n_merged) == (1, 3, 2)
    assert (incident.state, incident.severity, incident.avs_level) == ("open", "high", 1)
    (told,) = desk.deliveries()
    assert (told.kind, told.event_id, told.sequence) == ("event.flagged", first.id, 0)
    assert told.payload["data"]["incident"]["number"] == 1
    assert told.payload["data"]["is_test"] is False
    assert "late" not in told.payload["data"]
    assert desk.log() == ["opened", "merged", "merged"]


def test_too_late_or_too_far_is_another_incident(desk: AlarmDesk) -> None:
    zones = [zone.id for zone in desk.state.site.zones[:2]]
    desk.sees(0, zone_id=zones[0], **place(255400, 469500))
    desk.sees(10, zone_id=zones[1], **place(255461, 469500))  # 61 m off, another zone
    desk.sees(20, zone_id=zones[1], **place(255458, 469500))  # 3 m from the second
    desk.sees(30, zone_id=zones[0], **place(255400, 469500))
    desk.sees(151, zone_id=zones[0], **place(255400, 469500))  # 120 s after its last sign, at 31
    counts = [(one.number, one.n_events) for one in desk.incidents()]
    assert counts == [(1, 2), (2, 2), (3, 1)]
    assert desk.kinds() == ["event.flagged"] * 3


def test_within_metres_it_is_one_incident_over_two_zones(desk: AlarmDesk) -> None:
    zones = [zone.id for zone in desk.state.site.zones[:2]]
    cameras = [camera.id for camera in desk.state.site.cameras[:2]]
    desk.sees(0, zone_id=zones[0], camera_id=cameras[0], **place(255400, 469500))
    second = desk.sees(30, zone_id=zones[1], camera_id=cameras[1], **place(255436, 469548))
    (incident,) = desk.incidents()  # 36 and 48 m: 60 m apart
    assert (incident.n_events, incident.n_merged, incident.n_updates) == (2, 0, 1)
    update = desk.deliveries()[1]
    assert (update.kind, update.sequence, update.event_id) == ("incident.updated", 1, second.id)
    assert update.payload["data"]["camera"]["id"] == cameras[1]
    assert update.payload["data"]["incident"]["n_events"] == 2


@pytest.mark.parametrize(
    ("before", "change", "is_news"),
    [
        ({}, {}, False),
        ({}, {"object_class": "car"}, True),
        ({"severity": "low"}, {"severity": "medium"}, True),
        ({"severity": "high"}, {"severity": "low"}, False),
    ],
)
def test_what_is_news(
    tmp_path: Path, before: dict[str, Any], change: dict[str, Any], is_news: bool
) -> None:
    with alarm_desk(tmp_path, park()) as desk:
        desk.sees(0, **before)
        desk.sees(5, **before | change)
        assert desk.kinds() == ["event.flagged"] + ["incident.updated"] * is_news
        news = [one.payload["data"]["news"] for one in desk.deliveries()]
        assert [bool(one) for one in news] == [False] + [True] * is_news
        assert desk.incidents()[0].n_merged == (not is_news)


def test_a_clip_is_news_of_the_event_that_was_told_only(desk: AlarmDesk) -> None:
    first = desk.sees(0)
    merged = desk.sees(5)
    desk.ends(first)
    desk.ends(merged)
    assert desk.kinds() == ["event.flagged", "incident.updated"]
    assert desk.deliveries()[1].event_id == first.id


def test_what_a_merged_event_turns_out_to_be_is_news_once(desk: AlarmDesk) -> None:
    desk.sees(0, object_class="moving")
    merged, another = desk.sees(5, object_class="moving"), desk.sees(9, object_class="moving")
    desk.ends(merged, object_class="person", confidence=0.9)
    desk.ends(another, object_class="person", confidence=0.9)
    assert desk.kinds() == ["event.flagged", "incident.updated"]
    assert desk.deliveries()[1].event_id == merged.id
    assert desk.deliveries()[1].payload["data"]["news"] == "class"


def test_a_receiver_hears_when_it_is_grave_enough(tmp_path: Path) -> None:
    grave = make_receiver("wacht", NOWHERE).model_copy(update={"min_severity": Severity.HIGH})
    with alarm_desk(tmp_path, park(make_receiver("meldkamer", NOWHERE), grave)) as desk:
        desk.sees(0, severity="medium")
        assert desk.kinds("wacht") == []
        desk.sees(5, severity="high")
        assert desk.kinds("wacht") == ["event.flagged"]
        assert desk.kinds("meldkamer") == ["event.flagged", "incident.updated"]
        assert desk.incidents()[0].n_merged == 0


def test_a_long_incident_is_told_of_again(desk: AlarmDesk) -> None:
    for after_s in range(0, 661, 60):  # twelve events; those at 600 s and 660 s
        desk.sees(after_s)
    (incident,) = desk.incidents()
    # 600 s after the first was told (at 2 s, the clock at 602 s) it is told again, once.
    assert desk.kinds() == ["event.flagged", "incident.updated"]
    assert (incident.n_events, incident.n_merged) == (12, 10)


def sweep(desk: AlarmDesk, after_s: float) -> int:
    at = desk.at(after_s)
    with desk.database.writing() as session:
        return sweep_incidents(session, at, state=desk.state)


def test_it_is_over_after_three_quiet_minutes(desk: AlarmDesk) -> None:
    event = desk.sees(0)
    assert sweep(desk, 1000) == 0  # not ended: whoever it is may still be there
    desk.at(11)
    desk.ends(event)  # last seen at 9 s
    assert sweep(desk, 191) == 0  # heard of 180 s ago, and not longer
    assert sweep(desk, 191.1) == 1
    assert sweep(desk, 400) == 0
    assert desk.kinds() == ["event.flagged", "incident.updated", "incident.over"]
    over = desk.deliveries()[-1].payload["data"]
    assert over["incident"]["state"] == "over"
    assert over["event_id"] == str(event.id)
    assert desk.log() == ["opened", "updated", "over"]


def test_an_event_without_an_end_does_not_keep_it_open_for_ever(desk: AlarmDesk) -> None:
    desk.sees(0)  # stored at 2 s
    assert sweep(desk, 3602) == 0
    assert sweep(desk, 3603) == 1


def test_what_comes_back_after_it_was_over_is_told(tmp_path: Path) -> None:
    # A recording of last night, watched today: its events come faster than they were.
    with alarm_desk(tmp_path, park()) as desk:
        event = desk.sees(0)
        desk.ends(event)
        assert sweep(desk, 9000) == 1
        late = make_flagged(started_at=STARTED_AT)
        with desk.database.writing() as session:
            store_flagged(session, late, {}, state=desk.state)
        (incident,) = desk.incidents()
        assert (incident.state, incident.n_events) == ("open", 2)
        assert desk.kinds()[-2:] == ["incident.over", "incident.updated"]


def test_a_late_alarm_says_how_late(desk: AlarmDesk) -> None:
    desk.at(75)
    with desk.database.writing() as session:
        store_flagged(session, make_flagged(started_at=STARTED_AT), {}, state=desk.state)
    assert desk.deliveries()[0].payload["data"]["late"] == 75


def test_a_clock_that_goes_back_mixes_up_no_last_words(desk: AlarmDesk) -> None:
    desk.sees(0)
    with desk.database.writing() as session:
        for kind, after_s in ((CANCELLED, 60), (UPDATED, 30)):
            news = News(kind, session.scalars(select(Incident)).one())
            at, told = STARTED_AT + timedelta(seconds=after_s), desk.state.site.receivers
            spread(session, news, told, at=at, state=desk.state)
    desk.sees(40, camera_id=desk.state.site.cameras[1].id)
    assert len(desk.incidents()) == 1
    assert sorted(desk.kinds()) == [FLAGGED, CANCELLED, UPDATED, UPDATED]


def test_two_workers_open_one_incident(desk: AlarmDesk) -> None:
    n_threads, n_each = 4, 6
    start = threading.Barrier(n_threads)
    zones = [zone.id for zone in desk.state.site.zones[:2]]

    def work(number: int) -> None:
        start.wait()
        for at in range(n_each):
            event = make_flagged(zone_id=zones[at % 2], position=None)
            with desk.database.writing() as session:
                assert store_flagged(session, event, {}, state=desk.state), number

    threads = [threading.Thread(target=work, args=(number,)) for number in range(n_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # 24 events in two zones: two incidents with numbers 1 and 2, each told once.
    assert [(one.number, one.n_events) for one in desk.incidents()] == [(1, 12), (2, 12)]
    assert desk.kinds() == ["event.flagged"] * 2


def test_numbers_are_given_once_without_gaps_to_whoever_asks_at_the_same_time(
    desk: AlarmDesk,
) -> None:
    # Without the turn, which keeps others away in the product: the counter must do it alone.
    n_threads, n_each = 4, 10
    start = threading.Barrier(n_threads)
    numbers: list[int] = []

    def work() -> None:
        start.wait()
        for n in range(n_each):
            with suppress(RuntimeError), desk.database.writing() as session:
                number = next_number(session)
                if n == 3:
                    raise RuntimeError  # rolled back: somebody else gets this number
                numbers.append(number)

    threads = [threading.Thread(target=work) for _ in range(n_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, n_threads * (n_each - 1) + 1))


def test_numbers_follow_those_of_an_older_version(desk: AlarmDesk) -> None:
    desk.sees(0)
    with desk.database.writing() as session:
        session.execute(delete(Counter))
        session.execute(update(Incident).values(number=41))
    with desk.database.writing() as session:
        assert [next_number(session), next_number(session)] == [42, 43]


def test_nothing_is_merged_where_the_park_wants_none(tmp_path: Path) -> None:
    site = replace(park(), alarms=Alarms(merge_within_s=0))
    with alarm_desk(tmp_path, site) as desk:
        desk.sees(0)
        desk.sees(0)
        assert [one.number for one in desk.incidents()] == [1, 2]
