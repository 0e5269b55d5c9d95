"""A real browser, headless: Debian's Chromium, without anything that calls home."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

SILENT = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--autoplay-policy=no-user-gesture-required",
    "--force-color-profile=srgb",
]


def find_browser() -> tuple[str, str] | None:
    """Return the paths of Chromium and its driver, or None."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    return None if browser is None or driver is None else (browser, driver)


def need_browser() -> None:
    """Skip the test where there is no browser, or fail where one is required."""
    if find_browser() is None:
        message = "chromium and chromium-driver are not installed"
        if os.environ.get("PARKWACHT_REQUIRE_SERVERS") == "1":
            pytest.fail(message)
        pytest.skip(message)


@contextmanager
def open_browser(
    profile: Path, *, width_px: int = 1280, height_px: int = 900
) -> Iterator[webdriver.Chrome]:
    """Open a browser with an empty profile for the length of a block."""
    found = find_browser()
    if found is None:
        message = "no browser"
        raise RuntimeError(message)
    options = Options()
    options.binary_location = found[0]
    for argument in [
        *SILENT,
        f"--user-data-dir={profile}",
        f"--window-size={width_px},{height_px}",
    ]:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(found[1]))
    try:
        driver.set_page_load_timeout(30)
        yield driver
    finally:
        driver.quit()
