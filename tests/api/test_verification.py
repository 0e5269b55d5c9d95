from typing import Any
from uuid import uuid4

import pytest
from api_harness import Service

VERIFIED = {
    "verdict": "verified",
    "person": "J. de Vries",
    "reason": "Iemand klimt over het hek",
    "avs_level": 3,
    "legal_basis": "own_initiative",
}


def test_the_police_are_told_by_a_verdict_only(any_service: Service) -> None:
    event = any_service.stored()
    assert [one["receiver_id"] for one in any_service.deliveries(event.id)] == ["meldkamer"]
    with any_service.client(any_service.operator_key) as client:
        answer = client.post(f"/events/{event.id}/verdict", json=VERIFIED)
        assert answer.status_code == 200, answer.text
    detail = answer.json()
    assert detail["review_state"] == "verified"
    assert answer.headers["etag"] == '"v1"'
    told = {(one["receiver_id"], one["kind"]) for one in detail["deliveries"]}
    assert told == {("meldkamer", "event.flagged"), ("politie", "event.verified")}
    assert detail["verdicts"][0]["legal_basis"] == "own_initiative"
    assert detail["verdicts"][0]["avs_level"] == 3


def test_history_grows_and_who_was_told_hears_each_turn(service: Service) -> None:
    event = service.stored()
    dismissed = {
        "verdict": "dismissed",
        "cause": "animal",
        "person": "J. de Vries",
        "reason": "Een kat",
    }
    with service.client(service.operator_key) as client:
        seen: dict[str, str] = {}  # a first verdict may do without
        for given in (dismissed, VERIFIED, VERIFIED, dismissed):
            answer = client.post(f"/events/{event.id}/verdict", json=given, headers=seen)
            assert answer.status_code == 200
            seen = {"If-Match": answer.headers["etag"]}
    detail = answer.json()
    history = [one["verdict"] for one in detail["verdicts"]]
    assert history == ["dismissed", "verified", "verified", "dismissed"]
    assert detail["review_state"] == "dismissed"
    told = [(one["receiver_id"], one["kind"]) for one in detail["deliveries"]]
    assert told == [
        ("meldkamer", "event.flagged"),
        ("meldkamer", "incident.cancelled"),
        ("meldkamer", "event.verified"),  # it was something after all
        ("politie", "event.verified"),  # and once only, though it was verified twice
        ("meldkamer", "incident.cancelled"),
        ("politie", "incident.cancelled"),
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"legal_basis": None},
        {"legal_basis": "vordering"},
        {"legal_basis": "aangifte", "legal_number": "  "},
        {"reason": ""},
        {"person": " "},
        {"avs_level": 5},
        {"avs_level": 1},
        {"avs_level": None},
        {"cause": "animal"},
        {"verdict": "dismissed", "avs_level": 0},
        {"verdict": "dismissed", "avs_level": 2, "cause": "animal"},
        {"verdict": "dismissed", "avs_level": 0, "cause": "ghost"},
        {"verdict": "unclear", "avs_level": 3},
        {"verdict": "perhaps"},
        {"extra": 1},
    ],
    ids=str,
)
def test_an_incomplete_verdict_is_refused(service: Service, change: dict[str, Any]) -> None:
    event = service.stored()
    with service.client(service.operator_key) as client:
        answer = client.post(f"/events/{event.id}/verdict", json=VERIFIED | change)
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["errors"]
        assert client.get(f"/events/{event.id}").json()["verdicts"] == []
    assert [one["receiver_id"] for one in service.deliveries(event.id)] == ["meldkamer"]


def test_two_operators_do_not_judge_over_each_other(service: Service) -> None:
    event = service.stored()
    with service.client(service.operator_key) as client:
        seen = client.get(f"/events/{event.id}").headers["etag"]
        codes = [
            client.post(
                f"/events/{event.id}/verdict", json=VERIFIED, headers={"If-Match": seen}
            ).status_code
            for _ in range(2)
        ]
        unknown = client.post(f"/events/{uuid4()}/verdict", json=VERIFIED)
    assert codes == [200, 412]
    assert unknown.status_code == 404


def test_a_verdict_is_not_overruled_unseen(service: Service) -> None:
    event, other = service.stored(), service.stored()
    with service.client(service.operator_key) as client:
        path = f"/events/{event.id}/verdict"
        assert client.post(path, json=VERIFIED).status_code == 200
        unseen = client.post(path, json=VERIFIED | {"person": "A. Bakker"})
        assert (unseen.status_code, unseen.json()["type"]) == (
            428,
            "urn:parkwacht:problem:version-missing",
        )
        detail = client.get(f"/events/{event.id}")
        assert [one["person"] for one in detail.json()["verdicts"]] == ["J. de Vries"]
        seen = {"If-Match": detail.headers["etag"]}
        assert client.post(path, json=VERIFIED, headers=seen).status_code == 200
        # Judged as an incident: no verdict on one of its events passes over that one.
        incident = client.get(f"/events/{other.id}").json()["incident_id"]
        seen = {"If-Match": client.get(f"/incidents/{incident}").headers["etag"]}
        judged = client.post(f"/incidents/{incident}/verdict", json=VERIFIED, headers=seen)
        assert judged.status_code == 200
        assert client.post(f"/events/{other.id}/verdict", json=VERIFIED).status_code == 428


def test_an_acknowledgement_is_the_receivers_own_and_the_first_stays(any_service: Service) -> None:
    event = any_service.stored()
    delivery_id = any_service.deliveries(event.id)[0]["id"]
    path = f"/deliveries/{delivery_id}/acknowledge"
    with any_service.client(any_service.partner_keys["politie"]) as client:
        assert client.post(path, json={"by": "Agent"}).status_code == 404
    with any_service.client(any_service.partner_keys["meldkamer"]) as client:
        first = client.post(path, json={"by": "Centralist 4", "note": "auto rijdt"}).json()
        again = client.post(path, json={"by": "Centralist 5"}).json()
        listed = client.get("/deliveries").json()["items"]
    assert first["acknowledged_by"] == again["acknowledged_by"] == "Centralist 4"
    assert first["acknowledged_at"] == again["acknowledged_at"]
    assert [one["acknowledged_note"] for one in listed] == ["auto rijdt"]
    # Taken up by a person, and still not recorded as taken by the receiver's machine.
    assert listed[0]["delivered_at"] is None


def test_a_partner_sees_only_what_was_released_to_it(any_service: Service) -> None:
    event = any_service.stored()
    police = any_service.partner_keys["politie"]
    with any_service.client(police) as client:
        assert client.get("/events").json()["items"] == []
        assert client.get(f"/events/{event.id}").status_code == 404
        assert client.get(f"/events/{event.id}/snapshot").status_code == 404
        assert client.get("/deliveries").json()["items"] == []
    with any_service.client(any_service.operator_key) as client:
        client.post(f"/events/{event.id}/verdict", json=VERIFIED)
    with any_service.client(police) as client:
        detail = client.get(f"/events/{event.id}").json()
        assert client.get(f"/events/{event.id}/snapshot").status_code == 200
    assert [one["receiver_id"] for one in detail["deliveries"]] == ["politie"]


def test_deliveries_are_paged(service: Service) -> None:
    events = [service.stored() for _ in range(3)]
    with service.client(service.operator_key) as client:
        first = client.get("/deliveries", params={"limit": 2}).json()
        query = {"limit": 2, "cursor": first["next_cursor"], "state": "pending"}
        second = client.get("/deliveries", params=query).json()
    seen = [one["event_id"] for one in first["items"] + second["items"]]
    assert seen == [str(event.id) for event in reversed(events)]
    assert second["next_cursor"] is None
