"""Troubles of cameras and their nights, through the service and on the page."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from api_harness import (
    Service,
    make_receiver,
    make_report,
    make_site,
    make_trouble,
    running_service,
)
from typer.testing import CliRunner

from parkwacht_api.cameras import last_night, measure_night
from parkwacht_api.cli import app
from parkwacht_api.models import CameraTroubleRow, WatchReportRow
from parkwacht_api.roles import Role
from parkwacht_api.shipper import ship_once
from parkwacht_config.clock import FakeClock
from parkwacht_vision.event import CameraTrouble
from parkwacht_vision.spool import Spool

# A Tuesday: the sample park is armed from 19:00 to 06:30 on weekdays, in November UTC + 1.
TUESDAY = datetime(2026, 11, 24, tzinfo=UTC)
AT = TUESDAY + timedelta(hours=1, minutes=13)


EVERYTHING = {"tier": "full", "nl": "alle beelden: te ver uiteen", "en": "every picture: too far"}


def trouble(**changes: Any) -> CameraTrouble:
    return make_trouble(**({"started_at": AT} | changes))


def post(service: Service, *records: CameraTrouble) -> list[int]:
    with service.client(service.worker_key) as client:
        return [
            client.post("/camera-troubles", json=one.model_dump(mode="json")).status_code
            for one in records
        ]


def listed(service: Service, **query: str) -> list[dict[str, Any]]:
    with service.client(service.operator_key) as client:
        answer = client.get("/camera-troubles", params=query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


@pytest.mark.parametrize("order", ["in order", "the end first"])
def test_a_trouble_begins_and_is_over_once(any_service: Service, order: str) -> None:
    begun = trouble()
    over = begun.model_copy(update={"ended_at": AT + timedelta(minutes=5)})
    sent = [begun, over] if order == "in order" else [over, begun]
    assert post(any_service, *sent, begun, over) == [201, 200, 200, 200]
    found = listed(any_service)
    assert [(one["id"], one["cause"]) for one in found] == [(str(begun.id), "moved")]
    assert datetime.fromisoformat(found[0]["ended_at"]) == over.ended_at
    assert listed(any_service, open="true") == []
    assert len(listed(any_service, open="false")) == 1


def test_what_is_no_trouble_of_this_park_is_refused(service: Service) -> None:
    one = trouble()
    other = one.model_copy(update={"cause": "covered"})
    assert post(service, one, other, trouble(site_id="elsewhere")) == [201, 409, 422]
    sent = trouble().model_dump(mode="json")
    with service.client(service.worker_key) as client:
        for wrong in ({"cause": "bored"}, {"started_at": "2026-11-24T01:00:00"}, {"x": 1}):
            assert client.post("/camera-troubles", json=sent | wrong).status_code == 422


def test_troubles_come_in_pages_and_by_camera(any_service: Service) -> None:
    cameras = any_service.site.cameras
    records = [
        trouble(started_at=AT + timedelta(minutes=n), camera_id=cameras[n % 2].id) for n in range(5)
    ]
    assert post(any_service, *records) == [201] * 5
    newest_first = [str(one.id) for one in reversed(records)]
    with any_service.client(any_service.operator_key) as client:
        first = client.get("/camera-troubles", params={"limit": "3"}).json()
        second = client.get(
            "/camera-troubles", params={"limit": "3", "cursor": first["next_cursor"]}
        ).json()
    assert [one["id"] for one in first["items"] + second["items"]] == newest_first
    assert second["next_cursor"] is None
    assert [one["id"] for one in listed(any_service, camera=cameras[1].id)] == newest_first[1::2]


def test_the_shipper_brings_troubles(service: Service, tmp_path: Path) -> None:
    spool, one = Spool(tmp_path / "spool"), trouble()
    spool.put_trouble(one)
    spool.put_trouble(one.model_copy(update={"ended_at": AT + timedelta(minutes=1)}))
    assert ship_once(spool, service.url, service.worker_key).n_sent == 2
    assert [one["ended_at"] is None for one in listed(service)] == [False]


@pytest.mark.parametrize(
    ("at", "start", "end"),
    [
        # Noon in the park is 11:00 UTC in winter, 10:00 in summer.
        ("2026-11-24T01:13", "2026-11-23T11:00", "2026-11-24T01:13"),  # in the night: till now
        ("2026-11-24T14:00", "2026-11-23T11:00", "2026-11-24T11:00"),  # in the afternoon: over
        ("2026-11-24T17:00", "2026-11-24T11:00", "2026-11-24T17:00"),  # 18:00 in the park
        ("2026-10-25T15:00", "2026-10-24T10:00", "2026-10-25T11:00"),  # the night of 25 hours
    ],
    ids=["night", "afternoon", "evening", "clock change"],
)
def test_the_last_night(at: str, start: str, end: str) -> None:
    night = last_night(datetime.fromisoformat(at + "+00:00"), "Europe/Amsterdam")
    assert night.started_at == datetime.fromisoformat(start + "+00:00")
    assert night.ended_at == datetime.fromisoformat(end + "+00:00")


def report_row(start: datetime, hours: float, **record: Any) -> WatchReportRow:
    fields = {"watched_s": hours * 3600, "armed_s": hours * 3600, "blind": ()} | record
    end = start + timedelta(hours=hours)
    sent = make_report(started_at=start, ended_at=end, **fields).model_dump(mode="json")
    return WatchReportRow(started_at=start, ended_at=end, record=sent)


def test_a_night_counts_what_was_blind_and_what_nobody_watched() -> None:
    site = make_site()
    night = last_night(TUESDAY + timedelta(hours=14), site.timezone)
    blind = [{"cause": "covered", "seconds": 1800.0}, {"cause": "stalled", "seconds": 360.0}]
    # 20:00 to 04:00 UTC, of which 36 minutes were blind.
    watched_s = 8 * 3600.0 - 2160.0
    rows = [
        report_row(
            TUESDAY - timedelta(hours=4), 8, watched_s=watched_s, armed_s=watched_s, blind=blind
        )
    ]
    found = measure_night(rows, site, night)
    # Armed 19:00 to 06:30 in the park: 11.5 h. Told of: 8 h. Analysed: 8 h less 0.6 h.
    assert found.armed_s == 11.5 * 3600
    assert found.blind_s == {"covered": 1800, "not_watched": 3.5 * 3600, "stalled": 360}
    assert found.analysed_s == 7.4 * 3600
    assert found.availability == pytest.approx(7.4 / 11.5, abs=1e-4)
    # A report that began before noon counts for its part: 2 of 4 hours, none of it armed.
    day = report_row(TUESDAY - timedelta(hours=15), 4, armed_s=0.0)
    assert measure_night([*rows, day], site, night) == found
    assert measure_night([], site, night).availability == 0
    # Moved for an hour of the eight, of which 7.4 / 8 was watched at all: 0.925 h.
    moved = CameraTroubleRow(
        record=trouble(ended_at=AT + timedelta(hours=1)).model_dump(mode="json")
    )
    assert measure_night(rows, site, night, [moved]).blind_s["moved"] == 0.925 * 3600


def test_the_state_of_every_camera_on_the_page_and_for_machines(tmp_path: Path) -> None:
    site = make_site(make_receiver("meldkamer", "http://127.0.0.1:9/webhook"))
    first, second, third = (one.id for one in site.cameras[:3])
    now = TUESDAY + timedelta(hours=5)
    with running_service(tmp_path / "state", site, clock=FakeClock(now)) as service:
        hour = timedelta(hours=1)
        with service.client(service.worker_key) as client:
            for camera_id, ended_at in ((first, now), (second, now), (third, now - 2 * hour)):
                record = make_report(
                    camera_id=camera_id, started_at=ended_at - hour, ended_at=ended_at,
                    watched_s=3600, armed_s=3600, blind=({"cause": "covered", "seconds": 90.0},),
                    decoding=None if camera_id == third else EVERYTHING,
                )  # fmt: skip
                sent = record.model_dump(mode="json")
                assert client.post("/watch-reports", json=sent).status_code == 201
        over = trouble(cause="covered", ended_at=AT + timedelta(minutes=3))
        post(service, trouble(camera_id=second), over)
        with service.client(service.operator_key) as client:
            items = {one["id"]: one for one in client.get("/cameras").json()["items"]}
        with service.client(service.partner_keys["meldkamer"]) as client:
            assert client.get("/cameras").json()["items"] == []
            assert client.get("/camera-troubles").json()["items"] == []
        page = _page(service, "/cameras")
        english = _page(service, "/cameras?lang=en")
    states = {one: items[one]["state"] for one in (first, second, third)}
    assert states == {first: "watching", second: "trouble", third: "silent"}
    assert {one["state"] for key, one in items.items() if key not in states} <= {"never"}
    assert [items[one]["decoding"] for one in (first, second, third)] == [
        EVERYTHING, EVERYTHING, None
    ]  # fmt: skip
    # Armed since 18:00 UTC: 11 hours, of which one less 90 s was analysed.
    assert items[first]["night"]["armed_s"] == 11 * 3600
    assert items[first]["night"]["blind_s"]["covered"] == 90
    for word in (
        "Camera&#39;s",
        "verdraaid",
        "(42,0 px)",
        "zwijgt",
        "afgedekt: 1,5 min",
        "voorbij",
        "alle beelden: te ver uiteen",
    ):
        assert word in page
    for word in (
        "Cameras",
        "moved",
        "(42.0 px)",
        "silent",
        "covered: 1.5 min",
        "over",
        "every picture: too far",
    ):
        assert word in english


def _page(service: Service, path: str) -> str:
    with service.browser(Role.SECURITY_OPERATOR) as client:
        answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_the_last_report_says_how_much_is_decoded(any_service: Service) -> None:
    camera = any_service.site.cameras[0].id
    key_frames = {"tier": "key_frames", "nl": "sleutelbeelden", "en": "key frames"}
    with any_service.client(any_service.worker_key) as client:
        for hours, decoding in ((2, key_frames), (1, EVERYTHING), (3, key_frames)):
            until = datetime.now(UTC) - timedelta(hours=hours)
            report = make_report(
                camera_id=camera, started_at=until - timedelta(hours=1), ended_at=until,
                decoding=decoding,
            )  # fmt: skip
            sent = report.model_dump(mode="json")
            assert client.post("/watch-reports", json=sent).status_code == 201
    with any_service.client(any_service.operator_key) as client:
        (shown,) = [one for one in client.get("/cameras").json()["items"] if one["id"] == camera]
    assert shown["decoding"] == EVERYTHING


def test_the_command_shows_state_and_tier(
    service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    until = datetime.now(UTC) - timedelta(minutes=5)
    report = make_report(
        started_at=until - timedelta(minutes=15), ended_at=until, decoding=EVERYTHING
    )
    with service.client(service.worker_key) as client:
        sent = report.model_dump(mode="json")
        assert client.post("/watch-reports", json=sent).status_code == 201
    monkeypatch.setenv("PARKWACHT_API_URL", service.url)
    monkeypatch.setenv("PARKWACHT_OPERATOR_KEY", service.operator_key)
    monkeypatch.setenv("PARKWACHT_STATE_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("COLUMNS", "200")
    for language, words in (
        ("nl", ("kijkt", "alle beelden: te ver uiteen", "nog nooit bekeken")),
        ("en", ("watching", "every picture: too far", "never watched")),
    ):
        monkeypatch.setenv("PARKWACHT_LANGUAGE", language)
        done = CliRunner().invoke(app, ["cameras", "list"])
        assert done.exit_code == 0, done.output
        for word in words:
            assert word in done.output
    told = CliRunner().invoke(app, ["cameras", "list", "--json"])
    assert json.loads(told.output)[0]["decoding"] == EVERYTHING
