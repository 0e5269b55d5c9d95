"""
A service with a clock of ours and somebody who logs in, for the tests of accounts.

Expected codes of the second factor come from `totp`, written from RFC 6238; `test_log_in.py`
checks it against the RFC's own table. The service uses another implementation.
"""

import base64
import hmac
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from api_harness import Service, make_site, running_service
from console_pages import csrf_of

from parkwacht_api.accounts import NewAccount, add_account
from parkwacht_api.audit import Somebody
from parkwacht_api.lockout import Attempt, begin_attempt
from parkwacht_api.models_access import Account, AuditEntry
from parkwacht_api.repository_access import account_by_name
from parkwacht_api.roles import Role
from parkwacht_config.clock import FakeClock

NOW = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)
PASSWORD = "vier schapen op de dijk"
TESTER = Somebody("test")


def totp(secret_base32: str, at: datetime, n_digits: int = 6) -> str:
    """RFC 6238 with SHA-1 and 30 s, by its own words (section 4) and those of RFC 4226, 5.3."""
    key = base64.b32decode(secret_base32)
    digest = hmac.digest(key, struct.pack(">Q", int(at.timestamp()) // 30), "sha1")
    offset = digest[-1] & 0x0F
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return str(number % 10**n_digits).zfill(n_digits)


@dataclass
class Desk:
    """A service with a clock of ours, and an account on it."""

    service: Service
    clock: FakeClock
    one_time: str

    @contextmanager
    def browser(self, **headers: str) -> Iterator[httpx.Client]:
        with self.service.browser() as client:
            client.headers.update(headers)
            yield client

    def account(self) -> Account:
        with self.service.database.reading() as session:
            found = account_by_name(session, "anna")
        assert found is not None
        return found

    def told(self) -> list[tuple[str, str, dict[str, Any]]]:
        with self.service.database.reading() as session:
            rows = session.query(AuditEntry).order_by(AuditEntry.id).all()
        return [(row.what, row.who, row.details) for row in rows if row.via == "console"]


def log_in(client: httpx.Client, password: str, name: str = "anna", **more: str) -> httpx.Response:
    return client.post("/login", data={"name": name, "password": password, **more})


def post_form(client: httpx.Client, path: str, **data: str) -> httpx.Response:
    """Fill in the form of a page, with its own token."""
    return client.post(path, data={"csrf": csrf_of(client.get(path).text), **data})


def count_wrong(service: Service, n: int, *, at: datetime) -> None:
    """Let wrong log-ins be counted as the login page does, without hashing each."""
    with service.database.writing() as session:
        for _ in range(n):
            begin_attempt(session, Attempt("anna", "198.51.100.7"), at=at)


@contextmanager
def open_desk(
    state_dir: Path,
    clock: FakeClock | None = None,
    database_url: str | None = None,
    **site: Any,
) -> Iterator[Desk]:
    """Run a service with an account on it; `site` are changes to the park."""
    clock, park = clock or FakeClock(NOW), replace(make_site(), **site)
    with running_service(state_dir, park, database_url=database_url, clock=clock) as service:
        with service.database.writing() as session:
            new = NewAccount("anna", "Anna de Vries", Role.SECURITY_OPERATOR)
            _, one_time = add_account(session, new, by=TESTER, at=NOW)
        yield Desk(service, clock, one_time)


def choose_password(desk: Desk, client: httpx.Client) -> None:
    assert log_in(client, desk.one_time).headers["location"] == "/login/password"
    answer = post_form(client, "/login/password", password=PASSWORD, again=PASSWORD)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def enrol(desk: Desk, client: httpx.Client) -> tuple[str, list[str]]:
    """Set up the second factor on the page; return its secret and the recovery codes."""
    client.post("/account/factor/begin", data={"csrf": csrf_of(client.get("/account").text)})
    page = client.get("/account").text
    (secret,) = re.findall(r"<code>([A-Z2-7]{32})</code>", page)
    csrf = csrf_of(page)
    wrong = client.post("/account/factor/confirm", data={"csrf": csrf, "code": "000000"})
    assert wrong.status_code == 422
    code = totp(secret, desk.clock.now())
    done = client.post("/account/factor/confirm", data={"csrf": csrf, "code": code})
    codes = re.findall(r"<code>([0-9a-f]{5}(?:-[0-9a-f]{5}){3})</code>", done.text)
    assert len(codes) == 10
    assert client.get("/account").text.count("<code>") == 0  # shown this once
    return secret, codes
