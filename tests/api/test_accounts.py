"""Accounts: made, changed, unlocked and shut, by their owners and by administrators."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from api_harness import SITE_PATH, Service
from console_pages import check, csrf_of
from login_desk import (
    NOW,
    PASSWORD,
    TESTER,
    Desk,
    choose_password,
    count_wrong,
    log_in,
    open_desk,
)
from sqlalchemy import String, column, select, text
from sqlalchemy import table as sql_table
from typer.testing import CliRunner

from parkwacht_api.accounts import (
    NewAccount,
    add_account,
    add_first_administrator,
    disable_account,
    normal_name,
    unlock,
)
from parkwacht_api.cli import app
from parkwacht_api.errors import RecordInvalid
from parkwacht_api.keys import create_key
from parkwacht_api.lockout import ACCOUNT_LIMIT
from parkwacht_api.migrations.upgrade import downgrade_database, upgrade_database
from parkwacht_api.models_access import AuditEntry
from parkwacht_api.repository_access import account_by_name, count_accounts, key_by_certificate
from parkwacht_api.roles import SCOPES_OF, Role
from parkwacht_config.errors import ParkwachtError


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(tmp_path / "s") as opened:
        yield opened


def test_an_administrator_unlocks(desk: Desk) -> None:
    with desk.browser() as client:
        count_wrong(desk.service, ACCOUNT_LIMIT, at=NOW)
        assert log_in(client, desk.one_time).status_code == 429
        with desk.service.database.writing() as session:
            account = account_by_name(session, "anna", lock=True)
            assert account is not None
            unlock(session, account, by=TESTER, at=NOW)
        assert log_in(client, desk.one_time).status_code == 303


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
    count_wrong(desk.service, ACCOUNT_LIMIT, at=datetime.now(UTC))
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
