"""
Taking in what the worker hands over: each record once, whole, and its deliveries with it.

The same record again changes nothing; the same id with other content is refused. The machine's
clock at reading does not count as content: the same recording watched twice is the same event.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from sqlalchemy.event import listen
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from parkwacht_api.errors import ContentConflict, RecordInvalid, not_found
from parkwacht_api.incidents import follow_ending, gather, take_turn
from parkwacht_api.media import StoredFile
from parkwacht_api.models import Base, CameraTroubleRow, Event, Media, WatchReportRow
from parkwacht_api.repository import (
    event_by_id,
    media_by_kind,
    trouble_by_id,
    watch_report_by_id,
)
from parkwacht_api.state import AppState
from parkwacht_api.troubles import follow_camera
from parkwacht_config.errors import IngestError
from parkwacht_config.text import Text
from parkwacht_vision.event import (
    CameraTrouble,
    EventEnding,
    FlaggedEvent,
    Record,
    WatchReport,
)

RecordT = TypeVar("RecordT", bound=Record)
EVENT = Text(nl="gebeurtenis", en="event")
# A sealed original is never the same bytes twice, and the manifest lists it.
NOT_CONTENT = frozenset({"wall_first_frame_at", "original", "manifest"})


def parse_record(model: type[RecordT], text: str, part: str) -> RecordT:
    """
    Read a record that came as one part of a form.

    Parameters
    ----------
    model
        What it must be.
    text
        The JSON.
    part
        Name of the part, for the error.

    Raises
    ------
    RequestValidationError
        It is no such record.
    """
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        fields = [{**one, "loc": ("body", part, *one["loc"])} for one in error.errors()]
        raise RequestValidationError(fields) from error


def digest_of(record: Record) -> str:
    """Return the SHA-256 over a record's content, in one canonical form."""
    content = record.model_dump(mode="json", exclude=set(NOT_CONTENT))
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _conflict(key: UUID) -> ContentConflict:
    return ContentConflict(
        Text(
            nl=f"{key} is al opgeslagen, met een andere inhoud",
            en=f"{key} is already stored, with other content",
        )
    )


def check_site(state: AppState, site_id: str) -> None:
    """
    Insist that a record is of the park that this service serves.

    Raises
    ------
    RecordInvalid
        It is of another.
    """
    if site_id != state.site.id:
        raise RecordInvalid(
            Text(
                nl=f"dit is de dienst van park {state.site.id}, niet van {site_id}",
                en=f"this is the service of park {state.site.id}, not of {site_id}",
            ),
            fields=[{"field": "body.site_id", "message": f"must be {state.site.id}"}],
        )


def _add_once(session: Session, row: Base) -> bool:
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        return False
    return True


def is_stored(session: Session, flagged: FlaggedEvent) -> bool:
    """
    Say whether this very event is already stored.

    Raises
    ------
    ContentConflict
        Its id is, with other content.
    """
    known = event_by_id(session, flagged.id)
    if known is not None and known.digest != digest_of(flagged):
        raise _conflict(flagged.id)
    return known is not None


def _media_row(event_id: UUID, kind: str, file: StoredFile, at: datetime) -> Media:
    return Media(
        event_id=event_id,
        kind=kind,
        path=file.path,
        sha256=file.sha256,
        size=file.size,
        content_type=file.content_type,
        stored_at=at,
    )


def store_flagged(
    session: Session, flagged: FlaggedEvent, files: Mapping[str, StoredFile], *, state: AppState
) -> bool:
    """
    Store an event, its pictures, its incident and its deliveries; all of it or nothing.

    Parameters
    ----------
    session
        A writing transaction.
    flagged
        The event.
    files
        Its pictures by kind, already on disk.
    state
        Gives the receivers and the time.

    Returns
    -------
    bool
        False where it was already stored.

    Raises
    ------
    ContentConflict
        Its id is stored with other content.
    IngestError
        The database does not take it; it is to be tried again.
    """
    at = state.clock.now()
    event = Event(
        id=flagged.id,
        site_id=flagged.site_id,
        camera_id=flagged.camera_id,
        zone_id=flagged.zone_id,
        severity=flagged.severity.value,
        object_class=flagged.object_class.value,
        confidence=flagged.confidence,
        started_at=flagged.started_at,
        confirmed_at=flagged.confirmed_at,
        received_at=at,
        record=flagged.model_dump(mode="json"),
        digest=digest_of(flagged),
        review_state="unreviewed",
        version=0,
    )
    if not _add_once(session, event):
        if is_stored(session, flagged):
            return False
        nl, en = "niet opgeslagen, en niet omdat hij er al is", "not stored, nor there already"
        raise IngestError(Text(nl=f"{flagged.id}: {nl}", en=f"{flagged.id}: {en}"))
    session.add_all(_media_row(flagged.id, kind, file, at) for kind, file in files.items())
    gather(session, event, at=at, state=state)
    return True


def is_ended(session: Session, ending: EventEnding) -> bool:
    """
    Say whether this very ending is already stored.

    Raises
    ------
    NotFound
        There is no such event.
    ContentConflict
        The event has another ending.
    """
    event = event_by_id(session, ending.event_id)
    if event is None:
        raise not_found(EVENT, ending.event_id)
    if event.ending is None or event.ending_digest is None:
        return False
    if event.ending_digest == digest_of(ending):
        return True
    was_cut, is_cut = (
        reason == "stopped" for reason in (event.ending["end_reason"], ending.end_reason)
    )
    # A recording whose watch was stopped is watched again: the whole ending goes before the cut
    # one, whichever comes first.
    if was_cut == is_cut:
        raise _conflict(ending.event_id)
    return is_cut


def store_ending(
    session: Session, ending: EventEnding, files: Mapping[str, StoredFile], *, state: AppState
) -> bool:
    """
    Store the end of an event and its files, also in place of an ending that was cut off.

    Parameters
    ----------
    session
        A writing transaction.
    ending
        The end.
    files
        Its clip, sealed original and manifest by kind, already on disk.
    state
        Gives the time, who is told, and the media folder; what is replaced there is removed once
        the new one is committed.

    Returns
    -------
    bool
        False where it was already stored.

    Raises
    ------
    NotFound
        There is no such event.
    ContentConflict
        The event has another ending.
    """
    take_turn(session)
    event = event_by_id(session, ending.event_id, lock=True)
    if event is None or is_ended(session, ending):
        return False
    at, old_class = state.clock.now(), event.object_class
    event.ended_at = ending.ended_at
    event.ending = ending.model_dump(mode="json")
    event.ending_digest = digest_of(ending)
    event.object_class = ending.object_class.value
    event.confidence = ending.confidence
    for kind, file in files.items():
        _keep(session, _media_row(event.id, kind, file, at), state.settings.media_dir)
    follow_ending(session, event, old_class=old_class, at=at, state=state)
    return True


def _keep(session: Session, row: Media, media_dir: Path) -> None:
    """Name a file, also in the place of another: who looked at that one must stay on record."""
    old = media_by_kind(session, row.event_id, row.kind)
    if old is None:
        session.add(row)
        return
    if old.path != row.path:
        stale = media_dir / old.path
        listen(session, "after_commit", lambda _session: stale.unlink(missing_ok=True), once=True)
    for name in ("path", "sha256", "size", "content_type", "stored_at", "deleted_at"):
        setattr(old, name, getattr(row, name))


def store_watch_report(session: Session, report: WatchReport, *, at: datetime) -> bool:
    """
    Store a watch report; False where it was already stored.

    Raises
    ------
    RecordInvalid
        Its times have no time zone.
    ContentConflict
        Its id is stored with other content.
    """
    if report.started_at.tzinfo is None or report.ended_at.tzinfo is None:
        raise RecordInvalid(
            Text(nl="een tijd zonder tijdzone is geen tijdstip", en="a time without zone is none"),
            fields=[{"field": "body.started_at", "message": "needs a time zone"}],
        )
    digest = digest_of(report)
    row = WatchReportRow(
        id=report.id,
        site_id=report.site_id,
        camera_id=report.camera_id,
        started_at=report.started_at,
        ended_at=report.ended_at,
        received_at=at,
        record=report.model_dump(mode="json"),
        digest=digest,
    )
    known = watch_report_by_id(session, report.id)
    if known is None and _add_once(session, row):
        return True
    known = known or watch_report_by_id(session, report.id)
    if known is None or known.digest == digest:
        return False
    if known.ended_at == report.ended_at:
        raise _conflict(report.id)
    if known.ended_at > report.ended_at:  # of a watch that was stopped on the way
        return False
    known.ended_at, known.received_at = report.ended_at, at
    known.record, known.digest = row.record, digest
    return True


def store_trouble(session: Session, trouble: CameraTrouble, *, state: AppState) -> bool:
    """
    Store that a camera's trouble began or is over, and tell; whichever comes first, the end stays.

    Parameters
    ----------
    session
        A writing transaction.
    trouble
        The trouble.
    state
        Gives the time, and who is told.

    Returns
    -------
    bool
        False where it was known already.

    Raises
    ------
    ContentConflict
        Its id is stored of another trouble.
    """
    at = state.clock.now()
    row = CameraTroubleRow(
        id=trouble.id,
        site_id=trouble.site_id,
        camera_id=trouble.camera_id,
        cause=trouble.cause,
        severity=trouble.severity.value,
        started_at=trouble.started_at,
        ended_at=trouble.ended_at,
        received_at=at,
        record=trouble.model_dump(mode="json"),
        digest=digest_of(trouble),
    )
    known = trouble_by_id(session, trouble.id)
    if known is None and _add_once(session, row):
        follow_camera(session, row, at=at, state=state)
        return True
    known = known or trouble_by_id(session, trouble.id)
    if known is None or known.digest == row.digest:
        return False
    same = (known.site_id, known.camera_id, known.cause, known.started_at)
    if same != (row.site_id, row.camera_id, row.cause, row.started_at):
        raise _conflict(trouble.id)
    if known.ended_at is not None and (row.ended_at is None or row.ended_at < known.ended_at):
        return False
    for name in ("severity", "ended_at", "received_at", "record", "digest"):
        setattr(known, name, getattr(row, name))
    follow_camera(session, known, at=at, state=state)
    return False
