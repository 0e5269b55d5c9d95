"""
Logging in by another service as it goes: a real browser, and a service that others wrote.

`oidc-provider-mock` is built on Authlib and shares no code with what checks its tokens here.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from api_harness import make_site, running_service, until
from browser import need_browser, open_browser
from oidc_provider import CLIENT_SECRET, told
from rtsp_server import free_port
from selenium.webdriver.common.by import By


@contextmanager
def independent_provider(port: int) -> Iterator[str]:
    """Run `oidc-provider-mock`, which is built on Authlib, in a process of its own."""
    url = f"http://localhost:{port}"
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            until(lambda: _answers(url), within_s=60)
            yield url
        finally:
            process.terminate()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def test_in_a_browser_and_with_another_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_browser()
    monkeypatch.setenv("PARKWACHT_OIDC_SECRET", CLIENT_SECRET)
    port = free_port()
    with independent_provider(free_port()) as issuer:
        claims = {"preferred_username": "bob", "name": "Bob Smit", "groups": ["beveiliging"]}
        httpx.put(f"{issuer}/users/42", json=claims, trust_env=False).raise_for_status()
        site = replace(make_site(), oidc=told(issuer, makes_accounts=["security_operator"]))
        here = f"http://127.0.0.1:{port}"
        with (
            running_service(tmp_path / "s", site, port=port, api_url=here) as service,
            open_browser(tmp_path / "profile") as driver,
        ):
            driver.get(f"{service.url}/cameras")
            driver.find_element(By.LINK_TEXT, "Aanmelden met Parkpas").click()
            until(lambda: driver.current_url.startswith(issuer))
            driver.find_element(By.NAME, "sub").send_keys("42")
            driver.find_element(By.XPATH, "//button[text()='Authorize']").click()
            until(lambda: driver.current_url == f"{service.url}/cameras")
            assert "Bob Smit" in driver.page_source
