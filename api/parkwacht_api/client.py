"""A client of the service, for the command line and the demo: what a person asks and judges."""

from types import TracebackType
from typing import Any, Self
from uuid import UUID

import httpx

from parkwacht_api.schemas import (
    CameraList,
    CameraOut,
    DeliveryOut,
    DeliveryPage,
    EventDetail,
    EventOut,
    EventPage,
    VerdictIn,
)
from parkwacht_config.errors import ForwardingError
from parkwacht_config.text import Language, Text


class ServiceClient:
    """
    Talks to one service with one key.

    Parameters
    ----------
    url
        Address of the service, e.g. http://127.0.0.1:8080.
    key
        An API key; never logged.
    language
        Language of the service's own error texts.
    """

    def __init__(self, url: str, key: str, *, language: Language = Language.NL) -> None:
        self.url = url.rstrip("/")
        self._http = httpx.Client(
            base_url=f"{self.url}/api/v1",
            headers={"Authorization": f"Bearer {key}", "Accept-Language": language.value},
            timeout=10.0,
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

    def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401
        try:
            answer = self._http.request(method, path, **options)
        except httpx.TransportError as error:
            text = Text(
                nl=f"de dienst op {self.url} is niet bereikbaar: {error}",
                en=f"the service at {self.url} cannot be reached: {error}",
            )
            raise ForwardingError(text) from error
        if answer.is_success:
            return answer
        try:
            problem = answer.json()
            said = f"{problem.get('title', '')}: {problem.get('detail', '')}"
        except ValueError:
            said = answer.text[:200]
        text = Text(
            nl=f"de dienst antwoordt {answer.status_code}: {said}",
            en=f"the service answers {answer.status_code}: {said}",
        )
        raise ForwardingError(text)

    def events(self, *, limit: int = 50, state: str | None = None) -> list[EventOut]:
        """
        Return the newest events.

        Parameters
        ----------
        limit
            Most events to return; pages are followed until then.
        state
            Only `unreviewed`, `verified` or `dismissed` events.

        Raises
        ------
        ForwardingError
            The service cannot be reached or refuses.
        """
        found: list[EventOut] = []
        cursor: str | None = None
        while len(found) < limit:
            wanted = {"limit": min(100, limit - len(found)), "verdict": state, "cursor": cursor}
            params = {key: value for key, value in wanted.items() if value is not None}
            page = EventPage.model_validate(self._ask("GET", "/events", params=params).json())
            found += page.items
            cursor = page.next_cursor
            if cursor is None:
                break
        return found

    def cameras(self) -> list[CameraOut]:
        """Return how the cameras are; ForwardingError when that is not to be had."""
        return CameraList.model_validate(self._ask("GET", "/cameras").json()).items

    def event(self, event_id: UUID) -> EventDetail:
        """Return one event with its deliveries; ForwardingError when it is not to be had."""
        return EventDetail.model_validate(self._ask("GET", f"/events/{event_id}").json())

    def judge(self, event_id: UUID, verdict: VerdictIn, *, version: int) -> EventDetail:
        """
        Give a verdict on the version of an event that was looked at.

        Raises
        ------
        ForwardingError
            Somebody judged in between, or the service refuses.
        """
        answer = self._ask(
            "POST",
            f"/events/{event_id}/verdict",
            content=verdict.model_dump_json(),
            headers={"Content-Type": "application/json", "If-Match": f'"v{version}"'},
        )
        return EventDetail.model_validate(answer.json())

    def acknowledge(self, delivery_id: UUID, by: str, note: str = "") -> DeliveryOut:
        """Say that a person took an alarm up."""
        answer = self._ask(
            "POST", f"/deliveries/{delivery_id}/acknowledge", json={"by": by, "note": note}
        )
        return DeliveryOut.model_validate(answer.json())

    def deliveries(self, *, state: str | None, limit: int) -> list[DeliveryOut]:
        """Return the newest deliveries, only those in one state where one is given."""
        params = {"limit": limit} if state is None else {"limit": limit, "state": state}
        answer = self._ask("GET", "/deliveries", params=params)
        return DeliveryPage.model_validate(answer.json()).items

    def replay(self, delivery_id: UUID, reason: str) -> DeliveryOut:
        """Let a delivery be tried anew."""
        answer = self._ask("POST", f"/deliveries/{delivery_id}/replay", json={"reason": reason})
        return DeliveryOut.model_validate(answer.json())
