"""What a park's file may say of its log-in service, and that the guide says it right."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from api_harness import SITE_PATH
from oidc_provider import told
from pydantic import ValidationError
from typer.testing import CliRunner

from parkwacht_api.cli import app
from parkwacht_api.database import Database
from parkwacht_api.repository_access import account_by_subject, audit_entries
from parkwacht_api.roles import PEOPLE, Role
from parkwacht_config.errors import ConfigError, ParkwachtError
from parkwacht_config.loader import load_site
from parkwacht_config.oidc import Oidc, OidcRole


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "http://login.example"},
        {"issuer": "https://login.example?x=1"},
        {"scopes": ["profile"]},
        {"roles": [{"group": "a", "role": "police_reader"}]},
        {"roles": [{"group": "a", "role": "reviewer", "receiver_id": "politie"}]},
        {"roles": [{"group": "a", "role": "camera_worker"}]},
        {"makes_accounts": ["reviewer"]},
        {"extra": 1},
    ],
    ids=str,
)
def test_what_the_file_cannot_say(wrong: dict[str, Any]) -> None:
    assert told("https://login.example").makes_accounts == ()
    with pytest.raises(ValidationError):
        told(**{"issuer": "https://login.example", **wrong})


def test_the_example_of_the_guide_can_be_read() -> None:
    text = (SITE_PATH.parents[2] / "docs" / "guide" / "access.md").read_text()
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    read = Oidc.model_validate(tomllib.loads(example)["oidc"])
    assert [one.role for one in read.roles] == [
        "administrator",
        "security_operator",
        "police_reader",
    ]


def test_the_file_knows_the_roles_of_people() -> None:
    for role in PEOPLE:
        receiver = "politie" if role is Role.POLICE_READER else None
        OidcRole.model_validate({"group": "a", "role": role.value, "receiver_id": receiver})


LINES = """
[oidc]
name = "Parkpas"
issuer = "https://login.example"
client_id = "parkwacht"
client_secret_env = "PARKWACHT_OIDC_SECRET"

[[oidc.roles]]
group = "politie"
role = "police_reader"
receiver_id = "RECEIVER"
"""


def park_file(folder: Path, receiver_id: str) -> Path:
    """Write the sample park with a log-in service."""
    for one in SITE_PATH.parent.iterdir():
        if not (folder / one.name).exists():
            (folder / one.name).symlink_to(one)
    path = folder / "park.toml"
    path.write_text(SITE_PATH.read_text() + LINES.replace("RECEIVER", receiver_id))
    return path


def test_a_role_is_bound_to_a_receiver_that_there_is(tmp_path: Path) -> None:
    read = load_site(park_file(tmp_path, "politie")).oidc
    assert read is not None
    assert read.roles[0].receiver_id == "politie"
    with pytest.raises(ConfigError) as caught:
        load_site(park_file(tmp_path, "politei"))
    assert "oidc.roles[0].receiver_id" in str(caught.value)
    assert "politie" in str(caught.value)


def test_the_command_links_and_unlinks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state_dir, park = tmp_path / "s", park_file(tmp_path, "politie")
    for name, value in (("STATE_DIR", state_dir), ("LANGUAGE", "en"), ("SITE", park)):
        monkeypatch.setenv(f"PARKWACHT_{name}", str(value))

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["accounts", *arguments], env={"COLUMNS": "300"})
        is_refused = isinstance(done.exception, ParkwachtError)
        return 2 if is_refused else done.exit_code, done.output

    for name in ("anna", "bob"):
        assert run("add", name, "--role", "reviewer")[0] == 0
    assert run("link", "anna", "--subject", "248289761001") == (0, "Parkpas vouches for anna.\n")
    assert run("link", "bob", "--subject", "248289761001")[0] == 2  # one person, one account
    assert run("link", "anna", "--subject", "248289761001")[0] == 0  # a second time changes nothing
    database = Database(f"sqlite:///{state_dir / 'parkwacht.db'}")
    with database.reading() as session:
        linked = account_by_subject(session, "https://login.example", "248289761001")
        assert linked is not None
        assert linked.name == "anna"
    assert run("link", "anna")[0] == 0
    with database.reading() as session:
        assert account_by_subject(session, "https://login.example", "248289761001") is None
        acts = [row.what for row in audit_entries(session) if row.object_id == "anna"]
    database.dispose()
    assert acts == ["account.add", "account.link", "account.link", "account.unlink"]
    monkeypatch.setenv("PARKWACHT_SITE", str(SITE_PATH))
    assert run("link", "anna", "--subject", "1")[0] == 2  # this park has none
