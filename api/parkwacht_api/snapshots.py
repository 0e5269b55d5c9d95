"""
The picture of an event for a channel that sends it: read only then, and logged as a look.

A picture that leaves in a mail is seen as surely as one that is fetched: who got it, which, when.
"""

from datetime import datetime
from pathlib import Path
from uuid import UUID

from parkwacht_api.audit import Somebody
from parkwacht_api.database import Database
from parkwacht_api.looks import log_look
from parkwacht_api.repository import media_by_kind

SNAPSHOT = "snapshot"


def read_snapshot(
    database: Database, media_dir: Path, event_id: str, recipient: Somebody, at: datetime
) -> bytes | None:
    """
    Read the snapshot of an event, and log in one transaction that it is sent.

    Parameters
    ----------
    database
        Where the logs are.
    media_dir
        Folder of all media.
    event_id
        Which event, as the payload names it; empty where the delivery is of none.
    recipient
        Who is sent it: the receiver and its channel, and the machine that they are at.
    at
        The present instant.

    Returns
    -------
    bytes or None
        The JPEG; None where there is none or it was deleted.
    """
    if not event_id:
        return None
    key = UUID(event_id)
    with database.writing() as session:
        media = media_by_kind(session, key, SNAPSHOT)
        if media is None or media.deleted_at is not None:
            return None
        try:
            content = (media_dir / media.path).read_bytes()
        except FileNotFoundError:
            return None
        log_look(session, media, recipient, what="image.send", at=at)
    return content
