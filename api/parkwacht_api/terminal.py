"""What the commands share: the settings, the console, the park, the tables."""

import getpass
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from pydantic_settings import SettingsError
from rich.console import Console
from rich.table import Table

import parkwacht_config
from parkwacht_config.errors import ConfigError
from parkwacht_config.settings import Settings
from parkwacht_config.text import Language, Text

# Database and park are imported where they are opened: help and bad input need neither.
if TYPE_CHECKING:
    from parkwacht_api.audit import Somebody
    from parkwacht_api.database import Database
    from parkwacht_api.local import RunningService
    from parkwacht_config.site import Site


def language_of_environment() -> Language:
    """Return the language for help texts, before any setting is read; Dutch where it is unclear."""
    return Language.EN if os.environ.get("PARKWACHT_LANGUAGE") == "en" else Language.NL


def say(nl: str, en: str) -> str:
    """Return one text in the language of the environment."""
    return Text(nl=nl, en=en).to(language_of_environment())


@dataclass(frozen=True, slots=True)
class Terminal:
    """One command's settings and console."""

    settings: Settings
    console: Console

    def say(self, nl: str, en: str) -> None:
        """Print one text in the user's language."""
        self.console.print(Text(nl=nl, en=en).to(self.settings.language))

    def warn(self, nl: str, en: str) -> None:
        """Print a warning that cannot be missed."""
        self.console.print(f"[bold yellow]! {Text(nl=nl, en=en).to(self.settings.language)}[/]")

    def table(self, title: Text, columns: list[Text]) -> Table:
        """Start a table with headings in the user's language."""
        table = Table(title=title.to(self.settings.language), title_justify="left")
        for column in columns:
            table.add_column(column.to(self.settings.language))
        return table


def open_terminal() -> Terminal:
    """
    Read the settings of this process.

    Raises
    ------
    ConfigError
        A setting is wrong.
    """
    try:
        settings = Settings()
    except SettingsError as error:
        # pydantic's text names the field; its value may be a secret and stays out.
        text = Text(
            nl="omgeving: een instelling is geen JSON; PARKWACHT_RECEIVER_URLS is er een als "
            '{"meldkamer": "http://127.0.0.1:8091/"}',
            en="environment: a setting is no JSON; PARKWACHT_RECEIVER_URLS is written like "
            '{"meldkamer": "http://127.0.0.1:8091/"}',
        )
        raise ConfigError(text) from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        key = "PARKWACHT_" + "_".join(str(part) for part in first["loc"]).upper()
        text = Text(
            nl=f"omgeving: {key} klopt niet: {first['msg']}",
            en=f"environment: {key} is wrong: {first['msg']}",
        )
        raise ConfigError(text) from error
    return Terminal(settings, Console(stderr=False, highlight=False))


def find_site_path(given: Path | None, settings: Settings) -> Path:
    """
    Find the park a command works on: the one given, the setting's, or the clone's sample park.

    Raises
    ------
    ConfigError
        There is none.
    """
    bundled = Path(parkwacht_config.__file__).parents[1] / "sites" / "josink_es.toml"
    for path in (given, settings.site, bundled):
        if path is not None and (path.exists() or path is not bundled):
            return path
    text = Text(
        nl="geen park: noem een sitebestand met --site of PARKWACHT_SITE",
        en="no park: name a site file with --site or PARKWACHT_SITE",
    )
    raise ConfigError(text)


def open_site(given: Path | None, terminal: Terminal) -> "Site":
    """Load the park a command works on, with the receiver addresses of the settings."""
    from parkwacht_api.local import with_receiver_urls
    from parkwacht_config.loader import load_site

    site = load_site(find_site_path(given, terminal.settings))
    return with_receiver_urls(site, terminal.settings)


def open_service(terminal: Terminal) -> "RunningService | None":
    """Find the service that runs on this machine, and say so when it is a demo's."""
    from parkwacht_api.local import find_service

    service = find_service(terminal.settings)
    if service is not None and service.is_demo:
        terminal.say(
            f"De demo draait op {service.url}; gebeurtenissen gaan daarheen.",
            f"The demo runs at {service.url}; events go there.",
        )
    return service


def open_service_database(terminal: Terminal) -> "Database":
    """Open the database of the service that runs on this machine, else that of the settings."""
    from parkwacht_api.local import open_database

    open_service(terminal)
    return open_database(terminal.settings.model_copy(update={"state_dir": state_dir_of(terminal)}))


def state_dir_of(terminal: Terminal) -> Path:
    """Return the state folder of the service that runs on this machine, else of the settings."""
    from parkwacht_api.local import find_service

    service = find_service(terminal.settings)
    if service is not None and service.is_demo:
        return service.state_dir
    return terminal.settings.state_dir


def command_actor() -> "Somebody":
    """Say for the audit log who gave this command: the machine's own user."""
    from parkwacht_api.audit import Somebody

    try:
        user = os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        user = f"uid {os.getuid()}"
    return Somebody(user, via="command")


def site_time(at: datetime, timezone: str) -> str:
    """Write an instant in the park's own time."""
    return at.astimezone(ZoneInfo(timezone)).strftime("%d-%m-%Y %H:%M:%S")
