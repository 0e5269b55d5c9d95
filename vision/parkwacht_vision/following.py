"""
A folder that is filled, as cameras do by FTP: every file once, when it is complete.

A file is complete when its size and time did not change for a while. What was watched stands in a
journal, so that a restart goes on where it stopped; a file written anew under the same name is
another file. The newest goes first: a backlog of last week does not hold up an alarm of now.
"""

import json
import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from parkwacht_config.clock import Clock
from parkwacht_vision.source import VIDEO_SUFFIXES

logger = logging.getLogger(__name__)

SETTLE_S = 5.0
LOOK_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class _Seen:
    size: int
    mtime_ns: int
    since: datetime  # this size and time


class FolderFollower:
    """
    What is new and complete in a folder and the folders in it.

    Parameters
    ----------
    folder
        Where files arrive.
    journal
        The file that says what was watched; made where it is not there.
    clock
        The machine's clock.
    settle_s
        How long a file must not have changed.
    """

    def __init__(
        self, folder: Path, journal: Path, *, clock: Clock, settle_s: float = SETTLE_S
    ) -> None:
        self._folder = folder
        self._journal = journal
        self._clock = clock
        self._settle_s = settle_s
        self._seen: dict[str, _Seen] = {}
        self._done = self._read_journal()

    def ready(self) -> list[Path]:
        """Return the files that are complete and were not watched, newest first."""
        found: list[tuple[int, Path]] = []
        seen: dict[str, _Seen] = {}
        for path in sorted(self._folder.rglob("*")):
            if path.suffix.lower() not in VIDEO_SUFFIXES or path.name.startswith("."):
                continue
            now = self._look(path)
            if now is None or self._key(path, now) in self._done:
                continue
            seen[str(path)] = now
            if (self._clock.now() - now.since).total_seconds() >= self._settle_s and now.size:
                found.append((now.mtime_ns, path))
        self._seen = seen
        return [path for _, path in sorted(found, key=lambda one: (-one[0], one[1].name))]

    def mark(self, path: Path) -> None:
        """Note that a file was watched; it is not given again."""
        seen = self._seen.get(str(path))
        if seen is None:
            return
        key = self._key(path, seen)
        self._done.add(key)
        self._journal.parent.mkdir(parents=True, exist_ok=True)
        with self._journal.open("a", encoding="utf-8") as file:
            file.write(json.dumps(key) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def _look(self, path: Path) -> _Seen | None:
        try:
            stat = path.stat()
        except OSError:
            return None  # renamed or removed meanwhile
        before = self._seen.get(str(path))
        if before is not None and (before.size, before.mtime_ns) == (
            stat.st_size,
            stat.st_mtime_ns,
        ):
            return before
        return _Seen(stat.st_size, stat.st_mtime_ns, self._clock.now())

    def _key(self, path: Path, seen: _Seen) -> tuple[str, int, int]:
        return (str(path.relative_to(self._folder)), seen.size, seen.mtime_ns)

    def _read_journal(self) -> set[tuple[str, int, int]]:
        if not self._journal.exists():
            return set()
        done = set()
        for line in self._journal.read_text(encoding="utf-8").splitlines():
            try:
                name, size, mtime_ns = json.loads(line)
            except ValueError:
                continue  # the machine went down while this line was written
            done.add((str(name), int(size), int(mtime_ns)))
        return done


def follow(
    follower: FolderFollower,
    watch: Callable[[Path], object],
    *,
    stop: threading.Event,
    look_every_s: float = LOOK_EVERY_S,
) -> int:
    """
    Watch every file that comes until stopped; after each one the newest goes first again.

    Parameters
    ----------
    follower
        The folder.
    watch
        Watches one file and tells of failures itself; a file that cannot be watched is not tried
        again.
    stop
        Set from outside; a file that was being watched then is watched anew next time.
    look_every_s
        How often the folder is looked at while nothing comes.

    Returns
    -------
    n_watched
        How many files were watched.
    """
    n_watched = 0
    while not stop.is_set():
        ready = follower.ready()
        if not ready:
            stop.wait(look_every_s)
            continue
        watch(ready[0])
        if not stop.is_set():
            follower.mark(ready[0])
            n_watched += 1
    return n_watched
