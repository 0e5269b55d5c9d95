"""`parkwacht evaluate`: how often the worker is right, on recordings whose truth is known."""

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from parkwacht_api.terminal import Terminal, open_site, open_terminal, say

if TYPE_CHECKING:
    from parkwacht_vision.bars import Check
    from parkwacht_vision.evaluate import Evaluation

EVALUATE_HELP = say(
    "Meet op opnames waarvan bekend is wat er gebeurt.", "Measure on recordings of known truth."
)


class MeasuredDetector(StrEnum):
    """Which detector is measured."""

    AUTO = "auto"
    ULTRALYTICS = "ultralytics"
    EMBEDDED = "embedded"


class MeasuredTier(StrEnum):
    """How much of a recording is decoded while it is measured."""

    AUTO = "auto"
    FULL = "full"
    BOTH = "both"


def evaluate_command(
    truth: Annotated[
        Path,
        typer.Argument(
            help=say(
                "Map met opnames en events.json of events.csv, of dat bestand.",
                "Folder of recordings with events.json or events.csv, or that file.",
            )
        ),
    ],
    site: Annotated[
        Path | None, typer.Option("--site", help=say("Sitebestand (TOML).", "Site file (TOML)."))
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(help=say(".pt, .onnx, OpenVINO-map of naam.", ".pt, .onnx, folder or name.")),
    ] = None,
    detector: Annotated[
        MeasuredDetector | None, typer.Option(help=say("Welke detector.", "Which detector."))
    ] = None,
    tier: Annotated[
        MeasuredTier,
        typer.Option(
            help=say(
                "auto: sleutelbeelden tot er iets beweegt; full: alle beelden; both: vergelijk.",
                "auto: key frames until something moves; full: every picture; both: compare.",
            )
        ),
    ] = MeasuredTier.AUTO,
    bars: Annotated[
        Path | None,
        typer.Option(help=say("JSON met wat gehaald moet worden.", "JSON of what to reach.")),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(help=say("Alleen opnames met dit in hun naam.", "Only names with this.")),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help=say("Map voor CSV, JSON en beelden.", "Folder for CSV, JSON, plots.")),
    ] = None,
) -> None:
    """Watch labelled recordings, score the events, and hold them against the bars."""
    from parkwacht_config.log import configure_logging
    from parkwacht_vision.bars import Bars, check_bars, check_tiers, load_bars, with_bars
    from parkwacht_vision.evaluate import EvaluateOptions, evaluate, whole_pictures
    from parkwacht_vision.evaluate_report import show_evaluation, show_tiers
    from parkwacht_vision.truth import load_truth

    terminal = open_terminal()
    configure_logging("CRITICAL")  # what fails stands in the table
    stated = Bars() if bars is None else load_bars(bars)
    truths = tuple(
        with_bars(one, stated) for one in load_truth(truth) if only is None or only in one.name
    )
    options = EvaluateOptions(
        weights,
        None if detector is None else detector.value,
        "full" if tier is MeasuredTier.FULL else "auto",
    )
    # truth says who is in view; with a park named, its zones say who counts
    park = open_site(site, terminal) if site else whole_pictures(open_site(None, terminal))
    done = evaluate(truths, options, terminal.settings, park, terminal.console)
    checks = check_bars(done.clips, stated, is_embedded=done.detector.name == "embedded")
    whole = None
    if tier is MeasuredTier.BOTH:
        by_all = replace(options, tier="full")
        whole = evaluate(truths, by_all, terminal.settings, park, terminal.console)
        checks.append(check_tiers(done.clips, whole.clips))
    show_evaluation(terminal.console, done, checks, terminal.settings.language)
    if whole is not None:
        show_tiers(terminal.console, done, whole, terminal.settings.language)
    if out is not None:
        _write(terminal, out, done, whole, checks)
    if not all(one.is_met for one in checks):
        raise typer.Exit(1)


def _write(
    terminal: Terminal,
    out: Path,
    done: "Evaluation",
    whole: "Evaluation | None",
    checks: "Sequence[Check]",
) -> None:
    """Write the files of an evaluation, and beside them those of every picture decoded."""
    from parkwacht_vision.evaluate_plots import write_plots
    from parkwacht_vision.evaluate_report import write_csv, write_json

    out.mkdir(parents=True, exist_ok=True)
    write_csv(out / "evaluatie.csv", done.clips)
    write_json(out / "evaluatie.json", done, checks)
    write_plots(out, done.clips, terminal.settings.language)
    if whole is not None:
        write_csv(out / "evaluatie_full.csv", whole.clips)
        write_json(out / "evaluatie_full.json", whole, ())
    terminal.say(f"Geschreven in {out}", f"Written to {out}")
