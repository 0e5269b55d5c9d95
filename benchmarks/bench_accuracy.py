"""How often the worker is right: shared clips and drawn nights, with DVR-Scan beside it."""

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from nights.rendering import render_set
from nights.scenarios import FULL, MEDIUM, QUICK
from peers import dvr_scan, dvr_scan_program
from rich.console import Console
from rich.table import Table

from parkwacht_config.loader import load_site
from parkwacht_config.settings import Settings
from parkwacht_config.text import Language
from parkwacht_vision.bars import check_bars, load_bars, with_bars
from parkwacht_vision.evaluate import EvaluateOptions, evaluate, whole_pictures
from parkwacht_vision.evaluate_report import show_evaluation
from parkwacht_vision.scoring import ARMED_NIGHT_H, ClipScore, add_up, score_clip
from parkwacht_vision.truth import ClipTruth, load_truth

HERE = Path(__file__).parent
SHARED = HERE.parents[1] / "shared" / "data" / "vision"
SITE = HERE.parent / "config" / "sites" / "josink_es.toml"
SETS = {"quick": QUICK, "medium": MEDIUM, "full": FULL}
NETWORK: Final = "ultralytics"
EMBEDDED: Final = "embedded"


def peer_scores(truths: Sequence[ClipTruth], ours: Sequence[ClipScore]) -> list[ClipScore]:
    """Score DVR-Scan on the same recordings; nothing where it cannot be had."""
    program = dvr_scan_program()
    if program is None:
        return []
    seconds = {one.truth.name: one.seconds for one in ours}
    scores = []
    for truth in truths:
        begun_s = time.monotonic()
        score = score_clip(truth, dvr_scan(program, truth), seconds=seconds[truth.name])
        scores.append(replace(score, cpu_s=time.monotonic() - begun_s))
    return scores


def comparison(rows: dict[str, Sequence[ClipScore]]) -> Table:
    """Put detectors and peers side by side."""
    table = Table(title="Same recordings, same scorer", title_justify="left")
    for heading in ("who", "found", "own event", "false", "false / armed night [95 %]",
                    "double", "merged", "median s", "p95 s", "i-LIDS F1 alert*"):  # fmt: skip
        table.add_column(heading, justify="left" if heading == "who" else "right")
    for name, clips in rows.items():
        score = add_up(clips)
        rate, low, high = score.false_alerts.per(ARMED_NIGHT_H)
        table.add_row(
            name, f"{score.n_found}/{score.n_visits}", f"{score.n_own}/{score.n_visits}",
            str(score.n_false), f"{rate:.1f} [{low:.1f}, {high:.1f}]", str(score.n_duplicates),
            str(score.n_merged), f"{score.delay_s(0.5):.2f}", f"{score.delay_s(0.95):.2f}",
            f"{score.ilids_alert:.3f}",
        )  # fmt: skip
    table.caption = "* formula of i-LIDS unverified; DVR-Scan is counted from an event's beginning"
    return table


def measure(
    folder: Path, bars_path: Path, weights: Path, console: Console, *, with_peer: bool
) -> bool:
    """Measure both detectors and the peer on one set; return whether every bar is met."""
    bars = load_bars(bars_path)
    truths = tuple(with_bars(one, bars) for one in load_truth(folder))
    site = whole_pictures(load_site(SITE))
    rows: dict[str, Sequence[ClipScore]] = {}
    is_met = True
    with tempfile.TemporaryDirectory() as state:
        settings = Settings(state_dir=Path(state))
        for options in (EvaluateOptions(str(weights), NETWORK), EvaluateOptions(None, EMBEDDED)):
            done = evaluate(truths, options, settings, site, console)
            checks = check_bars(done.clips, bars, is_embedded=options.detector == EMBEDDED)
            show_evaluation(console, done, checks, Language.EN)
            rows[done.detector.model] = done.clips
            is_met &= all(one.is_met for one in checks)
    if with_peer:
        peer = peer_scores(truths, next(iter(rows.values())))
        if peer:
            rows["DVR-Scan 1.8.2.1"] = peer
        else:
            console.print("DVR-Scan could not be installed: no peer")
    console.print(comparison(rows))
    return is_met


def main() -> None:
    """Run what was asked for; exit 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", choices=SETS, default="quick", help="which drawn nights")
    parser.add_argument("--nights", type=Path, help="nights drawn before")
    parser.add_argument("--part", choices=("shared", "nights", "both"), default="both")
    parser.add_argument("--no-peer", action="store_true", help="without DVR-Scan")
    chosen = parser.parse_args()
    console = Console(width=150)
    weights = SHARED / "weights" / "yolo11n_int8_openvino_model"
    if not weights.exists():
        console.print(f"{weights} is not here: the shared clips and weights are needed")
        raise SystemExit(2)
    results = []
    if chosen.part != "nights":
        results.append(
            measure(SHARED, HERE / "bars_shared.json", weights, console,
                    with_peer=not chosen.no_peer)
        )  # fmt: skip
    if chosen.part != "shared":
        with tempfile.TemporaryDirectory() as drawn:
            if chosen.nights is None:
                render_set(SETS[chosen.set], Path(drawn))
            results.append(
                measure(chosen.nights or Path(drawn), HERE / "bars_nights.json", weights, console,
                        with_peer=not chosen.no_peer)
            )  # fmt: skip
    raise SystemExit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
