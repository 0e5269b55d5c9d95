"""A park at which a log-in service vouches for somebody, for the tests of OpenID Connect."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_harness import make_receiver
from login_desk import NOW, TESTER, Desk, open_desk
from oidc_provider import CLIENT_SECRET, ProviderStub, running_provider, told

from parkwacht_api.accounts import NewAccount, add_account
from parkwacht_api.models_access import AuditEntry
from parkwacht_api.repository_access import account_by_name
from parkwacht_api.roles import Role
from parkwacht_api.sign_in import link_account
from parkwacht_config.clock import FakeClock

ANNA = {"sub": "248289761001", "groups": ["beveiliging"], "name": "Anna", "amr": ["pwd"]}


@dataclass
class Park:
    """A desk at which the log-in service vouches for anna."""

    desk: Desk
    stub: ProviderStub

    def begin(self, client: httpx.Client, next_path: str = "") -> str:
        path = f"/login/oidc?next={next_path}" if next_path else "/login/oidc"
        answer = client.get(path)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def come_back(self, client: httpx.Client, **changes: str) -> httpx.Response:
        """Go to the service and back, with other words in the address where given."""
        back = self.stub.log_in(self.begin(client)) | changes
        return client.get("/login/oidc/callback", params=back)

    def failures(self) -> list[str]:
        with self.desk.service.database.reading() as session:
            rows = session.query(AuditEntry).filter_by(what="login.failed")
            return [row.details["reason"] for row in rows.order_by(AuditEntry.id)]


def is_in(client: httpx.Client) -> bool:
    return client.get("/account").status_code == 200


@contextmanager
def open_park(
    state_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    database_url: str | None = None,
    **oidc: Any,
) -> Iterator[Park]:
    monkeypatch.setenv("PARKWACHT_OIDC_SECRET", CLIENT_SECRET)
    clock = FakeClock(NOW)
    with running_provider(clock.now) as stub:
        site = {
            "oidc": told(stub.issuer, **oidc),
            "receivers": (make_receiver("politie", "http://127.0.0.1:9/x"),),
        }
        with open_desk(state_dir, clock, database_url, **site) as desk:
            stub.user = dict(ANNA)
            with desk.service.database.writing() as session:
                anna = account_by_name(session, "anna", lock=True)
                assert anna is not None
                link_account(session, anna, stub.issuer, ANNA["sub"], by=TESTER, at=NOW)  # type: ignore[arg-type]
            yield Park(desk, stub)


def add_another_administrator(park: Park) -> None:
    with park.desk.service.database.writing() as session:
        other = NewAccount("bas", "Bas", Role.ADMINISTRATOR)
        add_account(session, other, by=TESTER, at=park.desk.clock.now())
