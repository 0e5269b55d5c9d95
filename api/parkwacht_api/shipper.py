"""
Carries what waits in the spool to the service until it has it: alarms and the newest first.

An entry is removed only when the service said that it has it; sending it twice changes nothing
there. What the service refuses for good is set aside with the reason, visible; everything else,
also a wrong key, is kept and tried again: no alarm is thrown away for a mistake in the set-up. One
that the service stumbles over does not hold up those behind it.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Self
from uuid import UUID

import httpx

from parkwacht_api.release import is_on_this_machine
from parkwacht_config.errors import IngestError, IngestRefused, SpoolError
from parkwacht_config.text import Text
from parkwacht_vision.spool import Spool, SpoolEntry, Stage

logger = logging.getLogger(__name__)

TIMEOUT_S = 30.0
POLL_S = 0.2
MAX_WAIT_S = 10.0
BEAT_EVERY_S = 30.0
BEAT_TIMEOUT_S = 5.0
ALARMS: tuple[Stage, ...] = ("flagged", "trouble")
RECORDS: tuple[Stage, ...] = ("ended", "report")
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
    is_down: bool = field(default=False, compare=False)  # the service takes nothing now


@dataclass(frozen=True, slots=True)
class Watching:
    """Who watches what: what a worker says of itself every half minute."""

    name: str
    cameras: tuple[str, ...]


class _Stumbled(IngestError):  # noqa: N818
    """One entry was not managed, here or by the service: the next is no worse for it."""


def _is_a_fault(answer: httpx.Response) -> bool:
    # Too large for whoever stands before the service: that is about this one, and may be mended.
    if answer.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE:
        return True
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
        except (OSError, ValueError, KeyError) as error:  # a bad sector, a file of another kind
            raise _Stumbled(
                Text(
                    nl=f"{entry.path} is niet te lezen ({type(error).__name__}: {error})",
                    en=f"{entry.path} cannot be read ({type(error).__name__}: {error})",
                )
            ) from error
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


def _in_turn(
    entries: Sequence[SpoolEntry], stages: Collection[Stage], stuck: Collection[UUID]
) -> list[SpoolEntry]:
    """Return what may go now: of each id the oldest, alarms first, the newest first."""
    first: dict[UUID, SpoolEntry] = {}
    for entry in entries:
        first.setdefault(entry.id, entry)
    now = [one for one in first.values() if one.stage in stages and one.id not in stuck]
    return sorted(now, key=lambda one: (one.stage in ALARMS, one.path.name), reverse=True)


class _Lane:
    """Hands over the entries of some stages; what the service stumbles over waits its time."""

    def __init__(self, spool: Spool, client: IngestClient, stages: Collection[Stage]) -> None:
        self._spool, self._client, self._stages = spool, client, stages
        self._stuck: dict[UUID, float] = {}  # until when

    def ship(self, *, is_last: bool = False) -> ShipCounts:
        """Hand over what waits until nothing is left, or the service takes nothing now."""
        n_sent = n_refused = 0
        n_stuck, is_down = 0, False
        now_s = time.monotonic()
        self._stuck = {} if is_last else {k: s for k, s in self._stuck.items() if s > now_s}
        while not is_down and (batch := self._batch()):
            end_s = time.monotonic() + POLL_S
            for entry in batch:
                try:
                    taken = self._hand_over(entry)
                except IngestError as error:
                    logger.warning("%s %s waits: %s", entry.stage, entry.id, error)
                    self._stuck[entry.id] = time.monotonic() + MAX_WAIT_S
                    n_stuck += 1
                    is_down = not isinstance(error, _Stumbled) or n_stuck >= MOST_STUCK
                else:
                    n_sent, n_refused = n_sent + taken, n_refused + (not taken)
                if is_down or time.monotonic() > end_s:
                    break  # there may be a newer alarm
        if is_down:
            self._stuck.clear()  # it is not these entries
        n_kept = sum(one.stage in self._stages for one in self._spool.entries())
        return ShipCounts(n_sent, n_refused, n_kept, is_down)

    def _batch(self) -> list[SpoolEntry]:
        return _in_turn(self._spool.entries(), self._stages, self._stuck)

    def _hand_over(self, entry: SpoolEntry) -> bool:
        """Hand over and remove one; False where it was refused for good and set aside."""
        try:
            self._client.hand_over(entry)
        except IngestRefused as error:
            logger.error("%s %s was refused: %s", entry.stage, entry.id, error)  # noqa: TRY400
            self._spool.refuse(entry, str(error))
            return False
        self._spool.remove(entry)
        return True

    def run(self, stop: threading.Event) -> None:
        """Hand over what comes until told to stop, and once more after that."""
        wait_s = POLL_S
        while True:
            is_last = stop.is_set()
            try:
                counts = self.ship(is_last=is_last)
            except (SpoolError, OSError):
                logger.exception("the spool could not be read")
                counts = ShipCounts(is_down=True)
            if is_last:
                return
            wait_s = min(wait_s * 2, MAX_WAIT_S) if counts.is_down else POLL_S
            stop.wait(wait_s)


def ship_once(spool: Spool, api_url: str, key: str) -> ShipCounts:
    """
    Hand over what waits now, alarms and the newest first; stop where the service takes nothing.

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
        return _Lane(spool, client, (*ALARMS, *RECORDS)).ship()


def _keep_beating(
    connect: Callable[[], IngestClient],
    watching: Watching,
    stop: threading.Event,
    broken: threading.Event,
) -> None:
    """Say that a worker lives, but not where nothing is handed over any more: that is silence."""
    with connect() as client:
        while not stop.is_set() and not broken.is_set():
            client.beat(watching, is_ending=False)
            stop.wait(BEAT_EVERY_S)
        if not broken.is_set():
            client.beat(watching, is_ending=True)


def _run(
    connect: Callable[[], IngestClient],
    spool: Spool,
    stages: Collection[Stage],
    stop: threading.Event,
    broken: threading.Event,
) -> None:
    is_over = False
    try:
        with connect() as client:
            _Lane(spool, client, stages).run(stop)
        is_over = True
    finally:
        if not is_over:
            broken.set()


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

    Alarms, clips with reports, and the heartbeat go beside each other: a backlog of clips delays no
    alarm, and neither delays the sign of life. While the service does not answer the waits grow to
    ten seconds; one last round is made at the end, so that what was put before the stop is on its
    way.

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
    # A client for each thread: where one breaks, its closing takes nothing from the others.
    connect, broken = partial(IngestClient, api_url, key), threading.Event()
    line = (connect, spool, RECORDS, stop, broken)
    beside = [threading.Thread(target=_run, args=line, name="records", daemon=True)]
    if watching is not None:
        beat = (connect, watching, stop, broken)
        beside.append(
            threading.Thread(target=_keep_beating, args=beat, name="heartbeat", daemon=True)
        )
    for thread in beside:
        thread.start()
    _run(connect, spool, ALARMS, stop, broken)
    for thread in beside:
        thread.join()
