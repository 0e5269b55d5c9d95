"""
Secrets of second factors: unreadable in the database and in a backup, and no way to lock out.

The sealed form is opened here by another library (pycryptodome) than the one that seals.
"""

import base64
import logging
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from console_pages import csrf_of
from Crypto.Cipher import AES
from login_desk import PASSWORD, Desk, choose_password, enrol, log_in, open_desk, post_form, totp

from parkwacht_api.backup import make_backup
from parkwacht_api.factor_seal import FACTOR_KEY, prepare_factors, seal, unseal
from parkwacht_api.repository_access import account_by_name
from parkwacht_config.errors import ConfigError
from parkwacht_config.secrets import read_secret, write_secret

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def key_of(desk: Desk) -> bytes:
    told = read_secret(FACTOR_KEY, desk.service.settings.state_dir).get_secret_value()
    return base64.b64decode(told)


def enrolled(desk: Desk) -> tuple[str, list[str]]:
    with desk.browser() as client:
        choose_password(desk, client)
        made = enrol(desk, client)
    desk.clock.advance(timedelta(minutes=1))
    return made


def try_code(desk: Desk, code: str) -> tuple[int, str]:
    with desk.browser() as client:
        assert log_in(client, PASSWORD).headers["location"] == "/login/code"
        answer = post_form(client, "/login/code", code=code)
    return answer.status_code, answer.text


def set_secret(desk: Desk, secret: str | None) -> None:
    with desk.service.database.writing() as session:
        account = account_by_name(session, "anna", lock=True)
        assert account is not None
        account.totp_secret = secret


@pytest.mark.parametrize("content", ["x", "", "AAAA", "é"])
def test_a_sealed_secret_that_was_cut_short_opens_nothing_and_raises_nothing(content: str) -> None:
    account_id, key = uuid4(), bytes(32)
    word, used, _ = seal(SECRET, account_id, key).split(":")
    assert unseal(f"{word}:{used}:{content}", account_id, key) is None


def test_the_database_and_a_backup_hold_no_secret(tmp_path: Path) -> None:
    with open_desk(tmp_path / "s") as desk:
        secret, _ = enrolled(desk)
        kept = desk.account().totp_secret or ""
        word, used, content = kept.split(":")
        raw, key = base64.b64decode(content), key_of(desk)
        cipher = AES.new(key, AES.MODE_GCM, nonce=raw[:12])
        cipher.update(desk.account().id.bytes)
        assert cipher.decrypt_and_verify(raw[12:-16], raw[-16:]).decode() == secret
        assert (word, len(used)) == ("sealed", 8)
        target = tmp_path / "backup.zip"
        settings = desk.service.settings
        make_backup(desk.service.database, settings.media_dir, target, at=datetime.now(UTC))
        with zipfile.ZipFile(target) as archive:
            everything = b"".join(archive.read(name) for name in archive.namelist())
        assert kept.encode() in everything
        assert secret.encode() not in everything
        assert base64.b64encode(key) not in everything
        assert (settings.state_dir / "secrets.toml").stat().st_mode & 0o777 == 0o600


def test_a_sealed_secret_is_worth_nothing_elsewhere() -> None:
    key, anna, bob = bytes(range(32)), uuid4(), uuid4()
    sealed = seal(SECRET, anna, key)
    assert unseal(sealed, anna, key) == SECRET
    assert seal(SECRET, anna, key) != sealed  # a nonce of its own each time
    changed = sealed[:-4] + ("AAAA" if sealed[-4:] != "AAAA" else "BBBB")
    for wrong in (
        unseal(sealed, bob, key),
        unseal(sealed, anna, bytes(32)),
        unseal(sealed, anna, None),
        unseal(changed, anna, key),
        unseal(SECRET, anna, key),  # put in the clear by whoever can write the database
    ):
        assert wrong is None


def test_what_an_older_version_left_in_the_clear_is_sealed_at_the_start(tmp_path: Path) -> None:
    with open_desk(tmp_path / "s") as desk:
        enrolled(desk)
        set_secret(desk, SECRET)
        prepare_factors(desk.service.database, desk.service.settings.state_dir)
        assert SECRET not in (desk.account().totp_secret or "")
        assert try_code(desk, totp(SECRET, desk.clock.now()))[0] == 303


def test_a_lost_key_is_said_and_locks_nobody_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open_desk(tmp_path / "s") as desk:
        secret, codes = enrolled(desk)
        state_dir = desk.service.settings.state_dir
        write_secret(FACTOR_KEY, base64.b64encode(bytes(32)).decode(), state_dir)
        with caplog.at_level(logging.WARNING):
            prepare_factors(desk.service.database, state_dir)
        assert "sealed with: anna" in caplog.text
        status, page = try_code(desk, totp(secret, desk.clock.now()))
        assert (status, "PARKWACHT_FACTOR_KEY" in page, "herstelcode" in page) == (401, True, True)
        with desk.browser() as client:
            log_in(client, PASSWORD)
            assert post_form(client, "/login/code", code=codes[0]).status_code == 303
            form = {"csrf": csrf_of(client.get("/account").text), "current": PASSWORD}
            assert client.post("/account/factor/remove", data=form).status_code == 303
            fresh, _ = enrol(desk, client)
        desk.clock.advance(timedelta(minutes=1))
        assert try_code(desk, totp(fresh, desk.clock.now()))[0] == 303
    told = [details["reason"] for what, _, details in desk.told() if what == "login.failed"]
    assert told == ["factor key"]


def test_a_key_that_is_none_stops_the_start(tmp_path: Path) -> None:
    with open_desk(tmp_path / "s") as desk:
        write_secret(FACTOR_KEY, "c2hvcnQ=", desk.service.settings.state_dir)
        with pytest.raises(ConfigError) as caught:
            prepare_factors(desk.service.database, desk.service.settings.state_dir)
    assert "32 bytes in base64" in str(caught.value)
    assert "c2hvcnQ" not in str(caught.value)
