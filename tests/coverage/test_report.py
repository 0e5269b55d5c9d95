"""The report: its figures in both languages, its pages, nothing outside them, the same bytes."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from report_builders import BUDGET_EUR, bare_study, built_study

from parkwacht_config.errors import CoverageError
from parkwacht_config.text import Language
from parkwacht_coverage.evaluate import Condition
from parkwacht_coverage.reporting.dpia import dpia_annex
from parkwacht_coverage.reporting.files import N_STEPS, write_report
from parkwacht_coverage.reporting.first_page import recommendation
from parkwacht_coverage.reporting.story import Story
from parkwacht_coverage.reporting.typeset import typeset
from parkwacht_coverage.reporting.words import Words

ON = date(2026, 11, 25)
PAGE_MM = (210.0, 297.0)
MARGIN_MM = 13.0  # the template's is 15
needs_poppler = pytest.mark.skipif(
    shutil.which("pdftotext") is None, reason="needs pdftotext (poppler-utils)"
)


@dataclass(frozen=True)
class Reports:
    """The Dutch report as it is written, and the English text around the same pictures."""

    dutch: Path
    english: Path
    pictures: tuple[Path, ...]
    n_told: int

    def of(self, language: Language) -> Path:
        return self.dutch if language is Language.NL else self.english


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Reports:
    folder, told = tmp_path_factory.mktemp("report") / "new", []
    dutch, *pictures = write_report(
        built_study(), folder, language=Language.NL, on=ON, on_written=lambda: told.append(1)
    )
    english = folder / "english.pdf"
    story = Story.of(built_study("2025"), Words(Language.EN), ON)
    english.write_bytes(typeset(story, pictures))
    return Reports(dutch, english, tuple(pictures), len(told))


def text_of(pdf: Path, *options: str) -> str:
    """Return the text of a PDF with every run of white space as one space."""
    run = subprocess.run(
        ["pdftotext", *options, str(pdf), "-"], check=True, capture_output=True, text=True
    )
    return re.sub(r"\s+", " ", run.stdout)


def page_of(pdf: Path, number: int) -> str:
    return text_of(pdf, "-f", str(number), "-l", str(number))


@needs_poppler
def test_the_first_page_says_what_to_decide_in_dutch(
    reports: Reports,
) -> None:
    study, words = built_study(), Words(Language.NL)
    page = page_of(reports.dutch, 1)
    for scenario in (study.today, study.recommended):
        assert words.percent(study.seen_share(scenario, Condition.NIGHT)) in page
    cost = study.recommended.cost
    for amount in (cost.total_eur, cost.views_eur, cost.sites_eur, cost.yearly_eur, BUDGET_EUR):
        assert words.eur(amount).replace("\u00a0", " ") in page
    for said in (
        "Cameratoezicht Klein terrein",
        "Wat wij aanbevelen",
        "Hang twee camera's bij, op één plek.",
        "Wat het kost",
        "En de privacy?",
        "Wat het niet ziet",
        "Verzonnen voorbeeldterrein",
        "25 november 2026",
        "IEC/EN 62676-4:2014",
    ):
        assert said in page, said
    assert "Leeswijzer" not in page
    assert page_of(reports.dutch, 2).count("Leeswijzer") >= 1


@needs_poppler
def test_the_first_page_says_what_to_decide_in_english(
    reports: Reports,
) -> None:
    study, words = built_study("2025"), Words(Language.EN)
    page = page_of(reports.english, 1)
    assert words.eur(study.recommended.cost.total_eur).replace("\u00a0", " ") in page
    for scenario in (study.today, study.recommended):
        assert words.percent(study.seen_share(scenario, Condition.NIGHT)) in page
    for said in (
        "Camera surveillance at Klein terrein",
        "Add two cameras at one place.",
        "What it does not see",
        "25 November 2026",
        "“discern”",
        "IEC/EN 62676-4:2025",
    ):
        assert said in page, said


@needs_poppler
@pytest.mark.parametrize(
    ("language", "chapters"),
    [
        (
            Language.NL,
            [
                "Leeswijzer", "Vier mogelijkheden naast elkaar", "Wat het kost en wat het brengt",
                "Toegangen en routes", "Incidenten: was het gezien?", "Plekken en camera's",
                "Lijnen en opslag", "Voor het KVO-B", "Hoe het berekend is",
                "Bijlage A. Privacy, gemeten", "Bijlage B. Voorzet voor een DPIA",
                "Bijlage C. Camera in Beeld",
            ],
        ),
        (
            Language.EN,
            [
                "How to read this", "Four options side by side",
                "What it costs and what it brings", "Gates and routes", "Places and cameras",
                "Lines and storage", "How it was computed", "Annex A. Privacy, measured",
                "Annex C. Camera in Beeld",
            ],
        ),
    ],
)  # fmt: skip
def test_all_chapters_and_their_figures_are_there(
    reports: Reports, language: Language, chapters: list[str]
) -> None:
    edition = "2014" if language is Language.NL else "2025"
    study, words = built_study(edition), Words(language)
    whole = text_of(reports.of(language))
    places = [whole.rindex(one) for one in chapters]
    assert places == sorted(places)
    closed_up = whole.replace(" ", "")  # pdftotext finds no space in some table cells
    for scenario in study.scenarios.values():
        seen = scenario.privacy.together[Condition.DAY]
        for said in (words.eur(scenario.cost.total_eur), words.m2(seen.private_m2)):
            assert said.replace("\u00a0", "") in closed_up
    for one in study.recommended.proposed:
        assert words.coordinate(one.model.x_m) in whole
        assert words.degrees(one.model.azimuth_deg) in whole
    # two editions side by side, whatever the study used
    assert "IEC/EN 62676-4:2014" in whole
    assert "IEC/EN 62676-4:2025" in whole
    # so many cameras of 2688 x 1520 at 12.5 x 0.08 bit: 4.08576 Mbit/s each (test_storage)
    n = len(study.recommended.cameras)
    assert words.number(n * 4.08576, 1) in whole
    assert words.number(n * 4.08576 * 10.8 * 28) in whole
    assert "abababababababab" in whole  # the digest of the input


@needs_poppler
@pytest.mark.parametrize("language", Language)
def test_no_word_leaves_its_page(reports: Reports, language: Language) -> None:
    run = subprocess.run(
        ["pdftotext", "-bbox", str(reports.of(language)), "-"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    words = re.findall(
        r'xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)"', run.stdout
    )
    assert len(words) > 2000
    margin = MARGIN_MM / 25.4 * 72
    width, height = (one / 25.4 * 72 for one in PAGE_MM)
    for one in words:
        left, top, right, bottom = map(float, one)
        assert left >= margin
        assert right <= width - margin
        assert top >= margin / 2
        assert bottom <= height - margin / 2


@needs_poppler
@pytest.mark.parametrize("language", Language)
def test_pages_are_numbered_to_the_last(reports: Reports, language: Language) -> None:
    whole = text_of(reports.of(language))
    of = "van" if language is Language.NL else "of"
    found = re.findall(rf"(\d+) {of} (\d+)(?= |$)", whole)
    last = max(int(total) for _, total in found)
    assert 12 <= last <= 30
    assert {int(page) for page, total in found if int(total) == last} == set(range(1, last + 1))


def test_the_same_study_and_date_give_the_same_bytes(
    reports: Reports,
) -> None:
    story = Story.of(built_study(), Words(Language.NL), ON)
    assert typeset(story, reports.pictures) == reports.dutch.read_bytes()
    later = Story.of(built_study(), Words(Language.NL), date(2026, 11, 26))
    assert typeset(later, reports.pictures) != reports.dutch.read_bytes()


def test_files_are_named_and_every_step_is_told(reports: Reports) -> None:
    assert reports.n_told == N_STEPS
    assert reports.dutch.name == "coverage_report.pdf"
    assert reports.dutch.read_bytes().startswith(b"%PDF-")
    names = [path.name for path in reports.pictures]
    assert "map_summary.png" in names
    assert "cost_curve.png" in names
    assert len(names) == len(set(names))
    assert all(path.is_file() for path in reports.pictures)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CoverageError, match=r"file cannot be written"):
        write_report(built_study(), tmp_path / "file", language=Language.NL, on=ON)


@needs_poppler
@pytest.mark.parametrize("language", Language)
def test_a_park_with_nothing_in_it_has_a_report_and_its_name_is_no_markup(
    reports: Reports, tmp_path: Path, language: Language
) -> None:
    report = tmp_path / "report.pdf"
    story = Story.of(bare_study(), Words(language), ON)
    report.write_bytes(typeset(story, reports.pictures))
    page = page_of(report, 1)
    assert "Park #1 *nieuw* $x$ <b> [a]" in page
    none = "geen nieuwe camera's" if language is Language.NL else "no new cameras"
    assert none in page
    assert "0,0% → 0,0%" in page or "0.0% → 0.0%" in page


def test_by_day_the_page_speaks_of_the_day() -> None:
    story = Story.of(built_study(condition="day"), Words(Language.NL), ON)
    said = recommendation(story)
    assert "overdag" in said
    assert "nachts" not in said


def test_the_dpia_leaves_to_people_what_is_theirs() -> None:
    (form,) = [one for one in dpia_annex(Story.of(built_study(), Words(Language.EN), ON))
               if one["kind"] == "form"]  # fmt: skip
    rows = {row["question"]: row for row in form["rows"]}
    assert rows["Signs"]["answer"] == ""
    assert rows["Rights"]["answer"] == ""
    assert "Gemeentewet 151c" in rows["Legal basis"]["answer"]
    assert "28 days" in rows["How long kept"]["answer"]
    assert all(row["open"] for row in form["rows"])


@pytest.mark.parametrize(
    ("language", "value", "digits", "expected"),
    [
        (Language.NL, 1234567.891, 1, "1.234.567,9"),
        (Language.EN, 1234567.891, 1, "1,234,567.9"),
        (Language.NL, -0.04, 1, "0,0"),
        (Language.EN, 12.5, 0, "12"),
    ],
)
def test_numbers_are_written_as_the_reader_writes_them(
    language: Language, value: float, digits: int, expected: str
) -> None:
    assert Words(language).number(value, digits) == expected


@pytest.mark.parametrize(
    ("azimuth", "expected"), [(0, "noord"), (359, "noord"), (44, "noordoost"), (180, "zuid")]
)
def test_directions_have_names(azimuth: float, expected: str) -> None:
    assert Words(Language.NL).wind(azimuth) == expected
