"""
Brings a database to the newest form of the tables, or back.

Migrations run in one transaction on both engines, so that a failed one leaves nothing half done.
"""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.event import listen
from sqlalchemy.pool import ConnectionPoolEntry

from parkwacht_api.database import WRITES, create_database_engine

HERE = Path(__file__).parent


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _rebuild_freely(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # SQLite changes a table by making it anew; its rows would count as removed from under those
    # that point to them. What points nowhere afterwards is found before the end.
    connection.cursor().execute("PRAGMA foreign_keys=OFF")


def _run(url: str, revision: str, *, is_upgrade: bool) -> None:
    engine = create_database_engine(url)
    is_sqlite = engine.dialect.name == "sqlite"
    if is_sqlite:
        listen(engine, "connect", _rebuild_freely)
    config = _config()
    try:
        with engine.execution_options(**{WRITES: True}).begin() as connection:
            config.attributes["connection"] = connection
            if is_upgrade:
                command.upgrade(config, revision)
            else:
                command.downgrade(config, revision)
            if is_sqlite and (lost := connection.exec_driver_sql("PRAGMA foreign_key_check").all()):
                message = f"the migration left rows that point nowhere: {lost[:3]}"
                raise RuntimeError(message)
    finally:
        engine.dispose()


def upgrade_database(url: str, revision: str = "head") -> None:
    """Create or change the tables up to a revision; nothing happens where they are there."""
    _run(url, revision, is_upgrade=True)


def downgrade_database(url: str, revision: str) -> None:
    """Take the tables back to a revision; `base` removes them all, with what is in them."""
    _run(url, revision, is_upgrade=False)


@cache
def _newest() -> frozenset[str]:
    # Every script is compiled for it, and a probe asks every few seconds.
    return frozenset(ScriptDirectory.from_config(_config()).get_heads())


def is_current(engine: Engine) -> bool:
    """Say whether the tables are of the newest revision."""
    with engine.connect() as connection:
        return set(MigrationContext.configure(connection).get_current_heads()) == _newest()
