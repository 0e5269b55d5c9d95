"""
The loop that empties the outbox: several sends at once, each receiver with a few of them.

Threads do the sending, so that a receiver that hangs takes only its own places: each of its ways
has `n_per_channel` of them, and never those of the others. What is stored in this process wakes the
loop; what another process stores is found within `poll_s`. This loop holds the second of the two
doors where any exception is caught: it is logged and counted, and the loop goes on.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx

from parkwacht_api.database import Database
from parkwacht_api.outbox import (
    HEARTBEAT_EVERY_S,
    Claim,
    OutboxPolicy,
    Outcome,
    beat,
    claim_due,
    expire_old,
    record_outcome,
)
from parkwacht_api.receivers.channel import (
    Answer,
    Message,
    SendContext,
    SendFailed,
    SendRefused,
    module_of,
    options_of,
)
from parkwacht_api.release import hold_reason
from parkwacht_api.repository_outbox import is_over
from parkwacht_api.retention import RETENTION_EVERY, delete_old_media
from parkwacht_config.clock import Clock, SystemClock
from parkwacht_config.errors import ConfigError, ForwardingError
from parkwacht_config.secrets import read_secret
from parkwacht_config.settings import Settings
from parkwacht_config.site import Channel, Site
from parkwacht_config.text import Text

logger = logging.getLogger(__name__)


LATE_S = 60.0


def _with_lateness(payload: dict[str, Any], at: datetime) -> dict[str, Any]:
    """Say how late it comes, where it is sent more than a minute after its release."""
    waited_s = (at - datetime.fromisoformat(payload["timestamp"])).total_seconds()
    if waited_s <= LATE_S:
        return payload
    data = payload["data"]
    return {**payload, "data": {**data, "late": round(data.get("late", 0) + waited_s)}}


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
        # Proxies of the environment are not used: "local" must mean this machine.
        self._client = httpx.Client(
            timeout=policy.timeout_s, follow_redirects=False, trust_env=False
        )
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
            return Outcome("held", self._clock.now(), error=error)
        try:
            answer = self._attempt(channel, claim)
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
        module = module_of(channel.kind)
        options = options_of(channel, str(self._site.path), claim.receiver_id)
        if reason := hold_reason(module.address(options), self._settings.forwarding):
            raise Held(Text(nl=reason, en=reason))
        message = Message(
            delivery_id=claim.delivery_id,
            kind=claim.kind,
            payload=_with_lateness(claim.payload, self._clock.now()),
            at=self._clock.now(),
            serial=claim.serial,
        )
        context = SendContext(
            client=self._client,
            secret=lambda name: read_secret(name, self._settings.state_dir),
            timeout_s=self._policy.timeout_s,
            forwarding=self._settings.forwarding,
            clock_offset=claim.clock_offset,
            clock=self._clock,
        )
        return module.send(options, message, context)

    def _deliver(self, claim: Claim) -> None:
        try:
            outcome = self._send(claim)
            state = record_outcome(self._database, claim, outcome, policy=self._policy)
        except Exception:
            self.n_errors += 1
            logger.exception("delivery %s broke off", claim.delivery_id)
        else:
            self._log(claim, outcome, state)
        finally:
            with self._lock:
                del self._under_way[claim.token]
            self._database.written.set()

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
        """Leave a sign of life, and once a day delete what was kept long enough."""
        at = self._clock.now()
        if is_over(self._last_beat, HEARTBEAT_EVERY_S, at):
            beat(self._database, at)
            self._last_beat = at
            if n_expired := expire_old(self._database, at, policy=self._policy):
                logger.error("%d deliveries given up: too old", n_expired)
        if is_over(self._last_retention, RETENTION_EVERY.total_seconds(), at):
            self._last_retention = at
            self._pool.submit(self._guarded, "deleting old images", self._delete_old)

    def _delete_old(self) -> None:
        delete_old_media(self._database, self._site, self._settings.media_dir, at=self._clock.now())

    def _guarded(self, what: str, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:
            self.n_errors += 1
            logger.exception("%s failed", what)

    def look(self) -> None:
        """Keep house and send what is due; an error is logged, and the next look is another."""
        self._database.written.clear()
        self._guarded("keeping house", self.keep_house)
        self._guarded("a look at the outbox", self._step)

    def _step(self) -> None:
        self.step()


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
