"""
The manifest of an event: which files belong to it, from when to when, and how they were made.

Who has the manifest can check each file by its hash, now and in a court later. The same files give
the same bytes: nothing in it tells when it was written.
"""

import hashlib
from importlib.metadata import version
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime

from parkwacht_vision.clips import ClipResult, CutFile
from parkwacht_vision.event import (
    DetectorInfo,
    FlaggedEvent,
    MediaFile,
    Record,
    ShortText,
    SourceInfo,
)

FileKind = Literal["snapshot", "still", "clip", "original"]


class ListedFile(Record):
    """One file, and what is in it."""

    kind: FileKind
    file: MediaFile
    codec: ShortText
    width_px: int
    height_px: int
    started_at: AwareDatetime  # of a picture: the instant at which it was taken
    ended_at: AwareDatetime
    is_reencoded: bool  # False: the camera's own pictures, as they came
    is_sealed: bool = False


class Manifest(Record):
    """All files of one event."""

    schema_version: Literal[1] = 1
    event_id: UUID
    site_id: ShortText
    camera_id: ShortText
    source: SourceInfo
    detector: DetectorInfo
    privacy_mask_ids: tuple[str, ...]
    software: ShortText
    files: tuple[ListedFile, ...]

    def to_bytes(self) -> bytes:
        """Return the manifest as it is stored."""
        return self.model_dump_json(indent=1).encode()


def data_file(kind: FileKind | Literal["manifest"], data: bytes) -> MediaFile:
    """Describe a picture or a manifest."""
    is_manifest = kind == "manifest"
    return MediaFile(
        name=f"{kind}.json" if is_manifest else f"{kind}.jpg",
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        content_type="application/json" if is_manifest else "image/jpeg",
    )


def cut_file(kind: Literal["clip", "original"], cut: CutFile) -> MediaFile:
    """Describe a clip, or the sealed original of one."""
    is_clip = kind == "clip"
    return MediaFile(
        name="clip.mp4" if is_clip else "original.mp4.enc",
        sha256=cut.sha256,
        size=cut.size,
        content_type="video/mp4" if is_clip else "application/octet-stream",
    )


def make_manifest(
    event: FlaggedEvent,
    result: ClipResult | None,
    *,
    size_px: tuple[int, int],
    privacy_mask_ids: tuple[str, ...],
) -> Manifest:
    """
    List the files of an event.

    Parameters
    ----------
    event
        The event as it was flagged, with its pictures.
    result
        Its clip.
    size_px
        Width and height of its pictures.
    privacy_mask_ids
        What was masked in all of them but a sealed original.
    """
    files = [_picture("snapshot", event.snapshot, event, size_px)]
    if event.still is not None:
        files.append(_picture("still", event.still, event, size_px))
    if result is not None:
        files.append(_clip("clip", result.clip, result))
        if result.original is not None:
            files.append(_clip("original", result.original, result))
    return Manifest(
        event_id=event.id,
        site_id=event.site_id,
        camera_id=event.camera_id,
        source=event.source,
        detector=event.detector,
        privacy_mask_ids=privacy_mask_ids,
        software=f"parkwacht {version('parkwacht')}",
        files=tuple(files),
    )


def _picture(
    kind: FileKind, file: MediaFile, event: FlaggedEvent, size_px: tuple[int, int]
) -> ListedFile:
    return ListedFile(
        kind=kind,
        file=file,
        codec="mjpeg",
        width_px=size_px[0],
        height_px=size_px[1],
        started_at=event.box.at,
        ended_at=event.box.at,
        is_reencoded=True,
    )


def _clip(kind: Literal["clip", "original"], cut: CutFile, result: ClipResult) -> ListedFile:
    return ListedFile(
        kind=kind,
        file=cut_file(kind, cut),
        codec=cut.codec,
        width_px=cut.width_px,
        height_px=cut.height_px,
        started_at=result.started_at,
        ended_at=result.ended_at,
        is_reencoded=result.is_reencoded and kind == "clip",
        is_sealed=kind == "original",
    )
