"""How to read the report: its contents, and the few words that are not everyday ones."""

from parkwacht_coverage.reporting import blocks
from parkwacht_coverage.reporting.blocks import Block
from parkwacht_coverage.reporting.story import PERSON_M, Story


def reading_guide(story: Story) -> list[Block]:
    """Return contents, glossary and what each class is good for."""
    say = story.words.say
    return [
        *blocks.chapter(say("Leeswijzer", "How to read this")),
        blocks.contents(),
        blocks.head(say("Wat een klasse zegt", "What a class says")),
        blocks.par(
            say(
                "Hoe meer beeldpunten er op een meter vallen, hoe meer er te zien is. Een klasse "
                "is een afspraak daarover, uit de norm die hieronder staat. De omschrijvingen zijn "
                "van ons.",
                "The more pixels fall on a metre, the more can be seen. A class is an agreement "
                "about that, from the standard named below. The descriptions are ours.",
            )
        ),
        _class_table(story),
        blocks.head(say("Woorden", "Words")),
        blocks.table(
            [say("woord", "word"), say("betekenis", "meaning")],
            _words(story),
            widths=("auto", "1fr"),
        ),
    ]


def _class_table(story: Story) -> Block:
    study, words, say = story.study, story.words, story.words.say
    rows, strong = [], []
    for index, one in enumerate(study.edition.classes):
        tall = words.number(PERSON_M * one.min_px_per_m)
        rows.append(
            [
                words.text(one.name),
                f"{words.short(one.min_px_per_m)} px/m",
                say(f"goed genoeg om {story.purpose(one)}", f"good enough to {story.purpose(one)}"),
                say(f"{tall} beeldpunten", f"{tall} pixels"),
            ]
        )
        if one.id == study.target_class.id:
            strong.append(index)
    header = [
        say("klasse", "class"),
        say("vanaf", "from"),
        say("waarvoor", "what for"),
        say("mens van 1,8 m in beeld", "person of 1.8 m in the image"),
    ]
    return blocks.table(header, rows, widths=("auto", ">auto", "1fr", ">auto"), strong=strong)


def _words(story: Story) -> list[list[str]]:
    say = story.words.say
    return [
        [
            say("openbare ruimte", "public ground"),
            say(
                "rijbaan, parkeren, voetpad en groen binnen het park; wat wij willen zien",
                "carriageway, parking, footpath and green inside the park; what we want to see",
            ),
        ],
        [
            say("gewogen", "weighted"),
            say(
                "een meter parkeerplaats of een meter waar vaker is ingebroken telt zwaarder dan "
                "een meter gras",
                "a metre of parking, or one where burglaries happened, counts for more than a "
                "metre of grass",
            ),
        ],
        [
            say("'s nachts", "by night"),
            say(
                "alleen wat een lantaarn genoeg verlicht of wat binnen het eigen infraroodlicht "
                "van de camera ligt",
                "only what a lamp lights well enough, or what lies within the camera's own "
                "infrared light",
            ),
        ],
        [
            say("plek", "place"),
            say(
                "een gevel, lichtmast of nieuwe mast waaraan één of meer camera's hangen; stroom, "
                "netwerk en graven betaalt u per plek",
                "a façade, lamp post or new mast with one or more cameras; power, network and "
                "digging are paid per place",
            ),
        ],
        [
            say("blinde zone", "blind zone"),
            say(
                "de grond vlak onder een camera, die buiten het beeld valt",
                "the ground just under a camera, outside its image",
            ),
        ],
        [
            say("bovengrens", "bound"),
            say(
                "wat geen enkele plaatsing uit deze mogelijkheden kan overtreffen; het verschil "
                "met het gevondene is wat er hoogstens te winnen viel",
                "what no placement out of these choices can beat; its distance from what was "
                "found is the most that was left to gain",
            ),
        ],
        [
            say("privacymasker", "privacy mask"),
            say(
                "een deel van het beeld dat zwart wordt gemaakt vóór er iets wordt bewaard of "
                "bekeken",
                "a part of the image that is made black before anything is stored or watched",
            ),
        ],
    ]
