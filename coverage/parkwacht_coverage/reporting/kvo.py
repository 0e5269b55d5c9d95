"""Which steps of the Keurmerk Veilig Ondernemen for business parks the report serves."""

from parkwacht_coverage.evaluate import Condition
from parkwacht_coverage.privacy import PrivacyLevel
from parkwacht_coverage.reporting import blocks
from parkwacht_coverage.reporting.blocks import Block
from parkwacht_coverage.reporting.story import Story
from parkwacht_coverage.results import Scenario

DAY, NIGHT = Condition.DAY, Condition.NIGHT


def kvo_chapter(story: Story) -> list[Block]:
    """Return the steps, and the same measures before and after."""
    say = story.words.say
    return [
        *blocks.chapter(
            say("Voor het KVO-B", "For the KVO-B certificate"),
            intro=say(
                "Het Keurmerk Veilig Ondernemen Bedrijventerreinen kent acht stappen. Deze studie "
                "helpt bij stap 2, 3 en 6, met dezelfde maat ervoor en erna.",
                "The Dutch certificate for safe business parks (KVO-B) has eight steps. This study "
                "serves steps 2, 3 and 6, with the same measure before and after.",
            ),
            on_new_page=False,
        ),
        blocks.table(
            [say("stap", "step"), say("wat dit rapport levert", "what this report gives")],
            _steps(story),
            widths=("1fr", "2fr"),
        ),
        blocks.head(say("Dezelfde maat, ervoor en erna", "The same measure, before and after")),
        _measure_table(story),
        blocks.note(
            say(
                "De laatste kolom vult u na het ophangen: draai dezelfde studie met de camera's "
                "zoals zij hangen, en neem de incidenten van het jaar erna.",
                "Fill the last column after hanging: run the same study with the cameras as they "
                "hang, and take the incidents of the year after.",
            )
        ),
    ]


def _steps(story: Story) -> list[list[str]]:
    say = story.words.say
    return [
        [
            say("2. Veiligheidsanalyse (0-meting)", "2. Safety analysis (baseline)"),
            say(
                "Wat de camera's van nu zien, overdag en 's nachts; welke toegangen en routes "
                "buiten beeld zijn; welke incidenten niet gezien waren. Voeg enquête, schouw en "
                "de cijfers van politie en brandweer toe.",
                "What today's cameras see, by day and by night; which gates and routes are out of "
                "view; which incidents were not seen. Add survey, inspection and the figures of "
                "police and fire service.",
            ),
        ],
        [
            say("3. Plan van aanpak", "3. Plan of action"),
            say(
                "De aanbevolen plaatsing met plekken, kosten, privacy en wat zij niet ziet: één "
                "maatregel. Het keurmerk vraagt er ten minste vier.",
                "The recommended placement with places, costs, privacy and what it does not see: "
                "one measure. The certificate asks for at least four.",
            ),
        ],
        [
            say("6. Evaluatie (1-meting)", "6. Evaluation (second measurement)"),
            say(
                "Dezelfde tabel opnieuw gevuld, met de camera's zoals zij hangen en de incidenten "
                "van daarna. Let op verplaatsing naar parken in de buurt.",
                "The same table filled again, with the cameras as they hang and the incidents "
                "since. Watch for displacement to parks nearby.",
            ),
        ],
    ]


def _measure_table(story: Story) -> Block:
    words, say, study = story.words, story.words.say, story.study
    rows = [[label] for label in _labels(story)]
    for scenario in (study.today, study.recommended):
        for row, value in zip(rows, _values(story, scenario), strict=True):
            row.append(value)
    for row in rows:
        row.append("…")
    header = [
        say("maat", "measure"),
        say(f"0-meting, {words.day(story.on)}", f"baseline, {words.day(story.on)}"),
        say("volgens plan", "as planned"),
        say("1-meting", "second measurement"),
    ]
    return blocks.table(header, rows, widths=("1.8fr", ">1fr", ">1fr", ">1fr"))


def _labels(story: Story) -> list[str]:
    say, when = story.words.say, story.main_words
    return [
        say("openbare ruimte in beeld, overdag", "public ground in view, by day"),
        say("openbare ruimte in beeld, 's nachts", "public ground in view, by night"),
        say(f"toegangen bewaakt, {when}", f"gates watched, {when}"),
        say(f"langste stuk route ongezien, {when}", f"longest unseen stretch, {when}"),
        say("incidenten waarvan de plek in beeld is", "incidents whose place is in view"),
        say("privéterrein in beeld", "private ground in view"),
        say("ramen van woningen in beeld", "windows of dwellings in view"),
    ]


def _values(story: Story, scenario: Scenario) -> list[str]:
    words = story.words
    seen = scenario.privacy.together[DAY]
    return [
        story.share(scenario, DAY),
        story.share(scenario, NIGHT),
        f"{story.gates_served(scenario)} / {len(scenario.gates)}",
        words.metres(story.longest_unseen_m(scenario)),
        f"{story.incidents_seen(scenario)} / {len(scenario.incidents)}",
        words.m2(seen.private_m2),
        words.metres(seen.dwelling_window_m[PrivacyLevel.OBSERVE]),
    ]
