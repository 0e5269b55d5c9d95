"""
An evaluation as tables in the terminal, as CSV per recording and as JSON.

CSV and JSON have English keys and plain numbers; what a person reads is in the user's language.
"""

import csv
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from parkwacht_config.text import Language, Text
from parkwacht_vision.bars import Check
from parkwacht_vision.evaluate import Evaluation
from parkwacht_vision.scoring import (
    ARMED_NIGHT_H,
    ClipScore,
    Score,
    add_up,
    by_condition,
    recall_by_density,
    recall_by_group,
)
from parkwacht_vision.truth import Group

CSV_KEYS = (
    "clip", "condition", "seconds", "n_visits", "n_found", "n_own", "n_moving_only", "n_events",
    "n_false", "n_unfit", "n_duplicates", "n_merged", "first_delay_s", "blind_s", "cpu_s",
    "failure",
)  # fmt: skip

_CLIP_COLUMNS = (
    Text(nl="Opname", en="Recording"),
    Text(nl="Gevonden", en="Found"),
    Text(nl="Meldingen", en="Events"),
    Text(nl="Vals", en="False"),
    Text(nl="Anders", en="Unfit"),
    Text(nl="Dubbel", en="Double"),
    Text(nl="Na (s)", en="Delay (s)"),
)
_NUMBERS_WIDTH = 45  # six columns as wide as their headings, and a blank before each
_NAME_WIDTH = 80 - _NUMBERS_WIDTH


def show_evaluation(
    console: Console, evaluation: Evaluation, checks: Sequence[Check], language: Language
) -> None:
    """
    Print what every recording gave, the scores per condition, and the bars.

    Parameters
    ----------
    console
        Where to.
    evaluation
        What is shown.
    checks
        The bars.
    language
        Of the headings.
    """
    info = evaluation.detector
    title = Text(nl="Herkenning", en="Detector")
    console.print(f"{title.to(language)}: {info.name}, {info.model}", markup=False)
    console.print(clip_table(evaluation.clips, language, console.width))
    console.print(score_table(evaluation.clips, language))
    console.print(condition_table(evaluation.clips, language))
    densities = recall_by_density(evaluation.clips)
    if densities:
        console.print(_density_table(densities, language))
    console.print(_bar_table(checks, language))


def _table(language: Language, title: Text, columns: Sequence[Text]) -> Table:
    table = Table(title=title.to(language), title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(
            column.to(language), justify="right" if number else "left", overflow="fold"
        )
    return table


def clip_table(clips: Sequence[ClipScore], language: Language, width: int) -> Table:
    """
    Tell per recording what was found, missed and flagged for nothing.

    Parameters
    ----------
    clips
        The scores.
    language
        Of the headings.
    width
        How many characters there are; from 80 on, a file name of 35 stands on one line.
    """
    title = Text(nl="Per opname", en="Per recording").to(language)
    table = Table(
        title=title, title_justify="left", box=SIMPLE_HEAD, padding=0, pad_edge=False,
        show_edge=False,
    )  # fmt: skip
    longest = max(_NAME_WIDTH, *(len(clip.truth.name) for clip in clips))
    name_width = max(_NAME_WIDTH, min(longest, width - _NUMBERS_WIDTH))
    table.add_column(_CLIP_COLUMNS[0].to(language), width=name_width, overflow="fold")
    for column in _CLIP_COLUMNS[1:-1]:
        table.add_column(column.to(language), justify="right", no_wrap=True)
    table.add_column(_CLIP_COLUMNS[-1].to(language), justify="right")
    for clip in clips:
        score = add_up([clip])
        delays = ", ".join("-" if v.delay_s is None else f"{v.delay_s:.1f}" for v in clip.visits)
        style = "red" if clip.false or score.n_found < score.n_visits or clip.failure else None
        table.add_row(
            _name_and_events(clip, language),
            f"{score.n_found}/{score.n_visits}",
            str(score.n_events),
            str(score.n_false),
            str(score.n_unfit),
            str(score.n_duplicates),
            delays,
            style=style,
        )
    return table


def _name_and_events(clip: ClipScore, language: Language) -> str:
    """Write the events, or why there are none, below the name: a column has no room for them."""
    which = " ".join(f"{e.object_class}@{e.start_s:.1f}-{e.end_s:.1f}" for e in clip.events[:6])
    more = f" +{len(clip.events) - 6}" if len(clip.events) > 6 else ""  # noqa: PLR2004
    below = clip.failure.to(language) if clip.failure else which + more
    return escape(clip.truth.name) + (f"\n[dim]{escape(below)}[/]" if below else "")


def score_table(clips: Sequence[ClipScore], language: Language) -> Table:
    """Tell the scores of all recordings together."""
    title = Text(nl="Alles samen", en="All together")
    columns = (Text(nl="Maat", en="Measure"), Text(nl="Waarde", en="Value"))
    table = _table(language, title, columns)
    score = add_up(clips)
    for name, write in _MEASURES:
        table.add_row(name.to(language), write(score))
    groups = recall_by_group(clips)
    for group, dutch in ((Group.PERSON, "persoon"), (Group.VEHICLE, "voertuig")):
        n, of = groups[group]
        if of:
            heading = Text(nl=f"Gevonden, {dutch}", en=f"Found, {group}")
            table.add_row(heading.to(language), f"{n}/{of}")
    return table


def condition_table(clips: Sequence[ClipScore], language: Language) -> Table:
    """Tell the main scores per condition."""
    columns = (
        Text(nl="Licht en weer", en="Light and weather"),
        Text(nl="Gevonden", en="Found"),
        Text(nl="Vals", en="False"),
        Text(nl="Vals per nacht", en="False per night"),
        Text(nl="Mediaan (s)", en="Median (s)"),
        Text(nl="p95 (s)", en="p95 (s)"),
    )
    table = _table(language, Text(nl="Naar licht en weer", en="By light and weather"), columns)
    for name, score in by_condition(clips).items():
        table.add_row(
            name,
            f"{score.n_found}/{score.n_visits}",
            str(score.n_false),
            _rate(score, ARMED_NIGHT_H),
            _number(score.delay_s(0.5)),
            _number(score.delay_s(0.95)),
        )
    return table


def show_tiers(console: Console, tiered: Evaluation, full: Evaluation, language: Language) -> None:
    """
    Print what key frames until something moves gave beside every picture decoded.

    Parameters
    ----------
    console
        Where to.
    tiered, full
        Evaluations of the same recordings.
    language
        Of the headings.
    """
    columns = (
        Text(nl="Maat", en="Measure"),
        Text(nl="Sleutelbeelden", en="Key frames"),
        Text(nl="Alle beelden", en="Every picture"),
    )
    title = Text(nl="Sleutelbeelden tot er iets beweegt", en="Key frames until something moves")
    table = _table(language, title, columns)
    scores = add_up(tiered.clips), add_up(full.clips)
    for name, write in _MEASURES:
        table.add_row(name.to(language), *(write(one) for one in scores))
    console.print(table)


def _rate(score: Score, hours: float) -> str:
    rate, low, high = score.false_alerts.per(hours)
    return f"{_number(rate)} [{_number(low)}, {_number(high)}]"


def _number(value: float) -> str:
    return "-" if not math.isfinite(value) else f"{value:.2f}"


_MEASURES: tuple[tuple[Text, Callable[[Score], str]], ...] = (
    (Text(nl="Opnames", en="Recordings"), lambda s: str(s.n_clips)),
    (Text(nl="Uren", en="Hours"), lambda s: f"{s.hours:.3f}"),
    (Text(nl="Gevonden", en="Found"), lambda s: f"{s.n_found}/{s.n_visits}"),
    (
        Text(nl="waarvan met een eigen melding", en="of which with an event of their own"),
        lambda s: str(s.n_own),
    ),
    (
        Text(nl="waarvan niet herkend", en="of which not recognised"),
        lambda s: str(s.n_moving_only),
    ),
    (Text(nl="Recall", en="Recall"), lambda s: _number(s.recall)),
    (Text(nl="Precisie", en="Precision"), lambda s: _number(s.precision)),
    (Text(nl="Vals per uur (Poisson 95 %)", en="False per hour (Poisson 95 %)"),
     lambda s: _rate(s, 1.0)),
    (Text(nl="Vals per bewaakte nacht van 11,5 u", en="False per armed night of 11.5 h"),
     lambda s: _rate(s, ARMED_NIGHT_H)),
    (Text(nl="Tot melding, mediaan (s)", en="To alert, median (s)"),
     lambda s: _number(s.delay_s(0.5))),
    (Text(nl="Tot melding, p95 (s)", en="To alert, p95 (s)"), lambda s: _number(s.delay_s(0.95))),
    (Text(nl="Dubbel / samen", en="Double / merged"),
     lambda s: f"{s.n_duplicates} / {s.n_merged}"),
    (Text(nl="Andere soort", en="Of another class"), lambda s: str(s.n_unfit)),
    (Text(nl="i-LIDS F1 alarm*", en="i-LIDS F1 alert*"), lambda s: _number(s.ilids_alert)),
    (Text(nl="i-LIDS F1 opname*", en="i-LIDS F1 recording*"),
     lambda s: _number(s.ilids_recording)),
    (Text(nl="Beschikbaar", en="Available"), lambda s: _number(s.availability)),
    (Text(nl="Rekentijd per uur (s)", en="CPU per hour (s)"),
     lambda s: _number(s.cpu_s / s.hours if s.hours else math.nan)),
)  # fmt: skip


def _density_table(densities: dict[float, tuple[int, int]], language: Language) -> Table:
    columns = (Text(nl="Vanaf (px/m)", en="From (px/m)"), Text(nl="Gevonden", en="Found"))
    table = _table(language, Text(nl="Naar grootte", en="By size"), columns)
    for limit, (n, of) in densities.items():
        table.add_row(f"{limit:g}", f"{n}/{of}")
    return table


def _bar_table(checks: Sequence[Check], language: Language) -> Table:
    columns = (
        Text(nl="Lat", en="Bar"),
        Text(nl="Gehaald", en="Reached"),
        Text(nl="Goed", en="Met"),
    )
    table = _table(language, Text(nl="Latten", en="Bars"), columns)
    for check in checks:
        mark = "[green]✓[/]" if check.is_met else "[bold red]✗[/]"
        table.add_row(escape(check.what.to(language)), escape(check.reached), mark)
    table.caption = Text(
        nl="* formule van i-LIDS niet nagezien; bezoeken minder dan 3 s uit elkaar tellen als een",
        en="* i-LIDS formula unverified; visits less than 3 s apart count as one",
    ).to(language)
    return table


def write_csv(path: Path, clips: Sequence[ClipScore]) -> None:
    """Write a row per recording."""
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, CSV_KEYS)
        writer.writeheader()
        writer.writerows(_clip_row(clip) for clip in clips)


def _clip_row(clip: ClipScore) -> dict[str, Any]:
    score = add_up([clip])
    return {
        "clip": clip.truth.name,
        "condition": clip.truth.condition,
        "seconds": round(clip.seconds, 3),
        "n_visits": score.n_visits,
        "n_found": score.n_found,
        "n_own": score.n_own,
        "n_moving_only": score.n_moving_only,
        "n_events": score.n_events,
        "n_false": score.n_false,
        "n_unfit": score.n_unfit,
        "n_duplicates": score.n_duplicates,
        "n_merged": score.n_merged,
        "first_delay_s": round(min(score.delays_s), 3) if score.delays_s else "",
        "blind_s": round(sum(clip.blind_s.values()), 3),
        "cpu_s": round(clip.cpu_s, 3),
        "failure": clip.failure.en if clip.failure else "",
    }


def write_json(path: Path, evaluation: Evaluation, checks: Sequence[Check]) -> None:
    """Write everything, events and visits too."""
    content = {
        "detector": evaluation.detector.model_dump(),
        "tier": evaluation.tier,
        "all": _score_json(add_up(evaluation.clips)),
        "by_condition": {
            name: _score_json(one) for name, one in by_condition(evaluation.clips).items()
        },
        "by_class": {str(g): list(n) for g, n in recall_by_group(evaluation.clips).items()},
        "by_px_per_m": {f"{d:g}": list(n) for d, n in recall_by_density(evaluation.clips).items()},
        "bars": [
            {"bar": one.what.en, "reached": one.reached, "is_met": one.is_met} for one in checks
        ],
        "clips": [_clip_json(clip) for clip in evaluation.clips],
    }
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _score_json(score: Score) -> dict[str, Any]:
    per_hour, per_night = score.false_alerts.per(1.0), score.false_alerts.per(ARMED_NIGHT_H)
    numbers = {
        "recall": score.recall,
        "precision": score.precision,
        "delay_median_s": score.delay_s(0.5),
        "delay_p95_s": score.delay_s(0.95),
        "ilids_f1_alert": score.ilids_alert,
        "ilids_f1_recording": score.ilids_recording,
        "availability": score.availability,
        "cpu_s": score.cpu_s,
        "hours": score.hours,
    }
    counts = ("n_clips", "n_visits", "n_found", "n_own", "n_moving_only", "n_events", "n_false",
              "n_unfit", "n_duplicates", "n_merged")  # fmt: skip
    return {
        **{key: getattr(score, key) for key in counts},
        **{key: _finite(value) for key, value in numbers.items()},
        "false_per_hour": [_finite(one) for one in per_hour],
        "false_per_armed_night": [_finite(one) for one in per_night],
        "blind_s": score.blind_s,
    }


def _finite(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None


def _clip_json(clip: ClipScore) -> dict[str, Any]:
    return {
        **_clip_row(clip),
        "blind_s": clip.blind_s,
        "visits": [
            {
                "class": str(one.visit.group),
                "start_s": one.visit.start_s,
                "end_s": _finite(one.visit.end_s),
                "px_per_m": one.visit.px_per_m,
                "n_events": one.n_events,
                "delay_s": one.delay_s,
            }
            for one in clip.visits
        ],
        "events": [
            {
                "class": str(one.object_class),
                "start_s": round(one.start_s, 3),
                "confirmed_s": round(one.confirmed_s, 3),
                "end_s": round(one.end_s, 3),
                "verdict": _verdict(clip, one),
            }
            for one in clip.events
        ],
    }


def _verdict(clip: ClipScore, one: object) -> str:
    if one in clip.false:
        return "false"
    return "unfit" if one in clip.unfit else "right"
