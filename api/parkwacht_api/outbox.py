"""
What is due is claimed, sent, and its outcome recorded: at least once, never held up by the old.

A claim is a short transaction: it sets a lease and a new fencing token and writes the attempt. The
send happens outside any transaction. The outcome is recorded only while the token is still the
row's own: a sender that slept past its lease cannot overwrite its successor. A sender that was
killed leaves a lease that ends by itself and an attempt without an end. So a receiver may see a
delivery twice, always under the same id.

A way (a channel of a receiver) that fails several times in a row rests: until its rest is over
nothing is tried over it, then one trial at a time, until one succeeds.
"""

import logging
import random
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

from sqlalchemy import CursorResult, update
from sqlalchemy.orm import Session

from parkwacht_api.database import Database
from parkwacht_api.models import Attempt, Delivery, Heartbeat
from parkwacht_api.models_incidents import PartnerState
from parkwacht_api.receivers.channel import Answer
from parkwacht_api.repository import attempt_by_number, delivery_by_id
from parkwacht_api.repository_outbox import (
    Way,
    due_deliveries,
    due_ways,
    first_attempts,
    is_over,
    partner_state,
    partner_states,
    stale_deliveries,
)

logger = logging.getLogger(__name__)

HEARTBEAT = "outbox"
HEARTBEAT_EVERY_S = 5.0
HEARTBEAT_LATE_S = 60.0
DETAIL_LENGTH = 2048
THROTTLED = 429
EXPIRE_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class OutboxPolicy:
    """
    How deliveries are retried: in seconds, because an alarm of five minutes ago is a late one.

    The first attempt is at once; `delays_s` are the waits after the first, second ... failure, the
    last one for all further ones.
    """

    delays_s: tuple[float, ...] = (2.0, 5.0, 10.0, 20.0, 30.0, 60.0)
    jitter: float = 0.2  # part of the wait that is left to chance
    max_age: timedelta = timedelta(hours=6)  # and at least as many attempts as there are delays
    max_refusals: int = 5  # of 4xx answers, which seldom mend themselves
    max_retry_after_s: float = 600.0
    lease_s: float = 60.0  # longer than a send can take
    timeout_s: float = 15.0
    poll_s: float = 0.25
    n_per_channel: int = 4
    rest_after: int = 3  # failures in a row after which a way rests
    rests_s: tuple[float, ...] = (5.0, 10.0, 20.0, 30.0)

    def wait_s(self, n_attempts: int, retry_after_s: float | None) -> float:
        """Return how long to wait after this many attempts have failed."""
        wait = self.delays_s[min(n_attempts, len(self.delays_s)) - 1]
        wait *= 1 + self.jitter * (2 * random.random() - 1)  # noqa: S311  # no secret
        return max(wait, min(retry_after_s or 0.0, self.max_retry_after_s))

    def rest_s(self, n_failures: int) -> float:
        """Return how long a way rests after this many failures in a row; 0 where it does not."""
        n_rests = n_failures - self.rest_after
        return 0.0 if n_rests < 0 else self.rests_s[min(n_rests, len(self.rests_s) - 1)]


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that this process may send until `lease_until`."""

    delivery_id: UUID
    receiver_id: str
    channel_id: str
    kind: str
    token: UUID
    number: int
    serial: int  # id of its first attempt: kept over retries, rising over deliveries
    clock_offset: timedelta
    payload: dict[str, Any] = field(repr=False)

    @property
    def way(self) -> Way:
        """The receiver and its channel."""
        return self.receiver_id, self.channel_id


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt: `delivered`, `failed`, `refused` or `held`."""

    kind: str
    at: datetime
    answer: Answer | None = None
    error: str = ""


def claim_due(
    database: Database,
    at: datetime,
    *,
    policy: OutboxPolicy,
    under_way: Collection[Claim] = (),
) -> list[Claim]:
    """
    Claim as much of what is due as each way has places for, the newest alarm first.

    Parameters
    ----------
    database
        Where the deliveries are.
    at
        The present instant.
    policy
        How long a lease lasts, and how many sends a way may have under way.
    under_way
        What this process is sending now.
    """
    with database.reading() as session:
        ways = due_ways(session, at, lease_s=policy.lease_s)
        states = partner_states(session) if ways else {}
    places = {
        way: places
        for way in ways
        if (places := _places(states.get(way), at, policy) - _count(under_way, way)) > 0
    }
    if not places:
        return []
    without = [claim.delivery_id for claim in under_way]
    with database.writing(is_told=False) as session:
        rows = [
            row
            for way, limit in places.items()
            for row in due_deliveries(
                session, way, at, lease_s=policy.lease_s, limit=limit, without=without
            )
        ]
        for row in rows:
            row.lease_token, row.lease_until = uuid4(), at + timedelta(seconds=policy.lease_s)
            row.n_attempts += 1
            row.sent_at = row.sent_at or at
        attempts = [_attempt(row, at) for row in rows]
        session.add_all(attempts)
        session.flush()
        serials = {one.delivery_id: one.id for one in attempts if one.number == 1}
        retried = [row.id for row in rows if row.id not in serials]
        serials |= first_attempts(session, retried) if retried else {}
        return [_claim(row, serials[row.id], states) for row in rows]


def _count(under_way: Collection[Claim], way: Way) -> int:
    return sum(claim.way == way for claim in under_way)


def _places(state: PartnerState | None, at: datetime, policy: OutboxPolicy) -> int:
    if state is None or state.rests_until is None:
        return policy.n_per_channel
    begun = state.last_failure_at
    rest_s = 0.0 if begun is None else (state.rests_until - begun).total_seconds()
    return 1 if is_over(begun, rest_s, at) else 0


def _attempt(row: Delivery, at: datetime) -> Attempt:
    return Attempt(
        delivery_id=row.id,
        number=row.n_attempts,
        started_at=at,
        outcome="sending",
        response="",
        error="",
    )


def _claim(row: Delivery, serial: int, states: dict[Way, PartnerState]) -> Claim:
    state = states.get((row.receiver_id, row.channel_id))
    offset_s = 0.0 if state is None else state.data.get("clock_offset_s", 0.0)
    return Claim(
        delivery_id=row.id,
        receiver_id=row.receiver_id,
        channel_id=row.channel_id,
        kind=row.kind,
        token=cast("UUID", row.lease_token),
        number=row.n_attempts,
        serial=serial,
        clock_offset=timedelta(seconds=offset_s),
        payload=row.payload,
    )


def _status(outcome: Outcome) -> int:
    return (outcome.answer.http_status if outcome.answer else 0) or 0


def _is_refusal(outcome: Outcome) -> bool:
    return 400 <= _status(outcome) < 500 and _status(outcome) not in {408, 425, 429}  # noqa: PLR2004


def _after_failure(row: Delivery, outcome: Outcome, policy: OutboxPolicy) -> dict[str, Any]:
    n_refusals = row.n_refusals + _is_refusal(outcome)
    is_old = outcome.at - (row.replayed_at or row.created_at) >= policy.max_age
    reason = ""
    if n_refusals >= policy.max_refusals:
        reason = f"the receiver answered {_status(outcome)} too often"
    elif is_old and row.n_attempts >= len(policy.delays_s):
        reason = f"not delivered within {policy.max_age}"
    if reason:
        return {"state": "dead", "reason": f"{reason}; {outcome.error}", "n_refusals": n_refusals}
    wait = policy.wait_s(row.n_attempts, outcome.answer.retry_after_s if outcome.answer else None)
    return {
        "due_at": outcome.at + timedelta(seconds=wait),
        "put_off_at": outcome.at,
        "n_refusals": n_refusals,
    }


def _changes(row: Delivery, outcome: Outcome, policy: OutboxPolicy) -> dict[str, Any]:
    if outcome.kind == "delivered":
        return {"state": "delivered", "delivered_at": outcome.at, "reason": ""}
    if outcome.kind in {"held", "refused"}:
        return {"state": outcome.kind, "reason": outcome.error}
    return _after_failure(row, outcome, policy)


def record_outcome(
    database: Database, claim: Claim, outcome: Outcome, *, policy: OutboxPolicy
) -> str | None:
    """
    Record what became of an attempt, if the claim still holds.

    Parameters
    ----------
    database
        Where the delivery is.
    claim
        What was claimed; its token must still be the row's.
    outcome
        What became of it.
    policy
        When to try again, and when to give up.

    Returns
    -------
    str or None
        The delivery's state, or None where the claim was lost and nothing was recorded.
    """
    with database.writing(is_told=False) as session:  # the sender wakes the loop, once it is free
        row = delivery_by_id(session, claim.delivery_id, lock=True)
        if row is None or row.lease_token != claim.token:
            return None
        changes = _changes(row, outcome, policy)
        fenced = update(Delivery).where(
            Delivery.id == claim.delivery_id, Delivery.lease_token == claim.token
        )
        result = session.execute(
            fenced.values(lease_token=None, lease_until=None, **changes),
            execution_options={"synchronize_session": False},
        )
        if cast("CursorResult[Any]", result).rowcount != 1:
            return None
        attempt = attempt_by_number(session, claim.delivery_id, claim.number)
        if attempt is not None:
            attempt.ended_at, attempt.outcome = outcome.at, outcome.kind
            attempt.error = outcome.error
            if outcome.answer is not None:
                attempt.http_status = outcome.answer.http_status
                attempt.response = outcome.answer.response
        if outcome.answer is None or outcome.answer.is_sent:
            note_outcome(session, claim.way, outcome, policy=policy)
        return str(changes.get("state", "pending"))


def note_outcome(session: Session, way: Way, outcome: Outcome, *, policy: OutboxPolicy) -> None:
    """
    Remember what was heard of a way: it rests after failures, and works again after a success.

    Parameters
    ----------
    session
        The transaction in which the outcome is recorded.
    way
        The receiver and its channel.
    outcome
        What became of an attempt or of a heartbeat.
    policy
        When it rests, and for how long.
    """
    if outcome.kind == "held":
        return
    state, answer = partner_state(session, way, outcome.at), outcome.answer
    if answer is not None and answer.clock_offset is not None:
        state.data = {**state.data, "clock_offset_s": answer.clock_offset.total_seconds()}
    # These say: I live, but not this message. Another 4xx means that the way itself is wrong.
    if outcome.kind != "failed" or _status(outcome) in {400, 409, 413, 415, 422}:
        state.last_success_at, state.n_failures, state.rests_until = outcome.at, 0, None
        return
    state.last_failure_at, state.detail = outcome.at, outcome.error[:DETAIL_LENGTH]
    state.n_failures += 1
    rest_s = policy.rest_s(state.n_failures)
    if answer is not None and _status(outcome) == THROTTLED:
        # Not longer than a rest: an alarm that comes now must not wait for ten minutes.
        rest_s = max(rest_s, min(answer.retry_after_s or 0.0, policy.rests_s[-1]))
    state.rests_until = outcome.at + timedelta(seconds=rest_s) if rest_s else None


def expire_old(database: Database, at: datetime, *, policy: OutboxPolicy) -> int:
    """
    Give up what is too old and has not even had its turn, because its way fails; return how many.

    Newest first means that, while a way fails, the oldest are hardly tried at all.

    Parameters
    ----------
    database
        Where the deliveries are.
    at
        The present instant.
    policy
        When a delivery is too old.
    """
    with database.reading() as session:
        states = partner_states(session)
    failing = [way for way, one in states.items() if one.n_failures >= len(policy.delays_s)]
    if not failing:
        return 0
    n_expired = 0
    with database.writing() as session:
        for way in failing:
            rows = stale_deliveries(
                session, way, at, released_before=at - policy.max_age, limit=EXPIRE_AT_ONCE
            )
            for row in rows:
                row.state = "dead"
                row.reason = f"not delivered within {policy.max_age}; {states[way].detail}"
            n_expired += len(rows)
    return n_expired


def beat(database: Database, at: datetime) -> None:
    """Leave a sign of life."""
    with database.writing() as session:
        session.merge(Heartbeat(name=HEARTBEAT, at=at, data={}))
