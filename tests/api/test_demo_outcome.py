"""Whether the demo tells a right answer from a wrong one."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from parkwacht_api.demo_outcome import Expected, Recording, match_events
from parkwacht_api.schemas import EventDetail
from parkwacht_config.site import ObjectClass

AT = datetime(2026, 11, 23, 2, 40, tzinfo=UTC)


@pytest.mark.parametrize(
    ("is_person", "found", "is_right"),
    [
        (False, ObjectClass.VEHICLE, True),
        (False, ObjectClass.TRUCK, True),
        (True, ObjectClass.PERSON, True),
        (False, ObjectClass.PERSON, False),
        (True, ObjectClass.VEHICLE, False),
        (False, ObjectClass.MOVING, False),
        (True, ObjectClass.MOVING, False),
    ],
)
def test_what_is_found_must_be_called_what_it_is(
    found: ObjectClass, *, is_person: bool, is_right: bool
) -> None:
    end = AT + timedelta(seconds=10)
    recording = Recording(Path("g1.mp4"), "g1", AT, 20.0, (Expected(is_person, "gate", AT, end),))
    event = EventDetail.model_construct(
        object_class=found, zone_id="gate", confirmed_at=AT + timedelta(seconds=5)
    )
    outcome = match_events(recording, [event])
    assert (outcome.n_missing, outcome.n_false) == ((0, 0) if is_right else (1, 1))
