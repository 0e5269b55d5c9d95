"""
Logging in, from the form to the session: through the pages, on a real service.

Expected codes of the second factor come from `login_desk.totp`, written from RFC 6238 and checked
here against its own table; the service uses another implementation.
"""

import base64
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import cv2
import numpy as np
import pytest
from api_harness import make_site, running_service
from console_pages import csrf_of
from login_desk import (
    NOW,
    PASSWORD,
    TESTER,
    Desk,
    choose_password,
    count_wrong,
    enrol,
    log_in,
    open_desk,
    post_form,
    totp,
)
from pwdlib.hashers.argon2 import Argon2Hasher

from parkwacht_api.accounts import (
    NewAccount,
    add_account,
    add_first_administrator,
    disable_account,
    password_hasher,
    reset_account,
)
from parkwacht_api.console.login import safe_next
from parkwacht_api.lockout import ACCOUNT_LIMIT, ADDRESS_LIMIT, Attempt, begin_attempt
from parkwacht_api.models_access import RecoveryCode, WebSession
from parkwacht_api.repository_access import account_by_name
from parkwacht_api.roles import Role
from parkwacht_api.second_factor import enrolment_svg
from parkwacht_config.clock import FakeClock


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "94287082"), (1111111109, "07081804"), (20000000000, "65353130")],
)
def test_the_oracle_of_these_tests_agrees_with_rfc_6238(seconds: int, code: str) -> None:
    secret = base64.b32encode(b"12345678901234567890").decode()  # appendix B
    assert totp(secret, datetime.fromtimestamp(seconds, UTC), 8) == code


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(tmp_path / "s") as opened:
        yield opened


def test_the_first_log_in_leads_nowhere_but_to_a_password_of_ones_own(desk: Desk) -> None:
    with desk.browser() as client, desk.browser() as other:
        log_in(other, desk.one_time)
        answer = log_in(client, desk.one_time, next="/watch")
        assert answer.headers["location"] == "/login/password?next=%2Fwatch"
        assert client.get("/").status_code == 303  # back to the login page
        assert "Anna" not in client.get("/").text
        page = client.get(answer.headers["location"])
        for password, again in (
            ("kort", "kort"),
            (PASSWORD, PASSWORD + "x"),
            ("annaannaannaanna", "annaannaannaanna"),
            ("aaaabbbbccccdddd", "aaaabbbbccccdddd"),
            (desk.one_time, desk.one_time),
        ):
            form = {"csrf": csrf_of(page.text), "password": password, "again": again}
            assert client.post("/login/password", data=form).status_code == 422
        old = client.cookies["parkwacht_session"]
        form = {
            "csrf": csrf_of(page.text),
            "password": PASSWORD,
            "again": PASSWORD,
            "next": "/watch",
        }
        assert client.post("/login/password", data=form).headers["location"] == "/watch"
        assert "Anna de Vries" in client.get("/").text
        assert other.get("/login/password").status_code == 303  # who came with the same password
        # The cookie of the unfinished log-in does not become that of the finished one.
        assert client.cookies["parkwacht_session"] != old
        client.cookies.set("parkwacht_session", old)
        assert client.get("/login/password").status_code == 303
    with desk.browser() as client:
        assert log_in(client, desk.one_time).status_code == 401
        assert log_in(client, PASSWORD).headers["location"] == "/"
    assert [what for what, *_ in desk.told()] == [
        "account.password",
        "login",
        "login.failed",
        "login",
    ]


def test_the_cookie_is_out_of_reach_and_ends_with_the_log_out(desk: Desk) -> None:
    with desk.browser() as client:
        choose_password(desk, client)
        cookie = next(iter(client.cookies.jar))
        assert cookie.has_nonstandard_attr("HttpOnly")
        assert cookie.get_nonstandard_attr("SameSite", "").lower() == "strict"
        assert not cookie.secure  # this service is reached by http
        assert "strict-transport-security" not in client.get("/").headers
        page, token = client.get("/").text, client.cookies["parkwacht_session"]
        with desk.service.database.reading() as session:
            assert token not in str([vars(row) for row in session.query(WebSession)])
        assert client.post("/logout", data={"csrf": "x"}).status_code == 403
        assert client.post("/logout", data={"csrf": csrf_of(page)}).status_code == 303
        client.cookies.set("parkwacht_session", token)
        assert client.get("/").status_code == 303


def test_the_cookie_is_secure_where_the_service_is_reached_by_https(tmp_path: Path) -> None:
    with running_service(tmp_path / "s", make_site(), api_url="https://pw.example") as service:
        with service.database.writing() as session:
            made = add_first_administrator(session, at=NOW)
        assert made is not None
        with service.browser() as client:
            answer = log_in(client, made[1], made[0])
    assert "; secure" in answer.headers["set-cookie"].lower()
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.parametrize(
    ("where", "goes_to"),
    [
        ("/watch", "/watch"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/x\r\nSet-Cookie: a=b", "/"),
    ],
)
def test_login_leads_only_inside(where: str, goes_to: str) -> None:
    assert safe_next(where) == goes_to


def test_who_is_wrong_learns_nothing_and_a_foreign_page_cannot_log_in(desk: Desk) -> None:
    with desk.browser() as client:
        pages = [
            log_in(client, "wrong", name)
            for name in (
                "anna",
                "nobody",
                "",
                "x" * 5000,
                "\0\ud800".encode(errors="replace").decode(),
            )
        ]
        assert {answer.status_code for answer in pages} == {401}
        shown = {re.sub(r'name="name" value="[^"]*".*', "", answer.text) for answer in pages[:2]}
        assert len(shown) == 1
        foreign = client.post(
            "/login",
            data={"name": "anna", "password": desk.one_time},
            headers={"Sec-Fetch-Site": "cross-site"},
        )
        assert foreign.status_code == 403
    failed = [details["reason"] for what, _, details in desk.told() if what == "login.failed"]
    assert failed == ["password"] * 5


def test_ten_wrong_passwords_lock_an_account_even_over_a_restart(tmp_path: Path) -> None:
    clock, state_dir = FakeClock(NOW), tmp_path / "s"
    with running_service(state_dir, make_site(), clock=clock) as service:
        with service.database.writing() as session:
            _, one_time = add_account(
                session, NewAccount("anna", "Anna", Role.REVIEWER), by=TESTER, at=NOW
            )
        count_wrong(service, ACCOUNT_LIMIT - 1, at=NOW)
        clock.advance(timedelta(seconds=10))
        with service.browser() as client:
            assert log_in(client, "wrong").status_code == 401
    with (
        running_service(state_dir, make_site(), clock=clock) as service,
        service.browser() as client,
    ):
        locked = log_in(client, one_time)
        assert locked.status_code == 429
        # 15 minutes from the first wrong one, of which 10 s are over.
        assert int(locked.headers["retry-after"]) == 891
        assert log_in(client, "wrong", "another").status_code == 401
        clock.advance(timedelta(seconds=891))
        assert log_in(client, one_time).status_code == 303
        # Being right forgives what was wrong before.
        count_wrong(service, ACCOUNT_LIMIT - 1, at=clock.now())
        assert log_in(client, one_time).status_code == 303
        count_wrong(service, 1, at=clock.now())


@pytest.mark.parametrize(
    ("addresses", "subject"),
    [
        (["198.51.100.7"], "address:198.51.100.7"),
        (["2001:db8:1:2::1", "2001:db8:1:2:ffff::9"], "address:2001:db8:1:2::/64"),
        (["::ffff:198.51.100.7"], "address:198.51.100.7"),
        (["testclient"], "address:testclient"),
    ],
)
def test_an_address_is_one_house(addresses: list[str], subject: str) -> None:
    assert {Attempt("x", address).address_subject for address in addresses} == {subject}


def test_an_address_that_guesses_at_many_names_is_locked(desk: Desk) -> None:
    with desk.service.database.writing() as session:
        for n in range(ADDRESS_LIMIT):
            begin_attempt(session, Attempt(f"name{n}", "127.0.0.1"), at=NOW)
    with desk.browser() as client:
        assert log_in(client, desk.one_time).status_code == 429


def test_a_session_ends_when_idle_by_age_and_with_its_account(desk: Desk) -> None:
    with desk.browser() as client:
        choose_password(desk, client)
        for _ in range(7):  # used every 100 minutes, so it is never idle
            assert client.get("/").status_code == 200
            desk.clock.advance(timedelta(minutes=100))
        desk.clock.advance(timedelta(minutes=19))
        assert client.get("/").status_code == 200
        desk.clock.advance(timedelta(minutes=1))  # 7 x 100 + 20 minutes are 12 hours
        assert client.get("/").status_code == 303
        log_in(client, PASSWORD)
        desk.clock.advance(timedelta(hours=2))
        assert client.get("/").status_code == 303
        log_in(client, PASSWORD)
        assert client.get("/").status_code == 200
        with desk.service.database.writing() as session:
            account = account_by_name(session, "anna", lock=True)
            assert account is not None
            disable_account(session, account, by=TESTER, at=desk.clock.now())
        assert client.get("/").status_code == 303
        assert log_in(client, PASSWORD).status_code == 401
        with desk.service.database.writing() as session:
            account = account_by_name(session, "anna", lock=True)
            assert account is not None
            again = reset_account(session, account, by=TESTER, at=desk.clock.now())
        assert log_in(client, PASSWORD).status_code == 401
        assert log_in(client, again).headers["location"] == "/login/password"


def test_a_weaker_hash_is_made_anew_at_log_in(desk: Desk) -> None:
    weak = Argon2Hasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    with desk.service.database.writing() as session:
        account = account_by_name(session, "anna", lock=True)
        assert account is not None
        account.password_hash, account.must_change = weak, False
    with desk.browser() as client:
        assert log_in(client, PASSWORD).status_code == 303
    assert desk.account().password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert password_hasher().verify(PASSWORD, desk.account().password_hash)


def test_the_second_factor_and_its_codes_are_each_good_once(desk: Desk) -> None:
    with desk.browser() as client:
        choose_password(desk, client)
        secret, codes = enrol(desk, client)

    def try_code(code: str) -> int:
        with desk.browser() as client:
            answer = log_in(client, PASSWORD)
            assert answer.headers["location"] == "/login/code"
            assert client.get("/").status_code == 303  # the password alone opens nothing
            answer = post_form(client, "/login/code", code=code)
            assert (client.get("/").status_code == 200) is (answer.status_code == 303)
            return answer.status_code

    assert try_code(totp(secret, desk.clock.now())) == 401  # it was taken to enrol
    desk.clock.advance(timedelta(seconds=30))
    now = desk.clock.now()
    assert try_code(totp(secret, now + timedelta(seconds=60))) == 401  # too far ahead
    assert try_code(totp(secret, now + timedelta(seconds=30))) == 303  # a phone a little fast
    assert try_code(totp(secret, now)) == 401  # older than the one that was taken
    assert try_code(codes[0].upper().replace("-", " ")) == 303
    assert try_code(codes[0]) == 401
    assert try_code("") == 401
    with desk.service.database.reading() as session:
        kept = str([vars(row) for row in session.query(RecoveryCode)])
    assert codes[1].replace("-", "") not in kept
    with desk.browser() as client:
        log_in(client, PASSWORD)
        post_form(client, "/login/code", code=codes[1])
        form = {"csrf": csrf_of(client.get("/account").text)}
        wrong = client.post("/account/factor/remove", data=form | {"current": "wrong"})
        assert wrong.status_code == 422
        right = client.post("/account/factor/remove", data=form | {"current": PASSWORD})
        assert right.status_code == 303
        assert log_in(client, PASSWORD).headers["location"] == "/"


def test_ten_wrong_codes_lock_the_account(desk: Desk) -> None:
    with desk.browser() as client:
        choose_password(desk, client)
        secret, _ = enrol(desk, client)
        desk.clock.advance(timedelta(minutes=1))
        count_wrong(desk.service, ACCOUNT_LIMIT - 1, at=desk.clock.now())
        log_in(client, PASSWORD)  # a right password does not make the wrong codes before it good
        csrf = csrf_of(client.get("/login/code").text)
        answer = client.post("/login/code", data={"csrf": csrf, "code": "000000"})
        assert answer.status_code == 401
        code = totp(secret, desk.clock.now())
        assert client.post("/login/code", data={"csrf": csrf, "code": code}).status_code == 429


def test_the_drawn_code_is_what_an_app_reads() -> None:
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    svg = enrolment_svg("anna", secret)
    (size,) = {int(n) // 4 for n in re.findall(r'(?:width|height)="(\d+)"', svg)}
    picture = np.full((size, size), 255, np.uint8)
    x, y = 0.0, 0.0
    for kind, dx, dy in re.findall(r"([Mmh])([\d.-]+)(?: ([\d.-]+))?", svg.split(' d="')[-1]):
        if kind == "h":
            picture[int(y), int(x) : int(x + float(dx))] = 0
            x += float(dx)
        else:
            x, y = (float(dx), float(dy)) if kind == "M" else (x + float(dx), y + float(dy))
    big = cv2.resize(picture, None, fx=8, fy=8, interpolation=cv2.INTER_NEAREST)
    read = parse_qs(urlsplit(cv2.QRCodeDetector().detectAndDecode(big)[0]).query)
    assert read == {"secret": [secret], "issuer": ["Parkwacht"]}
