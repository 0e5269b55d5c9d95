"""
What the service counts, for Prometheus: read from the database when asked.

Nothing is counted in memory, so that every process of the service tells the same and a restart
forgets nothing. No names of people, no images and no addresses stand in it.
"""

from collections.abc import Iterator
from datetime import datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from parkwacht_api.database import Database
from parkwacht_api.models import CameraTroubleRow, Delivery, Event, Heartbeat, Media
from parkwacht_api.models_incidents import Incident, PartnerState
from parkwacht_api.repository import last_watched

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def _counted(
    session: Session, name: str, help_text: str, **labels: InstrumentedAttribute[str]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, help_text, labels=list(labels))
    columns = list(labels.values())
    for *values, n_rows in session.execute(select(*columns, func.count()).group_by(*columns)):
        family.add_metric([str(value) for value in values], n_rows)
    return family


def _ages(
    name: str, help_text: str, label: str, found: dict[str, datetime], at: datetime
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, help_text, labels=[label])
    for key, since in found.items():
        family.add_metric([key], max(0.0, (at - since).total_seconds()))
    return family


def _oldest_pending(session: Session) -> dict[str, datetime]:
    query = (
        select(Delivery.receiver_id, func.min(Delivery.created_at))
        .where(Delivery.state == "pending")
        .group_by(Delivery.receiver_id)
    )
    return {row[0]: row[1] for row in session.execute(query)}


def _media_bytes(session: Session) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "parkwacht_media_bytes", "Images and clips that are kept.", labels=["kind"]
    )
    query = select(Media.kind, func.sum(Media.size)).where(Media.deleted_at.is_(None))
    for kind, size in session.execute(query.group_by(Media.kind)):
        family.add_metric([kind], size)
    return family


def _partners(session: Session) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "parkwacht_partner_up",
        "Whether a partner's channel answers: 1, 0, or -1 where it was never asked.",
        labels=["receiver", "channel"],
    )
    known = {"up": 1.0, "down": 0.0}
    for row in session.scalars(select(PartnerState)):
        family.add_metric([row.receiver_id, row.channel_id], known.get(row.state, -1.0))
    return family


def _cameras(session: Session, at: datetime) -> Iterator[Metric]:
    yield _ages(
        "parkwacht_camera_last_watched_seconds",
        "Since the end of the last reported watch of a camera.",
        "camera",
        last_watched(session),
        at,
    )
    family = GaugeMetricFamily(
        "parkwacht_camera_open_troubles", "Troubles that are not over.", labels=["camera", "cause"]
    )
    row = CameraTroubleRow
    troubles = (
        select(row.camera_id, row.cause, func.count())
        .where(row.ended_at.is_(None))
        .group_by(row.camera_id, row.cause)
    )
    for camera_id, cause, n_rows in session.execute(troubles):
        family.add_metric([camera_id, cause], n_rows)
    yield family


class DatabaseCollector(Collector):
    """Reads every figure in one transaction."""

    def __init__(self, database: Database, at: datetime) -> None:
        self._database = database
        self._at = at

    def collect(self) -> Iterator[Metric]:
        """Give the figures."""
        with self._database.reading() as session:
            yield _counted(
                session,
                "parkwacht_events",
                "Events that were taken in.",
                severity=Event.severity,
                review_state=Event.review_state,
            )
            yield _counted(
                session,
                "parkwacht_incidents",
                "Incidents.",
                kind=Incident.kind,
                state=Incident.state,
            )
            yield _counted(
                session,
                "parkwacht_deliveries",
                "Deliveries by where they stand.",
                receiver=Delivery.receiver_id,
                state=Delivery.state,
            )
            yield _ages(
                "parkwacht_delivery_oldest_pending_seconds",
                "Age of the oldest delivery that is still to be made.",
                "receiver",
                _oldest_pending(session),
                self._at,
            )
            beats = {row.name: row.at for row in session.scalars(select(Heartbeat))}
            yield _ages(
                "parkwacht_heartbeat_age_seconds",
                "Since the last sign of life of a process.",
                "process",
                beats,
                self._at,
            )
            yield _partners(session)
            yield _media_bytes(session)
            yield from _cameras(session, self._at)


def render_metrics(database: Database, at: datetime) -> bytes:
    """
    Write all figures in the text format of Prometheus.

    Parameters
    ----------
    database
        What is counted.
    at
        The present instant, for ages.
    """
    registry = CollectorRegistry()
    registry.register(DatabaseCollector(database, at))
    return generate_latest(registry)
