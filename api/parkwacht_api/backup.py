"""
A copy of everything the service knows, in one file, and the way back.

The file is a ZIP: every table as JSON lines, every image and clip that still exists, and last a
manifest with the SHA-256 of each. It does not depend on the engine: what was kept in SQLite can be
restored into PostgreSQL. All of it is checked before anything is restored, and only an empty
service is restored into. Secrets stay out: they belong in the care of whoever runs the service.
"""

import hashlib
import json
import os
import shutil
import zipfile
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, cast
from uuid import UUID

from alembic.migration import MigrationContext
from sqlalchemy import Connection, LargeBinary, Table, Uuid, func, insert, inspect, select
from sqlalchemy.exc import SQLAlchemyError

from parkwacht_api.database import Database, UtcDateTime
from parkwacht_api.migrations.upgrade import is_current, upgrade_database
from parkwacht_api.models_evidence import package_name
from parkwacht_api.tables import Base
from parkwacht_config.errors import ConfigError
from parkwacht_config.text import Text

FORMAT = 1
MANIFEST = "manifest.json"
ROWS_AT_ONCE = 500
CHUNK = 1 << 20
Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class BackupSummary:
    """What a backup holds; `missing` are files that rows name and that were not there."""

    n_rows: int
    n_files: int
    size: int
    missing: tuple[str, ...] = ()


def _no_progress(_what: str, _n: int) -> None:
    """Tell nobody."""


def _to_json(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, bytes):
        return b64encode(value).decode()
    return value


def _from_json(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in row.items():
        kind = table.c[name].type
        if value is not None and isinstance(kind, UtcDateTime):
            values[name] = datetime.fromisoformat(value)
        elif value is not None and isinstance(kind, Uuid):
            values[name] = UUID(value)
        elif value is not None and isinstance(kind, LargeBinary):
            values[name] = b64decode(value)
        else:
            values[name] = value
    return values


def _revision(connection: Connection) -> str:
    return MigrationContext.configure(connection).get_current_revision() or ""


class _Hashing:
    """Writes on, and keeps the SHA-256 of what went through."""

    def __init__(self, target: Any) -> None:  # noqa: ANN401  # a file open for writing
        self._target = target
        self._digest = hashlib.sha256()

    def write(self, content: bytes) -> None:
        self._digest.update(content)
        self._target.write(content)

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


def _write_table(archive: zipfile.ZipFile, connection: Connection, table: Table) -> dict[str, Any]:
    name = f"tables/{table.name}.jsonl"
    order = list(table.primary_key.columns)
    n_rows = 0
    with archive.open(name, "w", force_zip64=True) as raw:
        target = _Hashing(raw)
        result = connection.execution_options(yield_per=ROWS_AT_ONCE).execute(
            select(table).order_by(*order)
        )
        for row in result.mappings():
            line = {key: _to_json(value) for key, value in row.items()}
            target.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
            n_rows += 1
    return {"name": name, "sha256": target.hexdigest(), "n_rows": n_rows}


def _write_file(archive: zipfile.ZipFile, name: str, path: Path) -> dict[str, Any]:
    # Pictures and clips are compressed already.
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_STORED
    with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as raw:
        target = _Hashing(raw)
        shutil.copyfileobj(source, cast("BinaryIO", target), CHUNK)
    return {"name": name, "sha256": target.hexdigest()}


def _media_paths(connection: Connection) -> list[str]:
    media = Base.metadata.tables["media"]
    query = select(media.c.path).where(media.c.deleted_at.is_(None)).order_by(media.c.id)
    packages = Base.metadata.tables["evidence_package"]
    made = select(packages.c.id).where(
        packages.c.deleted_at.is_(None), packages.c.sha256.is_not(None)
    )
    names = [package_name(one) for one in connection.scalars(made.order_by(packages.c.asked_at))]
    return [*connection.scalars(query), *names]


def make_backup(
    database: Database,
    media_dir: Path,
    target: Path,
    *,
    at: datetime,
    has_media: bool = True,
    progress: Progress = _no_progress,
) -> BackupSummary:
    """
    Write everything to one file, as it was at one instant, while the service runs on.

    Parameters
    ----------
    database
        What to copy; its tables are current.
    media_dir
        Folder of the images.
    target
        The file; it appears only once it is whole.
    at
        The present instant.
    has_media
        Take the images too.
    progress
        Told the name of each part and how many of it are done.

    Raises
    ------
    ConfigError
        The tables are not current, or the file cannot be written.
    """
    if not is_current(database.engine):
        raise ConfigError(
            Text(
                nl="de tabellen zijn niet bijgewerkt; start eerst parkwacht serve",
                en="the tables are not current; run parkwacht serve first",
            )
        )
    part = target.with_name(f".{target.name}.part")
    try:
        with part.open("wb") as file:
            summary = _write_archive(database, media_dir, file, at, has_media, progress)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except OSError as error:
        raise ConfigError(
            Text(
                nl=f"{target}: niet te schrijven ({error})",
                en=f"{target}: cannot be written ({error})",
            )
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return summary


def _write_archive(  # one call, split off for its length
    database: Database,
    media_dir: Path,
    file: BinaryIO,
    at: datetime,
    has_media: bool,
    progress: Progress,
) -> BackupSummary:
    tables, files, missing = [], [], []
    engine = database.engine
    if engine.dialect.name == "postgresql":  # one instant for all tables; SQLite has no other
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    with (
        engine.connect() as connection,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for table in Base.metadata.sorted_tables:
            tables.append(_write_table(archive, connection, table))
            progress(table.name, tables[-1]["n_rows"])
        for n_done, name in enumerate(_media_paths(connection) if has_media else (), 1):
            path = media_dir / name
            if path.is_file():
                files.append(_write_file(archive, f"media/{name}", path))
            else:
                missing.append(name)
            progress("media", n_done)
        manifest = {
            "format": FORMAT,
            "made_at": at.isoformat(),
            "revision": _revision(connection),
            "tables": tables,
            "files": files,
            "missing": missing,
        }
        archive.writestr(MANIFEST, json.dumps(manifest, indent=1))
    n_rows = sum(one["n_rows"] for one in tables)
    return BackupSummary(n_rows, len(files), file.tell(), tuple(missing))


def _broken(source: Path, nl: str, en: str) -> ConfigError:
    return ConfigError(Text(nl=f"{source}: {nl}", en=f"{source}: {en}"))


def _check_archive(source: Path, archive: zipfile.ZipFile) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads(archive.read(MANIFEST))
        parts = [*manifest["tables"], *manifest["files"]]
        is_known = manifest["format"] == FORMAT
    except (KeyError, ValueError, TypeError) as error:
        raise _broken(
            source, "geen reservekopie van Parkwacht", "no backup of Parkwacht"
        ) from error
    if not is_known:
        raise _broken(source, "van een nieuwere Parkwacht", "of a newer Parkwacht")
    for one in parts:
        digest = hashlib.sha256()
        try:
            with archive.open(one["name"]) as part:
                while chunk := part.read(CHUNK):
                    digest.update(chunk)
        except (KeyError, zipfile.BadZipFile) as error:
            name = one["name"]
            raise _broken(source, f"{name} is stuk", f"{name} is broken") from error
        if digest.hexdigest() != one["sha256"]:
            name = one["name"]
            raise _broken(source, f"{name} is veranderd", f"{name} was changed")
    return manifest


def _check_empty(database: Database, media_dir: Path) -> None:
    with database.engine.connect() as connection:
        known = set(inspect(connection).get_table_names())
        full = [
            table.name
            for table in Base.metadata.sorted_tables
            if table.name in known and connection.scalar(select(func.count()).select_from(table))
        ]
    if full or (media_dir.is_dir() and any(media_dir.iterdir())):
        where = ", ".join(full) or str(media_dir)
        raise ConfigError(
            Text(
                nl=f"hier staat al iets ({where}); terugzetten kan alleen in een lege dienst",
                en=f"something is here already ({where}); only an empty service is restored into",
            )
        )


def _rows(archive: zipfile.ZipFile, table: Table) -> Iterator[list[dict[str, Any]]]:
    batch = []
    with archive.open(f"tables/{table.name}.jsonl") as lines:
        for line in lines:
            batch.append(_from_json(table, json.loads(line)))
            if len(batch) == ROWS_AT_ONCE:
                yield batch
                batch = []
    if batch:
        yield batch


def _set_sequences(connection: Connection) -> None:
    """Let PostgreSQL count on from the highest serial that came back."""
    if connection.dialect.name != "postgresql":
        return
    for table in Base.metadata.sorted_tables:
        for column in table.primary_key.columns:
            if column.autoincrement is True or (
                column is table.autoincrement_column and not column.foreign_keys
            ):
                next_value = connection.scalar(select(func.max(column))) or 0
                sequence = func.pg_get_serial_sequence(table.name, column.name)
                connection.execute(select(func.setval(sequence, next_value + 1, False)))


def _restore_media(archive: zipfile.ZipFile, manifest: Mapping[str, Any], media_dir: Path) -> None:
    root = media_dir.resolve()
    for one in manifest["files"]:
        path = (media_dir / one["name"].removeprefix("media/")).resolve()
        if not path.is_relative_to(root):
            message = f"{one['name']} points outside the media folder"
            raise ValueError(message)
        path.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(one["name"]) as source, path.open("wb") as target:
            shutil.copyfileobj(source, target, CHUNK)
            target.flush()
            os.fsync(target.fileno())


def restore_backup(
    url: str, media_dir: Path, source: Path, *, progress: Progress = _no_progress
) -> BackupSummary:
    """
    Fill an empty service from a backup; the tables are made first where they are not there.

    Parameters
    ----------
    url
        Database to fill, of either engine.
    media_dir
        Folder for the images.
    source
        The backup.
    progress
        Told the name of each table and how many rows of it are done.

    Raises
    ------
    ConfigError
        The file is no backup, broken, changed or of another version, or the service is not empty.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            return _restore(url, media_dir, source, archive, progress)
    except (OSError, zipfile.BadZipFile) as error:
        raise _broken(source, f"niet te lezen ({error})", f"cannot be read ({error})") from error


def _restore(
    url: str, media_dir: Path, source: Path, archive: zipfile.ZipFile, progress: Progress
) -> BackupSummary:
    manifest = _check_archive(source, archive)
    database = Database(url)
    try:
        _check_empty(database, media_dir)
        upgrade_database(url)
        with database.engine.connect() as connection:
            if _revision(connection) != manifest["revision"]:
                raise _broken(
                    source,
                    f"de tabellen zijn van versie {manifest['revision']}; zet terug met die "
                    "Parkwacht en werk dan bij",
                    f"its tables are of version {manifest['revision']}; restore with that "
                    "Parkwacht, then upgrade",
                )
        _restore_media(archive, manifest, media_dir)
        n_rows = _restore_tables(database, archive, progress)
    except (SQLAlchemyError, ValueError, OSError) as error:
        shutil.rmtree(media_dir, ignore_errors=True)
        raise _broken(source, f"past niet ({error})", f"does not fit ({error})") from error
    finally:
        database.dispose()
    size = source.stat().st_size
    return BackupSummary(n_rows, len(manifest["files"]), size, tuple(manifest["missing"]))


def _restore_tables(database: Database, archive: zipfile.ZipFile, progress: Progress) -> int:
    n_rows = 0
    with database.writing() as session:
        connection = session.connection()
        for table in Base.metadata.sorted_tables:
            n_of_table = 0
            for batch in _rows(archive, table):
                connection.execute(insert(table), batch)
                n_of_table += len(batch)
                progress(table.name, n_of_table)
            n_rows += n_of_table
        _set_sequences(connection)
    return n_rows
