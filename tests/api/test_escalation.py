from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alarm_desk import AlarmDesk, alarm_desk
from api_harness import STARTED_AT, make_receiver, make_site, make_trouble
from sqlalchemy import select, update

from parkwacht_api.acts import Desk
from parkwacht_api.auth import Principal
from parkwacht_api.escalation import escalate_due
from parkwacht_api.ingest import store_trouble
from parkwacht_api.models import Delivery
from parkwacht_api.models_incidents import Incident, IncidentEntry, PartnerState
from parkwacht_api.outbox import OutboxPolicy, claim_due
from parkwacht_api.receivers.words import facts_of, headline
from parkwacht_api.schemas_incidents import CloseIn
from parkwacht_api.troubles import PARTNER, Trouble, end_trouble, open_trouble
from parkwacht_api.verification import etag_of
from parkwacht_config.site import Alarms, Channel, Receiver, Severity, Site
from parkwacht_vision.event import CameraTrouble

NOWHERE = "http://127.0.0.1:9/webhook"


def channel(channel_id: str, **more: Any) -> Channel:
    options = {"url": NOWHERE, "secret_env": "PARKWACHT_SECRET_MELDKAMER"}
    return Channel(id=channel_id, kind="webhook", options=options, **more)


def company(*channels: Channel, **more: Any) -> Receiver:
    return make_receiver("meldkamer", NOWHERE).model_copy(
        update={"url": "", "channels": channels, **more}
    )


def park(*receivers: Receiver) -> Site:
    return make_site(*receivers, alarms=Alarms(merge_within_s=120))


def escalate(desk: AlarmDesk, after_s: float) -> int:
    at = desk.at(after_s)
    with desk.database.writing() as session:
        return escalate_due(session, at, state=desk.state)


def mark(desk: AlarmDesk, channel_id: str, **changes: Any) -> None:
    with desk.database.writing() as session:
        session.execute(update(Delivery).where(Delivery.channel_id == channel_id).values(**changes))


def ways(desk: AlarmDesk) -> list[tuple[str, int]]:
    return [(one.channel_id, one.step) for one in desk.deliveries("meldkamer")]


@pytest.fixture
def desk(tmp_path: Path, database_url: str) -> Iterator[AlarmDesk]:
    three = company(channel("a"), channel("b"), channel("c"), acknowledge_within_s=60)
    board = make_receiver("bestuur", NOWHERE).model_copy(
        update={"takes_troubles": True, "min_severity": Severity.HIGH}
    )
    with alarm_desk(tmp_path, park(three, board), database_url) as opened:
        yield opened


def test_without_an_answer_each_channel_is_tried_and_then_it_is_a_trouble(desk: AlarmDesk) -> None:
    desk.sees(0)  # told at 2 s
    assert escalate(desk, 61.9) == 0
    assert escalate(desk, 62) == 1
    assert escalate(desk, 62) == 0
    assert ways(desk) == [("a", 0), ("b", 1)]
    assert escalate(desk, 121.9) == 0
    assert escalate(desk, 122) == 1
    assert escalate(desk, 182) == 1
    assert escalate(desk, 1000) == 0
    assert ways(desk) == [("a", 0), ("b", 1), ("c", 2)]
    first, second = desk.deliveries("meldkamer")[:2]
    assert (second.kind, second.event_id, second.sequence) == ("event.flagged", first.event_id, 0)
    assert second.payload["data"]["delivery_id"] == str(second.id) != str(first.id)
    assert "late" not in first.payload["data"]
    assert second.payload["data"]["late"] == 62
    alarm, trouble = desk.incidents()
    assert desk.log(alarm.id) == ["opened", "escalated", "escalated", "escalated"]
    assert (trouble.kind, trouble.subject, trouble.cause) == (
        "service_trouble",
        "meldkamer",
        "unanswered",
    )
    assert desk.kinds("bestuur") == ["event.flagged", "trouble.opened"]


def test_an_answer_over_any_channel_ends_it(desk: AlarmDesk) -> None:
    desk.sees(0)
    escalate(desk, 62)
    mark(desk, "a", acknowledged_at=desk.at(70))
    escalate(desk, 122)
    escalate(desk, 500)
    assert ways(desk) == [("a", 0), ("b", 1)]
    assert [one.kind for one in desk.incidents()] == ["intrusion"]


def test_news_for_who_took_it_up_still_leaves_a_failing_channel(desk: AlarmDesk) -> None:
    desk.sees(0)
    mark(desk, "a", state="delivered", acknowledged_at=desk.at(10), escalate_at=None)
    desk.sees(20, camera_id=desk.state.site.cameras[1].id)
    with desk.database.writing() as session:
        news = update(Delivery).where(Delivery.kind == "incident.updated")
        session.execute(news.values(sent_at=desk.at(22)))
    escalate(desk, 52)
    told = [(one.kind, one.channel_id) for one in desk.deliveries("meldkamer")]
    assert told == [("event.flagged", "a"), ("incident.updated", "a"), ("incident.updated", "b")]


def test_what_was_closed_before_it_arrived_is_still_brought(desk: AlarmDesk) -> None:
    desk.sees(0)
    with desk.database.writing() as session:
        session.execute(update(Incident).values(state="closed", review_state="verified"))
    mark(desk, "a", sent_at=desk.at(2), n_attempts=3)
    escalate(desk, 32)
    assert ways(desk) == [("a", 0), ("b", 1)]
    mark(desk, "b", state="delivered")
    escalate(desk, 500)  # it arrived: whoever closed it needs no other answer
    assert ways(desk) == [("a", 0), ("b", 1)]


@pytest.mark.parametrize(("n_failures", "channels"), [(6, ["a", "b"]), (0, ["a"])])
def test_what_waits_behind_a_way_that_rests_goes_over_the_next(
    desk: AlarmDesk, n_failures: int, channels: list[str]
) -> None:
    rests = {"since": desk.at(0), "last_failure_at": desk.at(0), "rests_until": desk.at(600)}
    way = {"receiver_id": "meldkamer", "channel_id": "a", "state": "up", "detail": "", "data": {}}
    with desk.database.writing() as session:
        session.add(PartnerState(**way, **rests, n_failures=n_failures))
    desk.sees(0)  # and is never tried: another has the one place
    assert escalate(desk, 31.9) == 0
    escalate(desk, 32)
    assert [one.channel_id for one in desk.deliveries("meldkamer")] == channels


def test_a_channel_that_fails_for_half_a_minute_is_left(desk: AlarmDesk) -> None:
    desk.sees(0)
    mark(desk, "a", sent_at=desk.at(2), n_attempts=3)
    assert escalate(desk, 31.9) == 0
    assert escalate(desk, 32) == 1
    mark(desk, "b", state="dead", sent_at=desk.at(33))
    assert escalate(desk, 34) == 1
    mark(desk, "c", state="refused")
    assert escalate(desk, 61) == 0  # all were tried: now only the silence counts
    assert ways(desk) == [("a", 0), ("b", 1), ("c", 2)]
    # The first two have moved on; the last was told at 34 s.
    assert escalate(desk, 93.9) == 0
    assert escalate(desk, 94) == 1
    assert desk.incidents()[-1].cause == "unanswered"


def test_what_is_held_back_or_dismissed_is_not_escalated(desk: AlarmDesk) -> None:
    desk.sees(0)
    with desk.database.writing() as session:
        delivery = session.scalars(select(Delivery).where(Delivery.channel_id == "a")).one()
        delivery.state, delivery.escalate_at = "held", None
    assert escalate(desk, 500) == 0


def test_contacts_on_duty_go_first_and_nobody_is_left_out(tmp_path: Path) -> None:
    # The first alarm is on a Friday, 23:14 on the park's clock; "night" arms from 19:00.
    site = park()
    night = site.armings["night"]
    day = night.model_copy(update={"id": "day", "weekly": ((),) * 7, "holidays": "as_weekday"})
    by_day, by_night = channel("day", duty="day"), channel("night", duty="night")
    roster = company(by_day, by_night, acknowledge_within_s=60)
    site = replace(site, receivers=(roster,), armings={"night": night, "day": day})
    with alarm_desk(tmp_path, site) as desk:
        desk.sees(0)
        escalate(desk, 62)
        assert ways(desk) == [("night", 0), ("day", 1)]


def store(desk: AlarmDesk, trouble: CameraTrouble) -> None:
    with desk.database.writing() as session:
        store_trouble(session, trouble, state=desk.state)


def test_a_trouble_of_a_camera_is_an_incident_until_its_end(desk: AlarmDesk) -> None:
    trouble = make_trouble(severity="high")
    desk.at(3)
    store(desk, trouble)
    store(desk, trouble)
    (incident,) = desk.incidents()
    assert (incident.kind, incident.subject, incident.cause, incident.state) == (
        "camera_trouble",
        trouble.camera_id,
        "moved",
        "open",
    )
    data = desk.deliveries("bestuur")[0].payload["data"]
    assert data["camera"]["id"] == trouble.camera_id
    assert (data["event_id"], data["class"], data["position"]) == (None, None, None)
    desk.at(60)
    ended = trouble.model_copy(update={"ended_at": desk.clock.now()})
    store(desk, ended)
    store(desk, ended)
    assert desk.incidents()[0].state == "over"
    assert desk.kinds("bestuur") == ["trouble.opened", "trouble.over"]
    assert desk.kinds("meldkamer") == []  # takes no troubles


def test_a_trouble_that_was_over_before_it_was_heard_of_is_no_incident(desk: AlarmDesk) -> None:
    store(desk, make_trouble(ended_at=desk.at(30)))
    assert desk.incidents() == []


def flap(desk: AlarmDesk, after_s: float, *, is_down: bool) -> None:
    """The partner is lost or back, so long after the first event."""
    at = desk.at(after_s)
    with desk.database.writing() as session:
        if is_down:
            open_trouble(
                session, Trouble(PARTNER, "meldkamer", "lost", "high"), at=at, state=desk.state
            )
        else:
            end_trouble(session, PARTNER, "meldkamer", at=at, state=desk.state)


def due_s(desk: AlarmDesk) -> list[tuple[str, float]]:
    """What the committee is told, and when, in seconds after the first event."""
    return [
        (one.kind, (one.due_at - STARTED_AT).total_seconds()) for one in desk.deliveries("bestuur")
    ]


def test_a_flapping_trouble_is_one_incident_told_once_and_when_it_is_steady(
    desk: AlarmDesk,
) -> None:
    # Twelve times in 28 minutes: lost for 30 s of every 150 s, so back for 120 s, as long as the
    # park's merge_within_s. The first end is due at 30 + 120 = 150 s, when it is lost again.
    for n in range(12):
        flap(desk, 150 * n, is_down=True)
        flap(desk, 150 * n + 10, is_down=True)
        flap(desk, 150 * n + 30, is_down=False)
    (incident,) = desk.incidents()
    assert (incident.state, incident.n_merged) == ("over", 11)
    # The last end is at 1680 s; quiet for six times 120 s is steady.
    assert due_s(desk) == [("trouble.opened", 0.0), ("trouble.over", 1680.0 + 720.0)]
    over = desk.deliveries("bestuur")[1].payload
    assert headline(facts_of(over)).nl.endswith("meldkamer, 12 keer in 28 min")
    assert datetime.fromisoformat(over["timestamp"]) == STARTED_AT + timedelta(seconds=2400)
    with desk.database.reading() as session:
        entries = session.scalars(select(IncidentEntry).where(IncidentEntry.what == "merged")).all()
    # Each return is in the log, with the end that was not told because of it.
    assert [one.details["n_times"] for one in entries] == list(range(2, 13))
    assert all(one.details["withdrawn"] == ["bestuur"] for one in entries)
    assert desk.kinds("meldkamer") == []  # of its own trouble


def test_each_return_asks_for_a_longer_quiet(desk: AlarmDesk) -> None:
    for n, quiet_s in enumerate((120.0, 240.0, 360.0)):
        flap(desk, 100 * n, is_down=True)
        flap(desk, 100 * n + 50, is_down=False)
        assert due_s(desk)[1:] == [("trouble.over", 100 * n + 50 + quiet_s)]


def test_who_heard_that_it_was_over_hears_that_it_is_back(desk: AlarmDesk) -> None:
    flap(desk, 0, is_down=True)
    flap(desk, 20, is_down=False)
    with desk.database.writing() as session:  # the end was sent, at 140 s
        row = session.scalars(select(Delivery).where(Delivery.kind == "trouble.over")).one()
        row.state, row.sent_at = "delivered", desk.at(140)
    flap(desk, 200, is_down=True)
    assert due_s(desk)[2:] == [("trouble.opened", 200.0)]
    assert len(desk.incidents()) == 1
    flap(desk, 210, is_down=False)
    # 721 s after its end it is another one; the end of the first stays told.
    flap(desk, 931, is_down=True)
    assert [one.state for one in desk.incidents()] == ["over", "open"]
    kinds = ["trouble.opened", "trouble.over", "trouble.opened", "trouble.over", "trouble.opened"]
    assert desk.kinds("bestuur") == kinds


def test_an_end_that_is_not_told_yet_is_sent_in_its_time_and_not_late(desk: AlarmDesk) -> None:
    flap(desk, 0, is_down=True)
    flap(desk, 20, is_down=False)
    claimed = claim_due(desk.database, desk.at(139), policy=OutboxPolicy())
    assert {one.kind for one in claimed} == {"trouble.opened"}
    (claim,) = claim_due(desk.database, desk.at(140), policy=OutboxPolicy(), under_way=claimed)
    assert claim.kind == "trouble.over"
    assert datetime.fromisoformat(claim.payload["timestamp"]) == desk.clock.now()
    # What a sender has in hand is not withdrawn: the return is told after it.
    flap(desk, 141, is_down=True)
    assert desk.kinds("bestuur") == ["trouble.opened", "trouble.over", "trouble.opened"]


def test_a_trouble_that_gets_graver_is_told_to_who_asked_for_grave_ones(desk: AlarmDesk) -> None:
    for severity in ("medium", "high", "high"):
        down = Trouble(PARTNER, "meldkamer", "lost", severity)
        with desk.database.writing() as session:
            open_trouble(session, down, at=desk.at(3), state=desk.state)
    assert [one.severity for one in desk.incidents()] == ["high"]
    assert desk.kinds("bestuur") == ["trouble.opened"]  # it hears of severity high only


def test_a_trouble_that_comes_back_graver_is_told_as_it_is_now(tmp_path: Path) -> None:
    # Its first channel is lost (medium), it is back, and 60 s later all channels are lost (high).
    all_of_it = make_receiver("alles", NOWHERE).model_copy(update={"takes_troubles": True})
    grave = make_receiver("bestuur", NOWHERE).model_copy(
        update={"takes_troubles": True, "min_severity": Severity.HIGH}
    )
    with alarm_desk(tmp_path, park(company(channel("a")), all_of_it, grave)) as desk:
        for after_s, severity in ((0, "medium"), (80, "high"), (200, "medium"), (230, "high")):
            down = Trouble(PARTNER, "meldkamer", "lost", severity)
            with desk.database.writing() as session:
                open_trouble(session, down, at=desk.at(after_s), state=desk.state)
            if after_s in {0, 80}:
                flap(desk, after_s + 20, is_down=False)
        (incident,) = desk.incidents()
        assert (incident.severity, incident.n_merged) == ("high", 2)
        told = [one.payload["data"]["incident"]["severity"] for one in desk.deliveries("bestuur")]
        assert told == ["high", "high"]
        told = [one.payload["data"]["incident"]["severity"] for one in desk.deliveries("alles")]
        assert told == ["medium", "high", "high"]


def test_only_a_trouble_is_told_with_how_often_it_was_there(desk: AlarmDesk) -> None:
    desk.sees(0)
    desk.sees(5)
    desk.sees(20, camera_id=desk.state.site.cameras[1].id)
    (incident,) = desk.incidents()
    assert incident.n_merged > 0
    told = desk.deliveries("meldkamer")
    assert [one.kind for one in told] == ["event.flagged", "incident.updated"]
    assert all("keer" not in headline(facts_of(one.payload)).nl for one in told)


def close(desk: AlarmDesk) -> None:
    """A person closes the only incident, now."""
    (incident,) = desk.incidents()
    person = Principal("Ria", "security_operator", frozenset(), None, "console", "192.0.2.1")
    with desk.database.writing() as session:
        acts = Desk(session, person, desk.state, etag_of(incident))
        acts.close(incident.id, CloseIn(person="Ria", reason="gezien"))


def test_the_end_of_a_trouble_that_a_person_closes_never_follows_the_next(desk: AlarmDesk) -> None:
    # To a control room the restore of a zone says that the zone is well, whichever trouble it was.
    flap(desk, 0, is_down=True)
    flap(desk, 20, is_down=False)
    desk.at(30)
    close(desk)
    flap(desk, 60, is_down=True)
    assert due_s(desk) == [
        ("trouble.opened", 0.0),
        ("trouble.over", 30.0),
        ("trouble.opened", 60.0),
    ]
    over = desk.deliveries("bestuur")[1].payload
    assert datetime.fromisoformat(over["timestamp"]) == STARTED_AT + timedelta(seconds=30)


def test_quiet_hours_hold_slight_troubles_and_never_an_alarm(tmp_path: Path) -> None:
    site = park()
    quiet = channel("a", quiet="night")
    site = replace(site, receivers=(company(quiet, takes_troubles=True),))
    with alarm_desk(tmp_path, site) as desk:
        store(desk, make_trouble(severity="low", cause="defocused"))
        store(desk, make_trouble(severity="medium", cause="moved"))
        desk.sees(0, severity="low")
        waits_s = [(one.due_at - one.created_at).total_seconds() for one in desk.deliveries()]
        # From Friday 23:14:03 the night and the weekend's days last until Monday 06:30:
        # 2 days, 7 h, 15 min and 57 s.
        assert sorted(waits_s) == [0, 0, 2 * 86400 + 7 * 3600 + 15 * 60 + 57]


def test_closing_hastens_nothing_that_quiet_hours_hold(tmp_path: Path) -> None:
    quiet = company(channel("a", quiet="night"), takes_troubles=True)
    with alarm_desk(tmp_path, park(quiet)) as desk:
        trouble = make_trouble(severity="low", cause="defocused")
        store(desk, trouble)
        store(desk, trouble.model_copy(update={"ended_at": desk.at(60)}))
        desk.at(70)
        close(desk)
        due = [(one.kind, one.due_at.isoformat()) for one in desk.deliveries()]
    # The night and the weekend's days last until Monday 06:30, 05:30 UTC.
    monday = "2026-11-23T05:30:00+00:00"
    assert due == [("trouble.opened", monday), ("trouble.over", monday)]
