"""
Make the previews of the documents anew: one camera of the sample park, by day and by night.

Run with the project's Python: `.venv/bin/python docs/make_previews.py`.
"""

from datetime import date
from pathlib import Path

from parkwacht_config.loader import load_site
from parkwacht_coverage.preview.command import PreviewRequest, make_preview, write_png
from parkwacht_coverage.preview.picture import LightMode

ROOT = Path(__file__).parent.parent
IMAGES = ROOT / "docs" / "images"
SITE = ROOT / "config" / "sites" / "josink_es.toml"
CAMERA_ID, ON, WIDTH_PX, STEP = "k1_crossing", date(2026, 11, 25), 880, 6


def main() -> None:
    """Draw both and keep them small."""
    site = load_site(SITE)
    camera = site.camera(CAMERA_ID)
    if camera is None:
        message = f"{CAMERA_ID}: no such camera in {SITE}"
        raise SystemExit(message)
    for mode in LightMode:
        path = IMAGES / f"preview_{mode}.png"
        request = PreviewRequest(site, camera, path, ON, modes=(mode,), width_px=WIDTH_PX)
        sheet = (
            make_preview(request).sheet // STEP * STEP + STEP // 2
        )  # fewer colours: half the size
        write_png(sheet, path)
        print(f"written: {path}")  # noqa: T201


if __name__ == "__main__":
    main()
