"""The command line: what a person may get wrong ends in one clear message and exit code 2."""

import json
import logging
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from parkwacht_api.cli import main
from parkwacht_api.local import find_service, running_in
from parkwacht_config.settings import Settings

ID = "0e0e0e0e-0000-5000-8000-000000000000"


def run(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PARKWACHT_")}
    told = {"PARKWACHT_STATE_DIR": str(tmp_path / "state"), "COLUMNS": "300"}
    return subprocess.run(
        [sys.executable, "-m", "parkwacht_api", *arguments],
        env={**clean, **told, **environment},
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [
        pytest.param(["check", "no.toml"], {}, "no.toml", id="no such park"),
        pytest.param(
            ["check"], {"PARKWACHT_RECEIVER_URLS": "nojson"}, "RECEIVER_URLS", id="no json"
        ),
        pytest.param(
            ["check"],
            {"PARKWACHT_RECEIVER_URLS": '{"meldkamer": "http://127.0.0.1:99999/"}'},
            "meldkamer",
            id="no such port",
        ),
        pytest.param(["check"], {"PARKWACHT_DETECTOR": "foo"}, "PARKWACHT_DETECTOR", id="detector"),
        pytest.param(
            ["serve"],
            {"PARKWACHT_DATABASE_URL": "garbage"},
            "PARKWACHT_DATABASE_URL",
            id="database",
        ),
        pytest.param(
            ["key", "list"],
            {"PARKWACHT_DATABASE_URL": "postgresql://u:geheim@127.0.0.1:9/x"},
            "PARKWACHT_DATABASE_URL",
            id="database that is not there",
        ),
        pytest.param(
            ["serve"], {"PARKWACHT_STATE_DIR": "/proc/nope"}, "PARKWACHT_STATE_DIR", id="state"
        ),
        pytest.param(
            [
                "event",
                "verify",
                ID,
                "--person",
                "A. B.",
                "--reason",
                "gezien",
                "--legal-basis",
                "vordering",
            ],
            {},
            "--legal-number",
            id="a vordering without its number",
        ),
        pytest.param(
            ["event", "dismiss", ID, "--person", "x", "--reason", "kat"],
            {},
            "--person",
            id="person",
        ),
        pytest.param(["event", "show", ID], {}, "PARKWACHT_OPERATOR_KEY", id="no key"),
        pytest.param(
            ["key", "create", "--name", "x", "--role", "partner", "--receiver", "nobody"],
            {},
            "meldkamer, politie",
            id="no such receiver",
        ),
        pytest.param(["watch", "no.mp4"], {}, "no.mp4", id="no such recording"),
        pytest.param(
            ["watch", "no.mp4", "--started-at", "yesterday"], {}, "--started-at", id="no instant"
        ),
        pytest.param(["study", "--class", "nonsense"], {}, "nonsense", id="no such class"),
        pytest.param(["partner", "nobody"], {}, "meldkamer", id="no such partner"),
    ],
)
@pytest.mark.parametrize("language", ["nl", "en"])
def test_bad_input_is_one_message(
    tmp_path: Path,
    arguments: list[str],
    environment: dict[str, str],
    says: str,
    *,
    language: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    told = {"PARKWACHT_DETECTOR": "embedded", "PARKWACHT_LANGUAGE": language, **environment}
    told |= {"PARKWACHT_STATE_DIR": told.get("PARKWACHT_STATE_DIR", str(tmp_path / "state"))}
    for name in [name for name in os.environ if name.startswith("PARKWACHT_")]:
        monkeypatch.delenv(name)
    for name, value in {**told, "COLUMNS": "300"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["parkwacht", *arguments])
    with usual_logging(), pytest.raises(SystemExit) as ended:
        main()
    shown = capfd.readouterr()
    assert ended.value.code == 2, shown
    assert says in shown.err + shown.out
    assert "Traceback" not in shown.err
    assert "geheim@" not in shown.err


@contextmanager
def usual_logging() -> Iterator[None]:
    """Take back what a command of this very process does to the logging of all."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    yield
    root.handlers[:], root.level = before


@pytest.mark.parametrize(
    ("language", "says"), [("nl", "bestaat niet"), ("en", "does not exist")], ids=["nl", "en"]
)
def test_bad_input_ends_a_process_with_exit_code_2(
    tmp_path: Path, language: str, says: str
) -> None:
    done = run(tmp_path, "check", "no.toml", PARKWACHT_LANGUAGE=language)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "no.toml" in done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def service_file(folder: Path, **told: object) -> None:
    folder.mkdir(parents=True)
    (folder / "service.json").write_text(json.dumps(told))


@pytest.mark.parametrize(
    ("settings", "is_found"),
    [
        pytest.param({}, True, id="nothing was said: the demo"),
        pytest.param({"api_url": "http://10.0.0.1:8080"}, False, id="an address was given"),
        pytest.param({"ingest_key": "pw_x_y"}, False, id="a key was given"),
        pytest.param({"database_url": "sqlite:///x.db"}, False, id="a database was given"),
    ],
)
def test_a_demo_never_gets_what_belongs_elsewhere(
    tmp_path: Path, settings: dict[str, str], is_found: bool
) -> None:
    service_file(tmp_path / "demo", pid=os.getpid(), url="http://127.0.0.1:9", site="x.toml")
    found = find_service(Settings(state_dir=tmp_path, **settings))  # type: ignore[arg-type]
    assert (found is not None) is is_found


@pytest.mark.parametrize("told", [{}, {"pid": 1}, {"pid": 2**22 + 1, "url": "u", "site": "s"}])
def test_a_service_file_of_nobody_is_no_service(tmp_path: Path, told: dict[str, object]) -> None:
    service_file(tmp_path / "state", **told)
    assert running_in(tmp_path / "state") is None


def test_a_first_start_keeps_the_key_out_of_a_log(tmp_path: Path) -> None:
    environment = {**os.environ, "PARKWACHT_STATE_DIR": str(tmp_path / "state")}
    with subprocess.Popen(
        [sys.executable, "-m", "parkwacht_api", "serve", "--no-deliver", "--port", "18391"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:  # the terminal may wrap the path
            lines.append(line)
            if "secrets.toml" in "".join(lines).replace("\n", ""):
                break
        process.terminate()
        lines.append(process.stdout.read())
    said = "".join(lines).replace("\n", "")
    assert "secrets.toml" in said
    secrets = tomllib.loads((tmp_path / "state" / "secrets.toml").read_text())
    assert "PARKWACHT_FIRST_PASSWORD" in secrets
    assert [name for name, value in secrets.items() if value in said] == []
    assert (tmp_path / "state" / "secrets.toml").stat().st_mode & 0o777 == 0o600
