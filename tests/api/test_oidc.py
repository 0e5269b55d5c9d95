"""
Logging in by another service: what is believed of it, what is not, and who gets which account.

What must be refused is listed in OpenID Connect Core 1.0, section 3.1.3.7, and in RFC 9700
(OAuth 2.0 security best current practice).
"""

import base64
import hmac
import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from console_pages import check, csrf_of
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from login_desk import (
    NOW,
    TESTER,
    choose_password,
    count_wrong,
    enrol,
    log_in,
    open_desk,
    post_form,
    totp,
)
from oidc_park import ANNA, Park, add_another_administrator, is_in, open_park
from oidc_provider import (
    CLIENT,
    CLIENT_SECRET,
    ProviderStub,
    SigningKey,
    b64,
    told,
)

from parkwacht_api.accounts import disable_account
from parkwacht_api.errors import RecordInvalid
from parkwacht_api.lockout import ACCOUNT_LIMIT
from parkwacht_api.models_access import Account, AuditEntry, LoginFailure, SignIn, WebSession
from parkwacht_api.repository_access import account_by_name
from parkwacht_api.sign_in import link_account


@pytest.fixture
def park(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Park]:
    with open_park(tmp_path / "s", monkeypatch, makes_accounts=["security_operator"]) as opened:
        yield opened


@pytest.fixture
def any_park(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str) -> Iterator[Park]:
    """The same park, on each of the two engines."""
    makes = ["security_operator"]
    with open_park(tmp_path / "s", monkeypatch, database_url, makes_accounts=makes) as opened:
        yield opened


def test_who_is_vouched_for_gets_in_and_out(park: Park) -> None:
    with park.desk.browser() as client:
        page = check(client.get("/login?next=/watch"))
        assert 'href="/login/oidc?next=%2Fwatch"' in page
        assert "Aanmelden met Parkpas" in page
        asked = parse_qs(urlsplit(park.begin(client, "/watch")).query)
        assert asked["code_challenge_method"] == ["S256"]
        assert asked["realm"] == ["park"]  # what the address had already stays
        cookie = next(one for one in client.cookies.jar if one.name == "parkwacht_sign_in")
        assert cookie.get_nonstandard_attr("SameSite", "").lower() == "lax"
        assert (cookie.has_nonstandard_attr("HttpOnly"), cookie.path) == (True, "/login/oidc")
        back = park.stub.log_in(park.begin(client, "/watch"))
        done = client.get("/login/oidc/callback", params=back)
        assert 'content="0; url=/watch"' in check(done)
        assert "samesite=strict" in done.headers["set-cookie"].lower()
        assert "Anna de Vries" in client.get("/account").text
        # Once: neither the address nor the code is good again.
        client.cookies.delete("parkwacht_session")
        assert client.get("/login/oidc/callback", params=back).status_code == 401
        park.come_back(client)
        out = client.post("/logout", data={"csrf": csrf_of(client.get("/account").text)})
        assert out.headers["location"] == "/login?out=1"
        assert "Ook afmelden bij Parkpas" in check(client.get("/login?out=1"))
        away = client.get("/login/oidc/out").headers["location"]
        assert away.startswith(f"{park.stub.issuer}/out?client_id=parkwacht&post_logout")
        assert not is_in(client)
    with park.desk.service.database.reading() as session:
        assert session.query(SignIn).count() == 1  # the one that was begun and left
        entry = session.query(AuditEntry).filter_by(what="login").first()
    assert entry is not None
    assert (entry.who_id, entry.details) == ("account:anna", {"issuer": park.stub.issuer})


def _none(claims: dict[str, Any]) -> str:
    return f"{b64(json.dumps({'alg': 'none'}).encode())}.{b64(json.dumps(claims).encode())}."


def _hs256(stub: ProviderStub) -> Callable[[dict[str, Any]], str]:
    """Sign with the public key as if it were a shared secret (RFC 8725, section 2.1)."""
    public = stub.key.private.public_key().public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    )

    def sign(claims: dict[str, Any]) -> str:
        head = b64(json.dumps({"alg": "HS256", "kid": stub.key.kid}).encode())
        signed = f"{head}.{b64(json.dumps(claims).encode())}"
        return f"{signed}.{b64(hmac.digest(public, signed.encode(), 'sha256'))}"

    return sign


NOW_S = int(NOW.timestamp())
LIES: dict[str, dict[str, Any]] = {
    "iss": {"iss": "https://evil.example"},
    "aud": {"aud": "another"},
    "aud of many": {"aud": ["another"]},
    "no azp": {"aud": [CLIENT, "another"]},
    "azp": {"azp": "another"},
    "exp": {"exp": NOW_S - 61},
    "no exp": {"exp": None},
    "exp that never comes": {"exp": float("nan")},  # no JSON, but Python reads it
    "nbf": {"nbf": NOW_S + 61},
    "iat": {"iat": NOW_S - 601},
    "iat ahead": {"iat": NOW_S + 61},
    "nonce": {"nonce": "x"},
    "no nonce": {"nonce": None},
    "sub": {"sub": ""},
    "sub as a number": {"sub": 5},
}


def test_no_lie_gets_anybody_in(park: Park) -> None:
    stub = park.stub
    # another key under the name of the right one
    evil = SigningKey("k1", SigningKey.make("k8").private)
    signed: dict[str, Callable[[dict[str, Any]], str]] = {
        "alg none": _none,
        "HS256 with the public key": _hs256(stub),
        "another key": evil.sign,
        "an unknown key": SigningKey.make("k9").sign,
        "a changed claim": lambda claims: _tampered(stub.key.sign(claims)),
        "no token": lambda _claims: "x",
    }
    cases = [(name, lie, None) for name, lie in LIES.items()]
    cases += [(name, {}, sign) for name, sign in signed.items()]  # type: ignore[misc]
    for name, lie, sign in cases:
        stub.claims, stub.token = lie, sign
        with park.desk.browser() as client:
            answer = park.come_back(client)
            assert (answer.status_code, is_in(client)) == (401, False), name
            assert "evil" not in answer.text
        _forget_attempts(park)
    reasons = [re.search(r"you \((\w+)", one) for one in park.failures()]
    words = [found[1] for found in reasons if found]
    assert words[: len(LIES)] == [
        *("iss", "aud", "aud", "azp", "azp", "exp", "exp", "exp", "nbf", "iat", "iat"),
        *("nonce", "nonce", "sub", "sub"),
    ]
    assert words[len(LIES) :] == ["id_token"] * len(signed)
    stub.claims, stub.token = {"aud": [CLIENT, "another"], "azp": CLIENT, "exp": NOW_S - 59}, None
    with park.desk.browser() as client:
        assert park.come_back(client).status_code == 200  # a minute of skew, and its own azp
        assert is_in(client)


def _tampered(token: str) -> str:
    head, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return f"{head}.{b64(json.dumps(claims | {'groups': ['bazen']}).encode())}.{signature}"


def _forget_attempts(park: Park) -> None:
    with park.desk.service.database.writing() as session:
        session.query(LoginFailure).delete()


def test_only_the_browser_that_began_comes_back(park: Park) -> None:
    stub = park.stub
    with park.desk.browser() as client, park.desk.browser() as victim:
        back = stub.log_in(park.begin(client))
        # Somebody else's address in another browser: logs nobody in as the other.
        assert victim.get("/login/oidc/callback", params=back).status_code == 401
        park.begin(victim)
        assert victim.get("/login/oidc/callback", params=back).status_code == 401
        assert park.come_back(client, state="x").status_code == 401
        assert park.come_back(client, iss="https://evil.example").status_code == 401
        assert park.come_back(client, code="").status_code == 401
        denied = park.come_back(client, code="", error="access_denied")
        assert (denied.status_code, "access_denied" in denied.text) == (401, True)
        back = stub.log_in(park.begin(client))
        park.desk.clock.advance(timedelta(minutes=10))
        assert client.get("/login/oidc/callback", params=back).status_code == 401  # too late
        first = stub.log_in(park.begin(client))
        assert client.get("/login/oidc/callback", params=first).status_code == 200
        # A code that was used before, brought back with a fresh state.
        again = stub.log_in(park.begin(victim)) | {"code": first["code"]}
        assert victim.get("/login/oidc/callback", params=again).status_code == 401
        assert "invalid_grant" in park.failures()[-1]
        assert not is_in(victim)


def test_ten_failed_returns_lock_the_address(park: Park) -> None:
    with park.desk.browser() as client:
        for _ in range(ACCOUNT_LIMIT):
            assert client.get("/login/oidc/callback?code=x&state=y").status_code == 401
        assert park.come_back(client).status_code == 429
        assert log_in(client, park.desk.one_time).status_code == 303  # by password still


def test_the_way_back_leads_only_inside(park: Park) -> None:
    for where in (
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
    ):
        with park.desk.browser() as client:
            back = park.stub.log_in(park.begin(client, where))
            page = client.get("/login/oidc/callback", params=back).text
        assert re.findall(r'url=([^"]*)"', page) == ["/"], where


def test_the_service_may_change_its_keys(park: Park) -> None:
    stub = park.stub
    for kid in ("k1", "k2"):
        stub.key = SigningKey.make(kid) if kid != "k1" else stub.key
        park.desk.clock.advance(timedelta(seconds=11))
        with park.desk.browser() as client:
            assert park.come_back(client).status_code == 200, kid
    assert stub.asked.count("/keys") == 2
    assert stub.asked.count("/.well-known/openid-configuration") == 1
    park.desk.clock.advance(timedelta(hours=1))  # then it is all asked for anew
    with park.desk.browser() as client:
        assert park.come_back(client).status_code == 200
    assert stub.asked.count("/.well-known/openid-configuration") == 2


def test_a_description_that_is_not_right_leads_nowhere(park: Park) -> None:
    for document in (
        {"issuer": "https://evil.example"},
        {"authorization_endpoint": "http://evil.example/authorize"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": None},
        {"description": "x" * (1 << 20)},  # more than is read
    ):
        park.stub.document = document
        park.desk.clock.advance(timedelta(hours=1))
        with park.desk.browser() as client:
            answer = client.get("/login/oidc")
            assert (answer.status_code, "location" in answer.headers) == (503, False), document
            assert 'name="password"' in answer.text


def test_a_secret_never_goes_to_an_address_without_tls(park: Park) -> None:
    park.stub.document = {"token_endpoint": "http://192.0.2.1/token"}
    with park.desk.browser() as client:
        assert park.come_back(client).status_code == 503
    assert "(token_endpoint)" in park.failures()[-1]  # refused, not tried in vain


def test_passwords_still_do_when_the_service_is_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARKWACHT_OIDC_SECRET", CLIENT_SECRET)
    park = open_desk(tmp_path / "s", oidc=told("http://127.0.0.1:9"))
    with park as desk, desk.browser() as client:
        down = client.get("/login/oidc")
        assert (down.status_code, "wachtwoord" in down.text) == (503, True)
        choose_password(desk, client)
        assert is_in(client)


def test_a_code_is_asked_for_unless_the_service_did(park: Park) -> None:
    with park.desk.browser() as client:
        choose_password(park.desk, client)
        secret, _ = enrol(park.desk, client)
    park.desk.clock.advance(timedelta(minutes=1))
    with park.desk.browser() as client:
        page = park.come_back(client).text
        assert "url=/login/code" in page
        assert not is_in(client)
        code = totp(secret, park.desk.clock.now())
        assert post_form(client, "/login/code", code=code).status_code == 303
        assert is_in(client)
    park.stub.user["amr"] = ["pwd", "mfa"]
    with park.desk.browser() as client:
        assert "url=/login/code" not in park.come_back(client).text
        assert is_in(client)


def test_being_vouched_for_forgives_guesses_unless_a_code_is_due(park: Park) -> None:
    def n_guesses_left() -> int:
        count_wrong(park.desk.service, ACCOUNT_LIMIT - 1, at=park.desk.clock.now())
        with park.desk.browser() as client:
            assert park.come_back(client).status_code == 200
        with park.desk.service.database.reading() as session:
            return session.query(LoginFailure).filter_by(subject="account:anna").count()

    assert n_guesses_left() == 0
    with park.desk.browser() as client:
        choose_password(park.desk, client)
        enrol(park.desk, client)
    assert n_guesses_left() == ACCOUNT_LIMIT - 1


def test_locks_and_shut_accounts_count_for_this_way_too(park: Park) -> None:
    at, database = park.desk.clock.now(), park.desk.service.database
    count_wrong(park.desk.service, ACCOUNT_LIMIT, at=at)
    with park.desk.browser() as client:
        assert park.come_back(client).status_code == 429
        assert not is_in(client)
        park.desk.clock.advance(timedelta(minutes=15))
        assert park.come_back(client).status_code == 200
        with database.writing() as session:
            anna = account_by_name(session, "anna", lock=True)
            assert anna is not None
            disable_account(session, anna, by=TESTER, at=at)
        assert not is_in(client)
        assert park.come_back(client).status_code == 403
    assert park.failures()[-1] == "disabled"


def test_the_role_follows_the_groups_at_every_log_in(any_park: Park) -> None:
    park = any_park

    def role_after(groups: list[str] | str) -> tuple[int, str, str | None]:
        park.stub.user["groups"] = groups
        with park.desk.browser() as client:
            status = park.come_back(client).status_code
        return status, park.desk.account().role, park.desk.account().receiver_id

    add_another_administrator(park)
    assert role_after(["x", "beveiliging"]) == (200, "security_operator", None)
    with park.desk.browser() as client:
        park.come_back(client)
        assert client.get("/accounts").status_code == 403
        assert role_after(["beveiliging", "bazen"]) == (200, "administrator", None)
        assert client.get("/accounts").status_code == 200  # at once, also where one was logged in
        assert role_after("politie") == (200, "police_reader", "politie")
        assert role_after([])[0] == 403
        assert not is_in(client)  # whoever is in no group any more is out everywhere
    with park.desk.service.database.reading() as session:
        rows = session.query(AuditEntry).filter_by(what="account.role").order_by(AuditEntry.id)
        changes = [(row.details["was"], row.details["role"]) for row in rows]
    assert changes == [("security_operator", "administrator"), ("administrator", "police_reader")]


def test_an_account_is_made_only_for_the_roles_that_the_park_named(any_park: Park) -> None:
    park = any_park

    def come_as(**user: Any) -> tuple[int, str]:
        park.stub.user = {"sub": "7", "groups": ["beveiliging"], **user}
        with park.desk.browser() as client:
            answer = park.come_back(client)
        return answer.status_code, answer.text

    status, page = come_as(groups=["bazen"], preferred_username="eve")
    assert (status, "koppelt er een aan 7" in page) == (403, True)
    # The name of an account that exists is no proof of being its owner.
    assert come_as(preferred_username="Anna")[0] == 403
    assert come_as(preferred_username="a b")[0] == 403
    assert come_as(preferred_username="Bob", name="Bob Smit")[0] == 200
    assert come_as(preferred_username="Robert")[0] == 200  # the subject is what counts
    with park.desk.service.database.reading() as session:
        bob = account_by_name(session, "bob")
        n_accounts = session.query(Account).count()
        made = session.query(WebSession).filter_by(issuer=park.stub.issuer).count()
    assert bob is not None
    assert (bob.person, bob.role, n_accounts, made) == ("Bob Smit", "security_operator", 2, 2)
    with park.desk.browser() as client:
        assert log_in(client, "", "bob").status_code == 401
    assert park.failures()[:3] == ["unknown", "name taken", "name taken"]


def test_groups_may_come_from_userinfo_of_the_same_person(park: Park) -> None:
    del park.stub.user["groups"]
    for info, status in (({"sub": "other"}, 401), ({"sub": ANNA["sub"]}, 200)):
        park.stub.info = info | {"groups": ["beveiliging"]}
        park.desk.clock.advance(timedelta(hours=1))
        with park.desk.browser() as client:
            assert park.come_back(client).status_code == status


def test_a_subject_is_linked_once(park: Park) -> None:
    database = park.desk.service.database
    park.stub.user = {"sub": "8", "groups": ["beveiliging"], "preferred_username": "bob"}
    with park.desk.browser() as client:
        park.come_back(client)
    with database.writing() as session:
        bob = account_by_name(session, "bob", lock=True)
        assert bob is not None
        with pytest.raises(RecordInvalid):
            link_account(session, bob, park.stub.issuer, str(ANNA["sub"]), by=TESTER, at=NOW)
