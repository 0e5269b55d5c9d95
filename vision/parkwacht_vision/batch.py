"""
Many recordings on all cores: one process per core, each with a detector of its own.

    <state>/batch/<key>/spool/      what a recording gave, as a `Spool`
    <state>/batch/<key>/done.json   how it ended; written when all of it is in the spool
    <state>/batch/<key>/handed      its records are with the sink

The key names the recording by its content and everything its events depend on, so that a run that
was interrupted, even killed, goes on where it stopped, and one with other settings begins anew.
Records are handed over in the order of the jobs, whatever recording is ready first: the same
recordings give the same records in the same order on any number of cores.
"""

import contextlib
import hashlib
import json
import logging
import multiprocessing
import os
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

from parkwacht_config.text import Text
from parkwacht_vision.batch_process import BatchSetup, Outcome, RecordingJob, serve
from parkwacht_vision.event import (
    CameraTrouble,
    DetectorInfo,
    EventEnding,
    FlaggedEvent,
    WatchReport,
)
from parkwacht_vision.ports import EventSink, WatchObserver
from parkwacht_vision.spool import Spool, SpoolEntry

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.2
_HASHED_BYTES = 1 << 20  # of the beginning and the end: recordings are too large to read twice


@dataclass(frozen=True, slots=True)
class Total:
    """How far all recordings together are, in seconds of media, and how long it may still take."""

    done_s: float
    of_s: float
    left_s: float | None  # of the machine's time; None while nothing is known


@dataclass(frozen=True, slots=True)
class BatchPorts:
    """Who takes the records, who is told what happens, and who may stop it."""

    sink: EventSink
    observer: WatchObserver
    stop: threading.Event
    on_total: Callable[[Total], None] | None = None


@dataclass(slots=True)
class _Process:
    process: SpawnProcess
    connection: Connection
    index: int | None = None  # of the job it is busy with


@dataclass(slots=True)
class _Run:
    """The state of one batch in the process that leads it."""

    jobs: Sequence[RecordingJob]
    folders: Sequence[Path]
    waiting: list[int]
    done_s: list[float]
    ports: BatchPorts
    begun_s: float = field(default_factory=time.monotonic)
    skipped_s: float = 0.0
    n_handed: int = 0
    n_good: int = 0

    def is_going(self, processes: Sequence[_Process]) -> bool:
        """Return whether something is being watched or will be."""
        may_begin = self.waiting and not self.ports.stop.is_set()
        return bool(may_begin) or any(one.index is not None for one in processes)


def run_batch(
    jobs: Sequence[RecordingJob],
    setup: BatchSetup,
    detector: DetectorInfo,
    ports: BatchPorts,
    *,
    n_processes: int | None = None,
) -> int:
    """
    Watch recordings side by side.

    Parameters
    ----------
    jobs
        The recordings, in the order in which their records are handed over.
    setup
        What they share.
    detector
        The detector that `setup` chooses, as it calls itself; another one begins anew.
    ports
        The sink gets nothing twice over several runs, the observer is told of everything. What
        was not finished when it was stopped is watched from its beginning next time.
    n_processes
        How many side by side; None for one per core this process may use.

    Returns
    -------
    n_done
        How many recordings were watched to their end.
    """
    folders = [setup.state_dir / "batch" / job_key(job, setup, detector) for job in jobs]
    waiting = [index for index in range(len(jobs)) if not (folders[index] / "done.json").exists()]
    done_s = [0.0 if index in waiting else job.duration_s for index, job in enumerate(jobs)]
    run = _Run(jobs, folders, waiting, done_s, ports, skipped_s=sum(done_s))
    _hand_over(run)
    n_wanted = min(n_processes or len(os.sched_getaffinity(0)), len(waiting))
    processes = [_start(setup) for _ in range(n_wanted)]
    try:
        while run.is_going(processes):
            _feed(run, processes)
            _listen(run, processes, setup)
            _tell(run)
    finally:
        for one in processes:
            one.connection.close()
            one.process.terminate()
            one.process.join()
    return run.n_good


def job_key(job: RecordingJob, setup: BatchSetup, detector: DetectorInfo) -> str:
    """
    Name a recording by its content, and everything that decides what is found in it.

    Parameters
    ----------
    job
        The recording.
    setup
        What the batch shares.
    detector
        The detector that runs.
    """
    digest = hashlib.sha256()
    for path in job.files:
        try:
            stat = path.stat()
            digest.update(f"{path.name} {stat.st_size} {stat.st_mtime_ns}".encode())
            with path.open("rb") as file:
                digest.update(file.read(_HASHED_BYTES))
                file.seek(max(0, stat.st_size - _HASHED_BYTES))
                digest.update(file.read(_HASHED_BYTES))
        except OSError as error:
            digest.update(f"{path} {error.errno}".encode())  # its source says what is wrong
    settings = [
        job.camera_id, str(job.started_at), str([one.started_at for one in job.segments]),
        setup.site.digest, detector.model_dump_json(), setup.fps, setup.tier,
    ]  # fmt: skip
    digest.update(json.dumps(settings).encode())
    return digest.hexdigest()[:32]


def _start(setup: BatchSetup) -> _Process:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, setup), daemon=True)
    process.start()
    theirs.close()
    return _Process(process, ours)


def _feed(run: _Run, processes: Sequence[_Process]) -> None:
    for one in processes:
        message = None  # the wish to stop
        if not run.ports.stop.is_set():
            if one.index is not None or not run.waiting:
                continue
            one.index = run.waiting.pop(0)
            folder = run.folders[one.index]
            shutil.rmtree(folder, ignore_errors=True)  # what an interrupted run left
            message = (run.jobs[one.index], folder / "spool")
        with contextlib.suppress(OSError):  # it was killed: that shows when it is listened to
            one.connection.send(message)


def _listen(run: _Run, processes: list[_Process], setup: BatchSetup) -> None:
    by_connection = {id(one.connection): one for one in processes}
    for connection in wait([one.connection for one in processes], LOOK_EVERY_S):
        one = by_connection[id(connection)]
        index = one.index
        if index is None:
            continue
        try:
            message = one.connection.recv()
        except (EOFError, OSError):
            _finish(run, index, Outcome((_killed(run.jobs[index]),), (), was_stopped=False))
            processes[processes.index(one)] = _start(setup)
            continue
        if isinstance(message, Outcome):
            one.index = None
            _finish(run, index, message)
        else:
            run.done_s[index] = float(message)
            run.ports.observer.on_progress(run.jobs[index].name, float(message))


def _finish(run: _Run, index: int, outcome: Outcome) -> None:
    if outcome.was_stopped:
        return
    run.done_s[index] = run.jobs[index].duration_s
    texts = {
        "failures": [[one.nl, one.en] for one in outcome.failures],
        "warnings": [[one.nl, one.en] for one in outcome.warnings],
        "troubles": [[one.nl, one.en] for one in outcome.trouble_texts],
    }
    _write(run.folders[index] / "done.json", json.dumps(texts))
    _hand_over(run)


def _hand_over(run: _Run) -> None:
    """Hand over what is done, up to the first recording that is not."""
    while run.n_handed < len(run.jobs):
        folder, job = run.folders[run.n_handed], run.jobs[run.n_handed]
        if not (folder / "done.json").exists():
            return
        done = json.loads((folder / "done.json").read_text(encoding="utf-8"))
        texts = [Text(nl=nl, en=en) for nl, en in done["troubles"]]
        is_new = not (folder / "handed").exists()
        entries = Spool(folder / "spool").entries()
        for entry in entries:
            _hand_over_entry(entry, run, texts, is_new=is_new)
        for nl, en in done.get("warnings", []):  # a run before may not have noted any
            run.ports.observer.on_warning(job.name, Text(nl=nl, en=en))
        for nl, en in done["failures"]:
            run.ports.observer.on_failure(job.name, Text(nl=nl, en=en))
        _write(folder / "handed", "")
        for media in [path for entry in entries for path in entry.media.values()]:
            media.unlink()  # the sink has it; no second copy of anybody's picture
        if done["failures"]:
            (folder / "done.json").unlink()  # mended, it may be watched next time
        run.n_good += not done["failures"]
        run.n_handed += 1


def _hand_over_entry(entry: SpoolEntry, run: _Run, texts: list[Text], *, is_new: bool) -> None:
    """Give one record to the observer, and to the sink if it is new."""
    record, media = entry.record_path.read_bytes(), entry.media
    if entry.stage == "flagged":
        event = FlaggedEvent.model_validate_json(record)
        if is_new:
            still = media.get("still")
            run.ports.sink.put_flagged(
                event, media["snapshot"].read_bytes(), None if still is None else still.read_bytes()
            )
        run.ports.observer.on_flagged(event)
    elif entry.stage == "ended":
        ending = EventEnding.model_validate_json(record)
        if is_new:
            manifest = media.get("manifest")
            run.ports.sink.put_ended(
                ending, media.get("clip"), media.get("original"),
                None if manifest is None else manifest.read_bytes(),
            )  # fmt: skip
        run.ports.observer.on_ended(ending)
    elif entry.stage == "trouble":
        trouble = CameraTrouble.model_validate_json(record)
        if is_new:
            run.ports.sink.put_trouble(trouble)
        run.ports.observer.on_trouble(trouble, texts.pop(0))
    else:
        report = WatchReport.model_validate_json(record)
        if is_new:
            run.ports.sink.put_report(report)
        run.ports.observer.on_report(report)


def _tell(run: _Run) -> None:
    if run.ports.on_total is None:
        return
    done_s, of_s = sum(run.done_s), sum(one.duration_s for one in run.jobs)
    new_s = done_s - run.skipped_s
    passed_s = time.monotonic() - run.begun_s
    left_s = None if new_s <= 0 else max(0.0, of_s - done_s) * passed_s / new_s
    run.ports.on_total(Total(done_s, of_s, left_s))


def _write(path: Path, text: str) -> None:
    """Write a file in one step: after a crash it is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _killed(job: RecordingJob) -> Text:
    return Text(
        nl=f"{job.name}: het proces dat deze opname bekeek, is afgebroken (te weinig geheugen?); "
        "probeer het opnieuw met minder opnames tegelijk",
        en=f"{job.name}: the process that watched this recording was killed (out of memory?); try "
        "again with fewer recordings at a time",
    )
