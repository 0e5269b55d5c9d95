"""
Settings of the process, from the environment only (prefix PARKWACHT_); secrets never print.

Read once in a command line and passed down; nothing below reads the environment.
"""

from pathlib import Path
from typing import Literal

from platformdirs import user_state_path
from pydantic import Field, IPvAnyNetwork, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from parkwacht_config.text import Language


class Settings(BaseSettings):
    """What one process was told by its environment."""

    model_config = SettingsConfigDict(env_prefix="PARKWACHT_", extra="ignore", frozen=True)

    language: Language = Language.NL
    site: Path | None = None  # the site file a command uses when it is given none
    state_dir: Path = Field(default_factory=lambda: user_state_path("parkwacht"))
    database_url: SecretStr | None = None  # default: SQLite in the state folder
    weights: str | None = None  # a .pt, .onnx or OpenVINO folder, or a name ultralytics knows
    detector: Literal["auto", "ultralytics", "embedded"] = "auto"
    api_url: str = "http://127.0.0.1:8080"
    ingest_key: SecretStr | None = None
    operator_key: SecretStr | None = None
    # "local" sends to receivers on this machine only, so that a trial never alarms a real partner.
    forwarding: Literal["local", "live", "off"] = "local"
    # Other addresses for receivers, by id: a trial never has to edit the site file.
    receiver_urls: dict[str, str] = Field(default_factory=dict)

    # Proxies of ours, as networks: what they say of an address or a certificate is believed.
    trusted_proxies: tuple[IPvAnyNetwork, ...] = ()
    # Header in which such a proxy tells which client certificate it was shown.
    client_certificate_header: str | None = None

    @property
    def spool_dir(self) -> Path:
        """Folder of the durable spool between the worker and the api."""
        return self.state_dir / "spool"

    @property
    def media_dir(self) -> Path:
        """Folder where the api keeps snapshots and clips."""
        return self.state_dir / "media"

    @property
    def sqlalchemy_url(self) -> str:
        """Database URL for SQLAlchemy; may hold a password, never log it."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.state_dir / 'parkwacht.db'}"
