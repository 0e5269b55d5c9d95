"""What crosses HTTP, besides the records of the worker themselves."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from parkwacht_config.site import ObjectClass, Severity
from parkwacht_vision.event import Decoding

Person = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=120)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=2000)]
ReviewState = Literal["unreviewed", "verified", "dismissed", "unclear"]
FalseCause = Literal["animal", "weather", "light", "authorised", "test", "other"]
MediaKind = Literal["snapshot", "still", "clip", "original", "manifest"]


class LegalBasis(StrEnum):
    """
    On which ground images may go to the police.

    Handing over on one's own initiative is lawful (HR 27-11-2012); where the police asked first,
    a vordering is needed (HR 2010, LJN BL7688).
    """

    OWN_INITIATIVE = "own_initiative"
    VORDERING = "vordering"
    AANGIFTE = "aangifte"


class Strict(BaseModel):
    """Base of what comes in: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


LOWEST_VERIFIED = 2  # AVS-01: a human presence; below it nothing is verified


def check_number(basis: LegalBasis | None, number: str) -> None:
    """
    Insist on the number of a vordering or aangifte.

    Parameters
    ----------
    basis
        The legal basis, where there is one.
    number
        Its number.

    Raises
    ------
    ValueError
        It is missing.
    """
    if basis not in {None, LegalBasis.OWN_INITIATIVE} and not number:
        message = "legal_number is needed for a vordering or aangifte"
        raise ValueError(message)


class VerdictIn(Strict):
    """What a person judged; a false alarm has a cause, a real one an AVS-01 level from 2 to 4."""

    verdict: Literal["verified", "dismissed", "unclear"]
    cause: FalseCause | None = None
    person: Person
    reason: Reason
    avs_level: Annotated[int, Field(ge=0, le=4)] | None = None
    legal_basis: LegalBasis | None = None
    legal_number: Annotated[str, StringConstraints(strip_whitespace=True, max_length=120)] = ""

    @model_validator(mode="after")
    def _cause_and_level(self) -> Self:
        if (self.cause is not None) != (self.verdict == "dismissed"):
            message = "cause belongs to dismissed, and to it only"
            raise ValueError(message)
        is_real = (self.avs_level or 0) >= LOWEST_VERIFIED
        if is_real != (self.verdict == "verified"):
            message = "avs_level is 2, 3 or 4 for verified, and at most 1 otherwise"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _number_where_needed(self) -> Self:
        check_number(self.legal_basis, self.legal_number)
        return self


class AcknowledgeIn(Strict):
    """A person at the receiver took the alarm up."""

    by: Person
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)] = ""


class ReplayIn(Strict):
    """A delivery is to be tried anew."""

    reason: Reason


class MediaOut(BaseModel):
    """A file of an event: the picture with and without the box, clip, original, manifest."""

    kind: MediaKind
    sha256: str
    size: int
    content_type: str
    is_deleted: bool
    href: str


class VerdictOut(BaseModel):
    """
    A verdict as it was given; without an event it is on the incident as a whole.

    A receiver sees the reason and the legal basis only where its own task needs them, else null.
    """

    event_id: UUID | None
    verdict: str
    cause: str | None
    person: str
    reason: str | None
    avs_level: int | None
    legal_basis: str | None
    legal_number: str | None
    given_at: datetime


class AttemptOut(BaseModel):
    """One attempt to send."""

    number: int
    started_at: datetime
    ended_at: datetime | None
    outcome: str
    http_status: int | None
    error: str


class DeliveryOut(BaseModel):
    """One message for one receiver; sent, taken by a machine and taken up by a person apart."""

    id: UUID
    event_id: UUID | None
    incident_id: UUID | None
    receiver_id: str
    channel_id: str
    step: int
    kind: str
    state: str
    reason: str
    created_at: datetime
    replayed_at: datetime | None
    sent_at: datetime | None
    delivered_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    acknowledged_note: str | None
    n_attempts: int
    attempts: list[AttemptOut] = []


class EventOut(BaseModel):
    """An event in a list."""

    id: UUID
    site_id: str
    camera_id: str
    zone_id: str
    severity: Severity
    object_class: ObjectClass
    confidence: float
    started_at: datetime
    confirmed_at: datetime
    received_at: datetime
    ended_at: datetime | None
    review_state: ReviewState
    version: int
    incident_id: UUID | None


class EventDetail(EventOut):
    """An event with all that belongs to it."""

    record: dict[str, Any]
    ending: dict[str, Any] | None
    media: list[MediaOut]
    verdicts: list[VerdictOut]
    deliveries: list[DeliveryOut]


class EventPage(BaseModel):
    """A page of events, newest first."""

    items: list[EventOut]
    next_cursor: str | None


class DeliveryPage(BaseModel):
    """A page of deliveries, newest first."""

    items: list[DeliveryOut]
    next_cursor: str | None


CameraStateWord = Literal["watching", "trouble", "silent", "never"]


class TroubleOut(BaseModel):
    """Something that keeps a camera from watching well; open while it has no end."""

    id: UUID
    camera_id: str
    cause: str
    severity: Severity
    started_at: datetime
    ended_at: datetime | None
    record: dict[str, Any]


class TroublePage(BaseModel):
    """A page of troubles, newest first."""

    items: list[TroubleOut]
    next_cursor: str | None


class NightOut(BaseModel):
    """How much of its armed time a camera watched, from noon to noon on the site's clock."""

    started_at: datetime
    ended_at: datetime
    armed_s: float
    analysed_s: float
    blind_s: dict[str, float]  # by cause; not_watched where no worker told of it
    availability: float | None  # 0 to 1; None where nothing was armed


class CameraOut(BaseModel):
    """A camera: whether it watches now, what troubles it, and how its last night went."""

    id: str
    name: str
    state: CameraStateWord
    watched_until: datetime | None
    troubles: list[TroubleOut]
    night: NightOut
    decoding: Decoding | None = None  # how much of its stream is decoded, and why


class CameraList(BaseModel):
    """All cameras of the park that watch or were watched."""

    items: list[CameraOut]


class Stored(BaseModel):
    """What was stored, or was already there."""

    id: UUID
    is_new: bool


class Health(BaseModel):
    """Whether the service can do its work, check by check."""

    status: Literal["ok", "degraded", "failing"]
    checks: dict[str, str] = {}
