"""
What a log-in service, its people and other pages may not bring about: lock-outs, borrowed factors.

Each was seen to happen before it was mended. Which headers a browser sends is in the W3C's Fetch
Metadata Request Headers.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from login_desk import choose_password, enrol
from oidc_park import ANNA, Park, add_another_administrator, is_in, open_park


@pytest.fixture
def park(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Park]:
    with open_park(tmp_path / "s", monkeypatch) as opened:
        yield opened


def test_the_last_administrator_stays_one(park: Park) -> None:
    park.stub.user["groups"] = ["bazen"]
    with park.desk.browser() as client:
        assert park.come_back(client).status_code == 200
    park.stub.user["groups"] = ["beveiliging"]
    with park.desk.browser() as client:
        page = park.come_back(client)
        assert (page.status_code, "laatste beheerder" in page.text) == (403, True)
        assert park.desk.account().role == "administrator"
        assert park.failures()[-1] == "last administrator"
        add_another_administrator(park)
        assert park.come_back(client).status_code == 200
    assert park.desk.account().role == "security_operator"


def test_a_service_that_is_down_is_not_asked_by_everybody(park: Park) -> None:
    park.stub.document = {"issuer": "http://127.0.0.1:9"}
    with park.desk.browser() as client:
        for path in ("/login/oidc", "/login/oidc/out", "/login/oidc"):
            assert client.get(path).status_code == 503
        assert len(park.stub.asked) == 1
        park.stub.document = {"jwks_uri": f"{park.stub.issuer}/nowhere"}  # no keys, but JSON
        park.desk.clock.advance(timedelta(seconds=10))
        for _ in range(2):
            assert park.come_back(client).status_code == 503
        assert park.stub.asked.count("/nowhere") == 1
        park.desk.clock.advance(timedelta(seconds=10))
        assert park.come_back(client).status_code == 503
        assert park.stub.asked.count("/nowhere") == 2
        park.stub.document = {}
        park.desk.clock.advance(timedelta(hours=1))
        assert park.come_back(client).status_code == 200


def test_a_picture_on_another_page_locks_nobody_out(park: Park) -> None:
    with park.desk.browser(**{"sec-fetch-dest": "image"}) as client:
        for path in ("/login/oidc", "/login/oidc/callback?state=x&code=y"):
            assert [client.get(path).status_code for _ in range(31)] == [403] * 31
    with park.desk.browser(**{"sec-fetch-dest": "document"}) as client:
        assert park.come_back(client).status_code == 200


def test_userinfo_does_not_vouch_for_a_second_factor(park: Park) -> None:
    with park.desk.browser() as client:
        choose_password(park.desk, client)
        enrol(park.desk, client)
    park.desk.clock.advance(timedelta(hours=1))
    for name in ("groups", "amr"):
        del park.stub.user[name]
    park.stub.info = {"sub": ANNA["sub"], "groups": ["beveiliging"], "amr": ["mfa"]}
    with park.desk.browser() as client:
        assert "url=/login/code" in park.come_back(client).text
        assert not is_in(client)
