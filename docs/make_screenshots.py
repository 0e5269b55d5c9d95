"""
Make the screenshots of the documents anew, from a real night of the demo.

Run with the project's Python: `.venv/bin/python docs/make_screenshots.py`; needs Chromium and its
driver.
"""

import sys
import tempfile
import time
from pathlib import Path

from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))
IMAGES = ROOT / "docs" / "images"
NAMES = ("incidents.png", "incident.png", "events.png", "event.png", "cameras.png")


def main() -> None:
    """Watch the night, sign in and take the pictures."""
    from browser import open_browser  # noqa: PLC0415 -- found through the path above
    from demo_run import PASSWORD, watched_night  # noqa: PLC0415

    from parkwacht_api.accounts import FIRST_NAME  # noqa: PLC0415

    with (
        tempfile.TemporaryDirectory() as folder,
        watched_night(Path(folder)) as night,
        open_browser(Path(folder) / "profile") as driver,
    ):
        driver.get(night.url)
        driver.find_element(By.NAME, "name").send_keys(FIRST_NAME)
        driver.find_element(By.NAME, "password").send_keys(PASSWORD)
        driver.find_element(By.CSS_SELECTOR, "button.primary").click()
        time.sleep(2)
        _take(driver, "incidents.png", height_px=800)
        driver.find_element(By.CSS_SELECTOR, "table.incidents a.row").click()
        _take(driver, "incident.png", height_px=1500)
        driver.get(f"{night.url}/events")
        _take(driver, "events.png", height_px=800)
        driver.find_element(By.CSS_SELECTOR, "li.event a.cover").click()
        _take(driver, "event.png", height_px=1500)
        driver.get(f"{night.url}/cameras")
        _take(driver, "cameras.png", height_px=800)
    print(f"written: {', '.join(NAMES)} in {IMAGES}")  # noqa: T201


def _take(driver: WebDriver, name: str, *, height_px: int) -> None:
    time.sleep(2)
    driver.set_window_size(1280, height_px)
    time.sleep(1)
    driver.save_screenshot(str(IMAGES / name))


if __name__ == "__main__":
    main()
