"""One night of the demo for tests and screenshots: real processes, the embedded detector."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from rich.console import Console

from parkwacht_api.accounts import FIRST_NAME
from parkwacht_api.demo import Demo
from parkwacht_api.demo_outcome import load_recordings
from parkwacht_api.local import FIRST_PASSWORD
from parkwacht_api.terminal import Terminal
from parkwacht_config.loader import load_site
from parkwacht_config.secrets import read_secret
from parkwacht_config.settings import Settings

ROOT = Path(__file__).parent.parent
SITE = ROOT / "config" / "sites" / "josink_es.toml"
SAMPLES = ROOT / "sample_media"
PASSWORD = "vier schapen op de dijk"


@dataclass(frozen=True)
class Night:
    """A night that was watched; its service still runs, with the account of the demo."""

    demo: Demo
    url: str
    n_events: int


def make_demo(state_dir: Path) -> Demo:
    """Prepare a demo of the sample park that takes the embedded detector."""
    terminal = Terminal(
        Settings(state_dir=state_dir, detector="embedded", weights=None), Console(quiet=True)
    )
    return Demo(terminal, load_site(SITE), load_recordings(SAMPLES), state_dir / "demo")


@contextmanager
def watched_night(state_dir: Path, *, port: int = 18070) -> Iterator[Night]:
    """Watch the sample recordings and keep serving for the length of a block."""
    demo = make_demo(state_dir)
    demo.prepare(port)
    with demo.running():
        demo.watch()
        with demo.client() as client:
            outcomes = demo.wait_for_acknowledgements(client)
        first = read_secret(FIRST_PASSWORD, demo.state_dir).get_secret_value()
        _choose_password(demo.url, first)
        yield Night(demo, demo.url, sum(len(one.events) for one in outcomes))


def _choose_password(url: str, first: str) -> None:
    """Log in with the password for one log-in and choose another, as a person would."""
    with httpx.Client(base_url=url, trust_env=False, follow_redirects=True, timeout=20) as client:
        page = client.post("/login", data={"name": FIRST_NAME, "password": first})
        csrf = page.text.split('name="csrf" value="')[1].split('"')[0]
        form = {"password": PASSWORD, "again": PASSWORD, "csrf": csrf}
        assert client.post("/login/password", data=form).url.path == "/"
