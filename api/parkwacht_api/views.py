"""From rows to what is shown: events with their media, verdicts, deliveries and attempts."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session
from starlette.responses import Response

from parkwacht_api.auth import Principal
from parkwacht_api.errors import not_found
from parkwacht_api.ingest import EVENT
from parkwacht_api.looks import log_look
from parkwacht_api.media import media_response
from parkwacht_api.models import Delivery, Event, Media
from parkwacht_api.repository import (
    attempts_of,
    deliveries_of,
    event_by_id,
    media_by_kind,
    media_of,
    verdicts_of,
)
from parkwacht_api.repository_incidents import deliveries_on
from parkwacht_api.schemas import (
    AttemptOut,
    DeliveryOut,
    EventDetail,
    EventOut,
    MediaOut,
)
from parkwacht_api.state import AppState
from parkwacht_api.views_verdicts import verdicts_out
from parkwacht_config.text import Text

IMAGE = Text(nl="beeld", en="image")


def event_out(event: Event) -> EventOut:
    """Show an event in a list."""
    return EventOut.model_validate(event, from_attributes=True)


def deliveries_out(session: Session, deliveries: Sequence[Delivery]) -> list[DeliveryOut]:
    """Show deliveries with their attempts."""
    attempts = defaultdict(list)
    for one in attempts_of(session, [delivery.id for delivery in deliveries]):
        attempts[one.delivery_id].append(AttemptOut.model_validate(one, from_attributes=True))
    fields = set(DeliveryOut.model_fields) - {"attempts"}
    return [
        DeliveryOut(
            **{name: getattr(delivery, name) for name in fields}, attempts=attempts[delivery.id]
        )
        for delivery in deliveries
    ]


def _media_out(media: Media) -> MediaOut:
    return MediaOut.model_validate(
        {
            "kind": media.kind,
            "sha256": media.sha256,
            "size": media.size,
            "content_type": media.content_type,
            "is_deleted": media.deleted_at is not None,
            "href": f"/api/v1/events/{media.event_id}/{media.kind}",
        }
    )


def _may_have(principal: Principal, kind: str) -> bool:
    """Whether this asker may have files of a kind: unmasked originals never leave the house."""
    return kind != "original" or principal.receiver_id is None


def event_detail(session: Session, event_id: UUID, principal: Principal) -> EventDetail:
    """
    Show an event with all that belongs to it and that this asker may see.

    Raises
    ------
    NotFound
        There is no such event for this asker.
    """
    event = event_by_id(session, event_id, receiver_id=principal.receiver_id)
    if event is None:
        raise not_found(EVENT, event_id)
    deliveries = deliveries_of(session, [event_id], receiver_id=principal.receiver_id)
    if not deliveries and event.incident_id is not None:  # merged: told with its incident
        deliveries = deliveries_on(session, [event.incident_id], receiver_id=principal.receiver_id)
    return EventDetail(
        **event_out(event).model_dump(),
        record=event.record,
        ending=event.ending,
        media=[
            _media_out(one) for one in media_of(session, event_id) if _may_have(principal, one.kind)
        ],
        verdicts=verdicts_out(verdicts_of(session, event), principal),
        deliveries=deliveries_out(session, deliveries),
    )


def show_image(
    session: Session,
    event_id: UUID,
    kind: str,
    *,
    principal: Principal,
    state: AppState,
    byte_range: str,
) -> Response:
    """
    Answer with an image and log the look, in the same transaction.

    Parameters
    ----------
    session
        A writing transaction.
    event_id
        Which event.
    kind
        snapshot, still, clip, original or manifest.
    principal
        Who looks.
    state
        Gives the media folder and the time.
    byte_range
        The request's Range header.

    Raises
    ------
    NotFound
        There is no such image for this asker.
    MediaGone
        The image was deleted.
    RangeUnsatisfiable
        The range lies outside the file.
    """
    event = event_by_id(session, event_id, receiver_id=principal.receiver_id)
    is_shown = event is not None and _may_have(principal, kind)
    media = media_by_kind(session, event_id, kind) if is_shown else None
    if media is None:
        raise not_found(IMAGE, f"{event_id}/{kind}")
    response = media_response(state.settings.media_dir, media, byte_range)
    log_look(
        session,
        media,
        principal,
        what="image.view",
        at=state.clock.now(),
        byte_range=byte_range,
        key_id=principal.key_id,
        account_id=principal.account_id,
    )
    return response
