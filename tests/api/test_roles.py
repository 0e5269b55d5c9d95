"""
Who may do what: every route of the service times every role, cell by cell.

The two tables below are written by hand, from issue 5 ("Who may see what"). A route that stands in
neither, or a line whose route is gone, fails the test: whoever adds a route decides here who may
use it.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from api_harness import Service, make_receiver, make_site, running_service

from parkwacht_api.app import create_app
from parkwacht_api.keys import Scope, create_key
from parkwacht_api.models import Delivery
from parkwacht_api.models_access import WebSession
from parkwacht_api.roles import BOUND_TO_RECEIVER, PEOPLE, SCOPES_OF, Role
from parkwacht_config.settings import Settings
from parkwacht_config.site import ReceiverRole, Release

# Nothing listens there.
NOWHERE = "http://127.0.0.1:9/webhook"
LETTERS = {
    "A": Role.ADMINISTRATOR,
    "S": Role.SECURITY_OPERATOR,
    "P": Role.POLICE_READER,
    "R": Role.REVIEWER,
    "W": Role.WORKING_GROUP,
    "M": Role.PARTNER,  # a receiver's machine
    "C": Role.CAMERA_WORKER,
}
NO_LOG_IN = "*"
API = {
    "GET /api/v1/openapi.json": NO_LOG_IN,
    "GET /health/live": NO_LOG_IN,
    "GET /health/ready": NO_LOG_IN,
    "POST /api/v1/events": "C",
    "PUT /api/v1/events/{event_id}/ending": "C",
    "POST /api/v1/watch-reports": "C",
    "POST /api/v1/camera-troubles": "C",
    "GET /api/v1/events": "ASPRM",
    "GET /api/v1/events/{event_id}": "ASPRM",
    "GET /api/v1/events/{event_id}/{kind}": "ASPRM",
    "POST /api/v1/events/{event_id}/verdict": "AS",
    "GET /api/v1/camera-troubles": "ASPRM",  # a partner's list is empty
    "GET /api/v1/cameras": "ASPRM",  # a partner's list is empty
    "GET /api/v1/deliveries": "ASPRM",
    "POST /api/v1/deliveries/{delivery_id}/acknowledge": "ASPM",
    "POST /api/v1/deliveries/{delivery_id}/replay": "AS",
    "POST /api/v1/heartbeats": "C",
    "GET /api/v1/ways": "ASPRM",  # a partner's list holds its own
    "POST /api/v1/incidents/{incident_id}/evidence": "ASP",
    "GET /api/v1/incidents/{incident_id}/evidence": "ASP",
    "GET /api/v1/evidence/{package_id}": "ASP",
    "POST /api/v1/evidence/{package_id}/links": "ASP",
    "GET /api/v1/evidence/{package_id}/links": "ASP",
    "DELETE /api/v1/evidence/links/{link_id}": "ASP",
    "POST /api/v1/incidents/{incident_id}/holds": "AS",
    "GET /api/v1/holds": "AS",
    "POST /api/v1/holds/{hold_id}/lift": "AS",
    "GET /api/v1/handovers": "AS",
    "POST /api/v1/handovers": "AS",
    "POST /api/v1/handovers/{handover_id}/accept": "AS",
    "GET /api/v1/statistics": "ASRW",
    "GET /api/v1/metrics": "ASRW",
    "GET /api/v1/accounts": "A",
    "POST /api/v1/accounts": "A",
    "POST /api/v1/accounts/{account_id}/disable": "A",
    "POST /api/v1/accounts/{account_id}/reset": "A",
    "POST /api/v1/accounts/{account_id}/unlock": "A",
    "GET /api/v1/audit": "AR",
    "GET /api/v1/incidents": "ASPRM",
    "GET /api/v1/incidents/{incident_id}": "ASPRM",
    "GET /api/v1/incidents/{incident_id}/cap": "ASPRM",
    "POST /api/v1/incidents/{incident_id}/verdict": "AS",
    "POST /api/v1/incidents/{incident_id}/acknowledge": "ASPM",
    "POST /api/v1/incidents/{incident_id}/notes": "ASPM",
    "POST /api/v1/incidents/{incident_id}/outcome": "ASPM",
    "POST /api/v1/incidents/{incident_id}/close": "AS",
    "POST /api/v1/incidents/{incident_id}/reopen": "AS",
    "POST /api/v1/incidents/{incident_id}/release": "AS",
}
PAGES = {
    "GET /login": NO_LOG_IN,
    "POST /login": NO_LOG_IN,
    "GET /login/oidc": NO_LOG_IN,  # without a log-in service: not found
    "GET /login/oidc/callback": NO_LOG_IN,
    "GET /login/oidc/out": NO_LOG_IN,
    "POST /logout": "ASPRW",
    "GET /account": "ASPRW",
    "POST /account/password": "ASPRW",
    "POST /account/factor/begin": "ASPRW",
    "POST /account/factor/confirm": "ASPRW",
    "POST /account/factor/remove": "ASPRW",
    "POST /account/sessions/end": "ASPRW",
    "GET /accounts": "A",
    "POST /accounts": "A",
    "POST /accounts/{account_id}/{act=disable}": "A",
    "POST /accounts/{account_id}/{act=reset}": "A",
    "POST /accounts/{account_id}/{act=unlock}": "A",
    "GET /audit": "AR",
    "GET /": "ASPRW",  # the working group is led on to its figures
    "GET /statistics": "ASRW",
    "GET /handovers": "AS",
    "POST /handovers": "AS",
    "POST /handovers/{handover_id}/accept": "AS",
    "GET /incidents/{incident_id}": "ASPR",
    "POST /incidents/{incident_id}/verdict": "AS",
    "POST /incidents/{incident_id}/{act=acknowledge}": "ASP",
    "POST /incidents/{incident_id}/{act=note}": "ASP",
    "POST /incidents/{incident_id}/{act=outcome}": "ASP",
    "POST /incidents/{incident_id}/{act=close}": "AS",
    "POST /incidents/{incident_id}/{act=reopen}": "AS",
    "POST /incidents/{incident_id}/{act=release}": "AS",
    "POST /incidents/{incident_id}/evidence": "ASP",
    "GET /incidents/{incident_id}/evidence/{package_id}": "ASP",
    "POST /incidents/{incident_id}/evidence/{package_id}/links": "ASP",
    "POST /incidents/{incident_id}/evidence/links/{link_id}/withdraw": "ASP",
    "POST /incidents/{incident_id}/holds": "AS",
    "POST /incidents/{incident_id}/holds/{hold_id}/lift": "AS",
    "GET /events": "ASPR",
    "GET /events/{event_id}": "ASPR",
    "GET /events/{event_id}/{kind}": "ASPR",
    "POST /events/{event_id}/verdict": "AS",
    "GET /evidence/{token}": NO_LOG_IN,  # the token is the right; each look is logged
    "GET /evidence/{token}/download": NO_LOG_IN,
    "GET /watch": "ASPR",  # a partner's list is empty
    "GET /cameras": "ASPR",  # a partner's list is empty
}
# Only for whoever is in the middle of logging in: nobody else gets there (test_log_in.py).
LOG_IN_STEPS = {
    "GET /login/code",
    "POST /login/code",
    "GET /login/password",
    "POST /login/password",
}


def all_routes() -> set[str]:
    app = create_app(Settings(state_dir=Path("nowhere")), make_site())
    found: set[str] = set()
    for route in app.routes:
        contexts = getattr(route, "effective_route_contexts", None)  # of an included router
        one: Any
        for one in [route] if contexts is None else contexts():
            methods = set(getattr(one, "methods", None) or ()) - {"HEAD"}
            found |= {f"{method} {one.path}" for method in methods}
    return found


def test_every_route_stands_in_a_table() -> None:
    listed = set(API) | set(PAGES) | LOG_IN_STEPS
    # {act=close} is the route of {act}, tried with the act `close`.
    assert all_routes() == {re.sub(r"=\w+}", "}", line) for line in listed}


def test_the_letters_name_every_role() -> None:
    assert set(LETTERS.values()) == set(Role)
    assert {role for cells in PAGES.values() for role in roles(cells)} <= set(PEOPLE)


def roles(cells: str) -> set[Role]:
    return set() if cells == NO_LOG_IN else {LETTERS[letter] for letter in cells}


def _fill(part: str) -> str:
    name, _, value = part.strip("{}").partition("=")
    return value or {"kind": "snapshot", "handover_id": "9999"}.get(name) or str(uuid4())


def path_of(line: str) -> tuple[str, str]:
    """Fill a route in with things that do not exist: who may ask gets a 404, or a 422."""
    method, path = line.split()
    parts = [_fill(part) if part.startswith("{") else part for part in path.split("/")]
    return method, "/".join(parts)


@pytest.fixture(scope="module")
def park(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    site = make_site(
        make_receiver("meldkamer", NOWHERE),
        make_receiver("politie", NOWHERE, release=Release.ON_VERIFIED, role=ReceiverRole.POLICE),
    )
    with running_service(tmp_path_factory.mktemp("roles"), site) as service:
        yield service


def receiver_of(role: Role) -> str | None:
    return "politie" if role in BOUND_TO_RECEIVER else None


def key_of(service: Service, role: Role) -> str:
    return create_key(
        service.database,
        role.value,
        SCOPES_OF[role],
        at=datetime.now(UTC),
        receiver_id=receiver_of(role),
        role=role.value,
    )


def is_refused(answer: httpx.Response) -> bool:
    is_sent_away = answer.headers.get("location", "").startswith("/login?next=")
    return answer.status_code in {401, 403} or is_sent_away


def test_the_matrix_of_machines(park: Service) -> None:
    keys = {role: key_of(park, role) for role in Role}
    wrong = []
    with httpx.Client(base_url=park.url, trust_env=False, timeout=60) as client:
        for line, cells in API.items():
            method, path = path_of(line)
            nobody = client.request(method, path)
            assert (nobody.status_code == 401) is (cells != NO_LOG_IN), line
            for role, key in keys.items():
                headers = {"Authorization": f"Bearer {key}"}
                answer = client.request(method, path, headers=headers)
                expected = cells == NO_LOG_IN or role in roles(cells)
                if is_refused(answer) is expected or answer.status_code in {401, 500}:
                    wrong.append((line, role.value, answer.status_code))
    assert wrong == []


def test_the_matrix_of_people(park: Service) -> None:
    wrong = []
    for role in PEOPLE:
        with park.browser(role, receiver_id=receiver_of(role)) as client:
            for line, cells in PAGES.items():
                method, path = path_of(line)
                form = None if method == "GET" else {"csrf": newest_csrf(park)}
                answer = client.request(method, path, data=form)
                expected = cells == NO_LOG_IN or role in roles(cells)
                if is_refused(answer) is expected and line != "POST /login":
                    wrong.append((line, role.value, answer.status_code))
                if method == "POST" and cells != NO_LOG_IN:
                    # Whoever may: only with the token of the page.
                    assert client.request(method, path).status_code in {401, 403}, line
                if line == "POST /logout":
                    client.cookies.clear()
                    token = park.log_in(role, receiver_id=receiver_of(role))
                    client.cookies.set("parkwacht_session", token)
    assert wrong == []


def newest_csrf(service: Service) -> str:
    with service.database.reading() as session:
        row = session.query(WebSession).order_by(WebSession.created_at.desc()).first()
    assert row is not None
    return row.csrf


def test_nobody_sees_a_page(park: Service) -> None:
    with park.browser() as client:
        for line, cells in PAGES.items():
            if cells != NO_LOG_IN:
                method, path = path_of(line)
                answer = client.request(method, path)
                expected = 303 if method == "GET" else 401
                assert answer.status_code == expected, line
                assert is_refused(answer), line
        for line in LOG_IN_STEPS:
            assert is_refused(client.request(*path_of(line))), line
    with park.browser(Role.ADMINISTRATOR) as client:
        for line in LOG_IN_STEPS:
            assert is_refused(client.request(*path_of(line))), line


def test_a_key_of_a_machine_opens_no_page_and_a_session_no_api(park: Service) -> None:
    key = key_of(park, Role.ADMINISTRATOR)
    with park.browser() as client:
        client.headers["Authorization"] = f"Bearer {key}"
        assert client.get("/").status_code == 303
    with park.browser(Role.ADMINISTRATOR) as client:
        assert client.get("/api/v1/events").status_code == 401


def test_a_reader_sees_only_what_was_released_to_it(park: Service) -> None:
    verified, kept = park.stored(), park.stored()
    verdict = {
        "verdict": "verified",
        "person": "Desk",
        "reason": "seen",
        "avs_level": 2,
        "legal_basis": "own_initiative",
    }
    with park.client(park.operator_key) as client:
        answer = client.post(f"/events/{verified.id}/verdict", json=verdict)
        assert answer.status_code == 200, answer.text
    seen = {Role.SECURITY_OPERATOR: {verified.id, kept.id}, Role.POLICE_READER: {verified.id}}
    for role, expected in seen.items():
        with park.client(key_of(park, role)) as client:
            items = client.get("/events").json()["items"]
            assert {one["id"] for one in items} == {str(one) for one in expected}, role
            for event in (verified, kept):
                for path in (f"/events/{event.id}", f"/events/{event.id}/snapshot"):
                    status = client.get(path).status_code
                    assert status == (200 if event.id in expected else 404), (role, path)
            told = client.get("/deliveries").json()["items"]
            if role is Role.POLICE_READER:
                assert {one["receiver_id"] for one in told} == {"politie"}
        with park.browser(role, receiver_id=receiver_of(role)) as page:
            for event in (verified, kept):
                status = page.get(f"/events/{event.id}").status_code
                assert status == (200 if event.id in expected else 404), role


# What of a verdict and of a closed incident each sees, from forwarding.md (section 3): the number
# of a vordering is between the park and the police, and reasons are written for colleagues.
REASON_DISMISSED, REASON_VERIFIED = "Een kat van mevrouw X.", "Iemand klimt over het hek"
WHY_CLOSED, NUMBER = "Bewoner gebeld", "PL0600-2026"
ALL = {REASON_DISMISSED, REASON_VERIFIED, WHY_CLOSED, NUMBER, "vordering"}
POLICE = {REASON_VERIFIED, NUMBER, "vordering"}
SHOWN: dict[Role, tuple[str | None, set[str]]] = {
    Role.ADMINISTRATOR: (None, ALL),
    Role.SECURITY_OPERATOR: (None, ALL),
    Role.REVIEWER: (None, ALL),
    Role.POLICE_READER: ("politie", POLICE),
    Role.PARTNER: ("meldkamer", set()),
}


def test_each_sees_of_a_verdict_what_its_task_needs(tmp_path: Path) -> None:
    site = make_site(
        make_receiver("meldkamer", NOWHERE),
        make_receiver("politie", NOWHERE, release=Release.ON_VERIFIED, role=ReceiverRole.POLICE),
    )
    with running_service(tmp_path / "s", site) as service:
        event = service.stored()
        with service.client(service.operator_key) as client:
            incident = _judge_and_close(client, event.id)
        asked = [(role, *told) for role, told in SHOWN.items()]
        asked += [(Role.PARTNER, "politie", POLICE), (Role.POLICE_READER, "meldkamer", set())]
        for role, receiver_id, expected in asked:
            scopes, at = SCOPES_OF[role], datetime.now(UTC)
            key = create_key(service.database, "x", scopes, at=at, receiver_id=receiver_id)
            with service.client(key) as client:
                texts = [
                    client.get(path).text
                    for path in (f"/events/{event.id}", f"/incidents/{incident}", "/incidents")
                ]
            seen = {word for word in ALL if any(word in text for text in texts)}
            assert seen == expected, (role, receiver_id)
            assert '"avs_level":3' in texts[0]  # what it is, everybody who was told may know
            if role in PEOPLE:
                with service.browser(role, receiver_id=receiver_id) as page:
                    shown = page.get(f"/incidents/{incident}").text
                    assert "None" not in shown
                    assert (NUMBER in shown, REASON_DISMISSED in shown) == (
                        NUMBER in expected,
                        REASON_DISMISSED in expected,
                    ), role
        sent = {one["receiver_id"]: str(one) for one in _payloads(service)}
        assert (NUMBER in sent["politie"], NUMBER in sent["meldkamer"]) == (True, False)


def _judge_and_close(client: httpx.Client, event_id: object) -> str:
    """Dismiss, verify on a vordering, and close; return the incident's id."""
    path = f"/events/{event_id}/verdict"
    given = {"person": "Desk", "reason": REASON_DISMISSED, "verdict": "dismissed"}
    client.post(path, json={**given, "cause": "animal"})
    seen = {"If-Match": client.get(f"/events/{event_id}").headers["etag"]}
    given = {"person": "Desk", "reason": REASON_VERIFIED, "verdict": "verified"}
    basis = {"avs_level": 3, "legal_basis": "vordering", "legal_number": NUMBER}
    judged = client.post(path, json={**given, **basis}, headers=seen).json()
    incident = f"/incidents/{judged['incident_id']}"
    seen = {"If-Match": client.get(incident).headers["etag"]}
    why = {"person": "Desk", "reason": WHY_CLOSED}
    assert client.post(f"{incident}/close", json=why, headers=seen).status_code == 200
    return str(judged["incident_id"])


def _payloads(service: Service) -> list[dict[str, Any]]:
    with service.database.reading() as session:
        rows = session.query(Delivery).filter_by(kind="event.verified")
        return [{"receiver_id": row.receiver_id, **row.payload["data"]} for row in rows]


def test_the_working_group_has_no_way_to_an_image_or_an_event() -> None:
    assert SCOPES_OF[Role.WORKING_GROUP] == {Scope.STATISTICS}
    assert SCOPES_OF[Role.CAMERA_WORKER] == {Scope.INGEST}
