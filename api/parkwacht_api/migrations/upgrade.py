"""
Brings a database to the newest form of the tables, or back.

Migrations run in one transaction on both engines, so that a failed one leaves nothing half done.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from parkwacht_api.database import WRITES, create_database_engine

HERE = Path(__file__).parent


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _run(url: str, revision: str, *, is_upgrade: bool) -> None:
    engine = create_database_engine(url)
    config = _config()
    try:
        with engine.execution_options(**{WRITES: True}).begin() as connection:
            config.attributes["connection"] = connection
            if is_upgrade:
                command.upgrade(config, revision)
            else:
                command.downgrade(config, revision)
    finally:
        engine.dispose()


def upgrade_database(url: str, revision: str = "head") -> None:
    """Create or change the tables up to a revision; nothing happens where they are there."""
    _run(url, revision, is_upgrade=True)


def downgrade_database(url: str, revision: str) -> None:
    """Take the tables back to a revision; `base` removes them all, with what is in them."""
    _run(url, revision, is_upgrade=False)


def is_current(engine: Engine) -> bool:
    """Say whether the tables are of the newest revision."""
    heads = set(ScriptDirectory.from_config(_config()).get_heads())
    with engine.connect() as connection:
        return set(MigrationContext.configure(connection).get_current_heads()) == heads
