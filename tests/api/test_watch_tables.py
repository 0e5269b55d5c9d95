"""What `parkwacht watch` prints at its end, at the width of a terminal: nothing is cut."""

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from api_harness import make_flagged
from rich.console import Console
from rich.table import Table

from parkwacht_api.schemas import DeliveryOut
from parkwacht_api.watching import delivery_table
from parkwacht_config.loader import load_site
from parkwacht_config.site import ObjectClass
from parkwacht_config.text import Language
from parkwacht_vision.cli import event_table
from parkwacht_vision.event import FlaggedEvent, Position

SITE = Path(__file__).parents[2] / "config" / "sites" / "josink_es.toml"
CAMERA = "car_park_[north]_west_side_camera_1"
ZONE = "z_strip_between_the_halls_and_fence"
STARTED_AT = datetime(2026, 11, 24, 1, 13, 7, tzinfo=UTC)


def flagged(camera_id: str = CAMERA) -> FlaggedEvent:
    return make_flagged(
        camera_id=camera_id, zone_id=ZONE, kind="stopped_vehicle", confidence=0.93,
        object_class=ObjectClass.MOVING, started_at=STARTED_AT,
        position=Position(x_m=255557.83, y_m=469702.62),
    )  # fmt: skip


def printed(table: Table, width: int) -> list[str]:
    shown = io.StringIO()
    Console(file=shown, width=width).print(table)
    lines = shown.getvalue().splitlines()
    assert max(len(one) for one in lines) <= width
    assert "…" not in shown.getvalue()
    return lines


@pytest.mark.parametrize("language", list(Language))
def test_an_event_is_told_whole_at_80_columns(language: Language) -> None:
    assert len(CAMERA) == len(ZONE) == 35
    site = load_site(SITE)
    lines = printed(event_table((flagged(),), site, language, 80), 80)
    first, second, *rest = lines[3:]  # below two lines of headings and a rule
    # Enschede is an hour ahead of UTC in November.
    assert first.split()[:4] == ["2026-11-24", "02:13:07", "+0100", CAMERA]
    assert second.split()[:3] == ["255557.8,", "469702.6", ZONE]
    what = {
        Language.NL: "stilstaand voertuig beweging, niet herkend 0.93",
        Language.EN: "stopped vehicle moving, not recognised 0.93",
    }
    told = " ".join(one[62:] for one in (first, second, *rest))  # 25 and 35, each with a blank
    assert " ".join(told.split()) == what[language]


def test_a_name_that_is_too_long_is_folded_and_whole_where_there_is_room() -> None:
    name = "camera_" + 50 * "x"
    site = load_site(SITE)
    lines = printed(event_table((flagged(name),), site, Language.EN, 80), 80)
    assert [lines[3].split()[3], lines[4].split()[2]] == [name[:35], name[35:]]
    lines = printed(event_table((flagged(name),), site, Language.EN, 120), 120)
    assert lines[3].split()[3] == name
    lines = printed(event_table((flagged(name),), site, Language.EN, 60), 60)
    assert lines[3].split()[3:] == [name[:15], "stopped", "vehicle"]


@pytest.mark.parametrize("language", list(Language))
def test_a_delivery_is_told_whole_at_80_columns(language: Language) -> None:
    event = flagged()
    seen_at = event.wall_first_frame_at + timedelta(milliseconds=812)
    delivery = DeliveryOut(
        id=UUID(int=1), event_id=event.id, incident_id=None,
        receiver_id="control_room_[twente]_second_channel", channel_id="webhook", step=1,
        kind="event.flagged", state="dead", reason="HTTP 503", created_at=STARTED_AT,
        replayed_at=None, sent_at=None, delivered_at=None, acknowledged_at=seen_at,
        acknowledged_by="Alarmcentrale Enschede", acknowledged_note=None, n_attempts=12,
    )  # fmt: skip
    lines = printed(delivery_table([(event, delivery)], language), 80)
    rule = next(n for n, line in enumerate(lines) if line.startswith("─"))
    first, second, *rest = lines[rule + 1 :]
    assert first.split()[0] == "control_room_[twente]_second_channel"
    assert first.split()[-1] == "812"
    assert second.split()[0] == str(event.id)
    told = " ".join([first, second, *rest]).split()
    assert {"HTTP", "503", "Alarmcentrale", "Enschede"} <= set(told)
