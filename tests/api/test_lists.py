"""A list of a million is as fast as a list of fifty where its page is a range of an index."""

from typing import Any
from uuid import UUID

import pytest
from api_harness import STARTED_AT, Service
from sqlalchemy import Engine, event

from parkwacht_api.repository import encode_cursor
from parkwacht_api.roles import Role

CURSOR = encode_cursor(STARTED_AT, UUID(int=1))


def plans_of(service: Service, path: str) -> list[str]:
    """Return how SQLite goes about what a page asks of events and deliveries."""
    asked: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if "FROM event" in statement or "FROM delivery" in statement:
            asked.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        with service.browser(Role.SECURITY_OPERATOR) as client:
            client.get(path).raise_for_status()
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    with service.database.engine.connect() as connection:
        return [
            " / ".join(
                row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {one}", of)
            )
            for one, of in asked
        ]


@pytest.mark.parametrize("cursor", ["", CURSOR], ids=["first", "further"])
@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("", "ix_event_started_at_id"),
        ("verdict=unreviewed", "ix_event_review_state_started_at_id"),
        ("camera=k1_crossing", "ix_event_camera_id_started_at_id"),
        ("class=person", "ix_event_object_class_started_at_id"),
    ],
)
def test_a_page_of_events_is_a_range_of_an_index(
    service: Service, query: str, index: str, cursor: str
) -> None:
    service.stored()
    path = f"/events?{query}" + (f"&cursor={cursor}" if cursor else "")
    page, *others = plans_of(service, path)
    assert f"USING INDEX {index}" in page  # the one that also has the order
    assert "B-TREE" not in page  # nothing is sorted
    assert page.startswith("SEARCH" if query or cursor else "SCAN")
    assert ("started_at<" in page) is bool(cursor)  # a further page begins where the last ended
    # Who was told, and what was not forwarded: not one look at all that was ever delivered.
    assert others
    assert all(one.startswith("SEARCH delivery USING") for one in others), others
