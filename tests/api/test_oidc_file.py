"""What a park's file may say of its log-in service, and that the guide says it right."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from api_harness import SITE_PATH
from oidc_provider import told
from pydantic import ValidationError

from parkwacht_api.roles import PEOPLE, Role
from parkwacht_config.errors import ConfigError
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


def test_a_role_is_bound_to_a_receiver_that_there_is(tmp_path: Path) -> None:
    lines = """
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
    for one in SITE_PATH.parent.iterdir():
        (tmp_path / one.name).symlink_to(one)
    path = tmp_path / "park.toml"
    path.write_text(SITE_PATH.read_text() + lines.replace("RECEIVER", "politie"))
    read = load_site(path).oidc
    assert read is not None
    assert read.roles[0].receiver_id == "politie"
    path.write_text(SITE_PATH.read_text() + lines.replace("RECEIVER", "politei"))
    with pytest.raises(ConfigError) as caught:
        load_site(path)
    assert "oidc.roles[0].receiver_id" in str(caught.value)
    assert "politie" in str(caught.value)
