"""
Who is silent is told of: partners within 90 s, workers while armed, and the whole chain once a day.

The instants are worked out by hand from the issue: asked every 30 s (15 s after a failure), lost
after a minute without a sign and two failures.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alarm_desk import alarm_desk
from api_harness import (
    STARTED_AT,
    Service,
    make_receiver,
    make_site,
    receiver_stub,
    running_service,
    until,
)
from sqlalchemy.orm import Session

from parkwacht_api.database import Database
from parkwacht_api.forwarder import Forwarder
from parkwacht_api.models import Delivery, Heartbeat
from parkwacht_api.models_incidents import Incident, PartnerState
from parkwacht_api.outbox import OutboxPolicy, Outcome, note_outcome
from parkwacht_api.receivers.channel import Answer
from parkwacht_api.repository_outbox import partner_states
from parkwacht_api.state import AppState
from parkwacht_api.supervision import (
    is_test_due,
    judge_dead_letters,
    judge_partners,
    judge_workers,
    note_worker,
    run_test_alarm,
    ways_to_ask,
)
from parkwacht_config.clock import FakeClock
from parkwacht_config.partners import Alarms
from parkwacht_config.site import Receiver, Site

NOWHERE = "http://127.0.0.1:9/webhook"
POLICY = OutboxPolicy(jitter=0)
WAY = ("meldkamer", "webhook")
# A Friday night, when the sample park is armed; and a Friday noon, when it is not.
NIGHT = datetime(2026, 11, 20, 22, tzinfo=UTC)
NOON = datetime(2026, 11, 20, 11, tzinfo=UTC)


def listening(receiver: Receiver) -> Receiver:
    return receiver.model_copy(update={"takes_troubles": True})


def park() -> Site:
    desk = make_receiver("meldkamer", NOWHERE)
    site = make_site(listening(desk), listening(make_receiver("beheer", NOWHERE)))
    return replace(site, alarms=Alarms(test_at="09:00"))


@pytest.fixture
def running(tmp_path: Path, database_url: str) -> Iterator[Service]:
    with running_service(tmp_path / "s", park(), database_url=database_url) as service:
        yield service


def state_of(service: Service) -> AppState:
    return AppState(service.settings, service.site, FakeClock(NIGHT), service.database)


def after(seconds: float, start: datetime = NIGHT) -> datetime:
    return start + timedelta(seconds=seconds)


def judge(service: Service, work: Any, at: datetime) -> Any:
    with service.database.writing() as session:
        return work(session, at, state=state_of(service))


def hear(service: Service, kind: str, at: datetime) -> None:
    answer = Answer(204, "") if kind == "delivered" else None
    with service.database.writing() as session:
        note_outcome(session, WAY, Outcome(kind, at, answer, "silence"), policy=POLICY)


def troubles(service: Service) -> list[tuple[str, str, str, str]]:
    with service.database.reading() as session:
        rows = session.query(Incident).where(Incident.kind != "test").order_by(Incident.number)
        return [(one.kind, one.subject, one.cause, one.state) for one in rows]


def told(service: Service) -> list[tuple[str, str]]:
    with service.database.reading() as session:
        rows = session.query(Delivery).where(Delivery.kind != "test.alarm")
        return [
            (one.receiver_id, one.kind) for one in rows.order_by(Delivery.created_at, Delivery.id)
        ]


def asked_at(service: Service, until_s: int) -> list[int]:
    """Let a partner that was heard at NIGHT fail from then on; return when it was asked."""
    asked, times = {WAY: NIGHT}, []
    for second in range(1, until_s):
        at = after(second)
        with service.database.reading() as session:
            due = ways_to_ask(partner_states(session), asked, at)
        if due:
            asked[WAY] = at
            times.append(second)
            hear(service, "failed", at)
        judge(service, judge_partners, at)
    return times


def test_a_lost_partner_is_told_of_within_90_s_and_so_is_its_return(running: Service) -> None:
    hear(running, "delivered", NIGHT)
    assert asked_at(running, 60) == [30, 45]
    assert troubles(running) == []
    judge(running, judge_partners, after(60))
    assert troubles(running) == [("partner_trouble", "meldkamer", "lost", "open")]
    # Nobody is told of its own loss.
    assert told(running) == [("beheer", "trouble.opened")]
    judge(running, judge_partners, after(70))
    hear(running, "delivered", after(75))
    judge(running, judge_partners, after(76))
    assert troubles(running) == [("partner_trouble", "meldkamer", "lost", "over")]
    assert told(running)[1:] == [("beheer", "trouble.over")]


def test_one_failure_is_no_loss(service: Service) -> None:
    hear(service, "delivered", NIGHT)
    hear(service, "failed", after(30))
    judge(service, judge_partners, after(300))
    assert troubles(service) == []


def test_a_sign_of_life_from_the_future_does_not_hide_a_loss(service: Service) -> None:
    """The clock was set back an hour after the partner was heard."""
    hear(service, "delivered", after(3600))
    for second in (30, 45):
        hear(service, "failed", after(second))
    judge(service, judge_partners, after(60))
    assert [one[:3] for one in troubles(service)] == [("partner_trouble", "meldkamer", "lost")]


def test_who_was_heard_lately_is_not_asked(service: Service) -> None:
    hear(service, "delivered", after(20))
    with service.database.reading() as session:
        states = partner_states(session)
    assert ways_to_ask(states, {WAY: NIGHT}, after(49)) == []
    assert ways_to_ask(states, {WAY: NIGHT}, after(50)) == [WAY]
    # A jump of the clock asks at once, never later.
    assert ways_to_ask(states, {WAY: NIGHT}, after(-3600)) == [WAY]


def test_the_outbox_asks_a_real_receiver(tmp_path: Path) -> None:
    with receiver_stub() as stub:
        site = make_site(make_receiver("meldkamer", stub.url))
        with running_service(tmp_path / "s", site) as service:
            clock = FakeClock(NIGHT)
            forwarder = Forwarder(
                service.database, site, service.settings, clock=clock, policy=POLICY
            )
            try:
                clock.advance(timedelta(seconds=31))
                forwarder.keep_house()
                until(lambda: heard(service) is not None)
            finally:
                forwarder.close()
            state = heard(service)
    assert state is not None
    assert (state.n_failures, state.last_success_at) == (0, after(31))
    assert forwarder.n_errors == 0


def heard(service: Service) -> PartnerState | None:
    with service.database.reading() as session:
        return session.query(PartnerState).one_or_none()


def beat(service: Service, **given: Any) -> int:
    with service.client(service.worker_key) as client:
        told = {"name": "poort-1:a1", "cameras": ["c1", "c2"], **given}
        return client.post("/heartbeats", json=told).status_code


def test_a_worker_that_falls_silent_at_night_is_an_incident(running: Service) -> None:
    with running.database.writing() as session:
        note_worker(session, "poort-1:a1", ["c1"], NIGHT, is_ending=False)
    judge(running, judge_workers, after(89))
    assert troubles(running) == []
    judge(running, judge_workers, after(90))
    judge(running, judge_workers, after(91))
    assert troubles(running) == [("service_trouble", "poort-1:a1", "silent", "open")]
    with running.database.writing() as session:
        note_worker(session, "poort-1:a1", ["c1"], after(200), is_ending=False)
    judge(running, judge_workers, after(201))
    assert troubles(running)[0][3] == "over"
    assert {kind for _, kind in told(running)} == {"trouble.opened", "trouble.over"}


@pytest.mark.parametrize(
    ("start", "is_ending"), [(NOON, False), (NIGHT, True)], ids=["by day", "stopped by somebody"]
)
def test_silence_that_is_no_incident(service: Service, start: datetime, is_ending: bool) -> None:
    with service.database.writing() as session:
        note_worker(session, "poort-1:a1", [], start, is_ending=is_ending)
    judge(service, judge_workers, start + timedelta(minutes=20))
    assert troubles(service) == []


def test_a_worker_says_that_it_lives_over_http(service: Service) -> None:
    assert beat(service) == 204
    assert beat(service, is_ending=True) == 204
    assert beat(service, name="../etc") == 422
    with service.database.reading() as session:
        row = session.query(Heartbeat).where(Heartbeat.name.startswith("worker:")).one()
    assert row.data["cameras"] == ["c1", "c2"]
    assert row.data["is_ending"] is True


DEAD = ("service_trouble", "meldkamer", "dead_letter")


def let_die(service: Service, after_h: int = 0) -> None:
    """One more event, so long after the first, whose delivery to the control room is given up."""
    service.stored(started_at=STARTED_AT + timedelta(hours=after_h))
    with service.database.writing() as session:
        rows = session.query(Delivery).where(
            Delivery.receiver_id == "meldkamer", Delivery.kind == "event.flagged"
        )
        rows.update({"state": "dead"})


def look(service: Service) -> list[str]:
    """Judge as an outbox does that was just started; how the troubles of dead letters are then."""
    with service.database.writing() as session:
        judge_dead_letters(session, NIGHT, state=state_of(service))
    return [one[3] for one in troubles(service) if one[:3] == DEAD]


def test_given_up_deliveries_are_themselves_told_of(running: Service) -> None:
    assert look(running) == []
    let_die(running)
    assert look(running) == ["open"]
    assert look(running) == ["open"]
    with running.database.writing() as session:
        session.query(Delivery).where(Delivery.state == "dead").update({"state": "delivered"})
    assert look(running) == ["over"]


def test_a_dead_letter_that_a_person_closed_is_not_told_of_again(running: Service) -> None:
    let_die(running)
    look(running)
    n_told = len(told(running))
    with running.database.writing() as session:
        session.query(Incident).where(Incident.cause == "dead_letter").update({"state": "closed"})
    assert look(running) == ["closed"]  # the outbox was started again
    assert len(told(running)) == n_told
    let_die(running, after_h=1)
    assert look(running) == ["closed", "open"]


class CountingDatabase(Database):
    """A database that knows how often this thread wanted to write."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.n_writes, self._thread = 0, threading.current_thread()

    @contextmanager
    def writing(self, **options: Any) -> Iterator[Session]:
        """Open a writing transaction, counted."""
        self.n_writes += threading.current_thread() is self._thread
        with super().writing(**options) as session:
            yield session


def test_a_second_in_which_nothing_is_due_wants_no_turn(running: Service) -> None:
    hear(running, "delivered", NIGHT)
    database, clock = CountingDatabase(running.settings.sqlalchemy_url), FakeClock(NIGHT)
    policy = OutboxPolicy()
    forwarder = Forwarder(database, running.site, running.settings, clock=clock, policy=policy)
    forwarder.keep_house()
    assert database.n_writes > 0  # its sign of life, and that the partner is up
    database.n_writes = 0
    for _ in range(4):
        clock.advance(timedelta(seconds=1))
        forwarder.keep_house()
    assert database.n_writes == 0
    let_die(running)
    clock.advance(timedelta(seconds=0.5))
    hear(running, "failed", clock.now())
    hear(running, "failed", clock.now())
    clock.advance(timedelta(seconds=0.5))
    forwarder.keep_house()
    assert database.n_writes == 2  # dead letters, and the sign of life of every 5 s
    assert DEAD in [one[:3] for one in troubles(running)]
    forwarder.close()
    database.dispose()
    assert forwarder.n_errors == 0


def test_the_outbox_itself_finds_and_does_whatever_is_due(
    tmp_path: Path, database_url: str
) -> None:
    wanting = make_receiver("meldkamer", NOWHERE).model_copy(update={"acknowledge_within_s": 60})
    site = make_site(wanting, make_receiver("beheer", NOWHERE), alarms=Alarms(test_at="23:00"))
    with alarm_desk(tmp_path, site, database_url) as desk:
        desk.ends(desk.sees())  # at 23:14 in the Netherlands
        with desk.database.writing() as session:
            note_worker(session, "poort-1:a1", [], desk.at(10), is_ending=False)
            for kind, after_s in (("delivered", 10), ("failed", 40), ("failed", 55)):
                outcome = Outcome(kind, desk.at(after_s), None, "silence")
                note_outcome(session, WAY, outcome, policy=POLICY)
            board = session.query(Delivery).where(Delivery.receiver_id == "beheer")
            board.update({"state": "dead"})
        desk.at(600)
        forwarder = Forwarder(
            desk.database, site, desk.state.settings, clock=desk.clock, policy=POLICY
        )
        forwarder.keep_house()
        forwarder.close()
        found = {(one.kind, one.subject, one.cause, one.state) for one in desk.incidents()}
    assert forwarder.n_errors == 0
    assert {one[1:] for one in found if one[0] not in {"intrusion", "test"}} == {
        ("meldkamer", "lost", "open"),
        ("meldkamer", "unanswered", "open"),
        ("poort-1:a1", "silent", "open"),
        ("beheer", "dead_letter", "open"),
    }
    assert {(one[0], one[3]) for one in found} >= {("intrusion", "over"), ("test", "open")}


# 09:00 in winter in the Netherlands is 08:00 UTC.
TEST_AT = datetime(2026, 11, 20, 8, tzinfo=UTC)


def sent_tests(service: Service) -> list[Delivery]:
    with service.database.reading() as session:
        return session.query(Delivery).where(Delivery.kind == "test.alarm").all()


def test_the_daily_test_alarm_is_unseen_where_it_arrives(running: Service) -> None:
    judge(running, run_test_alarm, after(-1, TEST_AT))
    assert sent_tests(running) == []
    judge(running, run_test_alarm, after(1, TEST_AT))
    judge(running, run_test_alarm, after(2, TEST_AT))
    sent = sent_tests(running)
    assert {one.receiver_id for one in sent} == {"meldkamer", "beheer"}
    assert len(sent) == 2
    assert {one.payload["data"]["is_test"] for one in sent} == {True}
    with running.database.writing() as session:
        session.query(Delivery).update({"state": "delivered"})
    judge(running, run_test_alarm, after(130, TEST_AT))
    assert troubles(running) == []
    with running.database.reading() as session:
        assert session.query(Incident).one().state == "closed"
    judge(running, run_test_alarm, after(86_400, TEST_AT))
    assert len(sent_tests(running)) == 4


def test_a_test_alarm_just_before_midnight_is_judged_after_it(running: Service) -> None:
    alarms = running.site.alarms.model_copy(update={"test_at": "23:59"})
    site = replace(running.site, alarms=alarms)
    state = replace(state_of(running), site=site)
    sent_at = datetime(2026, 11, 23, 22, 59, tzinfo=UTC)  # 23:59 in winter in the Netherlands
    for at in (sent_at, after(119, sent_at), after(120, sent_at)):
        assert troubles(running) == []
        with running.database.reading() as session:
            assert is_test_due(session, at, state=state) == (at != after(119, sent_at))
        with running.database.writing() as session:
            run_test_alarm(session, at, state=state)
    lost = {one[1:3] for one in troubles(running)}
    assert lost == {("meldkamer", "test_failed"), ("beheer", "test_failed")}


def test_a_test_alarm_that_does_not_arrive_is_an_incident(running: Service) -> None:
    judge(running, run_test_alarm, TEST_AT)
    with running.database.writing() as session:
        arrived = session.query(Delivery).where(Delivery.receiver_id == "beheer")
        arrived.update({"state": "delivered"})
    judge(running, run_test_alarm, after(119, TEST_AT))
    assert troubles(running) == []
    judge(running, run_test_alarm, after(120, TEST_AT))
    assert troubles(running) == [("service_trouble", "meldkamer", "test_failed", "open")]
