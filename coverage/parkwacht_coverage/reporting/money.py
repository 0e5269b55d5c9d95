"""What it costs, and what each next euro brings."""

from collections.abc import Callable

from parkwacht_coverage.cost import Cost
from parkwacht_coverage.reporting import blocks
from parkwacht_coverage.reporting.blocks import Block
from parkwacht_coverage.reporting.charts import WIDTH_MM
from parkwacht_coverage.reporting.story import YEARS, Story
from parkwacht_coverage.reporting.words import MOUNT_NAMES
from parkwacht_coverage.results import SCENARIO_NAMES, CurvePoint, Scenario, ScenarioId


def money_chapter(story: Story) -> list[Block]:
    """Return the cost curve, its table and the breakdown of the costs."""
    say = story.words.say
    found = blocks.chapter(
        say("Wat het kost en wat het brengt", "What it costs and what it brings"),
        intro=say(
            "De eerste euro's brengen het meest. De kromme laat zien wat de beste plaatsing bij "
            "elk budget in beeld brengt; het lichte vlak erboven is wat hoogstens mogelijk was.",
            "The first euros bring most. The curve shows what the best placement brings in view "
            "for each budget; the light area above it is the most that was possible.",
        ),
    )
    if story.study.curve:
        alt = say("Budget tegen wat er in beeld is", "Budget against what is in view")
        found.append(blocks.image("cost_curve.png", alt, width_mm=WIDTH_MM))
        found.append(blocks.par(_reading(story)))
        found.append(_curve_table(story))
    found += _breakdown(story)
    return found


def _reading(story: Story) -> str:
    """Say in words where the curve bends: the first step that brings less than half of the best."""
    words, say = story.words, story.words.say
    steps = [one for one in story.study.curve if one.n_cameras > 0]
    if not steps:
        return say(
            "Bij geen van deze budgetten past er een camera bij.",
            "None of these budgets leaves room for another camera.",
        )
    best = max(steps, key=lambda one: one.marginal_m2_per_1000_eur)
    after = [one for one in steps if one.budget_eur > best.budget_eur]
    bend = next(
        (one for one in after if one.marginal_m2_per_1000_eur < best.marginal_m2_per_1000_eur / 2),
        None,
    )
    most = words.m2(best.marginal_m2_per_1000_eur)
    first = say(
        f"Het meeste voor het geld: tot {words.eur(best.budget_eur)} komt er per € 1.000 ongeveer "
        f"{most} gewogen grond bij.",
        f"Most for the money: up to {words.eur(best.budget_eur)} each € 1,000 adds about {most} of "
        "weighted ground.",
    )
    if bend is None:
        return first
    less = words.m2(bend.marginal_m2_per_1000_eur)
    return f"{first} " + say(
        f"Vanaf {words.eur(bend.budget_eur)} is dat minder dan de helft: {less} per € 1.000.",
        f"From {words.eur(bend.budget_eur)} on it is less than half: {less} per € 1,000.",
    )


def _curve_table(story: Story) -> Block:
    words, say, study = story.words, story.words.say, story.study
    n_gates = len(study.site.gates)

    def row(one: CurvePoint) -> list[str]:
        return [
            words.eur(one.budget_eur),
            words.eur(one.cost_eur),
            words.number(one.n_cameras),
            words.number(one.n_sites),
            f"{one.gates_served} / {n_gates}",
            words.percent(one.share),
            say("bewezen", "proven") if one.is_proven else words.percent(one.bound),
            words.m2(one.marginal_m2_per_1000_eur),
        ]

    header = [
        say("budget", "budget"),
        say("kost", "costs"),
        say("camera's", "cameras"),
        say("plekken", "places"),
        say("toegangen bewaakt", "gates watched"),
        say("in beeld, gewogen", "in view, weighted"),
        say("bovengrens", "bound"),
        say("erbij per € 1.000", "added per € 1,000"),
    ]
    rows = [row(one) for one in study.curve]
    budget = study.recommended.budget_eur
    strong = [i for i, one in enumerate(study.curve) if one.budget_eur == budget]
    return blocks.table(header, rows, widths=[">1fr"] * len(header), strong=strong)


def _breakdown(story: Story) -> list[Block]:
    words, say = story.words, story.words.say
    shown = [one for one in story.scenarios if one.id is not ScenarioId.TODAY]
    rows = [[label, *(write(one.cost) for one in shown)] for label, write in _parts(story, shown)]
    total = len(rows)
    rows.append([say("samen, eenmalig", "together, once"), *_each(story, shown, _once)])
    rows.append([say("per jaar", "a year"), *_each(story, shown, _yearly)])
    rows.append(
        [
            say(f"eenmalig en {YEARS} jaar samen", f"once and {YEARS} years together"),
            *_each(story, shown, lambda cost: cost.total_eur + YEARS * cost.yearly_eur),
        ]
    )
    header = [
        say("post", "item"),
        *(words.text(SCENARIO_NAMES[one.id]) for one in shown),
    ]
    return [
        blocks.head(say("Waar het geld naartoe gaat", "Where the money goes")),
        blocks.table(header, rows, widths=("1.4fr", *[">1fr"] * len(shown)), strong=[total]),
        blocks.note(
            say(
                "Euro zonder btw. Prijzen staan in de tabel [costs] van het park en de catalogus; "
                "het zijn kengetallen, samen in de lijn van de proef Assen Noord (€ 11.000 tot "
                "€ 16.000 per camera op een eigen mast, € 1.500 tot € 3.000 per jaar). Sleuven "
                "volgen de goedkoopste weg over openbare grond naar de dichtste stroomkast; "
                "camera's die een sleuf delen, betalen hem samen één keer. Een lichtmast heeft al "
                "stroom.",
                "Euro without VAT. Prices stand in the park's [costs] table and the catalogue; "
                "they are rules of thumb, together in line with the Assen Noord pilot (€ 11,000 to "
                "€ 16,000 per camera on a mast of its own, € 1,500 to € 3,000 a year). Trenches "
                "take the cheapest way over public ground to the nearest power cabinet; cameras "
                "that share one pay it once. A lamp post has power already.",
            )
        ),
    ]


def _once(cost: Cost) -> float:
    return cost.total_eur


def _yearly(cost: Cost) -> float:
    return cost.yearly_eur


def _each(story: Story, shown: list[Scenario], of: Callable[[Cost], float]) -> list[str]:
    return [story.words.eur(of(one.cost)) for one in shown]


def _parts(story: Story, shown: list[Scenario]) -> list[tuple[str, Callable[[Cost], str]]]:
    """Return the items of the breakdown that any scenario pays."""
    words, say = story.words, story.words.say

    def euro(of: Callable[[Cost], float]) -> Callable[[Cost], str]:
        return lambda cost: words.eur(of(cost))

    rows: list[tuple[str, Callable[[Cost], str]]] = [
        (say("camera's", "cameras"), euro(lambda cost: cost.cameras_eur)),
        (say("ophangen en richten", "hanging and aiming"), euro(lambda cost: cost.hanging_eur)),
        (say("licenties", "licences"), euro(lambda cost: cost.licences_eur)),
    ]
    for kind, name in MOUNT_NAMES.items():
        if any(one.cost.sites_by_kind_eur.get(kind, 0.0) for one in shown):
            rows.append(
                (
                    say(f"plekken: {name.nl}", f"places: {name.en}"),
                    euro(lambda cost, kind=kind: cost.sites_by_kind_eur.get(kind, 0.0)),  # type: ignore[misc]
                )
            )
    rows += [
        (say("stroomaansluiting", "power connection"), euro(lambda cost: cost.power_eur)),
        (say("netwerk", "network"), euro(lambda cost: cost.network_eur)),
        (
            say("sleuf", "trench"),
            lambda cost: f"{words.metres(cost.trench_m)}: {words.eur(cost.trench_eur)}",
        ),
    ]
    if any(one.cost.stand_alone_eur for one in shown):
        alone = say("plekken op zonnestroom en 4G", "places on sun and 4G")
        rows.append((alone, euro(lambda cost: cost.stand_alone_eur)))
    return rows
