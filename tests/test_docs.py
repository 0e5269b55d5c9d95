"""Every command and setting is documented, and every link leads somewhere."""

import os
import re
import tomllib
from pathlib import Path

import pytest
import typer.main

from parkwacht_api.cli import app
from parkwacht_api.receivers.channel import address_of
from parkwacht_config.settings import Settings
from parkwacht_config.site import Alarms, Receiver
from parkwacht_config.study import Costs, StudyGoals
from parkwacht_vision.bars import load_bars
from parkwacht_vision.truth import load_truth

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
DOCUMENTS = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted(ROOT.glob("*/README.md")),
]


@pytest.mark.parametrize("command", sorted(typer.main.get_command(app).commands))  # type: ignore[attr-defined]
def test_every_command_is_in_the_readme(command: str) -> None:
    assert re.search(rf"parkwacht {command}\b", README), command


@pytest.mark.parametrize("setting", sorted(Settings.model_fields))
def test_every_setting_is_in_the_readme(setting: str) -> None:
    assert f"PARKWACHT_{setting.upper()}" in README


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", document.read_text()):
        if not target.startswith(("http://", "https://")):
            assert (document.parent / target).exists(), target


def test_the_goals_and_costs_of_the_guide_can_be_read() -> None:
    text = (ROOT / "docs" / "guide" / "study.md").read_text()
    blocks = [tomllib.loads(one) for one in re.findall(r"```toml\n(.*?)```", text, re.DOTALL)]
    (example,) = [one for one in blocks if "study" in one]
    assert StudyGoals.model_validate(example["study"]).privacy.private_m2 == 45_000
    assert Costs.model_validate(example["costs"]).mast_eur == 5_200


def test_the_labels_and_bars_of_the_guide_can_be_read(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "guide" / "evaluate.md").read_text()
    (rows,) = re.findall(r"```csv\n(.*?)```", text, re.DOTALL)
    labels, bars = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    (tmp_path / "events.csv").write_text(rows)
    by_name = {one.name: one for one in load_truth(tmp_path / "events.csv")}
    assert [one.group for one in by_name["poort_inbreker.mp4"].visits] == ["person", "vehicle"]
    assert by_name["terrein_regen.mp4"].is_negative
    assert by_name["hal_van_boven.mp4"].accepts_moving
    (tmp_path / "events.json").write_text(labels)
    (one,) = load_truth(tmp_path / "events.json")
    assert (one.condition, one.visits[0].px_per_m) == ("night, snow", 38)
    (tmp_path / "bars.json").write_text(bars)
    assert load_bars(tmp_path / "bars.json").clips["poort_inbreker.mp4"].n_events == 1


def test_no_machine_path_stands_in_the_project() -> None:
    path_of_a_machine = "/".join(["", "work", "main"])
    for folder, folders, names in os.walk(ROOT):
        folders[:] = set(folders) - {".venv", ".git", "node_modules", ".pytest_cache"}
        for path in (Path(folder, name) for name in names):
            if path.suffix in {".py", ".md", ".toml", ".sh", ".json", ".html"}:
                assert path_of_a_machine not in path.read_text(errors="ignore"), path


def test_every_module_of_coverage_has_its_question_in_the_readme() -> None:
    # files of one name are told apart by their folder, which has a row of its own
    package = ROOT / "coverage" / "parkwacht_coverage"
    text = (ROOT / "coverage" / "README.md").read_text()
    modules = [path for path in package.rglob("*.py") if path.name != "__init__.py"]
    assert len(modules) > 100
    folders = {f"{path.parent.name}/" for path in modules if path.parent != package}
    names = folders | {path.name for path in modules}
    assert sorted(name for name in names if f"`{name}`" not in text) == []


def test_the_receivers_of_the_guide_can_be_sent_to() -> None:
    text = (ROOT / "docs" / "guide" / "forward.md").read_text()
    (example,) = [tomllib.loads(one) for one in re.findall(r"```toml\n(.*?)```", text, re.DOTALL)]
    (receiver,) = [Receiver.model_validate(one) for one in example["receivers"]]
    assert Alarms.model_validate(example["alarms"]).test_at == "11:00"
    addresses = [address_of(channel, receiver.id) for channel in receiver.ways]
    assert addresses == ["tcp://10.1.2.3:12300", "smtp://mail.example.nl:587"]
