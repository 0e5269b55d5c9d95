"""
The tables: what is kept of an event, who was told, who looked, and who may.

Rows are added and marked, never silently removed; only image files are deleted (`retention`).
Instants are aware UTC. Every column carries its meaning as a comment, also in the database.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from parkwacht_api.database import UtcDateTime

RESPONSE_LIMIT = 2048
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
Serial = BigInteger().with_variant(Integer(), "sqlite")


class Base(DeclarativeBase):
    """Base of every table."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012  # SQLAlchemy reads this from the class
        datetime: UtcDateTime,
        UUID: Uuid,
        dict[str, Any]: JSON,
        str: String(300),
    }


class Event(Base):
    """One intrusion as the worker handed it over, and where its review stands."""

    __tablename__ = "event"
    # A page of the list is a range of one of these, whatever it is filtered by.
    __table_args__ = (
        Index(None, "started_at", "id"),
        Index(None, "camera_id", "started_at", "id"),
        Index(None, "review_state", "started_at", "id"),
        Index(None, "object_class", "started_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="made by the worker, stable")
    site_id: Mapped[str] = mapped_column(comment="park")
    camera_id: Mapped[str] = mapped_column(comment="camera that saw it")
    zone_id: Mapped[str] = mapped_column(comment="zone that raised it")
    severity: Mapped[str] = mapped_column(comment="low, medium or high")
    object_class: Mapped[str] = mapped_column(comment="class now; the ending may better it")
    confidence: Mapped[float] = mapped_column(comment="of the detector, 0 to 1")
    started_at: Mapped[datetime] = mapped_column(comment="first frame with the object")
    confirmed_at: Mapped[datetime] = mapped_column(comment="frame in which the rule was met")
    received_at: Mapped[datetime] = mapped_column(comment="stored here")
    record: Mapped[dict[str, Any]] = mapped_column(comment="FlaggedEvent as it was sent")
    digest: Mapped[str] = mapped_column(String(64), comment="SHA-256 of the record's content")
    ended_at: Mapped[datetime | None] = mapped_column(comment="last frame with the object")
    ending: Mapped[dict[str, Any] | None] = mapped_column(comment="EventEnding as it was sent")
    ending_digest: Mapped[str | None] = mapped_column(
        String(64), comment="SHA-256 of the ending's content"
    )
    review_state: Mapped[str] = mapped_column(
        comment="unreviewed, verified, dismissed or unclear: the last verdict"
    )
    version: Mapped[int] = mapped_column(comment="number of verdicts; the ETag of a review")
    incident_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("incident.id"), index=True, comment="incident it belongs to"
    )


class Media(Base):
    """A file that belongs to an event; the row outlives the file."""

    __tablename__ = "media"
    __table_args__ = (UniqueConstraint("event_id", "kind"),)

    id: Mapped[int] = mapped_column(Serial, primary_key=True, comment="serial")
    event_id: Mapped[UUID] = mapped_column(ForeignKey("event.id"), comment="its event")
    kind: Mapped[str] = mapped_column(comment="snapshot, still, clip, original or manifest")
    path: Mapped[str] = mapped_column(comment="inside the media folder")
    sha256: Mapped[str] = mapped_column(String(64), comment="of the bytes, checked at ingest")
    size: Mapped[int] = mapped_column(BigInteger, comment="in bytes")
    content_type: Mapped[str] = mapped_column(comment="of the file, such as video/mp4")
    stored_at: Mapped[datetime] = mapped_column(index=True, comment="retention counts from here")
    deleted_at: Mapped[datetime | None] = mapped_column(comment="file removed by retention")


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    HELD = "held"
    REFUSED = "refused"
    DEAD = "dead"


class Delivery(Base):
    """One message for one channel of one receiver, and the three times kept apart."""

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("incident_id", "receiver_id", "channel_id", "kind", "sequence"),
        Index(None, "state", "due_at"),
        Index(None, "escalate_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="webhook-id, stable over retries")
    event_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("event.id"), index=True, comment="event it tells of; empty: none, a trouble"
    )
    incident_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("incident.id"), index=True, comment="incident it tells of"
    )
    receiver_id: Mapped[str] = mapped_column(index=True, comment="partner in the site file")
    channel_id: Mapped[str] = mapped_column(comment="channel of that partner")
    step: Mapped[int] = mapped_column(comment="0 for the first channel, 1 for the next ...")
    kind: Mapped[str] = mapped_column(comment="such as event.flagged, see release")
    sequence: Mapped[int] = mapped_column(comment="which update of the incident; 0: the first")
    escalate_at: Mapped[datetime | None] = mapped_column(
        comment="no person acknowledged until then: the next channel"
    )
    escalated_at: Mapped[datetime | None] = mapped_column(comment="the next channel was taken")
    state: Mapped[str] = mapped_column(comment="pending, delivered, held, refused or dead")
    reason: Mapped[str] = mapped_column(Text, comment="why it is held, refused or dead")
    payload: Mapped[dict[str, Any]] = mapped_column(comment="what is sent: as it was at release")
    created_at: Mapped[datetime] = mapped_column(comment="released to this receiver")
    due_at: Mapped[datetime] = mapped_column(comment="next attempt not before")
    put_off_at: Mapped[datetime | None] = mapped_column(
        comment="when due_at was set after a failure; empty: at release"
    )
    replayed_at: Mapped[datetime | None] = mapped_column(comment="a person let it be tried anew")
    n_attempts: Mapped[int] = mapped_column(comment="attempts begun")
    n_refusals: Mapped[int] = mapped_column(comment="attempts answered with a 4xx")
    lease_until: Mapped[datetime | None] = mapped_column(comment="claimed by a sender until")
    lease_token: Mapped[UUID | None] = mapped_column(comment="fencing token of that sender")
    sent_at: Mapped[datetime | None] = mapped_column(comment="first attempt began")
    delivered_at: Mapped[datetime | None] = mapped_column(comment="receiver's machine took it")
    acknowledged_at: Mapped[datetime | None] = mapped_column(comment="a person took it up")
    acknowledged_by: Mapped[str | None] = mapped_column(comment="who")
    acknowledged_note: Mapped[str | None] = mapped_column(Text, comment="what they said")


class Attempt(Base):
    """One attempt to send; written before it is sent, so that a crash leaves its trace."""

    __tablename__ = "attempt"
    __table_args__ = (UniqueConstraint("delivery_id", "number"),)

    id: Mapped[int] = mapped_column(Serial, primary_key=True, comment="serial")
    delivery_id: Mapped[UUID] = mapped_column(ForeignKey("delivery.id"), comment="its delivery")
    number: Mapped[int] = mapped_column(comment="1 for the first")
    started_at: Mapped[datetime] = mapped_column(comment="claimed for sending")
    ended_at: Mapped[datetime | None] = mapped_column(comment="empty: the sender died")
    outcome: Mapped[str] = mapped_column(comment="sending, delivered, failed, refused or held")
    http_status: Mapped[int | None] = mapped_column(comment="the receiver's answer")
    response: Mapped[str] = mapped_column(
        String(RESPONSE_LIMIT), comment="beginning of the receiver's answer"
    )
    error: Mapped[str] = mapped_column(Text, comment="what went wrong, in English")


class Verdict(Base):
    """What a person judged; a second verdict is added, never written over the first."""

    __tablename__ = "verdict"

    id: Mapped[int] = mapped_column(Serial, primary_key=True, comment="serial")
    event_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("event.id"), index=True, comment="its event; empty: the incident as a whole"
    )
    incident_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("incident.id"), index=True, comment="incident that was judged with it"
    )
    verdict: Mapped[str] = mapped_column(comment="verified, dismissed or unclear")
    cause: Mapped[str | None] = mapped_column(
        comment="of a false alarm: animal, weather, light, authorised, test or other"
    )
    person: Mapped[str] = mapped_column(comment="who judged")
    key_id: Mapped[str | None] = mapped_column(ForeignKey("api_key.id"), comment="with which key")
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), comment="or account")
    reason: Mapped[str] = mapped_column(Text, comment="why")
    avs_level: Mapped[int | None] = mapped_column(comment="ANSI/TMA AVS-01 level, 0 to 4")
    legal_basis: Mapped[str | None] = mapped_column(
        comment="own_initiative, vordering or aangifte: of a release to the police"
    )
    legal_number: Mapped[str | None] = mapped_column(comment="of the vordering or aangifte")
    given_at: Mapped[datetime] = mapped_column(comment="when")


class ApiKey(Base):
    """A machine's key; only the hash of its secret is kept."""

    __tablename__ = "api_key"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, comment="public part")
    name: Mapped[str] = mapped_column(comment="whose key this is")
    secret_sha256: Mapped[str] = mapped_column(String(64), comment="of the secret part")
    scopes: Mapped[str] = mapped_column(Text, comment="what it may do, separated by spaces")
    receiver_id: Mapped[str | None] = mapped_column(
        comment="where set: sees only what was released to this receiver"
    )
    role: Mapped[str | None] = mapped_column(comment="role it was made for, where for one")
    certificate_sha256: Mapped[str | None] = mapped_column(
        String(64),
        index=True,
        unique=True,
        comment="of a client certificate that stands for the secret",
    )
    created_at: Mapped[datetime] = mapped_column(comment="when made")
    revoked_at: Mapped[datetime | None] = mapped_column(comment="when withdrawn")


class ImageAccess(Base):
    """Every reading of a picture or clip: who, when, which, from where."""

    __tablename__ = "image_access"

    id: Mapped[int] = mapped_column(Serial, primary_key=True, comment="serial")
    event_id: Mapped[UUID] = mapped_column(ForeignKey("event.id"), index=True, comment="which")
    media_id: Mapped[int] = mapped_column(ForeignKey("media.id"), comment="which file")
    kind: Mapped[str] = mapped_column(comment="snapshot, still, clip, original or manifest")
    byte_range: Mapped[str] = mapped_column(comment="Range header, empty for the whole file")
    at: Mapped[datetime] = mapped_column(index=True, comment="when")
    person: Mapped[str] = mapped_column(comment="name of the person or of the key")
    key_id: Mapped[str | None] = mapped_column(
        ForeignKey("api_key.id"), comment="with which key; empty: with none, see via"
    )
    via: Mapped[str] = mapped_column(comment="api, console or delivery: sent to a receiver")
    address: Mapped[str] = mapped_column(comment="network address it came from")
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), comment="or account")


class WatchReportRow(Base):
    """What one run of a worker watched and where it was blind."""

    __tablename__ = "watch_report"

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="made by the worker")
    site_id: Mapped[str] = mapped_column(comment="park")
    camera_id: Mapped[str] = mapped_column(index=True, comment="camera")
    started_at: Mapped[datetime] = mapped_column(index=True, comment="watch began")
    ended_at: Mapped[datetime] = mapped_column(comment="watch ended")
    received_at: Mapped[datetime] = mapped_column(comment="stored here")
    record: Mapped[dict[str, Any]] = mapped_column(comment="WatchReport as it was sent")
    digest: Mapped[str] = mapped_column(String(64), comment="SHA-256 of the record's content")


class CameraTroubleRow(Base):
    """Something that keeps a camera from watching well; open until it has an end."""

    __tablename__ = "camera_trouble"
    __table_args__ = (Index(None, "started_at", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="made by the worker, stable")
    site_id: Mapped[str] = mapped_column(comment="park")
    camera_id: Mapped[str] = mapped_column(index=True, comment="camera")
    cause: Mapped[str] = mapped_column(comment="such as covered")
    severity: Mapped[str] = mapped_column(comment="low, medium or high")
    started_at: Mapped[datetime] = mapped_column(comment="first noticed")
    ended_at: Mapped[datetime | None] = mapped_column(index=True, comment="over; empty while open")
    received_at: Mapped[datetime] = mapped_column(comment="last told of")
    record: Mapped[dict[str, Any]] = mapped_column(comment="CameraTrouble as it was sent last")
    digest: Mapped[str] = mapped_column(String(64), comment="SHA-256 of the record's content")


class Heartbeat(Base):
    """The last sign of life of a background process or of a worker."""

    __tablename__ = "heartbeat"

    name: Mapped[str] = mapped_column(primary_key=True, comment="process, such as outbox")
    at: Mapped[datetime] = mapped_column(comment="last sign of life")
    data: Mapped[dict[str, Any]] = mapped_column(comment="what it said of itself")
