"""What people read of a delivery, in both languages."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from channel_builders import make_payload

from parkwacht_api.receivers.words import CAUSES, CLASSES, KINDS, facts_of, headline, lines_of
from parkwacht_api.release import (
    CANCELLED,
    FLAGGED,
    OVER,
    TEST,
    TROUBLE_OPENED,
    TROUBLE_OVER,
    UPDATED,
    VERIFIED,
)
from parkwacht_config.site import ObjectClass
from parkwacht_vision.event import CameraTrouble

NOBODY = {"id": "", "name": ""}


@pytest.mark.parametrize(
    ("kind", "data", "nl", "en"),
    [
        (
            "event.flagged", {},
            "[12] Alarm: persoon, Kruising café", "[12] Alarm: person, Kruising café",
        ),
        (
            "event.flagged", {"is_test": True},
            "[12] PROEF Alarm: persoon, Kruising café", "[12] TEST Alarm: person, Kruising café",
        ),
        (
            "test.alarm", {"class": None, "camera": NOBODY, "zone": NOBODY, "is_test": True},
            "[12] Proefalarm: Josink Es", "[12] Test alarm: Josink Es",
        ),
        (
            "trouble.opened", {"zone": NOBODY, "cause": "lost"},
            "[12] Storing: camera weg, Kruising Middenweg",
            "[12] Trouble: camera lost, Kruising Middenweg",
        ),
        (
            "trouble.opened",
            {
                "zone": NOBODY, "camera": NOBODY, "class": None, "cause": None,
                "incident": {
                    "number": 3, "kind": "partner_trouble", "cause": "lost", "subject": "politie",
                },
            },
            "[3] Storing: partner onbereikbaar, politie",
            "[3] Trouble: partner cannot be reached, politie",
        ),
        (
            "trouble.over",
            {
                "zone": NOBODY, "camera": NOBODY, "cause": "",
                "incident": {
                    "number": 4, "kind": "service_trouble", "cause": "new_one", "subject": "worker",
                },
            },
            "[4] Storing voorbij: new_one, worker", "[4] Trouble over: new_one, worker",
        ),
        (
            "event.flagged", {"incident": {}},
            "Alarm: persoon, Kruising café", "Alarm: person, Kruising café",
        ),
    ],
)  # fmt: skip
def test_a_headline_tells_number_kind_what_and_where(
    kind: str, data: dict[str, Any], nl: str, en: str
) -> None:
    told = headline(facts_of(make_payload(kind, **data)))
    assert (told.nl, told.en) == (nl, en)


def test_an_empty_payload_can_be_told() -> None:
    facts = facts_of({"type": "event.flagged"})
    assert headline(facts).nl == "Alarm: "
    assert [line.nl for line in lines_of(facts, ZoneInfo("UTC"))] == []
    assert facts.link == ""


def test_what_is_late_says_so() -> None:
    facts = facts_of(make_payload(late=75, verdict={"avs_level": 3}))
    lines = [line.nl for line in lines_of(facts, ZoneInfo("UTC"))]
    assert "Let op: 75 s te laat verzonden" in lines
    assert "Niveau: AVS-01 3" in lines


def test_every_kind_class_and_cause_has_its_words() -> None:
    # What the service sends, what the worker tells apart, and what can be wrong with a camera.
    kinds = {FLAGGED, VERIFIED, UPDATED, OVER, CANCELLED, TROUBLE_OPENED, TROUBLE_OVER, TEST}
    assert set(KINDS) == kinds
    assert set(CLASSES) == {one.value for one in ObjectClass}
    schema = CameraTrouble.model_json_schema()["properties"]["cause"]
    assert set(CAUSES) == set(schema["enum"])
