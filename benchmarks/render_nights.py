"""
Draw nights with exact truth: `render_nights.py --out DIR [--set quick|medium|full] [--only NAME]`.

The same seeds give the same pictures. `parkwacht evaluate DIR` measures on them.
"""

import argparse
import json
from pathlib import Path

from nights.rendering import render
from nights.scenarios import FULL, MEDIUM, QUICK
from rich.progress import track


def main() -> None:
    """Draw the nights asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for recordings and truth")
    parser.add_argument("--set", choices=("quick", "medium", "full"), default="quick")
    parser.add_argument("--only", default="", help="a part of the names to draw")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    sets = {"quick": QUICK, "medium": MEDIUM, "full": FULL}
    nights = [one for one in sets[chosen.set] if chosen.only in one.name]
    nights.sort(key=lambda one: (one.size, one.look))  # so that a stage is set once
    clips = {f"{one.name}.mp4": render(one, chosen.out) for one in track(nights, "nights")}
    truth = {"tolerance_s": 0.5, "how": "drawn: exact", "clips": clips}
    (chosen.out / "events.json").write_text(json.dumps(truth, indent=1) + "\n")


if __name__ == "__main__":
    main()
