"""
Files and rows that do not belong to each other: nobody's files, and images that are gone.

A file without a row is left by a crash between storing it and committing its row, so one that is
younger than a day may still get its row. A row without its file is a loss that nothing can mend:
it is told, never tidied away.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from parkwacht_api.audit import Act, Actor, audit
from parkwacht_api.database import Database
from parkwacht_api.models_evidence import package_name
from parkwacht_api.repository_retention import known_packages, known_paths

YOUNG = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Strays:
    """What was found, by names inside the media folder."""

    n_files: int
    orphans: tuple[str, ...]  # without a row, old enough to be removed
    missing: tuple[str, ...]  # named by a row, and not there


def find_strays(database: Database, media_dir: Path, *, at: datetime) -> Strays:
    """
    Compare the media folder with the database.

    Parameters
    ----------
    database
        Where the rows are.
    media_dir
        Folder of all media.
    at
        The present instant.
    """
    # The folder first: a file that comes in between has no row that would be missed.
    there = _files(media_dir)
    with database.reading() as session:
        known = known_paths(session)
        known |= {package_name(one) for one in known_packages(session)}
    old = {name for name, stored_at in there.items() if stored_at < at - YOUNG}
    gone = [name for name in known - set(there) if not (media_dir / name).is_file()]
    return Strays(len(there), tuple(sorted(old - known)), tuple(sorted(gone)))


def _files(media_dir: Path) -> dict[str, datetime]:
    found = {}
    for path in media_dir.rglob("*"):
        try:
            if path.is_file():
                stored_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
                found[path.relative_to(media_dir).as_posix()] = stored_at
        except FileNotFoundError:  # removed meanwhile
            continue
    return found


def remove_orphans(
    database: Database, media_dir: Path, *, actor: Actor, at: datetime
) -> tuple[str, ...]:
    """
    Remove the files that no row names, and log which.

    Parameters
    ----------
    database
        Where the rows are.
    media_dir
        Folder of all media.
    actor
        Who does it.
    at
        The present instant.
    """
    orphans = find_strays(database, media_dir, at=at).orphans
    for name in orphans:
        (media_dir / name).unlink(missing_ok=True)
    if orphans:
        with database.writing() as session:
            act = Act("media.repair", "media", "orphans", details={"files": list(orphans)})
            audit(session, actor, act, at=at)
    return orphans
