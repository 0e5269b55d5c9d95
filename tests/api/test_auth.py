from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest
from api_harness import Service, event_parts, make_flagged, make_report, make_trouble

from parkwacht_api.keys import Scope, create_key, hash_secret, list_keys, revoke_key, split_key
from parkwacht_api.models import ApiKey
from parkwacht_config.errors import ConfigError

NOW = datetime(2026, 11, 24, tzinfo=UTC)
VERDICT = {"verdict": "dismissed", "person": "Desk", "reason": "a cat"}


def routes(service: Service) -> Iterator[tuple[str, Scope, httpx.Request]]:
    event = service.stored()
    delivery = service.deliveries(event.id)[0]["id"]
    build = httpx.Client(base_url=service.url + "/api/v1").build_request
    one = f"/events/{event.id}"
    report = make_report().model_dump(mode="json")
    yield "ingest", Scope.INGEST, build("POST", "/events", files=event_parts(make_flagged()))
    yield "report", Scope.INGEST, build("POST", "/watch-reports", json=report)
    trouble = make_trouble().model_dump(mode="json")
    yield "trouble", Scope.INGEST, build("POST", "/camera-troubles", json=trouble)
    yield "troubles", Scope.READ, build("GET", "/camera-troubles")
    yield "cameras", Scope.READ, build("GET", "/cameras")
    yield "list", Scope.READ, build("GET", "/events")
    yield "event", Scope.READ, build("GET", one)
    yield "snapshot", Scope.IMAGES, build("GET", f"{one}/snapshot")
    yield "verdict", Scope.VERIFY, build("POST", f"{one}/verdict", json=VERDICT)
    yield "deliveries", Scope.DELIVERIES, build("GET", "/deliveries")
    path = f"/deliveries/{delivery}/acknowledge"
    yield "acknowledge", Scope.ACKNOWLEDGE, build("POST", path, json={"by": "Desk"})


def test_each_route_asks_for_its_own_scope(service: Service) -> None:
    at = datetime.now(UTC)
    keys = {scope: create_key(service.database, scope.value, {scope}, at=at) for scope in Scope}
    with httpx.Client(trust_env=False) as client:
        for name, needed, request in routes(service):
            for scope, key in sorted(keys.items(), key=lambda pair: pair[0] is needed):
                request.headers["Authorization"] = f"Bearer {key}"
                status = client.send(request).status_code
                assert (status < 300) is (scope is needed), (name, scope, status)
                assert status in {200, 201, 403}, (name, scope, status)
            del request.headers["Authorization"]
            answer = client.send(request)
            assert answer.status_code == 401, name
            assert answer.headers["www-authenticate"].startswith("Bearer"), name


@pytest.mark.parametrize(
    "key", ["x", "pw_", "pw__", "pw_0123456789ab_", "pw_0123456789ab_x", "other", "pw_\u00e9_x"]
)
def test_a_key_that_is_none(service: Service, key: str) -> None:
    with httpx.Client(trust_env=False) as client:
        headers = {b"Authorization": f"Bearer {key}".encode()}
        assert client.get(f"{service.url}/api/v1/events", headers=headers).status_code == 401


def test_a_secret_is_kept_as_a_hash_and_a_wrong_one_is_refused(service: Service) -> None:
    parts = split_key(service.operator_key)
    assert parts is not None
    with service.database.reading() as session:
        row = session.get(ApiKey, parts[0])
        assert row is not None
        assert row.secret_sha256 == hash_secret(parts[1])
        assert parts[1] not in str(vars(row))
    with service.client(f"pw_{parts[0]}_{parts[1][:-1]}") as client:
        assert client.get("/events").status_code == 401


def test_a_revoked_key_is_worthless(service: Service) -> None:
    key = create_key(service.database, "leaver", {Scope.READ}, at=NOW)
    key_id = key.split("_")[1]
    with service.client(key) as client:
        assert client.get("/events").status_code == 200
        revoke_key(service.database, key_id, at=NOW)
        revoke_key(service.database, key_id, at=NOW + timedelta(days=1))
        assert client.get("/events").status_code == 401
    known = {one.id: one for one in list_keys(service.database)}
    assert known[key_id].revoked_at == NOW
    assert known[key_id].scopes == {Scope.READ}
    with pytest.raises(ConfigError):
        revoke_key(service.database, str(uuid4()), at=NOW)
