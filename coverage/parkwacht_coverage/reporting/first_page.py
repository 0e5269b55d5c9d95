"""The first page: what a working group needs to decide, and nothing else."""

from parkwacht_config.text import Text
from parkwacht_coverage.evaluate import Condition
from parkwacht_coverage.privacy import PrivacyLevel
from parkwacht_coverage.reporting import blocks
from parkwacht_coverage.reporting.blocks import Block
from parkwacht_coverage.reporting.maps import WIDTH_MM
from parkwacht_coverage.reporting.story import CAMERA, PLACE, Story, worst_areas

N_WORST = 3
FAILED = "failed"  # the robustness case of one camera that fails


def first_page(story: Story) -> list[Block]:
    """Return the blocks of the page to decide on; the map is `map_summary.png`."""
    say = story.words.say
    when = story.main_words
    alt = say(f"Kaart van wat er {when} gezien wordt", f"Map of what is seen {when}")
    found: list[Block] = []
    if story.study.site.is_illustrative:
        found.append(
            blocks.warning(
                say(
                    "Verzonnen voorbeeldterrein: straten, gebouwen, camera's en incidenten zijn "
                    "niet echt.",
                    "Invented sample park: its streets, buildings, cameras and incidents are not "
                    "real.",
                )
            )
        )
    found.append(blocks.keys(_keys(story)))
    found.append(blocks.head(say("Wat wij aanbevelen", "What we recommend")))
    found.append(blocks.par(recommendation(story)))
    found.append(blocks.image("map_summary.png", alt, width_mm=WIDTH_MM))
    left = [blocks.head(say("Wat het kost", "What it costs")), blocks.par(_cost(story))]
    left += [blocks.head(say("En de privacy?", "And privacy?")), blocks.par(_privacy(story))]
    right = [blocks.head(say("Wat het niet ziet", "What it does not see"))]
    right.append(blocks.bullets(_unseen(story)))
    return [*found, blocks.columns(left, right)]


def _keys(story: Story) -> list[tuple[str, str, str]]:
    study, words, say = story.study, story.words, story.words.say
    then = study.recommended
    n_gates, when = len(study.site.gates), story.main_words
    cost = then.cost
    total = words.m2(study.ground.total_m2)
    before, after = story.gates_served(study.today), story.gates_served(then)
    rows = [
        (
            say(f"In beeld, {when}", f"In view, {when}"),
            f"{story.share(study.today, story.main)} → {story.share(then, story.main)}",
            say(f"van {total} openbare ruimte", f"of {total} of public ground"),
        ),
        (
            say("Kosten van het voorstel", "Cost of the proposal"),
            words.eur(cost.total_eur),
            say(
                f"eenmalig, en {words.eur(cost.yearly_eur)} per jaar, zonder btw",
                f"once, and {words.eur(cost.yearly_eur)} a year, without VAT",
            ),
        ),
    ]
    if n_gates:
        middle = (
            say(f"Toegangen bewaakt, {when}", f"Gates watched, {when}"),
            say(f"{before} → {after} van {n_gates}", f"{before} → {after} of {n_gates}"),
            _gate_words(story),
        )
        rows.insert(1, middle)
    return rows


def _gate_words(story: Story) -> str:
    goals, say = story.study.goals, story.words.say
    if goals.gate_plate and goals.gate_overview:
        return say("kenteken leesbaar én overzicht", "plate legible and an overview")
    if goals.gate_plate:
        return say("kenteken leesbaar", "plate legible")
    return say("overzicht", "an overview")


def recommendation(story: Story) -> str:
    """Return the recommendation in two or three sentences."""
    study, words, say = story.study, story.words, story.words.say
    then = study.recommended
    n, n_sites = then.cost.n_cameras, then.cost.n_sites
    purpose = story.purpose(study.target_class)
    if n == 0:
        return say(
            "Wij bevelen geen nieuwe camera's aan: binnen het gevraagde is er geen plaatsing die "
            "meer ziet. Zie het hoofdstuk over kosten voor wat een ruimer budget brengt.",
            "We recommend no new cameras: within what was asked no placement sees more. The "
            "chapter on costs shows what a larger budget would bring.",
        )
    cameras = words.plural(n, *CAMERA)
    places = words.plural(n_sites, *PLACE)
    was, will = (story.share(one, story.main) for one in (study.today, then))
    when = story.main_words
    first = say(
        f"Hang {cameras} bij, op {places}. Dan is {when} {will} van de openbare ruimte goed "
        f"genoeg in beeld om {purpose}; nu is dat {was}.",
        f"Add {cameras} at {places}. Then {will} of the public ground is in view {when}, well "
        f"enough to {purpose}; today it is {was}.",
    )
    return f"{first} {_recommended_incidents(story)}".strip()


def _recommended_incidents(story: Story) -> str:
    study, say, words = story.study, story.words.say, story.words
    n = len(study.recommended.incidents)
    if not n:
        return ""
    was, will = (story.incidents_seen(one) for one in (study.today, study.recommended))
    return say(
        f"Van de {words.number(n)} incidenten van de afgelopen jaren waren er dan "
        f"{words.count(will)} in beeld geweest in plaats van {words.count(was)}.",
        f"Of the {words.number(n)} incidents of past years {words.count(will)} would have been in "
        f"view instead of {words.count(was)}.",
    )


def _cost(story: Story) -> str:
    cost, words, say = story.study.recommended.cost, story.words, story.words.say
    trench = words.metres(cost.trench_m)
    said = say(
        f"Eenmalig {words.eur(cost.total_eur)}: {words.eur(cost.views_eur)} voor camera's, "
        f"ophangen en licenties, {words.eur(cost.sites_eur)} voor plekken, stroom, netwerk en "
        f"{trench} sleuf. Daarna {words.eur(cost.yearly_eur)} per jaar. Het zijn kengetallen "
        "zonder btw: vraag offertes.",
        f"Once {words.eur(cost.total_eur)}: {words.eur(cost.views_eur)} for cameras, hanging and "
        f"licences, {words.eur(cost.sites_eur)} for places, power, network and {trench} of "
        f"trench. Then {words.eur(cost.yearly_eur)} a year. These are rules of thumb without VAT: "
        "ask for offers.",
    )
    return f"{said} {_budget(story)}".strip()


def _budget(story: Story) -> str:
    """Say where the budget came from: from the goals, or from the knee of the cost curve."""
    budget, words, say = story.study.recommended.budget_eur, story.words, story.words.say
    if budget is None:
        return ""
    if story.study.goals.budget_eur is None:
        return say(
            f"Het budget van {words.eur(budget)} is de knik van de kostenkromme: daarboven brengt "
            "een euro veel minder.",
            f"The budget of {words.eur(budget)} is the knee of the cost curve: beyond it a euro "
            "brings much less.",
        )
    return say(f"Het budget was {words.eur(budget)}.", f"The budget was {words.eur(budget)}.")


def _privacy(story: Story) -> str:
    study, words, say = story.study, story.words, story.words.say
    now, then = (one.privacy.together[Condition.DAY] for one in (study.today, study.recommended))
    level = PrivacyLevel.OBSERVE
    windows = [words.metres(one.dwelling_window_m[level]) for one in (now, then)]
    ground = [words.m2(one.private_m2) for one in (now, then)]
    faces = [words.percent(one.recognisable_share) for one in (now, then)]
    return say(
        f"Privéterrein in beeld: {ground[0]} nu, {ground[1]} dan. Ramen van woningen: "
        f"{windows[0]} nu, {windows[1]} dan. Voorbijgangers buiten het park die herkenbaar zijn: "
        f"{faces[0]} nu, {faces[1]} dan. Met de privacymaskers van bijlage A.",
        f"Private ground in view: {ground[0]} today, {ground[1]} then. Windows of dwellings: "
        f"{windows[0]} today, {windows[1]} then. Passers-by outside the park who are recognisable: "
        f"{faces[0]} today, {faces[1]} then. With the privacy masks of annex A.",
    )


def _unseen(story: Story) -> list[str]:
    study, words, say = story.study, story.words, story.words.say
    then, when = study.recommended, story.main_words
    share = 1 - study.seen_share(then, story.main)
    m2 = words.m2(share * study.ground.total_m2)
    worst = [
        f"{name} ({words.m2(area)})"
        for name, area in worst_areas(study, then, story.main)[:N_WORST]
    ]
    most = "" if not worst else say(
        f", het meest op {words.listed(worst)}", f", most of it at {words.listed(worst)}"
    )  # fmt: skip
    items = [
        say(
            f"{m2} openbare ruimte ({words.percent(share)}) haalt de klasse {when} niet{most}.",
            f"{m2} of public ground ({words.percent(share)}) misses the class {when}{most}.",
        )
    ]
    missing = [one.name for one in then.gates if not story.is_served(one, story.main)]
    if missing:
        named = words.listed(missing)
        items.append(
            say(f"Toegangen niet volledig: {named}.", f"Gates not fully watched: {named}.")
        )
    if then.routes:
        gap = words.metres(story.longest_unseen_m(then))
        items.append(
            say(
                f"Iemand kan {gap} achtereen lopen of rijden zonder gezien te worden.",
                f"Someone can walk or drive {gap} on end unseen.",
            )
        )
    return [*items, *_misfortunes(story)]


def _misfortunes(story: Story) -> list[str]:
    """Say which incidents stay unseen, and what one failing camera takes away."""
    words, say, then = story.words, story.words.say, story.study.recommended
    items = []
    missed = len(then.incidents) - story.incidents_seen(then)
    if missed:
        items.append(
            say(
                f"De plek van {words.count(missed)} van de {words.number(len(then.incidents))} "
                "incidenten blijft buiten beeld.",
                f"The place of {words.count(missed)} of the {words.number(len(then.incidents))} "
                "incidents stays out of view.",
            )
        )
    for case in then.robustness:
        if case.id == FAILED and case.condition is story.main:
            lost = words.number(100 * (case.nominal_share - case.worst_share), 1)
            items.append(
                say(
                    f"Valt de camera uit die het meest toevoegt, dan zakt het {lost} procentpunt.",
                    f"If the camera that adds most fails, {lost} percentage points are lost.",
                )
            )
    return items


def subtitle(story: Story) -> str:
    """Return what the study is: target class, edition and height."""
    study, words = story.study, story.words
    height = words.metres(study.goals.target_height_m, 1)
    density = words.short(study.target_class.min_px_per_m)
    return words.text(
        Text(
            nl=f"{words.day(story.on)}. “In beeld” is klasse “{study.target_class.name.nl}”, "
            f"{density} px/m volgens {study.edition.title}, op {height} hoogte.",
            en=f"{words.day(story.on)}. “In view” is class “{study.target_class.name.en}”, "
            f"{density} px/m by {study.edition.title}, at {height} height.",
        )
    )
