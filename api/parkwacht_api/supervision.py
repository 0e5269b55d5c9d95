"""
Who watches the watchers: partners, workers, dead letters, and the whole chain once a day.

A partner's channel is asked whether it lives where it was not heard for 30 s; it is lost where it
failed more than once and was not heard for a minute, so that the loss is told within 90 s. A worker
that is silent while the park is armed is a trouble, as is every delivery that was given up. The
daily test alarm goes over every channel of every partner; it is seen only where it fails.
"""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from parkwacht_api.counters import set_value, values_of
from parkwacht_api.incidents import add_entry, open_incident, take_turn
from parkwacht_api.models import Delivery, Heartbeat
from parkwacht_api.models_incidents import Incident, PartnerState
from parkwacht_api.release import TEST, News, plan_delivery
from parkwacht_api.repository_outbox import (
    Way,
    count_given_up,
    is_over,
    partner_states,
    worker_heartbeats,
)
from parkwacht_api.state import AppState
from parkwacht_api.troubles import PARTNER, SERVICE, Trouble, end_trouble, open_trouble
from parkwacht_config.schedule import is_armed
from parkwacht_config.site import Receiver

ASK_EVERY_S = 30.0
ASK_AGAIN_S = 15.0  # where the last answer was none
LOST_AFTER_S = 60.0
MIN_FAILURES = 2
SILENT_AFTER_S = 90.0
TEST_WITHIN_S = 120.0
TEST_CATCH_UP_S = 3600.0
GIVEN_UP = "given_up:"
LOST, DEAD_LETTER, SILENT, TEST_FAILED = "lost", "dead_letter", "silent", "test_failed"


def ways_to_ask(
    states: Mapping[Way, PartnerState], asked: Mapping[Way, datetime], at: datetime
) -> list[Way]:
    """
    Return the ways that were neither heard nor asked lately.

    Parameters
    ----------
    states
        What was heard of the ways.
    asked
        When each way was asked last; every way that can be asked is in it.
    at
        The present instant.
    """
    due = []
    for way, last in asked.items():
        state = states.get(way)
        is_failing = state is not None and state.n_failures > 0
        is_heard = state is not None and not is_over(state.last_success_at, ASK_EVERY_S, at)
        if is_over(last, ASK_AGAIN_S if is_failing else ASK_EVERY_S, at) and (
            is_failing or not is_heard
        ):
            due.append(way)
    return due


def has_changed_partner(session: Session, at: datetime, *, state: AppState) -> bool:
    """Say whether `judge_partners` would change any way, without taking a lock."""
    ways = {(receiver.id, way.id) for receiver in state.site.receivers for way in receiver.ways}
    states = partner_states(session)
    return any(_state_of(one, at) != one.state for way, one in states.items() if way in ways)


def judge_partners(session: Session, at: datetime, *, state: AppState) -> None:
    """
    Say which ways are up and which are down, and open or end the troubles of their partners.

    Parameters
    ----------
    session
        A writing transaction.
    at
        The present instant.
    state
        Gives the park.
    """
    take_turn(session)  # before any row is locked, as everybody does
    states = partner_states(session)
    for receiver in state.site.receivers:
        ways = [
            one for way in receiver.ways if (one := states.get((receiver.id, way.id))) is not None
        ]
        changed = [one for one in ways if _judge_way(one, at)]
        if changed:
            _tell_partner(session, receiver, ways, at=at, state=state)


def _state_of(way: PartnerState, at: datetime) -> str:
    is_lost = way.n_failures >= MIN_FAILURES and is_over(way.last_success_at, LOST_AFTER_S, at)
    is_new = way.last_success_at is None and not is_over(way.since, LOST_AFTER_S, at)
    return "up" if way.n_failures == 0 else "down" if is_lost and not is_new else way.state


def _judge_way(way: PartnerState, at: datetime) -> bool:
    """Set whether a way is up or down; True where that changed."""
    now = _state_of(way, at)
    if now == way.state:
        return False
    was, way.state, way.since = way.state, now, at
    return "down" in {was, now}


def _tell_partner(
    session: Session, receiver: Receiver, ways: list[PartnerState], *, at: datetime, state: AppState
) -> None:
    n_down = sum(one.state == "down" for one in ways)
    if n_down == 0:
        end_trouble(session, PARTNER, receiver.id, at=at, state=state, cause=LOST)
        return
    # One of several channels: the others still carry the alarms.
    severity = "high" if n_down == len(receiver.ways) else "medium"
    trouble = Trouble(PARTNER, receiver.id, LOST, severity)
    incident = open_trouble(session, trouble, at=at, state=state)
    names = {one.channel_id: one.detail[:300] for one in ways if one.state == "down"}
    add_entry(session, incident, "updated", at=at, channels=names)


def has_other_dead_letters(session: Session, at: datetime, *, state: AppState) -> bool:
    """Say whether `judge_dead_letters` would find more or fewer than it did last time."""
    return bool(_other_dead_letters(session, state))


def _other_dead_letters(session: Session, state: AppState) -> list[tuple[str, int, int | None]]:
    """Return the receivers with another number of given-up deliveries: now, and last time."""
    counts, known = count_given_up(session), values_of(session, GIVEN_UP)
    return [
        (one.id, counts.get(one.id, 0), known.get(one.id))
        for one in state.site.receivers
        if counts.get(one.id, 0) != known.get(one.id)
    ]


def judge_dead_letters(session: Session, at: datetime, *, state: AppState) -> None:
    """
    Open a trouble where deliveries were given up since last time, end it where none is left.

    The last count is kept in the database: what a person has seen and closed is not told again
    because the outbox was started again.

    Parameters
    ----------
    session
        A writing transaction.
    at
        The present instant.
    state
        Gives the park.
    """
    take_turn(session)
    for receiver_id, n_now, n_before in _other_dead_letters(session, state):
        set_value(session, GIVEN_UP + receiver_id, n_now)
        if n_now > (n_before or 0):
            trouble = Trouble(SERVICE, receiver_id, DEAD_LETTER, "high")
            incident = open_trouble(session, trouble, at=at, state=state)
            add_entry(session, incident, "updated", at=at, n_given_up=n_now)
        elif n_now == 0:
            end_trouble(session, SERVICE, receiver_id, at=at, state=state, cause=DEAD_LETTER)


def is_anything_armed(state: AppState, at: datetime) -> bool:
    """Say whether any calendar of the park is armed."""
    site = state.site
    return any(is_armed(one, at, timezone=site.timezone) for one in site.armings.values())


def has_changed_worker(session: Session, at: datetime, *, state: AppState) -> bool:
    """Say whether `judge_workers` would tell of any, without taking a lock."""
    return any(_news_of(row, at, state) for row in worker_heartbeats(session, lock=False))


def _news_of(row: Heartbeat, at: datetime, state: AppState) -> str:
    """Return `silent` or `back` where a worker is so and that was not told yet, else nothing."""
    is_silent = is_over(row.at, SILENT_AFTER_S, at) and not row.data.get("is_ending")
    is_told = bool(row.data.get("is_told"))
    if is_silent and not is_told and is_anything_armed(state, at):
        return "silent"
    return "back" if is_told and not is_silent else ""


def judge_workers(session: Session, at: datetime, *, state: AppState) -> None:
    """
    Open a trouble for each worker that is silent while the park is armed, end it when it is back.

    Parameters
    ----------
    session
        A writing transaction.
    at
        The present instant.
    state
        Gives the park and its calendars.
    """
    take_turn(session)  # before any row is locked, as everybody does
    for row in worker_heartbeats(session):
        news, name = _news_of(row, at, state), row.data["name"]
        if news == "silent":
            trouble = Trouble(SERVICE, name, SILENT, "high")
            incident = open_trouble(session, trouble, at=at, state=state, started_at=row.at)
            cameras = row.data.get("cameras", [])
            add_entry(session, incident, "updated", at=at, cameras=cameras)
            row.data = {**row.data, "is_told": True}
        elif news == "back":
            end_trouble(session, SERVICE, name, at=at, state=state, cause=SILENT)
            row.data = {**row.data, "is_told": False}


def note_worker(
    session: Session, name: str, cameras: list[str], at: datetime, *, is_ending: bool
) -> None:
    """Remember a worker's sign of life, or that it ends because somebody wants it to."""
    key = f"worker:{name}"
    row = session.get(Heartbeat, key, with_for_update=True)
    data = {"name": name, "cameras": cameras, "is_ending": is_ending}
    if row is None:
        session.add(Heartbeat(name=key, at=at, data=data))
        return
    row.at, row.data = at, {**data, "is_told": row.data.get("is_told", False)}


def is_test_due(session: Session, at: datetime, *, state: AppState) -> bool:
    """Say whether `run_test_alarm` would send or judge one, without taking a lock."""
    if state.site.alarms.test_at is None:
        return False
    today, yesterday = _tests_of(session, state, at, lock=False)
    return _must_send(today, at, state) or _must_judge(today, at) or _must_judge(yesterday, at)


def _today(state: AppState, at: datetime) -> date:
    return at.astimezone(ZoneInfo(state.site.timezone)).date()


def _must_send(test: Incident | None, at: datetime, state: AppState) -> bool:
    if test is not None or state.site.alarms.test_at is None:
        return False
    hour, zone = time.fromisoformat(state.site.alarms.test_at), ZoneInfo(state.site.timezone)
    due_at = datetime.combine(_today(state, at), hour, tzinfo=zone)
    return 0 <= (at - due_at).total_seconds() < TEST_CATCH_UP_S


def _must_judge(test: Incident | None, at: datetime) -> bool:
    if test is None or test.state == "closed":
        return False
    return is_over(test.received_at, TEST_WITHIN_S, at)


def run_test_alarm(session: Session, at: datetime, *, state: AppState) -> None:
    """
    Send the test alarm of today when its time has come, and judge it two minutes later.

    Parameters
    ----------
    session
        A writing transaction.
    at
        The present instant.
    state
        Gives the park, and when its test is.
    """
    take_turn(session)
    tests = _tests_of(session, state, at)
    if _must_send(tests[0], at, state):
        _send_test(session, _today(state, at), at, state)
    for test in tests:
        if test is not None and _must_judge(test, at):
            _judge_test(session, test, at, state)


def _tests_of(
    session: Session, state: AppState, at: datetime, *, lock: bool = True
) -> tuple[Incident | None, Incident | None]:
    """Return the tests of today and of yesterday, which may be judged after midnight."""
    site_id, today = state.site.id, _today(state, at)
    days = (today, today - timedelta(days=1))
    first, second = (_test_of(session, site_id, day, lock=lock) for day in days)
    return first, second


def _test_of(session: Session, site_id: str, day: date, *, lock: bool = True) -> Incident | None:
    query = select(Incident).where(
        Incident.kind == "test", Incident.subject == site_id, Incident.cause == day.isoformat()
    )
    return session.scalar(query.with_for_update() if lock else query)


def _send_test(session: Session, day: date, at: datetime, state: AppState) -> None:
    incident = Incident(
        site_id=state.site.id,
        kind="test",
        subject=state.site.id,
        cause=day.isoformat(),
        severity="low",
        opened_at=at,
    )
    open_incident(session, incident, at=at)
    for receiver in state.site.receivers:
        for step, way in enumerate(receiver.ways):
            news = News(TEST, incident)
            session.add(plan_delivery(news, receiver, way, at=at, state=state, step=step))


def _judge_test(session: Session, test: Incident, at: datetime, state: AppState) -> None:
    rows = session.scalars(select(Delivery).where(Delivery.incident_id == test.id)).all()
    tried = [one for one in rows if one.state != "held"]
    failed = {one.receiver_id: one.channel_id for one in tried if one.state != "delivered"}
    for receiver_id in sorted({one.receiver_id for one in tried}):
        if receiver_id in failed:
            trouble = Trouble(SERVICE, receiver_id, TEST_FAILED, "high")
            incident = open_trouble(session, trouble, at=at, state=state)
            add_entry(session, incident, "updated", at=at, channel_id=failed[receiver_id])
        else:
            end_trouble(session, SERVICE, receiver_id, at=at, state=state, cause=TEST_FAILED)
    test.state, test.closed_at, test.closed_by = "closed", at, ""
    test.close_reason = f"not delivered: {', '.join(sorted(failed))}" if failed else "delivered"
    add_entry(session, test, "closed", at=at, failed=sorted(failed))
