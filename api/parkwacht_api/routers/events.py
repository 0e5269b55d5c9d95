"""Events: taken in from the worker, listed, looked at, judged."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, File, Form, Header, Path, Query, Response, UploadFile
from pydantic import AwareDatetime

from parkwacht_api.auth import Principal, needs
from parkwacht_api.errors import RecordInvalid
from parkwacht_api.ingest import (
    check_site,
    is_ended,
    is_stored,
    parse_record,
    store_ending,
    store_flagged,
)
from parkwacht_api.keys import Scope
from parkwacht_api.media import StoredFile, store_media
from parkwacht_api.problems import problems
from parkwacht_api.repository import EventFilter, events_page
from parkwacht_api.schemas import (
    EventDetail,
    EventPage,
    MediaKind,
    ReviewState,
    Stored,
    VerdictIn,
)
from parkwacht_api.state import AppState, ReadSession, State, WriteSession
from parkwacht_api.verification import etag_of, give_verdict
from parkwacht_api.views import event_detail, event_out, show_image
from parkwacht_config.site import ObjectClass
from parkwacht_config.text import Text
from parkwacht_vision.event import EventEnding, FlaggedEvent, MediaFile

router = APIRouter(prefix="/events", tags=["events"])

Ingester = Annotated[Principal, Depends(needs(Scope.INGEST))]
Reader = Annotated[Principal, Depends(needs(Scope.READ))]
Viewer = Annotated[Principal, Depends(needs(Scope.IMAGES))]
Verifier = Annotated[Principal, Depends(needs(Scope.VERIFY))]
EventId = Annotated[UUID, Path(description="id of the event")]
RangeHeader = Annotated[str, Header(alias="Range", description="one range of bytes")]
IMAGE_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "the file",
        "content": {
            "image/jpeg": {},
            "video/mp4": {},
            "application/octet-stream": {},
            "application/json": {},
        },
    },
    206: {"description": "the range that was asked for"},
    **problems(401, 403, 404, 410, 416, 422),
}


def _store_parts(
    state: AppState, event_id: UUID, parts: Mapping[str, tuple[UploadFile | None, MediaFile | None]]
) -> dict[str, StoredFile]:
    for kind, (part, record) in parts.items():
        if (part is None) != (record is None):
            raise RecordInvalid(
                Text(
                    nl=f"het onderdeel {kind} hoort erbij als het record er een noemt, "
                    "en anders niet",
                    en=f"the part {kind} must be there where the record names one, "
                    "and not otherwise",
                ),
                fields=[{"field": f"body.{kind}", "message": "does not match the record"}],
            )
    return {
        kind: store_media(state.settings.media_dir, part.file, record, event_id=event_id, kind=kind)
        for kind, (part, record) in parts.items()
        if part is not None and record is not None
    }


@router.post(
    "",
    status_code=201,
    responses={200: {"model": Stored}, **problems(401, 403, 409, 413, 422, 429)},
)
def post_event(
    event: Annotated[str, Form(description="FlaggedEvent as JSON")],
    snapshot: Annotated[UploadFile, File(description="JPEG of the best view so far, boxed")],
    _ingester: Ingester,
    state: State,
    session: WriteSession,
    response: Response,
    still: Annotated[
        UploadFile | None, File(description="JPEG without the box, where the record names one")
    ] = None,
) -> Stored:
    """Store an event once, with its pictures and its deliveries, in one transaction."""
    flagged = parse_record(FlaggedEvent, event, "event")
    check_site(state, flagged.site_id)
    with state.database.reading() as before:
        known = is_stored(before, flagged)
    is_new = False
    if not known:
        parts = {"snapshot": (snapshot, flagged.snapshot), "still": (still, flagged.still)}
        files = _store_parts(state, flagged.id, parts)
        is_new = store_flagged(session, flagged, files, state=state)
    response.status_code = 201 if is_new else 200
    return Stored(id=flagged.id, is_new=is_new)


@router.put("/{event_id}/ending", responses=problems(401, 403, 404, 409, 413, 422, 429))
def put_ending(  # noqa: PLR0913, PLR0917  # FastAPI: one parameter per input
    event_id: EventId,
    ending: Annotated[str, Form(description="EventEnding as JSON")],
    _ingester: Ingester,
    state: State,
    session: WriteSession,
    clip: Annotated[UploadFile | None, File(description="MP4, where the record names one")] = None,
    original: Annotated[
        UploadFile | None, File(description="sealed MP4, where the record names one")
    ] = None,
    manifest: Annotated[
        UploadFile | None, File(description="JSON, where the record names one")
    ] = None,
) -> Stored:
    """Store the end of an event and its files, once."""
    record = parse_record(EventEnding, ending, "ending")
    if record.event_id != event_id:
        raise RecordInvalid(
            Text(nl="het record is van een andere gebeurtenis", en="the record is of another event")
        )
    with state.database.reading() as before:
        known = is_ended(before, record)
    if known:
        return Stored(id=event_id, is_new=False)
    parts = {
        "clip": (clip, record.clip),
        "original": (original, record.original),
        "manifest": (manifest, record.manifest),
    }
    files = _store_parts(state, event_id, parts)
    is_new = store_ending(session, record, files, state=state)
    return Stored(id=event_id, is_new=is_new)


def _event_filter(
    camera: Annotated[str | None, Query(description="only of this camera")] = None,
    verdict: Annotated[ReviewState | None, Query(description="only in this state")] = None,
    object_class: Annotated[
        ObjectClass | None, Query(alias="class", description="only of this class")
    ] = None,
    since: Annotated[AwareDatetime | None, Query(description="started at or after")] = None,
) -> EventFilter:
    return EventFilter(
        camera_id=camera,
        review_state=verdict,
        object_class=object_class.value if object_class else None,
        since=since,
    )


@router.get("", responses=problems(401, 403, 422))
def get_events(
    reader: Reader,
    session: ReadSession,
    wanted: Annotated[EventFilter, Depends(_event_filter)],
    cursor: Annotated[str | None, Query(description="next_cursor of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> EventPage:
    """List events, newest first."""
    rows, next_cursor = events_page(
        session, wanted, receiver_id=reader.receiver_id, cursor=cursor, limit=limit
    )
    return EventPage(items=[event_out(row) for row in rows], next_cursor=next_cursor)


@router.get("/{event_id}", responses=problems(401, 403, 404, 422))
def get_event(
    event_id: EventId, reader: Reader, session: ReadSession, response: Response
) -> EventDetail:
    """Show one event with its media, verdicts and deliveries; the ETag is of its review."""
    detail = event_detail(session, event_id, reader)
    response.headers["ETag"] = f'"v{detail.version}"'
    return detail


@router.get(
    "/{event_id}/{kind}",
    response_class=Response,
    responses=IMAGE_RESPONSES,
)
def get_media(
    event_id: EventId,
    kind: Annotated[MediaKind, Path(description="which of its files")],
    viewer: Viewer,
    state: State,
    session: WriteSession,
    byte_range: RangeHeader = "",
) -> Response:
    """Send a picture, the clip, its sealed original or the manifest; the look is logged."""
    return show_image(session, event_id, kind, principal=viewer, state=state, byte_range=byte_range)


@router.post("/{event_id}/verdict", responses=problems(401, 403, 404, 412, 422, 428))
def post_verdict(  # noqa: PLR0913, PLR0917  # FastAPI: one parameter per input
    event_id: EventId,
    given: VerdictIn,
    verifier: Verifier,
    state: State,
    session: WriteSession,
    response: Response,
    if_match: Annotated[
        str, Header(description="ETag that was seen; needed once somebody judged")
    ] = "",
) -> EventDetail:
    """Judge an event, anew by the version seen; a verified one goes to those who wait for it."""
    event = give_verdict(
        session, event_id, given, principal=verifier, state=state, if_match=if_match
    )
    response.headers["ETag"] = etag_of(event)
    return event_detail(session, event_id, verifier)
