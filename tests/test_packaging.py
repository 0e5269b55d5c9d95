"""packaging/ says what the program can do, and systemd reads it without complaint."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from parkwacht_api.cli import app
from parkwacht_config.settings import Settings

PACKAGING = Path(__file__).parent.parent / "packaging"
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


def test_compose_starts_commands_that_exist_and_names_settings_that_do() -> None:
    compose = yaml.safe_load((PACKAGING / "compose.yaml").read_text())
    commands = [one["command"] for one in compose["services"].values() if "command" in one]
    assert [one[0] for one in commands] == ["serve", "deliver", "watch"]
    assert all(knows(one) for one in commands)
    known = {f"PARKWACHT_{name.upper()}" for name in Settings.model_fields}
    assert set(compose["x-parkwacht"]["environment"]) <= known
    example = (PACKAGING / "environment.example").read_text()
    assert set(re.findall(r"^#?(PARKWACHT_\w+)=", example, re.MULTILINE)) <= known
