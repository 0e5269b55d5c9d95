"""Gates, routes and past incidents: who comes in, how far he is followed, what would be seen."""

from parkwacht_config.text import Text
from parkwacht_coverage.evaluate import Condition
from parkwacht_coverage.reporting import blocks
from parkwacht_coverage.reporting.blocks import Block
from parkwacht_coverage.reporting.maps import WIDTH_MM
from parkwacht_coverage.reporting.story import Story

DAY, NIGHT = Condition.DAY, Condition.NIGHT

INCIDENT_KINDS = {
    "burglary": Text(nl="inbraak", en="burglary"),
    "theft": Text(nl="diefstal van terrein of lading", en="theft from yard or load"),
    "vehicle_theft": Text(nl="diefstal van of uit voertuig", en="theft of or from a vehicle"),
    "vandalism": Text(nl="vernieling", en="vandalism"),
    "arson": Text(nl="brandstichting", en="arson"),
    "dumping": Text(nl="afval dumpen", en="dumping of waste"),
    "drugs": Text(nl="drugs", en="drugs"),
    "nuisance": Text(nl="overlast", en="nuisance"),
}


def access_chapter(story: Story) -> list[Block]:
    """Return gates, routes and incidents, with their maps."""
    say, site = story.words.say, story.study.site
    found = blocks.chapter(
        say("Toegangen en routes", "Gates and routes"),
        intro=say(
            "Wie het park in of uit rijdt, komt langs een toegang. Daar willen wij een kenteken "
            "kunnen lezen en zien wat er gebeurt. Daarna willen wij iemand kunnen volgen.",
            "Whoever drives in or out passes a gate. There we want to read a plate and see what "
            "happens. After that we want to be able to follow someone.",
        ),
    )
    if site.gates:
        found.append(_gate_table(story))
    found.append(
        blocks.note(
            say(
                "Letters zijn camera's van nu, N-nummers nieuwe; een streepje is geen. Een "
                "kenteken telt als leesbaar vanaf 130 beeldpunten breed en 30 hoog, hoogstens 30 "
                "graden schuin (handleiding ABUS), op 0,5 m hoogte, en 's nachts binnen het "
                "infraroodbereik of met genoeg licht.",
                "Letters are cameras of today, N numbers new ones; a dash is none. A plate counts "
                "as legible from 130 pixels wide and 30 high, at most 30 degrees off (ABUS "
                "manual), at 0.5 m height, and by night within infrared range or with enough "
                "light.",
            )
        )
    )
    if story.study.recommended.routes:
        found.append(blocks.head(say("Routes", "Routes")))
        found.append(_route_table(story))
    alt = say("Kaart van toegangen en routes", "Map of gates and routes")
    found.append(blocks.image("map_access.png", alt, width_mm=WIDTH_MM))
    return found


def _gate_table(story: Story) -> Block:
    say, study = story.words.say, story.study
    today = {one.gate_id: one for one in study.today.gates}
    rows = []
    for gate in study.recommended.gates:
        before = today[gate.gate_id]
        cells = [
            f"{story.named(was[condition])} → {story.named(now[condition])}"
            for was, now in (
                (before.plate_ids, gate.plate_ids),
                (before.overview_ids, gate.overview_ids),
            )
            for condition in (DAY, NIGHT)
        ]
        rows.append([gate.name, *cells])
    header = [
        say("toegang: nu → dan", "gate: today → then"),
        say("kenteken, overdag", "plate, by day"),
        say("kenteken, 's nachts", "plate, by night"),
        say("overzicht, overdag", "overview, by day"),
        say("overzicht, 's nachts", "overview, by night"),
    ]
    return blocks.table(header, rows, widths=("1.1fr", "1fr", "1fr", "1.2fr", "1.2fr"))


def _route_table(story: Story) -> Block:
    words, say, study = story.words, story.words.say, story.study
    when = story.main_words
    today = {one.route_id: one for one in study.today.routes}
    rows = []
    for route in study.recommended.routes:
        before = today[route.route_id]
        cells = [
            f"{words.percent(before.seen_share[condition], 0)} → "
            f"{words.percent(route.seen_share[condition], 0)}"
            for condition in (DAY, NIGHT)
        ]
        gaps = (one.longest_unseen_m[story.main] for one in (before, route))
        cells.append(" → ".join(words.metres(gap) for gap in gaps))
        rows.append([route.name, words.metres(route.line.length), *cells])
    header = [
        say("route: nu → dan", "route: today → then"),
        say("lengte", "length"),
        say("gezien, overdag", "seen, by day"),
        say("gezien, 's nachts", "seen, by night"),
        say(f"langste stuk ongezien, {when}", f"longest unseen stretch, {when}"),
    ]
    return blocks.table(header, rows, widths=("1.6fr", ">auto", ">1fr", ">1fr", ">1.3fr"))


def incident_chapter(story: Story) -> list[Block]:
    """Return which past incidents would have been in view."""
    say = story.words.say
    if not story.study.site.incidents:
        return []
    alt = say("Kaart van incidenten", "Map of incidents")
    return [
        *blocks.chapter(
            say("Incidenten: was het gezien?", "Incidents: would it have been seen?"),
            intro=say(
                "Van elk incident is gekeken of de plek in beeld was geweest, in het licht van het "
                "uur waarop het gebeurde (nacht als het uur onbekend is). In beeld zijn is nog "
                "niet voorkomen of oplossen.",
                "For each incident we looked whether its place would have been in view, in the "
                "light of its hour (night where the hour is unknown). Being in view does not yet "
                "prevent or solve it.",
            ),
        ),
        _incident_table(story),
        blocks.image("map_incidents.png", alt, width_mm=WIDTH_MM),
    ]


def _incident_table(story: Story) -> Block:
    words, say, study = story.words, story.words.say, story.study
    kinds: dict[str, list[int]] = {}
    loss: dict[str, float] = {}
    for before, after in zip(study.today.incidents, study.recommended.incidents, strict=True):
        counts = kinds.setdefault(after.incident.kind, [0, 0, 0])
        counts[0] += 1
        counts[1] += bool(before.camera_ids)
        counts[2] += bool(after.camera_ids)
        loss[after.incident.kind] = loss.get(after.incident.kind, 0.0) + after.incident.loss_eur
    rows = [
        [_kind(story, kind), *map(words.number, counts[:1]), words.eur(loss[kind]),
         *map(words.number, counts[1:])]
        for kind, counts in sorted(kinds.items(), key=lambda row: (-row[1][0], row[0]))
    ]  # fmt: skip
    sums = [sum(counts[i] for counts in kinds.values()) for i in range(3)]
    rows.append([say("alle", "all"), words.number(sums[0]), words.eur(sum(loss.values())),
                 *map(words.number, sums[1:])])  # fmt: skip
    header = [
        say("soort", "kind"),
        say("aantal", "number"),
        say("schade", "loss"),
        say("in beeld, nu", "in view, today"),
        say("in beeld, dan", "in view, then"),
    ]
    widths = ("1.6fr", ">auto", ">1fr", ">1fr", ">1fr")
    return blocks.table(header, rows, widths=widths, strong=[len(rows) - 1])


def _kind(story: Story, kind: str) -> str:
    known = INCIDENT_KINDS.get(kind)
    return story.words.text(known) if known else kind.replace("_", " ")
