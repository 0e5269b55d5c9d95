"""
Carries what waits in the spool to the service, in order, until the service has it.

An entry is removed only when the service said that it has it; sending it twice changes nothing
there. What the service refuses for good is set aside with the reason, visible; everything else,
also a wrong key, is kept and tried again: no alarm is thrown away for a mistake in the set-up. One
that the service stumbles over does not hold up those behind it.
"""

import json
import logging
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from uuid import UUID

import httpx

from parkwacht_api.release import is_on_this_machine
from parkwacht_config.errors import IngestError, IngestRefused, SpoolError
from parkwacht_config.text import Text
from parkwacht_vision.spool import Spool, SpoolEntry

logger = logging.getLogger(__name__)

TIMEOUT_S = 30.0
POLL_S = 0.2
MAX_WAIT_S = 10.0
BEAT_EVERY_S = 30.0
BEAT_TIMEOUT_S = 5.0
PLAIN = {"report": "/watch-reports", "trouble": "/camera-troubles"}  # without files
CONTENT_TYPES = {
    ".jpg": "image/jpeg",
    ".mp4": "video/mp4",
    ".enc": "application/octet-stream",
    ".json": "application/json",
}
MOST_STUCK = 20  # entries in one round: more, and it is the service that is ill
FOR_GOOD = frozenset({400, 409, 413, 415, 422})


@dataclass(frozen=True, slots=True)
class ShipCounts:
    """What one round did: sent, refused for good, and kept because the service did not answer."""

    n_sent: int = 0
    n_refused: int = 0
    n_kept: int = 0


@dataclass(frozen=True, slots=True)
class Watching:
    """Who watches what: what a worker says of itself every half minute."""

    name: str
    cameras: tuple[str, ...]


class _Stumbled(IngestError):  # noqa: N818
    """The service answers and did not manage this entry: the next is no worse for it."""


def _is_a_fault(answer: httpx.Response) -> bool:
    is_ours = answer.headers.get("content-type", "").startswith("application/problem+json")
    return is_ours and answer.status_code == httpx.codes.INTERNAL_SERVER_ERROR


def _is_for_good(answer: httpx.Response, entry: SpoolEntry) -> bool:
    if not answer.headers.get("content-type", "").startswith("application/problem+json"):
        return False
    # An ending without its event: that was refused before. Elsewhere 404 is a wrong address.
    is_orphan = entry.stage == "ended" and answer.status_code == httpx.codes.NOT_FOUND
    return is_orphan or answer.status_code in FOR_GOOD


def _reason(answer: httpx.Response) -> str:
    try:
        problem = answer.json()
    except (ValueError, UnicodeDecodeError):
        return f"{answer.status_code}"
    if not isinstance(problem, dict):
        return f"{answer.status_code}"
    fields = json.dumps(problem.get("errors") or "", ensure_ascii=False)
    return f"{answer.status_code} {problem.get('title')}: {problem.get('detail')} {fields}"


class IngestClient:
    """Hands entries to one service with one key."""

    def __init__(self, api_url: str, key: str) -> None:
        self._http = httpx.Client(
            base_url=f"{api_url.rstrip('/')}/api/v1",
            headers={"Authorization": f"Bearer {key}", "Accept-Language": "en"},
            timeout=TIMEOUT_S,
            follow_redirects=False,
            trust_env=not is_on_this_machine(api_url),
        )

    def __enter__(self) -> Self:
        """Return the client itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close its connections."""
        self._http.close()

    def _post(self, entry: SpoolEntry) -> httpx.Response:
        record = entry.record_path.read_text(encoding="utf-8")
        if entry.stage in PLAIN:
            headers = {"Content-Type": "application/json"}
            return self._http.post(PLAIN[entry.stage], content=record.encode(), headers=headers)
        part = "event" if entry.stage == "flagged" else "ending"
        files: list[tuple[str, tuple[str | None, bytes, str]]] = [
            (part, (None, record.encode(), "application/json"))
        ]
        files += [
            (kind, (path.name, path.read_bytes(), CONTENT_TYPES[path.suffix]))
            for kind, path in entry.media.items()
        ]
        if entry.stage == "flagged":
            return self._http.post("/events", files=files)
        return self._http.put(f"/events/{entry.id}/ending", files=files)

    def beat(self, watching: Watching, *, is_ending: bool) -> None:
        """Say that a worker lives, or that it ends; where the service does not answer, so be it."""
        told = {"name": watching.name, "cameras": watching.cameras, "is_ending": is_ending}
        try:
            answer = self._http.post("/heartbeats", json=told, timeout=BEAT_TIMEOUT_S)
        except httpx.HTTPError as error:
            logger.warning("no heartbeat: %s: %s", type(error).__name__, error)
            return
        if not answer.is_success:
            logger.warning("no heartbeat: %s", _reason(answer))

    def hand_over(self, entry: SpoolEntry) -> None:
        """
        Hand one entry to the service.

        Raises
        ------
        IngestError
            The service did not take it now.
        IngestRefused
            The service refuses it for good.
        """
        try:
            answer = self._post(entry)
        except httpx.HTTPError as error:
            raise IngestError(
                Text(
                    nl=f"de dienst is niet bereikbaar ({type(error).__name__}: {error})",
                    en=f"the service cannot be reached ({type(error).__name__}: {error})",
                )
            ) from error
        if answer.is_success:
            return
        reason = _reason(answer)
        text = Text(nl=f"de dienst antwoordt {reason}", en=f"the service answers {reason}")
        if _is_for_good(answer, entry):
            raise IngestRefused(text)
        raise _Stumbled(text) if _is_a_fault(answer) else IngestError(text)


def _ship(spool: Spool, client: IngestClient) -> ShipCounts:
    n_sent = n_refused = 0
    entries, stuck = spool.entries(), set[UUID]()
    for entry in entries:
        if entry.id in stuck:  # an ending does not go before its event
            continue
        try:
            client.hand_over(entry)
        except IngestRefused as error:
            logger.error("%s %s was refused: %s", entry.stage, entry.id, error)  # noqa: TRY400
            spool.refuse(entry, str(error))
            n_refused += 1
        except IngestError as error:
            logger.warning("%s %s waits: %s", entry.stage, entry.id, error)
            stuck.add(entry.id)
            if not isinstance(error, _Stumbled) or len(stuck) >= MOST_STUCK:
                break
        else:
            spool.remove(entry)
            n_sent += 1
    return ShipCounts(n_sent, n_refused, len(entries) - n_sent - n_refused)


def ship_once(spool: Spool, api_url: str, key: str) -> ShipCounts:
    """
    Hand over what waits now, oldest first; stop at the first that is not taken now.

    Parameters
    ----------
    spool
        Where it waits.
    api_url
        Address of the service.
    key
        An API key with the scope events:ingest.

    Raises
    ------
    SpoolError
        The spool cannot be read or written.
    """
    with IngestClient(api_url, key) as client:
        return _ship(spool, client)


def run_shipper(
    spool: Spool,
    api_url: str,
    key: str,
    *,
    stop: threading.Event,
    watching: Watching | None = None,
) -> None:
    """
    Hand over what comes into the spool until told to stop.

    While the service does not answer the waits grow to ten seconds; one last round is made at the
    end, so that what was put before the stop is on its way.

    Parameters
    ----------
    spool
        Where it waits.
    api_url
        Address of the service.
    key
        An API key with the scope events:ingest.
    stop
        Ends the loop.
    watching
        Who says every half minute that it lives, and at the end that it ends; None: nobody.
    """
    wait_s, beaten_s = POLL_S, -BEAT_EVERY_S
    with IngestClient(api_url, key) as client:
        while True:
            is_last = stop.is_set()
            if watching is not None and (is_last or time.monotonic() - beaten_s >= BEAT_EVERY_S):
                beaten_s = time.monotonic()
                client.beat(watching, is_ending=is_last)
            try:
                counts = _ship(spool, client)
            except (SpoolError, OSError):
                logger.exception("the spool could not be read")
                counts = ShipCounts(n_kept=1)
            if is_last:
                return
            wait_s = min(wait_s * 2, MAX_WAIT_S) if counts.n_kept else POLL_S
            stop.wait(wait_s)
