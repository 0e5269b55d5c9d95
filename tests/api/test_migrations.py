import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from parkwacht_api.database import Database
from parkwacht_api.migrations.upgrade import downgrade_database, is_current, upgrade_database
from parkwacht_api.tables import Base


def tables(database: Database) -> set[str]:
    return set(inspect(database.engine).get_table_names()) - {"alembic_version"}


def test_up_gives_exactly_the_models_and_down_removes_them(empty_database_url: str) -> None:
    upgrade_database(empty_database_url)
    upgrade_database(empty_database_url)  # a second time changes nothing
    database = Database(empty_database_url)
    assert is_current(database.engine)
    assert tables(database) == set(Base.metadata.tables)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    downgrade_database(empty_database_url, "base")
    assert tables(database) == set()
    assert not is_current(database.engine)
    upgrade_database(empty_database_url)
    assert is_current(database.engine)
    database.dispose()


def test_every_column_says_what_it_means() -> None:
    without = [
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        if not column.comment
    ]
    assert without == []


@pytest.mark.parametrize("pragma", [("journal_mode", "wal"), ("synchronous", 2)])
def test_sqlite_survives_a_loss_of_power(
    pragma: tuple[str, object], tmp_path_factory: pytest.TempPathFactory
) -> None:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('db') / 'x.db'}")
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql(f"PRAGMA {pragma[0]}").scalar() == pragma[1]
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    database.dispose()
