"""
Images are deleted when their time is over; the rows stay and say so.

How long is the site's own rule (`retention.images_days`, 28 unless it gives a reason).
"""

import logging
from datetime import datetime, timedelta
from pathlib import Path

from parkwacht_api.database import Database
from parkwacht_api.repository import media_stored_before
from parkwacht_config.site import Site

logger = logging.getLogger(__name__)

RETENTION_EVERY = timedelta(days=1)


def delete_old_media(database: Database, site: Site, media_dir: Path, *, at: datetime) -> int:
    """
    Delete the files that were kept long enough and mark their rows.

    The file goes first: a crash in between leaves a row that is marked at the next run.

    Parameters
    ----------
    database
        Where the rows are.
    site
        How long images are kept.
    media_dir
        Folder of all media.
    at
        The present instant.

    Returns
    -------
    int
        How many files were deleted.
    """
    before = at - timedelta(days=site.retention.images_days)
    with database.reading() as session:
        if not media_stored_before(session, before):
            return 0
    with database.writing() as session:
        rows = media_stored_before(session, before)
        for row in rows:
            (media_dir / row.path).unlink(missing_ok=True)
            row.deleted_at = at
            logger.info("deleted %s of event %s, kept since %s", row.kind, row.event_id, before)
    return len(rows)
