"""
Pictures and clips on disk: checked when they come, kept by hash, served by range.

A file is written, fsynced and renamed before the transaction that names it commits: a crash in
between leaves a file nobody names, never a row without its file.
"""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO
from uuid import UUID

from fastapi.responses import StreamingResponse
from starlette.responses import Response

from parkwacht_api.errors import MediaGone, MediaInvalid, RangeUnsatisfiable, TooLarge
from parkwacht_api.models import Media
from parkwacht_config.text import Text
from parkwacht_vision.event import MediaFile
from parkwacht_vision.sealing import MAGIC as SEALED

CHUNK = 256 * 1024
MIB = 1024 * 1024
MAX_BYTES = {
    "snapshot": 8 * MIB,
    "still": 8 * MIB,
    "clip": 256 * MIB,
    "original": 256 * MIB,
    "manifest": MIB,
}
SUFFIXES = {
    "image/jpeg": "jpg",
    "video/mp4": "mp4",
    "application/octet-stream": "mp4.enc",
    "application/json": "json",
}
RANGE = re.compile(r"^bytes=(\d*)-(\d*)$")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that lies in the media folder and is what its record says."""

    path: str
    sha256: str
    size: int
    content_type: str


def _has_right_magic(head: bytes, content_type: str) -> bool:
    return {
        "image/jpeg": head[:3] == b"\xff\xd8\xff",
        "video/mp4": head[4:8] == b"ftyp",
        "application/octet-stream": head.startswith(SEALED),  # never an original as it was
        "application/json": head[:1] == b"{",
    }[content_type]


def _copy(source: BinaryIO, target: IO[bytes], limit: int) -> tuple[str, int, bytes]:
    digest, size, head = hashlib.sha256(), 0, b""
    while chunk := source.read(CHUNK):
        size += len(chunk)
        if size > limit:
            raise TooLarge(
                Text(
                    nl=f"meer dan {limit} bytes beeld wordt niet aangenomen",
                    en=f"more than {limit} bytes of media are not taken",
                )
            )
        head = head or chunk[:16]
        digest.update(chunk)
        target.write(chunk)
    return digest.hexdigest(), size, head


def _check(record: MediaFile, sha256: str, size: int, head: bytes) -> None:
    if size != record.size or sha256 != record.sha256:
        raise MediaInvalid(
            Text(
                nl=f"{record.name}: {size} bytes met sha256 {sha256} is niet wat het record noemt",
                en=f"{record.name}: {size} bytes of sha256 {sha256} is not what the record names",
            )
        )
    if not _has_right_magic(head, record.content_type):
        raise MediaInvalid(
            Text(
                nl=f"{record.name} is geen {record.content_type}",
                en=f"{record.name} is not {record.content_type}",
            )
        )


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def store_media(
    media_dir: Path, source: BinaryIO, record: MediaFile, *, event_id: UUID, kind: str
) -> StoredFile:
    """
    Check a file against its record and put it in the media folder, durably.

    Parameters
    ----------
    media_dir
        Folder of all media.
    source
        The bytes as they came.
    record
        What they must be.
    event_id
        The event they belong to.
    kind
        snapshot, still, clip, original or manifest.

    Raises
    ------
    TooLarge
        More bytes than are taken.
    MediaInvalid
        Size, hash or kind of file differ from the record.
    """
    suffix = SUFFIXES[record.content_type]
    name = f"{event_id.hex[:2]}/{event_id}-{kind}-{record.sha256[:12]}.{suffix}"
    final = media_dir / name
    final.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        dir=final.parent, prefix=".incoming-", delete=False
    ) as temporary:
        try:
            sha256, size, head = _copy(source, temporary, MAX_BYTES[kind])
            _check(record, sha256, size, head)
            temporary.flush()
            os.fsync(temporary.fileno())
            Path(temporary.name).replace(final)
        finally:
            Path(temporary.name).unlink(missing_ok=True)
    _fsync_folder(final.parent)
    return StoredFile(name, sha256, size, record.content_type)


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """
    Read a Range header for one range of bytes.

    Parameters
    ----------
    header
        The header, empty where there is none.
    size
        Bytes in the file.

    Returns
    -------
    tuple of int or None
        First and last byte, or None where the whole file is to be sent: no header, several ranges
        or a header that cannot be read (RFC 9110, 14.2, lets a server ignore those).

    Raises
    ------
    RangeUnsatisfiable
        The range lies outside the file.
    """
    found = RANGE.match(header.replace(" ", ""))
    if found is None or found.groups() == ("", ""):
        return None
    first_text, last_text = found.groups()
    if first_text and last_text and int(last_text) < int(first_text):
        return None
    first = int(first_text) if first_text else max(0, size - int(last_text))
    last = min(int(last_text), size - 1) if first_text and last_text else size - 1
    if first > last:
        raise RangeUnsatisfiable(
            Text(nl=f"{header} ligt buiten {size} bytes", en=f"{header} is outside {size} bytes"),
            headers={"Content-Range": f"bytes */{size}"},
        )
    return first, last


def _read_part(path: Path, first: int, n_bytes: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(first)
        while n_bytes > 0 and (chunk := file.read(min(CHUNK, n_bytes))):
            n_bytes -= len(chunk)
            yield chunk


def media_response(media_dir: Path, media: Media, range_header: str) -> Response:
    """
    Answer with a file, or with the part of it that was asked for.

    Parameters
    ----------
    media_dir
        Folder of all media.
    media
        Which file.
    range_header
        The request's Range header, empty where there is none.

    Raises
    ------
    MediaGone
        The file was deleted when its keeping time was over.
    RangeUnsatisfiable
        The range lies outside the file.
    """
    path = media_dir / media.path
    if media.deleted_at is not None or not path.is_file():
        raise MediaGone(
            Text(nl="dit beeld is verwijderd", en="this image was deleted"),
        )
    part = parse_range(range_header, media.size)
    first, last = part or (0, media.size - 1)
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Length": str(last - first + 1),
        "Cache-Control": "private, no-store",  # so that every look is asked for, and logged
        "ETag": f'"{media.sha256}"',
        "Content-Disposition": f'inline; filename="{Path(media.path).name}"',
    }
    if part is not None:
        headers["Content-Range"] = f"bytes {first}-{last}/{media.size}"
    return StreamingResponse(
        _read_part(path, first, last - first + 1),
        status_code=200 if part is None else 206,
        headers=headers,
        media_type=media.content_type,
    )
