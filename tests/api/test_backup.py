"""A backup holds everything, goes back into an empty service of either engine, and says no else."""

import json
import resource
import shutil
import signal
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from api_harness import JPEG, MP4, Service, make_ending
from sqlalchemy import select

from parkwacht_api.backup import make_backup, restore_backup
from parkwacht_api.database import Database
from parkwacht_api.tables import Base
from parkwacht_config.errors import ConfigError

NOW = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)


def everything(database: Database) -> dict[str, list[tuple[object, ...]]]:
    with database.engine.connect() as connection:
        return {
            table.name: [
                tuple(row)
                for row in connection.execute(select(table).order_by(*table.primary_key.columns))
            ]
            for table in Base.metadata.sorted_tables
        }


def filled(service: Service) -> None:
    for _ in range(3):
        event = service.stored()
        assert service.put_ending(make_ending(event)).status_code == 200


def backed_up(service: Service, target: Path) -> Path:
    filled(service)
    summary = make_backup(service.database, service.settings.media_dir, target, at=NOW)
    assert summary.n_files == 6  # three snapshots, three clips
    assert summary.missing == ()
    return target


def test_it_comes_back_whole_on_the_other_engine(
    service: Service, empty_database_url: str, tmp_path: Path
) -> None:
    source = backed_up(service, tmp_path / "night.zip")
    media_dir = tmp_path / "media_again"
    restore_backup(empty_database_url, media_dir, source)
    again = Database(empty_database_url)
    try:
        assert everything(again) == everything(service.database)
        # The next serial does not meet an old one.
        with again.writing() as session:
            media = Base.metadata.tables["media"]
            row = session.execute(select(media).limit(1)).mappings().one()
            values = {k: v for k, v in row.items() if k != "id"} | {"kind": "still"}
            session.execute(media.insert().values(**values))
    finally:
        again.dispose()
    files = {path.relative_to(media_dir): path.read_bytes() for path in media_dir.rglob("*.*")}
    assert sorted(files.values()) == sorted([JPEG] * 3 + [MP4] * 3)


def test_only_into_an_empty_service(service: Service, tmp_path: Path) -> None:
    source = backed_up(service, tmp_path / "night.zip")
    before = everything(service.database)
    with pytest.raises(ConfigError, match="only an empty service"):
        restore_backup(service.settings.sqlalchemy_url, tmp_path / "elsewhere", source)
    assert everything(service.database) == before


def with_changed(archive: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    with zipfile.ZipFile(archive) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    change(parts)
    with zipfile.ZipFile(archive, "w") as new:
        for name, content in parts.items():
            new.writestr(name, content)


def forge(parts: dict[str, bytes]) -> None:
    parts["tables/event.jsonl"] = parts["tables/event.jsonl"].replace(b"person", b"vehicl")


def lose(parts: dict[str, bytes]) -> None:
    del parts[next(name for name in parts if name.startswith("media/"))]


def grow(parts: dict[str, bytes]) -> None:
    manifest = json.loads(parts["manifest.json"])
    parts["manifest.json"] = json.dumps({**manifest, "format": 2}).encode()


def forget(parts: dict[str, bytes]) -> None:
    del parts["manifest.json"]


CHANGES: list[tuple[Callable[[dict[str, bytes]], None], str]] = [
    (forge, "event.jsonl was changed"),
    (lose, "is broken"),
    (grow, "newer Parkwacht"),
    (forget, "no backup of Parkwacht"),
]


def test_what_was_tampered_with_changes_nothing(service: Service, tmp_path: Path) -> None:
    source = backed_up(service, tmp_path / "night.zip")
    for change, message in CHANGES:
        broken = Path(shutil.copy(source, tmp_path / "broken.zip"))
        with_changed(broken, change)
        url, media_dir = f"sqlite:///{tmp_path / 'empty.db'}", tmp_path / "empty_media"
        with pytest.raises(ConfigError, match=message):
            restore_backup(url, media_dir, broken)
        assert not media_dir.exists()


def test_a_lost_image_is_named_and_no_zip_is_refused(service: Service, tmp_path: Path) -> None:
    filled(service)
    shutil.rmtree(service.settings.media_dir)
    summary = make_backup(service.database, service.settings.media_dir, tmp_path / "b.zip", at=NOW)
    assert len(summary.missing) == 6
    (tmp_path / "text.zip").write_text("not a zip")
    with pytest.raises(ConfigError, match="cannot be read"):
        restore_backup(f"sqlite:///{tmp_path / 'x.db'}", tmp_path / "m", tmp_path / "text.zip")


def test_a_disk_that_fills_while_restoring_leaves_nothing_behind(
    service: Service, tmp_path: Path
) -> None:
    event, large = service.stored(), MP4 + bytes(4_000_000)
    assert service.put_ending(make_ending(event, large), large).status_code == 200
    source, media_dir = tmp_path / "night.zip", tmp_path / "full_media"
    make_backup(service.database, service.settings.media_dir, source, at=NOW)
    url = f"sqlite:///{tmp_path / 'full.db'}"
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        # The tables of an empty service need half a megabyte; the clip is larger than the limit.
        resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, usual[1]))
        with pytest.raises(ConfigError, match="File too large"):
            restore_backup(url, media_dir, source)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
        signal.signal(signal.SIGXFSZ, handler)
    assert not media_dir.exists()
    assert restore_backup(url, media_dir, source).n_files == 2
