"""What could go otherwise than computed, how it was computed, and from what."""

from parkwacht_config.text import Text
from parkwacht_coverage.density import load_editions
from parkwacht_coverage.light import IR_DERATING, LIGHT_MARGIN
from parkwacht_coverage.plan import Weights
from parkwacht_coverage.reporting import blocks
from parkwacht_coverage.reporting.blocks import Block
from parkwacht_coverage.reporting.story import NO_PROOF_GAP, Story
from parkwacht_coverage.reporting.words import KIND_NAMES
from parkwacht_coverage.results import SCENARIO_NAMES, Proof

ROUND = (Text(nl="ronde", en="round"), Text(nl="ronden", en="rounds"))
OUT_OF_TIME = (" (tijd op)", " (out of time)")
HASH_PARTS = 4  # a SHA-256 is written in so many groups, so that it may break over lines


def robustness_chapter(story: Story) -> list[Block]:
    """Return the worst cases of the recommended placement next to the nominal one."""
    words, say = story.words, story.words.say
    cases = story.study.recommended.robustness
    if not cases:
        return []
    rows = []
    for case in cases:
        lost = case.nominal_share - case.worst_share
        rows.append(
            [
                words.text(case.name),
                words.condition(case.condition),
                words.percent(case.nominal_share),
                words.percent(case.worst_share),
                words.percent(-lost) if lost else words.percent(0.0),
                story.labels.get(case.what, case.what) or "\u2013",
            ]
        )
    header = [
        say("wat tegenzit", "what goes wrong"),
        say("wanneer", "when"),
        say("volgens plan", "as planned"),
        say("in het ergste geval", "at worst"),
        say("verschil", "difference"),
        say("ergst bij", "worst at"),
    ]
    return [
        *blocks.chapter(
            say("Als het tegenzit", "If things go wrong"),
            intro=say(
                "Een camera hangt nooit precies zoals getekend, en er gaat er weleens een stuk. "
                "Dit blijft er dan over van de aanbevolen plaatsing.",
                "A camera never hangs exactly as drawn, and now and then one fails. This is what "
                "then remains of the recommended placement.",
            ),
            on_new_page=False,
        ),
        blocks.table(header, rows, widths=("2fr", "auto", ">1fr", ">1fr", ">1fr", "1fr")),
        blocks.note(
            say(
                "Aandeel van de gewogen openbare ruimte dat de klasse haalt. Van elk geval is het "
                "ergste genomen: de camera, richting of parkeerplek waar het het meeste kost.",
                "Share of the weighted public ground that reaches the class. Of each case the "
                "worst was taken: the camera, direction or parking bay where it costs most.",
            )
        ),
    ]


def method_chapter(story: Story) -> list[Block]:
    """Return how it was computed, how sure that is, the editions, inputs and warnings."""
    say = story.words.say
    found = [
        *blocks.chapter(say("Hoe het berekend is", "How it was computed"), on_new_page=False),
        blocks.bullets(_method(story)),
        blocks.head(say("Hoe goed de keuze is", "How good the choice is")),
        _proof_table(story),
        blocks.par(_sampling(story)),
        blocks.head(say("Wat niet is meegerekend", "What is not in it")),
        blocks.bullets(_left_out(story)),
        blocks.head(say("De twee uitgaven van de norm", "The two editions of the standard")),
        _edition_table(story),
        blocks.note(
            say(
                f"Deze studie gebruikt {story.study.edition.title}. De normen zelf zijn niet "
                "gelezen; de grenzen komen uit cctv-check.de, infinitioptics en campana.vi.it "
                "(2014) en jvsg.com en techtrend.blog (2025); 62,5 en 1.000 px/m zijn afgeleid.",
                f"This study uses {story.study.edition.title}. The standards themselves were not "
                "read; the thresholds come from cctv-check.de, infinitioptics and campana.vi.it "
                "(2014) and jvsg.com and techtrend.blog (2025); 62.5 and 1,000 px/m are derived.",
            )
        ),
        blocks.head(say("Waaruit het berekend is", "What it was computed from")),
        _input_table(story),
    ]
    if story.study.warnings:
        found.append(blocks.head(say("Waarschuwingen", "Warnings")))
        found.append(blocks.bullets([story.words.text(one) for one in story.study.warnings]))
    return found


def _method(story: Story) -> list[str]:
    study, words, say = story.study, story.words, story.words.say
    views, mounts = words.number(study.n_views), words.number(len(study.site.mounts))
    step = words.metres(study.ground.step_m, 2 if study.ground.step_m % 1 else 0)
    points, kinds = words.number(len(study.ground.area_m2)), Weights().by_kind
    weights = ", ".join(
        f"{words.text(KIND_NAMES[kind])} {words.short(value, 2)}" for kind, value in kinds.items()
    )
    bonus = words.percent(Weights().incident_bonus, 0)
    reach = words.metres(Weights().incident_range_m)
    margin, derating = words.short(LIGHT_MARGIN), words.short(IR_DERATING)
    return [
        say(
            f"De openbare ruimte is een raster van {points} punten, {step} uit elkaar. Een punt is "
            "in beeld als het binnen het beeld van een camera valt, er geen gebouw of boomkroon "
            "tussen staat, en er genoeg beeldpunten per meter op vallen.",
            f"The public ground is a grid of {points} points, {step} apart. A point is in view "
            "when it lies in a camera's image, no building or tree crown stands in between, and "
            "enough pixels per metre fall on it.",
        ),
        say(
            f"'s Nachts moet een punt {margin} keer het minimum van de camera aan licht krijgen, "
            f"of binnen {derating} keer het opgegeven infraroodbereik liggen (een bereik van "
            "“35 m” werd op 25 m gemeten, PSI magazine, februari 2017).",
            f"By night a point must get {margin} times the camera's minimum of light, or lie "
            f"within {derating} times the stated infrared range (a range of “35 m” was measured at "
            "25 m, PSI magazine, February 2017).",
        ),
        say(
            f"Er zijn {views} mogelijke standen op {mounts} plekken vergeleken. Doelen gaan in "
            f"deze volgorde voor: {_priorities(story)}.",
            f"{views} possible views at {mounts} places were compared. Goals come in this order: "
            f"{_priorities(story)}.",
        ),
        say(
            f"Een vierkante meter telt zo zwaar: {weights}; elk incident binnen {reach} maakt hem "
            f"{bonus} zwaarder. Die gewichten zijn onze keuze.",
            f"A square metre weighs: {weights}; each incident within {reach} adds {bonus}. These "
            "weights are our choice.",
        ),
    ]


def _priorities(story: Story) -> str:
    say = story.words.say
    names = {
        "gates": say("toegangen", "gates"),
        "routes": say("routes volgen", "following routes"),
        "area": say("oppervlak", "area"),
    }
    return ", ".join(names[one] for one in story.study.goals.priorities)


def _proof_table(story: Story) -> Block:
    words, say = story.words, story.words.say
    rows = [
        [
            words.text(SCENARIO_NAMES[scenario.id]),
            words.text(proof.goal),
            value_of(story, proof, proof.value),
            value_of(story, proof, proof.bound) if proof.gap < NO_PROOF_GAP else "\u2013",
            story.proof(proof) + (say(*OUT_OF_TIME) if proof.is_time_limited else ""),
        ]
        for scenario in story.scenarios
        for proof in scenario.proofs
    ]
    header = [
        say("mogelijkheid", "option"),
        say("doel", "goal"),
        say("gevonden", "found"),
        say("bovengrens", "bound"),
        say("oordeel", "verdict"),
    ]
    return blocks.table(header, rows, widths=("1fr", "1.4fr", ">auto", ">auto", "1.3fr"))


def value_of(story: Story, proof: Proof, value: float) -> str:
    """Write a proof's value or bound in its unit."""
    words = story.words
    if proof.unit == "EUR":
        return words.eur(value)
    if proof.unit == "%":
        return f"{words.number(value, 1)}%"
    return f"{words.short(value)}\u00a0{proof.unit}".rstrip("\u00a0")


def _sampling(story: Story) -> str:
    sampling, words, say = story.study.sampling, story.words, story.words.say
    coarse, fine = words.metres(sampling.solve_step_m, 1), words.metres(sampling.check_step_m, 1)
    shares = [
        words.percent(one)
        for one in (sampling.share_on_solve_grid, sampling.share_on_check_grid, sampling.error)
    ]
    n = words.number(sampling.added_witnesses)
    rounds = words.plural(sampling.n_rounds, *ROUND)
    return say(
        f"Gezocht is op een raster van {coarse}, nageteld op {fine}; in {rounds} "
        f"zijn {n} punten toegevoegd waar het grove raster te weinig zag. Het aandeel in beeld is "
        f"{shares[0]} op het grove en {shares[1]} op het fijne raster: de fout door het raster is "
        f"{shares[2]}.",
        f"The search used a grid of {coarse}, the count one of {fine}; in {rounds} "
        f"{n} points were added where the coarse grid saw too little. The share in view is "
        f"{shares[0]} on the coarse and {shares[1]} on the fine grid: the grid's error is "
        f"{shares[2]}.",
    )


def _left_out(story: Story) -> list[str]:
    say, site = story.words.say, story.study.site
    n_trees = story.words.number(len(site.trees))
    trees = say(
        f"{n_trees} bomen staan erin als kronen; kale bomen hinderen minder dan bomen in blad (zie "
        "het hoofdstuk “Als het tegenzit”).",
        f"{n_trees} trees are in it as crowns; bare trees hinder less than trees in leaf (see the "
        "chapter “If things go wrong”).",
    )
    if not site.trees:
        trees = say(
            "Bomen: er zijn er geen opgegeven, dus er staat er geen in de weg.",
            "Trees: none were given, so none is in the way.",
        )
    return [
        say(
            "Het terrein is vlak, gebouwen zijn blokken met een plat dak; hekken, borden en "
            "geparkeerde vrachtwagens staan er niet in.",
            "The ground is flat, buildings are blocks with a flat roof; fences, signs and parked "
            "lorries are not in it.",
        ),
        trees,
        say(
            "Lampen schijnen naar alle kanten even sterk; nat wegdek, tegenlicht, mist, regen en "
            "vuil op de lens zijn niet meegerekend.",
            "Lamps shine equally in all directions; wet roads, glare, fog, rain and dirt on the "
            "lens are not in it.",
        ),
        say(
            "Coördinaten zijn RD (EPSG:28992); de omrekening naar lengte en breedte is op ongeveer "
            "1 m nauwkeurig.",
            "Coordinates are RD (EPSG:28992); conversion to longitude and latitude is good to "
            "about 1 m.",
        ),
        say(
            "Of een eigenaar een camera aan zijn gevel wil, en wat er in de grond ligt, weet deze "
            "studie niet.",
            "Whether an owner wants a camera on his façade, and what lies in the ground, this "
            "study does not know.",
        ),
    ]


def _edition_table(story: Story) -> Block:
    words, say = story.words, story.words.say
    old, new = (load_editions()[one].classes for one in ("2014", "2025"))
    rows = []
    for index in range(max(len(old), len(new))):
        row = []
        for classes in (old, new):
            if index < len(classes):
                one = classes[index]
                row += [words.text(one.name), words.short(one.min_px_per_m), story.purpose(one)]
            else:
                row += ["", "", ""]
        rows.append(row)
    half = [say("px/m vanaf", "px/m from"), say("om …", "to …")]
    header = ["IEC/EN 62676-4:2014", *half, "IEC/EN 62676-4:2025", *half]
    return blocks.table(
        header, rows, widths=("auto", ">auto", "1.2fr", "auto", ">auto", "1.3fr"), size_pt=8.0
    )


def _input_table(story: Story) -> Block:
    words, say = story.words, story.words.say
    rows = []
    for one in story.study.inputs:
        size = len(one.sha256) // HASH_PARTS or 1
        parts = [one.sha256[at : at + size] for at in range(0, len(one.sha256), size)]
        rows.append([one.name, one.dated, words.number(one.n_bytes), " ".join(parts)])
    header = [say("bestand", "file"), say("datum", "date"), say("bytes", "bytes"), "SHA-256"]
    return blocks.table(header, rows, widths=("1fr", "auto", ">auto", "1.9fr"), size_pt=7.4)
