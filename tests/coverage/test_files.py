"""From a park to its files: a study that is really searched, told in the report and exports."""

import csv
import io
import shutil
import subprocess
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from report_builders import report_site

from parkwacht_config.text import Language
from parkwacht_coverage.evaluate import Condition
from parkwacht_coverage.exporting.files import write_exports
from parkwacht_coverage.options import quick_options
from parkwacht_coverage.reporting.files import write_report
from parkwacht_coverage.reporting.words import Words
from parkwacht_coverage.results import ScenarioId
from parkwacht_coverage.study import compute_study

ON = date(2026, 11, 25)


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="needs pdftotext (poppler-utils)")
def test_what_a_study_finds_stands_in_its_report_and_its_tables(tmp_path: Path) -> None:
    site = report_site()
    goals = site.goals.model_copy(
        update={"budget_eur": 12_000.0, "camera_types": ("bullet",), "gate_plate": False}
    )
    options = quick_options(grid_step_m=2.0, solve_step_m=6.0)
    study = compute_study(replace(site, goals=goals), options)
    report, *_ = write_report(study, tmp_path, language=Language.EN, on=ON)
    write_exports(study, tmp_path, language=Language.EN, on=ON)
    words, recommended = Words(Language.EN), study.scenarios[ScenarioId.RECOMMENDED]
    assert 0 < recommended.cost.total_eur <= 12_000.0
    run = subprocess.run(["pdftotext", "-l", "1", str(report), "-"], check=True,
                         capture_output=True, text=True)  # fmt: skip
    page = " ".join(run.stdout.split())
    for said in (
        words.eur(recommended.cost.total_eur),
        words.percent(study.seen_share(study.today, Condition.NIGHT)),
        words.percent(study.seen_share(recommended, Condition.NIGHT)),
    ):
        assert said.replace("\u00a0", " ") in page
    table = (tmp_path / "schedule.csv").read_text(encoding="utf-8")
    rows = [one for one in csv.DictReader(io.StringIO(table)) if one["scenario"] == "recommended"]
    assert [one["id"] for one in rows] == [one.id for one in recommended.cameras]
