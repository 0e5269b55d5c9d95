"""packaging/ says what the program can do, and what reads it reads it without complaint."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from api_harness import make_site, running_service
from jsonschema import Draft7Validator  # type: ignore[import-untyped]
from npm_packages import fetch, unpack
from typer.testing import CliRunner

from parkwacht_api.cli import app
from parkwacht_config.settings import Settings

ROOT = Path(__file__).parent.parent
PACKAGING = ROOT / "packaging"
DOCKERFILE = (PACKAGING / "Dockerfile").read_text()
# A linter of compose files that brings the schema of the compose specification.
DCLINT = "dclint@3.1.0"
UNITS = sorted((PACKAGING / "systemd").glob("*.service"))
RUNNER = CliRunner()


def knows(words: list[str]) -> bool:
    """Whether the program takes these words: its help of them names every option."""
    command, *options = words
    told = RUNNER.invoke(app, [command, "--help"], env={"COLUMNS": "200"}, color=False)
    return told.exit_code == 0 and all(
        one in told.output for one in options if one.startswith("--")
    )


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_starts_a_command_that_exists(unit: Path) -> None:
    start = re.search(r"^ExecStart=\S+/bin/parkwacht (.*)$", unit.read_text(), re.MULTILINE)
    assert start is not None
    assert knows(start[1].split())


@pytest.mark.server("systemd-analyze")
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_reads_a_unit(unit: Path, tmp_path: Path) -> None:
    # The program itself lies elsewhere on this machine; everything else is read as it stands.
    text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text(), flags=re.MULTILINE)
    copy = tmp_path / unit.name
    copy.write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False
    )
    complaints = [line for line in done.stderr.splitlines() if unit.name in line]
    assert done.returncode == 0, done.stderr
    assert complaints == []


def compose_file() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((PACKAGING / "compose.yaml").read_text())
    return found


def settings_names() -> set[str]:
    return {f"PARKWACHT_{name.upper()}" for name in Settings.model_fields}


def dockerfile_env() -> dict[str, str]:
    words = re.findall(r"^ENV (.*)$", DOCKERFILE, re.MULTILINE)
    return dict(one.split("=", 1) for line in words for one in shlex.split(line))


def test_compose_starts_commands_that_exist_and_names_settings_that_do() -> None:
    compose = compose_file()
    commands = [one["command"] for one in compose["services"].values() if "command" in one]
    assert [one[0] for one in commands] == ["serve", "deliver", "watch"]
    assert all(knows(one) for one in commands)
    assert set(compose["x-parkwacht"]["environment"]) <= settings_names()
    example = (PACKAGING / "environment.example").read_text()
    named = set(re.findall(r"^#?(PARKWACHT_\w+)=", example, re.MULTILINE))
    assert {one for one in named - settings_names() if not is_known_secret(one)} == set()


def is_known_secret(name: str) -> bool:
    """Whether the product reads a secret of this name, or an example of a park file names it so."""
    sources = [*(ROOT / "api" / "parkwacht_api").rglob("*.py"), *ROOT.glob("config/sites/*.toml")]
    sources += (ROOT / "vision" / "parkwacht_vision").glob("*.py")
    sources += ROOT.glob("docs/guide/*.md")
    return any(f'= "{name}"' in one.read_text() for one in sources)


@pytest.fixture(scope="session")
def compose_schema(request: pytest.FixtureRequest) -> Any:
    """The schema of the compose specification, fetched once into pytest's cache."""
    home = fetch(request, "compose", *unpack(DCLINT))
    return json.loads((home / "package" / "schemas" / "compose.schema.json").read_text())


@pytest.mark.server("npm")
def test_compose_is_valid_by_the_schema_of_its_specification(compose_schema: Any) -> None:
    validator = Draft7Validator(compose_schema)
    assert [error.message for error in validator.iter_errors(compose_file())] == []
    wrong = compose_file()
    wrong["services"]["serve"]["healthchek"] = wrong["services"]["serve"].pop("healthcheck")
    assert any("healthchek" in error.message for error in validator.iter_errors(wrong))


def test_compose_refers_to_what_is_there() -> None:
    compose = compose_file()
    services, ours = compose["services"], compose["x-parkwacht"]
    for service in services.values():
        for other, wanted in service.get("depends_on", {}).items():
            assert wanted["condition"] != "service_healthy" or "healthcheck" in services[other]
        for one in service["volumes"]:
            source = one.rpartition(":")[0] if one.endswith(":ro") else one
            name = source.rpartition(":")[0]
            assert name.startswith("${") or name in compose["volumes"]
    build = ours["build"]
    context = (PACKAGING / build["context"]).resolve()
    assert (context / build["dockerfile"]).read_text() == DOCKERFILE
    # What it writes lies in the volume; everything else is read-only.
    state_dir = dockerfile_env()["PARKWACHT_STATE_DIR"]
    assert f"state:{state_dir}" in ours["volumes"]
    park_dir = str(Path(ours["environment"]["PARKWACHT_SITE"]).parent)
    assert any(one.endswith(f":{park_dir}:ro") for one in ours["volumes"])
    (port,) = re.findall(r"^EXPOSE (\d+)$", DOCKERFILE, re.MULTILINE)
    assert services["serve"]["ports"] == [f"127.0.0.1:{port}:{port}"]
    default = ours["environment"]["PARKWACHT_API_URL"]
    assert default == f"${{PARKWACHT_API_URL:-http://serve:{port}}}"
    url = str(Settings.model_fields["api_url"].default)
    assert url.endswith(f":{port}")  # where serve listens unless told otherwise
    user = services["db"]["environment"]["POSTGRES_USER"]
    address = ours["environment"]["PARKWACHT_DATABASE_URL"]
    assert address.startswith(f"postgresql://{user}:")
    assert address.endswith(f"@db/{services['db']['environment']['POSTGRES_DB']}")
    assert services["db"]["healthcheck"]["test"][1].split() == ["pg_isready", "-U", user]


def test_composes_healthcheck_knows_a_service_that_works_from_none(tmp_path: Path) -> None:
    how, python, *rest = compose_file()["services"]["serve"]["healthcheck"]["test"]
    assert (how, python) == ("CMD", f"{dockerfile_env()['PARKWACHT_VENV']}/bin/python")
    # No outbox runs here, as in compose: `deliver` waits until `serve` is healthy.
    with running_service(tmp_path, make_site()) as service:
        command = [one.replace("http://127.0.0.1:8080", service.url) for one in rest]
        assert service.url in command[-1]
        done = subprocess.run([sys.executable, *command], check=False, timeout=60)
        assert done.returncode == 0
    done = subprocess.run([sys.executable, *command], check=False, capture_output=True, timeout=60)
    assert done.returncode != 0


def test_the_image_is_built_and_started_with_what_is_there() -> None:
    env = dockerfile_env()
    ours = {name for name in env if name.startswith("PARKWACHT_")}
    assert ours - {"PARKWACHT_VENV"} <= settings_names()
    assert "PARKWACHT_VENV" in (ROOT / "scripts" / "setup").read_text()
    assert os.access(ROOT / "scripts" / "setup", os.X_OK)
    assert "RUN ./scripts/setup" in DOCKERFILE
    (entry,) = json.loads(re.findall(r"^ENTRYPOINT (.*)$", DOCKERFILE, re.MULTILINE)[0])
    program = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert entry == f"{env['PARKWACHT_VENV']}/bin/{next(iter(program))}"
    assert knows(json.loads(re.findall(r"^CMD (.*)$", DOCKERFILE, re.MULTILINE)[0]))
    assert f"VOLUME {env['PARKWACHT_STATE_DIR']}" in DOCKERFILE
    # What is secret or of this machine alone stays out of the image.
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {".git", ".venv", "**/secrets.toml"} <= set(ignored)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_names_paths_and_settings_that_exist(unit: Path) -> None:
    text = unit.read_text()
    home = "/opt/parkwacht"  # as the guide has it
    (document,) = re.findall(rf"^Documentation=file:{home}/(\S+)$", text, re.MULTILINE)
    assert (ROOT / document).is_file()
    # Where scripts/setup puts it unless told otherwise.
    assert f"ExecStart={home}/.venv/bin/parkwacht " in text
    guide = (ROOT / document).read_text()
    (file,) = re.findall(r"^EnvironmentFile=(\S+)$", text, re.MULTILINE)
    assert f"packaging/environment.example {file}" in guide
    assert home in guide
    (line,) = re.findall(r"^Environment=(.*)$", text, re.MULTILINE)
    env = dict(one.split("=", 1) for one in line.split())
    assert {name for name in env if name.startswith("PARKWACHT_")} <= settings_names()
    (folder,) = re.findall(r"^StateDirectory=(\S+)$", text, re.MULTILINE)
    assert env["PARKWACHT_STATE_DIR"] == f"/var/lib/{folder}"
    others = re.findall(r"(parkwacht-\w+\.service)", text)
    assert all((PACKAGING / "systemd" / one).is_file() for one in others)
