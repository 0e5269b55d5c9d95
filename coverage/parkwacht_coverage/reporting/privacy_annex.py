"""Annex A: whose privacy the cameras touch, measured, and the masks that take it out again."""

from collections.abc import Callable, Sequence

from parkwacht_coverage.evaluate import Condition, StudyCamera
from parkwacht_coverage.privacy import PrivacyFigures, PrivacyLevel
from parkwacht_coverage.reporting import blocks
from parkwacht_coverage.reporting.blocks import Block
from parkwacht_coverage.reporting.story import Story
from parkwacht_coverage.results import SCENARIO_NAMES, Scenario

DAY, NIGHT = Condition.DAY, Condition.NIGHT
LEVELS = (PrivacyLevel.OBSERVE, PrivacyLevel.RECOGNISE)
SIZE_PT = 8.0
FEW_PICTURES = 12


def masked_cameras(scenario: Scenario) -> Sequence[StudyCamera]:
    """Return the cameras of a scenario that have a privacy mask, in their order."""
    masked = {one.camera_id for one in scenario.masks}
    return [one for one in scenario.cameras if one.id in masked]


def privacy_annex(story: Story) -> list[Block]:
    """Return what is seen of private ground, façades and passers-by, ceilings and masks."""
    say, words = story.words.say, story.words
    scenario = story.study.recommended
    names = [words.text(one.name) for one in scenario.privacy.levels.values()]
    found = [
        *blocks.chapter(
            say("Bijlage A. Privacy, gemeten", "Annex A. Privacy, measured"),
            intro=say(
                "Wat de camera's zien van wat niet hun zaak is, met de privacymaskers erover. Twee "
                f"maten: zien wat iemand doet (“{names[0]}”) en iemand herkennen (“{names[-1]}”).",
                "What the cameras see of what is not their business, with the privacy masks over "
                f"it. Two measures: see what someone does (“{names[0]}”) and recognise someone "
                f"(“{names[-1]}”).",
            ),
        ),
        blocks.head(say("Per mogelijkheid", "Per option")),
        _scenario_table(story),
        blocks.note(
            say(
                "Alle camera's samen; wat twee camera's zien telt één keer. Lengtes zijn meters "
                "gevel en raam; ramen zijn een vast deel van de gevel (woning 35%, bedrijf 25%, "
                "overig 10%, onze aanname). Voorbijgangers zijn gelijk verdeeld over de grond "
                "buiten het doelgebied tot 50 m ervandaan; herkenbaar is wie scherp genoeg in "
                "beeld is, welke kant hij ook op kijkt: een bovengrens.",
                "All cameras together; what two cameras see counts once. Lengths are metres of "
                "façade and window; windows are a fixed part of the façade (dwelling 35%, business "
                "25%, other 10%, our assumption). Passers-by are spread evenly over ground outside "
                "the purpose area up to 50 m from it; recognisable is whoever is sharp enough in "
                "the image, whichever way he looks: an upper limit.",
            )
        ),
        *_ceilings(story),
        blocks.head(say("Per camera, aanbevolen, overdag", "Per camera, recommended, by day")),
        _camera_table(story),
    ]
    return [*found, *_masks(story)]


def _cells(story: Story, seen: PrivacyFigures) -> list[str]:
    words = story.words

    def pair(lengths: Sequence[float]) -> str:
        return " / ".join(words.number(one) for one in lengths) + "\u00a0m"

    return [
        words.m2(seen.private_m2),
        pair([seen.facade_m[one] for one in LEVELS]),
        pair([seen.window_m[one] for one in LEVELS]),
        pair([seen.dwelling_window_m[one] for one in LEVELS]),
        words.percent(seen.recognisable_share),
    ]


def _header(story: Story) -> list[str]:
    say = story.words.say
    return [
        say("privéterrein", "private ground"),
        say("gevel: zien / herkennen", "façade: observe / recognise"),
        say("ramen: zien / herkennen", "windows: observe / recognise"),
        say("ramen van woningen", "windows of dwellings"),
        say("voorbijgangers herkenbaar", "passers-by recognisable"),
    ]


def _scenario_table(story: Story) -> Block:
    words, say = story.words, story.words.say
    rows = [
        [
            words.text(SCENARIO_NAMES[scenario.id]),
            words.condition(condition),
            *_cells(story, scenario.privacy.together[condition]),
        ]
        for scenario in story.scenarios
        for condition in (DAY, NIGHT)
    ]
    bare = story.study.recommended.privacy_unmasked
    if bare is not None:
        name = say("aanbevolen, zonder maskers", "recommended, without masks")
        rows.append([name, words.condition(DAY), *_cells(story, bare.together[DAY])])
    whole = story.study.recommended.privacy.totals
    rows.append([say("wat er is", "all there is"), "", *_cells(story, whole)])
    header = [say("mogelijkheid", "option"), say("wanneer", "when"), *_header(story)]
    return blocks.table(
        header, rows, widths=("1.3fr", "auto", *[">1fr"] * 5), size_pt=SIZE_PT,
        strong=[len(rows) - 1],
    )  # fmt: skip


def _camera_table(story: Story) -> Block:
    scenario, say = story.study.recommended, story.words.say
    n_masks = {one.id: 0 for one in scenario.cameras}
    for mask in scenario.masks:
        n_masks[mask.camera_id] += 1
    rows = [
        [
            story.labels.get(one.id, one.id),
            *_cells(story, scenario.privacy.cameras[one.id][DAY]),
            story.words.number(n_masks[one.id]),
        ]
        for one in scenario.cameras
    ]
    header = [say("camera", "camera"), *_header(story), say("maskers", "masks")]
    return blocks.table(header, rows, widths=("auto", *[">1fr"] * 5, ">auto"), size_pt=SIZE_PT)


def _ceilings(story: Story) -> list[Block]:
    """Return the ceilings that were set, and what was measured; all by day, when most is seen."""
    words, say, goals = story.words, story.words.say, story.study.goals.privacy
    scenario = story.study.recommended
    privacy = scenario.privacy_unmasked or scenario.privacy
    seen = privacy.together[DAY]
    single = max((one[DAY].private_m2 for one in privacy.cameras.values()), default=0.0)
    asked: list[tuple[str, float | None, float, Callable[[float], str]]] = [
        (say("privéterrein, samen", "private ground, together"), goals.private_m2, seen.private_m2,
         words.m2),
        (say("privéterrein, per camera", "private ground, per camera"), goals.camera_private_m2,
         single, words.m2),
        (say("ramen van woningen", "windows of dwellings"), goals.dwelling_window_m,
         seen.dwelling_window_m[PrivacyLevel.OBSERVE], words.metres),
        (say("voorbijgangers herkenbaar", "passers-by recognisable"), goals.recognisable_share,
         seen.recognisable_share, words.percent),
    ]  # fmt: skip
    rows = [
        [name, write(ceiling), write(value), words.yes_no(is_so=value <= ceiling * (1 + 1e-9))]
        for name, ceiling, value, write in asked
        if ceiling is not None
    ]
    title = blocks.head(say("Plafonds", "Ceilings"))
    if not rows:
        text = say(
            "Er zijn geen plafonds gesteld. De werkgroep kan ze in de tabel [study.privacy] "
            "zetten; de plaatsing houdt zich er dan aan.",
            "No ceilings were set. The working group can put them in the [study.privacy] table; "
            "the placement then keeps to them.",
        )
        return [title, blocks.par(text)]
    header = [
        say("wat", "what"),
        say("ten hoogste", "at most"),
        say("aanbevolen", "recommended"),
        say("gehaald", "kept"),
    ]
    return [
        title,
        blocks.table(header, rows, widths=("1.5fr", ">1fr", ">1fr", "1fr")),
        blocks.note(
            say(
                "Overdag en zonder maskers geteld: een masker kan wegvallen, de plaatsing niet.",
                "Counted by day and without masks: a mask may fail, the placement does not.",
            )
        ),
    ]


def _masks(story: Story) -> list[Block]:
    words, say = story.words, story.words.say
    scenario = story.study.recommended
    cameras = masked_cameras(scenario)
    found = [blocks.head(say("Privacymaskers", "Privacy masks"))]
    if not cameras:
        text = say(
            "Geen camera toont privéterrein of gevels van woningen scherp genoeg om een masker "
            "nodig te hebben.",
            "No camera shows private ground or façades of dwellings sharply enough to need a mask.",
        )
        return [*found, blocks.par(text)]
    found.append(
        blocks.par(
            say(
                "Zwart wordt zwart gemaakt vóór er iets wordt bekeken, bewaard of verstuurd. De "
                "beelden zijn berekend uit de kaart: grijs is rijbaan of parkeren, groen is groen, "
                "roze is privéterrein, bruin zijn gebouwen. De maskers staan in cameras.toml, "
                "zoals de bewaking ze toepast.",
                "Black is made black before anything is watched, stored or sent. The pictures are "
                "computed from the map: grey is carriageway or parking, green is green, pink is "
                "private ground, brown are buildings. The masks stand in cameras.toml, as the "
                "watch applies them.",
            )
        )
    )
    pictures = []
    for one in cameras:
        label = story.labels.get(one.id, one.id)
        reasons = sorted({m.reason for m in scenario.masks if m.camera_id == one.id and m.reason})
        caption = f"{label}: {words.listed(reasons)}" if reasons else label
        alt = say(f"Beeld van camera {label} met maskers", f"Image of camera {label} with masks")
        pictures.append(blocks.image(f"mask_{one.id}.png", alt, width_mm=0, caption=caption))
    columns = 3 if len(pictures) <= FEW_PICTURES else 4
    return [*found, blocks.gallery(pictures, columns=columns)]
