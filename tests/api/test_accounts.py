"""
Logging in, from the form to the session: through the pages, on a real service.

Expected codes of the second factor come from `totp` below, written from RFC 6238 and checked
against its own table; the service uses another implementation.
"""

import base64
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import cv2
import numpy as np
import pytest
from api_harness import SITE_PATH, Service, make_site, running_service
from console_pages import check, csrf_of
from login_desk import (
    NOW,
    PASSWORD,
    TESTER,
    Desk,
    choose_password,
    enrol,
    log_in,
    open_desk,
    post_form,
    totp,
)
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import String, column, select, text
from sqlalchemy import table as sql_table
from typer.testing import CliRunner

from parkwacht_api.accounts import (
    NewAccount,
    add_account,
    add_first_administrator,
    disable_account,
    normal_name,
    password_hasher,
    reset_account,
    unlock,
)
from parkwacht_api.cli import app
from parkwacht_api.console.login import safe_next
from parkwacht_api.errors import RecordInvalid
from parkwacht_api.keys import create_key
from parkwacht_api.lockout import ACCOUNT_LIMIT, ADDRESS_LIMIT, Attempt, begin_attempt
from parkwacht_api.migrations.upgrade import downgrade_database, upgrade_database
from parkwacht_api.models_access import AuditEntry, RecoveryCode, WebSession
from parkwacht_api.repository_access import account_by_name, count_accounts, key_by_certificate
from parkwacht_api.roles import SCOPES_OF, Role
from parkwacht_api.second_factor import enrolment_svg
from parkwacht_config.clock import FakeClock
from parkwacht_config.errors import ParkwachtError


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


def _fail(service: Service, n: int, *, at: datetime) -> None:
    """Let wrong log-ins be counted as the login page does, without hashing each."""
    with service.database.writing() as session:
        for _ in range(n):
            begin_attempt(session, Attempt("anna", "198.51.100.7"), at=at)


def test_ten_wrong_passwords_lock_an_account_even_over_a_restart(tmp_path: Path) -> None:
    clock, state_dir = FakeClock(NOW), tmp_path / "s"
    with running_service(state_dir, make_site(), clock=clock) as service:
        with service.database.writing() as session:
            _, one_time = add_account(
                session, NewAccount("anna", "Anna", Role.REVIEWER), by=TESTER, at=NOW
            )
        _fail(service, ACCOUNT_LIMIT - 1, at=NOW)
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
        _fail(service, ACCOUNT_LIMIT - 1, at=clock.now())
        assert log_in(client, one_time).status_code == 303
        _fail(service, 1, at=clock.now())


def test_an_administrator_unlocks(desk: Desk) -> None:
    with desk.browser() as client:
        _fail(desk.service, ACCOUNT_LIMIT, at=NOW)
        assert log_in(client, desk.one_time).status_code == 429
        with desk.service.database.writing() as session:
            account = account_by_name(session, "anna", lock=True)
            assert account is not None
            unlock(session, account, by=TESTER, at=NOW)
        assert log_in(client, desk.one_time).status_code == 303


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


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("nl", ("Aanmelden", "Kies een eigen", "Tweede factor", "Account maken", "Auditlog")),
        ("en", ("Log in", "Choose a password", "Second factor", "Make an account", "Audit log")),
    ],
)
def test_the_pages_keep_the_policy_in_both_languages(
    desk: Desk, language: str, words: tuple[str, ...]
) -> None:
    asked = {"lang": language}
    with desk.browser() as client:
        pages = [check(client.get("/login", params=asked))]
        log_in(client, desk.one_time)
        pages.append(check(client.get("/login/password")))
    with desk.service.browser(Role.ADMINISTRATOR) as client:
        account = client.get("/account", params=asked)
        client.post("/account/factor/begin", data={"csrf": csrf_of(account.text)})
        pages += [check(client.get(path)) for path in ("/account", "/accounts", "/audit")]
    for page, word in zip(pages, words, strict=True):
        assert word in page
        assert f'<html lang="{language}">' in page


def test_ten_wrong_codes_lock_the_account(desk: Desk) -> None:
    with desk.browser() as client:
        choose_password(desk, client)
        secret, _ = enrol(desk, client)
        desk.clock.advance(timedelta(minutes=1))
        _fail(desk.service, ACCOUNT_LIMIT - 1, at=desk.clock.now())
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


def test_one_sees_and_ends_ones_own_sessions(desk: Desk) -> None:
    with desk.browser() as client, desk.browser(**{"User-Agent": "Phone<1>"}) as phone:
        choose_password(desk, client)
        log_in(phone, PASSWORD)
        assert phone.get("/").status_code == 200
        page = client.get("/account").text
        assert "Phone&lt;1&gt;" in page
        (phone_id,) = re.findall(r'name="session_id" value="([^"]+)"', page)
        stranger = desk.service.browser(Role.REVIEWER)
        for who, expected in ((stranger, 200), (client, 303)):
            csrf = csrf_of(who.get("/account").text)
            who.post("/account/sessions/end", data={"csrf": csrf, "session_id": phone_id})
            assert phone.get("/").status_code == expected
        stranger.close()
        log_in(phone, PASSWORD)
        form = {"csrf": csrf_of(page), "password": PASSWORD + "!", "again": PASSWORD + "!"}
        wrong = client.post("/account/password", data=form | {"current": "wrong"})
        assert wrong.status_code == 422
        assert phone.get("/").status_code == 200
        right = client.post("/account/password", data=form | {"current": PASSWORD})
        assert right.status_code == 303
        assert phone.get("/").status_code == 303  # a changed password ends every other session
        assert client.get("/").status_code == 200


@pytest.mark.parametrize("way", ["page", "api"])
def test_an_administrator_makes_resets_and_shuts_accounts(desk: Desk, way: str) -> None:
    service = desk.service
    with service.database.writing() as session:
        add_first_administrator(session, at=NOW)
    scopes = SCOPES_OF[Role.ADMINISTRATOR]
    key = create_key(service.database, "admin", scopes, at=NOW, role=Role.ADMINISTRATOR.value)
    with service.browser(Role.ADMINISTRATOR) as page, service.client(key) as api:
        csrf = csrf_of(page.get("/accounts").text)

        def act(path: str, **given: str) -> tuple[int, str]:
            if way == "page":
                answer = page.post(f"/accounts{path}", data={"csrf": csrf, **given})
                found = re.search(r"<code>([^<]+)</code>", answer.text)
                return answer.status_code, found[1] if found else ""
            answer = api.post(f"/accounts{path}", json=given)
            return answer.status_code, answer.json().get("password", "")

        status, password = act("", name="Bob", person="Bob", role="reviewer")
        assert status in {200, 201}
        assert act("", name="Bob", person="Bob", role="reviewer")[0] == 422
        assert act("", name="eve", person="Eve", role="camera_worker")[0] == 422
        assert act("", name="eve", person="Eve", role="")[0] == 422
        with desk.browser() as client:
            assert log_in(client, password, "bob").headers["location"] == "/login/password"
            with service.database.reading() as session:
                bob = account_by_name(session, "bob")
            assert bob is not None
            status, again = act(f"/{bob.id}/reset")
            assert status == 200
            assert log_in(client, password, "bob").status_code == 401
            assert log_in(client, again, "bob").status_code == 303
            assert act(f"/{bob.id}/unlock")[0] == 200
            assert act(f"/{bob.id}/disable")[0] == 200
            assert log_in(client, again, "bob").status_code == 401
        assert act(f"/{UUID(int=1)}/disable")[0] == 404
        listed = {one["name"]: one for one in api.get("/accounts").json()["items"]}
        assert listed["bob"]["disabled_at"] is not None
        assert "bob" in page.get("/accounts").text
        log = api.get("/audit", params={"object_id": "bob"}).json()["items"]
        done = [one["what"] for one in log if one["what"].startswith("account")]
        assert done == ["account.disable", "account.unlock", "account.reset", "account.add"]
        assert "account.unlock" in page.get("/audit", params={"object_id": "bob"}).text


def test_the_last_administrator_stays(any_service: Service) -> None:
    with any_service.database.writing() as session:
        assert add_first_administrator(session, at=NOW) is not None
    with any_service.database.writing() as session:
        assert add_first_administrator(session, at=NOW) is None  # a second start makes none
        first = account_by_name(session, "beheerder", lock=True)
        assert first is not None
        with pytest.raises(RecordInvalid):
            disable_account(session, first, by=TESTER, at=NOW)
        assert count_accounts(session) == 1


@pytest.mark.parametrize(
    "new",
    [
        NewAccount("Anna", "A", Role.REVIEWER),
        NewAccount("a b", "A", Role.REVIEWER),
        NewAccount("", "A", Role.REVIEWER),
        NewAccount("anna", "A", Role.REVIEWER),  # taken
        NewAccount("worker", "A", Role.CAMERA_WORKER),  # a machine's
        NewAccount("agent", "A", Role.POLICE_READER),  # of which receiver?
        NewAccount("boss", "A", Role.ADMINISTRATOR, receiver_id="politie"),
    ],
)
def test_what_cannot_be_an_account(desk: Desk, new: NewAccount) -> None:
    with desk.service.database.writing() as session, pytest.raises(RecordInvalid):
        add_account(session, new, by=TESTER, at=NOW)


def test_names_are_kept_small() -> None:
    assert normal_name("  Anna.DeVries@Park ") == "anna.devries@park"


def test_the_commands_manage_accounts_and_certificates(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("STATE_DIR", tmp_path / "s"), ("LANGUAGE", "en"), ("SITE", SITE_PATH)):
        monkeypatch.setenv(f"PARKWACHT_{name}", str(value))

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, arguments, env={"COLUMNS": "300"})
        return 2 if isinstance(done.exception, ParkwachtError) else done.exit_code, done.output

    code, said = run(
        "accounts", "add", "Agent1", "--role", "police_reader", "--receiver", "politie"
    )
    assert code == 0
    with desk.browser() as client:
        assert log_in(client, said.split()[-1], "agent1").headers["location"] == "/login/password"
        assert run("accounts", "add", "agent1", "--role", "reviewer")[0] == 2  # taken
        assert run("accounts", "add", "x1", "--role", "reviewer", "--receiver", "nobody")[0] == 2
        assert run("accounts", "add", "x1", "--role", "partner", "--receiver", "politie")[0] == 2
        code, said = run("accounts", "reset", "agent1")
        assert log_in(client, said.split()[-1], "agent1").status_code == 303
    assert run("accounts", "disable", "agent1")[0] == 0
    assert run("accounts", "unlock", "nobody")[0] == 2
    _fail(desk.service, ACCOUNT_LIMIT, at=datetime.now(UTC))
    lines = run("accounts", "list")[1].splitlines()
    assert any({"agent1", "police", "disabled"} <= set(line.split()) for line in lines)
    assert any({"anna", "operator", "locked"} <= set(line.split()) for line in lines)
    assert run("accounts", "unlock", "anna")[0] == 0
    assert "not used yet" in run("accounts", "list")[1]
    create = ("key", "create", "--name", "w", "--role", "camera_worker", "--certificate")
    assert run(*create, str(SITE_PATH))[0] == 2  # no certificate
    (tmp_path / "hex").write_text("ab" * 32)
    assert run(*create, str(tmp_path / "hex"))[0] == 0
    with desk.service.database.reading() as session:
        key = key_by_certificate(session, "ab" * 32)
        acts = [(row.what, row.via) for row in session.query(AuditEntry)]
    assert key is not None
    assert key.role == "camera_worker"
    assert ("account.disable", "command") in acts


def test_what_people_did_stays_when_the_tables_go_back(any_service: Service) -> None:
    event = any_service.stored()
    with any_service.browser(Role.SECURITY_OPERATOR) as client:
        page = client.get(f"/events/{event.id}").text
        assert client.get(f"/events/{event.id}/snapshot").status_code == 200
        form = {
            "csrf": csrf_of(page),
            "verdict": "dismissed",
            "reason": "een kat",
            "cause": "animal",
        }
        form["version"] = "0"
        assert client.post(f"/events/{event.id}/verdict", data=form).status_code == 303
    url = any_service.settings.sqlalchemy_url
    any_service.database.dispose()
    downgrade_database(url, "r0003")
    with any_service.database.reading() as session:
        for table in ("verdict", "image_access"):
            query = select(column("person", String), column("key_id", String)).select_from(
                sql_table(table)
            )
            rows = [tuple(row) for row in session.execute(query)]
            assert rows == [("J. de Vries", "accounts")], table
        revoked = session.execute(text("SELECT id FROM api_key WHERE revoked_at IS NOT NULL"))
        assert [row[0] for row in revoked] == ["accounts"]
    any_service.database.dispose()
    upgrade_database(url)
    with any_service.client(any_service.operator_key) as client:
        (verdict,) = client.get(f"/events/{event.id}").json()["verdicts"]
    assert (verdict["person"], verdict["reason"]) == ("J. de Vries", "een kat")
