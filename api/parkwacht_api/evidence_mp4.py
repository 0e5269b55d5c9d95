"""
The clip as an export file: the same bytes, and a box behind them that tells when it was.

The two boxes are those of the ONVIF Export File Format (26.06): `cstb`, the absolute start of each
track, and `suep`, who exported it and from which camera; both in a `meta` box at the level of the
file. Players pass over it. ONVIF's own signature boxes are not written: the package is signed as a
whole. Every byte of the clip stays where it was, so its SHA-256 can still be taken.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

EPOCH_1601 = datetime(1601, 1, 1, tzinfo=UTC)
EPOCH_1904 = datetime(1904, 1, 1, tzinfo=UTC)
MAX_MOOV = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ExportFacts:
    """What the boxes tell."""

    started_at: datetime  # of the clip's first frame
    exported_at: datetime
    operator: str
    unit: str
    camera: str


def _box(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I4s", len(content) + 8, kind) + content


def _string(text: str) -> bytes:
    return text.replace("\0", "").encode() + b"\0"


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Give kind and content of each box; what cannot be read ends it."""
    at = 0
    while at + 8 <= len(content):
        size, kind = struct.unpack_from(">I4s", content, at)
        if size < 8:  # noqa: PLR2004  # less than its own head; a long one has no place here
            return
        yield kind, content[at + 8 : at + size]
        at += size


def read_moov(clip: Path) -> bytes:
    """Read the part of an MP4 that tells of its tracks; empty where there is none."""
    with clip.open("rb") as file:
        while len(head := file.read(16)) >= 8:  # noqa: PLR2004  # size and kind
            size, kind = struct.unpack_from(">I4s", head)
            n_head = 8
            if size == 1 and len(head) == 16:  # noqa: PLR2004  # the long form
                size, n_head = struct.unpack_from(">Q", head, 8)[0], 16
            if size < n_head:
                break
            file.seek(n_head - len(head), os.SEEK_CUR)
            if kind == b"moov":
                return file.read(min(size - n_head, MAX_MOOV))
            file.seek(size - n_head, os.SEEK_CUR)
    return b""


def track_ids(moov: bytes) -> list[int]:
    """Return the numbers of the tracks, none where they cannot be read."""
    found = []
    for track in (content for kind, content in _boxes(moov) if kind == b"trak"):
        for kind, content in _boxes(track):
            if kind == b"tkhd" and len(content) >= 24:  # noqa: PLR2004  # both versions have it
                # Version 1 has times of 8 bytes instead of 4 before the number.
                at = 20 if content[0] == 1 else 12
                found.append(struct.unpack_from(">I", content, at)[0])
    return found


def export_box(clip: Path, facts: ExportFacts) -> bytes | None:
    """
    Make what is put behind a clip; None where it has no track that could be told of.

    Parameters
    ----------
    clip
        The whole MP4.
    facts
        What is told.
    """
    tracks = track_ids(read_moov(clip))
    if not tracks:
        return None
    start = (facts.started_at - EPOCH_1601) // timedelta(microseconds=1) * 10
    exported = (facts.exported_at - EPOCH_1904) // timedelta(seconds=1)
    starts = b"".join(struct.pack(">IQ", track, start) for track in tracks)
    sources = b"".join(
        struct.pack(">H", track) + _string(facts.camera) + _string("") * 3 for track in tracks
    )
    handler = struct.pack(">II4s12x", 0, 0, b"null") + _string("")
    export = (
        struct.pack(">I", 1 << 24)  # version 1, no flags
        + _string(facts.unit)
        + _string("") * 2  # neither address nor MAC of this machine
        + struct.pack(">Q", exported)
        + _string(facts.operator)
        + struct.pack(">I", len(tracks))
        + sources
    )
    return _box(
        b"meta",
        struct.pack(">I", 0),
        _box(b"hdlr", handler),
        _box(b"suep", export),
        _box(b"cstb", struct.pack(">I", len(tracks)), starts),
    )


def start_told_by(box: bytes) -> datetime | None:
    """Read back when the first track starts, from what was put behind a clip."""
    for kind, content in _boxes(box):
        if kind != b"meta":
            continue
        for inner, told in _boxes(content[4:]):
            if inner == b"cstb" and len(told) >= 16:  # noqa: PLR2004  # a count and one entry
                ticks = struct.unpack_from(">Q", told, 8)[0]
                try:
                    return EPOCH_1601 + timedelta(microseconds=ticks // 10)
                except OverflowError:  # no calendar has it
                    return None
    return None
