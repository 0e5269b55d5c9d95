"""What `parkwacht serve`, `deliver` and `partner` do: the long-running processes of one park."""

import base64
import secrets
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from parkwacht_api.app import create_app
from parkwacht_api.database import Database
from parkwacht_api.evidence_signing import ensure_signing_key, fingerprint_of, public_pem
from parkwacht_api.forwarder import run_outbox
from parkwacht_api.local import (
    FIRST_PASSWORD,
    announce,
    ensure_administrator,
    ensure_operator_key,
    ensure_partner_key,
    ensure_secret,
    ensure_worker_key,
    find_service,
    open_database,
    partner_key_name,
    running_in,
    with_receiver_urls,
    withdraw,
)
from parkwacht_api.partner import PartnerConfig, serve_partner
from parkwacht_api.serve import run_server
from parkwacht_api.settings_audit import audit_settings
from parkwacht_api.terminal import Terminal
from parkwacht_config.errors import ConfigError, ForwardingError
from parkwacht_config.loader import load_site
from parkwacht_config.secrets import read_secret
from parkwacht_config.site import Site
from parkwacht_config.text import Text


def _open(terminal: Terminal, site_path: Path) -> tuple[Site, Database]:
    settings = terminal.settings
    site = with_receiver_urls(load_site(site_path), settings)
    return site, open_database(settings)


def serve_site(terminal: Terminal, site_path: Path, host: str, port: int, *, deliver: bool) -> None:
    """
    Serve the pages and the api of a park until a signal ends it; deliver beside it where asked.

    Parameters
    ----------
    terminal
        The settings, and where it prints.
    site_path
        The park.
    host
        Address to listen at.
    port
        Port to listen at.
    deliver
        Empty the outbox in this process too.

    Raises
    ------
    ConfigError
        The park or a setting is wrong.
    ForwardingError
        The port is taken, or the service does not come up.
    """
    settings = terminal.settings
    other = running_in(settings.state_dir, is_other=True)
    if other is not None:
        text = Text(
            nl=f"in {settings.state_dir} draait al een dienst, op {other.url}",
            en=f"a service already runs on {settings.state_dir}, at {other.url}",
        )
        raise ForwardingError(text)
    site, database = _open(terminal, site_path)
    at = datetime.now(UTC)
    ensure_worker_key(database, settings.state_dir, at=at)
    ensure_operator_key(database, settings.state_dir, at=at)
    administrator = ensure_administrator(database, settings.state_dir, at=at)
    audit_settings(database, site, settings, at=at)
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    if "api_url" not in settings.model_fields_set:
        settings = settings.model_copy(update={"api_url": url})
    terminal.say(f"{site.name}: {url}", f"{site.name}: {url}")
    fingerprint = fingerprint_of(public_pem(ensure_signing_key(settings.state_dir)))
    terminal.say(f"Bewijssleutel: {fingerprint}", f"Evidence key: {fingerprint}")
    if administrator is not None:
        _say_administrator(terminal, *administrator)
    stop = threading.Event()
    outbox = threading.Thread(
        target=run_outbox, args=(database, site, settings), kwargs={"stop": stop}, name="outbox"
    )

    def on_listening() -> None:
        announce(settings.state_dir, url, site_path)
        if deliver:
            outbox.start()

    try:
        run_server(
            create_app(settings, site, written=database.written),
            host,
            port,
            on_listening=on_listening,
        )
    finally:
        withdraw(settings.state_dir)
        stop.set()
        if outbox.is_alive():
            outbox.join()


def _say_administrator(terminal: Terminal, name: str, password: str) -> None:
    # A pipe is a log file sooner or later, and a log holds no secrets.
    path = terminal.settings.state_dir / "secrets.toml"
    shown = password if terminal.console.is_terminal else f"{FIRST_PASSWORD}, {path}"
    terminal.say(
        f"Eerste start. Account: {name}; wachtwoord voor één keer: {shown}",
        f"First start. Account: {name}; password for one log-in: {shown}",
    )


@contextmanager
def _until_signal() -> Iterator[threading.Event]:
    stop = threading.Event()
    before = {
        number: signal.signal(number, lambda _number, _frame: stop.set())
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def deliver_site(terminal: Terminal, site_path: Path) -> None:
    """Empty the outbox of a park until a signal ends it; sends under way are finished."""
    settings = terminal.settings
    site, database = _open(terminal, site_path)
    service = find_service(settings)
    if service is not None and not service.is_demo and "api_url" not in settings.model_fields_set:
        settings = settings.model_copy(update={"api_url": service.url})
    with _until_signal() as stop:
        run_outbox(database, site, settings, stop=stop)


def play_partner(terminal: Terminal, site_path: Path, receiver_id: str, port: int) -> None:
    """
    Play one receiver of the park on this machine, with the secret and key of this state folder.

    Raises
    ------
    ConfigError
        The park has no such receiver.
    ForwardingError
        The port is taken.
    """
    settings = terminal.settings
    service = find_service(settings)
    if service is not None and service.is_demo:
        settings = settings.model_copy(update={"state_dir": service.state_dir})
        terminal = Terminal(settings, terminal.console)
    site, database = _open(terminal, site_path)
    receiver = site.receiver(receiver_id)
    if receiver is None:
        known = ", ".join(one.id for one in site.receivers)
        right = Text(nl=f"een van: {known}", en=f"one of: {known}")
        raise ConfigError.at(str(site_path), "receivers", receiver_id, right)
    ensure_partner_key(database, receiver, settings.state_dir, at=datetime.now(UTC))
    fresh = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    if ensure_secret(receiver.secret_env, fresh, settings.state_dir):
        terminal.say(
            f"Geheim voor {receiver.id} gemaakt in {settings.state_dir / 'secrets.toml'}",
            f"Secret for {receiver.id} made in {settings.state_dir / 'secrets.toml'}",
        )
    serve_partner(
        PartnerConfig(
            name=receiver.name,
            secret=read_secret(receiver.secret_env, settings.state_dir),
            journal=settings.state_dir / "partners" / f"{receiver.id}.jsonl",
            api_url=settings.api_url if service is None else service.url,
            api_key=read_secret(partner_key_name(receiver.id), settings.state_dir),
            person=receiver.name,
            port=port,
        )
    )
