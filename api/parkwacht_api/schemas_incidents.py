"""What crosses HTTP of incidents, of what people do with them, and of shifts."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints, model_validator

from parkwacht_api.schemas import (
    DeliveryOut,
    EventOut,
    LegalBasis,
    Person,
    Reason,
    ReviewState,
    Strict,
    VerdictOut,
    check_number,
)
from parkwacht_config.site import Severity

Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]
IncidentKind = Literal["intrusion", "camera_trouble", "partner_trouble", "service_trouble", "test"]
IncidentState = Literal["open", "over", "closed"]
OutcomeWord = Literal[
    "arrested",
    "chased_off",
    "gone",
    "damage",
    "theft",
    "nothing_found",
    "authorised",
    "repaired",
    "other",
]


class AckIn(Strict):
    """A person takes an incident up."""

    person: Person
    note: Note = ""


class NoteIn(Strict):
    """A line for the duty log."""

    person: Person
    text: Reason


class OutcomeIn(Strict):
    """What came of an incident."""

    person: Person
    outcome: OutcomeWord
    note: Note = ""


class CloseIn(Strict):
    """Why an incident is closed, or opened again: never without a reason."""

    person: Person
    reason: Reason


class ReleaseIn(Strict):
    """A hand-over to a receiver that gets nothing by itself, with its legal basis."""

    receiver_id: Annotated[str, Field(max_length=63)]
    person: Person
    legal_basis: LegalBasis
    legal_number: Annotated[str, StringConstraints(strip_whitespace=True, max_length=120)] = ""
    note: Note = ""

    @model_validator(mode="after")
    def _number_where_needed(self) -> Self:
        check_number(self.legal_basis, self.legal_number)
        return self


class EntryOut(BaseModel):
    """A line of the duty log; without a person it is the service's own."""

    at: datetime
    what: str
    person: str
    text: str
    details: dict[str, Any]


class IncidentOut(BaseModel):
    """An incident in a list."""

    id: UUID
    number: int
    site_id: str
    kind: IncidentKind
    subject: str
    cause: str
    severity: Severity
    state: IncidentState
    review_state: ReviewState
    avs_level: int | None
    opened_at: datetime
    received_at: datetime
    last_at: datetime
    x_m: float | None
    y_m: float | None
    n_events: int
    n_merged: int
    n_updates: int
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    outcome: OutcomeWord | None
    outcome_at: datetime | None
    closed_at: datetime | None
    closed_by: str | None
    close_reason: str | None
    version: int


class IncidentDetail(IncidentOut):
    """An incident with all that belongs to it; a partner sees no duty log."""

    events: list[EventOut]
    verdicts: list[VerdictOut]
    deliveries: list[DeliveryOut]
    entries: list[EntryOut]


class IncidentPage(BaseModel):
    """A page of incidents, newest first."""

    items: list[IncidentOut]
    next_cursor: str | None


class HandoverIn(Strict):
    """The end of a shift."""

    from_person: Person
    to_person: Person
    note: Note = ""


class AcceptIn(Strict):
    """Who takes a shift over."""

    person: Person


class HandoverOut(BaseModel):
    """A handover, with the incidents that were open as they stood then."""

    id: int
    at: datetime
    from_person: str
    to_person: str
    note: str
    accepted_at: datetime | None
    open_incidents: list[dict[str, Any]]


class HandoverList(BaseModel):
    """The latest handovers, newest first."""

    items: list[HandoverOut]
