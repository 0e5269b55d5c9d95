"""Secrets: environment first, then a file that only its owner can read."""

from pathlib import Path

import pytest

from parkwacht_config.errors import ConfigError
from parkwacht_config.secrets import read_secret, write_secret

NAME = "PARKWACHT_SECRET_MELDKAMER"


@pytest.fixture(autouse=True)
def _no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAME, raising=False)


def test_a_written_secret_is_read_back(tmp_path: Path) -> None:
    state_dir = tmp_path / "state"
    path = write_secret(NAME, "whsec_één\"\\='#", state_dir)
    write_secret("OTHER", "x", state_dir)
    secret = read_secret(NAME, state_dir)
    assert secret.get_secret_value() == "whsec_één\"\\='#"
    assert path.stat().st_mode & 0o777 == 0o600
    assert state_dir.stat().st_mode & 0o777 == 0o700
    assert [one.name for one in state_dir.iterdir()] == ["secrets.toml"]  # nothing temporary left
    assert "whsec" not in repr(secret)
    assert "whsec" not in str(secret)


def test_writing_again_replaces_and_keeps_the_others(tmp_path: Path) -> None:
    write_secret(NAME, "old", tmp_path)
    write_secret("OTHER", "stays", tmp_path)
    write_secret(NAME, "new", tmp_path)
    assert read_secret(NAME, tmp_path).get_secret_value() == "new"
    assert read_secret("OTHER", tmp_path).get_secret_value() == "stays"


def test_the_environment_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_secret(NAME, "of the file", tmp_path)
    monkeypatch.setenv(NAME, "of the environment")
    assert read_secret(NAME, tmp_path).get_secret_value() == "of the environment"


def test_an_empty_variable_is_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "")
    with pytest.raises(ConfigError, match="is missing"):
        read_secret(NAME, tmp_path)


def test_an_absent_secret_says_where_it_may_stand(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read_secret(NAME, tmp_path)
    assert NAME in caught.value.text.en
    assert str(tmp_path / "secrets.toml") in caught.value.text.en
    assert "ontbreekt" in caught.value.text.nl


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666])
def test_a_file_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = write_secret(NAME, "hush", tmp_path)
    path.chmod(mode)
    for attempt in (lambda: read_secret(NAME, tmp_path), lambda: write_secret("B", "b", tmp_path)):
        with pytest.raises(ConfigError) as caught:
            attempt()
        assert "chmod 600" in caught.value.text.en
        assert f"{mode:04o}" in caught.value.text.nl
        assert "hush" not in caught.value.text.en


@pytest.mark.parametrize("name", ["lower", "1ST", "", "A B", "whsec_abc123"])
def test_a_name_that_is_none_is_refused_and_not_shown(tmp_path: Path, name: str) -> None:
    for attempt in (lambda: read_secret(name, tmp_path), lambda: write_secret(name, "x", tmp_path)):
        with pytest.raises(ConfigError, match="capitals") as caught:
            attempt()
        assert not name or name not in caught.value.text.en


@pytest.mark.parametrize("value", ["", "a\nb", "a\tb", "\x7f", "\ud800"])
def test_a_value_that_cannot_be_written_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(ConfigError, match=NAME):
        write_secret(NAME, value, tmp_path)
    assert not (tmp_path / "secrets.toml").exists()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("A = 'hush'\nB = [hush\n", "TOML syntax error", id="syntax"),
        pytest.param("[receivers]\nA = 'hush'\n", "receivers", id="not flat"),
        pytest.param("A = 12\n", "A = '***'", id="not a text"),
    ],
)
def test_a_spoilt_file_is_refused_without_showing_it(
    tmp_path: Path, content: str, expected: str
) -> None:
    path = tmp_path / "secrets.toml"
    path.write_text(content, encoding="utf-8")
    path.chmod(0o600)
    with pytest.raises(ConfigError) as caught:
        read_secret(NAME, tmp_path)
    assert expected in caught.value.text.en
    assert "hush" not in caught.value.text.en


def test_a_folder_that_cannot_be_made_is_a_config_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot be written"):
        write_secret(NAME, "x", tmp_path / "file" / "state")
