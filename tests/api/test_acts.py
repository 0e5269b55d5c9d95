from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_harness import Service, make_receiver, make_site, make_trouble, running_service
from sqlalchemy import select

from parkwacht_api.models import Delivery
from parkwacht_api.models_access import AuditEntry
from parkwacht_config.site import Alarms, ReceiverRole, Release

NOWHERE = "http://127.0.0.1:9/webhook"
REAL = {
    "verdict": "verified",
    "person": "J. de Vries",
    "reason": "Iemand klimt over het hek",
    "avs_level": 3,
    "legal_basis": "vordering",
    "legal_number": "PL0600-2026",
}
FALSE = {"verdict": "dismissed", "cause": "animal", "person": "A. Bakker", "reason": "Een kat"}
WHY = {"person": "J. de Vries", "reason": "afgehandeld"}


@contextmanager
def opened(state_dir: Path, database_url: str | None = None) -> Iterator[Service]:
    police = ReceiverRole.POLICE
    site = make_site(
        make_receiver("meldkamer", NOWHERE),
        make_receiver("politie", NOWHERE, release=Release.ON_VERIFIED, role=police),
        make_receiver("recherche", NOWHERE, release=Release.ON_REQUEST, role=police),
        alarms=Alarms(),
    )
    with running_service(state_dir, site, database_url=database_url) as running:
        yield running


@pytest.fixture
def park(tmp_path: Path) -> Iterator[Service]:
    """A security company, the police at a verdict, and an archive on request."""
    with opened(tmp_path / "state") as running:
        yield running


@pytest.fixture
def any_park(tmp_path: Path, database_url: str) -> Iterator[Service]:
    """The same, on each of the two engines."""
    with opened(tmp_path / "state", database_url) as running:
        yield running


class Operator:
    """A person who always names the version that was seen last."""

    def __init__(self, service: Service, key: str | None = None) -> None:
        self.service, self.key = service, key or service.operator_key
        self.id = ""
        self.seen = ""

    def get(self, path: str, **params: Any) -> httpx.Response:
        with self.service.client(self.key) as client:
            return client.get(path, params=params)

    def post(self, path: str, body: Any, headers: dict[str, str]) -> httpx.Response:
        with self.service.client(self.key) as client:
            return client.post(path, json=body, headers=headers)

    def look(self, number: int = 1) -> dict[str, Any]:
        items = self.get("/incidents").json()["items"]
        self.id = next(one["id"] for one in items if one["number"] == number)
        answer = self.get(f"/incidents/{self.id}")
        self.seen = answer.headers["etag"]
        found: dict[str, Any] = answer.json()
        return found

    def try_to(self, act: str, body: dict[str, Any], **headers: str) -> httpx.Response:
        named = {"If-Match": self.seen, **headers}
        return self.post(f"/incidents/{self.id}/{act}", body, named)

    def does(self, act: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.try_to(act, body)
        assert answer.status_code == 200, answer.text
        self.seen = answer.headers["etag"]
        done: dict[str, Any] = answer.json()
        return done


def told(detail: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["receiver_id"], one["kind"]) for one in detail["deliveries"]]


def test_from_alarm_to_closing(any_park: Service) -> None:
    any_park.stored()
    any_park.stored()
    operator = Operator(any_park)
    assert operator.look()["n_events"] == 2
    assert operator.try_to("close", WHY).status_code == 422  # nobody judged it
    first = operator.does("acknowledge", {"person": "J. de Vries", "note": "ik kijk"})
    again = operator.does("acknowledge", {"person": "A. Bakker"})
    assert first["acknowledged_by"] == again["acknowledged_by"] == "J. de Vries"
    judged = operator.does("verdict", REAL)
    assert (judged["review_state"], judged["avs_level"]) == ("verified", 3)
    assert {one["review_state"] for one in judged["events"]} == {"verified"}
    assert told(judged) == [("meldkamer", "event.flagged"), ("politie", "event.verified")]
    operator.does("notes", {"person": "J. de Vries", "text": "surveillant onderweg"})
    operator.does("outcome", {"person": "J. de Vries", "outcome": "chased_off"})
    assert operator.try_to("close", {"person": "J. de Vries", "reason": " "}).status_code == 422
    closed = operator.does("close", WHY)
    assert (closed["state"], closed["close_reason"]) == ("closed", "afgehandeld")
    assert (closed["outcome"], closed["version"]) == ("chased_off", 6)
    reopened = operator.does("reopen", WHY)
    assert (reopened["state"], reopened["closed_at"]) == ("over", None)
    log = [(one["what"], one["person"]) for one in reopened["entries"]]
    assert log == [
        ("opened", ""),
        ("merged", ""),
        ("acknowledged", "J. de Vries"),
        ("acknowledged", "A. Bakker"),
        ("verdict", "J. de Vries"),
        ("note", "J. de Vries"),
        ("outcome", "J. de Vries"),
        ("closed", "J. de Vries"),
        ("reopened", "J. de Vries"),
    ]
    with any_park.database.reading() as session:
        acts = session.scalars(select(AuditEntry.what).order_by(AuditEntry.id)).all()
    assert [one for one in acts if one.startswith(("incident.", "verdict"))] == [
        "incident.acknowledged",
        "incident.acknowledged",
        "verdict",
        "incident.note",
        "incident.outcome",
        "incident.closed",
        "incident.reopened",
    ]


def test_the_police_hear_the_basis(park: Service) -> None:
    park.stored()
    operator = Operator(park)
    operator.look()
    operator.does("verdict", REAL)
    with park.database.reading() as session:
        row = session.scalars(select(Delivery).where(Delivery.receiver_id == "politie")).one()
    verdict = row.payload["data"]["verdict"]
    assert (verdict["legal_basis"], verdict["legal_number"]) == ("vordering", "PL0600-2026")
    assert row.payload["data"]["incident"]["avs_level"] == verdict["avs_level"] == 3


ACTS: list[tuple[str, dict[str, Any]]] = [
    ("verdict", FALSE),
    ("acknowledge", {"person": "Desk"}),
    ("notes", {"person": "Desk", "text": "gezien"}),
    ("outcome", {"person": "Desk", "outcome": "gone"}),
    ("close", WHY),
    ("reopen", WHY),
    ("release", {"receiver_id": "recherche", "person": "X.", "legal_basis": "own_initiative"}),
]


def test_two_operators_never_undo_each_other(park: Service) -> None:
    park.stored()
    first, second = Operator(park), Operator(park)
    first.look()
    second.look()
    first.does("notes", {"person": "Desk", "text": "ik kijk"})
    codes = [
        [second.try_to(act, body, **{"If-Match": seen}).status_code for seen in (second.seen, "")]
        for act, body in ACTS
    ]
    assert codes == [[412, 428]] * len(ACTS)
    assert second.look()["version"] == 1


def test_a_verdict_on_an_event_counts_for_its_incident(park: Service) -> None:
    one, other = park.stored(), park.stored()
    operator = Operator(park)
    seen = operator.get(f"/events/{other.id}").headers["etag"]
    judged = operator.post(f"/events/{one.id}/verdict", REAL, {})
    assert judged.json()["review_state"] == "verified"
    late = operator.post(f"/events/{other.id}/verdict", FALSE, {"If-Match": seen})
    assert late.status_code == 412
    detail = operator.look()
    assert (detail["review_state"], detail["avs_level"]) == ("verified", 3)
    assert [event["review_state"] for event in detail["events"]].count("unreviewed") == 1
    assert told(detail) == [("meldkamer", "event.flagged"), ("politie", "event.verified")]


def test_an_event_of_an_incident_that_was_judged_is_judged_by_what_was_seen(park: Service) -> None:
    one, other = park.stored(), park.stored()
    operator = Operator(park)
    assert operator.post(f"/events/{one.id}/verdict", REAL, {}).status_code == 200
    path = f"/events/{other.id}"  # itself not judged yet
    assert operator.post(f"{path}/verdict", REAL, {}).status_code == 428
    seen = operator.get(path).headers["etag"]
    assert operator.post(f"{path}/verdict", REAL, {"If-Match": seen}).status_code == 200


def test_nobody_judges_what_was_closed_after_the_look(park: Service) -> None:
    event = park.stored()
    operator = Operator(park)
    operator.look()
    operator.does("verdict", REAL)
    seen = operator.get(f"/events/{event.id}").headers["etag"]
    operator.does("close", WHY)
    late = operator.post(f"/events/{event.id}/verdict", FALSE, {"If-Match": seen})
    assert late.status_code == 412
    assert operator.look()["review_state"] == "verified"


def test_a_cat_does_not_withdraw_the_alarm_for_the_man_beside_it(park: Service) -> None:
    cat, man = park.stored(), park.stored()
    operator = Operator(park)
    assert operator.post(f"/events/{cat.id}/verdict", FALSE, {}).status_code == 200
    detail = operator.look()
    assert (detail["review_state"], detail["avs_level"]) == ("unreviewed", 1)
    assert told(detail) == [("meldkamer", "event.flagged")]
    assert operator.try_to("close", WHY).status_code == 422  # nobody judged the other
    # Only when all of it was nothing is it withdrawn.
    operator.post(f"/events/{man.id}/verdict", FALSE, {})
    detail = operator.look()
    assert (detail["review_state"], detail["avs_level"]) == ("dismissed", 0)
    assert told(detail)[1:] == [("meldkamer", "incident.cancelled")]


def test_nobody_dismisses_what_came_after_the_look(park: Service) -> None:
    park.stored()
    operator = Operator(park)
    operator.look()
    park.stored()  # the same camera and class again: merged, nothing to see
    assert operator.does("acknowledge", {"person": "Desk"})["n_events"] == 2
    park.stored(camera_id=park.site.cameras[1].id)
    assert operator.try_to("verdict", FALSE).status_code == 412
    operator.look()
    assert operator.does("verdict", FALSE)["review_state"] == "dismissed"


def test_a_second_person_can_overrule_and_both_stay(park: Service) -> None:
    park.stored()
    operator = Operator(park)
    operator.look()
    operator.does("verdict", REAL)
    detail = operator.does("verdict", FALSE)
    assert [one["person"] for one in detail["verdicts"]] == ["J. de Vries", "A. Bakker"]
    assert detail["entries"][-1]["details"]["overrules"] == "J. de Vries"
    assert told(detail)[2:] == [
        ("meldkamer", "incident.cancelled"),
        ("politie", "incident.cancelled"),
    ]
    # What was judged to be a cat does not swallow the next alarm.
    park.stored()
    assert operator.look(2)["n_events"] == 1


def test_a_higher_level_is_told_to_who_knew_a_lower_one(park: Service) -> None:
    park.stored()
    operator = Operator(park)
    operator.look()
    operator.does("verdict", REAL)
    detail = operator.does("verdict", REAL | {"avs_level": 4})
    assert told(detail)[1:] == [("politie", "event.verified"), ("politie", "incident.updated")]
    unclear = {"verdict": "unclear", "person": "A. Bakker", "reason": "te donker"}
    assert told(operator.does("verdict", unclear))[3:] == [("politie", "incident.updated")]


def test_on_request_only_with_a_basis(park: Service) -> None:
    park.stored()
    operator = Operator(park)
    operator.look()
    given = {"receiver_id": "recherche", "person": "J. de Vries", "legal_basis": "vordering"}
    assert operator.try_to("release", given).status_code == 422  # without its number
    given["legal_number"] = "PL0600-2027"
    assert operator.try_to("release", given | {"receiver_id": "politie"}).status_code == 422
    asker = Operator(park, park.partner_keys["recherche"])
    assert asker.get("/incidents").json()["items"] == []
    detail = operator.does("release", given)
    assert told(detail)[-1] == ("recherche", "event.verified")
    assert operator.try_to("release", given).status_code == 422  # it has it
    assert asker.look()["events"]
    with park.database.reading() as session:
        row = session.scalars(select(Delivery).where(Delivery.receiver_id == "recherche")).one()
    assert row.payload["data"]["release"]["legal_number"] == "PL0600-2027"


def test_a_partner_sees_its_own_and_may_say_what_came_of_it(park: Service) -> None:
    park.stored()
    partner = Operator(park, park.partner_keys["meldkamer"])
    seen = partner.look()
    assert seen["entries"] == []
    done = partner.does("acknowledge", {"person": "Centralist 4"})
    assert done["deliveries"][0]["acknowledged_by"] == "Centralist 4"
    assert partner.does("outcome", {"person": "Centralist 4", "outcome": "gone"})["outcome"]
    assert partner.try_to("verdict", REAL).status_code == 403
    police = Operator(park, park.partner_keys["politie"])
    assert police.get("/incidents").json()["items"] == []
    answer = police.get(f"/incidents/{partner.id}")
    assert answer.status_code == 404


def test_a_delivery_that_is_taken_up_takes_up_its_incident(park: Service) -> None:
    park.stored()
    operator = Operator(park)
    delivery = operator.look()["deliveries"][0]["id"]
    with park.client(park.partner_keys["meldkamer"]) as client:
        answer = client.post(f"/deliveries/{delivery}/acknowledge", json={"by": "Centralist 4"})
        assert answer.status_code == 200
    detail = operator.look()
    assert detail["acknowledged_by"] == "Centralist 4"
    assert [one["what"] for one in detail["entries"]] == ["opened", "acknowledged"]


def test_a_trouble_is_closed_and_not_judged(park: Service) -> None:
    with park.client(park.worker_key) as client:
        sent = make_trouble().model_dump(mode="json")
        assert client.post("/camera-troubles", json=sent).status_code == 201
    operator = Operator(park)
    assert operator.look()["kind"] == "camera_trouble"
    assert operator.try_to("verdict", FALSE).status_code == 422
    operator.does("close", WHY)
    listed = operator.get("/incidents", kind="camera_trouble", state="closed")
    assert [one["id"] for one in listed.json()["items"]] == [operator.id]
    assert operator.get("/incidents", state="open").json()["items"] == []


def test_incidents_are_paged(park: Service) -> None:
    zones = [zone.id for zone in park.site.zones[:3]]
    for zone_id in zones:
        park.stored(zone_id=zone_id, position=None)
    operator = Operator(park)
    first = operator.get("/incidents", limit=2).json()
    second = operator.get("/incidents", limit=2, cursor=first["next_cursor"]).json()
    numbers = [one["number"] for one in first["items"] + second["items"]]
    assert sorted(numbers) == [1, 2, 3]
    assert second["next_cursor"] is None
