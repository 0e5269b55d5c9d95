import errno
import hashlib
import multiprocessing
import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from parkwacht_config.errors import SpoolError
from parkwacht_config.site import ObjectClass, Severity
from parkwacht_vision.embedded import embedded_info
from parkwacht_vision.event import (
    Box,
    EventEnding,
    FlaggedEvent,
    MediaFile,
    SourceInfo,
    WatchReport,
)
from parkwacht_vision.manifest import data_file
from parkwacht_vision.spool import Spool

AT = datetime(2026, 11, 24, 1, 13, tzinfo=UTC)
JPEG = b"\xff\xd8 a picture \xff\xd9"
SOURCE = SourceInfo(kind="recording", name="a.mp4", media_time_s=0)


def event(event_id: UUID | None = None) -> FlaggedEvent:
    return FlaggedEvent(
        id=event_id or uuid4(), site_id="p", camera_id="c", zone_id="z", severity=Severity.HIGH,
        object_class=ObjectClass.PERSON, confidence=0.5, started_at=AT, confirmed_at=AT,
        wall_first_frame_at=AT, position=None, detector=embedded_info(), source=SOURCE,
        box=Box(xyxy_px=(0, 0, 1, 1), image_width_px=10, image_height_px=10, at=AT),
        snapshot=data_file("snapshot", JPEG), still=data_file("still", JPEG + b"x"),
    )  # fmt: skip


def film(name: str, data: bytes) -> MediaFile:
    kind = "video/mp4" if name.endswith(".mp4") else "application/octet-stream"
    return MediaFile.model_validate(
        {
            "name": name,
            "sha256": hashlib.sha256(data).hexdigest(),
            "size": len(data),
            "content_type": kind,
        }
    )


def ending(event_id: UUID, clip: MediaFile | None, **files: MediaFile) -> EventEnding:
    return EventEnding(
        event_id=event_id, ended_at=AT, end_reason="left", object_class=ObjectClass.PERSON,
        confidence=0.5, clip=clip,
    ).model_copy(update=files)  # fmt: skip


def report() -> WatchReport:
    return WatchReport(
        id=uuid4(), site_id="p", camera_id="c", source=SOURCE, started_at=AT, ended_at=AT,
        watched_s=1, armed_s=1, n_frames=8, n_events=0, detector=embedded_info(),
    )  # fmt: skip


def test_entries_come_back_whole_and_in_order(tmp_path: Path) -> None:
    spool, one = Spool(tmp_path / "spool"), event()
    clip, original = tmp_path / "x.mp4", tmp_path / "x.mp4.enc"
    clip.write_bytes(b"a film")
    original.write_bytes(b"sealed")
    ended = ending(
        one.id,
        film("clip.mp4", b"a film"),
        original=film("original.mp4.enc", b"sealed"),
        manifest=data_file("manifest", b"{}"),
    )
    spool.put_flagged(one, JPEG, JPEG + b"x")
    spool.put_ended(ended, clip, original, b"{}")
    spool.put_report(report())
    entries = Spool(tmp_path / "spool").entries()  # as another process sees it
    assert [entry.stage for entry in entries] == ["flagged", "ended", "report"]
    assert FlaggedEvent.model_validate_json(entries[0].record_path.read_bytes()) == one
    contents = [
        {kind: path.read_bytes() for kind, path in entry.media.items()} for entry in entries
    ]
    assert contents == [
        {"snapshot": JPEG, "still": JPEG + b"x"},
        {"clip": b"a film", "original": b"sealed", "manifest": b"{}"},
        {},
    ]
    assert entries[1].media["original"].name == "original.mp4.enc"
    assert [entry.id for entry in entries[:2]] == [one.id, one.id]
    assert spool.counts() == {"flagged": 1, "ended": 1, "report": 1, "trouble": 0, "refused": 0}


def test_what_is_handed_over_is_removed_and_what_is_refused_says_why(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.put_flagged(event(), JPEG)
    spool.put_report(report())
    first, second = spool.entries()
    spool.remove(first)
    spool.remove(first)
    spool.refuse(second, "422: unknown camera")
    assert spool.entries() == []
    assert spool.counts()["refused"] == 1
    assert (
        tmp_path / "refused" / second.path.name / "reason.txt"
    ).read_text() == "422: unknown camera"


def test_leftovers_of_a_crash_are_cleaned_at_the_start(tmp_path: Path) -> None:
    Spool(tmp_path)
    half = tmp_path / "tmp" / "00000000000000000001-flagged-x"
    half.mkdir()
    (half / "record.json").write_text("{")
    (tmp_path / "new" / "a stranger").mkdir()
    assert Spool(tmp_path).entries() == []
    assert not half.exists()


def test_the_order_holds_over_a_restart_and_a_clock_set_back(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for _ in range(20):
        spool.put_report(report())
    names = [entry.path.name for entry in spool.entries()]
    assert len({name[:20] for name in names}) == 20


def test_a_full_disk_is_said_and_leaves_no_half_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(SpoolError, match=r"disk of .* is full") as caught:
            spool.put_flagged(event(), JPEG)
    assert "is vol" in caught.value.text.nl
    assert spool.entries() == []
    assert list((tmp_path / "tmp").iterdir()) == []
    spool.put_flagged(event(), JPEG)
    assert len(spool.entries()) == 1


def test_a_spool_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SpoolError, match="cannot be written or read"):
        Spool(tmp_path / "file")


def _write_many(root: Path, n: int) -> None:
    for _ in range(n):
        Spool(root).put_flagged(event(), JPEG)


def test_several_processes_and_threads_share_a_spool(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_write_many, args=(tmp_path, 15)) for _ in range(2)]
    threads = [threading.Thread(target=_write_many, args=(tmp_path, 15)) for _ in range(2)]
    for process, thread in zip(processes, threads, strict=True):
        process.start()
        thread.start()
    for process, thread in zip(processes, threads, strict=True):
        process.join()
        thread.join()
    entries = Spool(tmp_path).entries()
    assert len(entries) == 60
    assert all(entry.record_path.exists() and entry.media for entry in entries)
