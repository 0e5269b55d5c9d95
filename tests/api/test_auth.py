import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest
from api_harness import (
    Service,
    event_parts,
    make_flagged,
    make_report,
    make_site,
    make_trouble,
    running_service,
)
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from fastapi import Request
from sqlalchemy import select

from parkwacht_api.keys import (
    Scope,
    bind_certificate,
    create_key,
    hash_secret,
    list_keys,
    revoke_key,
    split_key,
)
from parkwacht_api.models import ApiKey
from parkwacht_api.models_access import AuditEntry
from parkwacht_api.proxies import client_address
from parkwacht_api.roles import SCOPES_OF, Role
from parkwacht_api.settings_audit import audit_settings
from parkwacht_config.errors import ConfigError
from parkwacht_config.settings import Settings
from parkwacht_config.site import Release

NOW = datetime(2026, 11, 24, tzinfo=UTC)
VERDICT = {"verdict": "dismissed", "cause": "animal", "person": "Desk", "reason": "a cat"}


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


@pytest.mark.parametrize("zero", ["%00", "a%00b"])
def test_what_no_database_takes_is_the_askers_fault(any_service: Service, zero: str) -> None:
    with any_service.client(any_service.operator_key) as client:
        statuses = {client.get(f"/events?camera={zero}").status_code}
    admin = create_key(any_service.database, "a", SCOPES_OF[Role.ADMINISTRATOR], at=NOW)
    with any_service.client(admin) as client:
        statuses.add(client.get(f"/audit?who={zero}").status_code)
        given = {"name": "\0", "person": "\0", "role": "reviewer"}
        statuses.add(client.post("/accounts", json=given).status_code)
    with any_service.browser() as page:
        form = {"name": "\0x", "password": "\0"}
        headers = {"User-Agent": "x", "Sec-Fetch-Site": "same-origin"}
        assert page.post("/login", data=form, headers=headers).status_code == 401
    assert statuses <= {200, 422}  # SQLite takes it, and finds nothing


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


HEADER = "X-Client-Cert"
OURS, STRANGE = ["127.0.0.0/8", "192.0.2.0/24"], ["192.0.2.0/24"]


def make_certificate() -> tuple[str, str]:
    """Return a self-signed certificate as PEM, and its fingerprint computed from its bytes."""
    key = Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "camera worker")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW.replace(year=2036))
    made = builder.sign(key, None)
    sha256 = hashlib.sha256(made.public_bytes(Encoding.DER)).hexdigest()
    return made.public_bytes(Encoding.PEM).decode(), sha256


@pytest.mark.parametrize(
    ("proxies", "header", "is_taken"),
    [
        pytest.param(OURS, HEADER, True, id="our proxy"),
        pytest.param(STRANGE, HEADER, False, id="somebody else"),
        pytest.param(OURS, None, False, id="no header agreed"),
    ],
)
def test_a_certificate_counts_only_from_a_proxy_of_ours(
    tmp_path: Path, proxies: list[str], header: str | None, is_taken: bool
) -> None:
    told = {"trusted_proxies": proxies, "client_certificate_header": header}
    pem, sha256 = make_certificate()
    with running_service(tmp_path / "s", make_site(), **told) as service:  # type: ignore[arg-type]
        scopes = SCOPES_OF[Role.CAMERA_WORKER]
        key = create_key(service.database, "worker", scopes, at=NOW)
        bind_certificate(service.database, key, sha256, at=NOW)
        with pytest.raises(ConfigError):  # it stands for one key only
            bind_certificate(service.database, service.worker_key, sha256, at=NOW)
        colons = ":".join(sha256[n : n + 2].upper() for n in range(0, 64, 2))
        right = [sha256, colons, f"sha256:{sha256}", quote(pem)]
        wrong = ["", "0" * 64, sha256[:-1], quote(pem)[:-40], make_certificate()[1]]
        with service.client(None) as client:

            def post(*values: str) -> int:
                headers = [(HEADER, value) for value in values]
                parts = event_parts(make_flagged())
                return client.post("/events", files=parts, headers=headers).status_code

            for one in right:
                assert (post(one) == 201) is is_taken, one
            for one in wrong:
                assert post(one) == 401, one
            assert post(sha256, sha256) == 401  # one of them is a stranger's own
            revoke_key(service.database, key.split("_")[1], at=NOW)
            assert post(sha256) == 401


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (OURS, ["198.51.100.7"], "198.51.100.7"),
        (OURS, ["203.0.113.9, 198.51.100.7"], "198.51.100.7"),  # the first is only a claim
        (OURS, ["198.51.100.7, 192.0.2.3"], "198.51.100.7"),  # two proxies of ours in a row
        (OURS, ["203.0.113.9", "198.51.100.7"], "198.51.100.7"),
        (OURS, [], "127.0.0.1"),
        (OURS, [""], "127.0.0.1"),
        ([], ["198.51.100.7"], "127.0.0.1"),
        (STRANGE, ["198.51.100.7"], "127.0.0.1"),
    ],
)
def test_an_address_is_the_last_that_no_proxy_of_ours_has(
    proxies: list[str], forwarded: list[str], address: str
) -> None:
    headers = [(b"x-forwarded-for", one.encode()) for one in forwarded]
    request = Request({"type": "http", "headers": headers, "client": ("127.0.0.1", 4711)})
    told = Settings(state_dir=Path("nowhere"), trusted_proxies=proxies)  # type: ignore[arg-type]
    assert client_address(request, told) == address


def test_what_the_service_is_told_is_logged_when_it_changes(service: Service) -> None:
    police, told = service.site.receivers[1], service.settings
    covenant = make_site(police.model_copy(update={"release": Release.ON_FLAG}))
    for site in (service.site, service.site, covenant, service.site):
        audit_settings(service.database, site, told, at=NOW)
    with service.database.reading() as session:
        rows = session.scalars(select(AuditEntry).where(AuditEntry.what == "settings.change"))
        releases = [row.details["release"].get("politie") for row in rows]
    assert releases == ["on_verified", "on_flag", "on_verified"]
