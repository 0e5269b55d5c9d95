"""
Annex B: the questions of a data protection impact assessment (AVG, article 35).

Answered where the study has figures, left open where people must decide. No legal advice: the
distinctions come from Gemeentewet 151c, the AVG, the policy rules on camera surveillance of the
Autoriteit Persoonsgegevens (2016) and EDPB guidelines 3/2019, as read in design/coverage.md,
section 7.
"""

from parkwacht_coverage.evaluate import Condition
from parkwacht_coverage.privacy import PrivacyLevel
from parkwacht_coverage.reporting import blocks
from parkwacht_coverage.reporting.blocks import Block
from parkwacht_coverage.reporting.story import CAMERA, Story
from parkwacht_coverage.results import ScenarioId

Row = tuple[str, str, str]  # question, what the study answers, what people must fill in
USUAL_DAYS = 28


def dpia_annex(story: Story) -> list[Block]:
    """Return the questions with the answers that the study has."""
    say = story.words.say
    rows = [*_why(story), *_whether(story), *_who(story), *_how(story)]
    return [
        *blocks.chapter(
            say(
                "Bijlage B. Voorzet voor een DPIA",
                "Annex B. Draft of a data protection impact assessment",
            ),
            intro=say(
                "Stelselmatig en op grote schaal openbare ruimte bekijken vraagt vooraf een "
                "beoordeling van de gevolgen voor de privacy (AVG, artikel 35). Dit is een voorzet "
                "met de cijfers van deze studie, geen juridisch advies; leg hem voor aan een "
                "functionaris gegevensbescherming.",
                "Watching public ground systematically and on a large scale asks for an assessment "
                "of its effects on privacy beforehand (GDPR, article 35). This is a draft with the "
                "figures of this study, no legal advice; have a data protection officer look at "
                "it.",
            ),
        ),
        blocks.form(rows, to_fill=say("In te vullen:", "To fill in:")),
    ]


def _why(story: Story) -> list[Row]:
    say, site = story.words.say, story.study.site
    n = story.words.number(len(site.incidents))
    loss = story.words.eur(sum(one.loss_eur for one in site.incidents))
    return [
        (
            say("Doel", "Purpose"),
            say(
                f"Inbraak, diefstal en vernieling op {site.name} tegengaan en na een incident "
                f"kunnen nagaan wat er gebeurde. Aanleiding: {n} incidenten met samen {loss} "
                "schade in de opgegeven jaren.",
                f"To counter burglary, theft and vandalism at {site.name} and to find out "
                f"afterwards what happened. Reason: {n} incidents with {loss} of loss together in "
                "the years given.",
            ),
            say(
                "andere doelen, en wat er uitdrukkelijk niet mee gedaan wordt (zoals personeel "
                "beoordelen).",
                "other purposes, and what will expressly not be done with it (such as judging "
                "staff).",
            ),
        ),
        (
            say("Wie is verantwoordelijk", "Who is responsible"),
            "",
            say(
                "de stichting of vereniging die volgens haar statuten verantwoordelijk is, het "
                "convenant met de gemeente, en de verwerkers (beveiliger, meldkamer, leverancier).",
                "the foundation or association that is responsible by its statutes, the covenant "
                "with the municipality, and the processors (security company, control room, "
                "supplier).",
            ),
        ),
        (
            say("Grondslag", "Legal basis"),
            say(
                "Twee wegen, niet te verwarren. Camera's van ondernemers tegen inbraak vallen "
                "onder de AVG, doorgaans op gerechtvaardigd belang (artikel 6, lid 1, onder f). "
                "Camera's van de burgemeester voor de openbare orde vallen onder Gemeentewet 151c: "
                "na een verordening van de raad en overleg met de officier van justitie, alleen "
                "openbare plaatsen, de politie voert de regie, hoogstens vier weken bewaren. Deze "
                "studie gaat uit van de AVG.",
                "Two ways, not to be confused. Cameras of businesses against burglary come under "
                "the GDPR, as a rule on legitimate interest (article 6(1)(f)). Cameras of the "
                "mayor for public order come under Gemeentewet 151c: after a by-law of the council "
                "and talks with the public prosecutor, public places only, in the hands of the "
                "police, kept for four weeks at most. This study assumes the GDPR.",
            ),
            say(
                "de gekozen grondslag, met de afweging van belangen. Bedrijven mogen de openbare "
                "weg niet zomaar filmen.",
                "the basis chosen, with the weighing of interests. Businesses may not simply film "
                "the public road.",
            ),
        ),
    ]


def _whether(story: Story) -> list[Row]:
    say, words, study = story.words.say, story.words, story.study
    was, will = (story.incidents_seen(one) for one in (study.today, study.recommended))
    n, when = len(study.recommended.incidents), story.main_words
    today, then = (story.share(one, story.main) for one in (study.today, study.recommended))
    return [
        (
            say("Noodzaak", "Necessity"),
            say(
                f"Nu is {when} {today} van de openbare ruimte in beeld, dan {then}. Van "
                f"{words.number(n)} incidenten was de plek nu bij {was} in beeld, dan bij {will}.",
                f"Today {today} of the public ground is in view {when}, {then} then. Of "
                f"{words.number(n)} incidents the place is in view for {was} today, {will} then.",
            ),
            say(
                "waarom dit zonder camera's niet lukt, en wat politiecijfers erover zeggen.",
                "why this cannot be done without cameras, and what police figures say about it.",
            ),
        ),
        (
            say("Kan het met minder (subsidiariteit)", "Could it be less (subsidiarity)"),
            _subsidiarity(story),
            say(
                "welke andere maatregelen zijn genomen of overwogen: licht, hekken, sloten, "
                "surveillance, slagbomen.",
                "which other measures were taken or considered: light, fences, locks, patrols, "
                "barriers.",
            ),
        ),
        (
            say("Weegt het op (proportionaliteit)", "Is it worth it (proportionality)"),
            _proportionality(story),
            say(
                "het oordeel: weegt wat het brengt op tegen wat het raakt?",
                "the verdict: does what it brings outweigh what it touches?",
            ),
        ),
    ]


def _subsidiarity(story: Story) -> str:
    say, words, study = story.words.say, story.words, story.study
    if ScenarioId.CHEAPEST not in study.scenarios:
        return say(
            "Geen enkele plaatsing haalde alle doelen; zie “Niet gehaald”.",
            "No placement met all goals; see “Not met”.",
        )
    least = study.scenarios[ScenarioId.CHEAPEST].cost
    most = study.recommended.cost
    few, many = (words.plural(one.n_cameras, *CAMERA) for one in (least, most))
    return say(
        f"De goedkoopste plaatsing die de doelen haalt, vraagt {few}; de aanbevolen {many}. "
        "Een lagere klasse (minder scherp) kan volstaan voor overzicht. Leesbare kentekens zijn "
        "alleen bij de toegangen gezocht. Parkwacht herkent geen gezichten of kentekens.",
        f"The cheapest placement that meets the goals asks for {few}; the recommended one {many}. "
        "A lower class (less sharp) may do for an overview. Legible plates were looked for at the "
        "gates only. Parkwacht recognises no faces or plates.",
    )


def _proportionality(story: Story) -> str:
    say, words = story.words.say, story.words
    seen = story.study.recommended.privacy.together[Condition.DAY]
    ground, faces = words.m2(seen.private_m2), words.percent(seen.recognisable_share)
    windows = words.metres(seen.dwelling_window_m[PrivacyLevel.OBSERVE])
    return say(
        f"Met de maskers erover zien de camera's samen {ground} privéterrein en {windows} ramen "
        f"van woningen; van de voorbijgangers buiten het doelgebied is {faces} herkenbaar. Bijlage "
        "A geeft dit per camera.",
        f"With the masks over it the cameras together see {ground} of private ground and {windows} "
        f"of windows of dwellings; of passers-by outside the purpose area {faces} are "
        "recognisable. Annex A has this per camera.",
    )


def _who(story: Story) -> list[Row]:
    say = story.words.say
    return [
        (
            say("Wie komen in beeld", "Whose data"),
            say(
                "Ondernemers, personeel, bezoekers, chauffeurs, wie over het park wandelt of "
                "fietst, en mogelijk omwonenden.",
                "Businesses, staff, visitors, drivers, whoever walks or cycles across the park, "
                "and possibly neighbours.",
            ),
            say(
                "hoe zij zijn gehoord. Overburen kunnen belanghebbend zijn.",
                "how they were heard. Neighbours across the road may be interested parties.",
            ),
        ),
        (
            say("Wat wordt vastgelegd", "What is recorded"),
            say(
                "Beelden van mensen en voertuigen, en van gemelde gebeurtenissen de tijd, plaats "
                "en klasse. Kentekens waar die leesbaar zijn.",
                "Images of people and vehicles, and of flagged events the time, place and class. "
                "Plates where they are legible.",
            ),
            say(
                "of er geluid wordt opgenomen (liever niet), en wat er verder wordt gekoppeld.",
                "whether sound is recorded (better not), and what else is linked.",
            ),
        ),
        _retention(story),
        (
            say("Wie mag kijken", "Who may watch"),
            say(
                "De bewaking werkt buiten openingstijd; elk bekijken van een beeld wordt "
                "vastgelegd. De politie krijgt een melding pas na het oordeel van een mens, met de "
                "grondslag erbij.",
                "The watch works outside opening hours; each viewing of an image is put on record. "
                "The police get a report only after a person's verdict, with its legal basis.",
            ),
            say(
                "wie toegang heeft, hoe dat wordt gecontroleerd en wie beelden mag uitgeven.",
                "who has access, how that is checked and who may hand out images.",
            ),
        ),
    ]


def _retention(story: Story) -> Row:
    say, retention = story.words.say, story.study.site.retention
    days = retention.images_days
    answer = say(
        f"{days} dagen, daarna automatisch gewist.", f"{days} days, then deleted automatically."
    )
    if days > USUAL_DAYS:
        answer += " " + say(
            f"Dat is langer dan vier weken, omdat: {retention.reason}.",
            f"That is more than four weeks, because: {retention.reason}.",
        )
    return (
        say("Hoe lang bewaard", "How long kept"),
        answer,
        say(
            "waarom niet korter. De Europese toezichthouders vragen meer uitleg naarmate beelden "
            "langer dan 72 uur bewaard blijven.",
            "why not shorter. The European supervisors ask for more reasons the longer images are "
            "kept beyond 72 hours.",
        ),
    )


def _how(story: Story) -> list[Row]:
    say = story.words.say
    n = len(story.study.recommended.masks)
    return [
        (
            say("Maskers", "Masks"),
            say(
                f"{n} privacymaskers maken privéterrein en gevels van woningen zwart vóór er iets "
                "wordt bekeken of bewaard (bijlage A).",
                f"{n} privacy masks make private ground and façades of dwellings black before "
                "anything is watched or stored (annex A).",
            ),
            say(
                "wie de maskers na het ophangen controleert, en na elke verdraaiing opnieuw.",
                "who checks the masks after hanging, and again after each turn of a camera.",
            ),
        ),
        (
            say("Borden", "Signs"),
            "",
            say(
                "bij elke toegang een bord dat er gefilmd wordt, door wie, waarom en waar men "
                "meer kan lezen.",
                "at each gate a sign that says that there is filming, by whom, why and where to "
                "read more.",
            ),
        ),
        (
            say("Rechten", "Rights"),
            "",
            say(
                "hoe iemand inzage, wissing of bezwaar vraagt, en binnen welke tijd hij antwoord "
                "krijgt.",
                "how someone asks for access, erasure or objects, and how soon an answer comes.",
            ),
        ),
        (
            say("Beveiliging", "Security"),
            say(
                "Meldingen zijn ondertekend, sleutels staan buiten het park-bestand, en zonder "
                "bewuste keuze gaat er niets naar buiten.",
                "Reports are signed, keys are kept outside the park's file, and nothing leaves "
                "without a deliberate choice.",
            ),
            say(
                "versleuteling van opslag en lijnen, en de afspraken met verwerkers.",
                "encryption of storage and lines, and the agreements with processors.",
            ),
        ),
        (
            say("Wat er aan risico blijft", "What risk remains"),
            _residual(story),
            say(
                "de maatregelen daartegen, wie ze neemt, en of de Autoriteit Persoonsgegevens "
                "vooraf geraadpleegd moet worden (artikel 36).",
                "the measures against it, who takes them, and whether the supervisory authority "
                "must be consulted beforehand (article 36).",
            ),
        ),
    ]


def _residual(story: Story) -> str:
    say, words = story.words.say, story.words
    share = story.study.recommended.privacy.together[Condition.DAY].recognisable_share
    n = len(story.study.recommended.cameras)
    return say(
        f"Wie geregeld op het park komt, is met {words.plural(n, *CAMERA)} te volgen. Van de "
        f"voorbijgangers erbuiten blijft {words.percent(share)} herkenbaar. Een camera die "
        "verdraait, kan iets tonen wat nu gemaskerd is. Beelden kunnen uitlekken of voor iets "
        "anders gebruikt worden.",
        f"Whoever comes to the park often can be followed with {words.plural(n, *CAMERA)}. Of "
        f"passers-by outside {words.percent(share)} stay recognisable. A camera that turns may "
        "show what is masked now. Images may leak or be used for something else.",
    )
