"""A park with receivers on a database, without a server: to see what each event brings about."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from api_harness import STARTED_AT, bring_up, make_ending, make_flagged, migrated_file
from pydantic import SecretStr
from sqlalchemy import select

from parkwacht_api.database import Database
from parkwacht_api.ingest import store_ending, store_flagged
from parkwacht_api.models import Delivery
from parkwacht_api.models_incidents import Incident, IncidentEntry
from parkwacht_api.state import AppState
from parkwacht_config.clock import FakeClock
from parkwacht_config.settings import Settings
from parkwacht_config.site import Site
from parkwacht_vision.event import FlaggedEvent


@dataclass
class AlarmDesk:
    """The database with a clock that stands still until it is told otherwise."""

    state: AppState
    clock: FakeClock
    database: Database = field(init=False)

    def __post_init__(self) -> None:
        self.database = self.state.database

    def sees(self, after_s: float = 0.0, **changes: Any) -> FlaggedEvent:
        """Store an event that began so long after the first; the clock stands 2 s later."""
        self.at(after_s + 2)
        started_at = STARTED_AT + timedelta(seconds=after_s)
        event = make_flagged(started_at=started_at, **changes)
        with self.database.writing() as session:
            assert store_flagged(session, event, {}, state=self.state)
        return event

    def ends(self, event: FlaggedEvent, **changes: Any) -> None:
        """Store the end of an event."""
        with self.database.writing() as session:
            assert store_ending(session, make_ending(event, **changes), {}, state=self.state)

    def at(self, after_s: float) -> datetime:
        """Set the clock and return what it shows."""
        self.clock.advance(STARTED_AT + timedelta(seconds=after_s) - self.clock.now())
        return self.clock.now()

    def incidents(self) -> list[Incident]:
        """Return the incidents by their numbers."""
        with self.database.reading() as session:
            return list(session.scalars(select(Incident).order_by(Incident.number)))

    def deliveries(self, receiver_id: str | None = None) -> list[Delivery]:
        """Return the messages in the order in which they were planned."""
        with self.database.reading() as session:
            rows = session.scalars(
                select(Delivery).order_by(Delivery.created_at, Delivery.sequence, Delivery.step)
            ).all()
        return [one for one in rows if receiver_id in {None, one.receiver_id}]

    def kinds(self, receiver_id: str | None = None) -> list[str]:
        """Return the kinds of the messages."""
        return [one.kind for one in self.deliveries(receiver_id)]

    def log(self, incident_id: UUID | None = None) -> list[str]:
        """Return what stands in the duty log."""
        with self.database.reading() as session:
            rows = session.scalars(select(IncidentEntry).order_by(IncidentEntry.id)).all()
        return [one.what for one in rows if incident_id in {None, one.incident_id}]


@contextmanager
def alarm_desk(folder: Path, site: Site, database_url: str | None = None) -> Iterator[AlarmDesk]:
    """Open a desk on an empty database."""
    settings = Settings(state_dir=folder)
    if database_url is not None:
        settings = settings.model_copy(update={"database_url": SecretStr(database_url)})
    address = settings.sqlalchemy_url
    if address.startswith("sqlite:///"):
        shutil.copy(migrated_file(), address.removeprefix("sqlite:///"))
    bring_up(address)
    database, clock = Database(address), FakeClock(STARTED_AT)
    try:
        yield AlarmDesk(AppState(settings, site, clock, database), clock)
    finally:
        database.dispose()
