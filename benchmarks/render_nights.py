"""
Draw nights with exact truth: `render_nights.py --out DIR [--set quick|medium|full] [--only NAME]`.

The same seeds give the same pictures. `parkwacht evaluate DIR` measures on them.
"""

import argparse
from pathlib import Path

from nights.rendering import render_set
from nights.scenarios import FULL, MEDIUM, QUICK


def main() -> None:
    """Draw the nights asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for recordings and truth")
    parser.add_argument("--set", choices=("quick", "medium", "full"), default="quick")
    parser.add_argument("--only", default="", help="a part of the names to draw")
    chosen = parser.parse_args()
    sets = {"quick": QUICK, "medium": MEDIUM, "full": FULL}
    render_set([one for one in sets[chosen.set] if chosen.only in one.name], chosen.out)


if __name__ == "__main__":
    main()
