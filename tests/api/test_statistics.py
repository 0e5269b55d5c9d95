from datetime import date, timedelta
from pathlib import Path
from typing import Any

from alarm_desk import AlarmDesk, alarm_desk
from api_harness import STARTED_AT, Service, make_receiver, make_site
from sqlalchemy import select

from parkwacht_api.database import Database
from parkwacht_api.keys import Scope, create_key
from parkwacht_api.models import Delivery, Verdict
from parkwacht_api.models_incidents import Incident
from parkwacht_api.statistics import compute_statistics, count_armed_nights

NOWHERE = "http://127.0.0.1:9/webhook"
DAY_S = 86400.0


def judge(desk: AlarmDesk, number: int, verdict: str, cause: str | None = None) -> None:
    with desk.database.writing() as session:
        incident = session.scalars(select(Incident).where(Incident.number == number)).one()
        incident.review_state = verdict
        session.add(
            Verdict(
                incident_id=incident.id,
                verdict=verdict,
                cause=cause,
                person="Desk",
                reason="why",
                given_at=desk.clock.now(),
            )
        )


def answer(database: Database, number: int, delivered_s: float, taken_up_s: float | None) -> None:
    with database.writing() as session:
        incident = session.scalars(select(Incident).where(Incident.number == number)).one()
        row = session.scalars(select(Delivery).where(Delivery.incident_id == incident.id)).one()
        row.delivered_at = row.created_at + timedelta(seconds=delivered_s)
        if taken_up_s is not None:
            row.acknowledged_at = row.created_at + timedelta(seconds=taken_up_s)
            incident.outcome_at = row.created_at + timedelta(seconds=10 * taken_up_s)


def test_the_figures_of_three_weeks(tmp_path: Path) -> None:
    site = make_site(make_receiver("meldkamer", NOWHERE))
    cameras = [camera.id for camera in site.cameras[:2]]
    with alarm_desk(tmp_path, site) as desk:
        # Friday 20 November 2026, 23:14:03 on the park's clock: week 47.
        desk.sees(0, camera_id=cameras[0])
        desk.sees(60, camera_id=cameras[0])
        # Sunday 22 November 23:59:59 is week 47 still; two seconds later it is week 48.
        desk.sees(2 * DAY_S + 45 * 60 + 56, camera_id=cameras[1])
        desk.sees(2 * DAY_S + 45 * 60 + 58, camera_id=cameras[1])
        judge(desk, 1, "verified")
        judge(desk, 2, "dismissed", "animal")
        judge(desk, 3, "dismissed", "light")
        judge(desk, 3, "dismissed", "weather")  # thought better of
        for number, (delivered_s, taken_up_s) in enumerate(
            [(1.0, 10.0), (2.0, 30.0), (4.0, None), (3.0, 20.0)], start=1
        ):
            answer(desk.database, number, delivered_s, taken_up_s)
        with desk.database.reading() as session:
            found = compute_statistics(session, site, date(2026, 11, 16), date(2026, 11, 30))
    first, second = found.weeks
    assert (first.week, first.starts_on, first.n_incidents) == ("2026-W47", date(2026, 11, 16), 3)
    assert first.verdicts == {"verified": 1, "dismissed": 2}
    assert first.causes == {"animal": 1, "weather": 1}
    assert (second.week, second.verdicts) == ("2026-W48", {"unreviewed": 1})
    # Each of the 14 days from noon arms: weekdays from 19:00, the weekend all day.
    assert found.n_nights == 14
    false = {one.camera_id: one.per_night for one in found.cameras}
    assert (false[cameras[0]], false[cameras[1]]) == (1 / 14, 1 / 14)
    (times,) = found.receivers
    assert times.n_alarms == 4
    # By hand: 1, 2, 3, 4 have the median 2.5; nearest rank of 95 % of four is the fourth.
    assert (times.delivered.n, times.delivered.median_s, times.delivered.p95_s) == (4, 2.5, 4.0)
    assert (times.acknowledged.n, times.acknowledged.median_s) == (3, 20.0)
    assert (times.outcome.median_s, times.outcome.p95_s) == (200.0, 300.0)


def test_nights_are_counted_over_a_holiday_and_a_clock_change() -> None:
    site = make_site()
    # 24 to 26 October 2026: the clock goes back in the night of the second; all three arm.
    assert count_armed_nights(site, date(2026, 10, 24), date(2026, 10, 27)) == 3
    assert count_armed_nights(site, date(2026, 10, 24), date(2026, 10, 24)) == 0


def test_nothing_is_divided_by_nothing(tmp_path: Path) -> None:
    site = make_site(make_receiver("meldkamer", NOWHERE))
    with alarm_desk(tmp_path, site) as desk, desk.database.reading() as session:
        found = compute_statistics(session, site, date(2026, 11, 16), date(2026, 11, 16))
    assert found.weeks == []
    assert {one.per_night for one in found.cameras} == {None}
    assert found.receivers[0].delivered.median_s is None


def test_the_working_group_sees_figures_and_nothing_else(service: Service) -> None:
    service.stored()
    key = create_key(service.database, "Werkgroep", {Scope.STATISTICS}, at=STARTED_AT)
    with service.client(key) as client:
        asked: dict[str, Any] = {"from": "2026-11-16", "to": "2026-11-23"}
        figures = client.get("/statistics", params=asked)
        assert figures.status_code == 200, figures.text
        assert [week["n_incidents"] for week in figures.json()["weeks"]] == [1]
        assert client.get("/statistics").status_code == 200
        assert client.get("/statistics", params={"from": "2026-11-16", "to": "2026-11-16"}).is_error
        assert client.get("/statistics", params={"from": "0001-01-01"}).status_code == 422
        assert client.get("/incidents").status_code == 403
        assert client.get("/events").status_code == 403
    with service.client(service.partner_keys["meldkamer"]) as client:
        assert client.get("/statistics").status_code == 403


def test_a_shift_is_handed_over_with_what_is_open(service: Service) -> None:
    accepter = "B. Bakker"
    service.stored()
    service.stored()
    with service.client(service.operator_key) as client:
        newest = client.get("/incidents").json()["items"][0]
        given = {"verdict": "dismissed", "cause": "light", "person": "A. Jansen", "reason": "lamp"}
        path = f"/incidents/{newest['id']}/verdict"
        assert client.post(path, json=given, headers={"If-Match": '"v0"'}).status_code == 200
        # It was judged, but it is still going on: both go along.
        shift = {"from_person": "A. Jansen", "to_person": "B. Bakker", "note": "hek staat open"}
        answer = client.post("/handovers", json=shift)
        assert answer.status_code == 201
        row = answer.json()
        states = [one["review_state"] for one in row["open_incidents"]]
        assert sorted(states) == ["dismissed", "unreviewed"]
        path = f"/handovers/{row['id']}/accept"
        assert client.post(path, json={"person": "a. jansen"}).status_code == 422
        first = client.post(path, json={"person": accepter}).json()
        again = client.post(path, json={"person": "D. Vos"}).json()
        assert first["accepted_at"] == again["accepted_at"] is not None
        assert [one["note"] for one in client.get("/handovers").json()["items"]] == [
            "hek staat open"
        ]
        assert client.post("/handovers/999/accept", json={"person": accepter}).status_code == 404
    with service.client(service.partner_keys["meldkamer"]) as client:
        assert client.get("/handovers").status_code == 403
