"""
How fast one network address may hand in events: far above any park, far below a flood.

Written as plain ASGI, so that a request too many is refused before its body is read. A worker keeps
what was refused and brings it later (`shipper`). Log-ins and links are counted elsewhere, in the
database: those must outlive a restart.
"""

import math
import time
from collections.abc import Callable

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from parkwacht_api.problems import Kind, problem_response
from parkwacht_api.proxies import client_address
from parkwacht_config.settings import Settings
from parkwacht_config.text import Text

# A spool that waited for a whole night comes in at once.
BURST = 2000.0
PER_S = 100.0
MAX_ADDRESSES = 10_000
TOO_MANY = Kind(
    status=429, slug="too-many-requests", title=Text(nl="Te veel verzoeken", en="Too many requests")
)
INGEST_POSTS = frozenset({"/api/v1/events", "/api/v1/watch-reports", "/api/v1/camera-troubles"})


def _is_ingest(scope: Scope) -> bool:
    path, method = scope["path"], scope["method"]
    if method == "PUT":
        return bool(path.startswith("/api/v1/events/") and path.endswith("/ending"))
    return method == "POST" and path in INGEST_POSTS


class IngestLimit:
    """
    Refuses what comes too fast from one address: `BURST` at once, and `PER_S` in the long run.

    Parameters
    ----------
    app
        What is guarded.
    settings
        Which proxies tell the truth: a stranger's flood through one must not stop our workers.
    now_s
        A clock that only runs forward.
    """

    def __init__(
        self, app: ASGIApp, settings: Settings, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._app = app
        self._settings = settings
        self._now_s = now_s
        self._left: dict[str, tuple[float, float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not _is_ingest(scope):
            await self._app(scope, receive, send)
            return
        address = client_address(Request(scope), self._settings)
        wait_s = self._take(address)
        if wait_s <= 0:
            await self._app(scope, receive, send)
            return
        detail = Text(
            nl=f"meer dan {PER_S:.0f} per seconde van {address}",
            en=f"more than {PER_S:.0f} a second from {address}",
        )
        headers = {"Retry-After": str(math.ceil(wait_s))}
        answer = problem_response(Request(scope), TOO_MANY, detail, headers=headers)
        await answer(scope, receive, send)

    def _take(self, address: str) -> float:
        """Take one from the bucket of an address; return how long to wait where it is empty."""
        at_s = self._now_s()
        left, since_s = self._left.get(address, (BURST, at_s))
        left = min(BURST, left + (at_s - since_s) * PER_S)
        if left < 1:
            return (1 - left) / PER_S
        if address not in self._left and len(self._left) >= MAX_ADDRESSES:
            self._left.clear()  # an attack from everywhere: no memory for each of its addresses
        self._left[address] = (left - 1, at_s)
        return 0
