"""What crosses HTTP about accounts and the audit log."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from parkwacht_api.roles import Role


class AccountOut(BaseModel):
    """An account without its secrets."""

    id: UUID
    name: str
    person: str
    role: Role
    receiver_id: str | None
    has_second_factor: bool
    must_change: Annotated[bool, Field(description="still has its password for one log-in")]
    is_locked: Annotated[bool, Field(description="by wrong log-ins")]
    created_at: datetime
    disabled_at: datetime | None


class AccountList(BaseModel):
    """Every account, by name."""

    items: list[AccountOut]


class AccountIn(BaseModel):
    """What an account is made of."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=60, description="to log in with")]
    person: Annotated[str, Field(max_length=120, description="who it is")] = ""
    role: Role
    receiver_id: Annotated[str | None, Field(description="for a police_reader")] = None


class OneTimePassword(BaseModel):
    """A password for one log-in; it cannot be shown again."""

    id: UUID
    name: str
    password: str


class AuditOut(BaseModel):
    """One entry of the audit log."""

    id: int
    at: datetime
    who: Annotated[str, Field(description="name, as shown; several accounts may have it")]
    who_id: Annotated[
        str | None,
        Field(description="account:name or key:id, unique; empty: another; null: an old entry"),
    ]
    role: str
    via: str
    address: str
    what: str
    object_kind: str
    object_id: str
    why: str
    details: dict[str, Any]
    previous_hash: str
    hash: str


class AuditPage(BaseModel):
    """A page of the audit log, newest first."""

    items: list[AuditOut]
    next_before: Annotated[int | None, Field(description="`before` of the next page")]
