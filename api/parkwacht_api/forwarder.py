"""
The loop that empties the outbox: several sends at once, each receiver with a few of them.

Threads do the sending, so that a receiver that hangs takes only its own places: each of its ways
has `n_per_channel` of them, and never those of the others. What is stored in this process wakes the
loop; what another process stores is found within `poll_s`. This loop holds the second of the two
doors where any exception is caught: it is logged and counted, and the loop goes on.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.orm import Session

from parkwacht_api.audit import Somebody
from parkwacht_api.database import Database
from parkwacht_api.escalation import escalate_due, has_any_to_escalate
from parkwacht_api.incidents import has_incidents_to_sweep, sweep_incidents
from parkwacht_api.outbox import (
    HEARTBEAT,
    HEARTBEAT_EVERY_S,
    Claim,
    OutboxPolicy,
    Outcome,
    beat,
    claim_due,
    expire_old,
    note_outcome,
    record_outcome,
)
from parkwacht_api.receivers.channel import (
    Answer,
    ChannelOptions,
    Message,
    SendContext,
    SendFailed,
    SendRefused,
    module_of,
    options_of,
)
from parkwacht_api.receivers.http_client import make_client
from parkwacht_api.release import hold_reason
from parkwacht_api.repository import heartbeat_of
from parkwacht_api.repository_outbox import Way, is_over, partner_states
from parkwacht_api.retention import RETENTION_EVERY, delete_old_media
from parkwacht_api.snapshots import read_snapshot
from parkwacht_api.state import AppState
from parkwacht_api.supervision import (
    has_changed_partner,
    has_changed_worker,
    has_other_dead_letters,
    is_test_due,
    judge_dead_letters,
    judge_partners,
    judge_workers,
    run_test_alarm,
    ways_to_ask,
)
from parkwacht_config.clock import Clock, SystemClock
from parkwacht_config.errors import ConfigError, ForwardingError
from parkwacht_config.secrets import read_secret
from parkwacht_config.settings import Settings
from parkwacht_config.site import Channel, Site
from parkwacht_config.text import Text

logger = logging.getLogger(__name__)


LATE_S = 60.0
OVERSEE_EVERY_S = 1.0
# A clock that is weeks ahead would have images deleted that may still be wanted.
DOUBTFUL = timedelta(days=2)


def _with_lateness(payload: dict[str, Any], at: datetime) -> dict[str, Any]:
    """Say how late it comes, where it is sent more than a minute after its release."""
    waited_s = (at - datetime.fromisoformat(payload["timestamp"])).total_seconds()
    if waited_s <= LATE_S:
        return payload
    data = payload["data"]
    return {**payload, "data": {**data, "late": round(data.get("late", 0) + waited_s)}}


class Oversight(Protocol):
    """A question to the database, or what is done where it says yes."""

    def __call__(self, session: Session, at: datetime, *, state: AppState) -> object:
        """Ask or do."""


# By name: whether it is due, and what is done then, which asks again with the turn in its hands.
OVERSIGHT: Mapping[str, tuple[Oversight, Oversight]] = {
    "sweeping incidents": (has_incidents_to_sweep, sweep_incidents),
    "escalation": (has_any_to_escalate, escalate_due),
    "judging partners": (has_changed_partner, judge_partners),
    "judging workers": (has_changed_worker, judge_workers),
    "judging dead letters": (has_other_dead_letters, judge_dead_letters),
    "the test alarm": (is_test_due, run_test_alarm),
}


class Held(ForwardingError):  # noqa: N818
    """Nothing may be sent there under this setting."""


class Forwarder:
    """Sends what is due; `step` is one look at the outbox."""

    def __init__(
        self,
        database: Database,
        site: Site,
        settings: Settings,
        *,
        clock: Clock,
        policy: OutboxPolicy,
    ) -> None:
        self._database = database
        self._site = site
        self._settings = settings
        self._clock = clock
        self._policy = policy
        self._lock = threading.Lock()
        self._under_way: dict[UUID, Claim] = {}
        n_ways = sum(len(receiver.ways) for receiver in site.receivers)
        # A place for every send of every way, so that none waits for another's; one for the house.
        n_threads = policy.n_per_channel * (n_ways + 1) + 1
        self._pool = ThreadPoolExecutor(n_threads, thread_name_prefix="outbox")
        self._client = make_client(policy.timeout_s)
        self._state = AppState(settings, site, clock, database)
        self._asked = {
            (receiver.id, way.id): clock.now()
            for receiver in site.receivers
            for way in receiver.ways
        }
        self._last_oversight: datetime | None = None
        self._last_beat: datetime | None = None
        self._last_retention: datetime | None = None
        self.n_errors = 0

    def close(self) -> None:
        """Wait for the sends under way and close the connections."""
        self._pool.shutdown(wait=True)
        self._client.close()

    def _send(self, claim: Claim) -> Outcome:
        receiver = self._site.receiver(claim.receiver_id)
        channel = receiver.way(claim.channel_id) if receiver else None
        if channel is None:
            error = f"{claim.receiver_id}, {claim.channel_id} is no longer in the site file"
            # Whose channel got another name must still hear of it: another way, or a dead letter.
            kind = "held" if receiver is None else "refused"
            return Outcome(kind, self._clock.now(), error=error)
        return self._outcome_of(lambda: self._attempt(channel, claim))

    def _outcome_of(self, call: Callable[[], Answer]) -> Outcome:
        try:
            answer = call()
        except Held as error:
            return Outcome("held", self._clock.now(), error=str(error))
        except SendRefused as error:
            return Outcome("refused", self._clock.now(), error.answer, str(error))
        except SendFailed as error:
            return Outcome("failed", self._clock.now(), error.answer, str(error))
        except ConfigError as error:
            return Outcome("failed", self._clock.now(), None, str(error))
        return Outcome("delivered", self._clock.now(), answer)

    def _attempt(self, channel: Channel, claim: Claim) -> Answer:
        options = self._allowed_options(channel, claim.receiver_id)
        message = Message(
            delivery_id=claim.delivery_id,
            kind=claim.kind,
            payload=_with_lateness(claim.payload, self._clock.now()),
            at=self._clock.now(),
            serial=claim.serial,
            snapshot=partial(self._snapshot, channel, options, claim),
        )
        context = self._context(claim.clock_offset)
        return module_of(channel.kind).send(options, message, context)

    def _snapshot(self, channel: Channel, options: ChannelOptions, claim: Claim) -> bytes | None:
        address = module_of(channel.kind).address(options)
        name = f"{claim.receiver_id}, {channel.id}"
        recipient = Somebody(name, via="delivery", address=address)
        event_id = str(claim.payload["data"].get("event_id") or "")
        media_dir, at = self._settings.media_dir, self._clock.now()
        return read_snapshot(self._database, media_dir, event_id, recipient, at)

    def _allowed_options(self, channel: Channel, receiver_id: str) -> ChannelOptions:
        options = options_of(channel, str(self._site.path), receiver_id)
        address = module_of(channel.kind).address(options)
        if reason := hold_reason(address, self._settings.forwarding):
            raise Held(Text(nl=reason, en=reason))
        return options

    def _context(self, clock_offset: timedelta) -> SendContext:
        return SendContext(
            client=self._client,
            secret=lambda name: read_secret(name, self._settings.state_dir),
            timeout_s=self._policy.timeout_s,
            forwarding=self._settings.forwarding,
            clock_offset=clock_offset,
            clock=self._clock,
        )

    def _deliver(self, claim: Claim) -> None:
        try:
            self._guarded(f"delivery {claim.delivery_id}", partial(self._deliver_once, claim))
        finally:
            with self._lock:
                del self._under_way[claim.token]
            self._database.written.set()

    def _deliver_once(self, claim: Claim) -> None:
        outcome = self._send(claim)
        state = record_outcome(self._database, claim, outcome, policy=self._policy)
        self._log(claim, outcome, state)

    def _log(self, claim: Claim, outcome: Outcome, state: str | None) -> None:
        if state is None:
            logger.warning("delivery %s: the lease was lost, not recorded", claim.delivery_id)
        elif state in {"dead", "refused", "held"}:
            logger.error(
                "delivery %s to %s given up: %s (%s)",
                claim.delivery_id,
                claim.receiver_id,
                state,
                outcome.error,
            )
        else:
            logger.info(
                "delivery %s to %s attempt %d: %s %s",
                claim.delivery_id,
                claim.receiver_id,
                claim.number,
                outcome.kind,
                outcome.error,
            )

    def step(self) -> int:
        """Claim what is due and hand it to the threads; return how many were claimed."""
        with self._lock:
            under_way = list(self._under_way.values())
        claims = claim_due(
            self._database, self._clock.now(), policy=self._policy, under_way=under_way
        )
        with self._lock:
            self._under_way.update((claim.token, claim) for claim in claims)
        for claim in claims:
            self._pool.submit(self._deliver, claim)
        return len(claims)

    def keep_house(self) -> None:
        """Do what is to be done each second, each few seconds, and each day."""
        at = self._clock.now()
        if is_over(self._last_oversight, OVERSEE_EVERY_S, at):
            self._last_oversight = at
            for name, part in self._oversight().items():
                self._guarded(name, part)
        if is_over(self._last_beat, HEARTBEAT_EVERY_S, at):
            self._last_beat = at
            self._doubt_clock(at)
            beat(self._database, at)
            if n_expired := expire_old(self._database, at, policy=self._policy):
                logger.error("%d deliveries given up: too old", n_expired)
        if is_over(self._last_retention, RETENTION_EVERY.total_seconds(), at):
            self._last_retention = at
            self._pool.submit(self._guarded, "deleting old images", self._delete_old)

    def _doubt_clock(self, at: datetime) -> None:
        """Delete nothing for a day where the clock is far past the last sign of life."""
        with self._database.reading() as session:
            last = heartbeat_of(session, HEARTBEAT)
        if last is not None and at - last.at > DOUBTFUL:
            self._last_retention = at
            logger.error(
                "the clock says %s, the last sign of life was %s: no image is deleted for a day",
                at.isoformat(),
                last.at.isoformat(),
            )

    def _oversight(self) -> dict[str, Callable[[], None]]:
        """Return what is looked at each second; where one fails the others go on."""
        return {"asking partners": self._ask_partners} | {
            name: partial(self._oversee, is_due, work) for name, (is_due, work) in OVERSIGHT.items()
        }

    def _oversee(self, is_due: Oversight, work: Oversight) -> None:
        # Nearly every second nothing is due: that is asked without the turn that alarms wait for.
        with self._database.reading() as session:
            if not is_due(session, self._clock.now(), state=self._state):
                return
        with self._database.writing() as session:
            work(session, self._clock.now(), state=self._state)

    def _ask_partners(self) -> None:
        at = self._clock.now()
        with self._database.reading() as session:
            states = partner_states(session)
        for way in ways_to_ask(states, self._asked, at):
            self._asked[way] = at
            self._pool.submit(self._guarded, "a heartbeat", partial(self._ask_partner, way))

    def _ask_partner(self, way: Way) -> None:
        receiver = self._site.receiver(way[0])
        channel = receiver.way(way[1]) if receiver else None
        if channel is None:
            return
        ask = getattr(module_of(channel.kind), "supervise", None)
        if ask is None:
            return
        outcome = self._outcome_of(
            lambda: ask(self._allowed_options(channel, way[0]), self._context(timedelta(0)))
        )
        if outcome.answer is not None and outcome.answer.response == "off":
            return
        with self._database.writing() as session:
            note_outcome(session, way, outcome, policy=self._policy)

    def _delete_old(self) -> None:
        delete_old_media(self._database, self._site, self._settings.media_dir, at=self._clock.now())

    def _guarded(self, what: str, work: Callable[[], object]) -> None:
        try:
            work()
        except Exception:
            self.n_errors += 1
            logger.exception("%s failed", what)

    def look(self) -> None:
        """Keep house and send what is due; an error is logged, and the next look is another."""
        self._database.written.clear()
        self._guarded("keeping house", self.keep_house)
        self._guarded("a look at the outbox", self.step)


def run_outbox(
    database: Database,
    site: Site,
    settings: Settings,
    *,
    stop: threading.Event,
    clock: Clock | None = None,
    policy: OutboxPolicy | None = None,
) -> int:
    """
    Send what is due until told to stop; sends under way are finished first.

    Parameters
    ----------
    database
        Where the deliveries are; its tables are current.
    site
        Its receivers and how long images are kept.
    settings
        Whether anything may leave this machine.
    stop
        Ends the loop.
    clock
        The time; the machine's clock where none is given.
    policy
        How to retry.

    Returns
    -------
    int
        How many unexpected errors were caught.
    """
    policy = policy or OutboxPolicy()
    forwarder = Forwarder(database, site, settings, clock=clock or SystemClock(), policy=policy)
    try:
        while not stop.is_set():
            forwarder.look()
            database.written.wait(policy.poll_s)
    finally:
        forwarder.close()
    return forwarder.n_errors
