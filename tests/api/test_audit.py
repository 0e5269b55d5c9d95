"""
The audit log: chained, append-only on both engines, and what `parkwacht audit verify` finds.

The expected hash is computed here anew, from the words of the column comments: SHA-256 of the hash
before and of the SHA-256 of the other columns, as JSON with sorted keys and without blanks.
"""

import base64
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from api_harness import Service, make_ending
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert, text
from sqlalchemy.exc import DatabaseError
from typer.testing import CliRunner

from parkwacht_api.audit import Act, Somebody, audit
from parkwacht_api.audit_verify import (
    Finding,
    check_chain,
    check_signature,
    make_anchor,
    read_anchor,
    write_anchor,
)
from parkwacht_api.cli import app
from parkwacht_api.database import Database
from parkwacht_api.evidence_chain import check_chain_file, check_entries, make_extract
from parkwacht_api.keys import Scope, create_key, revoke_key
from parkwacht_api.migrations.upgrade import downgrade_database, upgrade_database
from parkwacht_api.models_access import AuditEntry
from parkwacht_api.repository_access import audit_entries, last_audit_entry
from parkwacht_api.roles import Role
from parkwacht_config.errors import ConfigError

NOW = datetime(2026, 11, 24, 20, 0, 0, 123456, tzinfo=UTC)
ANNA = Somebody("Anna \u00e9\U0001f6a8", "reviewer", "console", "198.51.100.7", "account:anna")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.dispose()


@pytest.fixture(scope="module")
def five_entries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a database with five entries, to be copied."""
    path = tmp_path_factory.mktemp("audit") / "parkwacht.db"
    upgrade_database(f"sqlite:///{path}")
    database = Database(f"sqlite:///{path}")
    write(database, 5)
    database.dispose()
    return path


@pytest.fixture
def lite(five_entries: Path, tmp_path: Path) -> Iterator[Database]:
    shutil.copy(five_entries, tmp_path / "parkwacht.db")
    database = Database(f"sqlite:///{tmp_path / 'parkwacht.db'}")
    yield database
    database.dispose()


def write(database: Database, n: int) -> None:
    for number in range(n):
        with database.writing() as session:
            act = Act("image.view", "event", f"e{number}", "why\0 \ud800", {"a": [1, 0.1, None]})
            audit(session, ANNA, act, at=NOW + timedelta(seconds=number))


def check(database: Database) -> Finding:
    with database.reading() as session:
        return check_chain(audit_entries(session))


def test_the_hash_is_what_the_column_says(database: Database) -> None:
    write(database, 2)
    with database.reading() as session:
        rows = list(audit_entries(session))
    previous = "0" * 64
    for number, row in enumerate(rows):
        content = {
            "id": number + 1,
            "at": f"2026-11-24T20:00:0{number}.123456+00:00",
            "who": "Anna \u00e9\U0001f6a8",
            "role": "reviewer",
            "via": "console",
            "address": "198.51.100.7",
            "what": "image.view",
            "object_kind": "event",
            "object_id": f"e{number}",
            "why": "why ?",
            "details": {"a": [1, 0.1, None]},
            "who_id": "account:anna",
        }
        written = json.dumps(content, sort_keys=True, separators=(",", ":"))
        said = hashlib.sha256(written.encode()).hexdigest()
        previous = hashlib.sha256(f"{previous}{said}".encode()).hexdigest()
        assert row.hash == previous
    assert check(database) == Finding(2, previous)


def old_entries(n: int) -> Iterator[dict[str, object]]:
    """Entries as they were written before there was a `who_id`, hashed by the words above."""
    previous = "0" * 64
    for number in range(1, n + 1):
        content: dict[str, object] = {
            "id": number,
            "at": f"2026-11-24T20:00:0{number}.123456+00:00",
            "who": "Anna",
            "role": "",
            "via": "console",
            "address": "",
            "what": "login",
            "object_kind": "account",
            "object_id": "anna",
            "why": "",
            "details": {},
        }
        said = hashlib.sha256(
            json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
        ).hexdigest()
        digest = hashlib.sha256(f"{previous}{said}".encode()).hexdigest()
        at = NOW + timedelta(seconds=number)
        yield content | {"at": at, "previous_hash": previous, "hash": digest}
        previous = digest


def test_a_chain_from_before_who_id_stays_whole_and_goes_on(empty_database_url: str) -> None:
    upgrade_database(empty_database_url, "r0005")
    database = Database(empty_database_url)
    with database.writing() as session:
        for row in old_entries(2):
            session.execute(insert(AuditEntry).values(**row))
    database.dispose()
    upgrade_database(empty_database_url)
    write(database, 1)
    assert (check(database).n_entries, check(database).broken_id) == (3, None)
    with database.reading() as session:  # what a package of evidence says of old and new entries
        extract = make_extract(audit_entries(session), frozenset({"anna", "e0"}))
    assert extract.entries.count(b"\n") == 3
    check_entries(extract.entries, check_chain_file(extract.chain))
    database.dispose()
    downgrade_database(empty_database_url, "r0005")  # what the new hashes cover stays
    upgrade_database(empty_database_url)
    write(database, 1)
    assert (check(database).n_entries, check(database).broken_id) == (4, None)
    with database.writing() as session:
        is_sqlite = session.get_bind().dialect.name == "sqlite"
        lift = "DROP TRIGGER audit_entry_no_update"
        session.execute(text(lift if is_sqlite else "ALTER TABLE audit_entry DISABLE TRIGGER USER"))
        session.execute(text("UPDATE audit_entry SET who_id = 'account:bob' WHERE id = 2"))
    assert check(database).broken_id == 2
    database.dispose()


def test_odd_signs_in_the_details_are_kept_but_for_zero_bytes(database: Database) -> None:
    typed = {"a": "\\u0000", "b": "x\0\0y", "c": "\\\0z", "d": "\\\\u0000"}
    with database.writing() as session:
        audit(session, ANNA, Act("verdict", "event", "e1", details=typed), at=NOW)
    with database.reading() as session:
        (row,) = audit_entries(session)
    assert row.details == {"a": "\\u0000", "b": "xy", "c": "\\z", "d": "\\\\u0000"}
    assert check(database).broken_id is None


def test_the_database_itself_refuses_changes(database: Database) -> None:
    write(database, 1)
    for statement in (
        "UPDATE audit_entry SET who = 'x'",
        "DELETE FROM audit_entry",
        "TRUNCATE audit_entry",  # SQLite knows no such word
    ):
        with pytest.raises(DatabaseError), database.writing() as session:
            session.execute(text(statement))
    assert check(database).n_entries == 1


def test_many_writers_at_once_make_one_chain(database: Database) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: write(database, 5), range(4)))
    found = check(database)
    assert (found.n_entries, found.broken_id) == (20, None)


def test_an_act_that_fails_leaves_no_entry_and_no_gap(database: Database) -> None:
    write(database, 1)

    def fail() -> None:
        with database.writing() as session:
            audit(session, ANNA, Act("x", "y", "z"), at=NOW)
            audit(session, ANNA, Act("x", "y", "z", details={"a": object()}), at=NOW)

    with pytest.raises(TypeError):
        fail()
    write(database, 1)
    assert check(database).n_entries == 2


TAMPERING = {
    "who": (["UPDATE audit_entry SET who = 'Bob' WHERE id = 3"], 3, "changed"),
    "when": (
        ["UPDATE audit_entry SET at = '2026-11-24 20:00:02.000000' WHERE id = 3"],
        3,
        "changed",
    ),
    "details": (["UPDATE audit_entry SET details = '{}' WHERE id = 3"], 3, "changed"),
    "the first": (["DELETE FROM audit_entry WHERE id = 1"], 1, "missing"),
    "one in the middle": (["DELETE FROM audit_entry WHERE id = 3"], 3, "missing"),
    "two changed places": (
        [
            "UPDATE audit_entry SET id = 99 WHERE id = 2",
            "UPDATE audit_entry SET id = 2 WHERE id = 3",
            "UPDATE audit_entry SET id = 3 WHERE id = 99",
        ],
        2,
        "follow",
    ),
    "a gap closed": (
        [
            "DELETE FROM audit_entry WHERE id = 3",
            "UPDATE audit_entry SET id = id - 1 WHERE id > 3",
        ],
        3,
        "follow",
    ),
    "one put in": (
        [
            "INSERT INTO audit_entry SELECT 6, at, who, role, via, address, what, object_kind, "
            "object_id, why, details, previous_hash, hash, who_id FROM audit_entry WHERE id = 5"
        ],
        6,
        "follow",
    ),
    "another of the same name": (
        ["UPDATE audit_entry SET who_id = 'account:anna2' WHERE id = 3"],
        3,
        "changed",
    ),
    "as if it were old": (["UPDATE audit_entry SET who_id = NULL WHERE id = 3"], 3, "changed"),
}


@pytest.mark.parametrize("case", TAMPERING)
def test_verify_names_the_first_entry_that_is_not_right(lite: Database, case: str) -> None:
    statements, broken_id, words = TAMPERING[case]
    with lite.writing() as session:  # whoever owns the file can lift its guards
        for name in ("audit_entry_no_update", "audit_entry_no_delete"):
            session.execute(text(f"DROP TRIGGER {name}"))
        for statement in statements:
            session.execute(text(statement))
    found = check(lite)
    assert found.broken_id == broken_id
    assert words in str(found.trouble)


def cut_off(database: Database) -> None:
    with database.writing() as session:
        session.execute(text("DROP TRIGGER audit_entry_no_delete"))
        session.execute(text("DELETE FROM audit_entry WHERE id > 3"))


def cut_off_and_write_on(database: Database) -> None:
    cut_off(database)
    write(database, 2)


@pytest.mark.parametrize(
    ("tamper", "broken_id"), [(cut_off, 4), (cut_off_and_write_on, None), (cut_off_and_write_on, 5)]
)
def test_an_anchor_shows_what_was_cut_off(
    lite: Database, tmp_path: Path, tamper: Callable[[Database], None], broken_id: int | None
) -> None:
    with lite.reading() as session:
        path = tmp_path / "anchor.json"
        path.write_text(write_anchor(make_anchor(last_audit_entry(session), None, at=NOW)))
    tamper(lite)
    with lite.reading() as session:
        anchor = None if broken_id is None else read_anchor(path)
        assert check_chain(audit_entries(session), anchor).broken_id == broken_id


def test_an_anchor_is_signed_by_whoever_holds_the_key(lite: Database, tmp_path: Path) -> None:
    seed = bytes(range(32))
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
    other = base64.b64encode(Ed25519PrivateKey.generate().public_key().public_bytes_raw()).decode()
    with lite.reading() as session:
        made = make_anchor(last_audit_entry(session), base64.b64encode(seed).decode(), at=NOW)
    path = tmp_path / "anchor.json"
    path.write_text(write_anchor(made))
    assert check_signature(read_anchor(path), public)
    assert not check_signature(read_anchor(path), other)
    path.write_text(write_anchor(made).replace('"id": 5', '"id": 4'))
    assert not check_signature(read_anchor(path), public)
    for wrong in ("x", base64.b64encode(b"short").decode()):
        with pytest.raises(ConfigError):
            make_anchor(None, wrong, at=NOW)
    for nonsense in ("", "[]", "{}", '{"id": "x", "hash": "", "at": ""}'):
        path.write_text(nonsense)
        with pytest.raises(ConfigError):
            read_anchor(path)


def test_the_commands_say_it_and_end_with_2(
    lite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARKWACHT_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("PARKWACHT_LANGUAGE", "en")
    monkeypatch.setenv("PARKWACHT_AUDIT_KEY", base64.b64encode(bytes(32)).decode())
    path = tmp_path / "anchor.json"

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["audit", *arguments], env={"COLUMNS": "300"})
        return done.exit_code, done.output

    assert run("anchor", "--out", str(path))[0] == 0
    public = read_anchor(path).public_key
    code, said = run("verify", "--anchor", str(path), "--public-key", public)
    assert (code, "whole: 5 entries" in said) == (0, True)
    assert run("verify", "--public-key", public)[0] == 2
    assert "Without --anchor" in run("verify")[1]
    assert "image.view" in run("list")[1]
    cut_off(lite)
    code, said = run("verify", "--anchor", str(path))
    assert (code, "entry 4 is missing" in said) == (2, True)


def test_looks_verdicts_and_keys_stand_in_the_log(any_service: Service) -> None:
    service = any_service
    event = service.stored()
    service.put_ending(make_ending(event))
    with service.browser(Role.SECURITY_OPERATOR) as client:
        client.get(f"/events/{event.id}/clip", headers={"Range": "bytes=0-9"})
    with service.client(service.partner_keys["meldkamer"]) as api:
        api.get(f"/events/{event.id}/snapshot")
        assert api.get(f"/events/{event.id}/original").status_code == 404  # nothing was seen
    key_id = create_key(service.database, "x", {Scope.READ}, at=NOW).split("_")[1]
    revoke_key(service.database, key_id, at=NOW)
    with service.database.reading() as session:
        rows = [row for row in audit_entries(session) if row.object_id in {str(event.id), key_id}]
    told = [
        (row.what, row.who, row.role, row.via, row.address, row.details.get("range"))
        for row in rows
    ]
    assert told == [
        ("image.view", "J. de Vries", "security_operator", "console", "127.0.0.1", "bytes=0-9"),
        ("image.view", "Ontvanger meldkamer", "key", "api", "127.0.0.1", ""),
        ("key.add", "parkwacht", "", "command", "", None),
        ("key.revoke", "parkwacht", "", "command", "", None),
    ]
    partner_id = service.partner_keys["meldkamer"].split("_")[1]
    assert (rows[0].who_id or "").startswith("account:security_operator.")
    assert [row.who_id for row in rows[1:]] == [f"key:{partner_id}", "", ""]
    assert check(service.database).broken_id is None


def test_two_people_of_one_name_are_told_apart(service: Service) -> None:
    event = service.stored()
    for _ in range(2):
        with service.browser(Role.SECURITY_OPERATOR) as client:  # each an account "J. de Vries"
            client.get(f"/events/{event.id}/snapshot")
    with service.database.reading() as session:
        rows = [row for row in audit_entries(session) if row.what == "image.view"]
    first, second = [row.who_id or "" for row in rows]
    assert (rows[0].who, first != second) == (rows[1].who, True)
    with service.browser(Role.REVIEWER) as page:
        name = first.removeprefix("account:")
        for asked in (name, first):
            shown = page.get("/audit", params={"who": asked, "what": "image.view"}).text
            assert (name in shown, second.removeprefix("account:") in shown) == (True, False)
        assert shown.count("<td>image.view</td>") == 1
        both = page.get("/audit", params={"who": "J. de Vries", "what": "image.view"}).text
        assert both.count("<td>image.view</td>") == 2
