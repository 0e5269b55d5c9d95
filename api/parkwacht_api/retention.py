"""
Images are deleted when their time is over, events later; what is held stays; all of it is logged.

How long is the site's own rule: `retention.images_days` (28 unless it gives a reason), sooner for
what `retention.shorter_days` names, and `retention.events_days` for what was written about them.
The rows of deleted images stay and say so, until the event itself is forgotten.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from uuid import UUID

from sqlalchemy.orm import Session

from parkwacht_api.audit import Act, Somebody, audit
from parkwacht_api.database import Database
from parkwacht_api.evidence import package_path
from parkwacht_api.models import Media
from parkwacht_api.models_incidents import Incident
from parkwacht_api.repository_retention import (
    Shorter,
    event_ids_of,
    events_without_incident,
    forget_events,
    forget_incident,
    incidents_to_forget,
    media_to_delete,
    package_ids_of,
    packages_to_delete,
    paths_of_events,
)
from parkwacht_config.site import Site

logger = logging.getLogger(__name__)

RETENTION_EVERY = timedelta(days=1)
# Other writers wait for a transaction: no alarm waits long for a night's deleting.
AT_ONCE = 100
RETENTION = Somebody("retention", via="service")


def delete_old_media(database: Database, site: Site, media_dir: Path, *, at: datetime) -> int:
    """
    Delete what was kept long enough: images, evidence packages, and at last the events.

    A file goes before its row is marked: a crash in between leaves a row that is marked at the
    next run.

    Parameters
    ----------
    database
        Where the rows are.
    site
        How long what is kept.
    media_dir
        Folder of all media.
    at
        The present instant.

    Returns
    -------
    int
        How many files were deleted.
    """
    run = _Run(database, site, media_dir, at)
    n_files = 0
    for step in (run.delete_images, run.delete_packages, run.forget_incidents, run.forget_loose):
        while (done := step()) is not None:
            n_files += done
    return n_files


class _Run:
    """One night's deleting; each step does a part and returns its files, or None where all is."""

    def __init__(self, database: Database, site: Site, media_dir: Path, at: datetime) -> None:
        self._database = database
        self._media_dir = media_dir
        self._at = at
        kept = site.retention
        self._images_before = at - timedelta(days=kept.images_days)
        self._events_before = at - timedelta(days=kept.events_days)
        self._shorter = [
            Shorter(name, at - timedelta(days=days)) for name, days in kept.shorter_days.items()
        ]

    def _media(self, session: Session) -> Sequence[Media]:
        return media_to_delete(
            session, self._images_before, self._shorter, at=self._at, limit=AT_ONCE
        )

    def delete_images(self) -> int | None:
        with self._database.reading() as session:
            if not self._media(session):
                return None
        with self._database.writing() as session:
            rows = self._media(session)
            for row in rows:
                (self._media_dir / row.path).unlink(missing_ok=True)
                row.deleted_at = self._at
            for event_id, of_event in groupby(rows, key=lambda row: row.event_id):
                files = [{"kind": row.kind, "sha256": row.sha256} for row in of_event]
                self._log(session, "retention.images", "event", str(event_id), files=files)
        logger.info("deleted %d images", len(rows))
        return len(rows)

    def delete_packages(self) -> int | None:
        with self._database.writing() as session:
            rows = packages_to_delete(session, self._images_before, at=self._at, limit=AT_ONCE)
            for row in rows:
                package_path(self._media_dir, row.id).unlink(missing_ok=True)
                row.deleted_at = self._at
                self._log(session, "retention.package", "evidence", str(row.id), sha256=row.sha256)
        return len(rows) or None

    def forget_incidents(self) -> int | None:
        with self._database.writing() as session:
            rows = incidents_to_forget(session, self._events_before, at=self._at, limit=AT_ONCE)
            n_files = sum(self._forget(session, row) for row in rows)
        return n_files if rows else None

    def _forget(self, session: Session, incident: Incident) -> int:
        event_ids = event_ids_of(session, incident.id)
        n_files = self._forget_events(session, event_ids)
        for package_id in package_ids_of(session, incident.id):
            package_path(self._media_dir, package_id).unlink(missing_ok=True)
        incident_id, number = str(incident.id), incident.number
        forget_incident(session, incident.id)
        told = {"number": number, "events": [str(one) for one in event_ids]}
        self._log(session, "retention.forget", "incident", incident_id, **told)
        return n_files

    def _forget_events(self, session: Session, event_ids: Sequence[UUID]) -> int:
        paths = paths_of_events(session, event_ids)
        for path in paths:
            (self._media_dir / path).unlink(missing_ok=True)
        forget_events(session, event_ids)
        return len(paths)

    def forget_loose(self) -> int | None:
        with self._database.writing() as session:
            event_ids = events_without_incident(session, self._events_before, limit=AT_ONCE)
            n_files = self._forget_events(session, event_ids)
            for one in event_ids:
                self._log(session, "retention.forget", "event", str(one))
        return n_files if event_ids else None

    def _log(self, session: Session, what: str, kind: str, key: str, **details: object) -> None:
        audit(session, RETENTION, Act(what, kind, key, details=details), at=self._at)
