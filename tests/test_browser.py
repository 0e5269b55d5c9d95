"""The review pages in a real browser, on the events of a real run of the demo."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser import need_browser, open_browser
from demo_run import PASSWORD, Night, watched_night
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from parkwacht_api.accounts import FIRST_NAME

pytestmark = [pytest.mark.server("chromium"), pytest.mark.slow]


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    need_browser()
    with watched_night(tmp_path_factory.mktemp("night")) as night:
        yield night


@pytest.fixture
def browser(night: Night, tmp_path: Path) -> Iterator[WebDriver]:
    with open_browser(tmp_path / "profile") as driver:
        driver.get(night.url)
        driver.find_element(By.NAME, "name").send_keys(FIRST_NAME)
        driver.find_element(By.NAME, "password").send_keys(PASSWORD)
        driver.find_element(By.CSS_SELECTOR, "button.primary").click()
        WebDriverWait(driver, 10).until(lambda d: d.find_elements(By.CSS_SELECTOR, ".incidents"))
        driver.get(f"{night.url}/events")
        yield driver


def complaints(driver: WebDriver) -> list[str]:
    """Return what the browser complained about: blocked styles, missing files, script errors."""
    return [str(entry["message"]) for entry in driver.get_log("browser")]  # type: ignore[no-untyped-call]


def is_positive(script: str, element: WebElement) -> Callable[[WebDriver], bool]:
    """Wait for a number of the page's own to be there."""
    return lambda driver: bool(driver.execute_script(script, element) > 0)


def test_the_list_shows_every_event_with_its_picture(browser: WebDriver, night: Night) -> None:
    pictures = browser.find_elements(By.CSS_SELECTOR, "li.event img")
    assert len(pictures) == night.n_events
    for picture in pictures:
        browser.execute_script("arguments[0].scrollIntoView()", picture)
        width = "return arguments[0].naturalWidth"
        WebDriverWait(browser, 10).until(is_positive(width, picture))
    assert complaints(browser) == []


def test_an_event_plays_is_judged_and_reaches_the_police(browser: WebDriver) -> None:
    browser.find_element(By.CSS_SELECTOR, "li.event.unreviewed a.cover").click()
    wait = WebDriverWait(browser, 20)
    video = wait.until(lambda d: d.find_element(By.TAG_NAME, "video"))
    browser.execute_script("arguments[0].muted = true; arguments[0].play()", video)
    wait.until(lambda d: d.execute_script("return arguments[0].currentTime", video) > 0.2)
    browser.find_element(By.CSS_SELECTOR, "input[name=verdict][value=verified]").click()
    browser.find_element(By.NAME, "reason").send_keys("Onbevoegd persoon op het terrein")
    browser.find_element(By.CSS_SELECTOR, "#judge button.primary").click()
    wait.until(lambda d: d.find_elements(By.CSS_SELECTOR, ".verdict.verified"))

    def told(driver: WebDriver) -> bool:
        driver.refresh()
        text = driver.find_element(By.TAG_NAME, "body").text
        return re.search(r"[Pp]olitie.*\n?.*opgepakt", text) is not None

    WebDriverWait(browser, 30, poll_frequency=0.5).until(told)
    assert complaints(browser) == []


def test_the_pages_speak_english_too_and_fit_a_phone(night: Night, tmp_path: Path) -> None:
    with open_browser(tmp_path / "phone", width_px=500, height_px=900) as driver:
        driver.get(f"{night.url}/login?lang=en")
        assert "Log in" in driver.find_element(By.TAG_NAME, "body").text
        overflow = driver.execute_script(
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow <= 0


def test_no_table_is_cut_off_on_a_desk_and_a_phone_leads_to_the_own_account(
    browser: WebDriver, night: Night
) -> None:
    overflow = "return arguments[0].scrollWidth - arguments[0].clientWidth"
    for page in ("", "cameras", "audit", "account"):
        browser.get(f"{night.url}/{page}")
        for table in browser.find_elements(By.CSS_SELECTOR, ".scroll"):
            assert browser.execute_script(overflow, table) <= 0, page
    browser.set_window_size(500, 900)
    browser.find_element(By.CSS_SELECTOR, "a.person").click()
    assert browser.current_url == f"{night.url}/account"
    whole = browser.find_element(By.TAG_NAME, "html")
    assert browser.execute_script(overflow, whole) <= 0
