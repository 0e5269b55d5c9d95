"""What crosses HTTP of evidence packages, links and holds."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints, model_validator

from parkwacht_api.schemas import LegalBasis, Reason, Strict, check_number

Printable = r"^[^\x00-\x1f\x7f]*$"  # it stands in headers, file names and on one line of a receipt
Short = Annotated[str, StringConstraints(strip_whitespace=True, max_length=120, pattern=Printable)]
ForWhom = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=2, max_length=120, pattern=Printable)
]
Hours = Annotated[float, Field(gt=0, le=24 * 90)]
DEFAULT_HOURS = 72.0


class EvidenceIn(Strict):
    """What is asked for, for whom, what for, and on which ground."""

    for_whom: ForWhom
    reason: Reason
    legal_basis: LegalBasis
    legal_number: Short = ""
    originals_reason: Annotated[
        str,
        StringConstraints(strip_whitespace=True, max_length=2000),
        Field(description="why the sealed unmasked originals must go with it; empty: without"),
    ] = ""

    @model_validator(mode="after")
    def _number_where_needed(self) -> Self:
        check_number(self.legal_basis, self.legal_number)
        return self


class PackageOut(BaseModel):
    """A package that was asked for, and its file."""

    id: UUID
    incident_id: UUID
    asked_at: datetime
    asked_by: str
    for_whom: str
    reason: str
    legal_basis: LegalBasis
    legal_number: str
    originals_reason: str
    size: int | None
    sha256: str | None
    deleted_at: datetime | None
    href: str


class LinkIn(Strict):
    """For whom a link is made, and for how long."""

    for_whom: ForWhom
    hours: Hours = DEFAULT_HOURS


class LinkOut(BaseModel):
    """A link without what opens it."""

    id: UUID
    package_id: UUID
    for_whom: str
    created_at: datetime
    created_by: str
    expires_at: datetime
    revoked_at: datetime | None
    revoked_by: str | None


class NewLinkOut(LinkOut):
    """A link that was just made; its address is shown this once."""

    url: str


class HoldIn(Strict):
    """Why all of an incident must be kept, and until when."""

    reason: Reason
    ends_at: AwareDatetime


class HoldReleaseIn(Strict):
    """Why a hold is lifted before its end."""

    reason: Reason


class HoldOut(BaseModel):
    """A hold, in force or not any more."""

    id: UUID
    incident_id: UUID
    reason: str
    placed_at: datetime
    placed_by: str
    ends_at: datetime
    released_at: datetime | None
    released_by: str | None
    release_reason: str | None
