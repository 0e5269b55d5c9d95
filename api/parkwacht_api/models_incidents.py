"""
The tables of alarm handling: incidents, what people did with them, and how the partners are.

An incident gathers what belongs together; its row is what operators lock, judge and close. Every
act on it is a row of its own, never written over.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from parkwacht_api.models import Base, Serial


class Incident(Base):
    """What happened at one place and time, or one trouble, from its first sign to its closing."""

    __tablename__ = "incident"
    __table_args__ = (
        Index(None, "opened_at", "id"),
        Index(None, "state", "opened_at", "id"),
        Index(None, "review_state", "opened_at", "id"),
        Index(None, "state", "last_at"),
        Index(None, "subject", "state"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="stable; what partners quote")
    number: Mapped[int] = mapped_column(unique=True, comment="short number that people say")
    site_id: Mapped[str] = mapped_column(comment="park")
    kind: Mapped[str] = mapped_column(
        comment="intrusion, camera_trouble, partner_trouble, service_trouble or test"
    )
    subject: Mapped[str] = mapped_column(comment="zone, camera, receiver or process it is about")
    cause: Mapped[str] = mapped_column(comment="rule of the first event, or cause of the trouble")
    severity: Mapped[str] = mapped_column(comment="low, medium or high: the highest so far")
    state: Mapped[str] = mapped_column(comment="open, over (nothing seen any more) or closed")
    review_state: Mapped[str] = mapped_column(
        comment="unreviewed, verified, dismissed or unclear: the last verdict"
    )
    avs_level: Mapped[int | None] = mapped_column(comment="ANSI/TMA AVS-01 level, 0 to 4")
    opened_at: Mapped[datetime] = mapped_column(comment="first sign, by the clock of the world")
    received_at: Mapped[datetime] = mapped_column(comment="stored here")
    last_at: Mapped[datetime] = mapped_column(comment="last sign, by the clock of the world")
    heard_at: Mapped[datetime] = mapped_column(comment="last sign, stored here")
    x_m: Mapped[float | None] = mapped_column(comment="of the last event, EPSG:28992")
    y_m: Mapped[float | None] = mapped_column(comment="of the last event, EPSG:28992")
    n_events: Mapped[int] = mapped_column(comment="events gathered in it")
    n_merged: Mapped[int] = mapped_column(comment="of those, told to nobody by themselves")
    n_updates: Mapped[int] = mapped_column(comment="updates sent; the sequence of deliveries")
    acknowledged_at: Mapped[datetime | None] = mapped_column(comment="a person took it up")
    acknowledged_by: Mapped[str | None] = mapped_column(comment="who")
    outcome: Mapped[str | None] = mapped_column(comment="what came of it, as a person said")
    outcome_at: Mapped[datetime | None] = mapped_column(comment="when that was said")
    closed_at: Mapped[datetime | None] = mapped_column(comment="when closed")
    closed_by: Mapped[str | None] = mapped_column(comment="by whom")
    close_reason: Mapped[str | None] = mapped_column(Text, comment="why: no closing without")
    version: Mapped[int] = mapped_column(comment="number of acts of people and of news; its ETag")


class IncidentEntry(Base):
    """One line of the duty log of an incident: an act of a person, or of the service."""

    __tablename__ = "incident_entry"

    id: Mapped[int] = mapped_column(Serial, primary_key=True, comment="serial")
    incident_id: Mapped[UUID] = mapped_column(
        ForeignKey("incident.id"), index=True, comment="its incident"
    )
    at: Mapped[datetime] = mapped_column(comment="when")
    what: Mapped[str] = mapped_column(
        comment="opened, merged, updated, over, acknowledged, verdict, escalated, outcome, "
        "note, closed or reopened"
    )
    person: Mapped[str] = mapped_column(comment="who; empty: the service itself")
    text: Mapped[str] = mapped_column(Text, comment="in their words")
    details: Mapped[dict[str, Any]] = mapped_column(comment="what else is known of it")


class Handover(Base):
    """The end of one shift and the beginning of the next."""

    __tablename__ = "handover"

    id: Mapped[int] = mapped_column(Serial, primary_key=True, comment="serial")
    at: Mapped[datetime] = mapped_column(index=True, comment="when handed over")
    from_person: Mapped[str] = mapped_column(comment="who goes")
    to_person: Mapped[str] = mapped_column(comment="who comes")
    note: Mapped[str] = mapped_column(Text, comment="what the next must know")
    open_incidents: Mapped[dict[str, Any]] = mapped_column(comment="what was open, as it stood")
    accepted_at: Mapped[datetime | None] = mapped_column(comment="taken over by who comes")


class Counter(Base):
    """A number that goes on over restarts; whoever changes it keeps others from it until commit."""

    __tablename__ = "counter"

    name: Mapped[str] = mapped_column(
        primary_key=True, comment="incident, or given_up: and a receiver"
    )
    value: Mapped[int] = mapped_column(comment="the last number given, or the last count told of")


class PartnerState(Base):
    """How one channel of one partner is: what was heard of it last, and whether it rests."""

    __tablename__ = "partner_state"

    receiver_id: Mapped[str] = mapped_column(primary_key=True, comment="partner in the site file")
    channel_id: Mapped[str] = mapped_column(primary_key=True, comment="channel of it")
    state: Mapped[str] = mapped_column(comment="unknown, up or down")
    since: Mapped[datetime] = mapped_column(comment="in this state since")
    last_success_at: Mapped[datetime | None] = mapped_column(comment="last good answer")
    last_failure_at: Mapped[datetime | None] = mapped_column(comment="last failure")
    n_failures: Mapped[int] = mapped_column(comment="failures since the last good answer")
    rests_until: Mapped[datetime | None] = mapped_column(
        comment="circuit open: only one trial at a time after this"
    )
    detail: Mapped[str] = mapped_column(String(2048), comment="what went wrong last")
    data: Mapped[dict[str, Any]] = mapped_column(
        comment="what the channel keeps, such as a clock offset"
    )
