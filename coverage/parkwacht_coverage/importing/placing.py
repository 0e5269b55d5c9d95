"""
Put a finished park in its folder: all of it or nothing, and never over somebody's work.

A folder that this command wrote and nobody changed since is replaced. Any other that holds
something is refused, or with `force` moved aside as a whole, never deleted.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from parkwacht_config.errors import ConfigError, CoverageError
from parkwacht_config.text import Text

REPORT_NAME = "import_report.json"
WRITTEN_BY = "parkwacht import"


def require_free(folder: Path, *, force: bool) -> None:
    """
    Refuse a folder that holds what is not ours to replace.

    Raises
    ------
    ConfigError
        It is a file, or holds other things than an unchanged import, and `force` is not given.
    """
    if folder.exists() and not folder.is_dir():
        text = Text(nl=f"{folder}: is een bestand, geen map", en=f"{folder}: is a file, no folder")
        raise ConfigError(text)
    if force or not folder.exists() or not any(folder.iterdir()) or _is_untouched(folder):
        return
    raise ConfigError(
        Text(
            nl=f"{folder}: deze map bevat al iets dat parkwacht import niet (precies zo) heeft "
            "geschreven; kies een andere map, of --force om de oude map opzij te zetten",
            en=f"{folder}: this folder holds something that parkwacht import did not write (or not "
            "like this); choose another folder, or --force to move the old folder aside",
        )
    )


def _is_untouched(folder: Path) -> bool:
    """Whether a folder holds exactly what an import wrote."""
    try:
        report = json.loads((folder / REPORT_NAME).read_bytes())
        written = report["files"] if report.get("written_by") == WRITTEN_BY else None
    except (OSError, ValueError, KeyError, AttributeError):
        return False
    if not isinstance(written, dict):
        return False
    there = {str(one.relative_to(folder)) for one in folder.rglob("*") if not one.is_dir()} - {
        REPORT_NAME
    }
    return there == set(written) and all(
        digest_of((folder / name).read_bytes()) == digest for name, digest in written.items()
    )


def digest_of(content: bytes) -> str:
    """Compute the SHA-256 of some bytes."""
    return hashlib.sha256(content).hexdigest()


def place(
    folder: Path, files: Mapping[str, bytes], check: Callable[[Path], None], *, force: bool
) -> Path | None:
    """
    Write files to a new folder beside the target, check them, and move it into place.

    Parameters
    ----------
    folder
        The target.
    files
        Content by path inside it.
    check
        Called with the new folder; what it raises leaves the target as it was.
    force
        Move what is in the way aside.

    Returns
    -------
    aside
        Where the old folder was moved to, or None.

    Raises
    ------
    ConfigError
        The target is not ours to replace.
    CoverageError
        It cannot be written.
    """
    require_free(folder, force=force)
    target = folder.resolve()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        for name, content in files.items():
            path = fresh / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        fresh.chmod(0o755)
        check(fresh)
        return _swap(fresh, target)
    except OSError as error:
        raise _unwritable(folder, error) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _swap(fresh: Path, target: Path) -> Path | None:
    """Move the new folder into place; an old one that is not ours goes aside."""
    if not target.exists():
        fresh.rename(target)
        return None
    keep = any(target.iterdir()) and not _is_untouched(target)
    number = 1
    while (aside := target.with_name(f"{target.name}.old{number}")).exists():
        number += 1
    target.rename(aside)
    fresh.rename(target)
    if keep:
        return aside
    shutil.rmtree(aside)
    return None


def _unwritable(folder: Path, error: OSError) -> CoverageError:
    return CoverageError(
        Text(
            nl=f"{folder} kan niet worden geschreven: {error}",
            en=f"{folder} cannot be written: {error}",
        )
    )
