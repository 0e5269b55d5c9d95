"""
The account of an import: what was read and what became of it, as JSON, Markdown and a table.

For every layer: read = kept + repaired + filtered + left out.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.markup import escape
from rich.table import Table

from parkwacht_config.text import Language, Text
from parkwacht_coverage.importing.build import Park
from parkwacht_coverage.importing.buildings import SOURCE_NAMES
from parkwacht_coverage.importing.frames import ACCURACY_M, read_crs
from parkwacht_coverage.importing.gather import Gathered
from parkwacht_coverage.importing.ledger import OUTCOME_NAMES, LayerLedger, Outcome
from parkwacht_coverage.importing.placing import WRITTEN_BY, digest_of
from parkwacht_coverage.importing.request import ImportRequest

LISTED = 20  # ids per reason in the Markdown; the JSON has them all
OUTCOMES = (Outcome.KEPT, Outcome.REPAIRED, Outcome.FILTERED, Outcome.LEFT_OUT)
SHORT_NAMES = {  # a table of eighty columns has no room for more
    Outcome.KEPT: Text(nl="gebr.", en="kept"),
    Outcome.REPAIRED: Text(nl="herst.", en="mended"),
    Outcome.FILTERED: Text(nl="filter", en="filter"),
    Outcome.LEFT_OUT: Text(nl="weg", en="out"),
}
RULES = (
    Text(
        nl="Openbaar: BGT wegdeel en ondersteunend wegdeel naar functie, begroeid terrein behalve "
        "landbouw; OSM-wegen (breedte uit width, lanes of wegklasse), parkeerterreinen, parken. "
        "Al het onbegroeide terrein zonder verkeersfunctie telt als privé.",
        en="Public: BGT wegdeel and ondersteunend wegdeel by function, green except farmland; OSM "
        "roads (width from width, lanes or class), car parks, parks. All bare ground without a "
        "traffic function counts as private.",
    ),
    Text(
        nl="Privé: binnen de grens wat niet openbaar, bebouwd of water is. Doelgebied: de openbare "
        "grond binnen de grens.",
        en="Private: inside the outline what is not public, built on or water. Purpose: the public "
        "ground inside the outline.",
    ),
    Text(
        nl="Hoogte: eerst --heights, dan eigenschappen of vorm van het gebouw zelf, dan hetzelfde "
        "gebouw in een andere bron, dan een puntenwolk onder de bronnen, dan de standaardhoogte.",
        en="Height: first --heights, then the building's own attributes or shape, then the same "
        "building in another source, then a point cloud among the sources, then the default.",
    ),
    Text(
        nl="Schattingen waar de bron niets zegt: lichtmast 6 m en 2000 cd, boom 8 m met een kroon "
        "van 3 m straal vanaf 2 m hoogte, gebouw zonder gebruik is een bedrijf.",
        en="Estimates where a source is silent: lamp 6 m and 2000 cd, tree 8 m with a crown of 3 m "
        "radius from 2 m up, a building without a use is a business.",
    ),
)


def to_json(
    park: Park,
    found: Gathered,
    request: ImportRequest,
    files: Mapping[str, bytes],
    counts: Any,  # noqa: ANN401
) -> bytes:
    """
    Write the whole account.

    Parameters
    ----------
    park, found, request
        The import.
    files
        What is written, by path; their digests tell later whether somebody changed them.
    counts
        Features per written layer.
    """
    say = request.language
    report = {
        "written_by": WRITTEN_BY,
        "format": 1,
        "options": _options(request),
        "crs": {
            "target": "EPSG:28992",
            "accuracy_m": ACCURACY_M,
            "relocated_from_deg": found.frame.middle_deg,
            "sources": found.systems,
        },
        "sources": [_source(one.path, one.shown, one.kind.value) for one in found.files],
        "layers": [_layer(one, say) for one in found.ledger.layers],
        "heights": park.height_counts,
        "point_clouds": [
            {"source": one.source, "points": one.n_points, "near_buildings": one.n_near}
            for one in park.clouds
        ],
        "outline": park.outline.rule.to(say),
        "rules": [one.to(say) for one in RULES],
        "result": counts,
        "files": {name: digest_of(content) for name, content in sorted(files.items())},
    }
    return (json.dumps(report, ensure_ascii=False, indent=1) + "\n").encode()


def _options(request: ImportRequest) -> dict[str, Any]:
    """List what was asked; files by name only, so that the report is the same everywhere."""
    return {
        "crs": list(request.crs),
        "heights": [one.name for one in request.heights],
        "boundary": request.boundary.name if request.boundary else None,
        "mounts": request.mounts.name if request.mounts else None,
        "overrule": {layer: path.name for layer, path in request.overrule.items()},
        "layers": {name: theme.value for name, theme in request.themes.items()},
        "mast_spacing_m": request.rules.mast_spacing_m,
        "facade_spacing_m": request.rules.facade_spacing_m,
        "min_facade_height_m": request.rules.min_facade_height_m,
        "snap_m": request.rules.snap_m,
        "default_height_m": request.default_height_m,
        "margin_m": request.margin_m,
        "open_ground": request.open_ground,
        "relocate": request.relocate,
    }


def _source(path: Path, shown: str, kind: str) -> dict[str, Any]:
    with path.open("rb") as file:  # piece by piece: the BAG of the country does not fit in memory
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"name": shown, "kind": kind, "bytes": path.stat().st_size, "sha256": digest}


def _layer(account: LayerLedger, say: Language) -> dict[str, Any]:
    """Account for one layer: counts, and every feature that was not simply kept."""
    listed = {
        outcome.name.lower(): {
            reason.to(say): [str(account.ids[row]) for row in rows]
            for reason, rows in account.reasons(outcome)
        }
        for outcome in OUTCOMES[1:]
    }
    return {
        "source": account.source,
        "layer": account.name,
        "read": len(account.ids),
        **{outcome.name.lower(): account.count(outcome) for outcome in OUTCOMES},
        "ids": {name: reasons for name, reasons in listed.items() if reasons},
        "notes": {
            remark.to(say): [str(account.ids[row]) for row in dict.fromkeys(rows)]
            for remark, rows in account.notes.items()
        },
    }


def to_table(accounts: Sequence[LayerLedger], say: Language) -> Table:
    """Build the table of layers that hold something."""
    title = Text(nl="Wat er van elke laag werd", en="What became of every layer")
    table = Table(title=title.to(say), title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column(Text(nl="bron [laag]", en="source [layer]").to(say), overflow="fold")
    for name in (Text(nl="gelezen", en="read"), *(SHORT_NAMES[one] for one in OUTCOMES)):
        table.add_column(name.to(say), justify="right", no_wrap=True, min_width=5)
    for one in accounts:
        if len(one.ids):
            counts = [str(one.count(outcome)) for outcome in OUTCOMES]
            table.add_row(escape(f"{one.source} [{one.name}]"), str(len(one.ids)), *counts)
    empty = [one.name for one in accounts if not len(one.ids)]
    if empty:
        text = Text(nl="leeg: ", en="empty: ").to(say) + ", ".join(empty)
        table.caption, table.caption_justify = escape(text), "left"
    return table


def height_lines(park: Park, say: Language) -> list[str]:
    """Say how many heights came from where."""
    lines = []
    for origin, count in sorted(park.height_counts.items(), key=lambda one: -one[1]):
        name = SOURCE_NAMES.get(origin, Text(nl=origin, en=origin)).to(say)
        lines.append(f"{count} {name}")
    return lines


def to_markdown(
    park: Park, found: Gathered, request: ImportRequest, title: str, counts: Mapping[str, int]
) -> bytes:
    """Write the account for a person: counts, reasons with the first ids, rules."""
    say = request.language
    lines = [f"# {title}", ""]
    heading = (
        Text(nl="bron", en="source"), Text(nl="laag", en="layer"), Text(nl="gelezen", en="read"),
        *(OUTCOME_NAMES[one] for one in OUTCOMES),
    )  # fmt: skip
    lines.append("| " + " | ".join(one.to(say) for one in heading) + " |")
    lines.append("|" + "---|" * len(heading))
    for one in found.ledger.layers:
        counted = " | ".join(str(one.count(outcome)) for outcome in OUTCOMES)
        lines.append(f"| {one.source} | {one.name} | {len(one.ids)} | {counted} |")
    heights = Text(nl="Hoogten van gebouwen", en="Heights of buildings").to(say)
    lines += ["", f"{heights}: {', '.join(height_lines(park, say)) or '-'}.", ""]
    made = ", ".join(f"{name} {count}" for name, count in counts.items())
    lines += [Text(nl=f"Geschreven: {made}.", en=f"Written: {made}.").to(say), ""]
    lines += _reason_lines(found.ledger.layers, say)
    lines += ["## " + Text(nl="Regels", en="Rules").to(say), ""]
    rule = park.outline.rule
    lines.append("- " + Text(nl=f"Grens: {rule.nl}.", en=f"Outline: {rule.en}.").to(say))
    accuracy = Text(
        nl=f"Omzetten naar EPSG:28992 is goed tot op {ACCURACY_M:g} m.",
        en=f"Converting to EPSG:28992 is good to {ACCURACY_M:g} m.",
    )
    lines += [f"- {one.to(say)}" for one in (accuracy, *RULES)]
    return ("\n".join(lines) + "\n").encode()


def _reason_lines(accounts: Sequence[LayerLedger], say: Language) -> list[str]:
    """List every reason with its count and first ids."""
    lines: list[str] = []
    for one in accounts:
        told: list[str] = []
        for outcome in OUTCOMES[1:]:
            for reason, rows in one.reasons(outcome):
                name = OUTCOME_NAMES[outcome].to(say)
                told.append(f"- {name}, {reason.to(say)}: {_ids(one, rows.tolist())}")
        for remark, noted in one.notes.items():
            told.append(f"- {remark.to(say)}: {_ids(one, list(dict.fromkeys(noted)))}")
        if told:
            lines += [f"## {one.source} [{one.name}]", "", *told, ""]
    return lines


def _ids(account: LayerLedger, rows: Sequence[int]) -> str:
    """Write a count and the first ids."""
    first = ", ".join(f"`{account.ids[row]}`" for row in rows[:LISTED])
    return f"{len(rows)} ({first}{', ...' if len(rows) > LISTED else ''})"


def crs_line(found: Gathered, say: Language) -> str:
    """Say from which systems to which was converted."""
    names = ", ".join(sorted({read_crs(one, "crs").name for one in found.systems.values() if one}))
    if found.frame.is_relocated:
        return Text(
            nl=f"Omgezet uit {names} naar een projectie om het midden van de gegevens, verschoven "
            "naar het midden van RD New.",
            en=f"Converted from {names} to a projection around the middle of the data, shifted to "
            "the middle of RD New.",
        ).to(say)
    return Text(
        nl=f"Omgezet uit {names} naar EPSG:28992, goed tot op {ACCURACY_M:g} m.",
        en=f"Converted from {names} to EPSG:28992, good to {ACCURACY_M:g} m.",
    ).to(say)
