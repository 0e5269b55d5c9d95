"""
Make the pictures of the report in the documents anew, from the PDF that a study wrote.

First `parkwacht study config/sites/josink_es.toml --out FOLDER`, then with the project's Python
`docs/make_report_images.py FOLDER/coverage_report.pdf`; needs pdftoppm (poppler-utils).
"""

import subprocess
import sys
from pathlib import Path

IMAGES = Path(__file__).parent / "images"
PAGES = {1: "report_decision", 3: "report_options", 5: "report_classes"}
DPI = 84  # wide enough to read on a page of documentation


def main(report: Path) -> None:
    """Render the chosen pages of a report."""
    for number, name in PAGES.items():
        page = str(number)
        subprocess.run(  # noqa: S603 -- a path given by who runs this
            ["pdftoppm", "-r", str(DPI), "-png", "-singlefile",  # noqa: S607
             "-f", page, "-l", page, str(report), str(IMAGES / name)],
            check=True,
        )  # fmt: skip
        print(f"written: {IMAGES / name}.png")  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]))
