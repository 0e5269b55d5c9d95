"""
The handshake of CloudEvents' web hooks: nothing is sent to whom has not said that it may be.

By the web hook specification of CloudEvents, 1.0.2, section 4: the sender asks by OPTIONS in the
name of its system, and the receiver repeats that name, or `*`, in its answer, whatever its status.
It shows no identity; it keeps a wrong address from getting what it never asked for.
"""

import threading
import time
from collections.abc import Callable, Mapping

import httpx

from parkwacht_api.receivers.channel import Answer, SendFailed, SendRefused
from parkwacht_config.text import Text

ORIGIN = "webhook-request-origin"
ALLOWED = "webhook-allowed-origin"
GRANTED_FOR_S = 3600.0


class Permissions:
    """Which receivers gave their permission, to which name of ours, in the last hour."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until_s: dict[tuple[str, str], float] = {}

    def has(self, url: str, origin: str) -> bool:
        """Say whether a receiver has given it."""
        with self._lock:
            return self._until_s.get((url, origin), 0.0) > time.monotonic()

    def note(self, url: str, origin: str, answer: Answer) -> bool:
        """Remember what a receiver answered; True where that was a permission."""
        # One name by the specification; a receiver in use answers all that it permits.
        names = {one.strip().lower() for one in answer.headers.get(ALLOWED, "").split(",")}
        is_granted = not names.isdisjoint({"*", origin.lower()})
        with self._lock:
            self._until_s[url, origin] = time.monotonic() + GRANTED_FOR_S if is_granted else 0.0
        return is_granted


def ask(
    permissions: Permissions,
    url: str,
    origin: str,
    call: Callable[[str, Mapping[str, str]], Answer],
) -> Answer:
    """
    Ask a receiver for its permission.

    Parameters
    ----------
    permissions
        Where the answer is remembered.
    url
        The receiver.
    origin
        DNS name of our system.
    call
        Makes one call to it: method and headers.

    Raises
    ------
    SendFailed
        It does not answer, or gives none.
    SendRefused
        It is gone for good (410).
    """
    answer = call("OPTIONS", {ORIGIN: origin})
    if permissions.note(url, origin, answer):
        return answer
    text = Text(
        nl=f"de ontvanger geeft {origin} geen toestemming (WebHook-Allowed-Origin ontbreekt of is "
        f"anders; antwoord {answer.http_status}): handshake = false als hij er geen geven kan",
        en=f"the receiver does not permit {origin} (WebHook-Allowed-Origin is missing or another; "
        f"answer {answer.http_status}): handshake = false where it can give none",
    )
    if answer.http_status == httpx.codes.GONE:
        raise SendRefused(text, answer)
    raise SendFailed(text, answer)
