"""
The durable spool: events wait on disk until the api has them, and are never half written.

    tmp/      entries being written
    new/      entries to hand over, `<20-digit nanosecond counter>-<stage>-<uuid>`
    refused/  entries the api refuses for good, each with `reason.txt`

An entry is a folder with `record.json` and its media files. It is written in tmp/, every file and
the folder are synced, and then renamed into new/; a reader sees all of it or nothing.
"""

import contextlib
import errno
import fcntl
import os
import re
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args
from uuid import UUID

from parkwacht_config.errors import SpoolError
from parkwacht_config.text import Text
from parkwacht_vision.event import (
    CameraTrouble,
    EventEnding,
    FlaggedEvent,
    Record,
    WatchReport,
)

Stage = Literal["flagged", "ended", "report", "trouble"]
_STAGES: dict[str, Stage] = {stage: stage for stage in get_args(Stage)}
_ENTRY_NAME = re.compile(r"^(\d{20})-(flagged|ended|report|trouble)-([0-9a-f-]{36})$")


@dataclass(frozen=True, slots=True)
class SpoolEntry:
    """One thing to hand over."""

    stage: Stage
    id: UUID
    path: Path

    @property
    def record_path(self) -> Path:
        """The record as JSON."""
        return self.path / "record.json"

    @property
    def media(self) -> dict[str, Path]:
        """Its files by what they are: snapshot, still, clip, original or manifest."""
        return {
            one.name.split(".")[0]: one
            for one in sorted(self.path.iterdir())
            if one.name not in {"record.json", "reason.txt"}
        }


class Spool:
    """
    The spool in a folder; several processes may share it.

    Parameters
    ----------
    root
        The folder; made where it is not there.

    Raises
    ------
    SpoolError
        The folder cannot be made or written.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = threading.Lock()
        self._counter = 0
        with _spool_errors(root):
            for name in ("tmp", "new", "refused"):
                (root / name).mkdir(parents=True, exist_ok=True)
            root.chmod(0o700)  # images wait here; only the worker's own account reads them
            self._clean()

    def put_flagged(self, event: FlaggedEvent, snapshot: bytes, still: bytes | None = None) -> None:
        """Put an event at the moment it is confirmed."""
        media: dict[str, bytes | Path] = {event.snapshot.name: snapshot}
        if still is not None and event.still is not None:
            media[event.still.name] = still
        self._put("flagged", event.id, event, media)

    def put_ended(
        self,
        ending: EventEnding,
        clip: Path | None,
        original: Path | None = None,
        manifest: bytes | None = None,
    ) -> None:
        """Put the ending of an event; its files are copied."""
        given = (
            (ending.clip, clip),
            (ending.original, original),
            (ending.manifest, manifest),
        )
        media = {
            file.name: content
            for file, content in given
            if file is not None and content is not None
        }
        self._put("ended", ending.event_id, ending, media)

    def put_report(self, report: WatchReport) -> None:
        """Put the report of one run."""
        self._put("report", report.id, report, {})

    def put_trouble(self, trouble: CameraTrouble) -> None:
        """Put the beginning or the end of a camera's trouble."""
        self._put("trouble", trouble.id, trouble, {})

    def entries(self) -> list[SpoolEntry]:
        """Return what is to be handed over, oldest first."""
        with _spool_errors(self.root):
            names = sorted(one.name for one in (self.root / "new").iterdir())
        found = []
        for name in names:
            match = _ENTRY_NAME.match(name)
            if match is not None:
                found.append(
                    SpoolEntry(_STAGES[match[2]], UUID(match[3]), self.root / "new" / name)
                )
        return found

    def remove(self, entry: SpoolEntry) -> None:
        """Remove an entry that was handed over; once is as good as twice."""
        with _spool_errors(self.root):
            # Out of new/ in one step first: a crash must not leave half an entry there.
            gone = self.root / "tmp" / f"removed-{entry.path.name}"
            with contextlib.suppress(FileNotFoundError):
                entry.path.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)

    def refuse(self, entry: SpoolEntry, reason: str) -> None:
        """Set an entry aside that the api refuses for good, with the reason."""
        with _spool_errors(self.root):
            _write_synced(entry.path / "reason.txt", reason.encode())
            target = self.root / "refused" / entry.path.name
            entry.path.rename(target)
            _sync_folder(self.root / "refused")
            _sync_folder(self.root / "new")

    def counts(self) -> dict[str, int]:
        """Return how many entries wait per stage, and how many were refused."""
        found = Counter(entry.stage for entry in self.entries())
        with _spool_errors(self.root):
            n_refused = sum(1 for _ in (self.root / "refused").iterdir())
        return {**{stage: found[stage] for stage in _STAGES.values()}, "refused": n_refused}

    def _put(
        self,
        stage: Stage,
        record_id: UUID,
        record: Record,
        media: Mapping[str, bytes | Path],
    ) -> None:
        name = f"{self._next_counter():020d}-{stage}-{record_id}"
        folder = self.root / "tmp" / name
        with _spool_errors(self.root), self._writing():
            try:
                folder.mkdir()
                for file_name, content in media.items():
                    data = content if isinstance(content, bytes) else content.read_bytes()
                    _write_synced(folder / file_name, data)
                _write_synced(folder / "record.json", record.model_dump_json(indent=1).encode())
                _sync_folder(folder)
                folder.rename(self.root / "new" / name)
                _sync_folder(self.root / "new")
            except OSError:
                shutil.rmtree(folder, ignore_errors=True)
                raise

    def _next_counter(self) -> int:
        """Return a number that only grows, also over restarts: the order of the entries."""
        with self._lock:
            self._counter = max(self._counter + 1, time.time_ns())
            return self._counter

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Hold the shared lock that tells others that tmp/ is in use."""
        with (self.root / ".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            yield

    def _clean(self) -> None:
        """Remove what a crash left in tmp/, unless somebody is writing there now."""
        with (self.root / ".lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            for left in (self.root / "tmp").iterdir():
                if left.is_dir():
                    shutil.rmtree(left, ignore_errors=True)
                else:
                    left.unlink(missing_ok=True)


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _spool_errors(root: Path) -> Iterator[None]:
    """Turn errors of the file system into a SpoolError that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            text = Text(
                nl=f"de schijf van {root} is vol: maak ruimte, anders gaan meldingen niet door",
                en=f"the disk of {root} is full: make room, or events will not get through",
            )
        else:
            text = Text(
                nl=f"de wachtrij {root} is niet te schrijven of te lezen: {error.strerror}",
                en=f"the spool {root} cannot be written or read: {error.strerror}",
            )
        raise SpoolError(text) from error
