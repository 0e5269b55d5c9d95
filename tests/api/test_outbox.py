from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from api_harness import Service, make_receiver, make_site, running_service

from parkwacht_api.models import Delivery
from parkwacht_api.models_incidents import PartnerState
from parkwacht_api.outbox import (
    OutboxPolicy,
    Outcome,
    beat,
    claim_due,
    expire_old,
    record_outcome,
)
from parkwacht_api.receivers.channel import Answer
from parkwacht_api.repository import attempts_of

POLICY = OutboxPolicy(lease_s=30, jitter=0)
NOWHERE = "http://127.0.0.1:9/webhook"
# Later than any event of a test is stored, and younger than the age at which it is given up.
T0 = datetime.now(UTC) + timedelta(hours=1)


def after(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def failed(at: datetime, status: int | None = None, wait_s: float | None = None) -> Outcome:
    return Outcome("failed", at, Answer(status, "no", wait_s) if status else None, "failed")


def only_delivery(service: Service) -> Delivery:
    with service.database.reading() as session:
        return session.query(Delivery).one()


def test_the_newest_alarm_goes_first(any_service: Service) -> None:
    events = [any_service.stored() for _ in range(3)]
    claims = claim_due(any_service.database, T0, policy=replace(POLICY, n_per_channel=2))
    told = [one.payload["data"]["event_id"] for one in claims]
    assert told == [str(events[2].id), str(events[1].id)]


def test_a_claim_keeps_others_away_until_its_lease_ends(any_service: Service) -> None:
    any_service.stored()
    database = any_service.database
    assert len(claim_due(database, T0, policy=POLICY)) == 1
    assert claim_due(database, after(29), policy=POLICY) == []
    assert len(claim_due(database, after(31), policy=POLICY)) == 1


def test_who_slept_past_its_lease_cannot_record(any_service: Service) -> None:
    any_service.stored()
    database = any_service.database
    (slow,) = claim_due(database, T0, policy=POLICY)
    (fast,) = claim_due(database, after(31), policy=POLICY)
    assert slow.delivery_id == fast.delivery_id
    assert record_outcome(database, slow, failed(after(32)), policy=POLICY) is None
    taken = Outcome("delivered", after(33), Answer(204, ""))
    assert record_outcome(database, fast, taken, policy=POLICY) == "delivered"
    assert record_outcome(database, slow, failed(after(34)), policy=POLICY) is None
    assert record_outcome(database, fast, failed(after(35)), policy=POLICY) is None
    row = only_delivery(any_service)
    assert (row.state, row.delivered_at, row.n_attempts) == ("delivered", after(33), 2)
    assert row.sent_at == T0
    with database.reading() as session:
        outcomes = [one.outcome for one in attempts_of(session, [row.id])]
    assert outcomes == ["sending", "delivered"]  # the first sender left no end


def test_retries_come_in_seconds(service: Service) -> None:
    service.stored()
    at, waits, serials = T0, [], set()
    for _ in range(7):
        (claim,) = claim_due(service.database, at, policy=POLICY)
        serials.add(claim.serial)
        assert record_outcome(service.database, claim, failed(at), policy=POLICY) == "pending"
        due_at = only_delivery(service).due_at
        waits.append((due_at - at).total_seconds())
        at = due_at
    assert waits == [2, 5, 10, 20, 30, 60, 60]
    assert len(serials) == 1  # kept over retries: the sequence of SIA DC-09 is made of it


@pytest.mark.parametrize(
    ("retry_after_s", "wait_s"), [(None, 2), (1.0, 2), (90.0, 90), (86400.0, 600)]
)
def test_retry_after_is_heard_within_reason(
    service: Service, retry_after_s: float | None, wait_s: float
) -> None:
    service.stored()
    (claim,) = claim_due(service.database, T0, policy=POLICY)
    record_outcome(service.database, claim, failed(T0, 503, retry_after_s), policy=POLICY)
    assert only_delivery(service).due_at == after(wait_s)


def test_jitter_stays_small() -> None:
    policy = OutboxPolicy(jitter=0.2)
    waits = {policy.wait_s(1, None) for _ in range(200)}
    assert 1.6 <= min(waits) < max(waits) <= 2.4


@pytest.mark.parametrize(
    ("policy", "status", "n_attempts"),
    [
        (OutboxPolicy(max_refusals=2, jitter=0), 404, 2),
        (OutboxPolicy(max_age=timedelta(0), delays_s=(2.0, 5.0, 10.0), jitter=0), 500, 3),
    ],
    ids=["refusals", "age"],
)
def test_giving_up_is_visible(
    service: Service, policy: OutboxPolicy, status: int | None, n_attempts: int
) -> None:
    service.stored()
    at = T0
    for _ in range(n_attempts):
        (claim,) = claim_due(service.database, at, policy=policy)
        state = record_outcome(service.database, claim, failed(at, status), policy=policy)
        at += timedelta(minutes=5)
    assert state == "dead"
    row = only_delivery(service)
    assert row.reason.endswith("; failed")
    assert claim_due(service.database, at + timedelta(days=1), policy=policy) == []
    with service.client(service.operator_key) as client:
        listed = client.get("/deliveries", params={"state": "dead"}).json()["items"]
    assert [one["reason"] for one in listed] == [row.reason]


def test_throttling_is_no_refusal(service: Service) -> None:
    service.stored()
    policy, at = OutboxPolicy(max_refusals=1, jitter=0), T0
    for status in (429, 503, 408):
        (claim,) = claim_due(service.database, at, policy=policy)
        state = record_outcome(service.database, claim, failed(at, status), policy=policy)
        assert state == "pending"
        at += timedelta(minutes=5)


def test_a_way_without_places_is_passed_over(service: Service) -> None:
    for _ in range(3):
        service.stored()
    policy = replace(POLICY, n_per_channel=2)
    claims = claim_due(service.database, T0, policy=policy)
    assert len(claims) == 2
    assert claim_due(service.database, T0, policy=policy, under_way=claims) == []
    assert len(claim_due(service.database, T0, policy=policy, under_way=claims[:1])) == 1


def outcomes(service: Service, *kinds: str, at: datetime) -> datetime:
    """Send something over the way with these outcomes, each at the time it is due."""
    for kind in kinds:
        claims = claim_due(service.database, at, policy=POLICY)
        assert len(claims) == 1, at
        status = {"delivered": 204, "failed": None}[kind]
        answer = Answer(status, "") if status else None
        record_outcome(service.database, claims[0], Outcome(kind, at, answer, kind), policy=POLICY)
        at = max(only_delivery(service).due_at, at)
    return at


def test_a_failing_way_rests_and_then_takes_one_trial_at_a_time(any_service: Service) -> None:
    for _ in range(4):
        any_service.stored()
    database = any_service.database
    for claim in claim_due(database, T0, policy=replace(POLICY, n_per_channel=3)):
        record_outcome(database, claim, failed(T0), policy=POLICY)
    # Three failures in a row: five seconds of rest, also for the fourth, which is due.
    assert claim_due(database, after(4.9), policy=POLICY) == []
    (trial,) = claim_due(database, after(5), policy=POLICY)
    assert claim_due(database, after(5.1), policy=POLICY, under_way=[trial]) == []
    record_outcome(database, trial, failed(after(6)), policy=POLICY)
    # The fourth failure: ten seconds, counted from it.
    assert claim_due(database, after(15.9), policy=POLICY) == []
    (trial,) = claim_due(database, after(16), policy=POLICY)
    record_outcome(database, trial, Outcome("delivered", after(16), Answer(204, "")), policy=POLICY)
    assert len(claim_due(database, after(17), policy=POLICY)) == 3


def test_a_way_that_rests_does_not_stop_the_others(tmp_path: Path) -> None:
    site = make_site(make_receiver("dood", NOWHERE), make_receiver("levend", NOWHERE))
    with running_service(tmp_path / "s", site) as service:
        for _ in range(3):
            service.stored()
        for claim in claim_due(service.database, T0, policy=POLICY):
            if claim.receiver_id == "dood":
                record_outcome(service.database, claim, failed(T0), policy=POLICY)
        service.stored()
        claims = claim_due(service.database, after(1), policy=POLICY)
    assert [claim.receiver_id for claim in claims] == ["levend"]


def test_a_disliked_message_does_not_make_the_way_rest(service: Service) -> None:
    service.stored()
    at = T0
    for _ in range(4):  # 422: the receiver lives
        (claim,) = claim_due(service.database, at, policy=POLICY)
        record_outcome(service.database, claim, failed(at, 422), policy=POLICY)
        at = only_delivery(service).due_at
    with service.database.reading() as session:
        (state,) = session.query(PartnerState)
    assert (state.n_failures, state.rests_until) == (0, None)


def test_what_was_not_sent_shows_no_life(service: Service) -> None:
    service.stored()
    (claim,) = claim_due(service.database, T0, policy=POLICY)
    told = Outcome("delivered", after(1), Answer(None, "nothing to signal", is_sent=False))
    assert record_outcome(service.database, claim, told, policy=POLICY) == "delivered"
    with service.database.reading() as session:
        assert session.query(PartnerState).all() == []


def test_what_a_failing_way_never_got_to_is_given_up_in_time(any_service: Service) -> None:
    policy = OutboxPolicy(jitter=0, delays_s=(1.0, 1.0), rest_after=1, rests_s=(1.0,), lease_s=30)
    database = any_service.database
    for _ in range(3):
        any_service.stored()
    # Newest first, one trial at a time, and each failure puts it off: the oldest waits.
    at = T0
    for _ in range(2):
        claim = claim_due(database, at, policy=policy)[0]
        record_outcome(database, claim, failed(at), policy=policy)
        at += timedelta(seconds=1)
    assert expire_old(database, at, policy=policy) == 0
    late = at + policy.max_age
    assert expire_old(database, late, policy=policy) == 3
    with database.reading() as session:
        assert {row.state for row in session.query(Delivery)} == {"dead"}


@pytest.mark.parametrize("step_s", [-3600, 3600], ids=["back", "forth"])
def test_a_clock_that_jumps_lets_nothing_wait(service: Service, step_s: int) -> None:
    """What was put off for two seconds, or leased for thirty, is not put off for an hour."""
    service.stored()
    database = service.database
    (claim,) = claim_due(database, T0, policy=POLICY)
    record_outcome(database, claim, failed(T0), policy=POLICY)
    (claim,) = claim_due(database, after(step_s), policy=POLICY)
    # Its sender dies; the clock jumps home again.
    assert len(claim_due(database, after(-step_s), policy=POLICY)) == 1


@pytest.mark.parametrize("step_s", [-3600, 3600], ids=["back", "forth"])
def test_a_clock_that_jumps_sends_nothing_twice(service: Service, step_s: int) -> None:
    service.stored()
    claims = claim_due(service.database, T0, policy=POLICY)
    assert claim_due(service.database, after(step_s), policy=POLICY, under_way=claims) == []


@pytest.mark.parametrize("step_s", [-3600, 3600], ids=["back", "forth"])
def test_a_clock_that_jumps_ends_a_rest(service: Service, step_s: int) -> None:
    service.stored()
    at = outcomes(service, "failed", "failed", "failed", at=T0)
    assert claim_due(service.database, at, policy=POLICY) != []
    service.stored()
    assert len(claim_due(service.database, at + timedelta(seconds=step_s), policy=POLICY)) == 1


def test_no_delivery_dies_of_a_clock_that_jumps_ahead(service: Service) -> None:
    service.stored()
    later = after(30 * 86_400)
    (claim,) = claim_due(service.database, later, policy=POLICY)
    assert record_outcome(service.database, claim, failed(later), policy=POLICY) == "pending"


def test_the_outbox_does_not_wake_itself(service: Service) -> None:
    """Else each delivery would cost it looks that find nothing."""
    service.stored()
    service.database.written.clear()
    claims = claim_due(service.database, T0, policy=POLICY)
    assert claim_due(service.database, after(3600), policy=POLICY, under_way=claims) == []
    record_outcome(service.database, claims[0], failed(after(1)), policy=POLICY)
    assert not service.database.written.is_set()
    beat(service.database, after(2))  # whatever else is written does
    assert service.database.written.is_set()
