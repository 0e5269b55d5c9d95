"""The scenarios side by side, and what is seen per class and per kind of ground."""

from collections.abc import Callable

from parkwacht_coverage.evaluate import Condition
from parkwacht_coverage.privacy import PrivacyLevel
from parkwacht_coverage.reporting import blocks
from parkwacht_coverage.reporting.blocks import Block
from parkwacht_coverage.reporting.maps import WIDTH_MM
from parkwacht_coverage.reporting.story import NO_PROOF_GAP, Story
from parkwacht_coverage.reporting.words import KIND_NAMES
from parkwacht_coverage.results import SCENARIO_NAMES, Scenario, ScenarioId

NIGHT, DAY = Condition.NIGHT, Condition.DAY
MAX_UNMET = 2  # per scenario; a working group reads no longer list


def scenario_chapter(story: Story) -> list[Block]:
    """Return the scenarios as a table and as small maps."""
    say, words = story.words.say, story.words
    n = words.count(len(story.scenarios)).capitalize()
    header = ["", *(words.text(SCENARIO_NAMES[one.id]) for one in story.scenarios)]
    rows = [[label, *(write(one) for one in story.scenarios)] for label, write in _measures(story)]
    return [
        *blocks.chapter(
            say(f"{n} mogelijkheden naast elkaar", f"{n} options side by side"),
            intro=_intro(story),
        ),
        blocks.table(header, rows, widths=("1.5fr", *[">1fr"] * len(story.scenarios))),
        blocks.note(_remarks(story)),
        *_unmet(story),
        blocks.image(
            "map_scenarios.png",
            say("Kaarten van de mogelijkheden", "Maps of the options"),
            width_mm=WIDTH_MM,
            caption=say(
                f"In beeld {story.main_words}, per mogelijkheid.",
                f"In view {story.main_words}, per option.",
            ),
        ),
    ]


def _remarks(story: Story) -> str:
    """Explain the words of the table: cheapest, where there is one, and proven."""
    say = story.words.say
    share = story.words.percent(story.study.goals.min_area_share, 0)
    cheapest = say(
        f"Goedkoopst dat voldoet: het minste geld waarmee {share} van de gewogen openbare ruimte "
        "in beeld is en de andere doelen gehaald worden. ",
        f"Cheapest that meets the goals: the least money that brings {share} of the weighted "
        "public ground in view and meets the other goals. ",
    )
    proven = say(
        "Bewezen: geen enkele plaatsing uit de bekeken mogelijkheden is beter. Tot op een aandeel: "
        "zo veel beter zou een andere plaatsing hoogstens kunnen zijn; wat daarvan haalbaar is, "
        "weet niemand.",
        "Proven: no placement out of the choices looked at is better. Within a share: another "
        "placement could at most be that much better; how much of it can be had nobody knows.",
    )
    return (cheapest if ScenarioId.CHEAPEST in story.study.scenarios else "") + proven


def _intro(story: Story) -> str:
    say = story.words.say
    if ScenarioId.CHEAPEST not in story.study.scenarios:
        return say(
            "Geen enkele plaatsing doet alles wat gevraagd is. Dit is wat er wel kan, naast wat er "
            "nu hangt.",
            "No placement does all that was asked. This is what can be done, beside what hangs "
            "today.",
        )
    return say(
        "Wat er nu hangt, wat het minste kost en toch doet wat gevraagd is, wat wij aanbevelen "
        "voor het budget, en wat het dubbele budget zou brengen.",
        "What hangs today, what costs least and still does what was asked, what we recommend for "
        "the budget, and what twice the budget would bring.",
    )


def _measures(story: Story) -> list[tuple[str, Callable[[Scenario], str]]]:
    """Return the rows of the table: what is measured, and how it is written."""
    say, words, study = story.words.say, story.words, story.study
    when = story.main_words
    n_gates, n_incidents = len(study.site.gates), len(study.site.incidents)
    rows: list[tuple[str, Callable[[Scenario], str]]] = [
        (say("nieuwe camera's", "new cameras"), lambda one: words.number(one.cost.n_cameras)),
        (say("op zoveel plekken", "at so many places"), lambda one: words.number(one.cost.n_sites)),
        (say("eenmalige kosten", "paid once"), lambda one: words.eur(one.cost.total_eur)),
        (say("kosten per jaar", "paid yearly"), lambda one: words.eur(one.cost.yearly_eur)),
        (say("in beeld, overdag", "in view, by day"), lambda one: story.share(one, DAY)),
        (say("in beeld, 's nachts", "in view, by night"), lambda one: story.share(one, NIGHT)),
        (
            say(f"toegangen bewaakt, {when}", f"gates watched, {when}"),
            lambda one: f"{story.gates_served(one)} / {n_gates}",
        ),
        (
            say(f"langste stuk ongezien, {when}", f"longest unseen, {when}"),
            lambda one: words.metres(story.longest_unseen_m(one)),
        ),
        (
            say("incidenten in beeld", "incidents in view"),
            lambda one: f"{story.incidents_seen(one)} / {n_incidents}",
        ),
        (
            say("privéterrein in beeld", "private ground in view"),
            lambda one: words.m2(one.privacy.together[DAY].private_m2),
        ),
        (
            say("ramen van woningen in beeld", "windows of dwellings in view"),
            lambda one: words.metres(
                one.privacy.together[DAY].dwelling_window_m[PrivacyLevel.OBSERVE]
            ),
        ),
    ]
    rows.append((say("is dit het beste?", "is this the best?"), lambda one: _verdict(story, one)))
    return rows


def _verdict(story: Story, scenario: Scenario) -> str:
    """Say whether every stage of a scenario was proven, or how far off it may be."""
    say = story.words.say
    if not scenario.proofs:
        return "\u2013"
    if all(one.is_proven for one in scenario.proofs):
        return say("bewezen", "proven")
    worst = max(one.gap for one in scenario.proofs)
    if worst >= NO_PROOF_GAP:
        return say("onbekend", "not known")
    gap = story.words.percent(worst)
    return say(f"tot op {gap}", f"within {gap}")


def _unmet(story: Story) -> list[Block]:
    """Return per proposal which goals it does not meet, at most `MAX_UNMET` of them."""
    words, say = story.words, story.words.say
    items = []
    for scenario in story.scenarios:
        if scenario.unmet and scenario.id is not ScenarioId.TODAY:
            shown = "; ".join(words.text(one) for one in scenario.unmet[:MAX_UNMET])
            rest = len(scenario.unmet) - MAX_UNMET
            more = say(f"; en nog {rest}", f"; and {rest} more") if rest > 0 else ""
            name = words.text(SCENARIO_NAMES[scenario.id]).capitalize()
            items.append(f"{name}: {shown}{more}.")
    if not items:
        return []
    return [blocks.head(say("Niet gehaald", "Not met")), blocks.bullets(items)]


def class_chapter(story: Story) -> list[Block]:
    """Return what is seen per class and kind, with maps by day and by night."""
    say, words = story.words.say, story.words
    found = [
        *blocks.chapter(
            say("Wat er te zien is, overdag en 's nachts", "What can be seen, by day and by night"),
            intro=say(
                "Dezelfde camera's zien 's nachts minder: een klasse geldt alleen waar genoeg "
                "licht is. De kaarten tonen per stukje grond de hoogste klasse.",
                "The same cameras see less by night: a class holds only where there is enough "
                "light. The maps show the highest class of each piece of ground.",
            ),
        ),
        blocks.image(
            "class_bars.png",
            say("Staven: aandeel per klasse", "Bars: share per class"),
            width_mm=WIDTH_MM,
        ),
        _by_class(story),
        blocks.note(
            say(
                "Aandeel van de openbare ruimte dat ten minste deze klasse haalt. Vet: de klasse "
                "waar deze studie op mikt.",
                "Share of the public ground that reaches at least this class. Bold: the class this "
                "study aims at.",
            )
        ),
        _by_kind(story),
        blocks.note(
            say(
                f"Aandeel per soort grond dat de klasse {story.target()} haalt.",
                f"Share of each kind of ground that reaches the class {story.target()}.",
            )
        ),
    ]
    for condition in (NIGHT, DAY):
        for id_ in (ScenarioId.TODAY, ScenarioId.RECOMMENDED):
            name = words.text(SCENARIO_NAMES[id_]).capitalize()
            when = words.condition(condition)
            alt = say(f"Kaart: {name}, {when}", f"Map: {name}, {when}")
            file = f"map_{id_.value}_{condition.value}.png"
            found.append(blocks.image(file, alt, width_mm=WIDTH_MM, caption=f"{name}, {when}."))
    return found


def _plans(story: Story) -> list[tuple[str, Scenario, Condition]]:
    words, study = story.words, story.study
    return [
        (f"{words.text(SCENARIO_NAMES[one.id])}, {words.condition(condition)}", one, condition)
        for condition in (DAY, NIGHT)
        for one in (study.today, study.recommended)
    ]


def _by_class(story: Story) -> Block:
    study, words, say = story.study, story.words, story.words.say
    plans, whole = _plans(story), study.ground.total_m2
    rows, strong = [], []
    for index, one in enumerate(study.edition.classes):
        shares = [
            words.percent(study.seen_m2(plan, condition, density_class=one) / whole)
            for _, plan, condition in plans
        ]
        density = f"{words.short(one.min_px_per_m)} px/m"
        rows.append([words.text(one.name), density, *shares])
        if one.id == study.target_class.id:
            strong.append(index)
    header = [say("klasse", "class"), say("vanaf", "from"), *(name for name, _, _ in plans)]
    widths = ("auto", ">auto", *[">1fr"] * len(plans))
    return blocks.table(header, rows, widths=widths, strong=strong)


def _by_kind(story: Story) -> Block:
    study, words, say = story.study, story.words, story.words.say
    plans = _plans(story)
    rows = []
    for kind in (*study.ground.polygons, None):
        whole = float(study.ground.area_m2[study.ground.of_kind(kind)].sum())
        name = words.text(KIND_NAMES[kind]) if kind else say("alles samen", "all together")
        shares = [
            words.percent(study.seen_share(plan, condition, kind=kind))
            for _, plan, condition in plans
        ]
        rows.append([name, words.m2(whole), *shares])
    header = [say("soort grond", "kind of ground"), say("groot", "size")]
    header += [name for name, _, _ in plans]
    widths = ("auto", ">auto", *[">1fr"] * len(plans))
    return blocks.table(header, rows, widths=widths, strong=[len(rows) - 1])
