"""
The log of looks at images: who got which file of an event, when and how; written here only.

A look is a line of its own, which goes into evidence packages and is deleted with its event, and an
entry of the audit log, which stays; both in the transaction that allows the look.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from parkwacht_api.audit import Act, Actor, audit
from parkwacht_api.models import ImageAccess, Media

RANGE_LENGTH = 300


def log_look(  # noqa: PLR0913  # what a look is made of
    session: Session,
    media: Media,
    actor: Actor,
    *,
    what: str,
    at: datetime,
    byte_range: str = "",
    key_id: str | None = None,
    account_id: UUID | None = None,
) -> None:
    """
    Log that somebody gets a file of an event.

    Parameters
    ----------
    session
        The writing transaction that allows it.
    media
        Which file.
    actor
        Who gets it.
    what
        `image.view` or `image.send`.
    at
        The present instant.
    byte_range
        The request's Range header.
    key_id
        With which key, where with one.
    account_id
        Of which account, where of one.
    """
    byte_range = byte_range[:RANGE_LENGTH]
    session.add(
        ImageAccess(
            event_id=media.event_id,
            media_id=media.id,
            kind=media.kind,
            byte_range=byte_range,
            at=at,
            person=actor.name,
            key_id=key_id,
            account_id=account_id,
            via=actor.via,
            address=actor.address,
        )
    )
    details = {"kind": media.kind, "sha256": media.sha256, "range": byte_range}
    audit(session, actor, Act(what, "event", str(media.event_id), details=details), at=at)
