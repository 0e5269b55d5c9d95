"""
What belongs to one installation: its state folder, the keys on it, and the service that runs.

A service writes `service.json` into its state folder while it runs, so that `watch` and `event` on
the same machine find it; keys for this machine stand in `secrets.toml` of that folder (mode 0600).
"""

import json
import os
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr
from sqlalchemy.exc import SQLAlchemyError

from parkwacht_api.accounts import add_first_administrator
from parkwacht_api.database import Database
from parkwacht_api.keys import create_key
from parkwacht_api.migrations.upgrade import upgrade_database
from parkwacht_api.receivers.channel import check_channels
from parkwacht_api.roles import SCOPES_OF, Role
from parkwacht_config.errors import ConfigError
from parkwacht_config.secrets import read_secret, write_secret
from parkwacht_config.settings import Settings
from parkwacht_config.site import Receiver, Site
from parkwacht_config.text import Text

INGEST_KEY = "PARKWACHT_INGEST_KEY"
OPERATOR_KEY = "PARKWACHT_OPERATOR_KEY"
FIRST_PASSWORD = "PARKWACHT_FIRST_PASSWORD"  # noqa: S105  # its name
DEMO_FOLDER = "demo"


@dataclass(frozen=True, slots=True)
class RunningService:
    """A service that runs on this machine."""

    url: str
    state_dir: Path
    site_path: Path
    is_demo: bool


def partner_key_name(receiver_id: str) -> str:
    """Return the name under which a trial partner's key is kept."""
    return f"PARKWACHT_PARTNER_KEY_{receiver_id.upper()}"


def announce(state_dir: Path, url: str, site_path: Path) -> None:
    """Write `service.json`: this process serves at this address."""
    told = {"pid": os.getpid(), "url": url, "site": str(site_path.resolve())}
    path = state_dir / "service.json"
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(told))
    draft.replace(path)


def withdraw(state_dir: Path) -> None:
    """Remove `service.json` if it is this process's."""
    path = state_dir / "service.json"
    told = _told_by(path)
    if told is not None and told.get("pid") == os.getpid():
        path.unlink(missing_ok=True)


def _told_by(path: Path) -> dict[str, object] | None:
    try:
        told = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) else None


def _is_alive(pid: object) -> bool:
    if not isinstance(pid, int):
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def find_service(settings: Settings) -> RunningService | None:
    """
    Return the service of this state folder, else a demo's, else None.

    A demo is empty at its next start, so it never gets the events of a worker that was told where
    they belong: an address, a key or a database in the settings rules it out.
    """
    told_where = {"ingest_key", "operator_key", "database_url"} & settings.model_fields_set
    folders = [settings.state_dir] if told_where else _folders(settings)
    for folder in folders:
        service = running_in(folder, is_demo=folder != settings.state_dir)
        if service is not None and _is_meant(service, settings):
            return service
    return None


def _folders(settings: Settings) -> list[Path]:
    return [settings.state_dir, settings.state_dir / DEMO_FOLDER]


def _is_meant(service: RunningService, settings: Settings) -> bool:
    if "api_url" not in settings.model_fields_set:
        return True
    return service.url == settings.api_url.rstrip("/")


def running_in(
    state_dir: Path, *, is_demo: bool = False, is_other: bool = False
) -> RunningService | None:
    """
    Return the service that runs with this very state folder, or None.

    `is_other` leaves this process out: in a container the number of a killed one comes back.
    """
    told = _told_by(state_dir / "service.json")
    if is_other and told is not None and told.get("pid") == os.getpid():
        return None
    match told:
        case {"pid": pid, "url": str(url), "site": str(site)} if _is_alive(pid):
            return RunningService(url, state_dir, Path(site), is_demo)
    return None


def open_database(settings: Settings) -> Database:
    """
    Make the state folder, bring the tables up to date and open the database.

    Raises
    ------
    ConfigError
        The folder cannot be made, or the database cannot be reached.
    """
    try:
        # Images wait here: nobody else on this machine may read them.
        settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        upgrade_database(settings.sqlalchemy_url)
        return Database(settings.sqlalchemy_url)
    except OSError as error:
        where, reason = "environment", error.strerror
        right = Text(nl=f"een beschrijfbare map ({reason})", en=f"a folder to write ({reason})")
        folder = str(settings.state_dir)
        raise ConfigError.at(where, "PARKWACHT_STATE_DIR", folder, right) from error
    except SQLAlchemyError as error:
        # The address may hold a password: only the kind of trouble is told.
        kind = type(error).__name__
        raise ConfigError(
            Text(
                nl=f"PARKWACHT_DATABASE_URL: de databank is niet te openen ({kind}); goed is "
                "bijvoorbeeld postgresql+psycopg://gebruiker:wachtwoord@host/naam",
                en=f"PARKWACHT_DATABASE_URL: the database cannot be opened ({kind}); right is "
                "for example postgresql+psycopg://user:password@host/name",
            )
        ) from error


def ensure_secret(name: str, value: str, state_dir: Path) -> bool:
    """Keep a secret under a name unless there is one already; tell whether it was kept."""
    if _has(name, state_dir):
        return False
    write_secret(name, value, state_dir)
    return True


def ensure_worker_key(database: Database, state_dir: Path, *, at: datetime) -> None:
    """Make a key for the worker on this machine, once."""
    if not _has(INGEST_KEY, state_dir):
        key = _key_of(database, "worker", Role.CAMERA_WORKER, at=at)
        write_secret(INGEST_KEY, key, state_dir)


def ensure_operator_key(database: Database, state_dir: Path, *, at: datetime) -> None:
    """Make a key for the commands of this machine, once."""
    if not _has(OPERATOR_KEY, state_dir):
        key = _key_of(database, "operator", Role.SECURITY_OPERATOR, at=at)
        write_secret(OPERATOR_KEY, key, state_dir)


def _key_of(database: Database, name: str, role: Role, *, at: datetime) -> str:
    return create_key(database, name, SCOPES_OF[role], at=at, role=role.value)


def ensure_administrator(
    database: Database, state_dir: Path, *, at: datetime
) -> tuple[str, str] | None:
    """Make the one administrator of a first start; return name and one-time password, or None."""
    with database.writing() as session:
        made = add_first_administrator(session, at=at)
        if made is not None:
            # Before the account is committed: a crash may leave a password of nobody, not worse.
            write_secret(FIRST_PASSWORD, made[1], state_dir)
    return made


def ensure_partner_key(
    database: Database, receiver: Receiver, state_dir: Path, *, at: datetime
) -> None:
    """Make a key for a partner that is played on this machine, once."""
    name = partner_key_name(receiver.id)
    if not _has(name, state_dir):
        scopes = SCOPES_OF[Role.PARTNER]
        key = create_key(
            database,
            receiver.name,
            scopes,
            at=at,
            receiver_id=receiver.id,
            role=Role.PARTNER.value,
        )
        write_secret(name, key, state_dir)


def _has(name: str, state_dir: Path) -> bool:
    try:
        read_secret(name, state_dir)
    except ConfigError:
        return False
    return True


def ingest_key(settings: Settings, state_dir: Path) -> SecretStr | None:
    """Return the worker's key from the settings, else from the state folder, else None."""
    if settings.ingest_key is not None:
        return settings.ingest_key
    return read_secret(INGEST_KEY, state_dir) if _has(INGEST_KEY, state_dir) else None


def operator_key(settings: Settings, state_dir: Path) -> SecretStr | None:
    """Return the key of this machine's commands, as the worker's, or None."""
    if settings.operator_key is not None:
        return settings.operator_key
    return read_secret(OPERATOR_KEY, state_dir) if _has(OPERATOR_KEY, state_dir) else None


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def with_receiver_urls(site: Site, settings: Settings) -> Site:
    """
    Return the site with the addresses that the settings give its receivers instead.

    Raises
    ------
    ConfigError
        An id is no receiver of the site, an address is no URL, or a channel is not right.
    """
    known = {receiver.id for receiver in site.receivers}
    for receiver_id, url in settings.receiver_urls.items():
        if receiver_id not in known or not _is_http(url):
            where = "PARKWACHT_RECEIVER_URLS"
            raise ConfigError.at(
                where,
                receiver_id,
                url,
                Text(
                    nl=f"een http(s)-adres voor een van: {', '.join(sorted(known))}",
                    en=f"an http(s) address for one of: {', '.join(sorted(known))}",
                ),
            )
    receivers = tuple(
        receiver.model_copy(update={"url": settings.receiver_urls.get(receiver.id, receiver.url)})
        for receiver in site.receivers
    )
    ready = replace(site, receivers=receivers)
    check_channels(ready)
    return ready
