"""
What is due is claimed, sent, and its outcome recorded: at least once, never held up by the old.

A claim is a short transaction: it sets a lease and a new fencing token and writes the attempt. The
send happens outside any transaction. The outcome is recorded only while the token is still the
row's own: a sender that slept past its lease cannot overwrite its successor. A sender that was
killed leaves a lease that ends by itself and an attempt without an end. So a receiver may see a
delivery twice, always under the same id.
"""

import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

from sqlalchemy import CursorResult, update

from parkwacht_api.database import Database
from parkwacht_api.models import Attempt, Delivery, Heartbeat
from parkwacht_api.receivers.channel import Answer
from parkwacht_api.repository import (
    attempt_by_number,
    delivery_by_id,
    due_deliveries,
    has_due_deliveries,
)

logger = logging.getLogger(__name__)

HEARTBEAT = "outbox"
HEARTBEAT_EVERY_S = 5.0
HEARTBEAT_LATE_S = 60.0


@dataclass(frozen=True, slots=True)
class OutboxPolicy:
    """
    How deliveries are retried: in seconds, because an alarm of five minutes ago is a late one.

    The first attempt is at once; `delays_s` are the waits after the first, second ... failure, the
    last one for all further ones.
    """

    delays_s: tuple[float, ...] = (2.0, 5.0, 10.0, 20.0, 30.0, 60.0)
    jitter: float = 0.2  # part of the wait that is left to chance
    max_attempts: int = 400
    max_age: timedelta = timedelta(hours=6)
    max_refusals: int = 5  # of 4xx answers, which seldom mend themselves
    max_retry_after_s: float = 600.0
    lease_s: float = 60.0  # longer than a send can take
    timeout_s: float = 15.0
    poll_s: float = 0.25
    n_threads: int = 16
    n_per_receiver: int = 2

    def wait_s(self, n_attempts: int, retry_after_s: float | None) -> float:
        """Return how long to wait after this many attempts have failed."""
        wait = self.delays_s[min(n_attempts, len(self.delays_s)) - 1]
        wait *= 1 + self.jitter * (2 * random.random() - 1)  # noqa: S311  # no secret
        return max(wait, min(retry_after_s or 0.0, self.max_retry_after_s))


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
    lease_until: datetime
    payload: dict[str, Any] = field(repr=False)


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
    busy_receivers: Sequence[str] = (),
    limit: int = 1,
) -> list[Claim]:
    """
    Claim what is due, the newest alarm first.

    Parameters
    ----------
    database
        Where the deliveries are.
    at
        The present instant.
    policy
        How long a lease lasts.
    busy_receivers
        Receivers that have as many sends under way as they may.
    limit
        Most claims.
    """
    with database.reading() as session:
        if not has_due_deliveries(session, at):
            return []
    lease_until = at + timedelta(seconds=policy.lease_s)
    claims = []
    with database.writing() as session:
        rows = due_deliveries(session, at, busy_receivers=busy_receivers, limit=limit)
        for row in rows:
            row.lease_token, row.lease_until = uuid4(), lease_until
            row.n_attempts += 1
            row.sent_at = row.sent_at or at
            attempt = Attempt(
                delivery_id=row.id,
                number=row.n_attempts,
                started_at=at,
                outcome="sending",
                response="",
                error="",
            )
            session.add(attempt)
            session.flush()
            first = attempt_by_number(session, row.id, 1)
            claims.append(
                Claim(
                    delivery_id=row.id,
                    receiver_id=row.receiver_id,
                    channel_id=row.channel_id,
                    kind=row.kind,
                    serial=(first or attempt).id,
                    token=row.lease_token,
                    number=row.n_attempts,
                    lease_until=lease_until,
                    payload=row.payload,
                )
            )
    return claims


def _after_failure(row: Delivery, outcome: Outcome, policy: OutboxPolicy) -> dict[str, Any]:
    status = (outcome.answer.http_status if outcome.answer else 0) or 0
    is_refusal = 400 <= status < 500 and status not in {408, 425, 429}  # noqa: PLR2004
    n_refusals = row.n_refusals + is_refusal
    reason = ""
    if n_refusals >= policy.max_refusals:
        reason = f"the receiver answered {status} too often"
    elif row.n_attempts >= policy.max_attempts:
        reason = f"{row.n_attempts} attempts failed"
    elif outcome.at - row.created_at >= policy.max_age:
        reason = f"not delivered within {policy.max_age}"
    if reason:
        return {"state": "dead", "reason": f"{reason}; {outcome.error}", "n_refusals": n_refusals}
    wait = policy.wait_s(row.n_attempts, outcome.answer.retry_after_s if outcome.answer else None)
    return {"due_at": outcome.at + timedelta(seconds=wait), "n_refusals": n_refusals}


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
    with database.writing() as session:
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
        return str(changes.get("state", "pending"))


def beat(database: Database, at: datetime) -> None:
    """Leave a sign of life."""
    with database.writing() as session:
        session.merge(Heartbeat(name=HEARTBEAT, at=at, data={}))
