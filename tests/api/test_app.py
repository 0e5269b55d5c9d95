import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from api_harness import Service, make_flagged
from openapi_spec_validator import validate
from sqlalchemy import update

from parkwacht_api.migrations.upgrade import downgrade_database
from parkwacht_api.models import Delivery
from parkwacht_api.outbox import beat
from parkwacht_api.repository_outbox import partner_state

PROBLEM = "application/problem+json"


UNKNOWN = "00000000-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "kind"),
    [
        ("GET", "/events", {"headers": {"Authorization": ""}}, 401, "not-authenticated"),
        ("POST", "/watch-reports", {"json": {}}, 403, "not-allowed"),
        ("GET", f"/events/{UNKNOWN}", {}, 404, "not-found"),
        ("GET", "/nothing/here", {}, 404, "not-found"),
        ("DELETE", "/events", {}, 405, "method"),
        ("GET", "/events/no-uuid", {}, 422, "invalid"),
        ("GET", "/events?limit=0", {}, 422, "invalid"),
        ("GET", "/events?cursor=%C3%A9", {}, 422, "record-invalid"),
        ("POST", f"/events/{UNKNOWN}/verdict", {"content": b"{"}, 422, "invalid"),
        ("POST", f"/events/{UNKNOWN}/verdict", {"content": b"x" * 2_000_000}, 413, "too-large"),
    ],
)
def test_every_error_is_a_problem_document(
    service: Service, method: str, path: str, options: dict[str, Any], status: int, kind: str
) -> None:
    with service.client(service.operator_key) as client:
        answer = client.request(method, path, **options)
    problem = answer.json()
    assert answer.status_code == problem["status"] == status
    assert answer.headers["content-type"] == PROBLEM
    assert problem["type"] == f"urn:parkwacht:problem:{kind}"
    assert problem["title"]
    assert problem["detail"]
    assert problem["instance"].startswith("/api/v1/")
    assert bool(problem["errors"]) is (status == 422)


@pytest.mark.parametrize(
    ("accept", "title"),
    [
        ("", "Niet gevonden"),
        ("en", "Not found"),
        ("en-GB,en;q=0.9,nl;q=0.8", "Not found"),
        ("de, nl;q=0.5, en;q=0.4", "Niet gevonden"),
        ("fr", "Niet gevonden"),
        ("en;q=x, nl;q=0.1", "Niet gevonden"),
    ],
)
def test_problems_speak_the_readers_language(service: Service, accept: str, title: str) -> None:
    with service.client(service.operator_key, **{"Accept-Language": accept}) as client:
        assert client.get(f"/events/{UNKNOWN}").json()["title"] == title


def test_a_record_that_breaks_its_rules_names_the_field(service: Service) -> None:
    record = make_flagged().model_dump(mode="json") | {"confidence": 7, "extra": 1}
    parts = [
        ("event", (None, json.dumps(record).encode(), "application/json")),
        ("snapshot", ("snapshot.jpg", b"x", "image/jpeg")),
    ]
    with service.client(service.worker_key) as client:
        answer = client.post("/events", files=parts)
    fields = {one["field"] for one in answer.json()["errors"]}
    assert fields == {"body.event.confidence", "body.event.extra"}


def test_an_unforeseen_fault_is_a_problem_without_details(service: Service) -> None:
    downgrade_database(service.settings.sqlalchemy_url, "base")
    with service.client(service.operator_key) as client:
        answer = client.get("/events")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == PROBLEM
    assert "table" not in answer.text
    assert "Content-Security-Policy" in answer.headers


def test_the_description_is_valid_openapi_and_names_the_problems(service: Service) -> None:
    with service.client(None) as client:
        schema = client.get("/openapi.json").json()
    validate(schema)
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            if path.startswith("/api/"):
                assert PROBLEM in operation["responses"]["401"]["content"], path
                if "parameters" in operation or "requestBody" in operation:
                    assert PROBLEM in operation["responses"]["422"]["content"], path
    assert "HTTPValidationError" not in json.dumps(schema)


def test_no_page_loads_anything_from_elsewhere(service: Service) -> None:
    for path in ("/docs", "/redoc"):
        assert httpx.get(service.url + path, trust_env=False).status_code == 404


@pytest.mark.parametrize(
    "path", ["/health/live", "/login", "/api/v1/events", "/static/console.css", "/nothing"]
)
def test_every_answer_carries_the_security_headers(service: Service, path: str) -> None:
    answer = httpx.get(service.url + path, trust_env=False)
    policy = answer.headers["content-security-policy"]
    for part in ("default-src 'self'", "frame-ancestors 'none'", "object-src 'none'"):
        assert part in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "server" not in answer.headers


def set_delivery(service: Service, **values: Any) -> None:
    with service.database.writing() as session:
        session.execute(update(Delivery).values(**values))


def test_health(service: Service) -> None:
    def ready() -> httpx.Response:
        return httpx.get(service.url + "/health/ready", trust_env=False)

    assert httpx.get(service.url + "/health/live", trust_env=False).json()["status"] == "ok"
    assert ready().json()["status"] == "degraded"
    assert ready().json()["checks"]["outbox"] == "never seen"
    beat(service.database, datetime.now(UTC))
    assert ready().json()["status"] == "ok"
    beat(service.database, datetime.now(UTC) - timedelta(minutes=5))
    assert ready().json()["checks"]["outbox"].startswith("silent for")
    beat(service.database, datetime.now(UTC))
    service.stored()
    assert ready().json()["checks"]["deliveries"] == "ok"
    set_delivery(service, due_at=datetime.now(UTC) - timedelta(seconds=90))
    assert ready().json()["checks"]["deliveries"].startswith("waiting for")
    set_delivery(service, state="dead")
    assert ready().json()["checks"]["deliveries"] == "1 given up"
    assert (ready().status_code, ready().json()["status"]) == (200, "degraded")
    set_delivery(service, state="delivered")
    with service.database.writing() as session:
        partner_state(session, ("meldkamer", "webhook"), datetime.now(UTC)).state = "down"
    assert ready().json()["checks"]["ways"] == "1 of 1 down"
    shutil.rmtree(service.settings.media_dir)
    assert (ready().status_code, ready().json()["checks"]["media"]) == (503, "not writable")
    service.settings.media_dir.mkdir()
    downgrade_database(service.settings.sqlalchemy_url, "base")
    assert (ready().status_code, ready().json()["checks"]["migration"]) == (503, "not current")


def test_the_service_starts_without_the_detectors_weight() -> None:
    code = (
        "import sys, parkwacht_api.app, parkwacht_api.shipper, parkwacht_api.partner\n"
        "heavy = {'torch', 'cv2', 'ultralytics'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
